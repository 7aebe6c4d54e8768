package wallet_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/internal/wallet"
	"github.com/paywatt/paywatt/supply"
	"github.com/paywatt/paywatt/unit"
	"github.com/paywatt/paywatt/wire"
)

// rig is an account with its meters as a transaction sees them, in memory. It shows step by step what the rules decide about a supply,
// without a store and without a meter.
type rig struct {
	disk
	t       testing.TB
	tenant  wallet.Tenant
	version tariff.Version
	now     time.Time
	unseen  time.Time
	doubt   bool
	money   money.Minor
	rows    []wallet.Row
	kept    map[int64]wallet.Supply
	seen    map[int64]*wallet.Seen
	told    map[id.ID]*wallet.Progress
	args    map[id.ID]map[string]any
	leased  map[int64][]wallet.Lease // leases in the order in which they were ordered
	cuts    map[int64][]id.ID        // cut-offs in the order in which they were ordered
	log     []string                 // orders, withdrawals, hurries and notices since the last step
	booked  []ledger.Journal
	notices []wallet.Notice
	orders  map[id.ID]wallet.Command
	held    money.Minor // part of the money that is reserved
	breach  ledger.Breach
	made    uint64
}

const rigMemory = "0123456789abcdef"

// newRig is an account at noon with some money and meters at 0 Wh, with closed relays, and a lease each if there is money for it.
func newRig(t testing.TB, paid money.Minor, meters int) *rig {
	t.Helper()
	d := &rig{t: t, tenant: wallet.Tenant{Zone: time.UTC, Currency: "KES"}, now: time.Date(2026, 11, 18, 12, 0, 0, 0, time.UTC), money: paid,
		kept: map[int64]wallet.Supply{}, seen: map[int64]*wallet.Seen{}, told: map[id.ID]*wallet.Progress{}, args: map[id.ID]map[string]any{}, orders: map[id.ID]wallet.Command{}, leased: map[int64][]wallet.Lease{}, cuts: map[int64][]id.ID{}}
	d.version = version(1, d.now.AddDate(-1, 0, 0), flat())
	for n := int64(1); n <= int64(meters); n++ {
		d.rows = append(d.rows, wallet.Row{State: wallet.NewState(), Meter: wallet.MeterFacts{ID: d.id(), N: n, Number: fmt.Sprintf("m%d", n), Phases: 1,
			Account: id.ID{15: 1}, Active: true}})
		d.seen[n] = &wallet.Seen{Memory: rigMemory, Leases: true, Commands: true, Interval: 30 * time.Minute, Imp: 1000, Grace: wallet.StayClosed,
			Relay: supply.Open.String(), Reasons: supply.Of(supply.Lease)}
	}
	for n := int64(1); n <= int64(meters); n++ {
		d.reads(n, 0, supply.Open, supply.Lease)
	}
	for n := int64(1); n <= int64(meters); n++ {
		d.settles()
		d.does(n, wallet.CommandConfig)
		if d.does(n, wallet.CommandLease) {
			d.reads(n, 0, supply.Closed)
		}
	}
	d.log = nil
	return d
}

func (d *rig) id() (i id.ID) {
	d.made++
	binary.BigEndian.PutUint64(i[:], d.made)
	return i
}

// passes lets time pass.
func (d *rig) passes(after time.Duration) *rig {
	d.now = d.now.Add(after)
	return d
}

// settles decides again, as a job does.
func (d *rig) settles() wallet.Settled {
	d.t.Helper()
	rows, err := d.WalletsOf(id.ID{})
	if err != nil {
		d.t.Fatal(err)
	}
	out, err := wallet.Settle(d, d.tenant, rows, d.now, false)
	if err != nil {
		d.t.Fatal(err)
	}
	return out
}

// pays puts money in, or takes it away.
func (d *rig) pays(amount money.Minor) wallet.Settled {
	d.t.Helper()
	if amount <= 0 {
		return d.moves(amount)
	}
	d.money += amount
	out, err := wallet.SettleCredit(d, id.ID{}, d.now)
	if err != nil {
		d.t.Fatal(err)
	}
	return out
}

// moves changes the available amount other than by a credit: a hold ends, or use is posted.
func (d *rig) moves(amount money.Minor) wallet.Settled {
	d.t.Helper()
	d.money += amount
	out, err := wallet.SettleAccount(d, id.ID{}, d.now, true)
	if err != nil {
		d.t.Fatal(err)
	}
	return out
}

