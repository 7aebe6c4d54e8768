package meterconfig

import (
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/meterdoc"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/wallet"
)

func noon() time.Time { return time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC) }

// rig is one meter whose configuration is decided again and again.
type rig struct {
	Point
	utility meterdoc.Values
	now     time.Time
	orders  byte
}

func newRig() *rig {
	r := &rig{now: noon(), Point: Point{Signed: true, Clock: noon(), Booted: noon().Add(-time.Hour), Meter: registry.Meter{Number: "04140001001", Mode: registry.PrepayToken,
		Status: registry.Active, ImpPerKWh: 1000, ReadingInterval: 30 * time.Minute}}}
	r.Own = meterdoc.Values{"ec_limit_wh": int64(5000)}
	return r
}

// decides decides, and carries the decision out. It returns the version that was sent, or 0.
func (r *rig) decides(met bool) int64 {
	d := decide(r.Point, r.utility, time.UTC, r.now, met)
	r.Row = d.row
	if d.send == nil {
		return 0
	}
	r.orders++
	r.Command = id.ID{15: r.orders}
	r.Order = wallet.Progress{ID: r.Command, State: "queued", Since: r.now, Until: r.now.Add(orderTTL)}
	return r.Version
}

// answers has the meter answer the newest command.
func (r *rig) answers(state, why string) {
	r.Order.State, r.Order.Answer, r.Order.Signed, r.Order.Since = state, why, true, r.now
}

// boots has the meter connect and report a configuration.
func (r *rig) boots(version int64, hash string) {
	r.Booted, r.Reported = r.now, Has{Version: version, Hash: hash}
}

func (r *rig) passes(d time.Duration) { r.now, r.Clock = r.now.Add(d), r.Clock.Add(d) }

// TestWhatIsSent plays stories of one meter: what has not changed is not sent again, and a meter that says that it has another one gets it.
func TestWhatIsSent(t *testing.T) {
	for _, c := range []struct {
		name string
		play func(*rig) int64
		want int64
	}{
		{"nobody has set a value", func(r *rig) int64 { r.Own = nil; return r.decides(true) }, 0},
		{"the utility has", func(r *rig) int64 {
			r.Own, r.utility = nil, meterdoc.Values{"lifeline_w": int64(200)}
			return r.decides(false)
		}, 1},
		{"the meter has", func(r *rig) int64 { return r.decides(false) }, 1},
		{"it is on its way", func(r *rig) int64 { r.decides(false); return r.decides(true) }, 0},
		{"it was taken", func(r *rig) int64 { r.decides(false); r.answers("done", ""); return r.decides(true) }, 0},
		{"another value", func(r *rig) int64 {
			r.decides(false)
			r.answers("done", "")
			r.Own = meterdoc.Values{"ec_limit_wh": int64(6000)}
			return r.decides(false)
		}, 2},
		{"the values are cleared", func(r *rig) int64 {
			r.decides(false)
			r.answers("done", "")
			r.Own = meterdoc.Values{}
			return r.decides(false)
		}, 2},
		{"the clocks change", func(r *rig) int64 {
			r.decides(false)
			r.answers("done", "")
			d := decide(r.Point, nil, time.FixedZone("east", 3600), r.now, false)
			return d.row.Version
		}, 2},
		{"it starts and has it", func(r *rig) int64 {
			r.decides(false)
			r.answers("done", "")
			r.passes(time.Hour)
			r.boots(1, r.Hash)
			return r.decides(true)
		}, 0},
		{"its memory is lost", func(r *rig) int64 {
			r.decides(false)
			r.answers("done", "")
			r.passes(time.Hour)
			r.boots(0, "")
			return r.decides(true)
		}, 2},
		{"the database was restored", func(r *rig) int64 { r.boots(7, "of a lost database"); return r.decides(true) }, 8},
		{"the database was restored, and the meter has it", func(r *rig) int64 {
			r.boots(7, meterdoc.Hash(r.document(nil, time.UTC)))
			return r.decides(true)
		}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := c.play(newRig()); got != c.want {
				t.Errorf("version %d was sent, want %d", got, c.want)
			}
		})
	}
}

// TestWhatIsSentAgain plays stories in which the meter did not take its configuration.
func TestWhatIsSentAgain(t *testing.T) {
	for _, c := range []struct {
		name string
		play func(*rig) int64
		want int64
	}{
		{"its command expires", func(r *rig) int64 { r.decides(false); r.passes(25 * time.Hour); return r.decides(false) }, 0},
		{"its command expired, and it connects", func(r *rig) int64 { r.decides(false); r.passes(25 * time.Hour); return r.decides(true) }, 2},
		{"it could not store it", func(r *rig) int64 { r.decides(false); r.answers("failed", "storage_error"); return r.decides(false) }, 2},
		{"it refuses it", func(r *rig) int64 {
			r.decides(false)
			r.answers("failed", "config low2_wh")
			r.passes(time.Hour)
			return r.decides(false)
		}, 0},
		{"values that contradict each other", func(r *rig) int64 {
			r.Own = meterdoc.Values{"low1_wh": int64(1), "low2_wh": int64(2)}
			return r.decides(true)
		}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := c.play(newRig()); got != c.want {
				t.Errorf("version %d was sent, want %d", got, c.want)
			}
		})
	}
}

