package device

import (
	"time"

	"github.com/paywatt/paywatt/internal/device/board"
	"github.com/paywatt/paywatt/meter"
	"github.com/paywatt/paywatt/meter/panel"
	"github.com/paywatt/paywatt/supply"
	"github.com/paywatt/paywatt/unit"
	"github.com/paywatt/paywatt/wire"
)

// CardMonths returns how many months the memory card can show: those with a file, back to the month in which menu 5 was
// last used. It returns 0 and false for a card that cannot be read, and 0 and true for a meter without a card slot.
func (p past) CardMonths() (n int, readable bool) {
	months, readable := p.cardMonths()
	return len(months), readable
}

func (p past) cardMonths() (months []time.Time, readable bool) {
	if p.d.parts.Card == nil {
		return nil, true
	}
	months, err := p.d.parts.Card.Months()
	if err != nil {
		return nil, false
	}
	if at := p.d.rings.Cleared().At; at != 0 {
		since := time.Unix(p.d.config.Local(at), 0).UTC()
		since = time.Date(since.Year(), since.Month(), 1, 0, 0, 0, 0, time.UTC)
		for len(months) > 0 && months[len(months)-1].Before(since) {
			months = months[:len(months)-1]
		}
	}
	return months, true
}

// CardMonth reads the closed days of the n-th newest month from the card. A day is closed when the next one begins, so
// the last day may be in the file of the next month.
func (p past) CardMonth(n int) panel.CardRow {
	months, _ := p.cardMonths()
	if n >= len(months) {
		return panel.CardRow{}
	}
	month := months[n]
	row := panel.CardRow{Month: meter.Date(supply.DayNumber(month.Year(), int(month.Month()), 1))}
	days := map[string]unit.Energy{}
	row.Spoilt = p.closedDays(month, days)
	next := month.AddDate(0, 1, 0)
	spoilt := p.closedDays(next, days)
	if _, whole := days[next.AddDate(0, 0, -1).Format(time.DateOnly)]; !whole {
		row.Spoilt += spoilt
	}
	for day, used := range days {
		if day[:len("2006-01")] == month.Format("2006-01") {
			row.Used, row.Found = row.Used+used, true
		}
	}
	return row
}

// closedDays reads the card's file of a month and adds its days to the map days, except days that menu 5 has hidden. It
// returns the number of spoilt lines.
func (p past) closedDays(month time.Time, days map[string]unit.Energy) (spoilt int) {
	rows, spoilt, err := p.d.parts.Card.Rows(month, string(wire.KindClose))
	if err != nil {
		return 1 // the whole file counts as one spoilt line
	}
	hidden := p.d.rings.Cleared()
	for _, row := range rows {
		if c, is := closeOf(row); is && row.Seq > hidden.Seq {
			days[c.Date] = hidden.Of(unit.Energy(c.UsedWh), unit.Energy(c.RegisterWh))
		}
	}
	return spoilt
}

// closeOf returns the daily row in a line of the card.
func closeOf(row board.Row) (wire.Close, bool) {
	good, _, err := wire.DecodeUp(wire.KindClose, []byte(row.Record))
	if err != nil || len(good) != 1 || good[0].Close == nil || len(good[0].Close.Date) != len(time.DateOnly) {
		return wire.Close{}, false
	}
	return *good[0].Close, true
}
