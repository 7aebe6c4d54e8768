package statement

// M-Pesa's table as the portal exports it, or as a spreadsheet saved it again: CSV with lines about the account before the headings.

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"regexp"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/bounded"
	"github.com/paywatt/paywatt/internal/money"
)

// Columns of M-Pesa's table, as their headings are compared: see [heading].
const (
	colReceipt   = "receipt no"
	colAt        = "completion time"
	colDetails   = "details"
	colState     = "transaction status"
	colIn        = "paid in"
	colOut       = "withdrawn"
	colBalance   = "balance"
	colReason    = "reason type"
	colParty     = "other party info"
	colLinked    = "linked transaction id"
	colReference = "a/c no"
	colCurrency  = "currency"
)

// headingAliases are other headings of a column.
var headingAliases = map[string]string{"account no": colReference, "account number": colReference, "acc no": colReference}

// maxPreamble is how many rows may come before the header.
const maxPreamble = headLines

// table is the table of M-Pesa while it is read.
type table struct {
	b         *book
	money     money.Currency
	separator rune
	columns   map[string]int // nil before the header
	before    int            // rows before the header
	completed totals         // of the rows that moved money
	all       totals         // also of those that did not
}

// totals are the sums of the columns Paid In and Withdrawn, both positive.
type totals struct{ in, out money.Minor }

// readMPesa reads the CSV of M-Pesa's portal: lines about the account, then a table whose header is found by its names.
func (b *book) readMPesa(file *bufio.Reader) error {
	if b.options.Currency == "" {
		b.options.Currency = "KES"
	}
	c, err := currencyOf(0, b.options.Currency)
	if err != nil {
		return err
	}
	head, _ := file.Peek(headBytes)
	t := table{b: b, money: c, separator: separatorOf(head)}
	limited := bounded.NewRecords(file, maxLine)
	if lineEnd(head) == "\r" {
		limited = bounded.NewRecords(feedReader{file}, maxLine)
	}
	r := csv.NewReader(limited)
	r.Comma, r.FieldsPerRecord, r.ReuseRecord = t.separator, -1, true
	last := 0
	for records := 0; ; records++ {
		limited.Next()
		cells, err := r.Read()
		var wrong *csv.ParseError
		var beyond *bounded.TooMuch
		switch {
		case errors.Is(err, io.EOF):
			if t.columns == nil {
				return damaged(0, "no row has the headings Receipt No., Completion Time, Transaction Status, Paid In and Withdrawn")
			}
			return nil
		case errors.As(err, &wrong):
			return damaged(wrong.StartLine, "a quotation mark is open or stands in the wrong place")
		case errors.As(err, &beyond):
			return damaged(last+1, "the line has more than %d bytes: a quotation mark may be open", maxLine)
		case err != nil:
			return err
		case records >= maxRecords:
			return damaged(last+1, "the file has more than %d lines", maxRecords)
		}
		line, _ := r.FieldPos(0)
		last, _ = r.FieldPos(len(cells) - 1)
		if err := t.row(line, cells); err != nil {
			return err
		}
	}
}

// separatorOf finds out what is between the columns: of comma, semicolon, tab and vertical bar, that which the line of the headings has most
// often. M-Pesa writes commas; spreadsheets write what is usual where they run.
func separatorOf(head []byte) rune {
	found := ','
	for line := range bytes.SplitSeq(bytes.ReplaceAll(bytes.ToLower(head), []byte("\r"), []byte("\n")), []byte("\n")) {
		if !bytes.Contains(line, []byte(colReceipt)) || !bytes.Contains(line, []byte(colAt)) {
			continue
		}
		most := 0
		for _, separator := range ",;\t|" {
			if n := bytes.Count(line, []byte(string(separator))); n > most {
				most, found = n, separator
			}
		}
		break
	}
	return found
}

// feedReader reads carriage returns as line feeds, for files that have no line feeds.
type feedReader struct{ in io.Reader }

func (f feedReader) Read(p []byte) (int, error) {
	n, err := f.in.Read(p)
	for i, c := range p[:n] {
		if c == '\r' {
			p[i] = '\n'
		}
	}
	return n, err
}

