package registry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/wire"
)

// LinkKeyStep is a step of the replacement of a meter's link key.
type LinkKeyStep string

// The steps. From start to finish or cancel, two keys are in use: the server signs each message with both.
const (
	StartLinkKey  LinkKeyStep = "start"  // make a next key; a next key that was made before is dropped
	FinishLinkKey LinkKeyStep = "finish" // the next key becomes the only one
	CancelLinkKey LinkKeyStep = "cancel" // the next key is dropped
)

// LinkKeyChange is a meter after a step of the replacement of its link key.
type LinkKeyChange struct {
	refusal.Refusal
	Waits *access.Approval // the step waits for a second person, and nothing was changed
	Meter Meter
	// Key is the next key after the start, which nobody can read again; nil after the other steps.
	Key *wire.LinkKey
}

// linkKeyAct is a step as it is stored for a second person. Since names the next key that the step is about: when it was made, in
// Unix microseconds.
type linkKeyAct struct {
	Meter string      `json:"meter"`
	Step  LinkKeyStep `json:"step"`
	Since int64       `json:"since"`
}

// ReplaceLinkKey does one step of the replacement of a meter's link key (right: meter.write). Nobody but the installer knows
// which key the meter has. A step that ends the use of a key takes two people: a meter that has only that key ignores every
// message from then on, also a cut-off.
func (r *Registry) ReplaceLinkKey(ctx context.Context, by access.Actor, ref string, step LinkKeyStep) (LinkKeyChange, error) {
	return r.replaceLinkKey(ctx, by, ref, step, nil)
}

// replaceLinkKey does the work of ReplaceLinkKey. If approved is not nil, the step is refused unless it is still about the same
// next key.
func (r *Registry) replaceLinkKey(ctx context.Context, by access.Actor, ref string, step LinkKeyStep, approved *int64) (LinkKeyChange, error) {
	if no := by.Needs(access.WriteMeters); no.Refused() {
		return LinkKeyChange{Refusal: no}, nil
	}
	at, no := ParseRef(ref)
	if no.Refused() {
		return LinkKeyChange{Refusal: NoMeter(ref)}, nil
	}
	next, err := r.newLinkKey()
	if err != nil {
		return LinkKeyChange{}, fmt.Errorf("replace link key: %w", err)
	}
	out, err := access.Through(ctx, r.c.Door, by.Tenant, func(tx Tx) (LinkKeyChange, error) {
		m, found, err := ResolveMeter(tx, at)
		if err != nil || !found {
			return LinkKeyChange{Refusal: NoMeter(ref)}, err
		}
		return r.stepLinkKey(tx, by, m, step, next, approved)
	})
	if err != nil {
		return LinkKeyChange{}, fmt.Errorf("%s to replace the link key of meter %s: %w", step, ref, err)
	}
	if step == StartLinkKey && !out.Refused() && out.Waits == nil {
		out.Key = &next
	}
	return out, nil
}

// stepLinkKey does a step in one transaction.
func (r *Registry) stepLinkKey(tx Tx, by access.Actor, m Meter, step LinkKeyStep, next wire.LinkKey, approved *int64) (LinkKeyChange, error) {
	_, sealed, pending, found, err := tx.LinkKey(m.N) // locks the meter
	if err == nil {
		m, _, err = tx.MeterByID(m.ID) // as it is under the lock
	}
	if err != nil {
		return LinkKeyChange{}, err
	}
	if no := mayReplace(m, step, found, approved); no.Refused() {
		return LinkKeyChange{Refusal: no}, nil
	}
	if step == StartLinkKey {
		if no, err := access.MayShow(tx.Eyes(), by, access.SecretLinkKey); err != nil || no.Refused() {
			return LinkKeyChange{Refusal: no}, err
		}
	}
	eyes, err := access.SecondPerson(tx.Eyes(), by, linkKeyWish(by, m, step), r.c.Now())
	if err != nil || eyes.Refused() || eyes.Waits != nil {
		return LinkKeyChange{Refusal: eyes.Refusal, Waits: eyes.Waits}, err
	}
	switch step {
	case StartLinkKey:
		raw := next.Reveal()
		defer clear(raw)
		pending = r.c.Sealer.Seal(NextLinkKeyContext(m.ID), raw)
	case FinishLinkKey:
		if sealed, err = r.promoted(m.ID, pending); err != nil {
			return LinkKeyChange{}, err
		}
		pending = nil
	case CancelLinkKey:
		pending = nil
	}
	if err := tx.SetLinkKeys(m.ID, sealed, pending); err != nil {
		return LinkKeyChange{}, err
	}
	e := by.Entry("meter.link_key", m.ID.Text(id.Meter))
	e.Before, e.After = keysSince(m), "step="+string(step)
	if err := tx.AuditLog(eyes.Mark(e)); err != nil {
		return LinkKeyChange{}, err
	}
	m, found, err = tx.MeterByID(m.ID)
	if err == nil && !found {
		err = errors.New("the meter just written cannot be read")
	}
	return LinkKeyChange{Meter: m}, err
}

