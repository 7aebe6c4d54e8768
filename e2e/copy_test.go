package e2e

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/await"
	"github.com/paywatt/paywatt/internal/store/frozen"
	"github.com/paywatt/paywatt/internal/store/postgres"
	"github.com/paywatt/paywatt/internal/store/postgres/pgtest"
	"github.com/paywatt/paywatt/internal/store/sqlite"
	"github.com/paywatt/paywatt/internal/tier"
)

// TestAStoreIsCopiedAndGoesOn: a utility that has outgrown its one machine moves to PostgreSQL. Old sales remain, repeated
// requests get the same answers, the next token loads, and the old folder cannot sell any more.
func TestAStoreIsCopiedAndGoesOn(t *testing.T) {
	t.Parallel()
	p := newPlace(t, paywatt(t))
	srv := p.serve(t, "127.0.0.1:0", "127.0.0.1:0")
	a := newAPI(srv.http, p.run(t, "", "apikey", "create", "--role", "owner", "--data", p.dir))
	a.tariff(t)
	m := a.meter(t, number(1001))
	vm := p.meterProcess(t, filepath.Join(t.TempDir(), "meter"), srv.mqtt, m)
	first := a.mustVend(t, m.number, 10_000, "before-0001", "mqtt")
	await.True(t, "the first token is in the meter", func() bool { return vm.must(t, "show").BalanceWh == 34_700 })
	vm.must(t, "load 500")
	vm.must(t, "run 3h")
	register := vm.must(t, "sync").RegisterWh

	spare := copyBeside(t, p)
	if _, errOut, code := p.try("", "store", "copy", "sqlite:"+p.dir, pgtest.New(t)); code != 4 || !strings.Contains(errOut, "Stop the server") {
		t.Errorf("moving under a running server: exit %d, want 4\n%s", code, errOut)
	}
	srv.stop()
	url := pgtest.New(t)
	moved := answer{body: []byte(p.run(t, "", "store", "copy", "sqlite:"+p.dir, url, "-o", "json"))}
	if moved.num(t, "rows", "vend") != 1 || moved.num(t, "rows", "meter") != 1 || moved.num(t, "epoch") != 1 || moved.num(t, "rows", "reading") == 0 {
		t.Errorf("the move says %s", moved.body)
	}
	if _, _, code := p.try("", "store", "copy", "sqlite:"+p.dir, url); code != 4 {
		t.Errorf("moving again: exit %d, want 4", code)
	}
	if _, errOut, code := p.try("", "serve", "--data", p.dir, "--http", "127.0.0.1:0", "--mqtt", "127.0.0.1:0"); code != 4 || !strings.Contains(errOut, "moved") {
		t.Errorf("serving what was moved: exit %d, want 4\n%s", code, errOut)
	}

	p.env = append(p.env, "PAYWATT_STORE="+url)
	p.serve(t, srv.http, srv.mqtt)
	again := a.mustVend(t, m.number, 10_000, "before-0001", "mqtt")
	if string(again.body) != string(first.body) {
		t.Errorf("the same request after the move got\n%s\nwant\n%s", again.body, first.body)
	}
	if got := a.must(t, 200, "GET", "/v1/meters/"+m.number, nil).num(t, "register_wh"); got != register {
		t.Errorf("the register stands at %d after the move, want %d", got, register)
	}
	before := vm.must(t, "show").BalanceWh
	next := a.mustVend(t, m.number, 10_000, "after-00001", "mqtt")
	await.True(t, "the first token after the move is in the meter", func() bool {
		return vm.must(t, "show").BalanceWh == before+next.num(t, "units_wh")
	})
	if first.text(t, "receipt_no") == next.text(t, "receipt_no") {
		t.Errorf("receipt number %s was given twice", next.text(t, "receipt_no"))
	}
	vm.must(t, "sync")
	vm.quit(t)
	awaitProgram(t, "all is sealed and sound", func() bool {
		report := answer{body: []byte(p.run(t, "", "verify", "--data", p.dir, "-o", "json"))} // exit 0 means: no finding
		return report.num(t, "figures", "rows_waiting_for_their_seal") == 0 && report.num(t, "figures", "sales") == 2
	})
	rising(t, p, spare)
}

