package access

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
)

// Whoever approves an action must see what it does: what moves, from where to where, and how it was before. The use case of the action says it, as
// it judges the stored request now. A rehearsal asks for that: it carries the request out as an approval would, up to the decision about the
// second person, and undoes everything.

// Effect is what an action does, for the person who approves it.
type Effect struct {
	// Form says how the values are written. Figures in another form cannot be compared with today's.
	Form  int    `json:"form,omitempty"`
	Facts []Fact `json:"facts,omitempty"`
	// Sums says what becomes of the rows of a file.
	Sums []EffectSum `json:"sums,omitempty"`
	// Rows are the rows of a file: all, or the strange and the largest, see [ChooseRows].
	Rows   []EffectRow `json:"-"`
	Hidden int         `json:"-"` // rows that are not among Rows
	all    string      // digest of all rows, also of those that are hidden
}

// Fact is a figure of an effect.
type Fact struct {
	Name   string   `json:"name"`            // name of the label in the catalogue: "meter", "amount", "tariff"
	Before Value    `json:"before,omitzero"` // how it is now; the zero Value if there is nothing to compare
	After  Value    `json:"after"`           // how it is afterwards
	Was    Value    `json:"-"`               // After when the action was requested, if it was another
	Usual  Usual    `json:"-"`               // what After is usually
	Odd    []Oddity `json:"-"`
	Live   bool     `json:"live,omitempty"` // it goes on by itself, as a clock does, so nobody compares it with what it was
}

// Oddity is a reason to look twice. It is written like a refusal, so that pages say it in every language.
type Oddity struct{ refusal.Refusal }

// Fate says what becomes of a row of a file; it is a name in the catalogue.
type Fate string

// Fates of rows.
const (
	FateSold     Fate = "sold"     // it becomes a sale to the meter
	FateParked   Fate = "parked"   // a person must say which meter it is for
	FateKnown    Fate = "known"    // it is there already
	FateDoubtful Fate = "doubtful" // it is perhaps there already, and a person must decide
	FateBack     Fate = "back"     // it gives a payment back
	FateFee      Fate = "fee"      // what the provider charged
	FateDebt     Fate = "debt"     // an account owes it
	FateCredit   Fate = "credit"   // an account gets it
	FateUndone   Fate = "undone"   // what it made is taken back
)

// EffectSum counts the rows of one fate.
type EffectSum struct {
	Fate  Fate  `json:"fate"`
	Count int   `json:"count"`
	Sum   Value `json:"sum"`
	// WasCount and WasSum are what it was when the action was requested, if that was another.
	WasCount int      `json:"-"`
	WasSum   Value    `json:"-"`
	Usual    Usual    `json:"-"` // what Sum is usually
	Odd      []Oddity `json:"-"`
}

// EffectRow is a row of a file with what becomes of it.
type EffectRow struct {
	Line   int    // in the file
	Name   string // its own name, such as the provider's receipt
	At     time.Time
	From   string // who pays
	Said   string // what the payer typed, or what the row is for
	Meter  string // numbers of the meters that it reaches, if any, separated by commas
	Phone  string // telephone number that is recorded for the customer of these meters; it is compared and not shown
	Amount money.Amount
	Fate   Fate
	Odd    []Oddity
	Own    bool // it reaches a meter or a telephone of a person of the utility, see [MarkOwn]
}

// Limits of the rows that an effect shows.
const (
	allRows     = 25 // a file of so many rows is shown whole
	largestRows = 10 // of a larger file, so many of the largest that move money
	strangeRows = 40
	ownRows     = 200 // rows for people of the utility have places of their own, so that other strange rows cannot take them
)

// Fact adds a figure. It adds nothing for an empty text.
func (e *Effect) Fact(name, text string) { e.Tells(name, Says(text)) }

// Tells adds a figure of any kind, with reasons to look twice. It adds nothing for no value.
func (e *Effect) Tells(name string, v Value, odd ...Oddity) {
	if !v.IsZero() {
		e.Facts = append(e.Facts, Fact{Name: name, After: v, Odd: odd})
	}
}

