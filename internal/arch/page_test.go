package arch_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestThePageNamesEveryRoom: the table of rooms in ARCHITECTURE.md has each room of layers(), in its layer.
func TestThePageNamesEveryRoom(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "ARCHITECTURE.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(text), "\n## Rooms\n")
	table, _, _ = strings.Cut(table, "\n## ")
	onPage := roomsOf(table)
	if len(onPage) < 60 {
		t.Fatalf("%d rooms found: the test does not see the table", len(onPage))
	}
	for room, layer := range layers() {
		if at, is := onPage[strings.TrimPrefix(room, "internal/")]; !is || at != layer {
			t.Errorf("the table of rooms in ARCHITECTURE.md does not name %s in layer %d", room, layer)
		}
	}
	if got := roomsOf("| 1 rules | `a`, `b/c` (public) | `d` |\n| | `e` | |\n| tests | `f` | |\n"); len(got) != 4 || got["a"] != 1 || got["b/c"] != 1 || got["e"] != 1 || got["f"] != -1 {
		t.Errorf("the rooms of a small table are %v", got)
	}
}

// roomsOf returns the layers of the rooms in the second column of a table. A row with an empty first column belongs to
// the layer of the row above.
func roomsOf(table string) map[string]int {
	name := regexp.MustCompile(`\x60([a-z0-9/]+)\x60`)
	rooms, layer := map[string]int{}, 0
	for line := range strings.Lines(table) {
		cells := strings.Split(line, "|")
		if len(cells) < 4 {
			continue
		}
		switch at := strings.TrimSpace(cells[1]); {
		case at == "tests":
			layer = -1
		case at != "" && at[0] >= '0' && at[0] <= '4':
			layer = int(at[0] - '0')
		}
		for _, n := range name.FindAllStringSubmatch(cells[2], -1) {
			rooms[n[1]] = layer
		}
	}
	return rooms
}

// TestTheDecisionNamesEveryModule: docs/decisions/0001-dependencies.md names each module that go.mod requires directly.
func TestTheDecisionNamesEveryModule(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "decisions", "0001-dependencies.md"))
	if err != nil {
		t.Fatal(err)
	}
	mod, err := os.ReadFile(filepath.Join("..", "..", "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, m := range regexp.MustCompile(`(?m)^\t(\S+) v\S+$`).FindAllStringSubmatch(string(mod), -1) {
		seen++
		if !regexp.MustCompile("\x60" + regexp.QuoteMeta(m[1]) + "[\x60/]").Match(page) {
			t.Errorf("docs/decisions/0001-dependencies.md does not name %s", m[1])
		}
	}
	if seen < 20 {
		t.Errorf("%d direct modules found: the test does not see them", seen)
	}
}
