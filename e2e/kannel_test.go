package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/paywatt/paywatt/internal/await"
	"github.com/paywatt/paywatt/internal/codeblock"
	"github.com/paywatt/paywatt/internal/tier"
)

// fakeSMSC is the network of Kannel's own tests.
const fakeSMSC = "/usr/lib/kannel/test/fakesmsc"

const hookSecret = "a secret of the hooks, for tests"

// kannelCore is the part of Kannel's settings that its user writes: admin port, smsbox port, folder, smsc group.
const kannelCore = `group = core
admin-port = %d
admin-password = x
smsbox-port = %d
dlr-storage = internal
log-file = "%s/bearerbox.log"
box-allow-ip = "127.0.0.1"
sms-resend-freq = 2

%s
`

// kannelSettings returns Kannel's settings in two parts: kannelCore, and the settings from docs/reference/sms-gateway.md with shorter
// waits. The parameter ports holds the admin port, the smsbox port and the sendsms port. The parameter group is the smsc group.
func kannelSettings(t *testing.T, dir string, ports []int, group, hooks string) string {
	t.Helper()
	const page = "docs/reference/sms-gateway.md"
	text, err := os.ReadFile("../" + page)
	if err != nil {
		t.Fatal(err)
	}
	blocks, err := codeblock.Of(page, string(text))
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range blocks {
		if b.Kind == "conf" {
			return fmt.Sprintf(kannelCore, ports[0], ports[1], dir, group) + strings.NewReplacer(
				"group = smsbox\n", fmt.Sprintf("group = smsbox\nbearerbox-host = 127.0.0.1\nsendsms-port = %d\nlog-file = \"%s/smsbox.log\"\n", ports[2], dir),
				"retry = 1000000", "retry = 100", "delay = 10", "delay = 1", "password = …", "password = p",
				"http://127.0.0.1:8080/hooks/sms/kannel1", hooks, "SECRET", url.QueryEscape(hookSecret)).Replace(b.Text)
		}
	}
	t.Fatalf("%s has no settings of Kannel", page)
	return ""
}

// modemGroup is the smsc group of a modem. With Kannel's default init string the modem would pass messages on without storing them; with
// this init string it stores them first.
func modemGroup(pty, number string) string {
	return "group = smsc\nsmsc = at\nsmsc-id = modem\nmodemtype = auto\ndevice = " + pty + "\nspeed = 115200\nsim-buffering = true\nmy-number = " + number +
		"\n\ngroup = modems\nid = sim900\nname = \"SIM900\"\ndetect-string = \"SIM900\"\ninit-string = \"AT+CNMI=2,1,0,1,0\"\n"
}

// gatewayBox is a real Kannel, and the whole server, which it calls.
type gatewayBox struct {
	*api
	srv  *server
	dir  string // of Kannel's files
	door *door
}

// door is the way from Kannel to the server. It passes calls on as they are, except those that are to fail.
type door struct {
	server string // address of the server

	mu       sync.Mutex
	failures int // how many of the next calls fail
}

func (d *door) failNext(n int) { d.mu.Lock(); defer d.mu.Unlock(); d.failures = n }

// fails reports whether the next call fails.
func (d *door) fails() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.failures--
	return d.failures >= 0
}

