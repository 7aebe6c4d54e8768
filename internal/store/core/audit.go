package core

import (
	"fmt"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/seal"
)

// AuditColumns are the columns of the table audit. The leaf of a row proves the row.
var AuditColumns = Columns[access.Entry]{Table: "audit", Unattested: []Column[access.Entry]{
	Time("at", func(e *access.Entry) *time.Time { return &e.At }),
	Text("actor", func(e *access.Entry) *string { return &e.Actor }),
	Text("ip", func(e *access.Entry) *string { return &e.IP }),
	Text("action", func(e *access.Entry) *string { return &e.Action }),
	Text("object", func(e *access.Entry) *string { return &e.Object }),
	Text("before", func(e *access.Entry) *string { return &e.Before }),
	Text("after", func(e *access.Entry) *string { return &e.After }),
	Text("reason", func(e *access.Entry) *string { return &e.Reason }),
	Bool("single_person", func(e *access.Entry) *bool { return &e.SinglePerson }),
	{Name: "id", Form: 'b'}, {Name: "evidence", Form: 't'}, {Name: "leaf", Form: 'b'}, {Name: "seal_n", Form: 'i'}, {Name: "mark", Form: 'b'},
}}

// auditInsert adds a row. AuditQuery reads rows, with their identity, evidence and leaf in the first columns.
var (
	auditInsert = `INSERT INTO ` + AuditColumns.Into("id", "evidence", "leaf", "seal_n", "mark")
	AuditQuery  = `SELECT id, evidence, leaf, ` + AuditColumns.List("") + ` FROM audit WHERE tenant_id = $1`
)

// AuditLog adds one row to the audit log when the closure ends ([Tx.Finish]). If the entry's field At is zero, it gets the transaction's
// time. The row is sealed, so a later change is detected. It refers to people by identity only, so that personal data can be erased.
func (tx *Tx) AuditLog(e access.Entry) error {
	if e.At.IsZero() {
		e.At = tx.Now
	}
	tx.audit = append(tx.audit, e)
	return nil
}

// writeAudit writes one row with its evidence.
func (tx *Tx) writeAudit(e *access.Entry, evidence string) error {
	i, err := tx.NewID()
	if err != nil {
		return err
	}
	leaf := LeafOfEntry(i, *e, evidence)
	n, err := tx.SealNumber()
	if err != nil {
		return err
	}
	_, err = tx.C.Exec(auditInsert, AuditColumns.Values(tx.Tenant, e, i, evidence, leaf[:], n, tx.Signed(leaf))...)
	if err != nil {
		return fmt.Errorf("write audit row %s of %s: %w", e.Action, e.Object, err)
	}
	tx.Fresh.Add(LeafAudit, i, leaf)
	return nil
}

// LeafOfEntry hashes an audit entry for the log.
func LeafOfEntry(i id.ID, e access.Entry, evidence string) [32]byte {
	return RowOfEntry(i, e, evidence).Leaf()
}

// RowOfEntry returns the form of an audit row that the log hashes.
func RowOfEntry(i id.ID, e access.Entry, evidence string) seal.Row {
	single := int64(0)
	if e.SinglePerson {
		single = 1
	}
	return seal.Row{At: e.At.UnixMicro(), Action: e.Action, Object: e.Object, After: e.After,
		Rest: seal.NewRest().Text(string(i[:])).Text(e.Actor).Text(e.IP).Text(e.Before).Text(e.Reason).Int(single).Text(evidence).Sum()}
}
