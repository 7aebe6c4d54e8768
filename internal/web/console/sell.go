package console

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/vending"
)

// sellForm is the first step: which meter, how much.
type sellForm struct {
	Meter, Amount, Currency, Error string
}

// quoteForm is the second step: who is paid for, what the money buys, and the button.
type quoteForm struct {
	Meter, Grouped, Customer, Tariff string
	Amount, Currency, Units          string
	Lines                            []lineText
	FormID                           string
	Test                             bool
}

type lineText struct{ Name, Amount string }

// saleDetail is a finished sale.
type saleDetail struct {
	Meter, Grouped, Customer, Receipt, Tender, Currency, Units, At, By, State string
	Test                                                                      bool
	Tokens                                                                    []saleToken
	Lines                                                                     []lineText
	Again                                                                     bool
}

type saleToken struct{ Digits, Grouped, Masked, Units, State string }

func (s *Console) sellPage(w http.ResponseWriter, r *http.Request, by access.Actor) {
	q := r.URL.Query()
	s.showSell(w, r, by, http.StatusOK, sellForm{Meter: q.Get("meter"), Amount: q.Get("amount")})
}

func (s *Console) showSell(w http.ResponseWriter, r *http.Request, by access.Actor, status int, f sellForm) {
	f.Currency = s.currency(r, by)
	p := s.page(r, by, "Sell")
	p.Here = "/sell"
	s.show(w, r, status, sellView(p, f))
}

func (s *Console) currency(r *http.Request, by access.Actor) string {
	set, err := s.c.Registry.Settings(r.Context(), by)
	if err != nil || set.Refused() {
		return ""
	}
	return set.Currency
}

// tender reads the amount a clerk typed in the tenant's currency.
func (s *Console) tender(r *http.Request, by access.Actor) (money.Amount, string) {
	code := s.currency(r, by)
	c, ok := money.CurrencyOf(code)
	if !ok {
		return money.Amount{}, "There is no tariff yet, so nothing can be sold. Publish one first: paywatt tariff add."
	}
	m, err := money.Parse(strings.TrimSpace(r.PostFormValue("amount")), c)
	if err != nil || m <= 0 {
		return money.Amount{}, "The amount is not a sum of " + code + ", such as " + money.Format(money.Minor(100*money.PowerOfTen(c.Exp)), c) + ". Nothing was sold."
	}
	return money.Amount{Minor: m, Currency: code}, ""
}

// sellCheck shows payee, tariff and lines before anything is sold.
func (s *Console) sellCheck(w http.ResponseWriter, r *http.Request, by access.Actor) {
	f := sellForm{Meter: strings.TrimSpace(r.PostFormValue("meter")), Amount: r.PostFormValue("amount")}
	again := func(status int, text string) {
		f.Error = text
		s.showSell(w, r, by, status, f)
	}
	amount, wrong := s.tender(r, by)
	if wrong != "" {
		again(http.StatusUnprocessableEntity, wrong)
		return
	}
	v, err := s.c.Registry.Meter(r.Context(), by, f.Meter)
	if err != nil {
		s.broken(w, r, by, err)
		return
	}
	if v.Refused() {
		again(v.Code.Status(), v.Detail())
		return
	}
	quote, err := s.c.Vending.Quote(r.Context(), by, v.Meter.Number, amount)
	if err != nil {
		s.broken(w, r, by, err)
		return
	}
	if quote.Refused() {
		again(quote.Code.Status(), quote.Detail())
		return
	}
	form, err := s.formID()
	if err != nil {
		s.broken(w, r, by, err)
		return
	}
	p := s.page(r, by, "Sell: check")
	p.Here = "/sell"
	s.show(w, r, http.StatusOK, quoteView(p, quoteForm{Meter: v.Meter.Number, Grouped: meterGroups(v.Meter.Number), Customer: v.Customer.Name,
		Tariff: v.Tariff, Amount: format(amount), Currency: amount.Currency, Units: quote.Units.KWh(1), Lines: lineTexts(quote.Lines, amount.Currency),
		FormID: form, Test: v.Meter.Simulated}))
}

