package payment

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
)

// MaxOverlap is the longest time in which the old secrets of a provider prove its calls beside the new ones.
const MaxOverlap = 7 * 24 * time.Hour

// usualOverlap is how long old secrets usually prove calls. Whoever has lost a secret can use it for so long.
const usualOverlap = 24 * time.Hour

// SecretChange is a replacement of the secrets of a provider.
type SecretChange struct {
	Secrets []byte        // JSON; what the provider gave, if no second person must agree
	Overlap time.Duration // how long the old secrets prove calls too
	// NewAddress means that the server also draws a new address.
	NewAddress bool
}

// ProviderSecrets are what the server drew for a provider, for the person who may see it.
type ProviderSecrets struct {
	Secret access.Secret // that signs calls
	Path   access.Secret // the secret part of its address
}

// secretsRequest is a replacement of secrets as it is stored for a second person. It has no secret.
type secretsRequest struct {
	Provider   string `json:"provider"`
	Hours      int64  `json:"overlap_hours"`
	NewAddress bool   `json:"new_address,omitempty"`
}

// ReplaceSecrets replaces the secrets of a provider (right: settings.write). The server draws the signing secret where the utility chooses it, and
// returns it once. Under four eyes it takes two people, and the second person sees the new secret, or enters those that the provider gave. The
// old secrets prove calls for the time of the overlap; with an overlap of 0 they end at once. Before the provider is approved the overlap is 0,
// because one person may know the old secrets.
//
// A new address can be drawn with the secrets. The old one ends at once, whatever the overlap. The provider repeats a call that found no address,
// or is asked.
func (ps *Payments) ReplaceSecrets(ctx context.Context, by access.Actor, provider string, c SecretChange) (ProviderView, error) {
	overlap := c.Overlap
	if overlap < 0 || overlap > MaxOverlap || overlap%time.Hour != 0 {
		return ProviderView{Refusal: refuse.ProviderOverlapOutOfRange(int64(MaxOverlap / time.Hour))}, nil
	}
	entered := by.Entered
	if by.Approval.IsZero() {
		entered = access.SecretOf(string(c.Secrets))
	}
	by.Entered = access.Secret{}
	path, err := ps.newPath() // drawn before the transaction, which may run twice
	if err != nil {
		return ProviderView{}, err
	}
	return ps.change(ctx, by, provider, func(tx Tx, p Provider) (ProviderView, error) {
		if !p.Approved() {
			overlap = 0
		}
		hours := int64(overlap / time.Hour)
		name := p.ID.Text(id.Provider)
		if no, err := access.MayShow(tx.Eyes(), by, access.SecretProvider); err != nil || no.Refused() {
			return ProviderView{Refusal: no}, err
		}
		summary := fmt.Sprintf("replace the secrets of payment provider %s (%s); the old ones prove calls for %d more hours", p.Name, p.Kind, hours)
		if c.NewAddress {
			summary += "; its address is replaced too, and the old one ends at once"
		}
		eyes, err := access.SecondPerson(tx.Eyes(), by, access.ActRequest{Act: access.ActProviderSecret, Object: name,
			Summary: summary, Body: secretsRequest{name, hours, c.NewAddress}, Content: p.terms(), Effect: func() (e access.Effect, err error) {
				var odd []access.Oddity
				if overlap > usualOverlap {
					odd = append(odd, access.Oddity{Refusal: refuse.OddOverlap(int64(usualOverlap / time.Hour))})
				}
				if overlap == 0 {
					e.Tells("old-secrets-count-for", access.Named("secret", "ends at once"))
				} else {
					e.Tells("old-secrets-count-for", access.Counts(access.UnitDuration, hours*3600), odd...)
				}
				if c.NewAddress {
					e.Tells("old-address", access.Named("secret", "ends at once"))
				}
				return e, p.tell(tx, &e)
			}}, tx.Moment())
		if err != nil || eyes.Refused() || eyes.Waits != nil {
			return ProviderView{Refusal: eyes.Refusal, Waits: eyes.Waits, Provider: p}, err
		}
		v := ProviderView{}
		if c.NewAddress {
			ps.setPath(&p, path)
			v.Path = access.SecretOf(path)
		}
		drawn, no, err := ps.renew(tx, by, entered, &p, eyes, overlap)
		if err != nil || no.Refused() {
			return ProviderView{Refusal: no}, err
		}
		v.Provider, v.Drawn = p, drawn
		e := by.Entry("provider.secret", name)
		e.At, e.After = tx.Moment(), fmt.Sprintf("overlap_hours=%d secret_by=%s new_address=%t", hours, p.SecretBy, c.NewAddress)
		return v, tx.AuditLog(eyes.Mark(e))
	})
}

