package wire_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/fxamacker/cbor/v2"
	"github.com/paywatt/paywatt/wire"
)

// order returns the smallest body of a signed message, with the given keys added.
func order(more object) object {
	o := object{"id": "cmd_01", "counter": int64(1)}
	for k, v := range more {
		o[k] = v
	}
	return o
}

func checkBody[B wire.Body](t *testing.T, payload []byte, want string) {
	t.Helper()
	b, err := wire.DecodeBody[B](payload)
	if want == "" {
		if err != nil {
			t.Errorf("%T %.30x: %v", b, payload, err)
		}
		return
	}
	var none B
	if !errors.Is(err, wire.ErrDown) || !strings.HasPrefix(err.Error(), "message to the meter is unreadable: "+want) ||
		fmt.Sprint(b) != fmt.Sprint(none) {
		t.Errorf("%T %.30x = %.60v, %v; want %s", b, payload, b, err, want)
	}
}

// TestEveryBodyHasTheLimitsOfAnOrder reads all four bodies at each limit and just beyond it.
func TestEveryBodyHasTheLimitsOfAnOrder(t *testing.T) {
	for _, c := range []struct {
		body object
		want string
	}{
		{order(nil), ""},
		{order(object{"later": []any{int64(1), object{"x": nil}}}), ""},
		{order(object{"id": strings.Repeat("x", 256)}), ""},
		{order(object{"id": strings.Repeat("x", 257)}), "body: id missing or too long"},
		{order(object{"id": ""}), "body: id missing or too long"},
		{object{"ID": "cmd_01", "counter": int64(1)}, "body: id missing or too long"},
		{object{"id": "cmd_01"}, "body: counter 0 out of range"},
		{order(object{"counter": int64(wire.MaxSeq)}), ""},
		{order(object{"counter": int64(wire.MaxSeq + 1)}), "body: counter 9007199254740992 out of range"},
		{order(object{"counter": int64(-1)}), "body: cbor: "},
		{order(object{"id": int64(1)}), "body: cbor: "},
		{order(object{"x": strings.Repeat("x", 16384-25)}), ""},
		{order(object{"x": strings.Repeat("x", 16384-24)}), "body larger than 16384 bytes"},
	} {
		payload := encoded(t, wire.CBOR, c.body)
		checkBody[wire.Command](t, payload, c.want)
		checkBody[wire.Config](t, payload, c.want)
		checkBody[wire.Lease](t, payload, c.want)
		checkBody[wire.Time](t, payload, c.want)
	}
	if n := len(encoded(t, wire.CBOR, order(object{"x": strings.Repeat("x", 16384-25)}))); n != 16384 {
		t.Errorf("the longest body of this test has %d bytes, want 16384", n)
	}
}

// TestACommandRefusesWhatAnArgumentMayNotBe breaks every rule for arguments that is stricter than CBOR itself.
func TestACommandRefusesWhatAnArgumentMayNotBe(t *testing.T) {
	nested := func(n int) any {
		var v any = int64(1)
		for range n {
			v = []any{v}
		}
		return v
	}
	many := func(n int) object {
		o := object{}
		for i := range n {
			o[fmt.Sprint(i)] = int64(i)
		}
		return o
	}
	for name, c := range map[string]struct {
		v  any
		ok bool
	}{
		"the largest whole number":    {int64(math.MaxInt64), true},
		"a larger one":                {uint64(math.MaxInt64) + 1, false},
		"the smallest whole number":   {int64(math.MinInt64), true},
		"a fraction":                  {1.5, true},
		"no number":                   {math.NaN(), false},
		"infinity":                    {math.Inf(1), false},
		"a tag":                       {cbor.Tag{Number: 1, Content: int64(1)}, false},
		"a list of 128":               {make([]int, 128), true},
		"a list of 129":               {make([]int, 129), false},
		"a map of 128":                {many(128), true},
		"a map of 129":                {many(129), false},
		"6 lists in each other":       {nested(6), true},
		"7 lists in each other":       {nested(7), false},
		"a key twice":                 {cbor.RawMessage("\xa2\x61a\x00\x61a\x00"), false},
		"a list of indefinite length": {cbor.RawMessage("\x9f\xff"), false},
	} {
		payload := encoded(t, wire.CBOR, order(object{"args": object{"x": c.v}}))
		got, err := wire.DecodeBody[wire.Command](payload)
		if (err == nil) != c.ok || err != nil && !errors.Is(err, wire.ErrDown) {
			t.Errorf("%s: %v; want it read %t", name, err, c.ok)
		}
		if c.ok && fmt.Sprint(got.Args["x"]) != fmt.Sprint(c.v) {
			t.Errorf("%s: read as %v", name, got.Args["x"])
		}
	}
	got, err := wire.DecodeBody[wire.Command](encoded(t, wire.CBOR, order(object{"args": object{"m": object{"n": int64(1)}}})))
	if m, ok := got.Args["m"].(map[string]any); err != nil || !ok || m["n"] != int64(1) {
		t.Errorf("a map inside: %#v, %v", got.Args["m"], err)
	}
	if b, err := wire.EncodeBody(wire.Command{Args: map[string]any{"f": func() {}}}); b != nil || err == nil {
		t.Errorf("a function was written as %x, %v", b, err)
	}
}

