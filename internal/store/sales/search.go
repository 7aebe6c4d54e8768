package sales

import (
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/search"
	"github.com/paywatt/paywatt/internal/store/core"
)

const tokenSearch = `SELECT t.id, t.vend_id, m.number FROM token t JOIN meter m ON m.tenant_id = t.tenant_id AND m.n = t.meter
	WHERE t.tenant_id = $1 AND `

// TokensEnding lists tokens by the keyed hash of their last digits, newest first.
func (tx Rows) TokensEnding(tail []byte, max int) (out []search.TokenRow, err error) {
	err = tx.C.Query(tokenSearch+`t.digits_tail = $2 ORDER BY t.id DESC LIMIT $3`, func(r core.Row) error {
		out = append(out, search.TokenRow{ID: r.ID(0), Sale: r.ID(1), Meter: r.Text(2)})
		return nil
	}, tx.Tenant, tail, max)
	return out, fault.Wrap(err, "find tokens by their last digits")
}

// TokensWithoutTail lists tokens after the given one that cannot be found by their last digits yet: an earlier version made them.
func (tx Rows) TokensWithoutTail(after id.ID, max int) (out []search.OldToken, err error) {
	err = tx.C.Query(`SELECT id, digits_enc FROM token WHERE tenant_id = $1 AND digits_tail IS NULL AND digits_enc IS NOT NULL AND id > $2 ORDER BY id LIMIT $3`,
		func(r core.Row) error {
			out = append(out, search.OldToken{ID: r.ID(0), Sealed: r.Bytes(1)})
			return nil
		}, tx.Tenant, after[:], max)
	return out, fault.Wrap(err, "list tokens that their last digits do not find")
}

// SetTail stores the keyed hash of a token's last digits.
func (tx Rows) SetTail(token id.ID, tail []byte) error {
	return tx.Must(`UPDATE token SET digits_tail = $1 WHERE tenant_id = $2 AND id = $3`, tail, tx.Tenant, token)
}

// TokenSearched finds a token by the keyed hash of its digits.
func (tx Rows) TokenSearched(hash []byte) (t search.TokenRow, found bool, err error) {
	found, err = tx.One(tokenSearch+`t.digits_hash = $2`, func(r core.Row) error {
		t = search.TokenRow{ID: r.ID(0), Sale: r.ID(1), Meter: r.Text(2)}
		return nil
	}, tx.Tenant, hash)
	return t, found, fault.Wrap(err, "find a token by its digits")
}
