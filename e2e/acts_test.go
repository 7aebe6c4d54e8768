package e2e

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/sometimes"
	"github.com/paywatt/paywatt/internal/tier"
)

// admin is an administrator who does random things to a server, with real processes and one meter with a keypad. Tests in internal/vending
// play long random histories of such actions. This test plays a short history with the real program.
type admin struct {
	*testing.T
	r      *rand.Rand
	rare   *sometimes.Counter
	p      *place
	env    []string
	key    string
	s      *server
	a      *api
	vm     *vmeter
	meter  string
	sold   map[string]string // digits of each answered sale, by its reference; the books must have them all
	units  int64
	copies []adminCopy
	off    bool // the clock is far ahead
	n      int
}

// adminCopy is a backup and the sales that were made before it.
type adminCopy struct {
	path string
	sold map[string]string
}

// TestAdministratorsActsOfTheProgram: whatever the administrator does, each token loads once, the books stay sound, and in
// the end the server sells.
func TestAdministratorsActsOfTheProgram(t *testing.T) {
	tier.Long(t)
	t.Parallel()
	seed := tier.Seed(t)
	w := &admin{T: t, r: rand.New(rand.NewPCG(seed, 0x61646d)), p: newPlace(t, buildOnce(t, "faultinject")), meter: number(6100), sold: map[string]string{},
		rare: sometimes.New("sale", "kill", "second server refused", "backup", "restore over the live books", "restore on a new machine", "clock far ahead at start", "sixty sales in a row")}
	w.p.expect(clockIsWrong...)
	w.env = w.p.env
	w.key = strings.TrimSpace(w.p.run(t, "", "apikey", "create", "--role", "owner", "--data", w.p.dir))
	w.serve()
	w.a.tariff(t)
	w.vm = w.p.meterProcess(t, filepath.Join(t.TempDir(), "meter"), "", w.a.meter(t, w.meter))
	w.backup()
	// Each action comes twice, in random order.
	acts := []func(){w.backup, w.kill, w.second, w.restoreOver, w.machineLost, w.clockAhead, w.row, w.sells}
	acts = append(acts, acts...)
	w.r.Shuffle(len(acts), func(i, j int) { acts[i], acts[j] = acts[j], acts[i] })
	for _, act := range acts {
		w.sells()
		if act(); t.Failed() {
			break
		}
	}
	w.right()
	w.sells()
	for ref, digits := range w.sold {
		if got := w.a.must(t, 200, "GET", "/v1/vends?client_ref="+ref, nil); !strings.Contains(string(got.body), digits) {
			t.Errorf("seed %d: sale %s is not in the books with its token\n%s", seed, ref, got.body)
		}
	}
	w.s.stop()
	w.p.run(t, "", "verify", "--data", w.p.dir)
	w.rare.Report(t, fmt.Sprintf("administrator's acts, seed %d", seed), true)
}

// serve starts the server with faults of its clock.
func (w *admin) serve(faults ...string) {
	w.Helper()
	w.p.env = append(slices.Clone(w.env), "FAULT_INJECT="+strings.Join(faults, ","))
	w.s = w.p.serve(w, "127.0.0.1:0", "127.0.0.1:0")
	w.p.env = w.env
	w.a = newAPI(w.s.http, w.key)
}

// sells makes one sale and enters its token.
func (w *admin) sells() {
	w.Helper()
	w.n++
	ref := fmt.Sprintf("admin-%06d", w.n)
	got, err := w.a.vend(w.meter, 1000, ref)
	if err != nil {
		w.Fatal(err)
	}
	if w.off && got.status == 409 && got.text(w, "code") == "clock-untrusted" {
		return
	}
	if got.status != 201 || w.off {
		w.Fatalf("a sale (clock far ahead: %t): status %d\n%s", w.off, got.status, got.body)
	}
	digits := got.text(w, "tokens", 0, "digits")
	w.sold[ref] = digits
	w.units += got.num(w, "units_wh")
	if s := w.vm.must(w, "key "+digits+"#"); s.LastToken != "accept" || s.BalanceWh != w.units {
		w.Fatalf("token %d of %s: %s, and %d Wh in the meter; want accept and %d", got.num(w, "tokens", 0, "tid"), ref, s.LastToken, s.BalanceWh, w.units)
	}
	w.rare.Reached("sale")
}

func (w *admin) row() {
	w.right()
	for range 62 {
		w.sells()
	}
	w.rare.Reached("sixty sales in a row")
}

func (w *admin) backup() {
	c := adminCopy{path: filepath.Join(w.TempDir(), fmt.Sprintf("copy-%d", w.n)), sold: maps.Clone(w.sold)}
	w.n++
	w.p.run(w, "", "backup", "create", c.path, "--data", w.p.dir)
	w.p.run(w, "", "backup", "verify", c.path)
	w.copies = append(w.copies, c)
	w.rare.Reached("backup")
}

func (w *admin) kill() {
	w.right()
	w.s.kill()
	w.serve()
	w.rare.Reached("kill")
}

func (w *admin) second() {
	if _, errOut, code := w.p.try("", "serve", "--safe-mode=false", "--data", w.p.dir, "--http", "127.0.0.1:0", "--mqtt", "127.0.0.1:0"); code == 0 {
		w.Fatalf("a second server was let into the folder\n%s", errOut)
	}
	w.rare.Reached("second server refused")
}

func (w *admin) restoreOver() {
	w.right()
	w.s.stop()
	c := w.copies[w.r.IntN(len(w.copies))]
	w.p.run(w, "", "backup", "restore", c.path, "--data", w.p.dir, "--force", "--trust-clock", "--without-head")
	w.restored(c)
	w.rare.Reached("restore over the live books")
}

// machineLost restores the newest copy on a new machine.
func (w *admin) machineLost() {
	w.right()
	w.s.kill()
	w.p.dir = filepath.Join(w.TempDir(), fmt.Sprintf("new-%d", w.n))
	c := w.copies[len(w.copies)-1]
	w.p.run(w, "", "backup", "restore", c.path, "--data", w.p.dir, "--trust-clock", "--without-head")
	w.restored(c)
	w.rare.Reached("restore on a new machine")
}

// restored starts the server on a backup and makes a new backup at once. If the machine is lost again on the same day, an
// older backup would not know the token numbers used since this restore.
func (w *admin) restored(c adminCopy) {
	w.sold = maps.Clone(c.sold)
	w.serve()
	w.copies = nil
	w.backup()
}

// clockAhead starts the server on a machine whose clock is years ahead.
func (w *admin) clockAhead() {
	w.s.stop()
	w.off = true
	w.serve("own-clock=" + (3 * 365 * 24 * time.Hour).String())
	w.rare.Reached("clock far ahead at start")
}

// right corrects the clock.
func (w *admin) right() {
	if w.off {
		w.s.stop()
		w.off = false
		w.serve()
	}
}
