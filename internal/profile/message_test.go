// What the payload of a message means, quantity by quantity, and what is not believed.

package profile_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/profile"
)

// allQuantities is a profile whose messages may have every quantity.
func allQuantities(t *testing.T) *profile.Profile {
	t.Helper()
	p, err := profile.Parse("all.toml", `name = "all"
title = "all quantities"
[[up]]
topic = "{id}/start"
contains = "up"
means = "started"
[[up]]
topic = "{id}/json"
means = "data"
fields = { power_w = "p", voltage_v = "a.v", energy_wh = "wh", relay = "r" }
on = ["on", "true", "1"]
off = ["off", "false", "0"]
[[up]]
topic = "{id}/state"
means = "state"
is = "relay"
on = ["on"]
off = ["off"]
[[up]]
topic = "{id}/kwh"
means = "data"
is = "energy_kwh"
[[up]]
topic = "{id}/wmin"
means = "data"
is = "energy_wmin"
[[up]]
topic = "{id}/counts"
means = "data"
pattern = "^(?:(?P<v1>-?[0-9]+))?:(?:(?P<v2>-?[0-9]+))?$"
[counts]
volts_per_count = "4"
shunt_ohm = "0.000001"
supply_volt = "230"
highest = "4294967296"
[energy]
from = "register"
max_gap = "15m"
max_w = 3000
[supply]
kind = "absolute"
topic = "{id}/set"
on = "ON"
off = "OFF"
`)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// shownMeaning writes a meaning in one line.
func shownMeaning(m profile.Meaning) string {
	var b strings.Builder
	fmt.Fprint(&b, m.Kind)
	for _, q := range []struct {
		name  string
		value *int64
	}{{"mW", m.PowerMW}, {"mWh", m.EnergyMWh}, {"mV", m.VoltageMV}} {
		if q.value != nil {
			fmt.Fprintf(&b, " %d %s", *q.value, q.name)
		}
	}
	if m.V1 != nil {
		fmt.Fprint(&b, " v1 ", m.V1)
	}
	if m.V2 != nil {
		fmt.Fprint(&b, " v2 ", m.V2)
	}
	if m.Relay != "" {
		b.WriteString(" " + m.Relay)
	}
	if m.Why != "" {
		b.WriteString(": " + m.Why)
	}
	return b.String()
}

func TestWhatAPayloadMeans(t *testing.T) {
	p := allQuantities(t)
	for _, c := range []struct{ topic, payload, want string }{
		{"start", "going up", "started"},
		{"start", "going down", ""},
		{"other", "1", ""},
		// Fields of JSON. A field that is not there, or null, is a value that did not change.
		{"json", `{"p":12.5,"a":{"v":230},"wh":"7.5","r":"on"}`, "data 12500 mW 7500 mWh 230000 mV closed"},
		{"json", `{"wh":0}`, "data 0 mWh"},
		{"json", `{"wh":null,"p":0}`, "data 0 mW"},
		{"json", `{"wh":null}`, "unreadable: none of the fields is there"},
		{"json", `{"a":{"w":1}}`, "unreadable: none of the fields is there"},
		{"json", `{"a":7,"p":1}`, "data 1000 mW"},
		{"json", `{"p":{}}`, "unreadable: p is neither a number nor a word"},
		{"json", `{"p":[1]}`, "unreadable: p is neither a number nor a word"},
		{"json", `{"p":1`, "unreadable: the payload is not JSON"},
		{"json", `{"p":1} `, "data 1000 mW"},
		{"json", `{"p":1}{"p":2}`, "unreadable: more data follows the JSON document"},
		{"json", "{\"p\":1,\"x\":\"\xff\"}", "unreadable: the payload is not text"},
		{"json", `{"p":"much"}`, `unreadable: power_w: "much" is not a decimal number`},
		// A relay. A word that the profile does not know says nothing.
		{"json", `{"r":true}`, "data closed"}, {"json", `{"r":false}`, "data open"}, {"json", `{"r":1}`, "data closed"}, {"json", `{"r":0}`, "data open"},
		{"json", `{"r":"half"}`, "data"},
		{"state", " off\n", "state open"}, {"state", "on", "state closed"}, {"state", "ON", "state"},
		// Power: at most max_w. Reverse power is nobody's to pay.
		{"json", `{"p":3000}`, "data 3000000 mW"}, {"json", `{"p":3000.001}`, "unreadable: 3000.001 W is more than the device can measure (3000 W)"},
		{"json", `{"p":-3000}`, "data 0 mW"}, {"json", `{"p":-3000.25}`, "unreadable: -3000.250 W is more than the device can measure (3000 W)"},
		// Voltage: up to 1000 V.
		{"json", `{"a":{"v":0}}`, "data 0 mV"}, {"json", `{"a":{"v":1000}}`, "data 1000000 mV"},
		{"json", `{"a":{"v":1000.001}}`, "unreadable: voltage_v is 1000.001"}, {"json", `{"a":{"v":-0.001}}`, "unreadable: voltage_v is -0.001"},
		// Registers. A remainder below a milliwatt-hour is cut off.
		{"json", `{"wh":1.0019}`, "data 1001 mWh"}, {"json", `{"wh":-1}`, "unreadable: energy_wh is -1, but a register cannot be negative"},
		{"kwh", "1.0000019", "data 1000001 mWh"}, {"kwh", "0", "data 0 mWh"},
		{"kwh", "-0.001", "unreadable: energy_kwh is -0.001, but a register cannot be negative"},
		{"wmin", "60", "data 1000 mWh"}, {"wmin", "61", "data 1016 mWh"},
		{"wmin", "-0.000000001", "unreadable: energy_wmin is -0.000000001, but a register cannot be negative"},
		// Counts of a converter: (v1 − v2) · 4 V / 1 µΩ · 230 V, without a sign.
		{"counts", "0:0", "data 0 mW v1 0 v2 0"}, {"counts", "1:", "unreadable: one of the two counts is missing"},
		{"counts", ":1", "unreadable: one of the two counts is missing"},
		{"counts", ":", "data"}, {"counts", "-1:0", "unreadable: v1 is -1, but a count must be 0 to 4294967296"},
		{"counts", "0:-1", "unreadable: v2 is -1, but a count must be 0 to 4294967296"},
		{"counts", "4294967296:4294967296", "data 0 mW v1 4294967296 v2 4294967296"},
		{"counts", "1:0", "unreadable: 920000000.000 W is more than the device can measure (3000 W)"},
		{"counts", "0:1", "unreadable: 920000000.000 W is more than the device can measure (3000 W)"},
		{"counts", "0:2000000000", "unreadable: the power of these counts is out of range"},
		{"counts", "0:4294967296", "unreadable: the voltage of these counts is out of range"},
		{"counts", "0:4294967297", "unreadable: v2 is 4294967297, but a count must be 0 to 4294967296"},
		{"counts", "x", "unreadable: the payload does not have the form of this message"},
	} {
		m := p.Understand("plug/"+c.topic, []byte(c.payload))
		if got := shownMeaning(m); got != c.want {
			t.Errorf("%s %s means %q, want %q", c.topic, c.payload, got, c.want)
		}
		if described := c.want != ""; (m.Device == "plug") != described || m.Text == "" {
			t.Errorf("%s %s is of the device %q, shown as %q", c.topic, c.payload, m.Device, m.Text)
		}
	}
}

// TestAPayloadIsShownInOneLine: at most 60 characters, none of them invisible.
func TestAPayloadIsShownInOneLine(t *testing.T) {
	p := allQuantities(t)
	for payload, want := range map[string]string{
		"plain é …":                         "plain é …",
		" a\tb\r\nc\x00d\x1fe\x7ff\u0085g ": "a b  c d e f g",
		"\u0080\u009f\u00a0x":               "x",
		"~\u00a1":                           "~\u00a1",
		"a\xffb":                            "a b",
		strings.Repeat("x", 60):             strings.Repeat("x", 60),
		strings.Repeat("x", 61):             strings.Repeat("x", 59) + "…",
		strings.Repeat("é", 61):             strings.Repeat("é", 59) + "…",
		strings.Repeat("𝛼", 60):             strings.Repeat("𝛼", 60),
		strings.Repeat("𝛼", 61):             strings.Repeat("𝛼", 60), // what comes after 240 bytes is not looked at
	} {
		if got := p.Understand("plug/other", []byte(payload)).Text; got != want {
			t.Errorf("%q is shown as %q, want %q", payload, got, want)
		}
	}
}
