package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strconv"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/paywatt/paywatt/internal/device"
	"github.com/paywatt/paywatt/internal/device/card"
	"github.com/paywatt/paywatt/internal/device/face"
	"github.com/paywatt/paywatt/internal/device/flight"
	"github.com/paywatt/paywatt/internal/device/link"
	"github.com/paywatt/paywatt/internal/device/linux"
	"github.com/paywatt/paywatt/internal/device/memory"
	"github.com/paywatt/paywatt/internal/device/panelweb"
	"github.com/paywatt/paywatt/internal/device/script"
	"github.com/paywatt/paywatt/internal/exit"
	"github.com/paywatt/paywatt/meter"
	"github.com/paywatt/paywatt/meter/journal"
	"github.com/paywatt/paywatt/sts"
	"github.com/paywatt/paywatt/wire"
)

// vmeterOptions are the options of one virtual meter.
type vmeterOptions struct {
	number         string
	keys           keyOptions
	broker         string
	password, link string
	offline        bool
	state, card    string
	made, document string
	mode           string
	phones         []string
	script         bool
	panel          string
	record         string
	screen         screenOptions
	legacy         string
	modem          modemOptions
	board          boardOptions
}

func newVmeterCommand(c console) *cobra.Command {
	o := vmeterOptions{board: boardOptions{kernel: linux.System()}}
	cmd := &cobra.Command{
		Use:   "vmeter NUMBER",
		Short: "Run one virtual meter",
		Long: "Run one virtual meter with display and keypad, in this terminal, by lines on standard input (--script) or as a web\n" +
			"page of its own process (--panel ADDR). It runs against a server (--mqtt, --password, --link-key) or alone (--offline).\n\n" +
			"With --script each line is a command and each command prints one JSON line of state:\n" +
			"  load W · run 90m · key DIGITS*# · sms FROM TEXT · power off|on · rtc RFC3339 · sync ·\n" +
			"  wait relay=open 10s · tamper KIND on|off · show · quit\n" +
			"Time is virtual: it stands still but in run. docs/operate/virtual-meter.md has the details.\n\n" +
			"With --board it counts, switches and reads keys on the GPIO lines of a Linux board, in real time (docs/operate/linux-board.md).\n\n" +
			"With --legacy it is an unmodified Arduino sketch instead, on a listener of serve --mqtt-legacy (docs/guide/devices.md).",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.number, o.keys.number = args[0], args[0]
			if cmd.Flags().Changed(legacyFlag) {
				return o.runLegacy(cmd, c)
			}
			return o.run(cmd.Context(), c)
		},
	}
	o.keys.flags(cmd)
	f := cmd.Flags()
	o.legacyFlags(f)
	if err := f.MarkHidden("number"); err != nil {
		panic(err) // keyOptions no longer has it
	}
	f.StringVar(&o.broker, "mqtt", "", "server to connect to: mqtt://host:port or host:port")
	f.StringVar(&o.password, "password", "", "the meter's MQTT password")
	f.StringVar(&o.link, "link-key", "", "key that authenticates the server's messages, 64 hex digits")
	f.BoolVar(&o.offline, "offline", false, "run without a server")
	f.StringVar(&o.state, "state", "", "folder of the meter's memory (default: none, forgotten at the end)")
	f.StringVar(&o.card, "card", "", "folder that is the memory card: a CSV file a month, a copy of what the meter records")
	f.StringVar(&o.made, "made", "", "time of manufacture of a new meter, RFC 3339: tokens from before are refused")
	f.StringVar(&o.document, "config", "", "configuration of a new meter until a server sends one: a JSON file (docs/reference/meter-config.md)")
	f.StringVar(&o.mode, "mode", "", "payment mode of a new meter until a server sends one: token (default) or wallet, which needs no key")
	f.StringArrayVar(&o.phones, "phone", nil, "registered telephone number, the first is the customer's; may be repeated")
	f.BoolVar(&o.script, "script", false, "read commands from standard input, write JSON lines of state")
	f.StringVar(&o.panel, "panel", "", "serve display and keypad as a web page on this address, such as 127.0.0.1:8090")
	o.modem.flags(f)
	o.screen.flags(cmd)
	f.StringVar(&o.board.file, "board", "", "file that names the parts of a Linux board: run in real time on its lines (docs/operate/linux-board.md)")
	f.StringVar(&o.record, "record", "", "write a flight recording to this file, for paywatt replay")
	cmd.AddCommand(newVmeterMemory(c))
	return cmd
}

