package e2e

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/heapprofiler"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/performance"
	"github.com/chromedp/chromedp"

	"github.com/paywatt/paywatt/internal/await"
	"github.com/paywatt/paywatt/internal/tier"
)

// What loads a page.
const (
	changeRate                = 1000        // changes a second to the meters that the page shows
	slowLatency, slowLine     = 300, 50_000 // ms, bytes a second
	slowCPU                   = 6
	readingsEach, messageEach = 12, 580 * time.Millisecond // within a meter's limit of 2 messages a second
)

// TestPagesUnderLoadInChromium measures how busy a live list of meters keeps the browser while its meters change a thousand times a second,
// and how soon a slow telephone paints a page. The figures are printed and judged by a person: they depend on what else the machine does.
func TestPagesUnderLoadInChromium(t *testing.T) {
	tier.Long(t)
	o := openOffice(t)
	o.signIn(t)
	t.Run("the first paint of a slow telephone", o.firstPaint)
	t.Run("a thousand changes a second", o.thousandChanges)
}

// slowTelephone gives a tab the line, the processor and the width of a slow telephone.
func (p *tab) slowTelephone() {
	p.size(360)
	call(p, emulation.SetCPUThrottlingRate, emulation.SetCPUThrottlingRateParams{Rate: slowCPU})
	call(p, network.EmulateNetworkConditionsByRule, network.EmulateNetworkConditionsByRuleParams{MatchedNetworkConditions: []*network.Conditions{
		{Latency: slowLatency, DownloadThroughput: slowLine, UploadThroughput: slowLine}}})
}

func (o *office) firstPaint(t *testing.T) {
	p := o.signedIn(t)
	p.slowTelephone()
	const painted = `performance.getEntriesByName("first-contentful-paint")[0]`
	var figures []string
	for _, path := range []string{"/meters", "/overview", o.page(o.first), "/sell"} {
		call(p, network.ClearBrowserCache, cdp.Empty{})
		p.visit(path)
		p.until(painted)
		ms := ask[float64](p, painted+`.startTime`)
		figures = append(figures, fmt.Sprintf("%s %.0f ms", path, ms))
		if path == "/meters" {
			if rows := ask[int](p, `document.querySelectorAll("tbody tr").length`); rows != manyMeters {
				t.Errorf("the list has %d rows", rows)
			}
		}
	}
	t.Logf("figures: first paint at %d kB/s, %d ms, %dx slower processor, empty cache: %s", slowLine/1000, slowLatency, slowCPU, strings.Join(figures, ", "))
}

func (o *office) thousandChanges(t *testing.T) {
	p := o.signedIn(t)
	call(p, performance.Enable, performance.EnableParams{TimeDomain: performance.EnableTimeDomainThreadTicks})
	f := o.beginFleet(t)
	quick := o.watched(t, p, f)
	call(p, emulation.SetCPUThrottlingRate, emulation.SetCPUThrottlingRateParams{Rate: slowCPU})
	slow := o.watched(t, p, f)
	call(p, emulation.SetCPUThrottlingRate, emulation.SetCPUThrottlingRateParams{Rate: 1})
	f.end()
	p.showsWhatTheServerSays(t, o)
	base := p.direct(t)
	t.Logf("figures: %d meters on a live page, %.0f changes a second: main thread %.1f %% busy, longest task %.0f ms, heap %+d kB", len(o.crowd), quick.rate,
		quick.busy, quick.longest, quick.heap>>10)
	t.Logf("figures: %dx slower processor, %.0f changes a second: main thread %.1f %% busy, longest task %.0f ms", slowCPU, slow.rate, slow.busy, slow.longest)
	t.Logf("figures: baseline, a page that writes each of %d changes a second into its cell: %.1f %% busy; ratio %.2f", changeRate, base, quick.busy/base)
}

// under is what a page under load takes.
type under struct {
	busy    float64 // percent of one core that the main thread takes
	longest float64 // the longest task, in ms; 0 if none took 50 ms
	heap    int64   // growth in bytes
	rate    float64 // changes a second
}

