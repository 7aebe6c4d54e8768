package profile_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/intake"
	"github.com/paywatt/paywatt/internal/meterconfig"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/profile"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/rowstest"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/internal/wallet"
	"github.com/paywatt/paywatt/wire"
)

// number is the number of meter 1.
const number = "06000001229"

// who is meter 1 as its listener knows it.
func who() registry.Identity { return registry.Identity{Tenant: 1, Meter: 1, Number: number} }

// rows are one meter with its device, its records and its wallet, in memory.
type rows struct {
	rowstest.Calls

	register profile.Register
	binding  *profile.Binding
	adopted  map[string]profile.Adopted
	live     metering.Live
	waiting  int64 // entries of the quarantine that wait
	entries  byte  // entries of devices in the quarantine

	wallets []wallet.Row // the meter's wallet; empty for none
	kept    wallet.Supply

	people    int // number of people who may approve
	approvals []access.Approval
	audit     []access.Entry
}

func newRows() *rows { return &rows{adopted: map[string]profile.Adopted{}} }

// door gives transactions of any kind that the rows have.
type door[X any] struct {
	*rows
	tx X
}

func (d door[X]) Do(_ context.Context, t access.Tenant, fn func(X) (bool, error)) error {
	if t != 1 {
		return errors.New("another tenant")
	}
	refused, err := fn(d.tx)
	if refused {
		d.Wrote = nil
	}
	if err != nil || refused {
		return err
	}
	return d.Fails("commit")
}

func (d door[X]) View(_ context.Context, t access.Tenant, fn func(X) error) error {
	if t != 1 {
		return errors.New("another tenant")
	}
	if err := fn(d.tx); err != nil {
		return err
	}
	return d.Fails("view")
}

func (r *rows) listener() *profile.Listener { return profile.NewListener(door[profile.Tx]{r, r}) }

// breakEachCall does something once, and then once for each call that it makes of the rows, which fails. Each failure must come back as an error.
func breakEachCall(t *testing.T, begin func() *rows, do func(*rows) error) {
	t.Helper()
	whole := begin()
	whole.Calls = rowstest.Calls{}
	if err := do(whole); err != nil {
		t.Fatal(err)
	}
	for n, call := range whole.Made {
		r := begin()
		r.Calls = rowstest.Calls{Broken: n + 1}
		if err := do(r); !errors.Is(err, rowstest.ErrStore) {
			t.Errorf("%s fails, and the error is %v", call, err)
		}
	}
}

// shortTime writes a time of the test's day.
func shortTime(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return t.Format("15:04:05")
}

// firstSentence shortens the text of an alarm.
func firstSentence(text string) string {
	first, _, _ := strings.Cut(text, ". ")
	return first
}

// The methods of the transaction.

func (r *rows) ProfileRegister(int64) (profile.Register, error) {
	return r.register, r.Fails("ProfileRegister")
}

func (r *rows) PutProfileRegister(meter int64, name string, g profile.Register) error {
	r.register = g
	return r.Writes("register of m%d by %s: %d mWh, record %d", meter, name, g.MWh, g.Seq)
}

func (r *rows) HoldDeviceValue(meter int64, v profile.HeldValue) (id.ID, error) {
	r.entries++
	return id.ID{15: r.entries}, r.Writes("entry %d of m%d, %s: %s at %s, record %d, %s", r.entries,
		meter, v.Doubt, v.Text(), shortTime(v.At), v.Seq, v.Payload)
}

func (r *rows) DecideHeldValue(d profile.HeldDecision) error {
	return r.Writes("entry %d %s at %s", d.Entry[15], d.Ending, shortTime(d.At))
}

func (r *rows) DeviceBinding(int64) (profile.Binding, bool, error) {
	if r.binding == nil {
		return profile.Binding{}, false, r.Fails("DeviceBinding")
	}
	return *r.binding, true, r.Fails("DeviceBinding")
}

func (r *rows) PutDeviceBinding(meter int64, b profile.Binding) error {
	r.binding = &b
	return r.Writes("device of m%d: %q, bound %s, rival %q, read %s, deferred %t", meter,
		b.Name, shortTime(b.BoundAt), b.Rival, shortTime(b.ReadAt), b.Deferred)
}

func (r *rows) DeviceNamed(name string) (profile.Adopted, bool, error) {
	d, found := r.adopted[name]
	return d, found, r.Fails("DeviceNamed")
}

func (r *rows) AuditLog(e access.Entry) error {
	r.audit = append(r.audit, e)
	return r.Writes("%s did %s to %s: %q, %q, %q", e.Actor, e.Action, e.Object, e.Before, e.After, e.Reason)
}

