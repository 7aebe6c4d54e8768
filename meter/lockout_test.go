package meter_test

import (
	"testing"
	"time"

	"github.com/paywatt/paywatt/meter"
	"github.com/paywatt/paywatt/sts"
)

// guess gives wrong tokens to a channel and returns how long the channel is locked afterwards.
func (r *rig) guess(n int, from meter.Source) time.Duration {
	r.tb.Helper()
	for range n {
		if got := r.last(wrongToken(r.tb, 2), from, "").Code; got != sts.CRCError {
			r.tb.Fatalf("a wrong token: %s, want crc_error", got)
		}
	}
	return time.Duration(r.state.LockedFor(from)) * time.Millisecond
}

func TestEachFiveInARowDoubleTheLock(t *testing.T) {
	r := newRig(t)
	day := 24 * time.Hour
	// With a day or more between each five, the limit of ten in a day never applies, so only the tokens
	// in a row count.
	want := 10 * time.Minute
	for range 12 {
		if got := r.guess(4, meter.Keypad); got != 0 {
			t.Fatalf("four more wrong tokens lock for %s", got)
		}
		if got := r.guess(1, meter.Keypad); got != want {
			t.Fatalf("the fifth locks for %s, want %s", got, want)
		}
		want = min(2*want, day)
		r.run(day + time.Minute)
	}
}

func TestTenInADayLockUntilTheOldestIsADayOld(t *testing.T) {
	r := newRig(t)
	good := testTID(t, testStart())
	// A good token after each fourth wrong token keeps the row short. It does not reset the count of the day.
	for i := range 9 {
		if got := r.guess(1, meter.Keypad); got != 0 {
			t.Fatalf("wrong token %d locks for %s", i+1, got)
		}
		if got := r.last(testToken(t, good+sts.TID(i), 1), meter.Keypad, "").Code; got != sts.Accept {
			t.Fatalf("good token: %s", got)
		}
		r.run(2 * time.Hour)
	}
	// The first wrong token was 18 hours ago.
	if got := r.guess(1, meter.Keypad); got != 6*time.Hour {
		t.Errorf("the tenth locks for %s, want 6h", got)
	}
	r.run(6 * time.Hour)
	// Now the second wrong token is 22 hours old, and this token is the tenth, counted from the second.
	if got := r.guess(1, meter.Keypad); got != 2*time.Hour {
		t.Errorf("the eleventh locks for %s, want 2h", got)
	}
}

func TestOnlyAnAcceptedTokenEndsTheRow(t *testing.T) {
	r := newRig(t)
	start := testTID(t, testStart())
	used := testToken(t, start, 1)
	r.token(used, meter.Keypad, "")
	r.guess(4, meter.Keypad)
	r.token(used, meter.Keypad, "") // used_error
	r.token("123", meter.Keypad, "")
	r.opened(r.keys.Open("56493153725450313471"), meter.Keypad) // class 1, accepted
	r.token(testToken(t, start+1, 1), meter.SMS, "")            // another channel
	if row := r.state.Guards[meter.Keypad-1].Row; row != 4 {
		t.Errorf("row %d, want 4", row)
	}
	r.token(testToken(t, start+2, 1), meter.Keypad, "")
	if row := r.state.Guards[meter.Keypad-1].Row; row != 0 {
		t.Errorf("row %d after an accepted token, want 0", row)
	}
}

func TestChannelsLockAlone(t *testing.T) {
	r := newRig(t)
	r.guess(5, meter.SMS)
	good := testToken(t, testTID(t, testStart()), 1)
	if got := r.last(good, meter.SMS, "").Code; got != sts.Locked {
		t.Errorf("a good token on the locked channel: %s, want locked", got)
	}
	if got := r.last("11111111111111111111", meter.SMS, "").Code; got == sts.CRCError {
		t.Error("a locked channel shows that a token is wrong")
	}
	if got := r.opened(r.keys.Open("56493153725450313471"), meter.SMS); got != sts.Accept {
		t.Errorf("a test token on the locked channel: %s, want accept", got)
	}
	if got := r.last(good, meter.Keypad, "").Code; got != sts.Accept {
		t.Errorf("a good token at the keypad: %s, want accept", got)
	}
	if got := r.last(testToken(t, testTID(t, testStart())+1, 1), meter.Remote, "").Code; got != sts.Accept {
		t.Errorf("a good token over the connection: %s, want accept", got)
	}
}

func TestWrongTestTokensAreNotCounted(t *testing.T) {
	r := newRig(t)
	for range 20 {
		if got := r.opened(sts.Opened{Result: sts.CRCError, Class: 1}, meter.Keypad); got != sts.CRCError {
			t.Fatalf("got %s, want crc_error", got)
		}
	}
	if r.state.Guards[meter.Keypad-1].Row != 0 {
		t.Error("wrong tokens of class 1 are counted")
	}
}

func TestALockOutlivesPowerCuts(t *testing.T) {
	r := newRig(t)
	r.guess(5, meter.Keypad)
	left := r.state.LockedFor(meter.Keypad)
	for range 5 {
		r.run(time.Minute)
		r.step(meter.Event{Kind: meter.EventPowerFail})
		left -= 60_000
		r.reboot(48 * time.Hour) // time without power does not count
		if got := r.state.LockedFor(meter.Keypad); got != left {
			t.Fatalf("after a power cut locked for %d ms, want %d", got, left)
		}
	}
	// A crash may lose some of the time already waited, but never the lock.
	r.run(time.Minute)
	r.reboot(0)
	if got := r.state.LockedFor(meter.Keypad); got < left-60_000 || got > left {
		t.Errorf("after a crash locked for %d ms, want %d to %d", got, left-60_000, left)
	}
}

// The meter saves the time already waited every 15 minutes. So a crash after 12 hours loses at most 15 minutes of it.
func TestACrashTakesLittleOfAWait(t *testing.T) {
	r, set, _ := twoSections(t, nil)
	r.guess(5, meter.SMS)
	r.state.Guards[meter.SMS-1].Until = 86_400
	r.wants("first section", set[0], sts.KCT1st)
	const waited = 12 * time.Hour
	locked := r.state.LockedFor(meter.SMS)
	r.run(waited + 14*time.Minute)
	r.reboot(0)
	least := locked - uint64((waited + 14*time.Minute).Milliseconds())
	if got := r.state.LockedFor(meter.SMS); got < least || got > least+15*60*1000 {
		t.Errorf("locked for %d ms after a crash, want %d and at most 15 min more", got, least)
	}
	r.run(waited)
	if r.state.Sections != 0 {
		t.Error("the key change is not forgotten")
	}
}

// A wrong token is durable before its result is shown. A power cut at that moment loses both the count and the result,
// so nobody can see the result and avoid the count.
func TestPowerCutsBuyNoGuesses(t *testing.T) {
	r := newRig(t)
	shown := 0
	r.seen = func(e meter.Effect) {
		if e.Kind == meter.EffectResult && e.Result.Code == sts.CRCError {
			shown++
		}
	}
	for range 40 {
		r.token(wrongToken(t, 0), meter.Keypad, "")
		r.reboot(0)
	}
	if shown != 5 {
		t.Errorf("%d guesses were answered, want 5 and then the lock", shown)
	}
}
