package registry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/unit"
)

// MeterChange holds the changes of a registered meter; a nil field changes nothing.
type MeterChange struct {
	// Feeder is the supply line of the meter's place; empty for none. The feeder belongs to the place, so the change applies
	// to every meter there.
	Feeder *string
	// Measures is the feeder that the meter measures as a whole, so that its energy is compared with that of the meters on the feeder; empty for
	// none. It belongs to the place, as the feeder does.
	Measures *string
	// MaxW is the greatest power that the meter can measure; 0 for the default of its phases. A reading cannot be true if its
	// power is more than a fifth above MaxW, or if its register rises that fast (docs/reference/quarantine.md). Only wallet
	// meters have this limit.
	MaxW *unit.Power
	// UnreadCutHours is how many hours an unmodified device of a wallet meter may supply before a value of it was ever read; 0 for no limit.
	UnreadCutHours *int64
	Reason         string
}

// maxUnreadCut is the greatest UnreadCutHours: a week.
const maxUnreadCut = 168

// maxReason is the greatest length of the reason of a change, in characters.
const maxReason = 200

// maxMaxW is the highest allowed value of MaxW, in watts.
const maxMaxW = math.MaxInt32 / 2

func (c MeterChange) check() refusal.Refusal {
	switch {
	case c.Feeder == nil && c.MaxW == nil && c.Measures == nil && c.UnreadCutHours == nil:
		return refuse.MeterChangeEmpty()
	case strings.TrimSpace(c.Reason) == "" || !text(c.Reason, maxReason):
		return refuse.ChangeWithoutReason(maxReason)
	case c.Feeder != nil && !short(*c.Feeder):
		return refuse.FieldTextTooLong("feeder", maxShort)
	case c.Measures != nil && !short(*c.Measures):
		return refuse.FieldTextTooLong("measures", maxShort)
	case c.MaxW != nil && (*c.MaxW < 0 || *c.MaxW > maxMaxW):
		return refuse.MaxPowerOutOfRange(maxMaxW)
	case c.UnreadCutHours != nil && (*c.UnreadCutHours < 0 || *c.UnreadCutHours > maxUnreadCut):
		return refuse.UnreadCutOutOfRange(maxUnreadCut)
	}
	return refusal.Refusal{}
}

// ChangedMeter is a meter after a change.
type ChangedMeter struct {
	MeterView
	Waits *access.Approval // the change waits for a second person, and nothing was changed
	// TakenOver is what the account took over from closed accounts of its customer, and OtherDebts are the other accounts that owe; only after a
	// move-in.
	TakenOver  money.Minor
	OtherDebts []OtherDebt
	Credit     CreditLeft // what the new account of a keypad meter began with
}

// meterAct is the part of a MeterChange that is stored for a second person.
type meterAct struct {
	Meter    string      `json:"meter"`
	MaxW     *unit.Power `json:"max_w,omitempty"`
	Feeder   *string     `json:"feeder,omitempty"`
	Measures *string     `json:"measures,omitempty"`
	Unread   *int64      `json:"unread_cut_h,omitempty"`
	Reason   string      `json:"reason"`
}

// ChangeMeter changes the data of a meter, all or nothing (right: meter.write). A register that rises faster than the meter's
// greatest power allows is held for review. Until a person has decided, the energy is not charged and the customer is not cut
// off. So a change of this power can let a customer use energy before paying for it, and takes two people.
func (r *Registry) ChangeMeter(ctx context.Context, by access.Actor, ref string, c MeterChange) (ChangedMeter, error) {
	no := by.Needs(access.WriteMeters)
	if no.Refused() {
		return ChangedMeter{MeterView: MeterView{Refusal: no}}, nil
	}
	at, no := ParseRef(ref)
	if no.Refused() {
		return ChangedMeter{MeterView: MeterView{Refusal: NoMeter(ref)}}, nil
	}
	if no := c.check(); no.Refused() {
		return ChangedMeter{MeterView: MeterView{Refusal: no}}, nil
	}
	row, err := access.Through(ctx, r.c.Door, by.Tenant, func(tx Tx) (addedRow, error) { return r.changeMeter(tx, by, at, ref, c) })
	if err != nil {
		return ChangedMeter{}, fmt.Errorf("change meter %s: %w", ref, err)
	}
	if row.Refused() || row.waits != nil {
		return ChangedMeter{MeterView: MeterView{Refusal: row.Refusal}, Waits: row.waits}, nil
	}
	return ChangedMeter{MeterView: r.shown(by, foundRow{rec: row.rec})}, nil
}

