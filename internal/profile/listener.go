package profile

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/alarmtext"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/intake"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/wallet"
	"github.com/paywatt/paywatt/wire"
)

// Memory is the name of the device memory under which the server numbers the records of a device with a profile, because
// the device does not number them itself. The meter's receive window belongs to this name.
const Memory = wallet.DeviceMemory

// ReportEvery is the longest time between two readings of a device that sends samples. A reading is ingested after
// this time even if the register has not changed by a whole watt-hour, to show that the meter is alive.
const ReportEvery = time.Minute

// AlarmGap is raised at the first gap in the measurement of a device's energy. The register keeps the total of the gaps.
const AlarmGap metering.AlarmCode = "energy-not-measured"

// AlarmClaimed is raised when another client uses the name of a meter's device, or when another device sends to a meter's listener.
const AlarmClaimed metering.AlarmCode = "device-claimed"

// Tx is the part of a transaction that this package needs.
type Tx interface {
	// ProfileRegister reads a meter's register and locks it. It returns the zero Register if the meter has none yet.
	ProfileRegister(meter int64) (Register, error)
	PutProfileRegister(meter int64, profile string, r Register) error
	// HoldDeviceValue enters a value of a device's register in the quarantine, and DecideHeldValue ends the entry without a person.
	HoldDeviceValue(meter int64, v HeldValue) (id.ID, error)
	DecideHeldValue(HeldDecision) error
	// DeviceBinding reads what is known of the device that a meter belongs to, and locks it; false if nothing is stored.
	DeviceBinding(meter int64) (Binding, bool, error)
	PutDeviceBinding(meter int64, b Binding) error
	// DeviceNamed finds the adopted device with a name and locks it.
	DeviceNamed(name string) (Adopted, bool, error)
	Eyes() access.EyesTx
	Intake() intake.Tx
	Rating() wallet.ReleaseTx
	AuditLog(access.Entry) error
	// RaiseAlarm opens an alarm of a meter unless the same alarm is open already.
	RaiseAlarm(meter int64, a metering.Alarm) error
	// UpdateAlarm opens an alarm of a meter, or gives the open one of the same code the new text. ClearAlarm ends it.
	UpdateAlarm(meter int64, a metering.Alarm) error
	ClearAlarm(meter int64, code metering.AlarmCode) error
}

// Listener handles the messages of devices with a profile. It updates the register that the server keeps for the meter.
// It also ingests readings of this register, as if a meter had sent them.
type Listener struct {
	door access.Door[Tx]
}

// NewListener returns a Listener.
func NewListener(door access.Door[Tx]) *Listener { return &Listener{door: door} }

// Incoming is a message in the form in which it arrived.
type Incoming struct {
	Topic   string
	Payload []byte
	At      time.Time // server time
	// Reasons say why the supply should be off, and become part of the reading. The list is empty while the supply should be on.
	Reasons []string
	// Device is the adopted device that sent the message at the shared listener; nil at a listener of its own.
	Device *Adopted
}

// Outcome is the effect of a message, after the commit.
type Outcome struct {
	// Acceptance says whether the message is of the meter's device. A message of another device has no effect.
	Acceptance Acceptance
	Meaning    Meaning
	Register   Register
	Step       Step
	Reading    bool // a reading was ingested
}

// Take handles one message that a device sent to its meter's listener. When it returns without an error, the register and
// the reading are durable. The listener identifies the meter, so Take checks no rights.
func (l *Listener) Take(ctx context.Context, who registry.Identity, p *Profile, h Incoming) (Outcome, error) {
	t := Outcome{Meaning: p.Understand(h.Topic, h.Payload)}
	if t.Meaning.Kind == Ignored {
		return t, nil
	}
	err := l.door.Do(ctx, who.Tenant, func(tx Tx) (bool, error) {
		t.Acceptance = Accepted
		if err := stillAdopted(tx, h.Device); err != nil {
			return false, err
		}
		was, err := tx.ProfileRegister(who.Meter)
		if err != nil {
			return false, err
		}
		b, err := t.identify(tx, who, p, h, was)
		if err != nil || t.Acceptance != Accepted {
			return false, err
		}
		t.Register, t.Step = p.Take(was, b.counted(p, t.Meaning), h.At)
		recs := t.records(who, p, h)
		if len(recs) == 0 && t.Register == was {
			return false, nil
		}
		if err := ingest(tx, who, p, h, &t.Register, recs); err != nil {
			return false, err
		}
		if err := enterHeld(tx, who.Meter, was, &t, h); err != nil {
			return false, err
		}
		if t.Step.Gap > 0 && was.Gaps == 0 {
			if err := tx.Rating().RaiseAlarm(who.Meter, metering.Alarm{Code: AlarmGap, Text: alarmtext.DeviceGap()}); err != nil {
				return false, err
			}
		}
		return false, tx.PutProfileRegister(who.Meter, p.Name, t.Register)
	})
	if err != nil {
		return Outcome{}, fmt.Errorf("accept a message of meter %s: %w", who.Number, err)
	}
	return t, nil
}

// ErrReleased means that a device does not belong to its meter any more, so that its message does not count.
var ErrReleased = errors.New("the device was released from its meter")

