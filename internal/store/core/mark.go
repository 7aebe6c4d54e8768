package core

import (
	"crypto/hmac"
	"encoding/binary"
	"encoding/hex"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
)

// Marker returns keyed hashes of rows that let somebody sign in, and of commands that wait. Its key is not in the database, so a row that was
// inserted or changed outside the server has a wrong mark. It is nil for an engine that has no such key; then rows have no marks.
type Marker func(context string, data []byte) []byte

// Of returns the mark of a row: a keyed hash of its table, tenant, identity and the hash of its columns; nil for a nil Marker.
func (m Marker) Of(table string, tenant access.Tenant, identity []byte, sum EvidenceSum) []byte {
	if m == nil {
		return nil
	}
	data := binary.BigEndian.AppendUint64(nil, uint64(tenant))
	return m("row of "+table, append(append(data, identity...), sum[:]...))
}

// Matches reports whether a stored mark is right. Without a Marker only a missing mark is.
func (m Marker) Matches(stored []byte, table string, tenant access.Tenant, identity []byte, sum EvidenceSum) bool {
	want := m.Of(table, tenant, identity, sum)
	return hmac.Equal(stored, want)
}

// KeyMark identifies the key of the Marker. It reveals nothing about the key.
func (m Marker) KeyMark() string {
	return hex.EncodeToString(m("database", []byte("paywatt data key"))[:8])
}

// Genuine reports whether the server wrote a row of a marked kind. It is true for a kind without marks, and false for a missing row.
func (tx *Tx) Genuine(k *AttestedKind, tenant access.Tenant, row id.ID) (bool, error) {
	if !k.Marked {
		return true, nil
	}
	e, found, err := tx.rowEvidence(k, tenant, row)
	if err != nil || !found {
		return false, err
	}
	var stored []byte
	_, err = tx.One(`SELECT mark FROM `+k.Table()+` WHERE tenant_id = $1 AND `+k.Key+` = $2`,
		func(r Row) error { stored = r.Bytes(0); return nil }, tenant, row)
	return err == nil && tx.Marker.Matches(stored, k.Table(), tenant, row[:], e.Sum), fault.Wrap(err, "read the mark of a row")
}

// putMark writes the mark of a row whose columns have a hash.
func (tx *Tx) putMark(k *AttestedKind, row id.ID, sum EvidenceSum) error {
	if !k.Marked || tx.Marker == nil {
		return nil
	}
	_, err := tx.C.Exec(`UPDATE `+k.Table()+` SET mark = $1 WHERE tenant_id = $2 AND `+k.Key+` = $3`,
		tx.Marker.Of(k.Table(), tx.Tenant, row[:], sum), tx.Tenant, row)
	return fault.Wrap(err, "mark %s %s", k.Name, row.Text(k.Prefix))
}

// MarkUnmarked marks rows of a marked kind that have no mark yet, at most max of them, and returns how many. Before it marks a row, it calls
// change, which may change the row. Rows of older versions have no marks.
func (tx *Tx) MarkUnmarked(k *AttestedKind, max int, change func(row id.ID) error) (int, error) {
	var rows []id.ID
	err := tx.C.Query(`SELECT r.`+k.Key+` FROM `+k.Table()+` r WHERE r.tenant_id = $1 AND r.mark IS NULL ORDER BY r.`+k.Key+` LIMIT $2`+tx.C.ForUpdate(),
		func(r Row) error { rows = append(rows, r.ID(0)); return nil }, tx.Tenant, max)
	if err != nil {
		return 0, fault.Wrap(err, "find rows without a mark")
	}
	for _, row := range rows {
		if err := tx.RewriteLocked(k, row, func() error { return change(row) }); err != nil {
			return 0, err
		}
		e, _, err := tx.RowEvidence(k, row)
		if err == nil {
			err = tx.putMark(k, row, e.Sum)
		}
		if err != nil {
			return 0, err
		}
	}
	return len(rows), nil
}

// Remark marks all rows of a marked kind under the key of next. Before it marks a row, it calls change, which may change the row. A row whose
// present mark is wrong was written outside the server: it stays as it is, and its mark stays wrong. Remark returns how many rows it marked.
func (tx *Tx) Remark(k *AttestedKind, next Marker, change func(row id.ID) error) (marked int, err error) {
	var rows []id.ID
	err = tx.C.Query(`SELECT r.`+k.Key+` FROM `+k.Table()+` r WHERE r.tenant_id = $1 ORDER BY r.`+k.Key+tx.C.ForUpdate(),
		func(r Row) error { rows = append(rows, r.ID(0)); return nil }, tx.Tenant)
	for _, row := range rows {
		if err != nil {
			break
		}
		var genuine bool
		if genuine, err = tx.Genuine(k, tx.Tenant, row); err == nil && genuine {
			marked++
			err = tx.remarkOne(k, row, next, func() error { return change(row) })
		}
	}
	return marked, fault.Wrap(err, "mark the rows of table %s again", k.Table())
}

func (tx *Tx) remarkOne(k *AttestedKind, row id.ID, next Marker, change func() error) error {
	if err := tx.RewriteLocked(k, row, change); err != nil {
		return err
	}
	e, _, err := tx.RowEvidence(k, row)
	if err == nil {
		_, err = tx.C.Exec(`UPDATE `+k.Table()+` SET mark = $1 WHERE tenant_id = $2 AND `+k.Key+` = $3`, next.Of(k.Table(), tx.Tenant, row[:], e.Sum), tx.Tenant, row)
	}
	return err
}

// PutKeyMark records that the database belongs to another key from now on; see [Tx.Known].
func (tx *Tx) PutKeyMark(key, mark string) error { return tx.PutMeta("key:"+key, mark) }
