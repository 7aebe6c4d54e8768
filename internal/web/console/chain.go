package console

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"runtime/debug"

	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/web/input"
	"github.com/paywatt/paywatt/internal/words"
)

// policy is the content security policy of every page: nothing inline, nothing from elsewhere, in no frame.
const policy = "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; base-uri 'none'; " +
	"form-action 'self'; frame-ancestors 'none'"

// requestIDHeader is the header in which the server names each request, as in its log.
const requestIDHeader = "X-Request-Id"

// chain wraps the routes in the steps of every request, outermost first: the headers, the language, recovery from panics, the check for
// requests from other sites, and the form.
func (s *Console) chain() http.Handler {
	guard := http.NewCrossOriginProtection()
	guard.SetDenyHandler(http.HandlerFunc(s.crossOrigin))
	return s.headers(s.spoken(s.recovered(guard.Handler(s.formed(s.routes())))))
}

// headers adds the security policy to every answer of the handler.
func (s *Console) headers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

// spoken makes the pages use the language that the reader chose on a page, or the available language that the browser prefers.
func (s *Console) spoken(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		t := s.tongue(r)
		next.ServeHTTP(w, r.WithContext(words.With(r.Context(), t)))
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

func (s *Console) busy(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Retry-After", "5")
	t := say(r.Context())
	s.show(w, r, http.StatusServiceUnavailable, noteView(s.page(r, visit{}, t.NoteBusy()), note{Class: "warn", Title: t.NoteBusyTitle(),
		Text: t.NoteBusyText(), Link: back(r), LinkText: t.NoteTryAgain()}))
}

// crossOrigin answers a form that another site's page sent.
func (s *Console) crossOrigin(w http.ResponseWriter, r *http.Request) {
	t := say(r.Context())
	s.show(w, r, http.StatusForbidden, noteView(s.page(r, visit{}, t.NoteOtherSite()), note{Class: "warn", Title: t.NoteOtherSiteTitle(),
		Text: t.NoteOtherSiteText(), Link: "/", LinkText: t.NoteToConsole()}))
}

// Refuse answers a request that the server's chain refuses before it reaches a page, such as one for another host name.
func (s *Console) Refuse(w http.ResponseWriter, r *http.Request, status int, no refusal.Refusal) {
	s.headers(s.spoken(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		t := say(r.Context())
		title := t.NoteRefusedTitle()
		if status == http.StatusInternalServerError { // a page looked at it, and broke
			title = t.NoteFailed()
		}
		s.showRefused(w, r, status, title, t.Refusal(no).Detail())
	}))).ServeHTTP(w, r)
}

// showRefused shows why no page looked at a request. It offers the first page and not the address of the request, which may be the reason.
func (s *Console) showRefused(w http.ResponseWriter, r *http.Request, status int, title, text string) {
	t := say(r.Context())
	first := r.Clone(r.Context())
	first.Method = http.MethodGet
	first.URL = &url.URL{Path: "/"}
	s.show(w, r, status, noteView(s.page(first, visit{}, t.NoteUnreadable()), note{Class: "warn", Title: title, Text: text,
		Link: "/", LinkText: t.NoteToFirstPage()}))
}

// formed reads the address of a request, and the form of a POST, at most maxForm bytes, before any handler looks at it.
func (s *Console) formed(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r, fits := input.Address(r)
		if !fits {
			t := say(r.Context())
			s.showRefused(w, r, http.StatusBadRequest, t.NoteAddressTitle(), t.NoteAddressText())
			return
		}
		if r.Method != http.MethodPost {
			next.ServeHTTP(w, r)
			return
		}
		if r.URL.Path == importPath || r.URL.Path == differencesPath { // a file may be long, so only a person who is signed in may send it: see readFile
			next.ServeHTTP(w, r)
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		fits, err := input.Form(r, listField)
		if fits {
			next.ServeHTTP(w, r)
			return
		}
		status := http.StatusBadRequest
		if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
			status = http.StatusRequestEntityTooLarge
		}
		t := say(r.Context())
		s.show(w, r, status, noteView(s.page(r, visit{}, t.NoteUnreadable()), note{Class: "warn", Title: t.NoteUnreadableTitle(),
			Text: t.NoteUnreadableText(), Link: back(r), LinkText: t.NoteBack()}))
	})
}
