package e2e

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/paywatt/paywatt/internal/await"
	"github.com/paywatt/paywatt/internal/gsm/bus"
	"github.com/paywatt/paywatt/internal/tier"
)

const recharge = "*02#12345678901234567890"

// Programs that know nothing of Paywatt send and receive through the emulated modem, as they do through a real one. They
// wait more than they work, so they run side by side, each with a modem of its own. The table says where each program is tested:
//
//	             sends, receives, deletes   delivery report                error 38                    full SIM
//	gammu        here                       monitor: ...TellOfDelivery     here: exit status 127       here
//	gammu-smsd   here                       here: its log                  ...MeetError38: again       ...EmptyAFullSIM
//	smstools     here                       ...TellOfDelivery: its event   ...MeetError38: FAILED      ...EmptyAFullSIM
//	gnokii       here                       asks and cannot show it        here: no success            ...EmptyAFullSIM
//	Kannel       here                       here: its callbacks            ...MeetError38: again       ...EmptyAFullSIM
func TestOtherProgramsUseTheModem(t *testing.T) {
	tier.Long(t)
	t.Parallel()
	peers := []struct {
		name string
		test func(*testing.T, *radio, string, string)
	}{
		{"gammu sends", gammuSends}, {"gammu receives", gammuReceives}, {"gammu-smsd", gammuSMSD}, {"smstools", smstools}, {"gnokii", gnokii}, {"Kannel", kannelWithModem},
	}
	var args []string
	for i := range peers {
		args = append(args, "--number", fmt.Sprintf("+25570000020%d", i))
	}
	r := startRadio(t, append(args, "--slots", "3", "--delay", "20ms")...)
	var running sync.WaitGroup
	for i, p := range peers { // not t.Parallel, which runs only as many at once as there are processors
		running.Go(func() {
			t.Run(p.name, func(t *testing.T) {
				phone := fmt.Sprintf("+25571100020%d", i)
				if _, err := r.Messages(t.Context(), phone, 0, 0); err != nil { // this call creates the phone
					t.Fatal(err)
				}
				p.test(t, r, fmt.Sprintf("+25570000020%d", i), phone)
			})
		})
	}
	running.Wait()
}

// gammuConfig writes a configuration for gammu.
func gammuConfig(t *testing.T, r *radio, number, more string) string {
	t.Helper()
	rc := filepath.Join(t.TempDir(), "gammurc")
	write(t, rc, fmt.Sprintf("[gammu]\ndevice=%s\nconnection=at115200\nsynchronizetime=no\n%s", r.ptys[number], more), 0o644)
	return rc
}

func gammuSends(t *testing.T, r *radio, number, phone string) {
	rc := gammuConfig(t, r, number, "")
	if out, code := program(t, "", "gammu", "-c", rc, "sendsms", "TEXT", phone, "-text", recharge, "-report"); code != 0 || !strings.Contains(out, "OK, message reference=0") {
		t.Errorf("exit %d: %s", code, out)
	}
	r.wantText(t, phone, number, recharge)
	r.change(t, number, bus.Change{Fail: []int{38}})
	if out, code := program(t, "", "gammu", "-c", rc, "sendsms", "TEXT", phone, "-text", "x"); code != 127 || !strings.Contains(out, "error 38") {
		t.Errorf("with error 38: exit %d: %s", code, out)
	}
}

func gammuReceives(t *testing.T, r *radio, number, phone string) {
	rc := gammuConfig(t, r, number, "")
	for i := range 4 { // the SIM holds three, the fourth waits in the network
		if err := r.Send(t.Context(), phone, number, fmt.Sprintf("to gammu %d, мало", i)); err != nil {
			t.Fatal(err)
		}
	}
	await.True(t, "full SIM", func() bool { return r.used(t, number) == 3 })
	out, code := program(t, "", "gammu", "-c", rc, "getallsms")
	for i := range 3 {
		if code != 0 || !strings.Contains(out, fmt.Sprintf("to gammu %d,", i)) || !strings.Contains(out, `"`+phone+`"`) {
			t.Errorf("message %d, exit %d: %s", i, code, out)
		}
	}
	if out, code = program(t, "", "gammu", "-c", rc, "deletesms", "1", "1"); code != 0 {
		t.Errorf("delete: exit %d: %s", code, out)
	}
	await.True(t, "the fourth message in the SIM", func() bool { return r.used(t, number) == 3 })
	if out, code = program(t, "", "gammu", "-c", rc, "deleteallsms", "1"); code != 0 || r.used(t, number) != 0 {
		t.Errorf("delete all: exit %d, %d left: %s", code, r.used(t, number), out)
	}
}

