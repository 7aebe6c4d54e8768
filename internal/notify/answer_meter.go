package notify

import (
	"slices"
	"strconv"
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/localday"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/unit"
)

// balance answers with the balance.
func (d *Dispatcher) balance(tx Tx, q question) error {
	a := q.args
	if q.about.Wallet {
		settled, available, asOf, found, err := tx.Recipients().WalletFigures(q.about.N)
		if err != nil {
			return err
		}
		if !found {
			return d.reply(tx, q, PurposeBalanceUnknown, a)
		}
		a.Settled, a.Balance, a.At, a.Currency = settled.Minor, available.Minor, asOf.In(q.zone), settled.Currency
		if asOf.IsZero() {
			a.At = time.Time{}
			return d.reply(tx, q, PurposeWalletSettled, a)
		}
		return d.reply(tx, q, PurposeWallet, a)
	}
	rec, found, err := tx.Recipients().MeterRecord(q.about.Meter)
	if err != nil {
		return err
	}
	if !found {
		return d.reply(tx, q, PurposeBalanceUnknown, a)
	}
	said, err := rec.Said(tx.Recipients())
	if err != nil {
		return err
	}
	switch {
	case said != nil:
		a.Left, a.At = said.Balance, said.At.In(q.zone)
	case rec.Reported:
		a.Left, a.At = unit.Energy(rec.BalanceWh), rec.AsOf.In(q.zone)
	default:
		return d.reply(tx, q, PurposeBalanceUnknown, a)
	}
	return d.reply(tx, q, PurposeBalance, a)
}

// BalanceReport is the balance that a meter reported by SMS. Nobody can prove who sent it, so it is only shown and decides
// nothing.
type BalanceReport struct {
	Balance unit.Energy
	At      time.Time // when the message came
}

// BalanceSearch is the number of a meter's newest messages that are searched for a balance.
const BalanceSearch = 10

// FromMeter filters the messages that a meter sent.
func FromMeter(meter int64) Filter { return Filter{Meter: meter, Incoming: new(true)} }

// BalanceBySMS returns the newest balance that a meter reported by SMS. Pass the meter's messages, newest first.
func BalanceBySMS(newest []Message) (BalanceReport, bool) {
	for _, m := range newest {
		if t, is := BalanceIn(m); is {
			return t, true
		}
	}
	return BalanceReport{}, false
}

// BalanceIn returns the balance in a message from a meter; false if the message has no balance.
func BalanceIn(m Message) (BalanceReport, bool) {
	if m.Purpose != PurposeFromMeter || m.Failure != "" {
		return BalanceReport{}, false
	}
	r := ParseMeterReply(m.Text)
	return BalanceReport{Balance: r.Balance, At: m.CreatedAt}, r.HasBalance
}

// last sends the tokens of the last sale again, only to the registered telephone, and writes an audit row.
func (d *Dispatcher) last(tx Tx, q question) error {
	a := q.args
	if q.about.Wallet {
		return d.reply(tx, q, PurposeLastWallet, a)
	}
	s, found, err := LastSaleTo(tx.Carried().Bought(), q.about.N)
	if err != nil {
		return err
	}
	return d.tokensAgain(tx, q, s, found)
}

