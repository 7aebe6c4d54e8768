package store

import (
	"embed"
	"fmt"
	"io"
	"io/fs"
	"strconv"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/store/core"
)

// schema is schema.sql: all tables as they are after all migrations.
//
//go:embed schema.sql
var schema string

// migrations has the steps of the schema, a file each.
//
//go:embed migrations/*.sql
var migrations embed.FS

// Migration is one step of the schema. Steps are applied in the order of their numbers, each in one transaction, and
// never changed after a release.
type Migration struct {
	N    int    // 1, 2, 3 ...: also the version of a database after this step
	Name string // what the step does
	SQL  string // statements, each ending in a semicolon
}

// Statements lists the statements of the step, without their semicolons.
func (m Migration) Statements() []string {
	var out []string
	for begin, at := 0, 0; at < len(m.SQL); {
		skip := 1
		switch rest := m.SQL[at:]; {
		case strings.HasPrefix(rest, "--"):
			skip = ends(rest, 0, '\n')
		case rest[0] == '\'' || rest[0] == '"':
			skip = ends(rest, 1, rest[0])
		}
		last := at+skip == len(m.SQL)
		if m.SQL[at] == ';' || last {
			text := m.SQL[begin : at+skip]
			if bare(text) {
				out = append(out, strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(text), ";")))
			}
			begin = at + skip
		}
		at += skip
	}
	return out
}

// ends searches a text for a stop byte, from a position on. It returns the position after this byte, or the text's length if there is none.
func ends(text string, from int, stop byte) int {
	if n := strings.IndexByte(text[from:], stop); n >= 0 {
		return from + n + 1
	}
	return len(text)
}

// bare reports whether a text contains more than comments.
func bare(text string) bool {
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "--")
		if strings.Trim(line, "; \t\r\n") != "" {
			return true
		}
	}
	return false
}

// UpgradePlan holds the steps of the schema, and a hook between their statements. Only tests fill it.
type UpgradePlan struct {
	Steps []Migration       // nil: the steps of this version
	Pause func(next string) // called before each statement, before the version is written, before and after COMMIT
}

// Migrations lists the steps of the plan.
func (p UpgradePlan) Migrations() ([]Migration, error) {
	if p.Steps != nil {
		return p.Steps, nil
	}
	return Migrations()
}

// Whole returns the schema in which the steps end, as one step for an empty database.
func (p UpgradePlan) Whole() (Migration, error) {
	steps, err := p.Migrations()
	whole := Migration{N: len(steps), Name: "schema"}
	if err == nil && p.Steps == nil {
		whole.SQL = Schema()
		return whole, nil
	}
	for _, s := range steps {
		whole.SQL += s.SQL + "\n"
	}
	return whole, err
}

// Schema returns schema.sql.
func Schema() string { return schema }

// Before calls Pause, if it is set. The parameter next names the next statement or event.
func (p UpgradePlan) Before(next string) {
	if p.Pause != nil {
		p.Pause(next)
	}
}

// TooNew returns an [ErrNewer] for a database whose schema this program does not know.
func TooNew(version, known int) error {
	return fmt.Errorf("%w: it has schema %d and this program knows schemas up to %d", ErrNewer, version, known)
}

// TooOld returns an [ErrOlder] for a database that has to be upgraded first.
func TooOld(version, needed int) error {
	return fmt.Errorf("%w: it has schema %d and this program needs schema %d", ErrOlder, version, needed)
}

// Migrations lists the steps from the empty database to this version's schema; schema.sql shows that schema.
func Migrations() ([]Migration, error) {
	names, err := fs.Glob(migrations, "migrations/*.sql") // sorted, and the numbers have four digits
	if err != nil {
		return nil, err
	}
	out := make([]Migration, 0, len(names))
	for i, name := range names {
		text, err := migrations.ReadFile(name)
		if err != nil {
			return nil, err
		}
		number, title, _ := strings.Cut(strings.TrimSuffix(strings.TrimPrefix(name, "migrations/"), ".sql"), "_")
		n, err := strconv.Atoi(number)
		if err != nil || n != i+1 {
			return nil, fmt.Errorf("migration %s is not number %d", name, i+1)
		}
		out = append(out, Migration{N: n, Name: title, SQL: string(text)})
	}
	return out, nil
}

// FirstRows writes the rows of every new database: the first epoch and the first tenant.
func FirstRows(c core.Conn, now time.Time, rnd io.Reader) error {
	uid, err := id.New(now, rnd)
	if err != nil {
		return err
	}
	if _, err := c.Exec(`INSERT INTO meta (key, value) VALUES ('epoch', '1')`); err != nil {
		return err
	}
	_, err = c.Exec(`INSERT INTO tenant (id, uid, name, created_at) VALUES ($1, $2, $3, $4)`, FirstTenant, uid, "Paywatt", now)
	return err
}
