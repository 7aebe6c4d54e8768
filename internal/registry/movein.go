package registry

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/localday"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/tariff"
)

// MovingIn is a customer who moves in where another has moved out.
type MovingIn struct {
	Tariff     string // name or identity of a tariff
	Customer   *NewCustomer
	CustomerID string // identity of an existing customer, instead of Customer
	Reason     string
	// Credit is that of a keypad meter; not asked: what was stated when the last customer moved out. It is left out of the stored form, so that
	// a move-in that waited for a second person before it existed is still the same one.
	Credit CreditLeft `json:",omitzero"`
}

// FreePlace is the place of a meter whose last account has ended.
type FreePlace struct {
	Point id.ID
	Since time.Time  // when the account ended
	Left  CreditLeft // what was stated then
}

// MoveIn opens an account for the customer at the place of a meter whose last customer has moved out (right: customer.write).
// Nobody pays for use between the two accounts. The supply of a wallet meter comes on with the first payment; a keypad meter goes on with the credit
// that is in it. The account takes over what closed accounts of the customer owe. A tariff that the meter did not have before takes
// two people, and so does a move-in less than [MoveInWait] after the move-out, or of a customer who owes on another account that is not closed.
func (r *Registry) MoveIn(ctx context.Context, by access.Actor, ref string, in MovingIn) (ChangedMeter, error) {
	no := by.Needs(access.WriteCustomers)
	var wish moveInRequest
	if !no.Refused() {
		wish, no = in.checkFields(ref)
	}
	if no.Refused() {
		return r.movedIn(by, addedRow{Refusal: no}), nil
	}
	row, err := access.Through(ctx, r.c.Door, by.Tenant, func(tx Tx) (addedRow, error) { return r.moveIn(tx, by, wish) })
	if err != nil {
		return ChangedMeter{}, fmt.Errorf("move in at meter %s: %w", ref, err)
	}
	return r.movedIn(by, row), nil
}

// movedIn shows a move-in. One that waits has no meter yet.
func (r *Registry) movedIn(by access.Actor, row addedRow) ChangedMeter {
	if row.Refused() || row.rec.Meter.ID.IsZero() {
		return ChangedMeter{MeterView: MeterView{Refusal: row.Refusal}, Waits: row.waits}
	}
	return ChangedMeter{MeterView: r.shown(by, foundRow{rec: row.rec}), TakenOver: row.took, OtherDebts: row.others, Credit: row.credit, Waits: row.waits}
}

// TriedMoveIn is a move-in that its transaction undoes. Waits is set if a second person must agree; nothing waits for one.
type TriedMoveIn struct {
	ChangedMeter
	Before string // name of the tariff that the meter had
}

// TryMoveIn makes every check of a move-in and carries it out, also if a second person must agree first. The caller has checked the rights, and
// undoes the transaction. It needs no reason.
func (r *Registry) TryMoveIn(tx Tx, by access.Actor, ref string, in MovingIn) (out TriedMoveIn, err error) {
	in.Reason = cmp.Or(in.Reason, "-")
	wish, no := in.checkFields(ref)
	if no.Refused() {
		return TriedMoveIn{ChangedMeter: r.movedIn(by, addedRow{Refusal: no})}, nil
	}
	p, no, err := r.planMoveIn(tx, wish)
	if err != nil || no.Refused() {
		return TriedMoveIn{ChangedMeter: r.movedIn(by, addedRow{Refusal: no})}, err
	}
	was, err := tx.Customers().AccountTariff(p.meter.Account, r.c.Now())
	if err != nil {
		return TriedMoveIn{}, err
	}
	if out.Before, _, err = tx.Tariffs().TariffName(was); err != nil {
		return TriedMoveIn{}, err
	}
	eyes, err := r.newLife(tx, by, p, in)
	if err != nil || eyes.Refused() {
		return TriedMoveIn{ChangedMeter: r.movedIn(by, addedRow{Refusal: eyes.Refusal})}, err
	}
	row, err := r.openAccount(tx, by, p, in, eyes)
	row.waits = eyes.Waits
	out.ChangedMeter = r.movedIn(by, row)
	return out, err
}

