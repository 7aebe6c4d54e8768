package payment

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/once"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/registry"
)

// Limits of requests to pay. A telephone that is asked again and again teaches its owner to agree.
const (
	MaxPhoneHour  = 3 // requests to one telephone in an hour
	MaxPhoneDay   = 10
	MaxPersonHour = 60 // requests of one person or key in an hour
	MaxOwnHour    = 6  // requests in an hour of a customer, who asks for themselves
)

// Asking is a request to pay that somebody makes.
type Asking struct {
	once.Request
	Meter    string // number
	Amount   money.Minor
	Phone    string // that is asked; a page needs none
	Provider string // name; empty if only one can ask

	Render func(RequestView) (status int, body []byte)
}

// RequestView is a request to pay as people see it.
type RequestView struct {
	refusal.Refusal
	Request PaymentRequest
	Sale    id.ID // that the payment made; zero for none
	Parked  bool  // the payment came and is parked
}

// Ask asks a customer's telephone to pay for a meter (right: vend.sell). A page or message of the program asks as [access.SystemActor], whose
// name says for whom: by which link, or from which telephone.
func (ps *Payments) Ask(ctx context.Context, by access.Actor, a Asking) (once.Done[RequestView], error) {
	most := int64(MaxPersonHour)
	if by.Kind == access.System {
		most = MaxOwnHour
	}
	out, err := once.Do(ctx, ps.answers, by, access.Sell, a.Request, a.Render, func(tx Tx) (RequestView, refusal.Refusal, error) {
		v, err := ps.ask(tx, by, a, most)
		return v, v.Refusal, err
	})
	return out, fault.Wrap(err, "ask a customer to pay for meter %s", refusal.Echo(a.Meter))
}

// ask checks a request, stores it and orders that it is sent.
func (ps *Payments) ask(tx Tx, by access.Actor, a Asking, most int64) (RequestView, error) {
	r := PaymentRequest{State: AskRequested, By: by.String(), MadeAt: tx.Moment(), EndsAt: tx.Moment().Add(promptTime)}
	code, _, err := tx.Books().Currency()
	if err != nil {
		return RequestView{}, err
	}
	if r.Amount = (money.Amount{Minor: a.Amount, Currency: code}); !isReal(r.Amount) {
		return RequestView{Refusal: refuse.PaymentAmountWrong()}, nil
	}
	meters, err := tx.Payments().PayableMeters(ReadReference(a.Meter), maxFound)
	if err != nil {
		return RequestView{}, err
	}
	if len(meters) != 1 {
		return RequestView{Refusal: refuse.PaymentMeterUnknown(refusal.Echo(a.Meter))}, nil
	}
	r.Meter = meters[0].Meter
	provider, no, err := ps.asker(tx, a.Provider, false)
	if err != nil || no.Refused() {
		return RequestView{Refusal: no}, err
	}
	r.Provider = provider.Name
	if r.Phone, err = ps.international(provider, a.Phone); err != nil {
		return RequestView{Refusal: refuse.PaymentPhoneWrong(refusal.Echo(a.Phone))}, nil
	}
	if no, err := tooOften(tx, r, most); err != nil || no.Refused() {
		return RequestView{Refusal: no}, err
	}
	if r.ID, err = tx.NewID(); err != nil {
		return RequestView{}, err
	}
	if err := tx.Requests().AddRequest(r); err != nil {
		return RequestView{}, err
	}
	e := by.Entry("payment.request", r.Name())
	e.At, e.After = r.MadeAt, fmt.Sprintf("meter=%s amount=%d provider=%s phone=%s", r.Meter, r.Amount.Minor, r.Provider, maskPhone(r.Phone))
	if err := tx.AuditLog(e); err != nil {
		return RequestView{}, err
	}
	return RequestView{Request: r}, enqueue(tx, r.Name(), kindRequest, item{Request: r.Name()}, time.Time{})
}

// international returns a telephone number with its country, in one form, because requests to one telephone are counted. A provider of one
// country may know it without.
func (ps *Payments) international(p Provider, phone string) (string, error) {
	plus := strings.HasPrefix(strings.TrimSpace(phone), "+")
	digits := registry.Dialled(strings.TrimSpace(phone))
	if strings.TrimSpace(phone) == "" {
		return "", nil
	}
	a, err := ps.requester(p)
	if err != nil {
		return "", err
	}
	if local, can := a.(interface{ International(digits string) string }); can && !plus {
		digits, plus = local.International(digits), true
	}
	if !plus || !isPhone(digits) {
		return "", errors.New("not a telephone number with its country")
	}
	return "+" + digits, nil
}

// maskPhone hides the middle of a telephone number.
func maskPhone(phone string) string {
	if len(phone) < PhoneEnd {
		return phone
	}
	return phone[:4] + "…" + phone[len(phone)-3:]
}

