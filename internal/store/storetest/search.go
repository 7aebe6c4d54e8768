package storetest

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/search"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/timeline"
)

// noMoments reads the moments of each kind, which have a statement of their own, of a new meter.
func noMoments(t *testing.T, e store.Engine, h household) {
	t.Helper()
	for _, kind := range timeline.Kinds() {
		if rows := look(t, e, func(tx *store.Tx) ([]timeline.Moment, error) {
			return tx.Moments(kind, h.meter.N, timeline.Place{Micros: 1 << 52, ID: h.meter.ID}, 9)
		}); len(rows) > 0 {
			t.Errorf("a new meter has moments of kind %s: %v", kind, rows)
		}
	}
}

// metersSearched finds two households by every way that a search and a list of meters have.
func metersSearched(t *testing.T, r Rig) {
	e := r.Open(t)
	one := addHousehold(t, e, 1)
	later()
	two := addHousehold(t, e, 2)
	noMoments(t, e, one)
	customer := look(t, e, func(tx *store.Tx) (registry.Customer, error) {
		c, _, err := tx.AccountHolder(two.account)
		return c, err
	})
	customer.Name, customer.Phone = "Bakari José 100%", "+254 712 345678"
	must(t, e, func(tx *store.Tx) error { return tx.CustomerPut(customer) })
	numbers := func(rows []search.MeterRow, err error) (string, error) {
		var out []string
		for _, m := range rows {
			out = append(out, fmt.Sprint(m.Number, " ", m.Name, " ", m.Address))
		}
		return strings.Join(out, ", "), err
	}
	first, second := one.meter.Number+" Amina A. 12 Lake Road", two.meter.Number+" Bakari José 100% 12 Lake Road"
	for name, c := range map[string]finding{
		"the first digits":         {func(tx *store.Tx) (string, error) { return numbers(tx.MetersNumbered("0414000", 9)) }, first + ", " + second},
		"one of them":              {func(tx *store.Tx) (string, error) { return numbers(tx.MetersNumbered("0414000", 1)) }, first},
		"a whole number":           {func(tx *store.Tx) (string, error) { return numbers(tx.MetersNumbered(two.meter.Number, 9)) }, second},
		"a meter":                  {func(tx *store.Tx) (string, error) { return numbers(tx.MeterSearched(one.meter.ID)) }, first},
		"name and address":         {func(tx *store.Tx) (string, error) { return numbers(tx.MetersSearched([]string{"jose", "lake"}, 9)) }, second},
		"a part of the telephone":  {func(tx *store.Tx) (string, error) { return numbers(tx.MetersSearched([]string{"345678"}, 9)) }, second},
		"the number of the house":  {func(tx *store.Tx) (string, error) { return numbers(tx.MetersSearched([]string{" 12"}, 1)) }, first},
		"a sign of the pattern":    {func(tx *store.Tx) (string, error) { return numbers(tx.MetersSearched([]string{"%"}, 9)) }, second},
		"any letter":               {func(tx *store.Tx) (string, error) { return numbers(tx.MetersSearched([]string{"_"}, 9)) }, ""},
		"the meters of an account": {func(tx *store.Tx) (string, error) { return numbers(tx.MetersOf(two.account, 9)) }, two.meter.Number + "  12 Lake Road"},
		"those of a customer":      {func(tx *store.Tx) (string, error) { return numbers(tx.MetersOf(customer.ID, 9)) }, two.meter.Number + "  12 Lake Road"},
		"customers": {func(tx *store.Tx) (string, error) {
			list, err := tx.CustomersSearched([]string{"bakari"}, 9)
			if len(list) != 1 {
				return fmt.Sprint(len(list)), err
			}
			return list[0].Name, err
		}, customer.Name},
	} {
		if got := look(t, e, c.find); got != c.want {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
	for name, c := range standings(one, two) {
		if got := look(t, e, c.find); got != c.want {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
	if got, want := look(t, e, namesAndWallets), "Amina A., Bakari José 100%; 0 wallets"; got != want {
		t.Errorf("names: got %q, want %q", got, want)
	}
}

// finding is a search and what it finds.
type finding struct {
	find func(tx *store.Tx) (string, error)
	want string
}

// standings are searches for the states of two meters.
func standings(one, two household) map[string]finding {
	standing := func(tx *store.Tx, f registry.StandingFilter, after id.ID, max int) (string, error) {
		list, err := tx.Lists().MeterStandings(f, after, max)
		var out []string
		for _, s := range list {
			out = append(out, fmt.Sprint(s.Number, " ", s.Mode, " ", s.Interval, " ", s.Reported, s.Wallet))
		}
		return strings.Join(out, ", "), err
	}
	state := func(h household) string { return h.meter.Number + " prepay_token 30m0s false false" }
	return map[string]finding{
		"states":        {func(tx *store.Tx) (string, error) { return standing(tx, registry.StandingFilter{}, id.ID{}, 9) }, state(one) + ", " + state(two)},
		"the next page": {func(tx *store.Tx) (string, error) { return standing(tx, registry.StandingFilter{}, one.meter.ID, 9) }, state(two)},
		"states by words": {func(tx *store.Tx) (string, error) {
			return standing(tx, registry.StandingFilter{Texts: [][]string{{"nobody"}, {"jose", " 12"}}}, id.ID{}, 9)
		}, state(two)},
		"states by a part of a number": {func(tx *store.Tx) (string, error) {
			return standing(tx, registry.StandingFilter{Number: []string{two.meter.Number[3:]}}, id.ID{}, 9)
		}, state(two)},
		"a number is no telephone": {func(tx *store.Tx) (string, error) {
			return standing(tx, registry.StandingFilter{Number: []string{"345678"}}, id.ID{}, 9)
		}, ""},
		"states by a word of each": {func(tx *store.Tx) (string, error) {
			return standing(tx, registry.StandingFilter{Texts: [][]string{{"345678", "lake"}}, Number: []string{"nothing"}}, id.ID{}, 9)
		}, state(two)},
		"states by tariff and feeder": {func(tx *store.Tx) (string, error) {
			return standing(tx, registry.StandingFilter{Tariff: one.meter.ID, Feeder: "North"}, id.ID{}, 9)
		}, ""},
		"states by tariff": {func(tx *store.Tx) (string, error) {
			return standing(tx, registry.StandingFilter{Tariff: one.meter.ID}, id.ID{}, 9)
		}, state(one)},
	}
}

// namesAndWallets reads what lists are sorted by.
func namesAndWallets(tx *store.Tx) (string, error) {
	list, err := tx.Lists().MeterStandings(registry.StandingFilter{Names: true}, id.ID{}, 9)
	var names []string
	for _, s := range list {
		names = append(names, s.Name)
	}
	left, failed := tx.Lists().WalletsLeft()
	return fmt.Sprint(strings.Join(names, ", "), "; ", len(left), " wallets"), errors.Join(err, failed)
}
