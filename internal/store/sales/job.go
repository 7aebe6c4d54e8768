package sales

import (
	"time"

	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/store/core"
	"github.com/paywatt/paywatt/internal/store/meters"
	"github.com/paywatt/paywatt/unit"
)

// jobRow is a row of token_job, and of units_transfer.
type jobRow = sale.Job

var jobColumns = core.Columns[jobRow]{Table: "token_job", Attested: []core.Column[jobRow]{
	core.Text("ref", func(j *jobRow) *string { return &j.Ref }),
	core.Text("kind", func(j *jobRow) *sale.JobKind { return &j.Kind }),
	core.Int("meter", func(j *jobRow) *int64 { return &j.Meter.N }),
	core.ID("meter_key_id", func(j *jobRow) *id.ID { return &j.Key }),
	core.ID("new_key_id", func(j *jobRow) *id.ID { return &j.NewKey }),
	core.ID("account_id", func(j *jobRow) *id.ID { return &j.Account }),
	core.Int("units_wh", func(j *jobRow) *unit.Energy { return &j.Units }),
	core.Int("value", func(j *jobRow) *int64 { return &j.Value }),
	core.Text("reason_code", func(j *jobRow) *string { return &j.ReasonCode }),
	core.Text("reason", func(j *jobRow) *string { return &j.Reason }),
	core.ID("replaces", func(j *jobRow) *id.ID { return &j.Replaces }),
	core.Text("by_actor", func(j *jobRow) *string { return &j.By }),
	core.Text("approved_by", func(j *jobRow) *string { return &j.ApprovedBy }),
	core.Text("state", func(j *jobRow) *sale.State { return &j.State }),
}, Unattested: []core.Column[jobRow]{
	core.ID("id", func(j *jobRow) *id.ID { return &j.ID }),
	core.Text("failure", func(j *jobRow) *refusal.Code { return &j.Failure }).ReadOnly(),
	core.Time("created_at", func(j *jobRow) *time.Time { return &j.CreatedAt }),
	core.Time("completed_at", func(j *jobRow) *time.Time { return &j.CompletedAt }).ReadOnly(),
	{Name: "version", Form: 'i'},
}}

// transferColumns are the columns of units that were given away without a payment. They are attested with their job.
var transferColumns = core.Columns[jobRow]{Table: "units_transfer", Attested: []core.Column[jobRow]{
	{Name: "id", Form: 'b'},
	core.Int("meter", func(j *jobRow) *int64 { return &j.Meter.N }),
	core.ID("account_id", func(j *jobRow) *id.ID { return &j.Account }),
	core.Int("units_wh", func(j *jobRow) *unit.Energy { return &j.Units }),
	core.Text("reason_code", func(j *jobRow) *string { return &j.ReasonCode }),
	core.Text("reason", func(j *jobRow) *string { return &j.Reason }),
	core.Text("by_actor", func(j *jobRow) *string { return &j.By }),
	core.Text("approved_by", func(j *jobRow) *string { return &j.ApprovedBy }),
}, Unattested: []core.Column[jobRow]{
	core.ID("job_id", func(j *jobRow) *id.ID { return &j.ID }),
	core.Time("created_at", func(j *jobRow) *time.Time { return &j.CreatedAt }),
}}

// JobKind describes the evidence of jobs and of the units that they give away.
var JobKind = core.AttestedKind{Name: "job", Noun: "Job", Prefix: id.Job, Order: "r.version", Key: "id",
	From:  "token_job r LEFT JOIN units_transfer u ON u.tenant_id = r.tenant_id AND u.job_id = r.id",
	Proof: jobColumns.Proof("r").And(transferColumns.Proof("u"))}

const jobTables = ` FROM token_job j JOIN meter m ON m.tenant_id = j.tenant_id AND m.n = j.meter`

