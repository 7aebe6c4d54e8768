package shoptest_test

import (
	"context"
	"crypto/sha256"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/proof"
	"github.com/paywatt/paywatt/internal/receipt"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/vending"
	"github.com/paywatt/paywatt/internal/vendor"
)

// TestWhoMayLookAtWhat tries everything that can be read, with and without the right to it.
func TestWhoMayLookAtWhat(t *testing.T) {
	ctx := context.Background()
	s := open(t, true)
	m := s.meter(1, place{tariff: s.publish("domestic", flat(), monday())})
	corner, other := s.vendor(vendor.NewVendor{}), s.vendor(vendor.NewVendor{})
	s.payIn(corner, 30000, "slip 1")
	sold := s.sellAs(clerk(corner), order(m, 10000, "key-number-1")).Sale
	name := sold.ID.Text(id.Vend)
	asks := map[string]func(by access.Actor, sale string) (refusal.Code, error){
		"sale": func(by access.Actor, sale string) (refusal.Code, error) {
			v, err := s.Sale(ctx, by, sale)
			return v.Code, err
		},
		"receipt": func(by access.Actor, sale string) (refusal.Code, error) {
			v, err := s.Receipt(ctx, by, sale)
			return v.Code, err
		},
		"credit note": func(by access.Actor, sale string) (refusal.Code, error) {
			v, err := s.CreditNote(ctx, by, sale)
			return v.Code, err
		},
		"copy": func(by access.Actor, sale string) (refusal.Code, error) {
			v, err := s.Reprint(ctx, by, sale)
			return v.Code, err
		},
		"explanation": func(by access.Actor, sale string) (refusal.Code, error) {
			v, err := s.Explain(ctx, by, sale)
			return v.Code, err
		},
		"reversal": func(by access.Actor, sale string) (refusal.Code, error) {
			v, err := s.Reversal(ctx, by, sale)
			return v.Code, err
		},
		"proof": func(by access.Actor, sale string) (refusal.Code, error) {
			v, err := s.Proof(ctx, by, sale, 0)
			return v.Code, err
		},
	}
	const none, hidden = refusal.VendNotFound, refusal.Forbidden
	as := func(r access.Role) access.Actor {
		return access.Actor{Tenant: tenant, Kind: access.Person, Name: "x", Role: r}
	}
	for who, c := range map[string]struct {
		by   access.Actor
		sale string
		want map[string]refusal.Code // expected refusals; everything else is shown
	}{
		"who sold":             {clerk(corner), name, map[string]refusal.Code{"credit note": none, "reversal": refusal.NotFound}},
		"who sold, by receipt": {clerk(corner), sold.ReceiptNo, map[string]refusal.Code{"credit note": none, "reversal": refusal.NotFound}},
		"a supervisor":         {as(access.Supervisor), name, map[string]refusal.Code{"credit note": none, "reversal": refusal.NotFound}},
		"an operator":          {as(access.Operator), name, map[string]refusal.Code{"copy": hidden, "credit note": none, "reversal": refusal.NotFound}},
		"the support":          {as(access.Support), name, map[string]refusal.Code{"copy": hidden, "credit note": none, "reversal": refusal.NotFound}},
		"another vendor":       {clerk(other), name, map[string]refusal.Code{"sale": none, "receipt": none, "credit note": none, "copy": none, "explanation": none, "reversal": none, "proof": none}},
		"an installer":         {as(access.Installer), name, map[string]refusal.Code{"sale": hidden, "receipt": hidden, "credit note": hidden, "copy": hidden, "explanation": hidden, "reversal": hidden, "proof": hidden}},
		"an owner, of no sale": {owner(), "main-000009", map[string]refusal.Code{"sale": none, "receipt": none, "credit note": none, "copy": none, "explanation": none, "reversal": none, "proof": none}},
	} {
		for what, ask := range asks {
			if got, err := ask(c.by, c.sale); err != nil || got != c.want[what] && !(what == "proof" && got == refusal.NotSealedYet) {
				t.Errorf("%s asks for the %s: %v %q, want %q", who, what, err, got, c.want[what])
			}
		}
	}
}

