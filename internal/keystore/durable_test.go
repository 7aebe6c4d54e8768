//go:build linux

package keystore_test

import (
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/paywatt/paywatt/internal/keystore"
	"github.com/paywatt/paywatt/internal/tier"
)

// childJob is the environment variable that tells a copy of the test binary what to do, and in which folder.
const childJob = "KEYSTORE_TEST_JOB"

// TestAKeyIsDurableBeforeItIsReported traces another process that adds a vending key or makes the data key. The new file must be synced,
// then renamed, and then the folder synced. If one of these steps fails, the process must report it.
func TestAKeyIsDurableBeforeItIsReported(t *testing.T) {
	if job, dir, ok := strings.Cut(os.Getenv(childJob), ":"); ok {
		writeKeys(t, job, dir)
		return
	}
	strace := tier.Program(t, "strace")
	for _, c := range []struct {
		job, inject, fails string
		folder             bool // inject only into operations on the folder
		kept               bool // the file has its final name when the process has ended
	}{
		{"add", "", "", false, true},
		{"data", "", "", false, true},
		{"add", "fsync:error=EIO", "input/output error", false, false},
		{"data", "fsync:error=EIO", "input/output error", false, false},
		{"add", "renameat,rename,renameat2:error=ENOSPC", "no space left", false, false},
		{"data", "renameat2:error=ENOSPC", "no space left", false, false},
		{"add", "fsync:error=EIO", "input/output error", true, true},
		{"data", "fsync:error=EIO", "input/output error", true, true},
		{"short", "", "file too large", false, false},
	} {
		t.Run(fmt.Sprint(c.job, " ", c.inject, " ", c.folder), func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			trace := filepath.Join(t.TempDir(), "trace")
			args := []string{"-f", "-qq", "-y", "-o", trace, "-e", "trace=fsync,fdatasync,rename,renameat,renameat2,link,linkat"}
			if c.inject != "" {
				args = append(args, "-e", "inject="+c.inject)
			}
			if c.folder {
				args = append(args, "-P", dir)
			}
			cmd := exec.Command(strace, append(args, os.Args[0], "-test.run=^TestAKeyIsDurableBeforeItIsReported$")...)
			cmd.Env = append(os.Environ(), childJob+"="+c.job+":"+dir)
			out, err := cmd.CombinedOutput()
			if c.fails != "" {
				if err == nil || !strings.Contains(string(out), c.fails) {
					t.Errorf("the process reports %v, want %q:\n%s", err, c.fails, out)
				}
			} else if err != nil {
				t.Fatalf("%v\n%s", err, out)
			} else if got, want := steps(t, trace, dir), "sync file, name, sync folder"; got != want {
				t.Errorf("steps on the disk: %s; want %s", got, want)
			}
			name := map[bool]string{false: keystore.FileName, true: keystore.DataFileName}[c.job == "data"]
			left, err := filepath.Glob(filepath.Join(dir, ".paywatt-part-*"))
			if _, none := os.Stat(filepath.Join(dir, name)); err != nil || len(left) != 0 || (none == nil) != c.kept {
				t.Errorf("%s is there: %t, want %t; unfinished: %v %v", name, none == nil, c.kept, left, err)
			}
		})
	}
}

// writeKeys does the work of the traced process: it adds a vending key or makes the data key.
func writeKeys(t *testing.T, job, dir string) {
	if job == "short" {
		signal.Ignore(unix.SIGXFSZ)
		if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: 10, Max: 10}); err != nil {
			t.Fatal(err)
		}
	}
	if job == "data" {
		if _, err := keystore.OpenData(dir); err != nil {
			t.Fatal(err)
		}
		return
	}
	if no, err := unlocked(t, dir).Add(fact02(), vendingKey(t, hex02)); err != nil || no.Refused() {
		t.Fatal(err, no.Detail())
	}
}

// steps reads from a trace the operations on the key's file and its folder.
func steps(t *testing.T, trace, dir string) string {
	t.Helper()
	text, err := os.ReadFile(trace)
	if err != nil {
		t.Fatal(err)
	}
	call := regexp.MustCompile(`\b(fsync|fdatasync|rename\w*|link\w*)\((.*)`)
	var out []string
	for _, m := range call.FindAllStringSubmatch(string(text), -1) {
		switch {
		case !strings.Contains(m[2], dir):
		case !strings.HasSuffix(m[1], "sync"):
			out = append(out, "name")
		case strings.Contains(m[2], dir+">"):
			out = append(out, "sync folder")
		default:
			out = append(out, "sync file")
		}
	}
	return strings.Join(out, ", ")
}
