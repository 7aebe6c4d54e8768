package reconcile

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/statement"
)

// This file decides what each row of a file is: a row that an earlier file had, a new one, or one that is perhaps the same as an older one. The
// decision is a function of rows. Banks repeat references and write the same row in several ways, so a name alone proves little:
//
//   - The contents of a row are its account, direction, amount, currency and day. A name that stands for different contents is no name.
//     Only a provider's own id (M-Pesa's receipt) always is one.
//   - A row is known if an older row has the same contents and the same valid name, or was written alike at the same place of the account.
//   - A row with the contents of an older row that the file does not have otherwise is perhaps the same, unless their names of one kind differ.
//     A name that several rows of one file share does not tell them apart, so it proves no difference either.
//
// Each older row is paired with one row at most, so twins in one file stay two.

// RowState says whether a stored row counts.
type RowState string

// States of a row.
const (
	RowTaken   RowState = ""        // it is a movement of money
	RowWaiting RowState = "waiting" // it is perhaps the same movement as an older one, until a person decides
	RowSame    RowState = "same"    // a person decided that it is the same movement as an older one
)

// fate says what becomes of a row of a file.
type fate int

const (
	isKnown       fate = iota // an earlier file had it
	isNew                     // it is a movement of its own
	isPerhapsSame             // a person must decide
)

// decision is what becomes of a row of a file.
type decision struct {
	fate   fate
	key    string // under which it is stored
	txn    string // name of its payment
	sameAs string // name of the payment that it perhaps is
}

// NameUse is a stored row that has a name.
type NameUse struct {
	Kind     statement.NameKind
	AnyKind  bool // the row was stored by a version that kept one name without its kind
	Name     string
	Amount   money.Minor
	Currency string
	At       time.Time
}

// pairing is the decision about the rows of a file under way.
type pairing struct {
	zone    *time.Location
	file    []Row
	older   []Row
	used    []bool // by older row: it is paired
	spoiled map[nameKey]bool
	shared  map[nameKey]bool // names that several rows of one file have: they tell equal rows from others, but not from each other
	out     []decision
	decided []bool
}

// nameKey is a name of one kind.
type nameKey struct {
	kind statement.NameKind
	name string
}

// contents are what a name must always stand for. The account is compared for itself, because files write it differently.
type contents struct {
	currency string
	amount   money.Minor
	day      string
}

func contentsOf(currency string, amount money.Minor, at time.Time, zone *time.Location) contents {
	return contents{currency, amount, at.In(zone).Format(time.DateOnly)}
}

func (p *pairing) contents(r Row) contents { return contentsOf(r.Currency, r.Amount, r.At, p.zone) }

// decideRows decides what each row of a file is. The older rows are those of other files on the same days, and payments of these days that no row
// claims; uses are the stored rows of other files, of whatever day, that have a name of the file's rows or of the older rows.
func decideRows(file, older []Row, uses []NameUse, zone *time.Location) []decision {
	p := &pairing{zone: zone, file: file, older: older, used: make([]bool, len(older)), out: make([]decision, len(file)), decided: make([]bool, len(file))}
	p.spoil(uses)
	p.share()
	p.pairByPlace()
	p.pairByKey()
	for kind := range statement.NameKinds {
		p.pairByName(kind)
	}
	p.pairByContents()
	p.nameRest()
	return p.out
}

// spoil finds the names that stand for different contents.
func (p *pairing) spoil(uses []NameUse) {
	p.spoiled = map[nameKey]bool{}
	first := map[nameKey]contents{}
	see := func(kind statement.NameKind, name string, c contents) {
		k := nameKey{kind, name}
		if name == "" || kind == statement.Own {
			return
		}
		if before, seen := first[k]; !seen {
			first[k] = c
		} else if before != c {
			p.spoiled[k] = true
		}
	}
	for _, rows := range [][]Row{p.file, p.older} {
		for _, r := range rows {
			for kind, name := range r.Names {
				see(statement.NameKind(kind), name, p.contents(r))
			}
		}
	}
	for _, u := range uses {
		c := contentsOf(u.Currency, u.Amount, u.At, p.zone)
		if !u.AnyKind {
			see(u.Kind, u.Name, c)
			continue
		}
		for _, kind := range [...]statement.NameKind{statement.Bank, statement.Entry, statement.Transfer} {
			see(kind, u.Name, c)
		}
	}
}