// moveInRequest is a move-in whose fields were checked.
type moveInRequest struct {
	at  Ref
	ref string // as it was typed
	in  MovingIn
	d   draft
}

// checkFields checks the fields of a move-in.
func (in MovingIn) checkFields(ref string) (moveInRequest, refusal.Refusal) {
	at, no := ParseRef(ref)
	if no.Refused() {
		return moveInRequest{}, NoMeter(ref)
	}
	var d draft
	n := NewMeter{Tariff: in.Tariff, Customer: in.Customer, CustomerID: in.CustomerID}
	for _, step := range [...]func(*draft) refusal.Refusal{n.checkPlace, n.checkCustomer} {
		if no := step(&d); no.Refused() {
			return moveInRequest{}, no
		}
	}
	if strings.TrimSpace(in.Reason) == "" || !text(in.Reason, maxReason) {
		return moveInRequest{}, refuse.ChangeWithoutReason(maxReason)
	}
	return moveInRequest{at, ref, in, d}, refusal.Refusal{}
}

// moveInAct is a move-in as stored for a second person.
type moveInAct struct {
	Meter string   `json:"meter"`
	In    MovingIn `json:"move_in"`
}

func (r *Registry) doMoveIn(ctx context.Context, maker access.Actor, body []byte) (access.Done, error) {
	var a moveInAct
	if err := json.Unmarshal(body, &a); err != nil {
		return access.Done{}, fmt.Errorf("read an approved move-in: %w", err)
	}
	out, err := r.MoveIn(ctx, maker, a.Meter, a.In)
	return access.Done{Refusal: out.Refusal, Object: "meter " + a.Meter}, err
}

// MoveInWait is how long a meter must have been free before one person may move a customer in. Until then the last customer may still live
// there, because a move-out needs no second person, and may pay for the meter before noticing that the supply is off, or that nobody sells for it.
const MoveInWait = 24 * time.Hour

// MoveInNeeds returns the act for which a move-in needs a second person; empty if it needs none.
func (c TariffChoice) MoveInNeeds(freeSince, now time.Time) access.Act {
	switch {
	case !c.Alone():
		return access.ActMeterTariff
	case now.Before(freeSince.Add(MoveInWait)):
		return access.ActMoveIn
	}
	return ""
}

// newLife decides whether one person may move the customer in.
func (r *Registry) newLife(tx Tx, by access.Actor, p plannedMoveIn, in MovingIn) (access.FourEyes, error) {
	d, since := p.draft, p.place.Since
	was, err := tx.Customers().AccountTariff(d.meter.Account, r.c.Now())
	if err != nil {
		return access.FourEyes{}, err
	}
	c, err := choose(tx, d.account.Tariff, was)
	if err != nil {
		return access.FourEyes{}, err
	}
	owes, err := r.owesElsewhere(tx, d)
	if err != nil {
		return access.FourEyes{}, err
	}
	anew, err := r.beginsAnew(tx, d, since)
	act := c.MoveInNeeds(since, r.c.Now())
	if act == "" && (owes.Minor > 0 || anew) {
		act = access.ActMoveIn
	}
	if act == "" && !by.Approval.IsZero() {
		act = access.ActMoveIn // it was requested within the wait, and approved after it
	}
	if err != nil || act == "" {
		return access.FourEyes{}, err
	}
	what := fmt.Sprintf("move a customer in at meter %s, where the last customer was moved out at %s", d.meter.Number, since.UTC().Format(time.RFC3339))
	if act == access.ActMeterTariff {
		what += fmt.Sprintf(", and change the tariff from %q to %q", c.Before, c.Next)
	}
	if owes.Minor > 0 {
		what += fmt.Sprintf("; the customer owes %s on another account", owes)
	}
	if anew {
		what += "; the price blocks and the free units of this month begin anew"
	}
	return access.SecondPerson(tx.Eyes(), by, access.ActRequest{Act: act, Object: d.meter.ID.Text(id.Meter), Summary: what + "; reason: " + in.Reason,
		Body: moveInAct{d.meter.Number, in}, Effect: func() (e access.Effect, err error) {
			e.Fact("meter", d.meter.Number)
			e.Fact("free-since", since.UTC().Format(time.RFC3339))
			e.Fact("customer", d.customer.Name)
			e.Fact("phone", d.customer.Phone)
			e.Tells("left-in-the-meter", d.account.CreditIn.Figure())
			e.Change("tariff", access.Says(c.Before), access.Says(c.Next))
			before, err := r.priceOf(tx, was)
			if err != nil {
				return e, err
			}
			next, err := r.priceOf(tx, d.account.Tariff)
			e.Change("price", before, next)
			if owes.Minor > 0 {
				e.Sum("outstanding", owes)
			}
			return e, err
		}}, r.c.Now())
}

