package wallet_test

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/wallet"
	"github.com/paywatt/paywatt/unit"
)

// signer is the transaction that signs a command to a meter.
type signer struct {
	*till
	last    int64
	refused bool
}

func (s *signer) CheckSupplyNow(meter int64) error {
	s.writes("look at m%d", meter)
	return s.fails()
}

func (s *signer) LeaseNumber(meter int64, order id.ID) (int64, bool, error) {
	s.writes("the number of m%d before %x", meter, order[15])
	return s.last, s.refused, s.fails()
}

func (s *signer) LeaseNumbered(meter, number int64) error {
	s.writes("m%d: %d", meter, number)
	return s.fails()
}

// TestAnOrderIsSignedOnlyWhileItIsRight runs the check in the transaction that signs. The meter has a lease to 10,000 Wh.
func TestAnOrderIsSignedOnlyWhileItIsRight(t *testing.T) {
	const soon = "look at m1"
	for _, c := range []struct {
		name  string
		order wallet.CommandType
		max   unit.Energy
		ahead time.Duration // how far the command is dated ahead of now
		do    func(*till)
		want  bool
		wrote string
	}{
		{"a cut-off with nothing left", wallet.CommandCut, 0, 0, func(d *till) { d.moves(-2875) }, true, ""},
		{"a cut-off that was paid for", wallet.CommandCut, 0, 0, func(*till) {}, false, ""},
		{"a cut-off in a window", wallet.CommandCut, 0, 0, func(d *till) {
			d.moves(-2875)
			d.tenant.Supply.Windows = []string{"all 00:00-24:00"}
		}, false, ""},
		{"a cut-off that a person wants", wallet.CommandCut, 0, 0, func(d *till) { switches(d.rig, true) }, true, ""},
		{"a cut-off given two minutes ahead", wallet.CommandCut, 0, 2 * time.Minute, func(d *till) { d.moves(-2875) }, true, ""},
		{"a cut-off given further ahead", wallet.CommandCut, 0, 2*time.Minute + 1, func(d *till) { d.moves(-2875) }, false, soon},
		{"a lease of what there is", wallet.CommandLease, 10_000, 0, func(*till) {}, true, ""},
		{"a lease of more", wallet.CommandLease, 10_001, 0, func(*till) {}, false, soon},
		{"a lease of less, when there is nothing", wallet.CommandLease, 9999, 0, func(d *till) { d.money = 0 }, false, soon},
		{"a lease given ahead", wallet.CommandLease, 1, time.Hour, func(*till) {}, false, soon},
		{"the time", wallet.CommandClock, 0, 0, func(*till) {}, true, ""},
		{"the time, which is in doubt", wallet.CommandClock, 0, 0, func(d *till) { d.doubt = true }, false, ""},
		{"the time, given ahead", wallet.CommandClock, 0, time.Hour, func(*till) {}, false, soon},
		{"a connect", wallet.CommandConnect, 0, 0, func(d *till) { d.money, d.doubt = 0, true }, true, ""},
		{"a connect given ahead", wallet.CommandConnect, 0, time.Hour, func(*till) {}, false, soon},
		{"a configuration", wallet.CommandConfig, 0, 0, func(d *till) { d.doubt = true }, true, ""},
		{"a reading that is asked for", wallet.CommandRead, 0, 0, func(d *till) { d.rows = nil }, true, ""},
	} {
		d := newTill(t, 2875, 1)
		c.do(d)
		got, err := wallet.StillRight(&signer{till: d}, 1, c.order, c.max, d.now.Add(c.ahead), d.now)
		if err != nil || got != c.want || strings.Join(d.wrote, "; ") != c.wrote {
			t.Errorf("%s: %t, wrote %q, %v; want %t, %q", c.name, got, d.wrote, err, c.want, c.wrote)
		}
		if c.ahead == 0 {
			failsAtEachCall(t, c.name, 0, func(calls *disk, at int) error {
				d := newTill(t, 2875, 1)
				c.do(d)
				d.disk = disk{broken: at}
				_, err := wallet.StillRight(&signer{till: d}, 1, c.order, c.max, d.now, d.now)
				*calls = d.disk
				return err
			})
		}
	}
}

