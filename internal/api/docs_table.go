package api

import (
	"slices"
	"strings"
)

// This file searches in /docs. Anybody may search, so a search does little: the parts of the page are rendered once, and a search compares its
// words with their texts and sends those that hold all of them. It renders and copies nothing but the head of its page.

// docsTable is the page /docs in parts.
type docsTable struct {
	page     docsPage // for the head: its title and version
	sections []docsSection
	foot     []byte
}

// docsSection is a topic, the objects or the codes.
type docsSection struct {
	before, after []byte
	parts         []docsPart
}

// docsPart is an operation, an object or a code.
type docsPart struct {
	text string // in small letters; a search looks in it
	html []byte
}

// docsTableOf renders the parts of a page: found ones show everything at once.
func docsTableOf(m docsPage, found bool) (docsTable, error) {
	var failed error
	render := func(name string, data any) []byte {
		html, err := docsHTML(name, data)
		if err != nil {
			failed = err
		}
		return html
	}
	t := docsTable{page: docsPage{Title: m.Title, Version: m.Version}, foot: render("foot", nil)}
	for _, topic := range m.Topics {
		s := docsSection{before: render("topic", topic), after: render("topic end", nil)}
		for _, op := range topic.Operations {
			s.parts = append(s.parts, docsPart{op.searched(), render("operation", op)})
		}
		t.sections = append(t.sections, s)
	}
	objects := docsSection{before: render("objects", nil)}
	for _, o := range m.Schemas {
		o.Found = found
		objects.parts = append(objects.parts, docsPart{strings.ToLower(o.Name), render("object", o)})
	}
	codes := docsSection{before: render("codes", nil), after: render("codes end", nil)}
	for _, c := range m.Codes {
		codes.parts = append(codes.parts, docsPart{strings.ToLower(c.Code), render("code", c)})
	}
	t.sections = append(t.sections, objects, codes)
	return t, failed
}

// searched returns the text of an operation in which a search looks.
func (o docsOperation) searched() string {
	texts := []string{o.Method + " " + o.Path, o.ID, o.Summary, o.Description, o.Topic}
	for _, f := range slices.Concat(o.Params, o.Fields) {
		texts = append(texts, f.Name)
	}
	return strings.ToLower(strings.Join(texts, "\n"))
}

// find returns the page with the operations, objects and codes that hold every word of the query; of an empty one, everything.
func (t docsTable) find(query string) (body [][]byte, err error) {
	words := strings.Fields(strings.ToLower(query))
	slices.Sort(words)
	words = slices.Compact(words)
	for _, s := range t.sections {
		before := len(body)
		for _, p := range s.parts {
			if !p.holds(words) {
				continue
			}
			if len(body) == before {
				body = append(body, s.before)
			}
			body = append(body, p.html)
		}
		if len(body) > before {
			body = append(body, s.after)
		}
	}
	page := t.page
	page.Query, page.Missing = query, body == nil
	head, err := docsHTML("head", page)
	return slices.Concat([][]byte{head}, body, [][]byte{t.foot}), err
}

func (p docsPart) holds(words []string) bool {
	return !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(p.text, w) })
}

// docsWhole renders the page with everything.
func docsWhole(m docsPage) ([]byte, error) {
	table, err := docsTableOf(m, false)
	if err != nil {
		return nil, err
	}
	body, err := table.find("")
	return slices.Concat(body...), err
}
