package profile_test

import (
	"errors"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/paywatt/paywatt/internal/profile"
	"github.com/paywatt/paywatt/profiles"
)

// seedText returns the text of the profile seed with one change.
func seedText(t *testing.T, old, text string) string {
	t.Helper()
	b, err := fs.ReadFile(profiles.Files, "seed-a.toml")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(b), old) {
		t.Fatalf("seed-a.toml has no %q", old)
	}
	return strings.Replace(string(b), old, text, 1)
}

// TestAMistakeIsNamed checks that each error names the file, the key and what to do.
func TestAMistakeIsNamed(t *testing.T) {
	for name, c := range map[string]struct{ old, text, key, says string }{
		"misspelt key":        {`volts_per_count =`, `volt_per_count =`, "counts.volt_per_count", "no such key"},
		"no calibration":      {"[counts]\nvolts_per_count = \"0.004887586\"\nshunt_ohm = \"0.1\"\nsupply_volt = \"230\"\nhighest = \"1023\"\n", "", "counts", "add [counts]"},
		"shunt of nothing":    {`shunt_ohm = "0.1"`, `shunt_ohm = "0"`, "counts", "above 0"},
		"number not in quote": {`supply_volt = "230"`, `supply_volt = "230 V"`, "seed-a.toml", "not a decimal number"},
		"bad name":            {`name = "seed-a"`, `name = "Seed A"`, "name", "lower-case"},
		"wildcard":            {`topic = "GsmClientTest/init"`, `topic = "GsmClientTest/+"`, "up[0].topic", "{id}"},
		"bad pattern":         {`(?P<v1>`, `(?P<v1`, "up[1].pattern", "regexp/syntax"},
		"unknown quantity":    {`(?P<v2>`, `(?P<volts>`, "up[1]", "v1, v2, power_w"},
		"unknown meaning":     {`means = "started"`, `means = "hello"`, "up[0].means", "started, data or state"},
		"nothing to read":     {"is = \"relay\"\n", "", "up[2]", "exactly one"},
		"on is off":           {`off = ["meter is off"]`, `off = ["meter is on"]`, "up[2]", "on and off"},
		"gap too long":        {`max_gap = "60s"`, `max_gap = "2h"`, "energy.max_gap", "1h0m0s"},
		"no power":            {`max_w = 12000`, `max_w = 0`, "energy.max_w", "at most"},
		"reset of samples":    {`from = "power"`, "from = \"power\"\nreset = \"zero\"", "energy.reset", "remove it"},
		"no register":         {`from = "power"`, `from = "register"`, "energy.from", "energy_wh"},
		"on and off alike":    {`off = "OFF"`, `off = "ON"`, "supply", "differ"},
		"kind of switching":   {`kind = "absolute"`, `kind = "dimmer"`, "supply.kind", "toggle"},
		"a long command":      {`payload = "data"`, `payload = "` + strings.Repeat("x", 130) + `"`, "poll[0]", "128"},
		"unknown word":        {`{balance} left`, `{money} left`, "warning.payload", "{balance}"},
		"strange rule":        {`off_when = "v1<v2"`, `off_when = "v1=v2"`, "rule.off_when", "v1<v2 or v1>v2"},
		"not TOML":            {`[counts]`, `[counts`, "seed-a.toml", "correct it there"},
		"a key twice":         {`name = "seed-a"`, "name = \"seed-a\"\nname = \"seed-a\"", "seed-a.toml", "already been defined; correct it"},
		"tiny packets":        {`max_packet = 256`, `max_packet = 10`, "device.max_packet", "128"},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := profile.Parse("seed-a.toml", seedText(t, c.old, c.text))
			if err == nil {
				t.Fatalf("taken: %+v", p)
			}
			if !errors.Is(err, profile.ErrProfile) || !strings.Contains(err.Error(), "seed-a.toml") || !strings.Contains(err.Error(), c.key) ||
				!strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), "; ") {
				t.Errorf("says %v\nwant it to name seed-a.toml, %s and %q", err, c.key, c.says)
			}
		})
	}
}

func TestALibraryOfFiles(t *testing.T) {
	l := library(t)
	mine := seedText(t, `shunt_ohm = "0.1"`, `shunt_ohm = "0.2"`)
	if err := l.Load(fstest.MapFS{"mine.toml": {Data: []byte(mine)}, "notes.txt": {Data: []byte("no profile")}}); err != nil {
		t.Fatal(err)
	}
	if got := l["seed-a"].Counts.ShuntOhm.String(); got != "0.2" {
		t.Errorf("a profile of the folder does not replace the one of its name: shunt %s", got)
	}
	err := l.Load(fstest.MapFS{"a.toml": {Data: []byte(mine)}, "b.toml": {Data: []byte(mine)}, "c.toml": {Data: []byte("name = 3")}})
	if err == nil || !strings.Contains(err.Error(), "b.toml: name") || !strings.Contains(err.Error(), "a.toml") || !strings.Contains(err.Error(), "c.toml") {
		t.Errorf("two files of one name and one that is none: %v", err)
	}
	if _, err := profile.Parse("big.toml", strings.Repeat("#", profile.MaxFile+1)); err == nil {
		t.Error("a file beyond the limit is taken")
	}
}

func TestACaptureThatIsNone(t *testing.T) {
	for text, says := range map[string]string{
		"x":                              "line 1",
		"\n{}":                           "line 2",
		`{"at":"yesterday","topic":"a"}`: "not a time",
		`{"at":"2026-11-20T08:00:00Z"}`:  "no topic",
	} {
		if _, err := profile.ReadCapture(strings.NewReader(text)); !errors.Is(err, profile.ErrCapture) || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v, want %q", text, err, says)
		}
	}
	got, err := profile.ReadCapture(strings.NewReader(`{"tst":"2026-11-20T14:05:23.524054Z+0000","topic":"a/b","qos":0,"retain":0,"payloadlen":7,"payload":"5:3 \"q\""}`))
	if err != nil || len(got) != 1 || string(got[0].Payload) != `5:3 "q"` || got[0].At.UnixMicro() != 1795183523524054 {
		t.Errorf("a line as mosquitto_sub -F %%j wrote it: %+v, %v", got, err)
	}
}
