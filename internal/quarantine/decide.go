package quarantine

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/intake"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/wallet"
	"github.com/paywatt/paywatt/unit"
	"github.com/paywatt/paywatt/wire"
)

// Verdict is a person's decision about an entry.
type Verdict struct {
	Entry    string       `json:"entry,omitempty"` // identity of the entry; empty for a changed meter without an entry
	Meter    string       `json:"meter,omitempty"` // number or identity, if Entry is empty
	Choice   Choice       `json:"choice"`
	Register *unit.Energy `json:"register_wh,omitempty"` // for a rebase: the register read from the meter; nil for the doubtful register
	Reason   string       `json:"reason"`
}

// Decided is the result of a decision.
type Decided struct {
	refusal.Refusal
	Waits    *access.Approval // the decision waits for a second person; nothing was decided
	Entry    Entry            // the zero Entry for a changed meter without one
	Number   string           // number of the meter
	Readings int              // number of readings that came meanwhile and are charged now
	Units    unit.Energy      // energy that the decision charged
	Debit    money.Minor      // price of this energy
	Currency string           // currency of a wallet meter
	Held     wallet.Held      // set if a later reading stopped the charging again
}

// maxReason is the greatest length of the reason of a decision.
const maxReason = 300

// Decide decides about an entry, or sets the register of a changed meter (right: reading.decide). Under the four-eyes rule the
// decision waits for a second person. An entry can be decided only once.
func (q *Quarantine) Decide(ctx context.Context, by access.Actor, v Verdict) (Decided, error) {
	if no := by.Needs(access.DecideReadings); no.Refused() {
		return Decided{Refusal: no}, nil
	}
	if no := v.check(); no.Refused() {
		return Decided{Refusal: no}, nil
	}
	now := q.moment()
	out, err := access.Through(ctx, q.c.Door, by.Tenant, func(tx Tx) (Decided, error) { return decide(tx, by, v, now) })
	return out, fault.Wrap(err, "decide about %s%s", v.Entry, v.Meter)
}

// moment returns the current time as it is stored: UTC, whole microseconds.
func (q *Quarantine) moment() time.Time { return access.Stored(q.c.Now()) }

// check makes the checks of a verdict that need no store.
func (v Verdict) check() refusal.Refusal {
	switch {
	case strings.TrimSpace(v.Reason) == "":
		return refuse.DecisionWithoutReason()
	case utf8.RuneCountInString(v.Reason) > maxReason:
		return refuse.DecisionReasonTooLong(maxReason)
	case v.Choice.state() == "":
		return refuse.DecisionUnknown(refusal.Echo(string(v.Choice)))
	case v.Register != nil && v.Choice != Rebase:
		return refuse.RegisterWithoutRebase()
	case v.Register != nil && *v.Register < 0:
		return refuse.RegisterNegative()
	}
	return refusal.Refusal{}
}

// decide makes the whole decision in one transaction.
func decide(tx Tx, by access.Actor, v Verdict, now time.Time) (Decided, error) {
	e, no, err := subject(tx, v)
	if err != nil || no.Refused() {
		return Decided{Refusal: no}, err
	}
	if no := e.allows(v); no.Refused() {
		return Decided{Refusal: no}, nil
	}
	eyes, err := access.SecondPerson(tx.Eyes(), by, access.ActRequest{Act: access.ActReading, Object: e.object(),
		Summary: fmt.Sprintf("%s %s of meter %s: %s", v.Choice, e.what(), e.Number, v.Reason), Body: v, Content: e.content(), Effect: access.Telling(func(t *access.Effect) { e.tell(t, v) })}, now)
	if err != nil || eyes.Refused() || eyes.Waits != nil {
		return Decided{Refusal: eyes.Refusal, Waits: eyes.Waits}, err
	}
	out, err := carryOut(tx, e, v, now)
	if err != nil || out.Refused() {
		return out, err
	}
	entry := by.Entry("quarantine."+string(v.Choice), e.object())
	entry.Before, entry.After, entry.Reason = e.before(), out.after(v), v.Reason
	if err := tx.AuditLog(eyes.Mark(entry)); err != nil {
		return Decided{}, err
	}
	if e.ID.IsZero() {
		return out, nil
	}
	e.State, e.DecidedAt, e.DecidedBy, e.Decision = v.Choice.state(), now, by.String(), v.Reason
	out.Entry = e
	if err := tx.WriteDecision(e); err != nil {
		return Decided{}, err
	}
	return out, e.endAlarms(tx)
}

