package pdu_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/gsm/pdu"
)

func TestSizes(t *testing.T) {
	for _, c := range []struct {
		text     string
		alphabet pdu.Alphabet
		units    int
		parts    int
	}{
		{"", pdu.GSM7, 0, 1},
		{recharge, pdu.GSM7, 24, 1},
		{strings.Repeat("x", 160), pdu.GSM7, 160, 1},
		{strings.Repeat("x", 161), pdu.GSM7, 161, 2},
		{strings.Repeat("x", 306), pdu.GSM7, 306, 2},
		{strings.Repeat("x", 307), pdu.GSM7, 307, 3},
		{strings.Repeat("€", 80), pdu.GSM7, 160, 1},
		{strings.Repeat("€", 81), pdu.GSM7, 162, 2},
		{strings.Repeat("€", 153), pdu.GSM7, 306, 3}, // a part has room for 153 septets: 76 characters of 2 septets each
		{strings.Repeat("ж", 70), pdu.UCS2, 70, 1},
		{strings.Repeat("ж", 71), pdu.UCS2, 71, 2},
		{strings.Repeat("ж", 134), pdu.UCS2, 134, 2},
		{strings.Repeat("ж", 135), pdu.UCS2, 135, 3},
		{strings.Repeat("😀", 67), pdu.UCS2, 134, 3}, // a part has room for 67 units: 33 characters of 2 units each
		{"reçu", pdu.UCS2, 4, 1},                    // ç is not in the default alphabet, Ç is
		{"REÇU à 5 €", pdu.GSM7, 11, 1},
	} {
		got := pdu.Measure(c.text)
		if got != (pdu.Size{Alphabet: c.alphabet, Units: c.units, Parts: c.parts}) {
			t.Errorf("%.20q…: %+v (%v), want %v, %d units, %d parts", c.text, got, got.Alphabet, c.alphabet, c.units, c.parts)
		}
	}
	for _, c := range []struct {
		ref  uint16
		text string
		want int
	}{{255, strings.Repeat("x", 400), 153}, {256, strings.Repeat("x", 400), 152}, {1, strings.Repeat("ж", 200), 134}, {256, strings.Repeat("ж", 200), 132}} {
		parts := compose(t, c.text, c.ref)
		if len(parts[0].Data) != c.want {
			t.Errorf("reference %d: the first part takes %d, want %d", c.ref, len(parts[0].Data), c.want)
		}
		if con, ok := parts[1].Concat(); !ok || con.Reference != c.ref || con.Wide != (c.ref > 255) || con.Seq != 2 || int(con.Total) != len(parts) {
			t.Errorf("reference %d: part 2 says %+v %v", c.ref, con, ok)
		}
	}
	if _, err := pdu.Compose(strings.Repeat("x", 1531), 1); !errors.Is(err, pdu.ErrTooLong) {
		t.Errorf("eleven parts: %v", err)
	}
	if _, err := pdu.Compose("\xff", 1); !errors.Is(err, pdu.ErrMalformed) {
		t.Errorf("not UTF-8: %v", err)
	}
}

// part returns one part of a message from a number. The parameter total is the number of parts of the message.
func part(t *testing.T, from string, ref, total, seq uint8, text string) pdu.Deliver {
	t.Helper()
	b := compose(t, text, 0)[0]
	b.Header = []pdu.Element{{ID: 0, Data: []byte{ref, total, seq}}}
	return pdu.Deliver{From: address(t, from), Body: b}
}

func TestPartsOfTwoSendersAreNotMixed(t *testing.T) {
	var a pdu.Assembler
	now := time.Unix(1e9, 0)
	for i, p := range []pdu.Deliver{part(t, "+1", 7, 2, 2, "b1"), part(t, "+2", 7, 2, 1, "a2")} {
		if w, ok := a.Add(pdu.Part{Slot: i + 1, Deliver: p}, now); ok {
			t.Fatalf("whole after one part: %+v", w)
		}
	}
	if a.Open() != 2 {
		t.Errorf("%d open, want 2", a.Open())
	}
	a.Add(pdu.Part{Slot: 9, Deliver: part(t, "+1", 7, 2, 2, "b1")}, now) // repeated by the network
	w, ok := a.Add(pdu.Part{Slot: 5, Deliver: part(t, "+1", 7, 2, 1, "a1")}, now)
	if !ok || w.Text != "a1b1" || !slices.Equal(w.Slots, []int{1, 5, 9}) || w.From.String() != "+1" || w.Missing != 0 {
		t.Errorf("got %+v %v", w, ok)
	}
}

