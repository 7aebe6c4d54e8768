package codeblock

import "strings"

// Row returns what a table of a page says in the row whose first cell has a text: the cells after the first one. It returns "" if there is no
// such row.
func Row(page, first string) string {
	for line := range strings.Lines(page) {
		cell, rest, found := strings.Cut(strings.TrimPrefix(strings.TrimSpace(line), "|"), "|")
		if found && strings.HasPrefix(line, "|") && strings.TrimSpace(cell) == first {
			return strings.TrimSpace(strings.TrimSuffix(rest, "|"))
		}
	}
	return ""
}
