package apiv1

// Problem is a refusal or a fault (RFC 9457): every answer of status 400 and above. Code is stable and kebab-case; branch
// on it, and show Detail to a person.
type Problem struct {
	Type       string       `json:"type" doc:"Where this code is explained, relative to this server" example:"/docs#meter-not-found"`
	Title      string       `json:"title" doc:"The code in words"`
	Status     int          `json:"status" doc:"The HTTP status"`
	Detail     string       `json:"detail" doc:"What happened, what did not happen, and what to do"`
	Code       string       `json:"code" doc:"Stable kebab-case name; branch on it" example:"meter-not-found"`
	RequestID  string       `json:"request_id" doc:"Names this request in the server's log"`
	Retryable  bool         `json:"retryable" doc:"Whether the same request may succeed later without a change"`
	MoneyMoved MoneyMoved   `json:"money_moved,omitempty" enum:"yes,no,unknown" doc:"On sales: whether money moved. unknown: ask again with the same Idempotency-Key"`
	Errors     []FieldError `json:"errors,omitempty" doc:"The parts of the request that are wrong"`
}

// MoneyMoved says whether a request that was answered with a problem has moved money.
type MoneyMoved string

// The values of MoneyMoved. To settle Unknown, ask again with the same idempotency key.
const (
	MoneyMovedYes     MoneyMoved = "yes"
	MoneyMovedNo      MoneyMoved = "no"
	MoneyMovedUnknown MoneyMoved = "unknown"
)

// FieldError names one part of a request that is wrong.
type FieldError struct {
	Location string `json:"location" example:"body.tender.amount_minor" doc:"Which part of the request"`
	Message  string `json:"message" doc:"What is wrong with it"`
}
