package meters

import (
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/store/core"
	"github.com/paywatt/paywatt/internal/wallet"
)

// WalletsUncharged lists the meters of active wallet accounts that are not charged up to a local date yet, after the given meter.
// Simulated meters are always included, because they have a time of their own. A meter in the store room supplies nobody, and of a meter and
// the one that replaced it only the latter counts.
func (tx Rows) WalletsUncharged(date string, after int64, max int) ([]wallet.ChargeAccount, error) {
	var out []wallet.ChargeAccount
	err := tx.C.Query(`SELECT m.id, m.n, m.number, m.simulated, m.phases, a.id, a.opened_at, l.last_seen, l.newest_at
		FROM wallet w JOIN meter m ON m.tenant_id = w.tenant_id AND m.n = w.meter
		JOIN account a ON a.tenant_id = m.tenant_id AND a.id = m.account_id
		LEFT JOIN meter_live l ON l.tenant_id = w.tenant_id AND l.meter = w.meter
		WHERE w.tenant_id = $1 AND a.status = 'active' AND m.status <> 'stock' AND m.status NOT IN `+core.LeftMeters+`
		AND (m.simulated = 1 OR a.charged_to = '' OR a.charged_to < $2) AND w.meter > $3 ORDER BY w.meter LIMIT $4`,
		func(r core.Row) error {
			out = append(out, wallet.ChargeAccount{OpenedAt: r.Time(6), Meter: wallet.MeterFacts{ID: r.ID(0), N: r.Int(1), Number: r.Text(2),
				Simulated: r.Bool(3), Phases: int(r.Int(4)), Account: r.ID(5), Active: true, LastSeen: r.Time(7), NewestAt: r.Int(8)}})
			return nil
		}, tx.Tenant, date, after, max)
	return out, fault.Wrap(err, "list wallets to charge")
}

// LockAccount locks an account.
func (tx Rows) LockAccount(account id.ID) error {
	_, err := tx.WalletChargedTo(account)
	return err
}

// WalletChargedTo locks an account and returns the local date up to which it is charged.
func (tx Rows) WalletChargedTo(account id.ID) (string, error) {
	to := ""
	_, err := tx.One(`SELECT charged_to FROM account WHERE tenant_id = $1 AND id = $2`+tx.C.ForUpdate(),
		func(r core.Row) error { to = r.Text(0); return nil }, tx.Tenant, account)
	return to, fault.Wrap(err, "read account %s", account.Text(id.Account))
}
