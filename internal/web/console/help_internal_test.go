package console

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/words"
)

// TestEveryRouteHasItsHelp: the help of each section of the console is its own text. The sections are those of the routes in the code.
func TestEveryRouteHasItsHelp(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	sections := map[string]bool{strings.TrimPrefix(importPath, "/"): true, strings.TrimPrefix(devicePath, "/"): true}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`Handle\("GET /(\w+)[^"]*", s\.signedIn\(`).FindAllStringSubmatch(string(text), -1) {
			sections[m[1]] = true
		}
	}
	for _, file := range []string{"export", "heads"} { // they answer with a file and not with a page
		delete(sections, file)
	}
	if len(sections) < 25 {
		t.Errorf("only %d sections are found: %v", len(sections), sections)
	}
	all, err := words.Open()
	if err != nil {
		t.Fatal(err)
	}
	for section := range sections {
		if topic := topicOf(all.For("en"), "/"+section+"/x?y=z"); topic.Title == "" || topic.Text == "" {
			t.Errorf("/%s has no help", section)
		}
	}
	if topic := topicOf(all.For("en"), "/nowhere"); topic.Text != "" {
		t.Errorf("a page that does not exist has the help %q, so a missing one would not be noticed", topic.Text)
	}
}

// TestEveryPageOfTheMenusHasItsIcon: a page that a menu leads to has an icon, and no two have the same.
func TestEveryPageOfTheMenusHasItsIcon(t *testing.T) {
	all, err := words.Open()
	if err != nil {
		t.Fatal(err)
	}
	v := visit{by: access.Actor{Role: access.Owner}}
	seen := map[string]string{}
	paths := []string{"/account", "/help"}
	for _, e := range v.menu(all.For("en")) {
		paths = append(paths, e.to)
	}
	for _, l := range v.officeLinks(all.For("en")) {
		paths = append(paths, l.to)
	}
	if len(paths) < 25 {
		t.Fatalf("the owner's menus lead only to %q", paths)
	}
	for _, path := range paths {
		name := pageIcons[path]
		if _, err := fs.Stat(assets, iconsDir+name+".svg"); err != nil || name == "" {
			t.Errorf("%s has no icon: %v", path, err)
		}
		if seen[name] != "" {
			t.Errorf("%s and %s have the icon %s", path, seen[name], name)
		}
		seen[name] = path
	}
}
