package console

import (
	"context"
	"crypto/sha256"
	"net/http"
	"strings"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/logkey"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/registry"
)

// newCustomerForm is the page that registers a customer without a meter.
type newCustomerForm struct {
	Name, Phone, IDNo, Lang string
	FormID, Error           string
}

func (f newCustomerForm) command() string {
	return commandLine("paywatt customer add", "--name", f.Name, "--phone", f.Phone, "--id-no", f.IDNo, "--lang", f.Lang)
}

// newCustomer shows the form.
func (s *Console) newCustomer(w http.ResponseWriter, r *http.Request, v visit) {
	s.showNewCustomer(w, r, v, http.StatusOK, newCustomerForm{Lang: "en"})
}

func (s *Console) showNewCustomer(w http.ResponseWriter, r *http.Request, v visit, status int, f newCustomerForm) {
	if no := v.by.Needs(access.WriteCustomers); no.Refused() {
		s.refuse(w, r, v, no)
		return
	}
	var err error
	if f.FormID, err = s.formID(v); err != nil {
		s.broken(w, r, v, err)
		return
	}
	s.show(w, r, status, newCustomerView(s.page(r, v, v.site.say.NewCustomerTitle()), f))
}

// addCustomer registers a customer, once for each form.
func (s *Console) addCustomer(w http.ResponseWriter, r *http.Request, v visit) {
	field := func(name string) string { return strings.TrimSpace(r.PostFormValue(name)) }
	f := newCustomerForm{Name: field("name"), Phone: field("phone"), IDNo: field("id_no"), Lang: field("lang")}
	at, no, err := s.formOnce(r, v, func(ctx context.Context) (string, refusal.Refusal, error) {
		made, err := s.c.Registry.AddCustomer(ctx, v.by, registry.NewCustomer{Name: f.Name, Phone: f.Phone, IDNo: f.IDNo, Lang: f.Lang})
		return "/customers/" + made.Customer.ID.Text(id.Customer) + "?kept=1", made.Refusal, err
	})
	switch {
	case err != nil:
		s.broken(w, r, v, err)
	case no.Refused():
		f.Error = v.site.say.Refusal(no).Detail()
		s.showNewCustomer(w, r, v, max(no.Code.Status(), http.StatusBadRequest), f)
	default:
		http.Redirect(w, r, at, http.StatusSeeOther)
	}
}

// formOnce carries out a form whose use case has no idempotency key, and returns the address to go to. A form that was sent before has no
// further effect and leads to the same address.
func (s *Console) formOnce(r *http.Request, v visit, do func(context.Context) (at string, no refusal.Refusal, err error)) (at string, no refusal.Refusal, err error) {
	form := r.PostFormValue("form")
	if !v.owns(form) {
		return "", refuse.OfficeFormOfOtherSession(), nil
	}
	o := access.Once{Principal: v.by.String(), Key: form, Hash: sha256.Sum256([]byte(r.URL.Path))}
	kept, found, err := s.c.Forms.Claim(r.Context(), v.by.Tenant, o)
	if err != nil {
		return "", no, err
	}
	if found {
		if kept.Status == 0 {
			return "", refuse.FormUnderWay(), nil
		}
		return string(kept.Body), no, nil
	}
	at, no, err = do(r.Context())
	ctx := context.WithoutCancel(r.Context())
	var lost error
	if err == nil && !no.Refused() {
		lost = s.c.Forms.Keep(ctx, v.by.Tenant, o, http.StatusSeeOther, []byte(at))
	} else {
		lost = s.c.Forms.Drop(ctx, v.by.Tenant, o)
	}
	if lost != nil {
		s.c.Log.Warn("form not remembered", logkey.Err, lost)
	}
	return at, no, err
}