// TestAcksAndTokensAtTheirLimits tries every number and text of the unsigned messages, in both formats.
func TestAcksAndTokensAtTheirLimits(t *testing.T) {
	const begin = "message to the meter is unreadable: "
	long, longer := strings.Repeat("x", 256), strings.Repeat("x", 257)
	for ext, f := range formats {
		for _, c := range []struct {
			o    object
			want wire.Ack
			err  string
		}{
			{object{}, wire.Ack{}, ""},
			{object{"seq": int64(wire.MaxSeq), "rewind": true, "later": "x"}, wire.Ack{Seq: wire.MaxSeq, Rewind: true}, ""},
			{object{"seq": int64(wire.MaxSeq + 1), "rewind": true}, wire.Ack{}, "ack: seq 9007199254740992 too large"},
			{object{"rewind": true, "seq": "x"}, wire.Ack{}, "ack: "},
		} {
			got, err := wire.DecodeAck(encoded(t, f, c.o))
			if got != c.want || (c.err == "") != (err == nil) || err != nil && !strings.HasPrefix(err.Error(), begin+c.err) {
				t.Errorf("%s ack %v = %+v, %v; want %+v, %s", ext, c.o, got, err, c.want, c.err)
			}
		}
		for _, c := range []struct {
			o   object
			err string
		}{
			{object{"request": "tok_01", "digits": ""}, ""},
			{object{"request": long, "digits": long}, ""},
			{object{"request": longer, "digits": "1"}, "token: a field is longer than 256 bytes"},
			{object{"request": "tok_01", "digits": longer}, "token: a field is longer than 256 bytes"},
			{object{"digits": "1"}, "token: request is missing"},
			{object{"request": "tok_01", "digits": int64(1)}, "token: "},
		} {
			got, err := wire.DecodeTokenDown(encoded(t, f, c.o))
			want := wire.TokenDown{}
			if c.err == "" {
				want = wire.TokenDown{Request: c.o["request"].(string), Digits: wire.Digits(c.o["digits"].(string))}
			}
			if got != want || (c.err == "") != (err == nil) || err != nil && !strings.HasPrefix(err.Error(), begin+c.err) {
				t.Errorf("%s token %.60v: %v; want %s", ext, c.o, err, c.err)
			}
		}
	}
	for payload, want := range map[string]string{
		"": "payload is empty", "x": "payload begins as neither JSON nor CBOR", "\x7f": "payload begins as neither JSON nor CBOR",
		"\xc0": "payload begins as neither JSON nor CBOR", strings.Repeat(" ", 16385): "payload is larger than 16 KiB",
		`{"seq":1}` + strings.Repeat(" ", 16384-9): "", "\xbf\xff": "cbor: ", " \t{}": "", "\t{}": "", "\r{}": "", "\n{}": "", "\xa0": "",
	} {
		_, err := wire.DecodeAck([]byte(payload))
		if (want == "") != (err == nil) || err != nil && (!errors.Is(err, wire.ErrDown) || !strings.HasPrefix(err.Error(), begin+"ack: "+want)) {
			t.Errorf("DecodeAck(%.20q): %v; want %s", payload, err, want)
		}
	}
}

// TestAnEnvelopeThatDoesNotFitIsNotOpened checks that every fault of an envelope gives the same error.
func TestAnEnvelopeThatDoesNotFitIsNotOpened(t *testing.T) {
	const topic = "m/1/down/command"
	k := linkKey(t, keyText)
	body := []byte("\xa0")
	signed := map[string][]byte{}
	for ext, f := range formats {
		envelope, err := wire.Sign(f, k, topic, body)
		if err != nil {
			t.Fatal(err)
		}
		signed[ext] = envelope
		if got, err := wire.Open(k, topic, envelope); err != nil || !bytes.Equal(got, body) {
			t.Errorf("%s: opened %x, %v", ext, got, err)
		}
	}
	text := string(signed["json"])
	b64 := base64.RawURLEncoding.EncodeToString(body)
	for name, envelope := range map[string]string{
		"empty":                 "",
		"neither format":        "x" + text,
		"a byte after":          text + "x",
		"base64 with padding":   strings.Replace(text, b64, b64+"==", 1),
		"base64 with a rest":    strings.Replace(text, b64, "oB", 1),
		"no base64":             strings.Replace(text, b64, "!!", 1),
		"mac not hexadecimal":   strings.Replace(text, `"mac":"`, `"mac":"z`, 1),
		"mac one digit more":    strings.Replace(text, `"}`, `0"}`, 1),
		"mac one byte more":     strings.Replace(text, `"}`, `00"}`, 1),
		"mac one byte less":     text[:len(text)-4] + `"}`,
		"body as a list":        strings.Replace(text, `"`+b64+`"`, "[]", 1),
		"CBOR with a rest":      string(signed["cbor"]) + "\x00",
		"CBOR with a key twice": "\xa3" + string(signed["cbor"][1:]) + "\x61b\x41\xa0",
		"CBOR cut":              string(signed["cbor"][:len(signed["cbor"])-1]),
		"too large":             text + strings.Repeat(" ", 16385-len(text)),
	} {
		if got, err := wire.Open(k, topic, []byte(envelope)); got != nil || err != wire.ErrMAC {
			t.Errorf("%s: opened %x, %v; want %v", name, got, err, wire.ErrMAC)
		}
	}
	full := text + strings.Repeat(" ", 16384-len(text))
	if got, err := wire.Open(k, topic, []byte(full)); err != nil || !bytes.Equal(got, body) {
		t.Errorf("an envelope of 16 KiB: %x, %v", got, err)
	}
}

