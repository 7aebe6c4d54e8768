package device_test

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/device"
	"github.com/paywatt/paywatt/internal/device/flight"
	"github.com/paywatt/paywatt/meter"
	"github.com/paywatt/paywatt/meter/journal"
	"github.com/paywatt/paywatt/sts"
	"github.com/paywatt/paywatt/wire"
	"pgregory.net/rapid"
)

func TestANewMeterIsActivatedWithoutCredit(t *testing.T) {
	d := open(t, newMedium())
	v := d.View()
	want := device.View{
		T: "2026-11-20T08:00:00Z", Relay: "open", Reasons: []string{"CREDIT"}, LCD: []string{"CREDIT  0.00 kWh", "LOAD 0 W"},
		LED: "fast", Buzzer: "off", SMSOut: []device.SMS{},
	}
	if !reflect.DeepEqual(v, want) {
		t.Errorf("got  %+v\nwant %+v", v, want)
	}
}

func TestATokenSwitchesTheSupplyOnAndIsUsedUp(t *testing.T) {
	d := open(t, newMedium())
	if got := enter(t, d, digits(t, 5_871_715, 256)); got != "accept" {
		t.Fatalf("token: %s", got)
	}
	if v := d.View(); v.BalanceWh != 25_600 || v.Relay != "closed" || len(v.Reasons) != 0 || v.LCD[0] != "ACCEPTED  +25.60" || v.LCD[1] != "CREDIT 25.60 kWh" {
		t.Errorf("after the token: %+v", v)
	}
	if got := enter(t, d, digits(t, 5_871_715, 256)); got != "used_error" || d.View().BalanceWh != 25_600 {
		t.Errorf("the same token again: %s, balance %d", got, d.View().BalanceWh)
	}
	r := last(t, d, wire.KindToken).Token
	if r.Result != "used_error" || r.Source != "keypad" || r.TID == nil || *r.TID != 5_871_715 || r.Request != "" {
		t.Errorf("reported %+v", r)
	}
}

func TestSupplyEndsAtTheVeryMomentTheCreditDoes(t *testing.T) {
	d := open(t, newMedium())
	enter(t, d, digits(t, 5_871_715, 10)) // 1 kWh
	load(t, d, 720)
	advance(t, d, 3*time.Hour)
	v := d.View()
	if v.RegisterWh != 1000 || v.BalanceWh != 0 || v.OverrunWh != 0 || v.Relay != "open" {
		t.Errorf("after 3 h of 720 W on 1 kWh: %+v", v)
	}
	for _, r := range records(t, d) {
		if r.Kind == wire.KindEvent && r.Event.Code == 401 {
			// 1 kWh at 720 W lasts 5,000 s
			if got, want := r.Event.At, testNow().Add(5000*time.Second).Unix(); got != want {
				t.Errorf("the relay opened at %d, want %d", got, want)
			}
			return
		}
	}
	t.Error("no event tells that the relay opened")
}

func TestReadingsComeEveryHalfHourOnTheirGrid(t *testing.T) {
	d := open(t, newMedium())
	advance(t, d, 24*time.Hour)
	var at []int64
	for _, r := range records(t, d) {
		if r.Kind == wire.KindReading {
			at = append(at, r.Head.At-testNow().Unix())
		}
	}
	if len(at) != 49 {
		t.Fatalf("%d readings in a day, want one at the start and 48", len(at))
	}
	for i, s := range at {
		if s != int64(i)*1800 {
			t.Errorf("reading %d came %d s after the start, want %d", i, s, i*1800)
		}
	}
}

// TestTimeInPiecesIsTheSameTime cuts the same day into random pieces. All records and the final state must be the same.
func TestTimeInPiecesIsTheSameTime(t *testing.T) {
	whole := open(t, newMedium())
	day := func(d *device.Device, pieces func(time.Duration)) (uint64, []wire.Record) {
		enter(t, d, digits(t, 5_871_715, 210))
		load(t, d, 1234)
		pieces(20 * time.Hour)
		s := d.State()
		return meter.Hash(&s), records(t, d)
	}
	wantHash, wantRecords := day(whole, func(total time.Duration) { advance(t, whole, total) })
	rapid.Check(t, func(rt *rapid.T) {
		d := open(t, newMedium())
		hash, recs := day(d, func(total time.Duration) {
			for total > 0 {
				piece := min(total, time.Duration(rapid.Int64Range(1, 4_000_000).Draw(rt, "ms"))*time.Millisecond)
				advance(t, d, piece)
				total -= piece
			}
		})
		if !reflect.DeepEqual(recs, wantRecords) {
			rt.Fatalf("%d records, want the %d of one piece", len(recs), len(wantRecords))
		}
		if hash != wantHash {
			rt.Fatalf("state hash %x, want %x", hash, wantHash)
		}
	})
}

