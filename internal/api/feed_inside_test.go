package api

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/refusal"
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
