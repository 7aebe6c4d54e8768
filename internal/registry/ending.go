package registry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/unit"
)

// A meter ends in two steps. It is removed when somebody took it off the wall, and scrapped for good. Its row, its readings and its tokens stay,
// because the books and the evidence name them. Nobody hears of a removed meter that still hangs and supplies: so a second person sees what is known
// about it.

// Ending is what is known about a meter that is to be removed or scrapped.
type Ending struct {
	Meter      Meter       // as it is under the lock
	ReplacedBy string      // number of the meter that took its place; empty for none
	Closed     unit.Energy // the register at which a wallet meter was closed when it was replaced
	Measures   string      // the feeder that its place measures as a whole; empty for none
	OpenSums   bool        // money or a debt is on the account of a meter in stock
}

// removeAct is the removal of a meter as it is stored for a second person.
type removeAct struct {
	Meter  string `json:"meter"`
	Reason string `json:"reason"`
}

// RemoveMeter says that a meter was taken off the wall (right: meter.write). It must supply no account. From then on it cannot sign in, and lists
// leave it out. This takes two people.
func (r *Registry) RemoveMeter(ctx context.Context, by access.Actor, ref, reason string) (ChangedMeter, error) {
	return r.endMeter(ctx, by, ref, Removed, reason)
}

// ScrapMeter ends the life of a removed meter, or of one in stock (right: meter.write).
func (r *Registry) ScrapMeter(ctx context.Context, by access.Actor, ref, reason string) (ChangedMeter, error) {
	return r.endMeter(ctx, by, ref, Scrapped, reason)
}

func (r *Registry) endMeter(ctx context.Context, by access.Actor, ref string, to Status, reason string) (ChangedMeter, error) {
	no := by.Needs(access.WriteMeters)
	if no.Refused() {
		return ChangedMeter{MeterView: MeterView{Refusal: no}}, nil
	}
	reason = strings.TrimSpace(reason)
	if reason == "" || !text(reason, maxReason) {
		return ChangedMeter{MeterView: MeterView{Refusal: refuse.ChangeWithoutReason(maxReason)}}, nil
	}
	row, err := access.Through(ctx, r.c.Door, by.Tenant, func(tx Tx) (addedRow, error) { return r.writeEnding(tx, by, ref, to, reason) })
	if err != nil {
		return ChangedMeter{}, fmt.Errorf("make meter %s %s: %w", refusal.Echo(ref), to, err)
	}
	if row.Refused() || row.waits != nil {
		return ChangedMeter{MeterView: MeterView{Refusal: row.Refusal}, Waits: row.waits}, nil
	}
	return ChangedMeter{MeterView: r.shown(by, foundRow{rec: row.rec})}, nil
}

// writeEnding does the work of a step in one transaction.
func (r *Registry) writeEnding(tx Tx, by access.Actor, ref string, to Status, reason string) (addedRow, error) {
	m, no, err := MeterNamed(tx, ref)
	if err != nil || no.Refused() {
		return addedRow{Refusal: no}, err
	}
	e, err := tx.Logins().ReadEnding(m)
	if err != nil {
		return addedRow{}, err
	}
	if no := e.checkStep(to); no.Refused() {
		return addedRow{Refusal: no}, nil
	}
	eyes, err := access.SecondPerson(tx.Eyes(), by, r.requestEnding(tx, e, to, reason), r.c.Now())
	if err != nil || eyes.Refused() || eyes.Waits != nil {
		return addedRow{Refusal: eyes.Refusal, waits: eyes.Waits}, err
	}
	if err := tx.Logins().EndMeter(e.Meter, to); err != nil {
		return addedRow{}, err
	}
	if err := tx.Logins().ClearAlarm(e.Meter.N, metering.AlarmMeterSilent); err != nil { // nobody looks for it any more
		return addedRow{}, err
	}
	rec, found, err := tx.MeterRecord(e.Meter.ID)
	if err == nil && !found {
		err = errors.New("the meter just written cannot be read")
	}
	if err != nil {
		return addedRow{}, err
	}
	action := "meter.remove"
	if to == Scrapped {
		action = "meter.scrap"
	}
	entry := by.Entry(action, e.Meter.ID.Text(id.Meter))
	entry.Before, entry.After, entry.Reason = "status="+string(e.Meter.Status), "status="+string(to), reason
	if e.Meter.SIM != "" {
		entry.Before += " sim=" + e.Meter.SIM
	}
	return addedRow{rec: rec}, tx.AuditLog(eyes.Mark(entry))
}

