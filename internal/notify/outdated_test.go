package notify_test

// Tests of outdated.go at the dispatcher: what becomes of a notice that is out of date, and what wakes the messages of a telephone.

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/notify"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/wallet"
	"github.com/paywatt/paywatt/supply"
)

// notice is a draft about the meter.
func notice(p notify.Purpose) notify.Draft {
	d := warning()
	d.Purpose = p
	return d
}

// TestANoticeThatIsOutOfDateIsNotSent: the earlier notice ends as suppressed, with the reason, and only the later one leaves. It does not
// count as sent. A notice whose earlier try may have arrived stays unknown.
func TestANoticeThatIsOutOfDateIsNotSent(t *testing.T) {
	const reason = "a later message says more: restored"
	for _, state := range []notify.State{notify.Queued, notify.Uncertain} {
		h, a, _ := newHall(t)
		old := h.queues(notice(notify.PurposeCutOff))
		h.of(old).State = state
		last := h.queues(notice(notify.PurposeRestored))
		said := h.serves()
		want := map[notify.State]notify.State{notify.Queued: notify.Suppressed, notify.Uncertain: notify.Uncertain}[state]
		if m := h.of(old); m.State != want || m.Open || m.Failure != reason || !m.EndedAt.Equal(h.now) {
			t.Errorf("%s: the notice is %s, want %s", state, h.state(old), want)
		}
		if m := h.of(last); m.State != notify.SentOut || len(a.sent) != 1 {
			t.Errorf("%s: the last notice is %s, and %d are sent", state, h.state(last), len(a.sent))
		}
		if !strings.Contains(said, fmt.Sprintf("message.%s purpose=cut-off route=a meter=%s why=%s", want, meterA, reason)) || strings.Contains(said, "given notice.supply-off") {
			t.Errorf("%s: wrote %q", state, said)
		}
	}
}

// TestAWarningIsSentWhileItHolds: a warning that waited is not sent if the balance is no longer low. It then counts as not sent, so the next
// fall brings a new warning.
func TestAWarningIsSentWhileItHolds(t *testing.T) {
	rich := wallet.State{}
	low := func(first, second bool) wallet.State {
		return wallet.State{Low1: supply.Crossing{Below: first}, Low2: supply.Crossing{Below: second}}
	}
	out := map[int64]wallet.Supplied{1: {Supply: wallet.Supply{Out: time.Unix(1, 0)}}}
	for name, c := range map[string]struct {
		purpose  notify.Purpose
		states   []wallet.State
		supplies map[int64]wallet.Supplied
		sent     bool
	}{
		"the first, paid since":          {notify.PurposeLow1, []wallet.State{rich}, nil, false},
		"the first, still low":           {notify.PurposeLow1, []wallet.State{low(true, false)}, nil, true},
		"the first, used up since":       {notify.PurposeLow1, []wallet.State{low(true, true)}, out, true},
		"the second, paid since":         {notify.PurposeLow2, []wallet.State{rich}, nil, false},
		"the second, paid a little":      {notify.PurposeLow2, []wallet.State{low(true, false)}, nil, false},
		"the second, still low":          {notify.PurposeLow2, []wallet.State{low(true, true)}, nil, true},
		"the second, used up":            {notify.PurposeLow2, []wallet.State{rich}, out, true},
		"the last, paid since":           {notify.PurposeCutSoon, []wallet.State{rich}, nil, false},
		"the last, still used up":        {notify.PurposeCutSoon, []wallet.State{rich}, out, true},
		"the last, no more used up":      {notify.PurposeCutSoon, []wallet.State{low(true, true)}, nil, true},
		"one of two meters is still low": {notify.PurposeLow2, []wallet.State{rich, low(true, true)}, nil, true},
		"no wallet":                      {notify.PurposeLow2, nil, nil, true},
		"the supply is back":             {notify.PurposeRestored, []wallet.State{rich}, nil, true},
	} {
		h, a, _ := newHall(t)
		for i, s := range c.states {
			h.wallets = append(h.wallets, wallet.Row{State: s, Meter: wallet.MeterFacts{N: int64(i + 1)}})
		}
		h.supplies = c.supplies
		m := h.queues(notice(c.purpose))
		said := h.serves()
		if got := h.of(m); (len(a.sent) == 1) != c.sent || (got.State == notify.SentOut) != c.sent {
			t.Errorf("%s: %s, %d sent", name, h.state(m), len(a.sent))
		}
		if got := h.of(m); !c.sent && (got.State != notify.Suppressed || got.Failure != "the balance is no longer low" || strings.Contains(said, "given")) {
			t.Errorf("%s: %s, wrote %q", name, h.state(m), said)
		}
	}
}

