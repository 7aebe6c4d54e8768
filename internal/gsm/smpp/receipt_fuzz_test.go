package smpp

import "testing"

// FuzzReceipt checks that the stored fields of any receipt are bounded and show nothing of the message's own text.
func FuzzReceipt(f *testing.F) {
	f.Add("id:1 sub:001 dlvrd:001 submit date:2611201630 done date:2611201631 stat:DELIVRD err:000 text:*02#12345678901234567890", byte(2))
	f.Add("ID:Ab-1 stat:İ text:", byte(9))
	f.Fuzz(func(t *testing.T, text string, state byte) {
		m := Message{Class: classReceipt, Options: []Option{{TagMessageState, []byte{state}}}}
		r, ok := receiptOf(m, text)
		if ok && (r.ID == "" || len(r.ID) > maxID || len(r.Word) > 40) {
			t.Errorf("%q: %+v", text, r)
		}
		c := canonical(r.ID)
		if canonical(c) != c {
			t.Errorf("%q is written %q and then %q", r.ID, c, canonical(c))
		}
	})
}
