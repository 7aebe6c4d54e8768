package supply_test

import (
	"slices"
	"testing"

	"github.com/paywatt/paywatt/supply"
)

func TestReasonsAreIndependent(t *testing.T) {
	s := supply.Of(supply.Credit, supply.Remote)
	if got := s.Without(supply.Credit); got != supply.Of(supply.Remote) {
		t.Errorf("a top-up leaves %q, want REMOTE", got)
	}
	if !s.Has(supply.Remote) || s.Has(supply.Local) {
		t.Errorf("%q has the wrong members", s)
	}
	if got, want := s.Names(), []string{"CREDIT", "REMOTE"}; !slices.Equal(got, want) {
		t.Errorf("names %q, want %q", got, want)
	}
	if names := supply.Reasons(0).Names(); names == nil || len(names) != 0 {
		t.Errorf("the empty set has names %#v, want an empty list", names)
	}
}

func TestReasonNamesReadBack(t *testing.T) {
	for r := supply.Credit; r <= supply.Test; r++ {
		if got, ok := supply.ParseReason(r.String()); !ok || got != r {
			t.Errorf("ParseReason(%q) = %v, %v", r, got, ok)
		}
		if !supply.Of(r).Known() {
			t.Errorf("%s is not known", r)
		}
	}
	if _, ok := supply.ParseReason("WEATHER"); ok {
		t.Error("WEATHER is taken for a reason")
	}
	if supply.Reasons(1<<15).Known() || supply.Reason(200).String() != "UNKNOWN" {
		t.Error("an unknown reason passes")
	}
}

func TestRelayIsClosedOnlyWithoutReasonAndConfirmation(t *testing.T) {
	for _, c := range []struct {
		reasons supply.Reasons
		confirm bool
		want    supply.Relay
	}{
		{0, false, supply.Closed}, {0, true, supply.Armed}, {supply.Of(supply.Local), false, supply.Open},
		{supply.Of(supply.Credit, supply.Tamper), true, supply.Open},
	} {
		if got := supply.Position(c.reasons, c.confirm); got != c.want {
			t.Errorf("Position(%q, %t) = %s, want %s", c.reasons, c.confirm, got, c.want)
		}
	}
	for r := supply.Open; r <= supply.Armed; r++ {
		if got, ok := supply.ParseRelay(r.String()); !ok || got != r {
			t.Errorf("ParseRelay(%q) = %v, %v", r, got, ok)
		}
	}
	if _, ok := supply.ParseRelay("ajar"); ok {
		t.Error("ajar is taken for a position")
	}
}

func TestCrossingFiresOncePerFall(t *testing.T) {
	const level, margin = 5000, 500
	for _, c := range []struct {
		name   string
		begin  supply.Crossing
		values []int64
		fires  []int // indexes of values at which the crossing fires
	}{
		{"at the level, not above it", supply.Crossing{}, []int64{5001, 5000, 4999}, []int{1}},
		{"chatter around the level", supply.Crossing{}, []int64{4999, 5001, 4999, 5499, 5000}, []int{0}},
		{"re-armed at level and margin", supply.Crossing{}, []int64{5000, 5500, 5000}, []int{0, 2}},
		{"one short of re-arming", supply.Crossing{}, []int64{5000, 5499, 5000}, []int{0}},
		{"never had any", supply.Crossing{Below: true}, []int64{0, 100, 0, 5000}, nil},
		{"first rise, then the fall", supply.Crossing{Below: true}, []int64{0, 5001, 5000}, []int{2}},
		{"a fall over both at once", supply.Crossing{}, []int64{9000, 0}, []int{1}},
	} {
		var fires []int
		for i, v := range c.values {
			if c.begin.Update(v, level, margin) {
				fires = append(fires, i)
			}
		}
		if !slices.Equal(fires, c.fires) {
			t.Errorf("%s: fires at %v, want %v", c.name, fires, c.fires)
		}
	}
}

func TestMarginIsATenthOrTheLeast(t *testing.T) {
	for _, c := range []struct{ level, want int64 }{{20000, 2000}, {5000, 500}, {4999, 500}, {0, 500}, {5019, 501}} {
		if got := supply.Margin(c.level, 500); got != c.want {
			t.Errorf("Margin(%d) = %d, want %d", c.level, got, c.want)
		}
	}
}

// TestACreditThatEndsBelowWarns: a payment can leave the value at or below the level. The value then cannot fall through
// the level any more, so Credited must warn. A payment that leaves the value above the level arms the warning, even if
// the value is only just above.
func TestACreditThatEndsBelowWarns(t *testing.T) {
	c := supply.Crossing{Below: true}
	for _, s := range []struct {
		value  int64
		credit bool
		want   bool
	}{{50, true, true}, {20, false, false}, {70, true, true}, {101, true, false}, {100, false, true}, {104, false, false}, {100, false, false},
		{104, true, false}, {100, false, true}, {100, true, true}} {
		got := false
		if s.credit {
			got = c.Credited(s.value, 100)
		} else {
			got = c.Update(s.value, 100, 10)
		}
		if got != s.want {
			t.Errorf("%d, by a credit %t: warned %t, want %t", s.value, s.credit, got, s.want)
		}
	}
}
