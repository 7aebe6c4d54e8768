package store_test

import (
	"errors"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/storetest"
)

// TestAWrongSpanIsReadWhole: a person has marked a span of time in which the clock was wrong. The server leaves out the tokens from it, to its
// last moment, and refuses to read a span unless both its moments are numbers.
func TestAWrongSpanIsReadWhole(t *testing.T) {
	const before, micros = 2 * time.Second, 1000
	for name, c := range map[string]struct {
		span    func(sold time.Time) string
		from    func(sold time.Time) time.Time // nil for none
		leftOut bool                           // the newest token is
		refused bool
	}{
		"no span": {span: func(time.Time) string { return "" }},
		"a span that ends with the token": {span: func(sold time.Time) string { return fmt.Sprint(sold.Add(-before).UnixMicro(), " ", sold.UnixMicro()) },
			from: func(sold time.Time) time.Time { return sold.Add(-before) }, leftOut: true},
		"a span that ends before it": {span: func(sold time.Time) string {
			return fmt.Sprint(sold.Add(-before).UnixMicro(), " ", sold.UnixMicro()-micros)
		},
			from: func(sold time.Time) time.Time { return sold.Add(-before) }},
		"no number first":  {span: func(sold time.Time) string { return fmt.Sprint("x ", sold.UnixMicro()) }, refused: true},
		"no number second": {span: func(sold time.Time) string { return fmt.Sprint(sold.UnixMicro(), " x") }, refused: true},
		"no number":        {span: func(time.Time) string { return "x" }, refused: true},
	} {
		undone(t, func(tx *store.Tx) error {
			if err := storetest.PutGoldenRows(tx); err != nil {
				return err
			}
			sold, err := sellNow(tx)
			if err != nil {
				return err
			}
			if err := markSpan(tx, c.span(sold)); err != nil {
				return err
			}
			times, err := tx.VendClock()
			if c.refused {
				if !errors.Is(err, strconv.ErrSyntax) {
					t.Errorf("%s: %v, want that it is no number", name, err)
				}
				return nil
			}
			var from time.Time
			if c.from != nil {
				from = c.from(sold)
			}
			if !times.Trusted.Equal(from) || times.Newest.Equal(sold) == c.leftOut {
				t.Errorf("%s: read as from %s, want %s; the newest token is of %s, and one of %s was sold", name, times.Trusted, from, times.Newest, sold)
			}
			return err
		})
	}
}

// sellNow gives a golden token the identity of one that was sold now, and returns when that was.
func sellNow(tx *store.Tx) (sold time.Time, err error) {
	token, err := tx.NewID()
	if err != nil {
		return sold, err
	}
	changed, err := tx.C.Exec(`UPDATE token SET id = $1 WHERE id = (SELECT MAX(id) FROM token)`, token)
	if err == nil && changed != 1 {
		err = fmt.Errorf("%d tokens were sold", changed)
	}
	return token.Time(), err
}

// markSpan stores a span as it stands in the table meta.
func markSpan(tx *store.Tx, text string) error {
	key := fmt.Sprintf("trusted:%d", tx.Tenant)
	if _, err := tx.C.Exec(`DELETE FROM meta WHERE key = $1`, key); err != nil {
		return err
	}
	_, err := tx.C.Exec(`INSERT INTO meta (key, value) VALUES ($1, $2)`, key, text)
	return err
}