func (d *door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if d.fails() {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	to := *r.URL
	to.Scheme, to.Host = "http", d.server
	q, err := http.NewRequestWithContext(r.Context(), r.Method, to.String(), r.Body)
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	q.Header = r.Header.Clone()
	a, err := http.DefaultClient.Do(q)
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	defer a.Body.Close()
	maps.Copy(w.Header(), a.Header)
	w.WriteHeader(a.StatusCode)
	_, _ = io.Copy(w, a.Body)
}

// startKannel runs a server, and a Kannel with an smsc group. The parameter core is what Kannel's core group says besides.
func startKannel(t *testing.T, group, core string) *gatewayBox {
	t.Helper()
	ports, dir := freePorts(t, 4), t.TempDir()
	k := &gatewayBox{dir: dir, door: &door{server: fmt.Sprintf("127.0.0.1:%d", ports[3])}}
	way := httptest.NewServer(k.door)
	t.Cleanup(way.Close)
	write(t, dir+"/password", "p\n", 0o600)
	write(t, dir+"/secret", hookSecret+"\n", 0o600)
	hooks := way.URL + "/hooks/sms/kannel1"
	_, k.srv, k.api = smsPlace(t, ports[3], fmt.Sprintf("[[sms_route]]\nname = \"kannel1\"\nkind = \"kannel\"\nurl = \"http://127.0.0.1:%d/cgi-bin/sendsms\"\nuser = \"u\"\n"+
		"password_file = \"%[2]s/password\"\nhook_secret_file = \"%[2]s/secret\"\nfrom = \"15555\"\ncallback = \"%[3]s\"\n", ports[2], dir, hooks))
	settings := strings.Replace(kannelSettings(t, dir, ports, group, hooks), "group = core\n", "group = core\n"+core, 1)
	write(t, dir+"/kannel.conf", settings, 0o644)
	daemon(t, "bearerbox", dir+"/kannel.conf")
	listens(t, "bearerbox", ports[1])
	daemon(t, "smsbox", dir+"/kannel.conf")
	sendsmsAnswers(t, dir, ports[2])
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("smsbox: %.20000s", contents(dir+"/smsbox.log"))
		}
	})
	return k
}

// sendsmsAnswers waits until smsbox is connected to bearerbox and answers a request. Before that it accepts connections and closes them,
// and a message that comes too early ends it.
func sendsmsAnswers(t *testing.T, dir string, port int) {
	t.Helper()
	smsboxConnected(t, dir)
	await.True(t, "sendsms", func() bool {
		answer, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d/cgi-bin/sendsms", port)) // refused: the login is wrong
		if err != nil {
			return false
		}
		return answer.Body.Close() == nil
	})
}

// smsboxConnected waits until the log of smsbox says that it is connected to bearerbox.
func smsboxConnected(t *testing.T, dir string) {
	t.Helper()
	await.True(t, "smsbox", func() bool { return strings.Contains(contents(dir+"/smsbox.log"), "Connected to bearerbox") })
}

// customer adds a meter whose customer has a telephone, because texts go only to customers.
func (k *gatewayBox) customer(t *testing.T, n int, phone string) {
	t.Helper()
	k.must(t, 201, "POST", "/v1/meters", map[string]any{"number": number(n), "mode": "prepay_token", "sgc": "123456", "krn": 1, "kt": 2, "ti": "01", "tariff": "domestic",
		"simulated": true, "customer": map[string]any{"name": phone, "phone": phone}})
}

// send has the server send a text by Kannel, and returns the name of the message.
func (k *gatewayBox) send(t *testing.T, phone, text string) string {
	t.Helper()
	return k.must(t, 202, "POST", "/v1/messages", map[string]any{"phone": phone, "text": text, "route": "kannel1"}).text(t, "id")
}

// messageNow is what the server knows of a message.
type messageNow struct {
	Direction, State, Phone, Text, Failure string
	Attempts                               []struct{ Report, Why string }
}

// read asks the server and reads its answer.
func (k *gatewayBox) read(t *testing.T, path string, into any) {
	t.Helper()
	if err := json.Unmarshal(k.must(t, 200, "GET", path, nil).body, into); err != nil {
		t.Fatal(err)
	}
}

// awaitState waits until a message that was sent is in a state.
func (k *gatewayBox) awaitState(t *testing.T, message, state string) (m messageNow) {
	t.Helper()
	await.True(t, message+" is "+state, func() bool {
		m = messageNow{}
		k.read(t, "/v1/messages/"+message, &m)
		return m.State == state
	})
	return m
}

// incoming lists the messages that came in.
func (k *gatewayBox) incoming(t *testing.T) (in []messageNow) {
	t.Helper()
	var list struct{ Data []messageNow }
	k.read(t, "/v1/messages?limit=200", &list)
	for _, m := range list.Data {
		if m.Direction == "in" {
			in = append(in, m)
		}
	}
	return in
}

// awaitText waits until a text has come in, and checks that it is there once and whole.
func (k *gatewayBox) awaitText(t *testing.T, from, text string) {
	t.Helper()
	times := 0
	await.True(t, "the message "+text, func() bool {
		times = 0
		for _, m := range k.incoming(t) {
			if m.Text == text && m.Phone == from && m.Failure == "" {
				times++
			}
		}
		return times > 0
	})
	if times != 1 {
		t.Errorf("%q is stored %d times, want once", text, times)
	}
}

