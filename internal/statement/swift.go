package statement

import (
	"bufio"
	"errors"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/paywatt/paywatt/internal/money"
)

// message is one MT940 message while it is read. A file may hold several.
type message struct {
	b        *book
	open     bool // a balance has begun it
	currency money.Currency
	opening  money.Minor
	moved    money.Minor
	row      *Row // a statement line whose field 86 may follow
}

// readSwift reads MT940: fields that begin with a tag, such as :61:, and may go on in the next lines. Banks write lines of their own before the
// first field and between two messages. These are skipped, but never a line between an opening and a closing balance.
func (b *book) readSwift(file *bufio.Reader) error {
	head, _ := file.Peek(headBytes)
	lines := bufio.NewScanner(file)
	lines.Buffer(make([]byte, 0, 4096), maxLine)
	lines.Split(splitLines(lineEnd(head)))
	m := &message{b: b}
	var tag string
	var text strings.Builder
	begun, n, fields := 0, 0, 0
	flush := func() error {
		if tag == "" {
			return nil
		}
		err := m.field(begun, tag, text.String())
		tag = ""
		return err
	}
	for lines.Scan() {
		if n++; n > maxLines {
			return damaged(n, "the file has more than %d lines", maxLines)
		}
		plain := latin(strings.TrimPrefix(strings.TrimRight(lines.Text(), "\r"), "\ufeff"))
		open := m.open && tag != "62F" && tag != "62M"
		header, line := cutHeader(plain, open)
		boundary := endsMessage(plain, open) || header != "" && (!open || strings.HasPrefix(header, "-}"))
		if header != "" {
			plain = line
		}
		name, rest, tagged := cutTag(line)
		if boundary || tagged {
			if err := flush(); err != nil {
				return err
			}
		}
		switch {
		case tagged:
			tag, begun = name, n
			text.Reset()
			text.WriteString(rest)
			fields++
		case boundary:
		case tag != "" && text.Len()+len(plain) < maxLine:
			text.WriteByte('\n')
			text.WriteString(plain)
		case open && trimNoise(plain) != "":
			return damaged(n, "%q belongs to no field", clip(plain))
		}
	}
	if err := lines.Err(); errors.Is(err, bufio.ErrTooLong) {
		return damaged(n+1, "the line has more than %d bytes", maxLine)
	} else if err != nil {
		return err
	}
	if err := flush(); err != nil {
		return err
	}
	switch {
	case m.open:
		return damaged(n, "the file ends before field 62F, the closing balance")
	case fields == 0:
		return damaged(0, "no line begins with a field, such as :20: or :60F:")
	}
	return nil
}

// cutHeader cuts the wrapper of a SWIFT message off a line: the end of the message before, and all blocks up to the begin of the text. It also
// cuts off what frames a line: control characters and byte-order marks. Within an open message, a brace may begin a line of text.
func cutHeader(line string, open bool) (header, rest string) {
	line = strings.TrimLeftFunc(line, isFrame)
	at := strings.Index(line, "{4:")
	switch {
	case at >= 0 && (strings.HasPrefix(line, "{") || strings.HasPrefix(line, "-}")):
		at += len("{4:")
		return line[:at], strings.TrimLeftFunc(line[at:], isFrame)
	case strings.HasPrefix(line, "-}"), !open && strings.HasPrefix(line, "{"):
		return line, ""
	}
	return "", line
}

// endsMessage reports whether a line is the separator behind a message. Behind the closing balance, some banks write more than the dash.
// Before it, only the bare dash is no text.
func endsMessage(line string, open bool) bool {
	return line == "-" || !open && strings.HasPrefix(trimNoise(line), "-")
}

// latin reads a line that is not UTF-8 as Latin-1.
func latin(line string) string {
	if utf8.ValidString(line) {
		return line
	}
	out := make([]byte, 0, 2*len(line))
	for i := range len(line) {
		out = utf8.AppendRune(out, rune(line[i]))
	}
	return string(out)
}

// cutTag splits a line that begins a field.
func cutTag(line string) (tag, rest string, ok bool) {
	if !strings.HasPrefix(line, ":") {
		return "", "", false
	}
	tag, rest, ok = strings.Cut(line[1:], ":")
	ok = ok && (len(tag) == 2 || len(tag) == 3) && tag[0] >= '0' && tag[0] <= '9' && tag[1] >= '0' && tag[1] <= '9'
	return tag, rest, ok
}

