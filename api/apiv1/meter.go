package apiv1

import "time"

// NumberReason says why a changed telephone number is confirmed.
type NumberReason struct {
	Reason string `json:"reason" doc:"Why, in a few words; written to the audit log"`
}

// SIM is the number of the SIM in a meter.
type SIM struct {
	SIMPhone string `json:"sim_phone" example:"+254700000200" doc:"Telephone number with country code; empty for none"`
}

// NewMeter is a meter to register. Number, Mode and Tariff are required, for "prepay_token" also SGC, KRN, KT and TI. The
// rest has the defaults of docs/reference/http.md#a-meter.
type NewMeter struct {
	Number    string    `json:"number" example:"04140001001" doc:"11 or 13 digits with their check digit"`
	Mode      string    `json:"mode" enum:"prepay_token,prepay_wallet,postpay" doc:"prepay_token: units in the meter, bought as tokens; prepay_wallet: money on the server; postpay: paid after use"`
	Tariff    string    `json:"tariff" example:"domestic" doc:"Name or id of the tariff"`
	SGC       string    `json:"sgc,omitempty" example:"123456" doc:"Supply group code; needed for prepay_token"`
	KRN       *int64    `json:"krn,omitempty" example:"1" doc:"Key revision number; needed for prepay_token"`
	KT        *int64    `json:"kt,omitempty" example:"2" doc:"Key type; needed for prepay_token"`
	TI        string    `json:"ti,omitempty" example:"01" doc:"Tariff index as on the meter; needed for prepay_token"`
	KEN       *int64    `json:"ken,omitempty" doc:"Key expiry number; default 255"`
	EA        string    `json:"ea,omitempty" doc:"Encryption algorithm, 07 or 11; default 07"`
	DKGA      string    `json:"dkga,omitempty" doc:"Key derivation, 02 or 04; default 02"`
	BaseDate  *int64    `json:"base_date,omitempty" doc:"1993, 2014 or 2035; default 2014"`
	ImpPerKWh *int64    `json:"imp_per_kwh,omitempty" doc:"Impulses per kWh; default 1000"`
	Customer  *Customer `json:"customer,omitempty" doc:"The customer, new or by id"`
	Simulated bool      `json:"simulated,omitempty" doc:"A virtual meter with a clock of its own; its tokens and receipts are marked TEST"`
	Status    string    `json:"status,omitempty" enum:"active,stock" doc:"State; default active"`
	Model     string    `json:"model,omitempty" doc:"Make and model"`
	Phases    *int64    `json:"phases,omitempty" doc:"Number of phases, 1 or 3; default 1"`
	TT        string    `json:"tt,omitempty" doc:"Token technology; default 02, numeric keypad"`
	Address   string    `json:"address,omitempty" doc:"Address of the place"`
	Feeder    string    `json:"feeder,omitempty" doc:"Feeder that supplies the place; silent meters of one feeder raise one alarm"`
	IntervalS int64     `json:"reading_interval_s,omitempty" doc:"Time between readings, in seconds; default 1800"`
	SIMPhone  string    `json:"sim_phone,omitempty" example:"+254700000200" doc:"Telephone number of the SIM in the meter, with country code"`
}

