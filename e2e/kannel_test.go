package e2e

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/codeblock"
	"github.com/paywatt/paywatt/internal/gsm/kannel"
	"github.com/paywatt/paywatt/internal/notify"
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

// gatewayBox is Kannel with our route to it.
type gatewayBox struct {
	*kannel.Client
	box *mailbox
	dir string
}

// startKannel runs Kannel with an smsc group.
func startKannel(t *testing.T, group string) *gatewayBox {
	t.Helper()
	k := &gatewayBox{box: &mailbox{}, dir: t.TempDir()}
	hooks := http.NewServeMux()
	web := httptest.NewServer(hooks)
	t.Cleanup(web.Close)
	ports := freePorts(t, 3)
	var err error
	k.Client, err = kannel.New(kannel.Config{Name: "kannel1", URL: fmt.Sprintf("http://127.0.0.1:%d/cgi-bin/sendsms", ports[2]), Username: "u", Password: "p", From: "15555",
		Callback: web.URL + "/hooks/sms/kannel1", Secret: hookSecret, Inbox: k.box})
	if err != nil {
		t.Fatal(err)
	}
	hooks.Handle("/hooks/sms/kannel1/in", k.Incoming())
	hooks.Handle("/hooks/sms/kannel1/report", k.Reports())
	write(t, k.dir+"/kannel.conf", kannelSettings(t, k.dir, ports, group, web.URL+"/hooks/sms/kannel1"), 0o644)
	daemon(t, "bearerbox", k.dir+"/kannel.conf")
	listens(t, "bearerbox", ports[1])
	daemon(t, "smsbox", k.dir+"/kannel.conf")
	sendsmsAnswers(t, k.dir, ports[2])
	return k
}

// sendsmsAnswers waits until smsbox is connected to bearerbox and answers a request. Before that it accepts connections and closes them,
// and a message that comes too early ends it.
func sendsmsAnswers(t *testing.T, dir string, port int) {
	t.Helper()
	smsboxConnected(t, dir)
	await(t, "sendsms", 20*time.Second, func() bool {
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
	await(t, "smsbox", 60*time.Second, func() bool { return strings.Contains(contents(dir+"/smsbox.log"), "Connected to bearerbox") })
}

// send passes a message on.
func (k *gatewayBox) send(t *testing.T, id, to, text string) notify.Sent {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	return k.Send(ctx, notify.Outgoing{ID: id, To: to, Text: text, Report: true, Validity: time.Hour})
}

// In this test Kannel is the route, with the emulated modem behind it. The test sends messages with reports, and receives messages with an
// Inbox that fails first.
func TestOtherProgramsKannelWithAModem(t *testing.T) {
	const modem, phone = "+255700000250", "+255711000250"
	r := startRadio(t, "--number", modem, "--delay", "20ms")
	if _, err := r.Messages(t.Context(), phone, 0, 0); err != nil { // this call creates the phone
		t.Fatal(err)
	}
	k := startKannel(t, modemGroup(r.ptys[modem], modem))
	for id, text := range map[string]string{"msg_1": recharge, "msg_2": "§ € { é", "msg_3": "мало 😀", "msg_4": strings.Repeat("0123456789", 20)} {
		if s := k.send(t, id, phone, text); s.Outcome != notify.Accepted {
			t.Fatalf("%s: %+v", id, s)
		}
		r.wantText(t, phone, modem, text)
		k.box.awaitReport(t, id, notify.Delivered)
	}
	k.box.awaitReport(t, "msg_1", notify.Trying) // Trying means that the network accepted the message
	k.box.failNext(2)
	if err := r.Send(t.Context(), phone, modem, "BAL please"); err != nil {
		t.Fatal(err)
	}
	if m := k.box.awaitMessage(t, "BAL please"); m.From != phone || m.To != modem || m.At.IsZero() || m.Missing != 0 {
		t.Errorf("message %v to %s at %v, %d missing", m, m.To, m.At, m.Missing)
	}
	for _, text := range []string{"§ é @ € {  two  blanks", "мало 😀", strings.Repeat("0123456789", 20)} {
		if err := r.Send(t.Context(), phone, modem, text); err != nil {
			t.Fatal(err)
		}
		k.box.awaitMessage(t, text)
	}
	if s := k.send(t, "msg_5", "", "x"); s.Outcome != notify.Refused {
		t.Errorf("to nobody: %+v", s)
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
	port := freePorts(t, 1)[0]
	k := startKannel(t, fmt.Sprintf("group = smsc\nsmsc = fake\nsmsc-id = fake\nport = %d\nconnect-allow-ip = 127.0.0.1\n", port))
	if s := k.send(t, "msg_0", "+255711000251", "queued"); s.Outcome != notify.Accepted { // "3: Queued", no connection
		t.Errorf("before the network is there: %+v", s)
	}
	log := daemon(t, fakeSMSC, "-H", "127.0.0.1", "-r", fmt.Sprint(port), "-i", "0.1", "-m", "1", "255711000251 15555 text LAST one")
	if m := k.box.awaitMessage(t, "LAST one"); m.From != "+255711000251" || m.To != "15555" {
		t.Errorf("message %v to %s", m, m.To)
	}
	if s := k.send(t, "msg_1", "+255711000251", recharge); s.Outcome != notify.Accepted {
		t.Errorf("sent %+v", s)
	}
	for _, text := range []string{"queued", recharge} {
		await(t, text+" at the network", 30*time.Second, func() bool { return strings.Contains(log.String(), "<15555 +255711000251 text "+text+">") })
	}
	k.box.awaitReport(t, "msg_0", notify.Delivered)
	k.box.awaitReport(t, "msg_1", notify.Delivered)
}

func TestOtherProgramsKannelWithSMPP(t *testing.T) {
	c := startCentre(t)
	k := startKannel(t, fmt.Sprintf("group = smsc\nsmsc = smpp\nsmsc-id = npm\nhost = 127.0.0.1\nport = %d\nsmsc-username = u\nsmsc-password = p\nsystem-type = \"\"\ntransceiver-mode = true\nmsg-id-type = 1\nsource-addr-ton = 0\nsource-addr-npi = 1\ndest-addr-ton = 1\ndest-addr-npi = 1\nreconnect-delay = 1\n", c.port))
	c.await(t, "Kannel's bind", func(e centreEvent) bool { return e.Event == "bind" })
	if s := k.send(t, "msg_1", "+255711000252", recharge); s.Outcome != notify.Accepted {
		t.Fatalf("sent %+v", s)
	}
	c.await(t, "the submission", func(e centreEvent) bool { return e.Event == "submit" && e.Text == recharge })
	k.box.awaitReport(t, "msg_1", notify.Delivered)
	c.do(t, map[string]any{"do": "deliver", "from": "255711000252", "to": "15555", "text": "USE"})
	k.box.awaitMessage(t, "USE")
}