func TestEverythingIsThereAfterARestart(t *testing.T) {
	m := newMedium()
	d := open(t, m)
	enter(t, d, digits(t, 5_871_715, 256))
	load(t, d, 900)
	advance(t, d, 5*time.Hour)
	must(t, d.Flush())
	d.Box().Ack(wire.Ack{Seq: 4})
	before, beforeMarks := d.View(), d.Box().Marks()
	must(t, d.Close())
	d = open(t, m)
	after := d.View()
	if after.T != before.T || after.RegisterWh != before.RegisterWh || after.BalanceWh != before.BalanceWh || after.Relay != "closed" {
		t.Errorf("after  %+v\nbefore %+v", after, before)
	}
	if got := d.Box().Marks(); got.Acked != 4 || got.Lowest != beforeMarks.Lowest || got.Next <= beforeMarks.Next {
		t.Errorf("outbox %+v, before %+v", got, beforeMarks)
	}
	for _, r := range records(t, d) {
		if r.Kind == wire.KindEvent && r.Event.Code == 104 {
			t.Error("an orderly end counted as an unclean boot")
		}
	}
	if b := d.Box().Boot(); b.Boot != 2 || b.Memory != "3132333435363738" || b.Reset != "update" || b.Key == nil || *b.Key.SGC != "123456" || *b.Key.TI != "01" {
		t.Errorf("boot message %+v", b)
	}
	if got := enter(t, d, digits(t, 5_871_715, 256)); got != "used_error" {
		t.Errorf("the token after the restart: %s", got)
	}
}

func TestWhatWasFlushedIsNeverTakenBack(t *testing.T) {
	m := newMedium()
	d := open(t, m)
	enter(t, d, digits(t, 5_871_715, 256))
	for range 5 {
		enter(t, d, wrongDigits(t)) // locks the keypad for 10 minutes of powered-on time
	}
	load(t, d, 720)
	// Less than the 100 Wh and the 15 min after which the core itself asks for a snapshot.
	advance(t, d, 7*time.Minute)
	must(t, d.Flush())
	m.lose()
	again := open(t, m)
	if got, want := again.View().RegisterWh, d.View().RegisterWh; got != want || got == 0 {
		t.Errorf("register %d after the plug was pulled, want the %d that were flushed", got, want)
	}
	s := again.State()
	if got, want := s.LockedFor(meter.Keypad), uint64(3*time.Minute/time.Millisecond); got != want {
		t.Errorf("the keypad is locked for another %d ms, want the %d that were left", got, want)
	}
}

// TestAPowerCutAtEveryByteOfATokenEntry cuts the mains at each byte that entering a token writes. The token is credited
// at most once, and never lost once the meter has shown it as accepted.
func TestAPowerCutAtEveryByteOfATokenEntry(t *testing.T) {
	base := newMedium()
	d := open(t, base)
	enter(t, d, digits(t, 5_871_000, 10))
	load(t, d, 500)
	advance(t, d, 31*time.Minute)
	must(t, d.Flush())
	token := digits(t, 5_871_715, 256)
	for n := 0; ; n++ {
		m := base.clone()
		d := open(t, m)
		before := d.View().BalanceWh
		m.budget = n
		shown, done := enterUntilCut(t, d, token)
		m.lose()
		d = open(t, m)
		got := d.View().BalanceWh
		if got != before && got != before+25_600 {
			t.Fatalf("cut at byte %d: balance %d, before %d", n, got, before)
		}
		if shown && got == before {
			t.Fatalf("cut at byte %d: the meter had shown the token as accepted, and it is gone", n)
		}
		checkOutbox(t, d, n)
		result := enter(t, d, token)
		if want := map[bool]string{true: "used_error", false: "accept"}[got != before]; result != want {
			t.Fatalf("cut at byte %d: token again: %s, want %s", n, result, want)
		}
		if got := d.View().BalanceWh; got != before+25_600 {
			t.Fatalf("cut at byte %d: balance in the end %d, want %d", n, got, before+25_600)
		}
		if done {
			t.Logf("%d bytes are written by one token", n)
			return
		}
	}
}

