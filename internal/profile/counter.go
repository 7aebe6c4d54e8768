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
	// risesToBegin is how many rising values below the last accepted value show that the register began again. Two are enough if the device has
	// said before the second one that it started.
	risesToBegin = 3
	// valuesToMove is how many values that agree show that a register is really as high as max_w does not allow.
	valuesToMove = 3
	// valuesOfTrial is how many values after a new start may still show that there was none.
	valuesOfTrial = 10
)

// Counting is what the server remembers about a device's own register beside its last accepted value. Energy is in mWh.
type Counting struct {
	// Anchor is the time of the accepted value before the last one, and Since is the energy that was counted after it and that max_w had not
	// allowed before it. The last value alone says too little about the time: it may be an old one that came late.
	Anchor time.Time `json:"anchor,omitzero"`
	Since  int64     `json:"since,omitempty"`
	// Unsure is the last rise while no later value has confirmed it, and UnsureAt is its time.
	Unsure   int64     `json:"unsure,omitempty"`
	UnsureAt time.Time `json:"unsure_at,omitzero"`
	// Skip is energy that was counted by mistake. As much of the following energy is not counted.
	Skip int64 `json:"skip,omitempty"`
	// Seen is a held rise that a late value ended, and SeenAt is when it came. If it comes once more, it is as old as that.
	Seen   int64     `json:"seen,omitempty"`
	SeenAt time.Time `json:"seen_at,omitzero"`

	Held Held `json:"held,omitzero"`
	// Left is the open entry of a rise that was left to a person. If the register goes on from its last value, it counts the rise itself.
	Left id.ID `json:"left,omitzero"`
	// Base is a fall that a second value had confirmed, before another value contradicted it.
	Base  Base  `json:"base,omitzero"`
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
	Again   time.Time `json:"again,omitzero"`    // time at which the last value came once more
	Before  time.Time `json:"before,omitzero"`   // time of the value before that
	Values  int       `json:"values,omitempty"`  // values in a row that fit each other
	Firm    bool      `json:"firm,omitempty"`    // a second value has confirmed the first one of a fall
	Silent  bool      `json:"silent,omitempty"`  // more than max_gap passed before the first value of a fall, so nobody knows when the device began
	Heard   time.Time `json:"heard,omitzero"`    // time of the last value that is sure to be older than the first one of a fall
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

// Base is what the server remembers of a fall that was confirmed and then contradicted.
type Base struct {
	First   int64     `json:"first,omitempty"`
	FirstAt time.Time `json:"first_at,omitzero"`
	Last    int64     `json:"last,omitempty"`    // the highest value that fits the first one
	HeardAt time.Time `json:"heard_at,omitzero"` // time until which the values say for sure what was used; zero if there is no base
}

// Trial is a new start of the register that may still turn out to be none. It holds the state from before the start.
type Trial struct {
	Max    int64     `json:"max,omitempty"`    // the last accepted value
	MaxAt  time.Time `json:"max_at,omitzero"`  // its time; zero if there is no trial
	MWh    int64     `json:"mwh,omitempty"`    // energy counted until then
	Skip   int64     `json:"skip,omitempty"`   // Counting.Skip then
	Ahead  int64     `json:"ahead,omitempty"`  // energy that was counted beyond max_w times the time
	From   int64     `json:"from,omitempty"`   // the first value after the start
	FromAt time.Time `json:"from_at,omitzero"` // its time
	Values int       `json:"values,omitempty"` // values accepted since the start
	Left   id.ID     `json:"left,omitzero"`    // Counting.Left then
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
		if held.Firm {
			r.Counting.Base = held.asBase()
		}
		if held.Firm || p.couldRise(held.First, held.FirstAt, mwh, at) {
			// The lower values lead here, so all above the last accepted one was used after them.
			r = p.passTo(r, held.heardBefore())
		}
		r.Counting.UnsureAt = at // the lower values contradict the last rise, so it is as unsure as the present one
	case held.Kind == HeldRise && mwh < held.First:
		return p.takeLate(r, s, mwh, at)
	case held.Kind == HeldJump && mwh < held.First:
		r.Counting.Held, s.Ended = Held{}, EndedReturned
	case held.Kind == HeldJump && mwh-r.Device <= p.room(r, at) && !p.provesNoStart(r, held.First, held.LastAt):
		// The jump was not possible, and this value is.
		r.Counting.Held, s.Ended = Held{}, EndedReturned
	case held.Kind != "":
		return p.takeAgreeing(r, s, mwh, at)
	}
	return p.takeHigher(r, s, mwh, at)
}

