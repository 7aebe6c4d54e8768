package vending

import (
	"context"
	"fmt"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/refusal"
)

// replyContext binds a stored answer to whose it is and under which key.
func replyContext(o access.Once) string { return "once:" + o.Principal + "\x00" + o.Key }

func (v *Vending) sealReply(o access.Once, r Reply) []byte {
	return v.c.Sealer.Seal(replyContext(o), r.Body)
}

// replay opens a stored answer.
func (v *Vending) replay(o access.Once, kept access.Kept) (Sold, error) {
	body, err := v.c.Sealer.Open(replyContext(o), kept.Body)
	if err != nil {
		return Sold{}, fmt.Errorf("open the stored answer of an idempotency key: %w", err)
	}
	return Sold{Replay: &Reply{Status: kept.Status, Body: body}}, nil
}

// refuse answers with a refusal and stores it under the request's key where it would be the answer again. The refused
// transaction was undone whole, so this one is its own; if another request with the same key got an answer in between,
// that one stands.
func (v *Vending) refuse(ctx context.Context, p purchase, r refusal.Refusal) (Sold, error) {
	if !p.keeps(r) {
		return Sold{Refusal: r}, nil
	}
	once := p.order.Once
	answer := reply(p.order.RenderRefusal(r))
	s, err := access.Through(ctx, v.c.Door, p.by.Tenant, func(tx Tx) (step, error) {
		kept, err := tx.OnceTake(once)
		switch {
		case err != nil:
			return step{}, err
		case kept != nil && kept.Hash != once.Hash:
			return no(keyReused()), nil
		case kept != nil && kept.Status != 0:
			return step{stored: kept}, nil
		case kept != nil: // still running elsewhere: its own end stores the answer
			return no(running()), nil
		}
		return step{Sold: Sold{Refusal: r, Reply: answer}}, tx.OncePut(once, answer.Status, v.sealReply(once, answer), false)
	})
	switch {
	case err != nil:
		return Sold{}, fmt.Errorf("store a refusal: %w", err)
	case s.stored != nil:
		return v.replay(once, *s.stored)
	}
	return s.Sold, nil
}
