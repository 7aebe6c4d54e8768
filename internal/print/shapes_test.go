package print_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/print"
	"github.com/paywatt/paywatt/internal/receipt"
	"github.com/paywatt/paywatt/sts"
)

var update = flag.Bool("update", false, "write the golden files")

func left(m money.Minor) *money.Minor { return &m }

// plain is the receipt of example V2 in docs/reference/money.md: 100.00 buys 34.7 kWh at 2.50 with 15 % tax.
func plain(t *testing.T) receipt.Receipt {
	r := sample(t)
	r.Title, r.Test, r.Others, r.Message, r.Version = receipt.TaxInvoice, false, nil, "", 3
	r.Tokens, r.Units = r.Tokens[:1], 34_700
	r.Tokens[0].Units = 34_700
	r.Steps = []receipt.Step{{Units: 34_700, Rate: 2_500_000, Amount: 8675}}
	r.Tendered, r.Net, r.VAT, r.CarryIn, r.CarryOut = 10000, 8675, 1301, 0, 24
	return r
}

// shapes returns receipts of every kind, by name.
func shapes(t *testing.T) map[string]receipt.Receipt {
	with := func(change func(*receipt.Receipt)) receipt.Receipt {
		r := plain(t)
		change(&r)
		return r
	}
	second := token(t, "70630503470028726114")
	v6 := func(r *receipt.Receipt) {
		r.Others = []receipt.Part{{Kind: "fixed", Ref: "service 2026-11", Amount: 9800, VAT: 1470, Left: left(0)},
			{Kind: "debt", Ref: "dbt_1", Label: "arrears", Amount: 10000, Left: left(40000)}}
		r.Steps = []receipt.Step{{Units: 50_000, Rate: 1_200_000, Amount: 6000}, {Units: 118_600, Rate: 1_600_000, Amount: 18976}}
		r.Tendered, r.Net, r.VAT, r.CarryOut, r.Units, r.Tokens[0].Units = 50000, 24976, 5216, 8, 168_600, 168_600
	}
	return map[string]receipt.Receipt{
		"plain":           with(func(*receipt.Receipt) {}),
		"blocks-and-debt": with(v6),
		"two-tokens": with(func(r *receipt.Receipt) {
			*r = sample(t)
			r.Title, r.Test, r.Others, r.Tendered = receipt.TaxInvoice, false, nil, 322436-1000
		}),
		"test-meter": sample(t),
		"carried-in": with(func(r *receipt.Receipt) {
			r.Steps[0] = receipt.Step{Units: 34_800, Rate: 2_500_000, Amount: 8700}
			r.Net, r.VAT, r.CarryIn, r.CarryOut, r.Units, r.Tokens[0].Units = 8700, 1305, 25, 20, 34_800, 34_800
		}),
		"levies": with(func(r *receipt.Receipt) {
			r.Levies = []receipt.Part{{Kind: "levy", Ref: "rural-fund", Amount: 300}, {Kind: "levy", Ref: "regulator", Amount: 75}}
			r.Steps[0].Amount, r.Net = 8300, 8300
		}),
		"fee": with(func(r *receipt.Receipt) {
			r.Others = []receipt.Part{{Kind: "fee", Amount: 250, VAT: 38}}
			r.Tendered, r.VAT = 10288, 1339
		}),
		"free-and-sale": with(func(r *receipt.Receipt) {
			r.Tokens = []receipt.Token{{Kind: receipt.FreeToken, Digits: second, Units: 50_000}, r.Tokens[0]}
			r.Units = 84_700
		}),
		"free-only": with(func(r *receipt.Receipt) {
			r.Tokens[0], r.Units, r.Steps = receipt.Token{Kind: receipt.FreeToken, Digits: second, Units: 50_000}, 50_000, nil
			r.Tendered, r.Net, r.VAT, r.CarryOut = 0, 0, 0, 0
		}),
		"key-change": with(func(r *receipt.Receipt) {
			r.Tokens = append(r.Tokens, receipt.Token{Kind: receipt.KeyChange, Digits: second}, receipt.Token{Kind: receipt.KeyChange, Digits: token(t, "01234567890123456789")})
			r.STS.KRN = 2
		}),
		"copy":            with(func(r *receipt.Receipt) { r.Copy = 2 }),
		"reversed":        with(func(r *receipt.Receipt) { v6(r); r.Reversed = true }),
		"after-a-restore": with(func(r *receipt.Receipt) { r.No, r.Epoch = "main-000017/2", "2" }),
		"charges-only": with(func(r *receipt.Receipt) {
			r.Others = []receipt.Part{{Kind: "fixed", Ref: "capacity 2026-10", Amount: 6087, VAT: 913, Left: left(7950)}}
			r.Tokens, r.Steps, r.Units = nil, nil, 0
			r.Tendered, r.Net, r.VAT, r.CarryOut = 7010, 0, 913, 10
		}),
		"no-decimals-by-a-vendor": with(func(r *receipt.Receipt) {
			r.Currency, r.Vendor, r.Till = money.Currency{Code: "UGX"}, "Kiosk at the Łódź road", "kiosk-7"
			r.Customer, r.VATBps = "Ɓala Ƙasim é", 1800
			r.Steps = []receipt.Step{{Units: 15_000, Rate: 250_000_000, Amount: 3750}, {Units: 16_300, Rate: 805_000_000, Amount: 13121}}
			r.Tendered, r.Net, r.VAT, r.CarryOut, r.Units, r.Tokens[0].Units = 20000, 16871, 3037, 92, 31_300, 31_300
		}),
		"recharge":           with(recharge),
		"recharge-press-key": with(func(r *receipt.Receipt) { recharge(r); r.PressKey = true }),
		"hidden-digits":      with(func(r *receipt.Receipt) { r.Tokens[0].Digits = sts.Token{} }),
	}
}

