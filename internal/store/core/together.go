package core

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/money"
)

// ErrAlone means that a closure needs something that closures of one transaction cannot share. It changed nothing, and runs again in a
// transaction of its own.
var ErrAlone = errors.New("this closure needs a transaction of its own")

// Member is the connection of one closure of a transaction that several closures share; see [Together]. Its inserts are held back until all
// closures have ended. It answers a statement that it can neither share nor hold back with [ErrAlone].
type Member interface {
	Conn
	// Insert holds back rows. The parameters are those of a multi-row statement; see [RowsInto].
	Insert(into, forms, after string, shared int, args []any) error
	// InsertOne holds back an INSERT that must write exactly one row, or the transaction fails.
	InsertOne(sql string, args []any) error
	// Meet waits until no closure has an earlier step left, and then calls load once, with everything that the closures want of this step. The
	// queries of load are sent together after load has returned, and then their rows are read.
	Meet(step Step, wanted []any, load func(c Conn, wanted []any) error) error
	// MeetAhead does the same as Meet for everything that the closures share, without waiting: load is called with the next message before
	// which each closure has asked for it.
	MeetAhead(wanted []any, load func(c Conn, wanted []any) error)
	// Asking returns an error if the closure only asks ahead now.
	Asking() error
	// Share allows the closure to change what all closures share, because it has locked what it decides on.
	Share()
	// Ahead asks for the first statement of each of these functions, which gives an error. The closure gets the rows when it runs the same
	// statement with the same arguments, once.
	Ahead(reads []func() error)
	// Alone ends the closure's part in the transaction with [ErrAlone].
	Alone() error
	// Changes returns ErrAlone unless Share was called. Otherwise it notes that the closure changes what all closures share. If such a
	// closure refuses or fails afterwards, the others must run again without it.
	Changes() error
}

// Step is a place in the order of locks at which the closures of one transaction wait for each other.
type Step int

// Steps after the locks of single rows, in order. Every closure locks these rows in a transaction of its own in the same order.
const (
	StepTotals Step = iota + 100
	StepCounters
	StepAccounts
)

// Together holds the rows that many closures of one transaction change: counters, accounts with a limit, totals of the day. Each row is
// locked at the first use and known until the commit, which writes it once. The closures take turns: one runs until it must wait for the
// database, then the next. So a row does not change between the moment when a closure has it and the moment when it changes it.
type Together struct {
	ids      id.Series
	memory   *Memory
	counters map[string]*rowState[int64]
	accounts map[int64]*rowState[Account]
	opened   map[ledger.AccountRef]openedAccount
	ahead    map[ledger.AccountRef]int64 // the numbers of accounts that were locked ahead; 0: there is none
	wanted   map[ledger.AccountRef]bool  // accounts that closures have asked for ahead
	totals   map[totalKey]*rowState[dayTotal]
	journals map[id.ID]int64
	taken    []string // counters in the order of their first use
}

// rowState is a row as it was locked and as it is now.
type rowState[T any] struct{ was, is T }

type openedAccount struct {
	id id.ID
	n  int64
}

type totalKey struct {
	ceiling access.Ceiling
	subject string
	from    int64
}

type dayTotal struct {
	name                 string
	amount, acts, raised int64
	windowAt             int64
	windowSum, windowN   int64
}

// NewTogether begins a transaction of several closures of one tenant. The memory is the writer's.
func NewTogether(m *Memory) *Together {
	return &Together{memory: m, counters: make(map[string]*rowState[int64]), accounts: make(map[int64]*rowState[Account]),
		opened: make(map[ledger.AccountRef]openedAccount), ahead: make(map[ledger.AccountRef]int64),
		wanted: make(map[ledger.AccountRef]bool), totals: make(map[totalKey]*rowState[dayTotal]), journals: make(map[id.ID]int64)}
}

// Join makes a transaction one of several closures.
func (tx *Tx) Join(t *Together, m Member) { tx.together, tx.member = t, m }

// Joined reports whether other closures share the transaction.
func (tx *Tx) Joined() bool { return tx.together != nil }

// Share allows the closure to change rows that all closures of its transaction share. Call it after locking the rows on which it decides.
func (tx *Tx) Share() {
	if tx.member != nil {
		tx.member.Share()
	}
}

