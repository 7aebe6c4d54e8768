package profile

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/registry"
)

// Adopted says which meter a device of the shared listener is.
type Adopted struct {
	Name    string
	Client  string // the MQTT client id that the device had when it was adopted; no other client may use the name
	Profile string
	Meter   int64
	At      time.Time
	By      string
}

// AdoptTx is the part of a transaction that adopting needs.
type AdoptTx interface {
	Eyes() access.EyesTx
	Meters() registry.MeterLookup
	AuditLog(access.Entry) error
	// DeviceNamed and DeviceOf find the adopted device with a name, or of a meter, and lock it.
	DeviceNamed(name string) (Adopted, bool, error)
	DeviceOf(meter int64) (Adopted, bool, error)
	// AdoptedAfter lists adopted devices in the order of their meters' dense numbers, after a number.
	AdoptedAfter(meter int64, max int) ([]Adopted, error)
	MeterNumber(meter int64) (string, error)
	AddAdopted(Adopted) (bool, error)
	DropAdopted(name string) error
	ProfileRegister(meter int64) (Register, error)
	PutProfileRegister(meter int64, profile string, r Register) error
	DeviceBinding(meter int64) (Binding, bool, error)
	PutDeviceBinding(meter int64, b Binding) error
	ClearAlarm(meter int64, code metering.AlarmCode) error
	DevicePassword() ([]byte, error)
	SetDevicePassword(hash [32]byte, at time.Time, by string) error
	DropDevicePassword() error
}

// AdoptionConfig configures an Adoption. All fields are required.
type AdoptionConfig struct {
	Door     access.Door[AdoptTx]
	Profiles Library
	Hasher   access.Hasher
	Rand     io.Reader
	Now      func() time.Time
	// Listens reports whether this server has a shared listener.
	Listens func() bool
	// Strangers lists the devices that talk at the shared listener and belong to no meter.
	Strangers func() []UnknownDevice
	// Claimed returns the last attempt of another client to use the name of an adopted device.
	Claimed func(name string) (Claim, bool)
	// Live returns the state of a meter's device.
	Live func(number string) (Live, bool)
	// OwnPort reports whether the meter's device has a listener of its own, and OwnProfile returns the profile of that listener; nil for none.
	OwnPort    func(number string) bool
	OwnProfile func(number string) *Profile
	// Changed is called after a device was adopted or released, and Relogin after the password was changed.
	Changed func(name string)
	// Rebound is called after a person chose the device of a meter with a listener of its own.
	Rebound func(number string)
	Relogin func()
}

// Adoption says which device of the shared listener is which meter.
type Adoption struct{ c AdoptionConfig }

// NewAdoption returns an Adoption.
func NewAdoption(c AdoptionConfig) *Adoption { return &Adoption{c} }

// AdoptedView is an adopted device as it is shown to people.
type AdoptedView struct {
	refusal.Refusal
	Waits   *access.Approval // a second person must agree, and nothing was changed
	Adopted Adopted
	Number  string // of the meter
	Live    Live
	Claim   *Claim // somebody else tried to use the name
}

// AdoptedList is a page of adopted devices.
type AdoptedList struct {
	refusal.Refusal
	Devices []AdoptedView
	Next    int64 // dense number of the meter to continue after; 0 at the end
}

// UnknownList lists the unknown devices that talk.
type UnknownList struct {
	refusal.Refusal
	Listens bool // this server has a shared listener
	Devices []UnknownView
}

// UnknownView is an unknown device as it is shown to people.
type UnknownView struct {
	UnknownDevice
	Taken string // number of the meter whose adopted device has this name; empty for none
}

// List shows at most max adopted devices in the order in which their meters were registered (right: meter.read).
func (a *Adoption) List(ctx context.Context, by access.Actor, after int64, max int) (AdoptedList, error) {
	if no := by.Needs(access.ReadMeters); no.Refused() {
		return AdoptedList{Refusal: no}, nil
	}
	out, err := access.Look(ctx, a.c.Door, by.Tenant, func(tx AdoptTx) (l AdoptedList, err error) {
		rows, err := tx.AdoptedAfter(after, max+1)
		if err != nil {
			return l, err
		}
		if len(rows) > max {
			rows, l.Next = rows[:max], rows[max-1].Meter
		}
		for _, d := range rows {
			v, err := a.view(tx, d)
			if err != nil {
				return l, err
			}
			l.Devices = append(l.Devices, v)
		}
		return l, nil
	})
	return out, fault.Wrap(err, "list devices")
}

