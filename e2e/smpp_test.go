package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/await"
	"github.com/paywatt/paywatt/internal/gsm/smpp"
	"github.com/paywatt/paywatt/internal/notify"
	"github.com/paywatt/paywatt/internal/tier"
)

// npmSMPP is another implementation of the protocol, from npm.
const npmSMPP = "smpp@0.5.1"

// npm installs packages for one test and returns the folder for NODE_PATH.
func npm(t *testing.T, packages ...string) string {
	t.Helper()
	needed(t, "npm", "node")
	dir := t.TempDir()
	args := append([]string{"install", "--no-audit", "--no-fund", "--prefix", dir}, packages...)
	if out, err := exec.Command("npm", args...).CombinedOutput(); err != nil {
		tier.Lacking(t, fmt.Sprintf("npm cannot install %v: %v %s", packages, err, out))
	}
	return filepath.Join(dir, "node_modules")
}

// mailbox is an Inbox that records its messages and can be set to fail.
type mailbox struct {
	mu       sync.Mutex
	failures int // how many of the next calls fail
	messages []notify.Incoming
	reports  []notify.Report
}

func (b *mailbox) fail() error {
	if b.failures == 0 {
		return nil
	}
	b.failures--
	return errors.New("no space on device")
}

func (b *mailbox) failNext(n int) { b.mu.Lock(); defer b.mu.Unlock(); b.failures = n }

func (b *mailbox) Receive(_ context.Context, m notify.Incoming) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.fail(); err != nil {
		return err
	}
	b.messages = append(b.messages, m)
	return nil
}

func (b *mailbox) Report(_ context.Context, r notify.Report) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.fail(); err != nil {
		return err
	}
	b.reports = append(b.reports, r)
	return nil
}

// awaitMessage waits for a message with a text and returns it.
func (b *mailbox) awaitMessage(t *testing.T, text string) (found notify.Incoming) {
	t.Helper()
	await.True(t, "the message "+text, func() bool {
		b.mu.Lock()
		defer b.mu.Unlock()
		for _, m := range b.messages {
			if m.Text == text {
				found = m
				return true
			}
		}
		return false
	})
	return found
}

// awaitReport waits until a message has a report with a state.
func (b *mailbox) awaitReport(t *testing.T, id string, state notify.ReportState) {
	t.Helper()
	await.True(t, fmt.Sprintf("the report %v of %s", state, id), func() bool {
		b.mu.Lock()
		defer b.mu.Unlock()
		for _, r := range b.reports {
			if r.ID == id && r.State == state {
				return true
			}
		}
		return false
	})
}

// centreEvent is a line of smsc.js.
type centreEvent struct {
	Event, Command, Note, To, From, Text, Header, Password string
	SystemID                                               string `json:"system_id"`
	Port, Status, Coding, Registered, Version              int
	ESMClass                                               int `json:"esm_class"`
	ValidityS                                              int `json:"validity_s"`
}

// centre is a running message centre of another implementation.
type centre struct {
	port   int
	in     io.WriteCloser
	mu     sync.Mutex
	events []centreEvent
}

func startCentre(t *testing.T) *centre {
	t.Helper()
	modules := npm(t, npmSMPP)
	cmd := exec.Command("node", filepath.Join("testdata", "smsc.js"))
	cmd.Env = append(os.Environ(), "NODE_PATH="+modules)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	c := &centre{in: in}
	read := make(chan struct{})
	go func() {
		defer close(read)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			var e centreEvent
			if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
				t.Errorf("smsc.js says %q", lines.Text())
			}
			c.mu.Lock()
			c.events = append(c.events, e)
			c.mu.Unlock()
		}
	}()
	t.Cleanup(func() { _ = in.Close(); <-read; _ = cmd.Wait() })
	c.port = c.await(t, "listening", func(e centreEvent) bool { return e.Event == "listening" }).Port
	return c
}