// In this test Kannel is the route, with the emulated modem behind it. The test sends messages with reports, and receives messages while the
// first calls fail.
func TestOtherProgramsKannelWithAModem(t *testing.T) {
	tier.Long(t)
	t.Parallel()
	const modem, phone = "+255700000250", "+255711000250"
	r := startRadio(t, "--number", modem, "--delay", "20ms")
	if _, err := r.Messages(t.Context(), phone, 0, 0); err != nil { // this call creates the phone
		t.Fatal(err)
	}
	k := startKannel(t, modemGroup(r.ptys[modem], modem), "")
	k.customer(t, 1250, phone)
	for _, text := range []string{"BAL or HELP", "§ € { é", "мало 😀", strings.Repeat("words and ", 20) + "."} {
		sent := k.send(t, phone, text)
		r.wantText(t, phone, modem, text)
		k.awaitState(t, sent, "delivered")
	}
	k.door.failNext(2)
	if err := r.Send(t.Context(), phone, modem, "an answer"); err != nil {
		t.Fatal(err)
	}
	k.awaitText(t, phone, "an answer")
	for _, text := range []string{"§ é @ € {  two  blanks", "мало 😀", strings.Repeat("words and ", 20) + "!"} {
		if err := r.Send(t.Context(), phone, modem, text); err != nil {
			t.Fatal(err)
		}
		k.awaitText(t, phone, text)
	}
	got, err := r.Messages(t.Context(), phone, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range got {
		if strings.Contains(m.Text, "sorry") || strings.Contains(m.Text, "Empty") {
			t.Errorf("Kannel sent an answer of its own: %q", m.Text)
		}
	}
}

// The test uses the same route with Kannel's own network, and with Kannel as the SMPP client of npm's centre.
func TestOtherProgramsKannelWithFakeSMSC(t *testing.T) {
	tier.Long(t)
	t.Parallel()
	const phone, other = "+255711000251", "+255711000253"
	port := freePorts(t, 1)[0]
	k := startKannel(t, fmt.Sprintf("group = smsc\nsmsc = fake\nsmsc-id = fake\nport = %d\nconnect-allow-ip = 127.0.0.1\n", port), "")
	k.customer(t, 1251, phone)
	k.customer(t, 1253, other)
	queued := k.send(t, phone, "queued") // "3: Queued", no connection
	k.awaitState(t, queued, "sent")
	log := daemon(t, fakeSMSC, "-H", "127.0.0.1", "-r", fmt.Sprint(port), "-i", "0.1", "-m", "1", "255711000251 15555 text LAST one")
	k.awaitText(t, phone, "LAST one")
	sent := k.send(t, other, "to the network")
	for at, text := range map[string]string{phone: "queued", other: "to the network"} {
		await.True(t, text+" at the network", func() bool { return strings.Contains(log.String(), "<15555 "+at+" text "+text+">") })
	}
	k.awaitState(t, queued, "delivered")
	k.awaitState(t, sent, "delivered")
}

func TestOtherProgramsKannelWithSMPP(t *testing.T) {
	tier.Long(t)
	t.Parallel()
	const phone = "+255711000252"
	c := startCentre(t)
	k := startKannel(t, fmt.Sprintf("group = smsc\nsmsc = smpp\nsmsc-id = npm\nhost = 127.0.0.1\nport = %d\nsmsc-username = u\nsmsc-password = p\nsystem-type = \"\"\ntransceiver-mode = true\nmsg-id-type = 1\nsource-addr-ton = 0\nsource-addr-npi = 1\ndest-addr-ton = 1\ndest-addr-npi = 1\nreconnect-delay = 1\n", c.port), "")
	c.await(t, "Kannel's bind", func(e centreEvent) bool { return e.Event == "bind" })
	k.customer(t, 1252, phone)
	sent := k.send(t, phone, "to the centre")
	c.await(t, "the submission", func(e centreEvent) bool { return e.Event == "submit" && e.Text == "to the centre" })
	k.awaitState(t, sent, "delivered")
	c.do(t, map[string]any{"do": "deliver", "from": "255711000252", "to": "15555", "text": "USE"})
	k.awaitText(t, phone, "USE")
}
