package wallet

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/localday"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/supply"
	"github.com/paywatt/paywatt/unit"
)

// SupplyState is the state of a supply. Names are part of the API; never rename one.
type SupplyState string

// States of a supply.
const (
	SupplyOn         SupplyState = "on"
	SupplyWaiting    SupplyState = "pending_cutoff" // nothing is left, and a rule forbids the cut-off
	SupplyCutting    SupplyState = "cutting"        // the supply is unwanted, and the meter has not opened its relay yet
	SupplyOff        SupplyState = "off"
	SupplyConnecting SupplyState = "connecting" // the supply is wanted, and the meter has not closed its relay yet
	SupplyArmed      SupplyState = "armed"      // the relay waits for a key
	SupplyUnknown    SupplyState = "unknown"    // the meter has reported nothing
)

// Days is the number of days for which the money lasts, estimated from recent use. Known is false if there are too few days for an
// estimate.
type Days struct {
	Estimated           bool
	Least, Likely, Most int64
}

// SupplyView is the supply of a wallet meter as pages and the API show it.
type SupplyView struct {
	refusal.Refusal
	Number    string
	Stand     SupplyState
	Wanted    bool
	Off       []string    // reasons why the supply is not wanted
	By, Why   string      // the person who wants the supply off, and the reason
	Block     CutoffDelay // the rule that keeps the supply on
	Until     time.Time   // when that rule ends, if that is known
	Since     time.Time
	Press     bool // a key has to be pressed at the meter
	Held      HoldReason
	Keeps     []string // the reasons for the open relay that the meter named last
	Unwilling string   // the answer of a meter that refused its newest lease; else empty
	Relay     string
	Currency  string
	Available *money.Amount // live estimate of the account's money; nil for a meter that was replaced
	Days      Days          // how long that money lasts
	Lease     Lease
	Waiting   bool // the newest lease is on its way
	LeaseLeft unit.Energy
	Leases    bool // the meter supports leases, so it goes off by itself at the end of one
	Protected bool
	Emergency *Emergency // nil if none lasts
	Grace     int64
	Waits     *access.Approval // the approval that a change waits for; nothing was changed
}

// Limits for the estimate of days left.
const (
	// JudgeDays is how many recent whole days the estimate uses.
	JudgeDays = 14
	leastDays = 3
	mostLeft  = 999 // days; a higher number is shown as this one
)

// DaysLeft estimates how many days money or energy lasts, from what recent whole days used, in any order. It uses the dearest tenth, the
// middle and the cheapest tenth of these days. Estimated is false for less than three days, or if no day used anything.
func DaysLeft[N money.Minor | unit.Energy](available N, daily []N) Days {
	if len(daily) < leastDays {
		return Days{}
	}
	daily = slices.Sorted(slices.Values(daily))
	last := len(daily) - 1
	lasts := func(cost N) int64 {
		if cost <= 0 {
			return mostLeft
		}
		return min(int64(max(available, 0)/cost), mostLeft)
	}
	if daily[last] <= 0 {
		return Days{}
	}
	return Days{Estimated: true, Least: lasts(daily[last*9/10]), Likely: lasts(daily[last/2]), Most: lasts(daily[last/10])}
}

// daysOf returns the cost of an account's recent whole days: the use of all its meters, and the fixed charges, which are taken once from an
// account (P17 of docs/reference/postings.md). The parameter used has the use of its meters on these days.
func daysOf(tx Tx, t Tenant, rows []Row, used map[int64][]DayUse) ([]money.Minor, error) {
	by := map[string]money.Minor{}
	for _, r := range rows {
		for _, d := range used[r.Meter.N] {
			by[d.Day] += d.Debit
		}
	}
	var daily []money.Minor
	for name, cost := range by {
		day, err := localday.Parse(name, t.Zone)
		if err != nil {
			return nil, fmt.Errorf("read the day %q: %w", name, err)
		}
		v, found, err := tx.Rating().TariffVersionAt(rows[0].Meter.TariffAt(day), day)
		if err != nil {
			return nil, err
		}
		if found {
			net, vat, _, err := DayCharges(v.Body, day)
			if err != nil {
				return nil, err
			}
			cost += net + vat
		}
		daily = append(daily, cost)
	}
	return daily, nil
}