// await waits for an event.
func (c *centre) await(t *testing.T, what string, is func(centreEvent) bool) (found centreEvent) {
	t.Helper()
	await.True(t, what, func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		for _, e := range c.events {
			if is(e) {
				found = e
				return true
			}
		}
		return false
	})
	return found
}

// count counts events.
func (c *centre) count(is func(centreEvent) bool) (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, e := range c.events {
		if is(e) {
			n++
		}
	}
	return n
}

// joined returns the texts that came in parts, joined by their headers: reference, total, number.
func (c *centre) joined() (out []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	parts := map[string]string{}
	for _, e := range c.events {
		if e.Event == "submit" && e.ESMClass == 0x40 {
			parts[e.Header] = e.Text
		}
	}
	for head := range parts {
		if first, ok := strings.CutSuffix(head, "01"); ok {
			text := ""
			for i := 1; parts[fmt.Sprintf("%s%02x", first, i)] != ""; i++ {
				text += parts[fmt.Sprintf("%s%02x", first, i)]
			}
			out = append(out, text)
		}
	}
	return out
}

func (c *centre) do(t *testing.T, o map[string]any) {
	t.Helper()
	b, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Fprintf(c.in, "%s\n", b); err != nil {
		t.Fatal(err)
	}
}

// startSMPP runs our client against a centre.
func startSMPP(t *testing.T, c *centre, cfg smpp.Config) (*smpp.Client, *mailbox) {
	t.Helper()
	box := &mailbox{}
	cfg.Name, cfg.SystemID, cfg.Password, cfg.Inbox = "centre1", "paywatt", "secret", box
	cfg.Dial = smpp.Dial(fmt.Sprintf("127.0.0.1:%d", c.port), nil)
	client, err := smpp.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- client.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return client, box
}

// Our SMPP client and a centre made of npm's smpp understand each other.
func TestOtherProgramsSMPPCentre(t *testing.T) {
	tier.Long(t)
	t.Parallel()
	c := startCentre(t)
	client, box := startSMPP(t, c, smpp.Config{Source: "15555", Timeout: 2 * time.Second, Enquire: time.Second})
	send := func(id, text string) notify.Sent {
		ctx, cancel := context.WithTimeout(t.Context(), await.Limit)
		defer cancel()
		return client.Send(ctx, notify.Outgoing{ID: id, To: "+255711000001", Text: text, Report: true, Validity: time.Hour})
	}
	long := strings.Repeat("0123456789", 19) + "é€{мало😀"
	for id, text := range map[string]string{"msg_1": recharge, "msg_2": "é @ $ _ { € ~", "msg_3": "мало 😀", "msg_4": strings.Repeat("x", 153) + "yz€ end", "msg_5": long} {
		if s := send(id, text); s.Outcome != notify.Accepted || s.Reference == "" {
			t.Errorf("%s: %+v", id, s)
		}
		box.awaitReport(t, id, notify.Delivered)
	}
	bind := c.await(t, "the bind", func(e centreEvent) bool { return e.Event == "bind" })
	if bind.Command != "bind_transceiver" || bind.SystemID != "paywatt" || bind.Password != "secret" || bind.Version != 0x34 {
		t.Errorf("bind %+v", bind)
	}
	got := c.await(t, "the submission", func(e centreEvent) bool { return e.Text == recharge })
	if got.To != "255711000001" || got.From != "15555" || got.Coding != 0 || got.ESMClass != 0 || got.Registered != 1 || got.ValidityS < 3590 || got.ValidityS > 3601 {
		t.Errorf("submitted %+v", got)
	}
	for _, text := range []string{"é @ $ _ { € ~", "мало 😀"} {
		c.await(t, "the text "+text, func(e centreEvent) bool { return e.Text == text })
	}
	for _, text := range []string{strings.Repeat("x", 153) + "yz€ end", long} {
		if !slices.Contains(c.joined(), text) {
			t.Errorf("the parts give %q, want %q among them", c.joined(), text)
		}
	}
	if s := send("msg_6", "throttle me"); s.Outcome != notify.Accepted {
		t.Errorf("throttled: %+v", s)
	}
	if s := send("msg_7", "silent"); s.Outcome != notify.Unknown {
		t.Errorf("a silent centre: %+v", s)
	}
	smppIn(t, c, box)
	if s := send("msg_8", "cut"); s.Outcome != notify.Unknown {
		t.Errorf("a connection that breaks: %+v", s)
	}
	if s := send("msg_9", "after that"); s.Outcome != notify.Accepted {
		t.Errorf("on the next connection: %+v", s)
	}
	box.awaitReport(t, "msg_9", notify.Delivered)
	if n := c.count(func(e centreEvent) bool { return e.Event == "submit" && (e.Text == "cut" || e.Text == "silent") }); n != 2 {
		t.Errorf("messages with unknown outcome were submitted %d times, want each once", n)
	}
	if n := c.count(func(e centreEvent) bool { return e.Event == "submit" && e.Text == "throttle me" }); n != 2 {
		t.Errorf("a message that the centre throttled once was submitted %d times, want twice", n)
	}
	c.await(t, "our enquire_link", func(e centreEvent) bool { return e.Event == "enquire_link" })
	t.Logf("figures: npm smpp as centre: %d submissions, %d receipts", c.count(func(e centreEvent) bool { return e.Event == "submit" }), len(box.reports))
}