// share finds the names that several rows of one file have, such as the reference of a batch of equal payments.
func (p *pairing) share() {
	type use struct {
		nameKey
		file id.ID
	}
	p.shared = map[nameKey]bool{}
	seen := map[use]bool{}
	for _, rows := range [][]Row{p.file, p.older} {
		for _, r := range rows {
			for kind, name := range r.Names {
				k := nameKey{statement.NameKind(kind), name}
				if name == "" || k.kind == statement.Own || r.Called {
					continue
				}
				if u := (use{k, r.File}); seen[u] {
					p.shared[k] = true
				} else {
					seen[u] = true
				}
			}
		}
	}
}

// telling returns the row's name of a kind if it tells the row from every other one.
func (p *pairing) telling(r Row, kind statement.NameKind) string {
	if name := p.valid(r, kind); !p.shared[nameKey{kind, name}] {
		return name
	}
	return ""
}

// valid returns the row's name of a kind, unless it is spoiled.
func (p *pairing) valid(r Row, kind statement.NameKind) string {
	if name := r.Names[kind]; !p.spoiled[nameKey{kind, name}] {
		return name
	}
	return ""
}

// isNamed reports whether the row has a name of any kind that tells it from every other one.
func (p *pairing) isNamed(r Row) bool {
	for kind := range statement.NameKinds {
		if p.telling(r, kind) != "" {
			return true
		}
	}
	return false
}

// pair records that a row of the file is an older one. An older row that is the same as another one stands for both.
func (p *pairing) pair(i, j int, f fate) {
	p.decided[i], p.used[j] = true, true
	p.out[i] = decision{fate: f, sameAs: p.older[j].Txn}
	if p.older[j].State == RowTaken || p.older[j].SameAs == "" {
		return
	}
	p.out[i].sameAs = p.older[j].SameAs
	if p.older[j].State == RowSame {
		unit := slices.IndexFunc(p.older, func(o Row) bool { return o.State == RowTaken && o.Txn == p.older[j].SameAs })
		if unit >= 0 {
			p.used[unit] = true
		}
	}
}

// place is a row without a name, as its file writes it, and the balance after it.
type place struct {
	content string
	after   money.Minor
}

// pairByPlace pairs rows that are written alike and leave the account with the same balance.
func (p *pairing) pairByPlace() {
	at := map[place][]int{}
	for j, o := range p.older {
		if content, is := cutContent(o.Txn); is && o.HasAfter {
			at[place{content, o.After}] = append(at[place{content, o.After}], j)
		}
	}
	for i, r := range p.file {
		k := place{r.Content, r.After}
		if r.HasAfter && len(at[k]) > 0 {
			p.pair(i, at[k][0], isKnown)
			at[k] = at[k][1:]
		}
	}
}

// cutContent cuts the number off a name that is made of a row's contents.
func cutContent(txn string) (content string, is bool) {
	if !strings.HasPrefix(txn, "row-") {
		return "", false
	}
	at := strings.LastIndexByte(txn, '-')
	return txn[:at], at > len("row-")
}

// pairByKey pairs rows that have the key of an older one, as the first versions compared them. Two rows without a name that leave the account with
// different balances are perhaps twins, and stay apart.
func (p *pairing) pairByKey() {
	keyed := map[string]int{}
	for j, o := range p.older {
		if !p.used[j] {
			keyed[o.Key] = j
		}
	}
	for i, r := range p.file {
		j, has := keyed[r.Key]
		if !has || p.decided[i] || p.used[j] {
			continue
		}
		o := p.older[j]
		if r.HasAfter && o.HasAfter && r.After != o.After && !p.isNamed(r) {
			continue
		}
		p.pair(i, j, isKnown)
	}
}

