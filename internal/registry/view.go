package registry

import (
	"context"
	"fmt"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/unit"
)

// State is the state of a meter's supply as the server sees it, in one word.
type State string

// States of a meter (docs/reference/http.md#a-meter). If several are true, the view shows the first of them in this order:
// TamperState, Offline, CutOff, Low, On. A latched tamper stays true while the meter is silent, so silence does not hide it.
// The other states are known only while the meter sends messages.
const (
	TamperState State = "tamper"  // opened, tilted or bypassed, and not cleared yet
	Offline     State = "offline" // silent for OfflineAfter reading intervals and not connected
	CutOff      State = "cut_off" // the relay may be open: Reasons say why, or it waits for a key press
	Low         State = "low"     // a token meter with at most LowCredit left, or a wallet at its first warning
	On          State = "on"
)

// OfflineAfter is the number of reading intervals after which a meter without messages and without a connection counts as offline.
const OfflineAfter = 3

// LowCredit is the balance at which a token meter gives its first warning by default (low1,
// docs/reference/meter-rules.md#warnings). The view uses this default for every meter, even if the meter has another
// setting.
const LowCredit = 20 * unit.KilowattHour

// Relay positions as meters report them. An unknown position is empty.
const (
	RelayUnknown = "" // never reported
	RelayClosed  = "closed"
	RelayOpen    = "open"
	RelayArmed   = "armed"
)

// MeterView is a meter as GET /v1/meters/{m} shows it.
type MeterView struct {
	refusal.Refusal
	Meter    Meter
	Key      *Key // current STS key by reference; nil if there is none
	Tariff   string
	Customer Customer
	Address  string     // of the meter's place; empty if unknown
	Feeder   string     // feeder of the meter's place; empty if unknown
	Measures string     // the feeder that the meter measures as a whole; empty for none
	MaxW     unit.Power // greatest power set for this meter; 0 for the default of its phases
	// UnreadCutHours is how many hours an unmodified device may supply before a value of it was ever read; 0 for no limit.
	UnreadCutHours int64
	Since          time.Time // when the account was opened; zero without one
	State          State
	Connected      bool
	Relay          string   // closed, open or armed; empty while unknown
	Reasons        []string // why the relay is open, by the names of docs/reference/meter-rules.md#supply; never nil
	// Figures are those of the newest reading; nil before the first reading.
	Figures *Figures
	// Reported is a balance that the meter reported after its newest reading; nil if there is none.
	Reported *ReportedBalance
	// Wallet has the balance on the server; nil for a meter without a wallet.
	Wallet   *WalletView
	LastSeen time.Time // server time of the last message; zero before the first message
	// Clock is the server's time now. A simulated meter has its own time: its newest time plus the real time since.
	Clock time.Time
}

// WalletView is what the server knows about a meter with a wallet.
type WalletView struct {
	// Money is the money of the account. It is nil if another meter took the place of this one: the account pays for that one.
	Money  *WalletMoney
	Total  unit.Energy // all energy that was ever rated for the meter
	Supply bool        // whether the supply is wanted
	Off    []string    // why the supply is not wanted
	Held   string      // why rating waits for a person; empty while it continues
}

// WalletMoney is the money of an account with two figures: the settled balance, and the live estimate, which includes energy counted since
// then. The two must never be shown as one figure.
type WalletMoney struct {
	Settled   money.Amount
	Unbooked  money.Amount // price of energy that is counted and not posted yet
	Available money.Amount // Settled less the price of energy that is not posted yet, and less reserved money; may be negative
	AsOf      time.Time    // meter time up to which Available counts; zero before the first reading
	Low       bool         // the balance is at or below the level of the first warning
}

// Figures are the last values that a meter reported.
type Figures struct {
	AsOf       time.Time // meter time
	ReceivedAt time.Time // server time
	Register   unit.Energy
	Balance    unit.Energy // credit left in the meter; token meters
	ECUsed     unit.Energy
	Overrun    unit.Energy
	Watts      int64
	Millivolts int64
}

