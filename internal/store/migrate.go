package store

import (
	"embed"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migration is one step of the schema. Steps are applied in the order of their numbers, each in one transaction, and
// never changed after a release.
type Migration struct {
	N    int    // 1, 2, 3 ...: the version of a database that has it
	Name string // what it does
	SQL  string // statements, each ending in a semicolon
}

// Migrations lists the steps from the empty database to this version's schema, whose whole is schema.sql.
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
