package statement

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/bounded"
	"github.com/paywatt/paywatt/internal/money"
)

// Parts of CAMT.053 that are read at once. Entries are read detail by detail, because one entry may hold all payments of a day.
type (
	camtAmount struct{ Currency, Value string }
	camtDate   struct{ Day, Moment string }
	camtCode   struct{ Sub, Own string }

	camtBalance struct {
		Code   string
		Amount camtAmount
		Sign   string
		At     camtDate
	}
	camtDetails struct {
		line      int
		Bank      string
		Transfer  string
		EndToEnd  string
		Amount    camtAmount
		OldAmount camtAmount
		Sign      string
		Code      camtCode
		Payer     string
		NewPayer  string
		Texts     []string
		Reference string
		Returned  string
	}
	camtEntry struct {
		line           int
		amount         camtAmount
		sign, reversal string
		status         string
		booked, value  camtDate
		bank           string
		code           camtCode
		details        int
		held           *camtDetails // the first detail: if it stays the only one, its amount is that of the entry
		total          money.Minor  // of the details
	}
)

// page is one statement of a file while it is read.
type page struct {
	b                *book
	currency         money.Currency
	opening, closing *money.Minor
	inter            []money.Minor // balances between the pages of a long statement
	moved            money.Minor
	passed           money.Minor // sum of the rows that were passed on
}

// Limits of a CAMT.053 file, apart from its rows. A payment of a bank that fills in everything has about 40 elements.
const (
	maxElements = 2_100_000 // those of 50,000 payments
	maxDepth    = 32        // elements inside one another; the standard needs 15
	maxTexts    = 500       // of one payment
)

// readCamt reads CAMT.053.
func (b *book) readCamt(file io.Reader) error {
	x := bounded.NewXML(file, bounded.Limits{Elements: maxElements, Depth: maxDepth, Piece: maxLine, Charset: charset})
	seen := false
	for {
		token, err := x.Next()
		if errors.Is(err, io.EOF) {
			if !seen {
				return damaged(0, "the file has no element Stmt: it is not a CAMT.053 statement")
			}
			return nil
		}
		if err != nil {
			return camtFault(x, err)
		}
		if token == bounded.Start && x.Is("Stmt") {
			seen = true
			if err := b.readPage(x); err != nil {
				return err
			}
		}
	}
}

// charset reads files in Latin-1, which some banks send. Files in UTF-16 are decoded before, and a file that only says it is in UTF-16 is read
// as what it is.
func charset(name string, in io.Reader) (io.Reader, error) {
	switch strings.ToLower(name) {
	case "utf-8", "us-ascii", "utf-16", "utf-16le", "utf-16be":
		return in, nil
	case "iso-8859-1", "latin1", "windows-1252":
		return &textReader{in: in}, nil
	}
	return nil, errors.New("the encoding " + clip(name) + " cannot be read")
}

// textReader turns Latin-1 into UTF-8.
type textReader struct {
	in   io.Reader
	rest []byte
}

func (l *textReader) Read(p []byte) (int, error) {
	if len(l.rest) == 0 {
		buf := make([]byte, 512)
		n, err := l.in.Read(buf)
		if n == 0 {
			return 0, err
		}
		for _, c := range buf[:n] {
			l.rest = append(l.rest, string(rune(c))...)
		}
	}
	n := copy(p, l.rest)
	l.rest = l.rest[n:]
	return n, nil
}

// camtFault says where a file is not XML, or beyond a limit.
func camtFault(x *bounded.XML, err error) error {
	if wrong := (*Damaged)(nil); errors.As(err, &wrong) {
		return err
	}
	if wrong := (*bounded.Malformed)(nil); errors.As(err, &wrong) {
		return damaged(wrong.Line, "the file is not XML: %s", clip(wrong.Why))
	}
	if beyond := (*bounded.TooMuch)(nil); errors.As(err, &beyond) {
		return damaged(beyond.Line, "%s", beyond.Error())
	}
	return damaged(x.Line(), "the file cannot be read: %s", clip(err.Error()))
}