// ReportedBalance is a balance that a meter reported outside a reading: in its answer to a token, or by SMS. Nobody can prove the
// sender of an SMS. So such a balance is only shown, and the server never decides by it.
type ReportedBalance struct {
	Balance unit.Energy
	At      time.Time // server time
	Source  string    // how the meter received the token (keypad, sms or remote), or [ReportedBySMS] for a balance from a text message
}

// Left is what is left to use: the one figure that lists, pages, messages and files show, with its time.
type Left struct {
	Money  *money.Amount // of a wallet: less the use that was counted and is not posted yet
	Energy unit.Energy   // of a token meter
	AsOf   time.Time     // time of the reading, or now if no use of a wallet was counted yet
	Source string        // how a balance without a reading came (see [ReportedBalance]); else empty
}

// Left returns what is left to use; false if nobody knows it.
func (v MeterView) Left() (Left, bool) {
	switch {
	case v.Wallet != nil && v.Wallet.Money != nil:
		left := Left{Money: &v.Wallet.Money.Available, AsOf: v.Wallet.Money.AsOf}
		if left.AsOf.IsZero() {
			left.AsOf = v.Clock
		}
		return left, true
	case v.Meter.Mode != PrepayToken:
	case v.Reported != nil:
		return Left{Energy: v.Reported.Balance, AsOf: v.Reported.At, Source: v.Reported.Source}, true
	case v.Figures != nil:
		return Left{Energy: v.Figures.Balance, AsOf: v.Figures.AsOf}, true
	}
	return Left{}, false
}

// Proved returns the newest balance of a token meter that the meter itself reported over its authenticated connection: with a reading or with
// a token. A balance by SMS does not count, because nobody can prove its sender.
func (rec MeterRecord) Proved(tx interface {
	ReportedBalance(m Meter) (reported, texted *ReportedBalance, err error)
}) (balance unit.Energy, at time.Time, known bool, err error) {
	reported, _, err := tx.ReportedBalance(rec.Meter)
	switch {
	case err != nil:
		return 0, time.Time{}, false, err
	case reported != nil:
		return reported.Balance, reported.At, true, nil
	}
	return unit.Energy(rec.BalanceWh), rec.AsOf, rec.Reported, nil
}

// Said returns the balance that a meter reported after its newest reading: the newer of one that it sent with a token and one by SMS. It
// returns nil if there is no such balance.
func (rec MeterRecord) Said(tx interface {
	ReportedBalance(m Meter) (reported, texted *ReportedBalance, err error)
}) (*ReportedBalance, error) {
	if rec.Meter.Mode != PrepayToken {
		return nil, nil
	}
	reported, texted, err := tx.ReportedBalance(rec.Meter)
	return rec.newest(reported, texted), err
}

// newest returns the newer of two balances that a meter reported outside its readings: one with a token, one by SMS. It
// ignores a text message that is not newer than the newest reading. It returns nil if there is no such balance. Records are
// compared by the meter's own time, because a meter may send the records of several hours together. A text message has only
// its time of arrival.
func (rec MeterRecord) newest(reported, texted *ReportedBalance) *ReportedBalance {
	if texted == nil || rec.Reported && !texted.At.After(rec.ReceivedAt) || reported != nil && !texted.At.After(reported.At) {
		return reported
	}
	return texted
}

// ReportedBySMS is the source of a balance from a text message.
const ReportedBySMS = "sms answer"

// Meters is one page of meters.
type Meters struct {
	refusal.Refusal
	Data []MeterView
	Next string // cursor of the next page; empty on the last page
}

