// Command otherday runs a go command whose programs believe that it is another day.
//
//	go run ./tools/otherday 2031-01-01 go test -short ./...
//
// A test that holds a date fails on some day. This command finds it before that day.
//
// Go programs ask the kernel for the time themselves, so no library in C can reach them. otherday therefore compiles them with a copy of
// package time (go build -overlay) whose [time.Now] adds a number of seconds. The number stands in a file, not in the copy: one
// compile serves all days. It is not an environment variable, because a test may start a program with an environment of its own.
//
// The time of day stays that of the machine, the monotonic clock too, and so does the fake clock of testing/synctest. Times of
// files are real ones.
//
// Programs in C, such as PostgreSQL and openssl, get the same day through a small library that gcc compiles. Without gcc they keep the
// machine's clock, which is said, and tests of servers on PostgreSQL fail: the servers see that the clocks differ. A program in C that waits
// for a moment of the calendar, and not for a while, waits too long. A test that fetches something with npm fails, because the certificate
// of npm's registry has expired on that day.
//
// Only one day can run at a time. The second command waits for the first.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := command(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// command returns the exit code of the command that it runs, or 2 for wrong arguments.
func command(ctx context.Context, args []string, out, errs io.Writer) int {
	if len(args) < 2 {
		_, _ = fmt.Fprintln(errs, "usage: otherday YYYY-MM-DD COMMAND [ARGUMENT...]")
		return 2
	}
	day, err := time.Parse(time.DateOnly, args[0])
	if err != nil {
		_, _ = fmt.Fprintf(errs, "otherday: %q is not a day such as 2031-01-01\n", args[0])
		return 2
	}
	// The compiler's cache is good for the next day only if the file of seconds keeps its place.
	cache, err := os.UserCacheDir()
	if err == nil {
		err = run(ctx, filepath.Join(cache, "paywatt-otherday"), shift(time.Now(), day), args[1:], out, errs)
	}
	if end, ok := errors.AsType[*exec.ExitError](err); ok && end.Exited() {
		return end.ExitCode()
	}
	if err != nil {
		_, _ = fmt.Fprintln(errs, "otherday:", err)
		return 1
	}
	return 0
}

// shift returns the time from the UTC day of now to another day.
func shift(now, day time.Time) time.Duration {
	return day.Sub(now.UTC().Truncate(24 * time.Hour))
}

// run runs a command whose programs add a duration to the time. It writes its files into dir.
func run(ctx context.Context, dir string, by time.Duration, args []string, out, errs io.Writer) error {
	root, err := goroot(ctx)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	unlock, err := lock(filepath.Join(dir, "lock"))
	if err != nil {
		return err
	}
	defer unlock()
	overlay, err := writeOverlay(dir, root)
	if err != nil {
		return err
	}
	seconds := strconv.FormatInt(int64(by/time.Second), 10)
	file := filepath.Join(dir, secondsFile)
	if err := os.WriteFile(file, []byte(seconds), 0o644); err != nil {
		return err
	}
	defer func() { _ = os.Remove(file) }() // without it, programs have the machine's time
	library, remove, err := buildLibrary(ctx, by)
	if err != nil {
		return err
	}
	defer remove()
	if library == "" {
		_, _ = fmt.Fprintf(errs, "otherday: %s is not installed: PostgreSQL and other programs in C keep the machine's clock\n", compiler)
	}

	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, out, errs
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.Env = environment(os.Environ(), overlay, library)
	return cmd.Run()
}

// goroot returns the folder of the go command's Go.
func goroot(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, "go", "env", "GOROOT").Output()
	if err != nil {
		return "", fmt.Errorf("go env GOROOT: %w", err)
	}
	return strings.TrimSpace(string(out)), nil
}

// environment adds the overlay to the flags of every go command, and the library to every program in C.
func environment(env []string, overlay, library string) []string {
	// go test does not know that its tests read the file of seconds: -count=1 keeps results of another day out.
	env = append(env, "GOFLAGS="+strings.TrimSpace(os.Getenv("GOFLAGS")+" -count=1 -overlay="+overlay))
	if library != "" {
		env = append(env, "LD_PRELOAD="+library)
	}
	return env
}
