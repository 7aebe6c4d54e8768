// Package authority is the certificate authority of a closed network: it issues the server's certificate and those of meters, and
// revokes them. Start at [Create] and [Open]. A server that checks meters' certificates uses [Trust] and never the authority's key.
//
// The authority is a folder. Whoever reads its key can speak for every meter, so the folder belongs on a machine of its own. The list
// of issued certificates is written before the certificate, so that no certificate of this program is missing from it.
package authority

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/paywatt/paywatt/internal/fault"
)

// Files of an authority's folder.
const (
	CertFile    = "ca.pem"       // the authority's certificate: servers and meters need a copy
	RevokedFile = "revoked.pem"  // the signed list of revoked certificates: servers need a copy
	keyFile     = "ca.key"       // the private key, which never leaves the folder
	listFile    = "issued.jsonl" // a line for each certificate and each revocation
	lockFile    = "ca.lock"      // held while the folder is being changed
	private     = fs.FileMode(0o600)
	privateDir  = fs.FileMode(0o700)
	backdated   = 5 * time.Minute // a machine whose clock is a little behind takes a new certificate
	serialBytes = 16
)

// Errors of an authority.
var (
	ErrExists  = errors.New("exists already")
	ErrUnknown = errors.New("no certificate of this authority")
	ErrBusy    = errors.New("another command is changing the authority")
	ErrTooLong = errors.New("would outlive the authority")
)

// Kind is what a certificate is for.
type Kind string

// Kinds of certificates. A certificate of one kind is refused in the place of the other.
const (
	Server Kind = "server"
	Meter  Kind = "meter"
)

// Authority is an open folder. Its methods may be called from several processes: a lock file orders them.
type Authority struct {
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	now  time.Time
}

// Create makes an authority in a new or empty folder. It overwrites nothing.
func Create(dir, name string, lasts time.Duration, now time.Time) (*Authority, error) {
	if err := os.MkdirAll(dir, privateDir); err != nil {
		return nil, fault.Wrap(err, "make the folder")
	}
	for _, f := range []string{CertFile, keyFile, listFile, RevokedFile} {
		if _, err := os.Lstat(filepath.Join(dir, f)); err == nil {
			return nil, fmt.Errorf("%s %w", filepath.Join(dir, f), ErrExists)
		}
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fault.Wrap(err, "make a key")
	}
	form, err := form(name, lasts, now)
	if err != nil {
		return nil, err
	}
	form.IsCA, form.MaxPathLenZero, form.KeyUsage = true, true, x509.KeyUsageCertSign|x509.KeyUsageCRLSign
	der, err := x509.CreateCertificate(rand.Reader, form, form, key.Public(), key)
	if err != nil {
		return nil, fault.Wrap(err, "sign the authority's certificate")
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fault.Wrap(err, "read the authority's certificate")
	}
	a := &Authority{dir: dir, cert: cert, key: key, now: now}
	if err := a.writePair(filepath.Join(dir, CertFile), filepath.Join(dir, keyFile), der, key); err != nil {
		return nil, err
	}
	return a, a.writeRevoked(nil)
}

// Open reads an authority.
func Open(dir string, now time.Time) (*Authority, error) {
	certPEM, err := os.ReadFile(filepath.Join(dir, CertFile))
	if err != nil {
		return nil, fault.Wrap(err, "read the authority's certificate")
	}
	keyPEM, err := os.ReadFile(filepath.Join(dir, keyFile))
	if err != nil {
		return nil, fault.Wrap(err, "read the authority's key")
	}
	cert, err := certificateOf(certPEM)
	if err != nil {
		return nil, fault.Wrap(err, "read %s", CertFile)
	}
	block, _ := pem.Decode(keyPEM)
	if block == nil {
		return nil, fmt.Errorf("%s holds no private key", keyFile)
	}
	any, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fault.Wrap(err, "read %s", keyFile)
	}
	key, ok := any.(*ecdsa.PrivateKey)
	if !ok || !key.PublicKey.Equal(cert.PublicKey) {
		return nil, fmt.Errorf("%s does not belong to %s", keyFile, CertFile)
	}
	return &Authority{dir: dir, cert: cert, key: key, now: now}, nil
}

// Cert returns the authority's certificate.
func (a *Authority) Cert() *x509.Certificate { return a.cert }

// Order is what a new certificate shall say.
type Order struct {
	Kind  Kind
	Name  string   // the meter's number, or the server's first name
	Hosts []string // names and addresses of a server
	Lasts time.Duration
	By    string // who orders it, for the list
	Out   string // folder of the two files
}

