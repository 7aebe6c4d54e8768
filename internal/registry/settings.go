package registry

import (
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/localday"
	"github.com/paywatt/paywatt/internal/meterdoc"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/unit"
)

// Settings are the settings of one tenant.
type Settings struct {
	Name     string `json:"name"`
	Currency string `json:"currency"` // ISO 4217; empty until a setting or the first tariff names the currency
	TZ       string `json:"tz"`       // IANA name of the time zone, for months of block tariffs and dates on receipts
	VATNo    string `json:"vat_no"`
	// FourEyes says whether sensitive actions need a second person; nil means that they do as soon as two people could approve.
	FourEyes *bool                    `json:"four_eyes"`
	Charges  ChargePolicy             `json:"charges"`
	Receipt  ReceiptHead              `json:"receipt"`
	Limits   Limits                   `json:"limits"`
	Wallet   WalletPolicy             `json:"wallet"`
	Supply   SupplyPolicy             `json:"supply"`
	Quiet    QuietHours               `json:"quiet"`
	Sessions access.SessionTimes      `json:"sessions"`
	Ceilings map[access.Ceiling]int64 `json:"ceilings"` // ceilings that differ from the defaults
	// UsualTariffs are the names of the tariffs that one person may choose for a new meter.
	UsualTariffs []string `json:"usual_tariffs"`
	// MeterConfig are the utility's values for the configuration of all meters that keep their credit themselves.
	MeterConfig meterdoc.Values `json:"meter_config"`
}

// WalletPolicy holds the tenant's settings for balances on the server, in minor units. The zero value means the defaults.
type WalletPolicy struct {
	// Warn1 is the balance at or below which the first warning is sent. 0 means the price of 20 kWh, or the price of a fifth of the plan if
	// that is less. If the tariff charges only for time, 0 means the fixed charges of five days.
	Warn1 money.Minor `json:"warn1_minor,omitempty"`
	// Warn2 is the balance at or below which the urgent warning is sent. 0 means the price of 5 kWh, or the price of a twentieth of the
	// plan if that is less. If the tariff charges only for time, 0 means the fixed charges of two days.
	Warn2 money.Minor `json:"warn2_minor,omitempty"`
	// VATOnAdvances says that the tax on a top-up is owed when the top-up is paid, not when the money is used.
	VATOnAdvances bool        `json:"vat_on_advances,omitempty"`
	CutOff        money.Minor `json:"cutoff_minor,omitempty"` // balance at which the supply goes off; a negative value grants credit
}

func (w WalletPolicy) check() refusal.Refusal {
	switch {
	case w.Warn1 < 0 || w.Warn1 > money.MaxMinor:
		return refuse.MinorUnitsOutOfRange("wallet_warn1_minor", 0, int64(money.MaxMinor))
	case w.Warn2 < 0 || w.Warn2 > money.MaxMinor:
		return refuse.MinorUnitsOutOfRange("wallet_warn2_minor", 0, int64(money.MaxMinor))
	case w.CutOff > money.MaxMinor || w.CutOff < -money.MaxMinor:
		return refuse.MinorUnitsOutOfRange("wallet_cutoff_minor", -int64(money.MaxMinor), int64(money.MaxMinor))
	case w.Warn1 != 0 && w.Warn1 < w.Warn2:
		return refuse.WarningLevelsSwapped()
	}
	return refusal.Refusal{}
}

// Limits hold the tenant's limits for the acts of one person or one vendor in a day; see [DefaultLimits].
type Limits struct {
	// ReversalWindow is the time in seconds in which the seller may reverse a sale. A later reversal needs the right and a reason.
	ReversalWindow int64 `json:"reversal_window_s"`
	// ReversalsADay limits the number of sales that one person may reverse in a local day. The same number limits the reversals of one
	// vendor's sales in a local day.
	ReversalsADay int64 `json:"reversals_per_day"`
	// ReversalValueADay limits the total payments for those sales; 0 means the default, -1 no limit.
	ReversalValueADay money.Minor `json:"reversal_value_per_day_minor,omitempty"`
	// FreeUnitsADay is the most energy that one actor may give away or replace in a local day.
	FreeUnitsADay unit.Energy `json:"free_units_per_day_wh"`
	// MaxCommission is the highest commission on a sale that a vendor's terms may have.
	MaxCommission money.Bps `json:"max_commission_bps"`
}

