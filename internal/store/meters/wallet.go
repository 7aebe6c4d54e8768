package meters

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/store/books"
	"github.com/paywatt/paywatt/internal/store/core"
	"github.com/paywatt/paywatt/internal/store/people"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/internal/wallet"
	"github.com/paywatt/paywatt/unit"
	"github.com/paywatt/paywatt/wire"
)

// addWallet gives a new meter its wallet.
func (tx Rows) addWallet(m registry.Meter) error {
	if m.Mode != registry.PrepayWallet {
		return nil
	}
	_, err := tx.C.Exec(`INSERT INTO wallet (tenant_id, meter) VALUES ($1, $2)`, tx.Tenant, m.N)
	if err == nil {
		_, err = tx.C.Exec(`INSERT INTO meter_live (tenant_id, meter, rated) VALUES ($1, $2, 1)
			ON CONFLICT (tenant_id, meter) DO UPDATE SET rated = 1`, tx.Tenant, m.N)
	}
	if err == nil {
		err = tx.WalletPut(wallet.Row{State: wallet.NewState(), Meter: wallet.MeterFacts{N: m.N, Number: m.Number}})
	}
	if err == nil {
		err = tx.Attest("base", m.ID)
	}
	return fault.Wrap(err, "give meter %s a wallet", m.Number)
}

// walletTries limits how often wallets are locked again if another meter joins their account while they are being locked.
const walletTries = 3

// Wallets locks wallets in the order of their meters, and then reads them. With row locks it needs two statements: after waiting for a
// lock, a statement sees the locked rows in their new state, but the joined rows in their old state. An account that was closed in between
// would still look open.
func (tx Rows) Wallets(condition string, args ...any) ([]wallet.Row, error) {
	out, err := tx.addWallets(nil, condition, args...)
	inOrder(out)
	return out, err
}

// addWallets adds locked wallets to a list, in any order.
func (tx Rows) addWallets(to []wallet.Row, condition string, args ...any) ([]wallet.Row, error) {
	args = append([]any{tx.Tenant}, args...)
	for range walletTries {
		locked, err := tx.lockWallets(condition, args)
		if err != nil {
			return nil, fmt.Errorf("lock wallets: %w", err)
		}
		out, err := tx.readWallets(to, condition, args...)
		if err != nil {
			return nil, err
		}
		if locked == nil || !slices.ContainsFunc(out[len(to):], func(w wallet.Row) bool { return !locked[w.Meter.N] }) {
			return out, nil
		}
	}
	return nil, fmt.Errorf("%w: the meters of an account kept changing", core.ErrInvariant)
}

// readWallets adds wallets of accounts to a list.
func (tx Rows) readWallets(to []wallet.Row, condition string, args ...any) ([]wallet.Row, error) {
	var changed []id.ID // accounts that ever got another tariff
	from := len(to)
	err := tx.C.Query(WalletQuery+` AND a.id IS NOT NULL AND `+condition, func(r core.Row) error {
		to = append(to, wallet.Row{})
		w := &to[len(to)-1]
		reassigned, err := scanWallet(r, w)
		if reassigned {
			changed = append(changed, w.Meter.Account)
		}
		return err
	}, args...)
	if err != nil || len(changed) == 0 {
		return to, fault.Wrap(err, "read wallets")
	}
	later, err := people.Of(tx.Tx).AssignmentsOf(changed...)
	for i := from; i < len(to); i++ {
		to[i].Meter.Later = later[to[i].Meter.Account]
	}
	return to, err
}

// inOrder sorts wallets by their meters. To sort them here is cheaper than in the engine: they are wide, and mostly in order.
func inOrder(rows []wallet.Row) {
	slices.SortFunc(rows, func(a, b wallet.Row) int { return cmp.Compare(a.Meter.N, b.Meter.N) })
}

// lockWallets locks wallets in the order of their meters and returns these meters; nil on an engine without row locks.
func (tx Rows) lockWallets(condition string, args []any) (map[int64]bool, error) {
	if tx.C.ForUpdate() == "" {
		return nil, nil
	}
	locked := map[int64]bool{}
	err := tx.C.Query(`SELECT w.meter FROM wallet w JOIN meter m ON m.tenant_id = w.tenant_id AND m.n = w.meter
		WHERE w.tenant_id = $1 AND `+condition+` ORDER BY w.meter`+tx.LockOf("w"), func(r core.Row) error {
		locked[r.Int(0)] = true
		return nil
	}, args...)
	return locked, err
}

