package bounded_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/paywatt/paywatt/internal/bounded"
	"github.com/paywatt/paywatt/internal/tier"
)

// generous are limits that no file of these tests reaches.
var generous = bounded.Limits{Elements: 1000, Depth: 100, Piece: 64 << 10}

// events reads XML, and writes what it found in one line. Neighbouring texts are one, because readers may cut them differently.
func events(in io.Reader, l bounded.Limits) (string, error) {
	x := bounded.NewXML(in, l)
	var out, text strings.Builder
	flush := func() {
		if text.Len() > 0 {
			fmt.Fprintf(&out, "%q ", text.String())
		}
		text.Reset()
	}
	for {
		token, err := x.Next()
		if err != nil {
			flush()
			if errors.Is(err, io.EOF) {
				err = nil
			}
			return out.String(), err
		}
		if token == bounded.Text {
			text.Write(x.Text())
			continue
		}
		flush()
		if token == bounded.End {
			fmt.Fprintf(&out, "/%s ", x.Name())
			continue
		}
		fmt.Fprintf(&out, "%s[%s %s] ", x.Name(), x.Attribute("a"), x.Attribute("b"))
	}
}

// standardEvents is events by the standard library.
func standardEvents(in io.Reader) (string, error) {
	d := xml.NewDecoder(in)
	var out, text strings.Builder
	flush := func() {
		if text.Len() > 0 {
			fmt.Fprintf(&out, "%q ", text.String())
		}
		text.Reset()
	}
	for {
		token, err := d.Token()
		if err != nil {
			flush()
			if errors.Is(err, io.EOF) {
				err = nil
			}
			return out.String(), err
		}
		switch token := token.(type) {
		case xml.CharData:
			text.Write(token)
		case xml.StartElement:
			flush()
			values := map[string]string{}
			for _, a := range token.Attr {
				values[a.Name.Local] = a.Value
			}
			fmt.Fprintf(&out, "%s[%s %s] ", token.Name.Local, values["a"], values["b"])
		case xml.EndElement:
			flush()
			fmt.Fprintf(&out, "/%s ", token.Name.Local)
		}
	}
}

// documents are XML files, right and wrong.
func documents() []string {
	return []string{
		"", " ", "x", "<a/>", "<a></a>", "<a b='c'/>", `<a b="c" a='d e'>f</a>`, "<a\n\tb = 'c'\r\n/>", "<x:a x:b='c'></x:a>", "<a>b<c/>d</a>", "<a><b><c>d</c></b></a>", "<a/><b/>",
		"<a>&lt;&gt;&amp;&apos;&quot;&#65;&#x41;&#x1F600;</a>", "<a b='&lt;&#10;'/>", "<a>x\r\ny\rz</a>", "<a b='x\r\ny'/>", "<a><![CDATA[<b>&amp;]]></a>", "<a><![CDATA[]]]]><![CDATA[>]]></a>",
		"<a><!-- b -->c</a>", "<?xml version='1.0'?><a/>", `<?xml version="1.0" encoding="utf-8"?><a/>`, "<a><?b c?></a>", "<a>é😀</a>", "<é/>", "<a.b-c_d1/>", "<a b=''/>", "<a b='>'/>", "<a b='\"'/>",
		// wrong
		"<", "<a", "<a>", "</a>", "<a></b>", "<a><b></a></b>", "<a b>", "<a b=c/>", "<a b='c/>", "<a 'c'/>", "<a b='<'/>", "<a>&x;</a>", "<a>&</a>", "<a>&#0;</a>", "<a>&#x110000;</a>",
		"<a>&#;</a>", "<a>&#x;</a>", "<a>&#65</a>", "<a>\x00</a>", "<a>\x01</a>", "<a>\xff</a>", "<a>\uffff</a>", "<a>]]></a>", "<a><!-- b -- c --></a>", "<a><!-- b", "<a><![CDATA[ b", "<a><?b", "<1/>", "<-/>",
		"<a><!---></a>", "<?xml version='2.0'?><a/>", "<a/ >", "< a/>", "<a b='c'", "<a></a", "<a></ a>", "<a></a >", "<>", "</>", "<a b='c'd='e'/>", "<a:b></a:c>", "<a:b></b>", "<:a/>", "<a:/>",
	}
}

