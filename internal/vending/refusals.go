package vending

import (
	"strconv"
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/sts"
)

func blocked(p sale.Point) refusal.Refusal {
	if r := p.Replaced; r != nil {
		return refuse.MeterReplaced(p.Meter.Number, r.New.Number, r.At)
	}
	return refuse.MeterNotActive(p.Meter.Number, string(p.Status))
}

// wrongKeyType refuses a key of a type under which a meter takes no credit, or which many meters share.
func wrongKeyType(p sale.Point, kt sts.KeyType) refusal.Refusal {
	number := strconv.Itoa(int(kt))
	if kt == sts.DCTK {
		return refuse.KeyCommonToMany(p.Meter.Number, number, kt.String())
	}
	return refuse.KeyOfRefusedType(p.Meter.Number, number, kt.String())
}

// otherClock refuses to trust the clock, because it now shows a time too far from the approved time. An approval by an older version has no
// clock time.
func otherClock(said, says time.Time) refusal.Refusal {
	if said.IsZero() {
		return refuse.ApprovalWithoutClock(says)
	}
	return refuse.ApprovalOfAnotherClock(said, says)
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 MST") }

// unreachable refuses a delivery that has nowhere to go.
func unreachable(route string, p sale.Point) refusal.Refusal {
	if route == sale.RouteMeterSMS {
		return refuse.MeterWithoutSim(p.Meter.Number)
	}
	return refuse.CustomerWithoutPhone(p.Meter.Number)
}

func saleFailed(s sale.Sale) refusal.Refusal {
	return refuse.SaleFailed(failure(s.Failure), s.ID.Text(id.Vend))
}

// failure returns the code of the answer to a failed sale. A row without a code was refused by its issuer.
func failure(c refusal.Code) refusal.Code {
	if c == "" {
		return refusal.IssuerRefused
	}
	return c
}

// nothingTendered refuses a purchase without money for an account that has no free units to claim.
func nothingTendered(p sale.Point, b tariff.Body, m sale.Month) refusal.Refusal {
	if b.Free.Units > 0 && m.FreeClaimed {
		return refuse.FreeUnitsIssued(p.Meter.Number)
	}
	return refuse.AmountNotPositive(p.Meter.Number)
}

// beyond refuses one more reversal than the daily limits allow. The limits apply to one vendor's sales or, if no vendor is named, to the
// reversals by one person. A [sale.Reversals] holds the number and the value of the reversals so far on this day.
func beyond(who, of string, had sale.Reversals, tender money.Amount, limits registry.Limits) refusal.Refusal {
	if had.Number >= limits.ReversalsADay {
		if of != "" {
			return refuse.ReversalsOfVendor(had.Number, of, limits.ReversalsADay)
		}
		return refuse.ReversalsOfPerson(who, had.Number, limits.ReversalsADay)
	}
	most, bound := limits.ReversalValue()
	if !bound || had.Value+tender.Minor <= most {
		return refusal.Refusal{}
	}
	reversed, limit := money.Amount{Minor: had.Value, Currency: tender.Currency}, money.Amount{Minor: most, Currency: tender.Currency}
	if of != "" {
		return refuse.ReversedValueOfVendor(of, reversed, tender, limit)
	}
	return refuse.ReversedValueOfPerson(who, reversed, tender, limit)
}
