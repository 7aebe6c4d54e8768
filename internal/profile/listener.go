package profile

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/alarmtext"
	"github.com/paywatt/paywatt/internal/intake"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/wallet"
	"github.com/paywatt/paywatt/wire"
)

// Memory is the name of the memory whose records are numbered here: a device of a profile numbers none, and its meter's
// window belongs to this name.
const Memory = wallet.DeviceMemory

// ReportEvery is how often a reading is ingested although nothing has changed by a whole watt-hour, so that the meter
// is seen to live.
const ReportEvery = time.Minute

// AlarmGap is raised once a device's energy was not measured for a while; the register says how long in all.
const AlarmGap metering.AlarmCode = "energy-not-measured"

// Tx is what is needed of a transaction.
type Tx interface {
	// ProfileRegister reads a meter's register and locks it; the zero Register where there is none yet.
	ProfileRegister(meter int64) (Register, error)
	PutProfileRegister(meter int64, profile string, r Register) error
	Eyes() access.EyesTx
	Intake() intake.Tx
	Rating() wallet.ReleaseTx
	AuditLog(access.Entry) error
	// RaiseAlarm opens an alarm of a meter unless the same one is open.
	RaiseAlarm(meter int64, a metering.Alarm) error
}

// Listener takes the messages of devices of a profile: it moves the register that the server keeps for the meter and
// ingests readings from it, as if a meter had sent them.
type Listener struct {
	door access.Door[Tx]
}

// NewListener makes a Listener.
func NewListener(door access.Door[Tx]) *Listener { return &Listener{door: door} }

// Heard is one message as it arrived.
type Heard struct {
	Topic   string
	Payload []byte
	At      time.Time // server time
	// Reasons are why the supply is meant to be off, for the reading; none while it is meant to be on.
	Reasons []string
}

// Taken is what became of a message, after the commit.
type Taken struct {
	Meaning  Meaning
	Register Register
	Step     Step
	Reading  bool // a reading was ingested
}

// Take takes one message of the device on a meter's listener. When it returns without an error the register and the
// reading are durable. The listener itself says who the meter is; there is nobody else to ask for a right.
func (l *Listener) Take(ctx context.Context, who registry.Identity, p *Profile, h Heard) (Taken, error) {
	t := Taken{Meaning: p.Understand(h.Topic, h.Payload)}
	if t.Meaning.Kind == Ignored {
		return t, nil
	}
	err := l.door.Do(ctx, who.Tenant, func(tx Tx) (bool, error) {
		was, err := tx.ProfileRegister(who.Meter)
		if err != nil {
			return false, err
		}
		t.Register, t.Step = p.Take(was, t.Meaning, h.At)
		recs := t.records(who, p, h)
		if len(recs) == 0 && t.Register == was {
			return false, nil
		}
		if err := ingest(tx, who, p, h, &t.Register, recs); err != nil {
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
		return Taken{}, fmt.Errorf("accept a message of meter %s: %w", who.Number, err)
	}
	return t, nil
}

// Register reads what the server counts for a meter; the zero Register for one that never had a device of a profile.
func (l *Listener) Register(ctx context.Context, who registry.Identity) (r Register, err error) {
	err = l.door.View(ctx, who.Tenant, func(tx Tx) (err error) { r, err = tx.ProfileRegister(who.Meter); return err })
	if err != nil {
		return Register{}, fmt.Errorf("look up the register of meter %s: %w", who.Number, err)
	}
	return r, nil
}

// records are what the message makes the meter say; the register is prepared for them.
func (t *Taken) records(who registry.Identity, p *Profile, h Heard) []metering.Record {
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
		return nil // without a reading the memory is not begun, so a boot message would come with every message
	}
	return out
}

// boot opens the memory: it says from where on its numbers go.
func (r *Register) boot(p *Profile) wire.Record {
	return wire.Boot{Memory: Memory, Lowest: r.Seq + 1, Next: r.Seq + 1, Boot: r.Boots, Proto: 1, FW: "profile " + p.Name,
		Reset: "power", Caps: []string{}}.Record()
}

// reading is the register as a meter would report it. Power is rounded to whole watts, half up. It says why the relay is
// open once that is known: then nothing more may be counted.
func (r *Register) reading(m Meaning, h Heard) wire.Record {
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

// errBeyond says that the meter's window takes no number of this memory even after a boot message.
var errBeyond = errors.New("the meter's window does not accept the reading")

// ingest gives the records to the store. Where the meter had another memory since (a meter of its own hung on the same
// number for a while) the window is asked to change back first.
func ingest(tx Tx, who registry.Identity, p *Profile, h Heard, r *Register, recs []metering.Record) error {
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