// smsdPlace makes the folders of gammu-smsd and its configuration; more holds additional lines.
func smsdPlace(t *testing.T, r *radio, number, more string) (dir, rc string) {
	t.Helper()
	dir = t.TempDir()
	for _, box := range []string{"inbox", "outbox", "sent", "error"} {
		write(t, filepath.Join(dir, box, ".keep"), "", 0o644)
	}
	return dir, gammuConfig(t, r, number, fmt.Sprintf("\n[smsd]\nservice=files\nchecksecurity=0\nreceivefrequency=1\nloopsleep=1\nlogfile=%[1]s/log\n"+
		"inboxpath=%[1]s/inbox/\noutboxpath=%[1]s/outbox/\nsentsmspath=%[1]s/sent/\nerrorsmspath=%[1]s/error/\nrunonreceive=%[1]s/onreceive\n%[2]s", dir, more))
}

// onReceive is the script that gammu-smsd runs for arrivals.
func onReceive(t *testing.T, dir string) {
	t.Helper()
	write(t, filepath.Join(dir, "onreceive"), "#!/bin/sh\necho \"$SMS_1_NUMBER $SMS_1_TEXT\" >> "+dir+"/received\n", 0o755)
}

func gammuSMSD(t *testing.T, r *radio, number, phone string) {
	dir, rc := smsdPlace(t, r, number, "deliveryreport=log\ndebuglevel=255\n")
	onReceive(t, dir)
	if out, code := program(t, "", "gammu-smsd-inject", "-c", rc, "TEXT", phone, "-text", recharge, "-report"); code != 0 {
		t.Fatalf("inject: exit %d: %s", code, out)
	}
	if err := r.Send(t.Context(), phone, number, "to smsd"); err != nil {
		t.Fatal(err)
	}
	daemon(t, "gammu-smsd", "-c", rc)
	r.wantText(t, phone, number, recharge)
	await.True(t, "the script ran", func() bool { return strings.Contains(contents(dir+"/received"), phone+" to smsd") })
	await.True(t, "the delivery report", func() bool { return strings.Contains(contents(dir+"/log"), "Delivery report: Delivered to "+phone) })
	await.True(t, "an empty SIM", func() bool { return r.used(t, number) == 0 })
}

// smstoolsPlace makes the folders of smstools, its configuration with the lines for its modem, and a script that notes events.
func smstoolsPlace(t *testing.T, r *radio, number, global, modem string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	write(t, filepath.Join(dir, "handler"), "#!/bin/sh\necho \"$@\" >> "+dir+"/events\n", 0o755)
	conf := "devices = M1\nloglevel = 6\ndelaytime = 1\nlogfile = " + dir + "/log\neventhandler = " + dir + "/handler\npidfile = " + dir + "/pid\ninfofile = " + dir + "/running\n" + global
	for _, box := range []string{"outgoing", "checked", "incoming", "sent", "failed", "report"} {
		write(t, filepath.Join(dir, box, ".keep"), "", 0o644)
		conf += fmt.Sprintf("%s = %s/%s\n", box, dir, box)
	}
	write(t, filepath.Join(dir, "conf"), conf+"\n[M1]\ndevice = "+r.ptys[number]+"\nbaudrate = 115200\n"+modem, 0o644)
	return dir
}

// smstoolsSends leaves a message for smstools to send.
func smstoolsSends(t *testing.T, dir, phone string) {
	t.Helper()
	write(t, filepath.Join(dir, "outgoing", "m1"), "To: "+strings.TrimPrefix(phone, "+")+"\n\n"+recharge, 0o644)
}

func smstools(t *testing.T, r *radio, number, phone string) {
	dir := smstoolsPlace(t, r, number, "receive_before_send = no\n", "incoming = yes\nreport = yes\n")
	if err := r.Send(t.Context(), phone, number, "to smstools"); err != nil {
		t.Fatal(err)
	}
	smstoolsSends(t, dir, phone)
	daemon(t, "smsd", "-c"+dir+"/conf", "-t")
	r.wantText(t, phone, number, recharge)
	await.True(t, "both events", func() bool {
		e := contents(dir + "/events")
		return strings.Contains(e, "SENT "+dir+"/sent/m1") && strings.Contains(e, "RECEIVED "+dir+"/incoming/")
	})
	files, err := filepath.Glob(dir + "/incoming/M1.*")
	if err != nil || len(files) != 1 || !strings.Contains(contents(files[0]), "From: "+strings.TrimPrefix(phone, "+")) || !strings.Contains(contents(files[0]), "to smstools") {
		t.Errorf("incoming %q, %v", files, err)
	}
	await.True(t, "an empty SIM", func() bool { return r.used(t, number) == 0 })
}

// gnokiiConfig writes a configuration for gnokii.
func gnokiiConfig(t *testing.T, r *radio, number string) string {
	t.Helper()
	rc := filepath.Join(t.TempDir(), "gnokiirc")
	write(t, rc, "[global]\nport="+r.ptys[number]+"\nmodel=AT\nconnection=serial\nserial_baudrate=115200\n", 0o644)
	return rc
}

