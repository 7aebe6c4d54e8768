// Package history holds a meter's own history: 62 days, 24 months, 50 tokens and 500 events, each in a ring that drops
// the oldest entry when it is full (docs/reference/meter-rules.md#what-is-stored-and-when).
//
// Start at the zero [Rings]. The meter core decides what belongs in which ring. Entries can be encoded as bytes for the
// meter's log ([RowEntry], [TokenEntry], [EventEntry], [ClearEntry]) and read back ([Rings.Load]). After a power cut an
// entry may appear twice in the log; it is then stored once.
package history

import (
	"encoding/binary"
	"math"

	"github.com/paywatt/paywatt/meter"
	"github.com/paywatt/paywatt/sts"
	"github.com/paywatt/paywatt/unit"
)

// Token is one line of the history of tokens. Of the digits it holds only the first and last four.
type Token struct {
	Seq    uint64
	At     int64
	Clock  meter.Clock
	Masked string
	Result sts.Result
	Class  uint8
	Units  unit.Energy
	Source meter.Source
}

// Event is one line of the history of events. A and B are its arguments; meter.Report.Args explains them.
type Event struct {
	Seq   uint64
	At    int64
	Clock meter.Clock
	Code  meter.Code
	A, B  int64
}

// Rings are the four histories of one meter, oldest first in each.
type Rings struct {
	days, months []meter.Row
	tokens       []Token
	events       []Event
	cleared      Cleared
}

// Cleared is the mark that menu 5 sets: the usage pages hide everything before it. The rows stay in the rings.
type Cleared struct {
	// Day and Month are the newest rows at that time, Seq is the newest record of the outbox.
	Day, Month meter.Date
	Seq        uint64
	// Register is the total register at that time. For the current day or month, only the use since then is shown.
	Register unit.Energy
	// At is the moment in Unix seconds, 0 while the clock was invalid.
	At int64
}

// Of returns how much of the energy used in a day or month is shown: at most what was used since the clearing. The
// parameter used is the energy of that day or month; register is the total register at its end.
func (c *Cleared) Of(used, register unit.Energy) unit.Energy {
	return min(used, max(register-c.Register, 0))
}

// Cleared returns the mark of the newest clearing, or the zero value if there was none.
func (r *Rings) Cleared() Cleared { return r.cleared }

// Day returns the n-th newest closed day that the usage pages show, counted from 0, and false if there is no such day.
func (r *Rings) Day(n int) (meter.Row, bool) { return r.cleared.row(r.days, r.cleared.Day, n) }

// Month returns the n-th newest closed month, like Day.
func (r *Rings) Month(n int) (meter.Row, bool) { return r.cleared.row(r.months, r.cleared.Month, n) }

// Token returns the n-th newest token, like Day.
func (r *Rings) Token(n int) (Token, bool) {
	if i := len(r.tokens) - 1 - n; i >= 0 && r.tokens[i].Seq > r.cleared.Seq {
		return r.tokens[i], true
	}
	return Token{}, false
}

func (c *Cleared) row(rows []meter.Row, hidden meter.Date, n int) (meter.Row, bool) {
	i := len(rows) - 1 - n
	if i < 0 || rows[i].Date <= hidden {
		return meter.Row{}, false
	}
	row := rows[i]
	row.Used = c.Of(row.Used, row.Register)
	return row, true
}

// put adds an element to a ring and drops the oldest if the ring is full.
func put[E any](ring []E, e E, keep int) []E {
	if len(ring) < keep {
		return append(ring, e)
	}
	copy(ring, ring[1:])
	ring[len(ring)-1] = e
	return ring
}

// AddRow adds a closed day or month. It replaces all rows from its date on, because the log may hold a row twice.
func (r *Rings) AddRow(row meter.Row) {
	if row.Kind == meter.HistoryMonths {
		r.months = put(before(r.months, row.Date), row, row.Kind.Keep())
		return
	}
	r.days = put(before(r.days, row.Date), row, meter.HistoryDays.Keep())
}

