package metering

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
)

// Page limits of every list in this package.
const (
	DefaultPage = 50
	MaxPage     = 200
)

// StoredReading is a stored reading. Fields that a meter may leave out are zero.
type StoredReading struct {
	Memory                                            string
	Seq                                               uint64
	At                                                time.Time // the meter's own time
	Up                                                time.Duration
	Clock                                             string
	ReceivedAt                                        time.Time // the server's time of arrival
	RegisterWh, BalanceWh, ECUsedWh, OverrunWh, W, MV int64
	Relay                                             string
	Reasons                                           []string
	Row                                               int64 // position in the store, for the cursor
}

// StoredEvent is a stored event, daily row (kind close) or command's answer (kind command).
type StoredEvent struct {
	Memory     string
	Seq        uint64
	Kind       string
	Code       int
	At         time.Time // the meter's own time
	Clock      string
	ReceivedAt time.Time
	Args       json.RawMessage // nil if the record had none
}

// StoredToken is a token result as a meter reported it. TID, Class and SubClass are -1 if the meter could not read the token.
type StoredToken struct {
	Memory             string
	Seq                uint64
	At, ReceivedAt     time.Time
	TID                int64
	BaseDate           int
	Class, SubClass    int
	Result             string
	Source, Request    string
	UnitsWh, BalanceWh int64
	Token              id.ID // the server's token; zero if the server does not know the token
}

// RaisedAlarm is an open or cleared alarm.
type RaisedAlarm struct {
	ID       id.ID
	Meter    int64
	Number   string
	Feeder   string // for an alarm of a feeder instead of a meter
	Alarm    Alarm
	RaisedAt time.Time
	// ClearedAt is zero while the alarm is open.
	ClearedAt time.Time
}

// Span is a part of a meter's history, in the meter's own time. The span includes From but not To; a zero time sets no limit.
type Span struct{ From, To time.Time }

// After identifies the last row of a page by two numbers that sort as the list does, first Hi, then Lo. The zero value begins with the
// newest row. For readings the numbers come from the row number, and for alarms from the identity. For all other rows they are the server's
// time in microseconds and the sequence number.
type After struct{ Hi, Lo uint64 }

// Tx is the part of a transaction that the history needs.
type Tx interface {
	// MeterNamed finds a meter by its number, or by its identity if the number is empty.
	MeterNamed(number string, meter id.ID) (n int64, found bool, err error)
	Readings(meter int64, s Span, after After, max int) ([]StoredReading, error)
	Events(meter int64, s Span, after After, max int) ([]StoredEvent, error)
	TokenReports(meter int64, s Span, after After, max int) ([]StoredToken, error)
	// Alarms lists alarms of one meter, or of all meters if meter is 0.
	Alarms(meter int64, open bool, after After, max int) ([]RaisedAlarm, error)
}

// History lists what meters have sent.
type History struct{ door access.Door[Tx] }

// NewHistory returns a History over the store's door.
func NewHistory(door access.Door[Tx]) *History { return &History{door: door} }

// Page is one page of a list; Next is the cursor of the next page, empty at the end.
type Page[T any] struct {
	refusal.Refusal
	Rows []T
	Next string
}

// Readings lists a meter's readings, newest first.
func (h *History) Readings(ctx context.Context, by access.Actor, meter string, s Span, limit int, cursor string) (Page[StoredReading], error) {
	return list(ctx, h, by, query[StoredReading]{meter: meter, limit: limit, cursor: cursor,
		rows: func(tx Tx, n int64, a After, max int) ([]StoredReading, error) { return tx.Readings(n, s, a, max) },
		last: func(r StoredReading) After { return After{Hi: uint64(r.Row)} }})
}

