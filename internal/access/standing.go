package access

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
)

// unknownSelf stands in [PersonRow.CountsAs] for somebody who cannot be named: the server's command line, or an API key that belongs to nobody.
const unknownSelf = "unknown"

// holders are the people who may be behind an actor. A person who was invited, reset, unblocked or promoted counts as the person who did it
// too, until another approver confirms that the account is in the right hands.
type holders struct {
	ids     []string
	unknown bool // anybody may be behind the actor
}

// meet reports whether one person may be behind both actors.
func (s holders) meet(o holders) bool {
	return s.unknown || o.unknown || slices.ContainsFunc(s.ids, func(i string) bool { return slices.Contains(o.ids, i) })
}

// add returns the people who may be behind a person after an act of somebody with the holders s, as stored in [PersonRow.CountsAs].
func (s holders) add(p PersonRow) string {
	all := slices.Concat(strings.Fields(p.CountsAs), s.ids)
	if s.unknown {
		all = append(all, unknownSelf)
	}
	own := p.ID.Text(id.Person)
	all = slices.DeleteFunc(all, func(i string) bool { return i == own })
	slices.Sort(all)
	return strings.Join(slices.Compact(all), " ")
}

// holders returns the people who may be behind a person: anybody, if somebody other than the server wrote the person's rows.
func (p PersonRow) holders() holders {
	ids := append(strings.Fields(p.CountsAs), p.ID.Text(id.Person))
	if plantedUnconfirmed() {
		return holders{ids: []string{p.ID.Text(id.Person)}}
	}
	return holders{ids, p.Forged || slices.Contains(ids, unknownSelf)}
}

// confirmed reports whether the person counts only as themselves.
func (p PersonRow) confirmed() bool { return p.CountsAs == "" }

// behind returns the person behind an actor; false for the program, a vendor's key, and a key that belongs to nobody.
func behind(tx EyesTx, a Actor) (PersonRow, bool, error) {
	if self := a.self(); !self.IsZero() {
		return tx.PersonByID(self)
	}
	return PersonRow{}, false, nil
}

// holdersOf returns the people who may be behind an actor. All keys of a vendor are one holder. Anybody may be behind a key of nobody.
func holdersOf(tx EyesTx, a Actor) (holders, error) {
	p, found, err := behind(tx, a)
	switch {
	case err != nil || found:
		return p.holders(), err
	case !a.Vendor.IsZero():
		return holders{ids: []string{a.Vendor.Text(id.Vendor)}}, nil
	case a.ofNobody():
		return holders{unknown: true}, nil
	case !a.self().IsZero():
		return holders{ids: []string{a.self().Text(id.Key)}}, nil
	}
	return holders{ids: []string{a.String()}}, nil
}

// giverOf returns the people who may be behind somebody who changes a person. Anybody may be behind the command line and behind a key that
// belongs to nobody.
func giverOf(tx EyesTx, by Actor) (holders, error) {
	p, found, err := behind(tx, by)
	if err != nil || !found {
		return holders{unknown: true}, err
	}
	return p.holders(), nil
}

// Apart reports whether two actors are certainly two people.
func Apart(tx EyesTx, a, b Actor) (bool, error) {
	if sameActor(a, b) {
		return false, nil
	}
	first, err := holdersOf(tx, a)
	if err != nil {
		return false, err
	}
	second, err := holdersOf(tx, b)
	return !first.meet(second), err
}

// mayCheck refuses an approval by a key of nobody, and unless the maker and the checker are certainly two people.
func mayCheck(tx EyesTx, a Approval, checker Actor) (refusal.Refusal, error) {
	if checker.ofNobody() {
		return refuse.ApprovalByKeyOfNobody(PlainName(checker.String())), nil
	}
	if no, err := needsOwner(&people{tx: tx}, a.Maker); err != nil || no.Refused() {
		return no, err
	}
	if two, err := Apart(tx, a.Maker, checker); err != nil || two {
		return refusal.Refusal{}, err
	}
	return refuse.ApprovalByUnconfirmed(), nil
}

