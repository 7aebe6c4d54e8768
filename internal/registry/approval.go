package registry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/tariff"
)

// changeRequest is the request for a tariff, as stored until a second person approves it. Because the request itself is stored, "at
// once" means the time of the approval.
type changeRequest struct {
	Name          string          `json:"name,omitempty"`   // name of a new tariff
	Tariff        string          `json:"tariff,omitempty"` // tariff that gets a further version
	Body          tariff.Document `json:"body"`
	EffectiveFrom time.Time       `json:"effective_from"`
	Replaces      int             `json:"replaces,omitempty"`  // number of the version that never begins
	Withdraws     bool            `json:"withdraws,omitempty"` // that version is taken back: the price from before goes on
	Reason        string          `json:"reason,omitempty"`    // why it is taken back
}

// eyes decides whether a tariff may be published now: by one person alone, or because a second person has approved it.
func (r *Registry) eyes(tx Tx, by access.Actor, w changeRequest, of id.ID) (access.FourEyes, error) {
	what := "publish tariff " + w.Name
	switch {
	case w.Withdraws:
		what = fmt.Sprintf("withdraw version %d of tariff %s, which has not begun: the price from before goes on", w.Replaces, w.Tariff)
		if w.Reason != "" {
			what += "; reason: " + w.Reason
		}
	case w.Replaces != 0:
		what = fmt.Sprintf("replace version %d of tariff %s, which has not begun", w.Replaces, w.Tariff)
	case w.Tariff != "":
		what = "publish a version of tariff " + w.Tariff
	}
	return access.SecondPerson(tx.Eyes(), by, access.ActRequest{Act: access.ActTariff, Object: w.Name + w.Tariff, Summary: what, Body: w,
		Effect: func() (access.Effect, error) { return r.tariffEffect(tx, w, of) }}, r.c.Now())
}

// tariffEffect says what a tariff changes: every figure of a new one, and of a version each figure that is not that of the version in force when it
// begins.
func (r *Registry) tariffEffect(tx Tx, w changeRequest, of id.ID) (e access.Effect, err error) {
	e.Fact("tariff", w.Name+w.Tariff)
	from, at := access.Named("begins", "once approved"), r.c.Now()
	if !w.EffectiveFrom.IsZero() {
		from, at = access.Moments(w.EffectiveFrom), w.EffectiveFrom
	}
	e.Tells("from", from)
	if w.Replaces != 0 {
		e.Fact("replaces-version", strconv.Itoa(w.Replaces))
	}
	if of.IsZero() {
		return e, e.Diff(nil, w.Body, w.Body.Currency)
	}
	before, found, err := tx.Tariffs().TariffVersionAt(of, at)
	if err != nil || !found {
		return e, errors.Join(err, e.Diff(nil, w.Body, w.Body.Currency))
	}
	return e, e.Diff(before.Body.Document(), w.Body, w.Body.Currency)
}

// auditVersion writes an audit entry about the published version, the number of the one that it replaces or withdraws, why, and its approver.
func auditVersion(tx Tx, by access.Actor, v tariff.Version, n NewVersion, eyes access.FourEyes) error {
	e := by.Entry("tariff.publish", v.TariffID.Text(id.Tariff))
	e.After = fmt.Sprintf("name=%s version=%s", v.Name, v.ID.Text(id.Version))
	switch {
	case v.Withdraws != 0:
		e.After += fmt.Sprintf(" withdraws=%d", v.Withdraws)
	case n.Replaces != 0:
		e.After += fmt.Sprintf(" replaces=%d", n.Replaces)
	}
	e.Reason = n.Reason
	return tx.AuditLog(eyes.Mark(e))
}

// Executors carry out this package's approved actions.
func (r *Registry) Executors() access.Executors {
	return access.Executors{
		access.ActTariff: r.doTariff, access.ActSettings: r.doSettings, access.ActPostpaid: r.doMeter, access.ActImpulses: r.doMeter,
		access.ActMaxPower: r.doChange, access.ActUnreadCut: r.doChange, access.ActFeeder: access.ByField("meter", r.doChange, r.doMeter),
		access.ActLinkKey: r.doLinkKey, access.ActPassword: r.doPassword, access.ActRemove: r.doRemove,
		access.ActMoveIn:      access.ByField("move_in", r.doMoveIn, r.doMeter),
		access.ActMeterTariff: access.ByField("move_in", r.doMoveIn, access.ByField("change_tariff", r.doTariffChange, r.doMeter)),
	}
}

func (r *Registry) doTariff(ctx context.Context, maker access.Actor, body []byte) (access.Done, error) {
	var w changeRequest
	if err := json.Unmarshal(body, &w); err != nil {
		return access.Done{}, fmt.Errorf("read an approved tariff: %w", err)
	}
	price, no := w.Body.Body()
	if no.Refused() {
		return access.Done{Refusal: no}, nil
	}
	var added AddedTariff
	var err error
	if w.Tariff != "" {
		added, err = r.AddVersion(ctx, maker, NewVersion{Tariff: w.Tariff, Body: price, EffectiveFrom: w.EffectiveFrom, Replaces: w.Replaces,
			Withdraws: w.Withdraws, Reason: w.Reason})
	} else {
		added, err = r.AddTariff(ctx, maker, NewTariff{Name: w.Name, Body: price, EffectiveFrom: w.EffectiveFrom})
	}
	return access.Done{Refusal: added.Refusal, Object: added.Version.ID.Text(id.Version)}, err
}

// doMeter registers an approved meter and shows its secrets to the person who approved it. Nobody can read them again.
func (r *Registry) doMeter(ctx context.Context, maker access.Actor, body []byte) (access.Done, error) {
	var n NewMeter
	if err := json.Unmarshal(body, &n); err != nil {
		return access.Done{}, fmt.Errorf("read an approved meter: %w", err)
	}
	added, err := r.AddMeter(ctx, maker, n)
	return access.Done{Refusal: added.Refusal, Object: added.Meter.Meter.ID.Text(id.Meter), Shown: added}, err
}

func (r *Registry) doSettings(ctx context.Context, maker access.Actor, body []byte) (access.Done, error) {
	var c SettingsChange
	if err := json.Unmarshal(body, &c); err != nil {
		return access.Done{}, fmt.Errorf("read an approved change of settings: %w", err)
	}
	s, err := r.ChangeSettings(ctx, maker, c)
	return access.Done{Refusal: s.Refusal, Object: fmt.Sprintf("tenant %d", maker.Tenant)}, err
}
