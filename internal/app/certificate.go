package app

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"os"
	"sync"
	"time"

	"github.com/paywatt/paywatt/internal/authority"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/keystore"
	"github.com/paywatt/paywatt/internal/logkey"
)

// Times of the watch over certificates.
const (
	certificateEvery = 10 * time.Second // how often the server looks whether the files have changed
	sayAgain         = time.Hour        // how often the log says again that files cannot be used
)

// certificate is the server's certificate, and which certificates of meters count. There are three parts: the certificate with its key, the
// authorities of the meters, and their lists of revoked certificates. Each is judged for itself, at the start and at every later look by
// the same rules. A part that cannot be used leaves the earlier one in use.
type certificate struct {
	data                string // the data folder, which has the numbers of the newest lists
	certFile, keyFile   string
	caFile, revokedFile string // of the meters' authorities; empty for none

	mu    sync.Mutex
	files [4][]byte // what is in use, in the order of the names above
	pair  *tls.Certificate
	trust *authority.Trust // which certificates of meters count; nil for none
	bad   bool             // the last look found files that cannot be used

	folderNumbers authority.Newest // the numbers of the newest lists, as the data folder has them
	folderErr     error            // why they could not be read there
}

// openCertificate reads all parts for the first time. It writes nothing, see [certificate.keepNewestLists].
func openCertificate(f Config) (*certificate, error) {
	c := &certificate{data: f.Data, certFile: f.TLSCert, keyFile: f.TLSKey, caFile: f.MeterCA, revokedFile: f.MeterRevoked}
	if _, err := c.reload(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCertificate, err)
	}
	return c, nil
}

// reload looks at all files, and takes each part that has changed and can be used. New connections are judged by what is in use then. The
// error says which parts cannot be used.
func (c *certificate) reload() (changed bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	newPair, err1 := c.reloadPair()
	newTrust, err2 := c.reloadTrust()
	err = errors.Join(err1, err2)
	c.bad = err != nil
	return newPair || newTrust, err
}

// unusable reports whether the last look found files that cannot be used.
func (c *certificate) unusable() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.bad
}

// reloadPair takes the certificate with its key.
func (c *certificate) reloadPair() (changed bool, err error) {
	if err := keystore.CheckPrivate(c.keyFile); err != nil {
		return false, fmt.Errorf("key of the server's certificate: %w", err)
	}
	cert, err1 := os.ReadFile(c.certFile)
	key, err2 := os.ReadFile(c.keyFile)
	if err := errors.Join(err1, err2); err != nil {
		return false, err
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return false, fmt.Errorf("load %s and %s: %w", c.certFile, c.keyFile, err)
	}
	if c.pair != nil && bytes.Equal(cert, c.files[0]) && bytes.Equal(key, c.files[1]) {
		return false, nil
	}
	c.files[0], c.files[1], c.pair = cert, key, &pair
	return true, nil
}

// reloadTrust takes the authorities, and then the lists. A list is judged by the authorities in use. It is never replaced by an older one, nor
// by one that is older than the newest that any run of the server has used.
func (c *certificate) reloadTrust() (changed bool, err error) {
	if c.caFile == "" {
		return false, nil
	}
	next := c.trust
	if next == nil {
		next = new(authority.Trust)
	}
	c.folderNumbers, c.folderErr = readNewestLists(c.data)
	next = next.WithNewest(c.folderNumbers)
	take := func(at int, name string, read func([]byte) (*authority.Trust, error)) error {
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		taken, err := read(text)
		if err != nil {
			return fmt.Errorf("load %s: %w", name, err)
		}
		next, changed = taken, changed || !bytes.Equal(text, c.files[at])
		c.files[at] = text
		return nil
	}
	err = take(2, c.caFile, next.WithAuthorities)
	if c.revokedFile != "" {
		err = errors.Join(err, take(3, c.revokedFile, next.WithLists))
	}
	c.trust = next
	return changed, err
}

