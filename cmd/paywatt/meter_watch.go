package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/client"
)

// watchOptions are the options of meter watch.
type watchOptions struct {
	every time.Duration
	span  time.Duration
}

// Limits of meter watch.
const (
	minWatch = 200 * time.Millisecond // a shorter interval would be a busy loop on the server
	maxMiss  = 30                     // requests in a row without an answer before the command gives up
)

func newMeterWatch(c console) *cobra.Command {
	var o watchOptions
	cmd := &cobra.Command{
		Use:   "watch METER",
		Short: "Show the status, data and state of a meter live",
		Long: "Show the status, data and state of a meter on one line that rewrites itself on a terminal. Elsewhere a new line is written at\n" +
			"every change. With -o json each line is a JSON object. The data and state of an unmodified device are shown as it sent\n" +
			"them. The command ends when it is interrupted, or after --for.",
		Example: "  paywatt meter watch 04140001001\n  paywatt meter watch 04140001001 -o json --for 1m",
		Args:    cobra.ExactArgs(1),
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, args []string) error {
			if o.every < minWatch {
				return usage("--every "+o.every.String()+" is too short.", "Give "+minWatch.String()+" or more.")
			}
			format, err := cmd.Flags().GetString("output")
			if err != nil {
				return err
			}
			return c.watch(cmd.Context(), api, args[0], o, format == "json")
		}),
	}
	cmd.Flags().DurationVar(&o.every, "every", time.Second, "time between two requests to the server, such as 5s")
	cmd.Flags().DurationVar(&o.span, "for", 0, "time after which the command ends, such as 1m (default: until interrupted)")
	return cmd
}

// watched is a meter at one moment, as -o json writes it.
type watched struct {
	At time.Time `json:"at"`
	apiv1.Device
}

// watch polls the device. It tolerates a server that does not answer for a while, because it may be restarting.
func (c console) watch(ctx context.Context, api *client.Client, meter string, o watchOptions, lines bool) error {
	if o.span > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, o.span)
		defer cancel()
	}
	out := statusLine{c: c, json: lines}
	tick := time.NewTicker(o.every)
	defer tick.Stop()
	for missed, known := 0, false; ; {
		d, err := api.Device(ctx, meter)
		switch {
		case ctx.Err() != nil:
			return out.end()
		case err != nil && (!known || missed >= maxMiss):
			return err
		case err != nil:
			if missed++; missed == 1 {
				c.tell("paywatt: the server does not answer: %v. Trying again.", err)
			}
		default:
			missed, known = 0, true
			if err := out.show(d, time.Now()); err != nil {
				return err
			}
		}
		select {
		case <-ctx.Done():
			return out.end()
		case <-tick.C:
		}
	}
}

// statusLine writes the status when it changes.
type statusLine struct {
	c     console
	json  bool
	last  string
	shown bool
}

// show writes a device if its status has changed: over the last line on a terminal, and elsewhere as a new line.
func (s *statusLine) show(d apiv1.Device, now time.Time) error {
	text := printable(statusText(d))
	if text == s.last {
		return nil
	}
	s.last = text
	switch {
	case s.json:
		return writeJSON(s.c.out, watched{now.UTC().Truncate(time.Millisecond), d}, "")
	case isTerminal(s.c.out):
		line := now.Format("15:04:05") + "  " + text
		if width := s.width(); len([]rune(line)) >= width {
			line = string([]rune(line)[:width-1])
		}
		s.shown = true
		_, err := fmt.Fprint(s.c.out, "\r\x1b[K"+line)
		return err
	}
	_, err := fmt.Fprintln(s.c.out, now.Format(time.RFC3339)+"  "+text)
	return err
}

// width is the width of the terminal. A longer line would wrap and could not be overwritten.
func (s *statusLine) width() int {
	if f, ok := s.c.out.(*os.File); ok {
		if w, _, err := term.GetSize(int(f.Fd())); err == nil && w > 1 {
			return w
		}
	}
	return 80
}

// end finishes the line.
func (s *statusLine) end() error {
	if !s.shown {
		return nil
	}
	_, err := fmt.Fprintln(s.c.out)
	return err
}

// statusText is the line: the meter's status, its data and its state.
func statusText(d apiv1.Device) string {
	status := "offline"
	if d.Connected {
		status = "connected"
	}
	if d.Started != "" {
		status += " (" + d.Started + ")"
	}
	data := fmt.Sprintf("%d W", (d.PowerMW+500)/1000)
	if d.Data != "" {
		data = d.Data + " = " + data
	}
	if d.TotalKWh != "" {
		data += ", " + d.TotalKWh + " kWh"
	}
	state := "relay " + d.Relay
	if d.Relay == "" {
		state = "relay unknown"
	}
	if d.State != "" {
		state += " (" + d.State + ")"
	}
	if d.Wanted != "" {
		state += ", should be " + d.Wanted
	}
	if len(d.Reasons) > 0 {
		state += " for " + strings.Join(d.Reasons, " ")
	}
	if d.Balance != "" {
		state += ", " + d.Balance
	}
	return "status: " + status + "  data: " + data + "  state: " + state
}
