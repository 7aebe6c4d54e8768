package access_test

import (
	"context"
	"crypto/rand"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/refusal"
	"net/netip"
)

const rolesSentence = "owner, tariff_manager, engineer, operator, supervisor, finance, support, installer, auditor, vendor_api."

// saying is a refused request, with the code and all texts of the refusal.
type saying struct {
	name string
	does func(context.Context, *rows, *access.Access) (refusal.Refusal, error)
	want string
}

// TestWhatARefusalSays checks every refusal of this package completely.
func TestWhatARefusalSays(t *testing.T) {
	for _, c := range append(append(sayingsOfKeys(), sayingsOfPeople()...), sayingsOfApprovals()...) {
		r := newRows(t)
		no, err := c.does(t.Context(), r, r.access(rand.Reader))
		if got := string(no.Code) + ": " + no.Detail(); err != nil || got != c.want {
			t.Errorf("%s: %v\n%s, want\n%s", c.name, err, got, c.want)
		}
	}
}

func sayingsOfKeys() []saying {
	makes := func(n access.NewKey) func(context.Context, *rows, *access.Access) (refusal.Refusal, error) {
		return func(ctx context.Context, r *rows, a *access.Access) (refusal.Refusal, error) {
			if n.Name == "late" {
				n.ExpiresAt = r.now
			}
			k, err := a.CreateAPIKey(ctx, access.SystemActor(1, "test"), n)
			return k.Refusal, err
		}
	}
	needs := func(by access.Actor) func(context.Context, *rows, *access.Access) (refusal.Refusal, error) {
		return func(context.Context, *rows, *access.Access) (refusal.Refusal, error) {
			return by.Needs(access.ReadLedger), nil
		}
	}
	longName := "invalid-request: A key's name can have at most 64 bytes and no control characters. No key was created. Use another name."
	return []saying{
		{"an unknown role", makes(access.NewKey{Role: "root"}), "invalid-request: There is no role \"root\". No key was created. Use one of these roles: " + rolesSentence},
		{"no role", makes(access.NewKey{}), "invalid-request: There is no role \"\". No key was created. Use one of these roles: " + rolesSentence},
		{"a role without rights", makes(access.NewKey{Role: access.DeviceRole}), "invalid-request: A key of the role device would have no rights. No key was created. Use one of these roles: " + rolesSentence},
		{"a vendor's cashier", makes(access.NewKey{Role: access.Operator, Vendor: shop()}),
			"invalid-request: A key of the role operator sees the data of the whole utility. A vendor's key must not do so. No key was created. Make a key of the role vendor_api for the vendor."},
		{"a vendor's key of no vendor", makes(access.NewKey{Role: access.VendorAPI}),
			"invalid-request: A key of the role vendor_api must name its vendor. No key was created. Name the vendor: paywatt apikey create --role vendor_api --vendor V001."},
		{"a long name", makes(access.NewKey{Role: access.Owner, Name: strings.Repeat("n", 65)}), longName},
		{"a name of two lines", makes(access.NewKey{Role: access.Owner, Name: "a\nb"}), longName},
		{"a key of the past", makes(access.NewKey{Role: access.Owner, Name: "late"}), "invalid-request: The key would expire at 2026-11-20 08:00 UTC, which has passed. No key was created. Give a later time, or none."},
		{"an unknown vendor", makes(access.NewKey{Role: access.VendorAPI, Vendor: id.ID{1}}), "not-found: Vendor ven_04000000000000000000000000 was not found. No key was created. List the vendors to find its id."},
		{"a key for nobody", makes(access.NewKey{Role: access.Owner, Person: "nobody@example.org"}), "not-found: nobody@example.org is not the address of a person who may sign in. No key was created. Check the address."},
		{"a key for a blocked person", func(ctx context.Context, r *rows, a *access.Access) (refusal.Refusal, error) {
			r.people[aminaEmail] = access.PersonRow{ID: id.ID{7}, Blocked: true}
			return makes(access.NewKey{Role: access.Owner, Person: aminaEmail})(ctx, r, a)
		}, "not-found: amina@example.org is not the address of a person who may sign in. No key was created. Check the address."},
		{"no key", func(ctx context.Context, _ *rows, a *access.Access) (refusal.Refusal, error) {
			k, err := a.ByAPIKey(ctx, knownKey, netip.Addr{})
			return k.Refusal, err
		}, `unauthenticated: The API key is not valid, or no longer valid. No change was made, and no data is shown. Send it as "Authorization: Bearer pk_...". Make a new one with paywatt apikey create.`},
		{"no key to revoke", func(ctx context.Context, r *rows, a *access.Access) (refusal.Refusal, error) {
			k, err := a.RevokeAPIKey(ctx, r.amina(), id.ID{1})
			return k.Refusal, err
		}, "not-found: Key key_04000000000000000000000000 was not found, or is already revoked. No changes were made. List the keys to find its id."},
		{"a right that is missing", needs(access.Actor{Role: access.Support}),
			"forbidden: The role support does not include the right ledger.read. No change was made, and no data is shown. Use a key or a login of a role that includes it, or ask an owner."},
		{"no role at all", needs(access.Actor{}),
			"forbidden: You have no role, so you do not have the right ledger.read. No change was made, and no data is shown. Use a key or a login of a role that includes it, or ask an owner."},
		{"a vendor's key without vendor", needs(access.Actor{Role: access.VendorAPI}),
			"forbidden: This key has the role vendor_api but names no vendor. No change was made, and no data is shown. Use a key that names its vendor: paywatt apikey create --role vendor_api --vendor V001."},
	}
}

