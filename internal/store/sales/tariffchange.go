package sales

import (
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/store/core"
)

// AccountBuys reads what an account bought in a local month, what its next purchase uses, and its newest purchase for a meter.
func (tx Rows) AccountBuys(account id.ID, meter int64, month string) (registry.AccountBuys, error) {
	m, err := tx.VendMonth(account, month)
	if err != nil {
		return registry.AccountBuys{}, err
	}
	out := registry.AccountBuys{Units: m.Units, Free: m.Free, FreeClaimed: m.FreeClaimed, Carry: m.Carry}
	_, err = tx.One(`SELECT tender FROM vend WHERE tenant_id = $1 AND meter = $2 AND account_id = $3 AND state = 'completed' AND tender > 0
		ORDER BY created_at DESC LIMIT 1`, func(r core.Row) error { out.LastPaid = money.Minor(r.Int(0)); return nil }, tx.Tenant, meter, account)
	return out, fault.Wrap(err, "find the newest purchase of account %s", account.Text(id.Account))
}
