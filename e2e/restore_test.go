package e2e

import (
	"path/filepath"
	"testing"
	"time"
)

// TestTwoSalesInOneMinuteAroundARestore: the test sells, restores an older copy, and sells to the same meter in the same minute. The
// database has forgotten the first token; the meter has not. Both must load.
func TestTwoSalesInOneMinuteAroundARestore(t *testing.T) {
	t.Parallel()
	p := newPlace(t, paywatt(t))
	srv := p.serve(t, "127.0.0.1:0", "127.0.0.1:0")
	a := newAPI(srv.http, p.run(t, "", "apikey", "create", "--role", "owner", "--data", p.dir))
	a.tariff(t)
	m := a.meter(t, number(5001))
	copyAt := filepath.Join(t.TempDir(), "backup")
	p.run(t, "", "backup", "create", copyAt, "--data", p.dir)
	p.run(t, "", "backup", "verify", copyAt)

	// Do not begin at the end of a minute: both sales must fall into the same minute.
	if s := time.Now().Second(); s > 40 {
		<-time.After(time.Duration(61-s) * time.Second)
	}
	began := time.Now()
	first := a.mustVend(t, m.number, 10_000, "before-restore")
	srv.stop()
	p.run(t, "", "backup", "restore", copyAt, "--data", p.dir, "--force", "--head", filepath.Join(p.dir, "heads.log"))
	p.serve(t, srv.http, srv.mqtt)
	if gone := a.must(t, 200, "GET", "/v1/vends?client_ref=before-restore", nil); len(gone.field(t, "data").([]any)) != 0 {
		t.Fatalf("the restored copy still knows the sale made after it: %s", gone.body)
	}
	second := a.mustVend(t, m.number, 10_000, "after-restore")
	if time.Since(began) > 59*time.Second || began.Minute() != time.Now().Minute() {
		t.Logf("the two sales fell into different minutes (%v apart); the TIDs must differ all the same", time.Since(began))
	}
	if one, two := first.num(t, "tokens", 0, "tid"), second.num(t, "tokens", 0, "tid"); two <= one {
		t.Fatalf("TID after the restore is %d, before it %d: it must be later", two, one)
	}
	vm := p.meterProcess(t, filepath.Join(t.TempDir(), "m"), "", m)
	for i, sold := range []answer{first, second} {
		if s := vm.must(t, "key "+sold.text(t, "tokens", 0, "digits")+"#"); s.LastToken != "accept" {
			t.Errorf("token %d: %s, want accept", i+1, s.LastToken)
		}
	}
	vm.quit(t)
}
