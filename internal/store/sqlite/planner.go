package sqlite

import (
	"fmt"
	"math"
	"strings"

	"github.com/paywatt/paywatt/internal/store/core"
)

// The estimates that the planner gets for a table before it has rows.
const (
	plannedRows    = 1_000_000 // rows of a table
	plannedPartial = 100       // rows of a partial index: waiting work, never much
	plannedSame    = 30        // rows that agree in all columns of an index that is not unique
)

// full reports whether a partial index has most rows of its table. The planner would otherwise begin every join there.
func full(index string) bool {
	switch index {
	case "posting_account", "journal_ref", "vend_receipt", "vend_shift", "token_digits", "token_tail", "import_print", "message_identity", "message_meter", "message_vend",
		"message_try_reference":
		return true
	}
	return false
}

// teach gives SQLite's planner estimates of the tables. By default it assumes that the first column of an index selects about ten rows.
// Here that column is tenant_id, which selects everything, so a search for the sales of one meter would read all sales of the tenant. Fixed
// estimates also mean fixed plans: a server does not become slow when somebody runs ANALYZE.
func teach(c *conn) error {
	if err := c.plain("PRAGMA analysis_limit = 1"); err != nil { // its estimates are deleted below
		return err
	}
	if err := c.plain("ANALYZE"); err != nil { // creates the table for estimates
		return err
	}
	var estimates [][3]string
	err := c.Query(`SELECT t.name, i.name, i."unique", i.origin, i.partial, t.sql FROM sqlite_schema t JOIN pragma_index_list(t.name) i
		WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%' ORDER BY t.name, i.name`, func(r core.Row) error {
		columns, err := indexColumns(c, r.Text(1))
		if err != nil {
			return err
		}
		name := r.Text(1)
		if r.Text(3) == "pk" && strings.Contains(r.Text(5), "WITHOUT ROWID") {
			name = r.Text(0) // such a table is stored as its primary key, whose estimate has the table's name
		}
		estimates = append(estimates, [3]string{r.Text(0), name, estimate(columns, r.Bool(2), r.Bool(4) && !full(r.Text(1)))})
		return nil
	})
	if err != nil {
		return err
	}
	if _, err := c.Exec(`DELETE FROM sqlite_stat1`); err != nil {
		return err
	}
	for _, e := range estimates {
		if _, err := c.Exec(`INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ($1, $2, $3)`, e[0], e[1], e[2]); err != nil {
			return err
		}
	}
	return c.plain("ANALYZE sqlite_schema") // reloads the estimates
}

func indexColumns(c *conn, index string) ([]string, error) {
	var columns []string
	err := c.Query(`SELECT name FROM pragma_index_xinfo($1) WHERE key = 1 ORDER BY seqno`, func(r core.Row) error {
		columns = append(columns, r.Text(0))
		return nil
	}, index)
	return columns, err
}

// estimate returns how many rows an index has and how many agree in its first column, its first two, and so on, in the form of
// sqlite_stat1. It assumes that tenant_id is the same in all rows and that the other columns are equally selective.
func estimate(columns []string, unique, partial bool) string {
	rows, last := float64(plannedRows), float64(plannedSame)
	if partial {
		rows = plannedPartial
	}
	if unique {
		last = 1
	}
	telling := 0
	for _, name := range columns {
		if name != "tenant_id" {
			telling++
		}
	}
	text, seen := fmt.Sprintf("%.0f", rows), 0
	for _, name := range columns {
		if name != "tenant_id" {
			seen++
		}
		same := rows
		switch {
		case seen == telling:
			same = last
		case seen > 0:
			same = max(last, math.Round(math.Pow(rows, 1-float64(seen)/float64(telling))))
		}
		text += fmt.Sprintf(" %.0f", same)
	}
	return text
}
