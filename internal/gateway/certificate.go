package gateway

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/paywatt/paywatt/internal/logkey"
)

// errCertificate ends a connection whose certificate does not count.
var errCertificate = errors.New("the client's certificate is refused")

// withCertificates lets clients show a certificate, which trust then checks. It is asked about a resumed connection too, so that an old
// ticket does not outlive a revocation. A client without a certificate signs in with its password.
func withCertificates(c *tls.Config, trust func(*x509.Certificate) error) *tls.Config {
	if trust == nil {
		return c
	}
	c = c.Clone()
	c.ClientAuth = tls.RequestClientCert
	c.VerifyConnection = func(s tls.ConnectionState) error {
		if len(s.PeerCertificates) == 0 {
			return nil
		}
		leaf := s.PeerCertificates[0]
		if err := trust(leaf); err != nil {
			return fmt.Errorf("%w: number %s of %s: %w", errCertificate, serialOf(leaf), clean(leaf.Subject.CommonName), err)
		}
		return nil
	}
	return c
}

// certificate returns the certificate that the client has shown and that counted then; nil if it has shown none.
func (c *conn) certificate() *x509.Certificate {
	encrypted, ok := c.Conn.(*tls.Conn)
	if !ok {
		return nil
	}
	all := encrypted.ConnectionState().PeerCertificates
	if len(all) == 0 {
		return nil
	}
	return all[0]
}

// Recheck ends the connections of meters whose certificate no longer counts.
func (g *Gateway) Recheck() {
	for _, s := range g.sessions() {
		g.recheck(s)
	}
}

// RecheckEnded ends the connections of meters whose certificate has ended meanwhile. It is quicker than Recheck.
func (g *Gateway) RecheckEnded() {
	for _, s := range g.sessions() {
		if cert := s.conn.certificate(); cert != nil && g.now().After(cert.NotAfter) {
			g.recheck(s)
		}
	}
}

// recheck ends the connection of a meter whose certificate does not count.
func (g *Gateway) recheck(s *session) {
	if g.c.Trust == nil {
		return
	}
	cert := s.conn.certificate()
	if cert == nil {
		return
	}
	if err := g.c.Trust(cert); err != nil {
		g.log.Warn("certificate no longer counts", logkey.Meter, s.who.Number, logkey.Serial, serialOf(cert), logkey.Err, err)
		s.end(byRevocation)
	}
}

func serialOf(c *x509.Certificate) string { return hex.EncodeToString(c.SerialNumber.Bytes()) }
