package api_test

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/await"
	"github.com/paywatt/paywatt/internal/dayclose"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/payment"
	"github.com/paywatt/paywatt/internal/provider/webhook"
	"github.com/paywatt/paywatt/internal/reconcile"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/sts"
)

// call is a request that the server would carry out for a caller with the right.
type call struct{ method, path, body string }

// valid is an operation of the API: the right that it needs, and a function that makes a valid request. For the seller of a vendor the
// request is about the vendor's own sale.
type valid struct {
	right access.Right
	call  func(s *stage, vendor bool) call
}

// get is a query about an object that stays as it is.
func get(right access.Right, path string) valid {
	return valid{right, func(s *stage, vendor bool) call { return call{"GET", s.path(path, vendor), ""} }}
}

// post is a request that can be repeated. In its body {n} is a new number each time.
func post(right access.Right, path, body string) valid {
	return valid{right, func(s *stage, vendor bool) call { return call{"POST", s.path(path, vendor), s.path(body, vendor)} }}
}

// once is a request about an object that the request uses up. The function makes a new object and returns its id, for {id}.
func once(right access.Right, path, body string, object func(s *stage, vendor bool) string) valid {
	return valid{right, func(s *stage, vendor bool) call {
		id := strings.NewReplacer("{id}", object(s, vendor))
		return call{"POST", id.Replace(s.path(path, vendor)), id.Replace(s.path(body, vendor))}
	}}
}

// by makes the request with another method.
func (v valid) by(method string) valid {
	return valid{v.right, func(s *stage, vendor bool) call {
		c := v.call(s, vendor)
		c.method = method
		return c
	}}
}

// path fills in the objects that the stage has.
func (s *stage) path(text string, vendor bool) string {
	sale := s.sale
	if vendor {
		sale = s.vendorSale
	}
	return strings.NewReplacer("{sale}", sale, "{meter}", meterNumber, "{wallet}", walletNumber, "{token}", s.token, "{command}", s.command,
		"{customer}", s.customer, "{message}", s.message, "{doubt}", s.doubt, "{month}", s.began.Format("2006-01"), "{n}", fmt.Sprint(s.next())).Replace(text)
}

// operations lists every operation that needs a key, by its identity in the OpenAPI document.
func operations() map[string]valid {
	out := map[string]valid{}
	for _, part := range []map[string]valid{queries(), paymentCalls(), sales(), meters(), moneyMoves(), utilities(), people()} {
		for name, v := range part {
			out[name] = v
		}
	}
	return out
}

