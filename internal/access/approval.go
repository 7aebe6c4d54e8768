package access

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/localday"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
)

// ApprovalState is the state of an approval.
type ApprovalState string

// States of an approval. An approval not decided within [ApprovalLife] has expired, whatever its row says.
const (
	ApprovalWaiting  ApprovalState = "waiting"
	ApprovalGiven    ApprovalState = "approved" // but not done yet
	ApprovalRejected ApprovalState = "rejected"
	ApprovalUsed     ApprovalState = "done" // the action was done under it, once
)

// Limits of approvals.
const (
	ApprovalLife  = 7 * 24 * time.Hour
	approvalRows  = 200 // rows that a list reads at once
	approvalLooks = 5   // reads for one page
	maxActBody    = 16 << 10
	maxActSummary = 8 << 10 // bytes; the approver sees all of it
	maxReason     = 500     // characters of a decision
)

// Approval is an action that one person requests and another must approve.
type Approval struct {
	ID        id.ID
	Act       Act
	Right     Right // what maker and checker both need
	Object    string
	Summary   string // what the checker reads
	Body      []byte // the action itself, as JSON of its use case
	Effect    string // as JSON, what the action would have done when it was requested, and once it is done, what it did; empty if that is unknown
	Maker     Actor
	Checker   Actor
	State     ApprovalState
	Reason    string
	CreatedAt time.Time
	DecidedAt time.Time
	// MakerConfirmed is the last confirmation of the maker's account when the action was requested, the zero time if there was none. It is nil
	// in an approval that an earlier version stored.
	MakerConfirmed *time.Time
}

// Name returns the approval's identity as text.
func (a Approval) Name() string { return a.ID.Text(id.Approval) }

// Expired reports whether it is too late for a decision, or for the approved action.
func (a Approval) Expired(now time.Time) bool {
	return (a.State == ApprovalWaiting || a.State == ApprovalGiven) && !now.Before(a.CreatedAt.Add(ApprovalLife))
}

// ActRequest is an action that an actor is about to do.
type ActRequest struct {
	Act     Act // [acts] says which right it takes and whether a second person must approve it
	Object  string
	Summary string
	Body    any // passed to the action's [Executor] as JSON; must hold no secret
	// Content is what Body only names and the server stores elsewhere: the rows of a file, or the address of a program. The approval is for exactly
	// this, so an action is refused if it was changed meanwhile. It is nil if Body says everything.
	Content any
	// Anyway says that one person may do the action even if the four-eyes rule applies: the seller takes back her own fresh sale. Ceilings
	// still apply.
	Anyway bool
	// Routine says the same of an action that people do every day. Within its ceilings it is also none of the actions that a second person should
	// have seen, because a list of hundreds of them would hide the others.
	Routine bool
	// Utility says that a person of the utility must approve, even if the four-eyes rule does not apply, because the actor belongs to a
	// vendor.
	Utility bool
	// Takes is what the action counts under the ceilings of its rule.
	Takes Takes
	// CheckerTakes says that the action counts under the approver's ceilings, because the request itself proves nothing: it is a vendor's,
	// whom the approver may control, or it repeats what a customer says.
	CheckerTakes bool
	// NotBy refuses somebody as the second person for this action, although they have the right; nil refuses nobody.
	NotBy func(checker Actor) (refusal.Refusal, error)
	// Effect says what the action does, as the use case judges it now. It is called only if a person has to decide about that; nil if the summary
	// says everything.
	Effect func() (Effect, error)
}

// EyesTx is what the four-eyes rule needs of a transaction.
type EyesTx interface {
	NewID() (id.ID, error)
	AuditLog(Entry) error
	FourEyes() (FourEyesRule, error)
	AddApproval(Approval) error
	// ApprovalByID reads and locks an approval.
	ApprovalByID(id.ID) (Approval, bool, error)
	// KeyByID reads an API key, even if it was revoked or has expired.
	KeyByID(key id.ID) (Key, bool, error)
	// KeysAnsweredBy lists the API keys whose field Answers is this id, even revoked keys. If the id is that of a key, the list includes
	// that key.
	KeysAnsweredBy(self id.ID) ([]Key, error)
	// PersonByID reads a person, even a blocked one.
	PersonByID(person id.ID) (PersonRow, bool, error)
	// PutApproval stores how an approval was decided or used. The second argument is the state that the stored approval
	// must still have. If it has another state, PutApproval changes nothing and reports false.
	PutApproval(a Approval, from ApprovalState) (bool, error)
	// Ceilings returns the transaction for what people take in a day.
	Ceilings() CeilingTx
	// Owns returns the transaction for the meters and telephones that people have recorded as their own.
	Owns() OwnTx
}

