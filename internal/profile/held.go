// Values of a device's register that are held, from the message to the quarantine. The rule in counter.go says what is held. This file enters
// it in the quarantine, ends the entry when later values decide the question, and carries out the decision of a person.

package profile

import (
	"fmt"
	"time"

	"github.com/paywatt/paywatt/internal/alarmtext"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/intake"
	"github.com/paywatt/paywatt/internal/metering"
)

// entriesApart is the least time between two entries of a meter that later values may decide. A device whose register is wrong every minute
// must not fill the quarantine.
const entriesApart = 10 * time.Minute

// alarmAfter is how long a value is held before an alarm is raised. Most wrong values are followed by a right one within seconds.
const alarmAfter = time.Minute

// HeldValue is a held value of a device's register, for the quarantine.
type HeldValue struct {
	Doubt   metering.Doubt
	Was     int64 // the last accepted value, in mWh
	Value   int64 // the held value, in mWh
	At      time.Time
	Seq     uint64 // number of the newest record of the meter
	Payload []byte // the device's message
}

// Text says what is doubtful, for people.
func (v HeldValue) Text() string {
	return fmt.Sprintf("the device's own register shows %s kWh after %s kWh", kWh(v.Value), kWh(v.Was))
}

// kWh writes an energy in mWh as kilowatt-hours.
func kWh(mwh int64) string { return fmt.Sprintf("%d.%06d", mwh/1_000_000, mwh%1_000_000) }

// HeldDecision is how the entry of a held value ends without a person: its register went on, as the later values show.
type HeldDecision struct {
	Entry  id.ID
	Ending HeldEnding // returned, began or confirmed
	At     time.Time
}

// judged returns the held value that a message adds to the quarantine, if there is one: the value that is held now, or a rise that is left to
// a person because the register went on without it.
func (t *Outcome) judged(was Register, h Incoming) (v HeldValue, left, is bool) {
	now := t.Register.Counting
	switch {
	case t.Step.Ended == EndedOpen || t.Step.Ended == EndedMoved:
		return heldValue(was.Counting.Held, was, h), true, was.Counting.Held.Entry.IsZero()
	case now.Held.Kind == "" || now.Held.Kind == HeldRise || !now.Held.Entry.IsZero():
		return HeldValue{}, false, false
	}
	return heldValue(now.Held, t.Register, h), false, now.EntryAt.IsZero() || h.At.Sub(now.EntryAt) >= entriesApart
}

// heldValue describes a held value after a register.
func heldValue(held Held, r Register, h Incoming) HeldValue {
	return HeldValue{Doubt: metering.CounterDoubt(r.Device/1000, held.First/1000), Was: r.Device, Value: held.First, At: held.FirstAt, Seq: r.Seq,
		Payload: h.Payload}
}

// decideHeld ends the entry of a held value as the register has decided it.
func decideHeld(tx Tx, meter int64, d HeldDecision) error {
	if err := tx.DecideHeldValue(d); err != nil {
		return err
	}
	return intake.Reviewed(tx.Intake().Review(), meter)
}

// enterHeld writes into the quarantine what a message has changed about held values.
func enterHeld(tx Tx, meter int64, was Register, t *Outcome, h Incoming) error {
	if before := was.Counting.Held.Entry; !before.IsZero() && t.Step.Ended.isDecision() {
		if err := decideHeld(tx, meter, HeldDecision{Entry: before, Ending: t.Step.Ended, At: h.At}); err != nil {
			return err
		}
	}
	if moot := t.Step.Moot; !moot.IsZero() {
		if err := decideHeld(tx, meter, HeldDecision{Entry: moot, Ending: EndedReturned, At: h.At}); err != nil {
			return err
		}
	}
	v, left, is := t.judged(was, h)
	entry := was.Counting.Held.Entry
	if is {
		var err error
		if entry, err = holdValue(tx, meter, v); err != nil {
			return err
		}
		t.Register.Counting.EntryAt = h.At.UTC().Truncate(time.Millisecond)
		if !left {
			t.Register.Counting.Held.Entry = entry
		}
	}
	if t.Step.Ended == EndedOpen {
		t.Register.Counting.Left = entry
	}
	held := &t.Register.Counting.Held
	if !left && (held.Entry.IsZero() || held.Alarmed || h.At.Sub(held.Since) < alarmAfter) {
		return nil
	}
	if !left {
		held.Alarmed = true
		v = heldValue(*held, t.Register, h)
	}
	return tx.Intake().Review().UpdateAlarm(meter, metering.Alarm{Code: metering.AlarmQuarantine, Text: alarmtext.DeviceHeld(kWh(v.Value), kWh(v.Was))})
}

// holdValue enters a value in the quarantine, unless too many entries of the meter wait already.
func holdValue(tx Tx, meter int64, v HeldValue) (id.ID, error) {
	if room, err := intake.HasRoom(tx.Intake().Review(), meter); err != nil || !room {
		return id.ID{}, err
	}
	return tx.HoldDeviceValue(meter, v)
}

// isDecision reports whether the values themselves have decided about an entry.
func (e HeldEnding) isDecision() bool {
	return e == EndedReturned || e == EndedBegan || e == EndedConfirmed
}

// AcceptHeld returns the register after a person has accepted the rise of an entry, in mWh. If the value is still held, counting goes on from it.
// If another value is held by now under the same entry, the person has not seen it, so the rise of the entry counts.
func (r Register) AcceptHeld(entry id.ID, mwh int64) Register {
	held := r.Counting.Held
	mwh = max(mwh, 0)
	switch entry {
	case held.Entry:
		if held.Kind != HeldFall && !isSameRise(held.First-r.Device, mwh) {
			held.First = r.Device + mwh
		}
		r.MWh += max(held.First-r.Device, 0)
		return r.goOnFrom(held.First, held.FirstAt)
	case r.Counting.Left: // the register has not gone on yet, so it goes on from the accepted value
		r.Device += mwh
		r.Counting.Since += mwh
	}
	r.MWh += mwh
	return r.endEntry(entry)
}

// isSameRise reports whether two rises are the same in whole watt-hours, as the quarantine writes them.
func isSameRise(a, b int64) bool { return a-b < 1000 && b-a < 1000 }

// endEntry forgets the entry of a rise that was left to a person.
func (r Register) endEntry(entry id.ID) Register {
	if r.Counting.Left == entry {
		r.Counting.Left = id.ID{}
	}
	if r.Counting.Trial.Left == entry {
		r.Counting.Trial.Left = id.ID{}
	}
	return r
}

// RebaseHeld returns the register after a person has decided that counting goes on from the held value of an entry, or from another value of
// the device's register (in mWh). The difference is not counted.
func (r Register) RebaseHeld(entry id.ID, to *int64) Register {
	held := r.Counting.Held
	if held.Entry != entry {
		return r.endEntry(entry)
	}
	if to == nil {
		to = &held.Last
	}
	return r.goOnFrom(*to, held.LastAt)
}

// DiscardHeld returns the register after a person has decided that the held value of an entry is wrong.
func (r Register) DiscardHeld(entry id.ID) Register {
	if r.Counting.Held.Entry == entry {
		r.Counting.Held = Held{}
	}
	return r.endEntry(entry)
}

// goOnFrom makes a value the last accepted one without counting.
func (r Register) goOnFrom(mwh int64, at time.Time) Register {
	r.Device, r.At = mwh, at
	r.Counting = Counting{Skip: r.Counting.Skip, EntryAt: r.Counting.EntryAt}
	return r
}