// Meter is the present state of a meter. Times and figures are nil until the meter has reported them.
type Meter struct {
	ID             string           `json:"id" example:"mtr_01jd00000000000000000000000" doc:"Id of the meter"`
	Number         string           `json:"number" example:"04140001001" doc:"Number printed on the meter (DRN)"`
	Mode           string           `json:"mode" doc:"prepay_token: units in the meter, bought as tokens; prepay_wallet: money on the server; postpay: paid after use"`
	Status         string           `json:"status" doc:"stock, installed, commissioned, active, blocked, removed or scrapped; tokens are sold only to active meters"`
	Test           bool             `json:"test,omitempty" doc:"The meter is simulated"`
	Simulated      bool             `json:"simulated" doc:"The meter is virtual, with a clock of its own; no supply and no money of it are real"`
	State          string           `json:"state" enum:"on,low,cut_off,offline,tamper" doc:"The first that applies: tamper; offline: silent for three reading intervals and not connected; cut_off: the relay is not known to be closed; low: low credit; on"`
	Connected      bool             `json:"connected" doc:"Whether the meter is connected now"`
	Relay          string           `json:"relay" doc:"closed, open or armed; empty while unknown"`
	Reasons        []string         `json:"reasons" doc:"Why the supply is off"`
	BalanceWh      *int64           `json:"balance_wh" doc:"Credit left in the meter, as of as_of"`
	Said           *ReportedBalance `json:"said_balance,omitempty" doc:"Balance that the meter sent after its newest reading, with the result of a token or by SMS"`
	Balance        *Amount          `json:"balance" doc:"Settled balance of the account's wallet; null without a wallet, and for a meter that was replaced"`
	Live           *WalletEstimate  `json:"live" doc:"Live estimate of the wallet as of the newest reading; null without a wallet, and for a meter that was replaced"`
	RegisterWh     *int64           `json:"register_wh" doc:"Total energy counted, in Wh; null before the first reading"`
	ECUsedWh       *int64           `json:"ec_used_wh" doc:"Emergency credit used and not paid back, in Wh; null before the first reading"`
	OverrunWh      *int64           `json:"overrun_wh" doc:"Energy used beyond all credit, in Wh; null before the first reading"`
	W              *int64           `json:"w" doc:"Power at the last reading, in W; null before the first reading"`
	MV             *int64           `json:"mv" doc:"Voltage, in mV; null before the first reading"`
	AsOf           *time.Time       `json:"as_of" doc:"Meter time of the figures"`
	LastSeen       *time.Time       `json:"last_seen" doc:"Server time of the last message"`
	Tariff         string           `json:"tariff" doc:"Name of the tariff"`
	SIMPhone       string           `json:"sim_phone,omitempty" doc:"Telephone number of the SIM in the meter"`
	Customer       *Customer        `json:"customer,omitempty" doc:"The customer; missing if the meter supplies nobody"`
	SGC            string           `json:"sgc,omitempty" doc:"Supply group code"`
	KRN            int              `json:"krn,omitempty" doc:"Key revision number"`
	KT             int              `json:"kt,omitempty" doc:"Key type: 0 initialisation, 1 default, 2 unique, 3 common"`
	TI             string           `json:"ti,omitempty" doc:"Tariff index"`
	KEN            *int             `json:"ken,omitempty" doc:"Key expiry number; 255 for never"`
	EA             string           `json:"ea,omitempty" doc:"Encryption algorithm, 07 or 11"`
	DKGA           string           `json:"dkga,omitempty" doc:"Key derivation, 02 or 04"`
	BaseDate       int              `json:"base_date,omitempty" doc:"Base date of its tokens: 1993, 2014 or 2035"`
	ImpPerKWh      int64            `json:"imp_per_kwh" doc:"Impulses per kWh"`
	Model          string           `json:"model,omitempty" doc:"Make and model"`
	Phases         int              `json:"phases" doc:"Number of phases, 1 or 3"`
	Address        string           `json:"address,omitempty" doc:"Address of the place"`
	Feeder         string           `json:"feeder,omitempty" doc:"Feeder that supplies the place"`
	Measures       string           `json:"measures,omitempty" doc:"Feeder that the meter measures as a whole: it is the main meter of a building"`
	MaxW           int64            `json:"max_w,omitempty" doc:"Highest power that it can measure, in W; 23,000 W a phase if it was not set"`
	UnreadCutHours int64            `json:"unread_cut_h,omitempty" doc:"Hours of supply after which an unmodified device is cut off if no value of it was ever read; missing for never"`
	CreatedAt      time.Time        `json:"created_at" doc:"When the meter was registered"`
	TwoKeys        *time.Time       `json:"two_link_keys_since,omitempty" doc:"Since when messages to the meter are signed with two link keys, while the link key is being replaced"`

	NextPasswordSince *time.Time `json:"next_password_since,omitempty" doc:"Since when a new MQTT password waits to be used; until then the old one counts too"`
	LoginEndsAt       *time.Time `json:"login_ends_at,omitempty" doc:"From when on the meter can no longer sign in, because it was replaced, removed or scrapped"`
}

// MeterPassword is a meter after its MQTT password was replaced or ended. Secret is only there if a password was made. Do not log it.
type MeterPassword struct {
	Meter      string     `json:"meter" example:"04140001001" doc:"Number of the meter"`
	Secret     string     `json:"mqtt_password,omitempty" doc:"New MQTT password; only in the first answer to the request that made it"`
	SecretGone string     `json:"mqtt_password_missing,omitempty" doc:"Why the new password is missing; only in the answer to a repeated request"`
	NextSince  *time.Time `json:"next_password_since,omitempty" doc:"Since when a new password waits to be used; until then the old one counts too"`
}

// PasswordChange is the body of a request for a new MQTT password.
type PasswordChange struct {
	AtOnce bool `json:"at_once,omitempty" doc:"End the old password at once; otherwise it counts until the meter has used the new one"`
}

