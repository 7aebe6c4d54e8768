package bounded_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/bounded"
)

// TestCheckTOML: only what is deep is refused. Points and brackets in strings and comments are not.
func TestCheckTOML(t *testing.T) {
	many := strings.Repeat(".a", 20)
	open := strings.Repeat("[", 20)
	for name, c := range map[string]struct {
		text string
		line int // where it is refused; 0 if it is not
	}{
		"nothing":                    {"", 0},
		"a settings file":            {"data = '/var/lib'\n[routes.a.b]\nhost = \"10.0.0.1\"\nlist = [[1.5, 2], [3]]\nt = {a.b = 1, c = 'd'}\n", 0},
		"many points in all":         {strings.Repeat("a.b = 1.5\n", 100), 0},
		"points in a list":           {"a = [" + strings.Repeat("1.5, ", 100) + "]\n", 0},
		"points in a string":         {"a = \"" + many + open + "\\\"" + many + "\"\n", 0},
		"points in a plain string":   {"a = '" + many + open + "\\'\n", 0},
		"points in a long string":    {"a = \"\"\"\n" + many + "\n\"" + open + "\"\"\"\n", 0},
		"points in a comment":        {"# " + many + open + "\na = 1", 0},
		"a long path":                {"\na" + many + " = 1\n", 2},
		"a long path of a table":     {"[a" + many + "]\n", 1},
		"a long path behind strings": {"a = 'b'\nb = \"\"\"c\n\"\"\"\n[a" + many + "]\n", 4},
		"lists inside lists":         {"a = " + open + strings.Repeat("]", 20), 1},
		"tables inside tables":       {"a = " + strings.Repeat("{a=", 20), 1},
		"a quoted path":              {"[a" + strings.Repeat(`."b"`, 20) + "]", 1},
		"a string without an end":    {"a = \"b\n[a" + many + "]", 2},
	} {
		err := bounded.CheckTOML(c.text)
		beyond := &bounded.TooMuch{}
		if refused := errors.As(err, &beyond); refused != (c.line > 0) || beyond.Line != c.line {
			t.Errorf("%s: %v in line %d, want line %d", name, err, beyond.Line, c.line)
		}
	}
}
