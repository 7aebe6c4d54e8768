package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/internal/await"
	"github.com/paywatt/paywatt/internal/demo"
	"github.com/paywatt/paywatt/internal/device"
	"github.com/paywatt/paywatt/internal/exit"
	"github.com/paywatt/paywatt/internal/gsm/bus"
	"github.com/paywatt/paywatt/internal/gsm/network"
	"github.com/paywatt/paywatt/internal/gsm/sim900"
	"github.com/paywatt/paywatt/internal/tier"
	"github.com/paywatt/paywatt/sts"
)

// pushMeter is a meter with only a modem. The server knows it only by its text messages.
type pushMeter struct {
	*demo.Scripted
	t      testing.TB
	sim    string
	tokens []string // ids of the tokens sold to it
	units  int64    // energy of all its tokens, in Wh
}

// pushSIM is the number of the SIM in the i-th meter.
func pushSIM(i int) string { return fmt.Sprintf("+2547000002%02d", i) }

// streetName is the customer of each meter of a street.
const streetName = "Amina A."

// streetPhone is the number of the i-th customer's telephone.
func streetPhone(i int) string { return fmt.Sprintf("+2547000000%02d", i+1) }

// streetMeter is the number of the i-th meter.
func streetMeter(t *testing.T, i int) string {
	t.Helper()
	body := fmt.Sprintf("0414000%03d", 100+i)
	digit, err := sts.Luhn(body)
	if err != nil {
		t.Fatal(err)
	}
	return body + string(digit)
}

// pushStreet is a server with its own modem and meters with only a modem. Server and network share a clock that the test can put forward:
// the server waits minutes for answers, and a message's time stamp counts seconds.
type pushStreet struct {
	*platform
	meters []*pushMeter
	radio  *network.Network
	ahead  atomic.Int64 // how far the shared clock is ahead of the machine's clock
	storm  bool         // true if delivery reports may be lost
}

func (s *pushStreet) now() time.Time { return time.Now().Add(time.Duration(s.ahead.Load())) }

// pass puts the clock of the server and the network forward by d, and the meters' clocks by two hours. The meters need more time because a
// meter sends at most ten answers an hour to one number, and at most twenty answers a day in all.
func (s *pushStreet) pass(d time.Duration) {
	s.ahead.Add(int64(d))
	for _, m := range s.meters {
		m.live("run 2h")
	}
}

// newPushStreet starts the server, the network and the meters.
func newPushStreet(t *testing.T, meters int) *pushStreet {
	t.Helper()
	s := &pushStreet{platform: newPlatform(t)}
	p := s.place
	s.air(meters)
	if err := p.Stop(); err != nil { // the server was started without a modem
		t.Fatal(err)
	}
	p.Modem, p.Now = p.Port(demo.Authority), s.now
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	for i := range meters {
		number, phone := streetMeter(t, i), streetPhone(i)
		added, err := p.Register(t.Context(), s.api, number, streetName, phone, pushSIM(i))
		if err != nil {
			t.Fatal(err)
		}
		d := p.Script(t.Context(), number, "vmeter", number, "--script", "--offline", "--state", filepath.Join(p.Dir, "meter-"+number),
			"--key", added.DecoderKey, "--ea", "07", "--phone", phone, "--phone", demo.Authority, "--modem", p.Port(pushSIM(i)))
		s.meters = append(s.meters, &pushMeter{Scripted: d, t: t, sim: pushSIM(i)})
	}
	t.Cleanup(func() {
		for _, m := range s.meters {
			if err := m.Close(); err != nil {
				t.Error(err)
			}
		}
	})
	return s
}

// air is the network with a modem for the server and one for each meter.
func (s *pushStreet) air(meters int) {
	s.t.Helper()
	numbers := []string{demo.Authority}
	for i := range meters {
		numbers = append(numbers, pushSIM(i))
	}
	s.radio = network.New(7, network.Weather{}, s.now)
	var modems []*sim900.Modem
	var ptys []*sim900.PTY
	var names []string
	for _, n := range numbers {
		m, err := sim900.New(sim900.Config{Number: n, Network: s.radio, Boot: 100 * time.Millisecond})
		if err != nil {
			s.t.Fatal(err)
		}
		port, err := sim900.OpenPTY(s.place.Port(n))
		if err != nil {
			s.t.Fatal(err)
		}
		modems, ptys, names = append(modems, m), append(ptys, port), append(names, port.Name)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		s.t.Fatal(err)
	}
	ctx, stop := context.WithCancel(s.t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- serveModems(ctx, s.radio, modems, ptys, &http.Server{Handler: bus.NewHandler(s.radio, modems, names)}, l)
	}()
	s.t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			s.t.Error(err)
		}
		for _, port := range ptys {
			if err := port.Close(); err != nil {
				s.t.Error(err)
			}
		}
	})
}

