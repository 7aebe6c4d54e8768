package print_test

import (
	"html"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode"

	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/print"
	"github.com/paywatt/paywatt/internal/receipt"
	"github.com/paywatt/paywatt/internal/words"
	"github.com/paywatt/paywatt/sts"
)

var catalogue = sync.OnceValues(words.Open)

// english returns the texts of receipts. The catalogue is read once for all tests.
func english(t testing.TB) *words.Texts {
	t.Helper()
	all, err := catalogue()
	if err != nil {
		t.Fatal(err)
	}
	return all.English()
}

func token(t *testing.T, digits string) sts.Token {
	t.Helper()
	token, result := sts.ParseToken(digits)
	if result != sts.Accept {
		t.Fatalf("%q is no token: %s", digits, result)
	}
	return token
}

func sample(t *testing.T) receipt.Receipt {
	t.Helper()
	return receipt.Receipt{Title: receipt.TestReceipt, Test: true, No: "main-000017", At: time.Date(2026, 11, 20, 11, 0, 0, 0, time.FixedZone("EAT", 3*3600)),
		Utility: "Lake Power", VATNo: "P000000000A", Sale: "vnd_01jd00000000000000000000000", ClientRef: "till3-000017", Till: "main",
		Operator: "apikey till3", Customer: "Amina A.", Place: "12 Lake Road", Address: "1 Shore Street", Contact: "+254 700 000000", Message: "Report theft at +254 700 000001", Account: "acc_01jd00000000000000000000000", Meter: "04140001001",
		STS: receipt.STS{SGC: "123456", KRN: 1, TI: "01", TT: "02", EA: "07"}, TariffName: "domestic", Currency: money.Currency{Code: "KES", Exp: 2},
		Tokens: []receipt.Token{{Kind: "sale", Digits: token(t, "58625789986991357486"), Units: 1_638_300}, {Kind: "sale", Digits: token(t, "70630503470028726114"), Units: 121_100}},
		Units:  1_759_400, Steps: []receipt.Step{{Units: 50_000, Rate: 1_200_000, Amount: 6000}, {Units: 1_709_400, Rate: 1_600_000, Amount: 273504}},
		Others:   []receipt.Part{{Kind: "debt", Ref: "dbt_1", Label: "a fine for a cut seal, agreed on in writing in the spring of the year", Amount: 1000, Left: left(5000)}},
		Tendered: 322436, Net: 279504, VATBps: 1500, VAT: 41926, CarryIn: 24, CarryOut: 30}
}

func TestEveryLineFitsThePaper(t *testing.T) {
	r := sample(t)
	for _, text := range []string{"", "x", strings.Repeat("Wagadugu ", 40), strings.Repeat("ж", 200), "Line\nfeed\x1b@\x00\t\u202eend", "Łódź " + strings.Repeat("w", 47),
		strings.Repeat("日本", 60), "a" + strings.Repeat("가", 100), strings.Repeat("👩🏽‍🔧 ", 20), strings.Repeat("🎉", 60), "Ａ社 電気料金 " + strings.Repeat("ｱ", 70),
		strings.Repeat("e\u0301", 60), "أمينة بنت محمد بن عبد الله", "አሚና በቀለ ተስፋዬ ወልደ ማርያም"} {
		r.Utility, r.Customer, r.Address, r.Operator, r.TariffName, r.ClientRef = text, text, text, text, text, text
		r.Others[0].Label, r.Place, r.Contact, r.Message = text, text, text, text
		for _, line := range strings.Split(print.Text32(english(t), r), "\n") {
			if n := eastAsian(line); n > 32 {
				t.Errorf("with %q a line has %d columns: %q", text, n, line)
			}
			if strings.ContainsAny(line, "\x1b\x00\t\r") {
				t.Errorf("with %q a line would command the printer: %q", text, line)
			}
		}
	}
}

// eastAsian counts the columns of a text independently of the layout code: two for a wide letter or a picture of these tests, and none for
// an accent.
func eastAsian(s string) (n int) {
	for _, r := range s {
		switch {
		case unicode.Is(unicode.Mn, r), r >= 0x1f3fb && r <= 0x1f3ff:
		case unicode.In(r, unicode.Han, unicode.Hangul, unicode.Hiragana), r >= 0xff01 && r <= 0xff60, r >= 0x1f300 && r <= 0x1faff:
			n += 2
		default:
			n++
		}
	}
	return n
}

// TestAmountsStandUnderEachOther: with any letters in a name, the amount after the name ends in the last column, and the name is
// complete.
func TestAmountsStandUnderEachOther(t *testing.T) {
	r := sample(t)
	for _, label := range []string{"日本語の債務", "cafe\u0301 de la gare", "日本日本日本日本日本日本日本日本日本日本日本日本日本"} {
		r.Others[0].Label = label
		text := print.Text32(english(t), r)
		for line := range strings.Lines(text) {
			if line = strings.TrimSuffix(line, "\n"); strings.HasSuffix(line, " 10.00") && eastAsian(line) != 32 {
				t.Errorf("the amount ends in column %d: %q", eastAsian(line), line)
			}
		}
		if !strings.Contains(strings.ReplaceAll(strings.ReplaceAll(text, "\n", ""), " ", ""), strings.ReplaceAll(label, " ", "")) {
			t.Errorf("the label %q is not whole:\n%s", label, text)
		}
	}
}

func TestLargestAmountsFit(t *testing.T) {
	r := sample(t)
	r.Tendered, r.Net, r.VAT, r.CarryIn, r.CarryOut = money.MaxMinor, money.MaxMinor, money.MaxMinor, money.MaxMinor, money.MaxMinor
	r.Units = 1 << 60
	if text := print.Text48(english(t), r); !strings.Contains(text, "92,233,720,368.54") || strings.Count(text, "\n") < 20 {
		t.Errorf("receipt of the largest amount:\n%s", text)
	}
}

func TestOneTokenNeedsNoCount(t *testing.T) {
	r := sample(t)
	r.Tokens, r.Title, r.Test, r.VATNo = r.Tokens[:1], receipt.TaxInvoice, false, ""
	text := print.Text48(english(t), r)
	if strings.Contains(text, "Token 1") || strings.Contains(text, "TEST") || strings.Contains(text, "VAT no.") || !strings.Contains(text, "5862 5789 9869 9135 7486") {
		t.Errorf("receipt of one token:\n%s", text)
	}
}

// TestAPaperSaysWhatIsNotOfItsTime: every paper form says that it has today's details, and that the customer's name was erased.
func TestAPaperSaysWhatIsNotOfItsTime(t *testing.T) {
	r := sample(t)
	flat := func(text string) string { return strings.Join(strings.Fields(html.UnescapeString(text)), " ") }
	for _, marked := range []bool{false, true} {
		if r.Today, r.Erased = marked, marked; marked {
			r.Customer = ""
		}
		page, err := print.HTML(english(t), r)
		if err != nil {
			t.Fatal(err)
		}
		for name, text := range map[string]string{"text32": print.Text32(english(t), r), "text48": print.Text48(english(t), r), "html": page} {
			for _, says := range []string{english(t).PaperToday(), english(t).PaperErased()} {
				if got := strings.Contains(flat(text), says); got != marked {
					t.Errorf("%s says %q: %t, want %t:\n%s", name, says, got, marked, text)
				}
			}
		}
	}
}
