package main

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/paywatt/paywatt/internal/bench"
)

func newBenchPages(c console) *cobra.Command {
	b := &bench.Pages{Version: programVersion()}
	cmd := &cobra.Command{
		Use:   "pages",
		Short: "Measure every list and search with many meters and sales",
		Long: "Measure how long every list and search of the console and the API takes. The bench registers meters, half of them with a\n" +
			"wallet, makes sales over three months and stores readings, all through the server's own use cases. Then it starts a server\n" +
			"on them and asks for every page in rounds, each time for other meters and people, while some pages of meters stay live.\n" +
			"The baseline is a bare HTTP server in the same process that answers as many bytes. Under others: each page with its times\n" +
			"and its memory, the slowest first, and whether the 99th percentile of each is within the bar. Reports, exports of\n" +
			"everything and paywatt verify are done once each.\n\n" +
			"With --engine postgres the meters are in a PostgreSQL 15 cluster of the bench's own. With -o table the result is a table.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			defer withFloor()() // the server has this heap floor
			m, err := b.Run(cmd.Context(), c.tell)
			switch {
			case err != nil:
				return err
			case cmd.Flags().Changed("output"):
				return c.show(cmd, m, pagesTable(m))
			}
			return json.NewEncoder(c.out).Encode(m)
		},
	}
	f := cmd.Flags()
	f.StringVar(&b.Engine, "engine", "sqlite", "engine to measure: sqlite or postgres")
	f.StringVar(&b.Dir, "dir", os.TempDir(), "folder for the server; the bench makes a folder in it and removes it")
	f.StringVar(&b.Keep, "keep", "", "folder of its own that stays, so that a later run measures without building again")
	f.IntVar(&b.Meters, "meters", 10_000, "meters, each with a customer")
	f.IntVar(&b.Sales, "sales", 100_000, "sales")
	f.IntVar(&b.Readings, "readings", 5, "readings of each meter, half an hour apart")
	f.IntVar(&b.Rounds, "rounds", 100, "how often each page is asked for")
	f.IntVar(&b.Callers, "callers", 1, "callers that ask at the same time")
	f.IntVar(&b.Streams, "streams", 4, "live pages of 50 meters that stay open meanwhile")
	return cmd
}

// pagesTable shows what each page took: those that were asked for in rounds, and then what was done once.
func pagesTable(m bench.Measured) table {
	t := table{head: []string{"page", "median ms", "longest ms", "CPU ms", "memory MB", "bytes", "failed"}}
	pages, _ := m.Others["pages"].([]bench.PageFigures)
	for _, f := range pages {
		t.add(f.Page, fmt.Sprintf("%.1f", f.P50), fmt.Sprintf("%.1f", f.Max), fmt.Sprintf("%.1f", f.CPU), fmt.Sprintf("%.1f", f.Memory), f.Bytes, f.Failed)
	}
	return t
}
