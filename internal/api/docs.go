package api

import (
	"bytes"
	"cmp"
	"embed"
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"
)

//go:embed docs.html docs.css
var docsFiles embed.FS

// contentPolicy is the policy of every HTML page: only our own files, no inline script or style.
const contentPolicy = "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; base-uri 'none'; " +
	"form-action 'self'; frame-ancestors 'none'"

// docsPage is the page's model: the OpenAPI document in reading order.
type docsPage struct {
	Title, Version string
	Operations     []docsOperation
	Schemas        []docsSchema
	Codes          []docsCode
}

type docsOperation struct {
	ID, Method, Path, Summary, Description string
	Params                                 []docsField
	Body                                   string // name of the request's schema
	Answers                                []docsAnswer
}

type docsAnswer struct{ Status, Text, Schema string }

type docsSchema struct {
	Name   string
	Fields []docsField
}

type docsField struct {
	Name, Kind, Link, Text string
	Required               bool
}

type docsCode struct {
	Code   string
	Status int
	Moved  string
}

// docs renders the page.
func docs(spec *huma.OpenAPI) ([]byte, error) {
	t, err := template.ParseFS(docsFiles, "docs.html")
	if err != nil {
		return nil, fmt.Errorf("read the template of /docs: %w", err)
	}
	m := docsPage{Title: spec.Info.Title, Version: spec.Info.Version}
	for path, item := range spec.Paths {
		for _, op := range []*huma.Operation{item.Get, item.Post} {
			if op != nil {
				m.Operations = append(m.Operations, docsOf(path, op))
			}
		}
	}
	slices.SortFunc(m.Operations, func(x, y docsOperation) int {
		return cmp.Or(cmp.Compare(x.Path, y.Path), cmp.Compare(x.Method, y.Method))
	})
	for name, s := range spec.Components.Schemas.Map() {
		m.Schemas = append(m.Schemas, docsSchema{Name: name, Fields: fieldsOf(s)})
	}
	slices.SortFunc(m.Schemas, func(x, y docsSchema) int { return cmp.Compare(x.Name, y.Name) })
	for _, c := range codes {
		m.Codes = append(m.Codes, docsCode{Code: string(c), Status: statusOf(c), Moved: string(moneyMoved(c))})
	}
	var b bytes.Buffer
	if err := t.Execute(&b, m); err != nil {
		return nil, fmt.Errorf("render /docs: %w", err)
	}
	return b.Bytes(), nil
}

func docsOf(path string, op *huma.Operation) docsOperation {
	d := docsOperation{ID: op.OperationID, Method: op.Method, Path: path, Summary: op.Summary, Description: op.Description}
	for _, p := range op.Parameters {
		d.Params = append(d.Params, docsField{Name: p.Name, Kind: p.In, Text: p.Description, Required: p.Required})
	}
	if op.RequestBody != nil {
		if c := op.RequestBody.Content[jsonType]; c != nil {
			d.Body = refName(c.Schema)
		}
	}
	for status, r := range op.Responses {
		ans := docsAnswer{Status: status, Text: r.Description}
		for _, c := range r.Content {
			ans.Schema = refName(c.Schema)
		}
		d.Answers = append(d.Answers, ans)
	}
	slices.SortFunc(d.Answers, func(x, y docsAnswer) int { return cmp.Compare(x.Status, y.Status) })
	return d
}

func fieldsOf(s *huma.Schema) []docsField {
	var out []docsField
	for name, p := range s.Properties {
		kind, link := kindOfSchema(p)
		out = append(out, docsField{Name: name, Kind: kind, Link: link, Text: p.Description, Required: slices.Contains(s.Required, name)})
	}
	slices.SortFunc(out, func(x, y docsField) int { return cmp.Compare(x.Name, y.Name) })
	return out
}

// kindOfSchema names a field's type. If the type is one of our schemas, it also returns the link to the schema.
func kindOfSchema(s *huma.Schema) (kind, link string) {
	if name := refName(s); name != "" {
		return name, name
	}
	if s.Type == huma.TypeArray && s.Items != nil {
		kind, link = kindOfSchema(s.Items)
		return "list of " + kind, link
	}
	kind = s.Type
	if s.Format != "" {
		kind += " (" + s.Format + ")"
	}
	if len(s.Enum) > 0 {
		kind = strings.Trim(strings.Join(strings.Fields(fmt.Sprint(s.Enum)), " | "), "[]")
	}
	return kind, ""
}

func refName(s *huma.Schema) string {
	if s == nil {
		return ""
	}
	return strings.TrimPrefix(s.Ref, "#/components/schemas/")
}

// page serves a page that the function write generates at the first request. The page does not change while the program runs.
func (a *API) page(kind string, write func() ([]byte, error)) http.HandlerFunc {
	once := sync.OnceValues(write)
	return func(w http.ResponseWriter, r *http.Request) {
		body, err := once()
		if err != nil {
			err = fmt.Errorf("write %s: %w", r.URL.Path, err)
			writeProblem(w, exchangeOf(r.Context()), a.problemFor(r.Context(), err))
			return
		}
		w.Header().Set("Content-Type", kind)
		w.Header().Set("Content-Security-Policy", contentPolicy)
		_, _ = w.Write(body) // the reader has gone; there is nobody to report it to
	}
}
