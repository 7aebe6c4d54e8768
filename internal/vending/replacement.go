package vending

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/localday"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/sts"
	"github.com/paywatt/paywatt/unit"
)

// NextKey holds the facts of a meter's next key. An empty or zero field keeps its value.
type NextKey struct {
	SGC      string       `json:"sgc,omitempty"`
	KRN      uint8        `json:"krn,omitempty"`
	KT       *sts.KeyType `json:"kt,omitempty"`
	TI       string       `json:"ti,omitempty"`
	KEN      *uint8       `json:"ken,omitempty"`
	DKGA     sts.DKGA     `json:"dkga,omitempty"`
	BaseDate sts.BaseDate `json:"base_date,omitempty"`
}

// maxKRN is the greatest key revision number (IEC 62055-41).
const maxKRN = 9

func (n *NextKey) check() refusal.Refusal {
	if n == nil {
		return refusal.Refusal{}
	}
	digits := func(s string, want int) bool {
		if s == "" {
			return true
		}
		for _, c := range s {
			if c < '0' || c > '9' {
				return false
			}
		}
		return len(s) == want
	}
	switch {
	case !digits(n.SGC, 6):
		return refuse.SgcOfWrongForm()
	case n.KRN > maxKRN:
		return refuse.KrnOutOfRange()
	case !digits(n.TI, 2):
		return refuse.TiOfWrongForm()
	case n.KT != nil && *n.KT != sts.DUTK && *n.KT != sts.DDTK && *n.KT != sts.DCTK:
		return refuse.KtOutOfRange()
	case n.DKGA != 0 && n.DKGA != sts.DKGA02 && n.DKGA != sts.DKGA04:
		return refuse.DkgaOutOfRange()
	case n.BaseDate != 0 && n.BaseDate != sts.Base1993 && n.BaseDate != sts.Base2014 && n.BaseDate != sts.Base2035:
		return refuse.BaseDateOutOfRange()
	}
	return refusal.Refusal{}
}

// after applies the changes in n to the key k and returns the next key.
func (n NextKey) after(k registry.Key) registry.Key {
	k.LastTID, k.ID = 0, id.ID{}
	if n.SGC != "" {
		k.SGC = n.SGC
	}
	if n.KRN != 0 {
		k.KRN = n.KRN
	}
	if n.KT != nil {
		k.KT = *n.KT
	}
	if n.TI != "" {
		k.TI = n.TI
	}
	if n.KEN != nil {
		k.KEN = *n.KEN
	}
	if n.DKGA != 0 {
		k.DKGA = n.DKGA
	}
	if n.BaseDate != 0 {
		k.BaseDate = n.BaseDate
	}
	return k
}

// sameKey reports whether two keys of a meter are made from the same facts.
func sameKey(a, b registry.Key) bool {
	return a.SGC == b.SGC && a.KRN == b.KRN && a.KT == b.KT && a.TI == b.TI && a.KEN == b.KEN && a.EA == b.EA && a.DKGA == b.DKGA && a.BaseDate == b.BaseDate
}

func (v *Vending) nibbles() (n [MaxTokens]byte, err error) {
	if _, err = io.ReadFull(v.c.Rand, n[:]); err != nil {
		err = fmt.Errorf("generate the random part of a token: %w", err)
	}
	return n, err
}

// reserveJob makes the checks that need the store and builds the job with its TIDs.
func (v *Vending) reserveJob(tx Tx, by access.Actor, a Ask, p sale.Point, now time.Time, times sale.Times) (sale.Job, refusal.Refusal, error) {
	j := sale.Job{Kind: a.Kind, Meter: p.Meter, Account: p.Account, Units: a.Units, Value: a.PowerW, ReasonCode: a.ReasonCode, Reason: a.Reason,
		By: by.String(), State: sale.Held, CreatedAt: now, Replaces: a.replaces}
	switch {
	case p.Mode != registry.PrepayToken:
		return sale.Job{}, refuse.MeterTakesNoServiceTokens(p.Meter.Number, string(p.Mode)), nil
	case p.Replaced != nil:
		return sale.Job{}, blocked(p), nil
	case p.Status == registry.Stock || p.Status == registry.Removed || p.Status == registry.Scrapped:
		return sale.Job{}, refuse.MeterWithoutService(p.Meter.Number, string(p.Status)), nil
	}
	if p.Busy {
		return sale.Job{}, refuse.SaleInProgress(p.Meter.Number), nil
	}
	var err error
	if j.ID, err = tx.NewID(); err != nil {
		return sale.Job{}, refusal.Refusal{}, err
	}
	if a.Kind == sale.KeyChange {
		no, err := planChange(tx, &j, a, p)
		return j, no, err
	}
	if a.Kind.GivesUnits() && a.replaces.IsZero() { // units that replace owed ones do not count as free
		if no, err := v.unitsLeft(tx, by, a.Units, p, now); err != nil || no.Refused() {
			return sale.Job{}, no, err
		}
	}
	pr := priced{point: p, tokens: []unit.Energy{0}}
	if a.Kind.GivesUnits() {
		pr.tokens = sale.OnTokens(a.Units)
	}
	var no refusal.Refusal
	if pr.key, no = pickKey(p); no.Refused() {
		return sale.Job{}, no, nil
	}
	if no = behindAt(times, now); no.Refused() {
		return sale.Job{}, no, nil
	}
	if no = pr.number(now, times); no.Refused() {
		return sale.Job{}, no, nil
	}
	j.Key = pr.key.ID
	for i, units := range pr.tokens {
		t := sale.Token{Meter: p.Meter.N, TID: pr.tids[i], BaseDate: pr.key.BaseDate, Units: units, State: sale.TokenReserved, IssuedAt: now}
		if !a.Kind.GivesUnits() {
			t.Class, t.SubClass = 2, subClassOf(a.Kind)
		}
		j.Tokens = append(j.Tokens, t)
	}
	return j, refusal.Refusal{}, nil
}

