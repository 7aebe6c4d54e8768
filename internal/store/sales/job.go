package sales

import (
	"fmt"
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/store/core"
	"github.com/paywatt/paywatt/internal/store/meters"
	"github.com/paywatt/paywatt/unit"
)

// JobKind is the evidence of jobs.
var JobKind = core.AttestedKind{Name: "job", Noun: "Job", Prefix: id.Job, Order: "r.version", Key: "id",
	From: "token_job r LEFT JOIN units_transfer u ON u.tenant_id = r.tenant_id AND u.job_id = r.id",
	Proof: core.Proof{Columns: "r.ref, r.kind, r.meter, r.meter_key_id, r.new_key_id, r.account_id, r.units_wh, r.value, r.reason_code, r.reason, r.replaces, " +
		"r.by_actor, r.approved_by, r.state, u.id, u.meter, u.account_id, u.units_wh, u.reason_code, u.reason, u.by_actor, u.approved_by",
		Forms: "ttibbbiittb" + "ttt" + "bibitttt"}}

const jobColumns = `j.id, j.ref, j.kind, m.id, m.n, m.number, m.simulated, j.account_id, j.meter_key_id, j.new_key_id, j.units_wh, j.value,
	j.reason_code, j.reason, j.by_actor, j.approved_by, j.state, j.failure, j.created_at, j.completed_at, j.replaces`

const jobTables = ` FROM token_job j JOIN meter m ON m.tenant_id = j.tenant_id AND m.n = j.meter`

func wrapJob(what string, err error) error {
	if err != nil {
		return fmt.Errorf("%s job: %w", what, err)
	}
	return nil
}

// AddJob keeps a job with its reserved tokens. Units that leave without money get a record
// of their own.
func (tx Rows) AddJob(j sale.Job) error {
	_, err := tx.C.Exec(`INSERT INTO token_job (tenant_id, id, ref, kind, meter, meter_key_id, new_key_id, account_id, units_wh, value,
		reason_code, reason, by_actor, approved_by, state, created_at, replaces)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)`, tx.Tenant, j.ID, j.Ref, string(j.Kind), j.Meter.N, j.Key,
		j.NewKey, j.Account, j.Units, j.Value, j.ReasonCode, j.Reason, j.By, j.ApprovedBy, string(j.State), j.CreatedAt, j.Replaces)
	if err != nil {
		return wrapJob("keep", err)
	}
	for _, t := range j.Tokens {
		if err := tx.reserveJobToken(j, t); err != nil {
			return wrapJob("reserve a token of a", err)
		}
	}
	if j.Units == 0 {
		return tx.Attest("job", j.ID)
	}
	i, err := tx.NewID()
	if err != nil {
		return err
	}
	_, err = tx.C.Exec(`INSERT INTO units_transfer (tenant_id, id, job_id, meter, account_id, units_wh, reason_code, reason, by_actor, approved_by, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`, tx.Tenant, i, j.ID, j.Meter.N, j.Account, j.Units, j.ReasonCode, j.Reason, j.By,
		j.ApprovedBy, j.CreatedAt)
	if err == nil {
		err = tx.Attest("job", j.ID)
	}
	return wrapJob("record the units of a", err)
}

// reserveJobToken takes a TID where the token carries one; a section of a key change does not.
func (tx Rows) reserveJobToken(j sale.Job, t sale.Token) error {
	var tid any
	if j.Kind != sale.KeyChange {
		tid = int64(t.TID)
	}
	insert := func() error {
		_, err := tx.C.Exec(`INSERT INTO token (tenant_id, id, job_id, meter, meter_key_id, tid, base_date, class, subclass, rnd, units_wh, state,
			issued_at, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)`, tx.Tenant, t.ID, j.ID, j.Meter.N, j.Key, tid,
			t.BaseDate, t.Class, t.SubClass, t.RND, t.Units, string(t.State), t.IssuedAt, tx.Now)
		return err
	}
	tx.Issued(t.ID)
	if tid == nil {
		return insert()
	}
	return meters.Of(tx.Tx).WithTID(j.Key, t.TID, insert)
}

// EndJob completes or fails a held job.
func (tx Rows) EndJob(j sale.Job, digitHashes [][]byte) error {
	return tx.Rewrite("job", j.ID, func() error { return tx.endJob(j, digitHashes) })
}

func (tx Rows) endJob(j sale.Job, digitHashes [][]byte) error {
	err := tx.Must(`UPDATE token_job SET state = $1, failure = $2, completed_at = $3, version = version + 1
		WHERE tenant_id = $4 AND id = $5 AND state = 'held'`, string(j.State), string(j.Failure), j.CompletedAt, tx.Tenant, j.ID)
	if err != nil {
		return wrapJob("end", err)
	}
	if j.State == sale.Failed {
		if _, err = tx.C.Exec(`UPDATE token SET state = 'failed', version = version + 1 WHERE tenant_id = $1 AND job_id = $2`, tx.Tenant, j.ID); err == nil {
			_, err = tx.C.Exec(`DELETE FROM units_transfer WHERE tenant_id = $1 AND job_id = $2`, tx.Tenant, j.ID)
		}
		if err == nil {
			_, err = tx.C.Exec(`UPDATE token_job SET new_key_id = NULL WHERE tenant_id = $1 AND id = $2`, tx.Tenant, j.ID)
		}
		return wrapJob("fail", err)
	}
	for i, t := range j.Tokens {
		err := tx.Must(`UPDATE token SET digits_enc = $1, digits_hash = $2, state = $3, version = version + 1
			WHERE tenant_id = $4 AND id = $5 AND state = 'reserved'`, []byte(t.Sealed), digitHashes[i], string(t.State), tx.Tenant, t.ID)
		if err != nil {
			return wrapJob("store a token of a", err)
		}
		if err := tx.Attest("token", t.ID); err != nil {
			return wrapJob("store a token of a", err)
		}
	}
	return nil
}

