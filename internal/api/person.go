package api

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/registry"
)

func personOf(p access.PersonRow) apiv1.Person {
	b := apiv1.Person{ID: p.ID.Text(id.Person), Email: p.Email, Name: p.Name, Role: string(p.Role), Vendor: refOf(p.Vendor, id.Vendor), State: string(p.State()),
		Confirmed: p.CountsAs == "", CountsAs: strings.Fields(p.CountsAs), ConfirmedAt: at(p.ConfirmedAt), CreatedAt: p.CreatedAt.UTC()}
	if b.CountsAs == nil {
		b.CountsAs = []string{}
	}
	return b
}

// changedPerson answers a change of a person, with the new one-time link if there is one.
func changedPerson(c access.Changed, err error) (*reply[apiv1.Person], error) {
	return replyOf(c.Refusal, err, func() apiv1.Person {
		b := personOf(c.Person)
		if link := c.Link.Reveal(); link != "" {
			b.InviteURL = "/invite/" + link
		}
		return b
	})
}

// PersonPath is the person in a path.
type PersonPath struct {
	Person string `path:"id" maxLength:"254" doc:"Id or e-mail address of the person"`
}

func (a *API) peopleRoutes(r router) {
	order(r, huma.Operation{
		OperationID: "invite-person", Path: "/v1/people", DefaultStatus: http.StatusCreated, Tags: []string{"people"}, Summary: "Invite a person",
		Description: "The answer has a one-time link with which the person sets a password. For the four-eyes rule the person counts as the inviter, " +
			"until another approver confirms the person.",
	}, func(ctx context.Context, by access.Actor, _ *struct{}, body apiv1.NewPerson) (*reply[apiv1.Person], error) {
		vendor, p, err := a.vendorNamed(ctx, by, body.Vendor)
		if err != nil || p != nil {
			return nil, cause(p, err)
		}
		return changedPerson(a.c.Access.Invite(ctx, by, access.NewPerson{Email: body.Email, Name: body.Name, Role: access.Role(body.Role), Vendor: vendor}))
	})
	listRoute(r, apiv1.People, a.people)
	order(r, huma.Operation{
		OperationID: "person-role", Path: "/v1/people/{id}/role", DefaultStatus: http.StatusOK, Tags: []string{"people"}, Summary: "Change the role of a person",
		Description: "It ends the person's sessions. A person who gains rights counts as the one who gave them, until another approver confirms the person.",
	}, func(ctx context.Context, by access.Actor, in *PersonPath, body apiv1.PersonRole) (*reply[apiv1.Person], error) {
		vendor, p, err := a.vendorNamed(ctx, by, body.Vendor)
		if err != nil || p != nil {
			return nil, cause(p, err)
		}
		return changedPerson(a.c.Access.ChangeRole(ctx, by, in.Person, access.Role(body.Role), vendor))
	})
	listRoute(r, apiv1.Sessions, a.sessions)
	remove(r, huma.Operation{
		OperationID: "end-sessions", Path: "/v1/people/{id}/sessions", DefaultStatus: http.StatusOK, Tags: []string{"people"}, Summary: "Close all sessions of a person",
		Description: "Open pages of the person end too. Everybody may end their own sessions; those of others need the right people.manage.",
	}, func(ctx context.Context, by access.Actor, in *PersonPath) (*reply[apiv1.EndedSessions], error) {
		done, err := a.c.Access.EndSessions(ctx, by, in.Person)
		return replyOf(done.Refusal, err, func() apiv1.EndedSessions {
			return apiv1.EndedSessions{Person: done.Person.ID.Text(id.Person), Email: done.Person.Email, Ended: done.Ended}
		})
	})
	listRoute(r, apiv1.CounterDevices, a.counterDevices)
	remove(r, huma.Operation{
		OperationID: "revoke-device", Path: "/v1/people/{id}/devices/{device}", DefaultStatus: http.StatusOK, Tags: []string{"people"},
		Summary:     "Revoke a device on which a person signs in with a PIN",
		Description: "Its sessions end at once, with their open pages. Everybody may revoke their own devices; those of others need the right people.manage.",
	}, a.revokeDevice)
	listRoute(r, apiv1.Owns, a.owns)
	order(r, huma.Operation{
		OperationID: "record-own", Path: "/v1/people/{id}/own", DefaultStatus: http.StatusOK, Tags: []string{"people"},
		Summary: "Record a meter or a telephone as a person's own",
		Description: "Whoever approves an action then sees that it gives something to this meter or telephone of a colleague. Everybody may record their own; " +
			"for others it needs the right people.manage. What is recorded already stays as it is.",
	}, func(ctx context.Context, by access.Actor, in *PersonPath, body apiv1.NewOwn) (*reply[apiv1.Own], error) {
		done, err := a.c.Access.RecordOwn(ctx, by, in.Person, access.OwnKind(body.Kind), body.Number)
		return replyOf(done.Refusal, err, func() apiv1.Own { return ownOf(done.Own) })
	})
	remove(r, huma.Operation{
		OperationID: "end-own", Path: "/v1/people/{id}/own/{own}", DefaultStatus: http.StatusOK, Tags: []string{"people"},
		Summary:     "End the record of a person's own meter or telephone",
		Description: "It needs the right people.manage and another person than the one whom it concerns. The record stays in the list and counts for 90 days longer.",
	}, func(ctx context.Context, by access.Actor, in *OwnPath) (*reply[apiv1.Own], error) {
		done, err := a.c.Access.EndOwn(ctx, by, in.Person, in.Own)
		return replyOf(done.Refusal, err, func() apiv1.Own { return ownOf(done.Own) })
	})
	for _, c := range []struct {
		verb, summary, more string
		do                  func(context.Context, access.Actor, string) (access.Changed, error)
	}{
		{"block", "Block a person", "It ends the person's sessions and stops the person's API keys at once.", a.c.Access.Block},
		{"unblock", "Let a blocked person sign in again", "The person counts as the one who did it, until another approver confirms the person.", a.c.Access.Unblock},
		{"reset", "Make a person's password invalid", "The answer has a new one-time link. It ends the person's sessions. The person counts as the one who did it, " +
			"until another approver confirms the person.", a.c.Access.Reset},
		{"confirm", "Confirm that a person has the account", "Only a confirmed approver can confirm a person, and nobody as whom the person counts. " +
			"The first second approver is confirmed at the server: paywatt person confirm EMAIL --data FOLDER.", a.c.Access.Confirm},
	} {
		order(r, huma.Operation{
			OperationID: c.verb + "-person", Path: "/v1/people/{id}/" + c.verb, DefaultStatus: http.StatusOK, Tags: []string{"people"}, Summary: c.summary,
			Description: c.more,
		}, func(ctx context.Context, by access.Actor, in *PersonPath, _ apiv1.PersonChange) (*reply[apiv1.Person], error) {
			return changedPerson(c.do(ctx, by, in.Person))
		})
	}
}

