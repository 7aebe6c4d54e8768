// Package print lays out receipts: as plain text in a fixed number of columns, and as a page for any printer. Package receipt decides the
// content, and this package only arranges the content.
package print

import (
	"cmp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/clipperhouse/displaywidth"

	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/receipt"
	"github.com/paywatt/paywatt/internal/words"
)

// Columns of the common roll printers: 32 on 58 mm paper, 48 on 80 mm.
const (
	columns32 = 32
	columns48 = 48
)

// Text32 lays out a receipt as [Text48] does, in 32 columns.
func Text32(say *words.Texts, r receipt.Receipt) string { return text(unlinked(say, r), columns32) }

// Text48 lays out a receipt in 48 columns. It reveals the digits that the receipt carries. Every line ends with a line feed. Names that
// people entered lose their control characters, because a printer obeys them.
func Text48(say *words.Texts, r receipt.Receipt) string { return text(unlinked(say, r), columns48) }

// unlinked arranges a receipt for paper without pictures.
func unlinked(say *words.Texts, r receipt.Receipt) Sheet {
	r.Link = ""
	return Receipt(say, r)
}

// Title returns the name of the document: a tax invoice, a credit note.
func Title(say *words.Texts, r receipt.Receipt) string { return say.Name("receipt-title", r.Title) }

// Marks returns the words above the title.
func Marks(say *words.Texts, r receipt.Receipt) (out []string) {
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
func part(say *words.Texts, p receipt.Part) string {
	return strings.TrimSpace(say.PaperPart(say.Name("line", p.Kind), cmp.Or(p.Label, p.Ref)))
}

// owing returns the text about the unpaid rest of a part, or "" for a charge without an end. The line of a taxed part shows the net
// amount, so the text says that the rest includes the tax.
func owing(say *words.Texts, p receipt.Part, c money.Currency) string {
	switch {
	case p.Left == nil:
		return ""
	case p.VAT != 0:
		return say.PaperLeftVat(say.Figure(*p.Left, c))
	}
	return say.PaperLeft(say.Figure(*p.Left, c))
}

// named returns the name of a token and its units.
func named(say *words.Texts, t receipt.Token) string {
	name := say.Name("receipt-token", t.Kind)
	if t.Units > 0 {
		return say.PaperTokenUnits(name, say.KWh(t.Units, 1))
	}
	return name
}

// fate returns the line above the tokens of a credit note: whether they can still load.
func fate(say *words.Texts, r receipt.Receipt) string {
	if r.Cancelled {
		return say.PaperCancelled()
	}
	return say.PaperNotToEnter()
}

// percent writes basis points as per cent with two decimals.
func percent(say *words.Texts, b money.Bps) string {
	return say.Figure(money.Minor(b), money.Currency{Exp: 2}) + " %"
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
