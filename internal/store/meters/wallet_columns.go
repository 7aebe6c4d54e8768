package meters

import (
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/store/core"
	"github.com/paywatt/paywatt/internal/store/people"
	"github.com/paywatt/paywatt/internal/wallet"
	"github.com/paywatt/paywatt/supply"
	"github.com/paywatt/paywatt/unit"
	"github.com/paywatt/paywatt/wire"
)

// walletRow is a row of wallet with facts about its meter and account.
type walletRow = wallet.Row

var walletColumns = core.Columns[walletRow]{Table: "wallet", Attested: []core.Column[walletRow]{
	core.Int("base_wh", func(w *walletRow) *unit.Energy { return &w.Base }),
}, Later: []core.Column[walletRow]{
	core.Int("max_w", func(w *walletRow) *unit.Power { return &w.MaxW }),
	core.Int("unread_cut_h", func(w *walletRow) *int64 { return &w.UnreadCutHours }),
}, Unattested: []core.Column[walletRow]{ // base_wh and the readings are enough to prove the accrued money
	core.Text("store", func(w *walletRow) *string { return &w.Memory }),
	core.Int("seq", func(w *walletRow) *uint64 { return &w.Seq }),
	orNone("register_wh", func(w *walletRow) *bool { return &w.Started }, func(w *walletRow) *unit.Energy { return &w.Register }),
	core.Time("at", func(w *walletRow) *time.Time { return &w.At }),
	core.Int("up", func(w *walletRow) *uint64 { return &w.Up }),
	core.Text("month", func(w *walletRow) *string { return &w.Month }),
	core.Int("month_wh", func(w *walletRow) *unit.Energy { return &w.Used }),
	core.Int("rest", func(w *walletRow) *int64 { return &w.Rest }),
	core.Int("accrued", func(w *walletRow) *money.Minor { return &w.Accrued }),
	{Name: "parts", Form: 't', Read: func(w *walletRow, r core.Row, col int) (err error) {
		w.Parts, err = wallet.ParseParts(r.Text(col))
		return err
	}},
	core.Int("debited", func(w *walletRow) *money.Minor { return &w.Debited }),
	core.Int("posted", func(w *walletRow) *int64 { return &w.Posted }),
	core.Int("posted_wh", func(w *walletRow) *unit.Energy { return &w.PostedWh }),
	core.Time("posted_to", func(w *walletRow) *time.Time { return &w.PostedTo }),
	core.Time("settled_at", func(w *walletRow) *time.Time { return &w.SettledAt }),
	{Name: "held", Form: 't',
		Read: func(w *walletRow, r core.Row, col int) error {
			w.Held.Reason = wallet.HoldReason(r.Text(col))
			return nil
		},
		Write: func(w *walletRow) any {
			if w.Held.Reason == wallet.HoldOpen {
				return string(wallet.HoldImplausible) // the column's CHECK does not allow HoldOpen; held_open marks it
			}
			return string(w.Held.Reason)
		}},
	{Name: "held_open", Form: 'i', Write: func(w *walletRow) any { return w.Held.Reason == wallet.HoldOpen },
		Read: func(w *walletRow, r core.Row, col int) error {
			if r.Bool(col) && w.Held.Stopped() {
				w.Held.Reason = wallet.HoldOpen
			}
			return nil
		}},
	core.Text("held_store", func(w *walletRow) *string { return &w.Held.Memory }),
	core.Int("held_seq", func(w *walletRow) *uint64 { return &w.Held.Seq }),
	{Name: "held_wh", Form: 'i',
		Read: func(w *walletRow, r core.Row, col int) error { w.Held.Register = unit.Energy(r.Int(col)); return nil },
		Write: func(w *walletRow) any {
			if !w.Held.Stopped() {
				return nil
			}
			return w.Held.Register
		}},
	core.Time("held_at", func(w *walletRow) *time.Time { return &w.Held.At }),
	core.Int("held_up", func(w *walletRow) *uint64 { return &w.Held.Up }),
	core.Text("held_clock", func(w *walletRow) *wire.Clock { return &w.Held.Clock }),
	core.Time("held_since", func(w *walletRow) *time.Time { return &w.Held.Since }),
	crossed("low1", func(w *walletRow) *supply.Crossing { return &w.Low1 }),
	crossed("low2", func(w *walletRow) *supply.Crossing { return &w.Low2 }),
	core.Int("off", func(w *walletRow) *supply.Reasons { return &w.Off }),
	core.Int("ahead_wh", func(w *walletRow) *unit.Energy { return &w.Ahead }),
	orNone("open_wh", func(w *walletRow) *bool { return &w.Open }, func(w *walletRow) *unit.Energy { return &w.OpenFrom }),
	core.Time("closed_at", func(w *walletRow) *time.Time { return &w.ClosedAt }),
	core.Int("meter", func(w *walletRow) *int64 { return &w.Meter.N }).ReadOnly(),
	{Name: "version", Form: 'i'},
}}

