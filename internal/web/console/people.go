package console

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/words"
)

// personLine is a person as pages show them.
type personLine struct {
	ID, Email, Name, Role, Vendor string
	State                         badge
	Counts                        string // the others as whom the person counts; empty for a confirmed person
	Factor                        bool
}

func (l personLine) path() string { return "/people/" + l.ID }

// peoplePage is the list of people, with the form that invites one.
type peoplePage struct {
	Rows          []personLine
	Next          string
	FormID, Error string
	Invite        roleFields
	Email, Name   string
}

// roleFields are the fields of a role and, for a seller, its vendor.
type roleFields struct{ Role, Vendor string }

// people lists the people who sign in.
func (s *Console) people(w http.ResponseWriter, r *http.Request, v visit) {
	s.showPeople(w, r, v, http.StatusOK, peoplePage{Invite: roleFields{Role: string(access.Operator)}})
}

func (s *Console) showPeople(w http.ResponseWriter, r *http.Request, v visit, status int, d peoplePage) {
	after := id.ID{}
	if at := r.URL.Query().Get("after"); at != "" {
		var err error
		if after, err = id.Parse(id.Person, at); err != nil {
			s.refuse(w, r, v, refuse.CursorNotOfList())
			return
		}
	}
	list, err := s.c.Access.People(r.Context(), v.by, after, pageSize)
	if s.stopped(w, r, v, err, list.Refusal) {
		return
	}
	vendors := map[id.ID]string{}
	for _, p := range list.Data {
		line := v.site.personLine(p, list.Emails)
		if line.Vendor, err = s.vendorOf(r.Context(), v, p.Vendor, vendors); err != nil {
			s.broken(w, r, v, err)
			return
		}
		d.Rows = append(d.Rows, line)
	}
	if !list.Last.IsZero() {
		d.Next = "/people?" + url.Values{"after": {list.Last.Text(id.Person)}}.Encode()
	}
	if d.FormID, err = s.formID(v); err != nil {
		s.broken(w, r, v, err)
		return
	}
	s.show(w, r, status, peopleView(s.page(r, v, v.site.say.PeopleTitle()), d))
}

// personLine describes a person; emails are the addresses of those as whom people count.
func (t site) personLine(p access.PersonRow, emails map[string]string) personLine {
	l := personLine{ID: p.ID.Text(id.Person), Email: p.Email, Name: p.Name, Role: string(p.Role), State: personBadge(t.say, p), Factor: p.Factor.InUse()}
	var others []string
	for _, who := range strings.Fields(p.CountsAs) {
		if email := emails[who]; email != "" {
			others = append(others, email)
		} else {
			others = append(others, t.say.PeopleUnknown())
		}
	}
	l.Counts = t.say.List(others...)
	return l
}

func personBadge(t *words.Texts, p access.PersonRow) badge {
	switch {
	case p.Forged:
		return badge{"⚠", t.PeopleForged(), classBad}
	case p.State() == access.PersonStopped:
		return badge{"■", t.PeopleBlocked(), classBad}
	case p.State() == access.PersonInvited:
		return badge{"○", t.PeopleInvited(), classWarn}
	}
	return badge{"✓", t.PeopleActive(), classOK}
}

// vendorOf returns the name of a person's vendor. It looks each vendor up once.
func (s *Console) vendorOf(ctx context.Context, v visit, vendor id.ID, known map[id.ID]string) (string, error) {
	if vendor.IsZero() {
		return "", nil
	}
	if name, ok := known[vendor]; ok {
		return name, nil
	}
	shown, err := s.c.Vendors.Show(ctx, v.by, vendor.Text(id.Vendor))
	name := vendor.Text(id.Vendor)
	if err == nil && !shown.Refused() {
		name = shown.Vendor.Name + " (" + shown.Vendor.Code + ")"
	}
	known[vendor] = name
	return name, err
}

// vendorNamed finds the vendor that somebody typed; the zero id for no text.
func (s *Console) vendorNamed(ctx context.Context, v visit, code string) (id.ID, refusal.Refusal, error) {
	if code == "" {
		return id.ID{}, refusal.Refusal{}, nil
	}
	shown, err := s.c.Vendors.Show(ctx, v.by, code)
	return shown.Vendor.ID, shown.Refusal, err
}

// roleOf reads the role and the vendor of a form.
func roleOf(r *http.Request) roleFields {
	return roleFields{r.PostFormValue("role"), strings.TrimSpace(r.PostFormValue("vendor"))}
}

// invite adds a person and shows the one-time link.
func (s *Console) invite(w http.ResponseWriter, r *http.Request, v visit) {
	d := peoplePage{Email: strings.TrimSpace(r.PostFormValue("email")), Name: strings.TrimSpace(r.PostFormValue("name")), Invite: roleOf(r)}
	done, err := s.inviteAs(r, v, d)
	switch {
	case err != nil:
		s.broken(w, r, v, err)
	case done.Code == refusal.SignInAgain:
		s.refuse(w, r, v, done.Refusal)
	case done.Refused():
		d.Error = v.site.say.Refusal(done.Refusal).Detail()
		s.showPeople(w, r, v, http.StatusUnprocessableEntity, d)
	default:
		s.showLink(w, r, v, done)
	}
}

func (s *Console) inviteAs(r *http.Request, v visit, d peoplePage) (access.Changed, error) {
	if !v.owns(r.PostFormValue("form")) {
		return access.Changed{Refusal: refuse.PersonFormOfOtherSession()}, nil
	}
	vendor, no, err := s.vendorNamed(r.Context(), v, d.Invite.Vendor)
	if err != nil || no.Refused() {
		return access.Changed{Refusal: no}, err
	}
	return s.c.Access.Invite(r.Context(), v.by, access.NewPerson{Email: d.Email, Name: d.Name, Role: access.Role(d.Invite.Role), Vendor: vendor})
}

// linkPage shows a one-time link, once.
type linkPage struct {
	personLine
	Link, Until string
	NeedsFactor bool
}

// showLink answers the invitation or the reset of a person. No other page shows the link again.
func (s *Console) showLink(w http.ResponseWriter, r *http.Request, v visit, c access.Changed) {
	scheme := "http://"
	if s.secure(r) {
		scheme = "https://"
	}
	d := linkPage{personLine: v.site.personLine(c.Person, nil), Until: v.site.clock(c.Person.LinkUntil), NeedsFactor: c.Person.Role.NeedsFactor(),
		Link: scheme + r.Host + "/invite/" + c.Link.Reveal()}
	s.show(w, r, http.StatusOK, linkView(s.page(r, v, v.site.say.PeopleLinkTitle(c.Person.Email)), d))
}

// roleChoices lists the roles that a person can have, with what each is for.
func roleChoices(t *words.Texts) (out []choice) {
	for _, r := range access.Roles() {
		if r != access.CustomerRole && r != access.DeviceRole {
			out = append(out, choice{string(r), t.Name("role", roleKey(string(r))) + ": " + t.Name("role-does", roleKey(string(r)))})
		}
	}
	return out
}

// roleKey is the name of a role in the catalogue.
func roleKey(role string) string { return strings.ReplaceAll(role, "_", "-") }