// reads rates a new reading of a meter, made and received now, and settles the account.
func (d *rig) reads(n int64, register unit.Energy, relay supply.Relay, reasons ...supply.Reason) {
	d.t.Helper()
	r := &d.rows[n-1]
	terms := wallet.Terms{Zone: d.tenant.Zone, Phases: 1, Versions: []tariff.Version{d.version}}
	seq := max(r.Seq, d.seen[n].Seq) + 1
	r.State, _ = wallet.Take(r.State, wallet.Reading{Memory: rigMemory, Seq: seq, At: d.now, Up: r.Up + 1, Clock: wire.ClockValid, ReceivedAt: d.now,
		Register: register}, terms)
	s := d.seen[n]
	s.Relay, s.Reasons, s.ReceivedAt, s.AsOf, s.Register = relay.String(), supply.Of(reasons...), d.now, d.now, register
	s.Left, s.Seq = max(0, d.kept[n].Lease.Max-register), seq
	d.settles()
}

// WalletAdvanced is for tenants whose recharges owe their tax at once. The recharges of this tenant do not.
func (d *rig) WalletAdvanced(id.ID, money.Minor) error {
	return errors.New("no tax was advanced")
}

// order returns the newest command of a type to a meter.
func (d *rig) order(n int64, t wallet.CommandType) *wallet.Progress {
	s := d.kept[n]
	if told := d.told[map[wallet.CommandType]id.ID{wallet.CommandCut: s.Cut, wallet.CommandConnect: s.Connect, wallet.CommandConfig: s.Config,
		wallet.CommandClock: s.Clock, wallet.CommandLease: s.Lease.Command}[t]]; told != nil {
		return told
	}
	return &wallet.Progress{}
}

// signs sends a waiting command. The network may lose it.
func (d *rig) signs(n int64, t wallet.CommandType) {
	d.t.Helper()
	o := d.order(n, t)
	if !o.Open() {
		d.t.Fatalf("no %s waits to be sent, it is %q", t, o.State)
	}
	o.Signed, o.State, o.Since = true, "sent", d.now
}

// does records the answer of a meter that it carried out a command. It returns false if there is no command to answer.
func (d *rig) does(n int64, t wallet.CommandType) bool {
	d.t.Helper()
	return d.answers(n, t, "done", "")
}

func (d *rig) answers(n int64, t wallet.CommandType, state, why string) bool {
	d.t.Helper()
	o := d.order(n, t)
	if o.ID.IsZero() || o.Done() {
		return false
	}
	o.Signed, o.State, o.Answer, o.Since, o.Seq = true, state, why, d.now, d.rows[n-1].Seq
	d.settles()
	return true
}

// max returns the register up to which the newest lease goes.
func (d *rig) max(n int64) unit.Energy { return d.kept[n].Lease.Max }

// says returns the orders, withdrawals, hurries and notices since the last call.
func (d *rig) says() string {
	out := strings.Join(d.log, "; ")
	d.log = nil
	return out
}

func (d *rig) want(after, want string) {
	d.t.Helper()
	if got := d.says(); got != want {
		d.t.Errorf("%s: got %q, want %q", after, got, want)
	}
}

func (d *rig) note(format string, args ...any) { d.log = append(d.log, fmt.Sprintf(format, args...)) }

// The methods below make the rig a transaction.

func (d *rig) NewID() (id.ID, error) { return d.id(), d.fails() }

func (d *rig) Post(j ledger.Journal) (ledger.Breach, error) {
	if d.breach.Refused() {
		return d.breach, nil
	}
	d.booked = append(d.booked, j)
	for _, p := range j.Postings {
		if p.Account.Code == ledger.Wallet {
			d.money -= p.Amount
		}
	}
	return ledger.Breach{}, d.fails()
}

func (d *rig) TariffVersion(id.ID) (tariff.Version, error) { return d.version, d.fails() }

func (d *rig) TariffVersionAt(id.ID, time.Time) (tariff.Version, bool, error) {
	return d.version, true, d.fails()
}

func (d *rig) WalletTenant() (wallet.Tenant, error) { return d.tenant, d.fails() }

func (d *rig) WalletsOf(id.ID) ([]wallet.Row, error) {
	return append([]wallet.Row(nil), d.rows...), d.fails()
}

func (d *rig) WalletOf(int64) ([]wallet.Row, error) { return d.WalletsOf(id.ID{}) }

