package books

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/debt"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/localday"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/store/core"
	"github.com/paywatt/paywatt/internal/store/people"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/internal/wallet"
)

// MaxCommission is the highest commission that the tenant's settings allow.
func (tx Rows) MaxCommission() (money.Bps, error) {
	settings := ""
	found, err := tx.One(`SELECT settings FROM tenant WHERE id = $1`, func(r core.Row) error { settings = r.Text(0); return nil }, tx.Tenant)
	if err == nil && !found {
		err = core.ErrNotFound
	}
	if err != nil {
		return 0, fmt.Errorf("read the ceiling of commissions of tenant %d: %w", tx.Tenant, err)
	}
	_, limits, err := people.SalePolicy(settings)
	return limits.MaxCommission, err
}

// ChargeTenant returns the tenant's time zone and its policy for charges.
func (tx Rows) ChargeTenant() (string, registry.ChargePolicy, error) {
	zone, settings := "", ""
	found, err := tx.One(`SELECT tz, settings FROM tenant WHERE id = $1`, func(r core.Row) error {
		zone, settings = r.Text(0), r.Text(1)
		return nil
	}, tx.Tenant)
	if err == nil && !found {
		err = core.ErrNotFound
	}
	if err != nil {
		return "", registry.ChargePolicy{}, fmt.Errorf("read tenant %d: %w", tx.Tenant, err)
	}
	policy, _, err := people.SalePolicy(settings)
	return zone, policy, err
}

// dueRow is a row of charge_due.
type dueRow = debt.Due

var dueColumns = core.Columns[dueRow]{Table: "charge_due", Attested: []core.Column[dueRow]{
	core.ID("account_id", func(d *dueRow) *id.ID { return &d.Account }),
	core.Text("kind", func(d *dueRow) *string { return &d.Name }),
	core.Text("month", func(d *dueRow) *string { return &d.Month }),
	core.Int("amount_gross", func(d *dueRow) *money.Minor { return &d.Gross }),
	core.Int("vat_bps", func(d *dueRow) *money.Bps { return &d.VATBps }),
	core.Int("priority", func(d *dueRow) *int { return &d.Priority }),
	core.Bool("capped", func(d *dueRow) *bool { return &d.Capped }),
}, Added: []core.Column[dueRow]{
	core.Int("moved", func(d *dueRow) *money.Minor { return &d.Moved }).OrNull(),
	core.Int("paid_back", func(d *dueRow) *money.Minor { return &d.PaidBack }).OrNull(),
}, Unattested: []core.Column[dueRow]{ // the lines of sales prove what was paid
	core.ID("id", func(d *dueRow) *id.ID { return &d.ID }),
	core.Int("paid", func(d *dueRow) *money.Minor { return &d.Paid }).ReadOnly(),
	core.Time("created_at", func(d *dueRow) *time.Time { return &d.CreatedAt }).ReadOnly(),
	{Name: "version", Form: 'i'},
}}

// ChargeKind describes the evidence of charges.
var ChargeKind = core.AttestedKind{Name: "charge", Noun: "Charge", Prefix: id.Charge, From: "charge_due r", Key: "id", Order: "r.version",
	Proof: dueColumns.Proof("r")}

// ChargesOpen returns the unpaid charges and debts of an account, by priority and then by age, the oldest first. It returns at most max
// charges and at most max debts. Their rows need no locks, because every change to them locks the account's row first.
func (tx Rows) ChargesOpen(account id.ID, max int) ([]debt.Due, []debt.Debt, error) {
	dues, err := dueColumns.All(tx.C, `tenant_id = $1 AND account_id = $2 AND paid < amount_gross ORDER BY priority, month, kind LIMIT $3`,
		tx.Tenant, account, max)
	if err != nil {
		return nil, nil, fmt.Errorf("read open charges: %w", err)
	}
	debts, err := debtColumns.All(tx.C, `tenant_id = $1 AND account_id = $2 AND outstanding > 0 ORDER BY priority, created_at, id LIMIT $3`,
		tx.Tenant, account, max)
	return dues, debts, fault.Wrap(err, "read open debts")
}

