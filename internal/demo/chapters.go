package demo

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/internal/device"
)

// token reads the digits with the meter's own key, without the server.
func (s *story) token(ctx context.Context) (string, error) {
	sold := s.sales[0].Tokens[0]
	out, err := s.place.run(ctx, "", "token", "decode", sold.Digits, "--key", s.meter.Key, "--ea", "07", "-o", "json")
	if err != nil {
		return "", err
	}
	var read struct {
		Result      string
		Class       *uint8
		SubClass    *uint8
		TID         *uint32
		IssuedAt    string `json:"issued_at"`
		UnitsTenths *int64 `json:"units_tenths"`
	}
	if err := json.Unmarshal([]byte(out), &read); err != nil {
		return "", err
	}
	if read.Class == nil || read.SubClass == nil || read.TID == nil || read.UnitsTenths == nil {
		return "", fmt.Errorf("the token reads as %s, expected a credit token", out)
	}
	issued, err := time.Parse(time.RFC3339, read.IssuedAt)
	if err != nil {
		return "", err
	}
	const late = 2 * time.Minute // a TID counts whole minutes
	return fmt.Sprintf("%s = class %d/%d, %s, TID %d (%s)", grouped(sold.Digits), *read.Class, *read.SubClass,
			kwh(*read.UnitsTenths*100), *read.TID, issued.Format("2006-01-02 15:04")),
		cmp.Or(expect("result", read.Result, "accept"), expect("class", *read.Class, 0), expect("sub-class", *read.SubClass, 0),
			expect("tenths of a kWh", *read.UnitsTenths, sales[0].units/100), expect("TID", int64(*read.TID), sold.TID),
			expect("a TID of this minute", time.Since(issued).Abs() < late, true))
}

func (s *story) keypad(ctx context.Context) (string, error) {
	if err := s.bus.turnOn(ctx, s.meter.Phone); err != nil {
		return "", err
	}
	v, err := s.meter.Do("key " + s.sales[0].Tokens[0].Digits + "#")
	if err != nil {
		return "", err
	}
	report, err := s.bus.got(ctx, s.meter.Phone, storySIM())
	if err != nil {
		return "", err
	}
	units := kwh(s.sales[0].UnitsWh)
	return fmt.Sprintf("%s, balance %s, supply on; SMS to the customer: %q", v.LastToken, kwh(v.BalanceWh), report),
		cmp.Or(expect("result", v.LastToken, "accept"), expectState(v, sumOf(1, bought), 0, "closed", "off"),
			expect("report by SMS", report, "Recharge OK. "+units+" added. Balance "+units))
}

// again enters the same digits a second time, and asks the server for the state of the token.
func (s *story) again(ctx context.Context) (string, error) {
	v, err := s.meter.Do("key " + s.sales[0].Tokens[0].Digits + "#")
	if err != nil {
		return "", err
	}
	lcd := strings.Join(v.LCD, " / ")
	if _, err := s.meter.Do("sync"); err != nil {
		return "", err
	}
	sale, err := s.api.VendByID(ctx, s.sales[0].ID)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%s (%s), balance still %s; the server calls the token %s", v.LastToken, lcd, kwh(v.BalanceWh), sale.Tokens[0].State),
		cmp.Or(expect("result", v.LastToken, "used_error"), expectState(v, sumOf(1, bought), 0, "closed", "off"),
			expect("state of the token", sale.Tokens[0].State, "accepted"))
}

// push sells with delivery over MQTT, so nobody types the token.
func (s *story) push(ctx context.Context) (string, error) {
	sold, err := s.sell(ctx, 1, "mqtt")
	if err != nil {
		return "", err
	}
	v, err := s.meter.Do(fmt.Sprintf("wait last_token=accept %v", patience))
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%s = %s by MQTT: %s, balance %s", kes(sold.Tender.AmountMinor), kwh(sold.UnitsWh), v.LastToken, kwh(v.BalanceWh)),
		cmp.Or(expect("result", v.LastToken, "accept"), expectState(v, sumOf(2, bought), 0, "closed", "off"))
}

