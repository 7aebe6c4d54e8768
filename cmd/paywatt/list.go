package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/client"
)

// list is a command that shows a list of the API: its rows as JSON, or in columns.
type list[F, T any] struct {
	use, example string
	of           apiv1.Listing[F, T]
	page         func(*client.Client, context.Context, F) (apiv1.List[T], error)
	arg          func(f *F, word string)          // puts the argument of the command into the filter
	options      func(flags *pflag.FlagSet, f *F) // adds the options that narrow the list
	limit        int                              // default of --limit; with 0 the command has no --limit and shows the whole list
	table        func(rows []T) table
}

// command makes the cobra command of the list.
func (l list[F, T]) command(c console) *cobra.Command {
	var f F
	paging := any(&f).(interface{ Paging() *apiv1.Page }).Paging()
	cmd := &cobra.Command{
		Use: l.use, Short: l.of.Summary, Example: l.example, Args: cobra.NoArgs,
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, args []string) error {
			if len(args) == 1 {
				l.arg(&f, args[0])
			}
			read := 0
			done := c.progress(cmd, "Reading the list", func() string { return strconv.Itoa(read) + " rows" })
			rows, err := every(func(p apiv1.Page) (apiv1.List[T], error) {
				if l.limit == 0 {
					*paging = p
				}
				page, err := l.page(api, cmd.Context(), f)
				if l.limit != 0 {
					page.NextCursor = "" // the user asked for one page
				}
				read += len(page.Data)
				return page, err
			})
			done()
			if err != nil {
				return err
			}
			return c.show(cmd, rows, l.table(rows))
		}),
	}
	switch {
	case strings.HasSuffix(l.use, "]"):
		cmd.Args = cobra.MaximumNArgs(1)
	case l.arg != nil:
		cmd.Args = cobra.ExactArgs(1)
	}
	if l.options != nil {
		l.options(cmd.Flags(), &f)
	}
	if l.limit != 0 {
		cmd.Flags().IntVar(&paging.Limit, "limit", l.limit, "rows to show, newest first, 1 to 200")
	}
	return cmd
}

// columns is a table with a row for each entry of a list; head names the columns, with commas between them.
func columns[T any](head string, row func(T) []any) func([]T) table {
	return func(rows []T) table {
		t := table{head: strings.Split(head, ", ")}
		for _, r := range rows {
			t.add(row(r)...)
		}
		return t
	}
}

// maxPages bounds how many pages a list command follows: 100,000 rows.
const maxPages = 500

// every follows a list to its end, or for [maxPages] pages.
func every[T any](page func(apiv1.Page) (apiv1.List[T], error)) ([]T, error) {
	all := []T{}
	p := apiv1.Page{Limit: 200}
	for range maxPages {
		l, err := page(p)
		if err != nil {
			return nil, err
		}
		all = append(all, l.Data...)
		if l.NextCursor == "" {
			return all, nil
		}
		p.Cursor = l.NextCursor
	}
	return all, nil
}

// timeOption adds an option for a time.
func timeOption(flags *pflag.FlagSet, to *time.Time, name, text string) {
	flags.Func(name, text, func(value string) (err error) {
		if *to, err = time.Parse(time.RFC3339, value); err != nil {
			return usage(fmt.Sprintf("--%s %q is not a time.", name, value), "Write it as 2026-11-20T08:00:00Z.")
		}
		return nil
	})
}
