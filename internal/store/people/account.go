package people

import (
	"bytes"
	"fmt"
	"slices"
	"time"

	"github.com/paywatt/paywatt/internal/debt"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/store/core"
	"github.com/paywatt/paywatt/unit"
)

// ClosedAccount is the status of an account that has ended.
const ClosedAccount = "closed"

// AccountClose closes an account and frees its meters for another account. A meter in stock stays there, because it hangs nowhere. What is left in a
// keypad meter is written down. Until another account has the meters they keep their reference to the closed account, so that commands already sent
// to them are still followed up.
func (tx Rows) AccountClose(account id.ID, at time.Time, left registry.CreditLeft) error {
	err := tx.Rewrite("account", account, func() error {
		return tx.Must(`UPDATE account SET status = $1, closed_at = $2, credit_out_wh = $3, version = version + 1
			WHERE tenant_id = $4 AND id = $5 AND status <> $1`, ClosedAccount, at, creditValue(left), tx.Tenant, account)
	})
	if err != nil {
		return fmt.Errorf("close account %s: %w", account.Text(id.Account), err)
	}
	var meters []id.ID
	err = tx.C.Query(`SELECT id FROM meter WHERE tenant_id = $1 AND account_id = $2 AND status <> $3 AND status NOT IN `+core.LeftMeters+`
		ORDER BY n`+tx.C.ForUpdate(),
		func(r core.Row) error { meters = append(meters, r.ID(0)); return nil }, tx.Tenant, account, string(registry.Stock))
	for _, m := range meters {
		if err == nil {
			err = tx.Rewrite("meter", m, func() error {
				return tx.Must(`UPDATE meter SET status = $1, version = version + 1 WHERE tenant_id = $2 AND id = $3`, string(registry.Installed), tx.Tenant, m)
			})
		}
	}
	return fault.Wrap(err, "free the meters of account %s", account.Text(id.Account))
}

// IsOpenAccount reports whether an account was never closed. It locks the account.
func (tx Rows) IsOpenAccount(account id.ID) (bool, error) {
	open, err := tx.One(`SELECT id FROM account WHERE tenant_id = $1 AND id = $2 AND status <> $3`+tx.C.ForUpdate(),
		func(core.Row) error { return nil }, tx.Tenant, account, ClosedAccount)
	return open, fault.Wrap(err, "read account %s", account.Text(id.Account))
}

// FreePlace returns the service point of a meter whose account is closed, and how that account ended; the result free is false for any other meter.
// FreePlace locks the meter.
func (tx Rows) FreePlace(meter int64) (place registry.FreePlace, free bool, err error) {
	free, err = tx.One(`SELECT a.service_point_id, a.closed_at, a.credit_out_wh FROM meter m
		JOIN account a ON a.tenant_id = m.tenant_id AND a.id = m.account_id
		WHERE m.tenant_id = $1 AND m.n = $2 AND m.status = $3 AND a.status = $4`+tx.LockOf("m"), func(r core.Row) error {
		place.Point, place.Since, place.Left = r.ID(0), r.Time(1), ReadCredit(r, 2)
		return nil
	}, tx.Tenant, meter, string(registry.Installed), ClosedAccount)
	return place, free, fault.Wrap(err, "read an account")
}

// unknownCredit is stored for a credit that nobody could read.
const unknownCredit = -1

// creditValue returns the stored form of a credit; nil if nobody asked.
func creditValue(c registry.CreditLeft) any {
	switch c.State {
	case registry.CreditRead:
		return int64(c.Units)
	case registry.CreditUnknown:
		return int64(unknownCredit)
	}
	return nil
}

// ReadCredit reads a credit from a column.
func ReadCredit(r core.Row, col int) registry.CreditLeft {
	switch {
	case r.IsNull(col):
		return registry.CreditLeft{}
	case r.Int(col) == unknownCredit:
		return registry.CreditLeft{State: registry.CreditUnknown}
	}
	return registry.CreditOf(unit.Energy(r.Int(col)))
}

// MetersEver lists the meters that ever supplied an account, by their dense numbers. A replaced meter keeps its account. Any other meter
// leaves an account only when a later account of the same place gets it, and a meter without sales when its registration is taken back.
func (tx Rows) MetersEver(account id.ID) (out []int64, err error) {
	err = tx.C.Query(`SELECT DISTINCT m.n FROM account a JOIN account o ON o.tenant_id = a.tenant_id AND o.service_point_id = a.service_point_id
		JOIN meter m ON m.tenant_id = o.tenant_id AND m.account_id = o.id WHERE a.tenant_id = $1 AND a.id = $2 ORDER BY m.n`, func(r core.Row) error {
		out = append(out, r.Int(0))
		return nil
	}, tx.Tenant, account)
	return out, fault.Wrap(err, "find the meters of account %s", account.Text(id.Account))
}

