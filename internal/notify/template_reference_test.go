package notify

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the tables of the reference page anew")

const referencePage = "../../docs/reference/sms-texts.md"

// TestTheReferencePageIsTheCode compares the reference page with the texts and keywords of the code. After
// a change of one of them, run the test with -update and read the diff.
func TestTheReferencePageIsTheCode(t *testing.T) {
	have, err := os.ReadFile(referencePage)
	if err != nil {
		t.Fatal(err)
	}
	want := string(have)
	for name, table := range map[string]string{"words": wordTable(), "texts": textTables()} {
		begin, end := "<!-- begin "+name+" -->\n", "<!-- end "+name+" -->"
		before, rest, found := strings.Cut(want, begin)
		_, after, closed := strings.Cut(rest, end)
		if !found || !closed {
			t.Fatalf("the page has no place for %s", name)
		}
		want = before + begin + "\n" + table + "\n" + end + after
	}
	if *update {
		if err := os.WriteFile(referencePage, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if string(have) != want {
		t.Errorf("%s differs from the code: run go test ./internal/notify -update -run Reference and read the diff", referencePage)
	}
}

func wordTable() string {
	asks := map[Word]string{
		WordBalance: "what is left, with the time of the figure", WordLast: "the token of the last sale once more", WordUsage: "what was used",
		WordHelp: "the list of words", WordStop: "no more warnings", WordStart: "warnings again",
		WordLink:    "the address of the customer's page",
		WordVoucher: "redeem a voucher", WordBuy: "a request to pay on this telephone",
	}
	var b strings.Builder
	b.WriteString("| asks for |")
	for l := range languages {
		fmt.Fprintf(&b, " %s |", l.Label())
	}
	b.WriteString("\n|---|" + strings.Repeat("---|", int(languages)) + "\n")
	for w := WordBalance; w < WordNotHere; w++ {
		fmt.Fprintf(&b, "| %s |", asks[w])
		for l := range languages {
			var all []string
			for _, a := range keywords[l][w] {
				all = append(all, strings.ToUpper(a))
			}
			fmt.Fprintf(&b, " %s |", strings.Join(all, ", "))
		}
		b.WriteString("\n")
	}
	return b.String()
}

func textTables() string {
	var b strings.Builder
	for _, p := range Purposes() {
		fmt.Fprintf(&b, "**%s**\n\n", p)
		for l := range languages {
			fmt.Fprintf(&b, "- %s: `%s`\n", l, templates[l][p])
		}
		b.WriteString("\n")
	}
	b.WriteString("Parts that a text has only if they apply:\n\n")
	for l := range languages {
		f := phrases[l]
		fmt.Fprintf(&b, "- %s: `%s` · `%s` · `%s …` · `%s` · `%s` · `%s …`\n", l, f.press, f.soon, f.at, f.sim, f.more, f.call)
	}
	return b.String()
}

func TestEveryLanguageHasEveryText(t *testing.T) {
	for l := range languages {
		if len(templates[l]) != len(Purposes()) {
			t.Errorf("%s has %d texts, the page %d", l, len(templates[l]), len(Purposes()))
		}
		for w := WordBalance; w < WordNotHere; w++ {
			if len(keywords[l][w]) == 0 {
				t.Errorf("%s has no word for %s", l, w)
			}
		}
		if f := phrases[l]; f.press == "" || f.soon == "" || f.at == "" || f.sim == "" || f.more == "" || f.call == "" {
			t.Errorf("%s lacks a phrase: %+v", l, f)
		}
	}
}

// TestNoWordMeansTwoThings: a keyword may belong to several languages, but has one meaning in all of them.
func TestNoWordMeansTwoThings(t *testing.T) {
	means := map[string]Word{}
	for l := range languages {
		for w, aliases := range keywords[l] {
			for _, a := range aliases {
				if have, is := means[a]; is && have != Word(w) {
					t.Errorf("%q means %s and %s", a, have, Word(w))
				}
				means[a] = Word(w)
				if got := ParseKeyword(a); got.Word != Word(w) {
					t.Errorf("%q of %s is understood as %s, want %s", a, l, got.Word, Word(w))
				}
			}
		}
	}
}
