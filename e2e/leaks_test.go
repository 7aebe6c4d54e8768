package e2e

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/app/apptest"
	"github.com/paywatt/paywatt/internal/await"
)

// keepsake is a secret of the run: its name, the forms of its bytes that are searched for, and the files that may hold it.
type keepsake struct {
	name  string
	forms [][]byte
	homes []string // base names of files
}

// spelled returns a secret in every spelling: its text, and its bytes raw, in hexadecimal and in base64. A text that is itself hexadecimal or
// base64 stands for its bytes, too. Digits are also searched in groups.
func spelled(name, text string, homes ...string) keepsake {
	k := keepsake{name: name, homes: homes}
	raws := [][]byte{[]byte(text)}
	if raw, err := hex.DecodeString(text); err == nil && !allDigits(text) {
		raws = append(raws, raw)
	}
	tail := text[strings.LastIndex(text, "_")+1:]
	if raw, err := base64.RawURLEncoding.DecodeString(tail); err == nil && len(raw) == 32 {
		raws = append(raws, raw)
	}
	for _, raw := range raws {
		h := hex.EncodeToString(raw)
		for _, form := range []string{string(raw), h, strings.ToUpper(h), base64.StdEncoding.EncodeToString(raw), base64.RawStdEncoding.EncodeToString(raw),
			base64.URLEncoding.EncodeToString(raw), base64.RawURLEncoding.EncodeToString(raw), url.QueryEscape(string(raw))} {
			k.forms = append(k.forms, []byte(form))
		}
	}
	if allDigits(text) && len(text) == 20 {
		for _, sign := range []string{" ", "-", "&nbsp;", "\u00a0", "%20", "+"} {
			k.forms = append(k.forms, []byte(strings.Join([]string{text[:4], text[4:8], text[8:12], text[12:16], text[16:]}, sign)))
		}
	}
	return k
}

func allDigits(s string) bool { return strings.Trim(s, "0123456789") == "" }

// leaksIn names the secrets that a text contains, in whatever spelling. It reads the text once: every form is looked up by its first four
// bytes.
func leaksIn(text []byte, file string, all []keepsake) (found []string) {
	type form struct {
		text  []byte
		owner *keepsake
	}
	begins, forms := [1 << 16]bool{}, map[[4]byte][]form{}
	for i, k := range all {
		for _, f := range k.forms {
			begins[uint16(f[0])<<8|uint16(f[1])] = true
			forms[[4]byte(f[:4])] = append(forms[[4]byte(f[:4])], form{f, &all[i]})
		}
	}
	for i := 0; i+4 <= len(text); i++ {
		if !begins[uint16(text[i])<<8|uint16(text[i+1])] {
			continue
		}
		for _, f := range forms[[4]byte(text[i:i+4])] {
			if bytes.HasPrefix(text[i:], f.text) && !slices.Contains(f.owner.homes, file) && !slices.Contains(found, f.owner.name) {
				found = append(found, f.owner.name)
			}
		}
	}
	return found
}

// TestTheScanFindsEverySpelling plants each secret once in each spelling.
func TestTheScanFindsEverySpelling(t *testing.T) {
	t.Parallel()
	raw := bytes.Repeat([]byte{0xf1, 0x07, 'x', 0x9c}, 8)
	key := "pk_" + base64.RawURLEncoding.EncodeToString(raw)
	all := []keepsake{spelled("key", key), spelled("token", "71340092551033782064"), spelled("link key", hex.EncodeToString(raw[:16]), "home")}
	for name, planted := range map[string]string{
		key: "key", string(raw): "key", hex.EncodeToString([]byte(key)): "key", base64.StdEncoding.EncodeToString(raw): "key",
		"71340092551033782064": "token", "7134 0092 5510 3378 2064": "token", "7134-0092-5510-3378-2064": "token", hex.EncodeToString([]byte("71340092551033782064")): "token",
		strings.ToUpper(hex.EncodeToString(raw[:16])): "link key", base64.RawURLEncoding.EncodeToString(raw[:16]): "link key",
	} {
		if got := leaksIn([]byte("level=INFO msg=x value="+name+" y"), "log", all); !slices.Contains(got, planted) {
			t.Errorf("%q in a log: found %v, want %s", name, got, planted)
		}
	}
	if got := leaksIn(raw[:16], "home", all); len(got) != 0 {
		t.Errorf("a secret at its home is found as a leak: %v", got)
	}
	if got := leaksIn([]byte("7134 0092 **** **** ****"), "log", all); len(got) != 0 {
		t.Errorf("masked digits are found as a leak: %v", got)
	}
}

