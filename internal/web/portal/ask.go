package portal

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"net/url"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/payment"
	"github.com/paywatt/paywatt/internal/refusal"
)

// asking is the form that asks a telephone to pay, and what became of an earlier request.
type asking struct {
	Path, FormID  string
	Amount, Phone string // as typed
	Providers     []string
	State, Class  string // of the request that was made
	Page          string // address of the provider's page where it is paid; empty if a telephone is asked
	Problem       string
}

// asks makes the requests of a link. The name says which link, so that each has its own limits and sees only its own requests.
func (v visit) asks() access.Actor {
	by := v.by
	by.Name += " " + v.opened.Link.Text(id.PageLink)
	return by
}

// formID makes the one-time id of a form, which names the request that the form makes.
func (p *Portal) formID() (string, error) {
	var b [16]byte
	_, err := io.ReadFull(p.c.Rand, b[:])
	return hex.EncodeToString(b[:]), err
}

// ask asks a telephone to pay, once for each form, and leads to the page that says what becomes of it.
func (p *Portal) ask(page string) func(http.ResponseWriter, *http.Request, visit) {
	return func(w http.ResponseWriter, r *http.Request, v visit) {
		c, known := money.CurrencyOf(v.set.Currency)
		amount, err := v.say.Parse(r.PostFormValue("amount"), c)
		next := url.Values{"amount": {r.PostFormValue("amount")}}
		if !known || err != nil {
			http.Redirect(w, r, v.path(page, next), http.StatusSeeOther) // the page says what is wrong with the amount
			return
		}
		a := payment.Asking{Meter: v.number, Amount: amount, Phone: r.PostFormValue("phone"), Provider: r.PostFormValue("provider"),
			Render: func(q payment.RequestView) (int, []byte) { return http.StatusSeeOther, []byte(q.Request.Name()) }}
		a.Once = access.Once{Principal: v.asks().String(), Key: r.PostFormValue("form"), Hash: sha256.Sum256([]byte(v.number + "\x00" + r.PostForm.Encode()))}
		done, err := p.c.Payments.Ask(r.Context(), v.asks(), a)
		switch {
		case err != nil:
			p.failed(w, r, err)
		case done.Refused():
			p.refused(w, r, v, page, done.Refusal)
		default:
			reply := done.Reply
			if done.Replay != nil { // the form was sent again
				reply = *done.Replay
			}
			next.Set("request", string(reply.Body))
			http.Redirect(w, r, v.path(page, next), http.StatusSeeOther)
		}
	}
}

// refused shows the page again, and says why no request was sent.
func (p *Portal) refused(w http.ResponseWriter, r *http.Request, v visit, page string, no refusal.Refusal) {
	no = v.say.Refusal(no)
	r.URL.RawQuery = url.Values{"amount": {r.PostFormValue("amount")}}.Encode()
	v.problem = no.What + " " + no.Try
	if page == "/buy" {
		p.buy(w, r, v)
		return
	}
	p.pay(w, r, v)
}

// asked adds the form, and the state of the request that the address of the page names, if this link has made it.
func (p *Portal) asked(ctx context.Context, r *http.Request, v visit, d *buyPage) error {
	providers, err := p.c.Payments.Askers(ctx, p.c.Tenant)
	if err != nil || len(providers) == 0 || d.Currency == "" {
		return err
	}
	a := asking{Path: d.Path, Amount: d.Amount, Providers: providers, Problem: v.problem, Phone: r.PostFormValue("phone")}
	if a.Phone == "" && !v.opened.PaysOnly {
		a.Phone = v.m.Customer.Phone
	}
	if a.FormID, err = p.formID(); err != nil {
		return err
	}
	if request := r.URL.Query().Get("request"); request != "" {
		q, err := p.c.Payments.RequestOf(ctx, p.c.Tenant, request)
		if err != nil {
			return err
		}
		if !q.Refused() && q.Request.By == v.asks().String() {
			a.Class, a.State = v.became(q.Request.State)
			if q.Request.State == payment.AskRequested {
				a.Page = q.Request.Page
			}
		}
	}
	d.Asking = &a
	return nil
}

// became says what became of a request to pay.
func (v visit) became(s payment.AskState) (class, text string) {
	switch s {
	case payment.AskPaid:
		return "ok", v.say.PortalAskedPaid()
	case payment.AskRequested:
		return "warn", v.say.PortalAsked()
	case payment.AskFailed, payment.AskExpired:
		return "bad", v.say.PortalAskedFailed()
	}
	return "warn", v.say.PortalAskedUnknown()
}
