package notify_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/job"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/notify"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/wallet"
)

// till is a hall in which all messages about a sale or a notice go to one addressee.
type till struct {
	*hall
	to      notify.Addressee
	found   bool
	told    bool // the sale's messages were sent
	figures bool // the account has a wallet
}

func newTill(t *testing.T) *till {
	h, _, _ := newHall(t)
	h.meter = registry.Meter{N: 1, Number: meterA, ID: id.ID{2}}
	h.left = money.Amount{Minor: 900, Currency: "KES"}
	to := notify.Addressee{Subscription: h.mine[amina][0], Phone: amina, Utility: "Umeme", Contact: "+254 20"}
	return &till{hall: h, to: to, found: true, told: true, figures: true}
}

func (s *till) Recipients() notify.RecipientTx                    { return s }
func (s *till) AddresseeOf(int64) (notify.Addressee, bool, error) { return s.to, s.found, nil }
func (s *till) NoticeTo(string) (notify.Addressee, bool, error)   { return s.to, s.found, nil }
func (s *till) SaleNotified(_, customer id.ID) (bool, error) {
	return s.told && customer == s.to.Customer, nil
}
func (s *till) SIMOf(int64) (string, error) { return s.to.SIM, nil }
func (s *till) WalletFigures(n int64) (a, b money.Amount, at time.Time, found bool, err error) {
	a, b, at, _, err = s.hall.WalletFigures(n)
	if !s.figures {
		return money.Amount{}, money.Amount{Minor: 1}, at, false, err
	}
	return a, b, at, true, err
}

func (h *hall) AddresseeOf(int64) (notify.Addressee, bool, error) { return h.NoticeTo(meterA) }
func (h *hall) SaleNotified(_, _ id.ID) (bool, error)             { return true, nil }
func (h *hall) MessagesForget(before time.Time, most int, purposes ...notify.Purpose) (int, error) {
	h.writes("forget %d %q of %s before", most, purposes, h.now.Sub(before))
	return 0, nil
}

// queued lists the waiting messages, one on each line.
func (h *hall) queued() string {
	var out []string
	for _, m := range h.messages {
		a := m.Args
		out = append(out, fmt.Sprintf("%s %s to %s token %x %d Wh %d of %d for %d balance %d press %t test %t: %s", m.State, m.Purpose, m.Phone, m.Token[15], a.Units, a.Step, a.Of, a.Amount, a.Balance, a.Press, a.Test, m.Failure))
	}
	return strings.Join(out, "\n")
}

func sold() sale.Sale {
	return sale.Sale{ID: id.ID{7}, Meter: sale.MeterRef{ID: id.ID{2}, N: 1, Number: meterA}, Tender: money.Amount{Minor: 500, Currency: "KES"}, Units: 300, By: "usr",
		Tokens: []sale.Token{{ID: id.ID{15: 1}, Units: 100}}}
}

