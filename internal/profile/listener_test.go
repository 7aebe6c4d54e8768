// What a message of a device writes: its register, the readings made of it, what is known of the device, held values and alarms.

package profile_test

import (
	"context"
	"strconv"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/profile"
)

// says lets a device publish a message, some seconds after the start of the test's day, while the supply should be off for some reasons.
func (r *rows) says(p *profile.Profile, second int, topic, payload string, reasons ...string) (profile.Outcome, error) {
	return r.listener().Take(context.Background(), who(), p, profile.Incoming{Topic: topic, Payload: []byte(payload), At: at(second), Reasons: reasons})
}

// playStory plays the messages of a story, and compares what each writes. A line of a story is a message: its second, its topic and its payload.
// Indented lines after it are what it writes. A line "off for REASONS" says why the supply should be off from then on.
func playStory(t *testing.T, r *rows, p *profile.Profile, story string) {
	t.Helper()
	var reasons, want []string
	last := ""
	check := func() {
		if last != "" {
			t.Log(last)
			r.Wants(t, want...)
		}
		want = nil
	}
	for line := range strings.Lines(strings.TrimLeft(story, "\n")) {
		line = strings.TrimRight(line, "\n")
		if written, is := strings.CutPrefix(line, "\t"); is {
			want = append(want, strings.TrimSpace(written))
			continue
		}
		if off, is := strings.CutPrefix(line, "off for "); is {
			reasons = strings.Fields(off)
			continue
		}
		check()
		last = line
		second, message, _ := strings.Cut(line, " ")
		topic, payload, _ := strings.Cut(message, " ")
		n, err := strconv.Atoi(second)
		if err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		if _, err := r.says(p, n, topic, payload, reasons...); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
	}
	check()
}

