package recharge_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/notify"
	"github.com/paywatt/paywatt/internal/recharge"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/sale"
)

// TestHowFarADeliveryByTheMetersConnectionIs checks each step of such a delivery.
func TestHowFarADeliveryByTheMetersConnectionIs(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*rows)
		whole  recharge.State
		want   *recharge.Delivery
	}{
		{"never sent", func(*rows) {}, recharge.Idle, nil},
		{"it waits", func(r *rows) { r.waiting = &recharge.Waiting{Since: after(0), Attempts: 2, Why: "away"} }, recharge.Queued,
			&recharge.Delivery{By: recharge.MQTT, State: recharge.Queued, Queued: after(0), Attempts: 2, Why: "away"}},
		{"it waits since it was last sent", func(r *rows) { r.waiting, r.sent = &recharge.Waiting{Since: after(0)}, after(0) }, recharge.Queued,
			&recharge.Delivery{By: recharge.MQTT, State: recharge.Queued, Queued: after(0), Sent: after(0)}},
		{"it was sent", func(r *rows) { r.waiting, r.sent = &recharge.Waiting{Since: after(0)}, after(1) }, recharge.Sent,
			&recharge.Delivery{By: recharge.MQTT, State: recharge.Sent, Queued: after(0), Sent: after(1)}},
		{"it was given up", func(r *rows) { r.waiting, r.sent = &recharge.Waiting{Since: after(0), Dead: true}, after(1) }, recharge.Failed,
			&recharge.Delivery{By: recharge.MQTT, State: recharge.Failed, Queued: after(0), Sent: after(1)}},
		{"the meter answered", func(r *rows) { r.sent, r.answered, r.token.State = after(1), after(2), sale.TokenSent }, recharge.Answered,
			&recharge.Delivery{By: recharge.MQTT, State: recharge.Answered, Queued: after(-60), Sent: after(1), Answered: after(2)}},
		{"the meter took it", func(r *rows) { r.sent, r.answered, r.token.State = after(1), after(2), sale.TokenAccepted }, recharge.Accepted,
			&recharge.Delivery{By: recharge.MQTT, State: recharge.Accepted, Queued: after(-60), Sent: after(1), Answered: after(2)}},
		{"the meter refused it", func(r *rows) { r.sent, r.answered, r.token.State = after(1), after(2), sale.TokenRejected }, recharge.Rejected,
			&recharge.Delivery{By: recharge.MQTT, State: recharge.Rejected, Queued: after(-60), Sent: after(1), Answered: after(2)}},
		{"an SMS says so", func(r *rows) { r.sent, r.answered, r.token.State = after(1), after(2), sale.TokenHeard }, recharge.Heard,
			&recharge.Delivery{By: recharge.MQTT, State: recharge.Sent, Queued: after(-60), Sent: after(1)}},
		{"an SMS says so, and it goes on", func(r *rows) {
			r.sent, r.answered, r.token.State, r.waiting = after(1), after(2), sale.TokenHeard, &recharge.Waiting{Since: after(0)}
		}, recharge.Heard, &recharge.Delivery{By: recharge.MQTT, State: recharge.Sent, Queued: after(0), Sent: after(1)}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRows(t)
			c.change(r)
			out := r.tracks()
			var want []recharge.Delivery
			if c.want != nil {
				want = append(want, *c.want)
			}
			if out.State != c.whole || !reflect.DeepEqual(out.Deliveries, want) || !out.AnsweredAt.Equal(r.answered) {
				t.Errorf("%s, %+v; want %s, %+v", out.State, out.Deliveries, c.whole, want)
			}
		})
	}
}