// beforeConfirmation refuses an action that was requested before its maker was last confirmed: somebody else may have requested it. The request
// knows the confirmation before it, so no clock decides which of the two came first.
func (a Approval) beforeConfirmation(maker PersonRow) refusal.Refusal {
	before := a.CreatedAt.Before(maker.ConfirmedAt)
	if a.MakerConfirmed != nil {
		before = !a.MakerConfirmed.Equal(maker.ConfirmedAt)
	}
	if before {
		return refuse.ApprovalBeforeConfirmation(PlainName(a.Maker.String()))
	}
	return refusal.Refusal{}
}

// FourEyesRule says when a second person is needed.
type FourEyesRule struct {
	Set *bool // the tenant's setting; nil for the default
	// Bound are the rights that two people could use at some time, so that their actions need a second person by default. People who leave
	// do not remove a right from the list.
	Bound []Right
}

// FourEyesBind reports whether actions under a right need a second person now.
func FourEyesBind(tx interface{ FourEyes() (FourEyesRule, error) }, right Right) (bool, error) {
	rule, err := tx.FourEyes()
	if err != nil || rule.Set != nil {
		return rule.Set != nil && *rule.Set, err
	}
	return slices.Contains(rule.Bound, right), nil
}

// approvable are the rights under which a second person approves actions.
func approvable() []Right {
	var out []Right
	for _, a := range Acts() {
		out = append(out, a.Right())
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// approves reports whether people of the role can approve an action.
func (r Role) approves() bool { return r != VendorAPI && slices.ContainsFunc(approvable(), r.May) }

// twoCan lists the rights under which two of these people can approve each other's actions.
func twoCan(people []PersonRow) (out []Right) {
	for _, right := range approvable() {
		n := 0
		for _, p := range people {
			if p.confirmed() && p.canSignIn() && p.Vendor.IsZero() && p.Role.May(right) {
				n++
			}
		}
		if n >= 2 {
			out = append(out, right)
		}
	}
	return out
}

// TwoCanApprove reports whether two people could now approve each other's actions under a right.
func TwoCanApprove(tx EyesTx, right Right) (bool, error) {
	all, err := tx.Ceilings().PersonPage(id.ID{}, maxPeople)
	return slices.Contains(twoCan(all), right), err
}

// ReleaseFourEyes removes the setting of four eyes at the server's command line, where everybody is trusted: whoever set it alone may have
// nobody who approves the change back. The daily report shows it.
func (a *Access) ReleaseFourEyes(ctx context.Context, by Actor) (Released, error) {
	out, err := Through(ctx, a.c.Door, by.Tenant, func(tx Tx) (Released, error) {
		rule, err := tx.FourEyes()
		if err != nil || rule.Set == nil {
			return Released{Bound: rule.Bound}, err
		}
		if err := tx.People().ReleaseFourEyes(); err != nil {
			return Released{}, err
		}
		e := by.Entry("four_eyes.release", "")
		e.Before, e.SinglePerson = fmt.Sprintf("four_eyes=%t", *rule.Set), true
		return Released{Bound: rule.Bound}, tx.AuditLog(e)
	})
	return out, fault.Wrap(err, "remove the setting of four eyes")
}

// Released is the answer of [Access.ReleaseFourEyes].
type Released struct {
	refusal.Refusal
	Bound []Right // the rights that go on needing a second person, because two people could use them at some time
}

// bind remembers the rights that need a second person from now on. It never removes one.
func bind(tx Tx, by Actor, people []PersonRow) error {
	rule, err := tx.FourEyes()
	if err != nil {
		return err
	}
	all := slices.Concat(rule.Bound, twoCan(people))
	slices.Sort(all)
	all = slices.Compact(all)
	if len(all) == len(rule.Bound) {
		return nil
	}
	if err := tx.People().BindFourEyes(all); err != nil {
		return err
	}
	e := by.Entry("four_eyes.bind", "")
	var names []string
	for _, right := range all {
		names = append(names, string(right))
	}
	e.After = "rights=" + strings.Join(names, ",")
	return tx.AuditLog(e)
}
