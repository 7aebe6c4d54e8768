package wallet_test

import (
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/localday"
	"github.com/paywatt/paywatt/internal/wallet"
)

// TestAMonthWithoutItsFirstMidnight: October 2017 began at 01:00 in Paraguay. It is not September.
func TestAMonthWithoutItsFirstMidnight(t *testing.T) {
	zone, err := localday.LoadZone("America/Asuncion")
	if err != nil {
		t.Fatal(err)
	}
	begin, end, no := wallet.MonthOf("2017-10", time.Date(2026, 11, 20, 12, 0, 0, 0, zone))
	if got := begin.Format(time.RFC3339) + " " + end.Format(time.RFC3339); no.Refused() || got != "2017-10-01T01:00:00-03:00 2017-11-01T00:00:00-03:00" {
		t.Errorf("the month is %s, %s", got, no.Detail())
	}
}
