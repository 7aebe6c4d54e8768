package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/job"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/core"
)

func requests() []test {
	return []test{
		{"a claim without an end runs out", claimRunsOut},
		{"a request is taken once and answered from then on", onceAnswered},
		{"a request that was not answered can be dropped and asked again", onceDropped},
		{"an answer that moved no money is forgotten after its time", onceForgotten},
		{"numbers are dense because a failed taker gives them back", denseNumbers},
		{"the audit log is read newest first by page", auditPages},
	}
}

func onceAnswered(t *testing.T, r Rig) {
	e := r.Open(t)
	o := access.Once{Principal: "till3", Key: "key-00001", Hash: [32]byte{1, 2, 3}}
	must(t, e, func(tx *store.Tx) error {
		kept, err := tx.OnceTake(o)
		if kept != nil {
			t.Errorf("a new request is known: %+v", kept)
		}
		return err
	})
	must(t, e, func(tx *store.Tx) error {
		kept, err := tx.OnceTake(o)
		if err == nil && (kept == nil || kept.Status != 0 || kept.Hash != o.Hash) {
			t.Errorf("a running request came back as %+v, want status 0 and its hash", kept)
		}
		return err
	})
	must(t, e, func(tx *store.Tx) error { return tx.OncePut(o, 201, []byte("sealed"), true) })
	must(t, e, func(tx *store.Tx) error {
		other := o
		other.Hash = [32]byte{9}
		kept, err := tx.OnceTake(other)
		if err == nil && (kept == nil || kept.Status != 201 || string(kept.Body) != "sealed" || kept.Hash != o.Hash) {
			t.Errorf("an answered request came back as %+v, want its first hash and answer", kept)
		}
		return err
	})
	must(t, e, func(tx *store.Tx) error {
		elsewhere := o
		elsewhere.Principal = "till4"
		kept, err := tx.OnceTake(elsewhere)
		if kept != nil {
			t.Errorf("the same key of another principal is known: %+v", kept)
		}
		return err
	})
	_, err := do(e, func(tx *store.Tx) (value, error) {
		return value{}, tx.OncePut(o, 200, nil, true)
	})
	wantErr(t, "answering what has its answer", err, store.ErrInvariant)
	at := access.Once{Principal: "till3", Key: "answered-at-once", Hash: [32]byte{7}}
	must(t, e, func(tx *store.Tx) error {
		if kept, err := tx.OnceFind(at); err != nil {
			return err
		} else if kept != nil {
			t.Errorf("a new request was found: %+v", kept)
		}
		return tx.OncePut(at, 201, []byte("once"), true)
	})
	must(t, e, func(tx *store.Tx) error {
		kept, err := tx.OnceFind(at)
		if err == nil && (kept == nil || kept.Status != 201 || string(kept.Body) != "once" || kept.Hash != at.Hash) {
			t.Errorf("a request answered in its only transaction came back as %+v", kept)
		}
		return err
	})
}

func onceDropped(t *testing.T, r Rig) {
	e := r.Open(t)
	o := access.Once{Principal: "p", Key: "key-00001"}
	must(t, e, func(tx *store.Tx) error { _, err := tx.OnceTake(o); return err })
	must(t, e, func(tx *store.Tx) error { return tx.OnceDrop(o) })
	must(t, e, func(tx *store.Tx) error {
		kept, err := tx.OnceTake(o)
		if kept != nil {
			t.Errorf("a dropped request is known: %+v", kept)
		}
		return err
	})
	must(t, e, func(tx *store.Tx) error { return tx.OncePut(o, 200, nil, true) })
	must(t, e, func(tx *store.Tx) error { return tx.OnceDrop(o) })
	must(t, e, func(tx *store.Tx) error {
		kept, err := tx.OnceTake(o)
		if err == nil && (kept == nil || kept.Status != 200) {
			t.Errorf("an answer was dropped: %+v", kept)
		}
		return err
	})
}

