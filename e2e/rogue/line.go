package rogue

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
	"github.com/fxamacker/cbor/v2"

	"github.com/paywatt/paywatt/meter"
)

// window is how many records a meter sends before it waits for the server.
const window = 60

// line is a meter's connection to the server. Its lock guards the house.
type line struct {
	sync.Mutex
	h      *house
	memory string
	link   []byte
	client mqtt.Client
	sent   uint64 // newest record that was published on this connection
	heard  int    // messages of the server so far
	more   chan struct{}
}

// connect connects a house. Only a wallet meter takes configurations and leases.
func connect(broker, password, linkKey string, h *house) (*line, error) {
	link, err := hex.DecodeString(linkKey)
	if err != nil {
		return nil, err
	}
	l := &line{h: h, memory: "0000" + h.number[len(h.number)-11:] + "f", link: link, more: make(chan struct{}, 1)}
	o := mqtt.NewClientOptions().AddBroker("tcp://" + broker).SetClientID(h.number).SetUsername(h.number).SetPassword(password).
		SetAutoReconnect(false).SetConnectTimeout(hangs).SetCleanSession(true).SetOrderMatters(true)
	l.client = mqtt.NewClient(o)
	if tok := l.client.Connect(); !tok.WaitTimeout(hangs) || tok.Error() != nil {
		return nil, errors.Join(errors.New("meter "+h.number+" cannot connect"), tok.Error())
	}
	sub := l.client.Subscribe("m/"+h.number+"/down/#", 1, func(_ mqtt.Client, m mqtt.Message) { l.receive(m.Topic(), m.Payload()) })
	if !sub.WaitTimeout(hangs) || sub.Error() != nil {
		return nil, errors.Join(errors.New("meter "+h.number+" cannot subscribe"), sub.Error())
	}
	l.Lock()
	defer l.Unlock()
	h.give(meter.Event{Kind: meter.EventComms, Active: true})
	caps := []string{}
	if h.config.Wallet {
		caps = append(caps, "lease")
	}
	l.client.Publish("m/"+h.number+"/up/boot", 1, false, mustJSON(map[string]any{"store": l.memory, "lowest": h.lowest(), "next": h.state.Seq,
		"boot": h.state.Boots, "proto": 1, "fw": "rogue", "reset": "power", "caps": caps, "config": map[string]any{"version": h.config.Version}}))
	h.give(meter.Event{Kind: meter.EventRead})
	l.publish()
	return l, nil
}

func (h *house) lowest() uint64 {
	if len(h.reports) > 0 {
		return h.reports[0].Seq
	}
	return h.state.Seq
}

func mustJSON(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}

// do works on the house and sends what it reports.
func (l *line) do(work func(*house)) {
	l.Lock()
	defer l.Unlock()
	work(l.h)
	l.publish()
}

// publish sends the reports that were not sent on this connection, as far as the window allows.
func (l *line) publish() {
	for len(l.h.reports) > 0 {
		var kind string
		var records []map[string]any
		for _, r := range l.h.reports {
			if r.Seq <= l.sent {
				continue
			}
			k, rec := l.h.record(&r)
			if len(records) > 0 && k != kind || r.Seq >= l.h.reports[0].Seq+window {
				break
			}
			kind, records, l.sent = k, append(records, rec), r.Seq
		}
		if len(records) == 0 {
			return
		}
		l.client.Publish("m/"+l.h.number+"/up/"+kind, 1, false, mustJSON(records))
	}
}

// again sends everything that is not acknowledged once more.
func (l *line) again() {
	l.Lock()
	defer l.Unlock()
	l.sent = 0
	l.publish()
}

// record translates a report into a record of the protocol.
func (h *house) record(r *meter.Report) (string, map[string]any) {
	m := map[string]any{"seq": r.Seq, "at": r.At, "up": r.Up, "clock": "valid"}
	switch r.Kind {
	case meter.ReportToken:
		m["request"], m["result"], m["units_wh"], m["balance_wh"], m["source"] = h.ids[r.Request], r.Result.String(), int64(r.Units), int64(r.Balance), r.Source.String()
		m["base_date"], m["class"], m["subclass"] = int(r.Base), r.Class, r.SubClass
		if r.HasTID {
			m["tid"] = uint32(r.TID)
		}
		return "token", m
	case meter.ReportCommand:
		m["id"], m["state"], m["reason"] = h.ids[r.Request], r.Answer.State(), r.Answer.Reason()
		return "command", m
	case meter.ReportEvent:
		m["code"], m["args"] = int(r.Code), r.Args()
		return "event", m
	case meter.ReportClose:
		m["date"], m["register_wh"], m["used_wh"] = r.Row.Date.String(), int64(r.Row.Register), int64(r.Row.Used)
		return "close", m
	}
	m["register_wh"], m["balance_wh"], m["ec_used_wh"], m["overrun_wh"] = int64(r.Register), int64(r.Balance), int64(r.ECUsed), int64(r.Overrun)
	m["w"], m["mv"], m["relay"], m["reasons"] = int64(r.Power), int64(r.Voltage), r.Relay.String(), r.Reasons.Names()
	return "reading", m
}