// TestXMLIsReadAsTheStandardLibraryReadsIt compares both readers on right and wrong files, and on random files made of their pieces, read in large
// pieces and byte by byte.
func TestXMLIsReadAsTheStandardLibraryReadsIt(t *testing.T) {
	files := documents()
	parts := []string{"<a>", "</a>", "<b/>", "<a b='c'>", "<x:a>", "</x:a>", "&amp;", "&", "&#65;", "<!--", "-->", "<![CDATA[", "]]>", "<?", "?>", "'", "\"", ">", "<", "=", " ", "\n", "\r", "é", "\xc3", "]", "-", "x"}
	random := rand.New(rand.NewPCG(tier.Seed(t), 4))
	for range tier.RandomTexts.N() {
		var b strings.Builder
		for range random.IntN(12) {
			b.WriteString(parts[random.IntN(len(parts))])
		}
		files = append(files, b.String())
	}
	for _, file := range files {
		compare(t, file)
	}
}

// compare reads a file with both readers. What follows a fault does not matter.
func compare(t *testing.T, file string) {
	t.Helper()
	want, wrong := standardEvents(strings.NewReader(file))
	got, err := events(strings.NewReader(file), generous)
	single, err2 := events(iotest.OneByteReader(strings.NewReader(file)), generous)
	if got != single || fmt.Sprint(err) != fmt.Sprint(err2) {
		t.Errorf("%q byte by byte: %s %v, want %s %v", file, single, err2, got, err)
	}
	if (err == nil) != (wrong == nil) {
		t.Errorf("%q: %v, want %v", file, err, wrong)
	}
	if err == nil && got != want {
		t.Errorf("%q is read as %s, want %s", file, got, want)
	}
	if err == nil {
		return
	}
	malformed, beyond := (*bounded.Malformed)(nil), (*bounded.TooMuch)(nil)
	if !errors.As(err, &malformed) && !errors.As(err, &beyond) {
		t.Errorf("%q: the error %v has no type", file, err)
	}
}

// FuzzXML compares both readers on any bytes, apart from what only one of them takes: document types, instructions and strange names.
func FuzzXML(f *testing.F) {
	for _, file := range documents() {
		f.Add(file)
	}
	f.Fuzz(func(t *testing.T, file string) {
		if len(file) > 10_000 || strings.Contains(strings.ReplaceAll(strings.ReplaceAll(file, "<!--", ""), "<![CDATA[", ""), "<!") || strings.Contains(file, "<?") {
			return
		}
		for _, c := range file {
			if c >= 0x80 || strings.ContainsRune("$%*+@[\\]^`{|}~\x7f:;,()#!", c) {
				return
			}
		}
		compare(t, file)
	})
}

// TestLimitsOfXML: each limit is one that a file may reach and not pass.
func TestLimitsOfXML(t *testing.T) {
	l := bounded.Limits{Elements: 5, Depth: 3, Piece: 40_000}
	long := strings.Repeat("x", 39_000)
	for name, c := range map[string]struct {
		file string
		of   bounded.Limit // "" for a file within the limits
	}{
		"elements":                   {"<a><b/><b/><b/><b/></a>", ""},
		"too many elements":          {"<a><b/><b/><b/><b/><b/></a>", bounded.Elements},
		"depth":                      {"<a><b><c/></b></a>", ""},
		"too deep":                   {"<a><b><c><d/></c></b></a>", bounded.Depth},
		"a long text":                {"<a>" + long + "</a>", ""},
		"a text that is too long":    {"<a>" + long + long + "</a>", bounded.Piece},
		"a tag that is too long":     {"<a b='" + long + long + "'/>", bounded.Piece},
		"a name that is too long":    {"<" + long + long + "/>", bounded.Piece},
		"an end that is too long":    {"<a></" + long + long + ">", bounded.Piece},
		"a comment that is too long": {"<a><!--" + long + long + "--></a>", bounded.Piece},
		"a section that is too long": {"<a><![CDATA[" + long + long + "]]></a>", bounded.Piece},
		"an instruction too long":    {"<?a " + long + long + "?><a/>", bounded.Piece},
		"texts in several pieces":    {"<a>" + long + "<!---->" + long + "<b/>" + long + "</a>", ""},
	} {
		_, err := events(strings.NewReader(c.file), l)
		beyond := (*bounded.TooMuch)(nil)
		if errors.As(err, &beyond) != (c.of != "") || beyond != nil && beyond.Of != c.of || beyond == nil && err != nil {
			t.Errorf("%s: %v, want the limit %q", name, err, c.of)
		}
	}
}

