package apiv1

import "time"

// NewRecharge names a token for a meter and the way to send it. Either Digits or Token is set.
type NewRecharge struct {
	Digits string `json:"digits,omitempty" maxLength:"128" doc:"The 20 digits of a token, made here or elsewhere. Blanks, dashes and a leading *02# are ignored. The digits are stored encrypted and never logged"`
	Token  string `json:"token,omitempty" maxLength:"64" doc:"Instead of digits: the id of a token on the server" example:"tok_01jd00000000000000000000000"`
	By     string `json:"by" enum:"mqtt,sms" doc:"mqtt: the meter's own connection; sms: a text message to the meter's SIM"`
}

// Recharge is a token on its way to its meter.
type Recharge struct {
	Token      string             `json:"token" example:"tok_01jd00000000000000000000000" doc:"Id of the token"`
	Meter      string             `json:"meter" example:"04140001001" doc:"Number of the meter"`
	Test       bool               `json:"test,omitempty" doc:"The meter is simulated"`
	Elsewhere  bool               `json:"elsewhere,omitempty" doc:"The token was not made here"`
	State      string             `json:"state" enum:"idle,queued,sent,delivered,answered,heard,accepted,rejected,failed" doc:"State of the delivery. accepted and rejected are answers of the meter. heard: only a text message says that the meter has the token"`
	Result     string             `json:"result,omitempty" doc:"Last signed answer of the meter, such as accept or used_error; sms_accept if only a text message says that the token was loaded"`
	UnitsWh    int64              `json:"units_wh" doc:"Energy of the token, in Wh; 0 if it is not known"`
	Steps      []RechargeStep     `json:"steps" doc:"Steps of the delivery, in their order"`
	Deliveries []RechargeDelivery `json:"deliveries" doc:"Ways by which it was sent"`
	Balance    *ReportedBalance   `json:"balance,omitempty" doc:"Balance of the meter after it accepted the token"`
}

// RechargeStep is one thing that happened to a token.
type RechargeStep struct {
	State string    `json:"state" doc:"State that the token reached, as state of a recharge"`
	At    time.Time `json:"at" doc:"Time of the step"`
	By    string    `json:"by,omitempty" doc:"Way of the step, mqtt or sms; missing for a decision of the meter"`
	Note  string    `json:"note,omitempty" doc:"Answer of the meter"`
}

// RechargeDelivery is one way by which a token was sent.
type RechargeDelivery struct {
	By          string     `json:"by" enum:"mqtt,sms" doc:"mqtt: the meter's own connection; sms: a text message"`
	Message     string     `json:"message,omitempty" doc:"The text message"`
	State       string     `json:"state" doc:"State of this delivery, as state of a recharge. failed: it was given up, but the token remains valid"`
	QueuedAt    *time.Time `json:"queued_at,omitempty" doc:"When it was queued"`
	SentAt      *time.Time `json:"sent_at,omitempty" doc:"When it was sent"`
	DeliveredAt *time.Time `json:"delivered_at,omitempty" doc:"When the network reported the text message delivered; always missing for mqtt"`
	AnsweredAt  *time.Time `json:"answered_at,omitempty" doc:"When the meter answered"`
	Attempts    int        `json:"attempts" doc:"Number of times it was sent"`
	Why         string     `json:"why,omitempty" doc:"Last error"`
	Answer      string     `json:"answer,omitempty" doc:"Reply of the meter; a text message does not prove who sent it"`
}
