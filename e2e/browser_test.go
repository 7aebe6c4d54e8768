package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/paywatt/paywatt/internal/await"
	"github.com/paywatt/paywatt/internal/tier"
)

// browser is one headless Chromium with its own profile. Each tab has its own cookies.
type browser struct{ ctx context.Context }

// openBrowser starts Chromium.
func openBrowser(t testing.TB) *browser {
	t.Helper()
	program := tier.Browser(t)
	if *screenshots != "" {
		program = tier.WholeBrowser(t)
	}
	ctx, stop := chromedp.NewExecAllocator(context.Background(), chromedp.ExecPath(program), chromedp.UserDataDir(t.TempDir()),
		chromedp.Headless, chromedp.NoSandbox, chromedp.DisableGPU, chromedp.NoFirstRun, chromedp.NoDefaultBrowserCheck,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true), chromedp.Flag("hide-scrollbars", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true), chromedp.Flag("disable-dev-shm-usage", true))
	t.Cleanup(stop)
	ctx, quit := chromedp.NewContext(ctx)
	t.Cleanup(quit)
	if _, err := chromedp.Run(ctx, chromedp.Location()); err != nil {
		t.Fatalf("start Chromium: %v", err)
	}
	return &browser{ctx}
}

// tab is one page of the browser. It records what a clean page never does: an error in the console, a violation of the
// content security policy, a request to another origin.
type tab struct {
	t      testing.TB
	ctx    context.Context
	origin string

	mu       sync.Mutex
	problems []string
	weight   map[string]float64 // bytes of each request on the wire, headers included
	requests map[network.RequestID]string
}

// open opens a tab with its own cookies, for the pages of one server. Later calls name a page only by its path.
func (b *browser) open(t testing.TB, origin string) *tab {
	t.Helper()
	ctx, shut := chromedp.NewContext(b.ctx, chromedp.WithNewBrowserContext())
	t.Cleanup(shut)
	p := &tab{t: t, ctx: ctx, origin: origin, weight: map[string]float64{}, requests: map[network.RequestID]string{}}
	// The first use makes the tab and must have no time-out: the tab lives as long as its context.
	if err := chromedp.Listen(ctx, p.note); err != nil {
		t.Fatalf("open a tab: %v", err)
	}
	call(p, network.Enable, network.EnableParams{})
	p.size(1280)
	return p
}

func (p *tab) note(event any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		p.problems = append(p.problems, "exception: "+exceptionText(e.ExceptionDetails))
	case *runtime.EventConsoleAPICalled:
		switch e.Type {
		case runtime.ConsoleAPICalledTypeError, runtime.ConsoleAPICalledTypeWarning, runtime.ConsoleAPICalledTypeAssert:
			p.problems = append(p.problems, fmt.Sprintf("console.%s: %s", e.Type, e.Args[0].Value))
		}
	case *log.EventEntryAdded:
		// A refusal is a page with its own status. The browser logs it, but it is no fault of the page.
		if e.Entry.Source != log.EntrySourceNetwork && e.Entry.Level != log.EntryLevelInfo && e.Entry.Level != log.EntryLevelVerbose {
			p.problems = append(p.problems, fmt.Sprintf("%s %s: %s", e.Entry.Source, e.Entry.Level, e.Entry.Text))
		}
	case *network.EventRequestWillBeSent:
		p.requests[e.RequestID] = e.Request.URL
		if u, err := url.Parse(e.Request.URL); err != nil || u.Scheme != "data" && u.Scheme+"://"+u.Host != p.origin {
			p.problems = append(p.problems, "request to another origin: "+e.Request.URL)
		}
	case *network.EventLoadingFinished:
		p.weight[p.requests[e.RequestID]] += e.EncodedDataLength
	}
}

// clean fails the test for everything recorded since the last call.
func (p *tab) clean() {
	p.t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, text := range p.problems {
		p.t.Errorf("the browser noted: %s", text)
	}
	p.problems = nil
}

func exceptionText(e *runtime.ExceptionDetails) string {
	if e.Exception != nil {
		return e.Text + " " + e.Exception.Description
	}
	return e.Text
}

// forget drops everything that the tab has recorded.
func (p *tab) forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.problems = nil
}

// weighed returns the bytes and the number of requests on the wire so far.
func (p *tab) weighed() (bytes float64, requests int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, n := range p.weight {
		bytes += n
	}
	return bytes, len(p.weight)
}

