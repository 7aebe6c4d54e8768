package console_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/app"
	"github.com/paywatt/paywatt/internal/await"
	"github.com/paywatt/paywatt/internal/config"
)

// gateway accepts messages over HTTP and records them.
type gateway struct {
	mu   sync.Mutex
	keys []string // Idempotency-Key of each
	text []string
}

func (g *gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	var m struct{ Text string }
	_ = json.Unmarshal(body, &m)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.keys, g.text = append(g.keys, r.Header.Get("Idempotency-Key")), append(g.text, m.Text)
	w.WriteHeader(http.StatusAccepted)
}

func (g *gateway) got() (keys, text []string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return append([]string{}, g.keys...), append([]string{}, g.text...)
}

// TestAMessageGoesByAnotherRoute: the modem is dead and the gateway works. A message that the modem cannot send goes by the
// gateway. A person sends it once more by a named route, and the page lists every attempt.
func TestAMessageGoesByAnotherRoute(t *testing.T) {
	t.Parallel()
	g := &gateway{}
	site := httptest.NewServer(g)
	t.Cleanup(site.Close)
	w := folder(t)
	secret := filepath.Join(w.dir, "gateway.secret")
	if err := os.WriteFile(secret, []byte("0123456789abcdef0123456789abcdef\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	w.serve(app.Config{Passphrase: []byte(passphrase), Routes: []config.Route{
		{Name: "modem1", Kind: config.RouteModem, Meters: true, Cost: 500_000, Keys: map[string]string{"port": filepath.Join(w.dir, "no-such-port")}},
		{Name: "phone1", Kind: config.RouteHTTP, Meters: true, Cost: 800_000, Keys: map[string]string{"url": site.URL + "/send", "secret_file": secret}},
	}})
	w.furnish()
	w.person("finance@example.org", access.Finance) // may read but not send
	digits := w.sellBySMS()
	o := w.enter(ownerEmail)
	await.True(t, "the gateway has the message", func() bool { keys, _ := g.got(); return len(keys) == 1 })
	keys, text := g.got()
	if bare := strings.ReplaceAll(text[0], " ", ""); !strings.Contains(bare, digits) {
		t.Errorf("the gateway got another text than the token's, of %d bytes", len(text[0]))
	}
	page := "/messages/" + keys[0]
	await.True(t, "it counts as sent", func() bool { return strings.Contains(o.get(page).text(), "KES 0.80") })
	o.get(page).is(200).says("Attempts", "modem1", "not sent", "the modem is", "phone1", "accepted", "by modem1", "by phone1").omits(digits)
	if list := o.get("/messages").is(200).says("modem1", "down since"); !strings.Contains(list.body, `href="`+page+`"`) {
		t.Errorf("the list has no link to %s", page)
	}

	live := o.follow(page + "/live")
	if got := live.patch()["message"]; got["tries"][0] != "2" || got["cost"][0] != "KES 0.80" || len(got["state"]) != 2 {
		t.Errorf("at first the page's stream sends %v", got)
	}
	form := o.get(page).value("form")
	o.post(page+"/retry", "form", form, "route", "phone1").leads(page)
	await.True(t, "the gateway has it again", func() bool { keys, _ := g.got(); return len(keys) == 2 })
	if keys, _ := g.got(); keys[1] != keys[0] {
		t.Errorf("once more under the key %s, want %s: a gateway knows it as the same message", keys[1], keys[0])
	}
	await.True(t, "two tries by the gateway are paid for", func() bool { return strings.Contains(o.get(page).text(), "KES 1.60") })
	for got := live.patch()["message"]; got["tries"] == nil || got["tries"][0] != "3"; got = live.patch()["message"] {
		if got["queued"] != nil {
			t.Errorf("the stream repeats what did not change: %v", got)
		}
	}
	if part := o.get(page+"/attempts").is(200).says("Attempts", "modem1", "phone1", "by phone1"); strings.Contains(part.body, "<html") || strings.Contains(part.body, digits) {
		t.Errorf("the part with the attempts is\n%s", part.body)
	}
	o.get("/messages/msg_01jd00000000000000000000000/attempts").is(404)
	w.guest().get(page + "/attempts").leads("/signin")
	o.post(page+"/retry", "form", form, "route", "nobody").is(400).says("This server has no route nobody", "modem1, phone1", "No message was sent", "Attempts")
	o.post(page+"/retry", "form", "another", "route", "phone1").is(400).says("another session", "Attempts")
	o.get("/messages/msg_01jd00000000000000000000000").is(404)
	w.enter("finance@example.org").get(page).is(200).says("Attempts").omits("Send again")
}

// sellBySMS sells to the meter with delivery to the customer's telephone and returns the token's digits.
func (w *world) sellBySMS() string {
	w.t.Helper()
	body := `{"meter":"` + meterNumber + `","tender":{"amount_minor":10000,"currency":"KES"},"deliver":["sms"]}`
	req, err := http.NewRequestWithContext(w.t.Context(), http.MethodPost, w.url+"/v1/vends", strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	for name, value := range map[string]string{"Authorization": "Bearer " + w.key, "Content-Type": "application/json", "Idempotency-Key": "by-sms-000001"} {
		req.Header.Set(name, value)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	var sale struct{ Tokens []struct{ Digits string } }
	if err := json.NewDecoder(resp.Body).Decode(&sale); err != nil || len(sale.Tokens) != 1 {
		w.t.Fatalf("status %d, %d tokens, %v", resp.StatusCode, len(sale.Tokens), err)
	}
	return sale.Tokens[0].Digits
}
