package core

import (
	"crypto/hmac"
	"fmt"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/money"
)

// Collect gathers at most max committed rows that are not sealed yet, journals before audit rows, for [Sealer.Seal]. It marks the rows with
// the number of their seal. It is for an engine that seals in a transaction of its own, after the commits. Rows enter the log in the order
// in which Collect gathers them. This order can differ from the order of their identities, because a row is visible to Collect only after
// its commit. If a row has no mark that was made with the seal key, no server wrote that row. Such a row stays outside the log, where
// verification finds it. tx must be the only transaction that seals. The result is empty if no row waits.
func (s *Sealer) Collect(tx *Tx, max int) (*Fresh, error) {
	l, err := s.open(tx)
	if err != nil {
		return nil, fmt.Errorf("open the log: %w", err)
	}
	f := s.Begin()
	f.n = l.n + 1
	for _, kind := range []string{LeafJournal, LeafAudit} {
		ids, err := tx.unsealed(f, kind, max-len(f.Leaves), s.key.Mark)
		if err != nil {
			return nil, fmt.Errorf("find unsealed rows (%s): %w", kind, err)
		}
		if len(ids) == 0 {
			continue
		}
		if err := tx.collect(f, kind, ids); err != nil {
			return nil, fmt.Errorf("collect unsealed rows (%s): %w", kind, err)
		}
	}
	return f, nil
}

// unsealed adds the leaves of rows that wait for their seal and lists their identities.
func (tx *Tx) unsealed(f *Fresh, kind string, max int, mark func([32]byte) []byte) (ids []id.ID, err error) {
	var after id.ID
	for full := true; full && len(ids) < max; {
		full = false
		rows := 0
		// A kind has the name of its table.
		err = tx.C.Query(`SELECT id, leaf, mark FROM `+kind+` WHERE tenant_id = $1 AND seal_n IS NULL AND id > $2 ORDER BY id LIMIT $3`, func(r Row) error {
			after, rows = r.ID(0), rows+1
			full = rows == collectPage && !after.IsZero()
			if leaf := [32]byte(Pad(r.Bytes(1))); len(ids) < max && hmac.Equal(r.Bytes(2), mark(leaf)) {
				f.Add(kind, after, leaf)
				ids = append(ids, after)
			}
			return nil
		}, tx.Tenant, after[:], collectPage)
		if err != nil {
			return nil, err
		}
	}
	return ids, nil
}

// collectPage is how many waiting rows one statement reads.
const collectPage = 1000

// collect marks rows as sealed and adds up the postings of the journals among them. It finds each row by its identity: the index of unsealed
// rows, which the planner would take for "seal_n IS NULL", has all of them.
func (tx *Tx) collect(f *Fresh, kind string, ids []id.ID) error {
	rows := List{Form: 'b', Values: make([]any, len(ids))}
	for i := range ids {
		rows.Values[i] = ids[i]
	}
	n, err := tx.C.Exec(`UPDATE `+kind+` k SET seal_n = $1 FROM unnest($2::bytea[]) AS given (id)
		WHERE k.tenant_id = $3 AND k.id = given.id AND COALESCE(k.seal_n, 0) = 0`, f.n, rows, tx.Tenant)
	if err != nil {
		return err
	}
	if n != int64(len(ids)) {
		return fmt.Errorf("%w: %d rows were marked as sealed instead of %d", ErrInvariant, n, len(ids))
	}
	if kind != LeafJournal {
		return nil
	}
	return tx.C.Query(`SELECT s.account, a.limited, s.amount
		FROM (SELECT p.account, SUM(p.amount) AS amount FROM unnest($1::bytea[]) AS given (id),
			LATERAL (SELECT account, amount FROM posting WHERE tenant_id = $2 AND journal_id = given.id OFFSET 0) p GROUP BY p.account) s
		JOIN ledger_account a ON a.tenant_id = $2 AND a.n = s.account`, func(r Row) error {
		f.Sum(r.Int(0), r.Bool(1), money.Minor(r.Int(2)))
		return nil
	}, rows, tx.Tenant)
}
