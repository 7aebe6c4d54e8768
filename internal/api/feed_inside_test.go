package api

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/report"
	"github.com/paywatt/paywatt/internal/seal"
)

// TestWhereAReaderBegins: a reader begins after the last event that it has, or at the end of the log if it names no event. A reader with an
// invalid position is refused.
func TestWhereAReaderBegins(t *testing.T) {
	const invalid = string(refusal.InvalidRequest)
	for _, c := range []struct {
		q    feedQuery
		from int64
		code string
	}{
		{feedQuery{}, -1, ""},
		{feedQuery{After: "-1"}, 0, ""},
		{feedQuery{After: "0"}, 1, ""},
		{feedQuery{After: "7"}, 8, ""},
		{feedQuery{LastEventID: "9", After: "7"}, 10, ""},
		{feedQuery{After: "9223372036854775806"}, 1<<63 - 1, ""},
		{feedQuery{After: "9223372036854775807"}, -1, invalid},
		{feedQuery{After: "-2"}, -1, invalid},
		{feedQuery{After: "1.5"}, -1, invalid},
		{feedQuery{LastEventID: "yesterday", After: "7"}, -1, invalid},
	} {
		from, p := c.q.from()
		code := ""
		if p != nil {
			code = p.Code
		}
		if from != c.from || code != c.code {
			t.Errorf("%+v: begins at %d with problem %q, want %d with %q", c.q, from, code, c.from, c.code)
		}
	}
}

// pages is a log of full pages, and of one sale after them. It counts how often it is read.
type pages struct {
	report.Tx
	full, reads int
}

func (p *pages) View(_ context.Context, _ access.Tenant, fn func(report.Tx) error) error {
	return fn(p)
}
func (p *pages) Do(context.Context, access.Tenant, func(report.Tx) (bool, error)) error {
	panic("the feed writes nothing")
}

func (p *pages) Feed(from int64, most int) ([]report.FeedEvent, error) {
	p.reads++
	sale := int64(p.full * report.MaxFeed)
	var rows []report.FeedEvent
	for at := from; at < sale && len(rows) < most; at++ {
		rows = append(rows, report.FeedEvent{Pos: at, Type: "audit.setting.change", Audit: true})
	}
	if len(rows) < most && from <= sale {
		rows = append(rows, report.FeedEvent{Pos: sale, Type: "vend.completed", Sale: id.ID{1}, Vendor: id.ID{9}})
	}
	return rows, nil
}

// unread is the door of people and keys. A reader without an identity is in force without a look at them.
type unread struct{}

func (unread) View(_ context.Context, _ access.Tenant, fn func(access.Tx) error) error {
	return fn(nil)
}
func (unread) Do(context.Context, access.Tenant, func(access.Tx) (bool, error)) error {
	panic("the feed writes nothing")
}

// TestAReaderIsNotHeldUpByWhatItMayNotSee: a page full of rows that a vendor may not see is followed by the next one at once, and only a page
// that is not full by a pause.
func TestAReaderIsNotHeldUpByWhatItMayNotSee(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := &pages{full: 10}
		people, err := access.New(access.Config{Door: unread{}, Now: time.Now, Rand: rand.Reader, Argon: access.Argon{Time: 1, MemoryKiB: 8, Threads: 1}})
		if err != nil {
			t.Fatal(err)
		}
		a := &API{c: Config{Cases: Cases{Access: people, Reports: report.New(log, nil, seal.Chain{})}}}
		by := access.Actor{Kind: access.APIKey, Role: access.VendorAPI, Vendor: id.ID{9}}
		first, err := a.c.Reports.Happened(t.Context(), by, 0)
		if err != nil || first.Refused() || !first.More || len(first.Rows) > 0 {
			t.Fatalf("the first page: %+v, %v", first, err)
		}
		ctx, leave := context.WithCancel(t.Context())
		w := httptest.NewRecorder()
		out := humago.NewContext(&huma.Operation{}, httptest.NewRequestWithContext(ctx, http.MethodGet, StreamPath, nil), w)
		began := time.Now()
		var ended sync.WaitGroup
		ended.Go(func() { a.stream(ctx, out, by, 0, first) })
		synctest.Wait()
		if took := time.Since(began); took != 0 || log.reads != 11 || !strings.Contains(w.Body.String(), "vend.completed") {
			t.Errorf("after %s and %d reads the reader has %q", took, log.reads, w.Body)
		}
		time.Sleep(feedEvery)
		synctest.Wait()
		if log.reads != 12 {
			t.Errorf("%d reads after a pause, want 12", log.reads)
		}
		leave()
		ended.Wait()
	})
}

// TestTheFeedKeepsTheTimesThatTheDocumentPromises: readers set their time-outs by the times in the document, so the feed must keep them.
func TestTheFeedKeepsTheTimesThatTheDocumentPromises(t *testing.T) {
	text := (&API{}).routes(http.NewServeMux()).Paths[StreamPath].Get.Description
	for _, promise := range []string{
		fmt.Sprintf("A comment comes every %d s.", int(feedPing.Seconds())),
		fmt.Sprintf("After %d minutes the stream ends", int(feedLifetime.Minutes())),
	} {
		if !strings.Contains(text, promise) {
			t.Errorf("%q does not say %q", text, promise)
		}
	}
}
