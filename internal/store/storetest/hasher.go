package storetest

import (
	"crypto/hmac"
	"crypto/sha256"
)

// Hasher makes keyed hashes as a data key does, with a fixed key.
type Hasher struct{}

// Hash returns the keyed hash of data in a context.
func (Hasher) Hash(context string, data []byte) []byte {
	h := hmac.New(sha256.New, []byte("a data key for tests\x00"+context))
	h.Write(data)
	return h.Sum(nil)
}
