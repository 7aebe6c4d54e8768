package console

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/localday"
	"github.com/paywatt/paywatt/internal/logkey"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/words"
)

// visit is one request of a signed-in person; the zero value is a stranger's.
type visit struct {
	by      access.Actor
	session string // secret of the session; forms are bound to it
	site    site
}

// say returns the texts in the visitor's language.
func say(ctx context.Context) *words.Texts { return words.Of(ctx) }

// sells reports whether the role may do everything that a sale on these pages needs: price and sell, and name the payee. People who sell for a
// vendor see a short form of the payee's name before the sale, because they may not read every household's meter.
func (v visit) sells() bool { return !notSelling(v.by).Refused() }

// site holds the operator's settings for everybody. The zero value is in UTC and has no texts.
type site struct {
	name     string
	currency string // empty until the first tariff
	zone     *time.Location
	say      *words.Texts // texts in the visitor's language
}

// site reads the settings in the console's name, because every page needs the zone and the currency, even for a role that may not read
// settings.
func (s *Console) site(ctx context.Context) (site, error) {
	set, err := s.c.Registry.Settings(ctx, access.SystemActor(s.c.Tenant, "console"))
	if err != nil {
		return site{}, err
	}
	zone, err := localday.LoadZone(set.TZ)
	if err != nil { // without its pages nobody could set another zone
		s.c.Log.Warn("pages show times in UTC", logkey.Err, err)
		zone = time.UTC
	}
	return site{name: set.Name, currency: set.Currency, zone: zone, say: say(ctx).In(zone)}, nil
}

// clock writes a moment in the site's own zone, with the zone's name, on a 24-hour clock.
func (t site) clock(at time.Time) string {
	if at.IsZero() {
		return t.say.LayoutNever()
	}
	return t.say.Clock(t.in(at))
}

// minute writes the time of day, for places where the day is obvious.
func (t site) minute(at time.Time) string { return t.say.Minute(t.in(at)) }

func (t site) in(at time.Time) time.Time {
	if t.zone == nil {
		return at.UTC()
	}
	return at.In(t.zone)
}

// page is the data that every page needs.
type page struct {
	Title     string
	Query     url.Values
	Here      string // address of this page, to return to after a choice of colours
	Who       string // empty: not signed in
	Site      string // the operator's name
	Languages []*words.Texts
	Theme     string // light, dark or empty for the system's
	Assets    string // path prefix of the assets
	Version   string
	Test      string // text of the striped bar; empty: no bar
	Plain     bool   // the connection is not encrypted
	Live      string // address of the page's event stream; empty: not live
	Now       string // when the page was made, for "not live since"
	Htmx      bool   // the page has parts that htmx fetches
	Charts    bool   // the page has charts
	Find      bool   // put the cursor in the search field
	Menu      []menuEntry
	Searches  bool      // the role finds things in the search box
	Tour      *tourStep // the step of the guided tour; nil for none
	Meters    bool      // this field and the next three: parts that the role may see
	Sells     bool
	Ledger    bool
}

// note is a message with at most one link.
type note struct {
	Class, Title, Text string
	Link, LinkText     string
	Reference          string
}

func (s *Console) page(r *http.Request, v visit, title string) page {
	p := page{Title: title, Query: r.URL.Query(), Here: back(r), Assets: s.assets.path(), Plain: !s.secure(r), Version: s.c.Version, Site: v.site.name, Languages: s.c.Languages.All(),
		Now: say(r.Context()).Minute(v.site.in(s.c.Now()))}
	if s.c.Test {
		p.Test = say(r.Context()).LayoutTestServer()
		if s.c.Tour != nil {
			p.Test = say(r.Context()).LayoutTestFaster(strconv.Itoa(s.c.Tour.Speed))
		}
	}
	if c, err := r.Cookie(themeCookie); err == nil && (c.Value == themeLight || c.Value == themeDark) {
		p.Theme = c.Value
	}
	if !v.by.ID.IsZero() {
		p.Who, p.Menu = v.by.Name, v.menu(say(r.Context()))
		p.Searches = v.searches()
		p.Tour = s.tourOf(r, say(r.Context()))
		p.Meters, p.Sells, p.Ledger = v.by.May(access.ReadMeters), v.sells(), v.by.May(access.ReadLedger)
	}
	return p
}

// mark puts the bar on the page of a virtual meter.
func (p *page) mark(t *words.Texts, simulated bool) {
	if simulated && p.Test == "" {
		p.Test = t.LayoutTestMeter()
	}
}

// banner is the one line above everything: that this is a test, that the connection is not encrypted, or both.
func (p page) banner(t *words.Texts) string {
	if !p.Plain {
		return p.Test
	}
	if p.Test == "" {
		return t.LayoutNotEncrypted()
	}
	return t.LayoutNotEncryptedToo(p.Test)
}

// helpURL leads to the help for the page.
func (p page) helpURL() string { return "/help?" + url.Values{"page": {p.Here}}.Encode() }

// current marks the entry of the main menu that leads to the page, or to the pages around it.
func (p page) current(e menuEntry) templ.Attributes {
	if p.section(e.to) || slices.ContainsFunc(e.pages, p.section) {
		return templ.Attributes{"aria-current": "page"}
	}
	return nil
}

// section reports whether the page is below the path.
func (p page) section(path string) bool {
	return p.Here == path || strings.HasPrefix(p.Here, path+"/") || strings.HasPrefix(p.Here, path+"?")
}

