package script_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/paywatt/paywatt/internal/device"
	"github.com/paywatt/paywatt/internal/device/link"
	"github.com/paywatt/paywatt/internal/device/memory"
	"github.com/paywatt/paywatt/internal/device/outbox"
	"github.com/paywatt/paywatt/internal/device/script"
	"github.com/paywatt/paywatt/meter"
	"github.com/paywatt/paywatt/meter/journal"
	"github.com/paywatt/paywatt/sts"
	"github.com/paywatt/paywatt/wire"
)

func testKey(t *testing.T) sts.Key {
	t.Helper()
	k, err := sts.NewKey(sts.EA07, []byte{1, 2, 3, 4, 5, 6, 7, 8})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func digits(t *testing.T, tid sts.TID, tenths int64) string {
	t.Helper()
	a, err := sts.EncodeTenths(tenths)
	if err != nil {
		t.Fatal(err)
	}
	token, err := sts.EncodeCredit(testKey(t), sts.Credit{TID: tid, Amount: a})
	if err != nil {
		t.Fatal(err)
	}
	return token.Reveal()
}

func newDevice(t *testing.T, image journal.Memory, keep int) *device.Device {
	t.Helper()
	keys := meter.NewKeys(testKey(t), meter.KeyInfo{Base: sts.Base2014, Type: sts.DUTK, KEN: 255})
	d, err := device.Open(device.Config{
		Number: "12345678903", Keys: &keys, Image: image, Log: memory.NewRAM(), Rand: strings.NewReader("12345678"),
		Now: time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC), Keep: keep, Phones: []string{"+254700000001"},
	})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// play runs a script and returns its state lines and messages.
func play(t *testing.T, d *device.Device, net script.Net, commands ...string) ([]device.View, string) {
	t.Helper()
	var out, messages bytes.Buffer
	in := strings.NewReader(strings.Join(commands, "\n"))
	if err := script.Run(t.Context(), d, net, in, &out, &messages); err != nil {
		t.Fatal(err)
	}
	return views(t, out.Bytes()), messages.String()
}

func views(t *testing.T, lines []byte) []device.View {
	t.Helper()
	var all []device.View
	for dec := json.NewDecoder(bytes.NewReader(lines)); ; {
		var v device.View
		if err := dec.Decode(&v); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatalf("state line: %v in %s", err, lines)
		}
		all = append(all, v)
	}
}

func TestEachCommandHasItsLine(t *testing.T) {
	d := newDevice(t, &memory.RAMImage{}, 0)
	got, messages := play(t, d, nil,
		"show", "load 1000", "key "+digits(t, 5_871_715, 100)+"#", "run 90m", "", "; a remark", "sms +254700000001 *01#", "show",
		"rtc 2027-01-01T00:00:00Z", "power off", "key 1", "run 1d", "power on", "run 1m30s", "quit")
	if len(got) != 13 {
		t.Fatalf("%d lines for 13 commands", len(got))
	}
	check := func(i int, ok bool, what string) {
		t.Helper()
		if !ok {
			t.Errorf("line %d: %s: %+v", i, what, got[i])
		}
	}
	check(0, got[0].Relay == "open" && got[0].T == "2026-11-20T08:00:00Z", "a new meter")
	check(2, got[2].LastToken == "accept" && got[2].Relay == "closed", "a token")
	check(3, got[3].RegisterWh == 1500 && got[3].BalanceWh == 8500 && got[3].T == "2026-11-20T09:30:00Z", "90 minutes of 1 kW")
	check(4, len(got[4].SMSOut) == 1 && got[4].SMSOut[0].Text == "Balance 8.5 kWh", "an SMS answer")
	check(5, got[5].SMSOut != nil && len(got[5].SMSOut) == 0, "no SMS since the line before")
	check(6, got[6].T == "2027-01-01T00:00:00Z", "the calendar set")
	check(7, got[7].LCD[0] == "", "no mains")
	check(9, got[9].T == "2027-01-02T00:00:00Z" && got[9].RegisterWh == 1500, "a day without mains")
	check(10, got[10].Relay == "open", "mains back, waiting")
	check(11, got[11].Relay == "closed", "waited")
	if want := "vmeter: key: the meter has no mains: the keypad is dead\n"; messages != want {
		t.Errorf("messages %q, want %q", messages, want)
	}
}

