package notify

import (
	"strconv"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/vending"
	"github.com/paywatt/paywatt/unit"
)

// question is a message of a telephone while it is answered.
type question struct {
	in    Message
	word  Keyword
	lang  Language
	mine  []Subscription
	args  Args // what every answer may say
	zone  *time.Location
	about Subscription // the meter that is asked about
}

// answer queues what a message is answered with. A registered telephone learns about its own meters; any other is told
// once or twice a day where it has come to, and nothing else.
func (d *Desk) answer(tx Tx, in Message, raw Incoming, mine []Subscription) error {
	if len(in.Phone) == 0 || in.Phone[0] != '+' || raw.Missing > 0 {
		return nil // a name or a short code cannot be answered; half a message is no question
	}
	now := d.c.Now()
	s, err := tx.TenantSettings()
	if err != nil {
		return err
	}
	_, zone, err := tx.QuietHours()
	if err != nil {
		return err
	}
	q := question{in: in, word: ParseKeyword(raw.Text), mine: mine, zone: zone, args: Args{Utility: s.Name, Contact: s.Receipt.Contact, Currency: s.Currency}}
	q.lang, _ = LanguageOf(in.Lang)
	if len(mine) == 0 {
		n, err := tx.AnswersTo(in.Phone, now.Add(-24*time.Hour))
		if err != nil || n >= MaxHelp {
			return err
		}
		if q.word.Known {
			q.lang = q.word.Language
		}
		return d.reply(tx, q, PurposePublic, q.args)
	}
	n, err := tx.AnswersTo(in.Phone, now.Add(-time.Hour))
	switch {
	case err != nil || n >= MaxPerSender:
		return err
	case n == MaxPerSender-1:
		return d.reply(tx, q, PurposeLater, q.args)
	}
	return d.answerWord(tx, q, now)
}

// answerWord answers the word of a registered telephone.
func (d *Desk) answerWord(tx Tx, q question, now time.Time) error {
	switch q.word.Word {
	case WordHelp:
		return d.reply(tx, q, PurposeHelp, q.args)
	case WordStop, WordStart:
		on := q.word.Word == WordStart
		if err := tx.SetNotices(q.in.Phone, on); err != nil {
			return err
		}
		if err := tx.AuditLog(d.entry("customer.notices", q.in.Customer.Text(id.Customer), "notices="+strconv.FormatBool(on)+" by SMS")); err != nil {
			return err
		}
		if on {
			return d.reply(tx, q, PurposeStarted, q.args)
		}
		return d.reply(tx, q, PurposeStopped, q.args)
	case WordNone:
		return d.reply(tx, q, PurposeUnknown, q.args)
	}
	if no, args := q.pick(); no != "" {
		return d.reply(tx, q, no, args)
	}
	n, err := tx.AnswersAbout(q.about.N, now.Add(-24*time.Hour))
	if err != nil || n >= MaxPerMeter {
		return err
	}
	q.args.Meter, q.args.Test = q.about.Number, q.about.Simulated
	switch q.word.Word {
	case WordBalance:
		return d.balance(tx, q)
	case WordLast:
		return d.last(tx, q)
	case WordUsage:
		return d.usage(tx, q, now)
	}
	q.args.SIM = q.about.SIM
	return d.reply(tx, q, PurposeNotHere, q.args)
}

// pick finds the meter that is asked about; else it gives the purpose of the answer that asks for it.
func (q *question) pick() (Purpose, Args) {
	a := q.args
	a.Word = q.word.Word.In(q.lang)
	for _, s := range q.mine {
		a.Meters = append(a.Meters, s.Number)
	}
	if len(a.Meters) > MaxChoices {
		a.More, a.Meters = len(a.Meters)-MaxChoices, a.Meters[:MaxChoices]
	}
	number := q.word.Number
	switch {
	case number == "" && len(q.mine) == 1, q.word.Word == WordNotHere && len(q.mine) > 0:
		q.about = q.mine[0]
		return "", a
	case number == "":
		return PurposeChoose, a
	}
	if n, err := strconv.Atoi(number); err == nil && n >= 1 && n <= len(q.mine) && len(number) <= 2 {
		q.about = q.mine[n-1]
		return "", a
	}
	for _, s := range q.mine {
		if s.Number == number || len(number) >= meterEnd && strings.HasSuffix(s.Number, number) {
			q.about = s
			return "", a
		}
	}
	return PurposeNotYours, a
}