// DefaultLimits are the limits of a tenant without its own limits: 15 minutes, 50 reversals, 1,000 kWh, 10 %. For the value
// of reversals see [Limits.ReversalValue].
func DefaultLimits() Limits {
	return Limits{ReversalWindow: 15 * 60, ReversalsADay: 50, FreeUnitsADay: 1000 * unit.KilowattHour, MaxCommission: 1000}
}

// Window returns the time in which the seller may reverse a sale.
func (l Limits) Window() time.Duration { return time.Duration(l.ReversalWindow) * time.Second }

// ReversalValue returns the highest total of a local day's reversals. bound is false if there is no limit.
func (l Limits) ReversalValue() (most money.Minor, bound bool) {
	if l.ReversalValueADay == 0 {
		return defaultReversalValue, true
	}
	return max(l.ReversalValueADay, 0), l.ReversalValueADay > 0
}

// Bounds of the limits.
const (
	defaultReversalValue = 100_000_000 // minor units: 1,000,000.00 of most currencies
	noReversalValue      = -1

	maxWindow    = 7 * 24 * 3600 // seconds; a sale can be reversed only in the month in which it was made
	maxReversals = 10_000
	maxFreeUnits = 1_000_000 * unit.KilowattHour
)

func (l Limits) check() refusal.Refusal {
	switch {
	case l.ReversalWindow < 0 || l.ReversalWindow > maxWindow:
		return refuse.FieldOutOfRange("reversal_window_s", 0, maxWindow)
	case l.ReversalsADay < 0 || l.ReversalsADay > maxReversals:
		return refuse.FieldOutOfRange("reversals_per_day", 0, maxReversals)
	case l.ReversalValueADay < noReversalValue || l.ReversalValueADay > money.MaxMinor:
		return refuse.ReversalValueOutOfRange(int64(money.MaxMinor), defaultReversalValue)
	case l.MaxCommission < 0 || l.MaxCommission > money.Whole:
		return refuse.BasisPointsOutOfRange("max_commission_bps", int64(money.Whole))
	case l.FreeUnitsADay < 0 || l.FreeUnitsADay > maxFreeUnits || l.FreeUnitsADay%unit.Quantum != 0:
		return refuse.FieldNotInSteps("free_units_per_day_wh", int64(unit.Quantum), int64(maxFreeUnits))
	}
	return refusal.Refusal{}
}

// ReceiptHead holds the utility's data on receipts besides its name and tax number.
type ReceiptHead struct {
	Address string `json:"address,omitempty"`
	Contact string `json:"contact,omitempty"` // a telephone number, an address to write to
	Message string `json:"message,omitempty"` // message to all customers, at the foot of a receipt
}

// ChargePolicy holds the tenant's settings for the part of a payment that does not buy energy.
type ChargePolicy struct {
	// MaxDeduction is the share of a payment that capped charges may take together, if the tariff names no share; 0 means 70 %.
	MaxDeduction money.Bps `json:"max_deduction_bps,omitempty"`
	// ChargesOnly accepts a payment that only pays charges and buys no energy. The receipt then has no token.
	ChargesOnly bool `json:"charges_only,omitempty"`
	// Daily makes monthly fixed charges due day by day instead of on the 1st.
	Daily bool `json:"daily_charges,omitempty"`
}

// SettingsView holds the tenant's settings, and values that follow from them.
type SettingsView struct {
	refusal.Refusal
	Settings
	FourEyesBind bool             // whether four eyes apply now
	Waits        *access.Approval // the change waits for a second person; nothing was changed
}