// check refuses options that contradict each other, before anything is opened.
func (o *vmeterOptions) check() error {
	switch {
	case o.script && o.panel != "":
		return usage("Both --script and --panel are given.", "Give one of them.")
	case o.offline && o.broker != "":
		return usage("Both --offline and --mqtt are given.", "Give one of them.")
	case !o.offline && o.broker == "":
		return usage("No server is given.", "Give --mqtt HOST:PORT --password P --link-key HEX, or --offline.")
	case o.broker != "" && o.password == "":
		return usage("--password is missing.", "It was shown when the meter was added to the server.")
	case o.modem.bus != "" && (o.modem.port == "" || o.panel == ""):
		return usage("--bus needs --modem and --panel.", "It is the network of that modem, and the page of the panel leads to a telephone on it.")
	}
	return o.checkBoard()
}

func (o *vmeterOptions) run(ctx context.Context, c console) (err error) {
	if err := o.check(); err != nil {
		return err
	}
	if err := o.screen.open(c, !o.script && o.panel == "" && o.board.file == ""); err != nil {
		return err
	}
	cfg, broker, err := o.config(c)
	if err != nil {
		return err
	}
	listener, err := o.listen(ctx)
	if err != nil {
		return err
	}
	if listener != nil {
		defer listener.Close()
	}
	if o.modem.page, err = o.modem.phonePage(ctx, o.phones); err != nil {
		return err
	}
	shut, err := o.memory(&cfg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, unclosed(shut())) }()
	if err := o.openBoard(c, &cfg); err != nil {
		return err
	}
	if h := o.board.hardware; h != nil {
		defer func() { err = errors.Join(err, h.Close()) }()
	}
	if o.record != "" {
		f, err := os.Create(o.record)
		if err != nil {
			return &exit.Failure{Code: exit.Failed, What: "The flight recording cannot be written: " + err.Error() + ".",
				Not: "The meter was not started.", Try: "Give --record a file in a folder you may write to."}
		}
		defer f.Close()
		cfg.Recorder = flight.NewRecorder(f)
	}
	dev, err := device.Open(cfg)
	if err != nil {
		return o.openFailure(err)
	}
	defer func() {
		if dev.Err() == nil {
			err = errors.Join(err, unclosed(dev.Close()))
		}
	}()
	var modem *link.Modem
	if broker != "" {
		modem = link.NewModem(ctx, link.New(link.Config{Number: o.number, Box: dev.Box(), Log: cfg.Logger},
			link.MQTT(broker, o.number, link.Password(o.password))))
		defer modem.Power(false)
	}
	if o.modem.port != "" {
		shut, err := o.modem.connect(ctx, dev, cfg.Logger)
		if err != nil {
			return err
		}
		defer shut()
	}
	if o.board.hardware != nil {
		return o.runBoard(ctx, &cfg, dev, modem)
	}
	return o.face(ctx, c, dev, modem, listener)
}

// unclosed explains why the last save was not made.
func unclosed(err error) error {
	if err == nil {
		return nil
	}
	return &exit.Failure{Code: exit.Failed, What: "The meter could not save at its end: " + err.Error() + ".",
		Not: "What it has shown as done is kept; its next start counts as one without a save.",
		Try: "Make room on the disk, or mend it, before you start it again."}
}