// enterUntilCut types a token into a meter whose mains may fail meanwhile. The first result reports whether the display showed
// that the token was accepted. The second result reports whether the mains stayed on.
func enterUntilCut(t *testing.T, d *device.Device, token string) (shown, done bool) {
	t.Helper()
	defer func() {
		if r := recover(); r != nil {
			if _, is := r.(cut); !is {
				panic(r)
			}
			shown = d.View().LastToken == "accept"
		}
	}()
	result := enter(t, d, token)
	must(t, d.Flush())
	return result == "accept", true
}

// checkOutbox checks that the sequence numbers have no gap and that the accepted token is reported exactly once.
func checkOutbox(t *testing.T, d *device.Device, n int) {
	t.Helper()
	var accepted int
	for i, r := range records(t, d) {
		if want := uint64(i + 1); r.Head.Seq != want {
			t.Fatalf("cut at byte %d: record %d where %d belongs", n, r.Head.Seq, want)
		}
		if r.Kind == wire.KindToken && r.Token.Result == "accept" && *r.Token.TID == 5_871_715 {
			accepted++
		}
	}
	if credited := d.View().BalanceWh > 2000; credited != (accepted == 1) || accepted > 1 {
		t.Fatalf("cut at byte %d: credited %v, reported %d times", n, credited, accepted)
	}
}

func TestAFullDiskStillTakesATokenAndPublishesNothing(t *testing.T) {
	m := newMedium()
	d := open(t, m)
	m.full = true
	if got := enter(t, d, digits(t, 5_871_715, 256)); got != "accept" {
		t.Fatalf("on a full disk: %s; the image has its room", got)
	}
	if err := d.Flush(); !errors.Is(err, errFull) || errors.Is(err, device.ErrBroken) {
		t.Errorf("Flush on a full disk: %v, want an error that may pass", err)
	}
	durable := d.Box().Marks().Durable
	advance(t, d, time.Hour)
	if got := d.Box().Marks().Durable; got != durable {
		t.Errorf("records up to %d may be published, but nothing was durable after %d", got, durable)
	}
	crashed := m.clone()
	again := open(t, crashed)
	if v := again.View(); v.BalanceWh != 25_600 {
		t.Errorf("after a crash on the full disk the balance is %d", v.BalanceWh)
	}
	if r := last(t, again, wire.KindToken).Token; r.Result != "accept" || r.UnitsWh != 25_600 {
		t.Errorf("after a crash the server is told %+v", r)
	}
	m.full = false
	must(t, d.Flush())
	if got := d.Box().Marks(); got.Durable+1 != got.Next {
		t.Errorf("with room again durable is %d of %d", got.Durable, got.Next-1)
	}
}

func TestAWornMemoryStopsTheMeter(t *testing.T) {
	m := newMedium()
	d := open(t, m)
	m.worn = true
	err := d.Keys(digits(t, 5_871_715, 256) + "#")
	if !errors.Is(err, device.ErrBroken) || d.View().LastToken != "" || d.View().BalanceWh != 0 {
		t.Fatalf("%v, result %q, balance %d; want ErrBroken and no answer", err, d.View().LastToken, d.View().BalanceWh)
	}
	for name, err := range map[string]error{
		"Flush": d.Flush(), "Advance": d.Advance(time.Hour, nil), "Close": d.Close(), "SetLoad": d.SetLoad(1), "Err": d.Err(),
	} {
		if !errors.Is(err, device.ErrBroken) {
			t.Errorf("%s afterwards: %v, want ErrBroken", name, err)
		}
	}
	m.lose()
	if got := enter(t, open(t, m), digits(t, 5_871_715, 256)); got != "accept" {
		t.Errorf("on a good memory again: %s", got)
	}
}

func TestALostOutboxGetsANewName(t *testing.T) {
	m := newMedium()
	d := open(t, m)
	enter(t, d, digits(t, 5_871_715, 256))
	advance(t, d, 48*time.Hour)
	must(t, d.Close())
	next := d.Box().Marks().Next
	m.log = nil
	c := config(t, m)
	c.Rand = strings.NewReader("abcdefgh")
	d, err := device.Open(c)
	must(t, err)
	b := d.Box().Boot()
	if b.Memory != "6162636465666768" || b.Lowest < next {
		t.Errorf("boot message %+v, want another store and numbers from %d", b, next)
	}
	if v := d.View(); v.BalanceWh != 25_600 || v.T != "2026-11-22T08:00:00Z" {
		t.Errorf("%+v: the credit and the time were in the other memory", v)
	}
}

