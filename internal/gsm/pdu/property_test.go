package pdu_test

import (
	"bytes"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/paywatt/paywatt/internal/gsm/pdu"
)

func addresses() *rapid.Generator[pdu.Address] {
	return rapid.Custom(func(t *rapid.T) pdu.Address {
		if rapid.IntRange(0, 4).Draw(t, "kind") == 0 {
			return pdu.Address{Type: pdu.Alphanumeric, Text: rapid.StringMatching(`[A-Za-z0-9 @_é]{0,11}`).Draw(t, "name")}
		}
		return pdu.Address{Type: pdu.AddressType(rapid.SampledFrom([]int{0, 1, 2, 3, 4, 6, 7}).Draw(t, "type")), Plan: uint8(rapid.IntRange(0, 15).Draw(t, "plan")),
			Text: rapid.StringMatching(`[0-9*#abc]{0,20}`).Draw(t, "digits")}
	})
}

func bodies() *rapid.Generator[pdu.Body] {
	return rapid.Custom(func(t *rapid.T) pdu.Body {
		b := pdu.Body{DCS: pdu.DCS(rapid.Byte().Draw(t, "dcs"))}
		room := 140
		for range rapid.IntRange(0, 3).Draw(t, "elements") {
			e := pdu.Element{ID: rapid.Byte().Draw(t, "id"), Data: rapid.SliceOfN(rapid.Byte(), 0, 20).Draw(t, "element")}
			if len(b.Header) == 0 {
				room--
			}
			room -= 2 + len(e.Data)
			b.Header = append(b.Header, e)
		}
		if b.DCS.Alphabet() == pdu.GSM7 {
			b.Data = rapid.SliceOfN(rapid.ByteRange(0, 127), 0, room*8/7).Draw(t, "septets")
			return b
		}
		b.Data = rapid.SliceOfN(rapid.Byte(), 0, room).Draw(t, "octets")
		return b
	})
}

func stamps() *rapid.Generator[pdu.Stamp] {
	return rapid.Custom(func(t *rapid.T) pdu.Stamp { return pdu.Stamp(rapid.SliceOfN(rapid.Byte(), 7, 7).Draw(t, "stamp")) })
}

func TestDecodingUndoesEncoding(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		flags := rapid.SliceOfN(rapid.Bool(), 3, 3).Draw(t, "flags")
		s := pdu.Submit{RejectDuplicates: flags[0], ReplyPath: flags[1], Report: flags[2], Reference: rapid.Byte().Draw(t, "mr"),
			To: addresses().Draw(t, "to"), PID: rapid.Byte().Draw(t, "pid"), Body: bodies().Draw(t, "body")}
		switch s.Validity.Format = pdu.ValidityFormat(rapid.IntRange(0, 3).Draw(t, "vpf")); s.Validity.Format {
		case pdu.Relative:
			s.Validity.Relative = rapid.Byte().Draw(t, "vp")
		case pdu.Absolute, pdu.Enhanced:
			s.Validity.Octets = stamps().Draw(t, "vp")
		}
		b, err := s.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if back, err := pdu.DecodeSubmit(b); err != nil || !reflect.DeepEqual(back, s) {
			t.Fatalf("submit\n%+v is read back as\n%+v, %v", s, back, err)
		}
		d := pdu.Deliver{More: flags[0], ReplyPath: flags[1], Report: flags[2], From: s.To, PID: s.PID, At: stamps().Draw(t, "at"), Body: s.Body}
		if b, err = d.Encode(); err != nil {
			t.Fatal(err)
		}
		if back, err := pdu.DecodeDeliver(b); err != nil || !reflect.DeepEqual(back, d) {
			t.Fatalf("deliver\n%+v is read back as\n%+v, %v", d, back, err)
		}
		r := pdu.StatusReport{More: flags[0], Command: flags[1], Reference: s.Reference, To: s.To, At: d.At, Done: stamps().Draw(t, "done"), Status: pdu.Status(s.PID)}
		if b, err = r.Encode(); err != nil {
			t.Fatal(err)
		}
		if back, err := pdu.DecodeStatusReport(b); err != nil || back != r {
			t.Fatalf("report\n%+v is read back as\n%+v, %v", r, back, err)
		}
	})
}

func TestEveryTimeIsKeptToTheSecond(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		at := time.Unix(rapid.Int64Range(631152000, 3786911999).Draw(t, "unix"), 0).In(time.FixedZone("", 900*rapid.IntRange(-79, 79).Draw(t, "quarters")))
		if at.Year() < 1990 || at.Year() > 2089 {
			return
		}
		s, err := pdu.StampOf(at)
		if err != nil {
			t.Fatal(err)
		}
		back, ok := s.Time()
		if !ok || !back.Equal(at) || back.Format(time.RFC3339) != at.Format(time.RFC3339) {
			t.Fatalf("%v is written % X and read %v %v", at, s[:], back, ok)
		}
	})
}

func texts() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		alphabet := []rune("abcXYZ 0189*#@$_é€[]{}~\\|^\n")
		if rapid.Bool().Draw(t, "wide") {
			alphabet = append(alphabet, []rune("мало٣٤😀🔌界")...)
		}
		return rapid.StringOfN(rapid.SampledFrom(alphabet), 0, 600, -1).Draw(t, "text")
	})
}