// TestWhoMayAskForAPriceOrAMetersTokens: a vendor sees its own sales, not all tokens of a meter.
func TestWhoMayAskForAPriceOrAMetersTokens(t *testing.T) {
	const hidden = refusal.Forbidden
	ctx := context.Background()
	s := open(t, true)
	m := s.meter(1, place{tariff: s.publish("domestic", flat(), monday())})
	corner, other := s.vendor(vendor.NewVendor{}), s.vendor(vendor.NewVendor{})
	s.payIn(corner, 30000, "slip 1")
	s.sell(order(m, 10000, "key-number-1"))
	for who, c := range map[string]struct {
		by     access.Actor
		meter  string
		tokens refusal.Code
		quote  refusal.Code
	}{
		"an owner":               {owner(), m, "", ""},
		"an installer":           {access.Actor{Tenant: tenant, Role: access.Installer}, m, hidden, hidden},
		"a vendor":               {clerk(corner), m, hidden, ""},
		"a vendor without money": {clerk(other), m, hidden, refusal.InsufficientFloat},
		"of no meter":            {owner(), numberOf(t, 9), refusal.MeterNotFound, refusal.MeterNotFound},
		"of no number":           {owner(), "04000000012", refusal.MeterNumberInvalid, refusal.MeterNumberInvalid},
	} {
		list, err := s.Tokens(ctx, c.by, c.meter, registry.Page{Limit: 1})
		if err != nil || list.Code != c.tokens || c.tokens == "" && (len(list.Tokens) != 1 || list.Next != "") {
			t.Errorf("%s lists tokens: %v %q, next %q; want %q", who, err, list.Code, list.Next, c.tokens)
		}
		if q, err := s.Quote(ctx, c.by, c.meter, kes(10000)); err != nil || q.Code != c.quote {
			t.Errorf("%s asks for a price: %v %q, want %q", who, err, q.Code, c.quote)
		}
	}
	if q, err := s.Quote(ctx, owner(), m, money.Amount{Minor: -1, Currency: "KES"}); err != nil || q.Code != refusal.AmountInvalid {
		t.Errorf("a price of less than nothing: %v %q", err, q.Code)
	}
	s.meter(2, place{tariff: s.tariffOf(m), meter: func(m *registry.Meter) { m.Number, m.Simulated = vending.MagicBlocked, true }})
	if q, err := s.Quote(ctx, owner(), vending.MagicBlocked, kes(100)); err != nil || q.Code != refusal.MeterBlocked || q.What != "The status of meter "+vending.MagicBlocked+" is blocked, not active." {
		t.Errorf("a price of a magic meter: %v %q", err, q.Detail())
	}
}

// TestACreditNoteMirrorsTheReceipt: the note has the receipt's number with a mark and the local time of the reversal, and shows whether the
// meter has confirmed it.
func TestACreditNoteMirrorsTheReceipt(t *testing.T) {
	for _, online := range []bool{true, false} {
		s := open(t, true)
		s.do(func(tx *storeTx) error { return setTZ(tx, "Africa/Nairobi") })
		m := s.meter(1, place{tariff: s.publish("domestic", flat(), monday())})
		sold := s.sell(order(m, 10000, "key-number-1")).Sale
		s.clock.add(time.Minute)
		if online {
			s.online.Store(m, true)
		}
		s.reversed(owner(), sold, "mistyped")
		s.answers("done", "")
		s.settled()
		note, err := s.CreditNote(context.Background(), owner(), sold.ID.Text(id.Vend))
		if err != nil || note.Refused() {
			t.Fatalf("%v %s", err, note.Detail())
		}
		if r := note.Receipt; r.No != "main-000001-R" || r.Tendered != -10000 || r.At.Format("15:04 MST") != "11:01 EAT" || r.Title == receipt.TaxInvoice {
			t.Errorf("credit note %s of %d at %s: %s", r.No, r.Tendered, r.At, r.Title)
		}
		if got, err := s.Reversal(context.Background(), owner(), sold.ReceiptNo); err != nil || got.Reversal.Confirmed != online || got.Reversal.State != sale.ReversalDone {
			t.Errorf("reversal %+v (%v), want it confirmed: %t", got.Reversal, err, online)
		}
	}
}

