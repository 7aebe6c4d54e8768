package e2e

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
)

// frozenBinary is the environment variable with the build whose data are frozen. It is built with -tags faultinject, so that
// its clock can be set. frozenTo is the variable with the target folder.
const (
	frozenBinary = "FROZEN_BIN"
	frozenTo     = "FROZEN_TO"
)

// restoreDay is the day of the made-up month that falls on today. A restore uses the machine's clock, so the day of the restore must be
// today.
const restoreDay = 23

// month is a small utility that runs for a month and makes the product write everything that it can write.
type month struct {
	*cashDesk
	env     []string
	sketch  string // address of the listener of an Arduino
	hook    *httpGateway
	seq     map[string]int
	secrets map[string]secrets
	begin   time.Time
	now     time.Time
}

// TestFreezeData makes frozen data: see CONTRIBUTING.md. It tests nothing.
func TestFreezeData(t *testing.T) {
	bin, to := os.Getenv(frozenBinary), os.Getenv(frozenTo)
	if bin == "" || to == "" {
		return // no data to freeze
	}
	w := newMonth(t, bin)
	for _, part := range []func(*month){(*month).open, (*month).firstWeek, (*month).tokens, (*month).wallets, (*month).telephones,
		(*month).vouchers, (*month).undone, (*month).secondPerson, (*month).goBack, (*month).last} {
		part(w)
	}
	w.p.env = w.env
	report, errOut, _ := w.p.try("", "verify", "--data", w.p.dir, "-o", "json")
	if sound := (answer{body: []byte(report)}).text(t, "sound"); sound != "true" {
		t.Fatalf("the books are not sound: %s\n%s", report, errOut)
	}
	w.freeze(to)
}

func newMonth(t *testing.T, bin string) *month {
	w := &month{cashDesk: &cashDesk{T: t, whole: t, p: newPlace(t, bin), keys: map[string]string{}}, sketch: freeAddress(t),
		seq: map[string]int{}, secrets: map[string]secrets{}, begin: time.Now().UTC().Truncate(time.Second).AddDate(0, 0, -restoreDay)}
	w.p.expect(clockIsWrong...)
	w.env = w.p.env
	g := &httpGateway{secret: "0123456789abcdef0123456789abcdef"}
	w.hook = g
	site := httptest.NewServer(g)
	t.Cleanup(site.Close)
	write(t, filepath.Join(filepath.Dir(w.p.dir), "secret"), g.secret+"\n", 0o600)
	write(t, filepath.Join(w.p.dir, "paywatt.toml"), fmt.Sprintf("[[sms_route]]\nname = \"phone1\"\nkind = \"http\"\nurl = \"%s/send\"\nsecret_file = \"%s/secret\"\ncost_micro = 800000\n",
		site.URL, filepath.Dir(w.p.dir)), 0o600)
	return w
}

// day starts the server again on a day of the month, at an hour.
func (w *month) day(n, hour int, faults ...string) {
	w.Helper()
	if w.server != nil {
		w.server.stop()
	}
	w.now = w.begin.AddDate(0, 0, n).Truncate(24 * time.Hour).Add(time.Duration(hour) * time.Hour)
	faults = append(faults, "clock="+time.Until(w.now).String())
	w.p.env = append(slices.Clone(w.env), "FAULT_INJECT="+strings.Join(faults, ","))
	more := []string{"--mqtt-integration", "127.0.0.1:0"}
	if n > 1 {
		more = append(more, "--mqtt-legacy", w.sketch+"="+number(7003), "--legacy-poll-interval", "1s")
	}
	w.server = w.p.serve(w.whole, "127.0.0.1:0", "127.0.0.1:0", more...)
	if w.keys["owner"] == "" {
		w.keys["owner"] = strings.TrimSpace(w.cli("apikey", "create", "--role", "owner", "--name", "first"))
	}
	w.owner = newAPI(w.server.http, w.keys["owner"])
	w.trustClock()
}

