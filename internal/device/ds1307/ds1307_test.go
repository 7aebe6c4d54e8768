package ds1307_test

import (
	"errors"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/device/board"
	"github.com/paywatt/paywatt/internal/device/ds1307"
)

var _ board.Clock = (*ds1307.Clock)(nil)

func TestANewChipStandsStillUntilItIsSet(t *testing.T) {
	chip := ds1307.NewChip()
	c := ds1307.New(chip)
	chip.Pass(3_600_000)
	at, running, err := c.Read()
	if err != nil || running || !at.Equal(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)) {
		t.Fatalf("a new chip an hour on: %v, running %v, %v; want the beginning of 2000, standing still", at, running, err)
	}
	var seconds [1]byte
	if err := chip.ReadRegisters(0, seconds[:]); err != nil || seconds[0] != 0x80 {
		t.Errorf("register 0 of a new chip: %#x, %v; want CH alone", seconds[0], err)
	}
	want := time.Date(2026, 11, 20, 8, 30, 59, 0, time.UTC)
	if err := c.Set(want); err != nil {
		t.Fatal(err)
	}
	if at, running, err := c.Read(); err != nil || !running || !at.Equal(want) {
		t.Errorf("after Set(%v): %v, running %v, %v", want, at, running, err)
	}
}

func TestRegistersAreThoseOfTheDataSheet(t *testing.T) {
	chip := ds1307.NewChip()
	if err := ds1307.New(chip).Set(time.Date(2026, 11, 20, 18, 30, 59, 0, time.UTC)); err != nil { // a Friday
		t.Fatal(err)
	}
	var r [7]byte
	if err := chip.ReadRegisters(0, r[:]); err != nil {
		t.Fatal(err)
	}
	if want := [7]byte{0x59, 0x30, 0x18, 0x06, 0x20, 0x11, 0x26}; r != want {
		t.Errorf("registers % x, want % x", r, want)
	}
	// Somebody else may have set the chip in twelve-hour form.
	for hours, want := range map[byte]int{0x52: 0, 0x41: 1, 0x51: 11, 0x72: 12, 0x61: 13, 0x71: 23} {
		if err := chip.WriteRegisters(2, []byte{hours}); err != nil {
			t.Fatal(err)
		}
		if at, _, err := ds1307.New(chip).Read(); err != nil || at.Hour() != want {
			t.Errorf("hours register %#x: %v, %v; want hour %d", hours, at, err, want)
		}
	}
}

// registers is a bus with fixed contents.
type registers [7]byte

func (r registers) ReadRegisters(from byte, b []byte) error { copy(b, r[from:]); return nil }
func (r registers) WriteRegisters(byte, []byte) error       { return errors.New("nobody there") }

func TestNonsenseInTheRegistersIsNoTime(t *testing.T) {
	good := registers{0x59, 0x30, 0x18, 0x06, 0x20, 0x11, 0x26}
	for name, change := range map[string]func(*registers){
		"no decimal digit":      func(r *registers) { r[1] = 0x3A },
		"61st second":           func(r *registers) { r[0] = 0x61 },
		"hour 24":               func(r *registers) { r[2] = 0x24 },
		"hour 13 of twelve":     func(r *registers) { r[2] = 0x53 },
		"31st of November":      func(r *registers) { r[4] = 0x31 },
		"month 0":               func(r *registers) { r[5] = 0 },
		"a bus that reads ones": func(r *registers) { *r = registers{255, 255, 255, 255, 255, 255, 255} },
	} {
		r := good
		change(&r)
		if at, running, err := ds1307.New(r).Read(); !errors.Is(err, ds1307.ErrRegisters) || running {
			t.Errorf("%s: %v, running %v, %v; want no time", name, at, running, err)
		}
	}
	if err := ds1307.New(good).Set(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)); err == nil {
		t.Error("a bus that nobody answers has set a clock")
	}
	for _, year := range []int{1999, 2100} {
		if err := ds1307.New(ds1307.NewChip()).Set(time.Date(year, 6, 1, 0, 0, 0, 0, time.UTC)); !errors.Is(err, ds1307.ErrYear) {
			t.Errorf("set to %d: %v; want %v", year, err, ds1307.ErrYear)
		}
	}
}

func TestACrystalIsFastOrSlow(t *testing.T) {
	const day = 86_400_000
	for _, tt := range []struct {
		ppm  int32
		want time.Duration // the error after 100 days
	}{{0, 0}, {20, 172_800 * time.Millisecond}, {-20, -172_800 * time.Millisecond}} {
		chip := ds1307.NewChip()
		c := ds1307.New(chip)
		begin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		if err := c.Set(begin); err != nil {
			t.Fatal(err)
		}
		chip.SetDrift(tt.ppm)
		for range 100 {
			// Time passes in pieces of different sizes, and no fraction of a millisecond is lost.
			for range 24 * 4 {
				c.Pass(day / 96 / 3)
				c.Pass(day/96 - day/96/3)
			}
		}
		if got := time.UnixMilli(chip.Saved().At).Sub(begin.AddDate(0, 0, 100)); got != tt.want {
			t.Errorf("%d ppm: %v after 100 days, want %v", tt.ppm, got, tt.want)
		}
	}
}

func TestTheBatteryKeepsTimeAndAnEmptyOneLosesIt(t *testing.T) {
	chip := ds1307.NewChip()
	begin := time.Date(2026, 12, 31, 23, 59, 0, 0, time.UTC)
	if err := ds1307.New(chip).Set(begin); err != nil {
		t.Fatal(err)
	}
	chip.Pass(90_500)
	again := ds1307.Restore(chip.Saved())
	again.Pass(500)
	if at, running, err := ds1307.New(again).Read(); err != nil || !running || !at.Equal(begin.Add(91*time.Second)) {
		t.Errorf("after the battery kept it: %v, running %v, %v", at, running, err)
	}
	again.Halt()
	again.Pass(60_000)
	if at, running, err := ds1307.New(again).Read(); err != nil || running || !at.Equal(begin.Add(91*time.Second)) {
		t.Errorf("with an empty battery: %v, running %v, %v; want it to stand", at, running, err)
	}
}

func TestTheRAMBehindTheTimeIsKept(t *testing.T) {
	chip := ds1307.NewChip()
	if err := chip.WriteRegisters(62, []byte{1, 2}); err != nil {
		t.Fatal(err)
	}
	var b [3]byte
	if err := chip.ReadRegisters(61, b[:]); err != nil || b != [3]byte{0, 1, 2} {
		t.Errorf("RAM at 61: %v, %v; want 0 1 2", b, err)
	}
	// The year has two digits: 2099 is followed by 2000.
	if err := ds1307.New(chip).Set(time.Date(2099, 12, 31, 23, 59, 59, 0, time.UTC)); err != nil {
		t.Fatal(err)
	}
	chip.Pass(1000)
	if at, _, err := ds1307.New(chip).Read(); err != nil || at.Year() != 2000 {
		t.Errorf("after 2099: %v, %v; want 2000", at, err)
	}
}
