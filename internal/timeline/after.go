package timeline

import (
	"context"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/sale"
)

// maxSecond limits the bookings on one wallet that are looked through for that of a recharge.
const maxSecond = 1000

// After returns the balance in the books right after a recharge, with the time of the booking. For a sale that is no completed recharge it
// finds nothing. The caller shows it only to somebody who may see the sale.
func (t *Timeline) After(ctx context.Context, by access.Actor, s sale.Sale) (balance money.Amount, at time.Time, found bool, err error) {
	if !s.Recharge() || s.CompletedAt.IsZero() {
		return balance, at, false, nil
	}
	err = t.look(ctx, by, func(tx Tx) error {
		left, booked, err := tx.WalletBooked(s.Account, s.CompletedAt, s.CompletedAt.Add(time.Second), maxSecond)
		for _, b := range booked {
			left += b.Amount
			if b.Recharge() && b.Ref == s.ID.Text(id.Vend) {
				balance, at, found = money.Amount{Minor: left, Currency: s.Tender.Currency}, b.At, true
				break
			}
		}
		return err
	})
	return balance, at, found, fault.Wrap(err, "balance after recharge %s", s.ID.Text(id.Vend))
}
