package report

import (
	"context"
	"fmt"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
)

// FeedTx is the part of a transaction that the feed needs.
type FeedTx interface {
	// Feed lists the sealed rows of the tenant's log from a position on, in order; at most max.
	Feed(from int64, max int) ([]FeedEvent, error)
	// FeedEnd returns the position that the next sealed row will have.
	FeedEnd() (int64, error)
}

// MaxFeed is how many rows of the feed are read at once.
const MaxFeed = 200

// FeedEvent is a sealed entry of the books or of the audit log. It can neither change nor vanish, and no entry will ever come before it.
type FeedEvent struct {
	Pos    int64 // position in the tenant's log
	Type   string
	At     time.Time
	Object string // its subject: a sale, an account, a tariff ...
	Audit  bool   // from the audit log, not from the books

	// Of a sale and its later entries:
	Sale      id.ID
	Vendor    id.ID // the seller; zero for the tenant itself
	ClientRef string
	Meter     string
}

// TypeOfJournal returns the name of a journal's event in the feed.
func TypeOfJournal(k ledger.Kind) string {
	switch k {
	case ledger.Vend, ledger.TopUp:
		return "vend.completed"
	case ledger.Reversal:
		return "vend.reversed"
	case ledger.DepositIn:
		return "float.deposited"
	case ledger.Raised:
		return "debt.raised"
	}
	return "ledger." + string(k)
}

// Feed is a part of the feed.
type Feed struct {
	refusal.Refusal
	Rows []FeedEvent
	Next int64 // where to continue, after entries that the actor may not see
	More bool  // there may be more to read at once
}

// Follow does the same as Happened for a reader that begins, or continues where an earlier feed ended. It refuses a position that the log
// has not reached. A reader can have such a position only from before the restore of an older copy, and would miss new entries by
// waiting there.
func (r *Reports) Follow(ctx context.Context, by access.Actor, from int64) (Feed, error) {
	f, err := r.Happened(ctx, by, from)
	if err != nil || f.Refused() || from < 0 || f.Next != from {
		return f, err
	}
	end, err := access.Look(ctx, r.door, by.Tenant, func(tx Tx) (int64, error) { return tx.FeedEnd() })
	if err != nil {
		return Feed{}, fmt.Errorf("find the end of the feed: %w", err)
	}
	if from > end {
		return Feed{Refusal: refuse.EventNotInFeed()}, nil
	}
	return f, nil
}

// Happened lists the entries from a position of the log on, as far as the actor may see them: sales and their reversals with vend.read (a
// vendor's key only its own), other journals with ledger.read, the audit log with audit.read. For a negative position it returns no
// entries, and the end of the log as the position to wait at.
func (r *Reports) Happened(ctx context.Context, by access.Actor, from int64) (Feed, error) {
	if no := by.Needs(access.ReadVends); no.Refused() {
		return Feed{Refusal: no}, nil
	}
	f, err := access.Look(ctx, r.door, by.Tenant, func(tx Tx) (Feed, error) {
		if from < 0 {
			end, err := tx.FeedEnd()
			return Feed{Next: end}, err
		}
		rows, err := tx.Feed(from, MaxFeed)
		return Feed{Rows: rows, Next: from}, err
	})
	if err != nil {
		return Feed{}, fmt.Errorf("read the feed: %w", err)
	}
	f.More = len(f.Rows) == MaxFeed
	seen := f.Rows[:0]
	for _, h := range f.Rows {
		f.Next = h.Pos + 1
		if sees(by, h) {
			seen = append(seen, h)
		}
	}
	f.Rows = seen
	return f, nil
}

// sees reports whether an actor may see an entry.
func sees(by access.Actor, h FeedEvent) bool {
	switch {
	case h.Audit:
		return by.OfUtility() && by.May(access.ReadAudit)
	case !h.Sale.IsZero():
		return by.Sees(h.Vendor)
	}
	return by.OfUtility() && by.May(access.ReadLedger)
}
