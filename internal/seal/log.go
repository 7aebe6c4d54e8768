package seal

import (
	"crypto/sha256"
	"fmt"
	"math/bits"

	"golang.org/x/mod/sumdb/tlog"
)

// storedLevel is the lowest level of the tree whose hashes are stored. Lower hashes are computed from at most 2^storedLevel leaves when
// needed. A proof then computes a few more hashes, and a commit stores far fewer rows.
const storedLevel = 3

// Node is an inner hash that a new leaf completed, with its index by tlog.StoredHashIndex.
type Node struct {
	Index int64
	Hash  [32]byte
}

// Edge is the right edge of a log: the roots of its complete subtrees, largest first. Appending needs no other data.
type Edge struct {
	size int64
	tops []tlog.Hash
}

// Size returns the number of leaves.
func (e *Edge) Size() int64 { return e.size }

// Append adds a leaf and returns the inner hashes to store.
func (e *Edge) Append(leaf [32]byte) []Node {
	var out []Node
	h := tlog.RecordHash(leaf[:])
	n := e.size
	for level := 1; n&1 == 1; level++ {
		h = tlog.NodeHash(e.tops[len(e.tops)-1], h)
		e.tops = e.tops[:len(e.tops)-1]
		n >>= 1
		if level >= storedLevel {
			out = append(out, Node{Index: tlog.StoredHashIndex(level, n), Hash: h})
		}
	}
	e.tops = append(e.tops, h)
	e.size++
	return out
}

// Root returns the hash of the whole log. For the empty log it is the hash of the empty string (RFC 6962 §2.1).
func (e *Edge) Root() [32]byte {
	if e.size == 0 {
		return sha256.Sum256(nil)
	}
	h := e.tops[len(e.tops)-1]
	for i := len(e.tops) - 2; i >= 0; i-- {
		h = tlog.NodeHash(e.tops[i], h)
	}
	return h
}

// Nodes reads the hashes of a stored log.
type Nodes struct {
	Stored func(index int64) ([32]byte, error)            // a hash that Append returned
	Leaves func(from, to int64) (l [][32]byte, err error) // the leaves [from, to)
}

// LoadEdge rebuilds the edge of a log of the given size.
func LoadEdge(size int64, nodes Nodes) (Edge, error) {
	e := Edge{size: size}
	at := int64(0)
	for rest := size; rest > 0; {
		level := bits.Len64(uint64(rest)) - 1
		h, err := nodes.at(level, at>>level)
		if err != nil {
			return Edge{}, fmt.Errorf("load the edge of a log of %d leaves: %w", size, err)
		}
		e.tops = append(e.tops, h)
		at += 1 << level
		rest -= 1 << level
	}
	return e, nil
}

// at returns the hash of the complete subtree with index n at a level.
func (r Nodes) at(level int, n int64) (tlog.Hash, error) {
	if level >= storedLevel {
		return r.Stored(tlog.StoredHashIndex(level, n))
	}
	leaves, err := r.Leaves(n<<level, (n+1)<<level)
	if err != nil {
		return tlog.Hash{}, err
	}
	if len(leaves) != 1<<level {
		return tlog.Hash{}, fmt.Errorf("the log has only %d of its leaves %d to %d", len(leaves), n<<level, (n+1)<<level-1)
	}
	var e Edge
	for _, l := range leaves {
		e.Append(l)
	}
	return e.Root(), nil
}

// ReadHashes implements tlog.HashReader, which makes proofs.
func (r Nodes) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		h, err := r.at(tlog.SplitStoredHashIndex(index))
		if err != nil {
			return nil, err
		}
		out[i] = h
	}
	return out, nil
}

// Proof shows that a leaf is in a log. Anybody who has the leaf and a signed head can check it without the rest of the log.
type Proof struct {
	Pos, Size int64
	Path      [][32]byte
}

// Prove returns the proof that the leaf at pos is in the log of the given size.
func Prove(pos, size int64, nodes Nodes) (Proof, error) {
	path, err := tlog.ProveRecord(size, pos, nodes)
	if err != nil {
		return Proof{}, fmt.Errorf("prove leaf %d of %d: %w", pos, size, err)
	}
	p := Proof{Pos: pos, Size: size}
	for _, h := range path {
		p.Path = append(p.Path, h)
	}
	return p, nil
}

// Check reports whether the proof leads from the leaf to the root. The root must come from a head of the proof's size.
func (p Proof) Check(leaf, root [32]byte) bool {
	if p.Size > MaxSize {
		return false
	}
	path := make(tlog.RecordProof, len(p.Path))
	for i, h := range p.Path {
		path[i] = h
	}
	return tlog.CheckRecord(path, p.Size, root, p.Pos, tlog.RecordHash(leaf[:])) == nil
}

// ProveGrowth returns the proof that the log of the larger size begins with the log of the smaller size, so that leaves were only
// appended.
func ProveGrowth(from, to int64, nodes Nodes) ([][32]byte, error) {
	path, err := tlog.ProveTree(to, from, nodes)
	if err != nil {
		return nil, fmt.Errorf("prove that the log of %d leaves grew to %d: %w", from, to, err)
	}
	out := make([][32]byte, len(path))
	for i, h := range path {
		out[i] = h
	}
	return out, nil
}

// CheckGrowth reports whether a proof from ProveGrowth is valid between two heads.
func CheckGrowth(path [][32]byte, from, to Head) bool {
	p := make(tlog.TreeProof, len(path))
	for i, h := range path {
		p[i] = h
	}
	return from.Size >= 1 && from.Size <= MaxSize && to.Size <= MaxSize && tlog.CheckTree(p, to.Size, to.Root, from.Size, from.Root) == nil
}
