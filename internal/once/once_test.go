package once_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/once"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/sale"
)

// errStore is the error of a failing call.
var errStore = errors.New("the store failed")

// answers stores answers in memory, and is also the door and the transaction of the tests. The field broken is the number of
// the call that fails. That call still has its effect and returns its value, so that code that ignores the error continues.
type answers struct {
	once.Tx
	kept    map[string]access.StoredAnswer
	calls   *[]string
	broken  *int                     // counted from 1; 0 for none
	between *func()                  // called before the next transaction, in place of another request
	forever map[string]bool          // whether the answer is stored forever, by key
	tenants map[access.Tenant]string // the tenant of each transaction
}

func (a answers) fails(call string) error {
	if *a.calls = append(*a.calls, call); len(*a.calls) == *a.broken {
		return errStore
	}
	return nil
}

func (a answers) Once() once.Tx                  { return a }
func (a answers) VendClock() (sale.Times, error) { return sale.Times{}, nil }
func (a answers) Seal(context string, plain []byte) []byte {
	return []byte("sealed " + context + ": " + string(plain))
}
func (a answers) Open(context string, sealed []byte) ([]byte, error) {
	plain, ok := strings.CutPrefix(string(sealed), "sealed "+context+": ")
	if err := a.fails("Open"); err != nil || ok {
		return []byte(plain), err
	}
	return nil, errors.New("sealed for another place")
}

func (a answers) OnceTake(o access.Once) (*access.StoredAnswer, error) {
	if k, found := a.kept[o.Key]; found {
		return &k, a.fails("OnceTake")
	}
	a.kept[o.Key] = access.StoredAnswer{Hash: o.Hash}
	return nil, a.fails("OnceTake")
}

func (a answers) OncePut(o access.Once, status int, sealed []byte, forever bool) error {
	a.kept[o.Key] = access.StoredAnswer{Hash: o.Hash, Status: status, Body: sealed}
	a.forever[o.Key] = forever
	return a.fails("OncePut")
}

// Do runs fn, and undoes what fn has stored if fn refuses or fails.
func (a answers) Do(_ context.Context, t access.Tenant, fn func(answers) (bool, error)) error {
	a.tenants[t] = "written"
	if b := *a.between; b != nil && len(*a.calls) > 0 {
		*a.between = nil
		b()
	}
	undo := answers{kept: map[string]access.StoredAnswer{}}
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
	if err != nil {
		return err
	}
	return a.fails("commit")
}

func (a answers) View(_ context.Context, _ access.Tenant, fn func(answers) error) error { return fn(a) }

// rig sends requests and counts how often the work was done.
type rig struct {
	t     *testing.T
	store answers
	by    access.Actor
	doubt refusal.Refusal
	plain bool // true if the request renders no answer
	done  int
}

func newRig(t *testing.T) *rig {
	return &rig{t: t, by: access.SystemActor(1, "test"), store: answers{kept: map[string]access.StoredAnswer{}, calls: new([]string), broken: new(int), between: new(func()),
		forever: map[string]bool{}, tenants: map[access.Tenant]string{}}}
}

func (d *rig) send(key string, hash byte, no refusal.Refusal) once.Done[int] {
	d.t.Helper()
	out, err := d.try(key, hash, no)
	if err != nil {
		d.t.Fatal(err)
	}
	return out
}

func (d *rig) try(key string, hash byte, no refusal.Refusal) (once.Done[int], error) {
	a := once.Answers[answers]{Door: d.store, Sealer: d.store, MayDate: func(once.Clock) (sale.Times, refusal.Refusal, error) {
		return sale.Times{}, d.doubt, d.store.fails("MayDate")
	}}
	q := once.Request{Once: access.Once{Principal: "key till3", Key: key, Hash: [32]byte{hash}}}
	render := func(n int) (int, []byte) { return 201, fmt.Append(nil, "done ", n) }
	if q.RenderRefusal = func(r refusal.Refusal) (int, []byte) { return r.Code.Status(), []byte(r.Code) }; d.plain {
		q.RenderRefusal, render = nil, nil
	}
	return once.Do(context.Background(), a, d.by, access.Sell, q, render,
		func(answers) (int, refusal.Refusal, error) {
			if !no.Refused() {
				d.done++
			}
			return d.done, no, d.store.fails("do")
		})
}

