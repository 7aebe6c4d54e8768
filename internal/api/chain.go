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
	"strconv"
	"strings"
	"time"

	"github.com/klauspost/compress/gzhttp"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/imports"
	"github.com/paywatt/paywatt/internal/listen"
	"github.com/paywatt/paywatt/internal/logkey"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/sheet"
	"github.com/paywatt/paywatt/internal/statement"
)

// Refuse answers a request that the chain does not pass on, in the way that its caller reads: people read pages, and programs read problems.
type Refuse func(w http.ResponseWriter, r *http.Request, status int, no refusal.Refusal)

// Guard wraps a handler in the steps of every request of the server, outermost first. These are the exchange with its id, log line and
// headers; compression of everything but event streams; recovery from panics; the host name; the rate limit of an address and the limit of
// concurrent requests. The log and the metrics show every request to the handler under the given name. Refuse answers what these steps do not
// pass on; nil stands for a problem. Guard is for handlers that share the server with the API; the API guards itself.
//
// Guard does not judge the address or the body. Each handler judges its own, because bytes that a page refuses may be a message in UTF-16 at Kannel's
// hook.
func (a *API) Guard(name string, next http.Handler, refuse Refuse) http.Handler {
	return a.guard(next, func(*http.Request) string { return name }, refuse)
}

func (a *API) guard(next http.Handler, routeOf func(*http.Request) string, refuse Refuse) http.Handler {
	return a.watched(a.gzip(a.recovered(a.named(a.limited(next)))), routeOf, refuse)
}

// newGzip returns what compresses answers. A compressor needs much memory until its client has read the answer, so there are few; other answers
// are sent as they are.
func newGzip() (func(http.Handler) http.HandlerFunc, error) {
	gzip, err := gzhttp.NewWrapper(gzhttp.MinSize(1024), gzhttp.ExceptContentTypes([]string{"text/event-stream"}))
	if err != nil {
		return nil, fmt.Errorf("set up compression: %w", err)
	}
	working := make(chan struct{}, maxGzip)
	return func(next http.Handler) http.HandlerFunc {
		compressed := gzip(next)
		return func(w http.ResponseWriter, r *http.Request) {
			if isStream(r) { // it is not compressed, and lasts
				next.ServeHTTP(w, r)
				return
			}
			select {
			case working <- struct{}{}:
				defer func() { <-working }()
				compressed.ServeHTTP(w, r)
			default:
				next.ServeHTTP(w, r)
			}
		}
	}, nil
}

// isStream reports whether a request is for a stream of events.
func isStream(r *http.Request) bool {
	return r.URL.Path == StreamPath || strings.Contains(r.Header.Get("Accept"), "text/event-stream")
}

// watched opens the exchange and closes it with a log line and the metrics.
func (a *API) watched(next http.Handler, routeOf func(*http.Request) string, refuse Refuse) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r = a.c.Network.direct(r)
		x := &exchange{requestID: a.requestID(), remote: remoteOf(r), route: routeOf(r), target: r.URL.RequestURI(), started: a.c.Now(), refuse: refuse}
		x.sale = movesMoney(x.route)
		h := w.Header()
		h.Set("X-Request-Id", x.requestID)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		if a.c.Network.encrypted(r) {
			h.Set("Strict-Transport-Security", hstsYear)
		}
		rec := &recorder{ResponseWriter: w}
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(answerTimeout + writeTimeout))
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
	if status >= http.StatusOK {
		r.begin(status)
	}
	r.ResponseWriter.WriteHeader(status)
}

// Write notes the implied 200.
func (r *recorder) Write(b []byte) (int, error) {
	r.begin(http.StatusOK)
	return r.ResponseWriter.Write(b)
}

// begin notes the status of an answer that begins. From now on a slow reader is dropped: the answer to one request is small. A stream extends
// its deadline itself.
func (r *recorder) begin(status int) {
	if r.status == 0 {
		r.status = status
		_ = http.NewResponseController(r.ResponseWriter).SetWriteDeadline(time.Now().Add(writeTimeout)) // without deadlines there is nothing to set
	}
}

// Flush sends what was written so far, as a stream needs it.
func (r *recorder) Flush() {
	_ = http.NewResponseController(r.ResponseWriter).Flush() // if the reader has gone, the next write reports it
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
	ip, _ := netip.ParseAddr(host) // a listener without addresses, as in a test, gives the zero address
	return ip
}

// recovered turns a panic into a 500 with the request's id. If the request was a sale, its outcome is unknown.
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
			x.deny(w, r, x.explainFault(refusal.Internal, nil))
		}()
		next.ServeHTTP(w, r)
	})
}