// TestAnEpochOfAPersonWarnsOfASecondDatabase: whoever begins a store epoch after a restore reads that two restored databases give the same token
// numbers, as after the restore of a folder.
func TestAnEpochOfAPersonWarnsOfASecondDatabase(t *testing.T) {
	t.Parallel()
	p, url := emptyPlace(t, paywatt(t)), pgtest.New(t)
	p.run(t, "", "apikey", "create", "--role", "owner", "--data", p.dir, "--store", url)
	_, errOut, code := p.try("", "store", "epoch", url, "--taken", time.Now().UTC().Format(time.RFC3339))
	for _, says := range []string{"is in store epoch 2.", "Serve no other database that was restored from this backup.", "give the same token numbers"} {
		if code != 0 || !strings.Contains(errOut, says) {
			t.Errorf("exit %d, want 0 and %q in\n%s", code, says, errOut)
		}
	}
}

// TestARestoredDatabaseIsComparedWithAHead: a database that lacks what a head signed begins no epoch. Verification shows with what a database was
// compared, and of which epoch nobody said anything.
func TestARestoredDatabaseIsComparedWithAHead(t *testing.T) {
	t.Parallel()
	p, url := emptyPlace(t, paywatt(t)), pgtest.New(t)
	p.env = append(p.env, "PAYWATT_STORE="+url)
	p.run(t, "", "apikey", "create", "--role", "owner", "--data", p.dir)
	srv := p.serve(t, "127.0.0.1:0", "127.0.0.1:0")
	var heads []byte
	await.True(t, "a head is signed", func() bool {
		heads, _ = os.ReadFile(filepath.Join(p.dir, "heads.log"))
		return len(heads) > 0
	})
	srv.stop()
	head := filepath.Join(t.TempDir(), "kept")
	if err := os.WriteFile(head, heads, 0o600); err != nil {
		t.Fatal(err)
	}
	epoch := func(args ...string) (string, int) {
		t.Helper()
		_, errOut, code := p.try("", append([]string{"store", "epoch", url, "--taken", time.Now().UTC().Format(time.RFC3339), "--data", p.dir}, args...)...)
		return errOut, code
	}
	says := func(text string) {
		t.Helper()
		if out := p.run(t, "", "verify", "--data", p.dir); !strings.Contains(out, text) {
			t.Errorf("verification does not say %q:\n%s", text, out)
		}
	}
	if out, code := epoch("--head", head, "--without-head"); code != 2 {
		t.Errorf("with two answers: exit %d\n%s", code, out)
	}
	if out, code := epoch("--head", head); code != 0 {
		t.Errorf("a database that agrees with its head: exit %d\n%s", code, out)
	}
	says("Store epoch 2 began with a backup that was compared with the heads of kept.")
	if out, code := epoch("--without-head"); code != 0 {
		t.Errorf("without a head: exit %d\n%s", code, out)
	}
	says("Store epoch 3 began with a backup that was not compared with a head kept elsewhere.")
	if out, code := epoch(); code != 0 {
		t.Errorf("without a word: exit %d\n%s", code, out)
	}
	says("Store epoch 4 began with a restored copy or a promoted standby, and nothing says with what it was compared.")
	admin := pgtest.Admin(t, url)
	admin(`CREATE VIEW planted AS SELECT 1`)
	if out, code := epoch("--head", head); code != 4 || !strings.Contains(out, "agrees with the head, but its verification has 1 other finding: ") {
		t.Errorf("a database with a view that no server made: exit %d\n%s", code, out)
	}
	admin(`UPDATE audit SET actor = 'nobody'`)
	if out, code := epoch("--head", head); code != 4 || !strings.Contains(out, "does not agree with the head: Audit row") {
		t.Errorf("a database that was changed: exit %d\n%s", code, out)
	}
}