// TestASaleIsTold: a sale queues a message for each token, and a recharge queues one.
func TestASaleIsTold(t *testing.T) {
	two, free, change, recharge := sold(), sold(), sold(), sold()
	two.Tokens = append(two.Tokens, sale.Token{ID: id.ID{15: 2}, Units: 200})
	free.Free, free.Tender.Minor, free.Meter.Simulated = 100, 0, true
	paid := free
	paid.Tender.Minor = 500
	zero := sold()
	zero.Tender.Minor = 0
	change.Change = []sale.Token{{ID: id.ID{15: 8}, Class: 2, SubClass: 3}, {ID: id.ID{15: 9}, Class: 2, SubClass: 4}}
	recharge.Mode, recharge.Tokens, recharge.PressKey = registry.PrepayWallet, nil, true
	for name, c := range map[string]struct {
		sale  sale.Sale
		route string
		do    func(*till)
		want  []string
	}{
		"one token":       {sold(), sale.RouteSMS, nil, []string{"queued token to " + amina + " token 1 100 Wh 1 of 1 for 500 balance 0 press false test false: "}},
		"to the meter":    {sold(), sale.RouteMeterSMS, nil, []string{"queued meter-sms to " + meterSIM200 + " token 1 100 Wh 1 of 1 for 500 balance 0 press false test false: "}},
		"free":            {free, sale.RouteSMS, nil, []string{"queued token-free to " + amina + " token 1 100 Wh 1 of 1 for 0 balance 0 press false test true: "}},
		"free and paid":   {paid, sale.RouteSMS, nil, []string{"queued token to " + amina + " token 1 100 Wh 1 of 1 for 500 balance 0 press false test true: "}},
		"for nothing":     {zero, sale.RouteSMS, nil, []string{"queued token to " + amina + " token 1 100 Wh 1 of 1 for 0 balance 0 press false test false: "}},
		"nobody to tell":  {sold(), sale.RouteSMS, func(s *till) { s.found = false }, nil},
		"two":             {two, sale.RouteSMS, nil, []string{"queued token-step to " + amina + " token 1 100 Wh 1 of 2 for 500 balance 0 press false test false: ", "queued token-step to " + amina + " token 2 200 Wh 2 of 2 for 500 balance 0 press false test false: "}},
		"a key change":    {change, sale.RouteSMS, nil, []string{"queued key-change to " + amina + " token 8 0 Wh 1 of 3 for 500 balance 0 press false test false: ", "queued key-change to " + amina + " token 9 0 Wh 2 of 3 for 500 balance 0 press false test false: ", "queued token-step to " + amina + " token 1 100 Wh 3 of 3 for 500 balance 0 press false test false: "}},
		"a recharge":      {recharge, sale.RouteSMS, nil, []string{"queued recharge to " + amina + " token 0 0 Wh 0 of 0 for 500 balance 900 press true test false: "}},
		"without figures": {recharge, sale.RouteSMS, func(s *till) { s.figures = false }, []string{"queued recharge to " + amina + " token 0 0 Wh 0 of 0 for 500 balance 0 press true test false: "}},
	} {
		s := newTill(t)
		if c.do != nil {
			c.do(s)
		}
		if err := notify.NotifySale(s, c.sale, c.route, s.now); err != nil {
			t.Fatal(err)
		}
		s.want(name, s.queued(), strings.Join(c.want, "\n"))
		for _, m := range s.messages {
			if m.Vend != c.sale.ID || m.Customer != s.to.Customer || m.Meter != 1 || m.Number != meterA || m.Lang != "en" || m.By != "usr" || m.Args.Meter != meterA || m.Args.Currency != "KES" ||
				m.Args.Utility != "Umeme Mashinani" || m.Args.Contact != "+254 20 000 0000" {
				t.Errorf("%s: %+v", name, m)
			}
		}
	}
}

const meterSIM200 = "+255700000200" // the SIM in the modem of amina's meter

// TestAReversalIsToldToWhomTheSaleWasTold checks that the message about a reversal goes to the telephone that got the sale's messages.
func TestAReversalIsToldToWhomTheSaleWasTold(t *testing.T) {
	recharge := sold()
	recharge.Mode = registry.PrepayWallet
	for name, c := range map[string]struct {
		sale sale.Sale
		do   func(*till)
		want string
	}{
		"of energy":          {sold(), nil, "queued reversal to " + amina + " token 0 300 Wh 0 of 0 for 500 balance 0 press false test false: "},
		"of a recharge":      {recharge, nil, "queued reversal-money to " + amina + " token 0 300 Wh 0 of 0 for 500 balance 900 press false test false: "},
		"after STOP":         {sold(), func(s *till) { s.to.Notices = false }, "queued reversal to " + amina + " token 0 300 Wh 0 of 0 for 500 balance 0 press false test false: "},
		"nobody is supplied": {sold(), func(s *till) { s.found = false }, ""},
		"it was not told":    {sold(), func(s *till) { s.told = false }, ""},
	} {
		s := newTill(t)
		if c.do != nil {
			c.do(s)
		}
		if err := notify.NotifyReversal(s, c.sale, s.now); err != nil {
			t.Fatal(err)
		}
		s.want(name, s.queued(), c.want)
	}
}

