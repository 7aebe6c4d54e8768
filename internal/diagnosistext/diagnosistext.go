// Package diagnosistext has the texts of a diagnosis, one function for each case. A function returns what is wrong with a token and what to
// do. The texts come from internal/catalogue/texts/en/diagnosis.toml.
package diagnosistext

import (
	"strings"

	"github.com/paywatt/paywatt/internal/refusal"
)

// Text is a sentence of a diagnosis in English, with what a page needs to say it in the reader's language.
type Text struct {
	Name    string // in the catalogue: "ready.text"
	English string
	// Args are the values of its places. Of is a *Text for a place that holds another text, and an int for the number on which the form of
	// the text depends.
	Args []refusal.Arg
}

// said fills a text. The parameter filled has places and their values in turn: "{meter}", "04140001001".
func said(name, text string, filled ...string) *Text {
	out, _ := both(name, text, "", filled...)
	out.Name = name
	return out
}

// both fills the two texts of a case.
func both(name, text, do string, filled ...string) (*Text, *Text) {
	in := strings.NewReplacer(filled...)
	a, b := &Text{Name: name + ".text", English: in.Replace(text)}, &Text{Name: name + ".do", English: in.Replace(do)}
	for i := 0; i < len(filled); i += 2 {
		arg := refusal.Arg{Place: strings.Trim(filled[i], "{}"), Value: filled[i+1]}
		a.Args, b.Args = append(a.Args, arg), append(b.Args, arg)
	}
	return a, b
}
