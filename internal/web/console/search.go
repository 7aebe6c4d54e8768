package console

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/search"
	"github.com/paywatt/paywatt/internal/words"
)

// hitLine is something that a search found.
type hitLine struct{ Path, Kind, Title, Detail string }

// hitPath returns the page of a hit.
func hitPath(h search.Hit) string {
	switch {
	case h.Kind == search.Customer:
		return "/customers/" + url.PathEscape(h.ID)
	case h.Kind == search.Person:
		return "/people/" + url.PathEscape(h.ID)
	case h.Kind == search.Payment:
		return "/payments/" + url.PathEscape(h.ID)
	case h.Sale != "":
		return "/sales/" + url.PathEscape(h.Sale)
	case h.Meter != "":
		return "/meters/" + url.PathEscape(h.Meter)
	}
	return "/meters"
}

func hitWord(t *words.Texts, k search.Kind) string {
	switch k {
	case search.Customer:
		return t.SearchCustomer()
	case search.Account:
		return t.SearchAccount()
	case search.Sale, search.Receipt:
		return t.SearchSale()
	case search.Token:
		return t.SearchToken()
	case search.Person:
		return t.SearchPerson()
	case search.Payment:
		return t.SearchPayment()
	}
	return t.SearchMeter()
}

func hitLines(t *words.Texts, hits []search.Hit) []hitLine {
	out := make([]hitLine, len(hits))
	for i, h := range hits {
		out[i] = hitLine{hitPath(h), hitWord(t, h.Kind), h.Title, h.Detail}
		if h.Kind == search.Meter {
			out[i].Title = groups(h.Title)
		}
	}
	return out
}

// searches reports whether the role finds anything in the search box.
func (v visit) searches() bool { return v.by.May(access.ReadMeters) || v.by.May(access.Quote) }

// search shows what a text may mean. If it can mean one thing only, search opens that page.
func (s *Console) search(w http.ResponseWriter, r *http.Request, v visit) {
	t, text := v.site.say, strings.TrimSpace(r.URL.Query().Get("q"))
	found, err := s.c.Search.Find(r.Context(), v.by, text)
	if s.stopped(w, r, v, err, found.Refusal) {
		return
	}
	if h, ok := found.Single(); ok {
		http.Redirect(w, r, hitPath(h), http.StatusSeeOther)
		return
	}
	p := s.page(r, v, t.SearchTitle())
	p.Find = true
	status, d := http.StatusOK, searchPage{Text: text, Lines: hitLines(t, found.Hits), More: found.More}
	if len(found.Hits) == 0 && text != "" {
		status = http.StatusNotFound
		if digits := registry.Dialled(text); len(digits) == 11 || len(digits) == 13 { // the person may have mistyped a meter number
			_, no := registry.Canonical(digits)
			d.Hint = t.Refusal(no).What
		}
	}
	s.show(w, r, status, searchView(p, d))
}

// searchPage is the list of what a text may mean.
type searchPage struct {
	Text, Hint string
	Lines      []hitLine
	More       bool
}

// maxSuggestions is how many hits appear while somebody types.
const maxSuggestions = 8

// suggest shows what a text may mean while somebody types it.
func (s *Console) suggest(w http.ResponseWriter, r *http.Request, v visit) {
	found, err := s.c.Search.Find(r.Context(), v.by, r.URL.Query().Get("q"))
	if err != nil {
		s.broken(w, r, v, err)
		return
	}
	s.show(w, r, http.StatusOK, hitsView(hitLines(v.site.say, found.Hits[:min(len(found.Hits), maxSuggestions)])))
}
