package quarantine

import (
	"fmt"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/profile"
	"github.com/paywatt/paywatt/internal/wallet"
	"github.com/paywatt/paywatt/unit"
	"github.com/paywatt/paywatt/wire"
)

// HeldRecord returns the open entry for a record held for review. The entry contains the record as it came.
func HeldRecord(r *metering.Record, l *metering.Live, d metering.Decision) (Entry, error) {
	e := Entry{Meter: r.Meter, Kind: OfRecord, Memory: l.Memory, Seq: r.Rec.Head.Seq, ReceivedAt: r.ReceivedAt,
		Doubt: d.Doubt, Reason: d.Reason, Record: r.Rec.Kind, Payload: r.Rec.Raw}
	if !l.ReceivedAt.IsZero() {
		e.Was = new(unit.Energy(l.RegisterWh))
	}
	switch {
	case r.Bad != nil:
		e.Seq, e.Payload, e.Record = r.Bad.Seq, r.Bad.Raw, ""
	default:
		if e.Payload == nil { // the reading is the server's own, for a device that does not know Paywatt
			raw, err := wire.EncodeUp(wire.JSON, r.Rec)
			if err != nil {
				return Entry{}, fmt.Errorf("hold a record for review: %w", err)
			}
			e.Payload = raw
		}
		if metering.Writable(r.Rec.Head.At) {
			e.At = time.Unix(r.Rec.Head.At, 0)
		}
		if p := r.Rec.Reading; p != nil {
			e.Register = new(unit.Energy(p.RegisterWh))
		}
	}
	return e, nil
}

// deviceValue is the kind of record of an entry about the own register of a device that does not know Paywatt.
const deviceValue wire.Kind = "device"

// OfDevice returns the open entry for a held value of a device's own register.
func OfDevice(meter int64, v profile.HeldValue) Entry {
	return Entry{Meter: meter, Kind: OfRecord, Record: deviceValue, Memory: profile.Memory, Seq: v.Seq, ReceivedAt: v.At, Doubt: v.Doubt, Reason: v.Text(),
		Payload: v.Payload, Was: new(unit.Energy(v.Was / 1000)), Register: new(unit.Energy(v.Value / 1000)), At: v.At}
}

// isOfDevice reports whether the entry is about a device's own register.
func (e Entry) isOfDevice() bool { return e.Kind == OfRecord && e.Record == deviceValue }

// DecidedByDevice returns the entry as the later values of the device have decided it.
func (e Entry) DecidedByDevice(d profile.HeldDecision) Entry {
	e.DecidedAt, e.DecidedBy = d.At, access.SystemActor(0, "device").String()
	switch d.Ending {
	case profile.EndedBegan:
		e.State, e.Decision = Rebased, "The register began again, as the values after it show."
	case profile.EndedConfirmed:
		e.State, e.Decision = Accepted, "A second value confirmed it."
	default:
		e.State, e.Decision = Discarded, "The register came back to its last value."
	}
	return e
}

// Stopped returns the open entry for the reading at which a meter's rating stopped.
func Stopped(w wallet.Row) Entry {
	h := w.Held
	return Entry{Meter: w.Meter.N, Kind: OfRating, Record: wire.KindReading, Memory: h.Memory, Seq: h.Seq, ReceivedAt: h.Since,
		Doubt: w.State.Doubt(), Reason: wallet.HeldText(w.State), Was: new(w.Register), Register: new(h.Register), At: h.At}
}