func onceForgotten(t *testing.T, r Rig) {
	e := r.Open(t)
	late := func(tx *store.Tx) *store.Tx { tx.Now = tx.Now.Add(core.OnceLife + time.Second); return tx }
	forever, week := access.Once{Principal: "p", Key: "forever"}, access.Once{Principal: "p", Key: "for-a-week"}
	must(t, e, func(tx *store.Tx) error {
		for _, o := range []access.Once{forever, week} {
			if _, err := tx.OnceTake(o); err != nil {
				return err
			}
			if err := tx.OncePut(o, 200, nil, o == forever); err != nil {
				return err
			}
		}
		n, err := tx.OnceSweep(10)
		if n != 0 {
			t.Errorf("%d answers were swept at once, want 0", n)
		}
		return err
	})
	must(t, e, func(tx *store.Tx) error {
		for o, known := range map[access.Once]bool{forever: true, week: false} {
			kept, err := late(tx).OnceTake(o)
			if err != nil {
				return err
			}
			if (kept != nil) != known {
				t.Errorf("%s after its time: %+v, want known %t", o.Key, kept, known)
			}
		}
		return tx.OncePut(week, 200, nil, false)
	})
	must(t, e, func(tx *store.Tx) error {
		tx.Now = tx.Now.Add(4 * core.OnceLife)
		n, err := tx.OnceSweep(10)
		if err == nil && n != 1 {
			t.Errorf("%d answers were swept, want 1", n)
		}
		return err
	})
}

func denseNumbers(t *testing.T, r Rig) {
	e := r.Open(t)
	for want := int64(1); want <= 6; want++ {
		refuse := want%2 == 0
		v, err := do(e, func(tx *store.Tx) (value, error) {
			n, err := tx.Take("receipt:main")
			return value{n: n, refused: refuse}, err
		})
		if expected := (want + 1) / 2; err != nil || v.n != expected && !refuse {
			t.Errorf("take %d (refused %t) = %d, %v; want %d", want, refuse, v.n, err, expected)
		}
	}
	if got := look(t, e, counter("receipt:main")); got != 3 {
		t.Errorf("three of six were kept, the counter is at %d", got)
	}
}

func auditPages(t *testing.T, r Rig) {
	e := r.Open(t)
	for n := range 5 {
		must(t, e, func(tx *store.Tx) error {
			tx.Now = tx.Now.Add(time.Duration(n) * time.Second) // identities sort by time
			return tx.AuditLog(someEntry(fmt.Sprint("act ", n)))
		})
	}
	var got []string
	var before id.ID
	for range 3 {
		look(t, e, func(tx *store.Tx) (int, error) {
			ids, entries, err := AuditPage(tx, before, 2)
			for k, a := range entries {
				before = ids[k]
				got = append(got, a.Action)
				if a.Actor != "apikey till3" || a.Reason != "because" || a.At.IsZero() || a.SinglePerson {
					t.Errorf("an audit row came back as %+v", a)
				}
			}
			return len(entries), err
		})
	}
	if want := "[act 4 act 3 act 2 act 1 act 0]"; fmt.Sprint(got) != want {
		t.Errorf("pages gave %v, want %s", got, want)
	}
}

func outbox() []test {
	return []test{
		{"work for one receiver is done strictly in order", outboxOrder},
		{"a claim ends by itself and fences its owner", outboxClaims},
		{"work is given back, given up, dropped and woken", outboxFates},
		{"the next item is the first that is free or whose hold ends", outboxNext},
		{"the backlog of one receiver is bounded", outboxBacklog},
	}
}

// claim claims items for owner, at a moment after the engine's present time.
func claim(t *testing.T, e store.Engine, owner string, after time.Duration, max int) (out []job.Claim) {
	t.Helper()
	must(t, e, func(tx *store.Tx) (err error) {
		tx.Now = tx.Now.Add(after)
		out, err = tx.OutboxClaim("mqtt", "", owner, tx.Now.Add(time.Minute), max)
		return err
	})
	return out
}

func enqueue(t *testing.T, e store.Engine, key, kind string) (i id.ID) {
	t.Helper()
	must(t, e, func(tx *store.Tx) (err error) {
		i, err = tx.Enqueue(job.Item{Lane: "mqtt", Key: key, Kind: kind, Body: []byte(`{"n":1}`), ExpiresAt: tx.Now.Add(time.Hour)})
		return err
	})
	return i
}

func kinds(claims []job.Claim) string {
	out := ""
	for _, c := range claims {
		out += c.Kind + " "
	}
	return out
}

