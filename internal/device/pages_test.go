package device_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/device"
	"github.com/paywatt/paywatt/internal/device/board"
	"github.com/paywatt/paywatt/internal/device/card"
)

// menu2 pages through the history as a customer does, and returns the pages.
func menu2(t *testing.T, d *device.Device) (all []string) {
	t.Helper()
	must(t, d.Keys("**"))
	for must(t, d.Keys("*2")); ; must(t, d.Keys("#")) {
		shown := strings.Join(d.View().LCD, "|")
		if len(all) > 300 || len(all) > 0 && shown == all[0] {
			must(t, d.Keys("*"))
			return all
		}
		all = append(all, shown)
	}
}

// days lets a meter run for n days and flushes it every 4 hours.
func days(t *testing.T, d *device.Device, n int) {
	t.Helper()
	for range n * 6 {
		advance(t, d, 4*time.Hour)
		must(t, d.Flush())
	}
}

// withCard returns a meter with a card in its own folder. It is 70 days old and has used 4.80 kWh a day.
func withCard(t *testing.T, m *medium) (d *device.Device, dir string) {
	t.Helper()
	dir = t.TempDir()
	d = onBoard(t, m, board.Board{Card: card.New(dir)})
	token := digits(t, 5_871_715, 10_000)
	enter(t, d, token)
	enter(t, d, token)
	load(t, d, 200)
	days(t, d, 70)
	return d, dir
}

func TestMenu2ShowsTheDaysAndMonthsThatAreKept(t *testing.T) {
	d, _ := withCard(t, newMedium()) // the meter has run since 2026-11-20; its calendar shows 2027-01-29
	got := menu2(t, d)
	for i, row := range ringsOf(d).days {
		want := fmt.Sprintf("DAY %s|%*s kWh", time.Unix(int64(row.Date)*86_400, 0).UTC().Format("02.01.2006"), 12, row.Used.KWh(2))
		if !slices.Contains(got, want) {
			t.Fatalf("day %d of 62 is not shown: want %q in %q", i, want, got)
		}
	}
	for _, want := range []string{
		"TODAY|        1.60 kWh", "YESTERDAY|        4.80 kWh", "DAY 28.01.2027|        4.80 kWh", "DAY 28.11.2026|        4.80 kWh",
		"MONTH 12.2026|      148.80 kWh", "MONTH 11.2026|       51.20 kWh",
	} {
		if !slices.Contains(got, want) {
			t.Errorf("menu 2 does not show %q", want)
		}
	}
}

// TestTheMemoryCardIsReadOnTheDisplay checks that the display shows each month that has a file on the card, also months
// that the memory has dropped. Spoilt lines are skipped and counted. A missing card is reported, and the meter
// continues to work.
func TestTheMemoryCardIsReadOnTheDisplay(t *testing.T) {
	d, dir := withCard(t, newMedium())
	expect := func(when string, want ...string) {
		t.Helper()
		var cards []string
		for _, p := range menu2(t, d) {
			if strings.Contains(p, "CARD") {
				cards = append(cards, p)
			}
		}
		if !slices.Equal(cards, want) {
			t.Errorf("%s the card shows %q, want %q", when, cards, want)
		}
	}
	expect("whole", "CARD 01.2027|      134.40 kWh", "CARD 12.2026|      148.80 kWh", "CARD 11.2026|       51.20 kWh")

	// A file of a month that the memory dropped long ago.
	lines := []string{card.Header}
	for seq, day := range []string{"2024-02-27", "2024-02-28", "2024-02-29"} {
		at, err := time.Parse(time.DateOnly, day)
		must(t, err)
		lines = append(lines, card.Format(board.Row{Seq: uint64(seq + 1), At: at.Add(24 * time.Hour), Kind: "close", Clock: "valid",
			Record: fmt.Sprintf(`{"seq":%d,"at":1,"up":1,"clock":"valid","date":%q,"register_wh":%d,"used_wh":1500}`, seq+1, day, 1500*(seq+1))}))
	}
	// The last day of a month is closed in the next month.
	must(t, os.WriteFile(filepath.Join(dir, "H2402.CSV"), []byte(strings.Join(lines[:3], "\n")+"\n"), 0o600))
	must(t, os.WriteFile(filepath.Join(dir, "H2403.CSV"), []byte(lines[0]+"\n"+lines[3]+"\n"), 0o600))
	must(t, os.WriteFile(filepath.Join(dir, "H2413.CSV"), []byte("no month"), 0o600))
	old := []string{"CARD 03.2024|         UNKNOWN", "CARD 02.2024|        4.50 kWh"}
	expect("with an old month", append([]string{"CARD 01.2027|      134.40 kWh", "CARD 12.2026|      148.80 kWh", "CARD 11.2026|       51.20 kWh"}, old...)...)

	name := filepath.Join(dir, "H2612.CSV")
	b, err := os.ReadFile(name)
	must(t, err)
	at := bytes.Index(b, []byte(",close,"))
	b[at+1] = 'k' // the close of November's last day
	must(t, os.WriteFile(name, b, 0o600))
	expect("with a spoilt line", append([]string{"CARD 01.2027|      134.40 kWh", "CARD 12.2026|1 BAD 148.80 kWh", "CARD 11.2026|1 BAD  46.40 kWh"}, old...)...)
	must(t, os.WriteFile(name, bytes.Repeat([]byte{0xff}, 3<<20), 0o600))
	expect("with a file of nothing", append([]string{"CARD 01.2027|      134.40 kWh", "CARD 12.2026|1 BAD   4.80 kWh", "CARD 11.2026|1 BAD  46.40 kWh"}, old...)...)

	must(t, os.Rename(dir, dir+"-away"))
	expect("pulled", "MEMORY CARD|CANNOT BE READ")
	register := d.View().RegisterWh
	days(t, d, 1)
	if got := d.View().RegisterWh; got < register+4700 {
		t.Errorf("a day without the card counted %d Wh", got-register)
	}
	must(t, os.Rename(dir+"-away", dir))
	if got := menu2(t, open(t, newMedium())); slices.ContainsFunc(got, func(p string) bool { return strings.Contains(p, "CARD") }) {
		t.Errorf("a meter without a slot shows %q", got)
	}
}