// recharge turns a receipt into a recharge of 50.00.
func recharge(r *receipt.Receipt) {
	r.Title, r.STS, r.VATBps, r.Tokens, r.Steps, r.Units = receipt.Payment, receipt.STS{}, 0, nil, nil, 0
	r.Others = []receipt.Part{{Kind: receipt.Wallet, Amount: 5000}}
	r.Tendered, r.Net, r.VAT, r.CarryIn, r.CarryOut = 5000, 0, 0, 0, 0
	r.Balance = &receipt.Balance{Amount: 123456, At: r.At}
}

// notes returns credit notes, by name: for tokens that the meter has cancelled, for tokens that no meter could be asked about, and for a
// simulated meter.
func notes(t *testing.T) map[string]receipt.Receipt {
	note := func(r receipt.Receipt, cancelled bool) receipt.Receipt {
		if err := r.Price(); err != nil {
			t.Fatal(err)
		}
		return r.Credited("main-000018", r.At.Add(5*time.Minute), cancelled)
	}
	test := plain(t)
	test.Title, test.Test = receipt.TestReceipt, true
	return map[string]receipt.Receipt{"credit-note": note(shapes(t)["blocks-and-debt"], true), "credit-note-unconfirmed": note(plain(t), false),
		"test-credit-note": note(test, false)}
}

// TestEveryShapeOfReceipt compares each form of each receipt with its golden file, and adds up the printed amounts of each form.
func TestEveryShapeOfReceipt(t *testing.T) {
	all := shapes(t)
	maps.Copy(all, notes(t))
	for name, r := range all {
		t.Run(name, func(t *testing.T) {
			if !r.Credits() {
				if err := r.Price(); err != nil {
					t.Fatal(err)
				}
			}
			if err := r.Check(); err != nil {
				t.Error(err)
			}
			doc, err := receipt.JSON(r)
			if err != nil {
				t.Fatal(err)
			}
			var pretty any
			if err := json.Unmarshal(doc, &pretty); err != nil {
				t.Fatal(err)
			}
			if doc, err = json.MarshalIndent(pretty, "", " "); err != nil {
				t.Fatal(err)
			}
			page, err := print.HTML(english(t), r)
			if err != nil {
				t.Fatal(err)
			}
			_, page, _ = strings.Cut(page, "<body>")
			var all strings.Builder
			for _, part := range [][2]string{{"text48", print.Text48(english(t), r)}, {"text32", print.Text32(english(t), r)}, {"sms", strings.Join(print.SMS(english(t), r), "\n--\n") + "\n"},
				{"json", string(doc) + "\n"}, {"html", page}} {
				fmt.Fprintf(&all, "==== %s\n%s", part[0], part[1])
			}
			golden(t, filepath.Join("testdata", "shapes", name+".golden"), all.String())
			fits(t, r)
		})
	}
}

func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs; run go test ./internal/print -update and read the diff. Got:\n%s", path, got)
	}
}

// fits checks rules for every receipt: lines fit the paper, messages keep their length, and all forms have the same digits.
func fits(t *testing.T, r receipt.Receipt) {
	t.Helper()
	for width, text := range map[int]string{32: print.Text32(english(t), r), 48: print.Text48(english(t), r)} {
		for line := range strings.Lines(text) {
			if n := eastAsian(strings.TrimSuffix(line, "\n")); n > width {
				t.Errorf("a line of %d columns on paper of %d: %q", n, width, line)
			}
		}
	}
	if net := english(t).Figure(r.Net, r.Currency); len(r.Steps) > 1 && (!strings.Contains(pageOf(t, r), net) || !strings.Contains(print.Text32(english(t), r), net)) {
		t.Errorf("a form does not say that the energy without tax is %s", net)
	}
	messages := print.SMS(english(t), r)
	for _, m := range messages {
		if len(m) > print.Septets {
			t.Errorf("a message of %d septets: %q", len(m), m)
		}
	}
	if len(messages) > 1 && len(r.Tokens) < 2 {
		t.Errorf("%d messages for %d tokens", len(messages), len(r.Tokens))
	}
	page := pageOf(t, r)
	for _, token := range r.Tokens {
		if amount := english(t).Figure(token.Amount, r.Currency); len(r.Tokens) > 1 && token.Amount != 0 && (!strings.Contains(page, amount) || !strings.Contains(print.Text32(english(t), r), amount)) {
			t.Errorf("a form does not say that a token cost %s", amount)
		}
		for form, text := range map[string]string{"text32": print.Text32(english(t), r), "text48": print.Text48(english(t), r), "html": page, "sms": strings.Join(messages, "\n")} {
			if !strings.Contains(text, token.Reveal()) {
				t.Errorf("%s has not the digits %s", form, token.Reveal())
			}
		}
	}
}

