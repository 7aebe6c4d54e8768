package device_test

import (
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/device"
	"github.com/paywatt/paywatt/meter"
	"github.com/paywatt/paywatt/meter/panel"
	"github.com/paywatt/paywatt/wire"
)

// configure gives the meter a configuration.
func configure(t *testing.T, d *device.Device, counter uint64, doc map[string]any) {
	t.Helper()
	down(t, d, wire.DownConfig, signed(t, wire.DownConfig, wire.Config{
		SignedHeader: order("cfg_"+string(rune('a'+counter)), counter), Version: int64(counter), Hash: "abcd", Config: doc,
	}))
	if a := answer(t, d); a.State != "done" {
		t.Fatalf("configuration %v: %+v", doc, a)
	}
}

// onDisplay fails the test if the display does not show these two lines.
func onDisplay(t *testing.T, d *device.Device, line1, line2 string) {
	t.Helper()
	if got := d.View().LCD; got[0] != line1 || got[1] != line2 {
		t.Errorf("display %q, want %q and %q", got, line1, line2)
	}
}

func TestTheLanguageIsThatOfTheConfiguration(t *testing.T) {
	c := config(t, newMedium())
	c.Language = meter.Swahili
	d, err := device.Open(c)
	must(t, err)
	onDisplay(t, d, "SALIO   0.00 kWh", "MZIGO 0 W")
	configure(t, d, 1, map[string]any{"language": "fr"})
	onDisplay(t, d, "CREDIT  0.00 kWh", "CHARGE 0 W")
	must(t, d.SMS("+254700000001", "*01#"))
	if got := d.TakeSMS(); len(got) != 1 || got[0].Text != "Solde 0.0 kWh" {
		t.Errorf("answer %+v", got)
	}
	configure(t, d, 2, map[string]any{})
	onDisplay(t, d, "CREDIT  0.00 kWh", "LOAD 0 W")
}

func TestEmergencyCreditByKeyAndByMessage(t *testing.T) {
	const owner, stranger = "+254700000001", "+254799999999"
	for _, byKey := range []bool{true, false} {
		d := open(t, newMedium())
		configure(t, d, 1, map[string]any{"ec_limit_wh": int64(5000), "ec_threshold_wh": int64(2000), "low1_wh": int64(0), "low2_wh": int64(0)})
		enter(t, d, digits(t, 5_871_715, 25))
		must(t, d.Keys("03##"))
		onDisplay(t, d, "NOT NEEDED YET", "CREDIT IS ENOUGH")
		d.TakeSMS()
		load(t, d, 1000)
		advance(t, d, time.Hour)
		if sent := d.TakeSMS(); len(sent) != 1 || !strings.Contains(sent[0].Text, "send *03# or type 03 #") {
			t.Errorf("offered by %+v", sent)
		}
		must(t, d.SMS(stranger, "*03#"))
		if s := d.State(); s.EC != meter.ECOffered || len(d.TakeSMS()) != 0 {
			t.Errorf("a stranger makes it %s", s.EC)
		}
		if byKey {
			must(t, d.Keys("03##"))
			onDisplay(t, d, "EMERGENCY ON", "LEFT    5.00 kWh")
		} else {
			must(t, d.SMS(owner, "*03#"))
			if sent := d.TakeSMS(); len(sent) != 1 || sent[0].Text != "Emergency credit is on: 5.0 kWh. It is paid back with the next recharge." {
				t.Errorf("answer %+v", sent)
			}
		}
		must(t, d.SMS(owner, "*03#"))
		if sent := d.TakeSMS(); len(sent) != 1 || sent[0].Text != "Emergency credit is on already." {
			t.Errorf("asked again: %+v", sent)
		}
		if s := d.State(); s.EC != meter.ECActive || !d.Icons().Emergency {
			t.Errorf("emergency credit is %s, used %d Wh", s.EC, s.ECUsed)
		}
	}
}

