package store

import (
	"fmt"
	"maps"
	"slices"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/store/core"
)

// EvidenceOfAll returns the evidence of all rows.
func EvidenceOfAll(tx *Tx) (lines []string, err error) {
	for _, k := range attestedKinds {
		var ids []id.ID
		err := tx.C.Query(`SELECT DISTINCT r.`+k.Key+` FROM `+k.From+` WHERE r.tenant_id = $1`+k.Must+` ORDER BY r.`+k.Key,
			func(r core.Row) error { ids = append(ids, r.ID(0)); return nil }, tx.Tenant)
		if err != nil {
			return nil, err
		}
		together, err := tx.RowEvidences(k, ids)
		if err != nil {
			return nil, err
		}
		for _, row := range ids {
			e, found, err := tx.RowEvidence(k, row)
			if err != nil || !found || together[row] != e {
				return nil, fmt.Errorf("%s: found %t, among others %v instead of %v: %w", k.Name, found, together[row], e, err)
			}
			lines = append(lines, e.String())
		}
	}
	e, err := tx.TenantEvidence("")
	lines = append(lines, e.String())
	if err == nil {
		err = tx.C.Query(`SELECT principal, key, req_hash, status, body_enc FROM idempotency ORDER BY principal, key`, func(r core.Row) error {
			o := access.Once{Principal: r.Text(0), Key: r.Text(1), Hash: [32]byte(core.Pad(r.Bytes(2)))}
			lines = append(lines, core.OnceEvidence(o, int(r.Int(3)), r.Bytes(4)).String())
			return nil
		})
	}
	return lines, err
}

// AttestedColumns lists each kind of evidence with the SELECT of its columns.
func AttestedColumns() map[string]string {
	out := map[string]string{}
	for _, k := range attestedKinds {
		out[k.Name] = `SELECT ` + k.Proof.Columns + ` FROM ` + k.From + ` WHERE 1 = 1` + k.Must
	}
	return out
}

// AttestedKinds lists the kinds of rows with evidence.
func AttestedKinds() []*core.AttestedKind { return attestedKinds[:] }

// ReadSpan returns a span that parseSpan has read, as text; empty for no span.
func ReadSpan(text string) (string, error) {
	s, err := parseSpan(text)
	if err != nil || s == (span{}) {
		return "", err
	}
	return s.String(), nil
}

// MomentQueries lists the statements that read timelines, for the test of their plans.
func MomentQueries() []string {
	return append(slices.Collect(maps.Values(momentQueries)), madeTokens, handedTokens, eventMoments)
}

// Slices runs inSlices on the rows of a query, and returns how long each slice was and the numbers in their first column.
func Slices(tx *Tx, query string) (lengths []int, numbers []int64, err error) {
	err = inSlices(tx, query, func(w core.Row) int64 { return w.Int(0) }, func(slice []int64) error {
		lengths, numbers = append(lengths, len(slice)), append(numbers, slice...)
		return nil
	})
	return lengths, numbers, err
}

// SliceRows is the length of a full slice.
const SliceRows = sliceRows
