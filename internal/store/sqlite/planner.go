package sqlite

import (
	"fmt"
	"math"
	"strings"

	"github.com/paywatt/paywatt/internal/store/core"
)

// What the planner is told of a table before there is anything in it.
const (
	plannedRows    = 1_000_000 // of a table
	plannedPartial = 100       // of a partial index: work that waits, never much
	plannedSame    = 30        // rows that agree in all columns of an index that is not unique
)

// teach tells SQLite's planner how the tables will look. Left alone it believes that the first column of an index picks
// out some ten rows; here that column is tenant_id, which picks out everything, so it would walk through all sales of
// the tenant to find those of one meter. Estimates that never change also mean plans that never change: a server does
// not get slow on the day somebody runs ANALYZE.
func teach(c *conn) error {
	if err := c.plain("PRAGMA analysis_limit = 1"); err != nil { // what it finds is thrown away
		return err
	}
	if err := c.plain("ANALYZE"); err != nil { // makes the table of estimates
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
			name = r.Text(0) // such a table is its primary key, and its estimate has its name
		}
		estimates = append(estimates, [3]string{r.Text(0), name, estimate(columns, r.Bool(2), r.Bool(4))})
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
	return c.plain("ANALYZE sqlite_schema") // reads the estimates again
}

func indexColumns(c *conn, index string) ([]string, error) {
	var columns []string
	err := c.Query(`SELECT name FROM pragma_index_xinfo($1) WHERE key = 1 ORDER BY seqno`, func(r core.Row) error {
		columns = append(columns, r.Text(0))
		return nil
	}, index)
	return columns, err
}

// estimate is how many rows an index has and how many agree in its first column, its first two, and so on, as
// sqlite_stat1 writes it. tenant_id tells nothing apart; the others do so in equal measure.
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