// WalletsOf locks and reads the wallets of all meters of an account.
func (tx Rows) WalletsOf(account id.ID) ([]wallet.Row, error) {
	if tx.Joined() {
		return tx.onlyWallet(account)
	}
	return tx.Wallets(`m.account_id = $2`, account)
}

// onlyWallet does the same for a closure that shares its transaction, if the account has one meter. The closures of a transaction lock their
// wallets together in the order of the meters, as readings do, and so each may ask for one.
func (tx Rows) onlyWallet(account id.ID) ([]wallet.Row, error) {
	var meters []int64
	err := tx.C.Query(`SELECT n FROM meter WHERE tenant_id = $1 AND account_id = $2`, func(r core.Row) error {
		meters = append(meters, r.Int(0))
		return nil
	}, tx.Tenant, account)
	if err == nil && len(meters) != 1 {
		err = tx.Alone()
	}
	if err != nil {
		return nil, fmt.Errorf("find the meter of an account: %w", err)
	}
	if _, err = tx.One(`SELECT meter FROM wallet WHERE tenant_id = $1 AND meter = $2`+tx.C.ForUpdate(), func(core.Row) error { return nil }, tx.Tenant, meters[0]); err != nil {
		return nil, fmt.Errorf("lock a wallet: %w", err)
	}
	out, err := tx.readWallets(nil, `m.account_id = $2`, tx.Tenant, account)
	if err == nil && slices.ContainsFunc(out, func(w wallet.Row) bool { return w.Meter.N != meters[0] }) {
		err = tx.Alone() // the account has got another meter meanwhile
	}
	return out, err
}

// WalletOf locks and reads the wallets of the account that a meter supplies, including the meter's own wallet. It returns no rows for a
// meter without a wallet.
func (tx Rows) WalletOf(meter int64) ([]wallet.Row, error) {
	return tx.Wallets(`m.account_id = (SELECT account_id FROM meter WHERE n = $2)`, meter)
}

// WalletPut writes a locked wallet. A change of the register from which its rating begins leaves evidence, because the customer is charged
// for the rise above this register.
func (tx Rows) WalletPut(w wallet.Row) error {
	if w.Base == w.Based {
		return tx.walletPut(w)
	}
	return tx.RewriteLocked(tx.Kind("base"), w.Meter.ID, func() error { return tx.walletPut(w) })
}

// WalletsPut writes locked wallets of several meters: as a list where the engine takes lists. SQLite updates a row faster than it inserts one
// that is there.
func (tx Rows) WalletsPut(all []wallet.Row) error {
	rows, alone := core.RowsInto(walletsSave, tx.Tenant), len(all) == 1 && !tx.Joined() || !tx.C.Lists()
	for i := range all {
		w := &all[i]
		if alone || w.Base != w.Based {
			if err := tx.WalletPut(*w); err != nil {
				return err
			}
			continue
		}
		parts, err := wallet.FormatParts(w.Parts)
		if err == nil {
			err = core.AddRow(tx.Tx, &rows, &walletColumns, w, parts, w.Meter.N)
		}
		if err != nil {
			return fmt.Errorf("write the wallet of meter %s: %w", w.Meter.Number, err)
		}
	}
	return fault.Wrap(rows.Insert(tx.Tx), "write the wallets of meters")
}

func (tx Rows) walletPut(w wallet.Row) error {
	parts, err := wallet.FormatParts(w.Parts)
	if err == nil {
		err = tx.Must(walletUpdate, walletColumns.Changes(&w, parts, tx.Tenant, w.Meter.N)...)
	}
	return fault.Wrap(err, "write the wallet of meter %s", w.Meter.Number)
}

var dayColumns = core.Columns[wallet.DayUse]{Table: "wallet_day", Unattested: []core.Column[wallet.DayUse]{
	core.Text("day", func(d *wallet.DayUse) *string { return &d.Day }),
	core.Int("wh", func(d *wallet.DayUse) *unit.Energy { return &d.Units }),
	core.Int("debit", func(d *wallet.DayUse) *money.Minor { return &d.Debit }),
	core.Int("estimated_wh", func(d *wallet.DayUse) *unit.Energy { return &d.Estimated }),
	{Name: "meter", Form: 'i'},
}}

// daysAdd adds to days of meters, or inserts the days.
var daysAdd = `INSERT INTO ` + dayColumns.IntoRows(nil, "meter") + ` ON CONFLICT (tenant_id, meter, day) DO UPDATE SET
	wh = wallet_day.wh + excluded.wh, debit = wallet_day.debit + excluded.debit, estimated_wh = wallet_day.estimated_wh + excluded.estimated_wh`

