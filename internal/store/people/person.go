package people

import (
	"fmt"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/store/core"
)

const (
	StatusActive  = "active"
	StatusBlocked = "blocked"
)

// personColumns and their tables; a person has exactly one role binding in this version.
const personColumns = `p.id, p.email, p.name, b.role, p.pw_hash, p.status, p.created_at`

const personTables = ` FROM person p JOIN role_binding b ON b.tenant_id = p.tenant_id AND b.person_id = p.id`

// scanPerson reads the columns of personColumns, the first of them at col.
func scanPerson(r core.Row, col int) access.PersonRow {
	return access.PersonRow{ID: r.ID(col), Email: r.Text(col + 1), Name: r.Text(col + 2), Role: access.Role(r.Text(col + 3)),
		Password: r.Text(col + 4), Blocked: r.Text(col+5) != StatusActive, CreatedAt: r.Time(col + 6)}
}

// AddPersonRow keeps somebody with one role over the whole tenant.
func (tx Rows) AddPersonRow(p access.PersonRow) error {
	status := StatusActive
	if p.Blocked {
		status = StatusBlocked
	}
	_, err := tx.C.Exec(`INSERT INTO person (tenant_id, id, email, name, pw_hash, status, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7)`, tx.Tenant, p.ID, p.Email, p.Name, p.Password, status, p.CreatedAt)
	if err == nil {
		_, err = tx.C.Exec(`INSERT INTO role_binding (tenant_id, person_id, role, created_at) VALUES ($1, $2, $3, $4)`,
			tx.Tenant, p.ID, string(p.Role), p.CreatedAt)
	}
	if err != nil {
		return fmt.Errorf("keep person %s: %w", p.ID.Text(id.Person), err)
	}
	return tx.Attest("person", p.ID)
}

// PersonByEmail finds who signs in with the address, in its canonical form; blocked people too.
func (tx Rows) PersonByEmail(email string) (access.PersonRow, bool, error) {
	var p access.PersonRow
	found, err := tx.One(`SELECT `+personColumns+personTables+` WHERE p.tenant_id = $1 AND p.email = $2`,
		func(r core.Row) error { p = scanPerson(r, 0); return nil }, tx.Tenant, email)
	if err != nil {
		return access.PersonRow{}, false, fmt.Errorf("find person: %w", err)
	}
	return p, found, nil
}

// ActivePeople counts the people who are not blocked and hold one of the roles.
func (tx Rows) ActivePeople(roles ...access.Role) (int, error) {
	if len(roles) == 0 {
		return 0, nil
	}
	args := []any{tx.Tenant, StatusActive}
	for _, r := range roles {
		args = append(args, string(r))
	}
	n, err := tx.Number(`SELECT count(DISTINCT p.id)`+personTables+` WHERE p.tenant_id = $1 AND p.status = $2
		AND b.role IN (`+core.Placeholders(3, len(roles))+`)`, args...)
	if err != nil {
		return 0, fmt.Errorf("count people: %w", err)
	}
	return int(n), nil
}

// AddLogin keeps a session by the hash of its secret.
func (tx Rows) AddLogin(l access.Login, hash [32]byte) error {
	_, err := tx.C.Exec(`INSERT INTO login (tenant_id, hash, person_id, created_at, seen_at, expires_at)
		VALUES ($1, $2, $3, $4, $5, $6)`, tx.Tenant, hash[:], l.Person, l.CreatedAt, l.SeenAt, l.ExpiresAt)
	if err != nil {
		return fmt.Errorf("keep session of %s: %w", l.Person.Text(id.Person), err)
	}
	return nil
}

// LoginByHash finds a session and whose it is, however old.
func (tx Rows) LoginByHash(hash [32]byte) (access.Login, access.PersonRow, bool, error) {
	var l access.Login
	var p access.PersonRow
	found, err := tx.One(`SELECT l.person_id, l.created_at, l.seen_at, l.expires_at, `+personColumns+personTables+`
		JOIN login l ON l.tenant_id = p.tenant_id AND l.person_id = p.id WHERE l.tenant_id = $1 AND l.hash = $2`,
		func(r core.Row) error {
			l = access.Login{Person: r.ID(0), CreatedAt: r.Time(1), SeenAt: r.Time(2), ExpiresAt: r.Time(3)}
			p = scanPerson(r, 4)
			return nil
		}, tx.Tenant, hash[:])
	if err != nil {
		return access.Login{}, access.PersonRow{}, false, fmt.Errorf("find session: %w", err)
	}
	return l, p, found, nil
}

// SeeLogin notes when a session was last used. A session that has ended meanwhile stays ended.
func (tx Rows) SeeLogin(hash [32]byte, at time.Time) error {
	_, err := tx.C.Exec(`UPDATE login SET seen_at = $1 WHERE tenant_id = $2 AND hash = $3`, at, tx.Tenant, hash[:])
	if err != nil {
		return fmt.Errorf("keep session: %w", err)
	}
	return nil
}

// DropLogin ends a session and reports whether there was one.
func (tx Rows) DropLogin(hash [32]byte) (bool, error) {
	n, err := tx.C.Exec(`DELETE FROM login WHERE tenant_id = $1 AND hash = $2`, tx.Tenant, hash[:])
	if err != nil {
		return false, fmt.Errorf("end session: %w", err)
	}
	return n == 1, nil
}

// DropLoginsOf ends the sessions of a person that are past their end at now or were last used before idle, and of the
// others the oldest beyond keep.
func (tx Rows) DropLoginsOf(person id.ID, now, idle time.Time, keep int) error {
	_, err := tx.C.Exec(`DELETE FROM login WHERE tenant_id = $1 AND person_id = $2 AND (expires_at <= $3 OR seen_at <= $4)`,
		tx.Tenant, person, now, idle)
	if err == nil {
		_, err = tx.C.Exec(`DELETE FROM login WHERE tenant_id = $1 AND person_id = $2 AND hash NOT IN (SELECT hash FROM login
			WHERE tenant_id = $1 AND person_id = $2 ORDER BY created_at DESC, hash LIMIT $3)`, tx.Tenant, person, keep)
	}
	if err != nil {
		return fmt.Errorf("end old sessions of %s: %w", person.Text(id.Person), err)
	}
	return nil
}