// face runs what the user sees of the meter.
func (o *vmeterOptions) face(ctx context.Context, c console, dev *device.Device, modem *link.Modem, l net.Listener) error {
	var n face.Net
	if modem != nil {
		n = modem
	}
	var err error
	if l != nil {
		if openToOthers(l.Addr()) {
			fmt.Fprintf(c.err, "vmeter: the panel has no sign-in: whoever reaches %s can press its keys\n", l.Addr())
		}
		fmt.Fprintf(c.out, "panel=http://%s/\n", l.Addr())
		err = panelweb.New(panelweb.Config{Device: dev, Net: n, Log: o.logger(c), Phone: o.modem.page}).Run(ctx, l)
	} else if o.screen.on {
		err = o.screen.run(ctx, c, dev, n, o.phones)
	} else {
		err = script.Run(ctx, dev, n, c.in, c.out, c.err)
	}
	if err != nil {
		return &exit.Failure{Code: exit.Failed, What: "The meter stopped: " + err.Error() + ".",
			Not: "What it has shown as done is kept.", Try: "Start it again with the same --state; it goes on from there."}
	}
	return nil
}

// openToOthers reports whether other machines may reach an address.
func openToOthers(a net.Addr) bool {
	tcp, is := a.(*net.TCPAddr)
	return is && !tcp.IP.IsLoopback()
}

// listen takes the panel's address, before anything else is touched.
func (o *vmeterOptions) listen(ctx context.Context) (net.Listener, error) {
	if o.panel == "" {
		return nil, nil
	}
	var cfg net.ListenConfig
	l, err := cfg.Listen(ctx, "tcp", o.panel)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, &exit.Failure{Code: exit.Failed, What: "The address " + o.panel + " is in use by another program.",
			Not: "The meter was not started.", Try: "Give another --panel, such as 127.0.0.1:0 for any free port."}
	case errors.Is(err, syscall.EACCES):
		return nil, &exit.Failure{Code: exit.Failed, What: "This user may not listen on " + o.panel + ".",
			Not: "The meter was not started.", Try: "Give a port above 1023."}
	case err != nil:
		return nil, usage("The panel cannot be served on "+o.panel+": "+err.Error()+".", "Give --panel HOST:PORT, such as 127.0.0.1:8090.")
	}
	return l, nil
}

func (o *vmeterOptions) logger(c console) *slog.Logger {
	if o.screen.on {
		return o.screen.logger()
	}
	return slog.New(slog.NewTextHandler(c.err, nil))
}

// config turns the options into a device; the memory is added by memory.
func (o *vmeterOptions) config(c console) (cfg device.Config, broker string, err error) {
	cfg = device.Config{
		Number: o.number, Phones: o.phones, Rand: rand.Reader, Now: time.Now().UTC(),
		Logger: o.logger(c), Display: o.screen.size, Language: o.screen.speaks, Setup: o.screen.setup,
	}
	if o.broker != "" {
		if broker, err = link.ParseBroker(o.broker); err != nil {
			return cfg, "", usage("--mqtt "+o.broker+" is not the address of a server.", "Give mqtt://host:port or host:port.")
		}
	}
	if o.link != "" {
		if cfg.LinkKey, err = wire.ParseLinkKey(o.link); err != nil {
			return cfg, "", usage("--link-key is not a link key.", "Give the 64 hex digits that were shown when the meter was added.")
		}
		cfg.HasLink = true
	}
	if o.document != "" {
		if cfg.Document, err = readDocument(o.document); err != nil {
			return cfg, "", err
		}
	}
	if err := o.paymentMode(&cfg); err != nil {
		return cfg, "", err
	}
	if o.card != "" {
		cfg.Board.Card = card.New(o.card)
	}
	if o.made != "" {
		if cfg.Made, err = time.Parse(time.RFC3339, o.made); err != nil {
			return cfg, "", usage("--made "+o.made+" is not a time.", "Give it as 2026-11-20T08:00:00Z.")
		}
	}
	if o.keys.given() {
		if cfg.Keys, err = o.meterKeys(c); err != nil {
			return cfg, "", err
		}
	}
	return cfg, broker, nil
}

