package profile_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/profile"
	"github.com/paywatt/paywatt/profiles"
)

// library returns the profiles that come with Paywatt.
func library(t testing.TB) profile.Library {
	t.Helper()
	l := profile.Library{}
	if err := l.Load(profiles.Files); err != nil {
		t.Fatal(err)
	}
	return l
}

func seedA(t testing.TB) *profile.Profile { t.Helper(); return library(t)["seed-a"] }

func TestTheProfilesThatComeWithPaywatt(t *testing.T) {
	l := library(t)
	want := []string{"esphome", "seed-a", "seed-a-toggle", "shelly", "shelly-gen1", "tasmota"}
	if got := l.Names(); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Fatalf("profiles %v, want %v", got, want)
	}
	for name, p := range l {
		if len(p.Sources) == 0 || p.Notes == "" {
			t.Errorf("profile %s names no source or has no notes", name)
		}
		if p.Rule != nil && p.Rule.Enabled {
			t.Errorf("profile %s has its rule on the raw counts on by default", name)
		}
	}
}

// TestCapturesSayWhatTheDocumentationSays plays the captures of testdata. It compares the meaning of each line and the
// final register with values computed by hand.
func TestCapturesSayWhatTheDocumentationSays(t *testing.T) {
	for name, want := range map[string]struct {
		kinds string // one letter per message: s started, d data, p position, u unreadable, - ignored
		mwh   int64
		relay string
		gaps  int64
	}{
		// 100 counts · 4.887586 mV / 0.1 Ω · 230 V = 1124.144 W (floor of mW) for 60 s: 18,735.73 mWh. Three messages do not
		// count: the reading at :20 above the highest count, the truncated message and the one with a foreign topic.
		"seed-a":        {"spdddddddpuu-", 19047, "open", 0},
		"seed-a-toggle": {"spp", 0, "open", 0},
		// From 3.705 to 3.805 kWh counts 100 Wh. Back at 3.700 and 3.720 counts nothing until a third value rises.
		"tasmota": {"s--ppdddd-", 100_000, "closed", 0},
		"shelly":  {"sddd-", 40_034, "open", 0},
		// From 1000 to 4000 W·min are 50 Wh. One lower value after that counts nothing yet.
		"shelly-gen1": {"s-pdddsdp", 50_000, "open", 0},
		// 720 W for 10 s are 2 Wh. "nan" is not a number. After a gap of 280 s, half the power for 10 s is 1 Wh.
		"esphome": {"spddudd-", 3_000, "closed", 1},
	} {
		t.Run(name, func(t *testing.T) {
			b, err := os.ReadFile(filepath.Join("testdata", "capture", name+".jsonl"))
			if err != nil {
				t.Fatal(err)
			}
			capture, err := profile.ReadCapture(bytes.NewReader(b))
			if err != nil {
				t.Fatal(err)
			}
			played := library(t)[name].Play(capture)
			var kinds strings.Builder
			for _, one := range played {
				kinds.WriteString(map[profile.Kind]string{profile.IsStarted: "s", profile.IsData: "d", profile.IsState: "p",
					profile.Unreadable: "u", profile.Ignored: "-"}[one.Meaning.Kind])
			}
			last := played[len(played)-1].Register
			if kinds.String() != want.kinds || last.MWh != want.mwh || last.Relay != want.relay || last.Gaps != want.gaps {
				t.Errorf("messages %s, %d mWh, relay %s, %d gaps; want %s, %d mWh, %s, %d", kinds.String(), last.MWh, last.Relay, last.Gaps,
					want.kinds, want.mwh, want.relay, want.gaps)
			}
		})
	}
}

func TestCountsBecomeWatts(t *testing.T) {
	p := seedA(t)
	for payload, want := range map[string]int64{
		"0:0": 0, "512:512": 0, "513:512": 11_241, "512:513": 11_241, "1023:0": 11_500_001, "512.5:512": 5_620,
	} {
		m := p.Understand("GsmClientTest/ledStatus", []byte(payload))
		if m.PowerMW == nil || *m.PowerMW/10 != want/10 {
			t.Errorf("counts %s: %+v, want %d mW", payload, m, want)
		}
	}
	for _, payload := range []string{"1024:0", "-1:5", ":", "1:2:3", "1:", "a:b", "1e3:2", "99999999999999999999:1", "0x10:1"} {
		if m := p.Understand("GsmClientTest/ledStatus", []byte(payload)); m.Kind != profile.Unreadable || m.Why == "" {
			t.Errorf("counts %q: %+v, want unreadable with a reason", payload, m)
		}
	}
}

