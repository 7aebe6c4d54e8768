package e2e

// Tests of every command that writes a file or a folder: on a full disk, and killed half-way. What was there before stays, a failure removes
// what the run made, and the same command works again.

import (
	"bytes"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"filippo.io/age"

	"github.com/paywatt/paywatt/internal/await"
	"github.com/paywatt/paywatt/internal/store/postgres/pgtest"
	"github.com/paywatt/paywatt/internal/tier"
)

// writingCommand is a command that writes.
type writingCommand struct {
	name    string
	stdin   string
	args    []string // {dir} stands for the folder of the world, {postgres} for an empty database
	proof   []string // files that are all there only when the result is complete
	already string   // what the command says when it is repeated after it was complete
	check   []string // a command that succeeds when the result is sound
}

// Folders and files of the world, below its folder.
const (
	wData, wCopy, wSealed, wAuthority = "data", "copy", "copy.age", "ca"
	wIdentity                         = "identity"
)

// writingCommands lists every command that writes to files, except for servers, virtual meters and benches.
func writingCommands(recipient string) []writingCommand {
	data := []string{"--data", "{dir}/data"}
	with := func(more []string, args ...string) []string { return append(args, more...) }
	return []writingCommand{
		{"backup create, a new folder", "", with(data, "backup", "create", "{dir}/new/deep"), []string{"new/deep/manifest.json"}, "not empty",
			[]string{"backup", "verify", "{dir}/new/deep"}},
		{"backup create, an empty folder", "", with(data, "backup", "create", "{dir}/empty"), []string{"empty/manifest.json"}, "not empty",
			[]string{"backup", "verify", "{dir}/empty"}},
		{"backup create, encrypted", "", with(data, "backup", "create", "{dir}/new.age", "--recipient", recipient), []string{"new.age"}, "exists already",
			[]string{"backup", "verify", "{dir}/new.age", "--identity", "{dir}/identity"}},
		{"backup verify, encrypted", "", []string{"backup", "verify", "{dir}/copy.age", "--identity", "{dir}/identity"}, nil, "", []string{"version"}},
		{"backup restore, a new folder", "", []string{"backup", "restore", "{dir}/copy", "--without-head", "--data", "{dir}/restored"}, []string{"restored/paywatt.db"}, "not empty",
			[]string{"verify", "--data", "{dir}/restored"}},
		{"backup restore, over data", "", with(data, "backup", "restore", "{dir}/copy", "--force", "--without-head"), nil, "", with(data, "verify")},
		{"vendingkey add", "abababababababac", with(data, "vendingkey", "add", "--sgc", "123457", "--krn", "1", "--kt", "2", "--dkga", "02", "--base-date", "2014", "--key-file", "-", "--test"),
			nil, "123457", with(data, "vendingkey", "list")},
		{"apikey create", "", []string{"apikey", "create", "--role", "owner", "--data", "{dir}/fresh"}, nil, "", []string{"verify", "--data", "{dir}/fresh"}},
		{"ca create", "", []string{"ca", "create", "--dir", "{dir}/newca"}, []string{"newca/ca.pem"}, "exists already", []string{"ca", "list", "--dir", "{dir}/newca"}},
		{"ca issue", "", []string{"ca", "issue", "04140001001", "04140001019", "--dir", "{dir}/ca", "--out", "{dir}/certificates"},
			[]string{"certificates/04140001001.pem", "certificates/04140001001.key", "certificates/04140001019.pem", "certificates/04140001019.key"}, "exists already",
			[]string{"ca", "list", "--dir", "{dir}/ca"}},
		{"ca revoke", "", []string{"ca", "revoke", "server", "--reason", "lost", "--dir", "{dir}/ca"}, nil, "revoked already", []string{"ca", "list", "--dir", "{dir}/ca"}},
		{"store rotate-key seal", "", with(data, "store", "rotate-key", "seal"), nil, "", with(data, "verify")},
		{"store rotate-key data", "", with(data, "store", "rotate-key", "data"), nil, "", with(data, "verify")},
		{"store copy, with keys", "", []string{"store", "copy", "sqlite:{dir}/data", "{postgres}", "--keep", "--keys", "{dir}/keys"}, []string{"keys/heads.log"}, "not empty",
			[]string{"verify", "--data", "{dir}/keys", "--store", "{postgres}"}},
	}
}

