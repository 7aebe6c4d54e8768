package sim900_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/paywatt/paywatt/internal/gsm/network"
	"github.com/paywatt/paywatt/internal/gsm/sim900"
)

const (
	number = "+255700000100"
	friend = "+255711000001"
	prompt = "\r\n> "
	ok     = "\r\nOK\r\n"
)

// host is a program at the modem's serial port.
type host struct {
	t     *testing.T
	modem *sim900.Modem
	net   *network.Network
	phone *network.Phone
	port  net.Conn
	heard chan string
}

// plug runs a modem with a network and a phone. Everything ends with the test.
func plug(t *testing.T, cfg sim900.Config) *host {
	t.Helper()
	n := network.New(1, network.Weather{}, nil)
	cfg.Number, cfg.Network = number, n
	m, err := sim900.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	p, err := n.Phone(friend)
	if err != nil {
		t.Fatal(err)
	}
	mine, other := net.Pipe()
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 2)
	go func() { done <- n.Run(ctx) }()
	go func() { done <- m.Serve(ctx, other) }()
	h := &host{t: t, modem: m, net: n, phone: p, port: mine, heard: make(chan string, 1000)}
	go func() {
		buf := make([]byte, 4096)
		for {
			n, err := mine.Read(buf)
			if n > 0 {
				h.heard <- string(buf[:n])
			}
			if err != nil {
				close(h.heard)
				return
			}
		}
	}()
	t.Cleanup(func() {
		m.Close()
		_ = mine.Close()
		stop()
		for range 2 {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
	})
	return h
}

// say writes and returns all output of the modem until it is quiet.
func (h *host) say(s string) string {
	h.t.Helper()
	if s != "" {
		if _, err := io.WriteString(h.port, s); err != nil {
			h.t.Fatal(err)
		}
	}
	synctest.Wait()
	var b strings.Builder
	for {
		select {
		case s := <-h.heard:
			b.WriteString(s)
			synctest.Wait()
		default:
			return b.String()
		}
	}
}

func (h *host) want(in, out string) {
	h.t.Helper()
	if got := h.say(in); got != out {
		h.t.Errorf("%q:\n got %q\nwant %q", in, got, out)
	}
}

func TestCommandsAreAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := plug(t, sim900.Config{})
		h.want("AT\r", "AT\r"+ok)
		h.want("ATE0\r", "ATE0\r"+ok)
		for _, c := range [][2]string{
			{"at\r", ok},             // lower case
			{"AT\r\n", ok},           // CR LF
			{"\x1b\r\x00\r\r\n", ""}, // ESC, NUL, empty lines
			{"\x1bAT\r", ok},
			{"AT+CMEE=1;+CREG=2\r", ok}, // a chain
			{"ATE0V1;+CSQ\r", "\r\n+CSQ: 21,0\r\n" + ok},
			{"AT+CSQ;+XYZ;+CSQ\r", "\r\n+CSQ: 21,0\r\n\r\n+CME ERROR: 4\r\n"},
			{"AT+MODE=2\r", "\r\n+CME ERROR: 4\r\n"}, // gammu asks this, and needs the error
			{"AT+CPROT=?\r", "\r\n+CME ERROR: 4\r\n"},
			{"AT+SYNCML=?\r", "\r\n+CME ERROR: 4\r\n"},
			{"AT$TSSPCSW=?\r", "\r\n+CME ERROR: 4\r\n"},
			{"AT+CHUP=?\r", "\r\n+CME ERROR: 4\r\n"},
			{"AT+CPIN?\r", "\r\n+CPIN: READY\r\n" + ok},
			{"AT+CREG?\r", "\r\n+CREG: 2,1\r\n" + ok},
			{"AT+CMGF=?\r", "\r\n+CMGF: (0,1)\r\n" + ok},
			{"ATI\r", "\r\nSIM900 R11.0\r\n" + ok},
			{`AT+CPMS="SM"` + "\r", "\r\n+CPMS: 0,20,0,20,0,20\r\n" + ok},
			{`AT+CPMS="ME"` + "\r", "\r\n+CMS ERROR: 302\r\n"},
			{`AT+CPMS="SR"` + "\r", "\r\n+CMS ERROR: 302\r\n"},
			{"AT+CPMS?\r", "\r\n+CPMS: \"SM\",0,20,\"SM\",0,20,\"SM\",0,20\r\n" + ok},
			{"AT+CSCA?\r", "\r\n+CSCA: \"+447785016005\",145\r\n" + ok},
			{"AT+CSMS=0\r", "\r\n+CSMS: 1,1,1\r\n" + ok},
			{"AT+CSMS?\r", "\r\n+CSMS: 0,1,1,1\r\n" + ok},
			{"AT+CMGR=1\r", ok}, // an empty slot
			{"AT+CMGR=21\r", "\r\n+CMS ERROR: 321\r\n"},
			{"AT+CNMI=2,1,0,1,0\r", ok},
			{"AT+CNMI=2,9\r", "\r\n+CMS ERROR: 302\r\n"},
			{"ATD+255700000001;\r", "\r\nNO CARRIER\r\n"},
			{"AT+CMGS=3\r", "\r\n+CMS ERROR: 304\r\n"},
			{"noise without\r", ""},
			{"noiseAT+CSQ\r", "\r\n+CSQ: 21,0\r\n" + ok},
			{"AT+CX\bSQ\r", "\r\n+CSQ: 21,0\r\n" + ok}, // a correction
			{`AT+CSCS="HEX"` + "\r", ok},
			{`AT+CSCS="UTF"` + "\r", "\r\n+CME ERROR: 3\r\n"},
		} {
			h.want(c[0], c[1])
		}
		for _, c := range "AT+CSQ" {
			h.want(string(c), "")
		}
		h.want("\r", "\r\n+CSQ: 21,0\r\n"+ok)
		h.want("AT"+strings.Repeat("X", 600)+"\r", "\r\n+CME ERROR: 3\r\n")
		h.want("AT+CMEE=2\r", ok)
		h.want("AT+MODE=2\r", "\r\n+CME ERROR: operation not supported\r\n")
	})
}

const frame = "0031000C915275000000100000FF182A986C1493CD6835DB0D9783C564335ACD76C3E560"

// toFriend sends a message to the phone instead of +255700000001, a number without a terminal.
func toFriend(f string) string { return strings.Replace(f, "527500000010", "527511000010", 1) }

func TestAMessageIsSentInPDUMode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := plug(t, sim900.Config{})
		h.say("ATE0\r")
		h.say("AT+CNMI=2,1,0,1,0\r")
		h.want("AT+CMGS=35\r\n", prompt) // the LF must not become part of the message
		h.want(toFriend(frame)[:20], "")
		got := h.say(toFriend(frame)[20:] + "\x1a\r") // a CR after Ctrl-Z
		if want := "\r\n+CMGS: 0\r\n" + ok + "\r\n+CDS: 25\r\n07914477581006500600"; !strings.HasPrefix(got, want) {
			t.Errorf("got %q, want %q…", got, want)
		}
		if m := h.phone.Messages(0); len(m) != 1 || m[0].Text != "*02#12345678901234567890" || m[0].From != number {
			t.Errorf("the phone got %+v", m)
		}
		h.want("AT+CMGS=35\r", prompt)
		h.want("00\x1b", ok) // cancelled
		h.want("AT+CMGS=35\r", prompt)
		h.want("0001\x1a", "\r\n+CMS ERROR: 304\r\n")
		h.modem.FailNext(38)
		h.want("AT+CMGS=35\r", prompt)
		h.want(frame+"\x1a", "\r\n+CMS ERROR: 38\r\n")
		h.modem.Register(2)
		h.want("AT+CMGS=35\r", prompt)
		h.want(frame+"\x1a", "\r\n+CMS ERROR: 331\r\n")
		h.modem.Register(1)
		h.say("ATE1\r")
		h.want("AT+CMGS=35\r", "AT+CMGS=35\r"+prompt)
		h.want(frame+"\x1a", frame+"\x1a\r\n+CMGS: 1\r\n"+ok+"\r\n+CDS: 25\r\n"+lastReport(t, h))
	})
}

