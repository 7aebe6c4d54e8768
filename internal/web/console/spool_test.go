package console_test

import (
	"io"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/app"
	"github.com/paywatt/paywatt/internal/await"
	"github.com/paywatt/paywatt/internal/config"
	"github.com/paywatt/paywatt/internal/print/font"
	"github.com/paywatt/paywatt/internal/print/printtest"
)

// paperPrinter is a receipt printer on the network that can be off, slow, or stop in the middle.
type paperPrinter struct {
	t    *testing.T
	addr string
	jobs chan []byte

	mu   sync.Mutex
	l    net.Listener
	does func(*net.TCPConn) // nil: it prints
}

func newPaperPrinter(t *testing.T) *paperPrinter {
	p := &paperPrinter{t: t, addr: await.FreeAddress(t), jobs: make(chan []byte, 10)}
	p.on()
	t.Cleanup(p.off)
	return p
}

func (p *paperPrinter) on() {
	l, err := net.Listen("tcp", p.addr)
	if err != nil {
		p.t.Fatal(err)
	}
	p.l = l
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			p.mu.Lock()
			does := p.does
			p.mu.Unlock()
			if does != nil {
				does(c.(*net.TCPConn))
			} else if b, err := io.ReadAll(c); err == nil {
				p.jobs <- b
			}
			c.Close()
		}
	}()
}

func (p *paperPrinter) off() { p.l.Close() }

func (p *paperPrinter) acts(does func(*net.TCPConn)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.does = does
}

// paper returns the lines of the next paper on 80 mm.
func (p *paperPrinter) paper() string {
	p.t.Helper()
	b := await.Receive(p.t, "something is printed", p.jobs)
	dots, err := font.Open()
	if err != nil {
		p.t.Fatal(err)
	}
	slip, err := printtest.Decode(48, b, dots)
	if err != nil || !slip.Cut {
		p.t.Fatalf("the paper (cut: %t): %v", slip.Cut, err)
	}
	return strings.Join(slip.Lines, "\n")
}

// counter is a till with a printer, and the clerk at it.
type counter struct {
	*guest
	p *paperPrinter
}

// sells makes a sale of which the clerk wants the receipt ("1") or not (""), and returns its page.
func (c *counter) sells(print string) string {
	t := c.w.t
	t.Helper()
	check := c.check(meterNumber, "20").is(200).says("Print the receipt on counter1")
	if !strings.Contains(check.body, `name="print" type="checkbox" value="1" checked`) {
		t.Error("the receipt is not printed by itself")
	}
	pairs := []string{"form", check.value("form"), "meter", meterNumber, "amount", "20", "print", print}
	if strings.Contains(check.body, `name="seen"`) {
		pairs = append(pairs, "seen", check.value("seen"))
	}
	to := c.post("/sell", pairs...).leads("/sales/vnd_")
	if strings.Contains(to, "receipt") {
		t.Errorf("the sale leads to %s, want its page", to)
	}
	return to
}

// settles waits until the page of a sale says something.
func (c *counter) settles(sale, says string) {
	c.w.t.Helper()
	await.True(c.w.t, sale+" says "+says, func() bool { return strings.Contains(c.get(sale).text(), says) })
}

func (c *counter) again(sale string) {
	c.w.t.Helper()
	c.post(sale, "form", c.get(sale).value("form"), "act", "print").leads(sale)
}

// copied checks whether the next paper is marked as a copy.
func (c *counter) copied(want bool, what string) {
	c.w.t.Helper()
	if paper := c.p.paper(); strings.Contains(paper, "COPY") != want || !strings.Contains(paper, "TEST RECEIPT") {
		c.w.t.Errorf("%s is a copy: %t, want %t:\n%s", what, !want, want, paper)
	}
}

func openCounter(t *testing.T) *counter {
	t.Helper()
	t.Parallel()
	w, p := folder(t), newPaperPrinter(t)
	w.serve(app.Config{Passphrase: []byte(passphrase), Printers: []config.Printer{
		{Name: "counter1", Address: p.addr, Width: 80, CodePage: "cp858", Tills: []string{"main"}, Automatic: true}}})
	w.furnish()
	return &counter{w.enter(ownerEmail), p}
}

