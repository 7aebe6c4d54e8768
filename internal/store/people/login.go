package people

import (
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/store/core"
)

var loginColumns = core.Columns[access.Login]{Table: "login", Unattested: []core.Column[access.Login]{
	core.ID("person_id", func(l *access.Login) *id.ID { return &l.Person }),
	core.Time("created_at", func(l *access.Login) *time.Time { return &l.CreatedAt }),
	core.Time("seen_at", func(l *access.Login) *time.Time { return &l.SeenAt }),
	core.Time("expires_at", func(l *access.Login) *time.Time { return &l.ExpiresAt }),
	core.Time("proved_at", func(l *access.Login) *time.Time { return &l.ProvedAt }),
	{Name: "hash", Form: 'b', Read: func(l *access.Login, r core.Row, col int) error { l.ID = access.SessionID(r.Bytes(col)); return nil }},
	core.Text("address", func(l *access.Login) *string { return &l.From.IP }),
	core.Text("browser", func(l *access.Login) *string { return &l.From.Name }),
	core.ID("device_id", func(l *access.Login) *id.ID { return &l.Device }),
	{Name: "mark", Form: 'b'},
}}

// LoginsOf lists a person's sessions, even expired sessions.
func (tx Rows) LoginsOf(person id.ID) ([]access.Login, error) {
	var out []access.Login
	err := tx.C.Query(`SELECT `+loginColumns.List("l")+` FROM login l WHERE l.tenant_id = $1 AND l.person_id = $2`, func(r core.Row) error {
		var l access.Login
		_, err := loginColumns.Scan(r, 0, &l)
		out = append(out, l)
		return err
	}, tx.Tenant, person)
	genuine := map[id.ID]bool{}
	if err == nil {
		err = tx.eachLogin(` AND person_id = $2`, func(hash []byte, _ id.ID, sum core.EvidenceSum, mark []byte) error {
			genuine[access.SessionID(hash)] = tx.Marker.Matches(mark, loginTable, tx.Tenant, hash, sum)
			return nil
		}, person)
	}
	for i := range out {
		out[i].Forged = !genuine[out[i].ID]
	}
	return out, fault.Wrap(err, "list sessions of %s", person.Text(id.Person))
}

// AddLogin stores a session with the stored form of its secret.
func (tx Rows) AddLogin(l access.Login, hash [32]byte) error {
	_, err := tx.C.Exec(`INSERT INTO `+loginColumns.Into("hash"), loginColumns.Values(tx.Tenant, &l, hash[:])...)
	if err == nil {
		err = tx.markLogin(hash)
	}
	return fault.Wrap(err, "store session of %s", l.Person.Text(id.Person))
}

// LoginByHash finds a session and its person, even an expired session.
func (tx Rows) LoginByHash(hash [32]byte) (access.Login, access.PersonRow, bool, error) {
	var l access.Login
	var p access.PersonRow
	found, err := tx.One(loginQuery, func(r core.Row) error {
		col, err := scanPerson(r, &p)
		if err == nil {
			_, err = loginColumns.Scan(r, col, &l)
		}
		return err
	}, tx.Tenant, hash[:])
	if err == nil && found {
		var genuine bool
		genuine, err = tx.genuineLogin(hash)
		l.Forged = !genuine
	}
	if err == nil && found {
		err = tx.judge(&p)
	}
	return l, p, found, fault.Wrap(err, "find session")
}

// SeeLogin records when a session was last used. A session that was ended meanwhile stays ended.
func (tx Rows) SeeLogin(hash [32]byte, at time.Time) error {
	genuine, err := tx.genuineLogin(hash)
	if err == nil && genuine {
		_, err = tx.C.Exec(`UPDATE login SET seen_at = $1 WHERE tenant_id = $2 AND hash = $3`, at, tx.Tenant, hash[:])
	}
	if err == nil && genuine {
		err = tx.markLogin(hash)
	}
	return fault.Wrap(err, "store session")
}

