package apiv1

// Amount is money: whole minor units of a currency (ISO 4217).
type Amount struct {
	AmountMinor int64  `json:"amount_minor" example:"10000" doc:"Amount in minor units: 10000 is 100.00 KES"`
	Currency    string `json:"currency" example:"KES" doc:"ISO 4217 code of the currency"`
}