func queries() map[string]valid {
	return map[string]valid{
		"tariffs": get(access.ReadTariffs, "/v1/tariffs"), "tariff-versions": get(access.ReadTariffs, "/v1/tariffs/domestic/versions"),
		"meters": get(access.ReadMeters, "/v1/meters"), "meter": get(access.ReadMeters, "/v1/meters/{meter}"),
		"readings": get(access.ReadMeters, "/v1/meters/{wallet}/readings"), "events": get(access.ReadMeters, "/v1/meters/{meter}/events"),
		"alarms": get(access.ReadMeters, "/v1/alarms"), "tokens": get(access.ReadVends, "/v1/meters/{meter}/tokens"),
		"usage": get(access.ReadMeters, "/v1/meters/{meter}/usage"), "timeline": get(access.ReadMeters, "/v1/meters/{meter}/timeline"), "registers": get(access.ReadMeters, "/v1/reports/registers"),
		"commands": get(access.ReadMeters, "/v1/meters/{meter}/commands"), "command": get(access.ReadMeters, "/v1/meters/{meter}/commands/{command}"),
		"device": get(access.ReadMeters, "/v1/meters/{meter}/device"), "supply": get(access.ReadMeters, "/v1/meters/{wallet}/supply"),
		"meter-config":   get(access.ReadMeters, "/v1/meters/{meter}/config"),
		"recharge-state": get(access.ReadMeters, "/v1/meters/{meter}/recharges/{token}"), "quarantine": get(access.ReadMeters, "/v1/quarantine"),
		"quarantined": get(access.ReadMeters, "/v1/quarantine/{doubt}"),
		"account":     get(access.ReadCustomers, "/v1/accounts/{wallet}"), "statement": get(access.ReadCustomers, "/v1/accounts/{wallet}/statements/{month}"),
		"account-balance":   get(access.ReadCustomers, "/v1/accounts/{wallet}/balance"),
		"account-statement": get(access.ReadCustomers, "/v1/accounts/{wallet}/statement"), "wallet-statement": get(access.ReadCustomers, "/v1/accounts/{wallet}/wallet"),
		"customers": get(access.ReadCustomers, "/v1/customers"), "add-customer": post(access.WriteCustomers, "/v1/customers", `{"name":"Zed"}`), "customer": get(access.ReadCustomers, "/v1/customers/{customer}"),
		"debts": get(access.ReadCustomers, "/v1/debts"), "charges": get(access.ReadCustomers, "/v1/charges"),
		"messages": get(access.ReadCustomers, "/v1/messages"), "message": get(access.ReadCustomers, "/v1/messages/{message}"),
		"message-routes": get(access.ReadCustomers, "/v1/message-routes"),
		"sales": {access.ReadVends, func(s *stage, vendor bool) call {
			ref := decode[struct {
				Ref string `json:"client_ref"`
			}](s.t, s.do(200, "GET", "/v1/vends/"+s.path("{sale}", vendor), "")).Ref
			return call{"GET", "/v1/vends?client_ref=" + ref, ""}
		}}, "sale": get(access.ReadVends, "/v1/vends/{sale}"),
		"explain": get(access.ReadVends, "/v1/vends/{sale}/explain"), "receipt": get(access.ReadVends, "/v1/vends/{sale}/receipt"),
		"head": get(access.ReadVends, "/v1/heads/newest"), "happenings": get(access.ReadVends, "/v1/events"),
		"trial-balance": get(access.ReadLedger, "/v1/ledger/trial-balance"), "export-ledger": get(access.ReadLedger, "/v1/ledger/export"), "ledger-accounts": get(access.ReadLedger, "/v1/ledger/accounts"),
		"ledger-balance": get(access.ReadLedger, "/v1/ledger/accounts/4000/balance"), "journals": get(access.ReadLedger, "/v1/ledger/journals"),
		"closed-days": get(access.ReadLedger, "/v1/days"), "open-day": get(access.ReadLedger, "/v1/days/next"),
		"closed-day":   {access.ReadLedger, func(s *stage, _ bool) call { return call{"GET", "/v1/days/" + s.closedDay(), ""} }},
		"close-day":    {access.AdjustLedger, func(s *stage, _ bool) call { return call{"POST", "/v1/days", `{"date":"` + s.closedDay() + `"}`} }},
		"daily-report": get(access.ReadLedger, "/v1/reports/daily"), "audit-log": get(access.ReadAudit, "/v1/audit"),
		"settings": get(access.ReadSettings, "/v1/settings"), "people": get(access.ManagePeople, "/v1/people"),
		"approvals": get(everybody, "/v1/approvals"), "search": get(everybody, "/v1/search?q=amina"), "vendors": get(access.ReadVendors, "/v1/vendors"),
		"shifts": get(access.ReadTills, "/v1/shifts"), "shift-report": once(access.ReadTills, "/v1/shifts/{id}/report", "", (*stage).shift).by("GET"),
		"overview": get(access.ReadMeters, "/v1/overview"), "flats": get(access.ReadMeters, "/v1/flats"), "building-loss": once(access.ReadMeters, "/v1/flats/loss?feeder={id}", "", (*stage).building).by("GET"), "flat-statements": get(access.ReadCustomers, "/v1/flats/statements/{month}"), "imports": get(access.ReadMeters, "/v1/imports"),
		"import-result": once(access.ReadMeters, "/v1/imports/{id}", "", (*stage).imported).by("GET"),
		"import": {access.WriteMeters, func(s *stage, _ bool) call {
			return call{"POST", "/v1/imports?kind=meters", "number,tariff\n" + s.number() + ",domestic\n"}
		}},
		"undo-import": once(access.WriteMeters, "/v1/imports/{id}/undo", "{}", (*stage).imported),
		"vendor":      get(access.ReadFloat, "/v1/vendors/V9"), "float": get(access.ReadFloat, "/v1/vendors/V9/float"),
		"vendor-statement": get(access.ReadFloat, "/v1/vendors/V9/statement"), "vendor-settlement": get(access.ReadFloat, "/v1/vendors/V9/settlement"),
		"reversal": {access.ReadVends, func(s *stage, vendor bool) call {
			id := s.sold(vendor)
			s.do(201, "POST", "/v1/vends/"+id+"/reversal", `{"reason":"matrix"}`)
			return call{"GET", "/v1/vends/" + id + "/reversal", ""}
		}},
	}
}

