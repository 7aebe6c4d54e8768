package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/await"
	"github.com/paywatt/paywatt/internal/tier"
)

// clean fails when an answer to a person contains a stack trace or a key.
func clean(t *testing.T, what, out string) {
	t.Helper()
	for _, bad := range []string{"goroutine ", "panic:", ".go:", "runtime error", "abababababababab"} {
		if strings.Contains(out, bad) {
			t.Errorf("%s: the answer contains %q:\n%s", what, bad, out)
		}
	}
}

// TestWrongSalesAreRefusedAndNothingIsSold: each wrong request gets its status and code, says what did not happen, and leaves
// the ledger unchanged.
func TestWrongSalesAreRefusedAndNothingIsSold(t *testing.T) {
	t.Parallel()
	p := newPlace(t, paywatt(t))
	srv := p.serve(t, "127.0.0.1:0", "127.0.0.1:0")
	a := newAPI(srv.http, p.run(t, "", "apikey", "create", "--role", "owner", "--data", p.dir))
	a.tariff(t)
	m := a.meter(t, number(6001))
	before := a.must(t, 200, "GET", "/v1/ledger/trial-balance", nil).body
	sale := func(meter, amount string) string {
		return `{"meter":"` + meter + `","tender":{"amount_minor":` + amount + `,"currency":"KES"}}`
	}
	for i, c := range []struct {
		name, body string
		status     int
		code       string
	}{
		{"unknown meter", sale(number(6999), "10000"), 404, "meter-not-found"},
		{"wrong check digit", sale(m.number[:10]+string('0'+(m.number[10]-'0'+1)%10), "10000"), 0, "meter-n"},
		{"amount 0", sale(m.number, "0"), 422, ""},
		{"negative amount", sale(m.number, "-10000"), 422, ""},
		{"too many decimals", sale(m.number, "100.5"), 0, ""},
		{"above the limit", sale(m.number, "900000000000000"), 422, ""},
		{"beyond 64 bits", sale(m.number, "99999999999999999999999"), 0, ""},
		{"amount as text", sale(m.number, `"10000"`), 0, ""},
		{"too small", sale(m.number, "28"), 422, "vend-too-small"},
		{"wrong currency", strings.Replace(sale(m.number, "10000"), "KES", "ZAR", 1), 409, "currency-mismatch"},
		{"broken JSON", `{"meter":"` + m.number + `","tender":{`, 400, ""},
		{"no JSON", "hello", 400, ""},
		{"an unknown field", `{"meter":"` + m.number + `","kwh":5,"tender":{"amount_minor":10000,"currency":"KES"}}`, 0, ""},
		{"empty body", "", 0, ""},
	} {
		got, err := a.do("POST", "/v1/vends", c.body, "Idempotency-Key", "wrong-input-"+string(rune('a'+i)))
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case got.status < 400 || got.status >= 500 || (c.status != 0 && got.status != c.status):
			t.Errorf("%s: status %d, want %d: %s", c.name, got.status, c.status, got.body)
		case !strings.HasPrefix(got.header.Get("Content-Type"), "application/problem+json"):
			t.Errorf("%s: content type %q", c.name, got.header.Get("Content-Type"))
		case !strings.HasPrefix(got.text(t, "code"), c.code):
			t.Errorf("%s: code %q, want %q", c.name, got.text(t, "code"), c.code)
		case got.text(t, "money_moved") != "no":
			t.Errorf("%s: money_moved %q, want no", c.name, got.text(t, "money_moved"))
		case got.text(t, "request_id") == "":
			t.Errorf("%s: no request_id", c.name)
		}
		clean(t, c.name, string(got.body))
	}
	if got := a.must(t, 400, "POST", "/v1/vends", sale(m.number, "10000")); got.text(t, "code") != "idempotency-key-missing" {
		t.Errorf("without Idempotency-Key: %s", got.body)
	}
	nobody := newAPI(srv.http, "")
	if got := nobody.must(t, 401, "POST", "/v1/vends", sale(m.number, "10000"), "Idempotency-Key", "wrong-input-zz"); got.text(t, "code") != "unauthenticated" {
		t.Errorf("without a key: %s", got.body)
	}
	if after := a.must(t, 200, "GET", "/v1/ledger/trial-balance", nil).body; string(after) != string(before) {
		t.Errorf("the ledger moved: %s -> %s", before, after)
	}
}