// settled waits until the newest message that brought a token to its meter's SIM is answered, and returns that delivery.
// It ignores the earlier message with the given id. In bad weather it moves the clock while no answer comes, because only a second message
// brings one, and nothing is on its way. In good weather it waits: to the server, a moved clock means that the meter did not answer, so it would send the token again.
func (s *pushStreet) settled(m *pushMeter, token, message string) (apiv1.Recharge, apiv1.RechargeDelivery) {
	s.t.Helper()
	const enough = 25 // looks at the server
	heard, quiet := 0, 0
	for end := time.Now().Add(await.Limit); ; {
		r, err := s.api.RechargeState(s.t.Context(), m.Number, token)
		if err != nil {
			s.t.Fatal(err)
		}
		if len(r.Deliveries) > 0 {
			// Without bad weather the delivery report comes too, but possibly after the answer.
			if d := r.Deliveries[0]; d.Message != message && d.State == "answered" && (d.DeliveredAt != nil || s.storm) {
				return r, d
			}
		}
		if time.Now().After(end) {
			s.t.Fatalf("%s: meter %s, token %s: no answer: %+v", await.NotInTime, m.Number, token, r)
		}
		quiet++
		if n := len(s.radio.Events(0)); n != heard {
			heard, quiet = n, 0
		}
		if s.storm && quiet > enough { // nothing moves any more while the server answers: what is not answered is lost
			s.pass(10 * time.Minute)
			quiet = 0
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// live gives the meter a command and returns its state.
func (m *pushMeter) live(command string) device.View {
	m.t.Helper()
	v, err := m.Do(command)
	if err != nil {
		m.t.Fatal(err)
	}
	return v
}

// sellTo sells a token for the meter with delivery through the server's own modem, and returns its identity.
func (s *pushStreet) sellTo(m *pushMeter) string {
	s.t.Helper()
	v, err := s.api.Vend(s.t.Context(), apiv1.NewSale{Meter: m.Number, Tender: apiv1.Amount{AmountMinor: 10_000, Currency: "KES"},
		ClientRef: fmt.Sprintf("%s-%d", m.Number, len(m.tokens)), Deliver: []string{"meter_sms"}}, "")
	if err != nil {
		s.t.Fatal(err)
	}
	list, err := s.api.Tokens(s.t.Context(), apiv1.MeterFilter{Meter: m.Number, Page: apiv1.Page{Limit: 1}})
	if err != nil || len(list.Data) != 1 || list.Data[0].Digits != v.Tokens[0].Digits {
		s.t.Fatal(len(list.Data), err)
	}
	m.tokens = append(m.tokens, list.Data[0].ID)
	m.units += v.UnitsWh
	return list.Data[0].ID
}

// TestFortyTokensByServerPush sells 40 tokens to eight meters that have only a modem, and delivers them through the server's
// own modem. It stays inside the limits of the meters' answers. Then the server sends each token once more.
func TestFortyTokensByServerPush(t *testing.T) {
	tier.Slow(t)
	meters, each := tier.PushMeters.N(), 5 // as many answers as a meter gives in an hour, for tokens that come twice
	s := newPushStreet(t, meters)
	heard, used := 0, 0
	for i := range each {
		for _, m := range s.meters {
			s.sellTo(m)
		}
		for _, m := range s.meters {
			r, way := s.settled(m, m.tokens[i], "")
			view := m.live("run 2h")
			if want := "added. Balance " + kwh(view.BalanceWh); r.State != "heard" || way.By != "sms" || !strings.HasPrefix(way.Answer, "Recharge OK. ") || !strings.HasSuffix(way.Answer, want) {
				t.Fatalf("token %d of meter %s: %+v, want heard and answered with %q", i+1, m.Number, r, want)
			}
			if got := states(r); !slices.Equal(got, []string{"queued", "sent", "delivered", "answered", "heard"}) {
				t.Errorf("token %d of meter %s went %v", i+1, m.Number, got)
			}
			heard++
		}
	}
	for i := range each {
		s.pass(time.Minute)
		used += s.pushAgain(i)
	}
	for _, m := range s.meters {
		if after := m.live("show"); after.BalanceWh != m.units {
			t.Errorf("meter %s holds %d Wh, %d were sold to it", m.Number, after.BalanceWh, m.units)
		}
	}
	t.Logf("figures: %d tokens by server push through the modem to %d meters: %d heard and answered with the balance; each again by push: %d answered \"this recharge card has been used!\" with the balance",
		meters*each, meters, heard, used)
}

// pushAgain sends the i-th token of each meter through the server's modem once more. The meter answers that the token was
// used; the message and the token still count as delivered.
func (s *pushStreet) pushAgain(i int) (used int) {
	s.t.Helper()
	first := map[string]string{} // id of the first message by token
	for _, m := range s.meters {
		before, err := s.api.RechargeState(s.t.Context(), m.Number, m.tokens[i])
		if err == nil {
			_, err = s.api.Recharge(s.t.Context(), m.Number, apiv1.NewRecharge{Token: m.tokens[i], By: "sms"})
		}
		if err != nil {
			s.t.Fatal(err)
		}
		first[m.tokens[i]] = before.Deliveries[0].Message
	}
	for _, m := range s.meters {
		r, way := s.settled(m, m.tokens[i], first[m.tokens[i]])
		balance := kwh(m.live("run 2h").BalanceWh)
		if way.Answer != "this recharge card has been used! Balance "+balance || r.State != "heard" || len(r.Deliveries) != 2 || r.Balance == nil || kwh(r.Balance.Wh) != balance {
			s.t.Fatalf("meter %s again: %+v, want a second delivery, answered as used with balance %s", m.Number, r, balance)
		}
		msg, err := s.api.Message(s.t.Context(), way.Message)
		if err != nil || msg.State != "answered" || msg.Tries != 1 || msg.AnsweredAt == nil || msg.Token != m.tokens[i] {
			s.t.Errorf("the message of meter %s is %+v, %v; want it answered at the first try", m.Number, msg, err)
		}
		list, err := s.api.Tokens(s.t.Context(), apiv1.MeterFilter{Meter: m.Number, Page: apiv1.Page{Limit: 200}})
		if at := slices.IndexFunc(list.Data, func(l apiv1.MeterToken) bool { return l.ID == m.tokens[i] }); err != nil || at < 0 || list.Data[at].State != "heard" {
			s.t.Errorf("token %d of meter %s is %+v, %v; want it heard", i+1, m.Number, list.Data, err)
		}
		used++
	}
	return used
}

// TestFortyTokensByServerPushInBadWeather: a fifth of the messages in each direction is lost, and others come twice or late. The tokens
// have equal amounts, so one answer can fit several tokens. Each meter loads each token exactly once, and the server learns of every load:
// from the meter's list of its last tokens, or by sending the token once more.
func TestFortyTokensByServerPushInBadWeather(t *testing.T) {
	tier.Slow(t)
	meters, each := tier.PushMetersInBadWeather.N(), tier.PushTokensInBadWeather.N()
	s := newPushStreet(t, meters)
	s.storm = true
	s.radio.SetWeather(network.Weather{Loss: 0.2, Duplicate: 0.2, Reorder: 0.2, Delay: 10 * time.Millisecond, Hold: 200 * time.Millisecond})
	for range each {
		for _, m := range s.meters {
			s.sellTo(m)
		}
	}
	var sums pushSums
	for _, m := range s.meters {
		for _, token := range m.tokens {
			r, way := s.settled(m, token, "")
			msg, err := s.api.Message(t.Context(), way.Message)
			if err != nil || r.State != "heard" || msg.State != "answered" {
				t.Fatalf("token %s of meter %s: %+v, message %+v, %v; want it heard and its message answered", token, m.Number, r, msg, err)
			}
			sums.add(msg)
		}
		if v := m.live("show"); v.BalanceWh != m.units {
			t.Errorf("meter %s holds %d Wh, %d were sold to it: a token is in it twice or not at all", m.Number, v.BalanceWh, m.units)
		}
	}
	lost := s.happened(network.Lost)
	if tier.IsLong() && (lost == 0 || sums.repeated == 0 || s.happened(network.Doubled) == 0) { // a few tokens may be lucky
		t.Errorf("%d messages were lost and %d tokens needed more than one: the weather was not bad", lost, sums.repeated)
	}
	t.Logf("figures: %d tokens by server push with 20 %% loss, duplicates and reorder: %d in their meters exactly once and known to be; %d messages sent for them, %d of them *04#; %d messages lost on either way, %d tokens without a clear first answer, all resolved",
		meters*each, sums.tokens, sums.messages, sums.asked, lost, sums.repeated)
}

// pushSums count the messages and retries needed to deliver the tokens.
type pushSums struct{ tokens, messages, asked, repeated int }

func (s *pushSums) add(m apiv1.MessageDetail) {
	s.tokens++
	s.messages += len(m.Attempts)
	if len(m.Attempts) > 1 {
		s.repeated++
	}
	for _, a := range m.Attempts {
		if a.Asking {
			s.asked++
		}
	}
}

// happened counts the events of a kind on the network.
func (s *pushStreet) happened(kind network.Kind) (n int) {
	for _, e := range s.radio.Events(0) {
		if e.Kind == kind {
			n++
		}
	}
	return n
}

// TestMeterRechargeBySMS follows a token from the command line through the server's modem to a meter that has only a modem.
func TestMeterRechargeBySMS(t *testing.T) {
	tier.Slow(t)
	s := newPushStreet(t, 1)
	m := s.meters[0]
	v, err := s.api.Vend(t.Context(), apiv1.NewSale{Meter: m.Number, Tender: apiv1.Amount{AmountMinor: 10_000, Currency: "KES"}, ClientRef: "counter"}, "")
	if err != nil {
		t.Fatal(err)
	}
	code, out, told := s.paywatt("", "meter", "recharge", m.Number, "*02#"+grouped(v.Tokens[0].Digits), "--by", "sms", "--wait", await.Limit.String())
	if code != 0 || !strings.Contains(out, "heard") || !strings.Contains(out, "34.7 kWh") || !strings.Contains(out, "sms answer") || strings.Contains(out+told, v.Tokens[0].Digits) {
		t.Fatalf("exit %d\n%s%s", code, out, told)
	}
	var steps []string
	last := time.Time{}
	for line := range strings.Lines(told) {
		word := strings.Fields(line)
		at, err := time.Parse(time.RFC3339, word[0])
		if err != nil {
			continue // this line is a message of the program, not a step
		}
		if at.Before(last) {
			t.Errorf("%q is told after %s", line, last)
		}
		last, steps = at, append(steps, word[1])
	}
	if got := slices.DeleteFunc(slices.Clone(steps), func(s string) bool { return s == "delivered" }); !slices.Equal(got, []string{"queued", "sent", "answered", "heard"}) {
		t.Errorf("the steps told are %v:\n%s", steps, told)
	}
	list, err := s.api.Tokens(t.Context(), apiv1.MeterFilter{Meter: m.Number, Page: apiv1.Page{Limit: 1}})
	if err != nil || len(list.Data) != 1 {
		t.Fatal(len(list.Data), err)
	}
	if r, _ := s.settled(m, list.Data[0].ID, ""); !slices.Equal(states(r), []string{"queued", "sent", "delivered", "answered", "heard"}) {
		t.Errorf("the steps are %v", states(r))
	}
	// Recharge once more, by the token's id: the meter answers that the token was used, and gives its balance.
	s.pass(time.Minute)
	code, out, told = s.paywatt("", "meter", "recharge", m.Number, list.Data[0].ID, "--by", "sms", "--wait", await.Limit.String())
	if code != 0 || !strings.Contains(out, "heard") || !strings.Contains(out, "answered: this recharge card has been used! Balance 34.7 kWh") {
		t.Errorf("again: exit %d\n%s%s", code, out, told)
	}
	// Recharge over MQTT, although the meter has no connection. What text messages reported earlier does not count as an answer to this
	// delivery.
	code, out, told = s.paywatt("", "meter", "recharge", m.Number, list.Data[0].ID, "--by", "mqtt", "--wait", "2s")
	if code != exit.Unreachable || !strings.Contains(out, "heard") || !strings.Contains(told, "Only a text message reports the token as loaded") || !strings.Contains(told, "The token is not lost") {
		t.Errorf("by a connection that the meter has not: exit %d, want %d\n%s%s", code, exit.Unreachable, out, told)
	}
	if code, out, told = s.paywatt("", "meter", "recharge", m.Number, list.Data[0].ID, "--by", "mqtt", "--wait", "0s"); code != 0 {
		t.Errorf("not followed: exit %d\n%s%s", code, out, told)
	}
	if wh := m.live("show").BalanceWh; wh != v.UnitsWh {
		t.Errorf("the meter holds %d Wh, want %d", wh, v.UnitsWh)
	}
}
