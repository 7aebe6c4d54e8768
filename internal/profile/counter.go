// The rule of a device's own register. A plug counts energy itself, and its register may be wrong: it shows 0 for one message, it shows an
// old value, it begins again after a power cut, or two devices answer under one name. So the server judges each value before it counts the
// difference. The functions here take the stored state and a value with its time, and return the new state. They read no clock and no row.
//
// The rule in short:
//
//   - A value at or above the last one counts the difference, if max_w allows it. What one minute at max_w gives counts at once. More than
//     that is held until a second value agrees.
//   - A lower value is held and counts nothing. If the register comes back, only what lies above the last value counts. If the device began
//     again, counting follows the new values.
//   - A rise that max_w does not allow counts nothing by itself. A person can accept it.

package profile

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
)

// Limits of the rule.
const (
	// allowance is the time at max_w by which the counted energy may be ahead of the clock, because messages are late and registers move
	// in steps. It holds for the sum of all steps, not for each of them.
	allowance = time.Minute
	// apart is the least time between two values that may confirm each other. Values that are closer may be copies of one message.
	apart = 5 * time.Second
	// figure is the last figure of a register that shows two decimals of a kilowatt-hour, in mWh.
	figure = 10_000
	// risesToBegin is how many rising values below the last accepted value show that the register began again.
	risesToBegin = 3
	// risesOfStarted is how many of them are enough if the device has said before them that it started.
	risesOfStarted = 2
	// valuesToMove is how many values that agree show that a register is really as high as max_w does not allow.
	valuesToMove = 3
	// valuesOfTrial is how many values after a new start may still show that there was none.
	valuesOfTrial = 10
)

// Counting is what the server remembers about a device's own register beside its last accepted value. Energy is in mWh.
type Counting struct {
	// Ahead is the energy that was counted beyond max_w times the time.
	Ahead int64 `json:"ahead,omitempty"`
	// Unsure is the last rise while no later value has confirmed it, and UnsureAt is its time.
	Unsure   int64     `json:"unsure,omitempty"`
	UnsureAt time.Time `json:"unsure_at,omitzero"`
	// Skip is energy that was counted by mistake. As much of the following energy is not counted.
	Skip int64 `json:"skip,omitempty"`
	// SameAt is the time of the newest value that is the same as the last accepted one; zero if there is none.
	SameAt time.Time `json:"same_at,omitzero"`

	Held  Held  `json:"held,omitzero"`
	Trial Trial `json:"trial,omitzero"`
	// EntryAt is the time at which a value was last entered in the quarantine.
	EntryAt time.Time `json:"entry_at,omitzero"`
}

// Held is a value that does not follow from the last accepted one, with the values that came after it.
type Held struct {
	Kind    HeldKind  `json:"kind,omitempty"`
	First   int64     `json:"first,omitempty"`
	FirstAt time.Time `json:"first_at,omitzero"`
	Last    int64     `json:"last,omitempty"`
	LastAt  time.Time `json:"last_at,omitzero"`
	Values  int       `json:"values,omitempty"`  // values in a row that fit each other
	Started bool      `json:"started,omitempty"` // the device said after the fall that it started
	Since   time.Time `json:"since,omitzero"`    // time of the first held value, whatever followed
	Entry   id.ID     `json:"entry,omitzero"`    // the open entry of the quarantine; zero if there is none
	Alarmed bool      `json:"alarmed,omitempty"` // the alarm about the entry was raised
}

// HeldKind says why a value is held.
type HeldKind string

// Reasons why a value is held.
const (
	// HeldFall: the value is below the last accepted one.
	HeldFall HeldKind = "fall"
	// HeldRise: the rise is large but possible, so a second value must confirm it.
	HeldRise HeldKind = "rise"
	// HeldJump: max_w does not allow the rise.
	HeldJump HeldKind = "jump"
)

// Trial is a new start of the register that may still turn out to be none. It holds the state from before the start.
type Trial struct {
	Max    int64     `json:"max,omitempty"`    // the last accepted value
	MaxAt  time.Time `json:"max_at,omitzero"`  // its time; zero if there is no trial
	MWh    int64     `json:"mwh,omitempty"`    // energy counted until then
	Skip   int64     `json:"skip,omitempty"`   // Counting.Skip then
	Ahead  int64     `json:"ahead,omitempty"`  // Counting.Ahead then
	Unsure int64     `json:"unsure,omitempty"` // Counting.Unsure then
	From   int64     `json:"from,omitempty"`   // the first value after the start
	FromAt time.Time `json:"from_at,omitzero"` // its time
	Values int       `json:"values,omitempty"` // values accepted since the start
}