// TestWrongTokensAtTheMeter types tokens with the mistakes that customers make.
func TestWrongTokensAtTheMeter(t *testing.T) {
	t.Parallel()
	p := newPlace(t, paywatt(t))
	srv := p.serve(t, "127.0.0.1:0", "127.0.0.1:0")
	a := newAPI(srv.http, p.run(t, "", "apikey", "create", "--role", "owner", "--data", p.dir))
	a.tariff(t)
	m, neighbour := a.meter(t, number(6101)), a.meter(t, number(6102))
	own := a.mustVend(t, m.number, 10_000, "wrong-token-1").text(t, "tokens", 0, "digits")
	foreign := a.mustVend(t, neighbour.number, 10_000, "wrong-token-2").text(t, "tokens", 0, "digits")
	vm := p.meterProcess(t, filepath.Join(t.TempDir(), "m"), "", m)
	for _, c := range []struct{ name, keys, want string }{
		{"19 digits", own[:19] + "#", "format_error"},
		{"another meter's token", foreign + "#", "crc_error"},
		{"the right one", own + "#", "accept"},
	} {
		if s := vm.must(t, "key "+c.keys); s.LastToken != c.want {
			t.Errorf("%s: %q, want %q (%+v)", c.name, s.LastToken, c.want, s)
		}
	}
	// A number of 21 digits and a number with letters are refused before they reach the meter, or by the keypad; the credit stays.
	for _, keys := range []string{own + "1#", "12ab#"} {
		if s := vm.must(t, "key "+keys); s.BalanceWh != 34_700 {
			t.Errorf("after %q the balance is %d", keys, s.BalanceWh)
		}
	}
	clean(t, "vmeter", vm.log.String())
	vm.quit(t)
	for _, digits := range []string{own[:19], own + "1", "1234567890123456789x"} {
		_, errOut, code := p.try("", "token", "decode", digits, "--key", m.decoderKey, "--ea", "07")
		if code == 0 || code == -1 || errOut == "" {
			t.Errorf("token decode %d characters: exit %d, stderr %q", len(digits), code, errOut)
		}
		clean(t, "token decode", errOut)
	}
}

// TestWrongSurroundings meets a closed port, an unwritable folder, a newer database and a locked key store.
func TestWrongSurroundings(t *testing.T) {
	t.Parallel()
	p := newPlace(t, paywatt(t))
	srv := p.serve(t, "127.0.0.1:0", "127.0.0.1:0")
	key := p.run(t, "", "apikey", "create", "--role", "owner", "--data", p.dir)
	a := newAPI(srv.http, key)
	a.tariff(t)
	m := a.meter(t, number(6201))
	srv.stop()

	closed := &place{bin: p.bin, env: append(p.env, "PAYWATT_URL=http://"+srv.http, "PAYWATT_KEY="+strings.TrimSpace(key))}
	_, errOut, code := closed.try("", "vend", m.number, "100.00")
	if code != 5 || !strings.Contains(errOut, srv.http) {
		t.Errorf("vend with the server down: exit %d, want 5: %s", code, errOut)
	}
	clean(t, "closed port", errOut)

	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, errOut, code = p.try("", "serve", "--safe-mode=false", "--data", filepath.Join(file, "data"), "--http", "127.0.0.1:0", "--mqtt", "127.0.0.1:0")
	if code != 1 || !strings.Contains(errOut, file) {
		t.Errorf("serve in an unwritable folder: exit %d: %s", code, errOut)
	}
	clean(t, "unwritable folder", errOut)

	locked := barePlace(t, p.bin, p.dir) // without the passphrase
	s := locked.serve(t, "127.0.0.1:0", "127.0.0.1:0")
	a = newAPI(s.http, key)
	if got := a.must(t, 503, "GET", "/readyz", nil); !strings.Contains(string(got.body), "keystore-locked") {
		t.Errorf("readyz of a locked server: %s", got.body)
	}
	got, err := a.vend(m.number, 10_000, "locked-key-store")
	if err != nil || got.status != 503 || got.text(t, "code") != "keystore-locked" || got.text(t, "money_moved") != "no" {
		t.Errorf("sale with a locked key store: %d %s (%v)", got.status, got.body, err)
	}
	a.must(t, 200, "GET", "/v1/meters/"+m.number, nil)
	s.stop()

	db := openDatabase(t, p.dir)
	rows(t, db, "PRAGMA user_version = 9999", nil)
	_ = db.Close()
	_, errOut, code = p.try("", "serve", "--safe-mode=false", "--data", p.dir, "--http", "127.0.0.1:0", "--mqtt", "127.0.0.1:0")
	if code != 1 || !strings.Contains(errOut, "newer") {
		t.Errorf("serve on a newer database: exit %d: %s", code, errOut)
	}
	clean(t, "newer database", errOut)
}

