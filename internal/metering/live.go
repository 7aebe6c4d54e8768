package metering

import (
	"slices"
	"strings"
	"time"

	"github.com/paywatt/paywatt/wire"
)

// Live is a meter's row in the store: which of its records have arrived, and its newest figures. The figures follow the watermark, not the
// order of arrival: a record that came early counts once every record before it has arrived.
type Live struct {
	Memory string // the device memory of the window; empty before the first boot
	Window Window
	Boot   uint64
	// LastSeen is the server's time of the last message. NewestAt is the meter's own time at that moment, in Unix microseconds, as far as
	// its records show it. Together they give a simulated meter's clock: [Live.Clock].
	LastSeen time.Time
	NewestAt int64
	Figures
	// Rated means that the meter's readings are charged: it has a wallet.
	Rated bool
	// Info is loaded only while a boot is being taken; see [Info].
	Info *Info

	was   Window         // the window as loaded, to see how far it has moved
	fresh []*wire.Record // records taken since Load, in order of arrival
}

// Figures are the newest reading's figures that GET /v1/meters/{m} shows.
type Figures struct {
	ReadingSeq uint64    // 0: no reading yet in this memory
	AsOf       int64     // meter time of the figures in Unix microseconds
	ReceivedAt time.Time // server time at which the reading arrived
	RegisterWh int64
	BalanceWh  int64
	ECUsedWh   int64
	OverrunWh  int64
	W, MV      int64
	Relay      string
	Reasons    string // names joined by commas
	Tamper     bool
}

// Event codes that change the known state of a meter's supply (docs/reference/events.md#events-of-meters).
const (
	EventRelayOpened = 401
	EventRelayClosed = 402
	eventRelayArmed  = 403
	eventTamperFirst = 501
	eventTamperLast  = 506
	eventTamperClear = 520
)

// reasonTamper is the name of the latched tamper reason in a reading.
const reasonTamper = "TAMPER"

// perSecond is the number of microseconds in a second: the store uses microseconds, meters send seconds.
const perSecond = 1_000_000

// Load marks the row as equal to the store's; call it once before the first Take.
func (l *Live) Load() { l.was, l.fresh = l.Window, l.fresh[:0] }

// Clock returns the meter's own time now: its newest committed time plus the real time since. It is used only for simulated meters; other
// meters' clocks are compared with the server's.
func (l *Live) Clock(now time.Time) time.Time {
	if l.LastSeen.IsZero() {
		return now
	}
	return time.UnixMicro(l.NewestAt).Add(now.Sub(l.LastSeen))
}

// seen moves LastSeen and NewestAt to the time now. The parameter at is the record's own time, which is used if trusted is true. Otherwise
// the meter's clock is assumed to have run on, so that a boot message does not set it back.
func (l *Live) seen(now time.Time, at int64, trusted bool) {
	switch {
	case trusted:
		l.NewestAt = at * perSecond
	case l.LastSeen.IsZero():
		l.NewestAt = now.UnixMicro()
	case now.After(l.LastSeen):
		l.NewestAt += now.Sub(l.LastSeen).Microseconds()
	}
	if now.After(l.LastSeen) || l.LastSeen.Sub(now) > setBack {
		l.LastSeen = now
	}
}

// setBack is the allowed lead of LastSeen over the server's clock. Such a lead can come from the clocks of two servers. A larger lead means
// that the server's clock was set back.
const setBack = 2 * time.Minute

// Passed returns the range of numbers that the watermark has passed since Load. If held is true, some of these records may have arrived in
// an earlier batch. If to is below from, the watermark has not moved.
func (l *Live) Passed() (from, to uint64, held bool) {
	return l.was.Watermark + 1, l.Window.Watermark, l.was.Bits != 0
}

