package profile

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/registry"
)

// Live is the current state of a device, as known to its listener.
type Live struct {
	Profile   string
	Connected bool
	Since     time.Time // when the connection began or was lost
	Started   string    // the last message that the device sent on a start
	Data      string    // the last message with data
	DataAt    time.Time // server's time of Data
	State     string    // the last message with a state
	StateAt   time.Time // server's time of State
	Wanted    string    // "on", "off", or "" if the account does not decide
	Toggles   bool      // the device accepts only a toggle
}

// Device is a meter whose device uses a profile, as shown to people.
type Device struct {
	refusal.Refusal
	Meter    registry.MeterView
	Attached bool // a listener of this server serves the meter
	Live     Live
	Register Register
	Account  Account
	Binding  Binding
	Waits    *access.Approval // the toggle waits for a second person; the device got no message
}

// Summarised is the result of sending a summary.
type Summarised struct {
	refusal.Refusal
	Device Device
}

// DevicesConfig configures Devices. All fields are required.
type DevicesConfig struct {
	Listener *Listener
	// Meter finds a meter, if the actor may read meters.
	Meter func(ctx context.Context, by access.Actor, ref string) (registry.MeterView, error)
	// Live returns the state of a meter's device. ok is false if no listener of this server serves the meter.
	Live func(number string) (live Live, ok bool)
	// Tell sends the summary to the device. It returns false if the device is not connected, has no topic for a summary or
	// is not subscribed to it.
	Tell func(number string, w Words) bool
	// Toggle sends one toggle to a device that has no other command. It returns false if the toggle cannot be sent now.
	Toggle func(number string) bool
	Now    func() time.Time
}

// Devices shows the devices that use profiles and sends them summaries.
type Devices struct{ c DevicesConfig }

// NewDevices returns Devices.
func NewDevices(c DevicesConfig) *Devices { return &Devices{c} }

// Device returns the state of a meter's device (right: meter.read).
func (d *Devices) Device(ctx context.Context, by access.Actor, ref string) (Device, error) {
	v, err := d.c.Meter(ctx, by, ref)
	if err != nil || v.Refused() {
		return Device{Refusal: v.Refusal}, err
	}
	out := Device{Meter: v}
	who := registry.Identity{Tenant: by.Tenant, Meter: v.Meter.N, Number: v.Meter.Number, Simulated: v.Meter.Simulated}
	out.Live, out.Attached = d.c.Live(who.Number)
	if out.Register, err = d.c.Listener.Register(ctx, who); err != nil {
		return Device{}, err
	}
	if out.Account, err = d.c.Listener.Account(ctx, who, d.c.Now()); err != nil {
		return Device{}, err
	}
	if out.Binding, err = d.c.Listener.Binding(ctx, who); err != nil {
		return Device{}, err
	}
	if v.Figures != nil { // a meter with its own register reports its own total
		out.Account.Words.TotalKWh = v.Figures.Register.KWh(3)
	}
	return out, nil
}

// Summarise sends the usage summary to the meter's device: its total, the use of this month, and the balance (right:
// command.send). The summary is only information for people, and is not repeated.
func (d *Devices) Summarise(ctx context.Context, by access.Actor, ref string) (Summarised, error) {
	if no := by.Needs(access.SendCommands); no.Refused() {
		return Summarised{Refusal: no}, nil
	}
	dev, err := d.Device(ctx, by, ref)
	if err != nil || dev.Refused() {
		return Summarised{Refusal: dev.Refusal}, err
	}
	if !d.c.Tell(dev.Meter.Meter.Number, dev.Account.Words) {
		return Summarised{Refusal: refuse.DeviceWithoutSummary(dev.Meter.Meter.Number)}, nil
	}
	return Summarised{Device: dev}, nil
}

// ToggleRelay toggles the relay of a toggling device, once, on the request of a person (right: command.send). The audit
// row is written before anything is sent. The toggle is never repeated, because a second toggle would undo the first. The
// device's answer reports the new state. If the supply should be off, a toggle that closes the relay counts as a forced
// connect, which takes two people.
func (d *Devices) ToggleRelay(ctx context.Context, by access.Actor, ref, reason string) (Device, error) {
	if no := by.Needs(access.SendCommands); no.Refused() {
		return Device{Refusal: no}, nil
	}
	if reason == "" || len(reason) > maxReason {
		return Device{Refusal: refuse.ToggleWithoutReason(maxReason)}, nil
	}
	dev, err := d.Device(ctx, by, ref)
	if err != nil || dev.Refused() {
		return dev, err
	}
	number := dev.Meter.Meter.Number
	if !dev.Attached || !dev.Live.Connected || !dev.Live.Toggles {
		return Device{Refusal: refuse.DeviceWithoutToggle(number)}, nil
	}
	eyes, err := access.Through(ctx, d.c.Listener.door, by.Tenant, func(tx Tx) (access.FourEyes, error) {
		eyes, err := access.SecondPerson(tx.Eyes(), by, access.ActRequest{Act: dev.toggle(), Object: dev.Meter.Meter.ID.Text(id.Meter), Body: toggleAct{number, reason},
			Summary: "connect with force to meter " + number + " by a toggle of its device, while its supply is meant to be off: " + reason,
			Effect: access.Telling(func(e *access.Effect) {
				e.Fact("command", "toggle")
				e.Fact("device", dev.Register.Relay)
			})}, d.c.Now())
		if err != nil || eyes.Refused() || eyes.Waits != nil {
			return eyes, err
		}
		e := by.Entry("device.toggle", number)
		e.Before, e.Reason = "relay="+dev.Register.Relay, reason
		return eyes, tx.AuditLog(eyes.Mark(e))
	})
	switch {
	case err != nil:
		return Device{}, fmt.Errorf("record a toggle of meter %s: %w", number, err)
	case eyes.Refused() || eyes.Waits != nil:
		return Device{Refusal: eyes.Refusal, Waits: eyes.Waits}, nil
	}
	if !d.c.Toggle(number) {
		return Device{Refusal: refuse.DeviceWithoutToggle(number)}, nil
	}
	return dev, nil
}

// maxReason is the greatest length, in bytes, of the reason that a person writes.
const maxReason = 200

// toggle returns the act that a toggle would be at the moment. If the device has never reported its relay, the relay
// counts as open.
func (d Device) toggle() access.Act {
	if d.Account.Wallet && !d.Account.On && d.Register.Relay != Closed {
		return access.ActForce
	}
	return access.ActCommand
}

// toggleAct is the part of a toggle that an approval stores.
type toggleAct struct {
	Device string `json:"device"` // the meter number
	Reason string `json:"reason"`
}

// Toggle carries out an approved toggle, as an [access.Executor].
func (d *Devices) Toggle(ctx context.Context, maker access.Actor, body []byte) (access.Done, error) {
	var a toggleAct
	if err := json.Unmarshal(body, &a); err != nil {
		return access.Done{}, fmt.Errorf("read an approved toggle: %w", err)
	}
	out, err := d.ToggleRelay(ctx, maker, a.Device, a.Reason)
	return access.Done{Refusal: out.Refusal, Object: "meter " + a.Device}, err
}
