package console

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"strings"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/words"
)

// endingForm is the page that removes or scraps a meter.
type endingForm struct {
	Number, Grouped, Status string
	Step                    registry.Status // what the meter would be
	Effect, Submit          string
	Reason, FormID, Error   string
}

func (f endingForm) writeCommand() string {
	verb := "remove"
	if f.Step == registry.Scrapped {
		verb = "scrap"
	}
	return commandLine("paywatt meter "+verb+" "+f.Number, "--reason", cmp.Or(f.Reason, "REASON"))
}

func endingPath(number string) string { return "/meters/" + url.PathEscape(number) + "/end" }

// findNextEnd returns the step towards its end that a meter of a status can take.
func findNextEnd(s registry.Status) (registry.Status, bool) {
	for _, next := range []registry.Status{registry.Removed, registry.Scrapped} {
		if s.MayBecome(next) {
			return next, true
		}
	}
	return "", false
}

func titleEnding(t *words.Texts, step registry.Status, meter string) string {
	switch {
	case step == registry.Scrapped && meter == "":
		return t.EndingScrap()
	case step == registry.Scrapped:
		return t.EndingScrapTitle(meter)
	case meter == "":
		return t.EndingRemove()
	}
	return t.EndingRemoveTitle(meter)
}

func explainEnding(t *words.Texts, step registry.Status) string {
	if step == registry.Scrapped {
		return t.EndingScrapEffect()
	}
	return t.EndingRemoveEffect()
}

func (s *Console) endingPage(w http.ResponseWriter, r *http.Request, v visit) {
	s.showEnding(w, r, v, http.StatusOK, endingForm{})
}

func (s *Console) showEnding(w http.ResponseWriter, r *http.Request, v visit, status int, f endingForm) {
	if no := v.by.Needs(access.WriteMeters); no.Refused() {
		s.refuse(w, r, v, no)
		return
	}
	m, err := s.find(r.Context(), v, r.PathValue("number"))
	if s.stopped(w, r, v, err, m.Refusal) {
		return
	}
	number, is := m.Meter.Number, string(m.Meter.Status)
	step, can := findNextEnd(m.Meter.Status)
	switch {
	case can:
	case m.Meter.Status.IsGone():
		s.refuse(w, r, v, refuse.MeterNotToScrap(number, is))
		return
	default:
		s.refuse(w, r, v, refuse.MeterStillSupplies(number))
		return
	}
	t := v.site.say
	f.Number, f.Grouped, f.Status, f.Step = number, groups(number), t.Name("meter-status", is), step
	f.Effect, f.Submit = explainEnding(t, step), titleEnding(t, step, "")
	if f.FormID, err = s.formID(v); err != nil {
		s.broken(w, r, v, err)
		return
	}
	p := s.page(r, v, titleEnding(t, step, f.Grouped))
	p.mark(t, m.Meter.Simulated)
	s.show(w, r, status, endingView(p, f))
}

// endMeter does the step that the form shows, and not the next one, should it be sent again.
func (s *Console) endMeter(w http.ResponseWriter, r *http.Request, v visit) {
	f := endingForm{Reason: strings.TrimSpace(r.PostFormValue("reason"))}
	number, step := r.PathValue("number"), registry.Status(r.PostFormValue("step"))
	var done registry.ChangedMeter
	at, no, err := s.formOnce(r, v, func(ctx context.Context) (string, refusal.Refusal, error) {
		do := s.c.Registry.RemoveMeter
		if step == registry.Scrapped {
			do = s.c.Registry.ScrapMeter
		}
		var err error
		done, err = do(ctx, v.by, number, f.Reason)
		return "/meters/" + url.PathEscape(number), done.Refusal, err
	})
	switch {
	case err != nil:
		s.broken(w, r, v, err)
	case done.Waits != nil:
		s.showWaits(w, r, v, *done.Waits)
	case no.Refused():
		f.Error = v.site.say.Refusal(no).Detail()
		s.showEnding(w, r, v, max(no.Code.Status(), http.StatusBadRequest), f)
	default:
		http.Redirect(w, r, at, http.StatusSeeOther)
	}
}
