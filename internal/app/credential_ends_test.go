package app_test

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/client"
	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/app"
	"github.com/paywatt/paywatt/internal/authority"
	"github.com/paywatt/paywatt/internal/await"
	settings "github.com/paywatt/paywatt/internal/config"
	"github.com/paywatt/paywatt/internal/gsm/gateway"
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

// TestCredentialsOfAServerEnd: a running server no longer takes a credential that was ended, and closes what was connected with it. The other
// kinds of docs/operate/credentials.md end in the tests of their own packages; a test of internal/arch finds a kind without a test.
func TestCredentialsOfAServerEnd(t *testing.T) {
	s := newIssuer(t)
	for _, begin := range []func(*issuer) await.Credential{
		apiKey, replacedKey, meterPassword, replacedPassword, removedMeter, meterCertificate, removedCertificate,
		devicePassword, integrationLogin, customerLink,
	} {
		await.Ends(t, begin(s))
	}
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

func apiKey(s *issuer) await.Credential {
	return s.keyThat(func(f *app.Folder, key access.Key) error {
		_, err := f.Access.RevokeAPIKey(s.Context(), app.Clerk(), key.ID)
		return err
	})
}

func replacedKey(s *issuer) await.Credential {
	return s.keyThat(func(f *app.Folder, key access.Key) error {
		_, err := f.Access.RotateAPIKey(s.Context(), app.Clerk(), key.ID, 0)
		return err
	})
}

// keyThat makes an API key that ends in some way.
func (s *issuer) keyThat(end func(*app.Folder, access.Key) error) await.Credential {
	f := s.folder()
	made, err := f.Access.CreateAPIKey(s.Context(), app.Clerk(), access.NewKey{Role: access.Operator, Name: "till"})
	s.must(err)
	return await.Credential{Kind: "API key",
		Works: func() bool { return s.get("/v1/meters", made.Secret.Reveal()).StatusCode == http.StatusOK },
		Open:  func() io.Reader { return s.get("/v1/events", made.Secret.Reveal()).Body },
		End:   func() { s.must(end(f, made.Key)) },
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

func meterPassword(s *issuer) await.Credential {
	return s.passwordThat("04140001001", func(number string) error {
		_, err := s.api.EndMeterPassword(s.Context(), number)
		return err
	})
}

func replacedPassword(s *issuer) await.Credential {
	return s.passwordThat("04140001035", func(number string) error {
		_, err := s.api.ReplaceMeterPassword(s.Context(), number, apiv1.PasswordChange{AtOnce: true})
		return err
	})
}

// removedMeter ends a password because its meter is removed, after its customer has moved out.
func removedMeter(s *issuer) await.Credential { return s.passwordThat("04140001043", s.remove) }

// removedCertificate ends a certificate in the same way.
func removedCertificate(s *issuer) await.Credential {
	m := s.meter("04140001050")
	s.issue(s.T, authority.Meter, m.Number)
	works, open := s.signedIn(s.overTLS(s.mqtt, m.Number), m.Number, "", "")
	return await.Credential{Kind: "meter certificate", Works: works, Open: open, End: func() { s.must(s.remove(m.Number)) }}
}

// remove moves a meter's customer out and removes the meter.
func (s *issuer) remove(number string) error {
	if _, err := s.api.MoveOut(s.Context(), number, apiv1.MoveOut{Reason: "lease ended"}, ""); err != nil {
		return err
	}
	_, err := s.api.RemoveMeter(s.Context(), number, "back in the workshop")
	return err
}

// passwordThat makes a meter whose password ends in some way.
func (s *issuer) passwordThat(number string, end func(number string) error) await.Credential {
	m := s.meter(number)
	works, open := s.signedIn(s.overTLS(s.mqtt, ""), m.Number, m.Number, m.MQTTPassword)
	return await.Credential{Kind: "meter password", Works: works, Open: open, End: func() { s.must(end(m.Number)) }}
}

func meterCertificate(s *issuer) await.Credential {
	m := s.meter("04140001019")
	s.issue(s.T, authority.Meter, m.Number)
	works, open := s.signedIn(s.overTLS(s.mqtt, m.Number), m.Number, "", "")
	return await.Credential{Kind: "meter certificate", Works: works, Open: open,
		End: func() { _, err := s.ca.Revoke(m.Number, "ben", "stolen"); s.must(err) }}
}

// devicePassword gives the listener its first password, which ends every connection there. It waits for that end: a connection that
// comes with the new password at the same moment may be ended too.
func devicePassword(s *issuer) await.Credential {
	plain := func() (io.ReadWriteCloser, error) { return net.Dial("tcp", s.c.Devices) }
	_, open := s.signedIn(plain, "plug-1", "", "")
	before := open()
	made, err := s.api.NewDevicePassword(s.Context())
	s.must(err)
	await.Closed(s.T, "what was connected without a device password", before)
	works, open := s.signedIn(plain, "plug-1", made.User, made.Password)
	return await.Credential{Kind: "device password", Works: works, Open: open,
		End: func() { _, err := s.api.NewDevicePassword(s.Context()); s.must(err) }}
}

func integrationLogin(s *issuer) await.Credential {
	f := s.folder()
	made, err := f.Logins().Create(s.Context(), app.Clerk(), "", "dashboard")
	s.must(err)
	works, open := s.signedIn(s.overTLS(s.c.Integration, ""), "dashboard", made.Login.User(), made.Secret.Reveal())
	return await.Credential{Kind: "integration login", Works: works, Open: open, End: func() {
		no, err := f.Logins().Revoke(context.WithoutCancel(s.Context()), app.Clerk(), made.Login.User())
		s.must(err)
		if no.Refused() {
			s.Fatal(no)
		}
	}}
}

func customerLink(s *issuer) await.Credential {
	m := s.meter("04140001027")
	link, err := s.api.MakePageLink(s.Context(), m.Number, apiv1.NewPageLink{Show: true})
	s.must(err)
	path := link.Address[strings.Index(link.Address, "/c/"):]
	works := func() bool { return s.get(path, "").StatusCode == http.StatusOK }
	return await.Credential{Kind: "customer link", Works: works, End: func() { _, err := s.api.RevokePageLink(s.Context(), m.Number); s.must(err) }}
}

// TestTheSecretsOfRoutesEndWithTheFile: the utility changes the file of a route's secret and starts the server again. The program of the route
// then proves nothing with the old one.
func TestTheSecretsOfRoutesEndWithTheFile(t *testing.T) {
	c := config(t.TempDir())
	old := map[string]string{"kannel": "the old secret of Kannel's hooks", "telephone": "the old secret of a telephone, which is long"}
	write := func(name, text string) string {
		file := filepath.Join(c.Data, name+".secret")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	kannel, telephone := write("kannel", old["kannel"]), write("telephone", old["telephone"])
	c.Routes = []settings.Route{
		{Name: "kannel1", Kind: settings.RouteKannel, Keys: map[string]string{"url": "http://127.0.0.1:1", "user": "u", "from": "15555",
			"password_file": write("password", "p"), "hook_secret_file": kannel, "callback": "http://127.0.0.1/hooks/sms/kannel1"}},
		{Name: "phone1", Kind: settings.RouteHTTP, Keys: map[string]string{"url": "http://127.0.0.1:1", "secret_file": telephone}},
	}
	var addr string
	begin := func() (stop func() error) {
		a := start(t, c)
		addr, _ = a.Ready()
		return run(t, a)
	}
	taken := func(method, path, body string, header http.Header) bool {
		r, err := http.NewRequestWithContext(t.Context(), method, "http://"+addr+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header = header
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		return resp.StatusCode < 300
	}
	byKannel := func(secret string) bool {
		text := url.Values{"key": {secret}, "from": {"+254711000001"}, "to": {"15555"}, "text": {"HELP"}, "coding": {"0"}, "ts": {"2026-11-20 16:30:00"},
			"id": {rand.Text()}, "udh": {""}}
		return taken("GET", "/hooks/sms/kannel1/in?"+text.Encode(), "", http.Header{})
	}
	byTelephone := func(secret string) bool {
		body, at := `{"id":"`+rand.Text()+`","from":"+254711000001","text":"HELP"}`, fmt.Sprint(time.Now().Unix())
		return taken("POST", "/hooks/sms/phone1/in", body, http.Header{"Content-Type": {"application/json"}, gateway.HeaderTimestamp: {at},
			gateway.HeaderSignature: {gateway.Sign(secret, at, gateway.ForMessage, []byte(body))}})
	}
	stop := begin()
	if !byKannel(old["kannel"]) {
		t.Error("Kannel is not heard with its secret")
	}
	await.Ends(t, await.Credential{Kind: "secret of an SMS route", Works: func() bool { return byTelephone(old["telephone"]) }, End: func() {
		write("kannel", "the new secret of Kannel's hooks")
		write("telephone", "the new secret of a telephone, which is long")
		if err := stop(); err != nil {
			t.Fatal(err)
		}
		begin()
	}})
	if byKannel(old["kannel"]) {
		t.Error("Kannel is heard with its old secret")
	}
	if !byKannel("the new secret of Kannel's hooks") || !byTelephone("the new secret of a telephone, which is long") {
		t.Error("a route is not heard with its new secret")
	}
}