// Alone gives a closure that shares its transaction one of its own: it returns [ErrAlone], and the closure runs again.
func (tx *Tx) Alone() error { return tx.member.Alone() }

// Ahead asks for what the closure will read next, if several closures share the transaction: all of it in the message of the next statement,
// instead of a message each. Each function runs up to its first statement, which gives an error; the closure runs it again for the rows.
// What it reads must stay true, because of locks that it holds or asks for, until the closure decides on it.
func (tx *Tx) Ahead(reads ...func() error) {
	if tx.member != nil {
		tx.member.Ahead(reads)
	}
}

// takeTogether takes the next number of a counter that all closures share.
func (tx *Tx) takeTogether(counter string) (int64, error) {
	k, err := tx.counterTogether(counter)
	if err != nil {
		return 0, err
	}
	return tx.together.take(counter, k), nil
}

// counterTogether locks a counter that all closures share. A counter that does not exist yet needs a transaction of its own.
func (tx *Tx) counterTogether(counter string) (*rowState[int64], error) {
	if err := tx.member.Changes(); err != nil {
		return nil, err
	}
	t, tenant := tx.together, tx.Tenant
	if t.counters[counter] == nil {
		err := tx.member.Meet(StepCounters, []any{counter}, func(c Conn, names []any) error { return t.loadCounters(c, tenant, names) })
		if err != nil {
			return nil, err
		}
	}
	if t.counters[counter] == nil {
		return nil, ErrAlone
	}
	return t.counters[counter], nil
}

// take returns the next number of a counter.
func (t *Together) take(counter string, k *rowState[int64]) int64 {
	if k.is++; !slices.Contains(t.taken, counter) {
		t.taken = append(t.taken, counter)
	}
	return k.is
}

func (t *Together) loadCounters(c Conn, tenant access.Tenant, names []any) error {
	return c.Query(`SELECT name, value FROM counter WHERE tenant_id = $1 AND name = ANY($2) ORDER BY array_position($2, name) FOR UPDATE`, func(r Row) error {
		t.counters[r.Text(0)] = &rowState[int64]{was: r.Int(1), is: r.Int(1)}
		return nil
	}, tenant, List{'t', names})
}

// loadUsual locks the counters that transactions usually take from, because this one will probably want them next.
func (t *Together) loadUsual(c Conn, tenant access.Tenant) error {
	var names []any
	for _, k := range t.memory.counters {
		if t.counters[k.name] == nil {
			names = append(names, k.name)
		}
	}
	if len(names) == 0 {
		return nil
	}
	return t.loadCounters(c, tenant, names)
}

// SharedAhead asks ahead for rows that all closures share: these accounts, and what the transaction before has changed of such rows. The
// closure must not lock anything after these rows that a closure alone locks before them.
func (tx *Tx) SharedAhead(accounts ...ledger.AccountRef) {
	if tx.member == nil {
		return
	}
	t, tenant := tx.together, tx.Tenant
	wanted := make([]any, len(accounts))
	for i, ref := range accounts {
		wanted[i], t.wanted[ref] = ref, true
	}
	tx.member.MeetAhead(wanted, func(c Conn, wanted []any) error { return t.loadAhead(c, tenant, wanted) })
}

// loadAhead locks totals, counters and accounts, in this order.
func (t *Together) loadAhead(c Conn, tenant access.Tenant, wanted []any) error {
	var keys []any
	for _, k := range t.memory.totals {
		if t.totals[k] == nil {
			keys = append(keys, k)
		}
	}
	if len(keys) > 0 {
		if err := t.loadTotals(c, tenant, keys); err != nil {
			return err
		}
	}
	if err := t.loadUsual(c, tenant); err != nil {
		return err
	}
	codes, subjects := List{Form: 'i'}, List{Form: 't'}
	add := func(ref ledger.AccountRef) {
		if _, asked := t.ahead[ref]; !asked {
			t.ahead[ref] = 0
			codes.Values, subjects.Values = append(codes.Values, int64(ref.Code)), append(subjects.Values, ref.Subject)
		}
	}
	for _, w := range wanted {
		add(w.(ledger.AccountRef))
	}
	for _, ref := range t.memory.usual {
		add(ref)
	}
	if len(codes.Values) == 0 {
		return nil
	}
	return c.Query(accountsAhead, t.haveAccount, codes, subjects, tenant)
}