// field reads one field.
func (m *message) field(line int, tag, text string) error {
	if tag != "86" {
		if err := m.flush(); err != nil {
			return err
		}
	}
	switch tag {
	case "60F", "60M", "61", "62F", "62M":
		first, more, _ := strings.Cut(text, "\n")
		text = strings.TrimRightFunc(first, isFrame) + "\n" + more
	}
	switch tag {
	case "25", "25P":
		m.b.Account = textOf(strings.SplitN(text, "\n", 2)[0])
	case "60F", "60M":
		return m.begin(line, text, tag == "60F")
	case "61":
		return m.statementLine(line, text)
	case "86":
		if m.row != nil {
			m.row.Payer, m.row.Reference = information(text)
		}
		return m.flush()
	case "62F", "62M":
		amount, _, _ := strings.Cut(strings.TrimSpace(text), "\n") // what follows is a remark
		return m.end(line, amount, tag == "62F")
	}
	return nil
}

// flush passes the last statement line on.
func (m *message) flush() error {
	if m.row == nil {
		return nil
	}
	r := *m.row
	m.row = nil
	return m.b.add(r)
}

// begin reads the opening balance.
func (m *message) begin(line int, text string, first bool) error {
	if m.open {
		return damaged(line, "a second opening balance comes before the closing balance")
	}
	at, c, amount, err := balance(line, text, m.b.options.Zone)
	if err != nil {
		return err
	}
	if m.b.Rows > 0 && m.currency != c && m.currency.Code != "" {
		return damaged(line, "the file has accounts in %s and %s: upload one file for each", m.currency.Code, c.Code)
	}
	if m.opening, m.currency, m.moved, m.open = amount, c, 0, true; first && !m.b.Balanced {
		m.b.Opening = amount
	}
	if err := m.b.addPage(line, Page{Account: m.b.Account, Currency: c.Code, Opening: amount}); err != nil {
		return err
	}
	if !first { // the statement before it ends within this day
		m.b.page().beginsWithin = true
		m.b.coversDay(at)
	}
	return nil
}

// end reads the closing balance and checks the sum. Behind an intermediate one, the statement goes on in another message.
func (m *message) end(line int, text string, last bool) error {
	if !m.open {
		return damaged(line, "a closing balance comes without an opening balance")
	}
	at, c, amount, err := balance(line, text, m.b.options.Zone)
	if err != nil {
		return err
	}
	if c != m.currency {
		return damaged(line, "the closing balance is in %s, the opening balance in %s", c.Code, m.currency.Code)
	}
	if err := check(line, m.opening, m.moved, amount, c); err != nil {
		return err
	}
	m.open, m.b.Closing, m.b.Balanced = false, amount, true
	p := m.b.page()
	p.Closing, p.Balanced, p.endsWithin = amount, true, !last
	m.b.coversDay(at)
	return nil
}

// balance reads C261120KES1234,56.
func balance(line int, text string, zone *time.Location) (at time.Time, c money.Currency, amount money.Minor, err error) {
	text = strings.TrimSpace(text)
	if len(text) < 11 || text[0] != 'C' && text[0] != 'D' {
		return at, c, 0, damaged(line, "%q is no balance: it begins with C or D, a date and a currency", clip(text))
	}
	if at, err = time.ParseInLocation("060102", text[1:7], zone); err != nil {
		return at, c, 0, damaged(line, "%q is no date", clip(text[1:7]))
	}
	if c, err = currencyOf(line, text[7:10]); err != nil {
		return at, c, 0, err
	}
	if amount, err = swiftAmount(line, text[10:], c); text[0] == 'D' {
		amount = -amount
	}
	return at, c, amount, err
}

// swiftAmount reads an amount whose decimals follow a comma, which is there without decimals too.
func swiftAmount(line int, text string, c money.Currency) (money.Minor, error) {
	whole, part, comma := strings.Cut(text, ",")
	if part != "" {
		whole += "." + part
	}
	if m, err := money.Parse(whole, c); err == nil && comma && strings.Trim(text, "0123456789,") == "" {
		return m, nil
	}
	return 0, damaged(line, "%q is no amount of %s: decimals follow a comma", clip(text), c.Code)
}

