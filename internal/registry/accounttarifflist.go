package registry

import (
	"context"
	"slices"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
)

// TariffState says whether a tariff of an account is in force. Names are part of the API; never rename one.
type TariffState string

// States of a tariff of an account.
const (
	TariffPast      TariffState = "past"
	TariffInForce   TariffState = "in force"
	TariffPlanned   TariffState = "planned"
	TariffWithdrawn TariffState = "withdrawn" // it never begins: it was taken back, or the account was closed before
)

// AccountTariff is one of the tariffs that an account had, has or will have.
type AccountTariff struct {
	TariffChange // of the first tariff N is 0, and From is when the account was opened
	Name         string
	State        TariffState
	WithdrawnBy  int // number of the change that took it back; 0 for none
}

// AccountTariffs are the tariffs of the account that a meter supplies, the newest first.
type AccountTariffs struct {
	refusal.Refusal
	Meter Meter
	Data  []AccountTariff
	Next  string // cursor of the next page; empty on the last page
}

// listAccountTariffs names the list for cursors; the identity of the account follows.
const listAccountTariffs = "account-tariffs:"

// AccountTariffs lists the tariffs of the account that a meter supplies (right: meter.read).
func (r *Registry) AccountTariffs(ctx context.Context, by access.Actor, ref string, p Page) (AccountTariffs, error) {
	if no := by.Needs(access.ReadMeters); no.Refused() {
		return AccountTariffs{Refusal: no}, nil
	}
	out, err := access.Look(ctx, r.c.Door, by.Tenant, func(tx Tx) (AccountTariffs, error) {
		m, no, err := MeterNamed(tx, ref)
		if err != nil || no.Refused() {
			return AccountTariffs{Refusal: no}, err
		}
		account, found, err := tx.Tariffs().Changing().PricedAccount(m.N)
		if err != nil || !found || m.Status.IsGone() {
			return AccountTariffs{Refusal: refuse.TariffChangeWithoutAccount(m.Number)}, err
		}
		rec, _, err := tx.MeterRecord(m.ID)
		if err != nil {
			return AccountTariffs{}, err
		}
		all, err := allTariffs(tx, account, rec.readClock(r.moment()))
		if err != nil {
			return AccountTariffs{}, err
		}
		list := listAccountTariffs + account.ID.Text(id.Account)
		after, max, no := p.Read(r.c.Sealer, by.Tenant, list)
		if no.Refused() {
			return AccountTariffs{Refusal: no}, nil
		}
		if !after.IsZero() {
			all = all[slices.IndexFunc(all, func(t AccountTariff) bool { return t.ID == after })+1:]
		}
		out := AccountTariffs{Meter: m}
		out.Data, out.Next = Cut(all, max, r.c.Sealer, by.Tenant, list, func(t AccountTariff) id.ID { return t.ID })
		return out, nil
	})
	return out, fault.Wrap(err, "list the tariffs of meter %s", ref)
}

// allTariffs lists the tariffs of an account, the newest first. A row that takes a change back is no tariff: the change says so.
func allTariffs(tx Tx, a PricedAccount, now time.Time) ([]AccountTariff, error) {
	changes, err := tx.Tariffs().Changing().TariffChanges(a.ID)
	if err != nil {
		return nil, err
	}
	all := []AccountTariff{{TariffChange: TariffChange{ID: a.ID, Account: a.ID, Tariff: a.Tariff, From: a.OpenedAt, At: a.OpenedAt}}}
	until := now
	if !a.ClosedAt.IsZero() && !now.Before(a.ClosedAt) {
		until = a.ClosedAt.Add(-time.Microsecond) // the store keeps microseconds
	}
	since := a.Later.Since(until)
	for _, c := range changes {
		if c.Withdraws > 0 {
			if i := slices.IndexFunc(all, func(t AccountTariff) bool { return t.N == c.Withdraws }); i > 0 {
				all[i].WithdrawnBy = c.N
			}
			continue
		}
		all = append(all, AccountTariff{TariffChange: c})
	}
	for i := range all {
		t := &all[i]
		if t.Name, _, err = tx.Tariffs().TariffName(t.Tariff); err != nil {
			return nil, err
		}
		switch {
		case t.WithdrawnBy > 0, t.N > 0 && !a.ClosedAt.IsZero() && !t.From.Before(a.ClosedAt):
			t.State = TariffWithdrawn
		case t.From.After(now) && t.N > 0:
			t.State = TariffPlanned
		case t.N == 0 && since.IsZero(), t.N > 0 && t.From.Equal(since):
			t.State = TariffInForce
		default:
			t.State = TariffPast
		}
	}
	slices.Reverse(all)
	return all, nil
}
