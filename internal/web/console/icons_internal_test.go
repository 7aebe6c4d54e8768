package console

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestEveryIconIsThereAndUsed: each name that a page gives draws an icon, which screen readers skip, and no icon is carried in vain.
func TestEveryIconIsThereAndUsed(t *testing.T) {
	used := map[string]bool{}
	for _, name := range pageIcons {
		used[name] = true
	}
	pages, err := filepath.Glob("*.templ")
	if err != nil || len(pages) < 10 {
		t.Fatal(pages, err)
	}
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`(?:@icon\(|themeButton\(p, [^,]+, )"([a-z0-9-]+)"`).FindAllStringSubmatch(string(text), -1) {
			used[m[1]] = true
		}
	}
	for name := range used {
		if svg := iconSVG(name); !strings.Contains(svg, "<path") && !strings.Contains(svg, "<rect") && !strings.Contains(svg, "<circle") || !strings.Contains(svg, `aria-hidden="true"`) {
			t.Errorf("the icon %s is %q", name, svg)
		}
	}
	files, err := fs.Glob(assets, iconsDir+"*.svg")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if name := strings.TrimSuffix(filepath.Base(f), ".svg"); !used[name] {
			t.Errorf("no page uses the icon %s", name)
		}
	}
}
