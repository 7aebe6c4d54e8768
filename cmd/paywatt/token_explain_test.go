package main

import (
	"encoding/json"

	"github.com/rogpeppe/go-internal/testscript"
)

// digits takes the token from the sale that the last command printed as JSON: TOKEN becomes its digits, and SWAPPED the
// same with two neighbours exchanged.
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
	swapped := []byte(token)
	for i := 4; i+1 < len(swapped); i++ {
		if swapped[i] != swapped[i+1] {
			swapped[i], swapped[i+1] = swapped[i+1], swapped[i]
			break
		}
	}
	ts.Setenv("SWAPPED", string(swapped))
}
