package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/client"
)

// pushMeter is a meter without any connection but its modem: what the server knows of it came as text messages.
type pushMeter struct {
	*demoMeter
	sim, owner string
	tokens     []string // digits
}

// pushStreet is a server with a modem of its own and meters that have nothing but one.
func pushStreet(t *testing.T, p *platform, meters int) (*demoBus, []*pushMeter) {
	t.Helper()
	numbers := []string{demoAuthority}
	for i := range meters {
		numbers = append(numbers, simOf(i))
	}
	bus, err := p.place.startBus(t.Context(), numbers...)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.place.stop(); err != nil { // it was started without a modem
		t.Fatal(err)
	}
	if err := p.place.start(); err != nil {
		t.Fatal(err)
	}
	var street []*pushMeter
	t.Cleanup(func() {
		for _, m := range street {
			if err := m.close(); err != nil {
				t.Error(err)
			}
		}
		if err := bus.close(); err != nil {
			t.Error(err)
		}
	})
	for i := range meters {
		h := households[i]
		added, err := p.place.register(t.Context(), p.api, h.number, h.name, h.phone, simOf(i))
		if err != nil {
			t.Fatal(err)
		}
		d := p.place.script(t.Context(), h.number, "vmeter", h.number, "--script", "--offline", "--state", filepath.Join(p.place.dir, "meter-"+h.number),
			"--key", added.DecoderKey, "--ea", "07", "--phone", h.phone, "--phone", demoAuthority, "--modem", p.place.port(simOf(i)))
		street = append(street, &pushMeter{demoMeter: d, sim: simOf(i), owner: h.phone})
	}
	return bus, street
}

// settled waits until the server has an answer to its newest message to a meter, and returns that delivery.
func (p *platform) settled(number, token string) (client.Recharge, client.RechargeWay) {
	p.t.Helper()
	for end := time.Now().Add(30 * time.Second); ; {
		r, err := p.api.RechargeState(p.t.Context(), number, token)
		if err != nil {
			p.t.Fatal(err)
		}
		if len(r.Deliveries) > 0 && r.Deliveries[0].Answer != "" {
			return r, r.Deliveries[0]
		}
		if time.Now().After(end) {
			p.t.Fatalf("meter %s, token %s: no answer: %+v", number, token, r)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// TestFortyTokensByServerPush sells 40 tokens to four meters that have no connection but a modem, with delivery through the
// server's own modem, over virtual hours inside the limits of the meters' answers; then each token is sent again by its
// customer's telephone.
func TestFortyTokensByServerPush(t *testing.T) {
	const meters, each = 4, 10
	p := newPlatform(t)
	bus, street := pushStreet(t, p, meters)
	accepted := 0
	for i := range each {
		for _, m := range street {
			v, err := p.api.Vend(t.Context(), client.Order{Meter: m.number, Tender: client.Amount{AmountMinor: 10_000, Currency: "KES"},
				ClientRef: fmt.Sprintf("%s-%d", m.number, i), Deliver: []string{"meter_sms"}})
			if err != nil {
				t.Fatal(err)
			}
			m.tokens = append(m.tokens, v.Tokens[0].Digits)
		}
		for _, m := range street {
			list, err := p.api.Tokens(t.Context(), m.number, client.Page{Limit: 1})
			if err != nil || len(list.Data) != 1 {
				t.Fatal(len(list.Data), err)
			}
			r, way := p.settled(m.number, list.Data[0].ID)
			view, err := m.do("run 2h") // ten answers an hour and twenty a day to a number
			if err != nil {
				t.Fatal(err)
			}
			if want := "added. Balance " + kwh(view.BalanceWh); r.State != "accepted" || way.By != "sms" || !strings.HasPrefix(way.Answer, "Recharge OK. ") || !strings.HasSuffix(way.Answer, want) {
				t.Fatalf("token %d of meter %s: %+v, want accepted and answered with %q", i+1, m.number, r, want)
			}
			if got := states(r); !slices.Contains(got, "sent") || !slices.Contains(got, "answered") || got[len(got)-1] != "accepted" {
				t.Errorf("token %d of meter %s went %v", i+1, m.number, got)
			}
			accepted++
		}
	}
	used := 0
	for _, m := range street {
		before, err := m.do("run 24h")
		if err != nil {
			t.Fatal(err)
		}
		for _, digits := range m.tokens {
			answer, _, err := bus.ask(t.Context(), m.owner, m.sim, "*02#"+digits)
			if want := "this recharge card has been used! Balance " + kwh(before.BalanceWh); err != nil || answer != want {
				t.Fatalf("meter %s again: %q, %v; want %q", m.number, answer, err, want)
			}
			used++
		}
		after, err := m.do("show")
		if err != nil || after.BalanceWh != before.BalanceWh || after.BalanceWh < 34_700*each {
			t.Errorf("meter %s holds %d Wh after, %d before, %v", m.number, after.BalanceWh, before.BalanceWh, err)
		}
	}
	t.Logf("by server push: %d of %d accepted and answered with the balance; again: %d of %d used", accepted, meters*each, used, meters*each)
	if accepted != meters*each || used != meters*each {
		t.Errorf("%d accepted and %d used, want %d each", accepted, used, meters*each)
	}
}