func TestARequestIsDoneOnceAndAnsweredTheSame(t *testing.T) {
	d := newRig(t)
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
	d.store.kept["key-2"] = access.StoredAnswer{Hash: [32]byte{1}}
	if running := d.send("key-2", 1, refusal.Refusal{}); running.Code != refusal.IdempotencyRunning || d.done != 1 {
		t.Errorf("the repetition of a running request got %q", running.Code)
	}
	d.send("", 1, refusal.Refusal{})
	d.send("", 1, refusal.Refusal{})
	if _, stored := d.store.kept[""]; stored || d.done != 3 {
		t.Errorf("without a key a request was done %d times, and stored %t", d.done-1, stored)
	}
}

// TestOnlyTheRequestsOwnFaultIsStored: a refusal for an error in the request is stored. After a refusal that depends on the moment,
// the request is tried again.
func TestOnlyTheRequestsOwnFaultIsStored(t *testing.T) {
	for code, stored := range map[refusal.Code]bool{refusal.AmountInvalid: true, refusal.NotFound: true, refusal.VendInProgress: false,
		refusal.Forbidden: false, refusal.ClockUntrusted: false, refusal.IssuerUnknown: false,
		refusal.IdempotencyKeyMissing: false, refusal.IdempotencyKeyInvalid: false, refusal.IdempotencyKeyReused: false, refusal.IdempotencyRunning: false,
		refusal.Unauthenticated: false, refusal.RateLimited: false, refusal.Internal: false} {
		d := newRig(t)
		if out := d.send("key-1", 1, refusal.Refusal{Code: code, What: "No."}); out.Code != code || (out.Reply.Status != 0) != stored {
			t.Errorf("%s: answered %+v, stored %t", code, out, stored)
		}
		if out := d.send("key-1", 1, refusal.Refusal{}); (out.Replay != nil) != stored || (d.done == 1) == stored {
			t.Errorf("%s: then the request got %+v and was done %d times; stored %t", code, out, d.done, stored)
		}
	}
}

func TestNothingIsDoneWhileTheClockIsInDoubt(t *testing.T) {
	d := newRig(t)
	d.doubt = refusal.Refusal{Code: refusal.ClockUntrusted, What: "The clock was moved."}
	if out := d.send("key-1", 1, refusal.Refusal{}); out.Code != refusal.ClockUntrusted || d.done != 0 || len(d.store.kept) != 0 {
		t.Errorf("got %q, done %d times, %d answers stored", out.Code, d.done, len(d.store.kept))
	}
	d.doubt = refusal.Refusal{}
	if out := d.send("key-1", 1, refusal.Refusal{}); out.Refused() || d.done != 1 {
		t.Errorf("with a trusted clock it got %q", out.Code)
	}
}

// TestNoFailureOfTheStoreIsHidden: whichever call fails, the caller gets only its error. This holds for a new request, for a
// repeated one, and for one whose refusal is stored.
func TestNoFailureOfTheStoreIsHidden(t *testing.T) {
	bad := refusal.Refusal{Code: refusal.AmountInvalid, What: "No."}
	first := func(d *rig) { d.send("key-1", 1, refusal.Refusal{}) }
	for _, c := range []struct {
		name    string
		least   int
		no      refusal.Refusal
		says    string // text in front of the store's error
		from    int    // number of the first call whose error has this text
		before  func(*rig)
		between func(*rig)
	}{
		{"a new request", 5, refusal.Refusal{}, "", 99, nil, nil},
		{"a repeated one", 3, refusal.Refusal{}, "open the stored answer of an idempotency key: ", 3, first, nil},
		{"a refused one", 7, bad, "store a refusal: ", 5, nil, nil},
		{"a refused one, while another got an answer", 6, bad, "", 99, nil, first},
	} {
		for at := 1; ; at++ {
			d := newRig(t)
			if c.before != nil {
				c.before(d)
			}
			if c.between != nil {
				*d.store.between = func() { // these calls do not fail and are not counted
					calls := *d.store.calls
					*d.store.broken = 0
					c.between(d)
					*d.store.calls, *d.store.broken = calls, at
				}
			}
			*d.store.calls, *d.store.broken = nil, at
			out, err := d.try("key-1", 1, c.no)
			if len(*d.store.calls) < at {
				if err != nil || at <= c.least {
					t.Errorf("%s: %d calls, %v; want at least %d", c.name, at-1, err, c.least)
				}
				break
			}
			if !errors.Is(err, errStore) || out.Value != 0 || out.Reply.Status != 0 || out.Replay != nil || out.Refused() || at >= c.from && !strings.HasPrefix(err.Error(), c.says) {
				t.Errorf("%s: call %d (%s) fails, and it came to %+v, %v", c.name, at, (*d.store.calls)[at-1], out, err)
			}
		}
	}
}

