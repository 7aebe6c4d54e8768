package shoptest_test

import (
	"context"
	"maps"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/internal/vending"
)

// heardBySMS records that an SMS in the meter's name says that a token is loaded.
func (s *shop) heardBySMS(t sale.Token) {
	s.t.Helper()
	s.do(func(tx *storeTx) error {
		own := metering.OwnToken{ID: t.ID, State: t.State, Class: t.Class}
		return tx.TokenAnswered(own, metering.HearToken(own, "accept").State, metering.ResultHeard, tx.Now)
	})
}

// Anybody can send a text message in a meter's name. A message that the token is loaded stops the seller, but not an actor with the right
// to reverse.
func TestATextMessageDoesNotKeepASaleFromBeingReversed(t *testing.T) {
	operator := access.Actor{Tenant: tenant, Kind: access.Person, Name: "op", Role: access.Operator}
	supervisor := access.Actor{Tenant: tenant, Kind: access.Person, Name: "sup", Role: access.Supervisor}
	s := open(t, true)
	m := s.meter(1, place{tariff: s.publish("domestic", flat(), monday())})
	sold := s.sellAs(operator, order(m, 10000, "key-number-1"))
	if sold.Refused() {
		t.Fatal(sold.Detail())
	}
	s.heardBySMS(sold.Sale.Tokens[0])
	if _, token := s.state(sold.Sale); token != sale.TokenHeard {
		t.Fatalf("the token is %s, want heard", token)
	}
	got := s.undo(operator, sold.Sale, "mistyped", "undo-key-1")
	if got.Code != refusal.NotReversible || !strings.Contains(got.Detail(), "The meter has not confirmed it.") {
		t.Errorf("who sold: %q (%s), want not reversible, for the meter has not confirmed it", got.Code, got.Detail())
	}
	if got := s.undo(supervisor, sold.Sale, "", "undo-key-2"); got.Code != refusal.InvalidRequest {
		t.Errorf("without a reason: %q, want invalid_request", got.Code)
	}
	s.reversed(supervisor, sold.Sale, "the meter shows nothing")
	if state, token := s.state(sold.Sale); state != sale.Reversed || token != sale.TokenReversedUnconfirmed {
		t.Errorf("the sale is %s, its token %s; want reversed and not confirmed", state, token)
	}
	// The message was true after all, and the meter's signed report says so.
	s.exec(`UPDATE token SET result = 'accept'`)
	if n, err := s.Recover(context.Background(), system()); n != 1 || err != nil {
		t.Errorf("%d claimed back (%v), want 1", n, err)
	}
}

// If a text message says that the token was loaded, a seller who may also reverse needs a second person, as after the window.
func TestAgainstATextMessageASecondPersonIsAsked(t *testing.T) {
	s := open(t, true)
	m := s.meter(1, place{tariff: s.publish("domestic", flat(), monday())})
	s.fourEyes()
	sold := s.sell(order(m, 10000, "key-number-1"))
	s.heardBySMS(sold.Sale.Tokens[0])
	if got := s.undo(owner(), sold.Sale, "the meter shows nothing", "undo-key-1"); got.Refused() {
		t.Fatalf("%q: %s", got.Code, got.Detail())
	}
	if state, _ := s.state(sold.Sale); state != sale.Completed {
		t.Errorf("the sale is %s, want it to wait for a second person", state)
	}
	if n := s.number(`SELECT COUNT(*) FROM approval WHERE object = $1`, sold.Sale.ID.Text(id.Vend)); n != 1 {
		t.Errorf("%d questions for a second person, want 1", n)
	}
}

