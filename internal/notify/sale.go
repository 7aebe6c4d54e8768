package notify

import (
	"slices"
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/sale"
)

// SaleTx is the part of a transaction that messages about a sale need.
type SaleTx interface {
	QueueTx
	// AddresseeOf returns the recipient of messages about a meter; found is false if the meter supplies nobody.
	AddresseeOf(meter int64) (to Addressee, found bool, err error)
	// SIMOf returns the number of the SIM in a meter's modem, "" for none.
	SIMOf(meter int64) (string, error)
	// SaleNotified reports whether a message about a sale was sent to a customer's telephone.
	SaleNotified(sale, customer id.ID) (bool, error)
	TenantSettings() (registry.Settings, error)
	// WalletFigures returns the settled balance of an account's wallet, and the live estimate with its time.
	WalletFigures(meter int64) (settled, available money.Amount, asOf time.Time, found bool, err error)
}

// CanNotify reports whether a message by a route, [sale.RouteSMS] or [sale.RouteMeterSMS], has a number to go to.
func CanNotify(tx SaleTx, meter int64, route string) (bool, error) {
	if route == sale.RouteMeterSMS {
		sim, err := tx.SIMOf(meter)
		return sim != "", err
	}
	to, found, err := tx.AddresseeOf(meter)
	return found && to.Phone != "", err
}

// NotifySale queues the messages of a completed sale: one message for a recharge, otherwise one for each token. The tokens of an
// unconfirmed key change come first.
func NotifySale(tx SaleTx, s sale.Sale, route string, now time.Time) error {
	to, found, err := tx.AddresseeOf(s.Meter.N)
	if err != nil {
		return err
	}
	if !found {
		return nil // the account ended meanwhile: there is no recipient
	}
	settings, err := tx.TenantSettings()
	if err != nil {
		return err
	}
	d := Draft{Phone: to.Phone, Lang: to.Lang, Customer: to.Customer, Meter: s.Meter.N, Number: s.Meter.Number, Vend: s.ID, By: s.By,
		Args: Args{Meter: s.Meter.Number, Test: s.Meter.Simulated, Utility: settings.Name, Contact: settings.Receipt.Contact, Currency: s.Tender.Currency,
			Amount: s.Tender.Minor}}
	if route == sale.RouteMeterSMS {
		d.Phone, d.Purpose = to.SIM, PurposeMeter
	} else if s.Recharge() {
		return tellRecharge(tx, d, s, now)
	}
	tokens := slices.Concat(s.Change, s.Tokens)
	for i, t := range tokens {
		d.Token, d.Args.Units, d.Args.Step, d.Args.Of = t.ID, t.Units, i+1, len(tokens)
		if route == sale.RouteSMS {
			d.Purpose = PurposeOfToken(t, len(tokens), s.Free > 0 && s.Tender.Minor == 0)
		}
		if _, err := Queue(tx, d, now); err != nil {
			return err
		}
	}
	return nil
}

// TextToken queues the message that brings a token to the SIM in its meter, apart from a sale's own messages. It takes the
// customer and the language from the addressee, which is zero for a meter that supplies nobody. The parameter by is the
// actor who sends the message.
func TextToken(tx QueueTx, m registry.Meter, t sale.Token, sim string, to Addressee, by string, now time.Time) (Message, error) {
	return Queue(tx, Draft{Purpose: PurposeMeter, Phone: sim, Customer: to.Customer, Lang: to.Lang, Meter: m.N, Number: m.Number,
		Vend: t.Sale, Token: t.ID, By: by, Args: Args{Meter: m.Number, Test: m.Simulated, Units: t.Units}}, now)
}

// NotifyReversal queues the message that a sale was reversed. It goes to the customer who got the sale's messages: a token in their
// telephone no longer loads, or must not be loaded. It queues nothing if no message of the sale was sent to that telephone, or if
// the meter supplies another customer now.
func NotifyReversal(tx SaleTx, s sale.Sale, now time.Time) error {
	to, found, err := tx.AddresseeOf(s.Meter.N)
	if err != nil || !found {
		return err
	}
	told, err := tx.SaleNotified(s.ID, to.Customer)
	if err != nil || !told {
		return err
	}
	settings, err := tx.TenantSettings()
	if err != nil {
		return err
	}
	d := Draft{Purpose: PurposeReversal, Phone: to.Phone, Lang: to.Lang, Customer: to.Customer, Meter: s.Meter.N, Number: s.Meter.Number, Vend: s.ID,
		Muted: !to.Notices, Args: Args{Meter: s.Meter.Number, Test: s.Meter.Simulated, Utility: settings.Name, Contact: settings.Receipt.Contact,
			Currency: s.Tender.Currency, Amount: s.Tender.Minor, Units: s.Units}}
	if s.Recharge() {
		d.Purpose = PurposeReversalMoney
		_, available, _, _, err := tx.WalletFigures(s.Meter.N)
		if err != nil {
			return err
		}
		d.Args.Balance = available.Minor
	}
	_, err = Queue(tx, d, now)
	return err
}

// NotifyPaymentBack queues the message that the provider of a payment took money back from a customer whom a sale was told to: they will be asked
// to pay again, and should not learn that first at a counter.
func NotifyPaymentBack(tx SaleTx, s sale.Sale, back money.Amount, now time.Time) error {
	to, found, err := tx.AddresseeOf(s.Meter.N)
	if err != nil || !found {
		return err
	}
	told, err := tx.SaleNotified(s.ID, to.Customer)
	if err != nil || !told {
		return err
	}
	settings, err := tx.TenantSettings()
	if err != nil {
		return err
	}
	_, err = Queue(tx, Draft{Purpose: PurposePaymentBack, Phone: to.Phone, Lang: to.Lang, Customer: to.Customer, Meter: s.Meter.N, Number: s.Meter.Number, Vend: s.ID,
		Muted: !to.Notices, Args: Args{Meter: s.Meter.Number, Test: s.Meter.Simulated, Utility: settings.Name, Contact: settings.Receipt.Contact,
			Currency: back.Currency, Amount: back.Minor}}, now)
	return err
}

// tellRecharge queues the message that a wallet was recharged.
func tellRecharge(tx SaleTx, d Draft, s sale.Sale, now time.Time) error {
	_, available, _, found, err := tx.WalletFigures(s.Meter.N)
	if err != nil {
		return err
	}
	d.Purpose, d.Args.Press = PurposeRecharge, s.PressKey
	if found {
		d.Args.Balance = available.Minor
	}
	_, err = Queue(tx, d, now)
	return err
}
