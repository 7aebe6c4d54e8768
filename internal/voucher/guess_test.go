package voucher_test

import (
	"fmt"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/voucher"
	"github.com/paywatt/paywatt/internal/voucherpin"
)

// TestWhatGuessingCanGain computes how much guessing the server answers, from the limits, and requires that the page says it.
func TestWhatGuessingCanGain(t *testing.T) {
	const live = 1_000_000
	values := math.Pow10(voucherpin.PINDigits - 1)                                                 // the last digit is a check digit
	const tries = (voucher.MaxWrongMessages + voucher.MaxWrongStaff + voucher.MaxWrongPages) * 365 // however many links to pages a guesser has collected
	years, codeYears := values/live/tries, float64(voucherpin.Codes)/tries
	if years < 500 || codeYears < 100 {
		t.Errorf("a guesser finds one of %d live PINs in %.0f years, want at least 500, and a code in %.0f, want at least 100", live, years, codeYears)
	}
	page, err := os.ReadFile("../../docs/guide/payments.md")
	if err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf("%d wrong PINs from one telephone, %d from all text messages together, %d by one link to a customer's page and %d by all links together. Whoever has signed in has %d tries of their own, and all of them together %d.",
		voucher.MaxWrong, voucher.MaxWrongMessages, voucher.MaxWrongPage, voucher.MaxWrongPages, voucher.MaxWrongPerson, voucher.MaxWrongStaff)
	for _, said := range []string{want, fmt.Sprintf("%d random digits", voucherpin.PINDigits-1), "a million live vouchers", fmt.Sprintf("After %d wrong PINs by all links", voucher.FewWrongPages), fmt.Sprintf("%.0f years", math.Floor(years/10)*10),
		fmt.Sprintf("%d letters", voucherpin.CodeLetters), fmt.Sprintf("%.0f years", math.Floor(codeYears/10)*10)} {
		if !strings.Contains(strings.Join(strings.Fields(string(page)), " "), said) {
			t.Errorf("docs/guide/payments.md does not say %q", said)
		}
	}
}