// Sum adds an amount of money.
func (e *Effect) Sum(name string, a money.Amount) {
	e.Facts = append(e.Facts, Fact{Name: name, After: Pays(a)})
}

// Change adds a figure that the action changes, with reasons to look twice. It adds nothing if the figure stays.
func (e *Effect) Change(name string, before, after Value, odd ...Oddity) {
	if before.IsZero() {
		before = Says("-")
	}
	if after.IsZero() {
		after = Says("-")
	}
	if before != after {
		e.Facts = append(e.Facts, Fact{Name: name, Before: before, After: after, Odd: odd})
	}
}

// Named returns the text of a figure; empty if there is none.
func (e Effect) Named(name string) string {
	for _, f := range e.Facts {
		if f.Name == name {
			return f.After.Text
		}
	}
	return ""
}

// Telling returns the Effect of an [ActRequest] that the function tells.
func Telling(tell func(e *Effect)) func() (Effect, error) {
	return func() (Effect, error) {
		var e Effect
		tell(&e)
		return e, nil
	}
}

// Diff adds each field of two values that differs, by its path in their JSON. A nil value has no fields. The end of a field's name says in which
// unit its number is, see [fieldValue]; amounts and prices are in the currency.
func (e *Effect) Diff(before, after any, currency string) error {
	was, err := flatten(before, currency)
	if err != nil {
		return err
	}
	next, err := flatten(after, currency)
	if err != nil {
		return err
	}
	for _, path := range slices.Sorted(maps.Keys(mergeKeys(was, next))) {
		if before == nil {
			e.Tells(path, next[path])
		} else {
			e.Change(path, was[path], next[path])
		}
	}
	return nil
}

func mergeKeys(a, b map[string]Value) map[string]Value {
	out := maps.Clone(a)
	maps.Copy(out, b)
	return out
}

// flatten returns the plain values of the JSON of a value by their paths.
func flatten(v any, currency string) (map[string]Value, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("read what an action changes: %w", err)
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var tree any
	if err := d.Decode(&tree); err != nil {
		return nil, fmt.Errorf("read what an action changes: %w", err)
	}
	out := map[string]Value{}
	var walk func(path string, v any)
	walk = func(path string, v any) {
		switch v := v.(type) {
		case map[string]any:
			for name, in := range v {
				walk(strings.TrimPrefix(path+"."+name, "."), in)
			}
		case []any:
			for i, in := range v {
				walk(fmt.Sprintf("%s[%d]", path, i+1), in)
			}
		case nil:
		default:
			out[path] = fieldValue(path, fmt.Sprint(v), currency)
		}
	}
	walk("", tree)
	return out, nil
}

// Tell adds the rows of a file: their sums by fate, and those that a person should see.
func (e *Effect) Tell(rows []EffectRow) {
	at := map[Fate]int{}
	for _, r := range rows {
		i, known := at[r.Fate]
		if !known {
			i = len(e.Sums)
			at[r.Fate] = i
			e.Sums = append(e.Sums, EffectSum{Fate: r.Fate})
		}
		e.Sums[i].Count++
		e.Sums[i].Sum = Value{Minor: e.Sums[i].Sum.Minor + r.Amount.Minor, Currency: cmp.Or(r.Amount.Currency, e.Sums[i].Sum.Currency)}
	}
	slices.SortStableFunc(e.Sums, func(a, b EffectSum) int { return cmp.Compare(fateOrder(a.Fate), fateOrder(b.Fate)) })
	e.Rows = ChooseRows(rows)
	e.Hidden = len(rows) - len(e.Rows)
	e.all = digestOfRows(rows)
}

// movesMoney reports whether rows of the fate bring money to an account, or take it away.
func (f Fate) movesMoney() bool {
	return f == FateSold || f == FateDebt || f == FateCredit || f == FateUndone
}

