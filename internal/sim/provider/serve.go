package provider

import (
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// call is a request of the merchant to a provider's interface.
type call struct {
	*http.Request
	body []byte
	now  time.Time
}

// read decodes the JSON body.
func (c call) read(into any) error { return json.Unmarshal(c.body, into) }

// answer is what a provider answers.
type answer struct {
	status int
	body   any // nil is an empty body
	head   map[string]string
}

// failure names what keeps a provider from serving a call.
type failure int

// The failures.
const (
	tooBusy     failure = iota // nothing was done
	tooMany                    // nothing was done: above the limit of calls
	broken                     // the call was done, and its answer is lost
	unavailable                // nothing was done
)

// serve makes a handler of a provider's interface: the outage first, then the faults, then what the interface does. The lock is
// held while it does that.
func (s *Simulator) serve(p Provider, do func(c call) answer) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
		if err != nil {
			http.Error(w, err.Error(), http.StatusRequestEntityTooLarge)
			return
		}
		a, hangUp, late := s.served(p, call{Request: r, body: body}, do)
		if hangUp {
			reset(w)
			return
		}
		if late > 0 && s.sleep(r.Context().Done(), late) != nil {
			return // the client gave up
		}
		a.write(w)
	}
}

// served does a call under the lock.
func (s *Simulator) served(p Provider, c call, do func(c call) answer) (a answer, hangUp bool, late time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.now = s.now()
	d, st := s.services[p], s.stats[p]
	if c.now.Before(d.down.until) {
		st.Down++
		return failureOf(p, unavailable, s.uuid()), d.down.mode == Refuse, 0
	}
	d.call++
	if minute := c.now.Truncate(time.Minute); !minute.Equal(d.window) {
		d.window, d.calls = minute, 0
	}
	if d.calls++; d.faults.PerMinute > 0 && d.calls > d.faults.PerMinute {
		st.Busy++
		return failureOf(p, tooMany, s.uuid()), false, 0
	}
	f := d.faults.fate(s.dice.roll("call", string(p), strconv.FormatUint(d.call, 10)))
	if f.busy {
		st.Busy++
		return failureOf(p, tooBusy, s.uuid()), false, 0
	}
	a = do(c)
	if f.failed && a.status/100 == 2 {
		st.Failed++
		a = failureOf(p, broken, s.uuid())
	}
	if f.late {
		st.Late++
		late = d.faults.LateFor.or(time.Minute)
	}
	return a, false, late
}

// failureOf is how a provider words a failure.
func failureOf(p Provider, what failure, id string) answer {
	status := map[failure]int{tooBusy: http.StatusServiceUnavailable, tooMany: http.StatusTooManyRequests, broken: http.StatusInternalServerError, unavailable: http.StatusServiceUnavailable}[what]
	switch p {
	case Daraja:
		switch what {
		case tooBusy:
			return darajaError(http.StatusInternalServerError, "500.003.02", "System is busy. Please try again in few minutes.", id)
		case tooMany:
			return darajaError(http.StatusTooManyRequests, "500.003.03", "Error Occured: Quota Violation", id)
		}
		return darajaError(status, "500.003.1001", "Internal Server Error", id)
	case MoMo:
		return answer{status: status, body: map[string]string{"code": "SERVICE_UNAVAILABLE", "message": "Service temporarily unavailable, try again later."}}
	case Stripe:
		kind, code := "api_error", ""
		if what == tooMany || what == tooBusy {
			status, code = http.StatusTooManyRequests, "rate_limit"
		}
		return stripeError(status, kind, code, "An error occurred with our connection.")
	case Paystack:
		return paystackError(status, "An error occurred, please try again later")
	case Flutterwave:
		return flutterwaveSays(status, "An error occurred, please try again later", nil)
	}
	return answer{status: status, body: map[string]string{"error": "unavailable"}}
}

// errGone says that the client gave up.
var errGone = errors.New("the client gave up")

// sleep waits for a time of the simulator's clock. It ends early if the client goes away.
func (s *Simulator) sleep(gone <-chan struct{}, d time.Duration) error {
	over := make(chan struct{})
	s.mu.Lock()
	s.after(d, func(time.Time) { close(over) })
	s.mu.Unlock()
	select {
	case <-over:
		return nil
	case <-gone:
		return errGone
	}
}

// reset closes a connection without an answer, so that the client sees a reset.
func reset(w http.ResponseWriter) {
	h, ok := w.(http.Hijacker)
	if !ok {
		panic(http.ErrAbortHandler)
	}
	conn, _, err := h.Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // best effort: without it the client sees an end instead of a reset
	}
	_ = conn.Close() // there is nobody to tell
}

func (a answer) write(w http.ResponseWriter) {
	for k, v := range a.head {
		w.Header().Set(k, v)
	}
	if a.body == nil {
		w.WriteHeader(a.status)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(a.status)
	_, _ = w.Write(encode(a.body)) // a client that went away is no concern of the simulator
}

// encode writes JSON. Its values are ours, so they can always be written.
func encode(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}

// bearer returns the token of a call.
func (c call) bearer() string {
	token, _ := strings.CutPrefix(c.Header.Get("Authorization"), "Bearer ")
	return token
}

// Handler serves the interfaces of all providers, the checkout pages and the control interface.
func (s *Simulator) Handler() http.Handler {
	mux := http.NewServeMux()
	s.darajaRoutes(mux)
	s.momoRoutes(mux)
	s.stripeRoutes(mux)
	s.paystackRoutes(mux)
	s.airtelRoutes(mux)
	s.flutterwaveRoutes(mux)
	mux.HandleFunc("GET /webhook/payments/{id}", s.serve(Webhook, s.webhookPayment))
	s.controlRoutes(mux)
	return mux
}
