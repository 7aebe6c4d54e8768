package storetest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/notify"
	"github.com/paywatt/paywatt/internal/store"
)

// messageEight is the time of these tests.
func messageEight() time.Time { return time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC) }

// rowOfMessage is a queued message that is due. Its text is its name in these tests.
func rowOfMessage(n byte, name string, change ...func(*notify.Message)) notify.Message {
	m := notify.Message{ID: id.ID{0: 1, 15: n}, State: notify.Queued, Purpose: notify.PurposeWritten, Lang: "en", Text: name, Phone: someone, Line: someone,
		Identity: [16]byte{0: 2, 15: n}, Open: true, NextAt: messageEight(), CreatedAt: messageEight(), ExpiresAt: messageEight().Add(time.Hour)}
	for _, c := range change {
		c(&m)
	}
	return m
}

func by(route string) func(*notify.Message)        { return func(m *notify.Message) { m.Route = route } }
func inState(s notify.State) func(*notify.Message) { return func(m *notify.Message) { m.State = s } }
func dueAt(after time.Duration) func(*notify.Message) {
	return func(m *notify.Message) { m.NextAt = messageEight().Add(after) }
}
func closed(m *notify.Message)          { m.Open = false }
func tried(n int) func(*notify.Message) { return func(m *notify.Message) { m.Tries = n } }

