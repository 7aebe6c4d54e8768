package vending

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/logkey"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/once"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/sts"
	"github.com/paywatt/paywatt/unit"
)

// actOf returns the act of issuing tokens of this kind.
func actOf(k sale.JobKind) access.Act {
	switch k {
	case sale.FreeIssue, sale.Replacement:
		return access.ActUnits
	case sale.ClearCredit:
		return access.ActClearCredit
	case sale.ClearTamper:
		return access.ActClearTamper
	}
	return access.ActTokens
}

// subClassOf returns the subclass of the kind's management token.
func subClassOf(k sale.JobKind) uint8 {
	switch k {
	case sale.ClearCredit:
		return sts.ManageClearCredit
	case sale.ClearTamper:
		return sts.ManageClearTamper
	}
	return sts.ManageMaxPower
}

// MaxPowerW is the greatest limit of a power limit token. The meter's own maximum is far below.
const MaxPowerW = 18_000_000

// ReasonCodes returns the permitted reasons for tokens that nobody buys.
func ReasonCodes() []string {
	return []string{"meter_swap", "lost_balance", "not_loading", "compensation", "free_units", "tamper_fixed", "key_campaign", "test", "other"}
}

// Ask is a request for tokens that nobody buys.
type Ask struct {
	once.Request
	Meter      string
	Kind       sale.JobKind
	Units      unit.Energy
	PowerW     int64
	Key        *NextKey // the next key of a key change; nil: the planned key
	ReasonCode string
	Reason     string

	replaces id.ID // the cancelled token whose units are owed

	// Render makes the answer that is stored under Once.Key. RenderWaits makes the answer of a request that waits for a second person.
	Render      func(sale.Job, Digits) (status int, body []byte)
	RenderWaits func(access.Approval) (status int, body []byte)
}

// asked is the part of an Ask that is stored for the second person.
type asked struct {
	Meter      string       `json:"meter"`
	Kind       sale.JobKind `json:"kind"`
	Units      unit.Energy  `json:"units_wh,omitempty"`
	PowerW     int64        `json:"power_w,omitempty"`
	Key        *NextKey     `json:"key,omitempty"`
	ReasonCode string       `json:"reason_code"`
	Reason     string       `json:"reason,omitempty"`
}

// JobResult is the outcome of a request for tokens.
type JobResult struct {
	refusal.Refusal
	Reply  once.Reply
	Replay *once.Reply
	Waits  *access.Approval // the approval that the request waits for; no token was made
	Job    sale.Job
	Issued Issued
}

// JobTx is the part of a transaction that jobs need.
type JobTx interface {
	// AddJob stores a job with its reserved tokens.
	AddJob(sale.Job) error
	// JobMade completes a held job with its sealed tokens and the hashes of their digits.
	JobMade(j sale.Job) error
	// JobFailed ends a held job that got no tokens: no units are issued and no key changes.
	JobFailed(sale.Job) error
	JobByID(job id.ID) (sale.Job, bool, error)
	JobByRef(ref string) (sale.Job, bool, error)
	// JobOfKey returns the completed key change that gives a meter this key.
	JobOfKey(newKey id.ID) (sale.Job, bool, error)
	// JobsHeld lists up to max jobs that were made before a time and that their issuer has not answered, beginning after the given job.
	JobsHeld(before time.Time, after id.ID, max int) ([]id.ID, error)
	// UnitsSince returns the energy that actors with these names gave away since a time.
	UnitsSince(by []string, from time.Time) (unit.Energy, error)
	// AddMeterKey stores a key of a meter. SetMeterKeyState moves a meter key from one state to another.
	AddMeterKey(registry.Key) error
	SetMeterKeyState(key id.ID, from, to string) error
}

// jobStep is the result of one transaction of a job.
type jobStep struct {
	result JobResult
	digits Digits
	stored *access.StoredAnswer
	open   bool
	undo   bool
}

// Refused tells the store to undo the transaction.
func (s jobStep) Refused() bool { return s.undo }

func noJob(r refusal.Refusal) jobStep { return jobStep{result: JobResult{Refusal: r}, undo: true} }

