package core

import (
	"fmt"
	"maps"
	"slices"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/seal"
)

// Kinds of sealed rows.
const (
	LeafJournal = "journal"
	LeafAudit   = "audit"
)

// Fresh holds the rows that the closures of one commit have added to one tenant's books and audit log: the rows' leaves in the order of the
// log, and sums by account for the roll-ups. An engine that seals in the same commit gets one Fresh for each tenant from [Sealer.Begin];
// [Tx.Keep] adds the part of each closure that succeeded.
type Fresh struct {
	sealer *Sealer
	Leaves []freshLeaf
	Sums   map[int64]freshSum
	n      int64 // number of the seal that will take the leaves; 0 until SealNumber is called
	cache  commitCache
}

type freshLeaf struct {
	kind  string
	id    id.ID
	leaf  [32]byte
	Lines int64 // number of postings, for a journal of this commit
}

type freshSum struct {
	Amount  money.Minor
	limited bool // the account stores its balance in its own row and needs no roll-up
}

// Empty reports whether there is nothing to seal.
func (f *Fresh) Empty() bool { return len(f.Leaves) == 0 }

// Len returns how many rows will be sealed.
func (f *Fresh) Len() int { return len(f.Leaves) }

// Add adds a row to the rows that will be sealed.
func (f *Fresh) Add(kind string, i id.ID, leaf [32]byte) {
	f.Leaves = append(f.Leaves, freshLeaf{kind: kind, id: i, leaf: leaf})
}

// Sum adds an amount to an account's next roll-up.
func (f *Fresh) Sum(account int64, limited bool, amount money.Minor) {
	if f.Sums == nil {
		f.Sums = make(map[int64]freshSum)
	}
	s := f.Sums[account]
	f.Sums[account] = freshSum{s.Amount + amount, limited}
}

// readBack checks the stored journals of the commit.
func (f *Fresh) readBack(tx *Tx) error {
	want := make(map[id.ID]int64, len(f.Leaves))
	for i := range f.Leaves {
		if f.Leaves[i].Lines > 0 {
			want[f.Leaves[i].id] = f.Leaves[i].Lines
		}
	}
	if len(want) == 0 {
		return nil
	}
	return tx.ReadBack(want)
}

// Keep adds the rows that the closure wrote to the rows that its commit will seal. An engine calls Keep once, after the closure has
// succeeded and before the next one runs.
func (tx *Tx) Keep() {
	if tx.Before == nil {
		return
	}
	tx.Before.Leaves = append(tx.Before.Leaves, tx.Fresh.Leaves...)
	for n, s := range tx.Fresh.Sums {
		tx.Before.Sum(n, s.limited, s.Amount)
	}
	tx.Before.cache.join(tx.Fresh.cache)
	tx.Fresh = Fresh{}
}

// SealNumber returns the seal_n of rows that are written now, so that no row has to be written a second time. The result is the number of
// the seal that closes this commit, or nil (NULL) if another transaction seals. SealNumber also notices a damaged log. Then only the
// closure that writes to the log fails, and not the whole commit.
func (tx *Tx) SealNumber() (*int64, error) {
	if tx.Before == nil {
		return nil, nil
	}
	if tx.Before.n == 0 {
		l, err := tx.Before.sealer.open(tx)
		if err != nil {
			return nil, fmt.Errorf("open the log: %w", err)
		}
		tx.Before.n = l.n + 1
	}
	return &tx.Before.n, nil
}

// Sealer appends fresh leaves to the tenants' logs. It belongs to one writer. It remembers the right edge of each log, and before each use
// checks that the database still has the same log.
type Sealer struct {
	key    seal.Key
	logs   map[access.Tenant]*sealedLog
	memory memory
}

// sealedLog is a tenant's log after its last seal.
type sealedLog struct {
	n        int64  // number of the last seal
	root     []byte // root after the last seal
	origin   string
	edge     seal.Edge
	balances map[int64]money.Minor // balance in the last roll-up, by account
}

// NewSealer makes a sealer that signs with key.
func NewSealer(key seal.Key) *Sealer {
	return &Sealer{key: key, logs: make(map[access.Tenant]*sealedLog)}
}

// Begin returns an empty [Fresh] for one tenant of a commit.
func (s *Sealer) Begin() *Fresh { return &Fresh{sealer: s} }

