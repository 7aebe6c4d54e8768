package command

import (
	"context"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/wallet"
	"github.com/paywatt/paywatt/supply"
)

// Switched is the result of cutting or restoring a supply, or the refusal.
type Switched struct {
	refusal.Refusal
	Command *Command // the command to the meter; nil if none is needed
	Off     []string // reasons why the supply is still off
	Effect  string   // what happens now, for people
}

// Cut switches a supply off for a person, until a person restores it (right: command.send). A payment does not restore it.
func (c *Commands) Cut(ctx context.Context, by access.Actor, meter, reason string) (Switched, error) {
	return c.switchSupply(ctx, by, Request{Meter: meter, Type: Disconnect, Reason: reason})
}

// Restore ends a person's cut (right: command.send). The supply returns if nothing else keeps it off.
func (c *Commands) Restore(ctx context.Context, by access.Actor, meter, reason string) (Switched, error) {
	return c.switchSupply(ctx, by, Request{Meter: meter, Type: Connect, Reason: reason})
}

func (c *Commands) switchSupply(ctx context.Context, by access.Actor, o Request) (Switched, error) {
	o, ref, no := check(by, o)
	if no.Refused() {
		return Switched{Refusal: no}, nil
	}
	out, err := access.Through(ctx, c.door, by.Tenant, func(tx Tx) (Switched, error) { return switched(tx, by, o, ref, c.moment()) })
	return out, fault.Wrap(err, "%s the supply of meter %s", o.Type, o.Meter)
}

// switched is the transaction of Cut and Restore.
func switched(tx Tx, by access.Actor, o Request, ref registry.Ref, at time.Time) (Switched, error) {
	m, no, err := meter(tx, o.Meter, ref)
	if err != nil || no.Refused() {
		return Switched{Refusal: no}, err
	}
	if m.Status.HasLeft() {
		return Switched{Refusal: refuse.CommandToMeterOutOfService(m.Number, string(m.Status))}, nil
	}
	if m.Mode != registry.PrepayWallet {
		sent, err := send(tx, by, o, ref, at)
		return Switched{Refusal: sent.Refusal, Command: &sent.Command, Off: []string{}, Effect: Effect(o.Type, wallet.Switched{Press: o.Type == Connect, Order: sent.Command.ID}, false)}, err
	}
	done, err := wallet.Switch(tx.Switches(), m.N, o.Type == Disconnect, by.String(), o.Reason, at)
	if err != nil {
		return Switched{}, err
	}
	action := "supply.cut"
	if o.Type == Connect {
		action = "supply.restore"
	}
	e := by.Entry(action, m.ID.Text(id.Meter))
	e.After, e.Reason = "off="+done.Off.String(), o.Reason
	if err := tx.AuditLog(e); err != nil {
		return Switched{}, err
	}
	out := Switched{Off: done.Off.Names(), Effect: Effect(o.Type, done, m.Profile != "")}
	if done.Order.IsZero() {
		return out, nil
	}
	cmd, found, err := tx.CommandByID(done.Order)
	if found {
		out.Command = &cmd
	}
	return out, err
}

// Effect says in words what a switch does. A device of a profile takes no commands: its listener sends it the wanted state.
func Effect(t Type, s wallet.Switched, device bool) string {
	others := s.Off.Without(supply.Credit)
	switch {
	case t == Disconnect && device:
		return "The device is told as soon as it is connected, at once if it is now. A payment does not bring the supply back; restore does."
	case t == Disconnect && s.Order.IsZero():
		return "The supply is to be off. The meter is told as soon as it has been heard."
	case t == Disconnect:
		return "The meter opens its relay as soon as it has the command. A payment does not bring the supply back; restore does."
	case others != 0:
		return "The cut is taken back, but the supply stays off for another reason: " + others.String() + ". A payment does not bring it back."
	case s.Off.Has(supply.Credit):
		return "The cut is taken back, but nothing is left in the wallet: the supply returns with the next payment."
	case s.Press:
		return "The meter is told. Somebody must press # at the meter for the supply to return."
	case device:
		return "Nothing keeps the supply off. The device is told as soon as it is connected, at once if it is now."
	case s.Order.IsZero():
		return "Nothing keeps the supply off."
	}
	return "The meter is told, and the supply returns."
}
