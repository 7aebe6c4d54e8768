// Package bus shows an emulated network to other processes: JSON over HTTP, for virtual phones, for watching messages and for
// injecting faults. It is a tool for tests and demonstrations: it has no login and shows every text, so it belongs on a
// loopback address. Handler serves it, Client uses it.
//
//	GET  /modems                              the modems: number, pty, slots used
//	POST /modems/{number}                     {"reset":true} · {"fail":[38]} · {"registration":2}
//	PUT  /weather                             {"loss":0.2,"duplicate":0.1,"reorder":0.1,"delay_ms":50,"hold_ms":500}
//	POST /phones/{number}/messages            {"to":"+255…","text":"*01#"}: a phone sends; it exists from its first use
//	GET  /phones/{number}/messages?after=N&wait=10s   what the phone got, delivery reports among it
//	GET  /events?after=N&wait=10s             what happened to all messages
//
// It also has pages for people: /phone/ lists the numbers, and /phone/{number}/ shows one telephone's messages and a form to
// send.
package bus

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/paywatt/paywatt/internal/gsm/network"
	"github.com/paywatt/paywatt/internal/gsm/pdu"
	"github.com/paywatt/paywatt/internal/gsm/sim900"
)

// Limits of the interface.
const (
	MaxPhones = 1000
	maxBody   = 64 * 1024
	maxWait   = 60 * time.Second
)

// Modem is one modem of the bus.
type Modem struct {
	Number string `json:"number"`
	PTY    string `json:"pty"`
	Used   int    `json:"used"`
	Slots  int    `json:"slots"`
}

// Handler serves a network, its modems, and phones that are created on first use.
type Handler struct {
	net    *network.Network
	modems []*sim900.Modem
	ptys   []string
	mux    *http.ServeMux

	mu     sync.Mutex
	phones map[string]*network.Phone // by the digits of their numbers
}

// NewHandler returns a handler for a network with these modems; ptys are the names of their serial ports.
func NewHandler(n *network.Network, modems []*sim900.Modem, ptys []string) *Handler {
	h := &Handler{net: n, modems: modems, ptys: ptys, mux: http.NewServeMux(), phones: map[string]*network.Phone{}}
	h.mux.HandleFunc("GET /modems", h.listModems)
	h.mux.HandleFunc("POST /modems/{number}", h.changeModem)
	h.mux.HandleFunc("PUT /weather", h.changeWeather)
	h.mux.HandleFunc("POST /phones/{number}/messages", h.send)
	h.mux.HandleFunc("GET /phones/{number}/messages", h.messages)
	h.mux.HandleFunc("GET /events", h.events)
	h.pages()
	return h
}

// ServeHTTP rejects host names that only a page on another site would use (DNS rebinding), then serves.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	host, _, err := net.SplitHostPort(r.Host)
	if err != nil {
		host = r.Host
	}
	if host != "localhost" && net.ParseIP(host) == nil {
		refuse(w, http.StatusForbidden, "the bus is addressed by IP address or as localhost")
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	h.mux.ServeHTTP(w, r)
}

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the client has gone: there is nobody to report the error to
}

// problem is the answer to a refused request.
type problem struct {
	Detail string `json:"detail"`
}

func refuse(w http.ResponseWriter, status int, why string) { answer(w, status, problem{why}) }

// read decodes a JSON body. It accepts no other type, so that a form on another site cannot send a request.
func read(w http.ResponseWriter, r *http.Request, v any) bool {
	if r.Header.Get("Content-Type") != "application/json" {
		refuse(w, http.StatusUnsupportedMediaType, "send application/json")
		return false
	}
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		refuse(w, http.StatusBadRequest, "the body cannot be read: "+err.Error())
		return false
	}
	return true
}

func (h *Handler) listModems(w http.ResponseWriter, _ *http.Request) {
	out := make([]Modem, len(h.modems))
	for i, m := range h.modems {
		out[i] = Modem{Number: m.Number(), PTY: h.ptys[i]}
		out[i].Used, out[i].Slots = m.Used()
	}
	answer(w, http.StatusOK, out)
}

