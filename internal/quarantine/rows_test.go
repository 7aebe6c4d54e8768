package quarantine_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/intake"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/profile"
	"github.com/paywatt/paywatt/internal/quarantine"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/rowstest"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/internal/wallet"
	"github.com/paywatt/paywatt/unit"
	"github.com/paywatt/paywatt/wire"
)

const (
	number = "06000001229"      // number of meter 1
	memory = "0123456789abcdef" // device memory of every meter
)

// noon is the time of every decision.
func noon() time.Time { return time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC) }

// rows are the entries and one meter in memory, with their own door.
type rows struct {
	t *testing.T
	rowstest.Calls
	tenant access.Tenant // tenant of the last transaction

	entries   []quarantine.Entry // the newest first
	wallets   []wallet.Row       // wallet row of the account of meter 1
	behind    []wallet.Reading
	audit     []access.Entry
	people    int // number of people who may approve
	approvals []access.Approval
	live      metering.Live
	kept      []metering.Record
	device    profile.Register // what the server keeps for the meter's device
}

func (r *rows) ProfileRegister(int64) (profile.Register, error) { return r.device, nil }

func (r *rows) PutProfileRegister(_ int64, name string, g profile.Register) error {
	r.device = g
	r.Wrote = append(r.Wrote, "register of profile "+name)
	return nil
}

// newRows returns rows with meter 1, whose wallet is rated up to record 4 at 1000 Wh.
func newRows(t *testing.T) *rows {
	t.Helper()
	return &rows{t: t, live: metering.Live{Memory: memory, Window: metering.Window{Watermark: 20}, Figures: metering.Figures{ReadingSeq: 4}}, wallets: []wallet.Row{{
		State: wallet.State{Memory: memory, Seq: 4, Started: true, Register: 1000, Base: 1000, At: noon().Add(-time.Hour), Up: 240_000},
		Meter: wallet.MeterFacts{N: 1, Number: number, Phases: 1, Account: id.ID{15: 2}, Active: true},
	}}}
}

// stopped returns rows with a meter whose record 5 had a register that cannot follow 1000 Wh. Entry 1 is about that record.
func stopped(t *testing.T, reason wallet.HoldReason, doubt metering.Doubt, register unit.Energy) *rows {
	t.Helper()
	r := newRows(t)
	w := &r.wallets[0]
	at := noon().Add(-30 * time.Minute)
	w.Held = wallet.Held{Reason: reason, Memory: memory, Seq: 5, Register: register, At: at, Up: 300_000, Clock: wire.ClockValid, Since: at}
	if reason == wallet.HoldOpen {
		w.Seq, w.OpenFrom, w.Open = 5, register, true
	}
	r.entries = []quarantine.Entry{{ID: id.ID{15: 1}, Meter: 1, Number: number, Wallet: true, Kind: quarantine.OfRating, Record: wire.KindReading, Memory: memory, Seq: 5,
		ReceivedAt: at, Doubt: doubt, Was: wh(1000), Register: wh(register), At: at, State: quarantine.Open}}
	return r
}

// held returns rows in which entry 1 is a record held for review.
func held(t *testing.T, doubt metering.Doubt, recs ...wire.Record) *rows {
	t.Helper()
	r := newRows(t)
	payload, err := wire.EncodeUp(wire.JSON, recs...)
	if err != nil {
		t.Fatal(err)
	}
	e := quarantine.Entry{ID: id.ID{15: 1}, Meter: 1, Number: number, Wallet: true, Kind: quarantine.OfRecord, Record: wire.KindReading, Memory: memory, Seq: 5,
		ReceivedAt: noon().Add(-30 * time.Minute), Doubt: doubt, Payload: payload, At: noon(), State: quarantine.Open}
	r.entries = []quarantine.Entry{e}
	return r
}

// reading returns a record of one kWh, dated a day ahead.
func reading(seq uint64) wire.Record {
	return wire.Reading{Head: wire.Head{Seq: seq, At: noon().Add(24 * time.Hour).Unix(), Up: seq * 60_000, Clock: wire.ClockValid}, RegisterWh: 2000, Relay: "closed"}.Record()
}

func wh(register unit.Energy) *unit.Energy { return &register }

// cases returns the use cases over these rows.
func (r *rows) cases() *quarantine.Quarantine {
	return quarantine.New(quarantine.Config{Door: r, Hasher: r, Now: func() time.Time { return noon().Add(300 * time.Nanosecond) }})
}

// owner has every right.
func owner() access.Actor {
	return access.Actor{Tenant: 1, Kind: access.Person, ID: id.ID{7}, Name: "amina", Role: access.Owner, IP: "10.0.0.1"}
}

// entry returns the identity of the n-th entry.
func entry(n byte) string { return id.ID{15: n}.Text(id.Held) }

// decides makes a decision that must not return an error.
func (r *rows) decides(v quarantine.Verdict) quarantine.Decided {
	r.t.Helper()
	if v.Reason == "" {
		v.Reason = "read it off"
	}
	out, err := r.cases().Decide(r.t.Context(), owner(), v)
	if err != nil {
		r.t.Fatal(err)
	}
	return out
}

