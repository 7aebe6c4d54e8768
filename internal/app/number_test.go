package app

import (
	"slices"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/internal/await"
	"github.com/paywatt/paywatt/internal/tier"
)

// TestPrivateAnswersWaitForAChangedNumber: whoever registers another number for a customer must not get the customer's figures with it at once.
// That also holds if the number belongs to another customer already. The first number of a customer is answered, and so is STOP.
func TestPrivateAnswersWaitForAChangedNumber(t *testing.T) {
	tier.Slow(t)
	v, other, mine := portalVillage(t) // the other has tokens, and LAST sends them again
	ctx := t.Context()
	customer := func(h *house) string {
		t.Helper()
		m, err := v.c.Meter(ctx, h.number)
		v.must(err)
		return m.Customer.ID
	}
	register := func(h *house, phone string) {
		t.Helper()
		_, err := v.c.ChangeCustomer(ctx, customer(h), apiv1.CustomerChange{Phone: &phone})
		v.must(err)
	}
	// answers are what a telephone gets for its words, of which the last one is answered without figures. Notices may come between.
	answers := func(phone string, words ...string) (got []string) {
		t.Helper()
		all := func() []string {
			v.mu.Lock()
			defer v.mu.Unlock()
			return slices.Clone(v.every[phone])
		}
		before := len(all())
		for _, word := range words {
			v.text(phone, word)
		}
		await.True(t, "an answer at "+phone, func() bool { // answers are sent in the order of their words
			got = slices.DeleteFunc(all()[before:], func(text string) bool {
				return strings.Contains(text, "is coming back") || strings.Contains(text, "Pay now")
			})
			return len(got) > 0
		})
		return got
	}
	queued := func(phone string) (purposes []string) {
		t.Helper()
		list, err := v.c.Messages(ctx, apiv1.MessageFilter{})
		v.must(err)
		for _, m := range list.Data {
			if m.Phone == phone && m.State == "queued" {
				purposes = append(purposes, m.Purpose)
			}
		}
		return purposes
	}
	if got := answers(mine.phone, "BAL"); len(got) != 1 || !strings.Contains(got[0], mine.number) {
		t.Errorf("the first number of a customer gets %q for BAL", got)
	}
	const next = "+254788888888"
	register(other, next)
	if got := answers(next, "BAL", "LAST", "HELP"); len(got) != 1 || strings.Contains(got[0], other.number) {
		t.Errorf("a number that was just changed gets %q", got)
	}
	if got := queued(next); len(got) == 0 {
		t.Error("the answers to a number that was just changed do not wait")
	}
	if got := answers(next, "STOP"); len(got) != 1 {
		t.Errorf("a number that was just changed gets %q for STOP", got)
	}

	register(other, mine.phone) // now one telephone is that of two customers
	if got := answers(mine.phone, "BAL "+other.number, "LAST "+other.number, "HELP"); len(got) != 1 || strings.Contains(got[0], other.number) {
		t.Errorf("with a second customer's meter the telephone gets %q", got)
	}
}

// TestANoticeToAChangedNumberSaysNoFigure: a notice does not wait, because the supply would stay on for as long as somebody changes the number. It
// has no amount and no balance in it until a day has passed.
func TestANoticeToAChangedNumberSaysNoFigure(t *testing.T) {
	tier.Slow(t)
	v, _, wallet := portalVillage(t)
	ctx := t.Context()
	m, err := v.c.Meter(ctx, wallet.number)
	v.must(err)
	const next = "+254788888888"
	phone := next
	_, err = v.c.ChangeCustomer(ctx, m.Customer.ID, apiv1.CustomerChange{Phone: &phone})
	v.must(err)
	_, err = v.c.Vend(ctx, apiv1.NewSale{Meter: wallet.number, Tender: apiv1.Amount{AmountMinor: 12_300, Currency: "KES"}, Deliver: []string{"sms"}}, "to-a-changed-number")
	v.must(err)
	text := v.lastText(next, "is a notice", func(text string) bool { return text != "" })
	if !strings.Contains(text, wallet.number) || !strings.Contains(text, "***") || strings.Contains(text, "KES") {
		t.Errorf("a notice to a number that was just changed says %q", text)
	}
}