// TestMenu5HidesAllThatMenu2Showed checks that menu 5 hides every page, including the pages of the card, and the
// current day's use so far. Nothing else changes: no counter, row, record or byte of the card.
func TestMenu5HidesAllThatMenu2Showed(t *testing.T) {
	m := newMedium()
	d, dir := withCard(t, m)
	shown := menu2(t, d)
	if len(shown) < 60 {
		t.Fatalf("before it menu 2 shows %q", shown)
	}
	must(t, d.Flush())
	before, told, kept := d.State(), records(t, d), ringsOf(d)
	files := readAll(t, dir)
	must(t, d.Keys("*5##"))
	onDisplay(t, d, "HISTORY CLEARED", "CREDIT AS BEFORE")
	must(t, d.Flush())
	for range 2 {
		if after := d.State(); after != before {
			t.Errorf("menu 5 changes the state:\n%+v\n%+v", before, after)
		}
		if !reflect.DeepEqual(ringsOf(d), kept) || d.Box().Marks().Next != told[len(told)-1].Head.Seq+1 {
			t.Errorf("menu 5 changes rows or records")
		}
		if !reflect.DeepEqual(readAll(t, dir), files) {
			t.Error("menu 5 changes the card")
		}
		want := []string{"TODAY|        0.00 kWh", "YESTERDAY|UNKNOWN", "THIS MONTH|        0.00 kWh", "NO TOKENS YET|* BACK", "# MORE  8 BACK|9 SKIP  * LEAVE", "CARD 01.2027|         UNKNOWN"}
		if got := menu2(t, d); !slices.Equal(got, want) {
			t.Errorf("after menu 5 it shows %q, want %q", got, want)
		}
		must(t, d.SMS("+254700000001", "*04#"))
		must(t, d.SMS("+254700000001", "*05#"))
		if sms := d.TakeSMS(); len(sms) < 2 || sms[len(sms)-2].Text != "No tokens yet." || sms[len(sms)-1].Text != "Used this month 0.0 kWh, today 0.0 kWh." {
			t.Errorf("after menu 5 the messages say %+v", sms)
		}
		d = onBoard(t, m, board.Board{Card: card.New(dir)}) // after a restart the pages still hide the same history; only events are added
		load(t, d, 200)
		before, kept.events, files = d.State(), ringsOf(d).events, readAll(t, dir)
		told = records(t, d)
	}
	// What comes afterwards is shown. For the day of the clearing only the use since then is shown: 16 h from 08:00 on.
	enter(t, d, digits(t, 5_871_716, 10))
	days(t, d, 2)
	want := []string{
		"TODAY|        1.60 kWh", "YESTERDAY|        4.80 kWh", "DAY 30.01.2027|        4.80 kWh", "DAY 29.01.2027|        3.20 kWh",
		"THIS MONTH|        9.60 kWh", "CARD 01.2027|        8.00 kWh",
	}
	got := menu2(t, d)
	for _, w := range want {
		if !slices.Contains(got, w) {
			t.Errorf("two days later it does not show %q in %q", w, got)
		}
	}
	if tokens := slices.ContainsFunc(got, func(p string) bool { return strings.Contains(p, "+1.00 kWh") }); !tokens || slices.ContainsFunc(got, func(p string) bool { return strings.Contains(p, "1000.00") }) {
		t.Errorf("of the tokens it shows %q, want the new one only", got)
	}
}

func readAll(t *testing.T, dir string) map[string]string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*"))
	must(t, err)
	all := map[string]string{}
	for _, name := range names {
		b, err := os.ReadFile(name)
		must(t, err)
		all[name] = string(b)
	}
	return all
}
