package e2e

import (
	"bufio"
	"context"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/paywatt/paywatt/internal/tier"
)

// panelPage is the web panel of a meter that runs in its own process.
type panelPage struct {
	*tab
	origin string
}

// openPanel starts a virtual meter with --panel and opens its page.
func openPanel(t *testing.T, chrome *browser, dir string, more ...string) *panelPage {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	args := append([]string{"vmeter", faceNumber, "--offline", "--state", dir, "--panel", "127.0.0.1:0", "--phone", facePhone}, more...)
	cmd := exec.CommandContext(ctx, paywatt(t), args...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.Env, cmd.Stderr = os.Environ(), &buffer{}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		if err := cmd.Wait(); cmd.ProcessState.ExitCode() != 0 {
			t.Errorf("the meter ended with %v\n%s", err, cmd.Stderr)
		}
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	url, is := strings.CutPrefix(strings.TrimSpace(line), "panel=")
	if err != nil || !is {
		t.Fatalf("the meter said %q, %v\n%s", line, err, cmd.Stderr)
	}
	origin := strings.TrimSuffix(url, "/")
	p := &panelPage{tab: chrome.open(t, origin), origin: origin}
	p.visit("/")
	return p
}

// shows waits until the display has this line.
func (p *panelPage) shows(line string) {
	p.t.Helper()
	p.until(`[...document.querySelectorAll(".lcd p")].some(e => e.textContent === ` + quoted(line) + `)`)
}

func quoted(s string) string { return `"` + strings.ReplaceAll(s, `"`, `\"`) + `"` }

// TestTheWebPanelInChromium is the meter's own page, with the real binary in a real browser.
func TestTheWebPanelInChromium(t *testing.T) {
	tier.Long(t)
	t.Parallel()
	chrome, axe := openBrowser(t), axeSource(t)
	for _, display := range []string{"16x2", "20x4"} {
		t.Run(display, func(t *testing.T) {
			dir := standingMeter(t)
			p := openPanel(t, chrome, dir, "--display", display)
			p.byKeyboard(t)
			p.byMouse(t)
			p.looksRight(t, axe)
			p.clean()
		})
	}
}

// byKeyboard loads a token without a mouse.
func (p *panelPage) byKeyboard(t *testing.T) {
	p.until(`document.getElementById("live").textContent === "live"`)
	p.keys(faceToken)
	if p.until(`document.querySelector(".lcd").innerText.includes("20/20")`); strings.Contains(p.text(".lcd"), "ACCEPTED") {
		t.Error("the token is taken before #")
	}
	p.keys("#")
	p.until(`/ACCEPTED\s+\+25\.60[^]*CREDIT\s+25\.60 kWh/.test(document.querySelector(".lcd").innerText)`)
	p.until(`document.getElementById("supply").textContent === "● On" && document.getElementById("icons").innerText.includes("supply on")`)
	if said := p.text("#said"); said != "Last token: accept." {
		t.Errorf("a screen reader hears %q, want the result", said)
	}
	// Escape is *, Enter #.
	p.keys(escapeKey)
	p.shows("1 RECHARGE")
	p.keys("2")
	p.shows("TODAY")
	p.keys(escapeKey + escapeKey)
	p.shows("1 RECHARGE")
	p.keys(escapeKey)
	// The panel also works with Tab and Space: every key is a button with its own name.
	p.keys(tabKey)
	for range 30 {
		if p.focus() == "button 7" {
			break
		}
		p.keys(tabKey)
	}
	p.keys(" ")
	p.until(`document.querySelector(".lcd").innerText.includes("1/20")`)
	p.keys(escapeKey)
}

// byMouse presses every key, and checks what the page shows.
func (p *panelPage) byMouse(t *testing.T) {
	for selector, want := range map[string]string{
		`button[value="1"]`: "1", `button[value="*"]`: "* menu, star: leave, discard", `button[value="#"]`: "# enter, hash: confirm",
		".lcd": "Display", "#w": "Load in watts", "#icons": "Signs that are lit",
	} {
		if got := p.accessibleName(selector); got != want {
			t.Errorf("a screen reader calls %s %q, want %q", selector, got, want)
		}
	}
	p.fill("#w", "2000")
	p.keys(enterKey)
	p.click(`button[name=times][value="600"]`, 1)
	p.until(`Number(document.getElementById("register").textContent.split(" ")[0]) > 1`)
	p.click(`button[name=times][value="0"]`, 1)
	p.click(`form[action=cover] button[value=yes]`, 1)
	p.until(`document.getElementById("cover").textContent === "open"`)
	p.click(`form[action=cover] button[value=no]`, 1)
	p.fill("#from", facePhone)
	p.fill("#text", "*01#")
	p.keys(enterKey)
	p.until(`document.getElementById("sent").innerText.includes("Balance 2")`)
	p.click(`form[action=mains] button[value=no]`, 1)
	p.until(`document.getElementById("supply").textContent === "○ No mains"`)
	p.click(`button[value="5"]`, 1)
	p.until(`document.getElementById("problem").innerText.includes("no mains")`)
	p.click(`form[action=mains] button[value=yes]`, 1)
	p.until(`document.querySelector(".lcd").innerText.includes("CREDIT")`)
	p.forget() // the browser logs the refusal of a disabled keypad
}

// looksRight checks the panel like every other page: no scrolling sideways, nothing clipped, no finding of axe-core, in both colours.
func (p *panelPage) looksRight(t *testing.T, axe string) {
	for _, dark := range []bool{false, true} {
		p.dark(dark)
		for _, width := range []int64{320, 360, 768, 1280} {
			p.size(width)
			if over := ask[int](p.tab, `document.documentElement.scrollWidth - innerWidth`); over > 0 {
				t.Errorf("the page is %d px too wide for %d px", over, width)
			}
			if cut := ask[string](p.tab, clipped); cut != "" {
				t.Errorf("at %d px the page clips %s", width, cut)
			}
		}
		p.clean() // before axe-core, which is not part of the page
		for _, width := range []int64{360, 1280} {
			p.size(width)
			for _, f := range p.axe(axe) {
				t.Errorf("dark %t, %d px: %s (%s): %s\n%s", dark, width, f.ID, f.Impact, f.Help, nodes(f))
			}
		}
		p.forget()
	}
	ask[chromedp.Void](p.tab, `document.body.insertAdjacentHTML("beforeend", "<input>"), undefined`)
	if len(p.axe(axe)) == 0 {
		t.Error("axe-core finds nothing wrong with a field without a label")
	}
	p.forget()
}
