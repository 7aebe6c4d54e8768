package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/paywatt/paywatt/internal/exit"
	"github.com/spf13/cobra"
)

func TestABenchWritesItsProfile(t *testing.T) {
	broken := errors.New("broken")
	for name, want := range map[string]error{"holds": nil, "breaks": broken} {
		path := filepath.Join(t.TempDir(), "cpu")
		noun := &cobra.Command{Use: "bench", SilenceErrors: true, SilenceUsage: true}
		noun.AddCommand(&cobra.Command{Use: "x", RunE: func(*cobra.Command, []string) error { return want }})
		profiled(noun)
		noun.SetArgs([]string{"x", "--cpuprofile", path})
		if err := noun.Execute(); !errors.Is(err, want) {
			t.Errorf("a bench that %s: %v, want %v", name, err, want)
		}
		if b, err := os.ReadFile(path); err != nil || !bytes.HasPrefix(b, []byte("\x1f\x8b")) {
			t.Errorf("a bench that %s leaves %d bytes (%v), want a profile", name, len(b), err)
		}
	}
}

func TestAProfileNeedsItsFileBeforeTheBenchRuns(t *testing.T) {
	ran := false
	err := underProfiler(filepath.Join(t.TempDir(), "no", "folder"), func() error { ran = true; return nil })
	var f *exit.Failure
	if !errors.As(err, &f) || f.Code != exit.Failed || ran {
		t.Errorf("got %v, ran %v; want a failure and no bench", err, ran)
	}
}
