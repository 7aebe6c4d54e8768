package app_test

import (
	"context"
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/client"
	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/app"
	"github.com/paywatt/paywatt/internal/authority"
	"github.com/paywatt/paywatt/internal/await"
	"github.com/paywatt/paywatt/internal/profile"
	"github.com/paywatt/paywatt/profiles"
)

// issuer is a server that hands out credentials.
type issuer struct {
	*testing.T
	*network
	c    app.Config
	addr string
	api  *client.Client
	web  *http.Client
}

// held is a credential that somebody has.
type held struct {
	works func() bool
	open  func() io.Reader // something that stays connected with it; nil if nothing does
	end   func()
}

// credentials are the kinds that this test ends, by their names in docs/operate/credentials.md.
func credentials() map[string]func(*issuer) held {
	return map[string]func(*issuer) held{
		"API key":           apiKey,
		"meter password":    meterPassword,
		"meter certificate": meterCertificate,
		"device password":   devicePassword,
		"integration login": integrationLogin,
		"customer link":     customerLink,
	}
}

// endedElsewhere names the tests that end the other kinds.
func endedElsewhere() map[string]string {
	return map[string]string{
		"session":         "TestAStreamIsHeardOfEveryFifteenSecondsAndEndsWithItsSession",
		"invitation":      "TestAChainOfInvitations",
		"PIN of a device": "TestRevokingADeviceStopsItsPages",
		"link key":        "TestTheReplacementOfALinkKeyKilledAnywhere",
		"webhook secret":  "TestARotatedSecretSignsForADay",
		"provider secret": "TestALoneLandlordSeesTheSecretAtOnce",
		"voucher PIN":     "TestVouchersEnd",
		"voucher code":    "TestLostCodesAreIssuedAgainByTwo",
	}
}

// TestEveryCredentialEnds: each kind of credential that Paywatt hands out is on the page with how it is replaced and ended. After that it
// works no more, and what was connected with it is closed.
func TestEveryCredentialEnds(t *testing.T) {
	onPage := credentialsOnPage(t)
	var known []string
	for kind := range credentials() {
		known = append(known, kind)
	}
	for kind, test := range endedElsewhere() {
		known = append(known, kind)
		if out, err := exec.Command("grep", "-rqE", "--include=*_test.go", `func `+test+`\(`, "..").CombinedOutput(); err != nil {
			t.Errorf("%s: there is no test %s %s", kind, test, out)
		}
	}
	slices.Sort(known)
	if !slices.Equal(onPage, known) {
		t.Errorf("the page has the credentials %q, the tests end %q", onPage, known)
	}
	s := newIssuer(t)
	for kind, begin := range credentials() {
		h := begin(s)
		if !h.works() {
			t.Errorf("%s: it does not work before its end", kind)
		}
		var open io.Reader
		if h.open != nil {
			open = h.open()
		}
		h.end()
		await.True(t, kind+" works no more after its end", func() bool { return !h.works() })
		if open != nil {
			awaitClosed(t, kind, open)
		}
	}
}

// credentialsOnPage lists the kinds in the table of the page.
func credentialsOnPage(t *testing.T) (kinds []string) {
	t.Helper()
	page, err := os.ReadFile("../../docs/operate/credentials.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range regexp.MustCompile(`(?m)^\| \*\*([^*]+)\*\* \|`).FindAllStringSubmatch(string(page), -1) {
		kinds = append(kinds, row[1])
	}
	slices.Sort(kinds)
	return kinds
}

// awaitClosed waits until the server closes a connection.
func awaitClosed(t *testing.T, kind string, open io.Reader) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		_, _ = io.Copy(io.Discard, open)
		close(done)
	}()
	await.Receive(t, "what was connected by "+kind+" is closed", done)
}

func newIssuer(t *testing.T) *issuer {
	t.Helper()
	c := config(t.TempDir())
	c.CertificateEvery = 20 * time.Millisecond
	s := &issuer{T: t, network: newNetwork(t, &c)}
	c.Devices, c.Integration, c.Profiles = await.FreeAddress(t), await.FreeAddress(t), devices(t)
	a := start(t, c)
	run(t, a)
	s.c = c
	s.addr, s.mqtt = a.Ready()
	s.register(t, c.Data, s.addr)
	s.api = s.client(t, c.Data, s.addr)
	s.web = &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: s.roots}}}
	t.Cleanup(s.web.CloseIdleConnections)
	return s
}

// devices returns the profiles that come with Paywatt.
func devices(t *testing.T) profile.Library {
	t.Helper()
	l := profile.Library{}
	if err := l.Load(profiles.Files); err != nil {
		t.Fatal(err)
	}
	return l
}

// must stops the test after an error.
func (s *issuer) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

// get asks for a path, with a key if there is one.
func (s *issuer) get(path, key string) *http.Response {
	s.Helper()
	r, err := http.NewRequestWithContext(s.Context(), "GET", "https://"+s.addr+path, nil)
	s.must(err)
	if key != "" {
		r.Header.Set("Authorization", "Bearer "+key)
	}
	resp, err := s.web.Do(r)
	s.must(err)
	s.Cleanup(func() { _ = resp.Body.Close() })
	return resp
}

