package bench

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"time"

	"github.com/paywatt/paywatt/internal/authority"
)

// Issuer is an authority that lives as long as a bench: a certificate and its key, both DER.
type Issuer struct{ Cert, Key []byte }

// newIssuer makes an authority.
func newIssuer() (*Issuer, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	c, err := certificateForm("bench")
	if err != nil {
		return nil, err
	}
	c.IsCA, c.KeyUsage = true, x509.KeyUsageCertSign
	i := &Issuer{}
	if i.Cert, err = x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key); err == nil {
		i.Key, err = x509.MarshalPKCS8PrivateKey(key)
	}
	return i, err
}

// certificateForm is what the certificates of a bench have in common.
func certificateForm(name string) (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	return &x509.Certificate{SerialNumber: serial, Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour), BasicConstraintsValid: true}, err
}

// issue makes a certificate for a use.
func (i *Issuer) issue(name string, use x509.ExtKeyUsage) (tls.Certificate, error) {
	ca, err := x509.ParseCertificate(i.Cert)
	if err != nil {
		return tls.Certificate{}, err
	}
	signer, err := x509.ParsePKCS8PrivateKey(i.Key)
	if err != nil {
		return tls.Certificate{}, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	c, err := certificateForm(name)
	if err != nil {
		return tls.Certificate{}, err
	}
	c.KeyUsage, c.ExtKeyUsage = x509.KeyUsageDigitalSignature, []x509.ExtKeyUsage{use}
	if use == x509.ExtKeyUsageServerAuth {
		c.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1)}
	}
	der, err := x509.CreateCertificate(rand.Reader, c, ca, &key.PublicKey, signer.(crypto.Signer))
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, err
}

// encryption is how the server of a bench encrypts its connections: not at all, with passwords, or with certificates of meters.
type encryption struct {
	issuer *Issuer
	tls    *tls.Config
	trust  *authority.Trust // nil for passwords
}

// newEncryption returns the encryption of a kind of server. The bench's meters do not check its certificate.
func newEncryption(kind string) (e encryption, err error) {
	if kind != "tls" && kind != "certificates" {
		return encryption{}, nil
	}
	if e.issuer, err = newIssuer(); err != nil {
		return encryption{}, err
	}
	server, err := e.issuer.issue("server", x509.ExtKeyUsageServerAuth)
	if err != nil {
		return encryption{}, err
	}
	e.tls = &tls.Config{Certificates: []tls.Certificate{server}, MinVersion: tls.VersionTLS12}
	if kind == "certificates" {
		e.trust, err = authority.NewTrust(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: e.issuer.Cert}), nil)
	}
	return e, err
}

// check is the gateway's test of a certificate; nil if meters sign in with passwords.
func (e encryption) check() func(*x509.Certificate) error {
	if e.trust == nil {
		return nil
	}
	return func(c *x509.Certificate) error { return e.trust.Check(c, time.Now()) }
}

// meterTLS is how a meter of the bench encrypts.
func (j Job) meterTLS(number string) (*tls.Config, error) {
	c := &tls.Config{InsecureSkipVerify: true} // the server made its certificate for this bench
	if j.Issuer == nil {
		return c, nil
	}
	own, err := j.Issuer.issue(number, x509.ExtKeyUsageClientAuth)
	c.Certificates = []tls.Certificate{own}
	return c, err
}
