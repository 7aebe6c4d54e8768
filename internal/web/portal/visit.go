package portal

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/localday"
	"github.com/paywatt/paywatt/internal/logkey"
	"github.com/paywatt/paywatt/internal/pagelink"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/words"
)

// visit is one request with a link that opens a page.
type visit struct {
	opened pagelink.Opened
	base   string // path of the page
	number string // the meter that the page shows
	m      registry.MeterView
	by     access.Actor // reads for the customer
	set    registry.Settings
	zone   *time.Location
	say    *words.Texts
	// problem says why no request was sent; it is empty if one was sent.
	problem string
	card    card
}

// frame is what every page has.
type frame struct {
	Title     string
	Style     string // version of the style sheet
	Test      bool
	Base      string // path of the customer's page; empty if the link opens none
	Back      bool   // lead back to it
	Contact   string
	Languages []*words.Texts
	To        string // the page that the choice of a language returns to
}

// visit reads what every page needs. The program reads in its own name, because a customer has no rights over a tenant's objects; the handlers
// pass on only what belongs to the link's account.
func (p *Portal) visit(r *http.Request, o pagelink.Opened) (visit, error) {
	v := visit{opened: o, base: pagelink.Prefix + o.Chars, number: o.Meters[0], by: access.SystemActor(p.c.Tenant, "customer page")}
	if asked := r.URL.Query().Get("m"); slices.Contains(o.Meters, asked) {
		v.number = asked
	}
	set, err := p.c.Registry.Settings(r.Context(), v.by)
	if err != nil {
		return v, err
	}
	if v.m, err = p.c.Registry.Meter(r.Context(), v.by, v.number); err != nil {
		return v, err
	}
	if v.m.Refused() {
		return v, fmt.Errorf("the meter of a page: %s", v.m.Detail())
	}
	v.set = set.Settings
	if v.zone, err = localday.LoadZone(set.TZ); err != nil {
		p.c.Log.Warn("customer pages show times in UTC", logkey.Err, err)
		v.zone = time.UTC
	}
	lang := v.m.Customer.Lang
	if o.PaysOnly {
		lang = "" // the reader is somebody else
	}
	v.say = p.tongue(r, lang).In(v.zone)
	return v, nil
}

func (p *Portal) frame(v visit, title, page string) frame {
	f := frame{Title: title, Style: p.style, Test: p.c.Test || v.m.Meter.Simulated, Base: v.base, Back: page != "", Contact: v.set.Receipt.Contact,
		Languages: p.c.Languages.All(), To: page}
	if v.opened.PaysOnly {
		f.Back = false
	}
	return f
}

// path is the path of a part of the page, about the meter that is shown.
func (v visit) path(page string, q url.Values) string {
	if v.number != v.opened.Meters[0] {
		if q == nil {
			q = url.Values{}
		}
		q.Set("m", v.number)
	}
	if len(q) == 0 {
		return v.base + page
	}
	return v.base + page + "?" + q.Encode()
}

// clock writes a moment in the utility's own zone; empty for none.
func (v visit) clock(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return v.say.Clock(at.In(v.zone))
}

// languageCookie holds the language that the reader chose.
const (
	languageCookie = "paywatt_language"
	languageKept   = 400 * 24 * time.Hour
)

// tongue returns the texts in the language that the reader chose, or that the customer has, or that the browser prefers.
func (p *Portal) tongue(r *http.Request, lang string) *words.Texts {
	if c, err := r.Cookie(languageCookie); err == nil {
		if t, known := p.c.Languages.Chosen(c.Value); known {
			return t
		}
	}
	lang, _, _ = strings.Cut(strings.ToLower(lang), "-")
	if t, known := p.c.Languages.Chosen(lang); known {
		return t
	}
	return p.c.Languages.For(r.Header.Get("Accept-Language"))
}

// language stores the choice of a language.
func (p *Portal) language(w http.ResponseWriter, r *http.Request, v visit) {
	if t, known := p.c.Languages.Chosen(r.PostFormValue("language")); known {
		http.SetCookie(w, &http.Cookie{Name: languageCookie, Value: t.Code(), Path: pagelink.Prefix, MaxAge: int(languageKept / time.Second), HttpOnly: true,
			Secure: p.c.Secure, SameSite: http.SameSiteLaxMode})
	}
	to := r.PostFormValue("to")
	if !slices.Contains([]string{"", "/buy", "/messages", pagelink.PayPath}, to) {
		to = ""
	}
	if v.opened.PaysOnly {
		to = pagelink.PayPath
	}
	http.Redirect(w, r, v.path(to, nil), http.StatusSeeOther)
}

// pressed is the value of aria-pressed.
func pressed(is bool) string {
	if is {
		return "true"
	}
	return "false"
}