func (a *Adoption) view(tx AdoptTx, d Adopted) (v AdoptedView, err error) {
	v.Adopted = d
	if v.Number, err = tx.MeterNumber(d.Meter); err != nil {
		return v, err
	}
	v.Live, _ = a.c.Live(v.Number)
	if c, ok := a.c.Claimed(d.Name); ok {
		v.Claim = &c
	}
	return v, nil
}

// Unknown lists the devices that talk at the shared listener of this server and belong to no meter (right: meter.read).
func (a *Adoption) Unknown(ctx context.Context, by access.Actor) (UnknownList, error) {
	if no := by.Needs(access.ReadMeters); no.Refused() {
		return UnknownList{Refusal: no}, nil
	}
	out := UnknownList{Listens: a.c.Listens()}
	talking := a.c.Strangers()
	err := a.c.Door.View(ctx, by.Tenant, func(tx AdoptTx) error {
		out.Devices = nil
		for _, s := range talking {
			v := UnknownView{UnknownDevice: s}
			d, found, err := tx.DeviceNamed(s.Name)
			if err == nil && found {
				v.Taken, err = tx.MeterNumber(d.Meter)
			}
			if err != nil {
				return err
			}
			out.Devices = append(out.Devices, v)
		}
		return nil
	})
	return out, fault.Wrap(err, "list unknown devices")
}

// AdoptRequest asks to make a device that talks the device of a meter.
type AdoptRequest struct {
	Name    string
	Client  string // needed if several devices use the name; empty for the only one
	Profile string // empty for the first profile that understands the device
	Meter   string
}

// deviceAct is an act on a device as an approval stores it.
type deviceAct struct {
	Do      string `json:"do"`
	Name    string `json:"name"`
	Client  string `json:"client,omitempty"`
	Profile string `json:"profile,omitempty"`
	Meter   string `json:"meter"`
	Reason  string `json:"reason,omitempty"`
}

// What a deviceAct does.
const (
	doAdopt    = "adopt"
	doReplace  = "replace"
	doRelease  = "release"
	doPassword = "open" // the listener needs no password any more
)

// Adopt makes a device that talks now the device of a wallet meter (right: meter.write). The meter's register goes on, and the device's own
// counter begins with its next value. A second person must agree, also at a meter that was never heard: from then on only the device says what
// is used there, and a device that reports nothing would be energy for nothing.
func (a *Adoption) Adopt(ctx context.Context, by access.Actor, r AdoptRequest) (AdoptedView, error) {
	if no := by.Needs(access.WriteMeters); no.Refused() {
		return AdoptedView{Refusal: no}, nil
	}
	act, no := a.chosen(r)
	if no.Refused() {
		return AdoptedView{Refusal: no}, nil
	}
	return a.adopt(ctx, by, act)
}

// chosen finds the device that a request means among those that talk, and its profile.
func (a *Adoption) chosen(r AdoptRequest) (deviceAct, refusal.Refusal) {
	var fit []UnknownDevice
	for _, s := range a.c.Strangers() {
		if s.Name == r.Name && (r.Client == "" || s.Client == r.Client) {
			fit = append(fit, s)
		}
	}
	switch {
	case len(fit) == 0:
		return deviceAct{}, refuse.DeviceNotTalking(refusal.Echo(r.Name))
	case len(fit) > 1:
		return deviceAct{}, refuse.DeviceNameTwice(r.Name)
	case r.Profile == "":
		r.Profile = fit[0].Profiles[0]
	}
	if !slices.Contains(fit[0].Profiles, r.Profile) {
		return deviceAct{}, refuse.DeviceProfileUnfit(r.Name, refusal.Echo(r.Profile), strings.Join(fit[0].Profiles, ", "))
	}
	return deviceAct{Do: doAdopt, Name: r.Name, Client: fit[0].Client, Profile: r.Profile, Meter: r.Meter}, refusal.Refusal{}
}

