package e2e

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/await"
)

// talk is a telephone on the emulated network that writes to the server.
type talk struct {
	*radio
	phone, server string
	after         uint64
	asked         int
}

// ask writes a text and returns the next message from the server.
func (c *talk) ask(t *testing.T, text string) string {
	t.Helper()
	c.send(t, text)
	return c.hear(t, "an answer to "+text)
}

// hear waits for the next message from the server.
func (c *talk) hear(t *testing.T, what string) (text string) {
	t.Helper()
	await.True(t, what+" to "+c.phone, func() (is bool) {
		text, is = c.next(t, 5*time.Second)
		return is
	})
	return text
}

// send writes a text. Blanks in front make each text different, because the network treats the same text within a second as a repetition.
func (c *talk) send(t *testing.T, text string) {
	t.Helper()
	c.asked++
	if err := c.Send(t.Context(), c.phone, c.server, strings.Repeat(" ", c.asked%100)+text); err != nil {
		t.Fatal(err)
	}
}

// next returns the next message from the server, if one comes in time.
func (c *talk) next(t *testing.T, wait time.Duration) (string, bool) {
	t.Helper()
	for end := time.Now().Add(wait); ; {
		got, err := c.Messages(t.Context(), c.phone, c.after, max(0, time.Until(end)))
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range got {
			c.after = m.N
			if m.From == c.server && m.Report == "" {
				return m.Text, true
			}
		}
		if !time.Now().Before(end) {
			return "", false
		}
	}
}

func (c *talk) want(t *testing.T, text, want string) {
	t.Helper()
	if got := c.ask(t, text); got != want {
		t.Errorf("%q of %s is answered by\n%q, want\n%q", text, c.phone, got, want)
	}
}

// TestKeywordsThroughAModem plays customers and a stranger who write to the server's modem: what each learns, what stays
// secret, and when the answers stop.
func TestKeywordsThroughAModem(t *testing.T) {
	t.Parallel()
	const own, sim = "+255700000100", "+255700000200"
	radio := startRadio(t, "--number", own)
	p := newPlace(t, paywatt(t))
	key := strings.TrimSpace(p.run(t, "", "apikey", "create", "--role", "owner", "--data", p.dir))
	s := p.serve(t, "127.0.0.1:0", "127.0.0.1:0", "--sms-modem", radio.ptys[own]+"="+own)
	c := newAPI(s.http, key)
	c.tariff(t)
	meter := number(1)
	c.must(t, 201, "POST", "/v1/meters", map[string]any{"number": meter, "mode": "prepay_token", "sgc": "123456", "krn": 1, "kt": 2, "ti": "01",
		"tariff": "domestic", "sim_phone": sim, "customer": map[string]any{"name": "Amina A.", "phone": "+254 700 000 001"}})
	amina := &talk{radio: radio, phone: "+254700000001", server: own}
	other := &talk{radio: radio, phone: "+254799999999", server: own}

	amina.want(t, "bal", "No balance from meter "+meter+" yet. Read it on the meter's display.")
	amina.want(t, "LAST", "No token was bought for meter "+meter+" yet.")
	sold := c.mustVend(t, meter, 10_000, "till3-000017", "sms")
	digits := sold.text(t, "tokens", 0, "digits")
	grouped := fmt.Sprintf("%s %s %s %s %s", digits[:4], digits[4:8], digits[8:12], digits[12:16], digits[16:])
	token := amina.hear(t, "the token")
	if want := grouped + " = 34.7 kWh, KES 100.00, meter " + meter + ". Type the 20 digits on the meter, then #."; !strings.HasPrefix(token, want) {
		t.Fatalf("the token comes as %q, want %q", token, want)
	}
	if again := amina.ask(t, "last token"); !strings.HasPrefix(again, grouped+" = 34.7 kWh, KES 100.00, meter "+meter+", bought ") {
		t.Errorf("LAST is answered by %q", again)
	}
	amina.want(t, "*02#"+digits, "This is not the meter: no token was loaded. Type the 20 digits on the meter, then #, or send *02# and the digits to "+sim+".")
	code := regexp.MustCompile(`STOP \d{6}`).FindString(amina.ask(t, "STOP"))
	amina.want(t, code, "No more warnings to this number. Tokens, answers and the announcement of a cut-off still come. START brings warnings back.")
	amina.want(t, "start.", "Warnings come to this number again. STOP ends them.")
	amina.want(t, "bonjour", "Not understood. Send BAL, LAST, USE or HELP.")

	// A stranger learns nothing, not even by a right guess, and is answered twice a day.
	for _, text := range []string{"BAL " + meter, "LAST " + meter} {
		got := other.ask(t, text)
		if !strings.HasPrefix(got, "This number serves customers of ") || strings.Contains(got, meter) || strings.Contains(got, digits[:4]) {
			t.Errorf("a stranger's %q is answered by %q", text, got)
		}
	}
	other.send(t, "HELP")
	// Amina has had two answers to words that ask for nothing; the tenth says that it is the last. Other words are still answered.
	for n := 3; n <= 9; n++ {
		if got := amina.ask(t, "help"); !strings.HasPrefix(got, "BAL balance, LAST token") {
			t.Errorf("answer %d is %q", n, got)
		}
	}
	amina.want(t, "help", "Too many messages: this one was not answered. Try again in an hour.")
	amina.send(t, "help")
	if got, is := amina.next(t, 2*time.Second); is {
		t.Errorf("beyond the limit comes %q", got)
	}
	amina.want(t, "bal", "No balance from meter "+meter+" yet. Read it on the meter's display.")
	if got, is := other.next(t, time.Second); is {
		t.Errorf("a stranger's third message is answered by %q", got)
	}
	// Neither stored messages nor the log hold the digits.
	kept := string(c.must(t, 200, "GET", "/v1/messages?limit=100", nil).body)
	for _, secret := range []string{digits, grouped} {
		if strings.Contains(kept, secret) || strings.Contains(s.log.String(), secret) {
			t.Errorf("the digits stand in the list of messages or in the log")
		}
	}
	if n := strings.Count(kept, `"from-stranger"`); n != 3 {
		t.Errorf("%d messages of a stranger are listed, want 3\n%s", n, kept)
	}
	if used := radio.used(t, own); used != 0 {
		t.Errorf("%d messages are left on the SIM", used)
	}
}

// TestAnAnswerOutlivesTheServer kills the server while a question is on its way. The next server answers it, once.
func TestAnAnswerOutlivesTheServer(t *testing.T) {
	t.Parallel()
	const own = "+255700000100"
	radio := startRadio(t, "--number", own)
	p := newPlace(t, paywatt(t))
	key := strings.TrimSpace(p.run(t, "", "apikey", "create", "--role", "owner", "--data", p.dir))
	s := p.serve(t, "127.0.0.1:0", "127.0.0.1:0", "--sms-modem", radio.ptys[own]+"="+own)
	c := newAPI(s.http, key)
	c.tariff(t)
	c.meter(t, number(1))
	amina := &talk{radio: radio, phone: "+254700000001", server: own}
	amina.ask(t, "help")
	for range 3 {
		s.kill()
		amina.send(t, "USE")
		s = p.serve(t, "127.0.0.1:0", "127.0.0.1:0", "--sms-modem", radio.ptys[own]+"="+own)
		if got := amina.hear(t, "the answer after the server's end"); !strings.HasPrefix(got, "TEST No usage data for the last 7 days from meter "+number(1)) {
			t.Fatalf("after the server's end the answer is %q", got)
		}
		if got, is := amina.next(t, time.Second); is {
			t.Errorf("the answer comes twice: %q", got)
		}
	}
}
