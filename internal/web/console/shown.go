package console

import (
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/print"
	"github.com/paywatt/paywatt/unit"
)

// shown writes a sentence that is stored in English as the rest of the console writes: its times in the site's zone, its energy in
// kilowatt-hours, and its amounts with the currency first. The stored sentence stays as it is, because the API shows it.
func (t site) shown(sentence string) string {
	sentence = regexp.MustCompile(`\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z| UTC)`).ReplaceAllStringFunc(sentence, func(text string) string {
		for _, layout := range []string{time.RFC3339Nano, "2006-01-02 15:04 UTC"} {
			if at, err := time.Parse(layout, text); err == nil {
				return t.clock(at)
			}
		}
		return text
	})
	sentence = regexp.MustCompile(`\b\d{1,18} Wh\b`).ReplaceAllStringFunc(sentence, func(text string) string {
		wh, err := strconv.ParseInt(strings.TrimSuffix(text, " Wh"), 10, 64)
		if err != nil {
			return text
		}
		return t.say.Energy(unit.Energy(wh), 3)
	})
	c, known := money.CurrencyOf(t.currency)
	if !known {
		return sentence
	}
	decimals := ""
	if c.Exp > 0 {
		decimals = `\.\d{` + strconv.Itoa(int(c.Exp)) + `}`
	}
	return regexp.MustCompile(`\b\d{1,15}`+decimals+` `+c.Code+`\b`).ReplaceAllStringFunc(sentence, func(text string) string {
		minor, err := strconv.ParseInt(strings.Replace(strings.TrimSuffix(text, " "+c.Code), ".", "", 1), 10, 64)
		if err != nil {
			return text
		}
		return t.say.Sum(money.Amount{Minor: money.Minor(minor), Currency: c.Code})
	})
}

// actor names somebody who is stored as [access.Actor.String] writes.
func (t site) actor(stored string) string { return print.Actor(t.say, stored) }
