package app_test

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/client"
	"github.com/paywatt/paywatt/internal/app"
	"github.com/paywatt/paywatt/internal/authority"
	"github.com/paywatt/paywatt/internal/await"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/store"
)

// ended fails the test unless the server closes a connection.
func ended(t *testing.T, what string, conn *tls.Conn) {
	t.Helper()
	_ = conn.SetReadDeadline(time.Now().Add(await.Limit))
	for {
		if _, err := conn.Read(make([]byte, 64)); err != nil {
			if errors.Is(err, os.ErrDeadlineExceeded) {
				t.Fatalf("%s: after %v the connection still goes on: %s", await.NotInTime, await.Limit, what)
			}
			return
		}
	}
}

// TestAReplacedMeterSignsInNoMore: a swap ends the old meter's password and the use of its certificate, also on open connections.
func TestAReplacedMeterSignsInNoMore(t *testing.T) {
	c := config(t.TempDir())
	n := newNetwork(t, &c)
	a := start(t, c)
	run(t, a)
	var addr string
	addr, n.mqtt = a.Ready()
	const one, two, next, further = "04140001001", "04140001019", "04140001027", "04140001035"
	passwords := n.register(t, c.Data, addr, one, two)
	n.issue(t, authority.Meter, two)
	api := n.client(t, c.Data, addr)
	open := map[string]*tls.Conn{}
	for _, l := range []struct{ old, stock, cert, user, password string }{{one, next, "", one, passwords[0]}, {two, further, two, "", ""}} {
		conn, code, err := n.signIn(t, n.trusting(t, l.cert), l.old, l.user, l.password)
		if err != nil || code != 0 {
			t.Fatalf("%s: code %d, %v", l.old, code, err)
		}
		open[l.old] = conn
		if _, err := api.AddMeter(t.Context(), apiv1.NewMeter{Number: l.stock, Mode: "prepay_wallet", Tariff: "domestic", Status: "stock"}); err != nil {
			t.Fatal(err)
		}
		if _, err := api.SwapMeter(t.Context(), l.old, apiv1.NewSwap{NewMeter: l.stock, Reason: "stolen"}, ""); err != nil {
			t.Fatal(err)
		}
		ended(t, l.old, open[l.old])
		if _, code, err := n.signIn(t, n.trusting(t, l.cert), l.old, l.user, l.password); err != nil || code != 5 {
			t.Errorf("%s signs in after it was replaced: code %d, %v", l.old, code, err)
		}
	}
}

// TestAMeterWhoseCertificateEndsIsDisconnected, although nothing else happens.
func TestAMeterWhoseCertificateEndsIsDisconnected(t *testing.T) {
	c := config(t.TempDir())
	c.CertificateEvery = 20 * time.Millisecond
	n := newNetwork(t, &c)
	var ahead atomic.Int64
	c.Now = func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	a := start(t, c)
	run(t, a)
	var addr string
	addr, n.mqtt = a.Ready()
	const number = "04140001001"
	n.register(t, c.Data, addr, number)
	issued := n.issue(t, authority.Meter, number)
	conn, code, err := n.signIn(t, n.trusting(t, number), number, "", "")
	if err != nil || code != 0 {
		t.Fatalf("code %d, %v", code, err)
	}
	ahead.Store(int64(time.Until(issued.Until) + time.Minute))
	ended(t, "a certificate that has ended", conn)
}

// TestCertificatesOnly: the setting refuses every password.
func TestCertificatesOnly(t *testing.T) {
	c := config(t.TempDir())
	c.CertificatesOnly = true
	n := newNetwork(t, &c)
	a := start(t, c)
	run(t, a)
	var addr string
	addr, n.mqtt = a.Ready()
	const number = "04140001001"
	password := n.register(t, c.Data, addr, number)[0]
	n.issue(t, authority.Meter, number)
	if _, code, err := n.signIn(t, n.trusting(t, ""), number, number, password); err != nil || code != 5 {
		t.Errorf("with the password: code %d, %v", code, err)
	}
	if _, code, err := n.signIn(t, n.trusting(t, number), number, "", ""); err != nil || code != 0 {
		t.Errorf("with the certificate: code %d, %v", code, err)
	}
}

// TestUnusableFilesAreAnAlarm, until they are corrected.
func TestUnusableFilesAreAnAlarm(t *testing.T) {
	c := config(t.TempDir())
	c.CertificateEvery = 20 * time.Millisecond
	n := newNetwork(t, &c)
	a := start(t, c)
	run(t, a)
	addr, _ := a.Ready()
	api := n.client(t, c.Data, addr)
	whole, err := os.ReadFile(c.MeterRevoked)
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		text []byte
		want int
	}{{whole[:len(whole)/2], 1}, {whole, 0}} {
		if err := os.WriteFile(c.MeterRevoked, step.text, 0o600); err != nil {
			t.Fatal(err)
		}
		await.True(t, fmt.Sprintf("%d alarms with %d bytes of the list", step.want, len(step.text)), func() bool {
			list, err := api.Alarms(t.Context(), apiv1.AlarmFilter{Open: true})
			if err != nil {
				t.Fatal(err)
			}
			open := 0
			for _, alarm := range list.Data {
				if alarm.Code == "certificate-unusable" && strings.Contains(alarm.Text, c.MeterRevoked) {
					open++
				}
			}
			return open == step.want
		})
	}
}