func paymentCalls() map[string]valid {
	return map[string]valid{
		"payments": get(access.ReadPayments, "/v1/payments"), "payment-providers": get(access.ReadSettings, "/v1/payment-providers"),
		"reconciliations": get(access.ReadPayments, "/v1/reconciliations"), "differences": get(access.ReadPayments, "/v1/differences"), "statement-files": get(access.ReadPayments, "/v1/statement-files"),
		"reconcile":            once(access.DecidePayments, "/v1/reconciliations", `{"provider":"{id}","date":"2026-11-20"}`, (*stage).provider),
		"close-difference":     once(access.DecidePayments, "/v1/differences/{id}/close", `{"why":"seen"}`, (*stage).difference),
		"difference-call":      {access.DecidePayments, func(s *stage, _ bool) call { return call{"GET", "/v1/differences/" + s.unreadCall() + "/call", ""} }},
		"read-difference-call": {access.DecidePayments, func(s *stage, _ bool) call { return call{"POST", "/v1/differences/" + s.unreadCall() + "/read", `{}`} }},
		"assign-difference":    once(access.DecidePayments, "/v1/differences/{id}/assign", `{"owner":"Amina"}`, (*stage).difference),
		"upload-statement":     once(access.DecidePayments, "/v1/payment-providers/{id}/statements", mpesaFile, (*stage).provider),
		"payment":              once(access.ReadPayments, "/v1/payments/{id}", "", parkedPayment).by("GET"),
		"apply-payment": {access.DecidePayments, func(s *stage, vendor bool) call { // the sale may follow the answer: it has a meter of its own
			return call{"POST", "/v1/payments/" + parkedPayment(s, vendor) + "/apply", `{"meter":"` + s.added("prepay_token") + `"}`}
		}},
		"refund-payment":        once(access.DecidePayments, "/v1/payments/{id}/refund", `{"reason":"not ours"}`, parkedPayment),
		"reject-payment":        once(access.DecidePayments, "/v1/payments/{id}/reject", `{"reason":"unknown"}`, unconfirmedPayment),
		"voucher-batches":       get(access.ReadPayments, "/v1/voucher-batches"),
		"voucher-batch":         once(access.ReadPayments, "/v1/voucher-batches/{id}", "", (*stage).vouchers).by("GET"),
		"make-vouchers":         once(access.DecidePayments, "/v1/voucher-batches", newVouchers(), (*stage).nothing),
		"take-voucher-pins":     once(access.DecidePayments, "/v1/voucher-batches/{id}/pins", "{}", (*stage).vouchers),
		"sell-vouchers":         once(access.Sell, "/v1/voucher-batches/{id}/sell", "{}", (*stage).printedVouchers),
		"end-vouchers":          once(access.DecidePayments, "/v1/voucher-batches/{id}/end", `{"reason":"lost"}`, (*stage).printedVouchers),
		"show-voucher-codes":    once(access.Sell, "/v1/voucher-batches/{id}/codes", "{}", (*stage).printedVouchers),
		"reissue-voucher-codes": once(access.DecidePayments, "/v1/voucher-batches/{id}/codes/again", `{"reason":"lost"}`, (*stage).codedVouchers),
		"redeem-voucher":        once(access.Sell, "/v1/voucher-redemptions", `{"pin":"{id}","meter":"`+meterNumber+`"}`, (*stage).soldVoucher),
		"payment-requests":      get(access.ReadPayments, "/v1/payment-requests"),
		"payment-request":       once(access.ReadPayments, "/v1/payment-requests/{id}", "", paymentRequest).by("GET"),
		"add-payment-provider": post(access.WriteSettings, "/v1/payment-providers",
			`{"name":"p-{n}","kind":"webhook","secrets":{"signing":"`+signing+`"},"max_single_minor":100,"max_daily_minor":1000}`),
		"enable-payment-provider":   once(access.WriteSettings, "/v1/payment-providers/{id}/enable", "{}", (*stage).provider),
		"replace-provider-secrets":  once(access.WriteSettings, "/v1/payment-providers/{id}/secrets", "{}", (*stage).provider),
		"register-payment-provider": once(access.WriteSettings, "/v1/payment-providers/{id}/register", "{}", (*stage).provider),
		"disable-payment-provider":  once(access.WriteSettings, "/v1/payment-providers/{id}/disable", "{}", (*stage).provider),
		"webhooks":                  get(access.ReadSettings, "/v1/webhooks"), "add-webhook": post(access.WriteSettings, "/v1/webhooks", aWebhook),
		"enable-webhook": once(access.WriteSettings, "/v1/webhooks/{id}/enable", "{}", (*stage).webhook), "disable-webhook": once(access.WriteSettings, "/v1/webhooks/{id}/disable", "{}", (*stage).webhook),
		"rotate-webhook": once(access.WriteSettings, "/v1/webhooks/{id}/rotate", "{}", (*stage).webhook), "remove-webhook": once(access.WriteSettings, "/v1/webhooks/{id}", "", (*stage).webhook).by("DELETE"),
		"test-webhook": once(access.WriteSettings, "/v1/webhooks/{id}/test", "{}", (*stage).webhook), "webhook-deliveries": once(access.ReadSettings, "/v1/webhooks/{id}/deliveries", "", (*stage).webhook).by("GET"),
		"resend-delivery": once(access.WriteSettings, "/v1/webhooks/{id}/resend", "{}", (*stage).delivery), "recover-webhook": once(access.WriteSettings, "/v1/webhooks/{id}/recover", `{"since":"`+time.Now().UTC().Format(time.RFC3339)+`"}`, (*stage).webhook),
	}
}

func sales() map[string]valid {
	return map[string]valid{
		"quote": post(access.Quote, "/v1/vend-quotes", order("1000")),
		"sell":  post(access.Sell, "/v1/vends", order("1000")),
		"request-payment": {access.Sell, func(s *stage, _ bool) call {
			return call{"POST", "/v1/payment-requests", fmt.Sprintf(`{"meter":"%s","amount_minor":1000,"phone":"+25471%07d","provider":"%s"}`, meterNumber, s.next(), s.asking())}
		}},
		"open-shift":     post(access.UseTill, "/v1/shifts", `{"till":"t{n}"}`),
		"pay-out-shift":  once(access.Reverse, "/v1/shifts/{id}/payouts", `{"amount":{"amount_minor":5,"currency":"KES"}}`, (*stage).shift),
		"close-shift":    once(access.Reverse, "/v1/shifts/{id}/close", `{"counted":{"amount_minor":1000,"currency":"KES"}}`, (*stage).shift),
		"reprint":        post(access.Reverse, "/v1/vends/{sale}/reprints", `{}`),
		"reverse":        once(access.Reverse, "/v1/vends/{id}/reversal", `{"reason":"matrix"}`, (*stage).sold),
		"diagnose-token": post(access.ReadVends, "/v1/token-diagnoses", `{"digits":"2371 6100 5011 8319 4197"}`),
		"give-tokens":    post(access.IssueTokens, "/v1/meters/{meter}/tokens", `{"kind":"clear_tamper","reason_code":"tamper_fixed"}`),
		"recharge":       post(access.SendTokens, "/v1/meters/{meter}/recharges", `{"token":"{token}","by":"mqtt"}`),
		"plan-key-change": once(access.IssueTokens, "/v1/meters/{id}/key-changes", `{"ti":"02","reason":"matrix"}`,
			func(s *stage, _ bool) string { return s.added("prepay_token") }),
		"cancel-key-change": once(access.IssueTokens, "/v1/meters/{id}/key-changes/cancel", `{"reason":"matrix"}`, func(s *stage, _ bool) string {
			number := s.added("prepay_token")
			s.do(201, "POST", "/v1/meters/"+number+"/key-changes", `{"ti":"02","reason":"matrix"}`)
			return number
		}),
		"confirm-key-change": once(access.IssueTokens, "/v1/meters/{id}/key-changes/confirm", `{"reason":"matrix"}`, func(s *stage, _ bool) string {
			number := s.added("prepay_token")
			s.do(201, "POST", "/v1/meters/"+number+"/tokens", `{"kind":"key_change","key":{"ti":"02"},"reason_code":"key_campaign"}`)
			return number
		}),
	}
}

