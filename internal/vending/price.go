package vending

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/debt"
	"github.com/paywatt/paywatt/internal/localday"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/sts"
	"github.com/paywatt/paywatt/unit"
)

// MaxUnits is the most that one sale can carry: MaxTokens tokens with the most units each.
const MaxUnits = MaxTokens * unit.MaxToken

// priced is a purchase that passed every check, with the facts it was decided on.
type priced struct {
	point sale.Point
	// recharge means that the money goes into the account's wallet. Then only the fields point, advance, tender, version and month are set.
	recharge bool
	// advance is the tax contained in a recharge if it is owed at once.
	advance money.Minor
	tender  money.Minor
	key     registry.Key
	version tariff.Version
	month   string
	before  unit.Energy // the account's position in the month's blocks
	carry   money.Minor // carry brought in
	owed    debt.Owed
	asked   sale.Asked
	split   tariff.Allocation
	tokens  []unit.Energy // units of each token
	tids    []sts.TID
	attrs   sts.Attributes
}

// price makes all checks of a sale and prices it. It writes nothing. The checks are in the order in which a seller can act on them: the
// meter, the money, the key, the clock, the price.
func (v *Vending) price(tx Tx, p sale.Point, tender money.Amount, now time.Time, t sale.Times) (priced, refusal.Refusal, error) {
	out := priced{point: p, tender: tender.Minor}
	if no := sellable(p, tender); no.Refused() {
		return priced{}, no, nil
	}
	if p.Mode == registry.PrepayWallet {
		return v.priceRecharge(tx, out, now)
	}
	var no refusal.Refusal
	if out.key, no = pickKey(p); no.Refused() {
		return priced{}, no, nil
	}
	if no = behindAt(t, now); no.Refused() {
		return priced{}, no, nil
	}
	var found bool
	var err error
	if out.version, found, err = p.Later.InForce(p.Tariff, now, tx.Debts().Charges().TariffVersionAt); err != nil {
		return priced{}, refusal.Refusal{}, err
	} else if !found {
		return priced{}, refuse.MeterWithoutTariff(p.Meter.Number), nil
	}
	if out.version.Body.Currency != tender.Currency {
		return priced{}, refuse.CurrencyMismatch(tender.Currency, out.version.Body.Currency), nil
	}
	zone, no := v.findZone(p.TZ)
	if no.Refused() {
		return priced{}, no, nil
	}
	if err := out.allocate(tx, tender, now.In(zone)); err != nil || out.split.Refused() {
		return priced{}, out.split.Refusal, err
	}
	if no := out.number(now, t); no.Refused() {
		return priced{}, no, nil
	}
	out.attrs, err = out.key.Attributes(p.Meter.Number)
	return out, refusal.Refusal{}, err
}

// zone returns a time zone by its name. It caches zones, because loading a zone reads a file and a sale is priced inside the transaction.
// The tenants of a server use few zones.
func (v *Vending) zone(name string) (*time.Location, error) {
	if zone, ok := v.zones.Load(name); ok {
		return zone.(*time.Location), nil
	}
	zone, err := localday.LoadZone(name)
	if err != nil {
		return nil, fmt.Errorf("time zone of the tenant: %w", err)
	}
	v.zones.Store(name, zone)
	return zone, nil
}

// findZone returns a time zone by its name, or the refusal of whatever must be dated there.
func (v *Vending) findZone(name string) (*time.Location, refusal.Refusal) {
	zone, err := v.zone(name)
	if err != nil {
		return nil, refuse.UtilityZoneUnknown(refusal.Echo(name))
	}
	return zone, refusal.Refusal{}
}

// zoneOf returns the time zone of the utility.
func (v *Vending) zoneOf(tx Tx) (*time.Location, error) {
	name, err := tx.Sold().TenantZone()
	if err != nil {
		return nil, err
	}
	return v.zone(name)
}

