package device_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/device"
	"github.com/paywatt/paywatt/internal/tier"
	"github.com/paywatt/paywatt/meter"
	"github.com/paywatt/paywatt/sts"
	"github.com/paywatt/paywatt/unit"
	"github.com/paywatt/paywatt/wire"
)

// jumper is a meter whose clock jumps, with a twin whose clock does not. Both get the same loads and tokens.
type jumper struct {
	t       *testing.T
	rnd     *rand.Rand
	medium  *medium
	d, twin *device.Device
	twinMem *medium
	tid     sts.TID
	orders  uint64
	// used are tokens that both meters have accepted.
	used []string
	// jumps counts the jumps by kind.
	jumps map[string]int
}

// both applies a function to the meter and to its twin.
func (j *jumper) both(do func(*device.Device) error) {
	j.t.Helper()
	must(j.t, do(j.d))
	must(j.t, do(j.twin))
}

// jump makes the clock jump in one of the ways seen in the field.
func (j *jumper) jump(n int) {
	j.t.Helper()
	d, now := j.d, j.d.Now()
	sizes := []time.Duration{
		time.Second, 59 * time.Second, 61 * time.Second, time.Hour, 24 * time.Hour, 40 * 24 * time.Hour, 365 * 24 * time.Hour, 3653 * 24 * time.Hour,
	}
	size := sizes[j.rnd.IntN(len(sizes))]
	to := now.Add(size)
	if j.rnd.IntN(2) == 0 {
		to = now.Add(-size)
	}
	// Stay within the years that two digits cover.
	if to.Year() < 2005 || to.Year() > 2090 {
		to = testNow().Add(time.Duration(n) * time.Hour)
	}
	kind := []string{"chip", "server", "menu", "dead", "boot", "dst"}[n%6]
	j.jumps[kind]++
	switch kind {
	case "chip":
		must(j.t, d.SetClock(to))
	case "server":
		j.orders++
		o := wire.SignedHeader{ID: fmt.Sprintf("time_%d", n), Counter: j.orders, ExpiresAt: now.Unix() + 3600}
		down(j.t, d, wire.DownTime, signed(j.t, wire.DownTime, wire.Time{SignedHeader: o, At: to.Unix()}))
	case "menu":
		must(j.t, d.Keys("*3"+to.Format("0201061504")+"#"))
	case "dead":
		must(j.t, d.StopClock())
	case "boot":
		// The clock chip lost its time while the mains was off.
		must(j.t, d.Power(false))
		must(j.t, d.SetClock(to))
		must(j.t, d.Power(true))
		must(j.t, j.twin.Power(false))
		must(j.t, j.twin.Power(true))
	case "dst":
		// Somebody set the chip to local time, an hour forward or back.
		must(j.t, d.SetClock(now.Add(time.Hour*time.Duration(1-2*j.rnd.IntN(2)))))
	}
}

// live lets some time pass, with purchases, old tokens and typing mistakes.
func (j *jumper) live() {
	j.t.Helper()
	w := j.rnd.IntN(3000)
	j.both(func(d *device.Device) error { return d.SetLoad(unit.Power(w)) })
	if s := j.twin.State(); s.Balance < 3000 && j.rnd.IntN(3) > 0 {
		j.tid += 100
		token := digits(j.t, j.tid, 30+j.rnd.Int64N(100))
		j.used = append(j.used, token)
		j.both(func(d *device.Device) error { return d.Keys(token + "#") })
		if a, b := j.d.View().LastToken, j.twin.View().LastToken; a != "accept" || b != "accept" {
			j.t.Fatalf("a new token: %s, without jumps %s", a, b)
		}
	}
	if len(j.used) > 0 && j.rnd.IntN(4) == 0 {
		old := j.used[j.rnd.IntN(len(j.used))]
		before := j.d.View().BalanceWh
		j.both(func(d *device.Device) error { return d.Keys(old + "#") })
		if got := j.d.View(); got.LastToken != "used_error" && got.LastToken != "old_error" || got.BalanceWh != before {
			j.t.Fatalf("a used token: %s, credit from %d to %d", got.LastToken, before, got.BalanceWh)
		}
	}
	pass := time.Duration(10+j.rnd.IntN(600)) * time.Minute
	j.both(func(d *device.Device) error { return d.Advance(pass, nil) })
	j.both((*device.Device).Flush)
}