// inStock adds a token meter that lies in the store room.
func (s *stage) inStock() string {
	s.t.Helper()
	number := s.number()
	s.do(201, "POST", "/v1/meters", `{"number":"`+number+`","mode":"prepay_token","sgc":"123456","krn":1,"kt":2,"ti":"01","tariff":"domestic","status":"stock","simulated":true}`)
	return number
}

// stocked is the body of a swap to a new meter in stock.
func stocked(s *stage) string {
	return `{"new_meter":"` + s.inStock() + `","balance_wh":0,"reason":"matrix"}`
}

// otherTariff publishes a tariff that makes energy cheaper, so that a change to it needs a second person.
func otherTariff(s *stage) string {
	name := fmt.Sprintf("shops-%d", s.next())
	s.do(201, "POST", "/v1/tariffs", `{"name":"`+name+`","currency":"KES","vat_bps":1500,"flat_micro":900000}`)
	return name
}

func meters() map[string]valid {
	return map[string]valid{
		"swap": get(access.ReadMeters, "/v1/meters/{meter}/swap"),
		"plan-swap": {access.IssueTokens, func(s *stage, _ bool) call {
			return call{"POST", "/v1/meters/" + s.added("prepay_token") + "/swap/plan", stocked(s)}
		}},
		"swap-meter": {access.IssueTokens, func(s *stage, _ bool) call {
			return call{"POST", "/v1/meters/" + s.added("prepay_token") + "/swap", stocked(s)}
		}},
		"account-tariffs": get(access.ReadMeters, "/v1/meters/{meter}/tariffs"),
		"plan-tariff-change": {access.WriteMeters, func(s *stage, _ bool) call {
			return call{"POST", "/v1/meters/" + s.added("prepay_token") + "/tariff/plan", `{"tariff":"` + otherTariff(s) + `"}`}
		}},
		"change-tariff": {access.WriteMeters, func(s *stage, _ bool) call {
			return call{"POST", "/v1/meters/" + s.added("prepay_token") + "/tariff", `{"tariff":"` + otherTariff(s) + `","reason":"matrix"}`}
		}},
		"add-meter": {access.WriteMeters, func(s *stage, _ bool) call {
			return call{"POST", "/v1/meters", `{"number":"` + s.number() + `","mode":"prepay_wallet","tariff":"domestic"}`}
		}},
		"change-meter":     post(access.WriteMeters, "/v1/meters/{meter}", `{"feeder":"North {n}","reason":"matrix"}`),
		"set-supply":       post(access.WriteMeters, "/v1/meters/{wallet}/supply", `{"protected":true,"reason":"matrix {n}"}`),
		"set-meter-config": post(access.WriteMeters, "/v1/meters/{meter}/config", `{"set":{"ec_limit_wh":10{n}},"reason":"matrix"}`),
		"emergency-supply": post(access.SendCommands, "/v1/meters/{wallet}/emergency", `{"hours":1,"energy_wh":100,"reason":"matrix"}`),
		"set-sim":          post(access.WriteMeters, "/v1/meters/{meter}/sim", `{"sim_phone":"+254700000200"}`),
		"send-command":     post(access.SendCommands, "/v1/meters/{meter}/commands", `{"type":"read","reason":"matrix"}`),
		"devices":          get(access.ReadMeters, "/v1/devices"), "unknown-devices": get(access.ReadMeters, "/v1/devices/unknown"),
		"adopt-device": {access.WriteMeters, func(s *stage, _ bool) call {
			return call{"POST", "/v1/devices", `{"name":"` + s.talks(false) + `","meter":"` + s.added("prepay_wallet") + `"}`}
		}},
		"release-device":  once(access.WriteMeters, "/v1/devices/{id}/release", `{"reason":"matrix"}`, (*stage).adopted),
		"replace-device":  post(access.WriteMeters, "/v1/meters/"+plugged+"/device/replace", `{"device":"plug{n}","reason":"matrix"}`),
		"device-password": post(access.WriteSettings, "/v1/devices/password", `{}`),
		"open-devices": {access.WriteMeters, func(s *stage, _ bool) call {
			s.do(201, "POST", "/v1/devices/password", `{}`)
			return call{"DELETE", "/v1/devices/password", ""}
		}},
		"send-summary":           post(access.SendCommands, "/v1/meters/"+listener+"/device/summary", `{}`),
		"toggle-device":          post(access.SendCommands, "/v1/meters/"+toggler+"/device/toggle", `{"reason":"matrix"}`),
		"cut-supply":             post(access.SendCommands, "/v1/meters/{wallet}/cut", `{"reason":"matrix"}`),
		"restore-supply":         post(access.SendCommands, "/v1/meters/{wallet}/restore", `{"reason":"matrix"}`),
		"page-link":              get(access.ReadCustomers, "/v1/meters/{wallet}/page-link"),
		"make-page-link":         post(access.SendMessages, "/v1/meters/{wallet}/page-link", `{}`),
		"revoke-page-link":       post(access.SendMessages, "/v1/meters/{wallet}/page-link/revoke", `{}`),
		"start-link-key":         once(access.WriteMeters, "/v1/meters/{id}/link-key", `{}`, func(s *stage, _ bool) string { return s.added("prepay_wallet") }),
		"finish-link-key":        once(access.WriteMeters, "/v1/meters/{id}/link-key/finish", `{}`, twoKeys),
		"cancel-link-key":        once(access.WriteMeters, "/v1/meters/{id}/link-key", "", twoKeys).by("DELETE"),
		"replace-meter-password": once(access.WriteMeters, "/v1/meters/{id}/password", `{}`, func(s *stage, _ bool) string { return s.added("prepay_wallet") }),
		"end-meter-password":     once(access.WriteMeters, "/v1/meters/{id}/password", "", func(s *stage, _ bool) string { return s.added("prepay_wallet") }).by("DELETE"),
		"remove-meter": once(access.WriteMeters, "/v1/meters/{id}/remove", `{"reason":"matrix"}`, func(s *stage, _ bool) string {
			m, _ := s.left()
			return m
		}),
		"scrap-meter": once(access.WriteMeters, "/v1/meters/{id}/scrap", `{"reason":"matrix"}`, func(s *stage, _ bool) string { return s.inStock() }),
		"confirm-sim": once(access.WriteMeters, "/v1/meters/{id}/confirm-sim", `{"reason":"matrix"}`, func(s *stage, _ bool) string {
			m := s.added("prepay_token")
			for range 2 { // the first number does not wait
				s.do(200, "POST", "/v1/meters/"+m+"/sim", fmt.Sprintf(`{"sim_phone":"+2547000%05d"}`, 1000+s.next()))
			}
			return m
		}),
		"rebase-meter":       post(access.DecideReadings, "/v1/meters/{wallet}/rebase", `{"register_wh":{n},"reason":"matrix"}`),
		"accept-quarantined": once(access.DecideReadings, "/v1/quarantine/{id}/accept", `{"reason":"matrix"}`, func(s *stage, _ bool) string { return s.doubtful(9_000_000) }),
		"rebase-quarantined": once(access.DecideReadings, "/v1/quarantine/{id}/rebase", `{"reason":"matrix"}`,
			func(s *stage, _ bool) string { return s.doubtful(0) }),
		"discard-quarantined": once(access.DecideReadings, "/v1/quarantine/{id}/discard", `{"reason":"matrix"}`,
			func(s *stage, _ bool) string { return s.doubtful(0) }),
	}
}

