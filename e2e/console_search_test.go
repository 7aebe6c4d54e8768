package e2e

import (
	"testing"
)

// suggested finds a meter by the first digits of its number without a mouse: the arrow goes into the suggestions, Esc back, and Enter opens.
func (o *office) suggested(_ *testing.T) {
	d := o.owner
	d.visit("/tariffs")
	d.keys("/" + o.first.number[:10])
	d.until(`document.querySelectorAll("header .hits a").length === 1`)
	d.keys(downKey)
	d.until(`document.activeElement.matches("header .hits a")`)
	d.keys(escapeKey)
	d.until(`document.activeElement.id === "search" && !document.querySelector("header .hits a")`)
	d.keys(o.first.number[10:])
	d.until(`document.querySelector("header .hits a")`)
	d.keys(downKey + enterKey)
	d.at(o.page(o.first))
}
