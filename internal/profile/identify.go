// This file keeps what is known of the device that a meter belongs to: in the transaction of each message, and when a person chooses a device.

package profile

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/alarmtext"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/wallet"
)

// AlarmCut is raised when the server cut a supply off because no value of the meter's device could ever be read.
const AlarmCut metering.AlarmCode = "device-unread-cut"

// cutter is the name under which the server cuts such a supply off.
const cutter = "devices"

// bindingTx reads what is known of a meter's device.
type bindingTx interface {
	DeviceBinding(meter int64) (Binding, bool, error)
}

// bindingOf returns what is known of a meter's device. If nothing is stored, the register tells whether a value was ever read.
func bindingOf(tx bindingTx, who registry.Identity, r Register) (Binding, error) {
	b, found, err := tx.DeviceBinding(who.Meter)
	if err == nil && !found && !r.At.IsZero() {
		b.ReadAt, b.Deferred = r.At, true
	}
	return b, err
}

// counted returns the values of a message that count. The device's register waits while it is not known whether the last value was this device's.
func (b Binding) counted(p *Profile, m Meaning) Meaning {
	if b.Deferred && p.Energy.From == FromRegister {
		m.EnergyMWh = nil
	}
	return m
}

// identify decides whether a message is of the meter's device, and stores what it shows of the device.
func (t *Outcome) identify(tx Tx, who registry.Identity, p *Profile, h Incoming, r Register) (Binding, error) {
	was, err := bindingOf(tx, who, r)
	if err != nil {
		return Binding{}, err
	}
	b, name := was, t.Meaning.Device
	if h.Device != nil { // the listener has compared the name
		name = h.Device.Name
		if b.Name == "" {
			b = Binding{Name: name, Since: h.Device.At, BoundAt: h.Device.At, ReadAt: b.ReadAt}
		}
	}
	b.Deferred = b.Deferred && p.NamesDevices() && !b.Bound()
	read := p.Reads(t.Meaning)
	b, t.Acceptance = b.Hear(name, read || !p.Measures(), h.At)
	if t.Acceptance == Contested && !was.Contested() {
		text := alarmtext.DevicesTwo(b.Name, b.Rival)
		if err := tx.UpdateAlarm(who.Meter, metering.Alarm{Code: AlarmClaimed, Text: text}); err != nil {
			return Binding{}, err
		}
	}
	if t.Acceptance == Accepted && read && was.ReadAt.IsZero() {
		if err := firstRead(tx, who, &b, h.At); err != nil {
			return Binding{}, err
		}
	}
	if b == was {
		return b, nil
	}
	return b, tx.PutDeviceBinding(who.Meter, b)
}

// Binding returns what is known of a meter's device.
func (l *Listener) Binding(ctx context.Context, who registry.Identity) (b Binding, err error) {
	err = l.door.View(ctx, who.Tenant, func(tx Tx) (err error) {
		b, _, err = tx.DeviceBinding(who.Meter)
		return err
	})
	return b, fault.Wrap(err, "look up the device of meter %s", who.Number)
}

// firstRead ends what the server did because the device was not readable, or because the device before it was not.
func firstRead(tx Tx, who registry.Identity, b *Binding, at time.Time) error {
	if err := tx.ClearAlarm(who.Meter, metering.AlarmUnreadable); err != nil {
		return err
	}
	b.UnreadFor, b.UnreadAt, b.Warned, b.CutAt = 0, time.Time{}, 0, time.Time{}
	if err := tx.ClearAlarm(who.Meter, AlarmCut); err != nil {
		return err
	}
	row, s, err := supplyOf(tx.Rating(), who)
	if err != nil || s.By != cutter {
		return err // the supply was not cut off, or a person has decided about it since
	}
	if _, err := wallet.Switch(tx.Rating(), who.Meter, false, "", "", at); err != nil {
		return err
	}
	e := access.SystemActor(who.Tenant, cutter).Entry("device.read", who.Number)
	e.Before, e.After = "off="+row.Off.String(), "the supply that was cut off because the device was not readable is on again"
	return tx.AuditLog(e)
}

