package store

import (
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/store/core"
)

// sliceRows is how many rows a verification compares together. It reads what belongs to them by lists, because on PostgreSQL every statement
// costs a round trip. A slice of sales takes about 2 MB.
const sliceRows = 500

// inSlices runs a query and calls check with each sliceRows of its rows, in order.
func inSlices[T any](tx *Tx, query string, scan func(core.Row) T, check func([]T) error, args ...any) error {
	slice := make([]T, 0, sliceRows)
	err := tx.C.Query(query, func(w core.Row) error {
		if slice = append(slice, scan(w)); len(slice) < sliceRows {
			return nil
		}
		err := check(slice)
		slice = slice[:0]
		return err
	}, args...)
	if err == nil && len(slice) > 0 {
		err = check(slice)
	}
	return err
}

// soldRows are the rows that belong to a slice of sales.
type soldRows struct {
	sales     map[id.ID]sale.Sale
	keys      map[id.ID]registry.Key
	hashes    map[id.ID][]byte // of their orders
	reversals map[id.ID]string // states of reversals that were not refused, by sale
	journals  map[ledger.Kind]map[string]ledger.Journal
	mirrors   map[id.ID]int64 // number of journals that reverse a journal of commission
}

// readSold reads sales with the rows that belong to them.
func (tx *Tx) readSold(ids []id.ID) (b soldRows, err error) {
	if b.sales, err = tx.VendSales(ids); err != nil {
		return b, err
	}
	var keys []id.ID
	refs := map[ledger.Kind][]string{}
	for i, s := range b.sales {
		if !s.Key.IsZero() {
			keys = append(keys, s.Key)
		}
		refs[s.Journal()] = append(refs[s.Journal()], i.Text(id.Vend))
		if !s.Vendor.IsZero() {
			refs[ledger.Commission] = append(refs[ledger.Commission], i.Text(id.Vend))
		}
	}
	if b.keys, err = tx.VendKeys(keys); err != nil {
		return b, err
	}
	b.hashes, b.reversals = make(map[id.ID][]byte, len(ids)), map[id.ID]string{}
	err = core.ReadBy(tx.Tx, core.Keyed{Query: `SELECT id, order_hash FROM vend WHERE tenant_id = $1 AND id `, Form: 'b'}, ids,
		func(w core.Row) error { b.hashes[w.ID(0)] = w.Bytes(1); return nil })
	if err != nil {
		return b, err
	}
	err = core.ReadBy(tx.Tx, core.Keyed{Query: `SELECT vend_id, state FROM reversal WHERE tenant_id = $1 AND state <> 'refused' AND vend_id `, Form: 'b'}, ids,
		func(w core.Row) error { return core.PutOnce(b.reversals, w.ID(0), w.Text(1)) })
	if err != nil {
		return b, err
	}
	return b, tx.readBooked(&b, refs)
}

// readBooked reads the journals of sales, by their references.
func (tx *Tx) readBooked(b *soldRows, refs map[ledger.Kind][]string) (err error) {
	b.journals = make(map[ledger.Kind]map[string]ledger.Journal, len(refs))
	for kind, refs := range refs {
		if b.journals[kind], err = tx.JournalsByRef(kind, refs); err != nil {
			return err
		}
	}
	var earned []id.ID
	for _, j := range b.journals[ledger.Commission] {
		earned = append(earned, j.ID)
	}
	b.mirrors, err = tx.Mirrors(earned)
	return err
}
