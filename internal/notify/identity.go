package notify

import (
	"crypto/sha256"
	"encoding/binary"
)

// IdentityOf makes the identity of an incoming message from whatever names it: the route, the provider's id, or where
// there is none the sender, the network's time and the text. The same parts in the same order give the same identity;
// it shows nothing of them.
func IdentityOf(parts ...string) (out [16]byte) {
	h := sha256.New()
	for _, p := range parts {
		var n [8]byte
		binary.BigEndian.PutUint64(n[:], uint64(len(p)))
		h.Write(n[:]) // so that "ab","c" is another message than "a","bc"
		h.Write([]byte(p))
	}
	copy(out[:], h.Sum(nil))
	return out
}
