package access

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/localday"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
)

// Ceiling names the most that one person, or all people for one meter, account or vendor, may take in a local day without a second person.
// Its first part says whose total it limits.
type Ceiling string

// Ceilings.
const (
	PersonSales     Ceiling = "person/sales" // sold in the utility's name, into its own till
	PersonFree      Ceiling = "person/free_units"
	PersonCredits   Ceiling = "person/credits" // goodwill and debts written off
	PersonDebts     Ceiling = "person/debts"   // debts and charges that customers must pay
	PersonReversals Ceiling = "person/reversals"
	PersonReversed  Ceiling = "person/reversed_value"
	PersonTexts     Ceiling = "person/texts"            // texts that people write to customers
	PersonEmergency Ceiling = "person/emergency_supply" // energy of supplies restored at night
	PersonShortage  Ceiling = "person/till_shortage"
	PersonFeeders   Ceiling = "person/feeders" // meters whose place gets its first feeder, when they are registered or later
	MeterSales      Ceiling = "meter/sales"    // sold to one meter in the utility's name
	PersonSurplus   Ceiling = "person/till_surplus"
	MeterEmergency  Ceiling = "meter/emergency_supply"
	MeterFree       Ceiling = "meter/free_units"
	MeterReversed   Ceiling = "meter/reversed_value"
	AccountCredits  Ceiling = "account/credits"
	AccountDebts    Ceiling = "account/debts"
	VendorReversed  Ceiling = "vendor/reversed_value"
)

// measure is the unit of a ceiling.
type measure int

const (
	inMoney  measure = iota // minor units
	inEnergy                // watt-hours
	inTimes                 // how often
)

// ceilings has the unit and the default of every ceiling, and what a person calls it. A landlord and the clerk of a small utility stay far
// below the defaults.
var ceilings = map[Ceiling]struct {
	unit  measure
	most  int64
	words string
}{
	PersonSales:     {inMoney, 100_000_000, "sales for the utility in a day"},
	PersonFree:      {inEnergy, 500_000, "free units in a day"},
	PersonCredits:   {inMoney, 10_000_000, "credits in a day"},
	PersonDebts:     {inMoney, 100_000_000, "debts raised in a day"},
	PersonReversals: {inTimes, 30, "reversals in a day"},
	PersonReversed:  {inMoney, 50_000_000, "value of reversals in a day"},
	PersonTexts:     {inTimes, 200, "texts to customers in a day"},
	PersonEmergency: {inEnergy, 50_000, "energy of emergency supplies in a day"},
	PersonShortage:  {inMoney, 100_000, "cash missing from tills in a day"},
	PersonFeeders:   {inTimes, 1_000, "meters put on a feeder in a day"},
	PersonSurplus:   {inMoney, 100_000, "cash too much in tills in a day"},
	MeterSales:      {inMoney, 50_000_000, "sales for the utility to one meter in a day"},
	MeterEmergency:  {inEnergy, 10_000, "energy of one meter's emergency supplies in a day"},
	MeterFree:       {inEnergy, 500_000, "free units of one meter in a day"},
	MeterReversed:   {inMoney, 20_000_000, "value of one meter's reversals in a day"},
	AccountCredits:  {inMoney, 10_000_000, "credits of one account in a day"},
	AccountDebts:    {inMoney, 50_000_000, "debts of one account in a day"},
	VendorReversed:  {inMoney, 50_000_000, "value of one vendor's reversals in a day"},
}

// MaxCeiling is the highest value of a ceiling.
const MaxCeiling = 1_000_000_000_000

// Ceilings lists every ceiling, sorted by name.
func Ceilings() []Ceiling {
	var out []Ceiling
	for c := range ceilings {
		out = append(out, c)
	}
	slices.Sort(out)
	return out
}

// Known reports whether this version has the ceiling.
func (c Ceiling) Known() bool { _, ok := ceilings[c]; return ok }

// Words returns what a person calls the ceiling, in English.
func (c Ceiling) Words() string { return ceilings[c].words }

// OfPerson reports whether the ceiling limits what one person takes.
func (c Ceiling) OfPerson() bool { return strings.HasPrefix(string(c), "person/") }

// ofSales reports whether the total under the ceiling is the sum of stored sales. Such a ceiling has no total of its own.
func (c Ceiling) ofSales() bool { return c == MeterSales }

// CeilingRules are a tenant's ceilings and its time zone.
type CeilingRules struct {
	TZ       string
	Currency string            // of the books; empty before the first tariff
	Set      map[Ceiling]int64 // ceilings that differ from the default
}

// Value returns an amount in the unit of a ceiling.
func (r CeilingRules) Value(c Ceiling, n int64) Value {
	switch unit := ceilings[c].unit; {
	case unit == inEnergy:
		return Counts(UnitEnergy, n)
	case unit == inMoney && r.Currency != "":
		return Pays(money.Amount{Minor: money.Minor(n), Currency: r.Currency})
	}
	return Says(strconv.FormatInt(n, 10))
}

