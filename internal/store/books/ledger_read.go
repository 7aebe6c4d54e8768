package books

import (
	"bytes"
	"fmt"
	"slices"
	"time"

	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/report"
	"github.com/paywatt/paywatt/internal/store/core"
)

// PostSlack is the longest delay between the posting time of a journal and its writing, because a request can wait in a queue. A journal
// near a moment may thus be in a seal on the other side of that moment. So BalanceAt searches this far before and after the moment.
const PostSlack = 10 * time.Minute

// LedgerAccounts lists accounts with their balances in the order in which they were opened, after the account with the given number. Code
// 0 means all codes.
func (tx Rows) LedgerAccounts(code ledger.Code, after int64, max int) ([]report.Account, error) {
	var out []report.Account
	limited := map[int64]bool{}
	row := func(r core.Row) error {
		a := report.Account{N: r.Int(0), Ref: ledger.AccountRef{Code: ledger.Code(r.Int(1)), Subject: r.Text(2)}, Held: money.Minor(r.Int(5))}
		if limited[a.N] = r.Bool(3); limited[a.N] {
			a.Balance = money.Minor(r.Int(4))
		}
		out = append(out, a)
		return nil
	}
	const columns = `SELECT n, code, subject, limited, balance, held FROM ledger_account WHERE tenant_id = $1`
	var err error
	if code == 0 {
		err = tx.C.Query(columns+` AND n > $2 ORDER BY n LIMIT $3`, row, tx.Tenant, after, max)
	} else {
		err = tx.C.Query(columns+` AND code = $2 AND n > $3 ORDER BY n LIMIT $4`, row, tx.Tenant, code, after, max)
	}
	for i := 0; err == nil && i < len(out); i++ {
		if !limited[out[i].N] {
			out[i].Balance, err = tx.derived(out[i].N)
		}
	}
	return out, fault.Wrap(err, "list ledger accounts")
}

// BalanceAt returns the signed balance of an account with all postings up to a moment. For an account that stores its balance it goes
// back from the present balance. For all others it starts from the last roll-up before the moment.
func (tx Rows) BalanceAt(ref ledger.AccountRef, at time.Time) (money.Minor, error) {
	a, found, err := tx.Account(ref)
	if err != nil || !found {
		return 0, err
	}
	if a.Limit.Limited() {
		later, err := tx.Number(`SELECT SUM(p.amount) FROM posting p JOIN journal j ON j.tenant_id = p.tenant_id AND j.id = p.journal_id
			WHERE p.tenant_id = $1 AND p.account = $2 AND p.journal_id >= $3 AND j.posted_at > $4`+allListed(ref.Code),
			tx.Tenant, a.N, id.First(at.Add(-PostSlack)), at)
		if err != nil {
			return 0, wrapBalance(ref, err)
		}
		late, err := tx.Number(`SELECT SUM(p.amount)`+lateOf+` AND j.posted_at > $4`, tx.Tenant, a.N, id.First(at.Add(-PostSlack)), at)
		return a.Balance - money.Minor(later+late), wrapBalance(ref, err)
	}
	after, before, err := tx.sealAfter(at)
	if err != nil {
		return 0, wrapBalance(ref, err)
	}
	sum, err := tx.Number(`SELECT balance FROM rollup WHERE tenant_id = $1 AND account = $2 AND seal_n < $3 ORDER BY seal_n DESC LIMIT 1`,
		tx.Tenant, a.N, after)
	if err != nil {
		return 0, wrapBalance(ref, err)
	}
	tail, err := tx.Number(`SELECT SUM(CASE WHEN j.posted_at <= $1 AND COALESCE(j.seal_n, $2) >= $2 THEN p.amount
			WHEN j.posted_at > $1 AND COALESCE(j.seal_n, $2) < $2 THEN -p.amount ELSE 0 END)
		FROM posting p JOIN journal j ON j.tenant_id = p.tenant_id AND j.id = p.journal_id
		WHERE p.tenant_id = $3 AND p.account = $4 AND p.journal_id >= $5 AND p.journal_id < $6`,
		at, after, tx.Tenant, a.N, id.First(before.Add(-PostSlack)), id.First(at.Add(PostSlack)))
	if err != nil {
		return 0, wrapBalance(ref, err)
	}
	late, err := tx.Number(`SELECT SUM(p.amount)`+lateOf+` AND j.posted_at > $4 AND j.seal_n < $5`, tx.Tenant, a.N, id.First(before.Add(-PostSlack)), at, after)
	return money.Minor(sum + tail - late), wrapBalance(ref, err)
}

// lateOf are the postings of late journals on an account that are much later in the books than their identities say: somebody closed days
// while the clock was wrong, and then set the clock back. Usually there are none.
const lateOf = ` FROM journal j JOIN posting p ON p.tenant_id = j.tenant_id AND p.journal_id = j.id
	WHERE j.tenant_id = $1 AND j.happened_at IS NOT NULL AND p.account = $2 AND j.id < $3`

// allListed returns the SQL condition that makes a query use the index of postings by account. It is empty for codes whose postings are
// not all in the index ([Listed]); the query then scans all postings of the period.
func allListed(c ledger.Code) string {
	if !ledger.LimitOf(c).Limited() || c == ledger.Carry {
		return ``
	}
	return ` AND listed = 1`
}

