// Package mpesa hears and asks M-Pesa through Safaricom's Daraja API: payments at a pay bill or till (C2B), payments that the server asks a
// telephone for (STK push), the status of a transaction, and the list of the last 48 hours (pull).
//
// Daraja signs nothing. Everything that arrives counts as a hint, and the status of the transaction confirms a payment. That status also
// arrives by a call, which must cite the two names that Daraja gave to the question.
package mpesa

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/payment"
	"github.com/paywatt/paywatt/internal/provider/outbound"
)

// Kind is the name of this kind of provider.
const Kind = "mpesa"

// Config is the configuration of a provider, without secrets.
type Config struct {
	BaseURL   string `json:"base_url"`             // https://api.safaricom.co.ke
	ShortCode string `json:"short_code"`           // the pay bill, or the head office of a till
	Till      string `json:"till,omitempty"`       // number of the till; empty for a pay bill
	Initiator string `json:"initiator,omitempty"`  // name of the API user that asks for transactions
	From      string `json:"from,omitempty"`       // addresses that may call, separated by commas; empty accepts all
	Unknown   string `json:"unknown,omitempty"`    // "refuse" refuses a payment with an unknown reference before it is taken; "accept" is the default
	OnTimeout string `json:"on_timeout,omitempty"` // what Daraja does if the server does not answer: "Completed" (default) or "Cancelled"
	Pull      string `json:"pull,omitempty"`       // telephone number that is registered for the pull; empty without it
	Reversals bool   `json:"reversals,omitempty"`  // a refund that people decide is ordered from M-Pesa; the initiator needs the right to reverse
}

// Secrets are the secrets of a provider.
type Secrets struct {
	ConsumerKey    string `json:"consumer_key"`
	ConsumerSecret string `json:"consumer_secret"`
	Passkey        string `json:"passkey,omitempty"`             // for STK push
	Credential     string `json:"security_credential,omitempty"` // the initiator's password, encrypted with Safaricom's certificate
}

// Codes of the calls, the last part of their addresses. Daraja refuses addresses with words such as query.
const (
	whatConfirm  = "c"
	whatValidate = "v"
	whatPrompt   = "s" // STK push
	whatStatus   = "r" // result of a transaction's status
	whatTimeout  = "t" // the question timed out at Daraja
	whatReversal = "b" // result of a reversal that the server ordered
	whatPull     = "p" // registered with the pull, which never calls
)

// currency is the only currency of Daraja.
const currency = "KES"

// adapter implements [payment.Adapter].
type adapter struct {
	config  Config
	secrets Secrets
	from    []netip.Prefix
	address string
	client  *outbound.Client
}

// requester is an adapter with a passkey, and lister one with the pull. Each provider has what its configuration allows.
type (
	requester       struct{ adapter }
	lister          struct{ adapter }
	requesterLister struct {
		requester
		pulls lister
	}
)

// Open makes the adapter of a provider.
func Open(s payment.Setup, client *outbound.Client) (payment.Adapter, error) {
	a := adapter{address: s.Address, client: client}
	if err := outbound.Settings(s, &a.config, &a.secrets); err != nil {
		return nil, err
	}
	if err := a.check(); err != nil {
		return nil, err
	}
	switch stk, pull := a.secrets.Passkey != "", a.config.Pull != ""; {
	case stk && pull:
		return requesterLister{requester{a}, lister{a}}, nil
	case stk:
		return requester{a}, nil
	case pull:
		return lister{a}, nil
	}
	return a, nil
}

