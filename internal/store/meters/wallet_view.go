package meters

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/store/core"
	"github.com/paywatt/paywatt/internal/wallet"
	"github.com/paywatt/paywatt/unit"
)

// AccountExists reports whether the account exists.
func (tx Rows) AccountExists(account id.ID) (bool, error) {
	exists, err := tx.One(`SELECT mode FROM account WHERE tenant_id = $1 AND id = $2`, func(core.Row) error { return nil }, tx.Tenant, account)
	return exists, fault.Wrap(err, "find account %s", account.Text(id.Account))
}

// WalletUse lists a meter's use in a period of local days, newest first. The period includes its first and last day.
func (tx Rows) WalletUse(meter int64, from, to string, max int) ([]wallet.DayUse, error) {
	out, err := dayColumns.All(tx.C, `tenant_id = $1 AND meter = $2 AND day >= $3 AND day <= $4 ORDER BY day DESC LIMIT $5`,
		tx.Tenant, meter, from, to, max)
	return out, fault.Wrap(err, "read the use of meter %d", meter)
}

// WalletUseOf lists the use of some meters in a period of local days, newest first. The period includes its first and last day.
func (tx Rows) WalletUseOf(meters []int64, from, to string) (map[int64][]wallet.DayUse, error) {
	out := map[int64][]wallet.DayUse{}
	if len(meters) == 0 {
		return out, nil
	}
	in, args := marked(meters, 4)
	err := tx.C.Query(`SELECT meter, `+dayColumns.List("")+` FROM wallet_day WHERE tenant_id = $1 AND day >= $2 AND day <= $3 AND meter IN (`+in+`) ORDER BY day DESC`, func(r core.Row) error {
		var d wallet.DayUse
		_, err := dayColumns.Scan(r, 1, &d)
		out[r.Int(0)] = append(out[r.Int(0)], d)
		return err
	}, append([]any{tx.Tenant, from, to}, args...)...)
	return out, fault.Wrap(err, "read the use of meters")
}

// WalletMoneyOf returns the money of some accounts. An account without money is missing.
func (tx Rows) WalletMoneyOf(accounts []id.ID) (map[id.ID]wallet.Money, error) {
	out := map[id.ID]wallet.Money{}
	if len(accounts) == 0 {
		return out, nil
	}
	subjects, of := make([]string, len(accounts)), map[string]id.ID{}
	for i, a := range accounts {
		subjects[i] = a.Text(id.Account)
		of[subjects[i]] = a
	}
	err := core.ReadBy(tx.Tx, core.Keyed{Query: `SELECT subject, balance, held FROM ledger_account WHERE tenant_id = $1 AND code = $2 AND subject `,
		Args: []any{ledger.Wallet}, Form: 't'}, subjects, func(r core.Row) error {
		out[of[r.Text(0)]] = wallet.Money{Wallet: -money.Minor(r.Int(1)), Held: money.Minor(r.Int(2))}
		return nil
	})
	return out, fault.Wrap(err, "read the money of accounts")
}

// WalletBooked returns the balance of an account's wallet before a period, credit positive, and the bookings on the wallet in the period,
// in order. The period includes its start but not its end.
func (tx Rows) WalletBooked(account id.ID, from, to time.Time, max int) (opening money.Minor, booked []wallet.Booked, err error) {
	n := int64(0)
	_, err = tx.One(`SELECT n FROM ledger_account WHERE tenant_id = $1 AND code = $2 AND subject = $3`, func(r core.Row) error { n = r.Int(0); return nil },
		tx.Tenant, ledger.Wallet, account.Text(id.Account))
	if err != nil || n == 0 {
		return 0, nil, fault.Wrap(err, "read an account")
	}
	before, err := tx.Number(`SELECT SUM(p.amount) FROM posting p JOIN journal j ON j.tenant_id = p.tenant_id AND j.id = p.journal_id
		WHERE p.tenant_id = $1 AND p.account = $2 AND p.listed = 1 AND j.posted_at < $3`, tx.Tenant, n, from)
	if err != nil {
		return 0, nil, fault.Wrap(err, "read an account")
	}
	err = tx.C.Query(`SELECT j.id, j.kind, j.ref, j.memo, j.posted_at, SUM(p.amount) FROM posting p
		JOIN journal j ON j.tenant_id = p.tenant_id AND j.id = p.journal_id
		WHERE p.tenant_id = $1 AND p.account = $2 AND p.listed = 1 AND j.posted_at >= $3 AND j.posted_at < $4
		GROUP BY j.id, j.kind, j.ref, j.memo, j.posted_at ORDER BY j.posted_at, j.id LIMIT $5`, func(r core.Row) error {
		booked = append(booked, wallet.Booked{Journal: r.ID(0), Kind: ledger.Kind(r.Text(1)), Ref: r.Text(2), Memo: r.Text(3), At: r.Time(4),
			Amount: -money.Minor(r.Int(5))})
		return nil
	}, tx.Tenant, n, from, to, max)
	return -money.Minor(before), booked, fault.Wrap(err, "read an account")
}

