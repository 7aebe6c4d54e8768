package apiv1

// Problem is a refusal or a fault (RFC 9457): every answer of status 400 and above. Code is stable and kebab-case; branch
// on it, and show Detail to a person.
type Problem struct {
	Type       string       `json:"type" doc:"Path on this server of the page that explains the code" example:"/docs#meter-not-found"`
	Title      string       `json:"title" doc:"The code in words"`
	Status     int          `json:"status" doc:"The HTTP status"`
	Detail     string       `json:"detail" doc:"What happened, what did not happen, and what to do"`
	Code       string       `json:"code" doc:"Stable kebab-case name, for programs" example:"meter-not-found"`
	RequestID  string       `json:"request_id" doc:"Id of this request in the server's log"`
	Retryable  bool         `json:"retryable" doc:"Whether the same request may succeed later unchanged"`
	MoneyMoved MoneyMoved   `json:"money_moved,omitempty" enum:"yes,no,unknown" doc:"For sales: whether money moved. unknown: repeat the request with the same Idempotency-Key"`
	Errors     []FieldError `json:"errors,omitempty" doc:"The invalid parts of the request"`
}

// MoneyMoved says whether a request that was answered with a problem has moved money.
type MoneyMoved string

// The values of MoneyMoved. If the value is MoneyMovedUnknown, send the request again with the same idempotency key.
const (
	MoneyMovedYes     MoneyMoved = "yes"
	MoneyMovedNo      MoneyMoved = "no"
	MoneyMovedUnknown MoneyMoved = "unknown"
)

// FieldError names one part of a request that is wrong.
type FieldError struct {
	Location string `json:"location" example:"body.tender.amount_minor" doc:"The part of the request"`
	Message  string `json:"message" doc:"What is wrong with this part"`
}
