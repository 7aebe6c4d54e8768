package portal

import (
	"cmp"
	"encoding/json"
	"net/http"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/registry"
)

// buyPage says what an amount buys, and how to pay it. The same page serves somebody else who pays; it then shows nothing of the account.
type buyPage struct {
	frame
	For      string // whom the payment is for; only for somebody else
	Path     string
	Meter    string // the meter, unless it is the first one of the account
	Currency string // empty: the utility has none yet
	Amount   string // as typed
	Result   string // what it buys
	Lines    []priceLine
	Problem  string
	Asking   *asking // nil if no provider can ask a telephone
	Card     *card   // nil if the utility has no vouchers
	Ways     []way
	Shop     string
}

// priceLine is a part of an amount.
type priceLine struct{ Name, Amount string }

// way is a way to pay.
type way struct{ Name, Number, Reference string }

// maxWays is how many providers are read for the ways to pay.
const maxWays = 20

func (p *Portal) buy(w http.ResponseWriter, r *http.Request, v visit) {
	p.paying(w, r, v, buyPage{frame: p.frame(v, v.say.PortalBuyTitle(), "/buy"), Path: v.path("/buy", nil)})
}

// pay is the page for somebody else who pays.
func (p *Portal) pay(w http.ResponseWriter, r *http.Request, v visit) {
	who, err := p.c.Registry.Payee(r.Context(), v.by, v.number)
	if err != nil {
		p.failed(w, r, err)
		return
	}
	v.opened.PaysOnly = true // whoever has the page's own link may look at it too
	d := buyPage{frame: p.frame(v, v.say.PortalPayTitle(), "/pay"), Path: v.path("/pay", nil), For: v.say.PortalPayForMeter(masked(v.number))}
	if who.Name != "" {
		d.For = v.say.PortalPayFor(who.Name, masked(v.number))
	}
	p.paying(w, r, v, d)
}

// paying completes and shows the page.
func (p *Portal) paying(w http.ResponseWriter, r *http.Request, v visit, d buyPage) {
	if v.number != v.opened.Meters[0] {
		d.Meter = v.number
	}
	d.Currency, d.Amount = v.set.Currency, r.URL.Query().Get("amount")
	ways, err := p.ways(r, v)
	if err == nil && d.Amount != "" {
		err = p.quote(r, v, &d)
	}
	if err == nil {
		err = p.asked(r.Context(), r, v, &d)
	}
	if err == nil {
		err = p.cards(r.Context(), v, &d)
	}
	if err != nil {
		p.failed(w, r, err)
		return
	}
	d.Ways, d.Shop = ways, v.say.PortalWayShop(v.set.Name, grouped(v.number))
	p.show(w, r, http.StatusOK, v.say, buyView(d))
}

// quote prices the typed amount as a sale would. Somebody else who pays does not see the lines, which say what the customer owes.
func (p *Portal) quote(r *http.Request, v visit, d *buyPage) error {
	c, known := money.CurrencyOf(v.set.Currency)
	if !known {
		return nil
	}
	amount, err := v.say.Parse(d.Amount, c)
	if err != nil {
		d.Problem = v.say.PortalAmountWrong()
		return nil
	}
	tender := money.Amount{Minor: amount, Currency: c.Code}
	q, err := p.c.Vending.Quote(r.Context(), v.by, v.number, tender)
	if err != nil {
		return err
	}
	if q.Refused() {
		no := v.say.Refusal(q.Refusal)
		d.Problem = no.What
		return nil
	}
	if v.m.Wallet != nil {
		d.Result = v.say.PortalAdds(v.say.Sum(tender))
		return nil
	}
	d.Result = v.say.PortalBuys(v.say.Sum(tender), v.say.Energy(q.Units, 1))
	if v.opened.PaysOnly {
		return nil
	}
	for _, l := range q.Lines {
		d.Lines = append(d.Lines, priceLine{v.say.Name("line", string(l.Kind)), v.say.Amount(money.Amount{Minor: l.Amount, Currency: c.Code})})
	}
	return nil
}

// ways lists the ways to pay: what a payer must know of each provider that is heard.
func (p *Portal) ways(r *http.Request, v visit) (out []way, err error) {
	list, err := p.c.Payments.Providers(r.Context(), v.by, registry.Page{Limit: maxWays})
	if err != nil {
		return nil, err
	}
	for _, one := range list.Providers {
		if one.Disabled() {
			continue
		}
		w := way{Name: one.Name, Reference: v.say.PortalWayReference(v.number)}
		if number := payableAt(one.Config); number != "" {
			w.Number = v.say.PortalWayNumber(number)
		}
		out = append(out, w)
	}
	return out, nil
}

// payableAt returns the number to which people pay, by a provider's configuration: a till or a pay bill. It is empty if there is none.
func payableAt(config []byte) string {
	var c struct {
		Till      string `json:"till"`
		ShortCode string `json:"short_code"`
	}
	if json.Unmarshal(config, &c) != nil || !access.IsLine(c.Till) || !access.IsLine(c.ShortCode) {
		return ""
	}
	return cmp.Or(c.Till, c.ShortCode)
}

// masked shows the last digits of a meter number, enough to compare it with the number on the meter.
func masked(number string) string {
	const shown = 4
	if len(number) <= shown {
		return number
	}
	return "…" + number[len(number)-shown:]
}
