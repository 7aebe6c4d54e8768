package search_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/search"
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
		q := search.Read(text)
		if got := fmt.Sprint(q.Words, " ", q.Numbers, " ", q.Phone); got != want {
			t.Errorf("%q means %q, want %q", text, got, want)
		}
	}
	if q := search.Read(strings.Repeat("é", search.MaxText)); q.TooLong || q.Empty() {
		t.Errorf("%d characters: %+v", search.MaxText, q)
	}
	for _, text := range []string{strings.Repeat("é", search.MaxText+1), "a\xff"} {
		if q := search.Read(text); !q.TooLong {
			t.Errorf("%q is not refused: %+v", text, q)
		}
	}
}

// TestWhatIsTheSameThing: a customer with one meter and that meter are one thing; whatever else is two is two.
func TestWhatIsTheSameThing(t *testing.T) {
	meter := search.Hit{Kind: search.Meter, ID: "mtr_1", Meter: "1"}
	of, other := search.Hit{Kind: search.Customer, ID: "cus_1", Meter: "1"}, search.Hit{Kind: search.Customer, ID: "cus_2", Meter: "2"}
	for name, c := range map[string]struct {
		found search.Found
		want  string
	}{
		"nothing":                  {search.Found{}, ""},
		"a meter":                  {search.Found{Hits: []search.Hit{meter}}, "mtr_1"},
		"a meter of many":          {search.Found{Hits: []search.Hit{meter}, More: true}, ""},
		"a meter and its customer": {search.Found{Hits: []search.Hit{meter, of}}, "mtr_1"},
		"its customer first":       {search.Found{Hits: []search.Hit{of, meter}}, "mtr_1"},
		"a meter and another":      {search.Found{Hits: []search.Hit{meter, other}}, ""},
		"two customers":            {search.Found{Hits: []search.Hit{of, other}}, ""},
		"three things":             {search.Found{Hits: []search.Hit{meter, of, other}}, ""},
	} {
		got, ok := c.found.Single()
		if got.ID != c.want || ok != (c.want != "") {
			t.Errorf("%s: %+v %t, want %q", name, got, ok, c.want)
		}
	}
}
