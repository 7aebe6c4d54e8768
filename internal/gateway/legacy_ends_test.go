package gateway_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/paywatt/paywatt/internal/gateway"
	"github.com/paywatt/paywatt/internal/logtest"
)

// endedBy checks why connections have ended, and how many.
func endedBy(t *testing.T, ends gateway.Ends, want string) {
	t.Helper()
	synctest.Wait()
	var got []string
	for i, reason := range gateway.Endings() {
		if ends[i] > 0 {
			got = append(got, fmt.Sprintf("%s %d", reason, ends[i]))
		}
	}
	if strings.Join(got, ", ") != want {
		t.Errorf("connections ended by %q, want %q", got, want)
	}
}

func TestStrangersStayOutside(t *testing.T) {
	for name, c := range map[string]struct{ bytes, want, reason string }{
		"another client id":      {`10 10 0004 "MQTT" 04 02 000F 0004 "evil"`, "20020002,closed", "denied 1"},
		"MQTT 5":                 {`10 20 0004 "MQTT" 05 02 000F 00 0013 "electricitymeterGSM"`, "20020001,closed", "connect 1"},
		"no CONNECT first":       {subscribeBytes, "closed", "connect 1"},
		"a CONNECT of 256 MB":    {`10 FF FF FF 7F`, "closed", "connect-size 1"},
		"another protocol":       {`10 1F 0004 "HTTP" 04 02 000F 0013 "electricitymeterGSM"`, "20020001,closed", "connect 1"},
		"a CONNECT of 2 kB":      {`10 80 10`, "closed", "connect-size 1"},
		"half a CONNECT for 10s": {`10 1F 0004`, "closed", "connect-time 1"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, "seed-a", paid())
				defer b.close()
				s := b.dial()
				s.push(c.bytes)
				time.Sleep(13 * time.Second)
				s.wants(name, c.want)
				endedBy(t, b.legacy.Ended(), c.reason)
				if b.took > 0 || b.legacy.Connected() {
					t.Error("a stranger was heard")
				}
			})
		})
	}
}

func TestABadPacketEndsTheConnection(t *testing.T) {
	long := strings.Repeat("x", 300)
	for name, c := range map[string]struct{ bytes, want, reason string }{
		"quality 2":            {`34 1C 0017 "GsmClientTest/ledStatus" 0001 "1"`, "closed", "rule 1"},
		"a topic with a plus":  {`30 05 0002 "a+" "1"`, "closed", "form 1"},
		"longer than allowed":  {`30 AC 02 0001 "a" "` + long + `"`, "closed", "size 1"},
		"a second CONNECT":     {connectBytes, "closed", "rule 1"},
		"a packet of servers":  {`20 02 00 00`, "closed", "form 1"},
		"nothing to subscribe": {`82 02 0002`, "closed", "form 1"},
		"DISCONNECT":           {`e0 00`, "closed", "disconnect 1"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, "seed-a", paid())
				defer b.close()
				s := b.dial()
				s.send(connectBytes)
				s.heard()
				s.push(c.bytes)
				time.Sleep(3 * time.Second)
				s.wants(name, c.want)
				endedBy(t, b.legacy.Ended(), c.reason)
			})
		})
	}
}

func TestWhatCannotBeStoredEndsTheConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, "seed-a", paid())
		defer b.close()
		s := b.dial()
		s.send(connectBytes)
		s.heard()
		b.mu.Lock()
		b.broken = errors.New("the disk is gone")
		b.mu.Unlock()
		s.send(`32 1E 0017 "GsmClientTest/ledStatus" 0009 "1:2"`)
		time.Sleep(3 * time.Second)
		s.wants("quality 1 that was not stored", "closed")
		endedBy(t, b.legacy.Ended(), "store 1")
		b.mu.Lock()
		b.broken = nil
		b.mu.Unlock()
		s = b.dial()
		s.send(connectBytes)
		s.send(`32 1E 0017 "GsmClientTest/ledStatus" 0009 "1:2"`)
		s.wants("and again, stored", connackBytes+",40020009")
	})
}

// TestAMessageUnderWayWhenTheServerStopsIsNoWarning: the store takes nothing more when the server stops, which is no fault. The device has no
// answer, so it sends the message again. A store that fails while the server runs is a warning.
func TestAMessageUnderWayWhenTheServerStopsIsNoWarning(t *testing.T) {
	for name, c := range map[string]struct {
		broken error
		ends   string
		want   int
	}{
		"the server stops": {ends: "shutdown 1"},
		"the store fails":  {broken: errors.New("the disk is gone"), ends: "store 1", want: 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, "seed-a", paid())
				s := b.dial()
				s.send(connectBytes)
				s.heard()
				b.mu.Lock()
				b.broken, b.stuck = c.broken, c.broken == nil
				b.mu.Unlock()
				s.send(`32 1E 0017 "GsmClientTest/ledStatus" 0009 "1:2"`)
				b.close()
				s.wants(name, "closed")
				endedBy(t, b.legacy.Ended(), c.ends)
				if got := logtest.Unexpected(b.log.String()); len(got) != c.want {
					t.Errorf("the log has the warnings %q, want %d", got, c.want)
				}
			})
		})
	}
}
