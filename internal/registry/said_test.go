package registry_test

import (
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/registry"
)

// balances are what a meter reported outside its readings.
type balances struct{ reported, texted *registry.ReportedBalance }

func (b balances) ReportedBalance(registry.Meter) (reported, texted *registry.ReportedBalance, err error) {
	return b.reported, b.texted, nil
}

// TestTheNewestOfWhatAMeterToldIsShown: a text message is compared with the reading and the report by the time at
// which it arrived. The store has already compared the report with the reading, by the meter's own time.
func TestTheNewestOfWhatAMeterToldIsShown(t *testing.T) {
	noon := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	at := func(minutes int) *registry.ReportedBalance {
		return &registry.ReportedBalance{At: noon.Add(time.Duration(minutes) * time.Minute)}
	}
	for _, c := range []struct {
		name             string
		read             bool // a reading came at noon
		reported, texted *registry.ReportedBalance
		want             string
	}{
		{"nothing", true, nil, nil, ""},
		{"a report", true, at(1), nil, "reported"},
		{"a report that came before the reading, of a later time", true, at(-1), nil, "reported"},
		{"a text before any reading", false, nil, at(-1), "texted"},
		{"a text before the reading", true, nil, at(-1), ""},
		{"a text at the moment of the reading", true, nil, at(0), ""},
		{"a text after the reading", true, nil, at(1), "texted"},
		{"a text after the report", true, at(1), at(2), "texted"},
		{"a text with the report", true, at(1), at(1), "reported"},
		{"a text before the report", true, at(2), at(1), "reported"},
		{"a text before the reading, and a report", true, at(-2), at(-1), "reported"},
		{"a text after the report, before any reading", false, at(1), at(2), "texted"},
	} {
		got := "another"
		said, err := registry.MeterRecord{Meter: registry.Meter{Mode: registry.PrepayToken}, Reported: c.read, ReceivedAt: noon}.Said(balances{c.reported, c.texted})
		if err != nil {
			t.Fatal(err)
		}
		switch said {
		case nil:
			got = ""
		case c.reported:
			got = "reported"
		case c.texted:
			got = "texted"
		}
		if got != c.want {
			t.Errorf("%s: shown %q, want %q", c.name, got, c.want)
		}
	}
}
