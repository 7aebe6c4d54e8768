package e2e

import (
	"fmt"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/paywatt/paywatt/internal/await"
)

// tokens plays the second week: connected token meters, and tokens that nobody buys.
func (w *month) tokens() {
	w.day(8, 10)
	one, two := w.add(7001, "prepay_token", "domestic", map[string]any{"simulated": true}), w.add(7002, "prepay_token", "ibt", map[string]any{"simulated": true})
	vm := w.virtual(one)
	w.sell(w.as("operator"), one, 30_000, "mqtt")
	await.True(w, "the token is in the meter", func() bool { return vm.must(w, "show").BalanceWh > 0 })
	typed := w.sell(w.as("vendor_api CORNER"), one, 10_000)
	vm.must(w, "key "+typed.text(w, "tokens", 0, "digits")+"#")
	vm.must(w, "key 12345678901234567890#")
	vm.must(w, "load 900")
	vm.must(w, "run 7h")
	vm.must(w, "tamper cover on")
	vm.must(w, "run 1h")
	vm.must(w, "tamper cover off")
	vm.must(w, "sync")
	w.post(w.owner, "/v1/meters/"+one+"/commands", map[string]any{"type": "read", "reason": "check the display"})
	for _, job := range []map[string]any{
		{"kind": "free", "reason_code": "compensation", "units_wh": 20_000, "reason": "outage"}, {"kind": "clear_tamper", "reason_code": "tamper_fixed"},
		{"kind": "power_limit", "reason_code": "other", "power_w": 5000, "reason": "breaker"}, {"kind": "replacement", "reason_code": "lost_balance", "units_wh": 5000, "reason": "swap"},
	} {
		w.post(w.owner, "/v1/meters/"+one+"/tokens", job)
	}
	made := strings.Fields(w.p.run(w, "", "token", "encode", "--units", "12.3", "--key", w.secrets[one].decoderKey, "--ea", "07", "--issued-at",
		w.now.Add(time.Hour).Format(time.RFC3339), "-o", "csv"))
	digits := ""
	for _, f := range strings.FieldsFunc(strings.Join(made, ","), func(r rune) bool { return r < '0' || r > '9' }) {
		if len(f) == 20 {
			digits = f
		}
	}
	w.post(w.owner, "/v1/meters/"+one+"/recharges", map[string]any{"digits": digits, "by": "mqtt"})
	await.True(w, "the token from elsewhere has its answer", func() bool {
		vm.must(w, "show")
		return strings.Contains(string(w.owner.must(w, 200, "GET", "/v1/meters/"+one+"/tokens", nil).body), `12300`) || vm.must(w, "show").LastToken == "accept"
	})
	vm.must(w, "sync")
	vm.quit(w)

	w.sell(w.as("operator"), two, 20_000)
	set := w.post(w.owner, "/v1/meters/"+two+"/tokens", map[string]any{"kind": "key_change", "reason_code": "key_campaign", "key": map[string]any{"krn": 2}})
	vm = w.virtual(two)
	vm.must(w, "rtc "+w.now.Format(time.RFC3339))
	for n := range set.field(w, "tokens").([]any) {
		if got := vm.must(w, "key "+set.text(w, "tokens", n, "digits")+"#").LastToken; got != "accept" && got != "kct_1st" {
			w.Errorf("section %d of the key change: %s", n+1, got)
		}
	}
	vm.must(w, "sync")
	first := w.sell(w.as("operator"), two, 15_000) // under the new key: when the meter accepts it, the old key becomes past
	vm.must(w, "key "+first.text(w, "tokens", len(first.field(w, "tokens").([]any))-1, "digits")+"#")
	vm.must(w, "sync")
	vm.quit(w)
	w.post(w.owner, "/v1/meters/"+number(7013)+"/tokens", map[string]any{"kind": "key_change", "reason_code": "key_campaign", "key": map[string]any{"krn": 2}})
	w.sell(w.as("operator"), number(7012), 12_000, "mqtt") // it never connects, so the token stays in the outbox
	w.post(w.owner, "/v1/meters/"+number(7012)+"/commands", map[string]any{"type": "disconnect", "reason": "safety inspection"})
}

