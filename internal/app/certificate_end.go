package app

import (
	"context"
	"crypto/x509"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/alarmtext"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/store"
)

// CertificateEnd is the end of a certificate that the server uses.
type CertificateEnd struct {
	Of        string // its file, and for an authority its name
	At        time.Time
	lasts     time.Duration // from its beginning to its end
	authority bool
}

func (e CertificateEnd) String() string {
	return e.Of + " " + e.At.UTC().Format("2006-01-02 15:04 UTC")
}

// endWarning is how urgent the end of a certificate is.
type endWarning int

// The warnings.
const (
	noWarning endWarning = iota
	monthLeft
	weekLeft
	dayLeft
	ended
)

// warning says how urgent the end is: 30, 7 and 1 days before, but never while more than a third of the certificate's life is left.
// Certificates that a program renews every few weeks are renewed before that.
func (e CertificateEnd) warning(now time.Time) endWarning {
	const day = 24 * time.Hour
	left, most := e.At.Sub(now), e.lasts/3
	switch {
	case left <= 0:
		return ended
	case left <= min(day, most):
		return dayLeft
	case left <= min(7*day, most):
		return weekLeft
	case left <= min(30*day, most):
		return monthLeft
	}
	return noWarning
}

// Soon reports whether somebody should replace the certificate now, and Over whether it has ended.
func (e CertificateEnd) Soon(now time.Time) bool { return e.warning(now) > noWarning }
func (e CertificateEnd) Over(now time.Time) bool { return e.warning(now) == ended }

// ends lists the ends of the server's certificate and of the authorities.
func (c *certificate) ends() (all []CertificateEnd) {
	c.mu.Lock()
	defer c.mu.Unlock()
	first := CertificateEnd{Of: c.certFile}
	for _, der := range c.pair.Certificate { // an intermediate certificate may end before the server's own
		cert, err := x509.ParseCertificate(der)
		if err == nil && (first.At.IsZero() || cert.NotAfter.Before(first.At)) {
			first.At, first.lasts = cert.NotAfter, cert.NotAfter.Sub(cert.NotBefore)
		}
	}
	all = append(all, first)
	if c.trust != nil {
		for _, m := range c.trust.Members() {
			all = append(all, CertificateEnd{Of: c.caFile + ": " + m.Name, At: m.Until, lasts: m.Until.Sub(m.Since), authority: true})
		}
	}
	return all
}

// endedAuthorities counts the authorities that have ended.
func endedAuthorities(ends []CertificateEnd, now time.Time) (n int) {
	for _, e := range ends {
		if e.authority && e.Over(now) {
			n++
		}
	}
	return n
}

// CertificateEnds reads a certificate and its key, and the files of the meters' authorities if there are any, as the server of a data folder
// does when it starts. It changes no file. It lists the ends of the certificates.
func CertificateEnds(data, certFile, keyFile, caFile, revokedFile string) ([]CertificateEnd, error) {
	c, err := openCertificate(Config{Data: data, TLSCert: certFile, TLSKey: keyFile, MeterCA: caFile, MeterRevoked: revokedFile})
	if err != nil {
		return nil, err
	}
	return c.ends(), nil
}

// Alarms of the server about certificates.
const (
	alarmCertificateEnds     metering.AlarmCode = "certificate-ends"
	alarmCertificateUnusable metering.AlarmCode = "certificate-unusable"
)

// certificateAlarmsOf decides which alarms of a server about certificates should be open; those without a text should not. An older version stored
// alarms of one of several servers without its name: these should not be open either.
func certificateAlarmsOf(server string, ends []CertificateEnd, problem error, now time.Time) []metering.Alarm {
	end, unusable := metering.Alarm{Code: alarmCertificateEnds, Server: server}, metering.Alarm{Code: alarmCertificateUnusable, Server: server}
	var soon []string
	for _, e := range ends {
		if e.Soon(now) {
			soon = append(soon, e.String())
		}
	}
	if len(soon) > 0 {
		end.Text = alarmtext.CertificateEnds(strings.Join(soon, ", "))
	}
	if problem != nil {
		unusable.Text = alarmtext.CertificateUnusable(strings.ReplaceAll(problem.Error(), "\n", "; "))
	}
	if server == "" {
		return []metering.Alarm{end, unusable}
	}
	return []metering.Alarm{end, unusable, {Code: alarmCertificateEnds}, {Code: alarmCertificateUnusable}}
}

// raise opens and ends the alarms. At the first look it also ends those that an earlier run of the server left open.
func (w *certificateWatch) raise(ctx context.Context, want []metering.Alarm, now time.Time) {
	if !w.stored.mustStore(want, now) {
		return
	}
	err := w.engine.Run(ctx, tenant, store.Job, func(tx *store.Tx) (bool, error) { return false, putAlarms(tx, want) })
	if err == nil {
		w.stored = storedAlarms{want, now}
	}
	w.warn(ctx, "alarms about certificates not stored", err)
}
