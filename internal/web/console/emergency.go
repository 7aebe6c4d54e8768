package console

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/wallet"
	"github.com/paywatt/paywatt/unit"
)

// emergencyForm is the form that restores a supply at night, on credit.
type emergencyForm struct{ Hours, Energy, Reason string }

// emergencyHours are the times that the form offers.
func emergencyHours() []string { return []string{"1", "2", "4", "8", "12", "24"} }

// emergency restores the supply of a meter at night, on credit. The use case checks the hour, the ceilings and the second person.
func (s *Console) emergency(w http.ResponseWriter, r *http.Request, v visit) {
	f := emergencyForm{r.PostFormValue("hours"), strings.TrimSpace(r.PostFormValue("energy")), strings.TrimSpace(r.PostFormValue("reason"))}
	meter, t := r.PathValue("number"), v.site.say
	done, err := s.restoreAtNight(r, v, meter, f)
	switch {
	case err != nil:
		s.broken(w, r, v, err)
	case done.Waits != nil:
		s.showWaits(w, r, v, *done.Waits)
	case done.Refused():
		s.meterPage(w, r, v, http.StatusUnprocessableEntity, supplyForm{Night: f, Error: t.Refusal(done.Refusal).Detail()})
	default:
		http.Redirect(w, r, "/meters/"+url.PathEscape(meter)+"#"+supplyElement, http.StatusSeeOther)
	}
}

func (s *Console) restoreAtNight(r *http.Request, v visit, meter string, f emergencyForm) (wallet.SupplyView, error) {
	if !v.owns(r.PostFormValue("form")) {
		return wallet.SupplyView{Refusal: refuse.SwitchFormOfOtherSession()}, nil
	}
	hours, err := strconv.ParseInt(f.Hours, 10, 64)
	energy, wrong := v.site.say.Parse(f.Energy, money.Currency{Exp: 3}) // kWh with three decimals
	if err != nil || wrong != nil {
		return wallet.SupplyView{Refusal: refuse.EmergencyOutOfRange()}, nil
	}
	return s.c.Wallets.Restore(r.Context(), v.by, meter, wallet.EmergencyRequest{Hours: hours, Energy: unit.Energy(energy), Reason: f.Reason})
}
