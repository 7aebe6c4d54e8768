package e2e

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/await"
	"github.com/paywatt/paywatt/internal/gsm/bus"
	"github.com/paywatt/paywatt/internal/gsm/network"
	"github.com/paywatt/paywatt/internal/tier"
)

// smsPlace is a server whose message route is in its settings file, on a port that is known in advance.
func smsPlace(t *testing.T, port int, route string) (*place, *server, *api) {
	t.Helper()
	p := newPlace(t, paywatt(t))
	write(t, filepath.Join(p.dir, "paywatt.toml"), route, 0o600)
	srv := p.serve(t, fmt.Sprintf("127.0.0.1:%d", port), "127.0.0.1:0")
	a := newAPI(srv.http, p.run(t, "", "apikey", "create", "--role", "owner", "--data", p.dir))
	a.tariff(t)
	return p, srv, a
}

// smsMeter registers and starts a meter whose only connection is its modem. The meter reports its balance to the registered numbers.
func smsMeter(t *testing.T, p *place, a *api, n int, sim, pty string, registered ...string) secrets {
	t.Helper()
	m := a.meter(t, number(n))
	a.must(t, 200, "POST", "/v1/meters/"+m.number+"/sim", map[string]any{"sim_phone": sim}, "Idempotency-Key", "sim-"+m.number)
	args := []string{"vmeter", m.number, "--offline", "--panel", "127.0.0.1:0", "--state", filepath.Join(t.TempDir(), "meter"), "--key", m.decoderKey, "--ea", "07", "--modem", pty}
	for _, number := range registered {
		args = append(args, "--phone", number)
	}
	daemon(t, p.bin, args...)
	return m
}

// tokenIs waits until the token of a sale is in a state. The state is accepted if the meter signs its answers, and heard if the meter can
// only report by SMS that it has the token.
func tokenIs(t *testing.T, a *api, sale answer, state string) {
	t.Helper()
	var last answer
	defer func() {
		if t.Failed() {
			t.Logf("messages: %s", a.must(t, 200, "GET", "/v1/messages", nil).body)
		}
	}()
	await.True(t, "the token of "+sale.text(t, "client_ref")+" is "+state, func() bool {
		last = a.must(t, 200, "GET", "/v1/vends/"+sale.text(t, "id"), nil)
		return last.text(t, "tokens", 0, "state") == state
	})
}

// This test follows a token from the sale to the meter and back, through Kannel: sale, sendsms, modem, network, the meter's modem, its
// answer, Kannel's hook, heard.
func TestOtherProgramsFromTheSaleThroughKannelToTheMeter(t *testing.T) {
	tier.Long(t)
	t.Parallel()
	const ours, theirs = "+255700000260", "+255700000261"
	r := startRadio(t, "--number", ours, "--number", theirs, "--delay", "20ms")
	ports := freePorts(t, 4)
	dir := t.TempDir()
	write(t, dir+"/password", "p\n", 0o600)
	write(t, dir+"/secret", hookSecret+"\n", 0o600)
	hooks := fmt.Sprintf("http://127.0.0.1:%d/hooks/sms/kannel1", ports[3])
	p, srv, a := smsPlace(t, ports[3], fmt.Sprintf("[[sms_route]]\nname = \"kannel1\"\nkind = \"kannel\"\nurl = \"http://127.0.0.1:%d/cgi-bin/sendsms\"\nuser = \"u\"\n"+
		"password_file = \"%[2]s/password\"\nhook_secret_file = \"%[2]s/secret\"\nfrom = \"%[3]s\"\ncallback = \"%[4]s\"\ncost_micro = 800000\n", ports[2], dir, ours, hooks))
	write(t, dir+"/kannel.conf", kannelSettings(t, dir, ports, modemGroup(r.ptys[ours], ours), hooks), 0o644)
	daemon(t, "bearerbox", dir+"/kannel.conf")
	listens(t, "bearerbox", ports[1])
	daemon(t, "smsbox", dir+"/kannel.conf")
	sendsmsAnswers(t, dir, ports[2])
	m := smsMeter(t, p, a, 1260, theirs, r.ptys[theirs], ours)

	first := a.mustVend(t, m.number, 10_000, "kannel-000001", "meter_sms")
	tokenIs(t, a, first, "heard")
	r.weather(t, bus.Weather{Duplicate: 1, DelayMS: 20}) // every message comes twice
	second := a.mustVend(t, m.number, 10_000, "kannel-000002", "meter_sms")
	tokenIs(t, a, second, "heard")
	for _, sale := range []answer{first, second} {
		if digits := sale.text(t, "tokens", 0, "digits"); strings.Contains(srv.log.String(), digits) {
			t.Error("the log shows the digits of a token")
		}
	}
	events := r.events(t)
	if !slices.ContainsFunc(events, func(e network.Event) bool { return e.Kind == network.Doubled && "+"+e.To == theirs }) {
		t.Errorf("the second token was not doubled: %+v", events)
	}
	// The meter's last message has the sum of both tokens: the meter loaded the doubled token once.
	sum := first.num(t, "units_wh") + second.num(t, "units_wh")
	if said := a.must(t, 200, "GET", "/v1/meters/"+m.number, nil); said.num(t, "said_balance", "wh") != sum/100*100 || said.text(t, "said_balance", "source") != "sms answer" {
		t.Errorf("the meter says that it holds %d Wh (%s), want %d by its SMS", said.num(t, "said_balance", "wh"), said.text(t, "said_balance", "source"), sum/100*100)
	}
	list := a.must(t, 200, "GET", "/v1/messages?meter="+m.number, nil)
	if !strings.Contains(string(list.body), `"route":"kannel1"`) || !strings.Contains(string(list.body), `"state":"answered"`) {
		t.Errorf("messages: %s", list.body)
	}
}