// cause returns the problem if there is one, else the error.
func cause(p *Problem, err error) error {
	if p != nil {
		return p
	}
	return err
}

// vendorNamed finds a vendor by id or code; the zero id for no name.
func (a *API) vendorNamed(ctx context.Context, by access.Actor, name string) (id.ID, *Problem, error) {
	if name == "" {
		return id.ID{}, nil, nil
	}
	s, err := a.c.Vendors.Show(ctx, by, name)
	if err == nil && s.Refused() {
		return id.ID{}, problemOf(s.Refusal), nil
	}
	return s.Vendor.ID, nil, err
}

// listPeople names the list that a cursor of people belongs to.
const listPeople = "people"

func (a *API) people(ctx context.Context, by access.Actor, in *apiv1.Page) (*listed[apiv1.Person], error) {
	after, max, no := pageAt(*in).Read(a.c.Cursors, by.Tenant, listPeople)
	if no.Refused() {
		return nil, problemOf(no)
	}
	l, err := a.c.Access.People(ctx, by, after, max)
	next := ""
	if !l.Last.IsZero() {
		next = registry.Cursor(a.c.Cursors, by.Tenant, listPeople, l.Last)
	}
	return pageOf(l.Refusal, err, l.Data, next, personOf)
}

// listSessions names the list that a cursor of sessions belongs to.
const listSessions = "sessions"