// sms buys again and sends the token to the meter from the customer's telephone. Then it asks for the balance.
func (s *story) sms(ctx context.Context) (string, error) {
	sold, err := s.sell(ctx, 2)
	if err != nil {
		return "", err
	}
	answer, took, err := s.bus.ask(ctx, s.meter.Phone, storySIM(), "*02#"+grouped(sold.Tokens[0].Digits))
	if err != nil {
		return "", err
	}
	balance, _, err := s.bus.ask(ctx, s.meter.Phone, storySIM(), "*01#")
	if err != nil {
		return "", err
	}
	v, err := s.meter.Do("show")
	if err != nil {
		return "", err
	}
	all := sumOf(3, bought)
	return fmt.Sprintf("%s = %s by SMS to %s: %q after %d ms; *01#: %q", kes(sold.Tender.AmountMinor), kwh(sold.UnitsWh), storySIM(),
			answer, took.Milliseconds(), balance),
		cmp.Or(expect("answer", answer, "Recharge OK. "+kwh(sold.UnitsWh)+" added. Balance "+kwh(all)), expect("balance by SMS", balance, "Balance "+kwh(all)),
			expect("result", v.LastToken, "accept"), expectState(v, all, 0, "closed", "off"))
}

// The use in the story. The chip gives an impulse for each watt-hour, so all figures are exact.
const (
	storyLoad  = "load 2000"
	usedAlone  = 2_000  // an hour without a server
	usedAtLow1 = 49_500 // 69.5 kWh bought, 20.0 left
	usedAtLow2 = 64_500 // 5.0 left
)

// alone stops the server. The meter keeps working.
func (s *story) alone(context.Context) (string, error) {
	if err := s.place.Stop(); err != nil {
		return "", err
	}
	if _, err := s.meter.Do(storyLoad); err != nil {
		return "", err
	}
	v, err := s.meter.Do("run 1h")
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("stopped; the meter supplies 2 kW for an hour without it, balance %s", kwh(v.BalanceWh)),
		expectState(v, sumOf(3, bought)-usedAlone, usedAlone, "closed", "off")
}

// restarted starts the server again on the same folder and addresses. It repeats the order of the previous sale: the
// answer must be that sale, byte for byte, and the money must have moved only once.
func (s *story) restarted(ctx context.Context) (string, error) {
	if err := s.place.Start(); err != nil {
		return "", err
	}
	again, err := s.api.Vend(ctx, s.order(1, "mqtt"), s.order(1).ClientRef)
	if err != nil {
		return "", err
	}
	books, err := s.api.TrialBalance(ctx)
	if err != nil {
		return "", err
	}
	var till int64
	for _, a := range books.Accounts {
		if a.Code == codeTill {
			till = a.BalanceMinor
		}
	}
	v, err := s.meter.Do("sync")
	if err != nil {
		return "", err
	}
	agree, err := s.agree(ctx, v)
	return fmt.Sprintf("same folder, same addresses; the last order repeated gives the same answer, till %s; the meter is back, %s", kes(till), agree),
		cmp.Or(err, expect("answered from the stored answer", again.Replayed, true),
			expect("the same bytes", bytes.Equal(again.Raw, s.sales[1].Raw), true),
			expect("till", till, sumOf(3, func(d sale) int64 { return d.tender })))
}

// agree checks that meter and server have the same figures after a sync.
func (s *story) agree(ctx context.Context, v device.View) (string, error) {
	m, err := s.api.Meter(ctx, storyNumber)
	if err != nil {
		return "", err
	}
	if m.RegisterWh == nil || m.BalanceWh == nil {
		return "", fmt.Errorf("the server has no reading of the meter after a sync")
	}
	return fmt.Sprintf("both say register %s, balance %s", kwh(*m.RegisterWh), kwh(*m.BalanceWh)),
		cmp.Or(expect("register_wh at the server", *m.RegisterWh, v.RegisterWh), expect("balance_wh at the server", *m.BalanceWh, v.BalanceWh),
			expect("relay at the server", m.Relay, v.Relay), expect("reasons at the server", strings.Join(m.Reasons, " "), strings.Join(v.Reasons, " ")))
}

// use runs until just before the first warning.
func (s *story) use(context.Context) (string, error) {
	v, err := s.meter.Do("run 23h42m")
	if err != nil {
		return "", err
	}
	const used = usedAtLow1 - 100
	return fmt.Sprintf("2 kW for 23 h 42 min more: register %s, balance %s, no warning yet", kwh(v.RegisterWh), kwh(v.BalanceWh)),
		cmp.Or(expectState(v, sumOf(3, bought)-used, used, "closed", "off"), expect("messages to the customer", len(v.SMSOut), 0))
}

func (s *story) low1(context.Context) (string, error) {
	return s.warning("3m", usedAtLow1, "slow")
}

