package kannel_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf16"

	"github.com/paywatt/paywatt/internal/gsm/kannel"
	"github.com/paywatt/paywatt/internal/notify"
)

// joined is an Inbox that several calls use at once.
type joined struct {
	mu sync.Mutex
	inbox
}

func (b *joined) Receive(ctx context.Context, m notify.Incoming) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.inbox.Receive(ctx, m)
}

// parted is Kannel's side of a message in parts.
type parted struct {
	t    *testing.T
	h    http.Handler
	box  *joined
	from string // the sender
}

func newParted(t *testing.T) *parted {
	t.Helper()
	box := &joined{}
	c, err := kannel.New(config("http://127.0.0.1:1/", box))
	if err != nil {
		t.Fatal(err)
	}
	return &parted{t, c.Incoming(), box, "255711000001"}
}

// bring begins the call with a part, and returns its status, which comes later.
func (p *parted) bring(ctx context.Context, id, udh, coding, text string) <-chan int {
	q := url.Values{"key": {secret}, "from": {p.from}, "to": {"15555"}, "ts": {"2026-11-20 16:30:00"}, "id": {id}, "udh": {udh}, "coding": {coding}, "text": {text}}
	status := make(chan int, 1)
	go func() {
		w := httptest.NewRecorder()
		p.h.ServeHTTP(w, httptest.NewRequestWithContext(ctx, http.MethodGet, "/in?"+q.Encode(), nil))
		status <- w.Code
	}()
	synctest.Wait()
	return status
}

// texts returns what is stored, each text with the number of parts that it lacks.
func (p *parted) texts() map[string]int {
	p.box.mu.Lock()
	defer p.box.mu.Unlock()
	out := map[string]int{}
	for _, m := range p.box.messages {
		if _, twice := out[m.Text]; twice {
			p.t.Errorf("%q is stored twice", m.Text)
		}
		out[m.Text] = m.Missing
	}
	return out
}

func (p *parted) wants(when string, want map[string]int) {
	p.t.Helper()
	got := p.texts()
	for text, missing := range want {
		if m, ok := got[text]; !ok || m != missing {
			p.t.Errorf("%s: %q lacks %d parts (stored: %t), want %d", when, text, m, ok, missing)
		}
	}
	if len(got) != len(want) {
		p.t.Errorf("%s: stored %v, want %v", when, got, want)
	}
}

// octets writes a text in UTF-16.
func octets(text string) string {
	var b strings.Builder
	for _, u := range utf16.Encode([]rune(text)) {
		b.WriteByte(byte(u >> 8))
		b.WriteByte(byte(u))
	}
	return b.String()
}