// WalletDays adds the use of meters to their local days. No meter comes twice.
func (tx Rows) WalletDays(all []wallet.MeterDays) error {
	rows, err := core.RowsInto(daysAdd, tx.Tenant), error(nil)
	for i := range all {
		for d := range all[i].Days {
			if err == nil {
				err = core.AddRow(tx.Tx, &rows, &dayColumns, &all[i].Days[d], all[i].Meter)
			}
		}
	}
	if err == nil {
		err = rows.Insert(tx.Tx)
	}
	return fault.Wrap(err, "add to the use of meters")
}

// WalletMoney returns the balance of an account's wallet in the books, credit positive, and how much of it is reserved.
func (tx Rows) WalletMoney(account id.ID) (wallet, held money.Minor, err error) {
	a, _, err := tx.Account(ledger.AccountRef{Code: ledger.Wallet, Subject: account.Text(id.Account)})
	return -a.Balance, a.Held, err
}

// WalletAdvanced adds to the tax that was taken with an account's top-ups. The lock of the account's wallets protects this sum. The sum has
// a row of its own, because the account's row is locked before the wallets and never after them.
func (tx Rows) WalletAdvanced(account id.ID, by money.Minor) error {
	err := tx.Must(`INSERT INTO wallet_advance (tenant_id, account_id, amount) VALUES ($1, $2, $3)
		ON CONFLICT (tenant_id, account_id) DO UPDATE SET amount = wallet_advance.amount + excluded.amount`, tx.Tenant, account, by)
	if err != nil {
		return fmt.Errorf("note the tax advanced by account %s: %w", account.Text(id.Account), err)
	}
	return nil
}

// WalletTenant returns the tenant's settings for wallets. It does not lock the tenant's row, because every batch of readings reads it. A
// setting that changes meanwhile applies from the next batch.
func (tx Rows) WalletTenant() (wallet.Tenant, error) {
	var t wallet.Tenant
	zone, settings := "", ""
	found, err := tx.One(`SELECT currency, tz, settings FROM tenant WHERE id = $1`, func(r core.Row) error {
		t.Currency, zone, settings = r.Text(0), r.Text(1), r.Text(2)
		return nil
	}, tx.Tenant)
	if err == nil && !found {
		err = core.ErrNotFound
	}
	if err != nil {
		return wallet.Tenant{}, fmt.Errorf("read tenant %d: %w", tx.Tenant, err)
	}
	if t.Zone, err = tx.Zone(zone); err != nil {
		return wallet.Tenant{}, err
	}
	more, err := people.MoreSettings(core.TenantRow{Settings: settings})
	if err != nil {
		return wallet.Tenant{}, err
	}
	if text, ok := more[people.WalletKey]; ok {
		if err := json.Unmarshal(text, &t.Policy); err != nil {
			return wallet.Tenant{}, fmt.Errorf("read setting %s: %w", people.WalletKey, err)
		}
	}
	if text, ok := more[people.SupplyKey]; ok {
		if err := json.Unmarshal(text, &t.Supply); err != nil {
			return wallet.Tenant{}, fmt.Errorf("read setting %s: %w", people.SupplyKey, err)
		}
	}
	return t, nil
}

// VersionsOf returns the versions of a tariff that begin, in this order. Replaced and withdrawn versions are left out.
func (tx Rows) VersionsOf(t id.ID) ([]tariff.Version, error) {
	var out []tariff.Version
	err := tx.C.Query(`SELECT `+books.VersionList+books.VersionTables+books.BeginningVersions,
		func(r core.Row) error {
			v, err := books.Of(tx.Tx).ScanVersion(r, 0)
			out = append(out, v)
			return err
		}, tx.Tenant, t)
	if err != nil {
		return nil, fmt.Errorf("read the versions of tariff %s: %w", t.Text(id.Tariff), err)
	}
	return out, nil
}

// WalletsOfMeters locks and reads the wallets of the accounts that meters supply, in the order of the meters' numbers.
func (tx Rows) WalletsOfMeters(meters []int64) (out []wallet.Row, err error) {
	meters = slices.Sorted(slices.Values(meters)) // sorted before chunking, so that rows are locked in the order of their meters
	out = make([]wallet.Row, 0, len(meters))
	add := func(sql string, args ...any) (err error) {
		out, err = tx.addWallets(out, `m.account_id IN (SELECT account_id FROM meter WHERE `+sql+`)`, args...)
		return err
	}
	if tx.C.Lists() {
		err = add(`n = ANY($2)`, core.Numbers(meters))
		inOrder(out)
		return out, err
	}
	err = core.EachChunk(tx.Tx, meters, func(args []any) error { return add(`n `+core.InChunk, args[1:]...) })
	inOrder(out)
	out = slices.CompactFunc(out, func(a, b wallet.Row) bool { return a.Meter.N == b.Meter.N }) // two chunks may share an account
	return out, err
}

