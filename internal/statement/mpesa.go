package statement

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/money"
)

// Columns of M-Pesa's table, as their headings are compared: small letters without dots and blanks around them.
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
)

// maxPreamble is how many rows may come before the header.
const maxPreamble = 50

// table is the table of M-Pesa while it is read.
type table struct {
	b       *book
	money   money.Currency
	columns map[string]int // nil before the header
	before  int            // rows before the header
}

// readMPesa reads the CSV of M-Pesa's portal: lines about the account, then a table whose header is found by its names.
func (b *book) readMPesa(file io.Reader) error {
	if b.options.Currency == "" {
		b.options.Currency = "KES"
	}
	c, err := currencyOf(0, b.options.Currency)
	if err != nil {
		return err
	}
	in := bufio.NewReader(file)
	if mark, err := in.Peek(3); err == nil && bytes.Equal(mark, []byte("\ufeff")) {
		_, _ = in.Discard(3)
	}
	r := csv.NewReader(in)
	r.FieldsPerRecord, r.ReuseRecord = -1, true
	t := table{b: b, money: c}
	for {
		cells, err := r.Read()
		var wrong *csv.ParseError
		switch {
		case errors.Is(err, io.EOF):
			if t.columns == nil {
				return damaged(0, "no row has the headings Receipt No., Completion Time, Transaction Status, Paid In and Withdrawn")
			}
			return nil
		case errors.As(err, &wrong):
			return damaged(wrong.StartLine, "a quotation mark is open or stands in the wrong place")
		case err != nil:
			return err
		}
		line, _ := r.FieldPos(0)
		if err := t.row(line, cells); err != nil {
			return err
		}
	}
}

// row reads a line of the file.
func (t *table) row(line int, cells []string) error {
	if t.columns != nil {
		return t.booked(line, cells)
	}
	if t.before++; t.before > maxPreamble {
		return damaged(line, "the first %d rows have no headings Receipt No., Completion Time, Transaction Status, Paid In and Withdrawn", maxPreamble)
	}
	names := map[string]int{}
	for i, cell := range cells {
		name := strings.ToLower(strings.Trim(strings.TrimSpace(cell), "."))
		if _, twice := names[name]; twice && name == colReceipt {
			return damaged(line, "the heading Receipt No. stands there twice")
		} else if !twice {
			names[name] = i
		}
	}
	for _, needed := range [...]string{colReceipt, colAt, colState, colIn, colOut} {
		if _, has := names[needed]; !has {
			t.about(cells)
			return nil
		}
	}
	t.columns = names
	t.b.page().Account, t.b.page().Currency = t.b.Account, t.money.Code
	return nil
}

// about reads a line before the header. Of these lines, the account and the days are used.
func (t *table) about(cells []string) {
	if len(cells) < 2 {
		return
	}
	switch value := strings.TrimSpace(cells[1]); strings.ToLower(strings.Trim(strings.TrimSpace(cells[0]), ":")) {
	case "short code", "shortcode":
		t.b.Account = textOf(value)
	case "time period":
		from, to, _ := strings.Cut(strings.TrimPrefix(value, "From "), " To ")
		first, err1 := mpesaTime(strings.TrimSpace(from))
		last, err2 := mpesaTime(strings.TrimSpace(to))
		if err1 == nil && err2 == nil && !last.Before(first) {
			t.b.covers(dayOf(first), dayOf(last).AddDate(0, 0, 1))
		}
	}
}

// booked reads a row of the table. Only completed transactions moved money.
func (t *table) booked(line int, cells []string) error {
	cell := func(column string) string {
		if i, has := t.columns[column]; has && i < len(cells) {
			return strings.TrimSpace(cells[i])
		}
		return ""
	}
	if filled := strings.TrimSpace(strings.Join(cells, "")); filled == "" || cell(colReceipt) == filled { // a blank line, or a remark below the table
		return nil
	}
	if cell(colReceipt) == "" {
		return damaged(line, "the row has no receipt number")
	}
	if state := cell(colState); !strings.EqualFold(state, "completed") {
		if state == "" {
			return damaged(line, "the row has no transaction status: it may be cut off")
		}
		t.b.Skipped++
		return nil
	}
	r := Row{Line: line, Legacy: cell(colReceipt), Names: Names{Own: cell(colReceipt)}, Currency: t.money.Code, Reference: cell(colReference), Payer: cell(colParty)}
	var err error
	if r.At, err = mpesaTime(cell(colAt)); err != nil {
		return damaged(line, "%q is no completion time: write 20-11-2026 14:05:00 or 2026-11-20 14:05:00", clip(cell(colAt)))
	}
	paid, err := t.amount(line, cell(colIn))
	if err != nil {
		return err
	}
	out, err := t.amount(line, cell(colOut))
	switch {
	case err != nil:
		return err
	case paid < 0:
		return damaged(line, "the amount paid in is negative")
	case paid != 0 && out != 0:
		return damaged(line, "the row was paid in and withdrawn")
	case paid == 0 && out == 0:
		t.b.Skipped++
		return nil
	}
	if r.Amount = paid; out != 0 {
		r.Amount = max(out, -out) * -1
	}
	if text := cell(colBalance); text != "" {
		r.Balanced = true
		if r.Balance, err = t.amount(line, text); err != nil {
			return err
		}
		r.After, r.AfterKnown = r.Balance, true
	}
	r.Kind, r.Of = mpesaKind(r.Amount > 0, cell(colReason)+" "+cell(colDetails), cell(colLinked))
	return t.b.add(r)
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
	case in && (has("reversal", "reversed") || linked != ""):
		return Other, ""
	case in:
		return Payment, ""
	case has("reversal", "reversed", "refund", "chargeback") || linked != "":
		return Reversal, linked
	}
	return Withdrawal, ""
}

// amount reads an amount with an optional sign; empty is 0.
func (t *table) amount(line int, text string) (money.Minor, error) {
	if text == "" {
		return 0, nil
	}
	bare, negative := strings.CutPrefix(text, "-")
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
		"02-01-2006", time.DateOnly} {
		if at, err = time.ParseInLocation(layout, text, nairobi()); err == nil {
			return at, nil
		}
	}
	return at, err
}
