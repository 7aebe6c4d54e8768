package panelweb

import (
	"sync"

	"github.com/paywatt/paywatt/internal/device/face"
)

// hub hands the newest view to every live display. A display that is slow misses views, never the newest.
type hub struct {
	mu   sync.Mutex
	last face.View
	subs map[chan face.View]bool
}

// maxLive is how many displays may be live at once; more get the plain page.
const maxLive = 32

func newHub() *hub { return &hub{subs: map[chan face.View]bool{}} }

// publish keeps a view and hands it out if it differs from the one before.
func (h *hub) publish(v face.View) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.last.Equal(v) {
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

// newest is the view of this moment.
func (h *hub) newest() face.View {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.last
}

// join adds a live display; ok is false when there are too many. The channel has one place, and publish is its only
// sender.
func (h *hub) join() (views <-chan face.View, leave func(), ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.subs) >= maxLive {
		return nil, nil, false
	}
	c := make(chan face.View, 1)
	c <- h.last
	h.subs[c] = true
	return c, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		delete(h.subs, c)
	}, true
}
