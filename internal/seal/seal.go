// Package seal makes edits of the past evident: it hashes rows into leaves, keeps the tenant's Merkle log of leaves,
// and writes and reads its signed heads. It is pure: the store keeps the hashes, the caller keeps the key.
//
// Start at [Leaf] for what a row becomes, [Edge] for the log, [Head] for what is signed. The log is that of RFC 6962 as
// golang.org/x/mod/sumdb/tlog has it, the signed head a note of golang.org/x/mod/sumdb/note, so that tools which know
// Go's checksum database can check ours. The seal shows that something was changed after it was sealed; it cannot stop
// the one who holds both the database and the signing key, which is why heads are also kept outside the database.
package seal

import (
	"crypto/sha256"
	"encoding/binary"
)

// Leaf builds the hash of a row: SHA-256 over a version and then every field behind its length in four bytes,
// big-endian. No two different rows give the same bytes. Journals have theirs in package ledger, in the same form.
type Leaf struct{ b []byte }

// leafRoom is how many bytes a leaf has room for before it must be moved: those of most sales fit.
const leafRoom = 1024

// NewLeaf starts a leaf. The version names the row's kind and form, so that a later form is never taken for this one.
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

// Sum is the leaf.
func (l *Leaf) Sum() [32]byte { return sha256.Sum256(l.b) }

// Row is an audit row as its leaf has it: what a proof shows of it, and the hash of the rest. The rest, the address a
// request came from among it, is nobody's business but the auditor's; it holds the row's identity with its 62 random
// bits, so that nobody finds it out from its hash by trying.
type Row struct {
	At                    int64 // microseconds since the Unix epoch
	Action, Object, After string
	Rest                  [32]byte
}

// rowLeaf begins the leaf of an audit row, restLeaf the hash of its rest.
const (
	rowLeaf  = "paywatt audit 3"
	restLeaf = "paywatt audit rest 3"
)

// NewRest starts the hash of the rest of an audit row.
func NewRest() *Leaf { return NewLeaf(restLeaf) }

// Leaf is the row's leaf in the log.
func (r Row) Leaf() [32]byte {
	return NewLeaf(rowLeaf).Int(r.At).Text(r.Action).Text(r.Object).Text(r.After).Text(string(r.Rest[:])).Sum()
}
