package main

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/tokenlab"
)

// guide is the page for people who write their own implementation.
func guide(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile("../../docs/guide/own-implementation.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestTheGuidesExamplePasses: the page's example of a vector file is valid, and every case in it passes.
func TestTheGuidesExamplePasses(t *testing.T) {
	_, rest, ok := strings.Cut(guide(t), "```json\n")
	example, _, ends := strings.Cut(rest, "```")
	if !ok || !ends {
		t.Fatal("the page has no example")
	}
	var out bytes.Buffer
	passed, failed, err := tokenlab.Check(strings.NewReader(example), &out)
	if err != nil || failed > 0 || passed < 5 {
		t.Errorf("%d passed, %d failed, %v\n%s", passed, failed, err, out.String())
	}
}

// TestTheGuideExplainsEveryField: the page names every field and kind that the vectors use.
func TestTheGuideExplainsEveryField(t *testing.T) {
	b, err := os.ReadFile("../../sts/testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var all []map[string]json.RawMessage
	if err := json.Unmarshal(b, &all); err != nil {
		t.Fatal(err)
	}
	text := guide(t)
	asked := map[string]bool{}
	name := func(n string) {
		if !asked[n] && !strings.Contains(text, "`"+n+"`") {
			t.Errorf("the page does not name %s", n)
		}
		asked[n] = true
	}
	nested := func(raw json.RawMessage) {
		var fields map[string]json.RawMessage
		if json.Unmarshal(raw, &fields) == nil {
			for n := range fields {
				name(n)
			}
		}
	}
	for _, v := range all {
		var kind string
		if err := json.Unmarshal(v["kind"], &kind); err != nil {
			t.Fatal(err)
		}
		name(kind)
		for n, raw := range v {
			name(n)
			if n == "fields" || n == "meter" {
				nested(raw)
			}
		}
	}
	if len(asked) < 80 {
		t.Errorf("only %d names", len(asked))
	}
}
