package wallet_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/wallet"
	"github.com/paywatt/paywatt/supply"
	"github.com/paywatt/paywatt/unit"
)

// charged is an account whose meter is on with half a lease left, after a fixed charge took all its money. The next reading makes the
// server cut.
func charged(t *testing.T) *rig {
	t.Helper()
	d := newRig(t, 2875, 1) // money for 10 kWh
	d.passes(30*time.Minute).reads(1, 4000, supply.Closed)
	d.pays(-1725)
	d.want("all money taken away", "disconnect m1; supply-off m1")
	return d
}

func TestMoneyThatIsGoneCutsAndMoneyThatComesConnects(t *testing.T) {
	d := charged(t)
	d.signs(1, wallet.CommandCut)
	d.passes(time.Second).does(1, wallet.CommandCut)
	d.passes(time.Second).reads(1, 4000, supply.Open, supply.Remote)
	d.want("the meter has opened its relay", "")
	if got := d.passes(time.Hour).pays(1150); !got.Press {
		t.Error("nobody is told to press a key after a cut by command")
	}
	d.want("paid", "connect m1; supply-on press m1; wallet-urgent m1; lease m1")
	d.does(1, wallet.CommandConnect)
	d.does(1, wallet.CommandLease)
	d.passes(time.Second).reads(1, 4000, supply.Armed)
	d.passes(time.Minute).reads(1, 4000, supply.Closed)
	d.want("the key was pressed", "hurry lease m1") // between the two answers
}

// TestACutIsUndoneHoweverFarItHasCome pays at every stage of a cut-off.
func TestACutIsUndoneHoweverFarItHasCome(t *testing.T) {
	for name, c := range map[string]struct {
		before func(*rig)
		want   string
		press  bool
		after  func(*rig)
		later  string
	}{
		"not signed yet": {func(*rig) {}, "no disconnect m1; supply-on m1; wallet-urgent m1; lease m1", false, nil, ""},
		"signed, and perhaps lost": {func(d *rig) { d.signs(1, wallet.CommandCut) }, "no disconnect m1; connect m1; supply-on press m1; wallet-urgent m1; lease m1", true,
			nil, ""},
		"acknowledged": {func(d *rig) { d.answers(1, wallet.CommandCut, "acked", "") },
			"connect m1; supply-on press m1; wallet-urgent m1; lease m1", true, nil, ""},
		"carried out": {func(d *rig) { d.does(1, wallet.CommandCut) }, "connect m1; supply-on press m1; wallet-urgent m1; lease m1", true, nil, ""},
		"acknowledged after the payment": {func(d *rig) { d.signs(1, wallet.CommandCut) },
			"no disconnect m1; connect m1; supply-on press m1; wallet-urgent m1; lease m1", true,
			func(d *rig) { d.does(1, wallet.CommandCut) }, "hurry connect m1; hurry lease m1"},
		"carried out after the connect": {func(d *rig) { d.signs(1, wallet.CommandCut) },
			"no disconnect m1; connect m1; supply-on press m1; wallet-urgent m1; lease m1", true, func(d *rig) {
				d.does(1, wallet.CommandConnect)
				d.passes(time.Second).reads(1, 4000, supply.Open, supply.Remote)
			}, "hurry lease m1; connect m1; hurry lease m1"},
	} {
		t.Run(name, func(t *testing.T) {
			d := charged(t)
			d.passes(time.Second)
			c.before(d)
			d.says()
			if got := d.passes(time.Second).pays(1150); got.Press != c.press {
				t.Errorf("press a key: %t, want %t", got.Press, c.press)
			}
			d.want("paid", c.want)
			if c.after != nil {
				d.passes(time.Second)
				d.seen[1].Relay, d.seen[1].Reasons = supply.Open.String(), supply.Of(supply.Remote)
				c.after(d)
				d.want("afterwards", c.later)
			}
		})
	}
}

