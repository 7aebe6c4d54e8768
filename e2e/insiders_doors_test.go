package e2e

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/await"
)

// headOffice is a utility with four eyes on: a server, the owner's key, and keys of dishonest people.
type headOffice struct {
	*testing.T
	p      *place
	srv    *server
	owner  *api
	asked  int
	people int
}

func newHeadOffice(t *testing.T) *headOffice {
	t.Helper()
	o := &headOffice{T: t, p: newPlace(t, paywatt(t))}
	o.srv = o.p.serve(t, "127.0.0.1:0", "127.0.0.1:0")
	o.owner = o.key("owner")
	o.owner.tariff(t)
	return o
}

// key makes a key of a new person with a role, or of a vendor.
func (o *headOffice) key(role string, more ...string) *api {
	o.Helper()
	if len(more) == 0 {
		o.people++
		return newAPI(o.srv.http, o.p.personKey(o, fmt.Sprintf("%s%d", role, o.people), role))
	}
	return newAPI(o.srv.http, o.p.run(o, "", append([]string{"apikey", "create", "--role", role, "--data", o.p.dir}, more...)...))
}

func (o *headOffice) fourEyes() {
	o.Helper()
	o.owner.must(o, 200, "POST", "/v1/settings", `{"four_eyes":"on","four_eyes_alone":true}`)
}

// waits reports whether an answer is an action that waits for a second person.
func (o *headOffice) waits(a answer) bool {
	o.Helper()
	return a.status == 202 && strings.HasPrefix(a.text(o, "id"), "apr_")
}

// sound checks at the end of a test that the books balance.
func (o *headOffice) sound() {
	o.Helper()
	o.p.run(o, "", "verify", "--data", o.p.dir)
}

// TestAnInsiderCannotSetACommissionAlone tries to raise a vendor's commission alone. With a commission of 100 %, the vendor's float would
// never run out.
func TestAnInsiderCannotSetACommissionAlone(t *testing.T) {
	t.Parallel()
	o := newHeadOffice(t)
	m := o.owner.meter(t, number(2001))
	o.owner.must(t, 201, "POST", "/v1/vendors", `{"name":"Kiosk","code":"V001","commission_bps":150}`)
	o.owner.must(t, 201, "POST", "/v1/vendors/V001/deposits", map[string]any{"amount": kes(500_000), "reference": "BANK-1"}, "Idempotency-Key", "commission-deposit")
	shop := o.key("vendor_api", "--vendor", "V001")
	finance, other := o.key("finance"), o.key("finance")
	o.fourEyes()
	float := func() int64 {
		return o.owner.must(t, 200, "GET", "/v1/vendors/V001/float", nil).num(t, "balance_minor")
	}

	before, sold := float(), int64(0)
	all, err := finance.do("POST", "/v1/vendors/V001/terms", `{"commission_bps":10000}`)
	if err != nil {
		t.Fatal(err)
	}
	if all.status != 409 || all.text(t, "code") != "commission-too-high" {
		for _, key := range []string{"commission-1", "commission-2", "commission-3", "commission-4"} {
			if a, err := shop.vend(m.number, 400_000, key); err == nil && a.status == 201 {
				sold += 400_000
			}
		}
		t.Fatalf("one person set a commission of 100 %%: status %d; %d.00 sold, the float went from %d.00 to %d.00; want 409 commission-too-high",
			all.status, sold/100, before/100, float()/100)
	}

	waiting := finance.must(t, 202, "POST", "/v1/vendors/V001/terms", `{"commission_bps":1000}`)
	if got, want := waiting.text(t, "summary"), "change vendor V001 (\"Kiosk\"): commission from 1.5 % to 10 %"; got != want {
		t.Errorf("the second person reads %q, want %q", got, want)
	}
	added := finance.must(t, 202, "POST", "/v1/vendors", `{"name":"Cousin","code":"COUSIN","commission_bps":900}`)
	if got, want := added.text(t, "summary"), "take on vendor COUSIN (\"Cousin\"): billing float, commission 9 %, credit limit 0.00 KES"; got != want {
		t.Errorf("the second person reads %q, want %q", got, want)
	}
	o.owner.must(t, 404, "GET", "/v1/vendors/COUSIN", nil)
	for _, a := range []answer{waiting, added} {
		finance.must(t, 403, "POST", "/v1/approvals/"+a.text(t, "id")+"/approve", `{}`)
	}
	if a, _ := shop.vend(m.number, 400_000, "commission-5"); a.status != 201 || float() != before-400_000+6_000 {
		t.Errorf("a sale under the old terms: %d, the float has %d, want %d", a.status, float(), before-400_000+6_000)
	}
	other.must(t, 200, "POST", "/v1/approvals/"+waiting.text(t, "id")+"/approve", `{}`)
	if got := o.owner.must(t, 200, "GET", "/v1/vendors/V001", nil).num(t, "commission_bps"); got != 1000 {
		t.Errorf("approved: %d, want 1000", got)
	}
	finance.must(t, 200, "POST", "/v1/vendors/V001/terms", `{"blocked":true}`) // blocking a vendor needs no second person
	if a, _ := shop.vend(m.number, 10_000, "commission-6"); a.status != 409 || a.text(t, "code") != "vendor-blocked" {
		t.Errorf("a blocked vendor sells: %d %s", a.status, a.body)
	}
	if a := finance.must(t, 202, "POST", "/v1/vendors/V001/terms", `{"blocked":false}`); a.text(t, "summary") != "change vendor V001 (\"Kiosk\"): status from blocked to active" {
		t.Errorf("unblocked: %s", a.body)
	}
	o.sound()
}

