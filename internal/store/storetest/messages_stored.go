package storetest

// Tests of what a row of a message, of a try and of a month's cost keeps.

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/notify"
	"github.com/paywatt/paywatt/internal/store"
)

// storedMessages come back with all that they have. A later write changes how a message goes, and not what it is.
func storedMessages(t *testing.T, r Rig) {
	e := r.Open(t)
	meter := addMeter(t, e, 71, false)
	at := func(minutes int) time.Time { return messageEight().Add(time.Duration(minutes) * time.Minute) }
	full := notify.Message{
		ID: id.ID{1}, Incoming: true, State: notify.Queued, Purpose: notify.PurposeToken, Lang: "sw", Text: "a text", Phone: oldPhone,
		Args:     notify.Args{Meter: meter.Number, Utility: "Umeme", Units: 7, At: at(9), Meters: []string{"1", "2"}},
		Customer: id.ID{2}, Meter: meter.N, Number: meter.Number, Vend: id.ID{3}, Token: id.ID{4}, Answers: id.ID{5},
		Identity: [16]byte{6}, Line: "a line", Urgency: 2, TokenSet: "a set", Open: true, Asking: true,
		Route: "a", Parts: 3, Cost: 4, Tries: 5, Round: 6, NextAt: at(0), ExpiresAt: at(2),
		CreatedAt: at(3), SentAt: at(4), DeliveredAt: at(5), AnsweredAt: at(6), EndedAt: at(7), Failure: "a reason", By: "a person",
	}
	bare := notify.Message{ID: id.ID{7}, State: notify.Lost, Purpose: notify.PurposeWritten, NextAt: at(0), CreatedAt: at(0)}
	wants := func(name string, want notify.Message) {
		t.Helper()
		got, found := look2(t, e, func(tx *store.Tx) (notify.Message, bool, error) { return tx.MessageByID(want.ID) })
		if !found || fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", want) {
			t.Errorf("%s: found %t\n%+v, want\n%+v", name, found, got, want)
		}
	}
	addMessages(t, e, nil, full, bare)
	wants("all of a message", full)
	wants("a message with little", bare)
	if got := look(t, e, func(tx *store.Tx) ([]notify.Message, error) {
		return tx.MessageList(notify.Filter{Meter: meter.N}, id.ID{}, 9)
	}); textsOf(got) != "a text" {
		t.Errorf("the messages of a meter are %q", textsOf(got))
	}
	if _, found := look2(t, e, func(tx *store.Tx) (notify.Message, bool, error) { return tx.MessageByID(id.ID{9}) }); found {
		t.Error("a message that is not there was found")
	}
	unwritable := notify.Message{ID: id.ID{8}, Args: notify.Args{At: time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC)}} // JSON has no such year
	_, err := do(e, func(tx *store.Tx) (value, error) { return value{}, tx.MessageAdd(unwritable) })
	if err == nil || !strings.Contains(err.Error(), unwritable.ID.Text(id.Message)) {
		t.Errorf("figures that cannot be written: %v", err)
	}

	changed := notify.Message{
		ID: full.ID, State: notify.Uncertain, Purpose: notify.PurposeLow1, Lang: "fr", Text: "b", Phone: newPhone,
		Customer: id.ID{12}, Vend: id.ID{13}, Token: id.ID{14}, Answers: id.ID{15},
		Identity: [16]byte{16}, Line: "another line", Urgency: 1, TokenSet: "b", Open: true,
		Route: "b", Parts: 13, Cost: 14, Tries: 15, Round: 16, NextAt: at(-1), ExpiresAt: at(12),
		CreatedAt: at(13), SentAt: at(14), DeliveredAt: at(15), AnsweredAt: at(16), EndedAt: at(17), Failure: "another reason", By: "another person",
	}
	want := changed // but what a message is stays as it was
	want.Incoming, want.Purpose, want.Lang, want.Text, want.Phone, want.Args = full.Incoming, full.Purpose, full.Lang, full.Text, full.Phone, full.Args
	want.Customer, want.Meter, want.Number, want.Vend, want.Token, want.Answers = full.Customer, full.Meter, full.Number, full.Vend, full.Token, full.Answers
	want.Identity, want.Urgency, want.TokenSet, want.CreatedAt, want.By = full.Identity, full.Urgency, full.TokenSet, full.CreatedAt, full.By
	exec(t, e, `UPDATE message SET owner = 'one', owner_until = $1`, at(1))
	for _, c := range []struct {
		name  string
		write func(*store.Tx, notify.Message) error
		due   bool // the claim is gone
	}{
		{"held", func(tx *store.Tx, m notify.Message) error { return tx.MessageHold(m) }, false},
		{"put", func(tx *store.Tx, m notify.Message) error { return tx.MessagePut(m) }, true},
	} {
		must(t, e, func(tx *store.Tx) error { return c.write(tx, changed) })
		wants(c.name, want)
		wants("another message than the one that is "+c.name, bare)
		if due := look(t, e, func(tx *store.Tx) (bool, error) { return tx.MessageDue(at(0)) }); due != c.due {
			t.Errorf("%s: the claim has ended %t, want %t", c.name, due, c.due)
		}
		if _, err := do(e, func(tx *store.Tx) (value, error) { return value{}, c.write(tx, notify.Message{ID: id.ID{9}}) }); err == nil {
			t.Errorf("%s: a message that is not there was written", c.name)
		}
	}
}

