package api

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/registry"
)

// listRoute registers a list with the route, filter and rows of its description.
func listRoute[F, T any](r router, l apiv1.Listing[F, T], fn func(ctx context.Context, by access.Actor, in *F) (*listed[T], error)) {
	query(r, huma.Operation{OperationID: l.Name, Path: l.Path, Tags: []string{l.Tag}, Summary: l.Summary, Description: l.Description}, fn)
}

// listed is the answer with a list.
type listed[T any] struct {
	Link string `header:"Link" doc:"Link to the next page, rel=\"next\" (RFC 8288); missing on the last"`
	Body apiv1.List[T]
}

// linked sets the link to the next page, relative to the address of this request.
func (l *listed[T]) linked(asked string) {
	if l.Body.NextCursor == "" {
		return
	}
	u, err := url.ParseRequestURI(asked)
	if err != nil {
		return // the mux has matched this address, so it is valid
	}
	q := u.Query()
	q.Set("cursor", l.Body.NextCursor)
	u.RawQuery = q.Encode()
	l.Link = "<" + u.RequestURI() + `>; rel="next"`
}

// listing is a list of any row type.
type listing interface{ linked(asked string) }

// listOf maps rows to a page. The list is never null.
func listOf[R, T any](rows []R, next string, show func(R) T) *listed[T] {
	out := &listed[T]{Body: apiv1.List[T]{Data: make([]T, len(rows)), NextCursor: next}}
	for i, r := range rows {
		out.Body.Data[i] = show(r)
	}
	return out
}

// pageOf answers with the rows of a page, or with the error.
func pageOf[R, T any](no refusal.Refusal, err error, rows []R, next string, show func(R) T) (*listed[T], error) {
	if err != nil {
		return nil, err
	}
	if no.Refused() {
		return nil, problemOf(no)
	}
	return listOf(rows, next, show), nil
}

// reply is the answer with one body.
type reply[T any] struct{ Body T }

// replyOf answers with a body, or with the error.
func replyOf[T any](no refusal.Refusal, err error, show func() T) (*reply[T], error) {
	if err != nil {
		return nil, err
	}
	if no.Refused() {
		return nil, problemOf(no)
	}
	return &reply[T]{show()}, nil
}

// encoded returns the bytes of a body, for an answer that is stored in the transaction of the action.
func encoded(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("encode %T: %v", v, err)) // cannot happen: bodies have only strings, integers and times within years 0 to 9999
	}
	return append(b, '\n')
}

// bodyOf describes an answer with a body.
func bodyOf[T any](r router, text string) *huma.Response {
	return &huma.Response{Description: text, Content: map[string]*huma.MediaType{jsonType: {Schema: of[T](r)}}}
}

// refOf writes an id in the form of answers. The zero id gives "".
func refOf(i id.ID, prefix string) string {
	if i.IsZero() {
		return ""
	}
	return i.Text(prefix)
}

// at writes a time in the form of answers. The zero time gives nil.
func at(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

// pageAt turns a request's page into the use cases' form.
func pageAt(p apiv1.Page) registry.Page { return registry.Page{Limit: p.Limit, Cursor: p.Cursor} }

// defaultLimit is the page size if none is requested.
const defaultLimit = 50

func limitOf(p apiv1.Page) int { return cmp.Or(p.Limit, defaultLimit) }