func TestWhatAMessageWrites(t *testing.T) {
	for name, c := range map[string]struct {
		profile string
		begin   func(*rows)
		story   string
	}{
		"readings of a register": {"tasmota", nil, `
0 tele/plug/SENSOR {"ENERGY":{"Total":9.000,"Power":100.4994,"Voltage":230.5}}
	no alarm of m1 unreadable-record
	no alarm of m1 device-unread-cut
	device of m1: "plug", bound never, rival "", read 08:00:00, deferred false
	reading 1 at 08:00:00: 0 Wh, 100 W, 230500 mV, relay "", off for ""
	memory profile of "profile tasmota" from 1, next 1, start 0
	register of m1 by tasmota: 0 mWh, record 1
59 tele/plug/SENSOR {"ENERGY":{"Total":9.000,"Power":100.5}}
	register of m1 by tasmota: 0 mWh, record 1
60 tele/plug/SENSOR {"ENERGY":{"Total":9.000,"Power":100.5}}
	reading 2 at 08:01:00: 0 Wh, 101 W, 0 mV, relay "", off for ""
	register of m1 by tasmota: 0 mWh, record 2
61 tele/plug/SENSOR {"ENERGY":{"Total":9.0009,"Power":100.5}}
	register of m1 by tasmota: 900 mWh, record 2
62 tele/plug/SENSOR {"ENERGY":{"Total":9.001,"Power":100.5}}
	reading 3 at 08:01:02: 1 Wh, 101 W, 0 mV, relay "", off for ""
	register of m1 by tasmota: 1000 mWh, record 3
63 tele/plug/SENSOR {"ENERGY":{"Total":9.001,"Power":0}}
	reading 4 at 08:01:03: 1 Wh, 0 W, 0 mV, relay "", off for ""
	register of m1 by tasmota: 1000 mWh, record 4
64 tele/plug/SENSOR {"ENERGY":{"Total":9.001,"Power":0}}
65 tele/plug/OTHER {}
66 tele/plug/LWT Online
	memory profile of "profile tasmota" from 5, next 5, start 1
	register of m1 by tasmota: 1000 mWh, record 4
30 tele/plug/SENSOR {"ENERGY":{"Total":9.001,"Power":0}}
	reading 5 at 08:00:30: 1 Wh, 0 W, 0 mV, relay "", off for ""
	register of m1 by tasmota: 1000 mWh, record 5
`},
		"a message that changes nothing": {"tasmota", nil, `
0 tele/plug/STATE {"POWER":"ON"}
	device of m1: "plug", bound never, rival "", read never, deferred false
	reading 1 at 08:00:00: 0 Wh, 0 W, 0 mV, relay "closed", off for ""
	memory profile of "profile tasmota" from 1, next 1, start 0
	register of m1 by tasmota: 0 mWh, record 1
1 tele/plug/STATE {"POWER":"ON"}
2 tele/plug/SENSOR {"ENERGY":{"Voltage":230}}
`},
		"a value without energy comes first": {"tasmota", nil, `
0 tele/plug/SENSOR {"ENERGY":{"Voltage":230}}
	device of m1: "plug", bound never, rival "", read never, deferred false
1 tele/plug/LWT Online
	memory profile of "profile tasmota" from 1, next 1, start 1
	register of m1 by tasmota: 0 mWh, record 0
2 tele/plug/SENSOR {"ENERGY":{"Total":9.000}}
	no alarm of m1 unreadable-record
	no alarm of m1 device-unread-cut
	device of m1: "plug", bound never, rival "", read 08:00:02, deferred false
	reading 1 at 08:00:02: 0 Wh, 0 W, 0 mV, relay "", off for ""
	memory profile of "profile tasmota" from 1, next 1, start 1
	register of m1 by tasmota: 0 mWh, record 1
`},
		"a message that cannot be read": {"tasmota", nil, `
0 tele/plug/SENSOR {"ENERGY":{"Total":"x"}}
	device of m1: "plug", bound never, rival "", read never, deferred false
	alarm of m1 now unreadable-record: A record of the meter could not be read: the device's message {"ENERGY":{"Total":"x"}}: energy_kwh: "x" is not a decimal number
	register of m1 by tasmota: 0 mWh, record 0
5 tele/plug/SENSOR {"ENERGY":
	alarm of m1 now unreadable-record: A record of the meter could not be read: the device's message {"ENERGY":: the payload is not JSON
	register of m1 by tasmota: 0 mWh, record 0
10 tele/plug/SENSOR {"ENERGY":{"Total":9.000}}
	no alarm of m1 unreadable-record
	no alarm of m1 device-unread-cut
	device of m1: "plug", bound never, rival "", read 08:00:10, deferred false
	reading 1 at 08:00:10: 0 Wh, 0 W, 0 mV, relay "", off for ""
	memory profile of "profile tasmota" from 1, next 1, start 0
	register of m1 by tasmota: 0 mWh, record 1
15 tele/plug/SENSOR {"ENERGY":
	alarm of m1 now unreadable-record: A record of the meter could not be read: the device's message {"ENERGY":: the payload is not JSON
	register of m1 by tasmota: 0 mWh, record 1
`},
		"the supply is off": {"tasmota", nil, `
0 tele/plug/SENSOR {"ENERGY":{"Total":9.000,"Power":0}}
	no alarm of m1 unreadable-record
	no alarm of m1 device-unread-cut
	device of m1: "plug", bound never, rival "", read 08:00:00, deferred false
	reading 1 at 08:00:00: 0 Wh, 0 W, 0 mV, relay "", off for ""
	memory profile of "profile tasmota" from 1, next 1, start 0
	register of m1 by tasmota: 0 mWh, record 1
off for money remote
10 stat/plug/POWER OFF
	reading 2 at 08:00:10: 0 Wh, 0 W, 0 mV, relay "open", off for ""
	register of m1 by tasmota: 0 mWh, record 2
69 tele/plug/SENSOR {"ENERGY":{"Total":9.001,"Power":0}}
	reading 3 at 08:01:09: 1 Wh, 0 W, 0 mV, relay "open", off for ""
	register of m1 by tasmota: 1000 mWh, record 3
70 tele/plug/SENSOR {"ENERGY":{"Total":9.003,"Power":0}}
	reading 4 at 08:01:10: 3 Wh, 0 W, 0 mV, relay "open", off for "money remote"
	register of m1 by tasmota: 3000 mWh, record 4
80 stat/plug/POWER ON
	reading 5 at 08:01:20: 3 Wh, 0 W, 0 mV, relay "closed", off for ""
	register of m1 by tasmota: 3000 mWh, record 5
`},
		"gaps": {"seed-a", nil, `
0 GsmClientTest/ledStatus 500:512
	no alarm of m1 unreadable-record
	no alarm of m1 device-unread-cut
	device of m1: "", bound never, rival "", read 08:00:00, deferred false
	reading 1 at 08:00:00: 0 Wh, 135 W, 0 mV, relay "", off for ""
	memory profile of "profile seed-a" from 1, next 1, start 0
	register of m1 by seed-a: 0 mWh, record 1
61 GsmClientTest/ledStatus 500:512
	reading 2 at 08:01:01: 0 Wh, 135 W, 0 mV, relay "", off for ""
	alarm of m1 energy-not-measured: The device sent no values for a while
	register of m1 by seed-a: 0 mWh, record 2
122 GsmClientTest/ledStatus 500:512
	reading 3 at 08:02:02: 0 Wh, 135 W, 0 mV, relay "", off for ""
	register of m1 by seed-a: 0 mWh, record 3
`},
		"a held value": {"tasmota", nil, `
0 tele/plug/SENSOR {"ENERGY":{"Total":9.000}}
	no alarm of m1 unreadable-record
	no alarm of m1 device-unread-cut
	device of m1: "plug", bound never, rival "", read 08:00:00, deferred false
	reading 1 at 08:00:00: 0 Wh, 0 W, 0 mV, relay "", off for ""
	memory profile of "profile tasmota" from 1, next 1, start 0
	register of m1 by tasmota: 0 mWh, record 1
60 tele/plug/SENSOR {"ENERGY":{"Total":9.000}}
	reading 2 at 08:01:00: 0 Wh, 0 W, 0 mV, relay "", off for ""
	register of m1 by tasmota: 0 mWh, record 2
70 tele/plug/SENSOR {"ENERGY":{"Total":8.000}}
	entry 1 of m1, backwards: the device's own register shows 8.000000 kWh after 9.000000 kWh at 08:01:10, record 2, {"ENERGY":{"Total":8.000}}
	register of m1 by tasmota: 0 mWh, record 2
129 tele/plug/SENSOR {"ENERGY":{"Total":8.000}}
	register of m1 by tasmota: 0 mWh, record 2
130 tele/plug/SENSOR {"ENERGY":{"Total":8.000}}
	reading 3 at 08:02:10: 0 Wh, 0 W, 0 mV, relay "", off for ""
	alarm of m1 now quarantined-record: The device's own register shows 8.000000 kWh after 9.000000 kWh
	register of m1 by tasmota: 0 mWh, record 3
140 tele/plug/SENSOR {"ENERGY":{"Total":8.000}}
	register of m1 by tasmota: 0 mWh, record 3
150 tele/plug/SENSOR {"ENERGY":{"Total":9.000}}
	entry 1 returned at 08:02:30
	no alarm of m1 quarantine-full
	no alarm of m1 quarantined-record
	register of m1 by tasmota: 0 mWh, record 3
160 tele/plug/SENSOR {"ENERGY":{"Total":8.000}}
	register of m1 by tasmota: 0 mWh, record 3
250 tele/plug/SENSOR {"ENERGY":{"Total":9.000}}
	reading 4 at 08:04:10: 0 Wh, 0 W, 0 mV, relay "", off for ""
	register of m1 by tasmota: 0 mWh, record 4
669 tele/plug/SENSOR {"ENERGY":{"Total":8.000}}
	register of m1 by tasmota: 0 mWh, record 4
670 tele/plug/SENSOR {"ENERGY":{"Total":8.000}}
	entry 2 of m1, backwards: the device's own register shows 8.000000 kWh after 9.000000 kWh at 08:01:10, record 4, {"ENERGY":{"Total":8.000}}
	register of m1 by tasmota: 0 mWh, record 4
700 tele/plug/SENSOR {"ENERGY":{"Total":8.001}}
	reading 5 at 08:11:40: 1 Wh, 0 W, 0 mV, relay "", off for ""
	entry 2 began at 08:11:40
	no alarm of m1 quarantine-full
	no alarm of m1 quarantined-record
	register of m1 by tasmota: 1000 mWh, record 5
730 tele/plug/SENSOR {"ENERGY":{"Total":8.003}}
	reading 6 at 08:12:10: 3 Wh, 0 W, 0 mV, relay "", off for ""
	register of m1 by tasmota: 3000 mWh, record 6
`},
		"a register that is wrong again and again": {"tasmota", nil, `
0 tele/plug/SENSOR {"ENERGY":{"Total":9.000}}
	no alarm of m1 unreadable-record
	no alarm of m1 device-unread-cut
	device of m1: "plug", bound never, rival "", read 08:00:00, deferred false
	reading 1 at 08:00:00: 0 Wh, 0 W, 0 mV, relay "", off for ""
	memory profile of "profile tasmota" from 1, next 1, start 0
	register of m1 by tasmota: 0 mWh, record 1
60 tele/plug/SENSOR {"ENERGY":{"Total":9.000}}
	reading 2 at 08:01:00: 0 Wh, 0 W, 0 mV, relay "", off for ""
	register of m1 by tasmota: 0 mWh, record 2
70 tele/plug/SENSOR {"ENERGY":{"Total":8.000}}
	entry 1 of m1, backwards: the device's own register shows 8.000000 kWh after 9.000000 kWh at 08:01:10, record 2, {"ENERGY":{"Total":8.000}}
	register of m1 by tasmota: 0 mWh, record 2
80 tele/plug/SENSOR {"ENERGY":{"Total":8.000}}
	register of m1 by tasmota: 0 mWh, record 2
90 tele/plug/SENSOR {"ENERGY":{"Total":9.000}}
	entry 1 returned at 08:01:30
	no alarm of m1 quarantine-full
	no alarm of m1 quarantined-record
	register of m1 by tasmota: 0 mWh, record 2
660 tele/plug/SENSOR {"ENERGY":{"Total":8.000}}
	register of m1 by tasmota: 0 mWh, record 2
670 tele/plug/SENSOR {"ENERGY":{"Total":8.000}}
	entry 2 of m1, backwards: the device's own register shows 8.000000 kWh after 9.000000 kWh at 08:01:10, record 2, {"ENERGY":{"Total":8.000}}
	register of m1 by tasmota: 0 mWh, record 2
680 tele/plug/SENSOR {"ENERGY":{"Total":9.000}}
	reading 3 at 08:11:20: 0 Wh, 0 W, 0 mV, relay "", off for ""
	entry 2 returned at 08:11:20
	no alarm of m1 quarantine-full
	no alarm of m1 quarantined-record
	register of m1 by tasmota: 0 mWh, record 3
690 tele/plug/SENSOR {"ENERGY":{"Total":8.000}}
	register of m1 by tasmota: 0 mWh, record 3
700 tele/plug/SENSOR {"ENERGY":{"Total":9.000}}
	register of m1 by tasmota: 0 mWh, record 3
1269 tele/plug/SENSOR {"ENERGY":{"Total":8.000}}
	register of m1 by tasmota: 0 mWh, record 3
1271 tele/plug/SENSOR {"ENERGY":{"Total":8.000}}
	entry 3 of m1, backwards: the device's own register shows 8.000000 kWh after 9.000000 kWh at 08:01:10, record 3, {"ENERGY":{"Total":8.000}}
	register of m1 by tasmota: 0 mWh, record 3
`},
		"a rise that is confirmed": {"tasmota", nil, `
0 tele/plug/SENSOR {"ENERGY":{"Total":9.000}}
	no alarm of m1 unreadable-record
	no alarm of m1 device-unread-cut
	device of m1: "plug", bound never, rival "", read 08:00:00, deferred false
	reading 1 at 08:00:00: 0 Wh, 0 W, 0 mV, relay "", off for ""
	memory profile of "profile tasmota" from 1, next 1, start 0
	register of m1 by tasmota: 0 mWh, record 1
3600 tele/plug/SENSOR {"ENERGY":{"Total":10.000}}
	device of m1: "plug", bound 09:00:00, rival "", read 08:00:00, deferred false
	register of m1 by tasmota: 0 mWh, record 1
3670 tele/plug/SENSOR {"ENERGY":{"Total":10.000}}
	reading 2 at 09:01:10: 1000 Wh, 0 W, 0 mV, relay "", off for ""
	register of m1 by tasmota: 1000000 mWh, record 2
`},
		"a rise that a fall leaves open": {"tasmota", nil, `
0 tele/plug/SENSOR {"ENERGY":{"Total":9.000}}
	no alarm of m1 unreadable-record
	no alarm of m1 device-unread-cut
	device of m1: "plug", bound never, rival "", read 08:00:00, deferred false
	reading 1 at 08:00:00: 0 Wh, 0 W, 0 mV, relay "", off for ""
	memory profile of "profile tasmota" from 1, next 1, start 0
	register of m1 by tasmota: 0 mWh, record 1
3600 tele/plug/SENSOR {"ENERGY":{"Total":10.000}}
	device of m1: "plug", bound 09:00:00, rival "", read 08:00:00, deferred false
	register of m1 by tasmota: 0 mWh, record 1
3610 tele/plug/SENSOR {"ENERGY":{"Total":8.999}}
	entry 1 of m1, jump: the device's own register shows 10.000000 kWh after 9.000000 kWh at 09:00:00, record 1, {"ENERGY":{"Total":8.999}}
	alarm of m1 now quarantined-record: The device's own register shows 10.000000 kWh after 9.000000 kWh
	register of m1 by tasmota: 0 mWh, record 1
4211 tele/plug/SENSOR {"ENERGY":{"Total":8.999}}
	reading 2 at 09:10:11: 0 Wh, 0 W, 0 mV, relay "", off for ""
	entry 2 of m1, backwards: the device's own register shows 8.999000 kWh after 9.000000 kWh at 09:00:10, record 2, {"ENERGY":{"Total":8.999}}
	alarm of m1 now quarantined-record: The device's own register shows 8.999000 kWh after 9.000000 kWh
	register of m1 by tasmota: 0 mWh, record 2
`},
		"a jump that stays": {"tasmota", nil, `
0 tele/plug/SENSOR {"ENERGY":{"Total":9.000}}
	no alarm of m1 unreadable-record
	no alarm of m1 device-unread-cut
	device of m1: "plug", bound never, rival "", read 08:00:00, deferred false
	reading 1 at 08:00:00: 0 Wh, 0 W, 0 mV, relay "", off for ""
	memory profile of "profile tasmota" from 1, next 1, start 0
	register of m1 by tasmota: 0 mWh, record 1
10 tele/plug/SENSOR {"ENERGY":{"Total":90.000}}
	entry 1 of m1, jump: the device's own register shows 90.000000 kWh after 9.000000 kWh at 08:00:10, record 1, {"ENERGY":{"Total":90.000}}
	register of m1 by tasmota: 0 mWh, record 1
20 tele/plug/SENSOR {"ENERGY":{"Total":90.000}}
	register of m1 by tasmota: 0 mWh, record 1
30 tele/plug/SENSOR {"ENERGY":{"Total":90.001}}
	reading 2 at 08:00:30: 1 Wh, 0 W, 0 mV, relay "", off for ""
	alarm of m1 now quarantined-record: The device's own register shows 90.000000 kWh after 9.000000 kWh
	alarm of m1 energy-not-measured: The device sent no values for a while
	register of m1 by tasmota: 1000 mWh, record 2
`},
		"a jump while the quarantine is full": {"tasmota", func(r *rows) { r.waiting = 1000 }, `
0 tele/plug/SENSOR {"ENERGY":{"Total":9.000}}
	no alarm of m1 unreadable-record
	no alarm of m1 device-unread-cut
	device of m1: "plug", bound never, rival "", read 08:00:00, deferred false
	reading 1 at 08:00:00: 0 Wh, 0 W, 0 mV, relay "", off for ""
	memory profile of "profile tasmota" from 1, next 1, start 0
	register of m1 by tasmota: 0 mWh, record 1
10 tele/plug/SENSOR {"ENERGY":{"Total":90.000}}
	register of m1 by tasmota: 0 mWh, record 1
75 tele/plug/SENSOR {"ENERGY":{"Total":90.000}}
	reading 2 at 08:01:15: 0 Wh, 0 W, 0 mV, relay "", off for ""
	register of m1 by tasmota: 0 mWh, record 2
`},
		"two devices": {"tasmota", nil, `
0 tele/plug/SENSOR {"ENERGY":{"Total":9.000}}
	no alarm of m1 unreadable-record
	no alarm of m1 device-unread-cut
	device of m1: "plug", bound never, rival "", read 08:00:00, deferred false
	reading 1 at 08:00:00: 0 Wh, 0 W, 0 mV, relay "", off for ""
	memory profile of "profile tasmota" from 1, next 1, start 0
	register of m1 by tasmota: 0 mWh, record 1
1 tele/bath/SENSOR {"ENERGY":{"Total":7.000}}
	alarm of m1 now device-claimed: Two devices, plug and bath, send messages to the listener of this meter
	device of m1: "plug", bound never, rival "bath", read 08:00:00, deferred false
2 tele/bath/SENSOR {"ENERGY":{"Total":7.000}}
60 tele/plug/SENSOR {"ENERGY":{"Total":9.010}}
`},
		"another device after an hour": {"tasmota", nil, `
0 tele/plug/SENSOR {"ENERGY":{"Total":9.000}}
	no alarm of m1 unreadable-record
	no alarm of m1 device-unread-cut
	device of m1: "plug", bound never, rival "", read 08:00:00, deferred false
	reading 1 at 08:00:00: 0 Wh, 0 W, 0 mV, relay "", off for ""
	memory profile of "profile tasmota" from 1, next 1, start 0
	register of m1 by tasmota: 0 mWh, record 1
3600 tele/plug/SENSOR {"ENERGY":{"Total":9.010}}
	device of m1: "plug", bound 09:00:00, rival "", read 08:00:00, deferred false
	reading 2 at 09:00:00: 10 Wh, 0 W, 0 mV, relay "", off for ""
	register of m1 by tasmota: 10000 mWh, record 2
3601 tele/bath/SENSOR {"ENERGY":{"Total":9.020}}
3602 tele/bath/SENSOR {"ENERGY":
`},
		"a meter that counted before its device had a name": {"tasmota", func(r *rows) {
			r.register = profile.Register{MWh: 5_000_000, At: at(-60), Device: 8_000_000, HasDevice: true}
		}, `
0 tele/plug/SENSOR {"ENERGY":{"Total":8.010}}
	device of m1: "plug", bound never, rival "", read 07:59:00, deferred true
3600 tele/plug/SENSOR {"ENERGY":{"Total":8.110}}
	device of m1: "plug", bound 09:00:00, rival "", read 07:59:00, deferred false
	reading 1 at 09:00:00: 5110 Wh, 0 W, 0 mV, relay "", off for ""
	memory profile of "profile tasmota" from 1, next 1, start 0
	register of m1 by tasmota: 5110000 mWh, record 1
`},
		"a meter that sampled power before": {"esphome", func(r *rows) { r.register = profile.Register{MWh: 5_000_000, At: at(-60)} }, `
0 plug/sensor/power/state 3600
	device of m1: "plug", bound never, rival "", read 07:59:00, deferred true
	reading 1 at 08:00:00: 5030 Wh, 3600 W, 0 mV, relay "", off for ""
	memory profile of "profile esphome" from 1, next 1, start 0
	register of m1 by esphome: 5030000 mWh, record 1
10 plug/sensor/power/state 3600
	reading 2 at 08:00:10: 5040 Wh, 3600 W, 0 mV, relay "", off for ""
	register of m1 by esphome: 5040000 mWh, record 2
`},
		"a meter whose topics name no device": {"plain", func(r *rows) {
			r.register = profile.Register{MWh: 5_000_000, At: at(-60), Device: 8_000_000, HasDevice: true}
		}, `
0 em/data {"e":8010}
	device of m1: "", bound never, rival "", read 07:59:00, deferred false
	reading 1 at 08:00:00: 5010 Wh, 0 W, 0 mV, relay "", off for ""
	memory profile of "profile plain" from 1, next 1, start 0
	register of m1 by plain: 5010000 mWh, record 1
`},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRows()
			if c.begin != nil {
				c.begin(r)
			}
			l := library(t)
			l["plain"] = plain(t)
			playStory(t, r, l[c.profile], c.story)
		})
	}
}

// plain is the profile of a device with a register whose topics do not name it.
func plain(t *testing.T) *profile.Profile {
	t.Helper()
	p, err := profile.Parse("plain.toml", `name = "plain"
title = "a register without a name"
[[up]]
topic = "em/data"
means = "data"
fields = { energy_wh = "e" }
[energy]
from = "register"
max_gap = "15m"
max_w = 16000
`)
	if err != nil {
		t.Fatal(err)
	}
	return p
}
