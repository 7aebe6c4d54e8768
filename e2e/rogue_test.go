package e2e

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"github.com/paywatt/paywatt/e2e/rogue"
	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/app/apptest"
	"github.com/paywatt/paywatt/internal/await"
	"github.com/paywatt/paywatt/internal/tier"
)

// site serves copies of one data folder.
type site struct {
	t      testing.TB
	p      *place
	has    features
	faults []string // further faults of the servers
	verify bool     // whether the books are verified at the end of a history
	public string   // address under which others reach the servers; empty for none

	url      string // of the server on the data folder itself
	inviter  string // key of an owner of it
	browsers byte   // how many people have accepted an invitation
}

// rogueServer is a server whose clock a file moves.
type rogueServer struct {
	*server
	site                   *site
	dir                    string
	clock, remove, devices string
}

func (s *site) serve(dir string) (rogue.Server, error) {
	clock := dir + ".clock"
	p := *s.p
	p.dir = dir
	p.expect("call of a provider refused") // the rogue calls in its name
	if s.has.old {
		p.expect("") // what an earlier version warns of is not judged
	}
	faults := slices.Concat([]string{"clock-file=" + clock, "time-service"}, s.faults)
	p.env = slices.Concat(p.env, []string{"FAULT_INJECT=" + strings.Join(faults, ",")}) // servers start at the same time: each needs a list of its own
	var more []string
	devices := ""
	if s.has.devices {
		var err error
		if devices, err = addresses.free(); err != nil {
			return nil, err
		}
		more = []string{"--mqtt-devices", devices}
	}
	srv, err := p.start("127.0.0.1:0", "127.0.0.1:0", more...)
	if err != nil {
		return nil, err
	}
	return &rogueServer{server: srv, site: s, dir: dir, clock: clock, devices: devices}, nil
}

// Serve starts a server on the data folder itself. Invitations go through it.
func (s *site) Serve() (rogue.Server, error) {
	srv, err := s.serve(s.p.dir)
	if err == nil {
		s.url = "http://" + srv.(*rogueServer).http
	}
	return srv, err
}

// FirstKey makes a key of nobody. An owner's invites people.
func (s *site) FirstKey(role, name string) (string, error) {
	key, err := s.create(role, name)
	if role == string(access.Owner) && s.inviter == "" {
		s.inviter = key
	}
	return key, err
}

func (s *site) Key(role, name, vendor string) (string, error) {
	email, _ := s.Login(name)
	switch {
	case vendor != "":
		return s.create(role, name, "--vendor", vendor)
	case !s.has.people: // each key counts as a person
		return s.create(role, name)
	case s.has.old: // only the program itself may write to its data
		if err := s.invite(email, role); err != nil {
			return "", err
		}
		return s.create(role, name, "--person", email)
	}
	return apptest.Key(s.t.Context(), s.p.dir, "", s.p.clock(), apptest.Person{Email: email, Role: access.Role(role), KeyName: name})
}

func (s *site) Login(name string) (email, password string) {
	if !s.has.people || name == "P/shop" { // a shop's key belongs to nobody
		return "", ""
	}
	return strings.ReplaceAll(strings.ToLower(name), "/", "-") + "@example.org", apptest.Password
}

func (s *site) create(role, name string, more ...string) (string, error) {
	out, errOut, code := s.p.try("", append([]string{"apikey", "create", "--role", role, "--name", name, "--data", s.p.dir}, more...)...)
	if code != 0 {
		return "", fmt.Errorf("apikey create --role %s: exit %d: %s", role, code, errOut)
	}
	return strings.TrimSpace(out), nil
}

func (s *site) Start(g rogue.Gateway) (rogue.Server, error) {
	top, err := os.MkdirTemp(filepath.Dir(s.p.dir), "run")
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(top, "data")
	if err := os.CopyFS(dir, os.DirFS(s.p.dir)); err != nil {
		return nil, err
	}
	err = filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error { // what others can read is refused
		if err != nil || e.IsDir() {
			return errors.Join(err, os.Chmod(path, 0o700))
		}
		return os.Chmod(path, 0o600)
	})
	if err != nil {
		return nil, err
	}
	if s.has.routes {
		secret := filepath.Join(top, "secret")
		route := fmt.Sprintf("[[sms_route]]\nname = %q\nkind = \"http\"\nurl = %q\nsecret_file = %q\n", g.Name, g.URL, secret)
		if s.public != "" && s.has.public {
			route = fmt.Sprintf("public_url = %q\n", s.public) + route
		}
		err = errors.Join(os.WriteFile(secret, []byte(g.Secret+"\n"), 0o600), os.WriteFile(filepath.Join(dir, "paywatt.toml"), []byte(route), 0o600))
		if err != nil {
			return nil, err
		}
	}
	srv, err := s.serve(dir)
	if err != nil {
		return nil, err
	}
	srv.(*rogueServer).remove = top
	return srv, nil
}