// TestTheWarningThatADeviceCannotBeReadIsOutOfDate when a value was read since, or when the supply went off. It waits for the morning as the other
// warnings do, and a later one replaces it.
func TestTheWarningThatADeviceCannotBeReadIsOutOfDate(t *testing.T) {
	for name, c := range map[string]struct {
		later notify.Purpose
		read  bool
		want  string // why the warning is not sent
	}{
		"still not readable":   {want: ""},
		"read since":           {read: true, want: "a value of the device was read"},
		"the supply went off":  {later: notify.PurposeCutOff, want: "a later message says more: cut-off"},
		"it is restored":       {later: notify.PurposeRestored, want: "a later message says more: restored"},
		"the second warning":   {later: notify.PurposeUnread, want: "a later message says more: device-unread"},
		"news of another kind": {later: notify.PurposeLow1, want: ""},
	} {
		h, _, _ := newHall(t)
		h.read = c.read
		m := h.queues(notice(notify.PurposeUnread))
		if c.later != "" {
			h.queues(notice(c.later))
		}
		h.serves()
		if got := h.of(m); got.Failure != c.want || (got.State == notify.SentOut) != (c.want == "") {
			t.Errorf("%s: %s", name, h.state(m))
		}
	}
}

// TestAReceiptOfAReversedRechargeIsNotSent: the message about a recharge waits while its sale is being reversed, and ends when it was.
func TestAReceiptOfAReversedRechargeIsNotSent(t *testing.T) {
	for state, want := range map[sale.State]string{
		sale.Completed: "sent open=false route=a round=0 tries=1 cost=200",
		sale.Reversing: "queued open=true route=a round=0 tries=0 cost=0 in 5m0s why the sale is being reversed",
		sale.Reversed:  "suppressed open=false route=a round=0 tries=0 cost=0 why the recharge was reversed",
	} {
		h, _, _ := newHall(t)
		vend := id.ID{15: 9}
		h.sales[vend] = sale.Sale{ID: vend, State: state}
		d := notice(notify.PurposeRecharge)
		d.Vend, d.Args.Amount = vend, money.Minor(100)
		m := h.queues(d)
		h.serves()
		h.want(string(state), h.state(m), want)
	}
}

// TestAMessageSaysTheBalanceOfTheMomentInWhichItLeaves: an answer to BAL overtakes an older message, and the reader takes the balance in the
// last message for the newest.
func TestAMessageSaysTheBalanceOfTheMomentInWhichItLeaves(t *testing.T) {
	for purpose, want := range map[notify.Purpose]string{
		notify.PurposeRestored:      "The supply of meter 04140001001 is coming back. Balance KES 900.70.",
		notify.PurposeCutOff:        "The supply of meter 04140001001 is switched off. Balance KES 900.70. Pay to restore it, or ask us.",
		notify.PurposeLow1:          "Meter 04140001001: KES 900.70 left. Please pay soon to keep your supply.",
		notify.PurposeRecharge:      "Received KES 50.00 for meter 04140001001. Balance KES 900.70.",
		notify.PurposeReversalMoney: "Your payment of KES 50.00 for meter 04140001001 was reversed. Balance KES 900.70.",
		notify.PurposeCutSoon:       "Meter 04140001001: only KES 900.70 left. Pay now, or the supply goes off when it is used up.",
		notify.PurposeReversal:      "Your purchase of 0.0 kWh for KES 50.00, meter 04140001001, was reversed. Do not use its token.",
	} {
		h, a, _ := newHall(t)
		d := notice(purpose)
		d.Args.Amount, d.Args.Balance = 50_00, 490_84
		h.queues(d)
		h.left = money.Amount{Minor: 900_70, Currency: "KES"}
		h.serves()
		h.want(string(purpose), a.sent[0].Text, want)
	}
	h, a, _ := newHall(t)
	h.noWallet = true
	d := notice(notify.PurposeRestored)
	d.Args.Balance = 490_84
	h.queues(d)
	h.serves()
	h.want("without a wallet", a.sent[0].Text, "The supply of meter 04140001001 is coming back. Balance KES 490.84.")
}

