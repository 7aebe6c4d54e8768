package sim

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/command"
	"github.com/paywatt/paywatt/internal/device/outbox"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/job"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/notify"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/sqlite"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/internal/wallet"
	"github.com/paywatt/paywatt/unit"
	"github.com/paywatt/paywatt/wire"
)

// office is the server of a street of purses: the store and the use cases, without sockets, on the street's clock.
type office struct {
	now     time.Time        // of the street
	clock   func() time.Time // of the store
	engine  *sqlite.Engine
	wallets *wallet.Wallets
	notices notify.Log
	names   io.Reader
	tariff  id.ID
	by      access.Actor
	seen    time.Time
	unseen  time.Time
	posted  bool // a mistake that is made once
}

// officeDoor is the way of the use cases to the store.
type officeDoor[X any] struct {
	engine store.Engine
	as     func(*store.Tx) X
}

// Do runs fn in a transaction.
func (d officeDoor[X]) Do(ctx context.Context, t access.Tenant, fn func(X) (bool, error)) error {
	return d.engine.Run(ctx, t, store.Job, func(tx *store.Tx) (bool, error) { return fn(d.as(tx)) })
}

// View runs fn on a snapshot.
func (d officeDoor[X]) View(ctx context.Context, t access.Tenant, fn func(X) error) error {
	return d.engine.View(ctx, t, func(tx *store.Tx) error { return fn(d.as(tx)) })
}

// open is an Opener of what nobody has sealed: the street has no secrets.
type open struct{}

// Open gives back what it gets.
func (open) Open(_ string, sealed []byte) ([]byte, error) { return append([]byte(nil), sealed...), nil }

func openOffice(o Purses) (*office, error) {
	var seed [32]byte
	binary.LittleEndian.PutUint64(seed[:], o.Seed)
	f := &office{now: o.Start, names: rand.NewChaCha8(seed), by: access.SystemActor(store.FirstTenant, "sim")}
	f.clock = func() time.Time { return f.now }
	clock := func() time.Time { return f.clock() }
	var err error
	seed[31] = 1
	f.engine, err = sqlite.Open(o.Folder, sqlite.Options{Now: clock, Rand: rand.NewChaCha8(seed), Reserve: -1})
	if err != nil {
		return nil, fmt.Errorf("open the server of the street: %w", err)
	}
	f.wallets = wallet.New(wallet.Config{Now: clock, Door: officeDoor[wallet.Tx]{f.engine, func(tx *store.Tx) wallet.Tx { return tx }}})
	f.notices = notify.NewLog(officeDoor[notify.LogTx]{f.engine, func(tx *store.Tx) notify.LogTx { return tx }})
	return f, errors.Join(f.do(context.Background(), func(tx *store.Tx) error { return f.found(tx, o) }))
}

func (f *office) close() error { return f.engine.Close() }

func (f *office) do(ctx context.Context, fn func(*store.Tx) error) error {
	return f.engine.Run(ctx, store.FirstTenant, store.Job, func(tx *store.Tx) (bool, error) { return false, fn(tx) })
}

// found makes the tariff and the settings.
func (f *office) found(tx *store.Tx, o Purses) error {
	if _, err := tx.SetCurrency("KES", 2); err != nil {
		return err
	}
	s, err := tx.TenantSettings()
	if err != nil {
		return err
	}
	s.Supply = o.Supply
	if err := tx.PutTenantSettings(s); err != nil {
		return err
	}
	version, err := tx.NewID()
	if err != nil {
		return err
	}
	if f.tariff, err = tx.NewID(); err != nil {
		return err
	}
	body := tariff.Body{Currency: "KES", VATBps: pursesVAT, Blocks: []tariff.Block{{Rate: pursesMicro}}}
	if o.TOU {
		body.Blocks, body.TOU = nil, &tariff.TOU{Otherwise: 2, Rates: []tariff.Rate{{Name: "peak", Rate: pursesPeak}, {Name: "day", Rate: pursesMicro},
			{Name: "night", Rate: pursesNight}}, Windows: []tariff.Window{{Days: everyDay, From: 16 * 60, To: 20 * 60, Rate: 0}, {Days: everyDay, From: 8 * 60, To: 16 * 60, Rate: 1}}}
	}
	if o.Daily > 0 {
		body.Fixed = []tariff.FixedCharge{{Name: "service", Amount: o.Daily, Per: tariff.PerDay}}
	}
	if err := tx.AddTariffRow(f.tariff, "street"); err != nil {
		return err
	}
	return tx.AddTariffVersion(tariff.Version{ID: version, TariffID: f.tariff, N: 1, EffectiveFrom: o.Start.AddDate(-1, 0, 0), Body: body}, "sim")
}