func wrapBalance(ref ledger.AccountRef, err error) error {
	return fault.Wrap(err, "balance of account %d %q at a past time", ref.Code, ref.Subject)
}

// sealAfter returns the number of the first seal after a moment, or the last number plus one if there is no such seal. It also returns the
// time of the previous seal, or 1970 if there is no previous seal. Seals are numbered without gaps in the order of time.
func (tx Rows) sealAfter(at time.Time) (int64, time.Time, error) {
	last, err := tx.Number(`SELECT MAX(n) FROM seal WHERE tenant_id = $1`, tx.Tenant)
	if err != nil {
		return 0, time.Time{}, err
	}
	madeAt := func(n int64) (made time.Time, err error) {
		_, err = tx.One(`SELECT at FROM seal WHERE tenant_id = $1 AND n = $2`, func(r core.Row) error { made = r.Time(0); return nil }, tx.Tenant, n)
		return made, err
	}
	low, high, before := int64(1), last+1, time.UnixMicro(0)
	for low < high {
		middle := low + (high-low)/2
		made, err := madeAt(middle)
		if err != nil {
			return 0, time.Time{}, err
		}
		if made.After(at) {
			high = middle
		} else {
			low, before = middle+1, made
		}
	}
	return low, before, nil
}

// Journals lists journals, newest first. It begins after the given journal, or with the newest if it is zero.
func (tx Rows) Journals(f report.JournalFilter, before id.ID, max int) ([]ledger.Journal, error) {
	ids, err := tx.journalIDs(f, core.UpTo(before), max)
	if err != nil {
		return nil, fmt.Errorf("list journals: %w", err)
	}
	out, err := tx.JournalsInOrder(ids)
	return out, fault.Wrap(err, "list journals")
}

// JournalsInOrder reads journals that exist, in the order in which they are named.
func (tx Rows) JournalsInOrder(ids []id.ID) ([]ledger.Journal, error) {
	all, err := tx.JournalsOf(ids)
	if err != nil {
		return nil, err
	}
	out := make([]ledger.Journal, len(ids))
	for n, i := range ids {
		j, found := all[i]
		if !found {
			return nil, fmt.Errorf("%w: journal %s was listed and is missing", core.ErrInvariant, i.Text(id.Journal))
		}
		out[n] = j
	}
	return out, nil
}

// JournalsBetween lists journals that were posted in a period, in the order of their identities, after the given one.
func (tx Rows) JournalsBetween(from, to time.Time, after id.ID, max int) ([]ledger.Journal, error) {
	near := after
	if first := id.First(from.Add(-PostSlack)); bytes.Compare(after[:], first[:]) < 0 {
		near = first
	}
	// A late journal can have an identity of any time, so it is found by the time at which it was posted.
	var ids []id.ID
	// Each part has its own limit, or PostgreSQL sorts all that is left of the period.
	err := tx.C.Query(`SELECT id FROM (SELECT id FROM journal
			WHERE tenant_id = $1 AND id > $2 AND id < $3 AND happened_at IS NULL AND posted_at >= $4 AND posted_at < $5 ORDER BY id LIMIT $6) usual
		UNION ALL SELECT id FROM (SELECT id FROM journal
			WHERE tenant_id = $1 AND happened_at IS NOT NULL AND posted_at >= $4 AND posted_at < $5 AND id > $7 ORDER BY id LIMIT $6) late ORDER BY id LIMIT $6`,
		func(r core.Row) error { ids = append(ids, r.ID(0)); return nil }, tx.Tenant, near[:], id.First(to.Add(PostSlack)), from, to, max, after[:])
	if err != nil {
		return nil, fmt.Errorf("list journals of a period: %w", err)
	}
	out, err := tx.JournalsInOrder(ids)
	return out, fault.Wrap(err, "list journals of a period")
}

func (tx Rows) journalIDs(f report.JournalFilter, before id.ID, max int) ([]id.ID, error) {
	var out []id.ID
	row := func(r core.Row) error { out = append(out, r.ID(0)); return nil }
	switch {
	case f.Account != nil:
		a, found, err := tx.Account(*f.Account)
		if err != nil || !found {
			return nil, err
		}
		return out, tx.C.Query(`SELECT DISTINCT journal_id FROM posting WHERE tenant_id = $1 AND account = $2 AND journal_id < $3`+allListed(a.Ref.Code)+`
			ORDER BY journal_id DESC LIMIT $4`, row, tx.Tenant, a.N, before, max)
	case f.Ref != "":
		for _, k := range ledger.Kinds() {
			for _, own := range [][2]string{{string(k), f.Ref}, {string(ledger.Reversal), ledger.MirrorRef(k, f.Ref)}} {
				if err := tx.C.Query(`SELECT id FROM journal WHERE tenant_id = $1 AND kind = $2 AND ref = $3 AND ref <> '' AND id < $4`,
					row, tx.Tenant, own[0], own[1], before); err != nil {
					return nil, err
				}
			}
		}
		return Newest(out, max), nil
	}
	return out, tx.C.Query(`SELECT id FROM journal WHERE tenant_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3`, row, tx.Tenant, before, max)
}

// Newest returns the newest identities, at most max, newest first.
func Newest(ids []id.ID, max int) []id.ID {
	slices.SortFunc(ids, func(a, b id.ID) int { return bytes.Compare(b[:], a[:]) })
	return ids[:min(len(ids), max)]
}
