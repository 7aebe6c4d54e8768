package storetest

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/job"
	"github.com/paywatt/paywatt/internal/store"
)

func dueTests() []test {
	return []test{{"a commit tells at once in which lanes it made something due", dueReported}}
}

// dueReported checks that a worker hears of due work before the closure's caller has its answer, and never of work that was rolled back.
func dueReported(t *testing.T, r Rig) {
	e := r.Open(t)
	var told []string // another goroutine writes it, and this goroutine waits for that one
	r.Hear(e, func(lanes []string) { told = append(told, strings.Join(lanes, "+")) })
	wants := func(what, want string) {
		t.Helper()
		if got := strings.Join(told, " "); got != want {
			t.Errorf("%s: told %q, want %q", what, got, want)
		}
		told = nil
	}
	put := func(tx *store.Tx, lane, key string) (id.ID, error) {
		return tx.Enqueue(job.Item{Lane: lane, Key: key, Kind: "k", Body: []byte("{}")})
	}
	var first, second id.ID
	must(t, e, func(tx *store.Tx) (err error) { first, err = put(tx, "mqtt", "m1"); return err })
	wants("an item", "mqtt")
	must(t, e, func(tx *store.Tx) error {
		_, one := put(tx, "notice", "a1")
		_, two := put(tx, "mqtt", "m2")
		_, three := put(tx, "notice", "a2")
		return errors.Join(one, two, three)
	})
	wants("items of two lanes", "notice+mqtt")
	_, err := do(e, func(tx *store.Tx) (value, error) { _, err := put(tx, "mqtt", "m3"); return value{refused: true}, err })
	wantErr(t, "a refusal", err, nil)
	wants("a refusal", "")
	broke := errors.New("something broke")
	_, err = do(e, func(tx *store.Tx) (value, error) {
		_, err := put(tx, "mqtt", "m3")
		return value{}, errors.Join(err, broke)
	})
	wantErr(t, "a failure", err, broke)
	wants("a failure", "")
	must(t, e, func(tx *store.Tx) (err error) { second, err = put(tx, "mqtt", "m1"); return err })
	wants("an item behind another", "mqtt")
	claim(t, e, "w", time.Second, 10)
	must(t, e, func(tx *store.Tx) error {
		_, err := tx.OutboxRetry(first, "w", tx.Now.Add(time.Hour), "offline")
		return err
	})
	wants("a claim, and an item that is put back", "")
	must(t, e, func(tx *store.Tx) error { return tx.OutboxWake("mqtt", "nobody") })
	wants("nothing to wake", "")
	must(t, e, func(tx *store.Tx) error { return tx.OutboxWake("mqtt", "m1") })
	wants("an item that is woken", "mqtt")
	must(t, e, func(tx *store.Tx) error { _, err := tx.OutboxDrop("mqtt", first); return err })
	wants("an item that is answered", "mqtt")
	must(t, e, func(tx *store.Tx) error { _, err := tx.OutboxDrop("mqtt", first); return err })
	wants("an item that was answered before", "")
	must(t, e, func(tx *store.Tx) error { return tx.TakeOver("another", tx.Now) })
	wants("claims of a server that is no more", "mqtt+notice")
	r.FailCommit(e, Undone, 0)
	_, err = do(e, func(tx *store.Tx) (value, error) { _, err := tx.OutboxDrop("mqtt", second); return value{}, err })
	wantErr(t, "a commit that fails", err, store.ErrOutcomeUnknown)
	wants("a commit that fails", "")
}