// fateOrder puts what moves money first.
func fateOrder(f Fate) int {
	return slices.Index([]Fate{FateSold, FateDebt, FateCredit, FateUndone, FateParked, FateBack, FateFee, FateDoubtful, FateKnown}, f)
}

// ChooseRows returns the rows that a person should see, in the order of the file: all of a small file, and otherwise those for people of the
// utility, the strange ones and the largest of those that move money.
func ChooseRows(rows []EffectRow) []EffectRow {
	if len(rows) <= allRows {
		return rows
	}
	order := make([]int, len(rows))
	for i := range order {
		order[i] = i
	}
	moves := func(r EffectRow) bool { return r.Fate != FateKnown && r.Fate != FateDoubtful && r.Fate != FateFee }
	slices.SortStableFunc(order, func(a, b int) int {
		if moves(rows[a]) != moves(rows[b]) {
			return cmp.Compare(fateOrder(rows[a].Fate), fateOrder(rows[b].Fate))
		}
		return cmp.Compare(rows[b].Amount.Minor, rows[a].Amount.Minor)
	})
	chosen, own, strange := map[int]bool{}, ownRows, strangeRows
	for n, i := range order {
		switch r := rows[i]; {
		case r.Own && own > 0:
			own--
		case !r.Own && len(r.Odd) > 0 && strange > 0:
			strange--
		case n >= largestRows:
			continue
		}
		chosen[i] = true
	}
	var out []EffectRow
	for i, r := range rows {
		if chosen[i] {
			out = append(out, r)
		}
	}
	return out
}

// MarkOwn marks what reaches a meter or a telephone that a person of the utility has recorded as their own: facts named meter or phone, and rows.
// An Effect must be marked before Tell chooses its rows; facts are marked by the rehearsal.
func MarkOwn(tx EyesTx, rows []EffectRow, now time.Time) error {
	var meters, phones []string
	for _, r := range rows {
		if r.Fate != FateKnown {
			meters, phones = append(meters, r.meters()...), append(phones, r.phonesNamed()...)
		}
	}
	ofMeter, err := OwnersOf(tx, OwnMeter, meters, now)
	if err != nil {
		return err
	}
	ofPhone, err := OwnersOf(tx, OwnPhone, phones, now)
	if err != nil {
		return err
	}
	for i := range rows {
		r := &rows[i]
		if r.Fate == FateKnown {
			continue
		}
		before := len(r.Odd)
		for _, meter := range r.meters() {
			r.Odd = append(r.Odd, oddOwn(ofMeter[OwnKey(OwnMeter, meter)])...)
		}
		var marked []string // a payer's telephone is often the one that is recorded for the customer
		for _, text := range r.phonesNamed() {
			key := OwnKey(OwnPhone, text)
			if slices.Contains(marked, key) {
				continue
			}
			marked = append(marked, key)
			r.Odd = append(r.Odd, oddOwn(ofPhone[key])...)
		}
		r.Own = len(r.Odd) > before
	}
	return nil
}

// meters lists the numbers of the meters that a row reaches.
func (r EffectRow) meters() []string { return strings.Split(r.Meter, ",") }

// phonesNamed lists the texts of a row that may be a telephone number: who pays, what the payer typed, and the number of the customer.
func (r EffectRow) phonesNamed() []string { return []string{r.From, r.Said, r.Phone} }

// severalRows is how many rows of a file for one meter are worth a second look.
const severalRows = 3

// Together is what the rows of a file are together for one meter, or for the meters of one account.
type Together struct {
	Rows int64
	Sum  money.Amount
}

// Several reports whether there are so many rows that a person should look at them twice.
func (t Together) Several() bool { return t.Rows >= severalRows }

