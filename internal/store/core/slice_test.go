package core_test

import (
	"errors"
	"testing"

	"github.com/paywatt/paywatt/internal/store/core"
)

// counted is a connection whose query has as many rows as it says, numbered from 1.
type counted struct {
	core.Conn
	rows int64
}

func (c counted) Query(_ string, read func(core.Row) error, _ ...any) error {
	for n := range c.rows {
		if err := read(numbered{n: n + 1}); err != nil {
			return err
		}
	}
	return nil
}

// numbered is a row with its number.
type numbered struct {
	core.Row
	n int64
}

func (r numbered) Int(int) int64 { return r.n }

func readNumber(r core.Row) int64 { return r.Int(0) }

// TestASliceLosesNoRow: every row of a query is in one slice, in its place, also when the last slice is full or short.
func TestASliceLosesNoRow(t *testing.T) {
	for _, rows := range []int64{0, 1, core.SliceRows - 1, core.SliceRows, core.SliceRows + 1, 2*core.SliceRows + 1} {
		var lengths []int
		next := int64(1)
		err := core.InSlices(&core.Tx{C: counted{rows: rows}}, "", readNumber, func(slice []int64) error {
			lengths = append(lengths, len(slice))
			for _, n := range slice {
				if n != next {
					t.Errorf("of %d rows, row %d comes where row %d should", rows, n, next)
				}
				next++
			}
			if len(slice) == 0 || len(slice) > core.SliceRows {
				t.Errorf("of %d rows, %d come together", rows, len(slice))
			}
			return nil
		})
		if err != nil || next != rows+1 {
			t.Errorf("%d rows came in slices of %v: %v", rows, lengths, err)
		}
	}
}

// TestASliceThatFailsEndsTheQuery: no other slice is compared then.
func TestASliceThatFailsEndsTheQuery(t *testing.T) {
	broken := errors.New("broken")
	for _, rows := range []int64{1, core.SliceRows, 3 * core.SliceRows} {
		slices := 0
		err := core.InSlices(&core.Tx{C: counted{rows: rows}}, "", readNumber, func([]int64) error { slices++; return broken })
		if !errors.Is(err, broken) || slices != 1 {
			t.Errorf("%d rows: %d slices, %v", rows, slices, err)
		}
	}
}
