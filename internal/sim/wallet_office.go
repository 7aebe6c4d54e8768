package sim

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/debt"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/job"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/notify"
	"github.com/paywatt/paywatt/internal/quarantine"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/core"
	"github.com/paywatt/paywatt/internal/store/sqlite"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/internal/vending"
	"github.com/paywatt/paywatt/internal/wallet"
)

// office is the server of a WalletStreet: the store and the use cases, without sockets, on the simulation's clock.
type office struct {
	now        time.Time        // time of the street
	clock      func() time.Time // clock of the store
	engine     *sqlite.Engine
	wallets    *wallet.Wallets
	quarantine *quarantine.Quarantine
	vending    *vending.Vending
	debts      *debt.Debts

	registry *registry.Registry
	notices  notify.Log
	names    io.Reader
	tariff   id.ID
	by       access.Actor
	seen     time.Time
	unseen   time.Time
	posted   bool // the planted mistake was made
}

// open is an Opener that does not encrypt, because the simulation has no secrets.
type open struct{}

// Seal returns a copy of its input. Hash returns a constant, because the simulation looks up no hashes.
func (open) Seal(_ string, plain []byte) []byte { return append([]byte(nil), plain...) }
func (open) Hash(string, []byte) []byte         { return make([]byte, 32) }

// Open returns a copy of its input.
func (open) Open(_ string, sealed []byte) ([]byte, error) { return append([]byte(nil), sealed...), nil }

func openOffice(o WalletStreet) (*office, error) {
	var seed [32]byte
	binary.LittleEndian.PutUint64(seed[:], o.Seed)
	f := &office{now: o.Start, names: rand.NewChaCha8(seed), by: access.SystemActor(store.FirstTenant, "sim")}
	f.clock = func() time.Time { return f.now }
	if err := f.start(o, 1); err != nil {
		return nil, err
	}
	return f, f.do(context.Background(), func(tx *store.Tx) error { return f.found(tx, o) })
}

// start opens the store for the n-th time and makes new use cases, so that only the contents of the store survive.
func (f *office) start(o WalletStreet, n byte) (err error) {
	var seed [32]byte
	binary.LittleEndian.PutUint64(seed[:], o.Seed)
	seed[31] = n
	clock := func() time.Time { return f.clock() }
	f.engine, err = sqlite.Open(o.Folder, sqlite.Options{Now: clock, Rand: rand.NewChaCha8(seed), Reserve: -1})
	if err != nil {
		return fmt.Errorf("open the server of the street: %w", err)
	}
	f.wallets = wallet.New(wallet.Config{Now: clock, Door: store.DoorTo(f.engine, store.Job, func(tx *store.Tx) wallet.Tx { return tx })})
	f.quarantine = quarantine.New(quarantine.Config{Hasher: open{}, Now: clock, Door: store.DoorTo(f.engine, store.Job, func(tx *store.Tx) quarantine.Tx { return tx })})
	f.registry = registry.New(registry.Config{Sealer: open{}, Now: clock, Rand: f.names, Connected: func(string) bool { return true },
		Door: store.DoorTo(f.engine, store.Job, func(tx *store.Tx) registry.Tx { return tx })})
	f.vending = vending.New(vending.Config{Sealer: open{}, Now: clock, Rand: f.names, Door: store.DoorTo(f.engine, store.Job, func(tx *store.Tx) vending.Tx { return tx })})
	f.debts = debt.New(debt.Config{Sealer: open{}, Now: clock, MayDate: f.vending.MayDate, Door: store.DoorTo(f.engine, store.Job, func(tx *store.Tx) debt.Tx { return tx })})
	f.notices = notify.NewLog(store.DoorTo(f.engine, store.Job, func(tx *store.Tx) notify.LogTx { return tx }))
	return nil
}

// restart stops the server and starts it again.
func (f *office) restart(o WalletStreet) error {
	return errors.Join(f.engine.Close(), f.start(o, 2))
}

func (f *office) close() error { return f.engine.Close() }

