package gateway_test

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// TestADeviceThatSpeaksBeforeItsAccountWasLookedAt: the device's first message is stored with the account's reasons why the
// supply must be off, because the next message may be hours away.
func TestADeviceThatSpeaksBeforeItsAccountWasLookedAt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, "seed-a", unpaid())
		defer b.close()
		b.mu.Lock()
		b.slow = time.Second
		b.mu.Unlock()
		s := begin(b)
		s.says("GsmClientTest/ledStatus", "meter is off")
		time.Sleep(100 * time.Millisecond)
		b.mu.Lock()
		defer b.mu.Unlock()
		if b.took == 0 || !slices.Equal(b.reasons, []string{"CREDIT"}) {
			t.Errorf("%d messages were taken, the last with reasons %q, want CREDIT", b.took, b.reasons)
		}
	})
}