// AddJob stores a job with its reserved tokens. Units that are given away without a payment get a separate row.
func (tx Rows) AddJob(j sale.Job) error {
	_, err := tx.C.Exec(`INSERT INTO `+jobColumns.Into(), jobColumns.Values(tx.Tenant, &j)...)
	if err != nil {
		return fault.Wrap(err, "store job")
	}
	for _, t := range j.Tokens {
		if err := tx.reserveJobToken(j, t); err != nil {
			return fault.Wrap(err, "reserve a token of a job")
		}
	}
	if j.Units == 0 {
		return tx.Attest("job", j.ID)
	}
	i, err := tx.NewID()
	if err != nil {
		return err
	}
	_, err = tx.C.Exec(`INSERT INTO `+transferColumns.Into("id"), transferColumns.Values(tx.Tenant, &j, i)...)
	if err == nil {
		err = tx.Attest("job", j.ID)
	}
	return fault.Wrap(err, "record the units of a job")
}

// reserveJobToken inserts a reserved token and takes its TID, if it has one. The tokens of a key change have no TID.
func (tx Rows) reserveJobToken(j sale.Job, t sale.Token) error {
	var tid any
	if j.Kind != sale.KeyChange {
		tid = int64(t.TID)
	}
	insert := func() error {
		_, err := tx.C.Exec(jobTokenInto, tokenColumns.Values(tx.Tenant, &t, j.ID, j.Meter.N, j.Key, tid, tx.Now)...)
		return err
	}
	tx.Issued(t.ID)
	if tid == nil {
		return insert()
	}
	return meters.Of(tx.Tx).WithTID(j.Key, t.TID, insert)
}

// JobMade completes a held job with its tokens.
func (tx Rows) JobMade(j sale.Job) error {
	return tx.Rewrite("job", j.ID, func() error {
		err := tx.endJob(j)
		for _, t := range j.Tokens {
			if err == nil {
				err = tx.tokenMade(t)
			}
			if err == nil {
				err = tx.Attest("token", t.ID)
			}
		}
		return fault.Wrap(err, "complete job")
	})
}

// JobFailed ends a held job that got no tokens. It gives no units away and brings no new key.
func (tx Rows) JobFailed(j sale.Job) error {
	return tx.Rewrite("job", j.ID, func() error {
		err := tx.endJob(j)
		if err == nil {
			_, err = tx.C.Exec(`UPDATE token SET state = $1, version = version + 1 WHERE tenant_id = $2 AND job_id = $3 AND `+from(metering.MoveFailed),
				string(metering.MoveFailed.To()), tx.Tenant, j.ID)
		}
		if err == nil {
			_, err = tx.C.Exec(`DELETE FROM units_transfer WHERE tenant_id = $1 AND job_id = $2`, tx.Tenant, j.ID)
		}
		if err == nil {
			_, err = tx.C.Exec(`UPDATE token_job SET new_key_id = NULL WHERE tenant_id = $1 AND id = $2`, tx.Tenant, j.ID)
		}
		return fault.Wrap(err, "fail job")
	})
}

// endJob stores the outcome of a held job.
func (tx Rows) endJob(j sale.Job) error {
	return tx.Must(`UPDATE token_job SET state = $1, failure = $2, completed_at = $3, version = version + 1
		WHERE tenant_id = $4 AND id = $5 AND state = 'held'`, string(j.State), string(j.Failure), j.CompletedAt, tx.Tenant, j.ID)
}

// JobByID reads a job with its tokens, in the order in which the tokens are entered at the meter.
func (tx Rows) JobByID(job id.ID) (sale.Job, bool, error) { return tx.jobWhere(`j.id = $2`, job) }

// JobByRef reads the job of a request.
func (tx Rows) JobByRef(ref string) (sale.Job, bool, error) { return tx.jobWhere(`j.ref = $2`, ref) }

// JobOfKey returns the completed key change that brings a meter this key, as long as the meter has not confirmed it.
func (tx Rows) JobOfKey(newKey id.ID) (sale.Job, bool, error) {
	return tx.jobWhere(`j.new_key_id = $2 AND j.state = 'completed' AND EXISTS (SELECT 1 FROM meter_key k
		WHERE k.tenant_id = j.tenant_id AND k.id = j.new_key_id AND k.state = 'issued')`, newKey)
}

