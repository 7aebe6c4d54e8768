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

// Live is what the listener of a device knows of it now.
type Live struct {
	Profile   string
	Connected bool
	Since     time.Time // of the connection, or of its end
	Started   string    // what the device said last when it started, as data and as state, with the server's time
	Data      string
	DataAt    time.Time
	State     string
	StateAt   time.Time
	Wanted    string // on, off, or empty where the account does not decide
	Toggles   bool   // the device knows nothing but a toggle
}

// Device is a meter whose device speaks by a profile, as people see it.
type Device struct {
	refusal.Refusal
	Meter    registry.MeterView
	Attached bool // a listener of this server belongs to the meter
	Live     Live
	Register Register
	Account  Account
	Waits    *access.Approval // a toggle waits for a second person, and nothing was sent
}

// Summarised is what became of a summary.
type Summarised struct {
	refusal.Refusal
	Device Device
}

// DevicesConfig is what Devices needs; all of it is required.
type DevicesConfig struct {
	Listener *Listener
	// Meter finds a meter for somebody who may read meters.
	Meter func(ctx context.Context, by access.Actor, ref string) (registry.MeterView, error)
	// Live is what the listener of a meter knows; ok is false where no listener of this server belongs to it.
	Live func(number string) (live Live, ok bool)
	// Tell sends the summary to the device; false where it is not connected, has no topic for it or does not listen to it.
	Tell func(number string, w Words) bool
	// Toggle sends the one toggle to a device that has nothing else; false where that cannot be done now.
	Toggle func(number string) bool
	Now    func() time.Time
}

// Devices answers for what devices of profiles say, and sends them summaries.
type Devices struct{ c DevicesConfig }

// NewDevices makes Devices.
func NewDevices(c DevicesConfig) *Devices { return &Devices{c} }

// Device shows what is known of a meter's device (right: meter.read).
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
	if v.Figures != nil { // a meter of its own has its own register
		out.Account.Words.TotalKWh = v.Figures.Register.KWh(3)
	}
	return out, nil
}

// Summarise sends the usage summary to the meter's device: its total, what was used in this month, and what is left
// (right: command.send). It is a note to people: nothing is decided by it, and it is not repeated.
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

// ToggleRelay turns the relay of a toggling device over, once, because a person wants it so (right: command.send). The act is in
// the audit log before anything is sent; it is never repeated, because a second toggle would undo the first. What the
// device answers is its state. A toggle that closes the relay of a supply that should be off counts as a connect with force,
// which takes two people.
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
		eyes, err := access.SecondPerson(tx.Eyes(), by, access.Wish{Act: dev.toggle(), Object: dev.Meter.Meter.ID.Text(id.Meter), Body: toggleAct{number, reason},
			Summary: "connect with force to meter " + number + " by a toggle of its device, while its supply is meant to be off: " + reason}, d.c.Now())
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

// maxReason bounds what a person writes.
const maxReason = 200

// toggle returns the act of a toggle now. A relay whose state the device never reported counts as open.
func (d Device) toggle() access.Act {
	if d.Account.Wallet && !d.Account.On && d.Register.Relay != Closed {
		return access.ActForce
	}
	return access.ActCommand
}

// toggleAct is the part of a toggle that an approval stores.
type toggleAct struct {
	Device string `json:"device"` // the number of its meter
	Reason string `json:"reason"`
}

// Toggle does a toggle that was approved, as a [access.Doer].
func (d *Devices) Toggle(ctx context.Context, maker access.Actor, body []byte) (access.Done, error) {
	var a toggleAct
	if err := json.Unmarshal(body, &a); err != nil {
		return access.Done{}, fmt.Errorf("read an approved toggle: %w", err)
	}
	out, err := d.ToggleRelay(ctx, maker, a.Device, a.Reason)
	return access.Done{Refusal: out.Refusal, Object: "meter " + a.Device}, err
}
