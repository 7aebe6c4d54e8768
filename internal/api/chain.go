package api

import (
	"bytes"
	"cmp"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/klauspost/compress/gzhttp"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/logkey"
	"github.com/paywatt/paywatt/internal/refusal"
)

// Guard puts around a handler what every request of the server goes through, outermost first: the exchange with its
// id, log line and headers; compression, of anything but event streams; the net under a panic; how often an address
// may ask and how many are answered at once. The name stands for its routes in log and metrics. It is for handlers
// that share the server with the API, which is guarded by itself.
func (a *API) Guard(name string, next http.Handler) http.Handler {
	return a.guard(next, func(*http.Request) string { return name })
}

func (a *API) guard(next http.Handler, routeOf func(*http.Request) string) http.Handler {
	return a.watched(a.gzip(a.recovered(a.limited(readable(next)))), routeOf)
}

func newGzip() (func(http.Handler) http.HandlerFunc, error) {
	gzip, err := gzhttp.NewWrapper(gzhttp.MinSize(1024), gzhttp.ExceptContentTypes([]string{"text/event-stream"}))
	if err != nil {
		return nil, fmt.Errorf("set up compression: %w", err)
	}
	return gzip, nil
}

// watched opens the exchange and closes it with a log line and the metrics.
func (a *API) watched(next http.Handler, routeOf func(*http.Request) string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x := &exchange{requestID: a.requestID(), remote: remoteOf(r), route: routeOf(r), target: r.URL.RequestURI(), started: a.c.Now()}
		x.sale = movesMoney(x.route)
		h := w.Header()
		h.Set("X-Request-Id", x.requestID)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		rec := &recorder{ResponseWriter: w}
		// A slow reader is dropped, not waited for: the answer of one request is small. A stream moves the deadline on.
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(writeTimeout))
		next.ServeHTTP(rec, r.WithContext(withExchange(r.Context(), x)))
		a.finished(r, x, rec)
	})
}

func (a *API) finished(r *http.Request, x *exchange, rec *recorder) {
	took := a.c.Now().Sub(x.started)
	status := cmp.Or(rec.status, http.StatusOK)
	a.metrics.request(x.route, status, took)
	log := a.c.Log.InfoContext
	if _, probe := probes[x.route]; probe && status < http.StatusBadRequest {
		log = a.c.Log.DebugContext
	}
	log(r.Context(), "request answered", logkey.RequestID, x.requestID, logkey.Method, r.Method, logkey.Route, x.route,
		logkey.Status, status, logkey.Took, took, logkey.Remote, x.remote.String(), logkey.Actor, x.actor.String())
}

// recorder remembers the status that was sent.
type recorder struct {
	http.ResponseWriter
	status int
}

// WriteHeader notes the first final status.
func (r *recorder) WriteHeader(status int) {
	if r.status == 0 && status >= http.StatusOK {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

// Write notes the implied 200.
func (r *recorder) Write(b []byte) (int, error) {
	r.status = cmp.Or(r.status, http.StatusOK)
	return r.ResponseWriter.Write(b)
}

// Flush sends what was written so far, as a stream needs it.
func (r *recorder) Flush() {
	_ = http.NewResponseController(r.ResponseWriter).Flush() // the reader has gone: the next write tells
}

var _ interface{ Unwrap() http.ResponseWriter } = (*recorder)(nil)

// Unwrap lets http.ResponseController reach the connection.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

func (a *API) requestID() string {
	var b [12]byte
	if _, err := io.ReadFull(a.c.Rand, b[:]); err != nil {
		return "req_unknown"
	}
	return "req_" + hex.EncodeToString(b[:])
}

func remoteOf(r *http.Request) netip.Addr {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	ip, _ := netip.ParseAddr(host) // a listener without addresses (a test's) gives the zero one
	return ip
}

// recovered turns a panic into a 500 with the request's id; on a sale the outcome is then unknown.
func (a *API) recovered(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			broke := recover()
			if broke == nil {
				return
			}
			if broke == http.ErrAbortHandler {
				panic(broke)
			}
			x := exchangeOf(r.Context())
			a.c.Log.ErrorContext(r.Context(), "request panicked", logkey.RequestID, x.requestID, logkey.Route, x.route,
				logkey.Err, fmt.Sprint(broke), logkey.Reason, string(debug.Stack()))
			what, not, try := faultText(refusal.Internal)
			if x.sale {
				not = saleFault(refusal.Internal)
			}
			writeProblem(w, x, because(refusal.Internal, what, not, try))
		}()
		next.ServeHTTP(w, r)
	})
}

