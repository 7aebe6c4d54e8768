package codeblock_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/codeblock"
)

func TestBlocksOfAPage(t *testing.T) {
	blocks, err := codeblock.Of("a.md", "# A\n\n```sh\nls\n\n    cd\n```\n\n- item\n    goes on\n\n```json\n{}\n```\n")
	want := []codeblock.Block{{Page: "a.md", Line: 3, Kind: "sh", Text: "ls\n\n    cd\n"}, {Page: "a.md", Line: 12, Kind: "json", Text: "{}\n"}}
	if err != nil || !slices.Equal(blocks, want) {
		t.Errorf("got %+v, %v; want %+v", blocks, err, want)
	}
	for what, text := range map[string]string{"no kind": "```\nls\n```\n", "open": "```sh\nls\n", "indented": "Do:\n\n    ls\n", "in a list": "- x\n\n  ```sh\n  ls\n  ```\n"} {
		if blocks, err := codeblock.Of("a.md", text); err == nil || !strings.HasPrefix(err.Error(), "a.md:") {
			t.Errorf("%s: got %+v, %v; want an error that names the place", what, blocks, err)
		}
	}
}

func TestStepsOfABlock(t *testing.T) {
	for _, c := range []struct {
		kind, text string
		want       []codeblock.Step
	}{
		{"sh", "a \\\n  b\nc |\nd\n", []codeblock.Step{{Command: "a \\\n  b\n"}, {Command: "c |\nd\n"}}},
		{"console", "$ a \\\n  b\n1\n2|\n3\n$ c\n", []codeblock.Step{{"a \\\n  b\n", "1\n2|\n3\n"}, {"c\n", ""}}},
		{"console", "1\n2\n", []codeblock.Step{{"", "1\n2\n"}}},
	} {
		if got := (codeblock.Block{Kind: c.kind, Text: c.text}).Steps(); !slices.Equal(got, c.want) {
			t.Errorf("%s %q: got %q, want %q", c.kind, c.text, got, c.want)
		}
	}
}
