package gateway_test

import (
	"slices"
	"testing"
	"time"

	"github.com/mochi-mqtt/server/v2/packets"
	"github.com/paywatt/paywatt/internal/gateway"
	"github.com/paywatt/paywatt/wire"
)

// TestACrowdThatLostItsRadio: the radio of many meters is gone in the middle of a message, and neither side hears of it. Their old sockets
// stay open at the server. When the radio is back, every meter logs in again at once. Nobody waits for the old connection to time out, the
// server keeps one connection for each meter, and it closes the old ones, though nobody reads from them.
func TestACrowdThatLostItsRadio(t *testing.T) {
	const crowd = 200
	store := newShelf()
	b := start(t, gateway.Config{Inbox: store.inbox, Limits: gateway.Limits{Connections: 3 * crowd, PerAddress: 3 * crowd}})
	for i := range crowd {
		p := login(t, b, number(i))
		p.listen(number(i))
		topic := wire.UpTopic(number(i), wire.KindReading)
		half := append([]byte{0x32, 0xff, 1, 0, byte(len(topic))}, topic...) // a message of 255 bytes ends here
		if _, err := p.conn.Write(half); err != nil {
			t.Fatal(err)
		}
	}
	if s := b.Stats(); s.Meters != crowd || s.Sockets != crowd {
		t.Fatalf("%d meters on %d sockets, want %d each", s.Meters, s.Sockets, crowd)
	}
	began := time.Now()
	for i := range crowd {
		p := login(t, b, number(i))
		p.hear(number(i))
		p.publish(wire.UpTopic(number(i), wire.KindReading), 1, reading(1))
		p.want(packets.Puback)
	}
	t.Logf("figures: %d half-open meters were back after %s", crowd, time.Since(began).Round(time.Millisecond))
	takeover := slices.Index(gateway.Endings(), "takeover")
	for s := b.Stats(); s.Sockets != crowd || s.Ended[takeover] != crowd; s = b.Stats() {
		if time.Since(began) > patience {
			t.Fatalf("%d sockets are open, want %d; %d old connections ended", s.Sockets, crowd, s.Ended[takeover])
		}
		time.Sleep(time.Millisecond)
	}
	if s := b.Stats(); s.Meters != crowd || s.Stored != crowd || s.Failed != 0 {
		t.Errorf("%d meters, %d readings stored, %d failed; want %d, %d, 0", s.Meters, s.Stored, s.Failed, crowd, crowd)
	}
}
