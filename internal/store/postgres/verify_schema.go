package postgres

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/paywatt/paywatt/internal/store"
)

// verifySchema compares what keeps wrong rows out with what the migrations make, and finds what nobody but an owner of the
// tables can add: triggers, rules and policies write or hide rows with the server's own hand, a view may stand in a table's
// place.
func verifySchema(c *conn, r *store.Report) error {
	err := c.Query(`SELECT 'trigger ' || t.tgname || ' on table ' || k.relname FROM pg_trigger t JOIN pg_class k ON k.oid = t.tgrelid
			WHERE NOT t.tgisinternal AND k.relnamespace = current_schema()::regnamespace
		UNION ALL SELECT 'rule ' || w.rulename || ' on table ' || k.relname FROM pg_rewrite w JOIN pg_class k ON k.oid = w.ev_class
			WHERE w.rulename <> '_RETURN' AND k.relnamespace = current_schema()::regnamespace
		UNION ALL SELECT 'policy ' || p.polname || ' on table ' || k.relname FROM pg_policy p JOIN pg_class k ON k.oid = p.polrelid
			WHERE k.relnamespace = current_schema()::regnamespace
		UNION ALL SELECT 'view ' || relname FROM pg_class WHERE relkind IN ('v', 'm', 'f') AND relnamespace = current_schema()::regnamespace
		ORDER BY 1`, func(w store.Row) error {
		r.Find("schema", "The database has a %s that the server did not make. It acts on what the server writes, or hides it: have somebody look at it before anything is sold.", w.Text(0))
		return nil
	})
	if err != nil {
		return fmt.Errorf("look for triggers: %w", err)
	}
	meant, err := meantSchema()
	if err != nil {
		return err
	}
	return meant.compare(c, r)
}

// rules is what keeps wrong rows out, as far as the text of the migrations tells it.
type rules struct {
	indexes                 []string // names; "unique" before those that are
	primary, unique, checks int64
}

func meantSchema() (rules, error) {
	steps, err := store.Migrations()
	if err != nil {
		return rules{}, err
	}
	var out rules
	index, primary := regexp.MustCompile(`CREATE (UNIQUE )?INDEX (\w+)`), regexp.MustCompile(`\bPRIMARY KEY\b`)
	unique, check := regexp.MustCompile(`[^E] UNIQUE\b`), regexp.MustCompile(`\bCHECK \(`)
	for _, s := range steps {
		sql, err := dialect(s.SQL)
		if err != nil {
			return rules{}, err
		}
		for _, m := range index.FindAllStringSubmatch(sql, -1) {
			out.indexes = append(out.indexes, strings.ToLower(m[1])+m[2])
		}
		out.primary += int64(len(primary.FindAllString(sql, -1)))
		out.unique += int64(len(unique.FindAllString(sql, -1)))
		out.checks += int64(len(check.FindAllString(sql, -1)))
	}
	return out, nil
}

func (m rules) compare(c *conn, r *store.Report) error {
	var have []string
	err := c.Query(`SELECT CASE WHEN i.indisunique THEN 'unique ' ELSE '' END || k.relname FROM pg_index i JOIN pg_class k ON k.oid = i.indexrelid
		WHERE i.indisvalid AND k.relnamespace = current_schema()::regnamespace`, func(w store.Row) error {
		have = append(have, w.Text(0))
		return nil
	})
	if err != nil {
		return fmt.Errorf("list the indexes: %w", err)
	}
	for _, name := range m.indexes {
		if !slices.Contains(have, name) {
			r.Find("schema", "The index %s is gone or not the one that the server made: what it kept from existing twice, or from being slow, is not kept any more.",
				strings.TrimPrefix(name, "unique "))
		}
	}
	for _, k := range []struct {
		kind, what string
		want       int64
	}{{"p", "primary keys", m.primary}, {"u", "rules that rows are unique", m.unique}, {"c", "checks of values", m.checks}} {
		n, err := c.number(`SELECT COUNT(*) FROM pg_constraint WHERE contype::text = $1 AND connamespace = current_schema()::regnamespace`, k.kind)
		if err != nil {
			return fmt.Errorf("count the %s: %w", k.what, err)
		}
		if n != k.want {
			r.Find("schema", "The database has %d %s, the server made %d: rules that keep wrong rows out may be gone.", n, k.what, k.want)
		}
	}
	return nil
}
