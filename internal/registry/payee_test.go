package registry_test

import (
	"testing"

	"github.com/paywatt/paywatt/internal/registry"
)

func TestAShortNameIsEnoughToCompare(t *testing.T) {
	for name, want := range map[string]string{"": "", "  ": "", "Zuri Wambui": "Zuri W.", "Amina A.": "Amina A.", "Otieno": "Oti…", "Ann": "Ann", "Ali": "Ali",
		"María José Núñez": "María N.", "محمد علي": "محمد ع."} {
		if got := (registry.Customer{Name: name}).ShortName(); got != want {
			t.Errorf("the short name of %q is %q, want %q", name, got, want)
		}
	}
}