// GiveTokens makes tokens that nobody buys: free units and replacements (right: token.free), key changes and engineering tokens
// (token.issue). Each needs a reason and, if the tenant uses four eyes, a second person. No money moves, so no journal is posted. A request
// may be repeated under the same key.
func (v *Vending) GiveTokens(ctx context.Context, by access.Actor, a Ask) (JobResult, error) {
	if no := by.Needs(actOf(a.Kind).Right()); no.Refused() {
		return JobResult{Refusal: no}, nil
	}
	a.Reason = strings.TrimSpace(a.Reason)
	ref, no := a.check(by)
	var nibbles [MaxTokens]byte
	if !no.Refused() {
		var err error
		if nibbles, err = v.nibbles(); err != nil {
			return JobResult{}, err
		}
	}
	s, err := access.Through(ctx, v.c.Door, by.Tenant, func(tx Tx) (jobStep, error) {
		stored, known, err := v.takeJob(tx, a, ref)
		if err != nil || stored != nil || known != nil {
			return v.knownJob(tx, a, stored, known, err)
		}
		if no.Refused() {
			return noJob(no), nil
		}
		return v.beginJob(ctx, tx, by, a, ref, nibbles)
	})
	if err == nil && s.open {
		s, err = v.finishJob(ctx, by, a, s.result.Job.ID)
	}
	switch {
	case err != nil:
		return JobResult{}, fmt.Errorf("make %s tokens for meter %s: %w", a.Kind, refusal.Echo(a.Meter), err)
	case s.stored != nil:
		old, err := v.answers.Replay(a.Once, *s.stored)
		return JobResult{Replay: old}, err
	case s.undo:
		out, err := once.Refuse[sale.Job](ctx, v.answers, by, a.Request, s.result.Refusal)
		return JobResult{Refusal: out.Refusal, Reply: out.Reply, Replay: out.Replay}, err
	}
	s.result.Issued = Issued{s.digits}
	return s.result, nil
}

// check makes every check that does not read the store, and returns the reference of the request, which never changes.
func (a Ask) check(by access.Actor) (ref string, no refusal.Refusal) {
	if a.Once.Key != "" {
		ref = a.Once.Principal + "/" + a.Once.Key
	} else if !by.Approval.IsZero() {
		ref = by.Approval.Text(id.Approval)
	}
	known := false
	for _, code := range ReasonCodes() {
		known = known || code == a.ReasonCode
	}
	switch {
	case ref == "":
		return ref, refuse.IdempotencyKeyMissing()
	case !known:
		return ref, refuse.ReasonCodeUnknown(strings.Join(ReasonCodes(), ", "))
	case utf8.RuneCountInString(a.Reason) > maxReason || !utf8.ValidString(a.Reason):
		return ref, refuse.ReasonTooLong(maxReason)
	}
	switch {
	case a.Units != 0 && !a.Kind.GivesUnits():
		return ref, refuse.UnitsNotOfThisKind()
	case a.PowerW != 0 && a.Kind != sale.PowerLimit:
		return ref, refuse.PowerNotOfThisKind()
	}
	return ref, a.checkKind()
}

// checkKind checks the fields that the kind of tokens needs.
func (a Ask) checkKind() refusal.Refusal {
	switch a.Kind {
	case sale.FreeIssue, sale.Replacement:
		if a.Units <= 0 || a.Units > MaxUnits || a.Units%unit.Quantum != 0 {
			return refuse.UnitsOutOfRange(int64(unit.Quantum), int64(MaxUnits))
		}
	case sale.PowerLimit:
		if a.PowerW <= 0 || a.PowerW > MaxPowerW {
			return refuse.PowerOutOfRange(MaxPowerW)
		}
		if w, err := sts.EncodeTenths(a.PowerW); err != nil || w.Tenths() != a.PowerW {
			return refuse.PowerNotOnAToken(a.PowerW)
		}
	case sale.KeyChange:
		return a.Key.check()
	case sale.ClearCredit, sale.ClearTamper:
	default:
		return refuse.TokenKindUnknown(refusal.Echo(string(a.Kind)))
	}
	return refusal.Refusal{}
}

