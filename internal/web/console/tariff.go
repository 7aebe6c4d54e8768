package console

import (
	"net/http"
	"net/url"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/explain"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/internal/words"
)

// tariffCard is one version of a tariff in words.
type tariffCard struct {
	Name, Path, Version, From string
	Standing                  badge
	Words                     []string
}

// tariffList is a page of tariffs, or of the versions of one.
type tariffList struct {
	Cards []tariffCard
	Next  string // address of the next page
	Of    string // the tariff whose versions these are
	// Manages says that the role may publish prices.
	Manages bool
}

// standingBadge shows the state of a version.
func standingBadge(t *words.Texts, standing string) badge {
	name := t.Name("tariff", standing)
	switch standing {
	case "in force":
		return badge{"●", name, classOK}
	case "to come":
		return badge{"○", name, classWarn}
	}
	return badge{"■", name, classOff}
}

func (t site) card(v tariff.Version) tariffCard {
	return tariffCard{Name: v.Name, Path: "/tariffs/" + url.PathEscape(v.Name), Version: itoa(v.N), From: t.clock(v.EffectiveFrom), Words: explain.Tariff(t.say, v.Body)}
}

// tariffs lists the tariffs in force.
func (s *Console) tariffs(w http.ResponseWriter, r *http.Request, v visit) {
	got, err := s.c.Registry.Tariffs(r.Context(), v.by, registry.Page{Cursor: r.URL.Query().Get("cursor")})
	if s.stopped(w, r, v, err, got.Refusal) {
		return
	}
	d := tariffList{Next: nextPage("/tariffs", nil, got.Next), Manages: v.by.May(access.WriteTariffs)}
	for _, version := range got.Data {
		c := v.site.card(version)
		c.Standing = standingBadge(v.site.say, "in force")
		if version.EffectiveFrom.After(s.c.Now()) {
			c.Standing = standingBadge(v.site.say, "to come")
		}
		d.Cards = append(d.Cards, c)
	}
	s.show(w, r, http.StatusOK, tariffsView(s.page(r, v, v.site.say.TariffsTitle()), d))
}

// tariff lists the versions of one tariff.
func (s *Console) tariff(w http.ResponseWriter, r *http.Request, v visit) {
	got, err := s.c.Registry.TariffVersions(r.Context(), v.by, r.PathValue("name"), registry.Page{Cursor: r.URL.Query().Get("cursor")})
	if s.stopped(w, r, v, err, got.Refusal) {
		return
	}
	d := tariffList{Of: r.PathValue("name"), Next: nextPage(r.URL.Path, nil, got.Next), Manages: v.by.May(access.WriteTariffs)}
	for _, version := range got.Data {
		c := v.site.card(version)
		c.Standing = standingBadge(v.site.say, got.Standing(version))
		d.Of = version.Name
		d.Cards = append(d.Cards, c)
	}
	s.show(w, r, http.StatusOK, tariffsView(s.page(r, v, v.site.say.TariffsTitleOf(d.Of)), d))
}

// nextPage returns the address of a list's next page; empty on the last page.
func nextPage(path string, q url.Values, cursor string) string {
	if cursor == "" {
		return ""
	}
	next := url.Values{"cursor": {cursor}}
	for k, v := range q {
		if k != "cursor" {
			next[k] = v
		}
	}
	return path + "?" + next.Encode()
}
