package people

import (
	"fmt"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/store/core"
)

const (
	StatusActive  = "active"
	StatusBlocked = "blocked"
)

// Status is the column that says whether somebody is active or blocked.
func Status[T any](blocked func(*T) *bool) core.Column[T] {
	return core.Column[T]{Name: "status", Form: 't',
		Read:  func(to *T, r core.Row, col int) error { *blocked(to) = r.Text(col) != StatusActive; return nil },
		Write: func(of *T) any { return StatusOf(*blocked(of)) }}
}

// StatusOf returns the value of the column.
func StatusOf(blocked bool) string {
	if blocked {
		return StatusBlocked
	}
	return StatusActive
}

// personColumns are the columns of a person.
var personColumns = core.Columns[access.PersonRow]{Table: "person", Attested: []core.Column[access.PersonRow]{
	core.Text("email", func(p *access.PersonRow) *string { return &p.Email }),
	core.Text("pw_hash", func(p *access.PersonRow) *string { return &p.Password }),
	Status(func(p *access.PersonRow) *bool { return &p.Blocked }),
}, Added: []core.Column[access.PersonRow]{
	core.Bytes("factor", func(p *access.PersonRow) *[]byte { return &p.Factor.Sealed }),
	core.Time("factor_at", func(p *access.PersonRow) *time.Time { return &p.Factor.Since }),
	core.Bytes("recovery", func(p *access.PersonRow) *[]byte { return &p.Factor.Recovery }),
	{Name: "standing_kept", Form: 'i', Read: func(to *access.PersonRow, r core.Row, col int) error { to.StoredStanding = !r.IsNull(col); return nil },
		Write: func(of *access.PersonRow) any { return storedStanding(of) }},
}, Unattested: []core.Column[access.PersonRow]{
	core.Int("factor_period", func(p *access.PersonRow) *int64 { return &p.Factor.Period }),
	core.ID("id", func(p *access.PersonRow) *id.ID { return &p.ID }),
	core.Text("name", func(p *access.PersonRow) *string { return &p.Name }),
	core.Time("created_at", func(p *access.PersonRow) *time.Time { return &p.CreatedAt }),
	{Name: "version", Form: 'i'},
	{Name: "mark", Form: 'b'},
}}

// roleColumns are the columns of a person's role; a person has exactly one in this version.
var roleColumns = core.Columns[access.PersonRow]{Table: "role_binding", Attested: []core.Column[access.PersonRow]{
	core.Text("role", func(p *access.PersonRow) *access.Role { return &p.Role }),
	{Name: "scope", Form: 't', Read: func(to *access.PersonRow, r core.Row, col int) (err error) {
		if text := r.Text(col); text != "" {
			to.Vendor, err = id.Parse(id.Vendor, text)
		}
		return err
	}, Write: func(of *access.PersonRow) any { return scopeOf(of) }},
}, Unattested: []core.Column[access.PersonRow]{
	{Name: "person_id", Form: 'b'},
	{Name: "created_at", Form: 'i'},
}}

// scopeOf returns the value of the column scope: the id of the person's vendor, or "" for a person of the utility.
func scopeOf(p *access.PersonRow) string {
	if p.Vendor.IsZero() {
		return ""
	}
	return p.Vendor.Text(id.Vendor)
}

// standingColumns are the columns that say as whom a person counts. A person without a row counts only as themselves.
var standingColumns = core.Columns[access.PersonRow]{Table: "standing", Attested: []core.Column[access.PersonRow]{
	{Name: "counts_as", Form: 't', Write: func(p *access.PersonRow) any { return p.CountsAs }, Read: func(p *access.PersonRow, r core.Row, col int) error {
		p.CountsAs, p.Standing = r.Text(col), !r.IsNull(col)
		return nil
	}},
	core.Time("confirmed_at", func(p *access.PersonRow) *time.Time { return &p.ConfirmedAt }),
	{Name: "link_hash", Form: 'b', Write: func(p *access.PersonRow) any { return linkOf(p) },
		Read: func(p *access.PersonRow, r core.Row, col int) error { copy(p.Link[:], r.Bytes(col)); return nil }},
	core.Time("link_until", func(p *access.PersonRow) *time.Time { return &p.LinkUntil }),
}, Unattested: []core.Column[access.PersonRow]{
	{Name: "id", Form: 'b'},
	{Name: "version", Form: 'i'},
	{Name: "mark", Form: 'b'},
}}

