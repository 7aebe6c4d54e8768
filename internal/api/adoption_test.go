package api_test

import (
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/api"
)

// TestASecondPersonAgreesToADevice: one person can neither adopt a device, even for a meter that was never heard, nor release it, nor let all
// devices in without a password. When another person agrees, the server does it.
func TestASecondPersonAgreesToADevice(t *testing.T) {
	s := &stage{world: folder(t)}
	s.shared = "127.0.0.1:0"
	s.serve(true, api.Limits{})
	s.key = s.newKey(access.Owner)
	s.do(201, "POST", "/v1/tariffs", `{"name":"domestic","currency":"KES","vat_bps":1500,"flat_micro":2500000}`)
	s.do(201, "POST", "/v1/meters", `{"number":"`+walletNumber+`","mode":"prepay_wallet","tariff":"domestic","customer":{"name":"Amina A.","phone":"+254700000001"}}`)
	plug := s.talks(false)
	s.do(201, "POST", "/v1/devices/password", `{}`)
	s.fourEyes()
	second := s.newKey(access.Owner)
	devices := func() string { return string(s.do(200, "GET", "/v1/devices", "").body) }
	for _, c := range []struct {
		method, path, body string
		before, after      bool // whether the device is adopted
	}{
		{"POST", "/v1/devices", `{"name":"` + plug + `","meter":"` + walletNumber + `"}`, false, true},
		{"POST", "/v1/devices/" + plug + "/release", `{"reason":"broken"}`, true, false},
		{"DELETE", "/v1/devices/password", "", false, false},
	} {
		a := decode[approval](t, s.want(202, s.ask(c.method, c.path, s.key, c.body)))
		if got := strings.Contains(devices(), plug); got != c.before {
			t.Errorf("%s %s: adopted before another person agrees: %t", c.method, c.path, got)
		}
		s.want(403, s.post("/v1/approvals/"+a.ID+"/approve", `{}`))
		done := decode[approval](t, s.want(200, s.ask("POST", "/v1/approvals/"+a.ID+"/approve", second, `{}`)))
		if got := strings.Contains(devices(), plug); done.State != "done" || done.Act != string(access.ActDevice) || got != c.after {
			t.Errorf("%s %s: %+v, adopted afterwards: %t", c.method, c.path, done, got)
		}
	}
}
