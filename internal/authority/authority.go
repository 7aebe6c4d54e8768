// Package authority is the certificate authority of a closed network: it issues the server's certificate and those of meters, and
// revokes them. Start at [Create] and [Open]. A server that checks meters' certificates uses [Trust] and never the authority's key.
//
// The authority is a folder. Whoever reads its key can speak for every meter, so the folder belongs on a machine of its own. The list
// of issued certificates is written before the certificate, so that no certificate of this program is missing from it.
package authority

import (
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
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/atomicfile"
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
	backdated   = 5 * time.Minute // a machine whose clock is a little behind takes a new certificate
	serialBytes = 16
)

// Errors of an authority.
var (
	ErrExists  = errors.New("exists already")
	ErrUnknown = errors.New("no certificate of this authority")
	ErrBusy    = errors.New("another command is changing the authority")
	ErrTooLong = errors.New("would outlive the authority")
	ErrHost    = errors.New("is not a name or address of a server")
	ErrTwice   = errors.New("is named twice")
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
	files, err := pair(CertFile, keyFile, der, key)
	if err != nil {
		return nil, err
	}
	revoked, err := a.revokedList(nil)
	if err != nil {
		return nil, err
	}
	files = append(files, atomicfile.File{Name: RevokedFile, Mode: private, Content: revoked})
	err = writeNew(dir, files, func() error {
		if _, err := os.Lstat(filepath.Join(dir, listFile)); err == nil {
			return fmt.Errorf("%s %w", filepath.Join(dir, listFile), ErrExists)
		}
		return nil
	})
	return a, err
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
}

// Issue makes a key and its certificate for each order, and writes both as NAME.pem and NAME.key into the folder out. It overwrites nothing.
// Either all files appear or none. The list is written before the first of them.
func (a *Authority) Issue(out string, orders ...Order) (entries []Entry, err error) {
	var files []atomicfile.File
	for i, o := range orders {
		if slices.ContainsFunc(orders[:i], func(other Order) bool { return other.Name == o.Name }) {
			return nil, fmt.Errorf("%s %w", o.Name, ErrTwice) // both would be the same files
		}
		e, written, err := a.certify(o)
		if err != nil {
			return nil, err
		}
		entries = append(entries, e)
		files = append(files, written...)
	}
	err = a.locked(func() error {
		return writeNew(out, files, func() error { return a.append(entries...) })
	})
	if err != nil {
		return nil, err
	}
	return entries, nil
}

// certify makes a key and its certificate in memory.
func (a *Authority) certify(o Order) (e Entry, files []atomicfile.File, err error) {
	form, err := form(o.Name, o.Lasts, a.now)
	if err != nil {
		return Entry{}, nil, err
	}
	if form.NotAfter.After(a.cert.NotAfter) {
		return Entry{}, nil, fmt.Errorf("a certificate until %s %w, which ends on %s", day(form.NotAfter), ErrTooLong, day(a.cert.NotAfter))
	}
	form.KeyUsage, form.ExtKeyUsage = x509.KeyUsageDigitalSignature, []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	if o.Kind == Server {
		form.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
		for _, h := range o.Hosts {
			if err := checkHost(h); err != nil {
				return Entry{}, nil, err
			}
			if ip := net.ParseIP(h); ip != nil {
				form.IPAddresses = append(form.IPAddresses, ip)
			} else {
				form.DNSNames = append(form.DNSNames, h)
			}
		}
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return Entry{}, nil, fault.Wrap(err, "make a key")
	}
	der, err := x509.CreateCertificate(rand.Reader, form, a.cert, key.Public(), a.key)
	if err != nil {
		return Entry{}, nil, fault.Wrap(err, "sign the certificate")
	}
	e = Entry{Serial: serialText(form.SerialNumber), Kind: o.Kind, Name: o.Name, At: a.now, Until: form.NotAfter, By: o.By}
	files, err = pair(o.Name+".pem", o.Name+".key", der, key)
	return e, files, err
}

// Revoke ends certificates: that of a serial number, in hexadecimal digits that colons may separate, or all of a name that still count. It signs the list of revoked certificates
// again, of which every server needs the new copy.
func (a *Authority) Revoke(what, by, reason string) (ended []Entry, err error) {
	serial := strings.ToLower(strings.ReplaceAll(what, ":", ""))
	isMeant := func(e Entry) bool { return e.Serial == serial || e.Name == what }
	err = a.locked(func() error {
		all, err := a.List()
		if err != nil {
			return err
		}
		for i, e := range all {
			if isMeant(e) && e.Revoked == nil {
				end := a.now
				all[i].Revoked, all[i].RevokedBy, all[i].Reason = &end, by, reason
				ended = append(ended, all[i])
			}
		}
		if len(ended) == 0 {
			// A command that was killed may have changed the list, and not the file for the servers.
			if ended, err = a.unpublished(isMeant, all); err != nil {
				return err
			}
			if len(ended) == 0 {
				return fmt.Errorf("%s: %w, or it is revoked already", what, ErrUnknown)
			}
			return a.writeRevoked(all)
		}
		if err := a.append(ended...); err != nil {
			return err
		}
		return a.writeRevoked(all)
	})
	return ended, err
}

