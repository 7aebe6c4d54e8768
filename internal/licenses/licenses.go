// Package licenses embeds the licence texts and notices of all components of the binary. These are the Go runtime and standard library,
// third-party modules, the script of the console's pages, the fonts of paper, and the list of common passwords.
package licenses

import (
	"compress/gzip"
	_ "embed"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/paywatt/paywatt/internal/fault"
)

//go:embed components.txt
var components string

// texts are the texts by the names of the components, in one compressed JSON object: most of them are nearly alike.
//
//go:embed texts.json.gz
var texts string

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
	of, err := readTexts(texts)
	if err != nil {
		return nil, err
	}
	var out []Component
	for line := range strings.Lines(components) {
		name, version, _ := strings.Cut(strings.TrimSpace(line), " ")
		if of[name] == "" {
			return nil, fmt.Errorf("the licence of %s is missing", name)
		}
		out = append(out, Component{Name: name, Version: version, Text: of[name]})
	}
	return out, nil
}

func readTexts(compressed string) (of map[string]string, err error) {
	z, err := gzip.NewReader(strings.NewReader(compressed))
	if err == nil {
		err = json.NewDecoder(z).Decode(&of)
	}
	return of, fault.Wrap(err, "read the licence texts")
}