// TestALinkKeyHas32Bytes checks that a key of another length is refused, and that the error does not show the input.
func TestALinkKeyHas32Bytes(t *testing.T) {
	for _, n := range []int{0, 16, 31, 33, 64} {
		if k, err := wire.NewLinkKey(make([]byte, n)); err != wire.ErrLinkKey || k != (wire.LinkKey{}) {
			t.Errorf("NewLinkKey of %d bytes: %v", n, err)
		}
	}
	for _, text := range []string{"", keyText[1:], keyText[2:], keyText + "00", "zz" + keyText[2:], keyText[:63] + "g"} {
		if k, err := wire.ParseLinkKey(text); err != wire.ErrLinkKey || k != (wire.LinkKey{}) {
			t.Errorf("ParseLinkKey(%q): %v", text, err)
		}
	}
	k := linkKey(t, keyText)
	if k.Equal(linkKey(t, keyText[:62]+"1e")) || k.Equal(wire.LinkKey{}) || !k.Equal(linkKey(t, strings.ToUpper(keyText))) {
		t.Error("Equal does not compare every byte")
	}
	text, err := k.MarshalText()
	if got := fmt.Sprintf("%v|%s|%x|%s|%s|%v", k, k, k, text, k.LogValue(), err); got != strings.Repeat("(link key)|", 5)+"<nil>" {
		t.Errorf("a key prints as %s", got)
	}
	d := wire.Digits("12345678901234567890")
	text, err = d.MarshalText()
	if got := fmt.Sprintf("%v|%s|%#v|%s|%s|%v", d, d, d, text, d.LogValue(), err); got != strings.Repeat("(token)|", 5)+"<nil>" {
		t.Errorf("digits print as %s", got)
	}
	if d.Reveal() != "12345678901234567890" {
		t.Errorf("Reveal = %s", d.Reveal())
	}
}

// TestEveryTopicIsTakenApart parses every topic that the package builds, with a number of up to 64 bytes.
func TestEveryTopicIsTakenApart(t *testing.T) {
	for _, number := range []string{"1", "04140001001", strings.Repeat("1", 64)} {
		for _, k := range []wire.Kind{"boot", "reading", "event", "token", "command", "close"} {
			if n, up, leaf, ok := wire.ParseTopic(wire.UpTopic(number, k)); n != number || !up || leaf != string(k) || !ok {
				t.Errorf("%s = %s, %t, %s, %t", wire.UpTopic(number, k), n, up, leaf, ok)
			}
		}
		for _, d := range []wire.Down{"ack", "token", "command", "config", "lease", "time"} {
			if n, up, leaf, ok := wire.ParseTopic(wire.DownTopic(number, d)); n != number || up || leaf != string(d) || !ok {
				t.Errorf("%s = %s, %t, %s, %t", wire.DownTopic(number, d), n, up, leaf, ok)
			}
		}
		if got, want := wire.DownFilter(number), "m/"+number+"/down/#"; got != want {
			t.Errorf("DownFilter = %s, want %s", got, want)
		}
	}
	for _, topic := range []string{
		"m/1#/up/boot", "m/1+/up/boot", "m/1\x00/up/boot", "m/1/up", "m/1/", "m/1/down", "m/1/upper/boot", "m/1/down/", "m/1/down/#",
		"m/" + strings.Repeat("1", 65) + "/down/ack", "M/1/up/boot", "/m/1/up/boot", "m/1/up/Boot",
	} {
		if n, up, leaf, ok := wire.ParseTopic(topic); n != "" || up || leaf != "" || ok {
			t.Errorf("%q = %s, %t, %s, %t; want it refused", topic, n, up, leaf, ok)
		}
	}
}

// TestARefusalMayPass checks that Passing is true if the message was overtaken or could not be stored, even if the
// meter adds text to the word.
func TestARefusalMayPass(t *testing.T) {
	for reason, want := range map[string]bool{
		"counter": true, "counter 17": true, "storage_error": true, "storage_error at 3": true,
		"": false, "expired": false, "counters": false, "the counter": false, "storage": false,
	} {
		if got := wire.Passing(reason); got != want {
			t.Errorf("Passing(%q) = %t, want %t", reason, got, want)
		}
	}
}