// takeHigher judges a value at or above the last accepted one, while no value is held.
func (p *Profile) takeHigher(r Register, s Step, mwh int64, at time.Time) (Register, Step) {
	elapsed := max(at.Sub(r.At), 0)
	step := mwh - r.Device
	if r.KnownOpen(at) && step <= p.noise(elapsed) {
		if elapsed >= noiseSpan {
			r.Device = mwh
			r = p.passTo(r, at)
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
	if step > p.room(r, at) || unsure > p.mostIn(allowance) || p.provesNoStart(r, mwh, at) {
		if !r.Counting.isUnsureStill(at) {
			r.Counting.Unsure = 0
		}
		return p.hold(r, s, p.kindOf(r, mwh, at), mwh, at)
	}
	return p.accept(r, s, mwh, at)
}

// takeLate judges a value that contradicts a held rise. It may be an old one that arrives late, so it is at least as old as the held one.
func (p *Profile) takeLate(r Register, s Step, mwh int64, at time.Time) (Register, Step) {
	held := r.Counting.Held
	r.Counting = r.Counting.endRise()
	s.Ended = EndedReturned
	r, s = p.takeHigher(r, s, mwh, at)
	if r.Counting.Held.Kind != "" {
		r.Counting.Held.FirstAt = held.FirstAt
	}
	return r, s
}

// endRise stops holding a rise, and remembers when it came.
func (c Counting) endRise() Counting {
	c.Seen, c.SeenAt = c.Held.First, c.Held.FirstAt
	c.Held = Held{}
	return c
}

// takeAgreeing judges a value while a rise is held that the value does not contradict.
func (p *Profile) takeAgreeing(r Register, s Step, mwh int64, at time.Time) (Register, Step) {
	held := r.Counting.Held
	if at.Sub(held.LastAt) < apart {
		return keepHolding(r, s, at)
	}
	if mwh-held.Last > p.mostIn(at.Sub(held.LastAt)+allowance) {
		if held.Kind == HeldRise && p.couldRise(r.Device, r.At, held.First, held.FirstAt) {
			// The held value shows that the last accepted one was true.
			r = p.passTo(r, r.At)
		}
		return p.hold(r, s, p.kindOf(r, mwh, at), mwh, at)
	}
	back := p.undoStart(r)
	fits := held.First >= back.Device && held.First-back.Device <= p.room(back, at)
	if fits && p.provesNoStart(r, held.First, held.LastAt) {
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
		r.Device, r.Counting.Trial = held.First, Trial{}
		r = p.passTo(r.gap(s), held.FirstAt)
		r, s = p.confirm(r, s)
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
		h.Started = true
	}
	return h
}

// takeLower judges a value below the last accepted one. It counts nothing unless the register began again.
func (p *Profile) takeLower(r Register, s Step, mwh int64, at time.Time) (Register, Step) {
	held := r.Counting.Held
	if held.Kind != HeldFall {
		if held.Kind != "" {
			s.Ended = EndedOpen
			r.Counting = r.Counting.endRise()
		}
		return p.hold(r, s, HeldFall, mwh, at)
	}
	if p.returnsToBase(r, mwh, at) {
		held.First, held.FirstAt, held.Firm = r.Counting.Base.First, r.Counting.Base.FirstAt, true
		held.Values++
		held = held.goOn(mwh, at)
		r.Counting.Held = held
		return keepHolding(r, s, at)
	}
	large := mwh-held.Last > p.mostIn(allowance)
	switch {
	case mwh == held.Last || mwh > held.Last && at.Sub(held.LastAt) < apart:
		if mwh == held.Last && at.Sub(held.newestAt()) >= apart {
			held.Before, held.Again = held.newestAt(), at
			held.Firm = held.Firm || mwh == held.First
		}
		r.Counting.Held = held
		return keepHolding(r, s, at)
	case mwh >= held.First && mwh < held.Last: // one of the two is an old value, or a wrong one, so the rises begin once more
		held.Values = 1
		held = held.goOn(mwh, at)
		r.Counting.Held = held
		return keepHolding(r, s, at)
	case !p.couldRise(held.First, held.FirstAt, mwh, at),
		mwh-held.Last > p.mostIn(at.Sub(held.heardBefore())+allowance):
		return p.hold(r, s, HeldFall, mwh, at)
	case large && !held.Firm && held.Values == 1: // one of the two may be wrong, so counting begins at the higher one at the earliest
		held.Silent = held.Silent || p.isSilence(held.newestAt(), at)
		held = held.goOn(mwh, at)
		held.First, held.FirstAt = mwh, at
		held.Values++
		r.Counting.Held = held
		return keepHolding(r, s, at)
	}
	held.Firm = true
	held.Values++
	if held.Values >= risesToBegin || held.Started {
		return p.beginAgain(r, s, held, mwh, at)
	}
	r.Counting.Held = held.goOn(mwh, at)
	return keepHolding(r, s, at)
}

// couldRise reports whether a register can have risen from one value to another one.
func (p *Profile) couldRise(from int64, since time.Time, to int64, at time.Time) bool {
	return to >= from && to-from <= p.mostIn(at.Sub(since))+figure
}

// newestAt is the time of the newest value of a fall.
func (h Held) newestAt() time.Time {
	if h.Again.IsZero() {
		return h.LastAt
	}
	return h.Again
}

// asBase returns what is remembered of a fall that a second value has confirmed.
func (h Held) asBase() Base {
	return Base{First: h.First, FirstAt: h.FirstAt, Last: h.Last, HeardAt: h.heardUntil()}
}

// goOn makes another value the last one of a fall.
func (h Held) goOn(mwh int64, at time.Time) Held {
	h.Before = h.newestAt()
	h.Last, h.LastAt, h.Again = mwh, at, time.Time{}
	return h
}

// heardUntil is the time until which the values of a fall say for sure what was used, if a higher one follows. The same value once more may be
// an old one that came late.
func (h Held) heardUntil() time.Time {
	if h.Again.IsZero() {
		return h.LastAt
	}
	return h.Before
}

// heardBefore is the time of the value of a fall before the last one. The last one may be wrong.
func (h Held) heardBefore() time.Time {
	if h.Before.IsZero() {
		return h.FirstAt
	}
	return h.Before
}

// returnsToBase reports whether a value fits the base of a fall, while nothing has confirmed the value that contradicted it.
func (p *Profile) returnsToBase(r Register, mwh int64, at time.Time) bool {
	base := r.Counting.Base
	if base.HeardAt.IsZero() || r.Counting.Held.Firm {
		return false
	}
	return mwh >= base.First && mwh-base.Last <= p.mostIn(at.Sub(base.HeardAt))+figure
}

// beginAgain counts from the new start of a register. The energy between the last value before the start and the first one after it is
// known only if the register begins at 0, and if max_w allows it.
func (p *Profile) beginAgain(r Register, s Step, held Held, mwh int64, at time.Time) (Register, Step) {
	trial := Trial{Max: r.Device, MaxAt: r.At, MWh: r.MWh, Skip: r.Counting.Skip, Ahead: p.energyAhead(r, r.At)}
	if old := r.Counting.Trial; old.Max > trial.Max {
		trial = old
	}
	trial.From, trial.FromAt = held.First, held.FirstAt
	if trial.Left.IsZero() {
		trial.Left = r.Counting.Left
	}
	unsure := r.Counting.Unsure
	r.Counting.Skip += unsure
	r.Counting.Since = max(r.Counting.Since-unsure, 0)
	switch {
	case mwh >= r.Device-unsure: // only the last value was wrong, so the register goes on where it was before
		r.Device -= unsure
		trial = r.Counting.Trial
	case p.beganAtZero(r, held):
		r.Device, r.Counting.Left = 0, id.ID{}
	default:
		r.Counting.Left = id.ID{}
		s.Gap = max(held.FirstAt.Sub(r.At), 0)
		s.Why = fmt.Sprintf("the device's register went back from %d to %d mWh", r.Device, held.First)
		r.Device = held.First
	}
	r.Counting.Held = Held{}
	r.Counting.Base = Base{}
	r.Counting.Trial = trial
	s.Ended = EndedBegan
	r = r.gap(s)
	if held.Last > r.Device {
		r, s = p.accept(r, s, held.Last, held.LastAt)
	}
	heard := held.heardUntil()
	if p.couldRise(held.Last, held.newestAt(), mwh, at) {
		heard = held.newestAt()
	}
	r = p.passTo(r, heard)
	begun := s.CountedMWh
	s.CountedMWh = 0
	r.Counting.Unsure = 0
	r, s = p.takeHigher(r, s, mwh, at)
	s.CountedMWh += begun
	return r, s
}

// beganAtZero reports whether the energy before the first value after a start counts. The profile must say that the register begins at 0, and
// the device must have been able to use as much since the last accepted value. After a silence longer than max_gap nobody knows when the device
// began, and a device that keeps its register shows an old value, so no more than the allowance counts.
func (p *Profile) beganAtZero(r Register, held Held) bool {
	most := min(p.room(r, held.FirstAt), p.mostIn(held.FirstAt.Sub(held.Heard)+allowance))
	if held.Silent {
		most = p.mostIn(allowance)
	}
	return p.Energy.Reset == ResetZero && held.First <= most
}

// isSilence reports whether the time between two values is longer than max_gap.
func (p *Profile) isSilence(from, to time.Time) bool {
	return to.Sub(from) > time.Duration(p.Energy.MaxGap)
}

// passTo moves the time since which energy may have been used.
func (p *Profile) passTo(r Register, at time.Time) Register {
	r.Counting.Since = p.energyAhead(r, at)
	r.Counting.Anchor = at
	r.At = at
	return r
}

// energyAhead returns the energy that was counted beyond max_w times the time, at a time.
func (p *Profile) energyAhead(r Register, at time.Time) int64 {
	return max(r.Counting.Since-p.mostIn(at.Sub(r.anchorTime())), 0)
}

// anchorTime is the time since which the energy of max_w may be counted.
func (r Register) anchorTime() time.Time {
	if r.Counting.Anchor.IsZero() {
		return r.At
	}
	return r.Counting.Anchor
}

// provesNoStart reports whether a value shows that the register did not begin again: it is back where it was before, and cannot have come
// there from the new start in the time.
func (p *Profile) provesNoStart(r Register, mwh int64, at time.Time) bool {
	t := r.Counting.Trial
	return !t.MaxAt.IsZero() && mwh >= t.Max && !p.couldRise(t.From, t.FromAt, mwh, at)
}

// undoStart returns the register as if the new start had never been. The energy that was counted since then is skipped. No more
// may count than max_w gives since the last value: more may be the register of another device. The value that is accepted next ends the trial.
func (p *Profile) undoStart(r Register) Register {
	t := r.Counting.Trial
	last := r.At
	r.Device, r.At = t.Max, t.MaxAt
	r.Counting.Anchor, r.Counting.Since = t.MaxAt, t.Ahead
	r = p.passTo(r, last)
	r.Counting.Skip = t.Skip + r.MWh - t.MWh
	r.Counting.Left = t.Left
	return r
}

// endLeft ends the entry of a rise that was left to a person, once the register goes on from its last value. The register counts then what lies
// above that value. If a person accepted the rise too, it would be charged twice.
func endLeft(r Register, s Step) (Register, Step) {
	if r.Counting.Left.IsZero() || r.Counting.Held.Kind == HeldFall {
		return r, s
	}
	s.Moot, r.Counting.Left = r.Counting.Left, id.ID{}
	return r, s
}

// stay takes a value that is the same as the last accepted one.
func (p *Profile) stay(r Register, at time.Time) Register {
	if at.Sub(r.At) < apart {
		return r
	}
	if !r.Counting.isUnsureStill(at) {
		r.Counting.Unsure = 0
		r.Counting.Base = Base{}
	}
	return p.moveTo(r, 0, at)
}

// moveTo makes a time that of the last accepted value, which counted a step. The value before it becomes the anchor. If the step is larger than
// max_w gives after the anchor, the rest was used before it.
func (p *Profile) moveTo(r Register, step int64, at time.Time) Register {
	if at.Before(r.At) { // a higher value had come before, so the last accepted one was older than it seemed
		r.At = at
	}
	if now := at.Sub(r.At); !r.Counting.Anchor.IsZero() && now < apart { // one of several messages that came at once
		r.Counting.Since += step
		r.At = at
		return r
	}
	later := p.energyAhead(r, r.At) + step
	r.Counting.Since += step
	most := p.mostIn(at.Sub(r.At)) + p.energyAhead(r, at)
	r.Counting.Since = min(later, most)
	r.Counting.Anchor = r.At
	r.At = at
	return r
}

// isUnsureStill reports whether a value comes too soon after the last rise to confirm it.
func (c Counting) isUnsureStill(at time.Time) bool {
	return !at.Before(c.UnsureAt) && at.Sub(c.UnsureAt) < apart
}

// accept makes a value the last accepted one and counts the difference.
func (p *Profile) accept(r Register, s Step, mwh int64, at time.Time) (Register, Step) {
	step := mwh - r.Device
	r = p.moveTo(r, step, at)
	c := &r.Counting
	if !c.isUnsureStill(at) {
		c.Unsure = 0
	}
	c.Unsure += step
	c.UnsureAt = at
	c.Base = Base{}
	skipped := min(step, c.Skip)
	c.Skip -= skipped
	s.CountedMWh = step - skipped
	r.MWh += s.CountedMWh
	r.Device = mwh
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
	heard := r.At
	was := r.Counting.Held
	if kind == HeldFall && was.Firm {
		r.Counting.Base = was.asBase()
	}
	if was.Kind != "" {
		next.Since, next.Started, next.Entry, next.Alarmed = was.Since, was.Started, was.Entry, was.Alarmed
		next.Silent = !was.Firm && (was.Silent || p.isSilence(was.newestAt(), at))
		if heard = was.Heard; was.Firm {
			heard = was.newestAt()
		}
	}
	next.Heard = heard
	next.Silent = next.Silent || (was.Kind == "" || was.Firm) && p.isSilence(heard, at)
	if seen := r.Counting.SeenAt; mwh == r.Counting.Seen && seen.After(r.anchorTime()) {
		next.FirstAt = seen
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

// room returns the most energy that may still count at a time, in mWh: what max_w gives since the accepted value before the last one and in the
// allowance, less what was counted since.
func (p *Profile) room(r Register, at time.Time) int64 {
	return p.mostIn(max(at.Sub(r.anchorTime()), 0)+allowance) - r.Counting.Since
}
