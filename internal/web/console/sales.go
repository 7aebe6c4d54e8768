package console

import (
	"cmp"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/vending"
	"github.com/paywatt/paywatt/internal/words"
)

// saleLine is a sale as the list shows it. It has no digits of tokens.
type saleLine struct {
	Path, Receipt, At, Meter, Amount, Units, By string
	State                                       badge
	Test                                        bool
}

// salesPage is a list of sales with what they come to.
type salesPage struct {
	Request vending.SaleRequest
	States  []choice
	Rows    []saleLine
	Totals  []string
	Next    string
	Error   string
	Chart   *chart
	Vendor  bool // only the sales of one vendor can be seen
}

// narrow reports whether the page uses one of the fields that are folded away.
func (d salesPage) narrow() bool {
	r := d.Request
	return r.Meter+r.Seller+r.Till+r.State != ""
}

// requestOf reads which sales a page is about.
func requestOf(q url.Values) vending.SaleRequest {
	field := func(name string) string { return strings.TrimSpace(q.Get(name)) }
	return vending.SaleRequest{From: field("from"), To: field("to"), Meter: field("meter"), Seller: field("seller"), Till: field("till"), Shift: field("shift"),
		State: field("state"), Page: registry.Page{Limit: pageSize, Cursor: q.Get("cursor")}}
}

// sales lists sales, the newest first. A filter that cannot be read leaves the form as it is, and says what is wrong.
func (s *Console) sales(w http.ResponseWriter, r *http.Request, v visit) {
	t := v.site.say
	d := salesPage{Request: requestOf(r.URL.Query()), States: saleChoices(t), Vendor: !v.by.OfUtility()}
	status := http.StatusOK
	list, err := s.c.Vending.Sales(r.Context(), v.by, d.Request)
	var total vending.SaleTotal
	if err == nil && !list.Refused() {
		total, err = s.c.Vending.SalesTotal(r.Context(), v.by, d.Request)
	}
	if err == nil && !list.Refused() && d.Request.Page.Cursor == "" {
		d.Chart, err = s.salesByDay(r.Context(), v, d.Request)
	}
	switch {
	case err != nil:
		s.broken(w, r, v, err)
		return
	case list.Refused() && !v.by.May(access.ReadVends):
		s.refuse(w, r, v, list.Refusal)
		return
	case list.Refused():
		d.Error, status = t.Refusal(list.Refusal).Detail(), http.StatusUnprocessableEntity
	default:
		d.Totals = v.site.totals(total)
	}
	for _, one := range list.Sales {
		d.Rows = append(d.Rows, v.site.saleLine(one))
	}
	d.Next = nextPage("/sales", r.URL.Query(), list.Next)
	p := s.page(r, v, t.SalesTitle())
	p.Charts = d.Chart != nil
	s.show(w, r, status, salesView(p, d))
}

func saleChoices(t *words.Texts) []choice {
	out := []choice{{"", t.SalesEveryState()}}
	for _, state := range vending.SaleStates() {
		out = append(out, choice{state, saleWord(t, sale.State(state))})
	}
	return out
}

func (t site) saleLine(s sale.Sale) saleLine {
	l := saleLine{Path: salePath(s.ID), Receipt: cmp.Or(s.ReceiptNo, t.say.SalesNoReceipt()), At: t.clock(s.PricedAt), Meter: s.Meter.Number,
		Amount: t.say.Sum(s.Tender), By: t.actor(s.By), State: saleBadge(t.say, s.State), Test: s.Meter.Simulated}
	if s.Units > 0 {
		l.Units = t.say.Energy(s.Units, 1)
	}
	return l
}

// saleBadge is the state of a sale, with a sign beside the colour.
func saleBadge(t *words.Texts, state sale.State) badge {
	word := saleWord(t, state)
	switch state {
	case sale.Completed:
		return badge{"✓", word, classOK}
	case sale.Failed, sale.Reversed:
		return badge{"■", word, classOff}
	}
	return badge{"▲", word, classWarn}
}

// totals says what the sales of the list come to, one line for each kind that there is.
func (t site) totals(sum vending.SaleTotal) (out []string) {
	for _, part := range []struct {
		say func(amount, energy, sales string) string
		sum vending.SaleSum
	}{{t.say.SalesSold, sum.Sold}, {t.say.SalesHeld, sum.Held}, {t.say.SalesReversed, sum.Reversed}, {t.say.SalesFailed, sum.Failed}} {
		if part.sum.Sales > 0 {
			out = append(out, part.say(t.say.Sum(part.sum.Tender), t.say.KWh(part.sum.Units, 1), strconv.FormatInt(part.sum.Sales, 10)))
		}
	}
	return out
}