// TestWhoCanBeTold: a message can go only to somebody whose number is known.
func TestWhoCanBeTold(t *testing.T) {
	for name, c := range map[string]struct {
		route string
		do    func(*till)
		want  bool
	}{
		"a customer":              {sale.RouteSMS, func(*till) {}, true},
		"a customer without SIM":  {sale.RouteSMS, func(s *till) { s.to.SIM = "" }, true},
		"one without a telephone": {sale.RouteSMS, func(s *till) { s.to.Phone = "" }, false},
		"nobody":                  {sale.RouteSMS, func(s *till) { s.found = false }, false},
		"a meter":                 {sale.RouteMeterSMS, func(s *till) { s.to.Phone = "" }, true},
		"a meter without a SIM":   {sale.RouteMeterSMS, func(s *till) { s.to.SIM = "" }, false},
	} {
		s := newTill(t)
		c.do(s)
		if got, err := notify.CanNotify(s, 1, c.route); err != nil || got != c.want {
			t.Errorf("%s: %t, %v; want %t", name, got, err, c.want)
		}
	}
}

// TestANoticeIsSentOrWrittenDown: a notice that cannot be sent is logged and counts as sent. Only a notice that must precede a
// cut-off waits, if the queue is full.
func TestANoticeIsSentOrWrittenDown(t *testing.T) {
	account := (id.ID{15: 28}).Text(id.Account)
	const to = " to " + amina + " token 0 0 Wh 0 of 0 for 0 balance -5 press true test true: "
	for name, c := range map[string]struct {
		kind   wallet.NoticeKind
		do     func(*till)
		says   string
		queued string
		again  bool
	}{
		"a first warning":           {wallet.NoticeLow1, nil, "", "queued low-1" + to, false},
		"a second":                  {wallet.NoticeLow2, nil, "", "queued low-2" + to, false},
		"it is used up":             {wallet.NoticeOut, nil, "", "queued cut-announced" + to, false},
		"it goes off":               {wallet.NoticeOff, nil, "", "queued cut-off" + to, false},
		"it comes back":             {wallet.NoticeOn, nil, "", "queued restored" + to, false},
		"an unknown meter":          {wallet.NoticeOff, func(s *till) { s.found = false }, "given notice.supply-off available_minor=-5 KES press_key TEST", "", false},
		"an unknown notice":         {"x", nil, "given notice.x available_minor=-5 KES press_key TEST", "", false},
		"after STOP":                {wallet.NoticeLow1, func(s *till) { s.to.Notices = false }, "given notice.wallet-low available_minor=-5 KES press_key TEST", "suppressed low-1" + to + "the customer wants no such messages (STOP)", false},
		"without a telephone":       {wallet.NoticeOut, func(s *till) { s.to.Phone = "" }, "given notice.wallet-used-up available_minor=-5 KES press_key TEST; warned " + account, "suppressed cut-announced" + strings.Replace(to, amina, "", 1) + "there is no telephone number", false},
		"no room for a warning":     {wallet.NoticeOut, func(s *till) { s.waiting = notify.MaxTokensPerPhone }, "", "", true},
		"room for the last":         {wallet.NoticeOut, func(s *till) { s.waiting = notify.MaxTokensPerPhone - 1 }, "", "queued cut-announced" + to, false},
		"no room for a first one":   {wallet.NoticeLow1, func(s *till) { s.waiting = notify.MaxPerPhone }, "given notice.wallet-low available_minor=-5 KES press_key TEST", "suppressed low-1" + to + "too many messages wait for this telephone", false},
		"without telephone or room": {wallet.NoticeOut, func(s *till) { s.to.Phone, s.waiting = "", notify.MaxTokensPerPhone }, "given notice.wallet-used-up available_minor=-5 KES press_key TEST; warned " + account, "suppressed cut-announced" + strings.Replace(to, amina, "", 1) + "there is no telephone number", false},
	} {
		s, kicked := newTill(t), 0
		if c.do != nil {
			c.do(s)
		}
		n := notify.NewNotices(doorTo[notify.NoticeTx]{s}, func() time.Time { return s.now }, func() { kicked++ })
		v, err := n.Send(t.Context(), 1, noticed(t, c.kind))
		want := job.Done()
		if c.again {
			want = job.Again(s.now.Add(5*time.Minute), "too many messages wait for this telephone")
		}
		if err != nil || v != want || (kicked == 1) == c.again {
			t.Errorf("%s: %s, %v, kicked %d times; want %s", name, v, err, kicked, want)
		}
		s.want(name, s.says(), c.says)
		s.want(name, s.queued(), c.queued)
		for _, m := range s.messages {
			if m.Meter != 1 || m.Number != meterA || m.Customer != s.to.Customer || m.Lang != "en" || m.Args.Meter != meterA || m.Args.Account != account || m.Args.Utility != "Umeme" || m.Args.Contact != "+254 20" {
				t.Errorf("%s: %+v", name, m)
			}
		}
	}
	v, err := notify.NewNotices(nil, nil, nil).Send(t.Context(), 1, job.Claim{Item: job.Item{Body: []byte("{")}})
	if err != nil || v != job.Dead("the notice cannot be read") {
		t.Errorf("a notice that is none: %s, %v", v, err)
	}
}

