package wallet_test

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/internal/wallet"
	"github.com/paywatt/paywatt/supply"
	"github.com/paywatt/paywatt/unit"
	"github.com/paywatt/paywatt/wire"
)

// TestStories plays cases that customer care is asked about. Lines with ">" say what happens, lines with "=" show the state of each meter,
// and all other lines are the decisions in order. A difference is a change of behaviour. To rewrite the stories, run the
// test with -update. Then read the difference.
func TestStories(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("testdata", "stories", "*.txt"))
	if err != nil || len(files) < 10 {
		t.Fatal(len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := played(t, string(text))
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
					t.Fatal(err)
				}
			} else if got != string(text) {
				t.Errorf("got\n%s", got)
			}
		})
	}
}

// played returns a story with today's decisions.
func played(t *testing.T, text string) string {
	s, out := &story{}, strings.Builder{}
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if line == "" || strings.HasPrefix(line, "#") {
			out.WriteString(line + "\n")
		}
		if does, ok := strings.CutPrefix(line, "> "); ok {
			s.said = nil
			s.does(t, strings.Fields(does))
			out.WriteString(line + "\n")
			for _, said := range s.said {
				out.WriteString("  " + said + "\n")
			}
		}
	}
	return out.String()
}

// story is an account, and the text of the decisions about it.
type story struct {
	*rig
	said   []string
	credit bool
}

func (s *story) says(format string, args ...any) {
	s.said = append(s.said, fmt.Sprintf(format, args...))
}

func (s *story) does(t *testing.T, f []string) {
	number := func(at int) int64 {
		n, err := strconv.ParseInt(strings.Replace(f[at], ".", "", 1), 10, 64)
		if err != nil {
			t.Fatalf("%q: %v", f, err)
		}
		return n
	}
	switch {
	case f[0] == "account": // account 20.00 KES 2 meters
		s.rig = newRig(t, money.Minor(number(1)), int(number(3)))
		return
	case f[0] == "rule":
		s.rule(t, f[1], strings.Join(f[2:], " "))
		return
	case f[0] == "wait":
		d, err := time.ParseDuration(f[1])
		if err != nil {
			t.Fatal(err)
		}
		s.passes(d)
	case f[0] == "pays":
		s.money, s.credit = s.money+money.Minor(number(1)), true
	case f[0] == "loses":
		s.money -= money.Minor(number(1))
	case f[0] == "blind":
		s.unseen = s.now
	default:
		s.meter(t, int64(f[0][1]-'0'), f[1], f[2:])
	}
	s.decides(t)
}

// rule changes a setting of the tenant.
func (s *story) rule(t *testing.T, name, value string) {
	switch name {
	case "friendly":
		s.tenant.Supply.Windows = []string{value}
	case "notice":
		d, err := time.ParseDuration(value)
		if err != nil {
			t.Fatal(err)
		}
		s.tenant.Supply.Notice = int64(d / time.Second)
	case "protected":
		for _, seen := range s.seen {
			seen.Protected = value == "yes"
		}
	}
}

