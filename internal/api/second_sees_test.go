package api_test

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/api"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/payment"
	"github.com/paywatt/paywatt/internal/reconcile"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/tier"
)

// The clerk of these tests asks for everything. What the clerk lives in is recorded.
const (
	clerkPhone = "+254799000111"
	clerkName  = "Juma Kamau"
)

// lure is a kind of request that needs a second person: one that is as it says, and one of the same kind with which somebody takes what is not
// theirs. The function makes what both are about, while one person may still do that alone.
type lure struct {
	takes string // how the forged request differs, for the documentation
	calls func(c *clerk) (honest, forged call)
	// usual makes one more honest request, if only its size tells it from the forged one: then the page says what is usual.
	usual func(c *clerk) call
	// shows are beginnings of facts, as [waiting.seen] writes them, by which a reader can tell the requests.
	shows facts
	// changed is a statement that changes what the honest request only names, if it names something; {id} is the 16 bytes of its object.
	changed string
}

// facts are beginnings of what is seen of an honest and of a forged request.
type facts struct{ honest, forged []string }

// clerk is a stage with a person of the utility who has recorded a meter and a telephone number.
type clerk struct {
	*stage
	wallet, token, account string // the clerk's own meters, and the account of the first
}

// newClerk adds the clerk, who lives at two meters.
func newClerk(s *stage) *clerk {
	s.t.Helper()
	c := &clerk{stage: s}
	c.wallet, c.token = c.home("prepay_wallet", clerkName, clerkPhone), c.home("prepay_token", clerkName, clerkPhone)
	c.account = c.accountOf(c.wallet)
	person := s.invited()
	for _, own := range []string{`{"kind":"meter","number":"` + c.wallet + `"}`, `{"kind":"meter","number":"` + c.token + `"}`, `{"kind":"phone","number":"` + clerkPhone + `"}`} {
		s.do(200, "POST", "/v1/people/"+person+"/own", own)
	}
	err := s.folder.Engine.Run(s.t.Context(), store.FirstTenant, store.Job, func(tx *store.Tx) (bool, error) {
		_, err := tx.C.Exec(`UPDATE person SET name = $1 WHERE email LIKE 'person-%'`, clerkName)
		return false, err
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return c
}

// home registers a meter of a customer.
func (c *clerk) home(mode, name, phone string) string {
	c.t.Helper()
	number := c.number()
	more := ""
	if mode == "prepay_token" {
		more = `"sgc":"123456","krn":1,"kt":2,"ti":"01","simulated":true,`
	}
	c.do(201, "POST", "/v1/meters", fmt.Sprintf(`{"number":"%s","mode":"%s",%s"tariff":"domestic","customer":{"name":"%s","phone":"%s"}}`, number, mode, more, name, phone))
	return number
}

// wallets registers a wallet meter of a customer, and tokens a token meter.
func (c *clerk) wallets(name string) string {
	c.t.Helper()
	return c.home("prepay_wallet", name, fmt.Sprintf("+25470100%04d", c.next()))
}

func (c *clerk) tokens(name string) string {
	c.t.Helper()
	return c.home("prepay_token", name, fmt.Sprintf("+25470200%04d", c.next()))
}

func (c *clerk) accountOf(meter string) string {
	c.t.Helper()
	return decode[struct{ ID string }](c.t, c.do(200, "GET", "/v1/accounts/"+meter, "")).ID
}

// vended is what these tests read of a sale.
type vended struct {
	ID     string
	Tokens []struct{ TID int64 }
}

// soldTo sells to a meter and returns the sale.
func (c *clerk) soldTo(meter string, minor int) vended {
	c.t.Helper()
	return decode[vended](c.t, c.do(201, "POST", "/v1/vends", fmt.Sprintf(`{"meter":"%s","tender":{"amount_minor":%d,"currency":"KES"}}`, meter, minor)))
}

// owes raises a debt and returns its id.
func (c *clerk) owes(meter, kind string, minor int) string {
	c.t.Helper()
	return decode[struct{ ID string }](c.t, c.do(201, "POST", "/v1/debts", debtOf(meter, kind, minor))).ID
}

func debtOf(meter, kind string, minor int) string {
	return fmt.Sprintf(`{"account":"%s","kind":"%s","amount":{"amount_minor":%d,"currency":"KES"}}`, meter, kind, minor)
}

// leaves lets a customer who has paid move out, and returns the meter and the account.
func (c *clerk) leaves(name string, minor int) (meter, account string) {
	c.t.Helper()
	meter = c.wallets(name)
	account = c.accountOf(meter)
	c.soldTo(meter, minor)
	c.do(201, "POST", "/v1/accounts/"+meter+"/move-out", `{"reason":"lease ended"}`)
	return meter, account
}

// paid stores a parked payment with its journal if it is confirmed, and returns its id.
func (c *clerk) paid(p payment.Payment, confirmed bool) string {
	c.t.Helper()
	at := time.Now().UTC()
	p.Provider, p.Txn, p.Amount = "bank", fmt.Sprintf("TX%d", c.next()), money.Amount{Minor: cmp.Or(p.Amount.Minor, 10_000), Currency: "KES"}
	p.PaidAt, p.SeenAt, p.State = at, at, cmp.Or(p.State, payment.Parked)
	if confirmed {
		p.ConfirmedAt = at
	}
	err := c.folder.Engine.Run(c.t.Context(), store.FirstTenant, store.Job, func(tx *store.Tx) (_ bool, err error) {
		if p.ID, err = tx.NewID(); err != nil {
			return false, err
		}
		if _, err := tx.AddPayment(p); err != nil || !confirmed {
			return false, err
		}
		_, err = ledger.Enter(tx, ledger.Journal{Kind: ledger.Payment, Ref: p.Name(), PostedAt: at, Postings: ledger.PaymentReceived(p.Provider, p.Name(), p.Amount.Minor)})
		return false, err
	})
	if err != nil {
		c.t.Fatal(err)
	}
	return p.Name()
}

// unlike stores a difference and returns its id.
func (c *clerk) unlike(d reconcile.Difference) string {
	c.t.Helper()
	d.Key, d.At, d.Currency = fmt.Sprintf("TX%d", c.next()), time.Now().UTC(), "KES"
	d.Txn = d.Key
	i := reconcile.Item{Provider: "bank", Date: "2026-11-20", Difference: d, Count: 1, Owner: "accountant", Open: true, FoundAt: time.Now().UTC()}
	err := c.folder.Engine.Run(c.t.Context(), store.FirstTenant, store.Job, func(tx *store.Tx) (_ bool, err error) {
		if i.ID, err = tx.NewID(); err != nil {
			return false, err
		}
		return false, tx.PutItem(i)
	})
	if err != nil {
		c.t.Fatal(err)
	}
	return i.Name()
}

// posts is a POST to a path with an object.
func posts(path, body string) call { return call{"POST", path, body} }

// lures are the kinds of requests, by their act.
func lures() map[access.Act]lure {
	all := map[access.Act]lure{}
	for _, part := range []map[access.Act]lure{luresOfMoney(), luresOfPayments(), luresOfMeters(), luresOfRules()} {
		maps.Copy(all, part)
	}
	return all
}

func luresOfMoney() map[access.Act]lure {
	amount := func(minor int) string { return fmt.Sprintf(`"amount":{"amount_minor":%d,"currency":"KES"}`, minor) }
	return map[access.Act]lure{
		access.ActRefund: {takes: "to the account of a colleague", calls: func(c *clerk) (call, call) {
			_, one := c.leaves("Grace Wanjiru", 120_000)
			_, two := c.leaves("Peter Otieno", 120_000)
			return posts("/v1/accounts/"+one+"/refunds", `{"reason":"paid to her bank account"}`), posts("/v1/accounts/"+two+"/refunds", `{"to":"`+c.wallet+`","reason":"paid to his new account"}`)
		}},
		access.ActAdjust: {takes: "a hundred times more, to a colleague", calls: func(c *clerk) (call, call) {
			return posts("/v1/adjustments", `{"account":"`+c.wallets("Grace Wanjiru")+`",`+amount(25_000)+`,"reason":"outage of 12 May"}`),
				posts("/v1/adjustments", `{"account":"`+c.wallet+`",`+amount(2_500_000)+`,"reason":"outage of 12 May"}`)
		}},
		access.ActDebt: {takes: "a hundred times more", usual: func(c *clerk) call {
			return posts("/v1/debts", debtOf(c.wallets("Grace Wanjiru"), "connection fee", 450_000))
		}, calls: func(c *clerk) (call, call) {
			return posts("/v1/debts", debtOf(c.wallets("Grace Wanjiru"), "connection fee", 450_000)), posts("/v1/debts", debtOf(c.wallets("Peter Otieno"), "connection fee", 45_000_000))
		}},
		access.ActTakeOver: {takes: "a colleague's debts, to a stranger", calls: func(c *clerk) (call, call) {
			keypad := func(name string) string { // purchases of a wallet pay no debts
				return c.home("prepay_token", name, fmt.Sprintf("+25470100%04d", c.next()))
			}
			from, to := c.wallets("Grace Wanjiru"), keypad("Grace Wanjiru")
			c.owes(from, "arrears", 60_000)
			c.owes(c.wallet, "arrears", 900_000)
			return posts("/v1/accounts/"+to+"/take-over", `{"from":"`+from+`","reason":"same customer, new flat"}`),
				posts("/v1/accounts/"+keypad("Peter Otieno")+"/take-over", `{"from":"`+c.wallet+`","reason":"same customer, new flat"}`)
		}},
		access.ActMoveOutOwing: {takes: "a colleague who owes 45,000.00", calls: func(c *clerk) (call, call) {
			one, two := c.wallets("Grace Wanjiru"), c.home("prepay_wallet", clerkName, clerkPhone)
			c.owes(one, "arrears", 5_000)
			c.owes(two, "arrears", 4_500_000)
			return posts("/v1/accounts/"+one+"/move-out", `{"reason":"lease ended"}`), posts("/v1/accounts/"+two+"/move-out", `{"reason":"lease ended"}`)
		}},
		access.ActMoveIn: {takes: "a colleague, so that the last customer pays for him", calls: func(c *clerk) (call, call) {
			one, _ := c.leaves("Grace Wanjiru", 500)
			two, _ := c.leaves("Peter Otieno", 90_000)
			in := func(name, phone string) string {
				return `{"tariff":"domestic","customer":{"name":"` + name + `","phone":"` + phone + `"},"reason":"new tenant"}`
			}
			return posts("/v1/meters/"+one+"/move-in", in("Ann Njeri", "+254703000001")), posts("/v1/meters/"+two+"/move-in", in("J. K.", clerkPhone))
		}},
		access.ActImportBalances: {takes: "a row for a colleague's meter", calls: func(c *clerk) (call, call) {
			rows := fmt.Sprintf("account,amount,memo\n%s,120.00,old system\n%s,75.50,old system\n", c.wallets("Grace Wanjiru"), c.wallets("Peter Otieno"))
			return posts("/v1/imports?kind=balances", rows), posts("/v1/imports?kind=balances",
				fmt.Sprintf("account,amount,memo\n%s,110.00,old system\n%s,25000.00,old system\n", c.wallets("Ann Njeri"), c.wallet))
		}},
		access.ActImportDebts: {takes: "a row of 800,000.00", calls: func(c *clerk) (call, call) {
			rows := func(a, b string) string {
				return fmt.Sprintf("account,amount,kind,memo\n%s,%s,arrears,May\n%s,60.00,arrears,May\n", c.wallets("Grace Wanjiru"), a, b)
			}
			return posts("/v1/imports?kind=debts", rows("80.00", c.wallets("Peter Otieno"))), posts("/v1/imports?kind=debts", rows("800000.00", c.wallets("Ann Njeri")))
		}},
		access.ActImportUndo: {takes: "a row of a colleague's debt", calls: func(c *clerk) (call, call) {
			imported := func(rows string) string {
				return decode[struct{ ID string }](c.t, c.do(201, "POST", "/v1/imports?kind=debts&mode=apply", "account,amount,kind,memo\n"+rows)).ID
			}
			one := imported(c.wallets("Grace Wanjiru") + ",80.00,arrears,April\n" + c.wallets("Peter Otieno") + ",60.00,arrears,April\n")
			two := imported(c.wallets("Ann Njeri") + ",70.00,arrears,April\n" + c.wallet + ",9800.00,arrears,April\n")
			return posts("/v1/imports/"+one+"/undo", "{}"), posts("/v1/imports/"+two+"/undo", "{}")
		}},
		access.ActReverse: {takes: "a large sale to a colleague's meter", changed: `UPDATE vend SET tender = tender + 1 WHERE id = {id}`, calls: func(c *clerk) (call, call) {
			one, two := c.soldTo(c.tokens("Grace Wanjiru"), 20_000), c.soldTo(c.token, 900_000)
			return posts("/v1/vends/"+one.ID+"/reversal", `{"reason":"wrong meter"}`), posts("/v1/vends/"+two.ID+"/reversal", `{"reason":"wrong meter"}`)
		}},
		access.ActDeposit: {takes: "a hundred times more", usual: func(c *clerk) call { return c.deposits(500_000) },
			calls: func(c *clerk) (call, call) { return c.deposits(500_000), c.deposits(50_000_000) }},
		access.ActTerms: {takes: "a credit limit beside the commission", calls: func(c *clerk) (call, call) {
			return posts("/v1/vendors/V9/terms", `{"commission_bps":200}`), posts("/v1/vendors/V9/terms", `{"commission_bps":200,"credit_limit_minor":90000000}`)
		}},
		access.ActShiftCloseAny: {takes: "almost all cash is missing", usual: func(c *clerk) call { return c.counts("99500") },
			calls: func(c *clerk) (call, call) { return c.counts("99500"), c.counts("4000") }},
		access.ActMakeVouchers: {takes: "a hundred times the value", usual: func(*clerk) call { return vouchersOf(10_000) },
			calls: func(*clerk) (call, call) { return vouchersOf(10_000), vouchersOf(1_000_000) }},
		access.ActReissueCodes: {takes: "a whole batch of large vouchers", usual: func(c *clerk) call { return c.reissues(2, 10_000) },
			calls: func(c *clerk) (call, call) { return c.reissues(2, 10_000), c.reissues(80, 500_000) }},
		access.ActEndVouchers: {takes: "vouchers that customers have bought", changed: `UPDATE voucher_batch SET face = face + 1 WHERE id = {id}`, calls: func(c *clerk) (call, call) {
			one, two := c.printedVouchers(false), c.printedVouchers(false)
			c.do(200, "POST", "/v1/voucher-batches/"+two+"/sell", "{}")
			return posts("/v1/voucher-batches/"+one+"/end", `{"reason":"sheets lost"}`), posts("/v1/voucher-batches/"+two+"/end", `{"reason":"sheets lost"}`)
		}},
	}
}

func luresOfPayments() map[access.Act]lure {
	return map[access.Act]lure{
		access.ActApplyPayment: {takes: "to a colleague's meter", changed: `UPDATE payment SET payer = '+254700999999' WHERE id = {id}`, calls: func(c *clerk) (call, call) {
			meant := c.wallets("Grace Wanjiru")
			one := c.paid(payment.Payment{Reference: meant[:10] + "9", Payer: "+254700000411"}, true)
			two := c.paid(payment.Payment{Reference: meant[:10] + "8", Payer: "+254700000412"}, true)
			return posts("/v1/payments/"+one+"/apply", `{"meter":"`+meant+`"}`), posts("/v1/payments/"+two+"/apply", `{"meter":"`+c.wallet+`"}`)
		}},
		access.ActRefundPayment: {takes: "a customer's payment, to a colleague", calls: func(c *clerk) (call, call) {
			one := c.paid(payment.Payment{Reference: "school fees", Payer: "+254700000413"}, true)
			two := c.paid(payment.Payment{Reference: c.wallets("Grace Wanjiru"), Payer: clerkPhone}, true)
			return posts("/v1/payments/"+one+"/refund", `{"reason":"not for us"}`), posts("/v1/payments/"+two+"/refund", `{"reason":"not for us"}`)
		}},
		access.ActDismissPayment: {takes: "a customer's payment, which came only once", shows: facts{
			honest: []string{"first-payment:  -> 100.00 KES", "first-state:  -> applied", "known:  -> other-provider"},
			forged: []string{"first-payment:  -> none", "No other payment has this amount and this reference", "known:  -> above-ceiling"},
		}, calls: func(c *clerk) (call, call) {
			meter := c.wallets("Peter Otieno")
			c.paid(payment.Payment{Reference: meter, Payer: "+254700000415", State: payment.Applied}, true)
			one := c.paid(payment.Payment{Reference: meter, Payer: "+254700000415", Reason: payment.OtherProvider}, false)
			two := c.paid(payment.Payment{Reference: c.wallets("Grace Wanjiru"), Payer: "+254700000414", Reason: payment.AboveCeiling}, false)
			return posts("/v1/payments/"+one+"/reject", `{"reason":"came twice"}`), posts("/v1/payments/"+two+"/reject", `{"reason":"came twice"}`)
		}},
		access.ActStatement: {takes: "three large rows for a colleague's meter", changed: `UPDATE statement_file SET rows = rows + 1 WHERE id = {id}`, calls: func(c *clerk) (call, call) {
			c.do(201, "POST", "/v1/payment-providers", `{"name":"till-bank","kind":"webhook","secrets":{"signing":"`+signing+`"},"max_single_minor":1000000,"max_daily_minor":90000000}`)
			const at = "/v1/payment-providers/till-bank/statements"
			row := func(txn, in, meter, payer string) string {
				return fmt.Sprintf("%s,2026-11-20 11:00:00,Completed,%s,,%s,%s\n", txn, in, meter, payer)
			}
			head := "Receipt No.,Completion Time,Transaction Status,Paid In,Withdrawn,A/C No.,Other Party Info\n"
			one := head + row("QK1", "500.00", c.wallets("Grace Wanjiru"), "254700000411 - GRACE") + row("QK2", "250.00", c.wallets("Peter Otieno"), "254700000412 - PETER")
			two := head + row("QK3", "500.00", c.wallets("Ann Njeri"), "254700000413 - ANN")
			for i := range 3 {
				two += row(fmt.Sprintf("QK9%d", i), "90000.00", c.wallet, "254700000999 - X")
			}
			return posts(at, one), posts(at, two)
		}},
		access.ActSettle: {takes: "45,000.00 are missing, not a fee", usual: func(c *clerk) call {
			return posts("/v1/differences/"+c.unlike(reconcile.Difference{Kind: reconcile.FeeUnbooked, Stated: 1_500, Note: "fees of a day"})+"/close", `{"why":"the bank's fees, booked by hand"}`)
		}, changed: `UPDATE difference SET stated = stated + 1 WHERE id = {id}`, calls: func(c *clerk) (call, call) {
			one := c.unlike(reconcile.Difference{Kind: reconcile.FeeUnbooked, Stated: 1_500, Note: "fees of a day"})
			two := c.unlike(reconcile.Difference{Kind: reconcile.NoPayment, Stated: 4_500_000})
			return posts("/v1/differences/"+one+"/close", `{"why":"the bank's fees, booked by hand"}`), posts("/v1/differences/"+two+"/close", `{"why":"the bank's fees, booked by hand"}`)
		}},
		access.ActProvider: {takes: "calls go to another server", changed: `UPDATE provider SET single_max = single_max + 1 WHERE id = {id}`, calls: func(c *clerk) (call, call) {
			add := func(name, host string, single int) call {
				c.do(201, "POST", "/v1/payment-providers", fmt.Sprintf(`{"name":"%s","kind":"mpesa","config":{"base_url":"%s","short_code":"600000","initiator":"api"},
					"secrets":{"consumer_key":"k","consumer_secret":"s","passkey":"p","security_credential":"c"}}`, name, host))
				c.do(200, "POST", "/v1/payment-providers/"+name+"/disable", "{}")
				return posts("/v1/payment-providers/"+name+"/enable", "{}")
			}
			return add("mpesa", "https://api.safaricom.co.ke", 0), add("mpesa-two", "https://api.safaricom.co.ke.payments.example.com", 0)
		}},
		access.ActProviderSecret: {takes: "the old secrets count for a week", shows: facts{
			honest: []string{"old-secrets-count-for:  -> 1h0m0s"},
			forged: []string{"old-secrets-count-for:  -> 168h0m0s", "The old secrets count longer than the usual 24 hours."},
		}, calls: func(c *clerk) (call, call) {
			name := c.provider(false)
			return posts("/v1/payment-providers/"+name+"/secrets", `{"overlap_hours":1}`), posts("/v1/payment-providers/"+name+"/secrets", `{"overlap_hours":168}`)
		}},
	}
}

func luresOfMeters() map[access.Act]lure {
	command := func(meter, body string) call { return posts("/v1/meters/"+meter+"/commands", body) }
	token := func(meter, body string) call { return posts("/v1/meters/"+meter+"/tokens", body) }
	return map[access.Act]lure{
		access.ActUnits: {takes: "ninety times more, to a colleague", calls: func(c *clerk) (call, call) {
			return token(c.tokens("Grace Wanjiru"), `{"kind":"free","units_wh":10000,"reason_code":"compensation","reason":"outage of 12 May"}`),
				token(c.token, `{"kind":"free","units_wh":900000,"reason_code":"compensation","reason":"outage of 12 May"}`)
		}},
		access.ActTokens: {takes: "three times the power, for a colleague's meter", calls: func(c *clerk) (call, call) {
			return token(c.tokens("Grace Wanjiru"), `{"kind":"power_limit","power_w":5000,"reason_code":"other"}`), token(c.token, `{"kind":"power_limit","power_w":16000,"reason_code":"other"}`)
		}},
		access.ActClearCredit: {takes: "a meter that was just sold energy", calls: func(c *clerk) (call, call) {
			one, two := c.tokens("Grace Wanjiru"), c.tokens("Peter Otieno")
			c.soldTo(two, 500_000)
			return token(one, `{"kind":"clear_credit","reason_code":"test","reason":"before the meter goes to the workshop"}`), token(two, `{"kind":"clear_credit","reason_code":"test","reason":"before the meter goes to the workshop"}`)
		}},
		access.ActClearTamper: {takes: "a colleague's meter", calls: func(c *clerk) (call, call) {
			return token(c.tokens("Grace Wanjiru"), `{"kind":"clear_tamper","reason_code":"tamper_fixed"}`), token(c.token, `{"kind":"clear_tamper","reason_code":"tamper_fixed"}`)
		}},
		access.ActCancelToken: {takes: "a customer's large token", usual: func(c *clerk) call { return c.cancels("Grace Wanjiru", 2_000) },
			calls: func(c *clerk) (call, call) {
				return c.cancels("Grace Wanjiru", 2_000), c.cancels("Peter Otieno", 800_000)
			}},
		access.ActForce: {takes: "a colleague's meter", calls: func(c *clerk) (call, call) {
			return command(c.tokens("Grace Wanjiru"), `{"type":"connect","args":{"force":true},"reason":"relay stuck"}`), command(c.token, `{"type":"connect","args":{"force":true},"reason":"relay stuck"}`)
		}},
		access.ActMeterConfig: {takes: "90 kWh on credit for a colleague", calls: func(c *clerk) (call, call) {
			return posts("/v1/meters/"+c.tokens("Grace Wanjiru")+"/config", `{"set":{"ec_limit_wh":2000},"reason":"clinic"}`), posts("/v1/meters/"+c.token+"/config", `{"set":{"ec_limit_wh":90000},"reason":"clinic"}`)
		}},
		access.ActDevice: {takes: "a colleague's meter", calls: func(c *clerk) (call, call) {
			return posts("/v1/devices", `{"name":"`+c.talks(false)+`","meter":"`+c.wallets("Grace Wanjiru")+`"}`), posts("/v1/devices", `{"name":"`+c.talks(false)+`","meter":"`+c.wallet+`"}`)
		}},
		access.ActSupply: {takes: "a colleague's meter", calls: func(c *clerk) (call, call) {
			return posts("/v1/meters/"+c.wallets("Grace Wanjiru")+"/supply", `{"protected":true,"reason":"a pump for the heart"}`), posts("/v1/meters/"+c.wallet+"/supply", `{"protected":true,"reason":"a pump for the heart"}`)
		}},
		access.ActEmergency: {takes: "90 kWh for a colleague", calls: func(c *clerk) (call, call) {
			return posts("/v1/meters/"+c.wallets("Grace Wanjiru")+"/emergency", `{"hours":4,"energy_wh":3000,"reason":"a birth at home"}`), posts("/v1/meters/"+c.wallet+"/emergency", `{"hours":24,"energy_wh":90000,"reason":"a birth at home"}`)
		}},
		access.ActReading: {takes: "a doubtful jump is set aside", calls: func(c *clerk) (call, call) {
			return posts("/v1/meters/"+c.stepped("Grace Wanjiru", "+254701990001", 2000)+"/rebase", `{"register_wh":2100,"reason":"read on site"}`),
				posts("/v1/meters/"+c.stepped(clerkName, clerkPhone, 900_000)+"/rebase", `{"register_wh":2100,"reason":"read on site"}`)
		}},
		access.ActSwap: {takes: "2,900 kWh left in the old meter", usual: func(c *clerk) call { return c.swaps("Grace Wanjiru", 5_000, "4200") },
			calls: func(c *clerk) (call, call) {
				return c.swaps("Grace Wanjiru", 5_000, "4200"), c.swaps("Peter Otieno", 900_000, "2900000")
			}},
		access.ActMeterTariff: {takes: "a tariff that costs almost nothing", calls: func(c *clerk) (call, call) {
			c.do(201, "POST", "/v1/tariffs", `{"name":"shops","currency":"KES","vat_bps":1500,"flat_micro":3100000}`)
			c.do(201, "POST", "/v1/tariffs", `{"name":"shops-2","currency":"KES","vat_bps":0,"flat_micro":100000}`)
			add := func(tariff string) call {
				return posts("/v1/meters", `{"number":"`+c.number()+`","mode":"prepay_wallet","tariff":"`+tariff+`","customer":{"name":"Mwangi Shop","phone":"+254704000001"}}`)
			}
			return add("shops"), add("shops-2")
		}},
		access.ActMaxPower: {takes: "100 W for a colleague's meter: all above is not charged", calls: func(c *clerk) (call, call) {
			return posts("/v1/meters/"+c.wallets("Grace Wanjiru"), `{"max_w":15000,"reason":"a welding machine"}`), posts("/v1/meters/"+c.wallet, `{"max_w":100,"reason":"a welding machine"}`)
		}},
		access.ActUnreadCut: {takes: "never, for a colleague's meter", calls: func(c *clerk) (call, call) {
			return posts("/v1/meters/"+c.wallets("Grace Wanjiru"), `{"unread_cut_h":48,"reason":"weak signal"}`), posts("/v1/meters/"+c.wallet, `{"unread_cut_h":0,"reason":"weak signal"}`)
		}},
		access.ActFeeder: {takes: "a colleague's meter leaves its feeder", calls: func(c *clerk) (call, call) {
			one := c.wallets("Grace Wanjiru")
			for _, m := range []string{one, c.wallet} {
				c.do(200, "POST", "/v1/meters/"+m, `{"feeder":"North 1","reason":"installed"}`)
			}
			return posts("/v1/meters/"+one, `{"feeder":"North 2","reason":"moved to the new transformer"}`), posts("/v1/meters/"+c.wallet, `{"feeder":"","reason":"moved to the new transformer"}`)
		}},
		access.ActImpulses: {takes: "a colleague, and eight times the impulses", calls: func(c *clerk) (call, call) {
			add := func(imp, name, phone string) call {
				return posts("/v1/meters", `{"number":"`+c.number()+`","mode":"prepay_wallet","tariff":"domestic","imp_per_kwh":`+imp+`,"customer":{"name":"`+name+`","phone":"`+phone+`"}}`)
			}
			return add("12800", "Grace Wanjiru", "+254704000002"), add("100000", "J. K.", clerkPhone)
		}},
		access.ActPostpaid: {takes: "a colleague", calls: func(c *clerk) (call, call) {
			add := func(name, phone string) call {
				return posts("/v1/meters", `{"number":"`+c.number()+`","mode":"postpay","tariff":"domestic","customer":{"name":"`+name+`","phone":"`+phone+`"}}`)
			}
			return add("County hospital", "+254704000003"), add("J. K.", clerkPhone)
		}},
		access.ActLinkKey: {takes: "the old key of a colleague's meter ends", calls: func(c *clerk) (call, call) {
			one, two := c.wallets("Grace Wanjiru"), c.home("prepay_wallet", clerkName, clerkPhone)
			for _, m := range []string{one, two} {
				c.do(201, "POST", "/v1/meters/"+m+"/link-key", `{}`)
			}
			return call{"DELETE", "/v1/meters/" + one + "/link-key", ""}, posts("/v1/meters/"+two+"/link-key/finish", `{}`)
		}},
		access.ActRemove: {takes: "a colleague's meter, which goes on supplying", calls: func(c *clerk) (call, call) {
			one, two := c.tokens("Grace Wanjiru"), c.home("prepay_token", clerkName, clerkPhone)
			for _, m := range []string{one, two} {
				c.do(201, "POST", "/v1/meters/"+m+"/swap", stocked(c.stage))
			}
			const body = `{"reason":"back in the workshop"}`
			return posts("/v1/meters/"+one+"/remove", body), posts("/v1/meters/"+two+"/remove", body)
		}},
		access.ActPassword: {takes: "a colleague's meter is away at once", calls: func(c *clerk) (call, call) {
			return posts("/v1/meters/"+c.wallets("Grace Wanjiru")+"/password", `{}`), posts("/v1/meters/"+c.wallet+"/password", `{"at_once":true}`)
		}},
	}
}

func luresOfRules() map[access.Act]lure {
	price := func(flat string) call {
		return posts("/v1/tariffs/domestic/versions", `{"currency":"KES","vat_bps":1500,"flat_micro":`+flat+`}`)
	}
	return map[access.Act]lure{
		access.ActTariff: {takes: "a tenth of the price", calls: func(*clerk) (call, call) { return price("2600000"), price("260000") }},
		access.ActSettings: {takes: "four eyes are switched off", calls: func(*clerk) (call, call) {
			return posts("/v1/settings", `{"vat_no":"P051234567X"}`), posts("/v1/settings", `{"vat_no":"P051234567X","four_eyes":"off","ceilings":{"person/free_units":1000000000}}`)
		}},
		access.ActWebhook: {takes: "another address and more events", changed: `UPDATE webhook SET url = 'https://elsewhere.example.com/' WHERE id = {id}`, shows: facts{
			honest: []string{"leaves:  -> customers data", "host:  -> books.example.com", "events:  -> vend.completed"},
			forged: []string{"leaves:  -> customers data", "host:  -> collect.example.net", "No event was ever sent to collect.example.net.", "events:  -> alarm.raised"},
		}, calls: func(c *clerk) (call, call) {
			c.do(201, "POST", "/v1/webhooks", `{"url":"https://books.example.com/ledger","events":["payment.applied"]}`)
			return posts("/v1/webhooks", `{"url":"https://books.example.com/paywatt","events":["vend.completed"]}`),
				posts("/v1/webhooks", `{"url":"https://collect.example.net/all","events":["vend.completed","alarm.raised"]}`)
		}},
		access.ActClock: {takes: "a clock that is seventeen days ahead", shows: facts{
			honest: []string{"clock-known:", "clock-says:", "clock-ahead:  -> 26h", "clock-check:  -> compare with a telephone"},
			forged: []string{"clock-known:", "clock-says:", "clock-ahead:  -> 410h", "That is more than 7 days.", "clock-check:  -> compare with a telephone"},
		}, calls: func(*clerk) (call, call) {
			return posts("/v1/clock/trust", `{"reason":"the battery of the clock was replaced"}`), call{}
		}},
	}
}

// deposits makes the request of a deposit of a vendor.
func (c *clerk) deposits(minor int) call {
	c.t.Helper()
	return posts("/v1/vendors/V9/deposits", fmt.Sprintf(`{"amount":{"amount_minor":%d,"currency":"KES"},"reference":"SLIP-%d"}`, minor, c.next()))
}

// counts opens a till with 1,000.00 and makes the request to close it with other cash.
func (c *clerk) counts(minor string) call {
	c.t.Helper()
	body := fmt.Sprintf(`{"till":"till%d","opening":{"amount_minor":100000,"currency":"KES"}}`, c.next())
	opened := c.want(201, c.ask("POST", "/v1/shifts", c.newKey(access.Operator), body, "Idempotency-Key", fmt.Sprintf("stage-%06d", c.next())))
	return posts("/v1/shifts/"+decode[struct{ ID string }](c.t, opened).ID+"/close", `{"counted":{"amount_minor":`+minor+`,"currency":"KES"},"note":"counted twice"}`)
}

// vouchersOf makes the request of 200 vouchers of a value.
func vouchersOf(minor int) call {
	return posts("/v1/voucher-batches", fmt.Sprintf(`{"count":200,"face_minor":%d,"expires":%q,"note":"kiosks"}`, minor, voucherEnd()))
}

// reissues sells vouchers and makes the request to issue their codes again.
func (c *clerk) reissues(count, face int) call {
	c.t.Helper()
	body := fmt.Sprintf(`{"count":%d,"face_minor":%d,"expires":%q,"requires_code":true}`, count, face, voucherEnd())
	at := "/v1/voucher-batches/" + decode[struct{ ID string }](c.t, c.do(201, "POST", "/v1/voucher-batches", body)).ID
	c.want(200, c.ask("POST", at+"/pins", c.newKey(access.Owner), "{}", "Idempotency-Key", fmt.Sprintf("stage-%06d", c.next())))
	c.do(200, "POST", at+"/sell", "{}")
	return posts(at+"/codes/again", `{"reason":"receipt lost in the rain"}`)
}

// cancels sells to a new meter and makes the request to cancel its token.
func (c *clerk) cancels(name string, minor int) call {
	c.t.Helper()
	meter := c.tokens(name)
	tid := c.soldTo(meter, minor).Tokens[0].TID
	return posts("/v1/meters/"+meter+"/commands", fmt.Sprintf(`{"type":"cancel_token","args":{"tid":%d,"base_date":2014},"reason":"sold twice"}`, tid))
}

// swaps sells to a new meter and makes the request to replace it, with an energy that is left in it.
func (c *clerk) swaps(name string, sold int, wh string) call {
	c.t.Helper()
	meter := c.tokens(name)
	c.soldTo(meter, sold)
	return posts("/v1/meters/"+meter+"/swap", strings.Replace(stocked(c.stage), `"balance_wh":0`, `"balance_wh":`+wh, 1))
}

// stepped registers a wallet meter that has reported a register.
func (c *clerk) stepped(name, phone string, register int64) string {
	c.t.Helper()
	meter := c.home("prepay_wallet", name, phone)
	c.soldTo(meter, 500_000)
	c.report(meter, 1000, register)
	return meter
}

// waiting is a request that waits for a second person.
type waiting struct {
	id, object string
	now        *apiv1.Effect
}

// seen is what the second person sees, without what tells any two requests apart: names, numbers, times and what the clerk wrote.
func (w waiting) seen() (lines []string) {
	apart := []string{"account", "customer", "first-payer", "first-reference", "first-transaction", "from-account", "from-customer", "from-meter", "from-phone", "meter", "newest-token", "note", "payer", "phone", "reason", "reference", "sold-at", "tid",
		"to-customer", "to-meter", "to-phone", "transaction", "vouchers"}
	for _, f := range w.now.Facts {
		line := f.Name + ": " + f.Before + " -> " + f.After
		if slices.Contains(apart, f.Name) {
			line = f.Name
		}
		lines = append(lines, line)
		lines = append(lines, f.Cautions...)
	}
	for _, r := range w.now.Sums {
		lines = append(lines, fmt.Sprintf("%s %d %s", r.Fate, r.Count, r.Sum))
	}
	for _, r := range w.now.Rows {
		lines = append(lines, r.Cautions...)
	}
	return lines
}

// shows checks that some facts are seen.
func (w waiting) shows(t *testing.T, act access.Act, want []string) {
	t.Helper()
	for _, begin := range want {
		if !slices.ContainsFunc(w.seen(), func(line string) bool { return strings.HasPrefix(line, begin) }) {
			t.Errorf("%s: the second person does not see %q: %q", act, begin, w.seen())
		}
	}
}

// odd counts the reasons to look twice.
func (w waiting) odd() (n int) {
	for _, f := range w.now.Facts {
		n += len(f.Cautions)
	}
	for _, r := range w.now.Rows {
		n += len(r.Cautions)
	}
	return n
}

// statusOfWaiting returns the status with which a request is answered that waits for a second person, so that no caller takes it for done.
func statusOfWaiting(act access.Act) int {
	switch act {
	case access.ActImportDebts, access.ActImportBalances:
		return 201 // the import exists: the answer lists its rows, which wait, and names the approval
	case access.ActImportUndo:
		return 200 // the same, and the import existed before
	case access.ActWebhook:
		return 201 // the webhook exists, and only this answer shows its secret; it gets no event before the approval
	default:
		return 202
	}
}

// checkWaits fails the test if the answer to a request does not say that the request waits for this approval.
func (a answer) checkWaits(t *testing.T, act access.Act, approval string) {
	t.Helper()
	if want := statusOfWaiting(act); a.status != want {
		t.Fatalf("%s: a request that waits is answered with %d, want %d: %s", act, a.status, want, a.body)
	}
	body := decode[struct{ ID, Approval string }](t, a)
	if act != access.ActWebhook && body.ID != approval && body.Approval != approval {
		t.Errorf("%s: the answer does not name the approval %s: %s", act, approval, a.body)
	}
}

// requested makes a request and returns what the second person sees of it.
func (c *clerk) requested(second string, act access.Act, w call) waiting {
	c.t.Helper()
	a := c.ask(w.method, w.path, c.key, w.body, "Idempotency-Key", fmt.Sprintf("stage-%06d", c.next()))
	newest := decode[struct{ Data []approval }](c.t, c.want(200, c.ask("GET", "/v1/approvals?state=waiting&limit=1", second, ""))).Data
	if a.status >= 300 || len(newest) != 1 || newest[0].Act != string(act) {
		c.t.Fatalf("%s: %s %s does not wait: status %d: %s", act, w.method, w.path, a.status, a.body)
	}
	a.checkWaits(c.t, act, newest[0].ID)
	shown := decode[apiv1.Approval](c.t, c.want(200, c.ask("GET", "/v1/approvals/"+newest[0].ID, second, "")))
	if shown.Now == nil || shown.Now.Refused != "" || shown.Now.Changed || len(shown.Now.Facts)+len(shown.Now.Rows) == 0 {
		c.t.Fatalf("%s: the second person sees %+v", act, shown.Now)
	}
	for _, f := range shown.Now.Facts {
		if f.Name == "" || strings.Contains(f.After, "0001-01-01") {
			c.t.Errorf("%s: nobody can read %+v", act, f)
		}
	}
	return waiting{newest[0].ID, shown.Object, shown.Now}
}

// TestASecondPersonCanTellAForgedRequest makes two requests of each kind that can wait for a second person: one as it should be, and one with
// which the clerk takes something. Both show what they do, and they differ in more than names and what the clerk wrote. An act without such a pair
// fails the test. Then somebody changes in the database what a request only names: nobody can approve that, nor
// a request with a field that only a later version knows.
func TestASecondPersonCanTellAForgedRequest(t *testing.T) {
	tier.Slow(t)
	w := folder(t)
	w.test, w.edits = true, true
	c := newClerk(setStageIn(w))
	c.do(200, "POST", "/v1/settings", `{"tz":"Africa/Nairobi"}`)
	all := lures()
	for _, act := range access.Acts() {
		if all[act].calls == nil {
			t.Errorf("%s: this test has no honest and no forged request", act)
		}
	}
	type pair struct{ honest, forged call }
	pairs := map[access.Act]pair{}
	for _, act := range access.Acts() {
		honest, forged := all[act].calls(c)
		pairs[act] = pair{honest, forged}
	}
	earlier := c.earlier(all)
	customer := decode[struct{ Customer struct{ ID string } }](t, c.do(200, "GET", "/v1/meters/"+c.wallets("Grace Wanjiru"), "")).Customer.ID
	c.fourEyes(true)
	c.ceilings(access.PersonDebts, access.PersonEmergency, access.PersonShortage)
	second := c.newKey(access.Owner)
	for _, act := range slices.Sorted(maps.Keys(earlier)) {
		for _, one := range earlier[act] {
			c.approves(second, act, one)
		}
	}
	eyes := c.openEyes()
	both := func(act access.Act, honest, forged waiting) {
		if slices.Equal(honest.seen(), forged.seen()) {
			t.Errorf("%s: the second person cannot tell the forged request: %q", act, forged.seen())
		}
		honest.shows(t, act, all[act].shows.honest)
		forged.shows(t, act, all[act].shows.forged)
		if honest.odd() > 0 {
			t.Errorf("%s: the honest request looks strange: %q", act, honest.seen())
		}
		if all[act].usual != nil && forged.odd() == 0 {
			t.Errorf("%s: the page does not say that the forged request is unusually large: %q", act, forged.seen())
		}
		if all[act].changed != "" {
			c.changes(all[act].changed, honest.object)
			now := decode[apiv1.Approval](t, c.want(200, c.ask("GET", "/v1/approvals/"+honest.id, second, ""))).Now
			if now == nil || !strings.Contains(now.Refused, "has changed since it was requested") {
				t.Errorf("%s: after %s: %+v", act, all[act].changed, now)
			}
		}
		c.refusesLater(second, act, forged)
	}
	for _, act := range access.Acts() {
		if act == access.ActClock {
			continue
		}
		honest := c.requested(second, act, pairs[act].honest)
		eyes.look(act, "honest", honest.id)
		forged := c.requested(second, act, pairs[act].forged)
		eyes.look(act, "forged", forged.id)
		both(act, honest, forged)
	}
	eyes.confirms(customer)
	var clocks [2]waiting // last, because a server with a clock in doubt sells nothing
	for i, ahead := range []time.Duration{26 * time.Hour, 410 * time.Hour} {
		c.stop()
		c.ahead = ahead
		c.serve(true, api.Limits{})
		eyes.signIn()
		clocks[i] = c.requested(second, access.ActClock, pairs[access.ActClock].honest)
		eyes.look(access.ActClock, []string{"honest", "forged"}[i], clocks[i].id)
	}
	both(access.ActClock, clocks[0], clocks[1])
	eyes.close()
}

// refusesLater gives a request a field of a later version, as a server of that version on the same database would. This server does not know what it
// asks for, so it does not do the rest either.
func (c *clerk) refusesLater(second string, act access.Act, w waiting) {
	c.t.Helper()
	look := func() *apiv1.Effect {
		return decode[apiv1.Approval](c.t, c.want(200, c.ask("GET", "/v1/approvals/"+w.id, second, ""))).Now
	}
	before := look()
	c.changes(`UPDATE approval SET body = '{"of_a_later_version":true' || CASE WHEN body = '{}' THEN '}' ELSE ',' || SUBSTR(body, 2) END WHERE id = {id}`, w.id)
	now := look()
	if now == nil || now.Refused == "" || before != nil && now.Refused == before.Refused {
		c.t.Errorf("%s: a request of a later version is shown as %+v, want a refusal", act, now)
	}
	a := c.ask("POST", "/v1/approvals/"+w.id+"/approve", second, "{}", "Idempotency-Key", fmt.Sprintf("stage-%06d", c.next()))
	if a.status < 400 {
		c.t.Errorf("%s: a request of a later version is carried out: status %d: %s", act, a.status, a.body)
	}
}

// earlier makes five honest requests of each kind of which the page says what is usual.
func (c *clerk) earlier(all map[access.Act]lure) map[access.Act][]call {
	c.t.Helper()
	out := map[access.Act][]call{}
	for _, act := range access.Acts() {
		for range 5 {
			if all[act].usual != nil {
				out[act] = append(out[act], all[act].usual(c))
			}
		}
	}
	return out
}

// approves makes a request that a second person approves.
func (c *clerk) approves(second string, act access.Act, w call) {
	c.t.Helper()
	id := c.requested(second, act, w).id
	c.want(200, c.ask("POST", "/v1/approvals/"+id+"/approve", second, "{}", "Idempotency-Key", fmt.Sprintf("stage-%06d", c.next())))
}

// ceilings sets ceilings to 0, so that everything under them needs a second person.
func (c *clerk) ceilings(all ...access.Ceiling) {
	c.t.Helper()
	err := c.folder.Engine.Run(c.t.Context(), store.FirstTenant, store.Sale, func(tx *store.Tx) (bool, error) {
		set, err := tx.TenantSettings()
		if err != nil {
			return false, err
		}
		set.Ceilings = map[access.Ceiling]int64{}
		for _, ceiling := range all {
			set.Ceilings[ceiling] = 0
		}
		return false, tx.PutTenantSettings(set)
	})
	if err != nil {
		c.t.Fatal(err)
	}
}

// changes runs a statement on the row of an object.
func (c *clerk) changes(sql, object string) {
	c.t.Helper()
	prefix, _, _ := strings.Cut(object, "_")
	key, err := id.Parse(prefix+"_", object)
	if err != nil {
		c.t.Fatal(err)
	}
	err = c.folder.Engine.Run(c.t.Context(), store.FirstTenant, store.Job, func(tx *store.Tx) (bool, error) {
		n, err := tx.C.Exec(strings.Replace(sql, "{id}", "$1", 1), key)
		if err == nil && n != 1 {
			err = fmt.Errorf("%s changes %d rows", sql, n)
		}
		return false, err
	})
	if err != nil {
		c.t.Fatal(err)
	}
}
