package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/paywatt/paywatt/internal/app"
	"github.com/paywatt/paywatt/internal/config"
	"github.com/paywatt/paywatt/internal/exit"
	"github.com/paywatt/paywatt/internal/keystore"
	"github.com/paywatt/paywatt/internal/logkey"
	"github.com/paywatt/paywatt/internal/store/headlog"
)

func newServeCommand(c console) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run the server for people, programs and meters",
		Long: "Run the server until it is interrupted: HTTP for people and programs, MQTT for meters. The first line of standard output is\n\n" +
			"  http=127.0.0.1:41234 mqtt=127.0.0.1:41235\n\n" +
			"once every listener accepts connections. A line for each listener for a device (--mqtt-legacy) follows:\n\n" +
			"  mqtt-legacy=127.0.0.1:41236 meter=04140001001 profile=seed-a\n\n" +
			"and one each for many devices (--mqtt-devices): mqtt-devices=ADDR, for metrics (--metrics): metrics=ADDR and for the\n" +
			"integration broker (--mqtt-integration): mqtt-integration=ADDR. Without the passphrase of the key store the server starts\n" +
			"locked: it cannot sell, but everything else works.\n\n" +
			"If the settings file, the certificate, an address, the data folder or the database cannot be used, the server starts in safe\n" +
			"mode: it sells nothing, and a page at its HTTP address says what is wrong. The first line is then safe-mode http=ADDR\n" +
			"code=CODE. Once the cause is gone, it starts by itself and prints the lines above.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.serveOrSafely(cmd)
		},
	}
	settingFlags(cmd.Flags())
	return cmd
}

// private refuses to work while others can read the data folder, or a file with a secret key.
func private(dir, tlsKey, not string) error {
	if what, err := readable(dir, tlsKey); err != nil {
		return &exit.Failure{Code: exit.Refused, What: what + " must be private: " + err.Error() + ".", Not: not,
			Try: "Make it private. If others could read it before, rotate the key: docs/operate/keys.md."}
	}
	return nil
}

// readable names the first thing in a data folder that others can read, though it must be private.
func readable(dir, tlsKey string) (what string, err error) {
	for _, f := range []struct{ path, what string }{{dir, "The data folder"}, {filepath.Join(dir, keystore.FileName), "The key store"},
		{filepath.Join(dir, keystore.DataFileName), "The data key"}, {filepath.Join(dir, headlog.KeyFile), "The seal key"}, {tlsKey, "The key of the certificate"}} {
		if err := keystore.CheckPrivate(f.path); errors.Is(err, keystore.ErrNotPrivate) {
			return f.what, err
		}
	}
	return "", nil
}

// open opens the server with everything that can fail, but does not serve yet.
func (c console) open(set config.Config, log *slog.Logger) (*app.App, error) {
	dir := set.Text(config.Data)
	if err := private(dir, set.Text(config.TLSKey), "The server did not start."); err != nil {
		return nil, err
	}
	devices, err := profilesOf(dir)
	if err != nil {
		return nil, err
	}
	pass, err := c.servePassphrase(set)
	if err != nil {
		return nil, err
	}
	version := programVersion()
	where := place{dir, set.Text(config.Store)}
	if where.store == "" {
		c.tell("paywatt %s, data in %s", version.Version, dir)
	} else {
		c.tell("paywatt %s, data in %s, keys in %s", version.Version, where, dir)
	}
	return app.New(app.Config{Data: dir, Store: where.store, HTTP: set.Text(config.HTTP), MQTT: set.Text(config.MQTT),
		TLSCert: set.Text(config.TLSCert), TLSKey: set.Text(config.TLSKey), CertificateEvery: c.periods.certificate,
		MeterCA: set.Text(config.MQTTCA), MeterRevoked: set.Text(config.MQTTRevoked), CertificatesOnly: set.On(config.MQTTCertificates),
		Proxies: set.Proxies(), Hosts: set.List(config.Host), Metrics: set.Text(config.Metrics), HeadsTo: set.Text(config.HeadsTo),
		Standbys: set.Number(config.Standbys), Server: set.Text(config.ServerName),
		PublicURL: set.Text(config.PublicURL), PayByPhone: set.On(config.PayByPhone),
		Passphrase: pass, Version: version, Log: log, Legacy: set.Legacy(), LegacyPoll: set.Duration(config.LegacyPollInterval),
		Profiles: devices, Devices: set.Text(config.MQTTDevices), Integration: set.Text(config.MQTTIntegration),
		Routes: set.Routes(), Printers: set.Printers(), AnswerWait: set.Duration(config.SMSAnswerWait)})
}

