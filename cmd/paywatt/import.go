package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/client"
	"github.com/paywatt/paywatt/internal/sheet"
)

func newImportCommand(c console) *cobra.Command {
	cmd := &cobra.Command{Use: "import", Short: "Import meters, customers, debts, balances or tariffs of meters"}
	cmd.AddCommand(newImportFile(c, "meters", "paywatt import meters flats.csv --dry-run\n  paywatt import meters flats.xlsx --default tariff=domestic"),
		newImportFile(c, "customers", "paywatt import customers people.csv --map name=Tenant"),
		newImportFile(c, "debts", "paywatt import debts arrears.csv --dry-run\n  paywatt import debts arrears.xlsx --default percent=30"),
		newImportFile(c, "balances", "paywatt import balances old-system.csv --map amount=Credit"),
		newImportFile(c, "tariffs", "paywatt import tariffs shops.csv --dry-run\n"+
			"  paywatt import tariffs shops.xlsx --default tariff=shops --default from=2027-01-01"),
		list[apiv1.Page, apiv1.ImportSummary]{use: "list", of: apiv1.Imports, page: (*client.Client).Imports,
			table: columns("import, kind, rows, at, by, undone", func(i apiv1.ImportSummary) []any {
				return []any{i.ID, i.Kind, i.Lines, timeText(&i.CreatedAt), i.By, timeText(i.UndoneAt)}
			})}.command(c),
		&cobra.Command{Use: "show IMPORT", Short: "Show an import with the result of each row", Example: "  paywatt import show imp_06h0r9c8t9svs7v9br34z7z4tw", Args: cobra.ExactArgs(1),
			RunE: c.asking(func(cmd *cobra.Command, api *client.Client, args []string) error {
				i, err := api.ImportResult(cmd.Context(), args[0])
				return answer(c, cmd, i, err, importTable)
			})},
		&cobra.Command{Use: "undo IMPORT", Short: "Undo an import, except rows that were used since", Example: "  paywatt import undo imp_06h0r9c8t9svs7v9br34z7z4tw", Args: cobra.ExactArgs(1),
			RunE: c.asking(func(cmd *cobra.Command, api *client.Client, args []string) error {
				i, err := api.UndoImport(cmd.Context(), args[0])
				return answer(c, cmd, i, err, importTable)
			})})
	return cmd
}

// newImportFile makes the command that imports one kind of file.
func newImportFile(c console, kind, example string) *cobra.Command {
	f, what := client.ImportFile{Kind: kind}, kind
	if kind == "tariffs" {
		what = "tariffs of meters"
	}
	var key string
	cmd := &cobra.Command{
		Use: kind + " FILE", Short: "Import " + what + " from a CSV or XLSX file; each row once", Args: cobra.ExactArgs(1), Example: "  " + example,
		Long: "Import " + what + " from a CSV or XLSX file, or - for standard input. The first row names the columns. " +
			"A row is imported as a whole or\n" +
			"not at all. Sending the same file again imports nothing twice. Of a workbook one visible sheet is imported; if several have rows,\n" +
			"name the sheet with --sheet. Hidden rows and columns of the sheet are imported only with --hidden.",
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, args []string) (err error) {
			if f.Content, err = c.readInput(args[0]); err != nil {
				return usage("The file cannot be read: "+err.Error()+".", "Give a file that you may read, or - for standard input.")
			}
			i, err := api.Import(cmd.Context(), f, key)
			if err == nil && kind == "meters" && i.Totals.OK > 0 && !f.DryRun {
				c.tell("The secrets below are shown only once. Store them where only the meters' installer can find them.")
			}
			if err == nil && i.Waits != "" {
				c.tell("The file waits for a second person: paywatt approval approve " + i.Waits)
			}
			if err == nil {
				c.tellSheets(i)
				c.tellHidden(i, f)
			}
			return answer(c, cmd, i, err, importTable)
		}),
	}
	cmd.Flags().StringVar(&f.Sheet, "sheet", "", "sheet of a workbook in which several sheets have rows")
	cmd.Flags().BoolVar(&f.Hidden, "hidden", false, "also import hidden rows and hidden columns of the sheet")
	cmd.Flags().BoolVar(&f.DryRun, "dry-run", false, "only say what would happen, row by row")
	cmd.Flags().StringToStringVar(&f.Map, "map", nil, "heading of a column that has another one than usual: number=\"Meter No\"")
	cmd.Flags().StringToStringVar(&f.Defaults, "default", nil, "value of cells that are empty: tariff=domestic")
	cmd.Flags().StringVar(&key, "key", "", "idempotency key; repeating it repeats the answer, not the import")
	return cmd
}

// tellSheets says which sheet of a workbook was read, and which were not.
func (c console) tellSheets(i apiv1.Import) {
	if i.Sheet == "" {
		return
	}
	c.tell("Sheet of the workbook: %q", i.Sheet)
	if len(i.Others) > 0 {
		c.tell("Other sheets, which are not imported: %s", quoteAll(i.Others))
	}
}

// tellHidden says what the workbook hides, and what becomes of it.
func (c console) tellHidden(i apiv1.Import, f client.ImportFile) {
	if i.Hidden == nil {
		return
	}
	if i.Hidden.Sheet {
		c.tell("The workbook hides this sheet.")
	}
	if len(i.Hidden.Sheets) > 0 {
		c.tell("Hidden sheets, which are not imported: %s", quoteAll(i.Hidden.Sheets))
	}
	if i.Hidden.RowCount > 0 {
		c.tell("Hidden rows, which are imported like the others: %s (%d in all)", sheet.Spans(i.Hidden.Rows), i.Hidden.RowCount)
	}
	if len(i.Hidden.Columns) > 0 {
		c.tell("Hidden columns: %s", quoteAll(i.Hidden.Columns))
	}
	if f.DryRun && i.Hidden.RowCount+len(i.Hidden.Columns) > 0 {
		c.tell("If hidden rows and columns are meant, add --hidden to import them.")
	}
}

// quoteAll lists names in quotation marks.
func quoteAll(names []string) string {
	var out []string
	for _, name := range names {
		out = append(out, strconv.Quote(name))
	}
	return strings.Join(out, ", ")
}

func importTable(i apiv1.Import) table {
	t := table{head: []string{"row", "state", "result"}}
	for _, r := range i.Rows {
		result := r.Detail
		if r.State == "ok" && r.Detail == "" {
			result = r.Object
		}
		if r.Password != "" {
			result += fmt.Sprintf(" mqtt password %s link key %s", r.Password, r.LinkKey)
		}
		t.add(r.Row, r.State, result)
	}
	n := i.Totals
	t.add("total", i.ID, strconv.Itoa(n.OK)+" ok, "+strconv.Itoa(n.Error)+" refused, "+strconv.Itoa(n.Duplicate)+" imported before, "+strconv.Itoa(n.Undone)+" undone"+waiting(n.Waiting))
	return t
}

// waiting counts rows that wait for a second person, if there are any.
func waiting(n int) string {
	if n == 0 {
		return ""
	}
	return ", " + strconv.Itoa(n) + " waiting for a second person"
}
