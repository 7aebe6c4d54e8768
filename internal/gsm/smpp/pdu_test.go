package smpp_test

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/gsm/smpp"
)

// The test decodes and encodes the standard's example, a bind_transmitter (SMPP 3.4 §3.2.3).
func TestTheExampleOfTheStandard(t *testing.T) {
	raw, err := hex.DecodeString("0000002F000000020000000000000001534D50503354455354007365637265743038005355424D4954310000010100")
	if err != nil {
		t.Fatal(err)
	}
	p, err := smpp.ReadPDU(bytes.NewReader(raw))
	if err != nil || p.Command != smpp.BindTransmitter || p.Sequence != 1 {
		t.Fatalf("%v, %v", p, err)
	}
	b, err := smpp.DecodeBind(p.Body)
	if want := (smpp.Bind{SystemID: "SMPP3TEST", Password: "secret08", SystemType: "SUBMIT1", TON: 1, NPI: 1}); err != nil || b != want {
		t.Errorf("bind %+v, %v; want %+v", b, err, want)
	}
	body, err := b.Encode()
	if err != nil || !bytes.Equal(smpp.PDU{Command: p.Command, Sequence: 1, Body: body}.Encode(), raw) {
		t.Errorf("encoded %x, %v; want %x", body, err, raw)
	}
}

func TestLengthsAreJudgedBeforeAnythingIsRead(t *testing.T) {
	unit := smpp.PDU{Command: smpp.EnquireLink, Sequence: 1, Body: make([]byte, smpp.MaxPDU-16)}.Encode()
	if _, err := smpp.ReadPDU(bytes.NewReader(unit)); err != nil {
		t.Errorf("the longest unit: %v", err)
	}
	for _, head := range []string{"0000000F", "00000000", "FFFFFFFF", "00002001"} {
		raw, err := hex.DecodeString(head + "000000150000000000000001")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := smpp.ReadPDU(io.MultiReader(bytes.NewReader(raw), rand{})); err == nil || !strings.Contains(err.Error(), "impossible length") {
			t.Errorf("length %s: %v", head, err)
		}
	}
}

// rand is a source of octets that never ends.
type rand struct{}

func (rand) Read(p []byte) (int, error) { return len(p), nil }

func TestTextsDoNotShowWhereMessagesArePrinted(t *testing.T) {
	m := smpp.Message{To: smpp.Address{Text: "1"}, Short: []byte("12345678901234567890")}
	p := smpp.PDU{Body: m.Short}
	for _, s := range []string{fmt.Sprint(m), fmt.Sprintf("%#v", m), fmt.Sprint(p), fmt.Sprintf("%#v", p)} {
		if strings.Contains(s, "1234567890") || strings.Contains(s, "0x31, 0x32") {
			t.Errorf("printed: %s", s)
		}
	}
}

// FuzzPDU checks that any input is read or refused, and that a unit that was read is written again unchanged.
func FuzzPDU(f *testing.F) {
	for _, m := range []smpp.Message{mo("BAL"), part(1, 2, 1, "x"), receipt("1", "DELIVRD"), {Options: []smpp.Option{{Tag: smpp.TagMessagePayload, Value: []byte("x")}}}} {
		b, err := m.Encode()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(smpp.PDU{Command: smpp.DeliverSM, Sequence: 1, Body: b}.Encode())
	}
	f.Add([]byte{0, 0, 0, 16, 0, 0, 0, 0x15, 0, 0, 0, 0, 0, 0, 0, 1})
	f.Fuzz(func(t *testing.T, raw []byte) {
		p, err := smpp.ReadPDU(bytes.NewReader(raw))
		if err != nil {
			return
		}
		if again := p.Encode(); !bytes.Equal(again, raw[:len(again)]) {
			t.Fatalf("read %x, wrote %x", raw, again)
		}
		if b, err := smpp.DecodeBind(p.Body); err == nil {
			if _, err := b.Encode(); err != nil {
				t.Errorf("bind %+v was read and cannot be written: %v", b, err)
			}
		}
		m, err := smpp.DecodeMessage(p.Body)
		if err != nil {
			return
		}
		body, err := m.Encode()
		if err != nil {
			t.Fatalf("%x was read and cannot be written: %v", p.Body, err)
		}
		if again, err := smpp.DecodeMessage(body); err != nil || !reflect.DeepEqual(again, m) {
			t.Errorf("%x: read again as %x, %v", p.Body, body, err)
		}
	})
}
