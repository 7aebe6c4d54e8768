// Judge reads what test runs wrote with go test -json and says whether a check passed:
//
//	go run ./tools/judge [-flaky FILE] RUN.json...
//	go test -json ./... | go run ./tools/judge /dev/stdin
//
// It lists in one line each why tests were skipped, also subtests of a test that passed.
//
// A test that failed and passed when it ran again is flaky. Its log is printed and written to the file. Only a wait that ended
// too early is forgiven (internal/await), and only twice in a check: a lost sale, a wrong sum, a panic or a data race stays a
// failure whatever the second run says. What a test logs is no failure; the sources below the working directory tell the two
// apart. The last line counts the tests: "N passed, M failed, K skipped". The exit code is 1 if the check failed.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
)

func main() {
	flakyFile := flag.String("flaky", "", "write the log of each flaky test to this file")
	flag.Parse()
	if err := judgeFiles(os.Stdout, *flakyFile, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "judge:", err)
		os.Exit(1)
	}
}

// errFailed is the answer of a check that did not pass. Its reasons are printed.
var errFailed = errors.New("the check failed")

// judgeFiles prints the verdict on the runs in some files. It returns errFailed if the check did not pass.
func judgeFiles(w io.Writer, flakyFile string, names []string) error {
	var runs results
	for _, name := range names {
		if err := runs.readFile(name); err != nil {
			return fmt.Errorf("read the test run %s: %w", name, err)
		}
	}
	v := runs.judge()
	v.print(w)
	if flakyFile != "" {
		if err := os.WriteFile(flakyFile, []byte(v.flakyLog()), 0o644); err != nil {
			return fmt.Errorf("write the list of flaky tests: %w", err)
		}
	}
	if !v.passed() {
		return errFailed
	}
	return nil
}
