package app

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"golang.org/x/net/html"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/keystore"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/core"
	"github.com/paywatt/paywatt/internal/store/frozen"
	"github.com/paywatt/paywatt/internal/store/postgres/pgtest"
	"github.com/paywatt/paywatt/internal/tier"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Run(m)) }

// planned is an engine that asks for the plan of each query before it runs it. Every plan is judged as if every table were large.
type planned struct {
	store.Engine
	shared bool // the engine is PostgreSQL
	mu     sync.Mutex
	seen   map[string]string // query: its plan if it is a bad one
	page   string            // that is being asked for
	pages  map[string]string // query: the first page that needs it
	used   map[string]bool   // the exceptions that were needed
	empty  map[string]bool   // tables without rows, whose plans on PostgreSQL mean nothing
}

func (p *planned) Run(ctx context.Context, t access.Tenant, lane store.Lane, fn func(*store.Tx) (bool, error)) error {
	return p.Engine.Run(ctx, t, lane, func(tx *store.Tx) (bool, error) {
		tx.C = explained{tx.C, p}
		return fn(tx)
	})
}

func (p *planned) View(ctx context.Context, t access.Tenant, fn func(*store.Tx) error) error {
	return p.Engine.View(ctx, t, func(tx *store.Tx) error {
		tx.C = explained{tx.C, p}
		return fn(tx)
	})
}

type explained struct {
	core.Conn
	p *planned
}

func (c explained) Query(sql string, row func(core.Row) error, args ...any) error {
	if err := c.p.explain(c.Conn, sql, args); err != nil {
		return fmt.Errorf("explain %s: %w", sql, err)
	}
	return c.Conn.Query(sql, row, args...)
}

func (p *planned) explain(c core.Conn, sql string, args []any) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if strings.Contains(p.page, "subject=acc_") && everyPosting.MatchString(sql) && !strings.Contains(sql, "listed = 1") {
		p.seen["-- of one account: "+sql], p.pages["-- of one account: "+sql] = "all postings of the utility in a span", p.page
	}
	if _, done := p.seen[sql]; done || p.page == "" {
		return nil
	}
	var plan []string
	if !p.shared {
		if err := c.Query("EXPLAIN QUERY PLAN "+sql, func(r core.Row) error { plan = append(plan, r.Text(3)); return nil }, args...); err != nil {
			return err
		}
		p.seen[sql], p.pages[sql] = p.judge(sql, plan), p.page
		return nil
	}
	if _, err := c.Exec("SET LOCAL enable_seqscan = off"); err != nil {
		return err
	}
	if err := c.Query("EXPLAIN (COSTS OFF) "+sql, func(r core.Row) error { plan = append(plan, r.Text(0)); return nil }, args...); err != nil {
		return err
	}
	p.seen[sql], p.pages[sql] = p.judge(sql, plan), p.page
	_, err := c.Exec("SET LOCAL enable_seqscan = on")
	return err
}

// small reports whether a table stays small in every utility: it has rows for what somebody set up, or for what waits.
func small(table string) bool {
	return slices.Contains(strings.Fields(`meta tenant counter person role_binding login api_key standing vendor outlet terminal shift tariff tariff_version
		holiday_calendar leader job_run integration_login webhook_endpoint webhook_delivery vend_seller approval import device device_password session sight
		counter_device day_total message_month reversal reversal_token number_change`), table)
}

// waiting reports whether an index has only rows that wait for something, which are few.
func waiting(index string) bool {
	return slices.Contains(strings.Fields(`journal_unsealed audit_unsealed charge_due_open debt_open vend_open vend_ended hold_open quarantine_open quarantine_waiting wallet_accrued
		wallet_supply_look alarm_open alarm_feeder alarm_server outbox_due outbox_held reversal_open reversal_token_due
		token_job_open message_line message_due
		token_unconfirmed token_without_tail shift_till shift_holder`), index)
}

