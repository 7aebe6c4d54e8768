// Package mirror shows meters to other programs over MQTT. It makes a retained copy of each meter's state and discovery documents for Home
// Assistant, and manages the logins that may read them.
//
// Start at [Messages]: it makes all retained messages of one meter from the API's view. The broker stores and serves them; a
// program cannot change them. A login belongs to one customer and sees only that customer's meters, whatever it subscribes to:
// [OwnerOf] returns the meter of a topic.
package mirror

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/registry"
)

// Roots of the topics: the mirror's own, and the one in which Home Assistant looks for devices.
const (
	tree      = "paywatt/"
	discovery = "homeassistant/"
	node      = "paywatt_"
)

// Payloads of availability and of the supply.
const (
	online, offline = "online", "offline"
	on, off         = "ON", "OFF"
)

// Message is one retained message.
type Message struct {
	Topic   string
	Payload []byte
}

// StateTopic returns the topic of a meter's state. AvailabilityTopic returns the topic that says online or offline.
func StateTopic(number string) string        { return tree + number + "/state" }
func AvailabilityTopic(number string) string { return tree + number + "/availability" }

// Topics returns all topics on which something may have been published about a meter: the documents first, so that a program forgets the
// device before its state.
func Topics(number string) []string {
	var out []string
	for _, d := range [...][2]string{{"sensor", "register"}, {"sensor", "power"}, {"sensor", "balance"}, {"binary_sensor", "supply"}} {
		out = append(out, documentTopic(number, d[0], d[1]))
	}
	return append(out, AvailabilityTopic(number), StateTopic(number))
}

// documentTopic returns the topic of a document for Home Assistant.
func documentTopic(number, component, object string) string {
	return discovery + component + "/" + node + number + "/" + object + "/config"
}

// OwnerOf returns the number of a topic's meter; ok is false for every other topic.
func OwnerOf(topic string) (number string, ok bool) {
	if rest, is := strings.CutPrefix(topic, tree); is {
		if number, _, ok = strings.Cut(rest, "/"); ok && number != "" {
			return number, true
		}
		return "", false
	}
	if rest, is := strings.CutPrefix(topic, discovery); is {
		parts := strings.Split(rest, "/")
		if len(parts) != 4 || parts[3] != "config" {
			return "", false
		}
		if number, ok = strings.CutPrefix(parts[1], node); ok && number != "" {
			return number, true
		}
	}
	return "", false
}

// state is the payload of StateTopic. Unknown values are null, as Home Assistant's templates expect.
type state struct {
	Number     string           `json:"number"`
	State      string           `json:"state"`
	Connected  bool             `json:"connected"`
	Supply     *string          `json:"supply"` // ON, OFF
	Relay      string           `json:"relay"`
	Reasons    []string         `json:"reasons"`
	RegisterWh *int64           `json:"register_wh"`
	PowerW     *int64           `json:"power_w"`
	BalanceWh  *int64           `json:"balance_wh"` // balance in the meter, if the meter holds it
	Balance    *json.RawMessage `json:"balance"`    // a wallet's live estimate, in the major unit
	Settled    *json.RawMessage `json:"settled"`    // a wallet's settled balance
	Currency   string           `json:"currency,omitempty"`
	AsOf       *time.Time       `json:"as_of"`
	Test       bool             `json:"test,omitempty"`
}

// Messages returns all retained messages of a meter. The documents name the program's version as their origin.
func Messages(v registry.MeterView, version string) ([]Message, error) {
	s := stateOf(v)
	var out []Message
	add := func(topic string, body any) error {
		var b bytes.Buffer
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false)
		if err := e.Encode(body); err != nil {
			return fmt.Errorf("write %s: %w", topic, err)
		}
		out = append(out, Message{topic, bytes.TrimSuffix(b.Bytes(), []byte("\n"))})
		return nil
	}
	for _, d := range documents(v, s, version) {
		if err := add(documentTopic(v.Meter.Number, d.component, d.object), d.body); err != nil {
			return nil, err
		}
	}
	available := offline
	if v.State != registry.Offline {
		available = online
	}
	out = append(out, Message{AvailabilityTopic(v.Meter.Number), []byte(available)})
	return out, add(StateTopic(v.Meter.Number), s)
}

