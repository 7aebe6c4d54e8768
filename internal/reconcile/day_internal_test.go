package reconcile

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/payment"
	"github.com/paywatt/paywatt/internal/statement"
)

// This file is the rule of a day as a table: rows of statements, payments and journals on one side, differences on the other.

// novemberTime reads a time such as 20T23:44.
func novemberTime(t *testing.T, text string) time.Time {
	t.Helper()
	at, err := time.ParseInLocation("2006-01-02T15:04", "2026-11-"+text, nairobiZone())
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// dayOf makes a day from lines such as "row Q1 500 20T11:00 kind=fee after=1500", "paid Q1 500 20T11:00 state=refunded owed=5" and
// "booked Q1 500 20T11:00 returned". A line "stated" says that statements cover 20 November, and "opening 1000" how they say it begins.
func dayOf(t *testing.T, lines []string) Day {
	t.Helper()
	d := Day{From: novemberDay(20), To: novemberDay(21), Elsewhere: map[string]bool{}, BackElsewhere: map[string]bool{}}
	names := map[string]string{}
	for _, line := range lines {
		words := strings.Fields(line)
		var amount money.Minor
		var at time.Time
		if len(words) > 3 {
			if _, err := fmt.Sscan(words[2], (*int64)(&amount)); err != nil {
				t.Fatalf("%q: %v", line, err)
			}
			at = novemberTime(t, words[3])
		}
		switch words[0] {
		case "stated":
			d.Stated = true
		case "opening":
			var opening money.Minor
			_, _ = fmt.Sscan(words[1], (*int64)(&opening))
			d.Opening = &opening
		case "elsewhere":
			d.Elsewhere[words[1]] = true
		case "back-elsewhere":
			d.BackElsewhere[words[1]] = true
		case "row", "waiting", "claim":
			r := dayRow(t, words[1], amount, at, words[4:])
			switch words[0] {
			case "row":
				d.Rows = append(d.Rows, r)
			case "waiting":
				d.Waiting = append(d.Waiting, r)
			default:
				d.Claims = append(d.Claims, r)
			}
		case "paid":
			p := dayPayment(t, words[1], amount, at, words[4:])
			binary.BigEndian.PutUint64(p.ID[8:], uint64(len(d.Payments)+1))
			names[p.Txn] = p.Name()
			d.Payments = append(d.Payments, p)
		case "booked":
			j := Journal{ID: "jrn-" + words[1], Kind: ledger.Payment, Ref: names[words[1]], Amount: amount, At: at}
			if len(words) > 4 {
				j.Kind = ledger.Kind(words[4])
			}
			if j.Ref == "" {
				j.Ref = "pay_unknown"
			}
			d.Journals = append(d.Journals, j)
		default:
			t.Fatalf("unknown line %q", line)
		}
	}
	return d
}

func dayRow(t *testing.T, txn string, amount money.Minor, at time.Time, more []string) Row {
	t.Helper()
	r := Row{Key: txn}
	r.Txn, r.Kind, r.Amount, r.Currency, r.At = txn, statement.Payment, amount, "KES", at
	for _, w := range more {
		what, value, _ := strings.Cut(w, "=")
		switch what {
		case "kind":
			r.Kind = statement.Kind(value)
		case "of":
			r.Kind, r.Of = statement.Reversal, value
		case "cur":
			r.Currency = value
		case "booked":
			r.Booked = true
		case "same":
			r.SameAs = value
		case "payer":
			r.Payer = value
		case "ref":
			r.Reference = value
		case "balance":
			r.Balanced = true
			_, _ = fmt.Sscan(value, (*int64)(&r.Balance))
		default:
			t.Fatalf("unknown word %q", w)
		}
	}
	return r
}

func dayPayment(t *testing.T, txn string, amount money.Minor, at time.Time, more []string) payment.Payment {
	t.Helper()
	p := payment.Payment{Txn: txn, Amount: money.Amount{Minor: amount, Currency: "KES"}, PaidAt: at, ConfirmedAt: at, State: payment.Parked}
	for _, w := range more {
		what, value, _ := strings.Cut(w, "=")
		switch what {
		case "state":
			p.State = payment.State(value)
		case "reason":
			p.Reason = payment.Reason(value)
		case "unconfirmed":
			p.ConfirmedAt = time.Time{}
		case "cur":
			p.Amount.Currency = value
		case "owed":
			_, _ = fmt.Sscan(value, (*int64)(&p.Owed))
		default:
			t.Fatalf("unknown word %q", w)
		}
	}
	return p
}

// asText writes a difference as "kind key stated/paid/booked [note]".
func asText(d Difference) string {
	text := fmt.Sprintf("%s %s %d/%d/%d", d.Kind, d.Key, d.Stated, d.Paid, d.Booked)
	if d.Note != "" {
		text += " [" + d.Note + "]"
	}
	return text
}

func TestWhatADayShows(t *testing.T) {
	otherCurrency := "reason=" + string(payment.OtherCurrency)
	givenBack := "reason=" + string(payment.GivenBack)
	for _, c := range []struct {
		name string
		day  []string
		want []string
	}{
		{name: "all agree", day: []string{"stated", "row Q1 500 20T11:00", "paid Q1 500 20T11:00", "booked Q1 500 20T11:00"}},
		{name: "nothing happened", day: []string{"stated"}},

		// Rows and payments.
		{name: "no payment", day: []string{"stated", "row Q1 500 20T11:00"}, want: []string{"no-payment Q1 500/0/0"}},
		{name: "an unconfirmed payment", day: []string{"stated", "row Q1 500 20T11:00", "paid Q1 500 20T11:00 unconfirmed state=received"}, want: []string{"no-payment Q1 500/500/0 [received]"}},
		{name: "the reason is shown", day: []string{"stated", "row Q1 500 20T11:00", "paid Q1 500 20T11:00 unconfirmed reason=above-ceiling"}, want: []string{"no-payment Q1 500/500/0 [parked: above-ceiling]"}},
		{name: "another amount", day: []string{"stated", "row Q1 700 20T11:00", "paid Q1 500 20T11:00", "booked Q1 500 20T11:00"}, want: []string{"amount Q1 700/500/0"}},
		{name: "another currency", day: []string{"stated", "row Q1 500 20T11:00 cur=UGX", "paid Q1 500 20T11:00", "booked Q1 500 20T11:00"}, want: []string{"currency Q1 500/500/0 [KES]"}},
		{name: "another currency, never confirmed", day: []string{"stated", "row Q1 500 20T11:00", "paid Q1 500 20T11:00 unconfirmed cur=UGX " + otherCurrency}, want: []string{"currency Q1 500/500/0 [UGX]"}},
		{name: "twice in the statement", day: []string{"stated", "row Q1 500 20T11:00", "row Q1 500 20T12:00", "row Q1 500 20T13:00", "paid Q1 500 20T11:00", "booked Q1 500 20T11:00"}, want: []string{"twice Q1 1000/0/0 [payment]"}},
		{name: "once too often in the statement", day: []string{"stated", "row Q1 500 20T11:00", "row Q1 700 20T12:00", "paid Q1 500 20T11:00", "booked Q1 500 20T11:00"}, want: []string{"twice Q1 700/0/0 [payment]"}},
		{name: "a charge has the payment's name", day: []string{"stated", "row Q1 500 20T11:00", "row Q1 -5 20T11:00 kind=fee booked", "paid Q1 500 20T11:00", "booked Q1 500 20T11:00"}},
		{name: "a charge twice", day: []string{"row Q1 -5 20T11:00 kind=fee booked", "row Q1 -5 20T12:00 kind=fee booked"}, want: []string{"twice fee Q1 -5/0/0 [fee]"}},
		{name: "a fee that is not booked", day: []string{"row F1 -5 20T11:00 kind=fee"}, want: []string{"fee F1 -5/0/0"}},
		{name: "other rows are no payments", day: []string{"row W1 -500 20T11:00 kind=withdrawal", "row O1 500 20T11:00 kind=other"}},

		// Payments that the statement does not have.
		{name: "not in the statement", day: []string{"stated", "paid Q1 500 20T11:00", "booked Q1 500 20T11:00"}, want: []string{"not-in-statement Q1 0/500/0 [parked]"}},
		{name: "without a statement nothing is missing", day: []string{"paid Q1 500 20T11:00", "booked Q1 500 20T11:00"}},
		{name: "in the statement of another day", day: []string{"stated", "elsewhere Q1", "paid Q1 500 20T11:00", "booked Q1 500 20T11:00"}},
		{name: "shortly before midnight belongs to the next day", day: []string{"stated", "paid Q1 500 20T23:45", "booked Q1 500 20T23:45"}},
		{name: "a minute earlier does not", day: []string{"stated", "paid Q1 500 20T23:44", "booked Q1 500 20T23:44"}, want: []string{"not-in-statement Q1 0/500/0 [parked]"}},
		{name: "shortly before the day belongs to it", day: []string{"stated", "paid Q1 500 19T23:45", "booked Q1 500 19T23:45"}, want: []string{"not-in-statement Q1 0/500/0 [parked]"}},
		{name: "a minute earlier does not belong", day: []string{"stated", "paid Q1 500 19T23:44", "booked Q1 500 19T23:44"}},
		{name: "an unconfirmed payment is not missing", day: []string{"stated", "paid Q1 500 20T11:00 unconfirmed"}},
		{name: "in another currency it is missing", day: []string{"stated", "paid Q1 500 20T11:00 unconfirmed " + otherCurrency}, want: []string{"not-in-statement Q1 0/500/0 [parked: " + string(payment.OtherCurrency) + "]"}},

		// Payments that were given back.
		{name: "given back before it was confirmed", day: []string{"stated", "row Q1 500 20T11:00", "row R1 -500 20T12:00 of=Q1", "paid Q1 500 20T11:00 unconfirmed state=rejected " + givenBack}},
		{name: "rejected, and its row gives it back", day: []string{"stated", "row Q1 500 20T11:00", "row R1 -500 20T12:00 of=Q1", "paid Q1 500 20T11:00 unconfirmed state=rejected reason=by-person"}},
		{name: "rejected, and no row gives it back", day: []string{"stated", "row Q1 500 20T11:00", "paid Q1 500 20T11:00 unconfirmed state=rejected reason=by-person"}, want: []string{"no-payment Q1 500/500/0 [rejected: by-person]"}},
		{name: "never credited, given back on the day", day: []string{"stated", "row Q1 500 20T11:00", "row R1 -500 20T12:00 of=Q1"}},
		{name: "the row that gives it back stands first", day: []string{"stated", "row R1 -500 20T10:00 of=Q1", "row Q1 500 20T11:00"}},
		{name: "only a fee has the name of what was given back", day: []string{"stated", "row R1 -500 20T10:00 of=Q1", "row Q1 -5 20T11:00 kind=fee booked"}, want: []string{"reversed R1 -500/0/0 [Q1]"}},
		{name: "refunded and in the books", day: []string{"stated", "row Q1 500 20T11:00", "row R1 -500 20T12:00 of=Q1", "paid Q1 500 20T11:00 state=refunded " + givenBack, "booked Q1 500 20T11:00", "booked Q1 -500 20T12:00 returned"}},
		{name: "given back, but used", day: []string{"stated", "row Q1 500 20T11:00", "row R1 -500 20T12:00 of=Q1", "paid Q1 500 20T11:00 state=applied", "booked Q1 500 20T11:00"}, want: []string{"reversed Q1 -500/500/0 [applied]"}},
		{name: "given back, and the customer owes it", day: []string{"stated", "row Q1 500 20T11:00", "row R1 -500 20T12:00 of=Q1", "paid Q1 500 20T11:00 state=applied owed=500", "booked Q1 500 20T11:00", "booked Q1 -500 20T12:00 taken_back"}},
		{name: "given back in two parts, and the customer owes both", day: []string{"stated", "row Q1 500 20T11:00", "row R1 -200 20T12:00 of=Q1", "row R2 -300 20T12:00 of=Q1", "paid Q1 500 20T11:00 state=applied owed=500", "booked Q1 500 20T11:00", "booked Q1 -200 20T12:00 taken_back", "booked Q1 -300 20T12:30 taken_back"}},
		{name: "given back in two parts, and the customer owes one", day: []string{"stated", "row Q1 500 20T11:00", "row R1 -200 20T12:00 of=Q1", "row R2 -300 20T12:00 of=Q1", "paid Q1 500 20T11:00 state=applied owed=499", "booked Q1 500 20T11:00", "booked Q1 -499 20T12:00 taken_back"}, want: []string{"reversed Q1 -500/500/0 [applied]"}},
		{name: "parked, and owed", day: []string{"stated", "row Q1 500 20T11:00", "row R1 -500 20T12:00 of=Q1", "paid Q1 500 20T11:00 owed=500", "booked Q1 500 20T11:00", "booked Q1 -500 20T12:00 taken_back"}, want: []string{"reversed Q1 -500/500/0 [parked]"}},
		{name: "a reversal of an unknown payment", day: []string{"row R1 -500 20T12:00 of=Q9"}, want: []string{"reversed R1 -500/0/0 [Q9]"}},
		{name: "a reversal that names no payment", day: []string{"row R1 -500 20T12:00 kind=reversal"}, want: []string{"reversed R1 -500/0/0"}},
		{name: "the books gave it back, the statement did not", day: []string{"stated", "row Q1 500 20T11:00", "paid Q1 500 20T11:00 state=refunded reason=by-person", "booked Q1 500 20T11:00", "booked Q1 -500 20T12:00 returned"}, want: []string{"not-given-back Q1 0/500/-500 [refunded: by-person]"}},
		{name: "the statement of another day did", day: []string{"stated", "back-elsewhere Q1", "row Q1 500 20T11:00", "paid Q1 500 20T11:00 state=refunded reason=by-person", "booked Q1 500 20T11:00", "booked Q1 -500 20T12:00 returned"}},
		{name: "the books gave it back on another day", day: []string{"stated", "row Q1 500 20T11:00", "paid Q1 500 20T11:00 state=refunded reason=by-person", "booked Q1 500 20T11:00", "booked Q1 -500 21T00:00 returned"}},
		{name: "the books gave it back at midnight", day: []string{"stated", "row Q1 500 20T11:00", "paid Q1 500 20T11:00 state=refunded reason=by-person", "booked Q1 500 20T11:00", "booked Q1 -500 20T00:00 returned"}, want: []string{"not-given-back Q1 0/500/-500 [refunded: by-person]"}},
		{name: "no statement yet", day: []string{"paid Q1 500 20T11:00 state=refunded reason=by-person", "booked Q1 500 20T11:00", "booked Q1 -500 20T12:00 returned"}},
		{name: "the customer owes it, and the statement gave nothing back", day: []string{"stated", "row Q1 500 20T11:00", "paid Q1 500 20T11:00 state=applied owed=500", "booked Q1 500 20T11:00", "booked Q1 -500 20T12:00 taken_back"}, want: []string{"not-given-back Q1 0/500/-500 [applied]"}},

		// Only the books differ.
		{name: "not in the books", day: []string{"stated", "row Q1 500 20T11:00", "paid Q1 500 20T11:00"}, want: []string{"no-journal Q1 0/500/0 [parked]"}},
		{name: "another amount in the books", day: []string{"stated", "row Q1 500 20T11:00", "paid Q1 500 20T11:00", "booked Q1 499 20T11:00"}, want: []string{"journal-amount Q1 0/500/499 [parked]"}},
		{name: "a journal of no payment", day: []string{"stated", "booked Q9 500 20T11:00"}, want: []string{"journal-alone jrn-Q9 0/0/500 [payment]"}},
		{name: "a journal of no payment on another day", day: []string{"stated", "booked Q9 500 21T00:00", "booked Q8 500 19T23:59"}},
		{name: "an unconfirmed payment in the books", day: []string{"stated", "paid Q1 500 20T11:00 unconfirmed state=received", "booked Q1 500 20T11:00"}, want: []string{"journal-amount Q1 0/500/500 [received]"}},
		{name: "the books gave back what nobody did", day: []string{"stated", "row Q1 500 20T11:00", "paid Q1 500 20T11:00", "booked Q1 500 20T11:00", "booked Q1 -500 20T12:00 returned"}, want: []string{"journal-amount Q1 back 0/500/-500 [parked]"}},
		{name: "refunded, but not in the books", day: []string{"stated", "row Q1 500 20T11:00", "row R1 -500 20T12:00 of=Q1", "paid Q1 500 20T11:00 state=refunded", "booked Q1 500 20T11:00"}, want: []string{"no-journal Q1 back 0/500/0 [refunded]"}},
		{name: "refunded with another amount", day: []string{"stated", "row Q1 500 20T11:00", "row R1 -500 20T12:00 of=Q1", "paid Q1 500 20T11:00 state=refunded", "booked Q1 500 20T11:00", "booked Q1 -400 20T12:00 returned"}, want: []string{"journal-amount Q1 back 0/500/-400 [refunded]"}},
		{name: "owed, but not in the books", day: []string{"stated", "row Q1 500 20T11:00", "row R1 -500 20T12:00 of=Q1", "paid Q1 500 20T11:00 state=applied owed=500", "booked Q1 500 20T11:00"}, want: []string{"no-journal Q1 taken back 0/500/0 [applied]"}},
		{name: "a part is owed, but not in the books", day: []string{"stated", "row Q1 500 20T11:00", "row R1 -200 20T12:00 of=Q1", "paid Q1 500 20T11:00 state=applied owed=200", "booked Q1 500 20T11:00"}, want: []string{"no-journal Q1 taken back 0/200/0 [applied]"}},
		{name: "a part is owed with another amount", day: []string{"stated", "row Q1 500 20T11:00", "row R1 -400 20T12:00 of=Q1", "paid Q1 500 20T11:00 state=applied owed=400", "booked Q1 500 20T11:00", "booked Q1 -300 20T12:00 taken_back"}, want: []string{"journal-amount Q1 taken back 0/400/-300 [applied]"}},
		{name: "owed with another amount", day: []string{"stated", "row Q1 500 20T11:00", "row R1 -500 20T12:00 of=Q1", "paid Q1 500 20T11:00 state=applied owed=500", "booked Q1 500 20T11:00", "booked Q1 -300 20T12:00 taken_back"}, want: []string{"journal-amount Q1 taken back 0/500/-300 [applied]"}},
		{name: "not owed, but taken back in the books", day: []string{"stated", "row Q1 500 20T11:00", "row R1 -500 20T12:00 of=Q1", "paid Q1 500 20T11:00 state=refunded", "booked Q1 500 20T11:00", "booked Q1 -500 20T12:00 returned", "booked Q1 -300 20T12:00 taken_back"}, want: []string{"journal-amount Q1 taken back 0/500/-300 [refunded]"}},

		// Balances of rows.
		{name: "balances go on", day: []string{"opening 1000", "row W1 -100 20T11:00 kind=withdrawal balance=900", "row W2 -50 20T12:00 kind=withdrawal balance=850"}},
		{name: "in any order", day: []string{"opening 1000", "row W2 -50 20T11:00 kind=withdrawal balance=850", "row W1 -100 20T11:00 kind=withdrawal balance=900"}},
		{name: "a row is missing", day: []string{"opening 1000", "row W1 -100 20T11:00 kind=withdrawal balance=900", "row W2 -50 20T12:00 kind=withdrawal balance=700"}, want: []string{"gap withdrawal W2 750/0/0"}},
		{name: "a row is missing before the first", day: []string{"opening 1000", "row W1 -100 20T11:00 kind=withdrawal balance=800"}, want: []string{"gap withdrawal W1 900/0/0"}},
		{name: "no statement of the day before", day: []string{"row W1 -100 20T11:00 kind=withdrawal balance=800"}},
		{name: "no statement of the day before, and a row is missing", day: []string{"row W1 -100 20T11:00 kind=withdrawal balance=800", "row W2 -50 20T12:00 kind=withdrawal balance=600"}, want: []string{"gap withdrawal W2 650/0/0"}},
		{name: "two rows of one balance need two", day: []string{"opening 1000", "row W1 100 20T11:00 kind=other balance=1100", "row W2 100 20T12:00 kind=other balance=1100"}, want: []string{"gap other W2 1000/0/0"}},
		{name: "a row that is there twice counts once", day: []string{"opening 1000", "row W1 -100 20T11:00 kind=withdrawal balance=900", "row W1 -100 20T11:00 kind=withdrawal balance=900"}, want: []string{"twice withdrawal W1 -100/0/0 [withdrawal]"}},

		// Rows that wait, and rows of other days.
		{name: "a row waits", day: []string{"paid Q1 500 20T11:00", "booked Q1 500 20T11:00", "waiting X 500 20T12:00 same=Q1 payer=AMINA ref=rent"}, want: []string{"perhaps-same 58 500/500/0 [AMINA · rent]"}},
		{name: "a row waits for a row without a payment", day: []string{"waiting X 500 20T12:00 same=Q9"}, want: []string{"perhaps-same 58 500/0/0"}},
		{name: "a row waits, and says only who paid", day: []string{"waiting X 500 20T12:00 same=Q9 payer=AMINA"}, want: []string{"perhaps-same 58 500/0/0 [AMINA]"}},
		{name: "an earlier day has the name", day: []string{"claim Q1 500 18T11:00", "claim Q1 500 19T11:00", "row Q1 700 20T11:00", "row Q1 700 20T12:00", "paid Q1 500 18T11:00", "booked Q1 500 18T11:00"}, want: []string{"twice Q1 700/0/0 [payment]", "amount Q1 700/500/0", "other-contents Q1 2026-11-20 700/500/0 [2026-11-18]"}},
		{name: "a later day has the name", day: []string{"claim Q1 500 21T11:00", "row Q1 500 20T11:00", "paid Q1 500 20T11:00", "booked Q1 500 20T11:00"}},
		{name: "a fee of an earlier payment", day: []string{"claim Q1 500 19T11:00", "row Q1 -5 20T11:00 kind=fee booked"}},
		{name: "an earlier day has the name, and there is no payment", day: []string{"claim Q1 500 19T11:00", "row Q1 700 20T11:00"}, want: []string{"no-payment Q1 700/0/0", "other-contents Q1 2026-11-20 700/0/0 [2026-11-19]"}},
	} {
		var got []string
		for _, x := range Reconcile(dayOf(t, c.day)) {
			got = append(got, asText(x))
			if x.Kind != JournalAlone && x.Currency == "" || x.At.IsZero() {
				t.Errorf("%s: the difference has no currency or no time: %+v", c.name, x)
			}
		}
		slices.Sort(got)
		slices.Sort(c.want)
		if !slices.Equal(got, c.want) {
			t.Errorf("%s:\n got %q\nwant %q", c.name, got, c.want)
		}
	}
}

// TestHowADayCloses is the balance with which the rows of a day end.
func TestHowADayCloses(t *testing.T) {
	for _, c := range []struct {
		name string
		day  []string
		want string
	}{
		{"no rows", nil, "0 false"},
		{"no balances", []string{"row W1 -100 20T11:00"}, "0 false"},
		{"one row", []string{"row W1 -100 20T11:00 balance=900"}, "900 true"},
		{"two rows", []string{"row W1 -100 20T11:00 balance=900", "row W2 -50 20T12:00 balance=850"}, "850 true"},
		{"two rows in the other order", []string{"row W2 -50 20T11:00 balance=850", "row W1 -100 20T11:00 balance=900"}, "850 true"},
		{"back to a balance of before", []string{"row W1 -100 20T11:00 balance=900", "row W2 100 20T12:00 balance=1000", "row W3 -100 20T13:00 balance=900"}, "900 true"},
		{"a circle has no end", []string{"row W1 -100 20T11:00 balance=900", "row W2 100 20T12:00 balance=1000"}, "0 false"},
	} {
		closing, known := Closing(dayOf(t, c.day).Rows)
		if got := fmt.Sprint(int64(closing), known); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

// TestWhoLooksAfterADifference is the owner and the suggested act of each kind.
func TestWhoLooksAfterADifference(t *testing.T) {
	want := map[Kind]string{
		NoPayment: "accountant check-payment", NotStated: "accountant ask-provider", Amount: "accountant correct-amount", Currency: "accountant correct-amount",
		Reversed: "accountant reverse-sale", NotGivenBack: "accountant give-back", NoJournal: "owner verify", JournalAlone: "owner verify", JournalAmount: "owner verify",
		Twice: "accountant ask-provider", Gap: "accountant wait-for-statement", FeeUnbooked: "accountant settle-fees", UnreadCall: "accountant read-call",
		PerhapsSame: "accountant decide-row", OtherContents: "accountant check-rows", Sums: "accountant check-rows", Balance: "accountant check-rows",
		Contradiction: "accountant ask-provider",
	}
	for _, k := range Kinds() {
		if got := k.Owner() + " " + string(k.Act()); got != want[k] {
			t.Errorf("%s: %s, want %s", k, got, want[k])
		}
		if k.aboutCall() != (k == UnreadCall || k == Contradiction) {
			t.Errorf("%s is about a call, or is not", k)
		}
		delete(want, k)
	}
	if len(want) > 0 {
		t.Errorf("kinds that are not listed: %v", want)
	}
}
