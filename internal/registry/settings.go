package registry

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/refusal"
)

// Settings are what a tenant decides for itself.
type Settings struct {
	Name     string
	Currency string // ISO 4217; empty until set or until the first tariff names it
	TZ       string // IANA name; months of block tariffs and dates on receipts follow it
	VATNo    string
	// FourEyes says whether acts of weight need a second person; nil: as soon as two people could approve.
	FourEyes *bool
	Charges  ChargePolicy
	Receipt  ReceiptHead
}

// ReceiptHead is what receipts say of the utility besides its name and tax number.
type ReceiptHead struct {
	Address string `json:"address,omitempty"`
	Contact string `json:"contact,omitempty"` // a telephone number, an address to write to
	Message string `json:"message,omitempty"` // to all customers, at the foot
}

// ChargePolicy is what a tenant decides about what sales take besides energy.
type ChargePolicy struct {
	// MaxDeduction is the share of what is tendered that capped charges may take together, where the tariff names none;
	// 0 means 70 %.
	MaxDeduction money.Bps `json:"max_deduction_bps,omitempty"`
	// ChargesOnly accepts money that reaches charges but buys no unit; the receipt then has no token.
	ChargesOnly bool `json:"charges_only,omitempty"`
	// Daily makes monthly fixed charges due day by day instead of on the 1st.
	Daily bool `json:"daily_charges,omitempty"`
}

// SettingsView is the tenant's settings with what follows from them.
type SettingsView struct {
	refusal.Refusal
	Settings
	FourEyesBind bool // whether second-person rules bind now
}

// SettingsChange names what is to change; nil fields stay.
type SettingsChange struct {
	Name     *string
	Currency *string
	TZ       *string
	VATNo    *string
	FourEyes *bool
	Charges  *ChargePolicy // as a whole
	Receipt  *ReceiptHead  // as a whole
	// FourEyesDefault goes back to deciding by the number of people; it excludes FourEyes.
	FourEyesDefault bool
}

// Settings shows the tenant's settings.
func (r *Registry) Settings(ctx context.Context, by access.Actor) (SettingsView, error) {
	if no := by.Needs(access.ReadSettings); no.Refused() {
		return SettingsView{Refusal: no}, nil
	}
	out, err := access.Look(ctx, r.c.Door, by.Tenant, settingsView)
	if err != nil {
		return SettingsView{}, fmt.Errorf("read settings: %w", err)
	}
	return out, nil
}

func settingsView(tx Tx) (SettingsView, error) {
	s, err := tx.TenantSettings()
	if err != nil {
		return SettingsView{}, err
	}
	bind, err := fourEyes(tx, s, access.WriteTariffs)
	return SettingsView{Settings: s, FourEyesBind: bind}, err
}

// ChangeSettings changes the named settings, all or nothing. The currency can be named once: every figure of the books
// is in it.
func (r *Registry) ChangeSettings(ctx context.Context, by access.Actor, c SettingsChange) (SettingsView, error) {
	if no := by.Needs(access.WriteSettings); no.Refused() {
		return SettingsView{Refusal: no}, nil
	}
	if no := c.check(); no.Refused() {
		return SettingsView{Refusal: no}, nil
	}
	out, err := access.Through(ctx, r.c.Door, by.Tenant, func(tx Tx) (SettingsView, error) {
		if c.Currency != nil {
			if no, err := fixCurrency(tx, *c.Currency); err != nil || no.Refused() {
				return SettingsView{Refusal: no}, err
			}
		}
		was, err := tx.TenantSettings()
		if err != nil {
			return SettingsView{}, err
		}
		next := c.apply(was)
		if err := tx.PutTenantSettings(next); err != nil {
			return SettingsView{}, err
		}
		e := by.Entry("settings.change", fmt.Sprintf("tenant %d", by.Tenant))
		e.Before, e.After = was.summary(), next.summary()
		// Nobody else has to agree to a setting, but that one person loosened or tightened this one is reported.
		e.SinglePerson = c.FourEyes != nil || c.FourEyesDefault
		if err := tx.AuditLog(e); err != nil {
			return SettingsView{}, err
		}
		return settingsView(tx)
	})
	if err != nil {
		return SettingsView{}, fmt.Errorf("change settings: %w", err)
	}
	return out, nil
}

func (c SettingsChange) check() refusal.Refusal {
	if c.Name != nil && (strings.TrimSpace(*c.Name) == "" || !text(*c.Name, maxName)) {
		return invalid(fmt.Sprintf("The name has 1 to %d printable characters.", maxName))
	}
	if c.VATNo != nil && !short(*c.VATNo) {
		return invalid(fmt.Sprintf("vat_no has at most %d printable characters.", maxShort))
	}
	if c.TZ != nil {
		// "Local" would be the machine's zone, which no receipt could be checked against.
		if _, err := time.LoadLocation(*c.TZ); err != nil || *c.TZ == "" || *c.TZ == "Local" {
			return invalid("tz is the name of a time zone such as UTC or Africa/Nairobi.")
		}
	}
	if c.Charges != nil && (c.Charges.MaxDeduction < 0 || c.Charges.MaxDeduction > money.Whole) {
		return invalid(fmt.Sprintf("max_deduction_bps is 0 to %d; 7000 is 70 %%.", money.Whole))
	}
	if h := c.Receipt; h != nil && (!text(h.Address, maxLine) || !text(h.Contact, maxLine) || !text(h.Message, maxLine)) {
		return invalid(fmt.Sprintf("What receipts say of the utility has at most %d printable characters each.", maxLine))
	}
	if c.FourEyes != nil && c.FourEyesDefault {
		return invalid("four_eyes is either set or left to the default.")
	}
	return refusal.Refusal{}
}

func (c SettingsChange) apply(s Settings) Settings {
	if c.Name != nil {
		s.Name = strings.TrimSpace(*c.Name)
	}
	if c.TZ != nil {
		s.TZ = *c.TZ
	}
	if c.VATNo != nil {
		s.VATNo = *c.VATNo
	}
	if c.Charges != nil {
		s.Charges = *c.Charges
	}
	if c.Receipt != nil {
		s.Receipt = *c.Receipt
	}
	if c.FourEyes != nil {
		eyes := *c.FourEyes
		s.FourEyes = &eyes
	}
	if c.FourEyesDefault {
		s.FourEyes = nil
	}
	return s
}

func (s Settings) summary() string {
	eyes := "default"
	if s.FourEyes != nil {
		eyes = fmt.Sprint(*s.FourEyes)
	}
	return fmt.Sprintf("name=%s currency=%s tz=%s vat_no=%s four_eyes=%s max_deduction_bps=%d charges_only=%t daily_charges=%t receipt=%q", s.Name,
		s.Currency, s.TZ, s.VATNo, eyes, s.Charges.MaxDeduction, s.Charges.ChargesOnly, s.Charges.Daily, s.Receipt)
}

// approvers is how many people must be able to approve an act before a second one is asked for by default.
const approvers = 2

// fourEyes reports whether acts under the right need a second person now.
func fourEyes(tx EyesTx, s Settings, right access.Right) (bool, error) {
	if s.FourEyes != nil {
		return *s.FourEyes, nil
	}
	var roles []access.Role
	for _, role := range access.Roles() {
		if role.May(right) {
			roles = append(roles, role)
		}
	}
	n, err := tx.ActivePeople(roles...)
	return n >= approvers, err
}

// EyesTx is what deciding about a second person needs of a transaction.
type EyesTx interface {
	TenantSettings() (Settings, error)
	// ActivePeople counts the people who are not blocked and hold one of the roles.
	ActivePeople(roles ...access.Role) (int, error)
}
