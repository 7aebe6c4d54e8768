package shoptest_test

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/debt"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/localday"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/once"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/internal/vending"
	"github.com/paywatt/paywatt/unit"
	"github.com/paywatt/paywatt/wire"
)

// The acts of random streets.

// passes lets some time pass before an act: seconds, hours or days.
func (w *tenancyWorld) passes(r *rand.Rand) {
	step := time.Duration(1+r.IntN(600)) * time.Second
	switch r.IntN(10) {
	case 0, 1, 2:
	case 3, 4, 5, 6, 7:
		step += time.Duration(r.IntN(24*3600)) * time.Second
	default:
		step += time.Duration(r.IntN(5*24*3600)) * time.Second
	}
	w.clock.add(step)
}

// daysPass lets days pass in which nobody does anything.
func (w *tenancyWorld) daysPass(r *rand.Rand) {
	w.clock.add(time.Duration(1+r.IntN(6)) * 24 * time.Hour)
}

func (w *tenancyWorld) anyHome(r *rand.Rand) *knownHome { return w.homes[r.IntN(len(w.homes))] }

// anyHomeThat draws a home with a property; nil if there is none.
func (w *tenancyWorld) anyHomeThat(r *rand.Rand, is func(*knownHome) bool) *knownHome {
	var some []*knownHome
	for _, h := range w.homes {
		if is(h) {
			some = append(some, h)
		}
	}
	if len(some) == 0 {
		return nil
	}
	return some[r.IntN(len(some))]
}

func (h *knownHome) isVacant() bool   { return !h.isOccupied() }
func (h *knownHome) isOccupied() bool { return h.account.isOpen() }

// nextKey returns the key of a request that was never used.
func (w *tenancyWorld) nextKey() string {
	w.request++
	return fmt.Sprintf("tenancy-%06d", w.request)
}

