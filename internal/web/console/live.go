package console

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"time"
)

// cell is a place on a page that updates: its text and, if the class changes too, its class.
type cell []string

// cell is the badge as a cell.
func (b badge) cell() cell { return cell{b.Text(), b.Class} }

// frame is the content of a page. It maps the id of an element, and then the name of a cell, to the cell.
type frame map[string]map[string]cell

// since returns the cells that differ from the earlier ones.
func (f frame) since(before frame) frame {
	out := frame{}
	for element, cells := range f {
		for name, c := range cells {
			if old, ok := before[element][name]; ok && slices.Equal(old, c) {
				continue
			}
			if out[element] == nil {
				out[element] = map[string]cell{}
			}
			out[element][name] = c
		}
	}
	return out
}

// look reads the present content of a live page for its viewer. It returns false when the page will not change any more.
type look func(ctx context.Context, v visit) (frame, bool, error)

// Times of a stream.
const (
	lookEvery  = time.Second // how often the session is checked and the page is read
	pingEvery  = 15 * time.Second
	writeLimit = 10 * time.Second // a phone that left the network must not hold the stream
)

// The stream's messages. A patch or a ping carries the site's time, so that the page can say since when it is not live. An
// end tells the page not to reconnect.
const (
	patchEvent = ""
	pingEvent  = "event: ping\n"
	endEvent   = "event: end\n"
)

// stream sends changes until the page closes, the session ends, the request's context ends (as when the server stops) or look
// fails. An open page counts as use of its session, within the session's maximum life. A hidden page closes its stream.
func (s *Console) stream(w http.ResponseWriter, r *http.Request, look look) {
	v, known, err := s.enter(w, r)
	if err != nil {
		return
	}
	if !known.Refused() {
		leave, ok := s.streams.Enter(v.by)
		if !ok {
			w.Header().Set("Retry-After", "30")
			http.Error(w, "Too many live pages. Reload the page to see newer figures.", http.StatusServiceUnavailable)
			return
		}
		defer leave()
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no")
	out := sender{w: w, c: http.NewResponseController(w), now: func() string { return "" }}
	// The server's own read deadline is for requests; a stream lasts longer.
	_ = out.c.SetReadDeadline(time.Time{})
	out.now = func() string { return v.site.minute(s.c.Now()) }
	if known.Refused() {
		out.send(endEvent, nil)
		return
	}
	if !out.send(pingEvent, nil) {
		return
	}
	s.follow(r, &out, look)
}

// follow is the loop of a stream.
func (s *Console) follow(r *http.Request, out *sender, look look) {
	looks, pings := time.NewTicker(lookEvery), time.NewTicker(pingEvery)
	defer looks.Stop()
	defer pings.Stop()
	shown := frame{}
	for {
		select {
		case <-r.Context().Done():
			return
		case <-pings.C:
			if !out.send(pingEvent, nil) {
				return
			}
		case <-looks.C:
			v, known, err := s.enter(out.w, r)
			if err != nil {
				return
			}
			if known.Refused() {
				out.send(endEvent, nil)
				return
			}
			seen, more, err := look(r.Context(), v)
			if err != nil {
				return
			}
			if !more {
				out.send(endEvent, nil)
				return
			}
			patch := seen.since(shown)
			shown = seen
			if len(patch) > 0 && !out.send(patchEvent, patch) {
				return
			}
		}
	}
}

// sender writes the messages of one stream.
type sender struct {
	w   http.ResponseWriter
	c   *http.ResponseController
	now func() string // the site's time of day
}

// message is the body of every message.
type message struct {
	At   string `json:"at"`
	Rows frame  `json:"rows,omitempty"`
}

// send writes one message and reports whether it succeeded.
func (o *sender) send(event string, rows frame) bool {
	b, err := json.Marshal(message{At: o.now(), Rows: rows})
	if err != nil {
		return false
	}
	_ = o.c.SetWriteDeadline(time.Now().Add(writeLimit))
	if _, err := o.w.Write([]byte(event + "data: " + string(b) + "\n\n")); err != nil {
		return false
	}
	return o.c.Flush() == nil
}
