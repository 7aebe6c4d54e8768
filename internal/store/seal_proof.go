package store

import (
	"errors"
	"fmt"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/proof"
	"github.com/paywatt/paywatt/internal/report"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/seal"
	"github.com/paywatt/paywatt/internal/store/core"
)

// positionOf returns the position of an audit row in the log; found is false while the row is not sealed.
func (tx *Tx) positionOf(i id.ID) (pos int64, found bool, err error) {
	found, err = tx.One(`SELECT l.pos FROM audit r
		JOIN seal s ON s.tenant_id = $1 AND s.n = r.seal_n
		JOIN seal_leaf l ON l.tenant_id = $1 AND l.pos >= s.first AND l.pos <= s.last AND l.id = $2
		WHERE r.tenant_id = $1 AND r.id = $2`, func(r core.Row) error { pos = r.Int(0); return nil }, tx.Tenant, i)
	return pos, found, fault.Wrap(err, "find a row in the log")
}

// Head returns the signed head of the log at a size in leaves, or the newest head for size 0. It returns false if there is no such head.
// Only the fields that proofs need are set: Size, Root, Note.
func (tx *Tx) Head(size int64) (h seal.Head, found bool, err error) {
	scan := func(r core.Row) error {
		h = seal.Head{Size: r.Int(0), Root: [32]byte(core.Pad(r.Bytes(1))), Note: r.Text(2)}
		return nil
	}
	if size == 0 {
		found, err = tx.One(`SELECT last + 1, root, head FROM seal WHERE tenant_id = $1 ORDER BY n DESC LIMIT 1`, scan, tx.Tenant)
	} else { // seals have no index by size: find the seal through the last row it covers
		found, err = tx.One(`SELECT s.last + 1, s.root, s.head FROM seal_leaf l
			LEFT JOIN journal j ON l.kind = 'journal' AND j.tenant_id = l.tenant_id AND j.id = l.id
			LEFT JOIN audit a ON l.kind = 'audit' AND a.tenant_id = l.tenant_id AND a.id = l.id
			JOIN seal s ON s.tenant_id = l.tenant_id AND s.n = COALESCE(j.seal_n, a.seal_n) AND s.last = l.pos
			WHERE l.tenant_id = $1 AND l.pos = $2`, scan, tx.Tenant, size-1)
	}
	return h, found, fault.Wrap(err, "find the head of %d leaves", size)
}

// NewestHead returns the newest signed head of the log with all its fields, or the state of an empty log. It is an error if no key of the chain
// signed that head.
func (tx *Tx) NewestHead(keys seal.Chain) (seal.Head, error) {
	origin, err := tx.Origin()
	if err != nil {
		return seal.Head{}, err
	}
	stored, found, err := tx.Head(0)
	if err != nil {
		return seal.Head{}, err
	}
	if !found {
		var empty seal.Edge
		return seal.Head{Origin: origin, Root: empty.Root(), Epoch: tx.Epoch, At: tx.Now}, nil
	}
	h, _, err := keys.Head(stored.Note)
	if err == nil && (h.Origin != origin || h.Size != stored.Size || h.Root != stored.Root) {
		err = fmt.Errorf("%w: the newest head does not match its seal", core.ErrInvariant)
	}
	return h, fault.Wrap(err, "read the newest head of the log %s", origin)
}

// Growth proves that the log of the larger size begins with the log of the smaller size.
func (tx *Tx) Growth(from, to int64) ([][32]byte, error) {
	return seal.ProveGrowth(from, to, tx.Hashes())
}

// VendProof proves that a completed sale is in the log of the head at a size in leaves, or of the newest head for size 0. It returns
// [sale.InLog] if the sale is in that log. Any other Sealing says why there is no proof.
func (tx *Tx) VendProof(s sale.Sale, size int64) (out proof.Sealed, found sale.Sealing, err error) {
	i, row, known, err := tx.saleRow(s)
	if err != nil || !known {
		if err == nil {
			err = fmt.Errorf("%w: sale %s has no audit row", core.ErrInvariant, s.ID.Text(id.Vend))
		}
		return out, 0, err
	}
	pos, sealed, err := tx.positionOf(i)
	if err != nil || !sealed {
		return out, sale.NotSealed, err
	}
	h, known, err := tx.Head(size)
	switch {
	case err != nil:
		return out, 0, err
	case !known:
		return out, sale.NoHead, nil
	case h.Size <= pos:
		return out, sale.HeadTooOld, nil
	}
	out = proof.Sealed{Row: row, Head: h.Note}
	out.Path, err = seal.Prove(pos, h.Size, tx.Hashes())
	return out, sale.InLog, err
}

// saleRow finds the audit row of a completed sale. Audit rows have no index by sale, which every sale would have to write. The search
// starts at the sale's journal, which was made in the same transaction, or at the sale itself if no money moved.
func (tx *Tx) saleRow(s sale.Sale) (i id.ID, row seal.Row, found bool, err error) {
	name := s.ID.Text(id.Vend)
	from := s.ID
	j, booked, err := tx.JournalByRef(s.Journal(), name)
	if err != nil {
		return i, row, false, err
	}
	if booked {
		from = j.ID
	}
	clear(from[6:]) // the first identity of its millisecond
	found, err = tx.One(core.AuditQuery+` AND id >= $2 AND action = $3 AND object = $4 ORDER BY id LIMIT 1`, func(r core.Row) error {
		var e access.Entry
		_, err := core.AuditColumns.Scan(r, 3, &e)
		i = r.ID(0)
		row = core.RowOfEntry(i, e, r.Text(1))
		return err
	}, tx.Tenant, from, proof.Action, name)
	if err != nil {
		err = errors.Join(fmt.Errorf("find the audit row of sale %s", name), err)
	}
	return i, row, found, err
}

var _ report.HeadTx = (*Tx)(nil)