// Meter shows one meter, named by number or id.
func (r *Registry) Meter(ctx context.Context, by access.Actor, ref string) (MeterView, error) {
	if no := by.Needs(access.ReadMeters); no.Refused() {
		return MeterView{Refusal: no}, nil
	}
	row, err := access.Look(ctx, r.c.Door, by.Tenant, func(tx Tx) (foundRow, error) {
		m, no, err := MeterNamed(tx, ref)
		if err != nil || no.Refused() {
			return foundRow{}, err
		}
		rec, found, err := tx.MeterRecord(m.ID)
		if err != nil || !found {
			return foundRow{}, err
		}
		said, err := rec.Said(tx)
		return foundRow{rec, said, true}, err
	})
	if err != nil {
		return MeterView{}, fmt.Errorf("look up meter: %w", err)
	}
	if !row.found {
		return MeterView{Refusal: NoMeter(ref)}, nil
	}
	return r.shown(by, row), nil
}

type foundRow struct {
	rec   MeterRecord
	said  *ReportedBalance
	found bool
}

// foundRows reads what the meters of a list reported after their newest readings.
func foundRows(tx Tx, recs []MeterRecord) ([]foundRow, error) {
	out := make([]foundRow, len(recs))
	for i, rec := range recs {
		said, err := rec.Said(tx)
		if err != nil {
			return nil, err
		}
		out[i] = foundRow{rec, said, true}
	}
	return out, nil
}

// MeterLookup is the part of a transaction that finds a meter.
type MeterLookup interface {
	MeterByNumber(number string) (Meter, bool, error)
	MeterByID(meter id.ID) (Meter, bool, error)
}

// MeterNamed finds the meter that a text names by number or identity. If the text cannot be a meter's number, the refusal is
// the same as for a meter that does not exist. Only registration explains the mistake in a number.
func MeterNamed(tx MeterLookup, text string) (Meter, refusal.Refusal, error) {
	ref, no := ParseRef(text)
	if no.Refused() {
		return Meter{}, NoMeter(text), nil
	}
	m, found, err := ResolveMeter(tx, ref)
	if err == nil && !found {
		no = NoMeter(text)
	}
	return m, no, err
}

// ResolveMeter finds the meter that a reference names.
func ResolveMeter(tx MeterLookup, at Ref) (Meter, bool, error) {
	if at.ID.IsZero() {
		return tx.MeterByNumber(at.Number)
	}
	return tx.MeterByID(at.ID)
}

// shown returns the view of a meter without the data that the actor may not read.
func (r *Registry) shown(by access.Actor, row foundRow) MeterView {
	v := r.view(row.rec)
	v.Reported = row.said
	if !by.May(access.ReadCustomers) {
		v.Customer = Customer{ID: v.Customer.ID}
	}
	return v
}

func (r *Registry) view(rec MeterRecord) MeterView {
	now := r.c.Now()
	v := MeterView{Meter: rec.Meter, Key: rec.Key, Tariff: rec.TariffName, Customer: rec.Customer, Wallet: rec.Wallet, Address: rec.Address, Feeder: rec.Feeder, Measures: rec.Measures, MaxW: rec.MaxW, UnreadCutHours: rec.UnreadCutHours, Since: rec.Since,
		Connected: r.c.Connected(rec.Meter.Number), Relay: rec.Relay, Reasons: metering.SplitReasons(rec.Reasons),
		LastSeen: rec.LastSeen, Clock: now}
	if rec.Meter.Simulated && rec.Seen {
		live := metering.Live{LastSeen: rec.LastSeen, NewestAt: rec.NewestAt}
		v.Clock = live.Clock(now)
	}
	if rec.Reported {
		v.Figures = &Figures{AsOf: rec.AsOf, ReceivedAt: rec.ReceivedAt, Register: unit.Energy(rec.RegisterWh),
			Balance: unit.Energy(rec.BalanceWh), ECUsed: unit.Energy(rec.ECUsedWh), Overrun: unit.Energy(rec.OverrunWh),
			Watts: rec.W, Millivolts: rec.MV}
	}
	v.State = rec.standing(v).State(now)
	return v
}