// unitsLeft refuses units beyond what one actor may issue free of charge in a local day.
func (v *Vending) unitsLeft(tx Tx, by access.Actor, units unit.Energy, p sale.Point, now time.Time) (refusal.Refusal, error) {
	zone, no := v.findZone(p.TZ)
	if no.Refused() {
		return no, nil
	}
	names, err := access.NamesOf(tx.Eyes(), by)
	if err != nil {
		return refusal.Refusal{}, err
	}
	local := now.In(zone)
	given, err := tx.Jobs().UnitsSince(names, localday.Of(local))
	if err != nil || given+units <= p.Limits.FreeUnitsADay {
		return refusal.Refusal{}, err
	}
	return refuse.FreeUnitsLimit(given, p.Limits.FreeUnitsADay), nil
}

// sections returns the subclasses of a key change by algorithm: two tokens for EA07, four for EA11.
func sections(ea sts.EA) []uint8 {
	if ea == sts.EA11 {
		return []uint8{3, 4, 8, 9}
	}
	return []uint8{3, 4}
}

// planChange finds the current and the next key of a meter. A meter never has more than one open set of key change tokens.
func planChange(tx Tx, j *sale.Job, a Ask, p sale.Point) (refusal.Refusal, error) {
	var current, planned registry.Key
	for _, k := range p.Keys {
		switch k.State {
		case registry.KeyCurrent:
			current = k
		case registry.KeyPlanned:
			planned = k
		case registry.KeyIssued:
			return refuse.KeyChangeUnconfirmed(p.Meter.Number), nil
		}
	}
	switch {
	case current.ID.IsZero():
		return refuse.MeterWithoutKey(p.Meter.Number), nil
	case planned.ID.IsZero() && a.Key == nil:
		return refuse.NoKeyChangePlanned(p.Meter.Number), nil
	case !planned.ID.IsZero() && a.Key != nil && !sameKey(a.Key.after(current), planned):
		return refuse.OtherKeyChangePlanned(p.Meter.Number), nil
	}
	if planned.ID.IsZero() {
		next := a.Key.after(current)
		if sameKey(next, current) {
			return refuse.KeyHeldAlready(p.Meter.Number), nil
		}
		var err error
		if next.ID, err = tx.NewID(); err != nil {
			return refusal.Refusal{}, err
		}
		next.State, next.From = registry.KeyPlanned, j.CreatedAt
		planned, j.Unplanned = next, &next
	}
	j.Key, j.NewKey = current.ID, planned.ID
	for _, sub := range sections(current.EA) {
		j.Tokens = append(j.Tokens, sale.Token{Meter: p.Meter.N, BaseDate: current.BaseDate, Class: 2, SubClass: sub, State: sale.TokenReserved, IssuedAt: j.CreatedAt})
	}
	return refusal.Refusal{}, nil
}

// plannedKey describes the planned key of a meter, so that a second person sees and allows this key and no other; nil for none.
func plannedKey(p sale.Point) *NextKey {
	i := slices.IndexFunc(p.Keys, func(k registry.Key) bool { return k.State == registry.KeyPlanned })
	if i < 0 {
		return nil
	}
	k := p.Keys[i]
	return &NextKey{SGC: k.SGC, KRN: k.KRN, KT: &k.KT, TI: k.TI, KEN: &k.KEN, DKGA: k.DKGA, BaseDate: k.BaseDate}
}

// keepJob writes the job. From now on the new key counts as issued. A key that was not planned before is stored only here. A request that
// still waits for a second person may be rejected, so it must not stop the sales to the meter.
func (v *Vending) keepJob(tx Tx, j sale.Job) error {
	if j.Unplanned != nil {
		if err := tx.Jobs().AddMeterKey(*j.Unplanned); err != nil {
			return err
		}
	}
	if !j.NewKey.IsZero() {
		if err := tx.Jobs().SetMeterKeyState(j.NewKey, registry.KeyPlanned, registry.KeyIssued); err != nil {
			return err
		}
	}
	return tx.Jobs().AddJob(j)
}

