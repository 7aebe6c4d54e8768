package api_test

import (
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/api"
	"github.com/paywatt/paywatt/internal/config"
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
	s.fourEyes(true)
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

// TestASecondPersonAgreesToWhatADeviceCostsNobody: one person can neither make another device the one that says what a meter uses, nor let a
// device that was never readable supply for nothing. When another person agrees, the server does it, and the audit log names both and the reason.
func TestASecondPersonAgreesToWhatADeviceCostsNobody(t *testing.T) {
	s := &stage{world: folder(t)}
	s.legacy = []config.Legacy{{Address: "127.0.0.1:0", Meter: plugged, Profile: "tasmota"}}
	s.serve(true, api.Limits{})
	s.key = s.newKey(access.Owner)
	s.do(201, "POST", "/v1/tariffs", `{"name":"domestic","currency":"KES","vat_bps":1500,"flat_micro":2500000}`)
	s.do(201, "POST", "/v1/meters", `{"number":"`+plugged+`","mode":"prepay_wallet","tariff":"domestic"}`)
	s.fourEyes(true)
	second := s.newKey(access.Owner)
	for _, c := range []struct {
		act                    access.Act
		path, body             string
		summary                string
		shownAt, before, after string
		audit                  string
	}{
		{access.ActDevice, "/v1/meters/" + plugged + "/device/replace", `{"device":"kitchen-2","reason":"the old plug burned out"}`,
			"make kitchen-2 the device of meter " + plugged + ": from then on, only this device says what is used there: the old plug burned out",
			"/v1/meters/" + plugged + "/device", "", `"device":"kitchen-2"`,
			`"action":"device.replace"`},
		{access.ActUnreadCut, "/v1/meters/" + plugged, `{"unread_cut_h":0,"reason":"a display that shows no energy"}`,
			"change after how long a device of meter " + plugged + " that was never readable is cut off, from 24 h to never; reason: a display that shows no energy",
			"/v1/meters/" + plugged, `"unread_cut_h":24`, "",
			`"action":"meter.change"`},
		{access.ActMaxPower, "/v1/meters/" + plugged, `{"unread_cut_h":48,"max_w":9200,"feeder":"North","reason":"40 A breaker"}`,
			"change the greatest power of meter " + plugged + " from the default to 9200 W: what it counts above that is not charged before a person decides; change after how long" +
				" a device of meter " + plugged + ` that was never readable is cut off, from never to 48 h; feeder of meter ` + plugged + ` from "" to "North"; reason: 40 A breaker`,
			"/v1/meters/" + plugged, "", `"unread_cut_h":48`,
			`"action":"meter.change"`},
	} {
		shown := func() string { return string(s.do(200, "GET", c.shownAt, "").body) }
		a := decode[approval](t, s.want(202, s.ask("POST", c.path, s.key, c.body)))
		if a.Summary != c.summary {
			t.Errorf("%s: a second person reads %q", c.path, a.Summary)
		}
		if got := shown(); !strings.Contains(got, c.before) || c.after != "" && strings.Contains(got, c.after) {
			t.Errorf("%s: before another person agrees: %s", c.path, got)
		}
		s.want(403, s.post("/v1/approvals/"+a.ID+"/approve", `{}`))
		done := decode[approval](t, s.want(200, s.ask("POST", "/v1/approvals/"+a.ID+"/approve", second, `{}`)))
		if got := shown(); done.State != "done" || done.Act != string(c.act) || !strings.Contains(got, c.after) || c.before != "" && strings.Contains(got, c.before) {
			t.Errorf("%s: %+v, afterwards: %s", c.path, done, got)
		}
		log := string(s.do(200, "GET", "/v1/audit?limit=20", "").body)
		for _, part := range []string{c.audit, a.Maker, done.Checker} {
			if !strings.Contains(log, part) {
				t.Errorf("%s: the audit log lacks %q: %s", c.path, part, log)
			}
		}
	}
}
