package e2e

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/await"
	"github.com/paywatt/paywatt/internal/gsm/bus"
	"github.com/paywatt/paywatt/internal/tier"
)

const serverNumber = "+254700000100"

// smsWorld is a server with an emulated modem, and meters with modems in the same network.
type smsWorld struct {
	*api
	place  *place
	server *server
	radio  *radio
	meters []textMeter
	args   []string
}

// textMeter is a virtual meter with a modem, and its customer's telephone.
type textMeter struct {
	*vmeter
	number, sim, phone string
}

// newSMSWorld starts a server and some meters; wait is how long a meter has for its first answer.
func newSMSWorld(t *testing.T, meters int, wait string) *smsWorld {
	t.Helper()
	dir := t.TempDir()
	args := []string{"--number", serverNumber, "--pty", filepath.Join(dir, "server")}
	for i := range meters {
		args = append(args, "--number", fmt.Sprintf("+25470000020%d", i), "--pty", filepath.Join(dir, fmt.Sprintf("meter%d", i)))
	}
	w := &smsWorld{place: newPlace(t, paywatt(t)), radio: startRadio(t, append(args, "--seed", "7")...)}
	w.args = []string{"--sms-modem", filepath.Join(dir, "server") + "=" + serverNumber, "--sms-answer-wait", wait}
	w.server = w.place.serve(t, "127.0.0.1:0", "127.0.0.1:0", w.args...)
	w.api = newAPI(w.server.http, w.place.run(t, "", "apikey", "create", "--role", "owner", "--data", w.place.dir))
	w.tariff(t)
	for i := range meters {
		m := textMeter{number: number(7001 + i), sim: fmt.Sprintf("+25470000020%d", i), phone: fmt.Sprintf("+25471000000%d", i)}
		a := w.must(t, 201, "POST", "/v1/meters", map[string]any{"number": m.number, "mode": "prepay_token", "sgc": "123456", "krn": 1, "kt": 2, "ti": "01",
			"tariff": "domestic", "simulated": true, "sim_phone": m.sim, "customer": map[string]any{"name": "Amina A.", "phone": m.phone}})
		if _, err := w.radio.Messages(t.Context(), m.phone, 0, 0); err != nil { // switches the telephone on
			t.Fatal(err)
		}
		m.vmeter = w.place.meterProcess(t, filepath.Join(dir, "memory", m.number), "", secrets{number: m.number, decoderKey: a.text(t, "decoder_key")},
			"--modem", filepath.Join(dir, fmt.Sprintf("meter%d", i)), "--phone", serverNumber, "--phone", m.phone)
		w.meters = append(w.meters, m)
	}
	return w
}

// messagesOf lists the messages of a sale by their purpose.
func (w *smsWorld) messagesOf(t *testing.T, sale answer) map[string]answer {
	t.Helper()
	out := map[string]answer{}
	a := w.must(t, 200, "GET", "/v1/messages?sale="+sale.text(t, "id"), nil)
	for i := range a.field(t, "data").([]any) {
		out[a.text(t, "data", i, "purpose")] = w.must(t, 200, "GET", "/v1/messages/"+a.text(t, "data", i, "id"), nil)
	}
	return out
}

// untilState waits until the message of a purpose has reached a state, and returns it.
func (w *smsWorld) untilState(t *testing.T, sale answer, purpose, state string) (m answer) {
	t.Helper()
	await.True(t, fmt.Sprintf("message %s of sale %s is %s", purpose, sale.text(t, "id"), state), func() bool {
		m = w.messagesOf(t, sale)[purpose]
		return m.status == 200 && m.text(t, "state") == state
	})
	return m
}

