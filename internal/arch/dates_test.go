package arch_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// datedScripts lists the scripts that may name a day to come, with the reason.
func datedScripts() map[string]string {
	return map[string]string{
		"sim.txt":    "the simulator starts its own clock at this time",
		"vmeter.txt": "the virtual meter's clock is set to this time",
	}
}

// later is a day or month after November 2026. What a script says about an earlier one stays true.
var later = regexp.MustCompile(`\b(2026-12|202[7-9]-\d\d|20[34]\d-\d\d)(-\d\d)?\b`)

// TestScriptsNameNoDayToCome checks the scripts of commands. Their servers have the machine's clock: what a script says about a day to
// come is false from that day on. go run ./tools/otherday runs tests on such a day.
func TestScriptsNameNoDayToCome(t *testing.T) {
	scripts, err := filepath.Glob("../../cmd/paywatt/testdata/script/*.txt")
	if err != nil || len(scripts) < 10 {
		t.Fatalf("found %d scripts: %v", len(scripts), err)
	}
	used := map[string]bool{}
	for _, path := range scripts {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		name := filepath.Base(path)
		for i, line := range strings.Split(string(text), "\n") {
			day := later.FindString(line)
			if day == "" {
				continue
			}
			used[name] = true
			if datedScripts()[name] == "" {
				t.Errorf("%s:%d: %s will come: use $NEXT_JANUARY or $NEXT_MONTH, or give the reason in datedScripts", name, i+1, day)
			}
		}
	}
	for name := range datedScripts() {
		if !used[name] {
			t.Errorf("%s needs no exception any more", name)
		}
	}
}