// endAlarms ends the alarms whose last reason was the decided entry. [wallet.Release] ends the alarm about a stopped rating.
func (e Entry) endAlarms(tx Tx) error {
	if e.Kind == OfRecord {
		return intake.Reviewed(tx.Review(), e.Meter)
	}
	if e.Doubt != metering.DoubtOpen {
		return nil
	}
	left, err := tx.HeldForDoubt(e.Meter, metering.DoubtOpen)
	if err != nil || left > 0 {
		return err
	}
	return tx.ClearAlarm(e.Meter, metering.AlarmOpenRelay)
}

// subject finds the subject of a decision: an entry, or the meter itself.
func subject(tx Tx, v Verdict) (Entry, refusal.Refusal, error) {
	if v.Entry != "" {
		i, err := id.Parse(id.Held, v.Entry)
		if err != nil {
			return Entry{}, refuse.DoubtfulEntryNotFound(refusal.Echo(v.Entry)), nil
		}
		e, found, err := tx.HeldEntry(i)
		if err == nil && !found {
			return Entry{}, refuse.DoubtfulEntryNotFound(refusal.Echo(v.Entry)), nil
		}
		return e, refusal.Refusal{}, err
	}
	n, no, err := meterNamed(tx, v.Meter)
	if err != nil || no.Refused() || n == 0 {
		return Entry{}, no, err
	}
	e, found, err := tx.HeldRating(n)
	if err != nil || found {
		return e, refusal.Refusal{}, err
	}
	rows, err := tx.Rating().WalletOf(n)
	if err != nil {
		return Entry{}, refusal.Refusal{}, err
	}
	for _, w := range rows {
		if w.Meter.N == n {
			was := w.Register
			return Entry{Meter: n, Number: w.Meter.Number, Simulated: w.Meter.Simulated, Wallet: true, Was: &was, State: Open}, refusal.Refusal{}, nil
		}
	}
	return Entry{}, refuse.NoWalletToRebase(refusal.Echo(v.Meter)), nil
}

// allows refuses a decision that does not fit the entry.
func (e Entry) allows(v Verdict) refusal.Refusal {
	if e.State != Open {
		return refuse.EntryDecidedBefore(e.ID.Text(id.Held), string(e.State), access.PlainName(e.DecidedBy))
	}
	choices := e.Choices()
	if e.ID.IsZero() {
		choices = []Choice{Rebase}
	}
	for _, c := range choices {
		if c != v.Choice {
			continue
		}
		if v.Register != nil && e.Doubt == metering.DoubtOpen {
			return refuse.RegisterOfOpenRelay()
		}
		if c == Rebase && v.Register == nil && e.Kind != OfRating && !e.isOfDevice() {
			return refuse.RegisterMissing()
		}
		return refusal.Refusal{}
	}
	names := make([]string, len(choices))
	for i, c := range choices {
		names[i] = string(c)
	}
	return e.refuses(v.Choice, strings.Join(names, ", "))
}

// refuses explains why a choice does not fit an entry; the parameter others names the possible choices.
func (e Entry) refuses(c Choice, others string) refusal.Refusal {
	entry := e.ID.Text(id.Held)
	switch {
	case c == Rebase:
		return refuse.EntryWithoutRebase(entry, others)
	case e.ID.IsZero():
		return refuse.MeterNotInDoubt(e.Number)
	case (e.Kind == OfRating || e.isOfDevice()) && e.Was != nil && e.Register != nil && *e.Register < *e.Was:
		return refuse.EntryBelowLastRegister(entry, others)
	case c == Discard:
		return refuse.OpenRelayNotDiscarded(entry, others)
	}
	switch e.Doubt {
	case metering.DoubtNegative:
		return refuse.EntryWithNegativeRegister(entry, others)
	case metering.DoubtTime:
		return refuse.EntryOfImpossibleTime(entry, others)
	case metering.DoubtPrice:
		return refuse.EntryWithoutPrice(entry, others)
	}
	return refuse.EntryUnreadable(entry, others)
}

// carryOut carries out a decision: it stores the record, resumes the rating, and counts the charged energy and money.
func carryOut(tx Tx, e Entry, v Verdict, now time.Time) (Decided, error) {
	out := Decided{Number: e.Number}
	if e.isOfDevice() {
		return out, decideDevice(tx, e, v)
	}
	if e.Kind == OfRecord && v.Choice == Accept {
		good, _, err := wire.DecodeUp(e.Record, e.Payload)
		if err != nil || len(good) != 1 {
			return Decided{Refusal: refuse.EntryUnreadable(e.ID.Text(id.Held), string(Discard))}, nil
		}
		r := &metering.Record{Meter: e.Meter, Number: e.Number, Simulated: e.Simulated, ReceivedAt: e.ReceivedAt, Memory: e.Memory, Rec: good[0]}
		if err := intake.Keep(tx.Intake(), r); err != nil {
			return Decided{}, err
		}
	}
	if !e.Wallet || e.Kind == OfRecord && v.Choice == Discard {
		return out, nil
	}
	r, err := wallet.Release(tx.Rating(), e.Meter, e.verdict(v), now)
	if err != nil || r.Refused() {
		return Decided{Refusal: r.Refusal}, err
	}
	t, err := tx.Rating().WalletTenant()
	out.Readings, out.Units, out.Debit, out.Held, out.Currency = r.Readings, r.Units, r.Debit, r.Row.Held, t.Currency
	return out, err
}