func (f *office) do(ctx context.Context, fn func(*store.Tx) error) error {
	return f.engine.Run(ctx, store.FirstTenant, store.Job, func(tx *store.Tx) (bool, error) { return false, fn(tx) })
}

// found stores the tariff and the settings.
func (f *office) found(tx *store.Tx, o WalletStreet) error {
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
	body := tariff.Body{Currency: "KES", VATBps: walletVAT, Blocks: []tariff.Block{{Rate: walletMicro}}}
	if o.TOU {
		body.Blocks, body.TOU = nil, &tariff.TOU{Otherwise: 2, Rates: []tariff.Rate{{Name: "peak", Rate: walletPeak}, {Name: "day", Rate: walletMicro},
			{Name: "night", Rate: walletNight}}, Windows: []tariff.Window{{Days: everyDay, From: 16 * 60, To: 20 * 60, Rate: 0}, {Days: everyDay, From: 8 * 60, To: 16 * 60, Rate: 1}}}
	}
	if o.Daily > 0 {
		body.Fixed = []tariff.FixedCharge{{Name: "service", Amount: o.Daily, Per: tariff.PerDay}}
	}
	if err := tx.AddTariffRow(f.tariff, "street"); err != nil {
		return err
	}
	return tx.AddTariffVersion(tariff.Version{ID: version, TariffID: f.tariff, N: 1, EffectiveFrom: o.Start.AddDate(-1, 0, 0), Body: body}, "sim")
}

// register stores the meter's rows.
func (f *office) register(ctx context.Context, h *walletHouse, link []byte, protected bool) error {
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
			ImpPerKWh: 1000, TT: "02", ReadingInterval: walletInterval, CreatedAt: f.now}
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

// pay makes a payment to an account. It returns 1 if somebody must press a key.
func (f *office) pay(ctx context.Context, h *walletHouse, amount money.Minor) (press int64, err error) {
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
		settled, err := wallet.SettleCredit(tx, h.account, f.now)
		if settled.Press {
			press = 1
		}
		return err
	})
	return press, err
}

// serve does a server's work of an hour: it watches the meters, handles their records, charges, decides and sends.
func (s *walletRun) serve(ctx context.Context, faults bool) error {
	f := s.office
	if !f.seen.IsZero() && f.now.Sub(f.seen) > 90*time.Minute {
		f.unseen = f.seen // the server looks once in a simulated hour, so only a longer gap is a break
	}
	f.seen = f.now
	for _, h := range s.houses {
		h.witness.now = f.now
	}
	if err := f.look(ctx, f.unseen); err != nil {
		return err
	}
	if _, err := f.wallets.ChargeDays(ctx, f.by); err != nil {
		return err
	}
	for _, h := range s.houses {
		h.witness.account.fresh = false
	}
	for _, do := range []func() error{
		func() error { return s.plantReturn(ctx, faults) },
		func() error { return s.upload(ctx, s.houses, faults) },
		func() error { return s.people(ctx) },
		func() error { return s.trade(ctx) },
	} {
		if err := do(); err != nil {
			return err
		}
	}
	_, err := f.wallets.Watch(ctx, f.by)
	if err == nil {
		_, err = f.wallets.SettleDue(ctx, f.by)
	}
	if err == nil {
		err = s.plant(ctx)
	}
	for round := range 6 {
		if err != nil {
			return err
		}
		var touched []*walletHouse
		if touched, err = s.send(ctx, faults); err == nil && len(touched) == 0 && round > 0 {
			break
		}
		for _, h := range touched {
			err = errors.Join(err, h.press())
		}
		err = errors.Join(err, s.upload(ctx, touched, faults))
		if err == nil { // an order may be wrong when it is signed; a real server checks again within a minute
			_, err = f.wallets.Watch(ctx, f.by)
		}
	}
	if err != nil {
		return err
	}
	if s.hour%24 == 12 {
		err = f.audit(ctx, s)
	}
	for _, h := range s.houses {
		h.witness.closes(true, s.online(h), h.witness.view.seq+1 == h.dev.Box().Marks().Next)
	}
	for _, h := range s.houses {
		h.witness.hour()
		s.result.Violations = append(s.result.Violations, h.witness.take()...)
	}
	return errors.Join(err, s.tell(ctx))
}