// limited bounds concurrent requests and the rate of each address, before any key is looked up.
func (a *API) limited(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x := exchangeOf(r.Context())
		if _, probe := probes[x.route]; !probe {
			exempt := x.remote.IsLoopback() && !a.c.Limits.LimitLoopback
			if !exempt && !a.limit.allow(x.remote) {
				x.deny(w, r, refuse.RequestsTooMany())
				return
			}
			select {
			case a.slots <- struct{}{}:
				defer func() { <-a.slots }()
			default:
				x.deny(w, r, refuse.ServerBusy())
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

// deny answers a request that the chain does not pass on.
func (x *exchange) deny(w http.ResponseWriter, r *http.Request, no refusal.Refusal) {
	p := problemOf(no)
	if x.refuse == nil {
		writeProblem(w, x, p)
		return
	}
	if p.retryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(p.retryAfter))
	}
	x.refuse(w, r, p.Status, no)
}

// readable refuses an address of the API that is not one line of text: broken escapes, which would silently drop a part, and characters that
// some databases cannot look for or that would deceive a reader of the log.
func readable(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q, err := url.ParseQuery(r.URL.RawQuery)
		if err != nil || !access.IsLine(r.URL.Path) || !access.AreLines(q) {
			writeProblem(w, exchangeOf(r.Context()), problemOf(refuse.RequestAddressNotText()))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// routed sends the request to its route. Where the mux would answer with text, it answers with a problem.
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
		if x.takesFile() {
			if no := x.actor.Needs(fileRight(x.route, r.URL.Query())); no.Refused() {
				writeProblem(w, x, problemOf(no)) // before a place is held: who may not send a file must not keep others from sending theirs
				return
			}
			release, no := a.c.Uploads.Hold(access.Self(x.actor))
			if no.Refused() {
				writeProblem(w, x, problemOf(no))
				return
			}
			defer release()
		}
		if r.Method == http.MethodPost {
			if p := readBody(w, r, x); p != nil {
				writeProblem(w, x, p)
				return
			}
		}
		switch {
		case x.sale, x.route == importRoute:
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

// unrouted tells "no such path" from "wrong method", as the mux does.
func (a *API) unrouted(mux *http.ServeMux, w http.ResponseWriter, r *http.Request) {
	h, _ := mux.Handler(r)
	probe := &probe{header: http.Header{}}
	h.ServeHTTP(probe, r)
	x := exchangeOf(r.Context())
	if probe.status == http.StatusMethodNotAllowed {
		w.Header().Set("Allow", probe.header.Get("Allow"))
		writeProblem(w, x, problemOf(refuse.RequestMethodUnknown(refusal.Echo(r.URL.Path), refusal.Echo(r.Method), probe.header.Get("Allow"))))
		return
	}
	writeProblem(w, x, problemOf(refuse.RequestPathUnknown(refusal.Echo(r.URL.Path))))
}

// probe captures the mux's own answer to read its status.
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
		return problemOf(refuse.RequestWithoutKey())
	}
	known, err := a.c.Access.ByAPIKey(r.Context(), strings.TrimSpace(key), x.remote)
	if err != nil {
		return a.problemFor(r.Context(), err)
	}
	if known.Refused() {
		return problemOf(known.Refusal)
	}
	listen.SignedIn(r.Context())
	by := known.Actor
	by.IP, by.RequestID = x.remote.String(), x.requestID
	x.actor = by
	return nil
}

// takesFile reports whether the body of the request is a file.
func (x *exchange) takesFile() bool { return x.route == importRoute || x.route == uploadRoute }

// fileRight returns the right that the file of a request needs.
func fileRight(route string, query url.Values) access.Right {
	if route == importRoute {
		return imports.Kind(query.Get("kind")).Right()
	}
	return access.DecidePayments
}

// readBody reads the whole body, at most MaxBody bytes, so that no handler waits for the network.
func readBody(w http.ResponseWriter, r *http.Request, x *exchange) *Problem {
	file, most := x.takesFile(), int64(MaxBody)
	switch x.route {
	case importRoute:
		most = sheet.MaxBytes
	case uploadRoute:
		most = statement.MaxBytes
	}
	if ct := r.Header.Get("Content-Type"); ct != "" {
		kind, _, err := mime.ParseMediaType(ct)
		json := kind == jsonType || strings.HasSuffix(kind, "+json")
		if err != nil || file && !takesFile(kind) || !file && !json {
			return problemOf(refuse.RequestContentTypeUnknown(refusal.Echo(ct)))
		}
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, most))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return problemOf(refuse.RequestBodyTooLong(most))
	case errors.Is(err, os.ErrDeadlineExceeded):
		return problemOf(refuse.RequestBodyLate())
	case err != nil:
		return problemOf(refuse.RequestBodyIncomplete())
	}
	if file {
		x.body = body
		return nil
	}
	if _, bare := bodiless[x.route]; bare && len(bytes.TrimSpace(body)) == 0 {
		body = []byte("{}")
	}
	if len(bytes.TrimSpace(body)) == 0 {
		return x.unread(unreadable{Refusal: refuse.RequestWithoutBody()})
	}
	fits := access.IsLine
	if x.route == messageRoute {
		fits = access.IsText
	}
	if no := unfit(body, fits); no.Refused() {
		return x.unread(unreadable{Refusal: no})
	}
	x.body = body
	r.Body = io.NopCloser(bytes.NewReader(body)) // huma reads it again
	return nil
}
