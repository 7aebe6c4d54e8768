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

// FeedTx is what the feed needs of a transaction.
type FeedTx interface {
	// Feed lists what the tenant's log has sealed from a position on, in its order; at most max.
	Feed(from int64, max int) ([]Happening, error)
	// FeedEnd is the position that the next sealed row will have.
	FeedEnd() (int64, error)
}

// MaxFeed is how much of the feed is read at once.
const MaxFeed = 200

// Happening is one thing that is in the books or in the audit log, and sealed: it can neither change nor vanish, and
// nothing will ever come before it.
type Happening struct {
	Pos    int64 // position in the tenant's log
	Type   string
	At     time.Time
	Object string // what it is about: a sale, an account, a tariff ...
	Audit  bool   // of the audit log, not of the books

	// Of a sale and what follows it:
	Sale      id.ID
	Vendor    id.ID // who sold it; zero for the tenant itself
	ClientRef string
	Meter     string
}

// TypeOfJournal names what a journal tells the outside.
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
	Rows []Happening
	Next int64 // where to go on, past what the asker may not see
	More bool  // there may be more to read at once
}

// Follow is Happened for a reader that begins, or comes back to where an earlier feed ended. A position that the log has not
// reached is refused: nobody was sent it, unless before a restore of an older copy, and to wait there would miss what comes.
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

// Happened lists what happened from a position of the log on, as far as the asker may see it: sales and their reversals
// with vend.read (a vendor's key only its own), other journals with ledger.read, the audit log with audit.read. A
// negative position stands for the end: nothing yet, and where to wait.
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

// sees reports whether an actor may know of it.
func sees(by access.Actor, h Happening) bool {
	switch {
	case h.Audit:
		return by.OfUtility() && by.May(access.ReadAudit)
	case !h.Sale.IsZero():
		return by.Sees(h.Vendor)
	}
	return by.OfUtility() && by.May(access.ReadLedger)
}