// TestWhatTheMeterHas follows what a meter reports, and how the page says it.
func TestWhatTheMeterHas(t *testing.T) {
	r := newRig()
	want := func(when string, state State, has int64, since time.Time) {
		t.Helper()
		h := r.has()
		if got, _ := r.state(r.utility, time.UTC, h); got != state || h.Version != has || !h.Since.Equal(since) {
			t.Errorf("%s: %s, the meter has %d since %s, want %s, %d since %s", when, got, h.Version, h.Since, state, has, since)
		}
	}
	r.Booted = time.Time{}
	want("before a decision", StateWaiting, 0, time.Time{})
	r.decides(false)
	want("queued", StateWaiting, 0, time.Time{})
	r.Order.State, r.Order.Signed = "sent", true
	want("sent", StateSent, 0, time.Time{})
	r.passes(25 * time.Hour)
	want("a day later", StateUnanswered, 0, time.Time{})
	r.boots(0, "")
	first := r.now
	r.decides(true)
	want("it connects", StateWaiting, 0, first)
	r.passes(time.Minute)
	r.answers("done", "")
	taken := r.now
	want("taken", StateApplied, 2, taken)
	r.decides(false)
	r.passes(time.Hour)
	r.boots(2, r.Hash)
	r.decides(true)
	want("it starts again", StateApplied, 2, taken)
	if r.has().Doc == "" {
		t.Error("the document that the meter has is not known any more")
	}
	r.passes(time.Minute)
	r.Own = meterdoc.Values{"ec_limit_wh": int64(6000)}
	r.decides(false)
	r.answers("failed", "config ec_limit_wh")
	want("refused", StateRefused, 2, taken)
	if _, why := r.state(r.utility, time.UTC, r.has()); why != "config ec_limit_wh" {
		t.Errorf("refused for %q", why)
	}
	r.answers("failed", "storage_error")
	want("failed", StateFailed, 2, taken)
	r.Own = meterdoc.Values{"low2_wh": int64(30_000)}
	want("a contradiction", StateConflict, 2, taken)
	r.Own, r.Version = nil, 0
	want("nobody has set a value", StateNone, 2, taken)
}

// TestALaterReportReplacesTheEarlier: a boot that says that the memory was lost counts more than the answer before it.
func TestALaterReportReplacesTheEarlier(t *testing.T) {
	r := newRig()
	r.decides(false)
	r.answers("done", "")
	r.decides(false)
	r.passes(time.Minute)
	r.boots(0, "")
	if h := r.has(); h.Version != 0 || h.Doc != "" || !h.Since.Equal(r.now) {
		t.Errorf("after the memory was lost: %+v", h)
	}
	if got, _ := r.state(nil, time.UTC, r.has()); got != StateFailed {
		t.Errorf("a meter without its memory: %s", got)
	}
}

// TestAWithdrawnOrder: a newer configuration withdraws the one under way, and nothing else does.
func TestAWithdrawnOrder(t *testing.T) {
	r := newRig()
	r.decides(false)
	if d := decide(r.Point, r.utility, time.UTC, r.now, true); d.withdraw {
		t.Error("the order under way is withdrawn for the same configuration")
	}
	r.Own = meterdoc.Values{"ec_limit_wh": int64(6000)}
	if d := decide(r.Point, r.utility, time.UTC, r.now, false); !d.withdraw || d.send == nil || !d.row.Asked.Equal(r.now) {
		t.Errorf("another configuration: %+v", d)
	}
}

// TestWhoTakesAConfiguration: no wallet meter, no meter without a link key, none out of service.
func TestWhoTakesAConfiguration(t *testing.T) {
	for name, change := range map[string]func(*Point){
		"a wallet":       func(p *Point) { p.Meter.Mode = registry.PrepayWallet },
		"no link key":    func(p *Point) { p.Signed = false },
		"in the store":   func(p *Point) { p.Meter.Status = registry.Stock },
		"it was removed": func(p *Point) { p.Meter.Status = registry.Removed },
	} {
		p := newRig().Point
		if change(&p); p.takes() {
			t.Errorf("%s: it takes a configuration", name)
		}
	}
	if !newRig().takes() {
		t.Error("an active meter takes none")
	}
}
