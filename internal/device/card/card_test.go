package card_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/device/board"
	"github.com/paywatt/paywatt/internal/device/card"
	"github.com/paywatt/paywatt/internal/device/card/cardtest"
)

var _ board.Card = (*card.Card)(nil)

// rows returns n readings, an hour apart, beginning on the last day of November.
func rows(from uint64, n int) []board.Row {
	out := make([]board.Row, n)
	for i := range out {
		seq := from + uint64(i)
		out[i] = board.Row{
			Seq: seq, At: time.Date(2026, 11, 30, 0, 0, 0, 0, time.UTC).Add(time.Duration(seq) * time.Hour), Kind: "reading",
			Clock: "valid", Energy: true, Register: 1000, Balance: 500, Power: 320, Record: fmt.Sprintf(`{"seq":%d,"relay":"closed"}`, seq),
		}
	}
	return out
}

func check(t *testing.T, dir string) cardtest.Checked {
	t.Helper()
	got, err := cardtest.Check(dir)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func write(t *testing.T, c *card.Card, from uint64, n int) {
	t.Helper()
	if err := c.Write(rows(from, n)); err != nil {
		t.Fatal(err)
	}
}

func TestEachMonthHasItsFile(t *testing.T) {
	dir := t.TempDir()
	c := card.New(dir)
	write(t, c, 1, 48)
	b, err := os.ReadFile(filepath.Join(dir, "H2611.CSV"))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(b), "\n")
	want := `1,2026-11-30T01:00:00Z,valid,reading,1000,500,320,"{""seq"":1,""relay"":""closed""}",`
	if lines[0] != card.Header || !strings.HasPrefix(lines[1], want) || len(lines) != 25 {
		t.Errorf("November: %q, %q, %d lines", lines[0], lines[1], len(lines))
	}
	if _, err := os.Stat(filepath.Join(dir, "H2612.CSV")); err != nil {
		t.Errorf("December has no file: %v", err)
	}
	got := check(t, dir)
	if len(got.Rows) != 48 || got.Bad != 0 || got.Rows[47].Seq != 48 || got.Rows[0].Record != `{"seq":1,"relay":"closed"}` {
		t.Errorf("%d rows, %d bad, want 48 and none", len(got.Rows), got.Bad)
	}
	if last, err := c.Last(); err != nil || last != 48 {
		t.Errorf("the newest row is %d, %v; want 48", last, err)
	}
}

func TestACardThatIsNotThereSaysSo(t *testing.T) {
	c := card.New(filepath.Join(t.TempDir(), "slot"))
	if _, err := c.Last(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no card: %v, want %v", err, fs.ErrNotExist)
	}
	if err := c.Write(rows(1, 1)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("written without a card: %v, want %v", err, fs.ErrNotExist)
	}
}

// TestAWriteMayBeTornAtEveryByte tears the file after every byte. The rows before the tear are found, the torn end is
// cut off, and the rest is written again.
func TestAWriteMayBeTornAtEveryByte(t *testing.T) {
	whole := t.TempDir()
	write(t, card.New(whole), 1, 3)
	b, err := os.ReadFile(filepath.Join(whole, "H2611.CSV"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	c, name := card.New(dir), filepath.Join(dir, "H2611.CSV")
	for n := range len(b) + 1 {
		if err := os.WriteFile(name, b[:n], 0o600); err != nil {
			t.Fatal(err)
		}
		last, err := c.Last()
		if want := uint64(max(0, strings.Count(string(b[:n]), "\n")-1)); err != nil || last != want {
			t.Fatalf("torn after %d bytes: newest row %d, %v; want %d", n, last, err, want)
		}
		write(t, c, last+1, 5-int(last))
		if got := check(t, dir); len(got.Rows) != 5 || got.Bad != 0 {
			t.Fatalf("torn after %d bytes and continued: %d rows, %d bad", n, len(got.Rows), got.Bad)
		}
	}
	t.Logf("figures: memory card torn at each of %d bytes, 0 rows lost", len(b))
}

func TestASpoiltCardIsContinuedAndItsSpoiltRowsAreFound(t *testing.T) {
	dir := t.TempDir()
	c, name := card.New(dir), filepath.Join(dir, "H2611.CSV")
	write(t, c, 1, 10)
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	for at := range b {
		bad := append([]byte(nil), b...)
		bad[at] ^= 0x04
		if err := os.WriteFile(name, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		if got := check(t, dir); len(got.Rows) >= 10 && got.Bad == 0 {
			t.Fatalf("byte %d spoilt and not found", at)
		}
		last, err := c.Last()
		if err != nil {
			t.Fatalf("byte %d spoilt: %v", at, err)
		}
		write(t, c, last+1, 12-int(last))
		got := check(t, dir)
		// A spoilt line end joins two rows.
		if n := len(got.Rows); n < 10 || got.Rows[n-1].Seq != 12 {
			t.Fatalf("byte %d spoilt and continued: %d rows, the last is %d", at, n, got.Rows[n-1].Seq)
		}
	}
	// A month that is a folder cannot be written, and other files are left alone.
	if err := os.Mkdir(filepath.Join(dir, "H2612.CSV"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := c.Write(rows(40, 1)); err == nil {
		t.Error("written into a folder")
	}
}

// TestAFileWithoutAGoodEndIsSetAside checks that a file whose end is garbage is set aside in full, and that copying
// continues.
func TestAFileWithoutAGoodEndIsSetAside(t *testing.T) {
	garbage := strings.Repeat("\xff\x00garbage\n", 200_000) // more than maxTail
	for name, spoilt := range map[string]func(good string) string{
		"its last MiB is garbage": func(good string) string { return good + garbage },
		"all of it is garbage":    func(string) string { return "garbage\n" },
		"its last MiB is zeros":   func(good string) string { return good + strings.Repeat("\x00", 1<<20) },
	} {
		dir := t.TempDir()
		c, file := card.New(dir), filepath.Join(dir, "H2611.CSV")
		write(t, c, 1, 10)
		good, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		bad := spoilt(string(good))
		for n, aside := range []string{"H2611.BAD", "H2611.BA1"} {
			if err := os.WriteFile(file, []byte(bad), 0o600); err != nil {
				t.Fatal(err)
			}
			if last, err := c.Last(); err != nil || last != 0 {
				t.Fatalf("%s: newest row %d, %v; want none", name, last, err)
			}
			write(t, c, 11, 2)
			if kept, err := os.ReadFile(filepath.Join(dir, aside)); err != nil || string(kept) != bad {
				t.Errorf("%s, %d: %s holds %d bytes, %v; want %d", name, n, aside, len(kept), err, len(bad))
			}
			if got := check(t, dir); len(got.Rows) != 2 || got.Bad != 0 {
				t.Errorf("%s, %d: %d rows, %d bad; want the 2 written after it", name, n, len(got.Rows), got.Bad)
			}
		}
	}
}

func TestACardThatSpoilsEveryFileIsOutOfOrder(t *testing.T) {
	dir := t.TempDir()
	c, file := card.New(dir), filepath.Join(dir, "H2611.CSV")
	for n := range 11 {
		if err := os.WriteFile(file, []byte("garbage\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		err := c.Write(rows(1, 1))
		if full := n == 10; full != errors.Is(err, card.ErrSpoilt) || !full && err != nil {
			t.Errorf("spoilt file %d: %v", n+1, err)
		}
	}
}