// row reads a line of the file.
func (t *table) row(line int, cells []string) error {
	if t.columns != nil {
		return t.booked(line, cells)
	}
	if t.before++; t.before > maxPreamble {
		return damaged(line, "the first %d rows have no headings Receipt No., Completion Time, Transaction Status, Paid In and Withdrawn", maxPreamble)
	}
	names, units := map[string]int{}, map[string]string{}
	for i, cell := range cells {
		name, unit := heading(cell)
		if _, twice := names[name]; twice && name == colReceipt {
			return damaged(line, "the heading Receipt No. stands there twice")
		} else if !twice {
			names[name], units[name] = i, unit
		}
	}
	for _, needed := range [...]string{colReceipt, colAt, colState, colIn, colOut} {
		if _, has := names[needed]; !has {
			t.about(cells)
			return nil
		}
	}
	for _, c := range [...]struct{ column, title string }{{colIn, "Paid In"}, {colOut, "Withdrawn"}, {colBalance, "Balance"}} {
		if err := t.fits(line, "column "+c.title, units[c.column]); err != nil {
			return err
		}
	}
	for other, name := range headingAliases {
		at, has := names[other]
		if _, already := names[name]; has && !already {
			names[name] = at
		}
	}
	t.columns = names
	t.b.page().Account, t.b.page().Currency = t.b.Account, t.money.Code
	return nil
}

// heading reads the heading of a column: small letters without dots and blanks around them, and the unit in parentheses behind, such as KSHs.
func heading(cell string) (name, unit string) {
	name = strings.ToLower(strings.Join(strings.Fields(cell), " "))
	if before, after, found := strings.Cut(name, "("); found {
		name, unit = before, strings.TrimRight(after, " )")
	}
	return strings.Trim(name, ". "), unit
}

// currencyWords are other names of currencies that M-Pesa's exports use.
var currencyWords = map[string]string{"KSH": "KES", "KSHS": "KES", "TSH": "TZS", "TSHS": "TZS", "USH": "UGX", "USHS": "UGX"}

// fits checks that what a file calls its currency is that of the account. Where it calls none, it is that.
func (t *table) fits(line int, what, name string) error {
	name = strings.ToUpper(strings.Trim(name, ". /="))
	if word, known := currencyWords[name]; known {
		name = word
	}
	if name == "" || name == t.money.Code {
		return nil
	}
	c, err := currencyOf(line, name)
	if err != nil {
		return err
	}
	return damaged(line, "the %s is in %s, but the account is in %s", what, c.Code, t.money.Code)
}

// periodMoment is a date in the line about the period, with or without a time.
var periodMoment = regexp.MustCompile(`\d{2,4}[-/]\d{2}[-/]\d{2,4}(?:[ T]\d{2}:\d{2}(?::\d{2})?)?`)

// about reads a line before the header. Of these lines, the account and the days are used.
func (t *table) about(cells []string) {
	if len(cells) < 2 {
		return
	}
	switch name, _ := heading(cells[0]); strings.Trim(name, ": ") {
	case "short code", "shortcode":
		t.b.Account = textOf(strings.TrimSpace(cells[1]))
	case "time period", "statement period", "period":
		t.period(strings.Join(cells[1:], " "))
	}
}

// period reads the first and the last moment that an export covers. Between and before them are words or a dash.
func (t *table) period(text string) {
	found := periodMoment.FindAllString(text, -1)
	if len(found) != 2 {
		return
	}
	var moments [2]moment
	for i, text := range found {
		text, days := cutHour24(strings.Replace(text, "T", " ", 1), " ")
		at, err := mpesaTime(text)
		if err != nil {
			return
		}
		moments[i] = moment{at.AddDate(0, 0, days), !strings.Contains(text, ":")}
	}
	t.b.states(moments[0], moments[1])
}

// cell returns the text in a column of a row. A dash alone is an empty cell.
func (t *table) cell(cells []string, column string) string {
	at, has := t.columns[column]
	if !has || at >= len(cells) {
		return ""
	}
	text := strings.TrimSpace(cells[at])
	if text == "-" || text == "–" || text == "—" {
		return ""
	}
	return text
}

