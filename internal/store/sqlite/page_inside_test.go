package sqlite

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// TestThePageOfTheDataPathStatesTheLimits checks that docs/reference/datapath.md states the limits of this engine.
func TestThePageOfTheDataPathStatesTheLimits(t *testing.T) {
	page, err := os.ReadFile("../../../docs/reference/datapath.md")
	if err != nil {
		t.Fatal(err)
	}
	thousands := func(n int) string { return fmt.Sprintf("%d,%03d", n/1000, n%1000) }
	for _, said := range []string{
		"| closures and records of one commit | " + thousands(maxBatch) + " |", "| work that waits in one lane | " + thousands(maxQueue) + ";",
		"| messages of meters that wait for their commit | " + thousands(maxIngest) + " |",
		fmt.Sprintf("| one closure | %d ms and %d rows", budgetTime.Milliseconds(), budgetRows), fmt.Sprintf("After %d ms a batch", batchTime.Milliseconds()),
		fmt.Sprintf("| %d MiB; at %d MiB the writer waits", walPages*pageSize>>20+1, walLimit*pageSize>>20), fmt.Sprintf("| one snapshot for reading | %d s |", int(viewTime.Seconds())),
		fmt.Sprintf("| disk reserve | %d MiB |", DiskReserve>>20),
		fmt.Sprintf("SQLite %d.%d.%d, linked in", minimumSQL/1_000_000, minimumSQL/1000%1000, minimumSQL%1000),
	} {
		if !strings.Contains(string(page), said) {
			t.Errorf("docs/reference/datapath.md does not say %q", said)
		}
	}
}
