// Package refuse has a constructor for each refusal. They are made from internal/catalogue/texts/en/refusals.toml: a new
// refusal begins there, and go generate ./internal/catalogue writes its constructor.
//
// The constructors write the English text, which the API answers and the log keeps. The name of the text and its arguments
// travel with it, so that a page can say the same in another language.
package refuse

import "time"

// stamp writes a moment for a person: in UTC, to the minute.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 MST") }
