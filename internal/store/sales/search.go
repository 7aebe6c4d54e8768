package sales

import (
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/search"
	"github.com/paywatt/paywatt/internal/store/core"
)

// TokenSearched finds a token by the keyed hash of its digits.
func (tx Rows) TokenSearched(hash []byte) (t search.TokenRow, found bool, err error) {
	found, err = tx.One(`SELECT t.id, t.vend_id, m.number FROM token t JOIN meter m ON m.tenant_id = t.tenant_id AND m.n = t.meter
		WHERE t.tenant_id = $1 AND t.digits_hash = $2`, func(r core.Row) error {
		t = search.TokenRow{ID: r.ID(0), Sale: r.ID(1), Meter: r.Text(2)}
		return nil
	}, tx.Tenant, hash)
	return t, found, fault.Wrap(err, "find a token by its digits")
}
