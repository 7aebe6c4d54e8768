package mpesa

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/payment"
)

// result is what a result code of an STK push means.
type result struct {
	state  payment.RequestState
	reason string
}

// results lists the result codes of an STK push. Codes that are missing mean that the push failed. After 1037 the customer may still pay,
// so only a later question decides.
var results = map[string]result{
	"0":          {payment.RequestPaid, ""},
	"1":          {payment.RequestFailed, "the customer's balance is too small"},
	"2":          {payment.RequestFailed, "the amount is below M-Pesa's minimum"},
	"3":          {payment.RequestFailed, "the amount is above M-Pesa's maximum"},
	"4":          {payment.RequestFailed, "the amount is above the customer's limit of the day"},
	"8":          {payment.RequestFailed, "the amount is above the limit of the utility's account"},
	"17":         {payment.RequestFailed, "the customer paid the same amount less than two minutes ago"},
	"1019":       {payment.RequestFailed, "the request has expired"},
	"1025":       {payment.RequestFailed, "M-Pesa could not send the request"},
	"1032":       {payment.RequestFailed, "the customer declined"},
	"1037":       {payment.RequestOpen, "the telephone cannot be reached"},
	"2001":       {payment.RequestFailed, "the customer typed a wrong PIN"},
	"2028":       {payment.RequestFailed, "the type of the request does not fit the short code"},
	"8006":       {payment.RequestFailed, "the customer's M-Pesa is locked"},
	"SFC_IC0003": {payment.RequestFailed, "the operator does not exist"},
	"4999":       {payment.RequestOpen, "the request is being processed"},
}

// Repeats is false: the same STK push, sent again, asks the customer again.
func (a requester) Repeats() bool { return false }

// OnPage is false: the customer pays with a PIN, which their telephone asks for.
func (a requester) OnPage() bool { return false }

// International returns a telephone number of Kenya with its country: "0711000001" and "711000001" are 254711000001. Other numbers stay as they
// are.
func (a requester) International(number string) string {
	local := strings.TrimPrefix(number, "0")
	if digits(local, 9, 9) && (local[0] == '7' || local[0] == '1') {
		return "254" + local
	}
	return number
}

// Request sends an STK push.
func (a requester) Request(ctx context.Context, r payment.Request) (payment.RequestAnswer, error) {
	amount, whole := shillings(r.Amount)
	phone := strings.TrimPrefix(r.Phone, "+")
	switch {
	case !whole:
		return payment.RequestAnswer{Refused: "M-Pesa takes whole shillings"}, nil
	case !digits(phone, 12, 12) || !strings.HasPrefix(phone, "254"):
		return payment.RequestAnswer{Refused: "M-Pesa asks only telephones of Kenya"}, nil
	case a.address == "":
		return payment.RequestAnswer{Refused: "the server has no public address (setting public_url)"}, nil
	}
	kind := "CustomerPayBillOnline"
	if a.config.Till != "" {
		kind = "CustomerBuyGoodsOnline"
	}
	stamp, password := a.password()
	var said struct{ CheckoutRequestID, ResponseCode, ResponseDescription text }
	err := a.call(ctx, "/mpesa/stkpush/v1/processrequest", map[string]string{"BusinessShortCode": a.config.ShortCode, "Password": password, "Timestamp": stamp,
		"TransactionType": kind, "Amount": amount, "PartyA": phone, "PartyB": a.receiver(), "PhoneNumber": phone, "CallBackURL": a.address + whatPrompt,
		"AccountReference": cut(r.Reference, 12), "TransactionDesc": "Electricity"}, &said)
	if before := (notSent{}); errors.As(err, &before) {
		return payment.RequestAnswer{Refused: "M-Pesa could not be reached; the customer was not asked"}, nil
	}
	if f := (fault{}); errors.As(err, &f) && refuses(f) {
		return payment.RequestAnswer{Refused: f.message}, nil
	}
	switch {
	case err != nil:
		return payment.RequestAnswer{}, err
	case said.ResponseCode != "0":
		return payment.RequestAnswer{Refused: string(said.ResponseDescription)}, nil
	case said.CheckoutRequestID == "":
		return payment.RequestAnswer{}, errors.New("M-Pesa's answer names no CheckoutRequestID")
	}
	return payment.RequestAnswer{Handle: string(said.CheckoutRequestID)}, nil
}