// promoted seals the next key as the link key.
func (r *Registry) promoted(meter id.ID, pending []byte) ([]byte, error) {
	raw, err := r.c.Sealer.Open(NextLinkKeyContext(meter), pending)
	if err != nil {
		return nil, fmt.Errorf("open the next link key: %w", err)
	}
	defer clear(raw)
	return r.c.Sealer.Seal(LinkKeyContext(meter), raw), nil
}

// mayReplace reports whether a step fits the meter: one in service that has a link key, and a next key unless the step makes it.
func mayReplace(m Meter, step LinkKeyStep, has bool, approved *int64) refusal.Refusal {
	switch {
	case m.Status.IsGone():
		return refuse.LinkKeyOfGoneMeter(m.Number, string(m.Status))
	case !has || m.Profile != "":
		return refuse.LinkKeyMissing(m.Number)
	case approved != nil && *approved != m.nextKey():
		return refuse.LinkKeyReplaced(m.Number)
	case step != StartLinkKey && m.NextLinkAt.IsZero():
		return refuse.LinkKeyNotPending(m.Number)
	}
	return refusal.Refusal{}
}

// linkKeyWish returns the act of a step. To make a first next key takes nothing away, and is like the registration of a meter.
func linkKeyWish(by access.Actor, m Meter, step LinkKeyStep) access.ActRequest {
	w := access.ActRequest{Act: access.ActMeter, Object: m.ID.Text(id.Meter), Body: linkKeyAct{m.Number, step, m.nextKey()}}
	if step == StartLinkKey && m.NextLinkAt.IsZero() && by.Approval.IsZero() {
		return w
	}
	w.Act = access.ActLinkKey
	what := "make another next link key for"
	switch step {
	case FinishLinkKey:
		what = "end the use of the old link key of"
	case CancelLinkKey:
		what = "drop the next link key of"
	}
	w.Effect = access.Telling(func(e *access.Effect) {
		e.Fact("link-key", strings.TrimSuffix(strings.TrimSuffix(what, " for"), " of"))
		if !m.NextLinkAt.IsZero() {
			e.Fact("next-link-key-made-at", m.NextLinkAt.UTC().Format(time.RFC3339))
		}
	})
	w.Summary = fmt.Sprintf("%s meter %s, made at %s: a meter without the remaining key ignores every cut-off", what, m.Number, m.NextLinkAt.UTC().Format(time.RFC3339))
	return w
}

// doLinkKey carries out an approved step. If it makes a key, the person who approved it is shown the key.
func (r *Registry) doLinkKey(ctx context.Context, maker access.Actor, body []byte) (access.Done, error) {
	var a linkKeyAct
	if err := json.Unmarshal(body, &a); err != nil {
		return access.Done{}, fmt.Errorf("read an approved step of a link key's replacement: %w", err)
	}
	out, err := r.replaceLinkKey(ctx, maker, a.Meter, a.Step, &a.Since)
	return access.Done{Refusal: out.Refusal, Object: "meter " + a.Meter, Shown: out}, err
}

// nextKey names the meter's next link key: when it was made, in Unix microseconds; 0 if there is none.
func (m Meter) nextKey() int64 {
	if m.NextLinkAt.IsZero() {
		return 0
	}
	return m.NextLinkAt.UnixMicro()
}

// keysSince describes the meter's link keys for the audit log.
func keysSince(m Meter) string {
	if m.NextLinkAt.IsZero() {
		return "link_keys=1"
	}
	return "link_keys=2 since=" + m.NextLinkAt.UTC().Format(time.RFC3339)
}
