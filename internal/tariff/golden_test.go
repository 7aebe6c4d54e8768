package tariff_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/unit"
)

var update = flag.Bool("update", false, "write the golden files")

// TestTariffsOfTheField applies tariffs shaped like real ones to a customer for a part of a year. Each test case is a document and a list
// of purchases or of consumption. The golden file shows the result, line by line.
func TestTariffsOfTheField(t *testing.T) {
	docs, err := filepath.Glob("testdata/*.json")
	if err != nil || len(docs) < 5 {
		t.Fatalf("documents: %v, %v", docs, err)
	}
	for _, doc := range docs {
		name := strings.TrimSuffix(doc, ".json")
		t.Run(filepath.Base(name), func(t *testing.T) {
			text, err := os.ReadFile(doc)
			if err != nil {
				t.Fatal(err)
			}
			body, no := tariff.Parse(text)
			if no.Refused() {
				t.Fatal(no.Detail())
			}
			var out strings.Builder
			if script, err := os.ReadFile(name + ".purchases"); err == nil {
				buy(t, &out, body, string(script))
			} else if script, err := os.ReadFile(name + ".uses"); err == nil {
				consume(t, &out, body, string(script))
			} else {
				t.Fatal(err)
			}
			golden(t, name+".golden", out.String())
		})
	}
}

func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs; run go test -update and read the diff. Got:\n%s", path, got)
	}
}

// book is the state of an account between purchases.
type book struct {
	body    tariff.Body
	cur     money.Currency
	opened  time.Time // first day; later, the first day whose charges are not raised yet
	charges []tariff.Charge
	carry   money.Minor
	month   string
	units   unit.Energy
	free    bool // whether the free units were issued this month
}

func buy(t *testing.T, out *strings.Builder, body tariff.Body, script string) {
	cur, _ := money.CurrencyOf(body.Currency)
	b := &book{body: body, cur: cur}
	for line := range strings.Lines(script) {
		words := strings.Fields(line)
		switch {
		case len(words) == 0 || words[0] == "#":
		case words[0] == "open":
			b.opened = date(t, words[1])
		case words[0] == "debt":
			b.charges = append(b.charges, debt(t, words, cur))
		default:
			b.buy(t, out, date(t, words[0]), amount(t, words[1], cur))
		}
	}
}

