package console

import (
	"context"
	"net/http"
	"net/url"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/words"
)

// personPage is one person, with what the visitor may do about the account.
type personPage struct {
	personLine
	Confirmed, Added string
	FormID, Notice   string
	Error            string
	Sessions         []sessionLine
	Devices          []deviceLine
	Change           roleFields
	Manages          bool   // the visitor may change the person now
	Why, SignIn      string // why not, and the address to sign in again
	Confirms         bool   // the visitor may confirm the person
	WhyNot           string // why the visitor cannot
	ConfirmLater     string // address to sign in again, if the visitor may confirm after that
	Blocked, Forged  bool
	Owns             []ownLine // the person's own meters and telephones
	ShowsOwns        bool      // the visitor may see and record them
	Own              ownFields // what the form for them sent
}

// ownLine is a record of a person's own meter or telephone.
type ownLine struct {
	ID, Kind, Number, Recorded, Ended string
	MayEnd                            bool
}

// ownFields are the fields of the form that records one.
type ownFields struct{ Kind, Number string }

// sessionLine is an open session as pages show it.
type sessionLine struct {
	Begun, Seen, Address, Browser string
	Own                           bool
}

// Acts of the form on a person's page.
const (
	actRole     = "role"
	actBlock    = "block"
	actUnblock  = "unblock"
	actReset    = "reset"
	actConfirm  = "confirm"
	actSessions = "end-sessions"
	actDevice   = "revoke-device"
	actOwn      = "record-own"
	actEndOwn   = "end-own"
)

// person shows one person.
func (s *Console) person(w http.ResponseWriter, r *http.Request, v visit) {
	s.showPerson(w, r, v, http.StatusOK, personPage{Notice: doneText(v.site.say, r.URL.Query().Get("done"))})
}

// doneText says what was done; "" for anything else.
func doneText(t *words.Texts, act string) string {
	switch act {
	case actRole:
		return t.PersonDoneRole()
	case actBlock:
		return t.PersonDoneBlock()
	case actUnblock:
		return t.PersonDoneUnblock()
	case actConfirm:
		return t.PersonDoneConfirm()
	case actSessions:
		return t.PersonDoneSessions()
	case actDevice:
		return t.PinRevoked()
	case actOwn:
		return t.OwnRecorded()
	case actEndOwn:
		return t.OwnEnded()
	}
	return ""
}

// showPerson shows a person; f holds what a form sent, or what its answer says.
func (s *Console) showPerson(w http.ResponseWriter, r *http.Request, v visit, status int, f personPage) {
	ctx, t := r.Context(), v.site.say
	shown, err := s.c.Access.Person(ctx, v.by, r.PathValue("id"))
	if s.stopped(w, r, v, err, shown.Refusal) {
		return
	}
	p := shown.Person
	f.personLine = v.site.personLine(p, shown.Emails)
	f.Blocked, f.Forged, f.Added = p.Blocked, p.Forged, v.site.clock(p.CreatedAt)
	if f.Vendor, err = s.vendorOf(ctx, v, p.Vendor, map[id.ID]string{}); err != nil {
		s.broken(w, r, v, err)
		return
	}
	if !p.ConfirmedAt.IsZero() {
		f.Confirmed = v.site.clock(p.ConfirmedAt)
	}
	if f.Counts != "" {
		f.Confirms = !shown.Why.Refused()
		f.WhyNot, f.ConfirmLater = brief(t, shown.Why.Refusal), signInAgain(shown.Why.Refusal, f.path())
	}
	if no := v.by.Needs(access.ManagePeople); !no.Refused() {
		f.Manages = !p.Forged
	} else {
		f.SignIn = signInAgain(no, f.path())
	}
	if f.Change.Role == "" {
		f.Change.Role = f.Role
	}
	if f.Manages {
		if f.Sessions, err = s.sessionsOf(ctx, v, f.ID); err == nil {
			f.Devices, err = s.devicesOf(ctx, v, f.ID)
		}
		if err != nil {
			s.broken(w, r, v, err)
			return
		}
	}
	if f.Owns, f.ShowsOwns, err = s.ownsOf(ctx, v, f.ID); err != nil {
		s.broken(w, r, v, err)
		return
	}
	if f.FormID, err = s.formID(v); err != nil {
		s.broken(w, r, v, err)
		return
	}
	s.show(w, r, status, personView(s.page(r, v, p.Email), f))
}

