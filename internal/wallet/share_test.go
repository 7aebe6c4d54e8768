package wallet_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/tier"
	"github.com/paywatt/paywatt/internal/wallet"
	"github.com/paywatt/paywatt/supply"
	"github.com/paywatt/paywatt/unit"
)

// street is an account's meters behind a network that loses commands and answers.
type street struct {
	*rig
	rnd      *rand.Rand
	register []unit.Energy
	lease    []unit.Energy // leases in the meters
	number   []int         // numbers of the leases in the meters
	signed   map[id.ID]int // a lease gets its number when it is first signed
	restored bool          // the network loses nothing any more
}

// uses lets a meter count as far as its lease allows. The server gets the reading if the network does not lose it.
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

// sends delivers the newest lease to a meter, if the lease is pending. The network may lose the lease or the answer.
func (s *street) sends(i int) {
	n := int64(i + 1)
	o := s.order(n, wallet.CommandLease)
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
	if max > most { // the store also refuses to sign such a lease
		o.State, o.Since = "expired", s.now
		s.settles()
		return
	}
	if s.signed[o.ID] == 0 {
		s.signed[o.ID] = len(s.signed) + 1
	}
	s.signs(n, wallet.CommandLease)
	if !s.restored && s.rnd.IntN(3) == 0 {
		return
	}
	if number := s.signed[o.ID]; number > s.number[i] {
		s.number[i], s.lease[i] = number, max
	}
	if s.restored || s.rnd.IntN(3) > 0 {
		s.does(n, wallet.CommandLease)
	}
}

// uncovered returns by how much the energy of the leases in the meters exceeds the energy that is paid for, as far as the server knows.
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

