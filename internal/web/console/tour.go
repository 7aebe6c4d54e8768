package console

import (
	"net/http"
	"net/url"
	"strconv"

	"github.com/paywatt/paywatt/internal/words"
)

// Tour is a guided tour of a demonstration. Ordinary servers have none.
type Tour struct {
	// Speed is how many times faster than real time the virtual meters live.
	Speed int
	// Meter is a meter without supply, and Name its customer.
	Meter, Name string
}

// TourCookie holds the number of the step that the browser is at. Without the cookie there is no tour.
const TourCookie = "paywatt_tour"

// tourSteps is how many steps the tour has.
const tourSteps = 5

// tourStep is one step of the tour as the pages show it.
type tourStep struct {
	Number        int
	Of, Title     string
	Text, To, Act string // To is the page of the step, Act the name of the link
	Away          bool   // the page is not of the console
	Last          bool
}

// tourPlace is the page at which a step happens.
func (s *Console) tourPlace(step int) string {
	meter := "/meters/" + url.PathEscape(s.c.Tour.Meter)
	switch step {
	case 2:
		return "/sell?" + url.Values{"meter": {s.c.Tour.Meter}, "amount": {"100"}}.Encode()
	case 3:
		return s.c.PanelURL
	case 5:
		return meter + "/recharge"
	}
	return meter
}

// tourOf returns the step that the browser is at, or nil.
func (s *Console) tourOf(r *http.Request, t *words.Texts) *tourStep {
	if s.c.Tour == nil {
		return nil
	}
	c, err := r.Cookie(TourCookie)
	if err != nil {
		return nil
	}
	n, err := strconv.Atoi(c.Value)
	if err != nil || n < 1 || n > tourSteps {
		return nil
	}
	name, number := s.c.Tour.Name, s.c.Tour.Meter
	step := tourStep{Number: n, Of: t.TourStep(strconv.Itoa(n), strconv.Itoa(tourSteps)), To: s.tourPlace(n), Last: n == tourSteps}
	switch n {
	case 1:
		step.Title, step.Text, step.Act = t.TourCut(), t.TourCutText(name), t.TourCutAct()
	case 2:
		step.Title, step.Text, step.Act = t.TourSell(), t.TourSellText(), t.TourSellAct()
	case 3:
		step.Title, step.Text, step.Act = t.TourLoad(), t.TourLoadText(), t.TourLoadAct()
		step.To, step.Away = s.panelOf(number), true
	case 4:
		step.Title, step.Text, step.Act = t.TourUse(), t.TourUseText(strconv.Itoa(s.c.Tour.Speed)), t.TourUseAct()
	case 5:
		step.Title, step.Text, step.Act = t.TourAgain(), t.TourAgainText(), t.TourAgainAct()
	}
	return &step
}

// moveTour goes to another step of the tour, or ends it with step 0.
func (s *Console) moveTour(w http.ResponseWriter, r *http.Request) {
	n, err := strconv.Atoi(r.PostFormValue("step"))
	c := &http.Cookie{Name: TourCookie, Path: "/", MaxAge: -1, HttpOnly: true, Secure: s.secure(r), SameSite: http.SameSiteLaxMode}
	to := local(r.PostFormValue("back"))
	if s.c.Tour != nil && err == nil && n >= 1 && n <= tourSteps {
		c.Value, c.MaxAge = strconv.Itoa(n), 0
		if n != 3 { // the panel is no page of the console: the person stays and follows the link
			to = s.tourPlace(n)
		}
	}
	http.SetCookie(w, c)
	if to == "" {
		to = "/"
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
}