// smppIn tests the exchanges that the centre starts: messages, an Inbox that fails first, enquiries, and unbinding.
func smppIn(t *testing.T, c *centre, box *mailbox) {
	t.Helper()
	box.failNext(2)
	c.do(t, map[string]any{"do": "deliver", "from": "255711000001", "to": "15555", "text": "BAL @ é"})
	m := box.awaitMessage(t, "BAL @ é")
	if m.From != "+255711000001" || m.To != "15555" || m.Route != "centre1" {
		t.Errorf("message %v to %s", m, m.To)
	}
	c.await(t, "0x64 while it is not durable", func(e centreEvent) bool { return e.Command == "deliver_sm" && e.Status == 0x64 && e.Note == "BAL @ é" })
	c.await(t, "ok when it is", func(e centreEvent) bool { return e.Command == "deliver_sm" && e.Status == 0 && e.Note == "BAL @ é" })
	c.do(t, map[string]any{"do": "deliver", "from": "255711000001", "to": "15555", "text": "мало", "coding": 8})
	box.awaitMessage(t, "мало")
	c.do(t, map[string]any{"do": "enquire"})
	c.await(t, "our answer to enquire_link", func(e centreEvent) bool { return e.Event == "answered" && e.Command == "enquire_link" && e.Status == 0 })
	binds := c.count(func(e centreEvent) bool { return e.Event == "bind" })
	c.do(t, map[string]any{"do": "unbind"})
	c.await(t, "our answer to unbind", func(e centreEvent) bool { return e.Event == "answered" && e.Command == "unbind" })
	await.True(t, "the next connection", func() bool { return c.count(func(e centreEvent) bool { return e.Event == "bind" }) > binds })
}

// This test uses a transmitter and a receiver, for centres that need two connections.
func TestOtherProgramsSMPPPair(t *testing.T) {
	tier.Long(t)
	t.Parallel()
	c := startCentre(t)
	client, box := startSMPP(t, c, smpp.Config{Pair: true, Payload: true})
	c.await(t, "the receiver", func(e centreEvent) bool { return e.Command == "bind_receiver" })
	text := strings.Repeat("0123456789", 20)
	if s := client.Send(t.Context(), notify.Outgoing{ID: "msg_1", To: "+255711000001", Text: text, Report: true}); s.Outcome != notify.Accepted || s.Parts != 2 {
		t.Errorf("sent %+v", s)
	}
	c.await(t, "the whole text in one payload", func(e centreEvent) bool { return e.Text == text })
	box.awaitReport(t, "msg_1", notify.Delivered)
}
