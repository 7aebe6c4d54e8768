package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// libraryText is a library in C whose clock is SHIFT seconds off. It changes no function that waits. A signal may interrupt a wait, and the
// handler may ask for the time: libfaketime then gives the machine's time, so a timeout of PostgreSQL never ended.
const libraryText = `
#include <stddef.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t id, struct timespec *t)
{
	int failed = syscall(SYS_clock_gettime, id, t);
	if (!failed && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE))
		t->tv_sec += SHIFT;
	return failed;
}

int gettimeofday(struct timeval *restrict t, void *restrict zone)
{
	struct timespec now;
	if (clock_gettime(CLOCK_REALTIME, &now))
		return -1;
	if (t) {
		t->tv_sec = now.tv_sec;
		t->tv_usec = now.tv_nsec / 1000;
	}
	return 0;
}

time_t time(time_t *t)
{
	struct timespec now;
	if (clock_gettime(CLOCK_REALTIME, &now))
		return -1;
	if (t)
		*t = now.tv_sec;
	return now.tv_sec;
}
`

// compiler makes the library.
const compiler = "gcc"

// buildLibrary makes the library for programs in C, in a folder of its own. Call remove at the end. Without a compiler the path is empty.
func buildLibrary(ctx context.Context, by time.Duration) (path string, remove func(), err error) {
	remove = func() {}
	if _, err := exec.LookPath(compiler); err != nil {
		return "", remove, nil
	}
	dir, err := os.MkdirTemp("", "otherday")
	if err != nil {
		return "", remove, err
	}
	remove = func() { _ = os.RemoveAll(dir) }
	source := filepath.Join(dir, "clock.c")
	path = filepath.Join(dir, "clock.so")
	err = errors.Join(os.Chmod(dir, 0o755), os.WriteFile(source, []byte(libraryText), 0o644)) // PostgreSQL reads it as another user
	if err != nil {
		return "", remove, err
	}
	shift := fmt.Sprintf("-DSHIFT=%d", int64(by/time.Second))
	if out, err := exec.CommandContext(ctx, compiler, "-shared", "-fPIC", "-O2", shift, "-o", path, source).CombinedOutput(); err != nil {
		return "", remove, fmt.Errorf("%s: %w: %s", compiler, err, out)
	}
	return path, remove, nil
}
