package wallet

import (
	"fmt"
	"time"

	"github.com/paywatt/paywatt/internal/alarmtext"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/unit"
)

// ReleaseTx is the part of a transaction that a decision about a stopped rating needs.
type ReleaseTx interface {
	SettleTx
	// WalletOf locks and reads the wallets of the account that a meter supplies. The list is empty for a meter without a wallet.
	WalletOf(meter int64) ([]Row, error)
	// WalletTerms returns the terms by which readings of a meter are rated.
	WalletTerms(Tenant, MeterFacts) (Terms, error)
	// WalletDays adds the use of meters to their local days. No meter comes twice.
	WalletDays([]MeterDays) error
	// WalletBehind lists up to max stored readings in order: those of the meter's present memory, up to its watermark, that are newer than
	// the rated readings.
	WalletBehind(Row, int) ([]Reading, error)
	// ClearAlarm ends an alarm of a meter.
	ClearAlarm(meter int64, code metering.AlarmCode) error
	HoldTx
}

// HoldTx asks people to decide about a meter's held readings.
type HoldTx interface {
	// RaiseAlarm opens an alarm of a meter unless the same one is open.
	RaiseAlarm(meter int64, a metering.Alarm) error
	// WalletStopped adds an entry to the quarantine: the reading at which the rating of a meter stopped.
	WalletStopped(Row) error
	// WalletHeldEnergy records in the quarantine the register up to which energy was counted while the relay was open.
	WalletHeldEnergy(meter int64, d HeldEnergy) error
}

// Verdict is a person's decision about a reading at which rating stopped.
type Verdict struct {
	does     verb
	register unit.Energy
	drawn    HeldEnergy // the reading at which energy through an open relay was held
}

type verb uint8

const (
	accepts verb = iota
	rebases
	discards
	resumes
	charges
	waives
)

// Accepted means that the reading is true and is charged.
func Accepted() Verdict { return Verdict{} }

// Rebased means that counting continues from a register, without charging for the energy between.
func Rebased(register unit.Energy) Verdict { return Verdict{does: rebases, register: register} }

// Discarded means that the reading is wrong. Counting continues from the register rated last, with the next reading.
func Discarded() Verdict { return Verdict{does: discards} }

// Resumed decides nothing about the wallet. Readings that were stored late are rated, unless rating is stopped.
func Resumed() Verdict { return Verdict{does: resumes} }

// HeldEnergyAccepted charges energy that the meter counted while its relay was open, because it was used. It charges the given units, or
// all held energy if the relay is still open. The parameter d names the reading at which the energy was held.
func HeldEnergyAccepted(d HeldEnergy, units unit.Energy) Verdict {
	return Verdict{does: charges, drawn: d, register: units}
}

// HeldEnergyRefused means that the held energy was not used, and is never charged.
func HeldEnergyRefused(d HeldEnergy) Verdict { return Verdict{does: waives, drawn: d} }

// MaxBehind is the largest number of stored readings that one decision rates one by one. These readings came while rating was stopped. The
// energy of later ones is charged with the next reading, shared by time.
const MaxBehind = 2000

// Released is the result of a decision.
type Released struct {
	refusal.Refusal
	Row      Row
	Readings int         // how many of the readings received meanwhile were rated
	Units    unit.Energy // energy rated by the decision
	Debit    money.Minor // cost of those units
}

// Release carries out a person's decision about a meter. It rates the readings received meanwhile until one cannot be true. A rebase works
// without a stopped rating: a meter that is replaced may be rebased before its first reading. The caller has checked who decides and writes
// the audit row.
func Release(tx ReleaseTx, meter int64, v Verdict, now time.Time) (Released, error) {
	t, err := tx.WalletTenant()
	if err != nil {
		return Released{}, err
	}
	rows, err := tx.WalletOf(meter)
	if err != nil {
		return Released{}, err
	}
	at := -1
	for i := range rows {
		if rows[i].Meter.N == meter {
			at = i
		}
	}
	if at < 0 {
		return Released{Refusal: refuse.ReleaseWithoutWallet()}, nil
	}
	w := &rows[at]
	if w.Closed() {
		return Released{Refusal: refuse.ReleaseOfReplacedMeter(w.Meter.Number)}, nil
	}
	if v.does == resumes && w.Held.Stopped() {
		return Released{Row: *w}, nil
	}
	terms, err := tx.WalletTerms(t, w.Meter)
	if err != nil {
		return Released{}, err
	}
	units, debited := w.Total(), w.Debited
	days, no := v.apply(&w.State, terms)
	if no.Refused() {
		return Released{Refusal: no}, nil
	}
	if v.does != resumes && !w.Held.Stopped() {
		if err := tx.ClearAlarm(meter, metering.AlarmRatingHeld); err != nil {
			return Released{}, err
		}
	}
	readings, more, err := catchUp(tx, w, v, terms)
	if err != nil {
		return Released{}, err
	}
	for _, d := range more {
		days = AddDay(days, d)
	}
	if err := tx.WalletDays([]MeterDays{{meter, days}}); err != nil {
		return Released{}, err
	}
	out := Released{Readings: readings, Units: w.Total() - units, Debit: w.Debited - debited}
	settled, err := Settle(tx, t, rows, now, true)
	if err != nil {
		return Released{}, fmt.Errorf("release the rating of meter %s: %w", w.Meter.Number, err)
	}
	out.Row = settled.Rows[at]
	return out, nil
}