// serve serves until ctx ends. A signal of hup makes it read its certificate again.
func (c console) serve(ctx context.Context, a *app.App, set config.Config, log *slog.Logger, hup <-chan os.Signal) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	defer withFloor()()
	dir := set.Text(config.Data)
	c.greet(a, set)
	http, _ := a.Ready()
	if _, err := io.WriteString(c.out, readyLines(a)); err != nil {
		return fmt.Errorf("write the ready line: %w", err)
	}
	log.Info("server started", logkey.Listen, http, logkey.Path, dir, logkey.Version, programVersion().Version)
	go func() {
		for {
			select {
			case <-ctx.Done():
				return
			case <-hup:
				a.Reload()
			}
		}
	}()
	if err := a.Run(ctx); err != nil {
		return &exit.Failure{Code: exit.Failed, What: "The server stopped: " + err.Error() + ".", Not: "No confirmed sale or reading was lost.",
			Try: "Find the cause with paywatt doctor --data " + dir + ", then start it again."}
	}
	log.Info("server stopped")
	return nil
}

// serverLog is the log of a server.
func (c console) serverLog(set config.Config) *slog.Logger {
	return slog.New(slog.NewTextHandler(c.err, &slog.HandlerOptions{Level: levelOf(set.Text(config.LogLevel))}))
}

// greet prints to standard error what the operator should know.
func (c console) greet(a *app.App, set config.Config) {
	addr, mqtt := a.Ready()
	scheme := "http"
	if set.Text(config.TLSCert) != "" {
		scheme = "https"
	}
	if path := a.SetupPath(); path != "" {
		c.tell("First use: open %s://%s%s (once) to create the owner's sign-in,", scheme, reachable(addr), path)
		where := " --data " + set.Text(config.Data)
		if set.Text(config.Store) != "" {
			where += " --store with the same URL" // the URL may hold a password
		}
		c.tell("or create an API key: paywatt apikey create --role owner%s", where)
	}
	if a.Locked() {
		c.tell("The key store is locked. The server cannot sell, but everything else works. To sell, restart it with PAYWATT_PASSPHRASE_FILE set.")
	}
	for _, l := range a.Legacy() {
		if !isLoopback(l.Address) {
			c.tell("The listener %s has no password. Whoever reaches it can act as meter %s. Keep it behind a firewall or a VPN.", l.Address, l.Meter)
		}
	}
	if shared := a.Devices(); shared != "" && !isLoopback(shared) {
		c.tell("The listener %s for devices is not encrypted. Keep it behind a firewall or a VPN, and give it a password: paywatt device password.", shared)
	}
	more := a.Integration()
	if scheme == "http" && !(isLoopback(addr) && isLoopback(mqtt) && (more == "" || isLoopback(more))) {
		c.tell("Connections are not encrypted: passwords and keys cross the network in clear text. Use --tls-cert and --tls-key, or a proxy that encrypts.")
	}
}

// reachable returns an address that this machine can use: an address that stands for every interface becomes localhost.
func reachable(addr string) string {
	host, port, err := net.SplitHostPort(addr)
	if ip := net.ParseIP(host); err == nil && ip != nil && ip.IsUnspecified() {
		return net.JoinHostPort("localhost", port)
	}
	return addr
}

func isLoopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	ip := net.ParseIP(host)
	return err == nil && ip != nil && ip.IsLoopback()
}