// haveAccount takes an account that was locked.
func (t *Together) haveAccount(r Row) error {
	var a Account
	col, err := AccountState.Scan(r, 0, &a)
	a.Ref = ledger.AccountRef{Code: ledger.Code(r.Int(col)), Subject: r.Text(col + 1)}
	if t.ahead[a.Ref] = a.N; t.accounts[a.N] == nil && a.Limit.Limited() {
		t.accounts[a.N] = &rowState[Account]{was: a, is: a}
	}
	return err
}

// LockTogether locks accounts with a limit for all closures of the transaction and returns them in their present state. The caller must
// change them with [Tx.MoveTogether] before it runs another statement. It returns false if the transaction is the closure's own.
func (tx *Tx) LockTogether(accounts []Account) (joined bool, err error) {
	t, tenant := tx.together, tx.Tenant
	if t == nil {
		return false, nil
	}
	if err := tx.member.Changes(); err != nil {
		return true, err
	}
	var missing []any
	for _, a := range accounts {
		if a.Limit.Limited() && t.accounts[a.N] == nil {
			missing = append(missing, a.N)
		}
	}
	if len(missing) > 0 {
		err := tx.member.Meet(StepAccounts, missing, func(c Conn, numbers []any) error {
			return c.Query(accountsLocked, t.haveAccount, tenant, List{'i', numbers})
		})
		if err != nil {
			return true, err
		}
	}
	for i, a := range accounts {
		if !a.Limit.Limited() {
			continue
		}
		k := t.accounts[a.N]
		if k == nil {
			return true, fmt.Errorf("%w: account %d is missing", ErrInvariant, a.N)
		}
		accounts[i] = k.is
	}
	return true, nil
}

// accountsLocked locks accounts by their numbers. accountsAhead locks accounts by code and subject.
var (
	accountsLocked = `SELECT ` + AccountState.List("") + `, code, subject FROM ledger_account WHERE tenant_id = $1 AND n = ANY($2) ORDER BY n FOR UPDATE`
	accountsAhead  = `SELECT ` + AccountState.List("a") + `, a.code, a.subject FROM unnest($1::bigint[], $2::text[]) AS u (code, subject)
		JOIN ledger_account a ON a.tenant_id = $3 AND a.code = u.code AND a.subject = u.subject ORDER BY a.n FOR UPDATE OF a`
)

// MoveTogether changes the balance of an account that [Tx.LockTogether] has just returned.
func (tx *Tx) MoveTogether(a Account, change money.Minor) {
	tx.together.accounts[a.N].is.Balance += change
}

// accountTogether returns an account that the transaction has locked or opened.
func (tx *Tx) accountTogether(ref ledger.AccountRef) (Account, bool) {
	n := tx.together.ahead[ref]
	if o, ok := tx.together.opened[ref]; ok {
		n = o.n
	}
	if n == 0 {
		return Account{}, false
	}
	if k := tx.together.accounts[n]; k != nil {
		return k.is, true
	}
	return Account{Ref: ref, N: n}, true
}

// missingTogether reports whether an account that was asked for ahead does not exist. If the closure only asks ahead now, the account need
// not be asked for twice, and missingTogether returns an error.
func (tx *Tx) missingTogether(ref ledger.AccountRef) (bool, error) {
	if n, locked := tx.together.ahead[ref]; locked || !tx.together.wanted[ref] {
		return locked && n == 0, nil
	}
	return false, tx.member.Asking()
}

// nowTogether returns an account that was just read as the closures of the transaction have changed it.
func (tx *Tx) nowTogether(a Account) Account {
	if tx.together != nil {
		if k := tx.together.accounts[a.N]; k != nil {
			return k.is
		}
	}
	return a
}

// OpenTogether opens an account for all closures of the transaction. If another closure has opened it while this one waited for the counter,
// OpenTogether returns that account and takes no number.
func (tx *Tx) OpenTogether(i id.ID, ref ledger.AccountRef) (Account, error) {
	k, err := tx.counterTogether(CounterAccount)
	if err != nil {
		return Account{}, err
	}
	if earlier, ok := tx.accountTogether(ref); ok {
		return earlier, nil
	}
	t, a := tx.together, Account{Ref: ref, Limit: ledger.LimitOf(ref.Code)}
	a.N = t.take(CounterAccount, k)
	t.opened[ref] = openedAccount{i, a.N}
	if a.Limit.Limited() {
		t.accounts[a.N] = &rowState[Account]{was: a, is: a}
	}
	return a, nil
}

