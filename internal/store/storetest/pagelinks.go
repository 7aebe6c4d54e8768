package storetest

import (
	"bytes"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/pagelink"
	"github.com/paywatt/paywatt/internal/store"
)

// pageLinksKept stores links of two accounts, finds them by both hashes, and revokes one.
func pageLinksKept(t *testing.T, r Rig) {
	e := r.Open(t)
	one, two := addHousehold(t, e, 1), addHousehold(t, e, 2)
	at := time.Date(2026, 11, 25, 9, 0, 0, 0, time.UTC)
	link := func(n byte, account id.ID) pagelink.Link {
		return pagelink.Link{ID: id.ID{15: n}, Account: account, Hash: []byte{n, 1}, PayHash: []byte{n, 2}, Sealed: []byte{n}, MadeBy: "key x", CreatedAt: at, EndsAt: at.Add(time.Hour)}
	}
	must(t, e, func(tx *store.Tx) error {
		for n, account := range []id.ID{one.account, one.account, two.account} {
			if err := tx.AddLink(link(byte(n+1), account)); err != nil {
				return err
			}
		}
		return tx.RevokeLink(id.ID{15: 2}, at.Add(time.Minute), "key y")
	})
	for _, hash := range [][]byte{{1, 1}, {1, 2}} {
		l := look(t, e, func(tx *store.Tx) (pagelink.Link, error) {
			l, found, err := tx.LinkByHash(hash)
			if !found {
				t.Errorf("no link with hash %v", hash)
			}
			return l, err
		})
		if l.ID != (id.ID{15: 1}) || l.Account != one.account || !bytes.Equal(l.Sealed, []byte{1}) || !l.EndsAt.Equal(at.Add(time.Hour)) || l.State(at) != pagelink.Live {
			t.Errorf("hash %v finds %+v", hash, l)
		}
	}
	list := look(t, e, func(tx *store.Tx) ([]pagelink.Link, error) { return tx.LinksOf(one.account, 9) })
	if len(list) != 2 || list[0].ID != (id.ID{15: 2}) || list[0].State(at) != pagelink.Revoked || len(list[0].Sealed) != 0 || list[0].RevokedBy != "key y" {
		t.Errorf("the links of an account are %+v", list)
	}
	a := look(t, e, func(tx *store.Tx) (pagelink.Account, error) {
		a, found, err := tx.LinkAccountOf(two.meter.N)
		if !found {
			t.Error("the meter supplies no account")
		}
		return a, err
	})
	if a.ID != two.account || !a.Open || a.Since.IsZero() || len(a.Meters) != 1 || a.Meters[0] != two.meter.Number {
		t.Errorf("the account of a meter is %+v", a)
	}
}