// beginsAnew reports whether a new account gets price blocks or free units that the last account of the meter had in the same month, by the tariff as
// it is now or becomes in this month. Whoever moves a customer out and in again could otherwise give them as often as there are days in the month.
func (r *Registry) beginsAnew(tx Tx, d draft, since time.Time) (bool, error) {
	settings, err := tx.TenantSettings()
	if err != nil {
		return false, err
	}
	zone, err := localday.LoadZone(settings.TZ)
	if err != nil {
		return false, fmt.Errorf("time zone of the tenant: %w", err)
	}
	now := r.c.Now().In(zone)
	if since.In(zone).Format(localday.MonthForm) != now.Format(localday.MonthForm) {
		return false, nil
	}
	v, found, err := tx.Tariffs().TariffVersionAt(d.account.Tariff, now)
	if err != nil || found && countsByMonth(v.Body, d.meter.Mode) {
		return err == nil, err
	}
	all, err := tx.Tariffs().TariffVersions(d.account.Tariff, id.ID{}, MaxVersions)
	nextMonth := localday.Begin(now.Year(), now.Month()+1, 1, zone)
	return slices.ContainsFunc(all, func(v tariff.Version) bool {
		return v.EffectiveFrom.After(now) && v.EffectiveFrom.Before(nextMonth) && v.Begins(all) && countsByMonth(v.Body, d.meter.Mode)
	}), err
}

// countsByMonth reports whether the price of energy depends on what an account got in the month. Only accounts of keypad meters get free units.
func countsByMonth(b tariff.Body, mode Mode) bool {
	return len(b.Blocks) > 1 || b.Free.Units > 0 && mode == PrepayToken
}

// plannedMoveIn is a customer who may move in at a free place.
type plannedMoveIn struct {
	draft
	place FreePlace
}

// moveIn does the work of MoveIn in one transaction.
func (r *Registry) moveIn(tx Tx, by access.Actor, wish moveInRequest) (addedRow, error) {
	p, no, err := r.planMoveIn(tx, wish)
	if err != nil || no.Refused() {
		return addedRow{Refusal: no}, err
	}
	eyes, err := r.newLife(tx, by, p, wish.in)
	if err != nil || eyes.Refused() || eyes.Waits != nil {
		return addedRow{Refusal: eyes.Refusal, waits: eyes.Waits}, err
	}
	return r.openAccount(tx, by, p, wish.in, eyes)
}

// planMoveIn finds the place, the tariff and the customer of a move-in.
func (r *Registry) planMoveIn(tx Tx, wish moveInRequest) (p plannedMoveIn, no refusal.Refusal, err error) {
	m, found, err := ResolveMeter(tx, wish.at)
	if err != nil || !found {
		return p, NoMeter(wish.ref), err
	}
	place, free, err := tx.Customers().FreePlace(m.N)
	if err != nil {
		return p, no, err
	}
	switch {
	case m.Mode != PrepayWallet && m.Mode != PrepayToken:
		return p, refuse.MoveInWithoutPrepayment(m.Number, string(m.Mode)), nil
	case !free:
		return p, m.RefuseMoveIn(), nil
	}
	if no := wish.in.Credit.Check(m.Mode); no.Refused() {
		return p, no, nil
	}
	p = plannedMoveIn{wish.d, place}
	p.meter = m
	if p.account.CreditIn = wish.in.Credit; wish.in.Credit.State == CreditNotAsked && m.Mode == PrepayToken {
		p.account.CreditIn = place.Left
	}
	no, err = r.newcomer(tx, &p.draft)
	return p, no, err
}

