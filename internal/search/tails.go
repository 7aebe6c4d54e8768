package search

import (
	"cmp"
	"context"
	"fmt"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/sale"
)

// OldToken is a token that an earlier version made, without the hash of its last digits.
type OldToken struct {
	ID     id.ID
	Sealed sale.Sealed
}

// TailTx is the part of a transaction that gives old tokens the hash of their last digits.
type TailTx interface {
	// TokensWithoutTail lists up to max such tokens after the given one, in the order of their ids.
	TokensWithoutTail(after id.ID, max int) ([]OldToken, error)
	SetTail(token id.ID, tail []byte) error
}

// Opener opens sealed digits and makes keyed hashes.
type Opener interface {
	Hash(context string, data []byte) []byte
	Open(context string, sealed []byte) ([]byte, error)
}

// oneBatch is how many tokens a transaction gives their hash.
const oneBatch = 200

// batch is a part of the work.
type batch struct {
	refusal.Refusal
	last   id.ID // zero after the end
	done   int
	opened error // why a token's digits cannot be opened
}

// AddTails gives the tokens of an earlier version the hash of their last digits, so that these find them. It returns how many got it. A token
// whose digits cannot be opened is left out; the error names it, after all others got their hash.
func AddTails(ctx context.Context, door access.Door[TailTx], tenant access.Tenant, k Opener) (done int, err error) {
	var damaged error
	for after := (id.ID{}); ; {
		b, err := access.Through(ctx, door, tenant, func(tx TailTx) (b batch, err error) {
			list, err := tx.TokensWithoutTail(after, oneBatch)
			for _, t := range list {
				if err == nil {
					err = b.add(tx, t, k)
				}
			}
			return b, err
		})
		if err != nil {
			return done, fmt.Errorf("store the last digits of tokens: %w", err)
		}
		done, after, damaged = done+b.done, b.last, cmp.Or(damaged, b.opened)
		if after.IsZero() {
			return done, damaged
		}
	}
}

// add gives one token its hash.
func (b *batch) add(tx TailTx, t OldToken, k Opener) error {
	b.last = t.ID
	digits, err := k.Open(sale.TokenContext(t.ID), t.Sealed)
	if err != nil || len(digits) < sale.TailDigits {
		b.opened = fmt.Errorf("the digits of token %s cannot be opened: %w", t.ID.Text(id.Token), err)
		return nil
	}
	tail := k.Hash(sale.TailContext, digits[len(digits)-sale.TailDigits:])
	clear(digits)
	b.done++
	return tx.SetTail(t.ID, tail)
}
