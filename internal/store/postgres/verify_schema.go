package postgres

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/core"
)

// verifySchema compares the rules that keep wrong rows out with the rules of the migrations. It also finds objects that only an owner of
// the tables can add. These are triggers, rules and policies, which write or hide rows as part of the server's own transactions, and views,
// which may replace a table.
func verifySchema(c *conn, r *store.Report) error {
	err := c.Query(`SELECT 'trigger ' || t.tgname || ' on table ' || k.relname FROM pg_trigger t JOIN pg_class k ON k.oid = t.tgrelid
			WHERE NOT t.tgisinternal AND k.relnamespace = current_schema()::regnamespace
		UNION ALL SELECT 'rule ' || w.rulename || ' on table ' || k.relname FROM pg_rewrite w JOIN pg_class k ON k.oid = w.ev_class
			WHERE w.rulename <> '_RETURN' AND k.relnamespace = current_schema()::regnamespace
		UNION ALL SELECT 'policy ' || p.polname || ' on table ' || k.relname FROM pg_policy p JOIN pg_class k ON k.oid = p.polrelid
			WHERE k.relnamespace = current_schema()::regnamespace
		UNION ALL SELECT 'view ' || relname FROM pg_class WHERE relkind IN ('v', 'm', 'f') AND relnamespace = current_schema()::regnamespace
		ORDER BY 1`, func(w core.Row) error {
		r.Find("schema", "The server did not create the %s in this database. It may change or hide what the server writes. Have it examined before you sell anything.", w.Text(0))
		return nil
	})
	if err != nil {
		return fmt.Errorf("look for triggers: %w", err)
	}
	meant, err := meantSchema(c.plan)
	if err != nil {
		return err
	}
	return compareRules(c, meant, r)
}

// rules are the indexes and constraints that keep wrong rows out, as read from the text of the migrations.
type rules struct {
	indexes                 []string // names; unique ones begin with "unique "
	primary, unique, checks int64
}

// ruleWords are the patterns that find rules in the text of a migration.
type ruleWords struct{ index, table, dropped, renamed, primary, unique, check *regexp.Regexp }

func newRuleWords() ruleWords {
	return ruleWords{
		index:   regexp.MustCompile(`^CREATE (UNIQUE )?INDEX (\w+)\s+ON\s+(\w+)`),
		table:   regexp.MustCompile(`^(?:CREATE|ALTER) TABLE (\w+)`),
		dropped: regexp.MustCompile(`^DROP (?:TABLE|INDEX) (\w+)`),
		renamed: regexp.MustCompile(`^ALTER TABLE (\w+) RENAME TO (\w+)`),
		primary: regexp.MustCompile(`\bPRIMARY KEY\b`),
		unique:  regexp.MustCompile(`[^E] UNIQUE\b`),
		check:   regexp.MustCompile(`\bCHECK \(`),
	}
}

// meantSchema collects the rules of each table from the statements of the migrations in order, without tables and indexes that a later statement
// drops.
func meantSchema(p store.UpgradePlan) (map[string]rules, error) {
	steps, err := p.Migrations()
	if err != nil {
		return nil, err
	}
	of, words := map[string]rules{}, newRuleWords()
	for _, s := range steps {
		for _, text := range s.Statements() {
			sql, err := dialect(text)
			if err != nil {
				return nil, err
			}
			words.read(strings.TrimSpace(sql), of)
		}
	}
	return of, nil
}

// read applies the effect of one statement to the rules of a table.
func (w ruleWords) read(sql string, of map[string]rules) {
	if m := w.index.FindStringSubmatch(sql); m != nil {
		r := of[m[3]]
		r.indexes = append(r.indexes, strings.ToLower(m[1])+m[2])
		of[m[3]] = r
	} else if m := w.renamed.FindStringSubmatch(sql); m != nil {
		of[m[2]] = of[m[1]]
		delete(of, m[1])
	} else if m := w.dropped.FindStringSubmatch(sql); m != nil {
		delete(of, m[1])
		for table, r := range of {
			r.indexes = slices.DeleteFunc(r.indexes, func(name string) bool { return strings.TrimPrefix(name, "unique ") == m[1] })
			of[table] = r
		}
	} else if m := w.table.FindStringSubmatch(sql); m != nil {
		r := of[m[1]]
		r.primary += int64(len(w.primary.FindAllString(sql, -1)))
		r.unique += int64(len(w.unique.FindAllString(sql, -1)))
		r.checks += int64(len(w.check.FindAllString(sql, -1)))
		of[m[1]] = r
	}
}

// compareRules compares the rules of the database's tables with those that the server created. Tables of somebody else do not count: paywatt doctor
// makes one for a moment, to try the database.
func compareRules(c *conn, meant map[string]rules, r *store.Report) error {
	var indexes []string
	err := c.Query(`SELECT CASE WHEN i.indisunique THEN 'unique ' ELSE '' END || k.relname FROM pg_index i JOIN pg_class k ON k.oid = i.indexrelid
		WHERE i.indisvalid AND k.relnamespace = current_schema()::regnamespace`, func(w core.Row) error {
		indexes = append(indexes, w.Text(0))
		return nil
	})
	if err != nil {
		return fmt.Errorf("list the indexes: %w", err)
	}
	type tableRule struct{ table, kind string }
	have := map[tableRule]int64{}
	err = c.Query(`SELECT k.relname, n.contype::text, COUNT(*) FROM pg_constraint n JOIN pg_class k ON k.oid = n.conrelid
		WHERE n.connamespace = current_schema()::regnamespace GROUP BY k.relname, n.contype`, func(w core.Row) error {
		have[tableRule{w.Text(0), w.Text(1)}] = w.Int(2)
		return nil
	})
	if err != nil {
		return fmt.Errorf("count the constraints: %w", err)
	}
	for _, table := range slices.Sorted(maps.Keys(meant)) {
		m := meant[table]
		for _, name := range m.indexes {
			if !slices.Contains(indexes, name) {
				r.Find("schema", "The index %s is gone, or is not the one that the server created. Rows may now exist twice, or queries may be slow.",
					strings.TrimPrefix(name, "unique "))
			}
		}
		for _, k := range []struct {
			kind, what string
			want       int64
		}{{"p", "primary keys", m.primary}, {"u", "unique constraints", m.unique}, {"c", "check constraints", m.checks}} {
			if n := have[tableRule{table, k.kind}]; n != k.want {
				r.Find("schema", "Table %s has %d %s, but the server created %d. Rules that keep wrong rows out may be missing.", table, n, k.what, k.want)
			}
		}
	}
	return nil
}
