package sim

import (
	"sort"
	"time"

	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/unit"
)

// The prices and defaults of the simulation, repeated here because the witness does not use the values of the server.
const (
	walletMicro = 2_500_000 // price of a kilowatt-hour: flat, or by day
	walletPeak  = 3_600_000 // price from 16:00 to 20:00, by time of use
	walletNight = 1_250_000 // price from 20:00 to 8:00
	walletVAT   = 1500      // tax in hundredths of a per cent
	walletScale = 100_000_000_000
	walletCap   = 20_000 // limit of a lease in Wh
	walletOwe   = 5_000  // the allowance in Wh
	walletFresh = 2*walletInterval + 5*time.Minute
)

// everyDay holds the days from Monday to Sunday.
const everyDay tariff.DaySet = 1<<tariff.Monday | 1<<tariff.Tuesday | 1<<tariff.Wednesday | 1<<tariff.Thursday | 1<<tariff.Friday |
	1<<tariff.Saturday | 1<<tariff.Sunday

// walletAccount is the account of one or several meters, with its money as the witness counts it. The cost of energy is
// in 10⁻¹¹ minor units, so nothing is rounded.
type walletAccount struct {
	paid, daily int64 // in minor units; daily includes tax
	start       time.Time
	members     []*witness // witnesses of the account's meters, in the order of the houses
	dearest     int64
	owed        unit.Energy // the most energy that was used beyond the money
	moved       bool        // the account's customer has moved in
	fresh       bool        // the server has not charged the fixed charges since the customer moved in
	// paidAt is the time of the newest payment. leftSomething says whether the payment left money, according to the
	// readings that the server had at that time.
	paidAt        time.Time
	leftSomething bool
}

// joins puts a meter on its own account, or on the account of another house.
func (w *witness) joins(o WalletStreet, host *walletHouse) {
	if host != nil {
		w.account = host.witness.account
	} else {
		w.account = newWalletAccount(o, o.Start)
	}
	w.account.members = append(w.account.members, w)
}

// newWalletAccount returns an account that is opened at the time now.
func newWalletAccount(o WalletStreet, now time.Time) *walletAccount {
	a := &walletAccount{daily: int64(o.Daily + o.Daily*money.Minor(walletVAT)/10_000), start: now, dearest: walletMicro * (10_000 + walletVAT)}
	if o.TOU {
		a.dearest = walletPeak * (10_000 + walletVAT)
	}
	return a
}

// billed is a register with the cost of all energy up to it. price is the price of the energy since the previous register.
type billed struct {
	register    unit.Energy
	cost, price int64
}

// uses adds the energy that was used in the hour that began at w.now.
func (w *witness) uses(register unit.Energy) {
	var last billed
	if n := len(w.bill); n > 0 {
		last = w.bill[n-1]
	}
	if register > last.register {
		price := w.price()
		w.bill = append(w.bill, billed{register, last.cost + int64(register-last.register)*price, price})
	}
}

// price returns the price in the hour that began at w.now.
func (w *witness) price() int64 {
	rate := int64(walletMicro)
	switch hour := w.now.UTC().Hour(); {
	case !w.tou:
	case hour >= 16 && hour < 20:
		rate = walletPeak
	case hour < 8 || hour >= 20:
		rate = walletNight
	}
	return rate * (10_000 + walletVAT)
}

// costs returns the cost, for the account, of the energy up to a register.
func (w *witness) costs(register unit.Energy) int64 {
	if !w.rated {
		return 0
	}
	return w.cost(register) - w.base
}

// cost returns the cost of the energy from a register of 0 up to the given register.
func (w *witness) cost(register unit.Energy) int64 {
	i := sort.Search(len(w.bill), func(i int) bool { return w.bill[i].register >= register })
	if i == len(w.bill) {
		return 0 // no energy was used
	}
	return w.bill[i].cost - int64(w.bill[i].register-register)*w.bill[i].price
}

// actual returns the meter's actual register. known returns the newest register that the server knows.
func actual(w *witness) unit.Energy { return w.register }
func known(w *witness) unit.Energy  { return w.view.last.register }

// charged returns the payments less the charges of all days that have begun, in minor units. The first day of a
// customer who moved in is charged when the server next posts fixed charges.
func (a *walletAccount) charged(now time.Time) int64 {
	day := func(t time.Time) int64 { return t.Unix() / 86400 }
	if a.fresh {
		return a.paid
	}
	return a.paid - a.daily*(day(now)-day(a.start)+1)
}

// newest returns the time of the newest valid reading of the account's meters.
func (a *walletAccount) newest() time.Time {
	var at int64
	for _, m := range a.members {
		at = max(at, m.view.last.at)
	}
	return time.Unix(at, 0)
}

// pays adds a payment.
func (a *walletAccount) pays(amount int64, now time.Time) {
	a.paid += amount
	a.paidAt, a.leftSomething = now, a.energy(now, known) > 0
}

// books returns the balance that the books must have: the payments less the charges and the cost of the energy that the
// server knows about, in minor units.
func (a *walletAccount) books(now time.Time) int64 {
	left := a.charged(now)
	for _, m := range a.members {
		left -= m.costs(known(m)) / walletScale
	}
	return left
}

// energy returns the energy that the account's remaining money buys at the highest price, in Wh and rounded down. It
// is negative if more was used than paid for.
func (a *walletAccount) energy(now time.Time, register func(*witness) unit.Energy) int64 {
	left := a.charged(now) * walletScale
	for _, m := range a.members {
		left -= m.costs(register(m))
	}
	e := left / a.dearest
	if left%a.dearest < 0 {
		e--
	}
	return e
}

// others returns the energy that the other meters of the account may count, or have counted, beyond the registers that
// the server knows.
func (a *walletAccount) others(w *witness) (sum int64) {
	for _, m := range a.members {
		if m != w {
			sum += max(0, m.lease.MaxRegisterWh-int64(known(m)), int64(m.register-known(m)))
		}
	}
	return sum
}