// takeJob looks for a request in the store and finds its stored answer, its job, or neither.
func (v *Vending) takeJob(tx Tx, a Ask, ref string) (*access.StoredAnswer, *sale.Job, error) {
	if a.Once.Key != "" {
		kept, err := tx.Once().OnceTake(a.Once)
		if err != nil || kept != nil && (kept.Status != 0 || kept.Hash != a.Once.Hash) {
			return kept, nil, err
		}
	}
	if ref == "" {
		return nil, nil, nil
	}
	j, found, err := tx.Jobs().JobByRef(ref)
	if err != nil || !found {
		return nil, nil, err
	}
	return nil, &j, nil
}

// knownJob answers a request that was made before.
func (v *Vending) knownJob(tx Tx, a Ask, stored *access.StoredAnswer, j *sale.Job, err error) (jobStep, error) {
	switch {
	case err != nil:
		return jobStep{}, err
	case stored != nil && stored.Hash != a.Once.Hash:
		return noJob(refuse.IdempotencyKeyReused()), nil
	case stored != nil:
		return jobStep{stored: stored}, nil
	case j.State == sale.Held:
		return jobStep{result: JobResult{Job: *j}, open: true}, nil
	case j.State == sale.Failed:
		return noJob(refuse.TokenRefusedByIssuer(failure(j.Failure))), nil
	}
	digits, err := v.open(j.Tokens)
	if err != nil {
		return jobStep{}, err
	}
	return v.putJob(tx, a, *j, digits)
}

// beginJob checks and reserves a job and, if the issuer is local, completes it.
func (v *Vending) beginJob(ctx context.Context, tx Tx, by access.Actor, a Ask, ref string, nibbles [MaxTokens]byte) (jobStep, error) {
	meter, no := registry.ParseRef(a.Meter)
	if no.Refused() {
		return noJob(no), nil
	}
	point, found, err := tx.VendPoint(meter)
	if err != nil || !found {
		return noJob(registry.NoMeter(a.Meter)), err
	}
	now := v.moment()
	times, no, err := v.MayDate(tx)
	if err != nil || no.Refused() {
		return noJob(no), err
	}
	j, no, err := v.reserveJob(tx, by, a, point, now, times)
	if err != nil || no.Refused() {
		return noJob(no), err
	}
	if a.Kind == sale.KeyChange && a.Key == nil {
		a.Key = plannedKey(point)
	}
	w := access.ActRequest{Act: actOf(a.Kind), Object: point.Meter.ID.Text(id.Meter), Summary: summary(j),
		Body:   asked{Meter: a.Meter, Kind: a.Kind, Units: a.Units, PowerW: a.PowerW, Key: a.Key, ReasonCode: a.ReasonCode, Reason: a.Reason},
		Takes:  access.Takes{Amount: int64(a.Units), Meter: access.Subject{ID: point.Meter.ID.Text(id.Meter), Name: point.Meter.Number}},
		Effect: access.Telling(func(e *access.Effect) { a.tell(e, point) })}
	eyes, err := access.SecondPerson(tx.Eyes(), by, w, now)
	switch {
	case err != nil || eyes.Refused():
		return noJob(eyes.Refusal), err
	case eyes.Waits != nil:
		return v.waits(tx, a, *eyes.Waits)
	}
	j.Ref, j.ApprovedBy = ref, eyes.Checker
	if err := v.numberTokens(tx, &j, nibbles); err != nil {
		return jobStep{}, err
	}
	if err := v.keepJob(tx, j); err != nil {
		return jobStep{}, err
	}
	e := eyes.Mark(by.Entry("token."+string(a.Kind), point.Meter.ID.Text(id.Meter)))
	e.At, e.Reason, e.After = now, strings.TrimSpace(a.ReasonCode+" "+a.Reason), strings.TrimSpace("job="+j.ID.Text(id.Job)+" "+summary(j)+" "+e.After)
	if err := tx.AuditLog(e); err != nil {
		return jobStep{}, err
	}
	return v.makeJob(ctx, tx, a, j)
}

