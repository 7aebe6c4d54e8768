package provider_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/sim/provider"
)

// darajaLogin returns the header with an access token.
func (m *merchant) darajaLogin() map[string]string {
	m.t.Helper()
	basic := base64.StdEncoding.EncodeToString([]byte("consumer-key:consumer-secret"))
	status, out := m.ask("GET", "/daraja/oauth/v1/generate?grant_type=client_credentials", map[string]string{"Authorization": "Basic " + basic}, nil)
	token, _ := out["access_token"].(string)
	if status != 200 || token == "" {
		m.t.Fatalf("no token: %d %v", status, out)
	}
	return map[string]string{"Authorization": "Bearer " + token}
}

// register registers the URLs of the pay bill.
func (m *merchant) register(onTimeout string) map[string]string {
	m.t.Helper()
	head := m.darajaLogin()
	status, out := m.ask("POST", "/daraja/mpesa/c2b/v2/registerurl", head, map[string]string{"ShortCode": "600000", "ResponseType": onTimeout,
		"ConfirmationURL": m.own + "/confirm/s3cret", "ValidationURL": m.own + "/validate/s3cret"})
	if status != 200 || out["ResponseCode"] != "0" {
		m.t.Fatalf("not registered: %d %v", status, out)
	}
	return head
}

func stkRequest(m *merchant, phone string, amount any) map[string]any {
	const at = "20261120110000"
	return map[string]any{"BusinessShortCode": "600000", "Password": base64.StdEncoding.EncodeToString([]byte("600000passkey" + at)), "Timestamp": at,
		"TransactionType": "CustomerPayBillOnline", "Amount": amount, "PartyA": phone, "PartyB": "600000", "PhoneNumber": phone,
		"CallBackURL": m.own + "/stk/s3cret", "AccountReference": "04140001001", "TransactionDesc": "Power"}
}

func TestANewTokenEndsTheOneBefore(t *testing.T) {
	m := newMerchant(t, provider.Config{})
	first := m.register("Completed")
	second := m.darajaLogin()
	query := map[string]string{"BusinessShortCode": "600000", "CheckoutRequestID": "x"}
	if status, out := m.ask("POST", "/daraja/mpesa/stkpushquery/v1/query", first, query); status != 404 || out["errorCode"] != "404.001.03" {
		t.Errorf("the old token: %d %v", status, out)
	}
	if status, out := m.ask("POST", "/daraja/mpesa/stkpushquery/v1/query", second, query); status != 400 || out["errorCode"] != "400.002.02" {
		t.Errorf("the new token: %d %v", status, out)
	}
	m.advance(time.Hour)
	if status, _ := m.ask("POST", "/daraja/mpesa/stkpushquery/v1/query", second, query); status != 404 {
		t.Errorf("a token of an hour ago is accepted: %d", status)
	}
	if status, out := m.ask("GET", "/daraja/oauth/v1/generate?grant_type=client_credentials", map[string]string{"Authorization": "Basic eDp5"}, nil); status != 400 || out["errorCode"] != "400.008.01" {
		t.Errorf("a wrong password: %d %v", status, out)
	}
}

func TestURLsAreRegisteredOnceAndWithoutForbiddenWords(t *testing.T) {
	m := newMerchant(t, provider.Config{})
	head := m.register("Completed")
	body := map[string]string{"ShortCode": "600000", "ResponseType": "Completed", "ConfirmationURL": m.own + "/c", "ValidationURL": m.own + "/v"}
	if status, out := m.ask("POST", "/daraja/mpesa/c2b/v2/registerurl", head, body); status != 500 {
		t.Errorf("registered twice: %d %v", status, out)
	}
	body["ShortCode"], body["ConfirmationURL"] = "600001", m.own+"/MPesa/confirm"
	if status, out := m.ask("POST", "/daraja/mpesa/c2b/v2/registerurl", head, body); status != 400 || out["errorMessage"] != "Bad Request - Invalid ConfirmationURL" {
		t.Errorf("a forbidden word: %d %v", status, out)
	}
}

