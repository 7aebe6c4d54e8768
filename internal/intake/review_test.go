package intake_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/paywatt/paywatt/internal/intake"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/rowstest"
)

// review is a transaction of a meter with records that wait for a decision.
type review struct {
	intake.ReviewTx
	rowstest.Calls
	waiting int64
}

func (r *review) HeldWaiting(int64) (int64, error) { return r.waiting, r.Fails("HeldWaiting") }

func (r *review) ResetHeldDropped(meter int64) error { return r.Writes("counted %d", meter) }

func (r *review) ClearAlarm(meter int64, code metering.AlarmCode) error {
	return r.Writes("%s %d", code, meter)
}

// TestWhichAlarmsEndWithADecision lets 200 records wait. The first decision must end the alarm that the quarantine is full, and the last
// decision the alarm that records wait.
func TestWhichAlarmsEndWithADecision(t *testing.T) {
	for waiting, want := range map[int64]string{201: "[]", 200: "[]", 199: "[counted 7 quarantine-full 7]", 1: "[counted 7 quarantine-full 7]",
		0: "[counted 7 quarantine-full 7 quarantined-record 7]"} {
		r := &review{waiting: waiting}
		if err := intake.Reviewed(r, 7); err != nil || fmt.Sprint(r.Wrote) != want {
			t.Errorf("%d wait: %v, %v, want %s", waiting, r.Wrote, err, want)
		}
	}
	for n := 1; n <= 4; n++ {
		r := &review{}
		r.Broken = n
		if err := intake.Reviewed(r, 7); !errors.Is(err, rowstest.ErrStore) || len(r.Made) != n {
			t.Errorf("call %d fails: %v after %d calls", n, err, len(r.Made))
		}
	}
}