// TestAConnectThatLapsedGoesOutAgainAtOnce is the history of meter 06000001229 in a month with seed 11. The meter was cut off, its customer
// paid, the connect was signed and lost, and then the server was down for two days. The connect's 24 hours ended in that time. When the
// server was back and read that the meter was still off, it saw a connect that was no longer open. It waited for a reading newer than that
// connect's end before it sent another connect. So the meter was off for three hours with money and lease energy left.
func TestAConnectThatLapsedGoesOutAgainAtOnce(t *testing.T) {
	for _, expired := range []bool{false, true} { // whether a job has noted the end before the meter is heard
		d := charged(t)
		d.does(1, wallet.CommandCut)
		d.passes(4*time.Hour).reads(1, 4000, supply.Open, supply.Remote)
		d.says()
		d.pays(4000)
		d.signs(1, wallet.CommandConnect) // signed, and lost by the network
		d.passes(49 * time.Hour)
		if expired {
			o := d.order(1, wallet.CommandConnect)
			o.State, o.Since = "expired", d.now
		}
		d.says()
		d.reads(1, 4000, supply.Open, supply.Remote) // received at the moment the connect was given up
		if got := d.says(); got != map[bool]string{false: "no connect m1; connect m1; no lease m1; lease m1", true: "connect m1; no lease m1; lease m1"}[expired] {
			t.Errorf("expired noted: %t: got %q, want a new connect at once", expired, got)
		}
	}
}

// TestACutThatWasOrderedOnceMoreIsUndoneAsWell is the history of meter 06000004108 in a month with seed 11. The cut-off reached the meter,
// and then the meter's network failed. When the cut-off lapsed unanswered, a second cut-off was made and never sent. The payment withdrew
// the second cut-off, and no connect was pending when the meter was heard again. It was off with money until its next reading.
func TestACutThatWasOrderedOnceMoreIsUndoneAsWell(t *testing.T) {
	d := charged(t)
	d.signs(1, wallet.CommandCut)      // signed, and carried out
	d.seen[1].Interval = 4 * time.Hour // so that the earlier reading is still fresh enough for a cut-off
	d.says()
	d.passes(3*time.Hour + time.Minute).settles()
	d.want("the cut-off lapsed", "no disconnect m1; disconnect m1; config m1")
	if got := d.passes(time.Hour).pays(1150); !got.Press {
		t.Error("nobody is told to press a key")
	}
	d.want("paid", "no disconnect m1; connect m1; supply-on press m1; wallet-urgent m1; lease m1")
	d.does(1, wallet.CommandConnect)
	d.does(1, wallet.CommandLease)
	d.passes(time.Hour).reads(1, 4000, supply.Closed)
	d.says()
	d.pays(-1150)
	d.want("nothing is left again", "disconnect m1; supply-off m1")
	d.pays(1150)
	d.want("paid before it left", "no disconnect m1; supply-on m1; wallet-urgent m1")
}

// TestALapsedConnectOfAMeterThatIsAwayIsRenewed: the server gets no reading at all, so it must look at the supply without one.
func TestALapsedConnectOfAMeterThatIsAwayIsRenewed(t *testing.T) {
	d := charged(t)
	d.does(1, wallet.CommandCut)
	d.says()
	d.pays(4000)
	d.signs(1, wallet.CommandConnect)
	d.does(1, wallet.CommandLease)
	at := d.kept[1].LookAt
	if got, want := at.Sub(d.now), 24*time.Hour; got != want {
		t.Errorf("the server looks again after %s, want when the connect lapses, after %s", got, want)
	}
	d.says()
	d.now = at
	d.settles()
	d.want("nothing was heard", "no connect m1; connect m1")
}

// TestWhatBringsASupplyBackIsHurried: a lease was sent and not answered. A payment in the long pause before the next attempt hurries it.
func TestWhatBringsASupplyBackIsHurried(t *testing.T) {
	d := newRig(t, 100_000, 1)
	d.passes(6*time.Hour).reads(1, 12_000, supply.Closed)
	d.signs(1, wallet.CommandLease)
	d.passes(6*time.Hour).reads(1, 20_000, supply.Open, supply.Lease)
	d.says()
	d.passes(time.Minute).pays(5000)
	d.want("paid", "hurry lease m1")
	d.does(1, wallet.CommandLease)
	d.passes(time.Second).reads(1, 20_000, supply.Closed)
	d.says()
	d.pays(5000)
	d.want("paid while the supply is on", "")
}