// booked reads a row of the table. Only completed transactions moved money.
func (t *table) booked(line int, cells []string) error {
	cell := func(column string) string { return t.cell(cells, column) }
	filled := strings.TrimSpace(strings.Join(cells, ""))
	if strings.Trim(filled, "-–—") == "" || cell(colReceipt) == filled { // a blank line, a rule, or a remark below the table
		return nil
	}
	if label := t.totalsLabel(cells); label != "" {
		return t.checkTotals(line, label, cells)
	}
	if cell(colReceipt) == "" {
		return damaged(line, "the row has no receipt number")
	}
	state := cell(colState)
	if state == "" {
		return damaged(line, "the row has no transaction status: it may be cut off")
	}
	if !strings.EqualFold(state, "completed") {
		t.countFailed(line, cells)
		t.b.Skipped++
		return nil
	}
	if err := t.fits(line, "row", cell(colCurrency)); err != nil {
		return err
	}
	receipt := cell(colReceipt)
	r := Row{
		Line: line, Legacy: receipt, Names: Names{Own: receipt},
		Currency: t.money.Code, Reference: cell(colReference), Payer: cell(colParty),
	}
	var err error
	if r.At, err = mpesaTime(cell(colAt)); err != nil {
		return damaged(line, "%q is no completion time: write 20-11-2026 14:05:00 or 2026-11-20 14:05:00", clip(cell(colAt)))
	}
	if r.Amount, err = t.moved(line, cells); err != nil {
		return err
	}
	if r.Amount == 0 {
		t.b.Skipped++
		return nil
	}
	if err := t.count(line, r.Amount); err != nil {
		return err
	}
	if text := cell(colBalance); text != "" {
		r.Balanced = true
		if r.Balance, err = t.amount(line, text); err != nil {
			return err
		}
		r.After, r.HasAfter = r.Balance, true
	}
	details := readDetails(cell(colDetails))
	r.Kind, r.Of = mpesaKind(r.Amount > 0, cell(colReason)+" "+details.kind, cell(colLinked))
	if r.Kind == Payment && r.Reference == "" {
		r.Reference = details.reference
	}
	if r.Kind == Payment && r.Payer == "" {
		r.Payer = details.payer
	}
	return t.b.add(r)
}

// moved reads the amount of a row: positive if it was paid in, negative if it was withdrawn, 0 if no money moved.
func (t *table) moved(line int, cells []string) (money.Minor, error) {
	paid, err := t.amount(line, t.cell(cells, colIn))
	if err != nil {
		return 0, err
	}
	out, err := t.amount(line, t.cell(cells, colOut))
	switch {
	case err != nil:
		return 0, err
	case paid < 0:
		return 0, damaged(line, "the amount paid in is negative")
	case paid != 0 && out != 0:
		return 0, damaged(line, "the row was paid in and withdrawn")
	case out != 0:
		return -max(out, -out), nil
	}
	return paid, nil
}

// count adds the amount of a completed row to the totals.
func (t *table) count(line int, amount money.Minor) error {
	for _, sums := range [...]*totals{&t.completed, &t.all} {
		if err := sums.add(line, amount); err != nil {
			return err
		}
	}
	return nil
}

// countFailed adds the amount of a row that moved no money to the totals of all rows. An amount that cannot be read does not matter there.
func (t *table) countFailed(line int, cells []string) {
	if amount, err := t.moved(line, cells); err == nil {
		_ = t.all.add(line, amount)
	}
}

func (s *totals) add(line int, amount money.Minor) (err error) {
	if amount > 0 {
		s.in, err = sum(line, s.in, amount)
		return err
	}
	if amount < 0 {
		s.out, err = sum(line, s.out, -amount)
	}
	return err
}

// totalsLabel returns the first text of a row of totals, in small letters. Such a row has neither a time nor a state. It returns nothing for any other row.
func (t *table) totalsLabel(cells []string) string {
	if t.cell(cells, colAt) != "" || t.cell(cells, colState) != "" {
		return ""
	}
	for _, text := range cells {
		switch name, _ := heading(strings.Trim(text, ": ")); name {
		case "":
			continue
		case "total", "totals", "grand total", "subtotal", "sub total", "page total":
			return name
		default:
			return ""
		}
	}
	return ""
}