// keepNewestLists writes the numbers of the newest lists into the data folder, unless they are there. It returns why the earlier ones could not be
// read, or these not be written.
func (c *certificate) keepNewestLists() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.trust == nil || c.folderErr == nil && maps.EqualFunc(c.folderNumbers, c.trust.Newest(), equalNumbers) {
		return nil
	}
	return errors.Join(c.folderErr, fault.Wrap(writeNewestLists(c.data, c.trust.Newest()), "write the numbers of the newest lists of revoked certificates"))
}

func equalNumbers(a, b *big.Int) bool { return a.Cmp(b) == 0 }

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
func (a *App) Reload() { ring(a.reload) }

// sayTrust logs whose certificates meters may sign in with.
func (a *App) sayTrust() {
	trust := a.certificate.trusted()
	if trust == nil {
		return
	}
	for _, m := range trust.Members() {
		a.log.Info("meters may sign in with certificates of this authority", logkey.Path, a.c.MeterCA, logkey.Serial, m.Fingerprint, logkey.Count, m.Revoked)
	}
}

// watchCertificate reads the files again when they change, until ctx ends, and watches the ends of the certificates.
func (a *App) watchCertificate(ctx context.Context) error {
	watch := certificateWatch{App: a}
	if a.certificate == nil { // an earlier run may have had one, and left an alarm open
		return every(ctx, a.c.CertificateEvery, nil, func() {
			now := a.c.Now()
			watch.raise(ctx, certificateAlarmsOf(a.name, nil, nil, now), now)
		})
	}
	a.sayTrust()
	return every(ctx, a.c.CertificateEvery, a.reload, func() { watch.look(ctx) })
}

// certificateWatch is what the watch has said already.
type certificateWatch struct {
	*App
	problem   string // why files cannot be used; empty if all can
	problemAt time.Time
	numbers   string                // why the numbers of the newest lists could not be read or written; empty if they could
	warned    map[string]endWarning // by the name of the certificate and its end
	stored    storedAlarms
	ended     int // how many authorities had ended
}

// look does one round of the watch.
func (w *certificateWatch) look(ctx context.Context) {
	now := w.c.Now()
	changed, err := w.certificate.reload()
	if changed {
		w.log.Info("new certificate in use")
		w.sayTrust()
	}
	w.sayProblem(err, now)
	w.rememberLists()
	ends := w.certificate.ends()
	w.sayEnds(ends, now)
	if ended := endedAuthorities(ends, now); changed || ended != w.ended {
		w.ended = ended
		w.gateway.Recheck()
	} else {
		w.gateway.RecheckEnded()
	}
	w.raise(ctx, certificateAlarmsOf(w.name, ends, err, now), now)
}

// sayProblem logs that files cannot be used: at once, and again while it lasts.
func (w *certificateWatch) sayProblem(err error, now time.Time) {
	if err == nil {
		if w.problem != "" {
			w.log.Info("all files of certificates can be used again")
		}
		w.problem = ""
		return
	}
	if err.Error() != w.problem || now.Sub(w.problemAt) >= sayAgain {
		w.problem, w.problemAt = err.Error(), now
		w.log.Error("files of certificates cannot be used, what was read before stays in use", logkey.Err, err)
	}
}

// rememberLists writes the numbers of the newest lists. It logs each new cause of a failure once, because the next look tries again.
func (w *certificateWatch) rememberLists() {
	problem := ""
	if err := w.certificate.keepNewestLists(); err != nil {
		problem = err.Error()
		if problem != w.numbers {
			w.log.Warn("numbers of the newest lists of revoked certificates not kept in the data folder", logkey.Err, err)
		}
	}
	w.numbers = problem
}

// sayEnds logs each warning about the end of a certificate once.
func (w *certificateWatch) sayEnds(ends []CertificateEnd, now time.Time) {
	said := map[string]endWarning{}
	for _, e := range ends {
		name := e.String()
		said[name] = e.warning(now)
		if said[name] > w.warned[name] {
			w.log.Warn("a certificate ends", logkey.Path, e.Of, logkey.Until, e.At.UTC().Format(time.RFC3339))
		}
	}
	w.warned = said
}
