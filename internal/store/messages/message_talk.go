package messages

import (
	"fmt"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/notify"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/store/core"
	"github.com/paywatt/paywatt/internal/store/meters"
	"github.com/paywatt/paywatt/internal/store/people"
)

// MeterBySIM finds the meter whose modem has this number.
func (tx Rows) MeterBySIM(phone string) (registry.Meter, bool, error) {
	if phone == "" {
		return registry.Meter{}, false, nil
	}
	return meters.Of(tx.Tx).MeterWhere(`m.sim_phone = $2`, phone)
}

// SIMOf returns the number of the SIM in a meter's modem, "" for none.
func (tx Rows) SIMOf(meter int64) (string, error) {
	sim := ""
	_, err := tx.One(`SELECT sim_phone FROM meter WHERE tenant_id = $1 AND n = $2`, func(r core.Row) error { sim = r.Text(0); return nil }, tx.Tenant, meter)
	return sim, fault.Wrap(err, "read the SIM of meter %d", meter)
}

// SetSIM stores the number of the SIM in a meter's modem, "" for none. If another meter has the number, it returns ErrConflict.
func (tx Rows) SetSIM(meter id.ID, sim string) error {
	err := tx.Rewrite("meter", meter, func() error {
		return tx.Must(`UPDATE meter SET sim_phone = $1, version = version + 1 WHERE tenant_id = $2 AND id = $3`, sim, tx.Tenant, meter)
	})
	return fault.Wrap(err, "set the SIM of meter %s", meter.Text(id.Meter))
}

// MessageAtMeter finds the head of a meter's queue among the messages that a route has tried. It leaves out a message that the meter has
// rejected and that waits for another day.
func (tx Rows) MessageAtMeter(meter int64, now time.Time) (notify.Message, bool, error) {
	all, err := tx.messages("find the message at a meter", ` WHERE m.tenant_id = $1 AND m.meter = $2 AND m.purpose = $3 AND m.open = 1 AND m.tries > 0
		AND NOT (m.state = 'queued' AND m.answered_at IS NOT NULL AND m.next_at > $4)
		ORDER BY CASE WHEN m.state = 'queued' AND m.owner_until <= $4 THEN 1 ELSE 0 END, m.id LIMIT 1`+tx.LockOf("m"),
		tx.Tenant, meter, string(notify.PurposeMeter), now)
	if err != nil || len(all) == 0 {
		return notify.Message{}, false, err
	}
	return all[0], true, nil
}

// MeterMessages lists the messages to a meter that a route has tried since a moment, newest first. Each has the meter's first reply.
func (tx Rows) MeterMessages(meter int64, since time.Time, max int) ([]notify.MeterMessage, error) {
	var out []notify.MeterMessage
	err := tx.C.Query(`SELECT m.id, m.token_id, m.open, COALESCE((SELECT a.text FROM message a WHERE a.tenant_id = m.tenant_id AND a.meter = m.meter
			AND a.purpose = $1 AND a.answers = m.id AND a.id > m.id ORDER BY a.id LIMIT 1), '')
		FROM message m WHERE m.tenant_id = $2 AND m.meter = $3 AND m.purpose = $4 AND m.created_at >= $5 AND m.tries > 0 ORDER BY m.id DESC LIMIT $6`,
		func(r core.Row) error {
			out = append(out, notify.MeterMessage{ID: r.ID(0), Token: r.ID(1), Open: r.Bool(2), Reply: r.Text(3)})
			return nil
		}, string(notify.PurposeFromMeter), tx.Tenant, meter, string(notify.PurposeMeter), since, max)
	return out, fault.Wrap(err, "list messages to meter %d", meter)
}

// Arrivals lists the texts of messages from a telephone since a moment, newest first.
func (tx Rows) Arrivals(phone string, since time.Time, max int) ([]string, error) {
	var out []string
	err := tx.C.Query(`SELECT text FROM message WHERE tenant_id = $1 AND phone = $2 AND direction = 'in' AND created_at > $3 ORDER BY id DESC LIMIT $4`,
		func(r core.Row) error { out = append(out, r.Text(0)); return nil }, tx.Tenant, phone, since, max)
	return out, fault.Wrap(err, "list messages of a telephone")
}