// checkTotals compares a row of totals with the rows above it. Some exports add up completed rows, others all. What a subtotal adds up is not
// known.
func (t *table) checkTotals(line int, label string, cells []string) error {
	for _, c := range [...]struct {
		column, what   string
		completed, all money.Minor
	}{{colIn, "paid in", t.completed.in, t.all.in}, {colOut, "withdrawn", t.completed.out, t.all.out}} {
		text := t.cell(cells, c.column)
		says, err := t.amount(line, text)
		if err != nil {
			return err
		}
		says = max(says, -says)
		if text == "" || strings.HasPrefix(label, "sub") || strings.HasPrefix(label, "page") || says == c.completed || says == c.all {
			continue
		}
		return damaged(line, "the totals say %s %s, but the rows make %s: rows are missing or changed",
			money.Format(says, t.money), c.what, money.Format(c.completed, t.money))
	}
	return nil
}

// details are the parts of M-Pesa's text about a transaction.
type details struct {
	kind             string // what it is, such as "Pay Bill Online"
	payer, reference string
}

// readDetails takes M-Pesa's text about a transaction apart: "Pay Bill from 2547****126 - AMINA Acc. 04140001001 via WEB by BANK". The name and
// the reference are other people's words, so only what comes before them tells the kind of a transaction.
//
// It reads the text word by word: regular expressions took most of the time of a long file.
func readDetails(text string) (d details) {
	d.kind = text
	if before, after, found := cutReference(text); found {
		d.kind, d.reference = before, beforeChannel(after)
	}
	if before, after, found := cutParty(d.kind); found {
		d.kind, d.payer = before, strings.TrimSpace(after)
	}
	return d
}

// cutReference cuts a text at the words that announce the payer's reference, such as "Acc." and "Account No.:".
func cutReference(text string) (before, after string, found bool) {
	for i := range len(text) {
		if i > 0 && !isBlank(text[i-1]) {
			continue
		}
		rest, announces := cutAccountWords(text[i:])
		if !announces || rest != "" && !isBlank(rest[0]) {
			continue
		}
		return text[:max(0, i-1)], strings.TrimLeftFunc(rest, isBlankRune), true
	}
	return "", "", false
}

// cutAccountWords cuts off the words that announce a reference: "acc.", "account no", "account number" or "a/c no", with a colon.
func cutAccountWords(text string) (rest string, found bool) {
	if rest, found = cutWord(text, "acc."); !found {
		if rest, found = cutWords(text, "account", "number"); !found {
			if rest, found = cutWords(text, "account", "no"); !found {
				rest, found = cutWords(text, "a/c", "no")
			}
			rest = strings.TrimPrefix(rest, ".")
		}
	}
	return strings.TrimPrefix(rest, ":"), found
}

// cutParty cuts a text before a telephone or a number of an organization: what follows "from", "by" or "to" and begins with a digit.
func cutParty(text string) (before, after string, found bool) {
	for i := 1; i < len(text); i++ {
		if !isBlank(text[i-1]) {
			continue
		}
		for _, word := range [...]string{"from", "by", "to"} {
			rest, fits := cutWord(text[i:], word)
			if !fits || rest == "" || !isBlank(rest[0]) {
				continue
			}
			if rest = strings.TrimLeftFunc(rest, isBlankRune); rest != "" && rest[0] >= '0' && rest[0] <= '9' {
				return text[:i-1], rest, true
			}
		}
	}
	return "", "", false
}

// beforeChannel cuts off how a payment came, such as " via WEB by BANK".
func beforeChannel(text string) string {
	for i := 1; i < len(text); i++ {
		if !isBlank(text[i-1]) {
			continue
		}
		for _, channel := range [...]string{"web", "api", "stk", "ussd"} {
			if _, fits := cutWords(text[i:], "via", channel); fits {
				return strings.TrimRightFunc(text[:i], isBlankRune)
			}
		}
	}
	return text
}