func TestAPaymentAtThePayBillIsConfirmed(t *testing.T) {
	m := newMerchant(t, provider.Config{})
	m.register("Completed")
	p, err := m.sim.Pay(provider.Order{Provider: provider.Daraja, Amount: 50_000, Reference: "0414 0001 001", Payer: "254712345126", Name: "Amina W Odhiambo"})
	if err != nil || p.State != provider.Taken || !strings.HasPrefix(p.ID, "UKK") || len(p.ID) != 10 {
		t.Fatalf("paid: %+v, %v", p, err)
	}
	m.advance(0)
	all := m.at("/confirm/s3cret")
	if len(all) != 1 {
		t.Fatalf("%d confirmations, want 1", len(all))
	}
	var fields map[string]string // every value is a string
	if err := json.Unmarshal(all[0].body, &fields); err != nil {
		t.Fatal(err)
	}
	for key, w := range map[string]string{"TransactionType": "Pay Bill", "TransID": p.ID, "TransTime": "20261120110000", "TransAmount": "500.00", "BusinessShortCode": "600000",
		"BillRefNumber": "0414 0001 001", "InvoiceNumber": "", "OrgAccountBalance": "500.00", "ThirdPartyTransID": "", "MSISDN": "2547 ***** 126", "FirstName": "Amina", "MiddleName": "W", "LastName": "Odhiambo"} {
		if fields[key] != w {
			t.Errorf("%s is %q, want %q", key, fields[key], w)
		}
	}
	if len(fields) != 13 {
		t.Errorf("%d fields, want 13: %v", len(fields), fields)
	}
	m.answer = func(got) (int, string) { return 500, "" }
	if _, err := m.sim.Pay(provider.Order{Provider: provider.Daraja, Amount: 10_000, Payer: "254712345126"}); err != nil {
		t.Fatal(err)
	}
	m.advance(72 * time.Hour)
	if n := len(m.at("/confirm/s3cret")); n != 2 {
		t.Errorf("%d confirmations after an error, want 2: M-Pesa does not try again", n)
	}
	if _, err := m.sim.Pay(provider.Order{Provider: provider.Daraja, Amount: 10_050, Payer: "254712345126"}); !errors.Is(err, provider.ErrInvalid) {
		t.Errorf("half a shilling: %v", err)
	}
}

func TestTheMerchantMayRefuseAPayment(t *testing.T) {
	for _, c := range []struct {
		name, onTimeout string
		status          int
		answer          string
		state           provider.State
		code            string
	}{
		{"accepted", "Cancelled", 200, `{"ResultCode":"0","ResultDesc":"Accepted","ThirdPartyTransID":"till-7"}`, provider.Taken, ""},
		{"number", "Cancelled", 200, `{"ResultCode":0,"ResultDesc":"Accepted"}`, provider.Taken, ""},
		{"refused", "Completed", 200, `{"ResultCode":"C2B00012","ResultDesc":"Rejected"}`, provider.Cancelled, "C2B00012"},
		{"no answer, completed", "Completed", 500, "", provider.Taken, ""},
		{"no answer, cancelled", "Cancelled", 500, "", provider.Cancelled, "timeout"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := newMerchant(t, provider.Config{Validation: true})
			m.register(c.onTimeout)
			m.answer = func(g got) (int, string) {
				if g.path == "/validate/s3cret" {
					return c.status, c.answer
				}
				return 200, "{}"
			}
			p, err := m.sim.Pay(provider.Order{Provider: provider.Daraja, Amount: 50_000, Reference: "77", Payer: "254712345126"})
			if err != nil || p.State != provider.Pending {
				t.Fatalf("%+v, %v", p, err)
			}
			m.advance(0)
			asked := object(t, m.at("/validate/s3cret")[0].body)
			want(t, "validation", asked, map[string]any{"OrgAccountBalance": "", "BillRefNumber": "77", "TransAmount": "500.00"})
			now := m.sim.Books().Payments[0]
			if now.State != c.state || now.Code != c.code {
				t.Errorf("the payment is %s %s, want %s %s", now.State, now.Code, c.state, c.code)
			}
			confirmed := m.at("/confirm/s3cret")
			if len(confirmed) == 1 != (c.state == provider.Taken) {
				t.Errorf("%d confirmations", len(confirmed))
			}
			if c.name == "accepted" {
				want(t, "confirmation", object(t, confirmed[0].body), map[string]any{"ThirdPartyTransID": "till-7"})
			}
		})
	}
}

