package main

import (
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/paywatt/paywatt/internal/atomicfile"
)

// When progress is shown.
const (
	progressAfter = 2 * time.Second  // shorter work shows no progress
	progressLive  = time.Second      // between two states of the line on a terminal
	progressPlain = 10 * time.Second // between two lines elsewhere
	progressTick  = time.Second / 4
)

// progress shows on standard error that a command is still working: on a terminal a line that rewrites itself, elsewhere a
// line every ten seconds. The caller passes the time.
type progress struct {
	out         io.Writer
	live        bool
	what        string
	detail      func() string // may be nil
	began, last time.Time
	shown       bool
}

// at shows the state if a new line is due at the time now.
func (p *progress) at(now time.Time) {
	every := progressPlain
	if p.live {
		every = progressLive
	}
	if now.Sub(p.began) < progressAfter || now.Sub(p.last) < every {
		return
	}
	p.last, p.shown = now, true
	line := fmt.Sprintf("%s: %d s", p.what, int(now.Sub(p.began).Seconds()))
	if p.detail != nil {
		line += ", " + p.detail()
	}
	if p.live {
		fmt.Fprint(p.out, "\r\x1b[K"+line)
		return
	}
	fmt.Fprintln(p.out, line)
}

// end clears the line on a terminal for the next output.
func (p *progress) end() {
	if p.live && p.shown {
		fmt.Fprint(p.out, "\r\x1b[K")
	}
}

// run shows the state at each tick until it is stopped.
func (p *progress) run(ticks <-chan time.Time, stop <-chan struct{}) {
	defer p.end()
	for {
		select {
		case now := <-ticks:
			p.at(now)
		case <-stop:
			return
		}
	}
}

// progress shows that the command is still working, until the returned function is called. With -o json it shows nothing.
func (c console) progress(cmd *cobra.Command, what string, detail func() string) (done func()) {
	if format, err := cmd.Flags().GetString("output"); err != nil || format == "json" {
		return func() {}
	}
	now := time.Now()
	p := &progress{out: c.err, live: isTerminal(c.err), what: what, detail: detail, began: now, last: now}
	tick, stop, ended := time.NewTicker(progressTick), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		p.run(tick.C, stop)
	}()
	return sync.OnceFunc(func() {
		tick.Stop()
		close(stop)
		<-ended
	})
}

// mebibytesIn returns how much runs are writing in folders, for the progress of the command that writes there.
func mebibytesIn(folders ...string) func() string {
	return func() string {
		var bytes int64
		for _, folder := range folders {
			n, err := atomicfile.Unfinished(folder)
			if err != nil {
				return "size not known"
			}
			bytes += n
		}
		return fmt.Sprintf("%d MiB written", bytes>>20)
	}
}
