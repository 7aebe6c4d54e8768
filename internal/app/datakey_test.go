package app

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/keystore"
	"github.com/paywatt/paywatt/internal/payment"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/core"
	"github.com/paywatt/paywatt/internal/tier"
	"github.com/paywatt/paywatt/internal/webhook"
)

const recoveryCode = "a recovery code"

func recoveryOf(person id.ID) string { return "recovery code of " + person.Text(id.Person) }

// keyedFolder fills a folder with a row of each kind that depends on the data key. It returns the login and an open one-time link.
func keyedFolder(t *testing.T, dir string) (login id.ID, link string) {
	t.Helper()
	login = oldCredentials(t, dir)
	a, err := New(serverConfig(dir))
	if err != nil {
		t.Fatal(err)
	}
	invited, err := a.access.Invite(t.Context(), Clerk(), access.NewPerson{Email: "new@example.org", Role: access.Auditor})
	if err != nil || invited.Refused() {
		t.Fatal(invited.Detail(), err)
	}
	addDevice(t, a)
	clerk, meter := id.ID{15: 2}, id.ID{15: 5}
	code := access.StoredForm(a.data, recoveryOf(clerk), access.SecretOf(recoveryCode))
	err = a.engine.Run(t.Context(), store.FirstTenant, store.Job, func(tx *store.Tx) (bool, error) {
		return false, errors.Join(tx.Rewrite("person", clerk, func() error {
			_, err := tx.C.Exec(`UPDATE person SET factor = $1, recovery = $2, factor_at = $3, version = version + 1 WHERE id = $4`,
				a.data.Seal(access.FactorContext(clerk), []byte("factor")), code[:], tx.Now, clerk)
			return err
		}), tx.Rewrite("meter", meter, func() error {
			_, err := tx.C.Exec(`UPDATE meter SET link_key_enc = $1, link_key_next_enc = $2, link_key_next_at = $3, mqtt_next_hash = $4, mqtt_next_at = $3,
				version = version + 1 WHERE id = $5`, a.data.Seal(registry.LinkKeyContext(meter), []byte("link key")),
				a.data.Seal(registry.NextLinkKeyContext(meter), []byte("next key")), tx.Now, registry.PasswordForm(a.data, meterOne, nextPassword()), meter)
			return err
		}), tx.AuditLog(Clerk().Entry("test", "")))
	})
	if err := errors.Join(err, a.close()); err != nil {
		t.Fatal(err)
	}
	return login, invited.Link.Reveal()
}

func nextPassword() access.Secret { return access.SecretOf("next password") }

// works checks that everything in the folder opens with its data key, and that the books are sound.
func works(t *testing.T, dir string, login id.ID, link string) {
	t.Helper()
	s := openFor(t, dir, login)
	if got := s.refused(); len(got) > 0 {
		t.Errorf("refused: %v", got)
	}
	if got, err := s.access.Invited(t.Context(), store.FirstTenant, link); err != nil || got.Refused() {
		t.Errorf("the one-time link: %s, %v", got.Detail(), err)
	}
	if got, err := s.access.DeviceOf(t.Context(), store.FirstTenant, deviceCookie); err != nil || got.Refused() {
		t.Errorf("the counter device: %s, %v", got.Detail(), err)
	}
	clerk, meter := id.ID{15: 2}, id.ID{15: 5}
	err := s.engine.View(t.Context(), store.FirstTenant, func(tx *store.Tx) error {
		_, err := tx.One(`SELECT factor, recovery, link_key_enc, link_key_next_enc, mqtt_next_hash FROM person, meter WHERE person.id = $1`, func(r core.Row) error {
			forms := access.StoredForms(s.data, recoveryOf(clerk), access.SecretOf(recoveryCode))
			if !slices.ContainsFunc(forms, func(f [32]byte) bool { return bytes.Equal(f[:], r.Bytes(1)) }) {
				t.Error("the recovery code does not work")
			}
			forms = access.StoredForms(s.data, "mqtt "+meterOne, nextPassword())
			if !slices.ContainsFunc(forms, func(f [32]byte) bool { return bytes.Equal(append([]byte{1}, f[:]...), r.Bytes(4)) }) {
				t.Error("the meter's next password does not work")
			}
			_, err := s.data.Open(access.FactorContext(clerk), r.Bytes(0))
			_, err2 := s.data.Open(registry.LinkKeyContext(meter), r.Bytes(2))
			_, err3 := s.data.Open(registry.NextLinkKeyContext(meter), r.Bytes(3))
			return errors.Join(err, err2, err3)
		}, clerk)
		return err
	})
	if err := errors.Join(err, s.close()); err != nil {
		t.Error(err)
	}
	if r := check(t, dir); !r.Sound() || len(r.Notices) > 0 {
		t.Errorf("the books: %+v %+v", r.Findings, r.Notices)
	}
}