func stateOf(v registry.MeterView) state {
	s := state{Number: v.Meter.Number, State: string(v.State), Connected: v.Connected, Relay: v.Relay, Reasons: v.Reasons, Test: v.Meter.Simulated}
	if s.Reasons == nil {
		s.Reasons = []string{}
	}
	if v.Relay != "" {
		supply := off
		if v.Relay == registry.RelayClosed {
			supply = on
		}
		s.Supply = &supply
	}
	if f := v.Figures; f != nil {
		register, at := int64(f.Register), f.AsOf.UTC()
		s.RegisterWh, s.PowerW, s.AsOf = &register, &f.Watts, &at
		if v.Meter.Mode == registry.PrepayToken {
			balance := int64(f.Balance)
			s.BalanceWh = &balance
		}
	}
	if w := v.Wallet; w != nil && w.Money != nil {
		if c, ok := money.CurrencyOf(w.Money.Available.Currency); ok {
			left, books := json.RawMessage(money.Format(w.Money.Available.Minor, c)), json.RawMessage(money.Format(w.Money.Settled.Minor, c))
			s.Balance, s.Settled, s.Currency = &left, &books, w.Money.Available.Currency
		}
	}
	return s
}

// document is one entity of Home Assistant.
type document struct {
	component, object string
	body              entity
}

// entity is the discovery payload of an MQTT sensor or binary sensor, as documented by Home Assistant
// (https://www.home-assistant.io/integrations/sensor.mqtt/, binary_sensor.mqtt/, mqtt/#mqtt-discovery).
type entity struct {
	Name          string         `json:"name"`
	UniqueID      string         `json:"unique_id"`
	StateTopic    string         `json:"state_topic"`
	ValueTemplate string         `json:"value_template"`
	DeviceClass   string         `json:"device_class"`
	StateClass    string         `json:"state_class,omitempty"`
	Unit          string         `json:"unit_of_measurement,omitempty"`
	PayloadOn     string         `json:"payload_on,omitempty"`
	PayloadOff    string         `json:"payload_off,omitempty"`
	Availability  []availability `json:"availability"`
	Device        device         `json:"device"`
	Origin        origin         `json:"origin"`
}

type availability struct {
	Topic        string `json:"topic"`
	Available    string `json:"payload_available"`
	NotAvailable string `json:"payload_not_available"`
}

type device struct {
	Identifiers  []string `json:"identifiers"`
	Name         string   `json:"name"`
	Manufacturer string   `json:"manufacturer"`
	Model        string   `json:"model"`
	SerialNumber string   `json:"serial_number"`
}

type origin struct {
	Name    string `json:"name"`
	Version string `json:"sw_version,omitempty"`
	URL     string `json:"support_url"`
}

// documents returns the entities of a meter: the balance, the register, the load, and whether there is supply.
func documents(v registry.MeterView, s state, version string) []document {
	number := v.Meter.Number
	model := "prepayment meter, balance in the meter"
	if v.Meter.Mode == registry.PrepayWallet {
		model = "prepayment meter, balance on the server"
	}
	entityOf := func(object, name, field, class string) entity {
		return entity{Name: name, UniqueID: node + number + "_" + object, StateTopic: StateTopic(number),
			ValueTemplate: "{{ value_json." + field + " }}", DeviceClass: class,
			Availability: []availability{{AvailabilityTopic(number), online, offline}},
			Device:       device{[]string{node + number}, "Meter " + number, "Paywatt", model, number},
			Origin:       origin{"Paywatt", version, "https://github.com/paywatt/paywatt"}}
	}
	register := entityOf("register", "Energy", "register_wh", "energy")
	register.StateClass, register.Unit = "total_increasing", "Wh"
	power := entityOf("power", "Power", "power_w", "power")
	power.StateClass, power.Unit = "measurement", "W"
	supply := entityOf("supply", "Supply", "supply", "power")
	supply.PayloadOn, supply.PayloadOff = on, off
	out := []document{{"sensor", "register", register}, {"sensor", "power", power}, {"binary_sensor", "supply", supply}}
	if v.Meter.Mode == registry.PrepayToken {
		left := entityOf("balance", "Balance", "balance_wh", "energy_storage")
		left.StateClass, left.Unit = "measurement", "Wh"
		out = append(out, document{"sensor", "balance", left})
	} else if s.Currency != "" {
		left := entityOf("balance", "Balance", "balance", "monetary")
		left.StateClass, left.Unit = "total", s.Currency
		out = append(out, document{"sensor", "balance", left})
	}
	return out
}