// vault is a server with the secrets that it made.
type vault struct {
	*testing.T
	p      *place
	srv    *server
	owner  *api
	gate   *httpGateway
	hooks  string
	mirror string // address for customers' programs
	all    []keepsake
	said   map[string][]byte  // answers that must contain no secret, by what was asked
	heard  map[string]*buffer // MQTT messages that must contain no secret, by who listens
}

func (v *vault) add(name, text string, homes ...string) {
	v.Helper()
	if len(text) < 8 {
		v.Fatalf("the run made no %s: %q", name, text)
	}
	v.all = append(v.all, spelled(name, text, homes...))
}

// newVault starts a server that logs everything, with a gateway for messages.
func newVault(t *testing.T) *vault {
	v := &vault{T: t, gate: &httpGateway{secret: "0123456789abcdef0123456789abcdef"}, said: map[string][]byte{}, heard: map[string]*buffer{}, mirror: freeAddress(t)}
	site := httptest.NewServer(v.gate)
	t.Cleanup(site.Close)
	dir, port := t.TempDir(), freePorts(t, 1)[0]
	write(t, dir+"/secret", v.gate.secret+"\n", 0o600)
	v.p = newPlace(t, paywatt(t))
	v.p.env = append(v.p.env, "PAYWATT_LOG_LEVEL=debug")
	write(t, filepath.Join(v.p.dir, "paywatt.toml"), fmt.Sprintf("[[sms_route]]\nname = \"phone1\"\nkind = \"http\"\nurl = \"%s/send\"\nsecret_file = \"%s/secret\"\n", site.URL, dir), 0o600)
	v.srv = v.p.serve(t, fmt.Sprintf("127.0.0.1:%d", port), "127.0.0.1:0", "--mqtt-integration", v.mirror)
	v.hooks = fmt.Sprintf("http://127.0.0.1:%d/hooks/sms/phone1", port)
	v.add("passphrase", passphrase)
	v.add("vending key", "abababababababab")
	v.add("secret of the gateway", v.gate.secret)
	for _, file := range []string{"data.key", "seal.key"} {
		raw, err := os.ReadFile(filepath.Join(v.p.dir, file))
		if err != nil {
			t.Fatal(err)
		}
		v.add(file, strings.TrimSpace(string(raw)), file)
	}
	v.owner = v.key("owner")
	return v
}

// key makes an API key of a new person with a role.
func (v *vault) key(role string) *api {
	v.Helper()
	secret := strings.TrimSpace(v.p.personKey(v, role+"-with-key", role))
	v.add("API key of "+role, secret)
	return newAPI(v.srv.http, secret)
}

// browser returns a person who is signed in with a second factor: cookies, and a function that requests a page. The session, the secret of
// the factor and the recovery codes are secrets.
func (v *vault) browser(who, email, password string, first func(do func(method, path string, form url.Values) string)) func(method, path string, form url.Values) string {
	v.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		v.Fatal(err)
	}
	c := &http.Client{Jar: jar}
	do := func(method, path string, form url.Values) string {
		v.Helper()
		r, err := http.NewRequestWithContext(v.Context(), method, "http://"+v.srv.http+path, strings.NewReader(form.Encode()))
		if err != nil {
			v.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		a, err := c.Do(r)
		if err != nil {
			v.Fatal(err)
		}
		defer a.Body.Close()
		b, err := io.ReadAll(a.Body)
		if err != nil {
			v.Fatal(err)
		}
		if path == "/signin/app" {
			v.add("second factor of "+who, strings.ReplaceAll(regexp.MustCompile(`<span class="mono">([A-Z2-7 ]+)<`).FindStringSubmatch(string(b))[1], " ", ""))
		}
		return string(b)
	}
	first(do)
	do(http.MethodPost, "/signin", url.Values{"email": {email}, "password": {password}})
	v.add("password of "+who, password)
	at, err := url.Parse("http://" + v.srv.http)
	if err != nil {
		v.Fatal(err)
	}
	if page := do(http.MethodGet, "/", nil); !strings.Contains(page, `action="/signout"`) {
		var f factor
		f.passForm(v, do)
		for _, code := range f.recovery {
			v.add("recovery code of "+who, code)
		}
	}
	if page := do(http.MethodGet, "/", nil); !strings.Contains(page, `action="/signout"`) {
		v.Fatalf("%s is not signed in: %s", who, page)
	}
	for _, cookie := range jar.Cookies(at) {
		if cookie.Name == "paywatt_session" {
			v.add("session of "+who, cookie.Value)
		}
	}
	return do
}