// check checks the configuration.
func (a *adapter) check() error {
	c := &a.config
	c.BaseURL = strings.TrimRight(c.BaseURL, "/")
	switch {
	case outbound.Address("base_url", c.BaseURL) != nil:
		return errors.New("config: base_url is not an address such as https://api.safaricom.co.ke")
	case !digits(c.ShortCode, 5, 7):
		return errors.New("config: short_code is not 5 to 7 digits")
	case c.Till != "" && !digits(c.Till, 5, 8):
		return errors.New("config: till is not 5 to 8 digits")
	case !slices.Contains([]string{"", "accept", "refuse"}, c.Unknown):
		return errors.New(`config: unknown is neither "accept" nor "refuse"`)
	case !slices.Contains([]string{"", "Completed", "Cancelled"}, c.OnTimeout):
		return errors.New(`config: on_timeout is neither "Completed" nor "Cancelled"`)
	case c.Pull != "" && !digits(c.Pull, 12, 12):
		return errors.New("config: pull is not a telephone number such as 254722000000")
	case a.secrets.ConsumerKey == "" || a.secrets.ConsumerSecret == "":
		return errors.New("secrets: consumer_key or consumer_secret is missing")
	case c.Reversals && c.Initiator == "":
		return errors.New("config: reversals need an initiator")
	case (c.Initiator == "") != (a.secrets.Credential == ""):
		return errors.New("initiator and security_credential belong together")
	}
	for _, text := range strings.FieldsFunc(c.From, func(r rune) bool { return r == ',' || r == ' ' }) {
		if !strings.Contains(text, "/") {
			if at, err := netip.ParseAddr(text); err == nil {
				text = netip.PrefixFrom(at, at.BitLen()).String()
			}
		}
		p, err := netip.ParsePrefix(text)
		if err != nil {
			return fmt.Errorf("config: from has %q, which is no address", text)
		}
		a.from = append(a.from, p)
	}
	return nil
}

// digits reports whether a text is a number with so many digits.
func digits(text string, least, most int) bool {
	return len(text) >= least && len(text) <= most && strings.Trim(text, "0123456789") == ""
}

// Prove checks the sender's address, if the configuration lists addresses. Daraja proves nothing itself.
func (a adapter) Prove(in payment.Incoming) error {
	if !slices.Contains([]string{whatConfirm, whatValidate, whatPrompt, whatStatus, whatTimeout, whatReversal, whatPull}, in.What) {
		return fmt.Errorf("there is no call %q", in.What)
	}
	if len(a.from) == 0 {
		return nil
	}
	at, err := netip.ParseAddr(in.From)
	if err == nil {
		at = at.Unmap()
		for _, p := range a.from {
			if p.Contains(at) {
				return nil
			}
		}
	}
	return fmt.Errorf("%s is not in the list of addresses", in.From)
}

// Reply is Daraja's own form of an acknowledgement. The code of a confirmation is a number.
func (a adapter) Reply(in payment.Incoming) payment.Reply {
	if in.What == whatValidate {
		return a.Verdict(in, payment.NoReason)
	}
	return reply(`{"ResultCode":0,"ResultDesc":"Success"}`)
}

func reply(body string) payment.Reply {
	return payment.Reply{Status: http.StatusOK, ContentType: "application/json", Body: []byte(body)}
}

// Check reads a validation: whether M-Pesa may take a payment.
func (a adapter) Check(in payment.Incoming) (payment.Notice, bool) {
	if in.What != whatValidate {
		return payment.Notice{}, false
	}
	n, err := a.c2b(in)
	return n, err == nil
}

// Verdict answers a validation. An unknown reference is refused only if the configuration says so; in doubt the payment is accepted, and is
// parked later.
func (a adapter) Verdict(_ payment.Incoming, why payment.Reason) payment.Reply {
	if a.config.Unknown == "refuse" && why.NoMeter() {
		return reply(`{"ResultCode":"C2B00012","ResultDesc":"Rejected"}`)
	}
	return reply(`{"ResultCode":"0","ResultDesc":"Accepted"}`)
}

// Read reads a call.
func (a adapter) Read(in payment.Incoming) ([]payment.Notice, error) {
	switch in.What {
	case whatConfirm:
		n, err := a.c2b(in)
		if err != nil {
			return nil, err
		}
		return []payment.Notice{n}, nil
	case whatPrompt:
		return a.prompt(in)
	case whatStatus:
		return a.status(in)
	case whatReversal:
		return a.reversed(in)
	}
	return nil, nil // a validation moves nothing, and a timeout tells nothing
}

