package wallet_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/wallet"
	"github.com/paywatt/paywatt/supply"
	"github.com/paywatt/paywatt/unit"
)

// street is the meters of one account behind a network that loses orders and answers.
type street struct {
	*desk
	rnd      *rand.Rand
	register []unit.Energy
	lease    []unit.Energy // in the meter
	number   []int         // of the lease in the meter
	signed   map[id.ID]int // numbers are drawn at the first signing
	restored bool          // the network loses nothing any more
}

// uses lets a meter count, as far as its lease goes, and reports its reading if it gets through.
func (s *street) uses(i int, energy unit.Energy) {
	s.register[i] = max(s.register[i], min(s.register[i]+energy, s.lease[i]))
	if s.restored || s.rnd.IntN(3) > 0 {
		s.tells(i)
	}
}

func (s *street) tells(i int) {
	if s.register[i] < s.lease[i] {
		s.reads(int64(i+1), s.register[i], supply.Closed)
	} else {
		s.reads(int64(i+1), s.register[i], supply.Open, supply.Lease)
	}
}

// sends lets the newest lease of a meter leave, if it waits; the network may lose it, or the answer.
func (s *street) sends(i int) {
	n := int64(i + 1)
	o := s.order(n, wallet.OrderLease)
	if !o.Open() {
		return
	}
	max := unit.Energy(s.args[o.ID]["max_register_wh"].(int64))
	rows, err := s.WalletsOf(id.ID{})
	if err != nil {
		s.t.Fatal(err)
	}
	most, _, err := wallet.Standing(s, s.tenant, rows, n, s.now)
	if err != nil {
		s.t.Fatal(err)
	}
	if max > most { // as the store does it
		o.State, o.Since = "expired", s.now
		s.settles()
		return
	}
	if s.signed[o.ID] == 0 {
		s.signed[o.ID] = len(s.signed) + 1
	}
	s.signs(n, wallet.OrderLease)
	if !s.restored && s.rnd.IntN(3) == 0 {
		return
	}
	if number := s.signed[o.ID]; number > s.number[i] {
		s.number[i], s.lease[i] = number, max
	}
	if s.restored || s.rnd.IntN(3) > 0 {
		s.does(n, wallet.OrderLease)
	}
}

// covered reports how much energy the leases in the meters stand for beyond what is paid for, as far as the server has been told.
func (s *street) uncovered() unit.Energy {
	s.t.Helper()
	var held, paid unit.Energy
	have := wallet.Money{Wallet: s.money}
	var rests int64
	for i, r := range s.rows {
		have.Accrued, rests = have.Accrued+r.Accrued, rests+r.Rest
		held += max(0, s.lease[i]-r.Register)
	}
	paid, err := wallet.Spendable(s.version.Body, have, s.tenant.Policy.CutOff, rests)
	if err != nil {
		s.t.Fatal(err)
	}
	return held - paid
}

// TestLeasesOfAnAccountNeverStandForMoreThanThereIs lets one to three meters share an account for weeks: they use energy, the
// network loses readings, orders and answers, leases lapse, somebody pays. Whatever happens, all leases together stand for no
// more than is paid for, so the account never owes; and once nothing is lost any more nobody is dark while there is money.
func TestLeasesOfAnAccountNeverStandForMoreThanThereIs(t *testing.T) {
	shared := 0
	for seed := range uint64(300) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		meters := 1 + int(seed%3)
		s := &street{desk: newDesk(t, 0, meters), rnd: rnd, register: make([]unit.Energy, meters), lease: make([]unit.Energy, meters),
			number: make([]int, meters), signed: map[id.ID]int{}}
		s.tenant.Supply.Cap = 8000
		for range 400 {
			i := rnd.IntN(meters)
			switch draw := rnd.IntN(10); {
			case draw < 5:
				s.passes(time.Duration(30+rnd.IntN(600)) * time.Minute)
				s.uses(i, unit.Energy(rnd.IntN(5000)))
			case draw < 9:
				s.sends(i)
			default:
				s.pays(money.Minor(rnd.IntN(1500)))
			}
			if got := s.uncovered(); got > 0 {
				t.Fatalf("seed %d: the leases of %d meters stand for %d Wh more than is paid for: %v at %v", seed, meters, got, s.lease, s.register)
			}
		}
		s.restored = true
		s.pays(2875) // 10 kWh
		for range 12 {
			for i := range meters {
				s.passes(time.Minute)
				s.tells(i)
				s.sends(i)
			}
		}
		for i := range meters {
			if s.lease[i] <= s.register[i] {
				t.Errorf("seed %d: meter %d of %d is dark at %d Wh with a lease to %d, and %d minor units are left", seed, i+1, meters, s.register[i], s.lease[i], s.money)
			}
		}
		if s.money < 0 {
			t.Errorf("seed %d: the account owes %d", seed, -s.money)
		}
		if meters > 1 && s.lease[0] > 0 && s.lease[1] > 0 {
			shared++
		}
	}
	if shared == 0 {
		t.Error("no account was shared")
	}
}

