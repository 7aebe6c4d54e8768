package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/exit"
	"github.com/rogpeppe/go-internal/testscript"
	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"
)

// tamper changes the database of a data folder behind the server's back: tamper FOLDER SQL.
func tamper(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: tamper FOLDER SQL")
	}
	c, err := sqlite.OpenConn(filepath.Join(ts.MkAbs(args[0]), "paywatt.db"), sqlite.OpenReadWrite)
	ts.Check(err)
	ts.Check(sqlitex.ExecuteScript(c, args[1], nil))
	ts.Check(c.Close())
}

// othertoken checks that the first tokens of two sales in JSON differ in TID and digits: othertoken FILE FILE.
func othertoken(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: othertoken FILE FILE")
	}
	type token struct {
		Digits string `json:"digits"`
		TID    int64  `json:"tid"`
	}
	var first [2]token
	for i, name := range args {
		var sale struct {
			Tokens []token `json:"tokens"`
		}
		ts.Check(json.Unmarshal([]byte(ts.ReadFile(name)), &sale))
		if len(sale.Tokens) != 1 || len(sale.Tokens[0].Digits) != 20 {
			ts.Fatalf("%s has %d tokens, want one of 20 digits", name, len(sale.Tokens))
		}
		first[i] = sale.Tokens[0]
	}
	if first[0].TID >= first[1].TID || first[0].Digits == first[1].Digits {
		ts.Fatalf("TID %d and then %d: the second one must be later and another token", first[0].TID, first[1].TID)
	}
}

// TestARestoreAsksAboutTheClock: a restore asks for --trust-clock if the clock may be wrong. After a restore, every new token gets an
// identifier (TID) that is later than the time of the restore. If the clock was ahead then, a meter cannot get tokens until the right time
// has caught up.
func TestARestoreAsksAboutTheClock(t *testing.T) {
	taken := time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "manifest.json"), fmt.Appendf(nil, `{"format":1,"taken":%q}`, taken.Format(time.RFC3339)), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		after  time.Duration
		synced bool
		asks   bool
	}{
		{time.Hour, false, false}, {24 * time.Hour, false, false}, {25 * time.Hour, false, true}, {25 * time.Hour, true, false},
		{-time.Minute, false, false}, {-time.Hour, false, true}, {-time.Hour, true, true},
	} {
		err := clockForRestore(dir, taken.Add(c.after), c.synced)
		var f *exit.Failure
		if asks := errors.As(err, &f); asks != c.asks || asks && (f.Code != exit.Refused || !strings.Contains(f.Try, "--trust-clock")) {
			t.Errorf("%s after the backup, time kept %t: %v; asks %t, want %t", c.after, c.synced, err, asks, c.asks)
		}
	}
}