// TestAnInsiderFindsNoSecondDoor: some actions can be done by a token or by a command. If the token needs a second person, the command
// needs one too. Every other action that takes paid energy away or gives energy for free also needs a second person.
func TestAnInsiderFindsNoSecondDoor(t *testing.T) {
	t.Parallel()
	o := newHeadOffice(t)
	m := o.owner.meter(t, number(2002))
	o.owner.must(t, 201, "POST", "/v1/meters", map[string]any{"number": number(2003), "mode": "prepay_wallet", "tariff": "domestic", "simulated": true})
	engineer := o.key("engineer")
	o.fourEyes()
	taken := o.owner.mustVend(t, m.number, 1150, "doors-sale-1")
	open := o.owner.mustVend(t, m.number, 1150, "doors-sale-2")
	vm := o.p.meterProcess(t, filepath.Join(t.TempDir(), "meter"), o.srv.mqtt, m)
	if s := vm.must(t, "key "+taken.text(t, "tokens", 0, "digits")+"#"); s.BalanceWh != 4000 {
		t.Fatalf("the paid energy: %+v", s)
	}
	meter := "/v1/meters/" + m.number
	cancel := map[string]any{"tid": open.num(t, "tokens", 0, "tid"), "base_date": 2014}
	clear := o.door(engineer, meter+"/commands", map[string]any{"type": "clear_credit", "reason": "test"}, "meter.clear_credit")
	if clear == "" {
		await.True(t, "the meter has cleared its credit", func() bool { return vm.must(t, "show").BalanceWh == 0 })
		t.Errorf("the command took %d Wh of paid energy", 4000)
	}
	token := o.door(engineer, meter+"/tokens", map[string]any{"kind": "clear_credit", "reason_code": "other"}, "meter.clear_credit")
	for _, d := range []struct {
		by   *api
		path string
		body map[string]any
		act  string
	}{
		{engineer, meter + "/commands", map[string]any{"type": "clear_tamper", "reason": "test"}, "meter.clear_tamper"},
		{engineer, meter + "/tokens", map[string]any{"kind": "clear_tamper", "reason_code": "tamper_fixed"}, "meter.clear_tamper"},
		{engineer, meter + "/commands", map[string]any{"type": "cancel_token", "reason": "test", "args": cancel}, "meter.cancel_token"},
		{engineer, meter + "/commands", map[string]any{"type": "connect", "reason": "test", "args": map[string]any{"force": true}}, "meter.force_connect"},
		{engineer, "/v1/meters/" + number(2003) + "/supply", map[string]any{"protected": true, "reason": "my own house"}, "account.supply"},
		{engineer, "/v1/meters/" + number(2003) + "/supply", map[string]any{"lease_grace_wh": 1_000_000, "reason": "my own house"}, "account.supply"},
		{engineer, "/v1/meters", map[string]any{"number": number(2004), "mode": "postpay", "tariff": "domestic"}, "meter.postpaid"},
		{engineer, "/v1/meters", map[string]any{"number": number(2005), "mode": "prepay_wallet", "tariff": "domestic", "imp_per_kwh": 10_000}, "meter.impulses"},
	} {
		o.door(d.by, d.path, d.body, d.act)
	}
	engineer.must(t, 202, "POST", meter+"/commands", `{"type":"read","reason":"nobody gains by it"}`)
	if s := vm.must(t, "sync"); s.BalanceWh != 4000 {
		t.Errorf("the meter has %d Wh, want 4000", s.BalanceWh)
	}
	if t.Failed() {
		return
	}
	// An approval allows only what was requested: if a token was requested, approving it sends no command.
	commands := func() int {
		return strings.Count(string(o.owner.must(t, 200, "GET", meter+"/commands", nil).body), `"clear_credit"`)
	}
	if got := o.owner.must(t, 200, "POST", "/v1/approvals/"+token+"/approve", `{}`); !strings.HasPrefix(got.text(t, "result"), "job_") || commands() != 0 {
		t.Errorf("the token's approval: %s, %d commands", got.body, commands())
	}
	if got := o.owner.must(t, 200, "POST", "/v1/approvals/"+clear+"/approve", `{}`); !strings.HasPrefix(got.text(t, "result"), "cmd_") || commands() != 1 {
		t.Errorf("the command's approval: %s, %d commands", got.body, commands())
	}
	await.True(t, "the meter has cleared its credit", func() bool { return vm.must(t, "show").BalanceWh == 0 })
	vm.quit(t)
	o.sound()
}

