package meter_test

import (
	"testing"
	"time"

	"github.com/paywatt/paywatt/meter"
	"github.com/paywatt/paywatt/sts"
)

// TestALostLogRecordIsNoticed loses a record that was durable and reported. The meter reports the loss (702), does not
// reuse its number, and keeps working after further power cuts.
func TestALostLogRecordIsNoticed(t *testing.T) {
	r := newRig(t)
	tid := testTID(t, testStart())
	a, b := testToken(t, tid, 100), testToken(t, tid+1, 50)
	r.lazy = true
	r.token(a, meter.Keypad, "")
	before := *r.mem
	r.lazy = false
	r.complete()
	if r.state.Balance != 10_000 || r.newest != 1 {
		t.Fatalf("balance %s, newest record told %d; want 10.000 kWh, 1", r.state.Balance, r.newest)
	}
	*r.mem = before // the medium has lost the record and the snapshot after it
	n := len(r.outbox)
	r.reboot(time.Second)
	lost := false
	for _, rep := range r.outbox[n:] {
		lost = lost || rep.Code == meter.CodeTorn && rep.Args()["lost"] == true
	}
	if !lost || r.state.Applied != 1 {
		t.Fatalf("event 702 %t, newest record %d; want it reported and its number left out", lost, r.state.Applied)
	}
	// The next record is written, and the power fails before anything else is written. The gap must not look like
	// damage.
	r.lazy = true
	r.token(b, meter.SMS, "")
	if err := r.j.Append(&r.state, *r.under); err != nil {
		t.Fatal(err)
	}
	r.lazy = false
	for range 2 {
		r.reboot(time.Second)
		if r.state.Balance != 5000 || r.state.Applied != 2 {
			t.Fatalf("balance %s after record %d, want 5.000 kWh after 2", r.state.Balance, r.state.Applied)
		}
	}
	accepted := 0
	for _, rep := range r.outbox {
		if rep.Kind == meter.ReportToken && rep.Result == sts.Accept && rep.Source == meter.SMS {
			accepted++
		}
	}
	if accepted != 1 {
		t.Errorf("the second token is reported %d times, want once", accepted)
	}
}
