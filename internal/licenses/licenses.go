// Package licenses embeds the licence texts and notices of all components of the binary. These are the Go runtime and standard library,
// third-party modules, the script of the console's pages, the fonts of paper, and the list of common passwords.
package licenses

import (
	"embed"
	"fmt"
	"strings"
)

//go:embed components.txt
var components string

//go:embed texts
var texts embed.FS

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
	var out []Component
	for line := range strings.Lines(components) {
		name, version, _ := strings.Cut(strings.TrimSpace(line), " ")
		text, err := texts.ReadFile("texts/" + FileName(name))
		if err != nil {
			return nil, fmt.Errorf("read the licence of %s: %w", name, err)
		}
		out = append(out, Component{Name: name, Version: version, Text: string(text)})
	}
	return out, nil
}

// FileName is the name of the file that holds a component's text.
func FileName(component string) string { return strings.ReplaceAll(component, "/", "_") + ".txt" }
