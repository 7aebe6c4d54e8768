package books

import (
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/store/core"
)

// JournalsByRef reads several journals of one kind as [Rows.JournalByRef] reads one, by their references.
func (tx Rows) JournalsByRef(k ledger.Kind, refs []string) (map[string]ledger.Journal, error) {
	all, err := readJournals(tx, core.Keyed{Query: journalQuery + `kind = $2 AND ref <> '' AND ref `, Args: []any{string(k)}, Form: 't'}, refs)
	out := make(map[string]ledger.Journal, len(all))
	for _, j := range all {
		if err == nil {
			err = core.PutOnce(out, j.Ref, j)
		}
	}
	return out, fault.Wrap(err, "read journals of the kind %s", k)
}

// JournalsOf reads several journals as [Rows.Journal] reads one.
func (tx Rows) JournalsOf(ids []id.ID) (map[id.ID]ledger.Journal, error) {
	all, err := readJournals(tx, core.Keyed{Query: journalQuery + `id `, Form: 'b'}, ids)
	return all, fault.Wrap(err, "read journals")
}

// JournalIDs finds several journals of one kind by their references.
func (tx Rows) JournalIDs(k ledger.Kind, refs []string) (map[string]id.ID, error) {
	out := make(map[string]id.ID, len(refs))
	err := core.ReadBy(tx.Tx, core.Keyed{Query: `SELECT id, ref FROM journal WHERE tenant_id = $1 AND kind = $2 AND ref <> '' AND ref `,
		Args: []any{string(k)}, Form: 't'}, refs, func(r core.Row) error { return core.PutOnce(out, r.Text(1), r.ID(0)) })
	return out, fault.Wrap(err, "find journals of the kind %s", k)
}

// Mirrors counts the journals that reverse each of several journals.
func (tx Rows) Mirrors(journals []id.ID) (map[id.ID]int64, error) {
	out := map[id.ID]int64{}
	err := core.ReadBy(tx.Tx, core.Keyed{Query: `SELECT reverses FROM journal WHERE tenant_id = $1 AND reverses `, Form: 'b'}, journals,
		func(r core.Row) error { out[r.ID(0)]++; return nil })
	return out, fault.Wrap(err, "count reversing journals")
}

// readJournals reads journals and then their postings.
func readJournals[T comparable](tx Rows, q core.Keyed, keys []T) (map[id.ID]ledger.Journal, error) {
	out, ids := make(map[id.ID]ledger.Journal, len(keys)), make([]id.ID, 0, len(keys))
	err := core.ReadBy(tx.Tx, q, keys, func(r core.Row) error {
		var j ledger.Journal
		if _, err := journalColumns.Scan(r, 0, &j); err != nil {
			return err
		}
		ids = append(ids, j.ID)
		return core.PutOnce(out, j.ID, j)
	})
	if err != nil {
		return nil, err
	}
	return out, core.ReadBy(tx.Tx, core.Keyed{Query: postingsFrom, Form: 'b', Order: postingsOrder}, ids, func(r core.Row) error {
		j := out[r.ID(3)]
		j.Postings = append(j.Postings, posting(r))
		out[j.ID] = j
		return nil
	})
}