func TestUnfinishedMessagesEnd(t *testing.T) {
	var a pdu.Assembler
	now := time.Unix(1e9, 0)
	a.Add(pdu.Part{Slot: 1, Deliver: part(t, "+1", 7, 3, 1, "*02#1234")}, now)
	a.Add(pdu.Part{Slot: 2, Deliver: part(t, "+1", 7, 3, 3, "5678")}, now)
	if got := a.Expired(now.Add(pdu.PartsExpire-1), false); len(got) != 0 {
		t.Fatalf("given up too early: %+v", got)
	}
	got := a.Expired(now.Add(pdu.PartsExpire), false)
	if len(got) != 1 || got[0].Missing != 1 || got[0].Text != "*02#1234\uFFFD5678" || !slices.Equal(got[0].Slots, []int{1, 2}) || a.Open() != 0 {
		t.Errorf("got %+v, %d open", got, a.Open())
	}
	// A sender's fifth unfinished message displaces his oldest; other senders' messages stay.
	a.Add(pdu.Part{Slot: 100, Deliver: part(t, "+2", 1, 2, 1, "x")}, now)
	for i := range 5 {
		a.Add(pdu.Part{Slot: i, Deliver: part(t, "+1", uint8(i), 2, 1, "x")}, now.Add(time.Duration(i)*time.Second))
	}
	if got = a.Expired(now.Add(time.Minute), false); len(got) != 1 || !slices.Equal(got[0].Slots, []int{0}) {
		t.Errorf("over the limit of a sender: %+v", got)
	}
	for i := range 70 {
		a.Add(pdu.Part{Slot: 200 + i, Deliver: part(t, fmt.Sprintf("+3%02d", i), 1, 2, 1, "x")}, now.Add(time.Minute))
	}
	if got = a.Expired(now.Add(time.Minute), false); a.Open() != pdu.MaxOpen || len(got) != 11 {
		t.Errorf("over the limit of all: %d given up, %d open, want 11 and %d", len(got), a.Open(), pdu.MaxOpen)
	}
	if got = a.Expired(now, true); len(got) != pdu.MaxOpen || a.Open() != 0 {
		t.Errorf("all: %d given up, %d open", len(got), a.Open())
	}
}

// Only parts in the SIM count. The assembler must forget a part if its slot is empty or holds another message.
func TestPartsThatAreGoneAreForgotten(t *testing.T) {
	var a pdu.Assembler
	now := time.Unix(1e9, 0)
	kept, gone, other := part(t, "+1", 7, 3, 1, "a"), part(t, "+1", 7, 3, 2, "b"), part(t, "+2", 7, 2, 1, "x")
	for slot, d := range []pdu.Deliver{kept, gone, other} {
		a.Add(pdu.Part{Slot: slot, Deliver: d}, now)
	}
	a.Retain(map[int]pdu.Identity{0: pdu.Identify(kept), 2: pdu.Identify(kept)})
	if a.Open() != 1 { // only the first message is left; the check of Slots below shows that it lost slot 1
		t.Errorf("%d open, want 1", a.Open())
	}
	later := now.Add(pdu.PartsExpire)
	a.Add(pdu.Part{Slot: 5, Deliver: gone}, later)
	if got := a.Expired(later, false); len(got) != 1 || got[0].Missing != 1 || !slices.Equal(got[0].Slots, []int{0, 5}) {
		t.Errorf("the first part has waited a day: %+v", got)
	}
}

