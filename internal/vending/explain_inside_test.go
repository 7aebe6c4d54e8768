package vending

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/tariff"
)

// TestEachFigureOfASaleIsCompared changes one stored figure of a sale at a time. The explanation names the changed figure, and otherwise
// only figures that follow from it.
func TestEachFigureOfASaleIsCompared(t *testing.T) {
	at := time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)
	version := tariff.Version{N: 1, EffectiveFrom: at, Body: tariff.Body{Currency: "KES", VATBps: 1500,
		Blocks: []tariff.Block{{UpTo: 50_000, Rate: 1_200_000}, {Rate: 1_600_000}}}}
	split, err := tariff.Allocate(tariff.Purchase{Body: version.Body, Tender: 20000, Carry: 13, ChargesOnly: true, Trace: true})
	if err != nil || split.Refused() {
		t.Fatalf("%v %s", err, split.Detail())
	}
	good := func() sale.Sale {
		s := sale.Sale{ID: id.ID{1}, Tender: money.Amount{Minor: 20000, Currency: "KES"}, CarryIn: 13, CarryOut: split.CarryOut, Units: split.Units,
			Lines: priced{split: split, carry: 13}.lines()}
		s.Tokens = []sale.Token{{Units: 100_000}, {Units: split.Units - 100_000}}
		return s
	}
	lines := good().Lines
	changed := func(l sale.Line, amount, vat money.Minor) string {
		l.Amount, l.VAT = l.Amount+amount, l.VAT+vat
		return l.String()
	}
	for name, c := range map[string]struct {
		change func(*sale.Sale)
		want   []Difference
	}{
		"as it was sold": {func(*sale.Sale) {}, nil},
		"a line": {func(s *sale.Sale) { s.Lines[0].Amount++ }, []Difference{{DiffersStoredSum, 0, "200.01 KES", "200.00 KES"},
			{DiffersLine, 1, changed(lines[0], 1, 0), lines[0].String()}}},
		"a tax":                      {func(s *sale.Sale) { s.Lines[1].VAT++ }, []Difference{{DiffersLine, 2, changed(lines[1], 0, 1), lines[1].String()}}},
		"a line less":                {func(s *sale.Sale) { s.Lines = s.Lines[:len(s.Lines)-1] }, []Difference{{DiffersStoredSum, 0, "200.13 KES", "200.00 KES"}, {DiffersLines, 0, "3", "4"}}},
		"what is carried on":         {func(s *sale.Sale) { s.CarryOut++ }, []Difference{{DiffersCarried, 0, "0.13 KES", "0.12 KES"}}},
		"its units":                  {func(s *sale.Sale) { s.Units += 100; s.Tokens[0].Units += 100 }, []Difference{{DiffersUnits, 0, "121300", "121200"}}},
		"a token":                    {func(s *sale.Sale) { s.Tokens[1].Units += 100 }, []Difference{{DiffersTokens, 0, "121300", "121200"}}},
		"an impossible carry":        {func(s *sale.Sale) { s.CarryIn = -1 }, []Difference{{DiffersPrice, 0, "", "WHY"}}},
		"a tender that buys nothing": {func(s *sale.Sale) { s.Tender.Minor = 1; s.CarryIn = 0 }, []Difference{{DiffersRefused, 0, "", "WHY"}}},
	} {
		s := good()
		c.change(&s)
		e, err := derive(s, version)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for i, d := range e.Differences {
			if (d.In == DiffersPrice || d.In == DiffersRefused) && d.Derived != "" {
				e.Differences[i].Derived = "WHY"
			}
		}
		if e.Agrees() != (len(c.want) == 0) || !slices.Equal(e.Differences, c.want) {
			t.Errorf("%s: %v, want %v", name, e.Differences, c.want)
		}
	}
}

// TestWhereATokenCannotBeSent: the refusal names the telephone that is missing.
func TestWhereATokenCannotBeSent(t *testing.T) {
	p := sale.Point{Meter: sale.MeterRef{Number: "04140001001"}}
	for route, words := range map[string][2]string{
		sale.RouteMeterSMS: {"Meter 04140001001 takes no tokens by SMS", "sim_phone"}, "sms": {"The customer of meter 04140001001 has no registered telephone number", "leave sms out"},
	} {
		if no := unreachable(route, p); !strings.HasPrefix(no.What, words[0]) || !strings.Contains(no.Try, words[1]) {
			t.Errorf("%s: %s", route, no.Detail())
		}
	}
}
