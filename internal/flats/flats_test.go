package flats_test

import (
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/flats"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/wallet"
)

// TestFlatsThatNeedSomebodyComeFirst: by state, then by the fewest days left, then by name with numbers as numbers.
func TestFlatsThatNeedSomebodyComeFirst(t *testing.T) {
	flat := func(name string, s registry.State, least int64) flats.Flat {
		return flats.Flat{MeterView: registry.MeterView{Address: name, State: s}, Days: wallet.Days{Estimated: least >= 0, Least: least}}
	}
	all := []flats.Flat{flat("A10", registry.On, 5), flat("A2", registry.On, 5), flat("A1", registry.On, -1), flat("B1", registry.Offline, 9), flat("B2", registry.CutOff, 0),
		flat("B3", registry.Low, 2), flat("B4", registry.Low, 1), flat("B5", registry.TamperState, -1), flat("A02b", registry.On, 5), flat("A", registry.On, 5)}
	flats.Sort(all)
	var got []string
	for _, f := range all {
		got = append(got, f.Name())
	}
	if s := strings.Join(got, " "); s != "B5 B1 B2 B4 B3 A A2 A02b A10 A1" {
		t.Errorf("the board shows %s", s)
	}
}

// TestAFlatHasAName: the address, or the tenant, or the meter.
func TestAFlatHasAName(t *testing.T) {
	f := flats.Flat{MeterView: registry.MeterView{Meter: registry.Meter{Number: "04140001001"}}}
	if f.Name() != "04140001001" {
		t.Error(f.Name())
	}
	if f.Customer.Name = "Amina"; f.Name() != "Amina" {
		t.Error(f.Name())
	}
	if f.Address = "A1"; f.Name() != "A1" {
		t.Error(f.Name())
	}
}
