package api_test

import (
	"cmp"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/api"
	"github.com/paywatt/paywatt/internal/app"
	"github.com/paywatt/paywatt/internal/await"
	"github.com/paywatt/paywatt/internal/config"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/intake"
	"github.com/paywatt/paywatt/internal/keystore"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/tier"
	"github.com/paywatt/paywatt/wire"
)

// Meters of devices: one has the only command to toggle its relay, one shows summaries, and one has a device with a name.
const (
	toggler  = "04140001035"
	listener = "04140001043"
	plugged  = "04140001050"
)

// stage is a server with one object of every kind, on which all operations are valid.
type stage struct {
	*world
	began                                                              time.Time // its month is that of the first sale
	n                                                                  int
	folder                                                             *app.Folder
	people                                                             *access.Access
	sale, vendorSale, token, command, customer, message, doubt, seller string
	digits                                                             []string
	plug, adoptee                                                      string // name of a device that talks; empty for none yet
	owner                                                              string // key of the owner whose operations the table shows
	unread                                                             string // difference about a call that cannot be read; empty for none yet
}

// next returns a number that was not used before.
func (s *stage) next() int { s.n++; return s.n }

// do sends a valid request of the owner. A GET takes no number: a test repeats it while it waits, and the numbers become parts of names.
func (s *stage) do(status int, method, path, body string) answer {
	s.t.Helper()
	if method == http.MethodGet {
		return s.want(status, s.ask(method, path, s.key, body))
	}
	return s.want(status, s.ask(method, path, s.key, body, "Idempotency-Key", fmt.Sprintf("stage-%06d", s.next())))
}

// sold makes a sale, of the utility or of the vendor, and returns its id.
func (s *stage) sold(vendor bool) string {
	s.t.Helper()
	key := s.key
	if vendor {
		key = s.seller
	}
	ref := `,"client_ref":"` + map[bool]string{false: "utility", true: "vendor"}[vendor] + fmt.Sprintf(`-%d"}`, s.next())
	body := strings.TrimSuffix(order("1000"), "}") + ref
	return decode[sale](s.t, s.want(201, s.ask("POST", "/v1/vends", key, body, "Idempotency-Key", fmt.Sprintf("stage-%06d", s.next())))).ID
}

// waiting returns an approval that waits: the vendor asks to reverse its sale.
func (s *stage) waiting(bool) string {
	s.t.Helper()
	id := s.sold(true)
	a := s.ask("POST", "/v1/vends/"+id+"/reversal", s.seller, `{"reason":"matrix"}`, "Idempotency-Key", fmt.Sprintf("stage-%06d", s.next()))
	return decode[approval](s.t, s.want(202, a)).ID
}

// added adds a meter of a customer.
func (s *stage) added(mode string) string {
	s.t.Helper()
	number := s.number()
	body := newMeter(number)
	if mode == "prepay_wallet" {
		body = `{"number":"` + number + `","mode":"prepay_wallet","tariff":"domestic","customer":{"name":"Amina A.","phone":"+254700000001"}}`
	}
	s.do(201, "POST", "/v1/meters", body)
	return number
}

// left adds a wallet meter whose customer pays 5.00 and moves out. It returns the meter and the account.
func (s *stage) left() (meter, account string) {
	s.t.Helper()
	meter = s.added("prepay_wallet")
	account = decode[struct{ ID string }](s.t, s.do(200, "GET", "/v1/accounts/"+meter, "")).ID
	s.do(201, "POST", "/v1/vends", strings.Replace(order("500"), meterNumber, meter, 1))
	s.do(201, "POST", "/v1/accounts/"+meter+"/move-out", `{"reason":"lease ended"}`)
	return meter, account
}

func (s *stage) customerOf(meter string) string {
	s.t.Helper()
	return decode[struct{ Customer struct{ ID string } }](s.t, s.do(200, "GET", "/v1/meters/"+meter, "")).Customer.ID
}

