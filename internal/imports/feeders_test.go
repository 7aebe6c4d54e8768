package imports_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/imports"
	"github.com/paywatt/paywatt/internal/registry"
)

// TestTheFeedersOfAFileCountTogether: a file puts no more meters on a feeder than one person may in a day, and a dry run says so. The other rows
// are imported, and the same file brings the rest on the next day, or at once when the ceiling is raised.
func TestTheFeedersOfAFileCountTogether(t *testing.T) {
	for _, e := range engines {
		w := newWorld(t, e.onPostgres)
		ceiling := func(most int64) {
			t.Helper()
			s, err := w.registry.ChangeSettings(t.Context(), w.by, registry.SettingsChange{Ceilings: map[access.Ceiling]int64{access.PersonFeeders: most}})
			if err != nil || s.Refused() || s.Waits != nil {
				t.Fatalf("%v %s", err, s.Detail())
			}
		}
		ceiling(2)
		var file strings.Builder
		file.WriteString("number,name,feeder\n")
		for i := range 8 {
			fmt.Fprintf(&file, "%s,Holder %d,%s\n", meterNumber(i), i, []string{"", "North"}[i%2])
		}
		for _, step := range []struct {
			name, key                string
			before                   func()
			imported, refused, known int
		}{
			{"a dry run", "", func() {}, 6, 2, 0},
			{"the import", "first", func() {}, 6, 2, 0},
			{"a dry run of the rest", "", func() {}, 0, 2, 6},
			{"the rest on the same day", "second", func() {}, 0, 2, 6},
			{"with a higher ceiling", "third", func() { ceiling(3) }, 1, 1, 6},
			{"a dry run on the next day", "", func() { w.now = w.now.Add(24 * time.Hour) }, 1, 0, 7},
			{"on the next day", "fourth", func() {}, 1, 0, 7},
		} {
			step.before()
			out, err := w.apply(imports.Meters, file.String(), step.key)
			n := out.Totals()
			if err != nil || out.Refused() || n[imports.Done] != step.imported || n[imports.Failed] != step.refused || n[imports.Duplicate] != step.known {
				t.Errorf("%s, %s: %v %s %v", e.name, step.name, err, out.Detail(), n)
			}
			for _, l := range out.Lines {
				if l.State == imports.Failed && !strings.Contains(l.Detail(), "person/feeders") {
					t.Errorf("%s, %s: line %d: %s", e.name, step.name, l.Line, l.Detail())
				}
			}
		}
	}
}
