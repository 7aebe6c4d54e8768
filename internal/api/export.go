package api

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/logkey"
	"github.com/paywatt/paywatt/internal/sheet"
)

// Limits of an export.
const (
	exportPage = 200
	maxExport  = 1000 // pages
)

// byteOrderMark at the beginning of a file tells spreadsheets that its text is UTF-8.
const byteOrderMark = "\ufeff"

// fileAnswer writes the answer with a file. The header comes with the first bytes, so that an error before them is still a problem.
type fileAnswer struct {
	http.ResponseWriter
	kind  string
	begun bool
}

// Write may take as long as a whole short answer, each time.
func (f *fileAnswer) Write(b []byte) (int, error) {
	if !f.begun {
		f.begun = true
		f.Header().Set("Content-Type", f.kind)
	}
	_ = http.NewResponseController(f.ResponseWriter).SetWriteDeadline(time.Now().Add(writeTimeout)) // without deadlines there is nothing to extend
	return f.ResponseWriter.Write(b)
}

// file answers with a file that write makes while it is read, so that its size does not matter. If the file breaks in the middle, the
// connection is cut, so that nobody takes the part for the whole.
func (a *API) file(ctx context.Context, kind string, write func(context.Context, io.Writer) error) *huma.StreamResponse {
	return &huma.StreamResponse{Body: func(out huma.Context) {
		w, ok := out.BodyWriter().(http.ResponseWriter)
		if !ok {
			return // huma passes the writer of net/http
		}
		f := &fileAnswer{ResponseWriter: w, kind: kind}
		err := write(ctx, f)
		switch {
		case err != nil && !f.begun:
			writeProblem(w, exchangeOf(ctx), a.problemFor(ctx, err))
		case err != nil:
			a.c.Log.WarnContext(ctx, "file not written to its end", logkey.RequestID, exchangeOf(ctx).requestID, logkey.Err, err)
			panic(http.ErrAbortHandler)
		}
	}}
}

// Refused is the answer to an export that was not begun. Its status is 0 if the export was written.
type Refused struct {
	Status int
	Detail string
}

// page is the answer to one page of a list.
type page struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (p *page) Header() http.Header         { return p.header }
func (p *page) WriteHeader(status int)      { p.status = status }
func (p *page) Write(b []byte) (int, error) { return p.body.Write(b) }

// Export writes all pages of a list as one CSV file, as the actor may see it. The path is that of the list in this API, and q is its filter.
// A refusal comes before anything is written. An error ends a file that is not complete. The last line of a file that reached the limit of
// pages says so.
func (a *API) Export(ctx context.Context, w io.Writer, by access.Actor, path string, q url.Values) (Refused, error) {
	asked := url.Values{"format": {"csv"}, "limit": {strconv.Itoa(exportPage)}}
	for name, values := range q {
		if len(values) > 0 && values[0] != "" && name != "cursor" && name != "format" && name != "limit" {
			asked[name] = values[:1]
		}
	}
	if r, err := http.NewRequestWithContext(ctx, http.MethodGet, path, nil); err != nil || !a.isList(r) {
		return Refused{Status: http.StatusNotFound}, nil
	}
	for n := range maxExport {
		p, err := a.listPage(ctx, by, path+"?"+asked.Encode())
		switch {
		case err != nil:
			return Refused{}, err
		case p.status != http.StatusOK && n > 0:
			return Refused{}, fmt.Errorf("page %d of %s: status %d", n+1, path, p.status)
		case p.status != http.StatusOK:
			var problem struct{ Detail string }
			err := json.Unmarshal(p.body.Bytes(), &problem)
			return Refused{p.status, problem.Detail}, err
		}
		text := p.body.Bytes()
		if n == 0 {
			text = append([]byte(byteOrderMark), text...)
		} else {
			_, text, _ = bytes.Cut(text, []byte("\n")) // the head is there already
		}
		if _, err := w.Write(text); err != nil {
			return Refused{}, err
		}
		if asked["cursor"] = cursorOf(p.header.Get("Link")); asked["cursor"] == nil {
			return Refused{}, nil
		}
	}
	out := sheet.NewWriter(w)
	err := out.Write([]string{fmt.Sprintf("NOT COMPLETE: only the first %d rows; narrow the list", exportPage*maxExport)})
	out.Flush()
	return Refused{}, err
}

// isList reports whether a request is for a list.
func (a *API) isList(r *http.Request) bool {
	_, pattern := a.inner.Handler(r)
	return a.lists[pattern]
}

// listPage answers a request of the actor without the checks of the outer handler, which the actor has passed already.
func (a *API) listPage(ctx context.Context, by access.Actor, target string) (*page, error) {
	x := &exchange{requestID: exchangeOf(ctx).requestID, target: target, started: a.c.Now(), actor: by}
	r, err := http.NewRequestWithContext(withExchange(ctx, x), http.MethodGet, target, nil)
	if err != nil {
		return nil, fmt.Errorf("export %s: %w", target, err)
	}
	r.RequestURI = target
	p := &page{header: http.Header{}, status: http.StatusOK}
	a.inner.ServeHTTP(p, r)
	return p, ctx.Err()
}

// cursorOf returns the cursor in a link to the next page; nil if there is no next page.
func cursorOf(link string) []string {
	target, _, _ := strings.Cut(strings.TrimPrefix(link, "<"), ">")
	u, err := url.Parse(target)
	if err != nil || link == "" {
		return nil
	}
	return u.Query()["cursor"]
}