// tokensAgain sends the tokens of a sale again.
func (d *Dispatcher) tokensAgain(tx Tx, q question, s LastSale, found bool) error {
	a := q.args
	if s.Pending {
		return d.reply(tx, q, PurposeLastPending, a)
	}
	s.Tokens = slices.DeleteFunc(s.Tokens, func(t sale.Token) bool { return len(t.Sealed) == 0 || t.State == sale.TokenFailed })
	switch {
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
	return tx.Outcomes().AuditLog(d.entry("token.resent", s.Vend.Text(id.Vend), "by SMS to the registered number, meter="+q.about.Number+" tokens="+strconv.Itoa(len(s.Tokens))))
}

func purposeOfLast(t sale.Token, of int) Purpose {
	switch {
	case t.Class == managementClass && keyChange(t.SubClass):
		return PurposeLastKey
	case of > 1:
		return PurposeLastStep
	}
	return PurposeLast
}

// Limits of an answer about usage.
const (
	usageDays = 7
	// usageReadings is the number of readings of a token meter that are added up, about one in five minutes. usagePage is the number that
	// is read at once, newest first, so that no more readings are read than needed.
	usageReadings = 2000
	usagePage     = 250
)

// usage answers with the energy used. For a wallet this is the use that the server rated. For any other meter the readings of the seven
// days before today are added up.
func (d *Dispatcher) usage(tx Tx, q question, now time.Time) error {
	a := q.args
	rec, found, err := tx.Recipients().MeterRecord(q.about.Meter)
	if err != nil {
		return err
	}
	if q.about.Simulated && found && rec.Reported {
		now = rec.AsOf // a simulated meter has a time of its own
	}
	today := localday.Of(now.In(q.zone))
	since := q.since(found && rec.Reported, rec.AsOf)
	if q.about.Wallet {
		return d.walletUsage(tx, q, today, since)
	}
	yesterday, from := localday.After(today, -1), localday.After(today, -usageDays)
	var u Use
	if since.IsZero() || !localday.Next(since).After(from) { // a part of a week is not reported as a week
		readings, err := readingsSince(tx, q.about.N, from, today)
		if err != nil {
			return err
		}
		u = useOf(readings, from, yesterday)
	}
	switch {
	case u.Measured:
		a.Used, a.Mean, a.Day = u.Total, u.Total/usageDays, u.Yesterday
		return d.reply(tx, q, PurposeUsage, a)
	case q.about.Menu:
		return d.reply(tx, q, PurposeUsageUnknown, a)
	}
	return d.reply(tx, q, PurposeUsageNone, a)
}

// walletUsage answers with the use of today, yesterday and this month, from the account's first day on. On the day when the
// account was opened it counts only the account's own use: the rest is a former occupant's.
func (d *Dispatcher) walletUsage(tx Tx, q question, today, since time.Time) error {
	a, yesterday := q.args, localday.After(today, -1)
	u, err := tx.Recipients().WalletUsed(q.about.N, today.Format(time.DateOnly), yesterday.Format(time.DateOnly))
	if err != nil {
		return err
	}
	if u.At.IsZero() {
		return d.reply(tx, q, PurposeUsageNone, a)
	}
	if !since.IsZero() {
		switch opened := localday.Of(since); {
		case opened.Equal(today):
			u.Today, u.Yesterday = u.Month, 0
		case opened.Equal(yesterday) && opened.Month() == today.Month():
			u.Yesterday = u.Month - u.Today
		}
	}
	a.Today, a.Day, a.Used, a.At = u.Today, u.Yesterday, u.Month, u.At.In(q.zone)
	return d.reply(tx, q, PurposeWalletUsage, a)
}

// since returns the time when the customer's account was opened: earlier use is a former occupant's. It returns the zero time for a
// simulated meter whose own time is before the opening.
func (q question) since(reported bool, asOf time.Time) time.Time {
	if q.about.Since.IsZero() || q.about.Simulated && reported && asOf.Before(q.about.Since) {
		return time.Time{}
	}
	return q.about.Since.In(q.zone)
}

// readingsSince returns a meter's readings between two moments, newest first, with the last reading before them if there is one.
func readingsSince(tx Tx, meter int64, from, to time.Time) (out []metering.StoredReading, err error) {
	var after metering.After
	for len(out) < usageReadings {
		page, err := tx.Recipients().Readings(meter, metering.Span{To: to.Add(time.Nanosecond)}, after, usagePage)
		if err != nil {
			return nil, err
		}
		out = append(out, page...)
		if len(page) < usagePage || !page[len(page)-1].At.After(from) {
			break
		}
		after.Hi = uint64(page[len(page)-1].Row)
	}
	return out, nil
}

// useOf adds up the energy that a meter counted in seven days, and on the last of these days. The two times are the beginning of the seven
// days and the beginning of the last day. If there is no reading in the day before the seven days, useOf returns the zero Use, because a
// part of a week is not reported as a week. Nothing is counted between two device memories.
func useOf(readings []metering.StoredReading, from, yesterday time.Time) (u Use) {
	readings = slices.Clone(readings)
	slices.SortStableFunc(readings, func(a, b metering.StoredReading) int { return a.At.Compare(b.At) })
	for i, r := range readings {
		if !r.At.After(from) {
			u.Measured = r.At.After(localday.After(from, -1))
			continue
		}
		if i == 0 {
			continue
		}
		before := readings[i-1]
		used := unit.Energy(r.RegisterWh - before.RegisterWh)
		if before.Memory != r.Memory || used < 0 {
			continue
		}
		u.Total += used
		if r.At.After(yesterday) {
			u.Yesterday += used
		}
	}
	if !u.Measured {
		return Use{}
	}
	return u
}

// PurposeOfToken returns the purpose of a message with a token. The integer is the number of tokens sent together. If free is true, the
// tokens cost nothing.
func PurposeOfToken(t sale.Token, of int, free bool) Purpose {
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