// trustClock lets the server sell although the days of the month pass at once. The second person agrees once four eyes are on.
func (w *month) trustClock() {
	w.Helper()
	w.meters++
	a, err := w.owner.do("POST", "/v1/clock/trust", map[string]any{"reason": "the days pass at once"}, "Idempotency-Key", fmt.Sprintf("month-%06d", w.meters))
	switch {
	case err != nil:
		w.Fatal(err)
	case a.status == 202:
		w.post(newAPI(w.server.http, w.keys["second"]), "/v1/approvals/"+a.text(w, "id")+"/approve", map[string]any{"reason": "my clock says the same"})
	case a.status != 200 && a.text(w, "code") != "clock-trusted":
		w.Fatalf("trust the clock: %d %s", a.status, a.body)
	}
}

// cli runs a command on the data folder, at the time of the server.
func (w *month) cli(args ...string) string {
	w.Helper()
	return w.p.run(w, "", append(args, "--data", w.p.dir)...)
}

// post sends a request under a new idempotency key. The request must succeed.
func (w *month) post(c *api, path string, body any) answer {
	w.Helper()
	w.meters++
	a, err := c.do("POST", path, body, "Idempotency-Key", fmt.Sprintf("month-%06d", w.meters))
	if err != nil || a.status/100 != 2 {
		w.Fatalf("POST %s %v: %d %v\n%s", path, body, a.status, err, a.body)
	}
	return a
}

func (w *month) sell(c *api, meter string, minor int64, deliver ...string) answer {
	w.Helper()
	body := map[string]any{"meter": meter, "tender": kes(minor), "client_ref": fmt.Sprintf("slip-%06d", w.meters+1)}
	if len(deliver) > 0 {
		body["deliver"] = deliver
	}
	return w.post(c, "/v1/vends", body)
}

// add registers a meter and keeps its secrets.
func (w *month) add(n int, mode, tariff string, more map[string]any) string {
	w.Helper()
	body := map[string]any{"number": number(n), "mode": mode, "tariff": tariff, "address": fmt.Sprintf("Plot %d", n), "feeder": "North 3",
		"customer": map[string]any{"name": fmt.Sprintf("House %d", n), "phone": fmt.Sprintf("+2547000%05d", n)}}
	if mode == "prepay_token" {
		body["sgc"], body["krn"], body["kt"], body["ti"] = "123456", 1, 2, "01"
	}
	for k, v := range more {
		body[k] = v
	}
	a := w.owner.must(w, 201, "POST", "/v1/meters", body)
	s := secrets{number: number(n), password: a.text(w, "mqtt_password"), linkKey: a.text(w, "link_key")}
	if mode == "prepay_token" && body["simulated"] == true {
		s.decoderKey = a.text(w, "decoder_key")
	}
	w.secrets[s.number] = s
	return s.number
}

// virtual starts a virtual meter that keeps its memory over the month.
func (w *month) virtual(number string, more ...string) *vmeter {
	w.Helper()
	s := w.secrets[number]
	dir := filepath.Join(filepath.Dir(w.p.dir), "meter-"+number)
	if s.decoderKey == "" {
		args := []string{"vmeter", number, "--script", "--state", dir, "--mode", "wallet", "--mqtt", "mqtt://" + w.server.mqtt, "--password", s.password, "--link-key", s.linkKey}
		m, err := scripted(w.p.bin, append(args, more...))
		if err != nil {
			w.Fatal(err)
		}
		w.Cleanup(m.kill)
		return m
	}
	return w.p.meterProcess(w, dir, w.server.mqtt, s, more...)
}

// says publishes a message with mosquitto's client, as a meter would. No program of a meter runs.
func (w *month) says(number, kind, body string) {
	w.Helper()
	s := w.secrets[number]
	if _, err := mosquittoSays(w.server.mqtt, s, kind, body); err != nil {
		w.Fatal(err)
	}
}

