package registry

import "github.com/paywatt/paywatt/internal/id"

// States of a meter key.
const (
	KeyPlanned = "planned" // a change is decided and its tokens do not exist yet
	KeyIssued  = "issued"  // the change tokens exist, the meter has not confirmed them
	KeyCurrent = "current"
	KeyPast    = "past"
)

// KeyChangeTx is what confirming a key change needs of a transaction.
type KeyChangeTx interface {
	// KeyOfToken is the key that a token brings to its meter; of any other token the key that it was made under.
	KeyOfToken(token id.ID) (key Key, found bool, err error)
	// CurrentKey is the key that a meter has.
	CurrentKey(meter int64) (key id.ID, found bool, err error)
	// SetMeterKeyState moves a meter key from one state to another.
	SetMeterKeyState(key id.ID, from, to string) error
}

// ConfirmKey notes that a meter has accepted a token. If the key of its change tokens was still to be confirmed, the meter holds it, and
// the key it had before is past: the last section of the set says so, and so does any token that only the new key opens.
func ConfirmKey(tx KeyChangeTx, token id.ID) error {
	next, found, err := tx.KeyOfToken(token)
	if err != nil || !found || next.State != KeyIssued {
		return err
	}
	current, found, err := tx.CurrentKey(next.Meter)
	if err == nil && found {
		err = tx.SetMeterKeyState(current, KeyCurrent, KeyPast)
	}
	if err != nil {
		return err
	}
	return tx.SetMeterKeyState(next.ID, KeyIssued, KeyCurrent)
}
