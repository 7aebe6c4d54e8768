package console

import (
	"net/http"
	"strings"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/voucher"
)

// cardForm redeems a customer's voucher at a counter. The PIN and the code are never written into a page.
type cardForm struct{ Meter, Error string }

func (s *Console) voucherRoutes(m *http.ServeMux) {
	m.Handle("GET /sell/voucher", s.signedIn(s.voucherPage))
	m.Handle("POST /sell/voucher", s.signedIn(s.redeemVoucher))
	m.Handle("GET "+vouchersPath, s.signedIn(s.vouchers))
	m.Handle("POST "+vouchersPath, s.signedIn(s.makeBatch))
	m.Handle("GET "+vouchersPath+"/{batch}", s.signedIn(s.batch))
	m.Handle("POST "+vouchersPath+"/{batch}", s.signedIn(s.changeBatch))
	m.Handle("GET "+vouchersPath+"/{batch}/codes", s.signedIn(s.codes))
}

func (s *Console) voucherPage(w http.ResponseWriter, r *http.Request, v visit) {
	if !v.sells() {
		s.refuse(w, r, v, notSelling(v.by))
		return
	}
	s.showVoucher(w, r, v, http.StatusOK, cardForm{Meter: r.URL.Query().Get("meter")})
}

func (s *Console) showVoucher(w http.ResponseWriter, r *http.Request, v visit, status int, f cardForm) {
	s.show(w, r, status, voucherView(s.page(r, v, v.site.say.CardTitle()), f))
}

// redeemVoucher redeems the PIN for the meter (voucher.redeem in the audit log names the person). No till takes money for it. The same PIN for the same
// meter leads to the same sale.
func (s *Console) redeemVoucher(w http.ResponseWriter, r *http.Request, v visit) {
	f := cardForm{Meter: strings.TrimSpace(r.PostFormValue("meter"))}
	out, err := s.c.Vouchers.Redeem(r.Context(), v.by, voucher.Redemption{PIN: r.PostFormValue("pin"), Code: r.PostFormValue("code"), Meter: f.Meter})
	switch {
	case err != nil:
		s.broken(w, r, v, err)
	case out.Refused():
		f.Error = v.site.say.Refusal(out.Refusal).Detail()
		s.showVoucher(w, r, v, out.Code.Status(), f)
	case v.by.OfUtility() && v.by.May(access.ReadVends):
		to := salePath(out.Sale.ID)
		if out.Repeated {
			to += "?again=1"
		}
		http.Redirect(w, r, to, http.StatusSeeOther)
	default:
		t := v.site.say
		s.show(w, r, http.StatusOK, noteView(s.page(r, v, t.CardTitle()), note{Class: "ok", Title: t.CardDone(out.Serial, t.Sum(out.Sale.Tender)), Text: t.CardDoneText(),
			Link: "/sell", LinkText: t.SellNewSale()}))
	}
}