// limited bounds how many requests run at once and how often one address may ask, before any key is looked up.
func (a *API) limited(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x := exchangeOf(r.Context())
		if _, probe := probes[x.route]; !probe {
			exempt := x.remote.IsLoopback() && !a.c.Limits.LimitLoopback
			if !exempt && !a.limit.allow(x.remote) {
				writeProblem(w, x, because(refusal.RateLimited, "Too many requests came from this address.",
					"This one was not looked at.", "Ask again after the time in Retry-After."))
				return
			}
			select {
			case a.slots <- struct{}{}:
				defer func() { <-a.slots }()
			default:
				writeProblem(w, x, because(refusal.RateLimited, "The server is answering as many requests as it can.",
					"This one was not looked at.", "Ask again after the time in Retry-After."))
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

// readable refuses an address that no text can be taken from: escapes that are broken, which would drop what they stand in
// without a word, and bytes that cannot be looked for in every database.
func readable(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q, err := url.ParseQuery(r.URL.RawQuery)
		plain := err == nil && access.IsText(r.URL.Path)
		for name, values := range q {
			plain = plain && access.IsText(name) && !slices.ContainsFunc(values, func(v string) bool { return !access.IsText(v) })
		}
		if !plain {
			writeProblem(w, exchangeOf(r.Context()), because(refusal.InvalidRequest, "The address is not text: an escape in it is broken, or it holds a zero byte or what is not UTF-8.",
				"Nothing was done.", "Write it in UTF-8 and escape each byte outside of letters, digits, - . _ and ~ as %XX."))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// routed sends the request to its route, or answers as a problem what the mux would answer as text.
func (a *API) routed(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x := exchangeOf(r.Context())
		if x.route == "" {
			a.unrouted(mux, w, r)
			return
		}
		if !needsKey(x.route) {
			mux.ServeHTTP(w, r)
			return
		}
		if p := a.authenticate(r, x); p != nil {
			writeProblem(w, x, p)
			return
		}
		if r.Method == http.MethodPost {
			if p := readBody(w, r, x); p != nil {
				writeProblem(w, x, p)
				return
			}
		}
		switch {
		case x.sale:
			if p := takeKey(r, x); p != nil {
				writeProblem(w, x, p)
				return
			}
		case r.Method == http.MethodPost && r.Header.Get("Idempotency-Key") != "":
			a.remembered(mux, w, r, x)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// unrouted tells "no such path" from "not with this method", as the mux knows it.
func (a *API) unrouted(mux *http.ServeMux, w http.ResponseWriter, r *http.Request) {
	h, _ := mux.Handler(r)
	probe := &probe{header: http.Header{}}
	h.ServeHTTP(probe, r)
	x := exchangeOf(r.Context())
	if probe.status == http.StatusMethodNotAllowed {
		w.Header().Set("Allow", probe.header.Get("Allow"))
		writeProblem(w, x, because(methodNotAllowed, "This path does not take "+r.Method+".", "Nothing was changed.",
			"It takes "+probe.header.Get("Allow")+"; see /docs."))
		return
	}
	writeProblem(w, x, because(refusal.NotFound, "There is nothing at this path.", "Nothing was changed.",
		"Check the path; /docs lists them all."))
}

// probe takes the mux's own answer in order to read its status.
type probe struct {
	header http.Header
	status int
}

func (p *probe) Header() http.Header         { return p.header }
func (p *probe) Write(b []byte) (int, error) { return len(b), nil }
func (p *probe) WriteHeader(status int)      { p.status = status }

// authenticate turns the Bearer key into the actor of the exchange.
func (a *API) authenticate(r *http.Request, x *exchange) *Problem {
	scheme, key, ok := strings.Cut(r.Header.Get("Authorization"), " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") {
		return because(refusal.Unauthenticated, "This request carries no key.", "Nothing was looked up.",
			"Send the header Authorization: Bearer pk_…; paywatt apikey create prints a key.")
	}
	known, err := a.c.Access.ByAPIKey(r.Context(), strings.TrimSpace(key))
	if err != nil {
		return a.problemFor(r.Context(), err)
	}
	if known.Refused() {
		return refuse(known.Refusal)
	}
	by := known.Actor
	by.IP, by.RequestID = x.remote.String(), x.requestID
	x.actor = by
	return nil
}

// readBody takes the whole body within MaxBody, so that no handler waits for the network.
func readBody(w http.ResponseWriter, r *http.Request, x *exchange) *Problem {
	if ct := r.Header.Get("Content-Type"); ct != "" {
		kind, _, err := mime.ParseMediaType(ct)
		if err != nil || kind != jsonType && !strings.HasSuffix(kind, "+json") {
			return because(unsupportedMediaType, "The body is declared as "+ct+".", "It was not read.",
				"Send the header Content-Type: application/json.")
		}
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxBody))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return because(refusal.TooLarge, fmt.Sprintf("The body is longer than %d bytes.", MaxBody), "It was not looked at.",
			"Send less at once.")
	case errors.Is(err, os.ErrDeadlineExceeded):
		return because(requestTimeout, "The body did not arrive in time.", "It was not looked at.", "Ask again.")
	case err != nil:
		return because(refusal.InvalidRequest, "The body did not arrive whole.", "It was not looked at.", "Ask again.")
	}
	if _, bare := bodiless[x.route]; bare && len(bytes.TrimSpace(body)) == 0 {
		body = []byte("{}")
	}
	if len(bytes.TrimSpace(body)) == 0 {
		return x.nothing(malformed("The request has no body.", "Send a JSON object."))
	}
	if zeroByte(body) {
		return x.nothing(malformed(`A text in the body holds the character \u0000.`, "Remove it: no text that is kept can hold it."))
	}
	x.body = body
	r.Body = io.NopCloser(bytes.NewReader(body)) // huma reads it once more
	return nil
}
