package gateway_test

import (
	"bytes"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/mochi-mqtt/server/v2/packets"

	"github.com/paywatt/paywatt/internal/await"
	"github.com/paywatt/paywatt/internal/gateway"
)

// text is a log that several goroutines write.
type text struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (t *text) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.b.Write(p)
}

func (t *text) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.b.String()
}

// TestWhatWentIntoTheWrongFieldIsNotLogged: people enter passwords and tokens as user names, so the log has only user
// names that can be meter numbers.
func TestWhatWentIntoTheWrongFieldIsNotLogged(t *testing.T) {
	var log text
	b := start(t, gateway.Config{Inbox: newShelf().inbox, Log: slog.New(slog.NewTextHandler(&log, nil))})
	denied := 0
	refused := func(user string) {
		t.Helper()
		p := dial(t, b)
		pk := connectPacket(user)
		pk.ProtocolVersion, p.version = 4, 4
		pk.Connect.Password = []byte("secret-password")
		p.write(pk)
		if ack := p.want(packets.Connack); ack.ReasonCode == 0 {
			t.Errorf("%s was let in", user)
		}
		denied++
		await.True(t, "the log says that the connection was denied", func() bool { // it says so after the answer
			return strings.Count(log.String(), "connection denied") == denied
		})
	}
	for _, user := range []string{"69002213227835173376", "correct horse", "Dz33jf-jkMBVWMr5lNNRLzxaYIOjY1s01x3b5q20apY"} {
		refused(user)
		if strings.Contains(log.String(), user) {
			t.Errorf("the log repeats %q", user)
		}
	}
	refused(number(9))
	if got := log.String(); !strings.Contains(got, number(9)) || strings.Contains(got, "secret-password") {
		t.Errorf("the log of refused meters is %s; want the meter's number and no password", got)
	}
}