func TestALostImageIsNoNewMeter(t *testing.T) {
	m := newMedium()
	d := open(t, m)
	enter(t, d, digits(t, 5_871_715, 10))
	must(t, d.Close())
	for name, image := range map[string][]byte{"deleted": nil, "erased": bytes.Repeat([]byte{0xff}, journal.Size), "cut short": m.image[:100]} {
		lost := m.clone()
		lost.image = image
		// A new meter would accept the used token again.
		if _, err := device.Open(config(t, lost)); !errors.Is(err, journal.ErrDamaged) {
			t.Errorf("image %s: got %v, want %v", name, err, journal.ErrDamaged)
		}
	}
}

func TestAHoleInTheOutboxIsFilledNotReused(t *testing.T) {
	m := newMedium()
	d := open(t, m)
	advance(t, d, 5*time.Hour)
	must(t, d.Flush())
	// Spoil one byte of the fourth record, as a worn medium would.
	at := bytes.Index(m.log, []byte(`"seq":4,`))
	if at < 0 {
		t.Fatal("record 4 is not in the log")
	}
	m.log[at] ^= 1
	d = open(t, m)
	for i, r := range records(t, d) {
		if r.Head.Seq != uint64(i+1) {
			t.Fatalf("record %d where %d belongs", r.Head.Seq, i+1)
		}
		if isFiller := r.Kind == wire.KindEvent && r.Event.Code == 702 && r.Event.Args["lost"] == "record"; isFiller != (r.Head.Seq == 4) {
			t.Errorf("record %d: filler is %v", r.Head.Seq, isFiller)
		}
	}
}

func TestAMemoryBelongsToOneMeterAndOneKey(t *testing.T) {
	m := newMedium()
	must(t, open(t, m).Close())
	c := config(t, m)
	c.Number = "04140001001"
	if _, err := device.Open(c); !errors.Is(err, device.ErrNumber) {
		t.Errorf("another number: %v, want ErrNumber", err)
	}
	c = config(t, m)
	k, err := sts.NewKey(sts.EA07, make([]byte, 8))
	must(t, err)
	other := meter.NewKeys(k, testKeys(t).Info())
	c.Keys = &other
	if _, err := device.Open(c); !errors.Is(err, device.ErrKey) {
		t.Errorf("another key: %v, want ErrKey", err)
	}
	c = config(t, m)
	c.Keys = nil
	if _, err := device.Open(c); err != nil {
		t.Errorf("without naming the key: %v", err)
	}
	c = config(t, newMedium())
	c.Keys = nil
	if _, err := device.Open(c); !errors.Is(err, device.ErrKey) {
		t.Errorf("a new meter without a key: %v, want ErrKey", err)
	}
	c = config(t, newMedium())
	c.Number = "12345678904"
	if _, err := device.Open(c); !errors.Is(err, device.ErrNumber) {
		t.Errorf("a number with a wrong check digit: %v, want ErrNumber", err)
	}
	m.image = bytes.Repeat([]byte{0xEE}, journal.Size)
	if _, err := device.Open(config(t, m)); !errors.Is(err, journal.ErrDamaged) {
		t.Errorf("a spoilt image: %v, want ErrDamaged", err)
	}
}

func TestTokensFromBeforeItWasMadeAreTooOld(t *testing.T) {
	c := config(t, newMedium())
	c.Made = time.Date(2026, 11, 20, 7, 0, 0, 0, time.UTC)
	d, err := device.Open(c)
	must(t, err)
	tid, err := sts.Base2014.TIDAt(c.Made)
	must(t, err)
	if got := enter(t, d, digits(t, tid-2, 10)); got != "old_error" {
		t.Errorf("two minutes before: %s", got)
	}
	if got := enter(t, d, digits(t, tid, 10)); got != "accept" {
		t.Errorf("the minute of manufacture: %s", got)
	}
}

