package apiv1

import "time"

// Payment is money that a payment provider took, or says that it took.
type Payment struct {
	ID          string     `json:"id" example:"pay_01jd00000000000000000000000" doc:"Id"`
	Provider    string     `json:"provider" example:"mpesa" doc:"Name of the provider"`
	ProviderTxn string     `json:"provider_txn" example:"QK12AB34CD" doc:"The provider's own name for the payment, unique for the provider"`
	Amount      Amount     `json:"amount" doc:"Amount that the payer paid"`
	Reference   string     `json:"reference" example:"0414 0001 001" doc:"What the payer typed"`
	Payer       string     `json:"payer,omitempty" doc:"Who paid, as the provider says it"`
	State       string     `json:"state" enum:"received,parked,applied,refunded,rejected" doc:"received: known, not applied yet; parked: waits for a person; applied: it paid for a sale; refunded: given back; rejected: the provider never took it"`
	Reason      string     `json:"reason,omitempty" example:"unknown-reference" doc:"Why it is parked or rejected, or what a received payment waits for: number-held (the telephone number that the payer named, or paid with, was new or had just changed: only a person decides), number-newer (that number was registered after the payer paid: only a person decides), account-newer (another customer moved in at the meter after the payer paid, or was asked to pay: only a person decides), asking (the provider is being asked), answer-later (the provider calls with its answer), undecided, unanswered, never-taken, selling (confirmed, its sale is being made), not-sold (the sale is tried again; the detail says why)"`
	Detail      string     `json:"detail,omitempty" doc:"More about the reason"`
	Proof       string     `json:"proof,omitempty" enum:"signed,asked,person,statement,statement-alone,voucher" doc:"What confirmed it: the provider's signature, its answer to a question, a person, above the ceilings, its statement that two people or one person answer for, or a voucher"`
	Meter       string     `json:"meter,omitempty" example:"04140001001" doc:"Number of the meter that it is for"`
	Vend        *string    `json:"vend" example:"vnd_01jd00000000000000000000000" doc:"Id of the sale that used it; null for none"`
	PaidAt      time.Time  `json:"paid_at" doc:"When the payer paid, by the provider's clock"`
	SeenAt      time.Time  `json:"seen_at" doc:"When the server first heard of it"`
	ConfirmedAt *time.Time `json:"confirmed_at,omitempty" doc:"When it was confirmed and booked"`
	TakenBack   *Amount    `json:"taken_back,omitempty" doc:"What the provider took back after a sale had used the payment, as far as the provider confirmed it"`
	OwedAgain   *Amount    `json:"owed_again,omitempty" doc:"The part of taken_back that the customer owes in the books; the rest follows by itself"`
}

// PaymentFilter says which payments to list.
type PaymentFilter struct {
	State     string    `query:"state" enum:"received,parked,applied,refunded,rejected" doc:"Only payments in this state"`
	Provider  string    `query:"provider" maxLength:"64" doc:"Only payments of the provider with this name"`
	Reference string    `query:"reference" maxLength:"100" doc:"Only payments with exactly this reference"`
	From      time.Time `query:"from" doc:"Only payments that were first seen at this time or later"`
	To        time.Time `query:"to" doc:"Only payments that were first seen before this time"`
	Page
}

// Payments is the list of payments.
var Payments = Listing[PaymentFilter, Payment]{Name: "payments", Path: "/v1/payments", Tag: "payments", Summary: "List payments of providers, newest first"}

// ApplyPayment says which meter a parked payment is for.
type ApplyPayment struct {
	Meter string `json:"meter" maxLength:"64" example:"04140001001" doc:"Number of the meter"`
}

// DecidePayment gives a reason for a decision about a payment.
type DecidePayment struct {
	Reason string `json:"reason" maxLength:"300" doc:"Why; the audit log keeps it"`
}

// NewPaymentProvider is a payment provider to add.
type NewPaymentProvider struct {
	Name           string         `json:"name" maxLength:"12" example:"mpesa" doc:"2 to 12 small letters, digits and dashes, a letter first"`
	Kind           string         `json:"kind" enum:"airtel,flutterwave,momo,mpesa,paystack,sms,stripe,webhook,statement" doc:"Which language it speaks; airtel and flutterwave are unverified"`
	Config         map[string]any `json:"config,omitempty" doc:"Its configuration, without secrets; docs/guide/payments.md says what each kind needs"`
	Secrets        map[string]any `json:"secrets,omitempty" doc:"Its secrets; they are sealed and never shown"`
	MaxSingleMinor int64          `json:"max_single_minor,omitempty" minimum:"0" doc:"Most that its signature alone confirms in one payment, if it cannot be asked"`
	MaxDailyMinor  int64          `json:"max_daily_minor,omitempty" minimum:"0" doc:"Most that its signature alone confirms in 24 hours, if it cannot be asked"`
}

