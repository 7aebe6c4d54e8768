package portal

import (
	"context"
	"net/http"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/pagelink"
	"github.com/paywatt/paywatt/internal/voucher"
)

// card is the form that redeems a voucher, and what became of the last one. The PIN itself is never written into a page.
type card struct {
	Path          string
	Done, Problem string
}

// redeem redeems a voucher for the meter of the page. The same PIN, sent again, gets the same answer.
func (p *Portal) redeem(w http.ResponseWriter, r *http.Request, v visit) { p.redeemed(w, r, v, p.buy) }

// redeemForOther is redeem for somebody else, who pays.
func (p *Portal) redeemForOther(w http.ResponseWriter, r *http.Request, v visit) {
	p.redeemed(w, r, v, p.pay)
}

// redeemed redeems a voucher and shows the page again. Wrong PINs are counted for each link.
func (p *Portal) redeemed(w http.ResponseWriter, r *http.Request, v visit, page func(http.ResponseWriter, *http.Request, visit)) {
	by := v.asks()
	out, err := p.c.Vouchers.Redeem(r.Context(), by, voucher.Redemption{PIN: r.PostFormValue("pin"), Code: r.PostFormValue("code"), Meter: v.number, Who: "page:" + v.opened.Link.Text(id.PageLink), Route: voucher.ByPage})
	if err != nil {
		p.failed(w, r, err)
		return
	}
	r.URL.RawQuery = "" // the page is shown as if it were opened anew
	if out.Refused() {
		no := v.say.Refusal(out.Refusal)
		v.card.Problem = no.What + " " + no.Try
	} else {
		v.card.Done = v.say.PortalVoucherDone(out.Serial, v.say.Sum(out.Sale.Tender))
	}
	page(w, r, v)
}

// cards adds the form, if the utility has ever made vouchers.
func (p *Portal) cards(ctx context.Context, v visit, d *buyPage) error {
	offered, err := p.c.Vouchers.Offered(ctx, p.c.Tenant)
	if err != nil || !offered {
		return err
	}
	d.Card = &v.card
	if d.Card.Path = v.path("/buy/voucher", nil); v.opened.PaysOnly {
		d.Card.Path = v.path(pagelink.PayPath+"/voucher", nil)
	}
	return nil
}
