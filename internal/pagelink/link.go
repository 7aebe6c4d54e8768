// Package pagelink makes, finds and revokes the secret links to customers' own pages.
//
// Whoever has a link sees one account: its balance, its use, its receipts and the digits of its last token. So a link is a secret of 16
// random characters. The database has its hash, which finds it, and a sealed copy, which lets the server send the same link again. A link
// ends by itself, ends with its account, and can be revoked.
//
// From each link follows a second one, with which somebody else pays and which shows nothing of the account. Nobody can compute the first
// link from the second. Start at [Links].
package pagelink

import (
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/registry"
)

// Length is the number of characters of a link.
const Length = 16

// alphabet has 28 characters that nobody confuses, and no vowels, so that no link contains a word. 16 of them have 76.9 bits.
const alphabet = "23456789bcdfghjkmnpqrstvwxyz"

// Times of links.
const (
	// Life is how long a link works: longer than a year, so that the link in the SMS of last year's sale still works.
	Life = 400 * 24 * time.Hour
	// renewBefore is how long before its end a link is no longer given out. A new link then takes its place, and the old one works until
	// its end.
	renewBefore = 60 * 24 * time.Hour
)

// maxLinks is how many links of an account are read: the newest.
const maxLinks = 20

// Link is a link to the page of one account. It has no printable form.
type Link struct {
	ID        id.ID
	Account   id.ID
	Hash      []byte
	PayHash   []byte // of the link with which somebody else pays
	Sealed    []byte // the characters; empty once the link was revoked
	MadeBy    string
	CreatedAt time.Time
	EndsAt    time.Time
	RevokedAt time.Time
	RevokedBy string
}

// State is the state of a link.
type State string

// States of a link.
const (
	Live    State = "live"
	Ended   State = "ended"
	Revoked State = "revoked"
)

// State returns the state of the link at a time.
func (l Link) State(now time.Time) State {
	switch {
	case !l.RevokedAt.IsZero():
		return Revoked
	case !now.Before(l.EndsAt):
		return Ended
	}
	return Live
}

// Account is an account as its links need it.
type Account struct {
	ID       id.ID
	Customer id.ID
	Open     bool
	Since    time.Time // when it was opened; earlier use belongs to somebody else
	Meters   []string  // numbers of the meters that supply it
}

// RowTx reads and writes the rows of links.
type RowTx interface {
	AddLink(Link) error
	// LinkByHash finds a link by one of its two hashes.
	LinkByHash(hash []byte) (Link, bool, error)
	// LinksOf lists the links of an account, newest first, and locks them.
	LinksOf(account id.ID, max int) ([]Link, error)
	// RevokeLink ends a link and forgets its characters.
	RevokeLink(link id.ID, at time.Time, by string) error
	// LinkAccount reads an account with its meters, and LinkAccountOf the account that a meter supplies. It locks nothing.
	LinkAccount(account id.ID) (Account, bool, error)
	LinkAccountOf(meter int64) (Account, bool, error)
	NewID() (id.ID, error)
	AuditLog(access.Entry) error
}

// Maker makes links.
type Maker struct {
	Sealer registry.Sealer
	Rand   io.Reader
	Now    func() time.Time
}

// draw returns new random characters.
func (m Maker) draw() (string, error) {
	var out strings.Builder
	var b [1]byte
	for out.Len() < Length {
		if _, err := io.ReadFull(m.Rand, b[:]); err != nil {
			return "", fmt.Errorf("make a link: %w", err)
		}
		if i := int(b[0] & 31); i < len(alphabet) { // all characters are equally likely
			out.WriteByte(alphabet[i])
		}
	}
	return out.String(), nil
}

// Give returns the characters of an account's newest link that still works for a while. If there is none, it makes one.
func (m Maker) Give(tx RowTx, account id.ID, by access.Actor) (Link, access.Secret, error) {
	now := m.Now()
	links, err := tx.LinksOf(account, maxLinks)
	if err != nil {
		return Link{}, access.Secret{}, err
	}
	for _, l := range links {
		if l.State(now) == Live && l.EndsAt.Sub(now) > renewBefore {
			chars, err := m.open(l)
			return l, chars, err
		}
	}
	chars, err := m.draw()
	if err != nil {
		return Link{}, access.Secret{}, err
	}
	l := Link{Account: account, Hash: hash(chars), PayHash: hash(payChars(chars)), MadeBy: by.String(), CreatedAt: now, EndsAt: now.Add(Life)}
	if l.ID, err = tx.NewID(); err != nil {
		return Link{}, access.Secret{}, err
	}
	l.Sealed = m.Sealer.Seal(l.context(), []byte(chars))
	if err := tx.AddLink(l); err != nil {
		return Link{}, access.Secret{}, err
	}
	e := by.Entry(string(access.ActLinkMake), account.Text(id.Account))
	e.At, e.After = now, "link="+l.ID.Text(id.PageLink)+" ends="+l.EndsAt.UTC().Format(time.RFC3339)
	return l, access.SecretOf(chars), tx.AuditLog(e)
}

// open returns the characters of a link.
func (m Maker) open(l Link) (access.Secret, error) {
	chars, err := m.Sealer.Open(l.context(), l.Sealed)
	if err != nil {
		return access.Secret{}, fmt.Errorf("open link %s: %w", l.ID.Text(id.PageLink), err)
	}
	return access.SecretOf(string(chars)), nil
}

// proves reports whether the server itself stored the link for these characters, and whether they only pay. Somebody who can only write to
// the database can make a hash, but cannot seal, and cannot move a sealed copy to another account or a later end.
func (m Maker) proves(l Link, chars string) (genuine, paysOnly bool) {
	sealed, err := m.open(l)
	if err != nil {
		return false, false
	}
	same := func(a string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(chars)) == 1 }
	paysOnly = same(payChars(sealed.Reveal()))
	return paysOnly || same(sealed.Reveal()), paysOnly
}

// payChars returns the characters with which somebody else pays. They follow from those of a link, but not the other way round.
func payChars(chars string) string {
	var out strings.Builder
	for n := 0; out.Len() < Length; n++ {
		h := sha256.Sum256([]byte(fmt.Sprintf("paywatt pay link\x00%d\x00%s", n, chars)))
		for _, b := range h {
			if i := int(b & 31); i < len(alphabet) && out.Len() < Length {
				out.WriteByte(alphabet[i])
			}
		}
	}
	return out.String()
}

// context binds the sealed copy to its row.
func (l Link) context() string {
	return fmt.Sprintf("page-link/%s/%s/%d", l.ID.Text(id.PageLink), l.Account.Text(id.Account), l.EndsAt.UnixMicro())
}

// hash is the form by which the store finds a link.
func hash(chars string) []byte {
	h := sha256.Sum256([]byte("paywatt page link\x00" + chars))
	return h[:]
}

// Parse returns the characters of a link as they are stored; ok is false for a text that cannot be a link. Capital letters do not matter.
func Parse(text string) (chars string, ok bool) {
	chars = strings.ToLower(text)
	return chars, len(chars) == Length && strings.Trim(chars, alphabet) == ""
}

// Prefix begins the path of every customer's page, and PayPath ends that of the page for somebody else who pays.
const (
	Prefix  = "/c/"
	PayPath = "/pay"
)

// address returns the address of the page for somebody who reaches the server at a public address, or its path without one.
func address(public string, link access.Secret) access.Secret {
	return access.SecretOf(strings.TrimRight(public, "/") + Prefix + link.Reveal())
}