// lastReport is the delivery report about the number without a terminal.
func lastReport(t *testing.T, h *host) string {
	t.Helper()
	at := time.Now().UTC()
	swap := func(n int) string { return fmt.Sprintf("%d%d", n%10, n/10) }
	stamp := swap(at.Year()%100) + swap(int(at.Month())) + swap(at.Day()) + swap(at.Hour()) + swap(at.Minute()) + swap(at.Second()) + "00"
	return "0791447758100650" + "0601" + "0C91527500000010" + stamp + stamp + "43" + "\r\n"
}

func TestMessagesAreStoredAndShown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := plug(t, sim900.Config{Slots: 2})
		h.say("ATE0\r")
		for i := range 3 {
			if err := h.phone.Send(number, fmt.Sprintf("*01#%d", i)); err != nil {
				t.Fatal(err)
			}
		}
		h.want("", "\r\n+CMTI: \"SM\",1\r\n\r\n+CMTI: \"SM\",2\r\n") // the third message waits in the network
		h.want("AT+CMGR=1\r", "\r\n+CMGR: 0,\"\",24\r\n0791447758100650"+"040C915275110000100000"+"00101000000000"+"052A586C0403\r\n"+ok)
		if got := h.say("AT+CMGL=4\r"); strings.Count(got, "+CMGL: ") != 2 || !strings.Contains(got, "+CMGL: 1,1,") || !strings.Contains(got, "+CMGL: 2,0,") {
			t.Errorf("list: %q", got)
		}
		h.want("AT+CMGD=1\r", ok+"\r\n+CMTI: \"SM\",1\r\n") // now the SIM has room for the third message
		h.want("AT+CPMS?\r", "\r\n+CPMS: \"SM\",2,2,\"SM\",2,2,\"SM\",2,2\r\n"+ok)
		h.say("AT+CMGF=1\r")
		h.want("AT+CMGR=1\r", "\r\n+CMGR: \"REC UNREAD\",\"+255711000001\",\"\",\"00/01/01,00:00:00+00\"\r\n*01#2\r\n"+ok)
		h.want("AT+CMGL=\"ALL\"\r", "\r\n+CMGL: 1,\"REC READ\",\"+255711000001\",\"\",\"00/01/01,00:00:00+00\"\r\n*01#2\r\n"+
			"\r\n+CMGL: 2,\"REC READ\",\"+255711000001\",\"\",\"00/01/01,00:00:00+00\"\r\n*01#1\r\n"+ok)
		h.want("AT+CMGD=1,4\r", ok)
		if used, slots := h.modem.Used(); used != 0 || slots != 2 {
			t.Errorf("%d of %d slots used", used, slots)
		}
		h.say("AT+CNMI=2,2,0,0,0\r")
		if err := h.phone.Send(number, "direct"); err != nil {
			t.Fatal(err)
		}
		h.want("", "\r\n+CMT: \"+255711000001\",\"\",\"00/01/01,00:00:00+00\"\r\ndirect\r\n")
		h.say("AT+CSCS=\"UCS2\"\r")
		if err := h.phone.Send(number, "мало"); err != nil {
			t.Fatal(err)
		}
		if got := h.say(""); !strings.HasSuffix(got, "\r\n043C0430043B043E\r\n") {
			t.Errorf("in UCS2: %q", got)
		}
	})
}