// Change is a change to a modem: a reset, errors for the next messages, or a registration state.
type Change struct {
	Reset        bool  `json:"reset,omitempty"`
	Fail         []int `json:"fail,omitempty"` // +CMS ERROR numbers for the next messages
	Registration *int  `json:"registration,omitempty"`
}

func (h *Handler) changeModem(w http.ResponseWriter, r *http.Request) {
	var c Change
	if !read(w, r, &c) {
		return
	}
	for _, m := range h.modems {
		if m.Number() != r.PathValue("number") {
			continue
		}
		for _, code := range c.Fail {
			m.FailNext(code)
		}
		if c.Registration != nil {
			m.Register(*c.Registration)
		}
		if c.Reset {
			m.Reset()
		}
		answer(w, http.StatusOK, c)
		return
	}
	refuse(w, http.StatusNotFound, "no modem has this number")
}

// Weather is network.Weather in JSON.
type Weather struct {
	Loss      float64 `json:"loss"`
	Duplicate float64 `json:"duplicate"`
	Reorder   float64 `json:"reorder"`
	DelayMS   int     `json:"delay_ms"`
	HoldMS    int     `json:"hold_ms"`
}

func (h *Handler) changeWeather(w http.ResponseWriter, r *http.Request) {
	var x Weather
	if !read(w, r, &x) {
		return
	}
	h.net.SetWeather(network.Weather{Loss: x.Loss, Duplicate: x.Duplicate, Reorder: x.Reorder,
		Delay: time.Duration(x.DelayMS) * time.Millisecond, Hold: time.Duration(x.HoldMS) * time.Millisecond})
	answer(w, http.StatusOK, x)
}

// phone returns the phone with a number; it creates the phone on first use.
func (h *Handler) phone(number string) (*network.Phone, error) {
	a, err := pdu.ParseAddress(number)
	if err != nil {
		return nil, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if p := h.phones[a.Text]; p != nil {
		return p, nil
	}
	if len(h.phones) == MaxPhones {
		return nil, errors.New("the bus has no room for another phone")
	}
	p, err := h.net.Phone(number)
	if err == nil {
		h.phones[a.Text] = p
	}
	return p, err
}

// Outgoing is a message that a phone sends.
type Outgoing struct {
	To   string `json:"to"`
	Text string `json:"text"`
}

func (h *Handler) send(w http.ResponseWriter, r *http.Request) {
	var m Outgoing
	if !read(w, r, &m) {
		return
	}
	p, err := h.phone(r.PathValue("number"))
	if err == nil {
		err = p.Send(m.To, m.Text)
	}
	if err != nil {
		refuse(w, http.StatusConflict, err.Error())
		return
	}
	answer(w, http.StatusAccepted, m)
}

// window reads the query parameters "after" and "wait".
func window(r *http.Request) (after uint64, wait time.Duration, err error) {
	q := r.URL.Query()
	if s := q.Get("after"); s != "" {
		if after, err = strconv.ParseUint(s, 10, 64); err != nil {
			return 0, 0, err
		}
	}
	if s := q.Get("wait"); s != "" {
		if wait, err = time.ParseDuration(s); err != nil {
			return 0, 0, err
		}
	}
	return after, min(max(wait, 0), maxWait), nil
}

func (h *Handler) messages(w http.ResponseWriter, r *http.Request) {
	after, wait, err := window(r)
	if err != nil {
		refuse(w, http.StatusBadRequest, "after or wait: "+err.Error())
		return
	}
	p, err := h.phone(r.PathValue("number"))
	if err != nil {
		refuse(w, http.StatusConflict, err.Error())
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), wait)
	defer cancel()
	answer(w, http.StatusOK, append([]network.Message{}, p.Wait(ctx, after)...))
}

func (h *Handler) events(w http.ResponseWriter, r *http.Request) {
	after, wait, err := window(r)
	if err != nil {
		refuse(w, http.StatusBadRequest, "after or wait: "+err.Error())
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), wait)
	defer cancel()
	answer(w, http.StatusOK, append([]network.Event{}, h.net.WaitEvents(ctx, after)...))
}