// meterEnd is how many digits at the end of a meter number are enough to name one of a customer's own.
const meterEnd = 4

// reply queues one answer.
func (d *Desk) reply(tx Tx, q question, p Purpose, a Args) error {
	return d.replyToken(tx, q, p, a, id.ID{}, id.ID{})
}

func (d *Desk) replyToken(tx Tx, q question, p Purpose, a Args, vend, token id.ID) error {
	_, err := Queue(tx, Draft{Purpose: p, Args: a, Phone: q.in.Phone, Lang: q.lang.String(), Customer: q.in.Customer, Meter: q.about.N, Number: q.about.Number,
		Vend: vend, Token: token, Answers: q.in.ID}, d.c.Now())
	return err
}

// balance answers what is left.
func (d *Desk) balance(tx Tx, q question) error {
	a := q.args
	if q.about.Wallet {
		settled, available, asOf, found, err := tx.WalletFigures(q.about.N)
		if err != nil {
			return err
		}
		a.Settled, a.Balance, a.At, a.Currency = settled.Minor, available.Minor, asOf.In(q.zone), settled.Currency
		if !found || asOf.IsZero() {
			a.At = time.Time{}
			return d.reply(tx, q, PurposeWalletSettled, a)
		}
		return d.reply(tx, q, PurposeWallet, a)
	}
	rec, found, err := tx.MeterRecord(q.about.Meter)
	if err != nil {
		return err
	}
	if !found || !rec.Reported {
		return d.reply(tx, q, PurposeBalanceUnknown, a)
	}
	a.Left, a.At = unit.Energy(rec.BalanceWh), rec.AsOf.In(q.zone)
	return d.reply(tx, q, PurposeBalance, a)
}

// last sends the tokens of the last sale once more, to the telephone that is registered and to no other.
func (d *Desk) last(tx Tx, q question) error {
	a := q.args
	if q.about.Wallet {
		return d.reply(tx, q, PurposeLastWallet, a)
	}
	s, found, err := tx.LastTokens(q.about.N)
	switch {
	case err != nil:
		return err
	case !found || len(s.Tokens) == 0:
		return d.reply(tx, q, PurposeLastNone, a)
	case s.Reversed:
		return d.reply(tx, q, PurposeLastReversed, a)
	}
	for i, t := range s.Tokens {
		a.Units, a.Amount, a.Currency, a.At, a.Step, a.Of = t.Units, s.Tender.Minor, s.Tender.Currency, s.At.In(q.zone), i+1, len(s.Tokens)
		if err := d.replyToken(tx, q, purposeOfLast(t, len(s.Tokens)), a, s.Vend, t.ID); err != nil {
			return err
		}
	}
	return nil
}

func purposeOfLast(t vending.Token, of int) Purpose {
	switch {
	case t.Class == managementClass && keyChange(t.SubClass):
		return PurposeLastKey
	case of > 1:
		return PurposeLastStep
	}
	return PurposeLast
}

// usage answers what was used in seven days.
func (d *Desk) usage(tx Tx, q question, now time.Time) error {
	a := q.args
	yesterday := now.In(q.zone).AddDate(0, 0, -1)
	u, err := tx.UsedSince(q.about.N, yesterday.AddDate(0, 0, 1-usageDays).Format(time.DateOnly), yesterday.Format(time.DateOnly))
	if err != nil {
		return err
	}
	if !u.Known {
		return d.reply(tx, q, PurposeUsageUnknown, a)
	}
	a.Used, a.Mean, a.Day = u.Total, u.Total/usageDays, u.Yesterday
	return d.reply(tx, q, PurposeUsage, a)
}

const usageDays = 7

// PurposeOfToken is the template that brings a token of a sale of so many, which may be free.
func PurposeOfToken(t vending.Token, of int, free bool) Purpose {
	switch {
	case t.Class == managementClass && keyChange(t.SubClass):
		return PurposeKeyChange
	case of > 1:
		return PurposeTokenStep
	case free:
		return PurposeTokenFree
	}
	return PurposeToken
}
