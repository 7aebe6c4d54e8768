package bounded

import "strings"

// MaxNames is how deep values of TOML may be inside one another, and how many names a path such as a.b.c has. Profiles and settings need four.
const MaxNames = 16

// CheckTOML refuses a TOML file whose values are deep inside one another, or whose paths have many names. The reader of TOML copies the whole
// path at each name, so 64 KB of them took 15 GB of memory.
func CheckTOML(text string) error {
	depth, names, line := 0, 0, 1
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '\n':
			names = 0
			line++
		case '[', '{':
			depth++
			names = 0
		case ']', '}':
			depth = max(0, depth-1)
			names = 0
		case ',', '=':
			names = 0
		case '.':
			names++
		case '#':
			i += restOfLine(text[i:]) - 1
		case '"', '\'':
			length := lengthOfString(text[i:])
			line += strings.Count(text[i:i+length], "\n")
			i += length - 1
		}
		if depth > MaxNames || names > MaxNames {
			return &TooMuch{Depth, MaxNames, line}
		}
	}
	return nil
}

// restOfLine returns how many bytes come before the end of the line.
func restOfLine(text string) int {
	if at := strings.IndexByte(text, '\n'); at >= 0 {
		return at
	}
	return len(text)
}

// lengthOfString returns how long the string at the begin of a text is, with its quotation marks. A string without an end goes to the end of its line
// or, if it may have several, of the file.
func lengthOfString(text string) int {
	mark, last := text[:1], restOfLine(text)
	if strings.HasPrefix(text, strings.Repeat(mark, 3)) {
		mark, last = text[:3], len(text)
	}
	for i := len(mark); i < last; i++ {
		switch {
		case mark[0] == '"' && text[i] == '\\':
			i++
		case strings.HasPrefix(text[i:], mark):
			return i + len(mark)
		}
	}
	return last
}
