package flats_test

import (
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/flats"
)

// TestAPastedListBecomesTwoFiles: with and without a heading, with each separator; a flat without a balance keeps the others' line numbers.
func TestAPastedListBecomesTwoFiles(t *testing.T) {
	const bare = "A1,Amina,0700 000 001,04140001001,150\nA2,Baraka,,04140001019,\nA3,Chege,,04140001027,20.50\n"
	const wanted = ",,,account,amount\n,,,04140001001,150\n\n,,,04140001027,20.50\n"
	for name, text := range map[string]string{
		"commas": bare, "tabs": strings.ReplaceAll(bare, ",", "\t"), "semicolons": strings.ReplaceAll(bare, ",", ";"), "windows": "\r\n" + strings.ReplaceAll(bare, "\n", "\r\n"),
		"heading": "Flat,Tenant,Telephone,Meter,Opening balance\n" + bare,
	} {
		p, no := flats.ReadPasted(text)
		if no.Refused() || string(p.Balances) != wanted {
			t.Errorf("%s: %q, %v", name, p.Balances, no)
		}
		if head, _, _ := strings.Cut(string(p.Meters), "\n"); !strings.EqualFold(strings.NewReplacer("\t", ",", ";", ",").Replace(head), "flat,tenant,telephone,meter,opening balance") {
			t.Errorf("%s: the heading is %q", name, head)
		}
		if want := 1; name == "heading" && p.Before != 0 || name != "heading" && p.Before != want {
			t.Errorf("%s: %d lines before the list", name, p.Before)
		}
	}
	if p, no := flats.ReadPasted("Meter;Flat\n04140001001;A1\n"); no.Refused() || p.Balances != nil {
		t.Errorf("without a column of balances: %q, %v", p.Balances, no)
	}
	if _, no := flats.ReadPasted(" \n"); !no.Refused() {
		t.Error("an empty list is accepted")
	}
}
