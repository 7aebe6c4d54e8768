package api

import (
	"context"
	"math"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/registry"
)

func apiKeyOf(l access.Keys, k access.Key, now time.Time) apiv1.Key {
	b := apiv1.Key{ID: k.ID.Text(id.Key), Name: k.Name, Role: string(k.Role), Vendor: refOf(k.Vendor, id.Vendor), From: k.From.List(), State: string(l.State(k, now)),
		CreatedAt: k.CreatedAt.UTC(), ExpiresAt: at(k.ExpiresAt), LastUsedAt: at(k.UsedAt), RevokedAt: at(k.RevokedAt)}
	if p, found := l.Owners[k.Answers]; found {
		b.Person, b.Email = p.ID.Text(id.Person), p.Email
	}
	return b
}

// madeKey answers with a new key and its secret. The answer to a repetition of the request has no secret, so none is stored.
func (a *API) madeKey(ctx context.Context, made access.MadeKey, err error) (*reply[apiv1.Key], error) {
	return replyOf(made.Refusal, err, func() apiv1.Key {
		b := apiKeyOf(access.Keys{Owners: map[id.ID]access.PersonRow{made.Owner.ID: made.Owner}}, made.Key, a.c.Now())
		again := b
		again.SecretGone = "The key was shown in the first answer to this request. If that answer was lost, revoke this key and create another."
		exchangeOf(ctx).again = again
		b.Secret = made.Secret.Reveal()
		return b
	})
}

// KeyPath is the API key in a path.
type KeyPath struct {
	Key string `path:"id" maxLength:"64" doc:"Id of the key"`
}

// find reads the id of the key. Without the right to manage keys nobody learns whether a key exists.
func (p KeyPath) find(by access.Actor) (id.ID, error) {
	key, err := id.Parse(id.Key, p.Key)
	if err == nil {
		return key, nil
	}
	if no := by.Needs(access.ManageKeys); no.Refused() {
		return key, problemOf(no)
	}
	return key, problemOf(refuse.KeyNotInForce(refusal.Echo(p.Key)))
}

// defaultOverlap is how long a replaced key goes on working if the request does not say it, in seconds.
const defaultOverlap = 24 * 3600

func (a *API) keyRoutes(r router) {
	listRoute(r, apiv1.Keys, a.keys)
	order(r, huma.Operation{
		OperationID: "create-key", Path: "/v1/keys", DefaultStatus: http.StatusCreated, Tags: []string{"keys"}, Summary: "Create an API key",
		Description: "The answer has the key itself, which is shown only once: the answer to a repeated request lacks it. The key acts for the person who " +
			"creates it, and counts as that person where two people are needed. It has no right that the person lacks. A key that another key " +
			"creates ends no later than that key, and works from no other network. A key that belongs to no person creates no keys.",
	}, func(ctx context.Context, by access.Actor, _ *struct{}, body apiv1.NewKey) (*reply[apiv1.Key], error) {
		vendor, p, err := a.vendorNamed(ctx, by, body.Vendor)
		if err != nil || p != nil {
			return nil, cause(p, err)
		}
		n := access.NewKey{Role: access.Role(body.Role), Name: body.Name, Vendor: vendor, From: body.From}
		if body.ExpiresAt != nil {
			n.ExpiresAt = *body.ExpiresAt
		}
		made, err := a.c.Access.CreateAPIKey(ctx, by, n)
		return a.madeKey(ctx, made, err)
	})
	order(r, huma.Operation{
		OperationID: "rotate-key", Path: "/v1/keys/{id}/rotate", DefaultStatus: http.StatusCreated, Tags: []string{"keys"}, Summary: "Replace an API key",
		Description: "The answer has the new key itself, which is shown only once: the answer to a repeated request lacks it. It has the person, role, " +
			"vendor, name, networks and lifetime of the old key. The old key goes on working for the overlap. Only the person of the key may replace " +
			"it. A key replaces only keys that end no later and work from no other network, and what it makes ends no later than itself.",
	}, func(ctx context.Context, by access.Actor, in *KeyPath, body apiv1.KeyRotation) (*reply[apiv1.Key], error) {
		key, err := in.find(by)
		if err != nil {
			return nil, err
		}
		overlap := int64(defaultOverlap)
		if body.OverlapS != nil {
			overlap = max(min(*body.OverlapS, math.MaxInt32), -1) // so that it fits a duration
		}
		made, err := a.c.Access.RotateAPIKey(ctx, by, key, time.Duration(overlap)*time.Second)
		return a.madeKey(ctx, made, err)
	})
	remove(r, huma.Operation{
		OperationID: "revoke-key", Path: "/v1/keys/{id}", DefaultStatus: http.StatusOK, Tags: []string{"keys"}, Summary: "Revoke an API key at once",
	}, func(ctx context.Context, by access.Actor, in *KeyPath) (*reply[apiv1.RevokedKey], error) {
		key, err := in.find(by)
		if err != nil {
			return nil, err
		}
		done, err := a.c.Access.RevokeAPIKey(ctx, by, key)
		return replyOf(done.Refusal, err, func() apiv1.RevokedKey { return apiv1.RevokedKey{ID: key.Text(id.Key)} })
	})
}

// listKeys names the list that a cursor of API keys belongs to.
const listKeys = "keys"

func (a *API) keys(ctx context.Context, by access.Actor, in *apiv1.Page) (*listed[apiv1.Key], error) {
	after, max, no := pageAt(*in).Read(a.c.Cursors, by.Tenant, listKeys)
	if no.Refused() {
		return nil, problemOf(no)
	}
	l, err := a.c.Access.APIKeys(ctx, by, after)
	rows, next := l.Data, ""
	if len(rows) > max || len(rows) == access.MaxKeys {
		rows = rows[:min(max, len(rows))]
		next = registry.Cursor(a.c.Cursors, by.Tenant, listKeys, rows[len(rows)-1].ID)
	}
	now := a.c.Now()
	return pageOf(l.Refusal, err, rows, next, func(k access.Key) apiv1.Key { return apiKeyOf(l, k, now) })
}