// TestAnOlderDatabaseIsComparedWithAHead: the database that was restored is of an older version. It is upgraded, then compared.
func TestAnOlderDatabaseIsComparedWithAHead(t *testing.T) {
	t.Parallel()
	for _, d := range frozen.Of(t, "postgres") {
		t.Run(d.Name, func(t *testing.T) {
			url := pgtest.New(t)
			d.Load(t, url)
			p := barePlace(t, buildOnce(t, "faultinject"), d.Dir)
			p.env = append(p.env, "PAYWATT_STORE="+url, "FAULT_INJECT=clock="+time.Until(d.Facts.Now).String())
			forged := filepath.Join(t.TempDir(), "forged")
			if err := os.WriteFile(forged, []byte("no head\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			args := []string{"store", "epoch", url, "--taken", time.Now().Add(-time.Minute).UTC().Format(time.RFC3339), "--data", d.Dir, "--head"}
			_, out, code := p.try("", append(args, forged)...)
			if code != 4 || !strings.Contains(out, "does not agree with the head: forged has no head") ||
				!strings.Contains(out, "The new store epoch did not begin. The database was upgraded to the schema of this version.") {
				t.Errorf("with a head of somebody else: exit %d\n%s", code, out)
			}
			p.run(t, "", append(args, filepath.Join(d.Dir, "heads.log"))...)
			// The frozen data have findings about meters, so verify fails.
			if out, _, _ := p.try("", "verify", "--data", d.Dir); !strings.Contains(out, "began with a backup that was compared with the heads of heads.log.") {
				t.Errorf("verification does not say with what the database was compared:\n%s", out)
			}
		})
	}
}

// copyBeside copies the store of a running server, which stays the live store, and returns the folder and the URL of the copy.
func copyBeside(t *testing.T, p *place) *place {
	t.Helper()
	url, keys := pgtest.New(t), filepath.Join(t.TempDir(), "keys")
	kept := answer{body: []byte(p.run(t, "", "store", "copy", "sqlite:"+p.dir, url, "--keep", "--keys", keys, "-o", "json"))}
	if kept.num(t, "epoch") != 2 || kept.text(t, "live") != "false" {
		t.Errorf("the copy beside a running server says %s, want epoch 2 and not live", kept.body)
	}
	spare := barePlace(t, p.bin, keys)
	spare.pass, spare.env = p.pass, append(slices.Clone(p.env), "PAYWATT_STORE="+url)
	return spare
}

// rising lets the copy take over, as after the loss of the live store. The copy must pass verification, and its sales must get receipt
// numbers of their own.
func rising(t *testing.T, lost, spare *place) {
	t.Helper()
	spare.run(t, "", "verify", "--data", spare.dir)
	srv := spare.serve(t, "127.0.0.1:0", "127.0.0.1:0")
	a := newAPI(srv.http, spare.run(t, "", "apikey", "create", "--role", "owner", "--data", spare.dir))
	sold := a.mustVend(t, number(1001), 10_000, "spare-00001")
	if no := sold.text(t, "receipt_no"); !strings.Contains(no, "/2") {
		t.Errorf("the copy's receipt has number %s, want the mark of epoch 2", no)
	}
	// The lost store signed heads after the copy was made. They are still in its folder. The copy passes verification against them too.
	spare.run(t, "", "verify", "--data", lost.dir)
}

// TestAMoveHasOneEnd: whatever goes wrong while a store moves, in the end there is exactly one live store.
func TestAMoveHasOneEnd(t *testing.T) {
	tier.Long(t)
	t.Parallel()
	p := newPlace(t, paywatt(t))
	srv := p.serve(t, "127.0.0.1:0", "127.0.0.1:0")
	a := newAPI(srv.http, p.run(t, "", "apikey", "create", "--role", "owner", "--data", p.dir))
	a.tariff(t)
	a.mustVend(t, a.meter(t, number(1001)).number, 10_000, "before-0001")
	srv.stop()
	empty := func(url string) bool { // proves that the database is empty by copying the store into it
		_, _, code := p.try("", "store", "copy", "sqlite:"+p.dir, url, "--keep")
		return code == 0
	}

	url, keys := pgtest.New(t), t.TempDir()
	if err := os.WriteFile(filepath.Join(keys, "other"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, errOut, code := p.try("", "store", "copy", "sqlite:"+p.dir, url, "--keys", keys); code != 4 || !empty(url) {
		t.Errorf("moving with keys into a folder that is not empty: exit %d, want 4 and an empty database\n%s", code, errOut)
	}

	thief, line := pgtest.Steal(t, pgtest.New(t))
	thief.Commits.Add(1)
	if _, errOut, code := p.try("", "store", "copy", "sqlite:"+p.dir, line); code == 0 || !empty(line) {
		t.Errorf("the COMMIT was lost: exit %d, want a failure and an empty database\n%s", code, errOut)
	}
	p.serve(t, "127.0.0.1:0", "127.0.0.1:0").stop() // the folder still has the live store

	thief, line = pgtest.Steal(t, pgtest.New(t))
	thief.Answers.Add(1)
	if _, errOut, code := p.try("", "store", "copy", "sqlite:"+p.dir, line); code != 0 {
		t.Errorf("the answer to the COMMIT was lost: exit %d, want 0\n%s", code, errOut)
	}
	if _, errOut, code := p.try("", "serve", "--data", p.dir, "--http", "127.0.0.1:0", "--mqtt", "127.0.0.1:0"); code != 4 {
		t.Errorf("serving what was moved: exit %d, want 4\n%s", code, errOut)
	}
	if _, errOut, code := p.try("", "verify", "--data", p.dir, "--store", line); code != 0 {
		t.Errorf("the copy is not sound: exit %d\n%s", code, errOut)
	}
}

// TestAnInterruptedMoveIsFinished: the folder is marked for a move and the command is killed. No server starts on the folder,
// and the same command finds out how the move ended.
func TestAnInterruptedMoveIsFinished(t *testing.T) {
	t.Parallel()
	p := newPlace(t, paywatt(t))
	p.serve(t, "127.0.0.1:0", "127.0.0.1:0").stop()
	again := func(url string) (errOut string, code int) {
		if err := sqlite.BeginMove(p.dir, sqlite.Move{ID: "killed", To: url}); err != nil {
			t.Fatal(err)
		}
		if _, errOut, code := p.try("", "serve", "--data", p.dir, "--http", "127.0.0.1:0", "--mqtt", "127.0.0.1:0"); code != 4 || !strings.Contains(errOut, "store copy") {
			t.Errorf("serving in the middle of a move: exit %d, want 4 and what to do\n%s", code, errOut)
		}
		_, errOut, code = p.try("", "store", "copy", "sqlite:"+p.dir, url)
		return errOut, code
	}
	other := pgtest.New(t)
	p.run(t, "", "store", "copy", "sqlite:"+p.dir, other, "--keep")
	if errOut, code := again(other); code != 1 || !strings.Contains(errOut, "could not find out") {
		t.Errorf("the database has something else: exit %d, want 1\n%s", code, errOut)
	}
	if _, errOut, code := p.try("", "store", "copy", "sqlite:"+p.dir, pgtest.New(t)); code != 1 || !strings.Contains(errOut, "another database") {
		t.Errorf("to another database: exit %d, want 1\n%s", code, errOut)
	}
	url := pgtest.New(t)
	if errOut, code := again(url); code != 0 || !strings.Contains(errOut, "rows are in") {
		t.Errorf("nothing had arrived: exit %d, want 0 and a copy\n%s", code, errOut)
	}

	p = newPlace(t, paywatt(t))
	p.serve(t, "127.0.0.1:0", "127.0.0.1:0").stop()
	url = pgtest.New(t)
	src, err := sqlite.OpenSource(t.Context(), p.dir)
	if err != nil {
		t.Fatal(err)
	}
	_, err = postgres.Fill(t.Context(), url, src, postgres.Purpose{Move: "killed", Ready: func() error { return nil }})
	if err := errors.Join(err, src.Close()); err != nil {
		t.Fatal(err)
	}
	if errOut, code := again(url); code != 0 || !strings.Contains(errOut, "had arrived") {
		t.Errorf("everything had arrived: exit %d, want 0 without a second copy\n%s", code, errOut)
	}
	if _, errOut, code := p.try("", "serve", "--data", p.dir, "--http", "127.0.0.1:0", "--mqtt", "127.0.0.1:0"); code != 4 || !strings.Contains(errOut, "has been moved") {
		t.Errorf("serving what was moved: exit %d, want 4\n%s", code, errOut)
	}
}
