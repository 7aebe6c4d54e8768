package console

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"strings"
)

//go:embed assets/*.css assets/*.js assets/*.gz assets/icons
var assets embed.FS

// library holds the files that the pages load. Its version is part of every address and changes with the content, so that browsers may keep
// the files for a year.
type library struct {
	version string
	files   map[string][]byte
}

// The files of the library.
const (
	cssFile  = "console.css"
	keysFile = "console.js"
	liveFile = "live.js"
	htmxFile = "htmx-4.0.1.min.js"
	// The next four are only on pages with a chart.
	plotFile     = "uplot-1.6.32.min.js"
	plotCSSFile  = "uplot-1.6.32.min.css"
	chartFile    = "chart.js"
	chartCSSFile = "chart.css"
)

func newLibrary() (library, error) {
	l := library{files: map[string][]byte{}}
	sum := sha256.New()
	for _, name := range []string{cssFile, keysFile, liveFile, htmxFile, plotFile, plotCSSFile, chartFile, chartCSSFile} {
		b, err := asset(name)
		if err != nil {
			return library{}, fmt.Errorf("read asset %s: %w", name, err)
		}
		l.files[name] = b
		sum.Write(b)
	}
	l.version = hex.EncodeToString(sum.Sum(nil)[:6])
	return l, nil
}

// asset reads a file. The large ones are stored packed, to keep the program small.
func asset(name string) ([]byte, error) {
	packed, err := assets.ReadFile("assets/" + name + ".gz")
	if err != nil {
		return assets.ReadFile("assets/" + name)
	}
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(z)
}

// path is the folder in which the pages name the files.
func (l library) path() string { return "/assets/" + l.version }

// serve answers with a file. Under another version's address it must not be cached, because that version's content differs.
func (l library) serve(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	b, ok := l.files[name]
	if !ok {
		http.NotFound(w, r)
		return
	}
	kind := "text/javascript; charset=utf-8"
	if strings.HasSuffix(name, ".css") {
		kind = "text/css; charset=utf-8"
	}
	w.Header().Set("Content-Type", kind)
	if r.PathValue("version") == l.version {
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	_, _ = w.Write(b)
}
