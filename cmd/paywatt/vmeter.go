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
	"strings"
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
		Short: "Run a virtual meter",
		Long: "Run a virtual meter with display and keypad: in this terminal, by lines on standard input (--script), or as a web page\n" +
			"(--panel ADDR). It runs with a server (--mqtt, --password, --link-key) or without one (--offline).\n\n" +
			"With --script each line is a command and each command prints one JSON line of state:\n" +
			"  load W · run 90m · key DIGITS*# · sms FROM TEXT · power off|on · rtc RFC3339 · sync ·\n" +
			"  wait relay=open 10s · tamper KIND on|off · show · quit\n" +
			"Time is virtual: it passes only in run. docs/operate/virtual-meter.md has the details.\n\n" +
			"With --board it counts, switches and reads keys on the GPIO lines of a Linux board, in real time (docs/operate/linux-board.md).\n\n" +
			"With --legacy it runs as an unmodified Arduino sketch instead, on a listener of serve --mqtt-legacy (docs/guide/devices.md).",
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
		panic(err) // keyOptions no longer has this option
	}
	f.StringVar(&o.broker, "mqtt", "", "server to connect to: mqtt://host:port or host:port")
	f.StringVar(&o.password, "password", "", "MQTT password of the meter")
	f.StringVar(&o.link, "link-key", "", "link key of the meter, 64 hex digits")
	f.BoolVar(&o.offline, "offline", false, "run without a server")
	f.StringVar(&o.state, "state", "", "folder of the meter's memory (default: none, the memory is lost at the end)")
	f.StringVar(&o.card, "card", "", "folder of the memory card, with a CSV file per month of what the meter records")
	f.StringVar(&o.made, "made", "", "time of manufacture of a new meter, such as 2026-11-20T08:00:00Z; it refuses older tokens")
	f.StringVar(&o.document, "config", "", "JSON file with the configuration of a new meter until a server sends one (docs/reference/meter-config.md)")
	choiceFlag(f, &o.mode, "mode", "payment mode of a new meter until a server sends one: token, or wallet, which needs no key (default: token)", []string{"token", "wallet"})
	f.StringArrayVar(&o.phones, "phone", nil, "registered telephone number, repeatable; the first is the customer's")
	f.BoolVar(&o.script, "script", false, "read commands from standard input and write the state as JSON lines")
	f.StringVar(&o.panel, "panel", "", "address of a web page with display and keypad, such as 127.0.0.1:8090")
	o.modem.flags(f)
	o.screen.flags(cmd)
	f.StringVar(&o.board.file, "board", "", "file that describes a Linux board; the meter runs in real time on its GPIO lines (docs/operate/linux-board.md)")
	f.StringVar(&o.record, "record", "", "file for a recording of the run, for paywatt replay")
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
		return usage("No server is given.", "Add --mqtt HOST:PORT --password P --link-key HEX, or --offline.")
	case o.broker != "" && o.password == "":
		return usage("--password is missing.", "Add the password that paywatt meter add printed.")
	case o.modem.bus != "" && (o.modem.port == "" || o.panel == ""):
		return usage("--bus is given without --modem and --panel.", "Add --modem, the modem on that network, and --panel, whose page shows the customer's telephone.")
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
			return &exit.Failure{Code: exit.Failed, What: "The recording cannot be written: " + err.Error() + ".",
				Not: "The meter was not started.", Try: "Give --record a file in a folder that you may write to."}
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
	return &exit.Failure{Code: exit.Failed, What: "The meter could not save its state when it stopped: " + err.Error() + ".",
		Not: "No confirmed token was lost. Its next start counts as one after a power failure.",
		Try: "Free disk space, or repair the disk, before you start it again."}
}

// face runs the user's view of the meter: a panel, a terminal or a script.
func (o *vmeterOptions) face(ctx context.Context, c console, dev *device.Device, modem *link.Modem, l net.Listener) error {
	var n face.Net
	if modem != nil {
		n = modem
	}
	var err error
	if l != nil {
		if openToOthers(l.Addr()) {
			fmt.Fprintf(c.err, "vmeter: the panel has no sign-in. Whoever reaches %s can press its keys.\n", l.Addr())
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
			Not: "No confirmed token was lost.", Try: "Start it again with the same --state. It continues from there."}
	}
	return nil
}

