package wallet

import (
	"fmt"

	"github.com/paywatt/paywatt/internal/id"
)

// EffectKind is the kind of an effect.
type EffectKind uint8

// Kinds of effects.
const (
	EffectCommand  EffectKind = iota + 1 // give the meter a command
	EffectWithdraw                       // end a command that the meter has not carried out yet: it is not sent again
	EffectHurry                          // send the pending commands of a type at once
	EffectNotify                         // notify the meter's customer
)

// Effect is one action for a meter of an account.
type Effect struct {
	Kind  EffectKind
	Meter int // index among the account's meters
	// Command is the command to give (EffectCommand). EffectHurry sets only the type. EffectWithdraw sets the type, and the reason for the
	// withdrawal.
	Command   Command
	Withdrawn id.ID  // the command to withdraw, of EffectWithdraw
	Notice    Notice // the notice to send, of EffectNotify
}

// ordered returns a placeholder for the identity of a command that has just been decided. It sorts after all other identities.
func ordered() (i id.ID) {
	for at := range i {
		i[at] = 0xff
	}
	return i
}

// name replaces the placeholder with the command's identity.
func (s *Supply) name(t CommandType, order id.ID) {
	switch t {
	case CommandLease:
		s.Lease.Command = order
	case CommandCut:
		s.Cut = order
	case CommandConnect:
		s.Connect = order
	case CommandConfig:
		s.Config = order
	case CommandClock:
		s.Clock = order
	}
}

// act is what was decided about the meters of an account.
type act struct {
	account Account
	decided []Decided
	effects []Effect
}

// carryOut carries out what was decided about accounts, and records the commands in the supplies of their meters.
func carryOut(tx SupplyTx, acts []act) error {
	var changed []MeterSupply
	for _, a := range acts {
		for _, e := range a.effects {
			if err := a.carryOut(tx, e); err != nil {
				return fmt.Errorf("supply of meter %s: %w", a.account.Points[e.Meter].Meter.Number, err)
			}
		}
		for i, p := range a.account.Points {
			if a.decided[i].Supply != p.Supplied.Supply {
				changed = append(changed, MeterSupply{p.Meter.N, a.decided[i].Supply})
			}
		}
	}
	if len(changed) == 0 {
		return nil
	}
	return tx.SuppliesPut(changed)
}

// carryOut carries out one effect.
func (a act) carryOut(tx SupplyTx, e Effect) error {
	m := a.account.Points[e.Meter].Meter
	switch e.Kind {
	case EffectCommand:
		order, err := tx.QueueCommand(m, e.Command)
		a.decided[e.Meter].name(e.Command.Type, order)
		return err
	case EffectWithdraw:
		return tx.Withdraw(m, e.Command.Type, e.Withdrawn, e.Command.Reason)
	case EffectHurry:
		return tx.WakeOrders(m, e.Command.Type)
	case EffectNotify:
		return tx.Notify(m, e.Notice)
	}
	return nil
}