func outboxOrder(t *testing.T, r Rig) {
	e := r.Open(t)
	first := enqueue(t, e, "m1", "a1")
	enqueue(t, e, "m1", "a2")
	enqueue(t, e, "m2", "b1")
	got := claim(t, e, "w1", time.Second, 10)
	if len(got) != 2 || got[0].Kind+got[1].Kind != "a1b1" && got[0].Kind+got[1].Kind != "b1a1" {
		t.Fatalf("claimed %q, want a1 and b1: one per receiver", kinds(got))
	}
	if c := got[0]; string(c.Body) != `{"n":1}` || c.Lane != "mqtt" || c.Attempts != 0 || c.ExpiresAt.IsZero() {
		t.Errorf("the claim came back as %+v", c)
	}
	if again := claim(t, e, "w2", time.Second, 10); len(again) != 0 {
		t.Errorf("another worker claimed %q, want nothing", kinds(again))
	}
	must(t, e, func(tx *store.Tx) error {
		done, err := tx.OutboxDone(first, "w1")
		if err == nil && !done {
			t.Error("the owner could not finish its item")
		}
		return err
	})
	if next := claim(t, e, "w2", time.Second, 10); kinds(next) != "a2 " {
		t.Errorf("after a1 was done: claimed %q, want a2", kinds(next))
	}
}

func outboxClaims(t *testing.T, r Rig) {
	e := r.Open(t)
	i := enqueue(t, e, "m1", "a1")
	claim(t, e, "w1", time.Second, 10)
	at := look(t, e, func(tx *store.Tx) (time.Time, error) {
		at, waits, err := tx.OutboxNext("mqtt", "")
		if err == nil && (!waits || at.Before(tx.Now.Add(30*time.Second))) {
			t.Errorf("the claimed item is next at %s (waits %t), want the end of its claim", at, waits)
		}
		return at, err
	})
	if at.IsZero() {
		t.Error("no next time")
	}
	again := claim(t, e, "w2", 2*time.Minute, 10)
	if len(again) != 1 || again[0].ID != i || again[0].Attempts != 1 {
		t.Fatalf("after the claim ran out: %+v", again)
	}
	must(t, e, func(tx *store.Tx) error {
		done, err := tx.OutboxDone(i, "w1")
		if done {
			t.Error("a worker finished what another one holds")
		}
		return err
	})
}

// outboxNext tests when there is work next: when the first free item is due or when a claim ends, whichever is sooner. Items behind another
// item of their key do not count.
func outboxNext(t *testing.T, r Rig) {
	e := r.Open(t)
	var now time.Time
	next := func(want time.Duration) {
		t.Helper()
		got := look(t, e, func(tx *store.Tx) (time.Time, error) {
			at, _, err := tx.OutboxNext("mqtt", "")
			return at, err
		})
		if !got.Equal(now.Add(want)) {
			t.Errorf("next in %v, want in %v", got.Sub(now), want)
		}
	}
	put := func(key string, after time.Duration) {
		must(t, e, func(tx *store.Tx) error {
			if now.IsZero() {
				now = tx.Now
			}
			_, err := tx.Enqueue(job.Item{Lane: "mqtt", Key: key, Kind: "k", NextAt: now.Add(after)})
			return err
		})
	}
	put("m1", 2*time.Hour)
	put("m1", 0)
	put("m2", 3*time.Hour)
	put("m2", time.Minute)
	next(2 * time.Hour)
	put("m3", time.Second)
	next(time.Second)
	hold := func(after, until time.Duration, want int) {
		t.Helper()
		must(t, e, func(tx *store.Tx) error {
			tx.Now = now.Add(after)
			claims, err := tx.OutboxClaim("mqtt", "", "w", now.Add(until), 10)
			if err == nil && len(claims) != want {
				t.Errorf("claimed %d items, want %d", len(claims), want)
			}
			return err
		})
	}
	hold(time.Second, time.Hour, 1)
	next(time.Hour)
	hold(90*time.Minute, 5*time.Hour, 1)
	next(2 * time.Hour)
}

