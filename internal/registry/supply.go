package registry

import (
	"fmt"
	"time"

	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/supply"
	"github.com/paywatt/paywatt/unit"
)

// SupplyPolicy holds the tenant's settings for cut-offs and leases of wallet meters. The zero value means the defaults of
// docs/reference/supply.md.
type SupplyPolicy struct {
	Windows     []string    `json:"friendly,omitempty"`     // "mon,tue 18:00-07:00": hours in which nobody is cut off for lack of money
	SpecialDays []string    `json:"special_days,omitempty"` // "2026-12-25": days on which nobody is cut off for lack of money
	Notice      int64       `json:"notice_s,omitempty"`     // least seconds between the last warning and the cut-off
	Cap         unit.Energy `json:"lease_cap_wh,omitempty"` // the most energy of one lease; 0 for 20 kWh
	TTL         int64       `json:"lease_ttl_s,omitempty"`  // powered-on seconds of one lease; 0 for 72 h
	// EmergencyFrom and EmergencyTo are the local hours in which one person may restore a supply; empty for 18:00 and 08:00. Two equal times
	// mean that nobody may.
	EmergencyFrom string       `json:"emergency_from,omitempty"`
	EmergencyTo   string       `json:"emergency_to,omitempty"`
	Allowance     *unit.Energy `json:"allowance_wh,omitempty"` // energy that may be owed while nobody may be cut off; nil for 5 kWh
}

const (
	defaultLeaseCap  = 20 * unit.KilowattHour
	defaultLeaseTTL  = 72 * time.Hour
	defaultAllowance = 5 * unit.KilowattHour
)

// EmergencyHours are the local hours in which one person may restore a supply.
func (p SupplyPolicy) EmergencyHours() QuietHours {
	return QuietHours{From: or(p.EmergencyFrom, "18:00"), To: or(p.EmergencyTo, "08:00")}
}

// Night reports whether one person may restore a supply at a moment.
func (p SupplyPolicy) Night(now time.Time, zone *time.Location) bool {
	return !p.EmergencyHours().After(now, zone).Equal(now)
}

// Bounds of the supply settings.
const (
	leastCap   = 100 * unit.WattHour
	mostCap    = 100_000 * unit.KilowattHour
	leastTTL   = 60 * 60
	mostTTL    = 366 * 24 * 60 * 60
	mostNotice = 60 * 24 * 60 * 60
)

// LeaseCap returns the most energy that one lease gives.
func (p SupplyPolicy) LeaseCap() unit.Energy {
	if p.Cap == 0 {
		return defaultLeaseCap
	}
	return p.Cap
}

// LeaseTTL returns the powered-on time for which a lease is valid.
func (p SupplyPolicy) LeaseTTL() time.Duration {
	if p.TTL == 0 {
		return defaultLeaseTTL
	}
	return time.Duration(p.TTL) * time.Second
}

// AllowanceWh returns the energy that an account may use beyond its money while a rule forbids the cut-off.
func (p SupplyPolicy) AllowanceWh() unit.Energy {
	if p.Allowance == nil {
		return defaultAllowance
	}
	return *p.Allowance
}

// Friendly reports whether a window of the calendar is open at a moment. The settings refuse an unreadable entry. If one is
// stored nevertheless, the window counts as always open, so that nobody is cut off because of a typing error.
func (p SupplyPolicy) Friendly(at time.Time, zone *time.Location) bool {
	windows, special, ok := p.calendar()
	if !ok {
		return true
	}
	local := at.In(zone)
	_, offset := local.Zone()
	return supply.Friendly(windows, special, local.Unix()+int64(offset))
}

func (p SupplyPolicy) calendar() (windows []supply.Window, special []supply.Special, ok bool) {
	for _, entry := range p.Windows {
		w, ok := supply.ParseWindow(entry)
		if !ok {
			return nil, nil, false
		}
		windows = append(windows, w)
	}
	for _, entry := range p.SpecialDays {
		s, ok := supply.ParseSpecial(entry)
		if !ok {
			return nil, nil, false
		}
		special = append(special, s)
	}
	return windows, special, len(windows) <= supply.MaxWindows && len(special) <= supply.MaxSpecial
}

func (p SupplyPolicy) check() refusal.Refusal {
	if _, _, ok := p.calendar(); !ok {
		return refuse.SupplyCalendarInvalid(supply.MaxWindows, supply.MaxSpecial)
	}
	switch {
	case p.EmergencyHours().check().Refused():
		return refuse.EmergencyHoursInvalid()
	case p.Notice < 0 || p.Notice > mostNotice:
		return refuse.FieldOutOfRange("supply_notice_s", 0, mostNotice)
	case p.Cap != 0 && (p.Cap < leastCap || p.Cap > mostCap):
		return refuse.FieldOutOfRangeOrDefault("lease_cap_wh", int64(leastCap), int64(mostCap))
	case p.TTL != 0 && (p.TTL < leastTTL || p.TTL > mostTTL):
		return refuse.FieldOutOfRangeOrDefault("lease_ttl_s", leastTTL, mostTTL)
	case p.Allowance != nil && (*p.Allowance < 0 || *p.Allowance > mostCap):
		return refuse.FieldOutOfRange("supply_allowance_wh", 0, int64(mostCap))
	}
	return refusal.Refusal{}
}

// String returns the policy in words, for the audit log.
func (p SupplyPolicy) String() string {
	return fmt.Sprintf("{friendly=%q special_days=%q notice_s=%d lease_cap_wh=%d lease_ttl_s=%d allowance_wh=%d emergency=%s}", p.Windows, p.SpecialDays, p.Notice,
		p.LeaseCap(), int64(p.LeaseTTL()/time.Second), p.AllowanceWh(), p.EmergencyHours().summary())
}

// Decided reports whether any setting differs from its default and must be stored.
func (p SupplyPolicy) Decided() bool {
	return len(p.Windows)+len(p.SpecialDays) > 0 || p.Notice != 0 || p.Cap != 0 || p.TTL != 0 || p.Allowance != nil || p.EmergencyFrom != "" || p.EmergencyTo != ""
}

// AccountSupply holds the supply settings of one account.
type AccountSupply struct {
	Protected bool  // never cut off for lack of money
	Grace     int64 // energy, in Wh, that the supply may still use after a lease's time ends; -1 for all that is left of the lease
}