// ChargesOf returns the charges of an account, paid or not, beginning with a local month.
func (tx Rows) ChargesOf(account id.ID, fromMonth string) ([]debt.Due, error) {
	out, err := dueColumns.All(tx.C, `tenant_id = $1 AND account_id = $2 AND month >= $3 ORDER BY month, kind`, tx.Tenant, account, fromMonth)
	return out, fault.Wrap(err, "read the charges of an account")
}

// ChargePut stores a charge. If the account already has a charge of this name and month, only its amount changes, and what of it another account
// took over.
func (tx Rows) ChargePut(d debt.Due) error {
	kept := d.ID
	_, err := tx.One(`SELECT id FROM charge_due WHERE tenant_id = $1 AND account_id = $2 AND kind = $3 AND month = $4`,
		func(r core.Row) error { kept = r.ID(0); return nil }, tx.Tenant, d.Account, d.Name, d.Month)
	if err == nil {
		err = tx.Rewrite("charge", kept, func() error {
			return tx.Must(`INSERT INTO `+dueColumns.Into("created_at")+`
				ON CONFLICT (tenant_id, account_id, kind, month) DO UPDATE
				SET amount_gross = excluded.amount_gross, moved = excluded.moved, version = charge_due.version + 1`,
				dueColumns.Values(tx.Tenant, &d, tx.Now)...)
		})
	}
	return fault.Wrap(err, "make charge %s due", d.Ref())
}

// ChargeCorrect stores a charge that became smaller. What the customer gets back of it is not paid any more.
func (tx Rows) ChargeCorrect(d debt.Due, back money.Minor) error {
	err := tx.Rewrite("charge", d.ID, func() error {
		return tx.Must(`UPDATE charge_due SET amount_gross = $1, paid = paid - $2, version = version + 1,
			paid_back = CASE WHEN $2 = 0 THEN paid_back ELSE COALESCE(paid_back, 0) + $2 END WHERE tenant_id = $3 AND id = $4`,
			d.Gross, back, tx.Tenant, d.ID)
	})
	return fault.Wrap(err, "correct charge %s", d.Ref())
}

// Corrections lists versions that took the place of one that had begun, oldest first.
func (tx Rows) Corrections() ([]debt.Correction, error) {
	var out []debt.Correction
	err := tx.C.Query(`SELECT `+VersionList+VersionTables+` WHERE v.tenant_id = $1 AND v.published_at > v.effective_from
		AND `+versionBegins("v")+` AND EXISTS (SELECT 1 FROM tariff_version e WHERE e.tenant_id = v.tenant_id AND e.tariff_id = v.tariff_id
			AND e.effective_from = v.effective_from AND e.n < v.n) ORDER BY v.id`, func(r core.Row) error {
		v, err := tx.ScanVersion(r, 0)
		out = append(out, debt.Correction{Version: v})
		return err
	}, tx.Tenant)
	for i := range out {
		if err != nil {
			break
		}
		out[i].Earlier, err = tx.versionsReplacedBy(out[i].Version)
	}
	return out, fault.Wrap(err, "list corrections of tariffs")
}

// versionsReplacedBy lists the versions whose place a version took, newest first.
func (tx Rows) versionsReplacedBy(by tariff.Version) ([]tariff.Version, error) {
	var out []tariff.Version
	err := tx.C.Query(`SELECT `+VersionList+VersionTables+` WHERE v.tenant_id = $1 AND v.tariff_id = $2 AND v.effective_from = $3 AND v.n < $4
		AND v.withdraws IS NULL ORDER BY v.n DESC`, func(r core.Row) error {
		v, err := tx.ScanVersion(r, 0)
		out = append(out, v)
		return err
	}, tx.Tenant, by.TariffID, by.EffectiveFrom, by.N)
	return out, err
}

