// Package sketch is a virtual device. To a server it looks like an Arduino sketch with TinyGSM and PubSubClient
// (docs/guide/devices.md). It sends the same bytes as the library. It has no clock, no password and no memory, and
// forgets everything when its power goes.
//
// Start at [New]. [Sketch.Run] keeps the connection, and [Drive] lets a script drive the device.
package sketch

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/profile"
)

// Topics and texts of the two sketches.
const (
	clientID    = "electricitymeterGSM"
	topicInit   = "GsmClientTest/init"
	topicOrders = "GsmClientTest/led"
	topicStatus = "GsmClientTest/ledStatus"
)

// Times of the library and of the sketch.
const (
	keepAlive  = 15 * time.Second // also how long the sketch waits for CONNACK and PINGRESP
	retryEvery = 10 * time.Second
)

// Config is what a Sketch needs.
type Config struct {
	// Dial opens the connection, in place of a modem.
	Dial func(context.Context) (net.Conn, error)
	// Toggle selects the library's own example, which toggles its relay at every message and measures nothing.
	Toggle bool
	// Counts converts power to counts: the inverse of the profile's conversion.
	Counts profile.Counts
	Log    *slog.Logger // nil: nothing is logged
}

// Sketch is one device.
type Sketch struct {
	c Config

	mu      sync.Mutex
	view    View
	pinned  bool // the counts were set by hand
	conn    net.Conn
	changed chan struct{} // closed and replaced at every change
	flip    chan struct{} // the power was switched
	packet  uint16
}

// View is what a script sees of the device.
type View struct {
	T         time.Time `json:"t"`
	Power     string    `json:"power"` // on, off
	Connected bool      `json:"connected"`
	Relay     string    `json:"relay"` // closed, open
	LoadW     int64     `json:"load_w"`
	V1        int64     `json:"v1"` // what the converter reads now
	V2        int64     `json:"v2"`
	Polls     int64     `json:"polls"`    // number of requests for data so far
	Connects  int64     `json:"connects"` // number of connections so far
	// Heard holds the messages that the server sent since the previous line. For the topic topicOrders, an entry is the
	// payload alone. For any other topic, it is the topic, a space and the payload.
	Heard []string `json:"heard"`
}

// maxHeard bounds the messages that are stored for the next line.
const maxHeard = 100

// bufferSize is the size of the library's buffer. A longer packet is dropped silently.
const bufferSize = 256

// New returns a device that is switched on, with its relay open, because the relay opens when the board starts.
func New(c Config) *Sketch {
	c.Log = cmp.Or(c.Log, slog.New(slog.DiscardHandler))
	s := &Sketch{c: c, changed: make(chan struct{}), flip: make(chan struct{}, 1)}
	s.view = View{Power: "on", Relay: profile.Open, Heard: []string{}}
	s.measure()
	return s
}

// change runs a function under the lock and notifies all waiters.
func (s *Sketch) change(do func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	do()
	s.measure()
	close(s.changed)
	s.changed = make(chan struct{})
}

// middle is what both pins read without current: half of the converter's range.
const middle = 512

// measure computes what the converter reads. Without current both pins read the same. The caller holds mu.
func (s *Sketch) measure() {
	v := &s.view
	closed := v.Relay == profile.Closed && v.Power == "on"
	switch {
	case s.pinned && closed:
	case s.pinned:
		v.V1 = v.V2
	default:
		v.V1, v.V2 = middle, middle
		if closed {
			n := s.counts(v.LoadW)
			v.V2 = (s.highest() - n) / 2
			v.V1 = v.V2 + n
		}
	}
}

func (s *Sketch) highest() int64 { return s.c.Counts.Highest.Milli() / 1000 }

// counts returns the difference between the pins at a load, to the nearest count, at most the converter's range.
func (s *Sketch) counts(watts int64) int64 {
	k := s.c.Counts
	if k.SupplyVolt <= 0 || k.VoltsPerCount <= 0 {
		return 0
	}
	// The voltage across the shunt is load / supply voltage × shunt resistance. It is in billionths of a volt, because the
	// resistance is in billionths of an ohm.
	across, err := money.MulDiv(watts*1000, int64(k.ShuntOhm), k.SupplyVolt.Milli(), money.HalfUp)
	if err != nil {
		return s.highest()
	}
	n, err := money.MulDiv(across, 1, int64(k.VoltsPerCount), money.HalfUp)
	if err != nil {
		return s.highest()
	}
	return min(n, s.highest())
}

