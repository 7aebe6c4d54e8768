package main

import (
	"slices"
	"testing"
)

// TestTheNearestWordIsMeant: at most two letters may be wrong, a swap counts once, and no short word is replaced completely.
func TestTheNearestWordIsMeant(t *testing.T) {
	known := []string{"disconnect", "connect", "read", "02", "04", "queued"}
	for word, want := range map[string]string{"disconect": "disconnect", "conect": "connect", "raed": "read", "READ": "read", "reed": "read", "reading": "",
		"queud": "queued", "quuede": "queued", "99": "", "03": "02", "x": "", "": "", "nothing": "", "connectt": "connect", "disconnexxx": ""} {
		if got := nearest(word, known); got != want {
			t.Errorf("nearest to %q: got %q, want %q", word, got, want)
		}
	}
	for _, c := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"", "abc", 3}, {"abc", "", 3}, {"abc", "abc", 0}, {"abc", "acb", 1}, {"abc", "abd", 1}, {"abc", "xabc", 1}, {"kitten", "sitting", 3}, {"é", "e", 1}} {
		if got := distance(c.a, c.b); got != c.want || distance(c.b, c.a) != c.want {
			t.Errorf("distance of %q and %q: got %d and %d, want %d", c.a, c.b, got, distance(c.b, c.a), c.want)
		}
	}
}

// TestWordsAreListedForASentence: a list of words has commas, and "or" before the last word.
func TestWordsAreListedForASentence(t *testing.T) {
	words := []string{"a", "b", "c"}
	for n, want := range []string{"", "a", "a or b", "a, b or c"} {
		if got := alternativesText(words[:n]); got != want || !slices.Equal(words, []string{"a", "b", "c"}) {
			t.Errorf("%d words: got %q, want %q", n, got, want)
		}
	}
}
