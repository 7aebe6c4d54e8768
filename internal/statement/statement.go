// Package statement reads the statement files of payment providers and banks: M-Pesa's CSV, CAMT.053 (ISO 20022) and MT940 (SWIFT).
//
// [Read] passes each booked row to a function as soon as it is read, so a large file needs little memory. A damaged file is refused with the
// line and the reason; rows that were passed on before are then worth nothing. CAMT.053 and MT940 carry an opening and a closing balance,
// and their rows must lead from one to the other.
package statement

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/paywatt/paywatt/internal/money"
)

// Format is the form of a statement file.
type Format string

// Formats.
const (
	MPesa Format = "mpesa"   // CSV as M-Pesa's portal exports it
	Camt  Format = "camt053" // CAMT.053, XML of ISO 20022
	Swift Format = "mt940"   // MT940 of SWIFT
)

// Kind says why money moved.
type Kind string

// Kinds of rows.
const (
	Payment    Kind = "payment"    // a payer paid
	Fee        Kind = "fee"        // what the provider charges; positive if it gives a fee back
	Reversal   Kind = "reversal"   // a payment was given back
	Withdrawal Kind = "withdrawal" // other money that left the account
	Other      Kind = "other"      // other money that came in, such as a withdrawal that failed
)

// Row is one booked movement of money.
type Row struct {
	Line int // in the file
	Page int // number of the page in [Summary.Pages]
	// Txn is the strongest name that the file itself gives the row. If there is none, it is made of the row's contents, see [ContentName].
	Txn     string
	Names   Names
	Content string // the contents in short, for [ContentName]
	// Legacy is the name that the first versions gave the row: they took texts such as NONREF for names. Rows that they stored are found by it.
	Legacy   string
	Account  string
	Kind     Kind
	At       time.Time
	DateOnly bool        // At is the beginning of the day
	Amount   money.Minor // negative if money left the account
	Currency string
	Balance  money.Minor // of the account after the row
	Balanced bool        // the file has a balance in the row
	// After is the balance of the account after the row, from the row itself or from the opening balance and the rows before it.
	After     money.Minor
	HasAfter  bool
	Of        string // for a reversal: the payment's name; empty if the file does not say
	Reference string // what the payer typed
	Payer     string
}

// Summary describes a file whose rows were read.
type Summary struct {
	Format   Format
	Account  string
	From, To time.Time // begin and end of what the file covers, in the file's time zone: whole days, unless the file says otherwise
	Rows     int
	Skipped  int // lines that are not booked, such as pending entries and failed payments
	Opening  money.Minor
	Closing  money.Minor
	Balanced bool // the file has an opening and a closing balance, and the rows lead from one to the other
	Pages    []Page
}

// Page is one statement of a file: a file may hold those of several days and accounts. M-Pesa's file is one page.
type Page struct {
	Account          string
	Currency         string
	Opening, Closing money.Minor
	Balanced         bool // the page has both balances
	// From and To are the begin and the end of what the page covers, in the file's time zone: whole days, unless the file says otherwise.
	From, To time.Time

	period
}

// Limits of a file.
const (
	MaxBytes = 32 << 20
	MaxRows  = 100_000
	MaxTxn   = 100 // bytes of a name
	maxText  = 100 // bytes of a reference and a payer; longer ones are cut
	maxLine  = 64 << 10
	// maxLines bounds the lines of MT940, where a row has up to ten, and maxRecords those of M-Pesa's table.
	maxLines   = 1_500_000
	maxRecords = 200_000
	maxSkipped = 200_000 // entries of CAMT.053 that are not booked
	maxPages   = 10_000  // statements of one file: those of a month of 300 accounts
)

// Damaged says why a file was refused.
type Damaged struct {
	Line int // 0: the file as a whole
	Why  string
}

func (d *Damaged) Error() string {
	if d.Line == 0 {
		return d.Why
	}
	return "line " + strconv.Itoa(d.Line) + ": " + d.Why
}

func damaged(line int, format string, args ...any) error {
	return &Damaged{line, fmt.Sprintf(format, args...)}
}

// Options say what a file does not.
type Options struct {
	Currency string         // of M-Pesa's account
	Zone     *time.Location // of dates without a zone; M-Pesa's are in Nairobi's time
}

// Read reads a file and passes every booked row to the function each, in the order of the file. An error of each ends the reading.
// A [*Damaged] error says what is wrong with the file.
func Read(format Format, file io.Reader, o Options, each func(Row) error) (Summary, error) {
	if o.Zone == nil {
		o.Zone = time.UTC
	}
	limited := &io.LimitedReader{R: file, N: MaxBytes + 1}
	b := &book{options: o, each: each, equal: map[string]int{}, legacy: map[string]int{}, Summary: Summary{Format: format}}
	text := decoded(limited)
	var err error
	switch format {
	case MPesa:
		b.options.Zone = nairobi()
		err = b.readMPesa(text)
	case Camt:
		err = b.readCamt(text)
	case Swift:
		err = b.readSwift(text)
	default:
		return Summary{}, damaged(0, "the format %q is unknown", clip(string(format)))
	}
	b.closePages()
	if limited.N <= 0 {
		err = damaged(0, "the file has more than %d bytes", MaxBytes)
	}
	if err == nil && b.From.IsZero() {
		err = damaged(0, "the file has neither a row nor a day")
	}
	return b.Summary, err
}

// nairobi is the time zone of M-Pesa, which has no summer time.
func nairobi() *time.Location { return time.FixedZone("EAT", 3*60*60) }

