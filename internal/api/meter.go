package api

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/unit"
)

// customerBody is who pays for a meter.
type customerBody struct {
	ID    string `json:"id,omitempty" example:"cus_01jd00000000000000000000000" doc:"In a request: of a customer already known, instead of the rest"`
	Name  string `json:"name,omitempty" example:"Amina A."`
	Phone string `json:"phone,omitempty" example:"+254700000001"`
	IDNo  string `json:"id_no,omitempty"`
	Lang  string `json:"lang,omitempty" example:"en" doc:"Of messages (default en): en; drafts that no native speaker has read: fr, sw, es, pt, ha"`
	// NoNotices is in answers alone: a customer is asked for nothing when registered.
	NoNotices bool `json:"no_notices,omitempty" doc:"In an answer: the customer wants no warnings (STOP)"`
}

// newMeter is a meter to register.
type newMeter struct {
	Number    string        `json:"number" example:"04140001001" doc:"11 or 13 digits with their check digit"`
	Mode      string        `json:"mode" enum:"prepay_token,prepay_wallet,postpay"`
	Tariff    string        `json:"tariff" example:"domestic" doc:"Name or id"`
	SGC       string        `json:"sgc,omitempty" example:"123456" doc:"Supply group code; needed for prepay_token"`
	KRN       *int64        `json:"krn,omitempty" example:"1" doc:"Key revision number; needed for prepay_token"`
	KT        *int64        `json:"kt,omitempty" example:"2" doc:"Key type; needed for prepay_token"`
	TI        string        `json:"ti,omitempty" example:"01" doc:"Tariff index as on the meter; needed for prepay_token"`
	KEN       *int64        `json:"ken,omitempty" doc:"Key expiry number; default 255"`
	EA        string        `json:"ea,omitempty" doc:"Encryption algorithm, 07 or 11; default 07"`
	DKGA      string        `json:"dkga,omitempty" doc:"Key derivation, 02 or 04; default 02"`
	BaseDate  *int64        `json:"base_date,omitempty" doc:"1993, 2014 or 2035; default 2014"`
	ImpPerKWh *int64        `json:"imp_per_kwh,omitempty" doc:"Impulses per kWh; default 1000"`
	Customer  *customerBody `json:"customer,omitempty"`
	Simulated bool          `json:"simulated,omitempty" doc:"Lives in its own time; everything of it is marked TEST"`
	Status    string        `json:"status,omitempty" enum:"active,stock" doc:"Default active"`
	Model     string        `json:"model,omitempty"`
	Phases    *int64        `json:"phases,omitempty" doc:"1 or 3; default 1"`
	TT        string        `json:"tt,omitempty" doc:"Token technology; default 02, numeric keypad"`
	Address   string        `json:"address,omitempty"`
	Feeder    string        `json:"feeder,omitempty" doc:"The line its place hangs on: meters of one that fall silent together are one alarm"`
	IntervalS int64         `json:"reading_interval_s,omitempty" doc:"Default 1800"`
	SIMPhone  string        `json:"sim_phone,omitempty" example:"+254700000200" doc:"Number of the SIM in the meter's own modem, with the country code"`
}

// Meter is a meter as it stands, as answers show it. What the meter has not said yet is null.
type Meter struct {
	ID         string        `json:"id" example:"mtr_01jd00000000000000000000000"`
	Number     string        `json:"number" example:"04140001001"`
	Mode       string        `json:"mode"`
	Status     string        `json:"status"`
	Test       bool          `json:"test,omitempty" doc:"The meter is simulated"`
	Simulated  bool          `json:"simulated"`
	State      string        `json:"state" enum:"on,low,cut_off,offline,tamper"`
	Connected  bool          `json:"connected"`
	Relay      string        `json:"relay" doc:"closed, open or armed; empty while unknown"`
	Reasons    []string      `json:"reasons" doc:"Why supply is off"`
	BalanceWh  *int64        `json:"balance_wh" doc:"Credit left in the meter, as of as_of"`
	Said       *saidBalance  `json:"said_balance,omitempty" doc:"A balance that the meter told after its newest reading: with its word about a token, or by SMS. Where one meter is shown"`
	Balance    *amountBody   `json:"balance" doc:"The account's wallet as it is in the books; null without one"`
	Live       *walletLive   `json:"live" doc:"Estimate of what is left of balance as of the newest reading; null without a wallet"`
	RegisterWh *int64        `json:"register_wh"`
	ECUsedWh   *int64        `json:"ec_used_wh"`
	OverrunWh  *int64        `json:"overrun_wh"`
	W          *int64        `json:"w"`
	MV         *int64        `json:"mv"`
	AsOf       *time.Time    `json:"as_of" doc:"Meter time of the figures"`
	LastSeen   *time.Time    `json:"last_seen" doc:"Server time of the last message"`
	Tariff     string        `json:"tariff"`
	SIMPhone   string        `json:"sim_phone,omitempty" doc:"Number of the SIM in the meter's own modem"`
	Customer   *customerBody `json:"customer,omitempty"`
	SGC        string        `json:"sgc,omitempty"`
	KRN        int           `json:"krn,omitempty"`
	KT         int           `json:"kt,omitempty"`
	TI         string        `json:"ti,omitempty"`
	KEN        *int          `json:"ken,omitempty"`
	EA         string        `json:"ea,omitempty"`
	DKGA       string        `json:"dkga,omitempty"`
	BaseDate   int           `json:"base_date,omitempty"`
	ImpPerKWh  int64         `json:"imp_per_kwh"`
	Model      string        `json:"model,omitempty"`
	Phases     int           `json:"phases"`
	Feeder     string        `json:"feeder,omitempty" doc:"The line its place hangs on"`
	MaxW       int64         `json:"max_w,omitempty" doc:"The greatest power it can measure, where it was set; else 23,000 W a phase"`
	CreatedAt  time.Time     `json:"created_at"`
}