// writingWorld is a place with data, copies of it and an authority.
type writingWorld struct {
	p         *place
	dir       string
	recipient string
	postgres  string // an empty database; only where a command needs one
}

// newWritingWorld makes everything once; each test works on a copy.
func newWritingWorld(t *testing.T) *writingWorld {
	t.Helper()
	w := &writingWorld{p: newPlace(t, paywatt(t)), dir: t.TempDir()}
	if err := os.Rename(w.p.dir, filepath.Join(w.dir, wData)); err != nil {
		t.Fatal(err)
	}
	var identity string
	w.recipient, identity = newIdentity(t)
	if err := os.WriteFile(filepath.Join(w.dir, wIdentity), []byte(identity+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{"empty", "tmp"} {
		if err := os.Mkdir(filepath.Join(w.dir, dir), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	data := filepath.Join(w.dir, wData)
	w.p.run(t, "", "apikey", "create", "--role", "owner", "--data", data)
	w.p.run(t, "", "backup", "create", filepath.Join(w.dir, wCopy), "--data", data)
	w.p.run(t, "", "backup", "create", filepath.Join(w.dir, wSealed), "--data", data, "--recipient", w.recipient)
	w.p.run(t, "", "ca", "create", "--dir", filepath.Join(w.dir, wAuthority))
	w.p.run(t, "", "ca", "issue-server", "localhost", "--dir", filepath.Join(w.dir, wAuthority), "--out", filepath.Join(w.dir, "server"))
	return w
}

// copyWorld copies the world, with a file of somebody else in each folder.
func (w *writingWorld) copyWorld(t *testing.T) *writingWorld {
	t.Helper()
	to := filepath.Join(t.TempDir(), "world")
	if out, err := exec.Command("cp", "-a", w.dir, to).CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	for _, dir := range []string{"", wData, wCopy, wAuthority, "server", "tmp"} {
		if err := os.WriteFile(filepath.Join(to, dir, "note"), []byte("not Paywatt's"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p := *w.p
	p.env = append(p.env[:len(p.env):len(p.env)], "TMPDIR="+filepath.Join(to, "tmp"))
	return &writingWorld{p: &p, dir: to, recipient: w.recipient}
}

func (w *writingWorld) args(args []string) (out []string) {
	for _, a := range args {
		out = append(out, strings.NewReplacer("{dir}", w.dir, "{postgres}", w.postgres).Replace(a))
	}
	return out
}

// files returns the content of every file, except for those that every command may touch: locks, and what SQLite keeps beside a database.
func (w *writingWorld) files(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(w.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || strings.HasSuffix(path, ".lock") || strings.HasSuffix(path, "-wal") || strings.HasSuffix(path, "-shm") {
			return err
		}
		name, _ := filepath.Rel(w.dir, path)
		if d.IsDir() {
			out[name+"/"] = ""
			return nil
		}
		text, err := os.ReadFile(path)
		out[name] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// hurt runs a command whose n-th system call of a kind fails as the fault says. The code is -1 if it was killed.
func (w *writingWorld) hurt(c writingCommand, f fault, n int) (said string, code int) {
	args := append([]string{"-f", "-qq", "--seccomp-bpf", "-o", os.DevNull, "-e", "trace=" + f.calls, "-e", fmt.Sprintf("inject=%s:%s:when=%d", f.calls, f.what, n),
		w.p.bin}, w.args(c.args)...)
	cmd := exec.Command("strace", args...)
	cmd.Env = w.p.env
	cmd.Stdin = strings.NewReader(c.stdin)
	out, _ := cmd.CombinedOutput()
	return string(out), cmd.ProcessState.ExitCode()
}

// again runs a command that failed or was killed once more, and checks the result. A command that was complete may say so instead.
func (w *writingWorld) again(t *testing.T, c writingCommand, when string) {
	t.Helper()
	complete := c.already != ""
	for _, name := range c.proof {
		_, err := os.Stat(filepath.Join(w.dir, name))
		complete = complete && err == nil
	}
	out, errOut, code := w.p.try(c.stdin, w.args(c.args)...)
	if code != 0 && !(complete && strings.Contains(errOut, c.already)) {
		t.Errorf("%s: the same command again: exit %d\n%s%s", when, code, out, errOut)
		return
	}
	if out, errOut, code := w.p.try("", w.args(c.check)...); code != 0 {
		t.Errorf("%s: after the same command again, %v: exit %d\n%s%s", when, c.check, code, out, errOut)
	}
	for name := range w.files(t) {
		if base := filepath.Base(name); code == 0 && strings.HasPrefix(base, ".") && base != "." {
			t.Errorf("%s: after the same command again, %s is left", when, name)
		}
	}
}

// kept checks that everything is as before.
func (w *writingWorld) kept(t *testing.T, before map[string]string, when string) {
	t.Helper()
	after := w.files(t)
	for name, text := range before {
		if got, there := after[name]; !there || got != text && !strings.HasPrefix(filepath.Base(name), "paywatt.db") {
			t.Errorf("%s: %s was there before, and is now there: %t", when, name, there)
		}
	}
	for name := range after {
		if _, there := before[name]; !there {
			t.Errorf("%s: %s is left", when, name)
		}
	}
}

// writingCalls are the system calls by which commands write. A write goes to the terminal too, and there a full disk means nothing.
const (
	killCalls   = "write,pwrite64,copy_file_range,fsync,fdatasync,renameat,renameat2,mkdirat,unlinkat,ftruncate,linkat"
	commonCalls = 8 // nearly every command makes so many calls of each kind, on one thread
	fullCalls   = "pwrite64,copy_file_range,fsync,renameat,renameat2,mkdirat,fallocate"
)

// TestEveryCommandThatWritesMayFailOrBeKilled fails each command at one of its system calls, or kills it there. [tier.E2EWritePoints]
// says at how many; with a large number the test takes every call in order.
func TestEveryCommandThatWritesMayFailOrBeKilled(t *testing.T) {
	t.Parallel()
	needed(t, "strace")
	points := tier.E2EWritePoints.N()
	world := newWritingWorld(t)
	rnd := rand.New(rand.NewPCG(tier.Seed(t), 51))
	for i, c := range writingCommands(world.recipient) {
		order := rnd.Perm(commonCalls)
		if points > commonCalls {
			order = ascending(points)
		}
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			kills, failures := points, points
			if points == 0 {
				kills = i % 2
				failures = 1 - kills
			}
			killed := world.hurtAt(t, c, fault{killCalls, "signal=KILL"}, order, kills)
			failed := world.hurtAt(t, c, fault{fullCalls, "error=ENOSPC"}, order, failures)
			t.Logf("figures: %s: killed %d times, without space %d times", c.name, killed, failed)
		})
	}
}

// hurtAt runs a command on copies of the world, each with a fault at another call in the given order, until it was hurt as often as wanted.
func (w *writingWorld) hurtAt(t *testing.T, c writingCommand, f fault, order []int, wanted int) (hurt int) {
	t.Helper()
	for _, call := range order {
		if hurt >= wanted {
			break
		}
		one := w.copyWorld(t)
		if slices.Contains(c.args, "{postgres}") {
			one.postgres = pgtest.New(t)
		}
		before := one.files(t)
		said, code := one.hurt(c, f, call+1)
		if code == 0 && wanted > commonCalls {
			break // the command makes fewer calls
		}
		if code == 0 {
			continue
		}
		hurt++
		when := fmt.Sprintf("%s %d: %s", f, call+1, said)
		if f.calls == fullCalls {
			if strings.Contains(said, "panic") || !strings.Contains(said, "paywatt: ") {
				t.Errorf("%s: there is no message", when)
			}
			if !strings.HasPrefix(c.name, "store rotate-key") && c.name != "apikey create" && c.name != "ca revoke" { // these begin with a step that is complete by itself
				one.kept(t, before, when)
			}
		}
		for name, text := range before {
			if got, err := os.ReadFile(filepath.Join(one.dir, name)); filepath.Base(name) == "note" && (err != nil || string(got) != text) {
				t.Errorf("%s: %s is gone: %v", when, name, err)
			}
		}
		one.again(t, c, when)
	}
	return hurt
}

func ascending(n int) (out []int) {
	for i := range n {
		out = append(out, i)
	}
	return out
}

// newIdentity makes a pair of keys for an encrypted backup.
func newIdentity(t *testing.T) (recipient, identity string) {
	t.Helper()
	pair, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	return pair.Recipient().String(), pair.String()
}

// fillUpTo takes the free bytes except for some.
func (d smallDisk) fillUpTo(t *testing.T, name string, left int64) {
	t.Helper()
	d.fill(t, name)
	path := filepath.Join(d.dir, name)
	info, err := os.Stat(path)
	if err == nil {
		err = os.Truncate(path, max(0, info.Size()-left))
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestABackupOnTheDiskOfTheDataNeverEndsTheSales makes backups on the disk of the data. They are refused with figures before they write
// anything, and sales go on.
func TestABackupOnTheDiskOfTheDataNeverEndsTheSales(t *testing.T) {
	t.Parallel()
	d := newSmallDisk(t, "160m")
	f := newFullShop(t, d)
	// A backup copies every file of keys, so this one makes the copy large.
	if err := os.WriteFile(filepath.Join(f.p.dir, "keystore.before"), make([]byte, 20<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	recipient, _ := newIdentity(t)
	backups := [][]string{{filepath.Join(d.dir, "copy")}, {filepath.Join(d.dir, "copy.age"), "--recipient", recipient}}
	refusedAll := func(when string) {
		t.Helper()
		for _, args := range backups {
			out, errOut, code := f.p.try("", append([]string{"backup", "create", "--data", f.p.dir}, args...)...)
			if code != 4 || !strings.Contains(errOut, "MiB free, and") || !strings.Contains(errOut, "must stay free for the server") {
				t.Errorf("%s: a backup for which there is no room: exit %d\n%s%s", when, code, out, errOut)
			}
			if left, err := filepath.Glob(filepath.Join(d.dir, "copy*")); err != nil || len(left) > 0 {
				t.Errorf("%s: a refused backup left %v, %v", when, left, err)
			}
		}
	}
	sells := func(when string) {
		t.Helper()
		for n := range 200 {
			got, err := f.a.vend(f.meter, 5000, fmt.Sprintf("%s-%s", strings.ReplaceAll(when, " ", "-"), number(n)))
			if err == nil && got.status == http.StatusConflict && bytes.Contains(got.body, []byte("too-many-tokens")) {
				break
			}
			if err != nil || got.status != http.StatusCreated {
				t.Fatalf("%s: sale %d: %v, status %d %s", when, n, err, got.status, got.body)
			}
		}
		f.a.must(t, 200, "GET", "/readyz", nil)
	}
	d.fillUpTo(t, "ballast", 40<<20)
	refusedAll("40 MiB free, and a copy of 21 MiB")
	sells("after a refusal")

	d.fill(t, "rest")
	f.refused(t, "full")
	refusedAll("the reserve is freed, and the copy would fit into it")
	d.free(t, "rest", "ballast")
	await.True(t, "sales go on when there is room", func() bool {
		got, err := f.a.vend(f.meter, 5000, "room-again-1")
		return err == nil && (got.status == http.StatusCreated || got.status == http.StatusConflict)
	})
	f.a.must(t, 200, "GET", "/readyz", nil)
	if err := os.Remove(filepath.Join(f.p.dir, "keystore.before")); err != nil {
		t.Fatal(err)
	}
	f.p.run(t, "", "backup", "create", backups[0][0], "--data", f.p.dir)
	f.p.run(t, "", "backup", "verify", backups[0][0])
	f.a.must(t, 200, "GET", "/readyz", nil)
}