// statementLine reads field 61: 2611201120C500,00NTRFNONREF//BANKREF.
func (m *message) statementLine(line int, text string) error {
	if !m.open {
		return damaged(line, "field 61 comes before the opening balance")
	}
	text, _, _ = strings.Cut(text, "\n") // what follows is a remark
	if len(text) < 6 {
		return damaged(line, "field 61 is too short")
	}
	at, err := time.ParseInLocation("060102", text[:6], m.b.options.Zone)
	if err != nil {
		return damaged(line, "%q is no date", clip(text[:6]))
	}
	rest := text[6:]
	if len(rest) >= 4 && strings.Trim(rest[:4], "0123456789") == "" {
		if at, err = booked(at, rest[:4]); err != nil {
			return damaged(line, "%q is no date", clip(rest[:4]))
		}
		rest = rest[4:]
	}
	mark, rest := cutMark(rest)
	end := strings.IndexFunc(rest, func(c rune) bool { return c != ',' && (c < '0' || c > '9') })
	if mark == "" || end <= 0 || len(rest) < end+4 {
		return damaged(line, "field 61 has no mark C, D, RC or RD, no amount or no type: %q", clip(text))
	}
	amount, err := swiftAmount(line, rest[:end], m.currency)
	if err != nil {
		return err
	}
	kind := rest[end+1 : end+4]
	customer, bank, _ := strings.Cut(rest[end+4:], "//")
	if mark == "D" || mark == "RC" {
		amount = -amount
	}
	m.row = &Row{Line: line, Legacy: strings.TrimSpace(bank), Names: Names{Bank: bank, Customer: customer}, Kind: swiftKind(mark, kind), At: at, DateOnly: true, Amount: amount,
		Currency: m.currency.Code}
	m.moved, err = sum(line, m.moved, amount)
	m.row.After, m.row.HasAfter = m.opening+m.moved, true
	return err
}

// booked moves a value date to the booking date that a line names by month and day: the one that is nearest.
func booked(value time.Time, monthDay string) (time.Time, error) {
	var best time.Time
	for year := value.Year() - 1; year <= value.Year()+1; year++ {
		at, err := time.ParseInLocation("20060102", value.AddDate(year-value.Year(), 0, 0).Format("2006")+monthDay, value.Location())
		if err != nil {
			continue // 29 February of another year
		}
		if best.IsZero() || at.Sub(value).Abs() < best.Sub(value).Abs() {
			best = at
		}
	}
	if best.IsZero() {
		return best, errors.New("no date")
	}
	return best, nil
}

// cutMark splits the mark of a line from the rest. A letter of the currency may follow the mark. EC and ED are only expected, not booked.
func cutMark(text string) (mark, rest string) {
	for _, m := range [...]string{"RC", "RD", "C", "D"} {
		if after, ok := strings.CutPrefix(text, m); ok {
			if len(after) > 0 && after[0] >= 'A' && after[0] <= 'Z' {
				after = after[1:]
			}
			return m, after
		}
	}
	return "", text
}

// swiftKind says why money moved, from the mark and the three letters of the type.
func swiftKind(mark, code string) Kind {
	fee := code == "CHG" || code == "COM" || code == "FEE" || code == "INT"
	switch {
	case fee:
		return Fee
	case mark == "RC", mark == "D" && code == "RTI":
		return Reversal
	case mark == "C":
		return Payment
	case mark == "RD":
		return Other
	}
	return Withdrawal
}

// information reads field 86: /ORDP//NAME/…/REMI/…, the numbered parts ?20… and ?32…, or free text.
func information(text string) (payer, reference string) {
	text = strings.ReplaceAll(text, "\n", "")
	if coded := strings.HasPrefix(text, "/"); coded {
		return codedPart(text, "/NAME/"), codedPart(text, "/REMI/")
	}
	if !strings.Contains(text, "?2") {
		return "", text
	}
	var from, about strings.Builder
	_, rest, _ := strings.Cut(text, "?")
	for part := range strings.SplitSeq(rest, "?") {
		switch {
		case len(part) < 2:
		case part[:2] >= "20" && part[:2] <= "29", part[:2] >= "60" && part[:2] <= "63":
			about.WriteString(part[2:])
		case part[:2] == "32", part[:2] == "33":
			from.WriteString(part[2:])
		}
	}
	return from.String(), about.String()
}

// codedPart returns the text after a code, up to the next code of capital letters between slashes.
func codedPart(text, code string) string {
	_, rest, found := strings.Cut(text, code)
	if !found {
		return ""
	}
	for i := 0; i < len(rest); i++ {
		if rest[i] != '/' {
			continue
		}
		next, _, more := strings.Cut(rest[i+1:], "/")
		if more && len(next) >= 3 && len(next) <= 5 && strings.Trim(next, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == "" {
			return rest[:i]
		}
	}
	return rest
}