// AccountEntries lists sales and other journals of an account, newest first, before the given entry. The identities of sales and journals
// sort by time.
func (tx Rows) AccountEntries(account, before id.ID, max int) ([]debt.Entry, error) {
	out, err := tx.saleEntries(account, before, max)
	if err != nil {
		return nil, fault.Wrap(err, "read an account")
	}
	booked, err := tx.bookedEntries(account, before, max)
	if err != nil {
		return nil, fault.Wrap(err, "read an account")
	}
	out = append(out, booked...)
	slices.SortFunc(out, func(a, b debt.Entry) int { return bytes.Compare(b.ID[:], a.ID[:]) })
	return out[:min(len(out), max)], nil
}

// saleEntries lists the sales of an account, found through the meters that ever supplied it.
func (tx Rows) saleEntries(account, before id.ID, max int) ([]debt.Entry, error) {
	var out []debt.Entry
	all, err := tx.MetersEver(account)
	for _, n := range all {
		if err != nil {
			break
		}
		err = tx.C.Query(`SELECT v.id, v.priced_at, v.state, v.tender, v.units_wh, m.number, v.receipt_no
			FROM meter m JOIN vend v ON v.tenant_id = m.tenant_id AND v.meter = m.n
			WHERE m.tenant_id = $1 AND m.n = $2 AND v.account_id = $3 AND v.id < $4
			ORDER BY v.id DESC LIMIT $5`, func(r core.Row) error {
			out = append(out, debt.Entry{ID: r.ID(0), At: r.Time(1), Kind: string(ledger.Vend), Ref: r.ID(0).Text(id.Vend), State: r.Text(2),
				Amount: money.Minor(r.Int(3)), Units: unit.Energy(r.Int(4)), Meter: r.Text(5), No: r.Text(6)})
			return nil
		}, tx.Tenant, n, account, core.UpTo(before), max)
	}
	return out, err
}

// bookedEntries lists the journals of an account's own ledger accounts (wallet, carry, deposit, refund, debts) that no sale made. It reads the
// newest of each ledger account: in a join of all of them a planner may read the postings of everybody, newest first.
func (tx Rows) bookedEntries(account, before id.ID, max int) ([]debt.Entry, error) {
	var own []int64
	name := account.Text(id.Account)
	err := tx.C.Query(`SELECT n FROM ledger_account WHERE tenant_id = $1 AND code IN (1100, 2000, 2060, 2080, 2090)
		AND (subject = $2 OR subject >= $3 AND subject < $4)`, func(r core.Row) error { own = append(own, r.Int(0)); return nil }, tx.Tenant, name, name+":", name+";")
	type sums struct {
		debt.Entry
		in, out int64
	}
	all := map[id.ID]*sums{}
	for _, n := range own {
		if err != nil {
			break
		}
		err = tx.C.Query(`SELECT j.id, j.posted_at, j.kind, j.ref, j.memo, SUM(CASE WHEN p.amount > 0 THEN p.amount ELSE 0 END),
				SUM(CASE WHEN p.amount < 0 THEN -p.amount ELSE 0 END)
			FROM posting p JOIN journal j ON j.tenant_id = p.tenant_id AND j.id = p.journal_id
			WHERE p.tenant_id = $1 AND p.account = $2 AND p.journal_id < $3 AND p.listed = 1
			AND (j.kind NOT IN ('vend', 'top_up', 'reversal', 'commission') OR j.kind = 'reversal' AND (j.ref LIKE 'opening %' OR j.ref LIKE 'debt dbt_%'))
			GROUP BY j.id, j.posted_at, j.kind, j.ref, j.memo ORDER BY j.id DESC LIMIT $4`, func(r core.Row) error {
			e := all[r.ID(0)]
			if e == nil {
				e = &sums{Entry: debt.Entry{ID: r.ID(0), At: r.Time(1), Kind: r.Text(2), Ref: r.Text(3), Memo: r.Text(4)}}
				all[e.ID] = e
			}
			e.in, e.out = e.in+r.Int(5), e.out+r.Int(6)
			return nil
		}, tx.Tenant, n, core.UpTo(before), max)
	}
	var out []debt.Entry
	for _, e := range all { // the caller sorts them
		e.Amount = money.Minor(larger(e.in, e.out))
		out = append(out, e.Entry)
	}
	return out, err
}

// larger returns the larger of two sums; in its callers max is a limit.
func larger(a, b int64) int64 { return max(a, b) }
