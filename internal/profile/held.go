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

// enterHeld writes into the quarantine what a message has changed about held values.
func enterHeld(tx Tx, meter int64, was Register, t *Outcome, h Incoming) error {
	if before := was.Counting.Held.Entry; !before.IsZero() && t.Step.Ended.isDecision() {
		if err := tx.DecideHeldValue(HeldDecision{Entry: before, Ending: t.Step.Ended, At: h.At}); err != nil {
			return err
		}
		if err := intake.Reviewed(tx.Intake().Review(), meter); err != nil {
			return err
		}
	}
	v, left, is := t.judged(was, h)
	if is {
		entry, err := holdValue(tx, meter, v)
		if err != nil {
			return err
		}
		t.Register.Counting.EntryAt = h.At.UTC().Truncate(time.Millisecond)
		if !left {
			t.Register.Counting.Held.Entry = entry
		}
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

// AcceptHeld returns the register after a person has accepted a rise of so many mWh, the one of an entry. If the value is still held, counting
// goes on from it.
func (r Register) AcceptHeld(entry id.ID, mwh int64) Register {
	held := r.Counting.Held
	if held.Entry != entry {
		r.MWh += max(mwh, 0)
		return r
	}
	r.MWh += max(held.First-r.Device, 0)
	return r.goOnFrom(held.First, held.FirstAt)
}

// RebaseHeld returns the register after a person has decided that counting goes on from the held value of an entry, or from another value of
// the device's register (in mWh). The difference is not counted.
func (r Register) RebaseHeld(entry id.ID, to *int64) Register {
	held := r.Counting.Held
	if held.Entry != entry {
		return r
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
	return r
}

// goOnFrom makes a value the last accepted one without counting.
func (r Register) goOnFrom(mwh int64, at time.Time) Register {
	r.Device, r.At = mwh, at
	r.Counting = Counting{Skip: r.Counting.Skip, EntryAt: r.Counting.EntryAt}
	return r
}
