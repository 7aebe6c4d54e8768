// Package overview lists what needs somebody: meters without supply, messages that failed, readings in doubt, requests that wait for a
// second person, parked payments, and alarms. It asks the use cases for their lists, so each list has what its own page shows.
package overview

import (
	"context"
	"slices"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/dayclose"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/notify"
	"github.com/paywatt/paywatt/internal/payment"
	"github.com/paywatt/paywatt/internal/quarantine"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/silence"
	"github.com/paywatt/paywatt/internal/till"
	"github.com/paywatt/paywatt/internal/vending"
)

// Kind says what a list has.
type Kind string

// Kinds, in the order of the overview.
const (
	CutOff      Kind = "cut_off" // meters without supply that are heard
	Low         Kind = "low"     // meters with little credit that still supply
	Offline     Kind = "offline"
	Tampered    Kind = "tamper"
	Failed      Kind = "failed_messages"
	Doubtful    Kind = "doubtful_readings"
	Waiting     Kind = "approvals"
	Parked      Kind = "parked_payments"
	Unconfirmed Kind = "unconfirmed_reversals"
	OpenShifts  Kind = "open_shifts" // of days before today
	OpenDays    Kind = "open_days"   // days of the books that have ended and are not closed, once a day was closed
	Alarms      Kind = "alarms"      // except those about tampering, silence and the kinds above
)

// Kinds lists all kinds in their order.
func Kinds() []Kind {
	return []Kind{CutOff, Low, Offline, Tampered, Failed, Doubtful, Waiting, Parked, Unconfirmed, OpenShifts, OpenDays, Alarms}
}

// Entry is one thing that needs somebody.
type Entry struct {
	ID     string // of the meter, message, reading, approval, payment, shift or alarm
	Title  string // what people call it: a meter number, a telephone number
	Detail string // what tells it from others: a name, a reason
	Text   string // what an alarm says
	Meter  string // number of the meter that it concerns, if there is one
	Since  time.Time
}

// List has the things of one kind.
type List struct {
	Kind  Kind
	Count int
	More  bool // there are more than Count
	Paid  int  // of CutOff: for how many of them money came in the last hour
	First []Entry
}

// View is what needs somebody now.
type View struct {
	refusal.Refusal
	At     time.Time
	Meters int    // how many there are
	Backup Backup // zero if the asker may not read the settings
	// Standbys says which standbys follow the database; nil if it has none and none are expected.
	Standbys *Standbys
	Lists    []List // those that the asker may see, in the order of Kinds; also those with nothing
}

// Backup says when the last backup was made.
type Backup struct {
	Noted bool // the server knows it: paywatt makes the backups
	At    time.Time
	Old   bool // there is none, or it is older than BackupAge
}

// Standbys says which standbys follow the database.
type Standbys struct {
	At          time.Time
	Expected    int
	Following   int
	Synchronous int    // for how many of those that follow a commit may wait
	Lag         int64  // bytes that the slowest of those that follow does not have on its disk yet
	Timeline    int64  // of the primary, which each promotion raises
	Hidden      bool   // the database's role may not read their state
	Safety      string // full, reduced or stopped
}

// Missing reports whether fewer standbys follow than should.
func (s *Standbys) Missing() bool { return s != nil && s.Safety != "full" }

// Stopped reports whether nothing can be stored, because no standby follows.
func (s *Standbys) Stopped() bool { return s != nil && s.Safety == "stopped" }

// BackupAge is how old the last backup may be.
const BackupAge = 48 * time.Hour

// Cases are the use cases that have the lists.
type Cases struct {
	Registry   *registry.Registry
	Vending    *vending.Vending
	Messages   *notify.Dispatcher
	Quarantine *quarantine.Quarantine
	Access     *access.Access
	History    *metering.History
	Tills      *till.Tills
	Days       *dayclose.Days
	Payments   *payment.Payments
}

// Overview makes the view.
type Overview struct {
	c      Cases
	now    func() time.Time
	backup func() (time.Time, error)

	standbys func() *Standbys
}

// New makes an Overview. The function backup returns when the last backup was made, zero if never; it is nil if nobody notes that. The function
// standbys returns which standbys follow the database.
func New(c Cases, now func() time.Time, backup func() (time.Time, error), standbys func() *Standbys) *Overview {
	return &Overview{c, now, backup, standbys}
}