// FourEyes says whether an action may be done now. The zero value is not used: see [SecondPerson].
type FourEyes struct {
	refusal.Refusal
	Waits   *Approval // the action was stored for somebody else to approve; it is not done, and the transaction commits
	Over    Ceiling   // why it was refused, if it would have exceeded a ceiling
	Alone   bool      // one person did it: the audit row must say so
	Checker string    // the name of the person who approved it
	Allowed Actor     // the actor who approved it
	took    []DayTotal
}

// Mark records in an audit row who approved an action, and what the action counts under ceilings. Verification compares the stored totals
// with these rows.
func (e FourEyes) Mark(entry Entry) Entry {
	entry.SinglePerson = e.Alone
	if e.Checker != "" {
		entry.After = strings.TrimSpace(entry.After + " approved_by=" + e.Checker)
	}
	if len(e.took) > 0 {
		entry.After = strings.TrimSpace(entry.After + tookMark + tookText(e.took))
	}
	return entry
}

// CountsForOthers adds to an audit row what an action of an unconfirmed person counts under the ceilings of those as whom the person counts. It
// reports whether there is anything to add. Sales use it: verification compares the total of a seller with the sales themselves.
func (e FourEyes) CountsForOthers(entry Entry) (Entry, bool) {
	if len(e.took) < 2 {
		return entry, false
	}
	entry.After = strings.TrimSpace(entry.After + tookMark + tookText(e.took[1:]))
	return entry, true
}

// SecondPerson decides, in the transaction that would do the action, whether it may be done now. If the table of actions requires a second
// person and the tenant's four-eyes rule applies, or if the action exceeds a ceiling, it stores an approval that waits for another person
// with the same right. An action that is done under an approval uses it up. If no second person is needed, one person does the action, it
// counts under the ceilings of its rule, and the audit log says so. SecondPerson rounds the present time to whole microseconds in UTC, as
// it is stored.
func SecondPerson(tx EyesTx, by Actor, w ActRequest, now time.Time) (FourEyes, error) {
	now = Stored(now)
	r, err := w.Act.rule()
	if err != nil || r.open() {
		return FourEyes{}, err
	}
	all := &people{tx: tx}
	if no, err := needsOwner(all, by); err != nil || no.Refused() {
		return FourEyes{Refusal: no}, err
	}
	body, err := w.stored()
	if err != nil {
		return FourEyes{}, fmt.Errorf("store the approval of %s: %w", w.Act, err)
	}
	if by.rehearsal != nil {
		return by.rehearsal.hear(w, body)
	}
	if !by.Approval.IsZero() {
		return useApproval(tx, by, w, body, now)
	}
	need := w.Utility
	if r.second == whenBound && !w.Anyway && !w.Routine && !need {
		if need, err = FourEyesBind(tx, r.right); err != nil {
			return FourEyes{}, err
		}
	}
	if plantedAlone(w.Act) {
		need = false
	}
	if need {
		return wait(tx, by, w, r, body, now)
	}
	t, err := take(tx, all, by, r.under, w.Takes, now)
	switch {
	case err != nil:
		return FourEyes{}, err
	case !t.exceeded() || plantedAlone(w.Act):
		if len(t.took) > 0 {
			err = watch(tx.Ceilings(), t, t.rules)
		}
		return FourEyes{Alone: r.second == whenBound && !w.Routine || t.over.Ceiling != "", took: t.took}, err
	case r.second == noSecond:
		return FourEyes{Over: t.over.Ceiling, Refusal: t.refused()}, nil
	}
	if err := giveBack(tx.Ceilings(), t.took); err != nil {
		return FourEyes{}, err
	}
	w.Summary += " (above the ceiling of " + t.over.Ceiling.Words()
	if t.most > 0 {
		w.Summary += ": " + t.rules.amount(t.over.Ceiling, t.most)
	}
	w.Summary += ")"
	return wait(tx, by, w, r, body, now)
}

// SecondPersonAhead returns what [SecondPerson] reads for an action that counts under ceilings, apart from totals of the day, for a
// transaction that asks for it ahead. The local time is of the tenant's zone.
func SecondPersonAhead(tx EyesTx, by Actor, w ActRequest, local time.Time) []func() error {
	r, err := w.Act.rule()
	if err != nil || r.open() || w.Takes.Amount == 0 {
		return nil
	}
	from := localday.Of(local)
	reads := []func() error{
		func() error { _, err := tx.Ceilings().CeilingRules(); return err },
		func() error { _, _, err := behind(tx, by); return err },
		func() error { _, err := tx.Ceilings().HadPeople(); return err },
	}
	for _, c := range r.under {
		if c.ofSales() {
			reads = append(reads, func() error {
				_, err := tx.Ceilings().SoldToMeter(w.Takes.Meter.ID, from.UTC(), localday.Next(from).UTC())
				return err
			})
		}
	}
	return reads
}