// meterChange is what is to change about a meter.
type meterChange struct {
	Feeder *string `json:"feeder,omitempty" doc:"The line its place hangs on; empty for none"`
	MaxW   *int64  `json:"max_w,omitempty" doc:"The greatest power the meter can measure, in W; 0 for the default of 23,000 W a phase. A register that rises faster waits in quarantine"`
	Reason string  `json:"reason" doc:"Why, in a few words; kept in the audit log"`
}

func (c meterChange) wish() registry.MeterChange {
	w := registry.MeterChange{Feeder: c.Feeder, Reason: c.Reason}
	if c.MaxW != nil {
		most := unit.Power(max(min(*c.MaxW, math.MaxInt32), -1))
		w.MaxW = &most
	}
	return w
}

// addedMeter is a registered meter with the secrets that are shown this once.
type addedMeter struct {
	Meter
	MQTTPassword string `json:"mqtt_password" doc:"Shown this once"`
	LinkKey      string `json:"link_key" doc:"Hex; shown this once"`
	DecoderKey   string `json:"decoder_key,omitempty" doc:"Hex; only for a simulated meter under a test vending key, shown this once"`
}

func addedOf(m registry.Added) addedMeter {
	return addedMeter{Meter: meterOf(m.Meter), MQTTPassword: m.MQTTPassword.Reveal(), LinkKey: fmt.Sprintf("%x", m.LinkKey.Reveal()), DecoderKey: m.DecoderKey.Reveal()}
}

func (n newMeter) wish() registry.NewMeter {
	w := registry.NewMeter{Number: n.Number, Mode: registry.Mode(n.Mode), Tariff: n.Tariff, SGC: n.SGC, KRN: n.KRN, KT: n.KT, TI: n.TI,
		KEN: n.KEN, EA: n.EA, DKGA: n.DKGA, BaseDate: n.BaseDate, ImpPerKWh: n.ImpPerKWh, Simulated: n.Simulated,
		Status: registry.Status(n.Status), Model: n.Model, Phases: n.Phases, TT: n.TT, Address: n.Address, Feeder: n.Feeder, SIM: n.SIMPhone,
		ReadingInterval: time.Duration(clamp(n.IntervalS)) * time.Second}
	if c := n.Customer; c != nil && c.ID != "" {
		w.CustomerID = c.ID
	} else if c != nil {
		w.Customer = &registry.NewCustomer{Name: c.Name, Phone: c.Phone, IDNo: c.IDNo, Lang: c.Lang}
	}
	return w
}

func customerOf(c registry.Customer) customerBody {
	return customerBody{ID: c.ID.Text(id.Customer), Name: c.Name, Phone: c.Phone, IDNo: c.IDNo, Lang: c.Lang, NoNotices: c.Stopped}
}