func TestOnePromptArrivesTwiceWithOneReceipt(t *testing.T) {
	m := newMerchant(t, provider.Config{})
	head := m.register("Completed")
	status, out := m.ask("POST", "/daraja/mpesa/stkpush/v1/processrequest", head, stkRequest(m, "254712345126", 250))
	if status != 200 || out["ResponseCode"] != "0" {
		t.Fatalf("%d %v", status, out)
	}
	ask := map[string]any{"BusinessShortCode": "600000", "CheckoutRequestID": out["CheckoutRequestID"]}
	if status, q := m.ask("POST", "/daraja/mpesa/stkpushquery/v1/query", head, ask); status != 500 || q["errorMessage"] != "The transaction is being processed" {
		t.Errorf("query of an open prompt: %d %v", status, q)
	}
	if status, q := m.ask("POST", "/daraja/mpesa/stkpush/v1/processrequest", head, stkRequest(m, "254712345126", "100")); status != 500 || q["errorCode"] != "500.001.1001" {
		t.Errorf("a second prompt on the same telephone: %d %v", status, q)
	}
	m.advance(10 * time.Second)
	var back struct {
		Body struct {
			StkCallback struct {
				MerchantRequestID, CheckoutRequestID, ResultDesc string
				ResultCode                                       int
				CallbackMetadata                                 struct {
					Item []struct {
						Name  string
						Value json.RawMessage
					}
				}
			} `json:"stkCallback"`
		}
	}
	called, confirmed := m.at("/stk/s3cret"), m.at("/confirm/s3cret")
	if len(called) != 1 || len(confirmed) != 1 {
		t.Fatalf("%d callbacks and %d confirmations, want one each", len(called), len(confirmed))
	}
	if err := json.Unmarshal(called[0].body, &back); err != nil {
		t.Fatal(err)
	}
	paid := m.sim.Books().Payments[0]
	items := map[string]string{}
	for _, i := range back.Body.StkCallback.CallbackMetadata.Item {
		items[i.Name] = string(i.Value)
	}
	for name, w := range map[string]string{"Amount": "250.00", "MpesaReceiptNumber": `"` + paid.ID + `"`, "Balance": "", "TransactionDate": "20261120110005", "PhoneNumber": "254712345126"} {
		if got, is := items[name]; !is || got != w {
			t.Errorf("%s is %s, want %s", name, got, w)
		}
	}
	if back.Body.StkCallback.CheckoutRequestID != out["CheckoutRequestID"] || back.Body.StkCallback.MerchantRequestID != out["MerchantRequestID"] || strings.Contains(string(called[0].body), "04140001001") {
		t.Errorf("callback %s", called[0].body)
	}
	want(t, "confirmation", object(t, confirmed[0].body), map[string]any{"TransID": paid.ID, "BillRefNumber": "04140001001", "TransAmount": "250.00"})
	if status, q := m.ask("POST", "/daraja/mpesa/stkpushquery/v1/query", head, ask); status != 200 || q["ResultCode"] != "0" {
		t.Errorf("query of a paid prompt: %d %v", status, q)
	}
}