// TestTheStateLineHasItsKeys checks the names and the order of the fields in a state line. Other programs parse this line
// (docs/operate/virtual-meter.md#the-script).
func TestTheStateLineHasItsKeys(t *testing.T) {
	var out bytes.Buffer
	if err := script.Run(t.Context(), newDevice(t, &memory.RAMImage{}, 0), nil, strings.NewReader("show\n"), &out, io.Discard); err != nil {
		t.Fatal(err)
	}
	want := `{"t":"2026-11-20T08:00:00Z","register_wh":0,"balance_wh":0,"ec_used_wh":0,"overrun_wh":0,"relay":"open",` +
		`"reasons":["CREDIT"],"lcd":["CREDIT  0.00 kWh","LOAD 0 W"],"led":"fast","buzzer":"off","sms_out":[],"last_token":""}` + "\n"
	if out.String() != want {
		t.Errorf("got  %swant %s", out.String(), want)
	}
}

func TestWrongCommandsSaySoAndChangeNothing(t *testing.T) {
	wrong := []string{
		"dance", "load", "load much", "load -1", "load 1000001", "run", "run 5", "run -1h", "run 90000d", "key", "key 12a", "sms", "sms +1",
		"power", "power up", "rtc", "rtc yesterday", "rtc 1999-12-31T23:59:59Z", "wait", "wait relay", "wait colour=red 1s", "wait relay=open", "tamper", "tamper lid on", "tamper cover",
		"sync",
	}
	got, messages := play(t, newDevice(t, &memory.RAMImage{}, 0), nil, wrong...)
	if len(got) != len(wrong) || strings.Count(messages, "\n") != len(wrong) {
		t.Fatalf("%d lines and %d messages for %d wrong commands:\n%s", len(got), strings.Count(messages, "\n"), len(wrong), messages)
	}
	for i, v := range got {
		if v.T != "2026-11-20T08:00:00Z" || v.Relay != "open" || v.RegisterWh != 0 {
			t.Errorf("%q changed something: %+v", wrong[i], v)
		}
	}
}

func TestALineThatIsTooLongIsAWrongCommand(t *testing.T) {
	long := strings.Repeat("1", 200<<10)
	got, messages := play(t, newDevice(t, &memory.RAMImage{}, 0), nil, "load 5", "key "+long, "; "+long, "load "+long[:1<<10], "show")
	if len(got) != 4 || strings.Count(messages, "\n") != 2 {
		t.Fatalf("%d lines and messages %q for 4 commands, 2 of them wrong", len(got), messages)
	}
	if got[1].LCD[1] != "LOAD 0 W" || got[1].LastToken != "" {
		t.Errorf("a key press too long for a line did something: %+v", got[1])
	}
}

// net is a fake server.
type net struct {
	inbox chan link.Message
	box   *outbox.Box
	off   int
}

func (n *net) Messages() <-chan link.Message { return n.inbox }
func (n *net) Status() link.Status           { return link.Status{Connected: true} }
func (n *net) Power(on bool) {
	if !on {
		n.off++
	}
}

// acknowledge acknowledges up to a window of records every period, until ctx ends.
func (n *net) acknowledge(ctx context.Context, every time.Duration) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(every):
		}
		if next := n.box.Next(0); len(next) > 0 {
			n.box.Ack(wire.Ack{Seq: next[len(next)-1].Seq})
		}
	}
}

func TestSyncWaitsForTheServerHoweverLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDevice(t, &memory.RAMImage{}, 0)
		n := &net{inbox: make(chan link.Message), box: d.Box()}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		start := time.Now()
		go n.acknowledge(ctx, 25*time.Second)
		got, messages := play(t, d, n, "run 3d", "sync", "quit")
		if m := d.Box().Marks(); m.Waiting() != 0 || len(got) != 3 {
			t.Errorf("after sync %d records wait, %d lines", m.Waiting(), len(got))
		}
		// Three days of readings and the reading of sync are 147 records, which fill three windows.
		if took := time.Since(start); took != 75*time.Second {
			t.Errorf("sync took %v, want 75s", took)
		}
		if !strings.Contains(messages, "records are not acknowledged") {
			t.Errorf("sync waited in silence: %q", messages)
		}
	})
}

