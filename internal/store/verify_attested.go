package store

import (
	"encoding/binary"
	"net/url"
	"strings"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
)

// attestedPass is how many rows' evidence one pass over the audit log holds in memory; more rows take more passes.
const attestedPass = 1 << 19

// attestedKey names a row of attestedKinds.
type attestedKey struct {
	kind int
	row  id.ID
}

// attestedNow is the newest evidence of a row.
type attestedNow struct {
	order int64
	sum   evidenceSum
	seen  bool
}

// verifyAttested compares the rows of attestedKinds with their newest evidence: none was changed, slipped in or taken
// away.
func (tx *Tx) verifyAttested(r *Report) error {
	rows := int64(0)
	for i := range attestedKinds {
		k := &attestedKinds[i]
		n, err := tx.number(`SELECT COUNT(*) FROM `+k.table()+` r WHERE r.tenant_id = $1`, tx.Tenant)
		if err != nil {
			return err
		}
		rows += n
	}
	passes := 1 + uint64(rows)/attestedPass
	for pass := range passes {
		mine := func(row id.ID) bool { return binary.BigEndian.Uint64(row[8:])%passes == pass }
		known, err := tx.attested(mine)
		if err != nil {
			return err
		}
		for i := range attestedKinds {
			if err := tx.compareAttested(r, i, known, mine); err != nil {
				return err
			}
		}
		for key, now := range known {
			if k := &attestedKinds[key.kind]; !now.seen {
				r.Find("row", "%s %s is gone: the sealed audit log knows it.", k.noun, key.row.Text(k.prefix))
			}
		}
	}
	return tx.verifyTenantRow(r)
}

// table is the table of a kind without what is joined to it.
func (k *attestedKind) table() string {
	name, _, _ := strings.Cut(k.from, " ")
	return name
}

// attested reads the newest evidence of rows.
func (tx *Tx) attested(mine func(id.ID) bool) (map[attestedKey]attestedNow, error) {
	known := make(map[attestedKey]attestedNow)
	return known, tx.eachEvidence(func(_ string, e evidence) error {
		for i := range attestedKinds {
			k := &attestedKinds[i]
			if k.name != e.kind {
				continue
			}
			row, err := id.Parse(k.prefix, e.name)
			if err != nil || !mine(row) {
				return nil // a name that is no identity cannot be written, and an edited one is told by its audit row's leaf
			}
			key := attestedKey{i, row}
			if was, ok := known[key]; !ok || e.order >= was.order {
				known[key] = attestedNow{order: e.order, sum: e.sum}
			}
		}
		return nil
	})
}

// eachEvidence calls fn for every entry of evidence, with the object of its audit row.
func (tx *Tx) eachEvidence(fn func(object string, e evidence) error) error {
	return tx.C.Query(`SELECT object, evidence FROM audit WHERE tenant_id = $1 AND evidence <> '' ORDER BY id`, func(w Row) error {
		object := w.Text(0)
		for line := range strings.SplitSeq(w.Text(1), "\n") {
			if e, ok := parseEvidence(line); ok {
				if err := fn(object, e); err != nil {
					return err
				}
			}
		}
		return nil
	}, tx.Tenant)
}

// compareAttested holds the rows of one kind against their evidence.
func (tx *Tx) compareAttested(r *Report, kind int, known map[attestedKey]attestedNow, mine func(id.ID) bool) error {
	k := &attestedKinds[kind]
	var row id.ID
	var sum rowSum
	rows := int64(0)
	check := func() {
		if row.IsZero() || !mine(row) {
			return
		}
		rows++
		key := attestedKey{kind, row}
		now, ok := known[key]
		switch {
		case !ok:
			r.Find("row", "%s %s was slipped in: the sealed audit log does not know it.", k.noun, row.Text(k.prefix))
			return
		case now.sum != sum.sum():
			r.Find("row", "%s %s was changed: its row is not the one that the sealed audit log knows.", k.noun, row.Text(k.prefix))
		}
		now.seen = true
		known[key] = now
	}
	err := tx.C.Query(`SELECT r.`+k.key+`, `+k.columns+` FROM `+k.from+` WHERE r.tenant_id = $1`+k.where()+` ORDER BY r.`+k.key+k.sort, func(w Row) error {
		if i := w.ID(0); i != row || i.IsZero() {
			check()
			row, sum = i, newRowSum(k.name)
		}
		sum.add(w, 1, k.forms)
		return nil
	}, tx.Tenant)
	check()
	r.Count("rows with evidence", rows)
	return err
}

// verifyTenantRow compares the tenant's own row with its newest evidence; one that was never changed is as it was made.
func (tx *Tx) verifyTenantRow(r *Report) error {
	var newest evidence
	err := tx.eachEvidence(func(_ string, e evidence) error {
		if e.kind == evidenceTenant && e.order >= newest.order {
			newest = e
		}
		return nil
	})
	if err != nil {
		return err
	}
	now, err := tx.tenantEvidence()
	switch {
	case err != nil:
		return err
	case newest.kind == "" && now.order > 1, newest.kind != "" && newest.sum != now.sum:
		r.Find("row", "The settings of tenant %d were changed: they are not those that the sealed audit log knows.", tx.Tenant)
	case newest.kind == "":
		fresh, err := tx.number(`SELECT COUNT(*) FROM tenant WHERE id = $1 AND currency IS NULL AND settings = '{}' AND vat_no = ''`, tx.Tenant)
		if err == nil && fresh != 1 {
			r.Find("row", "The settings of tenant %d were changed: nobody has set them.", tx.Tenant)
		}
		return err
	}
	return nil
}

// verifyOnce compares the stored answers of requests that moved money with their evidence: an answer that is gone would
// let the same request move money again.
func (tx *Tx) verifyOnce(r *Report) error {
	attested := int64(0)
	err := tx.eachEvidence(func(object string, e evidence) error {
		if e.kind != evidenceOnce {
			return nil
		}
		attested++
		principal, key, _ := strings.Cut(e.name, "/")
		principal, _ = url.QueryUnescape(principal)
		key, _ = url.QueryUnescape(key)
		var now evidence
		found, err := tx.one(`SELECT req_hash, status, body_enc FROM idempotency WHERE tenant_id = $1 AND principal = $2 AND key = $3
			AND state = 'done' AND expires_at IS NULL`, func(w Row) error {
			now = onceEvidence(access.Once{Principal: principal, Key: key, Hash: [32]byte(pad(w.Bytes(0)))}, int(w.Int(1)), w.Bytes(2))
			return nil
		}, tx.Tenant, principal, key)
		switch {
		case err != nil:
			return err
		case !found:
			r.Find("answer", "The stored answer of request %q of %s (%s) is gone: the same request would move money again.", key, principal, object)
		case now != e:
			r.Find("answer", "The stored answer of request %q of %s (%s) was changed.", key, principal, object)
		}
		return nil
	})
	if err != nil {
		return err
	}
	kept, err := tx.number(`SELECT COUNT(*) FROM idempotency WHERE tenant_id = $1 AND expires_at IS NULL AND status < $2`, tx.Tenant, firstRefusal)
	if err == nil && kept > attested {
		r.Find("answer", "%d answers are stored for requests that moved money, the sealed audit log knows %d: some were slipped in.", kept, attested)
	}
	r.Count("stored answers", kept)
	return err
}
