package postgres

import (
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"
)

// batchResult is the result of one of several statements.
type batchResult struct {
	rows rows
	n    int64 // number of rows changed or read
}

// pipe sends statements in one message and reads all results. The first error ends the transaction, and no later statement runs. After
// openNext, the message begins the transaction as well.
func (c *conn) pipe(all []bound) ([]batchResult, error) {
	k := c.opening
	if k == nil {
		return c.exchange(all)
	}
	var first []bound
	for _, sql := range openTogether() {
		b, err := c.bound(sql, nil)
		if err != nil {
			return nil, err
		}
		first = append(first, b)
	}
	c.opening = nil
	before := k.own()
	results, err := c.exchange(append(first, all...))
	if err != nil {
		return nil, err
	}
	c.heard(k, before, results[openedClock].rows)
	return results[len(first):], nil
}

// exchange sends statements in one message and reads all results.
func (c *conn) exchange(all []bound) ([]batchResult, error) {
	if c.fault != nil {
		return nil, c.fault
	}
	c.waited++
	p := c.pg.StartPipeline(c.ctx)
	for _, b := range all {
		p.SendQueryStatement(b.statement, b.values, b.formats, nil)
	}
	err := p.Sync()
	out := make([]batchResult, len(all))
	for i := 0; err == nil && i < len(all); i++ {
		var got any
		if got, err = p.GetResults(); err != nil {
			err = fmt.Errorf("%s: %w", firstLine(all[i].sql), err)
			break
		}
		r, ok := got.(*pgconn.ResultReader)
		if !ok {
			err = fmt.Errorf("%s: no result, but %T", firstLine(all[i].sql), got)
			break
		}
		for r.NextRow() {
			out[i].rows.add(r.Values())
		}
		tag, fail := r.Close()
		if out[i].n = tag.RowsAffected(); fail != nil {
			err = fmt.Errorf("%s: %w", firstLine(all[i].sql), fail)
		}
	}
	if e := p.Close(); err == nil && e != nil {
		err = e
	}
	if err != nil {
		return nil, c.judge(err)
	}
	return out, nil
}
