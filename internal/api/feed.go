package api

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/report"
)

// Limits and times of the event stream.
const (
	maxStreams   = 64 // concurrent streams
	feedEvery    = 500 * time.Millisecond
	feedPing     = 15 * time.Second // a line that keeps the connection open and detects a reader that has gone
	feedLifetime = 15 * time.Minute // then the reader connects again
)

// StreamPath is the only route whose answer does not end.
const StreamPath = "/v1/events"

func eventLineOf(h report.FeedEvent) apiv1.Happening {
	return apiv1.Happening{Type: h.Type, At: h.At.UTC(), Object: h.Object, ClientRef: h.ClientRef, Meter: h.Meter, Vend: refOf(h.Sale, id.Vend)}
}

// feedQuery holds the parameters of the stream. LastEventID takes precedence over After.
type feedQuery struct {
	LastEventID string `header:"Last-Event-ID" maxLength:"20" doc:"Last event of an earlier stream; this one continues after it"`
	After       string `query:"after" maxLength:"20" doc:"Last-Event-ID as a parameter; -1 begins with the first event. Without either, only new events are sent"`
}

// from returns the position to begin at; negative for the end of the log.
func (q feedQuery) from() (int64, *Problem) {
	text := cmp.Or(q.LastEventID, q.After)
	if text == "" {
		return -1, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < -1 || n == 1<<63-1 {
		return -1, problemOf(refuse.EventPositionUnknown(refusal.Echo(text)))
	}
	return n + 1, nil
}

func (a *API) feedRoutes(r router) {
	op := r.described(huma.Operation{
		OperationID: "happenings", Method: http.MethodGet, Path: StreamPath, Tags: []string{"events"},
		Summary: "Stream events as server-sent events",
		Description: "Each event's id is its position in the tenant's sealed log. The order never changes and no event is inserted later, " +
			"so a reader that reconnects with Last-Event-ID misses no event. Data is JSON. A comment comes every 15 s. After 15 minutes the stream " +
			"ends and the reader connects again. Sales need vend.read (a vendor's key sees its own), other journals ledger.read, the audit log audit.read.",
		Responses: map[string]*huma.Response{"200": {Description: "The stream.",
			Content: map[string]*huma.MediaType{"text/event-stream": {Schema: of[apiv1.Happening](r)}}}},
	})
	huma.Register(r.huma, op, func(ctx context.Context, in *feedQuery) (*huma.StreamResponse, error) {
		by := exchangeOf(ctx).actor
		from, unreadable := in.from()
		first, err := a.c.Reports.Follow(ctx, by, from)
		if err != nil {
			return nil, a.problemFor(ctx, err)
		}
		if first.Refused() {
			return nil, problemOf(first.Refusal)
		}
		if unreadable != nil {
			return nil, unreadable
		}
		if from < 0 {
			from = first.Next
		}
		leave, ok := a.streams.Enter(by)
		if !ok {
			return nil, problemOf(refuse.EventReadersTooMany())
		}
		return &huma.StreamResponse{Body: func(out huma.Context) {
			defer leave()
			a.stream(ctx, out, by, from, first)
		}}, nil
	})
}

// stream sends events until the reader leaves, the server stops or the time is over. A HEAD request gets only the headers.
func (a *API) stream(ctx context.Context, out huma.Context, by access.Actor, from int64, f report.Feed) {
	out.SetHeader("Content-Type", "text/event-stream")
	out.SetHeader("X-Accel-Buffering", "no")
	out.SetStatus(http.StatusOK)
	if out.Method() == http.MethodHead {
		return
	}
	w, ok := out.BodyWriter().(http.ResponseWriter)
	if !ok {
		return // huma passes the writer of net/http; without it nothing can be flushed
	}
	s := sender{w: w, c: http.NewResponseController(w)}
	_ = s.c.SetReadDeadline(time.Time{}) // the server's deadline is for requests; a stream lasts longer
	looks, pings, end := time.NewTicker(feedEvery), time.NewTicker(feedPing), time.NewTimer(feedLifetime)
	defer looks.Stop()
	defer pings.Stop()
	defer end.Stop()
	if !s.send(fmt.Sprintf(": events from %d on\nretry: 2000\n\n", from)) {
		return
	}
	atOnce := make(chan time.Time)
	close(atOnce)
	for {
		if !s.rows(f) {
			return
		}
		next := looks.C
		if f.More { // the page was full, even if this reader may see little of it
			next = atOnce
		}
		select {
		case <-ctx.Done():
			return
		case <-end.C:
			return
		case <-pings.C:
			if !s.send(fmt.Sprintf(": alive\nid: %d\n\n", f.Next-1)) {
				return
			}
		case <-next:
		}
		if still, err := a.c.Access.Still(ctx, by); err != nil || !still {
			return // the key was revoked or has expired, or its person was blocked or has another role
		}
		var err error
		if f, err = a.c.Reports.Happened(ctx, by, f.Next); err != nil || f.Refused() {
			return // the reader reconnects and gets the error as a problem
		}
	}
}

// sender writes to a reader. Each write fails if the reader does not take it within writeTimeout.
type sender struct {
	w http.ResponseWriter
	c *http.ResponseController
}

func (s sender) send(text string) bool {
	_ = s.c.SetWriteDeadline(time.Now().Add(writeTimeout))
	if _, err := s.w.Write([]byte(text)); err != nil {
		return false
	}
	return s.c.Flush() == nil
}

func (s sender) rows(f report.Feed) bool {
	for _, h := range f.Rows {
		data, err := json.Marshal(eventLineOf(h))
		if err != nil || !s.send(fmt.Sprintf("id: %d\nevent: %s\ndata: %s\n\n", h.Pos, h.Type, data)) {
			return false
		}
	}
	return true
}
