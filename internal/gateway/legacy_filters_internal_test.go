package gateway

import (
	"fmt"
	"strings"
	"testing"
)

// TestWhichTopicsAFilterMatches follows MQTT 3.1.1 §4.7, level by level.
func TestWhichTopicsAFilterMatches(t *testing.T) {
	for _, c := range []struct {
		filter, topic string
		want          bool
	}{
		{"a", "a", true}, {"a", "b", false}, {"a", "ab", false}, {"ab", "a", false}, {"A", "a", false}, {"", "", true}, {"a", "", false},
		{"a/b", "a/b", true}, {"a/b", "a", false}, {"a", "a/b", false}, {"a/b", "a/c", false}, {"a/b/c", "a/b", false}, {"a/", "a", false},
		{"a", "a/", false}, {"a/", "a/", true},
		{"#", "a", true}, {"#", "a/b/c", true}, {"a/#", "a/b", true}, {"a/#", "a/b/c", true}, {"a/#", "a", true}, {"a/#", "b", false},
		{"a/#", "b/a", false}, {"a/b/#", "a", false},
		{"+", "a", true}, {"+", "", true}, {"+", "a/b", false}, {"+/b", "a/b", true}, {"+/b", "a/c", false}, {"a/+", "a/b", true},
		{"a/+", "a", false}, {"a/+", "a/", true},
		{"a/+/c", "a/b/c", true}, {"a/+/c", "a/b/d", false}, {"+/+", "a/b", true}, {"+/+", "a", false}, {"+/#", "a", true}, {"a/+/#", "a", false},
		{"cmnd/+/POWER", "cmnd/plug/POWER", true}, {"cmnd/+/POWER", "stat/plug/POWER", false},
	} {
		if got := filterMatches(c.filter, c.topic); got != c.want {
			t.Errorf("%q matches %q: %t, want %t", c.filter, c.topic, got, c.want)
		}
	}
}

// TestHowManyFiltersADeviceMayHave: a filter that it has already needs no room. One that is too long, or that is not its own, is refused.
func TestHowManyFiltersADeviceMayHave(t *testing.T) {
	s := &legacySession{l: &Legacy{limits: Limits{Subscriptions: 3}}}
	var have []string
	for i := range 3 {
		more, ok := s.with(have, fmt.Sprintf("f%d", i))
		if !ok || len(more) != i+1 {
			t.Fatalf("filter %d: %q, %t", i, more, ok)
		}
		have = more
	}
	long := strings.Repeat("x", maxTopic)
	for _, c := range []struct {
		have   []string
		filter string
		count  int
		want   bool
	}{
		{have, "f3", 3, false}, {have, "f2", 3, true}, {have[:2], "f3", 3, true}, {nil, long, 1, true}, {nil, long + "x", 0, false},
	} {
		if more, ok := s.with(c.have, c.filter); ok != c.want || len(more) != c.count {
			t.Errorf("%.10q beside %q: %q, %t", c.filter, c.have, more, ok)
		}
	}
	s.may = func(filter string) bool { return filter == "mine" }
	for filter, want := range map[string]bool{"mine": true, "yours": false} {
		if _, ok := s.with(nil, filter); ok != want {
			t.Errorf("%s at the shared listener: %t, want %t", filter, ok, want)
		}
	}
}