func date(t *testing.T, text string) time.Time {
	t.Helper()
	d, err := time.Parse(time.DateOnly, text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func amount(t *testing.T, text string, cur money.Currency) money.Minor {
	t.Helper()
	m, err := money.Parse(text, cur)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// debt parses "debt NAME 20%|AMOUNT OUTSTANDING".
func debt(t *testing.T, words []string, cur money.Currency) tariff.Charge {
	c := tariff.Charge{Kind: tariff.Debt, Ref: words[1], Priority: tariff.DebtPriority, Mode: tariff.Percent, Capped: true,
		Outstanding: amount(t, words[3], cur)}
	if share, ok := strings.CutSuffix(words[2], "%"); ok {
		_, err := fmt.Sscan(share, &c.Percent)
		if err != nil {
			t.Fatal(err)
		}
		c.Percent *= 100
	} else {
		c.Mode, c.Amount = tariff.Amount, amount(t, words[2], cur)
	}
	return c
}

// accrue raises the fixed charges up to a day: monthly ones for the whole month when it begins, daily ones by the day.
func (b *book) accrue(t *testing.T, today time.Time) {
	for _, f := range b.body.Fixed {
		for at := b.opened; !at.After(today); at = time.Date(at.Year(), at.Month()+1, 1, 0, 0, 0, 0, time.UTC) {
			last, ref := time.Date(at.Year(), at.Month()+1, 0, 0, 0, 0, 0, time.UTC), at.Format("2006-01")
			if f.Per == tariff.PerDay {
				ref = at.Format(time.DateOnly)
				if today.Before(last) {
					last = today
				}
			}
			due, err := b.body.FixedDue(f, at.Year(), at.Month(), at.Day(), last.Day())
			if err != nil {
				t.Fatal(err)
			}
			b.charges = append(b.charges, tariff.Charge{Kind: tariff.Fixed, Ref: f.Name + " " + ref, Priority: tariff.FixedPriority,
				Since: at, Mode: tariff.Full, Outstanding: due, VATBps: b.body.FixedVAT(f), Capped: !f.Uncapped})
		}
	}
	if b.opened = today.AddDate(0, 0, 1); len(b.body.Fixed) > 0 && b.body.Fixed[0].Per == tariff.PerMonth {
		b.opened = time.Date(today.Year(), today.Month()+1, 1, 0, 0, 0, 0, time.UTC)
	}
}

func (b *book) buy(t *testing.T, out *strings.Builder, today time.Time, tender money.Minor) {
	b.accrue(t, today)
	if month := today.Format("2006-01"); month != b.month {
		b.month, b.units, b.free = month, 0, false
	}
	p := tariff.Purchase{Body: b.body, Tender: tender, Carry: b.carry, Month: b.units, Charges: b.charges}
	if !b.free {
		p.Free = b.body.Free.Units
	}
	fmt.Fprintf(out, "\n%s  pays %s; %s kWh this month, %s carried in\n", today.Format(time.DateOnly), money.Format(tender, b.cur),
		b.units.KWh(1), money.Format(b.carry, b.cur))
	a, err := tariff.Allocate(p)
	if err != nil {
		t.Fatal(err)
	}
	if a.Refused() {
		fmt.Fprintf(out, "  refused: %s %s\n", a.What, a.Try)
		return
	}
	b.print(t, out, p, a)
	b.carry, b.units = a.CarryOut, b.units+a.Units
	if a.Free > 0 {
		b.free = true
		if !b.body.Free.Apart {
			b.units += a.Free
		}
	}
}

// print writes the lines of a purchase, pays its charges and checks that the printed lines sum to the payment.
func (b *book) print(t *testing.T, out *strings.Builder, p tariff.Purchase, a tariff.Allocation) {
	var sum money.Minor
	line := func(m money.Minor, format string, args ...any) {
		sum += m
		fmt.Fprintf(out, "  %-46s %10s\n", fmt.Sprintf(format, args...), money.Format(m, b.cur))
	}
	vat := a.VAT
	for _, d := range a.Deductions {
		left := ""
		for i := range b.charges {
			if c := &b.charges[i]; c.Kind == d.Charge.Kind && c.Ref == d.Charge.Ref {
				if c.Outstanding -= d.Gross; c.Outstanding < 0 {
					t.Fatalf("%s %s was over-collected: %d", c.Kind, c.Ref, c.Outstanding)
				}
				left = ", left " + money.Format(c.Outstanding, b.cur)
			}
		}
		vat += d.VAT
		line(d.Net(), "%s %s%s", d.Charge.Kind, d.Charge.Ref, left)
	}
	for _, s := range a.Steps {
		line(s.Net, "%s kWh @ %s", s.Units.KWh(1), money.FormatRate(s.Rate, b.cur))
	}
	if len(a.Steps) == 0 && a.Net > 0 {
		line(a.Net, "rest kept")
	}
	for _, l := range a.Levies {
		line(l.Amount, "levy %s", l.Levy.Name)
	}
	line(vat, "VAT")
	if a.Free > 0 {
		net, tax, err := b.body.Funding(a.Free)
		if err != nil {
			t.Fatal(err)
		}
		line(0, "%s kWh free (programme: %s and VAT %s)", a.Free.KWh(1), money.Format(net, b.cur), money.Format(tax, b.cur))
	}
	line(a.CarryOut, "carried to next time")
	line(-p.Carry, "carried from before")
	if sum != p.Tender {
		t.Errorf("the lines sum to %d, %d was paid:\n%s", sum, p.Tender, out)
	}
}

func consume(t *testing.T, out *strings.Builder, body tariff.Body, script string) {
	zone, err := time.LoadLocation("Africa/Kampala")
	if err != nil {
		t.Fatal(err)
	}
	cur, _ := money.CurrencyOf(body.Currency)
	var m tariff.RatingState
	var sum money.Minor
	for line := range strings.Lines(script) {
		words := strings.Fields(line)
		if len(words) == 0 || words[0] == "#" {
			continue
		}
		var u tariff.Use
		for i, at := range []*time.Time{&u.From, &u.To} {
			if *at, err = time.ParseInLocation("2006-01-02T15:04", words[i], zone); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := fmt.Sscan(words[2], (*int64)(&u.Units)); err != nil {
			t.Fatal(err)
		}
		var r tariff.Rated
		if m, r, err = body.Rate(m, zone, u); err != nil {
			t.Fatal(err)
		}
		sum += r.Debit
		fmt.Fprintf(out, "\n%s to %s  %s kWh cost %s", words[0], words[1], u.Units.KWh(3), money.Format(r.Debit, cur))
		if r.Estimated {
			out.WriteString(", shared by time")
		}
		out.WriteString("\n")
		for _, p := range r.Parts {
			fmt.Fprintf(out, "  %-8s %8s kWh @ %s\n", p.Name, p.Units.KWh(3), money.FormatRate(p.Rate, cur))
		}
	}
	fmt.Fprintf(out, "\nin all %s, and %d/10^13 not yet debited\n", money.Format(sum, cur), m.Rest)
}
