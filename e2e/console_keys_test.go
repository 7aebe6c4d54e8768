package e2e

import ()

// keyPages are the pages of API keys in all their states. The name has no place to break the line.
func (o *office) keyPages() []pageState {
	const longName = "tillofwolfeschlegelsteinhausenbergerdorffbesidethestationinthenorth"
	d := o.owner
	return []pageState{
		{"keys", func() { d.visit("/keys") }},
		{"keys, refused", func() {
			d.visit("/keys")
			d.fill("#from", "somewhere")
			d.keys(enterKey)
			d.until(`document.querySelector("[role=alert]")`)
		}},
		{"new key", func() {
			d.visit("/keys")
			d.fill("#name", longName[:64])
			d.fill("#from", "2001:db8:1234:5678:9abc:def0:1234:5678, 10.0.0.0/8")
			d.keys(enterKey)
			d.until(`document.getElementById("secret")`)
		}},
		{"key", func() { d.click(`main a[href^="/keys/key_"]`, 1); d.at("/keys/key_") }},
		{"key, replaced", func() {
			d.click(`button[value="replace"]`, 1)
			d.until(`document.getElementById("secret")`)
		}},
		{"key, revoked", func() {
			d.click(`main a[href^="/keys/key_"]`, 1)
			d.at("/keys/key_")
			d.click(`input[name="sure"]`, 1)
			d.click(`button[value="revoke"]`, 1)
			d.until(`document.querySelector("[role=status]")`)
		}},
		{"keys with ended ones", func() { d.visit("/keys?all=1") }},
	}
}
