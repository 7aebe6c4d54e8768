package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/paywatt/paywatt/client"
	"github.com/paywatt/paywatt/internal/app"
)

// The public test vending key and the group it belongs to. Nothing in the world is locked with it.
const (
	demoVendingKey = "abababababababab"
	demoGroup      = "123456"
	demoOwner      = "owner@demo.paywatt"
)

// demoPlace is a throw-away folder with an ordinary server in it. Everything else of the demonstration is a stranger to
// that server: it knows an address, a key and passwords.
type demoPlace struct {
	dir, data  string
	pass       string           // of the key store
	password   string           // of the owner
	key        string           // of the API
	panel      string           // address pattern of the meters' panels, "" for none
	modem      string           // serial port of the server's own GSM modem, "" for none
	now        func() time.Time // the server's clock, nil for the machine's
	http, mqtt string           // the addresses; the same again after a restart
	log        *tail
	logger     *slog.Logger

	setup  string
	cancel context.CancelFunc
	// ended is closed when the server has stopped, then end says why.
	ended chan struct{}
	end   error
}

// newDemoPlace makes the folder, with a key store, a vending key and an API key, as a first user would.
func newDemoPlace(ctx context.Context) (p *demoPlace, err error) {
	dir, err := os.MkdirTemp("", "paywatt-demo-")
	if err != nil {
		return nil, fmt.Errorf("make the demonstration's folder: %w", err)
	}
	p = &demoPlace{dir: dir, data: filepath.Join(dir, "data"), pass: rand.Text(), password: rand.Text()[:16],
		http: "127.0.0.1:0", mqtt: "127.0.0.1:0", log: &tail{}}
	p.logger = slog.New(slog.NewTextHandler(p.log, nil))
	defer func() {
		if err != nil {
			err = errors.Join(err, p.remove())
		}
	}()
	if err := os.WriteFile(p.passFile(), []byte(p.pass+"\n"), 0o600); err != nil {
		return nil, fmt.Errorf("write the passphrase: %w", err)
	}
	if _, err := p.run(ctx, demoVendingKey, "vendingkey", "add", "--sgc", demoGroup, "--krn", "1", "--kt", "2", "--dkga", "02",
		"--base-date", "2014", "--key-file", "-", "--test", "--data", p.data); err != nil {
		return nil, err
	}
	key, err := p.run(ctx, "", "apikey", "create", "--role", "owner", "--name", "demonstration", "--data", p.data)
	p.key = strings.TrimSpace(key)
	return p, err
}

func (p *demoPlace) passFile() string { return filepath.Join(p.dir, "passphrase") }

// remove deletes the folder and everything in it.
func (p *demoPlace) remove() error { return os.RemoveAll(p.dir) }

// own is where a command of this program reads and writes on behalf of the demonstration. The user's own settings and
// keys are not in its environment.
func (p *demoPlace) own(in io.Reader, out io.Writer) console {
	return console{in: in, out: out, err: p.log, getenv: func(name string) string {
		if name == "PAYWATT_PASSPHRASE_FILE" {
			return p.passFile()
		}
		return ""
	}}
}

// run carries out a command line of this program as if it were typed, and returns what it prints.
func (p *demoPlace) run(ctx context.Context, stdin string, args ...string) (string, error) {
	var out bytes.Buffer
	err := p.execute(ctx, p.own(strings.NewReader(stdin), &out), args...)
	if err != nil {
		err = fmt.Errorf("paywatt %s: %w", strings.Join(args[:min(2, len(args))], " "), err)
	}
	return out.String(), err
}

func (p *demoPlace) execute(ctx context.Context, c console, args ...string) error {
	root := newRoot(c)
	root.SetArgs(args)
	root.SetIn(c.in)
	root.SetOut(c.out)
	root.SetErr(c.err)
	return root.ExecuteContext(ctx)
}