// LinkKey is a meter after a step of the replacement of its link key. Secret is only there after the start. Do not log it.
type LinkKey struct {
	Meter      string     `json:"meter" example:"04140001001" doc:"Number of the meter"`
	Secret     string     `json:"link_key,omitempty" doc:"Next link key in hex; only in the first answer to the request that made it"`
	SecretGone string     `json:"link_key_missing,omitempty" doc:"Why the next link key is missing; only in the answer to a repeated request"`
	TwoKeys    *time.Time `json:"two_link_keys_since,omitempty" doc:"Since when messages to the meter are signed with two link keys; missing if it has one"`
}

// LinkKeyStep is the body of a step of the replacement of a link key: an empty object.
type LinkKeyStep struct{}

// MeterChange is a change of a meter; nil fields stay.
type MeterChange struct {
	Feeder         *string `json:"feeder,omitempty" doc:"Feeder that supplies the place; empty for none"`
	Measures       *string `json:"measures,omitempty" doc:"Feeder that the meter measures as a whole; empty for none"`
	MaxW           *int64  `json:"max_w,omitempty" doc:"Highest power that the meter can measure, in W; 0 for the default of 23,000 W a phase. A register that rises faster is held for review"`
	UnreadCutHours *int64  `json:"unread_cut_h,omitempty" doc:"Hours of supply after which an unmodified device is cut off if no value of it was ever read, up to 168; 0 for never"`
	Reason         string  `json:"reason" doc:"Why, in a few words; written to the audit log"`
}

// AddedMeter is a registered meter with its secrets, which are shown only once. DecoderKey is only there for a simulated
// meter on a test vending key. Do not log it.
type AddedMeter struct {
	Meter
	MQTTPassword   string      `json:"mqtt_password" doc:"MQTT password; shown only once"`
	LinkKey        string      `json:"link_key" doc:"Link key in hex; shown only once"`
	DecoderKey     string      `json:"decoder_key,omitempty" doc:"Decoder key in hex, only for a simulated meter under a test vending key; shown only once"`
	TakenOverMinor int64       `json:"taken_over_minor,omitempty" doc:"Debts and charges that the account took over from closed accounts of the same customer, in minor units"`
	OtherDebts     []OtherDebt `json:"other_debts,omitempty" doc:"Other accounts that owe, of the same customer or of a customer with the same telephone number: sales to this meter pay nothing of it unless a person takes the debt over"`
}

// ReportedBalance is a balance that a meter reported without a reading.
type ReportedBalance struct {
	Wh     int64     `json:"wh" doc:"Credit in the meter, in Wh"`
	At     time.Time `json:"at" doc:"When the meter sent it"`
	Source string    `json:"source" doc:"Way of the token by the meter's own report: keypad, sms or remote; sms answer if only a text message says so"`
}

// WalletEstimate is what is left of a wallet according to the meter's readings. The books are updated less often.
type WalletEstimate struct {
	AmountMinor  int64      `json:"amount_minor" doc:"The balance less use that is not posted yet; negative if more was used than paid for"`
	Currency     string     `json:"currency" example:"KES" doc:"ISO 4217 code of the amount"`
	AsOf         *time.Time `json:"as_of" doc:"Meter time up to which use is counted; null before the first reading"`
	RatedWh      int64      `json:"rated_wh" doc:"All energy charged so far, in Wh"`
	SupplyWanted bool       `json:"supply_wanted" doc:"Whether the supply should be on; the meter may not know yet"`
	Held         string     `json:"held,omitempty" enum:"register_regress,implausible,span,no_price,relay_open" doc:"Why charging waits for a decision"`
}

// MeterListFilter says which meters to list. Empty fields do not narrow the list.
type MeterListFilter struct {
	Find   string `query:"find" maxLength:"64" example:"amina" doc:"A number or a part of it, or words of the customer's name, telephone number or address"`
	State  string `query:"state" enum:"tamper,offline,cut_off,low,on" doc:"Only meters in this state"`
	Tariff string `query:"tariff" maxLength:"64" example:"domestic" doc:"Name or id of the tariff"`
	Feeder string `query:"feeder" maxLength:"64" doc:"Feeder of the meter's place"`
	Low    bool   `query:"low" doc:"true: only meters with little credit left, whatever their state"`
	Status string `query:"status" enum:"all,stock,installed,commissioned,active,blocked,removed,scrapped" doc:"Only meters of this status; all: of every status. Without it, removed and scrapped meters are left out, and with another filter also replaced ones"`
	Page
}

// Meters is the list of meters.
var Meters = Listing[MeterListFilter, Meter]{Name: "meters", Path: "/v1/meters", Tag: "meters", Summary: "List meters, or find them"}

// MeterFilter names a meter and a page of one of its lists, such as its commands.
type MeterFilter struct {
	Meter string `path:"meter" maxLength:"64" doc:"Number or id of the meter"`
	Page
}
