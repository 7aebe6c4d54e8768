package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/paywatt/paywatt/internal/device"
	"github.com/paywatt/paywatt/internal/device/face"
	"github.com/paywatt/paywatt/internal/device/terminal"
	"github.com/paywatt/paywatt/meter"
	"github.com/paywatt/paywatt/meter/panel"
)

// screenOptions are the options for the display of a virtual meter.
type screenOptions struct {
	ascii    bool
	speed    int
	display  string
	language string
	codes    string
	tariff   string

	// on is set if this terminal shows the meter. The log then goes to notes.
	on     bool
	notes  terminal.Notes
	size   panel.Size
	speaks meter.Language
	setup  panel.Setup
}

func (o *screenOptions) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.BoolVar(&o.ascii, "ascii", false, "draw the terminal with ASCII only (default: if the locale is not UTF-8)")
	f.IntVar(&o.speed, "speed", 1, "speed of the meter's clock in the terminal: 0 (stopped), 1, 60 or 600 times real time")
	o.display, o.language = panel.Small.String(), meter.English.String()
	choiceFlag(f, &o.display, "display", "size of the display: "+panel.Small.String()+" or "+panel.Large.String(), []string{panel.Small.String(), panel.Large.String()})
	choiceFlag(f, &o.language, "language", "language of a new meter until it is configured: en, sw or fr", []string{"en", "sw", "fr"})
	f.StringVar(&o.codes, "short-codes", "", "short codes of the maker by page, such as register=800,power=801 (default: 01 credit, 03 emergency, …)")
	f.StringVar(&o.tariff, "tariff-text", "", "text on the page of the tariff")
}

// open checks the options. inTerminal means that this terminal shows the meter.
func (o *screenOptions) open(c console, inTerminal bool) error {
	o.speaks = meter.English
	for o.speaks.String() != o.language && o.speaks < meter.French {
		o.speaks++
	}
	if o.speaks.String() != o.language {
		return usage("The meter has no language "+o.language+".", "Give en, sw or fr.")
	}
	switch o.display {
	case panel.Small.String():
	case panel.Large.String():
		o.size = panel.Large
	default:
		return usage("--display "+o.display+" does not exist.", "Give "+panel.Small.String()+" or "+panel.Large.String()+".")
	}
	if !slices.Contains(face.Speeds(), o.speed) {
		return usage(fmt.Sprintf("--speed cannot be %d.", o.speed), "Give 0, 1, 60 or 600. The key t changes it later.")
	}
	codes, err := panel.ParseCodes(o.codes)
	if err != nil {
		return usage("--short-codes: "+err.Error()+".", "Give pages with their codes, such as register=800,power=801.")
	}
	o.setup = panel.Setup{Codes: codes, Tariff: o.tariff}
	if !inTerminal {
		return nil
	}
	if !isTerminal(c.in) || !isTerminal(c.out) {
		return usage("Standard input and output are not a terminal, so the meter cannot be shown there.",
			"Give --script for lines on standard input, or --panel 127.0.0.1:8090 for display and keypad in a browser.")
	}
	o.on = true
	o.ascii = o.ascii || !utf8Locale(c.getenv)
	return nil
}

func isTerminal(stream any) bool {
	f, is := stream.(*os.File)
	return is && term.IsTerminal(int(f.Fd()))
}

// utf8Locale reports whether the terminal can be expected to show more than ASCII.
func utf8Locale(getenv func(string) string) bool {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if v := strings.ToLower(getenv(name)); v != "" {
			return strings.Contains(v, "utf-8") || strings.Contains(v, "utf8")
		}
	}
	return false
}

// logger writes to the notes on the screen, without times.
func (o *screenOptions) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(&o.notes, &slog.HandlerOptions{ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
		if len(groups) == 0 && a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}}))
}

// stranger is the number that sends messages if no telephone is registered; the meter does not know it.
const stranger = "+254700000000"

// run shows the meter in this terminal until the user leaves.
func (o *screenOptions) run(ctx context.Context, c console, dev *device.Device, n face.Net, phones []string) error {
	phone := stranger
	if len(phones) > 0 {
		phone = phones[0]
	}
	return terminal.Run(ctx, terminal.Config{
		Device: dev, Net: n, Log: o.logger(), Notes: &o.notes, In: c.in, Out: c.out,
		Environ: os.Environ(), ASCII: o.ascii, Speed: o.speed, Phone: phone,
	})
}
