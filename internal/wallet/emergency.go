package wallet

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/unit"
)

// Emergency is a supply that one person restored on credit. It lowers the level of the cut-off to a floor, so the account pays for all use,
// and leases reach no further than the stated energy. It ends at its time, at its floor, or when the meter has counted its energy.
type Emergency struct {
	Until    time.Time
	Floor    money.Minor // the balance at which it ends: the balance at its start, less the price of its energy
	Energy   unit.Energy
	Meter    int64       // the meter for which it was given
	Register unit.Energy // what that meter had counted then
	By       string
	Reason   string
}

// Bounds of an emergency supply.
const (
	MaxEmergency       = 24 * time.Hour
	minEmergencyEnergy = 100 * unit.WattHour
	maxEmergencyEnergy = 100 * unit.KilowattHour
)

// terms returns the settings under which a meter of the account is judged. While the emergency lasts, its floor takes the place of the
// cut-off level and of the allowance.
func (e Emergency) terms(t Tenant, meter int64, register unit.Energy, now time.Time) Tenant {
	if !now.Before(e.Until) || meter == e.Meter && register >= e.Register+e.Energy {
		return t
	}
	none := unit.Energy(0)
	t.Policy.CutOff, t.Supply.Allowance = min(t.Policy.CutOff, e.Floor), &none
	return t
}

// shown returns the emergency if it has not ended by time, else nil.
func (e Emergency) shown(now time.Time) *Emergency {
	if !now.Before(e.Until) {
		return nil
	}
	return &e
}

// EmergencyRequest asks to restore a supply at night.
type EmergencyRequest struct {
	Hours  int64       `json:"hours"`
	Energy unit.Energy `json:"energy_wh"`
	Reason string      `json:"reason"`
}

// emergencyAct is the part of an EmergencyRequest that an approval stores.
type emergencyAct struct {
	Meter   string           `json:"meter"`
	Account string           `json:"account"` // the approval does not cover the next customer
	Wish    EmergencyRequest `json:"wish"`
}

func (w *Wallets) doEmergency(ctx context.Context, maker access.Actor, body []byte) (access.Done, error) {
	var a emergencyAct
	if err := json.Unmarshal(body, &a); err != nil {
		return access.Done{}, fmt.Errorf("read an approved emergency supply: %w", err)
	}
	out, err := w.Restore(ctx, maker, a.Meter, a.Wish)
	return access.Done{Refusal: out.Refusal, Object: "meter " + a.Meter}, err
}

// Restore restores the supply of a meter's account on credit, for some hours and an energy (right: command.send). One person may do that at
// night, up to a ceiling; above it, a second person must approve. The account pays for the energy. The daily report names the person.
func (w *Wallets) Restore(ctx context.Context, by access.Actor, meter string, wish EmergencyRequest) (SupplyView, error) {
	if no := by.Needs(access.SendCommands); no.Refused() {
		return SupplyView{Refusal: no}, nil
	}
	ref, no := registry.ParseRef(meter)
	if no.Refused() {
		return SupplyView{Refusal: registry.NoMeter(meter)}, nil
	}
	if wish.Reason == "" || len(wish.Reason) > maxWhy {
		return SupplyView{Refusal: refuse.SupplyChangeWithoutReason(maxWhy)}, nil
	}
	if wish.Hours < 1 || wish.Hours > int64(MaxEmergency/time.Hour) || wish.Energy < minEmergencyEnergy || wish.Energy > maxEmergencyEnergy {
		return SupplyView{Refusal: refuse.EmergencyOutOfRange()}, nil
	}
	out, err := access.Through(ctx, w.c.Door, by.Tenant, func(tx Tx) (SupplyView, error) {
		m, found, err := registry.ResolveMeter(tx.WalletViews().Meters(), ref)
		if err != nil || !found {
			return SupplyView{Refusal: registry.NoMeter(meter)}, err
		}
		if err := tx.Supplies().LockAccount(m.Account); err != nil {
			return SupplyView{}, err
		}
		return w.restore(tx, by, m, wish)
	})
	return out, fault.Wrap(err, "restore the supply of meter %s", meter)
}