// allowed are the queries that may read all rows of a utility, by a part of their text, each with the reason.
func allowed() map[string]string {
	return map[string]string{
		"FROM customer WHERE tenant_id = $1 AND (' ' || search LIKE":   "somebody types a part of a name: each customer and place is compared, which the bench of the pages measures",
		"FROM ledger_account a WHERE a.tenant_id = $1 GROUP BY a.code": "the trial balance adds up all accounts, never their postings",
		"FROM vend WHERE tenant_id = $1 AND id >= $2":                  "the totals of the listed sales add them up, which the bench of the pages measures",
		"FROM vend WHERE tenant_id = $1 AND till = $2 AND id >= $3":    "the same for one till",
		"FROM wallet w JOIN meter m ON":                                "a list of meters in the order of what is left compares all wallets",
		"SELECT DISTINCT journal_id FROM posting WHERE tenant_id = $1": "the newest journals of an account that every sale moves are among the newest of all",
		"p.feeder = $": "a list of the meters of one feeder reads the meters",
	}
}

// outermost matches a query, or a part of one, for the newest or oldest row of a utility. It reads one row.
var outermost = regexp.MustCompile(`FROM (\w+) WHERE tenant_id = \$\d+ ORDER BY \w+(?: DESC)? LIMIT 1\b`)

// everyPosting matches a query for the postings of an account in a span. Without the index of postings by account it reads those of all
// accounts. That is no waste for an account that every sale changes, such as a till.
var everyPosting = regexp.MustCompile(`(?s)FROM posting.* account = \$\d+ AND (?:p\.)?journal_id [<>]`)

// judge returns the plan of a query that reads all rows of a large table, or nothing.
func (p *planned) judge(sql string, plan []string) string {
	for part := range allowed() {
		if strings.Contains(sql, part) {
			p.used[part] = true
			return ""
		}
	}
	ignored := ""
	if m := outermost.FindStringSubmatch(sql); m != nil {
		ignored = m[1]
	}
	if p.shared {
		return badOnPostgreSQL(sql, plan, func(table string) bool { return table == ignored || p.empty[table] || small(table) })
	}
	return badOnSQLite(sql, plan, func(table string) bool { return table == ignored || small(table) })
}

// newestRows is a part of a query for the newest rows of one meter, and wholeLife matches a condition that all rows of a meter fulfil.
const newestRows = "ORDER BY id DESC LIMIT"

var wholeLife = regexp.MustCompile(`Index Cond: \(\(tenant_id = [^ ]+\) AND \(meter = [^ ]+\)\)$`)

// ofOne matches a condition for the rows of one account or one meter, and spanOnly the part of an index that holds the rows of everybody in a span.
var (
	ofOne    = regexp.MustCompile(`(?:(\w+)\.)?\b(?:account|account_id|meter) (?:= \$|= ANY|IN \()`)
	spanOnly = regexp.MustCompile(`^tenant_id=\? AND \w+[<>]\?(?: AND \w+[<>]\?)?$`)
	ofSpan   = regexp.MustCompile(`Index Cond: \(\(tenant_id = [^ ]+\)(?: AND \(\w+ [<>]=? [^ ]+\)){2,}\)$`)
	leftOver = regexp.MustCompile(`Filter: .*\b(?:account|account_id) = `)
)

// everybodys reports whether SQLite reads the rows of a span, those of everybody, for those of one account or meter.
func everybodys(sql, table, condition string) bool {
	return spanOnly.MatchString(condition) && slices.ContainsFunc(ofOne.FindAllStringSubmatch(sql, -1), func(m []string) bool { return m[1] == "" || m[1] == table })
}

