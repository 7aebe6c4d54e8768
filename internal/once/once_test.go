package once_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/once"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/sale"
)

// answers is a store of answers in memory: its own door and its own transaction.
type answers struct {
	once.Tx
	kept map[string]access.Kept
}

func (a answers) Once() once.Tx                      { return a }
func (a answers) VendClock() (sale.Times, error)     { return sale.Times{}, nil }
func (a answers) Seal(_ string, plain []byte) []byte { return append([]byte("sealed "), plain...) }
func (a answers) Open(_ string, sealed []byte) ([]byte, error) {
	return []byte(strings.TrimPrefix(string(sealed), "sealed ")), nil
}

func (a answers) OnceTake(o access.Once) (*access.Kept, error) {
	if k, found := a.kept[o.Key]; found {
		return &k, nil
	}
	a.kept[o.Key] = access.Kept{Hash: o.Hash}
	return nil, nil
}

func (a answers) OncePut(o access.Once, status int, sealed []byte, _ bool) error {
	a.kept[o.Key] = access.Kept{Hash: o.Hash, Status: status, Body: sealed}
	return nil
}

// Do undoes the claim of a key where nothing may stay.
func (a answers) Do(_ context.Context, _ access.Tenant, fn func(answers) (bool, error)) error {
	undo := answers{kept: map[string]access.Kept{}}
	for k, v := range a.kept {
		undo.kept[k] = v
	}
	refused, err := fn(a)
	if refused || err != nil {
		clear(a.kept)
		for k, v := range undo.kept {
			a.kept[k] = v
		}
	}
	return err
}

func (a answers) View(_ context.Context, _ access.Tenant, fn func(answers) error) error { return fn(a) }

// desk sends requests, and counts what was really done.
type desk struct {
	t     *testing.T
	store answers
	doubt refusal.Refusal
	done  int
}

func newDesk(t *testing.T) *desk { return &desk{t: t, store: answers{kept: map[string]access.Kept{}}} }

func (d *desk) send(key string, hash byte, no refusal.Refusal) once.Done[int] {
	d.t.Helper()
	a := once.Answers[answers]{Door: d.store, Sealer: d.store, MayDate: func(once.Clock) (sale.Times, refusal.Refusal, error) {
		return sale.Times{}, d.doubt, nil
	}}
	q := once.Request{Once: access.Once{Principal: "key till3", Key: key, Hash: [32]byte{hash}},
		RenderRefusal: func(r refusal.Refusal) (int, []byte) { return r.Code.Status(), []byte(r.Code) }}
	out, err := once.Do(context.Background(), a, access.SystemActor(1, "test"), access.Sell, q,
		func(n int) (int, []byte) { return 201, fmt.Append(nil, "done ", n) },
		func(answers) (int, refusal.Refusal, error) {
			if !no.Refused() {
				d.done++
			}
			return d.done, no, nil
		})
	if err != nil {
		d.t.Fatal(err)
	}
	return out
}

func TestARequestIsDoneOnceAndAnsweredTheSame(t *testing.T) {
	d := newDesk(t)
	first := d.send("key-1", 1, refusal.Refusal{})
	if first.Value != 1 || string(first.Reply.Body) != "done 1" || first.Replay != nil {
		t.Fatalf("the first request got %+v", first)
	}
	if again := d.send("key-1", 1, refusal.Refusal{}); again.Replay == nil || again.Replay.Status != 201 || string(again.Replay.Body) != "done 1" || d.done != 1 {
		t.Errorf("the repeated request got %+v, done %d times", again, d.done)
	}
	if other := d.send("key-1", 2, refusal.Refusal{}); other.Code != refusal.IdempotencyKeyReused || d.done != 1 {
		t.Errorf("another request under its key got %q", other.Code)
	}
	d.store.kept["key-2"] = access.Kept{Hash: [32]byte{1}}
	if running := d.send("key-2", 1, refusal.Refusal{}); running.Code != refusal.IdempotencyRunning || d.done != 1 {
		t.Errorf("the repetition of a running request got %q", running.Code)
	}
	d.send("", 1, refusal.Refusal{})
	d.send("", 1, refusal.Refusal{})
	if _, stored := d.store.kept[""]; stored || d.done != 3 {
		t.Errorf("without a key a request was done %d times, and stored %t", d.done-1, stored)
	}
}

// TestOnlyTheRequestsOwnFaultIsStored: what depends on the moment is tried anew, what the request says wrong is not.
func TestOnlyTheRequestsOwnFaultIsStored(t *testing.T) {
	for code, stored := range map[refusal.Code]bool{refusal.AmountInvalid: true, refusal.NotFound: true, refusal.VendInProgress: false,
		refusal.Forbidden: false, refusal.ClockUntrusted: false, refusal.IssuerUnknown: false} {
		d := newDesk(t)
		if out := d.send("key-1", 1, refusal.Because(code, "No.", "", "")); out.Code != code || (out.Reply.Status != 0) != stored {
			t.Errorf("%s: answered %+v, stored %t", code, out, stored)
		}
		if out := d.send("key-1", 1, refusal.Refusal{}); (out.Replay != nil) != stored || (d.done == 1) == stored {
			t.Errorf("%s: then the request got %+v and was done %d times; stored %t", code, out, d.done, stored)
		}
	}
}

func TestNothingIsDoneWhileTheClockIsInDoubt(t *testing.T) {
	d := newDesk(t)
	d.doubt = refusal.Because(refusal.ClockUntrusted, "The clock was moved.", "", "")
	if out := d.send("key-1", 1, refusal.Refusal{}); out.Code != refusal.ClockUntrusted || d.done != 0 || len(d.store.kept) != 0 {
		t.Errorf("got %q, done %d times, %d answers stored", out.Code, d.done, len(d.store.kept))
	}
	d.doubt = refusal.Refusal{}
	if out := d.send("key-1", 1, refusal.Refusal{}); out.Refused() || d.done != 1 {
		t.Errorf("with a trusted clock it got %q", out.Code)
	}
}

// TestAReplyPrintsNoBody: it may hold digits.
func TestAReplyPrintsNoBody(t *testing.T) {
	r := once.Answer(201, []byte("1234 5678"))
	text, err := json.Marshal(map[string]any{"reply": r})
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).LogAttrs(context.Background(), slog.LevelInfo, "answered", slog.Any("reply", r))
	for _, shown := range []string{string(text), log.String(), fmt.Sprintf("%v %+v %#v %s %q %x", r, r, r, r, r, r)} {
		if strings.Contains(shown, "5678") || strings.Contains(shown, "35363738") || !strings.Contains(shown, "reply 201 with 9 bytes") {
			t.Errorf("a reply shows %s", shown)
		}
	}
}
