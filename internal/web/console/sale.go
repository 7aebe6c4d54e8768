package console

import (
	"context"
	"net/http"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/vending"
)

// saleDetail is a sale with its tokens.
type saleDetail struct {
	ID, Meter, Grouped, Customer, Receipt, At, By, State string
	Tokens                                               []tokenLine
	Bill                                                 bill
	Again                                                bool // the form was sent before
	Simulated, Sells                                     bool
	Press                                                string // what the customer must do for the supply to return
	Acts                                                 saleActs
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
	m, err := s.c.Registry.Meter(r.Context(), v.by, d.Meter)
	if err != nil {
		s.broken(w, r, v, err)
		return
	}
	d.Customer = m.Customer.Name
	if d.Acts, err = s.acts(r, v, shown, a); err != nil {
		s.broken(w, r, v, err)
		return
	}
	p := s.page(r, v, v.site.say.SaleTitle(d.Receipt))
	p.mark(v.site.say, d.Simulated)
	p.Live = salePath(shown.Sale.ID) + "/live"
	s.show(w, r, status, saleView(p, d))
}

func (t site) sale(shown vending.SaleView) saleDetail {
	sale := shown.Sale
	d := saleDetail{ID: sale.ID.Text(id.Vend), Meter: sale.Meter.Number, Grouped: groups(sale.Meter.Number), Receipt: sale.ReceiptNo, At: t.clock(sale.PricedAt),
		By: sale.By, State: saleWord(t.say, sale.State), Bill: t.bill(sale.Lines, sale.Tender), Simulated: sale.Meter.Simulated}
	if sale.PressKey {
		d.Press = t.say.SalePressKey()
	}
	for i, token := range sale.Tokens {
		line := tokenLine{ID: token.ID.Text(id.Token), Units: t.say.Energy(token.Units, 1), State: tokenBadge(t.say, token)}
		if i < shown.Issued.Len() && len(token.Sealed) > 0 {
			line.Digits = shown.Issued.Reveal(i)
			line.Grouped = groups(line.Digits)
			line.Share = t.say.SaleShareText(d.Grouped, line.Grouped, line.Units)
		}
		line.SendTo = boxPath(d.Meter, line.ID)
		d.Tokens = append(d.Tokens, line)
	}
	return d
}

// saleLive streams the states of a sale's tokens.
func (s *Console) saleLive(w http.ResponseWriter, r *http.Request) {
	sale := r.PathValue("sale")
	s.stream(w, r, func(ctx context.Context, v visit) (frame, bool, error) {
		shown, err := s.c.Vending.Sale(ctx, quiet(v.by), sale)
		if err != nil || shown.Refused() {
			return nil, false, err
		}
		out := frame{}
		out.tokens(v.site.say, shown.Sale.Tokens)
		return out, true, nil
	})
}
