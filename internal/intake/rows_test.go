package intake_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/command"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/intake"
	"github.com/paywatt/paywatt/internal/meterconfig"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/rowstest"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/internal/wallet"
	"github.com/paywatt/paywatt/wire"
)

const (
	memory = "0123456789abcdef" // the memory of every meter
	old    = "00000000000000aa" // a memory that a meter had before
)

// noon is the time of every transaction.
func noon() time.Time { return time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC) }

// rows are the rows of some meters in memory.
type rows struct {
	intake.Tx
	rowstest.Calls

	epoch    int64
	live     map[int64]*metering.Live
	info     map[int64]*metering.Info
	waiting  int64
	dropped  int64
	tokens   map[string]metering.OwnToken // tokens by the request that a report names
	commands map[id.ID]command.Command
	held     *wire.Reading // a reading stored in an earlier batch
	changes  []wire.Record

	wallets  []wallet.Row
	behind   []wallet.Reading // stored readings of wallet meters
	versions []tariff.Version
	money    money.Minor
	supplied map[int64]wallet.Supplied
	ids      byte

	configured []int64 // meters whose configuration was looked at
}

// newRows returns the rows of meters 1 to 4. All their records up to record 4 are stored; record 4 came an hour late. No meter has
// a wallet.
func newRows() *rows {
	r := &rows{epoch: 1, live: map[int64]*metering.Live{}, info: map[int64]*metering.Info{}, tokens: map[string]metering.OwnToken{},
		commands: map[id.ID]command.Command{}, supplied: map[int64]wallet.Supplied{}, money: 100_000}
	for n := int64(1); n <= 4; n++ {
		r.live[n] = &metering.Live{Memory: memory, Window: metering.Window{Watermark: 4}, LastSeen: noon(), NewestAt: noon().UnixMicro(),
			Figures: metering.Figures{ReadingSeq: 4, RegisterWh: 1000, AsOf: noon().UnixMicro(), ReceivedAt: noon().Add(time.Hour)}}
	}
	r.versions = []tariff.Version{{ID: id.ID{15: 1}, N: 1, EffectiveFrom: noon().AddDate(-1, 0, 0),
		Body: tariff.Body{Currency: "KES", Blocks: []tariff.Block{{Rate: 2_500_000}}}}}
	return r
}

// rated gives meters wallets. Meters 1 and 2 share an account; every other meter has its own. All meters are rated up to record 4 at 1000
// Wh.
func (r *rows) rated(meters ...int64) *rows {
	for _, n := range meters {
		account := byte(max(n, 2))
		r.live[n].Rated = true
		r.wallets = append(r.wallets, wallet.Row{
			State: wallet.State{Memory: memory, Seq: 4, Started: true, Register: 1000, Base: 1000, At: noon(), Up: 240_000},
			Meter: wallet.MeterFacts{ID: id.ID{14: byte(n)}, N: n, Number: fmt.Sprint("m", n), Phases: 1, Account: id.ID{15: account}, Tariff: id.ID{14: 9}, Active: true}})
	}
	return r
}

// Configuring returns rows of meters that take no configuration; the calls show which were asked.
func (r *rows) Configuring() meterconfig.ConfigureTx { return configures{rows: r} }

type configures struct {
	meterconfig.ConfigureTx
	rows *rows
}

func (c configures) LockConfig(meter int64) error {
	c.rows.configured = append(c.rows.configured, meter)
	return nil
}

func (configures) ConfigPoint(int64) (meterconfig.Point, bool, error) {
	return meterconfig.Point{}, false, nil
}

// wallet returns the row of a meter.
func (r *rows) wallet(n int64) *wallet.Row {
	return &r.wallets[slices.IndexFunc(r.wallets, func(w wallet.Row) bool { return w.Meter.N == n })]
}

