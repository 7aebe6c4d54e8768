package e2e

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/await"
	"github.com/paywatt/paywatt/internal/tier"
)

// maxCalls bounds how many system calls of one kind one sale may make.
const maxCalls = 100

// headsQuiet is how long the file of heads rests before a sale counts as written there. A sale has one or two heads, which are due 50 ms
// after each other.
const headsQuiet = 2 * time.Second

// plug is a tracer (strace) on a running server. It makes the n-th system call of one kind fail as its fault says. It counts the calls
// of the writer's thread on the database, its log or the file of heads.
type plug struct {
	cmd   *exec.Cmd
	ended chan struct{}
}

// fault is a fault that strace injects: what happens (signal=SIGKILL, error=EIO, error=ENOSPC), and to which system calls.
type fault struct{ calls, what string }

func (f fault) String() string { return f.what + " at " + f.calls }

// pull attaches the tracer.
func (w *plugWorld) pull(f fault, n int) *plug {
	w.t.Helper()
	w.p.expect(diskIsBroken...)
	w.p.expect(diskIsFull...)
	w.p.expect(databaseIsAway...)
	cmd := exec.Command("strace", "-f", "-qq", "-o", os.DevNull, "-p", strconv.Itoa(w.server.cmd.Process.Pid),
		"-P", filepath.Join(w.p.dir, "paywatt.db"), "-P", filepath.Join(w.p.dir, "paywatt.db-wal"),
		"-P", filepath.Join(w.p.dir, "heads.log"), "-e", "trace="+f.calls, "-e", fmt.Sprintf("inject=%s:%s:when=%d", f.calls, f.what, n))
	if err := cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	p := &plug{cmd, make(chan struct{})}
	go func() { _ = cmd.Wait(); close(p.ended) }()
	await.True(w.t, "the tracer holds every thread of the server", func() bool {
		tasks, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", w.server.cmd.Process.Pid))
		for _, task := range tasks {
			if tracer(fmt.Sprintf("/proc/%d/task/%s/status", w.server.cmd.Process.Pid, task.Name())) != cmd.Process.Pid {
				return false
			}
		}
		return err == nil
	})
	return p
}

// out detaches the tracer, unless the server has died.
func (p *plug) out() {
	_ = p.cmd.Process.Signal(os.Interrupt)
	<-p.ended
}

// tracer returns the process that traces a thread, 0 for none.
func tracer(status string) int {
	f, err := os.Open(status)
	if err != nil {
		return 0
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if v, ok := strings.CutPrefix(lines.Text(), "TracerPid:"); ok {
			n, _ := strconv.Atoi(strings.TrimSpace(v))
			return n
		}
	}
	return 0
}

// plugWorld is a place whose server fails in the middle of one request.
type plugWorld struct {
	t      *testing.T
	p      *place
	server *server
	api    *api
	key    string
	meter  string
	sales  int
	undone int
}

func newPlugWorld(t *testing.T) *plugWorld {
	needed(t, "strace")
	w := &plugWorld{t: t, p: newPlace(t, buildOnce(t, "faultinject"))}
	w.key = strings.TrimSpace(w.p.run(t, "", "apikey", "create", "--role", "owner", "--data", w.p.dir))
	w.start()
	w.api.tariff(t)
	return w
}

func (w *plugWorld) start() {
	w.t.Helper()
	w.server = w.p.serve(w.t, "127.0.0.1:0", "127.0.0.1:0")
	w.api = newAPI(w.server.http, w.key)
}

// hurt sends one request while its n-th system call fails, then restores the server and repeats the request. It reports whether the fault
// occurred. There is no fault if n is greater than the number of calls that the request makes.
func (w *plugWorld) hurt(f fault, n int, again func() (answer, error)) (hit bool, first, second answer) {
	w.t.Helper()
	p, before := w.pull(f, n), w.headsSize()
	first, err := again()
	died := err != nil
	if !died && f.calls == "write" { // the heads are written after the answer
		died = w.diesOfHeads(before)
	}
	if died {
		<-w.server.exited
		<-p.ended
	} else {
		p.out()
		w.server.stop()
	}
	w.start()
	second, err = again()
	if err != nil {
		w.t.Fatal(err)
	}
	return died || first.status >= 500, first, second
}

// headsSize is the size of the file of heads.
func (w *plugWorld) headsSize() int64 {
	w.t.Helper()
	info, err := os.Stat(filepath.Join(w.p.dir, "heads.log"))
	if err != nil {
		w.t.Fatal(err)
	}
	return info.Size()
}

