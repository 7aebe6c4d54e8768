package statement

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/money"
)

// Parts of CAMT.053 that are read at once. Entries are read detail by detail, because one entry may hold all payments of a day.
type (
	camtAmount struct {
		Currency string `xml:"Ccy,attr"`
		Value    string `xml:",chardata"`
	}
	camtBalance struct {
		Code   string     `xml:"Tp>CdOrPrtry>Cd"`
		Amount camtAmount `xml:"Amt"`
		Sign   string     `xml:"CdtDbtInd"`
		Day    string     `xml:"Dt>Dt"`
		Moment string     `xml:"Dt>DtTm"`
	}
	camtDate struct {
		Day    string `xml:"Dt"`
		Moment string `xml:"DtTm"`
	}
	camtCode struct {
		Family string `xml:"Domn>Fmly>Cd"`
		Sub    string `xml:"Domn>Fmly>SubFmlyCd"`
		Own    string `xml:"Prtry>Cd"`
	}
	camtDetails struct {
		line      int
		Bank      string     `xml:"Refs>AcctSvcrRef"`
		Transfer  string     `xml:"Refs>TxId"`
		EndToEnd  string     `xml:"Refs>EndToEndId"`
		Amount    camtAmount `xml:"Amt"`
		OldAmount camtAmount `xml:"AmtDtls>TxAmt>Amt"`
		Sign      string     `xml:"CdtDbtInd"`
		Code      camtCode   `xml:"BkTxCd"`
		Payer     string     `xml:"RltdPties>Dbtr>Nm"`
		NewPayer  string     `xml:"RltdPties>Dbtr>Pty>Nm"`
		Texts     []string   `xml:"RmtInf>Ustrd"`
		Reference string     `xml:"RmtInf>Strd>CdtrRefInf>Ref"`
		Returned  string     `xml:"RtrInf>OrgnlBkTxCd>Prtry>Cd"`
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

// readCamt reads CAMT.053.
func (b *book) readCamt(file io.Reader) error {
	d := xml.NewDecoder(file)
	d.CharsetReader = charset
	seen := false
	for {
		t, err := d.Token()
		if errors.Is(err, io.EOF) {
			if !seen {
				return damaged(0, "the file has no element Stmt: it is not a CAMT.053 statement")
			}
			return nil
		}
		if err != nil {
			return camtFault(d, err)
		}
		if e, ok := t.(xml.StartElement); ok && e.Name.Local == "Stmt" {
			seen = true
			if err := b.readPage(d); err != nil {
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

// camtFault says where a file is not XML.
func camtFault(d *xml.Decoder, err error) error {
	line, _ := d.InputPos()
	var syntax *xml.SyntaxError
	if errors.As(err, &syntax) {
		return damaged(syntax.Line, "the file is not XML: %s", clip(syntax.Msg))
	}
	if wrong := (*Damaged)(nil); errors.As(err, &wrong) {
		return err
	}
	return damaged(line, "the file cannot be read: %s", clip(err.Error()))
}

// children calls do for each element below the present one, until that ends.
func children(d *xml.Decoder, do func(xml.StartElement, int) error) error {
	for {
		t, err := d.Token()
		if err != nil {
			return camtFault(d, err)
		}
		switch e := t.(type) {
		case xml.EndElement:
			return nil
		case xml.StartElement:
			line, _ := d.InputPos()
			if err := do(e, line); err != nil {
				return camtFault(d, err)
			}
		}
	}
}

// readPage reads one Stmt.
func (b *book) readPage(d *xml.Decoder) error {
	p := page{b: b}
	b.Pages = append(b.Pages, Page{})
	line, _ := d.InputPos()
	err := children(d, func(e xml.StartElement, line int) error {
		switch e.Name.Local {
		case "Acct":
			var a struct {
				IBAN  string `xml:"Id>IBAN"`
				Other string `xml:"Id>Othr>Id"`
			}
			err := d.DecodeElement(&a, &e)
			b.Account = textOf(a.IBAN + a.Other)
			b.page().Account = b.Account
			return err
		case "FrToDt":
			var span struct{ FrDtTm, ToDtTm, FrDt, ToDt string }
			if err := d.DecodeElement(&span, &e); err != nil {
				return err
			}
			from, err1 := b.stated(camtDate{span.FrDt, span.FrDtTm})
			to, err2 := b.stated(camtDate{span.ToDt, span.ToDtTm})
			if err1 == nil && err2 == nil {
				b.states(from, to)
			}
			return nil
		case "Bal":
			return p.balance(d, e, line)
		case "Ntry":
			return p.entry(d, line)
		}
		return d.Skip()
	})
	if err != nil {
		return err
	}
	return p.end(line)
}

// balance reads one balance of a statement.
func (p *page) balance(d *xml.Decoder, e xml.StartElement, line int) error {
	var b camtBalance
	if err := d.DecodeElement(&b, &e); err != nil {
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
	if at, err := p.b.stated(camtDate{b.Day, b.Moment}); err == nil && code == "CLBD" {
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
func (p *page) entry(d *xml.Decoder, line int) error {
	n := &camtEntry{line: line}
	err := children(d, func(e xml.StartElement, at int) error {
		switch e.Name.Local {
		case "Amt":
			return d.DecodeElement(&n.amount, &e)
		case "CdtDbtInd":
			return d.DecodeElement(&n.sign, &e)
		case "RvslInd":
			return d.DecodeElement(&n.reversal, &e)
		case "Sts":
			var s struct {
				Text string `xml:",chardata"`
				Code string `xml:"Cd"`
			}
			err := d.DecodeElement(&s, &e)
			n.status = strings.TrimSpace(s.Text) + strings.TrimSpace(s.Code)
			return err
		case "BookgDt":
			return d.DecodeElement(&n.booked, &e)
		case "ValDt":
			return d.DecodeElement(&n.value, &e)
		case "AcctSvcrRef":
			return d.DecodeElement(&n.bank, &e)
		case "BkTxCd":
			return d.DecodeElement(&n.code, &e)
		case "NtryDtls":
			return p.details(d, n)
		}
		return d.Skip()
	})
	if err != nil || n.pending() {
		if err == nil {
			p.b.Skipped++
		}
		return err
	}
	return p.finish(n)
}

// pending reports whether an entry is not booked: it is then in no balance.
func (n *camtEntry) pending() bool {
	return n.status == "PDNG" || n.status == "INFO" || n.status == "FUTR"
}

// details reads the NtryDtls of an entry.
func (p *page) details(d *xml.Decoder, n *camtEntry) error {
	return children(d, func(e xml.StartElement, line int) error {
		if e.Name.Local != "TxDtls" {
			return d.Skip()
		}
		t := &camtDetails{line: line}
		if err := d.DecodeElement(t, &e); err != nil || n.pending() {
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