// Seal closes a commit for one tenant: it adds the leaves to the log, adds roll-ups, and writes and returns the signed head. tx must belong
// to the tenant of f. Seal checks once more that all postings sum to zero.
func (s *Sealer) Seal(tx *Tx, f *Fresh) (seal.Head, error) {
	l, err := s.open(tx)
	if err != nil {
		return seal.Head{}, fmt.Errorf("open the log: %w", err)
	}
	if f.n != l.n+1 {
		return seal.Head{}, fmt.Errorf("%w: rows were written for seal %d, but the next seal is %d", ErrInvariant, f.n, l.n+1)
	}
	if err := f.readBack(tx); err != nil {
		return seal.Head{}, fmt.Errorf("read the journals back: %w", err)
	}
	first := l.edge.Size()
	if err := s.append(tx, l, f); err != nil {
		return seal.Head{}, fmt.Errorf("append to the log: %w", err)
	}
	if err := s.rollUp(tx, l, f); err != nil {
		return seal.Head{}, fmt.Errorf("roll up: %w", err)
	}
	root := l.edge.Root()
	head := seal.Head{Origin: l.origin, Size: l.edge.Size(), Root: root, Epoch: tx.Epoch, Seal: f.n, At: tx.Now}
	note, err := s.key.Sign(head)
	if err != nil {
		return seal.Head{}, fmt.Errorf("sign the head: %w", err)
	}
	head.Note = note
	_, err = tx.C.Exec(`INSERT INTO seal (tenant_id, n, first, last, root, head, at) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
		tx.Tenant, f.n, first, l.edge.Size()-1, root[:], note, tx.Now)
	if err != nil {
		return seal.Head{}, fmt.Errorf("write the seal: %w", err)
	}
	l.n, l.root = f.n, root[:]
	return head, nil
}

// Forget drops everything that the sealer remembers about logs. Call it when a transaction that used the sealer was rolled back.
func (s *Sealer) Forget() {
	clear(s.logs)
	s.memory.undone()
}

// ForgetRolledBack forgets data that rolled-back closures may have left in memory. Call it instead of Forget if nothing was written to the
// log.
func (s *Sealer) ForgetRolledBack() { s.memory.undone() }

// open returns the log as the database has it.
func (s *Sealer) open(tx *Tx) (*sealedLog, error) {
	var n, last int64
	var root []byte
	_, err := tx.One(`SELECT n, last, root FROM seal WHERE tenant_id = $1 ORDER BY n DESC LIMIT 1`, func(r Row) error {
		n, last, root = r.Int(0), r.Int(1), r.Bytes(2)
		return nil
	}, tx.Tenant)
	if err != nil {
		return nil, err
	}
	if l := s.logs[tx.Tenant]; l != nil && l.n == n && slices.Equal(l.root, root) {
		return l, nil
	}
	l := &sealedLog{n: n, root: root, balances: make(map[int64]money.Minor)}
	if l.origin, err = tx.Origin(); err != nil {
		return nil, err
	}
	size := int64(0)
	if n > 0 {
		size = last + 1
	}
	if l.edge, err = seal.LoadEdge(size, tx.Hashes()); err != nil {
		return nil, err
	}
	if got := l.edge.Root(); n > 0 && !slices.Equal(got[:], root) {
		return nil, fmt.Errorf("%w: the log's root does not match seal %d", ErrInvariant, n)
	}
	s.logs[tx.Tenant] = l
	return l, nil
}

// Origin names the tenant's log in signed heads.
func (tx *Tx) Origin() (string, error) {
	t, err := tx.TenantRow()
	return "paywatt/" + t.UID.Text(""), err
}

func (s *Sealer) append(tx *Tx, l *sealedLog, f *Fresh) error {
	leaves, hashes := RowsInto(intoLeaves, tx.Tenant), RowsInto(intoHashes, tx.Tenant)
	for i := range f.Leaves {
		fl := &f.Leaves[i]
		if err := leaves.Add(tx, l.edge.Size(), fl.kind, fl.id, fl.leaf[:]); err != nil {
			return err
		}
		for _, node := range l.edge.Append(fl.leaf) {
			if err := hashes.Add(tx, node.Index, node.Hash[:]); err != nil {
				return err
			}
		}
	}
	if err := leaves.Insert(tx); err != nil {
		return err
	}
	return hashes.Insert(tx)
}

func (s *Sealer) rollUp(tx *Tx, l *sealedLog, f *Fresh) error {
	var total money.Minor
	rows := RowsInto(intoRollUps, tx.Tenant, f.n)
	for _, n := range slices.Sorted(maps.Keys(f.Sums)) {
		sum := f.Sums[n]
		total += sum.Amount
		if sum.limited || sum.Amount == 0 {
			continue
		}
		before, known := l.balances[n]
		if !known {
			b, err := tx.Number(RollupOf, tx.Tenant, n)
			if err != nil {
				return err
			}
			before = money.Minor(b)
		}
		l.balances[n] = before + sum.Amount
		if err := rows.Add(tx, n, before+sum.Amount); err != nil {
			return err
		}
	}
	if err := rows.Insert(tx); err != nil {
		return err
	}
	if total != 0 {
		return fmt.Errorf("%w: the journals of seal %d sum to %d", ErrInvariant, f.n, total)
	}
	return nil
}

// Hashes reads the log's stored hashes. It computes the other hashes from the leaves.
func (tx *Tx) Hashes() seal.Nodes {
	return seal.Nodes{
		Stored: func(index int64) (h [32]byte, err error) {
			found, err := tx.One(`SELECT hash FROM seal_hash WHERE tenant_id = $1 AND idx = $2`,
				func(r Row) error { copy(h[:], r.Bytes(0)); return nil }, tx.Tenant, index)
			if err == nil && !found {
				err = fmt.Errorf("hash %d of the log is missing", index)
			}
			return h, err
		},
		Leaves: func(from, to int64) (out [][32]byte, err error) {
			err = tx.C.Query(`SELECT leaf FROM seal_leaf WHERE tenant_id = $1 AND pos >= $2 AND pos < $3 ORDER BY pos`,
				func(r Row) error { out = append(out, [32]byte(Pad(r.Bytes(0)))); return nil }, tx.Tenant, from, to)
			return out, err
		},
	}
}

// Pad makes a stored hash 32 bytes long, so that a damaged one is merely wrong.
func Pad(b []byte) []byte { return append(b, make([]byte, 32)...)[:32] }
