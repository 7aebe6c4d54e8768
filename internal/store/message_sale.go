package store

import (
	"fmt"
	"slices"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/notify"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/vending"
)

// CanTell reports whether a message by a route has a number to go to.
func (tx *Tx) CanTell(meter int64, route string) (bool, error) {
	if route == vending.RouteMeterSMS {
		sim, err := tx.SIMOf(meter)
		return sim != "", err
	}
	to, found, err := tx.addressee(meter)
	return found && to.Phone != "", err
}

// addressee is whom messages about a meter go to.
func (tx *Tx) addressee(meter int64) (to notify.Addressee, found bool, err error) {
	found, err = tx.one(subscriptionQuery+` AND m.n = $2`, func(r Row) error { to.Subscription, to.Phone = scanSubscription(r); return nil }, tx.Tenant, meter)
	if err != nil {
		return to, false, fmt.Errorf("find whom meter %d supplies: %w", meter, err)
	}
	return to, found, nil
}

// TellSale queues the messages that bring a completed sale by a route: a message for each token, those of a key change that
// is out and not confirmed first, or what a recharge came to.
func (tx *Tx) TellSale(s vending.Sale, route string) error {
	to, found, err := tx.addressee(s.Meter.N)
	if err != nil {
		return err
	}
	if !found {
		return nil // the account ended meanwhile: there is nobody to tell
	}
	settings, err := tx.TenantSettings()
	if err != nil {
		return err
	}
	d := notify.Draft{Phone: to.Phone, Lang: to.Lang, Customer: to.Customer, Meter: s.Meter.N, Number: s.Meter.Number, Vend: s.ID, By: s.By,
		Args: notify.Args{Meter: s.Meter.Number, Test: s.Meter.Simulated, Utility: settings.Name, Contact: settings.Receipt.Contact, Currency: s.Tender.Currency,
			Amount: s.Tender.Minor}}
	if route == vending.RouteMeterSMS {
		d.Phone, d.Purpose = to.SIM, notify.PurposeMeter
	} else if s.Recharge() {
		return tx.tellRecharge(d, s)
	}
	tokens := slices.Concat(s.Change, s.Tokens)
	for i, t := range tokens {
		d.Token, d.Args.Units, d.Args.Step, d.Args.Of = t.ID, t.Units, i+1, len(tokens)
		if route == vending.RouteSMS {
			d.Purpose = notify.PurposeOfToken(t, len(tokens), s.Free > 0 && s.Tender.Minor == 0)
		}
		if _, err := notify.Queue(tx, d, tx.Now); err != nil {
			return err
		}
	}
	return nil
}

// TellReversal queues the message that a sale was taken back. It goes to whom the sale was told: a token that lies in a
// telephone does not load any more, or must not. Where nothing of the sale has left for the telephone there is nothing to take
// back there, and where the meter supplies another customer now it is none of theirs.
func (tx *Tx) TellReversal(s vending.Sale) error {
	to, found, err := tx.addressee(s.Meter.N)
	if err != nil || !found {
		return err
	}
	told, err := tx.number(`SELECT COUNT(*) FROM message m JOIN message_try t ON t.tenant_id = m.tenant_id AND t.message_id = m.id
			AND t.outcome IN ('', 'accepted', 'unknown')
		WHERE m.tenant_id = $1 AND m.vend_id = $2 AND m.direction = 'out' AND m.purpose <> $3 AND m.customer_id = $4`,
		tx.Tenant, s.ID, string(notify.PurposeMeter), to.Customer)
	if err != nil {
		return fmt.Errorf("look whether sale %s was told by SMS: %w", s.ID.Text(id.Vend), err)
	}
	if told == 0 {
		return nil
	}
	settings, err := tx.TenantSettings()
	if err != nil {
		return err
	}
	d := notify.Draft{Purpose: notify.PurposeReversal, Phone: to.Phone, Lang: to.Lang, Customer: to.Customer, Meter: s.Meter.N, Number: s.Meter.Number, Vend: s.ID,
		Muted: !to.Notices, Args: notify.Args{Meter: s.Meter.Number, Test: s.Meter.Simulated, Utility: settings.Name, Contact: settings.Receipt.Contact,
			Currency: s.Tender.Currency, Amount: s.Tender.Minor, Units: s.Units}}
	if s.Recharge() {
		d.Purpose = notify.PurposeReversalMoney
		_, available, _, _, err := tx.WalletFigures(s.Meter.N)
		if err != nil {
			return err
		}
		d.Args.Balance = available.Minor
	}
	_, err = notify.Queue(tx, d, tx.Now)
	return err
}

// tellRecharge queues the message of a wallet's recharge.
func (tx *Tx) tellRecharge(d notify.Draft, s vending.Sale) error {
	_, available, _, found, err := tx.WalletFigures(s.Meter.N)
	if err != nil {
		return err
	}
	d.Purpose, d.Args.Press = notify.PurposeRecharge, s.PressKey
	if found {
		d.Args.Balance = available.Minor
	}
	_, err = notify.Queue(tx, d, tx.Now)
	return err
}

// TellToken queues the message that brings a token to the SIM in its meter, for whoever asks for it. One that waits already
// is made due instead. told is false where no number of the SIM is known.
func (tx *Tx) TellToken(m registry.Meter, token id.ID, by string) (message id.ID, told bool, err error) {
	if m.SIM == "" {
		return id.ID{}, false, nil
	}
	waiting, err := tx.messages("look for a message with the token", ` WHERE m.tenant_id = $1 AND m.meter = $2 AND m.purpose = $3 AND m.token_id = $4
		AND m.open = 1 ORDER BY m.id LIMIT 1`+tx.lockOf("m"), tx.Tenant, m.N, string(notify.PurposeMeter), token)
	if err != nil {
		return id.ID{}, false, err
	}
	if len(waiting) > 0 {
		w := waiting[0]
		w.NextAt = tx.Now
		return w.ID, true, tx.MessageHold(w)
	}
	q, err := notify.Queue(tx, notify.Draft{Purpose: notify.PurposeMeter, Phone: m.SIM, Meter: m.N, Number: m.Number, Token: token, By: by}, tx.Now)
	return q.ID, true, err
}
