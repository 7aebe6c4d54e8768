package store

import "time"

// StandbyEvery is how often a server asks its database which standbys follow, and how often it looks whether the alarm about them should be open.
// Whatever else says which standbys follow tells what the last answer was, so it is no older than this.
const StandbyEvery = 2 * time.Second

// Standbys is what a database says about the servers that follow it. The zero value belongs to a store that has none, such as SQLite.
type Standbys struct {
	At          time.Time // when it was read; zero: never
	Expected    int       // how many should follow: as set, or as many as have followed at the same time
	Following   int       // how many receive everything as it is written
	Synchronous int       // for how many of these a commit may wait
	Waits       bool      // whether commits wait for a synchronous standby
	Lag         int64     // bytes that the slowest standby that follows does not have on its disk yet
	Timeline    int64     // of the primary, which each promotion raises; PostgreSQL lets nobody follow who has left it
	Hidden      bool      // the role of this server may not read the state of standbys; then it only counts connections
}

// Safety says how many machines the store may lose.
type Safety string

// Cases of safety, the best first.
const (
	SafetyAlone   Safety = "alone"   // no standby is expected
	SafetyFull    Safety = "full"    // all that are expected follow
	SafetyReduced Safety = "reduced" // fewer than expected follow: the store works, and its next loss may stop it
	SafetyStopped Safety = "stopped" // commits wait for a standby, and none follows: nothing can be stored
)

// Safety judges what was read.
func (s Standbys) Safety() Safety {
	switch {
	case s.At.IsZero():
		return SafetyAlone
	case s.Waits && s.Synchronous == 0:
		return SafetyStopped
	case s.Following < s.Expected:
		return SafetyReduced
	case s.Expected == 0:
		return SafetyAlone
	}
	return SafetyFull
}

// MaxLag is how many bytes a standby may lack and still count as one that follows: four files of PostgreSQL's log.
const MaxLag = 64 << 20

// Follower is one connection over which a standby receives the log.
type Follower struct {
	State string // as in pg_stat_replication; empty if hidden
	Sync  string // sync_state
	Lag   int64  // bytes that it does not have on its disk yet
}

// JudgeStandbys counts the followers of a server whose commits wait for a standby or not. The parameter set is how many standbys the operator
// has declared, 0 for none, and seen the most that have followed at the same time.
func JudgeStandbys(at time.Time, waits bool, all []Follower, set, seen int) Standbys {
	s := Standbys{At: at, Waits: waits}
	for _, f := range all {
		hidden := f.State == ""
		s.Hidden = s.Hidden || hidden
		if !hidden && (f.State != "streaming" || f.Lag > MaxLag) {
			continue
		}
		s.Following++
		s.Lag = max(s.Lag, f.Lag)
		if hidden || f.Sync == "sync" || f.Sync == "quorum" {
			s.Synchronous++
		}
	}
	s.Expected = set
	if set == 0 {
		s.Expected = max(seen, s.Following)
		if waits {
			s.Expected = max(s.Expected, 1)
		}
	}
	return s
}