// stillAdopted returns an error if the device was released since it connected.
func stillAdopted(tx Tx, d *Adopted) error {
	if d == nil {
		return nil
	}
	now, found, err := tx.DeviceNamed(d.Name)
	if err == nil && (!found || now.Meter != d.Meter || !now.At.Equal(d.At)) {
		err = ErrReleased
	}
	return err
}

// Claimed raises the alarm that another client has used the name of a meter's device, or that another device sends to the meter's listener. It
// is one alarm, which names the newest attempt.
func (l *Listener) Claimed(ctx context.Context, who registry.Identity, c Claim) error {
	text := alarmtext.DeviceClaimed(c.Client, c.Address)
	if c.Name != "" {
		text = alarmtext.DeviceForeign(c.Name, c.Client, c.Address)
	}
	err := l.door.Do(ctx, who.Tenant, func(tx Tx) (bool, error) {
		return false, tx.UpdateAlarm(who.Meter, metering.Alarm{Code: AlarmClaimed, Text: text})
	})
	if err != nil {
		return fmt.Errorf("raise an alarm about the device of meter %s: %w", who.Number, err)
	}
	return nil
}

// Register returns the register that the server keeps for a meter. It is the zero Register if the meter never had a
// device with a profile.
func (l *Listener) Register(ctx context.Context, who registry.Identity) (r Register, err error) {
	err = l.door.View(ctx, who.Tenant, func(tx Tx) (err error) { r, err = tx.ProfileRegister(who.Meter); return err })
	if err != nil {
		return Register{}, fmt.Errorf("look up the register of meter %s: %w", who.Number, err)
	}
	return r, nil
}

// records returns the records that a message causes, and updates the register with them.
func (t *Outcome) records(who registry.Identity, p *Profile, h Incoming) []metering.Record {
	r := &t.Register
	base := metering.Record{Tenant: who.Tenant, Meter: who.Meter, Number: who.Number, Simulated: who.Simulated, ReceivedAt: h.At, Memory: Memory}
	var out []metering.Record
	add := func(rec wire.Record) {
		one := base
		one.Rec = rec
		out = append(out, one)
	}
	switch {
	case t.Meaning.Kind == Unreadable:
		bad := base
		bad.Bad = &wire.Bad{Reason: "the device's message " + t.Meaning.Text + ": " + t.Meaning.Why, Raw: h.Payload}
		return []metering.Record{bad}
	case t.Meaning.Kind == IsStarted || r.Seq == 0:
		add(r.boot(p))
	}
	due := t.Step.RelayChanged || t.Step.Load || t.Step.Sample && (r.Wh() != r.ReportedWh || h.At.Sub(r.ReportedAt) >= ReportEvery || h.At.Before(r.ReportedAt))
	if due {
		r.Seq++
		r.ReportedAt, r.ReportedWh, t.Reading = h.At.UTC().Truncate(time.Millisecond), r.Wh(), true
		add(r.reading(t.Meaning, h))
	} else if r.Seq == 0 && t.Meaning.Kind != IsStarted {
		return nil // without a reading the memory has not begun, so no boot message is due yet
	}
	return out
}

// boot returns the record that opens the memory. The record gives the number of the memory's next record.
func (r *Register) boot(p *Profile) wire.Record {
	return wire.Boot{Memory: Memory, Lowest: r.Seq + 1, Next: r.Seq + 1, Boot: r.Boots, Proto: 1, FW: "profile " + p.Name,
		Reset: "power", Caps: []string{}}.Record()
}

// reading returns the register as a reading of a meter. Power is rounded to whole watts, half up. The reasons are
// included only once the relay is known to be open, because the energy must not grow after a reading with reasons.
func (r *Register) reading(m Meaning, h Incoming) wire.Record {
	out := wire.Reading{Head: wire.Head{Seq: r.Seq, At: h.At.Unix(), Clock: wire.ClockValid}, RegisterWh: r.Wh(),
		W: (r.PowerMW + 500) / 1000, Relay: r.Relay, Reasons: []string{}}
	if m.VoltageMV != nil {
		out.MV = *m.VoltageMV
	}
	if r.KnownOpen(h.At.UTC().Truncate(time.Millisecond)) {
		out.Reasons = append(out.Reasons, h.Reasons...)
	}
	return out.Record()
}

// errBeyond means that the meter's window rejects the numbers of this memory even after a boot message.
var errBeyond = errors.New("the meter's window does not accept the reading")

// ingest stores the records. Another meter may have been installed under the same number for a while, with another memory.
// Then a boot message first moves the window back to this memory.
func ingest(tx Tx, who registry.Identity, p *Profile, h Incoming, r *Register, recs []metering.Record) error {
	if len(recs) == 0 {
		return nil
	}
	out, err := intake.Take(tx.Intake(), recs)
	if err != nil {
		return err
	}
	last := out[len(out)-1].Kind
	if last != metering.Beyond {
		return nil
	}
	before := *r
	before.Seq--
	boot := recs[0]
	boot.Rec, boot.Bad = before.boot(p), nil
	if out, err = intake.Take(tx.Intake(), []metering.Record{boot, recs[len(recs)-1]}); err != nil {
		return err
	}
	if out[1].Kind != metering.Stored {
		return fmt.Errorf("%w: record %d of meter %s at %s was %s", errBeyond, r.Seq, who.Number, h.At.UTC().Format(time.RFC3339), out[1].Kind)
	}
	return nil
}
