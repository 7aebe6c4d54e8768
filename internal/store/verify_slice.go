package store

import (
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/store/core"
)

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
