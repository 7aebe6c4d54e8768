package e2e

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/await"
	"github.com/paywatt/paywatt/internal/tier"
)

// sketchState is the line that `paywatt vmeter --legacy --script` writes.
type sketchState struct {
	Connected bool     `json:"connected"`
	Relay     string   `json:"relay"`
	Polls     int64    `json:"polls"`
	Connects  int64    `json:"connects"`
	Heard     []string `json:"heard"`
}

// sketch starts a scripted Arduino on a listener.
func (p *place) sketch(t *testing.T, number, addr, kind string) *vmeter {
	t.Helper()
	m, err := scripted(p.bin, []string{"vmeter", number, kind, "--mqtt", addr, "--script"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.kill)
	return m
}

func (m *vmeter) sketch(t *testing.T, command string) (s sketchState) {
	t.Helper()
	if err := m.sendFor(command, 2*await.Limit, &s); err != nil {
		t.Fatal(err)
	}
	if text := m.log.String(); strings.Contains(text, "did not come") {
		t.Fatalf("%s: %s\nstate %+v", command, text, s)
	}
	return s
}

// freeAddress is an address without a listener.
func freeAddress(t *testing.T) string {
	t.Helper()
	address, err := addresses.free()
	if err != nil {
		t.Fatal(err)
	}
	return address
}

// storyProfile writes a profile named story. It is a copy of the profile seed-a with a tenth of the shunt's resistance, so
// the same counts of the device mean ten times the current. The plan's 500 Wh are then used in less than a minute.
func storyProfile(t *testing.T, p *place) {
	t.Helper()
	b, err := os.ReadFile("../profiles/seed-a.toml")
	if err != nil {
		t.Fatal(err)
	}
	text := strings.NewReplacer(`name = "seed-a"`, `name = "story"`, `shunt_ohm = "0.1"`, `shunt_ohm = "0.01"`, "max_w = 12000", "max_w = 120000").Replace(string(b))
	folder := filepath.Join(p.dir, "profiles")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "story.toml"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// walletMeter registers a meter on the plan of 500 Wh for 50.00.
func (a *api) walletMeter(t *testing.T, number string) {
	t.Helper()
	a.must(t, 201, "POST", "/v1/meters", map[string]any{"number": number, "mode": "prepay_wallet", "tariff": "plan"})
}

func (a *api) plan(t *testing.T) {
	t.Helper()
	a.must(t, 201, "POST", "/v1/tariffs", map[string]any{"name": "plan", "currency": "KES", "vat_bps": 0, "flat_micro": 100_000_000, "plan_wh": 500})
}

func (a *api) recharge(t *testing.T, number string, minor int64, ref string) {
	t.Helper()
	a.must(t, 201, "POST", "/v1/vends", map[string]any{"meter": number, "tender": map[string]any{"amount_minor": minor, "currency": "KES"},
		"client_ref": ref}, "Idempotency-Key", ref)
}

func (a *api) balance(t *testing.T, number string) int64 {
	t.Helper()
	return a.must(t, 200, "GET", "/v1/meters/"+number, nil).num(t, "balance", "amount_minor")
}

func (a *api) register(t *testing.T, number string) int64 {
	t.Helper()
	return a.must(t, 200, "GET", "/v1/meters/"+number, nil).num(t, "register_wh")
}

// settings changes the tenant's settings in the data of a stopped server, and returns the old settings.
func (p *place) settings(t *testing.T, to string) (was string) {
	t.Helper()
	db := openDatabase(t, p.dir)
	was = text(t, db, "SELECT settings FROM tenant")
	rows(t, db, "UPDATE tenant SET settings = ?", nil, to)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	return was
}

// story is two Arduinos on two listeners of one server.
type story struct {
	*place
	srv                     *server
	a                       *api
	key, first, second, was string
	http, mqtt              string
	listeners               []string
	m, other                *vmeter
}

func newStory(t *testing.T) *story {
	t.Helper()
	s := &story{place: newPlace(t, paywatt(t)), first: number(6001), second: number(6002), http: freeAddress(t), mqtt: freeAddress(t)}
	storyProfile(t, s.place)
	one, two := freeAddress(t), freeAddress(t)
	s.listeners = []string{"--mqtt-legacy", one + "=" + s.first + ":story", "--mqtt-legacy", two + "=" + s.second, "--legacy-poll-interval", "2s"}
	s.begin(t)
	s.key = s.run(t, "", "apikey", "create", "--role", "owner", "--data", s.dir)
	s.a = newAPI(s.srv.http, s.key)
	s.a.plan(t)
	for _, m := range []string{s.first, s.second} {
		s.a.walletMeter(t, m)
		// With 23 kW a phase the readings of the story's device would be held for review.
		s.a.must(t, 200, "POST", "/v1/meters/"+m, map[string]any{"max_w": 120000, "reason": "the device of the story"})
	}
	s.srv.stop()
	s.was = s.settings(t, `{"wallet":{"warn1_minor":1,"warn2_minor":2000}}`) // an urgent warning at 20.00
	s.begin(t)
	s.m = s.sketch(t, s.first, one, "--legacy")
	if v := s.m.sketch(t, "wait heard=OFF 120s"); v.Relay != "open" {
		t.Fatalf("unpaid, the relay is %s", v.Relay)
	}
	s.m.sketch(t, "wait heard=data 120s")
	s.other = s.sketch(t, s.second, two, "--legacy")
	return s
}

func (s *story) begin(t *testing.T) {
	t.Helper()
	s.srv = s.serve(t, s.http, s.mqtt, s.listeners...)
}

// TestTheStoryOfTheFirstMeter plays the whole story of the Arduino meter on real TCP: it starts, is polled for data, and is off until money
// comes. It uses 500 Wh for 50.00, is warned, switches off, is recharged, switches on, and gets its summary. It is recharged by the API and
// by the command line. The server is killed in the middle. A second such meter on another listener notices nothing but the restart.
func TestTheStoryOfTheFirstMeter(t *testing.T) {
	tier.Long(t)
	t.Parallel()
	s := newStory(t)
	s.expect("The settings of tenant 1 were changed outside the server")
	s.a.recharge(t, s.second, 50_00, "other-000001")
	s.other.sketch(t, "load 1000")
	s.other.sketch(t, "wait relay=closed 120s")
	if got := s.a.must(t, 200, "GET", "/v1/meters/"+s.first, nil).text(t, "state"); got != "cut_off" {
		t.Errorf("unpaid, the meter is shown as %s", got)
	}
	s.useUpAndRecharge(t, s.useAndKill(t))
	if v := s.other.sketch(t, "show"); v.Relay != "closed" || v.Connects != 2 || slices.Contains(v.Heard[1:], "OFF") {
		t.Errorf("the other meter: %+v, want it on, with one connection a server", v)
	}
	s.lookAndAsk(t)
	s.a.mustBalance(t)
	if got := s.a.must(t, 200, "GET", "/v1/meters/"+s.first+"/commands", nil); !strings.Contains(string(got.body), `"data":[]`) {
		t.Errorf("commands for a device that takes none: %s", got.body)
	}
	s.srv.stop()
	s.settings(t, s.was) // verification expects the settings that were made through the server
	s.run(t, "", "verify", "--data", s.dir)
}

// useAndKill recharges, uses 200 Wh and kills the server; it returns how long the device had no server.
func (s *story) useAndKill(t *testing.T) time.Duration {
	t.Helper()
	s.m.sketch(t, "load 90000")
	s.a.recharge(t, s.first, 50_00, "first-000001")
	s.m.sketch(t, "wait relay=closed 120s")
	s.m.sketch(t, "subscribe GsmClientTest/#")
	await.True(t, "200 Wh are used", func() bool { return s.a.register(t, s.first) >= 200 })
	s.srv.kill()
	before := time.Now()
	s.m.sketch(t, "wait connected=false 120s")
	s.begin(t)
	s.m.sketch(t, "wait connected=true 120s")
	if got := s.a.register(t, s.first); got < 200 {
		t.Errorf("after the server was killed the register is %d Wh, it was 200 or more", got)
	}
	return time.Since(before)
}

// useUpAndRecharge waits until the device is warned and then switched off for lack of money, and recharges it. The balance may fall below
// zero only by the energy that the device used between two polls and while there was no server.
func (s *story) useUpAndRecharge(t *testing.T, away time.Duration) {
	t.Helper()
	s.m.sketch(t, "subscribe GsmClientTest/#")
	if v := s.m.sketch(t, "wait relay=open 120s"); v.Connects != 2 {
		t.Errorf("%d connections, want one before the kill and one after", v.Connects)
	} else if !slices.ContainsFunc(v.Heard, func(h string) bool { return strings.HasPrefix(h, "GsmClientTest/warning warning: KES ") }) && away < 8*time.Second {
		t.Errorf("no warning before it was off: %q", v.Heard)
	}
	owed := s.a.balance(t, s.first)
	limit := int64((away + 5*time.Second).Seconds() * 90_000 / 3600 * 10) // in minor units, at 0.10 a Wh
	if owed > 0 || owed < -limit {
		t.Errorf("off at a balance of %d, want 0 or less and at least %d", owed, -limit)
	}
	s.m.sketch(t, "load 0")
	s.till().run(t, "", "vend", s.first, "50.00") // the second time as a person at the command line
	if v := s.m.sketch(t, "wait relay=closed 120s"); v.Heard[len(v.Heard)-1] == "OFF" {
		t.Errorf("recharged by the command line, and the last word to the sketch was OFF: %q", v.Heard)
	}
	if got := s.a.balance(t, s.first); got < 50_00+owed-400 || got > 50_00+owed {
		t.Errorf("balance %d after 50.00 on top of %d", got, owed)
	}
}

// till is the story's place with an API key for the command line.
func (s *story) till() *place {
	q := *s.place
	q.env = append(slices.Clone(s.env), "PAYWATT_URL=http://"+s.srv.http, "PAYWATT_KEY="+strings.TrimSpace(s.key))
	return &q
}

// lookAndAsk asks for the summary, at the console and at the device, and watches the other meter.
func (s *story) lookAndAsk(t *testing.T) {
	t.Helper()
	q := s.till()
	if out := q.run(t, "", "meter", "summary", s.first, "--send"); !strings.Contains(out, "this month kWh") {
		t.Errorf("summary: %s", out)
	}
	if v := s.m.sketch(t, "run 4s"); !slices.ContainsFunc(v.Heard, func(h string) bool {
		return strings.HasPrefix(h, "GsmClientTest/summary total 0.") && strings.Contains(h, "balance KES ")
	}) {
		t.Errorf("no summary at the device: %q", v.Heard)
	}
	if out, errOut, code := q.try("", "meter", "summary", s.second, "--send"); code != 4 || !strings.Contains(errOut, "takes summaries") {
		t.Errorf("summary to a device that does not listen: exit %d, %s%s", code, out, errOut)
	}
	watched := q.run(t, "", "meter", "watch", s.second, "--for", "3s")
	for _, want := range []string{"status: connected (Meter Started)  data: ", " W, 0.0", "  state: relay closed (meter is on), should be on, KES 49."} {
		if !strings.Contains(watched, want) {
			t.Errorf("meter watch lacks %q:\n%s", want, watched)
		}
	}
	if lines := q.run(t, "", "meter", "watch", s.second, "--for", "1s", "-o", "json"); !strings.Contains(lines, `"data":"`) || !strings.HasPrefix(lines, `{"at":"`) {
		t.Errorf("meter watch -o json: %s", lines)
	}
}

// mustBalance: the books add up.
func (a *api) mustBalance(t *testing.T) {
	t.Helper()
	if got := a.must(t, 200, "GET", "/v1/ledger/trial-balance", nil); !bytes.Contains(got.body, []byte("wallet")) {
		t.Errorf("no wallet in the books: %s", got.body)
	}
}

// TestTheToggleSketchIsLeftAlone: the device runs an example sketch whose relay can only be toggled. The server stores the sketch's
// messages. It sends a toggle only when a person requests one.
func TestTheToggleSketchIsLeftAlone(t *testing.T) {
	tier.Long(t)
	t.Parallel()
	p := newPlace(t, paywatt(t))
	addr, num := freeAddress(t), number(6003)
	srv := p.serve(t, "127.0.0.1:0", "127.0.0.1:0", "--mqtt-legacy", addr+"="+num+":seed-a-toggle", "--legacy-poll-interval", "1s")
	a := newAPI(srv.http, p.personKey(t, "amina", "owner"))
	a.plan(t)
	a.walletMeter(t, num)
	m := p.sketch(t, num, addr, "--legacy=toggle")
	m.sketch(t, "wait connected=true 120s")
	if s := m.sketch(t, "run 4s"); len(s.Heard) > 0 || s.Relay != "open" {
		t.Errorf("told unasked: %+v", s)
	}
	for _, want := range []string{"closed", "open"} { // a person's toggle arrives once
		a.must(t, 202, "POST", "/v1/meters/"+num+"/device/toggle", map[string]any{"reason": "try the relay"})
		m.sketch(t, "wait relay="+want+" 120s")
		await.True(t, "the answer", func() bool { return a.must(t, 200, "GET", "/v1/meters/"+num+"/device", nil).text(t, "relay") == want })
	}
	a.must(t, 400, "POST", "/v1/meters/"+num+"/device/toggle", map[string]any{"reason": ""})

	// Its wallet is empty, so its supply should be off. With four eyes on, switching it on takes two people, as a connect with force does;
	// switching it off takes one person.
	a.must(t, 200, "POST", "/v1/settings", `{"four_eyes":"on","four_eyes_alone":true}`)
	second := newAPI(srv.http, p.personKey(t, "ben", "owner"))
	on := a.must(t, 202, "POST", "/v1/meters/"+num+"/device/toggle", map[string]any{"reason": "my own house"})
	if s := m.sketch(t, "run 2s"); !strings.HasPrefix(on.text(t, "id"), "apr_") || s.Relay != "open" {
		t.Fatalf("one person switched on a supply that nobody pays for: relay %s, %s", s.Relay, on.body)
	}
	second.must(t, 200, "POST", "/v1/approvals/"+on.text(t, "id")+"/approve", `{}`)
	m.sketch(t, "wait relay=closed 120s")
	await.True(t, "the answer", func() bool {
		return a.must(t, 200, "GET", "/v1/meters/"+num+"/device", nil).text(t, "relay") == "closed"
	})
	a.must(t, 202, "POST", "/v1/meters/"+num+"/device/toggle", map[string]any{"reason": "off again"})
	m.sketch(t, "wait relay=open 120s")
}

// TestMosquittosClientsPlayTheSketch: mosquitto_sub listens and mosquitto_pub speaks as the sketch does, with its client id.
// As with any broker, a new connection with this id ends the older connection, whose client reconnects.
func TestMosquittosClientsPlayTheSketch(t *testing.T) {
	tier.Long(t)
	t.Parallel()
	p := newPlace(t, paywatt(t))
	addr, num := freeAddress(t), number(6004)
	srv := p.serve(t, "127.0.0.1:0", "127.0.0.1:0", "--mqtt-legacy", addr+"="+num, "--legacy-poll-interval", "1s")
	a := newAPI(srv.http, p.run(t, "", "apikey", "create", "--role", "owner", "--data", p.dir))
	a.plan(t)
	a.walletMeter(t, num)
	d := newPlayer(t, addr)
	listen := func(want string) {
		t.Helper()
		if said := d.hears(t, "2"); said != want {
			t.Fatalf("mosquitto_sub heard %q, want %q", said, want)
		}
	}
	d.says(t, "init", "Meter Started")
	listen("led OFF; led data")
	d.says(t, "ledStatus", "meter is off")
	a.recharge(t, num, 50_00, "mosquitto-1")
	listen("led ON; led data")
	d.says(t, "ledStatus", "meter is on")
	for range 3 {
		d.says(t, "ledStatus", "1023:0")
		listen("led ON; led data")
	}
	if got := a.register(t, num); got < 1 {
		t.Errorf("register %d Wh", got)
	}
	if out, err := exec.Command("mosquitto_sub", "-h", d.host, "-p", d.port, "-i", "somebody", "-t", "#", "-W", "3", "-C", "1").CombinedOutput(); err == nil {
		t.Errorf("another client id is let in: %s", out)
	}
}

// TestTheSketchByteForByte: a plain socket sends what PubSubClient would send and reads what it would read.
func TestTheSketchByteForByte(t *testing.T) {
	t.Parallel()
	p := newPlace(t, paywatt(t))
	addr, num := freeAddress(t), number(6005)
	srv := p.serve(t, "127.0.0.1:0", "127.0.0.1:0", "--mqtt-legacy", addr+"="+num, "--legacy-poll-interval", "1s")
	a := newAPI(srv.http, p.run(t, "", "apikey", "create", "--role", "owner", "--data", p.dir))
	a.plan(t)
	a.walletMeter(t, num)
	c := dial(t, addr)
	defer c.Close()
	say := func(b string) {
		t.Helper()
		if _, err := io.WriteString(c, b); err != nil {
			t.Fatal(err)
		}
	}
	r := bufio.NewReader(c)
	const data = "\x30\x17\x00\x11GsmClientTest/leddata"
	// hear reads the wanted packet. The server asks for data each second, so on a slow machine further questions come before it.
	hear := func(want string) {
		t.Helper()
		if err := c.SetReadDeadline(time.Now().Add(await.Limit)); err != nil {
			t.Fatal(err)
		}
		for {
			got, err := r.Peek(2)
			if err == nil && got[1] < 0x80 { // the packets of this protocol are short
				got, err = r.Peek(2 + int(got[1]))
			}
			switch {
			case errors.Is(err, os.ErrDeadlineExceeded):
				t.Fatalf("%s: after %v still only %q, want %q", await.NotInTime, await.Limit, got, want)
			case err == io.EOF && len(got) == 0 && want == "": // the end of the connection
				return
			case err != nil || string(got) != want && string(got) != data:
				t.Fatalf("heard %q, %v, want %q", got, err, want)
			}
			if _, err := r.Discard(len(got)); err != nil {
				t.Fatal(err)
			}
			if string(got) == want {
				return
			}
		}
	}
	say("\x10\x1f\x00\x04MQTT\x04\x02\x00\x0f\x00\x13electricitymeterGSM")
	hear("\x20\x02\x00\x00")
	say("\x30\x21\x00\x12GsmClientTest/initMeter Started\x82\x16\x00\x02\x00\x11GsmClientTest/led\x00")
	hear("\x90\x03\x00\x02\x00")
	hear("\x30\x16\x00\x11GsmClientTest/ledOFF")
	say("\x30\x25\x00\x17GsmClientTest/ledStatusmeter is off")
	hear(data)
	say("\x30\x20\x00\x17GsmClientTest/ledStatus512:512\xc0\x00")
	hear("\xd0\x00")
	hear(data) // the device gets no other packet in between
	say("\xe0\x00")
	hear("") // the server closes the connection
}

// TestManyListenersAtOnce: eight devices with the same client id, each on its own listener, do not disturb each other.
func TestManyListenersAtOnce(t *testing.T) {
	t.Parallel()
	p := newPlace(t, paywatt(t))
	var more, addrs []string
	for i := range 8 {
		addrs = append(addrs, freeAddress(t))
		more = append(more, "--mqtt-legacy", addrs[i]+"="+number(6010+i))
	}
	srv := p.serve(t, "127.0.0.1:0", "127.0.0.1:0", append(more, "--legacy-poll-interval", "1s")...)
	a := newAPI(srv.http, p.run(t, "", "apikey", "create", "--role", "owner", "--data", p.dir))
	a.plan(t)
	devices := make([]*vmeter, len(addrs))
	for i := range addrs {
		a.walletMeter(t, number(6010+i))
		if i%2 == 0 {
			a.recharge(t, number(6010+i), 50_00, fmt.Sprintf("many-%04d", i))
		}
		devices[i] = p.sketch(t, number(6010+i), addrs[i], "--legacy")
	}
	for i, m := range devices {
		var s sketchState
		want := map[bool]string{true: "closed", false: "open"}[i%2 == 0]
		await.True(t, fmt.Sprintf("the relay of device %d is %s, and it was polled twice", i, want), func() bool {
			s = m.sketch(t, "show")
			return s.Relay == want && s.Polls >= 2
		})
		if s.Connects != 1 {
			t.Errorf("device %d: %+v, want one connection", i, s)
		}
	}
}
