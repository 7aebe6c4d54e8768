// Package tokenlab is a laboratory for STS tokens. It makes a token from its fields, shows the contents of a token, and
// checks package sts against files of test vectors. It needs no server.
//
// Start at [Fields.Encode], [Read] and [Check]; the command line is `paywatt token`.
package tokenlab

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// Check runs a file of test vectors, a JSON array in the form of sts/testdata/vectors.json. It writes a line for each
// vector that fails. It reads one vector at a time, so a file may be of any size.
func Check(r io.Reader, out io.Writer) (passed, failed int, err error) {
	in := json.NewDecoder(r)
	if open, err := in.Token(); err != nil || open != json.Delim('[') {
		return 0, 0, errors.New("it does not begin with [")
	}
	for in.More() {
		var raw json.RawMessage
		if err := in.Decode(&raw); err != nil {
			return passed, failed, err
		}
		name, err := runVector(raw)
		if err != nil {
			failed++
			fmt.Fprintf(out, "FAIL %s: %v\n", name, err)
			continue
		}
		passed++
	}
	if _, err := in.Token(); err != nil {
		return passed, failed, errors.New("it does not end with ]")
	}
	return passed, failed, nil
}

// runVector runs one vector of any kind. A vector that cannot be read fails, but does not stop the others.
func runVector(raw json.RawMessage) (name string, err error) {
	var v vector
	if err := json.Unmarshal(raw, &v); err != nil {
		var named struct{ Name string }
		if json.Unmarshal(raw, &named) != nil || named.Name == "" {
			named.Name = "(no name)"
		}
		return named.Name, err
	}
	run, ok := map[string]func(*vector) error{
		"token": (*vector).token, "negative": (*vector).negative, "sequence": (*vector).sequence, "misty1": (*vector).misty1,
		"crc": (*vector).crc, "tid": (*vector).tid, "luhn": (*vector).luhn, "amount": (*vector).amount,
		"currency_amount": (*vector).currencyAmount,
	}[v.Kind]
	if !ok {
		return v.Name, fmt.Errorf("unknown kind %q", v.Kind)
	}
	return v.Name, run(&v)
}
