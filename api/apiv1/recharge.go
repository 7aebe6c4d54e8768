package apiv1

import "time"

// NewRecharge names a token for a meter and the way to send it. Either Digits or Token is set.
type NewRecharge struct {
	Digits string `json:"digits,omitempty" maxLength:"128" doc:"The 20 digits of a token, made here or elsewhere; blanks, dashes and a leading *02# are ignored. They are stored sealed and never logged"`
	Token  string `json:"token,omitempty" maxLength:"64" doc:"Instead of digits: the id of a token that the server holds" example:"tok_01jd00000000000000000000000"`
	By     string `json:"by" enum:"mqtt,sms" doc:"mqtt: the meter's own connection; sms: a text message to the meter's SIM"`
}

// Recharge is a token on its way to its meter.
type Recharge struct {
	Token      string             `json:"token" example:"tok_01jd00000000000000000000000" doc:"Id of the token"`
	Meter      string             `json:"meter" example:"04140001001" doc:"Number of the meter"`
	Test       bool               `json:"test,omitempty" doc:"The meter is simulated"`
	Elsewhere  bool               `json:"elsewhere,omitempty" doc:"The token was not made here"`
	State      string             `json:"state" enum:"idle,queued,sent,delivered,answered,heard,accepted,rejected,failed" doc:"How far it has come; accepted and rejected are the meter's own answers. heard: a text message says that the meter has it, and its sender cannot be proved"`
	Result     string             `json:"result,omitempty" doc:"The last answer that the meter signed, such as accept or used_error; or sms_accept, as long as only a text message says that the token was loaded"`
	UnitsWh    int64              `json:"units_wh" doc:"Energy of the token, in Wh; 0 if it is not known"`
	Steps      []RechargeStep     `json:"steps" doc:"What happened, in the order in which it did"`
	Deliveries []RechargeDelivery `json:"deliveries" doc:"The ways by which it was sent"`
	Balance    *ReportedBalance   `json:"balance,omitempty" doc:"What the meter held after it took the token"`
}

// RechargeStep is one thing that happened to a token.
type RechargeStep struct {
	State string    `json:"state" doc:"The state that the token reached; as state of a recharge"`
	At    time.Time `json:"at" doc:"When it happened"`
	By    string    `json:"by,omitempty" doc:"The way on which it happened, mqtt or sms; missing for what the meter decided"`
	Note  string    `json:"note,omitempty" doc:"What the meter reported"`
}

// RechargeDelivery is one way by which a token was sent.
type RechargeDelivery struct {
	By          string     `json:"by" enum:"mqtt,sms" doc:"mqtt: the meter's own connection; sms: a text message"`
	Message     string     `json:"message,omitempty" doc:"The text message"`
	State       string     `json:"state" doc:"How far this delivery has come; as state of a recharge. failed: it was given up, and the token remains good"`
	QueuedAt    *time.Time `json:"queued_at,omitempty" doc:"When it began to wait for the meter or a route"`
	SentAt      *time.Time `json:"sent_at,omitempty" doc:"When it was sent"`
	DeliveredAt *time.Time `json:"delivered_at,omitempty" doc:"When the network reported the text message delivered; always missing for mqtt"`
	AnsweredAt  *time.Time `json:"answered_at,omitempty" doc:"When the meter answered"`
	Attempts    int        `json:"attempts" doc:"How often it was sent"`
	Why         string     `json:"why,omitempty" doc:"What went wrong last"`
	Answer      string     `json:"answer,omitempty" doc:"What the meter wrote back; a text message is no proof of who sent it"`
}
