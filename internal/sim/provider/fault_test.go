package provider_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/sim/provider"
)

// many lets n people pay at the pay bill, a minute apart, and waits for everything.
func (m *merchant) many(n int) {
	m.t.Helper()
	for i := range n {
		if _, err := m.sim.Pay(provider.Order{Provider: provider.Daraja, Amount: int64(1+i%7) * 1000, Reference: fmt.Sprintf("R%d", i), Payer: "254712345126"}); err != nil {
			m.t.Fatal(err)
		}
		m.advance(time.Minute)
	}
	m.advance(24 * time.Hour)
}

// confirmations returns the amounts that were confirmed for each receipt, in the order in which they arrived.
func (m *merchant) confirmations() (amounts map[string][]string, order []string) {
	m.t.Helper()
	amounts = map[string][]string{}
	for _, g := range m.at("/confirm/s3cret") {
		var c struct{ TransID, TransAmount string }
		if err := json.Unmarshal(g.body, &c); err != nil {
			m.t.Fatal(err)
		}
		amounts[c.TransID] = append(amounts[c.TransID], c.TransAmount)
		order = append(order, c.TransID)
	}
	return amounts, order
}

// TestFaultsOfCallbacks: each fault alone does what it says to about its share of 200 payments.
func TestFaultsOfCallbacks(t *testing.T) {
	const n = 200
	for _, c := range []struct {
		name   string
		faults provider.Faults
	}{
		{"none", provider.Faults{}}, {"repeat", provider.Faults{Repeat: 0.2}}, {"reorder", provider.Faults{Reorder: 0.2, ReorderFor: provider.Duration(10 * time.Minute)}},
		{"delay", provider.Faults{Delay: 0.2}}, {"lose", provider.Faults{Lose: 0.2}}, {"alter", provider.Faults{Alter: 0.2}}, {"forge", provider.Faults{Forge: 0.2}},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := newMerchant(t, provider.Config{Seed: 7})
			m.register("Completed")
			if err := m.sim.SetFaults(provider.Daraja, c.faults); err != nil {
				t.Fatal(err)
			}
			m.many(n)
			b := m.sim.Books()
			amounts, order := m.confirmations()
			seen := map[string]int{}
			for i, p := range b.Payments {
				switch got := amounts[p.ID]; {
				case len(got) == 0:
					seen["lose"]++
				case len(got) > 1:
					seen["repeat"]++
				case got[0] != fmt.Sprintf("%d.00", p.Amount/100):
					seen["alter"]++
				}
				if c.name == "reorder" || c.name == "delay" {
					if order[i] != p.ID {
						seen[c.name]++
					}
				}
				delete(amounts, p.ID)
			}
			if seen["forge"] = len(amounts); len(amounts) != len(b.Forged) {
				t.Errorf("%d confirmations of unknown payments, %d forgeries", len(amounts), len(b.Forged))
			}
			st := m.sim.Stats()[provider.Daraja]
			counted := map[string]int{"repeat": st.Repeated, "lose": st.Lost, "alter": st.Altered, "forge": st.Forged}
			for _, name := range []string{"repeat", "lose", "alter", "forge", "reorder", "delay"} {
				share := float64(seen[name]) / n
				if is := name == c.name; is && (share < 0.1 || name != "reorder" && name != "delay" && share > 0.3) || !is && share > 0 {
					t.Errorf("%s: %d of %d payments", name, seen[name], n)
				}
				if w, is := counted[name]; is && w != seen[name] {
					t.Errorf("%s: the statistics say %d, the merchant saw %d", name, w, seen[name])
				}
			}
		})
	}
}

// TestTheSameSeedGivesTheSameFaults, also if one fault more is switched on.
func TestTheSameSeedGivesTheSameFaults(t *testing.T) {
	lost := func(seed uint64, f provider.Faults) string {
		m := newMerchant(t, provider.Config{Seed: seed})
		m.register("Completed")
		if err := m.sim.SetFaults(provider.Daraja, f); err != nil {
			t.Fatal(err)
		}
		m.many(60)
		var out []string
		for _, d := range m.sim.Callbacks(0) {
			if d.Status == 0 {
				out = append(out, d.Payment)
			}
		}
		return strings.Join(out, " ")
	}
	one := lost(1, provider.Faults{Lose: 0.2})
	if again := lost(1, provider.Faults{Lose: 0.2, Repeat: 0.5, Delay: 0.5}); again != one || one == "" {
		t.Errorf("lost %s\nthen %s", one, again)
	}
	if other := lost(2, provider.Faults{Lose: 0.2}); other == one {
		t.Error("another seed loses the same callbacks")
	}
}

