package shoptest_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/notify"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/store"
)

// notifyDoor leads a dispatcher to a shop's store.
type notifyDoor struct{ s *shop }

func (d notifyDoor) Do(ctx context.Context, t access.Tenant, fn func(notify.Tx) (bool, error)) error {
	return d.s.engine.Run(ctx, t, store.Job, func(tx *store.Tx) (bool, error) { return fn(tx) })
}

func (d notifyDoor) View(ctx context.Context, t access.Tenant, fn func(notify.Tx) error) error {
	return d.s.engine.View(ctx, t, func(tx *store.Tx) error { return fn(tx) })
}

// telephones is the route to all telephones. If fails is set, no message is sent.
type telephones struct {
	fails bool
	texts []string // "number text"
}

func (p *telephones) Name() string { return "network" }

func (p *telephones) Send(_ context.Context, m notify.Outgoing) notify.Sent {
	if p.fails {
		return notify.Sent{Outcome: notify.NotSent, Why: "no network"}
	}
	p.texts = append(p.texts, m.To+" "+m.Text)
	return notify.Sent{Outcome: notify.Accepted, Parts: 1}
}

// texting adds a dispatcher with a route to the shop and returns a function that sends all due messages.
func (s *shop) texting(p *telephones) (serve func()) {
	s.sends = true
	d := notify.New(notify.Config{Door: notifyDoor{s}, Opener: s.sealer, Hasher: s.sealer, Routes: []notify.Configured{{Route: p, Meters: true}}, Owner: "one", Alone: true,
		Now: s.clock.Now})
	return func() {
		s.t.Helper()
		if _, err := d.Serve(context.Background(), tenant); err != nil {
			s.t.Fatal(err)
		}
	}
}

// TestWhoGotASaleBySMSIsToldThatItWasTakenBack: a person who got a sale by SMS gets a message about its reversal. Nobody else gets such a
// message.
func TestWhoGotASaleBySMSIsToldThatItWasTakenBack(t *testing.T) {
	const phone = "+254700000001"
	for name, c := range map[string]struct {
		deliver []string
		fails   bool   // no message of the sale was sent
		before  string // what happens before the reversal
		lang    string
		wallet  bool
		want    string // part of the message to the telephone; empty for no message
		state   string // state of the message about the reversal, if there is one
	}{
		"sold by SMS":                   {deliver: []string{"sms"}, want: "was reversed. Do not use its token", state: "sent"},
		"in the customer's language":    {deliver: []string{"sms"}, lang: "sw", want: "umebatilishwa. Usitumie tokeni yake", state: "sent"},
		"a recharge":                    {deliver: []string{"sms"}, wallet: true, want: "Your payment of KES 100.00", state: "sent"},
		"no SMS of the sale":            {},
		"to the meter alone":            {deliver: []string{"meter_sms"}},
		"nothing has left":              {deliver: []string{"sms"}, fails: true},
		"the customer has sent STOP":    {deliver: []string{"sms"}, before: `UPDATE customer SET notices = 0`, want: "was reversed. Do not use its token", state: "sent"},
		"the meter is another's by now": {deliver: []string{"sms"}, before: `UPDATE message SET customer_id = id`},
	} {
		t.Run(name, func(t *testing.T) {
			s, p := open(t, true), &telephones{fails: c.fails}
			serve := s.texting(p)
			domestic := s.publish("domestic", flat(), monday())
			m := ""
			if c.wallet {
				m = s.walletMeter(1, domestic)
			} else {
				m = s.meter(1, place{tariff: domestic})
			}
			s.exec(`UPDATE customer SET notices = 1, lang = $1`, c.lang)
			s.exec(`UPDATE meter SET sim_phone = '+254700000200'`)
			o := order(m, 10000, "key-number-1")
			o.Deliver = c.deliver
			sold := s.sell(o)
			serve()
			if c.before != "" {
				s.exec(c.before)
			}
			before := len(p.texts)
			s.reversed(owner(), sold.Sale, "mistyped")
			serve()
			got := p.texts[before:]
			if c.want == "" && len(got) != 0 || c.want != "" && (len(got) != 1 || !strings.HasPrefix(got[0], phone+" ") || !strings.Contains(got[0], c.want)) {
				t.Errorf("told %q after the reversal, want %q", got, c.want)
			}
			all := s.messagesOf(sold.Sale)
			i := slices.IndexFunc(all, func(m notify.Message) bool {
				return m.Purpose == notify.PurposeReversal || m.Purpose == notify.PurposeReversalMoney
			})
			state := ""
			if i >= 0 {
				state = string(all[i].State)
			}
			if state != c.state {
				t.Errorf("the message about the reversal is %q, want %q", state, c.state)
			}
		})
	}
}

// messagesOf returns the messages of a sale.
func (s *shop) messagesOf(sale sale.Sale) (all []notify.Message) {
	s.t.Helper()
	s.do(func(tx *store.Tx) (err error) {
		all, err = tx.MessageList(notify.Filter{Vend: sale.ID}, id.ID{}, 10)
		return err
	})
	return all
}
