package demo

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

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/client"
	"github.com/paywatt/paywatt/internal/app"
	"github.com/paywatt/paywatt/internal/atomicfile"
)

// The public test vending key and its supply group. No real meter uses it.
const (
	vendingKey = "abababababababab"
	group      = "123456"
	owner      = "owner@demo.paywatt"
)

// Server is a throw-away folder with an ordinary server in it. The rest of the demonstration has no special access to
// that server: it uses an address, a key and passwords.
type Server struct {
	// Dir is the folder, Key an API key.
	Dir, Key string
	// Modem is the serial port of the server's own GSM modem, "" for none. Now is the server's clock, nil for the
	// machine's.
	Modem string
	Now   func() time.Time

	temp       *atomicfile.PrivateFolder
	data       string
	pass       string // passphrase of the key store
	password   string // password of the owner
	tour       *app.Tour
	panel      string // address pattern of the meters' pages, "" for none
	http, mqtt string // the addresses; unchanged by a restart
	log        *tail
	logger     *slog.Logger
	program    Program

	setup  string
	cancel context.CancelFunc
	// ended is closed when the server has stopped; end is then the reason.
	ended chan struct{}
	end   error
}

// NewPlace makes the folder with a key store, a vending key and an API key, as a first user would.
func NewPlace(ctx context.Context, program Program) (p *Server, err error) {
	temp, err := atomicfile.NewPrivateFolder(os.TempDir())
	if err != nil {
		return nil, fmt.Errorf("make the demonstration's folder: %w", err)
	}
	dir := temp.Dir()
	p = &Server{Dir: dir, temp: temp, data: filepath.Join(dir, "data"), pass: rand.Text(), password: rand.Text()[:16],
		http: "127.0.0.1:0", mqtt: "127.0.0.1:0", log: &tail{}, program: program}
	p.logger = slog.New(slog.NewTextHandler(p.log, nil))
	defer func() {
		if err != nil {
			err = errors.Join(err, p.Remove())
		}
	}()
	if err := os.WriteFile(p.passFile(), []byte(p.pass+"\n"), 0o600); err != nil {
		return nil, fmt.Errorf("write the passphrase: %w", err)
	}
	if _, err := p.run(ctx, vendingKey, "vendingkey", "add", "--sgc", group, "--krn", "1", "--kt", "2", "--dkga", "02",
		"--base-date", "2014", "--key-file", "-", "--test", "--data", p.data); err != nil {
		return nil, err
	}
	key, err := p.run(ctx, "", "apikey", "create", "--role", "owner", "--name", "demonstration", "--data", p.data)
	p.Key = strings.TrimSpace(key)
	return p, err
}

func (p *Server) passFile() string { return filepath.Join(p.Dir, "passphrase") }

// WriteLog writes the end of the log of server and commands.
func (p *Server) WriteLog(w io.Writer) error {
	_, err := p.log.WriteTo(w)
	return err
}

// WriteWarnings writes what the server has warned of.
func (p *Server) WriteWarnings(w io.Writer) error { return p.log.writeWarnings(w) }

// Remove deletes the folder and everything in it.
func (p *Server) Remove() error { return p.temp.Remove() }

// own returns the console of a command that the demonstration runs itself. Its environment does not have the user's own
// settings and keys.
func (p *Server) own(in io.Reader, out io.Writer) Console {
	return Console{In: in, Out: out, Err: p.log, Getenv: func(name string) string {
		if name == "PAYWATT_PASSPHRASE_FILE" {
			return p.passFile()
		}
		return ""
	}}
}

// run runs a command line of this program as if it were typed, and returns its output.
func (p *Server) run(ctx context.Context, stdin string, args ...string) (string, error) {
	var out bytes.Buffer
	err := p.program.Run(ctx, p.own(strings.NewReader(stdin), &out), args...)
	if err != nil {
		err = fmt.Errorf("paywatt %s: %w", strings.Join(args[:min(2, len(args))], " "), err)
	}
	return out.String(), err
}

// Start starts the server. A restart uses the same addresses. It reserves no disk space, because nothing here must survive a
// full disk.
func (p *Server) Start() error {
	c := p.program.Server
	c.Data, c.HTTP, c.MQTT, c.Passphrase, c.Log = p.data, p.http, p.mqtt, []byte(p.pass), slog.New(slog.NewTextHandler(serverLog{p.log}, nil))
	c.Test, c.PanelURL, c.Tour, c.Reserve, c.Now = true, p.panel, p.tour, -1, p.Now
	c.PasswordCost.Time, c.PasswordCost.MemoryKiB, c.PasswordCost.Threads = 1, 8, 1 // the password of a demo stands on the screen
	if p.Modem != "" {
		c.Routes = app.ModemRoutes(p.Modem, Authority)
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

// Stop stops the server and waits until it has ended. It does nothing if no server runs.
func (p *Server) Stop() error {
	if p.cancel == nil {
		return nil
	}
	p.cancel()
	<-p.ended
	p.cancel = nil
	return p.end
}

// URL returns the console's address.
func (p *Server) URL() string { return "http://" + p.http }

// API returns a client with the demonstration's key.
func (p *Server) API() (*client.Client, error) {
	return client.New(p.URL(), p.Key, client.Config{UserAgent: "paywatt-demo"})
}

// errNoSignIn is returned if the console does not answer as a browser would expect.
var errNoSignIn = errors.New("console sign-in")

// addOwner creates the first owner on the set-up page, signs in and returns the next page.
func (p *Server) addOwner(ctx context.Context) (page string, err error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return "", err
	}
	browser := &http.Client{Jar: jar, Timeout: patience}
	path, query, _ := strings.Cut(p.setup, "?")
	link, err := url.ParseQuery(query)
	if err != nil || path == "" {
		return "", fmt.Errorf("%w: the server offers no set-up page", errNoSignIn)
	}
	person := url.Values{"name": {"Demo Owner"}, "email": {owner}, "password": {p.password}}
	made := url.Values{"code": link["code"]}
	for name, v := range person {
		made[name] = v
	}
	if _, err := p.post(ctx, browser, path, made, "/signin"); err != nil {
		return "", err
	}
	// A server without meters begins with its checklist.
	return p.post(ctx, browser, "/signin", person, "/start")
}

// post sends a form and checks that it is redirected to a page.
func (p *Server) post(ctx context.Context, browser *http.Client, path string, form url.Values, want string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.URL()+path, strings.NewReader(form.Encode()))
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

// domestic is the tariff of every customer: 2.50 KES per kilowatt-hour and 15 % VAT.
func domestic() apiv1.NewTariff {
	flat := int64(2_500_000)
	return apiv1.NewTariff{Name: "domestic", Price: apiv1.Price{Currency: "KES", VATBps: 1500, FlatMicro: &flat}}
}

// Register adds a virtual meter of a customer. sim is the number of its modem, empty for none.
func (p *Server) Register(ctx context.Context, api *client.Client, number, name, phone, sim string) (apiv1.AddedMeter, error) {
	krn, kt := int64(1), int64(2)
	m, err := api.AddMeter(ctx, apiv1.NewMeter{Number: number, Mode: "prepay_token", Tariff: "domestic", SGC: group, KRN: &krn, KT: &kt,
		TI: "01", Customer: &apiv1.Customer{Name: name, Phone: phone}, Simulated: true, SIMPhone: sim})
	if err != nil {
		return m, fmt.Errorf("register meter %s: %w", number, err)
	}
	return m, nil
}