func (tx Rows) jobWhere(condition string, arg any) (sale.Job, bool, error) {
	var j sale.Job
	found, err := tx.One(`SELECT m.id, m.number, m.simulated, `+jobColumns.List("j")+jobTables+` WHERE j.tenant_id = $1 AND `+condition, func(r core.Row) error {
		j.Meter = sale.MeterRef{ID: r.ID(0), Number: r.Text(1), Simulated: r.Bool(2)}
		_, err := jobColumns.Scan(r, 3, &j)
		return err
	}, tx.Tenant, arg)
	if err != nil || !found {
		return sale.Job{}, false, fault.Wrap(err, "read job")
	}
	err = tx.C.Query(tokenQuery+` WHERE tenant_id = $1 AND job_id = $2 ORDER BY tid, subclass`, tokenColumns.AddTo(&j.Tokens), tx.Tenant, j.ID)
	return j, err == nil, fault.Wrap(err, "read the tokens of a job")
}

// JobsHeld lists jobs that their issuer has not answered yet. It lists only jobs created before the given time. The list begins after the
// given job.
func (tx Rows) JobsHeld(before time.Time, after id.ID, max int) ([]id.ID, error) {
	var out []id.ID
	err := tx.C.Query(`SELECT id FROM token_job WHERE tenant_id = $1 AND state = 'held' AND created_at < $2 AND id > $3 ORDER BY id LIMIT $4`,
		func(r core.Row) error { out = append(out, r.ID(0)); return nil }, tx.Tenant, before, after[:], max)
	return out, fault.Wrap(err, "list held jobs")
}

// UnitsSince returns the units that these actors have given away since a moment.
func (tx Rows) UnitsSince(by []string, from time.Time) (unit.Energy, error) {
	var total unit.Energy
	for _, name := range by {
		n, err := tx.Number(`SELECT SUM(units_wh) FROM units_transfer WHERE tenant_id = $1 AND by_actor = $2 AND created_at >= $3`, tx.Tenant, name, from)
		if err != nil {
			return 0, fault.Wrap(err, "sum the units of a job")
		}
		total += unit.Energy(n)
	}
	return total, nil
}

// SetMeterKeyState moves a meter key from one state to another.
func (tx Rows) SetMeterKeyState(key id.ID, from, to string) error {
	err := tx.Rewrite("key", key, func() error {
		return tx.Must(`UPDATE meter_key SET state = $1, version = version + 1 WHERE tenant_id = $2 AND id = $3 AND state = $4`, to, tx.Tenant, key, from)
	})
	return fault.Wrap(err, "change the key of a job")
}

// KeyOfToken returns the key that a key-change token brings to its meter. For any other token, it returns the key under which the token was
// made.
func (tx Rows) KeyOfToken(token id.ID) (key registry.Key, found bool, err error) {
	found, err = tx.One(`SELECT k.id, k.meter, k.state FROM token t
		LEFT JOIN token_job j ON j.tenant_id = t.tenant_id AND j.id = t.job_id
		JOIN meter_key k ON k.tenant_id = t.tenant_id AND k.id = COALESCE(j.new_key_id, t.meter_key_id)
		WHERE t.tenant_id = $1 AND t.id = $2`,
		func(r core.Row) error { key.ID, key.Meter, key.State = r.ID(0), r.Int(1), r.Text(2); return nil }, tx.Tenant, token)
	return key, found, fault.Wrap(err, "find the key of a token")
}

// CurrentKey returns the current key of a meter.
func (tx Rows) CurrentKey(meter int64) (key id.ID, found bool, err error) {
	found, err = tx.One(`SELECT id FROM meter_key WHERE tenant_id = $1 AND meter = $2 AND state = 'current'`,
		func(r core.Row) error { key = r.ID(0); return nil }, tx.Tenant, meter)
	return key, found, fault.Wrap(err, "find the key of a meter")
}
