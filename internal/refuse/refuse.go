// Package refuse has a constructor for each refusal. They are generated from internal/catalogue/texts/en/refusals.toml: add a new refusal
// there, and go generate ./internal/catalogue writes its constructor.
//
// The constructors write the English text, which goes into the API's answers and the log. The name of the text and its arguments come with
// it, so that a page can show it in another language.
package refuse

import "time"

// stamp formats a time for a person: in UTC, to the minute.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 MST") }
