package plant_test

import (
	"testing"

	"github.com/paywatt/paywatt/internal/plant"
)

// TestAReleaseSwitchesNoRuleOff: this test was linked as a release is, so the environment says nothing to it. e2e has the program that obeys.
func TestAReleaseSwitchesNoRuleOff(t *testing.T) {
	t.Setenv("FAULT_INJECT", "limited-keys,alone=meter.swap")
	if plant.Has("limited-keys") || plant.HasFor("alone", "meter.swap") {
		t.Error("FAULT_INJECT switches rules off in a program that was not linked for it")
	}
}