// TestPartsAreJoinedAsByAModem: parts come in any order, with headers of both widths, also behind another element, and in octets that split a
// character. Each call is answered when the whole message is durable.
func TestPartsAreJoinedAsByAModem(t *testing.T) {
	smile := octets("ab😀cd")
	for name, x := range map[string]struct {
		coding string
		parts  [][2]string // header, text
		want   string
	}{
		"in order":            {"0", [][2]string{{"\x05\x00\x03\x07\x02\x01", "BAL please "}, {"\x05\x00\x03\x07\x02\x02", "été"}}, "BAL please été"},
		"the last part first": {"0", [][2]string{{"\x05\x00\x03\x07\x03\x03", "c"}, {"\x05\x00\x03\x07\x03\x01", "a"}, {"\x05\x00\x03\x07\x03\x02", "b"}}, "abc"},
		"a wide reference":    {"0", [][2]string{{"\x06\x08\x04\x01\x07\x02\x01", "a"}, {"\x06\x08\x04\x01\x07\x02\x02", "b"}}, "ab"},
		"in hexadecimal":      {"0", [][2]string{{"050003070201", "a"}, {"050003070202", "b"}}, "ab"},
		"behind ports":        {"0", [][2]string{{"\x0b\x05\x04\x15\x8a\x00\x00\x00\x03\x07\x02\x01", "a"}, {"\x0b\x05\x04\x15\x8a\x00\x00\x00\x03\x07\x02\x02", "b"}}, "ab"},
		"half a character":    {"2", [][2]string{{"\x05\x00\x03\x07\x02\x01", smile[:6]}, {"\x05\x00\x03\x07\x02\x02", smile[6:]}}, "ab😀cd"},
		"octets":              {"1", [][2]string{{"\x05\x00\x03\x07\x02\x01", "\xe9"}, {"\x05\x00\x03\x07\x02\x02", "\xe8"}}, "éè"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newParted(t)
				var calls []<-chan int
				for i, part := range x.parts {
					if len(p.texts()) != 0 {
						t.Error("stored before the last part came")
					}
					calls = append(calls, p.bring(t.Context(), string(rune('a'+i)), part[0], x.coding, part[1]))
				}
				for i, status := range calls {
					if got := <-status; got != 200 {
						t.Errorf("the call with part %d: %d", i, got)
					}
				}
				p.wants("at the end", map[string]int{x.want: 0})
				for i := range x.parts {
					if m := p.box.messages[0]; m.Identity == notify.IdentityOf("kannel", "kannel1", string(rune('a'+i))) {
						t.Errorf("the whole message has the identity of part %d alone", i)
					}
				}
				for i, part := range x.parts { // our answer was lost
					if got := <-p.bring(t.Context(), string(rune('a'+i)), part[0], x.coding, part[1]); got != 200 {
						t.Errorf("part %d again: %d", i, got)
					}
				}
				p.wants("after repetitions", map[string]int{x.want: 0})
			})
		})
	}
}

// TestAPartThatWaitsTooLongIsStoredAlone: it is marked as incomplete. When the others come, the whole message is stored as well.
func TestAPartThatWaitsTooLongIsStoredAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, began := newParted(t), time.Now()
		if got := <-p.bring(t.Context(), "a", "\x05\x00\x03\x07\x03\x02", "0", "two"); got != 200 || time.Since(began) != 8*time.Second {
			t.Errorf("the call: %d after %v", got, time.Since(began))
		}
		p.wants("alone", map[string]int{"\uFFFDtwo\uFFFD": 2})
		first := p.bring(t.Context(), "b", "\x05\x00\x03\x07\x03\x01", "0", "one")
		last := p.bring(t.Context(), "c", "\x05\x00\x03\x07\x03\x03", "0", "three")
		if a, b := <-first, <-last; a != 200 || b != 200 {
			t.Errorf("the others: %d %d", a, b)
		}
		p.wants("whole", map[string]int{"\uFFFDtwo\uFFFD": 2, "onetwothree": 0})
		p.bring(t.Context(), "d", "\x05\x00\x03\x07\x02\x03", "0", "no part") // the third of two
		p.bring(t.Context(), "e", "\x05\x00\x03\x07\x01\x01", "0", "one of one")
		p.bring(t.Context(), "f", "\x05\x00", "0", "no header")
		p.wants("no parts", map[string]int{"\uFFFDtwo\uFFFD": 2, "onetwothree": 0, "no part": 0, "one of one": 0, "no header": 0})
	})
}

// TestAWholeThatIsNotStoredComesAgain: every call with a part gets 503, and Kannel brings the parts again.
func TestAWholeThatIsNotStoredComesAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newParted(t)
		for _, want := range []int{503, 200} {
			p.box.err = nil
			if want != 200 {
				p.box.err = errors.New("no space on device")
			}
			first := p.bring(t.Context(), "a", "\x05\x00\x03\x07\x02\x01", "0", "one")
			last := p.bring(t.Context(), "b", "\x05\x00\x03\x07\x02\x02", "0", "two")
			if a, b := <-first, <-last; a != want || b != want {
				t.Errorf("the calls: %d %d, want %d", a, b, want)
			}
		}
		p.wants("in the end", map[string]int{"onetwo": 0})
		ctx, cancel := context.WithCancel(t.Context())
		gone := p.bring(ctx, "c", "\x05\x00\x03\x08\x02\x01", "0", "lost")
		cancel()
		if got := <-gone; got != 503 {
			t.Errorf("a call that ended: %d", got)
		}
		p.wants("after a call that ended", map[string]int{"onetwo": 0})
	})
}

