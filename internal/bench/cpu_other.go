//go:build !unix

package bench

import (
	"errors"
	"os/exec"
	"time"
)

// On this system processor times are not measured.
func cpuOfSelf() time.Duration     { return 0 }
func cpuOfChildren() time.Duration { return 0 }

var errNoUser = errors.New("this system does not run programs as another user")

func canRunAs(string) error         { return errNoUser }
func runAs(*exec.Cmd, string) error { return errNoUser }
func giveTo(string, string) error   { return errNoUser }
