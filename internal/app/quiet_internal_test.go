package app

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/logkey"
)

// TestAStoppingServerDoesNotWarn: while a server runs, each fault is a warning. Once it stops, what the stop interrupted is information, in each
// part of the server, and another fault stays a warning.
func TestAStoppingServerDoesNotWarn(t *testing.T) {
	var out bytes.Buffer
	a := &App{}
	log := slog.New(quietEnd{Handler: slog.NewTextHandler(&out, nil), running: &a.running}).With("part", "meters").WithGroup("g")
	told := func(err error) string {
		out.Reset()
		log.Warn("item was not sent", logkey.Err, err)
		_, level, _ := strings.Cut(out.String(), "level=")
		level, _, _ = strings.Cut(level, " ")
		return level
	}
	ctx, stop := context.WithCancelCause(t.Context())
	terminated := errors.New("terminated")
	interrupted := fmt.Errorf("nothing was written: %w", terminated)
	expect := func(when string, err error, want string) {
		t.Helper()
		if got := told(err); got != want {
			t.Errorf("%s, %q is logged as %s, want %s", when, err, got, want)
		}
	}
	expect("before the server runs", context.Canceled, "WARN")
	a.running.Store(&ctx)
	expect("while the server runs", interrupted, "WARN")
	expect("while the server runs", context.Canceled, "WARN")
	stop(terminated)
	expect("once the server stops", interrupted, "INFO")
	expect("once the server stops", fmt.Errorf("read: %w", context.Canceled), "INFO")
	expect("once the server stops", errors.New("disk is full"), "WARN")
	if !strings.Contains(out.String(), "part=meters g.err=") {
		t.Errorf("the record lacks its attributes: %s", out.String())
	}
}
