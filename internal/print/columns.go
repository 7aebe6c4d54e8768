package print

import (
	"strings"
	"unicode/utf8"

	"github.com/clipperhouse/displaywidth"
)

// line is a line of a paper of a fixed number of columns.
type line struct {
	kind  blockKind
	cells []cell
}

// cell is a text at a column.
type cell struct {
	at   int
	text string
}

// grid divides the blocks of a sheet into lines of at most width columns. A column may be as narrow as the paper allows.
type grid struct {
	width, label, indent int                         // of the paper, of the names of fields, of notes
	columns              func(blockKind, string) int // how many columns a text takes in a block of a kind
	lines                []line
}

// lay returns the lines of a sheet.
func (g *grid) lay(s Sheet) []line {
	for _, b := range s.blocks {
		switch b.kind {
		case blank, rule:
			g.line(b.kind)
		case mark:
			g.centre(b.kind, "*** "+b.text+" ***")
		case field:
			g.field(b.name, b.text)
		case amount, total:
			g.amount(b.kind, b.name, b.text)
		case note:
			for _, text := range g.wrap(note, b.text, g.width-g.indent) {
				g.line(note, cell{g.indent, text})
			}
		case code:
			g.line(code, cell{0, b.text})
		case row, heading:
			g.row(b.kind, b.cells)
		default:
			g.centre(b.kind, b.text)
		}
	}
	return g.lines
}

func (g *grid) line(kind blockKind, cells ...cell) { g.lines = append(g.lines, line{kind, cells}) }

func (g *grid) centre(kind blockKind, text string) {
	for _, part := range g.wrap(kind, text, g.width) {
		g.line(kind, cell{(g.width - g.columns(kind, part)) / 2, part})
	}
}

// field writes a name and its text. Text that does not fit continues on the next line. A name that is too long stands on separate lines.
func (g *grid) field(name, text string) {
	if g.columns(field, name) >= g.label {
		for _, part := range g.wrap(field, name, g.width) {
			g.line(field, cell{0, part})
		}
		name = ""
	}
	for _, part := range g.wrap(field, text, g.width-g.label) {
		cells := []cell{{g.label, part}}
		if name != "" {
			cells = []cell{{0, name}, {g.label, part}}
		}
		g.line(field, cells...)
		name = ""
	}
}

// amount writes a text, and a figure at the right edge.
func (g *grid) amount(kind blockKind, text, figure string) {
	w := g.columns(kind, figure)
	lines := g.wrap(kind, text, g.width-w-g.columns(kind, " "))
	last := len(lines) - 1
	for _, part := range lines[:last] {
		g.line(kind, cell{0, part})
	}
	g.line(kind, cell{0, lines[last]}, cell{g.width - w, figure})
}

// edges are the edges of a table's columns, in hundredths of the paper's width: the day, what it was, and three figures.
var edges = [...]int{0, 21, 59, 70, 85, 100}

// accountEdges are those of a table of accounts: the number, the name, and four figures.
var accountEdges = [...]int{0, 7, 40, 55, 70, 85, 100}

// row writes a row of a table. Its second text is wrapped, and its figures stand at the right edges of their columns.
func (g *grid) row(kind blockKind, texts []string) {
	edge := func(i int) int { return edges[i] * g.width / 100 }
	if len(texts) == len(accountEdges)-1 {
		edge = func(i int) int { return accountEdges[i] * g.width / 100 }
	}
	whats := g.wrap(kind, texts[1], edge(2)-edge(1)-g.columns(kind, " "))
	cells := []cell{{0, texts[0]}, {edge(1), whats[0]}}
	for i, text := range texts[2:] {
		cells = append(cells, cell{edge(i+3) - g.columns(kind, text), text})
	}
	g.line(kind, cells...)
	for _, what := range whats[1:] {
		g.line(kind, cell{edge(1), what})
	}
}

// cut divides a text in two. The head is the longest beginning that fits into the given number of columns. No character is divided,
// unless it alone is too wide, such as a picture of many pieces.
func (g *grid) cut(kind blockKind, s string, width int) (head, rest string) {
	at := 0
	for signs := displaywidth.StringGraphemes(s); signs.Next(); {
		next := at + len(signs.Value())
		if g.columns(kind, s[:next]) > width {
			break
		}
		at = next
	}
	if at > 0 {
		return s[:at], s[at:]
	}
	for i, r := range s {
		next := i + utf8.RuneLen(r)
		if at > 0 && g.columns(kind, s[:next]) > width {
			break
		}
		at = next
	}
	return s[:at], s[at:]
}

// wrap divides a text into lines, at blanks where possible. No line is wider than the given number of columns. wrap returns at least one
// line.
func (g *grid) wrap(kind blockKind, s string, width int) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(s) {
		for g.columns(kind, word) > width {
			if line != "" {
				lines, line = append(lines, line), ""
			}
			var head string
			head, word = g.cut(kind, word, width)
			lines = append(lines, head)
		}
		switch {
		case word == "":
		case line == "":
			line = word
		case g.columns(kind, line+" "+word) <= width:
			line += " " + word
		default:
			lines, line = append(lines, line), word
		}
	}
	if line != "" || len(lines) == 0 {
		lines = append(lines, line)
	}
	return lines
}

// labelColumns is the width of the names of fields on paper of 32 or 48 columns.
const labelColumns = 11

// Text writes a sheet in a fixed number of columns.
func (s Sheet) Text(columns int) string { return text(s, columns) }

// text writes a sheet in a fixed number of columns. Every line ends with a line feed.
func text(s Sheet, width int) string {
	g := grid{width: width, label: labelColumns, indent: 2, columns: func(_ blockKind, s string) int { return columns(s) }}
	var b strings.Builder
	for _, l := range g.lay(s) {
		at := 0
		if l.kind == rule {
			b.WriteString(strings.Repeat("-", width))
		}
		for _, c := range l.cells {
			b.WriteString(strings.Repeat(" ", max(c.at-at, 0)))
			b.WriteString(c.text)
			at = c.at + columns(c.text)
		}
		b.WriteByte('\n')
	}
	return b.String()
}
