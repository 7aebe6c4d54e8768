package tokenlab

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/tier"
)

// vectorFile returns the vector file of package sts, as JSON values.
func vectorFile(t *testing.T) []map[string]any {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("..", "..", "sts", "testdata", "vectors.json"))
	if err != nil {
		t.Fatal(err)
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var all []map[string]any
	if err := d.Decode(&all); err != nil {
		t.Fatal(err)
	}
	return all
}

// runCheck checks these vectors. It returns how many passed and failed, and the lines about the failures.
func runCheck(t *testing.T, all []map[string]any) (passed, failed int, lines []string) {
	t.Helper()
	raw, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if passed, failed, err = Check(bytes.NewReader(raw), &out); err != nil {
		t.Fatal(err)
	}
	return passed, failed, strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
}

func TestEveryPublishedVectorPasses(t *testing.T) {
	if passed, failed, lines := runCheck(t, vectorFile(t)); passed != 635 || failed != 0 {
		t.Errorf("%d passed, %d failed, want 635 and 0: %q", passed, failed, lines)
	}
}

func TestVectorsMayWriteNumbersAsText(t *testing.T) {
	all := vectorFile(t)
	for _, v := range all {
		quoteNumbers(v)
	}
	if passed, failed, lines := runCheck(t, all); passed != 635 || failed != 0 {
		t.Errorf("%d passed, %d failed, want 635 and 0: %q", passed, failed, lines)
	}
}

func quoteNumbers(v map[string]any) {
	for name, field := range v {
		switch field := field.(type) {
		case json.Number:
			v[name] = field.String()
		case map[string]any:
			quoteNumbers(field)
		case []any:
			for _, step := range field {
				quoteNumbers(step.(map[string]any))
			}
		}
	}
}

// TestAChangedVectorFails checks that the checker notices any change in a vector. A checker that accepts everything would pass all vectors.
// Inputs are not changed, because they are rounded. Fields that a token does not carry are not changed either.
func TestAChangedVectorFails(t *testing.T) {
	tier.Slow(t)
	unread := map[string]bool{"fields.input_tenths": true, "fields.input_watts": true, "fields.input_amount_1e5": true,
		"fields.input_amount_base_units": true, "fields.issued_at": true, "meter.ken": true}
	var changed []map[string]any
	for _, v := range vectorFile(t) {
		if v["kind"] != "token" {
			continue
		}
		for _, path := range []string{"", "fields", "meter"} {
			part := v
			if path != "" {
				part, _ = v[path].(map[string]any)
			}
			for name, value := range part {
				full := strings.TrimPrefix(path+"."+name, ".")
				other, ok := different(value)
				if !ok || unread[full] || name == "name" || name == "note" || name == "source" || name == "provenance" || name == "set" {
					continue
				}
				if full == "fields.tid_time" && v["meter"] == nil {
					continue // without a base date a TID cannot be converted to a time
				}
				changed = append(changed, withField(v, path, name, other))
			}
		}
	}
	_, _, lines := runCheck(t, changed)
	failed := map[string]bool{}
	for _, line := range lines {
		name, _, _ := strings.Cut(strings.TrimPrefix(line, "FAIL "), ": ")
		failed[name] = true
	}
	if len(changed) < 5000 {
		t.Errorf("only %d changes tried", len(changed))
	}
	for _, v := range changed {
		if name := v["name"].(string); !failed[name] {
			t.Errorf("%s is changed, and the vector passes", name)
		}
	}
}

// different returns another value of the same form: the next number, or a text with a different last digit.
func different(value any) (any, bool) {
	switch value := value.(type) {
	case json.Number:
		n, err := strconv.Atoi(value.String())
		return n + 1, err == nil
	case string:
		if value == "" {
			return nil, false
		}
		last := value[len(value)-1]
		switch {
		case last >= '0' && last < '9':
			last++
		case last == '9':
			last = '0'
		case last == 'a':
			last = 'b'
		default:
			last = 'a'
		}
		return value[:len(value)-1] + string(last), true
	}
	return nil, false
}

// withField returns a copy of the vector with one field changed, and adds that field to the vector's name.
func withField(v map[string]any, path, name string, value any) map[string]any {
	out := map[string]any{}
	for k, old := range v {
		out[k] = old
	}
	out["name"] = v["name"].(string) + " " + path + "." + name
	if path == "" {
		out[name] = value
		return out
	}
	part := map[string]any{}
	for k, old := range v[path].(map[string]any) {
		part[k] = old
	}
	part[name] = value
	out[path] = part
	return out
}

// Hexadecimal digits may be capitals in vectors of every kind.
func TestHexadecimalDigitsMayBeCapitals(t *testing.T) {
	hexadecimal := map[string]bool{"crc": true, "control36": true, "control28": true, "nkho": true, "nklo": true, "nkmo1": true,
		"nkmo2_or_rest": true}
	all := vectorFile(t)
	for _, v := range all {
		for _, part := range []any{v, v["fields"]} {
			fields, _ := part.(map[string]any)
			for name, value := range fields {
				if digits, ok := value.(string); ok && (hexadecimal[name] || strings.HasSuffix(name, "_hex")) {
					fields[name] = strings.ToUpper(digits)
				}
			}
		}
	}
	if passed, failed, lines := runCheck(t, all); passed != 635 || failed != 0 {
		t.Errorf("%d passed, %d failed, want 635 and 0: %q", passed, failed, lines)
	}
}