// AccountsEverOn lists accounts that were on a tariff at some time and come after a given account, in the order of their identities.
func (tx Rows) AccountsEverOn(t, after id.ID, max int) ([]id.ID, error) {
	var out []id.ID
	err := tx.C.Query(`SELECT a.id FROM account a WHERE a.tenant_id = $1 AND `+people.EverOn("$1", "$2")+` AND a.id > $3 ORDER BY a.id LIMIT $4`,
		func(r core.Row) error { out = append(out, r.ID(0)); return nil }, tx.Tenant, t, after[:], max)
	return out, fault.Wrap(err, "list accounts of tariff %s", t.Text(id.Tariff))
}

// ChargedSince sums the fixed charges with these names since a local day, of accounts that were on a tariff at some time: those of the months of keypad
// meters, and all that wallets were charged.
func (tx Rows) ChargedSince(t id.ID, day string, names []string) (c registry.ChargedSoFar, err error) {
	charged := map[id.ID]bool{}
	err = tx.C.Query(`SELECT a.id, d.kind, d.amount_gross, d.paid FROM account a JOIN charge_due d ON d.tenant_id = a.tenant_id AND d.account_id = a.id
		WHERE a.tenant_id = $1 AND `+people.EverOn("$1", "$2")+` AND d.month >= $3`, func(r core.Row) error {
		if slices.Contains(names, r.Text(1)) {
			charged[r.ID(0)] = true
			c.Charged, c.Paid = c.Charged+money.Minor(r.Int(2)), c.Paid+money.Minor(r.Int(3))
		}
		return nil
	}, tx.Tenant, t, day[:len(localday.MonthForm)])
	var wallets []id.ID
	if err == nil {
		err = tx.C.Query(`SELECT a.id FROM account a WHERE a.tenant_id = $1 AND `+people.EverOn("$1", "$2")+` AND a.mode = $3`,
			func(r core.Row) error { wallets = append(wallets, r.ID(0)); return nil }, tx.Tenant, t, string(registry.PrepayWallet))
	}
	for _, account := range wallets {
		var days map[string][]ledger.Posting
		if err == nil {
			days, err = tx.DaysCharged(account, day, "9")
		}
		for _, posted := range days {
			for _, p := range posted {
				if p.Account.Code == ledger.Wallet {
					charged[account] = true
					c.Charged, c.Paid = c.Charged+p.Amount, c.Paid+p.Amount
				}
			}
		}
	}
	c.Accounts = int64(len(charged))
	return c, fault.Wrap(err, "sum the fixed charges of tariff %s", t.Text(id.Tariff))
}

// DaysCharged returns the postings of the fixed charges of a wallet, by local day, from one day to another, inclusive.
func (tx Rows) DaysCharged(account id.ID, from, to string) (map[string][]ledger.Posting, error) {
	out := map[string][]ledger.Posting{}
	err := tx.C.Query(`SELECT a.code, a.subject, p.amount, j.ref FROM journal j JOIN posting p ON p.tenant_id = j.tenant_id AND p.journal_id = j.id
		JOIN ledger_account a ON a.tenant_id = p.tenant_id AND a.n = p.account
		WHERE j.tenant_id = $1 AND j.kind = $2 AND j.ref <> '' AND j.ref >= $3 AND j.ref <= $4`, func(r core.Row) error {
		day := strings.TrimPrefix(r.Text(3), wallet.ChargeRef(account, ""))
		out[day] = append(out[day], posting(r))
		return nil
	}, tx.Tenant, string(ledger.Charged), wallet.ChargeRef(account, from), wallet.ChargeRef(account, to))
	return out, fault.Wrap(err, "read the charges of wallet %s", account.Text(id.Account))
}

// ChargedTo stores the local date up to which an account's fixed charges are due.
func (tx Rows) ChargedTo(account id.ID, date string) error {
	err := tx.Rewrite("account", account, func() error {
		return tx.Must(`UPDATE account SET charged_to = $1, version = version + 1 WHERE tenant_id = $2 AND id = $3`, date, tx.Tenant, account)
	})
	return fault.Wrap(err, "note that account %s is charged to %s", account.Text(id.Account), date)
}

