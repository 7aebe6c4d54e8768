package api_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"flag"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/await"
	"github.com/paywatt/paywatt/internal/keystore"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/tier"
)

// pictures says that the pictures of approvals are made again, with the file of what their pages say:
//
//	go test ./internal/api -run TestASecondPersonCanTell -args -pictures
var pictures = flag.Bool("pictures", false, "make the pictures of approvals again")

const (
	secondPage     = "../../docs/operate/second-person.md"
	secondPictures = "../../docs/operate/images/approvals"
	secondTexts    = "pages.txt" // what the pages of the pictures say
	makePictures   = "go test ./internal/api -run TestASecondPersonCanTell -args -pictures"
	mostPictures   = 1_500_000 // bytes of all together
	mostPicture    = 40_000
	pictureWide    = 620 // px
)

// eyes are those of a second person, who looks at the pages of approvals in a browser.
type eyes struct {
	c      *clerk
	ctx    context.Context
	people *access.Access
	email  string
	seen   []string          // names of the pictures
	says   map[string]string // what their pages say, by the name of the picture
}

// openEyes signs an owner in at the console, in Chromium.
func (c *clerk) openEyes() *eyes {
	c.t.Helper()
	chromium := tier.Browser(c.t)
	if *pictures {
		chromium = tier.WholeBrowser(c.t)
	}
	ctx, stop := chromedp.NewExecAllocator(context.Background(), chromedp.ExecPath(chromium), chromedp.UserDataDir(c.t.TempDir()), chromedp.Headless, chromedp.NoSandbox,
		chromedp.DisableGPU, chromedp.NoFirstRun, chromedp.NoDefaultBrowserCheck, chromedp.Flag("hide-scrollbars", true), chromedp.Flag("disable-dev-shm-usage", true),
		chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true))
	c.t.Cleanup(stop)
	ctx, quit := chromedp.NewContext(ctx)
	c.t.Cleanup(quit)
	e := &eyes{c: c, ctx: ctx, says: map[string]string{}}
	e.people, e.email = c.second()
	if _, err := chromedp.Run(ctx, chromedp.Location()); err != nil { // this makes the tab, which ends with its context
		c.t.Fatalf("start Chromium: %v", err)
	}
	e.signIn()
	return e
}

// second makes an owner who may approve.
func (c *clerk) second() (people *access.Access, email string) {
	c.t.Helper()
	data, err := keystore.OpenData(c.dir)
	if err != nil {
		c.t.Fatal(err)
	}
	now := func() time.Time { return time.Now().Add(c.ahead) }
	people, err = access.New(access.Config{Hasher: data, Vault: data, FactorOptional: true, Now: now, Rand: rand.Reader, Argon: cheapPasswords(),
		Door: store.DoorTo(c.folder.Engine, store.Sale, func(tx *store.Tx) access.Tx { return tx })})
	if err != nil {
		c.t.Fatal(err)
	}
	invited := decode[struct {
		Email string
		URL   string `json:"invite_url"`
	}](c.t, c.do(201, "POST", "/v1/people", `{"email":"second@example.org","name":"Amina Second","role":"owner"}`))
	made, err := people.Accept(c.t.Context(), store.FirstTenant, strings.TrimPrefix(invited.URL, "/invite/"), access.SecretOf("several plain words"), "")
	if err != nil || made.Refused() {
		c.t.Fatal(made.Refusal, err)
	}
	c.want(200, c.ask("POST", "/v1/people/"+invited.Email+"/confirm", c.newKey(access.Owner), `{}`))
	return people, invited.Email
}

// do runs a step in the browser.
func (e *eyes) do(what string, step func(context.Context) error) {
	e.c.t.Helper()
	ctx, stop := context.WithTimeout(e.ctx, await.Limit)
	defer stop()
	if err := step(ctx); err != nil {
		e.c.t.Fatalf("%s: %v", what, err)
	}
}

// signIn signs the second person in at the console of the server that runs now.
func (e *eyes) signIn() {
	e.c.t.Helper()
	in, err := e.people.SignIn(e.c.t.Context(), store.FirstTenant, e.email, "several plain words", "", access.Browser{IP: "127.0.0.1"})
	if err != nil || in.Refused() {
		e.c.t.Fatal(in.Refusal, err)
	}
	e.do("sign in", func(ctx context.Context) error {
		_, err := chromedp.Call(ctx, network.SetCookie, network.SetCookieParams{Name: "paywatt_session", Value: in.Session.Reveal(), URL: e.c.url})
		return err
	})
}

