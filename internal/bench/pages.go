package bench

import (
	"cmp"
	"context"
	"errors"
	"io"
	mathrand "math/rand/v2"
	"net"
	"net/http"
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
	Engine   string
	Dir      string
	Keep     string // folder whose town stays for later runs; "" for one that is removed
	Version  apiv1.Version
}

// pagesBar is how long a list or a search may take, in milliseconds: the 99th percentile of each.
const pagesBar = 200

// PageFigures is what one page takes.
type PageFigures struct {
	Page   string  `json:"page"`
	P50    float64 `json:"p50_ms"`
	P99    float64 `json:"p99_ms"`
	Max    float64 `json:"max_ms"`
	Bytes  int     `json:"bytes"`
	CPU    float64 `json:"cpu_ms"`    // processor time of one of these, with that of the database and of the one who asks
	Memory float64 `json:"memory_mb"` // by how much the process grew at most for one of these, its garbage included
	Failed string  `json:"failed,omitempty"`
	Long   bool    `json:"long,omitempty"` // a report or an export of everything, asked for once: no bar holds for its time
}

// Run builds the server, and then measures pages and baseline.
func (b *Pages) Run(ctx context.Context, say Say) (Measured, error) {
	if b.Meters < 10 || b.Meters > 1_000_000 || b.Sales < b.Meters/10 || b.Sales > 10_000_000 || b.Readings < 2 || b.Readings > 1000 || b.Rounds < 1 || b.Rounds > 10_000 || b.Callers < 1 || b.Callers > 100 ||
		b.Streams < 0 || b.Streams > 30 {
		return Measured{}, &exit.Failure{Code: exit.Usage, What: "An option of the bench is out of its range.", Not: "Nothing was measured.",
			Try: "Use 10 to 1000000 meters, at least a tenth as many sales and at most 10000000, 2 to 1000 readings, 1 to 10000 rounds, 1 to 100 callers and up to 30 streams."}
	}
	var m Measured
	var figures []PageFigures
	err := b.settled(ctx, say, func(t *town) error {
		err := t.serve(ctx, b.Version, func(o *office) (err error) { m, figures, err = b.measure(ctx, say, o); return err })
		if err != nil {
			return err
		}
		say("verifying the books")
		f, err := t.long("paywatt verify", func() (int, error) { return 0, t.verify(ctx) })
		m.Others["pages"] = append(figures, f)
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
func (b *Pages) measure(ctx context.Context, say Say, o *office) (m Measured, figures []PageFigures, err error) {
	say("asking for every page once")
	var pages []request
	var broken []PageFigures
	for i, p := range o.pages() {
		_, err := o.ask(ctx, p, b.Meters*7+i) // the first answer fills caches
		f, again := o.long(p.name, func() (int, error) { return o.ask(ctx, p, b.Meters*5+i) })
		if err = errors.Join(err, again, ctx.Err()); err != nil {
			say("%v", err)
			f.Failed = err.Error()
			broken = append(broken, f)
			continue
		}
		f.Long = false
		pages, figures = append(pages, p), append(figures, f)
	}
	m, err = b.drive(ctx, say, o, pages, figures)
	if err != nil {
		return m, nil, err
	}
	say("asking for reports and exports")
	for _, p := range o.reports() {
		f, err := o.long(p.name, func() (int, error) { return o.ask(ctx, p, 7) })
		if err != nil {
			say("%v", err)
			f.Failed = err.Error()
		}
		figures = append(figures, f)
	}
	if len(broken) > 0 {
		m.Others["bar_met"] = false
	}
	return m, append(broken, figures...), ctx.Err()
}

// drive lets callers ask for the pages in rounds while some pages stay live, and notes what they took.
func (b *Pages) drive(ctx context.Context, say Say, o *office, pages []request, figures []PageFigures) (Measured, error) {
	stop, err := o.watch(ctx, b.Streams)
	if err != nil {
		return Measured{}, err
	}
	defer stop()
	say("asking for %d pages in %d rounds, with %d callers and %d live pages", len(pages), b.Rounds, b.Callers, b.Streams)
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
	return b.result(figures, all, wall, cpu, len(base), baseWall, baseCPU), nil
}

// long measures one thing that is done once.
func (t *town) long(name string, work func() (int, error)) (PageFigures, error) {
	f := PageFigures{Page: name, Long: true}
	memory, err := grown(func() (err error) {
		began, used := time.Now(), cpuOfSelf()+cpuOfCluster(t.cluster)
		f.Bytes, err = work()
		f.P50, f.CPU = rounded(milliseconds(time.Since(began))), rounded(milliseconds(cpuOfSelf()+cpuOfCluster(t.cluster)-used))
		return err
	})
	f.P99, f.Max, f.Memory = f.P50, f.P50, rounded(float64(memory)/(1<<20))
	return f, err
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

// result adds up what the pages took, the slowest first. The bar holds for each page.
func (b *Pages) result(figures []PageFigures, all []asked, wall, cpu float64, base int, baseWall, baseCPU float64) Measured {
	each, every := make([][]time.Duration, len(figures)), []time.Duration(nil)
	for _, a := range all {
		each[a.page], every = append(each[a.page], a.took), append(every, a.took)
		figures[a.page].Bytes = a.size
	}
	met := true
	for i, took := range each {
		f := &figures[i]
		f.P50, f.P99, f.Max = percentile(took, 50), percentile(took, 99), percentile(took, 100)
		met = met && f.P99 <= pagesBar
	}
	slices.SortFunc(figures, func(x, y PageFigures) int { return cmp.Compare(y.P99, x.P99) })
	m := Measured{Bench: "pages", Unit: "pages a second", Baseline: "a bare HTTP server that answers as many bytes", Rate: float64(len(all)) / wall,
		BaselineRate: float64(base) / baseWall, P50: percentile(every, 50), P99: percentile(every, 99),
		Others: map[string]any{"meters": b.Meters, "sales": b.Sales, "readings": b.Meters * b.Readings, "rounds": b.Rounds, "callers": b.Callers, "streams": b.Streams,
			"engine": b.Engine, "bar_ms": pagesBar, "bar_met": met, "load": loadOf()}}
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