func TestMessagesToDevicesFitTheirBuffers(t *testing.T) {
	for name, p := range library(t) {
		device := "a-device-name-of-thirty-2-letters"
		var all []profile.Message
		all = append(all, p.Ask(device)...)
		for _, on := range []bool{true, false} {
			if m, ok := p.Switch(device, on); ok {
				all = append(all, m)
			} else if p.Supply.Kind == profile.Absolute {
				t.Errorf("%s: no message switches the relay", name)
			}
		}
		w := profile.Words{Balance: strings.Repeat("9", 200), TotalKWh: "123456.789", MonthKWh: "1234.567"}
		if m, ok := p.Warn(device, w); ok {
			all = append(all, m)
		}
		if m, ok := p.Summarise(device, w); ok {
			all = append(all, m)
		}
		for _, m := range all {
			if size := 4 + len(m.Topic) + len(m.Payload); size > profile.MaxDown {
				t.Errorf("%s: %s %q is %d bytes, at most %d", name, m.Topic, m.Payload, size, profile.MaxDown)
			}
			if strings.Contains(m.Topic, "{") {
				t.Errorf("%s: topic %s was not filled in", name, m.Topic)
			}
		}
	}
	if asked := library(t)["tasmota"].Ask(""); len(asked) > 0 {
		t.Errorf("a device that has not said its name is asked: %v", asked)
	}
}

func TestATogglingDeviceIsNeverSwitchedUnasked(t *testing.T) {
	p := library(t)["seed-a-toggle"]
	if m, ok := p.Switch("", false); ok {
		t.Errorf("a toggle is sent for off: %v", m)
	}
	if len(p.Ask("")) > 0 {
		t.Error("a toggling device is polled")
	}
	if m, ok := p.Toggle(""); !ok || m.Topic != "GsmClientTest/led" {
		t.Errorf("a person's command: %v, %v", m, ok)
	}
}

func TestTheRuleOnRawCountsOnlyEverOpens(t *testing.T) {
	p := *seedA(t)
	low := p.Understand("GsmClientTest/ledStatus", []byte("1:2"))
	high := p.Understand("GsmClientTest/ledStatus", []byte("2:1"))
	if !p.Wanted(true, low) {
		t.Error("the rule works although it is off")
	}
	for when, offAt := range map[string]profile.Meaning{"v1<v2": low, "v1>v2": high} {
		p.Rule = &profile.Rule{Enabled: true, OffWhen: when}
		for _, m := range []profile.Meaning{low, high, {}} {
			if want := m.V1 == nil || *m.V1 != *offAt.V1; p.Wanted(true, m) != want {
				t.Errorf("rule %s at %s: wanted %v, want %v", when, m.Text, !want, want)
			}
			if p.Wanted(false, m) {
				t.Errorf("rule %s at %s closes the relay of an unpaid account", when, m.Text)
			}
		}
	}
}

func TestTopicsMatchLevelByLevel(t *testing.T) {
	p := library(t)["tasmota"]
	for topic, want := range map[string]string{"tele/plug/LWT": "plug", "tele//LWT": "", "tele/a/b/LWT": "", "tele/LWT": "", "tele/plug/LWT/": ""} {
		if m := p.Understand(topic, []byte("Online")); m.Device != want || (want == "") != (m.Kind == profile.Ignored) {
			t.Errorf("topic %s: device %q kind %q, want %q", topic, m.Device, m.Kind, want)
		}
	}
}

func TestAnOddPayloadIsShownSafely(t *testing.T) {
	m := seedA(t).Understand("GsmClientTest/ledStatus", []byte("on\x1b[2J\nthe moon "+strings.Repeat("ü", 300)))
	if m.Kind != profile.IsState || m.Relay != "" || strings.ContainsAny(m.Text, "\x1b\n") || len([]rune(m.Text)) > 60 {
		t.Errorf("shown as %q", m.Text)
	}
}

// at returns a time, as seconds from the start of the test's day.
func at(seconds int) time.Time {
	return time.Date(2026, 11, 20, 8, 0, seconds, 0, time.UTC)
}
