package console

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/a-h/templ"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/search"
	"github.com/paywatt/paywatt/internal/vending"
	"github.com/paywatt/paywatt/internal/words"
)

// A sale takes two steps: the form (which meter, how much) and the check (who is paid for, what the money buys, and the
// button). The form's id goes through both and names the sale, so a form sells once, however the browser returns to either
// step. The check only reads, so it is a GET: Back shows it again without a prompt.

// sellForm is the first step.
type sellForm struct {
	FormID                  string
	Meter, Amount, Currency string
	Seen                    string // the previous sale, as the second step showed it
	Names                   bool   // a name or an address finds the meter, too
	Error                   string
	Preview                 preview
	Cards                   bool   // the utility has made vouchers
	Till, TillPath          string // which till the cash goes to, and its page; empty for somebody without a till
}

// ready reports whether the form came filled in and can be checked at once. Then the button has the focus, so that a digit
// typed too soon does not change the amount.
func (f sellForm) ready() bool { return f.Error == "" && f.Preview.Bill.Total != "" }

// preview holds the known facts about a form while it is filled in.
type preview struct {
	Hint, Problem string
	Hits          []hitLine // meters that the typed text may mean
	Payee         *payee
	Units         string // empty: no price yet, or a recharge
	Bill          bill
}

// payee is the customer whom the money is for.
type payee struct {
	Customer, Grouped, Tariff, Balance, AsOf string
	State                                    badge
	Simulated                                bool
}

// bill lists the items that the money pays for.
type bill struct {
	Lines       []lineText
	Total, Code string // what is paid, with its currency; the currency alone
}

// lineText is one line of a bill; Notes explain the amount.
type lineText struct {
	Name, Amount string
	Notes        []string
}

// checkForm is the second step.
type checkForm struct {
	FormID, Meter, Amount string
	Payee                 payee
	Units                 string // empty for a recharge
	Bill                  bill
	Push                  bool   // send the token to the meter
	Print                 bool   // print the receipt at once
	Printer               string // of the server, which prints it; empty if the browser does
	Before                *soldBefore
	Last                  []saleLine // the last sales to the meter, the newest first
	StaysOff              string     // why the supply stays off after the sale; empty if nothing but credit is missing
	Asks                  *askPhone  // nil if no provider can ask a customer
	Meanwhile             bool       // the sale in Before was made while the form was open, so this form did not sell
}

func (s *Console) sellPage(w http.ResponseWriter, r *http.Request, v visit) {
	if !v.sells() {
		s.refuse(w, r, v, notSelling(v.by))
		return
	}
	q := r.URL.Query()
	s.showSell(w, r, v, http.StatusOK, sellForm{Meter: q.Get("meter"), Amount: q.Get("amount")})
}

// notSelling is the refusal for a role without all rights that selling needs.
func notSelling(by access.Actor) refusal.Refusal {
	for _, right := range []access.Right{access.Sell, access.Quote, access.ReadMeters} {
		if !by.May(right) && (right != access.ReadMeters || by.Vendor.IsZero()) {
			return refuse.SellerWithoutRight(string(by.Role), string(right))
		}
	}
	return refusal.Refusal{}
}

// showSell shows the first step. A form without an id of this session gets a new one.
func (s *Console) showSell(w http.ResponseWriter, r *http.Request, v visit, status int, f sellForm) {
	var err error
	if !v.owns(f.FormID) {
		f.FormID, err = s.formID(v)
	}
	if err == nil {
		f.Preview, err = s.preview(r.Context(), v, f.Meter, f.Amount)
	}
	if err == nil {
		f.Till, f.TillPath, err = s.tillOf(r, v)
	}
	if err == nil {
		f.Cards, err = s.c.Vouchers.Offered(r.Context(), v.by.Tenant)
	}
	if err != nil {
		s.broken(w, r, v, err)
		return
	}
	if f.Error != "" {
		f.Preview.Problem = "" // the problem would repeat the refusal
	}
	f.Currency, f.Names = v.site.currency, v.by.May(access.ReadMeters)
	p := s.page(r, v, v.site.say.SellTitle())
	p.Htmx = true
	p.mark(v.site.say, f.Preview.Payee != nil && f.Preview.Payee.Simulated)
	s.show(w, r, status, sellView(p, f))
}