// ownsOf lists the own meters and telephones of a person; false if the visitor may not see them.
func (s *Console) ownsOf(ctx context.Context, v visit, who string) (out []ownLine, may bool, err error) {
	list, err := s.c.Access.Owns(ctx, v.by, who)
	if err != nil || list.Refused() {
		return nil, false, err
	}
	t := v.site.say
	for _, o := range list.Data {
		line := ownLine{ID: o.ID.Text(id.Own), Kind: t.Name("own", string(o.Kind)), Number: o.Number,
			Recorded: t.OwnRecordedBy(access.PlainName(o.By), v.site.clock(o.CreatedAt)), MayEnd: list.MayEnd && o.EndedAt.IsZero()}
		if !o.EndedAt.IsZero() {
			line.Ended = t.OwnEndedBy(access.PlainName(o.EndedBy), v.site.clock(o.EndedAt))
		}
		out = append(out, line)
	}
	return out, true, nil
}

// sessionsOf lists the open sessions of a person.
func (s *Console) sessionsOf(ctx context.Context, v visit, who string) (out []sessionLine, err error) {
	list, err := s.c.Access.Sessions(ctx, v.by, who)
	for _, l := range list.Data {
		out = append(out, sessionLine{Begun: v.site.clock(l.CreatedAt), Seen: v.site.clock(l.SeenAt), Address: l.From.IP, Browser: l.From.Name, Own: l.Own})
	}
	return out, err
}

// changePerson does what a form on the person's page asks for.
func (s *Console) changePerson(w http.ResponseWriter, r *http.Request, v visit) {
	act, who := r.PostFormValue("act"), r.PathValue("id")
	f := personPage{}
	if act == actRole {
		f.Change = roleOf(r)
	}
	if act == actOwn {
		f.Own = ownFields{r.PostFormValue("kind"), r.PostFormValue("number")}
	}
	done, err := access.Changed{Refusal: refuse.PersonFormOfOtherSession()}, error(nil)
	if v.owns(r.PostFormValue("form")) {
		done, err = s.act(r, v, act, who, f.Change)
	}
	switch {
	case err != nil:
		s.broken(w, r, v, err)
	case done.Refused():
		f.Error = v.site.say.Refusal(done.Refusal).Detail()
		s.showPerson(w, r, v, http.StatusUnprocessableEntity, f)
	case act == actReset:
		s.showLink(w, r, v, done)
	default:
		http.Redirect(w, r, "/people/"+url.PathEscape(who)+"?done="+url.QueryEscape(act), http.StatusSeeOther)
	}
}

// act changes a person. The use case checks the rights and the proof of identity.
func (s *Console) act(r *http.Request, v visit, act, who string, role roleFields) (access.Changed, error) {
	ctx, acc := r.Context(), s.c.Access
	switch act {
	case actRole:
		vendor, no, err := s.vendorNamed(ctx, v, role.Vendor)
		if err != nil || no.Refused() {
			return access.Changed{Refusal: no}, err
		}
		return acc.ChangeRole(ctx, v.by, who, access.Role(role.Role), vendor)
	case actBlock:
		return acc.Block(ctx, v.by, who)
	case actUnblock:
		return acc.Unblock(ctx, v.by, who)
	case actReset:
		return acc.Reset(ctx, v.by, who)
	case actConfirm:
		return acc.Confirm(ctx, v.by, who)
	case actSessions:
		ended, err := acc.EndSessions(ctx, v.by, who)
		return access.Changed{Refusal: ended.Refusal, Person: ended.Person}, err
	case actDevice:
		revoked, err := acc.RevokeDevice(ctx, v.by, who, r.PostFormValue("device"))
		return access.Changed{Refusal: revoked.Refusal, Person: revoked.Person}, err
	case actOwn:
		done, err := acc.RecordOwn(ctx, v.by, who, access.OwnKind(r.PostFormValue("kind")), r.PostFormValue("number"))
		return access.Changed{Refusal: done.Refusal, Person: done.Person}, err
	case actEndOwn:
		done, err := acc.EndOwn(ctx, v.by, who, r.PostFormValue("own"))
		return access.Changed{Refusal: done.Refusal, Person: done.Person}, err
	}
	return access.Changed{Refusal: refuse.PersonActUnknown(refusal.Echo(act))}, nil
}
