package provider

import (
	"fmt"
	"net/http"
	"slices"
	"time"
)

// The kinds of forgeries.
const (
	ForgeUnknown   = "unknown"         // right in everything, but the payment is in no books
	ForgeUnsigned  = "unsigned"        // the signature is missing
	ForgeSignature = "wrong-signature" // signed with another secret
	ForgeStale     = "stale"           // signed an hour ago
	ForgePrompt    = "prompt"          // M-Pesa: says that an open prompt was paid, with a receipt that does not exist
	ForgeSender    = "sender"          // the text of a payment, from somebody's telephone
)

// forgeries returns the kinds that make sense at a provider.
func forgeries(p Provider) []string {
	switch p {
	case Daraja:
		return []string{ForgeUnknown, ForgePrompt}
	case MoMo, Airtel:
		return []string{ForgeUnknown}
	case Flutterwave:
		return []string{ForgeUnknown, ForgeUnsigned, ForgeSignature}
	case Stripe, Webhook:
		return []string{ForgeUnknown, ForgeUnsigned, ForgeSignature, ForgeStale}
	case Paystack:
		return []string{ForgeUnknown, ForgeUnsigned, ForgeSignature}
	case SMS:
		return []string{ForgeUnknown, ForgeSender}
	}
	return nil
}

// Forge sends a callback about a payment that was never taken, to the address of the provider's real callbacks. With no kind
// the seed chooses one.
func (s *Simulator) Forge(p Provider, kind string) (Forgery, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, err := s.service(p); err != nil {
		return Forgery{}, err
	}
	if kind != "" && !slices.Contains(forgeries(p), kind) {
		return Forgery{}, fmt.Errorf("%s forges %v, not %q: %w", p, forgeries(p), kind, ErrInvalid)
	}
	f, ok := s.forge(p, kind)
	if !ok {
		return Forgery{}, fmt.Errorf("%s has no address to forge for: %w", p, ErrState)
	}
	return f, nil
}

// forge sends a forgery a second from now, and writes it down. The caller holds mu.
func (s *Simulator) forge(p Provider, kind string) (Forgery, bool) {
	kinds := forgeries(p)
	if len(kinds) == 0 {
		return Forgery{}, false
	}
	now := s.now()
	fake := &payment{began: now, Payment: Payment{Provider: p, State: Taken, Amount: 50_000, Currency: "KES", Reference: "04140001001", Payer: "254700000666", Name: "MALLORY M", Account: s.cfg.ShortCode, At: now}}
	like := s.latest(p)
	if like != nil { // the forger knows what a real payment looks like
		fake.Amount, fake.Currency, fake.Reference, fake.Account, fake.buyGoods = like.Amount, like.Currency, like.Reference, like.Account, like.buyGoods
		fake.callback, fake.external = like.callback, like.external
	}
	fake.fields = map[string]any{"metadata": map[string]string{}, "host": "127.0.0.1"}
	fake.intent = s.name("pi_", 24, true)
	if p == Flutterwave {
		fake.intent = s.number(9)
	}
	fake.ID = s.receiptOf(now, fake)
	if kind == "" {
		kind = kinds[s.dice.roll("forge", string(p), fake.ID).IntN(len(kinds))]
	}
	if kind == ForgePrompt && s.openPrompt() == nil {
		kind = ForgeUnknown
	}
	c := s.forgery(now, fake, kind)
	if c.url == "" {
		return Forgery{}, false
	}
	c.provider, c.kind, c.payment, c.fault = p, "forged "+kind, fake.ID, "forge"
	preset(&c.method, http.MethodPost)
	s.push(step{at: now.Add(time.Second), send: &c})
	s.stats[p].Forged++
	f := Forgery{ID: fake.ID, Provider: p, Kind: kind, Amount: fake.Amount, Currency: fake.Currency, At: now}
	s.books.forged = append(s.books.forged, f)
	return f, true
}

// latest returns the newest taken payment of a provider.
func (s *Simulator) latest(p Provider) *payment {
	for _, e := range slices.Backward(s.books.entries) {
		if e.Provider == p && e.Kind == EntryPayment {
			return s.books.byID[p][e.ID]
		}
	}
	return nil
}

// forgery writes the callback of a fake payment.
func (s *Simulator) forgery(now time.Time, fake *payment, kind string) callback {
	end := s.services[fake.Provider].endpoint
	secret, key := end.Secret, s.cfg.Credentials.PaystackKey
	if kind == ForgeSignature {
		secret, key = "whsec_Z3Vlc3NlZA==", "sk_test_guessed"
	}
	c := callback{url: end.URL}
	switch fake.Provider {
	case Daraja:
		return s.darajaForgery(now, fake, kind)
	case MoMo:
		fake.Request = s.uuid()
		return callback{url: fake.callback, body: encode(s.momoBody(fake, fake.Amount))}
	case Stripe:
		fake.Request = s.name("cs_test_", 40, true)
		c.sign = stripeSigner(secret)
		c.body = encode(map[string]any{"id": s.name("evt_", 24, true), "object": "event", "created": now.Unix(), "type": "checkout.session.completed", "livemode": false,
			"data": map[string]any{"object": sessionOf(fake, fake.Amount)}})
	case Paystack:
		fake.Request = s.name("", 10, false)
		c.sign = paystackSigner(key)
		c.body = encode(map[string]any{"event": "charge.success", "data": transactionOf(fake, fake.Amount)})
	case Webhook:
		c.sign = webhookSigner(secret, s.name("msg_", 22, true))
		c.body = webhookBody("payment.taken", now, fake, fake.Amount)
	case Airtel:
		fake.Request = s.number(12)
		c.body = airtelBody(fake, secret)
	case Flutterwave:
		fake.Request = s.name("", 10, false)
		c.sign = flutterwaveSigner(secret)
		c.body = flutterwaveBody(fake, fake.Amount)
	case SMS:
		from := "MPESA"
		if kind == ForgeSender {
			from = "+" + fake.Payer
		}
		return callback{url: "sms:till", local: s.received(from, fake.ID), body: []byte(textOf(fake, fake.Amount, fake.Amount))}
	}
	switch sign := c.sign; kind {
	case ForgeUnsigned:
		c.sign = nil
	case ForgeStale:
		c.sign = func(body []byte, now time.Time) http.Header { return sign(body, now.Add(-time.Hour)) }
	}
	return c
}

// darajaForgery is a confirmation of an unknown payment, or the success of an open prompt.
func (s *Simulator) darajaForgery(now time.Time, fake *payment, kind string) callback {
	if kind == ForgePrompt {
		p := s.openPrompt()
		fake.merchant, fake.Request, fake.Amount, fake.Payer = p.merchant, p.Request, p.Amount, p.Payer
		return callback{url: p.callback, body: stkBody(fake, p.Amount)}
	}
	hook := s.hooks[fake.Account]
	balance := s.books.balance[accountKey{Daraja, "KES"}] + fake.Amount
	return callback{url: hook.confirmation, body: c2bBody(fake, fake.ID, now, fake.Amount, major(balance, "KES"), hook.masked)}
}

// openPrompt returns the newest prompt that nobody answered yet.
func (s *Simulator) openPrompt() *payment {
	for _, p := range slices.Backward(s.books.payments) {
		if p.Provider == Daraja && p.State == Pending && p.merchant != "" {
			return p
		}
	}
	return nil
}
