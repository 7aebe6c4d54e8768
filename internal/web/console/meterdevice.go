// The page on which a person says which device a meter belongs to: where two were heard, and where one was replaced.

package console

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/profile"
)

// meterDevicePage is what the page of a meter's device shows.
type meterDevicePage struct {
	Number, State, Error string
	Heard                []string // names that were heard, to choose from
	Waits                bool     // no value was read yet
	MayChange            bool
	FormID               string
	Name, Reason         string // as typed
}

// meterDevicePath is the page of a meter's device.
func meterDevicePath(number string) string { return "/meters/" + url.PathEscape(number) + "/device" }

// meterDevice shows the device of a meter with a listener of its own.
func (s *Console) meterDevice(w http.ResponseWriter, r *http.Request, v visit) {
	s.showMeterDevice(w, r, v, http.StatusOK, meterDevicePage{})
}

func (s *Console) showMeterDevice(w http.ResponseWriter, r *http.Request, v visit, status int, d meterDevicePage) {
	bound, err := s.c.Adoption.Bound(r.Context(), v.by, r.PathValue("number"))
	if err == nil {
		d.FormID, err = s.formID(v)
	}
	if s.stopped(w, r, v, err, bound.Refusal) {
		return
	}
	d.Number = bound.Number
	d.MayChange = v.by.May(access.WriteMeters)
	d.State, d.Heard = v.site.boundState(bound.Binding)
	d.Waits = bound.Binding.Name != "" && bound.Binding.ReadAt.IsZero()
	s.show(w, r, status, meterDeviceView(s.page(r, v, v.site.say.MeterDeviceTitle(groups(d.Number))), d))
}

// boundState says which device a meter has, and lists the names that were heard.
func (t site) boundState(b profile.Binding) (string, []string) {
	switch {
	case b.Contested():
		return t.say.MeterDeviceTwo(b.Name, b.Rival), []string{b.Name, b.Rival}
	case b.Bound():
		return t.say.MeterDeviceOwn(b.Name), []string{b.Name}
	case b.Name != "":
		return t.say.MeterDeviceHeard(b.Name), []string{b.Name}
	}
	return t.say.MeterDeviceNone(), nil
}

// replaceMeterDevice makes a device the one of a meter.
func (s *Console) replaceMeterDevice(w http.ResponseWriter, r *http.Request, v visit) {
	d := meterDevicePage{Name: strings.TrimSpace(r.PostFormValue("name")), Reason: strings.TrimSpace(r.PostFormValue("reason"))}
	if !v.owns(r.PostFormValue("form")) {
		d.Error = v.site.say.DevicesOtherSession()
		s.showMeterDevice(w, r, v, http.StatusUnprocessableEntity, d)
		return
	}
	out, err := s.c.Adoption.Replace(r.Context(), v.by, profile.Replaced{Meter: r.PathValue("number"), Device: d.Name, Reason: d.Reason})
	switch {
	case err != nil:
		s.broken(w, r, v, err)
	case out.Refused():
		d.Error = v.site.say.Refusal(out.Refusal).Detail()
		s.showMeterDevice(w, r, v, http.StatusUnprocessableEntity, d)
	case out.Waits != nil:
		s.showWaits(w, r, v, *out.Waits)
	default:
		http.Redirect(w, r, meterDevicePath(out.Number), http.StatusSeeOther)
	}
}
