package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// workshop builds and runs tests in a temporary folder. The working tree is only read.
type workshop struct {
	root    string        // root folder of the module
	tmp     string        // temporary folder of this run
	timeout time.Duration // limit of a test run with a mutant; 0 derives it from the run without a mutant
	covered map[string]*measured
}

// measured is the result of a suite without a mutant.
type measured struct {
	dir    string // where its tests run
	took   time.Duration
	blocks []block // blocks of the mutated package
}

// block is a piece of a file; the field runs says whether the tests run it.
type block struct {
	file                   string // base name
	line, col, toLine, end int
	runs                   bool
}

// These are the limits of a test run with a mutant. Without them an endless loop could take the whole machine.
const (
	slack     = 10 * time.Second // added to the time-out, for a busy machine
	slower    = 5                // a test with a mutant may take this many times as long as without
	memoryKiB = 12 << 20         // limit of the virtual memory
)

// build makes the test binary of a suite. It returns false if the compiler or the linker refused.
func (w *workshop) build(ctx context.Context, s suite, binary string, args ...string) (string, bool) {
	args = append([]string{"test", "-c", "-vet=off", "-ldflags=-w", "-o", binary}, args...)
	cmd := exec.CommandContext(ctx, "go", append(args, s.pkg)...)
	cmd.Dir = w.root
	out, err := cmd.CombinedOutput()
	return string(out), err == nil
}

// countFolder is the folder where the processes of a suite count which code they run.
func (w *workshop) countFolder() string { return filepath.Join(w.tmp, "counts") }

// numberFile is the file with the number of the mutant that is on.
func (w *workshop) numberFile() string { return filepath.Join(w.tmp, "number") }

// tempDir makes a temporary folder that others can read, because a PostgreSQL that a test starts runs as another user.
func tempDir(in string) (string, error) {
	dir, err := os.MkdirTemp(in, "mutate")
	if err != nil {
		return "", err
	}
	return dir, os.Chmod(dir, 0o755)
}

// run runs a test binary in its package's folder, and kills all processes that it started.
func (w *workshop) run(ctx context.Context, s suite, dir, binary string, limit time.Duration, args ...string) (string, error) {
	home, err := tempDir(w.tmp)
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(home)
	ctx, cancel := context.WithTimeout(ctx, limit+slack)
	defer cancel()
	script := fmt.Sprintf(`ulimit -v %d; exec "$@"`, memoryKiB)
	all := append([]string{"-c", script, "sh", binary, "-test.failfast", "-test.timeout=" + limit.String()}, args...)
	cmd := exec.CommandContext(ctx, "sh", append(all, s.args...)...)
	cmd.Dir, cmd.WaitDelay = dir, time.Second
	cmd.Env = append(os.Environ(), "TMPDIR="+home, "PWD="+dir, "GOCOVERDIR="+w.countFolder(), "RAPID_NOFAILFILE=1", "RAPID_SHRINKTIME=0s")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	end := func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.Cancel = end
	out, err := cmd.CombinedOutput()
	if cmd.Process != nil {
		_ = end()
	}
	return string(out), err
}

// measure runs a suite without a mutant, which must pass, and stores its time and its coverage of the package.
func (w *workshop) measure(ctx context.Context, s suite, c *code) (*measured, error) {
	key := s.String() + " | " + c.path
	if m := w.covered[key]; m != nil {
		return m, nil
	}
	dir, err := goCommand(ctx, w.root, "list", "-f", "{{.Dir}}", s.pkg)
	if err != nil {
		return nil, err
	}
	m := &measured{dir: strings.TrimSpace(string(dir))}
	binary, profile := filepath.Join(w.tmp, "unmutated.test"), filepath.Join(w.tmp, "cover.out")
	defer os.Remove(binary)
	if out, ok := w.build(ctx, s, binary, "-cover", "-coverpkg="+c.path); !ok {
		return nil, fmt.Errorf("%s: the tests do not build:\n%s", s, out)
	}
	if _, err := os.Stat(binary); err != nil {
		w.covered[key] = m // a package without tests covers no code
		return m, nil
	}
	// A profile has the counts of all files in the folder, also those of programs that the tests start.
	if err := errors.Join(os.RemoveAll(profile), os.RemoveAll(w.countFolder()), os.Mkdir(w.countFolder(), 0o755)); err != nil {
		return nil, err
	}
	start := time.Now()
	out, err := w.run(ctx, s, m.dir, binary, time.Hour, "-test.coverprofile="+profile, "-test.gocoverdir="+w.countFolder())
	if err != nil {
		return nil, fmt.Errorf("%s: the tests fail without a mutant (%w):\n%s", s, err, tail(out))
	}
	m.took = time.Since(start)
	text, err := os.ReadFile(profile)
	if err != nil {
		return nil, err
	}
	m.blocks, err = parseProfile(string(text))
	w.covered[key] = m
	return m, err
}

