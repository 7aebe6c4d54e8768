package registry

import (
	"crypto/hmac"
	"encoding/base64"
	"fmt"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/refusal"
)

// Page asks for a part of a list.
type Page struct {
	Limit  int    // how many; 0 means DefaultLimit
	Cursor string // Next of the page before; empty: from the beginning
}

// Limits of a page.
const (
	DefaultLimit = 50
	MaxLimit     = 200
)

// Lists that a cursor can belong to.
const (
	listMeters    = "meters"
	listCustomers = "customers"
	listTariffs   = "tariffs"
)

// cursorMAC is how much of the keyed hash a cursor carries: it keeps people from building cursors of their own and
// then relying on their form; no right hangs on it.
const cursorMAC = 8

// page reads a page request of a list of the tenant: after which identity, and how many.
func (r *Registry) page(t access.Tenant, list string, p Page) (after id.ID, max int, no refusal.Refusal) {
	if p.Limit < 0 || p.Limit > MaxLimit {
		return id.ID{}, 0, invalid(fmt.Sprintf("limit is 1 to %d.", MaxLimit))
	}
	max = p.Limit
	if max == 0 {
		max = DefaultLimit
	}
	if p.Cursor == "" {
		return id.ID{}, max, refusal.Refusal{}
	}
	b, err := base64.RawURLEncoding.DecodeString(p.Cursor)
	if err != nil || len(b) != len(after)+cursorMAC {
		return id.ID{}, 0, badCursor()
	}
	after = id.FromBytes(b[:len(after)])
	if !hmac.Equal(b[len(after):], r.cursorMAC(t, list, after)) {
		return id.ID{}, 0, badCursor()
	}
	return after, max, refusal.Refusal{}
}

func badCursor() refusal.Refusal {
	return refusal.Because(refusal.InvalidRequest, "The cursor is none of this list.", "", "Take next_cursor of the page before, or begin without one.")
}

// cursor names the place behind the last row of a page.
func (r *Registry) cursor(t access.Tenant, list string, last id.ID) string {
	return base64.RawURLEncoding.EncodeToString(append(last[:], r.cursorMAC(t, list, last)...))
}

func (r *Registry) cursorMAC(t access.Tenant, list string, last id.ID) []byte {
	return r.c.Sealer.Hash(fmt.Sprintf("cursor:%s:%d", list, t), last[:])[:cursorMAC]
}