// Held returns a range of record numbers to read from the store. These records may have arrived in an earlier batch, while a record before
// them was missing. The watermark has now passed them. If the watermark has also passed readings taken since Load, the range begins after
// the highest number of these readings. If ok is true, the caller reads the reading with the highest number in [from, to] for
// [Live.Settle], and the tokens and events in that range for [Live.Recall].
func (l *Live) Held() (from, to uint64, ok bool) {
	if l.was.Bits == 0 || l.Window.Watermark == l.was.Watermark {
		return 0, 0, false
	}
	from, to = l.was.Watermark+1, min(l.Window.Watermark, l.was.Highest())
	for _, r := range l.fresh {
		if r.Kind == wire.KindReading && r.Head.Seq <= l.Window.Watermark && r.Head.Seq >= from {
			from = r.Head.Seq + 1
		}
	}
	return from, to, from <= to
}

// Recall adds records of earlier batches in the range of [Live.Held] that change the figures without being a reading. They may include a
// record taken since Load. Applying that record twice does no harm.
func (l *Live) Recall(recs []wire.Record) {
	for i := range recs {
		l.fresh = append(l.fresh, &recs[i])
	}
}

// Settle brings the figures up to the watermark, from the records taken since Load and from the parameter held. The
// parameter held is a reading of an earlier batch that the watermark has now passed, or nil.
func (l *Live) Settle(held *wire.Reading, heldAt time.Time, now time.Time) {
	slices.SortStableFunc(l.fresh, func(a, b *wire.Record) int { return compare(a.Head.Seq, b.Head.Seq) })
	for _, r := range l.fresh {
		if r.Head.Seq > l.Window.Watermark {
			break
		}
		if held != nil && held.Seq < r.Head.Seq {
			l.reading(held, heldAt)
			held = nil
		}
		l.apply(r, now)
	}
	if held != nil {
		l.reading(held, heldAt)
	}
	l.Load()
}

func compare(a, b uint64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// apply updates the figures by one record.
func (l *Live) apply(r *wire.Record, now time.Time) {
	switch {
	case r.Reading != nil:
		l.reading(r.Reading, now)
	case r.Token != nil && r.Token.Result == ResultAccept:
		l.BalanceWh = r.Token.BalanceWh
	case r.Event != nil:
		l.event(r.Event.Code)
	}
}

func (l *Live) reading(r *wire.Reading, now time.Time) {
	if r.Seq <= l.ReadingSeq {
		return
	}
	l.Figures = Figures{
		ReadingSeq: r.Seq, AsOf: r.At * perSecond, ReceivedAt: now,
		RegisterWh: r.RegisterWh, BalanceWh: r.BalanceWh, ECUsedWh: r.ECUsedWh, OverrunWh: r.OverrunWh,
		W: r.W, MV: r.MV, Relay: r.Relay, Reasons: JoinReasons(r.Reasons), Tamper: slices.Contains(r.Reasons, reasonTamper),
	}
}

// Late updates the figures by a reading that a person accepted, unless there is a newer reading. It reports whether it changed the figures.
// If the reading's time is later than its arrival, Late uses the time of its arrival, except for a simulated meter.
func (l *Live) Late(r *wire.Reading, received time.Time, simulated bool) bool {
	if r.Seq <= l.ReadingSeq || r.Seq > l.Window.Watermark {
		return false
	}
	p := *r
	if !simulated {
		p.At = min(p.At, received.Unix())
	}
	l.reading(&p, received)
	return true
}

func (l *Live) event(code int) {
	switch {
	case code == EventRelayOpened:
		l.Relay = "open"
	case code == EventRelayClosed:
		l.Relay = "closed"
	case code == eventRelayArmed:
		l.Relay = "armed"
	case code >= eventTamperFirst && code <= eventTamperLast:
		l.Tamper = true
	case code == eventTamperClear:
		l.Tamper = false
	}
}

// Limits of a reading's reasons. They allow more than the meter core has today, to leave room for new reasons.
const (
	maxReasons   = 32
	maxReasonLen = 32
)

// JoinReasons returns the stored form of a reading's reasons.
func JoinReasons(reasons []string) string { return strings.Join(reasons, ",") }

// SplitReasons reads the stored form; no reasons give an empty list, never nil, so that JSON shows [].
func SplitReasons(s string) []string {
	if s == "" {
		return []string{}
	}
	return strings.Split(s, ",")
}