// TestARunLeaksNoSecret runs the real binary with people, keys, meters, sales, messages and a backup, and then looks for every secret of the
// run in what the server wrote, said and sent.
func TestARunLeaksNoSecret(t *testing.T) {
	t.Parallel()
	v := newVault(t)
	v.owner.tariff(t)
	m := v.owner.meter(t, number(3001))
	v.add("MQTT password", m.password)
	v.add("link key", m.linkKey)
	v.add("decoder key", m.decoderKey)
	user, password := v.login(m.number)

	v.browser("the owner", "owner-with-key@example.org", apptest.Password, func(func(method, path string, form url.Values) string) {})
	page := v.invited("support", "other plain words")

	sale := v.owner.mustVend(t, m.number, 10_000, "leaks-000001", "sms")
	v.add("token of a sale", sale.text(t, "tokens", 0, "digits"))
	free := v.owner.must(t, 201, "POST", "/v1/meters/"+m.number+"/tokens", `{"kind":"clear_tamper","reason_code":"tamper_fixed"}`, "Idempotency-Key", "leaks-000002")
	v.add("service token", free.text(t, "tokens", 0, "digits"))
	await.True(t, "the token is sent to the customer", func() bool { return len((&forgery{gate: v.gate}).to(honest)) > 0 })

	v.messages(m, user, password)
	v.strangers()
	v.answers(m.number, sale.text(t, "id"), page)
	v.wrongRequests(m, sale)
	v.command("backup", "create", filepath.Join(filepath.Dir(v.p.dir), "copy"), "--data", v.p.dir)
	v.scan()
}

// invited adds a person of a role who signs in, and returns how the person requests pages.
func (v *vault) invited(role, password string) func(method, path string, form url.Values) string {
	v.Helper()
	email := role + "@example.org"
	link := v.owner.must(v, 201, "POST", "/v1/people", fmt.Sprintf(`{"email":%q,"role":%q}`, email, role)).text(v, "invite_url")
	v.add("one-time link of "+role, strings.TrimPrefix(link, "/invite/"))
	return v.browser(role, email, password, func(do func(method, path string, form url.Values) string) {
		do(http.MethodPost, link, url.Values{"password": {password}})
	})
}

// strangers write to the utility from a number that nobody registered; the answers must contain no secret.
func (v *vault) strangers() {
	v.Helper()
	for i, text := range []string{"LAST", "LAST " + number(3001), "BAL " + number(3001), "HELP", "USE"} {
		if code := v.gate.post(v.T, v.hooks+"/in", "in", map[string]any{"id": fmt.Sprint("leak", i), "from": forgedOther, "to": "15555", "text": text}); code != http.StatusNoContent {
			v.Errorf("%q of a stranger: %d", text, code)
		}
	}
	f := &forgery{gate: v.gate}
	await.True(v, "a stranger has an answer", func() bool { return len(f.to(forgedOther)) > 0 })
	for i, text := range f.to(forgedOther) {
		v.said[fmt.Sprintf("SMS %d to a stranger", i)] = []byte(text)
	}
}