// Issue makes a key and its certificate, and writes both as NAME.pem and NAME.key. It overwrites nothing. The list is written first.
func (a *Authority) Issue(o Order) (e Entry, err error) {
	certFile, keyFile := filepath.Join(o.Out, o.Name+".pem"), filepath.Join(o.Out, o.Name+".key")
	for _, f := range []string{certFile, keyFile} {
		if _, err := os.Lstat(f); err == nil {
			return Entry{}, fmt.Errorf("%s %w", f, ErrExists)
		}
	}
	form, err := form(o.Name, o.Lasts, a.now)
	if err != nil {
		return Entry{}, err
	}
	if form.NotAfter.After(a.cert.NotAfter) {
		return Entry{}, fmt.Errorf("a certificate until %s %w, which ends on %s", day(form.NotAfter), ErrTooLong, day(a.cert.NotAfter))
	}
	form.KeyUsage, form.ExtKeyUsage = x509.KeyUsageDigitalSignature, []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	if o.Kind == Server {
		form.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
		for _, h := range o.Hosts {
			if ip := net.ParseIP(h); ip != nil {
				form.IPAddresses = append(form.IPAddresses, ip)
			} else {
				form.DNSNames = append(form.DNSNames, h)
			}
		}
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return Entry{}, fault.Wrap(err, "make a key")
	}
	der, err := x509.CreateCertificate(rand.Reader, form, a.cert, key.Public(), a.key)
	if err != nil {
		return Entry{}, fault.Wrap(err, "sign the certificate")
	}
	e = Entry{Serial: serialText(form.SerialNumber), Kind: o.Kind, Name: o.Name, At: a.now, Until: form.NotAfter, By: o.By}
	err = a.locked(func() error {
		if err := a.append(e); err != nil {
			return err
		}
		if err := os.MkdirAll(o.Out, privateDir); err != nil {
			return fault.Wrap(err, "make the folder")
		}
		return a.writePair(certFile, keyFile, der, key)
	})
	return e, err
}

// Revoke ends certificates: that of a serial number, or all of a name that still count. It signs the list of revoked certificates
// again, of which every server needs the new copy.
func (a *Authority) Revoke(what, by, reason string) (ended []Entry, err error) {
	err = a.locked(func() error {
		all, err := a.List()
		if err != nil {
			return err
		}
		for i, e := range all {
			if (e.Serial == what || e.Name == what) && e.Revoked == nil {
				end := a.now
				all[i].Revoked, all[i].RevokedBy, all[i].Reason = &end, by, reason
				ended = append(ended, all[i])
			}
		}
		if len(ended) == 0 {
			return fmt.Errorf("%s: %w, or it is revoked already", what, ErrUnknown)
		}
		for _, e := range ended {
			if err := a.append(e); err != nil {
				return err
			}
		}
		return a.writeRevoked(all)
	})
	return ended, err
}

// writeRevoked signs the list of revoked certificates and replaces the file at once. Its number is the time, and rises.
func (a *Authority) writeRevoked(all []Entry) error {
	list := &x509.RevocationList{ThisUpdate: a.now, NextUpdate: a.cert.NotAfter, Number: big.NewInt(a.now.UnixMilli())}
	if old, err := os.ReadFile(filepath.Join(a.dir, RevokedFile)); err == nil {
		before, err := revocationsOf(old)
		if err != nil {
			return fault.Wrap(err, "read the earlier list of revoked certificates")
		}
		if before.Number.Cmp(list.Number) >= 0 {
			list.Number = new(big.Int).Add(before.Number, big.NewInt(1))
		}
	}
	for _, e := range all {
		if e.Revoked != nil {
			n, ok := new(big.Int).SetString(e.Serial, 16)
			if !ok {
				return fmt.Errorf("%s: the serial number %s is not hexadecimal", listFile, e.Serial)
			}
			list.RevokedCertificateEntries = append(list.RevokedCertificateEntries, x509.RevocationListEntry{SerialNumber: n, RevocationTime: *e.Revoked})
		}
	}
	der, err := x509.CreateRevocationList(rand.Reader, list, a.cert, a.key)
	if err != nil {
		return fault.Wrap(err, "sign the list of revoked certificates")
	}
	return replace(filepath.Join(a.dir, RevokedFile), encode("X509 CRL", der))
}

// form is what all certificates have in common.
func form(name string, lasts time.Duration, now time.Time) (*x509.Certificate, error) {
	serial := make([]byte, serialBytes)
	if _, err := rand.Read(serial); err != nil {
		return nil, fault.Wrap(err, "make a serial number")
	}
	serial[0] = serial[0]&0x7f | 0x40 // positive, and always as long
	return &x509.Certificate{SerialNumber: new(big.Int).SetBytes(serial), Subject: pkix.Name{CommonName: name},
		NotBefore: now.Add(-backdated), NotAfter: now.Add(lasts), BasicConstraintsValid: true}, nil
}

// writePair writes the key, then the certificate.
func (a *Authority) writePair(certFile, keyFile string, der []byte, key *ecdsa.PrivateKey) error {
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return fault.Wrap(err, "write the key")
	}
	if err := writeNew(keyFile, encode("PRIVATE KEY", secret)); err != nil {
		return err
	}
	return writeNew(certFile, encode("CERTIFICATE", der))
}

func encode(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

func serialText(n *big.Int) string { return hex.EncodeToString(n.Bytes()) }

func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }

// known reports whether this program issues such certificates.
func (k Kind) known() bool { return slices.Contains([]Kind{Server, Meter}, k) }

// certificateOf reads the first certificate of a PEM file.
func certificateOf(text []byte) (*x509.Certificate, error) {
	block, _ := pem.Decode(bytes.TrimSpace(text))
	if block == nil || block.Type != "CERTIFICATE" {
		return nil, errors.New("there is no certificate in it")
	}
	return x509.ParseCertificate(block.Bytes)
}
