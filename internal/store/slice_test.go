package store_test

import (
	"fmt"
	"testing"

	"github.com/paywatt/paywatt/internal/store"
)

// TestASliceLosesNoRow: every row of a query is in one slice, also when the last slice is full or short.
func TestASliceLosesNoRow(t *testing.T) {
	undone(t, func(tx *store.Tx) error {
		for _, rows := range []int{0, 1, store.SliceRows - 1, store.SliceRows, store.SliceRows + 1, 2*store.SliceRows + 1} {
			lengths, numbers, err := store.Slices(tx, fmt.Sprintf(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d) SELECT i FROM n WHERE i <= %d`, rows, rows))
			if err != nil {
				return err
			}
			sum, most := int64(0), 0
			for _, l := range lengths {
				most = max(most, l)
			}
			for _, n := range numbers {
				sum += n
			}
			if len(numbers) != rows || sum != int64(rows*(rows+1)/2) || most > store.SliceRows {
				t.Errorf("%d rows came in slices of %v, with the sum %d", rows, lengths, sum)
			}
		}
		return nil
	})
}