// do carries out browser steps.
func (p *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, await.Limit)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		p.t.Fatal(err)
	}
}

// call sends a command of the DevTools protocol.
func call[P, R any](p *tab, command cdp.Command[P, R], params P) R {
	p.t.Helper()
	out, err := tryCall(p, command, params)
	if err != nil {
		p.t.Fatalf("%s: %v", command.Method, err)
	}
	return out
}

func tryCall[P, R any](p *tab, command cdp.Command[P, R], params P) (R, error) {
	ctx, cancel := context.WithTimeout(p.ctx, await.Limit)
	defer cancel()
	return chromedp.Call(ctx, command, params)
}

// ask evaluates an expression on the page.
func ask[T any](p *tab, expression string, more ...chromedp.EvaluateOption) T {
	p.t.Helper()
	v, err := tryAsk[T](p, expression, more...)
	if err != nil {
		p.t.Fatalf("%s: %v", expression[:min(len(expression), 200)], err)
	}
	return v
}

func tryAsk[T any](p *tab, expression string, more ...chromedp.EvaluateOption) (T, error) {
	ctx, cancel := context.WithTimeout(p.ctx, await.Limit)
	defer cancel()
	return chromedp.Run(ctx, chromedp.Evaluate[T](expression, more...))
}

// visit loads a path.
func (p *tab) visit(path string) {
	p.t.Helper()
	p.do(chromedp.Navigate(p.origin + path))
	p.until(`document.readyState === "complete"`)
}

// size sets the width of the window.
func (p *tab) size(width int64) {
	p.t.Helper()
	call(p, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: width, Height: 800, DeviceScaleFactor: 1, Mobile: width < 600})
}

// dark sets the colour scheme of the system.
func (p *tab) dark(on bool) {
	p.t.Helper()
	value := "light"
	if on {
		value = "dark"
	}
	call(p, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: value}}})
}

func (p *tab) text(selector string) string {
	p.t.Helper()
	return strings.TrimSpace(ask[string](p, fmt.Sprintf(`(document.querySelector(%q) || {innerText: "(no %s)"}).innerText`, selector, selector)))
}

// until waits for an expression to become true on a page that the browser has read to its end, even across page loads.
func (p *tab) until(expression string) {
	p.t.Helper()
	for deadline := time.Now().Add(await.Limit); ; {
		if yes, err := tryAsk[bool](p, `document.readyState !== "loading" && Boolean(`+expression+")"); err == nil && yes {
			return
		}
		if time.Now().After(deadline) {
			p.t.Fatalf("%s: after %v still not: %s\non %s, focus on %s:\n%s", await.NotInTime, await.Limit, expression, p.path(), p.focus(), p.text("body"))
		}
		<-time.After(20 * time.Millisecond)
	}
}

func (p *tab) path() string {
	s, _ := tryAsk[string](p, "location.pathname")
	return s
}

// at waits until the browser shows the page at the path.
func (p *tab) at(path string) {
	p.t.Helper()
	p.until(fmt.Sprintf("location.pathname.startsWith(%q) && document.readyState === 'complete'", path))
}

// In a text to type, each of these control characters stands for a key.
const (
	enterKey  = "\r"
	tabKey    = "\t"
	escapeKey = "\x1b"
	downKey   = "\x0e"
)

// keys types text and keys into the focused element, as a person does: the page handles the key press before the character
// arrives.
func (p *tab) keys(text string) {
	p.t.Helper()
	for _, r := range text {
		if err := p.press(r, false); err != nil {
			p.t.Fatal(err)
		}
		if err := p.release(r); err != nil {
			p.t.Fatal(err)
		}
	}
}

// hold keeps Enter down for some repeats; fresh means that Enter was not down before.
func (p *tab) hold(fresh bool, repeats int) {
	p.t.Helper()
	if fresh {
		if err := p.press('\r', false); err != nil {
			p.t.Fatal(err)
		}
	}
	for range repeats {
		_ = p.press('\r', true) // the page may be leaving just now
	}
	_ = p.release('\r')
}

func (p *tab) press(r rune, repeat bool) error {
	e := keyOf(r)
	e.Type, e.AutoRepeat = input.DispatchKeyEventTypeKeyDown, &repeat
	if r != '\t' && r != '\x1b' && r != '\x0e' {
		e.Text, e.UnmodifiedText = string(r), string(r)
	}
	_, err := tryCall(p, input.DispatchKeyEvent, e)
	return err
}

