package mirror_test

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/mirror"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/registry"
)

// wallet returns a meter whose balance is on the server.
func wallet() registry.MeterView {
	kes := func(m money.Minor) money.Amount { return money.Amount{Minor: m, Currency: "KES"} }
	return registry.MeterView{Meter: registry.Meter{Number: "04140001001", Mode: registry.PrepayWallet}, State: registry.On, Connected: true,
		Relay: registry.RelayClosed, Reasons: []string{}, Wallet: &registry.WalletView{Money: &registry.WalletMoney{Settled: kes(5000), Available: kes(4920)}},
		Figures: &registry.Figures{AsOf: time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC), Register: 1234, Watts: 320}}
}

// token returns a meter that holds its own balance.
func token() registry.MeterView {
	return registry.MeterView{Meter: registry.Meter{Number: "04140001019", Mode: registry.PrepayToken}, State: registry.Offline}
}

func messages(t *testing.T, v registry.MeterView) map[string]string {
	t.Helper()
	all, err := mirror.Messages(v, "1.2.3")
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, m := range all {
		out[m.Topic] = string(m.Payload)
	}
	return out
}

func TestTheStateOfAMeter(t *testing.T) {
	got := messages(t, wallet())
	want := `{"number":"04140001001","state":"on","connected":true,"supply":"ON","relay":"closed","reasons":[],"register_wh":1234,"power_w":320,` +
		`"balance_wh":null,"balance":49.20,"settled":50.00,"currency":"KES","as_of":"2026-11-20T08:00:00Z"}`
	if s := got["paywatt/04140001001/state"]; s != want {
		t.Errorf("state %s\nwant  %s", s, want)
	}
	if a := got["paywatt/04140001001/availability"]; a != "online" {
		t.Errorf("availability %s", a)
	}
	got = messages(t, token())
	if a := got["paywatt/04140001019/availability"]; a != "offline" {
		t.Errorf("availability of a meter that is away: %s", a)
	}
	if s := got["paywatt/04140001019/state"]; !strings.Contains(s, `"supply":null`) || !strings.Contains(s, `"register_wh":null`) {
		t.Errorf("a meter that never spoke: %s", s)
	}
}

// TestTheTopicsOfAMeterAreAll: whatever is published about a meter of any mode can be cleared, and each topic names the meter.
func TestTheTopicsOfAMeterAreAll(t *testing.T) {
	for _, v := range []registry.MeterView{wallet(), token()} {
		topics, got := mirror.Topics(v.Meter.Number), messages(t, v)
		for topic := range got {
			if !slices.Contains(topics, topic) {
				t.Errorf("%s is published and cannot be cleared", topic)
			}
		}
		for _, topic := range topics {
			if number, ok := mirror.OwnerOf(topic); !ok || number != v.Meter.Number {
				t.Errorf("%s is of meter %q", topic, number)
			}
			if got[topic] == "" {
				t.Errorf("%s is never published", topic)
			}
		}
	}
}

// schema holds the keys that Home Assistant's pages document, as far as these entities need them.
type schema struct {
	Topic      string `json:"topic"`
	Components map[string]struct {
		Required      []string `json:"required"`
		Keys          []string `json:"keys"`
		DeviceClasses map[string]struct {
			Units        any      `json:"units"`
			StateClasses []string `json:"state_classes"`
		} `json:"device_classes"`
	} `json:"components"`
	Device       []string `json:"device"`
	Origin       keys     `json:"origin"`
	Availability keys     `json:"availability"`
}

type keys struct {
	Required []string `json:"required"`
	Keys     []string `json:"keys"`
}

// check records undocumented and missing keys.
func (k keys) check(t *testing.T, where string, object map[string]any) {
	t.Helper()
	for key := range object {
		if !slices.Contains(k.Keys, key) {
			t.Errorf("%s: key %s is not documented", where, key)
		}
	}
	for _, key := range k.Required {
		if object[key] == nil || object[key] == "" {
			t.Errorf("%s: key %s is missing", where, key)
		}
	}
}

