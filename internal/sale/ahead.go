package sale

import "time"

// These limits say how far ahead of the clock a TID may lie. Each token of a meter takes its own minute, so the TIDs of many quick sales
// run ahead of the clock. A restore skips the TIDs of at least the next MaxAhead minutes, because they may have been issued in the lost
// time. After a restore the limit is wider until the clock has caught up, so that sales can continue at once.
const (
	MaxAhead         = 1440           // minutes
	MaxAheadRestored = 2 * MaxAhead   // minutes; the limit while the last restore is less than RestoredFor ago
	RestoredFor      = 24 * time.Hour // how long a store counts as just restored
)

// Reach returns the last minute whose TID may be issued now. Two parameters describe the store's last restore, and both are zero without a
// restore. One is the time of the restore. The other is the last minute whose TID may have been issued in the time that the restore lost.
// After a restore, the result is at least MaxAhead minutes after this last minute. This matters if a second restore soon follows the first.
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
