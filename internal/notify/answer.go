package notify

import (
	"strconv"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/id"
)

// question is a telephone's message while it is being answered.
type question struct {
	in        Message
	word      Keyword
	lang      Language
	supported bool // the customer's own language has texts
	mine      []Subscription
	args      Args // values for every answer
	zone      *time.Location
	about     Subscription // the meter in question
}

// answer queues the answer to a message. A registered telephone learns about its own meters, up to the limits of the word's quota. Any
// other telephone gets only a public text, at most MaxHelp times a day.
func (d *Dispatcher) answer(tx Tx, in Message, raw Incoming, mine []Subscription, p *purchase) error {
	if len(in.Phone) <= minPhone || in.Phone[0] != '+' || raw.Missing > 0 {
		return nil // a name or a short code cannot be answered, and an incomplete message is not a question
	}
	now := d.c.Now()
	s, err := tx.Recipients().TenantSettings()
	if err != nil {
		return err
	}
	_, zone, err := tx.QuietHours()
	if err != nil {
		return err
	}
	q := question{in: in, word: ParseKeyword(raw.Text), mine: mine, zone: zone, args: Args{Utility: s.Name, Contact: s.Receipt.Contact, Currency: s.Currency}}
	q.lang, q.supported = LanguageOf(in.Lang)
	if len(mine) == 0 {
		return d.answerStranger(tx, q, p)
	}
	if !q.supported && q.word.HasLanguage {
		q.lang = q.word.Language
	}
	if p != nil && (p.Word == WordBuy || p.redeemed()) {
		return d.bought(tx, q, p)
	}
	today, err := tx.Recipients().AnswersTo(in.Phone, now.Add(-24*time.Hour), maxCounted)
	if err != nil || counted(today, quotaOf(in.Text), time.Time{}) >= MaxPerSenderDay {
		return err
	}
	switch n := counted(today, quotaOf(in.Text), now.Add(-time.Hour)); {
	case n >= MaxPerSender:
		return nil
	case n == MaxPerSender-1:
		return d.reply(tx, q, PurposeLater, q.args)
	}
	if p != nil {
		return d.bought(tx, q, p)
	}
	return d.answerWord(tx, q, now)
}

// answerStranger answers a telephone that is not registered: an order, or else the public text.
func (d *Dispatcher) answerStranger(tx Tx, q question, p *purchase) error {
	if q.word.HasLanguage {
		q.lang = q.word.Language
	}
	if p != nil {
		return d.bought(tx, q, p)
	}
	if spent, err := d.strangerSpent(tx, q.in.Phone, d.c.Now()); err != nil || spent {
		return err
	}
	if _, lacks := q.word.order(q.in.Phone, nil); q.word.Word == WordVoucher && d.c.Shop != nil && lacks != "" {
		q.args.Word = WordVoucher.In(q.lang)
		return d.reply(tx, q, lacks, q.args)
	}
	return d.reply(tx, q, PurposePublic, q.args)
}

// answerWord answers the word of a registered telephone.
func (d *Dispatcher) answerWord(tx Tx, q question, now time.Time) error {
	switch q.word.Word {
	case WordHelp:
		return d.reply(tx, q, PurposeHelp, q.args)
	case WordStop, WordStart:
		on := q.word.Word == WordStart
		if !on && !d.confirms(q.in.Phone, q.word.Number, now) {
			a := q.args
			a.Word = WordStop.In(q.lang) + " " + d.stopCode(q.in.Phone, now)
			return d.reply(tx, q, PurposeStopAsk, a)
		}
		if err := tx.Recipients().SetNotices(q.in.Phone, on); err != nil {
			return err
		}
		if err := tx.Outcomes().AuditLog(d.entry("customer.notices", q.in.Customer.Text(id.Customer), "notices="+strconv.FormatBool(on)+" by SMS")); err != nil {
			return err
		}
		if on {
			return d.reply(tx, q, PurposeStarted, q.args)
		}
		return d.reply(tx, q, PurposeStopped, q.args)
	case WordNotHere:
		a := q.args
		if len(q.mine) == 1 { // with several meters it would be a guess, and a token sent to the wrong meter counts there as a wrong token
			a.SIM = q.mine[0].SIM
		}
		return d.reply(tx, q, PurposeNotHere, a)
	case WordVoucher, WordBuy:
		return d.cannotBuy(tx, q)
	case WordNone:
		return d.reply(tx, q, PurposeUnknown, q.args)
	}
	if no, args := q.pick(); no != "" {
		return d.reply(tx, q, no, args)
	}
	today, err := tx.Recipients().AnswersAbout(q.about.N, now.Add(-24*time.Hour), maxCounted)
	if err != nil || counted(today, quotaOf(q.in.Text), time.Time{}) >= MaxPerMeter {
		return err
	}
	q.args.Meter, q.args.Test = q.about.Number, q.about.Simulated
	switch q.word.Word {
	case WordBalance:
		return d.balance(tx, q)
	case WordLast:
		return d.last(tx, q)
	case WordLink:
		return d.page(tx, q)
	}
	return d.usage(tx, q, now)
}

// pick finds the meter that the customer asks about. It then returns an empty purpose. If it does not find the meter, it returns the
// purpose of the answer to the customer: PurposeChoose or PurposeNotYours.
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
	case number == "" && len(q.mine) == 1:
		q.about = q.mine[0]
		return "", a
	case number == "":
		return PurposeChoose, a
	}
	if n, err := strconv.Atoi(number); err == nil && n >= 1 && n <= len(q.mine) && len(number) <= 2 {
		q.about = q.mine[n-1]
		return "", a
	}
	ends := 0
	for _, s := range q.mine {
		switch {
		case s.Number == number:
			q.about = s
			return "", a
		case len(number) >= meterEnd && strings.HasSuffix(s.Number, number):
			q.about, ends = s, ends+1
		}
	}
	if ends == 1 {
		return "", a
	}
	q.about = Subscription{}
	return PurposeNotYours, a
}

// meterEnd is how many digits at the end of a meter number are enough to identify one of a customer's meters.
const meterEnd = 4

// reply queues one answer.
func (d *Dispatcher) reply(tx Tx, q question, p Purpose, a Args) error {
	return d.replyToken(tx, q, p, a, id.ID{}, id.ID{})
}

func (d *Dispatcher) replyToken(tx Tx, q question, p Purpose, a Args, vend, token id.ID) error {
	customer := q.in.Customer
	if q.about.N != 0 {
		customer = q.about.Customer // several customers may have the same telephone, and the number of only one was changed
	}
	_, err := Queue(tx, Draft{Purpose: p, Args: a, Phone: q.in.Phone, Lang: q.lang.String(), Customer: customer, Meter: q.about.N, Number: q.about.Number,
		Vend: vend, Token: token, Answers: q.in.ID}, d.c.Now())
	return err
}