// wait stores the approval of an action that needs a second person.
func wait(tx EyesTx, by Actor, w ActRequest, r rule, body storedBody, now time.Time) (FourEyes, error) {
	if len(body.plain) > maxActBody {
		return FourEyes{Refusal: refuse.RequestTooLargeForApproval(int64(len(body.plain)), maxActBody)}, nil
	}
	if len(w.Summary) > maxActSummary { // an approver who sees a part would allow more than that
		return FourEyes{Refusal: refuse.RequestTooLargeForApproval(int64(len(w.Summary)), maxActSummary)}, nil
	}
	effect := ""
	if w.Effect != nil {
		e, err := w.Effect()
		if err != nil {
			return FourEyes{}, err
		}
		effect = e.remember()
	}
	maker, _, err := behind(tx, by)
	if err != nil {
		return FourEyes{}, err
	}
	a := Approval{Act: w.Act, Right: r.right, Object: w.Object, Summary: strings.ToValidUTF8(w.Summary, "?"), Body: body.whole, Effect: effect,
		Maker: by, MakerConfirmed: &maker.ConfirmedAt, State: ApprovalWaiting, CreatedAt: now}
	if a.ID, err = tx.NewID(); err != nil {
		return FourEyes{}, err
	}
	if err := tx.AddApproval(a); err != nil {
		return FourEyes{}, err
	}
	e := by.Entry("approval.ask", a.ID.Text(id.Approval))
	e.After = string(a.Act) + ": " + a.Summary
	return FourEyes{Waits: &a}, tx.AuditLog(e)
}

// useApproval uses up an approval, for exactly the stored action.
func useApproval(tx EyesTx, by Actor, w ActRequest, body storedBody, now time.Time) (FourEyes, error) {
	a, found, err := tx.ApprovalByID(by.Approval)
	if err != nil {
		return FourEyes{}, err
	}
	if !found || a.State != ApprovalGiven || a.Expired(now) {
		return FourEyes{Refusal: refuse.ApprovalNotForThis(by.Approval.Text(id.Approval))}, nil
	}
	if no := a.isFor(w.Act, body); no.Refused() {
		return FourEyes{Refusal: no}, nil
	}
	if no, err := inForce(tx, a, now); err != nil || no.Refused() { // checked again, because the decision was in another transaction
		return FourEyes{Refusal: no}, err
	}
	if w.NotBy != nil {
		if no, err := w.NotBy(a.Checker); err != nil || no.Refused() {
			return FourEyes{Refusal: no}, err
		}
	}
	done, no, err := stillSeen(by, a, w)
	if err != nil || no.Refused() {
		return FourEyes{Refusal: no}, err
	}
	a.State = ApprovalUsed
	a.Effect = done // a request may do less by now than it said: what it said must not become usual
	ok, err := tx.PutApproval(a, ApprovalGiven)
	switch {
	case err != nil:
		return FourEyes{}, err
	case !ok:
		return FourEyes{Refusal: refuse.ApprovalUsed(by.Approval.Text(id.Approval))}, nil
	case !w.CheckerTakes:
		return FourEyes{Checker: a.Checker.String(), Allowed: a.Checker}, nil
	}
	t, err := take(tx, &people{tx: tx}, a.Checker, acts[w.Act].under, w.Takes, now)
	if err == nil && t.exceeded() {
		return FourEyes{Refusal: refuse.ApproverCeilingReached(PlainName(a.Checker.String()), t.over.Ceiling.Words(), t.rules.amount(t.over.Ceiling, t.most))}, nil
	}
	if err == nil {
		err = watch(tx.Ceilings(), t, t.rules)
	}
	return FourEyes{Checker: a.Checker.String(), Allowed: a.Checker, took: t.took}, err
}

// contentField is the field of a stored body with the SHA-256 of what the action refers to. Approvals of older versions have none.
const contentField = `"content_sha256":"`

// storedBody is the body of an action in the two forms in which an approval may have stored it.
type storedBody struct {
	plain []byte // as older versions stored it
	whole []byte // with contentField, if the action refers to something that the server stores elsewhere
}