func meterOf(v registry.MeterView) Meter {
	m := Meter{ID: v.Meter.ID.Text(id.Meter), Number: v.Meter.Number, Mode: string(v.Meter.Mode), Status: string(v.Meter.Status),
		Test: v.Meter.Simulated, Simulated: v.Meter.Simulated, State: string(v.State), Connected: v.Connected, Relay: v.Relay,
		Reasons: v.Reasons, LastSeen: at(v.LastSeen), Tariff: v.Tariff, SIMPhone: v.Meter.SIM, ImpPerKWh: v.Meter.ImpPerKWh, Model: v.Meter.Model,
		Phases: v.Meter.Phases, Feeder: v.Feeder, MaxW: int64(v.MaxW), CreatedAt: v.Meter.CreatedAt.UTC()}
	if m.Reasons == nil {
		m.Reasons = []string{}
	}
	if f := v.Figures; f != nil {
		m.RegisterWh, m.BalanceWh = whole(f.Register), whole(f.Balance)
		m.ECUsedWh, m.OverrunWh = whole(f.ECUsed), whole(f.Overrun)
		m.W, m.MV, m.AsOf = whole(f.Watts), whole(f.Millivolts), at(f.AsOf)
	}
	if s := v.Said; s != nil {
		m.Said = &saidBalance{Wh: int64(s.Balance), At: s.At.UTC(), Source: s.Source}
	}
	if v.Balance != nil {
		b := amountOf(*v.Balance)
		m.Balance = &b
	}
	if v.Wallet != nil {
		m.Live = walletLiveOf(*v.Wallet)
	}
	if !v.Customer.ID.IsZero() {
		c := customerOf(v.Customer)
		m.Customer = &c
	}
	if k := v.Key; k != nil {
		ken := int(k.KEN)
		m.SGC, m.KRN, m.KT, m.TI, m.KEN = k.SGC, int(k.KRN), int(k.KT), k.TI, &ken
		m.EA, m.DKGA, m.BaseDate = k.EA.String(), k.DKGA.String(), int(k.BaseDate)
	}
	return m
}

func whole[N ~int64](n N) *int64 {
	i := int64(n)
	return &i
}

// MeterPath is the meter that a path names.
type MeterPath struct {
	Meter string `path:"meter" maxLength:"64" doc:"Number or id"`
}

func (a *API) meterRoutes(r router) {
	order(r, huma.Operation{
		OperationID: "add-meter", Path: "/v1/meters", DefaultStatus: http.StatusCreated, Tags: []string{"meters"}, Summary: "Register a meter",
		Description: "The answer carries the meter's MQTT password and link key, and for a simulated meter under a test vending key its " +
			"decoder key. They are shown only once. Where four eyes bind, a post-paid meter waits for a second person: 202 with the approval, " +
			"and the answer to the approval carries the secrets.",
		Responses: eitherOr(r, "201", of[addedMeter](r)),
	}, func(ctx context.Context, by access.Actor, _ *struct{}, body newMeter) (*sent, error) {
		added, err := a.c.Registry.AddMeter(ctx, by, body.wish())
		return doneOrWaits(http.StatusCreated, added.Refusal, added.Waits, err, func() any { return addedOf(added) })
	})
	query(r, huma.Operation{
		OperationID: "meters", Path: "/v1/meters", Tags: []string{"meters"}, Summary: "List meters",
	}, func(ctx context.Context, by access.Actor, in *Page) (*listed[Meter], error) {
		page, err := a.c.Registry.Meters(ctx, by, registry.Page{Limit: in.Limit, Cursor: in.Cursor})
		if err != nil {
			return nil, err
		}
		if page.Refused() {
			return nil, refuse(page.Refusal)
		}
		return listOf(page.Data, page.Next, meterOf), nil
	})
	query(r, huma.Operation{
		OperationID: "meter", Path: "/v1/meters/{meter}", Tags: []string{"meters"}, Summary: "Show a meter",
	}, func(ctx context.Context, by access.Actor, in *MeterPath) (*struct{ Body Meter }, error) {
		v, err := a.c.Registry.Meter(ctx, by, in.Meter)
		if err != nil {
			return nil, err
		}
		if v.Refused() {
			return nil, refuse(v.Refusal)
		}
		return &struct{ Body Meter }{meterOf(v)}, nil
	})
	order(r, huma.Operation{
		OperationID: "change-meter", Path: "/v1/meters/{meter}", DefaultStatus: http.StatusOK, Tags: []string{"meters"}, Summary: "Change the feeder or the greatest power of a meter",
		Description: "What is left out stays. The feeder belongs to the place, so every meter of it has it. Where four eyes bind a change of the greatest " +
			"power waits for a second person: 202 with the approval.",
		Responses: eitherOr(r, "200", of[Meter](r)),
	}, func(ctx context.Context, by access.Actor, in *MeterPath, body meterChange) (*sent, error) {
		v, err := a.c.Registry.ChangeMeter(ctx, by, in.Meter, body.wish())
		return doneOrWaits(http.StatusOK, v.Refusal, v.Waits, err, func() any { return meterOf(v.MeterView) })
	})
	a.customerRoutes(r)
}