// unpublished returns the meant certificates that are revoked in the list and not in the file for the servers.
func (a *Authority) unpublished(isMeant func(Entry) bool, all []Entry) (out []Entry, err error) {
	text, err := os.ReadFile(filepath.Join(a.dir, RevokedFile))
	if err != nil {
		return nil, fault.Wrap(err, "read the list of revoked certificates")
	}
	published, err := revocationsOf(text)
	if err != nil {
		return nil, fault.Wrap(err, "read the list of revoked certificates")
	}
	for _, e := range all {
		isPublished := slices.ContainsFunc(published.RevokedCertificateEntries, func(r x509.RevocationListEntry) bool {
			return serialText(r.SerialNumber) == e.Serial
		})
		if isMeant(e) && e.Revoked != nil && !isPublished {
			out = append(out, e)
		}
	}
	return out, nil
}

// writeRevoked signs the list of revoked certificates and replaces the file at once.
func (a *Authority) writeRevoked(all []Entry) error {
	text, err := a.revokedList(all)
	if err != nil {
		return err
	}
	return fault.Wrap(atomicfile.WriteFile(filepath.Join(a.dir, RevokedFile), private, atomicfile.Content(text)), "write the list of revoked certificates")
}

// revokedList signs the list of revoked certificates. Its number is the time, and rises.
func (a *Authority) revokedList(all []Entry) ([]byte, error) {
	list := &x509.RevocationList{ThisUpdate: a.now, NextUpdate: a.cert.NotAfter, Number: big.NewInt(a.now.UnixMilli())}
	if old, err := os.ReadFile(filepath.Join(a.dir, RevokedFile)); err == nil {
		before, err := revocationsOf(old)
		if err != nil {
			return nil, fault.Wrap(err, "read the earlier list of revoked certificates")
		}
		if before.Number.Cmp(list.Number) >= 0 {
			list.Number = new(big.Int).Add(before.Number, big.NewInt(1))
		}
	}
	for _, e := range all {
		if e.Revoked != nil {
			n, ok := new(big.Int).SetString(e.Serial, 16)
			if !ok {
				return nil, fmt.Errorf("%s: the serial number %s is not hexadecimal", listFile, e.Serial)
			}
			list.RevokedCertificateEntries = append(list.RevokedCertificateEntries, x509.RevocationListEntry{SerialNumber: n, RevocationTime: *e.Revoked})
		}
	}
	der, err := x509.CreateRevocationList(rand.Reader, list, a.cert, a.key)
	if err != nil {
		return nil, fault.Wrap(err, "sign the list of revoked certificates")
	}
	return encode("X509 CRL", der), nil
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

// pair returns the files of a key and its certificate, the key first.
func pair(certFile, keyFile string, der []byte, key *ecdsa.PrivateKey) ([]atomicfile.File, error) {
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fault.Wrap(err, "write the key")
	}
	return []atomicfile.File{
		{Name: keyFile, Mode: private, Content: encode("PRIVATE KEY", secret)},
		{Name: certFile, Mode: private, Content: encode("CERTIFICATE", der)},
	}, nil
}

func encode(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

func serialText(n *big.Int) string { return hex.EncodeToString(n.Bytes()) }

func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }

// known reports whether this program issues such certificates.
func (k Kind) known() bool { return slices.Contains([]Kind{Server, Meter}, k) }

// certificateOf reads a PEM file with one certificate.
func certificateOf(text []byte) (*x509.Certificate, error) {
	blocks, err := blocksOf(text, "CERTIFICATE")
	if err != nil {
		return nil, err
	}
	if len(blocks) != 1 {
		return nil, fmt.Errorf("there are %d certificates in it, want 1", len(blocks))
	}
	return x509.ParseCertificate(blocks[0])
}

// hostName is a DNS name: labels of letters, digits and hyphens, the first of which may be a star.
var hostName = regexp.MustCompile(`^(\*\.)?([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)*[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$`)

// onlyDigits is the last label of something like 10.0.0.300, which is neither an address nor a name.
var onlyDigits = regexp.MustCompile(`(^|\.)[0-9]+$`)

// checkHost refuses what no client would compare with the name or address that it connects to, such as an URL, a port or a network.
func checkHost(h string) error {
	const longest = 253
	if net.ParseIP(h) != nil || len(h) <= longest && hostName.MatchString(h) && !onlyDigits.MatchString(h) {
		return nil
	}
	return fmt.Errorf("%q %w", h, ErrHost)
}
