package storetest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/early"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/payment"
	"github.com/paywatt/paywatt/internal/store"
)

func earlyTests() []test {
	return []test{
		{"an answer waits under each of its names, once", storedEarly},
		{"only so many answers of a source wait", boundedEarly},
		{"an answer and its question that are stored at the same time find each other", meetingEarly},
	}
}

// earlyAt is a moment of these tests.
func earlyAt(minutes int) time.Time { return base().Add(time.Duration(minutes) * time.Minute) }

// lineOfEarly writes what waits, in one line.
func lineOfEarly(all []early.Answer) string {
	var out []string
	for _, a := range all {
		text := fmt.Sprintf("%s of %s to %s: %s", a.Kind, a.Source, a.Name, a.Content)
		if !a.About.IsZero() {
			text += fmt.Sprintf(" about %d", a.About[15])
		}
		out = append(out, text)
	}
	return strings.Join(out, "; ")
}

func storedEarly(t *testing.T, r Rig) {
	e := r.Open(t)
	keep := func(a early.Answer, names ...string) {
		t.Helper()
		must(t, e, func(tx *store.Tx) error {
			kept, err := early.Keep(tx, a, names...)
			if err == nil && !kept {
				t.Errorf("the answer %s is not kept", a.Content)
			}
			return err
		})
	}
	answer := func(k early.Kind, source, content string, came, until int) early.Answer {
		return early.Answer{Kind: k, Source: source, Content: []byte(content), CameAt: earlyAt(came), Until: earlyAt(until)}
	}
	about := answer(early.Call, "mpesa", "call 1", 1, 5)
	about.About = id.ID{15: 7}
	keep(about, "ws_1")
	keep(about, "ws_1") // the same again
	keep(answer(early.Call, "mpesa", "call 2", 0, 4), "ws_1")
	keep(answer(early.Call, "airtel", "call 3", 0, 4), "ws_1")
	keep(answer(early.Report, "mpesa", "report", 2, 6), "ws_1", "", "26", strings.Repeat("x", early.MaxName+1))
	named := func(k early.Kind, source, name, want string) {
		t.Helper()
		got := look(t, e, func(tx *store.Tx) ([]early.Answer, error) { return tx.EarlyNamed(k, source, name, 10) })
		if line := lineOfEarly(got); line != want {
			t.Errorf("to %s of %s %s wait %q, want %q", name, k, source, line, want)
		}
	}
	named(early.Call, "mpesa", "ws_1", "call of mpesa to ws_1: call 2; call of mpesa to ws_1: call 1 about 7") // the first that came is the first
	named(early.Call, "airtel", "ws_1", "call of airtel to ws_1: call 3")
	named(early.Report, "mpesa", "26", "report of mpesa to 26: report")
	named(early.Report, "mpesa", "27", "")
	until := func(payment byte, want time.Time) {
		t.Helper()
		got := look(t, e, func(tx *store.Tx) (time.Time, error) {
			at, found, err := tx.EarlyAbout(id.ID{15: payment})
			if err == nil && found == at.IsZero() {
				t.Errorf("found %t until %v", found, at)
			}
			return at, err
		})
		if !got.Equal(want) {
			t.Errorf("the answer about payment %d waits until %v, want %v", payment, got, want)
		}
	}
	until(7, earlyAt(5))
	until(8, time.Time{})
	over := func(k early.Kind, at int, want string) {
		t.Helper()
		got := look(t, e, func(tx *store.Tx) ([]early.Answer, error) { return tx.EarlyOver(k, earlyAt(at), 10) })
		if line := lineOfEarly(got); line != want {
			t.Errorf("after %d minutes %q is over, want %q", at, line, want)
		}
	}
	over(early.Report, 5, "")
	over(early.Report, 6, "report of mpesa to 26: report; report of mpesa to ws_1: report")
	over(early.Call, 4, "call of airtel to ws_1: call 3; call of mpesa to ws_1: call 2")
	must(t, e, func(tx *store.Tx) error {
		return firstOf(early.Drop(tx, answer(early.Report, "mpesa", "report", 0, 0)), early.Drop(tx, about))
	})
	named(early.Report, "mpesa", "26", "")
	named(early.Report, "mpesa", "ws_1", "")
	named(early.Call, "mpesa", "ws_1", "call of mpesa to ws_1: call 2")
	until(7, time.Time{})
}