// named is a valid name of a row with given contents. A name that MT940 cuts is also found by its beginning and by its end.
type named struct {
	contents
	kind statement.NameKind
	name string
}

// group makes one kind of the bank's two references: a file may give either.
func group(kind statement.NameKind) statement.NameKind {
	if kind == statement.Entry {
		return statement.Bank
	}
	return kind
}

// swiftCuts returns the texts by which a name and its cut form find each other.
func swiftCuts(name string) []string {
	const size = 16
	if len(name) <= size {
		return []string{name}
	}
	return []string{name, name[:size], name[len(name)-size:]}
}

// pairByName pairs rows that have the same contents and the same valid name of a kind.
func (p *pairing) pairByName(kind statement.NameKind) {
	index := map[named][]int{}
	add := func(j int, k statement.NameKind, name string) {
		for _, cut := range swiftCuts(name) {
			key := named{p.contents(p.older[j]), k, cut}
			index[key] = append(index[key], j)
		}
	}
	for j, o := range p.older {
		if p.used[j] {
			continue
		}
		for k := range statement.NameKinds {
			if group(k) == group(kind) {
				add(j, group(k), p.valid(o, k))
			}
		}
		if !o.Named && !o.Called && kind != statement.EndToEnd && kind != statement.Customer {
			add(j, group(kind), statement.NameOf(o.Txn))
		}
	}
	for i, r := range p.file {
		name := p.valid(r, kind)
		if p.decided[i] || name == "" {
			continue
		}
		for _, cut := range swiftCuts(name) {
			if j := p.firstFree(index[named{p.contents(r), group(kind), cut}], r); j >= 0 {
				p.pairNamed(i, j)
				break
			}
		}
	}
}

// firstFree returns the first older row of a list that is not paired and that may be the row; -1 for none.
func (p *pairing) firstFree(list []int, r Row) int {
	for _, j := range list {
		if !p.used[j] && !p.differ(r, p.older[j]) {
			return j
		}
	}
	return -1
}

// pairNamed pairs a row with an older one of its name. A payment that no row has claimed, because only a call brought it, is claimed now.
func (p *pairing) pairNamed(i, j int) {
	if !p.older[j].Called {
		p.pair(i, j, isKnown)
		return
	}
	p.decided[i], p.used[j] = true, true
	p.out[i] = decision{fate: isNew, txn: p.older[j].Txn}
}

// differ reports whether two rows cannot be one: they are of different accounts, or their strongest names of one kind differ.
func (p *pairing) differ(r, o Row) bool {
	switch {
	case !sameAccount(r.Account, o.Account):
		return true
	case o.Called:
		return p.isNamed(r) && !p.hasName(r, statement.NameOf(o.Txn))
	case !o.Named:
		return o.Format == r.Format && statement.NameOf(r.Legacy) != "" && p.isNamed(r) && statement.NameOf(o.Txn) != "" && !isContent(o.Txn) && !isContent(r.Legacy) &&
			!p.hasName(r, statement.NameOf(o.Txn))
	}
	for kind := range statement.NameKinds {
		mine, theirs := p.groupNames(r, kind), p.groupNames(o, kind)
		if len(mine) > 0 && len(theirs) > 0 {
			return !slices.ContainsFunc(mine, func(a string) bool {
				return slices.ContainsFunc(theirs, func(b string) bool { return statement.SameName(a, b) })
			})
		}
	}
	return false
}

func isContent(txn string) bool {
	_, is := cutContent(txn)
	return is
}

// groupNames lists the names of a row in the group of a kind that tell it from others.
func (p *pairing) groupNames(r Row, kind statement.NameKind) (out []string) {
	for k := range statement.NameKinds {
		if name := p.telling(r, k); group(k) == group(kind) && name != "" {
			out = append(out, name)
		}
	}
	return out
}

