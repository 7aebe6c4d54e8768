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
	// Feed lists the sealed rows of the tenant's log in order, beginning at a position; at most max.
	Feed(from int64, max int) ([]FeedEvent, error)
	// FeedEnd returns the position that the next sealed row will have.
	FeedEnd() (int64, error)
}

// MaxFeed is the largest number of rows of the feed that one request reads.
const MaxFeed = 200

// FeedEvent is a sealed entry of the books or of the audit log. An entry never changes and never disappears, and no entry is ever inserted
// before it.
type FeedEvent struct {
	Pos    int64 // position in the tenant's log
	Type   string
	At     time.Time
	Object string // subject of the entry: a sale, an account, a tariff ...
	Audit  bool   // the entry is from the audit log, not from the books

	// These fields belong to a sale and its later entries.
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

// Feed is one page of the feed.
type Feed struct {
	refusal.Refusal
	Rows []FeedEvent
	Next int64 // position at which to continue, after entries that the actor may not see
	More bool  // the next page may have entries already
}

// Follow lists the same entries as [Reports.Happened]. It serves the first request of a reader that is new, or that continues at the end of
// an earlier page. It refuses a position that the log has not reached. A reader has such a position if the database was replaced by an
// older copy after the reader's last request. The reader would miss new entries if it waited there.
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

// Happened lists the entries of the log from the given position that the actor may see. Sales and their reversals need vend.read, and a
// vendor's key sees only its own. Other journals need ledger.read, and the audit log needs audit.read. If the position is negative,
// Happened returns no entries. Feed.Next is then the end of the log, where the reader waits for new entries.
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