// readyLines returns the lines that say that the server is ready. The first line has the addresses (docs/operate/running.md#starting). Then
// come a line for each device listener and a line for the integration broker.
func readyLines(a *app.App) string {
	http, mqtt := a.Ready()
	lines := fmt.Sprintf("http=%s mqtt=%s\n", http, mqtt)
	for _, l := range a.Legacy() {
		lines += fmt.Sprintf("mqtt-legacy=%s meter=%s profile=%s\n", l.Address, l.Meter, l.Profile)
	}
	if addr := a.Devices(); addr != "" {
		lines += "mqtt-devices=" + addr + "\n"
	}
	if addr := a.Metrics(); addr != "" {
		lines += "metrics=" + addr + "\n"
	}
	if addr := a.Integration(); addr != "" {
		lines += "mqtt-integration=" + addr + "\n"
	}
	return lines
}

// servePassphrase finds the passphrase; the settings file may name its file too.
func (c console) servePassphrase(set config.Config) ([]byte, error) {
	if path := set.Text(config.PassphraseFile); path != "" && c.getenv("PAYWATT_PASSPHRASE_FILE") == "" {
		named := c
		named.getenv = func(name string) string {
			if name == "PAYWATT_PASSPHRASE_FILE" {
				return path
			}
			return c.getenv(name)
		}
		return named.passphrase(false)
	}
	return c.passphrase(false)
}

func levelOf(name string) slog.Level {
	var l slog.Level
	if l.UnmarshalText([]byte(name)) != nil {
		return slog.LevelInfo
	}
	return l
}

// freeAddress says how to get an address that another program uses.
func freeAddress(err error) string {
	var taken *app.ListenError
	if !errors.As(err, &taken) {
		return "Stop the program that uses it, or choose another address. Port 0 chooses a free port."
	}
	flag := "--" + strings.ReplaceAll(taken.Setting, "_", "-")
	find := ""
	if _, port, err := net.SplitHostPort(taken.Address); err == nil {
		find = " (ss -ltnp sport = :" + port + " names it)"
	}
	return "Stop the program that uses it" + find + ", or choose another address with " + flag + ". Port 0 chooses a free port."
}

// serveFailure explains why the server did not start.
func serveFailure(set config.Config, err error) *exit.Failure {
	var said *exit.Failure
	if errors.As(err, &said) {
		return said
	}
	dir := set.Text(config.Data)
	where := place{dir, set.Text(config.Store)}
	if f := sharedFailure(where, err); f != nil {
		f.Not = "The server was not started. No changes were made."
		return f
	}
	var dial *net.OpError
	switch {
	case errors.Is(err, app.ErrLegacy):
		return &exit.Failure{Code: exit.Usage, What: "The listeners for devices cannot be opened: " + err.Error() + ".", Not: "The server was not started.",
			Try: "Correct --mqtt-legacy ADDR=METER[:PROFILE]."}
	case errors.Is(err, app.ErrRoute):
		return &exit.Failure{Code: exit.Usage, What: "The routes for messages cannot be opened: " + err.Error() + ".", Not: "The server was not started.",
			Try: "Correct --sms-modem PORT[=NUMBER], or [[sms_route]] in " + config.FileName + "."}
	case errors.Is(err, syscall.EADDRINUSE):
		return &exit.Failure{Code: exit.Failed, What: "An address is in use: " + err.Error() + ".", Not: "The server was not started.",
			Try: freeAddress(err)}
	case errors.As(err, &dial):
		return &exit.Failure{Code: exit.Failed, What: "The server cannot listen: " + err.Error() + ".", Not: "The server was not started.",
			Try: "Give an address of this machine with --http and --mqtt."}
	case errors.Is(err, app.ErrCertificate):
		return &exit.Failure{Code: exit.Failed, What: sentenceOf(err), Not: "The server was not started.",
			Try: "Check --tls-cert, --tls-key, --mqtt-ca and --mqtt-revoked."}
	}
	f := folderFailure(where, err)
	f.Not = cmp.Or(f.Not, "The server was not started.")
	return f
}