// children calls do for each element below the present one, until that ends. It reads each element up to its end.
func children(x *bounded.XML, do func(line int) error) error {
	for top := x.Depth(); ; {
		token, err := x.Next()
		if err != nil {
			return camtFault(x, err)
		}
		switch token {
		case bounded.End:
			if x.Depth() < top {
				return nil
			}
		case bounded.Start:
			if err := do(x.Line()); err != nil {
				return camtFault(x, err)
			}
		}
	}
}

// texts reads the present element up to its end. For each element below, and for the present one with an empty path, it asks where its text
// belongs: the path has the names below the present element, such as Refs>TxId. Of two elements with one place, the last one counts.
func texts(x *bounded.XML, place func(path []byte) *string) error {
	type open struct {
		to          *string
		path, begin int // where the path ends, and where the text begins
	}
	stack := append(make([]open, 0, maxDepth), open{to: place(nil)})
	var path, text []byte
	for total := 0; ; {
		token, err := x.Next()
		if err != nil {
			return camtFault(x, err)
		}
		now := &stack[len(stack)-1]
		switch token {
		case bounded.Start:
			path = path[:now.path]
			if len(path) > 0 {
				path = append(path, '>')
			}
			path = x.AppendName(path)
			stack = append(stack, open{place(path), len(path), len(text)})
		case bounded.Text:
			if now.to == nil {
				continue
			}
			if total += len(x.Text()); total > maxLine {
				return damaged(x.Line(), "the texts of one part of the statement have more than %d bytes", maxLine)
			}
			text = append(text, x.Text()...)
		case bounded.End:
			if now.to != nil {
				*now.to = string(text[now.begin:])
			}
			text = text[:now.begin]
			if stack = stack[:len(stack)-1]; len(stack) == 0 {
				return nil
			}
		}
	}
}

// textOfOne reads the text of an element.
func textOfOne(x *bounded.XML, to *string) error {
	return texts(x, func(path []byte) *string {
		if len(path) == 0 {
			return to
		}
		return nil
	})
}

// readPage reads one Stmt.
func (b *book) readPage(x *bounded.XML) error {
	p := page{b: b}
	line := x.Line()
	if err := b.addPage(line, Page{}); err != nil {
		return err
	}
	err := children(x, func(line int) error {
		switch x.Name() {
		case "Acct":
			var iban, other string
			err := texts(x, func(path []byte) *string {
				switch string(path) {
				case "Id>IBAN":
					return &iban
				case "Id>Othr>Id":
					return &other
				}
				return nil
			})
			b.Account = textOf(iban + other)
			b.page().Account = b.Account
			return err
		case "FrToDt":
			return b.camtPeriod(x)
		case "Bal":
			return p.balance(x, line)
		case "Ntry":
			return p.entry(x, line)
		}
		return x.Skip()
	})
	if err != nil {
		return err
	}
	return p.end(line)
}

// camtPeriod reads the period that a statement states.
func (b *book) camtPeriod(x *bounded.XML) error {
	var first, last camtDate
	err := texts(x, func(path []byte) *string {
		switch string(path) {
		case "FrDtTm":
			return &first.Moment
		case "ToDtTm":
			return &last.Moment
		case "FrDt":
			return &first.Day
		case "ToDt":
			return &last.Day
		}
		return nil
	})
	if err != nil {
		return err
	}
	from, err1 := b.stated(first)
	to, err2 := b.stated(last)
	if err1 == nil && err2 == nil {
		b.states(from, to)
	}
	return nil
}

// place takes the currency of an amount from its element, and returns where the amount belongs.
func (a *camtAmount) place(x *bounded.XML) *string {
	if code := x.Attribute("Ccy"); code != nil {
		a.Currency = string(code)
	}
	return &a.Value
}

// place finds where a part of a date belongs.
func (d *camtDate) place(path []byte) *string {
	switch string(path) {
	case "Dt":
		return &d.Day
	case "DtTm":
		return &d.Moment
	}
	return nil
}

// place finds where a part of a code belongs.
func (c *camtCode) place(path []byte) *string {
	switch string(path) {
	case "Domn>Fmly>SubFmlyCd":
		return &c.Sub
	case "Prtry>Cd":
		return &c.Own
	}
	return nil
}

