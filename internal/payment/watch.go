package payment

import (
	"context"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/alarmtext"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/metering"
)

// Codes of the alarms about payments. Each is open at most once, and ends when its cause has ended.
const (
	AlarmParked     metering.AlarmCode = "payments-parked"
	AlarmBack       metering.AlarmCode = "payments-given-back"
	AlarmUnreadable metering.AlarmCode = "payment-calls-unreadable"
	AlarmSilent     metering.AlarmCode = "provider-silent"
)

// Times after which the office should know.
const (
	parkedLong = 4 * time.Hour      // a payment waits for a person
	listLong   = time.Hour          // the list of a provider cannot be read
	quietLong  = 3 * 24 * time.Hour // a provider that brought payments brings none
	quietEver  = 30 * 24 * time.Hour

	// BackFor is how long the alarm counts a payment that the customer owes again.
	BackFor = 7 * 24 * time.Hour
	// OwnFor is how long the alarm about a payment for somebody's own meter stays open. Honest people buy energy every week: if their alarms
	// stayed for ever, nobody would see the one that matters.
	OwnFor = 30 * 24 * time.Hour
)

// OpenPayments is what waits for a person.
type OpenPayments struct {
	Parked     int       // payments that have been parked for long
	Oldest     time.Time // when the oldest of them became known
	Back       int       // payments that their provider gave back after a sale had used them
	Unreadable int       // calls that could not be read and are not settled
	Quiet      []string  // names of providers that are silent, or whose list the only server cannot read
	Unread     []string  // names of providers whose list this server cannot read, if it is one of several
}

// noteProvider notes a provider that should have been heard. If one of several servers cannot read its list, others may be able to.
func (b *OpenPayments) noteProvider(name, server string, now, last, failing time.Time) {
	if server != "" {
		if IsQuiet(now, time.Time{}, failing) {
			b.Unread = append(b.Unread, name)
		}
		failing = time.Time{}
	}
	if IsQuiet(now, last, failing) {
		b.Quiet = append(b.Quiet, name)
	}
}

// Watch decides which alarms about payments should be open, with their texts; an empty text ends an alarm. The server is named if it is one of
// several: what it cannot read itself makes an alarm about this server.
func (b OpenPayments) Watch(server string) []metering.Alarm {
	out := []metering.Alarm{{Code: AlarmParked}, {Code: AlarmBack}, {Code: AlarmUnreadable}, {Code: AlarmSilent, Text: writeSilent(b.Quiet)}}
	if b.Parked > 0 {
		out[0].Text = alarmtext.PaymentsParked(int64(b.Parked), b.Oldest.UTC().Format(time.RFC3339))
	}
	if b.Back > 0 {
		out[1].Text = alarmtext.PaymentsGivenBack(int64(b.Back))
	}
	if b.Unreadable > 0 {
		out[2].Text = alarmtext.PaymentCallsUnreadable(int64(b.Unreadable))
	}
	if server != "" {
		out = append(out, metering.Alarm{Code: AlarmSilent, Text: writeSilent(b.Unread), Server: server})
	}
	return out
}

// writeSilent writes the text of the alarm about silent providers; empty without one.
func writeSilent(names []string) string {
	if len(names) == 0 {
		return ""
	}
	return alarmtext.ProviderSilent(strings.Join(names, ", "))
}

// IsQuiet reports whether a provider should have been heard: its list has not been read for long, or it brought payments and brings none. The time
// last is that of its newest payment, and failing when its list first could not be read; zero means never.
func IsQuiet(now, last, failing time.Time) bool {
	if !failing.IsZero() && now.Sub(failing) > listLong {
		return true
	}
	age := now.Sub(last)
	return !last.IsZero() && age > quietLong && age < quietEver
}

// watch raises and ends the alarms about payments.
func (w Worker) watch(ctx context.Context, t access.Tenant, providers []Provider) error {
	_, err := access.Through(ctx, w.ps.c.Door, t, func(tx Tx) (done, error) {
		b, err := tx.Payments().PaymentBacklog(tx.Moment().Add(-parkedLong))
		if err != nil {
			return done{}, err
		}
		for _, p := range providers {
			last, err := tx.Payments().NewestPaid(p.Name)
			if err != nil {
				return done{}, err
			}
			if !p.Disabled() {
				b.noteProvider(p.Name, w.ps.c.Server, tx.Moment(), last, w.ps.failingSince(p.ID))
			}
		}
		for _, a := range b.Watch(w.ps.c.Server) {
			if a.Text == "" {
				err = tx.ClearServerAlarm(a.Server, a.Code)
			} else {
				err = tx.UpdateAlarm(0, a)
			}
			if err != nil {
				return done{}, err
			}
		}
		return done{}, tx.EndOldAlarms(metering.AlarmPaymentOwn, tx.Moment().Add(-OwnFor))
	})
	return fault.Wrap(err, "raise alarms about payments")
}

// setFailing notes whether the list of a provider could be read, and failingSince returns since when it cannot.
func (ps *Payments) setFailing(provider id.ID, broken bool, now time.Time) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	if !broken {
		delete(ps.failing, provider)
	} else if _, known := ps.failing[provider]; !known {
		ps.failing[provider] = now
	}
}

func (ps *Payments) failingSince(provider id.ID) time.Time {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	return ps.failing[provider]
}
