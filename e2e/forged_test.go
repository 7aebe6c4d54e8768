package e2e

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/await"
)

// forgery is a server whose gateway believes every sender, as networks do: a writer can claim any number.
type forgery struct {
	*api
	gate  *httpGateway
	hooks string
	meter string
	sales []answer
	sent  int
}

const forgedSIM, forgedOther, honest = "+254700000210", "+254799999999", "+254700000001"

// newForgery sells two tokens of different amounts for one meter, to the customer's telephone and to the meter.
func newForgery(t *testing.T) *forgery {
	t.Helper()
	g := &httpGateway{secret: "0123456789abcdef0123456789abcdef"}
	site := httptest.NewServer(g)
	t.Cleanup(site.Close)
	dir, port := t.TempDir(), freePorts(t, 1)[0]
	write(t, dir+"/secret", g.secret+"\n", 0o600)
	_, _, a := smsPlace(t, port, fmt.Sprintf("[[sms_route]]\nname = \"phone1\"\nkind = \"http\"\nurl = \"%s/send\"\nsecret_file = \"%s/secret\"\n", site.URL, dir))
	f := &forgery{api: a, gate: g, hooks: fmt.Sprintf("http://127.0.0.1:%d/hooks/sms/phone1", port), meter: a.meter(t, number(1410)).number}
	a.must(t, 200, "POST", "/v1/meters/"+f.meter+"/sim", map[string]any{"sim_phone": forgedSIM}, "Idempotency-Key", "sim-"+f.meter)
	for i, minor := range []int64{10_000, 20_000} {
		f.sales = append(f.sales, a.mustVend(t, f.meter, minor, fmt.Sprintf("forged-%06d", i), "sms", "meter_sms"))
	}
	await.True(t, "both tokens at the customer's telephone, one on its way to the meter", func() bool { return len(f.to(honest)) == 2 && len(f.to(forgedSIM)) == 1 })
	return f
}

// say writes in somebody's name, and returns once the books show all consequences.
func (f *forgery) say(t *testing.T, from, text string) {
	t.Helper()
	f.sent++
	if code := f.gate.post(t, f.hooks+"/in", "in", map[string]any{"id": fmt.Sprint("forged", f.sent), "from": from, "to": "15555", "text": text}); code != http.StatusNoContent {
		t.Errorf("%q of %s: %d", text, from, code)
	}
}

// to returns the texts that were sent to a number.
func (f *forgery) to(phone string) (texts []string) {
	f.gate.mu.Lock()
	defer f.gate.mu.Unlock()
	for _, m := range f.gate.got {
		if m["to"] == phone {
			texts = append(texts, fmt.Sprint(m["text"]))
		}
	}
	return texts
}

// second reports whether a text contains the second token.
func (f *forgery) second(text string) bool {
	return strings.HasPrefix(text, "*02#") && text != f.to(forgedSIM)[0]
}

// books returns from the API the sales, their tokens and the known state of the meter. It ignores three things:
// whether a token counts as sent, whether a customer wants warnings, and a balance reported in the meter's name.
func (f *forgery) books(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	for _, s := range f.sales {
		v := f.must(t, 200, "GET", "/v1/vends/"+s.text(t, "id"), nil) // the sale includes the states of its tokens
		fmt.Fprintln(&b, string(v.body))
	}
	hearsay := regexp.MustCompile(`,"said_balance":\{"wh":\d+,"at":"[^"]+","source":"sms answer"\}`) // the balance has an object of its own
	m := f.must(t, 200, "GET", "/v1/meters/"+f.meter, nil)
	fmt.Fprintln(&b, string(m.body))
	return strings.NewReplacer(`"state":"issued"`, `"state":"sent"`, `,"no_notices":true`, "").Replace(hearsay.ReplaceAllString(b.String(), ""))
}