// register makes the meter's rows.
func (f *office) register(ctx context.Context, h *purse, link []byte, protected bool) error {
	return f.do(ctx, func(tx *store.Tx) error {
		var ids [4]id.ID
		for i := range ids {
			var err error
			if ids[i], err = tx.NewID(); err != nil {
				return err
			}
		}
		n, err := tx.NextMeterN()
		if err != nil {
			return err
		}
		h.n, h.meter, h.account = n, ids[0], ids[1]
		if h.host != nil {
			h.account = h.host.account
		}
		m := registry.Meter{ID: ids[0], N: n, Number: h.number, Mode: registry.PrepayWallet, Status: registry.Active, Account: h.account, Phases: 1,
			ImpPerKWh: 1000, TT: "02", ReadingInterval: pursesInterval, CreatedAt: f.now}
		if h.host != nil {
			return tx.AddMeterRow(m, nil, link)
		}
		err = errors.Join(tx.AddCustomerRow(registry.Customer{ID: ids[2], Lang: "en", CreatedAt: f.now}), tx.AddPoint(registry.Point{ID: ids[3]}),
			tx.AddAccount(registry.Account{ID: ids[1], Customer: ids[2], Point: ids[3], Mode: registry.PrepayWallet, Tariff: f.tariff, Status: "active",
				OpenedAt: f.now}), tx.AddMeterRow(m, nil, link))
		if err == nil && protected {
			err = tx.AccountSupply(ids[1], registry.AccountSupply{Protected: true, Grace: wallet.StayClosed})
		}
		return err
	})
}

// pay puts money into an account and reports 1 where somebody must press a key.
func (f *office) pay(ctx context.Context, h *purse, amount money.Minor) (press int64, err error) {
	err = f.do(ctx, func(tx *store.Tx) error {
		i, err := tx.NewID()
		if err != nil {
			return err
		}
		breach, err := tx.Post(ledger.Journal{ID: i, Kind: ledger.Payment, PostedAt: f.now, Postings: ledger.WalletToppedUp(
			ledger.AccountRef{Code: ledger.Till, Subject: ledger.MainTill}, h.account.Text(id.Account), amount, 0)})
		if err != nil || breach.Refused() {
			return errors.Join(err, errors.New("the payment was refused"))
		}
		settled, err := wallet.SettleAccount(tx, h.account, f.now, true)
		if settled.Press {
			press = 1
		}
		return err
	})
	return press, err
}

// serve is what a server does in an hour: it looks out, takes what comes, charges, decides, and sends.
func (s *pursesRun) serve(ctx context.Context, faults bool) error {
	f := s.office
	if !f.seen.IsZero() && f.now.Sub(f.seen) > 90*time.Minute {
		f.unseen = f.seen // the street's hours are longer than the server's patience
	}
	f.seen = f.now
	for _, h := range s.houses {
		h.witness.now, h.witness.unseen = f.now, f.unseen
	}
	if err := f.look(ctx, f.unseen); err != nil {
		return err
	}
	if _, err := f.wallets.ChargeDays(ctx, f.by); err != nil {
		return err
	}
	if err := s.upload(ctx, s.houses, faults); err != nil {
		return err
	}
	if err := s.trade(ctx); err != nil {
		return err
	}
	_, err := f.wallets.Watch(ctx, f.by)
	if err == nil {
		_, err = f.wallets.SettleDue(ctx, f.by)
	}
	if err == nil {
		err = s.plant(ctx)
	}
	for range 6 {
		if err != nil {
			return err
		}
		var touched []*purse
		if touched, err = s.send(ctx, faults); len(touched) == 0 {
			break
		}
		for _, h := range touched {
			err = errors.Join(err, h.press())
		}
		err = errors.Join(err, s.upload(ctx, touched, faults))
	}
	if err != nil {
		return err
	}
	for _, h := range s.houses {
		h.witness.hour(s.online(h))
		s.result.Violations = append(s.result.Violations, h.witness.take()...)
	}
	return s.tell(ctx)
}