// wallets plays the third week: balances on the server, a meter that is cut off and restored, readings that cannot be true.
func (w *month) wallets() {
	w.day(12, 10)
	home := w.add(7101, "prepay_wallet", "plan", map[string]any{"simulated": true})
	w.add(7003, "prepay_wallet", "plan", nil)
	for n := 7102; n < 7107; n++ {
		w.add(n, "prepay_wallet", []string{"plan", "hours", "monthly"}[n%3], nil)
		w.sell(w.as("operator"), number(n), 50_000)
	}
	w.sell(w.as("vendor_api CORNER"), home, 10_000)
	vm := w.virtual(home)
	await.True(w, "the supply is on", func() bool { return vm.must(w, "show").Relay == "closed" })
	vm.must(w, "load 2000")
	vm.must(w, "run 26h")
	vm.must(w, "sync")
	w.sell(w.as("operator"), home, 40_000)
	vm.must(w, "run 5h")
	vm.must(w, "sync")
	w.post(w.owner, "/v1/meters/"+home+"/cut", map[string]any{"reason": "works"})
	vm.must(w, "sync")
	w.post(w.owner, "/v1/meters/"+home+"/restore", map[string]any{"reason": "works are done"})
	vm.must(w, "sync")
	vm.quit(w)
	ard := w.p.sketch(w.T, number(7003), w.sketch, "--legacy=sketch")
	w.sell(w.as("operator"), number(7003), 20_000)
	ard.sketch(w.T, "load 5000")
	for _, n := range []int{7102, 7103, 7104} {
		for i, wh := range []int{1000, 4000, 0, 900, 5000} { // a register that goes back stops the rating
			w.reads(number(n), i, wh)
		}
	}
	w.says(number(7105), "boot", `{"store":"0123456789abcdef","lowest":1,"next":1,"boot":1,"proto":1,"fw":"x","reset":"power","caps":[]}`)
	for i, wh := range []int{1000, 2500, 4000} {
		w.reads(number(7105), i, wh)
	}
	w.says(number(7106), "boot", `{"store":"0123456789abcdef","lowest":1,"next":1,"boot":1,"proto":1,"fw":"x","reset":"power","caps":[]}`)
	w.says(number(7106), "reading", fmt.Sprintf(`{"seq":1,"at":%d,"up":1000,"clock":"valid","register_wh":-5,"balance_wh":0,"w":1,"mv":1,"relay":"closed","reasons":[]}`, w.now.Unix()))
	w.says(number(7106), "reading", fmt.Sprintf(`{"seq":2,"at":%d,"up":1000,"clock":"valid","register_wh":99999999999999,"balance_wh":0,"w":1,"mv":1,"relay":"closed","reasons":[]}`, w.now.Unix()))
	var open []any
	await.True(w, "readings are in quarantine", func() bool {
		open, _ = w.owner.must(w, 200, "GET", "/v1/quarantine", nil).field(w, "data").([]any)
		return len(open) >= 3
	})
	decided := map[string]int{}
	for _, q := range open {
		entry := q.(map[string]any)
		act := []string{"discard", "rebase"}[min(len(decided), 1)]
		if len(decided) == 2 {
			break
		}
		body := map[string]any{"reason": "meter was swapped"}
		if act == "rebase" {
			body["register_wh"] = 5000
		}
		a, err := w.owner.do("POST", fmt.Sprintf("/v1/quarantine/%s/%s", entry["id"], act), body, "Idempotency-Key", fmt.Sprint("decide-", len(decided)))
		if err != nil || a.status != 200 {
			w.Fatalf("%s: %d %v %s", act, a.status, err, a.body)
		}
		decided[fmt.Sprint(entry["id"])] = a.status
	}
	w.add(7107, "postpay", "plan", nil)
	w.post(w.owner, "/v1/meters/"+number(7103)+"/supply", map[string]any{"protected": true, "reason": "clinic"})
	ard.sketch(w.T, "wait polls=3 20s")
	ard.quit(w)
}

