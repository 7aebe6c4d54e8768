package apiv1

import "time"

// SIM is the number of the SIM in a meter.
type SIM struct {
	SIMPhone string `json:"sim_phone" example:"+254700000200" doc:"With the country code; empty for none"`
}

// NewMeter is a meter to register. Number, Mode and Tariff are required, for "prepay_token" also SGC, KRN, KT and TI. The
// rest has the defaults of docs/reference/http.md#a-meter.
type NewMeter struct {
	Number    string    `json:"number" example:"04140001001" doc:"11 or 13 digits with their check digit"`
	Mode      string    `json:"mode" enum:"prepay_token,prepay_wallet,postpay" doc:"prepay_token: units in the meter, bought as tokens; prepay_wallet: money on the server; postpay: paid after use"`
	Tariff    string    `json:"tariff" example:"domestic" doc:"Name or id"`
	SGC       string    `json:"sgc,omitempty" example:"123456" doc:"Supply group code; needed for prepay_token"`
	KRN       *int64    `json:"krn,omitempty" example:"1" doc:"Key revision number; needed for prepay_token"`
	KT        *int64    `json:"kt,omitempty" example:"2" doc:"Key type; needed for prepay_token"`
	TI        string    `json:"ti,omitempty" example:"01" doc:"Tariff index as on the meter; needed for prepay_token"`
	KEN       *int64    `json:"ken,omitempty" doc:"Key expiry number; default 255"`
	EA        string    `json:"ea,omitempty" doc:"Encryption algorithm, 07 or 11; default 07"`
	DKGA      string    `json:"dkga,omitempty" doc:"Key derivation, 02 or 04; default 02"`
	BaseDate  *int64    `json:"base_date,omitempty" doc:"1993, 2014 or 2035; default 2014"`
	ImpPerKWh *int64    `json:"imp_per_kwh,omitempty" doc:"Impulses per kWh; default 1000"`
	Customer  *Customer `json:"customer,omitempty" doc:"Who lives there, new or by id"`
	Simulated bool      `json:"simulated,omitempty" doc:"A virtual meter with a clock of its own; everything about it is marked TEST"`
	Status    string    `json:"status,omitempty" enum:"active,stock" doc:"Default active"`
	Model     string    `json:"model,omitempty" doc:"Make and model, as text"`
	Phases    *int64    `json:"phases,omitempty" doc:"1 or 3; default 1"`
	TT        string    `json:"tt,omitempty" doc:"Token technology; default 02, numeric keypad"`
	Address   string    `json:"address,omitempty" doc:"Address of the place"`
	Feeder    string    `json:"feeder,omitempty" doc:"The supply line of its place; meters of one feeder that fall silent together raise one alarm"`
	IntervalS int64     `json:"reading_interval_s,omitempty" doc:"Default 1800"`
	SIMPhone  string    `json:"sim_phone,omitempty" example:"+254700000200" doc:"Number of the SIM in the meter's own modem, with the country code"`
}

