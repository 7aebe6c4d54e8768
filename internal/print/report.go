package print

import (
	"strconv"
	"time"

	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/till"
	"github.com/paywatt/paywatt/internal/words"
	"github.com/paywatt/paywatt/unit"
)

// House is what every report says about the utility and the moment it was made.
type House struct {
	Name  string
	Zone  *time.Location
	At    time.Time
	Today bool // nothing says what the name and the zone were at the time of the paper, so they are today's
}

// clock writes a moment in the utility's time zone.
func (h House) clock(say *words.Texts, at time.Time) string { return say.Clock(at.In(h.Zone)) }

// writeLetterhead writes the name of the utility at the head of a report.
func (s *Sheet) writeLetterhead(h House) {
	s.centre(h.Name)
	if h.Today {
		s.centre(s.say.PaperToday())
	}
}

// Shift arranges the Z report of a shift. An open shift has an X report: what is in the till so far.
func Shift(say *words.Texts, h House, v till.View) Sheet {
	say = say.Plain()
	shift, cash := v.Shift, v.Cash
	figure := func(m money.Minor) string { return say.Sum(money.Amount{Minor: m, Currency: v.Currency}) }
	heading := say.TillsReport(shift.Till)
	if shift.Open() {
		heading = say.TillsReportOpen(shift.Till)
	}
	s := Sheet{say: say, title: heading}
	s.add(title, "", heading)
	s.writeLetterhead(h)
	s.rule()
	s.field(say.PaperTill(), shift.Till)
	s.field(say.TillsOperator(), Actor(say, shift.Operator))
	s.field(say.TillsOpened(), h.clock(say, shift.OpenedAt))
	if shift.Open() {
		s.field(say.TillsStateOpen(), h.clock(say, h.At))
	} else {
		s.field(say.TillsClosed(), h.clock(say, shift.ClosedAt))
		if by := Actor(say, shift.ClosedBy); by != Actor(say, shift.Operator) {
			s.field(say.TillsClosedBy(), by)
		}
	}
	if cash.FirstPaper != "" {
		s.field(say.TillsReceipts(), say.TillsFromTo(cash.FirstPaper, cash.LastPaper))
	}
	s.rule()
	s.amount(say.TillsOpening(), figure(shift.Opening))
	s.amount(say.TillsSold(strconv.FormatInt(cash.Sales, 10)), figure(cash.Sold))
	s.amount(say.TillsPaidBack(strconv.FormatInt(cash.Reversals, 10)), figure(cash.PaidBack))
	s.amount(say.TillsPaidOut(), figure(cash.PaidOut))
	if shift.Open() {
		s.total(say.TillsLeft(), figure(v.Left))
	} else {
		s.total(say.TillsExpected(), figure(shift.Expected))
		s.amount(say.TillsCounted(), figure(shift.Counted))
		s.total(say.TillsDifference(), figure(shift.Difference()))
	}
	s.note(shift.Note)
	if len(cash.Breakdown) > 0 {
		s.rule()
		s.centre(say.TillsParts(say.KWh(cash.Units, 1)))
	}
	for _, p := range cash.Breakdown {
		s.amount(say.Name("account", strconv.Itoa(int(p.Code))), figure(p.Amount))
	}
	s.rule()
	s.centre(say.OverviewAt(h.clock(say, h.At)))
	return s
}

// Statement is what happened to the money of an account in a month.
type Statement struct {
	Account, Customer, Place string
	Erased                   bool // the customer's name was erased
	Meters                   []string
	Wallet                   bool // money on the server; otherwise units in the meter, and the balance is change carried forward
	Currency                 money.Currency
	From, To                 string // local days, the last included
	Opening, Closing         money.Minor
	Paid                     money.Minor // by purchases and recharges that were not reversed
	Units                    unit.Energy // bought, or used from a wallet
	Lines                    []StatementLine
	Credits                  []Credit // of a keypad meter, when a customer moved in or out in this month
}

// Credit is the energy in a keypad meter when a customer moved in or out.
type Credit struct {
	Out     bool // when the customer moved out
	At      time.Time
	Units   unit.Energy
	Unknown bool // nobody could read the display
	// Stated is when the last customer's move-out stated the same; zero if the credit was read for this customer.
	Stated time.Time
}