// Load sets the load behind the relay, in watts.
func (s *Sketch) Load(watts int64) { s.change(func() { s.view.LoadW, s.pinned = watts, false }) }

// Pins fixes what the converter reads while the relay is closed, whatever the load.
func (s *Sketch) Pins(v1, v2 int64) {
	s.change(func() { s.pinned, s.view.V1, s.view.V2 = true, v1, v2 })
}

// Power switches the board itself. Without power it forgets everything, and its relay opens.
func (s *Sketch) Power(on bool) {
	s.change(func() {
		s.view.Power = "off"
		if on {
			s.view.Power = "on"
		}
		s.view.Relay = profile.Open
		if !on && s.conn != nil {
			_ = s.conn.Close() // abruptly, as when a modem loses power
		}
	})
	select {
	case s.flip <- struct{}{}:
	default:
	}
}

// Look returns the device's state, with the messages that it heard since the last Take. changed is closed at the next
// change.
func (s *Sketch) Look() (v View, changed <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v = s.view
	v.Heard = append([]string{}, s.view.Heard...)
	v.T = time.Now().UTC()
	return v, s.changed
}

// Take returns the same as Look and clears the list of heard messages.
func (s *Sketch) Take() View {
	v, _ := s.Look()
	s.mu.Lock()
	s.view.Heard = s.view.Heard[min(len(v.Heard), len(s.view.Heard)):]
	s.mu.Unlock()
	return v
}

// Run keeps the connection until ctx ends. After a failure it tries again every 10 s.
func (s *Sketch) Run(ctx context.Context) {
	for ctx.Err() == nil {
		if v, _ := s.Look(); v.Power == "on" {
			if err := s.session(ctx); err != nil && ctx.Err() == nil {
				s.c.Log.Debug("board not connected", "err", err)
			}
		}
		t := time.NewTimer(retryEvery)
		select {
		case <-ctx.Done():
		case <-s.flip: // switched on: connect at once
		case <-t.C:
		}
		t.Stop()
	}
}

// Subscribe asks the server for another topic, as a changed sketch would.
func (s *Sketch) Subscribe(topic string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conn == nil {
		return fmt.Errorf("the device is not connected")
	}
	s.packet++
	_, err := s.conn.Write(subscribe(s.packet, topic))
	return err
}

// act carries out a message on the command topic and returns the answer.
func (s *Sketch) act(topic, payload string) (answer string) {
	s.change(func() {
		heard := payload
		if topic != topicOrders {
			heard = topic + " " + payload
		}
		if len(s.view.Heard) < maxHeard {
			s.view.Heard = append(s.view.Heard, heard)
		}
		if topic != topicOrders {
			return
		}
		switch {
		case s.c.Toggle && s.view.Relay == profile.Open:
			s.view.Relay, answer = profile.Closed, "1"
		case s.c.Toggle:
			s.view.Relay, answer = profile.Open, "0"
		case payload == "data":
			s.view.Polls++
			answer = fmt.Sprintf("%d:%d", s.view.V1, s.view.V2)
		case payload == "ON":
			s.view.Relay, answer = profile.Closed, "meter is on"
		case payload == "OFF":
			s.view.Relay, answer = profile.Open, "meter is off"
		}
	})
	return answer
}

// started returns the text that the sketch publishes after each connect.
func (s *Sketch) started() string {
	if s.c.Toggle {
		return "GsmClientTest started"
	}
	return "Meter Started"
}

// String describes the device in a line for a terminal.
func (v View) String() string {
	link := "not connected"
	if v.Connected {
		link = "connected"
	}
	line := fmt.Sprintf("%s  power %s  relay %s  load %d W  pins %d:%d  polls %d", link, v.Power, v.Relay, v.LoadW, v.V1, v.V2, v.Polls)
	if len(v.Heard) > 0 {
		line += "  heard " + strings.Join(v.Heard, ", ")
	}
	return line
}
