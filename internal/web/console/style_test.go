package console_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// tokens reads the colour tokens of the style sheet: name → light and dark.
func tokens(t *testing.T) map[string][2]string {
	t.Helper()
	css, err := os.ReadFile("assets/console.css")
	if err != nil {
		t.Fatal(err)
	}
	out := map[string][2]string{}
	for _, m := range regexp.MustCompile(`--(\w+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\)`).FindAllStringSubmatch(string(css), -1) {
		out[m[1]] = [2]string{m[2], m[3]}
	}
	if len(out) != 18 {
		t.Fatalf("found %d colour tokens, want 18: %v", len(out), out)
	}
	// The style sheet uses no colours besides the tokens, so the test checks all colours. Paper is black on white.
	rules := string(css)[strings.Index(string(css), "* {"):]
	for _, c := range regexp.MustCompile(`#[0-9a-fA-F]{3,8}\b|rgba?\(|hsla?\(|color-mix`).FindAllString(rules, -1) {
		if c != "#ffffff" && c != "#000000" {
			t.Errorf("the colour %s is no token", c)
		}
	}
	return out
}

// luminance is the relative luminance of WCAG 2.
func luminance(t *testing.T, colour string) float64 {
	t.Helper()
	sum := 0.0
	for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
		v, err := strconv.ParseUint(colour[1+2*i:3+2*i], 16, 8)
		if err != nil {
			t.Fatal(err)
		}
		c := float64(v) / 255
		if c <= 0.04045 {
			c /= 12.92
		} else {
			c = math.Pow((c+0.055)/1.055, 2.4)
		}
		sum += weight * c
	}
	return sum
}

func contrast(t *testing.T, a, b string) float64 {
	t.Helper()
	x, y := luminance(t, a), luminance(t, b)
	return (math.Max(x, y) + 0.05) / (math.Min(x, y) + 0.05)
}

func TestColoursContrast(t *testing.T) {
	for _, known := range []struct {
		a, b string
		want float64
	}{{"#000000", "#ffffff", 21}, {"#777777", "#ffffff", 4.48}} {
		if got := contrast(t, known.a, known.b); math.Abs(got-known.want) > 0.01 {
			t.Fatalf("contrast of %s and %s computed as %.2f, is %.2f", known.a, known.b, got, known.want)
		}
	}
	all := tokens(t)
	pairs := map[string]float64{}
	text := func(ink string, grounds ...string) {
		for _, g := range grounds {
			pairs[ink+" on "+g] = 4.5
		}
	}
	text("ink", "bg", "card", "offbg", "hover")
	text("muted", "bg", "card", "hover")
	text("brand", "bg", "card", "hover")
	text("onbrand", "brand")
	text("ok", "okbg")
	text("warn", "warnbg", "stripe", "card")
	text("bad", "badbg", "card")
	text("off", "offbg", "card")
	for _, edge := range []string{"control on card", "control on bg", "control on offbg", "brand on card", "bad on card", "warn on card", "ok on card", "off on card"} {
		if pairs[edge] == 0 {
			pairs[edge] = 3
		}
	}
	worst := 21.0
	for pair, least := range pairs {
		name := strings.Split(pair, " on ")
		for i, scheme := range []string{"light", "dark"} {
			got := contrast(t, all[name[0]][i], all[name[1]][i])
			if got < least {
				t.Errorf("%s, %s: %.2f:1, at least %.1f:1", scheme, pair, got, least)
			}
			if least == 4.5 {
				worst = math.Min(worst, got)
			}
		}
	}
	t.Logf("figures: the faintest text has %.2f:1", worst)
}

// sided matches a declaration that names the left or the right, and so does not follow a language that is written from right to left.
var sided = regexp.MustCompile(`[{;]\s*(?:(?:left|right|[a-z-]+-(?:left|right)[a-z-]*)\s*:|(?:text-align|float|clear)\s*:\s*(?:left|right))[^;}]*`)

// TestStylesFollowTheDirectionOfTheLanguage: margins, borders and alignment have logical names (start, end).
func TestStylesFollowTheDirectionOfTheLanguage(t *testing.T) {
	for _, wrong := range []string{"a{left:0}", "a { margin-left: 1px }", "a{color:red;text-align: right}", "a{border-top-left-radius:1px}", "a{float:left}"} {
		if !sided.MatchString(wrong) {
			t.Errorf("%q is not found", wrong)
		}
	}
	sheets, err := filepath.Glob("assets/*.css")
	sheets = append(sheets, "../../print/receipt.css")
	if err != nil || len(sheets) < 2 {
		t.Fatal(sheets, err)
	}
	for _, path := range sheets {
		if strings.HasSuffix(path, ".min.css") { // by others
			continue
		}
		css, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, rule := range sided.FindAllString(string(css), -1) {
			t.Errorf("%s: %q: write start or end", path, strings.TrimLeft(rule, "{; \n"))
		}
	}
}

func TestVendoredFilesAreTheOnesThatWereChecked(t *testing.T) {
	f, err := os.Open("assets/CHECKSUMS")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	sums := map[string]string{}
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var sum, name string
		if _, err := fmt.Sscan(lines.Text(), &sum, &name); err != nil {
			t.Fatalf("line %q: %v", lines.Text(), err)
		}
		sums[name] = sum
	}
	notice, err := os.ReadFile("assets/NOTICE.md")
	if err != nil {
		t.Fatal(err)
	}
	vendored, err := filepath.Glob("assets/*.min.*")
	icons, _ := filepath.Glob("assets/icons/*.svg")
	if err != nil || len(vendored) == 0 || len(icons) == 0 {
		t.Fatal(vendored, icons, err)
	}
	vendored = append(vendored, icons...)
	for _, path := range vendored {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		name, packed := strings.CutSuffix(strings.TrimPrefix(path, "assets/"), ".gz")
		if packed {
			b = unpacked(t, b)
		}
		sum := sha256.Sum256(b)
		if got := hex.EncodeToString(sum[:]); got != sums[name] {
			t.Errorf("%s has SHA-256 %s, CHECKSUMS says %q", name, got, sums[name])
		}
		if !strings.Contains(string(notice), name) && !strings.Contains(string(notice), filepath.Dir(name)+"/*") {
			t.Errorf("NOTICE.md does not name %s", name)
		}
	}
}

func unpacked(t *testing.T, b []byte) []byte {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	out, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return out
}
