package explain_test

import (
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/explain"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/internal/words/wordstest"
)

var update = flag.Bool("update", false, "write testdata/*.txt anew")

// TestTariffsOfTheFieldInWords compares the sentences about each tariff of internal/tariff/testdata with testdata/*.txt.
func TestTariffsOfTheFieldInWords(t *testing.T) {
	docs, err := filepath.Glob("../tariff/testdata/*.json")
	if err != nil || len(docs) < 5 {
		t.Fatalf("documents: %v, %v", docs, err)
	}
	for _, doc := range docs {
		text, err := os.ReadFile(doc)
		if err != nil {
			t.Fatal(err)
		}
		got := strings.Join(explain.Tariff(wordstest.English(t), read(t, string(text))), "\n") + "\n"
		path := filepath.Join("testdata", strings.TrimSuffix(filepath.Base(doc), ".json")+".txt")
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
}

// read parses the document of a tariff.
func read(t *testing.T, text string) tariff.Body {
	t.Helper()
	b, no := tariff.Parse([]byte(text))
	if no.Refused() {
		t.Fatal(no.Detail())
	}
	return b
}

func body(currency string, vat money.Bps, blocks ...tariff.Block) tariff.Body {
	return tariff.Body{Currency: currency, VATBps: vat, Blocks: blocks}
}

const whole = `{"currency":"KES","vat_bps":1500,"blocks":[{"up_to_wh":50000,"rate_micro":1200000},{"up_to_wh":null,"rate_micro":1600000}],` +
	`"levies":[{"name":"rural","percent_bps":500},{"name":"regulator","rate_micro":30000,"untaxed":true}],` +
	`"fixed":[{"name":"service","amount_minor":9800,"per":"month"},{"name":"lamp","amount_minor":5,"per":"day","untaxed":true,"uncapped":true,"priority":25}],` +
	`"vend_fee":{"amount_minor":250,"untaxed":true,"priority":5},"free_units":{"units_wh":50000,"funded_micro":1200000,"counts_in_blocks":false},` +
	`"rounding":"nearest","min_vend_minor":100,"max_vend_minor":5000000,"max_deduction_bps":5000}`

const wallet = `{"currency":"KES","vat_bps":1500,"seasons":[` +
	`{"name":"low","from":"03-01","tou":{"rates":[{"name":"day","rate_micro":3000000},{"name":"night","rate_micro":1000000}],"otherwise":"night",` +
	`"windows":[{"days":["mon","fri","holiday"],"from":"06:00","to":"24:00","rate":"day"}],"holidays":[{"date":"2026-12-25"},{"date":"2026-12-26","as":"sun"}]}},` +
	`{"name":"high","from":"09-01","blocks":[{"up_to_wh":100,"rate_micro":1},{"rate_micro":2}]}]}`

const (
	toServer = "This tariff is for meters whose balance is kept on the server. No tokens are sold on it."
	noVAT    = "There is no VAT."
	share    = "Charges and debts together take at most 70 % of a purchase, unless the utility has set another share."
	carried  = "Units are rounded down to 0.1 kWh. The rest of the money is carried forward to the next purchase."
)

func TestATariffIsSaidInWholeSentences(t *testing.T) {
	bounds := body("UGX", 0, tariff.Block{Rate: 800_000_000})
	bounds.MinVend, bounds.MaxVend, bounds.Rounding, bounds.MaxDeduction = 1, 1, tariff.Income, 1
	bounds.Fee, bounds.Free = tariff.VendFee{Amount: 1}, tariff.Free{Units: 100}
	bounds.Fixed = []tariff.FixedCharge{{Name: "lamp", Amount: 2, Per: tariff.PerDay}}
	for name, c := range map[string]struct {
		body tariff.Body
		want []string
	}{
		"all of a tariff for tokens": {read(t, whole), []string{
			"The price depends on the units of the calendar month: up to 50 kWh 1.20 KES per kWh, above that 1.60 KES per kWh.",
			"The levy rural of 5 % of the price is added.",
			"The levy regulator of 0.03 KES per kWh is added, without VAT.",
			"These prices are without tax. VAT of 15 % is added.",
			"The fixed charge service of 98.00 KES plus VAT is due every month, even if nothing is bought.",
			"The fixed charge lamp of 0.05 KES is due every day, even if nothing is bought.",
			"Every purchase pays a fee of 2.50 KES first.",
			"50 kWh are free in every calendar month. They do not count towards the units of the month.",
			"A programme pays 1.20 KES per kWh for the free units.",
			"Charges and debts together take at most 50 % of a purchase.",
			"Units are rounded to the nearest 0.1 kWh. No change is carried forward.",
			"The smallest purchase is 1.00 KES.",
			"The largest purchase is 50,000.00 KES."}},
		"all of a tariff for wallets": {read(t, wallet), []string{
			"low, 1 March to 31 August: day 3.00 KES per kWh: Mon, Fri, holiday 06:00 to 24:00.",
			"low, 1 March to 31 August: night 1.00 KES per kWh: at all other times.",
			"low, 1 March to 31 August: The hours of holiday apply on 2026-12-25.",
			"low, 1 March to 31 August: The hours of Sun apply on 2026-12-26.",
			"high, 1 September to 28 February: The price depends on the units of the calendar month: up to 0.1 kWh 0.000001 KES per kWh, above that 0.000002 KES per kWh.",
			"These prices are without tax. VAT of 15 % is added.", toServer}},
		"the least of everything": {bounds, []string{"800 UGX per kWh.", noVAT,
			"The fixed charge lamp of 2 UGX is due every day, even if nothing is bought.",
			"Every purchase pays a fee of 1 UGX first.",
			"0.1 kWh are free in every calendar month. They count towards the units of the month.",
			"Charges and debts together take at most 0.01 % of a purchase.",
			"Units are rounded down to 0.1 kWh. The utility keeps the rest of the money.",
			"The smallest purchase is 1 UGX.", "The largest purchase is 1 UGX."}},
		"the least tax": {body("KES", 1, tariff.Block{Rate: 2_500_000}), []string{"2.50 KES per kWh.",
			"These prices are without tax. VAT of 0.01 % is added.", share, carried}},
	} {
		if got := explain.Tariff(wordstest.English(t), c.body); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s:\n%s\nwant\n%s", name, strings.Join(got, "\n"), strings.Join(c.want, "\n"))
		}
	}
}
