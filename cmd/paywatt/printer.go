package main

import (
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/paywatt/paywatt/internal/app"
	"github.com/paywatt/paywatt/internal/config"
	"github.com/paywatt/paywatt/internal/print"
	"github.com/paywatt/paywatt/internal/words"
)

func newPrinterCommand(c console) *cobra.Command {
	cmd := &cobra.Command{
		Use: "printer", Short: "List and test the receipt printers of the settings file", Args: cobra.NoArgs,
		Long: "List and test the receipt printers of the settings file. Each is a [[printer]] table in paywatt.toml: name, address (a device such as\n" +
			"/dev/usb/lp0, or a host), width (58 or 80), the tills and people that print there, and automatic = true to print every sale at once.",
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newPrinterList(c), newPrinterTest(c))
	return cmd
}

// printerRow is a printer of the settings file as printer list prints it.
type printerRow struct {
	Name      string   `json:"name"`
	Address   string   `json:"address"`
	Width     int64    `json:"width"`
	Tills     []string `json:"tills"`
	People    []string `json:"people"`
	Automatic bool     `json:"automatic"`
}

func newPrinterList(c console) *cobra.Command {
	cmd := &cobra.Command{
		Use: "list", Short: "List the receipt printers of the settings file", Args: cobra.NoArgs,
		Example: "  paywatt printer list",
		RunE: func(cmd *cobra.Command, _ []string) error {
			set, err := c.settings(cmd)
			if err != nil {
				return err
			}
			rows, view := []printerRow{}, table{head: []string{"name", "address", "width", "tills", "people", "automatic"}}
			for _, p := range set.Printers() {
				r := printerRow{p.Name, p.Address, p.Width, p.Tills, p.People, p.Automatic}
				rows = append(rows, r)
				view.add(r.Name, r.Address, r.Width, strings.Join(r.Tills, ", "), strings.Join(r.People, ", "), r.Automatic)
			}
			return c.show(cmd, rows, view)
		},
	}
	settingFlags(cmd.Flags())
	return cmd
}

func newPrinterTest(c console) *cobra.Command {
	cmd := &cobra.Command{
		Use: "test PRINTER", Short: "Print a test page on a receipt printer of the settings file", Args: cobra.ExactArgs(1),
		Example: "  paywatt printer test till-1",
		RunE: func(cmd *cobra.Command, args []string) error {
			set, err := c.settings(cmd)
			if err != nil {
				return err
			}
			var names []string
			for _, p := range set.Printers() {
				if p.Name == args[0] {
					return c.testPrinter(cmd, p)
				}
				names = append(names, p.Name)
			}
			return usage("There is no printer "+args[0]+" in the settings file. Its printers: "+strings.Join(names, ", ")+".", "Describe it in paywatt.toml, in a table [[printer]].")
		},
	}
	settingFlags(cmd.Flags())
	return cmd
}

func (c console) testPrinter(cmd *cobra.Command, p config.Printer) error {
	all, err := words.Open()
	if err != nil {
		return err
	}
	roll := app.PrinterOf(p).Roll()
	var names []string
	for _, l := range all.All() {
		names = append(names, l.LanguageName())
	}
	h := print.House{Name: "paywatt " + programVersion().Version, Zone: time.Local, At: time.Now()}
	page, err := print.ESCPOS(print.Trial(all.English(), h, p.Name, roll.Columns, names), roll)
	if err != nil {
		return err
	}
	return c.deliver(cmd, page, p.Address)
}