// ZoneFault returns why no sale can be dated: the program and the machine do not know the time zone of the utility. The zero Refusal means that
// they know it.
func (v *Vending) ZoneFault(ctx context.Context, t access.Tenant) (refusal.Refusal, error) {
	return access.Look(ctx, v.c.Door, t, func(tx Tx) (refusal.Refusal, error) {
		name, err := tx.Sold().TenantZone()
		if err != nil {
			return refusal.Refusal{}, err
		}
		if _, err := v.zone(name); err != nil {
			return refuse.ReadyTimeZoneUnknown(refusal.Echo(name)), nil
		}
		return refusal.Refusal{}, nil
	})
}

// allocate splits the money at the account's position in the local month.
func (p *priced) allocate(tx Tx, tender money.Amount, local time.Time) (err error) {
	p.month = local.Format(localday.MonthForm)
	month, err := tx.Debts().VendMonth(p.point.Account, p.month)
	if err != nil {
		return err
	}
	body := p.version.Body
	p.before, p.carry = month.Position(body), month.Carry
	free := month.FreeDue(body)
	if tender.Minor == 0 && free == 0 {
		p.split.Refusal = nothingTendered(p.point, body, month)
		return nil
	}
	if p.owed, err = debt.Owe(tx.Debts().Charges(), p.point, p.version, local); err != nil {
		return err
	}
	buy := tariff.Purchase{Body: body, Tender: tender.Minor, Carry: p.carry, Month: p.before, Charges: p.owed.Charges, Free: free,
		ChargesOnly: p.point.Policy.ChargesOnly, MaxUnits: MaxUnits}
	if free > 0 { // the token of free units counts towards the sale's limit, even if it is not full
		buy.MaxUnits += free - unit.Energy(len(sale.OnTokens(free)))*unit.MaxToken
	}
	if body.MaxDeduction == 0 {
		buy.MaxDeduction = p.point.Policy.MaxDeduction
	}
	if len(buy.Charges) > 0 {
		p.asked = sale.Asked{Charges: buy.Charges, MaxDeduction: buy.MaxDeduction}
	}
	if p.split, err = tariff.Allocate(buy); err != nil || p.split.Refused() {
		return err
	}
	p.tokens = append(sale.OnTokens(p.split.Free), sale.OnTokens(p.split.Units)...)
	return nil
}

// number gives every token its TID: the present minute, or the minute after the key's last TID if that is later. It skips TIDs that a store
// lost in a restore may have issued, and issues no TID beyond [sale.Reach].
func (p *priced) number(now time.Time, t sale.Times) refusal.Refusal {
	base := p.key.BaseDate
	if _, err := base.TIDAt(now); err != nil {
		return refuse.BaseDateOver(base.String(), p.point.Meter.Number)
	}
	from, reach := now, sale.Reach(now, t.Restored, t.Lost)
	if after := t.Lost.Add(time.Minute); !t.Lost.IsZero() && from.Before(after) {
		from = after
	}
	var err error
	last := p.key.LastTID
	for _, units := range p.tokens {
		if last, err = base.Next(last, from); err != nil {
			return refuse.BaseDateOver(base.String(), p.point.Meter.Number)
		}
		if last.Expired(p.key.KEN) {
			return refuse.MeterKeyExpired(p.point.Meter.Number, strconv.Itoa(int(p.key.KEN)))
		}
		if base.Time(last).After(reach) {
			return refuse.TokensTooFarAhead(p.point.Meter.Number, int64(reach.Sub(now.Truncate(time.Minute))/time.Minute))
		}
		if a, err := sts.EncodeTenths(units.Tenths()); err != nil || unit.FromTenths(a.Tenths()) != units {
			return refuse.UnitsNotOnAToken(units)
		}
		p.tids = append(p.tids, last)
	}
	return refusal.Refusal{}
}