// Two messages of a phone that reuses its references must not be mixed into one.
func TestAReferenceUsedAgainStartsANewMessage(t *testing.T) {
	var a pdu.Assembler
	now := time.Unix(1e9, 0)
	a.Add(pdu.Part{Slot: 1, Deliver: part(t, "+1", 7, 2, 1, "old")}, now)
	a.Add(pdu.Part{Slot: 2, Deliver: part(t, "+1", 7, 2, 1, "new ")}, now)
	w, ok := a.Add(pdu.Part{Slot: 3, Deliver: part(t, "+1", 7, 2, 2, "message")}, now)
	if !ok || w.Text != "new message" || !slices.Equal(w.Slots, []int{2, 3}) {
		t.Errorf("got %+v %v", w, ok)
	}
	if got := a.Expired(now, false); len(got) != 1 || got[0].Missing != 1 || !slices.Equal(got[0].Slots, []int{1}) {
		t.Errorf("the old message: %+v", got)
	}
}

func TestACharacterSplitBetweenPartsIsRead(t *testing.T) {
	var a pdu.Assembler
	now := time.Unix(1e9, 0)
	concat := func(seq uint8) []pdu.Element { return []pdu.Element{{ID: 8, Data: []byte{1, 2, 2, seq}}} }
	a.Add(pdu.Part{Slot: 1, Deliver: pdu.Deliver{Body: pdu.Body{DCS: 8, Header: concat(1), Data: []byte{0xD8, 0x3D}}}}, now)
	w, ok := a.Add(pdu.Part{Slot: 2, Deliver: pdu.Deliver{Body: pdu.Body{DCS: 8, Header: concat(2), Data: []byte{0xDE, 0x00}}}}, now)
	if !ok || w.Text != "😀" {
		t.Errorf("got %q %v", w.Text, ok)
	}
}

func TestIdentityIsOfTheMessageNotOfItsPlace(t *testing.T) {
	at, err := pdu.StampOf(time.Date(2026, 11, 20, 6, 5, 27, 0, time.UTC))
	if err != nil {
		t.Fatal(err)
	}
	d := pdu.Deliver{From: address(t, "+255700000001"), At: at, Body: compose(t, recharge, 0)[0]}
	var a pdu.Assembler
	one, _ := a.Add(pdu.Part{Slot: 1, Deliver: d}, time.Unix(0, 0))
	two, _ := a.Add(pdu.Part{Slot: 2, Deliver: d}, time.Unix(99, 0))
	if one.Identity != two.Identity || one.Identity != pdu.Identify(d) {
		t.Errorf("the same message has two identities: %x %x", one.Identity, two.Identity)
	}
	for name, other := range map[string]pdu.Deliver{
		"sender": {From: address(t, "+255700000002"), At: at, Body: d.Body},
		"time":   {From: d.From, Body: d.Body},
		"text":   {From: d.From, At: at, Body: compose(t, "*01#", 0)[0]},
	} {
		if pdu.Identify(other) == one.Identity {
			t.Errorf("another %s, the same identity", name)
		}
	}
}

func TestImpossiblePartNumbersAreIgnored(t *testing.T) {
	for _, e := range []pdu.Element{{ID: 0, Data: []byte{1, 0, 1}}, {ID: 0, Data: []byte{1, 2, 3}}, {ID: 0, Data: []byte{1, 2, 0}}, {ID: 0, Data: []byte{1, 2}}, {ID: 8, Data: []byte{1, 2, 3}}, {ID: 5, Data: []byte{1, 2, 1}}} {
		if c, ok := (pdu.Body{Header: []pdu.Element{e}}).Concat(); ok {
			t.Errorf("%+v reads as %+v", e, c)
		}
	}
}

// TestALongTextIsNoPart: parts wait for one another, so a text that no network brings as a part counts as a message in one piece.
func TestALongTextIsNoPart(t *testing.T) {
	header := []pdu.Element{{ID: 0, Data: []byte{7, 255, 1}}}
	for octets, want := range map[int]bool{140: true, 320: true, 560: true, 561: false, 8000: false} {
		if _, got := (pdu.Body{Header: header, Data: make([]byte, octets)}).Concat(); got != want {
			t.Errorf("%d octets are a part: %t, want %t", octets, got, want)
		}
	}
}
