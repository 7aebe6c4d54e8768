package pagelink_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/await"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/pagelink"
	"github.com/paywatt/paywatt/internal/registry"
)

const number = "04140001001"

// desk is a store with one account in memory, and a sealer whose sealed texts name their context.
type desk struct {
	access.EyesTx
	now     time.Time
	account pagelink.Account
	links   []pagelink.Link
	audit   []access.Entry
	made    byte
}

func (d *desk) Do(_ context.Context, _ access.Tenant, fn func(pagelink.Tx) (bool, error)) error {
	_, err := fn(d)
	return err
}
func (d *desk) View(_ context.Context, _ access.Tenant, fn func(pagelink.Tx) error) error {
	return fn(d)
}
func (d *desk) Meters() registry.MeterLookup { return d }
func (d *desk) Eyes() access.EyesTx          { return d }
func (d *desk) PageLinks() pagelink.RowTx    { return d }

// KeyByID finds every key, and none has limits.
func (d *desk) KeyByID(key id.ID) (access.Key, bool, error) { return access.Key{ID: key}, true, nil }

func (d *desk) AuditLog(e access.Entry) error { d.audit = append(d.audit, e); return nil }
func (d *desk) NewID() (id.ID, error)         { d.made++; return id.ID{15: d.made}, nil }
func (d *desk) AddLink(l pagelink.Link) error {
	d.links = slices.Insert(d.links, 0, l)
	return nil
}
func (d *desk) LinkByHash(hash []byte) (pagelink.Link, bool, error) {
	for _, l := range d.links {
		if bytes.Equal(l.Hash, hash) || bytes.Equal(l.PayHash, hash) {
			return l, true, nil
		}
	}
	return pagelink.Link{}, false, nil
}
func (d *desk) LinksOf(_ id.ID, most int) ([]pagelink.Link, error) {
	return slices.Clone(d.links[:min(most, len(d.links))]), nil
}
func (d *desk) RevokeLink(link id.ID, at time.Time, by string) error {
	for i := range d.links {
		if d.links[i].ID == link {
			d.links[i].RevokedAt, d.links[i].RevokedBy, d.links[i].Sealed = at, by, nil
		}
	}
	return nil
}
func (d *desk) LinkAccount(id.ID) (pagelink.Account, bool, error)   { return d.account, true, nil }
func (d *desk) LinkAccountOf(int64) (pagelink.Account, bool, error) { return d.account, true, nil }
func (d *desk) MeterByNumber(n string) (registry.Meter, bool, error) {
	return registry.Meter{N: 1, Number: n}, n == number, nil
}
func (d *desk) MeterByID(id.ID) (registry.Meter, bool, error) { return registry.Meter{}, false, nil }
func (d *desk) Seal(context string, plain []byte) []byte {
	return []byte(context + "|" + string(plain))
}
func (d *desk) Hash(context string, data []byte) []byte { return []byte(context + string(data)) }
func (d *desk) Open(context string, sealed []byte) ([]byte, error) {
	plain, ok := strings.CutPrefix(string(sealed), context+"|")
	if !ok {
		return nil, errors.New("sealed for something else")
	}
	return []byte(plain), nil
}

func newDesk() (*desk, *pagelink.Links) {
	d := &desk{now: time.Date(2026, 11, 25, 9, 0, 0, 0, time.UTC), account: pagelink.Account{ID: id.ID{1}, Customer: id.ID{2}, Open: true, Meters: []string{number}}}
	return d, pagelink.New(pagelink.Config{Maker: pagelink.Maker{Sealer: d, Rand: rand.Reader, Now: func() time.Time { return d.now }}, Door: d, PublicURL: "https://pay.example.org/"})
}

func actor(r access.Role) access.Actor {
	return access.Actor{Tenant: 1, Kind: access.APIKey, Name: "key", Role: r, ID: id.ID{9}}
}

// make returns the characters of the account's link.
func (d *desk) make(t *testing.T, ls *pagelink.Links) string {
	t.Helper()
	v, err := ls.Make(t.Context(), actor(access.Owner), pagelink.Request{Meter: number, Show: true})
	chars, ok := strings.CutPrefix(v.Address.Reveal(), "https://pay.example.org/c/")
	if err != nil || v.Refused() || !ok || len(chars) != pagelink.Length {
		t.Fatalf("made %+v, %v", v, err)
	}
	return chars
}

func opens(t *testing.T, ls *pagelink.Links, link string) (found, paysOnly bool) {
	t.Helper()
	o, found, err := ls.Open(t.Context(), 1, link)
	if err != nil {
		t.Fatal(err)
	}
	return found, o.PaysOnly
}