// checkStep refuses a step that does not fit the meter. The losses of a feeder follow from its main meter, so nobody removes that.
func (e Ending) checkStep(to Status) refusal.Refusal {
	number, status := e.Meter.Number, e.Meter.Status
	switch {
	case status == Active || status == Commissioned:
		return refuse.MeterStillSupplies(number)
	case !status.MayBecome(to) && to == Removed:
		return refuse.MeterNotToRemove(number, string(status))
	case !status.MayBecome(to):
		return refuse.MeterNotToScrap(number, string(status))
	case status == Installed && e.Measures != "":
		return refuse.RemovalOfMainMeter(number, e.Measures)
	case e.OpenSums && e.Meter.Mode == Postpay:
		return refuse.ScrapOfPostPaidWithMoney(number)
	case e.OpenSums:
		return refuse.ScrapOfMeterWithMoney(number)
	}
	return refusal.Refusal{}
}

// requestEnding returns the act of a step. To scrap a meter that supplies nobody and is not heard moves nothing.
func (r *Registry) requestEnding(tx Tx, e Ending, to Status, reason string) access.ActRequest {
	m := e.Meter
	w := access.ActRequest{Act: access.ActScrap, Object: m.ID.Text(id.Meter), Body: removeAct{m.Number, reason}}
	if to == Scrapped {
		return w
	}
	w.Act = access.ActRemove
	w.Summary = fmt.Sprintf("remove meter %s, which is %s: if it still hangs and supplies, nobody hears of it any more; reason: %s",
		m.Number, m.Status, reason)
	w.Effect = func() (f access.Effect, err error) {
		f.Fact("meter", m.Number)
		f.Change("meter-status", access.Named("meter-status", string(m.Status)), access.Named("meter-status", string(to)))
		f.Fact("replaced-by", e.ReplacedBy)
		rec, _, err := tx.MeterRecord(m.ID)
		if err != nil {
			return f, err
		}
		reported := len(f.Facts)
		f.Tells("last-heard", access.Moments(rec.LastSeen))
		if on := unit.Energy(rec.RegisterWh) - e.Closed; m.Status == Blocked && m.Mode == PrepayWallet && rec.Reported && on > 0 {
			f.Tells("counted-since", access.Counts(access.UnitEnergy, int64(on)))
		}
		for i := reported; i < len(f.Facts); i++ {
			f.Facts[i].Live = true // it goes on with every report of the meter
		}
		owed, err := r.sumOwed(tx, m)
		if owed.Minor > 0 {
			f.Sum("outstanding", owed)
		}
		return f, err
	}
	return w
}

// sumOwed returns what the account of a meter owes. It stays owed, whatever becomes of the meter.
func (r *Registry) sumOwed(tx Tx, m Meter) (sum money.Amount, err error) {
	if m.Account.IsZero() {
		return sum, nil
	}
	debts, charges, err := tx.Customers().Owing().OwedBy(m.Account)
	if err != nil {
		return sum, err
	}
	for _, o := range append(debts, charges...) {
		sum.Minor += o.Left
	}
	now := r.c.Now()
	of, err := tx.Customers().AccountTariff(m.Account, now)
	if err != nil {
		return sum, err
	}
	v, _, err := tx.Tariffs().TariffVersionAt(of, now)
	sum.Currency = v.Body.Currency
	return sum, err
}

// doRemove carries out an approved removal.
func (r *Registry) doRemove(ctx context.Context, maker access.Actor, body []byte) (access.Done, error) {
	var a removeAct
	if err := json.Unmarshal(body, &a); err != nil {
		return access.Done{}, fmt.Errorf("read an approved removal of a meter: %w", err)
	}
	out, err := r.RemoveMeter(ctx, maker, a.Meter, a.Reason)
	return access.Done{Refusal: out.Refusal, Object: "meter " + a.Meter}, err
}
