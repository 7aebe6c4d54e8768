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
	// KeyOfToken returns the key that a token brings to its meter; for any other token the key under which it was made.
	KeyOfToken(token id.ID) (key Key, found bool, err error)
	// CurrentKey returns the present key of a meter.
	CurrentKey(meter int64) (key id.ID, found bool, err error)
	// SetMeterKeyState moves a meter key from one state to another.
	SetMeterKeyState(key id.ID, from, to string) error
}

// ConfirmKey records that a meter has accepted a token. If the key change of that token was not confirmed yet, the meter now
// holds the new key, and its former key becomes past. The last section of the set proves that, and so does any token that
// only the new key opens.
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
