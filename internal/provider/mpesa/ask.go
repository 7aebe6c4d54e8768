package mpesa

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/payment"
)

// fault is Daraja's own error.
type fault struct {
	status  int
	code    string
	message string
}

// Error names the code and the message.
func (f fault) Error() string {
	return fmt.Sprintf("M-Pesa answers with status %d: %s %s", f.status, f.code, f.message)
}

// notSent wraps an error from before a request was sent.
type notSent struct{ error }

// Unwrap returns why it was not sent.
func (n notSent) Unwrap() error { return n.error }

// Codes of Daraja's errors.
const (
	codeToken  = "404.001.03"   // the access token is not valid, perhaps because another one was made
	codeBusy   = "500.003.02"   // too many requests
	codeQuota  = "500.003.03"   // too many requests
	codeLocked = "500.001.1001" // the subscriber has another prompt; also wrong credentials, and "the transaction is being processed"
)

// call sends a request with the access token and reads the answer. If Daraja refuses the token, it is fetched again, once.
func (a adapter) call(ctx context.Context, path string, body, to any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return notSent{fmt.Errorf("write a request to M-Pesa: %w", err)}
	}
	for try := 0; ; try++ {
		token, err := a.token(ctx)
		if err != nil {
			return notSent{err}
		}
		got, err := a.client.Do(ctx, http.MethodPost, a.config.BaseURL+path, http.Header{"Authorization": {"Bearer " + token}, "Content-Type": {"application/json"}}, text)
		if err != nil {
			return err
		}
		if got.Status == http.StatusOK {
			return got.Into(to)
		}
		var f struct{ ErrorCode, ErrorMessage string }
		_ = json.Unmarshal(got.Body, &f) // a page of a proxy has neither
		if f.ErrorCode == codeToken && try == 0 {
			a.client.Forget(a.tokenKey(), token)
			continue
		}
		return fault{got.Status, f.ErrorCode, f.ErrorMessage}
	}
}

// tokenKey names the credentials, which all providers with the same credentials share: a new token ends the one before.
func (a adapter) tokenKey() string {
	return Kind + " " + a.config.BaseURL + " " + a.secrets.ConsumerKey
}

// token returns the access token.
func (a adapter) token(ctx context.Context) (string, error) {
	return a.client.Token(a.tokenKey(), func() (string, time.Duration, error) {
		basic := base64.StdEncoding.EncodeToString([]byte(a.secrets.ConsumerKey + ":" + a.secrets.ConsumerSecret))
		got, err := a.client.Do(ctx, http.MethodGet, a.config.BaseURL+"/oauth/v1/generate?grant_type=client_credentials", http.Header{"Authorization": {"Basic " + basic}}, nil)
		if err != nil {
			return "", 0, err
		}
		var said struct {
			Token string `json:"access_token"`
			Life  text   `json:"expires_in"`
		}
		if got.Status != http.StatusOK || got.Into(&said) != nil || said.Token == "" {
			return "", 0, fmt.Errorf("M-Pesa gives no access token: status %d", got.Status)
		}
		seconds, err := strconv.Atoi(string(said.Life))
		if err != nil {
			return "", 0, errors.New("M-Pesa's access token has no time at which it ends")
		}
		return said.Token, time.Duration(seconds) * time.Second, nil
	})
}

// Rules says what M-Pesa's names and answers are like. The question names the short code, but M-Pesa answers also about transactions in which the
// short code only paid, so the parties of the answer are judged.
func (a adapter) Rules() payment.Rules {
	return payment.Rules{Names: payment.UpperName, Answers: []payment.AnswerRule{
		{Aspect: payment.OfName, Source: payment.InAnswer, Field: "ReceiptNo", Fits: payment.SameName(payment.UpperName)},
		{Aspect: payment.OfReceiver, Source: payment.InAnswer, Field: "CreditPartyName", Fits: func(said string, _ payment.Payment) bool { return a.owns(partyCode(said)) }},
		{Aspect: payment.OfDirection, Source: payment.InAnswer, Field: "DebitPartyName", Fits: func(said string, _ payment.Payment) bool { return !a.owns(partyCode(said)) }},
		{Aspect: payment.OfKind, Source: payment.InAnswer, Field: "ReasonType", Fits: func(said string, _ payment.Payment) bool { return !paysOut(said) }},
		{Aspect: payment.OfCurrency, Source: payment.ByQuestion, Field: "M-Pesa has only KES"},
		{Aspect: payment.OfReference, Source: payment.InNotice},
	}}
}

// partyCode returns the number in the name of a party, such as "600000 - Paywatt Ltd".
func partyCode(party string) string {
	number, _, _ := strings.Cut(strings.TrimSpace(party), " ")
	return number
}

// paysOut reports whether a kind of transaction takes money from the short code, such as "Business Payment to Customer via API".
func paysOut(kind string) bool {
	kind = strings.ToLower(kind)
	return slices.ContainsFunc([]string{"to customer", "salary", "promotion", "withdraw", "reversal"}, func(word string) bool { return strings.Contains(kind, word) })
}

// Asks reports whether the provider has an API user that may ask for transactions.
func (a adapter) Asks() bool { return a.config.Initiator != "" }