// watched measures the list of meters until so many changes were made as the run asks for. A focused link and a selection must survive.
func (o *office) watched(t *testing.T, p *tab, f *fleet) under {
	t.Helper()
	p.visit("/meters")
	p.until(`document.getElementById("live-state").textContent === "● Live"`)
	last := o.crowd[len(o.crowd)-1].number
	p.until(fmt.Sprintf(`document.querySelector("#m-%s [data-cell=load]").textContent.endsWith(" W")`, last))
	ask[chromedp.Void](p, fmt.Sprintf(`window.tasks = [], new PerformanceObserver(l => tasks.push(...l.getEntries().map(e => e.duration))).observe({type: "longtask"}),
		window.link = document.querySelector("#m-%s a"), link.focus(), getSelection().selectAllChildren(link),
		window.moves = 0, document.body.addEventListener("moved", () => moves++), undefined`, last))
	seconds, before, began, busy, heap := tier.E2ELoadSeconds.N(), f.changes(), time.Now(), p.busy(), p.heap()
	await.True(t, "the fleet makes its changes", func() bool { return f.changes() >= before+uint64(seconds*changeRate) })
	took := time.Since(began).Seconds()
	out := under{busy: (p.busy() - busy) / took * 100, rate: float64(f.changes()-before) / took, heap: p.heap() - heap,
		longest: ask[float64](p, `Math.max(0, ...tasks)`)}
	if moves := ask[int](p, `moves`); moves == 0 {
		t.Error("the page did not change")
	}
	if !ask[bool](p, `document.activeElement === link && getSelection().toString().trim() === link.textContent.trim()`) {
		t.Error("the focus or the selection is lost")
	}
	return out
}

// direct measures a page that writes every change as it comes.
func (p *tab) direct(t *testing.T) float64 {
	t.Helper()
	ask[chromedp.Void](p, fmt.Sprintf(`window.cells = [...document.querySelectorAll("[data-cell=load]")], window.n = 0, window.writer = setInterval(() => {
		for (let i = 0; i < %d; i++) cells[n %% cells.length].textContent = n++ + " W"; }, 20), undefined`, changeRate/50))
	began, busy := time.Now(), p.busy()
	<-time.After(time.Duration(tier.E2ELoadSeconds.N()/2) * time.Second)
	return (p.busy() - busy) / time.Since(began).Seconds() * 100
}

// busy is the processor time of the tab's main thread, in seconds.
func (p *tab) busy() float64 {
	p.t.Helper()
	for _, m := range call(p, performance.GetMetrics, cdp.Empty{}).Metrics {
		if m.Name == "TaskDuration" {
			return m.Value
		}
	}
	p.t.Fatal("the browser measures no tasks")
	return 0
}

// heap is the size of what the page's scripts hold, after a collection.
func (p *tab) heap() int64 {
	p.t.Helper()
	call(p, heapprofiler.CollectGarbage, cdp.Empty{})
	return int64(ask[float64](p, `performance.memory.usedJSHeapSize`))
}

// showsWhatTheServerSays compares the load of each meter on the page with the API's.
func (p *tab) showsWhatTheServerSays(t *testing.T, o *office) {
	t.Helper()
	for _, s := range o.crowd {
		want := fmt.Sprintf("%d W", o.api.must(t, 200, "GET", "/v1/meters/"+s.number, nil).num(t, "w"))
		p.until(fmt.Sprintf(`document.querySelector("#m-%s [data-cell=load]").textContent === %q`, s.number, want))
	}
}

// fleet is meters that send readings, a dozen in a message.
type fleet struct {
	meters []*rawMeter
	stop   chan struct{}
	done   sync.WaitGroup
}

// beginFleet lets every meter of the crowd send.
func (o *office) beginFleet(t *testing.T) *fleet {
	t.Helper()
	f := &fleet{stop: make(chan struct{})}
	w := &world{posts: []post{{o.srv, o.srv.http, o.srv.mqtt}}}
	for _, s := range o.crowd {
		m := newRawMeter(w, s)
		f.meters = append(f.meters, m)
		f.done.Go(func() { m.stream(f.stop) })
	}
	t.Cleanup(f.end)
	return f
}

// end stops the meters.
func (f *fleet) end() {
	select {
	case <-f.stop:
	default:
		close(f.stop)
	}
	f.done.Wait()
}

// changes counts the readings that the server has stored.
func (f *fleet) changes() (n uint64) {
	for _, m := range f.meters {
		acked, _ := m.state()
		n += acked
	}
	return n
}

// stream sends messages of readings, each with another load, at an even pace.
func (r *rawMeter) stream(stop chan struct{}) {
	c, err := r.connect()
	if err != nil {
		r.w.problem("meter %s: %v", r.number, err)
		return
	}
	defer c.Disconnect(0)
	pace := time.NewTicker(messageEach)
	defer pace.Stop()
	for {
		select {
		case <-stop:
			return
		case <-pace.C:
		}
		acked, seq := r.state()
		if seq > acked+3*readingsEach { // the server is behind
			continue
		}
		var readings []string
		for range readingsEach {
			seq++
			readings = append(readings, fmt.Sprintf(`{"seq":%d,"at":%d,"up":%d,"clock":"valid","register_wh":%d,"balance_wh":%d,"w":%d,"mv":230000,"relay":"closed","reasons":[]}`,
				seq, 1_790_000_000+seq, seq*1000, seq, 10_000_000-100*seq, 100+seq%3000))
		}
		r.mu.Lock()
		r.seq = seq
		r.mu.Unlock()
		c.Publish("m/"+r.number+"/up/reading", 1, false, "["+strings.Join(readings, ",")+"]")
	}
}