// onlyRequest leaves of the page what the server says about the request, with what stands around it.
const onlyRequest = `document.querySelectorAll("form, .row, .banner, h1, details, main > section:first-of-type dl, #effect-title ~ p:last-child, .note.warn:not(section *)").forEach(e => e.remove())`

// onlyPerson leaves of a person's page who it is, and what a confirmation means.
const onlyPerson = `document.querySelectorAll("main > *:not(h1, section), main > section:not(:first-of-type, [aria-labelledby=confirm-title])").forEach(e => e.remove())`

// onlyRows leaves of the audit log its rows.
const onlyRows = `document.querySelectorAll("main > *:not(.card), main > form").forEach(e => e.remove())`

// pageScript removes what is around every page. It returns what the page says and how high it is.
const pageScript = `(function () {
	%s;
	document.querySelectorAll("header, nav, footer, body > *:not(main):not(:has(main))").forEach(e => e.remove());
	const main = document.querySelector("main"), r = main.getBoundingClientRect();
	main.style.padding = "0";
	return [main.innerText, String(Math.ceil(r.bottom + 8))];
})()`

// look opens the page of an approval, reads it as a person does, and makes its picture if the run asks for that.
func (e *eyes) look(act access.Act, which, approval string) {
	e.c.t.Helper()
	e.read(pictureOf(string(act), which), "/approvals/"+approval, onlyRequest, "What happens if you approve now")
}

// pictureOf names the picture of a request.
func pictureOf(act, which string) string {
	return fmt.Sprintf("%s-%s.png", strings.NewReplacer(".", "-", "_", "-").Replace(act), which)
}

// read opens a page, leaves a part of it, and makes a picture of that if the run asks for it. The page must say something.
func (e *eyes) read(name, path, only, must string) {
	e.c.t.Helper()
	e.seen = append(e.seen, name)
	var page []string
	e.do("look at "+name, func(ctx context.Context) (err error) {
		if _, err = chromedp.Call(ctx, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: pictureWide, Height: 200, DeviceScaleFactor: 1}); err != nil {
			return err
		}
		if err = chromedp.Do(ctx, chromedp.Navigate(e.c.url+path)); err != nil {
			return err
		}
		page, err = chromedp.Run(ctx, chromedp.Evaluate[[]string](fmt.Sprintf(pageScript, only)))
		return err
	})
	e.says[name] = always(page[0])
	if !strings.Contains(page[0], must) {
		e.c.t.Errorf("%s: the page does not say %q: %s", name, must, page[0])
		return
	}
	for _, line := range strings.Split(page[0], "\n") {
		if strings.HasPrefix(line, "!") || strings.Contains(line, "0001-01-01") {
			e.c.t.Errorf("%s: the page says %q", name, line)
		}
	}
	if *pictures {
		e.picture(name, page[1])
	}
}

// picture stores a picture of the page that is open.
func (e *eyes) picture(name, height string) {
	e.c.t.Helper()
	high := int64(0)
	if _, err := fmt.Sscan(height, &high); err != nil {
		e.c.t.Fatal(err)
	}
	e.do("picture of "+name, func(ctx context.Context) error {
		if _, err := chromedp.Call(ctx, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: pictureWide, Height: min(high, 1400), DeviceScaleFactor: 1}); err != nil {
			return err
		}
		b, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
		if err != nil {
			return err
		}
		small, err := smaller(b)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(secondPictures, name), small, 0o644)
	})
}

// differs finds what is another in every run: moments, the identities of rows, the addresses of keys' people, and the identifiers of tokens.
var differs = regexp.MustCompile(`\b\d{4}-\d\d-\d\d([ T]\d\d:\d\d(:\d\d)?(Z| [A-Z]{3,4})?)?|\b[a-z]{3}_[0-9a-z]{26}\b|\bstaff-[0-9a-z]+@|\b\d{7,8}\b`)