func moneyMoves() map[string]valid {
	minor := `"amount":{"amount_minor":500,"currency":"KES"}`
	return map[string]valid{
		"raise-debt": post(access.WriteDebts, "/v1/debts", `{"account":"{meter}","kind":"fine",`+minor+`}`),
		"write-off-debt": once(access.AdjustLedger, "/v1/debts/{id}/write-off", `{"reason":"matrix"}`, func(s *stage, _ bool) string {
			return decode[struct{ ID string }](s.t, s.do(201, "POST", "/v1/debts", `{"account":"`+walletNumber+`","kind":"fine",`+minor+`}`)).ID
		}),
		"adjust":     post(access.AdjustLedger, "/v1/adjustments", `{"account":"{meter}",`+minor+`,"reason":"matrix"}`),
		"add-charge": post(access.WriteDebts, "/v1/charges", `{"account":"{meter}","name":"fee-{n}","month":"2026-11",`+minor+`}`),
		"plan-move-out": {access.WriteCustomers, func(s *stage, _ bool) call {
			return call{"POST", "/v1/accounts/" + s.added("prepay_wallet") + "/move-out/plan", `{}`}
		}},
		"move-out": once(access.WriteCustomers, "/v1/accounts/{id}/move-out", `{"reason":"matrix"}`,
			func(s *stage, _ bool) string { return s.added("prepay_wallet") }),
		"plan-move-in": once(access.WriteCustomers, "/v1/meters/{id}/move-in/plan", `{"tariff":"domestic"}`, func(s *stage, _ bool) string {
			m, _ := s.left()
			return m
		}),
		"move-in": once(access.WriteCustomers, "/v1/meters/{id}/move-in", `{"tariff":"domestic","reason":"matrix"}`, func(s *stage, _ bool) string {
			m, _ := s.left()
			return m
		}),
		"take-over-debts": once(access.WriteDebts, "/v1/accounts/{id}/take-over", `{"from":"`+walletNumber+`","reason":"matrix"}`, func(s *stage, _ bool) string {
			s.do(201, "POST", "/v1/debts", `{"account":"`+walletNumber+`","kind":"fine",`+minor+`}`)
			return s.added("prepay_token")
		}),
		"refund": once(access.AdjustLedger, "/v1/accounts/{id}/refunds", `{"reason":"matrix"}`, func(s *stage, _ bool) string {
			_, account := s.left()
			return account
		}),
	}
}

