package vendor

import (
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/money"
)

func TestTermsThatCannotBeAreRefused(t *testing.T) {
	good := NewVendor{Code: "V001", Name: "Corner shop", Billing: PrepaidFloat, Commission: money.Whole, Credit: money.MaxMinor}
	if no := good.check(); no.Refused() {
		t.Fatalf("%+v: %s", good, no.Detail())
	}
	for what, change := range map[string]func(*NewVendor){
		"no name":           func(n *NewVendor) { n.Name = "" },
		"a long name":       func(n *NewVendor) { n.Name = strings.Repeat("x", maxVendorName+1) },
		"a name of lines":   func(n *NewVendor) { n.Name = "a\nb" },
		"a long code":       func(n *NewVendor) { n.Code = strings.Repeat("X", maxVendorCode+1) },
		"small letters":     func(n *NewVendor) { n.Code = "v001" },
		"the main till":     func(n *NewVendor) { n.Code = "MAIN" },
		"barter":            func(n *NewVendor) { n.Billing = "barter" },
		"more than all":     func(n *NewVendor) { n.Commission = money.Whole + 1 },
		"less than nothing": func(n *NewVendor) { n.Commission = -1 },
		"a negative credit": func(n *NewVendor) { n.Credit = -1 },
		"a credit too high": func(n *NewVendor) { n.Credit = money.MaxMinor + 1 },
	} {
		n := good
		if change(&n); !n.check().Refused() {
			t.Errorf("%s: %+v was accepted", what, n)
		}
	}
}

// TestOnlyBlockingCannotWait: blocking a vendor never waits for a second person. Any other change of terms may have to wait.
func TestOnlyBlockingCannotWait(t *testing.T) {
	yes, no, name, credit := true, false, "x", money.Minor(0)
	for want, all := range map[access.Act][]Terms{access.ActBlock: {{Blocked: &yes}},
		access.ActTerms: {{}, {Blocked: &no}, {Blocked: &yes, Credit: &credit}, {Blocked: &yes, Name: &name}, {Name: &name}}} {
		for _, terms := range all {
			if got := terms.act(); got != want {
				t.Errorf("%+v is %s, want %s", terms, got, want)
			}
		}
	}
}