func TestWithoutMainsNothingHappensAndNothingIsForgotten(t *testing.T) {
	m := newMedium()
	d := open(t, m)
	enter(t, d, digits(t, 5_871_715, 256))
	load(t, d, 1000)
	advance(t, d, time.Hour)
	must(t, d.Power(false))
	if err := d.Keys("1"); !errors.Is(err, device.ErrOff) {
		t.Errorf("a key without mains: %v, want ErrOff", err)
	}
	if err := d.SMS("+1", "*01#"); !errors.Is(err, device.ErrOff) {
		t.Errorf("a message without mains: %v, want ErrOff", err)
	}
	advance(t, d, 10*time.Hour)
	if v := d.View(); v.RegisterWh != 1000 || v.LCD[0] != "" || v.T != "2026-11-20T19:00:00Z" {
		t.Errorf("without mains: %+v", v)
	}
	must(t, d.Power(true))
	// After a power cut the relay stays open for 2 to 61 s. The exact time depends on the meter number.
	if v := d.View(); v.Relay != "open" || v.BalanceWh != 24_600 {
		t.Errorf("at the start: %+v", v)
	}
	advance(t, d, 65*time.Second)
	if v := d.View(); v.Relay != "closed" {
		t.Errorf("a minute later: %+v", v)
	}
	if b := d.Box().Boot(); b.Reset != "power" || b.Boot != 2 {
		t.Errorf("boot message %+v", b)
	}
	// If the process ends while the meter has no mains, the next start counts as the return of the mains.
	must(t, d.Power(false))
	must(t, d.Close())
	d = open(t, m)
	if b := d.Box().Boot(); b.Reset != "power" || !d.On() {
		t.Errorf("started with %+v, on %v", b, d.On())
	}
}

func TestTheCalendarCanBeSet(t *testing.T) {
	m := newMedium()
	d := open(t, m)
	must(t, d.SetClock(time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)))
	advance(t, d, time.Hour)
	must(t, d.Flush())
	if got := open(t, m).View().T; got != "2030-01-01T01:00:00Z" {
		t.Errorf("after a restart it is %s", got)
	}
}

func TestNeitherKeyNorDigitsLeaveTheirPlace(t *testing.T) {
	m := newMedium()
	c := config(t, m)
	var tape bytes.Buffer
	c.Recorder = flight.NewRecorder(&tape)
	d, err := device.Open(c)
	must(t, err)
	token := digits(t, 5_871_715, 256)
	enter(t, d, token)
	must(t, d.SMS("+254700000001", "*02#"+digits(t, 5_871_716, 10)))
	must(t, d.Close())
	key := []byte{0x0A, 0xBC, 0x12, 0xDE, 0xF3, 0x45, 0x67, 0x89}
	for where, b := range map[string][]byte{
		"log": m.log, "recording": tape.Bytes(), "view": fmt.Append(nil, d.View()),
	} {
		for _, secret := range [][]byte{key, []byte("0abc12def3456789"), []byte("0ABC12DEF3456789"), []byte(token), []byte(token[:12])} {
			if bytes.Contains(b, secret) {
				t.Errorf("%s holds the secret %q", where, secret)
			}
		}
	}
}

func TestARecordingLeadsToTheSameState(t *testing.T) {
	c := config(t, newMedium())
	var tape bytes.Buffer
	c.Recorder = flight.NewRecorder(&tape)
	d, err := device.Open(c)
	must(t, err)
	enter(t, d, digits(t, 5_871_715, 50))
	enter(t, d, wrongDigits(t))
	load(t, d, 777)
	advance(t, d, 10*time.Hour)
	must(t, d.SMS("+254700000001", "*02#"+digits(t, 5_871_716, 10)))
	must(t, d.Power(false))
	must(t, d.Power(true))
	advance(t, d, 3*time.Hour)
	must(t, d.Flush())
	s := d.State()
	r, err := flight.Replay(bytes.NewReader(tape.Bytes()))
	must(t, err)
	if want := fmt.Sprintf("%016x", meter.Hash(&s)); r.Hash != want || !r.Matches() || r.Boots != 2 || r.Events < 50 {
		t.Errorf("replay %+v, want hash %s", r, want)
	}
	forged := bytes.Replace(tape.Bytes(), []byte(`"Pulses":`), []byte(`"Pulses":1`), 1)
	if r, err := flight.Replay(bytes.NewReader(forged)); err != nil || r.Matches() || r.Differs == 0 {
		t.Errorf("a changed recording: %+v, %v, want a difference", r, err)
	}
}