// back returns the address where a GET shows the subject of r. For a GET that is the address of r. For a sent form it is the page with the
// form.
func back(r *http.Request) string {
	switch to := r.URL.Path; {
	case r.Method == http.MethodGet || r.Method == http.MethodHead:
		return r.URL.RequestURI()
	case strings.HasPrefix(to, "/sell"):
		return "/sell"
	case strings.HasPrefix(to, "/meters/") && (strings.HasSuffix(to, "/tokens") || strings.HasSuffix(to, "/recharges")):
		return (&url.URL{Path: to[:strings.LastIndex(to, "/")] + "/recharge"}).String()
	case strings.HasPrefix(to, "/meters/") && (strings.HasSuffix(to, "/key") || strings.Contains(to, "/service/") ||
		strings.HasSuffix(to, "/move-in") || strings.HasSuffix(to, "/place") || strings.HasSuffix(to, "/end") || strings.HasSuffix(to, "/config")),
		to == "/doctor", to == "/integrations", strings.HasPrefix(to, "/accounts/"):
		return to
	case to == "/meters", to == "/tariffs", to == "/customers":
		return to + "/new"
	case to == "/settings", to == configAllPath, to == importPath, strings.HasPrefix(to, "/imports/"), strings.HasPrefix(to, "/customers/"), to == "/people", strings.HasPrefix(to, "/people/"), to == "/keys", strings.HasPrefix(to, "/keys/"):
		return to
	case strings.HasPrefix(to, "/account/"):
		return "/account"
	case strings.HasPrefix(to, "/messages/"):
		return "/messages"
	case strings.HasPrefix(to, "/meters/"):
		return (&url.URL{Path: strings.TrimSuffix(strings.TrimSuffix(to, "/commands"), "/emergency")}).String()
	case strings.HasPrefix(to, "/quarantine/"), strings.HasPrefix(to, "/approvals/"), strings.HasPrefix(to, "/payments/"), strings.HasPrefix(to, "/vendors"), strings.HasPrefix(to, vouchersPath), to == differencesPath, strings.HasPrefix(to, webhooksPath):
		return to
	case to == "/signin":
		return "/signin"
	}
	return "/"
}

// show writes a page.
func (s *Console) show(w http.ResponseWriter, r *http.Request, status int, c templ.Component) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	if err := c.Render(r.Context(), w); err != nil {
		s.c.Log.Debug("page not written", logkey.Err, err)
	}
}

// refuse shows a refusal: what happened, what did not happen, what to do.
func (s *Console) refuse(w http.ResponseWriter, r *http.Request, v visit, no refusal.Refusal) {
	t := say(r.Context())
	no = t.Refusal(no)
	n := note{Class: "warn", Title: no.What, Text: sentences(no.Not, no.Try)}
	if n.Link = signInAgain(no, back(r)); n.Link != "" {
		n.LinkText = t.SigninAgain()
	} else if v.by.May(access.ReadMeters) {
		n.Link, n.LinkText = "/meters", t.NoteToMeters()
	}
	s.show(w, r, no.Code.Status(), noteView(s.page(r, v, t.NoteNotDone()), n))
}

// stopped answers a request whose use case failed or refused, and reports whether it did so.
func (s *Console) stopped(w http.ResponseWriter, r *http.Request, v visit, err error, no refusal.Refusal) bool {
	switch {
	case err != nil:
		s.broken(w, r, v, err)
	case no.Refused():
		s.refuse(w, r, v, no)
	}
	return err != nil || no.Refused()
}

// broken shows that an internal error occurred, without its details, and logs it.
func (s *Console) broken(w http.ResponseWriter, r *http.Request, v visit, err error) {
	ref, ok := s.log(w, r, err)
	if !ok {
		return
	}
	t := say(r.Context())
	n := note{Class: "bad", Title: t.NoteFailed(), Text: t.NoteFailedPerhapsDone(), Link: back(r), LinkText: t.NoteTryAgain(), Reference: ref}
	if r.Method == http.MethodGet {
		n.Text = t.NoteFailedNothingChanged()
	}
	s.show(w, r, http.StatusServiceUnavailable, noteView(s.page(r, v, t.NoteNotDone()), n))
}

// log writes the cause of a failed page under the request's id, which the page shows. It reports whether the client still
// waits for the page.
func (s *Console) log(w http.ResponseWriter, r *http.Request, err error) (reference string, waits bool) {
	if access.ClientGone(r.Context(), err) {
		return "", false
	}
	reference = w.Header().Get(requestIDHeader)
	s.c.Log.Error("page failed", logkey.Err, err, logkey.RequestID, reference, logkey.Route, r.Pattern)
	return reference, true
}

func (s *Console) notFound(w http.ResponseWriter, r *http.Request, v visit) {
	t := say(r.Context())
	s.show(w, r, http.StatusNotFound, noteView(s.page(r, v, t.NoteNotFound()), note{Class: "warn", Title: t.NoteNoPage(),
		Text: t.NoteNoPageText(), Link: "/", LinkText: t.NoteToFirstPage()}))
}

// brief shows a refusal of a form that was not sent yet: what is wrong, and what to do.
func brief(t *words.Texts, no refusal.Refusal) string {
	no = t.Refusal(no)
	return sentences(no.What, no.Try)
}

// sentences joins the texts that are not empty.
func sentences(all ...string) string {
	return strings.Join(slices.DeleteFunc(all, func(s string) bool { return s == "" }), " ")
}
