package upload_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/upload"
)

// TestOneFileIsReadAtATime: the second reader waits, and comes in as soon as the first one has left.
func TestOneFileIsReadAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, began := upload.NewGate(), time.Now()
		inside, most := 0, 0
		done := make(chan struct{})
		for range 5 {
			go func() {
				defer func() { done <- struct{}{} }()
				no := g.Read(t.Context(), func() {
					inside++
					most = max(most, inside)
					time.Sleep(time.Second)
					inside--
				})
				if no.Refused() {
					t.Error(no.Detail())
				}
			}()
		}
		for range 5 {
			<-done
		}
		if took := time.Since(began); most != 1 || took != 5*time.Second {
			t.Errorf("%d files at once, %s", most, took)
		}
	})
}

// TestALongQueueIsRefused: a reader waits no longer than the limit, and not for a person who has gone.
func TestALongQueueIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, began := upload.NewGate(), time.Now()
		over := make(chan struct{})
		go g.Read(t.Context(), func() { <-over })
		synctest.Wait()
		never := func() { t.Error("the file was read") }
		no := g.Read(t.Context(), never)
		if took := time.Since(began); no.Code != refusal.RateLimited || took != upload.MaxWait {
			t.Errorf("%q after %s", no.Code, took)
		}
		gone, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		no = g.Read(gone, never)
		if took := time.Since(began); !no.Refused() || took != upload.MaxWait+time.Second {
			t.Errorf("%q after %s", no.Code, took)
		}
		close(over)
		read := false
		if no = g.Read(t.Context(), func() { read = true }); no.Refused() || !read {
			t.Errorf("the gate stays closed: %s", no.Detail())
		}
	})
}

// TestFilesInMemoryAreFew: at most four files are held, and one of each person. A file that is answered makes room.
func TestFilesInMemoryAreFew(t *testing.T) {
	g := upload.NewGate()
	hold := func(who byte, fits bool) (release func()) {
		t.Helper()
		release, no := g.Hold(id.ID{15: who})
		if fits == no.Refused() || !fits && no.Code != refusal.RateLimited {
			t.Errorf("file of person %d: %q", who, no.Code)
		}
		return release
	}
	first := hold(1, true)
	hold(1, false)
	hold(2, true)
	hold(3, true)
	hold(4, true)
	hold(5, false)
	first()
	hold(5, true)
	hold(1, false)
}