// AnswersTo lists answers queued to a telephone since a moment, newest first.
func (tx Rows) AnswersTo(phone string, since time.Time, max int) ([]notify.Answer, error) {
	return tx.answers(`m.phone = $2`, phone, since, max)
}

// AnswersAbout lists answers about a meter since a moment, newest first.
func (tx Rows) AnswersAbout(meter int64, since time.Time, max int) ([]notify.Answer, error) {
	return tx.answers(`m.meter = $2`, meter, since, max)
}

func (tx Rows) answers(condition string, of any, since time.Time, max int) ([]notify.Answer, error) {
	var out []notify.Answer
	err := tx.C.Query(`SELECT COALESCE(a.text, ''), m.created_at FROM message m LEFT JOIN message a ON a.tenant_id = m.tenant_id AND a.id = m.answers
		WHERE m.tenant_id = $1 AND `+condition+` AND m.direction = 'out' AND m.answers IS NOT NULL AND m.created_at > $3 ORDER BY m.id DESC LIMIT $4`,
		func(r core.Row) error { out = append(out, notify.Answer{To: r.Text(0), At: r.Time(1)}); return nil }, tx.Tenant, of, since, max)
	return out, fault.Wrap(err, "list answers")
}

// subscriptionQuery reads meters with the customers whom they supply.
const subscriptionQuery = `SELECT c.id, c.lang, c.notices, m.id, m.n, m.number, m.simulated, m.mode, m.sim_phone, c.phone, a.opened_at, m.profile, c.phone_since
	FROM customer c JOIN account a ON a.tenant_id = c.tenant_id AND a.customer_id = c.id AND a.status IN ('open', 'active')
	JOIN meter m ON m.tenant_id = a.tenant_id AND m.account_id = a.id AND m.status NOT IN ` + core.LeftMeters + ` WHERE c.tenant_id = $1`

func scanSubscription(r core.Row) (s notify.Subscription, phone string) {
	return notify.Subscription{Customer: r.ID(0), Lang: r.Text(1), Notices: r.Bool(2), Meter: r.ID(3), N: r.Int(4), Number: r.Text(5),
		Simulated: r.Bool(6), Wallet: registry.Mode(r.Text(7)) == registry.PrepayWallet, SIM: r.Text(8), Since: r.Time(10), Menu: r.Text(11) == ""}, r.Text(9)
}

// Subscriptions lists at most max meters of all customers with a telephone number. Numbers are stored as they were entered, so
// Subscriptions searches for the number with +, with 00 and without a prefix.
func (tx Rows) Subscriptions(phone string, max int) ([]notify.Subscription, error) {
	var out []notify.Subscription
	var since []time.Time
	err := tx.C.Query(subscriptionQuery+` AND c.phone IN ($2, $3, $4) ORDER BY m.n LIMIT $5`, func(r core.Row) error {
		s, _ := scanSubscription(r)
		out, since = append(out, s), append(since, r.Time(12))
		return nil
	}, append(append([]any{tx.Tenant}, people.WrittenForms(phone)...), max)...)
	for i := range out {
		if err == nil {
			var d people.NumberDecision
			d, err = people.Of(tx.Tx).DecideNumber(out[i].Customer, phone, since[i])
			out[i].Unsettled = d.From.After(tx.Now)
		}
	}
	return out, fault.Wrap(err, "find the meters of a telephone")
}

// SetNotices stores whether the customers with a telephone number want warnings.
func (tx Rows) SetNotices(phone string, on bool) error {
	_, err := tx.C.Exec(`UPDATE customer SET notices = $1, version = version + 1 WHERE tenant_id = $2 AND phone IN ($3, $4, $5)`,
		append([]any{on, tx.Tenant}, people.WrittenForms(phone)...)...)
	return fault.Wrap(err, "store whether warnings are wanted")
}

// NoticeTo returns the recipient of a meter's notices; found is false if the meter is unknown or supplies nobody.
func (tx Rows) NoticeTo(number string) (to notify.Addressee, found bool, err error) {
	found, err = tx.One(subscriptionQuery+` AND m.number = $2`, func(r core.Row) error { to.Subscription, to.Phone = scanSubscription(r); return nil }, tx.Tenant, number)
	if err != nil || !found {
		return notify.Addressee{}, false, err
	}
	s, err := people.Of(tx.Tx).TenantSettings()
	to.Utility, to.Contact = s.Name, s.Receipt.Contact
	return to, true, err
}

