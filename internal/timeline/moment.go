package timeline

import (
	"bytes"
	"cmp"
	"context"
	"crypto/hmac"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/unit"
)

// Kind is the kind of a moment in the life of a meter.
type Kind string

// The kinds of moments.
const (
	Sales    Kind = "sale"
	Tokens   Kind = "token"   // made without a sale, or handed in
	Orders   Kind = "order"   // commands that switch, read or clear
	Settings Kind = "setting" // configurations, clocks and leases
	Events   Kind = "event"   // what the meter reported
	Doubts   Kind = "doubt"   // readings and records that were held for review
	Alarms   Kind = "alarm"
	Messages Kind = "message"
	Swaps    Kind = "swap" // the meter took the place of another one, or another one took its place
	Tariffs  Kind = "tariff"
)

// Kinds lists the kinds, in the order in which a page offers them.
func Kinds() []Kind {
	return []Kind{Sales, Tokens, Orders, Settings, Events, Doubts, Alarms, Messages, Swaps, Tariffs}
}

// right is what a person needs to see moments of a kind, beside access.ReadMeters.
func (k Kind) right() access.Right {
	switch k {
	case Sales, Tokens:
		return access.ReadVends
	case Messages:
		return access.ReadCustomers
	}
	return access.ReadMeters
}

// Origins of tokens that were not sold, and the state of an alarm that has ended.
const (
	Made       = "made"
	HandedIn   = "handed_in" // made by another system
	AlarmOpen  = "open"
	AlarmEnded = "ended"
)

// What a swap was for a meter.
const (
	Replaced = "replaced"
	Replaces = "replaces"
)

// What was decided about the tariff of the meter's account.
const (
	Changed   = "changed"   // it gets another tariff
	Withdrawn = "withdrawn" // a change that had not begun was taken back
)

// Moment is something that was sold to a meter, sent to it, heard from it or decided about it.
type Moment struct {
	Kind   Kind
	At     time.Time // the server's time
	ID     id.ID     // of the sale, token, command, entry, alarm, message, swap or change; of an event it is zero
	What   string    // mode, origin, type, code, doubt or purpose; whether a tariff was changed or a change withdrawn
	State  string
	By     string
	Note   string // receipt number, reason, text or telephone number
	Result string // what the meter answered to a token or command; of a swap, the number of the other meter; the name of a tariff
	Tender money.Amount
	Units  unit.Energy
	Place  Place  // where it is in the list
	Number string // of the meter
	// MeterAt is the meter's own time of an event. It is zero if the meter's clock was not set.
	MeterAt time.Time
	Begins  time.Time // when another tariff begins to price the meter's account
}

// Place is a place in a timeline. Places sort by time, and then by identity. The identity of an event has its sequence number in its last eight
// bytes. Rows of which only the identity is sorted have the time of their identity, in whole milliseconds.
type Place struct {
	Micros int64 // of the Unix time
	ID     id.ID
}

// PlaceOf is the place of a row that is sorted by its identity.
func PlaceOf(i id.ID) Place { return Place{Micros: i.Time().UnixMilli() * 1000, ID: i} }

// PlaceOfEvent is the place of an event.
func PlaceOfEvent(received time.Time, seq uint64) Place {
	p := Place{Micros: received.UnixMicro()}
	binary.BigEndian.PutUint64(p.ID[8:], seq)
	return p
}

// Compare is negative if p is older than q.
func (p Place) Compare(q Place) int {
	return cmp.Or(cmp.Compare(p.Micros, q.Micros), bytes.Compare(p.ID[:], q.ID[:]))
}

// Before returns the identity below which the rows that are sorted by identity are older than p.
func (p Place) Before() id.ID {
	at := time.UnixMicro(p.Micros)
	first, next := id.First(at), id.First(at.Add(time.Millisecond))
	switch {
	case p.Micros%1000 != 0 || bytes.Compare(p.ID[:], next[:]) >= 0:
		return next
	case bytes.Compare(p.ID[:], first[:]) < 0:
		return first
	}
	return p.ID
}

// BeforeEvent returns the time, in microseconds, and the sequence number below which events are older than p.
func (p Place) BeforeEvent() (micros int64, seq uint64) {
	if binary.BigEndian.Uint64(p.ID[:8]) != 0 {
		return p.Micros + 1, 0 // every event of that time is older
	}
	return p.Micros, binary.BigEndian.Uint64(p.ID[8:])
}

