package notify_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/notify"
	"github.com/paywatt/paywatt/internal/sale"
)

// TestAForgedStopEndsNoMore checks that a STOP, whose sender may be forged, ends only messages that the customer can do without. Tokens,
// answers, notices of reversals and the warnings that must precede a cut-off are still sent.
func TestAForgedStopEndsNoMore(t *testing.T) {
	ends := []notify.Purpose{notify.PurposeLow1, notify.PurposeCutOff, notify.PurposeWritten}
	for _, p := range append(notify.Purposes(), notify.PurposeWritten, notify.PurposeMeter) {
		for _, muted := range []bool{true, false} {
			o := opened(t)
			m, err := notify.Queue(o, notify.Draft{Purpose: p, Phone: amina, Number: meterA, Meter: 1, Muted: muted}, o.now)
			if err != nil {
				t.Fatal(err)
			}
			if want := !muted || !slices.Contains(ends, p); m.Open != want || len(o.messages) != 1 {
				t.Errorf("%s after STOP (%v): open %v (%s), want %v", p, muted, m.Open, m.Failure, want)
			}
		}
	}
}

// TestAForgedWordTellsOnlyTheCustomer checks that the answer to a message in the name of a registered number goes to that number. The
// message can turn the customer's warnings on, and not off.
func TestAForgedWordTellsOnlyTheCustomer(t *testing.T) {
	o := opened(t)
	for _, text := range []string{"BAL", "LAST", "USE", "HELP", "STOP", "START"} {
		if got := o.receive(amina, text); len(got) != 1 { // receive expects each answer at the sender's number
			t.Errorf("%q is answered by %q, want one answer", text, got)
		}
	}
	for _, m := range o.messages {
		if m.Phone != amina {
			t.Errorf("%s goes to %s", m.Purpose, m.Phone)
		}
	}
	if len(o.stopped) != 1 || o.stopped[amina] || len(o.audit) != 1 {
		t.Errorf("stopped %v, audit log %q; want START alone to change anything", o.stopped, o.audit)
	}
}

// TestAForgedUsedEndsNoSending forges the answer "used" about the only token that was sent. This answer names neither digits nor units, so
// anybody can send it in the meter's name, even after a forged rejection. The sending must continue at the same pace until the meter's own
// list shows the token.
func TestAForgedUsedEndsNoSending(t *testing.T) {
	const used = "this recharge card has been used! Balance 0.0 kWh"
	c := newCounter(t, 1)
	c.send()
	token := c.up[0]
	sending := func(when string) {
		t.Helper()
		if m := c.messages[0]; !m.Open || m.State == notify.Answered || len(c.heard) != 0 || c.tokens[0].State != sale.TokenIssued {
			t.Fatalf("%s: the message is %s, open %v, its token %s; want the sending to go on", when, m.State, m.Open, c.tokens[0].State)
		}
	}
	c.reachInbox(used)
	sending("after a forged used")
	if m := c.messages[0]; !m.Asking || !m.NextAt.Equal(c.now) {
		t.Errorf("after a forged used: asking %v at %s, want the question at once", m.Asking, m.NextAt)
	}
	c.send()
	due := c.now.Add(time.Hour)
	c.find(c.messages[0].ID).NextAt = due
	for range 3 * notify.MaxMeterTries {
		c.reachInbox(used)
	}
	sending("after many")
	if m := c.messages[0]; !m.NextAt.Equal(due) {
		t.Errorf("forged answers bring the next message forward to %s, want it at %s", m.NextAt, due)
	}
	c.reachInbox("Last tokens: 20.11 9999..8888 +34.7 kWh")
	sending("after a list without the token")
	c.send()
	if want := []string{token, notify.AskLastTokens, token}; !slices.Equal(c.up, want) {
		t.Errorf("the meter was sent %q, want %q", c.up, want)
	}
	c.reachInbox("Token rejected. Balance 0.0 kWh")
	c.reachInbox(used)
	sending("after a forged rejection and a forged used")
	c.reachMeter(token)
	c.reachMeter(notify.AskLastTokens)
	list := c.down[len(c.down)-1]
	if strings.Contains(list, token[len(notify.TokenCommand):]) {
		t.Fatalf("the meter's list has a whole token: %q", list)
	}
	c.reachInbox(list)
	if m := c.messages[0]; m.State != notify.Answered || !c.heard[c.tokens[0].ID] {
		t.Errorf("after the meter's list the message is %s, heard of: %v", m.State, c.heard)
	}
}
