package postgres

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/paywatt/paywatt/internal/store/core"
)

// shared is a SELECT that members of one transaction run together: once for a list of arguments.
type shared struct {
	sql   string
	locks bool // whether it locks its rows; then the last column identifies the locked row
	table string
	step  core.Step
	repeated
}

// stepRead is the step of statements that lock nothing. They run before any lock.
const stepRead core.Step = 0

// lockOrder is the order in which statements lock rows of one transaction; other tables follow. A closure alone has the same order.
var lockOrder = []string{"account", "meter", "meter_key", "vendor", "usage_month"}

// mayNotLock are tables whose rows members share in another way.
var mayNotLock = []string{"ledger_account", "counter", "day_total"}

// shareable finds the parts of a SELECT that members may share. Its rows must come from the arguments alone.
func shareable(sql string) *shared {
	text := strings.TrimSpace(sql)
	if !strings.HasPrefix(text, "SELECT") || strings.Contains(text, "SKIP LOCKED") || strings.Contains(text, "pg_") || inOrder(text) != nil {
		return nil
	}
	q := &shared{step: stepRead, repeated: repeated{params: paramsOf(text)}}
	if q.params == 0 {
		return nil
	}
	body, of, locks := strings.Cut(text, " FOR UPDATE")
	if !locks {
		if !strings.Contains(text, "LIMIT") && !strings.Contains(text, "OFFSET") {
			text += " OFFSET 0" // the planner runs it for each row of the list, as it was written
		}
		q.sql = text
		return q
	}
	from := outerFrom(body)
	if strings.TrimSpace(of) != "" || from == nil || strings.Count(body, "LIMIT") > 0 {
		return nil
	}
	q.table, q.locks = body[from[2]:from[3]], true
	alias := q.table
	if from[4] >= 0 {
		alias = strings.TrimSpace(body[from[4]:from[5]])
	}
	if slices.Contains(mayNotLock, q.table) {
		return nil
	}
	at := slices.Index(lockOrder, q.table)
	if at < 0 {
		at = len(lockOrder)
	}
	q.step = core.Step(1 + at)
	q.sql = body[:from[0]] + ", " + alias + ".ctid" + body[from[0]:] + " FOR UPDATE"
	return q
}

// outerFrom finds the FROM clause of a statement that is not in parentheses, if it names one table: the places of the clause, the table and
// its alias.
func outerFrom(sql string) []int {
	for _, m := range regexp.MustCompile(`\sFROM (\w+)( \w+)?\s+WHERE `).FindAllStringSubmatchIndex(sql, -1) {
		if strings.Count(sql[:m[0]], "(") == strings.Count(sql[:m[0]], ")") {
			return m
		}
	}
	return nil
}

// paramsOf returns the number of parameters of a statement.
func paramsOf(sql string) int {
	most := 0
	for _, m := range regexp.MustCompile(`\$(\d+)`).FindAllStringSubmatch(sql, -1) {
		n, _ := strconv.Atoi(m[1])
		most = max(most, n)
	}
	return most
}

// text returns the statement for rows of arguments. Its first column is the place of the row, from 1.
func (q *shared) text(all []column) string {
	lists, names := listed(all)
	if lists == "" {
		return `SELECT 1, q.* FROM (` + placed(q.sql, all) + `) AS q`
	}
	return `SELECT given.i, q.* FROM unnest(` + lists + `) WITH ORDINALITY AS given (` + names + `, i), LATERAL (` + placed(q.sql, all) + `) AS q`
}

// held is an INSERT whose rows members hold back until the end of their transaction.
type held struct {
	table   string
	into    string // up to the list of columns
	values  string // the values of a row, with parameters
	after   string // what follows
	certain bool   // whether it writes its row or fails
	repeated
}

func insertParts() *regexp.Regexp {
	return regexp.MustCompile(`(?s)^\s*(INSERT INTO (\w+) \([^)]*\))\s+VALUES \(([^()]*)\)(.*)$`)
}

// holdable finds the parts of an INSERT of one row that may be held back.
func holdable(sql string) *held {
	p := insertParts().FindStringSubmatch(sql)
	if p == nil || strings.Contains(p[4], "$") || strings.Contains(p[4], "RETURNING") || strings.Contains(p[4], "DO NOTHING") || inOrder(sql) != nil {
		return nil
	}
	return &held{table: p[2], into: p[1], values: p[3], after: p[4], certain: certain(p[4]), repeated: repeated{params: paramsOf(sql)}}
}

// certain reports whether an INSERT that ends so writes its row or fails.
func certain(after string) bool {
	return strings.TrimSpace(after) == "" || strings.Contains(after, "DO UPDATE") && !strings.Contains(after, "WHERE")
}

// text returns the statement for rows of arguments.
func (h *held) text(all []column) string {
	from := ""
	if lists, names := listed(all); lists != "" {
		from = ` FROM unnest(` + lists + `) AS given (` + names + `)`
	}
	return h.into + ` SELECT ` + placed(h.values, all) + from + ` ` + strings.TrimSpace(h.after)
}

// shared returns the shared form of a SELECT; nil if it has none.
func (w *worker) shared(sql string) *shared {
	q, ok := w.selects[sql]
	if !ok {
		q = shareable(sql)
		w.selects[sql] = q
	}
	return q
}

// held returns the form of an INSERT that can be held back; nil if it has none.
func (w *worker) held(sql string) *held {
	h, ok := w.inserts[sql]
	if !ok {
		h = holdable(sql)
		w.inserts[sql] = h
	}
	return h
}

// heldRows returns the form of an INSERT of rows.
func (w *worker) heldRows(into, forms, after string) *held {
	h := w.inserts[into+after]
	if h == nil {
		var values []string
		for i := range len(forms) {
			values = append(values, "$"+strconv.Itoa(i+1))
		}
		p := regexp.MustCompile(`^INSERT INTO (\w+)`).FindStringSubmatch(into)
		h = &held{table: p[1], into: into, values: strings.Join(values, ", "), after: after, certain: certain(after), repeated: repeated{params: len(forms)}}
		w.inserts[into+after] = h
	}
	return h
}