func (a *Adoption) adopt(ctx context.Context, by access.Actor, act deviceAct) (AdoptedView, error) {
	out, err := access.Through(ctx, a.c.Door, by.Tenant, func(tx AdoptTx) (AdoptedView, error) {
		m, no, err := registry.MeterNamed(tx.Meters(), act.Meter)
		if err != nil || no.Refused() {
			return AdoptedView{Refusal: no}, err
		}
		if no, err := a.mayAdopt(tx, m, act); err != nil || no.Refused() {
			return AdoptedView{Refusal: no}, err
		}
		act.Meter = m.Number
		wish := access.ActRequest{Act: access.ActDevice, Object: m.ID.Text(id.Meter), Body: act,
			Summary: fmt.Sprintf("adopt the device %s (client id %s, profile %s) for meter %s: from then on, only this device says what is used there",
				act.Name, act.Client, act.Profile, m.Number), Effect: access.Telling(func(e *access.Effect) {
				e.Change("device", access.Value{}, access.Says(act.Name))
				e.Fact("client", act.Client)
				e.Fact("profile", act.Profile)
			})}
		eyes, err := access.SecondPerson(tx.Eyes(), by, wish, a.c.Now())
		if err != nil || eyes.Refused() || eyes.Waits != nil {
			return AdoptedView{Refusal: eyes.Refusal, Waits: eyes.Waits}, err
		}
		d := Adopted{Name: act.Name, Client: act.Client, Profile: act.Profile, Meter: m.N, At: access.Stored(a.c.Now()), By: by.Name}
		return a.begin(tx, by, eyes, d, m)
	})
	if err == nil && !out.Refused() && out.Waits == nil {
		a.c.Changed(act.Name)
	}
	return out, fault.Wrap(err, "adopt device %s", act.Name)
}

// begin stores an adopted device. What the meter's last device said of itself no longer counts.
func (a *Adoption) begin(tx AdoptTx, by access.Actor, eyes access.FourEyes, d Adopted, m registry.Meter) (AdoptedView, error) {
	if added, err := tx.AddAdopted(d); err != nil || !added {
		return AdoptedView{Refusal: refuse.DeviceAdopted(d.Name, m.Number)}, err
	}
	was, err := tx.ProfileRegister(d.Meter)
	if err == nil && was != (Register{}) {
		err = tx.PutProfileRegister(d.Meter, d.Profile, was.Anew())
	}
	if err == nil {
		err = tx.PutDeviceBinding(d.Meter, Binding{Name: d.Name, Since: d.At, BoundAt: d.At})
	}
	if err == nil {
		err = tx.ClearAlarm(d.Meter, AlarmClaimed)
	}
	if err != nil {
		return AdoptedView{}, err
	}
	e := by.Entry("device.adopt", m.ID.Text(id.Meter))
	e.After = "device=" + d.Name + " client=" + d.Client + " profile=" + d.Profile
	if err := tx.AuditLog(eyes.Mark(e)); err != nil {
		return AdoptedView{}, err
	}
	return a.view(tx, d)
}

// mayAdopt reports whether a device may become the device of a meter.
func (a *Adoption) mayAdopt(tx AdoptTx, m registry.Meter, act deviceAct) (refusal.Refusal, error) {
	switch {
	case !GoodName(act.Name) || !GoodName(act.Client):
		return refuse.DeviceNotTalking(refusal.Echo(act.Name)), nil
	case a.c.Profiles[act.Profile] == nil:
		return refuse.DeviceProfileUnfit(act.Name, refusal.Echo(act.Profile), strings.Join(a.c.Profiles.Names(), ", ")), nil
	case m.Mode == registry.PrepayToken:
		return refuse.DeviceOfTokenMeter(m.Number), nil
	case m.Status != registry.Active:
		return refuse.DeviceOfIdleMeter(m.Number, string(m.Status)), nil
	case a.c.OwnPort(m.Number):
		return refuse.DeviceHasPort(m.Number), nil
	}
	if d, found, err := tx.DeviceNamed(act.Name); err != nil || found {
		number := ""
		if err == nil {
			number, err = tx.MeterNumber(d.Meter)
		}
		return refuse.DeviceAdopted(act.Name, number), err
	}
	d, found, err := tx.DeviceOf(m.N)
	if err == nil && found {
		return refuse.MeterHasDevice(m.Number, d.Name), nil
	}
	return refusal.Refusal{}, err
}

