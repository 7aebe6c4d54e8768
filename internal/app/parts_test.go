package app

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/tier"
)

// written is an answer that notes its longest write, and how long each write may take.
type written struct {
	*httptest.ResponseRecorder
	t         *testing.T
	longest   int
	deadlines int
	broken    error // if it is set, every write after the first fails
}

func (p *written) Write(b []byte) (int, error) {
	if p.broken != nil && p.longest > 0 {
		return 0, p.broken
	}
	p.longest = max(p.longest, len(b))
	return p.ResponseRecorder.Write(b)
}

// SetWriteDeadline is called by http.ResponseController.
func (p *written) SetWriteDeadline(at time.Time) error {
	p.deadlines++
	longest := time.Minute
	if p.deadlines == 1 { // until the answer begins
		longest = 3 * time.Minute
	}
	if left := time.Until(at); left > longest {
		p.t.Errorf("a write may take %v", left)
	}
	return nil
}

// part asks for a file and returns how its answer was written.
func (w *walk) part(path string, broken error) *written {
	r := httptest.NewRequestWithContext(context.Background(), http.MethodGet, path, nil)
	r.RemoteAddr = "127.0.0.1:1"
	if strings.HasPrefix(path, "/v1/") {
		r.Header.Set("Authorization", "Bearer "+w.key)
	}
	for _, c := range w.cookies {
		r.AddCookie(c)
	}
	p := &written{ResponseRecorder: httptest.NewRecorder(), t: w.t, broken: broken}
	defer func() {
		if broke := recover(); broke != nil && (broke != http.ErrAbortHandler || broken == nil) {
			w.t.Errorf("GET %s ended with %v", path, broke)
		} else if broke == nil && broken != nil {
			w.t.Errorf("GET %s did not cut the connection of a file that broke", path)
		}
	}()
	w.a.handler.ServeHTTP(p, r)
	if p.Code != http.StatusOK {
		w.t.Errorf("GET %s: %d %s", path, p.Code, p.Body)
	}
	return p
}

// TestNoExportIsHeldInMemory asks for files that grow with the books. Each is written in parts while it is read, and each part has its own
// time, so that neither the memory of a server nor its time limit depends on how long the books are.
func TestNoExportIsHeldInMemory(t *testing.T) {
	tier.Slow(t)
	tier.OneGoroutine(t)
	onFrozenOf(t, "sqlite", func(w *walk, _ string) {
		w.p = &planned{}
		w.signIn()
		for path, most := range map[string]int{"/v1/ledger/export": 32 << 10, "/v1/ledger/export?format=hledger": 32 << 10, "/ledger/export?format=csv": 32 << 10,
			"/export/audit": 48 << 10} {
			p := w.part(path, nil)
			if p.longest > most || p.Body.Len() <= most {
				w.t.Errorf("GET %s wrote %d bytes at once, of %d", path, p.longest, p.Body.Len())
			}
			if writes := p.Body.Len()/most + 1; p.deadlines <= writes { // and one for the whole answer
				w.t.Errorf("GET %s set %d deadlines for at least %d writes", path, p.deadlines, writes)
			}
			w.part(path, http.ErrHandlerTimeout)
		}
	})
}