// Meter is the present state of a meter. Times and figures are nil until the meter has reported them.
type Meter struct {
	ID         string           `json:"id" example:"mtr_01jd00000000000000000000000" doc:"Id of the meter"`
	Number     string           `json:"number" example:"04140001001" doc:"Number printed on the meter (DRN)"`
	Mode       string           `json:"mode" doc:"prepay_token: units in the meter, bought as tokens; prepay_wallet: money on the server; postpay: paid after use"`
	Status     string           `json:"status" doc:"stock, installed, commissioned, active, blocked, removed or scrapped; only an active meter is sold to"`
	Test       bool             `json:"test,omitempty" doc:"The meter is simulated"`
	Simulated  bool             `json:"simulated" doc:"The meter is simulated: it has a clock of its own, and nothing about it is real"`
	State      string           `json:"state" enum:"on,low,cut_off,offline,tamper" doc:"The first of these that applies: tamper; offline: silent for three reading intervals and not connected; cut_off: the relay is not known to be closed; low: little is left; on"`
	Connected  bool             `json:"connected" doc:"Whether the meter is connected now"`
	Relay      string           `json:"relay" doc:"closed, open or armed; empty while unknown"`
	Reasons    []string         `json:"reasons" doc:"Why supply is off"`
	BalanceWh  *int64           `json:"balance_wh" doc:"Credit left in the meter, as of as_of"`
	Said       *ReportedBalance `json:"said_balance,omitempty" doc:"A balance that the meter reported after its newest reading, in its answer to a token or by SMS. Only where one meter is shown"`
	Balance    *Amount          `json:"balance" doc:"The account's settled balance; null without a wallet"`
	Live       *WalletEstimate  `json:"live" doc:"Estimate of what is left of balance as of the newest reading; null without a wallet"`
	RegisterWh *int64           `json:"register_wh" doc:"Total energy counted, in Wh; null until a reading has come"`
	ECUsedWh   *int64           `json:"ec_used_wh" doc:"Emergency credit used and not paid back, in Wh; null until a reading has come"`
	OverrunWh  *int64           `json:"overrun_wh" doc:"Energy used beyond all credit, in Wh; null until a reading has come"`
	W          *int64           `json:"w" doc:"Power now, in W; null until a reading has come"`
	MV         *int64           `json:"mv" doc:"Voltage, in mV; null until a reading has come"`
	AsOf       *time.Time       `json:"as_of" doc:"Meter time of the figures"`
	LastSeen   *time.Time       `json:"last_seen" doc:"Server time of the last message"`
	Tariff     string           `json:"tariff" doc:"Name of the tariff"`
	SIMPhone   string           `json:"sim_phone,omitempty" doc:"Number of the SIM in the meter's own modem"`
	Customer   *Customer        `json:"customer,omitempty" doc:"Who lives there; missing if the meter supplies nobody"`
	SGC        string           `json:"sgc,omitempty" doc:"Supply group code"`
	KRN        int              `json:"krn,omitempty" doc:"Key revision number"`
	KT         int              `json:"kt,omitempty" doc:"Key type: 0 initialisation, 1 default, 2 unique, 3 common"`
	TI         string           `json:"ti,omitempty" doc:"Tariff index"`
	KEN        *int             `json:"ken,omitempty" doc:"Key expiry number; 255 for never"`
	EA         string           `json:"ea,omitempty" doc:"Encryption algorithm, 07 or 11"`
	DKGA       string           `json:"dkga,omitempty" doc:"Key derivation, 02 or 04"`
	BaseDate   int              `json:"base_date,omitempty" doc:"Base date of its tokens: 1993, 2014 or 2035"`
	ImpPerKWh  int64            `json:"imp_per_kwh" doc:"Impulses per kWh"`
	Model      string           `json:"model,omitempty" doc:"Make and model, as text"`
	Phases     int              `json:"phases" doc:"1 or 3"`
	Feeder     string           `json:"feeder,omitempty" doc:"The supply line of its place"`
	MaxW       int64            `json:"max_w,omitempty" doc:"The greatest power it can measure, if it was set; else 23,000 W a phase"`
	CreatedAt  time.Time        `json:"created_at" doc:"When the meter was registered"`
}

// MeterChange is a change of a meter; nil fields stay.
type MeterChange struct {
	Feeder *string `json:"feeder,omitempty" doc:"The supply line of its place; empty for none"`
	MaxW   *int64  `json:"max_w,omitempty" doc:"The greatest power the meter can measure, in W; 0 for the default of 23,000 W a phase. A register that rises faster waits in quarantine"`
	Reason string  `json:"reason" doc:"Why, in a few words; written to the audit log"`
}

// AddedMeter is a registered meter with its secrets, which are shown only once. DecoderKey is only there for a simulated
// meter on a test vending key. Do not log it.
type AddedMeter struct {
	Meter
	MQTTPassword string `json:"mqtt_password" doc:"Shown this once"`
	LinkKey      string `json:"link_key" doc:"Hex; shown this once"`
	DecoderKey   string `json:"decoder_key,omitempty" doc:"Hex; only for a simulated meter under a test vending key, shown this once"`
}

// ReportedBalance is a balance that a meter reported apart from its readings.
type ReportedBalance struct {
	Wh     int64     `json:"wh" doc:"Credit in the meter, in Wh"`
	At     time.Time `json:"at" doc:"When the meter reported it"`
	Source string    `json:"source" doc:"How the token reached the meter by the meter's report: keypad, sms or remote; sms answer: only a text message reported it"`
}

// WalletEstimate is what is left of a wallet according to the meter's readings. The books are updated less often.
type WalletEstimate struct {
	AmountMinor  int64      `json:"amount_minor" doc:"The balance less what was used and is not posted; negative if more was used than paid for"`
	Currency     string     `json:"currency" example:"KES" doc:"ISO 4217 code of the amount"`
	AsOf         *time.Time `json:"as_of" doc:"Meter time up to which use is counted; null before the first reading"`
	RatedWh      int64      `json:"rated_wh" doc:"All energy that was ever charged for"`
	SupplyWanted bool       `json:"supply_wanted" doc:"What the server wants; the meter may not know yet"`
	Held         string     `json:"held,omitempty" enum:"register_regress,implausible,span,no_price,relay_open" doc:"Why charging waits for a decision"`
}

// Meters is the list of meters.
var Meters = Listing[Page, Meter]{Name: "meters", Path: "/v1/meters", Tag: "meters", Summary: "List meters"}

// MeterFilter asks for a list of one meter.
type MeterFilter struct {
	Meter string `path:"meter" maxLength:"64" doc:"Number or id"`
	Page
}