// invited returns a person with a link.
func (s *stage) invited() string {
	s.t.Helper()
	return decode[struct{ ID string }](s.t, s.do(201, "POST", "/v1/people", fmt.Sprintf(`{"email":"person-%d@example.org","role":"support"}`, s.next()))).ID
}

// device returns a counter device of a person.
func (s *stage) device(person string) string {
	s.t.Helper()
	d := access.CounterDevice{Name: "Counter 1", PIN: "x"}
	err := s.folder.Engine.Run(s.t.Context(), store.FirstTenant, store.Job, func(tx *store.Tx) (_ bool, err error) {
		if d.Person, err = id.Parse(id.Person, person); err != nil {
			return false, err
		}
		if d.ID, err = tx.NewID(); err != nil {
			return false, err
		}
		d.CreatedAt = tx.Now
		return false, tx.Devices().AddDevice(d, sha256.Sum256(d.ID[:]))
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return d.ID.Text(id.Device)
}

// talks connects an unknown Tasmota to the shared listener and returns its name.
func (s *stage) talks(bool) string {
	s.t.Helper()
	unknown := func(name string) bool {
		return strings.Contains(string(s.do(200, "GET", "/v1/devices/unknown", "").body), `"`+name+`"`)
	}
	if s.plug != "" && unknown(s.plug) { // nobody has adopted it
		return s.plug
	}
	s.ask("DELETE", "/v1/devices/password", s.key, "") // an earlier operation may have set one
	name := fmt.Sprintf("plug-%d", s.next())
	c, err := net.Dial("tcp", s.shared)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = c.Close() })
	topic := "tele/" + name + "/LWT"
	connect := "\x00\x04MQTT\x04\x02\x00\x3c\x00" + string(rune(len(name))) + name
	publish := "\x00" + string(rune(len(topic))) + topic + "Online"
	if _, err := io.WriteString(c, "\x10"+string(rune(len(connect)))+connect+"\x30"+string(rune(len(publish)))+publish); err != nil {
		s.t.Fatal(err)
	}
	await.True(s.t, "the device "+name+" is listed", func() bool { return unknown(name) })
	s.plug = name
	return name
}

// adopted returns a device that belongs to a meter.
func (s *stage) adopted(bool) string {
	s.t.Helper()
	if s.adoptee != "" && strings.Contains(string(s.do(200, "GET", "/v1/devices?limit=200", "").body), `"`+s.adoptee+`"`) { // nobody has released it
		return s.adoptee
	}
	s.adoptee = s.talks(false)
	s.do(201, "POST", "/v1/devices", `{"name":"`+s.adoptee+`","meter":"`+s.added("prepay_wallet")+`"}`)
	return s.adoptee
}

// accepted returns a person who has set a password and is not confirmed.
func (s *stage) accepted() string {
	s.t.Helper()
	p := decode[struct {
		Email string
		URL   string `json:"invite_url"`
	}](s.t, s.do(201, "POST", "/v1/people", fmt.Sprintf(`{"email":"person-%d@example.org","role":"support"}`, s.next())))
	made, err := s.people.Accept(s.t.Context(), store.FirstTenant, strings.TrimPrefix(p.URL, "/invite/"), access.SecretOf("several plain words"), "")
	if err != nil || made.Refused() {
		s.t.Fatal(made.Refusal, err)
	}
	return p.Email
}

// doubtful lets a new wallet meter report a register that cannot be true, and returns the entry of the quarantine.
func (s *stage) doubtful(register int64) string {
	s.t.Helper()
	meter := s.added("prepay_wallet")
	s.report(meter, 1000, 2000, register)
	l := decode[struct{ Data []struct{ ID string } }](s.t, s.do(200, "GET", "/v1/quarantine?meter="+meter, ""))
	if len(l.Data) != 1 {
		s.t.Fatalf("the register %d is %d times doubtful, want once", register, len(l.Data))
	}
	return l.Data[0].ID
}