// supplyOf returns a meter's wallet and supply. They are zero for a meter without a wallet.
func supplyOf(tx wallet.ReleaseTx, who registry.Identity) (wallet.Row, wallet.Supply, error) {
	rows, err := tx.WalletOf(who.Meter)
	if err != nil {
		return wallet.Row{}, wallet.Supply{}, err
	}
	at := slices.IndexFunc(rows, func(r wallet.Row) bool { return r.Meter.N == who.Meter })
	if at < 0 {
		return wallet.Row{}, wallet.Supply{}, nil
	}
	all, err := tx.SuppliesOf(rows)
	return rows[at], all[who.Meter].Supply, err
}

// Unread notes that the meter's device talks while no value of it was ever read. It warns the customer twice, and then cuts the supply off, after
// the meter's own limit. The listener calls it about once a minute, and only while the device talks.
func (l *Listener) Unread(ctx context.Context, who registry.Identity, p *Profile, at time.Time) error {
	if !p.Measures() || p.Supply.Kind != Absolute {
		return nil // nothing is to be read, or nothing can be switched off
	}
	err := l.door.Do(ctx, who.Tenant, func(tx Tx) (bool, error) {
		r, err := tx.ProfileRegister(who.Meter)
		if err != nil {
			return false, err
		}
		was, err := bindingOf(tx, who, r)
		if err != nil {
			return false, err
		}
		row, _, err := supplyOf(tx.Rating(), who)
		if err != nil || row.Meter.N != who.Meter {
			return false, err
		}
		b, act := was.Unread(at, wallet.Wanted(row.State) && r.Relay != Open, time.Duration(row.UnreadCutHours)*time.Hour)
		if b == was {
			return false, nil
		}
		if err := tx.PutDeviceBinding(who.Meter, b); err != nil {
			return false, err
		}
		return false, carryOutUnread(tx, who, row, b, act, at)
	})
	return fault.Wrap(err, "note that the device of meter %s was never readable", who.Number)
}

// carryOutUnread warns the customer, or cuts the supply off.
func carryOutUnread(tx Tx, who registry.Identity, row wallet.Row, b Binding, act UnreadAct, at time.Time) error {
	switch act {
	case UnreadWarn:
		return tx.Rating().Notify(row.Meter, wallet.Notice{Kind: wallet.NoticeUnread, Meter: who.Number, Account: row.Meter.Account.Text(id.Account), Test: who.Simulated})
	case UnreadCut:
		text := alarmtext.DeviceUnreadCut(strconv.FormatInt(row.UnreadCutHours, 10))
		if err := tx.UpdateAlarm(who.Meter, metering.Alarm{Code: AlarmCut, Text: text}); err != nil {
			return err
		}
		if _, err := wallet.Switch(tx.Rating(), who.Meter, true, cutter, text, at); err != nil {
			return err
		}
		e := access.SystemActor(who.Tenant, cutter).Entry("device.cut", who.Number)
		e.After, e.Reason = "off=REMOTE", fmt.Sprintf("no value of the device was read in %s of supply", b.UnreadFor.Round(time.Minute))
		return tx.AuditLog(e)
	}
	return nil
}

// BindingView is the device of a meter as it is shown to people.
type BindingView struct {
	refusal.Refusal
	Waits   *access.Approval // a second person must agree, and nothing was changed
	Number  string
	Binding Binding
	Live    Live
}

// Replaced asks to make another device the one that a meter's own listener belongs to.
type Replaced struct {
	Meter  string
	Device string // its name, the level {id} of its topics
	Reason string
}

// Replace makes a device the only one that the listener of a meter hears and switches (right: meter.write). It is how a person replaces a device,
// and how a person chooses where two were heard. The meter's register goes on, and the device's own counter begins with its next value. A second
// person must agree: from then on only this device says what is used there.
func (a *Adoption) Replace(ctx context.Context, by access.Actor, r Replaced) (BindingView, error) {
	if no := by.Needs(access.WriteMeters); no.Refused() {
		return BindingView{Refusal: no}, nil
	}
	switch {
	case r.Reason == "" || len(r.Reason) > maxReason || !access.IsLine(r.Reason):
		return BindingView{Refusal: refuse.DeviceReplaceWithoutReason(maxReason)}, nil
	case !BoundNameFits(r.Device):
		return BindingView{Refusal: refuse.DeviceNameUnfit(maxBoundName)}, nil
	}
	out, err := access.Through(ctx, a.c.Door, by.Tenant, func(tx AdoptTx) (BindingView, error) { return a.replace(tx, by, r) })
	if err == nil && !out.Refused() && out.Waits == nil {
		a.c.Rebound(out.Number)
	}
	return out, fault.Wrap(err, "replace the device of meter %s", r.Meter)
}

