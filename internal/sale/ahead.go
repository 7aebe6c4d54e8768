package sale

import "time"

// These limits say how far ahead of the clock a TID may lie. Each token of a meter takes its own minute, so the TIDs of many quick sales
// run ahead of the clock. A restore skips all TIDs that may have been issued in the lost time, which are those of MaxAhead minutes. After
// a restore the limit is wider until the clock has caught up, so that sales can continue at once.
const (
	MaxAhead         = 1440           // minutes
	MaxAheadRestored = 2 * MaxAhead   // minutes, until RestoredFor after a restore
	RestoredFor      = 24 * time.Hour // how long a store counts as just restored
)

// Reach returns the last minute whose TID may be issued now. The parameter restored is the time of the store's last restore. TIDs up to
// the time lost may have been issued before that restore. Both are zero without a restore. If a second restore soon follows the first,
// TIDs begin further ahead, and the limit lies MaxAhead minutes beyond them.
func Reach(now, restored, lost time.Time) time.Time {
	ahead := MaxAhead * time.Minute
	if !restored.IsZero() && now.Before(restored.Add(RestoredFor)) {
		ahead = MaxAheadRestored * time.Minute
	}
	reach := now.Truncate(time.Minute).Add(ahead)
	if beyond := lost.Add(MaxAhead * time.Minute); !lost.IsZero() && beyond.After(reach) {
		return beyond
	}
	return reach
}

// IssuedUpTo returns the last minute whose TID a store may have issued by now, given its last restore.
func IssuedUpTo(now, restored, lost time.Time) time.Time {
	given := Reach(now, restored, lost)
	if restored.IsZero() {
		return given
	}
	// The limit was widest just before the end of RestoredFor.
	if wide := restored.Add(RestoredFor - time.Minute); wide.Before(now) {
		if before := Reach(wide, restored, lost); before.After(given) {
			return before
		}
	}
	return given
}