// TestLeasesOfAnAccountNeverStandForMoreThanThereIs lets one to three meters share an account for weeks: they use energy, leases lapse, and
// somebody pays. The network loses readings, commands and answers. All leases together are never worth more than is paid for, so the
// account never owes. Once the network loses nothing any more, no meter is dark while there is money.
func TestLeasesOfAnAccountNeverStandForMoreThanThereIs(t *testing.T) {
	tier.OneGoroutine(t)
	shared := 0
	for seed := range uint64(tier.SharedAccounts.N()) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		meters := 1 + int(seed%3)
		s := &street{rig: newRig(t, 0, meters), rnd: rnd, register: make([]unit.Energy, meters), lease: make([]unit.Energy, meters),
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
		s.pays(2875) // money for 10 kWh
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

// TestMetersOfAnAccountShareItsMoney shows step by step how the meters of an account share its money.
func TestMetersOfAnAccountShareItsMoney(t *testing.T) {
	d := newRig(t, 100_000, 2)
	if d.max(1) != 20_000 || d.max(2) != 20_000 {
		t.Errorf("with ample money the leases go to %d and %d Wh, want a whole one each", d.max(1), d.max(2))
	}
	d = newRig(t, 5750, 2) // money for 20 kWh
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
	d.signs(2, wallet.CommandLease)
	d.passes(time.Hour)
	d.settles()
	d.want("as long as it has not answered", "")
	d.does(2, wallet.CommandLease)
	d.want("it has, but perhaps it used more before", "read m2")
	d.reads(2, 100, supply.Closed)
	d.want("it has not", "lease m1")
	if got := d.max(1); got != 13_447 {
		t.Errorf("the first now has a lease to %d Wh, want half of what is left more, 13447", got)
	}
}

// TestAnOldLeaseOfAMeterThatWasMovedIntoCountsFromItsRegister: rating begins again for another account. The lease left in the meter is
// worth what the meter may still count, not everything that it ever counted.
func TestAnOldLeaseOfAMeterThatWasMovedIntoCountsFromItsRegister(t *testing.T) {
	d := newRig(t, 100_000, 2)
	for register := unit.Energy(10_000); register <= 100_000; register += 10_000 {
		d.passes(6*time.Hour).reads(2, register, supply.Closed)
		d.does(2, wallet.CommandLease)
	}
	d.reads(1, 20_000, supply.Open, supply.Lease)
	left := d.max(2) - 100_000
	d.rows[1].State = wallet.MoveIn(d.rows[1].State, d.now)
	for i := range d.rows {
		d.rows[i].Accrued, d.rows[i].Parts = 0, nil
	}
	d.money = 7188 // money for 25 kWh
	most, _, err := wallet.Standing(d, d.tenant, d.rows, 1, d.now)
	if left != 20_000 || err != nil || most < 24_999 || most > 25_002 {
		t.Errorf("the old lease has %d Wh left and the other meter may go to %d Wh, %v; want 20000, and 5000 Wh more than it has used", left, most, err)
	}
}

// lowered is an account of two meters from which money was taken. The first meter, at 6000 Wh with a lease to 10,000, is about to get a
// lower lease. The second meter has already taken its lower lease.
func lowered(t *testing.T) (d *rig, lower id.ID) {
	t.Helper()
	d = newRig(t, 5750, 2)
	d.passes(time.Hour).reads(1, 6000, supply.Closed)
	d.pays(-2300)
	d.want("8 kWh were taken away", "lease m1; lease m2")
	if d.max(1) != 8998 || d.max(2) != 2998 {
		t.Fatalf("leases to %d and %d Wh, want half of 6 kWh less what is rounded for each", d.max(1), d.max(2))
	}
	d.does(2, wallet.CommandLease)
	d.passes(time.Minute).reads(2, 0, supply.Closed)
	d.signs(1, wallet.CommandLease)
	d.says()
	return d, d.kept[1].Lease.Command
}

// TestAMeterThatTookALowerLeaseLateIsNotLeftDark is the history of meter 06000005915 in a month with seed 7. It took a lower lease after it
// had counted beyond the end of that lease, and went dark. Its answer came after the command had been replaced. The network lost the
// replacement. When the replacement was due again, it allowed a watt-hour more than there was money for. The server assumed that the meter
// still had the previous lease, which allowed more than any new lease would. For hours it gave the meter nothing, although there was money.
func TestAMeterThatTookALowerLeaseLateIsNotLeftDark(t *testing.T) {
	d, lower := lowered(t)
	d.passes(time.Hour).pays(230)
	d.want("a little is paid", "wallet-low m1")
	d.reads(1, 9500, supply.Closed) // the meter made this reading before it took the lower lease
	if got := d.leases(); got != "no lease m1lease m1" {
		t.Fatalf("it has used more than the lower lease gives: got %q, want another one", got)
	}
	took := d.rows[0].Seq
	d.signs(1, wallet.CommandLease)
	d.answersLate(lower, took)
	d.passes(time.Second).reads(1, 9500, supply.Open, supply.Lease)
	d.says()
	o := d.order(1, wallet.CommandLease)
	o.State, o.Since = "expired", d.now
	d.settles()
	d.want("the next one was lost, and ended", "lease m1")
	if got := d.max(1); got != 9801 {
		t.Errorf("a lease to %d Wh, want the 301 Wh more that the other one leaves", got)
	}
}

// TestEnergyThatAMeterGaveBackIsNotGivenAgain is the history of meter 06000007259 in the same month. The command with the lower lease was
// withdrawn during friendly hours, because there was even less money. Then the meter answered that it had taken the lower lease. The server
// still renewed the previous, higher lease when half its time was over. So it gave away energy beyond the money and the allowance.
func TestEnergyThatAMeterGaveBackIsNotGivenAgain(t *testing.T) {
	d, lower := lowered(t)
	d.tenant.Supply.Windows = []string{"all 00:00-24:00"}
	d.passes(time.Hour).pays(-1552)
	if got := d.leases(); got != "no lease m1" {
		t.Fatalf("more was taken away, in a window: got %q, want the order withdrawn", got)
	}
	took := d.rows[0].Seq
	d.answersLate(lower, took)
	d.passes(time.Second).reads(1, 9600, supply.Open, supply.Lease)
	for range 12 {
		d.passes(4*time.Hour).reads(2, 0, supply.Closed)
		d.reads(1, 9600, supply.Open, supply.Lease)
	}
	if got := d.leases(); got != "" {
		t.Errorf("got %q to %d Wh; want none: 2 kWh may be used, and the other meter has 2998 Wh", got, d.max(1))
	}
}

// TestWhatNeverLeftHidesNoLease is the history of meter 06000004900 in a month with seed 31. Its neighbours were dark although there was
// money. The meter took a lower lease, and was then offline for days. Meanwhile the money went down. The server ordered many leases and
// withdrew them unsent. It reads back only [wallet.MaxSignedLeases] leases, so it never found the late answer again, and never gave the
// energy to the others.
func TestWhatNeverLeftHidesNoLease(t *testing.T) {
	d, lower := lowered(t)
	d.tenant.Supply.Windows = []string{"all 00:00-24:00"}
	for range wallet.MaxSignedLeases + 1 {
		d.passes(time.Hour).pays(4000)
		d.passes(time.Hour).pays(-4000)
	}
	if n := len(d.leased[1]); n <= wallet.MaxSignedLeases+1 {
		t.Fatalf("%d leases were ordered, want more than are looked back at", n)
	}
	d.rows[0].Off = supply.Of(supply.Remote) // cut off by a person, so the meter gets no other lease
	d.answersLate(lower, d.rows[0].Seq)
	d.passes(time.Second).reads(1, 8998, supply.Open, supply.Lease)
	if got := d.kept[1].Risk; got != 0 {
		t.Errorf("the meter has used its lease up, and may count to %d Wh all the same", got)
	}
}

// TestALowerLeaseThatMayBeInTheMeterIsNotTakenBack is the history of meter 06000000700 in a month with seed 101 in which 45 of 100 messages
// were lost. The meter refused a copy of a lower lease because it had been overtaken, and the server did not know that another copy had
// been taken. When the meter's share rose by some watt-hours, the meter got them. There was no room for them, because a neighbour still had
// more than its share.
func TestALowerLeaseThatMayBeInTheMeterIsNotTakenBack(t *testing.T) {
	d := newRig(t, 5750, 2)
	d.passes(time.Hour).pays(-2300)
	d.want("8 kWh were taken away", "lease m1; lease m2")
	lower := d.max(1)
	d.signs(1, wallet.CommandLease)
	d.signs(2, wallet.CommandLease)
	d.passes(time.Minute).pays(600)
	d.answers(1, wallet.CommandLease, "failed", "counter")
	if got := d.max(1); got > lower {
		t.Errorf("a lease to %d Wh after one to %d Wh that may be in the meter, and the other may use all there is", got, lower)
	}
	d.does(2, wallet.CommandLease)
	d.passes(time.Minute).reads(2, 0, supply.Closed)
	if got := d.max(1); got <= lower {
		t.Errorf("a lease to %d Wh, want more than %d Wh: the other has given up what was more than its share", got, lower)
	}
}

// TestALeaseOfWhichOneCopyWasRefusedMayBeInTheMeter is the history of meter 06000006061. Of two copies of a lease for its neighbour, the
// late copy was refused because it had been overtaken. The server assumed that the lease was refused and gave its energy to this meter as
// well, but the copy signed later was in the neighbour.
func TestALeaseOfWhichOneCopyWasRefusedMayBeInTheMeter(t *testing.T) {
	for _, c := range []struct {
		why  string
		most unit.Energy
	}{
		{"counter", 10_000}, {"storage_error 5", 10_000}, // 12,500 Wh less the 2500 Wh that the neighbour may have
		{"clock", 12_500}, // neither copy is taken
	} {
		d := newRig(t, 5750, 2)
		d.passes(time.Hour).reads(2, 7500, supply.Closed)
		d.passes(time.Hour).reads(2, 10_000, supply.Open, supply.Lease)
		d.passes(time.Hour).pays(719) // money for 2.5 kWh
		if got := d.max(2); got != 12_500 {
			t.Fatalf("a lease to %d Wh, want 12500", got)
		}
		d.signs(2, wallet.CommandLease)
		d.rows[1].Off = supply.Of(supply.Remote) // cut off by a person, so the meter gets no other lease
		d.answers(2, wallet.CommandLease, "failed", c.why)
		rows, err := d.WalletsOf(id.ID{})
		if err != nil {
			t.Fatal(err)
		}
		most, _, err := wallet.Standing(d, d.tenant, rows, 1, d.now)
		if err != nil || most != c.most {
			t.Errorf("refused for %q: the other meter may have a lease to %d Wh, %v; want %d", c.why, most, err, c.most)
		}
	}
}

// TestALeaseFromBeforeTheLastReadingIsNoRiskAnyMore is the history of meter 06000002102, which was dark although there was money. The
// server assumed that its neighbour might have counted as far as the highest of three leases allowed. But that lease had been replaced
// before the neighbour's last reading; only the two later leases limit how far the neighbour may have counted since.
func TestALeaseFromBeforeTheLastReadingIsNoRiskAnyMore(t *testing.T) {
	d := newRig(t, 5750, 2)
	lowers := func(amount money.Minor) (order id.ID) {
		d.passes(time.Minute).pays(-amount)
		d.signs(2, wallet.CommandLease)
		return d.kept[2].Lease.Command
	}
	first := lowers(1150) // lowers the lease from 10 kWh to 8
	d.signs(1, wallet.CommandLease)
	d.does(1, wallet.CommandLease)
	took := d.rows[1].Seq
	d.passes(time.Minute).reads(2, 0, supply.Closed)
	lowers(1150) // lowers the lease to 6 kWh
	d.answersLate(first, took-1)
	d.does(2, wallet.CommandLease)
	if got := d.kept[2].Risk; got != 8000 {
		t.Errorf("the neighbour may have counted to %d Wh, want what it had at its last reading, 8000", got)
	}
}

// TestWhenAMeterGivesBackWhatIsMoreThanItsShare checks the limits exactly: two meters with leases to 10,000 Wh each, and 0.25 for a
// watt-hour. The second gives back only if the first has used half of its share, and a share is 1 kWh or more.
func TestWhenAMeterGivesBackWhatIsMoreThanItsShare(t *testing.T) {
	for _, c := range []struct {
		name          string
		first, second unit.Energy // registers of the meters
		money         money.Minor
		want          unit.Energy // the lease of the second
	}{
		{"half its share is left", 6600, 0, 3400, 6800},
		{"eight watt-hours more", 6592, 0, 3400, 10_000},
		{"all money is in the leases", 6592, 0, 3352, 10_000},
		{"more than all of it is", 6592, 0, 3350, 6700},
		{"a share of a kilowatt-hour", 10_000, 8000, 500, 9000},
		{"a share of less", 10_000, 8004, 499, 10_000},
	} {
		d := newRig(t, 5750, 2)
		d.version.Body.VATBps, d.money = 0, c.money
		d.passes(time.Hour)
		for i, register := range []unit.Energy{c.first, c.second} {
			r := &d.rows[i]
			r.Register, r.Seq, r.At = register, r.Seq+1, d.now
			d.seen[r.Meter.N].ReceivedAt = d.now
		}
		d.settles()
		if got := d.max(2); got != c.want {
			t.Errorf("%s: the second has a lease to %d Wh, want %d", c.name, got, c.want)
		}
	}
}
