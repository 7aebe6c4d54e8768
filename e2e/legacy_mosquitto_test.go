package e2e

import (
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/await"
	"github.com/paywatt/paywatt/internal/tier"
)

// player takes the part of the Arduino and uses its client id. It publishes with mosquitto_pub and listens with mosquitto_sub. Each
// run of one of these programs opens a new connection. To the server, this looks as if the Arduino reconnects.
type player struct {
	host, port string
}

func newPlayer(t *testing.T, addr string) player {
	t.Helper()
	needed(t, "mosquitto_pub", "mosquitto_sub")
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	return player{host, port}
}

func (p player) client(program string, args ...string) *exec.Cmd {
	return exec.Command(program, append([]string{"-h", p.host, "-p", p.port, "-i", "electricitymeterGSM", "-V", "mqttv311", "-k", "15"}, args...)...)
}

func (p player) says(t *testing.T, topic, payload string) {
	t.Helper()
	if out, err := p.client("mosquitto_pub", "-t", "GsmClientTest/"+topic, "-m", payload).CombinedOutput(); err != nil {
		t.Fatalf("mosquitto_pub %s %s: %v %s", topic, payload, err, out)
	}
}

// listener is mosquitto_sub on the three topics; it prints each message with its quality of service and whether it is
// retained.
func (p player) listener(messages string) *exec.Cmd {
	return p.client("mosquitto_sub", "-t", "GsmClientTest/led", "-t", "GsmClientTest/warning", "-t", "GsmClientTest/summary",
		"-F", "%q %r %t %p", "-W", "120", "-C", messages)
}

// hears returns the next messages, without the parts that all of them have in common.
func (p player) hears(t *testing.T, messages string) string {
	t.Helper()
	out, err := p.listener(messages).CombinedOutput()
	if err != nil {
		t.Fatalf("mosquitto_sub: %v, heard %q", err, out)
	}
	return heardPlainly(t, string(out))
}

func heardPlainly(t *testing.T, out string) string {
	t.Helper()
	var said []string
	for line := range strings.Lines(out) {
		text, plain := strings.CutPrefix(strings.TrimSpace(line), "0 0 GsmClientTest/")
		if !plain {
			t.Errorf("heard %q, want quality 0 and nothing retained", line)
		}
		said = append(said, text)
	}
	return strings.Join(said, "; ")
}

// deviceGuide returns the first command of a kind in the guide to devices, without the program's name.
func deviceGuide(t *testing.T, kind string) []string {
	t.Helper()
	page, err := os.ReadFile("../docs/guide/devices.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(page), "paywatt "+kind+" ")
	if !ok {
		t.Fatalf("the guide has no command %q", kind)
	}
	line, _, _ := strings.Cut(rest, "\n")
	line, _, _ = strings.Cut(line, "`") // the command may be inside a sentence
	return strings.Fields(kind + " " + line)
}

// TestMosquittosClientsPlayTheStory plays the whole story with mosquitto's own clients as the device: it starts, is polled, and is off
// until the guide's recharge buys its plan of 500 Wh for 50.00. It uses the energy while the server is killed, is warned, switches off, is
// recharged by the command line, switches on, and gets a summary. All levels are the defaults.
func TestMosquittosClientsPlayTheStory(t *testing.T) {
	tier.Long(t)
	t.Parallel()
	s := &story{place: newPlace(t, paywatt(t)), first: number(6006), http: freeAddress(t), mqtt: freeAddress(t)}
	storyProfile(t, s.place)
	addr := freeAddress(t)
	s.listeners = []string{"--mqtt-legacy", addr + "=" + s.first + ":story", "--legacy-poll-interval", "1s"}
	s.begin(t)
	s.key = s.run(t, "", "apikey", "create", "--role", "owner", "--data", s.dir)
	s.a = newAPI(s.srv.http, s.key)
	till := s.till()
	till.run(t, "", deviceGuide(t, "tariff add")...)
	s.a.walletMeter(t, s.first)
	till.run(t, "", "meter", "set", s.first, "--max-w", "120000", "--reason", "the story's shunt")
	p := newPlayer(t, addr)
	expect := func(what, got, want string) {
		t.Helper()
		if got != want {
			t.Fatalf("%s: heard %q, want %q", what, got, want)
		}
	}
	p.says(t, "init", "Meter Started")
	expect("unpaid", p.hears(t, "2"), "led OFF; led data")
	p.says(t, "ledStatus", "meter is off")
	vend := deviceGuide(t, "vend")
	till.run(t, "", "vend", s.first, vend[len(vend)-1])
	expect("recharged", p.hears(t, "2"), "led ON; led data")
	p.says(t, "ledStatus", "meter is on")
	p.usesUp(t, s)
	p.says(t, "ledStatus", "meter is off")
	await.True(t, "the meter is shown as cut off", func() bool {
		return s.a.must(t, 200, "GET", "/v1/meters/"+s.first, nil).text(t, "state") == "cut_off"
	})
	till.run(t, "", "vend", s.first, "80.00")
	expect("recharged again", p.hears(t, "2"), "led ON; led data")
	p.says(t, "ledStatus", "meter is on")
	p.asks(t, s)
	s.a.mustBalance(t)
	s.srv.stop()
	s.run(t, "", "verify", "--data", s.dir)
}

// usesUp lets 115 kW flow until the server says OFF, and kills it once in the middle.
func (p player) usesUp(t *testing.T, s *story) {
	t.Helper()
	warned := ""
	for round := range 40 {
		p.says(t, "ledStatus", "1023:0")
		said := p.hears(t, "2")
		if _, warning, is := strings.Cut(said, "warning warning: KES "); is {
			warned = warning
		}
		if strings.Contains(said, "led OFF") {
			if warned == "" {
				t.Errorf("off without a warning")
			}
			t.Logf("figures: off in round %d, last warned of %s", round, warned)
			if owed := s.a.balance(t, s.first); owed > 0 || owed < -50_00 {
				t.Errorf("off at a balance of %d", owed)
			}
			return
		}
		if said != "led ON; led data" && said != "led ON; warning warning: KES "+warned {
			t.Fatalf("round %d: heard %q", round, said)
		}
		if round == 1 {
			was := s.a.register(t, s.first)
			s.srv.kill()
			s.begin(t)
			if now := s.a.register(t, s.first); now < was {
				t.Errorf("after the server was killed the register is %d Wh, it was %d", now, was)
			}
		}
	}
	t.Fatal("it was never switched off")
}

// asks listens, requests the summary at the command line, and expects it at the device.
func (p player) asks(t *testing.T, s *story) {
	t.Helper()
	heard := make(chan string, 1)
	go func() {
		out, _ := p.listener("6").CombinedOutput()
		heard <- string(out)
	}()
	till := s.till()
	await.True(t, "the summary is sent to the device", func() bool {
		_, _, code := till.try("", "meter", "summary", s.first, "--send")
		return code == 0
	})
	if said := heardPlainly(t, <-heard); !strings.Contains(said, "summary total 0.") || !strings.Contains(said, " kWh, balance KES ") {
		t.Errorf("no summary at the device: %q", said)
	}
}
