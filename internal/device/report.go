package device

import (
	"fmt"

	"github.com/paywatt/paywatt/internal/device/outbox"
	"github.com/paywatt/paywatt/meter"
	"github.com/paywatt/paywatt/sts"
	"github.com/paywatt/paywatt/wire"
)

// record translates a report of the core into a record of the protocol. The function text returns the id for a
// handle, because the core knows only handles.
func record(r *meter.Report, text func(handle uint64) string) wire.Record {
	head := wire.Head{Seq: r.Seq, At: r.At, Up: r.Up, Clock: clockName(r.Clock)}
	switch r.Kind {
	case meter.ReportToken:
		request := ""
		if r.Source == meter.Remote {
			request = text(r.Request) // the id of an SMS has a meaning only in this meter
		}
		return tokenRecord(r, head, request).Record()
	case meter.ReportCommand:
		return wire.CommandAnswer{Head: head, ID: text(r.Request), State: r.Answer.State(), Reason: r.Answer.Reason()}.Record()
	case meter.ReportEvent:
		return wire.Event{Head: head, Code: int(r.Code), Args: r.Args()}.Record()
	case meter.ReportClose:
		return closeRecord(r, head).Record()
	default:
		return wire.Reading{
			Head:       head,
			RegisterWh: int64(r.Register), BalanceWh: int64(r.Balance), ECUsedWh: int64(r.ECUsed), OverrunWh: int64(r.Overrun),
			W: int64(r.Power), MV: int64(r.Voltage),
			Relay: r.Relay.String(), Reasons: r.Reasons.Names(),
		}.Record()
	}
}

// tokenRecord omits the fields that are not reliable: the subclass if the token did not open, and also the class if
// there were not 20 digits.
func tokenRecord(r *meter.Report, head wire.Head, request string) wire.Token {
	t := wire.Token{
		Head: head, Request: request, BaseDate: int(r.Base), Result: r.Result.String(),
		UnitsWh: int64(r.Units), BalanceWh: int64(r.Balance), Source: r.Source.String(),
	}
	if r.HasTID {
		t.TID = new(uint32(r.TID))
	}
	if r.Result != sts.FormatError {
		t.Class = new(r.Class)
	}
	if r.Result != sts.FormatError && r.Result != sts.CRCError {
		t.SubClass = new(r.SubClass)
	}
	return t
}

func closeRecord(r *meter.Report, head wire.Head) wire.Close {
	row := &r.Row
	return wire.Close{
		Head: head, Date: row.Date.String(), RegisterWh: int64(row.Register), UsedWh: int64(row.Used),
		MinBalanceWh: int64(row.Min), MaxBalanceWh: int64(row.Max), MaxW: int64(row.Peak), OffMin: int64(row.OffMinutes),
		TokensWh: int64(row.Tokens), Events: int64(row.Events), Gap: row.Gap,
	}
}

func clockName(c meter.Clock) wire.Clock {
	switch c {
	case meter.ClockValid:
		return wire.ClockValid
	case meter.ClockHoldover:
		return wire.ClockHoldover
	}
	return wire.ClockInvalid
}

// tornCode is the event that replaces a record that the memory has lost (docs/reference/events.md#events-of-meters).
const tornCode = 702

// filler returns the record that takes the number of a lost one. A number is never reused, and a gap would hold up the
// records after it.
func filler(seq uint64, at int64) wire.Record {
	return wire.Event{
		Head: wire.Head{Seq: seq, At: at, Clock: wire.ClockInvalid}, Code: tornCode,
		Args: map[string]any{"lost": "record"},
	}.Record()
}

// format is the encoding of this meter's records.
const format = wire.JSON

// entry encodes a record for the outbox.
func entry(r wire.Record) (outbox.Entry, error) {
	b, err := wire.EncodeUp(format, r)
	if err != nil {
		return outbox.Entry{}, fmt.Errorf("encode record %d: %w", r.Head.Seq, err)
	}
	return outbox.Entry{Seq: r.Head.Seq, Kind: r.Kind, Data: b}, nil
}
