// Package seal makes later edits of rows evident. It hashes rows into leaves, appends them to the tenant's Merkle log, and writes and
// reads the log's signed heads. It does no input or output: the store holds the hashes, and the caller holds the key.
//
// Start at [Leaf] for the hash of a row, [Edge] for the log, and [Head] for the signed state. The log is the one of RFC 6962, as
// golang.org/x/mod/sumdb/tlog implements it. A signed head is a note of golang.org/x/mod/sumdb/note. So tools for Go's checksum database
// can check ours. The seal shows whether a row was changed after it was sealed. It cannot stop somebody who holds both the database and
// the signing key. For this reason heads are also stored outside the database.
package seal

import (
	"crypto/sha256"
	"encoding/binary"
)

// Leaf builds the hash of a row: SHA-256 over a version and then every field. The length of each field precedes the field, in four bytes,
// big-endian. Different rows never give the same bytes. Package ledger builds the leaves of journals in the same form.
type Leaf struct{ b []byte }

// leafRoom is the initial capacity of a leaf in bytes. It is enough for most sales.
const leafRoom = 1024

// NewLeaf starts a leaf. The version names the row's kind and form, so that a later form has another version and is never
// mistaken for this form.
func NewLeaf(version string) *Leaf { return &Leaf{b: append(make([]byte, 0, leafRoom), version...)} }

// Text adds a text or the raw bytes of an identity.
func (l *Leaf) Text(s string) *Leaf {
	l.b = binary.BigEndian.AppendUint32(l.b, uint32(len(s)))
	l.b = append(l.b, s...)
	return l
}

// Int adds a number, eight bytes big-endian.
func (l *Leaf) Int(n int64) *Leaf {
	l.b = binary.BigEndian.AppendUint32(l.b, 8)
	l.b = binary.BigEndian.AppendUint64(l.b, uint64(n))
	return l
}

// Sum returns the hash of the leaf.
func (l *Leaf) Sum() [32]byte { return sha256.Sum256(l.b) }

// Row holds the parts of an audit row from which its leaf is made: the fields that a proof shows, and the hash of the rest. Only an
// auditor may see the rest, which includes the address of the request. It also includes the row's identity with 62 random bits, so nobody
// can guess the rest from its hash.
type Row struct {
	At                    int64 // microseconds since the Unix epoch
	Action, Object, After string
	Rest                  [32]byte
}

// rowLeaf begins the leaf of an audit row; restLeaf begins the hash of the row's rest.
const (
	rowLeaf  = "paywatt audit 3"
	restLeaf = "paywatt audit rest 3"
)

// NewRest starts the hash of the rest of an audit row.
func NewRest() *Leaf { return NewLeaf(restLeaf) }

// Leaf returns the row's leaf in the log.
func (r Row) Leaf() [32]byte {
	return NewLeaf(rowLeaf).Int(r.At).Text(r.Action).Text(r.Object).Text(r.After).Text(string(r.Rest[:])).Sum()
}
