package store

import (
	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/store/books"
	"github.com/paywatt/paywatt/internal/store/core"
)

// stored is a journal as its rows hold it.
type stored struct {
	ledger.Journal
	leaf     []byte
	sum      money.Minor
	complete bool // whether the postings are numbered 0, 1, 2 ... and their accounts exist
	hidden   bool // whether a posting has the wrong value in its column "listed"
}

// verifyJournals recomputes sum and leaf of every journal from its rows.
func (tx *Tx) verifyJournals(r *Report) error {
	var journals, postings int64
	var j stored
	check := func() {
		if j.ID.IsZero() {
			return
		}
		journals++
		postings += int64(len(j.Postings))
		name := j.ID.Text(id.Journal)
		if j.sum != 0 {
			r.Find("journal", "The postings of journal %s (%s %s) sum to %d instead of 0.", name, j.Kind, j.Ref, j.sum)
		}
		if j.hidden {
			r.Find("journal", "A posting of journal %s (%s %s) is missing from the statement of its account, or is listed there by mistake.",
				name, j.Kind, j.Ref)
		}
		if len(j.Postings) < 2 || !j.complete {
			r.Find("journal", "Journal %s (%s %s) lacks a posting, or the account of a posting.", name, j.Kind, j.Ref)
		}
		if leaf := ledger.Leaf(j.Journal); string(leaf[:]) != string(j.leaf) {
			r.Find("leaf", "Journal %s (%s %s) was changed after it was written: its rows do not match its leaf.", name, j.Kind, j.Ref)
		}
	}
	err := tx.C.Query(`SELECT j.id, j.kind, j.ref, j.posted_at, j.reverses, j.memo, j.leaf, p.seq, p.amount, a.code, a.subject, a.n, p.listed, j.happened_at
		FROM journal j
		LEFT JOIN posting p ON p.tenant_id = j.tenant_id AND p.journal_id = j.id
		LEFT JOIN ledger_account a ON a.tenant_id = p.tenant_id AND a.n = p.account
		WHERE j.tenant_id = $1 ORDER BY j.id, p.seq`, func(w core.Row) error {
		if i := w.ID(0); i != j.ID || i.IsZero() {
			check()
			j = stored{leaf: w.Bytes(6), complete: true, Journal: ledger.Journal{ID: i, Kind: ledger.Kind(w.Text(1)), Ref: w.Text(2),
				PostedAt: w.Time(3), Reverses: w.ID(4), Memo: w.Text(5), HappenedAt: w.Time(13)}}
		}
		if w.IsNull(7) {
			return nil
		}
		j.complete = j.complete && w.Int(7) == int64(len(j.Postings)) && !w.IsNull(11)
		j.hidden = j.hidden || w.Bool(12) != books.Listed(j.Kind, ledger.Code(w.Int(9)))
		j.sum += money.Minor(w.Int(8))
		j.Postings = append(j.Postings, ledger.Posting{Amount: money.Minor(w.Int(8)),
			Account: ledger.AccountRef{Code: ledger.Code(w.Int(9)), Subject: w.Text(10)}})
		return nil
	}, tx.Tenant)
	check()
	r.Count("journals", journals)
	r.Count("postings", postings)
	if err != nil {
		return err
	}
	total, err := tx.Number(`SELECT COUNT(*) FROM posting WHERE tenant_id = $1`, tx.Tenant)
	if total != postings {
		r.Find("journal", "%d postings belong to no journal.", total-postings)
	}
	return err
}

// verifyAudit recomputes the leaf of every audit row.
func (tx *Tx) verifyAudit(r *Report) error {
	rows := int64(0)
	var e access.Entry
	err := tx.C.Query(core.AuditQuery, func(w core.Row) error {
		rows++
		if _, err := core.AuditColumns.Scan(w, 3, &e); err != nil {
			return err
		}
		if leaf := core.LeafOfEntry(w.ID(0), e, w.Text(1)); string(leaf[:]) != string(w.Bytes(2)) {
			r.Find("leaf", "Audit row %s (%s of %s) was changed after it was written: its row does not match its leaf.",
				w.ID(0).Text(id.Audit), e.Action, e.Object)
		}
		return nil
	}, tx.Tenant)
	r.Count("audit rows", rows)
	return err
}

