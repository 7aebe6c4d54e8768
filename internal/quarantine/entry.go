package quarantine

import (
	"fmt"
	"time"

	"github.com/paywatt/paywatt/internal/metering"
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

// Stopped returns the open entry for the reading at which a meter's rating stopped.
func Stopped(w wallet.Row) Entry {
	h := w.Held
	return Entry{Meter: w.Meter.N, Kind: OfRating, Record: wire.KindReading, Memory: h.Memory, Seq: h.Seq, ReceivedAt: h.Since,
		Doubt: w.State.Doubt(), Reason: wallet.HeldText(w.State), Was: new(w.Register), Register: new(h.Register), At: h.At}
}