// numeric are the attributes of a field that takes only digits: telephones show digits, and "/" leads to the search box.
func numeric(only bool) templ.Attributes {
	if !only {
		return nil
	}
	return templ.Attributes{"inputmode": "numeric", "data-number": true}
}

// sellPreview answers with the preview of a form.
func (s *Console) sellPreview(w http.ResponseWriter, r *http.Request, v visit) {
	q := r.URL.Query()
	p, err := s.preview(r.Context(), v, q.Get("meter"), q.Get("amount"))
	if err != nil {
		s.broken(w, r, v, err)
		return
	}
	s.show(w, r, http.StatusOK, previewView(p))
}

// preview names the payee once the meter number is complete, and the price once there is an amount too.
func (s *Console) preview(ctx context.Context, v visit, meter, amount string) (preview, error) {
	if hint := unfinished(v, meter); hint != "" {
		hits, err := s.meant(ctx, v, meter)
		return preview{Hint: hint, Hits: hits}, err
	}
	m, err := s.payeeOf(ctx, v, meter)
	if err != nil || m.Refused() {
		out := preview{Problem: brief(v.site.say, m.Refusal)}
		if err == nil && !digitsOnly(meter) {
			out.Hits, err = s.meant(ctx, v, meter)
		}
		return out, err
	}
	out := preview{Payee: v.site.payee(m)}
	if strings.TrimSpace(amount) == "" {
		return out, nil
	}
	tender, no := v.site.tender(amount)
	if no.Refused() {
		out.Problem = brief(v.site.say, no)
		return out, nil
	}
	quote, err := s.c.Vending.Quote(ctx, v.by, m.Meter.Number, tender)
	if err != nil || quote.Refused() {
		out.Problem = brief(v.site.say, quote.Refusal)
		return out, err
	}
	out.Units, out.Bill = unitsOf(v.site.say, quote), v.site.bill(quote.Lines, quote.Tender)
	return out, nil
}

// unitsOf returns the units that a quote's price buys; empty for a recharge of a wallet.
func unitsOf(t *words.Texts, q vending.Quoted) string {
	if len(q.Tokens) == 0 {
		return ""
	}
	return t.KWh(q.Units, 1)
}

// unfinished returns the hint while a meter number is being typed; empty once its length is valid.
func unfinished(v visit, meter string) string {
	t := v.site.say
	digits := strings.NewReplacer(" ", "", "-", "").Replace(meter)
	switch n := len(digits); {
	case n == 0 && v.by.May(access.ReadMeters):
		return t.SellNameWanted()
	case n == 0:
		return t.SellDigitsWanted()
	case digitsOnly(meter) && (n < 11 || n == 12):
		return t.SellDigitsSoFar(itoa(n))
	}
	return ""
}

// payeeOf finds the meter that money is for, by its number or by what can mean only one meter. People who sell for a vendor learn only its
// number and a short form of the customer's name.
func (s *Console) payeeOf(ctx context.Context, v visit, typed string) (registry.MeterView, error) {
	number, no := registry.Canonical(typed)
	if !v.by.May(access.ReadMeters) {
		if no.Refused() {
			return registry.MeterView{Refusal: no}, nil
		}
		return s.payeeNumbered(ctx, v, number)
	}
	if !no.Refused() {
		return s.find(ctx, v, typed)
	}
	found, err := s.c.Search.Find(ctx, v.by, typed)
	h, ok := found.Single()
	switch {
	case err != nil || found.Refused():
		return registry.MeterView{Refusal: found.Refusal}, err
	case ok && h.Meter != "" && !strings.HasPrefix(h.Meter, cmp.Or(registry.Dialled(typed), "-")): // a number with digits missing names no meter
		return s.find(ctx, v, h.Meter)
	case len(found.Hits) > 1 && !digitsOnly(typed):
		return registry.MeterView{Refusal: refuse.MeterAmbiguous(refusal.Echo(typed))}, nil
	}
	return s.find(ctx, v, typed)
}

// payeeNumbered is what people who sell for a vendor learn about a meter.
func (s *Console) payeeNumbered(ctx context.Context, v visit, number string) (registry.MeterView, error) {
	p, err := s.c.Registry.Payee(ctx, v.by, number)
	m := p.Supply
	m.Refusal, m.Meter, m.Customer = p.Refusal, registry.Meter{Number: number, Simulated: p.Simulated}, registry.Customer{Name: p.Name}
	return m, err
}

