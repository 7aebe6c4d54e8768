package apiv1

import "time"

// NewRecharge names a token that is to go to a meter, and the way. Either Digits or Token is given.
type NewRecharge struct {
	Digits string `json:"digits,omitempty" maxLength:"128" doc:"The 20 digits of a token, made here or elsewhere; blanks and dashes do not count, nor does a *02# before them. They are kept sealed and never logged"`
	Token  string `json:"token,omitempty" maxLength:"64" doc:"Instead of digits: the id of a token that the server holds" example:"tok_01jd00000000000000000000000"`
	By     string `json:"by" enum:"mqtt,sms" doc:"mqtt: the meter's own connection; sms: a text message to the meter's SIM"`
}

// Recharge is a token on its way to its meter.
type Recharge struct {
	Token      string             `json:"token" example:"tok_01jd00000000000000000000000"`
	Meter      string             `json:"meter" example:"04140001001"`
	Test       bool               `json:"test,omitempty" doc:"The meter is simulated"`
	Elsewhere  bool               `json:"elsewhere,omitempty" doc:"The token was not made here"`
	State      string             `json:"state" enum:"idle,queued,sent,delivered,answered,heard,accepted,rejected,failed" doc:"How far it has come; accepted and rejected is what the meter said. heard: a text message says that the meter has it, and nobody can prove who wrote that"`
	Result     string             `json:"result,omitempty" doc:"The last answer of the meter. sms_accept: a text message says that the token was loaded, and the meter has signed no answer since"`
	UnitsWh    int64              `json:"units_wh"`
	Steps      []RechargeStep     `json:"steps" doc:"What happened, in the order in which it did"`
	Deliveries []RechargeDelivery `json:"deliveries" doc:"The ways on which it was sent"`
	Balance    *ReportedBalance   `json:"balance,omitempty" doc:"What the meter held after it took the token"`
}

// RechargeStep is one thing that happened to a token.
type RechargeStep struct {
	State string    `json:"state"`
	At    time.Time `json:"at"`
	By    string    `json:"by,omitempty"`
	Note  string    `json:"note,omitempty"`
}

// RechargeDelivery is one way on which a token was sent.
type RechargeDelivery struct {
	By          string     `json:"by" enum:"mqtt,sms"`
	Message     string     `json:"message,omitempty" doc:"The text message"`
	State       string     `json:"state"`
	QueuedAt    *time.Time `json:"queued_at,omitempty"`
	SentAt      *time.Time `json:"sent_at,omitempty"`
	DeliveredAt *time.Time `json:"delivered_at,omitempty"`
	AnsweredAt  *time.Time `json:"answered_at,omitempty"`
	Attempts    int        `json:"attempts"`
	Why         string     `json:"why,omitempty" doc:"What went wrong last"`
	Answer      string     `json:"answer,omitempty" doc:"What the meter wrote back; a text message is no proof of who sent it"`
}