// takes passes records to Take.
func (r *rows) takes(t *testing.T, recs ...metering.Record) []metering.Outcome {
	t.Helper()
	out, err := intake.Take(r, recs)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// Records for the tests.

// head is the head of a record: record n is dated n-4 minutes after noon.
func head(seq uint64) wire.Head {
	return wire.Head{Seq: seq, At: noon().Unix() + 60*int64(seq) - 240, Up: seq * 60_000, Clock: wire.ClockValid}
}

// says returns a record that arrived from a meter five seconds after its own time.
func says(meter int64, rec wire.Record) metering.Record {
	return metering.Record{Tenant: 1, Meter: meter, Number: fmt.Sprint("m", meter), ReceivedAt: time.Unix(rec.Head.At, 0).UTC().Add(5 * time.Second), Memory: memory, Rec: rec}
}

func reading(meter int64, seq uint64, register int64) metering.Record {
	return says(meter, wire.Reading{Head: head(seq), RegisterWh: register, Relay: "closed"}.Record())
}

func event(meter int64, seq uint64, code int) metering.Record {
	return says(meter, wire.Event{Head: head(seq), Code: code, Args: map[string]any{"n": seq}}.Record())
}

// report returns a meter's report about a token of class 0 with TID 77.
func report(meter int64, seq uint64, request, result string) metering.Record {
	tid, class := uint32(77), uint8(0)
	return says(meter, wire.Token{Head: head(seq), Request: request, TID: &tid, Class: &class, Result: result, UnitsWh: 5000, BalanceWh: 6000}.Record())
}

func answer(meter int64, seq uint64, order, state, reason string) metering.Record {
	return says(meter, wire.CommandAnswer{Head: head(seq), ID: order, State: state, Reason: reason}.Record())
}

// boot returns a boot message with a memory and the number of its next record.
func boot(meter int64, store string, lowest, next uint64) metering.Record {
	r := says(meter, wire.Boot{Memory: store, Lowest: lowest, Next: next, Boot: 3}.Record())
	r.ReceivedAt = noon()
	return r
}

// The methods of the transaction.

func (r *rows) Rating() wallet.ReleaseTx         { return books{rows: r} }
func (r *rows) Reports() intake.ReportTx         { return r }
func (r *rows) Review() intake.ReviewTx          { return r }
func (r *rows) KeyChanges() registry.KeyChangeTx { return r }
func (r *rows) Scope() (access.Tenant, int64)    { return 1, r.epoch }
func (r *rows) Moment() time.Time                { return noon() }
func name(rec *metering.Record) string           { return fmt.Sprintf("%s/%d", rec.Number, rec.Rec.Head.Seq) }

func (r *rows) LockLive(meters []int64) (map[int64]*metering.Live, error) {
	out := map[int64]*metering.Live{}
	for _, n := range meters {
		l := *r.live[n]
		l.Load()
		out[n] = &l
	}
	return out, r.Fails(fmt.Sprint("LockLive ", meters))
}

func (r *rows) LoadInfo(meter int64) (*metering.Info, error) {
	i := r.info[meter]
	if i == nil {
		i = &metering.Info{}
	}
	return i, r.Fails(fmt.Sprint("LoadInfo ", meter))
}

func (r *rows) SaveLive(meters []int64, live map[int64]*metering.Live) error {
	for _, meter := range meters {
		if err := r.saveLive(meter, live[meter]); err != nil {
			return err
		}
	}
	return nil
}

func (r *rows) saveLive(meter int64, l *metering.Live) error {
	c := *l
	r.live[meter] = &c
	return r.Writes("m%d is up to %d with %d Wh of record %d at %s", meter, l.Window.Watermark, l.RegisterWh, l.ReadingSeq, time.UnixMicro(l.AsOf).UTC().Format(time.TimeOnly))
}

func (r *rows) PutReadings(readings []metering.NewReading) error {
	var out []string
	for _, p := range readings {
		out = append(out, name(p.Record)+" of "+p.Memory[12:])
	}
	return r.Writes("readings %s", strings.Join(out, ", "))
}

func (r *rows) StoredReading(meter int64, store string, from, to uint64) (*wire.Reading, time.Time, error) {
	return r.held, noon(), r.Fails(fmt.Sprintf("StoredReading %d %s %d to %d", meter, store[12:], from, to))
}

func (r *rows) StoredChanges(meter int64, store string, from, to uint64) ([]wire.Record, error) {
	return r.changes, r.Fails(fmt.Sprintf("StoredChanges %d %s %d to %d", meter, store[12:], from, to))
}

func (r *rows) PutEvent(rec *metering.Record, store string, code int, body any) error {
	args, err := json.Marshal(body)
	if err != nil {
		return err
	}
	return r.Writes("event %s of %s %d %s", name(rec), store[12:], code, args)
}

func (r *rows) UpdateAlarm(meter int64, a metering.Alarm) error {
	return r.Writes("alarm of m%d now %s: %s", meter, a.Code, a.Text)
}

func (r *rows) ClearAlarm(meter int64, code metering.AlarmCode) error {
	return r.Writes("no alarm of m%d %s", meter, code)
}

func (r *rows) HeldWaiting(meter int64) (int64, error) { return r.waiting, r.Fails("HeldWaiting") }

func (r *rows) HoldRecord(rec *metering.Record, l *metering.Live, d metering.Decision) error {
	r.waiting++
	return r.Writes("held %s up to %d, %s", name(rec), l.Window.Watermark, d.Doubt)
}

func (r *rows) ResetHeldDropped(int64) error { return r.Fails("ResetHeldDropped") }

func (r *rows) HeldDropped(meter int64) (int64, error) {
	r.dropped++
	return r.dropped, r.Writes("m%d: %d not kept", meter, r.dropped)
}

func (r *rows) ReportedToken(meter int64, t *wire.Token) (metering.OwnToken, bool, error) {
	own, found := r.tokens[t.Request]
	return own, found, r.Fails(fmt.Sprintf("ReportedToken %d", meter))
}

func (r *rows) PutTokenReport(rec *metering.Record, store string, token id.ID) error {
	return r.Writes("report %s of %s about %d", name(rec), store[12:], token[15])
}

func (r *rows) TokenAnswered(own metering.OwnToken, state metering.TokenState, result string, at time.Time) error {
	return r.Writes("token %d from %s to %s by %s at %s", own.ID[15], own.State, state, result, at.Format(time.TimeOnly))
}

// Every token has a key that its meter has not confirmed yet.
func (r *rows) KeyOfToken(token id.ID) (registry.Key, bool, error) {
	return registry.Key{ID: token, State: registry.KeyIssued}, true, r.Fails("KeyOfToken")
}

func (r *rows) CurrentKey(int64) (id.ID, bool, error) { return id.ID{}, false, r.Fails("CurrentKey") }

func (r *rows) SetMeterKeyState(key id.ID, from, to string) error {
	return r.Writes("key of token %d from %s to %s", key[15], from, to)
}

func (r *rows) CountedAtSwap(int64, id.ID) (bool, error) { return false, nil }

func (r *rows) DropDelivery(key, object string) error { return r.Writes("%s: no more %s", key, object) }

func (r *rows) CommandByID(i id.ID) (command.Command, bool, error) {
	c, found := r.commands[i]
	return c, found, r.Fails("CommandByID")
}

func (r *rows) CommandAnswered(c command.Command, seq uint64) error {
	return r.Writes("command %d %s %q by record %d", c.ID[15], c.State, c.Answer, seq)
}

func (r *rows) WalletsOfMeters(meters []int64) ([]wallet.Row, error) {
	var out []wallet.Row
	for _, w := range r.wallets {
		if slices.ContainsFunc(meters, func(n int64) bool { return r.wallet(n).Meter.Account == w.Meter.Account }) {
			out = append(out, w)
		}
	}
	return out, r.Fails(fmt.Sprint("WalletsOfMeters ", meters))
}

func (r *rows) VersionsOf(tariff id.ID) ([]tariff.Version, error) {
	return r.versions, r.Fails(fmt.Sprint("VersionsOf ", tariff[14]))
}

func (r *rows) ReadingsBetween(meter int64, store string, from, to uint64, newest, most int) ([]wallet.Reading, error) {
	return r.behind, r.Fails(fmt.Sprintf("ReadingsBetween %d %s %d to %d, %d of %d", meter, store[12:], from, to, most, newest))
}

// books holds the rows of money.
type books struct {
	wallet.ReleaseTx
	*rows
}

func (b books) NewID() (id.ID, error) {
	b.ids++
	return id.ID{15: b.ids}, b.Fails("NewID")
}

func (b books) WalletTenant() (wallet.Tenant, error) {
	return wallet.Tenant{Zone: time.UTC, Currency: "KES"}, b.Fails("WalletTenant")
}

func (b books) WalletDays(all []wallet.MeterDays) error {
	for _, m := range all {
		text := fmt.Sprintf("m%d used", m.Meter)
		for _, d := range m.Days {
			text += fmt.Sprintf(" %d Wh for %d on %s", d.Units, d.Debit, d.Day)
		}
		if err := b.Writes("%s", text); err != nil {
			return err
		}
	}
	return nil
}

func (b books) ClearAlarm(meter int64, code metering.AlarmCode) error {
	return b.rows.ClearAlarm(meter, code)
}

func (b books) WalletStopped(w wallet.Row) error {
	return b.Writes("%s stopped: %s", w.Meter.Number, w.Held.Reason)
}

func (b books) WalletMoney(id.ID) (money.Minor, money.Minor, error) {
	return b.money, 0, b.Fails("WalletMoney")
}

func (b books) LastVisibility() (wallet.VisibilityInput, error) {
	return wallet.VisibilityInput{Seen: noon(), Now: noon()}, b.Fails("LastVisibility")
}

func (b books) SuppliesOf([]wallet.Row) (map[int64]wallet.Supplied, error) {
	return b.supplied, b.Fails("SuppliesOf")
}

func (b books) SuppliesPut([]wallet.MeterSupply) error { return b.Fails("SuppliesPut") }

func (b books) WalletsPut(all []wallet.Row) error {
	for _, w := range all {
		if err := b.put(w); err != nil {
			return err
		}
	}
	return b.Fails("WalletsPut")
}

func (b books) put(w wallet.Row) error {
	text := fmt.Sprintf("%s is rated to record %d, %d Wh, %d", w.Meter.Number, w.Seq, w.Register, w.Debited)
	if w.Adrift {
		text += ", adrift"
	}
	if !w.Said.IsZero() {
		text += w.Said.UTC().Format(", said 15:04:05")
	}
	if w.Lag != (wallet.Lag{}) {
		text += fmt.Sprintf(", %s behind over %s", w.Lag.By, w.Lag.Over)
	}
	*b.wallet(w.Meter.N) = w
	return b.Writes("%s", text)
}

func (b books) QueueCommand(m wallet.MeterFacts, o wallet.Command) (id.ID, error) {
	b.ids++
	return id.ID{15: b.ids}, b.Writes("%s for %s %v", o.Type, m.Number, o.Args["max_register_wh"])
}

func (b books) Notify(wallet.MeterFacts, wallet.Notice) error { return b.Fails("Notify") }

func (b books) RaiseAlarm(meter int64, a metering.Alarm) error {
	return b.Writes("alarm of m%d %s: %s", meter, a.Code, a.Text)
}
