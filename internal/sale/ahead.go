package sale

import "time"

// How far ahead of the clock a TID may lie. Each token of a meter takes its own minute, so many sales in a row run ahead of the clock. A
// restore skips every TID that may have been issued in the lost time: those of MaxAhead minutes. The limit is wider until the clock has
// caught up, so that sales can continue at once.
const (
	MaxAhead         = 1440           // minutes
	MaxAheadRestored = 2 * MaxAhead   // minutes, until RestoredFor after a restore
	RestoredFor      = 24 * time.Hour // how long a store counts as just restored
)

// Reach returns the last minute whose TID may be issued now. restored is the time of the store's last restore, and TIDs up to lost may have
// been issued before it; both are zero if there was none. After a second restore soon after the first, TIDs begin further ahead, and the
// limit lies MaxAhead minutes beyond them.
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

// IssuedUpTo returns the last minute whose TID a store with this last restore may have issued by now.
func IssuedUpTo(now, restored, lost time.Time) time.Time {
	given := Reach(now, restored, lost)
	if restored.IsZero() {
		return given
	}
	// The limit was widest just before it narrowed.
	if wide := restored.Add(RestoredFor - time.Minute); wide.Before(now) {
		if before := Reach(wide, restored, lost); before.After(given) {
			return before
		}
	}
	return given
}