// BaseKind describes the evidence of the register at which the rating of a meter began, and of what a person set for the wallet.
var BaseKind = core.AttestedKind{Name: "base", Noun: "Rating start of meter", Prefix: id.Meter, Key: "id", Order: "w.version",
	From: "meter r JOIN wallet w ON w.tenant_id = r.tenant_id AND w.meter = r.n", Proof: walletColumns.Proof("w"),
	Must: " AND EXISTS (SELECT 1 FROM wallet x WHERE x.tenant_id = r.tenant_id AND x.meter = r.n)"}.WithLater(walletColumns.LaterProof("w"))

// orNone is a number column that may be NULL. The first function finds a flag of the row, which is true if the column has a
// number. The second function finds the row's field for the number.
func orNone[T any, V ~int64](name string, there func(*T) *bool, field func(*T) *V) core.Column[T] {
	return core.Column[T]{Name: name, Form: 'i',
		Read: func(to *T, r core.Row, col int) error {
			*there(to), *field(to) = !r.IsNull(col), V(r.Int(col))
			return nil
		},
		Write: func(of *T) any {
			if !*there(of) {
				return nil
			}
			return int64(*field(of))
		}}
}

// Bits of a stored crossing.
const (
	crossBelow = 1
	crossFired = 2
)

// crossed is a column that stores a crossing as bits.
func crossed(name string, field func(*walletRow) *supply.Crossing) core.Column[walletRow] {
	return core.Column[walletRow]{Name: name, Form: 'i',
		Read: func(w *walletRow, r core.Row, col int) error {
			bits := r.Int(col)
			*field(w) = supply.Crossing{Below: bits&crossBelow != 0, Fired: bits&crossFired != 0}
			return nil
		},
		Write: func(w *walletRow) any {
			bits := int64(0)
			if field(w).Below {
				bits |= crossBelow
			}
			if field(w).Fired {
				bits |= crossFired
			}
			return bits
		}}
}

// walletTables is the FROM clause of wallets with their meters and accounts.
const walletTables = ` FROM wallet w JOIN meter m ON m.tenant_id = w.tenant_id AND m.n = w.meter
	LEFT JOIN account a ON a.tenant_id = m.tenant_id AND a.id = m.account_id
	LEFT JOIN meter_live l ON l.tenant_id = w.tenant_id AND l.meter = w.meter
	LEFT JOIN wallet_advance v ON v.tenant_id = a.tenant_id AND v.account_id = a.id WHERE w.tenant_id = $1`

// WalletQuery reads the wallets of the tenant, including those without an account; walletUpdate writes one, and walletsSave several.
var (
	WalletQuery = `SELECT m.id, m.number, m.simulated, m.phases, a.id, a.tariff_id, a.status, l.last_seen, l.newest_at, v.amount,
		m.reading_interval_s, m.imp_per_kwh, CASE WHEN m.link_key_enc IS NOT NULL AND m.profile = '' THEN 1 ELSE 0 END, a.protected, a.lease_grace_wh, ` +
		walletColumns.List("w") + `, ` + people.HasAssignments + walletTables
	walletUpdate = `UPDATE ` + walletColumns.Update("meter", "parts")
	walletsSave  = `INSERT INTO ` + walletColumns.IntoRows(nil, "parts", "meter") + walletColumns.OrUpdate("meter") + `, parts = excluded.parts, version = wallet.version + 1`
)

// ScanWallet reads a row of WalletQuery. It leaves out the assignments of the account's tariff, which are rows of their own.
func ScanWallet(r core.Row, w *wallet.Row) error {
	_, err := scanWallet(r, w)
	return err
}

// scanWallet does the work of ScanWallet, and reports whether the account ever got another tariff.
func scanWallet(r core.Row, w *wallet.Row) (reassigned bool, err error) {
	w.Meter = wallet.MeterFacts{ID: r.ID(0), Number: r.Text(1), Simulated: r.Bool(2), Phases: int(r.Int(3)), Account: r.ID(4), Tariff: r.ID(5),
		Active: r.Text(6) == registry.AccountActive, LastSeen: r.Time(7), NewestAt: r.Int(8), Advanced: money.Minor(r.Int(9)),
		Interval: time.Duration(r.Int(10)) * time.Second, Imp: r.Int(11), Linked: r.Bool(12), Protected: r.Bool(13), Grace: wallet.StayClosed}
	if !r.IsNull(14) {
		w.Meter.Grace = r.Int(14)
	}
	col, err := walletColumns.Scan(r, 15, w)
	if w.Based = w.Base; !w.Held.Stopped() {
		w.Held = wallet.Held{}
	}
	return err == nil && r.Bool(col), err
}