// c2b reads a validation or a confirmation. Version 2 masks the payer's telephone, so it is never a key.
func (a adapter) c2b(in payment.Incoming) (payment.Notice, error) {
	var body struct {
		TransID, TransTime, TransAmount, BusinessShortCode, BillRefNumber, MSISDN text
	}
	if err := json.Unmarshal(in.Body, &body); err != nil {
		return payment.Notice{}, fmt.Errorf("not the JSON of a C2B payment: %w", err)
	}
	if !a.owns(string(body.BusinessShortCode)) {
		return payment.Notice{}, fmt.Errorf("the short code is %q, not that of this provider", body.BusinessShortCode)
	}
	amount, err := kes(string(body.TransAmount))
	if err != nil {
		return payment.Notice{}, err
	}
	at, err := time.ParseInLocation(compact, string(body.TransTime), nairobi())
	if err != nil && body.TransTime != "" {
		return payment.Notice{}, fmt.Errorf("the time %q is not one", body.TransTime)
	}
	return payment.Notice{Kind: payment.Paid, Txn: string(body.TransID), Amount: amount, Reference: string(body.BillRefNumber),
		Payer: string(body.MSISDN), PaidAt: at, Signed: a.trusted()}, nil
}

// owns reports whether a short code is the provider's.
func (a adapter) owns(code string) bool {
	return code == a.config.ShortCode || code == a.config.Till && code != ""
}

// trusted reports whether calls confirm payments, up to the ceilings: only if transactions cannot be asked about, and only from listed
// addresses.
func (a adapter) trusted() bool { return !a.Asks() && len(a.from) > 0 }

// prompt reads what became of an STK push. It names no account, so the request says which meter it is for.
func (a adapter) prompt(in payment.Incoming) ([]payment.Notice, error) {
	var body struct {
		Body struct {
			STK struct {
				CheckoutRequestID string
				ResultCode        text
				Metadata          struct {
					Item []struct {
						Name  string
						Value text
					}
				} `json:"CallbackMetadata"`
			} `json:"stkCallback"`
		}
	}
	if err := json.Unmarshal(in.Body, &body); err != nil {
		return nil, fmt.Errorf("not the JSON of an STK push: %w", err)
	}
	stk := body.Body.STK
	if stk.CheckoutRequestID == "" {
		return nil, errors.New("the callback of an STK push names no CheckoutRequestID")
	}
	if stk.ResultCode != "0" {
		return []payment.Notice{{Kind: payment.Decided, Request: stk.CheckoutRequestID}}, nil
	}
	items := map[string]string{}
	for _, i := range stk.Metadata.Item {
		items[i.Name] = string(i.Value)
	}
	amount, err := kes(items["Amount"])
	if err != nil {
		return nil, err
	}
	at, _ := time.ParseInLocation(compact, items["TransactionDate"], nairobi()) // without it the server's own time counts
	return []payment.Notice{{Kind: payment.Paid, Txn: items["MpesaReceiptNumber"], Amount: amount, Payer: items["PhoneNumber"], PaidAt: at,
		Request: stk.CheckoutRequestID, Signed: a.trusted()}}, nil
}

// compact is the form of times in Daraja's JSON.
const compact = "20060102150405"

// nairobi is the time zone of all of Daraja's times.
func nairobi() *time.Location { return time.FixedZone("EAT", 3*60*60) }

// kes reads an amount in shillings, such as "5.00", "5" or "5.0".
func kes(text string) (money.Amount, error) {
	c, _ := money.CurrencyOf(currency)
	m, err := money.Parse(strings.ReplaceAll(text, ",", ""), c)
	if err != nil {
		return money.Amount{}, fmt.Errorf("the amount %q is not one", text)
	}
	return money.Amount{Minor: m, Currency: currency}, nil
}

// text is a value that Daraja writes as a string or as a number.
type text string

// UnmarshalJSON implements [json.Unmarshaler].
func (t *text) UnmarshalJSON(b []byte) error {
	var s string
	if err := json.Unmarshal(b, &s); err == nil {
		*t = text(s)
		return nil
	}
	var n json.Number
	if err := json.Unmarshal(b, &n); err != nil { // an object or a list, where Daraja has none
		return nil
	}
	*t = text(n.String())
	return nil
}