// telephones exchanges messages between customers and the office.
func (w *month) telephones() {
	w.day(15, 11)
	m := w.add(7004, "prepay_token", "domestic", nil)
	w.post(w.owner, "/v1/meters/"+m+"/sim", map[string]any{"sim_phone": "+254711000004"})
	w.sell(w.as("operator"), m, 10_000, "sms")
	w.post(w.owner, "/v1/messages", map[string]any{"phone": "+254700007004", "text": "Our office is closed today."})
	w.post(w.owner, "/v1/messages", map[string]any{"meter": m, "via": "meter_sms"})
	w.hook.off = time.Until(w.now)
	post := func(id, from, text string) {
		if code := w.hook.post(w.T, w.owner.url+"/hooks/sms/phone1/in", "in", map[string]any{"id": id, "from": from, "to": "15555", "text": text}); code != 204 {
			w.Fatalf("an arriving message: %d", code)
		}
	}
	post("a1", "+254700007004", "last")
	post("a2", "+254799999999", "balance")
	post("a3", "+254700007004", "what is this")
	await.True(w, "messages have left", func() bool {
		return strings.Count(string(w.owner.must(w, 200, "GET", "/v1/messages", nil).body), `"state":"sent"`) >= 3
	})
}

// vouchers makes a batch whose vouchers need no code and one whose vouchers do. Of each, two are sold and one is redeemed.
func (w *month) vouchers() {
	w.day(16, 10)
	corner := w.as("vendor_api CORNER")
	for n, needsCode := range []bool{false, true} {
		batch := "/v1/voucher-batches/" + w.post(w.owner, "/v1/voucher-batches", map[string]any{"count": 3, "face_minor": 5_000,
			"expires": w.now.AddDate(1, 0, 0).Format(time.DateOnly), "requires_code": needsCode}).text(w, "id")
		pin := w.post(w.owner, batch+"/pins", struct{}{}).text(w, "vouchers", 0, "pin")
		sold := w.post(corner, batch+"/sell", map[string]any{"from": 1, "to": 2})
		redeem := map[string]any{"pin": pin, "meter": number(7102 + n)}
		if needsCode {
			redeem["code"] = sold.text(w, "codes", 0, "code")
		}
		w.post(corner, "/v1/voucher-redemptions", redeem)
	}
}

// undone makes the reversals: sales in every state of a reversal.
func (w *month) undone() {
	w.day(17, 12)
	for n := range 2 {
		sold := w.sell([]*api{w.as("operator"), w.as("vendor_api CORNER")}[n], number(7010+n), 7_000)
		w.post([]*api{w.as("operator"), w.as("vendor_api CORNER")}[n], "/v1/vends/"+sold.text(w, "id")+"/reversal", map[string]any{"reason": "wrong meter"})
	}
	one := number(7001)
	vm := w.virtual(one)
	vm.must(w, "sync")
	gone := w.sell(w.as("operator"), one, 9_000)
	w.post(w.owner, "/v1/vends/"+gone.text(w, "id")+"/reversal", map[string]any{"reason": "wrong amount"})
	state := func(sale answer) string {
		vm.must(w, "show")
		return w.owner.must(w, 200, "GET", "/v1/vends/"+sale.text(w, "id")+"/reversal", nil).text(w, "state")
	}
	await.True(w, "the meter has cancelled", func() bool { return state(gone) == "done" })
	for n, refused := 0, false; n < 12 && !refused; n++ { // repeat until a meter loads its token before the order to cancel it arrives
		sold := w.sell(w.as("operator"), one, int64(8_000+n))
		if err := vm.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
			w.Fatal(err)
		}
		fmt.Fprintln(vm.in, "key "+sold.text(w, "tokens", 0, "digits")+"#")
		a, err := w.owner.do("POST", "/v1/vends/"+sold.text(w, "id")+"/reversal", map[string]any{"reason": "too late"}, "Idempotency-Key", fmt.Sprint("too-late-", n))
		if err != nil || a.status != 202 {
			w.Fatalf("reversal: %d %v %s", a.status, err, a.body)
		}
		if err := vm.cmd.Process.Signal(syscall.SIGCONT); err != nil {
			w.Fatal(err)
		}
		<-vm.lines
		await.True(w, "the meter has answered", func() bool { return state(sold) != "waiting" })
		refused = state(sold) == "refused"
	}
	vm.quit(w)
}

