package provider

import (
	"encoding/json"
	"net/http"
	"time"
)

// asyncFor is how long M-Pesa takes to answer a query or a reversal at its ResultURL.
const asyncFor = 3 * time.Second

// asking is a call whose result comes later.
type asking struct {
	Initiator, SecurityCredential, CommandID, TransactionID, OriginalConversationID, OriginatorConversationID, PartyA, IdentifierType,
	Amount, ReceiverParty, RecieverIdentifierType, ResultURL, QueueTimeOutURL, Remarks, Occasion text
}

// param is one result parameter.
type param struct {
	Key   string
	Value any `json:",omitempty"`
}

// result is what arrives at a ResultURL.
type result struct {
	ResultType               int
	ResultCode               any // a number, or a string such as R000002
	ResultDesc               string
	OriginatorConversationID string
	ConversationID           string
	TransactionID            string
	ResultParameters         *struct{ ResultParameter []param } `json:",omitempty"`
	ReferenceData            struct{ ReferenceItem param }
}

// accept checks what queries and reversals have in common, and answers that the result will come.
func (s *Simulator) accept(c call, command string, check func(asking) string, act func(now time.Time, in asking, r *result) []param) answer {
	var in asking
	if c.read(&in) != nil {
		return s.badRequest("Request Payload")
	}
	wrong := check(in)
	switch {
	case in.Initiator == "":
		wrong = "Initiator"
	case in.SecurityCredential == "":
		wrong = "SecurityCredential"
	case string(in.CommandID) != command:
		wrong = "CommandID"
	case !goodURL(string(in.ResultURL)):
		wrong = "ResultURL"
	case !goodURL(string(in.QueueTimeOutURL)):
		wrong = "QueueTimeOutURL"
	}
	if wrong != "" {
		return s.badRequest(wrong)
	}
	originator, conversation := s.conversation(), "AG_"+c.now.In(nairobi()).Format("20060102")+"_"+s.name("", 20, false)
	s.after(asyncFor, func(now time.Time) {
		r := result{ResultCode: 0, ResultDesc: "The service request is processed successfully.", OriginatorConversationID: originator, ConversationID: conversation,
			TransactionID: string(in.TransactionID)}
		r.ReferenceData.ReferenceItem = param{Key: "Occasion", Value: string(in.Occasion)}
		if params := act(now, in, &r); params != nil {
			r.ResultParameters = &struct{ ResultParameter []param }{params}
		}
		s.results[originator] = r.TransactionID
		s.tell(callback{provider: Daraja, kind: command, payment: originator, url: string(in.ResultURL), body: encode(map[string]any{"Result": r})})
	})
	return answer{status: http.StatusOK, body: map[string]string{"OriginatorConversationID": originator, "ConversationID": conversation, "ResponseCode": "0",
		"ResponseDescription": "Accept the service request successfully."}}
}

// transactionStatus reports a transaction at the ResultURL, by its receipt or by the conversation that caused it.
func (s *Simulator) transactionStatus(c call) answer {
	return s.accept(c, "TransactionStatusQuery", func(in asking) string {
		switch {
		case in.TransactionID == "" && in.OriginalConversationID == "" && in.OriginatorConversationID == "":
			return "TransactionID"
		case in.PartyA == "":
			return "PartyA"
		case in.IdentifierType != "4":
			return "IdentifierType"
		}
		return ""
	}, s.statusResult)
}

// statusResult is what the books say about a transaction.
func (s *Simulator) statusResult(_ time.Time, in asking, r *result) []param {
	id := string(in.TransactionID)
	for _, conversation := range []text{in.OriginalConversationID, in.OriginatorConversationID} {
		if id == "" {
			id = s.results[string(conversation)]
		}
	}
	p := s.books.byID[Daraja][id]
	if p == nil || p.Account != string(in.PartyA) {
		r.ResultCode, r.ResultDesc = "R000002", "The transaction receipt number does not exist."
		return nil
	}
	r.TransactionID = p.ID
	at := json.Number(p.At.In(nairobi()).Format(darajaTime))
	state := "Completed"
	if p.State == Reversed {
		state = "Reversed"
	}
	kind := "Pay Bill Online"
	if p.buyGoods {
		kind = "Customer Merchant Payment"
	}
	return []param{{"DebitPartyName", p.Payer + " - " + p.Name}, {"CreditPartyName", p.Account + " - Paywatt Simulator"}, {"OriginatorConversationID", r.OriginatorConversationID},
		{"InitiatedTime", at}, {"CreditPartyCharges", nil}, {"DebitAccountType", "MMF Account For Customer"}, {"TransactionReason", nil}, {"ReasonType", kind},
		{"TransactionStatus", state}, {"FinalisedTime", at}, {"Amount", json.Number(major(p.Amount, p.Currency))}, {"ConversationID", r.ConversationID},
		{"ReceiptNo", p.ID}, {"DebitPartyName", p.Payer + " - " + p.Name}}
}

// reversal gives a payment back. The result arrives at the ResultURL.
func (s *Simulator) reversal(c call) answer {
	return s.accept(c, "TransactionReversal", func(in asking) string {
		switch {
		case in.TransactionID == "":
			return "TransactionID"
		case in.ReceiverParty == "":
			return "ReceiverParty"
		case in.RecieverIdentifierType != "11": // the interface spells it like this
			return "RecieverIdentifierType"
		case in.Amount == "":
			return "Amount"
		}
		return ""
	}, s.reverse)
}

// reverse books a reversal that the merchant asked for.
func (s *Simulator) reverse(now time.Time, in asking, r *result) []param {
	p := s.books.byID[Daraja][string(in.TransactionID)]
	amount, err := minor(string(in.Amount), "KES")
	switch {
	case p == nil || p.Account != string(in.ReceiverParty):
		r.ResultCode, r.ResultDesc = "R000002", "The OriginalTransactionID is invalid."
		return nil
	case p.State != Taken:
		r.ResultCode, r.ResultDesc = "R000001", "The transaction has already been reversed."
		return nil
	case err != nil || amount != p.Amount:
		r.ResultCode, r.ResultDesc = "R000002", "The amount does not match the original transaction."
		return nil
	case s.books.balance[accountKey{Daraja, p.Currency}] < p.Amount:
		r.ResultCode, r.ResultDesc = 1, "The balance is insufficient for the transaction."
		return nil
	}
	e, err := s.giveBack(p, 0, EntryReversal, Reversed)
	if err != nil {
		r.ResultCode, r.ResultDesc = "R000002", err.Error()
		return nil
	}
	r.TransactionID = e.ID
	return []param{{"DebitAccountBalance", "Utility Account|KES|" + major(e.Balance, p.Currency) + "|" + major(e.Balance, p.Currency) + "|0.00|0.00"},
		{"Amount", json.Number(major(p.Amount, p.Currency))}, {"TransCompletedTime", json.Number(now.In(nairobi()).Format(darajaTime))},
		{"OriginalTransactionID", p.ID}, {"Charge", json.Number("0.00")}, {"CreditPartyPublicName", p.Payer + " - " + p.Name},
		{"DebitPartyPublicName", p.Account + " - Paywatt Simulator"}}
}