// TestPartsFillNoServer: whoever sends first parts only holds a limited number of calls. Further parts are stored at once.
func TestPartsFillNoServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newParted(t)
		var waiting int
		for i := range 80 {
			status := p.bring(t.Context(), string(rune('A'+i)), "\x05\x00\x03"+string([]byte{byte(i), 2, 1}), "0", string(rune('A'+i)))
			select {
			case <-status:
			default:
				waiting++
			}
		}
		if waiting != 64 || len(p.texts()) != 16 {
			t.Errorf("%d calls wait, %d parts are stored; want 64 and 16", waiting, len(p.texts()))
		}
		time.Sleep(9 * time.Second)
		if n := len(p.texts()); n != 80 {
			t.Errorf("%d parts are stored in the end", n)
		}
		p.wantsToWait("after calls that stored their parts alone")
	})
}

// wantsToWait fails unless a call with a part waits for the others.
func (p *parted) wantsToWait(when string) {
	p.t.Helper()
	status := p.bring(p.t.Context(), "waits", "\x05\x00\x03\xff\x02\x01", "0", "waits")
	select {
	case got := <-status:
		p.t.Errorf("%s a part does not wait: %d", when, got)
	default:
	}
	time.Sleep(9 * time.Second)
	<-status
}

// TestACallThatEndedMakesRoom: calls that ended, and calls whose message came whole, hold no place of others.
func TestACallThatEndedMakesRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newParted(t)
		for i := range 64 {
			ctx, cancel := context.WithCancel(t.Context())
			status := p.bring(ctx, "gone", "\x05\x00\x03"+string([]byte{byte(i), 2, 1}), "0", "gone")
			cancel()
			<-status
		}
		p.wantsToWait("after calls that ended")
		p = newParted(t)
		for i := range 64 {
			first := p.bring(t.Context(), "a", "\x05\x00\x03"+string([]byte{byte(i), 2, 1}), "0", "first"+string(rune('A'+i)))
			<-p.bring(t.Context(), "b", "\x05\x00\x03"+string([]byte{byte(i), 2, 2}), "0", "last")
			<-first
		}
		p.wantsToWait("after whole messages")
		before := len(p.box.messages)
		if got := <-p.bring(t.Context(), "a", "\x05\x00\x03\x00\x02\x01", "0", "firstA"); got != 200 || len(p.box.messages) != before {
			t.Errorf("a part of the first message again: %d, %d messages more", got, len(p.box.messages)-before)
		}
	})
}

// TestPartsOfDifferentSendersAreNotJoined: also if the senders are names that no network would write.
func TestPartsOfDifferentSendersAreNotJoined(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newParted(t)
		var calls []<-chan int
		for n, from := range []string{"a name that is much too long", "another name that is too long"} {
			p.from = from
			calls = append(calls, p.bring(t.Context(), from, "\x05\x00\x03\x07\x02"+string(rune(n+1)), "0", "part of "+from))
		}
		time.Sleep(9 * time.Second)
		for _, c := range calls {
			<-c
		}
		if got := p.texts(); len(got) != 2 {
			t.Errorf("stored %v", got)
		}
	})
}

// TestOldPartsAreForgotten: a part that comes after days belongs to another message, because senders use their references again.
func TestOldPartsAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newParted(t)
		<-p.bring(t.Context(), "a", "\x05\x00\x03\x07\x02\x01", "0", "old")
		time.Sleep(8 * 24 * time.Hour)
		<-p.bring(t.Context(), "x", "\x05\x00\x03\x08\x02\x01", "0", "of another message")
		<-p.bring(t.Context(), "b", "\x05\x00\x03\x07\x02\x02", "0", "new")
		for text := range p.texts() {
			if strings.Contains(text, "old") && strings.Contains(text, "new") {
				t.Errorf("stored %q", text)
			}
		}
	})
}
