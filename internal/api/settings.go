package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/registry"
)

// settingsBody is what the tenant decided for itself.
type settingsBody struct {
	Name            string `json:"name"`
	Currency        string `json:"currency" doc:"Empty until it is named here or by the first tariff; then it stays"`
	TZ              string `json:"tz" example:"Africa/Nairobi" doc:"Months of tariffs and dates on receipts follow it"`
	VATNo           string `json:"vat_no"`
	FourEyes        string `json:"four_eyes" enum:"on,off,default" doc:"default: as soon as two people could approve"`
	FourEyesBind    bool   `json:"four_eyes_bind" doc:"Whether acts of weight need a second person now"`
	MaxDeductionBps int64  `json:"max_deduction_bps" doc:"Share of what is tendered that capped charges may take together, where the tariff names none; 0 means 7000, 70 %"`
	ChargesOnly     bool   `json:"charges_only" doc:"Money that reaches charges but buys no unit is accepted"`
	DailyCharges    bool   `json:"daily_charges" doc:"Monthly fixed charges fall due day by day"`
	Address         string `json:"address" doc:"Of the utility, on receipts"`
	Contact         string `json:"contact" doc:"On receipts"`
	Message         string `json:"message" doc:"To all customers, at the foot of receipts"`
}

// settingsChange names what is to change; what is left out stays.
type settingsChange struct {
	Name            *string `json:"name,omitempty"`
	Currency        *string `json:"currency,omitempty"`
	TZ              *string `json:"tz,omitempty"`
	VATNo           *string `json:"vat_no,omitempty"`
	FourEyes        *string `json:"four_eyes,omitempty" enum:"on,off,default"`
	MaxDeductionBps *int64  `json:"max_deduction_bps,omitempty"`
	ChargesOnly     *bool   `json:"charges_only,omitempty"`
	DailyCharges    *bool   `json:"daily_charges,omitempty"`
	Address         *string `json:"address,omitempty"`
	Contact         *string `json:"contact,omitempty"`
	Message         *string `json:"message,omitempty"`
}

func settingsOf(s registry.SettingsView) settingsBody {
	b := settingsBody{Name: s.Name, Currency: s.Currency, TZ: s.TZ, VATNo: s.VATNo, FourEyes: "default", FourEyesBind: s.FourEyesBind,
		MaxDeductionBps: int64(s.Charges.MaxDeduction), ChargesOnly: s.Charges.ChargesOnly, DailyCharges: s.Charges.Daily,
		Address: s.Receipt.Address, Contact: s.Receipt.Contact, Message: s.Receipt.Message}
	if s.FourEyes != nil {
		b.FourEyes = map[bool]string{true: "on", false: "off"}[*s.FourEyes]
	}
	return b
}

func (a *API) settingsRoutes(r router) {
	query(r, huma.Operation{
		OperationID: "settings", Path: "/v1/settings", Tags: []string{"system"}, Summary: "Show what the utility decided for itself",
	}, func(ctx context.Context, by access.Actor, _ *struct{}) (*struct{ Body settingsBody }, error) {
		return settingsAnswer(a.c.Registry.Settings(ctx, by))
	})
	order(r, huma.Operation{
		OperationID: "change-settings", Path: "/v1/settings", DefaultStatus: http.StatusOK, Tags: []string{"system"}, Summary: "Change settings",
		Description: "What is left out stays. The currency can be named once.",
	}, a.changeSettings)
}

func settingsAnswer(s registry.SettingsView, err error) (*struct{ Body settingsBody }, error) {
	if err != nil {
		return nil, err
	}
	if s.Refused() {
		return nil, refuse(s.Refusal)
	}
	return &struct{ Body settingsBody }{settingsOf(s)}, nil
}

func (a *API) changeSettings(ctx context.Context, by access.Actor, _ *struct{}, b settingsChange) (*struct{ Body settingsBody }, error) {
	c := registry.SettingsChange{Name: b.Name, Currency: b.Currency, TZ: b.TZ, VATNo: b.VATNo}
	if b.FourEyes != nil {
		on := *b.FourEyes == "on"
		switch *b.FourEyes {
		case "on", "off":
			c.FourEyes = &on
		case "default":
			c.FourEyesDefault = true
		default:
			return nil, malformed("four_eyes is on, off or default.", "Leave it out to keep it.")
		}
	}
	was, err := a.c.Registry.Settings(ctx, by)
	if err != nil || was.Refused() {
		return settingsAnswer(was, err)
	}
	if b.MaxDeductionBps != nil || b.ChargesOnly != nil || b.DailyCharges != nil {
		p := was.Charges
		change(&p.ChargesOnly, b.ChargesOnly)
		change(&p.Daily, b.DailyCharges)
		if b.MaxDeductionBps != nil {
			p.MaxDeduction = money.Bps(clamp(*b.MaxDeductionBps))
		}
		c.Charges = &p
	}
	if b.Address != nil || b.Contact != nil || b.Message != nil {
		h := was.Receipt
		change(&h.Address, b.Address)
		change(&h.Contact, b.Contact)
		change(&h.Message, b.Message)
		c.Receipt = &h
	}
	return settingsAnswer(a.c.Registry.ChangeSettings(ctx, by, c))
}

// change sets a value where one is given.
func change[T any](to *T, given *T) {
	if given != nil {
		*to = *given
	}
}
