package console

import (
	"context"
	"crypto/sha256"
	"net/http"
	"net/url"
	"strings"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/once"
	"github.com/paywatt/paywatt/internal/payment"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/words"
)

// A seller can have the customer's telephone asked instead of taking cash. The payment that follows makes the sale in the provider's name, so no
// till and no vendor's account ever has its money.

// askPhone is the form that asks the customer's telephone to pay. It stands below the review of a sale.
type askPhone struct {
	Phone     string // of the customer, for those who may see it
	Providers []string
}

// requestPage is a request to pay, and what became of it.
type requestPage struct {
	ID, Amount, Meter, Grouped, Phone, At string
	Provider, Reason                      string
	Page                                  string // where the customer pays; empty if a telephone asks
	State                                 badge
	Parked                                bool // the payment came, and made no sale
	Waits, Paid, Sold                     bool
}

const requestsPath = "/requests/"

// requestRoutes adds the pages of what is paid otherwise than in cash: requests to pay, and vouchers.
func (s *Console) requestRoutes(m *http.ServeMux) {
	m.Handle("POST /sell/ask", s.signedIn(s.askPhone))
	m.Handle("GET "+requestsPath+"{request}", s.signedIn(s.request))
	m.Handle("GET "+requestsPath+"{request}/sale", s.signedIn(s.requestSale))
	m.HandleFunc("GET "+requestsPath+"{request}/live", s.requestLive)
	s.voucherRoutes(m)
}

// askable returns the form for a meter, or nil if no provider can ask a customer.
func (s *Console) askable(ctx context.Context, v visit, phone string) (*askPhone, error) {
	names, err := s.c.Payments.Askers(ctx, v.by.Tenant)
	if err != nil || len(names) == 0 {
		return nil, err
	}
	return &askPhone{Phone: phone, Providers: names}, nil
}

// askPhone asks the customer's telephone, once for each form.
func (s *Console) askPhone(w http.ResponseWriter, r *http.Request, v visit) {
	f := sellForm{FormID: r.PostFormValue("form"), Meter: r.PostFormValue("meter"), Amount: r.PostFormValue("amount")}
	phone, provider := r.PostFormValue("phone"), r.PostFormValue("provider")
	tender, no := v.site.tender(f.Amount)
	if no.Refused() {
		s.sellAgain(w, r, v, f, http.StatusUnprocessableEntity, no)
		return
	}
	body := strings.Join([]string{"ask", f.Meter, f.Amount, phone, provider}, "\x00")
	done, err := s.c.Payments.Ask(r.Context(), v.by, payment.Asking{Meter: f.Meter, Amount: tender.Minor, Phone: phone, Provider: provider,
		Request: once.Request{Once: access.Once{Principal: v.by.String(), Key: f.FormID, Hash: sha256.Sum256([]byte(body))}},
		Render:  func(q payment.RequestView) (int, []byte) { return http.StatusSeeOther, []byte(q.Request.Name()) }})
	switch {
	case err != nil:
		s.broken(w, r, v, err)
	case done.Refused():
		s.sellAgain(w, r, v, f, done.Code.Status(), done.Refusal)
	default:
		reply := done.Reply
		if done.Replay != nil { // the form was sent again
			reply = *done.Replay
		}
		http.Redirect(w, r, requestsPath+url.PathEscape(string(reply.Body)), http.StatusSeeOther)
	}
}

// requested reads a request to pay. Whoever made it may see it, and whoever reads payments.
func (s *Console) requested(ctx context.Context, v visit, request string) (requestPage, payment.RequestView, refusal.Refusal, error) {
	q, err := s.c.Payments.ShowRequest(ctx, v.by, request)
	if err != nil || q.Refused() {
		return requestPage{}, q, q.Refusal, err
	}
	p := q.Request
	out := requestPage{ID: p.Name(), Amount: v.site.say.Sum(p.Amount), Meter: p.Meter, Grouped: groups(p.Meter), Phone: p.Phone, At: v.site.clock(p.MadeAt), Provider: p.Provider,
		Reason: p.Reason, State: requestBadge(v.site.say, p.State), Waits: p.State == payment.AskRequested, Paid: p.State == payment.AskPaid, Sold: !q.Sale.IsZero(), Parked: q.Parked}
	if out.Waits {
		out.Page = p.Page
	}
	return out, q, refusal.Refusal{}, nil
}

func requestBadge(t *words.Texts, state payment.AskState) badge {
	text := t.Name("request-state", string(state))
	switch state {
	case payment.AskPaid:
		return badge{"✓", text, classOK}
	case payment.AskRequested:
		return badge{"…", text, classOff}
	case payment.AskUnknown:
		return badge{"▲", text, classWarn}
	}
	return badge{"■", text, classOff}
}

// request shows a request to pay. The page follows its state.
func (s *Console) request(w http.ResponseWriter, r *http.Request, v visit) {
	d, _, no, err := s.requested(r.Context(), v, r.PathValue("request"))
	if s.stopped(w, r, v, err, no) {
		return
	}
	p := s.page(r, v, v.site.say.RequestTitle())
	p.Live = requestsPath + d.ID + "/live"
	s.show(w, r, http.StatusOK, requestView(p, d))
}

// requestSale leads to the sale of a request; to the request while there is none.
func (s *Console) requestSale(w http.ResponseWriter, r *http.Request, v visit) {
	d, q, no, err := s.requested(r.Context(), v, r.PathValue("request"))
	if s.stopped(w, r, v, err, no) {
		return
	}
	to := requestsPath + d.ID
	if d.Sold {
		to = salePath(q.Sale)
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
}

func (s *Console) requestLive(w http.ResponseWriter, r *http.Request) {
	request := r.PathValue("request")
	s.stream(w, r, func(ctx context.Context, v visit) (frame, bool, error) {
		d, _, no, err := s.requested(ctx, v, request)
		if err != nil || no.Refused() {
			return nil, false, err
		}
		return frame{"request": {"state": d.State.cell(), "next": {requestNext(v.site.say, d)}}}, true, nil
	})
}

// requestNext says what happens next, or what to do.
func requestNext(t *words.Texts, d requestPage) string {
	switch {
	case d.Sold:
		return t.RequestSold()
	case d.Parked:
		return t.RequestParked()
	case d.Paid:
		return t.RequestPaid()
	case d.Waits:
		return t.RequestWaits()
	case d.State.Class == classWarn:
		return t.RequestUnknown()
	}
	return t.RequestFailed()
}
