package tariff

import (
	"errors"
	"math"
	"testing"

	"github.com/paywatt/paywatt/internal/money"
)

// TestPartsThatDoNotSumAreAnError changes one part of a sale of 100 at a time.
func TestPartsThatDoNotSumAreAnError(t *testing.T) {
	for _, c := range []struct {
		name     string
		deducted money.Minor
		net, vat money.Minor
		levies   []money.Minor
		carry    money.Minor
		ok       bool
	}{
		{"all parts", 10, 60, 9, []money.Minor{15, 5}, 1, true},
		{"nothing but carry", 0, 0, 0, nil, 100, true},
		{"one lost", 10, 59, 9, []money.Minor{15, 5}, 1, false},
		{"one made", 10, 60, 9, []money.Minor{15, 6}, 1, false},
		{"deductions below zero", -1, 71, 9, []money.Minor{15, 5}, 1, false},
		{"energy below zero", 71, -1, 9, []money.Minor{15, 5}, 1, false},
		{"tax below zero", 20, 60, -1, []money.Minor{15, 5}, 1, false},
		{"the first levy below zero", 26, 60, 9, []money.Minor{-1, 5}, 1, false},
		{"the last levy below zero", 16, 60, 9, []money.Minor{15, -1}, 1, false},
		{"carry below zero", 12, 60, 9, []money.Minor{15, 5}, -1, false},
	} {
		a := Allocation{Net: c.net, VAT: c.vat, CarryOut: c.carry}
		for _, l := range c.levies {
			a.Levies = append(a.Levies, LevyPart{Amount: l})
		}
		if err := a.check(100, c.deducted); (err == nil) != c.ok || !c.ok && !errors.Is(err, errInvariant) {
			t.Errorf("%s: %v, want that the parts are right: %t", c.name, err, c.ok)
		}
	}
}

// TestSharesThatDoNotFitAreErrors checks sums that do not fit into 64 or 128 bits. Each must return an error.
func TestSharesThatDoNotFitAreErrors(t *testing.T) {
	step := Step{Units: math.MaxInt64, Rate: math.MaxInt64 / 10_000}
	levy := LevyPart{Levy: Levy{Percent: money.Whole}}
	for name, n := range map[string]int{"64 bits": 1, "128 bits": 5} {
		steps := make([]Step, n, n+1)
		for i := range steps {
			steps[i] = step
		}
		shared := Allocation{Net: 100, Steps: append(steps, Step{})}
		if err := shared.splitNet(1); !errors.Is(err, money.ErrOverflow) {
			t.Errorf("steps of more than %s: %v, want %v", name, err, money.ErrOverflow)
		}
		for _, untaxed := range []bool{true, false} {
			a := Allocation{Energy: 100, Steps: steps, Units: 1, Net: 100}
			levy.Levy.Untaxed = untaxed
			a.Levies = []LevyPart{levy}
			if err := a.collect(untaxed, 1); !errors.Is(err, money.ErrOverflow) {
				t.Errorf("levies of more than %s, untaxed %t: %v, want %v", name, untaxed, err, money.ErrOverflow)
			}
			a = Allocation{Energy: 100, Steps: steps, Units: 1}
			if err := a.settle(Body{Levies: []Levy{levy.Levy}}, money.Product(1, 1), 1); !errors.Is(err, money.ErrOverflow) {
				t.Errorf("a sale with levies of more than %s, untaxed %t: %v, want %v", name, untaxed, err, money.ErrOverflow)
			}
		}
	}
	var a Allocation
	if err := a.settle(Body{}, money.Product(math.MaxInt64, 2), 1); !errors.Is(err, money.ErrOverflow) {
		t.Errorf("a cost of more than 64 bits: %v, want %v", err, money.ErrOverflow)
	}
}