// The meter itself reports that it has the token. This report replaces the text message.
func TestAMetersOwnAnswerTakesThePlaceOfATextMessage(t *testing.T) {
	s := open(t, true)
	m := s.meter(1, place{tariff: s.publish("domestic", flat(), monday())})
	s.online.Store(m, true)
	sold := s.sell(order(m, 10000, "key-number-1"))
	s.heardBySMS(sold.Sale.Tokens[0])
	s.reversed(owner(), sold.Sale, "the meter shows nothing")
	s.answers("failed", "used")
	if n, err := s.Recover(context.Background(), system()); n != 1 || err != nil {
		t.Fatalf("%d settled (%v), want 1", n, err)
	}
	if _, token := s.state(sold.Sale); token != sale.TokenAccepted {
		t.Errorf("the token is %s, want accepted", token)
	}
	if n := s.number(`SELECT COUNT(*) FROM token WHERE state = 'accepted' AND result = $1`, metering.ResultUsed); n != 1 {
		t.Error("the result still is that of the text message")
	}
	s.verified()
	if got := s.undo(owner(), sold.Sale, "once more", "undo-key-2"); got.Code != refusal.NotReversible {
		t.Errorf("once more: %q, want not_reversible", got.Code)
	}
}

// TestATokenThatItsMeterCancelledIsNeverClaimedBack: the meter reports late that it cancelled a token, so its units are owed. Before a
// replacement is made, somebody reverses the sale while the meter is offline. The customer has the money and no units.
func TestATokenThatItsMeterCancelledIsNeverClaimedBack(t *testing.T) {
	for name, says := range map[string]func(s *shop, m string, first, second sale.Cancel, sold sale.Sale){
		"used of a second command for it, after a text message": func(s *shop, _ string, _, second sale.Cancel, _ sale.Sale) {
			s.exec(`UPDATE command SET state = 'failed', answer = 'used' WHERE id = $1`, second.Command)
		},
		"used of its digits, typed at the meter": func(s *shop, m string, first, _ sale.Cancel, _ sale.Sale) { s.report(m, first.Token, "used_error") },
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t, true)
			m := s.meter(1, place{tariff: s.publish("cheap", tariff.Body{Currency: "KES", Blocks: []tariff.Block{{Rate: 10_000}}}, monday())})
			s.online.Store(m, true)
			before := s.accounts()
			sold := s.sell(order(m, 2000, "key-number-1"))
			if len(sold.Sale.Tokens) < 2 {
				t.Fatalf("%d tokens, want several", len(sold.Sale.Tokens))
			}
			s.heardBySMS(sold.Sale.Tokens[0])
			first := s.reversed(owner(), sold.Sale, "mistyped").Cancels
			s.expired(sold.Sale)
			second := s.undo(owner(), sold.Sale, "once more", "undo-key-2").Value.Cancels
			says(s, m, first[0], second[0], sold.Sale)
			s.expired(sold.Sale)
			s.issuer.say = func(int, vending.IssueRequest) (vending.Answer, error) { // no replacement for the owed units
				return vending.Answer{Outcome: vending.Declined, Refusal: refusal.Refusal{Code: refusal.IssuerRefused, What: "No."}}, nil
			}
			s.exec(`UPDATE command SET state = 'done', answer = '' WHERE id = $1`, first[0].Command)
			s.settled()
			if state, token := s.state(sold.Sale); state != sale.Completed || token != sale.TokenReversed {
				t.Fatalf("sale %s, token %s; want the sale to stand without this token", state, token)
			}
			s.online.Delete(m)
			s.undo(owner(), sold.Sale, "the meter is away", "undo-key-3")
			s.settled()
			if state, token := s.state(sold.Sale); state != sale.Reversed || token != sale.TokenReversed {
				t.Errorf("sale %s, token %s; want the token to be as dead as before", state, token)
			}
			if n := s.number(`SELECT COUNT(*) FROM debt`); n != 0 || !maps.Equal(before, s.accounts()) {
				t.Errorf("%d debts, balances %v; want none and %v", n, s.accounts(), before)
			}
			for _, c := range first[1:] {
				s.exec(`UPDATE command SET state = 'done', answer = '' WHERE id = $1`, c.Command)
			}
			s.settled()
			if open := s.alarms(unconfirmedAlarm); len(open) != 0 {
				t.Errorf("the meter has cancelled every token, and there still is the alarm %q", open)
			}
			s.audit()
		})
	}
}
