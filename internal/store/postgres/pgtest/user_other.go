//go:build !linux

package pgtest

import "os/exec"

// own does nothing, because tests do not run as root here.
func own(string) error { return nil }

// bind does nothing.
func bind(*exec.Cmd) {}