// openFor opens a server that the test closes itself.
func openFor(t *testing.T, dir string, login id.ID) *testServer {
	t.Helper()
	a, err := New(serverConfig(dir))
	if err != nil {
		t.Fatal(err)
	}
	return &testServer{App: a, t: t, login: login}
}

func serverConfig(dir string) Config {
	return Config{Data: dir, HTTP: "127.0.0.1:0", MQTT: "127.0.0.1:0", Reserve: -1, Test: true, // no second factor
		PasswordCost: access.Argon{Time: 1, MemoryKiB: 8, Threads: 1}}
}

func rotate(t *testing.T, dir string) (DataKeyResult, error) {
	t.Helper()
	return RotateDataKey(t.Context(), dir, "", slog.New(slog.DiscardHandler))
}

// TestAfterARotationEverythingOpens: everybody signs in as before, but sessions have ended. It also works a second time.
func TestAfterARotationEverythingOpens(t *testing.T) {
	tier.Slow(t)
	tier.OneGoroutine(t)
	dir := t.TempDir()
	login, link := keyedFolder(t, dir)
	s := openFor(t, dir, login)
	s.refused() // opens a session
	session := s.session.Reveal()
	digits := []byte("12345678901234567890")
	sealed, hash := s.data.Seal("token", digits), s.data.Hash(sale.HashContext, digits)
	if _, err := rotate(t, dir); err == nil {
		t.Error("rotated under a running server")
	}
	if err := s.close(); err != nil {
		t.Fatal(err)
	}
	for n := range 3 {
		got, err := rotate(t, dir)
		if err != nil || got.Resumed || got.Keys != n+2 || got.Rows < 6 {
			t.Fatalf("rotation %d: %+v, %v", n+1, got, err)
		}
		works(t, dir, login, link)
		s := openFor(t, dir, login)
		if in, err := s.access.ByLogin(t.Context(), store.FirstTenant, session); err != nil || !in.Refused() {
			t.Errorf("an old session: %s, %v", in.Detail(), err)
		}
		if _, err := s.data.Open("token", sealed); err != nil {
			t.Error("digits that were sealed before cannot be read: ", err)
		}
		if !slices.ContainsFunc(sale.Hashes(s.data, digits), func(h []byte) bool { return bytes.Equal(h, hash) }) {
			t.Error("a token that was sold before is not found by its digits")
		}
		if err := s.close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestAThiefOfTheOldKeyGetsNothing: somebody who has the key from before a rotation and can write to the database cannot make a row that
// signs them in, and cannot put the database back under the old key.
func TestAThiefOfTheOldKeyGetsNothing(t *testing.T) {
	tier.Slow(t)
	tier.OneGoroutine(t)
	dir := t.TempDir()
	login, _ := keyedFolder(t, dir)
	stolen := t.TempDir()
	copyFolder(t, dir, stolen)
	old, err := keystore.OpenData(stolen)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := rotate(t, dir); err != nil {
		t.Fatal(err)
	}
	s := openFor(t, dir, login)
	form := access.StoredForm(old, access.FormKey, access.SecretOf(oldKey))
	s.exec(`UPDATE api_key SET hash = $1, role = 'owner'`, form[:])
	marker := core.Marker(old.Hash)
	err = s.engine.Run(t.Context(), store.FirstTenant, store.Job, func(tx *store.Tx) (bool, error) {
		e, _, err := tx.RowEvidence(tx.Kind("apikey"), id.ID{15: 3})
		if err == nil {
			_, err = tx.C.Exec(`UPDATE api_key SET mark = $1`, marker.Of("api_key", tx.Tenant, (&id.ID{15: 3})[:], e.Sum))
		}
		return false, err
	})
	password := registry.PasswordForm(old, meterOne, access.SecretOf("mqtt password"))
	s.exec(`UPDATE meter SET mqtt_hash = $1`, password)
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(s.refused(), " "); got != "key meter" {
		t.Errorf("refused %q, want the key and the meter", got)
	}
	s.exec(`UPDATE meta SET value = $1 WHERE key = 'key:data'`, marker.KeyMark())
	if err := s.close(); err != nil {
		t.Fatal(err)
	}
	if _, err := New(serverConfig(dir)); !errors.Is(err, ErrOlderDataKey) {
		t.Errorf("under the old key the server starts: %v", err)
	}
}

// TestABackupFromBeforeARotation: the database of the time before comes under the newest key by rotating again, which makes no new key.
func TestABackupFromBeforeARotation(t *testing.T) {
	tier.Slow(t)
	tier.OneGoroutine(t)
	dir := t.TempDir()
	login, link := keyedFolder(t, dir)
	before := t.TempDir()
	copyFolder(t, dir, before)
	for range 2 {
		if _, err := rotate(t, dir); err != nil {
			t.Fatal(err)
		}
	}
	key, err := os.ReadFile(filepath.Join(dir, keystore.DataFileName))
	if err == nil {
		err = os.WriteFile(filepath.Join(before, keystore.DataFileName), key, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	if got, err := rotate(t, before); err != nil || !got.Resumed || got.Keys != 3 {
		t.Fatalf("%+v, %v", got, err)
	}
	works(t, before, login, link)
}

// rotatedFolder names the folder in which a copy of the test binary rotates the data key.
const rotatedFolder = "PAYWATT_TEST_ROTATE"

// TestARotationKilledAtEveryWrite kills a rotation before each write, sync and rename, in ./check once for each kind of call. After each kill
// everything opens, with the old key or the new one. Then it goes on, and everything opens again.
func TestARotationKilledAtEveryWrite(t *testing.T) {
	tier.Slow(t)
	tier.OneGoroutine(t)
	if dir := os.Getenv(rotatedFolder); dir != "" {
		runtime.LockOSThread() // strace counts the writes of each thread on its own
		if _, err := rotate(t, dir); err != nil {
			t.Fatal(err)
		}
		return
	}
	tier.Program(t, "strace")
	made := t.TempDir()
	login, link := keyedFolder(t, made)
	begun := t.TempDir() // the new key is in the file, and the database is not under it: few kills meet this state
	copyFolder(t, made, begun)
	if err := keystore.BeginDataRotation(begun); err != nil {
		t.Fatal(err)
	}
	works(t, begun, login, link)
	if got, err := rotate(t, begun); err != nil || !got.Resumed || got.Keys != 2 {
		t.Fatalf("a rotation that has only begun does not go on: %+v, %v", got, err)
	}
	works(t, begun, login, link)
	seen := map[string]int{}
	kills := killedAtWrites(t, tier.RotationKills.N(), rotatedFolder, made, func(at, dir string) {
		key, err := keystore.OpenData(dir)
		if err != nil {
			t.Fatal(err)
		}
		seen[fmt.Sprint(key.Versions(), key.Rotating())]++
		works(t, dir, login, link)
		got, err := rotate(t, dir)
		if err != nil || got.Resumed != key.Rotating() {
			t.Fatalf("killed at %s: it does not go on: %+v, %v", at, got, err)
		}
		works(t, dir, login, link)
	})
	t.Logf("figures: killed at %d writes; keys and state found: %v", kills, seen)
	if seen["2 true"] == 0 || seen["2 false"] == 0 || tier.IsLong() && seen["1 false"] == 0 {
		t.Errorf("the kills did not meet every state: %v", seen)
	}
}

// writeCalls are the kinds of system calls with which a process changes files. strace counts each call of a kind on its own.
func writeCalls() []string {
	return []string{"write", "pwrite64", "fsync", "fdatasync", "ftruncate", "rename,renameat,renameat2", "unlink,unlinkat"}
}

// runTraced runs this test again in a process of its own under strace, in a copy of a folder that it reads from a variable. It returns the copy,
// and whether the process was killed.
func runTraced(t *testing.T, variable, made string, options ...string) (dir string, killed bool) {
	t.Helper()
	dir = t.TempDir()
	copyFolder(t, made, dir)
	cmd := exec.Command("strace", append(append([]string{"-f", "-qq"}, options...), os.Args[0], "-test.run=^"+t.Name()+"$")...)
	cmd.Env = append(os.Environ(), variable+"="+dir, "GOMAXPROCS=1")
	out, err := cmd.CombinedOutput()
	if err != nil && bytes.Contains(out, []byte("FAIL")) {
		t.Fatalf("%v\n%s", err, out)
	}
	return dir, err != nil
}

// callsOf counts the calls in a log of strace: how often the thread that made most of them made each one.
func callsOf(t *testing.T, log string) map[string]int {
	t.Helper()
	text, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	made, most := map[string]int{}, map[string]int{}
	for line := range strings.Lines(string(text)) {
		thread, call, _ := strings.Cut(line, " ")
		name, _, is := strings.Cut(strings.TrimSpace(call), "(")
		if !is || strings.ContainsAny(name, " <") { // the second half of a call, a signal or an end
			continue
		}
		made[thread+" "+name]++
		most[name] = max(most[name], made[thread+" "+name])
	}
	return most
}

// killedAtWrites kills a copy of this test before its writes, syncs, renames and deletions, one process each time, and then calls after. Of each
// kind of call it takes every one, or as many as the limit, from the begin to the end. It does the same once without a kill. It returns the
// number of kills.
func killedAtWrites(t *testing.T, limit int, variable, made string, after func(at, dir string)) (kills int) {
	t.Helper()
	log := filepath.Join(t.TempDir(), "calls")
	whole, killed := runTraced(t, variable, made, "-o", log, "-e", "trace="+strings.Join(writeCalls(), ","))
	if killed {
		t.Fatal("a process that nobody killed did not end well")
	}
	after("its end", whole)
	counts := callsOf(t, log)
	for _, calls := range writeCalls() {
		all := 0
		for name := range strings.SplitSeq(calls, ",") {
			all = max(all, counts[name])
		}
		for i := range min(all, limit) {
			n := (2*i+1)*all/(2*min(all, limit)) + 1
			dir, killed := runTraced(t, variable, made, "-o", os.DevNull, "-e", "trace="+calls, "-e", fmt.Sprintf("inject=%s:signal=KILL:when=%d", calls, n))
			after(fmt.Sprintf("%s %d", calls, n), dir)
			if killed {
				kills++
			}
			if err := os.RemoveAll(dir); err != nil {
				t.Fatal(err)
			}
		}
	}
	return kills
}

func copyFolder(t *testing.T, from, to string) {
	t.Helper()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(to, "*"))
	for _, f := range files {
		err = errors.Join(err, os.Chmod(f, 0o600))
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestARotationSealsSecretsAgain: whoever gets the old key and an old copy of the database must not be able to read secrets that are in use.
func TestARotationSealsSecretsAgain(t *testing.T) {
	tier.Slow(t)
	tier.OneGoroutine(t)
	dir := t.TempDir()
	login, _ := keyedFolder(t, dir)
	s := openFor(t, dir, login)
	p, err := s.payments.AddProvider(t.Context(), Clerk(), payment.NewProvider{Name: "bank", Kind: "webhook", Config: []byte(`{}`), Single: 1, Daily: 1,
		Secrets: []byte(`{"signing":"whsec_` + base64.StdEncoding.EncodeToString([]byte("012345678901234567890123")) + `"}`)})
	if err != nil || p.Refused() {
		t.Fatal(p.Detail(), err)
	}
	h, err := s.webhooks.Add(t.Context(), Clerk(), webhook.NewEndpoint{URL: "https://example.org/in", Events: []webhook.Type{"vend.completed"}})
	if err != nil || h.Refused() {
		t.Fatal(h.Detail(), err)
	}
	before := secretsOf(t, s.App, p.ID, h.ID)
	if err := s.close(); err != nil {
		t.Fatal(err)
	}
	if _, err := rotate(t, dir); err != nil {
		t.Fatal(err)
	}
	s = openFor(t, dir, login)
	for n, after := range secretsOf(t, s.App, p.ID, h.ID) {
		if bytes.Equal(after, before[n]) {
			t.Errorf("secret %d is still sealed under the old key", n)
		}
	}
	if err := s.close(); err != nil {
		t.Fatal(err)
	}
	if r := check(t, dir); !r.Sound() || len(r.Notices) > 0 {
		t.Errorf("the books: %+v %+v", r.Findings, r.Notices)
	}
}

// secretsOf returns the sealed address and secrets of a provider, and the sealed secret of a webhook, all of which must open.
func secretsOf(t *testing.T, a *App, provider, endpoint id.ID) (out [3][]byte) {
	t.Helper()
	err := a.engine.View(t.Context(), store.FirstTenant, func(tx *store.Tx) error {
		_, err := tx.One(`SELECT p.path_enc, p.secrets_enc, w.secret_enc FROM provider p, webhook w WHERE p.id = $1 AND w.id = $2`, func(r core.Row) error {
			out = [3][]byte{r.Bytes(0), r.Bytes(1), r.Bytes(2)}
			_, err := a.data.Open(payment.PathContext(provider), out[0])
			_, err2 := a.data.Open(payment.SecretContext(provider), out[1])
			_, err3 := a.data.Open(webhook.SecretContext(endpoint), out[2])
			return errors.Join(err, err2, err3)
		}, provider, endpoint)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}