// ReadBackTogether leaves the check of a stored journal to the end of the transaction.
func (tx *Tx) ReadBackTogether(journal id.ID, lines int) {
	tx.together.journals[journal] = int64(lines)
}

// CountTogether adds to a total of the day that all closures share, and returns the total after it. A window that
// began before since begins anew. A total that does not exist yet needs a
// transaction of its own.
func (tx *Tx) CountTogether(d access.DayTotal, acts int64, since time.Time) (access.Taken, error) {
	if err := tx.member.Changes(); err != nil {
		return access.Taken{}, err
	}
	t, tenant, key := tx.together, tx.Tenant, totalKey{d.Ceiling, d.Subject, d.From.UnixMicro()}
	if t.totals[key] == nil {
		if err := tx.member.Meet(StepTotals, []any{key}, func(c Conn, keys []any) error {
			if err := t.loadTotals(c, tenant, keys); err != nil {
				return err
			}
			return t.loadUsual(c, tenant)
		}); err != nil {
			return access.Taken{}, err
		}
	}
	k := t.totals[key]
	if k == nil {
		return access.Taken{}, ErrAlone
	}
	if k.is.windowAt <= since.UnixMicro() {
		k.is.windowAt, k.is.windowSum, k.is.windowN = tx.Now.UnixMicro(), 0, 0
	}
	k.is.name, k.is.amount, k.is.acts = d.Name, k.is.amount+d.Amount, k.is.acts+acts
	k.is.windowSum, k.is.windowN = k.is.windowSum+d.Amount, k.is.windowN+acts
	return access.Taken{Amount: k.is.amount, Window: k.is.windowSum, WindowActs: k.is.windowN, Raised: access.Unusual(k.is.raised)}, nil
}

func (t *Together) loadTotals(c Conn, tenant access.Tenant, keys []any) error {
	slices.SortFunc(keys, func(x, y any) int {
		a, b := x.(totalKey), y.(totalKey)
		return cmp.Or(cmp.Compare(a.ceiling, b.ceiling), cmp.Compare(a.subject, b.subject), cmp.Compare(a.from, b.from))
	})
	var ceilings, subjects, froms List
	ceilings.Form, subjects.Form, froms.Form = 't', 't', 'i'
	for _, k := range slices.Compact(keys) {
		k := k.(totalKey)
		ceilings.Values, subjects.Values, froms.Values = append(ceilings.Values, string(k.ceiling)), append(subjects.Values, k.subject), append(froms.Values, k.from)
	}
	return c.Query(`SELECT ceiling, subject, from_at, name, amount, acts, window_at, window_amount, window_acts, raised FROM day_total
		WHERE tenant_id = $1 AND (ceiling, subject, from_at) IN (SELECT * FROM unnest($2::text[], $3::text[], $4::bigint[]))
		ORDER BY ceiling, subject, from_at FOR UPDATE`, func(r Row) error {
		d := dayTotal{name: r.Text(3), amount: r.Int(4), acts: r.Int(5), windowAt: r.Int(6), windowSum: r.Int(7), windowN: r.Int(8), raised: r.Int(9)}
		t.totals[totalKey{access.Ceiling(r.Text(0)), r.Text(1), r.Int(2)}] = &rowState[dayTotal]{was: d, is: d}
		return nil
	}, tenant, ceilings, subjects, froms)
}

// Write writes the rows that the closures of the transaction share. It compares each with the row that was locked: a row that has another
// value now is a broken invariant, and nothing may be committed.
func (t *Together) Write(c Conn, tenant access.Tenant, now time.Time) error {
	t.memory.remember(t)
	for _, write := range []func(Conn, access.Tenant, time.Time) error{t.writeOpened, t.writeTotals, t.writeCounters, t.writeBalances} {
		if err := write(c, tenant, now); err != nil {
			return err
		}
	}
	return nil
}