// stored returns the forms of the body of an action.
func (w ActRequest) stored() (storedBody, error) {
	plain, err := json.Marshal(w.Body)
	if err != nil || w.Content == nil {
		return storedBody{plain, plain}, err
	}
	content, err := json.Marshal(w.Content)
	if err != nil {
		return storedBody{}, err
	}
	open, isObject := bytes.CutSuffix(plain, []byte("}"))
	if !isObject || len(open) == 1 {
		return storedBody{}, fmt.Errorf("the body %T has no field", w.Body)
	}
	return storedBody{plain, fmt.Appendf(open[:len(open):len(open)], `,%s%x"}`, contentField, sha256.Sum256(content))}, nil
}

// isFor refuses an action that is not exactly the one that was requested.
func (a Approval) isFor(act Act, body storedBody) refusal.Refusal {
	if a.Act != act && a.Act != acts[act].was {
		return refuse.ApprovalNotForThis(a.Name())
	}
	at := bytes.Index(a.Body, []byte(","+contentField))
	switch {
	case string(a.Body) == string(body.whole), at < 0 && string(a.Body) == string(body.plain):
		return refusal.Refusal{}
	case at >= 0 && string(a.Body[:at])+"}" == string(body.plain):
		return refuse.ApprovalOfChanged(a.Name())
	}
	return refuse.ApprovalNotForThis(a.Name())
}

// inForce refuses an action if its maker is no longer active or may no longer request it. An approved action is done on behalf of its
// maker, so nobody may approve it for a person who has left.
func inForce(tx EyesTx, a Approval, now time.Time) (refusal.Refusal, error) {
	role, active, err := roleNow(tx, a.Maker, now)
	if err != nil {
		return refusal.Refusal{}, err
	}
	if active && a.mayAsk(role) {
		maker, _, err := behind(tx, a.Maker)
		return a.beforeConfirmation(maker), err
	}
	if active {
		return refuse.MakerWithoutRight(PlainName(a.Maker.String()), string(a.Right)), nil
	}
	return refuse.MakerNotActive(PlainName(a.Maker.String())), nil
}

// mayAsk reports whether a role may request the action. The role needs the action's right. To reverse a sale, the right to sell is enough.
func (a Approval) mayAsk(role Role) bool {
	return role.May(a.Right) || a.Act == ActReverse && role.May(Sell)
}

// mayAllow reports whether an actor may approve the action. A vendor's actor never may.
func (a Approval) mayAllow(by Actor) bool { return by.May(a.Right) && by.OfUtility() }

// Done is the result of an action that was done under an approval.
type Done struct {
	refusal.Refusal
	Object string // id of the result
	// Shown is what the answer to the decision shows, only once: a new meter with its secrets.
	Shown any
}

// Executor does an approved action on behalf of its maker, under the maker's Approval.
type Executor func(ctx context.Context, maker Actor, body []byte) (Done, error)

// Executors carry out approved actions.
type Executors map[Act]Executor

// ByField makes one Executor for an action that can be requested in two ways. It passes requests that have the field to the first
// Executor and all others to the second.
func ByField(field string, has, lacks Executor) Executor {
	return func(ctx context.Context, maker Actor, body []byte) (Done, error) {
		var fields map[string]json.RawMessage
		if err := json.Unmarshal(body, &fields); err != nil {
			return Done{}, fmt.Errorf("read an approved act: %w", err)
		}
		if _, ok := fields[field]; ok {
			return has(ctx, maker, body)
		}
		return lacks(ctx, maker, body)
	}
}

// Decided is an approval after a decision.
type Decided struct {
	refusal.Refusal
	Approval Approval
	Done     Done // the result, if it was approved
}

// Decision is what a second person decides about a request.
type Decision struct {
	Allow  bool
	Reason string
	// Entered is something secret that the second person enters, such as the signing secret of a payment provider. It is not stored with the approval.
	Entered Secret
	// Shown is the digest of what the person was shown, see [Rehearsed]. An approval is refused if the request does something else by now; empty
	// compares nothing.
	Shown string
}

