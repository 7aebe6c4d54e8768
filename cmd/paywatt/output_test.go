package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

// Anybody can send a text message. Its characters must not control the terminal, and a spreadsheet must not read it as a formula.
func TestWhatOthersWroteIsHarmlessWhereItIsShown(t *testing.T) {
	const evil = "a\x1b[2Jb\u009b31mc\r\nd\te\u202ef\u200bg\x9bh"
	var out bytes.Buffer
	if err := (table{head: []string{"text"}, rows: [][]string{{evil}}}).write(&out); err != nil {
		t.Fatal(err)
	}
	if got, want := out.String(), "TEXT\na\\x1b[2Jb\\u009b31mc\\r\\nd\\te\\u202ef\\u200bg\ufffdh\n"; got != want {
		t.Errorf("a table shows %q, want %q", got, want)
	}
	out.Reset()
	if err := writeJSON(&out, map[string]string{"text": evil + "\x7f\u2066\u2028<é😀\U000e0041"}, ""); err != nil {
		t.Fatal(err)
	}
	if got, want := out.String(), `{"text":"a\u001b[2Jb\u009b31mc\r\nd\te\u202ef\u200bg\ufffdh\u007f\u2066\u2028<é😀\udb40\udc41"}`+"\n"; got != want {
		t.Errorf("as JSON it is %+q, want %+q", got, want)
	}
	var back map[string]string
	if err := json.Unmarshal(out.Bytes(), &back); err != nil || back["text"] != strings.ToValidUTF8(evil, "\ufffd")+"\x7f\u2066\u2028<é😀\U000e0041" {
		t.Errorf("a program reads %+q, %v", back["text"], err)
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
