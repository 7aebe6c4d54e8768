// Package logtest fails a test whose program logs a warning or an error that the test did not expect. A warning that no test reads can hide
// a fault for as long as the program works around it.
package logtest

import (
	"log/slog"
	"slices"
	"strings"
	"testing"
)

// Unexpected returns the warnings and errors of a log in slog's text format, except the lines that contain one of the expected texts.
func Unexpected(log string, expected ...string) []string {
	var out []string
	for line := range strings.Lines(log) {
		line = strings.TrimSuffix(line, "\n")
		if !strings.Contains(line, " level=WARN ") && !strings.Contains(line, " level=ERROR ") {
			continue
		}
		if !slices.ContainsFunc(expected, func(text string) bool { return strings.Contains(line, text) }) {
			out = append(out, line)
		}
	}
	return out
}

// New returns a logger for a program that runs inside the test. Each warning or error that contains none of the expected texts fails the
// test.
func New(t testing.TB, expected ...string) *slog.Logger {
	return slog.New(slog.NewTextHandler(&judge{t: t, expected: expected}, &slog.HandlerOptions{Level: slog.LevelWarn}))
}

// Forbid returns a logger for a program whose tests cause warnings on purpose. Only lines that contain one of the given texts fail the test.
func Forbid(t testing.TB, texts ...string) *slog.Logger {
	return slog.New(slog.NewTextHandler(&judge{t: t, forbidden: texts}, nil))
}

// judge reads what a logger writes, one line at a time.
type judge struct {
	t                   testing.TB
	expected, forbidden []string
}

// Write judges one line.
func (j *judge) Write(line []byte) (int, error) {
	j.t.Helper()
	if j.fails(string(line)) {
		j.t.Errorf("unexpected in the log: %s", strings.TrimSuffix(string(line), "\n"))
	}
	return len(line), nil
}

func (j *judge) fails(line string) bool {
	if j.forbidden == nil {
		return len(Unexpected(line, j.expected...)) > 0
	}
	return slices.ContainsFunc(j.forbidden, func(text string) bool { return strings.Contains(line, text) })
}