// newest is the place above all others.
var newest = Place{Micros: 1 << 53, ID: id.FromBytes(bytes.Repeat([]byte{0xff}, len(id.ID{})))}

// List is a page of a meter's timeline, newest first.
type List struct {
	refusal.Refusal
	Meter   registry.Meter
	Kinds   []Kind // that the person may see
	Moments []Moment
	Next    string
}

// listMoments is the list that a cursor of moments belongs to.
const listMoments = "moments:"

// List lists what happened to a meter, newest first (right: meter.read). An empty kind lists all kinds that the person may see.
func (t *Timeline) List(ctx context.Context, by access.Actor, meter string, kind Kind, page registry.Page) (List, error) {
	if no := by.Needs(access.ReadMeters); no.Refused() {
		return List{Refusal: no}, nil
	}
	out := List{}
	for _, k := range Kinds() {
		if by.May(k.right()) && (by.OfUtility() || k.right() != access.ReadVends) {
			out.Kinds = append(out.Kinds, k)
		}
	}
	asked := out.Kinds
	if kind != "" {
		if !slices.Contains(Kinds(), kind) {
			return List{Refusal: refuse.TimelineKindUnknown(string(kind))}, nil
		}
		if asked = []Kind{kind}; !slices.Contains(out.Kinds, kind) {
			return List{Refusal: by.Needs(kind.right())}, nil
		}
	}
	err := t.look(ctx, by, func(tx Tx) error {
		m, no, err := registry.MeterNamed(tx.Meters(), meter)
		if err != nil || no.Refused() {
			out.Refusal = no
			return err
		}
		out.Meter = m
		list := listMoments + string(kind) + m.ID.Text(id.Meter)
		before, max, no := t.read(by.Tenant, list, page)
		if no.Refused() {
			out.Refusal = no
			return nil
		}
		if out.Moments, err = moments(tx, m.N, asked, before, max+1); err == nil && len(out.Moments) > max {
			out.Moments = out.Moments[:max]
			out.Next = t.cursor(by.Tenant, list, out.Moments[max-1].Place)
		}
		for i := range out.Moments {
			out.Moments[i].Number = m.Number
		}
		return err
	})
	return out, fault.Wrap(err, "list the timeline of meter %s", meter)
}

// moments merges the newest moments of each kind.
func moments(tx Tx, meter int64, kinds []Kind, before Place, max int) ([]Moment, error) {
	var all []Moment
	for _, k := range kinds {
		rows, err := tx.Moments(k, meter, before, max)
		if err != nil {
			return nil, err
		}
		all = append(all, rows...)
	}
	slices.SortFunc(all, func(a, b Moment) int { return b.Place.Compare(a.Place) })
	return all[:min(len(all), max)], nil
}

// cursorMAC is the number of bytes of the keyed hash in a cursor.
const cursorMAC = 8

// cursor marks the place after a row.
func (t *Timeline) cursor(tenant access.Tenant, list string, p Place) string {
	b := append(binary.BigEndian.AppendUint64(nil, uint64(p.Micros)), p.ID[:]...)
	return base64.RawURLEncoding.EncodeToString(append(b, t.mac(tenant, list, b)...))
}

// read reads a page request.
func (t *Timeline) read(tenant access.Tenant, list string, page registry.Page) (before Place, max int, no refusal.Refusal) {
	_, max, no = registry.Page{Limit: page.Limit}.Read(t.c.Sealer, tenant, list)
	if no.Refused() || page.Cursor == "" {
		return newest, max, no
	}
	const size = 8 + len(id.ID{})
	b, err := base64.RawURLEncoding.DecodeString(page.Cursor)
	if err != nil || len(b) != size+cursorMAC || !hmac.Equal(b[size:], t.mac(tenant, list, b[:size])) {
		return Place{}, 0, refuse.CursorNotOfList()
	}
	return Place{Micros: int64(binary.BigEndian.Uint64(b)), ID: id.FromBytes(b[8:size])}, max, no
}

func (t *Timeline) mac(tenant access.Tenant, list string, place []byte) []byte {
	return t.c.Sealer.Hash(fmt.Sprintf("cursor:%s:%d", list, tenant), place)[:cursorMAC]
}