func TestDiscoveryDocumentsAreAsHomeAssistantDocumentsThem(t *testing.T) {
	b, err := os.ReadFile("testdata/homeassistant.json")
	if err != nil {
		t.Fatal(err)
	}
	var s schema
	if err := json.Unmarshal(b, &s); err != nil {
		t.Fatal(err)
	}
	unique := map[string]bool{}
	for _, v := range []registry.MeterView{wallet(), token()} {
		all := messages(t, v)
		found := map[string]bool{}
		for topic, payload := range all {
			if !strings.HasPrefix(topic, "homeassistant/") {
				continue
			}
			if !regexp.MustCompile(s.Topic).MatchString(topic) {
				t.Errorf("topic %s is none of discovery", topic)
			}
			var d map[string]any
			if err := json.Unmarshal([]byte(payload), &d); err != nil {
				t.Fatalf("%s: %v", topic, err)
			}
			component := strings.Split(topic, "/")[1]
			s.entity(t, topic, component, d, all)
			if u, _ := d["unique_id"].(string); u == "" || unique[u] {
				t.Errorf("%s: unique_id %q is missing or not unique", topic, u)
			} else {
				unique[u] = true
			}
			found[component+"/"+d["name"].(string)] = true
		}
		for _, want := range []string{"sensor/Balance", "sensor/Energy", "sensor/Power", "binary_sensor/Supply"} {
			if !found[want] {
				t.Errorf("meter %s has no %s: %v", v.Meter.Number, want, found)
			}
		}
	}
}

// entity checks one document.
func (s schema) entity(t *testing.T, topic, component string, d map[string]any, all map[string]string) {
	t.Helper()
	c := s.Components[component]
	keys{c.Required, c.Keys}.check(t, topic, d)
	class, _ := d["device_class"].(string)
	rules, known := c.DeviceClasses[class]
	if !known {
		t.Errorf("%s: device class %q", topic, class)
	}
	unit, _ := d["unit_of_measurement"].(string)
	switch units := rules.Units.(type) {
	case []any:
		if !slices.Contains(units, any(unit)) {
			t.Errorf("%s: unit %q of a %s, want one of %v", topic, unit, class, units)
		}
	case string:
		if _, ok := money.CurrencyOf(unit); !ok {
			t.Errorf("%s: unit %q is no currency", topic, unit)
		}
	}
	if state, is := d["state_class"].(string); is && !slices.Contains(rules.StateClasses, state) {
		t.Errorf("%s: state class %s of a %s, want one of %v", topic, state, class, rules.StateClasses)
	}
	device, _ := d["device"].(map[string]any)
	keys{nil, s.Device}.check(t, topic+" device", device)
	if device["identifiers"] == nil && device["connections"] == nil {
		t.Errorf("%s: the device has neither identifiers nor connections", topic)
	}
	origin, _ := d["origin"].(map[string]any)
	s.Origin.check(t, topic+" origin", origin)
	list, _ := d["availability"].([]any)
	for _, a := range list {
		one, _ := a.(map[string]any)
		s.Availability.check(t, topic+" availability", one)
		if now := all[one["topic"].(string)]; now != one["payload_available"] && now != one["payload_not_available"] {
			t.Errorf("%s: its availability is %q on %s, which it does not know", topic, now, one["topic"])
		}
	}
	if len(list) == 0 || all[d["state_topic"].(string)] == "" {
		t.Errorf("%s: it has no availability, or no state on %s", topic, d["state_topic"])
	}
	field := regexp.MustCompile(`^\{\{ value_json\.([a-z_]+) \}\}$`).FindStringSubmatch(d["value_template"].(string))
	if field == nil || !strings.Contains(all[d["state_topic"].(string)], `"`+field[1]+`":`) {
		t.Errorf("%s: template %s finds nothing in the state", topic, d["value_template"])
	}
}

func TestWhoseATopicIs(t *testing.T) {
	for topic, want := range map[string]string{
		"paywatt/04140001001/state": "04140001001", "homeassistant/sensor/paywatt_04140001001/power/config": "04140001001",
		"paywatt/": "", "paywatt//state": "", "paywatt": "", "homeassistant/status": "", "homeassistant/sensor/other/power/config": "",
		"homeassistant/sensor/paywatt_/power/config": "", "homeassistant/sensor/paywatt_1/power/state": "", "$SYS/broker/uptime": "", "m/1/up/boot": "",
	} {
		if got, ok := mirror.OwnerOf(topic); got != want || ok != (want != "") {
			t.Errorf("%s is of %q, %v, want %q", topic, got, ok, want)
		}
	}
	for _, v := range []registry.MeterView{wallet(), token()} {
		for topic := range messages(t, v) {
			if got, _ := mirror.OwnerOf(topic); got != v.Meter.Number {
				t.Errorf("%s is of %q, want %s", topic, got, v.Meter.Number)
			}
		}
	}
	if (mirror.Login{ID: id.ID{1}}).User() == "" {
		t.Error("a login has no user name")
	}
}
