package frozen_test

import (
	"maps"
	"slices"
	"testing"

	"github.com/paywatt/paywatt/internal/store/frozen"
)

// unwritten lists the tables without rows in frozen data, and why.
func unwritten(kind string) map[string]string {
	out := map[string]string{}
	for _, name := range []string{"holiday_calendar", "outlet", "terminal", "shift", "payment", "webhook_endpoint", "webhook_delivery"} {
		out[name] = "nothing in the product writes it yet"
	}
	if kind == "sqlite" {
		out["session"] = "one server has every connection, so none is noted"
	}
	return out
}

func TestFrozenDataFillEveryTable(t *testing.T) {
	for _, kind := range []string{"sqlite", "postgres"} {
		for _, d := range frozen.Of(t, kind) {
			for _, name := range slices.Sorted(maps.Keys(d.Facts.Tables)) {
				if why, rows := unwritten(kind)[name], d.Facts.Tables[name].Rows; (rows == 0) != (why != "") {
					t.Errorf("%s: table %s has %d rows; reason to have none: %q", d.Name, name, rows, why)
				}
			}
			if len(d.Facts.Tables) < 64 || len(d.Facts.Books) < 10 || d.Facts.Schema < 1 {
				t.Errorf("%s: %d tables, %d ledger accounts, schema %d", d.Name, len(d.Facts.Tables), len(d.Facts.Books), d.Facts.Schema)
			}
		}
	}
}