// amount writes an amount in the unit of a ceiling, in English.
func (r CeilingRules) amount(c Ceiling, n int64) string { return r.Value(c, n).String() }

// Most returns the value of a ceiling. 0 means that everything takes a second person.
func (r CeilingRules) Most(c Ceiling) int64 {
	if n, ok := r.Set[c]; ok {
		return n
	}
	return ceilings[c].most
}

// CeilingTx is the part of a transaction that counts what people take.
type CeilingTx interface {
	// CeilingRules reads the tenant's ceilings without a lock.
	CeilingRules() (CeilingRules, error)
	// AddDayTotal adds the amount to a total, and returns the total after it. A negative amount undoes an action.
	AddDayTotal(DayTotal) (Taken, error)
	// SoldToMeter sums what was sold to a meter in the utility's name between two times, whatever became of the sales.
	SoldToMeter(meter string, from, to time.Time) (int64, error)
	// UsualTaken returns the mean size of somebody's actions under a ceiling, for each day that begins between two times and had any.
	UsualTaken(c Ceiling, subject string, from, to time.Time) ([]int64, error)
	// DayMeans returns the mean size of everybody's actions under a ceiling, for each person and day that begins between two times and had any.
	DayMeans(c Ceiling, from, to time.Time) ([]DayMean, error)
	// DoneEffects returns the effects of the newest approvals of an act that were requested since a time and are done.
	DoneEffects(act Act, since time.Time, max int) ([]string, error)
	// DayRaised stores the reasons for alarms that were raised on the day of a total.
	DayRaised(d DayTotal, raised Unusual) error
	// RaisePersonAlarm raises the alarm that somebody's actions are unusual.
	RaisePersonAlarm(text string) error
	// HadPeople reports whether the tenant has ever had a person, even one who is blocked now.
	HadPeople() (bool, error)
	// PersonPage lists people in the order in which they were added, after the given person.
	PersonPage(after id.ID, max int) ([]PersonRow, error)
}

// DayTotal is what somebody took under a ceiling in a local day.
type DayTotal struct {
	Ceiling  Ceiling
	Subject  string    // whose total it is: the identity of a person, meter, account or vendor
	Name     string    // what a report calls the subject
	From, To time.Time // the local day
	Amount   int64
	Unusual  Unusual // the alarms that were raised on the day; only in lists
}

// DayMean is the mean size of somebody's actions under a ceiling in a local day.
type DayMean struct {
	Subject string
	Amount  int64
}

// Subject is a meter, an account or a vendor that an action concerns. The zero value means none.
type Subject struct{ ID, Name string }

// Takes is what an action counts under the ceilings of its rule: an amount of money in minor units, or energy in watt-hours.
type Takes struct {
	Amount                 int64
	Surplus                int64 // counts under [PersonSurplus], and under no other ceiling
	Meter, Account, Vendor Subject
}

// under returns what counts under a ceiling.
func (w Takes) under(c Ceiling) int64 {
	if c == PersonSurplus {
		return w.Surplus
	}
	return w.Amount
}

// taken is the result of counting an action.
type taken struct {
	took  []DayTotal
	after []Taken // the totals after it, in the order of took
	rules CeilingRules
	over  DayTotal // the first total that exceeds its ceiling; without a name of a ceiling for none
	most  int64
	binds bool    // the tenant has or had people, so that ceilings bind
	all   *people // whether the tenant has or had people, once it was asked
}

// exceeded reports whether the action takes a second person.
func (t taken) exceeded() bool { return t.over.Ceiling != "" && t.binds }

// refused says which ceiling the action exceeds, if nobody can approve it.
func (t taken) refused() refusal.Refusal {
	c := t.over.Ceiling
	if c.OfPerson() {
		return refuse.CeilingReached(PlainName(t.over.Name), c.Words(), t.rules.amount(c, t.most))
	}
	return refuse.CeilingOfAllReached(PlainName(t.over.Name), c.Words(), t.rules.amount(c, t.most))
}

// take adds an action to the totals of the day. While a tenant never had a person, nobody can be a second person: then a ceiling does not
// stop an action, and the daily report shows it.
func take(eyes EyesTx, all *people, by Actor, under []Ceiling, what Takes, now time.Time) (taken, error) {
	t := taken{all: all}
	if what.Amount == 0 && what.Surplus == 0 || len(under) == 0 {
		return t, nil
	}
	tx := eyes.Ceilings()
	rules, err := tx.CeilingRules()
	if err != nil {
		return t, err
	}
	zone, err := localday.LoadZone(rules.TZ)
	if err != nil {
		zone = time.UTC // so that somebody can still set a zone that is known
	}
	t.rules = rules
	from := localday.Of(now.In(zone))
	people, err := peopleBehind(eyes, by)
	if err != nil {
		return t, err
	}
	for _, c := range under {
		amount := what.under(c)
		if amount == 0 {
			continue
		}
		for _, who := range what.subjects(c, people) {
			d := DayTotal{Ceiling: c, Subject: who.ID, Name: who.Name, From: from.UTC(), To: localday.Next(from).UTC(), Amount: amount}
			if ceilings[c].unit == inTimes {
				d.Amount = 1
			}
			total, err := t.count(tx, d)
			if err != nil {
				return t, err
			}
			if most := rules.Most(c); total > most && t.over.Ceiling == "" && !plantedNoCeiling(c) {
				t.over, t.most = d, most
			}
		}
	}
	if t.over.Ceiling != "" {
		t.binds, err = all.had()
	}
	return t, err
}