// TestTheEndOfACertificateIsSaidEverywhere: a server whose certificate is about to end says so in its log, with an alarm, on the overview and in
// its metrics, until it has a new one. The certificate was issued some time ago, so nobody has to wait.
func TestTheEndOfACertificateIsSaidEverywhere(t *testing.T) {
	c, log := config(t.TempDir()), new(sharedLog)
	c.Log, c.CertificateEvery = slog.New(slog.NewTextHandler(log, nil)), 20*time.Millisecond
	c.Metrics = "127.0.0.1:0"
	n := newNetwork(t, &c)
	const lasts, left = time.Hour, 15 * time.Minute
	old := n.reissue(t, c, time.Now().Add(left-lasts), lasts)
	a := start(t, c)
	run(t, a)
	addr, _ := a.Ready()
	api := n.client(t, c.Data, addr)
	web := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: n.roots}, DisableKeepAlives: true}}
	says := func(open bool, end time.Time) {
		t.Helper()
		await.True(t, fmt.Sprintf("the alarm is open: %t", open), func() bool { return openAlarm(t, api, "certificate-ends", c.TLSCert) == open })
		if onOverview(t, api, "certificate-ends") != open {
			t.Errorf("the alarm is on the overview: %t, want %t", !open, open)
		}
		resp, err := web.Get("https://" + a.Metrics() + "/metrics")
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		if err := errors.Join(err, resp.Body.Close()); err != nil {
			t.Fatal(err)
		}
		if line := fmt.Sprintf(`paywatt_certificate_end_seconds{kind="server"} %v`+"\n", float64(end.Unix())); !strings.Contains(string(body), line) {
			t.Errorf("the metrics lack %q", line)
		}
	}
	says(true, old)
	if !strings.Contains(log.String(), "a certificate ends") || !strings.Contains(log.String(), old.UTC().Format(time.RFC3339)) {
		t.Error("the log does not say when the certificate ends")
	}
	says(false, n.reissue(t, c, time.Now(), lasts))
}

// reissue issues the server's certificate at some time, puts it in place, and returns its end.
func (n *network) reissue(t *testing.T, c app.Config, at time.Time, lasts time.Duration) (until time.Time) {
	t.Helper()
	ca, err := authority.Open(n.dir, at)
	if err != nil {
		t.Fatal(err)
	}
	out := t.TempDir()
	entries, err := ca.Issue(out, authority.Order{Kind: authority.Server, Name: "server", Hosts: []string{"127.0.0.1"}, Lasts: lasts})
	if err != nil {
		t.Fatal(err)
	}
	for from, to := range map[string]string{"server.key": c.TLSKey, "server.pem": c.TLSCert} {
		if err := os.Rename(filepath.Join(out, from), to); err != nil {
			t.Fatal(err)
		}
	}
	return entries[0].Until
}

// openAlarm reports whether an alarm with this code is open, whose text names something.
func openAlarm(t *testing.T, api *client.Client, code, names string) bool {
	t.Helper()
	list, err := api.Alarms(t.Context(), apiv1.AlarmFilter{Open: true})
	if err != nil {
		t.Fatal(err)
	}
	return slices.ContainsFunc(list.Data, func(a apiv1.Alarm) bool { return a.Code == code && strings.Contains(a.Text, names) })
}

// onOverview reports whether the overview lists an alarm with this code.
func onOverview(t *testing.T, api *client.Client, code string) bool {
	t.Helper()
	overview, err := api.Overview(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, list := range overview.Lists {
		if list.Kind == "alarms" {
			return slices.ContainsFunc(list.First, func(e apiv1.OverviewEntry) bool { return e.Detail == code })
		}
	}
	return false
}

// TestAnotherServersChangeCounts: a login that ends in a commit of another process is ended here too.
func TestAnotherServersChangeCounts(t *testing.T) {
	c := config(t.TempDir())
	n := newNetwork(t, &c)
	a := start(t, c)
	run(t, a)
	var addr string
	addr, n.mqtt = a.Ready()
	const number = "04140001001"
	password := n.register(t, c.Data, addr, number)[0]
	conn, code, err := n.signIn(t, n.trusting(t, ""), number, number, password)
	if err != nil || code != 0 {
		t.Fatalf("code %d, %v", code, err)
	}
	f, err := app.OpenFolder(t.Context(), c.Data, "", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	err = f.Engine.Run(t.Context(), store.FirstTenant, store.Job, func(tx *store.Tx) (bool, error) {
		m, _, err := tx.MeterByNumber(number)
		if err != nil {
			return false, err
		}
		return false, errors.Join(tx.SetMeterPasswords(m.ID, nil, nil), tx.AuditLog(app.Clerk().Entry("meter.password", m.ID.Text(id.Meter))))
	})
	if err != nil {
		t.Fatal(err)
	}
	ended(t, "a password that another process ended", conn)
}
