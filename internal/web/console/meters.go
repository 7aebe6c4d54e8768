package console

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/registry"
)

// row is a meter as a list shows it. Its texts are also what the live stream sends.
type row struct {
	ID, Number, Grouped, Customer, Tariff string
	Balance, Load, Relay, AsOf            string
	State                                 badge
}

func (p page) row(v registry.MeterView) row {
	out := row{ID: v.Meter.Number, Number: v.Meter.Number, Grouped: meterGroups(v.Meter.Number), Customer: v.Customer.Name,
		Tariff: v.Tariff, State: stateBadge(v.State), Relay: relayWord(v.Relay), Balance: "–", Load: "–", AsOf: "no reading yet"}
	if f := v.Figures; f != nil {
		out.Load = strconv.FormatInt(f.Watts, 10) + " W"
		out.AsOf = "as of " + p.clock(f.AsOf)
		if v.Meter.Mode == registry.PrepayToken {
			out.Balance = f.Balance.KWh(1) + " kWh"
		}
	}
	return out
}

func relayWord(relay string) string {
	switch relay {
	case registry.RelayClosed:
		return "closed"
	case registry.RelayOpen:
		return "open"
	case registry.RelayArmed:
		return "armed: press # at the meter"
	default:
		return "unknown"
	}
}

// cells are the parts of a row that move, each with its text and, where it changes, its class.
func (r row) cells() map[string][]string {
	return map[string][]string{
		"state": {r.State.Sign + " " + r.State.Word, r.State.Class}, "balance": {r.Balance}, "load": {r.Load},
		"relay": {r.Relay}, "asof": {r.AsOf},
	}
}

func (s *Console) meters(w http.ResponseWriter, r *http.Request, by access.Actor) {
	if q := strings.TrimSpace(r.URL.Query().Get("q")); q != "" {
		s.search(w, r, by, q)
		return
	}
	cursor := r.URL.Query().Get("cursor")
	list, err := s.c.Registry.Meters(r.Context(), by, registry.Page{Limit: pageSize, Cursor: cursor})
	if err != nil {
		s.broken(w, r, by, err)
		return
	}
	if list.Refused() {
		s.refuse(w, r, by, list.Refusal)
		return
	}
	p := s.page(r, by, "Meters")
	p.Live = "/meters/live?cursor=" + urlQuery(cursor)
	rows := make([]row, len(list.Data))
	for i, v := range list.Data {
		rows[i] = p.row(v)
	}
	next := ""
	if list.Next != "" {
		next = "/meters?cursor=" + urlQuery(list.Next)
	}
	s.show(w, r, http.StatusOK, metersView(p, rows, next, cursor != ""))
}

// search leads to the one meter that has the number.
func (s *Console) search(w http.ResponseWriter, r *http.Request, by access.Actor, q string) {
	v, err := s.c.Registry.Meter(r.Context(), by, q)
	if err != nil {
		s.broken(w, r, by, err)
		return
	}
	if v.Refused() {
		p := s.page(r, by, "Meters")
		s.show(w, r, v.Code.Status(), noteView(p, note{Class: "warn", Title: v.What, Text: join(v.Not, v.Try), Link: "/meters", LinkText: "All meters"}))
		return
	}
	http.Redirect(w, r, "/meters/"+url.PathEscape(v.Meter.Number), http.StatusSeeOther)
}

// metersLive streams what changes on the page of meters that the cursor names.
func (s *Console) metersLive(w http.ResponseWriter, r *http.Request, by access.Actor) {
	p := s.page(r, by, "")
	cursor := r.URL.Query().Get("cursor")
	s.stream(w, r, func() ([]row, bool) {
		list, err := s.c.Registry.Meters(r.Context(), by, registry.Page{Limit: pageSize, Cursor: cursor})
		if err != nil || list.Refused() {
			return nil, false
		}
		rows := make([]row, len(list.Data))
		for i, v := range list.Data {
			rows[i] = p.row(v)
		}
		return rows, true
	})
}

// meterLive streams what changes of one meter.
func (s *Console) meterLive(w http.ResponseWriter, r *http.Request, by access.Actor) {
	p := s.page(r, by, "")
	s.stream(w, r, func() ([]row, bool) {
		v, err := s.c.Registry.Meter(r.Context(), by, r.PathValue("number"))
		if err != nil || v.Refused() {
			return nil, false
		}
		return []row{p.row(v)}, true
	})
}

// Times of a stream.
const (
	lookEvery  = time.Second
	pingEvery  = 15 * time.Second
	writeLimit = 10 * time.Second // a phone that left the network must not hold the stream
	recheck    = time.Minute      // whether the session still holds
)

// stream sends patches of the rows that look returns until the page goes away, the session ends or look fails.
func (s *Console) stream(w http.ResponseWriter, r *http.Request, look func() ([]row, bool)) {
	select {
	case s.streams <- struct{}{}:
		defer func() { <-s.streams }()
	default:
		http.Error(w, "too many live pages; reload to see newer figures", http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no")
	c := http.NewResponseController(w)
	// The server's own read deadline is for requests; a stream outlives it.
	_ = c.SetReadDeadline(time.Time{})
	send := func(text string) bool {
		_ = c.SetWriteDeadline(time.Now().Add(writeLimit))
		if _, err := w.Write([]byte(text)); err != nil {
			return false
		}
		return c.Flush() == nil
	}
	sent := map[string]map[string][]string{}
	looks, pings, checks := time.NewTicker(lookEvery), time.NewTicker(pingEvery), time.NewTicker(recheck)
	defer looks.Stop()
	defer pings.Stop()
	defer checks.Stop()
	if !send("event: ping\ndata: 1\n\n") {
		return
	}
	for {
		select {
		case <-r.Context().Done():
			return
		case <-pings.C:
			if !send("event: ping\ndata: 1\n\n") {
				return
			}
		case <-checks.C:
			if known, err := s.c.Access.ByLogin(r.Context(), s.c.Tenant, s.session(r)); err != nil || known.Refused() {
				return
			}
		case <-looks.C:
			rows, ok := look()
			if !ok {
				return
			}
			patch := changes(sent, rows)
			if len(patch) == 0 {
				continue
			}
			b, err := json.Marshal(patch)
			if err != nil || !send("data: "+string(bytes.TrimSpace(b))+"\n\n") {
				return
			}
		}
	}
}

// changes gives the cells that differ from what was sent, and remembers them as sent.
func changes(sent map[string]map[string][]string, rows []row) map[string]map[string][]string {
	out := map[string]map[string][]string{}
	for _, r := range rows {
		known := sent[r.ID]
		if known == nil {
			known = map[string][]string{}
			sent[r.ID] = known
		}
		for name, cell := range r.cells() {
			if old, ok := known[name]; ok && old[0] == cell[0] {
				continue
			}
			known[name] = cell
			if out[r.ID] == nil {
				out[r.ID] = map[string][]string{}
			}
			out[r.ID][name] = cell
		}
	}
	return out
}
