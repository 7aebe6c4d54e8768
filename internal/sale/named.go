package sale

import (
	"strings"

	"github.com/paywatt/paywatt/internal/id"
)

// Numbered finds sales by the numbers of their receipts.
type Numbered interface {
	// VendNumbered returns the sale whose receipt has exactly this number, or the zero identity.
	VendNumbered(receiptNo string) (id.ID, error)
}

// Named returns the sale that a person names by its identity or by the number of its receipt, whatever the size of its letters. It returns
// the zero identity if there is no such sale, or if two outlets' codes differ only in the size of their letters and either may be meant. It
// does not ask who may see the sale.
func Named(receipts Numbered, named string) (id.ID, error) {
	named = strings.TrimSpace(named)
	if i, err := id.Parse(id.Vend, named); err == nil {
		return i, nil
	}
	outlet, epoch, restored := strings.Cut(named, "/")
	if restored { // the letters after the epoch are small on every receipt
		epoch = "/" + strings.ToLower(epoch)
	}
	lower, upper := strings.ToLower(outlet)+epoch, strings.ToUpper(outlet)+epoch
	found, err := receipts.VendNumbered(named)
	if err != nil || !found.IsZero() {
		return found, err
	}
	for _, number := range []string{lower, upper} {
		if number == named {
			continue
		}
		i, err := receipts.VendNumbered(number)
		switch {
		case err != nil:
			return id.ID{}, err
		case !found.IsZero() && !i.IsZero():
			return id.ID{}, nil
		case !i.IsZero():
			found = i
		}
	}
	return found, nil
}