func TestWhatBecomesOfAPrompt(t *testing.T) {
	for _, c := range []struct {
		do    provider.Act
		code  string
		state provider.State
	}{{provider.ActCancel, "1032", provider.Cancelled}, {provider.ActFunds, "1", provider.Failed}, {provider.ActPIN, "2001", provider.Failed}, {provider.ActLimit, "4", provider.Failed},
		{provider.ActUnreachable, "1037", provider.Failed}, {provider.ActExpire, "1019", provider.Expired}, {provider.ActIgnore, "1019", provider.Expired}} {
		t.Run(string(c.do), func(t *testing.T) {
			m := newMerchant(t, provider.Config{})
			head := m.register("Completed")
			if err := m.sim.SetBehaviour(provider.Daraja, "254712345126", provider.Behaviour{Do: c.do}); err != nil {
				t.Fatal(err)
			}
			_, out := m.ask("POST", "/daraja/mpesa/stkpush/v1/processrequest", head, stkRequest(m, "254712345126", 250))
			m.advance(time.Minute)
			paid := m.sim.Books().Payments[0]
			if paid.State != c.state || paid.Code != c.code || len(m.at("/stk/s3cret")) != 1 || len(m.at("/confirm/s3cret")) != 0 {
				t.Errorf("%+v, %d callbacks", paid, len(m.at("/stk/s3cret")))
			}
			_, q := m.ask("POST", "/daraja/mpesa/stkpushquery/v1/query", head, map[string]any{"BusinessShortCode": "600000", "CheckoutRequestID": out["CheckoutRequestID"]})
			if q["ResultCode"] != c.code {
				t.Errorf("query: %v", q)
			}
		})
	}
}

// TestAPaymentAfter1037 is the case in which the callback says that the telephone was not reached, and the money is taken all the same.
func TestAPaymentAfter1037(t *testing.T) {
	m := newMerchant(t, provider.Config{})
	head := m.register("Completed")
	if err := m.sim.SetBehaviour(provider.Daraja, "*", provider.Behaviour{Do: provider.ActLate}); err != nil {
		t.Fatal(err)
	}
	_, out := m.ask("POST", "/daraja/mpesa/stkpush/v1/processrequest", head, stkRequest(m, "254712345126", 250))
	m.advance(time.Second)
	if b := string(m.at("/stk/s3cret")[0].body); !strings.Contains(b, `"ResultCode":1037`) {
		t.Errorf("callback %s", b)
	}
	m.advance(2 * time.Minute)
	if p := m.sim.Books().Payments[0]; p.State != provider.Taken || len(m.at("/stk/s3cret")) != 1 || len(m.at("/confirm/s3cret")) != 1 {
		t.Errorf("%+v: %d callbacks, %d confirmations", p, len(m.at("/stk/s3cret")), len(m.at("/confirm/s3cret")))
	}
	_, q := m.ask("POST", "/daraja/mpesa/stkpushquery/v1/query", head, map[string]any{"BusinessShortCode": "600000", "CheckoutRequestID": out["CheckoutRequestID"]})
	if q["ResultCode"] != "0" {
		t.Errorf("query: %v", q)
	}
}

func TestTheSameAmountTwiceWithinTwoMinutesFails(t *testing.T) {
	m := newMerchant(t, provider.Config{})
	head := m.register("Completed")
	for i, w := range []provider.State{provider.Taken, provider.Failed} {
		m.ask("POST", "/daraja/mpesa/stkpush/v1/processrequest", head, stkRequest(m, "254712345126", 250))
		m.advance(10 * time.Second)
		if p := m.sim.Books().Payments[i]; p.State != w || w == provider.Failed && p.Code != "17" {
			t.Errorf("payment %d: %+v", i, p)
		}
	}
}

// results returns the result parameters that arrived at /result.
func (m *merchant) result(n int) (map[string]any, []string) {
	m.t.Helper()
	all := m.at("/result")
	if len(all) != n {
		m.t.Fatalf("%d results, want %d", len(all), n)
	}
	r := object(m.t, all[n-1].body)["Result"].(map[string]any)
	var keys []string
	if params, is := r["ResultParameters"].(map[string]any); is {
		for _, p := range params["ResultParameter"].([]any) {
			one := p.(map[string]any)
			keys = append(keys, one["Key"].(string))
			r["="+one["Key"].(string)] = one["Value"]
		}
	}
	return r, keys
}

