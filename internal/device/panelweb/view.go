package panelweb

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/paywatt/paywatt/internal/device"
)

// speeds are how much faster than the machine's the meter's time may pass; 0 lets it stand still.
func speeds() []int { return []int{0, 1, 60, 600} }

// View is what the page shows, and what a live display gets.
type View struct {
	Number string   `json:"number"`
	Time   string   `json:"time"`
	LCD    []string `json:"lcd"`
	// Supply, Light and Sound are a sign and a word each: colour is never alone.
	Supply string `json:"supply"`
	// State is a class name for Supply: ok, warn, bad or off.
	State string `json:"state"`
	Light string `json:"light"`
	Sound string `json:"sound"`
	// Register is the total register.
	Register string       `json:"register"`
	Load     int64        `json:"load"`
	Speed    int          `json:"speed"`
	Power    bool         `json:"power"`
	Server   string       `json:"server"`
	Waiting  int          `json:"waiting"`
	Sent     []device.SMS `json:"sent"`
	// Said is the result of the last token, for those who hear the page.
	Said string `json:"said"`
}

func (p *Panel) view() View {
	v := p.dev.View()
	out := View{
		Number: p.dev.Number(), Time: strings.Replace(strings.TrimSuffix(v.T, "Z"), "T", " ", 1) + " UTC", LCD: v.LCD,
		Light: light(v.LED), Sound: sound(v.Buzzer), Register: fmt.Sprintf("%d.%03d kWh", v.RegisterWh/1000, v.RegisterWh%1000),
		Load: int64(p.dev.Load()), Speed: p.speed, Power: p.dev.On(), Sent: slices.Clone(p.sent), Server: "none, this meter is offline",
		Waiting: p.dev.Box().Marks().Waiting(),
	}
	out.Supply, out.State = supplyWord(v, out.Power)
	if v.LastToken != "" {
		out.Said = "Last token: " + strings.ReplaceAll(v.LastToken, "_", " ") + "."
	}
	if p.c.Net != nil {
		out.Server = "not connected"
		if p.c.Net.Status().Connected {
			out.Server = "connected"
		}
	}
	return out
}

func supplyWord(v device.View, power bool) (word, class string) {
	switch {
	case !power:
		return "○ No mains", "off"
	case v.Relay == "closed" && v.LED != "off":
		return "▲ On, low credit", "warn"
	case v.Relay == "closed":
		return "● On", "ok"
	case v.Relay == "armed":
		return "▲ Press # to switch on", "warn"
	case len(v.Reasons) == 0:
		return "■ Off, waiting", "bad"
	}
	return "■ Off: " + strings.ToLower(strings.ReplaceAll(strings.Join(v.Reasons, ", "), "_", " ")), "bad"
}

func light(led string) string {
	switch led {
	case "slow":
		return "◐ blinking slowly"
	case "fast":
		return "◑ blinking fast"
	}
	return "○ off"
}

func sound(buzzer string) string {
	switch buzzer {
	case "low":
		return "3 beeps"
	case "tone":
		return "continuous tone"
	case "accepted":
		return "2 short beeps"
	case "rejected":
		return "1 long beep"
	}
	return "silent"
}

// hub hands the newest view to every live display. A display that is slow misses views, never the newest.
type hub struct {
	mu   sync.Mutex
	last View
	subs map[chan View]bool
}

// maxLive is how many displays may be live at once; more get the plain page.
const maxLive = 32

func newHub() *hub { return &hub{subs: map[chan View]bool{}} }

// publish keeps a view and hands it out if it differs from the one before.
func (h *hub) publish(v View) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if equal(h.last, v) {
		return
	}
	h.last = v
	for c := range h.subs {
		select {
		case <-c: // what it has not looked at yet is old now
		default:
		}
		c <- v
	}
}

func equal(a, b View) bool {
	lists := slices.Equal(a.LCD, b.LCD) && slices.Equal(a.Sent, b.Sent)
	a.LCD, b.LCD, a.Sent, b.Sent = nil, nil, nil, nil
	return lists && fmt.Sprint(a) == fmt.Sprint(b)
}

// newest is the view of this moment.
func (h *hub) newest() View {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.last
}

// join adds a live display; ok is false when there are too many. The channel has one place, and publish is its only
// sender.
func (h *hub) join() (views <-chan View, leave func(), ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.subs) >= maxLive {
		return nil, nil, false
	}
	c := make(chan View, 1)
	c <- h.last
	h.subs[c] = true
	return c, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		delete(h.subs, c)
	}, true
}
