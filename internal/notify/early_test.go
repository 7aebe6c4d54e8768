package notify_test

import (
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/early"
	"github.com/paywatt/paywatt/internal/notify"
)

// reportNow hands in a report at once, from within a send too.
func (h *hall) reportNow(r notify.Report) {
	h.t.Helper()
	if err := h.dispatcher.Inbox(1).Report(h.t.Context(), r); err != nil {
		h.t.Fatal(err)
	}
}

// waits lets a report wait for a reference.
func (h *hall) waits(reference string, more time.Duration) {
	content := []byte(`{"Route":"a","Reference":"` + reference + `","State":1}`)
	waits := early.Answer{Kind: early.Report, Source: "a", Content: content, Until: h.now.Add(more)}
	if _, err := early.Keep(&h.early, waits, reference); err != nil {
		h.t.Fatal(err)
	}
}

// TestAReportWaitsForItsReference checks which reports wait for the route's answer, and what they do when it is stored.
func TestAReportWaitsForItsReference(t *testing.T) {
	for _, c := range []struct {
		name  string
		r     []notify.Report
		waits int
		want  notify.State
	}{
		{"delivered", []notify.Report{{Reference: "1", State: notify.Delivered}}, 0, notify.Arrived},
		{"twice", []notify.Report{{Reference: "1", State: notify.Delivered}, {Reference: "1", State: notify.Delivered}}, 0, notify.Arrived},
		{"on its way", []notify.Report{{Reference: "1"}}, 0, notify.SentOut},
		{"of another message", []notify.Report{{Reference: "2", State: notify.Delivered}}, 1, notify.SentOut},
		{"in another base", []notify.Report{{Reference: "7", Also: [2]string{"1"}, State: notify.Delivered, To: amina}}, 0, notify.Arrived},
		{"in another base, without a number", []notify.Report{{Reference: "7", Also: [2]string{"1"}, State: notify.Delivered}}, 2, notify.SentOut},
		{"of another route", []notify.Report{{Route: "b", Reference: "1", State: notify.Delivered}}, 1, notify.SentOut},
		{"without a reference", []notify.Report{{State: notify.Delivered}}, 0, notify.SentOut},
	} {
		h, a, _ := newHall(t)
		m := h.queues(text())
		a.during = func() {
			for _, r := range c.r {
				if r.Route == "" {
					r.Route = "a"
				}
				h.reportNow(r)
			}
		}
		h.serves()
		if h.of(m).State != c.want || len(h.early.rows) != c.waits {
			t.Errorf("%s: the message is %s and %d rows wait, want %s and %d", c.name, h.of(m).State, len(h.early.rows), c.want, c.waits)
		}
	}
}

// TestAReportThatWaitsInVainIsShown checks how long a report waits, and that an alarm and the audit log then name its route. The alarm is one for
// each route, however many reports there are.
func TestAReportThatWaitsInVainIsShown(t *testing.T) {
	h, _, _ := newHall(t)
	for _, r := range []notify.Report{{Route: "a", Reference: "x1"}, {Route: "b", Reference: "y1"},
		{Route: "a", Reference: "x2", Also: [2]string{"x3"}}, {Route: "a", Reference: "x1"}} {
		r.State = notify.Delivered
		h.reportNow(r)
	}
	ends := func(after time.Duration, want string) {
		t.Helper()
		h.now = h.now.Add(after)
		if err := h.dispatcher.EndEarly(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
		h.want("the audit log and the alarms", h.says(), want)
	}
	ends(notify.EarlyWait-1, "")
	ends(1, "message.report_unknown reports=2 first=x1; "+
		"message.report_unknown reports=1 first=y1; alarm 0 sms-report-unknown; alarm 0 sms-report-unknown")
	ends(time.Hour, "")
	if len(h.early.rows) != 0 {
		t.Errorf("%d reports still wait", len(h.early.rows))
	}
}

// TestOnlySoManyReportsWait checks that a gateway which reports about anything fills no table.
func TestOnlySoManyReportsWait(t *testing.T) {
	h, _, _ := newHall(t)
	h.early.more = early.MaxWaiting - 1
	h.reportNow(notify.Report{Route: "a", Reference: "x1", Also: [2]string{"x2"}, State: notify.Delivered})
	h.reportNow(notify.Report{Route: "a", Reference: strings.Repeat("x", notify.MaxReference), To: strings.Repeat("1", 500),
		Why: strings.Repeat("w", 5000), State: notify.Failed})
	h.reportNow(notify.Report{Route: "a", Reference: "x3", State: notify.Delivered})
	if n := len(h.early.rows); n != 1 {
		t.Errorf("%d rows wait, want the one for which there was room", n)
	}
}