func (s *story) low2(context.Context) (string, error) {
	v, err := s.meter.Do("run 7h29m")
	if err != nil {
		return "", err
	}
	if err := cmp.Or(expect("led a minute before", v.LED, "slow"), expect("messages a minute before", len(v.SMSOut), 0)); err != nil {
		return "", err
	}
	return s.warning("1m", usedAtLow2, "fast")
}

// warning runs until a warning: light and message come at exactly the right watt-hour.
func (s *story) warning(run string, used int64, led string) (string, error) {
	v, err := s.meter.Do("run " + run)
	if err != nil {
		return "", err
	}
	if err := cmp.Or(expectState(v, sumOf(3, bought)-used, used, "closed", led), expect("messages to the customer", len(v.SMSOut), 1)); err != nil {
		return "", err
	}
	sms := v.SMSOut[0]
	return fmt.Sprintf("at %s: light %s, message %q", kwh(v.BalanceWh), v.LED, sms.Text),
		cmp.Or(expect("receiver of the message", sms.To, s.meter.Phone),
			expect("the balance in the message", strings.Contains(sms.Text, kwh(v.BalanceWh)), true))
}

// cutOff uses up the rest and then waits an hour with the load still on: no more energy is supplied.
func (s *story) cutOff(context.Context) (string, error) {
	end, err := s.meter.Do("run 2h30m")
	if err != nil {
		return "", err
	}
	later, err := s.meter.Do("run 1h")
	if err != nil {
		return "", err
	}
	all := sumOf(3, bought)
	return fmt.Sprintf("at %s: supply off because of %s, register %s, nothing more in the hour after", kwh(end.BalanceWh),
			strings.Join(end.Reasons, " "), kwh(later.RegisterWh)),
		cmp.Or(expectState(end, 0, all, "open", "fast"), expect("reasons", strings.Join(end.Reasons, " "), "CREDIT"),
			expect("messages to the customer", len(end.SMSOut), 1), expectState(later, 0, all, "open", "fast"))
}

// recharge buys again: the push alone restores the supply.
func (s *story) recharge(ctx context.Context) (string, error) {
	sold, err := s.sell(ctx, 3, "mqtt")
	if err != nil {
		return "", err
	}
	v, err := s.meter.Do(fmt.Sprintf("wait relay=closed %v", patience))
	if err != nil {
		return "", err
	}
	if err := expectState(v, sold.UnitsWh, sumOf(3, bought), "closed", "off"); err != nil {
		return "", err
	}
	v, err = s.meter.Do("run 1h")
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%s = %s by MQTT: supply on; an hour later balance %s", kes(sold.Tender.AmountMinor), kwh(sold.UnitsWh), kwh(v.BalanceWh)),
		expectState(v, sold.UnitsWh-2_000, sumOf(3, bought)+2_000, "closed", "off")
}

// modem buys with delivery by SMS: the server's own modem sends the token to the meter's SIM, and the meter answers.
func (s *story) modem(ctx context.Context) (string, error) {
	sold, err := s.sell(ctx, 4, "meter_sms")
	if err != nil {
		return "", err
	}
	list, err := s.api.Tokens(ctx, apiv1.MeterFilter{Meter: storyNumber, Page: apiv1.Page{Limit: 1}})
	if err != nil || len(list.Data) != 1 {
		return "", fmt.Errorf("%d tokens of the meter are listed, expected the newest: %w", len(list.Data), err)
	}
	var way apiv1.RechargeDelivery
	for way.Answer == "" {
		r, err := s.api.RechargeState(ctx, storyNumber, list.Data[0].ID)
		if err != nil {
			return "", err
		}
		for _, d := range r.Deliveries {
			way = d
		}
		select {
		case <-ctx.Done():
			return "", fmt.Errorf("the meter did not answer the server's message: %w", ctx.Err())
		case <-time.After(100 * time.Millisecond):
		}
	}
	v, err := s.meter.Do("show")
	if err != nil {
		return "", err
	}
	balance := sales[3].units - 2_000 + sold.UnitsWh
	return fmt.Sprintf("%s = %s by SMS from the server's modem %s: sent, answered %q after %d ms", kes(sold.Tender.AmountMinor), kwh(sold.UnitsWh), Authority,
			way.Answer, way.AnsweredAt.Sub(*way.QueuedAt).Milliseconds()),
		cmp.Or(expect("way", way.By, "sms"), expect("answer", way.Answer, "Recharge OK. "+kwh(sold.UnitsWh)+" added. Balance "+kwh(balance)),
			expect("result", v.LastToken, "accept"), expectState(v, balance, sumOf(3, bought)+2_000, "closed", "off"))
}