func (s *issuer) meter(number string) apiv1.AddedMeter {
	s.Helper()
	added, err := s.api.AddMeter(s.Context(), apiv1.NewMeter{Number: number, Mode: "prepay_wallet", Tariff: "domestic"})
	s.must(err)
	return added
}

// folder opens the data folder beside the server, as a command does.
func (s *issuer) folder() *app.Folder {
	s.Helper()
	f, err := app.OpenFolder(s.Context(), s.c.Data, "", slog.New(slog.DiscardHandler))
	s.must(err)
	s.Cleanup(func() { _ = f.Close() })
	return f
}

func apiKey(s *issuer) held {
	f := s.folder()
	made, err := f.Access.CreateAPIKey(s.Context(), app.Clerk(), access.NewKey{Role: access.Operator, Name: "till"})
	s.must(err)
	return held{
		works: func() bool { return s.get("/v1/meters", made.Secret.Reveal()).StatusCode == http.StatusOK },
		open:  func() io.Reader { return s.get("/v1/events", made.Secret.Reveal()).Body },
		end:   func() { _, err := f.Access.RevokeAPIKey(s.Context(), app.Clerk(), made.Key.ID); s.must(err) },
	}
}

// signedIn returns how a client signs in to an MQTT listener, and stays connected.
func (s *issuer) signedIn(dial func() (io.ReadWriteCloser, error), id, user, password string) (works func() bool, open func() io.Reader) {
	in := func() io.ReadWriteCloser {
		conn, err := dial()
		if err != nil {
			return nil // a certificate that does not count ends the handshake
		}
		s.Cleanup(func() { _ = conn.Close() })
		flags, payload := byte(2), mqttText(id)
		if user != "" {
			flags, payload = flags|0xc0, append(append(payload, mqttText(user)...), mqttText(password)...)
		}
		body := append([]byte{0, 4, 'M', 'Q', 'T', 'T', 4, flags, 0, 60}, payload...)
		if _, err := conn.Write(append([]byte{0x10, byte(len(body))}, body...)); err != nil {
			return nil
		}
		var answer [4]byte
		if _, err := io.ReadFull(conn, answer[:]); err != nil || answer[3] != 0 {
			return nil
		}
		return conn
	}
	works = func() bool {
		conn := in()
		if conn == nil {
			return false
		}
		_ = conn.Close()
		return true
	}
	open = func() io.Reader {
		conn := in()
		if conn == nil {
			s.Fatal("the client cannot sign in")
		}
		return conn
	}
	return works, open
}

// overTLS dials a listener with the certificate of name, if there is one.
func (s *issuer) overTLS(address, name string) func() (io.ReadWriteCloser, error) {
	return func() (io.ReadWriteCloser, error) { return tls.Dial("tcp", address, s.trusting(s.T, name)) }
}

func meterPassword(s *issuer) held {
	m := s.meter("04140001001")
	works, open := s.signedIn(s.overTLS(s.mqtt, ""), m.Number, m.Number, m.MQTTPassword)
	return held{works, open, func() { _, err := s.api.EndMeterPassword(s.Context(), m.Number); s.must(err) }}
}

func meterCertificate(s *issuer) held {
	m := s.meter("04140001019")
	s.issue(s.T, authority.Meter, m.Number)
	works, open := s.signedIn(s.overTLS(s.mqtt, m.Number), m.Number, "", "")
	return held{works, open, func() { _, err := s.ca.Revoke(m.Number, "ben", "stolen"); s.must(err) }}
}

// devicePassword gives the listener its first password, which ends every connection there. It waits for that end: a connection that
// comes with the new password at the same moment may be ended too.
func devicePassword(s *issuer) held {
	plain := func() (io.ReadWriteCloser, error) { return net.Dial("tcp", s.c.Devices) }
	_, open := s.signedIn(plain, "plug-1", "", "")
	before := open()
	made, err := s.api.NewDevicePassword(s.Context())
	s.must(err)
	awaitClosed(s.T, "no device password", before)
	works, open := s.signedIn(plain, "plug-1", made.User, made.Password)
	return held{works, open, func() { _, err := s.api.NewDevicePassword(s.Context()); s.must(err) }}
}

func integrationLogin(s *issuer) held {
	f := s.folder()
	made, err := f.Logins().Create(s.Context(), app.Clerk(), "", "dashboard")
	s.must(err)
	works, open := s.signedIn(s.overTLS(s.c.Integration, ""), "dashboard", made.Login.User(), made.Secret.Reveal())
	return held{works, open, func() {
		no, err := f.Logins().Revoke(context.WithoutCancel(s.Context()), app.Clerk(), made.Login.User())
		s.must(err)
		if no.Refused() {
			s.Fatal(no)
		}
	}}
}

func customerLink(s *issuer) held {
	m := s.meter("04140001027")
	link, err := s.api.MakePageLink(s.Context(), m.Number, apiv1.NewPageLink{Show: true})
	s.must(err)
	path := link.Address[strings.Index(link.Address, "/c/"):]
	works := func() bool { return s.get(path, "").StatusCode == http.StatusOK }
	return held{works: works, end: func() { _, err := s.api.RevokePageLink(s.Context(), m.Number); s.must(err) }}
}