// TestACutOfAPersonIsSignedWhileThePersonWantsIt: once the person has taken the cut-off back, it is signed only if the rules would cut too.
// The last reading has just come.
func TestACutOfAPersonIsSignedWhileThePersonWantsIt(t *testing.T) {
	moves := func(out bool) func(*till) {
		return func(d *till) {
			switches(d.rig, true)
			if out {
				d.moves(-2875)
			}
		}
	}
	for name, c := range map[string]struct {
		do      func(*till)
		over    bool          // the person has taken the cut-off back
		later   time.Duration // time since the last reading
		without bool          // the meter has no wallet
		ahead   time.Duration // how far the command is dated ahead of now
		want    bool
	}{
		"wanted by the person":                   {do: moves(false), want: true},
		"wanted, by an old reading":              {do: moves(true), later: 100 * time.Hour, want: true},
		"wanted, and given ahead":                {do: moves(false), ahead: 3 * time.Minute},
		"wanted no more":                         {do: moves(false), over: true},
		"wanted no more, and nothing is left":    {do: moves(true), over: true, want: true},
		"the same by an old reading":             {do: moves(true), over: true, later: 100 * time.Hour},
		"the same, given ahead":                  {do: moves(true), over: true, ahead: 3 * time.Minute},
		"of a meter without a wallet":            {do: func(*till) {}, without: true, want: true},
		"of a meter without a wallet, and ahead": {do: func(*till) {}, without: true, ahead: 3 * time.Minute},
	} {
		world := func() *till {
			d := newTill(t, 2875, 2)
			c.do(d)
			if c.over {
				switches(d.rig, false)
			}
			if c.without {
				d.rows = nil
			}
			d.now = d.now.Add(c.later)
			return d
		}
		d := world()
		got, err := wallet.StillWanted(&signer{till: d}, 1, d.now.Add(c.ahead), d.now)
		if err != nil || got != c.want {
			t.Errorf("%s: %t, %v; want %t", name, got, err, c.want)
		}
		failsAtEachCall(t, name, 0, func(calls *disk, at int) error {
			d := world()
			d.disk = disk{broken: at}
			_, err := wallet.StillWanted(&signer{till: d}, 1, d.now.Add(c.ahead), d.now)
			*calls = d.disk
			return err
		})
	}
}

// TestALeaseIsNumberedAtItsSigning: numbers fit 32 bits and begin at 1.
func TestALeaseIsNumberedAtItsSigning(t *testing.T) {
	for _, c := range []struct {
		last    int64
		refused bool
		now     int64
		want    int64 // 0: no number is given
	}{
		{0, false, 1_795_000_000, 1_795_000_000}, {1_795_000_007, false, 1_795_000_000, 1_795_000_008}, {1_795_000_000, true, 1_795_000_000, 1_795_086_401},
		{0, false, 1, 1}, {0, false, -5, 1}, {-1, false, 0, 0}, {math.MaxUint32 - 1, false, 1, math.MaxUint32}, {math.MaxUint32, false, 1, 0},
	} {
		s := &signer{till: newTill(t, 2875, 1), last: c.last, refused: c.refused}
		n, err := wallet.NumberLease(s, 3, id.ID{15: 9}, time.Unix(c.now, 0))
		want := []string{"the number of m3 before 9"}
		if c.want > 0 {
			want = append(want, fmt.Sprintf("m3: %d", c.want))
		}
		if n != c.want || (err != nil) != (c.want == 0) || strings.Join(s.wrote, "; ") != strings.Join(want, "; ") {
			t.Errorf("after %d at %d: %d, wrote %q, %v; want %d", c.last, c.now, n, s.wrote, err, c.want)
		}
	}
	failsAtEachCall(t, "a number", 2, func(calls *disk, at int) error {
		s := &signer{till: newTill(t, 2875, 1)}
		s.disk = disk{broken: at}
		_, err := wallet.NumberLease(s, 1, id.ID{15: 9}, time.Unix(5, 0))
		*calls = s.disk
		return err
	})
}

func TestTheNextLeaseIsNumberedByTheClockOrByTheLast(t *testing.T) {
	now := time.Unix(1_795_000_000, 999_000_000)
	for _, c := range []struct {
		name    string
		last    int64
		refused bool
		want    int64
	}{
		{"the first", 0, false, 1_795_000_000},
		{"a second ago", 1_794_999_999, false, 1_795_000_000},
		{"in this second", 1_795_000_000, false, 1_795_000_001},
		{"ahead of the clock", 1_795_000_500, false, 1_795_000_501},
		{"refused as old", 1_795_000_000, true, 1_795_086_401},
		{"refused long ago", 1_794_900_000, true, 1_795_000_000},
	} {
		if got := wallet.NextLease(c.last, c.refused, now); got != c.want {
			t.Errorf("%s: after %d comes %d, want %d", c.name, c.last, got, c.want)
		}
	}
}
