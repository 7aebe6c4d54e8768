package main

import (
	"context"
	"errors"
	"filippo.io/age"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/app/apptest"
	"github.com/paywatt/paywatt/internal/tier"
)

// TestMain lets the scripts run the real program: their command paywatt is main.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"paywatt": main})
}

// TestScripts runs testdata/script, where each file is one topic of the command line, readable as documentation.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:       "testdata/script",
		Condition: condition,
		Setup: func(env *testscript.Env) error {
			memories, err := filepath.Abs("../../meter/journal/testdata")
			env.Setenv("MEMORIES", memories)
			// The program of a script has the real clock, so that no script names a day that is still to come.
			now := time.Now().UTC()
			env.Setenv("NEXT_JANUARY", time.Date(now.Year()+2, time.January, 1, 0, 0, 0, 0, time.UTC).Format(time.RFC3339)) // not the next one: the year may end now
			env.Setenv("THIS_MONTH", now.Format("2006-01"))
			env.Setenv("NEXT_MONTH", now.AddDate(0, 0, 31).Format("2006-01"))
			env.Setenv("LAST_WEEK", now.AddDate(0, 0, -7).Format(time.DateOnly))
			for _, name := range []string{"pass", "wrong", "key02", "key04", "nohex"} { // the files of a script can be read by everybody
				if e := os.Chmod(filepath.Join(env.WorkDir, name), 0o600); !errors.Is(e, fs.ErrNotExist) {
					err = errors.Join(err, e)
				}
			}
			return err
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"exits": exits, "server": server, "warns": warns, "readenv": readenv, "newer": newer, "touch": touch,
			"tamper": tamper, "othertoken": othertoken, "digits": digits, "jsonenv": jsonenv, "ageidentity": ageIdentity, "personkey": personKey,
		},
	})
}

// condition is what a script may ask beside the usual: [long] in ./check long, and [missing:PROGRAM] where a program is not installed. In a run
// that needs all programs, as ./check does, its lack is an error.
func condition(what string) (bool, error) {
	if what == "long" {
		return tier.IsLong(), nil
	}
	program, is := strings.CutPrefix(what, "missing:")
	if !is {
		return false, fmt.Errorf("unknown condition %q", what)
	}
	_, err := tier.Find(program)
	if err != nil && tier.MustRun() {
		return false, err
	}
	return err != nil, nil
}

// ageIdentity writes a new identity of age into a file, and its public key into RECIPIENT: ageidentity FILE.
func ageIdentity(ts *testscript.TestScript, _ bool, args []string) {
	identity, err := age.GenerateX25519Identity()
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(identity.String()), 0o600))
	ts.Setenv("RECIPIENT", identity.Recipient().String())
}

// personKey makes a confirmed person if there is none, and writes a key of that person into a file: personkey FILE EMAIL ROLE [KEY-NAME].
func personKey(ts *testscript.TestScript, _ bool, args []string) {
	dir := ts.Getenv("PAYWATT_DATA")
	if dir == "" {
		dir = defaultData
	}
	p := apptest.Person{Email: args[1], Role: access.Role(args[2])}
	if len(args) > 3 {
		p.KeyName = args[3]
	}
	key, err := apptest.Key(context.Background(), ts.MkAbs(dir), "", nil, p)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(key+"\n"), 0o600))
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