// TestALinkLives: a link opens until it ends, is revoked, or its account closes. Shortly before its end another one takes its place.
func TestALinkLives(t *testing.T) {
	d, ls := newDesk()
	link := d.make(t, ls)
	if again := d.make(t, ls); again != link {
		t.Error("the second link is another one")
	}
	for _, text := range []string{link, strings.ToUpper(link)} {
		if found, pays := opens(t, ls, text); !found || pays {
			t.Errorf("%d characters open %t, only to pay %t", len(text), found, pays)
		}
	}
	for _, wrong := range []string{"", link[1:], link + "2", link[:15] + "!", strings.Repeat("2", 16)} {
		if found, _ := opens(t, ls, wrong); found {
			t.Errorf("%q opens", wrong)
		}
	}
	d.now = d.now.Add(pagelink.Life - 59*24*time.Hour)
	next := d.make(t, ls)
	if old, _ := opens(t, ls, link); next == link || !old {
		t.Error("before its end a link is not replaced, or does not work any more")
	}
	d.now = d.now.Add(59 * 24 * time.Hour)
	if found, _ := opens(t, ls, link); found {
		t.Error("a link works after its end")
	}
	d.account.Open = false
	if found, _ := opens(t, ls, next); found {
		t.Error("the link of a closed account works")
	}
	d.account.Open = true
	if v, err := ls.Revoke(t.Context(), actor(access.Support), number); err != nil || v.State != pagelink.Revoked {
		t.Errorf("revoked: %+v, %v", v, err)
	}
	if found, _ := opens(t, ls, next); found {
		t.Error("a revoked link works")
	}
}

// TestTheOtherLinkOnlyPays: the second link opens only the page to pay, and the first cannot be computed from it.
func TestTheOtherLinkOnlyPays(t *testing.T) {
	d, ls := newDesk()
	link := d.make(t, ls)
	o, found, err := ls.Open(t.Context(), 1, link)
	if err != nil || !found {
		t.Fatal(found, err)
	}
	pay := strings.TrimSuffix(strings.TrimPrefix(o.Pay.Reveal(), pagelink.Prefix), pagelink.PayPath)
	if found, only := opens(t, ls, pay); !found || !only || pay == link {
		t.Errorf("the second link opens %t, only to pay %t", found, only)
	}
	await.Ends(t, await.Credential{Kind: "payment link", Works: func() bool { found, _ := opens(t, ls, pay); return found }, End: func() {
		if _, err := ls.Revoke(t.Context(), actor(access.Owner), number); err != nil {
			t.Fatal(err)
		}
	}})
}

// TestAForgedRowOpensNothing: somebody who can write to the database, but lacks the data key, cannot make a link, move one to another
// account, or make it last longer.
func TestAForgedRowOpensNothing(t *testing.T) {
	for name, forge := range map[string]func(*pagelink.Link){
		"another account": func(l *pagelink.Link) { l.Account = id.ID{7} },
		"a later end":     func(l *pagelink.Link) { l.EndsAt = l.EndsAt.Add(time.Hour) },
		"another row":     func(l *pagelink.Link) { l.ID = id.ID{7} },
		"no sealed copy":  func(l *pagelink.Link) { l.Sealed = nil },
	} {
		d, ls := newDesk()
		link := d.make(t, ls)
		forge(&d.links[0])
		if found, _ := opens(t, ls, link); found {
			t.Errorf("%s: the link opens", name)
		}
	}
}

// TestWhoGetsALink: only who may see digits and change customers is shown a link. A message brings it only to the account's own customer.
func TestWhoGetsALink(t *testing.T) {
	d, ls := newDesk()
	for _, role := range access.Roles() {
		v, err := ls.Make(t.Context(), actor(role), pagelink.Request{Meter: number, Show: true})
		if may := role == access.Owner; err != nil || v.Refused() == may || (v.Address.Reveal() != "") != may {
			t.Errorf("%s: refused %t, %v", role, v.Refused(), err)
		}
		v, err = ls.Make(t.Context(), actor(role), pagelink.Request{Meter: number})
		if may := role.May(access.SendMessages); err != nil || v.Refused() == may || v.Address.Reveal() != "" {
			t.Errorf("%s makes a link: refused %t, %v", role, v.Refused(), err)
		}
	}
	vendor := actor(access.Operator)
	vendor.Vendor = id.ID{3}
	if v, err := ls.Revoke(t.Context(), vendor, number); err != nil || !v.Refused() {
		t.Errorf("a vendor revokes: %+v, %v", v, err)
	}
	if a, err := ls.Address(d, 1, id.ID{2}); err != nil || !strings.HasPrefix(a.Reveal(), "https://pay.example.org/c/") {
		t.Error("the customer gets no address", err)
	}
	if a, err := ls.Address(d, 1, id.ID{8}); err != nil || a.Reveal() != "" {
		t.Error("another customer gets the address", err)
	}
	for _, e := range d.audit {
		if text := fmt.Sprint(e); strings.Contains(text, "/c/") || strings.Contains(text, "pay.example") {
			t.Errorf("the audit log has a link: %s", text)
		}
	}
}
