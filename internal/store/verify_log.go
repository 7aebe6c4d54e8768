package store

import (
	"cmp"
	"crypto/hmac"
	"slices"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/seal"
	"github.com/paywatt/paywatt/internal/store/core"
)

// logCheck rebuilds a tenant's log from its leaves.
type logCheck struct {
	tx     *Tx
	r      *Report
	keys   seal.Chain
	origin string
	edge   seal.Edge
	nodes  []seal.Node // that were not compared yet
	needed int64       // stored inner hashes
	right  int64       // of them that were found
	heads  []seal.Head // heads that were stored elsewhere, by size
	atOnce bool
	mark   func([32]byte) []byte
}

// verifyLog rebuilds the tenant's log from its leaves. Every sealed row must exist with its leaf and its seal. Every seal must have the
// right root and a valid signature. Every head that was stored elsewhere must match the log at its size.
func (tx *Tx) verifyLog(t Trust, r *Report) error {
	origin, err := tx.Origin()
	if err != nil {
		return err
	}
	c := &logCheck{tx: tx, r: r, keys: t.Keys, origin: origin, atOnce: t.AtOnce, mark: t.Mark}
	if err := c.keptHeads(t.Heads); err != nil {
		return err
	}
	seals := int64(0)
	err = tx.C.Query(`SELECT n, first, last, root, head, at FROM seal WHERE tenant_id = $1 ORDER BY n`, func(w core.Row) error {
		seals++
		return c.seal(seals, w)
	}, tx.Tenant)
	if err != nil {
		return err
	}
	for _, h := range c.heads {
		if t.Newer {
			r.Count("heads newer than the backup", 1)
			continue
		}
		r.Find("log", "A signed head kept outside the database covers %d leaves (seal %d, %s), but the database has only %d. The database was replaced or cut back.",
			h.Size, h.Seal, h.At.Format("2006-01-02 15:04:05"), c.edge.Size())
	}
	if t.NoHeads && t.AtOnce && seals > 1 { // the first head is stored before anything else is committed
		r.Find(RuleHeads, "The file of signed heads beside the database is empty, but the database has %d heads. This folder alone cannot show whether the database was rolled back. "+
			"Put the file back from a copy, or check the books against heads that you stored elsewhere (--head).", seals)
	}
	r.Count("sealed rows", c.edge.Size())
	r.Count("signed heads", seals)
	if err := c.stored(); err != nil {
		return err
	}
	return c.complete()
}

// keptHeads sorts the heads that were stored elsewhere and leaves out the heads of branches that a restore lost.
func (c *logCheck) keptHeads(all []seal.Head) error {
	for _, h := range all {
		lost, err := c.tx.LostBranch(h.Epoch, h.Size)
		if err != nil {
			return err
		}
		if lost {
			c.r.Count("heads of the time that a restore lost", 1)
			continue
		}
		c.heads = append(c.heads, h)
	}
	slices.SortFunc(c.heads, func(a, b seal.Head) int { return cmp.Compare(a.Size, b.Size) })
	return nil
}

// seal checks one seal and the leaves it covers.
func (c *logCheck) seal(n int64, w core.Row) error {
	first, last, root, note := w.Int(1), w.Int(2), w.Bytes(3), w.Text(4)
	if w.Int(0) != n || first != c.edge.Size() || last < first {
		c.r.Find("log", "Seal %d covers leaves %d to %d, but seal %d from leaf %d was expected. A seal is missing or was changed.",
			w.Int(0), first, last, n, c.edge.Size())
	}
	if err := c.leaves(w.Int(0), first, last); err != nil {
		return err
	}
	if len(c.nodes) >= nodesAtOnce {
		if err := c.compareNodes(); err != nil {
			return err
		}
	}
	got := c.edge.Root()
	if !slices.Equal(got[:], root) || c.edge.Size() != last+1 {
		c.r.Find("log", "The leaves up to seal %d do not match its root.", w.Int(0))
	}
	h, _, err := c.keys.Head(note)
	switch {
	case err != nil:
		c.r.Find("head", "The head of seal %d is not signed by this database's key: %v.", w.Int(0), err)
	case !h.At.Equal(w.Time(5)) || h.Origin != c.origin || h.Size != last+1 || !slices.Equal(h.Root[:], root) || h.Seal != w.Int(0) || h.Epoch > c.tx.Epoch:
		c.r.Find("head", "The signed head of seal %d does not match the seal.", w.Int(0))
	}
	return nil
}

