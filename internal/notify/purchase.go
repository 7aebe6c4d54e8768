package notify

import (
	"context"
	"slices"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/refusal"
)

// Shop carries out what a message buys. It acts once for the same order, however often it gets it, because a route repeats a message until it is
// stored, and a message is stored only after its order was carried out.
type Shop interface {
	// Redeem redeems a voucher for a meter.
	Redeem(ctx context.Context, t access.Tenant, o Order) (Bought, error)
	// Ask asks the sender's telephone to pay for a meter.
	Ask(ctx context.Context, t access.Tenant, o Order) (Bought, error)
}

// Order is what a message buys.
type Order struct {
	Phone  string // sender
	Meter  string // number
	PIN    access.Secret
	Code   access.Secret // of the voucher's receipt; empty without one
	Amount string        // as typed
}

// Bought is what became of an order.
type Bought struct {
	refusal.Refusal
	Serial   string // of the voucher
	Amount   money.Amount
	Sale     id.ID
	Repeated bool // the same was ordered before: nothing more was done
}

// purchase is an order of a message, and what became of it.
type purchase struct {
	Keyword
	Order
	done Bought
	own  Subscription // the meter, if it is the sender's own
}

// Refused is always false: nothing is written with it.
func (purchase) Refused() bool { return false }

// buys reports whether the word buys.
func (w Word) buys() bool { return w == WordVoucher || w == WordBuy }

// order finds out what a message buys, or which answer says what it lacks. Only the holder of a registered telephone can be asked to pay, because
// anybody can send in a stranger's name. A voucher may come from any telephone: its PIN is what counts. A telephone that was another customer's a moment
// ago buys as a stranger's does.
func (k Keyword) order(phone string, mine []Subscription) (p purchase, lacks Purpose) {
	mine = slices.DeleteFunc(slices.Clone(mine), func(s Subscription) bool { return s.Unsettled })
	p = purchase{Keyword: k, Order: Order{Phone: phone, PIN: k.PIN, Code: k.Code, Amount: k.Amount}}
	switch {
	case k.Word == WordBuy && len(mine) == 0:
		return p, PurposePublic
	case k.Word == WordBuy && k.Amount == "":
		return p, PurposeBuyHow
	case k.Word == WordVoucher && k.PIN.Reveal() == "":
		return p, PurposeVoucherMistyped
	}
	q := question{word: k, mine: mine}
	no, _ := q.pick()
	switch {
	case no == "" && len(mine) > 0:
		p.own, p.Meter = q.about, q.about.Number
	case len(k.Number) >= minMeterDigits: // for somebody else
		p.Meter = k.Number
	case k.Word == WordVoucher:
		return p, PurposeVoucherMeter
	default:
		return p, no
	}
	return p, ""
}

// buy carries out what a message buys, before the message is stored. It returns nil for a message that buys nothing.
func (d *Dispatcher) buy(ctx context.Context, t access.Tenant, in Incoming) (*purchase, error) {
	k := ParseKeyword(in.Text)
	if !k.Word.buys() || d.c.Shop == nil || in.Missing > 0 {
		return nil, nil
	}
	p, err := access.Look(ctx, d.c.Door, t, func(tx Tx) (*purchase, error) { return d.mayBuy(tx, in, k) })
	if err != nil || p == nil {
		return nil, err
	}
	act := d.c.Shop.Redeem
	if k.Word == WordBuy {
		act = d.c.Shop.Ask
	}
	p.done, err = act(ctx, t, p.Order)
	return p, err
}

// mayBuy returns the order of a message that was not seen before and that its sender may send now. A request to be asked to pay buys nothing if it
// would get no answer, or only the answer that it came too often. A voucher is not refused for that: anybody can use up the answers of a telephone by
// sending in its name, and the voucher's own limits of wrong PINs hold.
func (d *Dispatcher) mayBuy(tx Tx, in Incoming, k Keyword) (*purchase, error) {
	now := d.c.Now()
	if known, err := tx.MessageKnown(in.Identity); err != nil || known || len(in.From) <= minPhone || in.From[0] != '+' {
		return nil, err
	}
	if _, ofMeter, err := tx.Recipients().MeterBySIM(in.From); err != nil || ofMeter {
		return nil, err
	}
	mine, err := tx.Recipients().Subscriptions(in.From, maxSubscriptions)
	if err != nil {
		return nil, err
	}
	p, lacks := k.order(in.From, mine)
	if lacks != "" {
		return nil, nil
	}
	if k.Word == WordVoucher {
		return &p, nil
	}
	text := MaskTokens(in.Text)
	if full, err := arrivalsFull(tx, in.From, text, quotaOf, now); err != nil || full {
		return nil, err
	}
	today, err := tx.Recipients().AnswersTo(in.From, now.Add(-24*time.Hour), maxCounted)
	if err != nil || counted(today, quotaOf(text), time.Time{}) >= MaxPerSenderDay || counted(today, quotaOf(text), now.Add(-time.Hour)) >= MaxPerSender-1 {
		return nil, err
	}
	return &p, nil
}

