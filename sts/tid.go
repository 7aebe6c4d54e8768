package sts

import (
	"errors"
	"fmt"
	"time"
)

// ErrBaseDate reports a time that a base date cannot express: before it, or past the last of its 2^24 minutes. After
// that the meter needs a key change to the next base date ([BaseDate.Successor]) before it can get further tokens.
var ErrBaseDate = errors.New("outside the range of the base date")

// TID is a token identifier: the minute of issue, counted from a base date, in 24 bits (CTSA09). A meter accepts each
// TID only once per key, so no two tokens of one key may share a TID.
type TID uint32

// MaxTID is the last minute a base date can express; IEC 62055-41 gives the TID 24 bits.
const MaxTID TID = 1<<24 - 1

// BaseDate is a year: a TID counts the minutes from 1 January 00:00 of that year. It belongs to the vending key, and a
// meter moves to the next one by a key change with the rollover bit (CTSA15).
type BaseDate uint16

// The base dates of the standard, each with the last minute it can express.
const (
	Base1993 BaseDate = 1993 // until 2024-11-24 20:15
	Base2014 BaseDate = 2014 // until 2045-11-24 20:15
	Base2035 BaseDate = 2035 // until 2066-11-24 20:15
)

const (
	minutesPerDay  = 24 * 60
	reservedMinute = 1  // 00:01 of every day
	kenShift       = 16 // an expiry number is compared with the top 8 bits of a TID
	neverExpires   = 255
)

// ParseBaseDate reads "1993" or "93", "2014" or "14", "2035" or "35", as IEC 62055-41 writes base dates. The error is
// [ErrUnsupported].
func ParseBaseDate(s string) (BaseDate, error) {
	for _, b := range [...]BaseDate{Base1993, Base2014, Base2035} {
		if s == b.String() || s == b.String()[2:] {
			return b, nil
		}
	}
	return 0, fmt.Errorf("sts: base date %q: %w", s, ErrUnsupported)
}

// String returns the year.
func (b BaseDate) String() string { return fmt.Sprintf("%04d", uint16(b)) }

// Valid reports whether b is one of the three base dates.
func (b BaseDate) Valid() bool { return b == Base1993 || b == Base2014 || b == Base2035 }

func (b BaseDate) start() time.Time { return time.Date(int(b), 1, 1, 0, 0, 0, 0, time.UTC) }

// Time returns the start of the minute that t stands for, in UTC.
func (b BaseDate) Time(t TID) time.Time { return b.start().Add(time.Duration(t) * time.Minute) }

// End returns the start of the last minute that b can express, in UTC: 2024-11-24 20:15 for 1993, 2045-11-24 20:15 for
// 2014, 2066-11-24 20:15 for 2035. No token can be sold under the key after it.
func (b BaseDate) End() time.Time { return b.Time(MaxTID) }

// Successor returns the base date to roll over to when b ends. It returns false for the last base date.
func (b BaseDate) Successor() (BaseDate, bool) {
	switch b {
	case Base1993:
		return Base2014, true
	case Base2014:
		return Base2035, true
	}
	return 0, false
}

// Expiry returns the first instant, in UTC, at which a token made under a key with this expiry number (KEN) is
// refused. It returns false for 255, which never expires. One step of the number is 65,536 minutes, 45 days and 12:16
// h.
func (b BaseDate) Expiry(ken uint8) (time.Time, bool) {
	if ken == neverExpires {
		return time.Time{}, false
	}
	return b.Time((TID(ken) + 1) << kenShift), true
}

// TIDAt returns the TID of a token issued at t. Minutes are counted in UTC. The minute 00:01 of every day is reserved:
// a token issued in that minute takes the TID of 00:02 (CTSA09). The error is [ErrBaseDate], or [ErrUnsupported] if b
// is not a base date.
func (b BaseDate) TIDAt(t time.Time) (TID, error) {
	if !b.Valid() {
		return 0, fmt.Errorf("sts: base date %d: %w", uint16(b), ErrUnsupported)
	}
	seconds := t.Unix() - b.start().Unix()
	if seconds < 0 || seconds/60 > int64(MaxTID) {
		return 0, fmt.Errorf("sts: %s with base date %s: %w", t.UTC().Format("2006-01-02 15:04"), b, ErrBaseDate)
	}
	// MaxTID is the minute 20:15, so leaving a reserved minute never leaves the range.
	return skipReserved(TID(seconds / 60)), nil
}

// Next returns the TID of the next token of a key. The first parameter is the newest TID of the key, 0 if the key has no
// token yet. The second parameter is the current time. The result is the current minute. If that is not later than the
// newest TID, the result is the minute after the newest TID. A reserved minute is skipped (CTSA09). The caller decides
// how far TIDs may run ahead of the clock. The errors are those of [BaseDate.TIDAt].
func (b BaseDate) Next(last TID, now time.Time) (TID, error) {
	t, err := b.TIDAt(now)
	if err != nil || t > last {
		return t, err
	}
	return b.after(last)
}

// after returns the TID of the minute after the given TID. It skips a reserved minute.
func (b BaseDate) after(last TID) (TID, error) {
	if last >= MaxTID {
		return 0, fmt.Errorf("sts: TID after %d with base date %s: %w", last, b, ErrBaseDate)
	}
	return skipReserved(last + 1), nil
}

// Expired reports whether a key with expiry number ken has expired for a token with this TID. It compares ken with the
// top 8 bits of the TID; an equal number has not expired, and 255 never expires (CTSA16, and the page on KEN of
// sts.org.za).
func (t TID) Expired(ken uint8) bool { return ken != neverExpires && t>>kenShift > TID(ken) }

// skipReserved moves a TID off the reserved minute of the day.
func skipReserved(t TID) TID {
	if t%minutesPerDay == reservedMinute {
		return t + 1
	}
	return t
}
