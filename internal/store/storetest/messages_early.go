package storetest

import (
	"testing"

	"github.com/paywatt/paywatt/internal/notify"
	"github.com/paywatt/paywatt/internal/store"
)

// deliverReport delivers a report of a route.
func (k *talk) deliverReport(r notify.Report) {
	k.t.Helper()
	if err := k.dispatcher.Inbox(store.FirstTenant).Report(k.t.Context(), r); err != nil {
		k.t.Error(err)
	}
}

// reportBeforeReference: a gateway knows messages by its own references and reports before its answer, which says the reference, is stored.
func reportBeforeReference(t *testing.T, r Rig) {
	a := &scripted{name: "a"}
	k := talking(t, r.Open(t), "one", a)
	reports := func(s notify.ReportState) func(notify.Outgoing) notify.Sent {
		return func(o notify.Outgoing) notify.Sent {
			k.deliverReport(notify.Report{Route: "a", Reference: "ref of " + o.Text, State: s, To: o.To, Why: "absent"})
			return notify.Sent{Outcome: notify.Accepted, Reference: "ref of " + o.Text, Parts: 1}
		}
	}
	a.answer = reports(notify.Delivered)
	there := k.queue(notify.Draft{Purpose: notify.PurposeWritten, Phone: "+254700000101", Text: "one"})
	k.serve()
	k.wantState("reported as delivered before the answer", there.ID, notify.Arrived)
	a.answer = reports(notify.Failed)
	lost := k.queue(notify.Draft{Purpose: notify.PurposeWritten, Phone: "+254700000102", Text: "two"})
	k.serve()
	k.wantState("reported as failed before the answer", lost.ID, notify.Queued)
	if m := k.read(lost.ID); m.Failure != "not delivered: absent" {
		t.Errorf("the message failed because %q, want the route's reason", m.Failure)
	}
}

// reportOtherSpelling: after a restart a message centre's receipt has the reference in another base than the centre's answer had.
func reportOtherSpelling(t *testing.T, r Rig) {
	a := &scripted{name: "a"}
	k := talking(t, r.Open(t), "one", a)
	a.answer = func(notify.Outgoing) notify.Sent {
		return notify.Sent{Outcome: notify.Accepted, Reference: "1a", Parts: 1}
	}
	m := k.queue(notify.Draft{Purpose: notify.PurposeWritten, Phone: "+254700000101", Text: "one"})
	k.serve()
	k.deliverReport(notify.Report{Route: "a", Reference: "26", Also: [2]string{"38", "1a"}, State: notify.Delivered, To: "+254700000109"})
	k.wantState("reported for another telephone", m.ID, notify.SentOut)
	k.deliverReport(notify.Report{Route: "a", Reference: "26", Also: [2]string{"38", "1a"}, State: notify.Delivered})
	k.wantState("reported without a telephone", m.ID, notify.SentOut)
	k.deliverReport(notify.Report{Route: "a", Reference: "26", Also: [2]string{"38", "1a"}, State: notify.Delivered, To: "+254700000101"})
	k.wantState("reported in the other base", m.ID, notify.Arrived)
}
