package device_test

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/device"
	"github.com/paywatt/paywatt/internal/device/flight"
	"github.com/paywatt/paywatt/internal/tier"
	"github.com/paywatt/paywatt/meter"
	"github.com/paywatt/paywatt/sts"
	"github.com/paywatt/paywatt/unit"
)

const yearDays = 365

// household plays the events of one meter: the same ones each time.
type household struct {
	rnd *rand.Rand
	tid sts.TID
	// split lets a stretch of time pass, at once or in pieces.
	split func(time.Duration) error
}

// day plays one day: loads, a purchase when little credit is left, and now and then a mistyped or old token, a power
// cut, tampering, or a message.
func (h *household) day(t *testing.T, d *device.Device, n int) {
	t.Helper()
	for range 24 {
		load(t, d, unit.Power(50+h.rnd.IntN(900)))
		minutes := time.Duration(1 + h.rnd.IntN(59))
		must(t, h.split(minutes*time.Minute))
		load(t, d, unit.Power(h.rnd.IntN(1500)))
		must(t, h.split((60-minutes)*time.Minute))
	}
	if d.View().BalanceWh < 8000 {
		h.tid += 2000
		token := digits(t, h.tid, 300+h.rnd.Int64N(1500))
		if h.rnd.IntN(3) == 0 {
			enter(t, d, wrongDigits(t))
		}
		if got := enter(t, d, token); got != "accept" {
			t.Fatalf("day %d: token: %s", n, got)
		}
		if h.rnd.IntN(3) == 0 {
			enter(t, d, token)
		}
	}
	switch h.rnd.IntN(20) {
	case 0:
		must(t, d.Power(false))
		must(t, h.split(time.Duration(1+h.rnd.IntN(300))*time.Minute))
		must(t, d.Power(true))
	case 1:
		must(t, d.Tamper(meter.TamperPhaseLoss, true))
		must(t, h.split(time.Hour))
		must(t, d.Tamper(meter.TamperPhaseLoss, false))
	case 2:
		must(t, d.SMS("+254700000001", "*01#"))
		d.TakeSMS()
	}
}

// year plays the household's year of a seed.
func year(t *testing.T, seed uint64, c device.Config, split func(*device.Device) func(time.Duration) error) *device.Device {
	t.Helper()
	d, err := device.Open(c)
	must(t, err)
	h := &household{rnd: rand.New(rand.NewPCG(seed, 365)), tid: 5_871_715, split: split(d)}
	for n := range yearDays {
		h.day(t, d, n)
		must(t, d.Flush())
	}
	return d
}

func whole(d *device.Device) func(time.Duration) error {
	return func(t time.Duration) error { return d.Advance(t, nil) }
}

// told returns all records of an outbox, byte for byte.
func told(d *device.Device) (b []byte) {
	for _, e := range d.Box().All() {
		b = append(append(b, e.Data...), '\n')
	}
	return b
}

func hashOf(d *device.Device) uint64 {
	s := d.State()
	return meter.Hash(&s)
}

// yearConfig configures a meter that keeps every record of a year.
func yearConfig(t *testing.T) device.Config {
	t.Helper()
	c := config(t, newMedium())
	c.Keep = 100_000
	return c
}

func TestAYearIsReplayedToTheSameHash(t *testing.T) {
	tier.Slow(t)
	tier.OneGoroutine(t)
	seed := tier.Seed(t)
	var tape bytes.Buffer
	c := yearConfig(t)
	c.Recorder = flight.NewRecorder(&tape)
	d := year(t, seed, c, whole)
	recorded := hashOf(d)
	var results [2]flight.Result
	for i := range results {
		r, err := flight.Replay(bytes.NewReader(tape.Bytes()))
		must(t, err)
		if !r.Matches() {
			t.Fatalf("replay %d differs after event %d", i, r.Differs)
		}
		results[i] = r
	}
	if results[0] != results[1] {
		t.Errorf("the replays are not the same: %+v and %+v", results[0], results[1])
	}
	s := d.State()
	t.Logf("figures: a year of one household (%d kWh, %d starts, %d records) in %d events, %d kB of recording, replayed twice to %s (%016x), %d hashes compared",
		int64(s.Register)/1000, s.Boots, s.Seq-1, results[0].Events, tape.Len()/1000, results[0].Hash, recorded, results[0].Checks)
	// Living the same year again, without a replay, gives the same records to the last byte.
	again := year(t, seed, yearConfig(t), whole)
	if hashOf(again) != recorded || !bytes.Equal(told(d), told(again)) {
		t.Error("the same year lived again was another one")
	}
}

// TestAYearInPiecesIsTheSameYear lets the year pass once from event to event and once in pieces at random moments. The
// state and the records must be the same, byte for byte.
func TestAYearInPiecesIsTheSameYear(t *testing.T) {
	seed, cuts := tier.Seed(t), tier.MeterCuts.N()
	d := year(t, seed, yearConfig(t), whole)
	// Draw the moments at which the year is cut, in milliseconds since its beginning.
	rnd := rand.New(rand.NewPCG(seed, uint64(cuts)))
	const span = int64(yearDays * 24 * time.Hour / time.Millisecond)
	at := make([]int64, cuts)
	for i := range at {
		at[i] = rnd.Int64N(span)
	}
	slices.Sort(at)
	var passed int64
	used := 0
	pieces := year(t, seed, yearConfig(t), func(d *device.Device) func(time.Duration) error {
		return func(span time.Duration) error {
			end := passed + span.Milliseconds()
			for len(at) > 0 && at[0] < end {
				if err := d.Advance(time.Duration(at[0]-passed)*time.Millisecond, nil); err != nil {
					return err
				}
				passed, at = at[0], at[1:]
				used++
			}
			err := d.Advance(time.Duration(end-passed)*time.Millisecond, nil)
			passed = end
			return err
		}
	})
	if used < cuts {
		t.Fatalf("the year was cut %d times, want %d", used, cuts)
	}
	if a, b := hashOf(d), hashOf(pieces); a != b {
		t.Errorf("in one piece %016x, in %d pieces %016x", a, used, b)
	}
	if a, b := told(d), told(pieces); !bytes.Equal(a, b) {
		t.Errorf("the records differ from byte %d on", differ(a, b))
	}
	t.Logf("figures: a year of one household cut at %d random moments: hash %016x and %d records as in one piece", used, hashOf(d), d.State().Seq-1)
}

func differ(a, b []byte) int {
	n := min(len(a), len(b))
	for i := range n {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}
