package api

import (
	"context"
	"encoding/binary"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/profile"
	"github.com/paywatt/paywatt/internal/registry"
)

// AdoptedPath is the device in a path.
type AdoptedPath struct {
	Name string `path:"name" maxLength:"64" doc:"Name of the device"`
}

func adoptedOf(v profile.AdoptedView) apiv1.AdoptedDevice {
	b := apiv1.AdoptedDevice{Name: v.Adopted.Name, Meter: v.Number, Profile: v.Adopted.Profile, ClientID: v.Adopted.Client, AdoptedAt: v.Adopted.At.UTC(),
		AdoptedBy: v.Adopted.By, Connected: v.Live.Connected, DataAt: at(v.Live.DataAt)}
	if c := v.Claim; c != nil {
		b.Claim = &apiv1.DeviceClaim{ClientID: c.Client, Address: c.Address, At: c.At.UTC(), Times: c.Times}
	}
	return b
}

func unknownOf(v profile.UnknownView) apiv1.UnknownDevice {
	return apiv1.UnknownDevice{Name: v.Name, ClientID: v.Client, Address: v.Address, Profiles: append([]string{}, v.Profiles...), Said: v.Said, FirstHeard: v.First.UTC(), LastHeard: v.Last.UTC(),
		Messages: v.Messages, Connected: v.On, NameOf: v.Taken}
}

func boundOf(number string, b profile.Binding) apiv1.BoundDevice {
	return apiv1.BoundDevice{Meter: number, Device: b.Name, BoundAt: at(b.BoundAt), Rival: b.Rival, ReadAt: at(b.ReadAt)}
}

// Names of these lists in their cursors.
const (
	listAdopted = "adopted devices"
	listUnknown = "unknown devices"
)

// placeOf writes a number as a place in a list, and numberOf reads it.
func placeOf(n int64) (place id.ID) {
	binary.BigEndian.PutUint64(place[:], uint64(n))
	return place
}

func numberOf(place id.ID) int64 { return int64(binary.BigEndian.Uint64(place[:])) }

func (a *API) adoptedDevices(ctx context.Context, by access.Actor, in *apiv1.Page) (*listed[apiv1.AdoptedDevice], error) {
	after, max, no := pageAt(*in).Read(a.c.Cursors, by.Tenant, listAdopted)
	if no.Refused() {
		return nil, problemOf(no)
	}
	l, err := a.c.Adoption.List(ctx, by, numberOf(after), max)
	next := ""
	if l.Next != 0 {
		next = registry.Cursor(a.c.Cursors, by.Tenant, listAdopted, placeOf(l.Next))
	}
	return pageOf(l.Refusal, err, l.Devices, next, adoptedOf)
}

// unknownDevices pages by position: the list is short, and the server forgets it when it restarts.
func (a *API) unknownDevices(ctx context.Context, by access.Actor, in *apiv1.Page) (*listed[apiv1.UnknownDevice], error) {
	after, max, no := pageAt(*in).Read(a.c.Cursors, by.Tenant, listUnknown)
	if no.Refused() {
		return nil, problemOf(no)
	}
	l, err := a.c.Adoption.Unknown(ctx, by)
	from := min(numberOf(after), int64(len(l.Devices)))
	page, next := l.Devices[from:], ""
	if len(page) > max {
		page, next = page[:max], registry.Cursor(a.c.Cursors, by.Tenant, listUnknown, placeOf(from+int64(max)))
	}
	return pageOf(l.Refusal, err, page, next, unknownOf)
}