// HasNamedListener reports whether a meter has a listener of its own on this server, whose devices have names.
func (a *Adoption) HasNamedListener(number string) bool {
	p := a.c.OwnProfile(number)
	return p != nil && p.NamesDevices()
}

// Bound shows the device of a meter with a listener of its own whose devices have names (right: meter.read).
func (a *Adoption) Bound(ctx context.Context, by access.Actor, meter string) (BindingView, error) {
	if no := by.Needs(access.ReadMeters); no.Refused() {
		return BindingView{Refusal: no}, nil
	}
	out, err := access.Look(ctx, a.c.Door, by.Tenant, func(tx AdoptTx) (BindingView, error) {
		m, no, err := registry.MeterNamed(tx.Meters(), meter)
		if err != nil || no.Refused() {
			return BindingView{Refusal: no}, err
		}
		if !a.HasNamedListener(m.Number) {
			return BindingView{Refusal: refuse.MeterWithoutNamedDevice(m.Number)}, nil
		}
		b, _, err := tx.DeviceBinding(m.N)
		return a.bindingView(b, m.Number), err
	})
	return out, fault.Wrap(err, "read the device of meter %s", meter)
}

// replace does the work of Replace in one transaction.
func (a *Adoption) replace(tx AdoptTx, by access.Actor, r Replaced) (BindingView, error) {
	m, no, err := registry.MeterNamed(tx.Meters(), r.Meter)
	if err != nil || no.Refused() {
		return BindingView{Refusal: no}, err
	}
	if !a.HasNamedListener(m.Number) {
		return BindingView{Refusal: refuse.MeterWithoutNamedDevice(m.Number)}, nil
	}
	p := a.c.OwnProfile(m.Number)
	was, err := tx.ProfileRegister(m.N)
	if err != nil {
		return BindingView{}, err
	}
	before, err := bindingOf(tx, registry.Identity{Tenant: by.Tenant, Meter: m.N, Number: m.Number}, was)
	if err != nil {
		return BindingView{}, err
	}
	wish := access.ActRequest{Act: access.ActDevice, Object: m.ID.Text(id.Meter), Body: deviceAct{Do: doReplace, Name: r.Device, Meter: m.Number, Reason: r.Reason},
		Summary: fmt.Sprintf("make %s the device of meter %s: from then on, only this device says what is used there: %s", r.Device, m.Number, r.Reason),
		Effect: access.Telling(func(e *access.Effect) {
			e.Change("device", access.Says(before.words()), access.Says("device="+r.Device))
			e.Fact("reason", r.Reason)
		})}
	eyes, err := access.SecondPerson(tx.Eyes(), by, wish, a.c.Now())
	if err != nil || eyes.Refused() || eyes.Waits != nil {
		return BindingView{Refusal: eyes.Refusal, Waits: eyes.Waits}, err
	}
	next := before.Choose(r.Device, a.c.Now())
	if err := tx.PutDeviceBinding(m.N, next); err != nil {
		return BindingView{}, err
	}
	if next.ReadAt.IsZero() && was != (Register{}) { // another device: its counter begins with its next value
		if err := tx.PutProfileRegister(m.N, p.Name, was.Anew()); err != nil {
			return BindingView{}, err
		}
	}
	if err := tx.ClearAlarm(m.N, AlarmClaimed); err != nil {
		return BindingView{}, err
	}
	e := by.Entry("device.replace", m.ID.Text(id.Meter))
	e.Before, e.After, e.Reason = before.words(), next.words(), r.Reason
	return a.bindingView(next, m.Number), tx.AuditLog(eyes.Mark(e))
}

// words describes a binding for the audit log.
func (b Binding) words() string {
	switch {
	case b.Contested():
		return "devices=" + b.Name + " " + b.Rival
	case b.Bound():
		return "device=" + b.Name
	case b.Name != "":
		return "device=" + b.Name + " (not bound)"
	}
	return "device=none"
}

func (a *Adoption) bindingView(b Binding, number string) BindingView {
	v := BindingView{Number: number, Binding: b}
	v.Live, _ = a.c.Live(number)
	return v
}
