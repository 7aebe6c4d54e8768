package registry

import (
	"crypto/hmac"
	"encoding/base64"
	"fmt"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
)

// Page asks for a page of a list.
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

// cursorMAC is how many bytes of the keyed hash a cursor carries. It keeps people from building their own cursors and relying
// on their form. It protects no right.
const cursorMAC = 8

// Hasher is the part of a Sealer that makes and checks cursors.
type Hasher interface {
	Hash(context string, data []byte) []byte
}

// Read reads a page request for a list of the tenant: the id to start after, and how many rows. The refusal names what is
// wrong with limit or cursor.
func (p Page) Read(h Hasher, t access.Tenant, list string) (after id.ID, max int, no refusal.Refusal) {
	if p.Limit < 0 || p.Limit > MaxLimit {
		return id.ID{}, 0, refuse.LimitOutOfRange(MaxLimit)
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
		return id.ID{}, 0, refuse.CursorNotOfList()
	}
	after = id.FromBytes(b[:len(after)])
	if !hmac.Equal(b[len(after):], macOf(h, t, list, after)) {
		return id.ID{}, 0, refuse.CursorNotOfList()
	}
	return after, max, refusal.Refusal{}
}

// Cursor marks the place after the last row of a page; Page.Read of the same list and tenant reads it.
func Cursor(h Hasher, t access.Tenant, list string, last id.ID) string {
	return base64.RawURLEncoding.EncodeToString(append(last[:], macOf(h, t, list, last)...))
}

// Cut makes a page of rows. One row more than max was read, to know whether the list goes on. Next marks the place after the
// last row, and is empty at the end of the list; place is the id that sorts the list.
func Cut[T any](rows []T, max int, h Hasher, t access.Tenant, list string, place func(T) id.ID) (page []T, next string) {
	if len(rows) <= max {
		return rows, ""
	}
	return rows[:max], Cursor(h, t, list, place(rows[max-1]))
}

func macOf(h Hasher, t access.Tenant, list string, last id.ID) []byte {
	return h.Hash(fmt.Sprintf("cursor:%s:%d", list, t), last[:])[:cursorMAC]
}