// openAccount opens the account of a customer who moves in.
func (r *Registry) openAccount(tx Tx, by access.Actor, p plannedMoveIn, in MovingIn, eyes access.FourEyes) (addedRow, error) {
	d, m, now := p.draft, p.meter, r.c.Now()
	var err error
	if d.newCustomer {
		d.customer.CreatedAt = now
		if err := tx.Customers().AddCustomerRow(d.customer); err != nil {
			return addedRow{}, err
		}
	}
	d.account.Mode, d.account.Status, d.account.OpenedAt = m.Mode, AccountActive, now
	d.account.Customer, d.account.Point = d.customer.ID, p.place.Point
	if d.account.ID, err = tx.NewID(); err != nil {
		return addedRow{}, err
	}
	if err := tx.Customers().AddAccount(d.account); err != nil {
		return addedRow{}, err
	}
	if err := tx.Customers().OccupyMeter(m, d.account.ID); err != nil {
		return addedRow{}, err
	}
	took, err := inherit(tx.Customers().Owing(), by, d.customer.ID, d.account.ID, access.Stored(now))
	if err != nil {
		return addedRow{}, err
	}
	e := by.Entry("account.move-in", d.account.ID.Text(id.Account))
	e.Before, e.After, e.Reason = "account="+m.Account.Text(id.Account), fmt.Sprintf("meter=%s customer=%s tariff=%s", m.Number, d.customer.ID.Text(id.Customer), d.account.Tariff.Text(id.Tariff)), in.Reason
	if took > 0 {
		e.After += fmt.Sprintf(" taken_over_minor=%d", took)
	}
	if d.account.CreditIn.State != CreditNotAsked {
		e.After += " credit_wh=" + d.account.CreditIn.String()
	}
	if err := tx.AuditLog(eyes.Mark(e)); err != nil {
		return addedRow{}, err
	}
	row, err := r.written(tx, m.ID, d.account.ID, took)
	row.credit = d.account.CreditIn
	return row, err
}

// written reads a meter whose new account was just written, and what else its customer owes.
func (r *Registry) written(tx Tx, meter, account id.ID, took money.Minor) (addedRow, error) {
	out := addedRow{took: took}
	var found bool
	var err error
	if out.rec, found, err = tx.MeterRecord(meter); err == nil && !found {
		err = errors.New("the meter just written cannot be read")
	}
	if err == nil {
		out.others, err = tx.Customers().Owing().OtherDebts(account, MaxOtherDebts)
	}
	return out, err
}

// newcomer finds the tariff and the customer of a new account.
func (r *Registry) newcomer(tx Tx, d *draft) (no refusal.Refusal, err error) {
	if d.account.Tariff, no, err = findTariff(tx, d.tariff, refusal.TariffMissing); err != nil || no.Refused() {
		return no, err
	}
	if d.meter.Mode == PrepayToken {
		if no, err = forTokens(tx, d.account.Tariff, d.tariff, r.c.Now()); err != nil || no.Refused() {
			return no, err
		}
	}
	return payer(tx, d)
}

// payer finds the customer of a new account, or gives a new customer an identity.
func payer(tx Tx, d *draft) (no refusal.Refusal, err error) {
	named := d.customer.ID
	if d.newCustomer = named.IsZero(); d.newCustomer {
		d.customer.ID, err = tx.NewID()
		return no, err
	}
	var found bool
	if d.customer, found, err = tx.Customers().CustomerByID(named); err == nil && !found {
		no = refuse.AccountOfUnknownCustomer(named.Text(id.Customer))
	}
	return no, err
}

// RefuseMoveIn refuses a move-in at a meter that is not free. No move-out would free one in stock, or one that has left.
func (m Meter) RefuseMoveIn() refusal.Refusal {
	if m.Status == Stock || m.Status.HasLeft() {
		return refuse.MoveInAtUnusedMeter(m.Number, string(m.Status))
	}
	return refuse.MeterNotVacant(m.Number)
}
