package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/pflag"

	"github.com/paywatt/paywatt/internal/device"
	"github.com/paywatt/paywatt/internal/device/post"
	"github.com/paywatt/paywatt/internal/exit"
	"github.com/paywatt/paywatt/internal/gsm"
	"github.com/paywatt/paywatt/internal/gsm/bus"
	"github.com/paywatt/paywatt/internal/logkey"
)

// modemBaud is the speed of the modem's port; a pseudo-terminal has none.
const modemBaud = 115_200

// modemOptions are the options of a virtual meter with a GSM modem.
type modemOptions struct {
	port, pinFile, bus string
	page               string // address of the page of a telephone on the bus, once it is known
}

func (o *modemOptions) flags(f *pflag.FlagSet) {
	f.StringVar(&o.port, "modem", "", "serial port of the meter's GSM modem, real or emulated")
	f.StringVar(&o.bus, "bus", "", "address that paywatt modem serve printed after http=; the page of --panel then shows the customer's telephone")
	f.StringVar(&o.pinFile, "modem-pin-file", "", "file with the PIN of the modem's SIM; a wrong PIN is tried only once")
}

// connect gives a meter its modem. To stop the modem, call the returned function on the device's goroutine.
func (o *modemOptions) connect(ctx context.Context, dev *device.Device, log *slog.Logger) (shut func(), err error) {
	pin := ""
	if o.pinFile != "" {
		b, err := os.ReadFile(o.pinFile)
		if err != nil {
			return nil, &exit.Failure{Code: exit.Failed, What: "The PIN cannot be read: " + err.Error() + ".", Not: "The modem was not opened.",
				Try: "Give --modem-pin-file a file that you may read."}
		}
		pin = strings.TrimSpace(string(b))
	}
	shut, err = connectModem(ctx, dev, gsm.Config{Dial: gsm.Serial(o.port, modemBaud), PIN: pin, Log: log})
	if err != nil {
		return nil, usage("--modem-pin-file: "+err.Error()+".", "Give a file with a PIN of 4 to 8 digits.")
	}
	return shut, nil
}

// phonePage is the address of a telephone's page on the modem's network, with the number of the meter's SIM filled in; empty
// without a bus.
func (o *modemOptions) phonePage(ctx context.Context, phones []string) (string, error) {
	if o.bus == "" {
		return "", nil
	}
	client := bus.NewClient(o.bus)
	modems, err := client.Modems(ctx)
	if err != nil {
		return "", busFailure(err)
	}
	port, err := filepath.EvalSymlinks(o.port)
	if err != nil {
		port = o.port
	}
	phone, query := stranger, ""
	if len(phones) > 0 {
		phone = phones[0]
	}
	for _, m := range modems {
		if m.PTY == port {
			query = "?to=" + url.QueryEscape(m.Number)
		}
	}
	return client.URL + "/phone/" + url.PathEscape(phone) + "/" + query, nil
}

// connectModem gives a meter a driver for its modem. The driver starts again whenever the meter's power returns.
func connectModem(ctx context.Context, dev *device.Device, cfg gsm.Config) (shut func(), err error) {
	cfg.Log = cmp.Or(cfg.Log, slog.New(slog.DiscardHandler))
	p := post.New(cfg.Log)
	cfg.Inbox, cfg.Changed = meterInbox{p}, func(s gsm.State) { p.SetBars(bars(s)) }
	if _, err := gsm.New(cfg); err != nil {
		return nil, err
	}
	p.Connect(ctx, dev, func() post.Radio {
		var reference [1]byte
		rand.Read(reference[:]) // never fails
		cfg.Reference = reference[0]
		m, _ := gsm.New(cfg) // cannot fail: the configuration was checked above
		return meterRadio{m, cfg.Log}
	})
	return func() { p.Power(false) }, nil
}

// bars returns a signal in bars of a display, 1 to 4; 0 without a network.
func bars(s gsm.State) int {
	switch {
	case s.Phase != gsm.Ready:
		return 0
	case s.Signal == 0: // the signal is unknown
		return 1
	case s.Signal >= -75:
		return 4
	case s.Signal >= -87:
		return 3
	case s.Signal >= -99:
		return 2
	}
	return 1
}

// meterInbox passes incoming messages to the meter.
type meterInbox struct{ post *post.Post }

// Receive implements gsm.Inbox. It drops a message that it cannot read: the meter could not answer it, and the SIM must not fill up.
func (i meterInbox) Receive(ctx context.Context, m gsm.Message) error {
	if m.Frame != nil {
		return nil
	}
	return i.post.Deliver(ctx, device.Arrival{Identity: m.Identity, From: m.From, Text: m.Text})
}

// Report implements gsm.Inbox. The meter asks for no reports.
func (i meterInbox) Report(context.Context, gsm.Report) error { return nil }

// meterRadio sends the messages that the meter writes.
type meterRadio struct {
	modem *gsm.Modem
	log   *slog.Logger
}

// Run implements post.Radio.
func (r meterRadio) Run(ctx context.Context) {
	if err := r.modem.Run(ctx); err != nil {
		r.log.Error("modem ended", logkey.Err, err)
	}
}

// Send implements post.Radio.
func (r meterRadio) Send(ctx context.Context, to, text string) (post.Outcome, string) {
	s := r.modem.Send(ctx, gsm.Outgoing{To: to, Text: text})
	switch s.Outcome {
	case gsm.Accepted:
		return post.Sent, ""
	case gsm.NotSent:
		return post.Later, s.Why
	case gsm.Refused:
		return post.Never, s.Why
	}
	return post.Unknown, s.Why
}