// paymentMode puts --mode into the document of a new meter.
func (o *vmeterOptions) paymentMode(cfg *device.Config) error {
	mode := map[string]string{"token": "prepay_token", "wallet": "prepay_wallet"}[o.mode]
	switch said := cfg.Document["payment_mode"]; {
	case o.mode == "":
		return nil
	case mode == "":
		return usage("--mode "+o.mode+" is no payment mode.", "Give token or wallet.")
	case said != nil && said != any(mode):
		return usage("--mode and --config name different payment modes.", "Give one of them.")
	}
	if cfg.Document == nil {
		cfg.Document = map[string]any{}
	}
	cfg.Document["payment_mode"] = mode
	return nil
}

// meterKeys reads or derives the decoder key. What a bare key does not tell is left open.
func (o *vmeterOptions) meterKeys(c console) (*meter.Keys, error) {
	k, err := o.keys.load(c)
	if err != nil {
		return nil, err
	}
	const neverExpires = 255
	info := meter.KeyInfo{Base: k.BaseDate, Type: sts.KeyType(o.keys.kt), KEN: neverExpires}
	if k.Derived {
		a := k.Attributes
		sgc, err1 := strconv.ParseUint(a.SGC, 10, 32)
		ti, err2 := strconv.ParseUint(a.TI, 10, 8)
		if err := errors.Join(err1, err2); err != nil {
			return nil, usage(err.Error()+".", "Correct the key options.")
		}
		info.Named, info.SGC, info.KRN, info.TI = true, uint32(sgc), a.KRN, uint8(ti)
	}
	keys := meter.NewKeys(k.Key, info)
	return &keys, nil
}

// memory opens the meter's memory and returns what closes it.
func (o *vmeterOptions) memory(cfg *device.Config) (shut func() error, err error) {
	if o.state == "" {
		cfg.Image, cfg.Log = &memory.RAMImage{}, memory.Nothing{}
		return func() error { return nil }, nil
	}
	folder, found, err := memory.Open(o.state)
	switch {
	case errors.Is(err, memory.ErrInUse):
		return nil, &exit.Failure{Code: exit.Failed, What: "Another process runs the meter in " + o.state + ".",
			Not: "Nothing was changed.", Try: "End that process, or give another --state."}
	case err != nil:
		return nil, &exit.Failure{Code: exit.Failed, What: "The meter's memory cannot be opened: " + err.Error() + ".",
			Not: "The meter was not started.", Try: "Give a --state folder that you may write to, on a disk with room."}
	}
	cfg.Image, cfg.Log, cfg.Found = folder.Image, folder.Log, found
	return folder.Close, nil
}

// openFailure explains why a device did not come up.
func (o *vmeterOptions) openFailure(err error) error {
	switch {
	case errors.Is(err, device.ErrNumber):
		return usage("Meter number "+o.number+": "+err.Error()+".", "Give the 11 or 13 digits on the meter, and the --state of that meter.")
	case errors.Is(err, device.ErrKey):
		return usage("The meter's key: "+err.Error()+".",
			"A new meter needs key options (--key, or --vending-key-file with its companions); an old one keeps its key in --state.")
	case errors.Is(err, device.ErrDocument):
		return usage("--config "+o.document+": the meter refuses it: "+err.Error()+".",
			"Correct that key, or one that contradicts it: docs/reference/meter-config.md has them all. The meter was not made.")
	case errors.Is(err, journal.ErrDamaged):
		return &exit.Failure{Code: exit.Failed, What: "The meter's memory in " + o.state + " is damaged: " + err.Error() + ".",
			Not: "Nothing was guessed: which tokens were used cannot be told any more.",
			Try: "Begin a new meter with an empty --state and --made with the present time, so that old tokens stay refused. An older copy " +
				"of the folder does not help: it takes the tokens used since once more."}
	}
	if errors.Is(err, sts.ErrBaseDate) {
		return usage("--made "+o.made+" cannot be: "+err.Error()+".", "Give a time within the base date of the key, not before its year.")
	}
	f := &exit.Failure{Code: exit.Failed, What: fmt.Sprintf("The meter does not come up: %v.", err), Not: "What it had shown as done is kept."}
	if errors.Is(err, syscall.ENOSPC) {
		f.Try = "Make room on the disk and start it again."
	}
	return f
}
