package main

import (
	"errors"
	"filippo.io/age"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain lets the scripts run the real program: their command paywatt is main.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"paywatt": main})
}

// TestScripts runs testdata/script, where each file is one topic of the command line, readable as documentation.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			memories, err := filepath.Abs("../../meter/journal/testdata")
			env.Setenv("MEMORIES", memories)
			for _, name := range []string{"pass", "wrong", "key02", "key04", "nohex"} { // the files of a script can be read by everybody
				if e := os.Chmod(filepath.Join(env.WorkDir, name), 0o600); !errors.Is(e, fs.ErrNotExist) {
					err = errors.Join(err, e)
				}
			}
			return err
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"exits": exits, "server": server, "readenv": readenv, "newer": newer,
			"tamper": tamper, "othertoken": othertoken, "digits": digits, "jsonenv": jsonenv, "ageidentity": ageIdentity,
		},
	})
}

// ageIdentity writes a new identity of age into a file, and its public key into RECIPIENT: ageidentity FILE.
func ageIdentity(ts *testscript.TestScript, _ bool, args []string) {
	identity, err := age.GenerateX25519Identity()
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(identity.String()), 0o600))
	ts.Setenv("RECIPIENT", identity.Recipient().String())
}

// exits runs a command and expects an exit code: exits 2 paywatt token decode 123.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND [ARG...]")
	}
	want, err := strconv.Atoi(args[0])
	if err != nil {
		ts.Fatalf("exit code %q: %v", args[0], err)
	}
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			ts.Fatalf("run %v: %v", args[1:], err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("%v: exit code %d, want %d", args[1:], got, want)
	}
}