// reads reports the register of a meter, also with mosquitto's client. The time of the reading is ten hours before now, plus the given
// hours.
func (w *month) reads(number string, hours, wh int) {
	w.Helper()
	if w.seq[number] == 0 {
		w.says(number, "boot", `{"store":"0123456789abcdef","lowest":1,"next":1,"boot":1,"proto":1,"fw":"x","reset":"power","caps":[]}`)
	}
	w.seq[number]++
	w.says(number, "reading", fmt.Sprintf(`{"seq":%d,"at":%d,"up":%d,"clock":"valid","register_wh":%d,"balance_wh":0,"w":400,"mv":230000,"relay":"closed","reasons":[]}`,
		w.seq[number], w.now.Add(time.Duration(hours-10)*time.Hour).Unix(), 3_600_000*(hours+1), wh))
}

// mosquittoSays publishes one message of a meter and waits for its PUBACK, which follows the commit.
func mosquittoSays(broker string, s secrets, kind, body string) (bool, error) {
	o := mqtt.NewClientOptions().AddBroker("tcp://" + broker).SetClientID(s.number).SetUsername(s.number).SetPassword(s.password).SetAutoReconnect(false)
	c := mqtt.NewClient(o)
	if tok := c.Connect(); !tok.WaitTimeout(5*time.Second) || tok.Error() != nil {
		return false, fmt.Errorf("connect: %w", tok.Error())
	}
	defer c.Disconnect(100)
	tok := c.Publish("m/"+s.number+"/up/"+kind, 1, false, body)
	if !tok.WaitTimeout(5*time.Second) || tok.Error() != nil {
		return false, fmt.Errorf("publish up/%s: %w", kind, tok.Error())
	}
	return true, nil
}

// open plays the first day: it sets up the utility, its prices, its people, its vendors, its logins.
func (w *month) open() {
	w.day(0, 8)
	w.owner.must(w, 200, "POST", "/v1/settings", `{"name":"Village Power","tz":"Africa/Nairobi","currency":"KES","vat_no":"P051","message":"Thank you",
		"wallet_warn1_minor":5000,"wallet_warn2_minor":1000,"wallet_vat_on_advances":true,"quiet_from":"21:00","quiet_to":"06:00","supply_friendly":["mon,tue 18:00-07:00"]}`)
	for _, tariff := range []string{
		`{"name":"domestic","currency":"KES","vat_bps":1500,"flat_micro":2500000,"fixed":[{"name":"standing","amount_minor":11270,"per":"month"}],"levies":[{"name":"fund","percent_bps":500}]}`,
		ibt + `,"free_units":{"units_wh":50000},"vend_fee":{"amount_minor":200}}`,
		`{"name":"plan","currency":"KES","vat_bps":1600,"flat_micro":20000000}`,
		`{"name":"monthly","currency":"KES","vat_bps":0,"plan":{"amount_minor":90000,"per":"month"}}`,
		`{"name":"hours","currency":"KES","vat_bps":1600,"tou":{"rates":[{"name":"peak","rate_micro":30000000},{"name":"low","rate_micro":12000000}],"otherwise":"low","windows":[{"rate":"peak","days":["mon","tue","wed","thu","fri"],"from":"18:00","to":"22:00"}]}}`,
	} {
		w.owner.must(w, 201, "POST", "/v1/tariffs", tariff)
	}
	w.owner.must(w, 201, "POST", "/v1/vendors", `{"name":"Corner shop","code":"CORNER","commission_bps":150}`)
	w.owner.must(w, 201, "POST", "/v1/vendors", `{"name":"Kiosk","code":"KIOSK","billing":"postpaid","credit_limit_minor":500000}`)
	w.post(w.owner, "/v1/vendors/CORNER/deposits", map[string]any{"amount": kes(500_000), "reference": "BANK-1"})
	link := regexp.MustCompile(`setup\?code=(\S+)`).FindStringSubmatch(w.server.log.String())
	if link == nil {
		w.Fatalf("no link to set up with\n%s", w.server.log)
	}
	w.form("/setup", url.Values{"code": {strings.Trim(link[1], `"`)}, "email": {"owner@example.org"}, "name": {"Owner"}, "password": {consolePassword}})
	w.form("/signin", url.Values{"email": {"owner@example.org"}, "password": {consolePassword}})
	w.as("operator")
	w.as("vendor_api CORNER")
	w.as("vendor_api KIOSK")
	gone := answer{body: []byte(w.cli("apikey", "create", "--role", "vendor_api", "--vendor", "KIOSK", "--name", "lost till", "-o", "json"))}
	w.cli("apikey", "revoke", gone.text(w, "id"))
	w.cli("apikey", "create", "--role", "auditor", "--person", "owner@example.org")
	w.p.run(w, "cdcdcdcdcdcdcdcd\n", "vendingkey", "add", "--sgc", "123456", "--krn", "2", "--kt", "2", "--dkga", "02", "--base-date", "2014",
		"--key-file", "-", "--test", "--data", w.p.dir)
}

