package client

import (
	"context"
	"net/url"

	"github.com/paywatt/paywatt/api/apiv1"
)

// Invite adds a person (right: people.manage). The answer has the one-time link with which the person sets a password.
func (c *Client) Invite(ctx context.Context, p apiv1.NewPerson) (apiv1.Person, error) {
	return ask[apiv1.Person](ctx, c, post("/v1/people", p))
}

// People lists the people who sign in (right: people.manage).
func (c *Client) People(ctx context.Context, p apiv1.Page) (apiv1.List[apiv1.Person], error) {
	return list(ctx, c, apiv1.People, p)
}

// SetPersonRole gives a person another role and ends the person's sessions (right: people.manage). The person is named by id or e-mail
// address, as in the methods below.
func (c *Client) SetPersonRole(ctx context.Context, person string, r apiv1.PersonRole) (apiv1.Person, error) {
	return ask[apiv1.Person](ctx, c, post("/v1/people/"+url.PathEscape(person)+"/role", r))
}

// BlockPerson ends a person's sessions and API keys at once (right: people.manage).
func (c *Client) BlockPerson(ctx context.Context, person string) (apiv1.Person, error) {
	return c.changePerson(ctx, person, "block")
}

// UnblockPerson lets a blocked person sign in again (right: people.manage).
func (c *Client) UnblockPerson(ctx context.Context, person string) (apiv1.Person, error) {
	return c.changePerson(ctx, person, "unblock")
}

// ResetPerson makes a person's password invalid (right: people.manage). The answer has a new one-time link.
func (c *Client) ResetPerson(ctx context.Context, person string) (apiv1.Person, error) {
	return c.changePerson(ctx, person, "reset")
}

// ConfirmPerson confirms that an account is in the hands of its person. The caller must be another confirmed approver.
func (c *Client) ConfirmPerson(ctx context.Context, person string) (apiv1.Person, error) {
	return c.changePerson(ctx, person, "confirm")
}

// Sessions lists the open sessions of a person (right: people.manage, or one's own).
func (c *Client) Sessions(ctx context.Context, f apiv1.SessionFilter) (apiv1.List[apiv1.Session], error) {
	return list(ctx, c, apiv1.Sessions, f)
}

// EndSessions ends all sessions of a person at once, with their pages (right: people.manage, or one's own).
func (c *Client) EndSessions(ctx context.Context, person string) (apiv1.EndedSessions, error) {
	return ask[apiv1.EndedSessions](ctx, c, remove("/v1/people/"+url.PathEscape(person)+"/sessions"))
}

// CounterDevices lists the devices on which a person signs in with a PIN (right: people.manage, or one's own).
func (c *Client) CounterDevices(ctx context.Context, f apiv1.DeviceFilter) (apiv1.List[apiv1.CounterDevice], error) {
	return list(ctx, c, apiv1.CounterDevices, f)
}

// RevokeDevice revokes a device on which a person signs in with a PIN, and ends its sessions (right: people.manage, or one's own).
func (c *Client) RevokeDevice(ctx context.Context, person, device string) (apiv1.RevokedDevice, error) {
	return ask[apiv1.RevokedDevice](ctx, c, remove("/v1/people/"+url.PathEscape(person)+"/devices/"+url.PathEscape(device)))
}

// Owns lists the meters and telephones that a person has recorded as their own (right: people.manage, or one's own).
func (c *Client) Owns(ctx context.Context, f apiv1.OwnFilter) (apiv1.List[apiv1.Own], error) {
	return list(ctx, c, apiv1.Owns, f)
}

// RecordOwn records a meter or a telephone as a person's own (right: people.manage, or one's own).
func (c *Client) RecordOwn(ctx context.Context, person string, o apiv1.NewOwn) (apiv1.Own, error) {
	return ask[apiv1.Own](ctx, c, post("/v1/people/"+url.PathEscape(person)+"/own", o))
}

// EndOwn ends a record (right: people.manage). The person whom it concerns cannot end it.
func (c *Client) EndOwn(ctx context.Context, person, own string) (apiv1.Own, error) {
	return ask[apiv1.Own](ctx, c, remove("/v1/people/"+url.PathEscape(person)+"/own/"+url.PathEscape(own)))
}

func (c *Client) changePerson(ctx context.Context, person, verb string) (apiv1.Person, error) {
	return ask[apiv1.Person](ctx, c, post("/v1/people/"+url.PathEscape(person)+"/"+verb, apiv1.PersonChange{}))
}