func sayingsOfPeople() []saying {
	adds := func(n access.NewPerson) func(context.Context, *rows, *access.Access) (refusal.Refusal, error) {
		return func(ctx context.Context, r *rows, a *access.Access) (refusal.Refusal, error) {
			p, err := a.Invite(ctx, r.amina(), n)
			return p.Refusal, err
		}
	}
	words := func(password string) func(context.Context, *rows, *access.Access) (refusal.Refusal, error) {
		return func(ctx context.Context, r *rows, a *access.Access) (refusal.Refusal, error) {
			clear(r.people)
			p, err := a.CreateOwner(ctx, access.SystemActor(1, "test"), access.NewOwner{Email: "juma@example.org", Password: access.SecretOf(password)})
			return p.Refusal, err
		}
	}
	good := access.SecretOf(goodPassword)
	return []saying{
		{"no address", adds(access.NewPerson{Email: "juma", Role: access.Support}), "invalid-request: \"juma\" is not an e-mail address. No person was added. Write it as amina@example.org."},
		{"a role that nobody has", adds(access.NewPerson{Email: "juma@example.org", Role: access.CustomerRole}),
			"invalid-request: There is no role \"customer\" for people. No person was added. Use one of these roles: " + rolesSentence},
		{"a long name", adds(access.NewPerson{Email: "juma@example.org", Role: access.Support, Name: strings.Repeat("n", 129)}),
			"invalid-request: A name can have at most 128 bytes and no control characters. No person was added. Use another name."},
		{"a short password", words("seven77"), "invalid-request: The password is shorter than 12 characters. No changes were made. Use several unrelated words. They are easy to remember."},
		{"a long password", words(strings.Repeat("ab", 65)), "invalid-request: The password is longer than 128 characters. No changes were made. Use a shorter one."},
		{"a common password", words("password1234"), "invalid-request: This password is too easy to guess: it is a common one, with or without digits, or repeats itself. No changes were made. Use several unrelated words."},
		{"an address that is taken", adds(access.NewPerson{Email: aminaEmail, Role: access.Support}),
			"invalid-request: A person with the e-mail address amina@example.org already exists. No person was added. Use another address."},
		{"a second first owner", func(ctx context.Context, r *rows, a *access.Access) (refusal.Refusal, error) {
			p, err := a.CreateOwner(ctx, access.SystemActor(1, "test"), access.NewOwner{Email: "juma@example.org", Password: good})
			return p.Refusal, err
		}, "forbidden: The utility already has an owner. No person was added. Sign in as an owner and add people there."},
		{"a wrong password", func(ctx context.Context, _ *rows, a *access.Access) (refusal.Refusal, error) {
			in, err := a.SignIn(ctx, 1, aminaEmail, "another few words", "", access.Browser{})
			return in.Refusal, err
		}, "unauthenticated: E-mail address or password is wrong. You are not signed in. Check both. An owner can set a new password."},
		{"no session", func(ctx context.Context, _ *rows, a *access.Access) (refusal.Refusal, error) {
			k, err := a.ByLogin(ctx, 1, "")
			return k.Refusal, err
		}, "unauthenticated: You are not signed in, or your session has ended. No change was made, and no data is shown. Sign in."},
		{"an unknown session", func(ctx context.Context, _ *rows, a *access.Access) (refusal.Refusal, error) {
			k, err := a.ByLogin(ctx, 1, "another")
			return k.Refusal, err
		}, "unauthenticated: You are not signed in, or your session has ended. No change was made, and no data is shown. Sign in."},
	}
}