func (s *rogueServer) Addresses() (http, mqtt string) { return s.http, s.mqtt }

func (s *rogueServer) Devices() string { return s.devices }

func (s *rogueServer) Ahead(d time.Duration) bool {
	if os.Getenv("E2E_ROGUE_CLOCK") == "off" {
		return false
	}
	next := s.clock + ".next"
	return os.WriteFile(next, []byte(d.String()), 0o600) == nil && os.Rename(next, s.clock) == nil
}

// Waiting reads the outbox. Of each meter only the first item counts: the others wait for the answer to it.
func (s *rogueServer) Waiting(numbers []string, now time.Time) (n int, err error) {
	db, err := sqlite.OpenConn(filepath.Join(s.dir, "paywatt.db"), sqlite.OpenReadOnly)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	db.SetBusyTimeout(await.Limit)
	const due = `SELECT key FROM outbox o WHERE lane = 'mqtt' AND dead_at IS NULL AND (next_at <= ?1 OR owner_until > ?1)
		AND seq = (SELECT MIN(seq) FROM outbox f WHERE f.tenant_id = o.tenant_id AND f.lane = o.lane AND f.key = o.key AND f.dead_at IS NULL)`
	err = sqlitex.Execute(db, due, &sqlitex.ExecOptions{Args: []any{now.UnixMicro()}, ResultFunc: func(row *sqlite.Stmt) error {
		if slices.ContainsFunc(numbers, func(number string) bool { return strings.HasPrefix(row.ColumnText(0), number) }) {
			n++
		}
		return nil
	}})
	return n, err
}

func (s *rogueServer) Verify() string {
	if !s.site.verify {
		return ""
	}
	out, errOut, code := s.site.p.try("", "verify", "--data", s.dir)
	if code == 0 {
		return ""
	}
	return fmt.Sprintf("paywatt verify: exit %d\n%s%s", code, out, errOut)
}

// Stop pulls the plug: nothing of the copy is needed any more.
func (s *rogueServer) Stop() {
	if s.remove == "" {
		s.stop()
		return
	}
	s.kill()
	_ = os.RemoveAll(s.remove)
}

// TestARogueGainsNothing plays histories of P in every role: with ceilings of 0 P gains nothing, with small ceilings no more than the
// report names.
//
// E2E_ROGUE_ROLE plays one role only, TIER_SEED begins with another seed. E2E_ROGUE_MOVES names P's moves, separated by
// commas.
func TestARogueGainsNothing(t *testing.T) {
	t.Parallel()
	s, town := newTown(t)
	sound := &site{t: t, p: s.p, has: s.has, verify: true}
	zero, small := town.With(sound, rogue.Policy{Limits: rogue.Zero}), town.With(sound, rogue.Policy{Limits: rogue.Small})
	roles := rogue.Roles()
	if only := os.Getenv("E2E_ROGUE_ROLE"); only != "" {
		roles = []string{only}
	}
	each, began := tier.E2ERogueRequests.N()/len(roles), time.Now()
	var asked, histories atomic.Int64
	t.Run("roles", func(t *testing.T) {
		for _, role := range roles {
			t.Run(role, func(t *testing.T) {
				t.Parallel()
				h, n := playRole(t, []*rogue.Utility{zero, small}, role, each)
				histories.Add(int64(h))
				asked.Add(int64(n))
			})
		}
	})
	t.Logf("figures: %d requests of P in %d histories, %.0f a second", asked.Load(), histories.Load(), float64(asked.Load())/time.Since(began).Seconds())
}

