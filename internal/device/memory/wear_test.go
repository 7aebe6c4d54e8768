package memory_test

import (
	"testing"

	"github.com/paywatt/paywatt/internal/device/board"
	"github.com/paywatt/paywatt/internal/device/memory"
)

var _ board.Wear = (*memory.Worn)(nil)

func TestEveryPageThatIsWrittenWears(t *testing.T) {
	w := memory.NewWorn(&memory.RAMImage{}, nil, 3)
	write := func(at int64, n int) {
		t.Helper()
		if got, err := w.WriteAt(make([]byte, n), at); got != n || err != nil {
			t.Fatalf("%d of %d bytes written at %d: %v", got, n, at, err)
		}
	}
	write(0, 33)   // pages 0 and 1
	write(31, 1)   // page 0
	write(4095, 1) // the last page
	if n, of := w.Worst(); n != 2 || of != 3 {
		t.Errorf("worst page written %d times of %d, want 2 of 3", n, of)
	}
	counts := w.Counts()
	if len(counts) != 512 || counts[0] != 2 || counts[4] != 1 || counts[8] != 0 || counts[508] != 1 {
		t.Errorf("%d bytes of counts, %d %d %d … %d", len(counts), counts[0], counts[4], counts[8], counts[508])
	}
	again := memory.NewWorn(&memory.RAMImage{}, counts, 0)
	if n, of := again.Worst(); n != 2 || of != memory.Endurance {
		t.Errorf("after a restart: %d of %d, want 2 of %d", n, of, memory.Endurance)
	}
	write(0, 0)
	if n, _ := w.Worst(); n != 2 {
		t.Errorf("a write of nothing has worn a page: %d", n)
	}
}
