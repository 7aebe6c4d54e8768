package tariff_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/tariff"
)

// whole is a tariff with every field that a tariff for tokens can have.
const whole = `{"currency":"KES","vat_bps":1500,"blocks":[{"up_to_wh":50000,"rate_micro":1200000},{"up_to_wh":null,"rate_micro":1600000}],` +
	`"levies":[{"name":"rural","percent_bps":500},{"name":"regulator","rate_micro":30000,"untaxed":true}],` +
	`"fixed":[{"name":"service","amount_minor":9800,"per":"month"},{"name":"lamp","amount_minor":5,"per":"day","untaxed":true,"uncapped":true,"priority":25}],` +
	`"vend_fee":{"amount_minor":250,"untaxed":true,"priority":5},"free_units":{"units_wh":50000,"funded_micro":1200000,"counts_in_blocks":false},` +
	`"rounding":"nearest","min_vend_minor":100,"max_vend_minor":5000000,"max_deduction_bps":5000}`

// wallet is a tariff with every field that a tariff for wallet meters can have.
const wallet = `{"currency":"KES","vat_bps":1500,"seasons":[` +
	`{"name":"low","from":"03-01","tou":{"rates":[{"name":"day","rate_micro":3000000},{"name":"night","rate_micro":1000000}],"otherwise":"night",` +
	`"windows":[{"days":["mon","fri","holiday"],"from":"06:00","to":"24:00","rate":"day"}],"holidays":[{"date":"2026-12-25"},{"date":"2026-12-26","as":"sun"}]}},` +
	`{"name":"high","from":"09-01","blocks":[{"up_to_wh":100,"rate_micro":1},{"rate_micro":2}]}]}`

func TestDocumentsComeBackAsTheyWere(t *testing.T) {
	for _, text := range []string{whole, wallet} {
		b, no := tariff.Parse([]byte(text))
		if no.Refused() {
			t.Fatal(no.Detail())
		}
		kept, err := tariff.Encode(b)
		if err != nil {
			t.Fatal(err)
		}
		again, err := tariff.Decode(kept)
		if err != nil || !reflect.DeepEqual(again, b) {
			t.Errorf("Decode(Encode) = %+v, %v; want %+v", again, err, b)
		}
	}
	b, no := tariff.Parse([]byte(whole))
	if no.Refused() || b.Free != (tariff.Free{Units: 50_000, Funded: 1_200_000, Apart: true}) ||
		b.Fee != (tariff.VendFee{Amount: 250, Untaxed: true, Priority: 5}) || b.MaxDeduction != 5000 || len(b.Fixed) != 2 ||
		b.Levies[1] != (tariff.Levy{Name: "regulator", Rate: 30_000, Untaxed: true}) {
		t.Errorf("read as %+v", b)
	}
}