// sync waits until the server has all records, and compares.
func (s *story) sync(ctx context.Context) (string, error) {
	v, err := s.meter.Do("sync")
	if err != nil {
		return "", err
	}
	agree, err := s.agree(ctx, v)
	if err != nil {
		return "", err
	}
	m, err := s.api.Meter(ctx, storyNumber)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%s, state %s", agree, m.State), expect("state at the server", m.State, "on")
}

// storyEvents has the code of each event that the story causes (docs/reference/events.md#events-of-meters), and how
// often it happens. Supply returns twice: at the first token and at the recharge.
var storyEvents = [...]struct{ code, times int }{{201, 1}, {202, 1}, {203, 1}, {204, 2}, {301, 6}, {302, 1}, {401, 1}, {402, 2}}

// history asks the server for the meter's events. The server must have each event exactly once, although the connection was
// lost in between.
func (s *story) history(ctx context.Context) (string, error) {
	codes, err := s.eventCodes(ctx)
	if err != nil {
		return "", err
	}
	events := 0
	for _, e := range storyEvents {
		if err := expect(fmt.Sprintf("number of events %d", e.code), codes[e.code], e.times); err != nil {
			return "", err
		}
		events += e.times
	}
	for i, sold := range s.sales {
		now, err := s.api.VendByRef(ctx, sold.ClientRef)
		if err != nil {
			return "", err
		}
		if err := cmp.Or(expect("sale of the reference", now.ID, sold.ID), expect("digits", now.Tokens[0].Digits, sold.Tokens[0].Digits),
			expect(fmt.Sprintf("state of token %d", i+1), now.Tokens[0].State, "accepted")); err != nil {
			return "", err
		}
	}
	return fmt.Sprintf("%d tokens accepted; %d events at the server, each once", len(s.sales), events), nil
}

// Codes of the accounts that the story uses (docs/reference/postings.md#chart-of-accounts). In a trial balance,
// liabilities and revenue are negative.
const (
	codeTill   = 1000
	codePaid   = 1020 // held by the payment provider
	codeUnused = 2070 // payments without a sale
	codeVAT    = 2020
	codeCarry  = 2060
	codeEnergy = 4000
)

// ledger compares the books with the totals of the sales, account by account.
func (s *story) ledger(ctx context.Context) (string, error) {
	books, err := s.api.TrialBalance(ctx)
	if err != nil {
		return "", err
	}
	n := len(sales)
	want := map[int]int64{
		codeTill:   sumOf(n-1, func(d sale) int64 { return d.tender }),
		codePaid:   sales[n-1].tender,
		codeUnused: 0,
		codeVAT:    -sumOf(n, func(d sale) int64 { return d.vat }),
		codeCarry:  -sales[n-1].carry,
		codeEnergy: -sumOf(n, func(d sale) int64 { return d.energy }),
	}
	var told []string
	var sum int64
	for _, a := range books.Accounts {
		if err := expect(a.Name, a.BalanceMinor, want[a.Code]); err != nil {
			return "", err
		}
		told = append(told, fmt.Sprintf("%s %s", a.Name, kes(a.BalanceMinor)))
		sum += a.BalanceMinor
	}
	return fmt.Sprintf("%s; sum %s", strings.Join(told, ", "), kes(sum)),
		cmp.Or(expect("accounts", len(books.Accounts), len(want)), expect("sum", sum, 0), expect("sum_minor", books.SumMinor, 0))
}

// page opens the customer's own page, as a browser without scripts would, and compares it with what the story has sold.
func (s *story) page(ctx context.Context) (string, error) {
	address, err := s.place.customerPage(ctx, storyNumber)
	if err != nil {
		return "", err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return "", err
	}
	a, err := http.DefaultClient.Do(r)
	if err != nil {
		return "", err
	}
	defer a.Body.Close()
	body, err := io.ReadAll(io.LimitReader(a.Body, 1<<20))
	if err != nil {
		return "", err
	}
	shown := strings.Contains(string(body), grouped(s.sales[len(s.sales)-1].Tokens[0].Digits))
	return fmt.Sprintf("a customer's page of %d bytes, with the last token and its way", len(body)),
		cmp.Or(expect("status", a.StatusCode, http.StatusOK), expect("the last token on the customer's page", shown, true))
}