// addMessages stores messages, and the tries of some of them.
func addMessages(t *testing.T, e store.Engine, tries map[string][]notify.Try, all ...notify.Message) {
	t.Helper()
	must(t, e, func(tx *store.Tx) error {
		for _, m := range all {
			if err := tx.MessageAdd(m); err != nil {
				return err
			}
			for i, try := range tries[m.Text] {
				if try.N = i + 1; try.At.IsZero() {
					try.At = messageEight().Add(-time.Hour)
				}
				if err := tx.TryPut(m.ID, try); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// textsOf lists the names of messages.
func textsOf(all []notify.Message) string {
	var out []string
	for _, m := range all {
		out = append(out, m.Text)
	}
	return strings.Join(out, " ")
}

// strayMessages lists what each kind of message is to a server with the routes a, b (which is down) and c.
func strayMessages(t *testing.T, r Rig) {
	e := r.Open(t)
	addMessages(t, e, nil,
		rowOfMessage(1, "none"), rowOfMessage(2, "none-unknown", inState(notify.Uncertain)), rowOfMessage(3, "none-sent", inState(notify.SentOut)),
		rowOfMessage(4, "up", by("a")), rowOfMessage(5, "down", by("b")), rowOfMessage(6, "down-unknown", by("b"), inState(notify.Uncertain)),
		rowOfMessage(7, "down-sent", by("b"), inState(notify.SentOut)), rowOfMessage(8, "down-old", by("b"), inState(notify.SentOut), dueAt(-time.Hour)),
		rowOfMessage(9, "gone", by("z"), dueAt(-time.Minute-time.Second)), rowOfMessage(10, "gone-sent", by("z"), inState(notify.SentOut), dueAt(-time.Minute-time.Second)),
		rowOfMessage(11, "gone-just-now", by("z"), dueAt(-time.Minute)), rowOfMessage(12, "later", dueAt(time.Second)), rowOfMessage(13, "over", closed),
		rowOfMessage(14, "up-old", by("c"), dueAt(-time.Hour)), rowOfMessage(15, "held", by("b")),
		rowOfMessage(16, "urgent", func(m *notify.Message) { m.Urgency = -1 }))
	exec(t, e, `UPDATE message SET owner_until = $1 WHERE text = 'held'`, messageEight().Add(time.Second))
	for _, c := range []struct {
		mine, down []string
		max        int
		want       string
	}{
		{[]string{"a", "b", "c"}, []string{"b"}, 50, "urgent gone gone-sent none none-unknown down down-unknown"},
		{[]string{"a", "b", "c"}, nil, 50, "urgent gone gone-sent none none-unknown"},
		{[]string{"a", "b", "c"}, []string{"b"}, 3, "urgent gone gone-sent"},
		{nil, nil, 50, "urgent none none-unknown"},
		{[]string{"z"}, []string{"z"}, 50, "urgent down-old up-old gone gone-just-now none none-unknown"},
		{[]string{"b", "c", "z"}, []string{"b", "z"}, 50, "urgent gone gone-just-now none none-unknown down down-unknown"},
	} {
		var got []notify.Message
		must(t, e, func(tx *store.Tx) (err error) {
			got, err = tx.MessagesStray(c.mine, c.down, messageEight(), messageEight().Add(-time.Minute), c.max)
			return err
		})
		if textsOf(got) != c.want {
			t.Errorf("routes %v, of which %v are down: %q, want %q", c.mine, c.down, textsOf(got), c.want)
		}
	}
}

// reportedTries finds the try that a report is about.
func reportedTries(t *testing.T, r Rig) {
	e := r.Open(t)
	at := func(minutes int) time.Time { return messageEight().Add(time.Duration(minutes) * time.Minute) }
	phone := func(p string) func(*notify.Message) { return func(m *notify.Message) { m.Phone = p } }
	addMessages(t, e, map[string][]notify.Try{
		"one":   {{Route: "a", Reference: "7", At: at(0)}, {Route: "b", Reference: "7", At: at(1)}, {Route: "a", Reference: "8", At: at(2)}},
		"two":   {{Route: "a", Reference: "9", At: at(3)}, {Route: "a", Reference: "7", At: at(4)}},
		"three": {{Route: "a", Reference: "", At: at(5)}},
	}, rowOfMessage(1, "one", phone("+254711000001")), rowOfMessage(2, "two", phone("+254711000002")), rowOfMessage(3, "three", phone("+254711000003")))
	for _, c := range []struct {
		route, reference, phone string
		since                   int
		want                    string
	}{
		{"a", "7", "", 0, "two 2"}, // the newest
		{"a", "7", "+254711000001", 0, "one 1"}, {"a", "7", "0711000001", 0, "one 1"}, {"a", "7", "1000001", 0, "one 1"}, {"a", "7", "99911000001", 0, "one 1"},
		{"a", "7", "254711000009", 0, ""}, {"a", "7", "21000001", 0, ""},
		{"a", "8", "", 0, "one 3"}, {"a", "8", "", 2, "one 3"}, {"a", "8", "", 3, ""}, {"b", "7", "", 0, "one 2"}, {"b", "9", "", 0, ""}, {"c", "7", "", 0, ""}, {"a", "6", "", 0, ""},
		{"a", "9", "+254711000001", 0, ""}, {"a", "7", "+254711000001", 1, ""},
	} {
		got := ""
		look(t, e, func(tx *store.Tx) (bool, error) {
			message, n, found, err := tx.MessageOfTry(c.route, c.reference, c.phone, at(c.since))
			for i, name := range []string{"one", "two", "three"} {
				if found && message == (id.ID{0: 1, 15: byte(i + 1)}) {
					got = fmt.Sprint(name, " ", n)
				}
			}
			return found, err
		})
		if got != c.want {
			t.Errorf("a report of %s about %s to %q since %d: try %q, want %q", c.route, c.reference, c.phone, c.since, got, c.want)
		}
	}
}

// wokenMessages become due when a telephone was heard, or when a route works again.
func wokenMessages(t *testing.T, r Rig) {
	const night = 10 * time.Hour
	lost := []notify.Try{{Route: "a", Outcome: notify.NotSent.String()}}
	failed := []notify.Try{{Route: "a", Outcome: notify.NotSent.String(), Report: notify.Failed.String()}}
	twice := []notify.Try{{Route: "a", Outcome: notify.NotSent.String()}, {Route: "b", Outcome: notify.NotSent.String()}}
	left := []notify.Try{{Route: "a", Outcome: notify.NotSent.String()}, {Route: "b", Outcome: notify.Accepted.String()}}
	just := []notify.Try{{Route: "a", Outcome: notify.NotSent.String(), At: messageEight().Add(-time.Minute + time.Second)}}
	inLine := func(line string) func(*notify.Message) { return func(m *notify.Message) { m.Line = line } }
	rowOf := func(change ...func(*notify.Message)) notify.Message { return rowOfMessage(0, "", change...) }
	cases := []struct {
		name         string
		m            notify.Message
		tries        []notify.Try
		phone, route bool // wakes it
	}{
		{"it could not leave", rowOf(tried(1), dueAt(night)), lost, true, true},
		{"its outcome is unknown", rowOf(tried(1), dueAt(night), inState(notify.Uncertain)), lost, true, false},
		{"it left", rowOf(tried(1), dueAt(night), inState(notify.SentOut)), lost, false, false},
		{"it is over", rowOf(tried(1), dueAt(night), closed), lost, false, false},
		{"it was never tried", rowOf(dueAt(night)), nil, true, false},
		{"a warning that was never tried", rowOf(dueAt(night), inLine(notify.WarningLine(someone))), nil, false, false},
		{"a warning that could not leave", rowOf(tried(1), dueAt(night), inLine(notify.WarningLine(someone))), lost, true, true},
		{"it was tried many times", rowOf(tried(notify.MaxTriesWoken), dueAt(night)), lost, false, false},
		{"it was tried nearly as many times", rowOf(tried(notify.MaxTriesWoken-1), dueAt(night)), lost, true, false}, // the last try is not stored here
		{"it was tried just now", rowOf(tried(1), dueAt(night)), just, false, true},
		{"the network gave it up", rowOf(tried(1), dueAt(night)), failed, true, false},
		{"two routes failed", rowOf(tried(2), dueAt(night)), twice, true, true},
		{"the last route took it", rowOf(tried(2), dueAt(night)), left, true, false},
		{"another telephone", rowOf(tried(1), dueAt(night), inLine("+254700000999")), lost, false, true},
	}
	for _, route := range []bool{false, true} {
		e := r.Open(t)
		for i, c := range cases {
			c.m.ID[15], c.m.Identity[15], c.m.Text = byte(i), byte(i), c.name
			addMessages(t, e, map[string][]notify.Try{c.name: c.tries}, c.m)
		}
		must(t, e, func(tx *store.Tx) error {
			if route {
				return tx.MessagesWakeRoute("a", messageEight())
			}
			return tx.MessagesWake(someone, messageEight(), messageEight().Add(-time.Minute))
		})
		for i, c := range cases {
			got, _ := look2(t, e, func(tx *store.Tx) (notify.Message, bool, error) { return tx.MessageByID(id.ID{0: 1, 15: byte(i)}) })
			want := c.phone
			if route {
				want = c.route
			}
			if woken := got.NextAt.Equal(messageEight()); woken != want || !woken && !got.NextAt.Equal(c.m.NextAt) {
				t.Errorf("%s, by its route %t: woken %t, want %t, due at %s", c.name, route, woken, want, got.NextAt)
			}
		}
	}
}

// listedMessages are those that a filter or a question names, newest first.
func listedMessages(t *testing.T, r Rig) {
	e := r.Open(t)
	to := func(p string) func(*notify.Message) { return func(m *notify.Message) { m.Phone, m.Line = p, p } }
	arrived := func(m *notify.Message) {
		m.Incoming, m.Purpose, m.State, m.Open = true, notify.PurposeFromCustomer, notify.Arrived, false
	}
	sold := func(m *notify.Message) { m.Vend = id.ID{0: 3} }
	of := func(p notify.Purpose) func(*notify.Message) { return func(m *notify.Message) { m.Purpose = p } }
	all := []notify.Message{
		rowOfMessage(1, "a", to(oldPhone), of(notify.PurposeLow1)), rowOfMessage(2, "b", to(newPhone), of(notify.PurposeLow1)), rowOfMessage(3, "c", to(oldPhone), arrived),
		rowOfMessage(4, "d", to(oldPhone), inState(notify.SentOut), sold, closed), rowOfMessage(5, "e", to(oldPhone), of(notify.PurposeLow2)), rowOfMessage(6, "f", to(newPhone), of(notify.PurposeLow2)),
		rowOfMessage(7, "g", to(oldPhone), of(notify.PurposeCutOff)),
	}
	addMessages(t, e, nil, all...)
	yes, no := true, false
	for _, c := range []struct {
		f      notify.Filter
		before id.ID
		max    int
		want   string
	}{
		{notify.Filter{}, id.ID{}, 9, "g f e d c b a"}, {notify.Filter{}, id.ID{}, 2, "g f"}, {notify.Filter{}, all[2].ID, 9, "b a"},
		{notify.Filter{Phone: newPhone}, id.ID{}, 9, "f b"}, {notify.Filter{State: notify.SentOut}, id.ID{}, 9, "d"}, {notify.Filter{Vend: id.ID{0: 3}}, id.ID{}, 9, "d"},
		{notify.Filter{Incoming: &yes}, id.ID{}, 9, "c"}, {notify.Filter{Incoming: &no, Phone: oldPhone}, id.ID{}, 9, "g e d a"}, {notify.Filter{Meter: 77}, id.ID{}, 9, ""},
	} {
		got := look(t, e, func(tx *store.Tx) ([]notify.Message, error) { return tx.MessageList(c.f, c.before, c.max) })
		if textsOf(got) != c.want {
			t.Errorf("%+v before %s: %q, want %q", c.f, c.before.Text(id.Message), textsOf(got), c.want)
		}
	}
	for _, c := range []struct {
		after    int
		purposes []notify.Purpose
		max      int
		want     string
	}{
		{0, []notify.Purpose{notify.PurposeLow1, notify.PurposeLow2, notify.PurposeCutOff}, 9, "g e"}, {0, []notify.Purpose{notify.PurposeLow2}, 9, "e"},
		{0, []notify.Purpose{notify.PurposeLow2, notify.PurposeCutOff}, 1, "g"}, {4, []notify.Purpose{notify.PurposeLow2}, 9, ""}, {0, []notify.Purpose{notify.PurposeFromCustomer}, 9, ""},
		{1, []notify.Purpose{notify.PurposeLow2, notify.PurposeCutOff}, 9, "f"},
	} {
		got := look(t, e, func(tx *store.Tx) ([]notify.Message, error) { return tx.MessagesAfter(all[c.after], c.purposes, c.max) })
		if textsOf(got) != c.want {
			t.Errorf("after %s, of %v: %q, want %q", all[c.after].Text, c.purposes, textsOf(got), c.want)
		}
	}
	for line, want := range map[string][2]int{"": {5, 3}, oldPhone: {3, 3}, newPhone: {2, 2}, "other": {0, 0}} {
		for i, most := range []int{9, 3} {
			if got := look(t, e, func(tx *store.Tx) (int, error) { return tx.MessagesWaiting(line, most) }); got != want[i] {
				t.Errorf("%d of at most %d wait in the line %q, want %d", got, most, line, want[i])
			}
		}
	}
	known := look(t, e, func(tx *store.Tx) ([2]bool, error) {
		one, err := tx.MessageKnown(all[0].Identity)
		if err != nil {
			return [2]bool{}, err
		}
		other, err := tx.MessageKnown([16]byte{9})
		return [2]bool{one, other}, err
	})
	found, is := look2(t, e, func(tx *store.Tx) (notify.Message, bool, error) { return tx.MessageOf(all[1].Identity) })
	_, other := look2(t, e, func(tx *store.Tx) (notify.Message, bool, error) { return tx.MessageOf([16]byte{9}) })
	if known != [2]bool{true, false} || !is || found.Text != "b" || other {
		t.Errorf("known %v, found %q, another %t", known, found.Text, other)
	}
}

// dueMessages are open, not before their time, and nobody holds them.
func dueMessages(t *testing.T, r Rig) {
	e := r.Open(t)
	for i, c := range []struct {
		name   string
		change func(*notify.Message)
		held   time.Duration // after now
		want   bool
	}{
		{"later", dueAt(time.Second), 0, false}, {"over", closed, 0, false}, {"held", dueAt(0), time.Second, false}, {"due", dueAt(0), 0, true}, {"was held", dueAt(0), -time.Second, true},
	} {
		addMessages(t, e, nil, rowOfMessage(byte(i), c.name, by(c.name), c.change, func(m *notify.Message) { m.Line = c.name }))
		exec(t, e, `UPDATE message SET owner = 'x', owner_until = $1 WHERE text = $2`, messageEight().Add(c.held), c.name)
		if got := look(t, e, func(tx *store.Tx) (bool, error) { return tx.MessageDue(messageEight()) }); got != c.want {
			t.Errorf("%s: due %t", c.name, got)
		}
		claim := func(route string) (name string) {
			must(t, e, func(tx *store.Tx) error {
				m, _, err := tx.MessageClaim(route, "one", messageEight(), messageEight().Add(time.Minute))
				name = m.Text
				return err
			})
			return name
		}
		want := ""
		if c.want {
			want = c.name
		}
		if other, own, again := claim("other"), claim(c.name), claim(c.name); other != "" || own != want || again != "" {
			t.Errorf("%s: another route claims %q, its own %q, and again %q", c.name, other, own, again)
		}
	}
}