func TestAMessageIsSentInTextMode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := plug(t, sim900.Config{})
		h.say("ATE0;+CMGF=1;+CSCS=\"GSM\"\r")
		h.want("AT+CMGS=\""+friend+"\"\r", prompt)
		h.want("two\rlines\x1a", prompt+"\r\n+CMGS: 0\r\n"+ok)
		h.say("AT+CSCS=\"UCS2\";+CSMP=17,167,0,8\r")
		h.want("AT+CMGS=\"002B003200350035003700310031003000300030003000300031\"\r", prompt)
		h.want("043C0430043B043E\x1a", "\r\n+CMGS: 1\r\n"+ok)
		h.say("AT+CSCS=\"HEX\";+CSMP=17,167,0,0\r")
		h.want("AT+CMGS=\""+friend+"\"\r", prompt)
		h.want("003130\x1a", "\r\n+CMGS: 2\r\n"+ok)
		h.want("AT+CMGS=\""+friend+"\"\r", prompt)
		h.want("0\x1a", "\r\n+CMS ERROR: 305\r\n")
		var got []string
		for _, m := range h.phone.Messages(0) {
			got = append(got, m.Text)
		}
		if want := "two\nlines|мало|@10"; strings.Join(got, "|") != want {
			t.Errorf("the phone got %q, want %q", got, want)
		}
	})
}

func TestAResetForgetsSettingsNotTheSIM(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := plug(t, sim900.Config{Boot: 2 * time.Second})
		h.say("ATE0\r")
		if err := h.phone.Send(number, "kept"); err != nil {
			t.Fatal(err)
		}
		h.say("")
		h.want("AT+CFUN=1,1\r", ok)
		if err := h.phone.Send(number, "waits"); err != nil {
			t.Fatal(err)
		}
		h.want("AT\r", "") // off
		time.Sleep(time.Second)
		h.want("", "\r\nRDY\r\n\r\n+CFUN: 1\r\n\r\n+CPIN: READY\r\n")
		h.want("AT+CMGR=1\r", "AT+CMGR=1\r\r\n+CMS ERROR: 314\r\n")
		time.Sleep(time.Second)
		h.want("", "\r\nCall Ready\r\n\r\nSMS Ready\r\n\r\n+CMTI: \"SM\",2\r\n")
		if used, _ := h.modem.Used(); used != 2 {
			t.Errorf("%d messages in the SIM, want 2", used)
		}
	})
}

func TestThePINIsCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := plug(t, sim900.Config{PIN: "1234"})
		h.say("ATE0;+CMEE=1\r")
		h.want("AT+CPIN?\r", "\r\n+CPIN: SIM PIN\r\n"+ok)
		h.want("AT+CMGL=4\r", "\r\n+CMS ERROR: 311\r\n")
		h.want("AT+CPIN=\"0000\"\r", "\r\n+CME ERROR: 16\r\n")
		h.want("AT+SPIC\r", "\r\n+SPIC: 2,10,0,10\r\n"+ok)
		h.want("AT+CPIN=\"1234\"\r", ok+"\r\nCall Ready\r\n\r\nSMS Ready\r\n")
		h.modem.Reset()
		synctest.Wait()
		h.say("ATE0;+CMEE=1\r")
		for range 3 {
			h.want("AT+CPIN=\"9\"\r", "\r\n+CME ERROR: 16\r\n")
		}
		h.want("AT+CPIN?\r", "\r\n+CPIN: SIM PUK\r\n"+ok)
		h.want("AT+CPIN=\"1234\"\r", "\r\n+CME ERROR: 12\r\n")
	})
}