// sellable checks meter, account and currency.
func sellable(p sale.Point, tender money.Amount) refusal.Refusal {
	switch {
	case p.Mode != registry.PrepayToken && p.Mode != registry.PrepayWallet:
		return refuse.MeterTakesNoTokens(p.Meter.Number, string(p.Mode))
	case p.Status != registry.Active:
		return blocked(p)
	case p.Account.IsZero() || p.AccountStatus != registry.AccountActive:
		return refuse.MeterWithoutAccount(p.Meter.Number)
	case p.Currency == "":
		return refuse.MeterWithoutTariff(p.Meter.Number)
	case p.Currency != tender.Currency:
		return refuse.CurrencyMismatch(tender.Currency, p.Currency)
	}
	return refusal.Refusal{}
}

// pickKey returns the key a token must be made under. A planned change must be carried out first. A change whose tokens exist counts as
// done, because the customer enters them before the credit.
func pickKey(p sale.Point) (registry.Key, refusal.Refusal) {
	var pick registry.Key
	for _, k := range p.Keys {
		switch k.State {
		case registry.KeyPlanned:
			return registry.Key{}, refuse.KeyChangePlanned(p.Meter.Number)
		case registry.KeyIssued:
			pick = k
		case registry.KeyCurrent:
			if pick.State != registry.KeyIssued {
				pick = k
			}
		}
	}
	switch {
	case pick.ID.IsZero():
		return registry.Key{}, refuse.MeterWithoutKey(p.Meter.Number)
	case pick.KT != sts.DUTK:
		return registry.Key{}, wrongKeyType(p, pick.KT)
	}
	return pick, refusal.Refusal{}
}

// lines returns the lines that answers and receipts show for an allocation. They sum to the payment.
func (p priced) lines() []sale.Line {
	if p.recharge {
		return rechargeLines(p.tender, p.advance)
	}
	var out []sale.Line
	vat := p.split.VAT
	for _, d := range p.split.Deductions {
		out = append(out, sale.Line{Kind: sale.LineKind(d.Charge.Kind), Ref: d.Charge.Ref, Label: p.owed.Labels[d.Charge.Ref], Amount: d.Net(), VAT: d.VAT,
			Left: leftAfter(d)})
		vat += d.VAT
	}
	if p.split.Free > 0 {
		out = append(out, sale.Line{Kind: sale.LineFree, Steps: []sale.Step{{Units: p.split.Free}}})
	}
	energy := sale.Line{Kind: sale.LineEnergy, Amount: p.split.Net, VAT: p.split.VAT}
	for _, s := range p.split.Steps {
		energy.Steps = append(energy.Steps, sale.Step{Units: s.Units, Rate: s.Rate, Amount: s.Net})
	}
	out = append(out, energy)
	for _, l := range p.split.Levies {
		out = append(out, sale.Line{Kind: sale.LineLevy, Ref: l.Levy.Name, Amount: l.Amount})
	}
	out = append(out, sale.Line{Kind: sale.LineVAT, Amount: vat}, sale.Line{Kind: sale.LineCarry, Amount: p.split.CarryOut})
	if p.carry != 0 {
		out = append(out, sale.Line{Kind: sale.LineCarryIn, Amount: -p.carry})
	}
	return out
}

// units is the sum of the units of all tokens.
func (p priced) units() unit.Energy { return p.split.Units + p.split.Free }

// order returns the request that a Checker gets before the sale exists: the key, and the meter it belongs to.
func (p priced) order() IssueRequest {
	return IssueRequest{Attributes: p.attrs, KEN: p.key.KEN, Simulated: p.point.Meter.Simulated}
}

// errLines means that a sale's lines do not sum to the payment: our own code is wrong, and the sale is refused.
var errLines = errors.New("the lines of the sale do not sum to the tender")

func checkLines(lines []sale.Line, tender money.Minor) error {
	var sum money.Minor
	for _, l := range lines {
		sum += l.Amount
	}
	if sum != tender {
		return fmt.Errorf("%w: %d instead of %d", errLines, sum, tender)
	}
	return nil
}

// leftAfter returns the rest of a charge after a deduction, or nil for a charge without an end.
func leftAfter(d tariff.Deduction) *money.Minor {
	if d.Charge.Endless {
		return nil
	}
	left := d.Charge.Outstanding - d.Gross
	return &left
}