// Supply returns the state of a wallet meter's supply, and its reasons (right: meter.read).
func (w *Wallets) Supply(ctx context.Context, by access.Actor, meter string) (SupplyView, error) {
	if no := by.Needs(access.ReadMeters); no.Refused() {
		return SupplyView{Refusal: no}, nil
	}
	out, err := access.Look(ctx, w.c.Door, by.Tenant, func(tx Tx) (SupplyView, error) {
		m, no, err := registry.MeterNamed(tx.WalletViews().Meters(), meter)
		if err != nil || no.Refused() {
			return SupplyView{Refusal: no}, err
		}
		rows, err := tx.Rating().WalletOf(m.N)
		if err != nil {
			return SupplyView{}, err
		}
		for _, r := range rows {
			if r.Meter.N == m.N {
				return w.show(tx, rows, r)
			}
		}
		return SupplyView{Refusal: refuse.SupplyWithoutWallet(m.Number)}, nil
	})
	return out, fault.Wrap(err, "show the supply of meter %s", meter)
}

// show builds the view of one meter.
func (w *Wallets) show(tx Tx, rows []Row, r Row) (SupplyView, error) {
	s, err := supplyOf(tx.Rating(), r)
	if err != nil {
		return SupplyView{}, err
	}
	s = s.believed(w.moment())
	t, err := tx.Rating().WalletTenant()
	if err != nil {
		return SupplyView{}, err
	}
	v := SupplyView{Number: r.Meter.Number, Wanted: Wanted(r.State), Off: r.Off.Names(), By: s.By, Why: s.Why, Block: s.Block, Since: s.Out, Relay: s.Relay,
		Currency: t.Currency, Lease: s.InMeter, Waiting: s.Seen.Lease.Open(), Protected: s.Protected, Grace: s.Grace, Leases: s.Leases, Emergency: s.Emergency.shown(w.moment())}
	if err := w.showMoney(tx, t, rows, r, &v); err != nil {
		return SupplyView{}, err
	}
	if v.Held, v.Keeps = r.Held.Reason, s.Reasons.Names(); s.Seen.Lease.refused() {
		v.Unwilling = s.Seen.Lease.Answer
	}
	if s.Seen.Lease.Done() {
		v.Lease = s.Supply.Lease
	}
	v.LeaseLeft = max(0, v.Lease.Max-r.Register)
	if v.Stand = stand(r, s); v.Stand == SupplyCutting && !s.cutLeft() {
		visibility, err := VisibilityOf(tx.Rating())
		if err != nil {
			return SupplyView{}, err
		}
		if s.Block = Blocked(r, s, t, w.moment(), visibility); s.Block != "" {
			v.Stand, v.Block = SupplyWaiting, s.Block
		}
	}
	if v.Stand == SupplyWaiting {
		v.Until = until(s, t, r.Meter.Clock(w.moment()))
	}
	v.Press = v.Stand == SupplyArmed || v.Stand == SupplyConnecting && s.Seen.Connect.after(s.Seen.Cut)
	return v, nil
}

// showMoney adds the money of the account and how long it lasts. A meter that was replaced has none: the account pays for the one that took its
// place.
func (w *Wallets) showMoney(tx Tx, t Tenant, rows []Row, r Row, v *SupplyView) error {
	if r.Closed() {
		return nil
	}
	have, err := MoneyOf(tx.Rating(), r.Meter.Account, rows)
	if err != nil {
		return err
	}
	used, err := recentUse(tx, rows, midnight(r.Meter.Clock(w.moment()), t.Zone))
	if err != nil {
		return err
	}
	daily, err := daysOf(tx, t, rows, used)
	if err != nil {
		return err
	}
	v.Available, v.Days = &money.Amount{Minor: have.Available(), Currency: t.Currency}, DaysLeft(have.Available()-t.Policy.CutOff, daily)
	return nil
}

