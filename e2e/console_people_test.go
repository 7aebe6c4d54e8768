package e2e

import "time"

// longEmail is an address without a place to break the line.
const longEmail = "wolfeschlegelsteinhausenbergerdorff.wolfeschlegelsteinhausen@example.org"

// peoplePages are the pages of people in all their states.
func (o *office) peoplePages() []pageState {
	d := o.owner
	return []pageState{
		{"people", func() { d.visit("/people") }},
		{"people, refused", func() {
			d.visit("/people")
			d.fill("#email", "somebody@example.org")
			d.fill("#vendor", "V9")
			d.keys(enterKey)
			d.until(10*time.Second, `document.querySelector("[role=alert]")`)
		}},
		{"one-time link", func() {
			d.visit("/people")
			d.fill("#email", longEmail)
			d.keys(enterKey)
			d.until(10*time.Second, `document.getElementById("link")`)
		}},
		{"person", func() { d.visit("/people/" + longEmail) }},
		{"person, changed", func() {
			d.click(`button[value="role"]`, 1)
			d.until(10*time.Second, `location.search === "?done=role"`)
		}},
		{"account", func() { d.visit("/account") }},
	}
}
