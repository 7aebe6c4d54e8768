package postgres

import (
	"cmp"
	_ "embed"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/core"
)

// createdSchema is schema.txt: what PostgreSQL says of the tables that the migrations make. Verification runs in a transaction that only
// reads, also on a standby, so it cannot make the tables a second time to compare with.
//
//go:embed schema.txt
var createdSchema string

// verifySchema compares the definition of each table with the one that the migrations make: columns, constraints, indexes and how the table is
// stored. It also finds objects that only an owner of the tables can add. These are triggers, rules and policies, which write or hide rows as
// part of the server's own transactions, and views, which may replace a table.
func verifySchema(c *conn, r *store.Report) error {
	err := c.Query(`SELECT 'trigger ' || t.tgname || ' on table ' || k.relname FROM pg_trigger t JOIN pg_class k ON k.oid = t.tgrelid
			WHERE NOT t.tgisinternal AND k.relnamespace = current_schema()::regnamespace
		UNION ALL SELECT 'rule ' || w.rulename || ' on table ' || k.relname FROM pg_rewrite w JOIN pg_class k ON k.oid = w.ev_class
			WHERE w.rulename <> '_RETURN' AND k.relnamespace = current_schema()::regnamespace
		UNION ALL SELECT 'policy ' || p.polname || ' on table ' || k.relname FROM pg_policy p JOIN pg_class k ON k.oid = p.polrelid
			WHERE k.relnamespace = current_schema()::regnamespace
		UNION ALL SELECT 'view ' || relname FROM pg_class WHERE relkind IN ('v', 'm', 'f') AND relnamespace = current_schema()::regnamespace
		ORDER BY 1`, func(w core.Row) error {
		r.Find("schema", "The server did not create the %s in this database. It may change or hide what the server writes. "+
			"Have it examined before you sell anything.", w.Text(0))
		return nil
	})
	if err != nil {
		return fmt.Errorf("look for triggers: %w", err)
	}
	if c.plan.Steps != nil {
		return nil // only tests have steps of their own; schema.txt does not describe what these make
	}
	have, err := readTableParts(c)
	if err != nil {
		return err
	}
	compareTableParts(have, parseTableParts(createdSchema), r)
	return nil
}

// tablePart names a part of a table. A constraint is named by its definition, because a restore or an administrator may name it differently.
type tablePart struct {
	table string
	part  string // such as "column memo"; empty for the table itself
}

func (p tablePart) String() string {
	if p.part == "" {
		return "table " + p.table
	}
	return p.part + " of table " + p.table
}

// partRow says what a part of a table is, as PostgreSQL writes it.
type partRow struct {
	text string
	// onlySpeed says that the part changes nothing but the speed of queries: an index that is not unique and calls no function.
	onlySpeed bool
}

