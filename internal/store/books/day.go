package books

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/dayclose"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/store/core"
	"github.com/paywatt/paywatt/internal/store/people"
	"github.com/paywatt/paywatt/internal/voucher"
)

// dayRow is a row of closed_day.
type dayRow = dayclose.Closed

// jsonColumn is a column with a value as JSON.
func jsonColumn[V any](name string, field func(*dayRow) *V) core.Column[dayRow] {
	return core.Column[dayRow]{Name: name, Form: 't',
		Read: func(d *dayRow, r core.Row, col int) error { return json.Unmarshal([]byte(r.Text(col)), field(d)) },
		Write: func(d *dayRow) any {
			b, err := json.Marshal(*field(d))
			if err != nil {
				panic(fmt.Sprintf("encode column %s: %v", name, err)) // cannot happen: numbers, texts and times
			}
			return string(b)
		}}
}

var dayColumns = core.Columns[dayRow]{Table: "closed_day", Attested: []core.Column[dayRow]{
	core.Text("date", func(d *dayRow) *string { return &d.Date }),
	core.Text("zone", func(d *dayRow) *string { return &d.Zone }),
	core.Time("from_at", func(d *dayRow) *time.Time { return &d.From }),
	core.Time("to_at", func(d *dayRow) *time.Time { return &d.To }),
	core.Text("currency", func(d *dayRow) *string { return &d.Currency }),
	jsonColumn("figures", func(d *dayRow) *dayclose.Figures { return &d.Figures }),
	jsonColumn("pending", func(d *dayRow) *[]dayclose.Pending { return &d.Pending }),
	core.Time("closed_at", func(d *dayRow) *time.Time { return &d.ClosedAt }),
	core.Text("closed_by", func(d *dayRow) *string { return &d.ClosedBy }),
	core.Text("note", func(d *dayRow) *string { return &d.Note }),
	core.Int("epoch", func(d *dayRow) *int64 { return &d.Epoch }),
	core.Int("seal_n", func(d *dayRow) *int64 { return &d.Seal }),
	core.Text("head", func(d *dayRow) *string { return &d.Head }),
}, Unattested: []core.Column[dayRow]{
	core.ID("id", func(d *dayRow) *id.ID { return &d.ID }),
}}

const dayKind = "closed_day"

// DayKind describes the evidence of closed days. Their rows never change.
var DayKind = core.AttestedKind{Name: dayKind, Noun: "Closed day", Prefix: id.Day, From: "closed_day r", Key: "id", Order: "0", Proof: dayColumns.Proof("r")}

var dayQuery = `SELECT ` + dayColumns.List("") + ` FROM closed_day WHERE tenant_id = $1`

// LockDays waits for every transaction that posts a journal, and keeps others from posting until this transaction ends. With one writer
// there are no others.
func (tx Rows) LockDays() error {
	if tx.C.ForUpdate() == "" {
		return nil
	}
	_, err := tx.C.Exec(`LOCK TABLE posting IN SHARE ROW EXCLUSIVE MODE`)
	return fault.Wrap(err, "keep the books")
}

// LastDay returns the newest closed day.
func (tx Rows) LastDay() (d dayclose.Closed, found bool, err error) {
	found, err = tx.One(dayQuery+` ORDER BY to_at DESC LIMIT 1`, dayColumns.To(&d), tx.Tenant)
	return d, found, fault.Wrap(err, "find the last closed day")
}

// DayDated finds the closed day of a date.
func (tx Rows) DayDated(date string) (d dayclose.Closed, found bool, err error) {
	found, err = tx.One(dayQuery+` AND date = $2`, dayColumns.To(&d), tx.Tenant, date)
	return d, found, fault.Wrap(err, "find a closed day")
}

// DayPage lists closed days, newest first, closed before the given one or from the newest on.
func (tx Rows) DayPage(before id.ID, max int) (out []dayclose.Closed, err error) {
	err = tx.C.Query(dayQuery+` AND id < $2 ORDER BY id DESC LIMIT $3`, dayColumns.AddTo(&out), tx.Tenant, core.UpTo(before), max)
	return out, fault.Wrap(err, "list closed days")
}

// AddDay stores a closed day.
func (tx Rows) AddDay(d dayclose.Closed) error {
	if d.Pending == nil {
		d.Pending = []dayclose.Pending{}
	}
	if _, err := tx.C.Exec(`INSERT INTO `+dayColumns.Into(), dayColumns.Values(tx.Tenant, &d)...); err != nil {
		return fmt.Errorf("store a closed day: %w", err)
	}
	tx.ClosedUpTo(d.To)
	return tx.Attest(dayKind, d.ID)
}

