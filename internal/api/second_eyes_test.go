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

// pictures says that the pictures of approvals are made again:
//
//	go test ./internal/api -run TestASecondPersonCanTell -args -pictures
var pictures = flag.Bool("pictures", false, "make the pictures of approvals again")

const (
	secondPage     = "../../docs/operate/second-person.md"
	secondPictures = "../../docs/operate/images/approvals"
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
	seen   []string // names of the pictures
}

// openEyes signs an owner in at the console, in Chromium.
func (c *clerk) openEyes() *eyes {
	c.t.Helper()
	chromium := tier.Program(c.t, "chromium")
	ctx, stop := chromedp.NewExecAllocator(context.Background(), chromedp.ExecPath(chromium), chromedp.UserDataDir(c.t.TempDir()), chromedp.Headless, chromedp.NoSandbox,
		chromedp.DisableGPU, chromedp.NoFirstRun, chromedp.NoDefaultBrowserCheck, chromedp.Flag("hide-scrollbars", true), chromedp.Flag("disable-dev-shm-usage", true),
		chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true))
	c.t.Cleanup(stop)
	ctx, quit := chromedp.NewContext(ctx)
	c.t.Cleanup(quit)
	e := &eyes{c: c, ctx: ctx}
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

// onlyRequest leaves of the page what the server says about the request.
const onlyRequest = `(function () {
	document.querySelectorAll("header, nav, footer, form, .row, .banner, h1, details, main > section:first-of-type dl, #effect-title ~ p:last-child, .note.warn:not(section *)").forEach(e => e.remove());
	document.querySelectorAll("body > *:not(main):not(:has(main))").forEach(e => e.remove());
	const r = document.querySelector("main").getBoundingClientRect();
	document.querySelector("main").style.padding = "0";
	return [document.querySelector("#effect-title") ? document.querySelector("main").innerText : "", String(Math.ceil(r.bottom + 8))];
})()`

// look opens the page of an approval, reads it as a person does, and makes its picture if the run asks for that.
func (e *eyes) look(act access.Act, which, approval string) {
	e.c.t.Helper()
	name := fmt.Sprintf("%s-%s.png", strings.NewReplacer(".", "-", "_", "-").Replace(string(act)), which)
	e.seen = append(e.seen, name)
	if which == "honest" && !*pictures {
		return // the page is the same, and each takes time
	}
	var page []string
	e.do("look at "+name, func(ctx context.Context) (err error) {
		if _, err = chromedp.Call(ctx, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: pictureWide, Height: 200, DeviceScaleFactor: 1}); err != nil {
			return err
		}
		if err = chromedp.Do(ctx, chromedp.Navigate(e.c.url+"/approvals/"+approval)); err != nil {
			return err
		}
		page, err = chromedp.Run(ctx, chromedp.Evaluate[[]string](onlyRequest))
		return err
	})
	if page[0] == "" {
		e.c.t.Errorf("%s: the page does not say what the request does", name)
		return
	}
	for _, line := range strings.Split(page[0], "\n") {
		if strings.HasPrefix(line, "!") || strings.Contains(line, "0001-01-01") {
			e.c.t.Errorf("%s: the page says %q", name, line)
		}
	}
	if !*pictures {
		return
	}
	high := int64(0)
	if _, err := fmt.Sscan(page[1], &high); err != nil {
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

// close compares the pictures with the page that shows them.
func (e *eyes) close() {
	t := e.c.t
	t.Helper()
	var rows strings.Builder
	for _, act := range access.Acts() {
		file := "images/approvals/" + strings.NewReplacer(".", "-", "_", "-").Replace(string(act))
		fmt.Fprintf(&rows, "### `%s`\n\n| as it should be | forged: %s |\n|---|---|\n| ![%s, as it should be](%s-honest.png) | ![%s, forged](%s-forged.png) |\n\n", act, lures()[act].takes, act, file, act, file)
	}
	text, err := os.ReadFile(secondPage)
	if err != nil {
		t.Fatal(err)
	}
	before, after, found := strings.Cut(string(text), "<!-- pictures -->\n")
	_, rest, ends := strings.Cut(after, "<!-- end -->")
	if !found || !ends {
		t.Fatalf("%s has no place for the pictures", secondPage)
	}
	want := before + "<!-- pictures -->\n" + rows.String() + "<!-- end -->" + rest
	switch {
	case *pictures:
		err = os.WriteFile(secondPage, []byte(want), 0o644)
	case want != string(text):
		t.Errorf("%s does not show the requests of this test; run it with -args -pictures", secondPage)
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
			t.Errorf("there is no picture %s; run this test with -args -pictures", name)
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
