package client

import (
	"context"
	"encoding/json"
	"net/url"
	"time"
)

// Customer is who lives behind a meter.
type Customer struct {
	ID    string `json:"id,omitempty"` // in a request: of a customer already known, instead of the rest
	Name  string `json:"name,omitempty"`
	Phone string `json:"phone,omitempty"`
	IDNo  string `json:"id_no,omitempty"`
	Lang  string `json:"lang,omitempty"`
	// NoNotices says in an answer that the customer wants no warnings (STOP).
	NoNotices bool `json:"no_notices,omitempty"`
}

// CustomerEntry is a customer with the numbers of the meters.
type CustomerEntry struct {
	Customer
	Meters []string `json:"meters"`
}

// NewMeter is a meter to register. Number, Mode and Tariff are needed, for "prepay_token" also SGC, KRN, KT and TI;
// the rest has the defaults of the contract.
type NewMeter struct {
	Number    string    `json:"number"`
	Mode      string    `json:"mode"` // prepay_token or prepay_wallet
	Tariff    string    `json:"tariff"`
	SGC       string    `json:"sgc,omitempty"`
	KRN       *int      `json:"krn,omitempty"`
	KT        *int      `json:"kt,omitempty"`
	TI        string    `json:"ti,omitempty"`
	KEN       *int      `json:"ken,omitempty"`
	EA        string    `json:"ea,omitempty"`
	DKGA      string    `json:"dkga,omitempty"`
	BaseDate  int       `json:"base_date,omitempty"`
	ImpPerKWh int64     `json:"imp_per_kwh,omitempty"`
	Customer  *Customer `json:"customer,omitempty"`
	Simulated bool      `json:"simulated,omitempty"`
	Status    string    `json:"status,omitempty"` // active or stock
	Address   string    `json:"address,omitempty"`
	Feeder    string    `json:"feeder,omitempty"`
	SIMPhone  string    `json:"sim_phone,omitempty"` // number of the SIM in its own modem
	IntervalS int64     `json:"reading_interval_s,omitempty"`
}

// Meter is a meter as it stands. Times are zero and figures nil while the meter has not said them.
type Meter struct {
	ID        string   `json:"id"`
	Number    string   `json:"number"`
	Mode      string   `json:"mode"`
	Status    string   `json:"status"`
	State     string   `json:"state"` // on, low, cut_off, offline, tamper
	Connected bool     `json:"connected"`
	Relay     string   `json:"relay"` // closed, open, armed; empty = not heard yet
	Reasons   []string `json:"reasons"`
	BalanceWh *int64   `json:"balance_wh"`
	// Said is a balance that the meter told later than its newest reading; nil where the reading is the newest word.
	Said       *SaidBalance `json:"said_balance,omitempty"`
	Balance    *Amount      `json:"balance"` // the wallet in the books
	Live       *Live        `json:"live"`    // what is left of it by what was used since
	RegisterWh *int64       `json:"register_wh"`
	AsOf       *time.Time   `json:"as_of"`
	LastSeen   *time.Time   `json:"last_seen"`
	Simulated  bool         `json:"simulated"`
	Tariff     string       `json:"tariff"`
	ImpPerKWh  int64        `json:"imp_per_kwh"`
	SGC        string       `json:"sgc,omitempty"`
	KRN        int          `json:"krn,omitempty"`
	KT         int          `json:"kt,omitempty"`
	TI         string       `json:"ti,omitempty"`
	KEN        *int         `json:"ken,omitempty"`
	EA         string       `json:"ea,omitempty"`
	DKGA       string       `json:"dkga,omitempty"`
	BaseDate   int          `json:"base_date,omitempty"`
	Customer   *Customer    `json:"customer,omitempty"`
	Feeder     string       `json:"feeder,omitempty"`
	SIMPhone   string       `json:"sim_phone,omitempty"`
	MaxW       int64        `json:"max_w,omitempty"` // 0: 23,000 W a phase
}

// MeterChange is what is to change about a meter; nil fields stay.
type MeterChange struct {
	Feeder *string `json:"feeder,omitempty"`
	MaxW   *int64  `json:"max_w,omitempty"`
	Reason string  `json:"reason"`
}

// ChangeMeter changes the feeder or the greatest power of a meter (right: meter.write).
func (c *Client) ChangeMeter(ctx context.Context, ref string, change MeterChange) (Meter, error) {
	return ask[Meter](ctx, c, post(meterPath(ref, ""), change))
}

// AddedMeter is a registered meter with the secrets that are shown this once. DecoderKey is only there for a
// simulated meter on a test vending key. Do not log it.
type AddedMeter struct {
	Meter
	MQTTPassword string `json:"mqtt_password"`
	LinkKey      string `json:"link_key"`
	DecoderKey   string `json:"decoder_key,omitempty"`
}

