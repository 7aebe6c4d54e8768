package device

import (
	"errors"
	"syscall"
	"time"

	"github.com/paywatt/paywatt/internal/device/board"
	"github.com/paywatt/paywatt/internal/device/history"
	"github.com/paywatt/paywatt/internal/device/memory"
	"github.com/paywatt/paywatt/internal/device/outbox"
	"github.com/paywatt/paywatt/internal/logkey"
	"github.com/paywatt/paywatt/meter"
	"github.com/paywatt/paywatt/unit"
	"github.com/paywatt/paywatt/wire"
)

// remember adds a report to the meter's history of tokens or of events. It writes the entry before the record of the
// outbox, so that a power cut between the two loses nothing.
func (d *Device) remember(e *meter.Effect) {
	r := &e.Report
	switch e.History {
	case meter.HistoryTokens:
		t := history.Token{
			Seq: r.Seq, At: r.At, Clock: r.Clock, Masked: d.masked, Result: r.Result, Class: r.Class, Units: r.Units, Source: r.Source,
		}
		d.rings.AddToken(t)
		d.keepEntry(history.TokenEntry(t))
	case meter.HistoryEvents:
		ev := history.Event{Seq: r.Seq, At: r.At, Clock: r.Clock, Code: r.Code, A: r.A, B: r.B}
		d.rings.AddEvent(ev)
		d.keepEntry(history.EventEntry(ev))
	}
}

// addRows adds a closed day or month, and the empty days that follow it.
func (d *Device) addRows(row meter.Row, gaps uint8) {
	d.rings.AddRow(row)
	d.keepEntry(history.RowEntry(row))
	for range gaps {
		row = meter.Row{Kind: row.Kind, Date: row.Date + 1, Register: row.Register, Clock: row.Clock, Gap: true}
		d.rings.AddRow(row)
		d.keepEntry(history.RowEntry(row))
	}
}

// clear hides the present history from the usage pages. It deletes no data.
func (d *Device) clear() {
	at := d.clock.at / 1000
	if d.state.Clock == meter.ClockInvalid {
		at = 0
	}
	d.keepEntry(history.ClearEntry(d.rings.Clear(d.state.Register, d.box.Marks().Next-1, at)))
}

// keepEntry writes an entry of the history to the log. It is durable with the next flush, like a record of the outbox.
func (d *Device) keepEntry(b []byte) {
	if err := d.c.Log.Append(memory.Frame{Kind: framePast, Data: b}); err != nil {
		d.rewrite = true
	}
	d.appended++
}

// wear begins to count the writes to the image, unless the board counts them itself.
func (d *Device) wear() {
	if d.c.Board.Wear != nil {
		return
	}
	var saved []byte
	for _, f := range d.c.Found.Frames {
		if f.Kind == frameWear {
			saved = f.Data
		}
	}
	d.parts.worn = memory.NewWorn(d.c.Image, saved, d.c.Endurance)
	d.wornSaved, _ = d.parts.worn.Worst()
	d.c.Image = d.parts.worn
}

// wearStep is how far the writes of a page may exceed the counts in the log.
const wearStep = 100

// lookAtWear reports once in a boot that a page has reached its endurance, and stores the counts.
func (d *Device) lookAtWear() {
	if d.parts.Wear == nil || !d.on {
		return
	}
	writes, endurance := d.parts.Wear.Worst()
	if writes >= endurance && !d.wornReported {
		d.wornReported = true
		d.give(boardEvent(meter.CodeWorn, int64(writes), int64(endurance)))
	}
	if d.parts.worn != nil && writes >= d.wornSaved+wearStep {
		d.wornSaved = writes
		if err := d.c.Log.Append(memory.Frame{Kind: frameWear, Data: d.parts.worn.Counts()}); err != nil {
			d.rewrite = true
		}
	}
}

// cardCopy is the progress of the copy on the memory card.
type cardCopy struct {
	// looked is true when the card has been asked for its newest row. The field last holds the number of that row.
	looked bool
	last   uint64
	state  meter.CardState
	// retryAt is when a card that failed is tried again, in milliseconds since boot.
	retryAt uint64
}

const (
	// cardRetry is how long a card that failed is left alone, in milliseconds.
	cardRetry = uint64(time.Minute / time.Millisecond)
	// cardBatch is how many rows are written at once.
	cardBatch = 500
)

// copyCard writes the durable records to the memory card. A failure of the card never stops the meter.
func (d *Device) copyCard() {
	c := &d.card
	if d.parts.Card == nil || !d.on || d.clock.up < c.retryAt {
		return
	}
	err := d.writeCard()
	state := meter.CardGood
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		state = meter.CardFull
	case err != nil:
		state = meter.CardMissing
	}
	if err != nil {
		// Only the card itself knows which rows it has now.
		c.looked, c.retryAt = false, d.clock.up+cardRetry
	}
	if state == c.state {
		return
	}
	c.state = state
	if err != nil {
		d.log.Warn("memory card not written", logkey.Meter, d.c.Number, logkey.Err, err)
	}
	d.give(boardEvent(meter.CodeCard, int64(state), 0))
}

func (d *Device) writeCard() (err error) {
	c := &d.card
	if !c.looked {
		if c.last, err = d.parts.Card.Last(); err != nil {
			return err
		}
		if next := d.box.Marks().Next; c.last >= next {
			c.last = 0 // the card comes from another meter or an older memory: start it again for this meter
		}
		c.looked = true
	}
	for {
		entries := d.box.Copy(c.last, cardBatch)
		if len(entries) == 0 {
			return nil
		}
		rows := make([]board.Row, len(entries))
		for i, e := range entries {
			rows[i] = row(e)
		}
		if err := d.parts.Card.Write(rows); err != nil {
			return err
		}
		c.last = entries[len(entries)-1].Seq
	}
}

// row returns a record as a line of the card.
func row(e outbox.Entry) board.Row {
	r := board.Row{Seq: e.Seq, Kind: string(e.Kind), Record: string(e.Data)}
	good, _, err := wire.DecodeUp(e.Kind, e.Data)
	if err != nil || len(good) != 1 {
		return r
	}
	w := good[0]
	r.At, r.Clock = time.Unix(w.Head.At, 0), string(w.Head.Clock)
	switch {
	case w.Reading != nil:
		r.Energy, r.Register, r.Balance = true, unit.Energy(w.Reading.RegisterWh), unit.Energy(w.Reading.BalanceWh)
		r.Power = unit.Power(w.Reading.W)
	case w.Close != nil:
		r.Energy, r.Register, r.Balance = true, unit.Energy(w.Close.RegisterWh), unit.Energy(w.Close.MinBalanceWh)
		r.Power = unit.Power(w.Close.MaxW)
	}
	return r
}
