package people

import (
	"time"

	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/flats"
	"github.com/paywatt/paywatt/internal/store/core"
)

// Tenancies lists at most a number of accounts that were open at some time of a span, of the places on a feeder or of all if it is empty. It
// leaves out accounts whose registration was taken back.
func (tx Rows) Tenancies(building string, from, to time.Time, max int) (out []flats.Tenancy, err error) {
	err = tx.C.Query(`SELECT a.id, p.address, c.lang, a.opened_at FROM account a
		JOIN service_point p ON p.tenant_id = a.tenant_id AND p.id = a.service_point_id
		JOIN customer c ON c.tenant_id = a.tenant_id AND c.id = a.customer_id
		WHERE a.tenant_id = $1 AND ($2 = '' OR p.feeder = $2) AND a.opened_at < $3 AND (a.closed_at IS NULL OR a.closed_at >= $4)
		AND c.flags <> '`+RemovedCustomer+`' ORDER BY p.address, a.id LIMIT $5`, func(r core.Row) error {
		out = append(out, flats.Tenancy{Account: r.ID(0), Address: r.Text(1), Lang: r.Text(2), OpenedAt: r.Time(3)})
		return nil
	}, tx.Tenant, building, to, from, max)
	return out, fault.Wrap(err, "list the accounts of flats")
}