// Reading is one record of a meter's registers.
type Reading struct {
	Seq        uint64    `json:"seq"`
	At         time.Time `json:"at"` // meter time
	Clock      string    `json:"clock"`
	ReceivedAt time.Time `json:"received_at"`
	RegisterWh int64     `json:"register_wh"`
	BalanceWh  int64     `json:"balance_wh"`
	ECUsedWh   int64     `json:"ec_used_wh"`
	OverrunWh  int64     `json:"overrun_wh"`
	W          int64     `json:"w"`
	MV         int64     `json:"mv"`
	Relay      string    `json:"relay"`
	Reasons    []string  `json:"reasons"`
}

// Event is one event that a meter recorded; Code is its stable number.
type Event struct {
	Seq        uint64          `json:"seq"`
	Kind       string          `json:"kind"`
	Code       int             `json:"code"`
	At         time.Time       `json:"at"`
	ReceivedAt time.Time       `json:"received_at"`
	Args       json.RawMessage `json:"args,omitempty"`
}

// MeterToken is a token of a meter; Digits are masked without the right token.show.
type MeterToken struct {
	ID       string    `json:"id"`
	Vend     string    `json:"vend,omitempty"`
	IssuedAt time.Time `json:"issued_at"`
	Result   string    `json:"result,omitempty"`
	// Elsewhere: not made by this server; somebody handed its digits in to be sent to the meter.
	Elsewhere bool `json:"elsewhere,omitempty"`
	Token
}

// AddMeter registers a meter (right: meter.write) and returns its secrets, this once.
func (c *Client) AddMeter(ctx context.Context, m NewMeter) (AddedMeter, error) {
	return ask[AddedMeter](ctx, c, post("/v1/meters", m))
}

// Meter returns a meter by its number or its id.
func (c *Client) Meter(ctx context.Context, ref string) (Meter, error) {
	return ask[Meter](ctx, c, get(meterPath(ref, ""), nil))
}

// Meters lists the meters.
func (c *Client) Meters(ctx context.Context, p Page) (List[Meter], error) {
	return ask[List[Meter]](ctx, c, get("/v1/meters", p.query()))
}

// Customers lists the customers whose name, phone or meter number holds a text, all for the empty one (right: customer.read).
func (c *Client) Customers(ctx context.Context, find string, p Page) (List[CustomerEntry], error) {
	q := p.query()
	if find != "" {
		q.Set("find", find)
	}
	return ask[List[CustomerEntry]](ctx, c, get("/v1/customers", q))
}

// Customer returns a customer by the id.
func (c *Client) Customer(ctx context.Context, id string) (Customer, error) {
	return ask[Customer](ctx, c, get("/v1/customers/"+url.PathEscape(id), nil))
}

// CustomerChange is what of a customer becomes something else; nil stays as it is.
type CustomerChange struct {
	Name  *string `json:"name,omitempty"`
	Phone *string `json:"phone,omitempty"`
	IDNo  *string `json:"id_no,omitempty"`
	Lang  *string `json:"lang,omitempty"`
	// Notices is whether the customer wants warnings.
	Notices *bool `json:"notices,omitempty"`
}

// ChangeCustomer changes what is on record of a customer (right: customer.write).
func (c *Client) ChangeCustomer(ctx context.Context, id string, change CustomerChange) (Customer, error) {
	return ask[Customer](ctx, c, post("/v1/customers/"+url.PathEscape(id), change))
}

// Readings lists a meter's readings, newest first.
func (c *Client) Readings(ctx context.Context, ref string, s Span) (List[Reading], error) {
	return ask[List[Reading]](ctx, c, get(meterPath(ref, "/readings"), s.query()))
}

// Events lists a meter's events, newest first.
func (c *Client) Events(ctx context.Context, ref string, s Span) (List[Event], error) {
	return ask[List[Event]](ctx, c, get(meterPath(ref, "/events"), s.query()))
}

// Alarm is what a person should look at.
type Alarm struct {
	ID        string     `json:"id"`
	Meter     string     `json:"meter"`
	Feeder    string     `json:"feeder,omitempty"` // where it is no single meter's
	Code      string     `json:"code"`
	Text      string     `json:"text"`
	RaisedAt  time.Time  `json:"raised_at"`
	ClearedAt *time.Time `json:"cleared_at,omitempty"` // nil while it is open
}

// Alarms lists alarms of a meter (empty: of all), newest first; open leaves out those that no longer stand.
func (c *Client) Alarms(ctx context.Context, meter string, open bool, p Page) (List[Alarm], error) {
	q := p.query()
	if meter != "" {
		q.Set("meter", meter)
	}
	if open {
		q.Set("open", "true")
	}
	return ask[List[Alarm]](ctx, c, get("/v1/alarms", q))
}

// Tokens lists the tokens made for a meter, newest first.
func (c *Client) Tokens(ctx context.Context, ref string, p Page) (List[MeterToken], error) {
	return ask[List[MeterToken]](ctx, c, get(meterPath(ref, "/tokens"), p.query()))
}

func meterPath(ref, rest string) string { return "/v1/meters/" + url.PathEscape(ref) + rest }