// TestForgedMessagesMoveNothing: forged messages change nothing in a sale but the state of its token. A stranger's number gets only the
// answer for strangers, which contains no data of a customer. If a forger uses a customer's number, the customer gets the answer, and the
// forger does not. A forger of the meter's number can at most end the sending of a token by SMS, and only with its exact units or its first
// and last digits.
func TestForgedMessagesMoveNothing(t *testing.T) {
	t.Parallel()
	f := newForgery(t)
	before := f.books(t)
	unchanged := func(who string) {
		t.Helper()
		if now := f.books(t); now != before {
			t.Fatalf("after %s the books are\n%s, want\n%s", who, now, before)
		}
	}
	units := func(i int) string {
		wh := f.sales[i].num(t, "units_wh")
		return fmt.Sprintf("%d.%d", wh/1000, wh/100%10)
	}
	digits := f.sales[0].text(t, "tokens", 0, "digits")
	right := "Recharge OK. " + units(0) + " kWh added. Balance " + units(0) + " kWh"
	list := "Last tokens: 20.11 " + digits[:4] + ".." + digits[16:] + " +" + units(0)
	for _, text := range []string{right, list, "this recharge card has been used! Balance 34.7 kWh", "Token rejected. Balance 0.0 kWh", "*02#" + digits,
		"STOP", "START", "BAL " + f.meter, "LAST " + f.meter, "USE", "HELP"} {
		f.say(t, forgedOther, text)
	}
	unchanged("a stranger's messages, the right answer of the meter among them")
	if m := string(f.must(t, 200, "GET", "/v1/meters/"+f.meter, nil).body); strings.Contains(m, "said_balance") {
		t.Errorf("what a stranger says of the balance is kept: %s", m)
	}
	for _, text := range []string{"this recharge card has been used! Balance 0.0 kWh", "Recharge OK. 99.9 kWh added. Balance 99.9 kWh", "Last tokens: 20.11 9999..8888 +" + units(0), "Token rejected. Balance 0.0 kWh",
		"this recharge card has been used! Balance 0.0 kWh", "STOP", "BAL", "LAST", "*02#" + digits} {
		f.say(t, forgedSIM, text)
		if strings.HasPrefix(text, "Token rejected") {
			await.True(t, "the next token on its way to the meter", func() bool { return slices.ContainsFunc(f.to(forgedSIM), f.second) })
		}
	}
	unchanged("a forged meter that does not know the token")
	forgedHooks(t, f)
	unchanged("forged reports")

	f.say(t, honest, "STOP")
	f.say(t, honest, "LAST")
	unchanged("forged words of the customer")
	if m := f.must(t, 200, "GET", "/v1/meters/"+f.meter, nil); strings.Contains(string(m.body), `"no_notices":true`) {
		t.Errorf("after a forged STOP: %s", m.body)
	}
	f.sales = append(f.sales, f.mustVend(t, f.meter, 30_000, "forged-000009", "sms"))
	await.True(t, "the answers and the new token at the customer's telephone", func() bool { return len(f.to(honest)) == 5 })
	all := strings.Join(f.to(honest), "\n")
	for _, want := range []string{"If you did not ask for this, do nothing", inFours(f.sales[1].text(t, "tokens", 0, "digits")) + " = " + units(1), inFours(f.sales[2].text(t, "tokens", 0, "digits"))} {
		if !strings.Contains(all, want) {
			t.Errorf("the customer was told\n%s, want %q in it", all, want)
		}
	}
	wantStrangerTold(t, f)

	// This forger knows the number of the meter's SIM, the text that the meter would send, and the units of the token. The forged text
	// gives the token the state heard and ends its sending by SMS. Nothing else changes.
	f.say(t, forgedSIM, right)
	v := f.must(t, 200, "GET", "/v1/vends/"+f.sales[0].text(t, "id"), nil)
	if v.text(t, "tokens", 0, "state") != "heard" || v.text(t, "tokens", 0, "digits") != digits {
		t.Errorf("the sale is %s, want its token heard, its digits still given", v.body)
	}
	before = f.books(t)
	f.say(t, forgedSIM, right)
	f.say(t, forgedSIM, list)
	unchanged("the same forgery again")
}

// forgedHooks are reports without the gateway's signature.
func forgedHooks(t *testing.T, f *forgery) {
	t.Helper()
	messages := string(f.must(t, 200, "GET", "/v1/messages?limit=100", nil).body)
	f.gate.mu.Lock()
	id := f.gate.got[0]["id"]
	f.gate.mu.Unlock()
	other := &httpGateway{secret: "another secret of thirty-two octets"}
	for _, state := range []string{"delivered", "failed"} {
		body := map[string]any{"id": id, "state": state}
		if code := other.post(t, f.hooks+"/report", "report", body); code != http.StatusUnauthorized {
			t.Errorf("a report %s signed with another secret: %d", state, code)
		}
		if code := f.gate.post(t, f.hooks+"/report", "in", body); code != http.StatusUnauthorized {
			t.Errorf("a report %s signed as a message: %d", state, code)
		}
	}
	if code := other.post(t, f.hooks+"/in", "in", map[string]any{"id": "x", "from": honest, "text": "STOP"}); code != http.StatusUnauthorized {
		t.Errorf("a message signed with another secret: %d", code)
	}
	if now := string(f.must(t, 200, "GET", "/v1/messages?limit=100", nil).body); now != messages {
		t.Errorf("forged reports change the messages to\n%s, want\n%s", now, messages)
	}
}

// wantStrangerTold expects exactly two answers at a stranger's number, without any data of the customer.
func wantStrangerTold(t *testing.T, f *forgery) {
	t.Helper()
	told := f.to(forgedOther)
	if len(told) != 2 {
		t.Errorf("a stranger was told %q, want the public line twice", told)
	}
	for _, text := range told {
		if !strings.HasPrefix(text, "This number serves customers of ") || strings.Contains(text, f.meter) || strings.Contains(text, "kWh") {
			t.Errorf("a stranger was told %q", text)
		}
	}
	for _, text := range f.to(forgedSIM) {
		if !strings.HasPrefix(text, "*02#") && text != "*04#" {
			t.Errorf("the meter's number was told %q", text)
		}
	}
}