// answers collects what the API and the pages say to those who may not see digits, and the metrics.
func (v *vault) answers(meter, sale string, page func(method, path string, form url.Values) string) {
	v.Helper()
	paths := []string{"/v1/meters", "/v1/meters/" + meter, "/v1/meters/" + meter + "/tokens", "/v1/meters/" + meter + "/events", "/v1/vends/" + sale, "/v1/vends/" + sale + "/receipt",
		"/v1/vends/" + sale + "/explain", "/v1/messages", "/v1/customers", "/v1/approvals", "/v1/alarms", "/v1/settings", "/v1/people", "/v1/ledger/journals", "/v1/reports/daily",
		"/v1/vends?client_ref=leaks-000001", "/metrics"}
	for _, role := range []string{"support", "auditor", "engineer", "finance"} {
		c := v.key(role)
		for _, path := range paths {
			a, err := c.do("GET", path, nil)
			if err != nil {
				v.Fatal(err)
			}
			v.said[path+" as "+role] = a.body
		}
	}
	for _, path := range []string{"/meters", "/meters/" + meter, "/meters/" + meter + "?digits=1", "/sales/" + sale, "/sales/" + sale + "/receipt", "/messages", "/customers", "/approvals"} {
		v.said["page "+path+" of support"] = []byte(page(http.MethodGet, path, nil))
	}
	if body := v.said["/v1/vends/"+sale+" as support"]; !bytes.Contains(body, []byte("****")) {
		v.Errorf("support does not see the sale at all: %s", body)
	}
}

// wrongRequests sends requests that fail, with secrets at places where they do not belong. The answers must not repeat the secrets.
func (v *vault) wrongRequests(m secrets, sale answer) {
	v.Helper()
	digits := sale.text(v, "tokens", 0, "digits")
	stranger := newAPI(v.srv.http, v.owner.key+"x")
	for i, r := range []struct {
		c          *api
		path, body string
	}{
		{stranger, "/v1/vends", `{}`}, {newAPI(v.srv.http, m.password), "/v1/meters", `{}`}, {v.owner, "/v1/vends", `{"meter":"` + m.number + `","tender":`},
		{v.owner, "/v1/meters", `{"number":"` + m.number + `"}`}, {v.owner, "/v1/people", `{"email":"x"}`},
		{v.owner, "/v1/meters/" + m.number + "/recharges", `{"token":"tok_x","by":"mqtt","digits":"` + digits + `"}`},
	} {
		a, err := r.c.do("POST", r.path, r.body, "Idempotency-Key", fmt.Sprintf("leaks-wrong-%d", i))
		if err != nil {
			v.Fatal(err)
		}
		if a.status < 400 {
			v.Errorf("POST %s: status %d, want a refusal: %s", r.path, a.status, a.body)
		}
		v.said[fmt.Sprintf("refusal %d of POST %s", i, r.path)] = a.body
	}
	wrong := *v.p
	wrong.env = append(slices.Clone(v.p.env), "PAYWATT_URL=http://"+v.srv.http, "PAYWATT_KEY="+v.owner.key+"x")
	sell := []string{"vend", m.number, "5"}
	out, errOut, code := wrong.try("", sell...)
	v.said["arguments of paywatt vend"] = []byte(strings.Join(sell, "\x00"))
	if code == 0 || !strings.Contains(errOut, "key") {
		v.Errorf("a wrong key sells, exit %d: %s %s", code, out, errOut)
	}
	v.said["error of paywatt vend"] = []byte(out + errOut)
}

// scan looks for every secret in the log, the arguments of the server, its files with the backup, and all collected answers.
func (v *vault) scan() {
	v.Helper()
	args, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", v.srv.cmd.Process.Pid))
	if err != nil {
		v.Fatal(err)
	}
	v.said["arguments of the server"], v.said["log"] = args, []byte(v.srv.log.String())
	files, size := 0, 0
	read := func(when string) {
		err := filepath.WalkDir(filepath.Dir(v.p.dir), func(path string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() || path == v.p.pass {
				return err
			}
			text, err := os.ReadFile(path)
			for _, leak := range leaksIn(text, filepath.Base(path), v.all) {
				v.Errorf("%s: %s contains the %s", when, path, leak)
			}
			files, size = files+1, size+len(text)
			return err
		})
		if err != nil {
			v.Fatal(err)
		}
	}
	read("while the server runs")
	v.srv.stop()
	for who, heard := range v.heard {
		v.said[who] = []byte(heard.String())
	}
	v.said["log at the end"] = []byte(v.srv.log.String())
	for what, text := range v.said {
		for _, leak := range leaksIn(text, what, v.all) {
			v.Errorf("%s contains the %s", what, leak)
		}
		size += len(text)
	}
	v.Logf("figures: %d secrets, looked for in %d answers and %d files, %d bytes", len(v.all), len(v.said), files, size)
}