// SettingsChange holds the changes of settings; a nil field changes nothing. It is stored in this form
// until a second person approves it.
type SettingsChange struct {
	Currency *string `json:"currency,omitempty"`
	TZ       *string `json:"tz,omitempty"`
	FourEyes *bool   `json:"four_eyes,omitempty"`
	// FourEyesDefault restores the default, which depends on the number of people. It cannot be combined with FourEyes.
	FourEyesDefault bool `json:"four_eyes_default,omitempty"`
	// FourEyesAlone says that whoever switches four eyes on knows that nobody could approve the change back.
	FourEyesAlone  bool         `json:"four_eyes_alone,omitempty"`
	MaxDeduction   *money.Bps   `json:"max_deduction_bps,omitempty"`
	MaxCommission  *money.Bps   `json:"max_commission_bps,omitempty"`
	ChargesOnly    *bool        `json:"charges_only,omitempty"`
	DailyCharges   *bool        `json:"daily_charges,omitempty"`
	ReversalWindow *int64       `json:"reversal_window_s,omitempty"`
	ReversalsADay  *int64       `json:"reversals_per_day,omitempty"`
	ReversalValue  *money.Minor `json:"reversal_value_per_day_minor,omitempty"`
	FreeUnitsADay  *unit.Energy `json:"free_units_per_day_wh,omitempty"`
	WalletWarn1    *money.Minor `json:"wallet_warn1_minor,omitempty"`
	WalletWarn2    *money.Minor `json:"wallet_warn2_minor,omitempty"`
	Notice         *int64       `json:"supply_notice_s,omitempty"`
	Allowance      *unit.Energy `json:"supply_allowance_wh,omitempty"`
	LeaseCap       *unit.Energy `json:"lease_cap_wh,omitempty"`
	LeaseTTL       *int64       `json:"lease_ttl_s,omitempty"`
	WalletCutOff   *money.Minor `json:"wallet_cutoff_minor,omitempty"`
	QuietFrom      *string      `json:"quiet_from,omitempty"`
	QuietTo        *string      `json:"quiet_to,omitempty"`
	EmergencyFrom  *string      `json:"emergency_from,omitempty"`
	EmergencyTo    *string      `json:"emergency_to,omitempty"`
	WalletVAT      *bool        `json:"wallet_vat_on_advances,omitempty"`
	SessionIdle    *int64       `json:"session_idle_s,omitempty"`
	SessionLife    *int64       `json:"session_life_s,omitempty"`
	// Ceilings changes the named ceilings; -1 restores a default.
	Ceilings     map[access.Ceiling]int64 `json:"ceilings,omitempty"`
	UsualTariffs *[]string                `json:"usual_tariffs,omitempty"`
	// MeterConfig sets values for the configuration of all meters; MeterConfigClear removes values.
	MeterConfig      meterdoc.Values `json:"meter_config,omitempty"`
	MeterConfigClear []string        `json:"meter_config_clear,omitempty"`
	// Lists and free text come last, so that important changes are never cut from a summary.
	SpecialDays *[]string `json:"supply_special_days,omitempty"`
	Friendly    *[]string `json:"supply_friendly,omitempty"`

	Name    *string `json:"name,omitempty"`
	VATNo   *string `json:"vat_no,omitempty"`
	Address *string `json:"address,omitempty"`
	Contact *string `json:"contact,omitempty"`
	Message *string `json:"message,omitempty"`
}

// Settings shows the tenant's settings.
func (r *Registry) Settings(ctx context.Context, by access.Actor) (SettingsView, error) {
	if no := by.Needs(access.ReadSettings); no.Refused() {
		return SettingsView{Refusal: no}, nil
	}
	out, err := access.Look(ctx, r.c.Door, by.Tenant, settingsView)
	return out, fault.Wrap(err, "read settings")
}

func settingsView(tx Tx) (SettingsView, error) {
	s, err := tx.TenantSettings()
	if err != nil {
		return SettingsView{}, err
	}
	bind, err := access.FourEyesBind(tx.Eyes(), access.WriteTariffs)
	return SettingsView{Settings: s, FourEyesBind: bind}, err
}