func TestStatusAndReversalAnswerLater(t *testing.T) {
	m := newMerchant(t, provider.Config{})
	head := m.register("Completed")
	paid, err := m.sim.Pay(provider.Order{Provider: provider.Daraja, Amount: 50_000, Reference: "77", Payer: "254712345126", Name: "Amina"})
	if err != nil {
		t.Fatal(err)
	}
	query := map[string]string{"Initiator": "api", "SecurityCredential": "x", "CommandID": "TransactionStatusQuery", "TransactionID": paid.ID, "PartyA": "600000", "IdentifierType": "4",
		"ResultURL": m.own + "/result", "QueueTimeOutURL": m.own + "/timeout", "Remarks": "check"}
	reverse := map[string]string{"Initiator": "api", "SecurityCredential": "x", "CommandID": "TransactionReversal", "TransactionID": paid.ID, "Amount": "500", "ReceiverParty": "600000",
		"RecieverIdentifierType": "11", "ResultURL": m.own + "/result", "QueueTimeOutURL": m.own + "/timeout", "Remarks": "wrong meter"}
	send := func(path string, body map[string]string) {
		t.Helper()
		if status, out := m.ask("POST", path, head, body); status != 200 || out["ResponseCode"] != "0" || out["ConversationID"] == "" {
			t.Fatalf("%d %v", status, out)
		}
		m.advance(5 * time.Second)
	}
	send("/daraja/mpesa/transactionstatus/v1/query", query)
	r, keys := m.result(1)
	want(t, "status", r, map[string]any{"ResultCode": 0.0, "=ReceiptNo": paid.ID, "=TransactionStatus": "Completed", "=Amount": 500.0, "TransactionID": paid.ID})
	if n := len(slices.DeleteFunc(keys, func(k string) bool { return k != "DebitPartyName" })); n != 2 {
		t.Errorf("DebitPartyName appears %d times, want 2", n)
	}
	query["TransactionID"] = "UKK0000000"
	send("/daraja/mpesa/transactionstatus/v1/query", query)
	r, _ = m.result(2)
	want(t, "unknown receipt", r, map[string]any{"ResultCode": "R000002"})

	send("/daraja/mpesa/reversal/v1/request", reverse)
	r, _ = m.result(3)
	want(t, "reversal", r, map[string]any{"ResultCode": 0.0, "=OriginalTransactionID": paid.ID, "=Amount": 500.0})
	if now := m.sim.Books(); now.Payments[0].State != provider.Reversed || total(t, now, provider.Daraja).Balance != 0 {
		t.Errorf("after the reversal: %+v", now)
	}
	send("/daraja/mpesa/reversal/v1/request", reverse)
	r, _ = m.result(4)
	want(t, "second reversal", r, map[string]any{"ResultCode": "R000001"})
	reverse["RecieverIdentifierType"] = "4"
	if status, out := m.ask("POST", "/daraja/mpesa/reversal/v1/request", head, reverse); status != 400 || out["errorMessage"] != "Bad Request - Invalid RecieverIdentifierType" {
		t.Errorf("%d %v", status, out)
	}
	if n := len(m.at("/timeout")); n != 0 {
		t.Errorf("%d timeouts", n)
	}
}

// pull asks for all rows from an offset on.
func (m *merchant) pull(head map[string]string, method string, from, to time.Time, offset int) (string, []any) {
	m.t.Helper()
	nairobi := time.FixedZone("EAT", 3*60*60)
	status, out := m.ask(method, "/daraja/pulltransactions/v1/query", head, map[string]any{"ShortCode": "600000", "StartDate": from.In(nairobi).Format(time.DateTime),
		"EndDate": to.In(nairobi).Format(time.DateTime), "OffSetValue": offset})
	if status != 200 {
		m.t.Fatalf("%d %v", status, out)
	}
	var rows []any
	for _, list := range out["Response"].([]any) {
		rows = append(rows, list.([]any)...)
	}
	return out["ResponseCode"].(string), rows
}