// restore is the transaction of Restore after the account is locked.
func (w *Wallets) restore(tx Tx, by access.Actor, m registry.Meter, wish EmergencyRequest) (SupplyView, error) {
	if m.Status.HasLeft() { // the ceiling of the meter that supplies the account counts
		return SupplyView{Refusal: refuse.CommandToMeterOutOfService(m.Number, string(m.Status))}, nil
	}
	now := w.moment()
	rows, err := tx.Rating().WalletOf(m.N)
	if err != nil {
		return SupplyView{}, err
	}
	at := slices.IndexFunc(rows, func(r Row) bool { return r.Meter.N == m.N })
	if at < 0 || rows[at].Meter.Account != m.Account {
		return SupplyView{Refusal: refuse.EmergencyWithoutWallet(m.Number)}, nil
	}
	t, err := tx.Rating().WalletTenant()
	if err != nil {
		return SupplyView{}, err
	}
	if by.Approval.IsZero() && !t.Supply.Night(now, t.Zone) {
		from, to := t.Supply.EmergencyHours().Times()
		return SupplyView{Refusal: refuse.EmergencyByDay(from, to)}, nil
	}
	a, err := accountAt(tx.Rating(), t, rows, now)
	if err != nil {
		return SupplyView{}, err
	}
	cost, err := a.Points[at].Tariff.CostOf(wish.Energy)
	if err != nil {
		return SupplyView{}, err
	}
	cost = max(cost-1, 0) // the price was rounded up, and one minor unit less cannot pay for more energy
	account := m.Account.Text(id.Account)
	eyes, err := access.SecondPerson(tx.Eyes(), by, access.ActRequest{Act: access.ActEmergency, Object: account,
		Summary: fmt.Sprintf("restore the supply of meter %s on credit for %d hours and %s kWh; reason: %s", m.Number, wish.Hours, wish.Energy.KWh(1), wish.Reason),
		Body:    emergencyAct{m.Number, account, wish}, Takes: access.Takes{Amount: int64(wish.Energy), Meter: access.Subject{ID: m.ID.Text(id.Meter), Name: m.Number}},
		Effect: access.Telling(func(e *access.Effect) {
			e.Fact("meter", m.Number)
			e.Tells("energy", access.Counts(access.UnitEnergy, int64(wish.Energy)))
			e.Fact("hours", fmt.Sprint(wish.Hours))
			e.Sum("at-most", money.Amount{Minor: cost, Currency: t.Currency})
		})}, now)
	if err != nil || eyes.Refused() || eyes.Waits != nil {
		return SupplyView{Refusal: eyes.Refusal, Waits: eyes.Waits}, err
	}
	e := Emergency{Until: now.Add(time.Duration(wish.Hours) * time.Hour), Floor: min(a.Money.Available(), t.Policy.CutOff) - cost, Energy: wish.Energy,
		Meter: m.N, Register: rows[at].Register, By: by.String(), Reason: wish.Reason}
	if err := tx.Supplies().PutEmergency(m.Account, e); err != nil {
		return SupplyView{}, err
	}
	row := eyes.Mark(by.Entry("supply.emergency", account))
	row.After = fmt.Sprintf("meter=%s energy_wh=%d until=%s floor_minor=%d %s", m.Number, e.Energy, e.Until.UTC().Format(time.RFC3339), e.Floor, row.After)
	row.Reason, row.SinglePerson = wish.Reason, eyes.Checker == ""
	if err := tx.Supplies().AuditLog(row); err != nil {
		return SupplyView{}, err
	}
	settled, err := SettleAccount(tx.Rating(), m.Account, now, false)
	if err != nil {
		return SupplyView{}, err
	}
	return w.show(tx, settled.Rows, settled.Rows[at])
}
