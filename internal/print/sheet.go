package print

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/receipt"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/words"
)

// part of a sheet's layout.
type blockKind int

const (
	blank   blockKind = iota
	rule              // a line across the paper
	title             // the name of the document
	mark              // a warning in stars
	centred           // a text in the middle
	field             // a name and its text
	amount            // a text, and an amount at the edge
	total             // an amount that sums up those above it
	note              // a note below an amount
	digits            // the digits of a token
	code              // a QR code of an address
	row               // a row of a table, see [grid.row]
	heading           // the names of a table's columns
)

// block is a piece of a sheet. Each paper decides how wide it is and how it looks.
type block struct {
	kind       blockKind
	name, text string
	cells      []string
}

// Sheet is the content of a document in the order in which any paper shows it.
type Sheet struct {
	say    *words.Texts
	title  string
	wide   bool // it has tables
	blocks []block
}

func (s *Sheet) add(kind blockKind, name, text string) {
	if text = clean(text); text != "" || kind == blank || kind == rule {
		s.blocks = append(s.blocks, block{kind: kind, name: clean(name), text: text})
	}
}

func (s *Sheet) rule()                      { s.add(rule, "", "") }
func (s *Sheet) centre(text string)         { s.add(centred, "", text) }
func (s *Sheet) field(name, text string)    { s.add(field, name, text) }
func (s *Sheet) note(text string)           { s.add(note, "", text) }
func (s *Sheet) amount(text, figure string) { s.add(amount, text, figure) }
func (s *Sheet) total(text, figure string)  { s.add(total, text, figure) }

// Receipt arranges a receipt. It reveals the digits that the receipt carries. Names that people entered lose their control characters,
// because a printer obeys them.
func Receipt(say *words.Texts, r receipt.Receipt) Sheet {
	say = say.Plain()
	s := Sheet{say: say, title: Title(say, r) + " " + r.No}
	for _, m := range Marks(say, r) {
		s.add(mark, "", m)
	}
	s.add(title, "", Title(say, r))
	if r.Reverses != "" {
		s.centre(say.PaperReverses(r.Reverses))
	}
	s.centre(r.Utility)
	s.centre(r.Address)
	s.centre(r.Contact)
	if r.VATNo != "" {
		s.centre(say.PaperVatNo(r.VATNo))
	}
	if r.Today {
		s.centre(say.PaperToday())
	}
	s.rule()
	s.facts(r)
	s.rule()
	s.amounts(r)
	if len(r.Tokens) > 0 {
		s.rule()
		s.tokens(r)
	}
	if r.PressKey {
		s.rule()
		s.centre(say.PaperPress())
	}
	if r.Message != "" {
		s.rule()
		s.centre(r.Message)
	}
	if r.Link != "" {
		s.rule()
		s.centre(say.PaperExplained())
		s.add(code, "", r.Link)
	}
	if r.Test {
		s.rule()
		s.add(mark, "", say.PaperTest())
		s.centre(say.PaperNoSupply())
	}
	return s
}

func (s *Sheet) facts(r receipt.Receipt) {
	say := s.say
	s.field(say.PaperNumber(), r.No)
	s.field(say.PaperEpoch(), r.Epoch)
	s.field(say.PaperFiscal(), r.Fiscal)
	s.field(say.PaperDate(), say.Clock(r.At))
	s.field(say.PaperVendor(), r.Vendor)
	s.field(say.PaperTill(), r.Till)
	s.field(say.PaperSoldBy(), Actor(say, r.Operator))
	s.field(say.PaperReference(), r.ClientRef)
	s.field(say.PaperSale(), r.Sale)
	s.field(say.PaperCustomer(), writeCustomerName(say, r.Customer, r.Erased))
	s.field(say.PaperPlace(), r.Place)
	s.field(say.PaperAccount(), r.Account)
	s.field(say.PaperMeter(), r.Meter)
	if r.STS != (receipt.STS{}) {
		s.field(say.PaperSts(), fmt.Sprintf("SGC %s KRN %d TI %s TT %s EA %s", r.STS.SGC, r.STS.KRN, r.STS.TI, r.STS.TT, r.STS.EA))
	}
	tariff := r.TariffName
	if r.Version > 0 {
		tariff = say.PaperTariffVersion(tariff, strconv.Itoa(r.Version))
	}
	s.field(say.PaperTariff(), tariff)
}

func (s *Sheet) amounts(r receipt.Receipt) {
	say := s.say
	figure := func(m money.Minor) string { return say.Figure(m, r.Currency) }
	for _, o := range r.Others {
		s.amount(part(say, o), figure(o.Amount))
		s.note(owing(say, o, r.Currency))
	}
	for _, p := range r.Steps {
		s.amount(say.PaperStep(say.KWh(p.Units, 1), say.Rate(p.Rate, r.Currency)), figure(p.Amount))
	}
	switch {
	case len(r.Steps) == 0 && r.Net != 0:
		s.amount(say.PaperEnergy(), figure(r.Net))
	case len(r.Steps) > 1:
		s.note(say.PaperEnergyNote(figure(r.Net)))
	}
	for _, l := range r.Levies {
		s.amount(part(say, l), figure(l.Amount))
	}
	if !r.Recharge() || r.VAT != 0 {
		s.amount(say.PaperVat(percent(say, r.VATBps)), figure(r.VAT))
	}
	if r.CarryIn != 0 {
		s.amount(say.Name("line", string(sale.LineCarryIn)), figure(-r.CarryIn))
	}
	if r.CarryOut != 0 {
		s.amount(say.Name("line", string(sale.LineCarry)), figure(r.CarryOut))
	}
	paid := say.PaperPaid
	if r.Credits() {
		paid = say.PaperGivenBack
	}
	s.total(paid(r.Currency.Code), figure(r.Tendered))
	if r.Change != 0 {
		s.amount(say.PaperChange(), figure(r.Change))
	}
	if b := r.Balance; b != nil {
		s.amount(say.PaperNewBalance(), figure(b.Amount))
		s.note(say.PaperBalanceAt(say.Clock(b.At)))
	}
}

func (s *Sheet) tokens(r receipt.Receipt) {
	say := s.say
	if r.Credits() {
		s.centre(fate(say, r))
	} else {
		s.centre(say.PaperUnits(say.KWh(r.Units, 1)))
	}
	tokens := r.Ordered()
	for i, t := range tokens {
		s.add(blank, "", "")
		head := named(say, t)
		switch {
		case len(tokens) > 1:
			s.centre(say.PaperTokenOf(strconv.Itoa(i+1), strconv.Itoa(len(tokens))))
			if t.Amount != 0 {
				head += " " + say.Figure(t.Amount, r.Currency)
			}
			s.centre(head)
		case t.Kind != receipt.SaleToken:
			s.centre(head)
		}
		s.add(digits, "", t.Reveal())
	}
}

// writeCustomerName writes the name of a customer, or says that it was erased.
func writeCustomerName(say *words.Texts, name string, erased bool) string {
	if erased {
		return say.PaperErased()
	}
	return name
}

// Actor writes the stored name of somebody who did something, "person amina@example.org" or "apikey till3", as people read it.
func Actor(say *words.Texts, stored string) string {
	kind, name, _ := strings.Cut(stored, " ")
	switch access.Kind(kind) {
	case access.Person:
		return name
	case access.APIKey:
		return say.LayoutApiKey(strings.TrimPrefix(name, "key "))
	case access.System:
		return say.LayoutProgram(name)
	}
	return stored
}