// ChangeSettings changes the named settings, all or nothing (right: settings.write). The currency can be set only once,
// because all amounts in the books are in that currency. If four eyes apply, the change waits for a second person, so nobody
// can turn four eyes off alone.
func (r *Registry) ChangeSettings(ctx context.Context, by access.Actor, c SettingsChange) (SettingsView, error) {
	if no := by.Needs(access.WriteSettings); no.Refused() {
		return SettingsView{Refusal: no}, nil
	}
	if no := c.check(); no.Refused() {
		return SettingsView{Refusal: no}, nil
	}
	out, err := access.Through(ctx, r.c.Door, by.Tenant, func(tx Tx) (SettingsView, error) { return r.changeSettings(tx, by, c) })
	return out, fault.Wrap(err, "change settings")
}

// changeSettings does the work of ChangeSettings in one transaction.
func (r *Registry) changeSettings(tx Tx, by access.Actor, c SettingsChange) (SettingsView, error) {
	was, err := tx.TenantSettings()
	if err != nil {
		return SettingsView{}, err
	}
	next := c.apply(was)
	for _, no := range [...]refusal.Refusal{next.Limits.check(), next.Wallet.check(), next.Supply.check(), next.Quiet.check()} {
		if no.Refused() {
			return SettingsView{Refusal: no}, nil
		}
	}
	if bad := meterdoc.Bad(meterdoc.Document(next.MeterConfig, nil, meterdoc.Facts{ImpPerKWh: 1})); bad != "" {
		return SettingsView{Refusal: refuse.MeterConfigBadKey(bad)}, nil
	}
	if c.UsualTariffs != nil {
		var no refusal.Refusal
		if next.UsualTariffs, no, err = usualTariffs(tx, *c.UsualTariffs); err != nil || no.Refused() {
			return SettingsView{Refusal: no}, err
		}
	}
	if c.Currency != nil && was.Currency != "" && was.Currency != *c.Currency {
		return SettingsView{Refusal: refuse.CurrencyNotOfTenant(*c.Currency)}, nil
	}
	if no, err := c.locksOut(tx, was); err != nil || no.Refused() {
		return SettingsView{Refusal: no}, err
	}
	words, err := c.words(next.Currency)
	if err != nil {
		return SettingsView{}, err
	}
	object := fmt.Sprintf("tenant %d", by.Tenant)
	eyes, err := access.SecondPerson(tx.Eyes(), by, access.ActRequest{Act: access.ActSettings, Object: object,
		Summary: "change settings: " + words, Body: c, Effect: func() (access.Effect, error) { return settingsEffect(was, next) }}, r.c.Now())
	if err != nil || eyes.Refused() || eyes.Waits != nil {
		return SettingsView{Refusal: eyes.Refusal, Waits: eyes.Waits}, err
	}
	if c.Currency != nil {
		if no, err := fixCurrency(tx, *c.Currency); err != nil || no.Refused() {
			return SettingsView{Refusal: no}, err
		}
	}
	if err := tx.PutTenantSettings(next); err != nil {
		return SettingsView{}, err
	}
	e := by.Entry("settings.change", object)
	e.Before, e.After = was.summary(), next.summary()
	if err := tx.AuditLog(eyes.Mark(e)); err != nil {
		return SettingsView{}, err
	}
	return settingsView(tx)
}

// settingsEffect says which settings become others: each with its unit, before and after. Ceilings are compared as they are in force.
func settingsEffect(was, next Settings) (e access.Effect, err error) {
	fourEyes := func(s Settings) access.Value {
		switch {
		case s.FourEyes == nil:
			return access.Named("four-eyes", "by-people")
		case *s.FourEyes:
			return access.Named("four-eyes", "on")
		}
		return access.Named("four-eyes", "off")
	}
	var odd []access.Oddity
	if next.FourEyes != nil && !*next.FourEyes {
		odd = append(odd, access.Oddity{Refusal: refuse.OddFourEyesOff()})
	}
	e.Change("four-eyes", fourEyes(was), fourEyes(next), odd...)
	before, after := access.CeilingRules{Currency: next.Currency, Set: was.Ceilings}, access.CeilingRules{Currency: next.Currency, Set: next.Ceilings}
	for _, c := range access.Ceilings() {
		var odd []access.Oddity
		if after.Most(c) > before.Most(c) {
			odd = append(odd, access.Oddity{Refusal: refuse.OddCeilingRaised()})
		}
		e.Change("ceilings."+string(c), before.Value(c, before.Most(c)), after.Value(c, after.Most(c)), odd...)
	}
	was.FourEyes, next.FourEyes, was.Ceilings, next.Ceilings = nil, nil, nil, nil
	return e, e.Diff(was, next, next.Currency)
}

