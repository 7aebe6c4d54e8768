package console

import (
	"net/http"
	"net/url"
	"strconv"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/explain"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/internal/words"
)

// tariffCard is one version of a tariff in words.
type tariffCard struct {
	Name, Path, Version, From string
	Standing                  badge
	Words                     []string
	Open                      bool // it has not begun, and may be corrected and withdrawn here
	Charged                   bool // it has begun, and its fixed charges may be corrected here
}

// correctPath is the address of the form for a version that takes the place of this one.
func (c tariffCard) correctPath() string {
	return "/tariffs/new?" + url.Values{"of": {c.Name}, "replaces": {c.Version}}.Encode()
}

func (c tariffCard) withdrawCommand() string {
	return commandLine("paywatt tariff withdraw " + shellWord(c.Name) + " " + c.Version)
}

// tariffList is a page of tariffs, or of the versions of one.
type tariffList struct {
	Cards []tariffCard
	Next  string // address of the next page
	Of    string // the tariff whose versions these are
	// Manages says that the role may publish prices.
	Manages               bool
	FormID, Error, Notice string
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
	return tariffCard{Name: v.Name, Path: "/tariffs/" + url.PathEscape(v.Name), Version: itoa(v.N), From: t.clock(v.EffectiveFrom),
		Words: explain.Version(t.say, v)}
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
	d := tariffList{}
	if r.URL.Query().Get("done") == actWithdraw {
		d.Notice = v.site.say.TariffsWithdrawn()
	}
	s.showVersions(w, r, v, http.StatusOK, d)
}

func (s *Console) showVersions(w http.ResponseWriter, r *http.Request, v visit, status int, d tariffList) {
	got, err := s.c.Registry.TariffVersions(r.Context(), v.by, r.PathValue("name"), registry.Page{Cursor: r.URL.Query().Get("cursor")})
	if s.stopped(w, r, v, err, got.Refusal) {
		return
	}
	d.Of, d.Next, d.Manages = r.PathValue("name"), nextPage(r.URL.Path, nil, got.Next), v.by.May(access.WriteTariffs)
	for _, version := range got.Data {
		c, standing := v.site.card(version), got.Standing(version)
		c.Standing, c.Open = standingBadge(v.site.say, standing), d.Manages && standing == "to come"
		c.Charged = d.Manages && (standing == "in force" || standing == "past") && len(version.Body.Fixed) > 0
		d.Of = version.Name
		d.Cards = append(d.Cards, c)
	}
	if d.FormID, err = s.formID(v); err != nil {
		s.broken(w, r, v, err)
		return
	}
	s.show(w, r, status, tariffsView(s.page(r, v, v.site.say.TariffsTitleOf(d.Of)), d))
}

// actWithdraw is the act of the form that withdraws a version.
const actWithdraw = "withdraw"

// withdrawVersion withdraws a version that has not begun.
func (s *Console) withdrawVersion(w http.ResponseWriter, r *http.Request, v visit) {
	var done registry.AddedTariff
	n, err := strconv.Atoi(r.PostFormValue("version"))
	switch {
	case !v.owns(r.PostFormValue("form")):
		done.Refusal = refuse.OfficeFormOfOtherSession()
	case err != nil:
		done.Refusal = refuse.TariffVersionNotFound(refusal.Echo(r.PathValue("name")), 0)
	default:
		done, err = s.c.Registry.AddVersion(r.Context(), v.by, registry.NewVersion{Tariff: r.PathValue("name"), Replaces: n, Withdraws: true,
			Reason: r.PostFormValue("reason")})
		if err != nil {
			s.broken(w, r, v, err)
			return
		}
	}
	switch {
	case done.Waits != nil:
		s.showWaits(w, r, v, *done.Waits)
	case done.Refused():
		s.showVersions(w, r, v, http.StatusUnprocessableEntity, tariffList{Error: v.site.say.Refusal(done.Refusal).Detail()})
	default:
		http.Redirect(w, r, "/tariffs/"+url.PathEscape(r.PathValue("name"))+"?done="+actWithdraw, http.StatusSeeOther)
	}
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