// longestWindow is how far ahead the end of a friendly window is searched.
const longestWindow = 8 * 24 * time.Hour

// until returns when the rule that forbids the cut-off ends, or zero if no clock decides that. A window ends by the meter's time, which is
// the parameter clock.
func until(s Supplied, t Tenant, clock time.Time) time.Time {
	switch {
	case s.Block == BlockNotice && !s.Noticed.IsZero():
		return s.Noticed.Add(time.Duration(t.Supply.Notice) * time.Second)
	case s.Block != BlockFriendly:
		return time.Time{}
	}
	for at := clock.Truncate(time.Minute); at.Sub(clock) < longestWindow; at = at.Add(time.Minute) {
		if !t.Supply.Friendly(at, t.Zone) {
			return at
		}
	}
	return time.Time{}
}

// stand returns the state of a supply. The state follows from the meter's last report and from whether the supply is wanted.
func stand(r Row, s Supplied) SupplyState {
	wanted := Wanted(r.State)
	switch {
	case s.Relay == "":
		return SupplyUnknown
	case wanted && s.Relay == supply.Armed.String():
		return SupplyArmed
	case wanted && s.Relay == supply.Closed.String() && s.Block != "":
		return SupplyWaiting
	case wanted && s.Relay == supply.Closed.String():
		return SupplyOn
	case wanted && (s.Seen.Connect.Open() || s.Seen.Lease.Open()):
		return SupplyConnecting
	case !wanted && s.Relay == supply.Closed.String():
		return SupplyCutting
	}
	return SupplyOff
}

// cutLeft reports whether no rule holds up the cut-off of an unwanted supply: a person wants it off, or the command has already been sent
// to the meter.
func (s Supplied) cutLeft() bool {
	cut := s.Seen.Cut
	return s.Why != "" || cut.Signed && cut.after(s.Seen.Connect) && (cut.Open() || cut.Done())
}

// AccountChange is a change to the supply settings of an account. A nil field stays as it is.
type AccountChange struct {
	Protected *bool  `json:"protected,omitempty"`
	Grace     *int64 `json:"lease_grace_wh,omitempty"`
	Reason    string `json:"reason"`
}

// accountAct is the part of an AccountChange that an approval stores.
type accountAct struct {
	Meter   string        `json:"meter"`
	Account string        `json:"account"` // account that the meter supplied at the request; the approval does not cover the next customer
	Wish    AccountChange `json:"wish"`
}

// Executors returns the functions that carry out this package's acts once they are approved.
func (w *Wallets) Executors() access.Executors {
	return access.Executors{access.ActSupply: w.doAccount, access.ActEmergency: w.doEmergency}
}

func (w *Wallets) doAccount(ctx context.Context, maker access.Actor, body []byte) (access.Done, error) {
	var a accountAct
	if err := json.Unmarshal(body, &a); err != nil {
		return access.Done{}, fmt.Errorf("read an approved change of a supply: %w", err)
	}
	out, err := w.SetAccount(ctx, maker, a.Meter, a.Wish)
	return access.Done{Refusal: out.Refusal, Object: "meter " + a.Meter}, err
}

// mostGrace is the most energy that a meter may use after the time of its lease has ended.
const mostGrace = 1_000_000_000 // in Wh; a meter's configuration has the same limit

