package receipt

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
)

// PaperForm begins the text of a receipt's core. A later form gets another number, so that forms are never confused.
const PaperForm = "paywatt paper 1"

// Paper returns the core of a receipt in its canonical text: everything that is fixed when the sale is made. Each item has a line. Words
// are quoted as by strconv.Quote, and numbers are decimal. The hash of the text goes into the sealed audit row of the sale, so any later
// change contradicts the signed log.
//
// Some parts are left out:
//   - the digits of tokens, because the hash would let its holder test guesses of the digits;
//   - the tokens of a key change, because they are on the receipt only until the meter has confirmed the change;
//   - names and addresses, because they may be erased: the store has evidence of its own for them;
//   - copies and the reversal, because they come later;
//   - the technology of the meter's tokens, a fiscal code, messages, the request to press a key, and the time zone.
func (r Receipt) Paper() string {
	b := make([]byte, 0, 768)
	b = append(b, PaperForm...)
	b = line(b, "title").text(r.Title)
	b = line(b, "test").truth(r.Test)
	b = line(b, "receipt_no").text(r.No)
	b = line(b, "reverses").text(r.Reverses)
	b = line(b, "at").int(r.At.Unix())
	b = line(b, "vend").text(r.Sale)
	b = line(b, "client_ref").text(r.ClientRef)
	b = line(b, "till").text(r.Till)
	b = line(b, "operator").text(r.Operator)
	b = line(b, "account").text(r.Account)
	b = line(b, "meter").text(r.Meter)
	b = line(b, "sts").text(r.STS.SGC).int(int64(r.STS.KRN)).text(r.STS.TI).text(r.STS.EA)
	b = line(b, "tariff_version").int(int64(r.Version))
	b = line(b, "currency").text(r.Currency.Code)
	b = line(b, "units_wh").int(int64(r.Units))
	b = line(b, "tender").int(int64(r.Tendered))
	b = line(b, "net").int(int64(r.Net))
	b = line(b, "vat_bps").int(int64(r.VATBps))
	b = line(b, "vat").int(int64(r.VAT))
	b = line(b, "carry_in").int(int64(r.CarryIn))
	b = line(b, "carry").int(int64(r.CarryOut))
	b = line(b, "change").int(int64(r.Change))
	for _, t := range r.Tokens {
		if t.Kind != KeyChange {
			b = line(b, "token").text(t.Kind).int(int64(t.Units)).int(int64(t.Amount))
		}
	}
	for _, s := range r.Steps {
		b = line(b, "step").int(int64(s.Units)).int(int64(s.Rate)).int(int64(s.Amount))
	}
	for _, p := range r.Others {
		b = line(b, "other").part(p)
	}
	for _, p := range r.Levies {
		b = line(b, "levy").part(p)
	}
	return string(append(b, '\n'))
}

// PaperHash returns the SHA-256 of a receipt's core in hexadecimal, as in the audit row.
func PaperHash(paper string) string {
	sum := sha256.Sum256([]byte(paper))
	return hex.EncodeToString(sum[:])
}

// paperLine is the text of a core while it is written. It is built without fmt to save time, because every sale writes such a text.
type paperLine []byte

func line(b paperLine, name string) paperLine {
	return append(append(b, '\n'), name...)
}

// text appends a word in quotes. Nearly all words are plain, and need only the quotes. Other words go
// through strconv.AppendQuote, which is slower.
func (b paperLine) text(s string) paperLine {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return strconv.AppendQuote(append(b, ' '), s)
		}
	}
	return append(append(append(b, ' ', '"'), s...), '"')
}

func (b paperLine) int(n int64) paperLine { return strconv.AppendInt(append(b, ' '), n, 10) }

func (b paperLine) truth(t bool) paperLine { return strconv.AppendBool(append(b, ' '), t) }

func (b paperLine) part(p Part) paperLine {
	b = b.text(p.Kind).text(p.Ref).text(p.Label).int(int64(p.Amount)).int(int64(p.VAT))
	if p.Left == nil {
		return append(b, " -"...)
	}
	return b.int(int64(*p.Left))
}