// ReadingsBetween returns at most max readings of one device memory with numbers in [from, to], in order. The parameter newest limits the
// search to this number of the meter's newest rows; 0 means all rows.
func (tx Rows) ReadingsBetween(meter int64, store string, from, to uint64, newest, max int) ([]wallet.Reading, error) {
	source, args := `reading`, []any{tx.Tenant, meter}
	where := ` WHERE tenant_id = $1 AND meter = $2`
	if newest > 0 {
		source, where = `(SELECT * FROM reading WHERE tenant_id = $1 AND meter = $2 ORDER BY id DESC LIMIT $3) newest`, ` WHERE meter = $2`
		args = append(args, newest)
	}
	n := len(args)
	args = append(args, store, int64(from), int64(to), max)
	var out []wallet.Reading
	err := tx.C.Query(fmt.Sprintf(`SELECT seq, at, up, clock, received_at, register_wh, relay, reasons FROM %s%s AND store = $%d AND seq BETWEEN $%d AND $%d
		ORDER BY seq LIMIT $%d`, source, where, n+1, n+2, n+3, n+4), func(r core.Row) error {
		out = append(out, wallet.Reading{Memory: store, Seq: uint64(r.Int(0)), At: r.Time(1), Up: uint64(r.Int(2)), Clock: wire.Clock(r.Text(3)),
			ReceivedAt: r.Time(4), Register: unit.Energy(r.Int(5)), Open: wallet.SaysOpen(r.Text(6), r.Text(7) != "")})
		return nil
	}, args...)
	if err != nil {
		return nil, fmt.Errorf("read readings %d to %d of meter %d: %w", from, to, meter, err)
	}
	return out, nil
}

// WalletsDue lists the accounts of meters that have accrued money and are due for settling. A meter is due if it was last settled before
// the given time, or never. It is also due if the stored time of its last settling is in the future. The accounts are in the order of their
// meters, after the given meter. WalletsDue also returns the last of these meters, so that the next call can continue after it.
func (tx Rows) WalletsDue(before time.Time, after int64, max int) (accounts []id.ID, last int64, err error) {
	err = tx.C.Query(`SELECT w.meter, m.account_id FROM wallet w JOIN meter m ON m.tenant_id = w.tenant_id AND m.n = w.meter
		WHERE w.tenant_id = $1 AND w.accrued > 0 AND (w.settled_at IS NULL OR w.settled_at < $2 OR w.settled_at > $3)
		AND w.meter > $4 AND m.account_id IS NOT NULL ORDER BY w.meter LIMIT $5`, func(r core.Row) error {
		last = r.Int(0)
		if a := r.ID(1); len(accounts) == 0 || accounts[len(accounts)-1] != a {
			accounts = append(accounts, a)
		}
		return nil
	}, tx.Tenant, before, tx.Now.Add(wallet.Ahead), after, max)
	return accounts, last, fault.Wrap(err, "list wallets to settle")
}

// WalletTerms returns the terms for rating the readings of a meter.
func (tx Rows) WalletTerms(t wallet.Tenant, m wallet.MeterFacts) (wallet.Terms, error) {
	versions, err := m.Later.Versions(m.Tariff, tx.VersionsOf)
	return wallet.Terms{Zone: t.Zone, Simulated: m.Simulated, Phases: m.Phases, Versions: versions}, err
}

// WalletBehind returns the stored readings of the meter's present memory, up to its watermark, that are not rated yet. The window needs no
// lock: a transaction that moves the window first waits for the wallet that the caller has locked.
func (tx Rows) WalletBehind(w wallet.Row, max int) ([]wallet.Reading, error) {
	store, from, to := "", uint64(1), uint64(0)
	_, err := tx.One(`SELECT store, watermark FROM meter_live WHERE tenant_id = $1 AND meter = $2`, func(r core.Row) error {
		store, to = r.Text(0), uint64(r.Int(1))
		return nil
	}, tx.Tenant, w.Meter.N)
	if err != nil {
		return nil, fmt.Errorf("read the watermark of meter %s: %w", w.Meter.Number, err)
	}
	if store == w.Memory {
		from = w.Seq + 1
	}
	return tx.ReadingsBetween(w.Meter.N, store, from, to, 0, max)
}