func (p *tab) release(r rune) error {
	e := keyOf(r)
	e.Type = input.DispatchKeyEventTypeKeyUp
	_, err := tryCall(p, input.DispatchKeyEvent, e)
	return err
}

func keyOf(r rune) input.DispatchKeyEventParams {
	named := map[rune]struct {
		name string
		code int64
	}{'\r': {"Enter", 13}, '\t': {"Tab", 9}, '\x1b': {"Escape", 27}, '\x0e': {"ArrowDown", 40}}
	if k, ok := named[r]; ok {
		return input.DispatchKeyEventParams{Key: k.name, Code: k.name, WindowsVirtualKeyCode: k.code, NativeVirtualKeyCode: k.code}
	}
	return input.DispatchKeyEventParams{Key: string(r)}
}

// click waits until the page shows an element that the selector matches, and clicks the middle of the first one, several
// times in quick succession. It waits because a page that is about to leave may still answer for the next one.
func (p *tab) click(selector string, times int) {
	p.t.Helper()
	p.until(fmt.Sprintf(`document.querySelector(%q)?.getClientRects().length`, selector))
	at := ask[[]float64](p, fmt.Sprintf(`(function (e) { e.scrollIntoView({block: "center"}); const r = e.getClientRects()[0];
		return [r.x + r.width / 2, r.y + r.height / 2]; })(document.querySelector(%q))`, selector))
	for n := range times {
		p.do(chromedp.MouseClickXY(at[0], at[1], chromedp.ClickCount(n+1)))
	}
}

// fill waits for a field and replaces its content.
func (p *tab) fill(selector, text string) {
	p.t.Helper()
	p.until(fmt.Sprintf(`document.querySelector(%q)`, selector))
	ask[chromedp.Void](p, fmt.Sprintf(`document.querySelector(%q).select()`, selector))
	p.keys(text)
}

// focuses waits until an element has the focus, as [tab.focus] describes it. A page that was just loaded gives it the focus a moment later.
func (p *tab) focuses(want string) {
	p.t.Helper()
	await.True(p.t, "on "+p.path()+" the focus is on "+want, func() bool { return p.focus() == want })
}

// focus describes the focused element: "input#amount", "button Sell for KES 100.00"; "body" means none.
func (p *tab) focus() string {
	p.t.Helper()
	return ask[string](p, `(function (e) { return e.tagName.toLowerCase() + (e.id ? "#" + e.id : " " + e.innerText.trim().split("\n")[0]).replace(/^body .*/, "body"); })(document.activeElement)`)
}

// accessibleName is the name of an element for screen readers; the selector's first match counts.
func (p *tab) accessibleName(selector string) string {
	p.t.Helper()
	at := ask[*runtime.RemoteObject](p, fmt.Sprintf(`document.querySelector(%q)`, selector))
	tree := call(p, accessibility.GetPartialAXTree, accessibility.GetPartialAXTreeParams{ObjectID: at.ObjectID})
	for _, n := range tree.Nodes {
		if n.Name != nil && len(n.Name.Value) > 0 && !n.Ignored {
			var name string
			if err := json.Unmarshal(n.Name.Value, &name); err != nil {
				p.t.Fatal(err)
			}
			return name
		}
	}
	return ""
}

// finding is a fault that axe-core found.
type finding struct {
	ID, Impact, Help string
	Nodes            []struct {
		HTML, FailureSummary string
	}
}

// axe runs axe-core (WCAG 2 A to 2.2 AA and its best practices) and returns its findings. The page loads axe-core once. No rule that runs
// here needs the style sheets as text, so axe-core does not load them again.
func (p *tab) axe(source string) []finding {
	p.t.Helper()
	if !ask[bool](p, `typeof axe === "object"`) {
		ask[chromedp.Void](p, source)
	}
	raw := ask[string](p, `axe.run({runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"], resultTypes: ["violations"], preload: {assets: ["media"]}})
		.then(r => JSON.stringify(r.violations))`, chromedp.EvalAwaitPromise)
	var out []finding
	if err := json.Unmarshal([]byte(raw), &out); err != nil {
		p.t.Fatal(err)
	}
	return out
}
