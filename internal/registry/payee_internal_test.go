package registry

import "testing"

func TestAShortNameIsEnoughToCompare(t *testing.T) {
	for name, want := range map[string]string{"": "", "  ": "", "Zuri Wambui": "Zuri W.", "Amina A.": "Amina A.", "Otieno": "Oti…", "Ann": "Ann", "Ali": "Ali",
		"María José Núñez": "María N.", "محمد علي": "محمد ع."} {
		if got := shortName(name); got != want {
			t.Errorf("shortName(%q) = %q, want %q", name, got, want)
		}
	}
}