// TestHalfACharacterIsRefused: the standard library reads the number of half a character of UTF-16 as another one.
func TestHalfACharacterIsRefused(t *testing.T) {
	_, err := events(strings.NewReader("<a>&#xD800;</a>"), generous)
	if wrong := (*bounded.Malformed)(nil); !errors.As(err, &wrong) {
		t.Errorf("read with %v", err)
	}
}

// TestADocumentTypeIsRefused: it could declare entities that contain one another, or files of the server.
func TestADocumentTypeIsRefused(t *testing.T) {
	_, err := events(strings.NewReader(`<!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/passwd">]><a>&e;</a>`), generous)
	if wrong := (*bounded.Malformed)(nil); !errors.As(err, &wrong) || !strings.Contains(wrong.Why, "document type") {
		t.Errorf("read with %v", err)
	}
}

// TestTheFirstLineNamesTheEncoding: what was read ahead is converted too, and a second encoding changes nothing.
func TestTheFirstLineNamesTheEncoding(t *testing.T) {
	upper := func(name string, in io.Reader) (io.Reader, error) {
		if name != "loud" {
			return nil, errors.New("what is " + name)
		}
		all, err := io.ReadAll(in)
		return bytes.NewReader(bytes.ToUpper(all)), err
	}
	l := generous
	l.Charset = upper
	for file, want := range map[string]string{
		`<?xml version="1.0" encoding="loud"?><a>b</a>`:         `A[ ] "B" /A `,
		`<?xml version="1.0" encoding="utf-8"?><a>b</a>`:        `a[ ] "b" /a `,
		`<?xml version="1.0" encoding="quiet"?><a>b</a>`:        `what is quiet`,
		`<?xml encoding="loud"?><a><?xml encoding="loud"?></a>`: `A[ ] /A `,
	} {
		for _, in := range []io.Reader{strings.NewReader(file), iotest.OneByteReader(strings.NewReader(file)), iotest.DataErrReader(strings.NewReader(file))} {
			got, err := events(in, l)
			if err != nil {
				got = err.Error()
			}
			if got != want {
				t.Errorf("%s is read as %s, want %s", file, got, want)
			}
		}
	}
}

// TestSkip reads on behind the element that is left out.
func TestSkip(t *testing.T) {
	x := bounded.NewXML(strings.NewReader("<a><b>1<c/>2</b>\n<d/></a>"), generous)
	for range 2 {
		if _, err := x.Next(); err != nil {
			t.Fatal(err)
		}
	}
	if err := x.Skip(); err != nil || x.Depth() != 1 {
		t.Fatalf("%v, depth %d", err, x.Depth())
	}
	if token, err := x.Next(); token != bounded.Text || err != nil || string(x.Text()) != "\n" {
		t.Errorf("%v %v %q", token, err, x.Text())
	}
	if token, err := x.Next(); token != bounded.Start || err != nil || !x.Is("d") || x.Line() != 2 {
		t.Errorf("%v %v %s line %d", token, err, x.Name(), x.Line())
	}
}

// TestAReaderThatFails: its error is passed on wherever it comes.
func TestAReaderThatFails(t *testing.T) {
	broken := errors.New("the line is down")
	file := `<a b="c">d<!-- e --><![CDATA[f]]><?g?></a>`
	for n := range len(file) {
		_, err := events(io.MultiReader(strings.NewReader(file[:n]), iotest.ErrReader(broken)), generous)
		if !errors.Is(err, broken) {
			t.Errorf("after %q: %v", file[:n], err)
		}
	}
}