// diesOfHeads waits until the server has died, or has said that it could not write the heads, or has written them, and reports whether it
// died. The file had a size before the sale.
func (w *plugWorld) diesOfHeads(before int64) (died bool) {
	w.t.Helper()
	size, since := before, time.Now()
	await.True(w.t, "the heads of the sale are written", func() bool {
		select {
		case <-w.server.exited:
			died = true
			return true
		default:
		}
		if now := w.headsSize(); now != size {
			size, since = now, time.Now()
		}
		return strings.Contains(w.server.log.String(), "heads were not written") || size != before && time.Since(since) > headsQuiet
	})
	return died
}

// books checks that the folder has exactly the expected sales and reversals.
func (w *plugWorld) books(what string) {
	w.t.Helper()
	out, errOut, code := w.p.try("", "verify", "--data", w.p.dir, "-o", "json")
	if code != 0 {
		w.t.Fatalf("%s: verify: exit %d\n%s%s", what, code, out, errOut)
	}
	b := answer{body: []byte(out)}
	for figure, want := range map[string]int{"sales": w.sales, "tokens": w.sales, "journals": w.sales + w.undone} {
		if got := b.num(w.t, "figures", figure); got != int64(want) {
			w.t.Fatalf("%s: %d %s, want %d", what, got, figure, want)
		}
	}
}

// sale sells one token with a fault at the n-th call.
func (w *plugWorld) sale(f fault, n int) (hit bool) {
	w.t.Helper()
	what := fmt.Sprintf("sale, %s, number %d", f, n)
	ref := fmt.Sprintf("plug-%04d", w.sales)
	hit, first, second := w.hurt(f, n, func() (answer, error) { return w.api.vend(w.meter, 10_000, ref) })
	if second.status != 201 {
		w.t.Fatalf("%s: then status %d %s", what, second.status, second.body)
	}
	if first.status == 201 && string(first.body) != string(second.body) {
		w.t.Fatalf("%s: answered\n%s\nand then\n%s", what, first.body, second.body)
	}
	if first.status >= 500 && first.text(w.t, "money_moved") == "yes" {
		w.t.Fatalf("%s: answered %s", what, first.body)
	}
	w.sales++
	w.books(what)
	return hit
}

// reversal reverses a new sale with a fault at the reversal's n-th call.
func (w *plugWorld) reversal(f fault, n int) (hit bool) {
	w.t.Helper()
	what := fmt.Sprintf("reversal, %s, number %d", f, n)
	ref := fmt.Sprintf("undo-%04d", w.sales)
	s := w.api.mustVend(w.t, w.meter, 10_000, ref)
	w.sales++
	hit, _, second := w.hurt(f, n, func() (answer, error) {
		return w.api.do("POST", "/v1/vends/"+s.text(w.t, "id")+"/reversal", map[string]any{"reason": "wrong meter"}, "Idempotency-Key", "r"+ref)
	})
	if second.status != 201 || second.text(w.t, "vend", "state") != "reversed" {
		w.t.Fatalf("%s: then status %d %s", what, second.status, second.body)
	}
	w.undone++
	w.books(what)
	return hit
}

// TestThePlugIsPulledAtEveryWrite: during one sale and one reversal, the server dies at every write and sync, or gets an
// input/output error or a full disk there. The same request afterwards gives one token, one journal and sound books.
func TestThePlugIsPulledAtEveryWrite(t *testing.T) {
	t.Parallel()
	for what, do := range map[string]func(*plugWorld, fault, int) bool{"sale": (*plugWorld).sale, "reversal": (*plugWorld).reversal} {
		for _, harm := range []string{"signal=SIGKILL", "error=EIO", "error=ENOSPC"} {
			t.Run(what+"/"+harm, func(t *testing.T) {
				if what != "sale" || harm != "signal=SIGKILL" {
					tier.Long(t) // TestASaleSurvivesEveryCut and the tests of a store that fails hold the others
				}
				w, began := newPlugWorld(t), time.Now()
				w.meter = w.api.meter(t, number(30_000)).number
				var hits []string
				for _, calls := range []string{"pwrite64", "fsync,fdatasync", "ftruncate", "write"} {
					n := 1
					for do(w, fault{calls, harm}, n) {
						if n++; n > maxCalls {
							t.Fatalf("a %s has more than %d of %s", what, maxCalls, calls)
						}
					}
					hits = append(hits, fmt.Sprintf("%d %s", n-1, calls))
				}
				if !strings.HasPrefix(hits[1], "1 ") && !strings.HasPrefix(hits[1], "2 ") {
					t.Errorf("a %s made %v: no sync was hit, so the tracer did not see it", what, hits)
				}
				t.Logf("figures: %s, %s at each of %s: one token and one journal each time (%.0f s)", what, harm, strings.Join(hits, ", "), time.Since(began).Seconds())
			})
		}
	}
}
