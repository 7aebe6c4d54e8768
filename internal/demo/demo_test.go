package demo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/internal/exit"
)

func TestAStepThatDoesNotHoldEndsTheStory(t *testing.T) {
	played := 0
	does := func(err error) func(context.Context) (string, error) {
		return func(context.Context) (string, error) { played++; return "figures", err }
	}
	var out bytes.Buffer
	err := play(t.Context(), &out, []step{
		{"first", does(nil)}, {"second", does(expect("balance_wh", 34_600, 34_700))}, {"third", does(nil)},
	})
	var f *exit.Failure
	if !errors.As(err, &f) || f.Code != exit.Failed || f.What != "Step 2, second, failed: balance_wh is 34600, expected 34700." {
		t.Errorf("got %v, want the failure of step 2 with the figures", err)
	}
	if out.String() != " 1 first      figures\n" || played != 2 {
		t.Errorf("printed %q after %d steps, want the first step only and the third not played", &out, played)
	}
}

// TestWarningsOutliveTheLog: the demonstration shows every warning of its server at its end, also one from its beginning.
func TestWarningsOutliveTheLog(t *testing.T) {
	var log tail
	l := slog.New(slog.NewTextHandler(serverLog{&log}, nil))
	slog.New(slog.NewTextHandler(&log, nil)).Warn("meter not connected") // the story has switched the server off
	l.Warn("modem lost")
	for range tailSize / 40 {
		l.Info("a meter reports its register")
	}
	l.Error("disk is full")
	var all, warned bytes.Buffer
	if _, err := log.WriteTo(&all); err != nil || strings.Contains(all.String(), "modem") || all.Len() > tailSize {
		t.Errorf("the log has %d bytes, at most %d, and still its beginning: %v", all.Len(), tailSize, err)
	}
	err := log.writeWarnings(&warned)
	first, second, _ := strings.Cut(warned.String(), "\n")
	if err != nil || !strings.Contains(first, "modem lost") || !strings.Contains(second, "disk is full") || strings.Count(second, "\n") != 1 {
		t.Errorf("the warnings are %q, %v", &warned, err)
	}
}

// TestTheSalesOfTheStoryAreWorkedOutRight computes the story's figures a second time from the rules: the most tenths
// of a kilowatt-hour that the money buys, VAT rounded half up, and the rest carried forward.
func TestTheSalesOfTheStoryAreWorkedOutRight(t *testing.T) {
	price := func(tenths int64) (energy, vat int64) {
		energy = tenths * 25 // 2.50 a kWh
		return energy, (energy*15 + 50) / 100
	}
	var carried int64
	for i, d := range sales {
		energy, vat := price(d.units / 100)
		have := d.tender + carried
		if d.units%100 != 0 || energy != d.energy || vat != d.vat || d.carryIn != carried || energy+vat+d.carry != have {
			t.Errorf("sale %d: %+v does not add up: energy %d, VAT %d, %d to spend", i+1, d, energy, vat, have)
		}
		if more, moreVAT := price(d.units/100 + 1); more+moreVAT <= have {
			t.Errorf("sale %d: %d Wh, but %d more would fit", i+1, d.units, 100)
		}
		carried = d.carry
	}
}

func TestASaleWithAnyWrongFigureIsFound(t *testing.T) {
	d := sales[1]
	good := func() apiv1.Sale {
		return apiv1.Sale{State: "completed", Tender: apiv1.Amount{AmountMinor: d.tender, Currency: "KES"}, UnitsWh: d.units, Test: true,
			Lines: []apiv1.Line{{Kind: "energy", AmountMinor: d.energy}, {Kind: "vat", AmountMinor: d.vat}, {Kind: "carry", AmountMinor: d.carry},
				{Kind: "carry_in", AmountMinor: -d.carryIn}}, Tokens: []apiv1.Token{{UnitsWh: d.units}}}
	}
	if err := d.check(good()); err != nil {
		t.Fatalf("the right sale: %v", err)
	}
	for name, spoil := range map[string]func(*apiv1.Sale){
		"state": func(v *apiv1.Sale) { v.State = "issued" }, "tender": func(v *apiv1.Sale) { v.Tender.Currency = "USD" },
		"units": func(v *apiv1.Sale) { v.UnitsWh++ }, "energy": func(v *apiv1.Sale) { v.Lines[0].AmountMinor++ },
		"VAT": func(v *apiv1.Sale) { v.Lines[1].AmountMinor-- }, "carry": func(v *apiv1.Sale) { v.Lines[2].AmountMinor = 0 },
		"carry in": func(v *apiv1.Sale) { v.Lines = v.Lines[:3] }, "another line": func(v *apiv1.Sale) { v.Lines = append(v.Lines, apiv1.Line{Kind: "fee", AmountMinor: 1}) },
		"no token": func(v *apiv1.Sale) { v.Tokens = nil }, "token": func(v *apiv1.Sale) { v.Tokens[0].UnitsWh -= 100 },
		"TEST": func(v *apiv1.Sale) { v.Test = false },
	} {
		v := good()
		if spoil(&v); d.check(v) == nil {
			t.Errorf("a sale with a wrong %s passes", name)
		}
	}
}

func TestTheTailKeepsTheEnd(t *testing.T) {
	var log tail
	for i := range 10_000 {
		fmt.Fprintf(&log, "line %05d\n", i)
	}
	var out bytes.Buffer
	if _, err := log.WriteTo(&out); err != nil || out.Len() != tailSize || !strings.HasSuffix(out.String(), "line 09999\n") {
		t.Errorf("%d bytes kept (%v), want %d that end in the last line", out.Len(), err, tailSize)
	}
}
