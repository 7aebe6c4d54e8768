package sim

import (
	"sort"
	"time"

	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/unit"
)

// The prices and defaults of the street, once more: the witness does not ask the server.
const (
	walletMicro = 2_500_000 // per kWh: flat, or by day
	walletPeak  = 3_600_000 // from 16:00 to 20:00, by time of use
	walletNight = 1_250_000 // from 20:00 to 8:00
	walletVAT   = 1500      // in 10,000
	walletScale = 100_000_000_000
	walletCap   = 20_000 // Wh of a lease
	walletOwe   = 5_000  // Wh of the allowance
	walletFresh = 2*walletInterval + 5*time.Minute
)

// everyDay is Monday to Sunday.
const everyDay tariff.DaySet = 1<<tariff.Monday | 1<<tariff.Tuesday | 1<<tariff.Wednesday | 1<<tariff.Thursday | 1<<tariff.Friday |
	1<<tariff.Saturday | 1<<tariff.Sunday

// walletAccount is the money of one or several meters, as the witness counts it. All amounts of energy's cost are in 10⁻¹¹
// minor units, so nothing is rounded.
type walletAccount struct {
	paid, daily int64 // minor units; daily with tax
	start       time.Time
	members     []*witness // in the order of their meters
	dearest     int64
	owed        unit.Energy // the most that was used beyond the money
	moved       bool        // it is of somebody who moved in
	fresh       bool        // and since then the server has not taken the charges of days
	// paidAt is when the newest payment was made, leftSomething whether it left anything, by what the server knew.
	paidAt        time.Time
	leftSomething bool
}

// joins puts a meter on its account: its own, or that of another house.
func (w *witness) joins(o WalletStreet, host *walletHouse) {
	if host != nil {
		w.account = host.witness.account
	} else {
		w.account = newWalletAccount(o, o.Start)
	}
	w.account.members = append(w.account.members, w)
}

// newWalletAccount is an account that is opened now.
func newWalletAccount(o WalletStreet, now time.Time) *walletAccount {
	a := &walletAccount{daily: int64(o.Daily + o.Daily*money.Minor(walletVAT)/10_000), start: now, dearest: walletMicro * (10_000 + walletVAT)}
	if o.TOU {
		a.dearest = walletPeak * (10_000 + walletVAT)
	}
	return a
}

// billed is a register with what all energy up to it costs; price is that of the energy before it.
type billed struct {
	register    unit.Energy
	cost, price int64
}

// uses notes what was used in the hour that began at now.
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

// price is that of the hour that began at now.
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

// costs is what the energy up to a register costs the account.
func (w *witness) costs(register unit.Energy) int64 {
	if !w.rated {
		return 0
	}
	return w.cost(register) - w.base
}

// cost is what the energy up to a register costs.
func (w *witness) cost(register unit.Energy) int64 {
	i := sort.Search(len(w.bill), func(i int) bool { return w.bill[i].register >= register })
	if i == len(w.bill) {
		return 0 // nothing was used
	}
	return w.bill[i].cost - int64(w.bill[i].register-register)*w.bill[i].price
}

// Which registers of the meters are counted.
func actual(w *witness) unit.Energy { return w.register }
func known(w *witness) unit.Energy  { return w.view.last.register }

// charged is what was paid in less the charges of all days that have begun, in minor units. The first day of somebody who moves in
// is taken when the server next takes charges: in the next hour, or once more in the last one, when the street stands still.
func (a *walletAccount) charged(now time.Time) int64 {
	day := func(t time.Time) int64 { return t.Unix() / 86400 }
	if a.fresh {
		return a.paid
	}
	return a.paid - a.daily*(day(now)-day(a.start)+1)
}

// newest is when the newest reading of its meters was made that counts.
func (a *walletAccount) newest() time.Time {
	var at int64
	for _, m := range a.members {
		at = max(at, m.view.last.at)
	}
	return time.Unix(at, 0)
}

// pays notes a payment.
func (a *walletAccount) pays(amount int64, now time.Time) {
	a.paid += amount
	a.paidAt, a.leftSomething = now, a.energy(now, known) > 0
}

// books is what the books are to have: what was paid less what the energy that the server was told of costs, in minor units.
func (a *walletAccount) books(now time.Time) int64 {
	left := a.charged(now)
	for _, m := range a.members {
		left -= m.costs(known(m)) / walletScale
	}
	return left
}

// energy is what is still paid for, at the dearest price, in Wh and rounded down; below zero where more was used.
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

// others is the energy that other meters of the account may count, or have counted, beyond what the server was told.
func (a *walletAccount) others(w *witness) (sum int64) {
	for _, m := range a.members {
		if m != w {
			sum += max(0, m.lease.MaxRegisterWh-int64(known(m)), int64(m.register-known(m)))
		}
	}
	return sum
}
