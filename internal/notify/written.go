package notify

import (
	"slices"
	"strings"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
)

// mayWrite decides whether a person may send a text: only to a registered number, without a token, and up to the person's ceiling. It counts
// the text. The program's own test text may go to any number. Messages of other purposes are always allowed.
func (d *Dispatcher) mayWrite(tx Tx, by access.Actor, draft Draft, test bool) (access.FourEyes, error) {
	if draft.Purpose != PurposeWritten {
		return access.FourEyes{}, nil
	}
	if !dialable(draft.Phone) {
		return access.FourEyes{Refusal: refuse.MessagePhoneOfWrongForm(refusal.Echo(draft.Phone))}, nil
	}
	known, err := textGoes(tx, Canonical(draft.Phone), draft.Text)
	switch {
	case err != nil:
		return access.FourEyes{}, err
	case !known && !test:
		return access.FourEyes{Refusal: refuse.MessagePhoneNotRegistered(refusal.Echo(draft.Phone))}, nil
	}
	return access.SecondPerson(tx.Outcomes().Eyes(), by, access.ActRequest{Act: access.ActText, Takes: access.Takes{Amount: 1}}, d.c.Now())
}

// textGoes reports whether a text may go to a number now. A text goes to customers. A meter's SIM gets only the short codes that ask.
func textGoes(tx Tx, phone, text string) (bool, error) {
	mine, err := tx.Recipients().Subscriptions(phone, 1)
	if err != nil || len(mine) > 0 {
		return err == nil, err
	}
	code, is := meterCommand(plainKeys(strings.TrimSpace(text)))
	if !is || !slices.Contains([]Word{WordBalance, WordLast, WordUsage}, code.Word) {
		return false, nil
	}
	_, found, err := tx.Recipients().MeterBySIM(phone)
	return found, err
}

// dialable reports whether a text can have this number.
func dialable(phone string) bool {
	digits := strings.TrimPrefix(Canonical(phone), "+")
	return len(digits) >= 3 && len(digits) <= 15 && strings.Trim(digits, "0123456789") == ""
}
