package rogue

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/paywatt/paywatt/api/apiv1"
)

// Gateway is the route of a server's text messages, as its settings name it.
type Gateway struct {
	Name, URL, Secret string
}

// routeName is the name of the route in the server's settings.
const routeName = "town"

// stolen is a telephone of P's to which P lets other customers' messages go.
const stolen = "+254700000099"

// text is a message that the server sent.
type text struct{ ID, To, Text string }

// phones are all telephones of the town behind one gateway.
type phones struct {
	Gateway
	srv *http.Server
	sync.Mutex
	got  []text
	seen map[string]bool // messages, by id
	sent int
}

// newPhones opens a gateway for the server.
func newPhones() (*phones, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	g := &phones{Gateway: Gateway{Name: routeName, URL: "http://" + l.Addr().String() + "/send", Secret: "0123456789abcdef0123456789abcdef"}, seen: map[string]bool{}}
	g.srv = &http.Server{Handler: g, ReadHeaderTimeout: 30 * time.Second}
	go func() { _ = g.srv.Serve(l) }()
	return g, nil
}

func (g *phones) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var m text
	if json.NewDecoder(r.Body).Decode(&m) != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	g.Lock()
	defer g.Unlock()
	if !g.seen[m.ID] {
		g.seen[m.ID], g.got = true, append(g.got, m)
	}
	w.WriteHeader(http.StatusAccepted)
}

func (g *phones) close() { _ = g.srv.Close() }

// take returns the messages since the last call.
func (g *phones) take() []text {
	g.Lock()
	defer g.Unlock()
	got := g.got
	g.got = nil
	return got
}

// write sends a message from a telephone to the server. It returns the server's status.
func (g *phones) write(server, from, words string, now time.Time) (int, error) {
	g.sent++
	body := mustJSON(map[string]string{"id": fmt.Sprint("rogue", g.sent), "from": from, "text": words})
	req, err := http.NewRequest("POST", server+"/hooks/sms/"+g.Name+"/in", bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	at := fmt.Sprint(now.Unix())
	m := hmac.New(sha256.New, []byte(g.Secret))
	m.Write([]byte(at + ".in." + string(body)))
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Paywatt-Timestamp", at)
	req.Header.Set("Paywatt-Signature", "v1="+hex.EncodeToString(m.Sum(nil)))
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	return resp.StatusCode, resp.Body.Close()
}

// phoneMoves are what P does with telephones: P lets another's messages go to P, and asks the server for tokens by text message.
func phoneMoves() []move {
	return []move{
		{"change a telephone", 2, func(r *Run, d *rand.Rand) {
			p, phone := r.registered(d), stolen
			r.divert(p, r.ask(r.p(), "POST", "/v1/customers/"+p.cust, apiv1.CustomerChange{Phone: &phone}))
		}},
		{"change a SIM", 2, func(r *Run, d *rand.Rand) {
			p := r.other(d)
			r.divert(p, r.ask(r.p(), "POST", "/v1/meters/"+p.number+"/sim", apiv1.SIM{SIMPhone: stolen}))
		}},
		{"confirm a number", 2, func(r *Run, d *rand.Rand) {
			p, why := r.registered(d), apiv1.NumberReason{Reason: usual}
			if changed := r.of("", func(p *place) bool { return p.diverted && p.registered() }); len(changed) > 0 && d.IntN(4) > 0 {
				p = one(d, changed)
			}
			r.ask(r.hand(d), "POST", one(d, []string{"/v1/customers/" + p.cust + "/confirm-phone", "/v1/meters/" + p.number + "/confirm-sim"}), why)
		}},
		{"ask for a token by text message", 3, func(r *Run, d *rand.Rand) {
			from := one(d, []string{stolen, stolen, one(d, r.of(P, (*place).registered)).phone})
			r.text(from, one(d, []string{"LAST", "LAST " + r.target(d).number, "BAL " + r.other(d).number, "*04#"}))
		}},
		{"send a message again", 2, func(r *Run, d *rand.Rand) {
			var list apiv1.List[apiv1.Message]
			r.ask(r.p(), "GET", "/v1/messages?limit=50", nil).into(&list)
			if len(list.Data) > 0 {
				r.ask(r.p(), "POST", "/v1/messages/"+one(d, list.Data).ID+"/retry", apiv1.MessageRetry{})
				r.mail()
			}
		}},
		{"send a token by text message", 3, func(r *Run, d *rand.Rand) {
			r.ask(r.p(), "POST", "/v1/messages", apiv1.NewMessage{Meter: r.target(d).number, Via: one(d, []string{"sms", "meter_sms"})})
		}},
	}
}

// registered draws a meter that was there before P began, so that the customer and the telephone are known.
func (r *Run) registered(d *rand.Rand) *place { return one(d, r.of("", (*place).registered)) }

func (p *place) registered() bool { return p.cust != "" }

// divert remembers that P let the messages to a customer or to a meter go to P.
func (r *Run) divert(p *place, a reply) {
	if a.ok() && !p.diverted {
		p.diverted, p.due = true, r.ahead+day*time.Second
	}
}

// text writes to the server from a telephone of P's, and waits a moment for the answer.
func (r *Run) text(from, words string) {
	if r.err != nil {
		return
	}
	status, err := r.phones.write(r.c.url, from, words, r.now())
	if err == nil && status >= 500 && status != http.StatusServiceUnavailable {
		err = fmt.Errorf("status %d", status)
	}
	if err != nil {
		r.fail(fmt.Errorf("%q from %s: %w", words, from, err))
	}
	r.asked++
	r.log = append(r.log, fmt.Sprintf("%-14s writes %q → %d", from, words, status))
	time.Sleep(patience)
	r.mail()
}

// mail reads what P's telephones got. The digits of another's sale may reach them only by a number that was changed a day ago: until then
// the old number is told, and nothing is sent to the new one.
func (r *Run) mail() {
	for _, m := range r.phones.take() {
		if slices.ContainsFunc(r.bought, func(b *purchase) bool { return m.To == b.by.phone }) {
			r.log = append(r.log, fmt.Sprintf("%-14s gets %q", m.To, m.Text))
		}
		if m.To == curious && r.ahead < r.due && figure.MatchString(m.Text) {
			r.gained = append(r.gained, fmt.Sprintf("a telephone that P set for %s a moment ago got %q", r.spied.number, m.Text))
		}
		own := r.of(P, func(p *place) bool { return p.phone == m.To })
		if m.To != stolen && len(own) == 0 {
			continue
		}
		late := m.To == stolen && len(r.of("others", func(p *place) bool { return p.diverted && r.ahead >= p.due })) > 0
		for _, digits := range tokensIn([]byte(m.Text)) {
			r.seen[digits] = true
			if !late {
				r.texted[digits] = m.To
			}
		}
	}
}
