package meter_test

import (
	"reflect"
	"testing"

	"github.com/paywatt/paywatt/meter"
)

func TestTheBoardsOwnEventsAreReportedAndNothingElse(t *testing.T) {
	for _, tt := range []struct {
		code meter.Code
		a, b int64
		want map[string]any
	}{
		{meter.CodeMismatch, 0, 0, map[string]any{"wanted": "open", "matches": false}},
		{meter.CodeMismatch, 1, 1, map[string]any{"wanted": "closed", "matches": true}},
		{meter.CodeCard, int64(meter.CardMissing), 0, map[string]any{"card": "missing"}},
		{meter.CodeCard, int64(meter.CardFull), 0, map[string]any{"card": "full"}},
		{meter.CodeCard, int64(meter.CardGood), 0, map[string]any{"card": "good"}},
		{meter.CodeWorn, 1_000_000, 1_000_000, map[string]any{"writes": int64(1_000_000), "endurance": int64(1_000_000)}},
		{meter.CodeFault, int64(meter.PartClock), 0, map[string]any{"part": "clock"}},
		{meter.CodeFault, int64(meter.PartRelay), 0, map[string]any{"part": "relay"}},
	} {
		c := meter.DefaultConfig()
		s := meter.New(meter.KeyInfo{}, &c, 0)
		before := s
		got := boardReports(&c, &s, meter.Event{Kind: meter.EventBoard, Clock: meter.ClockValid, At: 1, Code: tt.code, A: tt.a, B: tt.b})
		if len(got) != 1 || got[0].Code != tt.code || !reflect.DeepEqual(got[0].Args(), tt.want) {
			t.Errorf("event %d: %d reports, want one with %v", tt.code, len(got), tt.want)
		}
		if before.Seq++; s.Relay != before.Relay || s.Reasons != before.Reasons || s.Seq != before.Seq || s.Balance != before.Balance {
			t.Errorf("event %d has changed more than the sequence number", tt.code)
		}
	}
	c := meter.DefaultConfig()
	s := meter.New(meter.KeyInfo{}, &c, 0)
	if got := boardReports(&c, &s, meter.Event{Kind: meter.EventBoard, Clock: meter.ClockValid, At: 1, Code: meter.CodeAccepted}); len(got) != 0 {
		t.Error("the board has reported what is not its own")
	}
}

func boardReports(c *meter.Config, s *meter.State, ev meter.Event) (got []meter.Report) {
	for _, e := range meter.Step(c, s, ev, nil) {
		if e.Kind == meter.EffectPublish {
			got = append(got, e.Report)
		}
	}
	return got
}
