package e2e

import (
	"bufio"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"regexp"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/paywatt/paywatt/internal/await"
)

// running starts the program and waits until what it prints matches the pattern. It returns the pattern's groups. The program ends with the
// test, and its log is judged with those of the place.
func (p *place) running(t *testing.T, pattern string, args ...string) []string {
	t.Helper()
	cmd := exec.Command(p.bin, args...)
	cmd.Env = p.env
	read, write := io.Pipe()
	both := io.MultiWriter(p.logs.newLog(), write)
	cmd.Stdout, cmd.Stderr = both, both
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait() // the tests that use it look at its pages, not at its end
		write.Close()
		close(ended)
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		<-ended
	})
	said, found := "", make(chan []string, 1)
	go func() {
		lines := bufio.NewScanner(read)
		for lines.Scan() {
			if said += lines.Text() + "\n"; found != nil {
				if m := regexp.MustCompile(pattern).FindStringSubmatch(said); m != nil {
					found <- m
					found = nil
				}
			}
		}
		if found != nil {
			close(found)
		}
	}()
	select {
	case m := <-found:
		if m != nil {
			return m
		}
	case <-time.After(await.Limit):
	}
	t.Fatalf("%s: %v did not print %s:\n%s", await.NotInTime, args, pattern, said)
	return nil
}

// safePages are the page of a server whose settings have mistakes, for whoever has the link and for others.
func (o *office) safePages(t *testing.T) []shownPage {
	t.Helper()
	p := newPlace(t, o.place.bin)
	p.expect("safe mode")
	write(t, filepath.Join(p.dir, "paywatt.toml"), "log_levle = \"warn\"\nsms_answer_wait = \"a very long time, much longer than anybody would wait for an answer\"\n", 0o600)
	link := p.running(t, `Safe mode: (http://[^/]+)(\S+)`, "serve", "--data", p.dir, "--http", "127.0.0.1:0", "--mqtt", "127.0.0.1:0")
	knows, stranger := o.chrome.open(t, link[1]), o.chrome.open(t, link[1])
	return append(shownIn(knows, []pageState{{"safe mode", func() { knows.visit(link[2]); knows.at("/") }}}),
		shownIn(stranger, []pageState{{"safe mode, a stranger", func() { stranger.visit("/meters") }}})...)
}

// tourPages are the steps of the demonstration's tour.
func (o *office) tourPages(t *testing.T) []shownPage {
	t.Helper()
	link := newPlace(t, o.place.bin).running(t, `Open +(\S+)\n(?s:.*)Console +(\S+)/\n`, "demo")
	tour := o.chrome.open(t, link[2])
	tour.do(chromedp.Navigate(link[1])) // at the address of the meters' panels, which leads to the console
	tour.at("/meters/")
	tour.forget()
	var all []pageState
	for step := 1; step <= 5; step++ {
		all = append(all, pageState{fmt.Sprintf("tour, step %d", step), func() {
			tour.visit("/overview")
			ask[chromedp.Void](tour, fmt.Sprintf(`(b => { window.left = true; b.value = "%d"; b.click(); })(document.querySelector(".tour button[name=step]"))`, step))
			tour.until(fmt.Sprintf(`!window.left && document.readyState === "complete" && document.querySelector(".tour p").innerText.includes("%d of 5")`, step))
		}})
	}
	return shownIn(tour, all)
}

// inArabic looks at a page from right to left, and with longer texts.
func (o *office) inArabic(t *testing.T, page shownPage) {
	t.Helper()
	p := page.tab
	choose := func(language, direction string) {
		p.size(1280)
		p.click(`button[name="language"][value="`+language+`"]`, 1)
		p.until(fmt.Sprintf(`document.readyState === "complete" && document.documentElement.lang === %q && document.documentElement.dir === %q`, language, direction))
	}
	choose("ar", "rtl")
	p.narrow(page.name+" in Arabic", 360, 320)
	for _, f := range p.axe(o.axe) {
		t.Errorf("%s in Arabic: %s (%s): %s\n%s", page.name, f.ID, f.Impact, f.Help, nodes(f))
	}
	ask[any](p, longer)
	p.narrow(page.name+" with longer texts", 320)
	p.forget()
	choose("en", "ltr")
}