// Release ends the use of a device for its meter (right: meter.write). The relay of the device stays as it is, and nobody measures there any
// more, so a second person must agree.
func (a *Adoption) Release(ctx context.Context, by access.Actor, name, reason string) (AdoptedView, error) {
	if no := by.Needs(access.WriteMeters); no.Refused() {
		return AdoptedView{Refusal: no}, nil
	}
	if reason == "" || len(reason) > maxReason || !access.IsLine(reason) {
		return AdoptedView{Refusal: refuse.DeviceReleaseWithoutReason(maxReason)}, nil
	}
	out, err := access.Through(ctx, a.c.Door, by.Tenant, func(tx AdoptTx) (AdoptedView, error) {
		d, found, err := tx.DeviceNamed(name)
		if err != nil || !found {
			return AdoptedView{Refusal: refuse.AdoptedNotFound(refusal.Echo(name))}, err
		}
		v, err := a.view(tx, d)
		if err != nil {
			return AdoptedView{}, err
		}
		m, _, err := tx.Meters().MeterByNumber(v.Number)
		if err != nil {
			return AdoptedView{}, err
		}
		eyes, err := access.SecondPerson(tx.Eyes(), by, access.ActRequest{Act: access.ActDevice, Object: m.ID.Text(id.Meter), Body: deviceAct{Do: doRelease, Name: name, Meter: v.Number, Reason: reason},
			Summary: fmt.Sprintf("release the device %s of meter %s: its relay stays as it is, and nobody measures there any more: %s", name, v.Number, reason),
			Effect: access.Telling(func(e *access.Effect) {
				e.Change("device", access.Says(name), access.Value{})
				e.Fact("profile", d.Profile)
				e.Fact("reason", reason)
			})}, a.c.Now())
		if err != nil || eyes.Refused() || eyes.Waits != nil {
			return AdoptedView{Refusal: eyes.Refusal, Waits: eyes.Waits}, err
		}
		e := by.Entry("device.release", m.ID.Text(id.Meter))
		e.Before, e.Reason = "device="+d.Name+" client="+d.Client+" profile="+d.Profile, reason
		if err := tx.DropAdopted(name); err != nil {
			return AdoptedView{}, err
		}
		return v, tx.AuditLog(eyes.Mark(e))
	})
	if err == nil && !out.Refused() && out.Waits == nil {
		a.c.Changed(name)
	}
	return out, fault.Wrap(err, "release device %s", name)
}

// Executors returns the executor of approved acts on devices.
func (a *Adoption) Executors() access.Executors {
	return access.Executors{access.ActDevice: func(ctx context.Context, maker access.Actor, body []byte) (access.Done, error) {
		var act deviceAct
		if err := json.Unmarshal(body, &act); err != nil {
			return access.Done{}, fmt.Errorf("read an approved act on a device: %w", err)
		}
		switch act.Do {
		case doPassword:
			no, err := a.OpenToAll(ctx, maker)
			return access.Done{Refusal: no.Refusal, Object: "listener for devices"}, err
		case doReplace:
			out, err := a.Replace(ctx, maker, Replaced{Meter: act.Meter, Device: act.Name, Reason: act.Reason})
			return access.Done{Refusal: out.Refusal, Object: "meter " + act.Meter}, err
		case doRelease:
			out, err := a.Release(ctx, maker, act.Name, act.Reason)
			return access.Done{Refusal: out.Refusal, Object: "device " + act.Name}, err
		}
		out, err := a.adopt(ctx, maker, act)
		return access.Done{Refusal: out.Refusal, Object: "device " + act.Name}, err
	}}
}

// Find returns the meter of an adopted device, for the listener. It checks no right, because the listener asks for the device itself. The device
// of a meter that was replaced is still heard, because it must be switched off.
func (a *Adoption) Find(ctx context.Context, t access.Tenant, name string) (d Adopted, who registry.Identity, found bool, err error) {
	err = a.c.Door.View(ctx, t, func(tx AdoptTx) error {
		if d, found, err = tx.DeviceNamed(name); err != nil || !found {
			return err
		}
		number, err := tx.MeterNumber(d.Meter)
		if err != nil {
			return err
		}
		m, is, err := tx.Meters().MeterByNumber(number)
		found = is && (m.Status == registry.Active || m.Status == registry.Blocked)
		who = registry.Identity{Tenant: t, Meter: d.Meter, Number: number, Simulated: m.Simulated}
		return err
	})
	return d, who, found && err == nil, fault.Wrap(err, "find device %s", name)
}