// verifyBalances compares stored balances with the postings. An account beyond its limit is only a remark: energy is used before a meter is
// cut off, and a credit line may be withdrawn while it is in use.
func (tx *Tx) verifyBalances(r *Report) error {
	var total money.Minor
	accounts := int64(0)
	err := tx.C.Query(`SELECT a.code, a.subject, a.limited, a.balance, a.held, a.floor, a.ceiling, COALESCE(p.sum, 0)
		FROM ledger_account a
		LEFT JOIN (SELECT account, SUM(amount) AS sum FROM posting WHERE tenant_id = $1 GROUP BY account) p ON p.account = a.n
		WHERE a.tenant_id = $1 ORDER BY a.code, a.subject`, func(w core.Row) error {
		accounts++
		ref := ledger.AccountRef{Code: ledger.Code(w.Int(0)), Subject: w.Text(1)}
		kept, held, derived := w.Int(3), w.Int(4), w.Int(7)
		total += money.Minor(derived)
		limited := w.Bool(2)
		if limited != ledger.LimitOf(ref.Code).Limited() || limited != (!w.IsNull(5) || !w.IsNull(6)) {
			r.Find("balance", "Account %q has gained or lost a limit: it no longer matches the chart of accounts.", ref.Name())
		}
		switch {
		case limited && kept != derived:
			r.Find("balance", "The stored balance of account %q is %d, but its postings sum to %d.", ref.Name(), kept, derived)
		case !limited && kept != 0:
			r.Find("balance", "Account %q must have no stored balance, but its row has %d.", ref.Name(), kept)
		}
		if floor := w.Int(5); !w.IsNull(5) && derived-held < floor {
			r.Remark("limit", "Account %q has a balance of %d with %d held, beyond its limit of %d.", ref.Name(), derived, held, floor)
		}
		if ceiling := w.Int(6); !w.IsNull(6) && derived+held > ceiling {
			r.Remark("limit", "Account %q has a balance of %d with %d held, beyond its limit of %d.", ref.Name(), derived, held, ceiling)
		}
		return nil
	}, tx.Tenant)
	r.Count("accounts", accounts)
	r.Count("sum of all postings", int64(total))
	if total != 0 {
		r.Find("balance", "All postings together sum to %d instead of 0.", total)
	}
	return err
}

// verifyHolds compares the amounts that are held on accounts with the open holds.
func (tx *Tx) verifyHolds(r *Report) error {
	return tx.C.Query(`SELECT a.code, a.subject, a.held, COALESCE(h.sum, 0) FROM ledger_account a
		LEFT JOIN (SELECT account, SUM(amount) AS sum FROM hold WHERE tenant_id = $1 AND status = 'open' GROUP BY account) h
		ON h.account = a.n
		WHERE a.tenant_id = $1 AND a.held <> COALESCE(h.sum, 0)`, func(w core.Row) error {
		r.Find("hold", "Account %q has %d held, but its open holds sum to %d.", ledger.AccountRef{Code: ledger.Code(w.Int(0)), Subject: w.Text(1)}.Name(), w.Int(2), w.Int(3))
		return nil
	}, tx.Tenant)
}

// verifyRollups adds up the postings of sealed journals seal by seal and compares every roll-up with the sum up to its seal.
func (tx *Tx) verifyRollups(r *Report) error {
	rollups, account, running := int64(0), int64(0), int64(0)
	err := tx.C.Query(`SELECT g.account, g.seal_n, g.sum, COALESCE(k.balance, 0) FROM (SELECT p.account, j.seal_n, SUM(p.amount) AS sum FROM journal j
			JOIN posting p ON p.tenant_id = j.tenant_id AND p.journal_id = j.id
			JOIN ledger_account a ON a.tenant_id = p.tenant_id AND a.n = p.account
			WHERE j.tenant_id = $1 AND j.seal_n IS NOT NULL AND a.limited = 0
			GROUP BY p.account, j.seal_n HAVING SUM(p.amount) <> 0) g
		LEFT JOIN rollup k ON k.tenant_id = $1 AND k.account = g.account AND k.seal_n = g.seal_n ORDER BY g.account, g.seal_n`, func(w core.Row) error {
		if rollups++; w.Int(0) != account {
			account, running = w.Int(0), 0
		}
		if running += w.Int(2); w.Int(3) != running {
			r.Find("roll-up", "Account number %d has a balance of %d after seal %d, but its roll-up says %d.", account, running, w.Int(1), w.Int(3))
		}
		return nil
	}, tx.Tenant)
	if err != nil {
		return err
	}
	stored, err := tx.Number(`SELECT COUNT(*) FROM rollup WHERE tenant_id = $1`, tx.Tenant)
	if stored != rollups {
		r.Find("roll-up", "There are %d roll-ups, but the sealed journals need %d.", stored, rollups)
	}
	return err
}