// openToOthers reports whether other machines may reach an address.
func openToOthers(a net.Addr) bool {
	tcp, is := a.(*net.TCPAddr)
	return is && !tcp.IP.IsLoopback()
}

// listen opens the panel's address first, before anything else is changed.
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

// config turns the options into a device without its memory, which the method memory adds.
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
		return usage(fmt.Sprintf("--mode cannot be %q.", o.mode), "Give token or wallet.")
	case said != nil && said != any(mode):
		return usage("--mode and --config name different payment modes.", "Give one of them.")
	}
	if cfg.Document == nil {
		cfg.Document = map[string]any{}
	}
	cfg.Document["payment_mode"] = mode
	return nil
}

// meterKeys reads or derives the decoder key. If only the key is given, its attributes stay unknown.
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

// memory opens the meter's memory and returns the function that closes it.
func (o *vmeterOptions) memory(cfg *device.Config) (shut func() error, err error) {
	if o.state == "" {
		cfg.Image, cfg.Log = &memory.RAMImage{}, memory.Nothing{}
		return func() error { return nil }, nil
	}
	folder, found, err := memory.Open(o.state)
	switch {
	case errors.Is(err, memory.ErrInUse):
		return nil, &exit.Failure{Code: exit.Failed, What: "Another process runs the meter in " + o.state + ".",
			Not: "No changes were made.", Try: "End that process, or give another --state."}
	case err != nil:
		return nil, &exit.Failure{Code: exit.Failed, What: "The meter's memory cannot be opened: " + err.Error() + ".",
			Not: "The meter was not started.", Try: "Give a --state folder that you may write to, on a disk with free space."}
	}
	cfg.Image, cfg.Log, cfg.Found = folder.Image, folder.Log, found
	return folder.Close, nil
}

// cause returns the text of an error behind the text of the error that it wraps. The caller's message already says what the wrapped
// error says.
func cause(err, wrapped error) string {
	_, why, _ := strings.Cut(err.Error(), wrapped.Error()+": ")
	return strings.TrimPrefix(why, "sts: ")
}

// openFailure explains why a device did not come up.
func (o *vmeterOptions) openFailure(err error) error {
	switch {
	case errors.Is(err, device.ErrNumber):
		return usage("Meter number "+o.number+" cannot be used: "+cause(err, device.ErrNumber)+".", "Give the 11 or 13 digits on the meter, and the --state of that meter.")
	case errors.Is(err, device.ErrKey):
		return usage("The meter's key cannot be used: "+cause(err, device.ErrKey)+".",
			"Add key options for a new meter: --key, or --vending-key-file with --dkga, --sgc, --krn and --ti. An old meter has its key in --state.")
	case errors.Is(err, device.ErrDocument):
		return usage("--config "+o.document+": the meter refuses the configuration: "+err.Error()+".",
			"Correct that key, or a key that contradicts it. docs/reference/meter-config.md lists all keys.")
	case errors.Is(err, journal.ErrDamaged):
		return &exit.Failure{Code: exit.Failed, What: "The meter's memory in " + o.state + " is damaged: " + err.Error() + ".",
			Not: "The meter was not started, because it is not known which tokens were used.",
			Try: "Begin a new meter with an empty --state and --made with the present time, so that it refuses old tokens. Do not use an " +
				"older copy of the folder: it would accept used tokens again."}
	}
	if errors.Is(err, sts.ErrBaseDate) {
		return usage("--made "+o.made+" is not possible: "+err.Error()+".", "Give a time in the range of the key's base date.")
	}
	f := &exit.Failure{Code: exit.Failed, What: fmt.Sprintf("The meter does not start: %v.", err), Not: "No confirmed token was lost.",
		Try: "Correct the cause and start it again."}
	if errors.Is(err, syscall.ENOSPC) {
		f.Try = "Free disk space and start it again."
	}
	return f
}