// catchUp rates the stored readings that are not rated yet, until one cannot be true. For a rebase, a person has read the
// register off the meter. Stored readings below that register are older, so they are not charged.
func catchUp(tx ReleaseTx, w *Row, v Verdict, terms Terms) (readings int, days []DayUse, err error) {
	behind, err := tx.WalletBehind(*w, MaxBehind)
	if err != nil {
		return 0, nil, err
	}
	before := v.does == rebases
	for _, r := range behind {
		if before = before && w.Started && r.Register < v.register; before {
			w.At, w.Memory, w.Seq, w.Up = w.until(r, terms), r.Memory, r.Seq, r.Up
			continue
		}
		taken, err := TakeRow(tx, w, r, terms)
		if err != nil {
			return 0, nil, err
		}
		if w.Held.Stopped() && w.Held.Reason != HoldOpen {
			return readings, days, nil
		}
		readings++
		for _, d := range taken.Days {
			days = AddDay(days, d)
		}
	}
	return readings, days, nil
}

// TakeRow applies [Take] to a row, and asks people for a decision if rating stops or held energy is left out.
func TakeRow(tx HoldTx, w *Row, r Reading, terms Terms) (out Taken, err error) {
	was := w.Held
	w.State, out = Take(w.State, r, terms)
	if w.countsOn(r) {
		return out, tx.RaiseAlarm(w.Meter.N, metering.Alarm{Code: metering.AlarmReplacedCounts,
			Text: alarmtext.ReplacedCounts(int64(r.Register), int64(w.Register))})
	}
	if out.Drawn != nil {
		if err := tx.WalletHeldEnergy(w.Meter.N, *out.Drawn); err != nil {
			return Taken{}, err
		}
	}
	if w.Held.Stopped() && w.Held != was {
		if err := tx.RaiseAlarm(w.Meter.N, HeldAlarm(w.State)); err != nil {
			return Taken{}, err
		}
		return out, tx.WalletStopped(*w)
	}
	return out, nil
}

// apply changes the state according to the verdict.
func (v Verdict) apply(s *State, t Terms) ([]DayUse, refusal.Refusal) {
	switch v.does {
	case resumes:
		return nil, refusal.Refusal{}
	case charges, waives:
		return v.decideDrawn(s, t)
	case discards:
		*s = Discard(*s)
		return nil, refusal.Refusal{}
	case rebases:
		if v.register < 0 {
			return nil, refuse.ReleaseRegisterNegative()
		}
		*s = Rebase(*s, v.register, t)
		return nil, refusal.Refusal{}
	}
	next, taken, no := Accept(*s, t)
	*s = next
	return taken.Days, no
}

// decideDrawn decides about energy that was counted while the relay was open. While the relay is open, the decision is about all energy up
// to the newest reading. Once the relay has closed, it is about the energy that was left out.
func (v Verdict) decideDrawn(s *State, t Terms) ([]DayUse, refusal.Refusal) {
	units := v.register
	if h := s.Held; h.Reason == HoldOpen && h.Seq == v.drawn.Seq && h.Memory == v.drawn.Memory {
		units = s.OpenFrom - s.Register
		s.leaveOut()
	}
	if v.does == waives {
		return nil, refusal.Refusal{}
	}
	next, taken, err := s.charge(units, t)
	if err != nil {
		return nil, refuse.EnergyWithoutPrice()
	}
	*s = next
	return taken.Days, refusal.Refusal{}
}
