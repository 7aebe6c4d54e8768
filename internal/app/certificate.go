package app

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/paywatt/paywatt/internal/logkey"
)

// certificateEvery is how often the server looks whether the certificate files have changed.
const certificateEvery = 10 * time.Second

// certificate is the server's certificate, which is read again when its files change. Connections made before keep the old one.
type certificate struct {
	certFile, keyFile string

	mu            sync.Mutex
	certPEM, priv []byte
	pair          *tls.Certificate
}

// openCertificate reads the certificate for the first time.
func openCertificate(certFile, keyFile string) (*certificate, error) {
	c := &certificate{certFile: certFile, keyFile: keyFile}
	if _, err := c.reload(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCertificate, err)
	}
	return c, nil
}

// reload reads the files. If they have changed and belong together, new connections get the new certificate. After an error the old one
// stays in use.
func (c *certificate) reload() (changed bool, err error) {
	certPEM, err := os.ReadFile(c.certFile)
	if err != nil {
		return false, err
	}
	priv, err := os.ReadFile(c.keyFile)
	if err != nil {
		return false, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if bytes.Equal(certPEM, c.certPEM) && bytes.Equal(priv, c.priv) {
		return false, nil
	}
	pair, err := tls.X509KeyPair(certPEM, priv)
	if err != nil {
		return false, fmt.Errorf("load %s and %s: %w", c.certFile, c.keyFile, err)
	}
	c.certPEM, c.priv, c.pair = certPEM, priv, &pair
	return true, nil
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

// watchCertificate reads the certificate again when its files change, until ctx ends. A half-written file is an error for one look.
func (a *App) watchCertificate(ctx context.Context) error {
	if a.certificate == nil {
		return nil
	}
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
		}
	})
}