// SetAccount sets the special rules for the supply of the account that a meter supplies (right: meter.write). The rules say whether the
// supply is never cut off for lack of money, and what happens when a lease's time ends. Both give energy on credit, so the change takes two
// people.
func (w *Wallets) SetAccount(ctx context.Context, by access.Actor, meter string, wish AccountChange) (SupplyView, error) {
	if no := by.Needs(access.WriteMeters); no.Refused() {
		return SupplyView{Refusal: no}, nil
	}
	ref, no := registry.ParseRef(meter)
	if no.Refused() {
		return SupplyView{Refusal: registry.NoMeter(meter)}, nil
	}
	if wish.Reason == "" || len(wish.Reason) > maxWhy {
		return SupplyView{Refusal: refuse.SupplyChangeWithoutReason(maxWhy)}, nil
	}
	if g := wish.Grace; g != nil && (*g < StayClosed || *g > mostGrace) {
		return SupplyView{Refusal: refuse.LeaseGraceOutOfRange(mostGrace)}, nil
	}
	out, err := access.Through(ctx, w.c.Door, by.Tenant, func(tx Tx) (SupplyView, error) {
		m, found, err := registry.ResolveMeter(tx.WalletViews().Meters(), ref)
		if err != nil || !found {
			return SupplyView{Refusal: registry.NoMeter(meter)}, err
		}
		if err := tx.Supplies().LockAccount(m.Account); err != nil {
			return SupplyView{}, err
		}
		return w.setAccount(tx, by, m, wish)
	})
	return out, fault.Wrap(err, "set the supply of meter %s", meter)
}

// maxWhy is the longest reason in bytes.
const maxWhy = 200

// setAccount is the transaction of SetAccount after the account is locked.
func (w *Wallets) setAccount(tx Tx, by access.Actor, m registry.Meter, wish AccountChange) (SupplyView, error) {
	rows, err := tx.Rating().WalletOf(m.N)
	if err != nil {
		return SupplyView{}, err
	}
	at := slices.IndexFunc(rows, func(r Row) bool { return r.Meter.N == m.N })
	if at < 0 {
		return SupplyView{Refusal: refuse.SupplyWithoutWallet(m.Number)}, nil
	}
	account := rows[at].Meter.Account
	if account != m.Account { // m.Account is the locked one
		return SupplyView{}, fmt.Errorf("meter %s was moved to another account in the meantime", m.Number)
	}
	s, err := supplyOf(tx.Rating(), rows[at])
	if err != nil {
		return SupplyView{}, err
	}
	next := wish.apply(s)
	eyes, err := access.SecondPerson(tx.Eyes(), by, access.ActRequest{Act: access.ActSupply, Object: account.Text(id.Account), Summary: wish.words(m.Number, s),
		Body: accountAct{m.Number, account.Text(id.Account), wish}, Effect: func() (e access.Effect, err error) {
			e.Fact("meter", m.Number)
			e.Change("protected", access.Answers(s.Protected), access.Answers(next.Protected))
			e.Change("lease-grace", access.Says(graceWords(s.Grace)), access.Says(graceWords(next.Grace)))
			e.Fact("reason", wish.Reason)
			return e, nil
		}}, w.moment())
	if err != nil || eyes.Refused() || eyes.Waits != nil {
		return SupplyView{Refusal: eyes.Refusal, Waits: eyes.Waits}, err
	}
	if err := tx.Supplies().AccountSupply(account, next); err != nil {
		return SupplyView{}, err
	}
	e := by.Entry("account.supply", account.Text(id.Account))
	e.Before = fmt.Sprintf("protected=%t lease_grace_wh=%d", s.Protected, s.Grace)
	e.After, e.Reason = fmt.Sprintf("protected=%t lease_grace_wh=%d", next.Protected, next.Grace), wish.Reason
	if err := tx.Supplies().AuditLog(eyes.Mark(e)); err != nil {
		return SupplyView{}, err
	}
	settled, err := SettleAccount(tx.Rating(), account, w.moment(), false)
	if err != nil {
		return SupplyView{}, err
	}
	return w.show(tx, settled.Rows, settled.Rows[at])
}

// apply returns the special rules of the supply after the change.
func (wish AccountChange) apply(s Supplied) registry.AccountSupply {
	next := registry.AccountSupply{Protected: s.Protected, Grace: s.Grace}
	if wish.Protected != nil {
		next.Protected = *wish.Protected
	}
	if wish.Grace != nil {
		next.Grace = *wish.Grace
	}
	return next
}

