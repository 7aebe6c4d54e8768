package wallet

import (
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/supply"
)

// Vacate switches the supply of all meters of an account off because its customer moves out: a reason of its own, which no
// payment takes back. The meters are told so until they have done it, however long they are not heard. It is called when
// the account's money has moved.
func Vacate(tx SettleTx, account id.ID, by, why string, now time.Time) error {
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
		s.By, s.Why, s.Out = by, why, now // who has moved out is not told that nothing is left
		if err := tx.SupplyPut(rows[i].Meter.N, s.Supply); err != nil {
			return err
		}
		rows[i].Off = rows[i].Off.With(supply.NotActivated)
	}
	_, err = Settle(tx, t, rows, now, false)
	return err
}

// Occupy is the state of a meter that supplies another account from now on. All that was ever rated of it stays rated and
// posted; the next reading begins anew, so nobody pays for what was used in between.
func Occupy(s State) State {
	next, total := NewState(), s.Total()
	next.Base, next.Debited, next.MaxW = -total, s.Debited, s.MaxW
	next.Posted, next.PostedWh, next.PostedTo = s.Posted, s.PostedWh, s.PostedTo
	return next
}
