package wallet_test

import (
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/wallet"
)

// paraguay is a utility that was always in one zone.
type paraguay struct{}

func (paraguay) LetterheadAt(time.Time) (registry.PaperHead, error) {
	return registry.PaperHead{Letterhead: registry.Letterhead{TZ: "America/Asuncion"}}, nil
}

// TestAMonthWithoutItsFirstMidnight: October 2017 began at 01:00 in Paraguay. It is not September.
func TestAMonthWithoutItsFirstMidnight(t *testing.T) {
	begin, end, no, err := wallet.FindMonth(paraguay{}, "2017-10", time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC))
	if err != nil {
		t.Fatal(err)
	}
	if got := begin.Format(time.RFC3339) + " " + end.Format(time.RFC3339); no.Refused() || got != "2017-10-01T01:00:00-03:00 2017-11-01T00:00:00-03:00" {
		t.Errorf("the month is %s, %s", got, no.Detail())
	}
}