// HeldEnding says how held values ended.
type HeldEnding string

// Endings of held values.
const (
	// EndedReturned: the register came back, so the held values were wrong.
	EndedReturned HeldEnding = "returned"
	// EndedBegan: the register began again.
	EndedBegan HeldEnding = "began"
	// EndedConfirmed: a second value confirmed the rise, and it was counted.
	EndedConfirmed HeldEnding = "confirmed"
	// EndedOpen: a lower value came before the rise was confirmed. It is not counted, and a person decides about it.
	EndedOpen HeldEnding = "open"
	// EndedMoved: the register stayed at the value that max_w does not allow. Counting goes on there, and a person decides about the jump.
	EndedMoved HeldEnding = "moved"
)

// String returns the stored form; empty for the zero value.
func (c Counting) String() string {
	if c == (Counting{}) {
		return ""
	}
	b, err := json.Marshal(c)
	if err != nil { // a time outside the years 0 to 9999, which no server's clock shows
		return ""
	}
	return string(b)
}

// ParseCounting reads the stored form.
func ParseCounting(text string) (Counting, error) {
	var c Counting
	if text == "" {
		return c, nil
	}
	err := json.Unmarshal([]byte(text), &c)
	return c, fault.Wrap(err, "read the state of a device's register")
}

// follow judges one value of the device's own register and counts what it adds. The first value is only the starting point.
func (p *Profile) follow(r Register, s Step, mwh int64, at time.Time) (Register, Step) {
	s.Sample = true
	if !r.HasDevice {
		r.Device, r.HasDevice, r.At = mwh, true, at
		return r, s
	}
	held := r.Counting.Held
	switch {
	case mwh < r.Device:
		return p.takeLower(r, s, mwh, at)
	case held.Kind == HeldFall:
		r.Counting.Held, s.Ended = Held{}, EndedReturned
		r.Counting.UnsureAt = at // the lower values contradict the last rise, so it is as unsure as the present one
	case held.Kind != "" && mwh < held.First:
		r.Counting.Held, s.Ended = Held{}, EndedReturned
	case held.Kind != "":
		return p.takeAgreeing(r, s, mwh, at)
	}
	return p.takeHigher(r, s, mwh, at)
}

// takeHigher judges a value at or above the last accepted one, while no value is held.
func (p *Profile) takeHigher(r Register, s Step, mwh int64, at time.Time) (Register, Step) {
	if p.provesNoStart(r, mwh, at) {
		if back := r.undoStart(at); mwh-back.Device <= p.mostIn(allowance) {
			r = back
		}
	}
	elapsed := max(at.Sub(r.At), 0)
	step := mwh - r.Device
	if r.KnownOpen(at) && step <= p.noise(elapsed) {
		if elapsed >= noiseSpan {
			r.Device, r.At = mwh, at
		}
		return r, s
	}
	if step == 0 {
		return p.stay(r, at), s
	}
	unsure := step
	if r.Counting.isUnsureStill(at) {
		unsure += r.Counting.Unsure
	}
	if step > p.room(r, at) || unsure > p.mostIn(allowance) {
		return p.hold(r, s, p.kindOf(r, mwh, at), mwh, at)
	}
	return p.accept(r, s, mwh, at)
}

// takeAgreeing judges a value while a rise is held that the value does not contradict.
func (p *Profile) takeAgreeing(r Register, s Step, mwh int64, at time.Time) (Register, Step) {
	held := r.Counting.Held
	if at.Sub(held.LastAt) < apart {
		return keepHolding(r, s, at)
	}
	if mwh-held.Last > p.mostIn(min(at.Sub(held.LastAt), time.Duration(p.Energy.MaxGap))+allowance) {
		return p.hold(r, s, p.kindOf(r, mwh, at), mwh, at)
	}
	if back := r.undoStart(at); p.provesNoStart(r, mwh, at) && held.First-back.Device <= p.room(back, at) {
		r, held.Kind = back, HeldRise
	}
	held.Last, held.LastAt = mwh, at
	held.Values++
	r.Counting.Held = held
	switch {
	case held.Kind == HeldRise && held.First-r.Device <= p.room(r, at):
		r, s = p.confirm(r, s)
		s.Ended = EndedConfirmed
	case held.Kind == HeldJump && held.Values >= valuesToMove:
		s.Gap = max(held.FirstAt.Sub(r.At), time.Second)
		s.Why = fmt.Sprintf("the device's register moved by %d mWh, at most %d are possible", held.First-r.Device, p.mostIn(held.FirstAt.Sub(r.At)+allowance))
		r.Device, r.At, r.Counting.Trial = held.First, held.FirstAt, Trial{}
		r, s = p.confirm(r.gap(s), s)
		s.Ended = EndedMoved
	default:
		return keepHolding(r, s, at)
	}
	confirmed := s.CountedMWh
	s.CountedMWh = 0
	r, s = p.takeHigher(r, s, mwh, at)
	s.CountedMWh += confirmed
	return r, s
}

