package e2e

// A real Kannel between a message centre and the whole server: the real binary with its listener, its chain and its store. Nothing of the server
// is mounted apart, so what keeps a text away from a hook keeps it away here.

import (
	"fmt"
	"io"
	"net"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/paywatt/paywatt/internal/await"
	"github.com/paywatt/paywatt/internal/gsm/pdu"
	"github.com/paywatt/paywatt/internal/gsm/smpp"
	"github.com/paywatt/paywatt/internal/tier"
)

// switchboard is a message centre for one Kannel. It answers each submission as the submitted text says.
type switchboard struct {
	t    *testing.T
	port int

	mu   sync.Mutex
	conn net.Conn
	seq  uint32
	sent int               // submissions
	done map[uint32]bool   // deliveries that Kannel has confirmed
	ids  map[string]string // the network's name for each submitted text
}

// openSwitchboard listens for Kannel.
func openSwitchboard(t *testing.T) *switchboard {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := &switchboard{t: t, port: l.Addr().(*net.TCPAddr).Port, done: map[uint32]bool{}, ids: map[string]string{}}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			running.Go(func() { b.serve(conn) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		b.mu.Lock()
		if b.conn != nil {
			_ = b.conn.Close()
		}
		b.mu.Unlock()
		running.Wait()
	})
	return b
}

// serve answers what Kannel sends on a connection until the connection ends.
func (b *switchboard) serve(conn net.Conn) {
	defer conn.Close()
	for {
		p, err := smpp.ReadPDU(conn)
		if err != nil {
			return
		}
		switch {
		case p.Command == smpp.BindTransceiver:
			b.mu.Lock()
			b.conn = conn
			b.mu.Unlock()
			b.reply(conn, p, smpp.StatusOK, smpp.EncodeText("centre"))
		case p.Command == smpp.EnquireLink || p.Command == smpp.Unbind:
			b.reply(conn, p, smpp.StatusOK, nil)
		case p.Command == smpp.SubmitSM:
			b.submitted(conn, p)
		case p.Command == smpp.DeliverSM.Answer():
			b.mu.Lock()
			b.done[p.Sequence] = p.Status == smpp.StatusOK
			b.mu.Unlock()
		}
	}
}

func (b *switchboard) reply(w io.Writer, p smpp.PDU, s smpp.Status, body []byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, err := w.Write(smpp.PDU{Command: p.Command.Answer(), Status: s, Sequence: p.Sequence, Body: body}.Encode()); err != nil {
		b.t.Logf("the connection to Kannel ended: %v", err)
	}
}

// submitted takes a text from Kannel. The centre refuses a text that begins with "refuse".
func (b *switchboard) submitted(conn net.Conn, p smpp.PDU) {
	m, err := smpp.DecodeMessage(p.Body)
	if err != nil {
		b.t.Errorf("Kannel's submission: %v", err)
		return
	}
	const invalidDestination smpp.Status = 0x0B
	if strings.HasPrefix(string(m.Short), "refuse") {
		b.reply(conn, p, invalidDestination, nil)
		return
	}
	b.mu.Lock()
	b.sent++
	id := fmt.Sprintf("net%d", b.sent)
	b.ids[string(m.Short)] = id
	b.mu.Unlock()
	b.reply(conn, p, smpp.StatusOK, smpp.EncodeText(id))
}

