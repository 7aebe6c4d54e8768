package gateway_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"testing"

	"github.com/mochi-mqtt/server/v2/packets"

	"github.com/paywatt/paywatt/internal/await"
	"github.com/paywatt/paywatt/internal/gateway"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/mirror"
)

// startMirror runs an integration broker in which the login of a number sees the customer of that number, and login 9 sees everybody.
func startMirror(t *testing.T) (g *gateway.Integration, address string) {
	t.Helper()
	socket, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g, err = gateway.NewIntegration(gateway.IntegrationConfig{Listener: socket,
		Auth: func(_ context.Context, user, _ string) (mirror.Login, bool) {
			i, err := id.Parse(id.Login, user)
			l := mirror.Login{ID: i, Customer: i}
			if i == (id.ID{9}) {
				l.Customer = id.ID{}
			}
			return l, err == nil
		},
		InForce: func(context.Context, string) bool { return true }})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- g.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := await.Receive(t, "the broker has stopped", ended); err != nil && !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
	return g, socket.Addr().String()
}

// readRetained subscribes to everything, and returns the retained messages that the program gets at once, by topic. There must be so many.
func (p *peer) readRetained(n int) map[string]string {
	p.t.Helper()
	p.subscribe("#")
	p.want(packets.Suback)
	return p.readMessages(n, true)
}

// readMessages returns the next messages by topic. There must be so many, and no more.
func (p *peer) readMessages(n int, retained bool) map[string]string {
	p.t.Helper()
	got := map[string]string{}
	for range n {
		pk := p.want(packets.Publish)
		if pk.FixedHeader.Retain != retained {
			p.t.Errorf("%s is retained: %t", pk.TopicName, pk.FixedHeader.Retain)
		}
		got[pk.TopicName] = string(pk.Payload)
	}
	p.settle()
	return got
}

// wantEmptied checks that a program got an empty message on every topic of a meter, or none at all.
func wantEmptied(t *testing.T, who string, got map[string]string, number string, want bool) {
	t.Helper()
	for _, topic := range mirror.Topics(number) {
		if payload, has := got[topic]; has != want || payload != "" {
			t.Errorf("%s gets %q on %s: %t, want an empty message: %t", who, payload, topic, has, want)
		}
	}
}

// TestProgramsForgetAMeterThatIsGone: a program that is there gets empty messages when a meter is cleared, and one that comes later gets them when it
// subscribes, also after a restart. Only who saw the meter gets them. A meter that is registered again is shown again.
func TestProgramsForgetAMeterThatIsGone(t *testing.T) {
	const number = "04140001001"
	document, state, every := mirror.Topics(number)[0], mirror.StateTopic(number), len(mirror.Topics(number))
	put := func(g *gateway.Integration, customer byte) {
		t.Helper()
		messages := []mirror.Message{{Topic: document, Payload: []byte(`{"name":"Energy"}`)}, {Topic: state, Payload: []byte(`{}`)}}
		if err := g.Put(number, id.ID{customer}, messages); err != nil {
			t.Fatal(err)
		}
	}
	for _, version := range []byte{4, 5} {
		t.Run(fmt.Sprint("version ", version), func(t *testing.T) {
			g, address := startMirror(t)
			put(g, 1)
			mine, all, other := program(t, address, 1, version), program(t, address, 9, version), program(t, address, 2, version)
			for _, p := range []*peer{mine, all} {
				if got := p.readRetained(2); got[document] == "" {
					t.Fatalf("a program sees %v", got)
				}
			}
			other.readRetained(0)
			if err := g.Drop(number); err != nil {
				t.Fatal(err)
			}
			wantEmptied(t, "who was there", mine.readMessages(every, false), number, true)
			wantEmptied(t, "who sees everything", all.readMessages(every, false), number, true)
			wantEmptied(t, "another customer", other.readMessages(0, false), number, false)
			later := program(t, address, 1, version)
			wantEmptied(t, "who comes later", later.readRetained(every), number, true)
			wantEmptied(t, "another customer who comes later", program(t, address, 2, version).readRetained(0), number, false)
			if err := g.Clear(number, id.ID{1}); err != nil { // there is nothing more to say
				t.Fatal(err)
			}
			later.readMessages(0, false)
			put(g, 1)
			if got := program(t, address, 1, version).readRetained(every); got[document] == "" || got[state] == "" {
				t.Errorf("a meter that is there again is seen as %v", got)
			}

			g, address = startMirror(t) // the server starts again
			if err := g.Clear(number, id.ID{1}); err != nil {
				t.Fatal(err)
			}
			wantEmptied(t, "who comes after a restart", program(t, address, 1, version).readRetained(every), number, true)
		})
	}
}

// TestAFewMetersThatAreGoneAreRemembered: the broker remembers a limited number, and the last ones.
func TestAFewMetersThatAreGoneAreRemembered(t *testing.T) {
	g, address := startMirror(t)
	var numbers []string
	for n := range gateway.MaxCleared + 2 {
		numbers = append(numbers, fmt.Sprintf("0414%07d", n))
		if err := g.Clear(numbers[n], id.ID{1}); err != nil {
			t.Fatal(err)
		}
	}
	got := program(t, address, 1, 4).readRetained(gateway.MaxCleared * len(mirror.Topics(numbers[0])))
	for _, n := range numbers {
		wantEmptied(t, n, got, n, !slices.Contains(numbers[:2], n))
	}
}
