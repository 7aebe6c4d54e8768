package registry_test

import (
	"testing"

	"github.com/paywatt/paywatt/internal/registry"
)

// TestNamesAreFoundHoweverTheyAreTyped: each text and the way somebody types it fold to the same.
func TestNamesAreFoundHoweverTheyAreTyped(t *testing.T) {
	for stored, typed := range map[string]string{
		"José  da Conceição": "jose da conceicao", "ÅSE ØSTERGÅRD": "ase ostergard", "Straße 12": "STRASSE 12", "Ɓala Ɗanjuma": "bala danjuma",
		"N’Diaye": "ndiaye", "أحمد": "احمد", "مُحَمَّد": "محمد", "Łukasz": "lukasz", "ﬁrst": "first", "١٢": "١٢",
	} {
		if a, b := registry.Folded(stored), registry.Folded(typed); a != b || a == "" {
			t.Errorf("%q folds to %q, and %q to %q", stored, a, typed, b)
		}
	}
	if got := (registry.Customer{Name: "Amina Achieng", Phone: "+254 712-345678"}).SearchText(); got != "amina achieng +254712345678" {
		t.Errorf("the search text of a customer is %q", got)
	}
}