// balance reads one balance of a statement.
func (p *page) balance(x *bounded.XML, line int) error {
	var b camtBalance
	err := texts(x, func(path []byte) *string {
		switch string(path) {
		case "Tp>CdOrPrtry>Cd":
			return &b.Code
		case "Amt":
			return b.Amount.place(x)
		case "CdtDbtInd":
			return &b.Sign
		}
		if below, ok := bytes.CutPrefix(path, []byte("Dt>")); ok {
			return b.At.place(below)
		}
		return nil
	})
	if err != nil {
		return err
	}
	code := strings.TrimSpace(b.Code)
	if code != "OPBD" && code != "PRCD" && code != "CLBD" && code != "ITBD" {
		return nil
	}
	amount, err := p.amount(line, b.Amount, b.Sign)
	if err != nil {
		return err
	}
	switch code {
	case "OPBD", "PRCD":
		p.opening = &amount
	case "CLBD":
		p.closing = &amount
	default:
		p.inter = append(p.inter, amount)
	}
	if at, err := p.b.stated(b.At); err == nil && code == "CLBD" {
		p.closes(at)
	}
	return nil
}

// closes takes the date of the closing balance. Its time is the end of the statement if that states no period. Midnight stands for the date.
func (p *page) closes(m moment) {
	now := p.b.page()
	if m.dateOnly || isMidnight(m.at) || !now.ends.IsZero() {
		p.b.coversDay(m.at.In(p.b.options.Zone))
		return
	}
	now.ends = p.b.endOf(m)
}

// amount reads an amount with its sign. All amounts of a statement have one currency.
func (p *page) amount(line int, a camtAmount, sign string) (money.Minor, error) {
	c, err := currencyOf(line, a.Currency)
	if err != nil {
		return 0, err
	}
	if p.currency.Code == "" {
		p.currency = c
	}
	if c != p.currency {
		return 0, damaged(line, "an amount is in %s, but the account is in %s", c.Code, p.currency.Code)
	}
	m, err := money.Parse(trimZeros(a.Value, c.Exp), c)
	if err != nil || strings.ContainsAny(a.Value, ", ") {
		return 0, damaged(line, "%q is no amount of %s", clip(a.Value), c.Code)
	}
	switch strings.TrimSpace(sign) {
	case "CRDT":
		return m, nil
	case "DBIT":
		return -m, nil
	}
	return 0, damaged(line, "%q is neither CRDT nor DBIT", clip(sign))
}

// trimZeros removes zeros behind the decimals that the currency has: banks write 5.000 KES.
func trimZeros(value string, exp int) string {
	value = strings.TrimSpace(value)
	at := strings.IndexByte(value, '.')
	if at < 0 {
		return value
	}
	for len(value) > at+1+exp && strings.HasSuffix(value, "0") {
		value = value[:len(value)-1]
	}
	return strings.TrimSuffix(value, ".")
}

// end checks the balances of a statement.
func (p *page) end(line int) error {
	now := p.b.page()
	if n := len(p.inter); n > 0 { // a page of a long statement, or a statement of a part of the day
		if p.opening == nil {
			p.opening, now.beginsWithin = &p.inter[0], true
		}
		if p.closing == nil {
			p.closing, now.endsWithin = &p.inter[n-1], true
		}
	}
	if p.opening == nil || p.closing == nil {
		return damaged(line, "the statement has no opening balance (OPBD) or no closing balance (CLBD)")
	}
	if err := check(line, *p.opening, p.moved, *p.closing, p.currency); err != nil {
		return err
	}
	if !p.b.Balanced {
		p.b.Opening = *p.opening
	}
	p.b.Closing, p.b.Balanced = *p.closing, true
	now.Currency, now.Opening, now.Closing, now.Balanced = p.currency.Code, *p.opening, *p.closing, true
	return nil
}

