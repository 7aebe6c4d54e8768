package intake_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/paywatt/paywatt/internal/intake"
	"github.com/paywatt/paywatt/internal/metering"
)

// review is the records of one meter that wait for a decision.
type review struct {
	intake.ReviewTx
	waiting int64
	did     []string
	broken  int // the call that fails, counted from 1; 0 for none
	calls   int
}

var errRow = errors.New("the row failed")

func (r *review) fails() error {
	if r.calls++; r.calls == r.broken {
		return errRow
	}
	return nil
}

func (r *review) AsideWaiting(int64) (int64, error) { return r.waiting, r.fails() }

func (r *review) AsideCounted(meter int64) error {
	r.did = append(r.did, fmt.Sprint("counted ", meter))
	return r.fails()
}

func (r *review) ClearAlarm(meter int64, code metering.AlarmCode) error {
	r.did = append(r.did, fmt.Sprint(code, " ", meter))
	return r.fails()
}

// TestWhichAlarmsEndWithADecision: that the quarantine is full ends with the first of 200 records, that records wait with the last.
func TestWhichAlarmsEndWithADecision(t *testing.T) {
	for waiting, want := range map[int64]string{201: "[]", 200: "[]", 199: "[counted 7 quarantine-full 7]", 1: "[counted 7 quarantine-full 7]",
		0: "[counted 7 quarantine-full 7 quarantined-record 7]"} {
		r := &review{waiting: waiting}
		if err := intake.Reviewed(r, 7); err != nil || fmt.Sprint(r.did) != want {
			t.Errorf("%d wait: %v, %v, want %s", waiting, r.did, err, want)
		}
	}
	for n := 1; n <= 4; n++ {
		r := &review{broken: n}
		if err := intake.Reviewed(r, 7); !errors.Is(err, errRow) || r.calls != n {
			t.Errorf("call %d fails: %v after %d calls", n, err, r.calls)
		}
	}
}
