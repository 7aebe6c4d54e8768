package messages

import (
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/notify"
	"github.com/paywatt/paywatt/internal/store/core"
)

// AddresseeOf returns the recipient of messages about a meter; found is false if the meter supplies nobody.
func (tx Rows) AddresseeOf(meter int64) (to notify.Addressee, found bool, err error) {
	found, err = tx.One(subscriptionQuery+` AND m.n = $2`, func(r core.Row) error { to.Subscription, to.Phone = scanSubscription(r); return nil }, tx.Tenant, meter)
	return to, found, fault.Wrap(err, "find whom meter %d supplies", meter)
}

// SaleNotified reports whether a message about a sale was sent, or may have been sent, to a customer.
func (tx Rows) SaleNotified(sale, customer id.ID) (bool, error) {
	told, err := tx.Number(`SELECT COUNT(*) FROM message m JOIN message_try t ON t.tenant_id = m.tenant_id AND t.message_id = m.id
			AND t.outcome IN ('', 'accepted', 'unknown')
		WHERE m.tenant_id = $1 AND m.vend_id = $2 AND m.direction = 'out' AND m.purpose <> $3 AND m.customer_id = $4`,
		tx.Tenant, sale, string(notify.PurposeMeter), customer)
	return told > 0, fault.Wrap(err, "check whether sale %s was announced by SMS", sale.Text(id.Vend))
}
