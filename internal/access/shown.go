package access

// What the second person was shown is part of the decision. The look at a request gives a digest of what it shows. An approval that names the digest
// is for exactly that: it is refused if the request would do something else by now.

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
)

// seenFact is a figure as a digest counts it.
type seenFact struct {
	Name          string
	Before, After Value
	Odd           []string
}

// seenRow is a row of a file as a digest counts it.
type seenRow struct {
	Line                    int
	Name, From, Said, Meter string
	At                      int64
	Amount                  money.Amount
	Fate                    Fate
	Odd                     []string
}

// digest returns a hash of what an effect shows, with its sentence and the code of the refusal that would come. Figures that go on by themselves count
// by their names only.
func (e Effect) digest(summary string, refused refusal.Code) string {
	facts := make([]seenFact, len(e.Facts))
	for i, f := range e.Facts {
		if facts[i].Name = f.Name; !f.Live {
			facts[i] = seenFact{f.Name, f.Before, f.After, warnings(f.Odd)}
		}
	}
	return digestOf(struct {
		Summary, Rows string
		Refused       refusal.Code
		Facts         []seenFact
		Sums          []EffectSum
	}{summary, e.all, refused, facts, e.Sums})
}

// digestOfRows returns a hash of the rows of a file.
func digestOfRows(rows []EffectRow) string {
	seen := make([]seenRow, len(rows))
	for i, r := range rows {
		seen[i] = seenRow{r.Line, r.Name, r.From, r.Said, r.Meter, r.At.UnixMicro(), r.Amount, r.Fate, warnings(r.Odd)}
	}
	return digestOf(seen)
}

func warnings(odd []Oddity) (out []string) {
	for _, o := range odd {
		out = append(out, o.What)
	}
	return out
}

// digestOf returns the SHA-256 of a value's JSON in hexadecimal.
func digestOf(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic("access: a digest of values without JSON: " + err.Error())
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// stillShown rehearses a request that is about to be approved, and refuses it if it is not what the approver was shown any more. It returns the digest
// of what the use case itself says, for the transaction that carries the request out. It leaves all other refusals to the decision.
func (a *Access) stillShown(ctx context.Context, by Actor, approval id.ID, shown string) (own string, no refusal.Refusal, err error) {
	now := Stored(a.c.Now())
	row, err := Through(ctx, a.c.Door, by.Tenant, func(tx Tx) (ShownApproval, error) {
		row, found, err := tx.ApprovalByID(approval)
		if err != nil || !found || !row.mayAllow(by) {
			return ShownApproval{}, err
		}
		no, err := undecidable(tx, row, by, true, now)
		if err != nil || no.Refused() {
			return ShownApproval{}, err
		}
		return ShownApproval{Approval: row}, nil
	})
	if err != nil || row.Approval.ID.IsZero() {
		return "", refusal.Refusal{}, err
	}
	next, err := a.rehearse(ctx, by, row.Approval)
	switch {
	case err != nil:
		return "", refusal.Refusal{}, err
	case next.Shown == shown:
		return next.own, refusal.Refusal{}, nil
	case next.Refused():
		return "", next.Refusal, nil
	}
	return "", refuse.ApprovalChanged(approval.Text(id.Approval)), nil
}

// stillSeen refuses an action that an approver has seen otherwise, in the transaction that does the action. Otherwise it returns the figures of what is
// done now, as an approval keeps them.
func stillSeen(by Actor, a Approval, w ActRequest) (done string, no refusal.Refusal, err error) {
	if w.Effect == nil {
		return "", refusal.Refusal{}, nil
	}
	e, err := w.Effect()
	if err != nil {
		return "", refusal.Refusal{}, err
	}
	if by.seen != "" && e.digest(cmp.Or(w.Summary, a.Summary), "") != by.seen {
		return "", refuse.ApprovalChanged(a.Name()), nil
	}
	return e.remember(), refusal.Refusal{}, nil
}
