package client

import (
	"net/url"
	"strconv"
	"time"
)

// List is one page of a list. NextCursor is empty on the last page.
type List[T any] struct {
	Data       []T    `json:"data"`
	NextCursor string `json:"next_cursor"`
}

// Page asks for a part of a list: at most Limit rows (0 = the server's default of 50, at most 200) from Cursor on,
// which is the NextCursor of the page before.
type Page struct {
	Limit  int
	Cursor string
}

// Span asks for a part of a meter's history. From is inclusive, To exclusive; a zero time leaves that side open.
type Span struct {
	From, To time.Time
	Page     Page
}

func (p Page) query() url.Values {
	q := url.Values{}
	if p.Limit != 0 {
		q.Set("limit", strconv.Itoa(p.Limit))
	}
	if p.Cursor != "" {
		q.Set("cursor", p.Cursor)
	}
	return q
}

func (s Span) query() url.Values {
	q := s.Page.query()
	if !s.From.IsZero() {
		q.Set("from", s.From.Format(time.RFC3339Nano))
	}
	if !s.To.IsZero() {
		q.Set("to", s.To.Format(time.RFC3339Nano))
	}
	return q
}
