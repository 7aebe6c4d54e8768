package store_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/store/core"
	"github.com/paywatt/paywatt/internal/store/storetest"
)

// checked lists the columns that no evidence covers, but a check compares with others. TestVerifyFindsRandomEdits of internal/vending edits them.
func checked() []string {
	return []string{
		"tenant: id uid",                                                                                                                                   // the log's origin and every row name them
		"role_binding: tenant_id person_id", "reversal_token: tenant_id reversal_id", "units_transfer: tenant_id job_id", "vend_seller: tenant_id vend_id", // in the evidence of their row
		"audit: tenant_id id at actor ip action object before after reason single_person evidence leaf seal_n", // leaves
		"journal: tenant_id id kind ref posted_at reverses memo leaf seal_n happened_at", "posting: tenant_id journal_id seq account amount listed",
		"seal: tenant_id n first last root head at", "seal_leaf: tenant_id pos kind id leaf", "seal_hash: tenant_id idx hash", // the log
		"ledger_account: tenant_id n code subject limited floor ceiling balance held", "rollup: tenant_id account seal_n balance",
		"charge_due: paid", "debt: outstanding month month_taken status", // sales and books
		"vend: state asked deliver receipt_no failure reverses completed_at", "vend_line: tenant_id vend_id units_wh rate_micro label left_after", // the sale's audit row
		"wallet: tenant_id meter store seq register_wh accrued parts debited posted posted_wh held closed_at", "wallet_day: tenant_id meter day wh debit",
		"wallet_advance: tenant_id account_id amount", "voucher: tenant_id batch_id n pin state sold_at issue", "meter_config: tenant_id meter", "emergency: tenant_id",
		"customer: name", "service_point: address", // what papers say
	}
}

// attestedColumns are the columns of evidence, with the keys of their rows.
func attestedColumns(t *testing.T) map[string]bool {
	t.Helper()
	hashed := map[string]bool{}
	aliases := regexp.MustCompile(`(?:^|JOIN )(\w+) (\w)\b`)
	for _, k := range attestedKinds(t) {
		tables := map[string]string{}
		for _, m := range aliases.FindAllStringSubmatch(k.From, -1) {
			tables[m[2]] = m[1]
		}
		hashed[k.Table()+"."+k.Key], hashed[k.Table()+".tenant_id"] = true, true
		for c := range strings.SplitSeq(k.Proof.Columns, ", ") {
			alias, name, _ := strings.Cut(c, ".")
			hashed[tables[alias]+"."+name] = true
		}
	}
	for c := range strings.SplitSeq(core.TenantProof().Columns, ", ") {
		hashed["tenant."+c] = true
	}
	return hashed
}

// TestEveryColumnIsProvenOrHasAReason: a column is in evidence, or a check compares it with others, or the list of unproven columns has it with
// its reason. A new column is in none of them.
func TestEveryColumnIsProvenOrHasAReason(t *testing.T) {
	proven, unproven := attestedColumns(t), storetest.UnprovenColumns()
	for _, line := range checked() {
		table, columns, _ := strings.Cut(line, ": ")
		for c := range strings.FieldsSeq(columns) {
			proven[table+"."+c] = true
		}
	}
	exists := map[string]bool{}
	for _, table := range storetest.SchemaTables() {
		for _, c := range table.Columns {
			name := table.Name + "." + c.Name
			exists[name] = true
			reason, listed := unproven[name]
			switch {
			case !proven[name] && !listed:
				t.Errorf("Column %s is not proven. Attest it, compare it with other columns in a check and list it in checked, or give the reason in internal/store/storetest/unproven.go", name)
			case proven[name] && listed && !reason.Partly:
				t.Errorf("Column %s is proven, and also has a reason why it is not: %s", name, reason.Why)
			}
		}
	}
	for name := range unproven {
		if !exists[name] {
			t.Errorf("%s has a reason why it is not proven, but the schema does not have it", name)
		}
	}
	for name := range proven {
		if !exists[name] {
			t.Errorf("%s is listed as proven, but the schema does not have it", name)
		}
	}
}

// TestTheUnprovenColumnsArePublished: docs/reference/unproven.md is what the list says. Run with -update to write it.
func TestTheUnprovenColumnsArePublished(t *testing.T) {
	file := filepath.Join("..", "..", "docs", "reference", "unproven.md")
	page := unprovenPage()
	if *update {
		if err := os.WriteFile(file, []byte(page), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if text, err := os.ReadFile(file); err != nil || string(text) != page {
		t.Errorf("%s is not what storetest.AllUnproven says (%v): run this test with -update", file, err)
	}
}

// unprovenPage writes the page from the schema and the reasons.
func unprovenPage() string {
	unproven := storetest.UnprovenColumns()
	var b strings.Builder
	b.WriteString(`# What verification does not prove

` + "`paywatt verify`" + ` compares the database with the sealed log. Every column of the database that decides about money, energy or a right is in the
log, or follows from other columns that are. This page lists the other columns, each with the reason. It is written from the schema
(` + "`go test ./internal/store -run Unproven -update`" + `), and a test fails if a new column is in no list. Another test changes random values in random rows
and checks that verification reports each change, unless the column is on this page (` + "`TIER=long go test ./internal/vending/shoptest -run RandomEdits`" + `; with
` + "`TEST_STORE=postgres TIER=long TIER_TIMES=20`" + ` before ` + "`go test`" + ` it makes as many changes in PostgreSQL).

Some columns became part of the log in a later version. A row that was sealed before gets its evidence for them when the server next writes it.
Until then verification compares its other columns only.

`)
	for _, part := range []struct {
		title  string
		partly bool
	}{{"Not proven", false}, {"Proven, with an exception", true}} {
		fmt.Fprintf(&b, "## %s\n\n| table | columns | reason |\n|---|---|---|\n", part.title)
		for _, u := range storetest.AllUnproven() {
			if u.Partly == part.partly {
				b.WriteString(unprovenRows(u, unproven))
			}
		}
		b.WriteString("\n")
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// unprovenRows writes the rows of one reason, in the order of the schema.
func unprovenRows(u storetest.Unproven, all map[string]storetest.Unproven) string {
	var b strings.Builder
	for _, table := range storetest.SchemaTables() {
		var names []string
		for _, c := range table.Columns {
			if is, ok := all[table.Name+"."+c.Name]; ok && is.Why == u.Why {
				names = append(names, "`"+c.Name+"`")
			}
		}
		if len(names) == 0 {
			continue
		}
		columns := strings.Join(names, ", ")
		if len(names) == len(table.Columns) {
			columns = "all"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", table.Name, columns, u.Why)
	}
	return b.String()
}

// TestAnUnprovenColumnIsListedOnce: two reasons for one column contradict each other.
func TestAnUnprovenColumnIsListedOnce(t *testing.T) {
	var all []string
	for _, u := range storetest.AllUnproven() {
		for _, line := range u.Columns {
			table, columns, _ := strings.Cut(line, ": ")
			for c := range strings.FieldsSeq(columns) {
				all = append(all, table+"."+c)
			}
		}
	}
	slices.Sort(all)
	for i := range all[1:] {
		if all[i] == all[i+1] {
			t.Errorf("%s is listed twice", all[i])
		}
	}
}
