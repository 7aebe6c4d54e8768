package bench

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/internal/exit"
)

// Pages configures `bench pages`. It measures every list and search of console and API on a server with many meters and sales.
type Pages struct {
	Meters   int
	Sales    int
	Readings int // of each meter
	Rounds   int // how often each page is asked for
	Callers  int // people who ask at the same time
	Streams  int // live pages of meters that stay open meanwhile
	Dir      string
	Version  apiv1.Version
}

// pagesBar is how long a list or a search may take, in milliseconds: the 99th percentile of each.
const pagesBar = 200

// pageFigures is what one page takes.
type pageFigures struct {
	Page  string  `json:"page"`
	P50   float64 `json:"p50_ms"`
	P99   float64 `json:"p99_ms"`
	Max   float64 `json:"max_ms"`
	Bytes int     `json:"bytes"`
}

// Run builds the server, and then measures pages and baseline.
func (b *Pages) Run(ctx context.Context, say Say) (Measured, error) {
	if b.Meters < 10 || b.Meters > 1_000_000 || b.Sales < b.Meters/10 || b.Sales > 10_000_000 || b.Readings < 2 || b.Readings > 1000 || b.Rounds < 1 || b.Rounds > 10_000 || b.Callers < 1 || b.Callers > 100 ||
		b.Streams < 0 || b.Streams > 30 {
		return Measured{}, &exit.Failure{Code: exit.Usage, What: "An option of the bench is out of its range.", Not: "Nothing was measured.",
			Try: "Use 10 to 1000000 meters, at least a tenth as many sales and at most 10000000, 2 to 1000 readings, 1 to 10000 rounds, 1 to 100 callers and up to 30 streams."}
	}
	dir, err := os.MkdirTemp(b.Dir, "paywatt-bench-")
	if err != nil {
		return Measured{}, fmt.Errorf("make the bench's folder: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }() // an error here does not matter
	town, err := b.build(ctx, say, dir)
	if err != nil {
		return Measured{}, err
	}
	var m Measured
	err = town.serve(ctx, b.Version, func(o *office) error {
		m, err = b.measure(ctx, say, o)
		return err
	})
	return m, err
}

// asked is one request and what it took.
type asked struct {
	page int
	took time.Duration
	size int
}

// measure asks for every page in rounds, each time for other meters and people, and then lets a bare server answer as many bytes.
func (b *Pages) measure(ctx context.Context, say Say, o *office) (Measured, error) {
	stop, err := o.watch(ctx, b.Streams)
	if err != nil {
		return Measured{}, err
	}
	defer stop()
	pages := o.pages()
	say("asking for %d pages in %d rounds, with %d callers and %d live pages", len(pages), b.Rounds, b.Callers, b.Streams)
	var failed []error
	for i, p := range pages { // the first answers fill caches, and show which pages fail
		_, err := o.ask(ctx, p, b.Meters*7+i)
		failed = append(failed, err)
	}
	if err := errors.Join(failed...); err != nil {
		return Measured{}, err
	}
	all, wall, cpu, err := drivePages(ctx, b.Rounds, len(pages), b.Callers, func(page, n int) (int, error) { return o.ask(ctx, pages[page], n) })
	if err != nil {
		return Measured{}, err
	}
	say("asking a bare server for as many bytes")
	bare, err := bareServer()
	if err != nil {
		return Measured{}, err
	}
	defer bare.close()
	sizes := make([]int, len(pages))
	for _, a := range all {
		sizes[a.page] = a.size
	}
	base, baseWall, baseCPU, err := drivePages(ctx, b.Rounds, len(pages), b.Callers, func(page, _ int) (int, error) { return bare.ask(ctx, sizes[page]) })
	if err != nil {
		return Measured{}, err
	}
	return b.result(pages, all, wall, cpu, len(base), baseWall, baseCPU), nil
}

// drivePages lets the callers ask for every page in every round, in an order of their own.
func drivePages(ctx context.Context, rounds, pages, callers int, ask func(page, n int) (int, error)) (all []asked, wall, cpu float64, err error) {
	order := make([]int, 0, rounds*pages)
	r := mathrand.New(mathrand.NewPCG(7, 2026)) // mixes the pages; no need for a secure generator
	for range rounds {
		order = append(order, r.Perm(pages)...)
	}
	var mu sync.Mutex
	stop := spent()
	err = inParallel(callers, len(order), func(i int) error {
		began := time.Now()
		size, err := ask(order[i], i)
		took := time.Since(began)
		mu.Lock()
		defer mu.Unlock()
		all = append(all, asked{order[i], took, size})
		return errors.Join(err, ctx.Err())
	})
	wall, cpu = stop()
	return all, wall, cpu, err
}

// result adds up what the pages took. The bar holds for each page.
func (b *Pages) result(pages []request, all []asked, wall, cpu float64, base int, baseWall, baseCPU float64) Measured {
	each, every := make([][]time.Duration, len(pages)), []time.Duration(nil)
	figures := make([]pageFigures, len(pages))
	for _, a := range all {
		each[a.page], every = append(each[a.page], a.took), append(every, a.took)
		figures[a.page].Bytes = a.size
	}
	met := true
	for i, took := range each {
		f := &figures[i]
		f.Page, f.P50, f.P99, f.Max = pages[i].name, percentile(took, 50), percentile(took, 99), percentile(took, 100)
		met = met && f.P99 <= pagesBar
	}
	slices.SortFunc(figures, func(x, y pageFigures) int { return cmp.Compare(y.P99, x.P99) })
	m := Measured{Bench: "pages", Unit: "pages a second", Baseline: "a bare HTTP server that answers as many bytes", Rate: float64(len(all)) / wall,
		BaselineRate: float64(base) / baseWall, P50: percentile(every, 50), P99: percentile(every, 99),
		Others: map[string]any{"meters": b.Meters, "sales": b.Sales, "rounds": b.Rounds, "callers": b.Callers, "streams": b.Streams, "store": "sqlite",
			"bar_ms": pagesBar, "bar_met": met, "pages": figures}}
	return m.with(cpu/float64(len(all)), baseCPU/float64(base))
}

// bare is the baseline: a server without a store, pages or people.
type bare struct {
	server *http.Server
	lines  *http.Transport
	url    string
}

// maxBare is the largest answer of the baseline.
const maxBare = 4 << 20

func bareServer() (*bare, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	body := []byte(strings.Repeat("0123456789abcdef", maxBare/16))
	b := &bare{lines: &http.Transport{MaxIdleConnsPerHost: 100}, url: "http://" + l.Addr().String()}
	b.server = &http.Server{ReadHeaderTimeout: time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		size, _ := strconv.Atoi(r.URL.Query().Get("size")) // 0 for a text that is no number: the caller counts what arrives
		_, _ = w.Write(body[:min(max(0, size), maxBare)])
	})}
	go func() { _ = b.server.Serve(l) }() // ends with close
	return b, nil
}

func (b *bare) close() {
	b.lines.CloseIdleConnections()
	_ = b.server.Close() // nothing waits for it
}

// ask asks for some bytes.
func (b *bare) ask(ctx context.Context, size int) (int, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, b.url+"/?size="+strconv.Itoa(size), http.NoBody)
	if err != nil {
		return 0, err
	}
	return readAll((&http.Client{Transport: b.lines}).Do(r))
}

// readAll reads an answer to its end and returns its length.
func readAll(a *http.Response, err error) (int, error) {
	if err != nil {
		return 0, err
	}
	n, err := io.Copy(io.Discard, a.Body)
	return int(n), errors.Join(err, a.Body.Close())
}
