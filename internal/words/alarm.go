package words

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/paywatt/paywatt/internal/catalogue"
)

// alarmForm recognises an alarm, or a part of one, by its English text.
type alarmForm struct {
	name   string         // of the text: "alarms.alarm.tamper"
	text   *regexp.Regexp // with a group for each place
	places []string       // in the order of the text
	fixed  int            // letters that are the same in each such alarm
	begins int            // 1 if it begins with the text of another alarm
}

// alarmForms makes a form of each English text of alarms: first those that begin with another alarm, then those with the most fixed letters.
func alarmForms() ([]alarmForm, error) {
	english, err := catalogue.Read(catalogue.English, "alarms")
	if err != nil {
		return nil, err
	}
	place := regexp.MustCompile(`\\\{([a-z]+)\\\}`) // in a quoted text
	var out []alarmForm
	for _, s := range english.Sections {
		for _, t := range s.Texts {
			quoted := regexp.QuoteMeta(t.Say)
			text, err := regexp.Compile(`(?s)\A` + place.ReplaceAllString(quoted, "(.+?)") + `\z`)
			if err != nil {
				return nil, fmt.Errorf("alarm %s: %w", t.Name, err)
			}
			f := alarmForm{name: "alarms." + s.Name + "." + t.Name, text: text, fixed: len(place.ReplaceAllString(quoted, ""))}
			for _, m := range place.FindAllStringSubmatch(quoted, -1) {
				f.places = append(f.places, m[1])
			}
			if strings.HasPrefix(t.Say, "{why}") {
				f.begins = 1
			}
			out = append(out, f)
		}
	}
	slices.SortStableFunc(out, func(a, b alarmForm) int {
		return cmp.Or(cmp.Compare(b.begins, a.begins), cmp.Compare(b.fixed, a.fixed))
	})
	return out, nil
}

// Alarm returns an alarm in the language. Alarms are stored in English; a text that is none of the catalogue's stays as it is.
func (t *Texts) Alarm(stored string) string {
	if t.code == catalogue.English {
		return stored
	}
	for _, f := range t.alarms {
		m := f.text.FindStringSubmatch(stored)
		if m == nil {
			continue
		}
		var filled []string
		for i, p := range f.places {
			value := m[i+1]
			if p == "why" || p == "doubt" || p == "switch" { // others are names and figures
				value = t.Alarm(value)
			}
			filled = append(filled, "{"+p+"}", value)
		}
		return t.say(f.name, filled...)
	}
	return stored
}
