package mpesa

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/paywatt/paywatt/internal/payment"
)

// Returns reports whether the server may order reversals.
func (a adapter) Returns() bool { return a.config.Reversals }

// GiveBack orders the reversal of a whole payment. Daraja calls with the result; see [adapter.reversed].
func (a adapter) GiveBack(ctx context.Context, p payment.Payment) (string, error) {
	amount, whole := shillings(p.Amount)
	switch {
	case !whole:
		return "M-Pesa reverses whole shillings", nil
	case a.address == "":
		return "the server has no public address (setting public_url)", nil
	}
	var said struct{ ResponseCode, ResponseDescription text }
	err := a.call(ctx, "/mpesa/reversal/v1/request", map[string]string{"Initiator": a.config.Initiator, "SecurityCredential": a.secrets.Credential,
		"CommandID": "TransactionReversal", "TransactionID": p.Txn, "Amount": amount, "ReceiverParty": a.receiver(), "RecieverIdentifierType": "11", // their spelling
		"ResultURL": a.address + whatReversal, "QueueTimeOutURL": a.address + whatTimeout, "Remarks": "refund", "Occasion": p.Name()}, &said)
	if before := (notSent{}); errors.As(err, &before) {
		return "M-Pesa could not be reached; no reversal was ordered", nil
	}
	if f := (fault{}); errors.As(err, &f) && f.status/100 == 4 {
		return f.message, nil
	}
	if err == nil && said.ResponseCode != "0" {
		return string(said.ResponseDescription), nil
	}
	return "", err
}

// reversed reads the result of a reversal. Anybody could have sent it, so it only makes the server ask for the status of the transaction.
func (a adapter) reversed(in payment.Incoming) ([]payment.Notice, error) {
	var body struct {
		Result struct {
			ResultCode       text
			ResultParameters struct{ ResultParameter params }
		}
	}
	if err := json.Unmarshal(in.Body, &body); err != nil {
		return nil, fmt.Errorf("not the JSON of a result: %w", err)
	}
	if body.Result.ResultCode != "0" {
		return nil, nil
	}
	values := map[string]string{}
	for _, p := range body.Result.ResultParameters.ResultParameter {
		values[p.Key] = string(p.Value)
	}
	amount, err := kes(values["Amount"])
	if err != nil {
		return nil, err
	}
	return []payment.Notice{{Kind: payment.Undone, Txn: values["OriginalTransactionID"], Amount: amount, Whole: true}}, nil
}
