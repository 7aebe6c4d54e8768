package provider

import (
	"fmt"
	"strconv"
	"time"
)

// Order is what a payer does at a provider without being asked: a payment at the pay bill, a transfer. With Request it pays an open
// request instead, and its other fields but the provider may be empty.
type Order struct {
	Provider  Provider `json:"provider"`
	Amount    int64    `json:"amount_minor"`
	Currency  string   `json:"currency"`  // default: KES
	Reference string   `json:"reference"` // account number as typed
	Payer     string   `json:"payer"`     // telephone or e-mail
	Name      string   `json:"name"`
	Account   string   `json:"account"` // short code; default: Config.ShortCode
	Request   string   `json:"request"`
}

// Act is what a payer does with a request for a payment.
type Act string

// What payers do.
const (
	ActPay         Act = "pay"
	ActCancel      Act = "cancel"
	ActFunds       Act = "funds"       // too little money
	ActPIN         Act = "pin"         // wrong PIN; a declined card at Stripe and Paystack
	ActLimit       Act = "limit"       // above a limit
	ActUnreachable Act = "unreachable" // the telephone is off
	ActExpire      Act = "expire"      // the time for the answer ends now
	ActLate        Act = "late"        // M-Pesa reports 1037, and takes the payment a minute later all the same
	ActAsync       Act = "async"       // Stripe completes the session unpaid, and takes the payment an hour later
	ActAsyncFail   Act = "async_fail"  // Stripe completes the session unpaid, and the payment fails an hour later
	ActIgnore      Act = "ignore"      // nothing, until the request expires
)

// Behaviour is how a payer answers requests, and how long that takes.
type Behaviour struct {
	Do    Act      `json:"do"`
	After Duration `json:"after"`
}

// times of the providers.
const (
	promptFor    = time.Minute // M-Pesa waits for the PIN
	momoFor      = 5 * time.Minute
	checkoutFor  = 24 * time.Hour
	lateBy       = time.Minute
	asyncBy      = time.Hour
	defaultReply = 5 * time.Second // a payer with a telephone in the hand
)

