package smpp_test

import (
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/paywatt/paywatt/internal/gsm/smpp"
)

func (b *inbox) texts() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var out []string
	for _, m := range b.messages {
		out = append(out, m.Text)
	}
	return out
}

// identities counts the messages without repetitions.
func (b *inbox) identities() int {
	seen := map[[16]byte]bool{}
	for _, m := range b.messages {
		seen[m.Identity] = true
	}
	return len(seen)
}

func TestAMessageIsConfirmedOnlyWhenItIsDurable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, smpp.Config{})
		l := b.link()
		b.box.failures = 2
		if s := l.deliver(mo("BAL")); s != smpp.StatusTemporary {
			t.Errorf("not stored, and answered %v, want 0x64", s)
		}
		if s := l.deliver(receipt("1", "DELIVRD")); s != smpp.StatusTemporary {
			t.Errorf("a receipt not stored, and answered %v", s)
		}
		if s := l.deliver(mo("BAL")); s != smpp.StatusOK || len(b.box.messages) != 1 {
			t.Fatalf("answered %v, stored %v", s, b.box.messages)
		}
		m := b.box.messages[0]
		if m.Route != "centre1" || m.From != "+255711000001" || m.To != "15555" || m.Text != "BAL" || m.Missing != 0 {
			t.Errorf("message %+v from %s to %s: %q", m, m.From, m.To, m.Text)
		}
	})
}

func TestARepetitionIsToldFromASecondMessage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, smpp.Config{})
		l := b.link()
		l.deliver(mo("BAL"))
		l.deliver(mo("BAL")) // on a live connection: the customer asks twice
		if n := b.box.identities(); n != 2 {
			t.Errorf("%d messages, want 2", n)
		}
		_ = l.conn.Close() // the centre may not have read the answer
		l = b.link()
		l.deliver(mo("BAL"))
		if n := b.box.identities(); n != 2 || len(b.box.messages) != 3 {
			t.Errorf("%d messages after the connection broke, want the 2", n)
		}
		time.Sleep(time.Minute) // long enough that the centre has read the answer
		_ = l.conn.Close()
		l = b.link()
		l.deliver(mo("BAL"))
		if n := b.box.identities(); n != 3 {
			t.Errorf("%d messages, want 3", n)
		}
		other := mo("BAL")
		other.To.Text = "16666"
		l.deliver(other)
		if n := b.box.identities(); n != 4 {
			t.Errorf("%d messages, want 4", n)
		}
	})
}

func TestPartsAreJoinedInAnyOrder(t *testing.T) {
	segment := func(seq byte, text string) smpp.Message {
		m := mo(text)
		m.Options = []smpp.Option{{Tag: smpp.TagSARReference, Value: []byte{0, 9}}, {Tag: smpp.TagSARTotal, Value: []byte{2}}, {Tag: smpp.TagSARSequence, Value: []byte{seq}}}
		return m
	}
	for name, parts := range map[string][]smpp.Message{
		"header": {part(7, 2, 2, "world"), part(7, 2, 1, "hello ")}, "options": {segment(2, "world"), segment(1, "hello ")},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, smpp.Config{})
				l := b.link()
				for i, m := range parts {
					body, err := m.Encode()
					if err != nil {
						t.Fatal(err)
					}
					l.send(smpp.PDU{Command: smpp.DeliverSM, Sequence: uint32(100 + i), Body: body})
				}
				for range parts {
					if p := l.next(); p.Status != smpp.StatusOK {
						t.Errorf("answered %v", p)
					}
				}
				if got := b.box.texts(); !slices.Equal(got, []string{"hello world"}) {
					t.Errorf("stored %q", got)
				}
			})
		})
	}
}

// A centre that delivers one message at a time waits for the answer to the first part. The part is stored alone, and the whole message is
// stored when it is complete.
func TestACentreThatBringsPartsOneByOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, smpp.Config{})
		l := b.link()
		began := time.Now()
		if s := l.deliver(part(7, 2, 1, "hello ")); s != smpp.StatusOK || time.Since(began) != 10*time.Second {
			t.Errorf("answered %v after %v", s, time.Since(began))
		}
		b.box.failures = 1
		if s := l.deliver(part(7, 2, 2, "world")); s != smpp.StatusTemporary {
			t.Errorf("not stored, and answered %v", s)
		}
		if s := l.deliver(part(7, 2, 2, "world")); s != smpp.StatusOK {
			t.Errorf("answered %v", s)
		}
		if got, want := b.box.texts(), []string{"hello \uFFFD", "hello world"}; !slices.Equal(got, want) {
			t.Errorf("stored %q, want %q", got, want)
		}
		if m := b.box.messages; len(m) == 2 && (m[0].Missing != 1 || m[1].Missing != 0 || m[0].Identity == m[1].Identity) {
			t.Errorf("missing %d and %d", m[0].Missing, m[1].Missing)
		}
	})
}

func TestOtherCodingsAreRead(t *testing.T) {
	for _, c := range []struct {
		name     string
		alphabet smpp.Alphabet
		coding   byte
		short    string
		want     string
	}{
		{"the GSM alphabet", "", 0, "\x00 \x02 \x1b\x65", "@ $ €"},
		{"Latin-1 as the centre's default", smpp.Latin1, 0, "@ $ \xe9", "@ $ é"},
		{"Latin-1 said so", "", 3, "@ \xe9", "@ é"},
		{"ASCII", "", 1, "@_{", "@_{"},
		{"UCS-2", "", 8, "\x04\x3c\xd8\x3d\xdd\x0c", "м🔌"},
		{"flash", "", 0x10, "BAL", "BAL"},
	} {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t, smpp.Config{Alphabet: c.alphabet})
			l := b.link()
			m := mo(c.short)
			m.Coding = c.coding
			l.deliver(m)
			m.Options, m.Short = []smpp.Option{{Tag: smpp.TagMessagePayload, Value: m.Short}}, nil
			l.deliver(m)
			if got := b.box.texts(); !slices.Equal(got, []string{c.want, c.want}) {
				t.Errorf("%s: %q, want %q twice", c.name, got, c.want)
			}
		})
	}
}

func TestWhatCannotBeReadIsLoggedAndGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		b := newBench(t, smpp.Config{Log: slog.New(slog.NewTextHandler(&log, nil))})
		l := b.link()
		if p := l.ask(smpp.DeliverSM, []byte{1, 2, 3}); p.Status != smpp.StatusLength {
			t.Errorf("half a message is answered by %v", p)
		}
		header := mo("\x20")
		header.Class = 0x40
		if s := l.deliver(header); s != smpp.StatusLength {
			t.Errorf("half a header is answered %v", s)
		}
		nameless := mo("stat:DELIVRD")
		nameless.Class = 0x04
		if s := l.deliver(nameless); s != smpp.StatusOK {
			t.Errorf("a receipt of nothing is answered %v", s)
		}
		if n := strings.Count(log.String(), "message not readable"); n != 3 || len(b.box.messages)+len(b.box.reports) != 0 {
			t.Errorf("%d logged, want 3; stored %v %v", n, b.box.messages, b.box.reports)
		}
	})
}
