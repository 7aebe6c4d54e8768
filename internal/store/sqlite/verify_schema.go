package sqlite

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/core"
	"zombiezen.com/go/sqlite"
)

// verifySchema compares the database's tables, indexes and other objects with the objects that the migrations make. A trigger would write
// as part of the server's own transactions, before they are sealed; without a unique index, rows could be duplicated.
func verifySchema(c *conn, r *store.Report) error {
	meant, err := meantSchema(c.plan)
	if err != nil {
		return err
	}
	got, err := schemaOf(c)
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(got)) {
		switch text, ok := meant[name]; {
		case !ok:
			r.Find("schema", "The server did not create the %s in this database. It may change or hide what the server writes. Have it examined before you sell anything.", name)
		case text != got[name]:
			r.Find("schema", "The %s is not the one that the server created. Rules that keep wrong rows out may be missing.", name)
		}
		delete(meant, name)
	}
	for _, name := range slices.Sorted(maps.Keys(meant)) {
		r.Find("schema", "The %s is gone. Rows may now exist twice, or queries may be slow.", name)
	}
	return nil
}

// meantSchema returns the schema of a new database. That of this version is made once.
func meantSchema(p store.UpgradePlan) (map[string]string, error) {
	if p.Steps != nil {
		return makeSchema(p)
	}
	own, err := ownSchema()
	if err != nil { // it may have lacked memory at that moment
		return makeSchema(p)
	}
	return maps.Clone(own), nil
}

// ownSchema is the schema of a new database of this version.
var ownSchema = sync.OnceValues(func() (map[string]string, error) { return makeSchema(store.UpgradePlan{}) })

// makeSchema makes the schema of a plan in an empty database.
func makeSchema(p store.UpgradePlan) (out map[string]string, err error) {
	whole, err := p.Whole()
	if err != nil {
		return nil, err
	}
	empty, err := sqlite.OpenConn(":memory:")
	if err != nil {
		return nil, fmt.Errorf("make an empty database to compare with: %w", err)
	}
	defer func() { err = errors.Join(err, empty.Close()) }()
	if err := carryOut(empty, whole, func(string) {}); err != nil {
		return nil, fmt.Errorf("make the schema in an empty database: %w", err)
	}
	return schemaOf(newConn(empty))
}

// schemaOf lists the objects of a database with their SQL text, with blanks normalised. It leaves out SQLite's own tables and indexes,
// which SQLite makes from the other objects or from statistics.
func schemaOf(c *conn) (map[string]string, error) {
	out := map[string]string{}
	err := c.Query(`SELECT type, name, sql FROM sqlite_schema WHERE NOT (type IN ('table', 'index') AND name LIKE 'sqlite^_%' ESCAPE '^')`, func(w core.Row) error {
		out[w.Text(0)+" "+w.Text(1)] = strings.Join(strings.Fields(w.Text(2)), " ")
		return nil
	})
	return out, fault.Wrap(err, "read the schema")
}