// always returns what a page says in every run.
func always(text string) string {
	var lines []string
	for _, line := range strings.Split(differs.ReplaceAllString(text, "…"), "\n") {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n") + "\n"
}

// closeTexts compares what the pages say with what they said when their pictures were made.
func (e *eyes) closeTexts() {
	t, path := e.c.t, filepath.Join(secondPictures, secondTexts)
	t.Helper()
	if *pictures {
		var all strings.Builder
		for _, name := range slices.Sorted(maps.Keys(e.says)) {
			fmt.Fprintf(&all, "== %s\n%s\n", name, e.says[name])
		}
		if err := os.WriteFile(path, []byte(all.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	said := map[string]string{}
	for _, part := range strings.Split("\n\n"+string(b), "\n\n== ")[1:] {
		name, text, _ := strings.Cut(part, "\n")
		said[name] = strings.TrimSpace(text) + "\n"
	}
	for _, name := range e.seen {
		if said[name] != e.says[name] {
			t.Errorf("%s: the page says\n%s\nand its picture shows\n%s\nrun %s", name, e.says[name], said[name], makePictures)
		}
		delete(said, name)
	}
	for name := range said {
		t.Errorf("%s has the page of %s, which nobody looked at; run %s", path, name, makePictures)
	}
}

// smaller returns a picture in its 8 most frequent colours, which take a few bits for a pixel.
func smaller(b []byte) ([]byte, error) {
	from, err := png.Decode(bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	count := map[color.RGBA]int{}
	at := func(x, y int) color.RGBA { return color.RGBAModel.Convert(from.At(x, y)).(color.RGBA) }
	area := from.Bounds()
	for y := area.Min.Y; y < area.Max.Y; y++ {
		for x := area.Min.X; x < area.Max.X; x++ {
			count[at(x, y)]++
		}
	}
	var few color.Palette
	for _, c := range slices.SortedFunc(maps.Keys(count), func(a, b color.RGBA) int { return count[b] - count[a] }) {
		if few = append(few, c); len(few) == 8 {
			break
		}
	}
	nearest := map[color.RGBA]uint8{}
	for c := range count {
		nearest[c] = uint8(few.Index(c))
	}
	to := image.NewPaletted(area, few)
	for y := area.Min.Y; y < area.Max.Y; y++ {
		for x := area.Min.X; x < area.Max.X; x++ {
			to.SetColorIndex(x, y, nearest[at(x, y)])
		}
	}
	var out bytes.Buffer
	err = (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&out, to)
	return out.Bytes(), err
}

// pairOf shows the pictures of an honest and of a forged request.
func pairOf(name, takes string) string {
	path := func(which string) string { return "images/approvals/" + pictureOf(name, which) }
	return fmt.Sprintf("| as it should be | forged: %s |\n|---|---|\n| ![%s, as it should be](%s) | ![%s, forged](%s) |\n", takes, name, path("honest"), name, path("forged"))
}

// close compares the pictures with the page that shows them.
func (e *eyes) close() {
	t := e.c.t
	t.Helper()
	var rows strings.Builder
	for _, act := range access.Acts() {
		fmt.Fprintf(&rows, "### `%s`\n\n%s\n", act, pairOf(string(act), lures()[act].takes))
	}
	text, err := os.ReadFile(secondPage)
	if err != nil {
		t.Fatal(err)
	}
	want := string(text)
	for name, part := range map[string]string{
		"pictures": rows.String(),
		"person":   pairOf("person-confirm", "another address, as an owner") + "\n",
		"number":   "![customer.confirm-phone](images/approvals/" + pictureOf("customer-confirm-phone", "waits") + ")\n\n",
	} {
		before, after, found := strings.Cut(want, "<!-- "+name+" -->\n")
		_, rest, ends := strings.Cut(after, "<!-- end -->")
		if !found || !ends {
			t.Fatalf("%s has no place for the part %s", secondPage, name)
		}
		want = before + "<!-- " + name + " -->\n" + part + "<!-- end -->" + rest
	}
	e.closeTexts()
	switch {
	case *pictures:
		err = os.WriteFile(secondPage, []byte(want), 0o644)
	case want != string(text):
		t.Errorf("%s does not show the requests of this test; run %s", secondPage, makePictures)
	}
	if err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir(secondPictures)
	if err != nil {
		t.Fatal(err)
	}
	total, there := 0, map[string]bool{}
	for _, f := range files {
		if f.Name() == secondTexts {
			continue
		}
		b, err := os.ReadFile(filepath.Join(secondPictures, f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := png.DecodeConfig(bytes.NewReader(b)); err != nil || len(b) > mostPicture {
			t.Errorf("%s has %d bytes, at most %d: %v", f.Name(), len(b), mostPicture, err)
		}
		total, there[f.Name()] = total+len(b), true
	}
	for _, name := range e.seen {
		if !there[name] {
			t.Errorf("there is no picture %s; run %s", name, makePictures)
		}
		delete(there, name)
	}
	for name := range there {
		t.Errorf("%s is a picture of no request", name)
	}
	if total > mostPictures {
		t.Errorf("the pictures have %d bytes, at most %d", total, mostPictures)
	}
}
