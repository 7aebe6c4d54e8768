package console

import (
	"cmp"
	"crypto/sha256"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/once"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/vending"
)

// saleActs are what somebody can do on the page of a sale whose customer is not served well: reverse it, sell the amount to the right meter,
// and print the receipt again.
type saleActs struct {
	Reverses, Copies       bool
	FormID, Error          string
	Reason, Meter          string // as typed
	Notice                 string // what became of the newest reversal
	NoticeClass, SellAgain string // SellAgain leads to a sale of the same amount
}

// Acts of the forms on the page of a sale.
const (
	actReverse    = "reverse"
	actWrongMeter = "wrong_meter"
	actCopy       = "copy"
	actPrint      = "print"
)

// acts fills in what the page of a sale offers.
func (s *Console) acts(r *http.Request, v visit, shown vending.SaleView, a saleActs) (_ saleActs, err error) {
	one := shown.Sale
	a.Reverses = one.State == sale.Completed && (v.by.May(access.Sell) || v.by.May(access.Reverse))
	a.Copies = mayCopy(v.by, one)
	if a.FormID, err = s.formID(v); err != nil {
		return a, err
	}
	last, err := s.c.Vending.Reversal(r.Context(), v.by, one.ID.Text(id.Vend))
	if err != nil || last.Refused() {
		return a, err // it was never reversed
	}
	t, back := v.site.say, last.Reversal
	switch back.State {
	case sale.ReversalDone:
		a.Notice, a.NoticeClass = t.UndoDone(v.site.clock(cmp.Or(back.SettledAt, back.At)), v.site.actor(back.By)), "note ok"
	case sale.ReversalWaiting:
		a.Notice, a.NoticeClass = t.UndoWaits(), "note"
	case sale.ReversalRefused:
		a.Notice, a.NoticeClass = t.UndoRefused(), "note bad"
		if back.Failure == refusal.MeterOffline {
			a.Notice = t.UndoNoAnswer()
		}
	}
	if back.State != sale.ReversalRefused && v.sells() {
		a.SellAgain = sellAgain(v.site, one, r.URL.Query().Get("meter"))
	}
	return a, nil
}

// sellAgain leads to the form that sells the amount of a sale to another meter.
func sellAgain(t site, one sale.Sale, meter string) string {
	q := url.Values{"amount": {t.typed(one.Tender)}}
	if meter != "" {
		q.Set("meter", meter)
	}
	return "/sell?" + q.Encode()
}

// changeSale does what a form on the page of a sale asks for.
func (s *Console) changeSale(w http.ResponseWriter, r *http.Request, v visit) {
	a := saleActs{Reason: strings.TrimSpace(r.PostFormValue("reason")), Meter: strings.TrimSpace(r.PostFormValue("meter"))}
	to, no, err := s.undo(r, v, a)
	switch {
	case err != nil:
		s.broken(w, r, v, err)
	case no.Refused():
		a.Error = v.site.say.Refusal(no).Detail()
		s.showSale(w, r, v, http.StatusUnprocessableEntity, a)
	default:
		http.Redirect(w, r, to, http.StatusSeeOther)
	}
}

// undo returns the page that shows the result.
func (s *Console) undo(r *http.Request, v visit, a saleActs) (to string, no refusal.Refusal, err error) {
	form, named := r.PostFormValue("form"), r.PathValue("sale")
	if !v.owns(form) {
		return "", refuse.UndoFormOfOtherSession(), nil
	}
	switch act := r.PostFormValue("act"); act {
	case actReverse:
	case actWrongMeter:
		if a.Meter == "" {
			return "", refuse.SaleFormWithoutMeter(), nil
		}
		a.Reason = v.site.say.UndoWrongMeterReason(a.Meter)
	case actCopy:
		got, err := s.c.Vending.Reprint(r.Context(), v.by, named)
		return "/sales/" + url.PathEscape(named) + "/receipt?copy=" + strconv.Itoa(got.Receipt.Copy), got.Refusal, err
	case actPrint:
		sold, no, err := s.printAgain(r.Context(), v, named)
		return "/sales/" + sold, no, err
	default:
		return "", refuse.SaleActUnknown(refusal.Echo(act)), nil
	}
	o := access.Once{Principal: v.by.String(), Key: form, Hash: sha256.Sum256([]byte(strings.Join([]string{named, a.Reason, a.Meter}, "\x00")))}
	out, err := s.c.Vending.Reverse(r.Context(), v.by, vending.PendingReversal{Request: once.Request{Once: o}, Sale: named, Reason: a.Reason,
		Render: func(one sale.Sale, back sale.Reversal) (int, []byte) {
			to := salePath(one.ID)
			if a.Meter != "" {
				to += "?" + url.Values{"meter": {a.Meter}}.Encode()
			}
			if a.Meter != "" && back.State == sale.ReversalDone {
				to = sellAgain(v.site, one, a.Meter)
			}
			return http.StatusSeeOther, []byte(to)
		},
		RenderWaits: func(w access.Approval) (int, []byte) {
			return http.StatusSeeOther, []byte("/approvals/" + w.ID.Text(id.Approval))
		}})
	if out.Replay != nil {
		return string(out.Replay.Body), refusal.Refusal{}, err
	}
	return string(out.Reply.Body), out.Refusal, err
}
