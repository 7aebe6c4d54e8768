package messages

import (
	"time"

	"github.com/paywatt/paywatt/internal/early"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/store/core"
)

var earlyColumns = core.Columns[early.Answer]{Table: "early_answer", Unattested: []core.Column[early.Answer]{
	core.Text("kind", func(a *early.Answer) *early.Kind { return &a.Kind }),
	core.Text("source", func(a *early.Answer) *string { return &a.Source }),
	core.Text("name", func(a *early.Answer) *string { return &a.Name }),
	core.Bytes("hash", func(a *early.Answer) *[]byte { return &a.Hash }),
	core.Bytes("content", func(a *early.Answer) *[]byte { return &a.Content }),
	core.ID("about", func(a *early.Answer) *id.ID { return &a.About }),
	core.Time("came_at", func(a *early.Answer) *time.Time { return &a.CameAt }),
	core.Time("until", func(a *early.Answer) *time.Time { return &a.Until }),
}}

// earlySource is a source of answers: its row is what others wait for.
type earlySource struct {
	kind   early.Kind
	source string
}

var sourceColumns = core.Columns[earlySource]{Table: "early_source", Unattested: []core.Column[earlySource]{
	core.Text("kind", func(s *earlySource) *early.Kind { return &s.kind }),
	core.Text("source", func(s *earlySource) *string { return &s.source }),
}}

// LockEarly makes every other transaction wait that locks the same source, until this one ends. An engine with one writer needs no row for that.
func (tx Rows) LockEarly(k early.Kind, source string) error {
	lock := tx.C.ForUpdate()
	if lock == "" {
		return nil
	}
	s := earlySource{k, source}
	find := func() (bool, error) {
		return tx.One(`SELECT `+sourceColumns.List("")+` FROM early_source WHERE tenant_id = $1 AND kind = $2 AND source = $3`+lock,
			sourceColumns.To(&s), tx.Tenant, string(k), source)
	}
	found, err := find()
	if err == nil && !found { // the first answer or question of this source
		_, err = tx.C.Exec(`INSERT INTO `+sourceColumns.Into()+` ON CONFLICT DO NOTHING`, sourceColumns.Values(tx.Tenant, &s)...)
		if err == nil {
			_, err = find()
		}
	}
	return fault.Wrap(err, "lock the early answers of %s", source)
}

// AddEarly stores an answer that waits. One that waits already stays as it is.
func (tx Rows) AddEarly(a early.Answer) error {
	_, err := tx.C.Exec(`INSERT INTO `+earlyColumns.Into()+` ON CONFLICT DO NOTHING`, earlyColumns.Values(tx.Tenant, &a)...)
	return fault.Wrap(err, "store an early answer of %s", a.Source)
}

// CountEarly counts the rows of a source, up to a limit.
func (tx Rows) CountEarly(k early.Kind, source string, most int) (int, error) {
	n, err := tx.Number(`SELECT COUNT(*) FROM (SELECT 1 AS one FROM early_answer
		WHERE tenant_id = $1 AND kind = $2 AND source = $3 LIMIT $4) counted`,
		tx.Tenant, string(k), source, most)
	return int(n), fault.Wrap(err, "count the early answers of %s", source)
}

// EarlyNamed lists the answers of a source that name something, in the order in which they came, and locks them.
func (tx Rows) EarlyNamed(k early.Kind, source, name string, max int) ([]early.Answer, error) {
	all, err := earlyColumns.All(tx.C, `tenant_id = $1 AND kind = $2 AND source = $3 AND name = $4 ORDER BY came_at, hash LIMIT $5`+tx.C.ForUpdate(),
		tx.Tenant, string(k), source, name, max)
	return all, fault.Wrap(err, "find early answers of %s", source)
}

// EarlyAbout returns until when the answer that told of a payment waits.
func (tx Rows) EarlyAbout(payment id.ID) (until time.Time, found bool, err error) {
	found, err = tx.One(`SELECT until FROM early_answer WHERE tenant_id = $1 AND about = $2 ORDER BY until DESC LIMIT 1`+tx.C.ForUpdate(),
		func(r core.Row) error { until = r.Time(0); return nil }, tx.Tenant, payment)
	return until, found, fault.Wrap(err, "find the early answer about a payment")
}

// EarlyOver lists answers whose time is over, and locks them.
func (tx Rows) EarlyOver(k early.Kind, now time.Time, max int) ([]early.Answer, error) {
	all, err := earlyColumns.All(tx.C, `tenant_id = $1 AND kind = $2 AND until <= $3 ORDER BY until, source, name, hash LIMIT $4`+tx.C.ForUpdate(),
		tx.Tenant, string(k), now, max)
	return all, fault.Wrap(err, "list early answers whose time is over")
}

// DropEarly ends the waiting of an answer, under all its names.
func (tx Rows) DropEarly(a early.Answer) error {
	_, err := tx.C.Exec(`DELETE FROM early_answer WHERE tenant_id = $1 AND kind = $2 AND source = $3 AND hash = $4`,
		tx.Tenant, string(a.Kind), a.Source, a.Hash)
	return fault.Wrap(err, "drop an early answer of %s", a.Source)
}
