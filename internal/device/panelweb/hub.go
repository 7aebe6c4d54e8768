package panelweb

import (
	"sync"

	"github.com/paywatt/paywatt/internal/device/face"
)

// hub sends the newest view to every live display. A slow display misses views, but never the newest one.
type hub struct {
	mu   sync.Mutex
	last face.View
	subs map[chan face.View]bool
}

// maxLive is how many displays may be live at once; further ones get the plain page.
const maxLive = 32

func newHub() *hub { return &hub{subs: map[chan face.View]bool{}} }

// publish stores a view and sends it out if it differs from the one before.
func (h *hub) publish(v face.View) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.last.Equal(v) {
		return
	}
	h.last = v
	for c := range h.subs {
		select {
		case <-c: // the display has not read the old view; replace it
		default:
		}
		c <- v
	}
}

// newest returns the current view.
func (h *hub) newest() face.View {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.last
}

// join adds a live display; ok is false if there are too many. The channel has a buffer of one, and publish is its only
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