// TestMetersOfAnAccountShareItsMoney says how, step by step.
func TestMetersOfAnAccountShareItsMoney(t *testing.T) {
	d := newDesk(t, 100_000, 2)
	if d.max(1) != 20_000 || d.max(2) != 20_000 {
		t.Errorf("with ample money the leases go to %d and %d Wh, want a whole one each", d.max(1), d.max(2))
	}
	d = newDesk(t, 5750, 2) // 20 kWh
	if d.max(1)+d.max(2) != 20_000 || d.max(1) != 10_000 {
		t.Fatalf("20 kWh are shared as %d and %d Wh, want 10000 each", d.max(1), d.max(2))
	}
	d.passes(6*time.Hour).reads(1, 4000, supply.Closed)
	d.want("a little less than half is used", "")
	d.passes(time.Hour).reads(2, 0, supply.Closed)
	d.reads(1, 7000, supply.Closed) // 13 kWh are left, 3 and 10 of them in leases
	d.want("the first needs what the second has", "lease m2")
	if got := d.max(2); got != 6499 {
		t.Errorf("the second keeps a lease to %d Wh, want its half less what is rounded, 6499", got)
	}
	d.signs(2, wallet.OrderLease)
	d.passes(time.Hour)
	d.settles()
	d.want("as long as it has not answered", "")
	d.does(2, wallet.OrderLease)
	d.want("it has, but perhaps it used more before", "read m2")
	d.reads(2, 100, supply.Closed)
	d.want("it has not", "lease m1")
	if got := d.max(1); got != 13_447 {
		t.Errorf("the first now has a lease to %d Wh, want half of what is left more, 13447", got)
	}
}

// TestAnOldLeaseOfAMeterThatWasMovedIntoCountsFromItsRegister: rating begins anew for another account, and the lease that is
// left in the meter stands for what the meter may still count, not for all that it ever counted.
func TestAnOldLeaseOfAMeterThatWasMovedIntoCountsFromItsRegister(t *testing.T) {
	d := newDesk(t, 100_000, 2)
	for register := unit.Energy(10_000); register <= 100_000; register += 10_000 {
		d.passes(6*time.Hour).reads(2, register, supply.Closed)
		d.does(2, wallet.OrderLease)
	}
	d.reads(1, 20_000, supply.Open, supply.Lease)
	left := d.max(2) - 100_000
	d.rows[1].State = wallet.Occupy(d.rows[1].State)
	for i := range d.rows {
		d.rows[i].Accrued, d.rows[i].Parts = 0, nil
	}
	d.money = 7188 // 25 kWh
	most, _, err := wallet.Standing(d, d.tenant, d.rows, 1, d.now)
	if left != 20_000 || err != nil || most < 24_999 || most > 25_002 {
		t.Errorf("the old lease has %d Wh left and the other meter may go to %d Wh, %v; want 20000, and 5000 Wh more than it has used", left, most, err)
	}
}