// door requests an action as one person and returns its approval; empty if the action was done.
func (o *headOffice) door(by *api, path string, body map[string]any, act string) string {
	o.Helper()
	o.asked++
	a, err := by.do("POST", path, body, "Idempotency-Key", fmt.Sprintf("door-%s-%d", act, o.asked))
	if err != nil {
		o.Fatal(err)
	}
	if !o.waits(a) {
		o.Errorf("one person did %s at %s: status %d %s", act, path, a.status, a.body)
		return ""
	}
	if got := a.text(o, "act"); got != act {
		o.Errorf("POST %s %v is the act %s, want %s", path, body, got, act)
	}
	return a.text(o, "id")
}

// TestAVendorsKeyReadsNoForeignDigits: a vendor's sales cannot be read with a key that names no vendor, or with another vendor's key.
func TestAVendorsKeyReadsNoForeignDigits(t *testing.T) {
	t.Parallel()
	o := newHeadOffice(t)
	m := o.owner.meter(t, number(2005))
	for _, code := range []string{"V001", "V002"} {
		o.owner.must(t, 201, "POST", "/v1/vendors", `{"name":"Kiosk `+code+`","code":"`+code+`"}`)
		o.owner.must(t, 201, "POST", "/v1/vendors/"+code+"/deposits", map[string]any{"amount": kes(50_000), "reference": "BANK-" + code}, "Idempotency-Key", "digits-deposit-"+code)
	}
	o.fourEyes()
	sold := o.key("vendor_api", "--vendor", "V001").mustVend(t, m.number, 10_000, "digits-1")
	digits := sold.text(t, "tokens", 0, "digits")
	thieves := map[string]*api{"V002": o.key("vendor_api", "--vendor", "V002")}
	key, errOut, code := o.p.try("", "apikey", "create", "--role", "vendor_api", "--data", o.p.dir)
	if code == 0 {
		t.Errorf("a key of the role vendor_api was made that names no vendor")
		thieves["no vendor"] = newAPI(o.srv.http, key)
	} else if code != 2 || !strings.Contains(errOut, "must name its vendor") {
		t.Errorf("a vendor's key without its vendor: exit %d, %s", code, errOut)
	}
	for name, thief := range thieves {
		for _, path := range []string{"/v1/meters/" + m.number + "/tokens", "/v1/vends/" + sold.text(t, "id"), "/v1/vends/" + sold.text(t, "id") + "/receipt?format=text48",
			"/v1/vends?client_ref=digits-1", "/v1/approvals", "/v1/meters/" + m.number} {
			a, err := thief.do("GET", path, nil)
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(strings.NewReplacer(" ", "", "-", "").Replace(string(a.body)), strings.ReplaceAll(digits, " ", "")) {
				t.Errorf("the key of %s reads the 20 digits that V001 sold at GET %s: status %d", name, path, a.status)
			}
		}
	}
	o.sound()
}
