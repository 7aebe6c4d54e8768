package plant

import "testing"

// TestAReleaseSwitchesNoRuleOff: this test was linked as a release is, so it ignores FAULT_INJECT.
func TestAReleaseSwitchesNoRuleOff(t *testing.T) {
	t.Setenv("FAULT_INJECT", "limited-keys,alone=meter.swap")
	if Has("limited-keys") || HasFor("alone", "meter.swap") {
		t.Error("FAULT_INJECT switches rules off in a program that was not linked for it")
	}
}

// TestAFaultIsAWholeEntry compares the entries of FAULT_INJECT with the names of faults.
func TestAFaultIsAWholeEntry(t *testing.T) {
	t.Setenv("FAULT_INJECT", "limited-keys,alone=meter.swap")
	defer func(was string) { allowed = was }(allowed)
	allowed = "in this test"
	if !Has("limited-keys") || !HasFor("alone", "meter.swap") {
		t.Error("a fault that is planted is not seen")
	}
	if Has("limited") || Has("keys") || Has("alone") || HasFor("alone", "meter") {
		t.Error("a part of an entry is taken for a fault")
	}
}