// TestALeaseHoldsTheSupplyOffWithoutACommand uses all energy that was paid for. The server sends no cut-off, nobody has to press a key, and
// the next lease closes the relay.
func TestALeaseHoldsTheSupplyOffWithoutACommand(t *testing.T) {
	d := newRig(t, 2875, 1)
	if got := d.max(1); got != 10_000 {
		t.Fatalf("a lease to %d Wh, want 10000", got)
	}
	d.passes(6*time.Hour).reads(1, 10_000, supply.Open, supply.Lease)
	d.want("all is used", "supply-off m1")
	d.passes(time.Hour)
	d.settles()
	d.want("an hour later", "")
	if got := d.pays(2875); got.Press {
		t.Error("a key has to be pressed after a lease alone kept the supply off")
	}
	d.want("paid", "supply-on m1; wallet-low m1; lease m1")
	if got := d.max(1); got != 20_000 {
		t.Errorf("the next lease goes to %d Wh, want 20000", got)
	}
}

func TestAPaymentDoesNotUndoAPersonsCut(t *testing.T) {
	d := newRig(t, 2875, 1)
	if _, err := wallet.Switch(d, 1, true, "usr_x", "tampered seal", d.now); err != nil {
		t.Fatal(err)
	}
	d.want("a person cuts", "disconnect m1; supply-off m1")
	d.does(1, wallet.CommandCut)
	d.passes(time.Minute).reads(1, 0, supply.Open, supply.Remote)
	d.pays(10_000)
	d.want("paid", "")
	got, err := wallet.Switch(d, 1, false, "usr_x", "repaired", d.now)
	if err != nil || !got.Press || got.Off != 0 {
		t.Errorf("restore came to %+v, %v; want a key to press and no reason left", got, err)
	}
	d.want("restored", "connect m1; lease m1; supply-on press m1")
}

// TestNobodyIsCutWhileSomethingForbidsIt takes the money away under every protecting rule, and then ends the rule.
func TestNobodyIsCutWhileSomethingForbidsIt(t *testing.T) {
	for want, c := range map[wallet.CutoffDelay]struct{ begin, end func(*rig) }{
		wallet.BlockProtected: {func(d *rig) { d.seen[1].Protected = true }, func(d *rig) { d.seen[1].Protected = false }},
		wallet.BlockHeld: {func(d *rig) {
			d.rows[0].Held = wallet.Held{Reason: wallet.HoldRegress, Memory: rigMemory, Register: 9, Since: d.now}
		},
			func(d *rig) { d.rows[0].Held = wallet.Held{} }},
		wallet.BlockUnheard: {func(d *rig) { d.passes(time.Minute); d.unseen = d.now }, func(d *rig) { d.passes(time.Minute).reads(1, 0, supply.Closed) }},
		wallet.BlockStale:   {func(d *rig) { d.passes(65*time.Minute + time.Second) }, func(d *rig) { d.reads(1, 0, supply.Closed) }},
		wallet.BlockFriendly: {func(d *rig) { d.tenant.Supply.Windows = []string{"wed 12:00-13:00"} },
			func(d *rig) { d.passes(60 * time.Minute) }},
		wallet.BlockNotice: {func(d *rig) { d.tenant.Supply.Notice = 1800 }, func(d *rig) {
			s := d.kept[1]
			s.Noticed = d.now
			d.kept[1] = s
			d.passes(30*time.Minute - time.Second)
			d.settles()
			if !wallet.Wanted(d.rows[0].State) {
				d.t.Error("cut off a second before the notice has run")
			}
			d.passes(time.Second)
		}},
	} {
		t.Run(string(want), func(t *testing.T) {
			d := newRig(t, 2875, 1)
			c.begin(d)
			d.says()
			d.pays(-2875)
			if got := d.kept[1].Block; got != want || !wallet.Wanted(d.rows[0].State) || d.order(1, wallet.CommandCut).Open() {
				t.Fatalf("waits %q, wanted %t; want %q and no order", got, wallet.Wanted(d.rows[0].State), want)
			}
			if look := d.kept[1].LookAt; look.IsZero() {
				t.Error("nobody looks again")
			}
			c.end(d)
			d.says()
			d.settles()
			if got := d.order(1, wallet.CommandCut); !got.Open() || wallet.Wanted(d.rows[0].State) || d.kept[1].Block != "" {
				t.Errorf("afterwards the order is %+v and %q forbids it; want a cut", got, d.kept[1].Block)
			}
		})
	}
}