// meterSold is the meter of a sale, as far as the visitor may see it.
func (s *Console) meterSold(ctx context.Context, v visit, number string) (registry.MeterView, error) {
	if v.by.May(access.ReadMeters) {
		return s.c.Registry.Meter(ctx, v.by, number)
	}
	return s.payeeNumbered(ctx, v, number)
}

// meant lists the meters that a typed text may mean, with links that choose one.
func (s *Console) meant(ctx context.Context, v visit, typed string) ([]hitLine, error) {
	if !v.by.May(access.ReadMeters) || len(strings.TrimSpace(typed)) < 2 {
		return nil, nil
	}
	found, err := s.c.Search.Find(ctx, v.by, typed)
	hits := slices.DeleteFunc(found.Hits, func(h search.Hit) bool { return h.Kind != search.Meter })
	lines := hitLines(v.site.say, hits[:min(len(hits), maxSuggestions)])
	for i := range lines {
		lines[i].Path = "/sell?meter=" + url.QueryEscape(hits[i].Meter)
	}
	return lines, err
}

func (t site) payee(m registry.MeterView) *payee {
	if m.Meter.ID.IsZero() {
		return &payee{Customer: cmp.Or(m.Customer.Name, t.say.SellNoName()), Grouped: groups(m.Meter.Number), Simulated: m.Meter.Simulated}
	}
	row := t.row(m)
	p := payee{Customer: row.Customer, Grouped: row.Grouped, Tariff: row.Tariff, Balance: row.Balance, AsOf: row.AsOf, State: row.State,
		Simulated: row.Simulated}
	p.Customer = cmp.Or(p.Customer, t.say.SellNoName())
	return &p
}

// tender reads a typed amount in the site's currency.
func (t site) tender(text string) (money.Amount, refusal.Refusal) {
	c, ok := money.CurrencyOf(t.currency)
	if !ok {
		return money.Amount{}, refuse.TenderWithoutTariff()
	}
	m, err := t.say.Parse(text, c)
	example := t.say.Figure(money.Minor(100*money.PowerOfTen(c.Exp)), c)
	switch {
	case errors.Is(err, money.ErrDecimals):
		return money.Amount{}, refuse.TenderWithTooManyDecimals(c.Code, int64(c.Exp), example)
	case err != nil:
		return money.Amount{}, refuse.TenderOfWrongForm(refusal.Echo(text), c.Code, example)
	case m <= 0:
		return money.Amount{}, refuse.TenderNotPositive(example)
	}
	return money.Amount{Minor: m, Currency: c.Code}, refusal.Refusal{}
}

// broughtFirst returns the lines with the change that was brought forward before the change that is carried forward, as on receipts.
func broughtFirst(lines []sale.Line) []sale.Line {
	out := slices.Clone(lines)
	carried := slices.IndexFunc(out, func(l sale.Line) bool { return l.Kind == sale.LineCarry })
	brought := slices.IndexFunc(out, func(l sale.Line) bool { return l.Kind == sale.LineCarryIn })
	if carried >= 0 && carried < brought {
		out[carried], out[brought] = out[brought], out[carried]
	}
	return out
}

func (t site) bill(lines []sale.Line, total money.Amount) bill {
	b := bill{Total: t.say.Sum(total), Code: total.Currency}
	c, _ := money.CurrencyOf(total.Currency)
	for _, l := range broughtFirst(lines) {
		row := lineText{Name: lineWord(t.say, l.Kind), Amount: t.say.Amount(money.Amount{Minor: l.Amount, Currency: total.Currency})}
		if name := cmp.Or(l.Label, l.Ref); name != "" {
			row.Name += " " + name
		}
		for _, s := range l.Steps {
			note := t.say.Energy(s.Units, 1)
			if l.Kind != sale.LineFree {
				note += " @ " + t.say.Rate(s.Rate, c)
			}
			if len(l.Steps) > 1 {
				note += " = " + t.say.Figure(s.Amount, c)
			}
			row.Notes = append(row.Notes, note)
		}
		if l.Left != nil {
			row.Notes = append(row.Notes, t.say.SellLeftToPay(t.say.Figure(*l.Left, c)))
		}
		b.Lines = append(b.Lines, row)
	}
	return b
}

