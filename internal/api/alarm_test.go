package api_test

import (
	"fmt"
	"testing"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/store"
)

// TestAlarmsAreListed lists all alarms, the open alarms, and the open alarms of one meter. A list may have several pages. The caller needs
// the right to read meters.
func TestAlarmsAreListed(t *testing.T) {
	w := begin(t)
	w.inStore(func(tx *store.Tx) error {
		for _, code := range []metering.AlarmCode{metering.AlarmTamper, metering.AlarmUnitsOwed, metering.AlarmReversedLate} {
			if err := tx.RaiseAlarm(1, metering.Alarm{Code: code, Text: "text of " + string(code)}); err != nil {
				return err
			}
		}
		return tx.ClearAlarm(1, metering.AlarmTamper)
	})
	codes := func(path string) (out string) {
		t.Helper()
		for n := 0; path != ""; n++ {
			a := w.want(200, w.get(path))
			for _, d := range decode[struct {
				Data []struct {
					Code, Meter, Text string
					ClearedAt         *string `json:"cleared_at"`
				}
			}](t, a).Data {
				out += fmt.Sprintf("%s %t ", d.Code, d.ClearedAt == nil)
				if d.Meter != meterNumber || d.Text != "text of "+d.Code {
					t.Errorf("alarm %+v", d)
				}
			}
			path = next(t, a)
		}
		return out
	}
	for path, want := range map[string]string{
		"/v1/alarms?limit=1":                        "reversed-late true units-owed true tamper false ",
		"/v1/alarms?open=true":                      "reversed-late true units-owed true ",
		"/v1/alarms?open=true&meter=" + meterNumber: "reversed-late true units-owed true ",
	} {
		if got := codes(path); got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
	w.want(404, w.get("/v1/alarms?meter=04140001019"))
	w.want(403, w.ask("GET", "/v1/alarms", w.unboundKey(), ""))
}

// TestAnAlarmNamesItsServer: an alarm about one of several servers has its name in the list, and in the overview.
func TestAnAlarmNamesItsServer(t *testing.T) {
	w := begin(t)
	w.inStore(func(tx *store.Tx) error {
		return tx.UpdateAlarm(0, metering.Alarm{Code: "certificate-ends", Text: "soon", Server: "srv-a"})
	})
	list := decode[apiv1.List[apiv1.Alarm]](t, w.want(200, w.get("/v1/alarms?open=true"))).Data
	if len(list) != 1 || list[0].Server != "srv-a" || list[0].Meter != "" {
		t.Errorf("alarms %+v, want one of the server", list)
	}
	titles := ""
	for _, l := range decode[apiv1.Overview](t, w.want(200, w.get("/v1/overview"))).Lists {
		for _, e := range l.First {
			if l.Kind == "alarms" {
				titles += e.Title + " "
			}
		}
	}
	if titles != "srv-a " {
		t.Errorf("the overview names %q, want the server", titles)
	}
}
