package main

import (
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/store"
)

// TestDoctorSaysWhichStandbysFollow: a database without standbys needs no check. A lost standby is a warning while another one follows, and
// bad when none does.
func TestDoctorSaysWhichStandbysFollow(t *testing.T) {
	at := time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)
	sync, async, hidden := store.Follower{State: "streaming", Sync: "sync"}, store.Follower{State: "streaming", Sync: "async", Lag: 100}, store.Follower{}
	for name, c := range map[string]struct {
		waits         bool
		all           []store.Follower
		set           int
		verdict, says string
	}{
		"a database alone":  {},
		"all follow":        {true, []store.Follower{sync, async}, 2, checkOK, "2 of 2 follow the database, 1 of them synchronous, 100 bytes behind, timeline 7"},
		"one is missing":    {true, []store.Follower{sync}, 2, checkWarn, "1 of 2 follow"},
		"none follows":      {true, nil, 2, checkBad, "none follows"},
		"they are hidden":   {true, []store.Follower{hidden, hidden}, 2, checkWarn, "GRANT pg_monitor"},
		"none is there yet": {false, nil, 1, checkWarn, "0 of 1 follow"},
	} {
		s := store.JudgeStandbys(at, c.waits, c.all, c.set, 0)
		s.Timeline = 7
		got := standbysCheck(s)
		switch {
		case c.verdict == "" && got != nil:
			t.Errorf("%s: %v, want no check", name, got)
		case c.verdict != "" && (len(got) != 1 || got[0].Verdict != c.verdict || !strings.Contains(got[0].Detail, c.says)):
			t.Errorf("%s: %v, want %s with %q", name, got, c.verdict, c.says)
		}
	}
}
