package spool_test

import (
	"context"
	"errors"
	"log/slog"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/paywatt/paywatt/internal/spool"
)

// TestAQueueHasLimits: beyond its limit a paper is refused at once, and one that waited too long is not printed; another printer goes on.
func TestAQueueHasLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		printed := map[string]int{}
		s := spool.New(spool.Config{Printers: []spool.Printer{{Name: "slow", Address: "slow"}, {Name: "fast", Address: "fast"}}, Now: time.Now, Log: slog.New(slog.DiscardHandler),
			Begun: func(error) bool { return false },
			Send: func(ctx context.Context, to string, job []byte) error {
				if to == "slow" {
					<-ctx.Done()
					return ctx.Err()
				}
				mu.Lock()
				defer mu.Unlock()
				printed[string(job)]++
				return nil
			}})
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- s.Run(ctx) }()
		paper := func(of string) spool.Paper {
			return spool.Paper{Of: of, Make: func(context.Context) ([]byte, error) { return []byte(of), nil }}
		}
		want := func(of string, o spool.Outcome, why spool.Why) {
			t.Helper()
			if got, _ := s.Status(of); got.Outcome != o || got.Why != why {
				t.Errorf("paper %s is %s %s, want %s %s", of, got.Outcome, got.Why, o, why)
			}
		}
		s.Queue("slow", paper("0"))
		synctest.Wait()
		for i := range spool.MaxWaiting + 1 {
			s.Queue("slow", paper(strconv.Itoa(i+1)))
		}
		s.Queue("fast", paper("other"))
		synctest.Wait()
		want("0", spool.Queued, "")
		want(strconv.Itoa(spool.MaxWaiting+1), spool.NotPrinted, spool.TooMany)
		want("other", spool.Printed, "")
		time.Sleep(spool.MaxWait + 30*time.Second)
		synctest.Wait()
		want("0", spool.NotPrinted, spool.NoAnswer)
		want("1", spool.NotPrinted, spool.NoAnswer)
		want(strconv.Itoa(spool.MaxWaiting), spool.NotPrinted, spool.TooLate)
		failing := paper("bad")
		failing.Make = func(context.Context) ([]byte, error) { return nil, errors.New("no receipt") }
		if got := s.Print(t.Context(), "fast", failing); got.Why != spool.NoPaper || !got.Failed() {
			t.Errorf("a paper that cannot be made is %+v", got)
		}
		if got := s.Print(t.Context(), "fast", paper("page")); got.Outcome != spool.Printed || printed["page"] != 1 {
			t.Errorf("the last paper is %+v, printed %d times", got, printed["page"])
		}
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// TestWhoPrintsWhere: a till's printer comes before the person's own.
func TestWhoPrintsWhere(t *testing.T) {
	s := spool.New(spool.Config{Printers: []spool.Printer{{Name: "own", People: []string{"Amina@example.org"}}, {Name: "counter", Tills: []string{"till2"}}}})
	for _, c := range []struct{ till, person, want string }{
		{"till2", "amina@example.org", "counter"}, {"main", "amina@example.org", "own"}, {"", "amina@example.org", "own"}, {"main", "musa@example.org", ""}, {"", "", ""},
	} {
		if p, found := s.For(c.till, c.person); p.Name != c.want || found != (c.want != "") {
			t.Errorf("%s at %q prints on %q, want %q", c.person, c.till, p.Name, c.want)
		}
	}
}
