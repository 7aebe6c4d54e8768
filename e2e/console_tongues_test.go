package e2e

import (
	"regexp"
	"strings"
	"testing"
	"time"
)

// varying matches the part of a path that names one of many things: two pages that differ in it only are one page in two states.
var varying = regexp.MustCompile(`/[^/]*\d[^/]*`)

// longer makes every text of the page longer by at least two fifths, as the pseudo-language of the tests does. Names, figures, codes and what
// a person typed stay as they are.
const longer = `(function () {
	const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), found = [];
	while (walk.nextNode()) found.push(walk.currentNode);
	for (const n of found) {
		const said = n.data.trim();
		if (/\p{L}{2}/u.test(said) && !n.parentElement.closest("bdi, code, pre, .mono, .token, .num, [data-cell], script, style, select"))
			n.data += " " + "~".repeat(Math.ceil(said.length * .4)).replace(/~{6}/g, "$& ");
	}
})()`

// inward are the links of the page to other pages of the console.
const inward = `[...document.querySelectorAll("main a[href], header a[href], footer a[href]")].map(a => new URL(a.href)).
	filter(u => u.origin === location.origin && !/^\/(assets|export|heads|signout)|\.(json|csv|pdf|txt|png|bin)$/.test(u.pathname)).map(u => u.pathname).join(" ")`

// mostPages is how many pages the walk sees at most, so that its time has a limit.
const mostPages = 60

// tongues walks through the console in Arabic, from link to link, each kind of page once: nothing is wider than a telephone, axe-core finds no
// violation, and longer texts fit too.
func (o *office) tongues(t *testing.T) {
	p := o.owner
	p.size(1280)
	p.visit("/overview")
	p.click(`button[name="language"][value="ar"]`, 1)
	p.until(`document.documentElement.lang === "ar" && document.documentElement.dir === "rtl"`)
	began, seen, queue := time.Now(), map[string]bool{}, []string{"/overview"}
	kind := func(path string) string { return varying.ReplaceAllString(path, "/*") }
	seen["/overview"] = true
	for at := 0; at < len(queue) && at < mostPages; at++ {
		path := queue[at]
		p.visit(path)
		if strings.Contains(ask[string](p, `document.contentType`), "html") && ask[bool](p, `document.getElementById("main") !== null`) {
			p.narrow("in Arabic", 360, 320)
			p.size(360)
			for _, f := range p.axe(o.axe) {
				t.Errorf("%s in Arabic: %s (%s): %s\n%s", path, f.ID, f.Impact, f.Help, nodes(f))
			}
			for link := range strings.FieldsSeq(ask[string](p, inward)) {
				if !seen[kind(link)] {
					seen[kind(link)] = true
					queue = append(queue, link)
				}
			}
			ask[any](p, longer)
			p.narrow("with longer texts", 320)
		}
		p.forget()
	}
	if len(queue) < 20 {
		t.Errorf("the walk saw %d pages: %q", len(queue), queue)
	}
	t.Logf("figures: %d pages in Arabic in %.1f s", min(len(queue), mostPages), time.Since(began).Seconds())
	p.size(1280)
	p.visit("/overview")
	p.click(`button[name="language"][value="en"]`, 1)
	p.until(`document.documentElement.lang === "en" && document.documentElement.dir === "ltr"`)
}

// narrow checks that the page fits windows of the widths.
func (p *tab) narrow(how string, widths ...int64) {
	p.t.Helper()
	for _, width := range widths {
		p.size(width)
		p.drawn()
		if over := ask[int64](p, `document.documentElement.scrollWidth`) - width; over > 0 {
			p.t.Errorf("%s %s is %d px too wide for %d px", p.path(), how, over, width)
		}
		if cut := ask[string](p, clipped); cut != "" {
			p.t.Errorf("%s %s at %d px clips %s", p.path(), how, width, cut)
		}
	}
}
