// Package print lays out receipts: as plain text in a fixed number of columns, and as a page for any printer. Package receipt decides the
// content, and this package only arranges the content.
package print

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/clipperhouse/displaywidth"

	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/receipt"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/words"
)

// Columns of the common roll printers: 32 on 58 mm paper, 48 on 80 mm.
const (
	columns32 = 32
	columns48 = 48
)

// Text32 lays out a receipt as [Text48] does, in 32 columns.
func Text32(say words.Texts, r receipt.Receipt) string { return text(say.Plain(), r, columns32) }

// Text48 lays out a receipt in 48 columns. It reveals the digits that the receipt carries. Every line ends with a line feed. Names that
// people entered lose their control characters, because a printer obeys them.
func Text48(say words.Texts, r receipt.Receipt) string { return text(say.Plain(), r, columns48) }

// Title returns the name of the document: a tax invoice, a credit note.
func Title(say words.Texts, r receipt.Receipt) string { return say.Name("receipt-title", r.Title) }

// Marks returns the words above the title.
func Marks(say words.Texts, r receipt.Receipt) (out []string) {
	for _, m := range r.Marks() {
		switch m {
		case receipt.MarkTest:
			out = append(out, say.PaperTest())
		case receipt.MarkCopy:
			out = append(out, say.PaperCopy(strconv.Itoa(r.Copy)))
		case receipt.MarkReversed:
			out = append(out, say.PaperReversed())
		}
	}
	return out
}

// part returns the name of a receipt line that is not for energy.
func part(say words.Texts, p receipt.Part) string {
	return strings.TrimSpace(say.PaperPart(say.Name("line", p.Kind), cmp.Or(p.Label, p.Ref)))
}

// owing returns the text about the unpaid rest of a part, or "" for a charge without an end. The line of a taxed part shows the net
// amount, so the text says that the rest includes the tax.
func owing(say words.Texts, p receipt.Part, c money.Currency) string {
	switch {
	case p.Left == nil:
		return ""
	case p.VAT != 0:
		return say.PaperLeftVat(say.Figure(*p.Left, c))
	}
	return say.PaperLeft(say.Figure(*p.Left, c))
}

// named returns the name of a token and its units.
func named(say words.Texts, t receipt.Token) string {
	name := say.Name("receipt-token", t.Kind)
	if t.Units > 0 {
		return say.PaperTokenUnits(name, say.KWh(t.Units, 1))
	}
	return name
}

// fate returns the line above the tokens of a credit note: whether they can still load.
func fate(say words.Texts, r receipt.Receipt) string {
	if r.Cancelled {
		return say.PaperCancelled()
	}
	return say.PaperNotToEnter()
}

func text(say words.Texts, r receipt.Receipt, width int) string {
	p := page{say: say, width: width}
	for _, m := range Marks(say, r) {
		p.centre("*** " + m + " ***")
	}
	p.centre(Title(say, r))
	if r.Reverses != "" {
		p.centre(say.PaperReverses(r.Reverses))
	}
	p.centre(r.Utility)
	p.centreIf(r.Address)
	p.centreIf(r.Contact)
	if r.VATNo != "" {
		p.centre(say.PaperVatNo(r.VATNo))
	}
	p.rule()
	p.facts(r)
	p.rule()
	p.amounts(r)
	if len(r.Tokens) > 0 {
		p.rule()
		p.tokens(r)
	}
	if r.PressKey {
		p.rule()
		p.centre(say.PaperPress())
	}
	if r.Message != "" {
		p.rule()
		p.centre(r.Message)
	}
	if r.Test {
		p.rule()
		p.centre("*** " + say.PaperTest() + " ***")
		p.centre(say.PaperNoSupply())
	}
	return p.b.String()
}

type page struct {
	say   words.Texts
	b     strings.Builder
	width int
}

func (p *page) facts(r receipt.Receipt) {
	p.field(p.say.PaperNumber(), r.No)
	p.field(p.say.PaperEpoch(), r.Epoch)
	p.field(p.say.PaperFiscal(), r.Fiscal)
	p.field(p.say.PaperDate(), p.say.Clock(r.At))
	p.field(p.say.PaperVendor(), r.Vendor)
	p.field(p.say.PaperTill(), r.Till)
	p.field(p.say.PaperSoldBy(), r.Operator)
	p.field(p.say.PaperReference(), r.ClientRef)
	p.field(p.say.PaperSale(), r.Sale)
	p.field(p.say.PaperCustomer(), r.Customer)
	p.field(p.say.PaperPlace(), r.Place)
	p.field(p.say.PaperAccount(), r.Account)
	p.field(p.say.PaperMeter(), r.Meter)
	if r.STS != (receipt.STS{}) {
		p.field(p.say.PaperSts(), fmt.Sprintf("SGC %s KRN %d TI %s TT %s EA %s", r.STS.SGC, r.STS.KRN, r.STS.TI, r.STS.TT, r.STS.EA))
	}
	tariff := r.TariffName
	if r.Version > 0 {
		tariff = p.say.PaperTariffVersion(tariff, strconv.Itoa(r.Version))
	}
	p.field(p.say.PaperTariff(), tariff)
}