// tell says what tokens do, to the person who must agree.
func (a Ask) tell(e *access.Effect, point sale.Point) {
	e.Tells("kind", access.Named("token-kind", string(a.Kind)))
	if a.Kind.GivesUnits() {
		e.Tells("energy", access.Counts(access.UnitEnergy, int64(a.Units)))
	}
	if a.Kind == sale.PowerLimit {
		e.Tells("power", access.Counts(access.UnitPower, int64(a.PowerW)))
	}
	if a.Kind == sale.KeyChange && a.Key != nil {
		var now registry.Key
		if at := slices.IndexFunc(point.Keys, func(k registry.Key) bool { return k.State == registry.KeyCurrent }); at >= 0 {
			now = point.Keys[at]
		}
		e.Change("key", access.Says(now.Facts()), access.Says(a.Key.after(now).Facts()))
	}
	e.Tells("reason-code", access.Named("token-reason", a.ReasonCode))
	e.Fact("reason", a.Reason)
}

// numberTokens gives the tokens of a job their identities and random parts.
func (v *Vending) numberTokens(tx Tx, j *sale.Job, nibbles [MaxTokens]byte) (err error) {
	for i := range j.Tokens {
		j.Tokens[i].RND = nibbles[i%MaxTokens] & 0xf
		if j.Tokens[i].ID, err = tx.NewID(); err != nil {
			return err
		}
	}
	return nil
}

// makeJob makes the tokens of a reserved job. If the issuer is not local, the job stays open.
func (v *Vending) makeJob(ctx context.Context, tx Tx, a Ask, j sale.Job) (jobStep, error) {
	if !v.local() {
		return jobStep{result: JobResult{Job: j}, open: true}, nil
	}
	wanted, err := v.issueRequests(tx, j)
	if err != nil {
		return jobStep{}, err
	}
	tokens, why, err := issueAtOnce(ctx, v.c.Issuer, wanted)
	if err != nil || why.Refused() {
		return noJob(why), err
	}
	return v.completeJob(tx, a, j, tokens)
}

func summary(j sale.Job) string {
	switch {
	case j.Kind.GivesUnits():
		return fmt.Sprintf("%s of %s kWh to meter %s", j.Kind, j.Units.KWh(1), j.Meter.Number)
	case j.Kind == sale.PowerLimit:
		return fmt.Sprintf("%s of %d W to meter %s", j.Kind, j.Value, j.Meter.Number)
	}
	return fmt.Sprintf("%s to meter %s", j.Kind, j.Meter.Number)
}

// waits answers a request that waits for a second person. The answer stored under its key always stays "waiting"; the approval shows the
// outcome.
func (v *Vending) waits(tx Tx, a Ask, w access.Approval) (jobStep, error) {
	s := jobStep{result: JobResult{Waits: &w}}
	if a.RenderWaits == nil {
		return s, nil
	}
	s.result.Reply = once.Answer(a.RenderWaits(w))
	return s, v.answers.Put(tx.Once(), a.Once, s.result.Reply, true)
}

// finishJob takes a held job to its end: it asks the issuer with the stored values. While the issuer does not know, or the clock is in
// doubt, the job stays held, and the answer says which of the two is the cause.
func (v *Vending) finishJob(ctx context.Context, by access.Actor, a Ask, job id.ID) (jobStep, error) {
	wanted, err := access.Look(ctx, v.c.Door, by.Tenant, func(tx Tx) ([]IssueRequest, error) {
		j, found, err := tx.Jobs().JobByID(job)
		if err != nil || !found {
			return nil, fmt.Errorf("read job %s (found: %t): %w", job.Text(id.Job), found, err)
		}
		return v.issueRequests(tx, j)
	})
	if err != nil {
		return jobStep{}, err
	}
	if doubt := v.guard.again(v.c.Now()); doubt.Refused() {
		return noJob(refuse.TokensWaitForClock()), nil
	}
	tokens, why, err := issue(ctx, v.c.Issuer, wanted)
	if err != nil {
		v.c.Log.Warn("token not issued yet", logkey.VendID, job.Text(id.Job), logkey.Err, err)
		return noJob(refuse.TokensWaitForIssuer()), nil
	}
	return access.Through(context.WithoutCancel(ctx), v.c.Door, by.Tenant, func(tx Tx) (jobStep, error) {
		j, found, err := tx.Jobs().JobByID(job)
		if err != nil || !found {
			return jobStep{}, fmt.Errorf("read job %s again (found: %t): %w", job.Text(id.Job), found, err)
		}
		switch {
		case j.State != sale.Held:
			stored, err := storedMeanwhile(tx, a)
			return v.knownJob(tx, a, stored, &j, err)
		case why.Refused():
			return v.failJob(tx, a, j, why)
		}
		return v.completeJob(tx, a, j, tokens)
	})
}

