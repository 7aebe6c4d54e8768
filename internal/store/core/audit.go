package core

import (
	"fmt"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/seal"
)

// AuditLog adds one row to the audit log when the closure ends ([Tx.Finish]); At is the transaction's time unless it is
// set. The row is sealed and cannot be changed unseen afterwards. Personal data is named by identity, so that it can be
// erased.
func (tx *Tx) AuditLog(e access.Entry) error {
	if e.At.IsZero() {
		e.At = tx.Now
	}
	tx.audit = append(tx.audit, e)
	return nil
}

// writeAudit writes one row with its evidence.
func (tx *Tx) writeAudit(e access.Entry, evidence string) error {
	i, err := tx.NewID()
	if err != nil {
		return err
	}
	leaf := LeafOfEntry(i, e, evidence)
	n, err := tx.SealNumber()
	if err != nil {
		return err
	}
	_, err = tx.C.Exec(`INSERT INTO audit (tenant_id, id, at, actor, ip, action, object, before, after, reason,
		single_person, evidence, leaf, seal_n, mark) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)`,
		tx.Tenant, i, e.At, e.Actor, e.IP, e.Action, e.Object, e.Before, e.After, e.Reason, e.SinglePerson, evidence, leaf[:], n, tx.Signed(leaf))
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

// RowOfEntry is an audit row as the log has it.
func RowOfEntry(i id.ID, e access.Entry, evidence string) seal.Row {
	single := int64(0)
	if e.SinglePerson {
		single = 1
	}
	return seal.Row{At: e.At.UnixMicro(), Action: e.Action, Object: e.Object, After: e.After,
		Rest: seal.NewRest().Text(string(i[:])).Text(e.Actor).Text(e.IP).Text(e.Before).Text(e.Reason).Int(single).Text(evidence).Sum()}
}
