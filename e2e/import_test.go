package e2e

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/tier"
)

// TestAnImportSurvivesKills imports 10,000 meters while the server is killed again and again, sends the file again each time, and undoes the
// import in the same way. Nothing is imported twice, no row is half done, and the log verifies.
func TestAnImportSurvivesKills(t *testing.T) {
	tier.Long(t)
	t.Parallel()
	w := openImport(t)
	p, a := w.p, w.api
	w.repeat("import", "meters", w.path, "--default", "tariff=domestic,mode=prepay_wallet")
	w.whole()
	ids := regexp.MustCompile(`imp_[0-9a-z]{26}`).FindAllString(p.run(t, "", "import", "list"), -1)
	for _, id := range ids {
		w.repeat("import", "undo", id)
	}
	if left := a.must(t, 200, "GET", "/v1/meters?limit=1", nil).field(t, "data").([]any); len(left) != 0 {
		t.Errorf("after undoing %d imports a meter is left: %v", len(ids), left)
	}
	again := p.run(t, "", "import", "meters", w.path, "--default", "tariff=domestic,mode=prepay_wallet")
	if !strings.Contains(again, fmt.Sprintf("%d ok, 0 refused, 0 imported before, 0 undone", tier.E2EImportRows.N())) {
		t.Errorf("after it was undone, the file is not imported whole: %s", again[max(0, len(again)-300):])
	}
	w.srv.stop()
	p.run(t, "", "verify", "--data", p.dir)
	if w.kills == 0 {
		t.Error("the server was never killed")
	}
	t.Logf("figures: %d rows imported, undone and imported again, %d kills", tier.E2EImportRows.N(), w.kills)
}

// importing is a server that is killed while it imports a file.
type importing struct {
	t          *testing.T
	p          *place
	srv        *server
	api        *api
	addr, path string
	rnd        *rand.Rand
	kills      int
}

func openImport(t *testing.T) *importing {
	t.Helper()
	w := &importing{t: t, p: newPlace(t, paywatt(t)), rnd: rand.New(rand.NewPCG(tier.Seed(t), 7)), path: filepath.Join(t.TempDir(), "meters.csv")}
	w.srv = w.p.serve(t, "127.0.0.1:0", "127.0.0.1:0")
	t.Cleanup(func() { w.srv.stop() })
	w.addr = w.srv.http
	key := w.p.run(t, "", "apikey", "create", "--role", "owner", "--data", w.p.dir)
	w.p.env = append(w.p.env, "PAYWATT_URL=http://"+w.addr, "PAYWATT_KEY="+strings.TrimSpace(key))
	w.api = newAPI(w.addr, key)
	w.api.tariff(t)
	var file strings.Builder
	file.WriteString("number;name;address\n")
	for i := range tier.E2EImportRows.N() {
		fmt.Fprintf(&file, "%s;Customer %d;Flat %d\n", number(20_000+i), i, i)
	}
	write(t, w.path, file.String(), 0o600)
	return w
}

// repeat runs a command against a server that is killed while it works, until the command succeeds.
func (w *importing) repeat(args ...string) {
	w.t.Helper()
	for try := 0; ; try++ {
		var killer *time.Timer
		if try < 3 {
			one := w.srv
			killer = time.AfterFunc(time.Duration(50+w.rnd.IntN(600))*time.Millisecond, func() { one.kill() })
		}
		_, errOut, code := w.p.try("", args...)
		if killer != nil && !killer.Stop() {
			w.kills++
			<-w.srv.exited
			var err error
			if w.srv, err = w.p.start(w.addr, "127.0.0.1:0"); err != nil {
				w.t.Fatal(err)
			}
		}
		if code == 0 {
			return
		}
		if try > 20 {
			w.t.Fatalf("%v never succeeds: %s", args, errOut)
		}
	}
}

// whole checks that each row of the file is there once, with its customer and its tariff.
func (w *importing) whole() {
	t, a := w.t, w.api
	t.Helper()
	seen := map[string]int{}
	for cursor := ""; ; {
		page := a.must(t, 200, "GET", "/v1/meters?limit=200&cursor="+cursor, nil)
		for _, m := range page.field(t, "data").([]any) {
			one := m.(map[string]any)
			seen[one["number"].(string)]++
			if c, _ := one["customer"].(map[string]any); c == nil || !strings.HasPrefix(c["name"].(string), "Customer ") || one["tariff"] != "domestic" {
				t.Errorf("half a row: %v", one)
			}
		}
		if cursor, _ = page.field(t, "next_cursor").(string); cursor == "" {
			break
		}
	}
	for n, times := range seen {
		if times != 1 {
			t.Errorf("meter %s is there %d times", n, times)
		}
	}
	if len(seen) != tier.E2EImportRows.N() {
		t.Errorf("%d meters were imported, want %d", len(seen), tier.E2EImportRows.N())
	}
}