// form posts a form of the console.
func (w *month) form(path string, form url.Values) {
	w.Helper()
	c := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	r, err := c.PostForm(w.owner.url+path, form)
	if err != nil {
		w.Fatal(err)
	}
	_ = r.Body.Close()
	if r.StatusCode != http.StatusSeeOther {
		w.Fatalf("%s: status %d", path, r.StatusCode)
	}
}

// firstWeek makes sales, which collect charges and debts.
func (w *month) firstWeek() {
	for n := 7010; n < 7015; n++ {
		w.add(n, "prepay_token", []string{"domestic", "ibt"}[n%2], map[string]any{"simulated": n%2 == 0})
	}
	w.add(7020, "prepay_token", "domestic", map[string]any{"status": "stock"})
	shop, kiosk, till := w.as("vendor_api CORNER"), w.as("vendor_api KIOSK"), w.as("operator")
	for n := range 10 {
		w.sell([]*api{shop, kiosk, till}[n%3], number(7010+n%5), int64(10_000+37*n))
	}
	w.owner.must(w, 201, "POST", "/v1/tariffs/domestic/versions", `{"currency":"KES","vat_bps":1600,"flat_micro":2600000,"effective_from":"`+
		w.begin.AddDate(0, 0, 10).Format(time.RFC3339)+`","fixed":[{"name":"standing","amount_minor":11270,"per":"month"}]}`)
	w.post(w.owner, "/v1/charges", map[string]any{"account": number(7011), "name": "reconnection", "month": w.begin.Format("2006-01"), "amount": kes(11_270), "vat_bps": 1500})
	for n, d := range []map[string]any{
		{"kind": "loan", "mode": "percent", "percent_bps": 2000, "amount": kes(60_000), "memo": "a stove"},
		{"kind": "fine", "mode": "fixed", "fixed_minor": 500, "amount": kes(1_000), "against": "fees"},
		{"kind": "arrears", "mode": "full", "amount": kes(2_000)}, {"kind": "arrears", "mode": "percent", "percent_bps": 1000, "amount": kes(90_000)},
	} {
		d["account"] = number(7011 + n)
		made := w.post(w.owner, "/v1/debts", d)
		if n == 3 {
			w.post(w.owner, "/v1/debts/"+made.text(w, "id")+"/write-off", map[string]any{"reason": "moved away"})
		}
	}
	w.post(w.owner, "/v1/adjustments", map[string]any{"account": number(7012), "amount": kes(1_000), "reason": "outage"})
	w.day(4, 9)
	for n := range 8 {
		sold := w.sell([]*api{w.as("vendor_api CORNER"), w.as("operator")}[n%2], number(7010+n%5), int64(20_000+11*n))
		if n < 2 {
			w.post(w.owner, "/v1/vends/"+sold.text(w, "id")+"/reprints", map[string]any{})
		}
	}
}
