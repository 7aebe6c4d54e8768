package main

import (
	"encoding/json"
	"os"

	"github.com/rogpeppe/go-internal/testscript"
)

// jsonenv sets a variable to a text of the JSON that the last command printed: jsonenv NAME FIELD.
func jsonenv(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: jsonenv NAME FIELD")
	}
	var fields map[string]any
	ts.Check(json.Unmarshal([]byte(ts.ReadFile("stdout")), &fields))
	text, ok := fields[args[1]].(string)
	if !ok {
		ts.Fatalf("the last command printed no text %s", args[1])
	}
	ts.Setenv(args[0], text)
}

// digits takes the token from the sale that the last command printed as JSON: TOKEN becomes its digits, and SWAPPED the
// same digits with two neighbours exchanged. The file named "enter" gets the keys to press at a virtual meter.
func digits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: digits")
	}
	var sale struct {
		Tokens []struct {
			Digits string `json:"digits"`
		} `json:"tokens"`
	}
	ts.Check(json.Unmarshal([]byte(ts.ReadFile("stdout")), &sale))
	if len(sale.Tokens) != 1 || len(sale.Tokens[0].Digits) != 20 {
		ts.Fatalf("the last command printed no sale with one token")
	}
	token := sale.Tokens[0].Digits
	ts.Setenv("TOKEN", token)
	ts.Check(os.WriteFile(ts.MkAbs("enter"), []byte("key "+token+"#\nsync\nquit\n"), 0o600))
	swapped := []byte(token)
	for i := 4; i+1 < len(swapped); i++ {
		if swapped[i] != swapped[i+1] {
			swapped[i], swapped[i+1] = swapped[i+1], swapped[i]
			break
		}
	}
	ts.Setenv("SWAPPED", string(swapped))
}
