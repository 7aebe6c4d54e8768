package main

import (
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/store"
)

// TestDoctorNamesLongReplacementsOfLinkKeys: a replacement that nobody has finished is a warning with the meters' numbers.
func TestDoctorNamesLongReplacementsOfLinkKeys(t *testing.T) {
	long := []string{"04140001001", "04140001019", "04140001027", "04140001035", "04140001043", "04140001050"}
	for _, c := range []struct {
		report  *store.Report
		verdict string
		says    string
	}{
		{nil, checkOK, "no replacement"},
		{&store.Report{}, checkOK, "no replacement"},
		{&store.Report{TwoKeys: long[:1]}, checkWarn, "meter 04140001001; see paywatt meter link-key --finish"},
		{&store.Report{TwoKeys: long}, checkWarn, "04140001043, 1 more;"},
	} {
		if k := linkKeysCheck(c.report); k.Verdict != c.verdict || !strings.Contains(k.Detail, c.says) {
			t.Errorf("%+v: %s %s, want %s with %q", c.report, k.Verdict, k.Detail, c.verdict, c.says)
		}
	}
}
