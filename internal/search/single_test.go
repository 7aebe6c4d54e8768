package search_test

import (
	"testing"

	"github.com/paywatt/paywatt/internal/search"
)

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
