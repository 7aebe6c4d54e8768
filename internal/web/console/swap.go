package console

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/vending"
	"github.com/paywatt/paywatt/unit"
)

// swapFields are the figures of a swap as somebody typed them.
type swapFields struct {
	New, Balance, Register, Reason string
	Unused                         []string
}

// swapPage replaces a meter: a form that shows what is known, what the swap will do, and, once it is done, what it did.
type swapPage struct {
	swapFields
	Number, Grouped, Customer string
	Wallet, May               bool
	Reported                  string // balance or register with its time; empty if none was reported
	Most                      string // the most that the new meter can get
	Allowed                   string // what the old wallet meter may still supply; empty if nothing
	Open                      []swapToken
	Plan                      *swapPlan
	Done                      *swapDone
	FormID, Error, Command    string
}

// swapToken is a token that the old meter is not known to have taken.
type swapToken struct {
	ID, Units, IssuedAt string
	Counted             bool
}

// swapPlan says what a swap will do.
type swapPlan struct {
	NewGrouped, Left, Unused, Units string // of a token meter
	Register, Charged, Allowed      string // of a wallet meter
}

// swapDone says what a swap did.
type swapDone struct {
	New, NewGrouped, At, By, Approved, Reason, Effect string
	Tokens                                            string // page with the replacement tokens
	Waits, Failed                                     bool   // the tokens wait for the issuer, or it refused them
}

// Acts of the form of a swap.
const (
	actSwapPlan = "plan"
	actSwap     = "swap" // also to make the tokens of a swap again
)

func swapPath(number string) string { return "/meters/" + url.PathEscape(number) + "/swap" }

func (s *Console) swapMeter(w http.ResponseWriter, r *http.Request, v visit) {
	s.showSwap(w, r, v, http.StatusOK, swapPage{})
}

// showSwap shows the page of a swap, with what is known about the meter now.
func (s *Console) showSwap(w http.ResponseWriter, r *http.Request, v visit, status int, d swapPage) {
	ctx := r.Context()
	m, err := s.find(ctx, v, r.PathValue("number"))
	if s.stopped(w, r, v, err, m.Refusal) {
		return
	}
	f, err := s.c.Vending.LookAtSwap(ctx, v.by, m.Meter.Number)
	if s.stopped(w, r, v, err, f.Refusal) {
		return
	}
	t := v.site.say
	d.Number, d.Grouped, d.Customer = m.Meter.Number, groups(m.Meter.Number), m.Customer.Name
	d.Wallet, d.May = m.Meter.Mode == registry.PrepayWallet, v.by.May(access.ActSwap.Right())
	switch {
	case d.Wallet && !f.Closing.At.IsZero():
		d.Reported = t.SwapKnown(t.Energy(f.Closing.Register, 3), v.site.clock(f.Closing.At))
	case !d.Wallet && f.Reported:
		d.Reported = t.SwapKnown(t.Energy(f.Balance, 1), v.site.clock(f.BalanceAt))
	}
	d.Most = t.Energy(f.Limit, 1)
	if f.Closing.Allowed > 0 {
		d.Allowed = t.SwapAllowed(t.Energy(f.Closing.Allowed, 1))
	}
	for _, token := range f.Open {
		name := token.ID.Text(id.Token)
		d.Open = append(d.Open, swapToken{name, t.Energy(token.Units, 1), v.site.clock(token.IssuedAt), slices.Contains(d.Unused, name)})
	}
	if f.Replaced != nil {
		d.Done = v.site.swapDone(f.Replaced.Swap)
		d.Done.Waits, d.Done.Failed = f.Replaced.Tokens == sale.Held, f.Replaced.Tokens == sale.Failed && d.May
	}
	if d.FormID, err = s.formID(v); err != nil {
		s.broken(w, r, v, err)
		return
	}
	if d.Command == "" {
		d.Command = d.command(d.Balance, d.Register)
	}
	p := s.page(r, v, t.SwapTitle(d.Grouped))
	p.mark(t, m.Meter.Simulated)
	s.show(w, r, status, swapView(p, d))
}

// command is the command that does the same as the form.
func (d swapPage) command(balance, register string) string {
	args := []string{"--balance", balance, "--register", register}
	for _, token := range d.Unused {
		args = append(args, "--unused-token", token)
	}
	return commandLine("paywatt meter swap "+d.Number+" "+cmp.Or(d.New, "NEW"), append(args, "--reason", cmp.Or(d.Reason, "REASON"))...)
}

