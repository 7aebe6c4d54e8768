package shoptest_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/keystore"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/vending"
	"github.com/paywatt/paywatt/sts"
	"github.com/paywatt/paywatt/unit"
)

// locked is an issuer that can say beforehand that it would refuse.
type locked struct {
	*issuer
	no    refusal.Refusal
	asked []vending.IssueRequest
}

func (l *locked) Check(_ context.Context, o vending.IssueRequest) refusal.Refusal {
	l.issuer.mu.Lock()
	defer l.issuer.mu.Unlock()
	l.asked = append(l.asked, o)
	return l.no
}

// TestAnIssuerIsAskedBeforehand: a sale and a quote are refused before anything is reserved, and a recharge needs no key.
func TestAnIssuerIsAskedBeforehand(t *testing.T) {
	for _, local := range []bool{true, false} {
		s := open(t, local)
		l := &locked{issuer: s.issuer, no: refusal.Refusal{Code: refusal.KeystoreLocked, What: "The keys are locked.", Not: "No money was taken and no token was made.", Try: "Unlock them."}}
		s.keys = l
		s.Vending = s.vendingOver(s.door)
		domestic := s.publish("domestic", flat(), monday())
		m, walletMeter := s.meter(1, place{tariff: domestic, meter: func(m *registry.Meter) { m.Simulated = true }}), s.walletMeter(2, domestic)
		s.refused(order(m, 10000, "key-number-1"), refusal.KeystoreLocked)
		if q, err := s.Quote(context.Background(), owner(), m, kes(10000)); err != nil || q.Code != refusal.KeystoreLocked {
			t.Errorf("a quote: %v %q", err, q.Code)
		}
		if n := s.number(`SELECT COUNT(*) FROM vend`) + s.number(`SELECT COUNT(*) FROM idempotency`); n != 0 || len(s.issuer.orders()) != 0 {
			t.Errorf("%d rows are left of what was refused, and %d tokens were asked for", n, len(s.issuer.orders()))
		}
		asked := len(l.asked)
		s.sell(order(walletMeter, 5000, "key-number-2"))
		s.quote(walletMeter, 5000)
		if len(l.asked) != asked || asked == 0 {
			t.Errorf("%d orders before a recharge, %d after it; want some and no more", asked, len(l.asked))
		}
		l.no = refusal.Refusal{}
		s.quote(m, 10000)
		sold := s.sell(order(m, 10000, "key-number-1")).Sale
		want, err := s.key(sold).Attributes(m)
		if got := l.asked[0]; err != nil || got != (vending.IssueRequest{Attributes: want, KEN: 255, Simulated: true}) {
			t.Errorf("asked about %+v (%v), want the meter's key", got, err)
		}
	}
}

// fresh is an issuer that reads its keys before each request.
type fresh struct {
	*issuer
	now vending.Issuer
}

func (f fresh) Look() vending.Issuer { return f.now }

// TestASaleTakesTheIssuerAsItStands: the issuer that Look returned makes the tokens of the request, not the issuer from before the call.
func TestASaleTakesTheIssuerAsItStands(t *testing.T) {
	s := open(t, true)
	s.keys = fresh{issuer: &issuer{local: true, say: func(int, vending.IssueRequest) (vending.Answer, error) {
		return vending.Answer{Outcome: vending.Declined}, nil
	}}, now: s.issuer}
	s.Vending = s.vendingOver(s.door)
	s.sell(order(s.meter(1, place{tariff: s.publish("domestic", flat(), monday())}), 10000, "key-number-1"))
	if len(s.issuer.orders()) == 0 {
		t.Error("the issuer of the look was not asked")
	}
}

// TestATokenOfAnotherClassIsNotTaken: an issuer that returns a management token for a credit, or a credit for a management token, has made
// a mistake.
func TestATokenOfAnotherClassIsNotTaken(t *testing.T) {
	for _, local := range []bool{true, false} {
		s := open(t, local)
		m := s.meter(1, place{tariff: s.publish("domestic", flat(), monday())})
		s.issuer.say = func(_ int, o vending.IssueRequest) (vending.Answer, error) {
			key, err := decoderKey(o.Attributes)
			if err != nil {
				return vending.Answer{}, err
			}
			if o.Make = vending.MakeManagement - o.Make; o.Make == vending.MakeManagement {
				o.Manage = sts.Management{SubClass: sts.ManageClearCredit, TID: o.Credit.TID}
			} else {
				o.Credit = sts.Credit{TID: o.Manage.TID, Amount: 1}
			}
			token, err := made(key, o)
			return vending.Answer{Outcome: vending.Made, Token: token}, err
		}
		sold, err := s.Sell(context.Background(), owner(), order(m, 10000, "key-number-1"))
		if local && (err == nil || !strings.Contains(err.Error(), "a token of class 2")) || !local && (err != nil || sold.Code != refusal.IssuerUnknown) {
			t.Errorf("local %t: a sale: %v %q", local, err, sold.Code)
		}
		other := s.meter(2, place{tariff: s.tariffOf(m)})
		g, err := s.GiveTokens(context.Background(), owner(), ask(vending.Ask{Meter: other, Kind: sale.ClearTamper}, "job-key-1"))
		if local && (err == nil || !strings.Contains(err.Error(), "a token of class 0")) || !local && (err != nil || g.Code != refusal.IssuerUnknown) {
			t.Errorf("local %t: a management token: %v %q", local, err, g.Code)
		}
		if n := s.number(`SELECT COUNT(*) FROM token WHERE digits_enc IS NOT NULL`); n != 0 {
			t.Errorf("local %t: %d wrong tokens are kept", local, n)
		}
	}
}