// look notes that the server sees its meters. Its patience is shorter than an hour, so the street says what it missed.
// Orders whose time is over are ended, as the server's jobs do.
func (f *office) look(ctx context.Context, unseen time.Time) error {
	return f.do(ctx, func(tx *store.Tx) error {
		_, err := tx.ExpireCommands(math.MaxInt32)
		return errors.Join(err, tx.Saw(f.now, unseen))
	})
}

// wake makes everything due that waits for meters: they have just connected.
func (f *office) wake(ctx context.Context, houses []*purse) error {
	return f.do(ctx, func(tx *store.Tx) error {
		for _, h := range houses {
			for _, key := range job.KeysOf(h.number) {
				if err := tx.OutboxWake(job.LaneMQTT, key); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// upload brings records to the server, as the network lets them, and acknowledgements back.
func (s *pursesRun) upload(ctx context.Context, houses []*purse, faults bool) error {
	var recs []metering.Record
	var from []*purse
	for _, h := range houses {
		if !s.online(h) {
			continue
		}
		got, err := s.collect(h, faults)
		if err != nil {
			return err
		}
		for _, r := range got {
			recs, from = append(recs, r), append(from, h)
		}
	}
	if len(recs) == 0 {
		return nil
	}
	var out []metering.Outcome
	err := s.office.do(ctx, func(tx *store.Tx) (err error) { out, err = tx.Ingest(recs); return err })
	if err != nil {
		return err
	}
	for i, o := range out {
		if o.Kind == metering.Stored {
			s.result.Records++
		}
		if faults && from[i].net.IntN(100) < s.o.Loss {
			s.result.Lost++
			continue
		}
		from[i].dev.Box().Ack(wire.Ack{Seq: o.Watermark})
	}
	return nil
}

// collect is what of a house reaches the server now.
func (s *pursesRun) collect(h *purse, faults bool) ([]metering.Record, error) {
	var recs []metering.Record
	add := func(r wire.Record) {
		recs = append(recs, metering.Record{Tenant: store.FirstTenant, Meter: h.n, Number: h.number, ReceivedAt: s.office.now,
			Store: h.dev.Box().Boot().Store, Rec: r})
	}
	if !h.booted {
		h.booted = true
		add(h.dev.Box().Boot().Record())
	}
	entries := h.dev.Box().Next(h.dev.Box().Marks().Acked)
	entries = append(append([]outbox.Entry(nil), entries...), h.late...)
	h.late = nil
	for _, e := range entries {
		n := 1
		if faults {
			switch draw := h.net.IntN(100); {
			case draw < s.o.Loss:
				s.result.Lost++
				continue
			case draw < s.o.Loss+s.o.Loss/3:
				h.late = append(h.late, e)
				continue
			case draw < 2*s.o.Loss:
				n = 2
			}
		}
		h.witness.trace("on its way %d times: %s", n, e.Data)
		good, bad, err := wire.DecodeUp(e.Kind, e.Data)
		if err != nil || len(bad) > 0 || len(good) != 1 {
			return nil, fmt.Errorf("record %d of meter %s cannot be read: %w", e.Seq, h.number, err)
		}
		for range n {
			add(good[0])
		}
	}
	if faults {
		boot := min(len(recs), 1)
		rest := recs[boot:]
		h.net.Shuffle(len(rest), func(a, b int) { rest[a], rest[b] = rest[b], rest[a] })
	}
	for _, r := range recs {
		if r.Rec.Kind == wire.KindBoot {
			continue
		}
		var what reported
		if p := r.Rec.Reading; p != nil {
			what = reported{p.At, unit.Energy(p.RegisterWh)}
		}
		h.witness.heard(r.Rec.Head.Seq, what)
	}
	return recs, nil
}

// send signs what is due for meters that have a network, and gives it to them. It returns whom it reached.
func (s *pursesRun) send(ctx context.Context, faults bool) ([]*purse, error) {
	f := s.office
	at := make(map[string]*purse, len(s.houses))
	for _, h := range s.houses {
		at[h.number] = h
	}
	type parcel struct {
		h *purse
		c command.Signing
	}
	var parcels []parcel
	err := f.do(ctx, func(tx *store.Tx) error {
		parcels = parcels[:0]
		claims, err := tx.OutboxClaim(job.LaneMQTT, "", "sim", f.now.Add(time.Minute), 1000)
		if err != nil {
			return err
		}
		for _, c := range claims {
			h := at[job.MeterOf(c.Key)]
			next, why := f.now.Add(time.Hour), "the meter has not answered yet"
			if s.online(h) {
				var b job.Body
				if err := json.Unmarshal(c.Body, &b); err != nil {
					return err
				}
				i, err := id.Parse(id.Command, b.CommandID)
				if err != nil {
					return err
				}
				signed, err := tx.SignCommand(i)
				if err != nil {
					return err
				}
				if !signed.Command.State.Open() {
					if _, err := tx.OutboxDone(c.ID, "sim"); err != nil {
						return err
					}
					continue
				}
				parcels = append(parcels, parcel{h, signed})
				if err := tx.CommandSent(i); err != nil {
					return err
				}
			}
			if _, err := tx.OutboxRetry(c.ID, "sim", next, why); err != nil {
				return err
			}
		}
		return nil
	})
	var touched []*purse
	for _, p := range parcels {
		if err == nil {
			err = s.deliver(p.h, p.c, faults)
			touched = append(touched, p.h)
		}
	}
	return touched, err
}

// deliver gives a signed order to a meter, unless the network loses it.
func (s *pursesRun) deliver(h *purse, c command.Signing, faults bool) error {
	payload, err := c.Envelope(open{}, wire.JSON, s.office.now)
	if err != nil {
		return err
	}
	down := c.Command.Type.Down()
	topic := wire.DownTopic(h.number, down)
	var lease wire.Lease
	if down == wire.DownLease {
		body, err := wire.Open(h.link, topic, payload)
		if err == nil {
			lease, err = wire.DecodeBody[wire.Lease](body)
		}
		if err != nil {
			return err
		}
		s.result.Leases++
	}
	switch c.Command.Type {
	case command.Disconnect:
		s.result.Cuts++
	case command.Connect:
		s.result.Connects++
		if s.o.Plant == plantForget {
			return nil
		}
	}
	h.witness.sent(down, lease, string(c.Command.Type))
	times := 1
	if faults && h.net.IntN(100) < s.o.Loss {
		s.result.Lost++
		h.witness.lost(down, string(c.Command.Type))
		return nil
	}
	if faults && h.net.IntN(100) < s.o.Loss {
		times = 2
	}
	h.witness.delivered(down, lease, string(c.Command.Type))
	for range times {
		if err := errors.Join(h.dev.Receive(down, topic, payload), h.dev.Flush()); err != nil {
			return err
		}
	}
	h.witness.looks(h.dev)
	return nil
}

// tell carries out the notices to customers.
func (s *pursesRun) tell(ctx context.Context) error {
	for {
		var claims []job.Claim
		err := s.office.do(ctx, func(tx *store.Tx) (err error) {
			claims, err = tx.OutboxClaim(job.LaneNotice, "", "sim", s.office.now.Add(time.Minute), 1000)
			for _, c := range claims {
				if err == nil {
					err = tx.NoticeSent(c.Kind, c.Body)
				}
				if err == nil {
					_, err = tx.OutboxDone(c.ID, "sim")
				}
			}
			return err
		})
		if err != nil || len(claims) == 0 {
			return err
		}
	}
}

// Mistakes that the server can be told to make.
const (
	plantForget = "forget to connect"  // a connect never leaves, so a cut that is acknowledged after a payment stays
	plantStale  = "cut by what is old" // when the server has come back, whoever has been heard
	plantDouble = "post twice"         // the same use as two journals
)

// plant makes a mistake in the server, in the tenth day.
func (s *pursesRun) plant(ctx context.Context) error {
	f := s.office
	if s.hour < 240 || f.posted {
		return nil
	}
	switch s.o.Plant {
	case plantDouble:
		f.posted = true
		h := s.houses[0]
		return f.do(ctx, func(tx *store.Tx) error {
			i, err := tx.NewID()
			if err == nil {
				_, err = tx.Post(ledger.Journal{ID: i, Kind: ledger.Usage, Ref: wallet.UseRef(h.meter, 100_000), PostedAt: f.now,
					Postings: ledger.WalletUsed(h.account.Text(id.Account), 250, 37, false)})
			}
			return err
		})
	case plantStale:
		if s.hour < s.o.DownTo {
			return nil
		}
		f.posted = true
		return f.do(ctx, func(tx *store.Tx) (err error) {
			for _, h := range s.houses {
				if err == nil {
					_, err = tx.Order(wallet.Meter{N: h.n, Number: h.number}, wallet.Order{Type: wallet.OrderCut, Reason: "planted", By: "planted", TTL: time.Hour})
				}
			}
			return err
		})
	}
	return nil
}

// compare reads the books and what was rated, and lets the witness judge them.
func (f *office) compare(ctx context.Context, s *pursesRun) error {
	return f.engine.View(ctx, store.FirstTenant, func(tx *store.Tx) error {
		for _, h := range s.houses {
			if h.host == nil {
				if err := f.balance(tx, s, h); err != nil {
					return err
				}
			}
			rated, err := f.months(tx, h)
			if err != nil {
				return err
			}
			s.result.Rated = append(s.result.Rated, rated)
		}
		return nil
	})
}

// balance lets the witness judge the books of an account.
func (f *office) balance(tx *store.Tx, s *pursesRun, h *purse) error {
	rows, err := tx.WalletsOf(h.account)
	a := h.witness.account
	if err != nil || len(rows) != len(a.members) {
		return errors.Join(err, fmt.Errorf("the account of meter %s has %d wallets, want %d", h.number, len(rows), len(a.members)))
	}
	have, err := wallet.MoneyOf(tx, h.account, rows)
	if err != nil {
		return err
	}
	want := a.charged(h.witness.now)
	for i, r := range rows { // both in the order of the meters
		want -= a.members[i].cost(r.Register) / pursesScale
	}
	if int64(have.Available()) != want {
		s.result.Violations = append(s.result.Violations, fmt.Sprintf("meter %s: the books have %d, %d was to be left", h.number, have.Available(), want))
	}
	s.result.Balances = append(s.result.Balances, have.Available())
	return nil
}

// months is what was rated of a meter in each local month.
func (f *office) months(tx *store.Tx, h *purse) (string, error) {
	var out []string
	err := tx.C.Query(`SELECT SUBSTR(day, 1, 7), SUM(wh) FROM wallet_day WHERE tenant_id = $1 AND meter = $2 GROUP BY SUBSTR(day, 1, 7) ORDER BY 1`,
		func(r store.Row) error { out = append(out, fmt.Sprintf("%s %d", r.Text(0), r.Int(1))); return nil }, tx.Tenant, h.n)
	return strings.Join(out, ", "), err
}