// FirstJournal returns the time of the first journal; zero if there is none.
func (tx Rows) FirstJournal() (at time.Time, err error) {
	_, err = tx.One(`SELECT posted_at FROM journal WHERE tenant_id = $1 ORDER BY id LIMIT 1`, func(r core.Row) error { at = r.Time(0); return nil }, tx.Tenant)
	return at, fault.Wrap(err, "find the first journal")
}

// withoutShift is the query for the cash sales of a period that belong to no shift, by seller. The index vend_without_shift answers it.
const withoutShift = `SELECT by_actor, COUNT(*), SUM(tender), SUM(CASE WHEN state = 'reversed' THEN tender ELSE 0 END) FROM vend
	WHERE tenant_id = $1 AND completed_at >= $2 AND completed_at < $3 AND ` + people.SoldByPeople + ` AND shift_id IS NULL
		AND tender > 0 AND state IN ('completed', 'reversing', 'reversed') GROUP BY by_actor`

// SoldWithoutShift adds up the cash of a period that came in for sales and vouchers outside any shift, by seller.
func (tx Rows) SoldWithoutShift(from, to time.Time, max int) ([]dayclose.CashSeller, error) {
	all := map[string]dayclose.CashSeller{}
	err := tx.C.Query(withoutShift, func(r core.Row) error {
		all[r.Text(0)] = dayclose.CashSeller{Seller: r.Text(0), Sales: r.Int(1), Sold: money.Minor(r.Int(2)), Reversed: money.Minor(r.Int(3))}
		return nil
	}, tx.Tenant, from, to)
	if err != nil {
		return nil, fault.Wrap(err, "add up what was sold without a shift")
	}
	err = tx.C.Query(`SELECT actor, after FROM audit WHERE tenant_id = $1 AND action = '`+voucher.SoldAction+`' AND at >= $2 AND at < $3`, func(r core.Row) error {
		amount, is, err := voucher.CashOutsideShift(r.Text(1))
		if is {
			s := all[r.Text(0)]
			s.Seller, s.Sales, s.Sold = r.Text(0), s.Sales+1, s.Sold+amount
			all[s.Seller] = s
		}
		return err
	}, tx.Tenant, from, to)
	out := slices.SortedFunc(maps.Values(all), func(a, b dayclose.CashSeller) int {
		return cmp.Or(cmp.Compare(b.Sold, a.Sold), cmp.Compare(a.Seller, b.Seller))
	})
	return out[:min(max, len(out))], fault.Wrap(err, "add up what vouchers brought in without a shift")
}

// Turnover adds up the journals that were posted in a period. A zero start is the beginning of the books.
func (tx Rows) Turnover(from, to time.Time) (kinds []dayclose.Kind, sides []dayclose.Side, err error) {
	first := id.ID{}
	if !from.IsZero() {
		first = id.First(from.Add(-PostSlack))
	}
	// A late journal can have an identity of any time, so it is found by the time at which it was posted.
	const of = ` FROM (SELECT id, kind FROM journal WHERE tenant_id = $1 AND id >= $2 AND id < $3 AND happened_at IS NULL AND posted_at >= $4 AND posted_at < $5
		UNION ALL SELECT id, kind FROM journal WHERE tenant_id = $1 AND happened_at IS NOT NULL AND posted_at >= $4 AND posted_at < $5) j
		JOIN posting p ON p.tenant_id = $1 AND p.journal_id = j.id`
	args := []any{tx.Tenant, first, id.First(to.Add(PostSlack)), from.UnixMicro(), to}
	if from.IsZero() {
		args[1], args[3] = first[:], int64(0)
	}
	err = tx.C.Query(`SELECT j.kind, COUNT(DISTINCT j.id), SUM(CASE WHEN p.amount > 0 THEN p.amount ELSE 0 END)`+of+` GROUP BY j.kind`, func(r core.Row) error {
		kinds = append(kinds, dayclose.Kind{Kind: ledger.Kind(r.Text(0)), Journals: r.Int(1), Debits: money.Minor(r.Int(2))})
		return nil
	}, args...)
	if err != nil {
		return nil, nil, fault.Wrap(err, "count the journals of a day")
	}
	sums := map[dayclose.Side]*dayclose.Side{}
	err = tx.C.Query(`SELECT a.code, a.subject, j.kind, CASE WHEN p.amount > 0 THEN 1 ELSE 0 END, COUNT(*), SUM(p.amount)`+of+`
		JOIN ledger_account a ON a.tenant_id = $1 AND a.n = p.account GROUP BY 1, 2, 3, 4`, func(r core.Row) error {
		key := dayclose.Side{Account: dayclose.Grouped(ledger.AccountRef{Code: ledger.Code(r.Int(0)), Subject: r.Text(1)}), Kind: ledger.Kind(r.Text(2)), Lines: r.Int(3)}
		if sums[key] == nil {
			sums[key] = &dayclose.Side{Account: key.Account, Kind: key.Kind}
		}
		sums[key].Lines, sums[key].Amount = sums[key].Lines+r.Int(4), sums[key].Amount+money.Minor(r.Int(5))
		return nil
	}, args...)
	for _, s := range sums {
		sides = append(sides, *s)
	}
	return kinds, sides, fault.Wrap(err, "add up a day")
}

