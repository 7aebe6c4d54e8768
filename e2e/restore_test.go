package e2e

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/await"
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
	var sold []answer
	for try := 0; ; try++ {
		began := time.Now()
		first, second := sellAroundARestore(t, p, &srv, a, m.number, try)
		sold = append(sold, first, second)
		if one, two := first.num(t, "tokens", 0, "tid"), second.num(t, "tokens", 0, "tid"); two <= one {
			t.Fatalf("TID after the restore is %d, before it %d: it must be later", two, one)
		}
		if began.Truncate(time.Minute).Equal(time.Now().Truncate(time.Minute)) {
			break
		}
		if try == 5 {
			t.Fatalf("%s: a minute has ended in each of %d tries", await.NotInTime, try+1)
		}
	}
	vm := p.meterProcess(t, filepath.Join(t.TempDir(), "m"), "", m)
	for i, one := range sold {
		if s := vm.must(t, "key "+one.text(t, "tokens", 0, "digits")+"#"); s.LastToken != "accept" {
			t.Errorf("token %d: %s, want accept", i+1, s.LastToken)
		}
	}
	vm.quit(t)
}

// sellAroundARestore copies the data, sells, restores the copy and sells again.
func sellAroundARestore(t *testing.T, p *place, srv **server, a *api, meter string, try int) (first, second answer) {
	t.Helper()
	copyAt, before := filepath.Join(t.TempDir(), "backup"), fmt.Sprintf("before-restore-%d", try)
	p.run(t, "", "backup", "create", copyAt, "--data", p.dir)
	p.run(t, "", "backup", "verify", copyAt)
	first = a.mustVend(t, meter, 10_000, before)
	(*srv).stop()
	p.run(t, "", "backup", "restore", copyAt, "--data", p.dir, "--force", "--head", filepath.Join(p.dir, "heads.log"))
	*srv = p.serve(t, (*srv).http, (*srv).mqtt)
	if gone := a.must(t, 200, "GET", "/v1/vends?client_ref="+before, nil); len(gone.field(t, "data").([]any)) != 0 {
		t.Fatalf("the restored copy still knows the sale made after it: %s", gone.body)
	}
	return first, a.mustVend(t, meter, 10_000, fmt.Sprintf("after-restore-%d", try))
}
