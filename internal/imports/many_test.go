package imports_test

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/imports"
	"github.com/paywatt/paywatt/internal/tier"
)

// Limits of the memory that the process needs for a large file, beyond what it had before: a part that any file takes, and one for each row.
const (
	fileMemory = 20 << 20
	rowMemory  = 8 << 10
)

// peak runs something and returns how long it took and by how many bytes the heap in use rose at most. The collector runs so often that
// garbage hardly counts.
func peak(run func()) (time.Duration, uint64) {
	defer debug.SetGCPercent(debug.SetGCPercent(10))
	runtime.GC()
	read := func() uint64 {
		s := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
		metrics.Read(s)
		return s[0].Value.Uint64()
	}
	before, most := read(), uint64(0)
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			most = max(most, read())
			select {
			case <-stop:
				return
			case <-time.After(5 * time.Millisecond):
			}
		}
	}()
	start := time.Now()
	run()
	took := time.Since(start)
	close(stop)
	<-done
	return took, most - min(most, before)
}

// TestALargeFileIsImported tries, imports and undoes a large file, and states how long that took and how much memory it needed.
func TestALargeFileIsImported(t *testing.T) {
	tier.OneGoroutine(t)
	tier.Slow(t)
	manyRows := tier.ImportedRows.N()
	w := newWorld(t, false)
	var meters, balances strings.Builder
	meters.WriteString("number,name,phone,address\n")
	balances.WriteString("account,amount\n")
	for i := range manyRows {
		n := meterNumber(i)
		fmt.Fprintf(&meters, "%s,Customer %d,+2547%08d,Flat %d\n", n, i, i, i)
		fmt.Fprintf(&balances, "%s,%d.25\n", n, 1+i%5)
	}
	for kind, file := range map[imports.Kind]string{imports.Meters: meters.String(), imports.Balances: balances.String()} {
		t.Logf("figures: a file of %d %s has %d kB", manyRows, kind, len(file)>>10)
	}
	var out imports.Result
	step := func(what string, want imports.State, run func() (imports.Result, error)) {
		t.Helper()
		var err error
		took, memory := peak(func() { out, err = run() })
		if err != nil || out.Refused() || out.Totals()[want] != manyRows {
			t.Fatalf("%s: %v %s %v", what, err, out.Detail(), out.Totals())
		}
		if memory > fileMemory+uint64(manyRows)*rowMemory {
			t.Errorf("%s needed %d MB", what, memory>>20)
		}
		t.Logf("figures: %s: %.1f s, %.0f rows a second, %d MB", what, took.Seconds(), float64(manyRows)/took.Seconds(), memory>>20)
	}
	apply := func(kind imports.Kind, file, key string) func() (imports.Result, error) {
		return func() (imports.Result, error) { return w.apply(kind, file, key) }
	}
	step("the check of the meters", imports.Done, apply(imports.Meters, meters.String(), ""))
	step("their import", imports.Done, apply(imports.Meters, meters.String(), "meters"))
	imported := out.Import.ID.Text(id.Import)
	step("the check of the balances", imports.Done, apply(imports.Balances, balances.String(), ""))
	step("the undoing of the meters", imports.Undone, func() (imports.Result, error) { return w.Undo(t.Context(), w.by, imported) })
}
