// Package print lays receipts out: plain text in a fixed number of columns, and a page for any printer. What a receipt
// says is decided in package receipt; here it only gets lines.
package print

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/clipperhouse/displaywidth"

	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/receipt"
)

// Columns of the common roll printers: 32 on 58 mm paper, 48 on 80 mm.
const (
	columns32 = 32
	columns48 = 48
)

// Text32 lays a receipt out in 32 columns, as [Text48] does in 48.
func Text32(r receipt.Receipt) string { return text(r, columns32) }

// Text48 lays a receipt out in 48 columns. It reveals the digits that the receipt carries. Every line ends with a line
// feed; names that came from people lose their control characters, because a printer obeys them.
func Text48(r receipt.Receipt) string { return text(r, columns48) }

func text(r receipt.Receipt, width int) string {
	p := page{width: width}
	for _, m := range r.Marks() {
		p.centre("*** " + m + " ***")
	}
	p.centre(r.Title)
	if r.Reverses != "" {
		p.centre("takes back receipt " + r.Reverses)
	}
	p.centre(r.Utility)
	p.centreIf(r.Address)
	p.centreIf(r.Contact)
	if r.VATNo != "" {
		p.centre("VAT no. " + r.VATNo)
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
		p.centre(receipt.PressKey)
	}
	if r.Message != "" {
		p.rule()
		p.centre(r.Message)
	}
	if r.Test {
		p.rule()
		p.centre("*** TEST ***")
		p.centre("no supply was sold and no money is owed")
	}
	return p.b.String()
}

type page struct {
	b     strings.Builder
	width int
}

func (p *page) facts(r receipt.Receipt) {
	p.field("Receipt", r.No)
	p.field("Epoch", r.Epoch)
	p.field("Fiscal", r.Fiscal)
	p.field("Date", r.At.Format("2006-01-02 15:04 MST"))
	p.field("Vendor", r.Vendor)
	p.field("Till", r.Till)
	p.field("Sold by", r.Operator)
	p.field("Reference", r.ClientRef)
	p.field("Sale", r.Sale)
	p.field("Customer", r.Customer)
	p.field("Address", r.Place)
	p.field("Account", r.Account)
	p.field("Meter", r.Meter)
	if r.STS != (receipt.STS{}) {
		p.field("STS", fmt.Sprintf("SGC %s KRN %d TI %s TT %s EA %s", r.STS.SGC, r.STS.KRN, r.STS.TI, r.STS.TT, r.STS.EA))
	}
	tariff := r.TariffName
	if r.Version > 0 {
		tariff += fmt.Sprintf(", version %d", r.Version)
	}
	p.field("Tariff", tariff)
}

func (p *page) amounts(r receipt.Receipt) {
	for _, o := range r.Others {
		p.amount(o.Text(), o.Amount, r.Currency)
		if owing := o.Owing(r.Currency); owing != "" {
			p.note(owing)
		}
	}
	for _, s := range r.Steps {
		p.amount(fmt.Sprintf("%s kWh @ %s", s.Units.KWh(1), money.FormatRate(s.Rate, r.Currency)), s.Amount, r.Currency)
	}
	switch {
	case len(r.Steps) == 0 && r.Net != 0:
		p.amount("Energy without VAT", r.Net, r.Currency)
	case len(r.Steps) > 1:
		p.note("energy without VAT " + money.Format(r.Net, r.Currency))
	}
	for _, l := range r.Levies {
		p.amount(l.Text(), l.Amount, r.Currency)
	}
	if !r.Recharge() || r.VAT != 0 {
		p.amount("VAT "+percent(r.VATBps), r.VAT, r.Currency)
	}
	if r.CarryIn != 0 {
		p.amount("Carried from before", -r.CarryIn, r.Currency)
	}
	if r.CarryOut != 0 {
		p.amount("Carried to next time", r.CarryOut, r.Currency)
	}
	paid := "PAID "
	if r.Credits() {
		paid = "GIVEN BACK "
	}
	p.amount(paid+r.Currency.Code, r.Tendered, r.Currency)
	if r.Change != 0 {
		p.amount("Change", r.Change, r.Currency)
	}
}

func (p *page) tokens(r receipt.Receipt) {
	if r.Credits() {
		p.centre(r.Fate())
	} else {
		p.centre(r.Units.KWh(1) + " kWh")
	}
	tokens := r.Ordered()
	for i, t := range tokens {
		p.blank()
		head := t.Text()
		if t.Units > 0 {
			head += ": " + t.Units.KWh(1) + " kWh"
		}
		switch {
		case len(tokens) > 1:
			p.centre(fmt.Sprintf("Token %d of %d", i+1, len(tokens)))
			if t.Amount != 0 {
				head += " " + money.Format(t.Amount, r.Currency)
			}
			p.centre(head)
		case t.Kind != receipt.SaleToken:
			p.centre(head)
		}
		p.centre(t.Reveal())
	}
}

// percent writes basis points as per cent with two decimals.
func percent(b money.Bps) string { return fmt.Sprintf("%d.%02d %%", b/100, b%100) }

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

// centreIf centres a text that may be missing.
func (p *page) centreIf(text string) {
	if text != "" {
		p.centre(text)
	}
}

// note writes a remark below an amount, indented.
func (p *page) note(text string) {
	for _, line := range wrap(clean(text), p.width-2) {
		p.b.WriteString("  " + line)
		p.blank()
	}
}

// label is the width of the names of fields.
const label = 11

// field writes a name and its text; what does not fit goes on below the text. An empty field is left out.
func (p *page) field(name, text string) {
	if text = clean(text); text == "" {
		return
	}
	for i, line := range wrap(text, p.width-label) {
		if i > 0 {
			name = ""
		}
		fmt.Fprintf(&p.b, "%-*s%s\n", label, name, line)
	}
}

// amount writes a text and an amount at the right edge.
func (p *page) amount(text string, m money.Minor, c money.Currency) {
	sum := money.Format(m, c)
	lines := wrap(clean(text), p.width-len(sum)-1)
	for _, line := range lines[:len(lines)-1] {
		p.b.WriteString(line)
		p.blank()
	}
	last := lines[len(lines)-1]
	p.b.WriteString(last)
	p.b.WriteString(strings.Repeat(" ", p.width-columns(last)-len(sum)))
	p.b.WriteString(sum)
	p.blank()
}

// clean makes one line of printable characters.
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

// columns is how many columns a text takes: two for what Chinese, Japanese and Korean write and for pictures, none for a mark
// on the letter before.
func columns(s string) int { return displaywidth.String(s) }

// cut divides a text after as many whole signs as width columns hold.
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

// wrap cuts a text into lines of at most width columns, at blanks where there are any. It gives at least one line.
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
