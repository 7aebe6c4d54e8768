package wallet

import (
	"fmt"
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/supply"
	"github.com/paywatt/paywatt/unit"
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
	supplies, err := tx.SuppliesOf(rows)
	if err != nil {
		return err
	}
	left := make([]MeterSupply, len(rows))
	for i := range rows {
		n := rows[i].Meter.N
		s := supplies[n].Supply
		s.By, s.Why, s.Out = by, why, now // the customer who has left gets no notice that nothing is left
		left[i] = MeterSupply{n, s}
		rows[i].Off = rows[i].Off.With(supply.NotActivated)
	}
	if err := tx.SuppliesPut(left); err != nil {
		return err
	}
	_, err = Settle(tx, t, rows, now, false)
	return err
}

// LastUse is the use of an account that ends, as [PlanLastUse] finds it.
type LastUse struct {
	Rows     []Row       // the account's wallets after the posting
	Money    Money       // after the posting
	Advanced money.Minor // tax that was taken with top-ups and that no use has taken by then
	// Allowed is the energy that the meters may still supply before the order to switch off reaches them. Nobody pays for it.
	Allowed unit.Energy

	postings []usePosting
}

// PlanLastUse finds what is left to charge when an account ends. It reads the account's wallets under their locks and writes nothing. [LastUse.Post] posts it.
func PlanLastUse(tx SettleTx, account id.ID, now time.Time) (u LastUse, err error) {
	t, err := tx.WalletTenant()
	if err != nil {
		return u, err
	}
	rows, err := tx.WalletsOf(account)
	if err != nil || len(rows) == 0 {
		return u, err
	}
	a, err := accountAt(tx, t, rows, now)
	if err != nil {
		return u, err
	}
	states, err := a.pointStates()
	if err != nil {
		return u, err
	}
	for i := range states {
		u.Allowed += states[i].allowed()
	}
	if u.postings, err = planPosting(rows, tx.TariffVersion, now); err != nil {
		return u, fmt.Errorf("plan the posting of the last use: %w", err)
	}
	u.Rows, u.Advanced = rows, rows[0].Meter.Advanced
	u.Money = Money{Wallet: a.Money.Wallet - a.Money.Accrued, Held: a.Money.Held}
	return u, nil
}

// Post posts the use. Then let [MoveOut] settle the account: until it does, no warning and no lease follows from what was posted.
func (u LastUse) Post(tx SettleTx) error {
	if len(u.Rows) == 0 {
		return nil
	}
	if err := bookPostings(tx, u.Rows[0].Meter.Account, u.postings); err != nil {
		return err
	}
	return tx.WalletsPut(u.Rows)
}

// allowed returns the energy that the meter may still supply without another order: none if it was never heard or has said that it is
// switched off by order, what its leases allow, or as much as a lease at most for a meter that has none.
func (c *pointState) allowed() unit.Energy {
	cut, connect := c.Seen.Cut, c.Seen.Connect
	switch {
	case c.ReceivedAt.IsZero(), c.Relay == supply.Open.String() && cut.Done() && !connect.after(cut):
		return 0
	case c.row.Closed() && c.mayBeDead():
		return 0
	case !c.Leases:
		return c.tenant.Supply.LeaseCap()
	}
	return c.lent()
}

// MoveIn returns the state of a meter that supplies another account from a moment by the meter's clock. All energy rated so far stays rated and
// posted. Rating begins again with the first reading of that moment or later, so nobody pays for energy used in between: a meter without a network
// may bring its readings from before the move-in only after it. Meters tell whole seconds: a reading of the same second counts.
func MoveIn(s State, at time.Time) State {
	next, total := NewState(), s.Total()
	next.Base, next.Debited, next.MaxW = -total, s.Debited, s.MaxW
	next.UnreadCutHours = s.UnreadCutHours
	next.Posted, next.PostedWh, next.PostedTo = s.Posted, s.PostedWh, at.Truncate(time.Second)
	return next
}
