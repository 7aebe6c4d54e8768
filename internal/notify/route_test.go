package notify_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/notify"
)

// TestNothingPrintsTheTextOfAMessage logs, prints and encodes messages. A text may hold a token, so no output may contain the text.
func TestNothingPrintsTheTextOfAMessage(t *testing.T) {
	const digits = "12345678901234567890"
	out := notify.Outgoing{ID: "msg_1", To: "+254700000001", Text: "Token " + digits}
	in := notify.Incoming{Route: "modem1", From: "+254700000001", Text: "*02#" + digits}
	for _, v := range []any{out, in, &out, &in, []notify.Outgoing{out}, []notify.Incoming{in}} {
		var log strings.Builder
		slog.New(slog.NewJSONHandler(&log, nil)).Info("sent", "message", v)
		slog.New(slog.NewTextHandler(&log, nil)).Info("sent", "message", v)
		body, err := json.Marshal(v)
		if err != nil {
			t.Fatalf("encode %T: %v", v, err)
		}
		all := log.String() + string(body) + fmt.Sprintf("%v %+v %#v %s %q %x", v, v, v, v, v, v)
		if strings.Contains(all, digits[4:16]) || strings.Contains(all, fmt.Sprintf("%x", digits)) {
			t.Errorf("%T shows the token: %s", v, all)
		}
		if !strings.Contains(all, "+254700000001") {
			t.Errorf("%T shows nothing of the message: %s", v, all)
		}
	}
}

func TestIdentityTellsMessagesApart(t *testing.T) {
	a := notify.IdentityOf("gw", "ab", "c")
	if b := notify.IdentityOf("gw", "ab", "c"); a != b {
		t.Errorf("the same parts gave %x and %x", a, b)
	}
	if b := notify.IdentityOf("gw", "a", "bc"); a == b {
		t.Errorf("parts cut differently gave the same identity %x", a)
	}
	if a, b := notify.IdentityOf("a", "b"), notify.IdentityOf("a\x00\x00\x00\x00\x00\x00\x00\x00b"); a == b {
		t.Errorf("a part that holds what could stand between two gave the same identity %x", a)
	}
}
