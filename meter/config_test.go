package meter_test

import (
	"testing"

	"github.com/paywatt/paywatt/meter"
	"github.com/paywatt/paywatt/supply"
)

func TestConfigurationIsTheWholeDocument(t *testing.T) {
	old := meter.DefaultConfig()
	old.Number, old.MfrCode, old.Low1, old.Version = testNumber, 4, 1, 3
	doc := map[string]any{
		"imp_per_kwh": int64(3200), "low2_wh": uint64(4000), "cutoff_wh": 100, "clearance_wh": int64(200),
		"max_balance_wh": int64(90_000), "reading_s": int64(60), "tz_min": int64(-210),
		"confirm_after": []any{"REMOTE", "LEASE"},
	}
	want := meter.DefaultConfig()
	want.Number, want.MfrCode, want.Version = testNumber, 4, 4
	want.ImpPerKWh, want.Low2, want.Cutoff, want.Clearance, want.MaxBalance = 3200, 4000, 100, 200, 90_000
	want.ReadingEvery, want.TZMinutes, want.ConfirmAfter = 60, -210, supply.Of(supply.Remote, supply.Lease)
	// low1_wh is missing, so it has its default, not its old value.
	if got, bad := meter.NewConfig(old, 4, doc); bad != "" || got != want {
		t.Errorf("got %+v, bad key %q, want %+v", got, bad, want)
	}
}

func TestConfigurationIsRefusedWithItsFirstBadKey(t *testing.T) {
	for _, c := range []struct {
		name string
		doc  map[string]any
		want string
	}{
		{"unknown", map[string]any{"colour": int64(1), "low1_wh": int64(-1)}, "colour"},
		{"below its range", map[string]any{"low1_wh": int64(-1), "zz": int64(1)}, "low1_wh"},
		{"at zero", map[string]any{"imp_per_kwh": int64(0)}, "imp_per_kwh"},
		{"above its range", map[string]any{"tz_min": int64(841)}, "tz_min"},
		{"far above", map[string]any{"low1_wh": uint64(1) << 63}, "low1_wh"},
		{"not a whole number", map[string]any{"low1_wh": "20000"}, "low1_wh"},
		{"reasons that are none", map[string]any{"confirm_after": []any{"WEATHER"}}, "confirm_after"},
		{"reasons that are no list", map[string]any{"confirm_after": "REMOTE"}, "confirm_after"},
		{"cut-off above clearance", map[string]any{"cutoff_wh": int64(10)}, "clearance_wh"},
		{"second warning first", map[string]any{"low2_wh": int64(30_000)}, "low2_wh"},
		{"no room for credit", map[string]any{"max_balance_wh": int64(5), "clearance_wh": int64(5)}, "max_balance_wh"},
	} {
		old := meter.DefaultConfig()
		old.Version = 3
		if got, bad := meter.NewConfig(old, 4, c.doc); bad != c.want || got != old {
			t.Errorf("%s: refused for %q, version %d, want %q and the old one", c.name, bad, got.Version, c.want)
		}
	}
}

// These names are sent over the wire: docs/reference/meter-config.md.
func TestNamesOfTheWire(t *testing.T) {
	for got, want := range map[string]string{
		meter.ClockValid.String(): "valid", meter.ClockHoldover.String(): "holdover", meter.ClockInvalid.String(): "invalid",
		meter.Keypad.String(): "keypad", meter.SMS.String(): "sms", meter.Remote.String(): "remote",
		meter.Source(0).String(): "none", meter.ResetPower.String(): "power", meter.ResetWatchdog.String(): "watchdog",
		meter.ResetUpdate.String(): "update", meter.CommandConnect.String(): "connect",
		meter.CommandDisconnect.String(): "disconnect", meter.CommandRead.String(): "read",
		meter.CommandCancelToken.String(): "cancel_token", meter.Command(99).String(): "unknown",
		meter.LEDOff.String(): "off", meter.LEDSlow.String(): "slow", meter.LEDFast.String(): "fast",
		meter.BuzzerOff.String(): "off", meter.BuzzerLow.String(): "low", meter.BuzzerTone.String(): "tone",
		meter.BuzzerAccepted.String(): "accepted", meter.BuzzerRejected.String(): "rejected",
		meter.Answer(99).Reason(): "unknown",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	for c := meter.CommandConnect; c <= meter.CommandCancelToken; c++ {
		if meter.ParseCommand(c.String()) != c {
			t.Errorf("ParseCommand(%q) = %d", c, meter.ParseCommand(c.String()))
		}
	}
	if meter.ParseCommand("fly") != meter.CommandUnknown {
		t.Error("fly is taken for a command")
	}
	if a, b := meter.Handle("tok_a"), meter.Handle("tok_b"); a == b || a == 0 || meter.Handle("") == 0 {
		t.Errorf("handles %d and %d", a, b)
	}
}