// receive handles a message of the server.
func (l *line) receive(topic string, payload []byte) {
	l.Lock()
	defer l.Unlock()
	kind := topic[strings.LastIndexByte(topic, '/')+1:]
	if kind == "ack" {
		var ack struct {
			Seq uint64 `json:"seq"`
		}
		if json.Unmarshal(payload, &ack) == nil {
			for len(l.h.reports) > 0 && l.h.reports[0].Seq <= ack.Seq {
				l.h.reports = l.h.reports[1:]
			}
		}
	} else {
		l.heard++
		if kind == "token" {
			var t struct{ Request, Digits string }
			if json.Unmarshal(payload, &t) == nil {
				l.h.enter(t.Digits, meter.Remote, t.Request)
			}
		} else if body, ok := l.open(topic, payload); ok {
			l.h.order(kind, body)
		}
	}
	l.publish()
	select {
	case l.more <- struct{}{}:
	default:
	}
}

// signed is the body of a signed message of any kind.
type signed struct {
	ID      string         `cbor:"id"`
	Counter uint64         `cbor:"counter"`
	Type    string         `cbor:"type"`
	Args    map[string]any `cbor:"args"`
	Version int64          `cbor:"version"`
	Config  map[string]any `cbor:"config"`
	Seq     int64          `cbor:"seq"`
	Max     int64          `cbor:"max_register_wh"`
	TTL     int64          `cbor:"ttl_s"`
	At      int64          `cbor:"at"`
}

// open checks the signature of a message.
func (l *line) open(topic string, payload []byte) (body signed, ok bool) {
	var env struct{ B, Mac string }
	if json.Unmarshal(payload, &env) != nil {
		return body, false
	}
	b, err := base64.RawURLEncoding.DecodeString(env.B)
	mac := hmac.New(sha256.New, l.link)
	_, _ = mac.Write(append(append([]byte(topic), 0), b...))
	if err != nil || hex.EncodeToString(mac.Sum(nil)[:16]) != env.Mac {
		return body, false
	}
	dec, err := cbor.DecOptions{DefaultMapType: nil, IntDec: cbor.IntDecConvertSignedOrFail}.DecMode()
	return body, err == nil && dec.Unmarshal(b, &body) == nil
}

// order carries out a signed message.
func (h *house) order(kind string, b signed) {
	ev := meter.Event{Kind: meter.EventCommand, Request: h.handle(b.ID), Counter: b.Counter}
	switch kind {
	case "command":
		ev.Command = meter.ParseCommand(b.Type)
		ev.Force, _ = b.Args["force"].(bool)
		tid, _ := b.Args["tid"].(int64)
		base, _ := b.Args["base_date"].(int64)
		set(&ev.TID, tid)
		ev.Base = baseDate(base)
	case "config":
		ev.Kind, ev.Version = meter.EventConfig, uint32(min(max(b.Version, 0), math.MaxUint32))
		next, bad := meter.NewConfig(h.config, ev.Version, b.Config)
		if bad != "" {
			ev.Refused = meter.AnswerConfig
			break
		}
		h.next, ev.Wallet = &next, next.Wallet
	case "lease":
		ev.Command = meter.CommandLease
		ev.Lease.Seq, ev.Lease.TTL = uint32(b.Seq), uint32(b.TTL)
		set(&ev.Lease.Max, b.Max)
	case "time":
		ev.Command, ev.NewAt = meter.CommandSetTime, b.At
	default:
		return
	}
	h.give(ev)
	h.next = nil
}

// settled reports whether the server has acknowledged every record.
func (l *line) settled() bool {
	l.Lock()
	defer l.Unlock()
	return len(l.h.reports) == 0
}

// leased reports whether a wallet meter has a lease.
func (l *line) leased() bool {
	l.Lock()
	defer l.Unlock()
	return l.h.state.LeaseSeq > 0
}

// on reports whether the meter supplies.
func (l *line) on() bool {
	l.Lock()
	defer l.Unlock()
	return l.h.on()
}

// told is how many messages the server has sent.
func (l *line) told() int {
	l.Lock()
	defer l.Unlock()
	return l.heard
}

// wait waits until the meter satisfies a condition; false if that takes too long.
func (l *line) wait(within time.Duration, yes func() bool) bool {
	late := time.After(within)
	for !yes() {
		select {
		case <-l.more:
		case <-late:
			return yes()
		}
	}
	return true
}

func (l *line) close() { l.client.Disconnect(0) }

// errSlow is a server that does not acknowledge a meter's records.
func (l *line) errSlow() error {
	l.Lock()
	defer l.Unlock()
	return fmt.Errorf("%s: meter %s: %d records are not acknowledged, the first is %d, connected %t", notInTime, l.h.number, len(l.h.reports), l.h.lowest(), l.client.IsConnected())
}
