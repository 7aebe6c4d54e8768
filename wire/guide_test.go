package wire_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/fxamacker/cbor/v2"
	"github.com/paywatt/paywatt/wire"
)

// ownMeter returns the page for people who write a meter.
func ownMeter(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile("../docs/guide/own-meter.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// blockAfter returns the first code block after a text of the page.
func blockAfter(t *testing.T, page, text string) string {
	t.Helper()
	_, rest, found := strings.Cut(page, text)
	_, rest, begins := strings.Cut(rest, "\n```")
	_, rest, _ = strings.Cut(rest, "\n")
	block, _, ends := strings.Cut(rest, "\n```")
	if !found || !begins || !ends {
		t.Fatalf("no code block after %q", text)
	}
	return block
}

// opened checks the MAC of a message and returns its body, also as JSON to compare with a page.
func opened(key wire.LinkKey, topic string, payload []byte) (body []byte, asJSON string, err error) {
	if body, err = wire.Open(key, topic, payload); err != nil {
		return nil, "", err
	}
	_, _, leaf, _ := wire.ParseTopic(topic)
	switch wire.Down(leaf) {
	case wire.DownCommand:
		_, err = wire.DecodeBody[wire.Command](body)
	case wire.DownConfig:
		_, err = wire.DecodeBody[wire.Config](body)
	case wire.DownLease:
		_, err = wire.DecodeBody[wire.Lease](body)
	case wire.DownTime:
		_, err = wire.DecodeBody[wire.Time](body)
	default:
		err = errors.New("no kind of order: " + leaf)
	}
	if err != nil {
		return nil, "", err
	}
	var order map[string]any
	mode, err := cbor.DecOptions{DefaultMapType: reflect.TypeFor[map[string]any]()}.DecMode()
	if err == nil {
		err = mode.Unmarshal(body, &order)
	}
	text, wrong := json.Marshal(order)
	return body, string(text), errors.Join(err, wrong)
}

// compact returns JSON with sorted keys and without blanks.
func compact(t *testing.T, text []byte) string {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var v map[string]any
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestTheVectorsForOwnMeters compares the list of signed messages with the code. The messages that a meter must
// accept are those that the server would send. The code refuses the messages that a meter must refuse.
func TestTheVectorsForOwnMeters(t *testing.T) {
	b, err := os.ReadFile("../docs/guide/own-meter-vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var all []struct {
		Name, Topic, Body, MAC, JSON, CBOR string
		LinkKey                            string `json:"link_key"`
		OK                                 bool
		Order                              json.RawMessage
	}
	if err := json.Unmarshal(b, &all); err != nil {
		t.Fatal(err)
	}
	leaves, refused := map[string]bool{}, 0
	for _, v := range all {
		key := linkKey(t, v.LinkKey)
		plain, wrong := hex.DecodeString(v.Body)
		envelope, wrongCBOR := hex.DecodeString(v.CBOR)
		if wrong != nil || wrongCBOR != nil {
			t.Fatalf("%s: %v, %v", v.Name, wrong, wrongCBOR)
		}
		if v.JSON != fmt.Sprintf(`{"b":"%s","mac":"%s"}`, base64.RawURLEncoding.EncodeToString(plain), v.MAC) {
			t.Errorf("%s: the JSON %s is not of this body and MAC", v.Name, v.JSON)
		}
		for f, payload := range map[wire.Format][]byte{wire.JSON: []byte(v.JSON), wire.CBOR: envelope} {
			body, order, err := opened(key, v.Topic, payload)
			if !v.OK {
				refused++
				if !errors.Is(err, wire.ErrMAC) {
					t.Errorf("%s: %v, want ErrMAC", v.Name, err)
				}
				continue
			}
			if err != nil || !bytes.Equal(body, plain) || order != compact(t, v.Order) {
				t.Errorf("%s: body %x of %s, %v; want %s of %s", v.Name, body, order, err, v.Body, v.Order)
			}
			if signed, err := wire.Sign(f, key, v.Topic, plain); err != nil || !bytes.Equal(signed, payload) {
				t.Errorf("%s: the server would send %s, %v; want %s", v.Name, signed, err, payload)
			}
			leaves[v.Topic] = true
		}
	}
	if len(leaves) != 4 || refused < 6 {
		t.Errorf("%d kinds of orders and %d refusals in the list, want 4 and at least 6", len(leaves), refused)
	}
}

// TestTheCalculationOnThePage repeats the page's HMAC step by step.
func TestTheCalculationOnThePage(t *testing.T) {
	page := ownMeter(t)
	line := map[string]string{}
	for l := range strings.Lines(blockAfter(t, page, "Here is the calculation")) {
		name, value, _ := strings.Cut(strings.TrimSpace(l), " ")
		line[name] = strings.TrimSpace(value)
	}
	key := linkKey(t, keyText)
	message, err := hex.DecodeString(strings.ReplaceAll(line["message"], " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	h := hmac.New(sha256.New, key.Reveal())
	h.Write(message)
	if got := hex.EncodeToString(h.Sum(nil)); got != line["HMAC"] || got[:32] != line["mac"] {
		t.Errorf("HMAC %s, want %s and the MAC %s", got, line["HMAC"], line["mac"])
	}
	body, order, err := opened(key, line["topic"], []byte(line["payload"]))
	if want := line["topic"] + "\x00" + string(body); err != nil || string(message) != want {
		t.Errorf("the message is %q, %v; want %q", message, err, want)
	}
	inPieces := ""
	for l := range strings.Lines(blockAfter(t, page, "The body from above, item by item:")) {
		item, says, _ := strings.Cut(l, "  ")
		inPieces += strings.ReplaceAll(item, " ", "")
		says = strings.TrimSpace(says)
		if _, word, is := strings.Cut(says, ": "); is {
			says = word
		}
		if !strings.HasPrefix(says, "a map") && !strings.Contains(order, says) {
			t.Errorf("%s is not in %s", says, order)
		}
	}
	if inPieces != hex.EncodeToString(body) {
		t.Errorf("the pieces are %s, want %x", inPieces, body)
	}
}

// TestTheSessionOnThePage reads every message of the recorded session as the other side would, and compares each
// command with the lines that the meter printed.
func TestTheSessionOnThePage(t *testing.T) {
	page := ownMeter(t)
	hidden := regexp.MustCompile("The link\\s+key\\s+was\\s+`([0-9a-f]{64})`").FindStringSubmatch(page)
	if hidden == nil {
		t.Fatal("the page does not name the session's link key")
	}
	key, seen, printed := linkKey(t, hidden[1]), map[string]int{}, ""
	lines := strings.Split(blockAfter(t, page, "`>` is what the meter sent"), "\n")
	for i, l := range lines {
		way, rest, _ := strings.Cut(l, " ")
		topic, payload, _ := strings.Cut(rest, " ")
		_, up, leaf, known := wire.ParseTopic(topic)
		switch {
		case way == ">" && known && up:
			if recs, bad, err := wire.DecodeUp(wire.Kind(leaf), []byte(payload)); err != nil || len(bad) > 0 || len(recs) == 0 {
				t.Errorf("%s: %v, %+v", l, err, bad)
			}
		case way == "<" && leaf == string(wire.DownAck):
			if _, err := wire.DecodeAck([]byte(payload)); err != nil {
				t.Errorf("%s: %v", l, err)
			}
		case way == "<" && known && !up:
			_, order, err := opened(key, topic, []byte(payload))
			if err != nil {
				t.Errorf("%s: %v", l, err)
			}
			if printed = strings.ReplaceAll(lines[i+1], "'", `"`); compact(t, []byte(printed)) != order {
				t.Errorf("the meter printed %s of the order %s", printed, order)
			}
		case strings.HasPrefix(l, "  "):
			continue
		default:
			t.Errorf("no message: %s", l)
		}
		seen[leaf]++
	}
	for _, leaf := range []string{"boot", "reading", "command", "ack", "config", "lease"} {
		if seen[leaf] < 1 {
			t.Errorf("no %s in the session", leaf)
		}
	}
}

// sample returns a record of a kind with every key that the page names.
func sample(t *testing.T, k wire.Kind) map[string]any {
	t.Helper()
	text := map[wire.Kind]string{
		wire.KindBoot: `{"store":"0123456789abcdef","lowest":1,"next":2,"boot":1,"proto":1,"fw":"1","reset":"power","caps":["lease"],
			"config":{"version":1,"hash":"aa"},"key":{"sgc":"123456"}}`,
		wire.KindReading: `{"register_wh":1,"balance_wh":1,"relay":"open","ec_used_wh":1,"overrun_wh":1,"w":1,"mv":1,"reasons":["LEASE"]}`,
		wire.KindCommand: `{"id":"cmd_01","state":"failed","reason":"old"}`,
		wire.KindToken: `{"result":"accept","balance_wh":1,"source":"remote","request":"tok_01","tid":1,"base_date":2014,"class":0,"subclass":0,
			"units_wh":1}`,
		wire.KindEvent: `{"code":401,"args":{"a":1}}`,
		wire.KindClose: `{"date":"2026-11-20","register_wh":1,"used_wh":1,"min_balance_wh":1,"max_balance_wh":1,"max_w":1,"off_min":1,
			"tokens_wh":1,"events":1,"gap":true}`,
	}[k]
	var o map[string]any
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		t.Fatalf("%s: %v", k, err)
	}
	if k != wire.KindBoot {
		o["seq"], o["at"], o["up"], o["clock"] = 1, 1795161600, 1, "valid"
	}
	return o
}

// TestTheKeysOnThePage leaves out each key in the page's table in turn. The record must be bad exactly if the key is
// required.
func TestTheKeysOnThePage(t *testing.T) {
	row := regexp.MustCompile("(?m)^\\| `(boot|reading|command|token|event|close)` \\| (`[^|]*) \\| ([^|]*) \\|$")
	word, rows := regexp.MustCompile("`([a-z_]+)`"), 0
	for _, m := range row.FindAllStringSubmatch(ownMeter(t), -1) {
		rows++
		kind, named := wire.Kind(m[1]), []string{}
		try := func(key string, required bool) {
			o := sample(t, kind)
			if _, has := o[key]; !has {
				t.Errorf("%s has no key %s", kind, key)
			}
			named = append(named, key)
			delete(o, key)
			b, err := json.Marshal(o)
			if err != nil {
				t.Fatal(err)
			}
			_, bad, err := wire.DecodeUp(kind, b)
			if err != nil || (len(bad) > 0) != required {
				t.Errorf("%s without %s: %v, %+v; the page says required: %t", kind, key, err, bad, required)
			}
		}
		for _, k := range word.FindAllStringSubmatch(m[2], -1) {
			try(k[1], true)
		}
		for _, k := range word.FindAllStringSubmatch(m[3], -1) {
			try(k[1], false)
		}
		if kind != wire.KindBoot {
			for _, key := range []string{"seq", "at", "up", "clock"} {
				try(key, true)
			}
		}
		for _, f := range fieldsOf(kind) {
			if !slices.Contains(named, f) {
				t.Errorf("the page does not name the key %s of %s", f, kind)
			}
		}
	}
	if rows != 6 {
		t.Errorf("the table has %d kinds, want 6", rows)
	}
}

// fieldsOf returns the keys of a kind of record, from its type.
func fieldsOf(k wire.Kind) (keys []string) {
	var walk func(reflect.Type)
	walk = func(of reflect.Type) {
		for i := range of.NumField() {
			if f := of.Field(i); f.Anonymous {
				walk(f.Type)
			} else {
				key, _, _ := strings.Cut(f.Tag.Get("json"), ",")
				keys = append(keys, key)
			}
		}
	}
	walk(map[wire.Kind]reflect.Type{
		wire.KindBoot: reflect.TypeFor[wire.Boot](), wire.KindReading: reflect.TypeFor[wire.Reading](), wire.KindToken: reflect.TypeFor[wire.Token](),
		wire.KindCommand: reflect.TypeFor[wire.CommandAnswer](), wire.KindEvent: reflect.TypeFor[wire.Event](), wire.KindClose: reflect.TypeFor[wire.Close](),
	}[k])
	return keys
}

// TestTheExamplesOnThePage reads the single messages that the page shows.
func TestTheExamplesOnThePage(t *testing.T) {
	page := ownMeter(t)
	for after, kind := range map[string]wire.Kind{"### The boot message": wire.KindBoot, "Answer with a record on": wire.KindToken} {
		if _, bad, err := wire.DecodeUp(kind, []byte(blockAfter(t, page, after))); err != nil || len(bad) > 0 {
			t.Errorf("the %s on the page: %v, %+v", kind, err, bad)
		}
	}
	topic, payload, _ := strings.Cut(blockAfter(t, page, "because a token proves itself:"), " ")
	down, err := wire.DecodeTokenDown([]byte(payload))
	if err != nil || !strings.HasSuffix(topic, "/down/token") || len(down.Digits.Reveal()) != 20 {
		t.Errorf("the token on the page: %v", err)
	}
	if !strings.Contains(page, fmt.Sprintf(`"request":"%s","result"`, down.Request)) {
		t.Errorf("the page answers another request than %s", down.Request)
	}
	for _, limit := range []string{"16,384 bytes and 100 records in a payload", "at most 64 records beyond"} {
		if !strings.Contains(page, limit) {
			t.Errorf("the page does not say %q", limit)
		}
	}
	if wire.MaxPayload != 16_384 || wire.MaxRecords != 100 || wire.Window != 64 {
		t.Error("a limit has changed: tell the page, then this test")
	}
}