// count returns a total with the action, and adds the action to a total that is stored.
func (t *taken) count(tx CeilingTx, d DayTotal) (int64, error) {
	if d.Ceiling.ofSales() {
		sold, err := tx.SoldToMeter(d.Subject, d.From, d.To)
		return sold + d.Amount, err
	}
	after, err := tx.AddDayTotal(d)
	if err == nil {
		t.took, t.after = append(t.took, d), append(t.after, after)
	}
	return after.Amount, err
}

// LeftToday returns how much somebody may still take under a ceiling of one person today without a second person. It is for an answer that
// promises this, such as that of a dry run. The action itself counts in its own transaction.
func LeftToday(tx EyesTx, by Actor, c Ceiling, now time.Time) (int64, error) {
	all := &people{tx: tx}
	t, err := take(tx, all, by, []Ceiling{c}, Takes{Amount: 1}, Stored(now))
	if err != nil {
		return 0, err
	}
	if err := giveBack(tx.Ceilings(), t.took); err != nil {
		return 0, err
	}
	left := int64(math.MaxInt64)
	if bind, err := all.had(); err != nil || !bind {
		return left, err
	}
	for _, after := range t.after {
		left = min(left, t.rules.Most(c)-after.Amount+1)
	}
	return max(left, 0), nil
}

// giveBack undoes take.
func giveBack(tx CeilingTx, took []DayTotal) error {
	for _, d := range took {
		d.Amount = -d.Amount
		if _, err := tx.AddDayTotal(d); err != nil {
			return err
		}
	}
	return nil
}

// subjects returns whose totals a ceiling limits.
func (w Takes) subjects(c Ceiling, people []Subject) []Subject {
	one := Subject{}
	switch kind, _, _ := strings.Cut(string(c), "/"); kind {
	case "meter":
		one = w.Meter
	case "account":
		one = w.Account
	case "vendor":
		one = w.Vendor
	default:
		return people
	}
	if one.ID == "" {
		return nil
	}
	return []Subject{one}
}

// peopleBehind returns the people whose ceilings an actor's actions count under. All keys of one person count as that person. Somebody who
// was let in and is not confirmed yet counts as the person who did it, too: otherwise each invitation would bring new ceilings.
func peopleBehind(tx EyesTx, a Actor) ([]Subject, error) {
	p, found, err := behind(tx, a)
	if err != nil {
		return nil, err
	}
	own := Subject{strings.ReplaceAll(a.String(), " ", "_"), a.String()}
	switch self := a.self(); {
	case found:
		own.ID = p.ID.Text(id.Person)
	case !self.IsZero():
		own.ID = self.Text(id.Key)
	}
	out := []Subject{own}
	for _, other := range strings.Fields(p.CountsAs) {
		i, err := id.Parse(id.Person, other)
		if err != nil {
			continue // somebody who cannot be named
		}
		q, _, err := tx.PersonByID(i)
		if err != nil {
			return nil, err
		}
		out = append(out, Subject{other, Actor{Kind: Person, Name: q.Email}.String()})
	}
	return out, nil
}

// tookMark begins the part of an audit row that lists what an action counts under ceilings. It is the last part of the row's text.
const tookMark = " took="

func tookText(took []DayTotal) string {
	var out []string
	for _, d := range took {
		out = append(out, fmt.Sprintf("%s:%s:%d:%d", d.Ceiling, d.Subject, d.Amount, d.From.Unix()))
	}
	return strings.Join(out, ",")
}

// Took reads what an audit row counts under ceilings, and in which days. It returns neither names nor the ends of the days.
func Took(after string) []DayTotal {
	i := strings.LastIndex(" "+after, tookMark)
	if i < 0 {
		return nil
	}
	var out []DayTotal
	for one := range strings.SplitSeq((" " + after)[i+len(tookMark):], ",") {
		f := strings.Split(one, ":")
		if len(f) != 4 || !Ceiling(f[0]).Known() {
			return nil
		}
		n, err := strconv.ParseInt(f[2], 10, 64)
		from, wrong := strconv.ParseInt(f[3], 10, 64)
		if err != nil || wrong != nil {
			return nil
		}
		out = append(out, DayTotal{Ceiling: Ceiling(f[0]), Subject: f[1], Amount: n, From: time.Unix(from, 0).UTC()})
	}
	return out
}