func before(rows []meter.Row, date meter.Date) []meter.Row {
	for len(rows) > 0 && rows[len(rows)-1].Date >= date {
		rows = rows[:len(rows)-1]
	}
	return rows
}

// AddToken adds a token, or replaces the one with the same number.
func (r *Rings) AddToken(t Token) {
	for len(r.tokens) > 0 && r.tokens[len(r.tokens)-1].Seq >= t.Seq {
		r.tokens = r.tokens[:len(r.tokens)-1]
	}
	r.tokens = put(r.tokens, t, meter.HistoryTokens.Keep())
}

// AddEvent adds an event, or replaces the one with the same number.
func (r *Rings) AddEvent(e Event) {
	for len(r.events) > 0 && r.events[len(r.events)-1].Seq >= e.Seq {
		r.events = r.events[:len(r.events)-1]
	}
	r.events = put(r.events, e, meter.HistoryEvents.Keep())
}

// Clear hides the present days, months and tokens from the usage pages and returns the mark that does so. It deletes nothing.
// The parameters are the total register, the newest record of the outbox, and the time in Unix seconds.
func (r *Rings) Clear(register unit.Energy, seq uint64, at int64) Cleared {
	c := Cleared{Seq: seq, Register: register, At: at}
	if n := len(r.days); n > 0 {
		c.Day = r.days[n-1].Date
	}
	if n := len(r.months); n > 0 {
		c.Month = r.months[n-1].Date
	}
	r.cleared = c
	return c
}

// The kinds of entries as bytes.
const (
	entryRow   = 1
	entryToken = 2
	entryEvent = 3
	entryClear = 4
)

// Sizes of the entries in bytes.
const (
	rowSize   = 1 + 1 + 2 + 6*8 + 2 + 2 + 1 + 1
	tokenSize = 1 + 8 + 8 + 4 + 8
	eventSize = 1 + 8 + 8 + 1 + 2 + 8 + 8
	clearSize = 1 + 2 + 2 + 8 + 8 + 8
	// maxMasked bounds the text of a token.
	maxMasked = 40
)

// RowEntry encodes a row.
func RowEntry(row meter.Row) []byte {
	b := append(make([]byte, 0, rowSize), entryRow, byte(row.Kind))
	b = binary.LittleEndian.AppendUint16(b, uint16(row.Date))
	for _, v := range [...]int64{int64(row.Register), int64(row.Used), int64(row.Tokens), int64(row.Min), int64(row.Max), int64(row.Peak)} {
		b = binary.LittleEndian.AppendUint64(b, uint64(v))
	}
	b = binary.LittleEndian.AppendUint16(b, row.OffMinutes)
	b = binary.LittleEndian.AppendUint16(b, row.Events)
	gap := byte(0)
	if row.Gap {
		gap = 1
	}
	return append(b, byte(row.Clock), gap)
}

// TokenEntry encodes a token.
func TokenEntry(t Token) []byte {
	b := append(make([]byte, 0, tokenSize+len(t.Masked)), entryToken)
	b = binary.LittleEndian.AppendUint64(b, t.Seq)
	b = binary.LittleEndian.AppendUint64(b, uint64(t.At))
	b = append(b, byte(t.Clock), byte(t.Result), t.Class, byte(t.Source))
	b = binary.LittleEndian.AppendUint64(b, uint64(t.Units))
	return append(b, t.Masked[:min(len(t.Masked), maxMasked)]...)
}

// EventEntry encodes an event.
func EventEntry(e Event) []byte {
	b := append(make([]byte, 0, eventSize), entryEvent)
	b = binary.LittleEndian.AppendUint64(b, e.Seq)
	b = binary.LittleEndian.AppendUint64(b, uint64(e.At))
	b = append(b, byte(e.Clock))
	b = binary.LittleEndian.AppendUint16(b, uint16(e.Code))
	b = binary.LittleEndian.AppendUint64(b, uint64(e.A))
	return binary.LittleEndian.AppendUint64(b, uint64(e.B))
}