func tail(s string) string { return s[max(0, len(s)-3000):] }

func parseProfile(text string) ([]block, error) {
	var out []block
	for lines := bufio.NewScanner(strings.NewReader(text)); lines.Scan(); {
		line := lines.Text()
		if strings.HasPrefix(line, "mode:") {
			continue
		}
		var b block
		var statements, count int
		colon := strings.LastIndexByte(line, ':')
		if _, err := fmt.Sscanf(line[colon+1:], "%d.%d,%d.%d %d %d", &b.line, &b.col, &b.toLine, &b.end, &statements, &count); err != nil {
			return nil, fmt.Errorf("coverage profile: %q: %w", line, err)
		}
		b.file, b.runs = filepath.Base(line[:colon]), count > 0
		out = append(out, b)
	}
	return out, nil
}

// covers reports whether the tests may run the code of a mutant. Declarations and cases belong to no block and count as
// covered.
func (m *measured) covers(mu *mutant) bool {
	in, any := false, false
	for _, b := range m.blocks {
		any = any || b.runs
		if b.file != filepath.Base(mu.file.name) || mu.line < b.line || mu.line > b.toLine {
			continue
		}
		if (mu.line == b.line && mu.column < b.col) || (mu.line == b.toLine && mu.column >= b.end) {
			continue
		}
		if b.runs {
			return true
		}
		in = true
	}
	return any && !in
}

// errBuild says that the compiler refused a mutant which passed the type checker.
var errBuild = errors.New("the mutant does not compile")

// prepare builds a suite's test binary with one or more mutants in it.
func (w *workshop) prepare(ctx context.Context, s suite, c *code, set []*mutant) (binary string, err error) {
	replace := map[string]string{}
	for path, text := range c.changedTexts(set, w.numberFile()) {
		replace[path] = filepath.Join(w.tmp, filepath.Base(path))
		if err := os.WriteFile(replace[path], text, 0o600); err != nil {
			return "", err
		}
	}
	text, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	overlay := filepath.Join(w.tmp, "overlay.json")
	if err := os.WriteFile(overlay, text, 0o600); err != nil {
		return "", err
	}
	binary = filepath.Join(w.tmp, "mutant.test")
	if out, ok := w.build(ctx, s, binary, "-overlay="+overlay); !ok {
		return "", errors.Join(ctx.Err(), fmt.Errorf("%w: %s", errBuild, tail(out)))
	}
	return binary, nil
}

// try runs a binary with a mutant switched on and returns the test that noticed the mutant, or "".
func (w *workshop) try(ctx context.Context, s suite, m *measured, binary string, mu *mutant) (string, error) {
	limit := w.timeout
	if limit == 0 {
		limit = slower*m.took + slack
	}
	if err := os.WriteFile(w.numberFile(), []byte(strconv.Itoa(mu.number)), 0o644); err != nil {
		return "", err
	}
	out, err := w.run(ctx, s, m.dir, binary, limit)
	var failed *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return "", ctx.Err()
	case err == nil, errors.Is(err, exec.ErrWaitDelay): // a process that the tests left behind kept their output open
		return "", nil
	case errors.As(err, &failed), errors.Is(err, context.DeadlineExceeded):
		return s.pkg + ": " + reason(out), nil
	}
	return "", err
}

// reason names the test that failed.
func reason(out string) string {
	if strings.Contains(out, "panic: test timed out") {
		return "time-out"
	}
	if m := regexp.MustCompile(`(?m)^--- FAIL: (\S+)`).FindStringSubmatch(out); m != nil {
		return m[1]
	}
	if m := regexp.MustCompile(`(?m)^(panic|fatal error): .*`).FindString(out); m != "" {
		return first(m, 80)
	}
	return "the tests did not end well"
}