// words says which settings a change sets, and to what, in the order of their weight.
func (c SettingsChange) words(currency string) (string, error) {
	var e access.Effect
	rules := access.CeilingRules{Currency: currency}
	v := reflect.ValueOf(c)
	for i := range v.NumField() {
		if v.Field(i).IsZero() {
			continue
		}
		if set, is := v.Field(i).Interface().(map[access.Ceiling]int64); is {
			for _, name := range slices.Sorted(maps.Keys(set)) {
				e.Tells("most "+name.Words()+" without a second person", rules.Value(name, set[name]))
			}
			continue
		}
		name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
		if name == "four_eyes" {
			name = "second person for sensitive actions"
		}
		if err := e.Diff(nil, map[string]any{name: v.Field(i).Interface()}, currency); err != nil {
			return "", err
		}
	}
	return e.Words(), nil
}

// locksOut refuses to switch four eyes on while nobody could approve the change back, unless the request says that it knows.
func (c SettingsChange) locksOut(tx Tx, was Settings) (refusal.Refusal, error) {
	on := func(setting *bool) bool { return setting != nil && *setting }
	if !on(c.FourEyes) || on(was.FourEyes) || c.FourEyesAlone {
		return refusal.Refusal{}, nil
	}
	two, err := access.TwoCanApprove(tx.Eyes(), access.WriteSettings)
	if err != nil || two {
		return refusal.Refusal{}, err
	}
	return refuse.FourEyesAlone(), nil
}

func (c SettingsChange) check() refusal.Refusal {
	if c.Name != nil && (strings.TrimSpace(*c.Name) == "" || !text(*c.Name, maxName)) {
		return refuse.FieldTextRequired("name", maxName)
	}
	if c.VATNo != nil && !short(*c.VATNo) {
		return refuse.FieldTextTooLong("vat_no", maxShort)
	}
	if c.TZ != nil {
		// "Local" would mean the machine's zone, so a receipt could not be checked elsewhere.
		if _, err := localday.LoadZone(*c.TZ); err != nil || *c.TZ == "" {
			return refuse.TimeZoneUnknown(refusal.Echo(*c.TZ))
		}
	}
	if c.Currency != nil {
		if _, known := money.CurrencyOf(*c.Currency); !known {
			return refuse.CurrencyUnknown(refusal.Echo(*c.Currency))
		}
	}
	if c.MaxDeduction != nil && (*c.MaxDeduction < 0 || *c.MaxDeduction > money.Whole) {
		return refuse.BasisPointsOutOfRange("max_deduction_bps", int64(money.Whole))
	}
	for _, line := range [...]struct {
		field string
		text  *string
	}{{"address", c.Address}, {"contact", c.Contact}, {"message", c.Message}} {
		if line.text != nil && !text(*line.text, maxLine) {
			return refuse.FieldTextTooLong(line.field, maxLine)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.Ceilings)) {
		switch n := c.Ceilings[name]; {
		case !name.Known():
			return refuse.CeilingUnknown(refusal.Echo(string(name)))
		case n < -1 || n > access.MaxCeiling:
			return refuse.FieldOutOfRange("ceilings."+string(name), -1, access.MaxCeiling)
		}
	}
	for _, name := range c.MeterConfigClear {
		if !meterdoc.Known(name) {
			return refuse.MeterConfigBadKey(refusal.Echo(name))
		}
	}
	if t := c.SessionIdle; t != nil && (*t < access.MinSessionIdle || *t > access.MaxSessionIdle) {
		return refuse.FieldOutOfRange("session_idle_s", access.MinSessionIdle, access.MaxSessionIdle)
	}
	if t := c.SessionLife; t != nil && (*t < access.MinSessionLife || *t > access.MaxSessionLife) {
		return refuse.FieldOutOfRange("session_life_s", access.MinSessionLife, access.MaxSessionLife)
	}
	if c.FourEyes != nil && c.FourEyesDefault {
		return refuse.FourEyesNamedTwice()
	}
	return refusal.Refusal{}
}