func (d *rig) WalletPut(r wallet.Row) error {
	d.rows[r.Meter.N-1] = r
	return d.fails()
}

func (d *rig) WalletsPut(all []wallet.Row) error {
	for _, r := range all {
		d.rows[r.Meter.N-1] = r
	}
	return d.fails()
}

func (d *rig) WalletMoney(id.ID) (money.Minor, money.Minor, error) {
	return d.money, d.held, d.fails()
}

func (d *rig) SuppliesOf(rows []wallet.Row) (map[int64]wallet.Supplied, error) {
	out := map[int64]wallet.Supplied{}
	for _, r := range rows {
		out[r.Meter.N] = d.supplied(r.Meter.N)
	}
	return out, d.fails()
}

func (d *rig) supplied(n int64) wallet.Supplied {
	s := wallet.Supplied{Supply: d.kept[n], Seen: *d.seen[n]}
	s.Seen.Lease, s.Seen.Cut, s.Seen.Connect = *d.order(n, wallet.CommandLease), *d.order(n, wallet.CommandCut), *d.order(n, wallet.CommandConnect)
	s.Seen.Config, s.Seen.Clock = *d.order(n, wallet.CommandConfig), *d.order(n, wallet.CommandClock)
	for _, cut := range d.cuts[n] {
		if s.NoCutYet() && d.told[cut].Signed && string(cut[:]) > string(s.Supply.Connect[:]) {
			s.CutBefore = true
		}
	}
	if s.LooksBack() {
		for _, l := range slices.Backward(d.leased[n]) {
			if len(s.SignedLeases) < wallet.MaxSignedLeases && d.told[l.Command].Signed {
				s.SignedLeases = append(s.SignedLeases, wallet.SignedLease{Lease: l, Progress: *d.told[l.Command]})
			}
		}
	}
	return s
}

// answersLate has a meter answer a command that may have been replaced: the meter carried out the command after the record with this
// number.
func (d *rig) answersLate(order id.ID, seq uint64) {
	d.t.Helper()
	o := d.told[order]
	o.Signed, o.State, o.Since, o.Seq = true, "done", d.now, seq
	d.settles()
}

func (d *rig) SuppliesPut(all []wallet.MeterSupply) error {
	for _, s := range all {
		d.kept[s.Meter] = s.Supply
	}
	return d.fails()
}

func (d *rig) SupplyPut(n int64, s wallet.Supply) error {
	d.kept[n] = s
	return d.fails()
}

func (d *rig) LastVisibility() (wallet.VisibilityInput, error) {
	return wallet.VisibilityInput{Seen: d.now, Unseen: d.unseen, Now: d.now, Apart: map[bool]time.Duration{true: time.Hour}[d.doubt]}, d.fails()
}

func (d *rig) QueueCommand(m wallet.MeterFacts, o wallet.Command) (id.ID, error) {
	i := d.id()
	d.told[i] = &wallet.Progress{ID: i, State: "queued", Since: d.now, Until: o.Ends(m.Clock(d.now))}
	d.args[i], d.orders[i] = o.Args, o
	if o.Type == wallet.CommandCut {
		d.cuts[m.N] = append(d.cuts[m.N], i)
	}
	if o.Type == wallet.CommandLease {
		d.leased[m.N] = append(d.leased[m.N], wallet.Lease{Command: i, Max: unit.Energy(o.Args["max_register_wh"].(int64)), At: d.now, Memory: d.seen[m.N].Memory})
	}
	d.note("%s %s", o.Type, m.Number)
	return i, d.fails()
}

func (d *rig) Withdraw(m wallet.MeterFacts, t wallet.CommandType, order id.ID, _ string) error {
	o, ok := d.told[order]
	if !ok {
		return errors.New("an order that never was is withdrawn")
	}
	if o.State == "queued" || o.State == "sent" {
		o.State, o.Since = "expired", d.now
	}
	d.note("no %s %s", t, m.Number)
	return d.fails()
}

func (d *rig) WakeOrders(m wallet.MeterFacts, t wallet.CommandType) error {
	d.note("hurry %s %s", t, m.Number)
	return d.fails()
}

func (d *rig) Notify(m wallet.MeterFacts, n wallet.Notice) error {
	d.notices = append(d.notices, n)
	text := string(n.Kind)
	if n.Press {
		text += " press"
	}
	d.note("%s %s", text, m.Number)
	return d.fails()
}

func (d *rig) RaiseAlarm(int64, metering.Alarm) error { return d.fails() }
