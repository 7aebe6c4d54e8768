package vending

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
)

// reversalRequest is the part of a reversal request that is stored for the second person.
type reversalRequest struct {
	Sale   string `json:"sale"`
	Reason string `json:"reason"`
}

// Executors returns the functions that carry out this package's acts once they are approved.
func (v *Vending) Executors() access.Executors {
	return access.Executors{access.ActReverse: v.doReverse, access.ActClock: v.doTrust, access.ActUnits: v.doTokens, access.ActTokens: v.doTokens,
		access.ActClearCredit: v.doTokens, access.ActClearTamper: v.doTokens,
		access.ActSwap: v.doSwap}
}

func (v *Vending) doReverse(ctx context.Context, maker access.Actor, body []byte) (access.Done, error) {
	var w reversalRequest
	if err := json.Unmarshal(body, &w); err != nil {
		return access.Done{}, fmt.Errorf("read an approved reversal: %w", err)
	}
	out, err := v.Reverse(ctx, maker, PendingReversal{Sale: w.Sale, Reason: w.Reason})
	return access.Done{Refusal: out.Refusal, Object: out.Value.ID.Text(id.Reversal)}, err
}

func (v *Vending) doTokens(ctx context.Context, maker access.Actor, body []byte) (access.Done, error) {
	var w asked
	if err := json.Unmarshal(body, &w); err != nil {
		return access.Done{}, fmt.Errorf("read approved tokens: %w", err)
	}
	out, err := v.GiveTokens(ctx, maker, Ask{Meter: w.Meter, Kind: w.Kind, Units: w.Units, PowerW: w.PowerW, Key: w.Key, ReasonCode: w.ReasonCode, Reason: w.Reason})
	return access.Done{Refusal: out.Refusal, Object: out.Job.ID.Text(id.Job)}, err
}

func (v *Vending) doTrust(ctx context.Context, maker access.Actor, body []byte) (access.Done, error) {
	var w trustRequest
	if err := json.Unmarshal(body, &w); err != nil {
		return access.Done{}, fmt.Errorf("read approved trust in the clock: %w", err)
	}
	out, err := v.trust(ctx, maker, w)
	return access.Done{Refusal: out.Refusal, Object: trustObject}, err
}
