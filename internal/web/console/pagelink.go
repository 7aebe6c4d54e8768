package console

import (
	"net/http"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/pagelink"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
)

// pageLinkLine is the link to the page of the customer of a meter.
type pageLinkLine struct {
	Meter, State        string
	Live, Sends, Sights bool // it works; the visitor may send and revoke it; the visitor may see it
}

// What the form of a page link does.
const (
	sendPage   = "send"
	showPage   = "show"
	revokePage = "revoke"
)

// pageLinks adds the links of the customer's meters.
func (s *Console) pageLinks(r *http.Request, v visit, f *customerForm) error {
	sends := v.by.May(access.SendMessages)
	for _, m := range f.Meters {
		l, err := s.c.PageLinks.Show(r.Context(), v.by, m.Number)
		if err != nil {
			return err
		}
		if l.Refused() { // the customer has moved out
			continue
		}
		line := pageLinkLine{Meter: m.Number, State: v.site.say.CustomerPageNone(), Live: l.State == pagelink.Live, Sends: sends,
			Sights: sends && v.by.May(access.WriteCustomers) && v.by.May(access.ShowTokens)}
		switch l.State {
		case pagelink.Live:
			line.State = v.site.say.CustomerPageLive(v.site.clock(l.Link.EndsAt))
		case pagelink.Ended, pagelink.Revoked:
			line.State = v.site.say.CustomerPageEnded()
		}
		f.Pages = append(f.Pages, line)
	}
	return nil
}

// pageLink sends, shows or revokes the link to a customer's page.
func (s *Console) pageLink(w http.ResponseWriter, r *http.Request, v visit) {
	var f customerForm
	var no refusal.Refusal
	var err error
	meter := r.PostFormValue("meter")
	switch do := r.PostFormValue("do"); {
	case !v.owns(r.PostFormValue("form")):
		no = refuse.CustomerFormOfOtherSession()
	case do == sendPage:
		sent, failed := s.c.Messages.SendPage(r.Context(), v.by, meter)
		no, err, f.Notice = sent.Refusal, failed, v.site.say.CustomerPageSent()
	case do == showPage:
		l, failed := s.c.PageLinks.Make(r.Context(), v.by, pagelink.Request{Meter: meter, Show: true})
		no, err, f.Address, f.AddressOf = l.Refusal, failed, l.Address.Reveal(), l.Meter
	case do == revokePage:
		l, failed := s.c.PageLinks.Revoke(r.Context(), v.by, meter)
		no, err, f.Notice = l.Refusal, failed, v.site.say.CustomerPageRevoked()
	}
	if err != nil {
		s.broken(w, r, v, err)
		return
	}
	status := http.StatusOK
	if no.Refused() {
		f.Notice, f.Address, f.Error, status = "", "", v.site.say.Refusal(no).Detail(), max(no.Code.Status(), http.StatusBadRequest)
	}
	s.customerWith(w, r, v, status, f)
}
