// Package spool prints papers on the receipt printers of the server: it knows which printer stands at which till, keeps a short queue for
// each printer, and remembers what became of each paper. A sale never waits for a printer. Start at [Spool.Queue].
//
// What was printed is remembered only while the server runs. Copies are counted elsewhere, in the database, before they are queued.
package spool

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/paywatt/paywatt/internal/logkey"
	"github.com/paywatt/paywatt/internal/print"
)

// Limits of printing.
const (
	// MaxWaiting is how many papers may wait for one printer.
	MaxWaiting = 20
	// MaxWait is how long a paper may wait. Nobody needs it later: its customer is gone, and another customer could take it away.
	MaxWait = 2 * time.Minute
	// jobWait bounds the printing of one paper.
	jobWait = 20 * time.Second
	// waitFor bounds how long somebody waits for a paper.
	waitFor = 10 * time.Second
	// lostWait bounds the time that Lost has.
	lostWait = 5 * time.Second
	// remembered is how many papers have a known outcome, the newest ones.
	remembered = 1000
)

// Printer is a receipt printer of the server. Its address comes from the settings file alone and never from a request.
type Printer struct {
	Name, Address string
	Width         int // of the paper in millimetres: 58 or 80
	CodePage      print.CodePage
	Tills, People []string // who prints there: tills by name, people by the name with which they sign in
	Automatic     bool     // each sale at these tills and of these people is printed at once
}

// Roll is the printer's paper.
func (p Printer) Roll() print.Roll {
	if p.Width == 58 {
		return print.Roll{Columns: 32, CodePage: p.CodePage}
	}
	return print.Roll{Columns: 48, CodePage: p.CodePage}
}

// Outcome is what became of a paper.
type Outcome string

// Outcomes of papers.
const (
	Queued     Outcome = "queued"
	Printed    Outcome = "printed"
	NotPrinted Outcome = "not_printed" // no part is on the paper
	Incomplete Outcome = "incomplete"  // the printer stopped in the middle
)

// Why says why a paper was not printed completely.
type Why string

// Reasons of failures.
const (
	NoAnswer Why = "no_answer"
	TooMany  Why = "too_many" // too many papers wait
	TooLate  Why = "too_late" // it waited too long
	NoPaper  Why = "no_paper" // what was to be printed could not be made
)

// Status is what is known about the newest paper of something.
type Status struct {
	Outcome Outcome
	Why     Why
	Printer string
	Copy    int // number of the copy, 0 for the original
	At      time.Time
}

// Failed reports whether the paper did not come out completely.
func (s Status) Failed() bool { return s.Outcome == NotPrinted || s.Outcome == Incomplete }

// Paper is something to print.
type Paper struct {
	Of   string // what it is about, such as a sale's id
	Copy int
	// Make returns the commands for the printer. It runs when the printer is free.
	Make func(context.Context) ([]byte, error)
	// Lost runs if no part of the paper came out, before its status says so. It may be nil.
	Lost func(context.Context)

	due  time.Time
	done chan Status // buffered; nil if nobody waits
}

// Config has the parts that a Spool needs; every field is required.
type Config struct {
	Printers []Printer
	// Send sends commands to an address.
	Send func(ctx context.Context, address string, job []byte) error
	// Begun reports for an error of Send whether a part may be on the paper.
	Begun func(error) bool
	Now   func() time.Time
	Log   *slog.Logger
}

// Spool prints.
type Spool struct {
	c      Config
	queues map[string]chan Paper

	mu     sync.Mutex
	latest map[string]Status
	order  []string // the keys of latest, the oldest first
}

// New makes a Spool. It prints while [Spool.Run] runs.
func New(c Config) *Spool {
	s := &Spool{c: c, queues: map[string]chan Paper{}, latest: map[string]Status{}}
	for _, p := range c.Printers {
		s.queues[p.Name] = make(chan Paper, MaxWaiting)
	}
	return s
}

// Printers lists the printers in the order of the settings file.
func (s *Spool) Printers() []Printer { return slices.Clone(s.c.Printers) }

