package notify

import (
	"errors"
	"slices"
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/sale"
)

// LastSale is the last sale to a meter.
type LastSale struct {
	Vend     id.ID
	At       time.Time
	Reversed bool
	Pending  bool // the sale is paid, but its tokens are not made yet
	Tender   money.Amount
	Tokens   []sale.Token // in the order in which they are entered
}

// lastLooked is the number of a meter's newest tokens that are searched for the last sale. The search skips failed tokens and tokens
// without a sale.
const lastLooked = 50

// LastSaleTo returns the last successful sale to a meter. The tokens of a key change that the meter has not confirmed come first, because
// later tokens do not load without them. A sale to another account is a former occupant's, so it is not found.
func LastSaleTo(tx BoughtTx, meter int64) (LastSale, bool, error) {
	tokens, err := tx.VendTokens(meter, id.ID{}, lastLooked)
	if err != nil {
		return LastSale{}, false, err
	}
	newest := slices.IndexFunc(tokens, func(t sale.Token) bool { return !t.Sale.IsZero() && t.State != sale.TokenFailed })
	if newest < 0 {
		return LastSale{}, false, nil
	}
	s, found, err := tx.VendSale(tokens[newest].Sale)
	if err == nil && !found {
		err = errors.New("the sale of a token is missing")
	}
	if err != nil {
		return LastSale{}, false, err
	}
	return soldBefore(tx, s)
}

// soldBefore returns what a customer may read of a sale to their account. A sale to another account is not found.
func soldBefore(tx BoughtTx, s sale.Sale) (LastSale, bool, error) {
	if here, err := tx.SoldHere(s.ID); err != nil || !here {
		return LastSale{}, false, err
	}
	change, _, err := tx.JobOfKey(s.Key)
	if err != nil {
		return LastSale{}, false, err
	}
	return LastSale{Vend: s.ID, Pending: s.State == sale.Held, At: s.CompletedAt, Tender: s.Tender, Tokens: slices.Concat(change.Tokens, s.Tokens),
		Reversed: s.State == sale.Reversing || s.State == sale.Reversed}, true, nil
}