func TestFaultsStrike(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var next map[string]sim900.Fault
		h := plug(t, sim900.Config{Fault: func(m sim900.Moment) sim900.Fault {
			key := fmt.Sprintf("%s %v", m.Command, m.After)
			f := next[key]
			delete(next, key)
			return f
		}})
		h.say("ATE0\r")
		for _, c := range []struct {
			fault sim900.Fault
			after bool
			want  string
		}{
			{sim900.Fault{Notice: "RING", Noise: "\xff\xfe"}, true, "\xff\xfe\r\nRING\r\n\r\n+CSQ: 21,0\r\n" + ok},
			{sim900.Fault{Silent: true}, false, ""},
			{sim900.Fault{Silent: true}, true, ""},
			{sim900.Fault{Half: true}, true, "\r\n+CSQ: 21"},
			{sim900.Fault{Error: "+CMS ERROR: 500"}, false, "\r\n+CMS ERROR: 500\r\n"},
			{sim900.Fault{}, false, "\r\n+CSQ: 21,0\r\n" + ok},
			{sim900.Fault{Reset: true}, false, "\r\nRDY\r\n\r\n+CFUN: 1\r\n\r\n+CPIN: READY\r\n\r\nCall Ready\r\n\r\nSMS Ready\r\n"},
		} {
			next = map[string]sim900.Fault{fmt.Sprintf("AT+CSQ %v", c.after): c.fault}
			h.want("AT+CSQ\r", c.want)
		}
		h.say("ATE0\r")
		next = map[string]sim900.Fault{"AT+CSQ true": {Late: time.Minute}}
		h.want("AT+CSQ\r", "")
		time.Sleep(time.Minute)
		h.want("", "\r\n+CSQ: 21,0\r\n"+ok)
		// The message goes out although its answer is lost.
		next = map[string]sim900.Fault{"message true": {Reset: true}}
		h.want("AT+CMGS=35\r", prompt)
		h.say(toFriend(frame) + "\x1a")
		if m := h.phone.Messages(0); len(m) != 1 {
			t.Errorf("the phone got %+v", m)
		}
	})
}

func TestNoticesWaitWhileAMessageIsEntered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := plug(t, sim900.Config{})
		h.say("ATE0\r")
		h.want("AT+CMGS=35\r", prompt)
		if err := h.phone.Send(number, "meanwhile"); err != nil {
			t.Fatal(err)
		}
		h.want("", "")
		h.want(toFriend(frame)+"\x1a", "\r\n+CMGS: 0\r\n"+ok+"\r\n+CMTI: \"SM\",1\r\n")
	})
}

func TestOtherProgramsOpenThePTY(t *testing.T) {
	if runtime.GOOS != "linux" {
		return // other systems have no PTY: see pty_other.go
	}
	link := filepath.Join(t.TempDir(), "modem")
	p, err := sim900.OpenPTY(link)
	if err != nil {
		t.Fatal(err)
	}
	n := network.New(1, network.Weather{}, nil)
	m, err := sim900.New(sim900.Config{Number: number, Network: n})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() { done <- m.Serve(context.Background(), p) }()
	for range 2 { // one program opens the port and leaves, then another comes
		f, err := os.OpenFile(link, os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteString("ATE0\r"); err != nil {
			t.Fatal(err)
		}
		got := make([]byte, 0, 64)
		for !strings.HasSuffix(string(got), ok) {
			b := make([]byte, 64)
			k, err := f.Read(b)
			if err != nil {
				t.Fatalf("after %q: %v", got, err)
			}
			got = append(got, b[:k]...)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := sim900.OpenPTY(filepath.Dir(link)); err == nil {
		t.Error("a folder was replaced by a link")
	}
	m.Close()
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	<-done
	if _, err := os.Lstat(link); !os.IsNotExist(err) {
		t.Errorf("the link stays: %v", err)
	}
}

// FuzzInput writes any bytes as a host. The modem must not panic, and must answer the next plain command.
func FuzzInput(f *testing.F) {
	f.Add([]byte("AT+CMGS=35\r" + frame + "\x1a"))
	f.Add([]byte("AT+CMGF=1;+CMGS=\"+1\"\rtext\x1a\r\nAT+CMGL=\"ALL\"\r"))
	f.Add([]byte("ate1;+cpin=\"\r\x1b\x00AT&F;S0?D1;\rAT+CMGD=1,4;+CMGDA=6;+CNMI=,,,1\r"))
	f.Fuzz(func(t *testing.T, in []byte) {
		synctest.Test(t, func(t *testing.T) {
			h := plug(t, sim900.Config{})
			h.say(string(in))
			time.Sleep(time.Second)
			h.say("\x1b\r\x1b\r")
			if got := h.say("ATE0\r"); !strings.HasSuffix(got, ok) {
				t.Errorf("after %q: %q", in, got)
			}
		})
	})
}