// TestARuleThatBeginsLaterDoesNotBringASupplyBack: friendly hours prevent a cut-off, but do not reconnect.
func TestARuleThatBeginsLaterDoesNotBringASupplyBack(t *testing.T) {
	d := charged(t)
	d.does(1, wallet.CommandCut)
	d.tenant.Supply.Windows = []string{"all 00:00-24:00"}
	d.passes(time.Minute).reads(1, 4000, supply.Open, supply.Remote)
	if wallet.Wanted(d.rows[0].State) {
		t.Error("a friendly window brought a supply back")
	}
	d.says()
	d.seen[1].Protected = true
	d.settles()
	if !wallet.Wanted(d.rows[0].State) {
		t.Error("an account that is protected now stays cut off")
	}
	d.want("protected", "connect m1; supply-on press m1; lease m1")
}

// TestWarningsAreGivenOnceACrossing lets money fall and rise around the two levels, 50.00 and 20.00. The margins are a tenth of the levels,
// 5.00 and 2.00, because that is more than the price of 500 Wh.
func TestWarningsAreGivenOnceACrossing(t *testing.T) {
	d := newRig(t, 10_000, 1)
	d.tenant.Policy.Warn1, d.tenant.Policy.Warn2 = 5000, 2000
	d.settles()
	d.says()
	for _, c := range []struct {
		to   money.Minor
		want string
	}{
		{5001, ""}, {5000, "wallet-low m1"}, {4999, ""}, {5001, ""}, {4000, ""}, // above the level, but not above the margin
		{5500, ""}, {5000, "wallet-low m1"}, // the warning is armed again
		{2000, "wallet-urgent m1"}, {2100, ""}, {1999, ""}, {2200, ""}, {2000, "wallet-urgent m1"},
		{9000, ""}, {1500, "wallet-urgent m1"}, // falls through both levels at once: only the more urgent warning
		{0, "disconnect m1; supply-off m1"},
	} {
		d.moves(c.to - d.money)
		var got []string
		for _, l := range d.log {
			if l != "lease m1" && l != "no lease m1" {
				got = append(got, l)
			}
		}
		d.log = got
		d.want(money.Format(c.to, money.Currency{Code: "KES", Exp: 2}), c.want)
	}
}

func TestDaysLeftAreARangeOrUnknown(t *testing.T) {
	week := []money.Minor{300, 100, 200, 250, 150, 400, 120}
	for _, c := range []struct {
		name      string
		available money.Minor
		daily     []money.Minor
		want      wallet.Days
	}{
		{"a week of use", 1000, week, wallet.Days{Estimated: true, Least: 3, Likely: 5, Most: 10}},
		{"in any order", 1000, []money.Minor{100, 120, 150, 200, 250, 300, 400}, wallet.Days{Estimated: true, Least: 3, Likely: 5, Most: 10}},
		{"two days are too few", 1000, week[:2], wallet.Days{}},
		{"three are enough", 900, week[:3], wallet.Days{Estimated: true, Least: 4, Likely: 4, Most: 9}},
		{"two weeks of use", 1000, []money.Minor{10, 20, 25, 30, 40, 50, 100, 110, 120, 125, 130, 200, 250, 500}, wallet.Days{Estimated: true, Least: 5, Likely: 10, Most: 50}},
		{"a third of the days without use", 998, []money.Minor{0, 0, 1, 1, 1, 1}, wallet.Days{Estimated: true, Least: 998, Likely: 998, Most: 999}},
		{"no use, no answer", 1000, []money.Minor{0, 0, 0, 0}, wallet.Days{}},
		{"hardly any use", 1000, []money.Minor{0, 0, 0, 5}, wallet.Days{Estimated: true, Least: 999, Likely: 999, Most: 999}},
		{"nothing left", 0, week, wallet.Days{Estimated: true}},
		{"owed", -500, week, wallet.Days{Estimated: true}},
	} {
		got := wallet.DaysLeft(c.available, c.daily)
		if got != c.want {
			t.Errorf("%s: got %+v, want %+v", c.name, got, c.want)
		}
		if got.Least > got.Likely || got.Likely > got.Most {
			t.Errorf("%s: %+v is no range", c.name, got)
		}
	}
}

