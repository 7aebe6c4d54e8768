package vending

// A payment may be made up: by whoever knows a provider's secret, or by a forged row of a statement. It is worth most to somebody who works for the
// utility and buys energy with it. So each payment that buys energy for a meter or a telephone that a person of the utility has recorded as their own
// raises an alarm, in the transaction that makes the sale, whichever way the payment came.

import (
	"slices"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/alarmtext"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/sale"
)

// PaidFor is what is known of a payment and of the customer whose energy it buys.
type PaidFor struct {
	Provider string // name of the provider that brought the payment
	Phone    string // telephone number of the customer; empty if there is none
}

// warnOwner raises the alarm about a sale from a payment if the meter, or the telephone of its customer, is recorded as a person's own.
func warnOwner(tx Tx, s sale.Sale, now time.Time) error {
	paid, err := tx.Spending().PaidFor(s.Payment, s.Meter.Number)
	if err != nil {
		return err
	}
	ofMeter, err := access.WhoseOwn(tx.Eyes(), access.OwnMeter, s.Meter.Number, now)
	if err != nil {
		return err
	}
	var ofPhone []access.OwnMark
	if paid.Phone != "" {
		if ofPhone, err = access.WhoseOwn(tx.Eyes(), access.OwnPhone, paid.Phone, now); err != nil {
			return err
		}
	}
	text := ownAlarm(s, paid, ofMeter, ofPhone)
	if text == "" {
		return nil
	}
	return tx.Spending().RaiseOwnAlarm(s.Meter.N, metering.Alarm{Code: metering.AlarmPaymentOwn, Text: text})
}

// ownAlarm returns the text of the alarm; empty for none. It names everybody whose own the meter or the telephone is, and who recorded that: somebody
// may record a meter for somebody else.
func ownAlarm(s sale.Sale, paid PaidFor, ofMeter, ofPhone []access.OwnMark) string {
	name := s.Payment.Text(id.Payment)
	switch {
	case len(ofMeter) > 0:
		who, by := ownNames(append(slices.Clone(ofMeter), ofPhone...))
		return alarmtext.PaymentOwnMeter(name, s.Tender, paid.Provider, s.Meter.Number, who, by)
	case len(ofPhone) > 0:
		who, by := ownNames(ofPhone)
		return alarmtext.PaymentOwnPhone(name, s.Tender, paid.Provider, s.Meter.Number, who, by)
	}
	return ""
}

// ownNames lists the people of some records, and who recorded them.
func ownNames(of []access.OwnMark) (who, by string) {
	var people, recorders []string
	for _, o := range of {
		people, recorders = append(people, o.Name), append(recorders, access.PlainName(o.By))
	}
	list := func(names []string) string {
		slices.Sort(names)
		return strings.Join(slices.Compact(names), ", ")
	}
	return list(people), list(recorders)
}
