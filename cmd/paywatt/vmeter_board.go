package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"syscall"

	"github.com/paywatt/paywatt/internal/device"
	"github.com/paywatt/paywatt/internal/device/link"
	"github.com/paywatt/paywatt/internal/device/linux"
	"github.com/paywatt/paywatt/internal/exit"
	"github.com/paywatt/paywatt/internal/logkey"
)

// boardOptions are the options of a meter on a board of real parts.
type boardOptions struct {
	file     string
	kernel   linux.Kernel
	hardware *linux.Hardware
}

// checkBoard refuses options that do not go with a board.
func (o *vmeterOptions) checkBoard() error {
	switch {
	case o.board.file == "":
		return nil
	case o.script || o.panel != "":
		return usage("--board cannot be used with --script or --panel.", "Leave them out. The keypad is that of the board, and the display is standard output.")
	case o.screen.speed != 1:
		return usage("--board cannot be used with --speed.", "Leave it out. The meter runs in real time.")
	case o.state == "":
		return usage("--board needs --state.", "Add --state with a folder for the meter's memory, so that paid units are not lost.")
	}
	return nil
}

// openBoard gives the meter the parts of its board file.
func (o *vmeterOptions) openBoard(c console, cfg *device.Config) error {
	if o.board.file == "" {
		return nil
	}
	text, err := os.ReadFile(o.board.file)
	if err != nil {
		return &exit.Failure{Code: exit.Failed, What: "The board file cannot be read: " + err.Error() + ".", Not: "The meter was not started.", Try: "Check the path."}
	}
	file, err := linux.ParseFile(string(text))
	if err != nil {
		return &exit.Failure{Code: exit.Usage, What: "The board file " + o.board.file + " is not valid: " + strings.ReplaceAll(err.Error(), "\n", "; ") + ".",
			Not: "The meter was not started.", Try: "Correct it. docs/operate/linux-board.md lists all keys."}
	}
	if o.board.hardware, err = linux.Open(o.board.kernel, file); err != nil {
		return boardFailure(file.Chip, err)
	}
	card := cfg.Board.Card
	cfg.Board = o.board.hardware.Board
	cfg.Board.Card, cfg.Board.Display = card, &lineDisplay{out: c.out}
	return nil
}

// boardFailure explains why a board cannot be used.
func boardFailure(chip string, err error) error {
	f := &exit.Failure{Code: exit.Failed, What: "The board cannot be used: " + err.Error() + ".", Not: "The meter was not started, and no line was switched.", Try: "Check the board file and the wiring."}
	switch {
	case errors.Is(err, errors.ErrUnsupported):
		f.What, f.Try = "A board needs Linux: this system has no GPIO character devices.", "Run the meter on Linux 5.10 or newer, or without --board."
	case errors.Is(err, fs.ErrNotExist):
		f.What, f.Try = "There is no device "+chip+".", "List the chips with gpiodetect and correct chip in the board file. The kernel needs CONFIG_GPIO_CDEV."
	case errors.Is(err, fs.ErrPermission):
		f.What, f.Try = "This user may not open "+chip+".", "Add the user to the group that owns it, such as gpio."
	case errors.Is(err, syscall.EBUSY):
		f.Try = "End the program that has the line; gpioinfo names it."
	case errors.Is(err, syscall.EINVAL), errors.Is(err, syscall.ENOTTY):
		f.Try = "Compare the lines with gpioinfo. The kernel must be 5.10 or newer."
	}
	return f
}

// runBoard runs the meter in real time until ctx ends.
func (o *vmeterOptions) runBoard(ctx context.Context, cfg *device.Config, dev *device.Device, modem *link.Modem) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	h := o.board.hardware
	do := make(chan func(*device.Device) error)
	scanned := make(chan error, 1)
	go func() { scanned <- h.Scan(ctx) }()
	if modem != nil {
		go deliver(ctx, modem, do)
	}
	err := device.Live(ctx, dev, device.Inputs{Pulses: h.Pulses(), Switches: h.Switches(), Do: do})
	stop()
	if failed := <-scanned; failed != nil {
		cfg.Logger.Error("keypad failed", logkey.Meter, o.number, logkey.Err, failed)
	}
	if late := h.Late(); late > 0 {
		cfg.Logger.Warn("impulses counted late", logkey.Meter, o.number, "impulses", late)
	}
	if err != nil {
		return &exit.Failure{Code: exit.Failed, What: "The meter stopped: " + err.Error() + ".",
			Not: "No confirmed token was lost.", Try: "Start it again with the same --state. It continues from there."}
	}
	return nil
}

// deliver passes the server's messages to the meter's goroutine.
func deliver(ctx context.Context, modem *link.Modem, do chan<- func(*device.Device) error) {
	for {
		select {
		case <-ctx.Done():
			return
		case m := <-modem.Messages():
			select {
			case <-ctx.Done():
				return
			case do <- func(d *device.Device) error { return d.Receive(m.Down, m.Topic, m.Payload) }:
			}
		}
	}
}

// lineDisplay writes each change of the display as a line.
type lineDisplay struct {
	out   io.Writer
	lines []string
}

// Show implements board.Display.
func (d *lineDisplay) Show(lines []string) error {
	if slices.Equal(lines, d.lines) {
		return nil
	}
	d.lines = slices.Clone(lines)
	_, err := fmt.Fprintln(d.out, strings.Join(lines, " | "))
	return err
}