// confirm counts up to the first held value, which a second one has confirmed.
func (p *Profile) confirm(r Register, s Step) (Register, Step) {
	held := r.Counting.Held
	r.Counting.Held = Held{}
	r, s = p.accept(r, s, held.First, held.FirstAt)
	r.Counting.Unsure = 0
	return r, s
}

// kindOf says why a rise is held.
func (p *Profile) kindOf(r Register, mwh int64, at time.Time) HeldKind {
	if mwh-r.Device > p.room(r, at) {
		return HeldJump
	}
	return HeldRise
}

// hearStart takes the device's message that it started. After a fall, the values that follow show the new start sooner. Without a fall, the
// message changes nothing: a device says that it started whenever it connects.
func (h Held) hearStart() Held {
	if h.Kind == HeldFall {
		h.Started, h.Values = true, 0
	}
	return h
}

// takeLower judges a value below the last accepted one. It counts nothing unless the register began again.
func (p *Profile) takeLower(r Register, s Step, mwh int64, at time.Time) (Register, Step) {
	held := r.Counting.Held
	if held.Kind != HeldFall {
		if held.Kind != "" {
			s.Ended = EndedOpen
		}
		r.Counting.Held = Held{}
		return p.hold(r, s, HeldFall, mwh, at)
	}
	switch {
	case held.Values > 0 && (mwh == held.Last || mwh > held.Last && at.Sub(held.LastAt) < apart):
		return keepHolding(r, s, at)
	case held.Values == 0, mwh < held.Last, mwh-held.First > p.mostIn(at.Sub(held.FirstAt))+figure, mwh-held.Last > p.mostIn(allowance):
		return p.hold(r, s, HeldFall, mwh, at)
	}
	held.Values++
	if held.Values >= risesToBegin || held.Started && held.Values >= risesOfStarted {
		r, s = p.beginAgain(r, s, held, mwh, at)
		r.Counting.Unsure = mwh - held.Last
		return r, s
	}
	held.Last, held.LastAt = mwh, at
	r.Counting.Held = held
	return keepHolding(r, s, at)
}

// beginAgain counts from the new start of a register. The energy between the last value before the start and the first one after it is
// known only if the register begins at 0, and if max_w allows it.
func (p *Profile) beginAgain(r Register, s Step, held Held, mwh int64, at time.Time) (Register, Step) {
	trial := Trial{Max: r.Device, MaxAt: r.At, MWh: r.MWh, Skip: r.Counting.Skip, Ahead: r.Counting.Ahead, Unsure: r.Counting.Unsure}
	if old := r.Counting.Trial; !old.MaxAt.IsZero() && old.Max > trial.Max {
		trial = old
	}
	trial.From, trial.FromAt, trial.Values = held.First, held.FirstAt, 0
	unsure := r.Counting.Unsure
	from, since := int64(0), r.At
	switch {
	case mwh >= r.Device-unsure: // only the last value was wrong, so the register goes on where it was before
		from = r.Device - unsure
		trial = r.Counting.Trial
	case p.Energy.Reset != ResetZero, held.First > p.room(r, held.FirstAt):
		from, since = held.First, held.FirstAt
		s.Gap = max(held.FirstAt.Sub(r.At), 0)
		s.Why = fmt.Sprintf("the device's register went back from %d to %d mWh", r.Device, held.First)
	}
	r.Counting.Skip += unsure
	r.Counting.Ahead = max(r.Counting.Ahead-unsure, 0)
	r.Counting.Held = Held{}
	s.Ended = EndedBegan
	r.Device, r.At = from, since
	r.Counting.Trial, r.Counting.SameAt = trial, time.Time{}
	r = r.gap(s)
	return p.accept(r, s, mwh, at)
}