// Name names a credit in files.
func (c Credit) Name() string {
	if c.Out {
		return "credit_out"
	}
	return "credit_in"
}

// describeCredit says how much it is, and who says so. The parameter clock writes a time.
func (c Credit) describeCredit(say *words.Texts, clock func(time.Time) string) string {
	text := say.KWh(c.Units, 1) + " kWh"
	if c.Unknown {
		text = say.StatementCreditUnknown()
	}
	if c.Stated.IsZero() {
		return text
	}
	return say.StatementCreditStated(text, clock(c.Stated))
}

// StatementLine is one change.
type StatementLine struct {
	At       time.Time
	Kind     string // "wallet-line" or "journal", and the value, as [words.Texts.Name] takes them
	Value    string
	Receipt  string // number of the receipt of a purchase
	Meter    string
	Ref      string
	Reversed bool
	Paid     money.Minor // what was paid for a purchase; 0 for other lines
	Units    unit.Energy
	Change   money.Minor // of the balance
	Balance  money.Minor // after it
}

// Sheet arranges a statement.
func (st Statement) Sheet(say *words.Texts, h House) Sheet {
	say = say.Plain()
	figure := func(m money.Minor) string { return say.Figure(m, st.Currency) }
	name := writeCustomerName(say, st.Customer, st.Erased)
	s := Sheet{say: say, title: say.StatementTitle(name), wide: true}
	s.add(title, "", say.StatementTitle(name))
	s.writeLetterhead(h)
	s.rule()
	s.field(say.PaperCustomer(), name)
	s.field(say.PaperPlace(), st.Place)
	s.field(say.PaperAccount(), st.Account)
	for _, m := range st.Meters {
		s.field(say.PaperMeter(), m)
	}
	s.field(say.StatementDays(), say.StatementFromTo(say.Day(st.From), say.Day(st.To)))
	s.field(say.StatementZone(), h.At.In(h.Zone).Format("MST -07:00")+" "+h.Zone.String())
	s.rule()
	balance := say.StatementCarry()
	if st.Wallet {
		balance = say.StatementBalance()
	}
	s.table(heading, say.StatementDay(), say.StatementWhat(), say.StatementEnergy(), say.StatementChange(), balance)
	s.table(row, say.Day(st.From), say.Name("wallet-line", "opening"), "", "", figure(st.Opening))
	for _, l := range st.Lines {
		energy := ""
		if l.Units != 0 {
			energy = say.KWh(l.Units, 1)
		}
		s.table(row, h.clock(say, l.At), l.what(say, figure), energy, figure(l.Change), figure(l.Balance))
	}
	s.table(heading, say.Day(st.To), say.Name("wallet-line", "closing"), "", "", figure(st.Closing))
	s.rule()
	s.total(say.StatementPaid(st.Currency.Code), figure(st.Paid))
	energy := say.StatementBought()
	if st.Wallet {
		energy = say.StatementUsed()
	}
	s.total(energy, say.KWh(st.Units, 1)+" kWh")
	for _, c := range st.Credits {
		name := say.StatementCreditIn()
		if c.Out {
			name = say.StatementCreditOut()
		}
		s.field(name+" ("+h.clock(say, c.At)+")", c.describeCredit(say, func(at time.Time) string { return h.clock(say, at) }))
	}
	s.rule()
	s.centre(say.OverviewAt(h.clock(say, h.At)))
	return s
}

// what says what a line is for.
func (l StatementLine) what(say *words.Texts, figure func(money.Minor) string) string {
	name := say.Name(l.Kind, l.Value)
	if l.Receipt != "" {
		name = say.StatementPurchase(name, l.Receipt, l.Meter, figure(l.Paid))
	}
	if l.Reversed {
		name += ", " + say.PaperReversed()
	}
	return name
}

// table adds a row of a table.
func (s *Sheet) table(kind blockKind, texts ...string) {
	for i, t := range texts {
		texts[i] = clean(t)
	}
	s.blocks = append(s.blocks, block{kind: kind, cells: texts})
}