// AddTogether returns what the rows of some fate are together for each meter, by the index of the meter's first such row. What is strange about a
// meter stands only there, so that its other rows leave room for those of other meters.
func AddTogether(rows []EffectRow, fate Fate) map[int]Together {
	first, out := map[string]int{}, map[int]Together{}
	for i, r := range rows {
		if r.Fate != fate {
			continue
		}
		at, known := first[r.Meter]
		if !known {
			at = i
			first[r.Meter] = i
		}
		t := out[at]
		out[at] = Together{t.Rows + 1, money.Amount{Minor: t.Sum.Minor + r.Amount.Minor, Currency: r.Amount.Currency}}
	}
	return out
}

// oddOwn says whose meter or telephone it is.
func oddOwn(of []OwnMark) (out []Oddity) {
	for _, o := range of {
		if o.Kind == OwnMeter {
			out = append(out, Oddity{refuse.OddOwnMeter(o.Number, o.Name)})
		} else {
			out = append(out, Oddity{refuse.OddOwnPhone(o.Number, o.Name)})
		}
	}
	return out
}

// markFacts marks the facts that name a meter or a telephone of a person of the utility.
func (e *Effect) markFacts(tx EyesTx, now time.Time) error {
	for i, f := range e.Facts {
		if f.Name == "payer" {
			f.Name = string(OwnPhone)
		}
		kind := OwnKind(strings.TrimPrefix(strings.TrimPrefix(f.Name, "to-"), "from-")) // both sides of a move of money
		if kind != OwnMeter && kind != OwnPhone {
			continue
		}
		for _, text := range []string{f.Before.Text, f.After.Text} {
			for _, word := range strings.Split(text, ", ") {
				of, err := WhoseOwn(tx, kind, word, now)
				if err != nil {
					return err
				}
				e.Facts[i].Odd = append(e.Facts[i].Odd, oddOwn(of)...)
			}
		}
	}
	return nil
}

// compare notes which figures were others when the action was requested. It reports whether there are any.
func (e *Effect) compare(was Effect) (changed bool) {
	seen := map[string]int{}
	for i, f := range e.Facts {
		nth := seen[f.Name] // a name may stand for several figures
		seen[f.Name]++
		at := slices.IndexFunc(was.Facts, func(o Fact) bool {
			if o.Name == f.Name {
				nth--
			}
			return nth < 0
		})
		if at < 0 || f.Live || was.Facts[at].After == f.After && was.Facts[at].Before == f.Before {
			continue
		}
		changed = true
		if was.Facts[at].After != f.After {
			e.Facts[i].Was = was.Facts[at].After
		}
	}
	for _, o := range was.Sums {
		at := slices.IndexFunc(e.Sums, func(s EffectSum) bool { return s.Fate == o.Fate })
		if at < 0 {
			e.Sums, at = append(e.Sums, EffectSum{Fate: o.Fate, Sum: Value{Currency: o.Sum.Currency}}), len(e.Sums)
		}
		if s := e.Sums[at]; s.Count != o.Count || s.Sum != o.Sum {
			e.Sums[at].WasCount, e.Sums[at].WasSum = o.Count, o.Sum
			changed = true
		}
	}
	return changed
}

// maxEffect is how many bytes of an effect an approval remembers.
const maxEffect = 8 << 10

// effectForm is the form in which this version writes the values of an effect. If a new form writes amounts of money in another way, raise
// [comparableForm] too.
const effectForm = 4

// remember returns the figures of an effect, without rows, as an approval keeps them.
func (e Effect) remember() string {
	e.Form = effectForm
	text, err := json.Marshal(e)
	if err != nil || len(text) > maxEffect {
		return ""
	}
	return string(text)
}

// Rehearsed is what would happen if an action were approved now.
type Rehearsed struct {
	refusal.Refusal        // why it would be refused
	Summary         string // in a sentence, as it is now
	Effect          Effect
	Changed         bool // a figure or the sentence was another when the action was requested
	// Shown is the digest of all of this, without what goes on by itself. An approval may say which one it is for.
	Shown string
	own   string // the same, of what the use case itself says
}

