package notify

// Delivery reports that come before the route's answer, which says the reference by which they name their message.

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/alarmtext"
	"github.com/paywatt/paywatt/internal/early"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/logkey"
	"github.com/paywatt/paywatt/internal/metering"
)

// EarlyWait is how long a report waits for the message that it names. A route has less time for one message, so the reference is stored by then, or
// never.
const EarlyWait = 2 * holdFor

// Limits of looking for reports that waited in vain.
const (
	EarlyEvery = time.Minute // time between two looks
	earlySlice = 100         // reports of one transaction
)

// AlarmReportUnknown: delivery reports of a route named no message of this server.
const AlarmReportUnknown metering.AlarmCode = "sms-report-unknown"

// unknownFor is how long the alarm about such reports stays open after they were noticed.
const unknownFor = 24 * time.Hour

// awaitMessage looks once more for the message of a report, after whoever stores its reference now. If there is none, the report waits.
func (d *Dispatcher) awaitMessage(tx Tx, r Report) (message id.ID, n int, found bool, err error) {
	if r.Reference == "" {
		return id.ID{}, 0, false, nil
	}
	if err := tx.Outcomes().Early().LockEarly(early.Report, r.Route); err != nil {
		return id.ID{}, 0, false, err
	}
	if message, n, found, err = d.reportOf(tx, r); err != nil || found {
		return message, n, found, err
	}
	content, err := json.Marshal(r)
	if err != nil {
		return id.ID{}, 0, false, fmt.Errorf("write a delivery report: %w", err)
	}
	now := d.c.Now()
	a := early.Answer{Kind: early.Report, Source: r.Route, Content: content, CameAt: now, Until: now.Add(EarlyWait)}
	kept, err := early.Keep(tx.Outcomes().Early(), a, r.Reference, r.Also[0], r.Also[1])
	if err == nil && !kept {
		d.c.Log.Warn("delivery report dropped: it names no message, and too many others wait", logkey.Route, r.Route)
	}
	return id.ID{}, 0, false, err
}

// hearEarly acts on the reports that came before their reference was stored, which has just happened. It returns whether there is something to send
// now.
func (d *Dispatcher) hearEarly(tx Tx, route, reference string) (queued bool, err error) {
	all, err := early.Answers(tx.Outcomes().Early(), early.Report, route, reference)
	if err != nil {
		return false, err
	}
	for _, a := range all {
		var r Report
		if err := json.Unmarshal(a.Content, &r); err != nil {
			return queued, fmt.Errorf("read a delivery report that waited: %w", err)
		}
		message, n, found, err := d.reportOf(tx, r)
		if err != nil {
			return queued, err
		}
		if !found { // it is about another telephone
			continue
		}
		if err := tx.Outcomes().Early().DropEarly(a); err != nil {
			return queued, err
		}
		sends, err := d.reportAbout(tx, r, message, n)
		if err != nil {
			return queued, err
		}
		queued = queued || sends
	}
	return queued, nil
}

// EndEarly ends the waiting of the reports whose time is over, and raises an alarm about each of their routes. The alarm ends a day after
// it was raised, and the next such report raises it again.
func (d *Dispatcher) EndEarly(ctx context.Context, t access.Tenant) error {
	for n := earlySlice; n == earlySlice; {
		err := d.c.Door.Do(ctx, t, func(tx Tx) (bool, error) {
			now := d.c.Now()
			over, err := tx.Outcomes().Early().EarlyOver(early.Report, now, earlySlice)
			if n = len(over); err != nil {
				return false, err
			}
			var routes []string
			for _, a := range over {
				if err := tx.Outcomes().Early().DropEarly(a); err != nil {
					return false, err
				}
				if !slices.Contains(routes, a.Source) {
					routes = append(routes, a.Source)
				}
			}
			if err := tx.Outcomes().EndOldAlarms(AlarmReportUnknown, now.Add(-unknownFor)); err != nil {
				return false, err
			}
			for _, route := range routes {
				if err := d.reportUnknown(tx, route, over); err != nil {
					return false, err
				}
			}
			return false, nil
		})
		if err != nil {
			return fault.Wrap(err, "end the waiting of delivery reports")
		}
	}
	return nil
}

// reportUnknown tells people that reports of a route named no message. The audit log has the first reference, with which the route's operator finds
// it.
func (d *Dispatcher) reportUnknown(tx Tx, route string, over []early.Answer) error {
	first, reports := "", map[string]bool{}
	for _, a := range over {
		if a.Source == route {
			if first == "" {
				first = a.Name
			}
			reports[string(a.Hash)] = true
		}
	}
	if err := tx.Outcomes().AuditLog(d.entry("message.report_unknown", route, fmt.Sprintf("reports=%d first=%s", len(reports), first))); err != nil {
		return err
	}
	return tx.Outcomes().RaiseAlarm(0, metering.Alarm{Code: AlarmReportUnknown, Text: alarmtext.ReportUnknown(route), Server: d.c.Server})
}