// start starts the server, at a restart on the addresses it had. It keeps no disk space in reserve: nothing here has to
// outlive a full disk.
func (p *demoPlace) start() error {
	c := app.Config{Data: p.data, HTTP: p.http, MQTT: p.mqtt, Passphrase: []byte(p.pass), Version: programVersion(),
		Log: p.logger, Test: true, PanelURL: p.panel, Reserve: -1, Now: p.now}
	if p.modem != "" {
		c.Routes = modemRoutes(p.modem, demoAuthority)
	}
	a, err := app.New(c)
	if err != nil {
		return fmt.Errorf("start the server: %w", err)
	}
	p.http, p.mqtt = a.Ready()
	p.setup = a.SetupPath()
	ctx, cancel := context.WithCancel(context.Background())
	p.cancel, p.ended = cancel, make(chan struct{})
	go func() {
		defer close(p.ended)
		p.end = a.Run(ctx)
	}()
	return nil
}

// stop ends the server and waits until it is gone. A server that was never started is stopped.
func (p *demoPlace) stop() error {
	if p.cancel == nil {
		return nil
	}
	p.cancel()
	<-p.ended
	return p.end
}

// url is the console's address.
func (p *demoPlace) url() string { return "http://" + p.http }

// api is a client with the demonstration's key.
func (p *demoPlace) api() (*client.Client, error) {
	return client.New(p.url(), p.key, client.Config{UserAgent: "paywatt-demo"})
}

// errNoSignIn is returned when the console does not do what a browser would see it do.
var errNoSignIn = errors.New("console sign-in")

// addOwner makes the first owner on the set-up page, signs in and returns the page that follows.
func (p *demoPlace) addOwner(ctx context.Context) (page string, err error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return "", err
	}
	browser := &http.Client{Jar: jar, Timeout: 20 * time.Second}
	path, query, _ := strings.Cut(p.setup, "?")
	link, err := url.ParseQuery(query)
	if err != nil || path == "" {
		return "", fmt.Errorf("%w: the server offers no set-up page", errNoSignIn)
	}
	person := url.Values{"name": {"Demo Owner"}, "email": {demoOwner}, "password": {p.password}}
	made := url.Values{"code": link["code"]}
	for name, v := range person {
		made[name] = v
	}
	if _, err := p.post(ctx, browser, path, made, "/signin"); err != nil {
		return "", err
	}
	return p.post(ctx, browser, "/signin", person, "/meters")
}

// post sends a form and wants to be led to a page.
func (p *demoPlace) post(ctx context.Context, browser *http.Client, path string, form url.Values, want string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.url()+path, strings.NewReader(form.Encode()))
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := browser.Do(req)
	if err != nil {
		return "", fmt.Errorf("%w: %w", errNoSignIn, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, client.MaxAnswer))
	if err != nil {
		return "", fmt.Errorf("%w: %w", errNoSignIn, err)
	}
	if got := resp.Request.URL.Path; resp.StatusCode != http.StatusOK || got != want {
		return "", fmt.Errorf("%w: %s led to %s with %s, expected %s with 200 OK", errNoSignIn, path, got, resp.Status, want)
	}
	return string(body), nil
}

// demoTariff is what every customer of the demonstration pays: 2.50 KES a kilowatt-hour and 15 % VAT.
func demoTariff() client.NewTariff {
	flat := int64(2_500_000)
	return client.NewTariff{Name: "domestic", Price: client.Price{Currency: "KES", VATBps: 1500, FlatMicro: &flat}}
}

// register adds a virtual meter of a customer; sim is the number of its modem, empty for none.
func (p *demoPlace) register(ctx context.Context, api *client.Client, number, name, phone, sim string) (client.AddedMeter, error) {
	krn, kt := 1, 2
	m, err := api.AddMeter(ctx, client.NewMeter{Number: number, Mode: "prepay_token", Tariff: "domestic", SGC: demoGroup, KRN: &krn, KT: &kt,
		TI: "01", Customer: &client.Customer{Name: name, Phone: phone}, Simulated: true, SIMPhone: sim})
	if err != nil {
		return m, fmt.Errorf("register meter %s: %w", number, err)
	}
	return m, nil
}