// report lets a wallet meter report its first registers, one an hour.
func (s *stage) report(meter string, registers ...int64) {
	s.t.Helper()
	const memory = "00000000000000a1"
	err := s.folder.Engine.Run(s.t.Context(), store.FirstTenant, store.Sale, func(tx *store.Tx) (bool, error) {
		m, _, err := tx.MeterByNumber(meter)
		if err != nil {
			return false, err
		}
		rec := func(r wire.Record, at time.Time) metering.Record {
			return metering.Record{Tenant: store.FirstTenant, Meter: m.N, Number: meter, ReceivedAt: at, Memory: memory, Rec: r}
		}
		begin := time.Now().Add(-400 * time.Hour).Truncate(time.Hour)
		recs := []metering.Record{rec(wire.Boot{Memory: memory, Lowest: 1, Next: 999}.Record(), begin)}
		for i, register := range registers {
			seq := uint64(i) + 1
			at := begin.Add(time.Duration(seq) * time.Hour)
			recs = append(recs, rec(wire.Reading{Head: wire.Head{Seq: seq, At: at.Unix(), Clock: wire.ClockValid}, RegisterWh: register, Relay: "closed"}.Record(), at))
		}
		_, err = intake.Take(tx, recs)
		return false, err
	})
	if err != nil {
		s.t.Fatal(err)
	}
}

// setStage starts a server and makes one object of every kind.
func setStage(t *testing.T) *stage {
	t.Helper()
	return setStageIn(folder(t))
}

// setStageIn does that in a folder.
func setStageIn(w *world) *stage {
	t := w.t
	t.Helper()
	s := &stage{world: w, began: time.Now().UTC()}
	s.routes = []config.Route{{Name: "paper", Kind: config.RouteLog, Meters: true}}
	s.shared = "127.0.0.1:0"
	s.legacy = []config.Legacy{{Address: "127.0.0.1:0", Meter: toggler, Profile: "seed-a-toggle"}, {Address: "127.0.0.1:0", Meter: listener, Profile: "seed-a"},
		{Address: "127.0.0.1:0", Meter: plugged, Profile: "tasmota"}}
	s.serve(true, api.Limits{})
	var err error
	if s.folder, err = app.OpenFolder(t.Context(), s.dir, "", slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.folder.Close() })
	s.secondKey()
	s.key = s.newKey(access.Owner)
	hour := func(later time.Duration) string { return time.Now().UTC().Add(later).Format("15:04") }
	s.want(200, s.post("/v1/settings", `{"emergency_from":"`+hour(-6*time.Hour)+`","emergency_to":"`+hour(6*time.Hour)+`"}`)) // hours around now
	data, err := keystore.OpenData(s.dir)
	if err != nil {
		t.Fatal(err)
	}
	s.people, err = access.New(access.Config{Hasher: data, Door: store.DoorTo(s.folder.Engine, store.Sale, func(tx *store.Tx) access.Tx { return tx }),
		Now: func() time.Time { return time.Now().Add(time.Duration(s.moved.Load())) }, Rand: rand.Reader, Argon: cheapPasswords()})
	if err != nil {
		t.Fatal(err)
	}
	s.do(201, "POST", "/v1/tariffs", `{"name":"domestic","currency":"KES","vat_bps":1500,"flat_micro":2500000}`)
	s.do(201, "POST", "/v1/meters", newMeter(meterNumber))
	for _, m := range []string{walletNumber, toggler, listener, plugged} {
		s.do(201, "POST", "/v1/meters", `{"number":"`+m+`","mode":"prepay_wallet","tariff":"domestic","customer":{"name":"Amina A.","phone":"+254700000001"}}`)
		s.do(201, "POST", "/v1/vends", strings.Replace(order("900000"), meterNumber, m, 1))
	}
	for _, v := range []string{"V9", "V8"} {
		s.do(201, "POST", "/v1/vendors", `{"name":"Corner shop","code":"`+v+`"}`)
		s.do(201, "POST", "/v1/vendors/"+v+"/deposits", `{"amount":{"amount_minor":900000,"currency":"KES"},"reference":"`+v+`"}`)
	}
	s.seller = s.vendorKey("V9")
	s.report(walletNumber, 1000, 2000)
	s.furnish()
	return s
}

