package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/paywatt/paywatt/internal/exit"
	"github.com/paywatt/paywatt/internal/gsm"
	"github.com/paywatt/paywatt/internal/gsm/pdu"
)

// modemPort are the options of a command that uses a modem.
type modemPort struct {
	port, pinFile, centre string
	baud                  int
}

func (o *modemPort) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&o.port, "port", "", "serial port of the modem, such as /dev/ttyUSB0 or one that paywatt modem serve printed")
	f.IntVar(&o.baud, "baud", 115200, "speed of the port, in bits per second")
	f.StringVar(&o.pinFile, "pin-file", "", "file with the PIN of the SIM; a wrong PIN is tried only once")
	f.StringVar(&o.centre, "centre", "", "number of the service centre (default: that of the SIM)")
}

// open makes a driver; its state changes go to standard error.
func (o *modemPort) open(c console, box gsm.Inbox, changed func(gsm.State)) (*gsm.Modem, error) {
	if o.port == "" {
		return nil, usage("No modem is given.", "Add --port, such as --port /dev/ttyUSB0.")
	}
	cfg := gsm.Config{Dial: gsm.Serial(o.port, o.baud), Inbox: box, Centre: o.centre, Changed: changed, Reference: uint8(time.Now().Unix())}
	if o.pinFile != "" {
		b, err := os.ReadFile(o.pinFile)
		if err != nil {
			return nil, &exit.Failure{Code: exit.Failed, What: "The PIN cannot be read: " + err.Error() + ".", Not: "The modem was not opened.", Try: "Give --pin-file a file that you may read."}
		}
		cfg.PIN = strings.TrimSpace(string(b))
	}
	m, err := gsm.New(cfg)
	if err != nil {
		return nil, usage("The modem options are not valid: "+err.Error()+".", "Give a PIN of digits, and a service centre such as +447785016005.")
	}
	return m, nil
}

// runModem runs the driver while f does its work.
func runModem(ctx context.Context, m *gsm.Modem, f func(context.Context) error) error {
	ctx, stop := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() { _ = m.Run(ctx) }) // Run ends only with ctx
	defer running.Wait()
	defer stop()
	return f(ctx)
}

// printer is an Inbox that writes each message and each delivery report once.
type printer struct {
	c      console
	cmd    *cobra.Command
	delete bool

	mu      sync.Mutex
	seen    map[pdu.Identity]bool
	reports chan gsm.Report
}

// arrived is a message as modem watch prints it.
type arrived struct {
	From    string    `json:"from"`
	At      time.Time `json:"at"`
	Text    string    `json:"text,omitempty"`
	Missing int       `json:"missing_parts,omitempty"`
	Frame   string    `json:"unreadable,omitempty"`
}

// Receive prints a message. The message then stays in the modem. Only --delete removes it.
func (p *printer) Receive(_ context.Context, m gsm.Message) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.seen[m.Identity] {
		p.seen[m.Identity] = true
		a := arrived{From: m.From, At: m.At, Text: m.Text, Missing: m.Missing, Frame: fmt.Sprintf("%X", m.Frame)}
		t := table{head: []string{"from", "at", "text"}}
		t.add(m.From, m.At.Format(time.RFC3339), m.Text+a.Frame)
		if err := p.c.show(p.cmd, a, t); err != nil {
			return err
		}
	}
	if !p.delete {
		return errKept
	}
	return nil
}

var errKept = errors.New("the message stays in the modem")

// Report prints a delivery report, or passes it to the caller that waits for it.
func (p *printer) Report(_ context.Context, r gsm.Report) error {
	if p.reports != nil {
		select {
		case p.reports <- r:
		default:
		}
		return nil
	}
	t := table{head: []string{"to", "reference", "state", "at"}}
	t.add(r.To, r.Reference, r.Status, r.Done.Format(time.RFC3339))
	return p.c.show(p.cmd, map[string]any{"to": r.To, "reference": r.Reference, "state": r.Status.String(), "at": r.Done}, t)
}