// ChargeAccounts locks and reads accounts of token meters that are not charged up to the given date yet, after the given account. It
// leaves out a closed account that was charged at least once.
func (tx Rows) ChargeAccounts(after id.ID, date string, max int) ([]debt.ChargeAccount, error) {
	var out []debt.ChargeAccount
	var ids []id.ID
	err := tx.C.Query(`SELECT id, tariff_id, opened_at, closed_at, charged_to FROM account
		WHERE tenant_id = $1 AND id > $2 AND mode = $3 AND charged_to < $4 AND (closed_at IS NULL OR charged_to = '' OR status <> 'closed')
		ORDER BY id LIMIT $5`+tx.C.ForUpdate(), func(r core.Row) error {
		a := debt.ChargeAccount{ID: r.ID(0), Tariff: r.ID(1), OpenedAt: r.Time(2), ChargedTo: r.Text(4)}
		if !r.IsNull(3) {
			a.ClosedAt = r.Time(3)
		}
		out, ids = append(out, a), append(ids, a.ID)
		return nil
	}, tx.Tenant, after[:], string(registry.PrepayToken), date, max)
	if err != nil {
		return nil, fmt.Errorf("list accounts to charge: %w", err)
	}
	later, err := people.Of(tx.Tx).AssignmentsOf(ids...) // after the locks, so that they stay true
	for i := range out {
		out[i].Later = later[out[i].ID]
	}
	return out, err
}

// JobDone reports whether a recurring job has run for a period.
func (tx Rows) JobDone(name, period string) (bool, error) {
	found, err := tx.One(`SELECT at FROM job_run WHERE tenant_id = $1 AND name = $2 AND period = $3`, func(core.Row) error { return nil },
		tx.Tenant, name, period)
	return found, fault.Wrap(err, "look for %s of %s", name, period)
}

// TakeCharges books a sale's payments towards charges and debts in their rows. A payment above the amount that its row owes is a broken
// invariant, because the sale was priced under the account's lock.
func (tx Rows) TakeCharges(s sale.Sale) error {
	for _, l := range s.Lines {
		var err error
		switch l.Kind {
		case sale.LineFixed:
			name, month := debt.DueRef(l.Ref)
			err = tx.Must(`UPDATE charge_due SET paid = paid + $1, version = version + 1 WHERE tenant_id = $2 AND account_id = $3
				AND kind = $4 AND month = $5 AND amount_gross - paid >= $1`, l.Amount+l.VAT, tx.Tenant, s.Account, name, month)
		case sale.LineDebt:
			err = tx.takeDebt(s, l)
		}
		if err != nil {
			return fmt.Errorf("pay %s %s: %w", l.Kind, l.Ref, err)
		}
	}
	return nil
}

// ChargesGiveBack undoes the changes that reserving a sale made outside the ledger: payments towards charges and debts, the month's units
// and the claim to free units. It must be called only once for a sale, when the sale fails or is reversed.
func (tx Rows) ChargesGiveBack(s sale.Sale) error {
	for _, l := range s.Lines {
		var err error
		switch l.Kind {
		case sale.LineFixed:
			name, month := debt.DueRef(l.Ref)
			err = tx.Must(`UPDATE charge_due SET paid = paid - $1, version = version + 1 WHERE tenant_id = $2 AND account_id = $3
				AND kind = $4 AND month = $5`, l.Amount+l.VAT, tx.Tenant, s.Account, name, month)
		case sale.LineDebt:
			err = tx.giveDebtBack(s, l)
		}
		if err != nil {
			return fmt.Errorf("give %s %s back: %w", l.Kind, l.Ref, err)
		}
	}
	err := tx.Must(`UPDATE usage_month SET units_wh = units_wh - $1, free_wh = free_wh - $2,
		fbe_issued = CASE WHEN free_wh > $2 THEN 1 ELSE 0 END
		WHERE tenant_id = $3 AND account_id = $4 AND month = $5`, s.Units, s.Free, tx.Tenant, s.Account, s.Month)
	return fault.Wrap(err, "give back to the month of a sale")
}
