// Package words has the texts of pages and receipts, a method for each, in the reader's language. The methods are generated
// from pages.toml and receipts.toml in internal/catalogue/texts/en: add a new text there, and go generate
// ./internal/catalogue writes its method.
//
// Start at [Open], which lists the languages, and [Languages.For].
package words

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nicksnyder/go-i18n/v2/i18n"
	"github.com/nicksnyder/go-i18n/v2/i18n/template"
	"golang.org/x/text/language"

	"github.com/paywatt/paywatt/internal/catalogue"
	"github.com/paywatt/paywatt/internal/diagnosistext"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/unit"
)

// Areas are the files of the catalogue whose texts appear on pages.
func Areas() []string {
	return []string{"pages", "receipts", "names", "refusals", "alarms", "diagnosis"}
}

// Languages holds the texts of all languages.
type Languages struct {
	tags    []language.Tag
	matcher language.Matcher
	texts   []*Texts // in the order of the tags
	alarms  []alarmForm
}

// Open lists the languages of the catalogue, and reads how each writes figures.
func Open() (*Languages, error) {
	l := &Languages{}
	var err error
	if l.alarms, err = alarmForms(); err != nil {
		return nil, err
	}
	codes, err := catalogue.Languages("language")
	if err != nil {
		return nil, err
	}
	for _, code := range codes {
		read := func(area string) (catalogue.File, error) { return catalogue.Read(code, area) }
		if err := l.Add(code, read); err != nil {
			return nil, err
		}
	}
	return l, nil
}

// Add adds a language, such as "sw" or "pt-BR". The function read returns its texts of an area; it is called when somebody first needs a
// text, because a language takes some megabytes of memory and few sites use all. Add must not run while another goroutine uses the languages.
func (l *Languages) Add(code string, read func(area string) (catalogue.File, error)) error {
	tag, err := language.Parse(code)
	if err != nil {
		return fmt.Errorf("language %s: %w", code, err)
	}
	f, err := formOf(code, read)
	if err != nil {
		return err
	}
	t := &Texts{in: sync.OnceValue(func() *i18n.Localizer { return newLocalizer(tag, read) }), code: code, form: f, alarms: l.alarms}
	if len(l.texts) > 0 {
		t.english = l.texts[0]
	}
	l.tags, l.texts = append(l.tags, tag), append(l.texts, t)
	l.matcher = language.NewMatcher(l.tags)
	return nil
}

// newLocalizer reads the texts of a language. An area that cannot be read has none, so its texts are in English. The tests of the catalogue read all.
func newLocalizer(tag language.Tag, read func(area string) (catalogue.File, error)) *i18n.Localizer {
	bundle := i18n.NewBundle(tag)
	for _, area := range Areas() {
		f, err := read(area)
		if err != nil {
			continue
		}
		for _, s := range f.Sections {
			for _, t := range s.Texts {
				m := i18n.Message{ID: area + "." + s.Name + "." + t.Name, Zero: t.Zero, One: t.One, Two: t.Two, Few: t.Few, Many: t.Many, Other: t.Say}
				_ = bundle.AddMessages(tag, &m) // fails only for a language without rules for plurals; its texts are in English then
			}
		}
	}
	return i18n.NewLocalizer(bundle, tag.String())
}

// All lists the languages of the pages, English first.
func (l *Languages) All() []*Texts { return l.texts }

// Chosen returns the texts in the language of a code from [Texts.Code], and whether there is such a language.
func (l *Languages) Chosen(code string) (*Texts, bool) {
	for _, t := range l.texts {
		if t.code == code {
			return t, true
		}
	}
	return nil, false
}

// For returns the texts in the available language that an Accept-Language header prefers; English if there is none.
func (l *Languages) For(accept string) *Texts {
	tags, _, err := language.ParseAcceptLanguage(accept)
	if err != nil {
		tags = nil // an invalid header prefers no language
	}
	_, i, _ := l.matcher.Match(tags...)
	return l.texts[i]
}

// English returns the texts in English, the language of answers to programs.
func (l *Languages) English() *Texts { return l.texts[0] }

// Texts are the texts in one language. Texts that are missing in the language are in English.
type Texts struct {
	in      func() *i18n.Localizer
	code    string
	form    form
	alarms  []alarmForm
	plain   bool
	zone    *time.Location // of the site; nil for UTC
	english *Texts         // nil if these are the English ones
}

// Code is the language for a page's attribute lang: "en".
func (t *Texts) Code() string { return t.code }

// say returns a text. The parameter filled has places and their values in turn: "{meter}", "04140001001".
func (t *Texts) say(name string, filled ...string) string {
	return t.localized(i18n.LocalizeConfig{MessageID: name, TemplateData: filled})
}

// count returns the form of a text that goes with a number.
func (t *Texts) count(name string, n int, filled ...string) string {
	return t.localized(i18n.LocalizeConfig{MessageID: name, PluralCount: n, TemplateData: filled})
}

