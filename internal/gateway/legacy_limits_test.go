package gateway_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/paywatt/paywatt/internal/profile"
)

// hexPacket writes a packet: its first byte, its length, and its body as hexadecimal digits.
func hexPacket(first byte, body string) string {
	n := len(body) / 2
	if n > 127 {
		return fmt.Sprintf("%02x %02x %02x %s", first, n%128|0x80, n/128, body)
	}
	return fmt.Sprintf("%02x %02x %s", first, n, body)
}

// hexText writes a text as it stands in a packet.
func hexText(text string) string { return fmt.Sprintf("%04x%x", len(text), text) }

// TestHowAClientIsGreeted reads the answers to a CONNECT, and the reason for which a connection ends.
func TestHowAClientIsGreeted(t *testing.T) {
	connect := func(protocol string, level byte, client string) string {
		return hexPacket(0x10, hexText(protocol)+fmt.Sprintf("%02x02003c", level)+hexText(client))
	}
	for name, c := range map[string]struct {
		profile, bytes string
		unknown        bool
		lost           error
		want           string
	}{
		"any client id, if the profile has none": {"tasmota", connect("MQTT", 4, "x"), false, nil, connackBytes},
		"an empty client id":                     {"tasmota", connect("MQTT", 4, ""), false, nil, "20020002,closed"},
		"the client id of the profile":           {"seed-a", connect("MQTT", 4, "electricitymeterGSM"), false, nil, connackBytes},
		"another client id":                      {"seed-a", connect("MQTT", 4, "electricitymeter"), false, nil, "20020002,closed"},
		"MQTT 3.1":                               {"tasmota", connect("MQIsdp", 3, "x"), false, nil, connackBytes},
		"MQTT 5":                                 {"tasmota", hexPacket(0x10, hexText("MQTT")+"0502003c00"+hexText("x")), false, nil, "20020001,closed"},
		"no meter":                               {"tasmota", connect("MQTT", 4, "x"), true, nil, "20020005,closed"},
		"no store":                               {"tasmota", connect("MQTT", 4, "x"), false, errors.New("the store failed"), "20020003,closed"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, c.profile, paid())
				defer b.close()
				b.unknown, b.lost = c.unknown, c.lost
				s := b.dial()
				s.push(c.bytes)
				time.Sleep(3 * time.Second)
				s.wants(name, c.want)
			})
		})
	}
}

// TestLimitsOfADevicesPackets sends packets at a limit and one beyond it.
func TestLimitsOfADevicesPackets(t *testing.T) {
	filters := func(n, length int) string {
		body := "0005"
		for i := range n {
			body += hexText(fmt.Sprintf("%0*d", length, i)) + "00"
		}
		return hexPacket(0x82, body)
	}
	for name, c := range map[string]struct{ bytes, want string }{
		"a topic of 128 bytes":        {hexPacket(0x32, hexText(strings.Repeat("t", 128))+"0009"), "40020009"},
		"a topic of 129 bytes":        {hexPacket(0x32, hexText(strings.Repeat("t", 129))+"0009"), "closed"},
		"a message without an answer": {hexPacket(0x30, hexText("t")), ""},
		"a message of quality 1":      {hexPacket(0x32, hexText("t")+"0001"), "40020001"},
		"a message of quality 2":      {hexPacket(0x34, hexText("t")+"0001"), "closed"},
		"16 filters":                  {filters(16, 2), "90120005" + strings.Repeat("00", 16)},
		"17 filters":                  {filters(17, 2), "closed"},
		"a filter of 128 bytes":       {filters(1, 128), "9003000500"},
		"a filter of 129 bytes":       {filters(1, 129), "9003000580"},
		"one filter twice":            {hexPacket(0x82, "0005"+hexText("f")+"00"+hexText("f")+"00"), "900400050000"},
		"no filter to give up":        {hexPacket(0xa2, "0006"), "closed"},
		"a filter to give up":         {hexPacket(0xa2, "0006"+hexText("f")), "b0020006"},
		"a packet of another kind":    {hexPacket(0x40, "0001"), "closed"},
		"a ping":                      {pingBytes, pingrespBytes},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, "seed-a", profile.Account{})
				defer b.close()
				s := b.dial()
				s.send(connectBytes)
				s.wants("CONNACK", connackBytes)
				s.push(c.bytes)
				time.Sleep(3 * time.Second)
				s.wants(name, c.want)
			})
		})
	}
}

