package sts

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

// TestThePageOfTokensIsTrue looks in docs/reference/tokens.md for the results with their numbers, the ranges of
// amounts, and the end of each base date.
func TestThePageOfTokensIsTrue(t *testing.T) {
	b, err := os.ReadFile("../docs/reference/tokens.md")
	if err != nil {
		t.Fatal(err)
	}
	thousands := func(n int64) string {
		s := fmt.Sprint(n)
		for i := len(s) - 3; i > 0; i -= 3 {
			s = s[:i] + "," + s[i:]
		}
		return s
	}
	var want []string
	for r := Accept; int(r) < len(resultNames); r++ {
		number := ""
		if n, has := r.Status(); has {
			number = fmt.Sprint(n, " ")
		}
		want = append(want, "| "+number+"| `"+r.String()+"` |")
	}
	for e := range amountStart {
		first, last := Amount(e<<mantissaBits), Amount(e<<mantissaBits|mantissaMask)
		want = append(want, "| "+thousands(first.Tenths())+" | "+thousands(last.Tenths())+" |")
	}
	for _, base := range []BaseDate{Base1993, Base2014, Base2035} {
		want = append(want, fmt.Sprintf("| %s | %s |", base, base.End().Format("2006-01-02 15:04")))
	}
	step := time.Minute << kenShift
	want = append(want, fmt.Sprintf("One step is %s minutes, %d days and %d:%02d h.", thousands(int64(step.Minutes())), int(step.Hours())/24, int(step.Hours())%24, int(step.Minutes())%60),
		fmt.Sprintf("The memory holds the %d newest accepted TIDs", TIDStoreSize), fmt.Sprintf("at most %s.%d kWh", thousands(MaxCreditTenths/10), MaxCreditTenths%10),
		fmt.Sprintf("HMAC-SHA-256 over %d bytes", message04Size))
	for _, said := range want {
		if !strings.Contains(string(b), said) {
			t.Errorf("docs/reference/tokens.md does not say %q", said)
		}
	}
}