func (t *Texts) localized(c i18n.LocalizeConfig) string {
	c.TemplateParser = braces{}
	if filled, ok := c.TemplateData.([]string); ok && t.isolates() {
		for i := 1; i < len(filled); i += 2 {
			if filled[i] != "" && !strings.HasPrefix(filled[i], isolateLTR) {
				filled[i] = isolate + filled[i] + isolateEnd
			}
		}
	}
	if said, known := t.findText(c); known {
		return said
	}
	return "[" + c.MessageID + "]" // a test asks for every text in every language
}

// findText looks for a text in the language, and then in English.
func (t *Texts) findText(c i18n.LocalizeConfig) (said string, known bool) {
	said, err := t.in().Localize(&c)
	if err == nil || said != "" {
		return said, true
	}
	if t.english == nil {
		return "", false
	}
	return t.english.findText(c)
}

// Name returns the name of a value of a kind. For the kind "event" and the value "301", it is the text "301" in the section "event" of the
// catalogue's names. A value without a name is written as it is, in small letters and without underscores.
func (t *Texts) Name(kind, value string) string {
	if said, known := t.findText(i18n.LocalizeConfig{MessageID: "names." + kind + "." + value, TemplateParser: braces{}}); known {
		return said
	}
	return strings.ReplaceAll(strings.ToLower(value), "_", " ")
}

// Names lists the names of several values of a kind.
func (t *Texts) Names(kind string, values []string) string {
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = t.Name(kind, v)
	}
	return t.List(out...)
}

// List writes the parts of a list after one another, in the direction of the language whatever their own is.
func (t *Texts) List(parts ...string) string {
	comma := t.form.comma + " "
	if len(parts) == 0 || !t.isolates() {
		return strings.Join(parts, comma)
	}
	return isolate + strings.Join(parts, isolateEnd+comma+isolate) + isolateEnd
}

// Refusal returns a refusal's sentences in the language. A refusal without a text in the catalogue stays as it is.
func (t *Texts) Refusal(r refusal.Refusal) refusal.Refusal {
	isTime := func(a refusal.Arg) bool { _, is := a.Of.(time.Time); return is }
	if r.Text == "" || t.code == catalogue.English && (t.zone == nil || !slices.ContainsFunc(r.Args, isTime)) {
		return r
	}
	if r.Within != nil {
		in := t.Refusal(*r.Within)
		r.Args = slices.Clone(r.Args)
		for i, a := range r.Args {
			switch a.Place {
			case "what":
				r.Args[i].Value = in.What
			case "try":
				r.Args[i].Value = in.Try
			}
		}
	}
	filled := make([]string, 0, 2*len(r.Args))
	for _, a := range r.Args {
		filled = append(filled, "{"+a.Place+"}", t.valueOf(a))
	}
	for part, s := range map[string]*string{"what": &r.What, "not": &r.Not, "try": &r.Try} {
		if *s != "" {
			*s = t.say("refusals."+r.Text+"."+part, filled...)
		}
	}
	if r.Instead != "" {
		r.Not = t.say("refusals." + r.Instead + ".not")
	}
	return r
}

// valueOf writes the value of a place in a refusal.
func (t *Texts) valueOf(a refusal.Arg) string {
	switch v := a.Of.(type) {
	case time.Time:
		return t.Moment(v)
	case money.Amount:
		return t.Sum(v)
	case unit.Energy:
		return t.ltr(t.written(a.Value))
	case *diagnosistext.Text:
		return t.Diagnosed(v)
	}
	return a.Value
}

// Diagnosed returns a sentence of a diagnosis in the language. A sentence without a text in the catalogue stays as it is.
func (t *Texts) Diagnosed(s *diagnosistext.Text) string {
	if s.Name == "" || t.code == catalogue.English {
		return s.English
	}
	c := i18n.LocalizeConfig{MessageID: "diagnosis." + s.Name}
	var filled []string
	for _, a := range s.Args {
		if n, counts := a.Of.(int); counts {
			c.PluralCount = n
		}
		filled = append(filled, "{"+a.Place+"}", t.valueOf(a))
	}
	c.TemplateData = filled
	return t.localized(c)
}

// braces is a template parser whose places are in braces.
type braces struct{}

func (braces) Cacheable() bool { return true }

func (braces) Parse(src, _, _ string) (template.ParsedTemplate, error) { return text(src), nil }

type text string

// Execute fills the places with the values that say and count were given.
func (t text) Execute(data any) (string, error) {
	filled, _ := data.([]string)
	if len(filled) == 0 {
		return string(t), nil
	}
	return strings.NewReplacer(filled...).Replace(string(t)), nil
}

type key struct{}

// With returns a context that makes pages use the texts.
func With(ctx context.Context, t *Texts) context.Context { return context.WithValue(ctx, key{}, t) }

// Of returns the texts of a context from [With].
func Of(ctx context.Context) *Texts { return ctx.Value(key{}).(*Texts) }