// TestWhatWakesTheMessagesOfATelephone: a report of delivery does, and so does a message from the telephone. After its first message for five
// minutes, further ones leave out what was tried in these minutes.
func TestWhatWakesTheMessagesOfATelephone(t *testing.T) {
	h, _, _ := newHall(t)
	woken := func() string {
		out := strings.Join(h.woken, ", ")
		h.woken = nil
		return out
	}
	report := func(m id.ID, s notify.ReportState) {
		t.Helper()
		if err := h.dispatcher.Inbox(1).Report(t.Context(), notify.Report{Route: "a", ID: m.Text(id.Message), State: s}); err != nil {
			t.Fatal(err)
		}
	}
	delivered, failed, trying := h.queues(text()), h.queues(text()), h.queues(text())
	h.serves()
	report(delivered, notify.Delivered)
	h.want("delivered", woken(), amina+" 0s")
	report(delivered, notify.Delivered)
	h.want("reported again", woken(), "")
	report(failed, notify.Failed)
	h.want("not delivered", woken(), "")
	report(trying, notify.Trying)
	h.want("still trying", woken(), "")
	h, _, _ = withToken(t)
	toMeter := h.queues(toMeter())
	h.serves()
	report(toMeter, notify.Delivered)
	h.want("delivered to a meter", woken(), "")

	o := opened(t)
	writes := func(from string) string {
		o.woken = nil
		o.receive(from, "HELP")
		return strings.Join(o.woken, ", ")
	}
	h.want("the first message", writes(amina), amina+" 0s")
	o.now = o.now.Add(notify.WakeEvery - 2*time.Second)
	h.want("soon after it", writes(amina), amina+" 5m0s")
	o.now = o.now.Add(notify.WakeEvery)
	h.want("five minutes after that", writes(amina), amina+" 0s")
}

// TestOneTelephoneDoesNotTakeARouteDown: many texts to a telephone that is off fail one after the other. Only failures with several numbers, or
// over a longer time, say that the route is at fault.
func TestOneTelephoneDoesNotTakeARouteDown(t *testing.T) {
	no := notify.Sent{Outcome: notify.NotSent, Why: "absent"}
	h, a, _ := newHall(t)
	h.dispatcher = notify.New(notify.Config{Door: h, Opener: h, Hasher: h, Routes: h.routes[:1], Owner: "test", Alone: true, Now: func() time.Time { return h.now }})
	fails := func(phone string, failures int, down bool) {
		t.Helper()
		a.answers = []notify.Sent{no}
		d := text()
		d.Phone = phone
		h.queues(d)
		h.serves()
		s, err := h.dispatcher.Routes(t.Context(), clerk())
		if r := s.Routes[0]; err != nil || r.Failures != failures || r.Down != down {
			t.Errorf("after a text to %s the route has failed %d times and is down: %t, %v; want %d, %t", phone, r.Failures, r.Down, err, failures, down)
		}
	}
	for range 10 {
		fails(amina, 1, false)
	}
	fails(juma, 2, false)
	fails(amina, 2, false)
	h.messages = nil
	h.now = h.now.Add(notify.WakeEvery)
	fails(amina, 3, false)
	fails(amina, 3, false)
	fails(juma, 4, false)
	h.queues(text())
	if h.serves(); len(a.answers) != 0 {
		t.Error("the route was not asked")
	}
	fails(juma, 1, false) // a text was accepted meanwhile
	fails(amina, 2, false)
	for i := range 3 {
		fails(fmt.Sprintf("+25470000010%d", i), i+3, i == 2)
	}
}
