package console

import (
	"cmp"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/logkey"
)

// exportPath leads to the whole of a list of the API as a CSV file. It keeps those filters of a page that the list has, too.
func exportPath(list string, page url.Values, filters ...string) string {
	q := url.Values{}
	for _, name := range filters {
		if value := strings.TrimSpace(page.Get(name)); value != "" {
			q.Set(name, value)
		}
	}
	return strings.TrimSuffix("/export/"+list+"?"+q.Encode(), "?")
}

// openAlarms is the filter of a page about open alarms.
func openAlarms(page url.Values) url.Values {
	return url.Values{"meter": page["meter"], "open": {"true"}}
}

// openDifferences is the filter of a page about differences that are not settled.
func openDifferences(page url.Values) url.Values {
	return url.Values{"provider": page["provider"], "date": page["date"], "kind": page["kind"], "open": {"true"}}
}

// exportFile is a file that begins with its first byte, so that a refusal before it can still be a page.
type exportFile struct {
	http.ResponseWriter
	name  string
	begun bool
}

// Write may take as long as a whole short answer, each time.
func (d *exportFile) Write(b []byte) (int, error) {
	if !d.begun {
		d.begun = true
		d.Header().Set("Content-Type", "text/csv; charset=utf-8")
		d.Header().Set("Content-Disposition", `attachment; filename="`+d.name+`"`)
	}
	_ = http.NewResponseController(d.ResponseWriter).SetWriteDeadline(time.Now().Add(writeLimit)) // without deadlines there is nothing to extend
	return d.ResponseWriter.Write(b)
}

// export answers with a list as a CSV file. If it breaks in the middle, the connection is cut, so that nobody takes the part for the whole.
func (s *Console) export(w http.ResponseWriter, r *http.Request, v visit) {
	list := r.PathValue("list")
	file := &exportFile{ResponseWriter: w, name: "paywatt-" + fileName(path.Base(list)) + "-" + v.site.in(s.c.Now()).Format("2006-01-02") + ".csv"}
	status, detail, err := s.c.Export(r.Context(), file, v.by, "/v1/"+list, r.URL.Query())
	switch {
	case file.begun && err != nil:
		if !access.ClientGone(r.Context(), err) {
			s.c.Log.Warn("list not written to its end", logkey.Err, err)
		}
		panic(http.ErrAbortHandler)
	case err != nil:
		s.broken(w, r, v, err)
	case status == http.StatusNotFound && detail == "":
		s.notFound(w, r, v)
	case status != 0:
		t := v.site.say
		s.show(w, r, status, noteView(s.page(r, v, t.ExportTitle()), note{Class: "warn", Title: t.ExportNot(), Text: cmp.Or(detail, http.StatusText(status))}))
	}
}

// fileName keeps the letters and digits of a name.
func fileName(name string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-' {
			return r
		}
		return -1
	}, name)
}