// graceWords says what happens at the end of a lease's time.
func graceWords(wh int64) string {
	switch {
	case wh == StayClosed:
		return "the supply stays on up to the lease's energy"
	case wh == 0:
		return "the supply goes off"
	}
	return unit.Energy(wh).KWh(1) + " kWh more"
}

// words describes the old and new state for the approver.
func (wish AccountChange) words(number string, s Supplied) string {
	next := wish.apply(s)
	cut := map[bool]string{true: "never cut off for want of money", false: "cut off when its money is used up"}
	var changes []string
	if next.Protected != s.Protected {
		changes = append(changes, fmt.Sprintf("from %s to %s", cut[s.Protected], cut[next.Protected]))
	}
	if next.Grace != s.Grace {
		changes = append(changes, fmt.Sprintf("at the end of a lease's time from %s to %s", graceWords(s.Grace), graceWords(next.Grace)))
	}
	if len(changes) == 0 {
		changes = append(changes, "nothing changes")
	}
	return fmt.Sprintf("change the supply of the account of meter %s: %s; reason: %s", number, strings.Join(changes, "; "), wish.Reason)
}

// SwitchTx is the part of a transaction that switching a supply for a person needs.
type SwitchTx interface {
	SettleTx
	WalletOf(meter int64) ([]Row, error)
}

// Switched is the result of a person's order to switch a supply.
type Switched struct {
	Wallet bool // the meter has a wallet; if not, Switch did nothing
	Order  id.ID
	Off    supply.Reasons // reasons why the supply is still off
	Press  bool
}

// Switch adds a person's order to keep the supply off to the reasons of the rules, or removes it, and sends the meter the resulting
// commands. The person's order and the rules never undo each other. The caller has checked the right and writes the audit row.
func Switch(tx SwitchTx, meter int64, off bool, by, why string, now time.Time) (Switched, error) {
	rows, err := tx.WalletOf(meter)
	if err != nil {
		return Switched{}, err
	}
	at := slices.IndexFunc(rows, func(r Row) bool { return r.Meter.N == meter })
	if at < 0 {
		return Switched{}, nil
	}
	s, err := supplyOf(tx, rows[at])
	if err != nil {
		return Switched{}, err
	}
	r := &rows[at]
	was := Wanted(r.State)
	if off {
		r.Off = r.Off.With(remoteReason)
	} else {
		r.Off, by, why = r.Off.Without(remoteReason), "", ""
	}
	s.By, s.Why = by, why
	if err := tx.SuppliesPut([]MeterSupply{{meter, s.Supply}}); err != nil {
		return Switched{}, err
	}
	t, err := tx.WalletTenant()
	if err != nil {
		return Switched{}, err
	}
	settled, err := Settle(tx, t, rows, now, false)
	if err != nil {
		return Switched{}, err
	}
	if err := tellSwitched(tx, t, settled, at, was); err != nil {
		return Switched{}, err
	}
	after, err := supplyOf(tx, rows[at])
	out := Switched{Wallet: true, Off: settled.Rows[at].Off, Press: settled.Press}
	if told := after.Seen.Cut; off && !told.ID.IsZero() {
		out.Order = told.ID
	} else if told := after.Seen.Connect; !off && told.Open() {
		out.Order = told.ID
	}
	return out, err
}

// tellSwitched notifies the customer that a person has switched the supply, and whether a key has to be pressed.
func tellSwitched(tx SupplyTx, t Tenant, s Settled, at int, was bool) error {
	m, wanted := s.Rows[at].Meter, Wanted(s.Rows[at].State)
	if was == wanted || s.Decisions[at].Off || s.Decisions[at].On {
		return nil // nothing has changed, or a notice was sent
	}
	n := Notice{Kind: NoticeOff, Meter: m.Number, Account: m.Account.Text(id.Account), Available: s.Money.Available(), Currency: t.Currency, Test: m.Simulated}
	if wanted {
		n.Kind, n.Press = NoticeOn, s.Press
	}
	return tx.Notify(m, n)
}