func pageOf(t *testing.T, r receipt.Receipt) string {
	t.Helper()
	page, err := print.HTML(english(t), r)
	if err != nil {
		t.Fatal(err)
	}
	return page
}

func TestKeyChangesStandAboveTheCredit(t *testing.T) {
	r := shapes(t)["key-change"]
	text := print.Text48(english(t), r)
	at := []int{strings.Index(text, "7063 0503 4700 2872 6114"), strings.Index(text, "0123 4567 8901 2345 6789"), strings.Index(text, "5862 5789 9869 9135 7486")}
	if !slices.IsSorted(at) || at[0] < 0 {
		t.Errorf("the key change tokens and the credit stand at %v:\n%s", at, text)
	}
	first, _, _ := strings.Cut(print.SMS(english(t), r)[0], "\n")
	if !strings.Contains(first, "7063 0503 4700 2872 6114 key change") {
		t.Errorf("the first line of the message is %q", first)
	}
}

func TestManyTokensMakeSeveralMessages(t *testing.T) {
	r := shapes(t)["two-tokens"]
	r.Test, r.Copy, r.Reversed, r.Tendered = true, 12, true, 99_999_999_99 // the longest text besides the digits
	for len(r.Tokens) < 2*print.MaxMessages {
		next := r.Tokens[0]
		next.Kind, next.Units = receipt.FreeToken, 1_638_300
		r.Tokens = append(r.Tokens, next)
	}
	messages := print.SMS(english(t), r)
	if len(messages) < 2 || len(messages) > print.MaxMessages || !strings.HasPrefix(messages[0], fmt.Sprintf("1/%d ", len(messages))) {
		t.Errorf("%d messages, the first %q", len(messages), messages[0])
	}
	if n := strings.Count(strings.Join(messages, "\n"), "5862 5789 9869 9135 7486") + strings.Count(strings.Join(messages, "\n"), "7063 0503"); n != len(r.Tokens) {
		t.Errorf("the messages have %d tokens, want %d", n, len(r.Tokens))
	}
	for _, m := range messages {
		if len(m) > print.Septets {
			t.Errorf("%d septets: %q", len(m), m)
		}
	}
}

func TestAPageEscapesWhatPeopleTyped(t *testing.T) {
	r := plain(t)
	r.Customer, r.Place = `<script>alert(1)</script>`, `"><img src=x>`
	page, err := print.HTML(english(t), r)
	if err != nil || strings.Contains(page, "<script") || strings.Contains(page, "<img") {
		t.Errorf("the page carries markup of the customer's name (%v)", err)
	}
	if !strings.Contains(print.HTMLPolicy(), "style-src 'sha256-") || strings.Contains(print.HTMLPolicy(), "unsafe") {
		t.Errorf("policy %q", print.HTMLPolicy())
	}
}

func TestAReceiptThatDoesNotAddUpIsFound(t *testing.T) {
	for name, spoil := range map[string]func(*receipt.Receipt){
		"a line": func(r *receipt.Receipt) { r.Others[0].Amount++ }, "the tax": func(r *receipt.Receipt) { r.VAT++ },
		"a step": func(r *receipt.Receipt) { r.Steps[0].Amount++ }, "the units": func(r *receipt.Receipt) { r.Units += 100 },
		"a token": func(r *receipt.Receipt) { r.Tokens[0].Units += 100 }, "a token's price": func(r *receipt.Receipt) { r.Tokens[0].Amount++ },
		"a step's units": func(r *receipt.Receipt) { r.Steps[1].Units += 100 }, "the carry": func(r *receipt.Receipt) { r.CarryOut-- },
	} {
		r := shapes(t)["blocks-and-debt"]
		if err := r.Price(); err != nil {
			t.Fatal(err)
		}
		if err := r.Check(); err != nil {
			t.Fatal(err)
		}
		spoil(&r)
		if err := r.Check(); err == nil {
			t.Errorf("%s changed, and the receipt still adds up", name)
		}
	}
}