// refuses reports whether an error says that the push was not sent. Any other error leaves that open.
func refuses(f fault) bool {
	return f.status/100 == 4 || f.code == codeBusy || f.code == codeQuota || f.code == codeLocked
}

// password returns the time and the password that belongs to it.
func (a adapter) password() (stamp, password string) {
	stamp = a.client.Now().In(nairobi()).Format(compact)
	return stamp, base64.StdEncoding.EncodeToString([]byte(a.config.ShortCode + a.secrets.Passkey + stamp))
}

func cut(text string, most int) string { return text[:min(len(text), most)] }

// Follow asks what became of an STK push. The answer has no receipt: the confirmation, the callback or the pull brings it.
func (a requester) Follow(ctx context.Context, r payment.Request) (payment.RequestOutcome, error) {
	if r.Handle == "" {
		return payment.RequestOutcome{}, errors.New("M-Pesa gave the request no name")
	}
	stamp, password := a.password()
	var said struct{ ResultCode, ResultDesc text }
	err := a.call(ctx, "/mpesa/stkpushquery/v1/query", map[string]string{"BusinessShortCode": a.config.ShortCode, "Password": password, "Timestamp": stamp,
		"CheckoutRequestID": r.Handle}, &said)
	if f := (fault{}); errors.As(err, &f) && f.code == codeLocked && strings.Contains(f.message, "being processed") {
		return payment.RequestOutcome{State: payment.RequestOpen}, nil
	}
	if err != nil {
		return payment.RequestOutcome{}, err
	}
	means, known := results[string(said.ResultCode)]
	if !known {
		means = result{payment.RequestFailed, strings.TrimSpace(string(said.ResultCode + " " + said.ResultDesc))}
	}
	return payment.RequestOutcome{State: means.state, Reason: means.reason}, nil
}

// Back is how far back M-Pesa lists.
func (a lister) Back() time.Duration { return 48 * time.Hour }

// Codes of the pull.
const (
	pullRows = "1000"
	pullNone = "1001"
)

// List returns payments from a row on. The pages of a list may overlap.
func (a lister) List(ctx context.Context, from, to time.Time, page string) (paid []payment.Notice, next string, err error) {
	offset := 0
	if page != "" {
		if offset, err = strconv.Atoi(page); err != nil {
			return nil, "", fmt.Errorf("the page %q is not one: %w", page, err)
		}
	}
	type row struct {
		TransactionID, TrxDate, MSISDN, BillReference, Amount text
	}
	var said struct {
		ResponseCode, ResponseMessage text
		Response                      [][]row
	}
	err = a.call(ctx, "/pulltransactions/v1/query", map[string]string{"ShortCode": a.receiver(), "StartDate": from.In(nairobi()).Format(time.DateTime),
		"EndDate": to.In(nairobi()).Format(time.DateTime), "OffSetValue": strconv.Itoa(offset)}, &said)
	switch {
	case err != nil:
		return nil, "", err
	case said.ResponseCode == pullNone:
		return nil, "", nil
	case said.ResponseCode != pullRows:
		return nil, "", fmt.Errorf("M-Pesa's list: %s %s", said.ResponseCode, said.ResponseMessage)
	}
	rows := 0
	for _, list := range said.Response {
		for _, r := range list {
			rows++
			amount, broken := kes(string(r.Amount))
			if broken != nil {
				return nil, "", broken
			}
			at, _ := time.Parse(time.RFC3339, string(r.TrxDate)) // without it the server's own time counts
			paid = append(paid, payment.Notice{Kind: payment.Paid, Txn: string(r.TransactionID), Amount: amount, Reference: string(r.BillReference),
				Payer: string(r.MSISDN), PaidAt: at})
		}
	}
	if rows == 0 {
		return nil, "", nil
	}
	return paid, strconv.Itoa(offset + rows), nil
}

// Back and List are those of the pull.
func (a requesterLister) Back() time.Duration { return a.pulls.Back() }

// List is that of the pull.
func (a requesterLister) List(ctx context.Context, from, to time.Time, page string) ([]payment.Notice, string, error) {
	return a.pulls.List(ctx, from, to, page)
}
