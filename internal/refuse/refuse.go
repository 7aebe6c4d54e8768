// Package refuse has a constructor for each refusal. The constructors are generated from internal/catalogue/texts/en/refusals.toml. Add a
// new refusal to that file, then run go generate ./internal/catalogue, which writes its constructor.
//
// The constructors write the English text, which goes into the API's answers and the log. They also give the name of the text and its
// arguments, so that a page can show the text in another language.
package refuse

import (
	"fmt"
	"strings"
	"time"
)

// stamp formats a time for a person, in UTC, to the minute.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 MST") }

// Span formats a duration for a person, to the second. Its symbols are the same in every language: "15 min", "3 h 12 min", "-40 s".
func Span(d time.Duration) string {
	d = d.Round(time.Second)
	sign := ""
	if d < 0 {
		sign, d = "-", -d
	}
	var parts []string
	for _, u := range []struct {
		size   time.Duration
		symbol string
	}{{time.Hour, "h"}, {time.Minute, "min"}, {time.Second, "s"}} {
		if n := d / u.size; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, u.symbol))
		}
		d %= u.size
	}
	if parts == nil {
		return "0 s"
	}
	return sign + strings.Join(parts, " ")
}
