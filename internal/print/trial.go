package print

import (
	"strings"

	"github.com/paywatt/paywatt/internal/words"
)

// Trial arranges a page that shows whether a printer works: the ruler is as wide as the paper, and the languages' own names show that every
// script comes out.
func Trial(say *words.Texts, h House, printer string, columns int, languages []string) Sheet {
	say = say.Plain()
	s := Sheet{say: say, title: say.PrintingTestTitle()}
	s.add(title, "", say.PrintingTestTitle())
	s.centre(h.Name)
	s.rule()
	s.field(say.PrintingPrinter(), printer)
	s.field(say.PaperDate(), h.clock(say, h.At))
	s.centre(strings.Repeat("1234567890", columns/10+1)[:columns])
	for _, l := range languages {
		s.centre(l)
	}
	return s
}