func (r *Registry) doChange(ctx context.Context, maker access.Actor, body []byte) (access.Done, error) {
	var a meterAct
	if err := json.Unmarshal(body, &a); err != nil {
		return access.Done{}, fmt.Errorf("read an approved change of a meter: %w", err)
	}
	out, err := r.ChangeMeter(ctx, maker, a.Meter, MeterChange{Feeder: a.Feeder, Measures: a.Measures, MaxW: a.MaxW, UnreadCutHours: a.Unread, Reason: a.Reason})
	return access.Done{Refusal: out.Refusal, Object: "meter " + a.Meter}, err
}

// watts describes a meter's greatest power in words.
func watts(w unit.Power) string {
	if w == 0 {
		return "the default"
	}
	return fmt.Sprintf("%d W", int64(w))
}

// changeMeter does the work of ChangeMeter in one transaction.
func (r *Registry) changeMeter(tx Tx, by access.Actor, at Ref, ref string, c MeterChange) (addedRow, error) {
	m, found, err := ResolveMeter(tx, at)
	if err != nil || !found {
		return addedRow{Refusal: NoMeter(ref)}, err
	}
	if m, err = tx.Logins().LockMeter(m); err != nil { // a removal may be under way
		return addedRow{}, err
	}
	if m.Status.IsGone() { // its place may be another meter's, whose feeder would change
		return addedRow{Refusal: refuse.ChangeOfGoneMeter(m.Number, string(m.Status))}, nil
	}
	was, _, err := tx.MeterRecord(m.ID)
	if err != nil {
		return addedRow{}, err
	}
	if (c.MaxW != nil || c.UnreadCutHours != nil) && m.Mode != PrepayWallet {
		return addedRow{Refusal: refuse.MaxPowerWithoutWallet(m.Number, string(m.Mode))}, nil
	}
	act := meterAct{m.Number, c.MaxW, c.Feeder, c.Measures, c.UnreadCutHours, c.Reason}
	var eyes access.FourEyes
	if wish, sensitive := c.requestSecondPerson(m, was); sensitive {
		wish.Body = act
		eyes, err = access.SecondPerson(tx.Eyes(), by, wish, r.c.Now())
		if err != nil || eyes.Refused() || eyes.Waits != nil {
			return addedRow{Refusal: eyes.Refusal, waits: eyes.Waits}, err
		}
	}
	if c.MaxW != nil {
		if err := tx.Limits().SetMostPower(m.N, *c.MaxW); err != nil {
			return addedRow{}, err
		}
	}
	if c.UnreadCutHours != nil {
		if err := tx.Limits().SetUnreadCut(m.N, *c.UnreadCutHours); err != nil {
			return addedRow{}, err
		}
	}
	if no, err := c.changePlace(tx, m, was); err != nil || no.Refused() {
		return addedRow{Refusal: no}, err
	}
	rec, found, err := tx.MeterRecord(m.ID)
	if err == nil && !found {
		err = errors.New("the meter just written cannot be read")
	}
	if err != nil {
		return addedRow{}, err
	}
	e := by.Entry("meter.change", m.ID.Text(id.Meter))
	e.Before, e.After, e.Reason = was.summary(), rec.summary(), c.Reason
	return addedRow{rec: rec}, tx.AuditLog(eyes.Mark(e))
}

