package main

import (
	"bytes"
	"strings"
	"testing"
)

// A text message comes from anybody: shown, it must neither steer the terminal nor be a formula of a spreadsheet.
func TestWhatOthersWroteIsHarmlessWhereItIsShown(t *testing.T) {
	const evil = "a\x1b[2Jb\u009b31mc\r\nd\te\u202ef\u200bg\x9bh"
	var out bytes.Buffer
	if err := (table{head: []string{"text"}, rows: [][]string{{evil}}}).write(&out); err != nil {
		t.Fatal(err)
	}
	if got, want := out.String(), "TEXT\na [2Jb 31mc  d e f g\ufffdh\n"; got != want {
		t.Errorf("a table shows %q, want %q", got, want)
	}
	out.Reset()
	rows := [][]string{{`=HYPERLINK("http://evil.example","pay")`, "+254700000001", "@SUM(A1)", "-12", "- 2 + cmd|'/C calc'!A0", "plain"}}
	if err := (table{head: []string{"a", "b", "c", "d", "e", "f"}, rows: rows}).writeCSV(&out); err != nil {
		t.Fatal(err)
	}
	_, got, _ := strings.Cut(out.String(), "\n")
	if want := `"'=HYPERLINK(""http://evil.example"",""pay"")",+254700000001,'@SUM(A1),-12,'- 2 + cmd|'/C calc'!A0,plain` + "\n"; got != want {
		t.Errorf("a spreadsheet gets %q, want %q", got, want)
	}
}
