package api

import (
	"crypto/sha256"
	"encoding/binary"
	"net/http"
	"strings"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/refuse"
)

// Lengths of an Idempotency-Key.
const (
	MinKey = 8
	MaxKey = 64
)

// takeKey reads the Idempotency-Key of a request into the exchange.
func takeKey(r *http.Request, x *exchange) *Problem {
	keys := r.Header.Values("Idempotency-Key")
	if len(keys) == 0 || keys[0] == "" {
		return problemOf(refuse.RequestWithoutIdempotencyKey(MinKey, MaxKey))
	}
	if len(keys) > 1 {
		return problemOf(refuse.RequestWithIdempotencyKeys(int64(len(keys))))
	}
	if !validKey(keys[0]) {
		return problemOf(refuse.RequestIdempotencyKeyOfWrongForm(MinKey, MaxKey))
	}
	principal := x.actor.ID.Text(id.Key)
	x.once = access.Once{Principal: principal, Key: keys[0], Hash: requestHash(r.Method, r.URL.Path, principal, canonical(x.body))}
	return nil
}

func validKey(k string) bool {
	return len(k) >= MinKey && len(k) <= MaxKey && !strings.ContainsFunc(k, func(r rune) bool { return r < '!' || r > '~' })
}

// requestHash identifies a request and its asker: SHA-256 over the length-prefixed method, path, principal and canonical body
// (docs/reference/http.md#repetition).
func requestHash(method, path, principal string, body []byte) [32]byte {
	h := sha256.New()
	for _, part := range [][]byte{[]byte(method), []byte(path), []byte(principal), body} {
		var n [8]byte
		binary.BigEndian.PutUint64(n[:], uint64(len(part)))
		h.Write(n[:])
		h.Write(part)
	}
	return [32]byte(h.Sum(nil))
}
