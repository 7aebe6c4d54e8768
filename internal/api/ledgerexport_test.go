package api_test

import (
	"encoding/csv"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/tier"
)

// TestHledgerBalancesTheExportedBooks: hledger reads the journal, finds nothing wrong, and has the same balance of each account as the trial
// balance. The CSV has the same sums, with the accountant's numbers.
func TestHledgerBalancesTheExportedBooks(t *testing.T) {
	w := begin(t)
	w.want(201, w.sell("sale-0001", order("10000")))
	w.want(201, w.keyed("debt-0001", "/v1/debts", `{"account":"04140001001","kind":"fine; a|b","memo":"=1+1  two  blanks ; no comment","amount":{"amount_minor":5000,"currency":"KES"}}`))
	w.want(201, w.sell("sale-0002", `{"meter":"04140001001","tender":{"amount_minor":20000,"currency":"KES"},"client_ref":"second"}`))
	want := map[int]int64{}
	for _, a := range decode[struct {
		Accounts []struct {
			Code         int
			BalanceMinor int64 `json:"balance_minor"`
		}
	}](t, w.want(200, w.get("/v1/ledger/trial-balance"))).Accounts {
		want[a.Code] = a.BalanceMinor
	}
	byCSV := map[int]int64{}
	rows, err := csv.NewReader(strings.NewReader(string(w.want(200, w.get("/v1/ledger/export?map=1000=1200+Cash+in+hand")).body))).ReadAll()
	if err != nil || len(rows) < 8 {
		t.Fatal(len(rows), err)
	}
	for _, r := range rows[1:] {
		code, err := strconv.Atoi(r[12])
		if err != nil {
			t.Fatal(err)
		}
		byCSV[code] += minor(t, r[9]) - minor(t, r[10])
		if theirs := r[6] == "1200" && r[7] == "Cash in hand"; theirs != (code == 1000) {
			t.Errorf("account %d is %q %q in the file", code, r[6], r[7])
		}
		if strings.HasPrefix(r[5], "=") {
			t.Errorf("a spreadsheet would compute %q", r[5])
		}
	}
	same(t, "CSV", byCSV, want)
	for path, status := range map[string]int{"?format=pdf": 400, "?from=2026-13-01": 400, "?from=2026-02-02&to=2026-02-01": 400, "?map=1=x": 400, "?map=1000": 400} {
		w.want(status, w.get("/v1/ledger/export"+path))
	}
	program := tier.Program(t, "hledger") // it balances the exported books
	text := w.want(200, w.get("/v1/ledger/export?format=hledger")).body
	file := filepath.Join(t.TempDir(), "books.journal")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	hledger := func(args ...string) string { t.Helper(); return runHledger(t, program, file, args...) }
	hledger("check", "accounts", "commodities", "ordereddates")
	hledger("print")
	if rest := strings.TrimSpace(hledger("balance", "--depth", "0", "-N")); strings.Trim(rest, "0. \n") != "" {
		t.Errorf("hledger has %q left over", rest)
	}
	table, err := csv.NewReader(strings.NewReader(hledger("balance", "--flat", "--no-total", "--empty", "-O", "csv"))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	byHledger := map[int]int64{}
	for _, r := range table[1:] {
		number, _, _ := strings.Cut(strings.Split(r[0], ":")[1], " ")
		code, err := strconv.Atoi(number)
		if err != nil {
			t.Fatalf("account %q: %v", r[0], err)
		}
		byHledger[code] += minor(t, strings.TrimSuffix(r[1], " KES"))
	}
	same(t, "hledger", byHledger, want)
}

// runHledger runs hledger on a file, and returns what it prints.
func runHledger(t *testing.T, program, file string, args ...string) string {
	t.Helper()
	c := exec.CommandContext(t.Context(), program, append([]string{"-f", file}, args...)...)
	c.Env = append(os.Environ(), "LC_ALL=C.UTF-8")
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("hledger %v: %v\n%s", args, err, out)
	}
	return string(out)
}

// minor reads an amount of the file in minor units.
func minor(t *testing.T, text string) int64 {
	t.Helper()
	whole, cents, _ := strings.Cut(text, ".")
	n, err := strconv.ParseInt("0"+strings.TrimPrefix(whole, "-")+(cents + "00")[:2], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	if strings.HasPrefix(text, "-") {
		n = -n
	}
	return n
}

func same(t *testing.T, what string, got, want map[int]int64) {
	t.Helper()
	for code, n := range want {
		if got[code] != n {
			t.Errorf("%s: account %d has %d, the trial balance %d", what, code, got[code], n)
		}
		delete(got, code)
	}
	for code, n := range got {
		if n != 0 {
			t.Errorf("%s: account %d has %d and is not in the trial balance", what, code, n)
		}
	}
}
