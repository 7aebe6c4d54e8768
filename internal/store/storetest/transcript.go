package storetest

import (
	"fmt"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/refusal"
)

// Transcript is a readable record of the results of the steps of a test. It shows every field that is not zero, and numbers identities in
// the order in which they appear.
type Transcript struct {
	b       strings.Builder
	numbers map[string]int
}

// Step adds the result of a step.
func (s *Transcript) Step(what string, got any, err error) {
	fmt.Fprintf(&s.b, "%s\n", what)
	if err != nil {
		fmt.Fprintf(&s.b, "  error: %s\n", s.Named(err.Error()))
		return
	}
	for _, line := range s.lines(reflect.ValueOf(got)) {
		fmt.Fprintf(&s.b, "  %s\n", line)
	}
}

// Named returns a text in which each identity is replaced by its prefix and a number. Sums of
// identities differ in each run too.
func (s *Transcript) Named(text string) string {
	identity := regexp.MustCompile(`\b[a-z]{3}_[0-9a-hjkmnp-tv-z]{26}\b`)
	text = regexp.MustCompile(`(_sha256":")[0-9a-f]{64}`).ReplaceAllString(text, "${1}of something with an identity")
	return identity.ReplaceAllStringFunc(text, func(i string) string { return i[:4] + s.number(i[4:]) })
}

func (s *Transcript) number(i string) string {
	if s.numbers == nil {
		s.numbers = map[string]int{}
	}
	if s.numbers[i] == 0 {
		s.numbers[i] = len(s.numbers) + 1
	}
	return fmt.Sprintf("#%d", s.numbers[i])
}

// lines formats a list with a line for each value, and anything else in one line.
func (s *Transcript) lines(v reflect.Value) []string {
	if v.Kind() != reflect.Slice || v.Type().Elem().Kind() == reflect.Uint8 {
		return []string{s.text(v)}
	}
	var out []string
	for i := range v.Len() {
		out = append(out, s.text(v.Index(i)))
	}
	return out
}

func (s *Transcript) text(v reflect.Value) string {
	switch x := v.Interface().(type) {
	case id.ID:
		return s.number(x.Text(""))
	case time.Time:
		return x.UTC().Format("2006-01-02 15:04:05.999999")
	case []byte:
		return fmt.Sprintf("%q", s.Named(string(x)))
	case refusal.Refusal:
		return fmt.Sprintf("%s: %s", x.Code, s.Named(x.Detail()))
	}
	var parts []string
	switch v.Kind() {
	case reflect.String:
		return fmt.Sprintf("%q", s.Named(v.String()))
	case reflect.Pointer:
		return s.text(v.Elem())
	case reflect.Slice:
		for i := range v.Len() {
			parts = append(parts, s.text(v.Index(i)))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case reflect.Struct:
		for i := range v.NumField() {
			f := v.Type().Field(i)
			if !f.IsExported() || v.Field(i).IsZero() || f.Type.Kind() == reflect.Func {
				continue
			}
			text := s.text(v.Field(i))
			if f.Type.Kind() == reflect.Struct && !f.Anonymous && !strings.HasPrefix(text, "#") && f.Type != reflect.TypeFor[time.Time]() {
				text = "{" + text + "}"
			}
			if !f.Anonymous {
				text = f.Name + "=" + text
			}
			parts = append(parts, text)
		}
		return strings.Join(parts, " ")
	}
	return fmt.Sprintf("%v", v)
}

// Compare compares the transcript with a file. If the parameter update is true, Compare first writes the file again.
func (s *Transcript) Compare(t testing.TB, path string, update bool) {
	t.Helper()
	if update {
		if err := os.WriteFile(path, []byte(s.b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	got, want := strings.Split(s.b.String(), "\n"), strings.Split(string(b), "\n")
	for i, line := range got {
		if i >= len(want) || line != want[i] {
			before := strings.Join(want[max(0, i-2):min(i, len(want))], "\n")
			t.Errorf("%s, line %d, after\n%s\nis\n%s\nwant\n%s", path, i+1, before, line, strings.Join(want[min(i, len(want)):min(i+1, len(want))], "\n"))
			return
		}
	}
	if len(got) != len(want) {
		t.Errorf("%s: %d lines, want %d", path, len(got), len(want))
	}
}
