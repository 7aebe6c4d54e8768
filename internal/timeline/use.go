package timeline

import (
	"context"
	"encoding/binary"
	"slices"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/localday"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/series"
	"github.com/paywatt/paywatt/internal/wallet"
)

// listUse is the list that a cursor of a meter's use belongs to.
const listUse = "use of readings:"

// Use lists the use of a meter by day, week or month, newest first (right: meter.read). The use of a wallet meter is what was rated. For
// every other meter it comes from the differences of its register, has no price, and has no row for a period without readings.
func (t *Timeline) Use(ctx context.Context, by access.Actor, a wallet.UseAsked) (wallet.UseList, error) {
	if no := by.Needs(access.ReadMeters); no.Refused() {
		return wallet.UseList{Refusal: no}, nil
	}
	var out wallet.UseList
	paid := false
	err := t.look(ctx, by, func(tx Tx) error {
		m, no, err := registry.MeterNamed(tx.Meters(), a.Meter)
		if err != nil || no.Refused() {
			out.Refusal = no
			return err
		}
		if paid = m.Mode == registry.PrepayWallet; paid {
			return nil
		}
		out, err = t.used(tx, by, m, a)
		return err
	})
	if err != nil || out.Refused() || !paid {
		return out, fault.Wrap(err, "list the use of meter %s", a.Meter)
	}
	return t.c.Wallets.Use(ctx, by, a)
}

// used makes one page from the readings.
func (t *Timeline) used(tx Tx, by access.Actor, m registry.Meter, a wallet.UseAsked) (wallet.UseList, error) {
	set, err := tx.WalletTenant()
	if err != nil {
		return wallet.UseList{}, err
	}
	p := period(series.Period(a.By))
	list := listUse + string(p) + m.ID.Text(id.Meter)
	before, max, no := a.Page.Read(t.c.Sealer, by.Tenant, list)
	from, to, bad := spanOf(a, set.Zone)
	if no.Refused() || bad.Refused() {
		return wallet.UseList{Refusal: firstOf(no, bad)}, nil
	}
	if !before.IsZero() {
		to = earlier(to, timeOf(before))
	}
	out := wallet.UseList{Currency: set.Currency}
	latest, err := tx.NewestReading(m.N, time.Time{})
	end := earlier(latest, to.Add(-time.Nanosecond))
	if err != nil || latest.IsZero() || end.Before(from) {
		return out, err
	}
	buckets := p.Before(end.In(set.Zone), max)
	for len(buckets) > 1 && !buckets[0].To.After(from) {
		buckets = buckets[1:]
	}
	rows, buckets, err := fitting(tx, m.N, buckets)
	if err != nil {
		return out, err
	}
	for _, u := range slices.Backward(series.UseOf(samplesOf(inOrder(rows)), buckets, wallet.MaxPerPhase*mostPhases)) {
		if u.Covered {
			out.Data = append(out.Data, wallet.Use{Period: wallet.Period(p), First: u.From.Format(time.DateOnly), DayUse: wallet.DayUse{Units: u.Units, Estimated: u.Estimated}})
		}
	}
	if !buckets[0].From.After(from) {
		return out, nil
	}
	older, err := tx.NewestReading(m.N, buckets[0].From)
	if err == nil && !older.IsZero() {
		out.Next = registry.Cursor(t.c.Sealer, by.Tenant, list, placeOf(buckets[0].From))
	}
	return out, err
}

// placeOf encodes a time in a cursor's identity, and timeOf decodes it.
func placeOf(at time.Time) (place id.ID) {
	binary.BigEndian.PutUint64(place[:8], uint64(at.UnixMicro()))
	return place
}

func timeOf(place id.ID) time.Time { return time.UnixMicro(int64(binary.BigEndian.Uint64(place[:8]))) }

// fitting reads the readings of the buckets, or of the newest half of them as often as needed until there are not too many.
func fitting(tx Tx, meter int64, buckets []series.Bucket) ([]metering.StoredReading, []series.Bucket, error) {
	for {
		rows, err := tx.ReadingsAround(meter, metering.Span{From: buckets[0].From, To: buckets[len(buckets)-1].To}, maxReadings)
		if err != nil || len(rows) < maxReadings || len(buckets) == 1 {
			return rows, buckets, err
		}
		buckets = buckets[(len(buckets)+1)/2:]
	}
}

// spanOf reads two optional local days.
func spanOf(a wallet.UseAsked, zone *time.Location) (from, to time.Time, no refusal.Refusal) {
	var err error
	to = time.Date(9999, time.December, 31, 0, 0, 0, 0, zone)
	if a.From != "" {
		if from, err = localday.Parse(a.From, zone); err != nil {
			return from, to, refuse.LocalDateOfWrongForm(refusal.Echo(a.From))
		}
	}
	if a.To != "" {
		if to, err = localday.Parse(a.To, zone); err != nil {
			return from, to, refuse.LocalDateOfWrongForm(refusal.Echo(a.To))
		}
		to = localday.Next(to)
	}
	return from, to, no
}

func firstOf(a, b refusal.Refusal) refusal.Refusal {
	if a.Refused() {
		return a
	}
	return b
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}
