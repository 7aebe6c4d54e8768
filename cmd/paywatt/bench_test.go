package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/paywatt/paywatt/internal/bench"
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

// TestABenchNamesTheServerThatItKnows: another server is refused before anything is measured.
func TestABenchNamesTheServerThatItKnows(t *testing.T) {
	b := bench.Against{Ingest: bench.Ingest{Batch: 1, Connections: 1, Flight: 1, Seconds: 1, Rate: 1}, Turns: 1, Other: "another"}
	_, err := b.Run(t.Context(), func(string, ...any) { t.Error("the bench began") })
	var f *exit.Failure
	if !errors.As(err, &f) || f.Code != exit.Usage || f.Try != "Use --against mosquitto." {
		t.Errorf("got %v, want what to use", err)
	}
}
