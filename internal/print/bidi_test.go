package print_test

import (
	"testing"

	"github.com/paywatt/paywatt/internal/print"
)

// TestTextFromTheRight compares lines with what a typesetter writes: letters joined, Arabic from the right, numbers and Latin words from the
// left. The forms are written by their numbers, because an editor would turn them around.
func TestTextFromTheRight(t *testing.T) {
	for _, c := range []struct {
		in   string
		rtl  bool
		want string
	}{
		{"Receipt 12 (kWh)", false, "Receipt 12 (kWh)"},
		{"Receipt 12", true, "Receipt 12"},
		{"سلام", true, "\ufee1\ufefc\ufeb3"},                                              // seen initial, lam and alef final, meem isolated
		{"بيت", true, "\ufe96\ufef4\ufe91"},                                               // initial, medial, final
		{"دار", true, "\ufead\ufe8d\ufea9"},                                               // three letters that do not join
		{"لا", true, "\ufefb"},                                                            // lam and alef alone
		{"بِت", true, "\ufe96\ufe91\u0650"},                                               // a sign does not separate letters, and stands behind its own
		{"رقم 1234 5678", true, "5678 1234 \ufee2\ufed7\ufead"},                           // by the standard; so digits of tokens are lines of their own
		{"1234 5678", true, "1234 5678"},                                                  // no letter from the right: the line is read from the left
		{"بيت 12 Lake Road", false, "Lake Road 12 \ufe96\ufef4\ufe91"},                    // begins with Arabic
		{"المبلغ 12.50 KES", true, "KES 12.50 ﻎﻠﺒﻤﻟﺍ"},                                    // a Latin word after the number
		{"Amina بيت 7 (x)", false, "Amina 7 \ufe96\ufef4\ufe91 (x)"},                      // inside a line from the left
		{"(بيت)", true, "(\ufe96\ufef4\ufe91)"},                                           // brackets turn around and change sides
		{"בית 5", true, "5 תיב"},                                                          // Hebrew is not joined
		{"كهرباء، شهر", true, "\ufeae\ufeec\ufeb7 ،\ufe80\ufe8e\ufe91\ufeae\ufeec\ufedb"}, // the Arabic comma
	} {
		if got := print.Visual(c.in, c.rtl); got != c.want {
			t.Errorf("%q is drawn as %+q, want %+q", c.in, got, c.want)
		}
	}
}