// sessions lists the sessions of a person. They are at most [access.MaxSessions], so a page is a part of them.
func (a *API) sessions(ctx context.Context, by access.Actor, in *apiv1.SessionFilter) (*listed[apiv1.Session], error) {
	after, max, no := pageAt(in.Page).Read(a.c.Cursors, by.Tenant, listSessions)
	if no.Refused() {
		return nil, problemOf(no)
	}
	l, err := a.c.Access.Sessions(ctx, by, in.Person)
	rows, next := l.Data, ""
	if i := slices.IndexFunc(rows, func(s access.Session) bool { return s.ID == after }); i >= 0 {
		rows = rows[i+1:]
	}
	if len(rows) > max {
		rows = rows[:max]
		next = registry.Cursor(a.c.Cursors, by.Tenant, listSessions, rows[max-1].ID)
	}
	return pageOf(l.Refusal, err, rows, next, sessionOf)
}

// DevicePath is a device of a person in a path.
type DevicePath struct {
	PersonPath
	Device string `path:"device" maxLength:"40" doc:"Id of the device"`
}

func (a *API) revokeDevice(ctx context.Context, by access.Actor, in *DevicePath) (*reply[apiv1.RevokedDevice], error) {
	done, err := a.c.Access.RevokeDevice(ctx, by, in.Person, in.Device)
	return replyOf(done.Refusal, err, func() apiv1.RevokedDevice {
		return apiv1.RevokedDevice{ID: in.Device, Person: done.Person.ID.Text(id.Person), Email: done.Person.Email}
	})
}

// listDevices names the list that a cursor of counter devices belongs to.
const listDevices = "counter-devices"

// counterDevices lists the devices of a person. They are at most [access.MaxDevices], so a page is a part of them.
func (a *API) counterDevices(ctx context.Context, by access.Actor, in *apiv1.DeviceFilter) (*listed[apiv1.CounterDevice], error) {
	after, max, no := pageAt(in.Page).Read(a.c.Cursors, by.Tenant, listDevices)
	if no.Refused() {
		return nil, problemOf(no)
	}
	l, err := a.c.Access.Devices(ctx, by, in.Person)
	rows, next := l.Data, ""
	if i := slices.IndexFunc(rows, func(d access.CounterDevice) bool { return d.ID == after }); i >= 0 {
		rows = rows[i+1:]
	}
	if len(rows) > max {
		rows = rows[:max]
		next = registry.Cursor(a.c.Cursors, by.Tenant, listDevices, rows[max-1].ID)
	}
	return pageOf(l.Refusal, err, rows, next, func(d access.CounterDevice) apiv1.CounterDevice {
		return apiv1.CounterDevice{ID: d.ID.Text(id.Device), Name: d.Name, CreatedAt: d.CreatedAt.UTC(), UsedAt: at(d.UsedAt)}
	})
}

func sessionOf(s access.Session) apiv1.Session {
	return apiv1.Session{ID: s.ID.Text(id.Session), CreatedAt: s.CreatedAt.UTC(), SeenAt: s.SeenAt.UTC(), Address: s.From.IP, Browser: s.From.Name, Own: s.Own}
}

// OwnPath is a record of a person's own meter or telephone in a path.
type OwnPath struct {
	PersonPath
	Own string `path:"own" maxLength:"40" doc:"Id of the record"`
}

func ownOf(o access.Own) apiv1.Own {
	return apiv1.Own{ID: o.ID.Text(id.Own), Person: o.Person.Text(id.Person), Kind: string(o.Kind), Number: o.Number, RecordedBy: o.By,
		CreatedAt: o.CreatedAt.UTC(), EndedBy: o.EndedBy, EndedAt: at(o.EndedAt)}
}

// listOwns names the list that a cursor of records belongs to.
const listOwns = "own"

// owns lists the records of a person. They are few, so a page is a part of them.
func (a *API) owns(ctx context.Context, by access.Actor, in *apiv1.OwnFilter) (*listed[apiv1.Own], error) {
	after, max, no := pageAt(in.Page).Read(a.c.Cursors, by.Tenant, listOwns)
	if no.Refused() {
		return nil, problemOf(no)
	}
	l, err := a.c.Access.Owns(ctx, by, in.Person)
	rows, next := l.Data, ""
	if i := slices.IndexFunc(rows, func(o access.Own) bool { return o.ID == after }); i >= 0 {
		rows = rows[i+1:]
	}
	if len(rows) > max {
		rows = rows[:max]
		next = registry.Cursor(a.c.Cursors, by.Tenant, listOwns, rows[max-1].ID)
	}
	return pageOf(l.Refusal, err, rows, next, ownOf)
}