func TestARunWaitsRatherThanLoseRecords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDevice(t, &memory.RAMImage{}, 500)
		n := &net{inbox: make(chan link.Message), box: d.Box()}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go n.acknowledge(ctx, time.Second)
		play(t, d, n, "run 60d")
		if m := d.Box().Marks(); m.Dropped != 0 || m.Next < 2880 {
			t.Errorf("%d of %d records were lost although the server was there", m.Dropped, m.Next)
		}
	})
}

func TestTheNetworkIsHeardBetweenCommands(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDevice(t, &memory.RAMImage{}, 0)
		n := &net{inbox: make(chan link.Message), box: d.Box()}
		in, lines := io.Pipe()
		var out bytes.Buffer
		done := make(chan error, 1)
		go func() { done <- script.Run(t.Context(), d, n, in, &out, io.Discard) }()
		b, err := wire.EncodeTokenDown(wire.JSON, wire.TokenDown{Request: "tok_1", Digits: wire.Digits(digits(t, 5_871_715, 100))})
		if err != nil {
			t.Fatal(err)
		}
		n.inbox <- link.Message{Down: wire.DownToken, Topic: wire.DownTopic("12345678903", wire.DownToken), Payload: b}
		synctest.Wait()
		if m := d.Box().Marks(); m.Durable+1 != m.Next || m.Next < 3 {
			t.Errorf("the answer is not durable before the next command: %+v", m)
		}
		if _, err := io.WriteString(lines, "show\npower off\n"); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		got := views(t, out.Bytes())
		if len(got) != 2 || got[0].BalanceWh != 10_000 || got[0].T != "2026-11-20T08:00:00Z" || n.off != 1 {
			t.Errorf("got %+v, modem switched off %d times", got, n.off)
		}
		if err := lines.Close(); err != nil {
			t.Fatal(err)
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestWaitEndsWithItsConditionOrItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDevice(t, &memory.RAMImage{}, 0)
		n := &net{inbox: make(chan link.Message), box: d.Box()}
		go func() {
			time.Sleep(3 * time.Second) // virtual time of the synctest bubble
			b, err := wire.EncodeTokenDown(wire.JSON, wire.TokenDown{Request: "tok_1", Digits: wire.Digits(digits(t, 5_871_715, 100))})
			if err != nil {
				panic(err)
			}
			n.inbox <- link.Message{Down: wire.DownToken, Topic: wire.DownTopic("12345678903", wire.DownToken), Payload: b}
		}()
		start := time.Now()
		got, messages := play(t, d, n, "wait relay=closed 10s", "wait balance_wh=10000 1s", "wait reasons= 1s")
		if took := time.Since(start); took != 3*time.Second || got[0].Relay != "closed" || messages != "" {
			t.Errorf("took %v, relay %s, messages %q", took, got[0].Relay, messages)
		}
		start = time.Now()
		if _, messages = play(t, d, n, "wait relay=open 2s"); time.Since(start) != 2*time.Second || !strings.Contains(messages, "still closed") {
			t.Errorf("took %v, messages %q", time.Since(start), messages)
		}
	})
}

// worn is an image whose writes fail after a while.
type worn struct {
	memory.RAMImage
	now bool
}

func (w *worn) WriteAt(b []byte, at int64) (int, error) {
	if w.now {
		return 0, errors.New("input/output error")
	}
	return w.RAMImage.WriteAt(b, at)
}

func TestAFailedMemoryEndsTheScriptWithoutALine(t *testing.T) {
	w := &worn{}
	d := newDevice(t, w, 0)
	w.now = true
	var out bytes.Buffer
	err := script.Run(t.Context(), d, nil, strings.NewReader("key "+digits(t, 5_871_715, 100)+"#\nshow\n"), &out, io.Discard)
	if !errors.Is(err, device.ErrBroken) || out.Len() != 0 {
		t.Errorf("%v, wrote %q; want ErrBroken and no state that might not be true", err, out.String())
	}
}
