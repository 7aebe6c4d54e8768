package client

import (
	"context"
	"net/url"
	"time"
)

// Quarantined is what a meter sent and cannot be true.
type Quarantined struct {
	ID         string     `json:"id"`
	Meter      string     `json:"meter"`
	Kind       string     `json:"kind"`  // record (put aside) or rating (charging stopped at it)
	Doubt      string     `json:"doubt"` // zero, rollover, reset, backwards, doubled, jump ...
	Reason     string     `json:"reason"`
	Record     string     `json:"record,omitempty"`
	Seq        int64      `json:"seq"`
	At         *time.Time `json:"at,omitempty"` // meter time
	ReceivedAt time.Time  `json:"received_at"`
	WasWh      *int64     `json:"was_wh,omitempty"`
	RegisterWh *int64     `json:"register_wh,omitempty"`
	State      string     `json:"state"` // open, accepted, rebased or discarded
	Choices    []string   `json:"choices"`
	DecidedAt  *time.Time `json:"decided_at,omitempty"`
	DecidedBy  string     `json:"decided_by,omitempty"`
	Decision   string     `json:"decision,omitempty"` // why
}

// Verdict is a decision about an entry of the quarantine.
type Verdict struct {
	Choice     string `json:"-"`                     // accept, rebase or discard
	RegisterWh *int64 `json:"register_wh,omitempty"` // of a rebase: read off the meter; nil for the doubtful one
	Reason     string `json:"reason"`
}

// Verdicted is what a decision came to.
type Verdicted struct {
	Meter    string       `json:"meter"`
	Entry    *Quarantined `json:"entry,omitempty"`
	Readings int          `json:"readings"` // that had come meanwhile
	UnitsWh  int64        `json:"units_wh"` // charged for by the decision
	Debit    *Amount      `json:"debit,omitempty"`
	Held     string       `json:"held,omitempty"` // a later reading stopped charging again
}

// Quarantine lists entries of a meter (empty: of all), newest first; all shows those too that are decided.
func (c *Client) Quarantine(ctx context.Context, meter string, all bool, p Page) (List[Quarantined], error) {
	q := p.query()
	given(q, "meter", meter)
	if all {
		q.Set("all", "true")
	}
	return ask[List[Quarantined]](ctx, c, get("/v1/quarantine", q))
}

// DecideQuarantined decides about an entry (right: reading.decide). Where it waits for a second person, the error is a
// *Waiting.
func (c *Client) DecideQuarantined(ctx context.Context, entry string, v Verdict) (Verdicted, error) {
	return ask[Verdicted](ctx, c, post("/v1/quarantine/"+url.PathEscape(entry)+"/"+url.PathEscape(v.Choice), v))
}

// RebaseMeter counts on from a register of a wallet meter that was changed (right: reading.decide).
func (c *Client) RebaseMeter(ctx context.Context, meter string, registerWh int64, reason string) (Verdicted, error) {
	return ask[Verdicted](ctx, c, post(meterPath(meter, "/rebase"), Verdict{RegisterWh: &registerWh, Reason: reason}))
}