// Hash hashes cursors.
func (r *rows) Hash(context string, data []byte) []byte {
	sum := sha256.Sum256(append([]byte(context), data...))
	return sum[:]
}

// Do rolls back a refused transaction.
func (r *rows) Do(_ context.Context, t access.Tenant, fn func(quarantine.Tx) (bool, error)) error {
	r.tenant = t
	refused, err := fn(r)
	if refused {
		r.Wrote, r.audit = nil, nil
	}
	if err != nil {
		return err
	}
	return r.Fails("commit")
}

func (r *rows) View(_ context.Context, t access.Tenant, fn func(quarantine.Tx) error) error {
	r.tenant = t
	if err := fn(r); err != nil {
		return err
	}
	return r.Fails("view")
}

// The following methods are those of the transaction.

func (r *rows) Eyes() access.EyesTx          { return eyes{rows: r} }
func (r *rows) Intake() intake.Tx            { return taking{r: r} }
func (r *rows) Meters() registry.MeterLookup { return r }
func (r *rows) Rating() wallet.ReleaseTx     { return rating{rows: r} }

func (r *rows) Review() intake.ReviewTx { return reviewing{rows: r} }

func (r *rows) HeldForDoubt(meter int64, d metering.Doubt) (n int64, err error) {
	for _, e := range r.entries {
		if e.Meter == meter && e.State == quarantine.Open && e.Doubt == d {
			n++
		}
	}
	return n, r.Fails("HeldForDoubt")
}

func (r *rows) ClearAlarm(meter int64, code metering.AlarmCode) error {
	if code == metering.AlarmRatingHeld {
		return r.Writes("m%d released", meter)
	}
	return r.Fails(fmt.Sprintf("m%d has no alarm %s", meter, code))
}

func (r *rows) AuditLog(e access.Entry) error {
	r.audit = append(r.audit, e)
	return r.Fails("AuditLog")
}

func (r *rows) HeldEntries(meter int64, open bool, before id.ID, most int) (out []quarantine.Entry, err error) {
	for _, e := range r.entries {
		if (meter == 0 || e.Meter == meter) && (!open || e.State == quarantine.Open) && (before.IsZero() || bytes.Compare(e.ID[:], before[:]) < 0) && len(out) < most {
			out = append(out, e)
		}
	}
	return out, r.Fails(fmt.Sprintf("HeldEntries %d", most))
}

func (r *rows) HeldEntry(i id.ID) (quarantine.Entry, bool, error) {
	for _, e := range r.entries {
		if e.ID == i {
			return e, true, r.Fails("HeldEntry")
		}
	}
	return quarantine.Entry{}, false, r.Fails("HeldEntry")
}

func (r *rows) HeldRating(meter int64) (quarantine.Entry, bool, error) {
	for _, e := range r.entries {
		if e.Meter == meter && e.Kind == quarantine.OfRating && e.State == quarantine.Open {
			return e, true, r.Fails("HeldRating")
		}
	}
	return quarantine.Entry{}, false, r.Fails("HeldRating")
}

func (r *rows) WriteDecision(e quarantine.Entry) error {
	return r.Writes("entry %d %s by %s at %s: %s", e.ID[15], e.State, e.DecidedBy, e.DecidedAt.Format("15:04:05.999999999"), e.Decision)
}

func (r *rows) MeterByNumber(n string) (registry.Meter, bool, error) {
	return registry.Meter{N: 1, Number: n, ID: id.ID{14: 1}}, n == number, r.Fails("MeterByNumber")
}

func (r *rows) MeterByID(i id.ID) (registry.Meter, bool, error) {
	return registry.Meter{N: int64(i[14]), Number: number, ID: i}, i[14] != 0, r.Fails("MeterByID")
}

// eyes holds the rows of the four-eyes rule.
type eyes struct {
	access.EyesTx
	*rows
}

func (e eyes) AuditLog(a access.Entry) error { return e.rows.AuditLog(a) }

func (e eyes) NewID() (id.ID, error) { return id.ID{15: 77}, e.Fails("NewID") }

func (e eyes) FourEyes() (access.FourEyesRule, error) {
	if e.people < 2 {
		return access.FourEyesRule{}, e.Fails("FourEyes")
	}
	return access.FourEyesRule{Bound: access.Rights()}, e.Fails("FourEyes")
}

func (e eyes) AddApproval(a access.Approval) error {
	e.approvals = append(e.approvals, a)
	e.rows.approvals = e.approvals
	return e.Fails("AddApproval")
}

func (e eyes) ApprovalByID(i id.ID) (access.Approval, bool, error) {
	for _, a := range e.approvals {
		if a.ID == i {
			return a, true, e.Fails("ApprovalByID")
		}
	}
	return access.Approval{}, false, e.Fails("ApprovalByID")
}

func (e eyes) PersonByID(person id.ID) (access.PersonRow, bool, error) {
	return access.PersonRow{ID: person, Role: access.Owner}, true, e.Fails("PersonByID")
}

func (e eyes) KeysAnsweredBy(id.ID) ([]access.Key, error) { return nil, e.Fails("KeysAnsweredBy") }