// ClearEntry encodes a mark.
func ClearEntry(c Cleared) []byte {
	b := append(make([]byte, 0, clearSize), entryClear)
	b = binary.LittleEndian.AppendUint16(b, uint16(c.Day))
	b = binary.LittleEndian.AppendUint16(b, uint16(c.Month))
	for _, v := range [...]uint64{c.Seq, uint64(c.Register), uint64(c.At)} {
		b = binary.LittleEndian.AppendUint64(b, v)
	}
	return b
}

// Load decodes an entry and adds it. It ignores bytes that are not a valid entry and returns false: the history is for
// display only.
func (r *Rings) Load(b []byte) bool {
	if len(b) == 0 {
		return false
	}
	switch {
	case b[0] == entryRow && len(b) == rowSize:
		return r.loadRow(b)
	case b[0] == entryToken && len(b) >= tokenSize && len(b) <= tokenSize+maxMasked:
		r.AddToken(Token{
			Seq: u64(b, 1), At: int64(u64(b, 9)), Clock: meter.Clock(b[17]), Result: sts.Result(b[18]), Class: b[19], Source: meter.Source(b[20]),
			Units: unit.Energy(u64(b, 21)), Masked: string(b[tokenSize:]),
		})
	case b[0] == entryEvent && len(b) == eventSize:
		r.AddEvent(Event{
			Seq: u64(b, 1), At: int64(u64(b, 9)), Clock: meter.Clock(b[17]), Code: meter.Code(binary.LittleEndian.Uint16(b[18:])),
			A: int64(u64(b, 20)), B: int64(u64(b, 28)),
		})
	case b[0] == entryClear && len(b) == clearSize:
		r.cleared = Cleared{
			Day: meter.Date(binary.LittleEndian.Uint16(b[1:])), Month: meter.Date(binary.LittleEndian.Uint16(b[3:])),
			Seq: u64(b, 5), Register: unit.Energy(u64(b, 13)), At: int64(u64(b, 21)),
		}
	case b[0] == entryClear && len(b) == 1: // written by a version without marks: hides everything before it
		r.Clear(0, r.newestToken(), 0)
	default:
		return false
	}
	return true
}

func (r *Rings) newestToken() uint64 {
	if n := len(r.tokens); n > 0 {
		return r.tokens[n-1].Seq
	}
	return 0
}

func u64(b []byte, at int) uint64 { return binary.LittleEndian.Uint64(b[at:]) }

func (r *Rings) loadRow(b []byte) bool {
	row := meter.Row{
		Kind: meter.History(b[1]), Date: meter.Date(binary.LittleEndian.Uint16(b[2:])),
		Register: unit.Energy(u64(b, 4)), Used: unit.Energy(u64(b, 12)), Tokens: unit.Energy(u64(b, 20)),
		Min: unit.Energy(u64(b, 28)), Max: unit.Energy(u64(b, 36)), Peak: unit.Power(u64(b, 44)),
		OffMinutes: binary.LittleEndian.Uint16(b[52:]), Events: binary.LittleEndian.Uint16(b[54:]), Clock: meter.Clock(b[56]), Gap: b[57] == 1,
	}
	if row.Kind != meter.HistoryDays && row.Kind != meter.HistoryMonths {
		return false
	}
	if peak := int64(u64(b, 44)); peak < math.MinInt32 || peak > math.MaxInt32 {
		return false
	}
	r.AddRow(row)
	return true
}

// Entries returns all entries, encoded as a rewritten log would hold them.
func (r *Rings) Entries() [][]byte {
	out := make([][]byte, 0, len(r.days)+len(r.months)+len(r.tokens)+len(r.events)+1)
	for _, rows := range [...][]meter.Row{r.days, r.months} {
		for _, row := range rows {
			out = append(out, RowEntry(row))
		}
	}
	for _, t := range r.tokens {
		out = append(out, TokenEntry(t))
	}
	for _, e := range r.events {
		out = append(out, EventEntry(e))
	}
	if r.cleared != (Cleared{}) {
		out = append(out, ClearEntry(r.cleared))
	}
	return out
}
