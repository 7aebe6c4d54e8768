// Package licenses embeds the licence texts and notices of all components of the binary. These are the Go runtime and standard library,
// third-party modules, the script of the console's pages, the fonts of paper, and the list of common passwords.
package licenses

import (
	"archive/zip"
	_ "embed"
	"fmt"
	"io/fs"
	"strings"
)

//go:embed components.txt
var components string

// archive holds a file for each component, compressed, because nobody reads them at work.
//
//go:embed texts.zip
var archive string

// Go names the runtime and the standard library among the components.
const Go = "go"

// Component is a part of the binary that somebody else wrote.
type Component struct {
	Name    string // module path, or [Go]
	Version string // empty for Go: the binary knows which version built it
	Text    string // licence and notices, each under a line that names its file
}

// All lists the components by name, for every system that the binary is built for.
func All() ([]Component, error) {
	texts, err := zip.NewReader(strings.NewReader(archive), int64(len(archive)))
	if err != nil {
		return nil, fmt.Errorf("open the licence texts: %w", err)
	}
	var out []Component
	for line := range strings.Lines(components) {
		name, version, _ := strings.Cut(strings.TrimSpace(line), " ")
		text, err := fs.ReadFile(texts, FileName(name))
		if err != nil {
			return nil, fmt.Errorf("read the licence of %s: %w", name, err)
		}
		out = append(out, Component{Name: name, Version: version, Text: string(text)})
	}
	return out, nil
}

// FileName is the name of the file in texts.zip that holds a component's text.
func FileName(component string) string { return strings.ReplaceAll(component, "/", "_") + ".txt" }
