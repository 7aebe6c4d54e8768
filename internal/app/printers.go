package app

import (
	"errors"

	"github.com/paywatt/paywatt/internal/config"
	"github.com/paywatt/paywatt/internal/print"
	"github.com/paywatt/paywatt/internal/printer"
	"github.com/paywatt/paywatt/internal/spool"
)

// newSpool makes the queues of the printers of the settings file.
func newSpool(c Config) *spool.Spool {
	out := spool.Config{Send: printer.Send, Now: c.Now, Log: c.Log, Begun: func(err error) bool {
		f := (*printer.Failure)(nil)
		return errors.As(err, &f) && f.Begun
	}}
	for _, p := range c.Printers {
		out.Printers = append(out.Printers, PrinterOf(p))
	}
	return spool.New(out)
}

// PrinterOf is a printer of the settings file.
func PrinterOf(p config.Printer) spool.Printer {
	return spool.Printer{Name: p.Name, Address: p.Address, Width: int(p.Width), CodePage: print.CodePage(p.CodePage), Tills: p.Tills, People: p.People, Automatic: p.Automatic}
}