// TestHowFarAMessageIs checks each state of a message.
func TestHowFarAMessageIs(t *testing.T) {
	for state, want := range map[notify.State]recharge.State{notify.Queued: recharge.Queued, notify.SentOut: recharge.Sent, notify.Uncertain: recharge.Sent, notify.Arrived: recharge.Delivered,
		notify.Answered: recharge.Answered, notify.Lost: recharge.Failed, notify.Expired: recharge.Failed, notify.Suppressed: recharge.Failed} {
		r := newRows(t)
		r.messages = []notify.Message{{ID: id.ID{15: 40}, State: state, CreatedAt: after(1), SentAt: after(2), DeliveredAt: after(3), AnsweredAt: after(4), Tries: 5, Failure: "why"}}
		out := r.tracks()
		d := recharge.Delivery{By: recharge.SMS, Message: id.ID{15: 40}, State: want, Queued: after(1), Sent: after(2), Delivered: after(3), Answered: after(4), Attempts: 5, Why: "why"}
		if out.State != want || !reflect.DeepEqual(out.Deliveries, []recharge.Delivery{d}) {
			t.Errorf("%s: %s, %+v; want %s", state, out.State, out.Deliveries, want)
		}
	}
}

// TestWhatHasComeFurthestCounts: of several deliveries, the one that has come furthest decides.
func TestWhatHasComeFurthestCounts(t *testing.T) {
	all := []notify.State{notify.Answered, notify.Arrived, notify.SentOut, notify.Queued, notify.Lost}
	want := []recharge.State{recharge.Answered, recharge.Delivered, recharge.Sent, recharge.Queued, recharge.Failed}
	for i := range all {
		r := newRows(t)
		for n := len(all) - 1; n >= i; n-- {
			r.messages = append(r.messages, notify.Message{ID: id.ID{15: byte(40 + n)}, State: all[n]})
		}
		if out := r.tracks(); out.State != want[i] || len(out.Deliveries) != len(all)-i {
			t.Errorf("from %s on: %s of %d deliveries", all[i], out.State, len(out.Deliveries))
		}
	}
}

// TestWhatAMeterSaysThatItHolds: the balance is the newest one in its signed reports and its text messages.
func TestWhatAMeterSaysThatItHolds(t *testing.T) {
	reports := []metering.StoredToken{{Result: "busy", BalanceWh: 1, ReceivedAt: after(9)}, {Result: "used_error", BalanceWh: 6000, ReceivedAt: after(5), Source: "keypad"},
		{Result: "accept", BalanceWh: 7000, ReceivedAt: after(4), Source: "remote"}}
	signed := &recharge.Balance{Energy: 6000, At: after(5), Source: "keypad"}
	told := func(minute int) *recharge.Balance {
		return &recharge.Balance{Energy: 42_800, At: after(minute), Source: "sms answer"}
	}
	const text, silent = "Recharge OK. 34.7 kWh added. Balance 42.8 kWh", "Token rejected."
	for _, c := range []struct {
		name    string
		reports []metering.StoredToken
		text    string
		minute  int
		want    *recharge.Balance
	}{
		{"nothing", nil, silent, 6, nil},
		{"over its connection", reports, silent, 6, signed},
		{"not with an answer that decides nothing", reports[:1], silent, 6, nil},
		{"by SMS", nil, text, 6, told(6)},
		{"by SMS, newer", reports, text, 6, told(6)},
		{"by SMS, at once", reports, text, 5, signed},
		{"by SMS, older", reports, text, 4, signed},
	} {
		r := newRows(t)
		r.reports = c.reports
		r.messages = []notify.Message{{ID: id.ID{15: 40}, State: notify.Answered, AnsweredAt: after(1)}, {ID: id.ID{15: 41}, State: notify.Lost}}
		r.answers[id.ID{15: 40}] = []notify.Message{{Text: c.text, CreatedAt: after(c.minute)}, {Text: "an older one", CreatedAt: after(1)}}
		out := r.tracks()
		if !reflect.DeepEqual(out.Balance, c.want) || len(out.Reports) != len(c.reports) {
			t.Errorf("%s: %+v, want %+v", c.name, out.Balance, c.want)
		}
		if d := out.Deliveries[0]; d.Answer != c.text || !d.Answered.Equal(after(c.minute)) || out.Deliveries[1].Answer != "" {
			t.Errorf("%s: answered %q at %s", c.name, d.Answer, d.Answered)
		}
	}
	r := newRows(t)
	r.tracks()
	if got := strings.Join(r.Made, ", "); !strings.Contains(got, "TokenReportsOf 1 at most 5") || !strings.Contains(got, "MessagesOfToken 5") {
		t.Errorf("calls %s", got)
	}
}