func gnokii(t *testing.T, r *radio, number, phone string) {
	rc := gnokiiConfig(t, r, number)
	if out, code := program(t, recharge, "gnokii", "--config", rc, "--sendsms", phone, "-r"); code != 0 || !strings.Contains(out, "Send succeeded with reference 0!") {
		t.Errorf("send: exit %d: %s", code, out)
	}
	r.wantText(t, phone, number, recharge)
	if err := r.Send(t.Context(), phone, number, "to gnokii"); err != nil {
		t.Fatal(err)
	}
	await.True(t, "a message in the SIM", func() bool { return r.used(t, number) == 1 })
	if out, code := program(t, "", "gnokii", "--config", rc, "--getsms", "SM", "1", "end"); code != 0 || !strings.Contains(out, "to gnokii") || !strings.Contains(out, phone) {
		t.Errorf("read: exit %d: %s", code, out)
	}
	if out, code := program(t, "", "gnokii", "--config", rc, "--deletesms", "SM", "1"); code != 0 || r.used(t, number) != 0 {
		t.Errorf("delete: exit %d, %d left: %s", code, r.used(t, number), out)
	}
	r.change(t, number, bus.Change{Fail: []int{38}})
	if out, code := program(t, "x", "gnokii", "--config", rc, "--sendsms", phone); code == 0 || strings.Contains(out, "succeeded") {
		t.Errorf("with error 38: exit %d: %s", code, out)
	}
}

// freePorts returns ports that nobody uses.
func freePorts(t *testing.T, n int) (out []int) {
	t.Helper()
	for range n {
		_, text, err := net.SplitHostPort(freeAddress(t))
		if err != nil {
			t.Fatal(err)
		}
		port, err := strconv.Atoi(text)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, port)
	}
	return out
}

// kannelSite is the site that Kannel calls for messages and delivery reports.
type kannelSite struct {
	mu   sync.Mutex
	hits []string
}

func (k *kannelSite) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.hits = append(k.hits, r.URL.Path+" "+r.URL.Query().Encode())
	if r.URL.Path == "/in" {
		w.Header().Set("Content-Type", "text/plain")
		fmt.Fprint(w, "thanks")
	}
}

func (k *kannelSite) all() string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return strings.Join(k.hits, "\n")
}

// kannelConf is one gateway with one modem: admin port, smsbox port, folder, device, number, sendsms port, our site.
const kannelConf = `group = core
admin-port = %[1]d
admin-password = x
smsbox-port = %[2]d
dlr-storage = internal
log-file = "%[3]s/bearerbox.log"
box-allow-ip = "127.0.0.1"

group = smsc
smsc = at
smsc-id = modem
modemtype = auto
device = %[4]s
speed = 115200
sim-buffering = true
my-number = %[5]s

group = modems
id = sim900
name = "SIM900"
detect-string = "SIM900"
init-string = "AT+CNMI=2,1,0,1,0"

group = smsbox
bearerbox-host = 127.0.0.1
sendsms-port = %[6]d
log-file = "%[3]s/smsbox.log"

group = sendsms-user
username = u
password = p

group = sms-service
keyword = default
catch-all = true
omit-empty = true
get-url = "%[7]s/in?from=%%p&to=%%P&text=%%a"
`

func kannelWithModem(t *testing.T, r *radio, number, phone string) {
	site := &kannelSite{}
	web := httptest.NewServer(site)
	t.Cleanup(web.Close)
	dir, ports := t.TempDir(), freePorts(t, 3)
	conf := fmt.Sprintf(kannelConf, ports[0], ports[1], dir, r.ptys[number], number, ports[2], web.URL)
	write(t, filepath.Join(dir, "kannel.conf"), conf, 0o644)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("%s\n%s", contents(dir+"/bearerbox.log"), contents(dir+"/smsbox.log"))
		}
	})
	daemon(t, "bearerbox", filepath.Join(dir, "kannel.conf"))
	await.True(t, "bearerbox", func() bool { return strings.Contains(contents(dir+"/bearerbox.log"), "AT SMSC successfully opened") })
	daemon(t, "smsbox", filepath.Join(dir, "kannel.conf"))
	smsboxConnected(t, dir)
	q := url.Values{"username": {"u"}, "password": {"p"}, "from": {number}, "to": {phone}, "text": {recharge}, "dlr-mask": {"31"}, "dlr-url": {web.URL + "/dlr?state=%d"}}
	await.True(t, "sendsms", func() bool {
		resp, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d/cgi-bin/sendsms?%s", ports[2], q.Encode()))
		if err != nil {
			return false
		}
		defer resp.Body.Close()
		return resp.StatusCode == http.StatusAccepted
	})
	r.wantText(t, phone, number, recharge)
	await.True(t, "the delivery reports", func() bool {
		h := site.all()
		return strings.Contains(h, "/dlr state=8") && strings.Contains(h, "/dlr state=1")
	})
	if err := r.Send(t.Context(), phone, number, "to Kannel"); err != nil {
		t.Fatal(err)
	}
	want := "/in " + url.Values{"from": {phone}, "to": {number}, "text": {"to Kannel"}}.Encode()
	await.True(t, "the message at the site", func() bool { return strings.Contains(site.all(), want) })
	r.wantText(t, phone, number, "thanks")
}