// Ask asks for the status of a transaction. Daraja answers by a call; see [adapter.status].
func (a adapter) Ask(ctx context.Context, p payment.Payment) (payment.Answer, error) {
	if a.address == "" {
		return payment.Answer{}, errors.New("the server has no public address (setting public_url), so M-Pesa cannot answer")
	}
	var said struct{ OriginatorConversationID, ConversationID, ResponseCode, ResponseDescription text }
	err := a.call(ctx, "/mpesa/transactionstatus/v1/query", map[string]string{"Initiator": a.config.Initiator, "SecurityCredential": a.secrets.Credential,
		"CommandID": "TransactionStatusQuery", "TransactionID": p.Txn, "PartyA": a.receiver(), "IdentifierType": "4",
		"ResultURL": a.address + whatStatus, "QueueTimeOutURL": a.address + whatTimeout, "Remarks": "status", "Occasion": p.Name()}, &said)
	switch {
	case err != nil:
		return payment.Answer{}, err
	case said.ResponseCode != "0" || said.OriginatorConversationID == "" || said.ConversationID == "":
		return payment.Answer{}, fmt.Errorf("M-Pesa does not take the question: %s %s", said.ResponseCode, said.ResponseDescription)
	}
	return payment.Answer{Outcome: payment.Pending, Question: question(string(said.OriginatorConversationID), string(said.ConversationID))}, nil
}

// question joins the two names of a question. Only Daraja and the server know both.
func question(originator, conversation string) string { return originator + " " + conversation }

// receiver is the short code that receives payments.
func (a adapter) receiver() string {
	if a.config.Till != "" {
		return a.config.Till
	}
	return a.config.ShortCode
}

// param is one parameter of a result.
type param struct {
	Key   string
	Value text
}

// params reads a list of parameters, or a single one.
type params []param

// UnmarshalJSON implements [json.Unmarshaler].
func (p *params) UnmarshalJSON(b []byte) error {
	var many []param
	if err := json.Unmarshal(b, &many); err == nil {
		*p = many
		return nil
	}
	var one param
	err := json.Unmarshal(b, &one)
	*p = params{one}
	return err
}

// unknownTransaction is the result code for a receipt that does not exist.
const unknownTransaction = "R000002"

// status reads the result of a transaction's status.
func (a adapter) status(in payment.Incoming) ([]payment.Notice, error) {
	var body struct {
		Result struct {
			ResultCode, OriginatorConversationID, ConversationID, TransactionID text
			ResultParameters                                                    struct{ ResultParameter params }
		}
	}
	if err := json.Unmarshal(in.Body, &body); err != nil {
		return nil, fmt.Errorf("not the JSON of a result: %w", err)
	}
	r := body.Result
	n := payment.Notice{Kind: payment.Replied, Question: question(string(r.OriginatorConversationID), string(r.ConversationID))}
	switch r.ResultCode {
	case unknownTransaction:
		n.Answer.Outcome = payment.Never
		return []payment.Notice{n}, nil
	case "0":
	default: // an error of Daraja; the question is asked again
		n.Answer.Outcome = payment.Pending
		return []payment.Notice{n}, nil
	}
	values, all := map[string]string{}, map[string][]string{}
	for _, p := range r.ResultParameters.ResultParameter {
		values[p.Key] = string(p.Value)
		all[p.Key] = append(all[p.Key], string(p.Value))
	}
	n.Txn = values["ReceiptNo"]
	if n.Txn == "" {
		return nil, errors.New("the result has no ReceiptNo")
	}
	amount, err := kes(values["Amount"])
	if err != nil {
		return nil, err
	}
	payer, _, _ := strings.Cut(values["DebitPartyName"], " ")
	n.Answer = payment.Answer{Outcome: outcomeOf(values["TransactionStatus"]), Amount: amount, Payer: payer,
		Said: map[payment.Aspect][]string{payment.OfName: all["ReceiptNo"], payment.OfReceiver: all["CreditPartyName"], payment.OfDirection: all["DebitPartyName"],
			payment.OfKind: all["ReasonType"]}}
	n.Answer.PaidAt, _ = time.ParseInLocation(compact, values["FinalisedTime"], nairobi()) // without it the notice's time counts
	return []payment.Notice{n}, nil
}

// outcomeOf says what the status of a transaction means.
func outcomeOf(status string) payment.Outcome {
	switch strings.ToLower(status) {
	case "completed":
		return payment.Took
	case "reversed":
		return payment.Back
	case "cancelled", "declined", "expired", "failed":
		return payment.Never
	}
	return payment.Pending
}

// shillings is an amount in whole shillings, as M-Pesa takes it.
func shillings(a money.Amount) (string, bool) {
	return strconv.FormatInt(int64(a.Minor)/100, 10), a.Currency == currency && a.Minor > 0 && a.Minor%100 == 0
}

// Register registers the addresses that Daraja calls: for payments, and for the pull if it is set up. In production Daraja takes them once.
func (a adapter) Register(ctx context.Context) error {
	if a.address == "" {
		return errors.New("the server has no public address (setting public_url)")
	}
	lower := strings.ToLower(a.address)
	for _, word := range []string{"mpesa", "m-pesa", "safaricom", "exe", "cmd", "sql", "query"} {
		if strings.Contains(lower, word) {
			return fmt.Errorf("M-Pesa refuses addresses with the word %q", word)
		}
	}
	timeout := a.config.OnTimeout
	if timeout == "" {
		timeout = "Completed"
	}
	var said struct{ ResponseCode, ResponseDescription, ResponseStatus text }
	if err := a.call(ctx, "/mpesa/c2b/v2/registerurl", map[string]string{"ShortCode": a.receiver(), "ResponseType": timeout,
		"ConfirmationURL": a.address + whatConfirm, "ValidationURL": a.address + whatValidate}, &said); err != nil {
		return err
	}
	if said.ResponseCode != "0" && said.ResponseCode != "00000000" {
		return fmt.Errorf("M-Pesa does not take the addresses: %s %s", said.ResponseCode, said.ResponseDescription)
	}
	if a.config.Pull == "" {
		return nil
	}
	return a.call(ctx, "/pulltransactions/v1/register", map[string]string{"ShortCode": a.receiver(), "RequestType": "Pull", "NominatedNumber": a.config.Pull,
		"CallBackURL": a.address + whatPull}, &said)
}
