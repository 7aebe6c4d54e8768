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

// carryOut carries out the decisions about the meters of an account, and records their commands.
func carryOut(tx SupplyTx, a Account, decided []Decided, effects []Effect) error {
	for _, e := range effects {
		m, err := a.Points[e.Meter].Meter, error(nil)
		switch e.Kind {
		case EffectCommand:
			var order id.ID
			order, err = tx.QueueCommand(m, e.Command)
			decided[e.Meter].name(e.Command.Type, order)
		case EffectWithdraw:
			err = tx.Withdraw(m, e.Command.Type, e.Withdrawn, e.Command.Reason)
		case EffectHurry:
			err = tx.WakeOrders(m, e.Command.Type)
		case EffectNotify:
			err = tx.Notify(m, e.Notice)
		}
		if err != nil {
			return fmt.Errorf("supply of meter %s: %w", m.Number, err)
		}
	}
	for i, p := range a.Points {
		if decided[i].Supply == p.Supplied.Supply {
			continue
		}
		if err := tx.SupplyPut(p.Meter.N, decided[i].Supply); err != nil {
			return fmt.Errorf("supply of meter %s: %w", p.Meter.Number, err)
		}
	}
	return nil
}
