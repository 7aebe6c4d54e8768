package metering

import (
	"fmt"
	"strings"
	"time"

	"github.com/paywatt/paywatt/wire"
)

// Doubt names a fault in a meter's record. Names are stored, shown by the API and translated by the console; never rename one.
type Doubt string

// Doubts about a register compared with the register counted last. [CounterDoubt] chooses one of them.
const (
	// DoubtZero: the register is 0 after energy was counted.
	DoubtZero Doubt = "zero"
	// DoubtRollover: the register passed its last figure and began again.
	DoubtRollover Doubt = "rollover"
	// DoubtReset: the register began again near 0: another meter, or one whose memory was cleared.
	DoubtReset Doubt = "reset"
	// DoubtBackwards: the register fell.
	DoubtBackwards Doubt = "backwards"
	// DoubtDoubled: the register has doubled, as if energy was counted or sent twice.
	DoubtDoubled Doubt = "doubled"
	// DoubtJump: the register rose by more than the meter can measure in the time.
	DoubtJump Doubt = "jump"
	// DoubtSpan: the readings are too far apart to share the energy over days.
	DoubtSpan Doubt = "long-gap"
	// DoubtPrice: the tariff gives no price for the energy.
	DoubtPrice Doubt = "no-price"
	// DoubtOpen: energy was counted while the meter reported an open relay.
	DoubtOpen Doubt = "relay-open"
)

// Doubts about a single record.
const (
	// DoubtFuture: the record's time is more than [MaxAhead] in the future.
	DoubtFuture Doubt = "future-time"
	// DoubtTime: the record's time is outside the years that can be written.
	DoubtTime Doubt = "impossible-time"
	// DoubtNegative: a register that only rises is below 0.
	DoubtNegative Doubt = "negative"
	// DoubtPower: the power is more than the meter can measure.
	DoubtPower Doubt = "implausible-power"
	// DoubtUnreadable: the record cannot be read.
	DoubtUnreadable Doubt = "unreadable"
)

// Limits that classify a register that cannot follow the previous register.
const (
	// resetShare: a register began again near 0 if it is at most 1/resetShare of the previous register.
	resetShare = 50
	// rolloverShare: a register may pass its last figure between two readings if it is within 1/rolloverShare of that figure.
	rolloverShare = 50
	// doubledShare: the register doubled if it is within 1/doubledShare of twice the previous register.
	doubledShare = 200
)

// CounterDoubt classifies a register (is) that cannot follow the register counted last (was). Both are in Wh and not negative.
func CounterDoubt(was, is int64) Doubt {
	switch {
	case is >= was:
		if was > 0 && near(is-was, was, doubledShare) {
			return DoubtDoubled
		}
		return DoubtJump
	case is == 0:
		return DoubtZero
	case rolledOver(was, is):
		return DoubtRollover
	case is <= was/resetShare:
		return DoubtReset
	}
	return DoubtBackwards
}

// rolledOver reports whether a register was just below a figure at which registers end and is now just above 0. Registers end at five to
// twelve digits of Wh or of kWh, or at 31 or 32 bits.
func rolledOver(was, is int64) bool {
	ends := []int64{1 << 32, 1 << 31}
	for end := int64(100_000); end <= 1_000_000_000_000; end *= 10 {
		ends = append(ends, end)
	}
	for _, end := range ends {
		if was < end && end-was <= end/rolloverShare && is <= end/rolloverShare {
			return true
		}
	}
	return false
}

// near reports whether a lies within b/share of b.
func near(a, b, share int64) bool { return a-b <= b/share && b-a <= b/share }

// MaxAhead is the largest lead of a meter's clock over the server's. Records with a greater lead are held for review. A day allows for a
// clock set to local time, and still catches a year such as 2106.
const MaxAhead = 24 * time.Hour

// lastSecond is the end of the year 9999: no time beyond it can be written as RFC 3339.
const lastSecond = 253_402_300_799

// Writable reports whether a meter's time can be stored and shown at all.
func Writable(at int64) bool { return at >= 0 && at <= lastSecond }

// Suspicion is the reason why a record is held for review; the zero value if there is none.
type Suspicion struct {
	Doubt Doubt
	Text  string
}

// Judge looks for values that no meter can have measured. It does not compare a simulated meter's records with the server's clock, because
// a simulated meter has a time of its own. It does not compare a time that the meter itself marks as invalid.
func Judge(r *wire.Record, simulated bool, now time.Time) Suspicion {
	if !Writable(r.Head.At) {
		return Suspicion{DoubtTime, fmt.Sprintf("time %d lies outside 1970 to 9999", r.Head.At)}
	}
	if !simulated && r.Head.Clock != wire.ClockInvalid && time.Unix(r.Head.At, 0).After(now.Add(MaxAhead)) {
		return Suspicion{DoubtFuture, fmt.Sprintf("future time: the record is of %s, more than %s ahead of the server",
			time.Unix(r.Head.At, 0).UTC().Format(time.RFC3339), MaxAhead)}
	}
	if r.Reading != nil {
		return judgeReading(r.Reading)
	}
	return Suspicion{}
}

func judgeReading(p *wire.Reading) Suspicion {
	for _, f := range []struct {
		name  string
		value int64
	}{{"register_wh", p.RegisterWh}, {"ec_used_wh", p.ECUsedWh}, {"overrun_wh", p.OverrunWh}} {
		if f.value < 0 {
			return Suspicion{DoubtNegative, fmt.Sprintf("%s is negative: %d", f.name, f.value)}
		}
	}
	if len(p.Reasons) > maxReasons {
		return Suspicion{DoubtUnreadable, fmt.Sprintf("%d reasons, at most %d are possible", len(p.Reasons), maxReasons)}
	}
	for _, name := range p.Reasons {
		if len(name) > maxReasonLen || strings.Contains(name, ",") {
			return Suspicion{DoubtUnreadable, "a reason is no name"}
		}
	}
	return Suspicion{}
}

// powerNum/powerDen is the tolerance above the highest power that a meter can measure: a fifth.
const powerNum, powerDen = 12, 10

// suspect judges a record with the data of its meter. Energy fed back is negative power, with the same limit.
func (r *Record) suspect() Suspicion {
	if r.Bad != nil {
		return Suspicion{DoubtUnreadable, r.Bad.Reason}
	}
	s := Judge(&r.Rec, r.Simulated, r.ReceivedAt)
	if p := r.Rec.Reading; s == (Suspicion{}) && p != nil && r.MaxW > 0 {
		if most := r.MaxW * powerNum / powerDen; p.W > most || p.W < -most {
			return Suspicion{DoubtPower, fmt.Sprintf("power of %d W, the meter can measure %d W", p.W, r.MaxW)}
		}
	}
	return s
}
