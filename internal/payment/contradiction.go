package payment

// What a provider says and what cannot be true together with what is known about a payment. It is kept as a call of the provider, so that a person can
// read it, and becomes a difference of the reconciliation. It changes neither the payment nor the books.

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"

	"github.com/paywatt/paywatt/internal/money"
)

// WhatContradicts is [Call.What] of what contradicts a payment.
const WhatContradicts = "contradiction"

// Contradiction says how a notice contradicts the payment that it names; empty if it does not. The rules:
//
//   - Only what the provider itself said counts: by its signature, or in an answer to a request of the server. Anybody can send the rest. A row of a
//     statement is compared by the reconciliation.
//   - A provider that can be asked decides by its answer, so before the answer no notice contradicts another one.
//   - Of money that went back, a part is no contradiction, but more than the payment is, and so is another currency.
//   - A payment that is remembered only because it was given back has no amount of its own yet.
func Contradiction(asks bool, p Payment, n Notice, proof Proof) string {
	said := n.Fetched || proof == Signed
	decided := !asks || !p.ConfirmedAt.IsZero()
	if !said || !decided || p.State == Rejected && p.Reason == GivenBack {
		return ""
	}
	word := "paid"
	if n.Kind == Undone {
		word = "gave back"
	}
	switch {
	case n.Amount.Currency != p.Amount.Currency,
		n.Kind == Paid && n.Amount.Minor != p.Amount.Minor,
		n.Kind == Undone && n.Amount.Minor > p.Amount.Minor:
		return fmt.Sprintf("%s %s, not %s", word, n.Amount, p.Amount)
	}
	return ""
}

// keepContradiction keeps a notice that contradicts its payment. Signed calls that say the same are kept once.
func (ps *Payments) keepContradiction(tx Tx, provider Provider, a Adapter, p Payment, n Notice, proof Proof) error {
	why := Contradiction(a.Asks(), p, n, proof)
	if why == "" {
		return nil
	}
	return ps.keep(tx, provider, p, n, why)
}

// keepAnswer keeps an answer that is about other money than the payment.
func (ps *Payments) keepAnswer(tx Tx, provider Provider, p Payment, a Answer) error {
	return ps.keep(tx, provider, p, Notice{Kind: Replied, Txn: p.Txn, Amount: a.Amount, Answer: a}, "answer: "+a.Why)
}

func (ps *Payments) keep(tx Tx, provider Provider, p Payment, n Notice, why string) error {
	body, err := json.Marshal(n)
	if err != nil {
		return fmt.Errorf("write what contradicts payment %s: %w", p.Name(), err)
	}
	in := Incoming{What: WhatContradicts, Body: body, Contradicts: p.Name(), At: tx.Moment()}
	plain, err := json.Marshal(in)
	if err != nil {
		return fmt.Errorf("write what contradicts payment %s: %w", p.Name(), err)
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\x00%s\x00%s\x00%d\x00%s\x00%s", WhatContradicts, p.Name(), n.Kind, n.Amount.Minor, n.Amount.Currency, why))
	c := Call{Provider: provider.ID, What: in.What, Hash: sum[:], State: CallUnreadable, Note: cut(why, MaxDetail), ReceivedAt: in.At, ReadAt: in.At}
	if c.ID, err = tx.NewID(); err != nil {
		return err
	}
	c.Sealed = ps.c.Sealer.Seal(callContext(c.ID), plain)
	added, err := tx.Payments().AddCall(c)
	if err != nil || !added {
		return err
	}
	return note(tx, p, "payment.contradiction", nil)
}

// Contradicted returns which payment a call contradicts, and the amount that the call says; false if the call is an ordinary one.
func Contradicted(in Incoming) (payment string, said money.Amount, is bool) {
	var n Notice
	if in.Contradicts == "" || json.Unmarshal(in.Body, &n) != nil {
		return "", money.Amount{}, false
	}
	return in.Contradicts, n.Amount, true
}