// ReadBack checks the journals of the transaction as they were stored.
func (t *Together) ReadBack(tx *Tx) error {
	if len(t.journals) == 0 {
		return nil
	}
	return tx.ReadBack(t.journals)
}

func (t *Together) writeOpened(c Conn, tenant access.Tenant, now time.Time) error {
	rows := RowsInto(accountsOpened, tenant)
	tx := &Tx{C: c, Tenant: tenant}
	for _, ref := range slices.SortedFunc(maps.Keys(t.opened), func(a, b ledger.AccountRef) int { return cmp.Compare(t.opened[a].n, t.opened[b].n) }) {
		o := t.opened[ref]
		a := Account{Ref: ref, N: o.n, Limit: ledger.LimitOf(ref.Code)}
		if err := AddRow(tx, &rows, &LedgerAccounts, &a, o.id, now); err != nil {
			return err
		}
	}
	return fault.Wrap(rows.Insert(tx), "open accounts")
}

var accountsOpened = `INSERT INTO ` + LedgerAccounts.IntoRows(nil, "id", "created_at")

func (t *Together) writeTotals(c Conn, tenant access.Tenant, _ time.Time) error {
	lists := make([]List, 10)
	for i, form := range "ttitiiiiii" {
		lists[i].Form = byte(form)
	}
	n := int64(0)
	for key, k := range t.totals {
		if k.is == k.was {
			continue
		}
		n++
		for i, v := range []any{string(key.ceiling), key.subject, key.from, k.is.name, k.is.amount, k.is.acts, k.is.windowAt, k.is.windowSum, k.is.windowN, k.was.amount} {
			lists[i].Values = append(lists[i].Values, v)
		}
	}
	var args []any
	for _, l := range lists {
		args = append(args, l)
	}
	args = append(args, tenant)
	return exactly(c, n, "totals of the day", `UPDATE day_total d SET name = u.name, amount = u.amount, acts = u.acts, window_at = u.window_at,
			window_amount = u.window_amount, window_acts = u.window_acts
		FROM unnest($1::text[], $2::text[], $3::bigint[], $4::text[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[], $9::bigint[], $10::bigint[])
			AS u (ceiling, subject, from_at, name, amount, acts, window_at, window_amount, window_acts, was)
		WHERE d.tenant_id = $11 AND d.ceiling = u.ceiling AND d.subject = u.subject AND d.from_at = u.from_at AND d.amount = u.was`, args...)
}

func (t *Together) writeCounters(c Conn, tenant access.Tenant, _ time.Time) error {
	names, was, is := List{Form: 't'}, List{Form: 'i'}, List{Form: 'i'}
	for name, k := range t.counters {
		if k.is != k.was {
			names.Values, was.Values, is.Values = append(names.Values, name), append(was.Values, k.was), append(is.Values, k.is)
		}
	}
	return exactly(c, int64(len(names.Values)), "counters", `UPDATE counter c SET value = u.new FROM unnest($1::text[], $2::bigint[], $3::bigint[]) AS u (name, was, new)
		WHERE c.tenant_id = $4 AND c.name = u.name AND c.value = u.was`, names, was, is, tenant)
}

func (t *Together) writeBalances(c Conn, tenant access.Tenant, _ time.Time) error {
	numbers, was, is := List{Form: 'i'}, List{Form: 'i'}, List{Form: 'i'}
	for n, k := range t.accounts {
		if k.is.Balance != k.was.Balance {
			numbers.Values, was.Values, is.Values = append(numbers.Values, n), append(was.Values, int64(k.was.Balance)), append(is.Values, int64(k.is.Balance))
		}
	}
	return exactly(c, int64(len(numbers.Values)), "balances", `UPDATE ledger_account a SET balance = u.new FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]) AS u (n, was, new)
		WHERE a.tenant_id = $4 AND a.n = u.n AND a.balance = u.was`, numbers, was, is, tenant)
}

// exactly runs a statement that has to change n rows; it does nothing for none.
func exactly(c Conn, n int64, what, sql string, args ...any) error {
	if n == 0 {
		return nil
	}
	got, err := c.Exec(sql, args...)
	if err == nil && got != n {
		err = fmt.Errorf("%w: %d of %d %s had another value than the one that was locked", ErrInvariant, n-got, n, what)
	}
	return err
}