// ramp is a random source. The n-th byte of each draw is 0xa0+n.
type ramp struct{}

func (ramp) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = 0xa0 + byte(i)
	}
	return len(b), nil
}

// TestEachTokenHasFourRandomBits: each token takes its four random bits from a separate byte. The other four bits of that byte do not
// matter.
func TestEachTokenHasFourRandomBits(t *testing.T) {
	s := open(t, true)
	s.do(func(tx *store.Tx) error {
		set, err := tx.TenantSettings()
		if err != nil {
			return err
		}
		set.Limits = registry.DefaultLimits()
		set.Limits.FreeUnitsADay = 5000 * unit.KilowattHour
		return tx.PutTenantSettings(set)
	})
	s.Vending = vending.New(vending.Config{Door: s.door, Issuer: s.issuer, Sealer: s.sealer, Now: s.clock.Now, Rand: ramp{}})
	m := s.meter(1, place{tariff: s.publish("domestic", flat(), monday())})
	sold := s.sell(order(m, 1_000_000, "key-number-1"))
	free := s.give(ask(vending.Ask{Meter: m, Kind: sale.FreeIssue, Units: 3_500_000}, "job-key-1"))
	if free.Refused() {
		t.Fatal(free.Detail())
	}
	for what, tokens := range map[string][]sale.Token{"a sale": sold.Sale.Tokens, "free units": free.Job.Tokens} {
		if len(tokens) != 3 {
			t.Fatalf("%s: %d tokens, want 3", what, len(tokens))
		}
		for i, token := range tokens {
			if token.RND != uint8(i) {
				t.Errorf("token %d of %s has the random part %d, want %d", i, what, token.RND, i)
			}
		}
	}
}

// careless is a sealer that keeps the digits it gets.
type careless struct {
	*keystore.DataKey
	seen *[][]byte
}

func (c careless) Seal(context string, plain []byte) []byte {
	if len(plain) == 20 {
		*c.seen = append(*c.seen, plain)
	}
	return c.DataKey.Seal(context, plain)
}

// TestDigitsAreWiped: once the digits are sealed, no copy of them stays in memory.
func TestDigitsAreWiped(t *testing.T) {
	s := open(t, true)
	var seen [][]byte
	s.Vending = vending.New(vending.Config{Door: s.door, Issuer: s.issuer, Sealer: careless{s.sealer, &seen}, Now: s.clock.Now, Rand: ramp{}})
	m := s.meter(1, place{tariff: s.publish("domestic", flat(), monday())})
	for what, do := range map[string]func(){"a sale": func() { s.sell(order(m, 10000, "key-number-1")) },
		"a token for nothing": func() { s.give(ask(vending.Ask{Meter: m, Kind: sale.ClearTamper}, "job-key-1")) }} {
		seen = nil
		do()
		for _, digits := range seen {
			if string(digits) != strings.Repeat("\x00", 20) {
				t.Errorf("%s leaves its digits in memory", what)
			}
		}
		if len(seen) == 0 {
			t.Errorf("%s seals no digits", what)
		}
	}
}

// TestTheServerIsKickedForWhatIsToBeDelivered: four things call Kick: a sale delivered to its meter, a recharge, a reversal that waits for
// its meter, and a recovery that has finished a sale. Nothing else calls it.
func TestTheServerIsKickedForWhatIsToBeDelivered(t *testing.T) {
	s := open(t, false)
	domestic := s.publish("domestic", flat(), monday())
	m, walletMeter := s.meter(1, place{tariff: domestic}), s.walletMeter(2, domestic)
	kicked := func(what string, want int64) {
		t.Helper()
		if got := s.kicks.Swap(0); got != want {
			t.Errorf("%s: %d kicks, want %d", what, got, want)
		}
	}
	s.sell(order(m, 10000, "key-number-1"))
	kicked("a sale at the till", 0)
	o := order(m, 10000, "key-number-2")
	o.Deliver = []string{sale.RouteMQTT}
	sold := s.sell(o).Sale
	kicked("a sale that goes to its meter", 1)
	if at := s.number(`SELECT expires_at FROM outbox WHERE kind = 'token'`); at != monday().Add(90*24*time.Hour).UnixMicro() {
		t.Errorf("a token waits for its meter until %s, want 90 days", time.UnixMicro(at).UTC())
	}
	s.sell(order(walletMeter, 10000, "key-number-3"))
	kicked("a recharge", 1)
	s.recovers(0)
	kicked("a recovery without anything to do", 0)
	s.issuer.say = func(int, vending.IssueRequest) (vending.Answer, error) { return vending.Answer{}, nil }
	third := s.meter(3, place{tariff: domestic})
	s.refused(order(third, 10000, "key-number-4"), refusal.IssuerUnknown)
	s.clock.add(time.Minute)
	s.issuer.say = nil
	s.recovers(1)
	kicked("a recovery of a sale", 1)
	s.online.Store(m, true)
	s.reversed(owner(), sold, "mistyped")
	kicked("a reversal that waits for its meter", 1)
	s.expired(sold)
	s.kicks.Store(0)
	s.online.Delete(m)
	s.undo(owner(), sold, "mistyped", "undo-key-2")
	kicked("a reversal that is done", 0)
}

