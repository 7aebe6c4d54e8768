package config

import (
	"errors"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// FileError is a mistake in the settings file.
type FileError struct {
	Key   string // the setting
	Table int    // which table of the key is wrong, from 1; 0 if the key is no table, or if all of it is wrong
	Err   error
}

// Error says what is wrong.
func (e *FileError) Error() string { return e.Err.Error() }

// Unwrap returns the error itself.
func (e *FileError) Unwrap() error { return e.Err }

// inFile marks an error as a mistake in the settings file.
func inFile(key string, err error) error {
	var inner *FileError
	if errors.As(err, &inner) {
		return &FileError{Key: key, Table: inner.Table, Err: err}
	}
	return &FileError{Key: key, Err: err}
}

// FileErrors returns the mistakes in the settings file that an error of [Merge] or [Config.CheckPlain] consists of, in their order.
// The boolean all is false if the error has another part too.
func FileErrors(err error) (out []*FileError, all bool) {
	if err == nil {
		return nil, true
	}
	if e, ok := err.(*FileError); ok {
		return []*FileError{e}, true
	}
	many, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return nil, false
	}
	all = true
	for _, e := range many.Unwrap() {
		some, whole := FileErrors(e)
		out, all = append(out, some...), all && whole
	}
	return out, all
}

// Salvage merges the sources without the settings of the file that are wrong. The result is good for explaining a broken file, not for
// selling. Mistakes in other sources leave only the defaults.
func Salvage(src Sources) Config {
	src.File = maps.Clone(src.File)
	for range len(src.File) + 1 {
		c, err := Merge(src)
		if err == nil {
			return c
		}
		wrong, _ := FileErrors(err)
		for _, e := range wrong {
			delete(src.File, e.Key)
		}
		if len(wrong) == 0 {
			break
		}
	}
	c, _ := Merge(Sources{}) // the defaults are right
	return c
}

// Line returns the number of the line, from 1, on which a setting is in a settings file; 0 if it is not found.
func (e *FileError) Line(file string) int {
	key := regexp.MustCompile(`^\s*(\[+\s*)?"?` + regexp.QuoteMeta(e.Key) + `"?\s*(\]|=|\.)`)
	seen := 0
	for i, line := range strings.Split(file, "\n") {
		if !key.MatchString(line) {
			continue
		}
		if seen++; seen >= e.Table {
			return i + 1
		}
	}
	return 0
}

// shownKeys are the keys of a route or a printer whose values are never secret.
var shownKeys = []string{"name", "kind", "cost_micro", "prefixes", "meters", "width", "tills", "automatic", "code_page"}

// hidden stands for a value that may be secret.
const hidden = "(hidden)"

// isHeader reports whether a line begins a table.
func isHeader(line string) bool {
	line = strings.TrimSpace(line)
	inner := strings.Trim(line, "[]")
	return strings.HasPrefix(line, "[") && strings.HasSuffix(line, "]") && inner != "" && strings.Trim(inner, "abcdefghijklmnopqrstuvwxyz0123456789_.- ") == ""
}

// Masked is a line of a settings file as people may see it: values are shown only where the key is known and its value never secret.
func Masked(line string) string {
	line = strings.TrimRight(line, " \t\r")
	key, value, assigned := strings.Cut(line, "=")
	bare := strings.Trim(key, " \t\"")
	s, known := Find(bare)
	switch {
	case strings.TrimSpace(line) == "", isHeader(line):
		return line
	case !assigned || strings.ContainsAny(bare, "'\"#"):
		return hidden
	case known && !s.Secret && s.Key != Store && !strings.ContainsAny(value, "#@"), slices.Contains(shownKeys, bare) && !strings.Contains(value, "#"):
		return line
	}
	return strings.TrimRight(key, " \t") + " = " + hidden
}
