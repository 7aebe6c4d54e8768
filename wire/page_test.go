package wire_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/wire"
)

// TestThePageOfMQTTNamesTheKeys checks that a record without a required key is bad and a record without an optional
// key is good. No key may be missing from the table.
func TestThePageOfMQTTNamesTheKeys(t *testing.T) {
	b, err := os.ReadFile("../docs/reference/mqtt.md")
	if err != nil {
		t.Fatal(err)
	}
	key := regexp.MustCompile("`([a-z_]+)`")
	for kind, body := range map[wire.Kind]any{wire.KindReading: wire.Reading{}, wire.KindToken: wire.Token{}, wire.KindEvent: wire.Event{},
		wire.KindCommand: wire.CommandAnswer{}, wire.KindClose: wire.Close{}} {
		row := regexp.MustCompile("(?m)^\\| `" + string(kind) + "` \\| (`[^|]*) \\| ([^|]*) \\|$").FindSubmatch(b)
		if row == nil {
			t.Errorf("the page has no row of the keys of %s", kind)
			continue
		}
		words := regexp.MustCompile(`\([^)]*\)`) // the values of a key
		record, must, named := map[string]any{"seq": 1, "at": 2, "up": 3, "clock": "valid"}, []string{}, 0
		for i, side := range row[1:] {
			for _, m := range key.FindAllSubmatch(words.ReplaceAll(side, nil), -1) {
				named++
				if i == 0 {
					must = append(must, string(m[1]))
					record[string(m[1])] = anyOf(string(m[1]))
				}
			}
		}
		if want := reflect.TypeOf(body).NumField() - 1; named != want {
			t.Errorf("the page has %d keys of %s, the record %d", named, kind, want)
		}
		if bad := badness(t, kind, record); bad != 0 {
			t.Errorf("a %s with %v alone is bad", kind, must)
		}
		for _, k := range must {
			less := maps.Clone(record)
			delete(less, k)
			if badness(t, kind, less) == 0 {
				t.Errorf("a %s without %s is good, and the page says that it must have it", kind, k)
			}
		}
	}
}

// anyOf is a value that a key may have.
func anyOf(key string) any {
	switch key {
	case "relay", "result", "source", "id", "state", "date":
		return "x"
	}
	return 1
}

// badness returns the number of bad records in a payload with this record.
func badness(t *testing.T, kind wire.Kind, record map[string]any) int {
	t.Helper()
	b, err := json.Marshal(record)
	if err != nil {
		t.Fatal(err)
	}
	_, bad, err := wire.DecodeUp(kind, b)
	if err != nil {
		t.Fatal(err)
	}
	return len(bad)
}

// TestThePageOfMQTTIsTrue reads the records in docs/reference/mqtt.md and looks for the limits in force.
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
