//go:build !linux

package walbuf

import "modernc.org/libc"

// syncData makes the log durable in SQLite's own way.
func (l *logFile) syncData(tls *libc.TLS, file uintptr, flags int32) int32 {
	return function[syncFunc](l.real().FxSync)(tls, file, flags)
}

// writeOut does nothing: the sync writes all bytes.
func writeOut(file uintptr, from int64, n int) {}
