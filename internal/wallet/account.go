package wallet

import (
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/unit"
)

// Account holds all facts about one account that [Decide] needs. It contains only values.
type Account struct {
	Tenant     Tenant
	Visibility Visibility
	Money      Money
	Points     []Point
	Now        time.Time
	Credit     bool // money has just come in
}

// Point is one meter of an account.
type Point struct {
	Row
	Supplied Supplied
	Tariff   tariff.Body // the version in force now
	Priced   bool        // a tariff is in force
}

// accountAt reads the facts of an account. The parameter rows holds its locked wallets.
func accountAt(tx SettleTx, t Tenant, rows []Row, now time.Time) (Account, error) {
	supplies, err := tx.SuppliesOf(rows)
	if err != nil {
		return Account{}, err
	}
	seen, err := VisibilityOf(tx)
	if err != nil {
		return Account{}, err
	}
	return accountWith(tx, t, rows, supplies, seen, now)
}

// supplyOf reads the supply of one wallet.
func supplyOf(tx SupplyTx, w Row) (Supplied, error) {
	all, err := tx.SuppliesOf([]Row{w})
	return all[w.Meter.N], err
}

// accountWith does the same as [accountAt] with supplies and a visibility that were read.
func accountWith(tx SettleTx, t Tenant, rows []Row, supplies map[int64]Supplied, seen Visibility, now time.Time) (a Account, err error) {
	a = Account{Tenant: t, Visibility: seen, Now: now, Points: make([]Point, len(rows))}
	if len(rows) == 0 {
		return a, nil
	}
	if a.Money, err = MoneyOf(tx, rows[0].Meter.Account, rows); err != nil {
		return Account{}, err
	}
	for i, r := range rows {
		p := Point{Row: r, Supplied: supplies[r.Meter.N]}
		v, found, err := priceAt(tx, r.Meter, now)
		if err != nil {
			return Account{}, err
		}
		p.Tariff, p.Priced = v.Body, found
		a.Points[i] = p
	}
	return a, nil
}

// priceAt returns the tariff version in force by the meter's clock, or, if there is none, by the server's clock. A simulated meter may live
// in a time before its tariff began. It is still rated by that tariff.
func priceAt(tx SettleTx, m MeterFacts, now time.Time) (tariff.Version, bool, error) {
	clock := m.Clock(now)
	v, found, err := tx.TariffVersionAt(m.TariffAt(clock), clock)
	if err == nil && !found {
		v, found, err = tx.TariffVersionAt(m.TariffAt(now), now)
	}
	return v, found, err
}

// Standing returns the present limits of one meter of an account: the highest register that a lease may allow, and whether the meter may be
// cut off for lack of money. It changes nothing.
func Standing(tx SettleTx, t Tenant, rows []Row, meter int64, now time.Time) (most unit.Energy, cut bool, err error) {
	a, err := accountAt(tx, t, rows, now)
	if err != nil {
		return 0, false, err
	}
	states, err := a.pointStates()
	for i := range states {
		c := &states[i]
		if c.row.Meter.N != meter {
			continue
		}
		cut = !Wanted(c.row.State) && c.block == ""
		if err == nil && c.priced {
			most, err = c.most()
		}
	}
	return most, cut, err
}

// Covers reports whether an account can give up a given amount of money. The rest of its money must still pay for all energy that the
// leases of the account's meters allow. If not, the meters could supply energy after the money is gone. Protected accounts are left out,
// because they get leases without money.
func Covers(tx SettleTx, account id.ID, without money.Minor, now time.Time) (bool, error) {
	t, err := tx.WalletTenant()
	if err != nil {
		return false, err
	}
	rows, err := tx.WalletsOf(account)
	if err != nil || len(rows) == 0 {
		return err == nil, err
	}
	a, err := accountAt(tx, t, rows, now)
	if err != nil {
		return false, err
	}
	states, err := a.pointStates()
	if err != nil {
		return false, err
	}
	var lent, means money.Minor
	for i := range states {
		c := &states[i]
		if !c.priced || c.Protected || c.lent() == 0 {
			continue
		}
		cost, err := c.body.CostOf(c.lent())
		if err != nil {
			return false, err
		}
		most, err := c.means()
		if err != nil {
			return false, err
		}
		lent, means = lent+max(cost-1, 0), max(means, most) // the price was rounded up
	}
	return lent == 0 || lent <= means-without, nil
}