// TestSizesOfLeases checks the figures of docs/reference/supply.md#leases, and the rules that make a lease smaller or larger.
func TestSizesOfLeases(t *testing.T) {
	allowance := 1 * unit.KilowattHour
	for _, c := range []struct {
		name string
		paid money.Minor
		set  func(*rig)
		want unit.Energy
	}{
		{"the vector: 50.00 at 2.875", 5000, nil, 17_391},
		{"nothing", 0, nil, 0},
		{"one minor unit", 1, nil, 3},
		{"the cap", 1_000_000, nil, 20_000},
		{"a cap of its own", 1_000_000, func(d *rig) { d.tenant.Supply.Cap = 7000 }, 7000},
		{"above the level of the cut-off", 5000, func(d *rig) { d.tenant.Policy.CutOff = 2125 }, 10_000},
		{"the dearest rate by time of use", 4140, func(d *rig) { d.version.Body = byTime() }, 10_000},
		{"the dearest block", 6325, func(d *rig) { d.version.Body = blocks() }, 20_000},
		{"in a window, what may be owed", 2875, func(d *rig) {
			d.tenant.Supply.Windows, d.tenant.Supply.Allowance = []string{"all 00:00-24:00"}, &allowance
		}, 10_998}, // the price of the allowance is rounded down
		{"protected", 0, func(d *rig) { d.seen[1].Protected = true }, 20_000},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := newRig(t, 0, 1)
			if c.set != nil {
				c.set(d)
			}
			d.reads(1, 0, supply.Open, supply.Lease)
			d.pays(c.paid)
			if got := d.max(1); got != c.want {
				t.Errorf("a lease to %d Wh, want %d", got, c.want)
			}
		})
	}
}

// TestWhenALeaseIsRenewed checks when another lease is sent, and when none is.
func TestWhenALeaseIsRenewed(t *testing.T) {
	for _, c := range []struct {
		name string
		paid money.Minor
		do   func(*rig)
		want string
		max  unit.Energy
	}{
		{"half is not used", 100_000, func(d *rig) { d.passes(6*time.Hour).reads(1, 9999, supply.Closed) }, "", 20_000},
		{"half is used", 100_000, func(d *rig) { d.passes(6*time.Hour).reads(1, 10_000, supply.Closed) }, "lease m1", 30_000},
		{"half the time is not gone", 100_000, func(d *rig) { d.passes(36*time.Hour-2*time.Second).reads(1, 10, supply.Closed) }, "", 20_000},
		{"half the time is gone", 100_000, func(d *rig) { d.passes(36*time.Hour).reads(1, 10, supply.Closed) }, "lease m1", 20_010},
		{"a kilowatt-hour more is paid", 2875, func(d *rig) { d.pays(288) }, "lease m1", 11_001},
		{"less than that", 2875, func(d *rig) { d.pays(280) }, "", 10_000},
		{"money is taken away", 2875, func(d *rig) { d.pays(-1437) }, "lease m1", 5001},
		{"money is taken away in a window", 2875, func(d *rig) {
			d.tenant.Supply.Windows, d.tenant.Supply.Allowance = []string{"all 00:00-24:00"}, new(unit.Energy)
			d.pays(-1437)
		}, "", 10_000},
		{"the meter has lost its memory", 2875, func(d *rig) {
			d.seen[1].Memory = "another"
			d.rows[0].Memory = "another"
			d.settles()
		}, "lease m1", 10_000},
		{"the meter says that it has none", 2875, func(d *rig) {
			d.passes(time.Minute)
			r := &d.rows[0]
			r.Seq++
			s := d.seen[1]
			s.Left, s.Relay, s.Reasons, s.ReceivedAt = 0, "open", supply.Of(supply.Lease), d.now
			d.settles()
		}, "lease m1", 10_000},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := newRig(t, c.paid, 1)
			d.passes(time.Second)
			c.do(d)
			var got string
			for _, l := range d.log {
				if l == "lease m1" || l == "no lease m1" {
					got += l
				}
			}
			if got != c.want || d.max(1) != c.max {
				t.Errorf("got %q to %d Wh, want %q to %d", got, d.max(1), c.want, c.max)
			}
		})
	}
}

