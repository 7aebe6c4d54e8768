package console

import (
	"context"
	"net/http"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/vending"
)

// saleDetail is a sale with its tokens.
type saleDetail struct {
	ID, Meter, Grouped, Customer, Receipt, At, By, State string
	Tokens                                               []tokenLine
	Bill                                                 bill
	Again                                                bool // the form was sent before
	Simulated, Sells                                     bool
	Recharge                                             bool
	After                                                string // balance of the wallet after the recharge, with its time
	Press                                                string // what the customer must do for the supply to return
	StaysOff                                             string // why the supply stays off although it is paid for; empty if it does not
	Acts                                                 saleActs
	Paper                                                paperState // what became of the receipt on a printer of the server
	Printer                                              string     // of the server, at which the visitor prints; empty for none
}

func salePath(sale id.ID) string { return "/sales/" + sale.Text(id.Vend) }

func (s *Console) sale(w http.ResponseWriter, r *http.Request, v visit) {
	s.showSale(w, r, v, http.StatusOK, saleActs{})
}

func (s *Console) showSale(w http.ResponseWriter, r *http.Request, v visit, status int, a saleActs) {
	shown, err := s.c.Vending.Sale(r.Context(), v.by, r.PathValue("sale"))
	if s.stopped(w, r, v, err, shown.Refusal) {
		return
	}
	d := v.site.sale(shown)
	for i := range d.Tokens {
		if !v.by.May(access.SendTokens) {
			d.Tokens[i].SendTo = ""
		}
	}
	d.Again, d.Sells = r.URL.Query().Get("again") != "", v.sells()
	m, err := s.meterSold(r.Context(), v, d.Meter)
	if err != nil {
		s.broken(w, r, v, err)
		return
	}
	d.StaysOff = staysOff(v.site.say, m)
	if d.Customer, err = s.soldTo(r.Context(), v, shown.Sale, m); err != nil {
		s.broken(w, r, v, err)
		return
	}
	if d.After, err = s.after(r.Context(), v, shown.Sale); err != nil {
		s.broken(w, r, v, err)
		return
	}
	if d.Acts, err = s.acts(r, v, shown, a); err != nil {
		s.broken(w, r, v, err)
		return
	}
	to, _, err := s.printerOf(r.Context(), v)
	if err != nil {
		s.broken(w, r, v, err)
		return
	}
	d.Paper, d.Printer = s.paperOf(v.site.say, shown.Sale.ID), to.Name
	p := s.page(r, v, v.site.say.SaleTitle(d.Receipt))
	p.mark(v.site.say, d.Simulated)
	p.Live = salePath(shown.Sale.ID) + "/live"
	s.show(w, r, status, saleView(p, d))
}

// soldTo returns the name of the customer who bought. Another customer may live at the meter since. Somebody who may not read customers is told
// no name then.
func (s *Console) soldTo(ctx context.Context, v visit, made sale.Sale, m registry.MeterView) (string, error) {
	moved := v.by.May(access.ReadMeters) && (m.Since.IsZero() || made.PricedAt.Before(m.Since))
	if !moved {
		return m.Customer.Name, nil
	}
	a, err := s.c.Debts.Account(ctx, v.by, made.Account.Text(id.Account))
	return a.Customer.Name, err
}

// after writes the balance in the books after a recharge; empty for any other sale.
func (s *Console) after(ctx context.Context, v visit, made sale.Sale) (string, error) {
	b, err := s.c.Vending.BalanceAfter(ctx, v.by, made)
	if err != nil || b == nil {
		return "", err
	}
	return v.site.say.WalletNewBalanceAt(v.site.say.Sum(money.Amount{Minor: b.Amount, Currency: made.Tender.Currency}), v.site.clock(b.At)), nil
}

func (t site) sale(shown vending.SaleView) saleDetail {
	made := shown.Sale
	d := saleDetail{ID: made.ID.Text(id.Vend), Meter: made.Meter.Number, Grouped: groups(made.Meter.Number), Receipt: made.ReceiptNo, At: t.clock(made.PricedAt),
		By: t.actor(made.By), State: saleWord(t.say, made.State), Bill: t.bill(made.Lines, made.Tender), Simulated: made.Meter.Simulated, Recharge: made.Recharge()}
	if made.PressKey {
		d.Press = t.say.SalePressKey()
	}
	line := func(token sale.Token, units, digits string) {
		l := tokenLine{ID: token.ID.Text(id.Token), Units: units, State: tokenBadge(t.say, token)}
		switch token.State {
		case sale.TokenAccepted, sale.TokenReversed, sale.TokenReversedUnconfirmed: // the meter has it, or must never get it
		default:
			l.SendTo = boxPath(d.Meter, token.ID.Text(id.Token))
		}
		if digits != "" && len(token.Sealed) > 0 {
			l.Digits, l.Grouped = digits, groups(digits)
			l.Share = t.say.SaleShareText(d.Grouped, l.Grouped, l.Units)
		}
		d.Tokens = append(d.Tokens, l)
	}
	digits := shown.Issued.Digits()
	for i, token := range made.Change { // the customer enters them before the credit
		line(token, serviceWord(t.say, token), digitsAt(digits.Change(), i))
	}
	for i, token := range made.Tokens {
		line(token, t.say.Energy(token.Units, 1), digitsAt(digits, i))
	}
	return d
}

// digitsAt returns the digits of a token, or "" if they may not be seen.
func digitsAt(d vending.Digits, i int) string {
	if i >= d.Len() {
		return ""
	}
	return d.Reveal(i)
}

// saleLive streams the states of a sale's tokens.
func (s *Console) saleLive(w http.ResponseWriter, r *http.Request) {
	sale := r.PathValue("sale")
	s.stream(w, r, func(ctx context.Context, v visit) (frame, bool, error) {
		shown, err := s.c.Vending.Sale(ctx, v.by.Quiet(), sale)
		if err != nil || shown.Refused() {
			return nil, false, err
		}
		out := frame{}
		out.tokens(v.site.say, shown.Sale.Change)
		out.tokens(v.site.say, shown.Sale.Tokens)
		if paper := s.paperOf(v.site.say, shown.Sale.ID); paper.Text != "" {
			out["paper"] = map[string]cell{"state": {paper.Text, paper.Class}}
		}
		return out, true, nil
	})
}