// Limits of a view.
const (
	shown      = 5                  // entries of a list
	counted    = registry.MaxLimit  // things that are counted, except meters, which all are
	failedFor  = 7 * 24 * time.Hour // how long a failed message is in the list
	paidWithin = time.Hour
)

// look makes one view.
type look struct {
	*Overview
	ctx  context.Context
	by   access.Actor
	view View
	err  error
}

// Show returns what needs somebody, within what the asker may see (right: meter.read).
func (o *Overview) Show(ctx context.Context, by access.Actor) (View, error) {
	if no := by.Needs(access.ReadMeters); no.Refused() {
		return View{Refusal: no}, nil
	}
	l := look{Overview: o, ctx: ctx, by: by, view: View{At: o.now(), Standbys: o.standbys()}}
	l.age()
	l.meters()
	l.messages()
	l.readings()
	l.approvals()
	l.payments()
	l.shifts()
	l.days()
	l.alarms()
	slices.SortStableFunc(l.view.Lists, func(a, b List) int { return slices.Index(Kinds(), a.Kind) - slices.Index(Kinds(), b.Kind) })
	return l.view, fault.Wrap(l.err, "overview")
}

// fail keeps the first error.
func (l *look) fail(err error) {
	if l.err == nil {
		l.err = err
	}
}

// add adds a list.
func (l *look) add(list List) {
	list.First = list.First[:min(len(list.First), shown)]
	l.view.Lists = append(l.view.Lists, list)
}

func (l *look) age() {
	if l.backup == nil || !l.by.May(access.ReadSettings) {
		return
	}
	at, err := l.backup()
	l.view.Backup = Backup{Noted: true, At: at, Old: l.view.At.Sub(at) > BackupAge}
	l.fail(err)
}

func (l *look) meters() {
	counts, err := l.c.Registry.CountMeters(l.ctx, l.by, registry.MeterFilter{})
	if err != nil || counts.Refused() {
		l.fail(err)
		return
	}
	l.view.Meters = counts.All
	for kind, state := range map[Kind]registry.State{CutOff: registry.CutOff, Low: registry.Low, Offline: registry.Offline, Tampered: registry.TamperState} {
		list := List{Kind: kind, Count: counts.By[state]}
		if list.Count > 0 {
			list.First = l.first(state)
		}
		if kind == CutOff && list.Count > 0 {
			list.Paid = l.paid()
		}
		l.add(list)
	}
}

// first lists the first meters in a state.
func (l *look) first(state registry.State) (out []Entry) {
	found, err := l.c.Registry.Meters(l.ctx, l.by, registry.MeterFilter{State: string(state)}, registry.Page{Limit: shown})
	if err != nil {
		l.fail(err)
	}
	for _, m := range found.Data {
		out = append(out, Entry{ID: m.Meter.ID.Text(id.Meter), Title: m.Meter.Number, Detail: m.Customer.Name, Meter: m.Meter.Number, Since: m.LastSeen})
	}
	return out
}

// paid counts the meters that are cut off although money came for them in the last hour.
func (l *look) paid() (n int) {
	sold, err := l.c.Vending.Sales(l.ctx, l.by, vending.SaleRequest{From: l.view.At.Add(-paidWithin).UTC().Format(time.RFC3339), State: string(sale.Completed),
		Page: registry.Page{Limit: registry.MaxLimit}})
	var numbers []string
	for _, s := range sold.Sales {
		if !slices.Contains(numbers, s.Meter.Number) {
			numbers = append(numbers, s.Meter.Number)
		}
	}
	if err != nil || len(numbers) == 0 {
		l.fail(err)
		return 0
	}
	found, err := l.c.Registry.MetersNumbered(l.ctx, l.by, numbers)
	if err != nil {
		l.fail(err)
	}
	for _, m := range found.Data {
		if m.State == registry.CutOff {
			n++
		}
	}
	return n
}

func (l *look) messages() {
	out, err := l.c.Messages.List(l.ctx, l.by, notify.List{State: notify.Lost, Incoming: new(bool), Page: registry.Page{Limit: counted}})
	if err != nil || out.Refused() {
		l.fail(err)
		return
	}
	list := List{Kind: Failed, More: out.Next != ""}
	for _, m := range out.Data {
		if m.CreatedAt.Before(l.view.At.Add(-failedFor)) {
			list.More = false
			break
		}
		list.Count++
		list.First = append(list.First, Entry{ID: m.ID.Text(id.Message), Title: m.Phone, Detail: string(m.Purpose), Meter: m.Number, Since: m.CreatedAt})
	}
	l.add(list)
}