func (p *page) amounts(r receipt.Receipt) {
	for _, o := range r.Others {
		p.amount(part(p.say, o), o.Amount, r.Currency)
		if left := owing(p.say, o, r.Currency); left != "" {
			p.note(left)
		}
	}
	for _, s := range r.Steps {
		p.amount(p.say.PaperStep(p.say.KWh(s.Units, 1), p.say.Rate(s.Rate, r.Currency)), s.Amount, r.Currency)
	}
	switch {
	case len(r.Steps) == 0 && r.Net != 0:
		p.amount(p.say.PaperEnergy(), r.Net, r.Currency)
	case len(r.Steps) > 1:
		p.note(p.say.PaperEnergyNote(p.say.Figure(r.Net, r.Currency)))
	}
	for _, l := range r.Levies {
		p.amount(part(p.say, l), l.Amount, r.Currency)
	}
	if !r.Recharge() || r.VAT != 0 {
		p.amount(p.say.PaperVat(percent(p.say, r.VATBps)), r.VAT, r.Currency)
	}
	if r.CarryIn != 0 {
		p.amount(p.say.Name("line", string(sale.LineCarryIn)), -r.CarryIn, r.Currency)
	}
	if r.CarryOut != 0 {
		p.amount(p.say.Name("line", string(sale.LineCarry)), r.CarryOut, r.Currency)
	}
	paid := p.say.PaperPaid
	if r.Credits() {
		paid = p.say.PaperGivenBack
	}
	p.amount(paid(r.Currency.Code), r.Tendered, r.Currency)
	if r.Change != 0 {
		p.amount(p.say.PaperChange(), r.Change, r.Currency)
	}
}

func (p *page) tokens(r receipt.Receipt) {
	if r.Credits() {
		p.centre(fate(p.say, r))
	} else {
		p.centre(p.say.PaperUnits(p.say.KWh(r.Units, 1)))
	}
	tokens := r.Ordered()
	for i, t := range tokens {
		p.blank()
		head := named(p.say, t)
		switch {
		case len(tokens) > 1:
			p.centre(p.say.PaperTokenOf(strconv.Itoa(i+1), strconv.Itoa(len(tokens))))
			if t.Amount != 0 {
				head += " " + p.say.Figure(t.Amount, r.Currency)
			}
			p.centre(head)
		case t.Kind != receipt.SaleToken:
			p.centre(head)
		}
		p.centre(t.Reveal())
	}
}

// percent writes basis points as per cent with two decimals.
func percent(say words.Texts, b money.Bps) string {
	return say.Figure(money.Minor(b), money.Currency{Exp: 2}) + " %"
}

func (p *page) blank() { p.b.WriteByte('\n') }

func (p *page) rule() {
	p.b.WriteString(strings.Repeat("-", p.width))
	p.blank()
}

func (p *page) centre(text string) {
	for _, line := range wrap(clean(text), p.width) {
		p.b.WriteString(strings.Repeat(" ", (p.width-columns(line))/2))
		p.b.WriteString(line)
		p.blank()
	}
}

// centreIf centres a text if it is not empty.
func (p *page) centreIf(text string) {
	if text != "" {
		p.centre(text)
	}
}

// note writes a note below an amount, indented.
func (p *page) note(text string) {
	for _, line := range wrap(clean(text), p.width-2) {
		p.b.WriteString("  " + line)
		p.blank()
	}
}

// label is the width of the field names.
const label = 11

// field writes a name and its text. Text that does not fit continues on the next line. A name that is too long stands on separate lines.
// An empty field is left out.
func (p *page) field(name, text string) {
	if text = clean(text); text == "" {
		return
	}
	if columns(name) >= label {
		for _, line := range wrap(clean(name), p.width) {
			p.b.WriteString(line)
			p.blank()
		}
		name = ""
	}
	for _, line := range wrap(text, p.width-label) {
		p.b.WriteString(name + strings.Repeat(" ", label-columns(name)) + line)
		p.blank()
		name = ""
	}
}

// amount writes a text and an amount at the right edge.
func (p *page) amount(text string, m money.Minor, c money.Currency) {
	sum := p.say.Figure(m, c)
	lines := wrap(clean(text), p.width-columns(sum)-1)
	for _, line := range lines[:len(lines)-1] {
		p.b.WriteString(line)
		p.blank()
	}
	last := lines[len(lines)-1]
	p.b.WriteString(last)
	p.b.WriteString(strings.Repeat(" ", p.width-columns(last)-columns(sum)))
	p.b.WriteString(sum)
	p.blank()
}

// clean turns a text into one line of printable characters.
func clean(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return ' '
		}
		if !unicode.IsPrint(r) || r == utf8.RuneError {
			return -1
		}
		return r
	}, s)
	return strings.Join(strings.Fields(s), " ")
}

// columns returns how many columns a text takes: two for a Chinese, Japanese or Korean character or a picture, and none for an accent on
// the letter before it.
func columns(s string) int { return displaywidth.String(s) }

// cut divides a text in two. The head is the longest beginning that fits into the given number of columns. No character is divided.
func cut(s string, width int) (head, rest string) {
	signs := displaywidth.StringGraphemes(s)
	at := 0
	for signs.Next() {
		if width -= signs.Width(); width < 0 {
			break
		}
		at += len(signs.Value())
	}
	return s[:at], s[at:]
}

// wrap divides a text into lines, at blanks where possible. No line is wider than the given number of columns. wrap returns at least one
// line.
func wrap(s string, width int) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(s) {
		for columns(word) > width {
			if line != "" {
				lines, line = append(lines, line), ""
			}
			var head string
			head, word = cut(word, width)
			lines = append(lines, head)
		}
		switch {
		case word == "":
		case line == "":
			line = word
		case columns(line)+1+columns(word) <= width:
			line += " " + word
		default:
			lines, line = append(lines, line), word
		}
	}
	if line != "" || len(lines) == 0 {
		lines = append(lines, line)
	}
	return lines
}