// TestALeaseThatAMeterRefusesIsNotRepeatedInACircle: each answer makes the server look again, but it does not send the refused lease again
// at once.
func TestALeaseThatAMeterRefusesIsNotRepeatedInACircle(t *testing.T) {
	for why, again := range map[string]bool{"mode": false, "lease": false, "expired": false, "counter": true, "old": true, "storage_error": true} {
		d := newRig(t, 100_000, 1)
		d.passes(time.Hour).reads(1, 11_000, supply.Closed)
		d.says()
		d.answers(1, wallet.CommandLease, "failed", why)
		if got := d.says() == "lease m1"; got != again {
			t.Errorf("%s: sent again at once: %t, want %t", why, got, again)
		}
		if again {
			continue
		}
		d.passes(30 * time.Minute)
		d.settles()
		d.want(why+", half an hour later", "lease m1")
	}
}

// TestAnAccountIsWarnedOnce: the money of an account with three meters runs low, and the customer gets one warning. Notices about the
// supply are sent for each meter.
func TestAnAccountIsWarnedOnce(t *testing.T) {
	d := newRig(t, 10_000, 3)
	d.tenant.Policy.Warn1, d.tenant.Policy.Warn2 = 5000, 2000
	d.settles()
	d.says()
	for _, c := range []struct {
		to   money.Minor
		want string
	}{
		{5000, "wallet-low m1"}, {4000, ""}, {2000, "wallet-urgent m1"}, {9000, ""}, {1500, "wallet-urgent m1"},
		{0, "supply-off m1; supply-off m2; supply-off m3"},
	} {
		d.moves(c.to - d.money)
		got := []string{}
		for _, said := range d.log {
			if strings.HasPrefix(said, "wallet-") || strings.HasPrefix(said, "supply-") {
				got = append(got, said)
			}
		}
		d.log = got
		d.want(money.Format(c.to, money.Currency{Code: "KES", Exp: 2}), c.want)
	}
}

// TestAWarningOfOneMeterHidesNoMoreUrgentOneOfAnother: an account gets each warning that is more urgent than those before it.
func TestAWarningOfOneMeterHidesNoMoreUrgentOneOfAnother(t *testing.T) {
	const low, urgent, out = 4000, 1000, 0
	for _, c := range []struct {
		name          string
		to            money.Minor
		first, second func(*wallet.Row)
		want          string
	}{
		{"low, then urgent", urgent, func(r *wallet.Row) { r.Low2.Below = true }, nil, "wallet-low m1; wallet-urgent m2"},
		{"urgent, then low", urgent, nil, func(r *wallet.Row) { r.Low2.Below = true }, "wallet-urgent m1"},
		{"urgent, then used up", out, func(r *wallet.Row) { r.Started = false }, nil, "wallet-urgent m1; wallet-used-up m2"},
		{"low, then used up", out, func(r *wallet.Row) { r.Started, r.Low2.Below = false, true }, nil, "wallet-low m1; wallet-used-up m2"},
		{"used up, then urgent", out, nil, func(r *wallet.Row) { r.Started = false }, "wallet-used-up m1"},
		{"low twice", low, nil, nil, "wallet-low m1"},
	} {
		d := newRig(t, 10_000, 2)
		d.tenant.Policy.Warn1, d.tenant.Policy.Warn2 = 5000, 2000
		d.tenant.Supply.Windows = []string{"all 00:00-24:00"} // nobody is cut off
		d.settles()
		for i, does := range []func(*wallet.Row){c.first, c.second} {
			if does != nil {
				does(&d.rows[i])
			}
		}
		d.says()
		d.moves(c.to - d.money)
		d.log = slices.DeleteFunc(d.log, func(l string) bool { return !strings.HasPrefix(l, "wallet-") })
		d.want(c.name, c.want)
	}
}

// TestWhatAskingForAReadingSays: after a meter took a lower lease, the server asks it once for a reading, by a command that lives for an
// hour.
func TestWhatAskingForAReadingSays(t *testing.T) {
	d := newRig(t, 5750, 2)
	d.passes(6*time.Hour).reads(2, 0, supply.Closed)
	d.reads(1, 7000, supply.Closed)
	d.signs(2, wallet.CommandLease)
	d.says()
	d.does(2, wallet.CommandLease)
	d.want("the lower lease was taken", "read m2")
	for _, o := range d.orders {
		if o.Type == wallet.CommandRead && (o.TTL != time.Hour || o.Reason == "" || len(o.Args) > 0) {
			t.Errorf("asked with %+v", o)
		}
	}
	d.passes(time.Minute)
	d.settles()
	d.want("a minute later", "")
}