// A text survives being composed, sent as DELIVERs in any order with some parts twice, and joined again.
func TestALongTextIsPutTogetherInAnyOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := texts().Draw(t, "text")
		ref := rapid.Uint16().Draw(t, "ref")
		parts, err := pdu.Compose(text, ref)
		if err != nil {
			t.Fatal(err)
		}
		size := pdu.Measure(text)
		if size.Parts != len(parts) || size.Alphabet != parts[0].DCS.Alphabet() {
			t.Fatalf("measured %+v, composed %d parts of %v", size, len(parts), parts[0].DCS.Alphabet())
		}
		for i, p := range parts {
			if strings.ContainsRune(p.Text(), utf8.RuneError) || (p.DCS.Alphabet() == pdu.GSM7 && len(p.Data) > 0 && p.Data[len(p.Data)-1] == 0x1B) {
				t.Fatalf("part %d splits a character: %q", i+1, p.Text())
			}
		}
		order := rapid.SliceOfN(rapid.IntRange(0, len(parts)-1), 0, 10).Draw(t, "extra")
		order = append(order, rand.New(rand.NewPCG(uint64(ref), 1)).Perm(len(parts))...)
		var a pdu.Assembler
		now := time.Unix(1e9, 0)
		for i, n := range order {
			w, ok := a.Add(pdu.Part{Slot: i, Deliver: pdu.Deliver{Body: parts[n]}}, now)
			if !ok {
				continue
			}
			if w.Text != text || w.Missing != 0 {
				t.Fatalf("put together %q (%d missing), want %q", w.Text, w.Missing, text)
			}
			return
		}
		t.Fatal("never put together")
	})
}

func FuzzDecode(f *testing.F) {
	for _, s := range []string{"31000C915275000000100000FF182A986C1493CD6835DB0D9783C564335ACD76C3E560",
		"07919730071111F1000B919746121611F10000811170021222230DC8329BFD6681EE6F399B1C02", "06C80C915275000000106211026050722162110260501321",
		"51000C915275000000100000A7A0050003020201", "440DD0D060F61AA45201000862110260507221080500030101010420",
		"08D830308160606000", "0958303030303030303000", "095830303030306F3000"} {
		f.Add(unhex(f, s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if s, err := pdu.DecodeSubmit(b); err == nil {
			again(t, s, pdu.Submit.Encode, pdu.DecodeSubmit)
		}
		if d, err := pdu.DecodeDeliver(b); err == nil {
			again(t, d, pdu.Deliver.Encode, pdu.DecodeDeliver)
			_, _ = d.At.Time()
			var a pdu.Assembler
			if w, ok := a.Add(pdu.Part{Deliver: d}, time.Unix(0, 0)); ok && w.Text != d.Body.Text() {
				t.Errorf("assembled %q, read %q", w.Text, d.Body.Text())
			}
			a.Expired(time.Unix(0, 0), true)
		}
		if r, err := pdu.DecodeStatusReport(b); err == nil {
			again(t, r, pdu.StatusReport.Encode, pdu.DecodeStatusReport)
		}
		if centre, tpdu, err := pdu.SplitFrame(b); err == nil {
			f, err := pdu.JoinFrame(centre, tpdu)
			if err != nil {
				t.Fatalf("frame of %+v: %v", centre, err)
			}
			c2, t2, err := pdu.SplitFrame(f)
			if err != nil || (c2 != centre && centre.Text != "") || !bytes.Equal(t2, tpdu) {
				t.Fatalf("frame %X is read back as %+v %X %v", f, c2, t2, err)
			}
		}
	})
}

// again checks that a decoded message can be encoded and decodes to the same message.
func again[M any](t *testing.T, m M, encode func(M) ([]byte, error), decode func([]byte) (M, error)) {
	t.Helper()
	b, err := encode(m)
	if err != nil {
		t.Fatalf("%+v was read and cannot be written: %v", m, err)
	}
	back, err := decode(b)
	if err != nil || !reflect.DeepEqual(back, m) {
		t.Fatalf("\n%+v is read back as\n%+v, %v", m, back, err)
	}
}

func FuzzCompose(f *testing.F) {
	f.Add("*02#12345678901234567890", uint16(1))
	f.Add(strings.Repeat("€", 200), uint16(300))
	f.Add(strings.Repeat("😀", 100), uint16(0))
	f.Fuzz(func(t *testing.T, text string, ref uint16) {
		parts, err := pdu.Compose(text, ref)
		if err != nil {
			return
		}
		var got string
		for _, p := range parts {
			b, err := pdu.Submit{To: pdu.Address{Text: "1"}, Body: p}.Encode()
			if err != nil {
				t.Fatal(err)
			}
			s, err := pdu.DecodeSubmit(b)
			if err != nil {
				t.Fatal(err)
			}
			got += s.Body.Text()
		}
		if got != text {
			t.Fatalf("got %q, want %q", got, text)
		}
	})
}
