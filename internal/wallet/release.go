package wallet

import (
	"fmt"
	"time"

	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/unit"
)

// ReleaseTx is what deciding about a stopped rating needs of a transaction.
type ReleaseTx interface {
	SettleTx
	// WalletOf locks and reads the wallets of the account that a meter supplies; none for a meter without a wallet.
	WalletOf(meter int64) ([]Row, error)
	// WalletTerms are what readings of a meter are rated by.
	WalletTerms(Tenant, Meter) (Terms, error)
	// WalletDays adds what a meter used to its local days.
	WalletDays(meter int64, days []DayUse) error
	// WalletBehind are stored readings of the meter's present memory up to its watermark that are newer than what is
	// rated, in their order, at most max.
	WalletBehind(Row, int) ([]Reading, error)
	// WalletReleased clears the alarm of a meter whose rating goes on.
	WalletReleased(meter int64) error
	// WalletStopped tells people that the rating of a meter stopped: an alarm, and an entry in the quarantine.
	WalletStopped(Row) error
}

// Verdict is what a person decided about a reading at which rating stopped.
type Verdict struct {
	does     verb
	register unit.Energy
	open     bool // it is about energy counted while the relay was open, up to the reading at which it closed
	past     bool // the first reading at or above the register of a rebase has come
}

type verb uint8

const (
	accepts verb = iota
	rebases
	discards
	resumes
)

// Accepted says that the reading is true and to be charged for.
func Accepted() Verdict { return Verdict{} }

// Rebased says that counting goes on from a register, without charging for what lies between.
func Rebased(register unit.Energy) Verdict { return Verdict{does: rebases, register: register} }

// Discarded says that the reading is wrong: counting goes on from the register rated last, with the next reading.
func Discarded() Verdict { return Verdict{does: discards} }

// Resumed decides nothing about the wallet: readings that were stored late are rated, unless rating is stopped.
func Resumed() Verdict { return Verdict{does: resumes} }

// MaxBehind is how many readings that came while rating was stopped are rated one by one when it goes on. What is
// beyond is charged with the next reading, shared out by time.
const MaxBehind = 2000

// Released is what a decision came to.
type Released struct {
	refusal.Refusal
	Row      Row
	Readings int         // rated that had come meanwhile
	Units    unit.Energy // rated by the decision
	Debit    money.Minor // and what they cost
}

// Release carries out a person's decision about a meter and rates what has come meanwhile, as far as that can be true.
// A rebase needs no stopped rating: a meter that is changed may be rebased before its first reading. The caller has
// checked who decides and writes the audit row.
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
		return Released{Refusal: refusal.Because(refusal.NotFound, "The meter has no wallet.", nothingMoved, "Look at the meter's mode.")}, nil
	}
	w := &rows[at]
	if v.does == resumes && w.Held.Stopped() {
		return Released{Row: *w}, nil
	}
	terms, err := tx.WalletTerms(t, w.Meter)
	if err != nil {
		return Released{}, err
	}
	units, debited := w.Total(), w.Debited
	v.open = w.Held.Reason == HoldOpen && (v.does == accepts || v.does == rebases && v.register == w.Held.Register)
	days, no := v.apply(&w.State, terms)
	if no.Refused() {
		return Released{Refusal: no}, nil
	}
	if v.does != resumes {
		if err := tx.WalletReleased(meter); err != nil {
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
	if err := tx.WalletDays(meter, days); err != nil {
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

// maxPages is how often [MaxBehind] readings are taken by one decision about an open relay: a device that reports every
// watt-hour may have sent thousands before somebody looked at it.
const maxPages = 20

// catchUp rates the readings that are stored and not rated, as far as they can be true. What lies below the register of
// a rebase was counted before the person read it off the meter. A decision about an open relay covers all that was counted
// until it closed.
func catchUp(tx ReleaseTx, w *Row, v Verdict, terms Terms) (readings int, days []DayUse, err error) {
	for range maxPages {
		behind, err := tx.WalletBehind(*w, MaxBehind)
		if err != nil {
			return 0, nil, err
		}
		for _, r := range behind {
			if v.does == rebases && w.Started && !v.past && r.Register < v.register {
				w.At, w.Store, w.Seq, w.Up = w.until(r, terms), r.Store, r.Seq, r.Up
				continue
			}
			v.past = true
			if v.open = v.open && w.stillOpen(r) && r.Register >= w.Register; v.open && v.does == rebases {
				w.passOver(r, terms)
				continue
			}
			if v.open {
				w.OpenFrom = r.Register
			}
			var taken Taken
			if w.State, taken = Take(w.State, r, terms); w.Held.Stopped() {
				return readings, days, tx.WalletStopped(*w)
			}
			readings++
			for _, d := range taken.Days {
				days = AddDay(days, d)
			}
		}
		if !v.open || len(behind) < MaxBehind {
			break
		}
	}
	return readings, days, nil
}

// apply changes the state as the verdict says.
func (v Verdict) apply(s *State, t Terms) ([]DayUse, refusal.Refusal) {
	switch v.does {
	case resumes:
		return nil, refusal.Refusal{}
	case discards:
		*s = Discard(*s)
		return nil, refusal.Refusal{}
	case rebases:
		if v.register < 0 {
			return nil, refusal.Because(refusal.InvalidRequest, "A register is not negative.", nothingMoved, "Read it off the meter in Wh.")
		}
		*s = Rebase(*s, v.register, t)
		return nil, refusal.Refusal{}
	}
	next, taken, ok := Accept(*s, t)
	if !ok {
		return nil, refusal.Because(refusal.InvalidRequest, "There is no reading to accept, or it is lower than the one before.", nothingMoved,
			"Set the register from which to go on instead.")
	}
	*s = next
	return taken.Days, refusal.Refusal{}
}

const nothingMoved = "Nothing was charged and nothing was changed."