// TestTheAnswerThatCameFirstStands: while a refusal is being stored, another request with the same key may have been
// answered, or may be running.
func TestTheAnswerThatCameFirstStands(t *testing.T) {
	bad := refusal.Refusal{Code: refusal.AmountInvalid, What: "No."}
	d := newRig(t)
	*d.store.between = func() { d.send("key-1", 1, refusal.Refusal{}) }
	if out := d.send("key-1", 1, bad); out.Replay == nil || string(out.Replay.Body) != "done 1" || out.Replay.Status != 201 || out.Refused() || out.Reply.Status != 0 {
		t.Errorf("another one got an answer, and this one %+v", out)
	}
	d = newRig(t)
	*d.store.between = func() { d.store.kept["key-1"] = access.StoredAnswer{Hash: [32]byte{2}} }
	if out := d.send("key-1", 1, bad); out.Code != refusal.IdempotencyKeyReused || out.Reply.Status != 0 {
		t.Errorf("another one took the key, and this one got %+v", out)
	}
	d = newRig(t)
	*d.store.between = func() { d.store.kept["key-1"] = access.StoredAnswer{Hash: [32]byte{1}} }
	if out := d.send("key-1", 1, bad); out.Code != refusal.IdempotencyRunning || out.Reply.Status != 0 {
		t.Errorf("the same one runs, and this one got %+v", out)
	}
	if k := d.store.kept["key-1"]; k.Status != 0 {
		t.Errorf("its answer was written over the other's: %+v", k)
	}
}

// TestAnAnswerIsKeptForEver: an answer is stored forever, and a refusal only for a limited time. Each is sealed for its own key.
// Without a renderer neither is stored.
func TestAnAnswerIsKeptForEver(t *testing.T) {
	bad := refusal.Refusal{Code: refusal.AmountInvalid, What: "No."}
	d := newRig(t)
	d.send("good", 1, refusal.Refusal{})
	d.send("bad", 1, bad)
	if !d.store.forever["good"] || d.store.forever["bad"] || len(d.store.forever) != 2 {
		t.Errorf("kept for ever: %v", d.store.forever)
	}
	if got := string(d.store.kept["bad"].Body); got != "sealed once:key till3\x00bad: amount-invalid" || d.store.kept["bad"].Status != refusal.AmountInvalid.Status() {
		t.Errorf("kept %q", got)
	}
	if d.store.tenants[1] == "" || len(d.store.tenants) != 1 {
		t.Errorf("done in the tenants %v", d.store.tenants)
	}
	if out := d.send("", 1, bad); out.Code != refusal.AmountInvalid || out.Reply.Status != 0 || len(d.store.kept) != 2 {
		t.Errorf("without a key: %+v", out)
	}
	d = newRig(t)
	d.plain = true
	if out := d.send("key-1", 1, refusal.Refusal{}); out.Value != 1 || out.Reply.Status != 0 || len(d.store.forever) != 0 {
		t.Errorf("nothing is rendered: %+v", out)
	}
	if out := d.send("key-2", 1, bad); out.Code != refusal.AmountInvalid || out.Reply.Status != 0 || len(d.store.forever) != 0 {
		t.Errorf("nothing is rendered of a refusal: %+v", out)
	}
}

// TestWhoMayNotIsNotHeard: without the right the request looks nothing up and claims no key.
func TestWhoMayNotIsNotHeard(t *testing.T) {
	d := newRig(t)
	d.by.Role = access.Support
	if out := d.send("key-1", 1, refusal.Refusal{}); out.Code != refusal.Forbidden || d.done != 0 || len(*d.store.calls) != 0 {
		t.Errorf("got %+v after %q", out, *d.store.calls)
	}
}

// TestAReplyPrintsNoBody checks that no output shows the body of a reply, which may hold digits.
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
