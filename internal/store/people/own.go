package people

import (
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/store/core"
)

// ownColumns are the columns of a record of a person's own meter or telephone. All are evidence: nobody deletes or changes a record unseen.
var ownColumns = core.Columns[access.Own]{Table: "person_own", Attested: []core.Column[access.Own]{
	core.ID("person_id", func(o *access.Own) *id.ID { return &o.Person }),
	core.Text("kind", func(o *access.Own) *access.OwnKind { return &o.Kind }),
	core.Text("number", func(o *access.Own) *string { return &o.Number }),
	core.Text("key", func(o *access.Own) *string { return &o.Key }),
	core.Text("made_by", func(o *access.Own) *string { return &o.By }),
	core.Time("created_at", func(o *access.Own) *time.Time { return &o.CreatedAt }),
	core.Text("ended_by", func(o *access.Own) *string { return &o.EndedBy }),
	core.Time("ended_at", func(o *access.Own) *time.Time { return &o.EndedAt }),
}, Unattested: []core.Column[access.Own]{
	core.ID("id", func(o *access.Own) *id.ID { return &o.ID }),
	{Name: "version", Form: 'i'},
}}

const ownKind = "own"

// OwnKind describes the evidence of records of people's own meters and telephones.
var OwnKind = core.AttestedKind{Name: ownKind, Noun: "Record of a person's own meter or telephone", Prefix: id.Own, From: "person_own r", Key: "id",
	Order: "r.version", Proof: ownColumns.Proof("r")}

// Owns returns the rows of records of people's own meters and telephones.
func (tx Rows) Owns() access.OwnTx { return ownRows{tx} }

type ownRows struct{ Rows }

// AddOwn stores a record.
func (tx ownRows) AddOwn(o access.Own) error {
	_, err := tx.C.Exec(`INSERT INTO `+ownColumns.Into(), ownColumns.Values(tx.Tenant, &o)...)
	if err == nil {
		err = tx.Attest(ownKind, o.ID)
	}
	return fault.Wrap(err, "store record %s", o.ID.Text(id.Own))
}

// EndOwn stores who ended a record, and when.
func (tx ownRows) EndOwn(o access.Own) error {
	err := tx.Rewrite(ownKind, o.ID, func() error {
		return tx.Must(`UPDATE person_own SET ended_by = $1, ended_at = $2, version = version + 1 WHERE tenant_id = $3 AND id = $4`,
			o.EndedBy, o.EndedAt, tx.Tenant, o.ID)
	})
	return fault.Wrap(err, "end record %s", o.ID.Text(id.Own))
}

// OwnsOf lists all records of a person in the order in which they were made.
func (tx ownRows) OwnsOf(person id.ID) ([]access.Own, error) {
	out, err := ownColumns.All(tx.C, `tenant_id = $1 AND person_id = $2 ORDER BY id`, tx.Tenant, person)
	return out, fault.Wrap(err, "list the records of %s", person.Text(id.Person))
}

// OwnsByKey lists all records of a kind with one of some keys.
func (tx ownRows) OwnsByKey(kind access.OwnKind, keys []string) ([]access.Own, error) {
	if len(keys) == 0 {
		return nil, nil
	}
	args := []any{tx.Tenant, string(kind)}
	for _, key := range keys {
		args = append(args, key)
	}
	out, err := ownColumns.All(tx.C, `tenant_id = $1 AND kind = $2 AND key IN (`+core.Placeholders(3, len(keys))+`) ORDER BY id`, args...)
	return out, fault.Wrap(err, "find who owns a meter or a telephone")
}