// meter is an event at a meter.
func (s *story) meter(t *testing.T, n int64, what string, f []string) {
	orders := map[string]wallet.CommandType{"cut": wallet.CommandCut, "connect": wallet.CommandConnect, "lease": wallet.CommandLease, "config": wallet.CommandConfig}
	if len(f) == 0 {
		t.Fatalf("m%d %s what?", n, what)
	}
	o := s.order(n, orders[f[0]])
	if !o.Open() && (what == "sent" || what == "does" || what == "refuses") {
		t.Fatalf("m%d %s %s: the order is %q", n, what, f[0], o.State)
	}
	switch what {
	case "reads": // m1 reads 1200 Wh closed
		wh, err := strconv.ParseInt(f[0], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		var reasons []supply.Reason
		for _, name := range f[3:] {
			if reason, ok := supply.ParseReason(name); ok {
				reasons = append(reasons, reason)
			}
		}
		s.read(n, unit.Energy(wh), f[2], reasons)
	case "sent": // a command was sent and is not answered yet
		o.Signed, o.State, o.Since = true, "sent", s.now
	case "does":
		o.Signed, o.State, o.Since, o.Seq = true, "done", s.now, s.rows[n-1].Seq
	case "refuses":
		o.Signed, o.State, o.Answer, o.Since, o.Seq = true, "failed", strings.Join(f[1:], " "), s.now, s.rows[n-1].Seq
	case "warned": // the warning was sent
		k := s.kept[n]
		k.Noticed = s.now
		s.kept[n] = k
	case "sealed", "unsealed": // a person cuts or restores the supply
		got, err := wallet.Switch(s, n, what == "sealed", "usr_1", strings.Join(f, " "), s.now)
		if err != nil || !got.Wallet {
			t.Fatal(got, err)
		}
	default:
		t.Fatalf("nobody knows what it is to be %q", what)
	}
}

func (s *story) read(n int64, register unit.Energy, relay string, reasons []supply.Reason) {
	r, seen := &s.rows[n-1], s.seen[n]
	seq := max(r.Seq, seen.Seq) + 1
	r.State, _ = wallet.Take(r.State, wallet.Reading{Memory: rigMemory, Seq: seq, At: s.now, Up: r.Up + 1, Clock: wire.ClockValid, ReceivedAt: s.now,
		Register: register, Open: wallet.SaysOpen(relay, len(reasons) > 0)}, wallet.Terms{Zone: s.tenant.Zone, Phases: 1, Versions: []tariff.Version{s.version}})
	seen.Relay, seen.Reasons, seen.ReceivedAt, seen.AsOf, seen.Register = relay, supply.Of(reasons...), s.now, s.now, register
	seen.Left, seen.Seq = max(0, s.max(n)-register), seq
}

// decides calls Decide twice for the account: the same values must give the same decisions, and Decide must not change the values.
func (s *story) decides(t *testing.T) {
	a, err := wallet.AccountAt(s, s.tenant, append([]wallet.Row(nil), s.rows...), s.now)
	if err != nil {
		t.Fatal(err)
	}
	a.Credit = s.credit
	before := fmt.Sprintf("%+v", a)
	decided, effects, err := wallet.Decide(a)
	if again, same, err := wallet.Decide(a); err != nil || !reflect.DeepEqual(decided, again) || !reflect.DeepEqual(effects, same) {
		t.Errorf("the same account is decided about differently: %v", err)
	}
	if err != nil || fmt.Sprintf("%+v", a) != before {
		t.Errorf("deciding has changed the account, or %v", err)
	}
	settle := func() (wallet.Settled, error) { return wallet.SettleAccount(s, id.ID{}, s.now, false) }
	if s.credit {
		settle = func() (wallet.Settled, error) { return wallet.SettleCredit(s, id.ID{}, s.now) }
	}
	out, err := settle()
	if err != nil {
		t.Fatal(err)
	}
	s.credit = false
	for i, r := range s.rows {
		s.says("= %s", s.stands(r, decided[i], out.Money))
	}
}

// stands describes the state of a meter.
func (s *story) stands(r wallet.Row, d wallet.Decided, have wallet.Money) string {
	out := r.Meter.Number + " is to be on"
	if !wallet.Wanted(r.State) {
		out = r.Meter.Number + " is to be off: " + r.Off.String()
	}
	if d.Block != "" {
		out += ", not cut because of " + string(d.Block)
	}
	if d.Press {
		out += ", a key has to be pressed"
	}
	out += ", " + kes(have.Available()) + " left"
	if !d.LookAt.IsZero() {
		out += ", looks again at " + d.LookAt.Format("2 Jan 15:04")
	}
	return out
}

func kes(m money.Minor) string {
	sign := ""
	if m < 0 {
		sign, m = "-", -m
	}
	return fmt.Sprintf("%s%d.%02d KES", sign, m/100, m%100)
}

// QueueCommand notes a command.
func (s *story) QueueCommand(m wallet.MeterFacts, o wallet.Command) (id.ID, error) {
	what := map[wallet.CommandType]string{wallet.CommandCut: "cut off", wallet.CommandConnect: "connect", wallet.CommandLease: "lease", wallet.CommandConfig: "configuration",
		wallet.CommandClock: "clock", wallet.CommandRead: "reading"}[o.Type]
	if most, ok := o.Args["max_register_wh"].(int64); ok {
		what += fmt.Sprintf(" up to %d Wh", most)
	}
	s.says("%s order %s %s: %s", s.now.Format("15:04"), m.Number, what, o.Reason)
	return s.rig.QueueCommand(m, o)
}

// Withdraw notes a command that is not sent any more.
func (s *story) Withdraw(m wallet.MeterFacts, t wallet.CommandType, order id.ID, why string) error {
	s.says("%s order %s withdrawn, %s: %s", s.now.Format("15:04"), m.Number, t, why)
	return s.rig.Withdraw(m, t, order, why)
}

// WakeOrders notes commands that are sent again at once.
func (s *story) WakeOrders(m wallet.MeterFacts, t wallet.CommandType) error {
	s.says("%s order %s sent again at once: %s", s.now.Format("15:04"), m.Number, t)
	return s.rig.WakeOrders(m, t)
}

// Notify notes a notice to a customer.
func (s *story) Notify(m wallet.MeterFacts, n wallet.Notice) error {
	press := ""
	if n.Press {
		press = ", press a key"
	}
	s.says("%s tell the customer of %s: %s, %s left%s", s.now.Format("15:04"), m.Number, n.Kind, kes(n.Available), press)
	return s.rig.Notify(m, n)
}