// badOnSQLite returns the plan of a query that reads all rows of a large table, or nothing.
func badOnSQLite(sql string, plan []string, small func(string) bool) string {
	names := map[string]string{}
	for _, m := range regexp.MustCompile(`(?i)(?:FROM|JOIN)\s+(\w+)(?:\s+(?:AS\s+)?(\w+))?`).FindAllStringSubmatch(sql, -1) {
		names[m[1]] = m[1]
		if m[2] != "" {
			names[m[2]] = m[1]
		}
	}
	for _, line := range plan {
		m := regexp.MustCompile(`^(SCAN|SEARCH) (\w+)(?: USING (?:COVERING )?(?:INDEX (\w+)|PRIMARY KEY|INTEGER PRIMARY KEY))?(?: \((.*)\))?`).FindStringSubmatch(line)
		if m == nil || names[m[2]] == "" || small(names[m[2]]) || waiting(m[3]) {
			continue
		}
		open := regexp.MustCompile(`^tenant_id=\? AND \w+[<>]\?$`).MatchString(m[4])                                // all rows up to a place in a list
		life := names[m[2]] == "reading" && m[4] == "tenant_id=? AND meter=?" && !strings.Contains(sql, newestRows) // all readings of a meter
		if m[1] == "SCAN" || m[4] == "tenant_id=?" || life || everybodys(sql, m[2], m[4]) || open && strings.Contains(strings.Join(plan, ""), "TEMP B-TREE") {
			return strings.Join(plan, "; ")
		}
	}
	return ""
}

// badOnPostgreSQL does the same with a plan of PostgreSQL.
func badOnPostgreSQL(sql string, plan []string, small func(string) bool) string {
	for i, line := range plan {
		if m := regexp.MustCompile(`Seq Scan on (\w+)`).FindStringSubmatch(line); m != nil && !small(m[1]) {
			return strings.Join(plan, "\n")
		}
		m := regexp.MustCompile(`Index (?:Only )?Scan (?:Backward )?(?:using (\w+) on (\w+)|on (\w+))`).FindStringSubmatch(line)
		if m == nil || small(m[2]) || waiting(m[1]+m[3]) {
			continue
		}
		if table, _, _ := strings.Cut(m[3], "_"); m[3] != "" && small(table) {
			continue
		}
		condition := ""
		if i+1 < len(plan) && strings.Contains(plan[i+1], "Index Cond:") {
			condition = plan[i+1]
		}
		open := regexp.MustCompile(`Index Cond: \(\(tenant_id = [^ ]+\) AND \(\w+ [<>]=? [^ ]+\)\)$`).MatchString(condition) // all rows up to a place in a list
		life := m[2]+strings.TrimSuffix(m[3], "_meter") == "reading" && wholeLife.MatchString(condition) && !strings.Contains(sql, newestRows)
		near := strings.Join(plan[max(0, i-3):min(len(plan), i+4)], " ") // where few meters have all sales, one of them has many
		everybodys := ofSpan.MatchString(condition) && leftOver.MatchString(near) && !strings.Contains(near, "(meter = ")
		if condition == "" || life || everybodys || regexp.MustCompile(`Index Cond: \(tenant_id = [^ ]+\)$`).MatchString(condition) || open && strings.Contains(strings.Join(plan, ""), "Sort Key") {
			return strings.Join(plan, "\n")
		}
	}
	return ""
}

// walk asks a server for every page and every list, and follows all links and the choices of all filters.
type walk struct {
	t       *testing.T
	a       *App
	p       *planned
	cookies []*http.Cookie
	key     string
	asked   map[string]int // by the form of the address
	facts   frozen.Facts
}

func (w *walk) get(path string) *httptest.ResponseRecorder {
	w.p.mu.Lock()
	w.p.page = path
	w.p.mu.Unlock()
	r := httptest.NewRequestWithContext(w.t.Context(), http.MethodGet, path, nil)
	r.RemoteAddr = "127.0.0.1:1"
	if strings.HasPrefix(path, "/v1/") {
		r.Header.Set("Authorization", "Bearer "+w.key)
	}
	for _, c := range w.cookies {
		r.AddCookie(c)
	}
	a := httptest.NewRecorder()
	w.a.handler.ServeHTTP(a, r)
	if a.Code >= 500 {
		w.t.Errorf("GET %s: %d %s", path, a.Code, a.Body)
	}
	return a
}