// TestALostAnswerIsAskedForByItsKey: the outcome of a key is the answer as it was given, "not there yet", or "nobody asked".
func TestALostAnswerIsAskedForByItsKey(t *testing.T) {
	ctx := context.Background()
	s := open(t, false)
	m := s.meter(1, place{tariff: s.publish("domestic", flat(), monday())})
	first := order(m, 10000, "key-number-1")
	ask := func(by access.Actor, key string) vending.Recalled {
		t.Helper()
		got, err := s.LastResponse(ctx, by, first.Once.Principal, key)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	if got := ask(owner(), "key-number-1"); got.Refused() || got.Running || got.Reply.Status != 0 {
		t.Errorf("before the request: %+v", got)
	}
	s.issuer.say = func(int, vending.IssueRequest) (vending.Answer, error) { return vending.Answer{}, nil }
	s.refused(first, refusal.IssuerUnknown)
	if got := ask(owner(), "key-number-1"); got.Refused() || !got.Running || got.Reply.Status != 0 {
		t.Errorf("while its issuer has not answered: %+v", got)
	}
	s.issuer.say = nil
	sold := s.sell(first)
	if got := ask(owner(), "key-number-1"); got.Refused() || got.Running || got.Reply.Status != 201 || string(got.Reply.Body) != string(sold.Reply.Body) {
		t.Errorf("after the sale: %+v, want %s", got, sold.Reply.Body)
	}
	if got := ask(access.Actor{Tenant: tenant, Role: access.Installer}, "key-number-1"); got.Code != refusal.Forbidden {
		t.Errorf("by an installer: %q", got.Code)
	}
	// A key that another request has claimed cannot be used for a sale.
	claimed := order(m, 10000, "key-number-2")
	s.do(func(tx *storeTx) error { return tx.OnceClaim(claimed.Once) })
	s.refused(claimed, refusal.IdempotencyRunning)
}

// TestASaleWithoutAReceiptIsNotPrinted also checks that a sale whose stored digits are no token is not shown.
func TestASaleWithoutAReceiptIsNotPrinted(t *testing.T) {
	ctx := context.Background()
	s := open(t, false)
	m := s.meter(1, place{tariff: s.publish("domestic", flat(), monday())})
	s.issuer.say = func(int, vending.IssueRequest) (vending.Answer, error) { return vending.Answer{}, nil }
	s.refused(order(m, 10000, "key-number-1"), refusal.IssuerUnknown)
	held, err := s.SaleByRef(ctx, owner(), "key-number-1")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := s.Reprint(ctx, owner(), held.Sale.ID.Text(id.Vend)); err != nil || got.Code != refusal.VendNotFound || got.What != "Sale "+held.Sale.ID.Text(id.Vend)+" has no receipt: it is held." {
		t.Errorf("a held sale is printed: %v %q", err, got.Detail())
	}
	s.issuer.say = nil
	sold := s.sell(order(m, 10000, "key-number-1")).Sale
	s.exec(`UPDATE token SET digits_enc = $1`, s.sealer.Seal(sale.TokenContext(sold.Tokens[0].ID), []byte("12345")))
	if _, err := s.Sale(ctx, owner(), sold.ID.Text(id.Vend)); err == nil || !strings.Contains(err.Error(), "what was sealed is not a token") {
		t.Errorf("stored digits that are no token: %v", err)
	}
	s.exec(`UPDATE token SET digits_enc = $1`, []byte("not sealed at all, by nobody's key"))
	if _, err := s.Sale(ctx, owner(), sold.ID.Text(id.Vend)); err == nil || !strings.Contains(err.Error(), "open token ") {
		t.Errorf("stored digits that were not sealed: %v", err)
	}
}

// TestAProofIsOneMemberMore: the JSON of a proven receipt has one more member than the JSON of the receipt. Until the sale is sealed, the
// answer asks the client to come again.
func TestAProofIsOneMemberMore(t *testing.T) {
	s := open(t, true)
	m := s.meter(1, place{tariff: s.publish("domestic", flat(), monday())})
	p, want := s.proven(s.sell(order(m, 10000, "proof-key-1")).Sale, owner())
	got, err := p.JSON()
	if err != nil || string(got) != string(want) {
		t.Errorf("%s (%v), want %s", got, err, want)
	}
	if v := proof.Check(proof.Question{Receipt: got, Key: s.engine.Keys().Public}); v.Answer != proof.Proven {
		t.Errorf("it is %s", v.Answer)
	}
}

// TestWhatIsPlannedForAKey checks who may plan a key change and for which meters. A change cannot be planned twice.
func TestWhatIsPlannedForAKey(t *testing.T) {
	ctx := context.Background()
	l := &logbook{shop: open(t, true), seen: map[id.ID]bool{}}
	domestic := l.publish("domestic", flat(), monday())
	m, bare := l.meter(1, place{tariff: domestic}), l.meter(2, place{tariff: domestic, keys: func([]registry.Key) []registry.Key { return nil }})
	l.fresh()
	next := vending.NextKey{KRN: 2}
	for name, c := range map[string]struct {
		by    access.Actor
		meter string
		next  vending.NextKey
		want  refusal.Code
	}{
		"without the right": {access.Actor{Tenant: tenant, Role: access.Support}, m, next, refusal.Forbidden},
		"no number":         {owner(), "04000000012", next, refusal.MeterNumberInvalid},
		"no meter":          {owner(), numberOf(t, 9), next, refusal.MeterNotFound},
		"no such key":       {owner(), m, vending.NextKey{KRN: 10}, refusal.InvalidRequest},
		"the same key":      {owner(), m, vending.NextKey{KRN: 1}, refusal.InvalidRequest},
		"from no key":       {owner(), bare, next, refusal.InvalidRequest},
	} {
		if p, err := l.PlanKeyChange(ctx, c.by, c.meter, c.next, "campaign"); err != nil || p.Code != c.want {
			t.Errorf("%s: %v %q, want %q", name, err, p.Code, c.want)
		}
	}
	p, err := l.PlanKeyChange(ctx, amina(), m, next, "campaign")
	if err != nil || p.Refused() || p.Key.KRN != 2 || p.Key.State != "planned" || !p.Key.From.Equal(monday()) || p.Meter.Number != m {
		t.Fatalf("%v %s %+v", err, p.Detail(), p)
	}
	l.says("a plan", "08:00 person amina@example.org@192.0.2.7 key.plan mtr:  => sgc=201457 krn=2 kt=2 ti=01 ken=255 base_date=2014 (campaign)")
	if p, err := l.PlanKeyChange(ctx, owner(), m, vending.NextKey{KRN: 3}, "campaign"); err != nil || p.Code != refusal.KeyChangePending {
		t.Errorf("a second plan: %v %q", err, p.Code)
	}
}

// TestWhatCannotBeReadIsNotDone: an approval is not carried out if its stored act cannot be read.
func TestWhatCannotBeReadIsNotDone(t *testing.T) {
	s := open(t, true)
	for _, act := range []access.Act{access.ActReverse, access.ActClock, access.ActUnits, access.ActTokens, access.ActClearCredit, access.ActClearTamper} {
		if done, err := s.Vending.Executors()[act](context.Background(), owner(), []byte(`{"reason":`)); err == nil {
			t.Errorf("%s: %+v", act, done)
		}
	}
}

// TestAnswersOfTokensForNothing checks the answers to another request under the same key, a request whose tokens were refused, and a
// request that waits.
func TestAnswersOfTokensForNothing(t *testing.T) {
	s := open(t, false)
	m := s.meter(1, place{tariff: s.publish("domestic", flat(), monday())})
	a := ask(vending.Ask{Meter: m, Kind: sale.ClearTamper}, "job-key-1")
	if g := s.give(a); g.Refused() {
		t.Fatal(g.Detail())
	}
	a.Once.Hash = sha256.Sum256([]byte("another request"))
	if g := s.give(a); g.Code != refusal.IdempotencyKeyReused {
		t.Errorf("another request under the key: %q", g.Code)
	}
	for _, code := range []refusal.Code{refusal.KeystoreLocked, refusal.KeyMissing} {
		s.issuer.say = func(int, vending.IssueRequest) (vending.Answer, error) {
			return vending.Answer{Outcome: vending.Declined, Refusal: refusal.Refusal{Code: code, What: "No."}}, nil
		}
		b := ask(vending.Ask{Meter: m, Kind: sale.ClearTamper}, "job-key-"+string(code))
		if g := s.give(b); g.Code != code || (g.Reply.Status != 0) != (code.Status() < 500) {
			t.Errorf("%s: %q, answered with %d", code, g.Code, g.Reply.Status)
		}
		s.issuer.say = nil
		if g := s.give(b); (g.Replay != nil) != (code.Status() < 500) || g.Replay == nil && g.Code != code {
			t.Errorf("%s, asked again: %q, stored %t; want the refusal for ever", code, g.Code, g.Replay != nil)
		}
	}
	s.issuer.say = func(int, vending.IssueRequest) (vending.Answer, error) { return vending.Answer{}, nil }
	held := ask(vending.Ask{Meter: m, Kind: sale.ClearTamper}, "job-key-2")
	for _, want := range []refusal.Code{refusal.IssuerUnknown, refusal.IdempotencyKeyReused} {
		if g := s.give(held); g.Code != want {
			t.Errorf("under the key of one that is open: %q, want %q", g.Code, want)
		}
		held.Once.Hash = sha256.Sum256([]byte("another request"))
	}
	s.issuer.say = nil
	s.fourEyes()
	c := ask(vending.Ask{Meter: s.meter(2, place{tariff: s.tariffOf(m)}), Kind: sale.ClearTamper}, "job-key-3")
	if g := s.give(c); g.Waits == nil || g.Reply.Status != 202 || string(g.Reply.Body) != g.Waits.ID.Text(id.Approval) {
		t.Errorf("one that waits: %+v", g)
	}
	if n := s.number(`SELECT COUNT(*) FROM idempotency WHERE state = 'done' AND expires_at IS NULL`); n != 3 {
		t.Errorf("%d answers are kept for ever, want those of the tokens, of the refusal and of what waits", n)
	}
	c = ask(vending.Ask{Meter: c.Meter, Kind: sale.ClearCredit}, "job-key-4")
	c.RenderWaits = nil
	if g := s.give(c); g.Waits == nil || g.Reply.Status != 0 {
		t.Errorf("one that waits and answers nobody: %+v", g)
	}
}
