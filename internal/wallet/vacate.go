package wallet

import (
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/supply"
)

// MoveOut switches off the supply of all meters of an account because its customer moves out. No payment ends this cut-off. The commands
// are sent until the meters have carried them out, however long they are offline. Call it after the account's money has moved.
func MoveOut(tx SettleTx, account id.ID, by, why string, now time.Time) error {
	t, err := tx.WalletTenant()
	if err != nil {
		return err
	}
	rows, err := tx.WalletsOf(account)
	if err != nil {
		return err
	}
	for i := range rows {
		s, err := tx.SupplyOf(rows[i].Meter.N)
		if err != nil {
			return err
		}
		s.By, s.Why, s.Out = by, why, now // the customer who has left gets no notice that nothing is left
		if err := tx.SupplyPut(rows[i].Meter.N, s.Supply); err != nil {
			return err
		}
		rows[i].Off = rows[i].Off.With(supply.NotActivated)
	}
	_, err = Settle(tx, t, rows, now, false)
	return err
}

// MoveIn returns the state of a meter that supplies another account from now on. All energy rated so far stays rated and posted. Rating
// begins again with the next reading, so nobody pays for energy used in between.
func MoveIn(s State) State {
	next, total := NewState(), s.Total()
	next.Base, next.Debited, next.MaxW = -total, s.Debited, s.MaxW
	next.Posted, next.PostedWh, next.PostedTo = s.Posted, s.PostedWh, s.PostedTo
	return next
}
