package app

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/paywatt/paywatt/internal/authority"
	"github.com/paywatt/paywatt/internal/logkey"
)

// certificateEvery is how often the server looks whether the certificate files have changed.
const certificateEvery = 10 * time.Second

// certificate is the server's certificate, and which certificates of meters count. Both are read again when their files change.
// Connections made before keep the server's old certificate; those of meters whose certificate no longer counts are ended.
type certificate struct {
	certFile, keyFile   string
	caFile, revokedFile string // of the meters' authority; empty for none

	mu    sync.Mutex
	files [4][]byte // what was read last, in the order of the names above
	pair  *tls.Certificate
	trust *authority.Trust // which certificates of meters count; nil for none
}

// openCertificate reads the certificate for the first time.
func openCertificate(f Config) (*certificate, error) {
	c := &certificate{certFile: f.TLSCert, keyFile: f.TLSKey, caFile: f.MeterCA, revokedFile: f.MeterRevoked}
	if _, err := c.reload(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCertificate, err)
	}
	return c, nil
}

// reload reads the files. If they have changed and belong together, new connections are judged by the new ones. After an error all the
// old ones stay in use. A list of revoked certificates is never replaced by an older one.
func (c *certificate) reload() (changed bool, err error) {
	var files [4][]byte
	for i, name := range [...]string{c.certFile, c.keyFile, c.caFile, c.revokedFile} {
		if name == "" {
			continue
		}
		if files[i], err = os.ReadFile(name); err != nil {
			return false, err
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if slices.EqualFunc(files[:], c.files[:], bytes.Equal) {
		return false, nil
	}
	pair, err := tls.X509KeyPair(files[0], files[1])
	if err != nil {
		return false, fmt.Errorf("load %s and %s: %w", c.certFile, c.keyFile, err)
	}
	var trust *authority.Trust
	if c.caFile != "" {
		if trust, err = authority.NewTrust(files[2], files[3]); err == nil {
			err = trust.Follows(c.trust)
		}
		if err != nil {
			return false, fmt.Errorf("load %s %s: %w", c.caFile, c.revokedFile, err)
		}
	}
	c.files, c.pair, c.trust = files, &pair, trust
	return true, nil
}

// trusted returns which certificates of meters count now.
func (c *certificate) trusted() *authority.Trust {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.trust
}

// trusts says why a meter's certificate does not count, or returns nil.
func (a *App) trusts(leaf *x509.Certificate) error {
	return a.certificate.trusted().Check(leaf, a.c.Now())
}

// config returns the settings of every listener that encrypts.
func (c *certificate) config() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.pair, nil
	}}
}

// Reload makes the server look at once whether the files of its certificate have changed.
func (a *App) Reload() {
	select {
	case a.reload <- struct{}{}:
	default: // somebody has asked already
	}
}

// sayTrust logs whose certificates meters may sign in with.
func (a *App) sayTrust() {
	if t := a.certificate.trusted(); t != nil {
		a.log.Info("meters may sign in with certificates of this authority", logkey.Path, a.c.MeterCA, logkey.Serial, t.Fingerprint(), logkey.Count, t.Revoked())
	}
}

// watchCertificate reads the certificate again when its files change, until ctx ends. A half-written file is an error for one look.
func (a *App) watchCertificate(ctx context.Context) error {
	if a.certificate == nil {
		return nil
	}
	a.sayTrust()
	said := ""
	return every(ctx, a.c.CertificateEvery, a.reload, func() {
		changed, err := a.certificate.reload()
		switch {
		case err != nil && err.Error() != said:
			said = err.Error()
			a.log.Error("new certificate not used, the old one stays in use", logkey.Err, err)
		case err == nil:
			said = ""
		}
		if changed {
			a.log.Info("new certificate in use")
			a.sayTrust()
			a.gateway.Recheck()
		}
	})
}