// TestWhichTokenIsFollowed: a token can be followed if it belongs to the meter, whether it was made here or is external.
func TestWhichTokenIsFollowed(t *testing.T) {
	r := newRows(t)
	r.token.Elsewhere = true
	if out := r.tracks(); !out.Elsewhere || out.Token.ID != r.token.ID || out.Meter.Number != number || r.tenant != 1 {
		t.Errorf("%+v", out)
	}
	for _, c := range []struct {
		what, meter, token string
		of                 string
		code               refusal.Code
		calls              int
	}{
		{"no identity", number, "x", number, refusal.NotFound, 0},
		{"an unknown one", number, name(8), number, refusal.NotFound, 3},
		{"another meter's", number, name(1), "06000001237", refusal.NotFound, 3},
		{"an unknown meter", "06000001237", name(1), number, refusal.MeterNotFound, 2},
		{"no meter", "x", name(1), number, refusal.MeterNumberInvalid, 0},
	} {
		r := newRows(t)
		r.number = c.of
		out, err := r.cases().Track(t.Context(), owner(), c.meter, c.token)
		if err != nil || out.Code != c.code || !out.Token.ID.IsZero() || len(r.Made) != c.calls {
			t.Errorf("%s: %+v, %v after %q", c.what, out, err, r.Made)
		}
	}
}

// TestTheStepsAreInTheOrderInWhichTheyHappened: a network reports times in whole seconds. Within one second, the steps are sorted in the
// only order in which they can have happened.
func TestTheStepsAreInTheOrderInWhichTheyHappened(t *testing.T) {
	at := func(ms int) time.Time { return noon().Add(time.Duration(ms) * time.Millisecond) }
	steps := func(tr recharge.Tracked) string {
		var out []string
		for _, s := range tr.Steps() {
			out = append(out, strings.TrimSpace(fmt.Sprintf("%s %s %s %s", s.At.Format("05.000"), s.State, s.By, s.Note)))
		}
		return strings.Join(out, "; ")
	}
	tr := recharge.Tracked{State: recharge.Accepted, AnsweredAt: at(4000), Token: sale.Token{Result: "accept"}, Balance: &recharge.Balance{Source: "keypad"},
		Deliveries: []recharge.Delivery{{By: recharge.SMS, Queued: at(1100), Sent: at(2900), Delivered: at(2000), Answered: at(4900), Answer: "Recharge OK."}, {By: recharge.MQTT, Queued: at(500), Sent: at(2950)}}}
	if got, want := steps(tr), "00.500 queued mqtt; 01.100 queued sms; 02.900 sent sms; 02.950 sent mqtt; 02.000 delivered sms; 04.900 answered sms Recharge OK.; 04.000 accepted  accept by keypad"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	behind := recharge.Tracked{Deliveries: []recharge.Delivery{{By: recharge.SMS, Queued: at(1900), Sent: at(3050), Delivered: at(2000)}}}
	if got := steps(behind); got != "01.900 queued sms; 03.050 sent sms; 02.000 delivered sms" {
		t.Errorf("the network's clock is behind: %s", got)
	}
	tr.Balance = nil
	if got := steps(tr); !strings.HasSuffix(got, "accepted  accept") {
		t.Errorf("without a balance %s", got)
	}
	for _, s := range []recharge.State{recharge.Idle, recharge.Queued, recharge.Sent, recharge.Delivered, recharge.Answered, recharge.Failed} {
		if got := steps(recharge.Tracked{State: s, AnsweredAt: at(1)}); got != "" {
			t.Errorf("%s: %s", s, got)
		}
	}
	for _, s := range []recharge.State{recharge.Heard, recharge.Accepted, recharge.Rejected} {
		if got := steps(recharge.Tracked{State: s, AnsweredAt: at(1)}); got != "00.001 "+string(s) {
			t.Errorf("%s: %s", s, got)
		}
	}
	if got := steps(recharge.Tracked{State: recharge.Accepted}); got != "" {
		t.Errorf("a step without its time: %s", got)
	}
	heard := recharge.Tracked{State: recharge.Heard, AnsweredAt: at(10), Deliveries: []recharge.Delivery{{By: recharge.SMS, Answered: at(20)}}}
	if got := steps(heard); got != "00.020 answered sms; 00.010 heard" {
		t.Errorf("within a second %s", got)
	}
}