func (t site) swapDone(s sale.Swap) *swapDone {
	d := &swapDone{New: s.New.Number, NewGrouped: groups(s.New.Number), At: t.clock(s.At), By: t.actor(s.By), Approved: t.actor(s.ApprovedBy), Reason: s.Reason}
	switch {
	case s.Source != "":
		d.Effect = t.say.SwapGave(t.say.Energy(s.Units, 1), t.say.Energy(s.Balance, 1), t.say.Energy(s.TokenUnits, 1))
	case !s.RegisterAt.IsZero():
		d.Effect = t.say.SwapClosed(t.say.Energy(s.Register, 3))
	}
	if !s.Job.IsZero() {
		d.Tokens = madePath(s.New.Number, s.Job.Text(id.Job))
	}
	return d
}

// read reads the figures of a swap.
func (f swapFields) read(v visit, number string) (vending.Swap, refusal.Refusal) {
	a := vending.Swap{Old: number, New: f.New, Unused: f.Unused, Reason: f.Reason}
	for _, figure := range []struct {
		text string
		to   **unit.Energy
	}{{f.Balance, &a.Balance}, {f.Register, &a.Register}} {
		if figure.text == "" {
			continue
		}
		n, wrong := v.site.say.Parse(figure.text, money.Currency{Exp: 3}) // kWh with three decimals
		if wrong != nil {
			return a, refuse.FormUnitsOfWrongForm(refusal.Echo(figure.text))
		}
		*figure.to = new(unit.Energy(n))
	}
	return a, refusal.Refusal{}
}

// doSwap shows what a swap will do, or does it.
func (s *Console) doSwap(w http.ResponseWriter, r *http.Request, v visit) {
	field := func(name string) string { return strings.TrimSpace(r.PostFormValue(name)) }
	number := r.PathValue("number")
	d := swapPage{swapFields: swapFields{New: field("new"), Balance: field("balance"), Register: field("register"), Reason: field("reason"), Unused: r.PostForm["unused"]}}
	again := func(no refusal.Refusal) {
		d.Error = v.site.say.Refusal(no).Detail()
		s.showSwap(w, r, v, max(no.Code.Status(), http.StatusBadRequest), d)
	}
	a, no := d.read(v, number)
	if !v.owns(field("form")) {
		no = refuse.TokenFormOfOtherSession()
	}
	if no.Refused() {
		again(no)
		return
	}
	if field("act") != actSwap {
		s.planSwap(w, r, v, a, d, again)
		return
	}
	a.Request = v.requestOf(r)
	a.Render = func(done vending.Swapped, _ vending.Digits) (int, []byte) {
		if done.Waits != nil {
			return waitsAt(*done.Waits)
		}
		return http.StatusSeeOther, []byte(swapPath(done.Old.Number))
	}
	done, err := s.c.Vending.SwapMeter(r.Context(), v.by, a)
	switch {
	case err != nil:
		s.broken(w, r, v, err)
	case done.Replay != nil:
		http.Redirect(w, r, string(done.Replay.Body), http.StatusSeeOther)
	case done.Refused():
		again(done.Refusal)
	case done.Value.Waits != nil:
		s.showWaits(w, r, v, *done.Value.Waits)
	default:
		http.Redirect(w, r, swapPath(done.Value.Old.Number), http.StatusSeeOther)
	}
}

// planSwap shows what a swap will do before it is done.
func (s *Console) planSwap(w http.ResponseWriter, r *http.Request, v visit, a vending.Swap, d swapPage, again func(refusal.Refusal)) {
	out, err := s.c.Vending.PlanSwap(r.Context(), v.by, a)
	switch {
	case err != nil:
		s.broken(w, r, v, err)
		return
	case out.Refused():
		again(out.Refusal)
		return
	}
	t := v.site.say
	p := &swapPlan{NewGrouped: groups(out.New.Number)}
	if out.Mode == registry.PrepayWallet {
		p.Register, p.Charged = t.Energy(out.Register, 3), t.Energy(out.Charged, 3)
		if out.Allowed > 0 {
			p.Allowed = t.SwapAllowed(t.Energy(out.Allowed, 1))
		}
	} else {
		p.Left, p.Unused, p.Units = t.Energy(out.Balance, 3), t.Energy(out.TokenUnits, 1), t.Energy(out.Units, 1)
	}
	typed := func(e *unit.Energy) string {
		if e == nil {
			return ""
		}
		return e.KWh(3)
	}
	d.Number, d.New, d.Plan = out.Old.Number, out.New.Number, p
	d.Command = d.command(typed(a.Balance), typed(a.Register))
	s.showSwap(w, r, v, http.StatusOK, d)
}
