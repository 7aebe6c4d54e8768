package wallet_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/rowstest"
	"github.com/paywatt/paywatt/internal/wallet"
	"github.com/paywatt/paywatt/supply"
)

// noticed are the wallets of an account as a notice that was sent sees them, in memory. Meter 1 is the notice's.
type noticed struct {
	rowstest.Calls
	rows     []wallet.Row
	supplies map[int64]wallet.Supplied
}

const noticedNumber = "04140001001"

// sentAt is the time of the transaction that records a notice.
func sentAt() time.Time { return time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC) }

// newNoticed returns an account with some meters. All are below both levels, and nothing is left.
func newNoticed(meters ...int64) *noticed {
	n := &noticed{supplies: map[int64]wallet.Supplied{}}
	for _, m := range meters {
		s := wallet.State{Low1: supply.Crossing{Below: true}, Low2: supply.Crossing{Below: true}}
		n.rows = append(n.rows, wallet.Row{State: s, Meter: wallet.MeterFacts{N: m}})
		n.supplies[m] = wallet.Supplied{Supply: wallet.Supply{Out: sentAt().Add(-time.Hour)}}
	}
	return n
}

func (n *noticed) Scope() (access.Tenant, int64) { return 1, 1 }
func (n *noticed) Moment() time.Time             { return sentAt() }

func (n *noticed) MeterByNumber(number string) (registry.Meter, bool, error) {
	return registry.Meter{N: 1, ID: id.ID{15: 1}, Number: number}, number == noticedNumber, n.Fails("MeterByNumber")
}

func (n *noticed) AuditLog(e access.Entry) error {
	return n.Writes("%s did %s to %s: %s", e.Actor, e.Action, e.Object, e.After)
}

func (n *noticed) WalletOf(meter int64) ([]wallet.Row, error) {
	return n.rows, n.Writes("wallets of m%d", meter)
}

func (n *noticed) WalletsOf(account id.ID) ([]wallet.Row, error) {
	return n.rows, n.Writes("wallets of account %d", account[15])
}

func (n *noticed) SuppliesOf([]wallet.Row) (map[int64]wallet.Supplied, error) {
	return n.supplies, n.Fails("SuppliesOf")
}

func (n *noticed) SuppliesPut(all []wallet.MeterSupply) error {
	text := "warned:"
	for _, s := range all {
		text += fmt.Sprintf(" m%d at %s", s.Meter, s.Supply.Noticed.Format(time.TimeOnly))
	}
	return n.Writes("%s", text)
}

// sent records a notice as sent.
func (n *noticed) sent(t *testing.T, sent wallet.Notice) error {
	t.Helper()
	body, err := json.Marshal(sent)
	if err != nil {
		t.Fatal(err)
	}
	return wallet.NoticeSent(n, sent.Kind, body)
}

// TestWhatASentNoticeWrites: every notice is in the audit log. A warning that the supply will go off begins the wait before the cut-off, for all
// meters of the account that do not wait already.
func TestWhatASentNoticeWrites(t *testing.T) {
	account := id.ID{15: 2}.Text(id.Account)
	audit := func(kind wallet.NoticeKind, after string) string {
		return "system " + wallet.Actor + " did notice." + string(kind) + " to " + id.ID{15: 1}.Text(id.Meter) + ": " + after
	}
	plain := func(kind wallet.NoticeKind) wallet.Notice {
		return wallet.Notice{Kind: kind, Meter: noticedNumber, Account: account, Available: -150, Currency: "KES"}
	}
	with := func(kind wallet.NoticeKind, change func(*wallet.Notice)) wallet.Notice {
		n := plain(kind)
		change(&n)
		return n
	}
	waits := newNoticed(1, 2, 3)
	s := waits.supplies[2]
	s.Noticed = sentAt().Add(-time.Minute)
	waits.supplies[2] = s
	for name, c := range map[string]struct {
		rows   *noticed
		notice wallet.Notice
		want   []string
	}{
		"a first warning":     {newNoticed(1), plain(wallet.NoticeLow1), []string{audit(wallet.NoticeLow1, "available_minor=-150 KES")}},
		"the supply went off": {newNoticed(1), plain(wallet.NoticeOff), []string{audit(wallet.NoticeOff, "available_minor=-150 KES")}},
		"a device is unread":  {newNoticed(1), plain(wallet.NoticeUnread), []string{audit(wallet.NoticeUnread, "available_minor=-150 KES")}},
		"a key must be pressed": {newNoticed(1), with(wallet.NoticeOn, func(n *wallet.Notice) { n.Press = true }),
			[]string{audit(wallet.NoticeOn, "available_minor=-150 KES press_key")}},
		"a meter of tests": {newNoticed(1), with(wallet.NoticeOn, func(n *wallet.Notice) { n.Test = true }),
			[]string{audit(wallet.NoticeOn, "available_minor=-150 KES TEST")}},
		"a second warning": {newNoticed(1), plain(wallet.NoticeLow2),
			[]string{audit(wallet.NoticeLow2, "available_minor=-150 KES"), "wallets of account 2", "warned: m1 at 12:00:00"}},
		"nothing is left": {newNoticed(1, 2), plain(wallet.NoticeOut),
			[]string{audit(wallet.NoticeOut, "available_minor=-150 KES"), "wallets of account 2", "warned: m1 at 12:00:00 m2 at 12:00:00"}},
		"a meter that waits already": {waits, plain(wallet.NoticeOut),
			[]string{audit(wallet.NoticeOut, "available_minor=-150 KES"), "wallets of account 2", "warned: m1 at 12:00:00 m3 at 12:00:00"}},
		"an account without wallets": {newNoticed(), plain(wallet.NoticeOut),
			[]string{audit(wallet.NoticeOut, "available_minor=-150 KES"), "wallets of account 2"}},
		"a message of an older version": {newNoticed(1), with(wallet.NoticeOut, func(n *wallet.Notice) { n.Account = "" }),
			[]string{audit(wallet.NoticeOut, "available_minor=-150 KES"), "wallets of m1", "warned: m1 at 12:00:00"}},
		"a meter that is gone": {newNoticed(1), with(wallet.NoticeOut, func(n *wallet.Notice) { n.Meter = "04140001019" }), nil},
	} {
		t.Run(name, func(t *testing.T) {
			if err := c.rows.sent(t, c.notice); err != nil {
				t.Fatal(err)
			}
			c.rows.Wants(t, c.want...)
			for n, call := range c.rows.Made {
				c.rows.Calls = rowstest.Calls{Broken: n + 1}
				if err := c.rows.sent(t, c.notice); !errors.Is(err, rowstest.ErrStore) {
					t.Errorf("%s fails, and the error is %v", call, err)
				}
			}
		})
	}
	if err := wallet.NoticeSent(newNoticed(1), wallet.NoticeOut, []byte("{")); err == nil {
		t.Error("a notice that cannot be read was sent")
	}
	if err := newNoticed(1).sent(t, with(wallet.NoticeOut, func(n *wallet.Notice) { n.Account = "acc" })); err == nil {
		t.Error("a notice of an account that cannot be read was sent")
	}
}