func utilities() map[string]valid {
	return map[string]valid{
		"publish-tariff": post(access.WriteTariffs, "/v1/tariffs", `{"name":"tariff-{n}","currency":"KES","vat_bps":1500,"flat_micro":2500000}`),
		"publish-tariff-version": once(access.WriteTariffs, "/v1/tariffs/{id}/versions", `{"currency":"KES","vat_bps":1500,"flat_micro":2600000}`, func(s *stage, _ bool) string {
			name := fmt.Sprint("versioned-", s.next())
			s.do(201, "POST", "/v1/tariffs", `{"name":"`+name+`","currency":"KES","vat_bps":1500,"flat_micro":2500000}`)
			return name
		}),
		"plan-tariff-correction": once(access.WriteTariffs, "/v1/tariffs/{id}/versions/plan", `{"currency":"KES","vat_bps":1500,"flat_micro":2500000,"replaces":1}`,
			func(s *stage, _ bool) string {
				name := fmt.Sprint("corrected-", s.next())
				s.do(201, "POST", "/v1/tariffs", `{"name":"`+name+`","currency":"KES","vat_bps":1500,"flat_micro":2500000,"fixed":[{"name":"line","amount_minor":100,"per":"month"}]}`)
				return name
			}),
		"withdraw-tariff-version": once(access.WriteTariffs, "/v1/tariffs/{id}/withdrawals", `{"version":2}`, func(s *stage, _ bool) string {
			name := fmt.Sprint("withdrawn-", s.next())
			s.do(201, "POST", "/v1/tariffs", `{"name":"`+name+`","currency":"KES","vat_bps":1500,"flat_micro":2500000}`)
			s.do(201, "POST", "/v1/tariffs/"+name+"/versions", `{"currency":"KES","vat_bps":1500,"flat_micro":2600000,"effective_from":"`+
				time.Now().UTC().AddDate(0, 0, 30).Format(time.RFC3339)+`"}`)
			return name
		}),
		"simulate-tariff": post(access.ReadTariffs, "/v1/tariff-simulations", `{"tariff":"domestic","draft":{"currency":"KES","vat_bps":0,"flat_micro":1000000}}`),
		"change-settings": post(access.WriteSettings, "/v1/settings", `{"vat_no":"P{n}"}`),
		"trust-clock":     post(access.WriteSettings, "/v1/clock/trust", `{"reason":"matrix"}`),
		"add-vendor":      post(access.ManageVendors, "/v1/vendors", `{"name":"Shop {n}","code":"S{n}"}`),
		"vendor-terms":    post(access.ManageVendors, "/v1/vendors/V9/terms", `{"name":"Corner shop {n}","commission_bps":100}`),
		"deposit":         post(access.DepositFloat, "/v1/vendors/V9/deposits", `{"amount":{"amount_minor":500,"currency":"KES"},"reference":"SLIP-{n}"}`),
		"send-message":    post(access.SendMessages, "/v1/messages", `{"phone":"+254700000001","text":"closed today {n}","route":"paper"}`),
		"retry-message": once(access.SendMessages, "/v1/messages/{id}/retry", `{}`, func(s *stage, _ bool) string {
			m := decode[struct{ ID string }](s.t, s.do(202, "POST", "/v1/messages", `{"phone":"+254700000001","text":"closed","route":"paper"}`)).ID
			s.world.message(m, "sent") // while it is being sent it is not sent again
			return m
		}),
		"change-customer": post(access.WriteCustomers, "/v1/customers/{customer}", `{"lang":"sw"}`),
		"confirm-phone": once(access.WriteCustomers, "/v1/customers/{id}/confirm-phone", `{"reason":"matrix"}`, func(s *stage, _ bool) string {
			customer := s.customerOf(s.added("prepay_token"))
			s.do(200, "POST", "/v1/customers/"+customer, `{"phone":"+254799000009"}`)
			return customer
		}),
		"approval": once(access.Reverse, "/v1/approvals/{id}", "", (*stage).waiting).by("GET"),
		"approve":  once(access.Reverse, "/v1/approvals/{id}/approve", `{}`, (*stage).waiting),
		"reject":   once(access.Reverse, "/v1/approvals/{id}/reject", `{}`, (*stage).waiting),
	}
}

func people() map[string]valid {
	person := func(s *stage, _ bool) string { return s.invited() }
	apiKey := func(s *stage, _ bool) string {
		return decode[struct{ ID string }](s.t, s.want(201, s.ask("POST", "/v1/keys", s.owner, `{"role":"support"}`))).ID
	}
	return map[string]valid{
		"keys":            get(access.ManageKeys, "/v1/keys"),
		"create-key":      post(access.ManageKeys, "/v1/keys", `{"role":"support"}`),
		"rotate-key":      once(access.ManageKeys, "/v1/keys/{id}/rotate", `{}`, apiKey),
		"revoke-key":      once(access.ManageKeys, "/v1/keys/{id}", "", apiKey).by("DELETE"),
		"invite-person":   post(access.ManagePeople, "/v1/people", `{"email":"new-{n}@example.org","role":"support"}`),
		"sessions":        once(access.ManagePeople, "/v1/people/{id}/sessions", "", person).by("GET"),
		"end-sessions":    once(access.ManagePeople, "/v1/people/{id}/sessions", "", person).by("DELETE"),
		"counter-devices": once(access.ManagePeople, "/v1/people/{id}/devices", "", person).by("GET"),
		"own":             once(access.ManagePeople, "/v1/people/{id}/own", "", person).by("GET"),
		"record-own":      once(access.ManagePeople, "/v1/people/{id}/own", `{"kind":"meter","number":"04140001019"}`, person),
		"end-own": {access.ManagePeople, func(s *stage, _ bool) call {
			p := s.invited()
			own := decode[struct{ ID string }](s.t, s.want(200, s.ask("POST", "/v1/people/"+p+"/own", s.owner, `{"kind":"meter","number":"04140001019"}`)))
			return call{"DELETE", "/v1/people/" + p + "/own/" + own.ID, ""}
		}},
		"revoke-device": {access.ManagePeople, func(s *stage, _ bool) call {
			p := s.invited()
			return call{"DELETE", "/v1/people/" + p + "/devices/" + s.device(p), ""}
		}},
		"person-role":  once(access.ManagePeople, "/v1/people/{id}/role", `{"role":"installer"}`, person),
		"block-person": once(access.ManagePeople, "/v1/people/{id}/block", `{}`, person),
		"reset-person": once(access.ManagePeople, "/v1/people/{id}/reset", `{}`, person),
		"unblock-person": once(access.ManagePeople, "/v1/people/{id}/unblock", `{}`, func(s *stage, _ bool) string {
			p := s.invited()
			s.do(200, "POST", "/v1/people/"+p+"/block", `{}`)
			return p
		}),
		"confirm-person": once(everybody, "/v1/people/{id}/confirm", `{}`, func(s *stage, _ bool) string { return s.accepted() }),
	}
}