// needsStanding reports whether a person has anything to store in the table standing.
func needsStanding(p *access.PersonRow) bool {
	return p.Standing || p.StoredStanding || p.CountsAs != "" || !p.ConfirmedAt.IsZero() || p.Link != [32]byte{}
}

// storedStanding returns the value of the column standing_kept: 1 if the person has a row of standing, so that a deleted row is noticed.
func storedStanding(p *access.PersonRow) any {
	if needsStanding(p) {
		return 1
	}
	return nil
}

// linkOf returns the value of the column link_hash; nil if no link is open.
func linkOf(p *access.PersonRow) []byte {
	if p.Link == ([32]byte{}) {
		return nil
	}
	return p.Link[:]
}

// StandingKind describes the evidence of people's standing.
var StandingKind = core.AttestedKind{Name: "standing", Noun: "Standing of person", Prefix: id.Person, Key: "id", Order: "r.version", From: "standing r",
	Proof: standingColumns.Proof("r"), Marked: true}

// PersonKind describes the evidence of people and their roles.
var PersonKind = core.AttestedKind{Name: "person", Noun: "Person", Prefix: id.Person, Key: "id", Order: "r.version",
	From:  "person r LEFT JOIN role_binding b ON b.tenant_id = r.tenant_id AND b.person_id = r.id",
	Proof: personColumns.Proof("r").And(roleColumns.Proof("b")), Sort: ", b.role, b.scope", Marked: true}

const personTables = ` FROM person p JOIN role_binding b ON b.tenant_id = p.tenant_id AND b.person_id = p.id
	LEFT JOIN standing s ON s.tenant_id = p.tenant_id AND s.id = p.id`

// personQuery reads people; loginQuery reads a session with its person.
var (
	personQuery = `SELECT ` + personColumns.List("p") + `, ` + roleColumns.List("b") + `, ` + standingColumns.List("s")
	loginQuery  = personQuery + `, ` + loginColumns.List("l") + personTables + `
		JOIN login l ON l.tenant_id = p.tenant_id AND l.person_id = p.id WHERE l.tenant_id = $1 AND l.hash = $2`
)

// scanPerson reads the columns of personQuery and returns the number of the column after them.
func scanPerson(r core.Row, p *access.PersonRow) (next int, err error) {
	if next, err = personColumns.Scan(r, 0, p); err != nil {
		return 0, err
	}
	if next, err = roleColumns.Scan(r, next, p); err != nil {
		return 0, err
	}
	return standingColumns.Scan(r, next, p)
}

// AddPersonRow stores a person with one role for the whole tenant.
func (tx Rows) AddPersonRow(p access.PersonRow) error {
	_, err := tx.C.Exec(`INSERT INTO `+personColumns.Into(), personColumns.Values(tx.Tenant, &p)...)
	if err == nil {
		_, err = tx.C.Exec(`INSERT INTO `+roleColumns.Into("person_id", "created_at"), roleColumns.Values(tx.Tenant, &p, p.ID, p.CreatedAt)...)
	}
	if err != nil {
		return fmt.Errorf("store person %s: %w", p.ID.Text(id.Person), err)
	}
	if err := tx.Attest("person", p.ID); err != nil {
		return err
	}
	return tx.putStanding(p)
}

// putStanding stores as whom a person counts, and the person's open link. A person without either needs no row.
func (tx Rows) putStanding(p access.PersonRow) error {
	err := tx.Rewrite("standing", p.ID, func() error {
		n, err := tx.C.Exec(`UPDATE standing SET counts_as = $1, confirmed_at = $2, link_hash = $3, link_until = $4, version = version + 1
			WHERE tenant_id = $5 AND id = $6`, p.CountsAs, p.ConfirmedAt, linkOf(&p), p.LinkUntil, tx.Tenant, p.ID)
		if err != nil || n > 0 || !needsStanding(&p) {
			return err
		}
		_, err = tx.C.Exec(`INSERT INTO `+standingColumns.Into("id"), standingColumns.Values(tx.Tenant, &p, p.ID)...)
		return err
	})
	return fault.Wrap(err, "store the standing of %s", p.ID.Text(id.Person))
}