// TestWhichWarningsHold: a warning that waited is sent only while it is still so for a meter of the account. If nobody can tell, it is sent.
func TestWhichWarningsHold(t *testing.T) {
	account := id.ID{15: 2}.Text(id.Account)
	paid := func(n *noticed, meters ...int64) *noticed {
		for _, m := range meters {
			for i := range n.rows {
				if n.rows[i].Meter.N == m {
					n.rows[i].State, n.supplies[m] = wallet.State{}, wallet.Supplied{}
				}
			}
		}
		return n
	}
	for name, c := range map[string]struct {
		rows            *noticed
		kind            wallet.NoticeKind
		number, account string
		want            bool
		reads           []string
	}{
		"a first warning":            {newNoticed(1), wallet.NoticeLow1, noticedNumber, account, true, []string{"wallets of account 2"}},
		"a second one":               {newNoticed(1), wallet.NoticeLow2, noticedNumber, account, true, []string{"wallets of account 2"}},
		"nothing is left":            {newNoticed(1), wallet.NoticeOut, noticedNumber, account, true, []string{"wallets of account 2"}},
		"after a payment":            {paid(newNoticed(1, 2), 1, 2), wallet.NoticeOut, noticedNumber, account, false, []string{"wallets of account 2"}},
		"for another meter":          {paid(newNoticed(1, 2), 1), wallet.NoticeOut, noticedNumber, account, true, []string{"wallets of account 2"}},
		"for the first meter":        {paid(newNoticed(1, 2), 2), wallet.NoticeLow1, noticedNumber, account, true, []string{"wallets of account 2"}},
		"without an account":         {paid(newNoticed(1), 1), wallet.NoticeLow2, noticedNumber, "", false, []string{"wallets of m1"}},
		"an account without wallets": {newNoticed(), wallet.NoticeLow2, noticedNumber, account, true, []string{"wallets of account 2"}},
		"a meter that is gone":       {paid(newNoticed(1), 1), wallet.NoticeLow2, "04140001019", account, true, nil},
		"the supply went off":        {paid(newNoticed(1), 1), wallet.NoticeOff, noticedNumber, account, true, nil},
		"a device is unread":         {paid(newNoticed(1), 1), wallet.NoticeUnread, noticedNumber, account, true, nil},
	} {
		t.Run(name, func(t *testing.T) {
			if got, err := wallet.WarningHolds(c.rows, c.kind, c.number, c.account); err != nil || got != c.want {
				t.Errorf("holds %t, %v; want %t", got, err, c.want)
			}
			c.rows.Wants(t, c.reads...)
			for n, call := range c.rows.Made {
				c.rows.Calls = rowstest.Calls{Broken: n + 1}
				if got, err := wallet.WarningHolds(c.rows, c.kind, c.number, c.account); !errors.Is(err, rowstest.ErrStore) || !got {
					t.Errorf("%s fails: holds %t, %v", call, got, err)
				}
			}
		})
	}
	if got, err := wallet.WarningHolds(newNoticed(1), wallet.NoticeOut, noticedNumber, "acc"); err == nil || !got {
		t.Errorf("an account that cannot be read: holds %t, %v", got, err)
	}
}