func (a *API) adoptionRoutes(r router) {
	listRoute(r, apiv1.AdoptedDevices, a.adoptedDevices)
	listRoute(r, apiv1.UnknownDevices, a.unknownDevices)
	order(r, huma.Operation{
		OperationID: "adopt-device", Path: "/v1/devices", DefaultStatus: http.StatusCreated, Tags: []string{"devices"},
		Summary: "Make a device that talks the device of a meter",
		Description: "The device connects again at once, and from then on its values are the meter's. Where four eyes " +
			"bind, a second person must approve, whatever meter it is: the answer is 202 with the approval. The meter's register goes on, and the device's own counter begins with its next value.",
		Responses: eitherOr(r, "201", of[apiv1.AdoptedDevice](r)),
	}, func(ctx context.Context, by access.Actor, _ *struct{}, body apiv1.NewDevice) (*sent, error) {
		v, err := a.c.Adoption.Adopt(ctx, by, profile.AdoptRequest{Name: body.Name, Client: body.ClientID, Profile: body.Profile, Meter: body.Meter})
		return doneOrWaits(http.StatusCreated, v.Refusal, v.Waits, err, func() any { return adoptedOf(v) })
	})
	order(r, huma.Operation{
		OperationID: "release-device", Path: "/v1/devices/{name}/release", DefaultStatus: http.StatusOK, Tags: []string{"devices"},
		Summary: "End the use of a device for its meter",
		Description: "The relay of the device stays as it is, and nobody measures there any more, so a second person may have to approve: the answer is 202 with " +
			"the approval.",
		Responses: eitherOr(r, "200", of[apiv1.AdoptedDevice](r)),
	}, func(ctx context.Context, by access.Actor, in *AdoptedPath, body apiv1.Reason) (*sent, error) {
		v, err := a.c.Adoption.Release(ctx, by, in.Name, body.Reason)
		return doneOrWaits(http.StatusOK, v.Refusal, v.Waits, err, func() any { return adoptedOf(v) })
	})
	order(r, huma.Operation{
		OperationID: "replace-device", Path: "/v1/meters/{meter}/device/replace", DefaultStatus: http.StatusOK, Tags: []string{"devices"},
		Summary: "Say which device is the one of a meter with a listener of its own",
		Description: "For a device that was replaced, and where two devices were heard. From then on only messages of this device count, and only " +
			"this device is switched. The meter's register goes on, and the device's own counter begins with its next value. A second person may have to approve: the answer " +
			"is 202 with the approval. GET …/device shows which device the meter has.",
		Responses: eitherOr(r, "200", of[apiv1.BoundDevice](r)),
	}, func(ctx context.Context, by access.Actor, in *MeterPath, body apiv1.ReplacedDevice) (*sent, error) {
		v, err := a.c.Adoption.Replace(ctx, by, profile.Replaced{Meter: in.Meter, Device: body.Device, Reason: body.Reason})
		return doneOrWaits(http.StatusOK, v.Refusal, v.Waits, err, func() any { return boundOf(v.Number, v.Binding) })
	})
	order(r, huma.Operation{
		OperationID: "device-password", Path: "/v1/devices/password", DefaultStatus: http.StatusCreated, Tags: []string{"devices"},
		Summary: "Give the shared listener a new password",
		Description: "The answer has the password, which is shown only once: the answer to a repeated request lacks it. All devices have the same user name and " +
			"password. Their connections end, and they need the new password from now on.",
	}, func(ctx context.Context, by access.Actor, _ *struct{}, _ apiv1.NewDevicePassword) (*reply[apiv1.DevicePassword], error) {
		p, err := a.c.Adoption.MakePassword(ctx, by)
		return replyOf(p.Refusal, err, func() apiv1.DevicePassword {
			exchangeOf(ctx).again = apiv1.DevicePassword{User: profile.DeviceUser, SecretGone: "The password was shown in the first answer to this request. If that answer was lost, make a new one."}
			return apiv1.DevicePassword{User: profile.DeviceUser, Password: p.Secret.Reveal()}
		})
	})
	remove(r, huma.Operation{
		OperationID: "open-devices", Path: "/v1/devices/password", DefaultStatus: http.StatusOK, Tags: []string{"devices"},
		Summary:     "Let devices use the shared listener without a password",
		Description: "Whoever reaches the listener can then say that it is any device. A second person may have to approve: the answer is 202 with the approval.",
		Responses:   eitherOr(r, "200", of[apiv1.DevicePassword](r)),
	}, func(ctx context.Context, by access.Actor, _ *struct{}) (*sent, error) {
		p, err := a.c.Adoption.OpenToAll(ctx, by)
		return doneOrWaits(http.StatusOK, p.Refusal, p.Waits, err, func() any { return apiv1.DevicePassword{User: profile.DeviceUser} })
	})
}