// cutWord cuts a word in small letters off the begin of a text, where it may have capitals.
func cutWord(text, word string) (rest string, found bool) {
	if len(text) < len(word) || !strings.EqualFold(text[:len(word)], word) {
		return text, false
	}
	return text[len(word):], true
}

// cutWords cuts two words with blanks between them off the begin of a text. The second one must be whole.
func cutWords(text, first, second string) (rest string, found bool) {
	rest, found = cutWord(text, first)
	if !found || rest == "" || !isBlank(rest[0]) {
		return text, false
	}
	rest, found = cutWord(strings.TrimLeftFunc(rest, isBlankRune), second)
	if !found || rest != "" && isWordLetter(rest[0]) {
		return text, false
	}
	return rest, true
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' }

func isBlankRune(c rune) bool { return c < ' '+1 && isBlank(byte(c)) }

// isWordLetter reports whether a letter goes on with a word.
func isWordLetter(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// isOwnTransfer recognises M-Pesa's text about money that only moves between the accounts of the organization: one line that says "account to"
// and later "account".
func isOwnTransfer(about string) bool {
	for line := range strings.SplitSeq(about, "\n") {
		if _, after, found := cutAtWord(line, "account to"); found {
			if _, _, again := cutAtWord(after, "account"); again {
				return true
			}
		}
	}
	return false
}

// cutAtWord cuts a text at the first occurrence of a word that is no part of a longer one.
func cutAtWord(text, word string) (before, after string, found bool) {
	for from := 0; ; {
		at := strings.Index(text[from:], word)
		if at < 0 {
			return text, "", false
		}
		begin, end := from+at, from+at+len(word)
		if (begin == 0 || !isWordLetter(text[begin-1])) && (end == len(text) || !isWordLetter(text[end])) {
			return text[:begin], text[end:], true
		}
		from = begin + 1
	}
}

// mpesaKind says why money moved. The texts are M-Pesa's.
func mpesaKind(in bool, about, linked string) (Kind, string) {
	about = strings.ToLower(about)
	has := func(words ...string) bool {
		for _, w := range words {
			if strings.Contains(about, w) {
				return true
			}
		}
		return false
	}
	switch {
	case has("charge", " fee", "commission"):
		return Fee, ""
	case in && (has("reversal", "reversed") || linked != "" || isOwnTransfer(about)):
		return Other, ""
	case in:
		return Payment, ""
	case has("reversal", "reversed", "refund", "chargeback") || linked != "":
		return Reversal, linked
	}
	return Withdrawal, ""
}

// commaDecimals is an amount as spreadsheets write it where a comma comes before the decimals. Such spreadsheets put no comma between columns.
// Three digits after a comma are thousands.
var commaDecimals = regexp.MustCompile(`^(?:\d+|\d{1,3}(?:\.\d{3})+),\d{1,2}$`)

// maxAmount is how many bytes an amount has at most.
const maxAmount = 40

// amount reads an amount with an optional sign; empty is 0.
func (t *table) amount(line int, text string) (money.Minor, error) {
	if text == "" {
		return 0, nil
	}
	bare, negative := strings.CutPrefix(text, "-")
	if t.separator != ',' && len(bare) <= maxAmount && commaDecimals.MatchString(bare) {
		bare = strings.Replace(strings.ReplaceAll(bare, ".", ""), ",", ".", 1)
	}
	m, err := money.Parse(bare, t.money)
	if err != nil {
		return 0, damaged(line, "%q is no amount of %s", clip(text), t.money.Code)
	}
	if negative {
		m = -m
	}
	return m, nil
}

// mpesaTime reads a time of an export, in Nairobi's time.
func mpesaTime(text string) (at time.Time, err error) {
	for _, layout := range [...]string{"02-01-2006 15:04:05", time.DateTime, "2006-01-02T15:04:05", "02-01-2006 15:04", "2006-01-02 15:04", "02/01/2006 15:04:05", "02/01/2006 15:04",
		"02-01-2006", "02/01/2006", time.DateOnly} {
		if at, err = time.ParseInLocation(layout, text, nairobi()); err == nil {
			return at, nil
		}
	}
	return at, err
}