// For returns the printer of a till or else of a person.
func (s *Spool) For(till, person string) (Printer, bool) {
	named := func(all []string, name string) bool {
		return name != "" && slices.ContainsFunc(all, func(n string) bool { return strings.EqualFold(n, name) })
	}
	for _, p := range s.c.Printers {
		if named(p.Tills, till) {
			return p, true
		}
	}
	for _, p := range s.c.Printers {
		if named(p.People, person) {
			return p, true
		}
	}
	return Printer{}, false
}

// Queue gives a paper to a printer and does not wait for it. [Spool.Status] then says what became of it.
func (s *Spool) Queue(printer string, p Paper) {
	p.due = s.c.Now().Add(MaxWait)
	s.note(printer, p, Queued, "")
	select {
	case s.queues[printer] <- p:
	default:
		s.lost(printer, p, TooMany)
	}
}

// lost notes that no part of a paper came out.
func (s *Spool) lost(printer string, p Paper, why Why) {
	if p.Lost != nil {
		ctx, cancel := context.WithTimeout(context.Background(), lostWait) // also when the server ends, or who asked for the paper is gone
		defer cancel()
		p.Lost(ctx)
	}
	s.note(printer, p, NotPrinted, why)
}

// Print gives a paper to a printer and waits a while for the outcome. The status is [Queued] if the printer still has not come so far.
func (s *Spool) Print(ctx context.Context, printer string, p Paper) Status {
	p.done = make(chan Status, 1)
	s.Queue(printer, p)
	ctx, cancel := context.WithTimeout(ctx, waitFor)
	defer cancel()
	select {
	case status := <-p.done:
		return status
	case <-ctx.Done():
		status, _ := s.Status(p.Of)
		return status
	}
}

// Status returns what became of the newest paper of something. It returns false if none was queued since the server began, or if that is
// forgotten.
func (s *Spool) Status(of string) (Status, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	status, ok := s.latest[of]
	return status, ok
}

func (s *Spool) note(printer string, p Paper, o Outcome, why Why) {
	status := Status{Outcome: o, Why: why, Printer: printer, Copy: p.Copy, At: s.c.Now()}
	s.mu.Lock()
	if _, known := s.latest[p.Of]; !known {
		s.order = append(s.order, p.Of)
	}
	s.latest[p.Of] = status
	if len(s.order) > remembered {
		delete(s.latest, s.order[0])
		s.order = slices.Delete(s.order, 0, 1)
	}
	s.mu.Unlock()
	if o != Queued && p.done != nil {
		p.done <- status
	}
}

// Run prints until the context ends. Each printer prints its own papers one after the other, so that no slow printer holds up another one.
func (s *Spool) Run(ctx context.Context) error {
	var all sync.WaitGroup
	for _, p := range s.c.Printers {
		all.Go(func() {
			for {
				select {
				case <-ctx.Done():
					return
				case paper := <-s.queues[p.Name]:
					s.print(ctx, p, paper)
				}
			}
		})
	}
	all.Wait()
	return nil
}

func (s *Spool) print(ctx context.Context, to Printer, p Paper) {
	if s.c.Now().After(p.due) {
		s.lost(to.Name, p, TooLate)
		return
	}
	ctx, cancel := context.WithTimeout(ctx, jobWait)
	defer cancel()
	job, err := p.Make(ctx)
	if err != nil {
		s.c.Log.Error("paper not made", logkey.Message, p.Of, logkey.Err, err)
		s.lost(to.Name, p, NoPaper)
		return
	}
	err = s.c.Send(ctx, to.Address, job)
	switch {
	case err == nil:
		s.note(to.Name, p, Printed, "")
	case s.c.Begun(err):
		s.note(to.Name, p, Incomplete, NoAnswer)
	default:
		s.lost(to.Name, p, NoAnswer)
	}
	if err != nil && !errors.Is(err, context.Canceled) {
		s.c.Log.Warn("printer failed", logkey.Device, to.Name, logkey.Err, err)
	}
}