// JobByID reads a job with its tokens, in the order in which they are entered.
func (tx Rows) JobByID(job id.ID) (sale.Job, bool, error) { return tx.jobWhere(`j.id = $2`, job) }

// JobByRef reads the job of a request.
func (tx Rows) JobByRef(ref string) (sale.Job, bool, error) { return tx.jobWhere(`j.ref = $2`, ref) }

// JobOfKey is the completed key change that gives a meter this key, while the meter has not confirmed it.
func (tx Rows) JobOfKey(newKey id.ID) (sale.Job, bool, error) {
	return tx.jobWhere(`j.new_key_id = $2 AND j.state = 'completed' AND EXISTS (SELECT 1 FROM meter_key k
		WHERE k.tenant_id = j.tenant_id AND k.id = j.new_key_id AND k.state = 'issued')`, newKey)
}

func (tx Rows) jobWhere(condition string, arg any) (sale.Job, bool, error) {
	var j sale.Job
	found, err := tx.One(`SELECT `+jobColumns+jobTables+` WHERE j.tenant_id = $1 AND `+condition, func(r core.Row) error {
		j = sale.Job{ID: r.ID(0), Ref: r.Text(1), Kind: sale.JobKind(r.Text(2)),
			Meter:   sale.MeterRef{ID: r.ID(3), N: r.Int(4), Number: r.Text(5), Simulated: r.Bool(6)},
			Account: r.ID(7), Key: r.ID(8), NewKey: r.ID(9), Units: unit.Energy(r.Int(10)), Value: r.Int(11), ReasonCode: r.Text(12),
			Reason: r.Text(13), By: r.Text(14), ApprovedBy: r.Text(15), State: sale.State(r.Text(16)), Failure: refusal.Code(r.Text(17)),
			CreatedAt: r.Time(18)}
		if !r.IsNull(19) {
			j.CompletedAt = r.Time(19)
		}
		j.Replaces = r.ID(20)
		return nil
	}, tx.Tenant, arg)
	if err != nil || !found {
		return sale.Job{}, false, wrapJob("read", err)
	}
	err = tx.C.Query(`SELECT `+tokenColumns+` FROM token WHERE tenant_id = $1 AND job_id = $2 ORDER BY tid, subclass`, func(r core.Row) error {
		j.Tokens = append(j.Tokens, scanToken(r))
		return nil
	}, tx.Tenant, j.ID)
	return j, err == nil, wrapJob("read the tokens of a", err)
}

// JobsHeld lists jobs that their issuer has not answered.
func (tx Rows) JobsHeld(before time.Time, after id.ID, max int) ([]id.ID, error) {
	var out []id.ID
	err := tx.C.Query(`SELECT id FROM token_job WHERE tenant_id = $1 AND state = 'held' AND created_at < $2 AND id > $3 ORDER BY id LIMIT $4`,
		func(r core.Row) error { out = append(out, r.ID(0)); return nil }, tx.Tenant, before, after[:], max)
	return out, wrapJob("list held", err)
}

// UnitsSince is how much was given away under some names from a moment on.
func (tx Rows) UnitsSince(by []string, from time.Time) (unit.Energy, error) {
	var total unit.Energy
	for _, name := range by {
		n, err := tx.Number(`SELECT SUM(units_wh) FROM units_transfer WHERE tenant_id = $1 AND by_actor = $2 AND created_at >= $3`, tx.Tenant, name, from)
		if err != nil {
			return 0, wrapJob("sum the units of a", err)
		}
		total += unit.Energy(n)
	}
	return total, nil
}

// MeterKeyTurn moves a meter key from one state to another.
func (tx Rows) MeterKeyTurn(key id.ID, from, to string) error {
	return wrapJob("turn the key of a", tx.Rewrite("key", key, func() error {
		return tx.Must(`UPDATE meter_key SET state = $1, version = version + 1 WHERE tenant_id = $2 AND id = $3 AND state = $4`, to, tx.Tenant, key, from)
	}))
}

// ConfirmKey notes that a meter holds a key whose change tokens were out: the key it had before is past. It is told so
// by the last section of the set, or by any token that only the new key opens.
func (tx Rows) ConfirmKey(token id.ID) error {
	var meter int64
	var next id.ID
	_, err := tx.One(`SELECT k.meter, k.id FROM token t
		LEFT JOIN token_job j ON j.tenant_id = t.tenant_id AND j.id = t.job_id
		JOIN meter_key k ON k.tenant_id = t.tenant_id AND k.id = COALESCE(j.new_key_id, t.meter_key_id) AND k.state = 'issued'
		WHERE t.tenant_id = $1 AND t.id = $2`, func(r core.Row) error { meter, next = r.Int(0), r.ID(1); return nil }, tx.Tenant, token)
	if err != nil || next.IsZero() {
		return wrapJob("confirm the key of a", err)
	}
	var current id.ID
	_, err = tx.One(`SELECT id FROM meter_key WHERE tenant_id = $1 AND meter = $2 AND state = 'current'`,
		func(r core.Row) error { current = r.ID(0); return nil }, tx.Tenant, meter)
	if err != nil {
		return wrapJob("confirm the key of a", err)
	}
	if !current.IsZero() {
		if err := tx.MeterKeyTurn(current, "current", "past"); err != nil {
			return err
		}
	}
	return tx.MeterKeyTurn(next, "issued", "current")
}
