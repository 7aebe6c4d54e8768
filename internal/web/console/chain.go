package console

import (
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/klauspost/compress/gzhttp"
)

// policy is the content security policy of every page: nothing inline, nothing from elsewhere, in no frame.
const policy = "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; base-uri 'none'; " +
	"form-action 'self'; frame-ancestors 'none'"

// jitter is by how many bytes at most the length of a compressed page varies, so that its length does not tell what of
// a page somebody outside could guess (BREACH).
const jitter = 32

// chain wraps the routes in what every request goes through, outermost first: the headers; the net under a panic; and,
// for all but the live streams, how many at once, compression, the check for requests from other sites, and the form.
func (s *Console) chain() (http.Handler, error) {
	gzip, err := gzhttp.NewWrapper(gzhttp.MinSize(1024), gzhttp.RandomJitter(jitter, 0, false))
	if err != nil {
		return nil, fmt.Errorf("set up compression: %w", err)
	}
	guard := http.NewCrossOriginProtection()
	guard.SetDenyHandler(http.HandlerFunc(s.crossOrigin))
	m := http.NewServeMux()
	m.HandleFunc("GET /meters/live", s.metersLive)
	m.HandleFunc("GET /meters/{number}/live", s.meterLive)
	m.HandleFunc("GET /sales/{sale}/live", s.saleLive)
	m.Handle("/", s.limited(gzip(guard.Handler(s.formed(s.pages())))))
	return s.headers(s.recovered(m)), nil
}

// headers puts the policy of every page around the handler.
func (s *Console) headers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(pageTime))
		next.ServeHTTP(w, r)
	})
}

// recovered turns a panic into a page with a reference that the log has too.
func (s *Console) recovered(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			broke := recover()
			if broke == nil {
				return
			}
			if broke == http.ErrAbortHandler {
				panic(broke)
			}
			s.broken(w, r, visit{}, fmt.Errorf("panic: %v\n%s", broke, debug.Stack()))
		}()
		next.ServeHTTP(w, r)
	})
}

// limited bounds how many pages are under way at once.
func (s *Console) limited(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case s.requests <- struct{}{}:
			defer func() { <-s.requests }()
			next.ServeHTTP(w, r)
		default:
			s.busy(w, r)
		}
	})
}

func (s *Console) busy(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Retry-After", "5")
	s.show(w, r, http.StatusServiceUnavailable, noteView(s.page(r, visit{}, "Busy"), note{Class: "warn", Title: "The server has all hands full",
		Text: "Nothing was done. Try again in a few seconds.", Link: back(r), LinkText: "Try again"}))
}

// crossOrigin answers a form that was sent from another site's page.
func (s *Console) crossOrigin(w http.ResponseWriter, r *http.Request) {
	s.show(w, r, http.StatusForbidden, noteView(s.page(r, visit{}, "Refused"), note{Class: "warn", Title: "This came from another site",
		Text: "Nothing was done. If you meant it, do it on the console's own page.", Link: "/", LinkText: "To the console"}))
}

// formed reads the form of a POST within maxForm before any handler looks at it.
func (s *Console) formed(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost {
			next.ServeHTTP(w, r)
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		err := r.ParseForm()
		if err == nil {
			next.ServeHTTP(w, r)
			return
		}
		status := http.StatusBadRequest
		if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
			status = http.StatusRequestEntityTooLarge
		}
		s.show(w, r, status, noteView(s.page(r, visit{}, "Not read"), note{Class: "warn", Title: "The form did not arrive as it should",
			Text: "Nothing was done. Go back and send it again.", Link: back(r), LinkText: "Back"}))
	})
}
