package e2e

import (
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/codeblock"
)

// visit is a page that somebody follows from top to bottom.
type visit struct {
	page    string
	blocks  []int            // which of the page's blocks that can run, counted from 0; nil for all of them
	after   []string         // commands that make what the page takes for granted
	swap    []string         // pairs: what the page says, and what a reader puts in its place
	exact   bool             // the output is the same in every run, to the last digit
	before  map[int][]string // commands between the blocks, by the number of the block that follows
	refused []string         // a command that the server refuses in this test, and the code
	then    []string         // commands that succeed if the page has done what it says
}

// runnable is a block of commands or output.
func runnable(b codeblock.Block) bool { return b.Kind == "sh" || b.Kind == "console" }

func TestPagesCanBeFollowed(t *testing.T) {
	bin := paywatt(t)
	all, err := codeblock.Read("..")
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range visits(t) {
		t.Run(strings.TrimSuffix(path.Base(v.page), ".md"), func(t *testing.T) {
			t.Parallel()
			r := newFollower(t, bin, v.swap...)
			for _, command := range v.after {
				r.runs(command)
			}
			n := 0
			for _, b := range all {
				if b.Page != v.page || !runnable(b) && b.Kind != "json" {
					continue
				}
				for _, command := range v.before[n] {
					r.runs(command)
				}
				if v.blocks == nil && runnable(b) || slices.Contains(v.blocks, n) {
					r.follows(b, v)
				}
				n++
			}
			for _, command := range v.then {
				r.runs(command)
			}
		})
	}
}