// TestADeviceThatGaveUpItsFilterHearsNoMore: a device that unsubscribed gets no orders. When it subscribes again, the order comes again.
func TestADeviceThatGaveUpItsFilterHearsNoMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, "seed-a", paid())
		defer b.close()
		s := begin(b)
		s.wants("subscribed", connackBytes+","+subackBytes+","+led+"ON")
		s.send(hexPacket(0xa2, "0006"+hexText("another")))
		time.Sleep(time.Second)
		s.wants("another filter was given up", "b0020006,"+led+"data")
		s.send(hexPacket(0xa2, "0007"+hexText("another")+hexText("GsmClientTest/led")))
		b.set(unpaid())
		time.Sleep(12 * time.Second)
		s.wants("its filter was given up", "b0020007")
		s.send(subscribeBytes)
		s.wants("subscribed again", subackBytes+","+led+"OFF")
	})
}

// TestWhenTheAccountIsRead counts the reads: when data has come, when somebody says that it changed, and every ten seconds. Other messages and
// pings cause none.
func TestWhenTheAccountIsRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, "seed-a", paid())
		defer b.close()
		s := begin(b)
		synctest.Wait()
		looks := func(what string, want int) {
			t.Helper()
			synctest.Wait()
			b.mu.Lock()
			defer b.mu.Unlock()
			if b.looks != want {
				t.Errorf("%s: %d reads of the account, want %d", what, b.looks, want)
			}
			b.looks = 0
		}
		time.Sleep(2 * time.Second)
		b.mu.Lock()
		b.looks = 0
		b.mu.Unlock()
		for range 7 {
			s.send(pingBytes)
			time.Sleep(time.Second)
		}
		looks("seven seconds of pings", 0)
		time.Sleep(time.Second)
		looks("ten seconds after the last read", 1)
		s.says("GsmClientTest/ledStatus", "meter is on")
		looks("a state", 0)
		s.says("GsmClientTest/ledStatus", "1:2")
		looks("data", 1)
		b.set(paid())
		looks("somebody says that it changed", 1)
		time.Sleep(9 * time.Second)
		looks("nine seconds after that", 0)
		time.Sleep(time.Second)
		looks("ten seconds after that", 1)
	})
}

// TestOnlyTheNewestNotesWait: messages for people wait for their second. If there are more than four, the oldest are dropped.
func TestOnlyTheNewestNotesWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, "seed-a", paid())
		defer b.close()
		s := begin(b)
		s.send(`82 14 0003 000F "GsmClientTest/#" 00`)
		s.says("GsmClientTest/ledStatus", "meter is on")
		time.Sleep(5 * time.Second)
		s.heard()
		summary := func(total string) {
			t.Helper()
			if !b.legacy.Summarise(profile.Words{TotalKWh: total, MonthKWh: "0", Balance: "0"}) {
				t.Fatal("the device does not listen")
			}
		}
		summary("first") // it goes out at once, so the next second has no room for another one
		var want []string
		want = append(want, s.heard())
		for n := range 6 {
			summary(fmt.Sprint(n))
			if n >= 2 {
				want = append(want, fmt.Sprintf("GsmClientTest/summary=total %d kWh, month 0 kWh, balance 0", n))
			}
		}
		if want[0] != "GsmClientTest/summary=total first kWh, month 0 kWh, balance 0" {
			t.Errorf("the first note is heard as %q", want[0])
		}
		time.Sleep(4 * time.Second)
		s.wants("the notes that waited", strings.Join(want[1:], ","))
	})
}

// TestEveryQuestionOfARoundIsAsked: a profile with two questions asks both, a second apart, and both again in the next round.
func TestEveryQuestionOfARoundIsAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, "seed-a", profile.Account{})
		defer b.close()
		b.profile.Poll = []profile.Message{{Topic: "GsmClientTest/led", Payload: "data"}, {Topic: "elsewhere", Payload: "x"},
			{Topic: "GsmClientTest/led", Payload: "more"}}
		s := begin(b)
		s.wants("at once", connackBytes+","+subackBytes+","+led+"data")
		time.Sleep(time.Second)
		s.wants("a second later", led+"more")
		time.Sleep(8 * time.Second)
		s.wants("before the next round", "")
		time.Sleep(time.Second)
		s.wants("ten seconds after the first", led+"data")
		time.Sleep(time.Second)
		s.wants("a second after that", led+"more")
	})
}
