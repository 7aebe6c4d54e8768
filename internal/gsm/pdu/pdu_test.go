package pdu_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/gsm/pdu"
)

const recharge = "*02#12345678901234567890"

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func address(t testing.TB, s string) pdu.Address {
	t.Helper()
	a, err := pdu.ParseAddress(s)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func compose(t testing.TB, text string, ref uint16) []pdu.Body {
	t.Helper()
	b, err := pdu.Compose(text, ref)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The test compares the recharge with the frames that several programs write. The frames differ only in validity and in the request for a
// report.
func TestTheRechargeIsWrittenAsOtherProgramsWriteIt(t *testing.T) {
	const tail = "182A986C1493CD6835DB0D9783C564335ACD76C3E560"
	for _, c := range []struct {
		who      string
		report   bool
		validity pdu.Validity
		want     string
		length   int
	}{
		{"gammu, smstools", true, pdu.Validity{Format: pdu.Relative, Relative: 0xFF}, "31000C915275000000100000FF" + tail, 35},
		{"gnokii", true, pdu.Validity{Format: pdu.Relative, Relative: 0xAA}, "31000C915275000000100000AA" + tail, 35},
		{"Kannel", true, pdu.ValidFor(24 * time.Hour), "31000C915275000000100000A7" + tail, 35},
		{"Kannel without a report", false, pdu.ValidFor(24 * time.Hour), "11000C915275000000100000A7" + tail, 35},
		{"serialport-gsm", false, pdu.Validity{}, "01000C915275000000100000" + tail, 34},
	} {
		m := pdu.Submit{Report: c.report, To: address(t, "+255700000001"), Validity: c.validity, Body: compose(t, recharge, 0)[0]}
		got, err := m.Encode()
		if err != nil {
			t.Fatalf("%s: %v", c.who, err)
		}
		if want := unhex(t, c.want); !bytes.Equal(got, want) || len(got) != c.length {
			t.Errorf("%s: got %X (%d octets), want %X", c.who, got, len(got), want)
		}
		back, err := pdu.DecodeSubmit(unhex(t, c.want))
		if err != nil || !reflect.DeepEqual(back, m) || back.Body.Text() != recharge {
			t.Errorf("%s: read back %+v %q, %v", c.who, back, back.Body.Text(), err)
		}
		frame, err := pdu.JoinFrame(pdu.Address{}, got)
		if err != nil || frame[0] != 0 || !bytes.Equal(frame[1:], got) {
			t.Errorf("%s: frame %X, %v", c.who, frame, err)
		}
	}
}

// The test uses the frames of gammu and gnokii, which put the centre's number from AT+CSCA? before the message.
func TestAFrameCarriesTheCentre(t *testing.T) {
	centre := address(t, "+447785016005")
	frame, err := pdu.JoinFrame(centre, []byte{1, 2, 3})
	if want := unhex(t, "07914477581006 50 010203"); err != nil || !bytes.Equal(frame, want) {
		t.Errorf("got %X, %v; want %X", frame, err, want)
	}
	got, tpdu, err := pdu.SplitFrame(frame)
	if err != nil || got != centre || !bytes.Equal(tpdu, []byte{1, 2, 3}) {
		t.Errorf("split: %v %X %v", got, tpdu, err)
	}
	odd := address(t, "+12345")
	if frame, err = pdu.JoinFrame(odd, nil); err != nil || !bytes.Equal(frame, unhex(t, "049121 43F5")) {
		t.Errorf("odd number of digits: %X %v", frame, err)
	}
	if got, _, err = pdu.SplitFrame(frame); err != nil || got != odd {
		t.Errorf("odd number of digits: %v %v", got, err)
	}
	for _, bad := range []string{"", "07", "0791", "0C91000000000000000000000000"} {
		if _, _, err := pdu.SplitFrame(unhex(t, bad)); err == nil {
			t.Errorf("split %q: no error", bad)
		}
	}
}

func TestALongTextIsSplitAsKannelSplitsIt(t *testing.T) {
	text := strings.Repeat("1234567890", 20)
	parts := compose(t, text, 2)
	if len(parts) != 2 {
		t.Fatalf("%d parts, want 2", len(parts))
	}
	for i, want := range []struct {
		length int
		head   string
	}{{154, "51000C915275000000100000A7A0050003020201"}, {62, "51000C915275000000100000A736050003020202"}} {
		m := pdu.Submit{To: address(t, "+255700000001"), Validity: pdu.ValidFor(24 * time.Hour), Body: parts[i]}
		got, err := m.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if len(got) != want.length || !bytes.HasPrefix(got, unhex(t, want.head)) {
			t.Errorf("part %d: %d octets %X, want %d starting %s", i+1, len(got), got, want.length, want.head)
		}
	}
}

func TestACyrillicTextIsUCS2(t *testing.T) {
	m := pdu.Submit{To: address(t, "+255700000001"), Body: compose(t, "мало", 0)[0]}
	got, err := m.Encode()
	if want := unhex(t, "01000C915275000000100008 08 043C0430043B043E"); err != nil || !bytes.Equal(got, want) {
		t.Errorf("got %X, %v; want %X", got, err, want)
	}
}

func TestADeliverIsRead(t *testing.T) {
	// This is the example on node-pdu's own page.
	_, tpdu, err := pdu.SplitFrame(unhex(t, "07919730071111F1000B919746121611F10000811170021222230DC8329BFD6681EE6F399B1C02"))
	if err != nil {
		t.Fatal(err)
	}
	d, err := pdu.DecodeDeliver(tpdu)
	if err != nil {
		t.Fatal(err)
	}
	at, ok := d.At.Time()
	if want := time.Date(2018, 11, 7, 20, 21, 22, 0, time.FixedZone("", 8*3600)); !ok || !at.Equal(want) {
		t.Errorf("sent at %v %v, want %v", at, ok, want)
	}
	if d.From.String() != "+79642161111" || !d.More || d.Body.Text() != "Hello, world!" {
		t.Errorf("got %+v %q", d, d.Body.Text())
	}
	again, err := d.Encode()
	if err != nil || !bytes.Equal(again, tpdu) {
		t.Errorf("encoded again %X, %v; want %X", again, err, tpdu)
	}
}

func TestAStatusReportIsReadAndWritten(t *testing.T) {
	zone := time.FixedZone("", 3*3600)
	at, err := pdu.StampOf(time.Date(2026, 11, 20, 6, 5, 27, 0, zone))
	if err != nil {
		t.Fatal(err)
	}
	done, err := pdu.StampOf(time.Date(2026, 11, 20, 6, 5, 31, 0, zone))
	if err != nil {
		t.Fatal(err)
	}
	s := pdu.StatusReport{Reference: 200, To: address(t, "+255700000001"), At: at, Done: done, Status: pdu.StatusDelivered}
	got, err := s.Encode()
	if want := unhex(t, "06 C8 0C91527500000010 62110260507221 62110260501321 00"); err != nil || !bytes.Equal(got, want) {
		t.Errorf("got %X, %v; want %X", got, err, want)
	}
	back, err := pdu.DecodeStatusReport(got)
	if err != nil || back != s {
		t.Errorf("got %+v, %v; want %+v", back, err, s)
	}
	for st, want := range map[pdu.Status]string{0: "delivered", 1: "delivered", 2: "delivered", 0x20: "trying", 0x2F: "trying", 0x40: "failed (40)", 0x46: "failed (46)", 0x7F: "failed (7F)"} {
		if st.String() != want {
			t.Errorf("state %02X is %q, want %q", uint8(st), st, want)
		}
	}
}

func TestTheZoneCountsQuarterHours(t *testing.T) {
	for hours, want := range map[float64]byte{3: 0x21, 0: 0x00, -5: 0x0A, 5.5: 0x22, -9.5: 0x8B, 14: 0x65} {
		s, err := pdu.StampOf(time.Date(2026, 11, 20, 1, 2, 3, 0, time.FixedZone("", int(hours*3600))))
		if err != nil || s[6] != want {
			t.Errorf("zone %+.1f h: octet %02X, %v; want %02X", hours, s[6], err, want)
		}
	}
	if _, err := pdu.StampOf(time.Date(2090, 1, 1, 0, 0, 0, 0, time.UTC)); !errors.Is(err, pdu.ErrTooLong) {
		t.Errorf("year 2090: %v", err)
	}
	for _, s := range []pdu.Stamp{{}, {0xFF}, {0x62, 0x31, 0x02}, {0x62, 0x20, 0x03}} {
		if at, ok := s.Time(); ok {
			t.Errorf("stamp % X reads as %v", s[:], at)
		}
	}
}

func TestRelativeValidity(t *testing.T) {
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for v, want := range map[uint8]time.Duration{0: 5 * time.Minute, 143: 12 * time.Hour, 144: 12*time.Hour + 30*time.Minute,
		167: 24 * time.Hour, 168: 48 * time.Hour, 170: 96 * time.Hour, 196: 30 * 24 * time.Hour, 197: 5 * 7 * 24 * time.Hour, 255: 63 * 7 * 24 * time.Hour} {
		end, ok := pdu.Validity{Format: pdu.Relative, Relative: v}.Until(start)
		if !ok || end.Sub(start) != want {
			t.Errorf("validity %d lasts %v %v, want %v", v, end.Sub(start), ok, want)
		}
		if got := pdu.ValidFor(want); got.Relative != v || got.Format != pdu.Relative {
			t.Errorf("valid for %v: %+v, want %d", want, got, v)
		}
	}
	if got := pdu.ValidFor(24*time.Hour + 1); got.Relative != 168 {
		t.Errorf("a little more than a day is written %d, want 168", got.Relative)
	}
	if _, ok := (pdu.Validity{}).Until(start); ok {
		t.Error("no validity ends")
	}
}

func TestEveryTypeOfAddress(t *testing.T) {
	for _, c := range []struct{ text, hex string }{
		{"+255700000001", "0C91527500000010"},
		{"15555", "0581 5155F5"},
		{"0700000001", "0A81 7000000010"},
		{"*100#", "0581 1A00FB"},
		{"PAYWATT", "0DD0 D060F61AA45201"},
		{"Info €", "0DD0 49B7F90DDA9401"},
	} {
		a := address(t, c.text)
		m := pdu.StatusReport{To: a}
		got, err := m.Encode()
		if err != nil {
			t.Fatalf("%s: %v", c.text, err)
		}
		got = got[2 : len(got)-15]
		back, err := pdu.DecodeStatusReport(append(append([]byte{2, 0}, got...), make([]byte, 15)...))
		if err != nil || back.To != a || back.To.String() != c.text {
			t.Errorf("%s: read back %+v %q, %v", c.text, back.To, back.To, err)
		}
		if !bytes.Equal(got, unhex(t, c.hex)) {
			t.Errorf("%s: %X, want %s", c.text, got, c.hex)
		}
	}
	for in, want := range map[string]string{"00255 700 000-001": "+255700000001", "+1 (555) 010": "+1555010", "0000": "0000"} {
		if a := address(t, in); a.String() != want {
			t.Errorf("%q reads as %q, want %q", in, a, want)
		}
	}
	national := pdu.Address{Type: pdu.National, Plan: 1, Text: "700000001"}
	if national.TypeOctet() != 0xA1 || (pdu.Address{Type: pdu.International, Plan: 1}).TypeOctet() != 145 {
		t.Errorf("type octets %X", national.TypeOctet())
	}
	for _, bad := range []string{"", "+", "123456789012345678901", "тариф", "TWELVE LETTERS"} {
		if a, err := pdu.ParseAddress(bad); err == nil {
			t.Errorf("%q reads as %+v", bad, a)
		}
	}
}

func TestPackingOfSevenBits(t *testing.T) {
	for _, c := range []struct{ text, hex string }{
		{"hello", "05E8329BFD06"},
		{"hellohello", "0AE8329BFD4697D9EC37"},
		{"@$_", "03004104"},
		{"1234567", "0731D98C56B3DD00"},  // seven spare bits: no eighth character
		{"1234567@", "0831D98C56B3DD00"}, // the same octets, one character more
		{"^{}\\[~]|€", "121BCA06B5496D5E1BDEA6B7F16D809B32"},
	} {
		m := pdu.Submit{To: address(t, "1"), Body: compose(t, c.text, 0)[0]}
		b, err := m.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if got := b[7:]; !bytes.Equal(got, unhex(t, c.hex)) {
			t.Errorf("%q: %X, want %s", c.text, got, c.hex)
		}
		back, err := pdu.DecodeSubmit(b)
		if err != nil || back.Body.Text() != c.text {
			t.Errorf("%q: read back %q, %v", c.text, back.Body.Text(), err)
		}
	}
	ext := compose(t, "\f^{}\\[~]|€", 0)[0]
	if want := unhex(t, "1B0A1B141B281B291B2F1B3C1B3D1B3E1B401B65"); !bytes.Equal(ext.Data, want) {
		t.Errorf("extension: % X, want % X", ext.Data, want)
	}
	for in, want := range map[string]string{"1B": " ", "1B1B41": " A", "1B41": "A", "411B": "A "} {
		if got := (pdu.Body{Data: unhex(t, in)}).Text(); got != want {
			t.Errorf("septets %s read as %q, want %q", in, got, want)
		}
	}
}

func TestCodingSchemes(t *testing.T) {
	for dcs, want := range map[pdu.DCS]pdu.Alphabet{0x00: pdu.GSM7, 0x04: pdu.Octets, 0x08: pdu.UCS2, 0x0C: pdu.GSM7, 0x10: pdu.GSM7, 0x18: pdu.UCS2,
		0x20: pdu.Octets, 0x44: pdu.Octets, 0x80: pdu.GSM7, 0xC8: pdu.GSM7, 0xD8: pdu.GSM7, 0xE0: pdu.UCS2, 0xF0: pdu.GSM7, 0xF5: pdu.Octets} {
		if got := dcs.Alphabet(); got != want {
			t.Errorf("scheme %02X is %v, want %v", uint8(dcs), got, want)
		}
	}
	if c, ok := pdu.DCS(0x10).Class(); !ok || c != 0 {
		t.Errorf("0x10 is class %d %v, want 0 (flash)", c, ok)
	}
	if _, ok := pdu.DCS(0).Class(); ok {
		t.Error("plain text has a class")
	}
}

// The text has a character of the upper half, two of the extension and a letter with an accent. Kannel 1.4.5 wrote these octets to its
// modem.
func TestTheExtensionIsWrittenAsKannelWritesIt(t *testing.T) {
	const text, kannel = "§ € { é", "31000C91527511002005" + "00000B" + "095FD0A60CDAA04005"
	m := pdu.Submit{Report: true, To: address(t, "+255711000250"), Validity: pdu.ValidFor(time.Hour), Body: compose(t, text, 0)[0]}
	if got, err := m.Encode(); err != nil || !bytes.Equal(got, unhex(t, kannel)) {
		t.Errorf("got %X, %v, want %s", got, err, kannel)
	}
	if back, err := pdu.DecodeSubmit(unhex(t, kannel)); err != nil || back.Body.Text() != text {
		t.Errorf("read %q, %v, want %q", back.Body.Text(), err, text)
	}
	if size := pdu.Measure(text); size != (pdu.Size{Alphabet: pdu.GSM7, Units: 9, Parts: 1}) {
		t.Errorf("measured %+v, want 9 septets", size)
	}
}

func TestDamagedMessagesAreRefused(t *testing.T) {
	whole := unhex(t, "31000C915275000000100000FF182A986C1493CD6835DB0D9783C564335ACD76C3E560")
	for n := range whole {
		if m, err := pdu.DecodeSubmit(whole[:n]); err == nil {
			t.Errorf("the first %d octets read as %+v", n, m)
		}
	}
	for _, bad := range []string{"00", "3100FF91", "31000C915275000000100000FFA1", "51000C915275000000100000FF18FF986C1493CD6835DB0D9783C564335ACD76C3E560"} {
		if m, err := pdu.DecodeSubmit(unhex(t, bad)); err == nil {
			t.Errorf("%s reads as %+v", bad, m)
		}
	}
	if _, err := (pdu.Submit{To: address(t, "1"), Body: pdu.Body{Data: make([]byte, 161)}}).Encode(); !errors.Is(err, pdu.ErrTooLong) {
		t.Errorf("161 septets: %v", err)
	}
	if _, err := (pdu.Submit{To: address(t, "1"), Body: pdu.Body{DCS: 4, Data: make([]byte, 141)}}).Encode(); !errors.Is(err, pdu.ErrTooLong) {
		t.Errorf("141 octets: %v", err)
	}
	if ty, err := pdu.TypeOf(whole); err != nil || ty != pdu.TypeSubmit {
		t.Errorf("type %v %v", ty, err)
	}
	if _, err := pdu.TypeOf(nil); err == nil {
		t.Error("nothing has a type")
	}
}