func outboxFates(t *testing.T, r Rig) {
	e := r.Open(t)
	i := enqueue(t, e, "m1", "a1")
	second := enqueue(t, e, "m1", "a2")
	claim(t, e, "w", time.Second, 1)
	must(t, e, func(tx *store.Tx) error {
		given, err := tx.OutboxRetry(i, "w", tx.Now.Add(time.Hour), "offline")
		if err == nil && !given {
			t.Error("the owner could not give its item back")
		}
		return err
	})
	if got := claim(t, e, "w", time.Minute, 10); len(got) != 0 {
		t.Errorf("claimed %q while the first waits, want nothing", kinds(got))
	}
	must(t, e, func(tx *store.Tx) error { return tx.OutboxWake("mqtt", "m1") })
	if got := claim(t, e, "w", time.Minute, 10); kinds(got) != "a1 " || got[0].Attempts != 0 {
		t.Errorf("after waking: %+v, want a1 once more and its attempts counted anew", got)
	}
	must(t, e, func(tx *store.Tx) error {
		dead, err := tx.OutboxDead(i, "w", "gave up")
		if err == nil && !dead {
			t.Error("the owner could not give its item up")
		}
		return err
	})
	if got := claim(t, e, "w", time.Minute, 10); kinds(got) != "a2 " {
		t.Errorf("after the first was given up: %q, want a2", kinds(got))
	}
	must(t, e, func(tx *store.Tx) error {
		gone, err := tx.OutboxDrop("mqtt", second)
		if err == nil && !gone {
			t.Error("the item was not there to drop")
		}
		return err
	})
	look(t, e, func(tx *store.Tx) (bool, error) {
		_, waits, err := tx.OutboxNext("mqtt", "")
		if waits {
			t.Error("something waits although all is dead or dropped")
		}
		return waits, err
	})
}

func outboxBacklog(t *testing.T, r Rig) {
	e := r.Open(t)
	must(t, e, func(tx *store.Tx) error {
		for range core.MaxBacklog {
			if _, err := tx.Enqueue(job.Item{Lane: "mqtt", Key: "m1", Kind: "k"}); err != nil {
				return err
			}
		}
		_, err := tx.Enqueue(job.Item{Lane: "mqtt", Key: "m1", Kind: "k"})
		wantErr(t, "one more than the limit", err, core.ErrBacklog)
		_, err = tx.Enqueue(job.Item{Lane: "mqtt", Key: "m2", Kind: "k"})
		return err
	})
	must(t, e, func(tx *store.Tx) error {
		if _, err := tx.C.Exec(`UPDATE outbox SET dead_at = $1 WHERE tenant_id = $2 AND key = 'm1'`, tx.Now, tx.Tenant); err != nil {
			return err
		}
		_, err := tx.Enqueue(job.Item{Lane: "mqtt", Key: "m1", Kind: "k"}) // an item that was given up does not block other items
		return err
	})
}

// claimRunsOut tests how long a claim of a key blocks requests. It blocks the same request until the request is answered, the claim is
// dropped, or the claim is as old as OnceLeased. It blocks a different request for as long as the key is known.
func claimRunsOut(t *testing.T, r Rig) {
	e := r.Open(t)
	o := access.Once{Principal: "p", Key: "leased-key", Hash: [32]byte{1}}
	claimed := func(o access.Once, later time.Duration) (free bool) {
		t.Helper()
		must(t, e, func(tx *store.Tx) error {
			tx.Now = tx.Now.Add(later)
			kept, err := tx.OnceLease(o)
			free = kept == nil
			return err
		})
		return free
	}
	another := o
	another.Hash = [32]byte{2}
	for i, c := range []struct {
		o     access.Once
		later time.Duration
		want  bool
	}{{o, 0, true}, {o, 0, false}, {another, 0, false}, {another, core.OnceLeased + time.Hour, false}, {o, core.OnceLeased + time.Hour, true},
		{o, core.OnceLeased + time.Hour, false}} {
		if got := claimed(c.o, c.later); got != c.want {
			t.Errorf("claim %d, %s later: %t, want %t", i, c.later, got, c.want)
		}
	}
	must(t, e, func(tx *store.Tx) error { return tx.OncePut(o, 201, []byte("made"), true) })
	if claimed(o, 30*24*time.Hour) {
		t.Error("an answer that is kept for ever was claimed")
	}
}