// shape is the form of an address: ids, numbers and values are all the same.
func shape(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return address
	}
	path := regexp.MustCompile(`[a-z]{3}_[0-9a-z]{26}|[0-9]{6,}|[0-9]{4}-[0-9]{2}-[0-9]{2}|[a-z]+-[0-9]{6,}`).ReplaceAllString(u.Path, "{}")
	var keys []string
	for k, v := range u.Query() {
		if v[0] != "" {
			keys = append(keys, k+"="+regexp.MustCompile(`^[a-z_]{0,20}$`).FindString(v[0]))
		}
	}
	slices.Sort(keys)
	return path + "?" + strings.Join(keys, "&")
}

// pages follows the links of the console.
func (w *walk) pages(start ...string) {
	queue := start
	for len(queue) > 0 {
		at := queue[0]
		queue = queue[1:]
		if w.asked[shape(at)]++; w.asked[shape(at)] > 1 {
			continue
		}
		a := w.get(at)
		if !strings.HasPrefix(a.Header().Get("Content-Type"), "text/html") {
			continue
		}
		tree, err := html.Parse(a.Body)
		if err != nil {
			w.t.Fatal(err)
		}
		base, _ := url.Parse(at)
		for _, more := range w.links(tree) {
			to, err := base.Parse(more)
			if err != nil || to.Host != "" || strings.HasPrefix(to.Path, "/static") || strings.HasPrefix(to.Path, "/docs") || strings.Contains(to.Path, "live") || strings.Contains(to.Path, "backup") {
				continue
			}
			to.Fragment = ""
			queue = append(queue, to.String())
		}
	}
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// links lists the links of a page and the addresses of its forms that only ask, with each choice and something typed.
func (w *walk) links(n *html.Node) (out []string) {
	if n.Type == html.ElementNode && n.Data == "a" && attribute(n, "href") != "" {
		out = append(out, attribute(n, "href"))
	}
	if n.Type == html.ElementNode && n.Data == "form" && (attribute(n, "method") == "" || attribute(n, "method") == "get") {
		for field := range n.Descendants() {
			if field.Type != html.ElementNode {
				continue
			}
			name := attribute(field, "name")
			switch field.Data {
			case "input":
				for _, typed := range w.typed(attribute(field, "type")) {
					out = append(out, attribute(n, "action")+"?"+url.Values{name: {typed}}.Encode())
				}
			case "option":
				if list := field.Parent; list.Data == "select" && attribute(list, "name") != "" {
					out = append(out, attribute(n, "action")+"?"+url.Values{attribute(list, "name"): {attribute(field, "value")}}.Encode())
				}
			}
		}
	}
	for c := range n.ChildNodes() {
		out = append(out, w.links(c)...)
	}
	return out
}

// typed is what somebody types into a field of a form.
func (w *walk) typed(kind string) []string {
	switch kind {
	case "date":
		return []string{w.facts.Now.AddDate(0, 0, -3).Format(time.DateOnly)}
	case "checkbox":
		return []string{"true"}
	case "hidden", "submit":
		return nil
	}
	return []string{w.facts.TokenMeter, "amina"}
}

// parameter is a parameter of an operation of the API.
type parameter struct {
	Name     string `json:"name"`
	In       string `json:"in"`
	Required bool   `json:"required"`
}

// lists asks for everything that the API reads.
func (w *walk) lists() {
	text, err := os.ReadFile("../api/openapi.json")
	if err != nil {
		w.t.Fatal(err)
	}
	var document struct {
		Paths map[string]struct {
			Get *struct {
				Parameters []parameter `json:"parameters"`
			} `json:"get"`
		} `json:"paths"`
	}
	if err := json.Unmarshal(text, &document); err != nil {
		w.t.Fatal(err)
	}
	asked, answered := 0, 0
	for path, methods := range document.Paths {
		if methods.Get == nil || path == "/v1/events" || strings.Contains(path, "backup") {
			continue
		}
		at, asks := w.filled(path), url.Values{}
		for _, p := range methods.Get.Parameters {
			if p.In == "query" && (p.Required || p.Name == "from" || p.Name == "to") {
				asks.Set(p.Name, w.value(path, p.Name))
			}
		}
		asked++
		if a := w.get(at + "?" + asks.Encode()); a.Code < 400 {
			answered++
		} else {
			w.t.Logf("%s?%s: %d %.150s", at, asks.Encode(), a.Code, a.Body)
		}
	}
	if asked < 60 || answered < asked*4/5 {
		w.t.Errorf("of %d things that the API reads, %d were answered", asked, answered)
	}
}

// carried asks for what one account carries forward: every sale changes such an account, and few sales this one.
func (w *walk) carried() {
	var account struct {
		ID string `json:"id"`
	}
	if err := json.Unmarshal(w.get("/v1/accounts/"+w.facts.TokenMeter).Body.Bytes(), &account); err != nil || account.ID == "" {
		w.t.Fatalf("the account of a meter has no id: %v", err)
	}
	of := fmt.Sprintf("code=%d&subject=%s", ledger.Carry, account.ID)
	at := url.QueryEscape(w.facts.Now.AddDate(0, 0, -3).Format(time.RFC3339))
	for path, part := range map[string]string{"/ledger/journals?" + of: account.ID, "/v1/ledger/journals?" + of: account.ID,
		fmt.Sprintf("/v1/ledger/accounts/%d/balance?subject=%s&at=%s", ledger.Carry, account.ID, at): "balance_minor"} {
		if a := w.get(path); a.Code != http.StatusOK || !strings.Contains(a.Body.String(), part) {
			w.t.Errorf("GET %s: %d %.200s", path, a.Code, a.Body)
		}
	}
}

// value is a value of a parameter.
func (w *walk) value(path, name string) string {
	switch name {
	case "day", "from":
		at := w.facts.Now.AddDate(0, 0, -3)
		if strings.HasPrefix(path, "/v1/meters/") {
			return at.Format(time.RFC3339)
		}
		return at.Format(time.DateOnly)
	case "to":
		if strings.HasPrefix(path, "/v1/meters/") {
			return w.facts.Now.Format(time.RFC3339)
		}
		return w.facts.Now.Format(time.DateOnly)
	case "subject":
		return ""
	case "month":
		return w.facts.Now.Format("2006-01")
	case "code":
		return "2000"
	case "q", "find":
		return "amina"
	}
	return w.facts.TokenMeter
}

// filled replaces the parameters of a path, the first one with the newest object of its list.
func (w *walk) filled(path string) string {
	list, rest, ok := strings.Cut(path, "/{")
	if !ok {
		return path
	}
	parameter, rest, _ := strings.Cut(rest, "}")
	name := w.value(path, parameter)
	switch list {
	case "/v1/meters", "/v1/accounts":
	case "/v1/ledger/accounts":
		name = "2000"
	default:
		var out struct {
			Data []map[string]any `json:"data"`
		}
		if json.Unmarshal(w.get(list).Body.Bytes(), &out) == nil && len(out.Data) > 0 {
			for _, key := range []string{"id", "number", "name", "email"} {
				if s, ok := out.Data[0][key].(string); ok {
					name = s
					break
				}
			}
		}
	}
	return strings.ReplaceAll(list+"/"+url.PathEscape(name)+rest, "{month}", w.value(path, "month"))
}

func (w *walk) signIn() {
	ctx, by := w.t.Context(), Clerk()
	email, password := "walker@example.org", "a few unrelated words"
	invited, err := w.a.access.Invite(ctx, by, access.NewPerson{Email: email, Name: "Walker", Role: access.Owner})
	if err != nil || invited.Refused() {
		w.t.Fatal(invited.Detail(), err)
	}
	if taken, err := w.a.access.Accept(ctx, by.Tenant, invited.Link.Reveal(), access.SecretOf(password), ""); err != nil || taken.Refused() {
		w.t.Fatal(taken.Detail(), err)
	}
	if confirmed, err := w.a.access.Confirm(ctx, by, email); err != nil || confirmed.Refused() {
		w.t.Fatal(confirmed.Detail(), err)
	}
	r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/signin", strings.NewReader(url.Values{"email": {email}, "password": {password}}.Encode()))
	r.RemoteAddr = "127.0.0.1:1"
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	a := httptest.NewRecorder()
	w.a.handler.ServeHTTP(a, r)
	if a.Code != http.StatusSeeOther {
		w.t.Fatalf("sign-in: %d %s", a.Code, a.Body)
	}
	w.cookies = a.Result().Cookies()
	made, err := w.a.access.CreateAPIKey(ctx, by, access.NewKey{Role: access.Owner, Name: "walker", Person: email})
	if err != nil || made.Refused() {
		w.t.Fatal(made.Detail(), err)
	}
	w.key = made.Secret.Reveal()
}

// onFrozen runs a test on a server with the data of a month, in ./check long on each engine, else on SQLite. The address is that of PostgreSQL, or empty.
func onFrozen(t *testing.T, test func(w *walk, address string)) {
	t.Run("sqlite", func(t *testing.T) { onFrozenOf(t, "sqlite", test) })
	t.Run("postgres", func(t *testing.T) {
		tier.Long(t)
		onFrozenOf(t, "postgres", test)
	})
}

// onFrozenOf does the same on one engine.
func onFrozenOf(t *testing.T, kind string, test func(w *walk, address string)) {
	all := frozen.Of(t, kind)
	d := all[len(all)-1]
	address := ""
	if kind == "postgres" {
		address = pgtest.New(t)
		d.Load(t, address)
	}
	pass, err := os.ReadFile(filepath.Join(d.Dir, frozen.PassFile))
	if err != nil {
		t.Fatal(err)
	}
	a, err := New(Config{Data: d.Dir, Store: address, HTTP: "127.0.0.1:0", MQTT: "127.0.0.1:0", Passphrase: []byte(strings.TrimSpace(string(pass))), Reserve: -1, Test: true,
		Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return d.Facts.Now.Add(time.Hour) },
		KeyCost: keystore.Params{Time: 1, MemoryKiB: 8, Threads: 1}, PasswordCost: access.Argon{Time: 1, MemoryKiB: 8, Threads: 1}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := a.close(); err != nil {
			t.Error(err)
		}
	}()
	test(&walk{t: t, a: a, p: &planned{}, asked: map[string]int{}, facts: d.Facts}, address)
}

// TestNoPageReadsAWholeTable walks through all pages, lists, searches and reports on the data of a month, and judges the plan of each query
// as if its tables were large: none may read all rows of a utility. In ./check long it does so on both engines.
func TestNoPageReadsAWholeTable(t *testing.T) {
	tier.Slow(t)
	tier.OneGoroutine(t)
	onFrozen(t, func(w *walk, address string) {
		t := w.t
		p := &planned{Engine: w.a.engine.Engine, shared: address != "", seen: map[string]string{}, pages: map[string]string{}, used: map[string]bool{}, empty: map[string]bool{}}
		if p.shared {
			pretend(t, address, p.empty)
		}
		w.p, w.a.engine.Engine = p, p
		w.signIn()
		w.pages("/overview", "/search?q="+w.facts.TokenMeter[:7], "/search?q=amina", "/search?q=123456", "/meters?sort=left", "/meters/"+w.facts.WalletMeter, "/meters/"+w.facts.TokenMeter)
		w.lists()
		w.carried()
		for sql, plan := range p.seen {
			if plan != "" {
				t.Errorf("%s runs\n%s\nwhich reads too much:\n%s", p.pages[sql], sql, plan)
			}
		}
		for part, why := range allowed() {
			if !p.used[part] {
				t.Errorf("no query has %q any more: %s", part, why)
			}
		}
		t.Logf("figures: %d pages, %d queries", len(w.asked), len(p.seen))
	})
}

// pretend makes PostgreSQL plan as if every table that has a row had a million, and lists the others.
func pretend(t *testing.T, address string, empty map[string]bool) {
	t.Helper()
	c, err := pgconn.Connect(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close(t.Context()) }()
	all, err := c.Exec(t.Context(), `UPDATE pg_class SET reltuples = 1000000, relpages = 1 WHERE relnamespace = 'public'::regnamespace;
		SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND pg_relation_size(oid) = 0`).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range all[1].Rows {
		empty[string(row[0])] = true
	}
}
