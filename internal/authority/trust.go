package authority

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"time"

	"github.com/paywatt/paywatt/internal/fault"
)

// Errors of Check. Each names why a meter's certificate does not count.
var (
	ErrRevoked = errors.New("the certificate is revoked")
	ErrSigner  = errors.New("the certificate is not valid here")
	ErrOlder   = errors.New("the list of revoked certificates is older than the one in use")
)

// Trust says which certificates of meters count: those of one authority that are not revoked. It never changes.
type Trust struct {
	ca      *x509.Certificate
	roots   *x509.CertPool
	revoked map[string]struct{} // serial numbers
	number  *big.Int            // of the list of revoked certificates; nil without one
}

// NewTrust reads the authority's certificate and its signed list of revoked certificates, which may be nil.
func NewTrust(caPEM, revokedPEM []byte) (*Trust, error) {
	ca, err := certificateOf(caPEM)
	if err != nil {
		return nil, fault.Wrap(err, "read the authority's certificate")
	}
	if !ca.IsCA {
		return nil, errors.New("the certificate of the authority is not one of an authority")
	}
	t := &Trust{ca: ca, roots: x509.NewCertPool(), revoked: map[string]struct{}{}}
	t.roots.AddCert(ca)
	if revokedPEM == nil {
		return t, nil
	}
	list, err := revocationsOf(revokedPEM)
	if err != nil {
		return nil, fault.Wrap(err, "read the list of revoked certificates")
	}
	if err := list.CheckSignatureFrom(ca); err != nil {
		return nil, fault.Wrap(err, "the list of revoked certificates is not this authority's")
	}
	for _, e := range list.RevokedCertificateEntries {
		t.revoked[serialText(e.SerialNumber)] = struct{}{}
	}
	t.number = list.Number
	return t, nil
}

func revocationsOf(text []byte) (*x509.RevocationList, error) {
	block, _ := pem.Decode(text)
	if block == nil || block.Type != "X509 CRL" {
		return nil, errors.New("there is no such list in it")
	}
	list, err := x509.ParseRevocationList(block.Bytes)
	if err == nil && list.Number == nil {
		err = errors.New("the list has no number")
	}
	return list, err
}

// Follows reports an error if t would bring back a certificate that an earlier list of the same authority had revoked.
func (t *Trust) Follows(before *Trust) error {
	if before == nil || before.number == nil || !t.ca.Equal(before.ca) {
		return nil
	}
	if t.number == nil || t.number.Cmp(before.number) < 0 {
		return ErrOlder
	}
	return nil
}

// Check says why a meter's certificate does not count at this time, or returns nil.
func (t *Trust) Check(leaf *x509.Certificate, now time.Time) error {
	if leaf.IsCA {
		return fmt.Errorf("%w: it is one of an authority", ErrSigner) // it names no use, so it would fit every use
	}
	use := []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	if _, err := leaf.Verify(x509.VerifyOptions{Roots: t.roots, CurrentTime: now, KeyUsages: use}); err != nil {
		return fmt.Errorf("%w: %w", ErrSigner, err)
	}
	if _, ended := t.revoked[serialText(leaf.SerialNumber)]; ended {
		return ErrRevoked
	}
	return nil
}

// Fingerprint is the SHA-256 of the authority's certificate, by which people compare it.
func (t *Trust) Fingerprint() string { return Fingerprint(t.ca) }

// Fingerprint is the SHA-256 of a certificate.
func Fingerprint(c *x509.Certificate) string {
	sum := sha256.Sum256(c.Raw)
	return hex.EncodeToString(sum[:])
}

// Revoked counts the revoked certificates.
func (t *Trust) Revoked() int { return len(t.revoked) }