// TestForgeriesAreNotInTheBooks: what each kind of forgery has wrong.
func TestForgeriesAreNotInTheBooks(t *testing.T) {
	m := newStripe(t)
	secret := "whsec_" + base64.StdEncoding.EncodeToString([]byte(strings.Repeat("k", 24)))
	for p, e := range map[provider.Provider]provider.Endpoint{provider.Paystack: {URL: m.own + "/paystack"}, provider.Webhook: {URL: m.own + "/hook", Secret: secret}} {
		if err := m.sim.SetEndpoint(p, e); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		kind   string
		signed bool
	}{{provider.ForgeUnknown, true}, {provider.ForgeUnsigned, false}, {provider.ForgeSignature, false}, {provider.ForgeStale, false}} {
		f, err := m.sim.Forge(provider.Stripe, c.kind)
		if err != nil {
			t.Fatal(err)
		}
		m.advance(time.Second)
		all := m.at("/stripe")
		g := all[len(all)-1]
		if stripeSigned(g) != c.signed || !strings.Contains(string(g.body), f.ID) {
			t.Errorf("%s: signature %q over %s", c.kind, g.head.Get("Stripe-Signature"), g.body)
		}
		if status, _ := m.ask("GET", "/stripe/v1/payment_intents/"+f.ID, stripeHead(), nil); status != 404 {
			t.Errorf("%s: the forged payment is known: %d", c.kind, status)
		}
	}
	for _, kind := range []string{provider.ForgeUnsigned, provider.ForgeSignature} {
		for p, path := range map[provider.Provider]string{provider.Paystack: "/paystack", provider.Webhook: "/hook"} {
			if _, err := m.sim.Forge(p, kind); err != nil {
				t.Fatal(err)
			}
			m.advance(time.Second)
			all := m.at(path)
			head := all[len(all)-1].head
			if got := head.Get("x-paystack-signature") + head.Get("webhook-signature"); got == "" != (kind == provider.ForgeUnsigned) {
				t.Errorf("%s %s: signature %q", p, kind, got)
			}
		}
	}
	if _, err := m.sim.Forge(provider.SMS, provider.ForgeSender); err != nil {
		t.Fatal(err)
	}
	m.advance(time.Second)
	if text := m.sim.Texts(0)[0]; text.From == "MPESA" || !strings.Contains(text.Text, "Confirmed") {
		t.Errorf("forged text %+v", text)
	}
	if b := m.sim.Books(); len(b.Payments) != 0 || len(b.Forged) != 9 {
		t.Errorf("books %+v", b)
	}
}

// TestAForgedMoMoCallbackLooksLikeARealOne: it arrives where the last real one did, about a request that nobody made.
func TestAForgedMoMoCallbackLooksLikeARealOne(t *testing.T) {
	m := newMerchant(t, provider.Config{})
	head := m.momoLogin()
	if _, err := m.sim.Forge(provider.MoMo, ""); err == nil {
		t.Error("a forgery without an address")
	}
	m.requestToPay(head, momoID(1), "256772123456")
	m.advance(10 * time.Second)
	f, err := m.sim.Forge(provider.MoMo, "")
	if err != nil {
		t.Fatal(err)
	}
	m.advance(time.Second)
	all := m.at("/momo")
	if len(all) != 2 {
		t.Fatalf("%d callbacks, want 2", len(all))
	}
	want(t, "forgery", object(t, all[1].body), map[string]any{"status": "SUCCESSFUL", "financialTransactionId": f.ID, "amount": "5000", "currency": "EUR", "externalId": "order-1"})
	if f.ID == m.sim.Books().Payments[0].ID {
		t.Error("the forged receipt exists")
	}
}

// TestAForgedPromptNamesAnOpenRequest: its callback says that the prompt was paid, but the provider does not know the receipt.
func TestAForgedPromptNamesAnOpenRequest(t *testing.T) {
	m := newMerchant(t, provider.Config{})
	head := m.register("Completed")
	if err := m.sim.SetBehaviour(provider.Daraja, "*", provider.Behaviour{Do: provider.ActIgnore}); err != nil {
		t.Fatal(err)
	}
	_, out := m.ask("POST", "/daraja/mpesa/stkpush/v1/processrequest", head, stkRequest(m, "254712345126", 250))
	f, err := m.sim.Forge(provider.Daraja, provider.ForgePrompt)
	if err != nil {
		t.Fatal(err)
	}
	m.advance(time.Second)
	body := string(m.at("/stk/s3cret")[0].body)
	if !strings.Contains(body, out["CheckoutRequestID"].(string)) || !strings.Contains(body, f.ID) || !strings.Contains(body, `"ResultCode":0`) {
		t.Errorf("callback %s", body)
	}
	if _, q := m.ask("POST", "/daraja/mpesa/stkpushquery/v1/query", head, map[string]any{"BusinessShortCode": "600000", "CheckoutRequestID": out["CheckoutRequestID"]}); q["ResultCode"] == "0" {
		t.Errorf("query: %v", q)
	}
}

