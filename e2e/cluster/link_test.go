package cluster

import (
	"bufio"
	"io"
	"net"
	"testing"

	"github.com/paywatt/paywatt/internal/await"
)

// TestACutMachineReceivesNothingThroughTheCableOfAnother: a standby connects to its primary, so its replication comes through the primary's cable.
// If the standby is cut off, that connection is silent, and everybody else's goes on. Nothing is lost once the cable is healed.
func TestACutMachineReceivesNothingThroughTheCableOfAnother(t *testing.T) {
	far, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer far.Close()
	arrived := make(chan string, 10)
	go func() {
		for {
			c, err := far.Accept()
			if err != nil {
				return
			}
			go func() {
				for lines := bufio.NewScanner(c); lines.Scan(); {
					arrived <- lines.Text()
				}
			}()
		}
	}()
	l := newLink(t, func() (net.Conn, error) { return net.Dial("tcp", far.Addr().String()) })
	connect := func(machine string) io.Writer {
		c, err := net.Dial("tcp", l.at)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		sendLine(t, c, nameBegins+machine+"\x00 connects")
		await.Receive(t, machine+" connects", arrived)
		return c
	}
	cut, whole := connect("n1"), connect("n2")
	l.severMachine("n1", true)
	sendLine(t, cut, "from n1")
	sendLine(t, whole, "from n2")
	if got := await.Receive(t, "a line of the machine that is not cut off", arrived); got != "from n2" {
		t.Errorf("%q arrived first, want the line of the machine that is not cut off", got)
	}
	l.severMachine("n1", false)
	if got := await.Receive(t, "the line of the other machine", arrived); got != "from n1" {
		t.Errorf("%q arrived after the cable was healed", got)
	}
}

func sendLine(t *testing.T, to io.Writer, line string) {
	t.Helper()
	if _, err := io.WriteString(to, line+"\n"); err != nil {
		t.Fatal(err)
	}
}
