package notify_test

// Tests of the rules of urgency.go as tables of values: which message goes first, which tokens are one set, and which notice replaces which.

import (
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/notify"
)

// TestWhatGoesFirst: tokens and answers go first, then money, then states of balance and supply, then the rest.
func TestWhatGoesFirst(t *testing.T) {
	money, states := notify.UrgencyMoney, notify.UrgencyState
	want := map[notify.Purpose]notify.Urgency{notify.PurposeMeter: notify.UrgencyPrompt,
		notify.PurposeRecharge: money, notify.PurposeReversal: money, notify.PurposeReversalMoney: money, notify.PurposePaymentBack: money,
		notify.PurposePhoneChanged: money, notify.PurposeSIMChanged: money,
		notify.PurposeUnread: states, notify.PurposeLow1: states, notify.PurposeLow2: states, notify.PurposeCutSoon: states, notify.PurposeCutOff: states, notify.PurposeRestored: states}
	if notify.UrgencyPrompt >= money || money >= states || states >= notify.UrgencyOther {
		t.Error("the urgencies do not stand in their order")
	}
	for _, p := range append(notify.Purposes(), notify.PurposeMeter, notify.PurposeWritten) {
		urgency, listed := want[p]
		if !listed {
			urgency = notify.UrgencyOther
		}
		if got := notify.UrgencyOf(notify.Message{Purpose: p}); got != urgency {
			t.Errorf("%s has the urgency %d, want %d", p, got, urgency)
		}
		if got := notify.UrgencyOf(notify.Message{Purpose: p, Token: id.ID{1}}); got != notify.UrgencyPrompt {
			t.Errorf("%s with a token has the urgency %d", p, got)
		}
		if got := notify.UrgencyOf(notify.Message{Purpose: p, Answers: id.ID{1}}); got != notify.UrgencyPrompt {
			t.Errorf("%s as an answer has the urgency %d", p, got)
		}
	}
	o := opened(t)
	for _, d := range []notify.Draft{text(), warning(), toCustomer(), toMeter()} {
		m, err := notify.Queue(o, d, o.now)
		if err != nil || m.Urgency != notify.UrgencyOf(m) {
			t.Errorf("%s is stored with the urgency %d, %v", d.Purpose, m.Urgency, err)
		}
	}
}

// TestWhichTokensAreOneSet: the tokens that a sale sent to a telephone are one set if there are several, and so are those of one answer.
func TestWhichTokensAreOneSet(t *testing.T) {
	vend, asked, token := id.ID{15: 1}, id.ID{15: 2}, id.ID{15: 3}
	several := notify.Args{Step: 1, Of: 2}
	for name, c := range map[string]struct {
		m    notify.Message
		want string
	}{
		"one of several":            {notify.Message{Token: token, Vend: vend, Args: several}, vend.Text(id.Vend)},
		"one of several, asked for": {notify.Message{Token: token, Vend: vend, Answers: asked, Args: several}, asked.Text(id.Message)},
		"the only one":              {notify.Message{Token: token, Vend: vend, Args: notify.Args{Step: 1, Of: 1}}, ""},
		"sent by hand":              {notify.Message{Token: token, Vend: vend}, ""},
		"without a sale":            {notify.Message{Token: token, Args: several}, ""},
		"no token":                  {notify.Message{Vend: vend, Args: several}, ""},
		"to a meter":                {notify.Message{Purpose: notify.PurposeMeter, Token: token, Vend: vend, Args: several}, ""},
	} {
		if got := notify.TokenSetOf(c.m); got != c.want {
			t.Errorf("%s: set %q, want %q", name, got, c.want)
		}
	}
	o := opened(t)
	d := toCustomer()
	d.Args.Of, d.Vend = 2, vend
	if m, err := notify.Queue(o, d, o.now); err != nil || m.TokenSet != vend.Text(id.Vend) {
		t.Errorf("stored with the set %q, %v", m.TokenSet, err)
	}
}

// TestWhichNoticeReplacesWhich goes through all pairs: a notice, and a message that was queued after it.
func TestWhichNoticeReplacesWhich(t *testing.T) {
	const low1, low2, soon, off, on = notify.PurposeLow1, notify.PurposeLow2, notify.PurposeCutSoon, notify.PurposeCutOff, notify.PurposeRestored
	const paid, back = notify.PurposeRecharge, notify.PurposeReversalMoney
	// Rows: the earlier notice. In each row: the later messages about the same meter that replace it, if a route had accepted it before, and
	// if none had.
	for _, c := range []struct {
		earlier        notify.Purpose
		sent, not      []notify.Purpose
		ofAnotherMeter []notify.Purpose // of the same account
	}{
		{low1, []notify.Purpose{low1, low2, soon, off, on, paid, back}, []notify.Purpose{low1, low2, soon, off, on, paid, back}, []notify.Purpose{low1, low2, soon}},
		{low2, []notify.Purpose{low1, low2, soon, off, on, paid, back}, []notify.Purpose{low2, soon}, []notify.Purpose{low1, low2, soon}},
		{soon, []notify.Purpose{low1, low2, soon, off, on, paid, back}, []notify.Purpose{low2, soon}, []notify.Purpose{low1, low2, soon}},
		{off, []notify.Purpose{off, on}, []notify.Purpose{off, on}, nil},
		{on, []notify.Purpose{off, on}, []notify.Purpose{off, on}, nil},
		{earlier: paid}, {earlier: back}, {earlier: notify.PurposeReversal}, {earlier: notify.PurposePaymentBack}, {earlier: notify.PurposeWritten},
		{earlier: notify.PurposeToken}, {earlier: notify.PurposeMeter}, {earlier: notify.PurposeBalance},
	} {
		account := notify.Args{Account: "acc_1"}
		for _, later := range append(notify.Purposes(), notify.PurposeWritten, notify.PurposeMeter) {
			check := func(name string, m notify.Message, l notify.Message, among []notify.Purpose) {
				t.Helper()
				want := false
				for _, p := range among {
					want = want || p == later
				}
				by, got := notify.ReplacedBy(m, []notify.Message{{Purpose: notify.PurposeWritten, Number: meterA}, l})
				if got != want || got && by.Purpose != later {
					t.Errorf("%s, then %s, %s: replaced %t by %q, want %t", c.earlier, later, name, got, by.Purpose, want)
				}
			}
			sent := time.Unix(1, 0)
			hasAccount := c.earlier != off && c.earlier != on // the notice of a supply is about its meter
			check("sent before", notify.Message{Purpose: c.earlier, Number: meterA, SentAt: sent}, notify.Message{Purpose: later, Number: meterA}, c.sent)
			check("not sent before", notify.Message{Purpose: c.earlier, Number: meterA}, notify.Message{Purpose: later, Number: meterA}, c.not)
			check("about another meter", notify.Message{Purpose: c.earlier, Number: meterA, SentAt: sent}, notify.Message{Purpose: later, Number: "04140001002"}, nil)
			if l := (notify.Message{Purpose: later, Number: "04140001002", Args: account}); hasAccount && later != off && later != on && later != paid && later != back {
				check("of the account", notify.Message{Purpose: c.earlier, Number: meterA, SentAt: sent, Args: account}, l, c.ofAnotherMeter)
			}
			if !hasAccount {
				check("of the account", notify.Message{Purpose: c.earlier, Number: meterA, Args: account}, notify.Message{Purpose: later, Number: "04140001002", Args: account}, nil)
			}
		}
	}
	if _, replaced := notify.ReplacedBy(notify.Message{Purpose: off, Number: meterA}, nil); replaced {
		t.Error("a notice is replaced by nothing")
	}
}
