package console

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/a-h/templ"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/logkey"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/registry"
)

// page is what every page needs.
type page struct {
	Title   string
	Here    string // path of this page, for the navigation and the way back
	Who     string // empty: not signed in
	Theme   string // light, dark or empty for the system's
	Assets  string // path prefix of the assets
	Test    bool
	Plain   bool // the connection is not encrypted
	Version string
	Live    string // address of the page's event stream; empty: not live
	Tenant  string
	zone    *time.Location
}

// note is a message with one way on.
type note struct {
	Class, Title, Text string
	Link, LinkText     string
	Reference          string
}

type signInForm struct{ Email, Next, Error string }

type setupForm struct{ Code, Email, Name, Error string }

func (s *Console) page(r *http.Request, by access.Actor, title string) page {
	p := page{Title: title, Here: r.URL.RequestURI(), Assets: "/assets/" + s.version, Test: s.c.Test, Plain: !s.c.Secure,
		Version: s.c.Version, zone: time.UTC}
	if c, err := r.Cookie("paywatt_theme"); err == nil && (c.Value == "light" || c.Value == "dark") {
		p.Theme = c.Value
	}
	if by.ID.IsZero() {
		return p
	}
	p.Who = by.Name
	if set, err := s.c.Registry.Settings(r.Context(), by); err == nil && !set.Refused() {
		p.Tenant = set.Name
		if zone, err := time.LoadLocation(set.TZ); err == nil {
			p.zone = zone
		}
	}
	return p
}

// clock writes a moment in the site's own zone, with the zone's name, on a 24-hour clock.
func (p page) clock(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return t.In(p.zone).Format("2006-01-02 15:04 MST")
}

// show writes a page.
func (s *Console) show(w http.ResponseWriter, r *http.Request, status int, c templ.Component) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	if err := c.Render(r.Context(), w); err != nil {
		s.c.Log.Debug("page not written", logkey.Err, err)
	}
}

// refuse shows a rule's "no": what happened, what did not happen, what to do.
func (s *Console) refuse(w http.ResponseWriter, r *http.Request, by access.Actor, no refusal.Refusal) {
	n := note{Class: "warn", Title: no.What, Text: join(no.Not, no.Try), Link: "/meters", LinkText: "Back to the meters"}
	s.show(w, r, no.Code.Status(), noteView(s.page(r, by, "Not done"), n))
}

// broken shows that something failed inside, without its inner detail, and logs that.
func (s *Console) broken(w http.ResponseWriter, r *http.Request, by access.Actor, err error) {
	if r.Context().Err() != nil && errors.Is(err, r.Context().Err()) {
		return // nobody waits any more
	}
	ref, idErr := s.formID()
	if idErr != nil {
		ref = "none"
	}
	s.c.Log.Error("page failed", logkey.Err, err, logkey.RequestID, ref, logkey.Route, r.Pattern)
	n := note{Class: "bad", Title: "This did not work", Link: r.URL.Path, LinkText: "Try again", Reference: ref,
		Text: "The server could not answer. If you were selling: look under the same meter before you sell again; what is not shown there was not sold."}
	s.show(w, r, http.StatusServiceUnavailable, noteView(s.page(r, by, "Not done"), n))
}

func (s *Console) notFound(w http.ResponseWriter, r *http.Request, by access.Actor) {
	s.show(w, r, http.StatusNotFound, noteView(s.page(r, by, "Not found"), note{Class: "warn", Title: "There is no such page",
		Text: "Nothing was done.", Link: "/meters", LinkText: "To the meters"}))
}

func join(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + " " + b
}

func urlQuery(s string) string { return url.QueryEscape(s) }

// badge is a meter's state as sign, word and colour class.
type badge struct{ Sign, Word, Class string }

func stateBadge(s registry.State) badge {
	switch s {
	case registry.On:
		return badge{"●", "On", "badge ok"}
	case registry.Low:
		return badge{"▲", "Low credit", "badge warn"}
	case registry.CutOff:
		return badge{"■", "Cut off", "badge bad"}
	case registry.TamperState:
		return badge{"⚠", "Tamper", "badge bad"}
	default:
		return badge{"○", "Offline", "badge"}
	}
}

// groups writes 20 digits in groups of four with real blanks, which paste back as 20 digits.
func groups(digits string) string {
	out := make([]byte, 0, len(digits)+len(digits)/4)
	for i := range len(digits) {
		if i > 0 && i%4 == 0 {
			out = append(out, ' ')
		}
		out = append(out, digits[i])
	}
	return string(out)
}

// meterGroups writes a meter number in groups of four, for reading aloud.
func meterGroups(number string) string { return groups(number) }

func itoa(n int) string { return strconv.Itoa(n) }