// issueRequests returns the requests for the tokens of a job. They use only stored values.
func (v *Vending) issueRequests(tx Tx, j sale.Job) ([]IssueRequest, error) {
	k, found, err := tx.Sold().VendKey(j.Key)
	if err != nil || !found {
		return nil, fmt.Errorf("key of job %s (found: %t): %w", j.ID.Text(id.Job), found, err)
	}
	attrs, err := k.Attributes(j.Meter.Number)
	if err != nil {
		return nil, err
	}
	var change Change
	if !j.NewKey.IsZero() {
		next, found, err := tx.Sold().VendKey(j.NewKey)
		if err != nil || !found {
			return nil, fmt.Errorf("new key of job %s (found: %t): %w", j.ID.Text(id.Job), found, err)
		}
		change = Change{KEN: next.KEN, At: j.CreatedAt}
		if change.Next, err = next.Attributes(j.Meter.Number); err != nil {
			return nil, err
		}
	}
	out := make([]IssueRequest, len(j.Tokens))
	for i, t := range j.Tokens {
		o := IssueRequest{Token: t.ID, Attributes: attrs, KEN: k.KEN, Simulated: j.Meter.Simulated}
		switch {
		case j.Kind == sale.KeyChange:
			o.Make, o.Change = MakeKeyChange, change
			o.Change.Section = i
		case j.Kind.GivesUnits():
			o.Credit = sts.Credit{SubClass: t.SubClass, RND: t.RND, TID: t.TID}
			o.Credit.Amount, err = sts.EncodeTenths(t.Units.Tenths())
		default:
			o.Make, o.Manage = MakeManagement, sts.Management{SubClass: t.SubClass, RND: t.RND, TID: t.TID}
			if j.Kind == sale.PowerLimit {
				var watts sts.Amount
				watts, err = sts.EncodeTenths(j.Value)
				o.Manage.Value = uint16(watts)
			}
		}
		if err != nil {
			return nil, fmt.Errorf("order token %s: %w", t.ID.Text(id.Token), err)
		}
		out[i] = o
	}
	return out, nil
}

// Planned is a planned key change.
type Planned struct {
	refusal.Refusal
	Meter sale.MeterRef
	Key   registry.Key
}

// PlanKeyChange plans a key change of a meter (right: token.issue): from now on sales to it are refused until the tokens of the change are
// made. A campaign plans many key changes, and their tokens are made when the customers come. A change whose tokens could not be made is refused.
func (v *Vending) PlanKeyChange(ctx context.Context, by access.Actor, meter string, n NextKey, reason string) (Planned, error) {
	if no := by.Needs(access.IssueTokens); no.Refused() {
		return Planned{Refusal: no}, nil
	}
	ref, no := registry.ParseRef(meter)
	if !no.Refused() {
		no = n.check()
	}
	if no.Refused() {
		return Planned{Refusal: no}, nil
	}
	issuer := lookedAt(v.c.Issuer)
	out, err := access.Through(ctx, v.c.Door, by.Tenant, func(tx Tx) (Planned, error) {
		p, found, err := tx.VendPoint(ref)
		if err != nil || !found {
			return Planned{Refusal: registry.NoMeter(meter)}, err
		}
		var current registry.Key
		for _, k := range p.Keys {
			if k.State != registry.KeyCurrent {
				return Planned{Refusal: refuse.KeyChangeUnderWay(p.Meter.Number, k.State)}, nil
			}
			current = k
		}
		if current.ID.IsZero() {
			return Planned{Refusal: refuse.KeyChangeWithoutKey(p.Meter.Number)}, nil
		}
		next := n.after(current)
		if sameKey(next, current) {
			return Planned{Refusal: refuse.KeyChangeChangesNothing(p.Meter.Number)}, nil
		}
		if no, err := checkChange(ctx, issuer, p.Meter, current, next, v.moment()); err != nil || no.Refused() {
			return Planned{Refusal: no}, err
		}
		if next.ID, err = tx.NewID(); err != nil {
			return Planned{}, err
		}
		next.State, next.From = registry.KeyPlanned, v.moment()
		if err := tx.Jobs().AddMeterKey(next); err != nil {
			return Planned{}, err
		}
		e := by.Entry("key.plan", p.Meter.ID.Text(id.Meter))
		e.Reason, e.After = reason, fmt.Sprintf("sgc=%s krn=%d kt=%d ti=%s ken=%d base_date=%s", next.SGC, next.KRN, next.KT, next.TI, next.KEN, next.BaseDate)
		return Planned{Meter: p.Meter, Key: next}, tx.AuditLog(e)
	})
	return out, fault.Wrap(err, "plan a key change of meter %s", refusal.Echo(meter))
}