func boundedEarly(t *testing.T, r Rig) {
	e := r.Open(t)
	keep := func(tx *store.Tx, n int) (bool, error) {
		a := early.Answer{Kind: early.Report, Source: "a", Content: fmt.Append(nil, n), CameAt: earlyAt(0), Until: earlyAt(1)}
		return early.Keep(tx, a, fmt.Sprint("name ", n))
	}
	must(t, e, func(tx *store.Tx) error {
		for n := range early.MaxWaiting {
			if kept, err := keep(tx, n); err != nil || !kept {
				return fmt.Errorf("answer %d is kept: %t, %w", n, kept, err)
			}
		}
		return nil
	})
	must(t, e, func(tx *store.Tx) error {
		kept, err := keep(tx, early.MaxWaiting)
		if kept {
			t.Error("one answer too many is kept")
		}
		other := early.Answer{Kind: early.Report, Source: "b", Content: []byte("x"), CameAt: earlyAt(0), Until: earlyAt(1)}
		if kept, more := early.Keep(tx, other, "name"); err == nil {
			if err = more; !kept {
				t.Error("the answers of one source leave no room for those of another")
			}
		}
		other.Content = make([]byte, early.MaxContent+1)
		if kept, more := early.Keep(tx, other, "name"); err == nil {
			if err = more; kept {
				t.Error("an answer that is too long is kept")
			}
		}
		return err
	})
}

// meetingEarly lets an answer and its question be stored by two transactions, of which neither sees the other's rows. Whoever is second waits for the
// first, and then finds what it stored.
func meetingEarly(t *testing.T, r Rig) {
	open := r.Open
	if r.Several != nil {
		open = r.Several
	}
	e := open(t)
	letThrough(e)
	known, answers := false, 0
	hears := func(name string, meanwhile func()) func(*store.Tx) (value, error) {
		return func(tx *store.Tx) (value, error) {
			err := tx.LockEarly(early.Call, "mpesa")
			if err == nil {
				known, err = tx.QuestionKnown("mpesa", name)
			}
			meanwhile()
			if err == nil && !known {
				_, err = early.Keep(tx, early.Answer{Kind: early.Call, Source: "mpesa", Content: []byte(name),
					CameAt: earlyAt(0), Until: earlyAt(1)}, name)
			}
			return value{}, err
		}
	}
	asks := func(name string, meanwhile func()) func(*store.Tx) (value, error) {
		return func(tx *store.Tx) (value, error) {
			err := tx.LockEarly(early.Call, "mpesa")
			if err == nil {
				err = tx.AddQuestion(payment.Question{Provider: "mpesa", Name: name, Payment: id.ID{1}, AskedAt: earlyAt(0)})
			}
			var all []early.Answer
			if err == nil {
				all, err = early.Answers(tx, early.Call, "mpesa", name)
			}
			answers = len(all)
			meanwhile()
			return value{}, err
		}
	}
	nothing := func() {}
	meet := func(first func(meanwhile func()) func(*store.Tx) (value, error), second func(*store.Tx) (value, error)) {
		t.Helper()
		known, answers = false, 0
		locked, ended := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(ended)
			<-locked
			if _, err := do(e, second); err != nil {
				t.Error(err)
			}
		}()
		begun := false
		if _, err := do(e, first(func() {
			if !begun {
				begun = true
				close(locked)
				r.behind(t, e, ended)
			}
		})); err != nil {
			t.Error(err)
		}
		<-ended
	}
	meet(func(meanwhile func()) func(*store.Tx) (value, error) { return hears("one", meanwhile) }, asks("one", nothing))
	if answers != 1 {
		t.Errorf("the question finds %d answers that were stored before it, want 1", answers)
	}
	meet(func(meanwhile func()) func(*store.Tx) (value, error) { return asks("two", meanwhile) }, hears("two", nothing))
	if !known {
		t.Error("the answer does not find the question that was stored before it")
	}
}