// provesNoStart reports whether a value shows that the register did not begin again: it is back where it was before, and cannot have come
// there from the new start in the time.
func (p *Profile) provesNoStart(r Register, mwh int64, at time.Time) bool {
	t := r.Counting.Trial
	return !t.MaxAt.IsZero() && mwh >= t.Max && mwh-t.From > p.mostIn(at.Sub(t.FromAt))+figure
}

// undoStart returns the register as if the new start had never been. The energy that was counted since then is skipped.
// The value that shows it is not confirmed yet, so whatever was unsure before is unsure again.
func (r Register) undoStart(at time.Time) Register {
	t := r.Counting.Trial
	r.Device, r.At = t.Max, t.MaxAt
	r.Counting.Ahead = t.Ahead
	r.Counting.Skip = t.Skip + r.MWh - t.MWh
	r.Counting.Unsure, r.Counting.UnsureAt = t.Unsure, at
	r.Counting.Trial, r.Counting.SameAt = Trial{}, time.Time{}
	return r
}

// stay takes a value that is the same as the last accepted one. The time since which energy may have been used moves on only when two such
// values have come, because one of them may be an old message that arrives after a silence.
func (p *Profile) stay(r Register, at time.Time) Register {
	c := &r.Counting
	if !c.isUnsureStill(at) {
		c.Unsure = 0
	}
	if !c.SameAt.IsZero() && at.Sub(c.SameAt) < apart {
		return r
	}
	if !c.SameAt.IsZero() {
		c.Ahead = max(c.Ahead-p.mostIn(c.SameAt.Sub(r.At)), 0)
		r.At = c.SameAt
	}
	c.SameAt = at
	return r
}

// isUnsureStill reports whether a value comes too soon after the last rise to confirm it.
func (c Counting) isUnsureStill(at time.Time) bool {
	return !at.Before(c.UnsureAt) && at.Sub(c.UnsureAt) < apart
}

// accept makes a value the last accepted one and counts the difference.
func (p *Profile) accept(r Register, s Step, mwh int64, at time.Time) (Register, Step) {
	c := &r.Counting
	step := mwh - r.Device
	if !c.isUnsureStill(at) {
		c.Unsure = 0
	}
	c.Unsure += step
	c.UnsureAt = at
	c.Ahead = max(c.Ahead+step-p.mostIn(at.Sub(r.At)), 0)
	skipped := min(step, c.Skip)
	c.Skip -= skipped
	s.CountedMWh = step - skipped
	r.MWh += s.CountedMWh
	r.Device, r.At, c.SameAt = mwh, at, time.Time{}
	if !c.Trial.MaxAt.IsZero() {
		c.Trial.Values++
		if c.Trial.Values >= valuesOfTrial || mwh >= c.Trial.Max {
			c.Trial = Trial{}
		}
	}
	return r, s
}

// hold begins to hold values. It keeps the entry of the quarantine if values of this kind are held already.
func (p *Profile) hold(r Register, s Step, kind HeldKind, mwh int64, at time.Time) (Register, Step) {
	next := Held{Kind: kind, First: mwh, FirstAt: at, Last: mwh, LastAt: at, Values: 1, Since: at}
	if was := r.Counting.Held; was.Kind != "" {
		next.Since, next.Started, next.Entry, next.Alarmed = was.Since, was.Started, was.Entry, was.Alarmed
	}
	r.Counting.Held = next
	return keepHolding(r, s, at)
}

// keepHolding marks a step whose value is held. In the first minute no reading is written, so that a rise that is confirmed then is charged
// for the whole time in which it was used. After that the readings go on with the register unchanged, because the meter is alive.
func keepHolding(r Register, s Step, at time.Time) (Register, Step) {
	held := r.Counting.Held
	s.Held = fmt.Sprintf("%d mWh after %d mWh is held", held.First, r.Device)
	if at.Sub(held.Since) < ReportEvery {
		s.Sample, s.Load = false, false
	}
	return r, s
}

// mostIn returns the most energy that the device can measure in a time, in mWh. A year at the highest allowed power stays below 2⁶³.
func (p *Profile) mostIn(d time.Duration) int64 {
	const year = 366 * 24 * time.Hour
	return p.Energy.MaxW * max(min(d, year), 0).Milliseconds() / 3600
}

// room returns the most energy that may still count at a time, in mWh: what max_w gives since the last accepted value and in the allowance,
// less what was counted ahead of the clock.
func (p *Profile) room(r Register, at time.Time) int64 {
	return p.mostIn(max(at.Sub(r.At), 0)+allowance) - r.Counting.Ahead
}
