package registry_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/registry"
)

// TestWhatATextMayMean: the words, meter numbers and telephone number that a typed text may be.
func TestWhatATextMayMean(t *testing.T) {
	for text, want := range map[string]string{
		"":                         "[] [] ",
		"  Amina  ACHIENG ":        "[amina achieng] [] ",
		"José 12":                  "[jose 12] [] ",
		"a b c d e f g h":          "[a b c d e f] [] ",
		"0414-0001 001":            "[0414-0001 001] [04140001001] 40001001",
		"600727041400010016":       "[600727041400010016] [04140001001 2704140001001] ",
		"0712 345 678":             "[0712 345 678] [0712345678] 12345678",
		"+254 712 345678":          "[+254 712 345678] [254712345678] 12345678",
		"345678":                   "[345678] [345678] 345678",
		"12":                       "[12] [12] ",
		"7134 0092 5510 3378 2064": "[7134 0092 5510 3378 2064] [] ",
		"main-000017":              "[main-000017] [] ",
	} {
		q := registry.ReadQuery(text)
		if got := fmt.Sprint(q.Words, " ", q.Numbers, " ", q.Phone); got != want {
			t.Errorf("%q means %q, want %q", text, got, want)
		}
	}
	if q := registry.ReadQuery(strings.Repeat("é", 64)); q.TooLong || q.Empty() {
		t.Errorf("%d characters: %+v", 64, q)
	}
	for _, text := range []string{strings.Repeat("é", 64+1), "a\xff"} {
		if q := registry.ReadQuery(text); !q.TooLong {
			t.Errorf("%q is not refused: %+v", text, q)
		}
	}
}

// TestAWholeNumberIsNoPart: only a number that is too long for a house or a part of a telephone number is whole.
func TestAWholeNumberIsNoPart(t *testing.T) {
	for text, want := range map[string]bool{"": false, "12": false, "12345678": false, "0012345678": false, "712345678": true, "0712 345 678": true,
		"04140001001": true, "7134 0092 5510 3378 2064": true, "0000 0000 0000 1234 5678": true, "amina 123456789": false} {
		if got := registry.ReadQuery(text).Whole(); got != want {
			t.Errorf("%q is whole: %t", text, got)
		}
	}
}

// TestWhatAQueryLooksFor: a short number begins a word, a telephone number may be found by its end, and all else may be anywhere.
func TestWhatAQueryLooksFor(t *testing.T) {
	for text, want := range map[string]string{
		"amina plot 2": `[["amina" "plot" " 2"]]`, "12": `[[" 12"]]`, "345678": `[["345678"]]`, "0712 345678": `[["12345678"]]`, "1234a": `[["1234a"]]`,
		"0712345678": `[["0712345678"] ["12345678"]]`,
	} {
		if got := fmt.Sprintf("%q", registry.ReadQuery(text).Terms()); got != want {
			t.Errorf("%q looks for %s, want %s", text, got, want)
		}
	}
}
