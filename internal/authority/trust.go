package authority

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"time"

	"github.com/paywatt/paywatt/internal/fault"
)

// Errors of Check. Each names why a meter's certificate does not count.
var (
	ErrRevoked = errors.New("the certificate is revoked")
	ErrSigner  = errors.New("the certificate is not valid here")
)

// Errors of a list of revoked certificates.
var (
	ErrOlder  = errors.New("the list of revoked certificates is older than the newest one that this server has used")
	ErrNoList = errors.New("there is no list of revoked certificates for the authority")
)

// Trust says which certificates of meters count: those of its authorities that are not revoked. While an authority is being replaced, there
// are two. A Trust never changes: [Trust.WithAuthorities] and [Trust.WithLists] return the next one.
//
// It remembers the newest list of every authority that it ever had, so that an old list cannot come back while another authority is in
// use for a moment. [Trust.WithNewest] adds what an earlier run of the program remembered.
type Trust struct {
	authorities []trusted
	lists       map[string]serials // by the authority's public key
	newest      Newest
}

// Newest is the number of the newest list that was ever taken of each authority, by the SHA-256 of the authority's public key.
type Newest map[string]*big.Int

// keepHigher returns of each authority the higher number of n and o.
func (n Newest) keepHigher(o Newest) Newest {
	all := Newest{}
	maps.Copy(all, n)
	for key, number := range o {
		if before := all[key]; before == nil || before.Cmp(number) < 0 {
			all[key] = number
		}
	}
	return all
}

// trusted is an authority in use.
type trusted struct {
	cert *x509.Certificate
	pool *x509.CertPool
}

// serials are the serial numbers of a list of revoked certificates, whose signature was checked.
type serials map[string]struct{}

// NewTrust reads the authorities' certificates and their signed lists of revoked certificates, which may be nil.
func NewTrust(caPEM, revokedPEM []byte) (*Trust, error) {
	t, err := new(Trust).WithAuthorities(caPEM)
	if err != nil || revokedPEM == nil {
		return t, err
	}
	return t.WithLists(revokedPEM)
}

// WithAuthorities returns a Trust with the authorities of a PEM file, and with what t remembers of their lists.
func (t *Trust) WithAuthorities(caPEM []byte) (*Trust, error) {
	blocks, err := blocksOf(caPEM, "CERTIFICATE")
	if err != nil {
		return nil, fmt.Errorf("the file of the authorities cannot be read: %w", err)
	}
	next := &Trust{lists: t.lists, newest: t.newest}
	for i, der := range blocks {
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, fault.Wrap(err, "read certificate %d of the authorities", i+1)
		}
		if !cert.IsCA {
			return nil, fmt.Errorf("certificate %d (%s) is not one of an authority", i+1, cert.Subject.CommonName)
		}
		pool := x509.NewCertPool()
		pool.AddCert(cert)
		next.authorities = append(next.authorities, trusted{cert, pool})
	}
	return next, nil
}

// WithLists returns a Trust with the lists of a PEM file. Every authority needs its list there, no list may belong to another authority, and
// no list may be older than the newest one that t remembers.
func (t *Trust) WithLists(revokedPEM []byte) (*Trust, error) {
	blocks, err := blocksOf(revokedPEM, "X509 CRL")
	if err != nil {
		return nil, fmt.Errorf("the file of revoked certificates cannot be read: %w", err)
	}
	next := &Trust{authorities: t.authorities, lists: map[string]serials{}}
	numbers := Newest{}
	for i, der := range blocks {
		list, err := numberedList(der)
		if err != nil {
			return nil, fault.Wrap(err, "read list %d of revoked certificates", i+1)
		}
		signer := t.signerOf(list)
		if signer == nil {
			return nil, fmt.Errorf("list %d of revoked certificates belongs to none of the authorities in use", i+1)
		}
		key := keyOf(signer)
		if next.lists[key] != nil {
			return nil, fmt.Errorf("there are two lists of revoked certificates for the authority %s", nameOf(signer))
		}
		if newest := t.newest[key]; newest != nil && list.Number.Cmp(newest) < 0 {
			return nil, fmt.Errorf("%w: authority %s, number %d instead of %d or more", ErrOlder, nameOf(signer), list.Number, newest)
		}
		revoked := serials{}
		for _, e := range list.RevokedCertificateEntries {
			revoked[serialText(e.SerialNumber)] = struct{}{}
		}
		next.lists[key] = revoked
		numbers[key] = list.Number
	}
	for _, a := range t.authorities {
		if next.lists[keyOf(a.cert)] == nil {
			return nil, fmt.Errorf("%w %s", ErrNoList, nameOf(a.cert))
		}
	}
	for key, before := range t.lists {
		if next.lists[key] == nil {
			next.lists[key] = before // its authority is not in use now
		}
	}
	next.newest = t.newest.keepHigher(numbers)
	return next, nil
}