// hasName reports whether a row has a name, of whatever kind.
func (p *pairing) hasName(r Row, name string) bool {
	return slices.ContainsFunc(r.Names[:], func(own string) bool { return own != "" && statement.SameName(own, name) })
}

// sameAccount reports whether two texts may mean one account: an IBAN contains the number that another format writes. An account that a file
// does not say may be any.
func sameAccount(a, b string) bool {
	a, b = bareAccount(a), bareAccount(b)
	if len(a) > len(b) {
		a, b = b, a
	}
	return a == b || a == "" || len(a) >= 5 && strings.Contains(b, a)
}

// bareAccount leaves the digits and capital letters of an account, without zeros at its beginning.
func bareAccount(text string) string {
	return strings.TrimLeft(strings.Map(func(c rune) rune {
		if c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' {
			return c
		}
		return -1
	}, strings.ToUpper(text)), "0")
}

// pairByContents pairs what is left by contents: rows that have names first, because fewer older rows fit them. Of the older rows, those that count
// come before those that wait. Money that left the account credits nobody, so such a row is taken for known.
func (p *pairing) pairByContents() {
	left := map[contents][]int{}
	for _, state := range [...]RowState{RowTaken, RowWaiting} {
		for j, o := range p.older {
			if !p.used[j] && o.State == state {
				left[p.contents(o)] = append(left[p.contents(o)], j)
			}
		}
	}
	for _, wantNamed := range [...]bool{true, false} {
		for i, r := range p.file {
			if p.decided[i] || p.isNamed(r) != wantNamed || r.Of != "" { // a reversal that names its payment says more than the older row
				continue
			}
			j := p.firstFree(left[p.contents(r)], r)
			switch {
			case j < 0:
			case r.Kind == statement.Payment:
				p.pair(i, j, isPerhapsSame)
			case !p.older[j].Called:
				p.pair(i, j, isKnown)
			}
		}
	}
}

// nameRest gives the rows that will be stored their keys and the names of their payments.
func (p *pairing) nameRest() {
	txns, keys := map[string]bool{}, map[string]bool{}
	for _, o := range p.older {
		keys[o.Key] = true
		if !o.Called {
			txns[o.Txn] = true
		}
	}
	for i, r := range p.file {
		d := &p.out[i]
		if p.decided[i] && d.fate == isKnown {
			continue
		}
		if !p.decided[i] {
			d.fate = isNew
		}
		if d.txn == "" {
			d.txn = p.freeTxn(r, txns)
		}
		txns[d.txn] = true
		d.key = freeKey(r.Key, keys)
		keys[d.key] = true
	}
}

// freeTxn returns the name of a row's payment: the provider's own id, or the bank's valid name, or the contents. In a bank's file it names no other
// row.
func (p *pairing) freeTxn(r Row, taken map[string]bool) string {
	if r.Names[statement.Own] != "" {
		return r.Txn
	}
	if p.namesPayment(r) {
		txn := r.Txn
		for n := 2; taken[txn]; n++ {
			number := "/" + strconv.Itoa(n)
			txn = strings.ToValidUTF8(r.Txn[:min(len(r.Txn), statement.MaxTxn-len(number))], "") + number
		}
		return txn
	}
	n := 1
	for taken[statement.ContentName(r.Content, n)] {
		n++
	}
	return statement.ContentName(r.Content, n)
}

// namesPayment reports whether the name that the file gives the row is valid.
func (p *pairing) namesPayment(r Row) bool {
	name := statement.NameOf(r.Txn)
	for kind := range statement.NameKinds {
		if r.Names[kind] == name && name != "" {
			return p.valid(r, kind) != ""
		}
	}
	return false
}

// freeKey returns a row's key, or one made of it if another row has it.
func freeKey(key string, taken map[string]bool) string {
	free := key
	for n := 2; taken[free]; n++ {
		sum := sha256.Sum256(fmt.Appendf(nil, "%s\x00again\x00%d", key, n))
		free = string(sum[:16])
	}
	return free
}