// TestAPrinterAtTheCounter: a sale at the till is printed at once, and printing it again is a counted copy.
func TestAPrinterAtTheCounter(t *testing.T) {
	c := openCounter(t)
	first := c.sells("1")
	if paper := c.p.paper(); !strings.Contains(paper, "main-000001") || strings.Contains(paper, "COPY") || !strings.Contains(paper, groupsOf(t, c.get(first))) {
		t.Errorf("the paper of the first sale:\n%s", paper)
	}
	c.settles(first, "Printed on counter1")
	c.again(first)
	if paper := c.p.paper(); !strings.Contains(paper, "COPY 1") {
		t.Errorf("the second paper of a sale is no copy:\n%s", paper)
	}
	unwanted := c.sells("")
	c.get(unwanted).is(200).omits("counter1 does not", "Being printed", "Printed on")
	c.again(unwanted) // the customer wants it after all: no paper of it is out
	c.copied(false, "the first paper of a sale")

	c.w.person("clerk@example.org", access.Operator)
	other := c.w.enter("clerk@example.org")
	if no := other.post(first, "form", other.get(first).value("form"), "act", "print"); no.status < 400 {
		t.Errorf("another clerk prints a copy: %d", no.status)
	}

	// The address comes from the settings file: a request names a printer, and no other one.
	settings := c.get("/settings").is(200).says("Receipt printers", "counter1", c.p.addr, "80 mm", "Printed at once", "paywatt printer test counter1")
	c.post("/settings/printers/counter1", "form", settings.value("form"), "address", "127.0.0.1:1").leads("/settings#printers")
	if paper := c.p.paper(); !strings.Contains(paper, "Test page") || !strings.Contains(paper, strings.Repeat("1234567890", 4)+"12345678") {
		t.Errorf("the test page:\n%s", paper)
	}
	c.get("/settings").is(200).says("Printed on counter1")
	c.post("/settings/printers/127.0.0.1:1", "form", settings.value("form")).is(400)
	other.post("/settings/printers/counter1", "form", other.get(first).value("form")).is(403)
	select {
	case b := <-c.p.jobs:
		t.Errorf("something more was printed: %q", b)
	default:
	}
}

// TestAPrinterThatFailsAtTheCounter: what the printer does never fails or delays a sale, and the page of the sale says it. Printing again is a
// copy unless no part of the paper before it came out.
func TestAPrinterThatFailsAtTheCounter(t *testing.T) {
	c := openCounter(t)
	c.p.off()
	one := c.sells("1")
	c.settles(one, "Not printed: printer counter1 does not answer. Print it again.")
	c.p.on()
	if n := c.w.audited("vend.not_printed"); n != 1 {
		t.Errorf("the audit log has %d papers that did not come out", n)
	}
	c.again(one)
	c.copied(false, "the first paper that came out")
	c.settles(one, "Printed on counter1")

	c.p.off() // a second original must not come out of the printer if the browser has printed the first one
	two := c.sells("1")
	c.settles(two, "Not printed: printer counter1 does not answer. Print it again.")
	c.p.on()
	c.get(two + "/receipt?print=1").is(200).omits("COPY")
	c.again(two)
	c.copied(true, "a paper after the browser's")

	c.p.acts(func(conn *net.TCPConn) {
		_, _ = io.ReadFull(conn, make([]byte, 100))
		_ = conn.SetLinger(0) // as when a printer loses its power
	})
	cut := c.sells("1")
	c.settles(cut, "Printed only in part: printer counter1 does not answer.")
	c.p.acts(nil)
	c.again(cut)
	c.copied(true, "the paper after one that was cut off")

	release := make(chan struct{})
	c.p.acts(func(*net.TCPConn) { <-release })
	slow, behind := c.sells("1"), c.sells("1") // both sales are made although the printer does not answer
	c.get(slow).is(200).says("Being printed on counter1")
	c.again(behind) // while it waits, nothing more is queued
	c.p.acts(nil)
	close(release)
	c.copied(false, "a paper that waited")
	c.settles(behind, "Printed on counter1")
}

// groupsOf returns the token of a sale's page in groups of four digits.
func groupsOf(t *testing.T, a answer) string {
	t.Helper()
	for n := range a.page.Descendants() {
		if attr(n, "class") == "token" && n.FirstChild != nil {
			return n.FirstChild.Data
		}
	}
	t.Fatal("the sale has no token")
	return ""
}