// furnish makes the objects that all requests share.
func (s *stage) furnish() {
	s.t.Helper()
	s.sale, s.vendorSale = s.sold(false), s.sold(true)
	s.do(200, "POST", "/v1/meters/"+meterNumber+"/sim", `{"sim_phone":"+254700000200"}`)
	s.command = decode[struct{ ID string }](s.t, s.do(202, "POST", "/v1/meters/"+meterNumber+"/commands", `{"type":"read","reason":"first"}`)).ID
	s.customer = s.customerOf(meterNumber)
	s.message = decode[struct{ ID string }](s.t, s.do(202, "POST", "/v1/messages", `{"phone":"+254700000001","text":"closed today","route":"paper"}`)).ID
	s.doubt = s.doubtful(0)
	l := decode[struct {
		Data []struct{ ID, Digits string }
	}](s.t, s.do(200, "GET", "/v1/meters/"+meterNumber+"/tokens", ""))
	s.token = l.Data[0].ID
	for _, token := range l.Data {
		s.digits = append(s.digits, strings.ReplaceAll(token.Digits, " ", ""))
	}
	for _, d := range s.devices {
		o := paho.NewClientOptions().AddBroker("tcp://" + d.Address).SetClientID("electricitymeterGSM").SetConnectTimeout(await.Limit)
		c := paho.NewClient(o)
		topics := map[string]byte{"GsmClientTest/led": 0, "GsmClientTest/summary": 0}
		for _, step := range []func() paho.Token{c.Connect, func() paho.Token { return c.SubscribeMultiple(topics, nil) }} {
			if wait := step(); !wait.WaitTimeout(await.Limit) || wait.Error() != nil {
				s.t.Fatalf("device of meter %s: %v", d.Meter, wait.Error())
			}
		}
		s.t.Cleanup(func() { c.Disconnect(0) })
	}
}

// outside are the callers whom every operation refuses: without a key, and for each role keys that are no longer in force.
func (s *stage) outside() map[string][]string {
	s.t.Helper()
	out := map[string][]string{"no key": {""}, "session of a blocked person": {s.blockedSession()}}
	v, err := s.folder.Vendor(s.t.Context(), "V9")
	if err != nil || v.Refused() {
		s.t.Fatal(v.Refusal, err)
	}
	const life = time.Hour // of the keys that expire
	for _, role := range keyRoles() {
		for _, kind := range []string{"blocked person", "expired", "revoked"} {
			n := access.NewKey{Role: role, Person: s.holder(s.folder)}
			if role == access.VendorAPI {
				n.Vendor = v.ID
			}
			person := n.Person
			if kind == "expired" {
				n.ExpiresAt = time.Now().Add(life)
			}
			made, err := s.folder.Access.CreateAPIKey(s.t.Context(), app.Clerk(), n)
			if err != nil || made.Refused() {
				s.t.Fatal(made.Refusal, err)
			}
			key := made.Secret.Reveal()
			s.want(200, s.ask("GET", "/v1/approvals", key, "")) // it was in force
			switch kind {
			case "blocked person":
				s.do(200, "POST", "/v1/people/"+person+"/block", `{}`)
			case "revoked":
				if r, err := s.folder.Access.RevokeAPIKey(s.t.Context(), app.Clerk(), made.Key.ID); err != nil || r.Refused() {
					s.t.Fatal(r.Refusal, err)
				}
			}
			out[kind] = append(out[kind], key)
		}
	}
	s.moved.Add(int64(life))
	return out
}