// texts returns the messages of a telephone that contain a piece of text.
func (w *smsWorld) texts(t *testing.T, phone, piece string) (n int) {
	t.Helper()
	all, err := w.radio.Messages(t.Context(), phone, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range all {
		if m.From == serverNumber && strings.Contains(m.Text, piece) {
			n++
		}
	}
	return n
}

func inFours(digits string) string {
	return digits[0:4] + " " + digits[4:8] + " " + digits[8:12] + " " + digits[12:16] + " " + digits[16:20]
}

// TestASaleByTextMessage: the customer and the meter get the token of one sale, the meter answers, and the sale shows that.
// Then the customer asks for the token again, and a stranger learns nothing.
func TestASaleByTextMessage(t *testing.T) {
	t.Parallel()
	w := newSMSWorld(t, 1, "10s")
	m := w.meters[0]
	sale := w.mustVend(t, m.number, 10_000, "sms-sale-1", "sms", "meter_sms")
	digits := sale.text(t, "tokens", 0, "digits")
	answered := w.untilState(t, sale, "meter-sms", "answered")
	for _, step := range []string{"queued_at", "sent_at", "answered_at"} {
		if answered.text(t, step) == "" {
			t.Errorf("the message to the meter has no %s: %s", step, answered.body)
		}
	}
	w.untilState(t, sale, "token", "delivered")
	if n := w.texts(t, m.phone, inFours(digits)+" = 34.7 kWh"); n != 1 {
		t.Errorf("the customer has %d messages with the token, want 1", n)
	}
	if s := m.must(t, "show"); s.BalanceWh != 34_700 {
		t.Errorf("the meter has %d Wh, want 34700", s.BalanceWh)
	}
	again := w.must(t, 200, "GET", "/v1/vends/"+sale.text(t, "id"), nil)
	if got := again.text(t, "tokens", 0, "state"); got != "heard" {
		t.Errorf("the token is %s, want heard", got)
	}
	for _, c := range [][3]string{{m.phone, "last!", inFours(digits)}, {"+254799999999", "LAST " + m.number, "registered phones"}} {
		if err := w.radio.Send(t.Context(), c[0], serverNumber, c[1]); err != nil {
			t.Fatal(err)
		}
		before := 0
		if c[0] == m.phone {
			before = 1
		}
		await.True(t, c[1]+" is answered", func() bool { return w.texts(t, c[0], c[2]) > before })
	}
	if n := w.texts(t, "+254799999999", digits[:4]); n != 0 {
		t.Error("a stranger was told a token")
	}
	for _, secret := range []string{digits, inFours(digits)} {
		if list := w.must(t, 200, "GET", "/v1/messages?limit=200", nil); strings.Contains(string(list.body), secret) || strings.Contains(w.server.log.String(), secret) {
			t.Error("the digits of the token stand in the list of messages or in the log")
		}
	}
	w.place.run(t, "", "verify", "--data", w.place.dir)
}

// TestTheServerDiesWhileItSends: the next process sends the queued messages. Only a message whose outcome was unknown is sent twice.
func TestTheServerDiesWhileItSends(t *testing.T) {
	tier.Long(t)
	t.Parallel()
	w := newSMSWorld(t, 1, "2s")
	m := w.meters[0]
	w.radio.weather(t, bus.Weather{DelayMS: 200})
	var sales []answer
	for n := range 4 {
		sales = append(sales, w.mustVend(t, m.number, 2_000, fmt.Sprintf("dying-sale-%d", n), "sms", "meter_sms"))
		if n%2 == 1 {
			w.server.kill()
			w.server = w.place.serve(t, w.server.http, w.server.mqtt, w.args...)
		}
	}
	total := int64(0)
	for _, s := range sales {
		w.untilState(t, s, "meter-sms", "answered")
		total += s.num(t, "units_wh")
		token := w.untilState(t, s, "token", "delivered")
		got := w.texts(t, m.phone, inFours(s.text(t, "tokens", 0, "digits")))
		if unknown := strings.Count(string(token.body), `"outcome":"unknown"`); got < 1 || got > 1+unknown {
			t.Errorf("the customer has a token %d times, and %d tries were of unknown outcome: %s", got, unknown, token.body)
		}
	}
	if s := m.must(t, "show"); s.BalanceWh != total {
		t.Errorf("the meter has %d Wh, want %d", s.BalanceWh, total)
	}
	w.place.run(t, "", "verify", "--data", w.place.dir)
}
