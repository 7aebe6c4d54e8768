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

// Page says which page of a list to read.
type Page struct {
	Limit  int    // largest number of rows on the page; 0 means DefaultLimit
	Cursor string // field Next of the page before; empty for the first page
}

// Limits of a page.
const (
	DefaultLimit = 50
	MaxLimit     = 200
)

// The names of the lists that cursors belong to.
const (
	listMeters    = "meters"
	listCustomers = "customers"
	listTariffs   = "tariffs"
)

// cursorMAC is the number of bytes of the keyed hash that a cursor carries. The hash keeps people from building their own
// cursors and relying on their form. It does not protect data.
const cursorMAC = 8

// Hasher is the part of a Sealer that makes and checks cursors.
type Hasher interface {
	Hash(context string, data []byte) []byte
}

// Read reads a page request for a list of the tenant: it returns the id after which the page starts, and the largest
// number of rows to read. The refusal names the mistake in the limit or the cursor.
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

// Cut makes a page of rows. The caller reads one row more than max, which shows whether the list continues. The result next
// marks the place after the last row, and is empty at the end of the list. The function place returns the id by which the list
// is sorted.
func Cut[T any](rows []T, max int, h Hasher, t access.Tenant, list string, place func(T) id.ID) (page []T, next string) {
	if len(rows) <= max {
		return rows, ""
	}
	return rows[:max], Cursor(h, t, list, place(rows[max-1]))
}

func macOf(h Hasher, t access.Tenant, list string, last id.ID) []byte {
	return h.Hash(fmt.Sprintf("cursor:%s:%d", list, t), last[:])[:cursorMAC]
}
