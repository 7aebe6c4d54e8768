package wire_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/wire"
)

// TestThePageOfMQTTIsTrue: docs/reference/mqtt.md shows records that can be read, and the limits in force.
func TestThePageOfMQTTIsTrue(t *testing.T) {
	b, err := os.ReadFile("../docs/reference/mqtt.md")
	if err != nil {
		t.Fatal(err)
	}
	page, kinds := string(b), []wire.Kind{wire.KindBoot, wire.KindReading, wire.KindToken, wire.KindEvent, wire.KindCommand, wire.KindClose}
	shown := 0
	for line := range strings.Lines(page) {
		if !strings.HasPrefix(line, `{"s`) {
			continue
		}
		if shown == len(kinds) {
			t.Fatalf("more than %d records are shown", len(kinds))
		}
		good, bad, err := wire.DecodeUp(kinds[shown], []byte(line))
		if err != nil || len(bad) > 0 || len(good) != 1 {
			t.Errorf("%s: good %d, bad %+v, %v", kinds[shown], len(good), bad, err)
		}
		shown++
	}
	if shown != len(kinds) {
		t.Errorf("%d records are shown, want one of each kind, %d", shown, len(kinds))
	}
	for _, k := range kinds {
		if !strings.Contains(page, "`"+wire.UpTopic("{number}", k)+"`") {
			t.Errorf("the topic of %s is not named", k)
		}
	}
	for _, d := range []wire.Down{wire.DownAck, wire.DownToken, wire.DownCommand, wire.DownConfig, wire.DownLease, wire.DownTime} {
		if !strings.Contains(page, "`"+wire.DownTopic("{number}", d)+"`") {
			t.Errorf("the topic of %s is not named", d)
		}
	}
	for _, said := range []string{
		fmt.Sprintf("| packet from a meter | %d KiB of payload", wire.MaxPayload>>10), fmt.Sprintf("| records in one message | %d |", wire.MaxRecords),
		fmt.Sprintf("a window of %d numbers", wire.Window), fmt.Sprintf("the link key\nare random, %d bytes each", wire.LinkKeySize),
	} {
		if !strings.Contains(page, said) {
			t.Errorf("the page does not say %q", said)
		}
	}
}