// edit changes one field of a document by a path of keys and indices.
func edit(t *testing.T, text string, path string, value any) string {
	t.Helper()
	var doc any
	if err := json.Unmarshal([]byte(text), &doc); err != nil {
		t.Fatal(err)
	}
	at, keys := doc, strings.Split(path, ".")
	for _, key := range keys[:len(keys)-1] {
		switch v := at.(type) {
		case map[string]any:
			at = v[key]
		case []any:
			at = v[key[0]-'0']
		}
	}
	at.(map[string]any)[keys[len(keys)-1]] = value
	out, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

func TestEachPartOfATariffHasItsLimits(t *testing.T) {
	const tou = "seasons.0.tou"
	for _, c := range []struct {
		text, path string
		value      any
		says       string // part of the refusal
	}{
		{whole, "surprise", 1, "surprise"}, {whole, "fixed.0.amount", 1, "amount"},
		{whole, "levies.0.name", "Rural Fund", "levies[0].name"}, {whole, "levies.1.name", "rural", "levies[1].name"}, {whole, "levies.0.rate_micro", 1, "levies[0]"},
		{whole, "levies.0.percent_bps", 0, "levies[0]"}, {whole, "levies.0.percent_bps", 10_001, "levies[0].percent_bps"}, {whole, "levies.1.rate_micro", -1, "levies[1].rate_micro"},
		{whole, "levies.1.rate_micro", int64(tariff.MaxRate), "price with its levies"},
		{whole, "fixed.0.name", "", "fixed[0].name"}, {whole, "fixed.1.name", "service", "fixed[1].name"}, {whole, "fixed.0.amount_minor", 0, "fixed[0].amount_minor"},
		{whole, "fixed.0.amount_minor", int64(tariff.MaxPart) + 1, "fixed[0].amount_minor"}, {whole, "fixed.0.per", "year", "fixed[0].per"}, {whole, "fixed.0.priority", 90, "fixed[0].priority"},
		{whole, "vend_fee.amount_minor", -1, "vend_fee.amount_minor"}, {whole, "vend_fee.priority", -1, "vend_fee.priority"},
		{whole, "free_units.units_wh", 50_050, "free_units.units_wh"}, {whole, "free_units.units_wh", 1_638_400, "free_units.units_wh"}, {whole, "free_units.units_wh", 0, "units_wh"},
		{whole, "free_units.funded_micro", -1, "free_units.funded_micro"}, {whole, "max_deduction_bps", 10_001, "max_deduction_bps"}, {whole, "max_deduction_bps", int64(1) << 40, "max_deduction_bps"},
		{whole, "vat_bps", int64(1) << 40, "vat_bps"}, {whole, "tou", map[string]any{}, "flat_micro, blocks, tou"}, {whole, "min_vend_minor", int64(money.MaxMinor) + 1, "min_vend_minor"},
		{wallet, "flat_micro", 1, "outside them"}, {wallet, "seasons.0.name", "Low", "seasons[0].name"}, {wallet, "seasons.0.from", "02-29", "seasons[0].from"},
		{wallet, "seasons.0.from", "13-01", "seasons[0].from"}, {wallet, "seasons.1.from", "03-01", "seasons[1].from"}, {wallet, "seasons.1.blocks", nil, "seasons[1].blocks"},
		{wallet, tou + ".otherwise", "dusk", "seasons[0].tou.otherwise"}, {wallet, tou + ".rates.0.name", "night", "seasons[0].tou.rates[1].name"}, {wallet, tou + ".rates.0.rate_micro", 0, "seasons[0].tou.rates[0].rate_micro"},
		{wallet, tou + ".windows.0.rate", "dusk", "seasons[0].tou.windows[0]"}, {wallet, tou + ".windows.0.to", "06:00", "seasons[0].tou.windows[0]"}, {wallet, tou + ".windows.0.to", "24:30", "seasons[0].tou.windows[0]"},
		{wallet, tou + ".windows.0.from", "6:00", "seasons[0].tou.windows[0]"}, {wallet, tou + ".windows.0.days", []string{"mon", "mon"}, "seasons[0].tou.windows[0]"},
		{wallet, tou + ".windows.0.days", []string{}, "seasons[0].tou.windows[0]"}, {wallet, tou + ".windows.0.days", []string{"monday"}, "seasons[0].tou.windows[0]"},
		{wallet, tou + ".holidays.0.date", "25 Dec", "seasons[0].tou.holidays[0].date"}, {wallet, tou + ".holidays.0.as", "funday", "seasons[0].tou.holidays[0].as"}, {wallet, tou + ".holidays.1.date", "2026-12-25", "2026-12-25"},
	} {
		text := edit(t, c.text, c.path, c.value)
		_, no := tariff.Parse([]byte(text))
		if no.Code != refusal.TariffInvalid || !strings.Contains(no.What, c.says) || no.Not == "" || no.Try == "" {
			t.Errorf("%s = %v: %q %q, want %s naming %q", c.path, c.value, no.Code, no.Detail(), refusal.TariffInvalid, c.says)
		}
	}
	one := edit(t, wallet, "seasons.0.tou.windows", []any{
		map[string]any{"days": []string{"mon"}, "from": "06:00", "to": "09:00", "rate": "day"},
		map[string]any{"days": []string{"sun", "mon"}, "from": "08:59", "to": "10:00", "rate": "night"}})
	if _, no := tariff.Parse([]byte(one)); !strings.Contains(no.What, "overlap") {
		t.Errorf("overlapping windows: %q", no.What)
	}
	if _, no := tariff.Parse([]byte(whole + "{}")); !no.Refused() {
		t.Error("two documents in one were read")
	}
}

// TestTimesOfDayHaveTheirMinutes checks that the times of a window are read and written in the same form.
func TestTimesOfDayHaveTheirMinutes(t *testing.T) {
	const path = "seasons.0.tou.windows.0."
	for from, want := range map[string]tariff.Clock{"00:00": 0, "00:01": 1, "06:30": 390, "09:59": 599, "23:58": 1438} {
		b, no := tariff.Parse([]byte(edit(t, edit(t, wallet, path+"from", from), path+"to", "23:59")))
		if no.Refused() {
			t.Fatalf("%s: %s", from, no.Detail())
		}
		if w := b.Seasons[0].TOU.Windows[0]; w.From != want || w.To != 1439 || w.From.String() != from || w.To.String() != "23:59" {
			t.Errorf("from %s to 23:59 is read as %s to %s", from, w.From, w.To)
		}
	}
}

// TestNamesInsideATariff checks the first and the last allowed characters of a name, and their neighbours.
func TestNamesInsideATariff(t *testing.T) {
	for name, ok := range map[string]bool{"az": true, "09": true, "-": true, strings.Repeat("n", 32): true, strings.Repeat("n", 33): false,
		"": false, "`": false, "{": false, "/": false, ":": false, "_": false, "A": false, "a b": false, "ä": false} {
		if _, no := tariff.Parse([]byte(edit(t, whole, "levies.0.name", name))); no.Refused() == ok {
			t.Errorf("%q: refused %t (%s)", name, no.Refused(), no.Detail())
		}
	}
}

func TestTokensAreNotSoldByTheTimeOfTheirUse(t *testing.T) {
	for text, want := range map[string]refusal.Code{wallet: refusal.TariffInvalid, whole: ""} {
		b, no := tariff.Parse([]byte(text))
		if no.Refused() {
			t.Fatal(no.Detail())
		}
		if got := b.ForTokens(); got.Code != want {
			t.Errorf("ForTokens = %q %s, want %q", got.Code, got.Detail(), want)
		}
		a, err := tariff.Allocate(tariff.Purchase{Body: b, Tender: 10_000})
		if err != nil || a.Code != want {
			t.Errorf("a purchase: %v %q, want %q", err, a.Code, want)
		}
	}
	if no := weekly().ForTokens(); !strings.Contains(no.What, "time of use") || !strings.Contains(no.Try, "wallet") {
		t.Errorf("by time of use: %s", no.Detail())
	}
}

func TestPartsOfAFixedChargeSumToIt(t *testing.T) {
	b := flat()
	for _, c := range []struct {
		f        tariff.FixedCharge
		from, to int
		want     money.Minor
	}{
		{tariff.FixedCharge{Amount: 9800, Per: tariff.PerMonth}, 1, 30, 11270},               // the month of P8
		{tariff.FixedCharge{Amount: 9800, Per: tariff.PerMonth, Untaxed: true}, 1, 1, 326},   // 98.00 over 30 days (docs/reference/money.md#fixed-charges)
		{tariff.FixedCharge{Amount: 9800, Per: tariff.PerMonth, Untaxed: true}, 1, 3, 980},   // 326+327+327
		{tariff.FixedCharge{Amount: 7, Per: tariff.PerDay}, 1, 30, 242},                      // 241.5
		{tariff.FixedCharge{Amount: 7, Per: tariff.PerDay, Untaxed: true}, 16, 30, 105},      // 15 days
		{tariff.FixedCharge{Amount: 9800, Per: tariff.PerMonth, Untaxed: true}, 30, 30, 327}, // the last day gets the rest
	} {
		if got, err := b.FixedDue(c.f, 2026, 11, c.from, c.to); err != nil || got != c.want {
			t.Errorf("%+v from %d to %d = %d, %v; want %d", c.f, c.from, c.to, got, err, c.want)
		}
		var sum money.Minor
		for day := c.from; day <= c.to; day++ {
			part, err := b.FixedDue(c.f, 2026, 11, day, day)
			if err != nil || part < 0 {
				t.Fatalf("day %d = %d, %v", day, part, err)
			}
			sum += part
		}
		if sum != c.want {
			t.Errorf("%+v: its days sum to %d, want %d", c.f, sum, c.want)
		}
	}
	for _, bad := range [][2]int{{0, 1}, {2, 1}, {1, 31}} {
		if _, err := b.FixedDue(tariff.FixedCharge{Amount: 1, Per: tariff.PerDay}, 2026, 11, bad[0], bad[1]); err == nil {
			t.Errorf("days %v of November were accepted", bad)
		}
	}
}

func TestFundingOfFreeUnits(t *testing.T) {
	b := flat()
	b.Free = tariff.Free{Units: 50_000, Funded: 1_200_000}
	if net, vat, err := b.Funding(50_000); err != nil || net != 6000 || vat != 900 {
		t.Errorf("50 kWh at 1.20 = %d and %d (%v), want 6000 and 900 (P10)", net, vat, err)
	}
}

func TestAFeeIsTakenOfPaymentsOnly(t *testing.T) {
	b := flat()
	b.Fee = tariff.VendFee{Amount: 250, Untaxed: true}
	a, err := tariff.Allocate(tariff.Purchase{Body: b, Tender: 10_000, Charges: []tariff.Charge{{Kind: tariff.Debt, Priority: tariff.DebtPriority,
		Mode: tariff.Amount, Amount: 1500, Outstanding: plenty, Capped: true}}})
	if err != nil || len(a.Deductions) != 2 || a.Deductions[0].Charge.Kind != tariff.Fee || a.Units != 28_600 || a.CarryOut != 27 {
		t.Errorf("V15 with the tariff's own fee: %v, %+v", err, a)
	}
	a, err = tariff.Allocate(tariff.Purchase{Body: b, Free: 50_000})
	if err != nil || a.Refused() || len(a.Deductions) != 0 {
		t.Errorf("a claim of free units: %v %s, %d deductions; want none", err, a.Detail(), len(a.Deductions))
	}
	b.Fee.Untaxed = false
	if a, err = tariff.Allocate(tariff.Purchase{Body: b, Tender: 10_000}); err != nil || a.Deductions[0].Gross != 288 || a.Deductions[0].VAT != 38 {
		t.Errorf("a taxed fee of 2.50: %v, %+v; want 288 with 38 tax", err, a.Deductions)
	}
}