// look records that the server sees its meters. A server counts a gap of some minutes between two looks as a break in
// its visibility. The simulation looks only once an hour, so it passes the start of the last real break itself. The
// function also ends expired orders, as the server's jobs do.
func (f *office) look(ctx context.Context, unseen time.Time) error {
	return f.do(ctx, func(tx *store.Tx) error {
		_, err := tx.ExpireCommands(math.MaxInt32)
		return errors.Join(err, tx.NoteVisibility(f.now, unseen))
	})
}

// wake makes all messages for the given meters due, as if the meters had just connected.
func (f *office) wake(ctx context.Context, houses []*walletHouse) error {
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

// tell sends the notices to customers.
func (s *walletRun) tell(ctx context.Context) error {
	for {
		var claims []job.Claim
		err := s.office.do(ctx, func(tx *store.Tx) (err error) {
			claims, err = tx.OutboxClaim(job.LaneNotice, "", "sim", s.office.now.Add(time.Minute), 1000)
			for _, c := range claims {
				if err == nil {
					err = wallet.NoticeSent(tx, wallet.NoticeKind(c.Kind), c.Body)
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

// audit lets the witness check the books of all accounts.
func (f *office) audit(ctx context.Context, s *walletRun) error {
	return f.engine.View(ctx, store.FirstTenant, func(tx *store.Tx) error {
		for _, h := range s.houses {
			if h.host != nil || h.witness.vacant {
				continue
			}
			if _, err := f.balance(tx, h); err != nil {
				return err
			}
		}
		return nil
	})
}

// compare reads the books and the rated energy, and lets the witness check them.
func (f *office) compare(ctx context.Context, s *walletRun) error {
	return f.engine.View(ctx, store.FirstTenant, func(tx *store.Tx) error {
		for _, h := range s.houses {
			if h.host == nil && !h.witness.vacant {
				have, err := f.balance(tx, h)
				if err != nil {
					return err
				}
				s.result.Balances = append(s.result.Balances, have)
			}
			rated, err := f.months(tx, h)
			if err != nil {
				return err
			}
			s.result.Rated = append(s.result.Rated, rated)
			s.result.Violations = append(s.result.Violations, h.witness.take()...)
		}
		return nil
	})
}

// balance lets the witness check the books of an account: the payments, less the charges of the days that have begun,
// less the cost of the energy that the server knows about. A doubtful register must move no money.
func (f *office) balance(tx *store.Tx, h *walletHouse) (money.Minor, error) {
	rows, err := tx.WalletsOf(h.account)
	w := &h.witness
	if err != nil || len(rows) != len(w.account.members) {
		return 0, errors.Join(err, fmt.Errorf("the account of meter %s has %d wallets, want %d", h.number, len(rows), len(w.account.members)))
	}
	have, err := wallet.MoneyOf(tx, h.account, rows)
	if err != nil {
		return 0, err
	}
	want, held, rule := w.account.books(f.now), false, RuleBooks
	for _, m := range w.account.members {
		held = held || m.view.doubt
	}
	switch {
	case held:
		rule = RuleHeld
	case int64(have.Available()) < want:
		rule = RuleTwice
	}
	if int64(have.Available()) != want {
		w.wrong(rule, "the books have %d, %d was to be left", have.Available(), want)
	}
	return have.Available(), nil
}

// months returns the energy rated for a meter in each local month.
func (f *office) months(tx *store.Tx, h *walletHouse) (string, error) {
	var out []string
	err := tx.C.Query(`SELECT SUBSTR(day, 1, 7), SUM(wh) FROM wallet_day WHERE tenant_id = $1 AND meter = $2 GROUP BY SUBSTR(day, 1, 7) ORDER BY 1`,
		func(r core.Row) error { out = append(out, fmt.Sprintf("%s %d", r.Text(0), r.Int(1))); return nil }, tx.Tenant, h.n)
	return strings.Join(out, ", "), err
}
