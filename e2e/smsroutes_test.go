package e2e

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/await"
	"github.com/paywatt/paywatt/internal/tier"
)

// outgoing waits until the only message to a number is in a state, and returns it.
func outgoing(t *testing.T, a *api, phone, state string) answer {
	t.Helper()
	var all answer
	defer func() {
		if t.Failed() {
			t.Logf("messages: %s", all.body)
		}
	}()
	await.True(t, "the message to "+phone+" is "+state, func() bool {
		all = a.must(t, 200, "GET", "/v1/messages", nil)
		return strings.Contains(string(all.body), `"direction":"out","state":"`+state+`"`) && strings.Contains(string(all.body), phone)
	})
	return all
}

// httpGateway is a gateway as somebody would write it from the documentation, without any of our code.
type httpGateway struct {
	secret string
	off    time.Duration // how far the gateway's clock is off
	mu     sync.Mutex
	got    []map[string]any
	wrong  []string
}

func (g *httpGateway) sign(at, purpose string, body []byte) string {
	m := hmac.New(sha256.New, []byte(g.secret))
	m.Write([]byte(at + "." + purpose + "." + string(body)))
	return "v1=" + hex.EncodeToString(m.Sum(nil))
}

func (g *httpGateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	var m map[string]any
	_ = json.Unmarshal(body, &m)
	g.mu.Lock()
	defer g.mu.Unlock()
	if r.Header.Get("Paywatt-Signature") != g.sign(r.Header.Get("Paywatt-Timestamp"), "send", body) || r.Header.Get("Idempotency-Key") != m["id"] {
		g.wrong = append(g.wrong, fmt.Sprint(r.Header))
	}
	g.got = append(g.got, m)
	w.WriteHeader(http.StatusAccepted)
}

// post posts to a hook.
func (g *httpGateway) post(t *testing.T, url, purpose string, v map[string]any) int {
	t.Helper()
	body, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	at := fmt.Sprint(time.Now().Add(g.off).Unix())
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Paywatt-Timestamp", at)
	r.Header.Set("Paywatt-Signature", g.sign(at, purpose, body))
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	return resp.StatusCode
}

// A signed gateway brings a sale's token to the customer and reports the delivery. Then the customer asks for the token again.
func TestATokenBySignedGateway(t *testing.T) {
	t.Parallel()
	g := &httpGateway{secret: "0123456789abcdef0123456789abcdef"}
	site := httptest.NewServer(g)
	defer site.Close()
	dir, port := t.TempDir(), freePorts(t, 1)[0]
	write(t, dir+"/secret", g.secret+"\n", 0o600)
	p, _, a := smsPlace(t, port, fmt.Sprintf("[[sms_route]]\nname = \"phone1\"\nkind = \"http\"\nurl = \"%s/send\"\nsecret_file = \"%s/secret\"\n", site.URL, dir))
	p.expect("route went down") // the gateway ends before the server
	m := a.meter(t, number(1400))
	sale := a.mustVend(t, m.number, 10_000, "gateway-000001", "sms")
	outgoing(t, a, "+254700000001", "sent")
	g.mu.Lock()
	first := g.got[0]
	g.mu.Unlock()
	digits := sale.text(t, "tokens", 0, "digits")
	if bare := strings.NewReplacer(" ", "", "-", "").Replace(fmt.Sprint(first["text"])); first["to"] != "+254700000001" || !strings.Contains(bare, digits) || len(g.wrong) != 0 {
		t.Errorf("the gateway got %v, wrong %v", first, g.wrong)
	}
	hooks := fmt.Sprintf("http://127.0.0.1:%d/hooks/sms/phone1", port)
	if code := g.post(t, hooks+"/report", "in", map[string]any{"id": first["id"], "state": "delivered"}); code != http.StatusUnauthorized {
		t.Errorf("signed for another purpose: %d", code)
	}
	if code := g.post(t, hooks+"/report", "report", map[string]any{"id": first["id"], "state": "delivered"}); code != http.StatusNoContent {
		t.Errorf("report: %d", code)
	}
	outgoing(t, a, "+254700000001", "delivered")
	for range 3 { // the same message comes three times and gets one answer
		if code := g.post(t, hooks+"/in", "in", map[string]any{"id": "a1", "from": "254700000001", "to": "15555", "text": "last"}); code != http.StatusNoContent {
			t.Errorf("message: %d", code)
		}
	}
	await.True(t, "the token again", func() bool { g.mu.Lock(); defer g.mu.Unlock(); return len(g.got) == 2 })
	g.post(t, hooks+"/in", "in", map[string]any{"id": "a2", "from": "+254799999999", "text": "last"}) // a stranger
	await.True(t, "no token for a stranger", func() bool {
		all := a.must(t, 200, "GET", "/v1/messages", nil)
		return strings.Contains(string(all.body), "+254799999999")
	})
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, x := range g.got {
		if x["to"] == "+254799999999" && strings.Contains(strings.ReplaceAll(fmt.Sprint(x["text"]), " ", ""), digits) {
			t.Errorf("a stranger got the token: %v", x)
		}
	}
}

// A sale's token goes to the customer by SMPP, through another implementation's message centre, and the delivery receipt comes back.
func TestOtherProgramsATokenBySMPP(t *testing.T) {
	tier.Long(t)
	t.Parallel()
	c := startCentre(t)
	dir, port := t.TempDir(), freePorts(t, 1)[0]
	write(t, dir+"/password", "secret\n", 0o600)
	_, _, a := smsPlace(t, port, fmt.Sprintf("[[sms_route]]\nname = \"centre1\"\nkind = \"smpp\"\naddress = \"127.0.0.1:%d\"\nsystem_id = \"paywatt\"\npassword_file = \"%s/password\"\nsource = \"15555\"\n", c.port, dir))
	m := a.meter(t, number(1401))
	sale := a.mustVend(t, m.number, 10_000, "smpp-000001", "sms")
	outgoing(t, a, "+254700000001", "delivered")
	digits := sale.text(t, "tokens", 0, "digits")
	got := c.await(t, "the token", func(e centreEvent) bool {
		return e.Event == "submit" && strings.Contains(strings.NewReplacer(" ", "", "-", "").Replace(e.Text), digits)
	})
	if got.To != "254700000001" || got.From != "15555" {
		t.Errorf("submitted %+v", got)
	}
	c.do(t, map[string]any{"do": "deliver", "from": "254700000001", "to": "15555", "text": "Last."})
	await.True(t, "the token again", func() bool {
		return c.count(func(e centreEvent) bool { return e.Event == "submit" && e.To == "254700000001" }) == 2
	})
}
