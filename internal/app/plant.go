//go:build faultinject

package app

import (
	"bytes"
	"context"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/paywatt/paywatt/internal/vending"
)

// Faults that the environment variable FAULT_INJECT turns on, separated by commas. They exist only behind the build tag
// faultinject.
const (
	slowIssuer = "slow-issuer"  // the issuer answers late, as from another process; each sale reserves its money while it waits
	staleFloat = "stale-float"  // a planted race: a vendor's old float is returned again for a moment
	shifted    = "clock="       // followed by a duration: the server's clock is off by that much from the start
	ownShifted = "own-clock="   // shifts only this machine's own clock; a database's clock is still used
	clockFile  = "clock-file="  // followed by the path of a file: the server's clock is off by the duration in it, which a test may change
	keptClock  = "time-service" // a time service confirms the clock; without this it never confirms a shifted clock
)

// staleFor is how long an old float is returned.
const staleFor = time.Second

func faulty(name string) bool {
	return strings.Contains(","+os.Getenv("FAULT_INJECT")+",", ","+name+",")
}

// plantClock returns a clock with the shift that a test has set in FAULT_INJECT. The shift is the same for the wall time and the
// monotonic reading, so the clock guard sees no jump between them.
func plantClock(now func() time.Time) func() time.Time {
	for _, f := range strings.Split(os.Getenv("FAULT_INJECT"), ",") {
		if path, ok := strings.CutPrefix(f, clockFile); ok {
			return func() time.Time { return now().Add(shiftIn(path)) }
		}
		for _, how := range []string{shifted, ownShifted} {
			text, ok := strings.CutPrefix(f, how)
			if !ok {
				continue
			}
			if off, err := time.ParseDuration(text); err == nil {
				return func() time.Time { return now().Add(off) }
			}
		}
	}
	return now
}

// shiftIn reads by how much the clock is off; 0 if the file does not say so.
func shiftIn(path string) time.Duration {
	b, err := os.ReadFile(path)
	if err != nil {
		return 0
	}
	off, _ := time.ParseDuration(strings.TrimSpace(string(b)))
	return off
}

// plantSynced replaces the time service's answer when a test shifts the clock: the shifted clock is confirmed only if the test says so.
func plantSynced(synced func() bool) func() bool {
	shift := strings.Contains(os.Getenv("FAULT_INJECT"), shifted) // true if a fault shifts the server's clock or this machine's own clock
	switch {
	case faulty(keptClock):
		return func() bool { return true }
	case shift:
		return func() bool { return false }
	}
	return synced
}

// plantMachine hides how long the machine has run when a test shifts the clock: the shift stands for time that has passed.
func plantMachine(machine func() (string, time.Duration)) func() (string, time.Duration) {
	if strings.Contains(os.Getenv("FAULT_INJECT"), "clock") {
		return func() (string, time.Duration) { return "", 0 }
	}
	return machine
}

// clockPlanted reports whether the clock is shifted from the start. The server then takes the time from the test and not from the database.
func clockPlanted() bool { return strings.Contains(","+os.Getenv("FAULT_INJECT"), ","+shifted) }

// remote is an issuer that looks as if it were in another process.
type remote struct{ vending.Issuer }

// Issue takes up to 4 ms.
func (r remote) Issue(ctx context.Context, o vending.IssueRequest) (vending.Answer, error) {
	time.Sleep(time.Duration(rand.IntN(4000)) * time.Microsecond)
	return r.Issuer.Issue(ctx, o)
}

func plantIssuer(i vending.Issuer) vending.Issuer {
	if faulty(slowIssuer) {
		return remote{i}
	}
	return i
}

// plantHandler caches the answers about floats, which must never be cached.
func plantHandler(next http.Handler) http.Handler {
	if !faulty(staleFloat) {
		return next
	}
	type answer struct {
		at   time.Time
		body []byte
	}
	var mu sync.Mutex
	floats := map[string]answer{}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.URL.Path, "/float") {
			next.ServeHTTP(w, r)
			return
		}
		mu.Lock()
		old, ok := floats[r.URL.Path]
		mu.Unlock()
		if !ok || time.Since(old.at) > staleFor {
			rec := httptest.NewRecorder()
			next.ServeHTTP(rec, r)
			old = answer{time.Now(), bytes.Clone(rec.Body.Bytes())}
			mu.Lock()
			floats[r.URL.Path] = old
			mu.Unlock()
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(old.body)
	})
}