// leaves appends the leaves of one seal and compares them with the rows to which they belong. A seal that was edited may name any leaves, so only a
// short range is read without a cursor.
func (c *logCheck) leaves(n, first, last int64) error {
	query := c.tx.C.Query
	if first >= 0 && last-first < core.SliceRows {
		query = c.tx.Few
	}
	return query(`SELECT l.pos, l.kind, l.id, l.leaf, COALESCE(j.leaf, a.leaf), COALESCE(j.seal_n, a.seal_n) FROM seal_leaf l
		LEFT JOIN journal j ON l.kind = 'journal' AND j.tenant_id = l.tenant_id AND j.id = l.id
		LEFT JOIN audit a ON l.kind = 'audit' AND a.tenant_id = l.tenant_id AND a.id = l.id
		WHERE l.tenant_id = $1 AND l.pos >= $2 AND l.pos <= $3 ORDER BY l.pos`, func(w core.Row) error {
		kind, leaf, own := w.Text(1), w.Bytes(3), w.Bytes(4)
		switch {
		case w.Int(0) != c.edge.Size():
			c.r.Find("log", "Leaf %d is missing from the log.", c.edge.Size())
		case own == nil:
			c.r.Find("log", "A sealed %s row is gone: %s.", kind, nameOf(kind, w.ID(2)))
		case !slices.Equal(leaf, own):
			c.r.Find("log", "The leaf of %s is not the one that was sealed.", nameOf(kind, w.ID(2)))
		case w.Int(5) != n:
			c.r.Find("log", "%s names seal %d, but it is in seal %d.", nameOf(kind, w.ID(2)), w.Int(5), n)
		}
		c.nodes = append(c.nodes, c.edge.Append([32]byte(core.Pad(leaf)))...)
		for len(c.heads) > 0 && c.heads[0].Size == c.edge.Size() {
			if c.heads[0].Root != c.edge.Root() {
				c.r.Find("log", "The log up to leaf %d is not the one that was signed at seal %d: the past was rewritten.",
					c.edge.Size(), c.heads[0].Seal)
			}
			c.heads = c.heads[1:]
		}
		return nil
	}, c.tx.Tenant, first, last)
}

func nameOf(kind string, i id.ID) string {
	if kind == core.LeafJournal {
		return i.Text(id.Journal)
	}
	return i.Text(id.Audit)
}

// nodesAtOnce is how many inner hashes are compared together, so that their memory does not grow with the log.
const nodesAtOnce = 1 << 12

// compareNodes compares the inner hashes that were computed from leaves with those that are stored.
func (c *logCheck) compareNodes() error {
	if len(c.nodes) == 0 {
		return nil
	}
	at, all := 0, c.nodes
	c.needed, c.nodes = c.needed+int64(len(all)), all[:0]
	return c.tx.C.Query(`SELECT idx, hash FROM seal_hash WHERE tenant_id = $1 AND idx >= $2 AND idx <= $3 ORDER BY idx`, func(w core.Row) error {
		for at < len(all) && all[at].Index < w.Int(0) {
			at++
		}
		if at < len(all) && all[at].Index == w.Int(0) && slices.Equal(all[at].Hash[:], w.Bytes(1)) {
			c.right++
		}
		return nil
	}, c.tx.Tenant, all[0].Index, all[len(all)-1].Index)
}

// stored compares the last inner hashes, and counts those that are stored.
func (c *logCheck) stored() error {
	if err := c.compareNodes(); err != nil {
		return err
	}
	stored, err := c.tx.Number(`SELECT COUNT(*) FROM seal_hash WHERE tenant_id = $1`, c.tx.Tenant)
	if err == nil && (stored != c.needed || c.right != c.needed) {
		c.r.Find("log", "The log needs %d stored inner hashes. It has %d, and %d of them are wrong.", c.needed, stored, stored-c.right)
	}
	return err
}

// waiting checks the marks of rows that wait for their seal.
func (c *logCheck) waiting(kind string) error {
	if c.mark == nil || c.atOnce {
		return nil
	}
	return c.tx.C.Query(`SELECT id, leaf, mark FROM `+kind+` WHERE tenant_id = $1 AND seal_n IS NULL`, func(w core.Row) error {
		if !hmac.Equal(w.Bytes(2), c.mark([32]byte(core.Pad(w.Bytes(1))))) {
			c.r.Find("log", "%s is not in the log and has no valid mark of a server. No server wrote it, or it was changed later.", nameOf(kind, w.ID(0)))
		}
		return nil
	}, c.tx.Tenant)
}

// complete checks that every row is in the log once, or waits for its seal if the engine seals later.
func (c *logCheck) complete() error {
	for _, t := range []struct{ kind, table string }{{core.LeafJournal, "journal"}, {core.LeafAudit, "audit"}} {
		var sealed, rows, unsealed int64
		_, err := c.tx.One(`SELECT COUNT(DISTINCT id) FROM seal_leaf WHERE tenant_id = $1 AND kind = $2`,
			func(w core.Row) error { sealed = w.Int(0); return nil }, c.tx.Tenant, t.kind)
		if err != nil {
			return err
		}
		_, err = c.tx.One(`SELECT COUNT(*), COUNT(*) - COUNT(seal_n) FROM `+t.table+` WHERE tenant_id = $1`,
			func(w core.Row) error { rows, unsealed = w.Int(0), w.Int(1); return nil }, c.tx.Tenant)
		if err != nil {
			return err
		}
		if rows != sealed+unsealed {
			c.r.Find("log", "There are %d sealed %s rows, but the log has %d. Rows were added or removed outside the server.", rows-unsealed, t.table, sealed)
		}
		if unsealed > 0 && c.atOnce {
			c.r.Find("log", "%d %s rows are not in the log. The server seals every row in the commit that writes it, so it did not write these.", unsealed, t.table)
		}
		if err := c.waiting(t.kind); err != nil {
			return err
		}
		c.r.Count("rows waiting for their seal", unsealed)
	}
	total, err := c.tx.Number(`SELECT COUNT(*) FROM seal_leaf WHERE tenant_id = $1`, c.tx.Tenant)
	if total != c.edge.Size() {
		c.r.Find("log", "The log has %d leaves, but its seals cover %d.", total, c.edge.Size())
	}
	return err
}
