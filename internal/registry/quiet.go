package registry

import (
	"fmt"
	"time"

	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
)

// QuietHours are the hours in which customers get no warnings, in the tenant's time zone. The zero value means the defaults,
// 21:00 to 07:00. Two equal times mean no quiet hours.
type QuietHours struct {
	From string `json:"from,omitempty"` // "21:00"
	To   string `json:"to,omitempty"`
}

const (
	defaultQuietFrom = "21:00"
	defaultQuietTo   = "07:00"
	clockForm        = "15:04"
)

// Times returns the hours with the defaults applied.
func (q QuietHours) Times() (from, to string) {
	return or(q.From, defaultQuietFrom), or(q.To, defaultQuietTo)
}

func (q QuietHours) check() refusal.Refusal {
	for _, text := range []string{q.From, q.To} {
		if _, err := time.Parse(clockForm, text); text != "" && err != nil {
			return refuse.QuietHoursInvalid(refusal.Echo(text))
		}
	}
	return refusal.Refusal{}
}

// After returns when a warning may be sent: now, or at the end of the present quiet hours.
func (q QuietHours) After(now time.Time, zone *time.Location) time.Time {
	f, t := q.Times()
	from, err1 := time.Parse(clockForm, f)
	to, err2 := time.Parse(clockForm, t)
	if err1 != nil || err2 != nil {
		return now
	}
	minute := func(at time.Time) int { return at.Hour()*60 + at.Minute() }
	local, begin, end := now.In(zone), minute(from), minute(to)
	at := minute(local)
	inside := begin <= at && at < end
	if begin > end { // the quiet hours pass midnight
		inside = at >= begin || at < end
	}
	if begin == end || !inside {
		return now
	}
	day := local.Day()
	if at >= end {
		day++
	}
	return time.Date(local.Year(), local.Month(), day, end/60, end%60, 0, 0, zone)
}

func (q QuietHours) summary() string {
	from, to := q.Times()
	return fmt.Sprintf("%s-%s", from, to)
}
