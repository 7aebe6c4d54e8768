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
	sql    string
	params int
	locks  bool // whether it locks its rows; then the last column identifies the locked row
	table  string
	step   core.Step
	texts  map[string]string // the statement for lists, by the types of the parameters
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
	q := &shared{params: paramsOf(text), step: stepRead, texts: make(map[string]string)}
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

// text returns the statement for lists of these types. The first column is the place in the lists, from 1.
func (q *shared) text(oids []uint32) string {
	types := listTypes(oids)
	key := strings.Join(types, ",")
	if t, ok := q.texts[key]; ok {
		return t
	}
	t := `SELECT given.i, q.* FROM unnest(` + numbered(types) + `) WITH ORDINALITY AS given (` + columns(len(types)) + `, i), LATERAL (` + onRow(q.sql) + `) AS q`
	q.texts[key] = t
	return t
}

// held is an INSERT whose rows members hold back until the end of their transaction.
type held struct {
	table   string
	into    string // up to the list of columns
	values  string // the values of a row, with parameters
	after   string // what follows
	forms   string // the forms of all parameters if they are known, otherwise empty
	params  int
	certain bool // whether it writes its row or fails
	texts   map[string]string
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
	return &held{table: p[2], into: p[1], values: p[3], after: p[4], params: paramsOf(sql), texts: make(map[string]string), certain: certain(p[4])}
}

// certain reports whether an INSERT that ends so writes its row or fails.
func certain(after string) bool {
	return strings.TrimSpace(after) == "" || strings.Contains(after, "DO UPDATE") && !strings.Contains(after, "WHERE")
}

// text returns the statement for lists of these types. A parameter of unknown type is NULL in all rows.
func (h *held) text(oids []uint32) string {
	types := listTypes(oids)
	key := strings.Join(types, ",")
	if t, ok := h.texts[key]; ok {
		return t
	}
	values := onRow(h.values)
	var known []string
	names := ""
	for i, t := range types {
		if t == "" {
			values = regexp.MustCompile(`\bgiven\.p`+strconv.Itoa(i+1)+`\b`).ReplaceAllString(values, "NULL")
			continue
		}
		known = append(known, t)
		names += "p" + strconv.Itoa(i+1) + ", "
	}
	t := h.into + ` SELECT ` + values + ` FROM unnest(` + numbered(known) + `) AS given (` + strings.TrimSuffix(names, ", ") + `)` + h.after
	h.texts[key] = t
	return t
}

// onRow replaces the parameters of a statement by the columns of a row of the lists.
func onRow(sql string) string {
	return regexp.MustCompile(`\$(\d+)`).ReplaceAllString(sql, "given.p$1")
}

func listable(oid uint32) bool { return oid == oidInt || oid == oidText || oid == oidBytes }

// listTypes returns the types of lists of values; "" for values of unknown type.
func listTypes(oids []uint32) []string {
	out := make([]string, len(oids))
	for i, oid := range oids {
		if listable(oid) {
			out[i] = core.ListType(formOf(oid))
		}
	}
	return out
}

func formOf(oid uint32) byte {
	switch oid {
	case oidText:
		return 't'
	case oidBytes:
		return 'b'
	}
	return 'i'
}

// numbered returns $1::type, $2::type, …
func numbered(types []string) string {
	all := make([]string, len(types))
	for i, t := range types {
		all[i] = "$" + strconv.Itoa(i+1) + t
	}
	return strings.Join(all, ", ")
}

func columns(n int) string {
	all := make([]string, n)
	for i := range all {
		all[i] = "p" + strconv.Itoa(i+1)
	}
	return strings.Join(all, ", ")
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
		h = &held{table: p[1], into: into, values: strings.Join(values, ", "), after: after, forms: forms, params: len(forms), certain: certain(after), texts: make(map[string]string)}
		w.inserts[into+after] = h
	}
	return h
}
