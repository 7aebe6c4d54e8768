package panel_test

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/meter"
	"github.com/paywatt/paywatt/meter/panel"
)

var update = flag.Bool("update", false, "rewrite the golden frames; read the diff")

// scene is a display of a panel, with the steps that lead to it. The field parts is the number of screens to check,
// one every five seconds; 0 means one screen.
type scene struct {
	title string
	parts int
	play  func(*rig)
}

// TestFrames compares every page, menu, message and warning with its golden frame, on both displays and in every
// language. The languages are side by side for translators.
func TestFrames(t *testing.T) {
	for _, size := range []panel.Size{panel.Small, panel.Large} {
		t.Run(size.String(), func(t *testing.T) {
			var b strings.Builder
			for _, sc := range scenes() {
				fmt.Fprintf(&b, "%s\n", sc.title)
				var shown []string
				for part := range max(sc.parts, 1) {
					f := frame(t, sc, size, part)
					if slices.Contains(shown, f) {
						break // the larger display has fewer parts, and starts over
					}
					shown = append(shown, f)
				}
				b.WriteString(strings.Join(shown, ""))
			}
			golden(t, "testdata/frames_"+size.String()+".txt", b.String())
		})
	}
}

// frame returns one screen of a scene in every language.
func frame(t *testing.T, sc scene, size panel.Size, part int) string {
	rows := make([]string, size.Height())
	for l := meter.English; l <= meter.French; l++ {
		d := newRig(t)
		d.c.Language, d.p.Size, d.c.ECLimit = l, size, 5000
		sc.play(d)
		d.up += uint64(part) * 5000
		lines := d.lines()
		if len(lines) != size.Height() || lines[0] == "" || lines[1] == "" {
			t.Fatalf("%s, %s: lines %q, want %d, the first two not empty", sc.title, l, lines, size.Height())
		}
		for i, line := range lines {
			if fault := faulty(line, size); fault != "" {
				t.Errorf("%s, %s, %s: line %q %s", sc.title, size, l, line, fault)
			}
			rows[i] += fmt.Sprintf("  [%-*s]", size.Width(), line)
		}
	}
	return strings.Join(rows, "\n") + "\n\n"
}

// faulty returns what is wrong with a line of a display, "" if it is valid.
func faulty(line string, size panel.Size) string {
	switch {
	case len(line) > size.Width():
		return "is too long"
	case strings.TrimRight(line, " ") != line:
		return "ends in blanks"
	case strings.ContainsFunc(line, func(r rune) bool { return r < ' ' || r > '}' || r == '\\' }):
		// ROM A00 of the HD44780 has a yen sign in the place of \, and arrows from ~ on.
		return "has a character that the display shows as another"
	}
	return ""
}

// golden compares with a file, line by line.
func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	g, w := strings.Split(got, "\n"), strings.Split(string(want), "\n")
	at := func(lines []string, i int) string {
		return strings.Join(lines[min(i, len(lines)):min(i+1, len(lines))], "")
	}
	for i := range max(len(g), len(w)) {
		if at(g, i) != at(w, i) || i >= len(g) || i >= len(w) {
			t.Fatalf("%s differs in line %d (go test ./meter/panel -update rewrites it)\n got  %q\n want %q", file, i+1, at(g, i), at(w, i))
		}
	}
}