func (r *rows) RaiseAlarm(meter int64, a metering.Alarm) error {
	return r.Writes("alarm of m%d %s: %s", meter, a.Code, firstSentence(a.Text))
}

func (r *rows) UpdateAlarm(meter int64, a metering.Alarm) error {
	return r.Writes("alarm of m%d now %s: %s", meter, a.Code, firstSentence(a.Text))
}

func (r *rows) ClearAlarm(meter int64, code metering.AlarmCode) error {
	return r.Writes("no alarm of m%d %s", meter, code)
}

func (r *rows) Eyes() access.EyesTx          { return eyes{rows: r} }
func (r *rows) Intake() intake.Tx            { return taking{rows: r} }
func (r *rows) Rating() wallet.ReleaseTx     { return rating{rows: r} }
func (r *rows) Meters() registry.MeterLookup { return r }

func (r *rows) MeterByNumber(n string) (registry.Meter, bool, error) {
	return registry.Meter{N: 1, Number: n, ID: id.ID{15: 1}}, n == number, r.Fails("MeterByNumber")
}

func (r *rows) MeterByID(i id.ID) (registry.Meter, bool, error) {
	return registry.Meter{N: 1, Number: number, ID: i}, i == id.ID{15: 1}, r.Fails("MeterByID")
}

// taking holds the rows of records.
type taking struct {
	intake.Tx
	*rows
}

func (k taking) Rating() wallet.ReleaseTx             { return rating{rows: k.rows} }
func (k taking) Review() intake.ReviewTx              { return reviewing{rows: k.rows} }
func (k taking) Configuring() meterconfig.ConfigureTx { return configuring{} }
func (k taking) Scope() (access.Tenant, int64)        { return 1, metering.FirstEpoch }
func (k taking) Moment() time.Time                    { return at(0) }
func (k taking) ClearAlarm(meter int64, code metering.AlarmCode) error {
	return k.rows.ClearAlarm(meter, code)
}

func (k taking) LockLive([]int64) (map[int64]*metering.Live, error) {
	l := k.live
	l.Load()
	return map[int64]*metering.Live{1: &l}, k.Fails("LockLive")
}

func (k taking) LoadInfo(int64) (*metering.Info, error) {
	if k.live.Info == nil {
		return &metering.Info{}, k.Fails("LoadInfo")
	}
	return k.live.Info, k.Fails("LoadInfo")
}

func (k taking) SaveLive(_ []int64, live map[int64]*metering.Live) error {
	l := *live[1]
	if i := l.Info; i != nil && (k.live.Info == nil || i.Server.Booted != k.live.Info.Server.Booted) {
		k.Wrote = append(k.Wrote, fmt.Sprintf("memory %s of %q from %d, next %d, start %d", i.Memory, i.FW, i.Lowest, i.Next, i.Boot.Boot))
	}
	k.live = l
	return k.Fails("SaveLive")
}

func (k taking) PutReadings(all []metering.NewReading) error {
	for _, p := range all {
		r := p.Record.Rec.Reading
		made := shortTime(time.Unix(r.At, 0).UTC())
		k.Wrote = append(k.Wrote, fmt.Sprintf("reading %d at %s: %d Wh, %d W, %d mV, relay %q, off for %q", r.Seq, made, r.RegisterWh, r.W,
			r.MV, r.Relay, strings.Join(r.Reasons, " ")))
	}
	return k.Fails("PutReadings")
}

func (k taking) StoredReading(int64, string, uint64, uint64) (*wire.Reading, time.Time, error) {
	return nil, time.Time{}, k.Fails("StoredReading")
}

func (k taking) StoredChanges(int64, string, uint64, uint64) ([]wire.Record, error) {
	return nil, k.Fails("StoredChanges")
}

// configuring holds no configuration.
type configuring struct{ meterconfig.ConfigureTx }

func (configuring) LockConfig(int64) error { return nil }

func (configuring) ConfigPoint(int64) (meterconfig.Point, bool, error) {
	return meterconfig.Point{}, false, nil
}

// reviewing holds the rows of the quarantine.
type reviewing struct {
	intake.ReviewTx
	*rows
}

func (v reviewing) HeldWaiting(int64) (int64, error) { return v.waiting, v.Fails("HeldWaiting") }
func (v reviewing) ResetHeldDropped(int64) error     { return v.Fails("ResetHeldDropped") }
func (v reviewing) UpdateAlarm(meter int64, a metering.Alarm) error {
	return v.rows.UpdateAlarm(meter, a)
}
func (v reviewing) ClearAlarm(meter int64, code metering.AlarmCode) error {
	return v.rows.ClearAlarm(meter, code)
}

