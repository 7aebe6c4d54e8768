package e2e

import (
	"bytes"
	"image/png"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// Where the pictures of the console are, and the page that shows all of them.
const (
	picturesFolder = "../docs/operate/images/console"
	picturesPage   = "../docs/operate/console.md"
	allPictures    = 3_000_000 // bytes of all together
	pictureColours = 48
	pictureHigh    = 860 // px, at most
)

// pictured are the states of pages of which the documentation has a picture, each with the path of its page. The file has the name of the state.
var pictured = [...]struct{ state, path string }{
	{"overview", "/overview"}, {"meters", "/meters"}, {"flats", "/flats"}, {"meter", "/meters/{meter}"}, {"search", "/search"}, {"sell, price", "/sell"}, {"check", "/sell/check"},
	{"sale", "/sales/{sale}"}, {"receipt and explanation", "/sales/{sale}/receipt"}, {"tariffs", "/tariffs"}, {"versions of a tariff", "/tariffs/{tariff}"},
	{"new version, checked", "/tariffs"}, {"trial balance", "/ledger"}, {"accounts", "/ledger/accounts"}, {"journals of an account", "/ledger/journals"},
	{"sign in", "/signin"}, {"customers", "/customers"}, {"customer", "/customers/{customer}"}, {"messages", "/messages"}, {"message", "/messages/{message}"},
	{"box", "/meters/{meter}/recharge"}, {"a token on its way", "/meters/{meter}/recharges/{token}"}, {"meter with a wallet", "/meters/{meter}"},
	{"wallet by day", "/meters/{meter}/wallet"}, {"quarantine", "/quarantine"}, {"people", "/people"}, {"person", "/people/{person}"}, {"account", "/account"},
	{"keys", "/keys"}, {"office", "/office"}, {"sales", "/sales"}, {"approvals", "/approvals"}, {"till", "/tills/{shift}"}, {"tills", "/tills"},
	{"payments", "/payments"}, {"vouchers", "/vouchers"}, {"webhooks", "/webhooks"}, {"webhook", "/webhooks/{webhook}"}, {"batch of vouchers", "/vouchers/{batch}"}, {"payment", "/payments/{payment}"}, {"vendors", "/vendors"}, {"vendor", "/vendors/{vendor}"}, {"alarms", "/alarms"}, {"audit log", "/audit"}, {"help", "/help"}, {"checklist", "/start"},
	{"settings", "/settings"}, {"import", "/import"}, {"import, checked", "/import"}, {"new meter", "/meters/new"}, {"service", "/meters/{meter}/service"},
	{"service token", "/meters/{meter}/service/{kind}"}, {"key of a meter", "/meters/{meter}/key"}, {"token doctor", "/doctor"}, {"place", "/meters/{meter}/place"},
	{"configuration of a meter", "/meters/{meter}/config"}, {"configuration of all meters", "/settings/meters"},
	{"account of a meter", "/accounts/{meter}"}, {"debts", "/debts"}, {"charges", "/charges"}, {"new customer", "/customers/new"},
	{"timeline", "/meters/{meter}/timeline"}, {"closed days", "/days"}, {"integrations", "/integrations"}, {"devices", "/devices"},
	{"API documentation", "/docs"}, {"API documentation, topic", "/docs/topic/vends"}, {"safe mode", "/"}, {"tour, step 2", "/sell"},
}

// shownPart names the part of a page with which its picture begins, where that is not its top.
var shownPart = map[string]string{"wallet by day": "#charts"}

// pictureName returns the name of the file with the picture of a state.
func pictureName(state string) string {
	return strings.Trim(regexp.MustCompile(`[^a-z0-9]+`).ReplaceAllString(strings.ToLower(state), "-"), "-") + ".png"
}

// consolePictures makes the pictures of the console if the run asks for them, and compares the existing ones with the menu and with the page
// that shows them.
func (o *office) consolePictures(t *testing.T) {
	if *screenshots != "" {
		o.draw(t)
	}
	page, err := os.ReadFile(picturesPage)
	if err != nil {
		t.Fatal(err)
	}
	var names, paths []string
	for _, p := range pictured {
		names, paths = append(names, pictureName(p.state)), append(paths, p.path)
	}
	files, err := os.ReadDir(picturesFolder)
	if err != nil {
		t.Fatal(err)
	}
	total := 0
	for _, f := range files {
		b, err := os.ReadFile(filepath.Join(picturesFolder, f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if total += len(b); !slices.Contains(names, f.Name()) {
			t.Errorf("%s is a picture of no page", f.Name())
		}
		if _, err := png.DecodeConfig(bytes.NewReader(b)); err != nil || len(b) > maxPicture {
			t.Errorf("%s has %d bytes, at most %d: %v", f.Name(), len(b), maxPicture, err)
		}
	}
	if total > allPictures {
		t.Errorf("the pictures have %d bytes, at most %d", total, allPictures)
	}
	for _, name := range names {
		if !slices.ContainsFunc(files, func(f os.DirEntry) bool { return f.Name() == name }) {
			t.Errorf("there is no picture %s", name)
		}
		if !bytes.Contains(page, []byte("](images/console/"+name+")")) {
			t.Errorf("%s does not show %s", picturesPage, name)
		}
	}
	for _, from := range []string{"#menu a", "main a"} {
		o.owner.visit("/office")
		for _, path := range ask[[]string](o.owner, `[...document.querySelectorAll("`+from+`")].map(a => a.getAttribute("href")).filter(to => to.startsWith("/"))`) {
			if path, _, _ = strings.Cut(path, "?"); !slices.Contains(paths, path) {
				t.Errorf("the page %s, which the menu or the office page leads to, has no picture", path)
			}
		}
	}
}

// draw makes the pictures. Some work fills the pages before.
func (o *office) draw(t *testing.T) {
	began := time.Now()
	for _, work := range []func(*office, *testing.T){(*office).clerksDay, (*office).wallet, (*office).platform} {
		work(o, t)
	}
	here, elsewhere := o.allPages(t)
	folder := filepath.Join("..", *screenshots, "console")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, state := range append(here, elsewhere...) {
		tab := state.tab
		tab.size(1280)
		state.open()
		at := slices.IndexFunc(pictured[:], func(p struct{ state, path string }) bool { return p.state == state.name })
		if at < 0 {
			continue
		}
		if path := tab.path(); !ofPage(pictured[at].path, path) {
			t.Errorf("the state %q is at %s, want %s", state.name, path, pictured[at].path)
		}
		if err := os.WriteFile(filepath.Join(folder, pictureName(state.name)), tab.standing(began, shownPart[state.name]), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// ofPage says whether a path is one of a page whose path has names in braces.
func ofPage(page, path string) bool {
	return regexp.MustCompile("^" + regexp.MustCompile(`\{[a-z]+\}`).ReplaceAllString(page, "[^/]+") + "$").MatchString(path)
}

// standing captures a page with the same address, token and identities in every run, and with times from the same minute on. If it names a part of
// the page, the picture begins there.
func (p *tab) standing(began time.Time, part string) []byte {
	p.t.Helper()
	p.until(`document.readyState === "complete" && !document.querySelector(".changed")`)
	call(p, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: 1100, Height: 400, DeviceScaleFactor: 1})
	p.drawn()
	height := min(pictureHigh, ask[int64](p, `document.documentElement.scrollHeight`))
	call(p, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: 1100, Height: height, DeviceScaleFactor: 1})
	ask[chromedp.Void](p, strings.NewReplacer("BEGAN", strconv.FormatInt(began.UnixMilli(), 10), "MOVES", strconv.FormatBool(part == "")).Replace(standStill))
	if part != "" {
		ask[chromedp.Void](p, `document.querySelector("`+part+`").scrollIntoView()`)
	}
	picture := p.captureIn(pictureColours)
	ask[chromedp.Void](p, `goOn(), undefined`) // the next state may depend on the focus
	return picture
}

// standStill replaces what differs between two runs. Times move by as much as the first time of the run is after 2026-03-02 09:41 UTC, so that their
// order and the spans between them stay true; days and times that are to come move by whole days. Dates beside a drawn chart stay.
const standStill = `(function () {
	const minute = 60_000, day = 1440 * minute, pad = n => String(n).padStart(2, "0");
	const began = Math.floor(BEGAN / minute) * minute, first = Date.UTC(2026, 2, 2, 9, 41);
	const days = Math.floor(first / day) - Math.floor(began / day), shift = first - began;
	const date = t => { const d = new Date(t); return d.getUTCFullYear() + "-" + pad(d.getUTCMonth() + 1) + "-" + pad(d.getUTCDate()); };
	const clock = t => { const d = new Date(t); return pad(d.getUTCHours()) + ":" + pad(d.getUTCMinutes()); };
	const moved = (all, on, gap, at, seconds) => {
		const then = Date.parse(on + "T00:00Z");
		if (Math.abs(then - began) > 400 * day) return all;
		if (!at || at === "00:00") return date(then + days * day) + (at ? gap + at + (seconds || "") : "");
		const real = Date.parse(on + "T" + at + "Z"), later = real > began + 120 * minute, t = real + (later ? days * day : shift);
		return date(t) + gap + clock(t) + (seconds || "");
	};
	const still = text => (MOVES ? text.replace(/(\d{4}-\d\d-\d\d)(?:([ T])(\d\d:\d\d)(:\d\d)?)?/g, moved)
		.replace(/(^|[^\d-][ ]|\n)(\d\d:\d\d)( UTC)/g, (all, before, at, zone) => before + clock(Date.parse(date(began) + "T" + at + "Z") + shift) + zone) : text)
		.replace(/(\d{4}[ -]){4}\d{4}/g, "1234 5678 9012 3456 7890")
		.replace(/127\.0\.0\.1:\d+/g, "127.0.0.1:8080").replace(/\/(tmp|dev\/shm|var\/tmp)\/(?:[^\s"'\/]+\/)*([^\s"'\/,:;)]+)/g, "/var/lib/paywatt/$2")
		.replace(/\b([a-z]{3})_[0-9a-z]{12,}/g, "$1_01jnexample")
		.replace(/\b(?=\w*\d)[\w-]{24,}/g, "an-example");
	const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
	for (let n; (n = walker.nextNode());) if (still(n.data) !== n.data) n.data = still(n.data);
	document.querySelectorAll("input[type=text], input:not([type]), textarea").forEach(e => { e.value = still(e.value); });
	document.querySelectorAll("input[type=date]").forEach(e => { if (e.value) e.value = still(e.value); });
	document.querySelectorAll("input[type=month]").forEach(e => { if (e.value) e.value = still(e.value + "-15").slice(0, 7); });
	const here = document.activeElement;
	window.goOn = () => here.focus();
	here.blur();
	scrollTo(0, 0);
})()`
