package registry_test

import (
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/unit"
)

// TestARefusedSettingIsNamed checks that the refusal of a setting names its field and its bounds.
func TestARefusedSettingIsNamed(t *testing.T) {
	w := newWorld(t)
	n, minor, energy, bps := ptr, func(v int64) *money.Minor { return (*money.Minor)(&v) }, func(v int64) *unit.Energy { return (*unit.Energy)(&v) }, func(v money.Bps) *money.Bps { return &v }
	long, text := strings.Repeat("x", 241), func(s string) *string { return &s }
	for want, c := range map[string]registry.SettingsChange{
		"name must have 1 to 120 printable characters.":                                      {Name: &long},
		"vat_no must have at most 64 printable characters.":                                  {VATNo: &long},
		"address must have at most 240 printable characters.":                                {Address: &long},
		"contact must have at most 240 printable characters.":                                {Contact: &long},
		"message must have at most 240 printable characters.":                                {Message: &long},
		`tz "Mars/Olympus" is not the name of a time zone.`:                                  {TZ: text("Mars/Olympus")},
		`There is no currency "K".`:                                                          {Currency: text("K")},
		"max_deduction_bps must be from 0 to 10000 basis points.":                            {MaxDeduction: bps(10_001)},
		"max_commission_bps must be from 0 to 10000 basis points.":                           {MaxCommission: bps(-1)},
		"reversal_window_s must be from 0 to 604800.":                                        {ReversalWindow: n(-1)},
		"reversals_per_day must be from 0 to 10000.":                                         {ReversalsADay: n(10_001)},
		"reversal_value_per_day_minor must be from -1 to 9223372036854 minor units.":         {ReversalValue: minor(-2)},
		"free_units_per_day_wh must be a multiple of 100, from 0 to 1000000000.":             {FreeUnitsADay: energy(50)},
		"wallet_warn1_minor must be from 0 to 9223372036854 minor units.":                    {WalletWarn1: minor(-1)},
		"wallet_warn2_minor must be from 0 to 9223372036854 minor units.":                    {WalletWarn2: minor(-1)},
		"wallet_cutoff_minor must be from -9223372036854 to 9223372036854 minor units.":      {WalletCutOff: minor(int64(money.MaxMinor) + 1)},
		"supply_notice_s must be from 0 to 5184000.":                                         {Notice: n(-1)},
		"supply_allowance_wh must be from 0 to 100000000.":                                   {Allowance: energy(-1)},
		"lease_cap_wh must be from 100 to 100000000, or 0 for the default.":                  {LeaseCap: energy(1)},
		"lease_ttl_s must be from 3600 to 31622400, or 0 for the default.":                   {LeaseTTL: n(1)},
		`"24:00" is not a time of day. quiet_from and quiet_to must be times such as 21:00.`: {QuietTo: text("24:00")},
	} {
		if got, err := w.ChangeSettings(t.Context(), boss(), c); err != nil || got.What != want {
			t.Errorf("%q, %v; want %q", got.What, err, want)
		}
	}
}