// pendings are the queries for what was begun before the end of a day and is still open: an identity, what people call it, and since when.
var pendings = []struct {
	kind   dayclose.PendingKind
	prefix string
	sql    string
}{
	{dayclose.OpenShift, id.Shift, `SELECT id, till, opened_at FROM shift WHERE tenant_id = $1 AND closed_at IS NULL AND opened_at < $2`},
	{dayclose.Unfinished, id.Vend, `SELECT v.id, m.number, v.priced_at FROM vend v JOIN meter m ON m.tenant_id = v.tenant_id AND m.n = v.meter
		WHERE v.tenant_id = $1 AND (v.state = 'priced' OR v.state = 'held' OR v.state = 'issued') AND v.priced_at < $2`},
	{dayclose.Reversing, id.Vend, `SELECT v.id, m.number, r.created_at FROM reversal r JOIN vend v ON v.tenant_id = r.tenant_id AND v.id = r.vend_id
		JOIN meter m ON m.tenant_id = v.tenant_id AND m.n = v.meter WHERE r.tenant_id = $1 AND r.state = 'waiting' AND r.created_at < $2`},
	{dayclose.Doubtful, id.Held, `SELECT q.id, m.number, q.received_at FROM quarantine q JOIN meter m ON m.tenant_id = q.tenant_id AND m.n = q.meter
		WHERE q.tenant_id = $1 AND q.state = 'open' AND q.received_at < $2`},
}

// PendingAt lists what was begun before the end of a day and is still open, at most max of each kind. Reversals that no meter has
// confirmed, and restores, are those of the day itself.
func (tx Rows) PendingAt(from, to time.Time, max int) (out []dayclose.Pending, err error) {
	add := func(kind dayclose.PendingKind, prefix, sql string, args ...any) {
		if err != nil {
			return
		}
		err = tx.C.Query(sql, func(r core.Row) error {
			out = append(out, dayclose.Pending{Kind: kind, ID: r.ID(0).Text(prefix), Title: r.Text(1), Since: r.Time(2)})
			return nil
		}, args...)
	}
	for _, p := range pendings {
		add(p.kind, p.prefix, p.sql+` ORDER BY 1 LIMIT $3`, tx.Tenant, to, max)
	}
	add(dayclose.Unconfirmed, id.Vend, `SELECT v.id, m.number, r.settled_at FROM reversal r JOIN vend v ON v.tenant_id = r.tenant_id AND v.id = r.vend_id
		JOIN meter m ON m.tenant_id = v.tenant_id AND m.n = v.meter
		WHERE r.tenant_id = $1 AND r.state = 'done' AND r.confirmed = 0 AND r.settled_at >= $2 AND r.settled_at < $3 ORDER BY 1 LIMIT $4`, tx.Tenant, from, to, max)
	add(dayclose.Waiting, id.Approval, `SELECT id, act, created_at FROM approval WHERE tenant_id = $1 AND state = $2 AND created_at >= $3 AND created_at < $4 ORDER BY 1 LIMIT $5`,
		tx.Tenant, string(access.ApprovalWaiting), tx.Now.Add(-access.ApprovalLife), to, max)
	if err != nil {
		return nil, fault.Wrap(err, "find what is open at the end of a day")
	}
	lost, err := tx.Lost()
	for _, span := range lost {
		if span[0].Before(to) && from.Before(span[1]) {
			out = append(out, dayclose.Pending{Kind: dayclose.Restored, Since: span[0]})
		}
	}
	return out, err
}

// NewestSeal returns the number of the newest seal and its signed head.
func (tx Rows) NewestSeal() (n int64, head string, err error) {
	_, err = tx.One(`SELECT n, head FROM seal WHERE tenant_id = $1 ORDER BY n DESC LIMIT 1`, func(r core.Row) error { n, head = r.Int(0), r.Text(1); return nil }, tx.Tenant)
	return n, head, fault.Wrap(err, "read the newest head")
}
