package people

import (
	"encoding/json"
	"fmt"

	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/store/core"
)

// fourEyesKey is the setting's name in the tenant's JSON object.
const fourEyesKey = "four_eyes"

// chargesKey is the name of what the tenant decided about charges.
const chargesKey = "charges"

// receiptKey is the name of what receipts say of the tenant.
const receiptKey = "receipt"

// limitsKey is the name of the limits that the tenant has set; missing where it keeps the defaults.
const limitsKey = "limits"

// quietKey is the name of the hours in which customers get no warnings; missing for the default.
const quietKey = "quiet"

// TenantSettings reads what the tenant decided for itself.
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
	if text, ok := more[fourEyesKey]; ok {
		if err := json.Unmarshal(text, &s.FourEyes); err != nil {
			return registry.Settings{}, fmt.Errorf("read setting %s of tenant %d: %w", fourEyesKey, tx.Tenant, err)
		}
	}
	if text, ok := more[chargesKey]; ok {
		if err := json.Unmarshal(text, &s.Charges); err != nil {
			return registry.Settings{}, fmt.Errorf("read setting %s of tenant %d: %w", chargesKey, tx.Tenant, err)
		}
	}
	if _, s.Limits, err = SalePolicy(t.Settings); err != nil {
		return registry.Settings{}, err
	}
	if text, ok := more[WalletKey]; ok {
		if err := json.Unmarshal(text, &s.Wallet); err != nil {
			return registry.Settings{}, fmt.Errorf("read setting %s of tenant %d: %w", WalletKey, tx.Tenant, err)
		}
	}
	if text, ok := more[SupplyKey]; ok {
		if err := json.Unmarshal(text, &s.Supply); err != nil {
			return registry.Settings{}, fmt.Errorf("read setting %s of tenant %d: %w", SupplyKey, tx.Tenant, err)
		}
	}
	if text, ok := more[quietKey]; ok {
		if err := json.Unmarshal(text, &s.Quiet); err != nil {
			return registry.Settings{}, fmt.Errorf("read setting %s of tenant %d: %w", quietKey, tx.Tenant, err)
		}
	}
	s.Receipt, err = ReceiptHead(more)
	return s, err
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

// PutTenantSettings writes them, all but the currency, which SetCurrency names once. Settings in the JSON object that
// this version does not know stay.
func (tx Rows) PutTenantSettings(s registry.Settings) error {
	t, err := tx.TenantRow()
	if err != nil {
		return err
	}
	more, err := MoreSettings(t)
	if err != nil {
		return err
	}
	delete(more, fourEyesKey)
	if s.FourEyes != nil {
		more[fourEyesKey] = json.RawMessage(fmt.Sprint(*s.FourEyes))
	}
	if more[chargesKey], err = json.Marshal(s.Charges); err != nil {
		return fmt.Errorf("write settings of tenant %d: %w", tx.Tenant, err)
	}
	if more[receiptKey], err = json.Marshal(s.Receipt); err != nil {
		return fmt.Errorf("write settings of tenant %d: %w", tx.Tenant, err)
	}
	delete(more, WalletKey)
	if s.Wallet != (registry.WalletPolicy{}) {
		if more[WalletKey], err = json.Marshal(s.Wallet); err != nil {
			return fmt.Errorf("write settings of tenant %d: %w", tx.Tenant, err)
		}
	}
	delete(more, SupplyKey)
	if s.Supply.Decided() {
		if more[SupplyKey], err = json.Marshal(s.Supply); err != nil {
			return fmt.Errorf("write settings of tenant %d: %w", tx.Tenant, err)
		}
	}
	delete(more, quietKey)
	if s.Quiet != (registry.QuietHours{}) {
		if more[quietKey], err = json.Marshal(s.Quiet); err != nil {
			return fmt.Errorf("write settings of tenant %d: %w", tx.Tenant, err)
		}
	}
	delete(more, limitsKey)
	if s.Limits != registry.DefaultLimits() {
		if more[limitsKey], err = json.Marshal(s.Limits); err != nil {
			return fmt.Errorf("write settings of tenant %d: %w", tx.Tenant, err)
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
	return err
}

// MoreSettings reads the settings that have no column of their own.
func MoreSettings(t core.TenantRow) (map[string]json.RawMessage, error) {
	more := map[string]json.RawMessage{}
	if err := json.Unmarshal([]byte(t.Settings), &more); err != nil {
		return nil, fmt.Errorf("read settings: %w", err)
	}
	return more, nil
}