// number returns the number of a meter that does not exist yet.
func (s *stage) number() string {
	body := fmt.Sprintf("0414%06d", 1000+s.next())
	digit, err := sts.Luhn(body)
	if err != nil {
		s.t.Fatal(err)
	}
	return body + string(digit)
}

// building returns the name of a building with a main meter.
func (s *stage) building(bool) string {
	s.t.Helper()
	number, name := s.number(), fmt.Sprintf("B%d", s.next())
	s.do(201, "POST", "/v1/meters", `{"number":"`+number+`","mode":"prepay_wallet","tariff":"domestic","simulated":true}`)
	s.do(200, "POST", "/v1/meters/"+number, `{"measures":"`+name+`","reason":"main meter"}`)
	return name
}

// shift returns an open shift of the owner with a float.
func (s *stage) shift(bool) string {
	s.t.Helper()
	s.ask("POST", "/v1/shifts/mine/close", s.key, `{"counted":{"amount_minor":1000,"currency":"KES"}}`, "Idempotency-Key", fmt.Sprintf("stage-%06d", s.next()))
	body := fmt.Sprintf(`{"till":"s%d","opening":{"amount_minor":1000,"currency":"KES"}}`, s.next())
	return decode[struct{ ID string }](s.t, s.do(201, "POST", "/v1/shifts", body)).ID
}

// voucherEnd is the last day of vouchers that are made today.
func voucherEnd() string { return time.Now().UTC().AddDate(1, 6, 0).Format(time.DateOnly) }

// newVouchers is a batch of vouchers to make.
func newVouchers() string { return `{"count":2,"face_minor":500,"expires":"` + voucherEnd() + `"}` }

// nothing prepares a call that needs no object.
func (s *stage) nothing(bool) string { return "" }

// vouchers makes a batch of vouchers and returns its id.
func (s *stage) vouchers(bool) string {
	s.t.Helper()
	return decode[struct{ ID string }](s.t, s.do(201, "POST", "/v1/voucher-batches", newVouchers())).ID
}

// printed makes a batch of vouchers with PINs.
func (s *stage) printed() apiv1.VoucherPins {
	s.t.Helper()
	return decode[apiv1.VoucherPins](s.t, s.do(200, "POST", "/v1/voucher-batches/"+s.vouchers(false)+"/pins", "{}"))
}

// printedVouchers returns the id of a batch with PINs.
func (s *stage) printedVouchers(bool) string {
	s.t.Helper()
	return s.printed().Batch
}

// codedVouchers returns the id of a batch whose vouchers have codes.
func (s *stage) codedVouchers(bool) string {
	s.t.Helper()
	made := decode[struct{ ID string }](s.t, s.do(201, "POST", "/v1/voucher-batches", `{"count":2,"face_minor":500,"expires":"`+voucherEnd()+`","requires_code":true}`)).ID
	s.do(200, "POST", "/v1/voucher-batches/"+made+"/pins", "{}")
	s.do(200, "POST", "/v1/voucher-batches/"+made+"/sell", "{}")
	return made
}

// soldVoucher returns the PIN of a voucher that somebody bought.
func (s *stage) soldVoucher(bool) string {
	s.t.Helper()
	p := s.printed()
	s.do(200, "POST", "/v1/voucher-batches/"+p.Batch+"/sell", "{}")
	return p.Vouchers[0].PIN
}

// signing is a secret that signs calls of a provider.
var signing = "whsec_" + strings.Repeat("QUJD", 8)

// provider adds a payment provider and returns its name.
func (s *stage) provider(bool) string {
	s.t.Helper()
	name := fmt.Sprintf("q-%d", s.next())
	s.do(201, "POST", "/v1/payment-providers", `{"name":"`+name+`","kind":"webhook","secrets":{"signing":"`+signing+`"},"max_single_minor":100,"max_daily_minor":1000}`)
	return name
}

// mpesaFile is a statement file of M-Pesa.
const mpesaFile = "Receipt No.,Completion Time,Transaction Status,Paid In,Withdrawn\nQK12AB34CD,2026-11-20 11:00:00,Completed,5.00,\n"