// SetBehaviour says how a payer answers requests. The payer "*" is everybody without an entry. Without any entry, people pay what
// their telephone asks after five seconds, and leave a checkout page open.
func (s *Simulator) SetBehaviour(p Provider, payer string, b Behaviour) error {
	if !b.Do.known() {
		return fmt.Errorf("do %q: %w", b.Do, ErrInvalid)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	d, err := s.service(p)
	if err == nil {
		d.payers[payer] = b
	}
	return err
}

func (a Act) known() bool {
	switch a {
	case ActPay, ActCancel, ActFunds, ActPIN, ActLimit, ActUnreachable, ActExpire, ActLate, ActAsync, ActAsyncFail, ActIgnore:
		return true
	}
	return false
}

// behaviour returns how somebody answers a request.
func (s *Simulator) behaviour(p Provider, payer string) Behaviour {
	d := s.services[p]
	for _, who := range []string{payer, "*"} {
		if b, ok := d.payers[who]; ok {
			return b
		}
	}
	if p == Daraja || p == MoMo || p == Airtel {
		return Behaviour{ActPay, Duration(defaultReply)}
	}
	return Behaviour{Do: ActIgnore}
}

// Pay lets somebody pay. If M-Pesa has to ask the merchant first, the payment is pending until the answer arrives.
func (s *Simulator) Pay(o Order) (Payment, error) {
	if o.Request != "" {
		return s.Answer(o.Provider, o.Request, ActPay)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, err := s.service(o.Provider); err != nil {
		return Payment{}, err
	}
	preset(&o.Currency, "KES")
	switch {
	case o.Provider == MoMo || o.Provider == Stripe || o.Provider == Paystack || o.Provider == Airtel || o.Provider == Flutterwave:
		return Payment{}, fmt.Errorf("%s takes only what the merchant requested; request: %w", o.Provider, ErrInvalid)
	case o.Amount <= 0:
		return Payment{}, fmt.Errorf("amount_minor %d: %w", o.Amount, ErrInvalid)
	case (o.Provider == Daraja || o.Provider == SMS) && (o.Amount%100 != 0 || o.Currency != "KES"):
		return Payment{}, fmt.Errorf("M-Pesa takes whole shillings (KES), not %s %s: %w", o.Currency, major(o.Amount, o.Currency), ErrInvalid)
	case o.Provider == Daraja && len(o.Reference) > 20:
		return Payment{}, fmt.Errorf("reference %q is longer than 20 characters: %w", o.Reference, ErrInvalid)
	}
	if o.Provider == Daraja || o.Provider == SMS {
		preset(&o.Account, s.cfg.ShortCode)
	}
	now := s.now()
	p := &payment{began: now, Payment: Payment{Provider: o.Provider, State: Pending, Amount: o.Amount, Currency: o.Currency, Reference: o.Reference,
		Payer: o.Payer, Name: o.Name, Account: o.Account, At: now}}
	if err := s.books.open(p); err != nil {
		return Payment{}, err
	}
	if o.Provider == Daraja && s.validate(p) {
		return p.Payment, nil
	}
	s.take(now, p)
	return p.Payment, nil
}

// request opens a payment that the payer has to agree to, and lets the payer answer. The caller holds mu.
func (s *Simulator) request(p *payment, expires time.Duration) error {
	p.began, p.At, p.State = s.now(), s.now(), Pending
	if err := s.books.open(p); err != nil {
		return err
	}
	if b := s.behaviour(p.Provider, p.Payer); b.Do != ActIgnore {
		s.after(time.Duration(b.After), func(now time.Time) { _ = s.resolve(now, p, b.Do) }) // an earlier answer stands
	}
	s.after(expires, func(now time.Time) { _ = s.resolve(now, p, ActExpire) })
	return nil
}

// Answer lets the payer of a request do something now.
func (s *Simulator) Answer(p Provider, request string, do Act) (Payment, error) {
	if !do.known() {
		return Payment{}, fmt.Errorf("do %q: %w", do, ErrInvalid)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, err := s.service(p); err != nil {
		return Payment{}, err
	}
	found, err := s.books.find(p, request)
	if err != nil {
		return Payment{}, err
	}
	err = s.resolve(s.now(), found, do)
	return found.Payment, err
}

// resolve does with an open request what its payer does.
func (s *Simulator) resolve(now time.Time, p *payment, do Act) error {
	if p.State != Pending || p.async || p.answering {
		return fmt.Errorf("payment %s is %s: %w", p.Request, p.State, ErrState)
	}
	switch p.Provider {
	case Daraja:
		s.resolvePrompt(now, p, do)
	case MoMo:
		s.resolveMoMo(now, p, do)
	case Stripe:
		s.resolveSession(now, p, do)
	case Paystack:
		s.resolvePaystack(now, p, do)
	case Airtel:
		s.resolveAirtel(now, p, do)
	case Flutterwave:
		s.resolveFlutterwave(now, p, do)
	}
	return nil
}

// take books a payment and tells the merchant. The caller holds mu.
func (s *Simulator) take(now time.Time, p *payment) {
	p.ID = s.receiptOf(now, p)
	s.books.byID[p.Provider][p.ID] = p
	p.State, p.At, p.Code, p.result = Taken, now, "", ""
	e := s.books.post(now, p.Provider, p.Currency, EntryPayment, p.ID, p.ID, p.Amount)
	if fee, err := feeOf(p.Amount, s.cfg.FeeBps); err == nil && fee > 0 {
		p.Fee = fee
		s.books.post(now, p.Provider, p.Currency, EntryFee, p.ID, p.ID, -fee)
	}
	switch p.Provider {
	case Daraja:
		s.paid[sameAmount(p)] = now
		if s.dice.coin("first", p.ID) { // either may come first
			s.tellPrompt(p)
			s.tellConfirmation(p, e.Balance)
		} else {
			s.tellConfirmation(p, e.Balance)
			s.tellPrompt(p)
		}
	case MoMo:
		s.tellMoMo(p)
	case Stripe:
		s.tellSession(now, p)
	case Paystack:
		s.tellPaystack(p, "charge.success")
	case Webhook:
		s.tellWebhook(p, "payment.taken")
	case SMS:
		s.tellText(now, p, e.Balance)
	case Airtel:
		s.tellAirtel(p)
	case Flutterwave:
		s.tellFlutterwave(p)
	}
}

// refuse ends an open request without money. The caller holds mu.
func (s *Simulator) refuse(p *payment, state State, code, text string) {
	p.State, p.Code, p.result = state, code, text
}

// receiptOf makes the identity under which the provider books a payment.
func (s *Simulator) receiptOf(now time.Time, p *payment) string {
	switch p.Provider {
	case Daraja, SMS:
		return s.dice.receipt(s.next64(), now)
	case MoMo, Paystack:
		return s.number(10)
	case Stripe, Flutterwave:
		return p.intent
	case Airtel:
		return "MP" + now.In(nairobi()).Format("060102.1504.") + "A" + strconv.FormatUint(s.next64(), 10)
	case Bank:
		return s.name("BK", 12, false)
	}
	return s.name("pay_", 16, true)
}

// giveBack moves money of a payment back to the payer; amount 0 is all that is left. The caller holds mu.
func (s *Simulator) giveBack(p *payment, amount int64, kind EntryKind, state State) (Entry, error) {
	left := p.Amount - p.Returned
	if amount == 0 {
		amount = left
	}
	switch {
	case p.State != Taken:
		return Entry{}, fmt.Errorf("payment %s is %s: %w", p.ID, p.State, ErrState)
	case amount < 0 || amount > left:
		return Entry{}, fmt.Errorf("%d is not between 1 and the %d that are left of payment %s: %w", amount, left, p.ID, ErrInvalid)
	}
	now := s.now()
	id := s.receiptOf(now, &payment{Payment: Payment{Provider: p.Provider}, intent: s.name("txn_", 16, true)})
	p.Returned += amount
	if p.Returned == p.Amount {
		p.State = state
	}
	return s.books.post(now, p.Provider, p.Currency, kind, id, p.ID, -amount), nil
}

// change finds a payment, gives money back, and tells the merchant what its provider tells.
func (s *Simulator) change(p Provider, id string, amount int64, kind EntryKind, state State, tell func(p *payment, e Entry)) (Payment, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, err := s.service(p); err != nil {
		return Payment{}, err
	}
	found, err := s.books.find(p, id)
	if err != nil {
		return Payment{}, err
	}
	e, err := s.giveBack(found, amount, kind, state)
	if err != nil {
		return Payment{}, err
	}
	if tell != nil {
		tell(found, e)
	}
	return found.Payment, nil
}

// Reverse lets the operator give a payment back to its payer. M-Pesa, MoMo, the till's telephone and the bank tell the merchant
// nothing: only a query, the balance or the statement shows it. The webhook provider sends payment.reversed.
func (s *Simulator) Reverse(p Provider, id string) (Payment, error) {
	return s.change(p, id, 0, EntryReversal, Reversed, func(found *payment, _ Entry) {
		if p == Webhook {
			s.tellWebhook(found, "payment.reversed")
		}
	})
}

// Refund gives a payment back, or the given part of it, as if the merchant had asked in the provider's dashboard.
func (s *Simulator) Refund(p Provider, id string, amount int64) (Payment, error) {
	return s.change(p, id, amount, EntryRefund, Refunded, func(found *payment, e Entry) { s.tellRefund(found, e, "requested_by_customer") })
}

// tellRefund tells the merchant about a refund. The caller holds mu.
func (s *Simulator) tellRefund(p *payment, e Entry, reason string) {
	switch p.Provider {
	case Stripe:
		s.tellStripeRefund(p, e, reason)
	case Paystack:
		s.tellPaystackRefund(p, e)
	case Webhook:
		s.tellWebhook(p, "payment.refunded")
	}
}

// ChargeBack lets the payer's bank take a payment back. Stripe and Paystack tell the merchant about the dispute.
func (s *Simulator) ChargeBack(p Provider, id string) (Payment, error) {
	return s.change(p, id, 0, EntryChargeback, ChargedBack, func(found *payment, e Entry) {
		switch p {
		case Stripe:
			s.tellDispute(found, e)
		case Paystack:
			s.tellPaystackDispute(found, e)
		case Webhook:
			s.tellWebhook(found, "payment.charged_back")
		}
	})
}

// Withdraw lets the merchant move money to its bank. It leaves the provider's account, and appears in the statement.
func (s *Simulator) Withdraw(p Provider, currency string, amount int64) (Entry, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, err := s.service(p); err != nil {
		return Entry{}, err
	}
	preset(&currency, "KES")
	if have := s.books.balance[accountKey{p, currency}]; amount <= 0 || amount > have {
		return Entry{}, fmt.Errorf("%d is not between 1 and the balance %d: %w", amount, have, ErrInvalid)
	}
	now := s.now()
	id := s.receiptOf(now, &payment{Payment: Payment{Provider: p}, intent: s.name("po_", 16, true)})
	return s.books.post(now, p, currency, EntryWithdrawal, id, "", -amount), nil
}