// compare checks that both meters have the same credit, supply and history.
func (j *jumper) compare(n int) {
	j.t.Helper()
	a, b := j.d.State(), j.twin.State()
	if a.Register != b.Register || a.Balance != b.Balance || a.Overrun != b.Overrun || a.Relay != b.Relay || a.Reasons != b.Reasons {
		j.t.Fatalf("jump %d: register %d, credit %d, overrun %d, %s %v; without jumps %d, %d, %d, %s %v", n,
			a.Register, a.Balance, a.Overrun, a.Relay, a.Reasons.Names(), b.Register, b.Balance, b.Overrun, b.Relay, b.Reasons.Names())
	}
}

// said returns the events about credit, tokens and supply, in order. They must not depend on any clock.
func said(t *testing.T, d *device.Device) (codes []string, warnings int) {
	t.Helper()
	seq := uint64(0)
	for _, r := range records(t, d) {
		if r.Head.Seq <= seq {
			t.Fatalf("record %d comes after record %d", r.Head.Seq, seq)
		}
		seq = r.Head.Seq
		if r.Kind != wire.KindEvent {
			continue
		}
		switch c := r.Event.Code; {
		case c == int(meter.CodeLow1), c == int(meter.CodeLow2), c == int(meter.CodeExhausted):
			warnings++
			fallthrough
		case c/100 == 2, c/100 == 3, c/100 == 4:
			codes = append(codes, fmt.Sprint(c, r.Event.Args))
		}
	}
	return codes, warnings
}

// TestTwoHundredClockJumps makes a meter's clock jump by a second to ten years in either direction. Somebody sets the
// clock chip directly or while the mains is off, the server or the menu sets the clock, or the clock stops. A twin
// with a good clock lives through the same days.
func TestTwoHundredClockJumps(t *testing.T) {
	const jumps = 200
	j := &jumper{t: t, rnd: rand.New(rand.NewPCG(tier.Seed(t), jumps)), medium: newMedium(), twinMem: newMedium(), tid: 5_871_715, jumps: map[string]int{}}
	open := func(m *medium) *device.Device {
		c := config(t, m)
		c.Keep = 100_000
		d, err := device.Open(c)
		must(t, err)
		return d
	}
	j.d, j.twin = open(j.medium), open(j.twinMem)
	for n := range jumps {
		j.live()
		j.jump(n)
		// The panel leaves every page by itself.
		j.both(func(d *device.Device) error { return d.Advance(2*time.Minute, nil) })
		j.compare(n)
		j.live()
		j.compare(n)
	}
	codes, warnings := said(t, j.d)
	want, wantWarnings := said(t, j.twin)
	if a, b := strings.Join(codes, "\n"), strings.Join(want, "\n"); a != b {
		t.Errorf("what was said of credit, tokens and supply differs at byte %d", differ([]byte(a), []byte(b)))
	}
	if warnings != wantWarnings || warnings == 0 {
		t.Errorf("%d warnings, without jumps %d", warnings, wantWarnings)
	}
	days := historyInOrder(t, j.d)
	t.Logf("figures: %d clock jumps %v: %d tokens, no credit lost or doubled, %d warnings and %d events as a twin without jumps, %d closed days in order",
		jumps, j.jumps, len(j.used), warnings, len(codes), days)
}

// historyInOrder checks that every closed day comes after the one before it, in the history and in the records.
func historyInOrder(t *testing.T, d *device.Device) (days int) {
	t.Helper()
	last := ""
	for _, r := range records(t, d) {
		if r.Kind != wire.KindClose {
			continue
		}
		if r.Close.Date <= last {
			t.Errorf("the day %s was closed after %s", r.Close.Date, last)
		}
		last = r.Close.Date
		days++
	}
	var before meter.Date
	for _, row := range ringsOf(d).days {
		if row.Date <= before {
			t.Errorf("the history has %s after %s", row.Date, before)
		}
		before = row.Date
	}
	return days
}