// difference stores an open difference and returns its id.
func (s *stage) difference(bool) string {
	s.t.Helper()
	i := reconcile.Item{Provider: "bank", Date: "2026-11-20", Difference: reconcile.Difference{Kind: reconcile.Gap, Key: fmt.Sprintf("TX%d", s.next()), At: time.Now().UTC()}, Count: 1,
		Owner: "accountant", Open: true, FoundAt: time.Now().UTC()}
	err := s.folder.Engine.Run(s.t.Context(), store.FirstTenant, store.Job, func(tx *store.Tx) (bool, error) {
		var err error
		if i.ID, err = tx.NewID(); err != nil {
			return false, err
		}
		return false, tx.PutItem(i)
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return i.Name()
}

// unreadCall lets a provider send a call that cannot be read, and returns the id of its difference.
func (s *stage) unreadCall() string {
	s.t.Helper()
	if s.unread != "" {
		return s.unread
	}
	p := decode[struct{ Name, Path string }](s.t, s.do(201, "POST", "/v1/payment-providers",
		`{"name":"q-unread","kind":"webhook","secrets":{"signing":"`+signing+`"},"max_single_minor":100,"max_daily_minor":1000}`))
	body, stamp := "no JSON", strconv.FormatInt(s.now().Unix(), 10)
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(signing, "whsec_"))
	if err != nil {
		s.t.Fatal(err)
	}
	s.want(204, s.ask("POST", p.Path+"w", "", body, "webhook-id", "m1", "webhook-timestamp", stamp, "webhook-signature",
		"v1,"+base64.StdEncoding.EncodeToString(webhook.Sign(key, "m1", stamp, []byte(body)))))
	st := reconcile.New(reconcile.Config{Door: store.DoorTo(s.folder.Engine, store.Job, func(tx *store.Tx) reconcile.Tx { return tx }), Now: s.now})
	await.True(s.t, "the unreadable call is a difference", func() bool {
		if err := st.OwnCalls(s.t.Context(), store.FirstTenant); err != nil { // the running server does so each minute, and may have been first
			s.t.Fatal(err)
		}
		for _, d := range decode[apiv1.List[apiv1.Difference]](s.t, s.do(200, "GET", "/v1/differences?kind=unreadable-call", "")).Data {
			s.unread = d.ID
		}
		return s.unread != ""
	})
	return s.unread
}

// asking adds a payment provider that can ask customers, and returns its name.
func (s *stage) asking() string {
	s.t.Helper()
	name := fmt.Sprintf("m-%d", s.next())
	s.do(201, "POST", "/v1/payment-providers", `{"name":"`+name+`","kind":"mpesa","config":{"base_url":"http://127.0.0.1:9","short_code":"600000","initiator":"api"},
		"secrets":{"consumer_key":"k","consumer_secret":"s","passkey":"p","security_credential":"c"}}`)
	return name
}

// aWebhook is a webhook whose address refuses every connection.
const aWebhook = `{"url":"http://127.0.0.1:1/","events":["webhook.disabled"],"allow_private":true}`

// webhook adds a webhook and returns its id. There may be only a few, so the one before is removed.
func (s *stage) webhook(bool) string {
	s.t.Helper()
	for _, w := range decode[struct{ Data []struct{ ID string } }](s.t, s.do(200, "GET", "/v1/webhooks", "")).Data {
		s.do(200, "DELETE", "/v1/webhooks/"+w.ID, "")
	}
	return decode[struct{ ID string }](s.t, s.do(201, "POST", "/v1/webhooks", aWebhook)).ID
}

// delivery sends a test event, and returns the rest of the path of its delivery.
func (s *stage) delivery(bool) string {
	s.t.Helper()
	w := s.webhook(true)
	return w + "/deliveries/" + decode[struct{ ID string }](s.t, s.do(202, "POST", "/v1/webhooks/"+w+"/test", "{}")).ID
}

func parkedPayment(s *stage, _ bool) string      { return s.payment(payment.Parked, time.Now().UTC()) }
func unconfirmedPayment(s *stage, _ bool) string { return s.payment(payment.Received, time.Time{}) }

// paymentRequest stores a request to pay of somebody else, and returns its id.
func paymentRequest(s *stage, _ bool) string {
	s.t.Helper()
	q := payment.PaymentRequest{Provider: "bank", Meter: meterNumber, Amount: money.Amount{Minor: 1000, Currency: "KES"}, State: payment.AskRequested, By: "system test",
		MadeAt: time.Now().UTC(), EndsAt: time.Now().UTC()}
	err := s.folder.Engine.Run(s.t.Context(), store.FirstTenant, store.Job, func(tx *store.Tx) (bool, error) {
		var err error
		if q.ID, err = tx.NewID(); err != nil {
			return false, err
		}
		return false, tx.AddRequest(q)
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return q.Name()
}

// payment stores a payment that was confirmed at a time, with its journal, and returns its id.
func (s *stage) payment(state payment.State, confirmed time.Time) string {
	s.t.Helper()
	p := payment.Payment{Provider: "bank", Txn: fmt.Sprintf("TX%d", s.next()), Amount: money.Amount{Minor: 10_000, Currency: "KES"}, PaidAt: time.Now().UTC(), SeenAt: time.Now().UTC(),
		State: state, ConfirmedAt: confirmed}
	err := s.folder.Engine.Run(s.t.Context(), store.FirstTenant, store.Job, func(tx *store.Tx) (bool, error) {
		var err error
		if p.ID, err = tx.NewID(); err != nil {
			return false, err
		}
		if _, err := tx.AddPayment(p); err != nil || confirmed.IsZero() {
			return false, err
		}
		_, err = ledger.Enter(tx, ledger.Journal{Kind: ledger.Payment, Ref: p.Name(), PostedAt: confirmed, Postings: ledger.PaymentReceived(p.Provider, p.Name(), p.Amount.Minor)})
		return false, err
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return p.Name()
}

// closedDay returns the date of a closed day.
func (s *stage) closedDay() string {
	s.t.Helper()
	d := dayclose.Closed{Period: dayclose.Period{Date: "2020-01-01", From: time.Unix(0, 0), To: time.Unix(86400, 0)}, Zone: "UTC", ClosedAt: time.Unix(90000, 0), ClosedBy: "person x", Epoch: 1, Figures: dayclose.Sum(nil, nil, nil)}
	err := s.folder.Engine.Run(s.t.Context(), store.FirstTenant, store.Job, func(tx *store.Tx) (bool, error) {
		_, found, err := tx.DayDated(d.Date)
		if err != nil || found {
			return false, err
		}
		if d.ID, err = tx.NewID(); err != nil {
			return false, err
		}
		return false, tx.AddDay(d)
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return d.Date
}

// imported imports a meter and returns the id of the import.
func (s *stage) imported(bool) string {
	s.t.Helper()
	return decode[struct{ ID string }](s.t, s.do(201, "POST", "/v1/imports?kind=meters", "number,tariff\n"+s.number()+",domestic\n")).ID
}

// twoKeys returns a meter whose link key is being replaced.
func twoKeys(s *stage, _ bool) string {
	m := s.added("prepay_wallet")
	s.do(201, "POST", "/v1/meters/"+m+"/link-key", `{}`)
	return m
}
