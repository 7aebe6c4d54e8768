package api

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"
)

//go:embed docs.html docs_topic.html docs.css
var docsFiles embed.FS

// contentPolicy is the policy of every HTML page: only our own files, no inline script or style.
const contentPolicy = "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; base-uri 'none'; " +
	"form-action 'self'; frame-ancestors 'none'"

// docsPage is the model of the pages below /docs.
type docsPage struct {
	Title, Version string
	Query          string      // what somebody looks for; empty for everything
	Missing        bool        // nothing was found
	Topics         []docsTopic // in the order of their names
	Topic          docsTopic   // the one that the page is about
	Schemas        []docsSchema
	Codes          []docsCode
}

// docsTopic is a tag with its operations.
type docsTopic struct {
	Name       string
	Operations []docsOperation
}

type docsOperation struct {
	ID, Method, Path, Summary, Description string
	Topic                                  string
	Params                                 []docsField
	Body                                   string // name of the request's schema
	Fields                                 []docsField
	Answers                                []docsAnswer
	Examples                               []docsExample
}

// docsExample is a call in one language.
type docsExample struct{ Language, Text string }

type docsAnswer struct{ Status, Text, Schema string }

type docsSchema struct {
	Name   string
	Fields []docsField
	Found  bool // a search has found it, so its fields are shown
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

// docsModel reads the document once, in the order of its pages.
func docsModel(spec *huma.OpenAPI) docsPage {
	m := docsPage{Title: spec.Info.Title, Version: spec.Info.Version}
	topics := map[string][]docsOperation{}
	for path, item := range spec.Paths {
		for _, op := range []*huma.Operation{item.Get, item.Post, item.Put, item.Patch, item.Delete} {
			if op == nil {
				continue
			}
			d := docsOf(path, op)
			d.Examples = examplesOf(spec, path, op)
			if s := spec.Components.Schemas.Map()[d.Body]; s != nil {
				d.Fields = fieldsOf(s)
			}
			topics[d.Topic] = append(topics[d.Topic], d)
		}
	}
	for name, all := range topics {
		slices.SortFunc(all, func(x, y docsOperation) int {
			return cmp.Or(cmp.Compare(x.Path, y.Path), cmp.Compare(x.Method, y.Method))
		})
		m.Topics = append(m.Topics, docsTopic{name, all})
	}
	slices.SortFunc(m.Topics, func(x, y docsTopic) int { return cmp.Compare(x.Name, y.Name) })
	for name, s := range spec.Components.Schemas.Map() {
		m.Schemas = append(m.Schemas, docsSchema{Name: name, Fields: fieldsOf(s)})
	}
	slices.SortFunc(m.Schemas, func(x, y docsSchema) int { return cmp.Compare(x.Name, y.Name) })
	for _, c := range codes {
		m.Codes = append(m.Codes, docsCode{Code: string(c), Status: statusOf(c), Moved: string(moneyMoved(c))})
	}
	return m
}

// docsTopicOf names the topic of an operation.
func docsTopicOf(op *huma.Operation) string {
	if len(op.Tags) == 0 {
		return "system"
	}
	return op.Tags[0]
}

// docsRoutes adds the pages below /docs. They are made from the document at their first request, and a search only puts parts together that
// were made once: anybody may ask for them, and they are long.
func (a *API) docsRoutes(mux *http.ServeMux, spec *huma.OpenAPI) {
	model := sync.OnceValue(func() docsPage { return docsModel(spec) })
	const html = "text/html; charset=utf-8"
	whole := a.page(html, func() ([]byte, error) { return docsWhole(model()) })
	table := sync.OnceValues(func() (docsTable, error) { return docsTableOf(model(), true) })
	mux.HandleFunc("GET /docs", func(w http.ResponseWriter, r *http.Request) {
		q := strings.TrimSpace(r.URL.Query().Get("q"))
		if q == "" || len(q) > maxDocsQuery {
			whole(w, r)
			return
		}
		var body [][]byte
		parts, err := table()
		if err == nil {
			body, err = parts.find(q)
		}
		if err != nil {
			writeProblem(w, exchangeOf(r.Context()), a.problemFor(r.Context(), err))
			return
		}
		writePage(w, html, body...)
	})
	topics := sync.OnceValue(func() map[string]http.HandlerFunc {
		all := map[string]http.HandlerFunc{}
		for _, t := range model().Topics {
			all[t.Name] = a.page(html, func() ([]byte, error) {
				m := model()
				m.Topic = t
				return docsHTML("docs_topic.html", m)
			})
		}
		return all
	})
	mux.HandleFunc("GET /docs/topic/{topic}", func(w http.ResponseWriter, r *http.Request) {
		page, found := topics()[r.PathValue("topic")]
		if !found {
			http.Redirect(w, r, "/docs", http.StatusSeeOther)
			return
		}
		page(w, r)
	})
	mux.HandleFunc("GET /docs/docs.css", a.page("text/css; charset=utf-8", func() ([]byte, error) { return docsFiles.ReadFile("docs.css") }))
}

// maxDocsQuery is the longest search in /docs, in bytes. A longer one gets the whole page.
const maxDocsQuery = 200

// docsTemplates reads the templates once.
var docsTemplates = sync.OnceValues(func() (*template.Template, error) { return template.ParseFS(docsFiles, "docs.html", "docs_topic.html") })

func docsHTML(name string, data any) ([]byte, error) {
	t, err := docsTemplates()
	if err != nil {
		return nil, fmt.Errorf("read the templates of /docs: %w", err)
	}
	var b bytes.Buffer
	if err := t.ExecuteTemplate(&b, name, data); err != nil {
		return nil, fmt.Errorf("render /docs: %w", err)
	}
	return b.Bytes(), nil
}

func docsOf(path string, op *huma.Operation) docsOperation {
	d := docsOperation{ID: op.OperationID, Method: op.Method, Path: path, Summary: op.Summary, Description: op.Description, Topic: docsTopicOf(op)}
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

// page serves a page that the function write generates at the first request. The page does not change while the program runs. It is compressed only
// once too, because anybody may ask for it.
func (a *API) page(kind string, write func() ([]byte, error)) http.HandlerFunc {
	once := sync.OnceValues(write)
	packed := sync.OnceValues(func() ([]byte, error) {
		body, err := once()
		if err != nil {
			return nil, err
		}
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		_, err = z.Write(body)
		err = errors.Join(err, z.Close())
		return b.Bytes(), err
	})
	return func(w http.ResponseWriter, r *http.Request) {
		body, err := once()
		if err == nil && takesGzip(r) {
			w.Header().Set("Content-Encoding", "gzip")
			body, err = packed()
		}
		if err != nil {
			w.Header().Del("Content-Encoding")
			err = fmt.Errorf("write %s: %w", r.URL.Path, err)
			writeProblem(w, exchangeOf(r.Context()), a.problemFor(r.Context(), err))
			return
		}
		w.Header().Set("Vary", "Accept-Encoding")
		writePage(w, kind, body)
	}
}

// writePage sends a page, which may be in parts.
func writePage(w http.ResponseWriter, kind string, body ...[]byte) {
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Security-Policy", contentPolicy)
	for _, part := range body {
		if _, err := w.Write(part); err != nil {
			return // the reader has gone; there is nobody to report it to
		}
	}
}

// takesGzip reports whether a client takes a compressed answer.
func takesGzip(r *http.Request) bool {
	for coding := range strings.SplitSeq(r.Header.Get("Accept-Encoding"), ",") {
		name, weight, weighed := strings.Cut(strings.ReplaceAll(coding, " ", ""), ";q=")
		if strings.EqualFold(name, "gzip") {
			return !weighed || strings.Trim(weight, "0.") != ""
		}
	}
	return false
}