// deliver gives Kannel a message and returns its sequence number.
func (b *switchboard) deliver(m smpp.Message) uint32 {
	b.t.Helper()
	body, err := m.Encode()
	if err != nil {
		b.t.Fatal(err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.seq++
	if _, err := b.conn.Write(smpp.PDU{Command: smpp.DeliverSM, Sequence: b.seq, Body: body}.Encode()); err != nil {
		b.t.Fatal(err)
	}
	return b.seq
}

// text brings a customer's text, in as many parts as it needs.
func (b *switchboard) text(from, text string, reference uint16) {
	b.t.Helper()
	bodies, err := pdu.Compose(text, reference)
	if err != nil {
		b.t.Fatal(err)
	}
	for _, body := range bodies {
		m := smpp.Message{From: smpp.Address{TON: 1, NPI: 1, Text: from}, To: smpp.Address{NPI: 1, Text: "15555"}, Coding: uint8(body.DCS), Short: body.Data}
		if len(body.Header) > 0 {
			var header []byte
			for _, e := range body.Header {
				header = append(append(header, e.ID, byte(len(e.Data))), e.Data...)
			}
			m.Class = 0x40 // the short message begins with a header
			m.Short = append(append([]byte{byte(len(header))}, header...), body.Data...)
		}
		b.deliver(m)
	}
}

// network returns the network's name for a submitted text.
func (b *switchboard) network(t *testing.T, text string) (id string) {
	t.Helper()
	await.True(t, text+" at the centre", func() bool {
		b.mu.Lock()
		defer b.mu.Unlock()
		id = b.ids[text]
		return id != ""
	})
	return id
}

// receipt brings the network's receipt for a submitted text, with words of the network's own.
func (b *switchboard) receipt(to, id, stat, words string) {
	b.t.Helper()
	b.deliver(smpp.Message{From: smpp.Address{TON: 1, NPI: 1, Text: to}, To: smpp.Address{NPI: 1, Text: "15555"}, Class: 0x04,
		Short: []byte("id:" + id + " sub:001 dlvrd:001 submit date:2611201630 done date:2611201631 stat:" + stat + " err:000 text:" + words)})
}

// kannelAndServer is a real Kannel between a switchboard and a server.
type kannelAndServer struct {
	*switchboard
	*gatewayBox
}

// openKannelAndServer starts all three.
func openKannelAndServer(t *testing.T, core string) *kannelAndServer {
	t.Helper()
	b := openSwitchboard(t)
	k := startKannel(t, fmt.Sprintf("group = smsc\nsmsc = smpp\nsmsc-id = board\nhost = 127.0.0.1\nport = %d\nsmsc-username = u\nsmsc-password = p\nsystem-type = \"\"\ntransceiver-mode = true\n"+
		"source-addr-ton = 0\nsource-addr-npi = 1\ndest-addr-ton = 1\ndest-addr-npi = 1\nreconnect-delay = 1\n", b.port), core)
	await.True(t, "Kannel's bind", func() bool { b.mu.Lock(); defer b.mu.Unlock(); return b.conn != nil })
	return &kannelAndServer{b, k}
}

// customersTexts are forty texts as customers write them.
func customersTexts() (texts []string) {
	for i := range 10 {
		texts = append(texts,
			fmt.Sprintf("plain %d @ £ é €", i),
			[]string{"أهلا %d", "привет %d", "नमस्ते %d", "hello 😀 %d", "\u200fمرحبا\u200f %d"}[i%5],
			fmt.Sprintf("two lines %d\n-- \nSent from my phone", i),
			strings.Repeat([]string{"some words ", "абвгдежзик "}[i%2], 17)+fmt.Sprintf("long %d", i))
	}
	for i, text := range texts {
		if strings.Contains(text, "%d") {
			texts[i] = fmt.Sprintf(text, i)
		}
	}
	return texts
}

// hookAnswer is a line of the server's log about a call of a hook.
var hookAnswer = regexp.MustCompile(`(?m)^.*request answered.*route=hooks.*$`)

// TestOtherProgramsKannelThroughTheWholeServer: forty texts and six kinds of reports, each once. Kannel joins the parts of long texts in one run,
// and leaves that to the server in the other.
func TestOtherProgramsKannelThroughTheWholeServer(t *testing.T) {
	tier.Long(t)
	t.Parallel()
	for name, core := range map[string]string{"Kannel joins": "", "the server joins": "sms-combine-concatenated-mo = false\n"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			began := time.Now()
			k := openKannelAndServer(t, core)
			texts := customersTexts()
			for i, text := range texts {
				k.text(fmt.Sprintf("25571155%04d", i), text, uint16(i))
			}
			k.reports(t)
			k.storesOnce(t, texts)
			for _, line := range hookAnswer.FindAllString(k.srv.log.String(), -1) {
				if !strings.Contains(line, "status=200") {
					t.Errorf("a call of Kannel was refused: %s", line)
				}
			}
			t.Logf("figures: %s: %d texts and 6 kinds of reports through a real Kannel, %d calls of hooks, in %v", name, len(texts), len(hookAnswer.FindAllString(k.srv.log.String(), -1)),
				time.Since(began).Round(time.Millisecond))
		})
	}
}

// storesOnce waits until each text is stored, and checks that it is stored once and whole.
func (k *kannelAndServer) storesOnce(t *testing.T, texts []string) {
	t.Helper()
	times := map[string]int{}
	defer func() {
		for _, text := range texts {
			if t.Failed() && times[text] != 1 {
				t.Logf("%q is stored %d times", text, times[text])
			}
		}
	}()
	await.True(t, "all texts", func() bool {
		clear(times)
		for _, m := range k.incoming(t) {
			if m.Failure == "" {
				times[m.Text]++
			}
		}
		return len(times) >= len(texts)
	})
	for _, text := range texts {
		if times[text] != 1 {
			t.Errorf("%q is stored %d times, want once", text, times[text])
		}
	}
	if len(times) != len(texts) {
		t.Errorf("%d different texts are stored, want %d: %v", len(times), len(texts), times)
	}
}

// reports sends a message for each kind of report, and checks what the server knows of each in the end.
func (k *kannelAndServer) reports(t *testing.T) {
	t.Helper()
	kinds := []struct {
		text, stat, words string // stat is empty if the network says no more than its answer to the submission
		report            string // what the server keeps; empty for a message that is pending
	}{
		{"delivered", "DELIVRD", "ok\nin two lines", "delivered"},
		{"undeliverable", "UNDELIV", "num\xe9ro inconnu", "failed"},
		{"expired", "EXPIRED", "\x00\x01", "failed"},
		{"pending", "ACCEPTD", "attend\xe9\n", ""},
		{"with the network", "", "", ""},
		{"refused by the network", "", "", "failed"},
	}
	var ids []string
	for i, x := range kinds {
		k.customer(t, 1300+i, reportPhone(i))
		ids = append(ids, k.send(t, reportPhone(i), x.text))
	}
	for i, x := range kinds {
		if x.stat != "" {
			k.receipt(strings.TrimPrefix(reportPhone(i), "+"), k.network(t, x.text), x.stat, x.words)
		}
	}
	for i, x := range kinds {
		var m messageNow
		await.True(t, "the report of "+x.text, func() bool {
			m = messageNow{}
			k.read(t, "/v1/messages/"+ids[i], &m)
			return len(m.Attempts) > 0 && m.Attempts[0].Report == x.report && (x.report != "" || m.State == "sent")
		})
		if why := m.Attempts[0].Why; strings.ContainsAny(why, "\n\x00") || !utf8.ValidString(why) {
			t.Errorf("%s: the reason is %q", x.text, m.Attempts[0].Why)
		}
	}
}

// reportPhone is the telephone of the i-th kind of report.
func reportPhone(i int) string { return fmt.Sprintf("+25571166%04d", i) }