// recovers checks the number of sales that the recovery finishes.
func (s *shop) recovers(want int) {
	s.t.Helper()
	if n, err := s.Recover(context.Background(), system()); n != want || err != nil {
		s.t.Errorf("recovered %d, %v; want %d", n, err, want)
	}
}

// TestAPlanThatNobodyCanCarryOutIsNotMade: a plan stops the sales to its meter, so the issuer is asked about the change before it is made.
func TestAPlanThatNobodyCanCarryOutIsNotMade(t *testing.T) {
	s := open(t, true)
	l := &locked{issuer: s.issuer, no: refuse.VendingKeyMissing("201457", 2, 2)}
	s.keys = l
	s.Vending = s.vendingOver(s.door)
	m := s.meter(1, place{tariff: s.publish("domestic", flat(), monday())})
	p, err := s.PlanKeyChange(t.Context(), owner(), m, vending.NextKey{KRN: 2}, "campaign")
	if err != nil || p.Code != refusal.KeyMissing {
		t.Errorf("%v %q, want %s", err, p.Code, refusal.KeyMissing)
	}
	if len(l.asked) == 0 {
		t.Fatal("the issuer was not asked")
	}
	if o := l.asked[0]; o.Make != vending.MakeKeyChange || o.Attributes.KRN != 1 || o.Change.Next.KRN != 2 {
		t.Errorf("the issuer was asked %+v, want the change from revision 1 to 2", o)
	}
	l.no = refusal.Refusal{}
	s.sell(order(m, 10_000, "key-number-1"))
}

// revisions is an issuer that has one revision of a vending key beside the first.
type revisions struct {
	*issuer
	has uint8
}

func (r *revisions) Check(_ context.Context, o vending.IssueRequest) refusal.Refusal {
	if o.Change.Next.KRN != r.has {
		return refuse.VendingKeyMissing(o.Change.Next.SGC, o.Change.Next.KRN, uint8(o.Change.Next.KT))
	}
	return refusal.Refusal{}
}

// TestARollOverIsAdvised: once the base date of a meter has ended, the next one, with the revision that the server can make the change to.
func TestARollOverIsAdvised(t *testing.T) {
	s := open(t, true)
	number := numberOf(t, 1)
	noKey := refusal.KeyMissing
	for _, c := range []struct {
		keys vending.Issuer
		base sts.BaseDate
		want vending.NextKey
		why  refusal.Code
	}{
		{&revisions{s.issuer, 2}, sts.Base1993, vending.NextKey{KRN: 2, BaseDate: sts.Base2014}, ""},
		{&revisions{s.issuer, 9}, sts.Base1993, vending.NextKey{KRN: 9, BaseDate: sts.Base2014}, ""},
		{&revisions{s.issuer, 0}, sts.Base1993, vending.NextKey{}, noKey},
		{&locked{issuer: s.issuer, no: refuse.KeyStoreLocked()}, sts.Base1993, vending.NextKey{}, refusal.KeystoreLocked},
		{s.issuer, sts.Base1993, vending.NextKey{}, ""}, // it cannot say
		{&revisions{s.issuer, 2}, sts.Base2014, vending.NextKey{}, ""},
	} {
		s.keys = c.keys
		s.Vending = s.vendingOver(s.door)
		key := registry.Key{SGC: "201457", KRN: 1, KT: sts.DUTK, TI: "01", KEN: 255, EA: sts.EA07, DKGA: sts.DKGA04, BaseDate: c.base}
		got, err := s.RollOverOf(t.Context(), registry.MeterView{Meter: registry.Meter{Number: number}, Key: &key})
		if err != nil || got.Key != c.want || got.Code != c.why || (got.To == sts.Base2014) != (c.base == sts.Base1993) {
			t.Errorf("from %s: %+v %v, want %+v and %q", c.base, got, err, c.want, c.why)
		}
	}
}
