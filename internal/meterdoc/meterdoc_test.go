package meterdoc_test

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/meterdoc"
	"github.com/paywatt/paywatt/meter"
)

func facts() meterdoc.Facts {
	return meterdoc.Facts{ImpPerKWh: 1600, Interval: 15 * time.Minute, Offset: 3 * 3600}
}

// TestTheDocumentOfAMeter: a meter's own value replaces the utility's, what nobody has set is not named, and the meter reads what is meant.
func TestTheDocumentOfAMeter(t *testing.T) {
	utility := meterdoc.Values{"ec_limit_wh": int64(2000), "friendly": []string{"all 22:00-06:00"}, "help_text": "0800 123"}
	own := meterdoc.Values{"ec_limit_wh": int64(5000), "lifeline_w": int64(200)}
	doc := meterdoc.Document(utility, own, facts())
	want := map[string]any{"payment_mode": "prepay_token", "imp_per_kwh": int64(1600), "reading_s": int64(900), "tz_min": int64(180),
		"ec_limit_wh": int64(5000), "lifeline_w": int64(200), "friendly": []any{"all 22:00-06:00"}, "help_text": "0800 123"}
	if !reflect.DeepEqual(doc, want) {
		t.Errorf("got  %v\nwant %v", doc, want)
	}
	c, bad := meter.NewConfig(meter.DefaultConfig(), 3, doc)
	if bad != "" || c.ECLimit != 5000 || c.Lifeline != 200 || c.ImpPerKWh != 1600 || c.TZMinutes != 180 || c.Wallet || c.Friendly[0].Days == 0 {
		t.Errorf("the meter reads %+v, bad key %q", c, bad)
	}
	text, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	again, err := meterdoc.Stored(string(text))
	if err != nil || !reflect.DeepEqual(again, doc) || meterdoc.Hash(again) != meterdoc.Hash(doc) {
		t.Errorf("stored and read: %v, %v", again, err)
	}
	if meterdoc.Hash(doc) == meterdoc.Hash(meterdoc.Document(utility, nil, facts())) {
		t.Error("another value has the same hash")
	}
}

// TestEveryKeyIsOneOfTheMeters: each value that people may set reaches the meter, and its kind is the one that the meter reads.
func TestEveryKeyIsOneOfTheMeters(t *testing.T) {
	samples := map[meterdoc.Kind]any{meterdoc.Energy: int64(6000), meterdoc.Power: int64(3000), meterdoc.Seconds: int64(120), meterdoc.Count: int64(2), meterdoc.YesNo: true,
		meterdoc.Text: "0800", meterdoc.Choice: "sw"}
	lists := map[string]any{"friendly": []string{"mon 18:00-07:00"}, "special_days": []string{"2026-12-25"}}
	for _, k := range meterdoc.Keys() {
		v := samples[k.Kind]
		if k.Kind == meterdoc.List {
			v = lists[k.Name]
		}
		own := meterdoc.Values{k.Name: v}
		if bad := meterdoc.Bad(meterdoc.Document(nil, own, facts())); bad != "" {
			t.Errorf("%s = %v: the meter refuses %s", k.Name, v, bad)
		}
		text, err := json.Marshal(own)
		if err != nil {
			t.Fatal(err)
		}
		var back meterdoc.Values
		if err := json.Unmarshal(text, &back); err != nil || !reflect.DeepEqual(back, own) {
			t.Errorf("%s: stored %s, read %v, %v", k.Name, text, back, err)
		}
	}
}

// TestValuesOfAnotherTypeAreRefused names the first of them.
func TestValuesOfAnotherTypeAreRefused(t *testing.T) {
	for _, c := range []struct {
		raw  string
		want string
	}{
		{`{}`, ""}, {`{"ec_limit_wh": 5000, "friendly": ["all 22:00-06:00"], "overload_manual": true}`, ""},
		{`{"lifeline_w": 1, "colour": 1}`, "colour"}, {`{"ec_limit_wh": 0.5}`, "ec_limit_wh"}, {`{"ec_limit_wh": "5"}`, "ec_limit_wh"},
		{`{"friendly": "all"}`, "friendly"}, {`{"friendly": [1]}`, "friendly"}, {`{"help_text": 7}`, "help_text"}, {`{"overload_manual": 1}`, "overload_manual"},
		{`{"imp_per_kwh": 1}`, "imp_per_kwh"}, {`{"payment_mode": "prepay_wallet"}`, "payment_mode"}, {`{"ec_limit_wh": null}`, "ec_limit_wh"},
	} {
		var raw map[string]any
		if err := json.Unmarshal([]byte(c.raw), &raw); err != nil {
			t.Fatal(err)
		}
		if _, bad := meterdoc.Read(raw); bad != c.want {
			t.Errorf("%s: refused for %q, want %q", c.raw, bad, c.want)
		}
	}
	if bad := meterdoc.Bad(meterdoc.Document(meterdoc.Values{"low1_wh": int64(1000)}, meterdoc.Values{"low2_wh": int64(2000)}, facts())); bad != "low2_wh" {
		t.Errorf("values that contradict each other: %q", bad)
	}
}

// TestDifferencesOfTwoDocuments lists what people may set first, and nil for a default.
func TestDifferencesOfTwoDocuments(t *testing.T) {
	was := meterdoc.Document(meterdoc.Values{"ec_limit_wh": int64(2000), "help_text": "a", "friendly": []string{"all 22:00-06:00"}}, nil, facts())
	f := facts()
	f.Offset = 0
	is := meterdoc.Document(meterdoc.Values{"ec_limit_wh": int64(2000), "lifeline_w": int64(200), "friendly": []string{"all 21:00-06:00"}}, nil, f)
	want := []meterdoc.Difference{{Key: "lifeline_w", Is: int64(200)}, {Key: "friendly", Was: []any{"all 22:00-06:00"}, Is: []any{"all 21:00-06:00"}}, {Key: "help_text", Was: "a"}, {Key: "tz_min", Was: int64(180), Is: int64(0)}}
	if got := meterdoc.Differences(was, is); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	if got := meterdoc.Differences(nil, map[string]any{"tz_min": int64(0)}); len(got) != 1 {
		t.Errorf("against nothing: %v", got)
	}
}

// TestWithChangesOnlyACopy: setting and clearing leave the values before as they were.
func TestWithChangesOnlyACopy(t *testing.T) {
	was := meterdoc.Values{"ec_limit_wh": int64(1), "lifeline_w": int64(2)}
	got := was.With(meterdoc.Values{"ec_limit_wh": int64(3)}, []string{"lifeline_w", "friendly"})
	if !reflect.DeepEqual(got, meterdoc.Values{"ec_limit_wh": int64(3)}) || was["ec_limit_wh"] != int64(1) || len(was) != 2 {
		t.Errorf("got %v, before %v", got, slices.Sorted(maps.Keys(was)))
	}
}