// newTown sets a utility up. E2E_ROGUE_BIN is the binary to play against, built as internal/plant says. Without the tag, or with an
// earlier version, E2E_ROGUE_CLOCK=off keeps the clock as it is.
func newTown(t *testing.T) (*site, *rogue.Utility) {
	t.Helper()
	bin := os.Getenv("E2E_ROGUE_BIN")
	if bin == "" {
		bin = buildOnce(t, "faultinject")
	}
	p := newPlace(t, bin)
	s := &site{t: t, p: p, has: featuresOf(t, p)}
	town, err := rogue.Build(s, testKey())
	if err != nil {
		t.Fatal(err)
	}
	return s, town
}

// off returns the utility on servers with one rule switched off.
func (s *site) off(town *rogue.Utility, p rogue.Policy, faults ...string) *rogue.Utility {
	return town.With(&site{t: s.t, p: s.p, has: s.has, faults: faults}, p)
}

// playRole plays histories until P has sent enough requests, with each policy in turn. It ends at the first bad one, which it shortens and prints. A move that
// the role may not make is not tried again.
func playRole(t *testing.T, policies []*rogue.Utility, role string, enough int) (histories, asked int) {
	denied := map[string]bool{}
	may := func(move string) bool {
		only := os.Getenv("E2E_ROGUE_MOVES")
		return !denied[move] && (only == "" || only == "all" || strings.Contains(","+only+",", ","+move+","))
	}
	for seed := tier.Seed(t); asked < enough; seed++ {
		town := policies[seed%uint64(len(policies))]
		f, err := town.Play(role, rogue.Steps(seed, min(250, enough), may))
		if err != nil {
			t.Fatalf("%s, seed %d: %v", role, seed, err)
		}
		histories, asked = histories+1, asked+f.Asked
		for move, may := range f.May {
			denied[move] = denied[move] || !may
		}
		if os.Getenv("E2E_ROGUE_LOG") != "" {
			t.Logf("seed %d: %+v\n%s", seed, f.Verdict, f)
		}
		if f.Verdict.Bad() == "" {
			continue
		}
		if f, err = town.Shrink(f, 60); err != nil {
			t.Fatal(err)
		}
		t.Errorf("seed %d: %s", seed, f)
		break
	}
	return histories, asked
}

// rule is one thing that protects the utility from one person: a second person or a ceiling.
type rule struct {
	fault  string // switches it off
	role   string // P's role, which has the right
	policy rogue.Policy
	moves  []string // P's moves; all that the role may make if empty
}

// secondPeople are the acts that need a second person, and the one that is refused above a ceiling of 0, with a role that may ask for them. Some acts are not here because they move no
// value: a forced connect spares a key press, which P can make at P's own meter; trusting the clock moves nothing while it is right; and a
// meter without the link key that counts ends the supply with its lease. A new voucher is worth nothing before it is paid for, an ended one nothing at all.
func secondPeople() (out []rule) {
	all := rogue.Policy{Limits: rogue.Zero}
	for act, role := range map[string]string{
		"tariff.publish": "tariff_manager", "vendor.deposit": "finance", "vendor.terms": "finance", "account.refund": "finance",
		"reading.decide": "engineer", "settings.change": "owner", "token.issue": "engineer", "meter.clear_credit": "engineer",
		"meter.clear_tamper": "engineer", "meter.cancel_token": "engineer", "meter.postpaid": "installer", "meter.tariff": "installer", "account.move_out": "installer", "account.move_in": "installer", "meter.max_power": "installer",
		"meter.config": "installer", "meter.swap": "engineer", "meter.impulses": "installer", "meter.device": "engineer", "import.balances": "finance", "import.undo": "finance",
		"account.supply": "installer", "token.free": "supervisor", "ledger.adjust": "finance", "vend.reverse": "supervisor",
		"payment.apply": "finance", "payment.refund": "finance", "payment.dismiss": "finance", "provider.enable": "owner", "statement.take": "finance",
		"provider.secret": "owner", "account.move_out_owing": "installer", "meter.feeder": "installer",
	} {
		one := rule{fault: "alone=" + act, role: role, policy: all}
		if act == "token.issue" { // of an engineer's many moves, the one that harms a customer who has bought and not entered
			one.moves = []string{"make a service token"}
		}
		switch act {
		case "account.move_in": // whoever may move nobody out moves nobody in
			one.moves, one.policy.Limits = []string{"take over another's place"}, rogue.Only("person/sales")
		case "meter.config":
			one.moves = []string{"configure a meter"}
		case "import.balances":
			one.moves, one.policy.Limits = []string{"import a balance"}, rogue.Only("person/credits") // what an account may get would stop the rows
		case "import.undo":
			one.moves, one.policy.Limits = []string{"undo an import"}, rogue.Only("person/credits")
		case "meter.swap":
			one.moves = []string{"replace a meter"}
		case "meter.impulses":
			one.moves = []string{"add a meter that counts too little"}
		case "meter.device":
			one.moves = []string{"adopt a device that reports nothing"}
		case "meter.cancel_token":
			one.moves = []string{"cancel a token"}
		case "payment.apply":
			one.moves = []string{"use a parked payment for P"}
		case "payment.refund":
			one.moves = []string{"take a parked payment out"}
		case "payment.dismiss":
			one.moves = []string{"reject a parked payment"}
		case "provider.enable":
			one.moves = []string{"add a provider of P's own", "invent a payment"}
		case "statement.take":
			one.moves = []string{"invent a statement"}
		case "provider.secret":
			one.moves = []string{"replace a provider's secret"}
		case "account.move_out_owing":
			one.moves = []string{"abandon a debt"}
		case "meter.feeder":
			one.moves = []string{"put a meter on another feeder"}
		case "account.move_out":
			one.moves = []string{"move out without a network"}
		}
		out = append(out, one)
	}
	friends := []string{"invite a person and sign in", "reset a person and sign in", "book a deposit", "look at approvals", "approve", "sell from P's shop"}
	limited := func(move string) rule {
		return rule{fault: "limited-keys", role: "owner", moves: []string{move}, policy: all}
	}
	numbers := []string{"change a telephone", "change a SIM", "confirm a number", "ask for a token by text message"}
	return append(out, rule{fault: "keys-of-nobody", role: "finance", moves: friends[2:], policy: all}, rule{fault: "unconfirmed-people", role: "owner", moves: friends, policy: all},
		limited("invite with a limited key"), limited("ask for secrets with a limited key"),
		rule{fault: "no-number-hold", role: "installer", moves: []string{"take a customer's number for P"}, policy: all},
		rule{fault: "no-number-hold", role: "installer", moves: numbers, policy: all}, rule{fault: "number-by-one-person", role: "installer", moves: numbers, policy: all})
}