// tooOften refuses a request if its telephone, or whoever asks, had too many.
func tooOften(tx Tx, r PaymentRequest, most int64) (refusal.Refusal, error) {
	if r.Phone != "" {
		hour, err := tx.Requests().RequestsTo(r.Phone, r.MadeAt.Add(-time.Hour))
		if err != nil {
			return refusal.Refusal{}, err
		}
		day, err := tx.Requests().RequestsTo(r.Phone, r.MadeAt.Add(-24*time.Hour))
		if err != nil || hour >= MaxPhoneHour || day >= MaxPhoneDay {
			return refuse.PaymentPhoneAsked(maskPhone(r.Phone), strconv.Itoa(MaxPhoneHour), strconv.Itoa(MaxPhoneDay)), err
		}
	}
	n, err := tx.Requests().RequestsBy(r.By, r.MadeAt.Add(-time.Hour))
	if err != nil || n >= most {
		return refuse.PaymentAskedTooOften(most), err
	}
	return refusal.Refusal{}, nil
}

// asker finds the provider that asks a customer: the named one, or the only one that can. With phones, a provider that opens a page cannot.
func (ps *Payments) asker(tx Tx, name string, phones bool) (Provider, refusal.Refusal, error) {
	all, err := tx.Payments().ProviderPage(id.ID{}, maxOfThese)
	if err != nil {
		return Provider{}, refusal.Refusal{}, err
	}
	var can []Provider
	for _, p := range all {
		if p.Disabled() || name != "" && p.Name != strings.ToLower(strings.TrimSpace(name)) {
			continue
		}
		if a, err := ps.requester(p); err == nil && !(phones && a.OnPage()) {
			can = append(can, p)
		}
	}
	if len(can) != 1 {
		return Provider{}, refuse.PaymentNoRequester(refusal.Echo(name)), nil
	}
	return can[0], refusal.Refusal{}, nil
}

// ShowRequest returns a request to pay (right: payment.read, except for requests of one's own).
func (ps *Payments) ShowRequest(ctx context.Context, by access.Actor, request string) (RequestView, error) {
	v, err := ps.RequestOf(ctx, by.Tenant, request)
	if err == nil && (v.Refused() || v.Request.By != by.String()) {
		if no := by.Needs(access.ReadPayments); no.Refused() {
			return RequestView{Refusal: no}, nil
		}
	}
	return v, err
}

// RequestOf returns a request to pay, for whoever may see it.
func (ps *Payments) RequestOf(ctx context.Context, t access.Tenant, request string) (RequestView, error) {
	out, err := access.Look(ctx, ps.c.Door, t, func(tx Tx) (RequestView, error) {
		i, broken := id.Parse(id.PaymentRequest, request)
		if broken != nil {
			return RequestView{Refusal: refuse.PaymentRequestNotFound(refusal.Echo(request))}, nil
		}
		r, found, err := tx.Requests().RequestByID(i)
		if err == nil && !found {
			return RequestView{Refusal: refuse.PaymentRequestNotFound(refusal.Echo(request))}, nil
		}
		v := RequestView{Request: r}
		if err == nil && !r.Payment.IsZero() {
			var p Payment
			p, _, err = tx.Payments().PaymentByID(r.Payment)
			v.Sale, v.Parked = p.Sale, p.State == Parked
		}
		return v, err
	})
	return out, fault.Wrap(err, "show request %s", refusal.Echo(request))
}

// RequestList is one page of requests to pay, newest first.
type RequestList struct {
	refusal.Refusal
	Requests []RequestView
	Next     string
}

// listRequests is the list that a cursor of RequestList belongs to.
const listRequests = "payment-requests"

// Requests lists requests to pay (right: payment.read).
func (ps *Payments) Requests(ctx context.Context, by access.Actor, page registry.Page) (RequestList, error) {
	if no := by.Needs(access.ReadPayments); no.Refused() {
		return RequestList{Refusal: no}, nil
	}
	before, max, no := page.Read(ps.c.Sealer, by.Tenant, listRequests)
	if no.Refused() {
		return RequestList{Refusal: no}, nil
	}
	out, err := access.Look(ctx, ps.c.Door, by.Tenant, func(tx Tx) (RequestList, error) {
		rows, err := tx.Requests().RequestPage(before, max+1)
		rows, next := registry.Cut(rows, max, ps.c.Sealer, by.Tenant, listRequests, func(r PaymentRequest) id.ID { return r.ID })
		l := RequestList{Next: next}
		for _, r := range rows {
			l.Requests = append(l.Requests, RequestView{Request: r})
		}
		return l, err
	})
	return out, fault.Wrap(err, "list requests to pay")
}