// Decide approves or rejects an action. The actor must be a different person from the maker, with the same right. An approved action is
// done at once, on behalf of its maker. If the action is then refused, the approval remains, and the same person can approve it again to
// repeat the attempt.
func (a *Access) Decide(ctx context.Context, by Actor, approval string, d Decision) (Decided, error) {
	i, err := id.Parse(id.Approval, approval)
	if err != nil {
		return Decided{Refusal: refuse.ApprovalNotFound(refusal.Echo(approval))}, nil
	}
	if utf8.RuneCountInString(d.Reason) > maxReason {
		return Decided{Refusal: refuse.ReasonTooLong(maxReason)}, nil
	}
	seen := ""
	if d.Allow && d.Shown != "" {
		var no refusal.Refusal
		if seen, no, err = a.stillShown(ctx, by, i, d.Shown); err != nil || no.Refused() {
			return Decided{Refusal: no}, fault.Wrap(err, "compare approval %s with what was shown", approval)
		}
	}
	now := Stored(a.c.Now())
	var do Executor
	out, err := Through(ctx, a.c.Door, by.Tenant, func(tx Tx) (Decided, error) {
		out, err := decide(tx, by, i, d, now)
		if do = a.doers[out.Approval.Act]; err == nil && !out.Refused() && d.Allow && do == nil {
			return Decided{Refusal: refuse.ApprovalOfOlderVersion(string(out.Approval.Act))}, nil
		}
		return out, err
	})
	if err != nil {
		return Decided{}, fmt.Errorf("decide approval %s: %w", approval, err)
	}
	if out.Refused() || !d.Allow {
		return out, nil
	}
	maker := out.Approval.Maker
	maker.Tenant, maker.Approval, maker.IP, maker.RequestID = by.Tenant, out.Approval.ID, by.IP, by.RequestID
	maker.Entered, maker.seen = d.Entered, seen
	if out.Done, err = do(ctx, maker, out.Approval.Body); err != nil {
		return Decided{}, fmt.Errorf("carry out what approval %s allows: %w", approval, err)
	}
	if !out.Done.Refused() {
		out.Approval.State = ApprovalUsed
	}
	return out, nil
}

// Serve sets who does approved actions. It is called once, before any decision.
func (a *Access) Serve(d Executors) { a.doers = d }

// Describe sets who says what the objects of actions are. It is called once, before anybody looks at an approval.
func (a *Access) Describe(about About) { a.about = about }

func decide(tx Tx, by Actor, i id.ID, d Decision, now time.Time) (Decided, error) {
	a, found, err := tx.ApprovalByID(i)
	if err != nil || !found || !a.mayAllow(by) {
		return Decided{Refusal: refuse.ApprovalNotFound(i.Text(id.Approval))}, err
	}
	if no, err := undecidable(tx, a, by, d.Allow, now); err != nil || no.Refused() {
		return Decided{Refusal: no}, err
	}
	if a.State == ApprovalGiven {
		return Decided{Approval: a}, nil // the action was approved before, and refused when it was carried out
	}
	a.Checker, a.DecidedAt, a.Reason, a.State = by, now, d.Reason, ApprovalRejected
	if d.Allow {
		a.State = ApprovalGiven
	}
	if ok, err := tx.PutApproval(a, ApprovalWaiting); err != nil || !ok {
		return Decided{Refusal: refuse.ApprovalNotFound(i.Text(id.Approval))}, err
	}
	e := by.Entry("approval."+string(a.State), i.Text(id.Approval))
	e.After, e.Reason = string(a.Act)+": "+a.Summary, d.Reason
	if d.Allow { // an approval that says nothing is for whatever the request does by then
		e.After += " shown=" + cmp.Or(d.Shown, "unknown")
	}
	return Decided{Approval: a}, tx.AuditLog(e)
}

// Approvals are approvals as an actor may see them, newest first.
type Approvals struct {
	refusal.Refusal
	Data []Approval
	// Last is the last approval that was read, shown or not; zero if there are no more after it.
	Last id.ID
}

// Approvals lists up to max approvals in a state (empty: all), newest first. The parameter before is the id of the previous page's last
// approval; zero begins with the newest. Approvals lists the approvals that the actor requested or could decide. An actor that may read the
// audit log gets all approvals. An actor that may see few approvals gets a shorter page, and continues from Last.
func (a *Access) Approvals(ctx context.Context, by Actor, state ApprovalState, before id.ID, max int) (Approvals, error) {
	out, err := Look(ctx, a.c.Door, by.Tenant, func(tx Tx) (Approvals, error) {
		l := Approvals{Last: before}
		for range approvalLooks {
			rows, err := tx.ApprovalPage(state, l.Last, approvalRows)
			if err != nil {
				return Approvals{}, err
			}
			for _, row := range rows {
				seen := row.seenBy(by)
				if seen && len(l.Data) == max {
					return l, nil
				}
				if seen {
					l.Data = append(l.Data, row)
				}
				l.Last = row.ID
			}
			if len(rows) < approvalRows {
				l.Last = id.ID{}
				return l, nil
			}
		}
		return l, nil
	})
	return out, fault.Wrap(err, "list approvals")
}
