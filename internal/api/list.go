package api

import (
	"net/url"
	"time"
)

// Page asks for a part of a list. It is exported, as Span and the paths are, because huma looks into embedded structs
// only where they are.
type Page struct {
	Limit  int    `query:"limit" minimum:"1" maximum:"200" doc:"How many at most; 50 where it is not said"`
	Cursor string `query:"cursor" maxLength:"512" doc:"next_cursor of the page before"`
	Table
}

// Table asks how a list is written.
type Table struct {
	Format string `query:"format" enum:"json,csv" doc:"csv for a table instead of JSON, as Accept: text/csv; the next page is then named by the header Link only"`
}

// Span asks for a part of a history.
type Span struct {
	From time.Time `query:"from" doc:"Meter time from which on, inclusive"`
	To   time.Time `query:"to" doc:"Meter time up to which, exclusive"`
	Page
}

// listBody is one page of a list.
type listBody[T any] struct {
	Data       []T    `json:"data"`
	NextCursor string `json:"next_cursor" doc:"Of the next page; empty on the last"`
}

// listed is the answer with a list.
type listed[T any] struct {
	Link string `header:"Link" doc:"The next page, rel=\"next\" (RFC 8288); missing on the last"`
	Body listBody[T]
}

// linked names the next page relative to the request that this answers.
func (l *listed[T]) linked(asked string) {
	if l.Body.NextCursor == "" {
		return
	}
	u, err := url.ParseRequestURI(asked)
	if err != nil {
		return // the mux has matched it, so it is one; a list without Link is still whole
	}
	q := u.Query()
	q.Set("cursor", l.Body.NextCursor)
	u.RawQuery = q.Encode()
	l.Link = "<" + u.RequestURI() + `>; rel="next"`
}

// listing is every list, whatever its rows are.
type listing interface{ linked(asked string) }

// listOf maps rows to a page. The list is never null.
func listOf[R, T any](rows []R, next string, show func(R) T) *listed[T] {
	out := &listed[T]{Body: listBody[T]{Data: make([]T, len(rows)), NextCursor: next}}
	for i, r := range rows {
		out.Body.Data[i] = show(r)
	}
	return out
}

// at is a time as answers write it; nil for none.
func at(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

// defaultLimit is the page size where none is asked for.
const defaultLimit = 50

func (p Page) limit() int {
	if p.Limit == 0 {
		return defaultLimit
	}
	return p.Limit
}