// sellCheck is the second step: payee, tariff and lines, before anything is sold.
func (s *Console) sellCheck(w http.ResponseWriter, r *http.Request, v visit) {
	q := r.URL.Query()
	f := sellForm{FormID: q.Get("form"), Meter: strings.TrimSpace(q.Get("meter")), Amount: q.Get("amount")}
	if v.owns(f.FormID) {
		sale, err := s.made(r.Context(), v, f.FormID)
		if err != nil {
			s.broken(w, r, v, err)
			return
		}
		if !sale.IsZero() {
			http.Redirect(w, r, salePath(sale)+"?again=1", http.StatusSeeOther)
			return
		}
	}
	s.check(w, r, v, f, checkForm{Push: true})
}

// check shows the second step, with the price of the purchase from the first step. The parameter c holds the data that check does not read
// itself.
func (s *Console) check(w http.ResponseWriter, r *http.Request, v visit, f sellForm, c checkForm) {
	m, err := s.payeeOf(r.Context(), v, f.Meter)
	if err != nil {
		s.broken(w, r, v, err)
		return
	}
	if m.Refused() {
		s.sellAgain(w, r, v, f, m.Code.Status(), m.Refusal)
		return
	}
	tender, no := v.site.tender(f.Amount)
	if no.Refused() {
		s.sellAgain(w, r, v, f, http.StatusUnprocessableEntity, no)
		return
	}
	quote, err := s.c.Vending.Quote(r.Context(), v.by, m.Meter.Number, tender)
	if err != nil {
		s.broken(w, r, v, err)
		return
	}
	if quote.Refused() {
		s.sellAgain(w, r, v, f, quote.Code.Status(), quote.Refusal)
		return
	}
	m.Meter.Simulated = quote.Meter.Simulated
	s.showCheck(w, r, v, f, m, quote, c)
}

// sellAgain shows the first step with the refusal. On this page any refusal means that nothing was sold.
func (s *Console) sellAgain(w http.ResponseWriter, r *http.Request, v visit, f sellForm, status int, no refusal.Refusal) {
	f.Error = v.site.say.Refusal(refuse.SaleNotMade(no)).Detail()
	s.showSell(w, r, v, status, f)
}

func (s *Console) showCheck(w http.ResponseWriter, r *http.Request, v visit, f sellForm, m registry.MeterView, quote vending.Quoted, c checkForm) {
	c.FormID, c.Meter, c.Amount, c.Payee = f.FormID, m.Meter.Number, v.site.typed(quote.Tender), *v.site.payee(m)
	to, _, err := s.printerOf(r.Context(), v)
	c.Printer, c.Print = to.Name, to.Automatic || prints(r)
	c.Units, c.Bill = unitsOf(v.site.say, quote), v.site.bill(quote.Lines, quote.Tender)
	if err == nil && !v.owns(c.FormID) {
		c.FormID, err = s.formID(v)
	}
	if err == nil {
		c.Before, err = s.soldBefore(r.Context(), v, m)
	}
	if err == nil {
		c.Last, err = s.lastSales(r.Context(), v, m)
	}
	if err == nil {
		c.Asks, err = s.askable(r.Context(), v, m.Customer.Phone)
	}
	c.StaysOff = staysOff(v.site.say, m)
	if err != nil {
		s.broken(w, r, v, err)
		return
	}
	p := s.page(r, v, v.site.say.SellReview())
	p.mark(v.site.say, m.Meter.Simulated)
	status := http.StatusOK
	if c.Meanwhile {
		status = http.StatusConflict
	}
	s.show(w, r, status, checkView(p, c))
}

// made returns the sale that a form has made, or zero if it has made no sale.
func (s *Console) made(ctx context.Context, v visit, form string) (id.ID, error) {
	shown, err := s.c.Vending.SaleByRef(ctx, v.by.Quiet(), form)
	if err != nil || shown.Refused() {
		return id.ID{}, err
	}
	return shown.Sale.ID, nil
}