// remembered returns the figures of a request as they were when it was made. There are none if nobody can compare them with today's: they were too
// many, or an older version wrote them and its sentence.
func (a Approval) remembered() (was Effect, older bool) {
	if a.Effect == "" || json.Unmarshal([]byte(a.Effect), &was) != nil {
		return Effect{}, false
	}
	return was, was.Form != effectForm
}

// rehearsal hears what a use case says about an action.
type rehearsal struct {
	approval Approval
	viewer   Actor // who would approve
	heard    bool
	Rehearsed
}

// rehearsing is the key of the mark of a rehearsal.
type rehearsing struct{}

// Rehearsing reports whether nothing of a call may be stored. The store undoes every transaction of such a call.
func Rehearsing(ctx context.Context) bool { return ctx.Value(rehearsing{}) != nil }

// rehearse carries out the action of an approval up to the decision about the second person, and stores nothing.
func (a *Access) rehearse(ctx context.Context, by Actor, row Approval) (Rehearsed, error) {
	do := a.doers[row.Act]
	if do == nil {
		return Rehearsed{Refusal: refuse.ApprovalOfOlderVersion(string(row.Act))}, nil
	}
	heard := &rehearsal{approval: row, viewer: by}
	maker := row.Maker
	maker.Tenant, maker.Approval, maker.rehearsal = by.Tenant, row.ID, heard
	done, err := do(context.WithValue(ctx, rehearsing{}, true), maker, row.Body)
	if err != nil {
		return Rehearsed{}, fmt.Errorf("rehearse what approval %s allows: %w", row.ID, err)
	}
	out := heard.Rehearsed
	if !heard.heard {
		out = Rehearsed{Refusal: done.Refusal, Summary: row.Summary}
	}
	if a.about != nil {
		facts, err := a.about(ctx, by.Tenant, row, out.Effect)
		if err != nil {
			return Rehearsed{}, err
		}
		out.Effect.surround(facts)
	}
	if err := out.Effect.addReason(row.Body); err != nil {
		return Rehearsed{}, err
	}
	out.Effect.leaveOutNothing()
	return Look(ctx, a.c.Door, by.Tenant, func(tx Tx) (Rehearsed, error) {
		marked := out
		marked.Effect.Facts = slices.Clone(out.Effect.Facts)
		if err := marked.nameKeys(tx); err != nil {
			return Rehearsed{}, err
		}
		err := marked.Effect.markFacts(tx, a.c.Now())
		if err != nil {
			return Rehearsed{}, err
		}
		marked.Shown = marked.Effect.digest(marked.Summary, marked.Code)
		marked.Effect.Sums = slices.Clone(out.Effect.Sums)        // the store may run this closure twice
		return marked, marked.Effect.addUsual(tx, row, a.c.Now()) // not part of what was shown: it changes with what others approve
	})
}

// Words lists the figures of an effect for a summary: their names, and what they are afterwards.
func (e Effect) Words() string {
	out := make([]string, len(e.Facts))
	for i, f := range e.Facts {
		name := f.Name
		for _, unit := range []string{"_micro", "_minor", "_wh", "_bps", "_s", "_w"} {
			name = strings.TrimSuffix(name, unit)
		}
		out[i] = strings.ReplaceAll(name, "_", " ") + ": " + f.After.String()
	}
	return strings.Join(out, "; ")
}

// addReason adds what the maker of a request gave as the reason, unless the action says it itself.
func (e *Effect) addReason(body []byte) error {
	if len(body) == 0 {
		return nil
	}
	fields, err := flatten(json.RawMessage(body), "")
	if err != nil {
		return err
	}
	for _, path := range slices.Sorted(maps.Keys(fields)) {
		name := strings.ToLower(path[strings.LastIndex(path, ".")+1:])
		text := strings.TrimSpace(fields[path].Text)
		said := func(f Fact) bool { return f.After.Text == text }
		if (name == "reason" || name == "why" || name == "note") && text != "" && !slices.ContainsFunc(e.Facts, said) {
			e.Fact("reason", text)
		}
	}
	return nil
}

