package payment

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
)

// HearStatement stores rows of a provider's statement as a call of the provider, at most [MaxNotices]. The rows then take the same steps as
// any other call. The proof says who answers for the statement: it confirms the payments of a provider that cannot be asked. The same rows
// are stored once.
func (ps *Payments) HearStatement(tx Tx, p Provider, notices []Notice, proof Proof) error {
	if proof != Stated && proof != StatedAlone || len(notices) > MaxNotices {
		return fmt.Errorf("hear %d rows of a statement of provider %s with the proof %q", len(notices), p.Name, proof)
	}
	body, err := json.Marshal(notices)
	if err != nil {
		return fmt.Errorf("write rows of a statement: %w", err)
	}
	in := Incoming{What: "statement", Body: body, Statement: proof, At: tx.Moment()}
	plain, err := json.Marshal(in)
	if err != nil {
		return fmt.Errorf("write rows of a statement: %w", err)
	}
	sum := sha256.Sum256(append([]byte("rows of a statement, "+string(proof)+"\x00"), body...))
	c := Call{Provider: p.ID, What: in.What, Hash: sum[:], State: CallNew, ReceivedAt: access.Stored(in.At)}
	if c.ID, err = tx.NewID(); err != nil {
		return err
	}
	c.Sealed = ps.c.Sealer.Seal(callContext(c.ID), plain)
	added, err := tx.Payments().AddCall(c)
	if err != nil || !added {
		return err
	}
	return enqueue(tx, c.ID.Text(id.Call), kindRead, item{Call: c.ID.Text(id.Call)}, time.Time{})
}

// NamesOf returns which spellings of a payment's name are the same to a provider.
func (ps *Payments) NamesOf(p Provider) (NameRule, error) {
	a, err := ps.adapter(p)
	if err != nil {
		return "", err
	}
	return a.Rules().Names, nil
}

// CanAsk reports whether a provider can be asked about its payments.
func (ps *Payments) CanAsk(p Provider) (bool, error) {
	a, err := ps.adapter(p)
	if err != nil {
		return false, err
	}
	return a.Asks(), nil
}