// sell makes the sale, under the form's id: the same form sent again leads to the same sale.
func (s *Console) sell(w http.ResponseWriter, r *http.Request, v visit) {
	f := sellForm{FormID: r.PostFormValue("form"), Meter: r.PostFormValue("meter"), Amount: r.PostFormValue("amount"), Seen: r.PostFormValue("seen")}
	if !v.owns(f.FormID) {
		s.sellAgain(w, r, v, f, http.StatusUnprocessableEntity, refuse.SaleFormOfOtherSession())
		return
	}
	tender, no := v.site.tender(f.Amount)
	if no.Refused() {
		s.sellAgain(w, r, v, f, http.StatusUnprocessableEntity, no)
		return
	}
	push := r.PostFormValue("push") != ""
	news, err := s.unseen(r.Context(), v, f)
	if err != nil {
		s.unknown(w, r, v, f, push, err)
		return
	}
	if news {
		s.check(w, r, v, f, checkForm{Push: push, Meanwhile: true})
		return
	}
	order := vending.Purchase{Meter: f.Meter, Tender: tender, ClientRef: f.FormID}
	if push {
		order.Deliver = []string{sale.RouteMQTT}
	}
	sold, err := s.c.Vending.Sell(r.Context(), v.by, order)
	switch {
	case err != nil:
		s.unknown(w, r, v, f, push, err)
	case sold.Code == refusal.ClientRefReused:
		s.reused(w, r, v, f.FormID)
	case sold.Code == refusal.IdempotencyRunning || sold.Code == refusal.IssuerUnknown || sold.Code == refusal.OutcomeUnknown:
		s.pending(w, r, v, f, push, refuse.SaleFormPending(sold.Code))
	case sold.Refused():
		f.FormID = "" // a refused sale is finished: the next attempt is a new sale
		s.sellAgain(w, r, v, f, sold.Code.Status(), sold.Refusal)
	case sold.Repeated:
		http.Redirect(w, r, salePath(sold.Sale.ID)+"?again=1", http.StatusSeeOther)
	default:
		http.Redirect(w, r, s.afterSale(w, r, v, sold.Sale.ID), http.StatusSeeOther)
	}
}

// askAgain is the page of a sale whose outcome is unknown: sending the same form once more is the safe way to find out.
type askAgain struct {
	FormID, Meter, Amount, Push, Seen string
	Title, Text, Reference            string
}

// unknown is the page after an error in the middle of a sale.
func (s *Console) unknown(w http.ResponseWriter, r *http.Request, v visit, f sellForm, push bool, err error) {
	ref, waits := s.log(w, r, err)
	if !waits {
		return
	}
	s.showAsk(w, r, v, http.StatusServiceUnavailable, f, push, askAgain{Reference: ref, Title: v.site.say.SellUnknown(), Text: v.site.say.SellUnknownText()})
}

// pending is the page of a sale that its issuer has not answered yet.
func (s *Console) pending(w http.ResponseWriter, r *http.Request, v visit, f sellForm, push bool, no refusal.Refusal) {
	no = v.site.say.Refusal(no)
	s.showAsk(w, r, v, no.Code.Status(), f, push, askAgain{Title: no.What, Text: sentences(no.Not, no.Try)})
}

func (s *Console) showAsk(w http.ResponseWriter, r *http.Request, v visit, status int, f sellForm, push bool, a askAgain) {
	a.FormID, a.Meter, a.Amount, a.Seen = f.FormID, f.Meter, f.Amount, f.Seen
	if push {
		a.Push = "1"
	}
	s.show(w, r, status, askView(s.page(r, v, v.site.say.SellNotCertain()), a))
}

// reused is the page for a form that has already made a sale and was then changed.
func (s *Console) reused(w http.ResponseWriter, r *http.Request, v visit, form string) {
	sale, err := s.made(r.Context(), v, form)
	if err != nil {
		s.broken(w, r, v, err)
		return
	}
	t := v.site.say
	n := note{Class: "warn", Title: t.SellFormUsed(), Text: t.SellFormUsedText(), Link: "/sell", LinkText: t.SellNewSale()}
	if !sale.IsZero() {
		n.Link, n.LinkText = salePath(sale), t.SellSeeSale()
	}
	s.show(w, r, http.StatusConflict, noteView(s.page(r, v, t.SellSoldAlready()), n))
}