func TestTheMenuSetsTheClockWithinItsLimits(t *testing.T) {
	d := open(t, newMedium())
	must(t, d.Keys("*32011260830#"))
	onDisplay(t, d, "CLOCK SET", "* BACK")
	if got, want := d.Now(), testNow().Add(30*time.Minute); !got.Equal(want) {
		t.Errorf("the clock shows %v, want %v", got, want)
	}
	must(t, d.Keys("*32011260915#"))
	onDisplay(t, d, "1 h A DAY ONLY", "*3 TRY AGAIN")
	must(t, d.Keys("*31911260815#"))
	if got := d.Now(); !got.Equal(testNow().Add(30 * time.Minute)) {
		t.Errorf("a refused time has set the clock to %v", got)
	}
	// Without a clock the meter accepts any time that is not before the last one it knew.
	must(t, d.StopClock())
	if !d.Icons().NoClock {
		t.Error("a dead clock is not shown")
	}
	must(t, d.Keys("*32011260829#"))
	onDisplay(t, d, "TIME TOO EARLY", "*3 TRY AGAIN")
	must(t, d.Keys("*32512261200#"))
	onDisplay(t, d, "CLOCK SET", "* BACK")
	if got, want := d.Now(), time.Date(2026, 12, 25, 12, 0, 0, 0, time.UTC); !got.Equal(want) || d.Icons().NoClock {
		t.Errorf("the clock shows %v, want %v", got, want)
	}
}

func TestTheUsageHistoryIsShownAndCleared(t *testing.T) {
	d := open(t, newMedium())
	token := digits(t, 5_871_715, 347)
	enter(t, d, token)
	load(t, d, 1000)
	advance(t, d, 24*time.Hour)
	must(t, d.Keys("*2"))
	onDisplay(t, d, "TODAY", "        8.00 kWh")
	must(t, d.Keys("#"))
	onDisplay(t, d, "YESTERDAY", "       16.00 kWh")
	must(t, d.Keys("##"))
	onDisplay(t, d, token[:4]+"********"+token[16:], "20.11 +34.70 kWh")
	must(t, d.SMS("+254700000001", "*04#"))
	if sent := d.TakeSMS(); len(sent) == 0 || !strings.Contains(sent[len(sent)-1].Text, token[:4]+".."+token[16:]) || strings.Contains(sent[len(sent)-1].Text, token) {
		t.Errorf("the last tokens by message: %+v", sent)
	}
	before := d.State()
	must(t, d.Keys("**5##"))
	onDisplay(t, d, "HISTORY CLEARED", "CREDIT AS BEFORE")
	must(t, d.Keys("04#"))
	onDisplay(t, d, "NO TOKENS YET", "* BACK")
	if after := d.State(); after.Register != before.Register || after.Balance != before.Balance || after.TIDs != before.TIDs {
		t.Error("clearing the history has touched the credit")
	}
	must(t, d.Keys("**2"))
	onDisplay(t, d, "TODAY", "        0.00 kWh")
	must(t, d.Keys("*"))
	if got := enter(t, d, token); got != "used_error" {
		t.Errorf("the token of the cleared history is %s", got)
	}
}

func TestAnyKeyMutesAndAnswersTheWarning(t *testing.T) {
	c := config(t, newMedium())
	c.Display = panel.Large
	d, err := device.Open(c)
	must(t, err)
	enter(t, d, digits(t, 5_871_715, 51))
	must(t, d.Keys("**"))
	d.TakeSMS()
	load(t, d, 1000)
	for d.View().Buzzer != meter.BuzzerLow.String() {
		if advance(t, d, time.Second); d.State().Balance < 4000 {
			t.Fatal("no warning sounds")
		}
	}
	if v := d.View(); v.LCD[1] != "CREDIT NEARLY 0" || !d.Icons().Low {
		t.Errorf("display %q, want the warning", v.LCD)
	}
	must(t, d.Keys("1"))
	if v := d.View(); v.Buzzer != "off" || v.LCD[1] != "1" {
		t.Errorf("after a key: buzzer %s, display %q", v.Buzzer, v.LCD)
	}
	must(t, d.Keys("*"))
	if v := d.View(); strings.Contains(strings.Join(v.LCD, "\n"), "NEARLY") {
		t.Errorf("the warning is still there: %q", v.LCD)
	}
}