// entry reads one Ntry.
func (p *page) entry(x *bounded.XML, line int) error {
	n := &camtEntry{line: line}
	err := children(x, func(int) error {
		switch x.Name() {
		case "Amt":
			return textOfOne(x, n.amount.place(x))
		case "CdtDbtInd":
			return textOfOne(x, &n.sign)
		case "RvslInd":
			return textOfOne(x, &n.reversal)
		case "Sts":
			return n.readStatus(x)
		case "BookgDt":
			return texts(x, n.booked.place)
		case "ValDt":
			return texts(x, n.value.place)
		case "AcctSvcrRef":
			return textOfOne(x, &n.bank)
		case "BkTxCd":
			return texts(x, n.code.place)
		case "NtryDtls":
			return p.details(x, n)
		}
		return x.Skip()
	})
	if err != nil || n.pending() {
		if err == nil {
			err = p.b.skip(n.line)
		}
		return err
	}
	return p.finish(n)
}

// readStatus reads the state of an entry, which newer versions wrap in an element Cd.
func (n *camtEntry) readStatus(x *bounded.XML) error {
	var text, code string
	err := texts(x, func(path []byte) *string {
		switch string(path) {
		case "":
			return &text
		case "Cd":
			return &code
		}
		return nil
	})
	n.status = strings.TrimSpace(text) + strings.TrimSpace(code)
	return err
}

// pending reports whether an entry is not booked: it is then in no balance.
func (n *camtEntry) pending() bool {
	return n.status == "PDNG" || n.status == "INFO" || n.status == "FUTR"
}

// details reads the NtryDtls of an entry.
func (p *page) details(x *bounded.XML, n *camtEntry) error {
	return children(x, func(line int) error {
		if !x.Is("TxDtls") {
			return x.Skip()
		}
		t := &camtDetails{line: line}
		if err := t.read(x); err != nil || n.pending() {
			return err
		}
		if n.details++; n.details == 1 {
			n.held = t
			return nil
		}
		if n.held != nil {
			first := n.held
			n.held = nil
			if err := p.detail(n, first); err != nil {
				return err
			}
		}
		return p.detail(n, t)
	})
}

// read reads one TxDtls.
func (t *camtDetails) read(x *bounded.XML) error {
	err := texts(x, func(path []byte) *string {
		switch string(path) {
		case "Refs>AcctSvcrRef":
			return &t.Bank
		case "Refs>TxId":
			return &t.Transfer
		case "Refs>EndToEndId":
			return &t.EndToEnd
		case "Amt":
			return t.Amount.place(x)
		case "AmtDtls>TxAmt>Amt":
			return t.OldAmount.place(x)
		case "CdtDbtInd":
			return &t.Sign
		case "RltdPties>Dbtr>Nm":
			return &t.Payer
		case "RltdPties>Dbtr>Pty>Nm":
			return &t.NewPayer
		case "RmtInf>Ustrd":
			if len(t.Texts) <= maxTexts {
				t.Texts = append(t.Texts, "")
			}
			return &t.Texts[len(t.Texts)-1]
		case "RmtInf>Strd>CdtrRefInf>Ref":
			return &t.Reference
		case "RtrInf>OrgnlBkTxCd>Prtry>Cd":
			return &t.Returned
		}
		if below, ok := bytes.CutPrefix(path, []byte("BkTxCd>")); ok {
			return t.Code.place(below)
		}
		return nil
	})
	if err == nil && len(t.Texts) > maxTexts {
		err = damaged(t.line, "a payment has more than %d texts", maxTexts)
	}
	return err
}

// detail passes on one of several details of an entry.
func (p *page) detail(n *camtEntry, t *camtDetails) error {
	a := t.Amount
	if a.Value == "" {
		a = t.OldAmount
	}
	if a.Value == "" {
		return damaged(t.line, "one of several details of an entry has no amount")
	}
	sign := t.Sign
	if sign == "" {
		sign = n.sign
	}
	amount, err := p.amount(t.line, a, sign)
	if err == nil {
		n.total, err = sum(t.line, n.total, amount)
	}
	if err != nil {
		return err
	}
	return p.row(n, t, amount, Names{Bank: t.Bank}, firstLegacy(t.Bank, t.Transfer))
}

