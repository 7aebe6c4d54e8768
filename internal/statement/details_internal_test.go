package statement

import (
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/tier"
)

// TestDetailsAreReadAsTheExpressionsSay compares the readers of M-Pesa's details with the regular expressions that say what they mean, on random
// texts of the words that matter.
func TestDetailsAreReadAsTheExpressionsSay(t *testing.T) {
	reference := regexp.MustCompile(`(?is)(?:^|\s)(?:acc\.|account\s+(?:no\b\.?|number\b)|a/c\s+no\b\.?):?(?:\s+(.*))?$`)
	party := regexp.MustCompile(`(?is)\s(?:from|by|to)\s+(\d.*)$`)
	channel := regexp.MustCompile(`(?is)\s+via\s+(?:web|api|stk|ussd)\b.*$`)
	transfer := regexp.MustCompile(`\baccount to\b.*\baccount\b`)
	want := func(text string) (d details) {
		d.kind = text
		if at := reference.FindStringSubmatchIndex(text); at != nil {
			if at[2] >= 0 {
				d.reference = channel.ReplaceAllString(text[at[2]:at[3]], "")
			}
			d.kind = text[:at[0]]
		}
		if at := party.FindStringSubmatchIndex(d.kind); at != nil {
			d.payer = strings.TrimSpace(d.kind[at[2]:at[3]])
			d.kind = d.kind[:at[0]]
		}
		return d
	}
	parts := []string{" ", " ", " ", "  ", "\n", "\t", "Acc.", "acc", "Account", "account to", "No", "no.", "Number", "a/c", "A/C No.", ":", ".", "from", "by", "To", "to", "2547",
		"7", "via", "WEB", "api", "stk", "ussd", "USSD1", "AMINA", "é", "-", "_", "\u00a0", "\x0b", "x"}
	random := rand.New(rand.NewPCG(tier.Seed(t), 2))
	for range tier.RandomTexts.N() {
		var b strings.Builder
		for range random.IntN(14) {
			b.WriteString(parts[random.IntN(len(parts))])
		}
		text := b.String()
		if got := readDetails(text); got != want(text) {
			t.Fatalf("%q is read as %q, want %q", text, got, want(text))
		}
		if got := isOwnTransfer(text); got != transfer.MatchString(text) {
			t.Fatalf("%q is an own transfer: %t", text, got)
		}
	}
}