// WithNewest returns a Trust that takes no list that is older than these, nor than those that t remembers.
func (t *Trust) WithNewest(newest Newest) *Trust {
	return &Trust{authorities: t.authorities, lists: t.lists, newest: t.newest.keepHigher(newest)}
}

// Newest returns what t remembers of the lists. The caller must not change it.
func (t *Trust) Newest() Newest { return t.newest }

// signerOf finds the authority that signed a list; nil for none.
func (t *Trust) signerOf(list *x509.RevocationList) *x509.Certificate {
	for _, a := range t.authorities {
		if list.CheckSignatureFrom(a.cert) == nil {
			return a.cert
		}
	}
	return nil
}

// Check says why a meter's certificate does not count at this time, or returns nil.
func (t *Trust) Check(leaf *x509.Certificate, now time.Time) error {
	if leaf.IsCA {
		return fmt.Errorf("%w: it is one of an authority", ErrSigner) // it names no use, so it would fit every use
	}
	why := errors.New("no authority is known")
	for _, a := range t.authorities {
		use := []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
		_, err := leaf.Verify(x509.VerifyOptions{Roots: a.pool, CurrentTime: now, KeyUsages: use})
		if err != nil {
			why = err
			continue
		}
		if list := t.lists[keyOf(a.cert)]; list != nil {
			if _, ended := list[serialText(leaf.SerialNumber)]; ended {
				return ErrRevoked
			}
		}
		return nil
	}
	return fmt.Errorf("%w: %w", ErrSigner, why)
}

// Member is an authority in use, for people.
type Member struct {
	Name        string
	Fingerprint string // SHA-256 of its certificate
	Since       time.Time
	Until       time.Time
	Revoked     int // how many of its certificates are revoked
}

// Members lists the authorities in use, in the order of their file.
func (t *Trust) Members() (all []Member) {
	for _, a := range t.authorities {
		m := Member{Name: nameOf(a.cert), Fingerprint: Fingerprint(a.cert), Since: a.cert.NotBefore, Until: a.cert.NotAfter}
		if list := t.lists[keyOf(a.cert)]; list != nil {
			m.Revoked = len(list)
		}
		all = append(all, m)
	}
	return all
}

// Fingerprint is the SHA-256 of a certificate, by which people compare it.
func Fingerprint(c *x509.Certificate) string {
	sum := sha256.Sum256(c.Raw)
	return hex.EncodeToString(sum[:])
}

// keyOf names an authority by its public key: its lists go on counting if it renews its certificate.
func keyOf(c *x509.Certificate) string {
	sum := sha256.Sum256(c.RawSubjectPublicKeyInfo)
	return hex.EncodeToString(sum[:])
}

// nameOf names an authority for people. Two may have the same subject.
func nameOf(c *x509.Certificate) string {
	const shown = 16
	return fmt.Sprintf("%s (%s…)", c.Subject.CommonName, Fingerprint(c)[:shown])
}

// revocationsOf reads a file with one list of revoked certificates.
func revocationsOf(text []byte) (*x509.RevocationList, error) {
	blocks, err := blocksOf(text, "X509 CRL")
	if err != nil {
		return nil, err
	}
	if len(blocks) != 1 {
		return nil, fmt.Errorf("there are %d lists in it, want 1", len(blocks))
	}
	return numberedList(blocks[0])
}

func numberedList(der []byte) (*x509.RevocationList, error) {
	list, err := x509.ParseRevocationList(der)
	if err == nil && list.Number == nil {
		err = errors.New("the list has no number")
	}
	return list, err
}

// blocksOf reads all blocks of a PEM file, which must all be of one kind. Text between the blocks is a comment, but a block that begins and
// does not end is an error: the file is half written.
func blocksOf(text []byte, kind string) (all [][]byte, err error) {
	begins := bytes.Count(text, []byte("-----BEGIN "))
	for {
		var block *pem.Block
		block, text = pem.Decode(text)
		if block == nil {
			break
		}
		if block.Type != kind {
			return nil, fmt.Errorf("block %d is %q, want %q", len(all)+1, block.Type, kind)
		}
		all = append(all, block.Bytes)
	}
	switch {
	case begins > len(all):
		return nil, fmt.Errorf("%d of %d blocks are not complete", begins-len(all), begins)
	case len(all) == 0:
		return nil, fmt.Errorf("there is no %q in it", kind)
	}
	return all, nil
}