// selectTableParts lists the parts of all tables: the table, the part, its definition, and 1 if it only makes queries faster. The definition of
// an index begins after the names, because the name of the schema may differ. NOT NULL belongs to the column; PostgreSQL 18 lists it as a
// constraint too. An index that a constraint made counts with the constraint.
const selectTableParts = `
	WITH ours AS (SELECT * FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = current_schema()::regnamespace)
	SELECT k.relname::text, '', concat_ws(', ', CASE WHEN k.relkind = 'p' THEN 'partitioned' ELSE 'ordinary' END,
			CASE WHEN k.relpersistence <> 'p' THEN 'lost in a crash (unlogged)' END,
			CASE WHEN k.relrowsecurity OR k.relforcerowsecurity THEN 'row-level security' END,
			CASE WHEN EXISTS (SELECT FROM pg_inherits h WHERE h.inhparent = k.oid) THEN 'shows the rows of other tables' END,
			CASE WHEN EXISTS (SELECT FROM pg_inherits h WHERE h.inhrelid = k.oid) THEN 'belongs to another table' END), 0
		FROM ours k
	UNION ALL SELECT k.relname::text, 'column ' || a.attname, concat_ws(' ', format_type(a.atttypid, a.atttypmod),
			CASE WHEN a.attcollation <> t.typcollation THEN 'COLLATE ' || a.attcollation::regcollation::text END,
			CASE WHEN a.attnotnull THEN 'NOT NULL' END, 'DEFAULT ' || pg_get_expr(d.adbin, d.adrelid),
			CASE WHEN a.attidentity <> '' THEN 'IDENTITY ' || a.attidentity::text END, CASE WHEN a.attgenerated <> '' THEN 'GENERATED' END), 0
		FROM ours k JOIN pg_attribute a ON a.attrelid = k.oid AND a.attnum > 0 AND NOT a.attisdropped
			JOIN pg_type t ON t.oid = a.atttypid LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
	UNION ALL SELECT k.relname::text, 'constraint ' || pg_get_constraintdef(n.oid),
			CASE WHEN EXISTS (SELECT FROM pg_index i WHERE i.indexrelid = n.conindid AND NOT (i.indisvalid AND i.indisready))
				THEN 'without a valid index' ELSE 'in force' END, 0
		FROM ours k JOIN pg_constraint n ON n.conrelid = k.oid WHERE n.contype <> 'n' OR NOT n.convalidated
	UNION ALL SELECT k.relname::text, 'index ' || x.relname, concat_ws(' ', CASE WHEN i.indisunique THEN 'UNIQUE' END,
			substring(pg_get_indexdef(i.indexrelid) FROM ' USING (.*)'), CASE WHEN NOT (i.indisvalid AND i.indisready) THEN 'INVALID' END),
			CASE WHEN i.indisunique OR i.indexprs IS NOT NULL OR i.indpred IS NOT NULL THEN 0 ELSE 1 END
		FROM ours k JOIN pg_index i ON i.indrelid = k.oid JOIN pg_class x ON x.oid = i.indexrelid
		WHERE NOT EXISTS (SELECT FROM pg_constraint n WHERE n.conindid = i.indexrelid AND n.conrelid = k.oid)`

// readTableParts lists the parts of the database's tables.
func readTableParts(c *conn) (map[tablePart]partRow, error) {
	parts := map[tablePart]partRow{}
	oneLine := strings.NewReplacer("\n", `\n`, "\t", `\t`) // PostgreSQL breaks the lines of a CASE
	err := c.Query(selectTableParts, func(w core.Row) error {
		parts[tablePart{w.Text(0), oneLine.Replace(w.Text(1))}] = partRow{text: oneLine.Replace(w.Text(2)), onlySpeed: w.Int(3) == 1}
		return nil
	})
	return parts, fault.Wrap(err, "read the definitions of the tables")
}

// parseTableParts reads the text of schema.txt.
func parseTableParts(text string) map[tablePart]partRow {
	parts := map[tablePart]partRow{}
	for line := range strings.Lines(text) {
		if fields := strings.Split(strings.TrimSuffix(line, "\n"), "\t"); len(fields) == 3 {
			parts[tablePart{fields[0], fields[1]}] = partRow{text: fields[2]}
		}
	}
	return parts
}

// compareTableParts reports each difference between the database's tables and those that the server created. Tables of somebody else do not
// count: paywatt doctor makes one for a moment, to try the database. Nor do additional indexes that only make queries faster.
func compareTableParts(have, created map[tablePart]partRow, r *store.Report) {
	for _, p := range sortParts(created) {
		got, there := have[p]
		_, tableThere := have[tablePart{table: p.table}]
		switch {
		case !there && (tableThere || p.part == ""): // a table that is gone is one finding
			r.Find("schema", "The %s is gone. Rules that keep wrong rows out may be missing, or queries may be slow.", p)
		case there && got.text != created[p].text:
			r.Find("schema", "The %s is not the one that the server created. It is %q and was %q. Rules that keep wrong rows out may be missing.",
				p, got.text, created[p].text)
		}
	}
	for _, p := range sortParts(have) {
		_, ours := created[tablePart{table: p.table}]
		if _, known := created[p]; ours && !known && !have[p].onlySpeed {
			r.Find("schema", "The server did not create the %s. It may change or hide what the server writes. "+
				"Have it examined before you sell anything.", p)
		}
	}
}

// sortParts lists parts by table, then by name.
func sortParts(parts map[tablePart]partRow) []tablePart {
	return slices.SortedFunc(maps.Keys(parts), func(a, b tablePart) int {
		return cmp.Or(strings.Compare(a.table, b.table), strings.Compare(a.part, b.part))
	})
}
