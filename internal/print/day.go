package print

import (
	"strconv"
	"strings"

	"github.com/paywatt/paywatt/internal/dayclose"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/localday"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/words"
)

// ClosedDay arranges a closed day. It shows only what was stored when the day was closed, so every copy says the same.
func ClosedDay(say *words.Texts, h House, d dayclose.Closed) Sheet {
	say = say.Plain()
	cur, _ := money.CurrencyOf(d.Currency)
	figure := func(m money.Minor) string { return say.Figure(m, cur) }
	name := func(c ledger.Code, subject string) string {
		return strings.TrimSpace(say.Name("account", strconv.Itoa(int(c))) + " " + subject)
	}
	s := Sheet{say: say, title: say.DaysReport(say.Day(d.Date)), wide: true}
	s.add(title, "", say.DaysReport(say.Day(d.Date)))
	s.writeLetterhead(h)
	s.rule()
	if zone, err := localday.LoadZone(d.Zone); err == nil {
		h.Zone = zone
	}
	s.field(say.DaysPeriod(), say.StatementFromTo(h.clock(say, d.From), h.clock(say, d.To)))
	s.field(say.DaysZone(), d.Zone)
	s.field(say.DaysCurrency(), d.Currency)
	s.field(say.TillsClosed(), h.clock(say, d.ClosedAt))
	s.field(say.TillsClosedBy(), Actor(say, d.ClosedBy))
	s.field(say.DaysNote(), d.Note)
	s.field(say.DaysPending(), strconv.Itoa(len(d.Pending)))
	s.field(say.DaysJournals(), strconv.FormatInt(d.Figures.Journals, 10))
	s.field(say.DaysSum(), figure(d.Figures.Debits))
	s.rule()
	s.table(heading, say.DaysCode(), say.DaysAccount(), say.DaysOpening(), say.DaysDebit(), say.DaysCredit(), say.DaysClosing())
	for _, l := range d.Figures.Lines {
		s.table(row, strconv.Itoa(int(l.Code)), name(l.Code, l.Subject), figure(l.Opening), figure(l.Debit), figure(l.Credit), figure(l.Closing))
	}
	s.rule()
	s.table(heading, say.DaysCode(), say.DaysSeller(), say.DaysSales(), say.DaysSold(), say.DaysReversals(), say.DaysPaidBack())
	for _, o := range d.Figures.Sellers {
		s.table(row, strconv.Itoa(int(o.Code)), name(o.Code, o.Subject), strconv.FormatInt(o.Sales, 10), figure(o.Sold), strconv.FormatInt(o.Reversals, 10), figure(o.PaidBack))
	}
	s.rule()
	s.table(heading, "", say.DaysKind(), say.DaysJournals(), say.DaysSum(), "", "")
	for _, k := range d.Figures.Kinds {
		s.table(row, "", say.Name("journal", string(k.Kind)), strconv.FormatInt(k.Journals, 10), figure(k.Debits), "", "")
	}
	s.rule()
	s.field(say.DaysSeal(), strconv.FormatInt(d.Seal, 10))
	s.field(say.DaysEpoch(), strconv.FormatInt(d.Epoch, 10))
	s.note(d.Head)
	return s
}