// rating holds the rows of wallets.
type rating struct {
	wallet.ReleaseTx
	*rows
}

// withWallet gives the meter a wallet with money, and a limit for a device that was never readable.
func (r *rows) withWallet(hours int64) *rows {
	s := wallet.NewState()
	s.Off, s.UnreadCutHours = 0, hours
	r.wallets = []wallet.Row{{State: s, Meter: wallet.MeterFacts{N: 1, Number: number, Phases: 1, Account: id.ID{15: 2}, Active: true}}}
	return r
}

func (b rating) RaiseAlarm(meter int64, a metering.Alarm) error { return b.rows.RaiseAlarm(meter, a) }
func (b rating) ClearAlarm(meter int64, code metering.AlarmCode) error {
	return b.rows.ClearAlarm(meter, code)
}

func (b rating) NewID() (id.ID, error) { return id.ID{15: 78}, b.Fails("NewID") }

func (b rating) WalletTenant() (wallet.Tenant, error) {
	return wallet.Tenant{Zone: time.UTC, Currency: "KES"}, b.Fails("WalletTenant")
}

// price returns a tariff of 2.50 for a kWh.
func price() tariff.Version {
	return tariff.Version{ID: id.ID{15: 1}, N: 1, EffectiveFrom: at(0).AddDate(-1, 0, 0),
		Body: tariff.Body{Currency: "KES", Blocks: []tariff.Block{{Rate: 2_500_000}}}}
}

func (b rating) TariffVersion(id.ID) (tariff.Version, error) {
	return price(), b.Fails("TariffVersion")
}

func (b rating) TariffVersionAt(id.ID, time.Time) (tariff.Version, bool, error) {
	return price(), true, b.Fails("TariffVersionAt")
}

func (b rating) WalletOf(int64) ([]wallet.Row, error) { return b.wallets, b.Fails("WalletOf") }

func (b rating) WalletMoney(id.ID) (money.Minor, money.Minor, error) {
	return 100_000, 0, b.Fails("WalletMoney")
}

func (b rating) LastVisibility() (wallet.VisibilityInput, error) {
	return wallet.VisibilityInput{Seen: at(0), Now: at(0)}, b.Fails("LastVisibility")
}

func (b rating) SuppliesOf([]wallet.Row) (map[int64]wallet.Supplied, error) {
	return map[int64]wallet.Supplied{1: {Supply: b.kept}}, b.Fails("SuppliesOf")
}

func (b rating) SuppliesPut(all []wallet.MeterSupply) error {
	for _, s := range all {
		b.kept = s.Supply
	}
	return b.Writes("supply of m1 off by %q: %q", b.kept.By, b.kept.Why)
}

func (b rating) WalletsPut(all []wallet.Row) error {
	for _, w := range all {
		b.wallets[0] = w
		b.Wrote = append(b.Wrote, fmt.Sprintf("m%d is off for %s", w.Meter.N, w.Off))
	}
	return b.Fails("WalletsPut")
}

func (b rating) Notify(m wallet.MeterFacts, n wallet.Notice) error {
	return b.Writes("notice %s about %s for m%d, account %s, test %t", n.Kind, n.Meter, m.N, n.Account, n.Test)
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
	e.rows.approvals = append(e.rows.approvals, a)
	return e.Fails("AddApproval")
}

func (e eyes) PersonByID(person id.ID) (access.PersonRow, bool, error) {
	return access.PersonRow{ID: person, Role: access.Owner}, true, e.Fails("PersonByID")
}

func (e eyes) KeysAnsweredBy(id.ID) ([]access.Key, error) { return nil, e.Fails("KeysAnsweredBy") }

// The methods that only people's acts on devices need.

func (r *rows) DeviceOf(int64) (profile.Adopted, bool, error) {
	return profile.Adopted{}, false, r.Fails("DeviceOf")
}

func (r *rows) AdoptedAfter(int64, int) ([]profile.Adopted, error) {
	return nil, r.Fails("AdoptedAfter")
}

func (r *rows) MeterNumber(int64) (string, error)        { return number, r.Fails("MeterNumber") }
func (r *rows) AddAdopted(profile.Adopted) (bool, error) { return true, r.Fails("AddAdopted") }
func (r *rows) DropAdopted(string) error                 { return r.Fails("DropAdopted") }
func (r *rows) DevicePassword() ([]byte, error)          { return nil, r.Fails("DevicePassword") }
func (r *rows) DropDevicePassword() error                { return r.Fails("DropDevicePassword") }
func (r *rows) SetDevicePassword([32]byte, time.Time, string) error {
	return r.Fails("SetDevicePassword")
}
