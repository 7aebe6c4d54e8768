package people

import (
	"encoding/json"
	"fmt"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/store/core"
)

// fourEyesKey is the key of the four-eyes setting in the tenant's JSON object.
const fourEyesKey = "four_eyes"

// boundKey is the key of the rights that need a second person because two people could approve once.
const boundKey = "four_eyes_bound"

// chargesKey is the key of the tenant's settings of charges.
const chargesKey = "charges"

// receiptKey is the key of the texts about the tenant on receipts.
const receiptKey = "receipt"

// limitsKey is the key of the tenant's limits; absent for the defaults.
const limitsKey = "limits"

// quietKey is the key of the hours in which customers get no warnings; absent for the default.
const quietKey = "quiet"

// usualKey is the key of the tariffs that one person may choose for a new meter; absent for none.
const usualKey = "usual_tariffs"

// meterConfigKey is the key of the utility's values for the configuration of all meters; absent for none.
const meterConfigKey = "meter_config"

// sessionsKey is the key of the times of login sessions; absent for the defaults.
const sessionsKey = "sessions"

// decision is one setting of the tenant.
type decision struct {
	key   string
	value any  // pointer to the setting's value
	made  bool // whether the tenant has set it; otherwise it is not stored
}

// decisions lists the settings in the tenant's JSON object. Limits and the head of receipts have readers of their own.
func decisions(s *registry.Settings) []decision {
	return []decision{
		{fourEyesKey, &s.FourEyes, s.FourEyes != nil},
		{chargesKey, &s.Charges, true},
		{WalletKey, &s.Wallet, s.Wallet != registry.WalletPolicy{}},
		{SupplyKey, &s.Supply, s.Supply.Decided()},
		{quietKey, &s.Quiet, s.Quiet != registry.QuietHours{}},
		{usualKey, &s.UsualTariffs, len(s.UsualTariffs) > 0},
		{meterConfigKey, &s.MeterConfig, len(s.MeterConfig) > 0},
		{ceilingsKey, &s.Ceilings, len(s.Ceilings) > 0},
		{sessionsKey, &s.Sessions, s.Sessions != access.SessionTimes{}},
	}
}

// TenantSettings reads the tenant's settings.
func (tx Rows) TenantSettings() (registry.Settings, error) {
	t, err := tx.TenantRow()
	if err != nil {
		return registry.Settings{}, err
	}
	s := registry.Settings{Name: t.Name, Currency: t.Currency, TZ: t.TZ, VATNo: t.VATNo}
	more, err := MoreSettings(t)
	if err != nil {
		return registry.Settings{}, err
	}
	for _, d := range decisions(&s) {
		if text, ok := more[d.key]; ok {
			if err := json.Unmarshal(text, d.value); err != nil {
				return registry.Settings{}, fmt.Errorf("read setting %s of tenant %d: %w", d.key, tx.Tenant, err)
			}
		}
	}
	if _, s.Limits, err = SalePolicy(t.Settings); err != nil {
		return registry.Settings{}, err
	}
	s.Receipt, err = ReceiptHead(more)
	return s, err
}

// SessionTimes reads the times of login sessions.
func (tx Rows) SessionTimes() (out access.SessionTimes, err error) {
	t, err := tx.TenantRow()
	if err != nil {
		return out, err
	}
	more, err := MoreSettings(t)
	if text, ok := more[sessionsKey]; err == nil && ok {
		err = json.Unmarshal(text, &out)
	}
	return out, fault.Wrap(err, "read setting %s", sessionsKey)
}

// ReceiptHead reads the head of receipts from the settings.
func ReceiptHead(more map[string]json.RawMessage) (registry.ReceiptHead, error) {
	var h registry.ReceiptHead
	if text, ok := more[receiptKey]; ok {
		if err := json.Unmarshal(text, &h); err != nil {
			return h, fmt.Errorf("read setting %s: %w", receiptKey, err)
		}
	}
	return h, nil
}

// PutTenantSettings writes the tenant's settings except the currency, which SetCurrency sets once. The JSON object may hold settings that
// this version does not know. They stay unchanged.
func (tx Rows) PutTenantSettings(s registry.Settings) error {
	t, err := tx.TenantRow()
	if err != nil {
		return err
	}
	was, err := composeLetterhead(t)
	if err != nil {
		return err
	}
	more, err := MoreSettings(t)
	if err != nil {
		return err
	}
	for _, d := range append(decisions(&s), decision{receiptKey, &s.Receipt, true}, decision{limitsKey, &s.Limits, s.Limits != registry.DefaultLimits()}) {
		delete(more, d.key)
		if d.made {
			if more[d.key], err = json.Marshal(d.value); err != nil {
				return fmt.Errorf("write settings of tenant %d: %w", tx.Tenant, err)
			}
		}
	}
	text, err := json.Marshal(more)
	if err != nil {
		return fmt.Errorf("write settings of tenant %d: %w", tx.Tenant, err)
	}
	t.Name, t.TZ, t.VATNo, t.Settings = s.Name, s.TZ, s.VATNo, string(text)
	ok, err := tx.PutTenant(t)
	if err == nil && !ok {
		err = fmt.Errorf("write settings of tenant %d: %w: changed while they were locked", tx.Tenant, core.ErrConflict)
	}
	if err != nil {
		return err
	}
	next, err := composeLetterhead(t)
	if err != nil {
		return err
	}
	return tx.changePaperText(tx.utilityPapers(t.UID), was, next)
}

// MoreSettings reads the settings that have no column of their own.
func MoreSettings(t core.TenantRow) (map[string]json.RawMessage, error) {
	more := map[string]json.RawMessage{}
	err := json.Unmarshal([]byte(t.Settings), &more)
	return more, fault.Wrap(err, "read settings")
}