// blockedSession signs a person in, blocks the person, and returns the session.
func (s *stage) blockedSession() string {
	s.t.Helper()
	email := s.accepted()
	in, err := s.people.SignIn(s.t.Context(), store.FirstTenant, email, "several plain words", "", access.Browser{IP: "127.0.0.1"})
	if err != nil || in.Refused() {
		s.t.Fatal(in.Refusal, err)
	}
	s.do(200, "POST", "/v1/people/"+email+"/block", `{}`)
	return in.Session.Reveal()
}

// keyRoles lists the roles that a key can have.
func keyRoles() []access.Role {
	return slices.DeleteFunc(access.Roles(), func(r access.Role) bool { return r == access.CustomerRole || r == access.DeviceRole })
}

// send sends a call. A stream ends after its headers.
func (s *stage) send(c call, key string) answer {
	s.t.Helper()
	if c.path != api.StreamPath {
		return s.ask(c.method, c.path, key, c.body, "Idempotency-Key", fmt.Sprintf("rights-%06d", s.next()), "Cookie", "paywatt_session="+key)
	}
	req, err := http.NewRequestWithContext(s.t.Context(), c.method, s.url+c.path, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+key)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	a := answer{status: resp.StatusCode, header: resp.Header}
	if a.status >= 400 {
		a.body, err = io.ReadAll(resp.Body)
	}
	if err != nil {
		s.t.Fatal(err)
	}
	return a
}

// ownVendor lists the operations whose answer to a vendor's key does not follow from its rights: it reaches its own vendor, and takes back
// and prints again its own sales, but sees no list of a meter's tokens.
var ownVendor = map[string]bool{"tokens": false, "reprint": true, "reverse": true}

// may reports whether a role's key should carry out an operation.
func (v valid) may(name string, role access.Role) bool {
	if own, listed := ownVendor[name]; listed && role == access.VendorAPI {
		return own
	}
	if name == "confirm-person" {
		return slices.ContainsFunc(access.Acts(), func(a access.Act) bool { return role != access.VendorAPI && role.May(a.Right()) })
	}
	if name == "approval" { // whoever asked reads the answer too, and so does an auditor
		return role.May(v.right) || role.May(access.ReadAudit) || role == access.VendorAPI
	}
	return v.right == everybody || role.May(v.right)
}

const rightsPage = "../../docs/reference/rights.md"

// TestEveryOperationForEveryRole sends a valid request of every operation with a key of every role, with keys that are no longer in force,
// and with a key of another vendor. The answers are the table of docs/reference/rights.md.
func TestEveryOperationForEveryRole(t *testing.T) {
	tier.Slow(t)
	s := setStage(t)
	keys := map[access.Role]string{access.VendorAPI: s.seller}
	for _, role := range keyRoles() {
		if role != access.VendorAPI {
			keys[role] = s.newKey(role)
		}
	}
	s.owner = keys[access.Owner]
	stranger, outside := s.vendorKey("V8"), s.outside()
	ops := operations()
	var rows []string
	for _, name := range slices.Sorted(maps.Keys(ops)) {
		v := ops[name]
		if name == "trust-clock" {
			s.clockInDoubt()
		}
		c := v.call(s, false)
		for kind, refused := range outside {
			for _, key := range refused {
				if a := s.send(c, key); a.status != 401 {
					t.Errorf("%s with %s: got %d, want 401: %s", name, kind, a.status, a.body)
				} else {
					s.saysNothing(name, kind, a)
				}
			}
		}
		row := []string{name, cmp.Or(string(v.right), "none")}
		used := false // whether the call was carried out, so that the next caller needs a new one
		for _, role := range keyRoles() {
			vendor := role == access.VendorAPI
			if used || vendor {
				c = v.call(s, vendor)
			}
			a := s.send(c, keys[role])
			used = a.status < 300
			if want := v.may(name, role); used != want || !want && a.status != 403 && a.status != 404 {
				t.Errorf("%s (%s %s) as %s: got %d, want it carried out %t: %s", name, c.method, c.path, role, a.status, want, a.body)
			}
			s.judge(name, string(role), role.May(access.ShowTokens), a)
			row = append(row, fmt.Sprint(a.status))
		}
		a := s.send(v.call(s, true), stranger)
		if strings.Contains(string(a.body), s.vendorSale) && a.status < 300 {
			t.Errorf("%s as another vendor: it shows the sale: %s", name, a.body)
		}
		s.judge(name, "another vendor", true, a)
		rows = append(rows, "| "+strings.Join(append(row, fmt.Sprint(a.status)), " | ")+" |\n")
	}
	comparePage(t, strings.Join(rows, ""))
}