// QuietHours returns the hours in which warnings wait, and the tenant's time zone in which they apply.
func (tx Rows) QuietHours() (registry.QuietHours, *time.Location, error) {
	s, err := people.Of(tx.Tx).TenantSettings()
	if err != nil {
		return registry.QuietHours{}, nil, err
	}
	zone, err := tx.Zone(s.TZ)
	return s.Quiet, zone, err
}

// ClearAlarmText closes the open alarm with this code and text about a server, and one that an older version stored without a server.
func (tx Rows) ClearAlarmText(server string, code metering.AlarmCode, text string) error {
	_, err := tx.C.Exec(`UPDATE alarm SET cleared_at = $1
		WHERE tenant_id = $2 AND meter = 0 AND code = $3 AND text = $4 AND server IN ($5, '') AND cleared_at IS NULL`,
		tx.Now, tx.Tenant, string(code), text, server)
	return fault.Wrap(err, "clear alarm %s of server %s", code, server)
}

// EndGoneAlarms closes the open alarms about a server with this code that have none of the texts.
func (tx Rows) EndGoneAlarms(server string, code metering.AlarmCode, texts []string) error {
	query := `UPDATE alarm SET cleared_at = $1 WHERE tenant_id = $2 AND meter = 0 AND code = $3 AND server = $4 AND cleared_at IS NULL`
	args := []any{tx.Now, tx.Tenant, string(code), server}
	for _, text := range texts {
		args = append(args, text)
		query += fmt.Sprintf(` AND text <> $%d`, len(args))
	}
	_, err := tx.C.Exec(query, args...)
	return fault.Wrap(err, "end alarms %s of server %s", code, server)
}

// SoldHere reports whether a sale was made to the account that its meter supplies now.
func (tx Rows) SoldHere(sale id.ID) (bool, error) {
	n, err := tx.Number(`SELECT COUNT(*) FROM vend v JOIN meter m ON m.tenant_id = v.tenant_id AND m.n = v.meter AND m.account_id = v.account_id
		WHERE v.tenant_id = $1 AND v.id = $2`, tx.Tenant, sale)
	return n > 0, fault.Wrap(err, "find whose sale %s is", sale.Text(id.Vend))
}

// WalletUsed returns what a wallet meter has used today and yesterday, and what its account has used in today's month.
func (tx Rows) WalletUsed(meter int64, today, yesterday string) (notify.WalletUse, error) {
	var u notify.WalletUse
	rows, err := meters.Of(tx.Tx).WalletOf(meter)
	if err != nil {
		return u, err
	}
	for _, w := range rows {
		if w.Meter.N == meter && w.Started {
			if u.At = w.At; strings.HasPrefix(today, w.Month) {
				u.Month = w.Used
			}
		}
	}
	days, err := meters.Of(tx.Tx).WalletUse(meter, yesterday, today, 2)
	for _, d := range days {
		if d.Day == today {
			u.Today = d.Units
		} else {
			u.Yesterday = d.Units
		}
	}
	return u, err
}

// DeviceWasRead reports whether a value of a meter's unmodified device was ever read.
func (tx Rows) DeviceWasRead(meter int64) (bool, error) {
	b, _, err := meters.Of(tx.Tx).DeviceBinding(meter)
	return !b.ReadAt.IsZero(), err
}

// WalletFigures returns the settled balance and the live estimate of the wallet of a meter's account; found is false for a meter without a
// wallet.
func (tx Rows) WalletFigures(meter int64) (settled, available money.Amount, asOf time.Time, found bool, err error) {
	currency, _, err := tx.Currency()
	if err != nil {
		return settled, available, asOf, false, err
	}
	v, err := meters.Of(tx.Tx).MoneyForMeter(meter, currency)
	if err != nil || v == nil {
		return settled, available, asOf, false, err
	}
	return v.Settled, v.Available, v.AsOf, true, nil
}
