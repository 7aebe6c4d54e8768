package wire_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/wire"
)

const keyText = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

func linkKey(t *testing.T, text string) wire.LinkKey {
	t.Helper()
	k, err := wire.ParseLinkKey(text)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestGoldenAckAndToken(t *testing.T) {
	for ext, f := range formats {
		for name, a := range map[string]wire.Ack{"ack": {Seq: 1042}, "ack_rewind": {Seq: 900, Rewind: true}} {
			b, err := wire.EncodeAck(f, a)
			if err != nil {
				t.Fatal(err)
			}
			checkGolden(t, filepath.Join("testdata", "down", name+"."+ext), b)
			if got, err := wire.DecodeAck(b); err != nil || got != a {
				t.Errorf("%s %s: got %+v, %v, want %+v", name, ext, got, err, a)
			}
		}
		down := wire.TokenDown{Request: "tok_01", Digits: "12345678901234567890"}
		b, err := wire.EncodeTokenDown(f, down)
		if err != nil {
			t.Fatal(err)
		}
		checkGolden(t, filepath.Join("testdata", "down", "token."+ext), b)
		if got, err := wire.DecodeTokenDown(b); err != nil || got != down {
			t.Errorf("token %s: got %+v, %v", ext, got, err)
		}
	}
}

func TestGoldenSignedMessages(t *testing.T) {
	k := linkKey(t, keyText)
	order := wire.SignedHeader{ID: "cmd_01", Counter: 17, ExpiresAt: 1795165200}
	checkSigned(t, k, wire.DownCommand, wire.Command{SignedHeader: order, Type: "cancel_token", Args: map[string]any{"tid": int64(6777094), "base_date": int64(2014)}})
	checkSigned(t, k, wire.DownConfig, wire.Config{SignedHeader: order, Version: 8, Hash: "aa55", Config: map[string]any{"imp_per_kwh": int64(1600), "low1_wh": int64(20000)}})
	checkSigned(t, k, wire.DownLease, wire.Lease{SignedHeader: order, Seq: 4, MaxRegisterWh: 137_824, TTLs: 259_200})
	checkSigned(t, k, wire.DownTime, wire.Time{SignedHeader: order, At: 1795161600})
}

func checkSigned[B wire.Body](t *testing.T, k wire.LinkKey, down wire.Down, body B) {
	t.Helper()
	topic := wire.DownTopic("04140001001", down)
	plain, err := wire.EncodeBody(body)
	if err != nil {
		t.Fatal(err)
	}
	for ext, f := range formats {
		envelope, err := wire.Sign(f, k, topic, plain)
		if err != nil {
			t.Fatal(err)
		}
		checkGolden(t, filepath.Join("testdata", "down", string(down)+"."+ext), envelope)
		opened, err := wire.Open(k, topic, envelope)
		if err != nil || !bytes.Equal(opened, plain) {
			t.Fatalf("Open %s %s: %x, %v", down, ext, opened, err)
		}
		got, err := wire.DecodeBody[B](opened)
		if err != nil || !reflect.DeepEqual(got, body) {
			t.Errorf("%s %s: got %+v, %v, want %+v", down, ext, got, err, body)
		}
		refuseForgeries(t, k, topic, envelope)
	}
}

// refuseForgeries changes every bit of an envelope, its topic and its key.
func refuseForgeries(t *testing.T, k wire.LinkKey, topic string, envelope []byte) {
	t.Helper()
	body, err := wire.Open(k, topic, envelope)
	if err != nil {
		t.Fatal(err)
	}
	for i := range envelope {
		for bit := range 8 {
			forged := bytes.Clone(envelope)
			forged[i] ^= 1 << bit
			// A changed bit may merely spell the same JSON differently, for example with a capital hex digit. Such an
			// envelope may pass, but an envelope with a different body must not.
			if got, err := wire.Open(k, topic, forged); err == nil && !bytes.Equal(got, body) {
				t.Errorf("byte %d bit %d flipped: another body was opened: %x", i, bit, got)
			}
		}
	}
	if _, err := wire.Open(k, strings.Replace(topic, "04140001001", "04140001019", 1), envelope); !errors.Is(err, wire.ErrMAC) {
		t.Errorf("another meter's topic: %v, want ErrMAC", err)
	}
	other := linkKey(t, strings.Repeat("ff", 32))
	if _, err := wire.Open(other, topic, envelope); !errors.Is(err, wire.ErrMAC) {
		t.Errorf("another meter's key: %v, want ErrMAC", err)
	}
}

func TestAShortenedMACIsRefused(t *testing.T) {
	k := linkKey(t, keyText)
	for _, envelope := range []string{
		`{"b":"","mac":""}`, `{"b":"oA"}`, `{}`, `{"b":"oA","mac":"00"}`, `[]`, "", "\xa0", `{"b":"o","mac":"00"}`,
	} {
		if _, err := wire.Open(k, "m/1/down/command", []byte(envelope)); !errors.Is(err, wire.ErrMAC) {
			t.Errorf("Open(%q): %v, want ErrMAC", envelope, err)
		}
	}
}

func TestBodiesMustNameTheirOrder(t *testing.T) {
	for name, c := range map[string]wire.Command{
		"no id": {SignedHeader: wire.SignedHeader{Counter: 1}}, "no counter": {SignedHeader: wire.SignedHeader{ID: "x"}},
		"long id": {SignedHeader: wire.SignedHeader{ID: strings.Repeat("x", 257), Counter: 1}},
	} {
		b, err := wire.EncodeBody(c)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := wire.DecodeBody[wire.Command](b); !errors.Is(err, wire.ErrDown) {
			t.Errorf("%s: %v, want ErrDown", name, err)
		}
	}
	for _, text := range []string{"", "a0", "ff", "bf6269646178ff"} {
		b, err := hex.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := wire.DecodeBody[wire.Time](b); !errors.Is(err, wire.ErrDown) {
			t.Errorf("body %s: %v, want ErrDown", text, err)
		}
	}
}

func TestSecretsHaveNoPrintableForm(t *testing.T) {
	k := linkKey(t, keyText)
	down := wire.TokenDown{Request: "r", Digits: "12345678901234567890"}
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "key", k, "digits", down.Digits, "down", down)
	asJSON, err := json.Marshal(map[string]any{"key": k, "down": down})
	if err != nil {
		t.Fatal(err)
	}
	printed := fmt.Sprintf("%v %+v %#v %s %x %d %q %v %+v %#v %s", k, k, k, k, k, k, k, down, down, down, down.Digits)
	for _, text := range []string{printed, log.String(), string(asJSON)} {
		for _, secret := range []string{"12345678901234567890", "000102", "0x1, 0x2", "1 2 3", "AAEC"} {
			if strings.Contains(text, secret) {
				t.Errorf("%q leaked in %q", secret, text)
			}
		}
	}
	if _, err := wire.ParseLinkKey("not hex at all"); err == nil || strings.Contains(err.Error(), "not hex") {
		t.Errorf("ParseLinkKey error = %v, must not quote the key", err)
	}
	if got := hex.EncodeToString(k.Reveal()); got != keyText {
		t.Errorf("Reveal = %s", got)
	}
	k.Reveal()[0] = 9
	if !k.Equal(linkKey(t, keyText)) {
		t.Error("Reveal handed out the key itself instead of a copy")
	}
}

func TestUnreadableAcksAndTokensAreRefused(t *testing.T) {
	for _, payload := range []string{"", "x", "{", `{"seq":-1}`, `{"seq":"1"}`, `{"seq":9007199254740992}`, strings.Repeat(" ", wire.MaxPayload+1)} {
		if _, err := wire.DecodeAck([]byte(payload)); !errors.Is(err, wire.ErrDown) {
			t.Errorf("DecodeAck(%.20q): %v, want ErrDown", payload, err)
		}
	}
	for _, payload := range []string{"", `{}`, `{"digits":"1"}`, `{"request":7,"digits":"1"}`, `{"request":"` + strings.Repeat("x", 257) + `"}`} {
		if _, err := wire.DecodeTokenDown([]byte(payload)); !errors.Is(err, wire.ErrDown) {
			t.Errorf("DecodeTokenDown(%.20q): %v, want ErrDown", payload, err)
		}
	}
}