// finish checks an entry, and passes on its only row if it has no details or one.
func (p *page) finish(n *camtEntry) error {
	if n.status != "BOOK" {
		return damaged(n.line, "%q is no state of an entry", clip(n.status))
	}
	amount, err := p.amount(n.line, n.amount, n.sign)
	if err == nil {
		p.moved, err = sum(n.line, p.moved, amount)
	}
	switch {
	case err != nil:
		return err
	case n.details > 1:
		if n.total != amount {
			return damaged(n.line, "the details of an entry add up to %s, but the entry is %s", money.Format(n.total, p.currency), money.Format(amount, p.currency))
		}
		return nil
	}
	t := n.held
	if t == nil {
		t = &camtDetails{line: n.line}
	}
	return p.row(n, t, amount, Names{Bank: t.Bank, Entry: n.bank}, firstLegacy(n.bank, t.Bank, t.Transfer))
}

// firstLegacy returns the text that the first versions took for the name of a row: the first one that is not one of three.
func firstLegacy(names ...string) string {
	for _, name := range names {
		switch name = strings.TrimSpace(name); strings.ToUpper(name) {
		case "", "NOTPROVIDED", "NONREF":
		default:
			return name
		}
	}
	return ""
}

// balanceBefore returns the balance of the account before the entries.
func (p *page) balanceBefore() (money.Minor, bool) {
	switch {
	case p.opening != nil:
		return *p.opening, true
	case len(p.inter) > 0:
		return p.inter[0], true
	}
	return 0, false
}

// row passes a row on.
func (p *page) row(n *camtEntry, t *camtDetails, amount money.Minor, names Names, legacy string) error {
	names[Transfer], names[EndToEnd] = t.Transfer, t.EndToEnd
	date := n.booked
	if date == (camtDate{}) {
		date = n.value
	}
	at, err := p.b.moment(date)
	if err != nil {
		return damaged(n.line, "the entry has no booking date that can be read")
	}
	reference := strings.Join(t.Texts, " ")
	if reference == "" {
		reference = t.Reference
	}
	r := Row{Line: t.line, Legacy: legacy, Names: names, At: at, DateOnly: strings.TrimSpace(date.Moment) == "", Amount: amount, Currency: p.currency.Code, Reference: reference, Payer: t.Payer + t.NewPayer}
	if p.passed, err = sum(t.line, p.passed, amount); err != nil {
		return err
	}
	r.After, r.HasAfter = p.balanceBefore()
	r.After += p.passed
	back := strings.TrimSpace(n.reversal)
	r.Kind = camtKind(amount > 0, back == "true" || back == "1" || t.Returned != "", n.code, t.Code)
	return p.b.add(r)
}

// camtKind says why money moved.
func camtKind(in, back bool, codes ...camtCode) Kind {
	for _, c := range codes {
		switch strings.ToUpper(strings.TrimSpace(c.Sub)) {
		case "CHRG", "FEES", "COMM", "COME", "COMI", "COMT":
			return Fee
		case "RRTN", "RPCR", "PRDD", "UPDD", "RIMB":
			back = true
		}
		own := strings.ToLower(c.Own)
		if strings.Contains(own, "fee") || strings.Contains(own, "charge") && !strings.Contains(own, "back") {
			return Fee
		}
	}
	switch {
	case in && back:
		return Other
	case in:
		return Payment
	case back:
		return Reversal
	}
	return Withdrawal
}

// moment reads a date or a time as one in the zone of the options.
func (b *book) moment(d camtDate) (time.Time, error) {
	m, err := b.stated(d)
	return m.at.In(b.options.Zone), err
}

// stated reads a date or a time; without a zone it is in that of the options. The hour 24 ends a day.
func (b *book) stated(d camtDate) (moment, error) {
	if text := strings.TrimSpace(d.Moment); text != "" {
		text, days := cutHour24(text, "T")
		at, err := time.Parse(time.RFC3339, text)
		if err != nil {
			at, err = time.ParseInLocation("2006-01-02T15:04:05", text, b.options.Zone)
		}
		if days > 0 {
			at = at.AddDate(0, 0, days)
		}
		return moment{at: at}, err
	}
	text := strings.TrimSpace(d.Day)
	if len(text) > len(time.DateOnly) { // 2026-11-20+03:00
		text = text[:len(time.DateOnly)]
	}
	at, err := time.ParseInLocation(time.DateOnly, text, b.options.Zone)
	return moment{at, true}, err
}
