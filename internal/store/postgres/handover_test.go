package postgres_test

import (
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/seal"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/headlog"
	"github.com/paywatt/paywatt/internal/store/postgres"
	"github.com/paywatt/paywatt/internal/store/postgres/pgtest"
)

// acted adds an audit row, which then waits for its seal.
func acted(t *testing.T, e *postgres.Engine, n int) {
	t.Helper()
	_, err := do(e, func(tx *store.Tx) (value, error) {
		return value{}, tx.AuditLog(access.Entry{Actor: "a", Action: "act", Object: fmt.Sprint(n)})
	})
	if err != nil {
		t.Fatal(err)
	}
}

// rotation is a database whose seal key is rotated, with its data folder.
type rotation struct {
	t        *testing.T
	url, dir string
	old      string // the first key
	next     seal.Key
}

func newRotation(t *testing.T) *rotation {
	t.Helper()
	next, err := headlog.NewKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	r := &rotation{t: t, url: pgtest.New(t), dir: t.TempDir(), next: next}
	e := r.open(postgres.Options{})
	r.old = e.Keys().Public
	acted(t, e, 1)
	acted(t, e, 2)
	r.close(e)
	return r
}

func (r *rotation) tryOpen(o postgres.Options) (*postgres.Engine, error) {
	if o.SealEvery = -1; o.Dir == "" {
		o.Dir = r.dir
	}
	return postgres.Open(r.t.Context(), r.url, o)
}

func (r *rotation) open(o postgres.Options) *postgres.Engine {
	r.t.Helper()
	e, err := r.tryOpen(o)
	if err != nil {
		r.t.Fatal(err)
	}
	return e
}

func (r *rotation) close(e *postgres.Engine) {
	r.t.Helper()
	if err := e.Close(); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rotation) stage(heads []seal.Head) error { return headlog.Stage(r.dir, r.next, heads) }

func (r *rotation) handOver(e *postgres.Engine, stage func([]seal.Head) error) error {
	return e.HandOver(r.t.Context(), r.next.Public(), access.Entry{Action: "x"}, stage)
}

// sound verifies the database for the holders of every key.
func (r *rotation) sound(waiting int64) {
	r.t.Helper()
	for _, public := range []string{r.old, ""} {
		report, err := postgres.VerifyWith(r.t.Context(), r.url, r.dir, headlog.ExternalHeads{Public: public})
		if err != nil || len(report.Findings) > 0 {
			r.t.Fatalf("%+v, %v", report, err)
		}
		got := int64(0)
		for _, f := range report.Figures {
			if f.Name == "rows waiting for their seal" {
				got += f.N
			}
		}
		if got != waiting {
			r.t.Errorf("%d rows wait for their seal, want %d", got, waiting)
		}
	}
}

// TestASealKeyHandsOverOnPostgreSQL: rows that wait are sealed under the old key. A rotation that was interrupted changes nothing, or is finished
// by the next server. A server with the old key neither starts nor seals.
func TestASealKeyHandsOverOnPostgreSQL(t *testing.T) {
	r, other := newRotation(t), t.TempDir()
	sealKey(t, r.dir, other)
	e, cut := r.open(postgres.Options{}), errors.New("cut")
	if err := r.handOver(e, func(heads []seal.Head) error { return errors.Join(r.stage(heads), cut) }); !errors.Is(err, cut) {
		t.Fatal(err)
	}
	r.sound(2)
	r.close(e)
	e = r.open(postgres.Options{}) // the staged key is not in use
	if e.Keys().Public != r.old {
		t.Fatal("a key came into use without the database")
	}
	if err := r.handOver(e, r.stage); err != nil {
		t.Fatal(err)
	}
	acted(t, e, 3) // a server that was not stopped
	if err := e.SealNow(t.Context()); !errors.Is(err, postgres.ErrKey) {
		t.Errorf("a server with the old key seals: %v", err)
	}
	run(t, r.url, `DELETE FROM audit WHERE object = '3'`)
	r.close(e)
	if _, err := r.tryOpen(postgres.Options{Dir: other}); !errors.Is(err, postgres.ErrKey) {
		t.Errorf("a server with the old key starts: %v", err)
	}
	e = r.open(postgres.Options{}) // as after a kill: only the database names the new key
	if got := e.Keys(); got.Public != r.next.Public() || got.Age(r.old) != 1 {
		t.Fatalf("the rotation was not finished: %+v", got)
	}
	acted(t, e, 4)
	r.sound(1)
	if err := e.SealNow(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.close(e)
	r.sound(0)
	sealKey(t, r.dir, other)
	r.close(r.open(postgres.Options{Dir: other}))
	heads, err := os.ReadFile(filepath.Join(other, headlog.File))
	if err != nil || len(heads) == 0 {
		t.Errorf("the other server's log of heads lacks the hand-over: %v", err)
	}
	if done, err := headlog.Finish(r.dir, r.next.Public(), slog.New(slog.DiscardHandler)); done || err != nil {
		t.Errorf("a finished rotation was finished again: %t, %v", done, err)
	}
}

// TestADatabaseFromBeforeASealKey: the database of a backup belongs to the old key. No server starts on it before it is bound to the new one.
func TestADatabaseFromBeforeASealKey(t *testing.T) {
	r := newRotation(t)
	e := r.open(postgres.Options{})
	if err := r.handOver(e, r.stage); err != nil {
		t.Fatal(err)
	}
	r.close(e)
	r.close(r.open(postgres.Options{}))
	run(t, r.url, `UPDATE meta SET value = '`+r.old+`' WHERE key = 'seal_public'`)
	if _, err := r.tryOpen(postgres.Options{}); !errors.Is(err, postgres.ErrOlderKey) {
		t.Errorf("a restored database: %v", err)
	}
	e = r.open(postgres.Options{Older: true})
	if !e.Behind() {
		t.Error("the restored database is not behind")
	}
	if err := r.handOver(e, func([]seal.Head) error { return nil }); err != nil {
		t.Fatal(err)
	}
	r.close(e)
	r.close(r.open(postgres.Options{}))
	r.sound(0)
}

// sealKey copies the seal key from one folder to another.
func sealKey(t *testing.T, from, to string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(from, headlog.KeyFile))
	if err == nil {
		err = os.WriteFile(filepath.Join(to, headlog.KeyFile), text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}