// leaveOutNothing leaves out sums of zero with which nothing is compared: they say nothing.
func (e *Effect) leaveOutNothing() {
	e.Facts = slices.DeleteFunc(e.Facts, func(f Fact) bool {
		return f.After.Currency != "" && f.After.Unit == "" && f.After.Minor == 0 && f.Before.IsZero() && f.Was.IsZero() && len(f.Odd) == 0
	})
}

// keyID finds an API key in a text by its id.
var keyID = regexp.MustCompile(`\b(?:API key|apikey) (` + id.Key + `[0-9a-z]+)`)

// namesOfKeys returns the text with the names of API keys instead of their ids.
func namesOfKeys(tx EyesTx, text string) (string, error) {
	var broken error
	out := keyID.ReplaceAllStringFunc(text, func(found string) string {
		i, err := id.Parse(id.Key, keyID.FindStringSubmatch(found)[1])
		if err != nil {
			return found
		}
		k, known, err := tx.KeyByID(i)
		if err != nil {
			broken = errors.Join(broken, err)
		}
		if !known {
			return found
		}
		name, err := k.called(tx)
		broken = errors.Join(broken, err)
		return "API key " + name
	})
	return out, broken
}

// called returns what people call an API key: its name, and the person to whom it belongs.
func (k Key) called(tx EyesTx) (string, error) {
	name := k.Name
	if !k.Answers.IsZero() {
		p, found, err := tx.PersonByID(k.Answers)
		if err != nil {
			return name, err
		}
		if found {
			name = strings.TrimSpace(name + " of " + p.Email)
		}
	}
	if name == "" {
		name = "without a name (" + string(k.Role) + ")"
	}
	return name, nil
}

// nameKeys writes the names of API keys instead of their ids. Nobody knows an id by heart.
func (r *Rehearsed) nameKeys(tx EyesTx) (err error) {
	texts := []*string{&r.Summary}
	for i := range r.Effect.Facts {
		f := &r.Effect.Facts[i]
		texts = append(texts, &f.Before.Text, &f.After.Text, &f.Was.Text)
	}
	for _, text := range texts {
		if *text, err = namesOfKeys(tx, *text); err != nil {
			return err
		}
	}
	return nil
}

// surround adds facts about what an action concerns, which the action itself does not say.
func (e *Effect) surround(facts []Fact) {
	for _, f := range facts {
		if !slices.ContainsFunc(e.Facts, func(o Fact) bool { return o.Name == f.Name }) {
			e.Facts = append(e.Facts, f)
		}
	}
}

// About says what an action is about, as it is now: the meter with its customer, tariff and balance, for example. It gets the approval and what the
// action itself says.
type About func(ctx context.Context, t Tenant, a Approval, e Effect) ([]Fact, error)

// hear takes what the use case says about the action, and stops it there.
func (r *rehearsal) hear(w ActRequest, body storedBody) (FourEyes, error) {
	r.heard, r.Rehearsed = true, Rehearsed{Summary: w.Summary}
	if r.Rehearsed.Refusal = r.approval.isFor(w.Act, body); r.Rehearsed.Refused() {
		return FourEyes{Refusal: r.Rehearsed.Refusal}, nil
	}
	if w.Summary == "" {
		r.Summary = r.approval.Summary
	}
	if w.NotBy != nil {
		var err error
		if r.Rehearsed.Refusal, err = w.NotBy(r.viewer); err != nil {
			return FourEyes{}, err
		}
	}
	was, older := r.approval.remembered()
	r.Changed = !older && !strings.HasPrefix(r.approval.Summary, strings.ToValidUTF8(r.Summary, "?"))
	if w.Effect != nil {
		var err error
		if r.Effect, err = w.Effect(); err != nil {
			return FourEyes{}, err
		}
		r.own = r.Effect.digest(r.Summary, "")
		if was.Form == effectForm {
			r.Changed = r.Effect.compare(was) || r.Changed
		}
	}
	return FourEyes{Refusal: refuse.ApprovalRehearsed()}, nil
}
