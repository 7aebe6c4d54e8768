package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/unit"
)

func settingsOf(s registry.SettingsView) apiv1.Settings {
	b := apiv1.Settings{Name: s.Name, Currency: s.Currency, TZ: s.TZ, VATNo: s.VATNo, FourEyes: "default", FourEyesBind: s.FourEyesBind,
		MaxDeductionBps: int64(s.Charges.MaxDeduction), MaxCommission: int64(s.Limits.MaxCommission), ChargesOnly: s.Charges.ChargesOnly, DailyCharges: s.Charges.Daily,
		Address: s.Receipt.Address, Contact: s.Receipt.Contact, Message: s.Receipt.Message,
		ReversalWindowS: s.Limits.ReversalWindow, ReversalsPerDay: s.Limits.ReversalsADay, FreeUnitsPerDay: int64(s.Limits.FreeUnitsADay),
		WalletWarn1: int64(s.Wallet.Warn1), WalletWarn2: int64(s.Wallet.Warn2), WalletCutOff: int64(s.Wallet.CutOff), WalletVAT: s.Wallet.VATOnAdvances}
	b.UsualTariffs = append([]string{}, s.UsualTariffs...)
	b.Friendly, b.SpecialDays = append([]string{}, s.Supply.Windows...), append([]string{}, s.Supply.SpecialDays...)
	b.NoticeS, b.AllowanceWh = s.Supply.Notice, int64(s.Supply.AllowanceWh())
	b.LeaseCapWh, b.LeaseTTLS = int64(s.Supply.LeaseCap()), int64(s.Supply.LeaseTTL()/time.Second)
	b.QuietFrom, b.QuietTo = s.Quiet.Times()
	b.SessionIdleS, b.SessionLifeS = int64(s.Sessions.Idle()/time.Second), int64(s.Sessions.Life()/time.Second)
	b.EmergencyFrom, b.EmergencyTo = s.Supply.EmergencyHours().Times()
	b.ReversalValue = -1
	if most, bound := s.Limits.ReversalValue(); bound {
		b.ReversalValue = int64(most)
	}
	b.MeterConfig = meterValuesOf(s.MeterConfig)
	b.Ceilings = map[string]int64{}
	rules := access.CeilingRules{Set: s.Ceilings}
	for _, c := range access.Ceilings() {
		b.Ceilings[string(c)] = rules.Most(c)
	}
	if s.FourEyes != nil {
		b.FourEyes = map[bool]string{true: "on", false: "off"}[*s.FourEyes]
	}
	return b
}

func (a *API) settingsRoutes(r router) {
	query(r, huma.Operation{
		OperationID: "settings", Path: "/v1/settings", Tags: []string{"system"}, Summary: "Show the settings of the utility",
	}, func(ctx context.Context, by access.Actor, _ *struct{}) (*reply[apiv1.Settings], error) {
		return settingsAnswer(a.c.Registry.Settings(ctx, by))
	})
	order(r, huma.Operation{
		OperationID: "change-settings", Path: "/v1/settings", DefaultStatus: http.StatusOK, Tags: []string{"system"}, Summary: "Change settings of the utility",
		Description: "Omitted fields stay as they are. The currency can be set only once. If a second person must approve a change, the answer is 202 with the approval.",
		Responses:   eitherOr(r, "200", of[apiv1.Settings](r)),
	}, a.changeSettings)
}

func settingsAnswer(s registry.SettingsView, err error) (*reply[apiv1.Settings], error) {
	return replyOf(s.Refusal, err, func() apiv1.Settings { return settingsOf(s) })
}

func (a *API) changeSettings(ctx context.Context, by access.Actor, _ *struct{}, b apiv1.SettingsChange) (*sent, error) {
	c := registry.SettingsChange{Name: b.Name, Currency: b.Currency, TZ: b.TZ, VATNo: b.VATNo, ChargesOnly: b.ChargesOnly, DailyCharges: b.DailyCharges,
		Address: b.Address, Contact: b.Contact, Message: b.Message, ReversalWindow: b.ReversalWindowS, ReversalsADay: b.ReversalsPerDay,
		ReversalValue: (*money.Minor)(b.ReversalValue),
		FreeUnitsADay: (*unit.Energy)(b.FreeUnitsPerDay), WalletWarn1: (*money.Minor)(b.WalletWarn1), WalletWarn2: (*money.Minor)(b.WalletWarn2),
		WalletCutOff: (*money.Minor)(b.WalletCutOff), WalletVAT: b.WalletVAT, Friendly: b.Friendly, SpecialDays: b.SpecialDays, Notice: b.NoticeS,
		Allowance: (*unit.Energy)(b.AllowanceWh), LeaseCap: (*unit.Energy)(b.LeaseCapWh), LeaseTTL: b.LeaseTTLS,
		EmergencyFrom: b.EmergencyFrom, EmergencyTo: b.EmergencyTo, QuietFrom: b.QuietFrom, QuietTo: b.QuietTo, UsualTariffs: b.UsualTariffs,
		SessionIdle: b.SessionIdleS, SessionLife: b.SessionLifeS, FourEyesAlone: b.FourEyesAlone}
	if b.FourEyes != nil {
		on := *b.FourEyes == "on"
		switch *b.FourEyes {
		case "on", "off":
			c.FourEyes = &on
		case "default":
			c.FourEyesDefault = true
		default:
			return nil, problemOf(refuse.FourEyesUnknown())
		}
	}
	if b.MaxDeductionBps != nil {
		c.MaxDeduction = new(money.Bps(clamp(*b.MaxDeductionBps)))
	}
	if b.MaxCommission != nil {
		c.MaxCommission = new(money.Bps(clamp(*b.MaxCommission)))
	}
	for name, n := range b.Ceilings {
		if c.Ceilings == nil {
			c.Ceilings = map[access.Ceiling]int64{}
		}
		c.Ceilings[access.Ceiling(name)] = n
	}
	var err error
	if c.MeterConfig, err = valuesOf(b.MeterConfig); err != nil {
		return nil, err
	}
	c.MeterConfigClear = b.MeterClear
	s, err := a.c.Registry.ChangeSettings(ctx, by, c)
	return doneOrWaits(http.StatusOK, s.Refusal, s.Waits, err, func() any { return settingsOf(s) })
}