// loginProof names the columns of a session that its mark covers: those that decide what its person may do. The device came later; it counts
// only in sessions that were opened with a PIN.
func loginProof() core.Proof {
	device := loginColumns.ProofOf("", "device_id")
	device.Forms = strings.ToUpper(device.Forms)
	return loginColumns.ProofOf("", "person_id", "created_at", "seen_at", "expires_at", "proved_at").And(device)
}

// eachLogin calls fn with the form, the hash of the columns and the mark of the sessions that meet a condition.
func (tx Rows) eachLogin(where string, fn func(hash []byte, person id.ID, sum core.EvidenceSum, mark []byte) error, args ...any) error {
	proof := loginProof()
	return tx.C.Query(`SELECT hash, mark, `+proof.Columns+` FROM login WHERE tenant_id = $1`+where, func(r core.Row) error {
		s := core.NewRowSum("login")
		s.Add(r, 2, proof)
		return fn(r.Bytes(0), r.ID(2), s.Sum(), r.Bytes(1))
	}, append([]any{tx.Tenant}, args...)...)
}

const loginTable = "login"

// markLogin writes the mark of a session.
func (tx Rows) markLogin(hash [32]byte) error {
	var mark []byte
	err := tx.eachLogin(` AND hash = $2`, func(hash []byte, _ id.ID, sum core.EvidenceSum, _ []byte) error {
		mark = tx.Marker.Of(loginTable, tx.Tenant, hash, sum)
		return nil
	}, hash[:])
	if err == nil && mark != nil {
		_, err = tx.C.Exec(`UPDATE login SET mark = $1 WHERE tenant_id = $2 AND hash = $3`, mark, tx.Tenant, hash[:])
	}
	return err
}

// genuineLogin reports whether there is such a session and the server wrote its row.
func (tx Rows) genuineLogin(hash [32]byte) (genuine bool, err error) {
	err = tx.eachLogin(` AND hash = $2`, func(hash []byte, _ id.ID, sum core.EvidenceSum, mark []byte) error {
		genuine = tx.Marker.Matches(mark, loginTable, tx.Tenant, hash, sum)
		return nil
	}, hash[:])
	return genuine, err
}

// ForgedLogins calls fn with the person of every session whose row the server did not write, and returns the number of all sessions.
func (tx Rows) ForgedLogins(m core.Marker, fn func(person id.ID)) (all int64, err error) {
	err = tx.eachLogin("", func(hash []byte, person id.ID, sum core.EvidenceSum, mark []byte) error {
		if all++; !m.Matches(mark, loginTable, tx.Tenant, hash, sum) {
			fn(person)
		}
		return nil
	})
	return all, err
}

// DropLogin ends a session and reports whether there was one.
func (tx Rows) DropLogin(hash [32]byte) (bool, error) {
	n, err := tx.C.Exec(`DELETE FROM login WHERE tenant_id = $1 AND hash = $2`, tx.Tenant, hash[:])
	return n == 1, fault.Wrap(err, "end session")
}

// DropLoginsOf ends the sessions of a person that have expired. It also ends the sessions that were not used after the time in the
// parameter idle. It keeps the newest of the other sessions, up to the given number, and ends the rest.
func (tx Rows) DropLoginsOf(person id.ID, now, idle time.Time, keep int) error {
	_, err := tx.C.Exec(`DELETE FROM login WHERE tenant_id = $1 AND person_id = $2 AND (expires_at <= $3 OR seen_at <= $4)`,
		tx.Tenant, person, now, idle)
	if err == nil {
		_, err = tx.C.Exec(`DELETE FROM login WHERE tenant_id = $1 AND person_id = $2 AND hash NOT IN (SELECT hash FROM login
			WHERE tenant_id = $1 AND person_id = $2 ORDER BY created_at DESC, hash LIMIT $3)`, tx.Tenant, person, keep)
	}
	return fault.Wrap(err, "end old sessions of %s", person.Text(id.Person))
}