// TestFaultsOfCalls: a busy provider has done nothing, one that fails has done it.
func TestFaultsOfCalls(t *testing.T) {
	m := newMerchant(t, provider.Config{})
	head := m.register("Completed")
	set := func(f provider.Faults) {
		t.Helper()
		if err := m.sim.SetFaults(provider.Daraja, f); err != nil {
			t.Fatal(err)
		}
	}
	push := func(phone string) (int, map[string]any) {
		return m.ask("POST", "/daraja/mpesa/stkpush/v1/processrequest", head, stkRequest(m, phone, 250))
	}
	set(provider.Faults{Busy: 1})
	if status, out := push("254712345001"); status != 500 || out["errorCode"] != "500.003.02" || len(m.sim.Books().Payments) != 0 {
		t.Errorf("busy: %d %v, %d payments", status, out, len(m.sim.Books().Payments))
	}
	set(provider.Faults{Fail: 1})
	if status, out := push("254712345002"); status != 500 || out["errorCode"] != "500.003.1001" || len(m.sim.Books().Payments) != 1 {
		t.Errorf("failed: %d %v, %d payments", status, out, len(m.sim.Books().Payments))
	}
	set(provider.Faults{PerMinute: 3})
	m.advance(time.Minute)
	var answers []int
	for i := range 5 {
		status, _ := push(fmt.Sprintf("25471234510%d", i))
		answers = append(answers, status)
	}
	if fmt.Sprint(answers) != "[200 200 200 429 429]" {
		t.Errorf("answers %v", answers)
	}
	m.advance(time.Minute)
	if status, _ := push("254712345200"); status != 200 {
		t.Errorf("a minute later: %d", status)
	}
	if err := m.sim.ExpireTokens(provider.Daraja); err != nil {
		t.Fatal(err)
	}
	if status, out := push("254712345201"); status != 404 || out["errorCode"] != "404.001.03" {
		t.Errorf("after the tokens expired: %d %v", status, out)
	}
	st := m.sim.Stats()[provider.Daraja]
	if st.Busy != 3 || st.Failed != 1 {
		t.Errorf("stats %+v", st)
	}
	for _, p := range []provider.Provider{provider.MoMo, provider.Stripe, provider.Paystack, provider.Webhook} {
		if err := m.sim.SetFaults(p, provider.Faults{PerMinute: 1}); err != nil {
			t.Fatal(err)
		}
		path := map[provider.Provider]string{provider.MoMo: "/momo/collection/v1_0/requesttopay/x", provider.Stripe: "/stripe/v1/events", provider.Paystack: "/paystack/transaction", provider.Webhook: "/webhook/payments/x"}[p]
		m.ask("GET", path, nil, nil)
		if status, out := m.ask("GET", path, nil, nil); status != 429 {
			t.Errorf("%s: %d %v", p, status, out)
		}
	}
	if err := m.sim.SetFaults(provider.Daraja, provider.Faults{Lose: 1.5}); err == nil {
		t.Error("a share of 1.5 is accepted")
	}
}

