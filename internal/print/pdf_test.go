package print_test

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/text/unicode/norm"

	texts "github.com/paywatt/paywatt/internal/catalogue"
	"github.com/paywatt/paywatt/internal/print"
	"github.com/paywatt/paywatt/internal/receipt"
	"github.com/paywatt/paywatt/internal/tier"
	"github.com/paywatt/paywatt/internal/words"
)

// textOf returns the text of a PDF file, as poppler reads it.
func textOf(t *testing.T, pdf []byte) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "paper.pdf")
	if err := os.WriteFile(file, pdf, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), tier.Program(t, "pdftotext"), "-layout", "-enc", "UTF-8", file, "-").Output()
	if err != nil {
		t.Fatalf("pdftotext (Debian package poppler-utils): %v", err)
	}
	return string(out)
}

// spaced joins the words of a text with single blanks. Joined Arabic letters become plain ones, and the marks of direction that poppler
// writes disappear.
func spaced(s string) string {
	s = strings.NewReplacer("\u202a", "", "\u202b", "", "\u202c", "", "\u200e", "", "\u200f", "").Replace(norm.NFKC.String(s))
	return strings.Join(strings.Fields(s), " ")
}

func pdfOf(t *testing.T, say *words.Texts, r receipt.Receipt) []byte {
	t.Helper()
	b, err := print.PDF(print.Receipt(say, r), r.At)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestAReceiptAsPDFIsText: poppler finds in each PDF the number, the meter, every amount and every token.
func TestAReceiptAsPDFIsText(t *testing.T) {
	all := shapes(t)
	maps.Copy(all, notes(t))
	for name, r := range all {
		if !r.Credits() {
			if err := r.Price(); err != nil {
				t.Fatal(err)
			}
		}
		b := pdfOf(t, english(t), r)
		said := spaced(textOf(t, b))
		want := []string{r.No, r.Meter, r.Utility, r.Customer, print.Title(english(t), r), "VAT no. " + r.VATNo, english(t).Figure(r.Tendered, r.Currency)}
		for _, s := range r.Steps {
			want = append(want, english(t).KWh(s.Units, 1)+" kWh @ "+english(t).Rate(s.Rate, r.Currency)+" "+english(t).Figure(s.Amount, r.Currency))
		}
		for _, token := range r.Tokens {
			want = append(want, token.Reveal())
		}
		for _, m := range print.Marks(english(t), r) {
			want = append(want, "*** "+m+" ***")
		}
		if !r.Recharge() {
			want = append(want, english(t).Figure(r.VAT, r.Currency))
		}
		for _, w := range want {
			if !strings.Contains(said, w) {
				t.Errorf("%s: no %q in\n%s", name, w, said)
			}
		}
		if len(b) > 60_000 {
			t.Errorf("%s: %d bytes", name, len(b))
		}
	}
}

// TestPDFInEveryLanguage: poppler reads the receipt of each language of the catalogue, and names in every script that the font has.
func TestPDFInEveryLanguage(t *testing.T) {
	tier.Slow(t)
	all, err := words.Open()
	if err != nil {
		t.Fatal(err)
	}
	codes, err := texts.Languages("receipts")
	if err != nil {
		t.Fatal(err)
	}
	for _, code := range codes {
		say := all.For(code)
		for _, name := range []string{"Amina A.", "Ɓala Ƙasim Ɗanjuma Ƴar", "João Conceição Núñez", "Thérèse Œuvre", "Žofie Łukasz", "Ольга Ж", "Ωμέγα", "أمينة بنت محمد"} {
			r := plain(t)
			r.Customer = name
			said := spaced(textOf(t, pdfOf(t, say, r)))
			for _, want := range []string{spaced(name), r.Tokens[0].Reveal(), r.No, r.Meter, print.Title(say, r)} {
				if !strings.Contains(said, want) {
					t.Errorf("%s: no %q in\n%s", code, want, said)
				}
			}
		}
	}
}