// decideDevice carries out a decision about the own register of a device. Energy that it accepts is charged with the meter's next reading.
func decideDevice(tx Tx, e Entry, v Verdict) error {
	r, err := tx.ProfileRegister(e.Meter)
	if err != nil {
		return err
	}
	switch v.Choice {
	case Accept:
		r = r.AcceptHeld(e.ID, int64(*e.Register-*e.Was)*1000)
	case Rebase:
		var to *int64
		if v.Register != nil {
			to = new(int64(*v.Register) * 1000)
		}
		r = r.RebaseHeld(e.ID, to)
	default:
		r = r.DiscardHeld(e.ID)
	}
	return tx.PutProfileRegister(e.Meter, "", r)
}

// verdict translates a decision for the wallet.
func (e Entry) verdict(v Verdict) wallet.Verdict {
	drawn := wallet.HeldEnergy{Memory: e.Memory, Seq: e.Seq}
	switch {
	case e.Doubt == metering.DoubtOpen && v.Choice == Accept:
		return wallet.HeldEnergyAccepted(drawn, *e.Register-*e.Was)
	case e.Doubt == metering.DoubtOpen:
		return wallet.HeldEnergyRefused(drawn)
	case v.Choice == Rebase && v.Register != nil:
		return wallet.Rebased(*v.Register)
	case v.Choice == Rebase:
		return wallet.Rebased(*e.Register)
	case e.Kind == OfRecord:
		return wallet.Resumed()
	case v.Choice == Discard:
		return wallet.Discarded()
	}
	return wallet.Accepted()
}

// object names the object of the audit row.
func (e Entry) object() string {
	if e.ID.IsZero() {
		return "meter " + e.Number
	}
	return e.ID.Text(id.Held)
}

func (e Entry) what() string {
	if e.ID.IsZero() {
		return "the register"
	}
	return fmt.Sprintf("record %d (%s)", e.Seq, e.Doubt)
}

// tell says what a decision is about: the register as it was, as it came, and as a person sets it.
func (e Entry) tell(t *access.Effect, v Verdict) {
	t.Fact("meter", e.Number)
	t.Tells("doubt", access.Named("doubt", string(e.Doubt)))
	kwh := func(n *unit.Energy) access.Value {
		if n == nil {
			return access.Value{}
		}
		return access.Says(n.KWh(3) + " kWh")
	}
	came := e.Register
	if v.Register != nil {
		came = v.Register
	}
	t.Change("register", kwh(e.Was), kwh(came))
	t.Fact("decision", string(v.Choice))
	if e.Was == nil || came == nil {
		return
	}
	name := "not-charged"
	if v.Choice == Accept {
		name = "charged"
	}
	t.Tells(name, access.Counts(access.UnitEnergy, int64(*came-*e.Was)))
}

// content is the entry that a person decides about; nil for a meter without one, whose register moves on.
func (e Entry) content() any {
	if e.ID.IsZero() {
		return nil
	}
	return e.before()
}

// before is the audit row's text before the decision.
func (e Entry) before() string {
	text := "meter=" + e.Number
	if !e.ID.IsZero() {
		text += fmt.Sprintf(" record=%d doubt=%s", e.Seq, e.Doubt)
	}
	if e.Was != nil {
		text += fmt.Sprintf(" was_wh=%d", *e.Was)
	}
	if e.Register != nil {
		text += fmt.Sprintf(" register_wh=%d", *e.Register)
	}
	return text
}

// after returns the text of the decision for the audit row's After.
func (d Decided) after(v Verdict) string {
	text := fmt.Sprintf("readings=%d units_wh=%d debit_minor=%d", d.Readings, d.Units, d.Debit)
	if v.Register != nil {
		text = fmt.Sprintf("register_wh=%d ", *v.Register) + text
	}
	return text
}

// Executors carry out approved acts of this package.
func (q *Quarantine) Executors() access.Executors { return access.Executors{access.ActReading: q.do} }

func (q *Quarantine) do(ctx context.Context, maker access.Actor, body []byte) (access.Done, error) {
	var v Verdict
	if err := json.Unmarshal(body, &v); err != nil {
		return access.Done{}, fmt.Errorf("read an approved decision about a reading: %w", err)
	}
	out, err := q.Decide(ctx, maker, v)
	return access.Done{Refusal: out.Refusal, Object: v.Entry + v.Meter}, err
}
