package provider

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// The limits of the pull interface.
const (
	pullFor  = 48 * time.Hour
	pullRows = 100 // rows of a page
)

// pullState remembers which rows a short code has seen missing, so that they are there when it asks again.
type pullState struct{ skipped map[string]bool }

// pullRegister lets a short code ask for its payments.
func (s *Simulator) pullRegister(c call) answer {
	var in struct{ ShortCode, RequestType, NominatedNumber, CallBackURL text }
	switch {
	case c.read(&in) != nil:
		return s.badRequest("Request Payload")
	case in.ShortCode == "":
		return s.badRequest("ShortCode")
	case in.RequestType != "Pull":
		return s.badRequest("RequestType")
	case !phone(string(in.NominatedNumber)):
		return s.badRequest("NominatedNumber")
	case !goodURL(string(in.CallBackURL)):
		return s.badRequest("CallBackURL")
	}
	code, text := "1000", "ShortCode Registered Successfully"
	if s.pulled[string(in.ShortCode)] != nil {
		code, text = "1001", "ShortCode already Registered"
	} else {
		s.pulled[string(in.ShortCode)] = &pullState{skipped: map[string]bool{}}
	}
	return answer{status: http.StatusOK, body: map[string]string{"ResponseRefID": s.uuid(), "ResponseStatus": code, "ShortCode": string(in.ShortCode), "ResponseDescription": text}}
}

// pullRow is one payment in the answer.
type pullRow struct {
	TransactionID    string      `json:"transactionId"`
	Date             string      `json:"trxDate"`
	MSISDN           json.Number `json:"msisdn"`
	Sender           string      `json:"sender"`
	Type             string      `json:"transactiontype"`
	Reference        string      `json:"billreference"`
	Amount           string      `json:"amount"`
	OrganizationName string      `json:"organizationname"`
}

// pullQuery lists the payments of the last 48 hours between two times, from a row on.
func (s *Simulator) pullQuery(c call) answer {
	var in struct{ ShortCode, StartDate, EndDate, OffSetValue text }
	if c.read(&in) != nil {
		return s.badRequest("Request Payload")
	}
	from, errFrom := time.ParseInLocation(time.DateTime, string(in.StartDate), nairobi())
	to, errTo := time.ParseInLocation(time.DateTime, string(in.EndDate), nairobi())
	offset, errOffset := strconv.Atoi(string(in.OffSetValue))
	state := s.pulled[string(in.ShortCode)]
	switch {
	case state == nil:
		return s.badRequest("ShortCode")
	case errFrom != nil:
		return s.badRequest("StartDate")
	case errTo != nil:
		return s.badRequest("EndDate")
	case errOffset != nil || offset < 0:
		return s.badRequest("OffSetValue")
	}
	if oldest := c.now.Add(-pullFor); from.Before(oldest) {
		from = oldest
	}
	rows := s.pullRows(string(in.ShortCode), from, to, offset, state)
	if len(rows) == 0 {
		return answer{status: http.StatusOK, body: map[string]any{"ResponseRefID": s.uuid(), "ResponseCode": "1001", "ResponseMessage": "No records found", "Response": [][]pullRow{}}}
	}
	return answer{status: http.StatusOK, body: map[string]any{"ResponseRefID": s.uuid(), "ResponseCode": "1000", "ResponseMessage": "Success", "Response": [][]pullRow{rows}}}
}

// pullRows returns one page.
func (s *Simulator) pullRows(short string, from, to time.Time, offset int, state *pullState) []pullRow {
	var out []pullRow
	at := 0
	for _, e := range s.books.entries {
		if e.Provider != Daraja || e.Kind != EntryPayment || e.At.Before(from) || e.At.After(to) {
			continue
		}
		p := s.books.byID[Daraja][e.ID]
		if p.Account != short {
			continue
		}
		if at++; at <= offset {
			continue
		}
		if len(out) == pullRows {
			break
		}
		if !state.skipped[p.ID] && s.dice.roll("pull", p.ID).Float64() < s.services[Daraja].faults.Incomplete {
			state.skipped[p.ID] = true
			continue
		}
		out = append(out, rowOf(p))
	}
	return out
}

func rowOf(p *payment) pullRow {
	kind := "c2b-pay-bill-debit"
	if p.buyGoods {
		kind = "c2b-buy-goods-debit"
	}
	phone := json.Number(p.Payer)
	if _, err := strconv.ParseUint(p.Payer, 10, 64); err != nil {
		phone = "0"
	}
	return pullRow{TransactionID: p.ID, Date: p.At.In(nairobi()).Format("2006-01-02T15:04:05-07:00"), MSISDN: phone, Sender: "MPESA", Type: kind,
		Reference: p.Reference, Amount: strings.TrimSuffix(major(p.Amount, p.Currency), "0"), OrganizationName: "Paywatt Simulator"}
}
