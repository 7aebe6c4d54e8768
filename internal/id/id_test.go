package id_test

import (
	"bytes"
	"encoding/base32"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/id"
)

func TestIdentitySurvivesItsText(t *testing.T) {
	at := time.Date(2026, 11, 20, 8, 0, 0, 123e6, time.UTC)
	i, err := id.New(at, bytes.NewReader([]byte("0123456789")))
	if err != nil {
		t.Fatal(err)
	}
	if got := i.Time(); !got.Equal(at) {
		t.Errorf("time = %v, want %v", got, at)
	}
	back, err := id.Parse(id.Meter, strings.ToUpper(i.Text(id.Meter)))
	if err != nil || back != i {
		t.Errorf("Parse(Text) = %v, %v; want %v", back, err, i)
	}
	for _, bad := range []string{"", "mtr_", "vnd_" + i.Text(id.Meter)[4:], i.Text(id.Meter) + "0", "mtr_!!!"} {
		if _, err := id.Parse(id.Meter, bad); err == nil {
			t.Errorf("Parse(%q) accepted", bad)
		}
	}
}

func TestIdentitiesSortByTime(t *testing.T) {
	at := time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)
	last := ""
	for n := range 100 {
		i, err := id.New(at.Add(time.Duration(n)*time.Millisecond), bytes.NewReader(bytes.Repeat([]byte{byte(255 - n)}, 10)))
		if err != nil {
			t.Fatal(err)
		}
		if text := i.Text(""); text <= last {
			t.Fatalf("identity %d = %s does not sort after %s", n, text, last)
		} else if first := id.First(i.Time()).Text(""); first <= last || first >= text {
			t.Fatalf("the first identity of that moment is %s, want one between %s and %s", first, last, text)
		} else {
			last = text
		}
	}
}

func TestShortRandomnessIsAnError(t *testing.T) {
	if _, err := id.New(time.Now(), bytes.NewReader([]byte("short"))); err == nil {
		t.Error("New with 5 random bytes succeeded")
	}
}

func TestASeriesSortsWithinAMillisecond(t *testing.T) {
	at := time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)
	var s id.Series
	last, rnd := "", bytes.NewReader(bytes.Repeat([]byte{0xff, 0xee, 0xdd}, 10_000))
	for n := range 2_000 {
		i, err := s.New(at, rnd)
		if err != nil {
			t.Fatal(err)
		}
		if text := i.Text(""); text <= last {
			t.Fatalf("identity %d = %s does not sort after %s", n, text, last)
		} else {
			last = text
		}
		if !i.Time().Equal(at) || i[6]>>4 != 7 || i[8]>>6 != 2 {
			t.Fatalf("identity %d = %x of %v is no UUIDv7 of its moment", n, i, i.Time())
		}
	}
}

func TestASeriesGoesOnWhenItsCountIsFull(t *testing.T) {
	at := time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)
	var s id.Series
	seen := make(map[id.ID]bool)
	rnd := rand.NewChaCha8([32]byte{})
	for n := range 10_000 {
		i, err := s.New(at.Add(-time.Duration(n/9_000)*time.Millisecond), rnd) // at the end the clock goes back
		if err != nil || seen[i] {
			t.Fatalf("identity %d = %x (seen before: %t): %v", n, i, seen[i], err)
		}
		seen[i] = true
	}
}

func TestTextIsBase32(t *testing.T) {
	encoding := base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)
	rnd := rand.NewChaCha8([32]byte{7})
	for range 1_000 {
		var i id.ID
		_, _ = rnd.Read(i[:]) // never fails
		if got, want := i.Text(id.Vend), id.Vend+encoding.EncodeToString(i[:]); got != want {
			t.Fatalf("text of %x = %s, want %s", i[:], got, want)
		}
	}
}