func TestThePullListsTheLast48Hours(t *testing.T) {
	m := newMerchant(t, provider.Config{})
	head := m.darajaLogin()
	for range 150 {
		if _, err := m.sim.Pay(provider.Order{Provider: provider.Daraja, Amount: 269_700, Reference: "77", Payer: "254712345126"}); err != nil {
			t.Fatal(err)
		}
		m.advance(time.Second)
	}
	register := map[string]string{"ShortCode": "600000", "RequestType": "Pull", "NominatedNumber": "254722000000", "CallBackURL": m.own + "/pull"}
	for _, w := range []string{"1000", "1001"} {
		if status, out := m.ask("POST", "/daraja/pulltransactions/v1/register", head, register); status != 200 || out["ResponseStatus"] != w {
			t.Errorf("register: %d %v, want %s", status, out, w)
		}
	}
	code, first := m.pull(head, http.MethodPost, start, start.Add(time.Hour), 0)
	_, second := m.pull(head, http.MethodGet, start, start.Add(time.Hour), len(first))
	if code != "1000" || len(first) != 100 || len(second) != 50 {
		t.Fatalf("%s: pages of %d and %d rows, want 100 and 50", code, len(first), len(second))
	}
	paid := m.sim.Books().Payments
	want(t, "row", first[0].(map[string]any), map[string]any{"transactionId": paid[0].ID, "trxDate": "2026-11-20T11:00:00+03:00", "msisdn": 254712345126.0, "billreference": "77", "amount": "2697.0"})
	want(t, "last row", second[49].(map[string]any), map[string]any{"transactionId": paid[149].ID})
	if code, rows := m.pull(head, http.MethodPost, start.Add(time.Hour), start.Add(2*time.Hour), 0); code != "1001" || len(rows) != 0 {
		t.Errorf("nothing to list: %s %v", code, rows)
	}
	m.advance(48*time.Hour + 30*time.Second - 150*time.Second)
	head = m.darajaLogin()
	if _, rows := m.pull(head, http.MethodPost, start, start.Add(time.Hour), 0); len(rows) != 100 {
		t.Errorf("%d rows, want 100: those older than 48 hours are gone, and a page has 100", len(rows))
	}
	if _, rows := m.pull(head, http.MethodPost, start, start.Add(time.Hour), 100); len(rows) != 20 {
		t.Errorf("%d rows on the second page, want 20", len(rows))
	}
}

func TestAPageOfThePullMayLackRows(t *testing.T) {
	m := newMerchant(t, provider.Config{Seed: 3})
	head := m.darajaLogin()
	if err := m.sim.SetFaults(provider.Daraja, provider.Faults{Incomplete: 0.3}); err != nil {
		t.Fatal(err)
	}
	for range 50 {
		if _, err := m.sim.Pay(provider.Order{Provider: provider.Daraja, Amount: 100, Payer: "254712345126"}); err != nil {
			t.Fatal(err)
		}
	}
	m.ask("POST", "/daraja/pulltransactions/v1/register", head, map[string]string{"ShortCode": "600000", "RequestType": "Pull", "NominatedNumber": "254722000000", "CallBackURL": m.own + "/pull"})
	_, first := m.pull(head, "POST", start, start.Add(time.Hour), 0)
	_, second := m.pull(head, "POST", start, start.Add(time.Hour), 0)
	if len(first) >= 45 || len(first) < 20 || len(second) != 50 {
		t.Errorf("%d rows the first time and %d the second, want about 35 and 50", len(first), len(second))
	}
}