// sell makes the sale. The form's one-time id is its idempotency key and its reference, so the same form sent again
// leads to the same sale.
func (s *Console) sell(w http.ResponseWriter, r *http.Request, by access.Actor) {
	f := sellForm{Meter: r.PostFormValue("meter"), Amount: r.PostFormValue("amount")}
	amount, wrong := s.tender(r, by)
	ref := r.PostFormValue("form")
	if wrong == "" && (len(ref) < 8 || len(ref) > 64) {
		wrong = "The form is not one of this page. Nothing was sold. Check the sale again."
	}
	if wrong != "" {
		f.Error = wrong
		s.showSell(w, r, by, http.StatusUnprocessableEntity, f)
		return
	}
	order := vending.Order{Meter: f.Meter, Tender: amount, ClientRef: ref}
	if r.PostFormValue("push") != "" {
		order.Deliver = []string{"mqtt"}
	}
	sold, err := s.c.Vending.Sell(r.Context(), by, order)
	switch {
	case err != nil:
		s.broken(w, r, by, err)
	case sold.Refused():
		f.Error = sold.Detail()
		s.showSell(w, r, by, sold.Code.Status(), f)
	default:
		to := "/sales/" + url.PathEscape(sold.Sale.ID.Text(id.Vend))
		if sold.Repeated {
			to += "?again=1"
		}
		http.Redirect(w, r, to, http.StatusSeeOther)
	}
}

func (s *Console) sale(w http.ResponseWriter, r *http.Request, by access.Actor) {
	shown, err := s.c.Vending.Sale(r.Context(), by, r.PathValue("sale"))
	if err != nil {
		s.broken(w, r, by, err)
		return
	}
	if shown.Refused() {
		s.refuse(w, r, by, shown.Refusal)
		return
	}
	sale := shown.Sale
	p := s.page(r, by, "Sale "+sale.ReceiptNo)
	d := saleDetail{Meter: sale.Meter.Number, Grouped: meterGroups(sale.Meter.Number), Receipt: sale.ReceiptNo, Tender: format(sale.Tender),
		Currency: sale.Tender.Currency, Units: sale.Units.KWh(1), At: p.clock(sale.PricedAt), By: sale.By, State: string(sale.State),
		Test: sale.Meter.Simulated, Lines: lineTexts(sale.Lines, sale.Tender.Currency), Again: r.URL.Query().Get("again") != ""}
	if v, err := s.c.Registry.Meter(r.Context(), by, sale.Meter.Number); err == nil && !v.Refused() {
		d.Customer = v.Customer.Name
	}
	for i, t := range sale.Tokens {
		token := saleToken{Units: t.Units.KWh(1), State: tokenWord(t.State), Masked: "not shown to your role"}
		if i < shown.Issued.Len() {
			token.Digits = shown.Issued.Reveal(i)
			token.Grouped = groups(token.Digits)
		}
		d.Tokens = append(d.Tokens, token)
	}
	s.show(w, r, http.StatusOK, saleView(p, d))
}

// format writes an amount in major units, without the code.
func format(a money.Amount) string {
	c, ok := money.CurrencyOf(a.Currency)
	if !ok {
		return ""
	}
	return money.Format(a.Minor, c)
}

func lineTexts(lines []vending.Line, currency string) []lineText {
	var out []lineText
	for _, l := range lines {
		out = append(out, lineText{lineWord(l.Kind), format(money.Amount{Minor: l.Amount, Currency: currency})})
	}
	return out
}

func lineWord(k vending.LineKind) string {
	switch k {
	case vending.LineFee:
		return "Fee"
	case vending.LineFixed:
		return "Fixed charge"
	case vending.LineDebt:
		return "Paid towards debt"
	case vending.LineEnergy:
		return "Energy without tax"
	case vending.LineVAT:
		return "VAT"
	case vending.LineCarry:
		return "Kept for the next sale"
	case vending.LineCarryIn:
		return "Kept from the last sale"
	default:
		return string(k)
	}
}