// ceilings are the ceilings of a person. Each alone is 0, and four eyes are off, so nothing else stops the moves that it limits. The ceilings of
// meters, accounts and vendors are not here: while one is off, the report still names all of it against P under the person's ceiling, so P
// gains nothing unseen.
func ceilings() (out []rule) {
	undo := []string{"sell from P's shop", "reverse P's newest sale", "reverse another's sale"}
	for _, r := range []rule{
		{fault: "person/sales", role: "operator", moves: []string{"sell for the utility"}},
		{fault: "person/till_shortage", role: "operator", moves: []string{"open a till", "count a till"}},
		{fault: "person/till_surplus", role: "operator", moves: []string{"book a surplus"}},
		{fault: "person/feeders", role: "installer", moves: []string{"put a meter on another feeder"}},
		{fault: "person/feeders", role: "installer", moves: []string{"register a meter on a feeder"}},
		{fault: "person/feeders", role: "installer", moves: []string{"import meters on a feeder"}},
		{fault: "person/debts", role: "finance", moves: []string{"raise a debt", "add a charge"}},
		{fault: "person/free_units", role: "supervisor", moves: []string{"make free units"}},
		{fault: "person/credits", role: "finance", moves: []string{"give goodwill", "write off a debt"}},
		{fault: "person/emergency_supply", role: "engineer", moves: []string{"restore a supply at night"}},
		{fault: "person/reversals", role: "supervisor", moves: undo},
		{fault: "person/reversed_value", role: "supervisor", moves: undo},
	} {
		out = append(out, rule{fault: "no-ceiling=" + r.fault, role: r.role, moves: r.moves, policy: rogue.Policy{Limits: rogue.Only(r.fault), FourEyesOff: true}})
	}
	return out
}