// leaveOpen leaves a reversal open: the meter is connected but no longer answers.
func (w *month) leaveOpen(number string) {
	vm := w.virtual(number)
	vm.must(w, "sync")
	sold := w.sell(w.as("operator"), number, 6_000)
	if err := vm.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		w.Fatal(err)
	}
	w.post(w.owner, "/v1/vends/"+sold.text(w, "id")+"/reversal", map[string]any{"reason": "wrong meter"})
	vm.kill()
}

// secondPerson plays the time when four eyes are on.
func (w *month) secondPerson() {
	w.day(20, 9)
	w.owner.must(w, 200, "POST", "/v1/settings", `{"four_eyes":"on","four_eyes_alone":true}`)
	w.keys["second"] = w.p.personKey(w, "second", "owner")
	second := newAPI(w.server.http, w.keys["second"])
	for n := range 4 {
		asked := w.post(w.owner, "/v1/vendors/CORNER/deposits", map[string]any{"amount": kes(100_000), "reference": fmt.Sprint("BANK-7", n)})
		switch n {
		case 0, 1:
			w.post(second, "/v1/approvals/"+asked.text(w, "id")+"/approve", map[string]any{"reason": "seen on the statement"})
		case 2:
			w.post(second, "/v1/approvals/"+asked.text(w, "id")+"/reject", map[string]any{"reason": "not on the statement"})
		}
	}
	w.post(w.owner, "/v1/meters/"+number(7010)+"/tokens", map[string]any{"kind": "free", "reason_code": "compensation", "units_wh": 10_000, "reason": "outage"})
	w.owner.must(w, 202, "POST", "/v1/tariffs", `{"name":"next","currency":"KES","vat_bps":1500,"flat_micro":3000000}`)
}

// goBack restores a backup: a day is lost, and another store epoch begins.
func (w *month) goBack() {
	w.day(restoreDay, 9)
	backup := filepath.Join(filepath.Dir(w.p.dir), "backup")
	w.cli("backup", "create", backup)
	for n := range 3 {
		w.sell(w.as("operator"), number(7010+n), 5_500)
	}
	w.server.stop()
	w.server = nil
	w.cli("backup", "restore", backup, "--force", "--without-head")
	w.day(restoreDay+1, 18)
	for n := range 3 {
		w.sell(w.as("operator"), number(7010+n), 6_600)
	}
	w.sell(w.as("vendor_api KIOSK"), number(7014), 4_000)
}

// last plays the end of the month, with the plug pulled in the middle of a sale.
func (w *month) last() {
	w.day(27, 9)
	w.cli("integration", "add", "--all", "--name", "dashboard")
	gone := answer{body: []byte(w.cli("integration", "add", "--meter", number(7101), "--name", "old telephone", "-o", "json"))}
	w.cli("integration", "revoke", gone.text(w, "user"))
	w.post(w.owner, "/v1/accounts/"+number(7105)+"/move-out", map[string]any{"reason": "lease ended"})
	w.post(w.owner, "/v1/accounts/"+number(7105)+"/refunds", map[string]any{"amount": kes(1_000), "reason": "bank transfer 1"})
	w.day(30, 9, "slow-issuer")
	for n := range 4 {
		w.sell([]*api{w.as("vendor_api CORNER"), w.as("vendor_api KIOSK")}[n%2], number(7010+n), 3_300)
	}
	held := func() bool {
		db := openDatabase(w.T, w.p.dir)
		defer db.Close()
		return number64(w.T, db, "SELECT COUNT(*) FROM vend WHERE state = 'held'") > 0
	}
	w.leaveOpen(number(7001))
	for n := 0; n < 60; n++ {
		done := make(chan struct{})
		shop := w.as("vendor_api CORNER")
		go func() {
			defer close(done)
			for k := range 50 {
				if _, err := shop.do("POST", "/v1/vends", map[string]any{"meter": number(7010 + k%4), "tender": kes(int64(1_000 + n))}, "Idempotency-Key",
					fmt.Sprintf("plug-%04d-%04d", n, k)); err != nil {
					return
				}
			}
		}()
		<-time.After(time.Duration(5+7*n) * time.Millisecond)
		w.server.kill()
		<-done
		if held() {
			w.server = nil
			return
		}
		w.server = nil
		w.day(30, 9, "slow-issuer")
	}
	w.Fatal("the plug was never pulled in the middle of a sale")
}