// TestTheLogTakesNotices: without a route, notices are written into the audit log.
func TestTheLogTakesNotices(t *testing.T) {
	s := newTill(t)
	v, err := notify.NewLog(doorTo[notify.LogTx]{s}).Send(t.Context(), 1, noticed(t, wallet.NoticeOff))
	if err != nil || v != job.Done() {
		t.Errorf("%s, %v", v, err)
	}
	s.want("written down", s.says(), "given notice.supply-off available_minor=-5 KES press_key TEST")
}

// TestOldMessagesAreForgotten checks that strangers' messages are deleted after a month and other
// messages after 400 days, all in batches.
func TestOldMessagesAreForgotten(t *testing.T) {
	s := newTill(t)
	if err := notify.Forget(s, s.now, 7); err != nil {
		t.Fatal(err)
	}
	s.want("forgotten", s.says(), `forget 7 ["from-stranger" "public-help"] of 720h0m0s before; forget 7 [] of 9600h0m0s before`)
}

// undone is a door whose transactions do not commit.
type undone[X any] struct{ doorTo[X] }

func (u undone[X]) Do(ctx context.Context, tenant access.Tenant, fn func(X) (bool, error)) error {
	return errors.Join(u.doorTo.Do(ctx, tenant, fn), errStore)
}

// TestANoticeThatWasNotCommittedWakesNobody checks that the workers are not woken if the notice's transaction does not commit.
func TestANoticeThatWasNotCommittedWakesNobody(t *testing.T) {
	s := newTill(t)
	n := notify.NewNotices(undone[notify.NoticeTx]{doorTo[notify.NoticeTx]{s}}, func() time.Time { return s.now }, func() { t.Error("somebody is woken") })
	v, err := n.Send(t.Context(), 1, noticed(t, wallet.NoticeOff))
	if !errors.Is(err, errStore) || v != (job.Verdict{}) {
		t.Errorf("%s, %v", v, err)
	}
}

// noticed returns a notice about a wallet, as a claimed job of its lane.
func noticed(t *testing.T, kind wallet.NoticeKind) job.Claim {
	t.Helper()
	body, err := json.Marshal(wallet.Notice{Kind: kind, Meter: meterA, Account: (id.ID{15: 28}).Text(id.Account), Available: -5, Currency: "KES", Press: true, Test: true})
	if err != nil {
		t.Fatal(err)
	}
	return job.Claim{Attempts: 1, Item: job.Item{Kind: string(kind), Body: body}}
}