// PaymentProvider is a payment provider, without its secrets.
type PaymentProvider struct {
	ID             string         `json:"id" example:"prv_01jd00000000000000000000000" doc:"Id"`
	Name           string         `json:"name" example:"mpesa" doc:"Name"`
	Kind           string         `json:"kind" doc:"Which language it speaks"`
	Config         map[string]any `json:"config" doc:"Its configuration, without secrets"`
	MaxSingleMinor int64          `json:"max_single_minor" doc:"Most that its signature alone confirms in one payment"`
	MaxDailyMinor  int64          `json:"max_daily_minor" doc:"Most that its signature alone confirms in 24 hours"`
	Heard          bool           `json:"heard" doc:"Whether its calls are accepted; a new provider is heard after a second person has agreed"`
	Secret         string         `json:"secret,omitempty" doc:"The signing secret that the server drew; only in the answer that drew it"`
	Path           string         `json:"path,omitempty" example:"/hooks/pay/0123456789abcdef0123456789abcdef/" doc:"Address to register with the provider, without the host. It is a secret, and only the answer that drew it shows it"`
	AddedBy        string         `json:"added_by" doc:"Who added it"`
	AddedAt        time.Time      `json:"added_at" doc:"When it was added"`
}

// NewProviderSecrets asks to replace the secrets of a payment provider.
type NewProviderSecrets struct {
	Secrets      map[string]any `json:"secrets,omitempty" doc:"The new secrets that the provider gave, if no second person must agree; the server draws those of the kinds webhook and sms"`
	OverlapHours int64          `json:"overlap_hours,omitempty" minimum:"0" doc:"How long the old secrets prove calls too, at most 168; 0 ends them at once"`
	NewAddress   bool           `json:"new_address,omitempty" doc:"Draw a new address too; the old one ends at once"`
}

// ProviderChange is the empty body of a change of a payment provider.
type ProviderChange struct{}

// PaymentProviders is the list of payment providers.
var PaymentProviders = Listing[Page, PaymentProvider]{Name: "payment-providers", Path: "/v1/payment-providers", Tag: "payments", Summary: "List the payment providers"}

// PaymentRequest asks a customer to pay.
type PaymentRequest struct {
	ID       string     `json:"id" example:"prq_01jd00000000000000000000000" doc:"Id"`
	Provider string     `json:"provider" example:"mpesa" doc:"Name of the provider that asks"`
	Meter    string     `json:"meter" example:"04140001001" doc:"Number of the meter that the payment is for"`
	Amount   Amount     `json:"amount" doc:"Amount that the customer is asked for"`
	Phone    string     `json:"phone,omitempty" example:"+254711000001" doc:"Telephone that is asked"`
	State    string     `json:"state" enum:"requested,paid,failed,expired,unknown" doc:"requested: the customer has not answered; paid: the provider says that the customer paid; failed: the customer declined or could not pay, or was not asked; expired: the customer did not answer; unknown: nobody knows whether the customer was asked. A payment that arrives late makes any of them paid"`
	Reason   string     `json:"reason,omitempty" doc:"Why it failed or is unknown"`
	Page     string     `json:"page,omitempty" doc:"Address of the page on which the customer pays, if no telephone asks"`
	Payment  *string    `json:"payment" example:"pay_01jd00000000000000000000000" doc:"Id of the payment that answered it; null for none"`
	By       string     `json:"by" doc:"Who asked"`
	MadeAt   time.Time  `json:"made_at" doc:"When somebody asked"`
	Decided  *time.Time `json:"decided_at,omitempty" doc:"When its state last changed"`
}

// PaymentRequestBody is a request to pay that somebody makes.
type PaymentRequestBody struct {
	Meter       string `json:"meter" maxLength:"64" example:"04140001001" doc:"Number of the meter"`
	AmountMinor int64  `json:"amount_minor" minimum:"1" example:"50000" doc:"Amount in the smallest unit of the currency"`
	Phone       string `json:"phone,omitempty" maxLength:"20" example:"+254711000001" doc:"Telephone to ask; a provider with a page needs none"`
	Provider    string `json:"provider,omitempty" maxLength:"12" example:"mpesa" doc:"Name of the provider; not needed if only one can ask"`
}

// PaymentRequests is the list of requests to pay.
var PaymentRequests = Listing[Page, PaymentRequest]{Name: "payment-requests", Path: "/v1/payment-requests", Tag: "payments", Summary: "List the requests to pay, newest first"}
