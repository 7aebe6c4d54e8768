package wallet

import (
	"fmt"

	"github.com/paywatt/paywatt/internal/id"
)

// EffectKind says what is to be done for a meter.
type EffectKind uint8

// Kinds of effects.
const (
	EffectCommand  EffectKind = iota + 1 // give it a command
	EffectWithdraw                       // end a command that it has not carried out yet: it is not sent again
	EffectHurry                          // send what waits of a type of commands at once
	EffectNotify                         // tell its customer
)

// Effect is one thing to be done for a meter of an account.
type Effect struct {
	Kind      EffectKind
	Meter     int     // which of the account's
	Command   Command // EffectCommand; of others the type, and of EffectWithdraw the reason
	Withdrawn id.ID   // EffectWithdraw
	Notice    Notice  // EffectNotify
}

// ordered stands for the identity of a command that has just been decided and has none yet. It is later than all others.
func ordered() (i id.ID) {
	for at := range i {
		i[at] = 0xff
	}
	return i
}

// name puts the identity of a command where the command was noted.
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

// carryOut does what was decided for the meters of an account, and notes what they were told.
func carryOut(tx SupplyTx, a Account, decided []Decided, effects []Effect) error {
	for _, e := range effects {
		m, err := a.Points[e.Meter].Meter, error(nil)
		switch e.Kind {
		case EffectCommand:
			var order id.ID
			order, err = tx.Order(m, e.Command)
			decided[e.Meter].name(e.Command.Type, order)
		case EffectWithdraw:
			err = tx.Withdraw(m, e.Command.Type, e.Withdrawn, e.Command.Reason)
		case EffectHurry:
			err = tx.Hurry(m, e.Command.Type)
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