func (l *look) readings() {
	out, err := l.c.Quarantine.List(l.ctx, l.by, quarantine.List{Page: registry.Page{Limit: counted}})
	if err != nil || out.Refused() {
		l.fail(err)
		return
	}
	list := List{Kind: Doubtful, Count: len(out.Data), More: out.Next != ""}
	for _, e := range out.Data {
		list.First = append(list.First, Entry{ID: e.ID.Text(id.Held), Title: e.Number, Detail: e.Reason, Meter: e.Number, Since: e.ReceivedAt})
	}
	l.add(list)
}

func (l *look) approvals() {
	out, err := l.c.Access.Approvals(l.ctx, l.by, access.ApprovalWaiting, id.ID{}, counted)
	if err != nil || out.Refused() {
		l.fail(err)
		return
	}
	list := List{Kind: Waiting, More: !out.Last.IsZero()}
	for _, a := range out.Data {
		if a.Expired(l.view.At) {
			continue
		}
		list.Count++
		list.First = append(list.First, Entry{ID: a.ID.Text(id.Approval), Title: a.Summary, Detail: a.Maker.Name, Since: a.CreatedAt})
	}
	l.add(list)
}

func (l *look) payments() {
	out, err := l.c.Payments.List(l.ctx, l.by, payment.Filter{State: payment.Parked}, registry.Page{Limit: counted})
	if err != nil || out.Refused() {
		l.fail(err)
		return
	}
	list := List{Kind: Parked, Count: len(out.Payments), More: out.Next != ""}
	for _, v := range out.Payments {
		p := v.Payment
		list.First = append(list.First, Entry{ID: p.Name(), Title: p.Provider + " " + p.Txn, Detail: string(p.Reason), Meter: p.Meter, Since: p.SeenAt})
	}
	l.add(list)
}

func (l *look) shifts() {
	out, err := l.c.Tills.Overnight(l.ctx, l.by, counted+1)
	if err != nil || out.Refused() {
		l.fail(err)
		return
	}
	list := List{Kind: OpenShifts, Count: min(len(out.Shifts), counted), More: len(out.Shifts) > counted}
	for _, s := range out.Shifts {
		list.First = append(list.First, Entry{ID: s.Name(), Title: s.Till, Detail: access.PlainName(s.Operator), Since: s.OpenedAt})
	}
	l.add(list)
}

// days lists the first open day of the books for somebody who may close it. A utility that has never closed a day does not close days.
func (l *look) days() {
	if !l.by.May(access.AdjustLedger) {
		return
	}
	o, err := l.c.Days.Next(l.ctx, l.by)
	if err != nil || o.Refused() || !o.Begun {
		l.fail(err)
		return
	}
	list := List{Kind: OpenDays, Count: o.Days}
	if o.Over {
		list.First = []Entry{{ID: o.Date, Title: o.Date, Since: o.To}}
	}
	l.add(list)
}

// alarms splits the open alarms: those about tampering and silence belong to the meters' lists.
func (l *look) alarms() {
	out, err := l.c.History.Alarms(l.ctx, l.by, "", true, counted, "")
	if err != nil || out.Refused() {
		l.fail(err)
		return
	}
	rest, reversals := List{Kind: Alarms, More: out.Next != ""}, List{Kind: Unconfirmed, More: out.Next != ""}
	for _, a := range out.Rows {
		to := &rest
		switch a.Alarm.Code {
		case metering.AlarmTamper, silence.AlarmMeter, metering.AlarmQuarantine, metering.AlarmRatingHeld, metering.AlarmOpenRelay:
			continue
		case metering.AlarmReversalUnconfirmed:
			to = &reversals
		}
		to.Count++
		to.First = append(to.First, Entry{ID: a.ID.Text(id.Alarm), Title: a.Number + a.Feeder + a.Alarm.Server, Detail: string(a.Alarm.Code),
			Text: a.Alarm.Text, Meter: a.Number, Since: a.RaisedAt})
	}
	l.add(reversals)
	l.add(rest)
}