// TestALateAnswer: the call is done at once, and answered when the clock has moved on. A client with less patience sees no answer.
func TestALateAnswer(t *testing.T) {
	m := newMerchant(t, provider.Config{})
	head := m.momoLogin()
	if err := m.sim.SetFaults(provider.MoMo, provider.Faults{Late: 1}); err != nil {
		t.Fatal(err)
	}
	ctx, give := context.WithCancel(context.Background())
	first := make(chan error, 1)
	send := func(ctx context.Context, id string, out chan<- error) {
		req, err := http.NewRequestWithContext(ctx, "POST", m.url+"/momo/collection/v1_0/requesttopay",
			strings.NewReader(`{"amount":"10","currency":"UGX","externalId":"x","payer":{"partyIdType":"MSISDN","partyId":"256772123456"}}`))
		if err != nil {
			out <- err
			return
		}
		for k, v := range head {
			req.Header.Set(k, v)
		}
		req.Header.Set("X-Reference-Id", id)
		resp, err := http.DefaultClient.Do(req)
		if err == nil {
			resp.Body.Close()
			if resp.StatusCode != 202 {
				err = fmt.Errorf("status %d", resp.StatusCode)
			}
		}
		out <- err
	}
	go send(ctx, momoID(1), first)
	done := func(n int) { // the call is done before it is answered
		for len(m.sim.Books().Payments) < n {
			runtime.Gosched()
		}
	}
	done(1)
	give()
	if err := <-first; err == nil {
		t.Error("an answer without waiting")
	}
	second := make(chan error, 1)
	go send(context.Background(), momoID(2), second)
	done(2)
	for {
		select {
		case err := <-second:
			if err != nil || m.sim.Now().Sub(start) < time.Minute {
				t.Errorf("after %s: %v", m.sim.Now().Sub(start), err)
			}
			return
		default:
			m.advance(time.Second)
		}
	}
}

// TestEverythingAtOnce is a day at all providers with every fault. The books must still add up.
func TestEverythingAtOnce(t *testing.T) {
	m := newMerchant(t, provider.Config{Seed: 11, FeeBps: 55})
	m.register("Completed")
	f := provider.Faults{Repeat: 0.2, Reorder: 0.1, Delay: 0.1, Lose: 0.05, Alter: 0.02, Forge: 0.02}
	for p, path := range map[provider.Provider]string{provider.Daraja: "/daraja", provider.Stripe: "/stripe", provider.Paystack: "/paystack", provider.Webhook: "/hook", provider.SMS: "/sms"} {
		if err := m.sim.SetFaults(p, f); err != nil {
			t.Fatal(err)
		}
		if err := m.sim.SetEndpoint(p, provider.Endpoint{URL: m.own + path, Secret: stripeSecret}); err != nil {
			t.Fatal(err)
		}
	}
	var sum int64
	for i := range 300 {
		o := provider.Order{Provider: []provider.Provider{provider.Daraja, provider.Webhook, provider.SMS, provider.Bank}[i%4], Amount: int64(i+1) * 100, Payer: "254712345126", Reference: "r"}
		p, err := m.sim.Pay(o)
		if err != nil {
			t.Fatal(err)
		}
		sum += p.Amount
		if i%10 == 0 {
			if p, err = m.sim.Reverse(o.Provider, p.ID); err != nil {
				t.Fatal(err)
			}
			sum -= p.Amount
		}
		m.advance(time.Minute)
	}
	m.advance(100 * time.Hour)
	b := m.sim.Books()
	var kept, fees int64
	for _, x := range b.Totals {
		kept += x.Taken - x.Returned
		fees += x.Fees
		if x.Balance != x.Taken-x.Returned-x.Fees-x.Withdrawn {
			t.Errorf("total %+v", x)
		}
	}
	if kept != sum || fees == 0 || len(b.Forged) == 0 {
		t.Errorf("the books keep %d of %d, %d fees, %d forgeries", kept, sum, fees, len(b.Forged))
	}
	if len(m.at("/daraja")) != 0 {
		t.Error("M-Pesa used an address that was not registered")
	}
}

// TestTheCheckOfTheBooksSees: a mistake in the books is found.
func TestTheCheckOfTheBooksSees(t *testing.T) {
	for name, spoil := range map[string]func(b *provider.Books){
		"balance":   func(b *provider.Books) { b.Entries[1].Balance++ },
		"twice":     func(b *provider.Books) { b.Entries[1].ID = b.Entries[0].ID },
		"amount":    func(b *provider.Books) { b.Payments[0].Amount++ },
		"returned":  func(b *provider.Books) { b.Payments[0].Returned = 5 },
		"forgotten": func(b *provider.Books) { b.Entries[0].N = 9 },
		"forged": func(b *provider.Books) {
			b.Forged = append(b.Forged, provider.Forgery{ID: b.Payments[0].ID, Provider: provider.Bank})
		},
	} {
		s := provider.New(provider.Config{})
		for range 2 {
			if _, err := s.Pay(provider.Order{Provider: provider.Bank, Amount: 100}); err != nil {
				t.Fatal(err)
			}
		}
		b := s.Books()
		if err := b.Check(); err != nil {
			t.Fatal(err)
		}
		if spoil(&b); b.Check() == nil {
			t.Errorf("%s: the mistake is not found", name)
		}
	}
}