func (c SettingsChange) apply(s Settings) Settings {
	if c.Name != nil {
		s.Name = strings.TrimSpace(*c.Name)
	}
	set(&s.TZ, c.TZ)
	set(&s.VATNo, c.VATNo)
	set(&s.Charges.MaxDeduction, c.MaxDeduction)
	set(&s.Limits.MaxCommission, c.MaxCommission)
	set(&s.Charges.ChargesOnly, c.ChargesOnly)
	set(&s.Charges.Daily, c.DailyCharges)
	set(&s.Receipt.Address, c.Address)
	set(&s.Receipt.Contact, c.Contact)
	set(&s.Receipt.Message, c.Message)
	set(&s.Limits.ReversalWindow, c.ReversalWindow)
	set(&s.Limits.ReversalsADay, c.ReversalsADay)
	set(&s.Limits.ReversalValueADay, c.ReversalValue)
	set(&s.Limits.FreeUnitsADay, c.FreeUnitsADay)
	set(&s.Wallet.Warn1, c.WalletWarn1)
	set(&s.Wallet.Warn2, c.WalletWarn2)
	set(&s.Supply.Windows, c.Friendly)
	set(&s.Supply.SpecialDays, c.SpecialDays)
	set(&s.Supply.Notice, c.Notice)
	set(&s.Supply.Cap, c.LeaseCap)
	set(&s.Supply.TTL, c.LeaseTTL)
	if c.Allowance != nil {
		s.Supply.Allowance = c.Allowance
	}
	set(&s.Wallet.CutOff, c.WalletCutOff)
	set(&s.Quiet.From, c.QuietFrom)
	set(&s.Quiet.To, c.QuietTo)
	set(&s.Supply.EmergencyFrom, c.EmergencyFrom)
	set(&s.Supply.EmergencyTo, c.EmergencyTo)
	set(&s.Wallet.VATOnAdvances, c.WalletVAT)
	set(&s.Sessions.IdleSeconds, c.SessionIdle)
	set(&s.Sessions.LifeSeconds, c.SessionLife)
	s.Ceilings = maps.Clone(s.Ceilings)
	for name, n := range c.Ceilings {
		if s.Ceilings == nil {
			s.Ceilings = map[access.Ceiling]int64{}
		}
		if s.Ceilings[name] = n; n < 0 {
			delete(s.Ceilings, name)
		}
	}
	s.MeterConfig = s.MeterConfig.With(c.MeterConfig, c.MeterConfigClear)
	if c.FourEyes != nil {
		eyes := *c.FourEyes
		s.FourEyes = &eyes
	}
	if c.FourEyesDefault {
		s.FourEyes = nil
	}
	return s
}

// set changes a value if the new value is not nil.
func set[T any](to *T, given *T) {
	if given != nil {
		*to = *given
	}
}

func (s Settings) summary() string {
	eyes := "default"
	if s.FourEyes != nil {
		eyes = fmt.Sprint(*s.FourEyes)
	}
	return fmt.Sprintf("name=%s currency=%s tz=%s vat_no=%s four_eyes=%s max_deduction_bps=%d max_commission_bps=%d charges_only=%t daily_charges=%t receipt=%q reversal_window_s=%d reversals_per_day=%d "+
		"reversal_value_per_day_minor=%d free_units_per_day_wh=%d wallet=%+v supply=%s quiet=%s session_idle=%s session_life=%s ceilings=%v usual_tariffs=%q meter_config=%v", s.Name, s.Currency, s.TZ, s.VATNo, eyes, s.Charges.MaxDeduction, s.Limits.MaxCommission, s.Charges.ChargesOnly, s.Charges.Daily, s.Receipt,
		s.Limits.ReversalWindow, s.Limits.ReversalsADay, s.Limits.ReversalValueADay, s.Limits.FreeUnitsADay, s.Wallet, s.Supply, s.Quiet.summary(), s.Sessions.Idle(), s.Sessions.Life(), s.Ceilings, s.UsualTariffs, s.MeterConfig)
}
