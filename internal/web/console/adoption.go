package console

import (
	"net/http"
	"strings"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/profile"
)

// devicePath is the page with the devices of the shared listener.
const devicePath = "/devices"

// maxAdopted is how many adopted devices the page shows; the API lists all.
const maxAdopted = 200

// adoptionPage is the list of unknown devices, each with a form that adopts it, and of adopted ones.
type adoptionPage struct {
	Listens, MayAdopt bool
	Unknown           []unknownLine
	Adopted           []adoptedLine
	More              bool
	FormID, Error     string
	Name, Client      string // of the form that failed
	Meter, Reason     string // as typed
}

// unknownLine is a device that talks and belongs to nobody.
type unknownLine struct {
	profile.UnknownDevice
	LastHeard, Taken string
}

// adoptedLine is an adopted device.
type adoptedLine struct {
	Name, Client, Profile, Number, Since, Claim string
	State                                       badge
}

// devices shows the devices of the shared listener.
func (s *Console) devices(w http.ResponseWriter, r *http.Request, v visit) {
	s.showDevices(w, r, v, http.StatusOK, adoptionPage{})
}

func (s *Console) showDevices(w http.ResponseWriter, r *http.Request, v visit, status int, d adoptionPage) {
	unknown, err := s.c.Adoption.Unknown(r.Context(), v.by)
	if s.stopped(w, r, v, err, unknown.Refusal) {
		return
	}
	adopted, err := s.c.Adoption.List(r.Context(), v.by, 0, maxAdopted)
	if err == nil {
		d.FormID, err = s.formID(v)
	}
	if s.stopped(w, r, v, err, adopted.Refusal) {
		return
	}
	d.Listens, d.MayAdopt, d.More = unknown.Listens, v.by.May(access.WriteMeters), adopted.Next != 0
	for _, u := range unknown.Devices {
		d.Unknown = append(d.Unknown, unknownLine{UnknownDevice: u.UnknownDevice, LastHeard: v.site.clock(u.Last), Taken: u.Taken})
	}
	for _, a := range adopted.Devices {
		d.Adopted = append(d.Adopted, v.site.adoptedLine(a))
	}
	s.show(w, r, status, adoptionView(s.page(r, v, v.site.say.DevicesTitle()), d))
}

func (t site) adoptedLine(a profile.AdoptedView) adoptedLine {
	l := adoptedLine{Name: a.Adopted.Name, Client: a.Adopted.Client, Profile: a.Adopted.Profile, Number: a.Number, Since: t.clock(a.Adopted.At),
		State: badge{"■", t.say.DevicesAway(), classOff}}
	if a.Live.Connected {
		l.State = badge{"●", t.say.DevicesConnected(), classOK}
	}
	if a.Claim != nil {
		l.Claim = t.say.DevicesClaim(a.Claim.Client, a.Claim.Address, t.clock(a.Claim.At))
	}
	return l
}

// changeDevice adopts or releases a device.
func (s *Console) changeDevice(w http.ResponseWriter, r *http.Request, v visit) {
	field := func(name string) string { return strings.TrimSpace(r.PostFormValue(name)) }
	d := adoptionPage{Name: field("name"), Client: field("client"), Meter: field("meter"), Reason: field("reason")}
	if !v.owns(r.PostFormValue("form")) {
		d.Error = v.site.say.DevicesOtherSession()
		s.showDevices(w, r, v, http.StatusUnprocessableEntity, d)
		return
	}
	var out profile.AdoptedView
	var err error
	if r.PostFormValue("act") == actRelease {
		out, err = s.c.Adoption.Release(r.Context(), v.by, d.Name, d.Reason)
	} else {
		out, err = s.c.Adoption.Adopt(r.Context(), v.by, profile.AdoptRequest{Name: d.Name, Client: d.Client, Profile: field("profile"), Meter: d.Meter})
	}
	switch {
	case err != nil:
		s.broken(w, r, v, err)
	case out.Refused():
		d.Error = v.site.say.Refusal(out.Refusal).Detail()
		s.showDevices(w, r, v, http.StatusUnprocessableEntity, d)
	case out.Waits != nil:
		s.showWaits(w, r, v, *out.Waits)
	default:
		http.Redirect(w, r, devicePath, http.StatusSeeOther)
	}
}

// actRelease is the act of the form that releases a device.
const actRelease = "release"