// redeemed reports whether the order used a voucher now. That is always answered; anything else of a voucher only within the sender's quota.
func (p *purchase) redeemed() bool { return !p.done.Refusal.Refused() && !p.done.Repeated }

// bought answers an order that was carried out.
func (d *Dispatcher) bought(tx Tx, q question, p *purchase) error {
	a := q.args
	a.Meter, a.Test, a.Amount, a.Serial = p.Meter, p.own.Simulated, p.done.Amount.Minor, p.done.Serial
	if q.about = p.own; p.done.Amount.Currency != "" {
		a.Currency = p.done.Amount.Currency
	}
	switch {
	case p.done.Refusal.Refused():
		return d.notBought(tx, q, p, a)
	case p.Word == WordBuy && p.done.Repeated:
		return d.reply(tx, q, PurposeBuyWaiting, a)
	case p.Word == WordBuy:
		return d.reply(tx, q, PurposeBuyAsked, a)
	case p.own.Number == "":
		return d.reply(tx, q, PurposeVoucherDone, a)
	case p.done.Repeated:
		return d.boughtBefore(tx, q, p.done.Sale, a)
	}
	return nil // the sale's own message brings the token or the balance
}

// notBought answers an order that was refused. A stranger gets such answers as rarely as the public text.
func (d *Dispatcher) notBought(tx Tx, q question, p *purchase, a Args) error {
	if len(q.mine) == 0 {
		if spent, err := d.strangerSpent(tx, q.in.Phone, d.c.Now()); err != nil || spent {
			return err
		}
	}
	a.Word = p.Word.In(q.lang)
	return d.reply(tx, q, whyNot(p.Word, p.done.Refusal), a)
}

// cannotBuy answers an order of a registered telephone that lacks something.
func (d *Dispatcher) cannotBuy(tx Tx, q question) error {
	if d.c.Shop == nil {
		return d.reply(tx, q, PurposeUnknown, q.args)
	}
	_, lacks := q.word.order(q.in.Phone, q.mine)
	_, a := q.pick()
	if q.word.Word == WordBuy && q.word.Amount != "" {
		a.Word += " " + q.word.Amount
	}
	if lacks == "" {
		return nil // it came too often a moment ago
	}
	return d.reply(tx, q, lacks, a)
}

// whyNot is the answer to a refused order.
func whyNot(w Word, no refusal.Refusal) Purpose {
	switch no.Text {
	case "voucher-not-found":
		return PurposeVoucherWrong
	case "voucher-pin-mistyped", "voucher-code-mistyped":
		return PurposeVoucherMistyped
	case "voucher-used":
		return PurposeVoucherUsed
	case "voucher-ended", "voucher-expired":
		return PurposeVoucherOver
	case "voucher-sale-reversed":
		return PurposeVoucherReversed
	case "voucher-too-many-tries":
		return PurposeVoucherMany
	case "payment-no-requester":
		return PurposeBuyNone
	case "payment-phone-asked", "payment-asked-too-often":
		return PurposeBuyOften
	case "payment-meter-unknown":
		if w == WordVoucher {
			return PurposeVoucherMeter
		}
	}
	if w == WordVoucher {
		return PurposeVoucherLater
	}
	return PurposeBuyRefused
}

// boughtBefore answers a voucher that was redeemed for the same meter before: with the same tokens, or with the balance.
func (d *Dispatcher) boughtBefore(tx Tx, q question, vend id.ID, a Args) error {
	s, found, err := tx.Carried().Bought().VendSale(vend)
	if err != nil || !found {
		return err
	}
	if s.Recharge() {
		_, available, _, _, err := tx.Recipients().WalletFigures(q.about.N)
		if err != nil {
			return err
		}
		a.Balance = available.Minor
		return d.reply(tx, q, PurposeRecharge, a)
	}
	before, here, err := soldBefore(tx.Carried().Bought(), s)
	if err != nil {
		return err
	}
	q.args = a
	return d.tokensAgain(tx, q, before, here)
}
