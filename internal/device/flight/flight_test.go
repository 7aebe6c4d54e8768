package flight_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/device/flight"
	"github.com/paywatt/paywatt/meter"
	"github.com/paywatt/paywatt/sts"
)

// recording returns the recording of a meter that starts, uses 5 Wh and is about to answer a wrong token.
func recording(t testing.TB, checks bool) string {
	t.Helper()
	var tape bytes.Buffer
	r := flight.NewRecorder(&tape)
	c := meter.DefaultConfig()
	s := meter.New(meter.KeyInfo{Base: sts.Base2014, Type: sts.DUTK, KEN: 255}, &c, 1000)
	r.Boot(&c, &s)
	for _, ev := range []meter.Event{
		{Kind: meter.EventPowerRestore, Reset: meter.ResetUpdate, NextSeq: 1, At: 1_795_161_600, Clock: meter.ClockValid},
		{Kind: meter.EventPower, Power: 500, Voltage: 230_000},
		{Kind: meter.EventPulses, Pulses: 5, Up: 36_000},
		{Kind: meter.EventToken, Up: 40_000, Source: meter.Keypad, Opened: sts.Opened{Result: sts.CRCError, Class: 2}},
	} {
		r.Event(&ev)
		meter.Step(&c, &s, ev, nil)
	}
	c.Low1 = 7
	r.Config(&c)
	ev := meter.Event{Kind: meter.EventWake, Up: 50_000}
	r.Event(&ev)
	meter.Step(&c, &s, ev, nil)
	if checks {
		for range 2 { // the second check has no new event and is not written
			if err := r.Check(&s); err != nil {
				t.Fatal(err)
			}
		}
	} else if err := r.Check(&s); err != nil {
		t.Fatal(err)
	} else {
		all := tape.String()
		return all[:strings.LastIndex(strings.TrimSuffix(all, "\n"), "\n")+1]
	}
	return tape.String()
}

func TestARecordingReplays(t *testing.T) {
	r, err := flight.Replay(strings.NewReader(recording(t, true)))
	if err != nil || !r.Matches() || r.Events != 5 || r.Boots != 1 || r.Checks != 1 || r.Unchecked != 0 || r.Hash != r.Recorded {
		t.Errorf("%+v, %v", r, err)
	}
	more := recording(t, true) + `{"event":{"Kind":1,"Up":60000}}` + "\n"
	if r, err := flight.Replay(strings.NewReader(more)); err != nil || !r.Matches() || r.Unchecked != 1 {
		t.Errorf("with an event behind the last check: %+v, %v; want a match and 1 unchecked", r, err)
	}
	r, err = flight.Replay(strings.NewReader(recording(t, false)))
	if err != nil || r.Matches() || r.Differs != 0 || r.Events != 5 {
		t.Errorf("without a check: %+v, %v; want no match and no difference", r, err)
	}
}

func TestARecordingCutShortReplaysUpToTheCut(t *testing.T) {
	good := recording(t, true) + `{"event":{"Kind":1,"Up":60000}}` + "\n"
	last := strings.LastIndex(strings.TrimSuffix(good, "\n"), "\n") + 1
	for end := last; end < len(good); end++ {
		r, err := flight.Replay(strings.NewReader(good[:end]))
		if err != nil || !r.Matches() || r.Events != 5 {
			t.Errorf("cut %d bytes into the last line: %+v, %v; want the 5 events before it", end-last, r, err)
		}
	}
}

func TestAChangedRecordingDiffers(t *testing.T) {
	good := recording(t, true)
	for name, bad := range map[string]string{
		"more pulses": strings.Replace(good, `"Pulses":5`, `"Pulses":6`, 1),
		"other hash":  strings.Replace(good, `"hash":"`, `"hash":"f`, 1),
		"other count": strings.Replace(good, `"events":5`, `"events":4`, 1),
	} {
		if bad == good {
			t.Fatalf("%s: nothing was changed", name)
		}
		if r, err := flight.Replay(strings.NewReader(bad)); err != nil || r.Matches() || r.Differs == 0 {
			t.Errorf("%s: %+v, %v; want a difference", name, r, err)
		}
	}
}

func TestWhatIsNoRecordingIsRefused(t *testing.T) {
	good := recording(t, true)
	for name, text := range map[string]string{
		"empty": "", "text": "hello\n", "event before boot": good[strings.Index(good, "\n")+1:],
		"other format": strings.Replace(good, `"version":1`, `"version":2`, 1), "nothing in a line": good + "{}\n",
		"event of another type":                    good + `{"event":[1,2]}` + "\n",
		"credit and overrun, which cannot both be": strings.Replace(good, `"Balance":0,"Overrun":0`, `"Balance":5,"Overrun":-5`, 1),
	} {
		if r, err := flight.Replay(strings.NewReader(text)); !errors.Is(err, flight.ErrFile) {
			t.Errorf("%s: %+v, %v; want ErrFile", name, r, err)
		}
	}
}

// full is a writer that always fails.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space left") }

func TestAFailingRecorderSaysSo(t *testing.T) {
	r := flight.NewRecorder(full{})
	c := meter.DefaultConfig()
	s := meter.New(meter.KeyInfo{Base: sts.Base2014}, &c, 0)
	r.Boot(&c, &s)
	for range 3 {
		if err := r.Check(&s); err == nil {
			t.Error("Check found nothing wrong with a full disk")
		}
	}
}

func FuzzReplay(f *testing.F) {
	f.Add(recording(f, true))
	f.Fuzz(func(t *testing.T, text string) {
		r, err := flight.Replay(strings.NewReader(text))
		if err == nil && r.Boots == 0 {
			t.Errorf("took %q, where no meter starts", text)
		}
	})
}