// storedTries come back in order with all that they have. A second write gives a try its outcome, and changes nothing that was known before.
func storedTries(t *testing.T, r Rig) {
	e := r.Open(t)
	addMessages(t, e, nil, rowOfMessage(1, "one"), rowOfMessage(2, "two"))
	one, two := id.ID{0: 1, 15: 1}, id.ID{0: 1, 15: 2}
	at := func(minutes int) time.Time { return messageEight().Add(time.Duration(minutes) * time.Minute) }
	first := notify.Try{N: 1, Route: "a", Asking: true, Round: 2, At: at(1), DoneAt: at(2), Outcome: "accepted", Reference: "r", Parts: 3, Cost: 4, Report: "delivered", Why: "w"}
	second := notify.Try{N: 2, Route: "b", At: at(3)}
	other := notify.Try{N: 1, Route: "c", At: at(4)}
	again := notify.Try{N: 1, Route: "z", Round: 12, At: at(11), DoneAt: at(12), Outcome: "refused", Reference: "s", Parts: 13, Cost: 14, Report: "failed", Why: "x"}
	ended := again
	ended.Route, ended.Asking, ended.Round, ended.At = first.Route, first.Asking, first.Round, first.At
	type row struct {
		of  id.ID
		try notify.Try
	}
	for _, c := range []struct {
		name  string
		write []row
		want  map[id.ID][]notify.Try
	}{
		{"none", nil, map[id.ID][]notify.Try{one: nil, two: nil}},
		{"three", []row{{one, second}, {one, first}, {two, other}}, map[id.ID][]notify.Try{one: {first, second}, two: {other}}},
		{"the first again", []row{{one, again}}, map[id.ID][]notify.Try{one: {ended, second}, two: {other}}},
	} {
		must(t, e, func(tx *store.Tx) error {
			for _, w := range c.write {
				if err := tx.TryPut(w.of, w.try); err != nil {
					return err
				}
			}
			return nil
		})
		for of, want := range c.want {
			got := look(t, e, func(tx *store.Tx) ([]notify.Try, error) { return tx.MessageTries(of) })
			if fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", want) {
				t.Errorf("%s: message %s has the tries\n%+v, want\n%+v", c.name, of.Text(id.Message), got, want)
			}
		}
	}
}

// storedTotals add up what each route costs in each month.
func storedTotals(t *testing.T, r Rig) {
	e := r.Open(t)
	must(t, e, func(tx *store.Tx) error {
		for _, c := range []struct {
			month, route string
			parts        int
			cost         int64
		}{{"2026-11", "b", 2, 700}, {"2026-12", "b", 1, 5}, {"2026-11", "a", 1, 800}, {"2026-11", "b", 3, 10}, {"2025-12", "a", 1, 1}} {
			if err := tx.MessageTotal(c.month, c.route, c.parts, c.cost); err != nil {
				return err
			}
		}
		return nil
	})
	for most, want := range map[int]string{
		9: "[{2026-12 b 1 1 5} {2026-11 a 1 1 800} {2026-11 b 2 5 710} {2025-12 a 1 1 1}]",
		2: "[{2026-12 b 1 1 5} {2026-11 a 1 1 800}]",
	} {
		if got := fmt.Sprint(look(t, e, func(tx *store.Tx) ([]notify.Total, error) { return tx.MessageTotals(most) })); got != want {
			t.Errorf("at most %d months cost %s, want %s", most, got, want)
		}
	}
}