// mountSmall mounts a file system of some size until the test ends. A test that may not mount is skipped, or fails in a run that needs everything.
func mountSmall(t *testing.T, dir, size string) {
	t.Helper()
	if err := asRoot("mount", "-t", "tmpfs", "-o", "mode=0777,size="+size, "tmpfs", dir); err != nil {
		tier.Lacking(t, "a full disk: "+err.Error())
	}
	t.Cleanup(func() {
		if err := asRoot("umount", "-l", dir); err != nil {
			t.Error(err)
		}
	})
}

// asRoot runs a command that needs the superuser.
func asRoot(args ...string) error {
	if os.Geteuid() != 0 {
		args = append([]string{"sudo", "-n"}, args...)
	}
	if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
		return fmt.Errorf("%v: %w %s", args, err, out)
	}
	return nil
}

// TestAFullDiskRefusesNewWorkAndResumes uses a real small file system.
func TestAFullDiskRefusesNewWorkAndResumes(t *testing.T) {
	t.Parallel()
	p := newPlace(t, paywatt(t))
	p.expect(diskIsFull...)
	p.expect("code=storage-full")
	mount := filepath.Join(t.TempDir(), "small")
	if err := os.MkdirAll(mount, 0o700); err != nil {
		t.Fatal(err)
	}
	mountSmall(t, mount, "100m")
	data := filepath.Join(mount, "data")
	if out, err := exec.Command("cp", "-a", p.dir, data).CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	p.dir = data
	srv := p.serve(t, "127.0.0.1:0", "127.0.0.1:0")
	a := newAPI(srv.http, p.run(t, "", "apikey", "create", "--role", "owner", "--data", p.dir))
	a.tariff(t)
	m := a.meter(t, number(6301))
	sold := map[string]string{"before-full": a.mustVend(t, m.number, 10_000, "before-full").text(t, "tokens", 0, "digits")}
	fill := filepath.Join(mount, "fill")
	if out, err := exec.Command("dd", "if=/dev/zero", "of="+fill, "bs=4k").CombinedOutput(); err == nil {
		t.Fatalf("the small disk did not fill: %s", out)
	}
	refused := 0
	for i := range 4000 {
		key := "while-full-" + strings.Repeat("x", i%5) + string(rune('a'+i%26)) + string(rune('a'+i/26%26)) + string(rune('a'+i/676))
		got, err := a.vend(m.number, 300, key)
		if err != nil {
			t.Fatal(err)
		}
		if got.status == 201 {
			sold[key] = got.text(t, "tokens", 0, "digits")
			continue
		}
		if moved := got.text(t, "money_moved"); moved == "yes" {
			t.Fatalf("sale on a full disk: %d %s", got.status, got.body)
		}
		clean(t, "full disk", string(got.body))
		if refused++; refused >= 3 {
			break
		}
	}
	if refused == 0 {
		t.Fatal("a full disk refused no sale")
	}
	a.must(t, 200, "GET", "/v1/meters/"+m.number, nil) // the meter stays readable
	if err := os.Remove(fill); err != nil {
		t.Fatal(err)
	}
	await.True(t, "sales resume when there is room again", func() bool {
		got, err := a.vend(m.number, 300, "room-again-0001")
		return err == nil && got.status == 201
	})
	for key, digits := range sold {
		got := a.must(t, 200, "GET", "/v1/vends?client_ref="+key, nil)
		if v, err := parseSale(got); err != nil || v.digits != digits {
			t.Errorf("sale %s made before the disk was full: %v %s", key, err, got.body)
		}
	}
	p.run(t, "", "verify", "--data", p.dir)
	t.Logf("figures: full disk: %d sales kept, %d refused, then resumed", len(sold), refused)
}
