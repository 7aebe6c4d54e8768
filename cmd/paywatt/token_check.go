package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/spf13/cobra"
)

func tokenCheck(c console) *cobra.Command {
	return &cobra.Command{
		Use:   "check FILE",
		Short: "Run a file of test vectors against this program",
		Long: "Run a file of test vectors against this program. FILE is a JSON array in the form of sts/testdata/vectors.json\n" +
			"(- = standard input). Each vector that fails is named with the reason; the last line counts them.",
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error { return checkVectors(c, args[0]) },
	}
}

func checkVectors(c console, name string) error {
	r := c.in
	if name != "-" {
		f, err := os.Open(name)
		if errors.Is(err, fs.ErrNotExist) {
			return &failure{code: exitNotFound, what: "There is no file " + name + ".", not: "Nothing was checked.", try: "Check the path."}
		}
		if err != nil {
			return &failure{code: exitFailed, what: "The file cannot be read: " + err.Error() + ".", not: "Nothing was checked."}
		}
		defer f.Close()
		r = f
	}
	passed, failed, err := runVectors(r, c.out)
	if err != nil {
		return &failure{code: exitUsage, what: fmt.Sprintf("%s is not a file of vectors: %v.", name, err),
			not: fmt.Sprintf("Only %d vectors were checked.", passed+failed), try: "Give a JSON array in the form of sts/testdata/vectors.json."}
	}
	fmt.Fprintf(c.out, "%d passed, %d failed\n", passed, failed)
	if failed > 0 {
		return &failure{code: exitFailed, what: fmt.Sprintf("%d of %d vectors failed.", failed, passed+failed)}
	}
	return nil
}

// runVectors reads one vector at a time, so that a file may be of any size.
func runVectors(r io.Reader, out io.Writer) (passed, failed int, err error) {
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

// runVector runs one vector of any kind. A vector that cannot be read fails, it does not stop the others.
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