func TestAnOutageOfAnHour(t *testing.T) {
	m := newMerchant(t, provider.Config{})
	head := m.register("Completed")
	if err := m.sim.Down(provider.Daraja, provider.Refuse, time.Hour); err != nil {
		t.Fatal(err)
	}
	if _, err := m.sim.Pay(provider.Order{Provider: provider.Daraja, Amount: 100, Payer: "254712345126"}); err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(context.Background(), "POST", m.url+"/daraja/mpesa/stkpushquery/v1/query", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", head["Authorization"])
	if resp, err := http.DefaultClient.Do(req); err == nil {
		t.Errorf("an answer during the outage: %s", resp.Status)
	}
	if err := m.sim.Down(provider.Daraja, provider.Unavailable, time.Hour); err != nil {
		t.Fatal(err)
	}
	if status, _ := m.ask("POST", "/daraja/mpesa/stkpushquery/v1/query", head, "{}"); status != 503 {
		t.Errorf("status %d during the outage, want 503", status)
	}
	m.advance(59 * time.Minute)
	if n := len(m.at("/confirm/s3cret")); n != 0 {
		t.Errorf("%d confirmations during the outage", n)
	}
	m.advance(time.Minute)
	if n := len(m.at("/confirm/s3cret")); n != 1 {
		t.Errorf("%d confirmations after the outage, want 1", n)
	}
	if m.sim.Stats()[provider.Daraja].Down != 2 {
		t.Errorf("stats %+v", m.sim.Stats()[provider.Daraja])
	}
}

// TestWrongRequestsAreNamed: an error names the field that is wrong.
func TestWrongRequestsAreNamed(t *testing.T) {
	m := newMerchant(t, provider.Config{})
	head := m.register("Completed")
	asked := func(command string) map[string]any {
		return map[string]any{"Initiator": "api", "SecurityCredential": "x", "CommandID": command, "TransactionID": "UKK0000000", "PartyA": "600000", "IdentifierType": "4", "Amount": "5",
			"ReceiverParty": "600000", "RecieverIdentifierType": "11", "ResultURL": m.own + "/r", "QueueTimeOutURL": m.own + "/q"}
	}
	pull := map[string]any{"ShortCode": "600000", "RequestType": "Pull", "NominatedNumber": "254722000000", "CallBackURL": m.own + "/pull"}
	m.ask("POST", "/daraja/pulltransactions/v1/register", head, pull)
	register := map[string]any{"ShortCode": "600001", "ResponseType": "Completed", "ConfirmationURL": m.own + "/c", "ValidationURL": m.own + "/v"}
	rows := map[string]any{"ShortCode": "600000", "StartDate": "2026-11-20 00:00:00", "EndDate": "2026-11-20 12:00:00", "OffSetValue": "0"}
	for _, c := range []struct {
		path   string
		body   map[string]any
		values map[string]string // a wrong value of each field
	}{
		{"mpesa/stkpush/v1/processrequest", stkRequest(m, "254712345126", 250), map[string]string{"BusinessShortCode": "", "Timestamp": "20261120", "TransactionType": "Pay", "Amount": "2.50",
			"PartyA": "0712345126", "PartyB": "", "PhoneNumber": "25471234512a", "CallBackURL": "confirm", "AccountReference": "0414000100100", "TransactionDesc": "Electricity for A"}},
		{"mpesa/transactionstatus/v1/query", asked("TransactionStatusQuery"), map[string]string{"Initiator": "", "SecurityCredential": "", "CommandID": "TransactionReversal", "TransactionID": "",
			"PartyA": "", "IdentifierType": "2", "ResultURL": "x", "QueueTimeOutURL": ""}},
		{"mpesa/reversal/v1/request", asked("TransactionReversal"), map[string]string{"TransactionID": "", "ReceiverParty": "", "RecieverIdentifierType": "4", "Amount": "", "CommandID": "TransactionStatusQuery"}},
		{"pulltransactions/v1/register", pull, map[string]string{"ShortCode": "", "RequestType": "Push", "NominatedNumber": "0722", "CallBackURL": "x"}},
		{"pulltransactions/v1/query", rows, map[string]string{"ShortCode": "600009", "StartDate": "today", "EndDate": "", "OffSetValue": "-1"}},
		{"mpesa/c2b/v2/registerurl", register, map[string]string{"ShortCode": "", "ResponseType": "Maybe", "ConfirmationURL": "ftp://x/y", "ValidationURL": "http://x/SQL"}},
	} {
		for field, wrong := range c.values {
			body := map[string]any{}
			for k, v := range c.body {
				body[k] = v
			}
			body[field] = wrong
			if status, out := m.ask("POST", "/daraja/"+c.path, head, body); status != 400 || out["errorMessage"] != "Bad Request - Invalid "+field || out["errorCode"] != "400.002.02" {
				t.Errorf("%s with a wrong %s: %d %v", c.path, field, status, out)
			}
		}
		if status, out := m.ask("POST", "/daraja/"+c.path, head, "{"); status != 400 || len(out["requestId"].(string)) != 36 {
			t.Errorf("%s without JSON: %d %v", c.path, status, out)
		}
		if status, out := m.ask("POST", "/daraja/"+c.path, head, c.body); status != 200 {
			t.Errorf("%s: %d %v", c.path, status, out)
		}
	}
	body := stkRequest(m, "254712345127", 250)
	body["Password"] = "x"
	if status, out := m.ask("POST", "/daraja/mpesa/stkpush/v1/processrequest", head, body); status != 500 || out["errorMessage"] != "Wrong credentials" {
		t.Errorf("a wrong password: %d %v", status, out)
	}
	if status, out := m.ask("POST", "/daraja/mpesa/nothing", head, body); status != 404 || out["errorCode"] != "404.001.01" {
		t.Errorf("no such path: %d %v", status, out)
	}
}

// TestAReversalThatCannotBeDone: another amount, or money that the merchant has moved to its bank.
func TestAReversalThatCannotBeDone(t *testing.T) {
	m := newMerchant(t, provider.Config{})
	head := m.register("Completed")
	paid, err := m.sim.Pay(provider.Order{Provider: provider.Daraja, Amount: 50_000, Payer: "254712345126"})
	if err != nil {
		t.Fatal(err)
	}
	body := map[string]string{"Initiator": "api", "SecurityCredential": "x", "CommandID": "TransactionReversal", "TransactionID": paid.ID, "Amount": "400", "ReceiverParty": "600000",
		"RecieverIdentifierType": "11", "ResultURL": m.own + "/result", "QueueTimeOutURL": m.own + "/timeout"}
	for i, c := range []struct {
		amount string
		code   any
	}{{"400", "R000002"}, {"500", 1.0}} {
		body["Amount"] = c.amount
		if i == 1 {
			if _, err := m.sim.Withdraw(provider.Daraja, "KES", 10_000); err != nil {
				t.Fatal(err)
			}
		}
		m.ask("POST", "/daraja/mpesa/reversal/v1/request", head, body)
		m.advance(5 * time.Second)
		r, _ := m.result(i + 1)
		want(t, "reversal of "+c.amount, r, map[string]any{"ResultCode": c.code})
	}
	if p := m.sim.Books().Payments[0]; p.State != provider.Taken {
		t.Errorf("payment %+v", p)
	}
}

// TestVersion1HashesTelephones, version 2 masks them.
func TestVersion1HashesTelephones(t *testing.T) {
	m := newMerchant(t, provider.Config{})
	m.ask("POST", "/daraja/mpesa/c2b/v1/registerurl", m.darajaLogin(), map[string]string{"ShortCode": "600000", "ResponseType": "Completed", "ConfirmationURL": m.own + "/c", "ValidationURL": m.own + "/v"})
	if _, err := m.sim.Pay(provider.Order{Provider: provider.Daraja, Amount: 100, Payer: "254712345126"}); err != nil {
		t.Fatal(err)
	}
	m.advance(0)
	sum := sha256.Sum256([]byte("254712345126"))
	want(t, "confirmation", object(t, m.at("/c")[0].body), map[string]any{"MSISDN": hex.EncodeToString(sum[:])})
}

// TestEitherMessageOfAPromptMayComeFirst over twenty payments.
func TestEitherMessageOfAPromptMayComeFirst(t *testing.T) {
	m := newMerchant(t, provider.Config{})
	head := m.register("Completed")
	firsts := map[string]int{}
	for i := range 20 {
		m.ask("POST", "/daraja/mpesa/stkpush/v1/processrequest", head, stkRequest(m, fmt.Sprintf("2547123451%02d", i), 250))
		m.advance(10 * time.Second)
		m.mu.Lock()
		firsts[m.all[2*i].path]++
		m.mu.Unlock()
	}
	if firsts["/stk/s3cret"] < 3 || firsts["/confirm/s3cret"] < 3 {
		t.Errorf("first came %v", firsts)
	}
}