// newPath draws the secret part of an address.
func (ps *Payments) newPath() (string, error) {
	secret := make([]byte, PathBytes)
	if _, err := io.ReadFull(ps.c.Rand, secret); err != nil {
		return "", fmt.Errorf("draw the address of a provider: %w", err)
	}
	return hex.EncodeToString(secret), nil
}

// setPath gives a provider the secret part of its address.
func (ps *Payments) setPath(p *Provider, path string) {
	p.PathHash, _ = hashPath(path)
	p.SealedPath = ps.c.Sealer.Seal(PathContext(p.ID), []byte(path))
}

// renew gives a provider new secrets: drawn by the server, or entered by whoever must know them. The old ones prove calls for the overlap.
func (ps *Payments) renew(tx Tx, by access.Actor, entered access.Secret, p *Provider, eyes access.FourEyes, overlap time.Duration) (access.Secret, refusal.Refusal, error) {
	given := []byte(entered.Reveal())
	if no := ps.checkTyped(p.Name, p.Kind, nil, given); no.Refused() {
		return access.Secret{}, no, nil
	}
	old, err := ps.secretsOf(*p)
	if err != nil {
		return access.Secret{}, refusal.Refusal{}, err
	}
	if eyes.Checker != "" && !p.Approved() && ps.c.SameProof != nil && ps.c.SameProof(p.Kind, old, given) {
		return access.Secret{}, refuse.ProviderSecretKept(p.Name), nil
	}
	if len(given) == 0 {
		given = old
	}
	next, shown, err := ps.draw(p.Kind, given)
	if err != nil {
		return access.Secret{}, refuse.ProviderOfWrongForm(p.Name, refusal.Echo(err.Error())), nil
	}
	if shown == "" && entered.Reveal() == "" && len(old) > 0 {
		return access.Secret{}, refuse.ProviderSecretsNotEntered(p.Name), nil
	}
	config, _, _, err := splitReach(p.Config)
	if err == nil {
		_, err = ps.c.Adapter(p.Kind, Setup{Config: config, Secrets: next})
	}
	if err != nil {
		return access.Secret{}, refuse.ProviderOfWrongForm(p.Name, refusal.Echo(err.Error())), nil
	}
	p.SecretBy = by.String()
	switch {
	case shown != "":
		p.SecretBy = ByServer
	case eyes.Checker != "":
		p.SecretBy = eyes.Checker
	}
	if p.SealedOld, p.OldUntil = nil, (time.Time{}); overlap > 0 && len(p.Sealed) > 0 {
		p.SealedOld, p.OldUntil = p.Sealed, access.Stored(tx.Moment().Add(overlap))
	}
	if p.Sealed = nil; len(next) > 0 {
		p.Sealed = ps.c.Sealer.Seal(SecretContext(p.ID), next)
	}
	return access.SecretOf(shown), refusal.Refusal{}, tx.Payments().SetProviderSecrets(*p)
}

// draw draws the signing secret of a kind, if the utility chooses it.
func (ps *Payments) draw(kind string, given []byte) ([]byte, string, error) {
	if ps.c.Draw == nil {
		return given, "", nil
	}
	return ps.c.Draw(kind, given)
}

// doReplaceSecrets replaces secrets after a second person has agreed. It is an [access.Executor].
func (ps *Payments) doReplaceSecrets(ctx context.Context, maker access.Actor, body []byte) (access.Done, error) {
	var r secretsRequest
	if err := json.Unmarshal(body, &r); err != nil {
		return access.Done{}, fmt.Errorf("read an approved replacement of secrets: %w", err)
	}
	v, err := ps.ReplaceSecrets(ctx, maker, r.Provider, SecretChange{Overlap: time.Duration(r.Hours) * time.Hour, NewAddress: r.NewAddress})
	return access.Done{Refusal: v.Refusal, Object: r.Provider, Shown: ProviderSecrets{Secret: v.Drawn, Path: v.Path}}, err
}