// WalletDifferences lists meters whose register is not completely rated, in the order of their dense numbers, after the given meter.
func (tx Rows) WalletDifferences(after int64, max int) ([]wallet.Difference, error) {
	type found struct {
		row      wallet.Row
		register unit.Energy
		asOf     time.Time
	}
	var rows []found
	err := tx.C.Query(WalletQuery+` AND w.meter > $2 AND l.register_wh IS NOT NULL
		AND (w.register_wh IS NULL OR w.register_wh <> l.register_wh OR w.held <> '') ORDER BY w.meter LIMIT $3`, func(r core.Row) error {
		rows = append(rows, found{})
		return ScanWallet(r, &rows[len(rows)-1].row)
	}, tx.Tenant, after, max)
	if err != nil {
		return nil, fmt.Errorf("compare registers: %w", err)
	}
	out := make([]wallet.Difference, len(rows))
	for i, f := range rows {
		_, err := tx.One(`SELECT register_wh, as_of FROM meter_live WHERE tenant_id = $1 AND meter = $2`, func(r core.Row) error {
			f.register, f.asOf = unit.Energy(r.Int(0)), r.Time(1)
			return nil
		}, tx.Tenant, f.row.Meter.N)
		if err != nil {
			return nil, fmt.Errorf("compare registers: %w", err)
		}
		w := f.row
		out[i] = wallet.Difference{Meter: w.Meter, Rated: w.Register, Register: f.register, Total: w.Total(), Rebased: w.Base, AsOf: f.asOf, Held: w.Held}
	}
	return out, nil
}

// MoneyForMeter returns the money of the account that a meter's row names, also of a meter that was replaced; nil for a meter without a wallet.
func (tx Rows) MoneyForMeter(meter int64, currency string) (*registry.WalletMoney, error) {
	rows, err := tx.WalletsOfMeters([]int64{meter})
	i := slices.IndexFunc(rows, func(w wallet.Row) bool { return w.Meter.N == meter })
	if err != nil || i < 0 {
		return nil, err
	}
	account := rows[i].Meter.Account
	books, err := tx.WalletMoneyOf([]id.ID{account})
	return new(wallet.MoneyFor(rows[i], rows, books[account], currency)), err
}

// walletViews returns the views of the wallets of some meters, whose currencies are given. A meter without a wallet is missing.
func (tx Rows) walletViews(currencies map[int64]string) (map[int64]*registry.WalletView, error) {
	if len(currencies) == 0 {
		return nil, nil
	}
	all, err := tx.WalletsOfMeters(slices.Collect(maps.Keys(currencies)))
	if err != nil {
		return nil, err
	}
	accounts := map[id.ID][]wallet.Row{}
	for _, w := range all {
		accounts[w.Meter.Account] = append(accounts[w.Meter.Account], w)
	}
	books, err := tx.WalletMoneyOf(slices.Collect(maps.Keys(accounts)))
	if err != nil {
		return nil, err
	}
	out := make(map[int64]*registry.WalletView, len(currencies))
	for account, rows := range accounts {
		for _, w := range rows {
			if currency, asked := currencies[w.Meter.N]; asked {
				out[w.Meter.N] = wallet.ViewOf(w.Meter.N, rows, books[account], currency)
			}
		}
	}
	return out, nil
}
