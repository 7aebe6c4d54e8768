package app

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
)

// quietEnd is the log of a server. What the stop of the server interrupts is no fault.
// It is logged as information, so that the warnings of a server show faults only.
type quietEnd struct {
	slog.Handler
	running *atomic.Pointer[context.Context] // of [App.Run]; nil before it
}

// Handle writes a record.
func (q quietEnd) Handle(ctx context.Context, r slog.Record) error {
	if r.Level > slog.LevelInfo && q.isCausedByEnd(r) {
		r.Level = slog.LevelInfo
	}
	if !q.Enabled(ctx, r.Level) {
		return nil
	}
	return q.Handler.Handle(ctx, r)
}

// isCausedByEnd reports whether the server stops and an error of the record says that this is why.
func (q quietEnd) isCausedByEnd(r slog.Record) bool {
	running := q.running.Load()
	if running == nil || (*running).Err() == nil {
		return false
	}
	cause, found := context.Cause(*running), false
	r.Attrs(func(a slog.Attr) bool {
		err, ok := a.Value.Any().(error)
		found = ok && (errors.Is(err, cause) || errors.Is(err, context.Canceled))
		return !found
	})
	return found
}

// WithAttrs is a log whose records have more attributes.
func (q quietEnd) WithAttrs(more []slog.Attr) slog.Handler {
	return quietEnd{Handler: q.Handler.WithAttrs(more), running: q.running}
}

// WithGroup is a log whose attributes belong to a group.
func (q quietEnd) WithGroup(name string) slog.Handler {
	return quietEnd{Handler: q.Handler.WithGroup(name), running: q.running}
}
