package people

import (
	"time"

	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/job"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/store/core"
	"github.com/paywatt/paywatt/internal/tariff"
)

// tariffChangeColumns are the columns of another tariff of an account. All are evidence, because they decide what energy costs.
var tariffChangeColumns = core.Columns[registry.TariffChange]{Table: "account_tariff", Attested: []core.Column[registry.TariffChange]{
	core.ID("account_id", func(c *registry.TariffChange) *id.ID { return &c.Account }),
	core.Int("n", func(c *registry.TariffChange) *int { return &c.N }),
	core.ID("tariff_id", func(c *registry.TariffChange) *id.ID { return &c.Tariff }),
	core.Time("from_at", func(c *registry.TariffChange) *time.Time { return &c.From }),
	core.Int("withdraws", func(c *registry.TariffChange) *int { return &c.Withdraws }),
	core.Text("set_by", func(c *registry.TariffChange) *string { return &c.By }),
	core.Text("reason", func(c *registry.TariffChange) *string { return &c.Reason }),
	core.Time("created_at", func(c *registry.TariffChange) *time.Time { return &c.At }),
}, Unattested: []core.Column[registry.TariffChange]{
	core.ID("id", func(c *registry.TariffChange) *id.ID { return &c.ID }),
}}

const tariffChangeKind = "tariff_change"

// TariffChangeKind describes the evidence of tariffs that accounts got later.
var TariffChangeKind = core.AttestedKind{Name: tariffChangeKind, Noun: "Tariff change", Prefix: id.TariffChange, From: "account_tariff r", Key: "id",
	Order: "0", Proof: tariffChangeColumns.Proof("r")}

// HasAssignments is an expression that is 1 if an account a ever got another tariff. Most never do, so that statements which read many accounts
// read their assignments only where there are any.
const HasAssignments = `CASE WHEN EXISTS (SELECT 1 FROM account_tariff h WHERE h.tenant_id = a.tenant_id AND h.account_id = a.id) THEN 1 ELSE 0 END`

// NotWithdrawn is the condition that a row h of account_tariff counts: it takes no change back, and no other row takes it back.
const NotWithdrawn = `h.withdraws = 0 AND NOT EXISTS (SELECT 1 FROM account_tariff w
	WHERE w.tenant_id = h.tenant_id AND w.account_id = h.account_id AND w.withdraws = h.n)`

// TariffAt returns an expression for the tariff of an account a at a moment, which is a parameter of the statement such as "$2". A closed account
// keeps the tariff that it had last: a change that was planned for the moment of its end, or for a later one, never begins.
func TariffAt(moment string) string {
	return `COALESCE((SELECT h.tariff_id FROM account_tariff h WHERE h.tenant_id = a.tenant_id AND h.account_id = a.id AND h.from_at <= ` + moment +
		` AND (a.closed_at IS NULL OR h.from_at < a.closed_at) AND ` + NotWithdrawn + ` ORDER BY h.from_at DESC, h.n DESC LIMIT 1), a.tariff_id)`
}

// EverOn returns a condition that an account a was opened on a tariff or got it at some time. It is cheaper to check than [TariffAt], which reads the
// assignments of every account. The tenant and the tariff are parameters of the statement.
func EverOn(tenant, tariff string) string {
	return `(a.tariff_id = ` + tariff + ` OR a.id IN (SELECT account_id FROM account_tariff WHERE tenant_id = ` + tenant +
		` AND tariff_id = ` + tariff + `))`
}

// AssignmentsOf returns the assignments of accounts. An account without any is missing. It locks no row, because none ever changes: whoever adds one
// locks the account and its wallets first.
func (tx Rows) AssignmentsOf(accounts ...id.ID) (map[id.ID]tariff.Assignments, error) {
	out := map[id.ID]tariff.Assignments{}
	if len(accounts) == 0 {
		return out, nil
	}
	read := core.Keyed{Query: `SELECT h.account_id, h.tariff_id, h.from_at FROM account_tariff h
		WHERE h.tenant_id = $1 AND ` + NotWithdrawn + ` AND h.account_id `, Form: 'b', Order: ` ORDER BY h.account_id, h.from_at, h.n`}
	err := core.ReadBy(tx.Tx, read, accounts, func(r core.Row) error {
		account := r.ID(0)
		out[account] = append(out[account], tariff.Assignment{Tariff: r.ID(1), From: r.Time(2)})
		return nil
	})
	return out, fault.Wrap(err, "read the tariffs of accounts")
}

// AccountTariff returns the tariff that an account has at a moment, even a closed one.
func (tx Rows) AccountTariff(account id.ID, at time.Time) (id.ID, error) {
	var t id.ID
	found, err := tx.One(`SELECT `+TariffAt("$1")+` FROM account a WHERE a.tenant_id = $2 AND a.id = $3`,
		func(r core.Row) error { t = r.ID(0); return nil }, at, tx.Tenant, account)
	if err == nil && !found {
		err = core.ErrNotFound
	}
	return t, fault.Wrap(err, "read the tariff of account %s", account.Text(id.Account))
}

// TariffsOfAccount returns the tariff with which an account was opened, and those that it got later.
func (tx Rows) TariffsOfAccount(account id.ID) (first id.ID, later tariff.Assignments, err error) {
	_, err = tx.One(`SELECT tariff_id FROM account WHERE tenant_id = $1 AND id = $2`,
		func(r core.Row) error { first = r.ID(0); return nil }, tx.Tenant, account)
	if err != nil {
		return first, nil, fault.Wrap(err, "read the tariff of account %s", account.Text(id.Account))
	}
	all, err := tx.AssignmentsOf(account)
	return first, all[account], err
}

// AddTariffChange stores another tariff of an account, which the caller has locked. It never changes afterwards.
func (tx Rows) AddTariffChange(c registry.TariffChange) error {
	_, err := tx.C.Exec(`INSERT INTO `+tariffChangeColumns.Into(), tariffChangeColumns.Values(tx.Tenant, &c)...)
	if err == nil {
		err = tx.Attest(tariffChangeKind, c.ID)
	}
	if err == nil { // a payment may wait because the tariff before has no price
		err = tx.WakeParked(job.Registration{Prices: true}, c.From)
	}
	return fault.Wrap(err, "give account %s another tariff", c.Account.Text(id.Account))
}

// TariffChanges lists the other tariffs of an account in the order in which they were decided.
func (tx Rows) TariffChanges(account id.ID) ([]registry.TariffChange, error) {
	out, err := tariffChangeColumns.All(tx.C, `tenant_id = $1 AND account_id = $2 ORDER BY n LIMIT $3`,
		tx.Tenant, account, registry.MaxTariffChanges+1)
	return out, fault.Wrap(err, "list the tariffs of account %s", account.Text(id.Account))
}