// requestSecondPerson returns the act for which a change needs a second person; false if it needs none. All that changes is one act, and the second person
// reads all of it.
func (c MeterChange) requestSecondPerson(m Meter, was MeterRecord) (access.ActRequest, bool) {
	var out access.ActRequest
	var changes []string
	if c.MaxW != nil && *c.MaxW != was.MaxW {
		out.Act = access.ActMaxPower
		changes = append(changes, fmt.Sprintf("change the greatest power of meter %s from %s to %s: what it counts above that is not charged before a person decides",
			m.Number, watts(was.MaxW), watts(*c.MaxW)))
	}
	if c.UnreadCutHours != nil && *c.UnreadCutHours != was.UnreadCutHours {
		if out.Act == "" {
			out.Act = access.ActUnreadCut
		}
		changes = append(changes, fmt.Sprintf("change after how long a device of meter %s that was never readable is cut off, from %s to %s",
			m.Number, unreadCutWords(was.UnreadCutHours), unreadCutWords(*c.UnreadCutHours)))
	}
	place := c.placeChanges(m, was)
	if len(place) > 0 {
		out.Takes.Amount = 1 // also beside another change
	}
	if out.Act == "" && len(place) > 0 {
		out.Act, out.Routine = access.ActFeeder, c.isFirstFeeder(was)
	}
	changes = append(changes, place...)
	if len(changes) == 0 {
		return access.ActRequest{}, false
	}
	out.Object = m.ID.Text(id.Meter)
	out.Summary = strings.Join(append(changes, "reason: "+c.Reason), "; ")
	out.Effect = access.Telling(func(e *access.Effect) {
		e.Fact("meter", m.Number)
		if c.MaxW != nil {
			e.Change("max-power", access.Says(watts(was.MaxW)), access.Says(watts(*c.MaxW)))
		}
		if c.UnreadCutHours != nil {
			e.Change("cut-when-unread", access.Says(unreadCutWords(was.UnreadCutHours)), access.Says(unreadCutWords(*c.UnreadCutHours)))
		}
		if c.Feeder != nil {
			e.Change("feeder", access.Says(was.Feeder), access.Says(*c.Feeder))
		}
		if c.Measures != nil {
			e.Change("measures", access.Says(was.Measures), access.Says(*c.Measures))
		}
	})
	return out, true
}

// placeChanges says what changes at the meter's place.
func (c MeterChange) placeChanges(m Meter, was MeterRecord) []string {
	var changes []string
	if c.Feeder != nil && *c.Feeder != was.Feeder {
		changes = append(changes, fmt.Sprintf("feeder of meter %s from %q to %q", m.Number, was.Feeder, *c.Feeder))
	}
	if c.Measures != nil && *c.Measures != was.Measures {
		changes = append(changes, fmt.Sprintf("feeder that meter %s measures from %q to %q", m.Number, was.Measures, *c.Measures))
	}
	return changes
}

// isFirstFeeder reports whether the change only puts the place of a meter on its first feeder, as whoever installs a meter does. The
// energy of a meter that moves from one feeder to another, or that begins to measure one, would hide a loss.
func (c MeterChange) isFirstFeeder(was MeterRecord) bool {
	return was.Feeder == "" && (c.Measures == nil || *c.Measures == was.Measures)
}

// unreadCutWords describes that time in words.
func unreadCutWords(hours int64) string {
	if hours == 0 {
		return "never"
	}
	return fmt.Sprintf("%d h", hours)
}

// changePlace changes the feeder that a meter is on, and the one that it measures. The main meter of a feeder is not on the feeder itself, and there is one of it: else its
// energy would count twice. Both rules are about the place after the whole change.
func (c MeterChange) changePlace(tx Tx, m Meter, was MeterRecord) (refusal.Refusal, error) {
	if c.Feeder == nil && c.Measures == nil {
		return refusal.Refusal{}, nil
	}
	feeder, measures := was.Feeder, was.Measures
	if c.Feeder != nil {
		feeder = *c.Feeder
	}
	if c.Measures != nil {
		measures = *c.Measures
	}
	places := tx.Customers()
	main, found, err := places.MainMeter(measures)
	if err != nil {
		return refusal.Refusal{}, err
	}
	if found && main != m.Number {
		return refuse.FeederMeasured(main, measures), nil
	}
	if measures != "" && measures == feeder {
		return refuse.MainMeterOnFeeder(m.Number, feeder), nil
	}
	for _, f := range []struct {
		to  *string
		set func(meter int64, to string) (bool, error)
	}{{c.Feeder, places.SetFeeder}, {c.Measures, places.SetMeasures}} {
		if f.to == nil {
			continue
		}
		placed, err := f.set(m.N, *f.to)
		if err != nil {
			return refusal.Refusal{}, err
		}
		if !placed {
			return refuse.MeterWithoutFeeder(m.Number), nil
		}
	}
	return refusal.Refusal{}, nil
}

// summary returns the meter's changeable data as text for the audit log.
func (r MeterRecord) summary() string {
	return fmt.Sprintf("feeder=%q measures=%q max_w=%d unread_cut_h=%d", r.Feeder, r.Measures, int64(r.MaxW), r.UnreadCutHours)
}
