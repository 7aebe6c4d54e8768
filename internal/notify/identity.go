package notify

import (
	"crypto/sha256"
	"encoding/binary"
)

// IdentityOf makes the identity of an incoming message from these parts: the route and the provider's id or, without such an id, the
// sender, the network's time and the text. The same parts in the same order give the same identity, which does not reveal the parts.
func IdentityOf(parts ...string) (out [16]byte) {
	h := sha256.New()
	for _, p := range parts {
		var n [8]byte
		binary.BigEndian.PutUint64(n[:], uint64(len(p)))
		h.Write(n[:]) // so that "ab","c" differs from "a","bc"
		h.Write([]byte(p))
	}
	copy(out[:], h.Sum(nil))
	return out
}