// storedMeanwhile returns the answer that a repetition of the request got while this request waited for the issuer.
func storedMeanwhile(tx Tx, a Ask) (*access.StoredAnswer, error) {
	if a.Once.Key == "" {
		return nil, nil
	}
	kept, err := tx.Once().OnceFind(a.Once)
	if err != nil || kept == nil || kept.Status == 0 {
		return nil, err
	}
	return kept, nil
}

func (v *Vending) failJob(tx Tx, a Ask, j sale.Job, why refusal.Refusal) (jobStep, error) {
	j.State, j.Failure = sale.Failed, why.Code
	if err := tx.Jobs().JobFailed(j); err != nil {
		return jobStep{}, err
	}
	if !j.Replaces.IsZero() {
		if err := tx.Reversals().RaiseAlarm(j.Meter.N, stillOwed(j.Replaces, j.Units, why)); err != nil {
			return jobStep{}, err
		}
	}
	if err := v.swapFailed(tx, j, why); err != nil {
		return jobStep{}, err
	}
	if !j.NewKey.IsZero() { // the set does not exist, so the old key still works
		if err := tx.Jobs().SetMeterKeyState(j.NewKey, registry.KeyIssued, registry.KeyPlanned); err != nil {
			return jobStep{}, err
		}
	}
	s := jobStep{result: JobResult{Refusal: why, Job: j}}
	if !a.Keeps(why) {
		return s, nil
	}
	s.result.Reply = once.Answer(a.RenderRefusal(why))
	return s, v.answers.Put(tx.Once(), a.Once, s.result.Reply, true)
}

// completeJob stores the sealed tokens and the answer.
func (v *Vending) completeJob(tx Tx, a Ask, j sale.Job, tokens []sts.Token) (jobStep, error) {
	for i, token := range tokens {
		j.Tokens[i].Made(v.c.Sealer, []byte(token.Reveal()))
	}
	j.State, j.CompletedAt = sale.Completed, v.moment()
	if err := tx.Jobs().JobMade(j); err != nil {
		return jobStep{}, err
	}
	if j.ReasonCode == swapReason {
		if err := tx.Reversals().ClearAlarm(j.Meter.N, metering.AlarmSwapTokens); err != nil {
			return jobStep{}, err
		}
	}
	if !j.Replaces.IsZero() { // no customer waits at a till for this token
		if err := push(tx, []string{sale.RouteMQTT}, j.Meter.Number, j.Tokens, j.CompletedAt); err != nil {
			return jobStep{}, err
		}
	}
	return v.putJob(tx, a, j, DigitsOf(tokens...))
}

func (v *Vending) putJob(tx Tx, a Ask, j sale.Job, d Digits) (jobStep, error) {
	s := jobStep{result: JobResult{Job: j}, digits: d}
	if a.Render == nil {
		return s, nil
	}
	s.result.Reply = once.Answer(a.Render(j, d))
	return s, v.answers.Put(tx.Once(), a.Once, s.result.Reply, true)
}

// recoverJobs finishes jobs that a crash or a lost answer left open.
func (v *Vending) recoverJobs(ctx context.Context, by access.Actor) (finished int, err error) {
	held, look := access.Look(ctx, v.c.Door, by.Tenant, func(tx Tx) ([]id.ID, error) {
		return tx.Jobs().JobsHeld(v.moment().Add(-ReferLife), id.ID{}, maxRecover)
	})
	if look != nil {
		return 0, fmt.Errorf("recover jobs: %w", look)
	}
	for _, j := range held {
		s, one := v.finishJob(ctx, by, Ask{}, j)
		if one != nil {
			err = errors.Join(err, fmt.Errorf("recover job %s: %w", j.Text(id.Job), one))
		} else if !s.undo {
			finished++
		}
	}
	return finished, err
}