// saysNothing checks a refusal: it is a problem and contains nothing about customers or sales.
func (s *stage) saysNothing(name, who string, a answer) {
	s.t.Helper()
	s.problem(a)
	for _, private := range append(s.digits, "Amina", "2547000", "Corner shop", "amount_minor") {
		if strings.Contains(strings.ReplaceAll(string(a.body), " ", ""), private) {
			s.t.Errorf("%s as %s: the refusal says %s: %s", name, who, private, a.body)
		}
	}
}

// judge checks the body of an answer: a refusal says nothing, and without the right no digits of a token are shown. The exceptions are
// the maker of tokens, who sees them, and a reversal, which masks those of the sale for everybody.
func (s *stage) judge(name, who string, show bool, a answer) {
	s.t.Helper()
	if a.status >= 400 {
		s.saysNothing(name, who, a)
		return
	}
	body := strings.NewReplacer(" ", "", "-", "").Replace(string(a.body))
	if masked := strings.Contains(body, "****"); name != "give-tokens" && name != "reverse" && strings.Contains(body, `"digits"`) && masked == show {
		s.t.Errorf("%s as %s: digits masked %t, want %t: %s", name, who, masked, !show, a.body)
	}
	for _, digits := range s.digits {
		if (!show || who == "another vendor") && strings.Contains(body, digits) && name != "give-tokens" {
			s.t.Errorf("%s as %s: it shows the digits of a token: %s", name, who, a.body)
		}
	}
}

// clockInDoubt starts the server again with a clock that is two days ahead.
func (s *stage) clockInDoubt() {
	s.t.Helper()
	s.stop()
	s.ahead = 48 * time.Hour
	s.serve(true, api.Limits{})
}

func comparePage(t *testing.T, rows string) {
	t.Helper()
	page, err := os.ReadFile(rightsPage)
	if err != nil {
		t.Fatal(err)
	}
	head := "| operation | right |"
	for _, role := range keyRoles() {
		head += " " + string(role) + " |"
	}
	head += " another vendor |\n" + strings.Repeat("|---", len(keyRoles())+3) + "|\n"
	part := regexp.MustCompile(`(?s)<!-- rights -->\n.*?<!-- end -->`)
	if !part.Match(page) {
		t.Fatalf("%s has no place for the table", rightsPage)
	}
	want := part.ReplaceAllLiteralString(string(page), "<!-- rights -->\n"+head+rows+"<!-- end -->")
	if *update {
		if err := os.WriteFile(rightsPage, []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if want != string(page) {
		t.Errorf("%s differs from the answers; run go test ./internal/api -run EveryOperationForEveryRole -update and read the diff", rightsPage)
	}
}

// TestTheTableOfRightsHasEveryOperation: an operation that needs a key has a valid request in the table.
func TestTheTableOfRightsHasEveryOperation(t *testing.T) {
	left := operations()
	for path, methods := range spec(t).Paths {
		for _, raw := range methods {
			var o struct{ OperationID string }
			if err := json.Unmarshal(raw, &o); err != nil {
				t.Fatal(err)
			}
			_, has := left[o.OperationID]
			if open := !strings.HasPrefix(path, "/v1/") || path == "/v1/version"; has == open {
				t.Errorf("%s (%s): in the table %t", o.OperationID, path, has)
			}
			delete(left, o.OperationID)
		}
	}
	for name := range left {
		t.Errorf("the table has %s, which the API does not have", name)
	}
}
