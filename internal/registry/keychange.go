package registry

import "github.com/paywatt/paywatt/internal/id"

// States of a meter key.
const (
	KeyPlanned = "planned" // a change is decided and its tokens do not exist yet
	KeyIssued  = "issued"  // the change tokens exist, but the meter has not confirmed them
	KeyCurrent = "current"
	KeyPast    = "past"
)

// KeyChangeTx is the part of a transaction that confirming a key change needs.
type KeyChangeTx interface {
	// KeyOfToken returns the new key that a key change token brings to its meter. For any other token it returns the key
	// under which the token was made.
	KeyOfToken(token id.ID) (key Key, found bool, err error)
	// CurrentKey returns the present key of a meter.
	CurrentKey(meter int64) (key id.ID, found bool, err error)
	// SetMeterKeyState moves a meter key from one state to another.
	SetMeterKeyState(key id.ID, from, to string) error
}

// ConfirmKey records that a meter has accepted a token. If the key change of that token was not confirmed yet, the meter now
// holds the new key, and its former key becomes past. The last section of the key change proves the new key, and so does any
// token that only the new key opens.
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