// despiteCrash carries out a request. Sometimes the server crashes at one of its transactions, starts again, and is asked the same again.
func (w *tenancyWorld) despiteCrash(r *rand.Rand, state string, ask func() error) {
	w.t.Helper()
	if r.IntN(12) == 0 {
		fails := cutAt(w.door.count + 1 + r.IntN(2))
		if r.IntN(2) == 0 {
			w.door.before = fails
		} else {
			w.door.after = fails
		}
	}
	err := ask()
	w.door.before, w.door.after = nil, nil
	if errors.Is(err, errPower) {
		w.noteAct("the server crashes")
		w.tally.rare.Reached(state)
		w.startAgain()
		err = ask()
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

// startAgain ends the server at once and starts another one on the same data.
func (w *tenancyWorld) startAgain() {
	w.t.Helper()
	w.crash()
	w.serve()
	if _, err := w.Recover(context.Background(), system()); err != nil {
		w.t.Fatal(err)
	}
}

func (w *tenancyWorld) crashesNow(*rand.Rand) {
	w.noteAct("the server crashes")
	w.tally.rare.Reached("crash between acts")
	w.startAgain()
}

// sells sells to a meter, whether or not somebody lives there.
func (w *tenancyWorld) sells(r *rand.Rand) {
	h := w.anyHome(r)
	o := order(h.number, money.Minor(100+r.Int64N(15_000)), w.nextKey())
	var sold vending.Sold
	w.despiteCrash(r, "crash in a sale", func() (err error) { sold, err = w.Sell(context.Background(), owner(), o); return err })
	if w.turnsDown("sale", sold.Refusal) {
		return
	}
	s := sold.Sale
	if sold.Replay != nil {
		var said answer
		if err := json.Unmarshal(sold.Replay.Body, &said); err != nil {
			w.noteAct("sale was refused before the crash: %s", sold.Replay.Body)
			return
		}
		shown := must1(w.Sale(context.Background(), owner(), said.ID))(w.t)
		s = shown.Sale
	}
	w.noteAct("%s sells %d to %s: %d Wh", s.ID.Text(id.Vend), o.Tender.Minor, h.number, s.Units)
	a := h.account
	if !a.isOpen() || s.Account != a.id {
		w.t.Errorf("sale to %s is for account %s, and by the model %s lives there (left: %t)", h.number, s.Account.Text(id.Account),
			a.id.Text(id.Account), !a.isOpen())
		return
	}
	w.tally.sales++
	w.checkSale(a, s)
	w.sales = append(w.sales, &knownSale{s, a})
	if a.wallet {
		a.recharged += s.Tender.Minor
		return
	}
	a.bought[s.Month] += s.Units
	for _, l := range s.Lines {
		w.tally.rare.When(l.Kind == sale.LineDebt, "debt paid by a sale")
		w.tally.rare.When(l.Kind == sale.LineFixed, "fixed charge paid by a sale")
	}
}

// reverses takes a sale back, mostly one of the newest.
func (w *tenancyWorld) reverses(r *rand.Rand) {
	if len(w.sales) == 0 {
		return
	}
	at := len(w.sales) - 1
	if r.IntN(3) == 0 {
		at = r.IntN(len(w.sales))
	}
	s := w.sales[at]
	got := w.undo(owner(), s.sale, "by mistake", w.nextKey())
	if w.turnsDown("reversal", got.Refusal) {
		return
	}
	w.noteAct("%s is reversed", s.sale.ID.Text(id.Vend))
	if got.Value.State != sale.ReversalDone {
		w.t.Errorf("reversal of a sale whose meter is away is %s", got.Value.State)
	}
	if s.account.wallet {
		w.tally.rare.Reached("recharge reversed")
		s.account.recharged -= s.sale.Tender.Minor
	} else {
		w.tally.rare.Reached("sale reversed")
		s.account.bought[s.sale.Month] -= s.sale.Units
	}
	w.sales = slices.Delete(w.sales, at, at+1)
}

// reads reads the register of a wallet meter once or several times since the last reading. An offline meter keeps its readings.
func (w *tenancyWorld) reads(r *rand.Rand) {
	h := w.anyHomeThat(r, func(h *knownHome) bool { return h.wallet })
	now := w.clock.Now()
	apart := now.Sub(h.readAt)
	parts := int64(1 + r.IntN(3))
	most := int64(apart/time.Second) * 3000 / 3600 / parts
	for i := range parts {
		at := now.Add(-apart * time.Duration(parts-1-i) / time.Duration(parts)).Truncate(time.Second)
		h.register += r.Int64N(most + 5)
		h.seq++
		h.unsent = append(h.unsent, knownReading{h.seq, at, h.register})
	}
	h.readAt = now
	if h.offline && r.IntN(3) > 0 {
		w.noteAct("%s counts %d Wh and has no network", h.number, h.register)
		return
	}
	h.offline = false
	w.deliverReadings(h)
}

// losesNetwork lets a wallet meter keep its readings.
func (w *tenancyWorld) losesNetwork(r *rand.Rand) {
	h := w.anyHomeThat(r, func(h *knownHome) bool { return h.wallet })
	h.offline = true
	w.noteAct("%s loses the network", h.number)
}

// deliverReadings brings the readings of a meter to the server, in one batch.
func (w *tenancyWorld) deliverReadings(h *knownHome) {
	w.t.Helper()
	if len(h.unsent) == 0 {
		return
	}
	now := w.clock.Now()
	recs := []metering.Record{{Tenant: tenant, Meter: h.n, Number: h.number, ReceivedAt: now,
		Rec: wire.Boot{Memory: memory, Lowest: 1, Next: h.unsent[0].seq, Proto: 1}.Record()}}
	for _, p := range h.unsent {
		head := wire.Head{Seq: p.seq, At: p.at.Unix(), Up: uint64(p.at.Sub(w.began)/time.Millisecond) + 1, Clock: wire.ClockValid}
		recs = append(recs, metering.Record{Tenant: tenant, Meter: h.n, Number: h.number, ReceivedAt: now, Memory: memory,
			Rec: wire.Reading{Head: head, RegisterWh: p.register, Relay: "closed"}.Record()})
	}
	w.records(recs...)
	a := h.account
	for _, p := range h.unsent {
		w.tally.readings++
		w.noteAct("%s reports %d Wh of %s", h.number, p.register, p.at.Format(time.DateTime))
		if !a.isOpen() {
			w.tally.rare.Reached("use while nobody lived there")
			continue
		}
		before := a.use
		a.use.takeReading(a, p, w.zone)
		w.tally.rare.When(p.at.Before(a.opened), "readings from before the move-in")
		w.tally.rare.When(len(h.unsent) > 3, "readings that came late")
		w.tally.rare.When(a.use.prices > 1, "use shared by two prices")
		w.tally.rare.When(before.started && before.month != "" && before.month != a.use.month, "use over a month's end")
	}
	h.unsent = nil
	w.checkUse(a)
}

// movesOut ends the account of a home.
func (w *tenancyWorld) movesOut(r *rand.Rand) {
	h := w.anyHomeThat(r, (*knownHome).isOccupied)
	if newest := w.accounts[len(w.accounts)-1]; r.IntN(8) == 0 && newest.home != nil {
		h = newest.home // who has just moved in
	}
	if h == nil || r.IntN(20) == 0 {
		h = w.anyHome(r)
	}
	m := leaves(h.number, w.nextKey())
	if !h.wallet {
		m.Credit = registry.CreditLeft{State: registry.CreditUnknown}
		if r.IntN(2) == 0 {
			m.Credit = registry.CreditOf(unit.FromTenths(r.Int64N(300)))
		}
	}
	m.Render = func(m debt.MovedOut) (int, []byte) {
		m.Waits = nil
		b, err := json.Marshal(m)
		return 201, must(w.t, b, err)
	}
	plan, err := w.PlanMoveOut(context.Background(), owner(), m)
	if err != nil {
		w.t.Fatalf("plan a move-out: %v", err)
	}
	var out once.Done[debt.MovedOut]
	w.despiteCrash(r, "crash in a move-out", func() (err error) { out, err = w.MoveOut(context.Background(), owner(), m); return err })
	if plan.Code != out.Code {
		w.t.Errorf("a move-out is refused with %q, and its plan with %q", out.Code, plan.Code)
	}
	if w.turnsDown("move-out", out.Refusal) {
		return
	}
	if out.Replay != nil {
		if err := json.Unmarshal(out.Replay.Body, &out.Value); err != nil {
			w.t.Fatalf("the answer of a move-out is %s: %v", out.Replay.Body, err)
		}
	}
	a := h.account
	if !a.isOpen() || out.Value.Account != a.id {
		w.t.Errorf("account %s was moved out, and by the model %s lived there", out.Value.Account.Text(id.Account), a.id.Text(id.Account))
		return
	}
	a.closed = w.clock.Now()
	w.checkPlan(plan.MovedOut, out.Value)
	w.noteAct("%s moves out of %s: %d paid, %d due back, %d owed", a.id.Text(id.Account), h.number, out.Value.Paid, out.Value.Refund, out.Value.Owed)
	w.countMoveOut(a, m.Credit, out.Value)
	if !out.Value.At.Equal(a.closed) {
		w.t.Errorf("account %s ended at %s, want %s", a.id.Text(id.Account), out.Value.At, a.closed)
	}
	w.checkAccount(a)
}

// checkPlan compares the figures of a move-out with those of its plan. What a replayed answer does not have is compared in internal/debt.
func (w *tenancyWorld) checkPlan(plan, done debt.MovedOut) {
	plan.Journal, plan.At = done.Journal, done.At
	if p, d := fmt.Sprintf("%+v", w.asAnswered(plan)), fmt.Sprintf("%+v", w.asAnswered(done)); p != d {
		w.t.Errorf("a move-out did not do what its plan said:\nplan %s\ndone %s", p, d)
	}
}

// asAnswered returns a move-out as a stored answer has it.
func (w *tenancyWorld) asAnswered(m debt.MovedOut) (out debt.MovedOut) {
	b, err := json.Marshal(m)
	if err == nil {
		err = json.Unmarshal(b, &out)
	}
	if err != nil {
		w.t.Fatal(err)
	}
	return out
}

// countMoveOut counts the rare states of a move-out.
func (w *tenancyWorld) countMoveOut(a *knownAccount, left registry.CreditLeft, out debt.MovedOut) {
	rare := w.tally.rare
	rare.When(out.Owed > 0, "moved out owing")
	rare.When(out.Refund > 0, "moved out with a refund")
	rare.When(out.FinalBill > 0, "final bill")
	rare.When(left.State == registry.CreditRead && left.Units > 0, "credit left in the meter")
	rare.When(left.State == registry.CreditUnknown, "credit unknown")
	rare.When(dayOf(a.opened, w.zone).Equal(dayOf(a.closed, w.zone)), "moved in and out on one day")
	rare.When(a.closed.In(w.zone).Day() == 1, "moved out on the first of a month")
	rare.When(slices.ContainsFunc(a.tariffs, func(c knownChange) bool { return !c.withdrawn && c.from.After(a.closed) }), "planned change never began")
	_, paid := w.chargesNow(a)
	rare.When(len(paid) > 0, "fixed charge paid at a move-out")
}

// movesIn opens an account at a home, mostly one where nobody lives, for somebody who is new or was here before.
func (w *tenancyWorld) movesIn(r *rand.Rand) {
	h := w.anyHomeThat(r, (*knownHome).isVacant)
	if h == nil || r.IntN(20) == 0 {
		h = w.anyHome(r)
	}
	of := w.tariffs[r.IntN(len(w.tariffs))]
	in := registry.MovingIn{Tariff: of.name, Reason: "new lease"}
	var known id.ID
	if r.IntN(2) == 0 {
		known = w.customers[r.IntN(len(w.customers))]
		in.CustomerID = known.Text(id.Customer)
	} else {
		in.Customer = &registry.NewCustomer{Name: fmt.Sprintf("Customer %d", len(w.customers)), Phone: fmt.Sprintf("+2547%08d", len(w.customers)+1)}
	}
	if !h.wallet && r.IntN(3) == 0 {
		in.Credit = registry.CreditOf(unit.FromTenths(r.Int64N(300)))
	}
	var left []*knownAccount // closed accounts of the customer
	var owed money.Minor
	for _, a := range w.accounts {
		if !known.IsZero() && a.customer == known && !a.isOpen() {
			left, owed = append(left, a), owed+w.owedNow(a)
		}
	}
	moving := w.chargesLeft(left)
	plan := must1(w.PlanMoveIn(context.Background(), owner(), h.number, in))(w.t)
	out := must1(w.registry.MoveIn(context.Background(), owner(), h.number, in))(w.t)
	if plan.Code != out.Code {
		w.t.Errorf("a move-in is refused with %q, and its plan with %q", out.Code, plan.Code)
	}
	if w.turnsDown("move-in", out.Refusal) {
		return
	}
	w.checkMoveIn(plan, out)
	if h.isOccupied() {
		w.t.Errorf("somebody moved in at %s, where %s lives", h.number, h.account.id.Text(id.Account))
	}
	a := &knownAccount{id: w.account(h.number), customer: out.Customer.ID, opened: w.clock.Now()}
	w.beginTenancy(h, a, of)
	if known.IsZero() {
		w.customers = append(w.customers, a.customer)
	}
	w.noteAct("%s moves in at %s on %s, taking over %d", a.id.Text(id.Account), h.number, of.name, out.TakenOver)
	w.tally.rare.Reached("moved in")
	w.tally.rare.When(!known.IsZero(), "customer moved in again")
	w.tally.rare.When(owed > 0, "debt taken over at a move-in")
	w.notesMove(left, a, moving)
	if now := w.owedNow(a); out.TakenOver != owed || now != owed {
		w.t.Errorf("closed accounts of the customer owed %d, the move-in says %d, and the new account owes %d", owed, out.TakenOver, now)
	}
	for _, l := range left {
		if now := w.owedNow(l); now != 0 {
			w.t.Errorf("account %s still owes %d that account %s took over", l.id.Text(id.Account), now, a.id.Text(id.Account))
		}
	}
}

// checkMoveIn compares a move-in, and the first purchase that could follow it, with its plan.
func (w *tenancyWorld) checkMoveIn(plan vending.MoveInPlan, done registry.ChangedMeter) {
	w.t.Helper()
	if plan.TakenOver != done.TakenOver || plan.Credit != done.Credit || !slices.Equal(plan.OtherDebts, done.OtherDebts) {
		w.t.Errorf("a move-in did not do what its plan said:\nplan %+v\ndone %+v", plan.ChangedMeter, done)
	}
	if plan.First == nil || plan.First.Refused() {
		return
	}
	w.tally.rare.Reached("first purchase planned")
	quote := must1(w.Quote(context.Background(), owner(), done.Meter.Number, plan.First.Tender))(w.t)
	if p, d := withoutRefs(*plan.First), withoutRefs(quote); !reflect.DeepEqual(p, d) {
		w.t.Errorf("the first purchase is not what the plan said:\nplan %+v\nquote %+v", p, d)
	}
}

// takesOver lets an account owe what another one owes.
func (w *tenancyWorld) takesOver(r *rand.Rand) {
	h := w.anyHomeThat(r, (*knownHome).isOccupied)
	var from *knownAccount
	for _, at := range r.Perm(len(w.accounts)) {
		if a := w.accounts[at]; h != nil && a != h.account && w.owedNow(a) > 0 {
			from = a
			break
		}
	}
	if from == nil {
		return
	}
	to := h.account
	moving, before := w.chargesLeft([]*knownAccount{from}), w.owedNow(from)+w.owedNow(to)
	out := must1(w.TakeOver(context.Background(), owner(), debt.TakeOver{Account: to.id.Text(id.Account), From: from.id.Text(id.Account),
		Reason: "the same person"}))(w.t)
	if w.turnsDown("take-over", out.Refusal) {
		return
	}
	w.noteAct("%s takes over %d from %s", to.id.Text(id.Account), out.Value.Amount.Minor, from.id.Text(id.Account))
	w.tally.rare.Reached("debt taken over by a person")
	ofMonth := w.clock.Now().In(w.zone).Format(localday.MonthForm)
	w.tally.rare.When(from.isOpen() && slices.ContainsFunc(slices.Collect(maps.Keys(moving[from])), func(ref string) bool {
		_, month := debt.DueRef(ref)
		return month == ofMonth && !isFormer(ref)
	}), "charge of the running month taken over")
	w.notesMove([]*knownAccount{from}, to, moving)
	if w.owedNow(from) != 0 || w.owedNow(to) != before {
		w.t.Errorf("two accounts owed %d; after the take-over they owe %d and %d", before, w.owedNow(from), w.owedNow(to))
	}
}

// notesMove notes that an account took over what others owed.
func (w *tenancyWorld) notesMove(from []*knownAccount, to *knownAccount, moving map[*knownAccount]map[string]money.Minor) {
	for _, a := range from {
		w.moves[[2]id.ID{a.id, to.id}] = true
		for ref, left := range moving[a] {
			a.moved[ref] += left
		}
	}
}

// changesTariff gives an account another tariff at once.
func (w *tenancyWorld) changesTariff(r *rand.Rand) { w.assignTariff(r, time.Time{}) }

// plansTariff gives an account another tariff from a moment to come.
func (w *tenancyWorld) plansTariff(r *rand.Rand) { w.assignTariff(r, w.someMoment(r)) }

// someMoment draws a moment in the next weeks, sometimes the beginning of a day or of a month.
func (w *tenancyWorld) someMoment(r *rand.Rand) time.Time {
	now := w.clock.Now()
	switch r.IntN(4) {
	case 0:
		return nextMonthOf(now, w.zone).UTC()
	case 1:
		return dayOf(now.AddDate(0, 0, 1+r.IntN(20)), w.zone).UTC()
	}
	return now.Add(time.Duration(600+r.IntN(15*24*3600)) * time.Second)
}

func (w *tenancyWorld) assignTariff(r *rand.Rand, from time.Time) {
	h, of := w.anyHome(r), w.tariffs[r.IntN(len(w.tariffs))]
	c := registry.ChangingTariff{Tariff: of.name, From: from, Reason: "another use"}
	out := must1(w.registry.ChangeTariff(context.Background(), owner(), h.number, c))(w.t)
	if w.turnsDown("change of tariff", out.Refusal) {
		return
	}
	want := from
	if from.IsZero() {
		want = w.clock.Now()
	}
	w.noteAct("%s gets %s from %s", h.account.id.Text(id.Account), of.name, out.Change.From.Format(time.DateTime))
	if h.isVacant() || out.Change.Account != h.account.id || !out.Change.From.Equal(want) || out.Change.Tariff != of.id {
		w.t.Errorf("account %s gets tariff %s from %s; want account %s, %s from %s", out.Change.Account.Text(id.Account), out.Change.Tariff.Text(id.Tariff),
			out.Change.From, h.account.id.Text(id.Account), of.name, want)
	}
	h.account.tariffs = append(h.account.tariffs, knownChange{n: out.Change.N, tariff: of, from: out.Change.From})
	w.tally.rare.When(from.IsZero(), "tariff changed at once")
	w.tally.rare.When(!from.IsZero(), "tariff change planned")
}

// withdrawsChange takes a planned change of a tariff back.
func (w *tenancyWorld) withdrawsChange(r *rand.Rand) {
	now := w.clock.Now()
	isPlanned := func(c knownChange) bool { return !c.withdrawn && c.from.After(now) }
	h := w.anyHomeThat(r, func(h *knownHome) bool { return slices.ContainsFunc(h.account.tariffs, isPlanned) })
	if h == nil {
		return
	}
	out := must1(w.registry.ChangeTariff(context.Background(), owner(), h.number, registry.ChangingTariff{Withdraw: true, Reason: "not wanted"}))(w.t)
	if w.turnsDown("withdrawal of a change", out.Refusal) {
		return
	}
	at := slices.IndexFunc(h.account.tariffs, func(c knownChange) bool { return isPlanned(c) && c.n == out.Change.Withdraws })
	if at < 0 {
		w.t.Fatalf("change %d of account %s was withdrawn, and by the model it is not planned", out.Change.Withdraws, h.account.id.Text(id.Account))
	}
	h.account.tariffs[at].withdrawn = true
	w.noteAct("the change of %s from %s is withdrawn", h.account.id.Text(id.Account), h.account.tariffs[at].from.Format(time.DateTime))
	w.tally.rare.Reached("tariff change withdrawn")
}

// publishesPrice publishes a version of a tariff that begins at once.
func (w *tenancyWorld) publishesPrice(r *rand.Rand) { w.publishesFrom(r, time.Time{}) }

// plansPrice publishes a version that begins later.
func (w *tenancyWorld) plansPrice(r *rand.Rand) { w.publishesFrom(r, w.someMoment(r)) }

func (w *tenancyWorld) publishesFrom(r *rand.Rand, from time.Time) {
	known := w.tariffs[r.IntN(len(w.tariffs))]
	n := registry.NewVersion{Tariff: known.name, Body: drawPrice(r), EffectiveFrom: from}
	out := must1(w.registry.AddVersion(context.Background(), owner(), n))(w.t)
	if w.turnsDown("price", out.Refusal) {
		return
	}
	want := from
	if from.IsZero() {
		want = w.clock.Now()
	}
	known.addVersion(knownVersion{id: out.Version.ID, from: want, body: n.Body})
	w.noteAct("%s gets version %d from %s", known.name, len(known.versions), want.Format(time.DateTime))
	w.tally.rare.When(from.IsZero(), "version published at once")
	w.tally.rare.When(!from.IsZero(), "version planned")
}

// withdrawsPrice takes a version back before it begins: whatever price holds before it goes on.
func (w *tenancyWorld) withdrawsPrice(r *rand.Rand) { w.takesPlace(r, true) }

// replacesPrice puts another version in the place of one that has not begun.
func (w *tenancyWorld) replacesPrice(r *rand.Rand) { w.takesPlace(r, false) }

func (w *tenancyWorld) takesPlace(r *rand.Rand, withdraws bool) {
	for _, at := range r.Perm(len(w.tariffs)) {
		known := w.tariffs[at]
		old := known.findPlanned(w.clock.Now())
		if old == nil {
			continue
		}
		n := registry.NewVersion{Tariff: known.name, Replaces: old.n, Withdraws: withdraws}
		if !withdraws {
			n.Body = drawPrice(r)
		}
		out := must1(w.registry.AddVersion(context.Background(), owner(), n))(w.t)
		if w.turnsDown("price in place of another", out.Refusal) {
			return
		}
		old.gone = true
		// A withdrawal is no price.
		known.addVersion(knownVersion{id: out.Version.ID, from: old.from, body: n.Body, gone: withdraws})
		w.noteAct("version %d of %s takes the place of version %d (withdrawn: %t)", len(known.versions), known.name, old.n, withdraws)
		w.tally.rare.When(withdraws, "version withdrawn")
		w.tally.rare.When(!withdraws, "version replaced")
		return
	}
}

// addVersion adds the next version of a tariff.
func (k *knownTariff) addVersion(v knownVersion) {
	v.n = len(k.versions) + 1
	v.corrects = cmp.Or(v.corrects, v.n)
	k.versions = append(k.versions, v)
}

// correctsPrice makes fixed charges smaller that a version has brought, also for the time that has passed.
func (w *tenancyWorld) correctsPrice(r *rand.Rand) {
	known := w.tariffs[r.IntN(len(w.tariffs))]
	all := known.listTooHigh(w.clock.Now())
	if len(all) == 0 {
		return
	}
	old := all[r.IntN(len(all))]
	n := registry.NewVersion{Tariff: known.name, Replaces: old.n, Body: old.body}
	n.Body.Fixed = nil
	for i, f := range old.body.Fixed {
		if i == 0 || r.IntN(2) == 0 {
			f.Amount = money.Minor(r.Int64N(int64(f.Amount)))
		}
		if f.Amount > 0 {
			n.Body.Fixed = append(n.Body.Fixed, f)
		}
	}
	out := must1(w.registry.AddVersion(context.Background(), owner(), n))(w.t)
	if w.turnsDown("correction of a price", out.Refusal) {
		return
	}
	w.tally.rare.Reached("version corrected")
	w.tally.rare.When(old.corrects != old.n, "correction corrected")
	old.gone = true
	known.addVersion(knownVersion{id: out.Version.ID, from: old.from, body: n.Body, corrects: old.corrects})
	w.noteAct("version %d of %s corrects version %d", len(known.versions), known.name, old.n)
	w.despiteCrash(r, "crash in a correction", func() error {
		_, err := w.CorrectCharges(context.Background(), system())
		return err
	})
	for _, a := range w.accounts {
		a.correctedLater = a.correctedLater || !a.isOpen()
		if a.wallet && !a.stock {
			w.correctDays(a, known, &known.versions[len(known.versions)-1])
		}
	}
}

// raisesDebt makes an account owe a debt.
func (w *tenancyWorld) raisesDebt(r *rand.Rand) {
	h := w.anyHomeThat(r, (*knownHome).isOccupied)
	if h == nil {
		return
	}
	n := debt.NewDebt{Account: h.number, Kind: "fine", Amount: kes(money.Minor(1 + r.Int64N(8000))), Mode: tariff.Full}
	switch r.IntN(3) {
	case 0:
		n.Mode, n.Value = tariff.Percent, 1+r.Int64N(5000)
	case 1:
		n.Mode, n.Value, n.MonthCap = tariff.Amount, 1+r.Int64N(800), money.Minor(r.Int64N(2)*2000)
	}
	out := must1(w.Debts.Add(context.Background(), owner(), n))(w.t)
	if !w.turnsDown("debt", out.Refusal) {
		w.noteAct("%s owes %d more", h.account.id.Text(id.Account), n.Amount.Minor)
	}
}

// writesOff writes a part of a debt off.
func (w *tenancyWorld) writesOff(r *rand.Rand) {
	list := must1(w.Debts.List(context.Background(), owner(), debt.ListRequest{Open: true}))(w.t)
	if len(list.Debts) == 0 {
		return
	}
	d := list.Debts[r.IntN(len(list.Debts))]
	out := must1(w.WriteOff(context.Background(), owner(), debt.WriteOff{Debt: d.Name(), Amount: ptr(1 + money.Minor(r.Int64N(int64(d.Outstanding)))),
		Reason: "a mistake"}))(w.t)
	if !w.turnsDown("write-off", out.Refusal) {
		w.noteAct("a part of %s of %s is written off", d.Name(), d.Account.Text(id.Account))
		w.tally.rare.Reached("debt written off")
	}
}

// givesGoodwill gives a customer money.
func (w *tenancyWorld) givesGoodwill(r *rand.Rand) {
	h := w.anyHome(r)
	amount := money.Minor(1 + r.Int64N(2000))
	out := must1(w.Adjust(context.Background(), owner(), debt.Adjustment{Account: h.number, Amount: kes(amount), Reason: "an apology"}))(w.t)
	if w.turnsDown("goodwill", out.Refusal) {
		return
	}
	w.noteAct("%s gets %d", h.account.id.Text(id.Account), amount)
	w.tally.rare.Reached("goodwill")
	if h.isVacant() || out.Value.Account != h.account.id {
		w.t.Errorf("account %s got goodwill, want %s", out.Value.Account.Text(id.Account), h.account.id.Text(id.Account))
	}
	if h.wallet {
		h.account.given += amount
	}
}

// swapsMeter puts a meter from the store room in the place of another one.
func (w *tenancyWorld) swapsMeter(r *rand.Rand) {
	h := w.anyHome(r)
	w.serial++
	mode := registry.PrepayToken
	if h.wallet {
		mode = registry.PrepayWallet
	}
	swap := vending.Swap{Old: h.number, New: w.stocked(w.serial, mode, w.tariffs[0].id)}
	stock := &knownAccount{id: w.account(swap.New), opened: w.clock.Now(), stock: true, wallet: h.wallet, tariffs: []knownChange{{tariff: w.tariffs[0]}},
		charges: map[string]money.Minor{}, moved: map[string]money.Minor{}}
	w.accounts = append(w.accounts, stock)
	w.clock.add(time.Second)
	closing := h.register
	switch {
	case !h.wallet:
		swap.Balance = ptr(unit.FromTenths(r.Int64N(2) * r.Int64N(30)))
	case h.account.use.started && r.IntN(2) == 0:
		closing += r.Int64N(5)
		swap.Register = ptr(unit.Energy(closing))
	}
	out := w.swaps(swap, w.nextKey())
	if w.turnsDown("swap", out.Refusal) {
		return
	}
	w.noteAct("%s takes the place of %s at account %s", swap.New, h.number, h.account.id.Text(id.Account))
	stock.closed = w.clock.Now()
	if h.isVacant() || out.Value.Account != h.account.id {
		w.t.Errorf("a meter was replaced for account %s, want %s", out.Value.Account.Text(id.Account), h.account.id.Text(id.Account))
	}
	w.tally.rare.When(h.wallet, "wallet meter swapped")
	w.tally.rare.When(!h.wallet, "keypad meter swapped")
	if h.wallet {
		if swap.Register != nil {
			h.account.use.takeReading(h.account, knownReading{at: w.clock.Now(), register: closing}, w.zone)
		}
		h.account.use.replaceMeter()
	}
	h.number, h.register, h.readAt, h.seq, h.unsent = swap.New, r.Int64N(90_000), w.clock.Now(), 0, nil
	h.n = w.number(`SELECT n FROM meter WHERE number = $1`, h.number)
	if h.wallet {
		w.checkUse(h.account)
	}
}

// worksDaily does what a server does each day: it makes charges due, takes those of wallets, and posts use. The server may crash meanwhile.
func (w *tenancyWorld) worksDaily(r *rand.Rand) {
	w.noteAct("daily work")
	w.despiteCrash(r, "crash between acts", func() error {
		_, err := w.Accrue(context.Background(), system())
		return err
	})
	by := access.SystemActor(tenant, "wallets")
	must1(w.wallets.ChargeDays(context.Background(), by))(w.t)
	must1(w.wallets.SettleDue(context.Background(), by))(w.t)
	for _, a := range w.accounts {
		if a.wallet && a.isOpen() && !a.stock {
			w.chargeDays(a, w.clock.Now())
		}
	}
}

// owedNow returns what an account owes: its debts and charges that are not paid.
func (w *tenancyWorld) owedNow(a *knownAccount) (sum money.Minor) {
	w.t.Helper()
	w.view(func(tx *store.Tx) error {
		debts, charges, err := tx.Owing().OwedBy(a.id)
		sum = 0
		for _, o := range append(debts, charges...) {
			sum += o.Left
		}
		return err
	})
	return sum
}

// chargesLeft returns the unpaid charges of accounts, by their references.
func (w *tenancyWorld) chargesLeft(all []*knownAccount) map[*knownAccount]map[string]money.Minor {
	w.t.Helper()
	out := map[*knownAccount]map[string]money.Minor{}
	for _, a := range all {
		w.view(func(tx *store.Tx) error {
			_, charges, err := tx.Owing().OwedBy(a.id)
			out[a] = map[string]money.Minor{}
			for _, c := range charges {
				out[a][c.Name+" "+c.Month] = c.Left
			}
			return err
		})
	}
	return out
}

// chargesNow returns the charges of an account by their references, and what of them became a debt that the move-out paid.
func (w *tenancyWorld) chargesNow(a *knownAccount) (dues map[string]debt.Due, paid map[string]money.Minor) {
	w.t.Helper()
	w.view(func(tx *store.Tx) error {
		dues, paid = map[string]debt.Due{}, map[string]money.Minor{}
		all, err := tx.ChargesOf(a.id, "")
		if err != nil {
			return err
		}
		for _, d := range all {
			dues[d.Ref()] = d
		}
		debts, err := tx.DebtPage(a.id, false, id.ID{}, registry.MaxLimit)
		for _, d := range debts {
			if d.Against == "fixed" && !a.isOpen() && !d.CreatedAt.Before(a.closed) {
				paid[d.Memo] += d.Principal
			}
		}
		return err
	})
	return dues, paid
}

// balanceNow returns what the books say that an account has: in its wallet, or carried forward.
func (w *tenancyWorld) balanceNow(a *knownAccount) (balance money.Minor) {
	w.t.Helper()
	of := ledger.AccountRef{Code: ledger.Carry, Subject: a.id.Text(id.Account)}
	if a.wallet {
		of.Code = ledger.Wallet
	}
	w.view(func(tx *store.Tx) error {
		sum, err := tx.Balance(of)
		balance = -sum
		return err
	})
	return balance
}

// monthsOf returns the local months of an account up to its end, or up to now.
func (w *tenancyWorld) monthsOf(a *knownAccount) (out []string) {
	last := w.clock.Now()
	if !a.isOpen() {
		last = a.closed
	}
	for m := dayOf(a.opened, w.zone); ; m = nextMonthOf(m, w.zone) {
		if m.After(last) {
			return out
		}
		out = append(out, m.Format(localday.MonthForm))
	}
}