// book collects the rows of a file.
type book struct {
	Summary
	options Options
	each    func(Row) error
	equal   map[string]int // rows without a name, by their contents
	legacy  map[string]int // rows that had no name in the first versions
}

// page returns the page that is being read.
func (b *book) page() *Page {
	if len(b.Pages) == 0 {
		b.Pages = append(b.Pages, Page{})
	}
	return &b.Pages[len(b.Pages)-1]
}

// addPage begins another page.
func (b *book) addPage(line int, p Page) error {
	if len(b.Pages) >= maxPages {
		return damaged(line, "the file has more than %d statements", maxPages)
	}
	b.Pages = append(b.Pages, p)
	return nil
}

// skip counts a line that is not booked.
func (b *book) skip(line int) error {
	if b.Skipped++; b.Skipped > maxSkipped {
		return damaged(line, "the file has more than %d entries that are not booked", maxSkipped)
	}
	return nil
}

// ContentName is the name of a row to which its file gives none: its contents, and a number from 1 that tells it from equal rows.
func ContentName(content string, n int) string { return content + "-" + strconv.Itoa(n) }

// add passes a row on. A row without a name gets one: the hash of its contents, and how many equal rows came before it. The caller sets Legacy to
// the text that the first versions took for the name.
func (b *book) add(r Row) error {
	if b.Rows++; b.Rows > MaxRows {
		return damaged(r.Line, "the file has more than %d rows", MaxRows)
	}
	if r.Amount == 0 {
		return damaged(r.Line, "the amount is 0")
	}
	if r.Amount > money.MaxMinor || r.Amount < -money.MaxMinor {
		return damaged(r.Line, "the amount is too large")
	}
	r.Reference, r.Payer, r.Of = textOf(r.Reference), textOf(r.Payer), strings.TrimSpace(r.Of)
	r.Account, r.Page = b.Account, max(len(b.Pages)-1, 0)
	r.Content = b.contentOf(r)
	r.Legacy = strings.TrimSpace(r.Legacy)
	r.Txn = r.Legacy
	if NameOf(r.Txn) == "" {
		b.equal[r.Content]++
		r.Txn = ContentName(r.Content, b.equal[r.Content])
	}
	if r.Legacy == "" {
		b.legacy[r.Content]++
		r.Legacy = ContentName(r.Content, b.legacy[r.Content])
	}
	for k, name := range r.Names {
		r.Names[k] = ""
		if len(name) <= MaxTxn && printable(name) {
			r.Names[k] = NameOf(name)
		}
	}
	for _, name := range [...]string{r.Txn, r.Legacy, r.Of} {
		if len(name) > MaxTxn || !printable(name) {
			return damaged(r.Line, "the name of the transaction has more than %d bytes, or characters that cannot be printed", MaxTxn)
		}
	}
	b.coversDay(r.At.In(b.options.Zone))
	return b.each(r)
}

// contentOf makes the contents of a row short. Files that overlap by whole days give a row the same contents.
func (b *book) contentOf(r Row) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\x00%s\x00%s\x00%d\x00%d\x00%s\x00%s", b.Account, r.Currency, r.Kind, r.At.Unix(), r.Amount, r.Reference, r.Payer))
	return "row-" + hex.EncodeToString(sum[:10])
}

// printable reports whether a name has only characters that can be printed.
func printable(name string) bool {
	return utf8.ValidString(name) && strings.IndexFunc(name, func(c rune) bool { return !unicode.IsPrint(c) }) < 0
}

// textOf makes a text from a file fit for a payment: one line of valid characters, cut at its limit. It looks at no more of the text than it
// returns.
func textOf(text string) string {
	var b strings.Builder
	gap, broken := false, false // blanks, or bytes that are no letter, came before
	for i := 0; i < len(text) && b.Len() <= maxText; {
		c, size := utf8.DecodeRuneInString(text[i:])
		i += size
		again := broken
		broken = c == utf8.RuneError && size == 1
		switch {
		case broken && again:
			continue
		case broken:
			c = '?'
		case unicode.IsSpace(c) || unicode.IsControl(c):
			gap = b.Len() > 0
			continue
		}
		if gap {
			b.WriteByte(' ')
		}
		gap = false
		b.WriteRune(c)
	}
	out := b.String()
	if len(out) <= maxText {
		return out
	}
	end := maxText
	for end > 0 && !utf8.RuneStart(out[end]) {
		end--
	}
	return out[:end]
}

// clip shortens a text that an error repeats.
func clip(text string) string {
	text = strings.ToValidUTF8(text, "?")
	if r := []rune(text); len(r) > 40 {
		return string(r[:40]) + "…"
	}
	return text
}

// currencyOf finds a currency by its code.
func currencyOf(line int, code string) (money.Currency, error) {
	c, known := money.CurrencyOf(strings.TrimSpace(code))
	if !known {
		return c, damaged(line, "%q is no currency", clip(code))
	}
	return c, nil
}

// sum adds amounts and refuses to overflow.
func sum(line int, a, b money.Minor) (money.Minor, error) {
	if s := a + b; (s > a) == (b > 0) && s <= 1<<60 && s >= -1<<60 {
		return s, nil
	}
	return 0, damaged(line, "the sum of the amounts is too large")
}

// check compares the closing balance with the opening balance and the rows between them.
func check(line int, opening, moved, closing money.Minor, c money.Currency) error {
	end, err := sum(line, opening, moved)
	if err != nil {
		return err
	}
	if end != closing {
		return damaged(line, "the opening balance %s and the rows make %s, but the closing balance is %s: rows are missing or changed",
			money.Format(opening, c), money.Format(end, c), money.Format(closing, c))
	}
	return nil
}