// TestTheRogueKnowsEveryRule: each act that takes a second person, and each ceiling, is switched off for the rogue, or its reason stands here.
func TestTheRogueKnowsEveryRule(t *testing.T) {
	t.Parallel()
	const (
		noValue  = "it moves no value, see secondPeople"
		itsOwn   = "only its ceiling takes a second person, and the ceiling is in the list"
		noVoice  = "the houses' meters report what they count, and no move speaks in the place of one"
		noSpare  = "no house is supplied by a meter that was replaced or that nobody pays for"
		noDevice = "the houses have no device that cannot be read: adoption waits for a value"
		byPerson = "while it is off, the report names all of it under the person's ceiling"
	)
	left := map[string]string{
		"alone=meter.force_connect": noValue, "alone=clock.trust": noValue, "alone=meter.link_key": noValue,
		"alone=import.debts": itsOwn, "alone=voucher.make": noValue, "alone=voucher.end": noValue, "alone=difference.close": noValue, "alone=webhook.enable": noValue,
		"alone=meter.remove": noSpare, "alone=meter.unread_cut": noDevice, "alone=meter.password": noVoice, "alone=debt.take_over": byPerson,
		"alone=voucher.reissue": "P sees no code without the second person; TestLostCodesAreIssuedAgainByTwo",
		"alone=debt.raise":      itsOwn, "alone=shift.close_any": itsOwn, "alone=supply.emergency": itsOwn,
		"no-ceiling=meter/emergency_supply": byPerson, "no-ceiling=meter/sales": byPerson, "no-ceiling=meter/free_units": byPerson, "no-ceiling=meter/reversed_value": byPerson,
		"no-ceiling=account/credits": byPerson, "no-ceiling=account/debts": byPerson, "no-ceiling=vendor/reversed_value": byPerson,
		"no-ceiling=person/texts": "a text moves no value",
	}
	known := map[string]bool{}
	for _, r := range append(secondPeople(), ceilings()...) {
		known[r.fault] = true
	}
	var want []string
	for _, a := range access.Acts() {
		want = append(want, "alone="+string(a))
	}
	for _, c := range access.Ceilings() {
		want = append(want, "no-ceiling="+string(c))
	}
	for _, fault := range want {
		if known[fault] == (left[fault] != "") {
			t.Errorf("%s is in the rogue's list: %t; the reason why it need not be: %q", fault, known[fault], left[fault])
		}
	}
	for fault := range left {
		if !slices.Contains(want, fault) {
			t.Errorf("%s is no rule", fault)
		}
	}
}

// findWithin is how many of P's requests may pass before P finds a rule that is off.
const findWithin = 2000

// TestARogueFindsARuleThatIsOff switches off one second person or one ceiling at a time. P must find it. The same steps must end well
// while the rule is on. E2E_ROGUE_RULE names one rule, and E2E_ROGUE_LOG=1 prints the shortest requests.
func TestARogueFindsARuleThatIsOff(t *testing.T) {
	tier.Long(t)
	t.Parallel()
	s, town := newTown(t)
	for _, r := range append(secondPeople(), ceilings()...) {
		if !strings.Contains(r.fault, os.Getenv("E2E_ROGUE_RULE")) {
			continue
		}
		t.Run(r.fault, func(t *testing.T) {
			t.Parallel()
			f, asked := r.find(t, s.off(town, r.policy, r.fault), 60, findWithin)
			if f.Verdict.Bad() == "" {
				t.Fatalf("P did not find it within %d requests", asked)
			}
			t.Logf("figures: %s: found after %d requests", r.fault, asked)
			if os.Getenv("E2E_ROGUE_LOG") != "" {
				f, err := s.off(town, r.policy, r.fault).Shrink(f, 40)
				t.Logf("shown by %d requests: %s, %v", len(f.Log), f, err)
			}
			if on, err := s.off(town, r.policy).Play(r.role, f.Steps); err != nil || on.Verdict.Bad() != "" {
				if err == nil {
					on, err = s.off(town, r.policy).Shrink(on, 60)
				}
				t.Errorf("with the rule on: %v\n%s", err, on)
			}
		})
	}
}

// find plays histories of a number of steps until one ends badly, or P has sent enough requests.
func (r rule) find(t *testing.T, town *rogue.Utility, steps, enough int) (f rogue.Found, asked int) {
	denied := map[string]bool{}
	may := func(move string) bool {
		return !denied[move] && (len(r.moves) == 0 || slices.Contains(r.moves, move))
	}
	for seed := 1; asked < enough && seed <= enough; seed++ {
		var err error
		if f, err = town.Play(r.role, rogue.Steps(uint64(seed), steps, may)); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		asked += f.Asked
		for move, may := range f.May {
			denied[move] = denied[move] || !may
		}
		if f.Verdict.Bad() != "" {
			break
		}
	}
	return f, asked
}
