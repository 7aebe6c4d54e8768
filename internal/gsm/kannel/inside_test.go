package kannel

// Tests of how a text is cut.

import "testing"

func TestATextIsCutAtAWholeCharacter(t *testing.T) {
	for _, c := range []struct {
		text string
		n    int
		want string
	}{
		{"abc", 3, "abc"}, {"abcd", 3, "abc"}, {"aé", 2, "a"}, {"aé", 3, "aé"}, {"😀", 3, ""}, {"a\xffb", 9, "a\uFFFDb"}, {"a\xffb", 3, "a"}, {"", 0, ""},
	} {
		if got := cut(c.text, c.n); got != c.want {
			t.Errorf("%q cut to %d: %q, want %q", c.text, c.n, got, c.want)
		}
	}
}