func sayingsOfApprovals() []saying {
	decides := func(state access.ApprovalState, by access.Actor, reason string, change func(*rows)) func(context.Context, *rows, *access.Access) (refusal.Refusal, error) {
		return func(ctx context.Context, r *rows, a *access.Access) (refusal.Refusal, error) {
			a.Serve(access.Executors{access.ActTariff: nil})
			approval := r.waits(state)
			if change != nil {
				change(r)
			}
			d, err := a.Decide(ctx, by, approval, access.Decision{Allow: true, Reason: reason})
			return d.Refusal, err
		}
	}
	uses := func(state access.ApprovalState, change func(*rows)) func(context.Context, *rows, *access.Access) (refusal.Refusal, error) {
		return func(_ context.Context, r *rows, _ *access.Access) (refusal.Refusal, error) {
			r.waits(state)
			by := r.amina()
			by.Approval = r.approvals[0].ID
			change(r)
			e, err := access.SecondPerson(r, by, access.ActRequest{Act: access.ActTariff, Body: struct{}{}}, r.now)
			return e.Refusal, err
		}
	}
	nothing, raced := func(*rows) {}, func(r *rows) { r.raced = true }
	amina := (&rows{}).amina()
	const none = "not-found: Approval apr_00000000000000000000000004 was not found, or you may not decide about it. No decision was recorded. List the pending approvals."
	const notNow = "approval-invalid: Approval apr_00000000000000000000000004 does not allow this action now. No changes were made. Ask for the action again."
	return []saying{
		{"no approval", decides(access.ApprovalWaiting, finance(), "", func(r *rows) { r.approvals = nil }), none},
		{"somebody else was quicker", decides(access.ApprovalWaiting, finance(), "", raced), none},
		{"the maker", decides(access.ApprovalWaiting, amina, "", nil), "forbidden: You requested this action, so you cannot decide about it. No decision was recorded. Ask another person to decide."},
		{"too late", decides(access.ApprovalWaiting, finance(), "", func(r *rows) { r.now = r.now.AddDate(0, 0, 7) }),
			"approval-invalid: Approval apr_00000000000000000000000004 has expired. No decision was recorded. Ask for the action again."},
		{"decided", decides(access.ApprovalRejected, finance(), "", nil), "approval-invalid: Approval apr_00000000000000000000000004 is already rejected. No decision was recorded. List the pending approvals."},
		{"done", decides(access.ApprovalUsed, finance(), "", nil), "approval-invalid: Approval apr_00000000000000000000000004 is already done. No decision was recorded. List the pending approvals."},
		{"the maker has gone", decides(access.ApprovalWaiting, finance(), "", func(r *rows) { r.gone = true }),
			"maker-not-in-force: This was requested by amina@example.org. That key or person is no longer active. No changes were made. Reject it. The action can be requested again."},
		{"the maker has another role", decides(access.ApprovalWaiting, finance(), "", func(r *rows) { r.becomes("") }),
			"maker-not-in-force: This was requested by amina@example.org. That key or person no longer has the right tariff.write. No changes were made. Reject it. The action can be requested again."},
		{"a long reason", decides(access.ApprovalWaiting, finance(), strings.Repeat("ä", 501), nil), "invalid-request: A reason can have at most 500 characters. No changes were made. Shorten it."},
		{"an act of an older version", decides(access.ApprovalWaiting, finance(), "", nil),
			"approval-invalid: An older version of the server stored this approval. This version cannot carry out tariff.publish from it. No decision was recorded. Reject it, and request the action again."},
		{"an approval that waits", uses(access.ApprovalWaiting, nothing), notNow},
		{"an approval that was rejected", uses(access.ApprovalRejected, nothing), notNow},
		{"an approval that was used", uses(access.ApprovalUsed, nothing), notNow},
		{"an approval that is not there", uses(access.ApprovalGiven, func(r *rows) { r.approvals = nil }), notNow},
		{"an approval that is too old", uses(access.ApprovalGiven, func(r *rows) { r.now = r.now.Add(7 * 24 * time.Hour) }), notNow},
		{"an approval that is used at the same time", uses(access.ApprovalGiven, raced), "approval-invalid: Approval apr_00000000000000000000000004 has already been used. No changes were made. To do the action again, ask for it again."},
		{"an act that is too large", func(_ context.Context, r *rows, _ *access.Access) (refusal.Refusal, error) {
			e, err := access.SecondPerson(r, r.amina(), access.ActRequest{Act: access.ActTariff, Utility: true, Body: strings.Repeat("x", 16<<10)}, r.now)
			return e.Refusal, err
		}, "too-large: This request has 16386 bytes. A request that needs approval can have at most 16384. No changes were made. Make it smaller."},
	}
}
