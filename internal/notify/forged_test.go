package notify_test

import (
	"slices"
	"testing"

	"github.com/paywatt/paywatt/internal/notify"
)

// TestAForgedStopEndsNoMore: anybody may be able to forge the sender of a STOP. It ends these messages and no others: every
// word that a cut-off counts from, that brings a token, that answers, or that says that money was taken back still leaves.
func TestAForgedStopEndsNoMore(t *testing.T) {
	ends := []notify.Purpose{notify.PurposeLow1, notify.PurposeCutOff, notify.PurposeWritten}
	for _, p := range append(notify.Purposes(), notify.PurposeWritten, notify.PurposeMeter) {
		for _, muted := range []bool{true, false} {
			o := opened(t)
			m, err := notify.Queue(o, notify.Draft{Purpose: p, Phone: amina, Number: meterA, Meter: 1, Muted: muted}, o.now)
			if err != nil {
				t.Fatal(err)
			}
			if want := !muted || !slices.Contains(ends, p); m.Open != want || len(o.messages) != 1 {
				t.Errorf("%s after STOP (%v): open %v (%s), want %v", p, muted, m.Open, m.Failure, want)
			}
		}
	}
}

// TestAForgedWordTellsOnlyTheCustomer: whatever is written in the name of a registered number is answered to that number, and
// nothing but a customer's wish for warnings changes, which START brings back.
func TestAForgedWordTellsOnlyTheCustomer(t *testing.T) {
	o := opened(t)
	for _, text := range []string{"BAL", "LAST", "USE", "HELP", "START", "STOP"} {
		if got := o.receive(amina, text); len(got) != 1 { // receive wants each answer at the sender's number
			t.Errorf("%q is answered by %q, want one answer", text, got)
		}
	}
	for _, m := range o.messages {
		if m.Phone != amina {
			t.Errorf("%s goes to %s", m.Purpose, m.Phone)
		}
	}
	if len(o.stopped) != 1 || !o.stopped[amina] || len(o.audit) != 2 {
		t.Errorf("stopped %v, audit log %q; want the one wish, changed twice", o.stopped, o.audit)
	}
	if o.receive(amina, "START"); o.stopped[amina] {
		t.Error("START does not bring the warnings back")
	}
}
