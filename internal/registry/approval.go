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
	"github.com/paywatt/paywatt/internal/localday"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/tariff"
)

// changeRequest is the request for a tariff, as stored until a second person approves it. Because the request itself is stored, "at
// once" means the time of the approval.
type changeRequest struct {
	Name          string          `json:"name,omitempty"`   // name of a new tariff
	Tariff        string          `json:"tariff,omitempty"` // tariff that gets a further version
	Body          tariff.Document `json:"body"`
	EffectiveFrom time.Time       `json:"effective_from"`
	Replaces      int             `json:"replaces,omitempty"`  // number of the version whose place it takes
	Withdraws     bool            `json:"withdraws,omitempty"` // that version is taken back: the price from before goes on
	Reason        string          `json:"reason,omitempty"`    // why it is taken back
	Corrects      bool            `json:"corrects,omitempty"`  // that version has begun: its fixed charges become smaller
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
	case w.Corrects:
		what = fmt.Sprintf("correct the fixed charges of version %d of tariff %s, which began at %s: customers get back what they paid too much", w.Replaces, w.Tariff,
			w.EffectiveFrom.Format(time.RFC3339))
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
	if w.Corrects {
		if err := tellCorrection(tx, w, of, &e); err != nil {
			return e, err
		}
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

// ChargedSoFar sums the fixed charges of the accounts that were on a tariff.
type ChargedSoFar struct {
	Accounts      int64
	Charged, Paid money.Minor
}

// tellCorrection says what was charged since a version began, which its correction makes smaller. The figures go on, because sales do.
func tellCorrection(tx Tx, w changeRequest, of id.ID, e *access.Effect) error {
	s, err := tx.TenantSettings()
	if err != nil {
		return err
	}
	zone, err := localday.LoadZone(s.TZ)
	if err != nil {
		return fmt.Errorf("time zone of the tenant: %w", err)
	}
	was, _, err := tx.Tariffs().TariffVersionAt(of, w.EffectiveFrom)
	if err != nil {
		return err
	}
	var names []string
	for _, f := range was.Body.Fixed {
		names = append(names, f.Name)
	}
	c, err := tx.Tariffs().ChargedSince(of, w.EffectiveFrom.In(zone).Format(time.DateOnly), names)
	if err != nil {
		return err
	}
	pays := func(m money.Minor) access.Value {
		return access.Pays(money.Amount{Minor: m, Currency: w.Body.Currency})
	}
	e.Facts = append(e.Facts, access.Fact{Name: "charged-accounts", After: access.Says(strconv.FormatInt(c.Accounts, 10)), Live: true},
		access.Fact{Name: "charged-since", After: pays(c.Charged), Live: true}, access.Fact{Name: "paid-of-that", After: pays(c.Paid), Live: true})
	return nil
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
		if n.corrects {
			e.After += " corrects=true"
		}
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
