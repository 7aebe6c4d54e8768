package main

import (
	"bytes"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/device/memory"
	"github.com/paywatt/paywatt/internal/exit"
)

// vmeter runs a virtual meter with these lines as its script.
func vmeter(t *testing.T, lines string, args ...string) (code int, out, errs string) {
	t.Helper()
	var o, e bytes.Buffer
	args = append([]string{"vmeter", killNumber, "--offline"}, args...)
	code = run(args, console{in: strings.NewReader(lines), out: &o, err: &e, getenv: func(string) string { return "" }})
	return code, o.String(), e.String()
}

func TestAMemoryInUseLeavesTheRecordingAlone(t *testing.T) {
	dir := t.TempDir()
	state, tape := filepath.Join(dir, "state"), filepath.Join(dir, "tape")
	folder, _, err := memory.Open(state)
	if err != nil {
		t.Fatal(err)
	}
	defer folder.Close()
	if err := os.WriteFile(tape, []byte("of the process that holds the memory\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	code, _, errs := vmeter(t, "show\n", "--script", "--key", killKey, "--state", state, "--record", tape)
	if code != exit.Failed || !strings.Contains(errs, "Another process runs the meter") || !strings.Contains(errs, "No changes were made") {
		t.Errorf("exit %d: %s", code, errs)
	}
	if b, err := os.ReadFile(tape); err != nil || len(b) == 0 {
		t.Errorf("the recording holds %q, %v; want it as it was", b, err)
	}
}

func TestATimeOfManufactureOutsideTheBaseDateIsAUsageError(t *testing.T) {
	code, _, errs := vmeter(t, "show\n", "--script", "--key", killKey, "--made", "2010-01-01T00:00:00Z")
	if code != exit.Usage || !strings.Contains(errs, "--made") || !strings.Contains(errs, "2014") {
		t.Errorf("exit %d: %s; want %d and what is wrong with --made", code, errs, exit.Usage)
	}
}

func TestAPanelForEverybodySaysSo(t *testing.T) {
	for address, want := range map[string]bool{":0": true, "0.0.0.0:0": true, "127.0.0.1:0": false, "[::1]:0": false} {
		l, err := net.Listen("tcp", address)
		if err != nil {
			continue // this machine has no IPv6
		}
		got := openToOthers(l.Addr())
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		if got != want {
			t.Errorf("a panel on %s: warned %t, want %t", address, got, want)
		}
	}
}
