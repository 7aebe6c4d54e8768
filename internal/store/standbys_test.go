package store_test

import (
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/store"
)

// TestStandbysAreJudged: a database without standbys is no cluster; one that lacks a standby it had, or was declared to have, is less safe,
// and one whose commits wait for a standby that does not follow has stopped.
func TestStandbysAreJudged(t *testing.T) {
	at := time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)
	sync := store.Follower{State: "streaming", Sync: "sync"}
	async := store.Follower{State: "streaming", Sync: "async", Lag: 100}
	for name, c := range map[string]struct {
		waits     bool
		all       []store.Follower
		set, seen int
		want      store.Safety
		expected  int
	}{
		"a database alone":                           {want: store.SafetyAlone},
		"a database alone that should have standbys": {set: 2, want: store.SafetyReduced, expected: 2},
		"all follow":                                 {waits: true, all: []store.Follower{sync, async}, set: 2, want: store.SafetyFull, expected: 2},
		"all that were ever seen follow":             {waits: true, all: []store.Follower{sync, async}, seen: 2, want: store.SafetyFull, expected: 2},
		"more follow than ever before":               {waits: true, all: []store.Follower{sync, async}, seen: 1, want: store.SafetyFull, expected: 2},
		"one was seen and is gone":                   {waits: true, all: []store.Follower{sync}, seen: 2, want: store.SafetyReduced, expected: 2},
		"one of two was never there":                 {waits: true, all: []store.Follower{sync}, set: 2, want: store.SafetyReduced, expected: 2},
		"both are gone":                              {waits: true, set: 2, want: store.SafetyStopped, expected: 2},
		"only one that no commit waits for":          {waits: true, all: []store.Follower{async}, set: 2, want: store.SafetyStopped, expected: 2},
		"commits wait, and nobody ever followed":     {waits: true, want: store.SafetyStopped, expected: 1},
		"none follows, and commits wait for none":    {set: 1, want: store.SafetyReduced, expected: 1},
		"one still copies":                           {waits: true, all: []store.Follower{sync, {State: "backup", Sync: "async"}}, set: 2, want: store.SafetyReduced, expected: 2},
		"one catches up":                             {waits: true, all: []store.Follower{sync, {State: "catchup", Sync: "async"}}, set: 2, want: store.SafetyReduced, expected: 2},
		"one is far behind":                          {waits: true, all: []store.Follower{sync, {State: "streaming", Sync: "async", Lag: store.MaxLag + 1}}, set: 2, want: store.SafetyReduced, expected: 2},
		"the state is hidden, and two are connected": {waits: true, all: []store.Follower{{}, {}}, set: 2, want: store.SafetyFull, expected: 2},
		"the state is hidden, and none is connected": {waits: true, set: 2, want: store.SafetyStopped, expected: 2},
		"a quorum":                       {waits: true, all: []store.Follower{{State: "streaming", Sync: "quorum"}}, set: 1, want: store.SafetyFull, expected: 1},
		"fewer are declared than follow": {waits: true, all: []store.Follower{sync, async}, set: 1, want: store.SafetyFull, expected: 1},
		"a database without standbys that once had some": {seen: 1, want: store.SafetyReduced, expected: 1},
	} {
		got := store.JudgeStandbys(at, c.waits, c.all, c.set, c.seen)
		if got.Safety() != c.want || got.Expected != c.expected {
			t.Errorf("%s: %+v is %s, want %s with %d expected", name, got, got.Safety(), c.want, c.expected)
		}
	}
	if (store.Standbys{}).Safety() != store.SafetyAlone {
		t.Error("a store that has read nothing is not alone")
	}
}