// LockPerson reads and locks a person who is to be changed. A statement that waits for a lock reads joined tables as they were before the wait,
// so the row is locked first.
func (tx Rows) LockPerson(person id.ID) (access.PersonRow, bool, error) {
	if lock := tx.C.ForUpdate(); lock != "" {
		err := tx.C.Query(`SELECT id FROM person WHERE tenant_id = $1 AND id = $2`+lock, func(core.Row) error { return nil }, tx.Tenant, person)
		if err != nil {
			return access.PersonRow{}, false, fmt.Errorf("lock person %s: %w", person.Text(id.Person), err)
		}
	}
	return tx.PersonByID(person)
}

// PutPerson writes a person's role, password, second factor, status, standing and link.
func (tx Rows) PutPerson(p access.PersonRow) error {
	err := tx.Rewrite("person", p.ID, func() error {
		_, err := tx.C.Exec(`UPDATE role_binding SET role = $1, scope = $2 WHERE tenant_id = $3 AND person_id = $4`, string(p.Role), scopeOf(&p), tx.Tenant, p.ID)
		if err == nil {
			_, err = tx.C.Exec(`UPDATE person SET pw_hash = $1, status = $2, factor = $3, factor_at = $4, recovery = $5, factor_period = $6,
				standing_kept = $7, version = version + 1 WHERE tenant_id = $8 AND id = $9`, p.Password, StatusOf(p.Blocked), p.Factor.Sealed,
				p.Factor.Since, p.Factor.Recovery, p.Factor.Period, storedStanding(&p), tx.Tenant, p.ID)
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("write person %s: %w", p.ID.Text(id.Person), err)
	}
	return tx.putStanding(p)
}

// PersonByLink finds the person to whom an open one-time link belongs, even if the link has expired.
func (tx Rows) PersonByLink(hash [32]byte) (access.PersonRow, bool, error) {
	return tx.person(`s.link_hash = $2`, hash[:])
}

// PersonPage lists people in the order in which they were added, after the given person.
func (tx Rows) PersonPage(after id.ID, max int) ([]access.PersonRow, error) {
	var out []access.PersonRow
	err := tx.C.Query(personQuery+personTables+` WHERE p.tenant_id = $1 AND p.id > $2 ORDER BY p.id LIMIT $3`, func(r core.Row) error {
		var p access.PersonRow
		_, err := scanPerson(r, &p)
		out = append(out, p)
		return err
	}, tx.Tenant, after[:], max)
	for i := range out {
		if err == nil {
			err = tx.judge(&out[i])
		}
	}
	return out, fault.Wrap(err, "list people")
}

// PersonByEmail finds the person who signs in with an address in its canonical form, even a blocked one.
func (tx Rows) PersonByEmail(email string) (access.PersonRow, bool, error) {
	return tx.person(`p.email = $2`, email)
}

// PersonByID reads a person, even a blocked one.
func (tx Rows) PersonByID(person id.ID) (access.PersonRow, bool, error) {
	return tx.person(`p.id = $2`, person)
}

// person reads the person who meets an SQL condition with the argument $2.
func (tx Rows) person(where string, arg any) (access.PersonRow, bool, error) {
	var p access.PersonRow
	found, err := tx.One(personQuery+personTables+` WHERE p.tenant_id = $1 AND `+where,
		func(r core.Row) error { _, err := scanPerson(r, &p); return err }, tx.Tenant, arg)
	if err == nil && found {
		err = tx.judge(&p)
	}
	return p, found, fault.Wrap(err, "find person")
}

// judge notes whether the server wrote a person's rows.
func (tx Rows) judge(p *access.PersonRow) error {
	genuine, err := tx.Genuine(&PersonKind, tx.Tenant, p.ID)
	switch {
	case err != nil || !genuine:
	case p.Standing:
		genuine, err = tx.Genuine(&StandingKind, tx.Tenant, p.ID)
	case p.StoredStanding:
		genuine = false // somebody deleted the row
	}
	p.Forged = !genuine
	return err
}

// ActivePeople counts the people who can sign in and hold one of the roles: they are not blocked and have set a password.
func (tx Rows) ActivePeople(roles ...access.Role) (int, error) {
	if len(roles) == 0 {
		return 0, nil
	}
	args := []any{tx.Tenant, StatusActive}
	for _, r := range roles {
		args = append(args, string(r))
	}
	n, err := tx.Number(`SELECT count(DISTINCT p.id)`+personTables+` WHERE p.tenant_id = $1 AND p.status = $2
		AND p.pw_hash <> '' AND b.role IN (`+core.Placeholders(3, len(roles))+`)`, args...)
	return int(n), fault.Wrap(err, "count people")
}