func (e eyes) PutApproval(access.Approval, access.ApprovalState) (bool, error) {
	return true, e.Fails("PutApproval")
}

// reviewing holds the records that wait for a decision.
type reviewing struct {
	intake.ReviewTx
	*rows
}

func (v reviewing) HeldWaiting(int64) (int64, error) { return 0, v.Fails("HeldWaiting") }
func (v reviewing) ResetHeldDropped(int64) error     { return v.Fails("ResetHeldDropped") }
func (v reviewing) ClearAlarm(meter int64, code metering.AlarmCode) error {
	return v.rows.ClearAlarm(meter, code)
}

// taking holds the rows that an accepted record needs.
type taking struct {
	intake.Tx
	r *rows
}

func (k taking) LockLive([]int64) (map[int64]*metering.Live, error) {
	return map[int64]*metering.Live{1: &k.r.live}, k.r.Fails("LockLive")
}

func (k taking) SaveLive(meters []int64, live map[int64]*metering.Live) error {
	l := live[meters[0]]
	return k.r.Writes("the meter shows %d Wh of %s", l.RegisterWh, time.UnixMicro(l.AsOf).UTC().Format(time.DateTime))
}

func (k taking) PutReadings(readings []metering.NewReading) error {
	for _, p := range readings {
		k.r.kept = append(k.r.kept, *p.Record)
	}
	return k.r.Writes("%d reading", len(readings))
}

// rating holds the rows of money.
type rating struct {
	wallet.ReleaseTx
	*rows
}

func (b rating) NewID() (id.ID, error) { return id.ID{15: 78}, b.Fails("NewID") }

func (b rating) WalletTenant() (wallet.Tenant, error) {
	return wallet.Tenant{Zone: time.UTC, Currency: "KES"}, b.Fails("WalletTenant")
}

func (b rating) WalletOf(meter int64) ([]wallet.Row, error) {
	if meter > 2 {
		return nil, b.Fails("WalletOf")
	}
	return b.wallets, b.Fails("WalletOf")
}

// price returns a tariff of 2.50 for a kWh.
func price() tariff.Version {
	return tariff.Version{ID: id.ID{15: 1}, N: 1, EffectiveFrom: noon().AddDate(-1, 0, 0), Body: tariff.Body{Currency: "KES", Blocks: []tariff.Block{{Rate: 2_500_000}}}}
}

func (b rating) WalletTerms(t wallet.Tenant, m wallet.MeterFacts) (wallet.Terms, error) {
	return wallet.Terms{Zone: t.Zone, Phases: m.Phases, Versions: []tariff.Version{price()}}, b.Fails("WalletTerms")
}

func (b rating) TariffVersion(id.ID) (tariff.Version, error) {
	return price(), b.Fails("TariffVersion")
}

func (b rating) TariffVersionAt(id.ID, time.Time) (tariff.Version, bool, error) {
	return price(), true, b.Fails("TariffVersionAt")
}

func (b rating) WalletDays(all []wallet.MeterDays) error {
	for _, m := range all {
		for _, d := range m.Days {
			b.rows.Wrote = append(b.rows.Wrote, fmt.Sprintf("m%d used %d Wh for %d", m.Meter, d.Units, d.Debit))
		}
	}
	return b.Fails("WalletDays")
}

func (b rating) WalletBehind(wallet.Row, int) ([]wallet.Reading, error) {
	return b.behind, b.Fails("WalletBehind")
}

func (b rating) ClearAlarm(meter int64, code metering.AlarmCode) error {
	return b.rows.ClearAlarm(meter, code)
}

func (b rating) RaiseAlarm(meter int64, a metering.Alarm) error {
	return b.Fails(fmt.Sprintf("m%d has the alarm %s", meter, a.Code))
}

func (b rating) WalletStopped(w wallet.Row) error {
	return b.Writes("m%d stopped: %s", w.Meter.N, w.Held.Reason)
}

func (b rating) WalletMoney(id.ID) (money.Minor, money.Minor, error) {
	return 100_000, 0, b.Fails("WalletMoney")
}

func (b rating) LastVisibility() (wallet.VisibilityInput, error) {
	return wallet.VisibilityInput{Seen: noon(), Now: noon()}, b.Fails("LastVisibility")
}

func (b rating) SuppliesOf([]wallet.Row) (map[int64]wallet.Supplied, error) {
	return nil, b.Fails("SuppliesOf")
}

func (b rating) SuppliesPut([]wallet.MeterSupply) error { return b.Fails("SuppliesPut") }

func (b rating) Post(j ledger.Journal) (ledger.Breach, error) {
	return ledger.Breach{}, b.Writes("posted %s at %s", j.Kind, j.PostedAt.Format("15:04:05.999999999"))
}

func (b rating) WalletsPut(all []wallet.Row) error {
	for _, w := range all {
		if err := b.put(w); err != nil {
			return err
		}
	}
	return b.Fails("WalletsPut")
}

func (b rating) put(w wallet.Row) error {
	return b.Writes("m%d at %d Wh since %d, record %d", w.Meter.N, w.Register, w.Base, w.Seq)
}
