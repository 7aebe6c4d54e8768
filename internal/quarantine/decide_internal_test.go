package quarantine

import (
	"fmt"
	"testing"

	"github.com/paywatt/paywatt/internal/intake"
	"github.com/paywatt/paywatt/internal/metering"
)

// decided holds the entries of a meter that are still open after a decision, and the alarms that ended.
type decided struct {
	Tx
	intake.ReviewTx
	records, drawn int64
	ended          []metering.AlarmCode
}

func (d *decided) Review() intake.ReviewTx          { return d }
func (d *decided) HeldWaiting(int64) (int64, error) { return d.records, nil }
func (d *decided) ResetHeldDropped(int64) error     { return nil }
func (d *decided) HeldForDoubt(_ int64, doubt metering.Doubt) (int64, error) {
	if doubt != metering.DoubtOpen {
		return 0, nil
	}
	return d.drawn, nil
}

func (d *decided) ClearAlarm(_ int64, code metering.AlarmCode) error {
	d.ended = append(d.ended, code)
	return nil
}

// TestAnAlarmEndsWithItsLastEntry checks the alarms about records and about energy through an open relay. The alarm about a
// stopped rating ends with its release.
func TestAnAlarmEndsWithItsLastEntry(t *testing.T) {
	for _, c := range []struct {
		kind           Kind
		doubt          metering.Doubt
		records, drawn int64
		want           string
	}{
		{OfRecord, metering.DoubtTime, 0, 1, "[quarantine-full quarantined-record]"},
		{OfRecord, metering.DoubtTime, 1, 0, "[quarantine-full]"},
		{OfRating, metering.DoubtOpen, 1, 0, "[energy-while-off]"},
		{OfRating, metering.DoubtOpen, 0, 1, "[]"},
		{OfRating, metering.DoubtSpan, 0, 0, "[]"},
	} {
		d := &decided{records: c.records, drawn: c.drawn}
		if err := (Entry{Kind: c.kind, Doubt: c.doubt}).endAlarms(d); err != nil || fmt.Sprint(d.ended) != c.want {
			t.Errorf("a %s with doubt %s, %d records and %d readings left: %v, %v, want %s", c.kind, c.doubt, c.records, c.drawn, d.ended, err, c.want)
		}
	}
}