// Events lists a meter's events, daily rows and command answers, newest first.
func (h *History) Events(ctx context.Context, by access.Actor, meter string, s Span, limit int, cursor string) (Page[StoredEvent], error) {
	return list(ctx, h, by, query[StoredEvent]{meter: meter, limit: limit, cursor: cursor,
		rows: func(tx Tx, n int64, a After, max int) ([]StoredEvent, error) { return tx.Events(n, s, a, max) },
		last: func(e StoredEvent) After { return After{Hi: uint64(e.ReceivedAt.UnixMicro()), Lo: e.Seq} }})
}

// Alarms lists alarms of one meter, or of all meters if meter is empty, newest first. If open is set, it lists only alarms that are
// not cleared.
func (h *History) Alarms(ctx context.Context, by access.Actor, meter string, open bool, limit int, cursor string) (Page[RaisedAlarm], error) {
	return list(ctx, h, by, query[RaisedAlarm]{meter: meter, all: meter == "", limit: limit, cursor: cursor,
		rows: func(tx Tx, n int64, a After, max int) ([]RaisedAlarm, error) { return tx.Alarms(n, open, a, max) },
		last: func(r RaisedAlarm) After {
			return After{Hi: binary.BigEndian.Uint64(r.ID[:8]), Lo: binary.BigEndian.Uint64(r.ID[8:])}
		}})
}

// query describes one list: its meter, how to read its rows, and the cursor of a row.
type query[T any] struct {
	meter, cursor string
	all           bool // true for a list of all meters
	limit         int
	rows          func(tx Tx, meter int64, after After, max int) ([]T, error)
	last          func(T) After
}

// list checks the right and the page, finds the meter and reads one row more than asked, to see whether another page follows.
func list[T any](ctx context.Context, h *History, by access.Actor, q query[T]) (Page[T], error) {
	if no := by.Needs(access.ReadMeters); no.Refused() {
		return Page[T]{Refusal: no}, nil
	}
	after, ok := parseCursor(q.cursor)
	if !ok {
		return Page[T]{Refusal: refuse.CursorNotOfList()}, nil
	}
	if q.limit == 0 {
		q.limit = DefaultPage
	}
	if q.limit < 1 || q.limit > MaxPage {
		return Page[T]{Refusal: refuse.LimitOutOfRange(MaxPage)}, nil
	}
	page, err := access.Look(ctx, h.door, by.Tenant, func(tx Tx) (Page[T], error) {
		n, no, err := find(tx, q.meter, q.all)
		if err != nil || no.Refused() {
			return Page[T]{Refusal: no}, err
		}
		rows, err := q.rows(tx, n, after, q.limit+1)
		return Page[T]{Rows: rows}, err
	})
	if err != nil {
		return Page[T]{}, fmt.Errorf("list history of meter %s: %w", q.meter, err)
	}
	if len(page.Rows) > q.limit {
		page.Rows = page.Rows[:q.limit]
		page.Next = q.last(page.Rows[q.limit-1]).text()
	}
	return page, nil
}

// find finds a meter's dense number. The meter is named by its number, with any spacing, or by its identity.
func find(tx Tx, ref string, all bool) (int64, refusal.Refusal, error) {
	if all {
		return 0, refusal.Refusal{}, nil
	}
	meter, err := id.Parse(id.Meter, ref)
	number := ""
	if err != nil {
		number = strings.Map(func(r rune) rune {
			if r == ' ' || r == '-' {
				return -1
			}
			return r
		}, ref)
	}
	n, found, err := tx.MeterNamed(number, meter)
	if err != nil || found {
		return n, refusal.Refusal{}, err
	}
	return 0, refuse.MeterNotFound(refusal.Echo(ref)), nil
}

// text returns the cursor in the form that parseCursor reads.
func (a After) text() string {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], a.Hi)
	binary.BigEndian.PutUint64(b[8:], a.Lo)
	return base64.RawURLEncoding.EncodeToString(b[:])
}

func parseCursor(s string) (After, bool) {
	if s == "" {
		return After{}, true
	}
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil || len(b) != 16 {
		return After{}, false
	}
	return After{Hi: binary.BigEndian.Uint64(b[:8]), Lo: binary.BigEndian.Uint64(b[8:])}, true
}
