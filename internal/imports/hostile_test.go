package imports_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/hostile"
	"github.com/paywatt/paywatt/internal/imports"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/sheet"
	"github.com/paywatt/paywatt/internal/tier"
	"github.com/paywatt/paywatt/internal/upload"
)

// readOnly is a door for reading. The first row that wants to write ends an import with errWrite, so all its rows are read and none meets the
// store.
type readOnly struct{ access.Door[imports.Tx] }

var errWrite = errors.New("a row wants to write")

func (readOnly) Do(context.Context, access.Tenant, func(imports.Tx) (bool, error)) error {
	return errWrite
}

// reader returns an Imports that reads the store of a world and never writes.
func (w *world) reader() *imports.Imports {
	return imports.New(imports.Config{Door: readOnly{w.door()}, Registry: w.registry, Uploads: upload.NewGate(), Now: w.clock})
}

// mappingFor returns the mapping with which rows below a header are read as those of a kind: none if the import finds its columns, and the
// first headings otherwise. It returns false if there are too few headings: no sender can have such rows read.
func mappingFor(t *testing.T, w *world, s *imports.Imports, kind imports.Kind, header []string) (mapping map[string]string, found bool) {
	t.Helper()
	file := asCSV(header)
	mapping = map[string]string{}
	for n := 0; ; n++ {
		out, err := s.Apply(t.Context(), w.by, imports.Request{Kind: kind, File: file, Mapping: mapping, DryRun: true})
		if err != nil && !errors.Is(err, errWrite) {
			t.Fatal(err)
		}
		if out.Text != refuse.ImportColumnMissing("").Text {
			return mapping, !out.Refused()
		}
		if n >= len(header) {
			return nil, false
		}
		mapping[kind.Columns()[n]] = header[n]
	}
}

// asCSV returns a file of a header and one row.
func asCSV(header []string) []byte {
	var head, row strings.Builder
	for i, name := range header {
		if i > 0 {
			head.WriteByte(',')
			row.WriteByte(',')
		}
		head.WriteString(`"` + strings.ReplaceAll(name, `"`, `""`) + `"`)
		row.WriteString("x")
	}
	return []byte(head.String() + "\n" + row.String() + "\n")
}

// readings is how often an import goes through a file before any row meets the store: it reads the file, and then its rows. Each may cost as much
// as a hostile file may.
const readings = 2

// TestRowsOfHostileFilesAreCheap reads hostile files as rows of each kind, before any row meets the store. If an import does not find its
// columns, the sender says which they are, so that the rows are read all the same. ./check long reads all files as each kind. ./check reads
// the largest honest file as each kind, and each of the others as one, in turn.
func TestRowsOfHostileFilesAreCheap(t *testing.T) {
	tier.AsShipped(t)
	tier.Slow(t)
	w := newWorld(t, false)
	s := w.reader()
	largest := hostile.Honest()[0]
	for n, f := range append(hostile.Of(tier.IsLong(), hostile.Workbook, hostile.CSV), hostile.Honest()[:2]...) {
		content := f.Make()
		table, no := sheet.Read(content)
		if no.Refused() {
			continue
		}
		kinds := imports.Kinds()
		if !tier.IsLong() && f.Name != largest.Name {
			kinds = kinds[n%len(kinds):][:1]
		}
		for _, kind := range kinds {
			mapping, found := mappingFor(t, w, s, kind, table.Header)
			if !found {
				if len(table.Header) > 1 {
					t.Errorf("%s %s is not read as %s, whatever columns its sender names", f.Kind, f.Name, kind)
				}
				continue
			}
			var cost hostile.Cost
			var out imports.Result
			var err error
			for range 3 { // another program may disturb a measurement
				cost = hostile.Measure(func() {
					out, err = s.Apply(t.Context(), w.by, imports.Request{Kind: kind, File: content, Mapping: mapping, DryRun: true})
				})
				cost.Time /= readings
				if !cost.TooMuch() {
					break
				}
			}
			if out.Refused() || err != nil && !errors.Is(err, errWrite) || err == nil && len(out.Lines) != len(table.Rows) {
				t.Errorf("%s %s as %s: %d of %d rows were read: %s, %v", f.Kind, f.Name, kind, len(out.Lines), len(table.Rows), out.Detail(), err)
			}
			report := t.Logf
			if cost.TooMuch() {
				report = t.Errorf
			}
			report("%-9s %-50s %-9s %6.2f s %6.1f MB at each reading, %d rows, all refused: %t", f.Kind, f.Name, kind, cost.Time.Seconds(), float64(cost.Memory)/(1<<20), len(table.Rows), err == nil)
		}
	}
}
